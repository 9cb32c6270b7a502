"""Gaps painted in the dock: copied, counted, taken back stroke by stroke, planned with."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Surface
from napari.qt.threading import WorkerBase
from qtpy.QtCore import QPoint, Qt

from napari_cement._focus import Chosen, Shown, aim_of, focus_of
from napari_cement._session import session_of
from napari_cement.edit.history import history_of
from napari_cement.widgets.wishes.gaps_widget import GapsWidget
from planner.config.wishes_config import WishedTarget, WishesConfig
from planner.model.finding import Finding
from planner.segment.display import labels_for_display

PATIENCE_MS = 60_000
NEW = 6
"""The first value that the fixture's labels leave free."""


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def case(scan, plan, labels):
    return SimpleNamespace(plan=plan, labels=labels, trust=None, scan=scan)


@pytest.fixture
def widget(qtbot, viewer, case):
    made = GapsWidget(viewer, session_of(viewer), can_judge=lambda: is_of(viewer, case))
    qtbot.addWidget(made)
    session_of(viewer).show(Shown(case.scan, case.plan, case.labels, case))
    yield made
    session_of(viewer).cancel()
    WorkerBase.await_workers(PATIENCE_MS)


def is_of(viewer, case):
    """As the panel says it: is the plan of the CT that is planned on?"""
    shown = focus_of(viewer).shown
    return shown.case is not None and shown.scan is case.scan


class Asked(list):
    """Gaps that were planned with; `begun`: the cases that were begun from."""


@pytest.fixture
def replanned(monkeypatch):
    """Stands in for planning again; remembers what it was asked."""
    asked, begun = Asked(), []
    asked.begun = begun

    def replan(case, config, *, gaps, monitor):
        asked.append(gaps)
        begun.append(case)
        return replace_case(case)

    monkeypatch.setattr("planner.pipeline.replanned.replan", replan)
    return asked


def replace_case(case):
    return SimpleNamespace(**vars(case))


def lines(widget):
    return [widget.gaps.item(row).text() for row in range(widget.gaps.count())]


def gaps_of(case):
    codes = labels_for_display(case.labels).codes
    return np.where(codes == 2, codes, 0)


def test_without_a_plan_there_is_nothing_to_paint(qtbot, viewer):
    made = GapsWidget(viewer, session_of(viewer), can_judge=lambda: False)
    qtbot.addWidget(made)
    assert not made.take_button.isEnabled() and not made.recompute_button.isEnabled()
    assert made.brush.begin() is False and made.brush.layer is None


def test_the_plans_gaps_are_copied_and_its_own_layer_stays(widget, viewer, case):
    widget.take_button.click()
    layer = widget.brush.layer
    assert np.array_equal(layer.data, gaps_of(case)) and str(layer.mode) == "paint" and layer.selected_label == 2
    assert viewer.layers["gaps"].editable is False
    own = np.asarray(viewer.layers["gaps"].data).copy()
    layer.paint((10, 10, 10), 2)
    assert np.array_equal(viewer.layers["gaps"].data, own) and np.array_equal(
        gaps_of(case) == 2, case.labels.codes == 2
    )
    assert not widget.take_button.isEnabled(), "one painting at a time"


def test_who_paints_is_shown_slices(qtbot, widget, viewer):
    viewer.dims.ndisplay = 3
    # The plan's surfaces come from the background.
    qtbot.waitUntil(lambda: any(isinstance(layer, Surface) for layer in viewer.layers), timeout=PATIENCE_MS)
    widget.take_button.click()
    assert viewer.dims.ndisplay == 2 and str(widget.brush.layer.mode) == "paint"
    viewer.dims.ndisplay = 3
    widget.tools["pan_zoom"].click()
    assert viewer.dims.ndisplay == 3


def test_millilitres_are_counted_as_they_are_painted(qtbot, widget, case):
    widget.take_button.click()
    voxel_ml = case.labels.grid.voxel_volume_mm3 / 1000.0
    was = int((gaps_of(case) == 2).sum()) * voxel_ml
    assert lines(widget) == [f"gap-1: {was:.2f} mL counted"]
    layer = widget.brush.layer
    layer.data_setitem((np.arange(20, 40), np.full(20, 5), np.full(20, 5)), 2)
    now = f"gap-1: {was + 20 * voxel_ml:.2f} mL counted (was {was:.2f}; edited)"
    qtbot.waitUntil(lambda: lines(widget) == [now], timeout=PATIENCE_MS)
    assert "not measured" in widget.message.text()


def test_strokes_are_taken_back_one_by_one_by_one_undo(widget, viewer, case):
    history = history_of(viewer)
    widget.take_button.click()
    layer = widget.brush.layer
    layer.paint((10, 10, 10), 2)
    once = np.asarray(layer.data).copy()
    history.settle()
    layer.paint((30, 30, 30), 2)
    history.settle()
    layer.fill((21, 27, 41), NEW)
    history.settle()
    assert history.undo_words == "gap painted"
    history.undo()
    history.undo()
    assert np.array_equal(layer.data, once) and not np.array_equal(once, gaps_of(case))
    history.undo()
    assert np.array_equal(layer.data, gaps_of(case))
    history.redo()
    assert np.array_equal(layer.data, once)


