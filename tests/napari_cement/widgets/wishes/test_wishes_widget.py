"""Wishes in the dock: locked from the tree, planned with, saved, kept to their CT."""

import pytest
from qtpy.QtCore import Qt

from napari_cement._layers import to_world
from napari_cement.widgets import PlanWidget
from planner.config.needle_config import NeedleConfig
from planner.config.plan_config import PlanConfig, load_settings
from planner.config.wishes_config import LockedNeedle, WishesConfig
from planner.model.finding import Finding
from planner.needles.catalogue import needle_named
from tests.napari_cement.drawn.test_wish_layers import ALL
from tests.napari_cement.widgets.wishes.stand_in import PATIENCE_MS, add_ct, choose, of_series, pick_own, planned


def test_plan_again_plans_with_what_is_drawn(qtbot, widget, viewer, scan, stand_in):
    assert not widget.wishes.plan_button.isEnabled(), "no CT"
    add_ct(viewer, scan)
    planned(qtbot, widget)
    widget.wishes.setValue(ALL)
    assert [widget.wishes.counts[wish].text() for wish in ("targets", "keep_out")] == ["2 there", "1 there, 1 box"]
    planned(qtbot, widget)
    assert stand_in.wishes == [WishesConfig(), ALL]
    assert stand_in.gaps == [None], "the second plan measures nothing anew, and takes the gaps as they are"
    assert {"my targets", "keep out", "enter through"} <= {layer.name for layer in viewer.layers}, "they stay"


