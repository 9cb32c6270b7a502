"""Leaks in reading order and in words: what comes when, what is never reached, what nobody simulated."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from planner.config.gantry import GantryLimits
from planner.model.breach import Breach
from planner.model.carm import WatchView
from planner.model.cement_fill import BreachArrival, CementFill, FillStep, NeedleHole
from planner.model.gap import Interval
from planner.report.courses import leaks_by_needle
from planner.report.fill_chart import fill_pictures
from planner.report.fill_rows import MOST_ROWS
from planner.report.html import render_report, unmeasured
from planner.report.leak_lines import leaks_in_a_line
from planner.report.leak_words import (
    after,
    ended,
    from_on,
    happens,
    instead,
    millilitres,
    readable,
    seen_how,
    stop_at,
    wall,
    watch_at_console,
)
from planner.report.leaks import in_reading_order, leaks_of
from tests.unit.report.test_html import Page

VIEW = WatchView(
    primary_deg=-100.0, secondary_deg=5.0, console_primary_deg=80.0, console_secondary_deg=5.0, slant_deg=12.4,
    contrast=0.087,
)  # fmt: skip


def breach(number, leak_type="cortical", after_ml=None, *, reached=True, severity="open", **more):
    fields = {
        "id": f"breach-{number}", "gap_id": "gap-1", "leak_type": leak_type, "severity": severity,
        "barrier_mm": 0.0 if severity == "open" else 0.4, "area_mm2": 9.0, "centroid_lps": (2.0, 4.0, 0.0),
        "outward_lps": (-1.0, 0.0, 0.0), "reached": reached, "leak_after_ml": after_ml, "watch_view": VIEW,
        "neck_mm": 3.0 if severity == "open" else None, "stop_ml": after_ml,
    }  # fmt: skip
    return Breach(**{**fields, **more})


def course(breaches, *, end_ml=3.0, number=1, shift_ml=0.0, **more):
    """A course that reaches the breaches when they say, a fifth of what is in beyond 1 mL leaked."""
    met = sorted((b.leak_after_ml + shift_ml, b.id) for b in breaches if b.leak_after_ml is not None)
    steps = tuple(
        FillStep(
            injected_ml=ml, gaps_ml={"gap-1": 0.7 * ml, "gap-2": 0.1 * ml},
            trabecular_ml=0.2 * ml - 0.2 * max(0.0, ml - 1.0), leaked_ml=0.2 * max(0.0, ml - 1.0),
            reached=tuple(name for at, name in met if at <= ml),
        )
        for ml in (*np.arange(1.0, end_ml).tolist(), end_ml)
    )  # fmt: skip
    fields = {
        "id": f"fill-{number}", "gap_id": "gap-1", "trajectory_ids": ("trajectory-1",), "tips_lps": ((9.0, -4.0, 0.5),),
        "interface_tissue": "in_place", "viscosity": "high", "steps": steps,
        "arrivals": tuple(BreachArrival(breach_id=name, after_ml=at) for at, name in met), "ended": "pressure",
    }  # fmt: skip
    return CementFill(**{**fields, **more})


def told(plan_with, breaches, **more):
    plan = plan_with(breaches=tuple(breaches), **more)
    return leaks_of(plan, plan.gaps[0])


def read(plan):
    """The report as it reads: without the spaces that marks inside of a sentence leave here."""
    return re.sub(r"(?<=\() | (?=[,;:.)])", "", Page(render_report(plan, {})).text)


def table_of(plan):
    """The table of breaches on the page of gap-1."""
    page = read(plan)
    return page[page.index("in order: leaks to stop for") : page.index("Findings and figures")]


def text_of(plan):
    page = read(plan)
    return page[page.index("Where cement will leak") : page.index("The scan and this run")]


def card_of(plan):
    page = read(plan)
    return page[page.index("Stop before") : page.index("Trust", page.index("Stop before"))]


def test_harmful_and_early_come_first():
    found = in_reading_order(
        [
            breach(1, "cortical", 0.1), breach(2, "disc", 2.0), breach(3, "canal", 0.9), breach(4, None, 1.1),
            breach(5, "canal", None, reached=None), breach(6, "venous", None, reached=None, severity="thin"),
        ]
    )  # fmt: skip
    assert [b.id for b in found] == ["breach-3", "breach-4", "breach-2", "breach-5", "breach-1", "breach-6"]
    at_hip = in_reading_order([breach(1, "cortical", 0.1), breach(2, "joint", 2.0)], hip=True)
    assert [b.id for b in at_hip] == ["breach-1", "breach-2"]


def test_stops_at_the_first_harmful_leak_and_says_that_soft_tissue_comes_before(plan_with):
    found = (breach(1, "cortical", 0.35), breach(2, "canal", 1.29, stop_ml=0.84), breach(3, "foramen", 2.5))
    leaks = told(plan_with, found, fills=(course(found),))
    assert leaks.stop is not None and leaks.stop.breach is found[1]
    assert leaks.soft is not None and leaks.soft.breach is found[0]
    card = card_of(plan_with(breaches=found, fills=(course(found),)))
    assert (
        "0.8\u202fmL injected with trajectory-1 (the earliest of the courses; in this one 1.2\u202fmL): "
        "spinal canal (breach-2, open); watch RAO 100 CRAN 5° "
        "(console +80° / +5°) from 0.8\u202fmL on"
    ) in card
    assert "Soft tissue after 0.3\u202fmL" in card


def test_at_the_hip_soft_tissue_stops_it_too(plan, plan_with):
    stem = plan.implants[0].model_copy(update={"kind": "femoral_stem", "level": None})
    found = (breach(1, "cortical", 0.35), breach(2, "joint", 1.2))
    leaks = told(plan_with, found, fills=(course(found),), implants=(stem,))
    assert leaks.stop is not None and leaks.stop.breach is found[0] and leaks.soft is None


def test_never_reached_is_not_not_simulated(plan_with):
    never = breach(1, "canal", None, reached=False, stop_ml=None)
    unknown = breach(2, "canal", None, reached=None, stop_ml=None)
    leaks = told(plan_with, (never, unknown), fills=(course(()),))
    assert leaks.never == (never,) and leaks.untold == (unknown,) and leaks.events == () and leaks.stop is None
    without = plan_with(breaches=(unknown,))
    assert leaks_of(without, without.gaps[0]).fill is None
    assert "not simulated" in card_of(without) and "never" not in text_of(without).split("The breaches one by one")[0]
    with_course = plan_with(breaches=(never,), fills=(course(()),))
    assert "no open wall is reached with trajectory-1 (1 breach found)" in card_of(with_course)
    assert "Never reached in the simulated courses: breach-1." in text_of(with_course)
    assert "not simulated" not in card_of(with_course)


def test_what_only_another_course_reaches_is_said_so(plan_with):
    found = breach(1, "canal", None, reached=False, stop_ml=0.9)
    leaks = told(plan_with, (found,), fills=(course(()),))
    assert leaks.never == () and [(e.after_ml, e.earliest_ml) for e in leaks.events] == [(None, 0.9)]
    card = card_of(plan_with(breaches=(found,), fills=(course(()),)))
    assert "none in the expected course with trajectory-1; but in another course: 0.9\u202fmL injected" in card


def test_a_breach_of_another_gap_that_this_filling_reaches_is_told(plan_with):
    far = breach(1, "canal", 0.9, gap_id="gap-2")
    plan = plan_with(breaches=(far,), fills=(course((far,)),))
    assert leaks_of(plan, plan.gaps[0]).stop is not None
    assert "breach-1 of gap-2" in text_of(plan)


@pytest.mark.parametrize("count", [24, 60])
def test_a_long_list_stays_short_but_keeps_all_that_stops(plan_with, count):
    found = [breach(n, "canal" if n % 8 == 0 else "cortical", 0.1 * n) for n in range(1, count + 1)]
    leaks = told(plan_with, found, fills=(course(found, end_ml=7.0),))
    kept = [e.breach.id for e in leaks.events if e.breach is not None]
    assert [b.id for b in found if b.leak_type == "canal"] == [name for name in kept if int(name[7:]) % 8 == 0]
    assert len(leaks.events) <= max(MOST_ROWS, count // 8 + 2)
    assert len(kept) + sum(len(e.more) for e in leaks.events) == count
    assert [e.after_ml for e in leaks.events] == sorted(e.after_ml for e in leaks.events)
    assert leaks.soft_count == count - count // 8


def test_a_short_list_is_given_whole(plan_with):
    found = [breach(n, "cortical", 0.1 * n) for n in range(1, 7)]
    assert all(not e.more for e in told(plan_with, found, fills=(course(found),)).events)


def test_other_courses_are_told_beside_the_expected_one(plan_with):
    found = (breach(1, "cortical", 0.4), breach(2, "canal", 1.2))
    fills = (
        course(found),
        course(found, number=2, shift_ml=0.3, interface_tissue="removed"),
        course((), number=3, viscosity="low", ended="no_way"),
    )
    first, second = told(plan_with, found, fills=fills).others
    assert (first.stop.id, first.stop_ml, first.first.id) == ("breach-2", 1.5, "breach-1")
    assert second.first is None and second.stop is None
    text = text_of(plan_with(breaches=found, fills=fills))
    assert "interface tissue removed after 1.5\u202fmL: spinal canal (breach-2) after 0.7\u202fmL: soft tissue" in text
    assert "low-viscosity cement none none at 3.0\u202fmL: from the tip there is no way" in text


def test_a_course_is_named_by_what_sets_it_apart():
    expected = course(())
    two = course((), trajectory_ids=("trajectory-1", "trajectory-4"), interface_tissue="removed")
    assert instead(two, expected) == "trajectory-1, trajectory-4 together; interface tissue removed"
    assert instead(course((), viscosity="low"), expected) == "low-viscosity cement"
    assert instead(expected, expected) == "trajectory-1; interface tissue in place; high-viscosity cement"
    given = course((), trajectory_ids=())
    assert instead(given, expected) == "a given tip"


def test_needle_holes_stand_in_the_course_and_in_their_table(plan_with):
    hole = NeedleHole(
        trajectory_id="trajectory-1", gap_id="gap-1", entry_lps=(20.0, 26.0, 3.0), outward_lps=(0.0, 1.0, 0.0),
        diameter_mm=1.83, wall_mm=4.2, leak_after_ml=0.72,
    )  # fmt: skip
    plan = plan_with(breaches=(), fills=(course(()),), needle_holes=(hole,))
    assert "0.7\u202fmL reaches the hole of trajectory-1" in text_of(plan)
    # while the needle is in, its hole is closed
    assert leaks_of(plan, plan.gaps[0]).soft is None and "Soft tissue" not in card_of(plan)
    dry = plan_with(breaches=(), needle_holes=(hole.model_copy(update={"leak_after_ml": None}),))
    assert "reaches the hole" not in text_of(dry) and "4.2\u202fmm" in text_of(dry) and "not simulated" in text_of(dry)
    assert "Needle holes" not in text_of(plan_with())


def test_words_for_what_is_and_is_not_known():
    assert wall(breach(1)) == "open, 3.0\u202fmm across" and wall(breach(1, neck_mm=None)) == "open"
    thin = breach(1, severity="thin", barrier_hu=420.4)
    assert wall(thin) == "thin, 0.4\u202fmm of bone left (420\u202fHU)"
    assert wall(breach(1, severity="thin", barrier_mm=None)) == "thin"
    assert wall(breach(1, severity="thin", barrier_mm=0.02)) == "thin, under 0.1\u202fmm of bone left"
    assert happens(breach(1, "disc", compartment="disc L3-L4")) == "begins to leak into disc L3-L4"
    assert happens(thin) == "lies against a thin wall towards soft tissue"
    assert happens(breach(1, None)) == "begins to leak; not told where to"
    assert happens(breach(1, None, severity="thin")) == "lies against a thin wall"
    assert seen_how(VIEW) == "12° off profile, contrast 9\u202f%"
    assert seen_how(WatchView(primary_deg=0.0, secondary_deg=0.0)) == ""


@pytest.mark.parametrize(("ml", "words"), [(0.0, "at once"), (0.09, "at once"), (0.1, "after 0.1\u202fmL")])
def test_volumes_are_rounded_down(ml, words):
    assert after(ml) == words
    assert stop_at(ml) == ("0.1\u202fmL" if ml >= 0.1 else "the first 0.1\u202fmL")
    assert from_on(ml) == ("0.1\u202fmL" if ml >= 0.1 else "the start") and from_on(None) == "–"
    assert millilitres(0.79) == "0.7\u202fmL" and millilitres(0.3) == "0.3\u202fmL" and millilitres(None) == "–"


def test_console_angles_of_the_plan_count_and_older_plans_have_them_reckoned():
    gantry = GantryLimits()
    assert watch_at_console(VIEW, "HFS", gantry).console_primary_deg == 80.0
    older = WatchView(primary_deg=-100.0, secondary_deg=5.0)
    assert watch_at_console(older, "HFP", gantry).console_primary_deg == pytest.approx(80.0)
    assert watch_at_console(older, None, gantry) is None
    out = VIEW.model_copy(update={"console_secondary_deg": 85.0})
    assert not watch_at_console(out, "HFP", gantry).within_gantry_limits


def test_what_no_view_shows_and_what_artefacts_hide_is_said(plan_with):
    text = table_of(plan_with(breaches=(breach(1, "canal", 0.5, watch_view=None, trust=0.31),)))
    assert "no view shows it" in text and "31\u202f% doubtful" in text
    clear = table_of(plan_with(breaches=(breach(1, "canal", 0.5, trust=0.8, literature_type="D"),)))
    assert "80\u202f%" in clear and "doubtful" not in clear and "type D: disc" in clear
    unknown = table_of(plan_with(breaches=(breach(1, "canal", 0.5),)))
    assert "not known" in unknown and "doubtful" not in unknown and "type D: disc" not in unknown


def test_missing_figures_of_many_breaches_are_one_line(plan_with):
    many = [breach(n, "canal", None, reached=None, watch_view=None, trust=0.9) for n in (1, 2, 3)]
    whole = breach(4, "canal", 0.5, trust=0.9)
    lines = unmeasured(plan_with(breaches=(*many, whole)))
    gone = "whether cement reaches it (not simulated), view to watch (none shows it)"
    assert f"breach-1, breach-2, breach-3: {gone}" in lines
    assert not [line for line in lines if "breach-4" in line]


def test_assumptions_are_stated_only_where_something_was_computed(plan_with):
    found = (breach(1, "canal", 0.5),)
    assert "Computed, not observed" in text_of(plan_with(breaches=found, fills=(course(found),)))
    assert "Computed, not observed" not in text_of(plan_with(breaches=found))


def test_the_chart_is_drawn_for_what_was_simulated_alone(plan_with):
    found = (breach(1, "canal", 1.2),)
    pictures = fill_pictures(plan_with(breaches=found, fills=(course(found),)))
    assert set(pictures) == {"fill/gap-1"}
    marked = np.asarray(Image.open(io.BytesIO(pictures["fill/gap-1"])).convert("RGB")).astype(int)
    plain = fill_pictures(plan_with(breaches=(), fills=(course(()),)))["fill/gap-1"]
    unmarked = np.asarray(Image.open(io.BytesIO(plain)).convert("RGB")).astype(int)
    # ink of the dashed line and its name
    assert np.count_nonzero(marked.max(axis=2) < 90) > np.count_nonzero(unmarked.max(axis=2) < 90) + 200
    assert fill_pictures(plan_with(breaches=found)) == {}
    nothing = course((), steps=(), ended="no_way")
    assert fill_pictures(plan_with(breaches=(), fills=(nothing,))) == {}
    assert "Nothing goes in: from the tip there is no way" in text_of(plan_with(breaches=(), fills=(nothing,)))


def line_of(plan_with, breaches, **more):
    return leaks_in_a_line(told(plan_with, breaches, **more))


def test_a_terminal_reads_the_first_leak_and_the_stop(plan_with):
    assert line_of(plan_with, ()) == ""
    assert line_of(plan_with, (breach(1, "canal", None, reached=None),)) == "leaks not simulated"
    never = breach(1, "canal", None, reached=False)
    assert line_of(plan_with, (never,), fills=(course(()),)) == "trajectory-1: no leak in the expected course"
    two = (breach(1, "canal", 1.25, trust=0.3), breach(2, "cortical", 0.4, trust=0.9))
    said = "trajectory-1: first leak after 0.4 mL: soft tissue; stop before 1.2 mL: spinal canal, doubtful"
    assert line_of(plan_with, two, fills=(course(two),)) == said
    assert line_of(plan_with, (breach(1, "canal", 0.0),)) == "stop before the first 0.1 mL: spinal canal"


def test_the_line_stops_at_the_earliest_of_all_courses(plan_with):
    early = (breach(1, "canal", 1.25, stop_ml=0.55),)
    said = "trajectory-1: stop before 0.5 mL: spinal canal (in this course 1.2 mL)"
    assert line_of(plan_with, early, fills=(course(early),)) == said
    never = (breach(1, "canal", None, reached=False, stop_ml=0.55),)
    said = "trajectory-1: no leak in the expected course; stop before 0.5 mL in other courses: spinal canal"
    assert line_of(plan_with, never, fills=(course(()),)) == said
    soft = (breach(1, "cortical", 1.25, stop_ml=0.55),)
    assert "stop" not in line_of(plan_with, soft, fills=(course(soft),))
    tip = (breach(1, "canal", 1.25, stop_ml=1.21),)
    assert "in this course" not in line_of(plan_with, tip, fills=(course(tip),)), "the same, as it is written"


@pytest.mark.parametrize("leak_type", ["canal", "foramen", "joint", "disc", None])
def test_a_thin_wall_that_is_reached_is_a_caution_and_no_leak(plan_with, leak_type):
    held = breach(1, leak_type, 1.1, severity="thin")
    leaks = told(plan_with, (held,), fills=(course((held,)),))
    assert leaks.stop is None and leaks.soft is None and leaks.soft_count == 0
    assert leaks.caution is not None and leaks.caution.breach is held
    plan = plan_with(breaches=(held,), fills=(course((held,)),))
    card = card_of(plan)
    assert "no open wall is reached" in card and "Care: cement lies against a thin wall towards" in card
    assert "leak" not in leaks_in_a_line(leaks).replace("no leak in the expected course", "")
    assert leaks_by_needle(plan)["trajectory-1"].first is None


def test_a_thin_wall_to_soft_tissue_or_after_the_stop_is_no_caution(plan_with):
    soft = breach(1, "cortical", 0.3, severity="thin")
    assert told(plan_with, (soft,), fills=(course((soft,)),)).caution is None
    late = (breach(1, "canal", 0.5), breach(2, "joint", 0.9, severity="thin"))
    assert told(plan_with, late, fills=(course(late),)).caution is None


def test_a_full_gap_that_is_half_empty_says_what_keeps_the_rest():
    volume = Interval(estimate=4.0, low=3.0, high=5.0)
    fill = course((), ended="gaps_full")  # 2.1 mL in the gap
    assert ended(fill, volume) == "the gap takes no more, for the tissue left in it keeps the rest"
    full = Interval(estimate=2.1, low=2.0, high=2.5)
    assert ended(fill, full) == ended(fill, None) == "the gap takes no more"
    assert ended(course((), ended="gaps_full", interface_tissue="removed"), volume) == "the gap takes no more"


def test_one_c_arm_is_told_what_to_hold_where_the_next_leak_needs_another_view(plan_with):
    turned = VIEW.model_copy(update={"primary_deg": -10.0})
    found = (breach(1, "canal", 0.7), breach(2, "foramen", 0.9, watch_view=turned))
    text = text_of(plan_with(breaches=found, fills=(course(found),)))
    assert "hold RAO 100 CRAN 5° for breach-1, which comes first" in text
    behind = VIEW.model_copy(update={"primary_deg": 80.0, "secondary_deg": -5.0})
    for second in (
        breach(2, "foramen", 1.3, watch_view=turned), breach(2, "foramen", 0.9, watch_view=behind),
        breach(2, "cortical", 0.9, watch_view=turned), breach(2, "foramen", 0.9, watch_view=None),
    ):  # fmt: skip
        assert told(plan_with, (found[0], second), fills=(course((found[0], second)),)).soon == ()


def test_what_is_readable_is_never_rounded_up_to_all(plan_with):
    assert readable(breach(1, trust=0.9969)) == "99\u202f%" and readable(breach(1, trust=1.0)) == "100\u202f%"
    assert readable(breach(1)) == "not known"
    doubtful = (breach(1, "canal", 0.5, trust=0.41),)
    assert "doubtful: readable to 41\u202f%" in card_of(plan_with(breaches=doubtful, fills=(course(doubtful),)))
    sound = (breach(1, "canal", 0.5, trust=0.8),)
    assert "doubtful" not in card_of(plan_with(breaches=sound, fills=(course(sound),)))


def test_risk_factors_that_are_missing_are_named(plan_with):
    text = text_of(plan_with())
    assert "not measured for this plan" in text and "fracture height loss" in text


def test_another_needles_hole_is_not_in_the_course(plan_with):
    hole = NeedleHole(
        trajectory_id="trajectory-1", gap_id="gap-1", entry_lps=(20.0, 26.0, 3.0), outward_lps=(0.0, 1.0, 0.0),
        diameter_mm=1.83, wall_mm=4.2, leak_after_ml=0.72,
    )  # fmt: skip
    given = course((), trajectory_ids=())
    assert told(plan_with, (), fills=(given,), needle_holes=(hole,)).events == ()
    assert len(told(plan_with, (), fills=(course(()),), needle_holes=(hole,)).events) == 1
