"""From the archive to the plan and back, against a real Orthanc."""

import io
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from planner.config.plan_config import PlanConfig
from planner.fluoro.views import ap_view
from planner.io import load_scan
from planner.io.dicom.seg import write_seg_on_slices
from planner.io.dicom.sr.document import write_measurements
from planner.io.nifti import read_label_nifti
from planner.io.plan_json import load_plan, save_plan
from planner.model.labels import LabelMap
from planner.model.plan import Review
from planner.pipeline.fluoroscopy.files import PictureTarget, write_picture
from planner.pipeline.fluoroscopy.pictures import picture_of
from planner.pipeline.fluoroscopy.scene import scene_of_ct
from planner.report.review_words import review_line
from tests.pacs.archive import Archive
from tests.pacs.conftest import Sent
from tests.pacs.marked_ct import MARKS


@pytest.fixture(autouse=True)
def _ct_only(archive: Archive) -> None:
    archive.forget("SEG", "SR", "OT")


def test_what_is_pulled_is_what_the_scanner_sent(pulled: Path, sent: Sent) -> None:
    assert [entry.name for entry in pulled.parent.iterdir()] == ["ct"]
    files = {path.stem: path for path in (pulled / sent.series).iterdir()}
    assert set(files) == set(sent.files)
    for uid, path in files.items():
        ours, theirs = pydicom.dcmread(path), pydicom.dcmread(io.BytesIO(sent.files[uid]))
        assert ours == theirs
        assert ours.PixelData == theirs.PixelData
        assert ours.file_meta.TransferSyntaxUID == theirs.file_meta.TransferSyntaxUID  # still compressed


def test_a_second_pull_fetches_nothing_and_a_lost_slice_alone(
    archive: Archive, sent: Sent, pulled: Path, tmp_path: Path
) -> None:
    again = archive.run("pull", "--url", archive.url, "--study", sent.study, "-o", pulled)
    assert (again.returncode, f"0 fetched, {len(sent.files)} were there" in again.stdout) == (0, True), again.stderr
    folder = tmp_path / "copy"
    archive.run("pull", "--url", archive.url, "--study", sent.study, "--series", sent.series, "-o", folder)
    lost, cut, *_ = sorted((folder / sent.series).iterdir())
    lost.unlink()
    whole = cut.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    mended = archive.run("pull", "--url", archive.url, "--study", sent.study, "-o", folder)
    assert f"2 fetched, {len(sent.files) - 2} were there" in mended.stdout, mended.stderr
    assert cut.read_bytes() == whole and lost.is_file()
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy"]


def test_a_plan_that_nobody_approved_is_not_sent_without_a_word(archive: Archive, planned: Path) -> None:
    refused = archive.run("push", planned, "--url", archive.url)
    assert refused.returncode == 2
    assert "approve it" in refused.stderr and "--unreviewed" in refused.stderr
    assert set(archive.held()) == {"CT"}


def test_the_objects_are_found_in_the_archive_and_readable(archive: Archive, planned: Path, sent: Sent) -> None:
    done = archive.run("push", planned, "--url", archive.url, "--unreviewed")
    assert done.returncode == 0, done.stderr
    held = archive.held()
    files = [*planned.glob("*.dcm"), *planned.glob("fluoro/*.dcm")]
    assert sum(len(held.get(kind, ())) for kind in ("SEG", "SR", "OT")) == len(files)
    (seg_uid,) = held["SEG"]
    seg = hd.seg.segread(io.BytesIO(archive.file(seg_uid)))
    assert seg.StudyInstanceUID == sent.study and str(seg.PatientName) == MARKS["PatientName"]
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == sent.series
    volume = seg.get_volume(combine_segments=True, relabel=False)
    ours = read_label_nifti(planned / "labels.nii.gz", structures=())
    _assert_same_place(seg, volume, ours, json.loads((planned / "plan.json").read_text())["labels"])
    for uid in held["OT"]:
        picture = pydicom.dcmread(io.BytesIO(archive.file(uid)))
        assert picture.StudyInstanceUID == sent.study and picture.pixel_array.std() > 0
    (report_uid,) = held["SR"]
    report = hd.sr.srread(io.BytesIO(archive.file(report_uid)))
    assert report.StudyInstanceUID == sent.study and report.VerificationFlag == "UNVERIFIED"
    _assert_same_figures(report, json.loads((planned / "plan.json").read_text()))


