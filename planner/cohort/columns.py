"""The columns of a cohort's tables: what each holds, in which unit, and where in a plan it stands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from planner.cohort.study_record import StudyRecord
from planner.model.breach import Breach
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.injection_stop import is_at_hip, stops_injection, stops_told
from planner.model.needle import NeedleWay, Trajectory
from planner.model.plan import Plan
from planner.model.proposal import no_candidate, proposal_of, proposed_needles

_Row = TypeVar("_Row")
Value = str | int | float | bool | None
Holds = Literal["text", "count", "number", "yes or no"]


@dataclass(frozen=True, slots=True)
class Column(Generic[_Row]):
    """One column.

    Parameters
    ----------
    name : str
        With the unit at its end.
    holds : {"text", "count", "number", "yes or no"}
        What its values are; each may be missing, which means "not measured" or "there is none".
    said : str
        What it is, in words.
    of : callable
        Takes it from a row's source.
    """

    name: str
    holds: Holds
    said: str
    of: Callable[[_Row], Value]


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study.

    Parameters
    ----------
    study : str
        Its id.
    record : StudyRecord, optional
        What became of it; None if it was not come to.
    plan : Plan, optional
        None if it has none.
    """

    study: str
    record: StudyRecord | None
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class GapRow:
    """A gap in its plan.

    Parameters
    ----------
    study : str
        The study's id.
    plan : Plan
        What else is known of it.
    gap : Gap
        One of the plan's.
    """

    study: str
    plan: Plan
    gap: Gap

    @property
    def implant(self) -> Implant | None:
        """The gap's implant."""
        return next((one for one in self.plan.implants if one.id == self.gap.implant_id), None)

    @property
    def breaches(self) -> list[Breach]:
        """The breaches of its wall."""
        return [one for one in self.plan.breaches if one.gap_id == self.gap.id]

    @property
    def stops(self) -> list[Breach]:
        """Those that an injection is stopped for."""
        return [one for one in self.breaches if stops_injection(one, hip=is_at_hip(self.implant))]

    @property
    def first_stop(self) -> tuple[Breach, float] | None:
        """The first of them that cement comes to, and the mL injected by then."""
        return next(iter(stops_told(self.plan.breaches, self.gap.id, hip=is_at_hip(self.implant))), None)

    @property
    def is_simulated(self) -> bool:
        """Whether an injection into the gap was simulated at all."""
        return any(fill.gap_id == self.gap.id for fill in self.plan.fills)


@dataclass(frozen=True, slots=True)
class NeedleRow:
    """A needle in its plan.

    Parameters
    ----------
    study : str
        The study's id.
    plan : Plan
        What else is known of it.
    way : NeedleWay
        One of the plan's.
    """

    study: str
    plan: Plan
    way: NeedleWay

    @property
    def gap_id(self) -> str | None:
        """The gap that it leads to; None for one to a picked target or an intact level."""
        return self.way.gap_id if isinstance(self.way, Trajectory) else None

    @property
    def implant(self) -> Implant | None:
        """The implant beside which it ends."""
        own = getattr(self.way, "implant_id", None)
        return next((one for one in self.plan.implants if one.id == own), None)


@dataclass(frozen=True, slots=True)
class BreachRow:
    """A breach in its plan.

    Parameters
    ----------
    study : str
        The study's id.
    plan : Plan
        What else is known of it.
    breach : Breach
        One of the plan's.
    """

    study: str
    plan: Plan
    breach: Breach


def _of_record(name: str) -> Callable[[StudyRow], Value]:
    return lambda row: None if row.record is None else getattr(row.record, name)


def _of_plan(measure: Callable[[Plan], Value]) -> Callable[[StudyRow], Value]:
    return lambda row: None if row.plan is None else measure(row.plan)


def _cement_ml(plan: Plan) -> float | None:
    sitting = proposal_of(plan)
    return None if sitting is None else sitting.cement_ml


def _gaps_ml(plan: Plan) -> float | None:
    """Sum the gaps up; None where one of them was not measured, for the sum would look like all."""
    volumes = [gap.volume_ml for gap in plan.gaps]
    known = [volume.estimate for volume in volumes if volume is not None]
    return float(f"{sum(known):.6g}") if len(known) == len(volumes) else None


