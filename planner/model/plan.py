"""The whole plan, as it stands in ``plan.json``."""

from collections.abc import Sequence
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from planner.model.anatomy_record import AnatomyRecord
from planner.model.breach import Breach
from planner.model.cement_fill import CementFill, NeedleHole
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.labels import Structure
from planner.model.needle import NeedleSet, NeedleWay, Procedure, Trajectory
from planner.model.needle_search import NeedleSearch
from planner.model.picked_target import PickedTarget
from planner.model.prophylaxis import ProphylacticTarget
from planner.model.record import Record
from planner.model.view_sight import GapView

SCHEMA: Final = "cement-planner/plan/1"
PatientPosition = Literal["HFS", "HFP", "HFDR", "HFDL", "FFS", "FFP", "FFDR", "FFDL"]


class Software(Record):
    """Which program made the plan."""

    name: str
    version: str


class Review(Record):
    """Whether a person stands behind the plan."""

    state: Literal["unreviewed", "edited", "approved"] = "unreviewed"
    by: str | None = None
    at: str | None = None
    """ISO 8601."""


class Series(Record):
    """The CT that the plan was made on."""

    series_instance_uid: str | None
    stack: int | None = None
    """Which of the series' stacks, as ``inspect`` counts them from 1; None where it holds one."""
    frame_of_reference_uid: str | None
    shape_zyx: tuple[int, int, int]
    """Voxels along (slice, row, column)."""
    spacing_mm: tuple[float, float, float]
    """Along (slice, row, column)."""
    patient_position: PatientPosition | None
    hu_min: float
    hu_max: float
    hu_clipped_at: float | None
    """Where the HU scale was cut off; None where it was not."""

    @property
    def name(self) -> str | None:
        """What ``--series`` calls it: the UID, with "#2" for the second stack of a series; None without a UID."""
        if self.series_instance_uid is None or self.stack is None:
            return self.series_instance_uid
        return f"{self.series_instance_uid}#{self.stack}"


class RiskFactor(Record):
    """A measured risk factor for leakage, from the literature."""

    name: Literal[
        "trabecular CT value", "cortical defect", "fracture height loss", "injected volume", "cement viscosity"
    ]
    measured: float | None
    unit: str
    level: str | None
    source: str
    bone: str | None = None
    """The bone's name among the labels ("vertebra-2", "femur-left"); None for the whole plan. Older plans do not have
    it."""