def _assert_same_place(seg: hd.seg.Segmentation, volume: hd.Volume, ours: LabelMap, table: list[dict]) -> None:
    """Every labelled voxel lies at the same place in LPS with the same name, seen through each file's own geometry."""
    names = {number: seg.get_segment_description(number).tracking_id for number in seg.segment_numbers}
    assert set(names.values()) <= {one["id"] for one in table}
    codes = {one["id"]: one["code"] for one in table}
    seen = 0
    for number, name in names.items():
        cells = np.argwhere(volume.array == number)
        points = volume.map_indices_to_reference(cells)
        index = ours.grid.to_index(points)
        assert np.abs(index - np.rint(index)).max() < 0.01, name
        assert (ours.codes[tuple(np.rint(index).astype(int).T)] == codes[name]).all(), name
        assert len(cells) == np.count_nonzero(ours.codes == codes[name]) > 0, name
        seen += len(cells)
    assert seen == np.count_nonzero(ours.codes)


def _assert_same_figures(report: hd.sr.Comprehensive3DSR, plan: dict) -> None:
    groups = {one.tracking_identifier: one for one in report.content.get_volumetric_roi_measurement_groups()}
    told = {name: {one.name.meaning: one.value for one in group.get_measurements()} for name, group in groups.items()}
    measured = {gap["id"]: gap["volume_ml"] for gap in plan["gaps"]}
    assert any(measured.values())
    for name, volume in measured.items():
        assert told[name].get("Volume") == (None if volume is None else volume["estimate"]), name
    needles = {one.tracking_identifier for one in report.content.get_image_measurement_groups()}
    assert needles >= {way["id"] for way in plan["trajectories"]}


@pytest.fixture
def approved(planned: Path, pulled: Path, tmp_path: Path) -> Path:
    """The objects of the same plan, with a picture, after a person approved it."""
    folder = tmp_path / "approved"
    (folder / "fluoro").mkdir(parents=True)
    plan = load_plan(planned / "plan.json").model_copy(update={"review": Review(state="approved", by="A. Surgeon")})
    save_plan(plan, folder / "plan.json")
    scan = load_scan(pulled)
    codes = read_label_nifti(planned / "labels.nii.gz", structures=plan.labels).codes
    said, seg, files = review_line(plan.review), folder / "labels.seg.dcm", scan.slice_files
    write_seg_on_slices(codes, plan.labels, scan.own_slices, files, seg, plan=plan, description=said)
    write_measurements(plan, folder / "measurements.sr.dcm", segmentation=seg, review=said)
    config = PlanConfig()
    scene = scene_of_ct(scan.volume, config, plan=plan)
    picture = picture_of(scene, ap_view((0.0, 0.0, -30.0), config=config.fluoroscopy), config.fluoroscopy)
    target = PictureTarget(folder / "fluoro" / "a.dcm", slice_files=files)
    write_picture(picture, target, config.fluoroscopy, position="HFP")
    return folder


def test_a_draft_and_the_approved_plan_stay_apart_in_the_archive(
    archive: Archive, planned: Path, approved: Path
) -> None:
    first = archive.run("push", planned, "--url", archive.url, "--unreviewed")
    assert first.returncode == 0 and "other plans" not in first.stderr, first.stderr
    then = archive.run("push", approved, "--url", archive.url)
    assert then.returncode == 0, then.stderr
    kinds = ("labels", "measurements", "simulated fluoroscopy")
    assert all(f"1 x 'UNREVIEWED cement plan: {kind}'" in then.stderr for kind in kinds)
    assert len(then.stderr.splitlines()) == 1 and not any(value in then.stderr for value in MARKS.values())
    described = archive.described()
    assert sorted(described) == sorted(
        [f"{draft}cement plan: {kind}" for kind in kinds for draft in ("UNREVIEWED ", "")]
    )
    held = {uid: text for text, uids in described.items() for uid in uids}
    for folder, draft in ((planned, "UNREVIEWED "), (approved, "")):
        for path in folder.rglob("*.dcm"):
            assert held.pop(pydicom.dcmread(path).SOPInstanceUID).startswith(f"{draft}cement plan")
    assert not held


def test_a_second_push_leaves_one_copy(archive: Archive, planned: Path) -> None:
    archive.run("push", planned, "--url", archive.url, "--unreviewed")
    before = archive.held()
    again = archive.run("push", planned, "--url", archive.url, "--unreviewed")
    assert again.returncode == 0, again.stderr
    assert "stored" not in again.stdout and "was there" in again.stdout
    assert {kind: sorted(uids) for kind, uids in archive.held().items()} == {
        kind: sorted(uids) for kind, uids in before.items()
    }


@contextmanager
def _stalling(archive: Archive, after_bytes: int) -> Iterator[tuple[int, threading.Event]]:
    """A line to the archive on which an upload stands still in the middle."""
    stalled = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket, most: int | None) -> None:
        passed = 0
        try:
            while chunk := source.recv(1 << 14):
                passed += len(chunk)
                if most is not None and passed > most:
                    stalled.set()
                    continue
                target.sendall(chunk)
        except OSError:
            pass
        finally:
            target.close()

    def serve() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", archive.port))
            threading.Thread(target=pump, args=(near, far, after_bytes), daemon=True).start()
            threading.Thread(target=pump, args=(far, near, None), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], stalled
    finally:
        listener.close()