def _at(values: tuple[Any, ...] | None, k: int) -> float | None:
    return None if values is None else float(values[k])


def _part(thing: Any, *names: str) -> Any:
    """Follow a row of fields; None as soon as one is None."""
    for name in names:
        if thing is None:
            return None
        thing = getattr(thing, name)
    return thing


STUDIES: tuple[Column[StudyRow], ...] = (
    Column("study", "text", "the study's id; its plan lies in studies/ID", lambda r: r.study),
    Column(
        "state", "text", "planned; no implant; failed; worker died; not done (the run was stopped before it)",
        lambda r: "not done" if r.record is None else r.record.state,
    ),
    Column("error_class", "text", "class of the error", _of_record("error_class")),
    Column("error", "text", "the error in one line", _of_record("error")),
    Column("exit_code", "count", "what 'cement-planner plan' ends with on it", _of_record("exit_code")),
    Column("starts", "count", "how often it was begun in the run that settled it", _of_record("starts")),
    Column("seconds", "number", "time that its planning took", _of_record("seconds")),
    Column("peak_memory_mib", "number", "most memory that its worker held meanwhile", _of_record("peak_memory_mib")),
    Column("implants", "count", "implants found", _of_plan(lambda p: len(p.implants))),
    Column(
        "loose_implants", "count", "implants called probably or definitely loose",
        _of_plan(lambda p: sum(one.loosening in ("probable", "definite") for one in p.implants)),
    ),
    Column("gaps", "count", "gaps found", _of_plan(lambda p: len(p.gaps))),
    Column("gaps_ml", "number", "volume of all gaps; missing where one was not measured", _of_plan(_gaps_ml)),
    Column("breaches", "count", "breaches of the gaps' walls", _of_plan(lambda p: len(p.breaches))),
    Column(
        "open_breaches", "count", "those without bone left that CT can tell",
        _of_plan(lambda p: sum(one.severity == "open" for one in p.breaches)),
    ),
    Column("needles", "count", "needles that keep all limits, to gaps", _of_plan(lambda p: len(p.trajectories))),
    Column(
        "proposed_needles", "count", "needles that are proposed together", _of_plan(lambda p: len(proposed_needles(p)))
    ),
    Column("cement_ml", "number", "what the proposed needles inject", _of_plan(_cement_ml)),
    Column(
        "no_candidate", "yes or no", "whether something speaks against cement at all",
        _of_plan(lambda p: bool(no_candidate(p.findings))),
    ),
    Column(
        "warnings", "count", "findings that warn", _of_plan(lambda p: sum(f.severity == "warning" for f in p.findings))
    ),
    Column("review", "text", "unreviewed, edited or approved", _of_plan(lambda p: p.review.state)),
    Column("slices", "count", "slices of the CT", _of_plan(lambda p: p.series.shape_zyx[0])),
    Column("slice_spacing_mm", "number", "between slices", _of_plan(lambda p: p.series.spacing_mm[0])),
    Column("row_spacing_mm", "number", "between rows", _of_plan(lambda p: p.series.spacing_mm[1])),
    Column("column_spacing_mm", "number", "between columns", _of_plan(lambda p: p.series.spacing_mm[2])),
)  # fmt: skip

