"""The first page: what stands on it, and what it says where a thing is not known."""

import re
from pathlib import Path
from typing import get_args

import pytest

from planner.model.breach import Breach
from planner.model.cement_fill import BreachArrival, CementFill, FillStep
from planner.model.finding import Finding
from planner.model.gap import GapKind
from planner.model.implant import ImplantKind, LooseningCriterion
from planner.model.needle import Procedure, ProposedSet
from planner.model.plan import Plan
from planner.report.html import render_report
from planner.report.sheet import deciding, sheet_of
from planner.station.planned_there import earliest_stop_ml

KIT_ML = 20.0


def procedure(names=("trajectory-1",), **more):
    one = ProposedSet(implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=names, reason="why", cement_ml=1.6)
    return Procedure(**{"sets": (one,), "needles": len(names), "cement_ml": 1.6, "in_needles_ml": 0.4} | more)


def course(arrivals=(), names=("trajectory-1",), **more):
    step = FillStep(injected_ml=2.0, gaps_ml={"gap-1": 1.0}, trabecular_ml=0.5, leaked_ml=0.5, reached=())
    met = tuple(BreachArrival(breach_id=name, after_ml=ml) for name, ml in arrivals)
    fields = {
        "id": f"fill-{'-'.join(names)}", "gap_id": "gap-1", "trajectory_ids": names, "tips_lps": ((9.0, -4.0, 0.5),),
        "interface_tissue": "in_place", "viscosity": "high", "steps": (step,), "arrivals": met, "ended": "gaps_full",
    }  # fmt: skip
    return CementFill(**(fields | more))


def wall(number, leak_type="canal", severity="open", **more):
    fields = {
        "id": f"breach-{number}", "gap_id": "gap-1", "leak_type": leak_type, "severity": severity, "barrier_mm": 0.0,
        "area_mm2": 9.0, "centroid_lps": (2.0, 4.0, 0.0), "outward_lps": (-1.0, 0.0, 0.0), "reached": None,
        "leak_after_ml": None, "watch_view": None,
    }  # fmt: skip
    return Breach(**(fields | more))


def test_the_grade_rests_on_what_is_beyond_its_limit(plan):
    def row(name, measured, limit):
        return LooseningCriterion(name=name, measured=measured, limit=limit, unit="mm")

    rows = (row("a", None, 1.0), row("b", 0.5, 1.0), row("c", 1.5, 1.0), row("d", 2.5, 2.0), row("e", 9.0, 1.0))
    screw = plan.implants[0]
    assert [r.name for r in deciding(screw.model_copy(update={"loosening_criteria": rows}))] == ["c"]
    assert [r.name for r in deciding(screw.model_copy(update={"loosening_criteria": rows[:2]}))] == ["b"]
    assert deciding(screw.model_copy(update={"loosening_criteria": rows[:1]})) == () and deciding(None) == ()


def test_needles_stand_in_the_order_of_injection(plan_with, plan):
    first = plan.trajectories[0]
    second, third = (first.model_copy(update={"id": f"trajectory-{k}", "rank": k}) for k in (2, 3))
    ways = (first, second, third)
    told = plan_with(trajectories=ways, procedure=procedure(("trajectory-3", "trajectory-2")))
    lines = sheet_of(told, kit_ml=KIT_ML).needles
    assert [(line.number, line.way.id) for line in lines] == [(1, "trajectory-3"), (2, "trajectory-2")]
    assert all(line.stop.together == ("trajectory-3", "trajectory-2") for line in lines)
    (line,) = sheet_of(plan_with(trajectories=ways), kit_ml=KIT_ML).needles
    assert line.way.id == "trajectory-1"


def stop_of(plan_with, **parts):
    (line,) = sheet_of(plan_with(procedure=procedure(), **parts), kit_ml=KIT_ML).needles
    return line.stop


def test_one_stops_at_the_earliest_of_all_that_was_simulated(plan_with):
    walls = (wall(1, stop_ml=0.3), wall(2, "disc"))
    stop = stop_of(plan_with, breaches=walls, fills=(course([("breach-2", 0.2), ("breach-1", 0.7)]),))
    assert (stop.breach.id, stop.before_ml, stop.watch.id) == ("breach-2", 0.2, "breach-2")
    stop = stop_of(plan_with, breaches=walls, fills=(course([("breach-1", 0.7)]),))
    assert (stop.breach.id, stop.before_ml, stop.course.stop_ml) == ("breach-1", 0.3, 0.7)