def test_what_the_planner_does_not_take_is_not_planned_with(widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    widget.wishes.setValue(ALL)
    viewer.layers["my targets"].selected_data = {0}
    viewer.layers["my targets"].current_size = 40.0
    assert "15" in widget.wishes.message.text()
    widget.wishes.plan_button.click()
    assert not widget.session.is_running and stand_in.wishes == []


def test_wishes_of_settings_are_drawn_at_once(viewer):
    widget = PlanWidget(viewer, PlanConfig(needles=NeedleConfig(wishes=ALL)))
    assert widget.wishes.value() == ALL
    assert "keep out" in viewer.layers


def test_saved_wishes_are_settings_that_are_loaded_again(widget, tmp_path):
    file = tmp_path / "wishes.toml"
    widget.wishes.setValue(ALL)
    widget.wishes.save(file)
    assert load_settings(file).needles.wishes == ALL
    assert "--settings wishes.toml" in widget.wishes.message.text()
    widget.wishes.setValue(WishesConfig())
    widget.wishes.load(file)
    assert widget.wishes.value() == ALL == widget.session.wishes


def test_files_that_cannot_be_read_or_written_are_said(widget, tmp_path):
    widget.wishes.setValue(ALL)
    widget.wishes.save(tmp_path / "nowhere" / "wishes.toml")
    assert widget.wishes.message.text().startswith("Not saved")
    (tmp_path / "bad.toml").write_text("[needles.wishes]\ntarget = 1\n")
    widget.wishes.load(tmp_path / "bad.toml")
    assert widget.wishes.message.text().startswith("Not loaded")
    assert widget.wishes.value() == ALL


def test_wishes_of_one_ct_are_none_of_another(widget, viewer, scan):
    first = of_series(scan, "1.2.3")
    widget.wishes.setValue(ALL)
    add_ct(viewer, first, "CT one")
    assert widget.wishes.value() == ALL, "wished before there was a CT"
    add_ct(viewer, of_series(scan, "1.2.4"), "CT two")
    assert widget.wishes.value() == WishesConfig() == widget.session.wishes
    assert [layer.name for layer in viewer.layers] == ["CT two"], "one CT a window"


def test_a_needle_is_locked_and_let_go_from_the_tree(qtbot, widget, viewer, scan, stand_in, straight):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    assert not widget.lock_button.isEnabled(), "none is chosen"
    choose(widget, "1:")
    widget.lock_button.click()
    name = next(n for n, needle in widget.session.catalogue.items() if needle == needle_named("15G"))
    held = LockedNeedle(entry_lps=(25.0, 40.0, 10.0), target_lps=(10.0, -5.0, 4.0), needle=name, made="automatic")
    assert widget.wishes.value().locked == (held,) == widget.session.wishes.locked
    assert widget.wishes.locked.count() == 1
    assert widget.lock_button.text() == "Unlock this needle"
    choose(widget, "2:")
    assert widget.lock_button.text() == "Lock this needle"
    assert not widget.lock_button.isEnabled(), "a needle that cannot be held is not offered to be"
    assert "only straight needles can be held" in widget.lock_button.toolTip()
    widget.lock_button.click()
    assert widget.wishes.value().locked == (held,)
    choose(widget, "1:")
    assert widget.lock_button.isEnabled() and "holds the chosen needle" in widget.lock_button.toolTip()
    widget.lock_button.click()
    assert widget.wishes.value().locked == ()


def test_what_is_said_of_a_lock_stands_only_while_it_is_true(qtbot, widget, viewer, scan, stand_in, straight):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    says = "The next plan holds this needle as it is."
    choose(widget, "1:")

    def lock():
        widget.lock_button.click()
        widget.wishes.history.settle()
        assert widget.message.text() == says

    lock()
    widget.wishes.history.undo()
    assert widget.wishes.value().locked == () and widget.message.text() == "", "undone"
    lock()
    widget.wishes.locked.setCurrentRow(0)
    widget.wishes.unlock_button.click()
    assert widget.message.text() == "", "let go from its list"
    lock()
    choose(widget, "2:")
    assert widget.message.text() == "", "another needle is chosen"
    choose(widget, "1:")
    widget.lock_button.click()
    assert "may take another needle" in widget.message.text()
    lock()
    widget.wishes.own.move_button.click()
    assert widget.message.text() == says, "in the hand, not moved yet"
    widget.wishes.needle.move("tip", (11.0, -4.0, 4.0))
    assert widget.message.text() == "", "it was dragged"


def test_a_plan_of_another_ct_offers_no_lock(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, of_series(scan, "1.2.3"), "CT one")
    planned(qtbot, widget)
    choose(widget, "1:")
    add_ct(viewer, of_series(scan, "1.2.4"), "CT two")
    assert widget.ct.text() == "CT two" and not widget.tree.findItems("2:", Qt.MatchFlag.MatchContains)
    assert not widget.lock_button.isEnabled() and not widget.wishes.here_button.isEnabled()
    pick_own(widget, viewer)
    assert "plan on this CT first" in widget.wishes.own.verdict.text()


def test_a_locked_needle_is_let_go_from_its_list(widget):
    widget.wishes.setValue(ALL)
    assert not widget.wishes.unlock_button.isEnabled()
    widget.wishes.locked.setCurrentRow(0)
    widget.wishes.unlock_button.click()
    assert widget.wishes.value().locked == () and widget.wishes.locked.count() == 0


def test_a_target_at_the_chosen_row(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    assert not widget.wishes.here_button.isEnabled()
    choose(widget, "soft tissue (breach-1)")
    widget.wishes.radii["targets"].setValue(3.5)
    widget.wishes.here_button.click()
    (target,) = widget.wishes.value().targets
    assert (target.point_lps, target.radius_mm) == ((20.0, -4.0, 6.0), 3.5)


def test_the_buttons_take_up_naparis_tool_and_put_it_down(widget, viewer, scan):
    add_ct(viewer, scan)
    button = widget.wishes.add_buttons["keep_out"]
    button.click()
    assert button.isChecked() and str(viewer.layers["keep out"].mode) == "add"
    widget.wishes.add_buttons["targets"].click()
    assert not button.isChecked()
    viewer.layers.selection.active = viewer.layers["CT leg"]
    assert not widget.wishes.add_buttons["targets"].isChecked()
    button.click()
    button.click()
    assert str(viewer.layers["keep out"].mode) == "pan_zoom"
    widget.wishes.own.pick_button.click()
    assert widget.wishes.own.pick_button.isChecked() and str(viewer.layers["my needle"].mode) == "add"
    viewer.layers["my needle"].add(to_world((1.0, 2.0, 3.0)))
    viewer.layers["my needle"].add(to_world((1.0, 2.0, 9.0)))
    assert not widget.wishes.own.pick_button.isChecked()
    assert widget.wishes.own.hold_button.isChecked(), "its course was drawn, and its ends are dragged now"
    widget.wishes.own.hold_button.click()
    assert str(viewer.layers["my needle"].mode) == "pan_zoom"


def test_a_long_verdict_is_not_cut_off_in_a_low_window(widget, viewer):
    viewer.window._qt_window.resize(900, 500)
    widget.tabs.setCurrentIndex(1)
    own = widget.wishes.own
    own.verdict.setText("BREAKS HARD LIMITS: tissue out of bounds; grazes bone on its way; comes from the front.")
    assert own.verdict.minimumHeight() >= own.verdict.heightForWidth(widget.minimumWidth() - 60)


def test_who_draws_is_shown_slices(widget, viewer, scan):
    add_ct(viewer, scan)
    viewer.dims.ndisplay = 3
    widget.wishes.add_buttons["targets"].click()
    assert viewer.dims.ndisplay == 2 and str(viewer.layers["my targets"].mode) == "add"


def test_what_the_plan_says_of_a_needle_that_stays_is_read_first(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    finding = Finding(
        code="locked-needle-off-target",
        severity="warning",
        message="locked needle 1: its tip misses every gap by 9.0 mm",
    )
    stand_in.case.plan = stand_in.case.plan.model_copy(update={"findings": (finding,)})
    widget.wishes.setValue(ALL)
    assert not widget.wishes.locked.item(0).text().startswith("locked needle"), "nothing is planned yet"
    planned(qtbot, widget)
    assert widget.wishes.locked.item(0).text().startswith(f"{finding.message}\n")
    widget.wishes.locked.setCurrentRow(0)
    widget.wishes.tip_button.click()
    assert widget.wishes.value().targets[-1].point_lps == ALL.locked[0].target_lps, "a target is offered with it"
    widget.wishes.wishes.lock(ALL.locked[0].model_copy(update={"made": "automatic"}))
    assert not widget.wishes.locked.item(0).text().startswith("locked needle"), "no word of other needles"


@pytest.mark.parametrize("size", [(1280, 800), (1600, 1000)])
def test_nothing_must_be_scrolled_sideways(qtbot, viewer, widget, scan, stand_in, size):
    viewer.show()
    viewer.window._qt_window.resize(*size)
    add_ct(viewer, scan)
    planned(qtbot, widget)
    pick_own(widget, viewer)
    own = widget.wishes.own
    qtbot.waitUntil(lambda: own.verdict.text().startswith("Keeps"), timeout=PATIENCE_MS)
    for page in (widget.wishes, own, widget.wishes.painting, widget.wishes.steps):
        assert page.minimumSizeHint().width() <= 380
    widget.tabs.setCurrentWidget(own)
    qtbot.waitUntil(own.isVisible, timeout=PATIENCE_MS)
    assert own.scrolled.viewport().height() >= 7 * own.figures.fontMetrics().lineSpacing(), "all clearances"
    assert own.figures.height() >= own.figures.heightForWidth(own.figures.width()), "none is cut off"


def test_saved_wishes_are_replaced_whole_or_not_at_all(widget, tmp_path, monkeypatch):
    file = tmp_path / "wishes.toml"
    widget.wishes.save(file)
    before = file.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("planner.io.whole_file.Path.replace", full)
    widget.wishes.setValue(ALL)
    widget.wishes.save(file)
    assert "no space left" in widget.wishes.message.text()
    assert file.read_bytes() == before and list(tmp_path.glob("*wishes*")) == [file]


def test_that_something_was_drawn_outside_of_the_ct_is_said_until_it_is_moved(widget, viewer, scan):
    add_ct(viewer, scan)
    wishes, own = widget.wishes, widget.wishes.own
    wishes.wishes.add_target((400.0, 0.0, 0.0), radius_mm=2.0)
    assert "outside of the CT" in wishes.message.text()
    wishes.wishes.add_target((1.0, 0.0, 0.0), radius_mm=2.0)
    assert "outside" not in wishes.message.text() and own.note.isHidden()
    pick_own(widget, viewer, tip=(10.0, -500.0, 4.0))
    assert not own.note.isHidden()
    wishes.needle.move("tip", (10.0, -5.0, 4.0))
    assert own.note.isHidden()
