"""Runs in the background: results, stopping in mid-run, stale results, faults."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from napari.qt.threading import WorkerBase

import planner.pipeline
from napari_cement._focus import focus_of
from napari_cement._layers import origin_of
from napari_cement._session import CementSession
from napari_cement.drawn.plan_layers import UNREADABLE_LAYER
from napari_cement.widgets.slices import SliceViews
from planner.config.plan_config import PlanConfig
from planner.errors import NoImplantError
from planner.geometry.frames import point_tuple
from planner.geometry.grid import Grid
from planner.io.nifti import write_label_nifti
from planner.io.plan_json import save_plan
from planner.model.labels import LabelMap
from planner.model.scan import StoredSlices
from planner.model.volume import Mask
from planner.progress import Progress, check_cancelled

PATIENCE_MS = 60_000


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def session(viewer):
    session = CementSession(viewer)
    yield session
    session.cancel()
    WorkerBase.await_workers(PATIENCE_MS)


class Planner:
    """Stands in for the pipeline; each run waits for its gate, looking at the monitor meanwhile."""

    def __init__(self, *results):
        self.results = list(results)
        self.gates = [threading.Event() for _ in results]
        self.begun = [threading.Event() for _ in results]
        self.stopped = []
        self.deaf = False
        self.runs = 0

    def __call__(self, scan, config, *, monitor):
        run = self.runs
        self.runs += 1
        monitor.report(Progress("finding implants", 1, 3))
        self.begun[run].set()
        while not self.gates[run].wait(0.01):
            if not self.deaf and monitor.cancelled():
                self.stopped.append(run)
                check_cancelled(monitor)
        if isinstance(self.results[run], Exception):
            raise self.results[run]
        return self.results[run]


@pytest.fixture
def stand_in(monkeypatch):
    def put(*results):
        made = Planner(*results)
        monkeypatch.setattr(planner.pipeline, "plan_scan", made)
        return made

    return put


def case_of(plan, labels, trust=None):
    return SimpleNamespace(plan=plan, labels=labels, trust=trust)


def test_a_plan_is_laid_over_the_ct_with_its_progress(qtbot, session, viewer, scan, plan, labels, stand_in):
    run = stand_in(case_of(plan, labels))
    seen = []
    session.progressed.connect(seen.append)
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS) as told:
        session.plan(scan)
        assert session.is_running
        run.gates[0].set()
    assert told.args == [plan]
    assert Progress("finding implants", 1, 3) in seen
    assert not session.is_running
    assert "gaps" in viewer.layers
    assert "UNREVIEWED" in viewer.canvas.overlays.text.text


def test_what_artefacts_leave_unreadable_is_laid_over_the_ct(qtbot, session, viewer, scan, plan, labels, stand_in):
    blind = np.zeros(scan.volume.grid.shape, dtype=bool)
    blind[10:20, 10:20, 10:20] = True
    run = stand_in(case_of(plan, labels, SimpleNamespace(unreadable=Mask(scan.volume.grid, blind))))
    run.gates[0].set()
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        session.plan(scan)
    assert np.count_nonzero(viewer.layers["unreadable by metal artefacts"].data) == 1000


def test_the_artefact_reduced_scan_lies_hidden_over_the_measured_one(
    qtbot, session, viewer, scan, monkeypatch, tmp_path
):
    monkeypatch.setattr("napari_cement._session.load_scans", lambda path, **_: (scan, scan))
    with qtbot.waitSignal(session.loaded, timeout=PATIENCE_MS):
        session.load(tmp_path)
    assert [layer.visible for layer in viewer.layers] == [True, False]
    assert "for display only" in viewer.layers[1].name
    assert viewer.layers.selection.active is viewer.layers[0]
    assert [origin_of(layer).scan for layer in viewer.layers] == [scan, None]


def test_a_second_plan_takes_the_place_of_the_first(qtbot, session, viewer, scan, plan, labels, stand_in):
    run = stand_in(case_of(plan, labels), case_of(plan, labels))
    for gate in run.gates:
        gate.set()
        with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
            session.plan(scan)
    assert [layer.name for layer in viewer.layers].count("gaps") == 1


def test_cancel_stops_the_run_in_the_middle_and_leaves_nothing(qtbot, session, viewer, scan, plan, labels, stand_in):
    run = stand_in(case_of(plan, labels))
    planned = []
    session.planned.connect(planned.append)
    session.plan(scan)
    qtbot.waitUntil(run.begun[0].is_set, timeout=PATIENCE_MS)
    with qtbot.waitSignal(session.stopped, timeout=PATIENCE_MS):
        session.cancel()
    assert not session.is_running
    qtbot.waitUntil(lambda: run.stopped == [0], timeout=PATIENCE_MS)
    WorkerBase.await_workers(PATIENCE_MS)
    qtbot.wait(50)
    assert not planned
    assert len(viewer.layers) == 0


def test_a_stale_result_is_dropped(qtbot, session, viewer, scan, plan, labels, stand_in):
    """The first run does not hear that it was stopped, and comes back after the second."""
    other = plan.model_copy(update={"treatment_position": "HFS"})
    run = stand_in(case_of(plan, labels), case_of(other, labels))
    run.deaf = True
    planned = []
    session.planned.connect(planned.append)
    session.plan(scan)
    qtbot.waitUntil(run.begun[0].is_set, timeout=PATIENCE_MS)
    session.plan(scan)
    run.gates[1].set()
    qtbot.waitUntil(lambda: planned == [other], timeout=PATIENCE_MS)
    run.gates[0].set()
    WorkerBase.await_workers(PATIENCE_MS)
    qtbot.wait(50)
    assert planned == [other]


def test_a_result_that_comes_after_cancel_is_dropped(qtbot, session, viewer, scan, plan, labels, stand_in):
    run = stand_in(case_of(plan, labels))
    run.deaf = True
    session.plan(scan)
    qtbot.waitUntil(run.begun[0].is_set, timeout=PATIENCE_MS)
    session.cancel()
    run.gates[0].set()
    WorkerBase.await_workers(PATIENCE_MS)
    qtbot.wait(50)
    assert len(viewer.layers) == 0


def test_an_error_is_told_in_the_users_words(qtbot, session, viewer, scan, stand_in):
    run = stand_in(NoImplantError("no orthopaedic implant: nothing in this CT is as bright as metal"))
    run.gates[0].set()
    with qtbot.waitSignal(session.failed, timeout=PATIENCE_MS) as told:
        session.plan(scan)
    assert told.args == ["no orthopaedic implant: nothing in this CT is as bright as metal"]
    assert not session.is_running
    assert len(viewer.layers) == 0


def test_a_fault_of_the_program_keeps_its_traceback(qtbot, session, scan, stand_in):
    run = stand_in(ZeroDivisionError("oh"))
    run.gates[0].set()
    told = []
    session.failed.connect(told.append)
    with qtbot.capture_exceptions() as raised:
        session.plan(scan)
        qtbot.waitUntil(lambda: bool(raised), timeout=PATIENCE_MS)
    assert raised[0][0] is ZeroDivisionError
    assert "fault of the program" in told[0]
    assert not session.is_running


def test_an_input_that_is_not_there_is_told(qtbot, session, tmp_path):
    with qtbot.waitSignal(session.failed, timeout=PATIENCE_MS) as told:
        session.load(tmp_path / "nothing")
    assert "nothing" in told.args[0]


@pytest.fixture
def plan_folder(tmp_path, plan, labels):
    folder = tmp_path / "out"
    folder.mkdir()
    save_plan(plan, folder / "plan.json")
    write_label_nifti(labels, folder / "labels.nii.gz")
    return folder


@pytest.mark.parametrize("is_there", [True, False])
def test_a_plan_folder_shows_what_metal_artefacts_hide_or_says_that_it_is_not_known(
    qtbot, session, viewer, plan_folder, plan, labels, scan, monkeypatch, is_there
):
    monkeypatch.setattr("planner.station.keeping.plan_folder.load_scan", lambda *args, **options: scan)
    cuts = SliceViews(viewer)
    qtbot.addWidget(cuts)
    save_plan(plan.model_copy(update={"settings_sha256": PlanConfig().sha256()}), plan_folder / "plan.json")
    if is_there:
        percent = np.full(labels.grid.shape, 100, np.uint8)
        percent[10:20, 12:22, 14:24] = 3
        write_label_nifti(LabelMap(labels.grid, percent, ()), plan_folder / "trust.nii.gz")
    with qtbot.waitSignal(session.planned, timeout=20_000):
        session.load_plan(plan_folder, ct=plan_folder)
    assert (UNREADABLE_LAYER[1] in [layer.name for layer in viewer.layers]) is is_there
    focus_of(viewer).set_cursor(point_tuple(labels.grid.to_lps((15, 17, 19))))
    said = "unreadable by metal artefacts" if is_there else "not known where metal artefacts make the CT unreadable"
    assert cuts.readout.text().endswith(said)
    assert (cuts.views[0]._content.unreadable is not None) is is_there


def test_a_plan_folder_is_laid_over_its_ct(qtbot, session, viewer, plan_folder, scan, monkeypatch):
    monkeypatch.setattr("planner.station.keeping.plan_folder.load_scan", lambda *args, **options: scan)
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        session.load_plan(plan_folder, ct=plan_folder)
    names = [layer.name for layer in viewer.layers]
    assert names[0] == "CT out"
    assert "bone" not in names, "the CT shows it"


def test_labels_on_leaning_slices_fit_the_ct_that_was_resampled(
    qtbot, session, viewer, plan_folder, plan, labels, scan, monkeypatch
):
    """Labels are written on the file's own slices; the CT that is loaded stands upright."""
    leaning = labels.grid.lps_from_index.copy()
    leaning[1, 0] += 0.2
    own = Grid(labels.grid.shape, leaning, labels.grid.frame_of_reference_uid)
    write_label_nifti(LabelMap(own, labels.codes, labels.structures), plan_folder / "labels.nii.gz")
    loaded = replace(scan, stored=StoredSlices.of_grid(own))
    monkeypatch.setattr("planner.station.keeping.plan_folder.load_scan", lambda *args, **options: loaded)
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        session.load_plan(plan_folder, ct=plan_folder)
    assert {"CT out", "gaps"} <= {layer.name for layer in viewer.layers}


def test_another_ct_below_a_plan_is_refused(qtbot, session, viewer, plan_folder, scan, monkeypatch):
    other = type(scan)(scan.volume.crop((0, 0, 0), (20, 20, 20)), scan.series)
    monkeypatch.setattr("planner.station.keeping.plan_folder.load_scan", lambda *args, **options: other)
    with qtbot.waitSignal(session.failed, timeout=PATIENCE_MS) as told:
        session.load_plan(plan_folder, ct=plan_folder)
    assert "is not the CT that this plan was made from" in told.args[0]
    assert len(viewer.layers) == 0


def test_flying_to_a_needle_shows_it(qtbot, session, viewer, plan_folder):
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        session.load_plan(plan_folder)
    layer = viewer.layers["needles"]
    assert set(layer.features["trajectory"][layer.size > 0]) == {"trajectory-1"}
    session.fly_to((10.0, -5.0, 4.0), trajectory_id="trajectory-2")
    assert set(layer.features["trajectory"][layer.size > 0]) == {"trajectory-2"}
    assert tuple(viewer.dims.point) == pytest.approx((4.0, -5.0, 10.0), abs=2.0)
