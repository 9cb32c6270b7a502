"""Needles in the report: all that is told, in words, and what is not told said so."""

import re

import pytest

from planner.model.needle import AimError, DepthMark, SkinLandmark
from planner.model.picked_target import PickedTarget, PickedWay
from planner.report import needle_words as say
from planner.report.html import render_report
from planner.report.needle_rows import cards_of, needle_card, roles, searches_of, set_rows
from tests.unit.report.needle_plans import told_needle, with_told_needles
from tests.unit.report.test_html import Page


@pytest.fixture
def told(plan):
    return with_told_needles(plan)


def _section(plan):
    text = Page(render_report(plan, {})).text.replace("\u202f", " ")
    return text[text.index(" Needles ") : text.index("Where cement will leak")]


@pytest.mark.parametrize(
    "words",
    [
        "transpedicular: along the screw, touching its middle", "extrapedicular: close by the pedicle's outer wall",
        "15G, 1.83 mm × 150 mm", "31 mm left of the midline; 31 mm left and 12 mm below the tip of the spinous",
        "console −20° / +4°",
        "bone 41 · pedicle 52 · posterior wall 63 · contact with the screw 66 · target 83 mm from",
        "21° off the bone's normal, through 1.8 mm of cortex", "opening to 9 o'clock on the bull's-eye view: away from",
        "grade B (Gertzbein-Robbins), 0.6 mm out of it, 2.6 mm from the canal before the posterior wall, 9.1 mm wide",
        "rod-1 3.4 mm (44 mm before the target)", "skin and fat 12 mm, muscle 29 mm, bone 42 mm",
        "screw-middle, screw-tip", "the tip lies 3 mm before the front wall",
        "nearer than wanted to an implant or cement and the spinal canal", "2 mm and 2° off", "−1.1 mm: would meet it",
        "96 % of needles so far off meet nothing that harms", "forgives bad aim 0.96", "cement stays in 0.62",
        "proposed, injects 2 of 2", "curved, 18 mm beyond the needle, 41° (radius 25 mm)",
        "2 needles proposed in all.", "Cement to inject: 1.4 mL", "have 1.9 mL at hand",
        "Without a proposed needle: gap-2",
        "trajectory-2 → trajectory-1", "14 mm", "46 mm",
        "would touch an implant or cement 20 411; too near to the spinal canal 9 120",
        "through a second bone on the way 871; others 12", "a lumbar level has no rib", "gap-1: 15G, then 16G",
    ],
)  # fmt: skip
def test_all_that_is_told_stands_in_words(told, words):
    # tags leave a space before a comma, and after it
    assert words in re.sub(r" ([,;:]) ", r"\1 ", _section(told))


def test_no_raw_name_of_the_plan_is_shown(told):
    text = _section(told)
    assert not re.search(r"\b[a-z]+_[a-z]+\b", text) and "None" not in text and "{" not in text


def test_what_is_not_told_of_a_needle_is_said_or_left_out(told):
    bare = cards_of(told)["trajectory-3"]
    names = [row.name for row in (*bare.set_up, *bare.safety)]
    assert not {"Caution", "Pedicle", "Nearest", "Zones", "Bevel", "Cannula", "Bad aim", "Locked"} & set(names)
    said = {row.name: row.text for row in (*bare.set_up, *bare.safety)}
    assert said["Skin"] == "outside the scan" and said["Depth"].startswith("not measured")
    assert said["Cement"].endswith("leaks not simulated") and bare.terms == () and bare.role == ""
    assert [c.name for c in bare.clearances] == ["implant or cement", "spinal canal", "nearest breach"]
    assert {c.aimed_badly for c in bare.clearances} == {"not measured", ""} and not any(
        c.warns for c in bare.clearances
    )


def test_a_clearance_that_a_bad_aim_would_use_up_is_marked_and_no_other(told):
    first, second = (cards_of(told)[f"trajectory-{n}"] for n in (1, 2))
    assert [c.name for c in first.clearances if c.warns] == ["implant or cement"]
    assert not any(c.warns for c in second.clearances)


def test_a_grave_passage_is_marked_and_a_good_one_is_not(plan):
    way = told_needle(plan.trajectories[0])
    for grade, marked in (("A", False), ("B", False), ("C", True), (None, False)):
        card = needle_card(way.model_copy(update={"passage": way.passage.model_copy(update={"grade": grade})}))
        (row,) = (row for row in card.safety if row.name == "Pedicle")
        assert row.warns is marked
    assert "not told" in row.text


