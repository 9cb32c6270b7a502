"""Simulated courses in short: needle by needle, row by row, and which come out the same."""

import pytest

from planner.report.courses import comes_out_as, course_of, drop_leaked_ml, leaks_by_needle
from planner.report.fill_rows import MOST_ROWS, fill_rows
from planner.report.leak_lines import course_in_a_line
from planner.report.leaks import leaks_of
from tests.unit.report.test_leaks import breach, card_of, course, read, text_of, told


def test_rows_tell_each_arrival_once_and_add_up():
    found = [breach(1, "canal", 0.5), breach(2, "cortical", 2.5)]
    rows = fill_rows(course(found, end_ml=17.5))
    assert len(rows) == MOST_ROWS and rows[0].injected_ml == 1.0 and rows[-1].injected_ml == 17.5
    assert [name for row in rows for name in row.new] == ["breach-1", "breach-2"]
    for row in rows:
        parts = row.gap_ml + row.other_gaps_ml + row.trabecular_ml + row.leaked_ml
        assert parts == pytest.approx(row.injected_ml)


def test_each_needle_has_its_own_leaks_and_one_that_was_not_simulated_says_so(plan, plan_with):
    second, third = (plan.trajectories[0].model_copy(update={"id": f"trajectory-{n}", "rank": n}) for n in (2, 3))
    found = (breach(1, "canal", 1.2), breach(2, "cortical", 0.8))
    fills = (course(found), course(found, number=2, shift_ml=-0.7, trajectory_ids=("trajectory-2",)))
    both = plan_with(breaches=found, fills=fills, trajectories=(*plan.trajectories, second, third))
    own = leaks_by_needle(both)
    assert set(own) == {"trajectory-1", "trajectory-2"}
    assert (own["trajectory-2"].stop_ml, own["trajectory-2"].first_ml) == pytest.approx((0.5, 0.1))
    text = read(both)
    table = text[text.index("injected through it alone") : text.index("Where cement will leak")]
    assert "1.2\u202fmL: spinal canal (breach-1)" in table and "0.5\u202fmL: spinal canal (breach-1)" in table
    assert "not simulated" in table[table.index("trajectory-3") :]
    assert "not simulated" not in table[: table.index("trajectory-3")]
    # another needle's course is neither in the box nor among what may change
    leaks = leaks_of(both, both.gaps[0])
    assert leaks.others == () and leaks.look_from["breach-1"] == 1.2


def test_a_needle_stops_at_the_earliest_that_its_gap_has(plan_with):
    found = (breach(1, "canal", 1.2, stop_ml=0.4), breach(2, "cortical", 0.8, stop_ml=0.1))
    told = leaks_by_needle(plan_with(breaches=found, fills=(course(found),)))["trajectory-1"]
    assert (told.stop_ml, told.earliest_stop_ml) == (1.2, 0.4)
    other = (found[0].model_copy(update={"gap_id": "gap-2"}),)
    told = leaks_by_needle(plan_with(breaches=other, fills=(course(other),)))["trajectory-1"]
    assert told.earliest_stop_ml == 1.2, "the earliest of another gap's filling is not this one's"
    none = leaks_by_needle(plan_with(breaches=found[1:], fills=(course(found[1:]),)))["trajectory-1"]
    assert none.earliest_stop_ml is None


def test_what_only_another_needle_reaches_is_told_beside_the_course(plan, plan_with):
    second = plan.trajectories[0].model_copy(update={"id": "trajectory-2", "rank": 2})
    far = breach(1, "canal", None, reached=False, stop_ml=0.4)
    fills = (course(()), course((breach(1, "canal", 0.4),), number=2, trajectory_ids=("trajectory-2",)))
    both = plan_with(breaches=(far,), fills=fills, trajectories=(*plan.trajectories, second))
    leaks = leaks_of(both, both.gaps[0])
    assert leaks.stop is None and leaks.events == () and leaks.never == ()
    assert "Not reached in these courses, but otherwise: breach-1 from 0.4\u202fmL (trajectory-2)" in text_of(both)
    assert "trajectory-2" not in card_of(both).split("gap-2")[0]


def test_a_needle_set_of_other_needles_has_its_own_stop_in_the_box(plan, plan_with):
    second = plan.trajectories[0].model_copy(update={"id": "trajectory-2", "rank": 2})
    chosen = plan.needle_sets[0].model_copy(update={"trajectory_ids": ("trajectory-2",)})
    found = (breach(1, "canal", 1.2),)
    fills = (course(found), course(found, number=2, shift_ml=-0.8, trajectory_ids=("trajectory-2",)))
    fields = {"breaches": found, "fills": fills, "trajectories": (*plan.trajectories, second)}
    other = card_of(plan_with(needle_sets=(chosen,), **fields))
    assert "Proposed is trajectory-2" in other and "stop before 0.4\u202fmL: spinal canal (breach-1)" in other
    assert "work together" not in card_of(plan_with(**fields)).split("gap-2")[0]


