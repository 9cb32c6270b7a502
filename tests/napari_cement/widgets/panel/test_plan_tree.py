"""The tree of a plan: its rows, what is chosen and ticked off in it, its order and its filter."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_cement._focus import Chosen, Shown
from napari_cement.widgets.panel.plan_tree import _KIND as KIND
from napari_cement.widgets.panel.plan_words import needle_ml
from napari_cement.widgets.panel.row_filter import RowFilter
from napari_cement.widgets.panel.told import hole_told, needle_told
from planner.model.cement_fill import BreachArrival, CementFill, FillStep, NeedleHole
from planner.model.finding import Finding
from planner.report.courses import leaks_by_needle
from tests.napari_cement.widgets.panel.seen import add_ct, rows, shown_with_surfaces


def test_a_needle_hole_is_a_way_out_in_the_tree(widget, plan):
    hole = NeedleHole(
        trajectory_id="trajectory-1", gap_id="gap-1", entry_lps=(25.0, 20.0, 10.0), outward_lps=(0.0, 1.0, 0.0),
        diameter_mm=1.83, wall_mm=4.0, leak_after_ml=0.7,
    )  # fmt: skip
    widget.tree.set_plan(plan.model_copy(update={"needle_holes": (hole,)}))
    name, across = "hole of needle 1: a way out", "1.8 mm across"
    assert (name, "there after 0.7", across) in rows(widget.tree, columns=3)
    item = widget.tree.findItems(name, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive)[0]
    widget.tree.setCurrentItem(item)
    assert (
        widget.details.value()
        == "hole of trajectory-1: a way out\nbone round it: 4.0 mm\nacross: 1.8 mm\ncement: there after 0.7\u202fmL"
    )
    dry = hole.model_copy(update={"leak_after_ml": None})
    widget.tree.set_plan(plan.model_copy(update={"needle_holes": (dry,)}))
    assert (name, "", across) in rows(widget.tree, columns=3)
    assert "not simulated" in hole_told(dry).in_words


def test_names_mL_leaks_and_widths_are_seen_in_a_narrow_panel(widget, plan, viewer):
    tree = widget.tree
    widget.session.planned.emit(plan)
    tree.resize(400, 300)
    seen = sum(tree.columnWidth(column) for column in range(3))
    assert seen <= tree.viewport().width()
    tree.resize(600, 300)
    assert tree.columnWidth(0) > 200
    tree.header().resizeSection(0, 90)
    tree.resize(500, 300)
    assert tree.columnWidth(0) == 90, "a person made it so"


def test_leaks_of_a_gap_and_of_its_needles_are_told_in_the_tree(widget, plan):
    found = plan.breaches[0].model_copy(
        update={"leak_type": "canal", "severity": "open", "reached": True, "leak_after_ml": 0.7, "stop_ml": 0.7}
    )
    step = FillStep(injected_ml=1.0, gaps_ml={"gap-1": 0.8}, trabecular_ml=0.1, leaked_ml=0.1, reached=("breach-1",))
    fill = CementFill(
        id="fill-1", gap_id="gap-1", trajectory_ids=("trajectory-1",), tips_lps=((10.0, -5.0, 4.0),),
        interface_tissue="in_place", viscosity="high", steps=(step,),
        arrivals=(BreachArrival(breach_id="breach-1", after_ml=0.7),), ended="pressure",
    )  # fmt: skip
    widget.tree.set_plan(plan.model_copy(update={"breaches": (found,), "fills": (fill,)}))
    assert ("leaks: needle 1: stop before 0.7 mL: spinal canal", "") in rows(widget.tree)
    assert ("1: 49 mm, transpedicular", "stop before 0.7") in rows(widget.tree)
    assert ("spinal canal (breach-1)", "leaks after 0.7") in rows(widget.tree)
    course = leaks_by_needle(plan.model_copy(update={"breaches": (found,), "fills": (fill,)}))["trajectory-1"]
    told = needle_told(plan.trajectories[0], course, to_a_gap=True)
    assert "through it alone: stop before 0.7\u202fmL: spinal canal" in told.in_words
    early = replace(course, earliest_stop_ml=0.04)
    dry = replace(course, stop_ml=None, earliest_stop_ml=None)
    cells = [(course, "stop before 0.7"), (early, "stop at once"), (dry, "leaks after 0.7")]
    cells += [(replace(dry, first_ml=None), "no leak"), (None, "not simulated")]
    cells += [(replace(course, earliest_stop_ml=0.45), "stop before 0.4")]
    for one, words in cells:
        assert needle_ml(plan.trajectories[0], one, to_a_gap=True) == words
    assert needle_ml(plan.trajectories[0], course, to_a_gap=False) == ""
    reaching = plan.trajectories[0].model_copy(update={"reachable_ml": 0.78})
    assert needle_ml(reaching, course, to_a_gap=True) == "0.78, before 0.7", "no longer than the column is wide"
    assert needle_ml(reaching, early, to_a_gap=True) == "0.78, stop at once"
    assert needle_ml(reaching, dry, to_a_gap=True) == "0.78, leaks 0.7"
    assert "of all courses of the gap" not in told.in_words, "it is the same"
    sooner = needle_told(plan.trajectories[0], replace(course, earliest_stop_ml=0.45), to_a_gap=True).in_words
    assert "of all courses of the gap: stop before 0.4" in sooner
    widget.tree.set_plan(plan)
    assert not [name for name, _ in rows(widget.tree) if name.startswith("leaks")]


def row(widget, kind, thing):
    return widget.tree._item(Chosen(kind, thing))


def test_a_chosen_row_is_followed_by_all_views(widget, scan, plan, labels):
    widget.session.show(Shown(scan, plan, labels))
    widget.tree.setCurrentItem(row(widget, "needle", "trajectory-1"))
    focus = widget.focus
    assert focus.chosen == Chosen("needle", "trajectory-1")
    assert focus.cursor_lps == (10.0, -5.0, 4.0)
    assert focus.aim is not None and focus.aim.id == "trajectory-1"
    skin, bone = np.array(plan.trajectories[0].entry_skin_lps), np.array(plan.trajectories[0].entry_bone_lps)
    assert focus.depth_mm == pytest.approx(np.linalg.norm(bone - skin)), "cut where the bone is entered"
    widget.tree.setCurrentItem(row(widget, "breach", "breach-1"))
    assert (focus.chosen, focus.aim) == (Chosen("breach", "breach-1"), None)
    assert focus.cursor_lps == (20.0, -4.0, 6.0)


def test_what_is_chosen_elsewhere_is_marked_and_told(qtbot, widget, scan, plan, labels):
    finding = Finding(code="x", severity="caution", message="gap-1: the wall is thin")
    widget.session.show(Shown(scan, plan.model_copy(update={"findings": (finding,)}), labels))
    widget.focus.set_chosen(Chosen("gap", "gap-1"))
    assert widget.tree.current() == Chosen("gap", "gap-1")
    assert widget.details.value().endswith("\n• gap-1: the wall is thin")
    assert not widget.lock_button.isEnabled()
    widget.focus.set_chosen(Chosen("needle", "trajectory-2"))
    assert widget.tree.current() == Chosen("needle", "trajectory-2")
    assert "the wall is thin" not in widget.details.value()
    widget.focus.set_chosen(Chosen("needle", "none-9"))
    assert widget.tree.current() is None


def test_ticking_off_a_gap_hides_its_needles_and_breaches_in_all_views(widget, scan, plan, labels, viewer):
    widget.session.show(shown_with_surfaces(scan, plan, labels))
    off, on = Qt.CheckState.Unchecked, Qt.CheckState.Checked
    row(widget, "gap", "gap-1").setCheckState(0, off)
    assert widget.focus.hidden == {"gap-1", "trajectory-1", "trajectory-2", "breach-1"}
    assert row(widget, "needle", "trajectory-2").checkState(0) == off
    assert row(widget, "implant", "screw-1").checkState(0) == on
    row(widget, "needle", "trajectory-2").setCheckState(0, on)
    assert widget.focus.hidden == {"gap-1", "trajectory-1", "breach-1"}
    widget.focus.set_hidden(frozenset({"screw-1"}))
    assert row(widget, "implant", "screw-1").checkState(0) == off
    assert row(widget, "gap", "gap-1").checkState(0) == on


def test_keys(qtbot, widget, scan, plan, labels, viewer):
    widget.session.show(Shown(scan, plan, labels))
    add_ct(viewer, scan)
    tree = widget.tree
    tree.setCurrentItem(row(widget, "needle", "trajectory-1"))
    qtbot.keyClick(tree, Qt.Key.Key_Down)
    assert widget.focus.chosen == Chosen("needle", "trajectory-2")
    qtbot.keyClick(tree, Qt.Key.Key_H)
    assert widget.focus.hidden == {"trajectory-2"}
    qtbot.keyClick(tree, Qt.Key.Key_H)
    assert widget.focus.hidden == frozenset()
    before = viewer.scene.camera.zoom
    viewer.scene.camera.center = (0.0, 0.0, 0.0)
    qtbot.keyClick(tree, Qt.Key.Key_Return)
    assert viewer.scene.camera.zoom != before
    np.testing.assert_allclose(viewer.scene.camera.center[1:], (-5.0, 10.0), atol=1e-6)
    locks = []
    tree.lockWanted.connect(lambda: locks.append(1))
    qtbot.keyClick(tree, Qt.Key.Key_L)
    assert locks == [1]
    tree.setCurrentItem(row(widget, "gap", "gap-1"))
    qtbot.keyClick(tree, Qt.Key.Key_L)
    assert locks == [1], "gaps are not locked"


def scored(plan, *values):
    ways = []
    for number, (depth, score) in enumerate(values, start=1):
        changes = {"id": f"trajectory-{number}", "rank": number, "depth_from_skin_mm": depth, "score": score}
        ways.append(plan.trajectories[0].model_copy(update=changes))
    return plan.model_copy(update={"trajectories": tuple(ways)})


def order(tree):
    return [_short(words) for words, _ in rows(tree) if words[0].isdigit() or "(breach" in words]


def _short(words):
    if words[0].isdigit():
        return f"needle {words.split(':')[0]}"
    return words.split("(")[1][:-1] if "(breach" in words else words.split(":")[0].split()[0]


def test_columns_are_sorted_by_their_numbers_and_the_unknown_comes_last(widget, plan):
    tree, header = widget.tree, widget.tree.header()
    tree.set_plan(scored(plan, (100.0, 0.5), (None, 0.9), (20.0, 0.7)))
    up, down = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
    header.setSortIndicator(5, up)
    assert order(tree) == ["needle 3", "needle 1", "needle 2", "breach-1"]
    header.setSortIndicator(5, down)
    assert order(tree) == ["needle 1", "needle 3", "needle 2", "breach-1"]
    header.setSortIndicator(4, down)
    assert order(tree) == ["needle 2", "needle 3", "needle 1", "breach-1"]
    header.setSortIndicator(-1, up)
    assert order(tree) == ["needle 1", "needle 2", "needle 3", "breach-1"], "the plan's own order again"


def test_names_with_numbers_are_sorted_as_they_count(widget, plan):
    tree = widget.tree
    tree.set_plan(plan)
    made = [plan.breaches[0].model_copy(update={"id": f"breach-{number}"}) for number in (10, 2, 1)]
    tree.set_plan(plan.model_copy(update={"breaches": tuple(made)}))
    tree.header().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
    assert order(tree)[-3:] == ["breach-1", "breach-2", "breach-10"]


def visible(tree):
    return [_short(item.text(0)) for item in tree._items.values() if not item.isHidden() and item.data(0, KIND)]


def test_the_filter_hides_rows_and_says_how_many(widget, plan):
    careful = plan.trajectories[0].model_copy(update={"cautions": ("near the canal",)})
    firm = plan.implants[0].model_copy(update={"id": "screw-2", "loosening": "none"})
    unknown = plan.implants[0].model_copy(update={"id": "screw-3", "loosening": None})
    seen = plan.trajectories[1].model_copy(update={"entry_skin_lps": (25.0, 40.0, 10.0)})
    changed = {"trajectories": (careful, seen), "implants": (*plan.implants, firm, unknown)}
    widget.session.planned.emit(plan.model_copy(update=changed))
    everything = ["screw-1", "gap-1", "needle 1", "needle 2", "breach-1", "screw-2", "screw-3"]
    assert sorted(visible(widget.tree)) == sorted(everything)
    assert widget.filter.count.text() == ""
    cases = [
        (RowFilter(only_quiet=True), {"needle 1"}),
        (RowFilter(only_loose=True), {"screw-2"}),
        (RowFilter(what="breach"), {"needle 1", "needle 2", "screw-2", "screw-3"}),
        (RowFilter(what="transpedicular"), {"breach-1", "screw-2", "screw-3"}),
        (RowFilter(text="NEAR the canal"), {"needle 2", "breach-1", "screw-2", "screw-3"}),
        (RowFilter(text="halo"), {"screw-2", "screw-3"}),
    ]
    for wanted, hidden in cases:
        widget.filter.setValue(wanted)
        assert set(everything) - set(visible(widget.tree)) - {"screw-1", "gap-1"} == hidden, wanted
        count = len(hidden)
        assert widget.filter.count.text() == f"{count} row{'' if count == 1 else 's'} not shown"
        assert widget.filter.value() == wanted
    widget.filter.setValue(RowFilter())
    assert widget.filter.count.text() == ""


def test_an_approach_that_the_plan_does_not_have_is_not_offered(widget, plan):
    widget.session.planned.emit(plan)
    widget.filter.setValue(RowFilter(what="femoral"))
    assert widget.filter.value() == RowFilter()


def test_who_made_a_needle_is_said(widget, plan):
    locked = plan.trajectories[0].model_copy(update={"locked": True})
    moved = plan.trajectories[1].model_copy(update={"made": "edited"})
    widget.tree.set_plan(plan.model_copy(update={"trajectories": (locked, moved)}))
    made = {words[11]: (words[0], words[10]) for words in rows(widget.tree, columns=12)}
    assert made["trajectory-1"] == ("1 locked: 49 mm, transpedicular", "automatic"), (
        "the program's own, held by a person"
    )
    assert made["trajectory-2"] == ("2: no skin, transpedicular", "edited")