def test_roles_are_of_the_proposed_alone(told, plan):
    assert roles(told) == {"trajectory-2": "proposed, injects 1 of 2", "trajectory-1": "proposed, injects 2 of 2"}
    assert roles(plan) == {}


def test_the_proposed_set_comes_first(told, plan):
    assert [row.proposed is not None for row in set_rows(told)] == [True, False]
    assert [row.proposed for row in set_rows(plan)] == [None]


def test_a_plan_without_searches_or_sets_has_no_such_tables(plan_with):
    text = _section(plan_with(needle_sets=()))
    assert "Why other ways" not in text and "work together" not in text and searches_of(plan_with()) == []


def test_a_family_without_a_safe_way_is_told_once(told):
    from planner.report.needle_rows import refused_rows

    family = (
        told.needle_searches[0]
        .families[0]
        .model_copy(update={"kept": 0, "why_none": "none of 1250 ways keeps all limits; refused for: metal 1200"})
    )
    search = told.needle_searches[0].model_copy(update={"families": (family, told.needle_searches[0].families[2])})
    some, none = refused_rows(search, "pedicle_screw")
    assert some.why.count("1\u202f200") == 1 and "1200" not in some.why and none.why == "a lumbar level has no rib"


def test_targets_picked_by_hand_have_cards_or_say_why_none(told):
    fields = told.trajectories[0].model_dump(exclude={"gap_id", "leak_after_ml", "leak_breach_id", "locked"})
    way = PickedWay(**fields | {"id": "target-1-needle-1"}, target_id="target-1")
    some = PickedTarget(id="target-1", point_lps=(1, 2, 3), radius_mm=3, implant_id="screw-1", gap_id=None, ways=(way,))
    none = PickedTarget(
        id="target-2", point_lps=(1, 2, 3), radius_mm=3, implant_id=None, gap_id="gap-1", why_none="canal 20"
    )
    picked = told.model_copy(update={"picked_targets": (some, none)})
    breach = way.clearance_mm.model_copy(update={"nearest_breach": None})
    silent = some.model_copy(update={"ways": (way.model_copy(update={"clearance_mm": breach}),)})
    (card,) = (c for n, c in cards_of(picked.model_copy(update={"picked_targets": (silent,)})).items() if "target" in n)
    assert card.clearances[-1].planned == "not measured" and "screw" in card.title
    text = _section(picked)
    assert "target-1 · screw-1" in text and "in no gap that was told" in text and "target-1-needle-1 ·" in text
    assert "in gap-1." in text[text.index("target-2") :] and "canal 20" in text


def test_nothing_is_called_proposed_for_who_is_no_candidate(told):
    from planner.model.finding import Finding

    grave = Finding(code="no-candidate", severity="warning", message="no candidate: open surgery")
    text = _section(told.model_copy(update={"findings": (grave,)}))
    assert "is no proposal" in text and "proposed" not in text.replace("is no proposal", "")


def test_a_point_on_the_landmark_is_at_it():
    assert say.from_landmark(SkinLandmark(name="midline", offset_mm=(0.2, 0.0, -0.3))) == "at the midline"
    away = SkinLandmark(name="trochanter tip", offset_mm=(-5.0, -20.0, 12.0))
    assert say.from_landmark(away).replace("\u202f", " ") == (
        "5 mm right, 20 mm in front and 12 mm above the trochanter tip"
    )


def test_depths_without_a_skin_are_from_the_bone():
    marks = (
        DepthMark(name="bone", from_skin_mm=None, from_bone_mm=0.0),
        DepthMark(name="gap", from_skin_mm=None, from_bone_mm=31.0),
    )
    assert say.depths(marks).replace("\u202f", " ") == "bone 0 · gap 31 mm from the bone's surface"
    assert say.depths(()) == "not measured"


def test_a_bad_aim_that_was_not_measured_is_not_safe():
    error = AimError(error_mm=2, error_deg=2, metal=None, canal=0.0, forbidden=-0.5, harmless_share=0.5)
    assert say.aimed_badly(error, "metal") == say.aimed_badly(None, "canal") == "not measured"
    assert "would meet" not in say.aimed_badly(error, "canal") and "would meet" in say.aimed_badly(error, "forbidden")


def test_needles_that_cannot_stand_at_the_same_time_are_named(told):
    sitting = told.procedure.model_copy(update={"in_turn": (("trajectory-1", "trajectory-7"),)})
    assert "One after the other" in _section(told.model_copy(update={"procedure": sitting}))
    assert "trajectory-1 and trajectory-7" in _section(told.model_copy(update={"procedure": sitting}))
    assert "One after the other" not in _section(told)
