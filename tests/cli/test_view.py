"""``cement-planner view``: what is refused before a window opens, and how the viewer is started."""

import importlib.util
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import planner
from planner.cli import main
from planner.geometry.grid import Grid
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.plan_json import save_plan
from planner.model.plan import Plan, Review, Series, Software
from planner.model.volume import Volume


@pytest.fixture
def started(monkeypatch):
    calls = []

    def run(words, **options):
        calls.append(words)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("DISPLAY", ":0")
    return calls


@pytest.fixture
def installed(monkeypatch):
    names = {"napari", "napari_cement", "qtpy", "PySide6"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in names else None)
    return names


@pytest.fixture
def plan_folder(tmp_path):
    series = Series(
        series_instance_uid=None,
        frame_of_reference_uid=None,
        shape_zyx=(2, 2, 2),
        spacing_mm=(1.0, 1.0, 1.0),
        patient_position=None,
        hu_min=0.0,
        hu_max=1.0,
        hu_clipped_at=None,
    )
    software = Software(name="cement-planner", version="0")
    plan = Plan(
        software=software, review=Review(), series=series, treatment_position=None, settings_sha256="0" * 64
    )  # fmt: skip
    folder = tmp_path / "out"
    folder.mkdir()
    save_plan(plan, folder / "plan.json")
    return folder


@pytest.fixture
def ct_folder(tmp_path):
    hu = np.full((6, 16, 16), 40, np.int16)
    hu[:, :4] = -1000
    write_ct_series(
        Volume(Grid(hu.shape, np.eye(4)[[2, 1, 0, 3]]), hu), tmp_path / "ct", identity=SeriesIdentity(seed="v")
    )
    return tmp_path / "ct"


def test_a_plan_and_a_ct_are_handed_to_a_process_of_its_own(started, installed, plan_folder, ct_folder):
    assert main(["view", str(plan_folder), "--ct", str(ct_folder)]) == 0
    assert main(["view", str(ct_folder), "--series", "1.2.3"]) == 0
    assert started == [
        [sys.executable, "-m", "napari_cement", str(plan_folder), "--ct", str(ct_folder)],
        [sys.executable, "-m", "napari_cement", str(ct_folder), "--series", "1.2.3"],
    ]


@pytest.mark.parametrize("missing", ["napari", "napari_cement", "qtpy", "PySide6"])
def test_without_napari_or_qt_it_says_what_to_install(started, installed, plan_folder, capsys, missing):
    installed.remove(missing)
    assert main(["view", str(plan_folder)]) == 2
    told = capsys.readouterr().err
    assert "pip install 'periprosthetic-cement-planner[napari-all]'" in told
    assert told.count("\n") == 1
    assert not started


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no DISPLAY")
def test_without_a_screen_it_says_so(started, installed, plan_folder, capsys, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main(["view", str(plan_folder)]) == 2
    assert "no screen" in capsys.readouterr().err
    assert not started


def test_what_cannot_be_shown_is_refused_before_a_window_opens(started, installed, plan_folder, ct_folder, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("x")
    assert main(["view", str(tmp_path / "nothing")]) == 3
    assert main(["view", str(tmp_path / "letters")]) == 3
    assert main(["view", str(plan_folder), "--ct", str(tmp_path / "letters")]) == 3
    assert main(["view", str(ct_folder), "--ct", str(ct_folder)]) == 2
    assert main(["view", str(plan_folder), "--series", "1.2.3"]) == 2
    (plan_folder / "plan.json").write_text("{}")
    assert main(["view", str(plan_folder)]) == 3
    assert not started


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "cement-planner/plan/0"}, "older schema 0, this program reads 1; plan again on the same CT"),
        ({"schema": "cement-planner/plan/2"}, "schema is '2', this program reads 1; update the program"),
        ({"schema": "another/3"}, "names no schema cement-planner/plan/1"),
        ({"a_later_field": 1}, "field a_later_field is not known here: it was made by version '0'; update the program"),
    ],
)
def test_a_plan_of_another_schema_says_what_to_do_in_one_line(installed, started, plan_folder, capsys, change, words):
    document = json.loads((plan_folder / "plan.json").read_text())
    (plan_folder / "plan.json").write_text(json.dumps(document | change))
    assert main(["view", str(plan_folder)]) == 3
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and not started


def test_the_schema_is_printed(capsys):
    assert main(["schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == planner.plan_schema() and printed["title"] == "cement-planner/plan/1"
