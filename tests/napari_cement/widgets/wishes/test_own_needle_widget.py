"""A needle of one's own in the dock: picked, taken from the plan, dragged, judged, kept."""

import threading

import pytest
from napari.qt.threading import WorkerBase
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_cement._display import display_of
from napari_cement._focus import Chosen, Handle, focus_of
from napari_cement._layers import to_world
from napari_cement.edit import own_needle
from napari_cement.widgets import PlanWidget
from napari_cement.widgets.wishes.own_verdict import BROKEN, CAUTION, CLEAR, OwnVerdict
from planner.config.wishes_config import LockedNeedle, WishesConfig
from planner.model.needle import AimError
from tests.napari_cement.drawn.test_wish_layers import ALL
from tests.napari_cement.widgets.wishes.stand_in import PATIENCE_MS, add_ct, choose, keep, pick_own, planned


def test_an_own_needle_is_judged_at_once_against_the_regions_drawn(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    own = widget.wishes.own
    pick_own(widget, viewer)
    assert own.verdict.text() == "Not judged: plan on this CT first."
    stand_in.violations = lambda entry, tip: ("hits metal",)
    planned(qtbot, widget)
    qtbot.waitUntil(lambda: "BREAKS HARD LIMITS: hits metal" in own.verdict.text(), timeout=PATIENCE_MS)
    assert "clear of spinal canal" in own.figures.text() and "not measured" in own.figures.text()
    stand_in.violations = lambda entry, tip: ()
    widget.wishes.setValue(ALL)
    qtbot.waitUntil(lambda: own.verdict.text().startswith("Keeps every hard limit"), timeout=PATIENCE_MS)
    usual = own.gauge()
    wide = next(name for name in widget.session.catalogue if name.startswith("11G"))
    own.gauges.setCurrentIndex(own.gauges.findData(wide))
    qtbot.waitUntil(lambda: stand_in.asked[-1][2] == wide, timeout=PATIENCE_MS)
    ends = (26.0, 41.0, 11.0), (10.0, -5.0, 4.0)
    assert stand_in.asked[0] == (*ends, usual, ())
    assert stand_in.asked[-1] == (*ends, wide, tuple((t.point_lps, t.radius_mm) for t in ALL.targets))
    regions = ALL.model_copy(update={"targets": (), "locked": ()})
    assert stand_in.judged_by == [WishesConfig(), regions], "targets and locks change no distance"
    keep(qtbot, widget)
    assert widget.wishes.value().locked[-1] == LockedNeedle(entry_lps=ends[0], target_lps=ends[1], needle=wide)
    assert "my needle" not in viewer.layers and not own.keep_button.isEnabled()


def test_why_an_own_needle_cannot_be_judged_is_said(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    stand_in.why_not = "the target lies outside the picture"
    pick_own(widget, viewer)
    qtbot.waitUntil(lambda: "outside the picture" in widget.wishes.own.verdict.text(), timeout=PATIENCE_MS)
    assert widget.wishes.own.figures.text() == ""
    viewer.layers["my needle"].add([0.0, 0.0, 0.0])
    assert "More than two points" in widget.wishes.own.verdict.text()


def test_only_the_newest_place_is_judged_and_what_is_old_is_dropped(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    own, needle = widget.wishes.own, widget.wishes.needle
    pick_own(widget, viewer)
    qtbot.waitUntil(lambda: "Keeps" in own.verdict.text(), timeout=PATIENCE_MS)
    asked = len(stand_in.asked)
    stand_in.hold.clear()
    stand_in.violations = lambda entry, tip: (f"entry at {entry[0]:.0f}",)
    for x in (27.0, 28.0, 29.0, 30.0):
        needle.move("entry", (x, 41.0, 11.0))
    qtbot.waitUntil(lambda: len(stand_in.asked) == asked + 1, timeout=PATIENCE_MS)
    stand_in.hold.set()
    qtbot.waitUntil(lambda: "entry at 30" in own.verdict.text(), timeout=PATIENCE_MS)
    assert [entry[0] for entry, *_ in stand_in.asked[asked:]] == [27.0, 30.0], "no queue"
    stand_in.hold.clear()
    needle.move("entry", (31.0, 41.0, 11.0))
    qtbot.waitUntil(lambda: stand_in.asked[-1][0][0] == 31.0, timeout=PATIENCE_MS)
    own.clear_button.click()
    stand_in.hold.set()
    qtbot.wait(100)
    assert "Pick its entry" in own.verdict.text(), "the needle has gone"


def test_a_needle_of_the_plan_is_taken_moved_and_kept(qtbot, widget, viewer, scan, stand_in, straight):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    own, focus = widget.wishes.own, focus_of(viewer)
    focus.set_chosen(Chosen("needle", "trajectory-2"))
    own.move_button.click()
    assert "slides along the implant or bends" in own.verdict.text() and widget.wishes.needle.points() == ()
    focus.set_chosen(Chosen("needle", "trajectory-1"))
    own.move_button.click()
    assert widget.wishes.needle.ends() == ((25.0, 40.0, 10.0), (10.0, -5.0, 4.0))
    assert focus.handles == (Handle("entry", (25.0, 40.0, 10.0)), Handle("tip", (10.0, -5.0, 4.0)))
    assert focus.aim.path_lps == ((25.0, 40.0, 10.0), (10.0, -5.0, 4.0)) and focus.aim.id is None
    focus.handleMoved.emit("tip", (11.0, -4.0, 4.0))
    assert widget.wishes.needle.ends()[1] == (11.0, -4.0, 4.0) == focus.handles[1].point_lps == focus.aim.path_lps[1]
    focus.handleMoved.emit("another's", (0.0, 0.0, 0.0))
    keep(qtbot, widget)
    (kept,) = widget.wishes.value().locked
    assert (kept.entry_lps, kept.target_lps) == ((25.0, 40.0, 10.0), (11.0, -4.0, 4.0))
    assert focus.handles == () and focus.aim is None
    assert straight.trajectories[0].target_lps == (10.0, -5.0, 4.0), "the plan's own stays"


def test_an_end_is_dragged_with_the_mouse_and_the_verdict_follows(qtbot, make_napari_viewer, scan, stand_in):
    """In a real window: while the button is still down."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1000, 800)
    widget = PlanWidget(viewer)
    viewer.window.add_dock_widget(widget, area="right")
    add_ct(viewer, scan)
    planned(qtbot, widget)
    stand_in.violations = lambda entry, tip: (f"entry at {entry[0]:.1f} {entry[1]:.1f}",)
    display_of(viewer).show("axial")
    pick_own(widget, viewer, entry=(26.0, 30.0, 5.0), tip=(10.0, -5.0, 5.0))
    own, needle = widget.wishes.own, widget.wishes.needle
    display_of(viewer).fly_to(to_world((18.0, 12.0, 5.0)))
    qtbot.waitUntil(lambda: "entry at 26.0 30.0" in own.verdict.text(), timeout=PATIENCE_MS)
    canvas = viewer.window._qt_viewer.canvas.native
    zoom = viewer.scene.camera.zoom
    # One screen pixel is 1 / zoom mm; left of the patient is on the right of the screen.
    start = QPoint(round(canvas.width() / 2 + (26.0 - 18.0) * zoom), round(canvas.height() / 2 + (30.0 - 12.0) * zoom))
    qtbot.mouseMove(canvas, start)
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 9):
        move = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(start + QPoint(4 * step, 0)), QPointF(start + QPoint(4 * step, 0)),
            Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(canvas, move)
        qtbot.wait(20)
    entry, tip = needle.ends()
    assert entry[0] == pytest.approx(26.0 + 32 / zoom, abs=1.0) and entry[1] == pytest.approx(30.0, abs=1.0)
    assert tip == (10.0, -5.0, 5.0)
    words = f"entry at {entry[0]:.1f} {entry[1]:.1f}"
    qtbot.waitUntil(lambda: words in own.verdict.text(), timeout=PATIENCE_MS)
    assert focus_of(viewer).aim.path_lps == (entry, tip)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=start + QPoint(32, 0))
    widget.wishes.history.settle()
    widget.wishes.history.undo()
    assert needle.ends() == ((26.0, 30.0, 5.0), (10.0, -5.0, 5.0)), "a drag is one step"
    widget.session.cancel()
    WorkerBase.await_workers(PATIENCE_MS)


def test_a_target_is_set_at_an_own_needles_tip(qtbot, widget, viewer, scan):
    add_ct(viewer, scan)
    pick_own(widget, viewer)
    widget.wishes.own.target_button.click()
    assert [target.point_lps for target in widget.wishes.value().targets] == [(10.0, -5.0, 4.0)]


def judged(qtbot, own, words="Keeps every hard limit"):
    qtbot.waitUntil(lambda: own.verdict.text().startswith(words), timeout=PATIENCE_MS)


def test_no_good_word_stands_there_while_another_place_is_judged(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    own = widget.wishes.own
    pick_own(widget, viewer)
    judged(qtbot, own)
    stand_in.hold.clear()
    widget.wishes.needle.move("tip", (11.0, -5.0, 4.0))
    assert own.verdict.text() == "Judging …" and "888888" in own.verdict.styleSheet()
    assert "Of the place just passed:" in own.figures.text() and "888888" in own.figures.styleSheet()
    stand_in.hold.set()
    judged(qtbot, own)
    assert "just passed" not in own.figures.text() and "888888" not in own.figures.styleSheet()
    stand_in.violations = lambda entry, tip: ("hits metal",)
    widget.wishes.needle.move("tip", (12.0, -5.0, 4.0))
    judged(qtbot, own, "BREAKS HARD LIMITS")
    stand_in.hold.clear()
    widget.wishes.needle.move("tip", (13.0, -5.0, 4.0))
    assert own.verdict.text() == "Judging … Of the place just passed: BREAKS HARD LIMITS: hits metal."
    own.gauges.setCurrentIndex((own.gauges.currentIndex() + 1) % own.gauges.count())
    assert own.verdict.text() == "Judging …" and own.figures.text() == "", "of another needle nothing is known"


def test_until_a_plan_can_be_judged_by_it_says_so(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    stand_in.make.clear()
    planned(qtbot, widget)
    pick_own(widget, viewer)
    assert widget.wishes.own.verdict.text().startswith("Getting ready")
    stand_in.make.set()
    judged(qtbot, widget.wishes.own)


def test_a_needle_that_was_held_and_moved_takes_its_own_place(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    wishes, own = widget.wishes, widget.wishes.own
    choose(widget, "1:")
    widget.lock_button.click()
    (held,) = wishes.value().locked
    assert held.made == "automatic"
    wishes.wishes.lock(ALL.locked[0])
    wishes.history.settle()
    own.move_button.click()
    keep(qtbot, widget)
    assert wishes.value().locked == (held, ALL.locked[0]), "nobody moved it: it is the program's still, and there once"
    own.move_button.click()
    wishes.needle.move("tip", (11.0, -4.0, 4.0))
    wishes.history.settle()
    keep(qtbot, widget)
    moved = held.model_copy(update={"target_lps": (11.0, -4.0, 4.0), "made": "edited"})
    assert wishes.value().locked == (moved, ALL.locked[0])
    wishes.history.undo()
    assert wishes.value().locked == (held, ALL.locked[0]) and wishes.needle.ends()[1] == (11.0, -4.0, 4.0)
    keep(qtbot, widget)
    assert wishes.value().locked == (moved, ALL.locked[0]), "undo knows whose place it takes"


def test_a_picked_needle_takes_no_ones_place(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    choose(widget, "1:")
    widget.lock_button.click()
    widget.wishes.own.move_button.click()
    widget.wishes.own.clear_button.click()
    pick_own(widget, viewer)
    keep(qtbot, widget)
    assert [one.made for one in widget.wishes.value().locked] == ["automatic", "edited"]


def test_a_needle_whose_tip_lies_in_no_gap_is_kept_with_a_target(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    own = widget.wishes.own
    pick_own(widget, viewer)
    judged(qtbot, own)
    assert own.keep_button.text() == "Keep it"
    stand_in.violations = lambda entry, tip: ("the tip misses every gap by 9.0 mm",)
    widget.wishes.needle.move("tip", (10.0, 6.0, 4.0))
    judged(qtbot, own, "Keeps every limit on its way, reaches no gap")
    assert CAUTION in own.verdict.styleSheet(), "amber: it misses what it is for"
    assert own.keep_button.text() == "Keep it, with a target at its tip"
    keep(qtbot, widget)
    value = widget.wishes.value()
    assert [t.point_lps for t in value.targets] == [(10.0, 6.0, 4.0)] == [one.target_lps for one in value.locked]


def test_the_canvas_follows_a_handle_when_it_is_still(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    pick_own(widget, viewer)
    judged(qtbot, widget.wishes.own)
    needle, layer, focus = widget.wishes.needle, viewer.layers["my needle"], focus_of(viewer)
    before = layer.data.copy()
    for x in (11.0, 12.0, 13.0):
        focus.handleMoved.emit("tip", (x, -5.0, 4.0))
        assert needle.ends()[1] == (x, -5.0, 4.0) == focus.handles[1].point_lps == focus.aim.path_lps[1]
        assert (layer.data == before).all()
    qtbot.waitUntil(lambda: layer.data[1].tolist() == to_world((13.0, -5.0, 4.0)).tolist(), timeout=PATIENCE_MS)
    judged(qtbot, widget.wishes.own)
    course = viewer.layers["my needle's course"].data
    assert abs(course - to_world((13.0, -5.0, 4.0))).sum(axis=1).min() < 1e-6
    focus.handleMoved.emit("tip", (14.0, -5.0, 4.0))
    needle.clear()
    assert needle.points() == () and "my needle" not in viewer.layers
    focus.handleMoved.emit("tip", (15.0, -5.0, 4.0))
    assert needle.points() == (), "there is none to be moved"


def test_the_headlines_colour_is_that_of_its_words(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    own = widget.wishes.own
    pick_own(widget, viewer)
    judged(qtbot, own)
    assert CLEAR in own.verdict.styleSheet()
    first = stand_in.case.plan.trajectories[0]
    no_canal = first.clearance_mm.model_copy(update={"canal": None})
    aimed = AimError(error_mm=2.0, error_deg=3.0, metal=1.0, canal=-0.5, forbidden=None, harmless_share=0.5)
    for n, (changes, words, colour) in enumerate(
        (
            ({"with_aim_error": aimed}, "CAUTION: aimed 2 mm", CAUTION),
            ({"cautions": ("close to the pleura",)}, "Keeps every hard limit", CAUTION),
            ({"clearance_mm": no_canal}, "the distance from spinal canal was NOT MEASURED", CAUTION),
            ({}, "Keeps every hard limit", CLEAR),
        )
    ):
        way = first.model_copy(update=changes)
        stand_in.case.plan = stand_in.case.plan.model_copy(update={"trajectories": (way,)})
        widget.wishes.needle.move("tip", (10.0, -5.0, 5.0 + n))
        qtbot.waitUntil(lambda c=colour: c in own.verdict.styleSheet(), timeout=PATIENCE_MS)
        assert words in own.verdict.text()
    stand_in.violations = lambda entry, tip: ("hits metal",)
    widget.wishes.needle.move("tip", (10.0, -5.0, 9.0))
    judged(qtbot, own, "BREAKS HARD LIMITS")
    assert BROKEN in own.verdict.styleSheet()


def test_the_canvas_follows_a_verdict_with_a_caution_as_soon_as_a_good_one(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    own, needle = widget.wishes.own, widget.wishes.needle
    pick_own(widget, viewer)
    judged(qtbot, own)
    way = stand_in.case.plan.trajectories[0].model_copy(update={"cautions": ("close to the pleura",)})
    stand_in.case.plan = stand_in.case.plan.model_copy(update={"trajectories": (way,)})
    stand_in.hold.clear()
    focus_of(viewer).handleMoved.emit("tip", (11.0, -5.0, 4.0))
    assert needle._timer.interval() == own_needle._WITHOUT_VERDICT_MS
    needle._timer.stop()
    stand_in.hold.set()
    qtbot.waitUntil(lambda: CAUTION in own.verdict.styleSheet(), timeout=PATIENCE_MS)
    assert needle._timer.isActive() and needle._timer.interval() == own_needle._AFTER_VERDICT_MS


def test_a_window_that_closes_waits_for_the_verdict_under_way_and_begins_no_other(
    qtbot, widget, viewer, scan, stand_in
):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    pick_own(widget, viewer)
    judged(qtbot, widget.wishes.own)
    judge, told = widget.wishes.own.judge, []
    judge.judged.connect(lambda *of: told.append(of))
    stand_in.hold.clear()
    stand_in.asked.clear()
    for x in (11.0, 12.0):
        widget.wishes.needle.move("tip", (x, -5.0, 4.0))
    qtbot.waitUntil(lambda: len(stand_in.asked) == 1, timeout=PATIENCE_MS)
    work = judge._work
    let_go = threading.Timer(0.3, stand_in.hold.set)
    let_go.start()
    viewer.close()
    assert work.wait(0.0), "it has ended"
    let_go.join()
    qtbot.wait(50)
    judge.prepare()
    assert len(stand_in.asked) == 1 and told == []


def test_no_verdict_is_cut_off_however_long_it_is(qtbot):
    said = OwnVerdict()
    qtbot.addWidget(said)
    said.resize(300, 200)
    said.show()
    least = said.headline.minimumHeight()
    assert least >= 3 * said.headline.fontMetrics().lineSpacing(), "what stands below does not jump"
    said.say("BREAKS HARD LIMITS: " + "tissue out of bounds; grazes bone on its way; " * 6)
    assert said.headline.minimumHeight() == said.headline.heightForWidth(said.headline.width()) > least
    said.say("Judging …")
    assert said.headline.minimumHeight() == least
