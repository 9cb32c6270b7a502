"""A plan's layers made in the background, and brought in while the window goes on."""

import pytest
from napari.layers import Labels

from napari_cement._display import display_of
from napari_cement._focus import Shown, focus_of
from napari_cement._layers import origin_of, scan_layers
from napari_cement._session import session_of
from napari_cement.drawn.ready_layers import ready_layers
from planner.errors import CancelledError
from planner.model.plan import Review
from planner.station.surfaces import surfaces_of
from tests.napari_cement.test_display import add

PATIENCE_MS = 60_000


class Follower:
    def __init__(self, *, stops=False):
        self.told, self.stops = [], stops

    def report(self, progress):
        self.told.append(progress.stage)

    def cancelled(self):
        return self.stops


@pytest.fixture
def viewer(make_napari_viewer, scan):
    viewer = make_napari_viewer()
    add(viewer, scan_layers(scan, name="CT"))
    return viewer


@pytest.fixture
def shown(scan, plan, labels):
    return Shown(scan, plan, labels, surfaces=surfaces_of(plan, labels))


def of_cuts(viewer):
    return {layer.name for layer in viewer.layers if origin_of(layer).plan and not layer.name.endswith("(3D)")}


def test_layers_are_made_without_a_viewer_and_their_colours_are_looked_up_already(shown):
    follower = Follower()
    layers = ready_layers(shown, monitor=follower)
    assert follower.told == ["showing the plan"]
    assert {"gaps", "implants", "needles"} <= {layer.name for layer in layers}
    for layer in layers:
        if isinstance(layer, Labels):
            assert f"_{layer.data.dtype}_typed_dict" in layer.colormap._cmap_without_selection()._cache_other


def test_making_them_can_be_stopped_and_nothing_is_made_without_a_plan(shown, scan):
    with pytest.raises(CancelledError):
        ready_layers(shown, monitor=Follower(stops=True))
    assert ready_layers(Shown(scan)) == []


def test_cuts_have_all_layers_at_once(viewer, shown):
    session_of(viewer).show(shown)
    assert {"gaps", "implants", "needles", "needle ends", "trajectories"} <= of_cuts(viewer)


def test_in_3d_they_come_one_after_the_other_and_follow_what_is_hidden(viewer, shown, qtbot):
    session = session_of(viewer)
    session.show(shown)
    display_of(viewer).show("3d")
    before = of_cuts(viewer)
    again = Shown(shown.scan, shown.plan.model_copy(), shown.labels, surfaces=shown.surfaces)
    session.show(again)
    focus_of(viewer).set_hidden(frozenset({"gap-1"}))
    assert not of_cuts(viewer), "nobody sees them: the window goes first"
    qtbot.waitUntil(lambda: of_cuts(viewer) == before, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: viewer.layers["gaps"].colormap.color_dict[2][3] == 0.0, timeout=PATIENCE_MS)
    assert not any(viewer.layers[name].visible for name in before)


def test_a_cut_is_never_shown_without_them(viewer, shown):
    session = session_of(viewer)
    session.show(shown)
    before = of_cuts(viewer)
    display_of(viewer).show("3d")
    session.show(Shown(shown.scan, shown.plan.model_copy(), shown.labels, surfaces=shown.surfaces))
    focus_of(viewer).set_hidden(frozenset({"gap-1"}))
    display_of(viewer).show("axial")
    assert of_cuts(viewer) == before and viewer.layers["gaps"].visible
    assert viewer.layers["gaps"].colormap.color_dict[2][3] == 0.0


def test_those_of_a_plan_that_has_gone_never_come(viewer, shown, qtbot):
    session = session_of(viewer)
    session.show(shown)
    display_of(viewer).show("3d")
    first = shown.plan.model_copy()
    session.show(Shown(shown.scan, first, shown.labels, surfaces=shown.surfaces))
    last = shown.plan.model_copy()
    session.show(Shown(shown.scan, last, shown.labels, surfaces=shown.surfaces))
    qtbot.waitUntil(lambda: "trajectories" in of_cuts(viewer), timeout=PATIENCE_MS)
    assert all(origin_of(layer).plan in (None, last) for layer in viewer.layers)
    assert len([layer for layer in viewer.layers if layer.name.startswith("gaps")]) == 2


def test_an_approval_meanwhile_counts_for_those_that_waited(viewer, shown):
    session = session_of(viewer)
    session.show(shown)
    display_of(viewer).show("3d")
    session.show(Shown(shown.scan, shown.plan.model_copy(), shown.labels, surfaces=shown.surfaces))
    focus_of(viewer).set_review(Review(state="edited"))
    plans = [origin_of(layer).plan for layer in viewer.layers if origin_of(layer).plan is not None]
    assert {plan.review.state for plan in plans} == {"edited"} and "gaps" in of_cuts(viewer)


def test_none_come_when_the_window_has_closed(make_napari_viewer, shown, qtbot):
    viewer = make_napari_viewer()
    session = session_of(viewer)
    session.show(shown)
    display_of(viewer).show("3d")
    session.show(Shown(shown.scan, shown.plan.model_copy(), shown.labels, surfaces=shown.surfaces))
    before = of_cuts(viewer)
    viewer.close()
    with qtbot.captureExceptions() as faults:
        qtbot.wait(200)
    assert not faults and of_cuts(viewer) == before
