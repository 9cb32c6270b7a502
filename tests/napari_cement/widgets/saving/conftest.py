"""A viewer with the docks that open and save, and what stands in for the pipeline."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from napari.qt.threading import WorkerBase

import planner.pipeline
from napari_cement.widgets import PlanWidget
from napari_cement.widgets.saving import autosaver as autosaving
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.nifti import write_label_nifti
from planner.io.plan_json import save_plan
from planner.model.finding import Finding
from planner.model.labels import LabelMap
from planner.progress import check_cancelled
from tests.napari_cement.widgets.saving.sitting import PATIENCE_MS


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(autosaving, "WAIT_MS", 1)


@pytest.fixture
def ct(tmp_path, scan):
    folder = tmp_path / "ct"
    folder.mkdir()
    write_ct_series(scan.volume, folder, identity=SeriesIdentity(seed="keep"))
    return folder


@pytest.fixture
def station(make_napari_viewer, qtbot):
    """A viewer with the docks that open and save."""

    def make():
        viewer = make_napari_viewer()
        panel = PlanWidget(viewer)
        qtbot.addWidget(panel)
        return SimpleNamespace(viewer=viewer, panel=panel, opening=panel.opening, saving=panel.saving)

    yield make
    WorkerBase.await_workers(PATIENCE_MS)


@pytest.fixture
def planned(monkeypatch, plan, labels):
    """Stands in for the pipeline: plans at once, writes the plan and no more; may be held at a gate."""
    gate = SimpleNamespace(
        open=threading.Event(),
        begun=threading.Event(),
        stopped=threading.Event(),
        changes={},
        error=None,
        kept=False,
    )
    gate.open.set()

    def wait(monitor):
        gate.begun.set()
        while not gate.open.wait(0.01):
            if monitor.cancelled():
                gate.stopped.set()
                check_cancelled(monitor)

    def plan_scan(scan, config, *, gaps=None, monitor):
        wait(monitor)
        if gate.error is not None:
            raise gate.error
        said = () if gaps is None else (Finding(code="gaps-given", severity="info", message="the gaps are given"),)
        changes = {"series": scan.series, "settings_sha256": config.sha256(), "findings": said, **gate.changes}
        made = plan.model_copy(update=changes)
        gate.given = gaps
        own = LabelMap(scan.volume.grid, labels.codes, plan.labels)
        case = planner.pipeline.PlannedCase(made, scan, None, own, None)
        return replace(case, kept=SimpleNamespace(config=config)) if gate.kept else case

    def write_plan_files(case, folder, config, *, monitor, **_):
        save_plan(case.plan, folder / "plan.json")
        write_label_nifti(case.labels, folder / "labels.nii.gz")
        wait(monitor)

    monkeypatch.setattr(planner.pipeline, "plan_scan", plan_scan)
    monkeypatch.setattr(planner.pipeline, "plan_labelled", plan_scan)
    monkeypatch.setattr(planner.pipeline, "write_plan_files", write_plan_files)
    return gate
