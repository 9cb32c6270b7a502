"""What is drawn is what the planner is told: places, sizes, left and right."""

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt

from napari_cement._display import display_of
from napari_cement._editors import editors_of
from napari_cement._focus import focus_of
from napari_cement._layers import scan_layers, to_lps, to_world
from napari_cement.drawn.box_layers import FACES
from napari_cement.edit.own_needle import OwnNeedle
from napari_cement.edit.point_layers import layer_of
from napari_cement.edit.wishes import Wishes
from planner.config.wishes_config import BallRegion, BoxRegion, LockedNeedle, WishedTarget, WishesConfig
from planner.errors import ConfigError
from planner.model.record import PointLps
from planner.station.reslice.cuts import inside
from tests.napari_cement.conftest import MARKER_LPS, STORED, scan_with_marker

BALL = BallRegion(centre_lps=(-31.7, 12.125, 88.0), radius_mm=9.3)
BOX = BoxRegion(low_lps=(-5.0, -4.0, -3.0), high_lps=(6.0, 5.0, 4.0))
ALL = WishesConfig(
    targets=(
        WishedTarget(point_lps=(0.1, -7.0, 3.0), radius_mm=3.1),
        WishedTarget(point_lps=(1.0, 2.0, 30.0), implant_id="screw-2"),
    ),
    keep_out=(BALL, BOX),
    enter_through=(BallRegion(centre_lps=(60.0, 90.0, 88.0), radius_mm=25.0),),
    locked=(LockedNeedle(entry_lps=(40.0, 120.0, 5.0), target_lps=(10.0, 0.3, 4.0), needle="13G"),),
)


def add_ct(viewer, scan):
    from napari.layers import Layer

    ((data, arguments, kind),) = scan_layers(scan, name="CT")
    return viewer.add_layer(Layer.create(data, arguments, kind))


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def wishes(viewer):
    return Wishes(viewer)


def lps(point) -> PointLps:
    return tuple(float(value) for value in point)


def test_the_two_frames_are_each_others_inverse():
    points = np.arange(12.0).reshape(4, 3)
    assert np.array_equal(to_lps(to_world(points)), points)
    assert to_lps((1.0, 2.0, 3.0)).tolist() == [3.0, 2.0, 1.0]


def test_drawn_settings_are_read_back_as_they_were(wishes):
    wishes.setValue(ALL)
    assert wishes.value() == ALL
    wishes.setValue(WishesConfig())
    assert wishes.value() == WishesConfig()


def test_a_region_drawn_on_what_lies_left_front_and_up_is_told_there(viewer, wishes, marked_scan):
    """The marker is found in the layer that is looked at, whatever way the file stores the patient."""
    image = add_ct(viewer, marked_scan)
    seen = image.data_to_world(np.argwhere(np.asarray(image.data) > 1000).mean(axis=0))
    wishes.draw("keep_out", radius_mm=9.0)
    viewer.layers["keep out"].add(seen)
    ((centre, radius),) = wishes.balls("keep_out")
    assert centre == pytest.approx(lps(MARKER_LPS), abs=0.5)
    assert radius == 9.0
    assert wishes.value().keep_out[0].centre_lps == centre


@pytest.mark.parametrize("view", ["axial", "coronal", "sagittal"])
def test_a_click_on_the_marker_lands_on_it(qtbot, make_napari_viewer, view):
    """Rendered: the pixel at which a person sees the marker."""
    mirrored = scan_with_marker(STORED["coronal, mirrored rows"])
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    display = display_of(viewer)
    add_ct(viewer, mirrored)
    display.show(view)
    for overlay in viewer.canvas.overlays.values():
        overlay.visible = False  # bright, too
    viewer.dims.set_point(range(3), to_world(MARKER_LPS))
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)
    rows, columns = np.nonzero(picture.min(axis=-1) > 170)
    assert len(rows) > 20, "the marker is not in the picture"
    canvas = viewer.window._qt_viewer.canvas.native
    shrunk = canvas.width() / picture.shape[1]
    wishes = Wishes(viewer)
    wishes.draw("enter_through", radius_mm=5.0)
    where = QPoint(round(columns.mean() * shrunk), round(rows.mean() * shrunk))
    qtbot.mouseMove(canvas, where)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=where)
    qtbot.waitUntil(lambda: len(wishes.balls("enter_through")) == 1)
    assert wishes.balls("enter_through")[0][0] == pytest.approx(lps(MARKER_LPS), abs=2.0)


