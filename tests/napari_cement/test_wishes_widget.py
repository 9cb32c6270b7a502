"""Wishes in the dock: locked from the tree, planned with, saved, kept to their CT; one's own needle judged."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from napari.qt.threading import WorkerBase
from qtpy.QtCore import Qt

from napari_cement._layers import scan_layers, to_world
from napari_cement.widgets import PlanWidget
from napari_cement.widgets.own_needle_widget import verdict_words
from planner.config.needle_config import NeedleConfig
from planner.config.plan_config import PlanConfig, load_settings
from planner.config.wishes_config import LockedNeedle, WishesConfig
from planner.model.finding import Finding
from planner.model.picked_target import PickedTarget, PickedWay
from planner.model.prophylaxis import ProphylacticTarget
from planner.needles.catalogue import needle_named
from planner.needles.check import TrajectoryCheck
from tests.napari_cement.test_plan_widget import rows
from tests.napari_cement.test_wish_layers import ALL

PATIENCE_MS = 10_000


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def widget(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("periprosthetic-cement-planner", "Cement plan")
    yield widget
    widget.session.cancel()
    WorkerBase.await_workers(PATIENCE_MS)


@pytest.fixture
def straight(plan):
    """The plan, its needles with the catalogue's 15G and straight from entry to tip."""
    skin, tip = (25.0, 40.0, 10.0), (10.0, -5.0, 4.0)
    bone = tuple(t + 0.4 * (s - t) for s, t in zip(skin, tip, strict=True))
    first, second = (
        way.model_copy(update={"needle": needle_named("15G"), "entry_bone_lps": bone}) for way in plan.trajectories
    )
    first = first.model_copy(update={"entry_skin_lps": skin, "path_lps": (skin, bone, tip)})
    slides = {"path_lps": (bone, tip), "aim_lps": bone, "slides_along_implant": True}
    return plan.model_copy(update={"trajectories": (first, second.model_copy(update=slides))})


class Planner:
    """Stands in for the pipeline; remembers what it was asked."""

    def __init__(self, plan, labels):
        self.case = SimpleNamespace(plan=plan, labels=labels, trust=None)
        self.wishes, self.asked = [], []
        self.violations = ()

    def plan_scan(self, scan, config, *, monitor):
        self.wishes.append(config.needles.wishes)
        return self.case

    def check_trajectory(self, case, *, entry_lps, target_lps, gauge, config):
        assert case is self.case
        self.asked.append((entry_lps, target_lps, gauge, config.needles.wishes))
        return TrajectoryCheck(case.plan.trajectories[0], self.violations, 0.0)


@pytest.fixture
def stand_in(monkeypatch, straight, labels):
    made = Planner(straight, labels)
    monkeypatch.setattr("planner.pipeline.plan_scan", made.plan_scan)
    monkeypatch.setattr("planner.pipeline.check_trajectory", made.check_trajectory)
    return made


def add_ct(viewer, scan, name="CT leg"):
    from napari.layers import Layer

    ((data, arguments, kind),) = scan_layers(scan, name=name)
    return viewer.add_layer(Layer.create(data, arguments, kind))


def of_series(scan, uid):
    return replace(scan, series=scan.series.model_copy(update={"series_instance_uid": uid}))


def planned(qtbot, widget):
    with qtbot.waitSignal(widget.session.planned, timeout=PATIENCE_MS):
        widget.wishes.plan_button.click()


def choose(widget, words):
    found = widget.tree.findItems(words, Qt.MatchFlag.MatchStartsWith | Qt.MatchFlag.MatchRecursive)
    widget.tree.setCurrentItem(found[0])


def test_plan_again_plans_with_what_is_drawn(qtbot, widget, viewer, scan, stand_in):
    assert not widget.wishes.plan_button.isEnabled(), "no CT"
    add_ct(viewer, scan)
    planned(qtbot, widget)
    widget.wishes.setValue(ALL)
    assert [widget.wishes.counts[wish].text() for wish in ("targets", "keep_out")] == ["2 there", "1 there, 1 boxes"]
    planned(qtbot, widget)
    assert stand_in.wishes == [WishesConfig(), ALL]
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
    layer = add_ct(viewer, of_series(scan, "1.2.4"), "CT two")
    widget.inputs.setCurrentIndex(1)
    assert widget.wishes.value() == WishesConfig() == widget.session.wishes
    widget.inputs.setCurrentIndex(0)
    assert widget.wishes.value() == ALL == widget.session.wishes
    widget.inputs.setCurrentIndex(1)
    viewer.layers.remove(layer)
    assert widget.wishes.value() == ALL, "the one that is left is planned on"


