"""Steps that are taken back and done again, and a plan that is older than the edits."""

import threading

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_cement._focus import Shown, focus_of
from napari_cement._layers import to_world
from napari_cement.edit import history as stepping
from napari_cement.widgets.wishes.steps_bar import StepsBar
from planner.config.wishes_config import WishesConfig
from tests.napari_cement.widgets.wishes.stand_in import PATIENCE_MS, add_ct, keep, of_series, pick_own, planned


def undo_keys(qtbot, widget, keys=Qt.KeyboardModifier.ControlModifier, on=None):
    window, on = widget.window(), on or widget.wishes
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow, timeout=PATIENCE_MS)
    on.setFocus()
    qtbot.keyClick(on, Qt.Key.Key_Z, keys)


def test_steps_are_taken_back_and_done_again_in_their_order(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    wishes, history = widget.wishes, widget.wishes.history
    assert not wishes.steps.undo_button.isEnabled()
    wishes.wishes.add_target((1.0, 2.0, 3.0), radius_mm=2.0)
    assert wishes.steps.undo_button.toolTip() == "Undo: target added"
    # It comes to rest by itself.
    qtbot.waitUntil(lambda: history._stack.count() == 1, timeout=PATIENCE_MS)
    pick_own(widget, viewer)
    history.settle()
    wishes.needle.move("tip", (12.0, -5.0, 4.0))
    wishes.needle.move("tip", (13.0, -5.0, 4.0))
    history.settle()
    assert wishes.steps.undo_button.toolTip() == "Undo: my needle's tip moved"
    keep(qtbot, widget)
    history.settle()
    planned(qtbot, widget)
    held = wishes.value()
    assert len(held.locked) == 1 and wishes.steps.undo_button.toolTip() == "Undo: needle kept"
    wishes.steps.undo_button.click()
    assert wishes.value().locked == () and wishes.needle.ends()[1] == (13.0, -5.0, 4.0), "after a recompute, too"
    wishes.steps.undo_button.click()
    assert wishes.needle.ends()[1] == (10.0, -5.0, 4.0), "a drag is one step"
    wishes.steps.undo_button.click()
    assert wishes.needle.points() == ()
    wishes.steps.undo_button.click()
    assert wishes.value() == WishesConfig() == widget.session.wishes
    assert not wishes.steps.undo_button.isEnabled() and wishes.steps.redo_button.toolTip() == "Redo: target added"
    for _ in range(4):
        wishes.steps.redo_button.click()
    assert wishes.value() == held == widget.session.wishes


def test_the_button_names_what_undo_takes_back_also_before_it_has_come_to_rest(widget, viewer):
    wishes, steps = widget.wishes, widget.wishes.steps
    wishes.wishes.add_target((1.0, 2.0, 3.0), radius_mm=2.0)
    wishes.history.settle()
    viewer.layers["my targets"].selected_data = {0}
    viewer.layers["my targets"].remove_selected()
    assert steps.undo_button.toolTip() == "Undo: target taken away", "not: target added"
    steps.undo_button.click()
    assert len(wishes.value().targets) == 1
    assert steps.undo_button.toolTip() == "Undo: target added"
    assert steps.redo_button.toolTip() == "Redo: target taken away"
    wishes.wishes.add_target((5.0, 2.0, 3.0), radius_mm=2.0)
    assert steps.undo_button.toolTip() == "Undo: target added" and not steps.redo_button.isEnabled()
    wishes.wishes.setValue(WishesConfig(targets=wishes.value().targets[:1]))
    assert steps.redo_button.isEnabled(), "it is as it was"


def test_a_drag_that_pauses_is_one_step(qtbot, widget, viewer):
    wishes, history = widget.wishes, widget.wishes.history
    pick_own(widget, viewer)
    history.settle()
    viewer.show()
    window = viewer.window._qt_window.windowHandle()  # a press on a widget alone is unknown to the program
    nowhere = QPoint(window.width() - 2, window.height() - 2)
    QTest.mousePress(window, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, nowhere)
    try:
        for x in (12.0, 14.0):
            wishes.needle.move("tip", (x, -5.0, 4.0))
            qtbot.wait(2 * stepping.SETTLE_MS)
        assert wishes._edits._timer.isActive(), "it goes on"
    finally:
        QTest.mouseRelease(window, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, nowhere)
    qtbot.waitUntil(lambda: not wishes._edits._timer.isActive(), timeout=PATIENCE_MS)
    history.undo()
    assert wishes.needle.ends()[1] == (10.0, -5.0, 4.0), "from press to release"


def test_what_was_done_just_before_a_press_is_a_step_of_its_own(qtbot, widget, viewer):
    viewer.show()
    wishes = widget.wishes
    wishes.wishes.add_target((1.0, 2.0, 3.0), radius_mm=2.0)
    assert wishes._edits._timer.isActive(), "it has not come to rest"
    canvas = viewer.window._qt_viewer.canvas.native
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, 5))
    try:
        assert not wishes._edits._timer.isActive() and wishes.history.undo_words is not None
    finally:
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(5, 5))