def test_points_moved_deleted_and_resized_with_naparis_tools_count(viewer, wishes):
    told = []
    wishes.valueChanged.connect(told.append)
    wishes.setValue(ALL)
    layer = viewer.layers["my targets"]
    layer.selected_data = {0}
    layer.current_size = 8.0
    assert told[-1].targets[0].radius_mm == 4.0
    layer.remove_selected()
    assert [target.point_lps for target in told[-1].targets] == [(1.0, 2.0, 30.0)]
    layer.data = layer.data + np.array([0.0, 0.0, 1.5])
    assert told[-1].targets[0].point_lps == (2.5, 2.0, 30.0)
    assert told[-1].targets[0].implant_id is None, "moved: no longer known to be beside what was named"
    viewer.layers.remove(layer)
    assert told[-1].targets == ()
    assert told[-1].keep_out == ALL.keep_out


def test_nothing_is_told_where_nothing_changed(viewer, wishes):
    wishes.setValue(ALL)
    told = []
    wishes.valueChanged.connect(told.append)
    viewer.layers.selection.active = viewer.layers["keep out"]
    viewer.add_image(np.zeros((3, 4, 5)))
    wishes.setValue(ALL)
    assert told == []


def test_what_the_planner_does_not_take_is_said_and_not_told(viewer, wishes):
    wishes.setValue(ALL)
    told, refused = [], []
    wishes.valueChanged.connect(told.append)
    wishes.refused.connect(refused.append)
    layer = viewer.layers["my targets"]
    layer.selected_data = {0}
    layer.current_size = 40.0
    assert "radius_mm" in refused[-1] and "15" in refused[-1]
    assert told == []
    with pytest.raises(ConfigError, match="15"):
        wishes.value()


def test_boxes_are_shown_by_their_faces_in_each_cut_through_them_and_in_none_beside(viewer, wishes, scan):
    add_ct(viewer, scan)
    wishes.setValue(ALL)
    layer = layer_of(viewer, FACES)
    assert layer.data.min(axis=0).tolist() == [-3.0, -4.0, -5.0] and layer.data.max(axis=0).tolist() == [4.0, 5.0, 6.0]
    on_face = (np.isin(layer.data, [-3.0, 4.0])[:, 0]) | np.isin(layer.data, [-4.0, 5.0])[:, 1]
    assert (on_face | np.isin(layer.data, [-5.0, 6.0])[:, 2]).all()
    for height, seen in ((0.0, True), (2.0, True), (20.0, False)):
        viewer.dims.set_point(0, height)
        assert bool(len(layer._view_data)) is seen
    assert wishes.boxes("keep_out") == (BOX,) and wishes.boxes("enter_through") == ()
    wishes.setValue(WishesConfig(keep_out=(BALL,)))
    assert layer_of(viewer, FACES) is None


def corner_points(viewer):
    return viewer.layers["keep out: corners of boxes"]


def test_two_clicks_make_a_box_and_a_dragged_corner_changes_it(viewer, wishes, scan):
    add_ct(viewer, scan)
    told = []
    wishes.valueChanged.connect(told.append)
    wishes.draw_box("keep_out", depth_mm=12.0)
    layer = corner_points(viewer)
    layer.add(to_world((10.0, -4.0, 6.0)))
    assert wishes.value().keep_out == () and told == [], "one corner is no box"
    layer.add(to_world((-2.0, 8.0, 30.0)))
    (box,) = wishes.value().keep_out
    assert (box.low_lps, box.high_lps) == ((-2.0, -4.0, 6.0), (10.0, 8.0, 30.0))
    assert wishes.is_drawing_box("keep_out"), "the tool stays in the hand"
    moved = layer.data.copy()
    moved[0] += to_world((5.0, 0.0, 0.0))
    layer.data = moved
    assert told[-1].keep_out[0].high_lps == (15.0, 8.0, 30.0)


def test_a_box_clicked_in_one_slice_is_as_thick_as_was_said(viewer, wishes, scan):
    add_ct(viewer, scan)
    wishes.draw_box("keep_out", depth_mm=12.0)
    for place in ((10.0, -4.0, 6.0), (-2.0, 8.0, 6.0)):
        corner_points(viewer).add(to_world(place))
    (box,) = wishes.value().keep_out
    assert (box.low_lps, box.high_lps) == ((-2.0, -4.0, 0.0), (10.0, 8.0, 12.0))


def test_the_corner_that_is_left_of_a_box_waits_for_another_and_other_boxes_stay(viewer, wishes, scan):
    add_ct(viewer, scan)
    wishes.draw_box("keep_out", depth_mm=12.0)
    layer = corner_points(viewer)
    for place in ((0.0, 0.0, 0.0), (5.0, 5.0, 5.0), (20.0, 20.0, 20.0), (30.0, 30.0, 30.0)):
        layer.add(to_world(place))
    layer.selected_data = {1}
    layer.remove_selected()
    (left,) = wishes.value().keep_out
    assert (left.low_lps, left.high_lps) == ((20.0, 20.0, 20.0), (30.0, 30.0, 30.0))
    layer.add(to_world((-6.0, -6.0, -6.0)))
    assert {box.low_lps for box in wishes.value().keep_out} == {(20.0, 20.0, 20.0), (-6.0, -6.0, -6.0)}