def test_a_needle_is_locked_and_let_go_from_the_tree(qtbot, widget, viewer, scan, stand_in, straight):
    add_ct(viewer, scan)
    planned(qtbot, widget)
    assert not widget.lock_button.isEnabled(), "none is chosen"
    choose(widget, "needle 1")
    widget.lock_button.click()
    name = next(n for n, needle in widget.session.catalogue.items() if needle == needle_named("15G"))
    held = LockedNeedle(entry_lps=(25.0, 40.0, 10.0), target_lps=(10.0, -5.0, 4.0), needle=name)
    assert widget.wishes.value().locked == (held,) == widget.session.wishes.locked
    assert widget.wishes.locked.count() == 1
    assert widget.lock_button.text() == "Unlock this needle"
    choose(widget, "needle 2")
    assert widget.lock_button.text() == "Lock this needle"
    widget.lock_button.click()
    assert "only straight needles can be held" in widget.message.text()
    assert widget.wishes.value().locked == (held,)
    choose(widget, "needle 1")
    widget.lock_button.click()
    assert widget.wishes.value().locked == ()


def test_a_plan_of_another_ct_offers_no_lock(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, of_series(scan, "1.2.3"), "CT one")
    planned(qtbot, widget)
    choose(widget, "needle 1")
    add_ct(viewer, of_series(scan, "1.2.4"), "CT two")
    widget.inputs.setCurrentText("CT two")
    assert not widget.lock_button.isEnabled()
    choose(widget, "needle 2")
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
    choose(widget, "breach-1")
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
    assert widget.wishes.own.pick_button.isChecked(), "its course was drawn, and the tool stays in the hand"
    widget.wishes.own.pick_button.click()
    assert str(viewer.layers["my needle"].mode) == "pan_zoom"


def pick_own(widget, viewer, entry=(26.0, 41.0, 11.0), tip=(10.0, -5.0, 4.0)):
    widget.wishes.needle.draw()
    for point in (entry, tip):
        viewer.layers["my needle"].add(to_world(point))


def test_an_own_needle_is_judged_at_once_against_the_regions_drawn(qtbot, widget, viewer, scan, stand_in):
    add_ct(viewer, scan)
    own = widget.wishes.own
    pick_own(widget, viewer)
    assert own.verdict.text() == "Not judged: plan on this CT first."
    stand_in.violations = ("hits metal",)
    planned(qtbot, widget)
    qtbot.waitUntil(lambda: "BREAKS HARD LIMITS: hits metal" in own.verdict.text(), timeout=PATIENCE_MS)
    stand_in.violations = ()
    widget.wishes.setValue(ALL)
    qtbot.waitUntil(lambda: own.verdict.text().startswith("Keeps every hard limit"), timeout=PATIENCE_MS)
    usual = own.gauges.currentData()
    wide = next(name for name in widget.session.catalogue if name.startswith("11G"))
    own.gauges.setCurrentIndex(own.gauges.findData(wide))
    qtbot.waitUntil(lambda: stand_in.asked[-1][2] == wide, timeout=PATIENCE_MS)
    ends = (26.0, 41.0, 11.0), (10.0, -5.0, 4.0)
    assert stand_in.asked[0] == (*ends, usual, WishesConfig())
    assert stand_in.asked[-1] == (*ends, wide, ALL)
    qtbot.waitUntil(lambda: not widget.session.is_running, timeout=PATIENCE_MS)
    own.keep_button.click()
    assert widget.wishes.value().locked[-1] == LockedNeedle(entry_lps=ends[0], target_lps=ends[1], needle=wide)
    assert "my needle" not in viewer.layers and not own.keep_button.isEnabled()


def test_why_an_own_needle_cannot_be_judged_is_said(qtbot, widget, viewer, scan, stand_in, monkeypatch):
    from planner.errors import UsageError

    def refuse(case, **_):
        raise UsageError("the target lies outside the picture")

    add_ct(viewer, scan)
    planned(qtbot, widget)
    monkeypatch.setattr("planner.pipeline.check_trajectory", refuse)
    pick_own(widget, viewer)
    qtbot.waitUntil(lambda: "outside the picture" in widget.wishes.own.verdict.text(), timeout=PATIENCE_MS)
    viewer.layers["my needle"].add([0.0, 0.0, 0.0])
    assert "More than two points" in widget.wishes.own.verdict.text()


