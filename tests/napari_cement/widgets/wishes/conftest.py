"""The panel in a viewer, and what stands in for the pipeline."""

import sys
from types import ModuleType

import pytest
from napari.qt.threading import WorkerBase

from planner.needles.catalogue import needle_named
from tests.napari_cement.widgets.wishes.stand_in import PATIENCE_MS, Planner


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def widget(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("periprosthetic-cement-planner", "Cement plan")
    yield widget
    widget.session.cancel()
    WorkerBase.await_workers(PATIENCE_MS)


@pytest.fixture
def straight(plan):
    """The plan, its needles with the catalogue's 15G, straight from entry to tip, and with a canal that is known."""
    skin, tip = (25.0, 40.0, 10.0), (10.0, -5.0, 4.0)
    bone = tuple(t + 0.4 * (s - t) for s, t in zip(skin, tip, strict=True))
    clear = plan.trajectories[0].clearance_mm.model_copy(update={"canal": 5.0})
    first, second = (
        way.model_copy(update={"needle": needle_named("15G"), "entry_bone_lps": bone, "clearance_mm": clear})
        for way in plan.trajectories
    )
    first = first.model_copy(update={"entry_skin_lps": skin, "path_lps": (skin, bone, tip)})
    slides = {"path_lps": (bone, tip), "aim_lps": bone, "slides_along_implant": True}
    return plan.model_copy(update={"trajectories": (first, second.model_copy(update=slides))})


@pytest.fixture
def stand_in(monkeypatch, straight, labels):
    import planner.pipeline

    made = Planner(straight, labels)
    replanned = ModuleType("planner.pipeline.replanned")
    replanned.replan = made.replan
    monkeypatch.setitem(sys.modules, "planner.pipeline.replanned", replanned)
    monkeypatch.setattr(planner.pipeline, "replanned", replanned, raising=False)
    monkeypatch.setattr("planner.pipeline.plan_scan", made.plan_scan)
    monkeypatch.setattr("planner.station.live_needle.LiveNeedle", made.live_needle)
    yield made
    made.hold.set()
    made.make.set()
