"""Two CTs of one patient held against each other: what was filled, what moved, what is left to do."""

from typing import Final, Literal

from pydantic import Field

from planner.model.finding import Finding
from planner.model.follow_cement import DeliveredCement
from planner.model.follow_motion import (
    AngleChange,
    BodyChange,
    Breakage,
    DensityChange,
    DiscChange,
    ImplantMotion,
    Registration,
    WidthChange,
)
from planner.model.gap import Interval
from planner.model.plan import Review, Series, Software
from planner.model.record import Record

FOLLOW_UP_SCHEMA: Final = "cement-planner/follow-up/1"


class FollowedCt(Record):
    """One of the two CTs."""

    series: Series
    settings_sha256: str
    review: Review | None
    """Of the plan that was given; None where a CT was given and planned here."""


class ResidualGap(Record):
    """A gap that is still there on the later CT, and may still be filled."""

    gap_id: str
    """Its id in the plan made anew on the later CT."""
    earlier_gap_id: str | None
    """The earlier plan's gap that it is left of; None for a new one."""
    volume_ml: Interval | None
    needles: int
    """Candidate needles to it in the new plan."""


class FollowUp(Record):
    """Everything that two CTs of one patient tell when held against each other."""

    schema_: Literal["cement-planner/follow-up/1"] = Field(default=FOLLOW_UP_SCHEMA, alias="schema")
    software: Software
    before: FollowedCt
    after: FollowedCt
    days_between: int | None
    """Between the studies; None where a date is missing."""
    registrations: tuple[Registration, ...] = ()
    cement: DeliveredCement | None = None
    """None where it could not be read at all."""
    motions: tuple[ImplantMotion, ...] = ()
    widths: tuple[WidthChange, ...] = ()
    breakages: tuple[Breakage, ...] = ()
    discs: tuple[DiscChange, ...] = ()
    bodies: tuple[BodyChange, ...] = ()
    angles: tuple[AngleChange, ...] = ()
    densities: tuple[DensityChange, ...] = ()
    residual: tuple[ResidualGap, ...] = ()
    findings: tuple[Finding, ...] = ()
    timings_s: dict[str, float] = Field(default_factory=dict)