def test_a_killed_push_leaves_nothing_half_written_and_can_be_repeated(archive: Archive, planned: Path) -> None:
    sizes = sorted(path.stat().st_size for path in planned.rglob("*.dcm"))
    with _stalling(archive, after_bytes=(planned / "labels.seg.dcm").stat().st_size + sizes[0]) as (port, stalled):
        command = [sys.executable, "-m", "planner.cli", "push", planned, "--unreviewed"]
        command += ["--url", f"http://127.0.0.1:{port}/dicom-web"]
        with subprocess.Popen(
            command, env=archive.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            assert stalled.wait(60)
            process.kill()
    part = archive.held()
    assert len(part["SEG"]) == 1 and 1 + len(part.get("OT", ())) + len(part.get("SR", ())) < len(sizes)
    for uid in (*part["SEG"], *part.get("OT", ())):
        assert pydicom.dcmread(io.BytesIO(archive.file(uid))).SOPInstanceUID == uid
    again = archive.run("push", planned, "--url", archive.url, "--unreviewed")
    assert again.returncode == 0, again.stderr
    held = archive.held()
    everything = [uid for kind in ("SEG", "SR", "OT") for uid in held.get(kind, ())]
    assert len(everything) == len(set(everything)) == len(sizes)


def test_a_study_of_another_patient_takes_nothing(archive: Archive, planned: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "plan.json").write_bytes((planned / "plan.json").read_bytes())
    dataset = pydicom.dcmread(planned / "labels.seg.dcm")
    dataset.PatientID = "SOMEBODY-ELSE"
    dataset.save_as(folder / "labels.seg.dcm")
    refused = archive.run("push", folder, "--url", archive.url, "--unreviewed")
    assert refused.returncode == 6 and "another patient" in refused.stderr
    assert "SOMEBODY" not in refused.stderr and MARKS["PatientID"] not in refused.stderr
    assert set(archive.held()) == {"CT"}


@pytest.mark.parametrize("way", ["stdin", "environment", "typed"])
def test_a_patient_s_series_are_found_and_judged(archive: Archive, sent: Sent, way: str) -> None:
    words = {"stdin": ("--patient-id", "-"), "environment": (), "typed": ("--patient-id", MARKS["PatientID"])}[way]
    more = {"CEMENT_PLANNER_PATIENT_ID": MARKS["PatientID"]} if way == "environment" else {}
    stdin = f"{MARKS['PatientID']}\n" if way == "stdin" else ""
    done = archive.run("pull", "--url", archive.url, "--find", *words, "--json", stdin=stdin, **more)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["series_instance_uid"], found["instances"]) == (sent.series, len(sent.files))
    assert (found["hindrance"], found["slice_thickness_mm"], found["study_date"]) == (None, 1.0, "20240229")
    assert not any(value in done.stdout + done.stderr for value in MARKS.values())


@pytest.mark.parametrize(
    "words",
    [
        ("--patient-id", "zz9markpatid"),
        ("--patient-id", "Zz9MarkPat"),
        ("--accession", "4711"),
        ("--date", "20240301"),
        ("--patient-id", MARKS["PatientID"], "--modality", "MR"),
    ],
)
def test_what_was_not_asked_for_is_not_found(archive: Archive, sent: Sent, words: tuple[str, ...]) -> None:
    done = archive.run("pull", "--url", archive.url, "--find", *words)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_series_that_is_not_there_is_said_in_one_line(archive: Archive, sent: Sent, tmp_path: Path) -> None:
    for words, said in (
        (("--study", "1.2.3"), "knows no such study"),
        (("--study", sent.study, "--series", "1.2.3"), "holds no series 1.2.3"),
    ):
        done = archive.run("pull", "--url", archive.url, *words, "-o", tmp_path / "ct")
        assert done.returncode == 3 and said in done.stderr and len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_wrong_credentials_are_refused_and_not_shown(archive: Archive, sent: Sent, tmp_path: Path) -> None:
    words = ("pull", "--url", archive.url, "--study", sent.study, "-o", tmp_path / "ct")
    wrong = archive.run(*words, CEMENT_PLANNER_DICOMWEB_PASSWORD="Zz9Secret")
    assert wrong.returncode == 3 and "refuses these credentials (401)" in wrong.stderr
    assert "Zz9Secret" not in wrong.stderr + wrong.stdout
    others = {name: value for name, value in os.environ.items() if not name.startswith("CEMENT_PLANNER")}
    none = subprocess.run(
        [sys.executable, "-m", "planner.cli", *map(str, words)], capture_output=True, text=True, env=others, check=False
    )
    assert none.returncode == 3 and "CEMENT_PLANNER_DICOMWEB_TOKEN" in none.stderr