GAPS: tuple[Column[GapRow], ...] = (
    Column("study", "text", "the study's id", lambda r: r.study),
    Column("gap", "text", "the gap's id in its plan", lambda r: r.gap.id),
    Column("gap_kind", "text", "what kind of gap", lambda r: r.gap.kind),
    Column("implant", "text", "the implant beside it", lambda r: r.gap.implant_id),
    Column("implant_kind", "text", "what kind of implant", lambda r: _part(r.implant, "kind")),
    Column("side", "text", "of the patient", lambda r: _part(r.implant, "side")),
    Column("level", "text", "vertebral level", lambda r: r.gap.level or _part(r.implant, "level")),
    Column("loosening", "text", "how loose the implant is called", lambda r: _part(r.implant, "loosening")),
    Column("volume_ml", "number", "volume", lambda r: _part(r.gap.volume_ml, "estimate")),
    Column("volume_low_ml", "number", "lower end of its 90 % interval", lambda r: _part(r.gap.volume_ml, "low")),
    Column("volume_high_ml", "number", "upper end of its 90 % interval", lambda r: _part(r.gap.volume_ml, "high")),
    Column("expected_fill_ml", "number", "what of it is filled", lambda r: _part(r.gap.expected_fill_ml, "estimate")),
    Column("expected_fill_low_ml", "number", "its lower end", lambda r: _part(r.gap.expected_fill_ml, "low")),
    Column("expected_fill_high_ml", "number", "its upper end", lambda r: _part(r.gap.expected_fill_ml, "high")),
    Column("width_median_mm", "number", "median width over its surface", lambda r: _part(r.gap.width_mm, "median")),
    Column("width_p95_mm", "number", "95th percentile of the width", lambda r: _part(r.gap.width_mm, "p95")),
    Column("width_max_mm", "number", "greatest width", lambda r: _part(r.gap.width_mm, "max")),
    Column(
        "interface_fraction", "number", "share of the bone interface that is lucent, 0 to 1",
        lambda r: r.gap.interface_fraction,
    ),
    Column("trust", "number", "how far artefacts leave it readable, 0 to 1", lambda r: r.gap.trust),
    Column("made", "text", "automatic, or edited by a person", lambda r: r.gap.made),
    Column("needles", "count", "needles to it", lambda r: sum(t.gap_id == r.gap.id for t in r.plan.trajectories)),
    Column("breaches", "count", "breaches of its wall", lambda r: len(r.breaches)),
    Column("open_breaches", "count", "open ones", lambda r: sum(b.severity == "open" for b in r.breaches)),
    Column("stopping_breaches", "count", "open ones that an injection stops for", lambda r: len(r.stops)),
    Column("simulated", "yes or no", "whether an injection into it was simulated", lambda r: r.is_simulated),
    Column(
        "stop_ml", "number", "stop before so much injected cement; missing where nothing stops it or was simulated",
        lambda r: None if r.first_stop is None else r.first_stop[1],
    ),
    Column(
        "stop_breach", "text", "the breach that one stops for then",
        lambda r: None if r.first_stop is None else r.first_stop[0].id,
    ),
    Column("centroid_x_mm", "number", "its middle, LPS", lambda r: r.gap.centroid_lps[0]),
    Column("centroid_y_mm", "number", "likewise", lambda r: r.gap.centroid_lps[1]),
    Column("centroid_z_mm", "number", "likewise", lambda r: r.gap.centroid_lps[2]),
)  # fmt: skip