class Plan(Record):
    """Everything that the program found and proposes for one CT."""

    schema_: Literal["cement-planner/plan/1"] = Field(default=SCHEMA, alias="schema")
    software: Software
    review: Review
    series: Series
    treatment_position: PatientPosition | None
    settings_sha256: str
    implants: tuple[Implant, ...] = ()
    gaps: tuple[Gap, ...] = ()
    breaches: tuple[Breach, ...] = ()
    trajectories: tuple[Trajectory, ...] = ()
    needle_sets: tuple[NeedleSet, ...] = ()
    procedure: Procedure | None = None
    """Which sets are proposed, with all needles and cement summed up. Older plans do not have it."""
    fills: tuple[CementFill, ...] = ()
    """Simulated injections, gap by gap, the expected course first. Older plans do not have them."""
    needle_holes: tuple[NeedleHole, ...] = ()
    """Of the needles whose bone entry opens a gap outward. Older plans do not have them."""
    prophylactic_targets: tuple[ProphylacticTarget, ...] = ()
    """Intact levels, where the settings ask for them; their needles are not among `trajectories`."""
    needle_searches: tuple[NeedleSearch, ...] = ()
    """What was tried for each gap, and why it was refused. Older plans do not have them."""
    picked_targets: tuple[PickedTarget, ...] = ()
    """Targets that a person picked; their needles are not among `trajectories`. Older plans do not have them."""
    views: tuple[GapView, ...] = ()
    """Fluoroscopy views of the gaps, with what they show. Older plans do not have them."""
    risk_factors: tuple[RiskFactor, ...] = ()
    anatomy: AnatomyRecord | None = None
    """What was measured of bones, pedicles, the canal and hips. Older plans do not have it."""
    labels: tuple[Structure, ...] = ()
    findings: tuple[Finding, ...] = ()
    timings_s: dict[str, float] = Field(default_factory=dict)

    @property
    def ways(self) -> tuple[NeedleWay, ...]:
        """All needles: to gaps, then to targets picked by hand, then to intact levels."""
        picked = (way for target in self.picked_targets for way in target.ways)
        return (*self.trajectories, *picked, *(way for target in self.prophylactic_targets for way in target.ways))

    @model_validator(mode="after")
    def _ids_hold_together(self) -> Self:
        """Refuse two things with one id, and ids that lead nowhere."""
        implants = _unique("implant", [i.id for i in self.implants])
        gaps = _unique("gap", [g.id for g in self.gaps])
        _unique("breach", [b.id for b in self.breaches])
        trajectories = _unique("trajectory", [t.id for t in self.trajectories])
        levels = _unique("prophylactic target", [t.id for t in self.prophylactic_targets])
        ways = [way for target in self.prophylactic_targets for way in target.ways]
        picked = _unique("picked target", [t.id for t in self.picked_targets])
        ways_picked = [way for target in self.picked_targets for way in target.ways]
        _unique("trajectory", [*trajectories, *(way.id for way in ways), *(way.id for way in ways_picked)])
        _known("picked target", picked, [way.target_id for way in ways_picked])
        _known(
            "implant", implants, [*(w.implant_id for w in ways_picked), *(t.implant_id for t in self.picked_targets)]
        )
        _known("gap", gaps, [t.gap_id for t in self.picked_targets])
        _known("prophylactic target", levels, [way.target_id for way in ways])
        codes = _unique("label code", [str(s.code) for s in self.labels])
        bones = () if self.anatomy is None else self.anatomy.bones
        _known("label code", codes, [None if b.label_code is None else str(b.label_code) for b in bones])
        _known("implant", implants, [*(g.implant_id for g in self.gaps), *(t.implant_id for t in self.trajectories)])
        _known("gap", gaps, [*(b.gap_id for b in self.breaches), *(t.gap_id for t in self.trajectories)])
        _known("gap", gaps, [*(view.gap_id for view in self.views), *(s.gap_id for s in self.needle_searches)])
        for needles in self.needle_sets:
            _known("gap", gaps, list(needles.gap_ids))
            _known("trajectory", trajectories, [*needles.trajectory_ids, *needles.order])
            _known("implant", implants, [needles.implant_id])
            _known("gap", gaps, list(needles.gap_shares))
        if self.procedure is not None:
            _known("gap", gaps, list(self.procedure.without_needle))
            for one in self.procedure.sets:
                _known("gap", gaps, list(one.gap_ids))
                _known("trajectory", trajectories, list(one.trajectory_ids))
                _known("implant", implants, [one.implant_id])
        return self

    @model_validator(mode="after")
    def _fills_lead_to_what_is_there(self) -> Self:
        """Refuse simulated courses and needle holes of what the plan does not hold."""
        gaps, breaches = {g.id for g in self.gaps}, {b.id for b in self.breaches}
        _known("breach", breaches, [t.leak_breach_id for t in self.trajectories])
        trajectories = {t.id for t in self.trajectories}
        _unique("fill", [fill.id for fill in self.fills])
        for fill in self.fills:
            _known("gap", gaps, [fill.gap_id, *(gap for step in fill.steps for gap in step.gaps_ml)])
            _known("trajectory", trajectories, list(fill.trajectory_ids))
            reached = (*(a.breach_id for a in fill.arrivals), *(b for step in fill.steps for b in step.reached))
            _known("breach", breaches, list(reached))
        _known("gap", gaps, [hole.gap_id for hole in self.needle_holes])
        _known("trajectory", trajectories, [hole.trajectory_id for hole in self.needle_holes])
        return self


def _unique(what: str, ids: list[str]) -> set[str]:
    if len(set(ids)) != len(ids):
        raise ValueError(f"two of one {what} id in the plan")
    return set(ids)


def _known(what: str, ids: set[str], named: Sequence[str | None]) -> None:
    strangers = {i for i in named if i is not None} - ids
    if strangers:
        raise ValueError(f"the plan names {what} {sorted(strangers)[0]!r}, which it does not hold")