def test_what_needles_inject_together_is_told_as_their_sum(plan_with, plan):
    first = plan.trajectories[0]
    ways = (first, first.model_copy(update={"id": "trajectory-2", "rank": 2}))
    names = ("trajectory-2", "trajectory-1")

    def stops(names, fills):
        told = plan_with(trajectories=ways, procedure=procedure(names), breaches=(wall(1),), fills=fills)
        bold = re.findall(r'<td class="must">\s*(.*?)<small>', render_report(told, {}), flags=re.DOTALL)
        return [re.sub(r"<.*?>", "", text).replace("\u202f", " ").strip() for text in bold]

    leaky = course([("breach-1", 0.8)], names)
    assert stops(names, (leaky,)) == ["STOP before 0.8 mL in all (No. 1 + No. 2): spinal canal"] * 2
    assert stops(names, (course((), names),)) == ["no leak to stop for in the simulation"] * 2
    alone = course([("breach-1", 0.8)])
    assert stops(names[1:], (alone,)) == ["STOP before 0.8 mL: spinal canal"]


def test_what_one_does_not_stop_for_is_no_stop_but_watched(plan_with):
    soft = wall(1, "cortical", stop_ml=0.1)
    stop = stop_of(plan_with, breaches=(soft,), fills=(course([("breach-1", 0.2)]),))
    assert stop.breach is None and stop.before_ml is None and stop.watch.id == "breach-1"
    none = stop_of(plan_with, breaches=(), fills=(course(),))
    assert none.before_ml is None and none.watch is None and none.course is not None
    unknown = stop_of(plan_with, breaches=())
    assert unknown.before_ml is None and unknown.course is None and unknown.fill is None


def test_what_leaks_without_a_stop_is_told_in_millilitres(plan_with):
    soft = wall(1, "cortical", stop_ml=0.1)

    def read(fill):
        page = render_report(plan_with(procedure=procedure(), breaches=(soft,), fills=(fill,)), {})
        cell = page[page.index('<td class="must">') :]
        return re.sub(r"<.*?>", "", cell[: cell.index("</td>")]).replace("\u202f", " ")

    assert "first leak after 0.2 mL: soft tissue; 0.5 mL leaked by the end" in " ".join(
        read(course([("breach-1", 0.2)])).split()
    )
    assert "has leaked" not in read(course())


def test_sides_and_region_in_words(plan_with, plan):
    sheet = sheet_of(plan, kit_ml=KIT_ML)
    assert sheet.region == "SPINE" and sheet.sides == (("LEFT", "L4 screw-1"), ("SIDE NOT TOLD", "L5 gap-2"))
    stem = plan.implants[0].model_copy(update={"id": "stem", "kind": "femoral_stem", "side": "right", "level": None})
    gap = plan.gaps[0].model_copy(update={"implant_id": "stem"})
    hip = sheet_of(
        plan_with(implants=(stem,), gaps=(gap,), trajectories=(), breaches=(), needle_sets=()), kit_ml=KIT_ML
    )
    assert hip.region == "RIGHT HIP" and hip.sides == (("RIGHT", "stem"),)
    blind = stem.model_copy(update={"side": None})
    nobody = plan_with(implants=(blind,), gaps=(gap,), trajectories=(), breaches=(), needle_sets=())
    assert sheet_of(nobody, kit_ml=KIT_ML).region == "HIP"
    nothing = plan_with(implants=(), gaps=(), trajectories=(), breaches=(), needle_sets=())
    assert sheet_of(nothing, kit_ml=KIT_ML).region == "NO IMPLANT"


def test_targets_stand_on_the_side_where_they_are_drawn(plan_with, plan):
    (where,) = sheet_of(plan, kit_ml=KIT_ML).where
    assert [one.gap.id for one in where.left] == ["gap-1", "gap-2"] and where.right == ()
    right = plan.implants[0].model_copy(update={"side": "right"})
    (where,) = sheet_of(plan_with(implants=(right,)), kit_ml=KIT_ML).where
    assert [one.gap.id for one in where.right] == ["gap-1"]


NO_NEEDLES = {"trajectories": (), "breaches": (), "needle_sets": ()}


def implants_of(plan, *kinds_and_sides):
    screw = plan.implants[0]
    return tuple(
        screw.model_copy(update={"id": f"{kind}-{k}", "kind": kind, "side": side, "level": None})
        for k, (kind, side) in enumerate(kinds_and_sides)
    )


def free_gap(plan, kind="osteolysis", level=None):
    return plan.gaps[1].model_copy(update={"id": "gap-7", "kind": kind, "level": level})


def test_lysis_beside_a_hip_is_no_spine(plan_with, plan):
    lysis = free_gap(plan)
    (stem,) = implants_of(plan, ("femoral_stem", "left"))
    held = plan.gaps[0].model_copy(update={"implant_id": stem.id})
    sheet = sheet_of(plan_with(implants=(stem,), gaps=(held, lysis), **NO_NEEDLES), kit_ml=KIT_ML)
    assert sheet.region == "LEFT HIP" and [where.kind for where in sheet.where] == ["hip"]
    assert sheet.sides == (("LEFT", stem.id), ("SIDE NOT TOLD", "gap-7"))
    assert [one.gap.id for one in sheet.where[0].right] == ["gap-1", "gap-7"] and sheet.targets[1].place == ""
    assert all("gap-7" in drawing for drawing in sheet.where[0].drawings)
    # in which of two hips, or near which side's implant, is not told
    assert sheet_of(plan_with(implants=(stem,), gaps=(lysis,), **NO_NEEDLES), kit_ml=KIT_ML).region == "HIP"
    both = implants_of(plan, ("femoral_stem", "left"), ("femoral_stem", "right"))
    sheet = sheet_of(plan_with(implants=both, gaps=(lysis,), **NO_NEEDLES), kit_ml=KIT_ML)
    assert sheet.region == "HIP" and not any("gap-7" in d for where in sheet.where for d in where.drawings)
    assert [one.gap.id for one in sheet.where[-1].left] == ["gap-7"] and sheet.where[-1].drawings == ()