def test_the_keys_take_back_what_has_not_come_to_rest_yet(qtbot, widget, viewer):
    viewer.show()
    widget.tabs.setCurrentIndex(1)
    widget.wishes.wishes.add_target((1.0, 2.0, 3.0), radius_mm=2.0)
    undo_keys(qtbot, widget)
    assert widget.wishes.value() == WishesConfig()
    undo_keys(qtbot, widget, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert len(widget.wishes.value().targets) == 1


def test_steps_of_one_patient_cannot_be_taken_back_in_another(widget, viewer, scan):
    add_ct(viewer, of_series(scan, "1.2.3"), "CT one")
    widget.wishes.wishes.add_target((1.0, 2.0, 3.0), radius_mm=2.0)
    add_ct(viewer, of_series(scan, "1.2.4"), "CT two")
    assert focus_of(viewer).shown.scan.series.series_instance_uid == "1.2.4", "the one that came is the one shown"
    widget.wishes.history.undo()
    assert widget.wishes.value() == WishesConfig()


def test_a_plan_that_is_older_than_the_edits_says_so(qtbot, widget, viewer, scan, stand_in):
    steps, wishes = widget.wishes.steps, widget.wishes
    assert steps.older.isHidden() and wishes.recompute.is_older is None, "there is none"
    add_ct(viewer, scan)
    planned(qtbot, widget)
    assert steps.older.isHidden() and wishes.recompute.is_older is False
    wishes.wishes.add_target((1.0, 2.0, 3.0), radius_mm=2.0)
    assert not steps.older.isHidden() and "press Recompute" in steps.older.text()
    wishes.history.undo()
    assert steps.older.isHidden(), "as it was planned"
    wishes.history.redo()
    with qtbot.waitSignal(widget.session.planned, timeout=PATIENCE_MS):
        steps.recompute_button.click()
    assert len(stand_in.wishes[-1].targets) == 1 and stand_in.gaps == [None]
    assert steps.older.isHidden()
    wishes.history.undo()
    assert not steps.older.isHidden(), "undone after it was planned with"


def test_targets_that_are_drawn_while_the_plan_is_made_again_all_stay(
    qtbot, widget, viewer, scan, stand_in, monkeypatch
):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    wishes, gate, begun, replan = widget.wishes, threading.Event(), threading.Event(), stand_in.replan

    def held(*args, **named):
        begun.set()
        gate.wait(PATIENCE_MS / 1000)
        return replan(*args, **named)

    monkeypatch.setattr("planner.pipeline.replanned.replan", held)
    wishes.wishes.draw("targets", radius_mm=2.0)
    layer = viewer.layers["my targets"]
    layer.add(to_world((1.0, 2.0, 3.0)))
    assert wishes.recompute.start()
    qtbot.waitUntil(begun.is_set, timeout=PATIENCE_MS)
    for x in (5.0, 9.0):
        layer.add(to_world((x, 2.0, 3.0)))
    with qtbot.waitSignal(widget.session.planned, timeout=PATIENCE_MS):
        gate.set()
        for x in (13.0, 17.0):
            layer.add(to_world((x, 2.0, 3.0)))
    drawn = [place[0] for place, _ in wishes.wishes.balls("targets")]
    assert drawn == [target.point_lps[0] for target in widget.session.wishes.targets] == [1.0, 5.0, 9.0, 13.0, 17.0]
    assert wishes.recompute.is_older is True


def test_a_plan_that_was_read_is_not_said_to_be_older(widget, viewer, scan, plan, labels):
    add_ct(viewer, scan)
    widget.session.show(Shown(scan, plan, labels))
    widget.wishes.wishes.add_target((1.0, 2.0, 3.0), radius_mm=2.0)
    assert widget.wishes.recompute.is_older is None and widget.wishes.steps.older.isHidden()
    assert not widget.wishes.recompute.start()


def test_what_is_drawn_and_no_wish_is_not_recomputed_with(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    widget.wishes.wishes.add_target((1.0, 2.0, 3.0), radius_mm=2.0)
    viewer.layers["my targets"].selected_data = {0}
    viewer.layers["my targets"].current_size = 40.0
    widget.wishes.steps.recompute_button.click()
    assert not widget.session.is_running and len(stand_in.wishes) == 1
    assert "15" in widget.wishes.steps.older.text()


def test_the_keys_work_wherever_the_focus_is_but_in_a_layer_that_is_painted_with_naparis_own(qtbot, widget, viewer):
    viewer.show()
    widget.tabs.setCurrentIndex(0)
    widget.wishes.wishes.add_target((1.0, 2.0, 3.0), radius_mm=2.0)
    undo_keys(qtbot, widget, on=widget.tree)
    assert widget.wishes.value() == WishesConfig()
    widget.wishes.wishes.add_target((1.0, 2.0, 3.0), radius_mm=2.0)
    viewer.add_labels(np.zeros((4, 4, 4), np.uint8), name="another's")
    undo_keys(qtbot, widget, on=widget.tree)
    assert len(widget.wishes.value().targets) == 1, "napari's own"
    viewer.layers.selection.active = viewer.layers["my targets"]
    undo_keys(qtbot, widget, on=viewer.window._qt_viewer.canvas.native)
    assert widget.wishes.value() == WishesConfig()


def test_no_word_of_what_is_refused_is_cut_off(qtbot, widget):
    bar = StepsBar(widget.wishes.history, widget.wishes.recompute)
    qtbot.addWidget(bar)
    bar.resize(200, 60)
    bar.show()
    widget.wishes.recompute.refused.emit("a drawn region holds nothing that the planner takes; " * 4)
    words = bar.older
    assert words.minimumHeight() == words.heightForWidth(words.width()) > 3 * words.fontMetrics().lineSpacing()
