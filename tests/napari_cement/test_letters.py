"""Letters on napari's own canvas, held against where a marker at the left, in front, above is drawn."""

import numpy as np
import pytest

from napari_cement._display import display_of
from napari_cement._layers import scan_layers, to_world
from napari_cement._letters import letters_of
from tests.napari_cement.conftest import MARKER_LPS
from tests.napari_cement.test_display import add, opened, side_of_marker

SEEN = {
    "from the front": ((0, 1, 0), (1, 0, 0)),
    "from behind": ((0, -1, 0), (1, 0, 0)),
    "from the left": ((0, 0, -1), (1, 0, 0)),
    "from the right": ((0, 0, 1), (1, 0, 0)),
    "from the feet": ((1, 0, 0), (0, -1, 0)),
    "from the head": ((-1, 0, 0), (0, -1, 0)),
}


@pytest.fixture
def viewer(make_napari_viewer, scan):
    viewer = opened(make_napari_viewer)
    display_of(viewer)
    letters_of(viewer)
    add(viewer, scan_layers(scan, name="CT"))
    viewer.dims.set_point(range(3), to_world(MARKER_LPS))
    return viewer


def agree(viewer):
    right, down = side_of_marker(viewer)
    letters = letters_of(viewer).value()
    return (
        letters["right" if right > 0 else "left"] in ("L", "A", "S")
        and letters["bottom" if down > 0 else "top"] in ("L", "A", "S")
        and letters["left" if right > 0 else "right"] in ("R", "P", "I")
        and letters["top" if down > 0 else "bottom"] in ("R", "P", "I")
    )


@pytest.mark.parametrize("view", ["axial", "coronal", "sagittal"])
def test_letters_in_2d_say_what_is_drawn(viewer, view):
    display_of(viewer).show(view)
    viewer.dims.set_point(range(3), to_world(MARKER_LPS))
    assert agree(viewer)


@pytest.mark.parametrize("seen", SEEN)
def test_letters_in_3d_say_what_is_drawn(viewer, seen):
    display_of(viewer).show("3d")
    view, up = SEEN[seen]
    viewer.scene.camera.set_view_direction(view_direction=view, up_direction=up)
    assert agree(viewer)


def test_letters_would_tell_of_a_mirrored_view(make_napari_viewer, scan):
    """Without `display_of` napari mirrors the patient in 3D: the letters say so."""
    viewer = opened(make_napari_viewer)
    letters_of(viewer)
    add(viewer, scan_layers(scan, name="CT"))
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    viewer.scene.camera.set_view_direction(view_direction=(0, 1, 0), up_direction=(1, 0, 0))
    assert side_of_marker(viewer) == (-1, -1) and letters_of(viewer).value()["left"] == "L"


def test_oblique_views_have_two_letters_and_follow_the_camera(viewer):
    display_of(viewer).show("3d")
    viewer.scene.camera.set_view_direction(view_direction=(0, 1, -1), up_direction=(1, 0, 0))
    assert letters_of(viewer).value()["top"] == "S" and len(letters_of(viewer).value()["right"]) == 2
    overlay = viewer.canvas.overlays["cement_planner_letter_right"]
    assert overlay.visible and overlay.text == letters_of(viewer).value()["right"]


def test_other_peoples_layers_have_no_letters(make_napari_viewer):
    viewer = make_napari_viewer()
    assert letters_of(viewer) is letters_of(viewer)
    viewer.add_image(np.zeros((4, 5, 6)))
    assert letters_of(viewer).value() == {}
    assert not viewer.canvas.overlays["cement_planner_letter_top"].visible


@pytest.mark.parametrize("seen", SEEN)
def test_the_3d_view_says_from_where_it_is_seen(viewer, seen):
    display_of(viewer).show("3d")
    direction, up = SEEN[seen]
    viewer.scene.camera.set_view_direction(view_direction=direction, up_direction=up)
    title = viewer.canvas.overlays["cement_planner_title"]
    assert title.visible and title.text == f"seen {seen}"


@pytest.mark.parametrize("view", ["axial", "coronal", "sagittal"])
def test_a_cut_says_which_it_is(viewer, view):
    display_of(viewer).show(view)
    assert letters_of(viewer).title() == view


def test_views_of_other_layers_are_given_no_name(make_napari_viewer):
    viewer = make_napari_viewer()
    display_of(viewer)
    viewer.add_image(np.zeros((4, 5, 6)))
    assert letters_of(viewer).title() == ""
    assert not viewer.canvas.overlays["cement_planner_title"].visible
