"""Measurement groups of needles, with their ways in the CT's frame of reference."""

import re

import highdicom as hd
from pydicom.sr.coding import Code

from planner.io.dicom import codes
from planner.io.dicom.codes import own
from planner.io.dicom.sr.group import Context, Group, Told
from planner.io.dicom.structure_terms import Place, Term, gap_term
from planner.model.needle import NeedleWay, Trajectory
from planner.model.plan import Plan
from planner.model.proposal import proposal_of

_GAUGE = re.compile(r"(\d+(?:\.\d+)?) ?G")
_GAUGES = Code("{gauge}", "UCUM", "gauge")


def needle_group(plan: Plan, way: NeedleWay, context: Context) -> Group:
    """Tell a needle's way: entry, target, lengths, angles, gauge, clearances.

    Parameters
    ----------
    plan : Plan
        The plan, for what the needle leads to and whether it is proposed.
    way : NeedleWay
        One of its needles.
    context : Context
        The report's.

    Returns
    -------
    Group
        TID 1501; the depth in bone refers to the whole path and its named points.
    """
    told = Told(way.id, context, Term(codes.OBJECT, codes.NEEDLE, place=_place(plan, way)))
    told.number(own("depth-bone"), way.depth_in_bone_mm, codes.MM, points=_geometry(told, way))
    told.number(own("depth-skin"), way.depth_from_skin_mm, codes.MM)
    gauge = _GAUGE.fullmatch(way.needle.gauge)
    told.number(codes.NEEDLE_GAUGE, None if gauge is None else float(gauge[1]), _GAUGES)
    told.number(codes.DIAMETER, way.needle.outer_diameter_mm, codes.MM)
    told.number(codes.LENGTH, way.needle.length_mm, codes.MM)
    told.number(codes.PRIMARY_ANGLE, way.bulls_eye.primary_deg, codes.DEGREES)
    told.number(codes.SECONDARY_ANGLE, way.bulls_eye.secondary_deg, codes.DEGREES)
    told.number(own("console-primary"), way.bulls_eye.console_primary_deg, codes.DEGREES)
    told.number(own("console-secondary"), way.bulls_eye.console_secondary_deg, codes.DEGREES)
    told.number(own("entry-angle"), way.entry_angle_deg, codes.DEGREES)
    told.number(own("crossings"), way.cortical_crossings, codes.ONE)
    told.number(own("entry-cortex"), way.entry_cortex_mm, codes.MM)
    for name, clearance in (
        ("to-metal", way.clearance_mm.metal),
        ("to-canal", way.clearance_mm.canal),
        ("to-breach", way.clearance_mm.nearest_breach),
        ("to-forbidden", way.clearance_mm.forbidden),
        ("to-bone", way.clearance_mm.other_bone),
    ):
        told.number(own(name), clearance, codes.MM)
    for crossing in way.crosses:
        told.number(own("crossed"), crossing.length_mm, codes.MM, of=crossing.structure)
    told.number(own("reachable"), way.reachable_ml, codes.ML)
    told.number(own("rank"), way.rank, codes.ONE)
    told.number(own("score"), way.score, codes.ONE)
    _tell_place_in_plan(told, plan, way)
    told.choice("approach", way.approach)
    told.choice("made", way.made)
    told.truth("slides", value=way.slides_along_implant)
    told.truth("in-reach", value=way.bulls_eye.within_gantry_limits)
    told.text("needle", way.needle.gauge)
    told.text("belongs-to", way.goal_id)
    told.text("zones", ", ".join(way.zones))
    told.text("landmark", None if way.skin_landmark is None else way.skin_landmark.in_words)
    for caution in way.cautions:
        told.text("caution", caution)
    for violation in way.violations:
        told.text("violation", violation)
    return told.group()


def _geometry(told: Told, way: NeedleWay) -> list[hd.sr.CoordinatesForMeasurement3D]:
    named = [told.line(codes.PATH, way.path_lps), told.point("entry-bone", way.entry_bone_lps)]
    if way.entry_skin_lps is not None:
        named.append(told.point("entry-skin", way.entry_skin_lps))
    return [*named, told.point("aim", way.aim_lps), told.point("target", way.target_lps)]


def _tell_place_in_plan(told: Told, plan: Plan, way: NeedleWay) -> None:
    if plan.procedure is not None:
        proposal = proposal_of(plan)
        sets = () if proposal is None else proposal.sets
        orders = [one.trajectory_ids for one in sets if way.id in one.trajectory_ids]
        told.truth("proposed", value=bool(orders))
        told.number(own("order"), orders[0].index(way.id) + 1 if orders else None, codes.ONE)
    if isinstance(way, Trajectory):
        told.truth("locked", value=way.locked)
        told.number(own("needle-leak-after"), way.leak_after_ml, codes.ML)
        told.text("leak-breach", way.leak_breach_id)


def _place(plan: Plan, way: NeedleWay) -> Place | None:
    """Give the place of the gap that a needle leads to; None for other targets."""
    return gap_term(plan, way.goal_id).place if isinstance(way, Trajectory) else None
