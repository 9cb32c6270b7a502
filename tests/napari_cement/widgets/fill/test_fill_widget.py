"""The fill preview in a real window: the slider moves the cement, marks what it reaches, keeps to its course."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.qt.threading import WorkerBase

from napari_cement._focus import Chosen, Shown, focus_of
from napari_cement.drawn.cement_layer import NAME, SURFACE
from napari_cement.widgets.fill import FillPreview
from napari_cement.widgets.fill.fill_widget import PAST
from planner.model.arrival_map import ArrivalMap
from planner.model.cement_fill import BreachArrival, CementFill, FillStep
from planner.pipeline.expected_cement import write_arrivals

PATIENCE_MS = 60_000


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def widget(viewer, qtbot):
    made = FillPreview(viewer)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()
    WorkerBase.await_workers(PATIENCE_MS)


@pytest.fixture
def filled(plan):
    step = FillStep(injected_ml=1.5, gaps_ml={"gap-1": 1.2}, trabecular_ml=0.3, leaked_ml=0.0, reached=("breach-1",))
    course = CementFill(
        id="fill-1", gap_id="gap-1", trajectory_ids=("trajectory-1",), tips_lps=((10.0, -5.0, 4.0),),
        interface_tissue="in_place", viscosity="high", steps=(step,), ended="volume",
        arrivals=(BreachArrival(breach_id="breach-1", after_ml=0.7),),
    )  # fmt: skip
    return plan.model_copy(update={"fills": (course,)})


@pytest.fixture
def arrival(scan):
    values = np.full(scan.volume.grid.shape, np.inf, np.float32)
    values[20:30, 25:35, 30:40] = np.linspace(0.05, 1.5, 10)[:, None, None]
    return ArrivalMap("gap-1", scan.volume.grid, values)


def show(viewer, widget, qtbot, shown):
    focus_of(viewer).set_shown(shown)
    qtbot.waitUntil(lambda: not widget._latest.is_running, timeout=PATIENCE_MS)


def case_of(scan, plan, arrival):
    return SimpleNamespace(scan=scan, plan=plan, arrivals=(arrival,))


def test_the_slider_moves_the_cement_in_all_views(widget, viewer, scan, filled, arrival, qtbot):
    show(viewer, widget, qtbot, Shown(scan, filled, case=case_of(scan, filled, arrival)))
    assert widget.value() == ("gap-1", 0.0)
    assert focus_of(viewer).cement is None
    counts = []
    for ml in (0.3, 0.8, 1.5):
        widget.setValue("gap-1", ml)
        cement = focus_of(viewer).cement
        assert (cement.gap_id, cement.injected_ml) == ("gap-1", pytest.approx(ml))
        counts.append(int(cement.where.voxels.sum()))
        assert int((viewer.layers[NAME].data > 0).sum()) == counts[-1]
    assert counts[0] < counts[1] < counts[2] == 1000
    widget.slider.setValue(0)
    assert focus_of(viewer).cement is None
    assert not viewer.layers[NAME].data.any()


def test_it_says_and_marks_what_is_reached(widget, viewer, scan, filled, arrival, qtbot):
    show(viewer, widget, qtbot, Shown(scan, filled, case=case_of(scan, filled, arrival)))
    assert [mark.value for mark in widget.slider.marks] == [70]
    widget.setValue("gap-1", 0.6)
    assert "next, after 0.7" in widget.reached.text()
    widget.setValue("gap-1", 0.9)
    assert widget.reached.text().startswith("after 0.7")
    assert "othing to stop for" in widget.stop.text()


def test_beyond_the_end_of_the_course_there_is_nothing(widget, viewer, scan, filled, arrival, qtbot):
    show(viewer, widget, qtbot, Shown(scan, filled, case=case_of(scan, filled, arrival)))
    widget.setValue("gap-1", 9.0)
    assert widget.value() == ("gap-1", 1.5)


def test_playing_goes_to_the_end_and_stops(widget, viewer, scan, filled, arrival, qtbot):
    show(viewer, widget, qtbot, Shown(scan, filled, case=case_of(scan, filled, arrival)))
    widget.setValue("gap-1", 1.4)
    widget.play.setChecked(True)
    qtbot.waitUntil(lambda: not widget.play.isChecked(), timeout=PATIENCE_MS)
    assert widget.value() == ("gap-1", 1.5)


def test_a_plans_folder_is_read(widget, viewer, scan, filled, arrival, qtbot, tmp_path):
    write_arrivals([arrival], scan.volume.grid, tmp_path)
    show(viewer, widget, qtbot, Shown(scan, filled, folder=tmp_path))
    widget.setValue("gap-1", 1.5)
    assert int(focus_of(viewer).cement.where.voxels.sum()) == 1000


def test_what_was_not_simulated_is_said_and_not_shown(widget, viewer, scan, plan, filled, qtbot, tmp_path):
    for shown in (Shown(scan), Shown(scan, plan), Shown(scan, filled), Shown(scan, filled, folder=tmp_path)):
        show(viewer, widget, qtbot, shown)
        assert widget.value() is None
        assert not widget.slider.isEnabled()
        assert "No injection was simulated" in widget.course.text()
        assert focus_of(viewer).cement is None


def test_it_follows_what_is_chosen(widget, viewer, scan, filled, arrival, qtbot):
    other = filled.gaps[0].model_copy(update={"id": "gap-2"})
    both = filled.model_copy(update={"gaps": (other, *filled.gaps)})
    show(viewer, widget, qtbot, Shown(scan, both, case=case_of(scan, both, arrival)))
    assert widget.gaps.currentData() == "gap-2"
    assert widget.value() is None
    focus_of(viewer).set_chosen(Chosen("breach", "breach-1"))
    assert widget.value() == ("gap-1", 0.0)


def test_cement_goes_with_its_plan_and_with_the_dock(widget, viewer, scan, filled, arrival, qtbot):
    shown = Shown(scan, filled, case=case_of(scan, filled, arrival))
    show(viewer, widget, qtbot, shown)
    widget.setValue("gap-1", 1.0)
    show(viewer, widget, qtbot, Shown(scan, filled, case=case_of(scan, filled, arrival)))
    assert focus_of(viewer).cement is None
    widget.setValue("gap-1", 1.0)
    widget.close()
    assert focus_of(viewer).cement is None


def test_in_3d_the_cement_is_a_surface_where_its_voxels_are(widget, viewer, scan, filled, arrival, qtbot):
    show(viewer, widget, qtbot, Shown(scan, filled, case=case_of(scan, filled, arrival)))
    widget.setValue("gap-1", 0.8)
    assert SURFACE not in viewer.layers, "nobody looks at 3D"
    viewer.dims.ndisplay = 3
    mesh = viewer.layers[SURFACE]

    def middle_lps():
        points = np.asarray([mesh.data_to_world(point) for point in np.asarray(mesh.data[0])])
        return ((points.min(axis=0) + points.max(axis=0)) / 2.0)[::-1]

    where = focus_of(viewer).cement.where
    voxels = np.argwhere(where.voxels)
    truth = where.grid.to_lps((voxels.min(axis=0) + voxels.max(axis=0)) / 2.0)
    np.testing.assert_allclose(middle_lps(), truth, atol=0.01)
    before = len(mesh.data[0])
    widget.setValue("gap-1", 1.5)
    assert viewer.layers[SURFACE] is mesh
    assert len(mesh.data[0]) > before
    widget.slider.setValue(0)
    assert np.ptp(mesh.data[0], axis=0).max() == 0.0, "no cement, nothing drawn"


def test_past_the_stop_it_says_so_in_the_danger_colour(widget, viewer, scan, filled, arrival, qtbot):
    leak = filled.breaches[0].model_copy(update={"leak_type": "canal", "severity": "open", "stop_ml": 0.45})
    plan = filled.model_copy(update={"breaches": (leak, *filled.breaches[1:])})
    show(viewer, widget, qtbot, Shown(scan, plan, case=case_of(scan, plan, arrival)))
    assert widget.stop.text().startswith("Stop before 0.4")
    assert [mark.value for mark in widget.slider.marks] == [40, 70], "as it is said, and as it is reached"
    for ml, past in ((0.39, False), (0.4, True), (1.5, True), (0.1, False)):
        widget.setValue("gap-1", ml)
        assert widget.stop.text().startswith("PAST THE STOP") is past, ml
        assert (PAST in widget.stop.styleSheet()) is past
    widget.setValue("gap-1", 1.0)
    show(viewer, widget, qtbot, Shown(scan, plan))
    assert "PAST" not in widget.stop.text()
    assert PAST not in widget.stop.styleSheet()


def test_cement_in_3d_is_seen_through_what_lies_round_it(widget, viewer, scan, filled, arrival, qtbot):
    show(viewer, widget, qtbot, Shown(scan, filled, case=case_of(scan, filled, arrival)))
    viewer.window._qt_window.show()
    viewer.dims.ndisplay = 3
    widget.setValue("gap-1", 1.5)
    points, faces, values = viewer.layers[SURFACE].data
    middle = points.mean(axis=0)
    round_it = (middle + 1.5 * (points - middle), faces, values)
    # As when a plan is made again: the plan's surfaces come after the cement's.
    viewer.add_surface(round_it, blending="opaque", colormap="gray", scale=viewer.layers[SURFACE].scale)
    for layer in viewer.layers:
        layer.visible = layer.name in (SURFACE, "round_it")
    viewer.reset_view()
    widget.setValue("gap-1", 1.4)
    picture = viewer.screenshot(canvas_only=True, flash=False).astype(int)
    violet = (picture[..., 2] - picture[..., 1] > 40) & (picture[..., 0] - picture[..., 1] > 20)
    assert violet.sum() > 100


def test_a_low_dock_scrolls_what_is_reached_and_cuts_nothing_off(widget, viewer, scan, filled, arrival, qtbot):
    show(viewer, widget, qtbot, Shown(scan, filled, case=case_of(scan, filled, arrival)))
    widget.resize(400, 300)
    widget.setValue("gap-1", 1.5)
    qtbot.wait(50)
    assert widget.minimumSizeHint().height() <= 300
    for label in (widget.stop, widget.reached, widget.amounts, widget.course):
        assert label.height() >= label.heightForWidth(label.width())


def test_a_long_warning_is_whole_in_a_dock_that_is_too_low(widget, viewer, scan, filled, arrival, qtbot):
    show(viewer, widget, qtbot, Shown(scan, filled, case=case_of(scan, filled, arrival)))
    widget.stop.setText("Stop before 0.3 mL, the earliest of all courses (tip off its aim, other needles, sets); " * 2)
    qtbot.wait(50)
    widget.resize(340, widget.minimumSizeHint().height())
    qtbot.wait(50)
    assert widget.stop.height() >= widget.stop.heightForWidth(widget.stop.width()) > 40
    widget.stop.setText("Nothing to stop for")
    qtbot.wait(50)
    assert widget.stop.minimumHeight() < 40, "it gives the room back"