def test_a_needle_is_not_judged_while_a_plan_is_made(qtbot, widget, viewer, scan, stand_in):
    """Judging would make the plan stale."""
    add_ct(viewer, scan)
    planned(qtbot, widget)
    with qtbot.waitSignal(widget.session.planned, timeout=PATIENCE_MS):
        widget.wishes.plan_button.click()
        widget.session.judge((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), gauge="15G")
    assert stand_in.asked == []


def test_a_long_verdict_is_not_cut_off_in_a_low_window(widget, viewer, plan):
    viewer.window._qt_window.resize(900, 500)
    widget.tabs.setCurrentIndex(1)
    own = widget.wishes.own
    own.verdict.setText(verdict_words(TrajectoryCheck(plan.trajectories[0], ("forbidden", "grazes bone"), 2.26)))
    assert own.verdict.minimumHeight() >= own.verdict.heightForWidth(widget.minimumWidth() - 60)


def test_the_verdict_in_words(plan):
    check = TrajectoryCheck(plan.trajectories[0], ("hits metal", "longer than the needle"), 2.26)
    assert verdict_words(check) == (
        "BREAKS HARD LIMITS: hits metal; longer than the needle. Tip 2.3 mm off gap-1; clear of metal 1.0 mm, canal "
        "not measured, the nearest breach 6.0 mm; 20.0 mm in bone."
    )


def wanted(plan):
    """The plan with a locked needle, a picked target with one needle and one without, and an intact level."""
    fields = plan.trajectories[0].model_dump(exclude={"gap_id", "leak_after_ml", "leak_breach_id", "locked"})
    way = PickedWay(**(fields | {"id": "target-1-needle-1", "target_id": "target-1", "family": "posterolateral"}))
    first = PickedTarget(
        id="target-1", point_lps=(10.0, -5.0, 4.0), radius_mm=2.0, implant_id="screw-1", gap_id=None, ways=(way,)
    )
    second = PickedTarget(
        id="target-2", point_lps=(9.0, 9.0, 9.0), radius_mm=2.0, implant_id=None, gap_id="gap-1", why_none="canal 12"
    )
    level = ProphylacticTarget(
        id="prophylaxis-1", bone="vertebra-2", level=None, target_lps=(0.0, 0.0, 0.0), space_ml=1.0, body_ml=9.0,
        walls_share=1.0,
    )  # fmt: skip
    warned = {"locked": True, "cautions": ("skates on the cortex",), "margins_reduced": ("canal", "metal")}
    locked = plan.trajectories[1].model_copy(update={**warned, "family": "beside the screw"})
    return plan.model_copy(
        update={
            "trajectories": (plan.trajectories[0], locked),
            "picked_targets": (first, second),
            "prophylactic_targets": (level,),
        }
    )


def test_wanted_targets_stand_in_the_tree_with_their_needles(qtbot, widget, viewer, plan):
    shown = wanted(plan)
    widget.session._show(shown, None, with_bone=False)
    assert rows(widget.tree)[:6] == [
        ("target-1 (picked by hand)", "at screw-1, no gap told there"),
        ("needle 1: transpedicular, posterolateral, 15G", "49 mm from the skin"),
        ("target-2 (picked by hand)", "beside no implant, in gap-1"),
        ("no needle keeps every limit: canal 12", ""),
        ("prophylaxis-1 (intact level vertebra-2)", "0 needles"),
        ("no needle keeps every limit", ""),
    ]
    locked = "needle 2 (locked): transpedicular, beside the screw, 15G"
    assert (locked, "skin not in the picture; 2 cautions") in rows(widget.tree)
    choose(widget, "needle 2 (locked)")
    assert widget.details.text().startswith(
        f"{locked}. caution: skates on the cortex; caution: only the least margin to the canal, metal could be kept; "
    )
    choose(widget, "needle 1: transpedicular, posterolateral")
    assert "bull's-eye LAO 160 CRAN 2" in widget.details.text()
    assert "injected" not in widget.details.text(), "cement's course is not simulated there"
    dots = viewer.layers["needles"]
    assert set(dots.features["trajectory"][dots.size > 0]) == {"target-1-needle-1"}
    assert widget.message.text() == "1 implant, 1 gap, 3 needles, 1 breach."


def test_a_finding_on_a_locked_needle_is_read_first(widget, plan):
    finding = Finding(code="locked-needle-unsafe", severity="warning", message="locked needle 1: hits metal")
    widget.tree.set_plan(plan.model_copy(update={"findings": (finding,)}))
    assert rows(widget.tree)[:2] == [("To know first (1)", ""), ("locked needle 1: hits metal", "warning")]