def test_a_painting_that_was_given_up_or_removed_comes_back_by_undo(qtbot, widget, viewer, replanned):
    history = history_of(viewer)
    widget.take_button.click()
    widget.brush.layer.paint((10, 10, 10), 2)
    history.settle()
    painted = np.asarray(widget.brush.layer.data).copy()
    widget.give_up_button.click()
    assert replanned == [] and widget.brush.layer is None, "it was never planned with: the plan's own gaps again"
    history.undo()
    assert np.array_equal(widget.brush.layer.data, painted)
    viewer.layers.remove(widget.brush.layer)
    assert widget.brush.begun is None and history.undo_words == "painting given up"
    history.undo()
    assert np.array_equal(widget.brush.layer.data, painted)
    history.undo()
    history.undo()
    assert widget.brush.layer is None
    history.redo()
    history.redo()
    assert np.array_equal(widget.brush.layer.data, painted)


def test_what_is_painted_is_planned_with_and_can_be_taken_back_after_that(qtbot, widget, viewer, case, replanned):
    widget.take_button.click()
    widget.new_button.click()
    assert widget.brush.layer.selected_label == NEW
    assert lines(widget)[1] == "new gap 1: nothing painted yet"
    widget.brush.layer.data_setitem((np.arange(30, 34), np.full(4, 8), np.full(4, 8)), NEW)
    with qtbot.waitSignal(session_of(viewer).planned, timeout=PATIENCE_MS):
        widget.recompute_button.click()
    (given,) = replanned
    codes = labels_for_display(given.labels).codes
    assert int((codes == NEW).sum()) == 4 and np.array_equal(codes == 2, gaps_of(case) == 2)
    assert str(widget.brush.layer.mode) == "pan_zoom"
    history_of(viewer).undo()
    with qtbot.waitSignal(session_of(viewer).planned, timeout=PATIENCE_MS):
        widget.recompute_button.click()
    assert replanned[1] is None, "nothing is painted any more: the gaps that were begun from"
    assert replanned.begun[1] is case


def test_who_recomputes_goes_on_looking_at_the_same_things(qtbot, widget, viewer, case, monkeypatch):
    """But not at things that only took over a number: a breach elsewhere is not hidden, no needle has an old course."""
    focus = focus_of(viewer)
    first, second = case.plan.trajectories
    other = replace_case(case)
    near = tuple((x + 1.0, y, z) for x, y, z in first.path_lps)
    (breach,) = case.plan.breaches
    breach = breach.model_copy(update={"centroid_lps": (-40.0, 0.0, 0.0)})
    ways = (first.model_copy(update={"path_lps": near}), second)
    other.plan = case.plan.model_copy(update={"trajectories": ways, "breaches": (breach,)})
    monkeypatch.setattr("planner.pipeline.replanned.replan", lambda *_, **__: other)
    focus.set_hidden(frozenset(("trajectory-2", "breach-1")))
    focus.set_chosen(Chosen("needle", "trajectory-1"))
    focus.set_aim(aim_of(first))
    focus.set_depth(12.0)
    widget.take_button.click()
    with qtbot.waitSignal(session_of(viewer).planned, timeout=PATIENCE_MS):
        widget.recompute_button.click()
    assert (focus.hidden, focus.chosen) == ({"trajectory-2"}, Chosen("needle", "trajectory-1"))
    assert (focus.aim.id, focus.aim.path_lps, focus.depth_mm) == ("trajectory-1", near, 12.0)


def test_names_follow_the_plan_that_is_shown(qtbot, widget, viewer, case, monkeypatch):
    """Gaps are numbered anew: what was gap-1 is gap-2 now, and the one that was added is gap-1."""
    widget.take_button.click()
    widget.new_button.click()
    widget.brush.layer.data_setitem((np.arange(30, 34), np.full(4, 8), np.full(4, 8)), NEW)

    def replan(case, config, *, gaps, monitor):
        codes = np.where(gaps.labels.codes == NEW, 7, np.where(gaps.labels.codes == 2, 8, 1))
        gap = next(one for one in case.labels.structures if one.kind == "gap")
        ids = {7: "gap-1", 8: "gap-2"}
        structures = tuple(gap.model_copy(update={"code": code, "id": name}) for code, name in ids.items())
        made = replace_case(case)
        made.labels = replace(case.labels, codes=codes.astype(np.uint8), structures=structures)
        return made

    monkeypatch.setattr("planner.pipeline.replanned.replan", replan)
    assert [line.split(":")[0] for line in lines(widget)] == ["gap-1", "new gap 1"]
    with qtbot.waitSignal(session_of(viewer).planned, timeout=PATIENCE_MS):
        widget.recompute_button.click()
    assert widget.brush.names() == {2: "gap-2", NEW: "gap-1"}
    names = ["gap-2", "gap-1"]
    qtbot.waitUntil(lambda: [line.split(":")[0] for line in lines(widget)] == names, timeout=PATIENCE_MS)
    widget.brush.layer.data_setitem((np.arange(40, 44), np.full(4, 8), np.full(4, 8)), 2)
    assert [one.id for one in widget.brush.edited().labels.structures] == names
    session_of(viewer).show(Shown(case.scan, case.plan, case.labels, case))
    assert widget.brush.names() == {2: "gap-1", NEW: "new gap 1"}, "the plan that it was begun from"