def test_all_that_is_drawn_is_drawn_again_as_it_was(viewer, wishes, scan):
    add_ct(viewer, scan)
    wishes.setValue(ALL)
    wishes.draw_box("enter_through", depth_mm=5.0)
    viewer.layers["enter through: corners of boxes"].add([1.0, 2.0, 3.0])
    before = wishes.drawn()
    wishes.setValue(WishesConfig())
    assert wishes.value() == WishesConfig() != ALL
    wishes.draw_all(before)
    assert wishes.drawn() == before and wishes.value() == ALL


def test_a_ball_is_seen_in_every_cut_that_it_meets(viewer, wishes, scan):
    add_ct(viewer, scan)
    wishes.setValue(WishesConfig(keep_out=(BallRegion(centre_lps=(0.0, 0.0, 0.0), radius_mm=20.0),)))
    layer = viewer.layers["keep out"]
    for depth, diameter in ((0.0, 40.0), (12.0, 32.0), (-16.0, 24.0), (21.0, None)):
        viewer.dims.set_point(0, depth)
        sizes = list(layer._view_size)
        # napari goes to the nearest slice.
        seen = float(viewer.dims.point[0])
        if diameter is None:
            assert sizes == []
        else:
            assert sizes == pytest.approx([2 * np.sqrt(400.0 - seen**2)], abs=0.01)
            assert sizes == pytest.approx([diameter], abs=2.0)


def test_drawing_stops_in_3d_where_a_click_has_no_depth(viewer, wishes, scan):
    add_ct(viewer, scan)
    wishes.draw("targets", radius_mm=2.0)
    assert wishes.is_drawing("targets") and not wishes.is_drawing("keep_out")
    viewer.dims.ndisplay = 3
    assert not wishes.is_drawing("targets")


def test_needles_are_locked_once_and_let_go(wishes):
    (needle,) = ALL.locked
    wishes.lock(needle)
    wishes.lock(needle)
    assert wishes.value().locked == (needle,)
    wishes.unlock(needle)
    assert wishes.value().locked == ()


def test_an_own_needle_is_its_first_two_points(viewer):
    needle = OwnNeedle(viewer)
    entry, tip = (25.0, 40.0, 10.0), (10.0, -5.0, 4.0)
    assert needle.ends() is None
    needle.draw()
    layer = viewer.layers["my needle"]
    layer.add(to_world(entry))
    assert needle.ends() is None and [str(symbol) for symbol in layer.symbol] == ["ring"]
    layer.add(to_world(tip))
    assert needle.ends() == (entry, tip)
    assert needle.is_held(), "the next press drags an end"
    assert [str(symbol) for symbol in layer.symbol] == ["ring", "star"]
    needle.show_course(diameter_mm=2.0, is_safe=None)
    course = viewer.layers["my needle's course"].data
    assert np.allclose(course[[0, -1]], to_world([entry, tip]))
    assert needle.is_held(), "the tool stays in the hand"
    layer.add(to_world((0.0, 0.0, 0.0)))
    assert needle.ends() is None
    needle.show_course(diameter_mm=2.0, is_safe=None)
    assert "my needle's course" not in viewer.layers
    needle.clear()
    assert needle.points() == () and len(viewer.layers) == 0


@pytest.fixture(params=list(STORED))
def ct(request, viewer):
    scan = scan_with_marker(STORED[request.param])
    add_ct(viewer, scan)
    editors_of(viewer).set_about(scan)
    return scan.volume.grid


def test_what_is_drawn_outside_of_the_ct_is_put_on_its_edge_and_no_slider_runs_on(viewer, wishes, ct, qtbot):
    ranges = [(r.start, r.stop) for r in viewer.dims.range]
    told = []
    wishes.putInside.connect(lambda: told.append(1))
    wishes.draw("targets", radius_mm=2.0)
    layer = layer_of(viewer, "targets")
    layer.add(to_world((10.0, -5.0, 4.0)))
    assert told == [] and wishes.value().targets[0].point_lps == (10.0, -5.0, 4.0)
    layer.add(to_world((400.0, 0.0, 0.0)))
    (first, _), (second, _) = wishes.balls("targets")
    assert told and first == (10.0, -5.0, 4.0)
    assert ct.contains(second) and not ct.contains(np.add(second, (5.0, 0.0, 0.0))), "at the CT's left edge"
    assert np.allclose([(r.start, r.stop) for r in viewer.dims.range], ranges, atol=1.3), "by no voxel"
    told.clear()
    viewer.dims.ndisplay = 2
    layer._move([0], (0.0, 0.0, 0.0))
    layer._move([0], (0.0, 900.0, 900.0))
    assert told and all(ct.contains(place) for place, _ in wishes.balls("targets")), "dragged there"
    assert np.allclose([(r.start, r.stop) for r in viewer.dims.range], ranges, atol=1.3), "by no voxel"


