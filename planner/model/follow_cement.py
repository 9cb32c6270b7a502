"""New cement found on a later CT: how much, in which gaps, where it leaked, and what the plan had said."""

from planner.model.breach import LeakType
from planner.model.gap import Interval
from planner.model.record import NotNegative, PointLps, Record, Share


class GapFilled(Record):
    """How far one gap of the earlier CT is filled with new cement."""

    gap_id: str
    """Its id in the earlier plan."""
    gap_ml: NotNegative | None
    """The gap's volume on the earlier CT."""
    cement_ml: Interval | None
    """New cement in it."""
    share: Interval | None
    """Filled share of the gap, 0 to 1; None where either volume was not measured."""
    residual_ml: Interval | None
    """What is left of it without cement, on the later CT."""


class Leak(Record):
    """New cement outside of the bone, one connected piece."""

    id: str
    volume_ml: Interval
    compartment: LeakType | None
    """Where it lies: canal, foramen, disc, joint; "cortical" for soft tissue. None where it cannot be told."""
    centroid_lps: PointLps
    """On the later CT."""
    distance_mm: NotNegative | None
    """From the bone's surface to the cement that lies furthest from it."""
    breach_id: str | None
    """The predicted breach, of the earlier plan, that it left by; None where it is near none."""


class PredictedLeak(Record):
    """What became of a breach that the earlier plan told."""

    breach_id: str
    leak_type: LeakType | None
    predicted: bool | None
    """Whether the plan's simulated fill reached it; None where none was simulated."""
    leak_after_ml: NotNegative | None
    """As the plan says."""
    leaked_ml: NotNegative | None
    """New cement that left here; 0 where none did, None where it cannot be read there."""


class DeliveredCement(Record):
    """All new cement between two CTs."""

    total_ml: Interval | None
    in_gaps_ml: Interval | None
    trabecular_ml: Interval | None
    """In bone beside the gaps: interdigitation."""
    leaked_ml: Interval | None
    """Out of the bone."""
    interdigitation_mm: NotNegative | None
    """Median depth to which cement outside of the gaps reaches into bone, from the gap's wall."""
    old_cement_ml: NotNegative
    """Cement that the earlier CT showed already; it is not counted."""
    cement_hu: float | None
    """What pure new cement reads on the later CT."""
    hidden_share: Share | None
    """Share of the gaps that artefacts hide on either CT, and where nothing is told."""
    gaps: tuple[GapFilled, ...] = ()
    leaks: tuple[Leak, ...] = ()
    predicted: tuple[PredictedLeak, ...] = ()