NEEDLES: tuple[Column[NeedleRow], ...] = (
    Column("study", "text", "the study's id", lambda r: r.study),
    Column("needle", "text", "the needle's id in its plan", lambda r: r.way.id),
    Column("goal", "text", "what it leads to: a gap, a picked target, an intact level", lambda r: r.way.goal_id),
    Column("gap", "text", "the gap that it leads to", lambda r: r.gap_id),
    Column("implant", "text", "the implant beside it", lambda r: getattr(r.way, "implant_id", None)),
    Column("implant_kind", "text", "what kind of implant", lambda r: _part(r.implant, "kind")),
    Column("approach", "text", "transpedicular, extrapedicular or femoral", lambda r: r.way.approach),
    Column("family", "text", "kind of way within the approach", lambda r: r.way.family),
    Column("rank", "count", "1 for the best to its goal", lambda r: r.way.rank),
    Column(
        "proposed", "yes or no", "whether it is among the needles proposed together",
        lambda r: r.way.id in {one.id for one in proposed_needles(r.plan)},
    ),
    Column("gauge", "text", "the needle's size", lambda r: r.way.needle.gauge),
    Column("outer_diameter_mm", "number", "its outer diameter", lambda r: r.way.needle.outer_diameter_mm),
    Column("length_mm", "number", "its length", lambda r: r.way.needle.length_mm),
    Column("depth_from_skin_mm", "number", "along its path; none: skin not seen", lambda r: r.way.depth_from_skin_mm),
    Column("depth_in_bone_mm", "number", "from the bone's surface on", lambda r: r.way.depth_in_bone_mm),
    Column("clearance_metal_mm", "number", "least distance of it from metal", lambda r: r.way.clearance_mm.metal),
    Column("clearance_canal_mm", "number", "from the spinal canal", lambda r: r.way.clearance_mm.canal),
    Column(
        "clearance_forbidden_mm", "number", "from tissue that it may not cross", lambda r: r.way.clearance_mm.forbidden
    ),
    Column(
        "clearance_breach_mm", "number", "from the nearest breach", lambda r: r.way.clearance_mm.nearest_breach
    ),
    Column(
        "clearance_other_bone_mm", "number", "from bones it does not enter", lambda r: r.way.clearance_mm.other_bone
    ),
    Column("cortical_crossings", "count", "times that it enters bone", lambda r: r.way.cortical_crossings),
    Column("entry_angle_deg", "number", "to the normal of the bone's surface", lambda r: r.way.entry_angle_deg),
    Column("reachable_ml", "number", "of the gap, from its tip", lambda r: r.way.reachable_ml),
    Column("leak_after_ml", "number", "injected at the first leak", lambda r: getattr(r.way, "leak_after_ml", None)),
    Column("leak_breach", "text", "where it leaks then", lambda r: getattr(r.way, "leak_breach_id", None)),
    Column("passage_grade", "text", "Gertzbein-Robbins, through a pedicle", lambda r: _part(r.way.passage, "grade")),
    Column("primary_deg", "number", "bull's-eye view, DICOM primary angle", lambda r: r.way.bulls_eye.primary_deg),
    Column("secondary_deg", "number", "likewise, secondary angle", lambda r: r.way.bulls_eye.secondary_deg),
    Column("score", "number", "0 to 1, 1 best", lambda r: r.way.score),
    Column("entry_x_mm", "number", "entry into bone, LPS", lambda r: r.way.entry_bone_lps[0]),
    Column("entry_y_mm", "number", "likewise", lambda r: r.way.entry_bone_lps[1]),
    Column("entry_z_mm", "number", "likewise", lambda r: r.way.entry_bone_lps[2]),
    Column("target_x_mm", "number", "tip, LPS", lambda r: r.way.target_lps[0]),
    Column("target_y_mm", "number", "likewise", lambda r: r.way.target_lps[1]),
    Column("target_z_mm", "number", "likewise", lambda r: r.way.target_lps[2]),
)  # fmt: skip

BREACHES: tuple[Column[BreachRow], ...] = (
    Column("study", "text", "the study's id", lambda r: r.study),
    Column("breach", "text", "the breach's id in its plan", lambda r: r.breach.id),
    Column("gap", "text", "whose wall", lambda r: r.breach.gap_id),
    Column("leak_type", "text", "where cement would go", lambda r: r.breach.leak_type),
    Column("severity", "text", "open or thin", lambda r: r.breach.severity),
    Column("compartment", "text", "what lies behind, in words", lambda r: r.breach.compartment),
    Column("barrier_mm", "number", "least thickness of bone", lambda r: r.breach.barrier_mm),
    Column("barrier_hu", "number", "CT value where it is thinnest", lambda r: r.breach.barrier_hu),
    Column("area_mm2", "number", "area", lambda r: r.breach.area_mm2),
    Column("neck_mm", "number", "diameter of the widest ball that leaves through it", lambda r: r.breach.neck_mm),
    Column("trust", "number", "how far artefacts leave it readable, 0 to 1", lambda r: r.breach.trust),
    Column("reached", "yes or no", "by the simulated fill", lambda r: r.breach.reached),
    Column("leak_after_ml", "number", "injected by then", lambda r: r.breach.leak_after_ml),
    Column("stop_ml", "number", "stop before so much, the earliest of all courses", lambda r: r.breach.stop_ml),
    Column("centroid_x_mm", "number", "on the patch, LPS", lambda r: r.breach.centroid_lps[0]),
    Column("centroid_y_mm", "number", "likewise", lambda r: r.breach.centroid_lps[1]),
    Column("centroid_z_mm", "number", "likewise", lambda r: r.breach.centroid_lps[2]),
    Column("outward_x", "number", "direction out of the gap, LPS", lambda r: _at(r.breach.outward_lps, 0)),
    Column("outward_y", "number", "likewise", lambda r: _at(r.breach.outward_lps, 1)),
    Column("outward_z", "number", "likewise", lambda r: _at(r.breach.outward_lps, 2)),
)  # fmt: skip