def test_planning_again_begins_from_the_plan_that_is_shown(qtbot, widget, viewer, case, replanned):
    session = session_of(viewer)
    recompute = widget.recompute
    widget.take_button.click()
    assert not recompute.has_painted_gaps
    widget.brush.layer.data_setitem((np.arange(30, 34), np.full(4, 8), np.full(4, 8)), 2)
    for _ in range(2):
        with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
            widget.recompute_button.click()
    shown = focus_of(viewer).shown
    assert recompute.has_painted_gaps and replanned.begun[1] is not case and replanned[1] is None, "nothing new"
    widget.brush.layer.data_setitem((np.arange(40, 44), np.full(4, 8), np.full(4, 8)), 2)
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        widget.recompute_button.click()
    assert replanned.begun[2] is shown.case and replanned[2] is not None, "what was not settled yet, too"
    assert focus_of(viewer).shown.surfaces, "seen in 3D as before"
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        widget.give_up_button.click()
    assert replanned[3] is None and replanned.begun[3] is case, "the gaps that were begun from"


def test_a_plan_is_older_than_what_is_painted_since(qtbot, widget, viewer, case, replanned):
    case.kept = SimpleNamespace(config=session_of(viewer).config)
    widget.take_button.click()
    assert widget.recompute.is_older is False, "nothing was painted"
    widget.brush.layer.paint((10, 10, 10), 2)
    history_of(viewer).settle()
    assert widget.recompute.is_older is True
    with qtbot.waitSignal(session_of(viewer).planned, timeout=PATIENCE_MS):
        widget.recompute_button.click()
    assert widget.recompute.is_older is False
    history_of(viewer).undo()
    assert widget.recompute.is_older is True


def test_a_plan_holds_its_painting_though_a_target_was_drawn_meanwhile(qtbot, widget, viewer, case, monkeypatch):
    """It is older than the target; its gaps are as they are painted, and no edit of it."""
    given = Finding(code="gaps-given", severity="info", message="gaps: as painted")
    other = replace_case(case)
    other.plan = case.plan.model_copy(update={"findings": (given,)})
    other.kept = SimpleNamespace(config=session_of(viewer).config)
    monkeypatch.setattr("planner.pipeline.replanned.replan", lambda *_, **__: other)
    widget.take_button.click()
    widget.brush.layer.paint((10, 10, 10), 2)
    history_of(viewer).settle()
    with qtbot.waitSignal(session_of(viewer).planned, timeout=PATIENCE_MS):
        widget.recompute_button.click()
        target = WishedTarget(point_lps=(1.0, 2.0, 3.0))
        widget.recompute.read_wishes_by(lambda: WishesConfig(targets=(target,)))
    assert widget.recompute.is_older is True and widget.brush.unsaved() is None
    widget.brush.layer.paint((12, 12, 12), 2)
    history_of(viewer).settle()
    assert widget.brush.unsaved() is not None


def test_another_cts_plan_is_not_made_from_this_painting(widget, viewer, case, scan, replanned):
    widget.take_button.click()
    other = replace_case(case)
    other.scan = replace(scan)
    session_of(viewer).show(Shown(other.scan, other.plan, other.labels, other))
    widget.recompute_button.click()
    assert replanned == [] and not session_of(viewer).is_running


def test_the_mouse_paints_and_the_keys_take_it_back(qtbot, make_napari_viewer, case):
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(900, 700)
    made = GapsWidget(viewer, session_of(viewer), can_judge=lambda: True)
    qtbot.addWidget(made)
    session_of(viewer).show(Shown(case.scan, case.plan, case.labels, case))
    viewer.dims.ndisplay = 2
    made.take_button.click()
    layer = made.brush.layer
    before = np.asarray(layer.data).copy()
    viewer.reset_view()
    canvas = viewer.window._qt_viewer.canvas.native
    start = QPoint(canvas.width() // 2, canvas.height() // 2)
    qtbot.mouseMove(canvas, start)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 6):
        qtbot.mouseMove(canvas, start + QPoint(6 * step, 0))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=start + QPoint(30, 0))
    qtbot.waitUntil(lambda: not np.array_equal(layer.data, before), timeout=PATIENCE_MS)
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(layer.data, before), "a whole stroke by one undo"
    assert history_of(viewer).redo_words == "gap painted"


def test_in_3d_it_says_that_nothing_is_painted(widget, viewer):
    viewer.dims.ndisplay = 3
    assert "3D" not in widget.message.text(), "nobody paints yet"
    viewer.dims.ndisplay = 2
    widget.take_button.click()
    assert "3D" not in widget.message.text()
    viewer.dims.ndisplay = 3
    assert widget.message.text().startswith("Paint in a 2D view")
    viewer.dims.ndisplay = 2
    assert "3D" not in widget.message.text()