def test_corners_of_boxes_and_a_needle_stay_in_the_ct_too(viewer, wishes, ct):
    wishes.draw_box("keep_out", depth_mm=8.0)
    corners = layer_of(viewer, "keep_out corners")
    corners.add(to_world((-10.0, -10.0, 0.0)))
    corners.add(to_world((300.0, 10.0, 0.0)))
    places = [place for _, place in wishes.corners("keep_out")]
    assert len(places) == 2 and all(ct.contains(place) for place in places)
    assert places[0][:2] == pytest.approx((-10.0, -10.0)) and places[1][0] > 30.0
    needle, told = OwnNeedle(viewer), []
    needle.putInside.connect(lambda: told.append(1))
    needle.draw()
    layer = layer_of(viewer, "own needle")
    layer.add(to_world((10.0, 400.0, 0.0)))
    layer.add(to_world((10.0, 0.0, 0.0)))
    entry, tip = needle.ends()
    assert told == [1] and ct.contains(entry) and entry[1] > 30.0 and tip == (10.0, 0.0, 0.0)
    told.clear()
    focus_of(viewer).handleMoved.emit("tip", (10.0, -20.0, 0.0))
    assert told == []
    focus_of(viewer).handleMoved.emit("tip", (10.0, -400.0, 0.0))
    assert told == [1], "a handle of a cut as well"
    assert ct.contains(needle.ends()[1]) and needle.ends()[1][1] < -30.0


def test_nobody_is_told_a_place_outside_of_the_ct(viewer, wishes, ct):
    """Neither who approves, keeps or judges: the place on the edge comes first."""
    needle, wanted, picked = OwnNeedle(viewer), [], []
    wishes.valueChanged.connect(wanted.append)
    needle.changed.connect(lambda: picked.append(needle.points()))
    wishes.draw("targets", radius_mm=2.0)
    targets = layer_of(viewer, "targets")
    targets.add(to_world((10.0, -5.0, 4.0)))
    targets.add(to_world((400.0, 0.0, 0.0)))
    viewer.dims.ndisplay = 2
    targets._move([0], (0.0, 0.0, 0.0))
    targets._move([0], (0.0, 900.0, 900.0))
    assert len(wanted) >= 3
    assert all(ct.contains(target.point_lps) for wishes in wanted for target in wishes.targets)
    needle.draw()
    layer = layer_of(viewer, "own needle")
    for point in ((10.0, 400.0, 0.0), (10.0, 0.0, 0.0)):
        layer.add(to_world(point))
    layer._move([1], (0.0, 0.0, 0.0))
    layer._move([1], (0.0, 900.0, 900.0))
    places = {place for points in picked for place in points}
    assert needle.ends()[1] != (10.0, 0.0, 0.0) and [place for place in places if not ct.contains(place)] == []


def test_the_corner_that_was_drawn_outside_is_put_inside_and_no_other(viewer, wishes, ct):
    wishes.draw_box("keep_out", depth_mm=8.0)
    corners = layer_of(viewer, "keep_out corners")
    corners.add(to_world((-10.0, -10.0, 0.0)))
    corners.add(to_world((10.0, 10.0, 0.0)))
    corners.add(to_world((-12.0, 0.0, -2.0)))
    before = [place for _, place in wishes.corners("keep_out")]
    corners.add(to_world((500.0, 5.0, 2.0)))
    after = [place for _, place in wishes.corners("keep_out")]
    assert len(after) == 4 and all(ct.contains(place) for place in after)
    assert after[:3] == before and after[3] == pytest.approx(inside(ct, (500.0, 5.0, 2.0)))


def test_what_was_loaded_stays_where_it_is_also_outside_of_the_ct(viewer, wishes, ct):
    far = WishesConfig(targets=(WishedTarget(point_lps=(400.0, 0.0, 0.0)),))
    wishes.setValue(far)
    assert wishes.value() == far
    layer_of(viewer, "targets").add(to_world((10.0, -5.0, 4.0)))
    layer_of(viewer, "targets").add(to_world((10.0, -500.0, 4.0)))
    assert wishes.value().targets[0] == far.targets[0], "only what is drawn now is put inside"


def test_without_a_ct_a_point_may_lie_anywhere(viewer, wishes):
    wishes.draw("targets", radius_mm=2.0)
    layer_of(viewer, "targets").add(to_world((400.0, 0.0, 0.0)))
    assert wishes.value().targets[0].point_lps == (400.0, 0.0, 0.0)
