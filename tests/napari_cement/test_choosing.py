"""A click in napari's own canvas chooses what lies under it."""

from types import SimpleNamespace

import numpy as np
import pytest

from napari_cement._choosing import Picking, choose
from napari_cement._display import display_of
from napari_cement._focus import Chosen, Focus, Shown, focus_of
from napari_cement._layers import scan_layers, to_world
from napari_cement._session import session_of
from planner.station.surfaces import surfaces_of
from tests.napari_cement.test_display import add


@pytest.fixture
def viewer(make_napari_viewer, scan, plan, labels):
    viewer = make_napari_viewer()
    add(viewer, scan_layers(scan, name="CT"))
    session_of(viewer).show(Shown(scan, plan, labels, surfaces=surfaces_of(plan, labels)))
    Picking(viewer)
    return viewer


def click(viewer, place_lps, *, moved_px=0.0, button=1, modifiers=(), along_lps=(0.0, -1.0, 0.0)):
    """Press, perhaps move, and release, as napari runs its callbacks."""
    event = SimpleNamespace(
        type="mouse_press", button=button, modifiers=modifiers, pos=np.array([100.0, 100.0]),
        position=tuple(to_world(place_lps)), view_direction=to_world(along_lps),
    )  # fmt: skip
    running = viewer.mouse_drag_callbacks[-1](viewer, event)
    if next(running, "ended") == "ended":
        return
    if moved_px:
        event.type, event.pos = "mouse_move", event.pos + moved_px
        next(running)
    event.type = "mouse_release"
    next(running, None)


def test_a_click_on_a_cut_chooses_the_needle(viewer, plan):
    middle = np.mean([plan.trajectories[0].entry_skin_lps, plan.trajectories[0].entry_bone_lps], axis=0)
    click(viewer, middle)
    focus = focus_of(viewer)
    assert focus.chosen == Chosen("needle", "trajectory-1")
    assert focus.aim is not None and focus.cursor_lps == plan.trajectories[0].target_lps
    click(viewer, plan.breaches[0].centroid_lps)
    assert focus.chosen == Chosen("breach", "breach-1") and focus.aim is None
    click(viewer, (-30.0, -30.0, -30.0))
    assert focus.chosen == Chosen("breach", "breach-1"), "nothing lies there"


def test_a_click_in_3d_chooses_along_the_line_of_sight(viewer, plan):
    display_of(viewer).show("3d")
    x, y, z = plan.breaches[0].centroid_lps
    click(viewer, (x, y + 40.0, z))
    assert focus_of(viewer).chosen == Chosen("breach", "breach-1")
    screw = next(s for s in focus_of(viewer).shown.surfaces if s.kind == "implant")
    focus_of(viewer).set_hidden(frozenset({"gap-1", "breach-1", "trajectory-1", "trajectory-2"}))
    click(viewer, screw.points_lps.mean(axis=0), along_lps=(1.0, 0.0, 0.0))
    assert focus_of(viewer).chosen == Chosen("implant", "screw-1")


@pytest.mark.parametrize(
    "how", [{"moved_px": 30.0}, {"button": 2}, {"modifiers": ("Shift",)}], ids=["a drag", "right", "with Shift"]
)
def test_what_is_no_plain_click_chooses_nothing(viewer, plan, how):
    click(viewer, plan.breaches[0].centroid_lps, **how)
    assert focus_of(viewer).chosen is None


def test_a_tool_of_the_chosen_layer_keeps_its_clicks(viewer, plan):
    painted = viewer.add_labels(np.zeros((4, 5, 6), int))
    painted.mode = "paint"
    viewer.layers.selection.active = painted
    click(viewer, plan.breaches[0].centroid_lps)
    assert focus_of(viewer).chosen is None
    painted.mode = "pan_zoom"
    click(viewer, plan.breaches[0].centroid_lps)
    assert focus_of(viewer).chosen == Chosen("breach", "breach-1")


def test_what_is_hidden_is_not_clicked(viewer, plan):
    focus_of(viewer).set_hidden(frozenset({"breach-1"}))
    click(viewer, plan.breaches[0].centroid_lps)
    assert focus_of(viewer).chosen is None


def test_what_the_plan_does_not_hold_is_not_chosen(qtbot, plan):
    focus = Focus()
    assert not choose(focus, Chosen("needle", "trajectory-1")), "no plan"
    focus.set_shown(Shown(plan=plan))
    assert not choose(focus, Chosen("gap", "gap-9"))
    assert focus.chosen is None and focus.cursor_lps is None
    assert choose(focus, Chosen("gap", "gap-1"))
