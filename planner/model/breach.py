"""Places where the wall round a gap will not hold cement."""

from typing import Final, Literal

from planner.model.carm import WatchView
from planner.model.record import NotNegative, PointLps, Record, Share, VectorLps

LeakType = Literal["cortical", "canal", "foramen", "disc", "joint", "screw_tract", "fracture", "venous"]
BreachSeverity = Literal["open", "thin"]
LiteratureType = Literal["B", "S", "C", "D"]
"""Types of PMC8449924: basivertebral vein, segmental vein, cortical defect, disc."""

HARMFUL_LEAKS: Final[frozenset[LeakType]] = frozenset(("canal", "foramen", "disc", "joint", "venous"))
"""Leaks that an injection stops for wherever it is: nerves lie in canal and foramen; from a vein cement goes to the
lung (doi 10.12307/2025.427); a joint is to be kept free (doi 10.1177/11207000251415370); with cement in a disc the next
body breaks more often (AJNR 2004;25:175). Soft tissue bears a little; at the hip one stops for it, too."""


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
    """Injected by then, in the expected course; None where it is never reached, or that was not simulated."""
    watch_view: WatchView | None
    """The view in which a leak shows in profile; None where no view that the gantry reaches shows it."""
    literature_type: LiteratureType | None = None
    """None where the literature's types do not name such a leak. Older plans do not have it."""
    compartment: str | None = None
    """What lies behind, in words: "spinal canal", "disc L3-L4". Older plans do not have it."""
    barrier_hu: float | None = None
    """CT value of the barrier where it is thinnest; None where it is open, or was not measured."""
    neck_mm: NotNegative | None = None
    """Diameter of the widest ball that leaves through it; None where the wall is closed, or was not measured."""
    trust: Share | None = None
    """How far metal artefacts leave the wall readable here; None where that is not known."""
    stop_ml: NotNegative | None = None
    """Stop before so much injected cement where the breach stops an injection, and look there from well before: the
    earliest that cement injected into its gap reaches it, from the first-ranked needle, also with its tip an aiming
    error off, or from a needle set; other needles have their fills."""

    @property
    def is_harmful(self) -> bool:
        """Whether an injection stops for it wherever it is; also where it is not known what lies behind."""
        return self.leak_type is None or self.leak_type in HARMFUL_LEAKS