def test_courses_that_come_out_the_same_are_one_line(plan_with):
    found = (breach(1, "canal", 1.2),)
    same, other = course(found, number=2, viscosity="low"), course(found, number=3, shift_ml=0.2, viscosity="medium")
    assert comes_out_as(same, course(found)) and not comes_out_as(other, course(found))
    leaks = told(plan_with, found, fills=(course(found), same, other))
    assert leaks.alike == (same,) and [one.fill for one in leaks.others] == [other]
    text = text_of(plan_with(breaches=found, fills=(course(found), same)))
    assert "Exactly the same comes out with low-viscosity cement. In this model viscosity changes only" in text
    assert "Exactly the same" not in text_of(plan_with(breaches=found, fills=(course(found), other)))


def test_a_course_of_needles_is_found_in_any_order_and_with_the_expected_settings_alone(plan_with):
    both = course((), number=2, trajectory_ids=("trajectory-1", "trajectory-1"), interface_tissue="removed")
    plan = plan_with(breaches=(), fills=(course(()), both))
    assert course_of(plan, "gap-1", ("trajectory-1",)) is plan.fills[0]
    assert course_of(plan, "gap-1", both.trajectory_ids) is None and course_of(plan, "gap-2", ("trajectory-1",)) is None


def test_a_drop_is_told_when_so_much_has_leaked_and_not_before():
    found = {"breach-1": breach(1, "canal", 0.9)}
    fill = course(tuple(found.values()), end_ml=4.0)  # leaked: 0, 0.2, 0.4, 0.6 at 1, 2, 3, 4 mL
    assert drop_leaked_ml(fill, found, drop_ml=0.3) == pytest.approx(2.5)
    assert drop_leaked_ml(fill, found, drop_ml=0.1) == pytest.approx(1.5)
    assert drop_leaked_ml(fill, found, drop_ml=0.7) is None
    assert drop_leaked_ml(course((), steps=()), found, drop_ml=0.2) is None


def test_long_courses_keep_the_rows_round_a_leak_and_mark_what_is_left_out():
    fill = course((breach(1, "canal", 12.6),), end_ml=30.02)
    rows = fill_rows(fill, marked_ml=(12.6,))
    assert len(rows) == MOST_ROWS
    assert {1.0, 12.0, 13.0, 30.02} <= {row.injected_ml for row in rows}
    # the row of 30.0 mL reads the same as the last
    assert sum(row.skipped for row in rows) == 30 - MOST_ROWS
    assert [row.new for row in rows if row.injected_ml == 13.0] == [("breach-1",)]
    assert all(row.skipped == 0 for row in fill_rows(course((), end_ml=5.5)))


def test_a_leak_and_its_row_are_cut_to_the_same_tenths():
    rows = fill_rows(course((breach(1, "canal", 1.04), breach(2, "canal", 1.1)), end_ml=3.0))
    assert [row.new for row in rows] == [("breach-1",), ("breach-2",), ()]


def test_a_needles_line_says_what_it_comes_to(plan_with):
    assert course_in_a_line(None) == "leaks not simulated"
    both = (breach(1, "canal", 1.2), breach(2, "cortical", 0.8))
    plan = plan_with(breaches=both, fills=(course(both),))
    said = course_in_a_line(leaks_by_needle(plan)["trajectory-1"]).replace("\u202f", " ")
    assert said == "first leak after 0.8 mL: soft tissue (breach-2); stop before 1.2 mL: spinal canal (breach-1)"
    dry = plan_with(breaches=(), fills=(course((), steps=(), ended="no_way"),))
    assert course_in_a_line(leaks_by_needle(dry)["trajectory-1"]) == "nothing goes in"
    assert course_in_a_line(leaks_by_needle(plan_with(breaches=(), fills=(course(()),)))["trajectory-1"]) == "no leak"


def test_a_needles_line_and_card_stop_at_the_earliest_of_all_courses(plan_with):
    early = (breach(1, "canal", 1.2, stop_ml=0.4),)
    plan = plan_with(breaches=early, fills=(course(early),))
    said = course_in_a_line(leaks_by_needle(plan)["trajectory-1"]).replace("\u202f", " ")
    assert said == "stop before 0.4 mL, the earliest of the courses; in this one 1.2 mL: spinal canal (breach-1)"
    far = (breach(1, "canal", None, reached=False, stop_ml=0.4),)
    plan = plan_with(breaches=far, fills=(course(()),))
    said = course_in_a_line(leaks_by_needle(plan)["trajectory-1"]).replace("\u202f", " ")
    assert said == "none to stop for in this course, but stop before 0.4 mL in others"


def test_from_where_on_to_look_is_one_figure_on_all_pages(plan_with):
    sooner = breach(1, "canal", 0.2)
    found = (breach(1, "canal", 0.2, stop_ml=0.196),)
    text = text_of(plan_with(breaches=found, fills=(course((sooner,)),))).replace("\u202f", " ")
    row = text[text.index("begins to leak into spinal canal") :]
    assert "0.1 mL" in row[:120] and "0.2 mL" not in row[:120]
