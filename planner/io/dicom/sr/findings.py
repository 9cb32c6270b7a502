"""Measurement groups of implants, gaps and breaches."""

from planner.io.dicom import codes
from planner.io.dicom.codes import own
from planner.io.dicom.sr.group import Context, Group, Told
from planner.io.dicom.structure_terms import KIND_TERMS, Term, gap_term, implant_term
from planner.model.breach import Breach
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.plan import Plan

_UNITS = {"1": codes.ONE, "mm": codes.MM, "mm2": codes.MM2, "mL": codes.ML, "deg": codes.DEGREES, "HU": codes.HU}

_NOT_RELIABLE = "gap-not-reliable"
"""The finding's code that marks a gap's figures as not to be relied on; in the sheet, too."""


def implant_group(implant: Implant, context: Context) -> Group:
    """Tell an implant's measures and how loose it is, with the criteria.

    Parameters
    ----------
    implant : Implant
        The plan's record.
    context : Context
        The report's.

    Returns
    -------
    Group
    """
    told = Told(implant.id, context, implant_term(implant))
    told.number(codes.VOLUME, implant.volume_ml, codes.ML)
    if implant.axis is not None:
        told.number(codes.LENGTH, implant.axis.length_mm, codes.MM)
        told.number(codes.DIAMETER, implant.axis.diameter_mm, codes.MM)
        told.number(own("core-diameter"), implant.axis.core_diameter_mm, codes.MM)
    elif implant.sphere is not None:
        told.number(codes.DIAMETER, implant.sphere.diameter_mm, codes.MM)
    told.number(own("metal-length"), implant.metal_length_mm, codes.MM)
    for criterion in implant.loosening_criteria:
        unit = _UNITS.get(criterion.unit)
        if unit is not None:
            told.number(own("criterion"), criterion.measured, unit, of=criterion.name)
            told.number(own("criterion-limit"), criterion.limit, unit, of=criterion.name)
    told.choice("loosening", implant.loosening)
    told.choice("material", None if implant.material == "unknown" else implant.material)
    told.truth("cut", value=implant.is_cut)
    return told.group()


def gap_group(plan: Plan, gap: Gap, context: Context) -> Group:
    """Tell a gap's volume, width, share of the interface, expected cement, and where these are not to be relied on.

    Parameters
    ----------
    plan : Plan
        The plan, for the implant beside it.
    gap : Gap
        One of its gaps.
    context : Context
        The report's.

    Returns
    -------
    Group
    """
    told = Told(gap.id, context, gap_term(plan, gap.id))
    if gap.volume_ml is not None:
        told.number(codes.VOLUME, gap.volume_ml.estimate, codes.ML, around=gap.volume_ml)
        told.number(own("volume-low"), gap.volume_ml.low, codes.ML)
        told.number(own("volume-high"), gap.volume_ml.high, codes.ML)
    if gap.expected_fill_ml is not None:
        told.number(own("fill"), gap.expected_fill_ml.estimate, codes.ML)
        told.number(own("fill-low"), gap.expected_fill_ml.low, codes.ML)
        told.number(own("fill-high"), gap.expected_fill_ml.high, codes.ML)
    if gap.width_mm is not None:
        told.number(codes.WIDTH, gap.width_mm.median, codes.MM, derivation=codes.MEDIAN)
        told.number(codes.WIDTH, gap.width_mm.p95, codes.MM, derivation=codes.PERCENTILE_95)
        told.number(codes.WIDTH, gap.width_mm.max, codes.MM, derivation=codes.MAXIMUM)
    told.number(own("interface-share"), gap.interface_fraction, codes.ONE)
    told.number(own("trust"), gap.trust, codes.ONE)
    for zone in gap.zones:
        told.number(own("zone-volume"), zone.volume_ml, codes.ML, of=zone.zone)
    unreliable = [f.message for f in plan.findings if f.code == _NOT_RELIABLE and f.gap_id == gap.id]
    told.choice("reliance", "none" if unreliable else None)
    told.choice("gap-kind", gap.kind)
    told.choice("made", gap.made)
    told.text("belongs-to", gap.implant_id)
    for reason in unreliable:
        told.text("unreliable", reason)
    return told.group()


def breach_group(plan: Plan, breach: Breach, context: Context) -> Group:
    """Tell where the wall of a gap does not hold, what lies behind, and from when on to look there.

    Parameters
    ----------
    plan : Plan
        The plan, for the gap's place.
    breach : Breach
        One of its breaches.
    context : Context
        The report's.

    Returns
    -------
    Group
    """
    general = KIND_TERMS["breach"]
    place = gap_term(plan, breach.gap_id).place
    told = Told(breach.id, context, Term(general.category, general.type, general.modifier, place))
    told.number(own("barrier"), breach.barrier_mm, codes.MM, derivation=codes.MINIMUM)
    told.number(codes.AREA, breach.area_mm2, codes.MM2)
    told.number(own("barrier-hu"), breach.barrier_hu, codes.HU)
    told.number(own("neck"), breach.neck_mm, codes.MM)
    told.number(own("trust"), breach.trust, codes.ONE)
    told.number(own("leak-after"), breach.leak_after_ml, codes.ML)
    told.number(own("stop"), breach.stop_ml, codes.ML)
    view = breach.watch_view
    if view is not None:
        told.number(codes.PRIMARY_ANGLE, view.primary_deg, codes.DEGREES)
        told.number(codes.SECONDARY_ANGLE, view.secondary_deg, codes.DEGREES)
        told.number(own("console-primary"), view.console_primary_deg, codes.DEGREES)
        told.number(own("console-secondary"), view.console_secondary_deg, codes.DEGREES)
        told.number(own("slant"), view.slant_deg, codes.DEGREES)
        told.number(own("contrast"), view.contrast, codes.ONE)
    told.choice("leak", breach.leak_type)
    told.choice("wall", breach.severity)
    told.choice("literature", breach.literature_type)
    told.truth("reached", value=breach.reached)
    told.text("behind", breach.compartment)
    told.text("belongs-to", breach.gap_id)
    return told.group()
