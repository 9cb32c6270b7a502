"""Rendered: where a marker at the patient's left, front and top appears on the screen."""

import numpy as np
import pytest

from napari_cement._display import AXIAL, CORONAL, SAGITTAL, VIEWS, display_of
from napari_cement._layers import scan_layers, to_world
from napari_cement.drawn.plan_layers import plan_layers
from tests.napari_cement.conftest import MARKER_LPS


def add(viewer, layers):
    from napari.layers import Layer

    for data, arguments, kind in layers:
        viewer.add_layer(Layer.create(data, arguments, kind))


def opened(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    return viewer


def side_of_marker(viewer):
    """Say on which side of the canvas' centre the bright blob is: (right, down), each -1 or 1."""
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)
    rows, columns = np.nonzero(picture.min(axis=-1) > 170)
    assert len(rows) > 20, "the marker is not in the picture"
    height, width = picture.shape[:2]
    right, down = columns.mean() - width / 2, rows.mean() - height / 2
    assert min(abs(right), abs(down)) > 0.03 * height, "the marker is at the centre: no side to tell"
    return int(np.sign(right)), int(np.sign(down))


@pytest.fixture
def viewer(make_napari_viewer, marked_scan):
    viewer = opened(make_napari_viewer)
    display_of(viewer)
    add(viewer, scan_layers(marked_scan, name="CT"))
    viewer.dims.set_point(range(3), to_world(MARKER_LPS))
    return viewer


def test_the_patient_is_never_mirrored_and_never_on_the_head(viewer):
    display = display_of(viewer)
    assert side_of_marker(viewer) == (1, -1), "axial: left is right on the screen, front is up"
    display.show("coronal")
    viewer.dims.set_point(range(3), to_world(MARKER_LPS))
    assert side_of_marker(viewer) == (1, -1), "coronal: left is right on the screen, head is up"
    display.show("sagittal")
    viewer.dims.set_point(range(3), to_world(MARKER_LPS))
    assert side_of_marker(viewer) == (-1, -1), "sagittal: front is left on the screen, head is up"
    display.show("3d")
    assert side_of_marker(viewer) == (1, -1), "3D from the front: left is right on the screen, head is up"
    viewer.scene.camera.set_view_direction(view_direction=(0, 0, -1), up_direction=(1, 0, 0))
    assert side_of_marker(viewer) == (-1, -1), "3D from the left: front is left on the screen"
    viewer.scene.camera.set_view_direction(view_direction=(1, 0, 0), up_direction=(0, -1, 0))
    assert side_of_marker(viewer) == (1, -1), "3D from the feet: left is right on the screen, front is up"


def test_naparis_own_camera_mirrors_the_patient(make_napari_viewer, scan):
    """The test above can fail: without `display_of`, 3D is mirrored and the coronal view stands on its head."""
    viewer = opened(make_napari_viewer)
    add(viewer, scan_layers(scan, name="CT"))
    viewer.dims.order = CORONAL
    viewer.dims.set_point(range(3), to_world(MARKER_LPS))
    assert side_of_marker(viewer) == (1, 1)
    viewer.dims.order = AXIAL
    viewer.dims.ndisplay = 3
    viewer.reset_view()
    viewer.scene.camera.set_view_direction(view_direction=(0, 1, 0), up_direction=(1, 0, 0))
    assert side_of_marker(viewer) == (-1, -1)


def test_naparis_own_buttons_keep_it_so(make_napari_viewer, scan):
    viewer = opened(make_napari_viewer)
    display = display_of(viewer)
    add(viewer, scan_layers(scan, name="CT"))
    seen = []
    for _ in range(4):
        viewer.dims.roll()
        viewer.dims.set_point(range(3), to_world(MARKER_LPS))
        seen.append((display.view, side_of_marker(viewer)))
    views = [("sagittal", (-1, -1)), ("coronal", (1, -1)), ("axial", (1, -1)), ("sagittal", (-1, -1))]
    assert seen == views
    viewer.dims.transpose()
    assert tuple(viewer.dims.order) == SAGITTAL
    viewer.dims.ndisplay = 3
    assert side_of_marker(viewer) == (1, -1), "3D from a view with an odd order of axes"
    viewer.dims.transpose()
    assert side_of_marker(viewer) == (1, -1)
    viewer.dims.ndisplay = 2
    assert str(viewer.scene.camera.orientation[1]) == ("down" if tuple(viewer.dims.order) == AXIAL else "up")


