"""How cement is expected to spread from needle tips, and the holes that needles leave behind."""

from typing import Literal

from planner.model.record import NotNegative, PointLps, Record, VectorLps

InterfaceTissue = Literal["in_place", "removed"]
CementViscosity = Literal["low", "medium", "high"]
FillEnd = Literal["gaps_full", "pressure", "volume", "no_way", "leaks_away"]
"""Why no more was injected: all gaps are full; the syringe's pressure drives it no further; the volume that was asked
for is in; from the tip there is no way; most of what goes in leaks. Plans of before 0.8 do not have the last one."""


class FillStep(Record):
    """Where the cement is when so much is in."""

    injected_ml: NotNegative
    gaps_ml: dict[str, NotNegative]
    """By the gap's id, what is in each gap."""
    trabecular_ml: NotNegative
    """In the cancellous bone beside the gaps."""
    leaked_ml: NotNegative
    """Out of the bone."""
    reached: tuple[str, ...]
    """Ids of the breaches that cement has reached by then."""


class BreachArrival(Record):
    """When cement reaches a breach."""

    breach_id: str
    after_ml: NotNegative
    """Injected by then."""


class CementFill(Record):
    """One simulated injection."""

    id: str
    gap_id: str
    """The target."""
    trajectory_ids: tuple[str, ...]
    """The planned needles whose tips inject, each the same share; empty for tips given by a script."""
    tips_lps: tuple[PointLps, ...]
    interface_tissue: InterfaceTissue
    viscosity: CementViscosity
    steps: tuple[FillStep, ...]
    """At 1, 2, 3 ... mL, and at the end."""
    arrivals: tuple[BreachArrival, ...]
    """In the order in which they are reached; those that are never reached are left out."""
    ended: FillEnd


class NeedleHole(Record):
    """A needle's hole in the bone that opens a gap outward."""

    trajectory_id: str
    gap_id: str
    entry_lps: PointLps
    """On the bone's surface."""
    outward_lps: VectorLps
    diameter_mm: NotNegative
    wall_mm: NotNegative
    """Length of the hole from the bone's surface to the gap."""
    leak_after_ml: NotNegative | None
    """Injected when cement reaches its inner mouth; None where it never does, or that was not simulated."""