def test_what_lies_at_the_spine_or_at_the_hip_is_put_at_neither(plan_with, plan):
    mixed = implants_of(plan, ("femoral_stem", "left"), ("pedicle_screw", "left"))
    sheet = sheet_of(plan_with(implants=mixed, gaps=(free_gap(plan),), **NO_NEEDLES), kit_ml=KIT_ML)
    assert sheet.where[-1].kind == "not drawn" and sheet.targets[0].place == "place not told"
    told = sheet_of(plan_with(implants=mixed, gaps=(free_gap(plan, level="L3"),), **NO_NEEDLES), kit_ml=KIT_ML)
    assert [one.gap.id for one in told.where[0].left] == ["gap-7"] and told.where[0].kind == "spine"
    nothing = sheet_of(plan_with(implants=(), gaps=(free_gap(plan),), **NO_NEEDLES), kit_ml=KIT_ML)
    assert nothing.region == "NO IMPLANT" and [where.kind for where in nothing.where] == ["not drawn"]


@pytest.mark.parametrize("beside", [(), (("femoral_stem", "left"),), (("pedicle_screw", "right"),)])
@pytest.mark.parametrize("side", ["left", "right", None])
def test_every_gap_has_its_card_whatever_it_lies_at(plan_with, plan, side, beside):
    for kind in get_args(ImplantKind):
        implants = implants_of(plan, (kind, side), *beside)
        gaps = [plan.gaps[0].model_copy(update={"implant_id": implants[0].id})]
        gaps += [
            free_gap(plan, free, level).model_copy(update={"id": f"gap-{free}-{level}"})
            for free in get_args(GapKind)
            for level in ("L3", None)
        ]
        for some in (gaps, gaps[:1], *((gap,) for gap in gaps[1:])):
            sheet = sheet_of(plan_with(implants=implants, gaps=tuple(some), **NO_NEEDLES), kit_ml=KIT_ML)
            cards = [one.gap.id for where in sheet.where for one in (*where.left, *where.right)]
            assert sorted(cards) == sorted(gap.id for gap in some), kind


def test_a_card_without_a_drawing_stands_on_the_page(plan_with, plan):
    implants = implants_of(plan, ("femoral_stem", "left"), ("plate", "right"))
    gap = plan.gaps[0].model_copy(update={"implant_id": implants[1].id})
    page = render_report(plan_with(implants=implants, gaps=(gap,), **NO_NEEDLES), {})
    first = page[: page.index('class="leaf target"')]
    assert re.search(r'class="gapcard">(?:(?!</div>).)*gap-1', first, flags=re.DOTALL) and "Not drawn" in first


def test_nobody_is_given_a_needle_who_is_no_candidate(plan_with):
    grave = Finding(code="no-candidate", severity="warning", message="no candidate: open surgery")
    sheet = sheet_of(plan_with(findings=(grave,), procedure=procedure()), kit_ml=KIT_ML)
    assert sheet.needles == () and not re.search("trajectory", str(sheet.where))
    assert not sheet.is_proposal and sheet.kits is None


def test_how_loose_the_others_are_is_told_and_what_was_not_measured_is_no_none(plan_with, plan):
    screw = plan.implants[0]
    others = [
        screw.model_copy(update={"id": f"screw-{k}", "loosening": grade})
        for k, grade in ((2, "none"), (3, None), (4, "none"))
    ]
    rod = screw.model_copy(update={"id": "rod-1", "kind": "rod", "loosening": None})
    sheet = sheet_of(plan_with(implants=(screw, *others, rod)), kit_ml=KIT_ML)
    assert sheet.others == (("none", "screw-2, screw-4"), (None, "screw-3"))
    assert sheet_of(plan, kit_ml=KIT_ML).others == ()


@pytest.mark.parametrize("kind", ["lumbar", "thoracic", "hip"])
def test_the_sheet_and_the_viewer_stop_at_the_same_volume(kind):
    plan = Plan.model_validate_json((Path(__file__).parent / "plans" / f"{kind}.json").read_text())
    gaps = {gap.id: gap for gap in plan.gaps}
    lines = sheet_of(plan, kit_ml=KIT_ML).needles
    assert len(lines) == plan.procedure.needles
    assert [line.stop.before_ml for line in lines] == [earliest_stop_ml(plan, gaps[line.way.gap_id]) for line in lines]
    assert any(line.stop.before_ml is not None for line in lines)