def test_other_peoples_layers_are_left_alone(make_napari_viewer):
    viewer = make_napari_viewer()
    before = tuple(viewer.scene.camera.orientation)
    display_of(viewer)
    viewer.add_image(np.zeros((4, 5, 6)))
    viewer.dims.order = (1, 2, 0)
    viewer.dims.ndisplay = 3
    assert tuple(viewer.scene.camera.orientation) == before
    assert tuple(viewer.dims.order) == (1, 2, 0)
    assert not viewer.canvas.overlays.text.visible


def test_one_display_a_viewer_also_through_naparis_proxy(make_napari_viewer):
    from napari.utils._proxies import PublicOnlyProxy

    viewer = make_napari_viewer()
    assert display_of(PublicOnlyProxy(viewer)) is display_of(viewer)


@pytest.mark.parametrize(
    ("review", "words"),
    [
        ({}, "UNREVIEWED PLAN"),
        ({"state": "edited"}, "NOT APPROVED"),
        ({"state": "approved", "by": "A. Reader"}, "approved by A. Reader"),
    ],
)
def test_the_canvas_says_who_stands_behind_the_plan(make_napari_viewer, plan, labels, review, words):
    viewer = make_napari_viewer()
    display_of(viewer)
    shown = plan.model_copy(update={"review": plan.review.model_copy(update=review)})
    add(viewer, plan_layers(shown, labels))
    note = viewer.canvas.overlays.text
    assert note.visible
    assert words in note.text
    assert "Not a certified medical device" in note.text
    viewer.layers.clear()
    assert not note.visible


def test_the_note_is_no_wider_than_the_canvas(make_napari_viewer, plan, labels):
    """On a narrow one napari would cut off the first letters of its lines: "unreviewed" would read "viewed"."""
    viewer = make_napari_viewer()
    display_of(viewer)
    add(viewer, plan_layers(plan, labels))
    note = viewer.canvas.overlays.text
    longest = {}
    for width in (1000, 240, 1000):
        viewer.canvas.size = (400, width)
        longest[width] = max(len(line) for line in note.text.splitlines())
        words = note.text.replace("\n", " ")
        assert "UNREVIEWED PLAN" in words and words.endswith("Not a certified medical device.")
    assert longest[240] <= 240 / 10 < longest[1000]


def test_axes_and_units_are_the_patients(make_napari_viewer, scan):
    viewer = make_napari_viewer()
    display_of(viewer)
    add(viewer, scan_layers(scan, name="CT"))
    assert tuple(viewer.dims.axis_labels) == ("S", "P", "L")
    assert [str(unit) for unit in viewer.layers[0].units] == ["millimeter"] * 3


def camera_of(viewer):
    """What a camera of 2D or 3D goes by."""
    camera, count = viewer.scene.camera, viewer.dims.ndisplay
    turned = camera.angles if count == 3 else ()
    return [*camera.center[-count:], *turned, camera.zoom]


@pytest.mark.parametrize("view", VIEWS)
def test_what_was_taken_down_is_looked_at_again(make_napari_viewer, scan, view):
    viewer = make_napari_viewer()
    display = display_of(viewer)
    assert display.seen() is None, "nothing to look at"
    add(viewer, scan_layers(scan, name="CT"))
    display.show(view)
    display.fly_to((4.0, -8.0, 12.0))
    viewer.scene.camera.zoom = 3.0
    if view == "3d":
        viewer.scene.camera.set_view_direction(view_direction=(0.6, 0.0, 0.8), up_direction=(0.8, 0.0, -0.6))
    else:
        # In the canvas' middle is another place than the cut goes through.
        viewer.scene.camera.center = tuple(np.array(viewer.scene.camera.center) + 5.0)
    seen, before = display.seen(), camera_of(viewer)
    assert seen.view == view and (seen.sight_lps is None) == (view != "3d")
    assert seen.across_mm == pytest.approx(min(viewer.canvas.size) / 3.0)
    display.show("coronal" if view == "3d" else "3d")
    display.show("coronal")
    viewer.reset_view()
    display.look(seen)
    assert display.view == view
    np.testing.assert_allclose(camera_of(viewer), before, atol=1e-4)
