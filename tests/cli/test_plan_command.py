"""The main job from the command line, on the lumbar sample."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import highdicom as hd
import jsonschema
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import trimesh
from PIL import Image

from planner.io.plan_schema import plan_schema
from tests.dicom3tools import needs_dciodvfy
from tests.unit.io.slicer.test_scene import check_scene
from tests.unit.report import printing

SAMPLES = Path(__file__).resolve().parents[2] / "sample_dicoms"
COMMAND = [sys.executable, "-m", "planner.cli"]


def _run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, words)], capture_output=True, text=True, check=False, timeout=400)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    out = tmp_path_factory.mktemp("plan") / "out"
    return out, _run("plan", SAMPLES / "lumbar", "-o", out, "--json")


def test_the_folder_is_whole(planned: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, result = planned
    assert result.returncode == 0, result.stderr
    names = {entry.name for entry in out.iterdir()}
    assert names == {
        "plan.json",
        "report.html",
        "labels.nii.gz",
        "labels.seg.dcm",
        "measurements.sr.dcm",
        "labels.seg.nrrd",
        "trust.nii.gz",
        "trajectories.mrk.json",
        "scene.mrml",
        "open_in_slicer.py",
        "slicer",
        "volumes.csv",
        "unwrapped.csv",
        "surfaces",
        "flow",
        "fluoro",
    }
    assert [entry.name for entry in out.parent.iterdir()] == ["out"]
    assert len(list((out / "fluoro").glob("*.png"))) >= 9
    assert (out / "surfaces" / "bone.stl").stat().st_size > 1000


def test_every_surface_is_closed_and_as_near_as_it_says(
    planned: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder = planned[0] / "surfaces"
    listed = json.loads((folder / "surfaces.json").read_text())["surfaces"]
    plan = json.loads((planned[0] / "plan.json").read_text())
    assert {one["id"] for one in listed} >= {thing["id"] for thing in (*plan["implants"], *plan["gaps"])} | {"bone"}
    reduced = [one for one in listed if one["triangles"] < one["triangles_before"]]
    assert len(reduced) > 0.7 * len(listed), "most could be made smaller"
    for one in listed:
        assert one["watertight"] is True and one["deviation_max_mm"] <= 0.15
        mesh = trimesh.load(folder / f"{one['id']}.stl")
        assert mesh.is_watertight and mesh.is_winding_consistent and mesh.volume > 0.0, one["id"]
    for gap in plan["gaps"]:
        mesh = trimesh.load(folder / f"{gap['id']}.obj")
        assert mesh.is_watertight and mesh.center_mass == pytest.approx(gap["centroid_lps"], abs=1.5)
    scene = trimesh.load(folder / "plan.glb")
    assert set(scene.geometry) == {one["id"] for one in listed if one["in_glb"]}
    assert all(mesh.is_watertight and mesh.volume > 0.0 for mesh in scene.geometry.values())


def test_the_slicer_scene_holds_the_plans_needles_labels_and_surfaces(
    planned: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, _ = planned
    plan = json.loads((out / "plan.json").read_text())
    shown = check_scene(out)
    assert set(shown) >= {t["id"] for t in plan["trajectories"]} | {g["id"] for g in plan["gaps"]}
    proposed = {name for one in plan["procedure"]["sets"] for name in one["trajectory_ids"]}
    drawn = {t["id"] for t in plan["trajectories"] if shown[t["id"]][0]["visibility"] == "true"}
    assert drawn == proposed
    segments = sitk.ReadImage(str(out / "labels.seg.nrrd"))
    names = {segments.GetMetaData(k) for k in segments.GetMetaDataKeys() if k.endswith("_Name")}
    assert names == {label["id"] for label in plan["labels"]}
    labels = sitk.ReadImage(str(out / "labels.nii.gz"))
    assert np.array_equal(sitk.GetArrayViewFromImage(segments), sitk.GetArrayViewFromImage(labels))
    assert segments.GetOrigin() == pytest.approx(labels.GetOrigin(), abs=1e-3)


def test_stdout_is_plan_json_and_nothing_else(planned: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, result = planned
    document = json.loads(result.stdout)
    assert document == json.loads((out / "plan.json").read_text())
    timings = document["timings_s"]
    assert next(iter(timings)) == "load" and 0.0 < timings["load"] < timings["total"]
    assert timings["total"] == pytest.approx(sum(took for step, took in timings.items() if step != "total"))
    jsonschema.validate(document, plan_schema())
    assert result.stderr == ""


@needs_dciodvfy
def test_dciodvfy_finds_no_error_in_any_dicom_object(
    planned: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, _ = planned
    objects = [*out.glob("*.dcm"), *out.glob("fluoro/*.dcm")]
    assert len(objects) >= 8
    for path in objects:
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False, timeout=60)
        assert [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line] == [], path.name


def test_the_report_for_archives_tells_the_plans_figures(
    planned: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, _ = planned
    document = json.loads((out / "plan.json").read_text())
    content = hd.sr.srread(out / "measurements.sr.dcm").content
    groups = {group.tracking_identifier: group for group in content.get_volumetric_roi_measurement_groups()}
    for gap in document["gaps"]:
        volume = next(m for m in groups[gap["id"]].get_measurements() if m.name.meaning == "Volume")
        assert volume.value == gap["volume_ml"]["estimate"]
    needles = {group.tracking_identifier for group in content.get_image_measurement_groups()}
    assert needles >= {way["id"] for way in document["trajectories"]}


def test_labels_lie_on_the_ct(planned: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, _ = planned
    labels = sitk.ReadImage(str(out / "labels.nii.gz"))
    document = json.loads((out / "plan.json").read_text())
    assert list(labels.GetSize())[::-1] == document["series"]["shape_zyx"]
    gap = document["gaps"][0]
    code = next(s["code"] for s in document["labels"] if s["id"] == gap["id"])
    stats = sitk.LabelShapeStatisticsImageFilter()
    stats.Execute(sitk.Cast(labels, sitk.sitkUInt16))
    # SimpleITK's world is LPS too: the label's centroid is the gap's.
    assert stats.GetCentroid(code) == pytest.approx(gap["centroid_lps"], abs=1.5)


def test_the_unwrapped_widths_lie_where_the_gaps_are_painted(
    planned: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, _ = planned
    document = json.loads((out / "plan.json").read_text())
    image = sitk.ReadImage(str(out / "labels.nii.gz"))
    rows = list(csv.DictReader((out / "unwrapped.csv").read_text().splitlines()))
    assert {row["implant_id"] for row in rows} == {
        i["id"] for i in document["implants"] if i["kind"] == "pedicle_screw"
    }
    for gap in document["gaps"]:
        axis = next(i["axis"] for i in document["implants"] if i["id"] == gap["implant_id"])
        code = next(s["code"] for s in document["labels"] if s["id"] == gap["id"])
        head, tip = np.array(axis["head_lps"]), np.array(axis["tip_lps"])
        way = (tip - head) / np.linalg.norm(tip - head)
        # these screws lie: 0 degrees is cranial, and 90 is clockwise of it as seen from the head
        zero = np.array([0.0, 0.0, 1.0]) - way[2] * way
        zero /= np.linalg.norm(zero)
        quarter = np.cross(way, zero)
        own = [r for r in rows if r["implant_id"] == gap["implant_id"] and r["zone"] != "screw-tip"]
        wide = [r for r in own if r["width_mm"] and float(r["width_mm"]) > 1.2]
        assert wide
        assert all(r["read"] == "1" and float(r["width_sd_mm"]) > 0.0 for r in wide)
        hits = 0
        for row in wide:
            turn = np.radians(float(row["round_deg"]))
            off = axis["diameter_mm"] / 2.0 + float(row["width_mm"]) / 2.0
            at = head + float(row["along_mm"]) * way + off * (np.cos(turn) * zero + np.sin(turn) * quarter)
            hits += image.GetPixel(image.TransformPhysicalPointToIndex(at.tolist())) == code
        assert hits / len(wide) > 0.9, gap["id"]


def test_nothing_names_the_patient(planned: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, _ = planned
    for path in (out / "plan.json", out / "report.html", out / "volumes.csv", out / "trajectories.mrk.json"):
        assert "Phantom^" not in path.read_text()
        assert "PHANTOM" not in path.read_text()


def test_volume_says_the_same_as_the_plan(planned: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    out, _ = planned
    result = _run("volume", SAMPLES / "lumbar", "--json")
    assert result.returncode == 0, result.stderr
    plan, gaps = json.loads((out / "plan.json").read_text()), json.loads(result.stdout)
    assert [gap["volume_ml"] for gap in gaps] == [gap["volume_ml"] for gap in plan["gaps"]]
    implants = {implant["id"]: implant for implant in plan["implants"]}
    for gap in gaps:
        whose = implants[gap["implant_id"]]
        assert (gap["side"], gap["implant_kind"], gap["loosening"]) == (
            whose["side"], whose["kind"], whose["loosening"]
        )  # fmt: skip


def test_a_proposed_needle_is_judged_safe_and_one_through_the_canal_is_not(
    planned: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    out, _ = planned
    document = json.loads((out / "plan.json").read_text())
    needle = next(t for t in document["trajectories"] if not t["slides_along_implant"] and t["entry_skin_lps"])
    point = {name: ",".join(f"{v:.2f}" for v in needle[name]) for name in ("entry_skin_lps", "target_lps")}
    own = ["--entry=" + point["entry_skin_lps"], "--target=" + point["target_lps"]]
    good = _run("check", SAMPLES / "lumbar", *own, "--json")
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["safe"] is True
    x, y, z = needle["target_lps"]
    across = f"--entry={-2 * x:.1f},{y + 55:.1f},{z:.1f}"
    bad = _run("check", SAMPLES / "lumbar", across, own[1], "--json")
    assert bad.returncode == 0, bad.stderr
    assert any("canal" in violation for violation in json.loads(bad.stdout)["violations"])


def test_fluoroscopy_writes_one_picture(tmp_path: Path) -> None:
    picture = tmp_path / "view.png"
    words = ["fluoro", SAMPLES / "lumbar", "--primary", "30", "--secondary=-5", "-o", picture]
    result = _run(*words)
    assert result.returncode == 0, result.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert _run(*words).returncode == 2
    assert _run("fluoro", SAMPLES / "lumbar", "--primary", "300", "--secondary", "0", "-o", picture).returncode == 2


def test_fluoroscopy_of_a_plan_looks_down_its_needle_and_lays_the_plan_over_it(
    planned: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    out, _ = planned
    document = json.loads((out / "plan.json").read_text())
    needle = next(t for t in document["trajectories"] if t["rank"] == 1)
    words = ["fluoro", SAMPLES / "lumbar", "--plan", out, "--view", needle["id"]]
    picture, layers = tmp_path / "view.dcm", tmp_path / "layers"
    result = _run(*words, "-o", picture, "--layers", layers)
    assert result.returncode == 0, result.stderr
    seen = needle["bulls_eye"]
    assert f"({seen['primary_deg']:.1f} / {seen['secondary_deg']:.1f})" in result.stdout
    assert f"at the console {seen['console_primary_deg']:.1f} / {seen['console_secondary_deg']:.1f}" in result.stdout
    written = pydicom.dcmread(picture)
    assert written.PositionerPrimaryAngle == pytest.approx(seen["primary_deg"], abs=1e-3)
    assert written.PositionerSecondaryAngle == pytest.approx(seen["secondary_deg"], abs=1e-3)
    ct = pydicom.dcmread(next((SAMPLES / "lumbar").iterdir()), stop_before_pixels=True)
    assert (written.StudyInstanceUID, written.PatientName) == (ct.StudyInstanceUID, ct.PatientName)
    planes = {str(e.value) for e in written if e.keyword == "OverlayLabel" or e.tag.element == 0x1500}
    assert any(needle["id"] in plane for plane in planes), planes
    assert {f"needle-{needle['id']}.png", f"{needle['gap_id']}.png"} <= {file.name for file in layers.iterdir()}
    # The console's angles lead to the same view.
    dialled = ["--primary", seen["console_primary_deg"], "--secondary", seen["console_secondary_deg"], "--console"]
    again = _run("fluoro", SAMPLES / "lumbar", "--plan", out, *dialled, "-o", tmp_path / "again.png")
    assert again.returncode == 0, again.stderr
    assert again.stdout.split(":")[1].split(";")[0] == result.stdout.split(":")[1].split(";")[0]


def test_a_plan_of_another_ct_is_not_drawn(
    planned: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    out, _ = planned
    picture = tmp_path / "view.png"
    result = _run("fluoro", SAMPLES / "thoracic", "--plan", out, "--view", "ap", "-o", picture)
    assert result.returncode == 3
    assert "another CT" in result.stderr
    assert not picture.exists()


def test_a_turn_of_the_c_arm_is_a_moving_picture(tmp_path: Path) -> None:
    moving = tmp_path / "turn.webp"
    small = tmp_path / "small.toml"
    small.write_text("[fluoroscopy]\nrows = 96\ncolumns = 96\npixel_mm = 3.0\n")
    words = ["fluoro", SAMPLES / "lumbar", "--view", "ap", "--turn", "40", "--settings", small, "-o", moving]
    result = _run(*words)
    assert result.returncode == 0, result.stderr
    with Image.open(moving) as picture:
        assert picture.n_frames == 16
    frames = _run(*words[:-1], tmp_path / "turn.dcm")
    assert frames.returncode == 0, frames.stderr
    assert pydicom.dcmread(tmp_path / "turn.dcm").NumberOfFrames == 16


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "x.png"], "which way the C-arm looks"),
        (["--primary", "3", "-o", "x.png"], "which way the C-arm looks"),
        (["--view", "ap", "--primary", "3", "-o", "x.png"], "either --view or"),
        (["--view", "ap", "-o", "x.jpg"], "none of .png"),
        (["--view", "ap", "-o", "x.webp"], "a turn is written as"),
        (["--view", "ap", "--turn", "60", "-o", "x.png"], "a turn is written as"),
        (["--view", "ap", "--turn", "900", "-o", "x.webp"], "1 to 360 degrees"),
        (["--view", "ap", "--turn", "60", "--layers", "x.layers", "-o", "x.webp"], "a turn has no layers"),
        (["--view", "ap", "-o", "x.nowhere/view.png"], "there is no folder"),
        (["--view", "true-lateral", "-o", "x.png"], "give --plan OUT"),
        (["--view", "ap", "--console", "-o", "x.png"], "--console says how"),
        (["--primary", "3", "--secondary", "0", "--console", "-o", "x.png"], "give --treatment-position"),
        (["--view", "ap", "--shutters", "80", "-o", "x.png"], "80x120"),
        (["--view", "ap", "--plan", "nowhere", "-o", "x.png"], "holds no plan.json"),
        (["--view", "ap", "--rotate", "500", "-o", "x.png"], "rotat"),
    ],
)
def test_fluoroscopy_words_that_make_no_sense_are_refused_in_one_line(
    words: list[str], said: str, tmp_path: Path
) -> None:
    words = [str(tmp_path / word) if word.startswith("x.") else word for word in words]
    result = _run("fluoro", SAMPLES / "lumbar", *words)
    assert result.returncode == 2, result.stderr
    assert said in result.stderr.strip().splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "who"), [(signal.SIGINT, "stopped by the user;"), (signal.SIGTERM, "stopped;")])
def test_a_stopped_run_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, who: str) -> None:
    out = tmp_path / "out"
    process = subprocess.Popen(
        [*COMMAND, "plan", str(SAMPLES / "lumbar"), "-o", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        # A test run in a shell's background has its interrupts ignored, and its children would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    time.sleep(3.0)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 5, said
    assert said.strip().splitlines()[-1].startswith(f"cement-planner: {who}")
    assert list(tmp_path.iterdir()) == []


_INTERRUPTED_IN_EXEC = """
import sys
import planner.cli.inspect
from planner.cli import main
source = "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(5)"
planner.cli.inspect.run = lambda arguments: exec(source)
sys.exit(main(["inspect", "."]))
"""


def test_a_run_stopped_inside_exec_ends_with_its_own_code_too(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text(_INTERRUPTED_IN_EXEC, encoding="utf-8")
    result = subprocess.run(
        # As a module: only so does the interpreter look, at its end, for an interrupt that passed.
        [sys.executable, "-m", "interrupted"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert result.returncode == 5, result.stderr
    assert result.stderr.startswith("cement-planner: stopped by the user;")


@pytest.mark.skipif(not printing.IS_THERE and printing.MAY_SKIP, reason="Chromium and pdftotext are not installed")
def test_the_report_prints_with_its_sheet_on_the_first_page(
    planned: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    out, _ = planned
    printed = printing.print_report((out / "report.html").read_text(), tmp_path, "A4")
    assert "Kits: 1 of" in printed.text(1) and "gap-1 ·" in printed.head(2)
    assert printed.asked == () and "CONSOLE" not in printed.said
    assert printing.outside(printed, "A4") == [] and printing.lost_words(printed) == {}
