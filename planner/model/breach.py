"""Places where the wall round a gap will not hold cement."""

from typing import Literal

from planner.model.carm import BullsEye
from planner.model.record import NotNegative, PointLps, Record, VectorLps

LeakType = Literal["cortical", "canal", "foramen", "disc", "joint", "screw_tract", "fracture", "venous"]
BreachSeverity = Literal["open", "thin"]


class Breach(Record):
    """One patch of a gap's wall where bone is missing or too thin."""

    id: str
    gap_id: str
    leak_type: LeakType | None
    severity: BreachSeverity
    barrier_mm: NotNegative | None
    """Least thickness of bone between the gap and the outside."""
    area_mm2: NotNegative | None
    centroid_lps: PointLps
    """On the patch."""
    outward_lps: VectorLps | None
    """Direction in which cement would leave."""
    reached: bool | None
    """By the simulated fill from the first-ranked needle; None where that was not simulated."""
    leak_after_ml: NotNegative | None
    watch_view: BullsEye | None
    """The view in which a leak shows in profile."""
