"""Needles and the ways they take."""

from typing import Literal

from planner.model.carm import NeedleView
from planner.model.record import NotNegative, PointLps, Record, Share

Approach = Literal["transpedicular", "extrapedicular", "femoral"]


class Needle(Record):
    """A needle as it comes out of its package."""

    gauge: str
    outer_diameter_mm: NotNegative
    length_mm: NotNegative


class Clearances(Record):
    """Least distance of the needle's surface from what it must not touch, mm."""

    metal: float | None
    canal: float | None
    nearest_breach: float | None


class Crossing(Record):
    """A structure that the needle passes."""

    structure: str
    length_mm: NotNegative


class SkinLandmark(Record):
    """Where the skin is entered, as seen from a landmark that can be felt."""

    name: str
    offset_mm: PointLps
    """From the landmark to the entry, along LPS."""


class NeedleWay(Record):
    """One way for one needle."""

    id: str
    approach: Approach
    rank: int
    """1 for the best way to its target."""
    entry_skin_lps: PointLps | None
    """None where the skin lies outside the field of view."""
    entry_bone_lps: PointLps
    aim_lps: PointLps
    """End of the straight part: the target, or the contact with the screw along which the tip then slides."""
    target_lps: PointLps
    path_lps: tuple[PointLps, ...]
    """Skin, bone, aim, target: what there is of them."""
    slides_along_implant: bool
    depth_from_skin_mm: NotNegative | None
    depth_in_bone_mm: NotNegative
    needle: Needle
    clearance_mm: Clearances
    crosses: tuple[Crossing, ...]
    cortical_crossings: int
    entry_angle_deg: float | None
    """Between the needle and the normal of the bone's surface."""
    reachable_ml: NotNegative | None
    skin_landmark: SkinLandmark | None
    bulls_eye: NeedleView
    score: Share
    score_terms: dict[str, float]


class Trajectory(NeedleWay):
    """One way for one needle to one gap."""

    gap_id: str
    implant_id: str | None


class NeedleSet(Record):
    """Needles that work together."""

    gap_ids: tuple[str, ...]
    trajectory_ids: tuple[str, ...]
    covered_ml: NotNegative | None
    covered_fraction: Share | None
    cement_ml: NotNegative | None
    """To prepare: what these needles inject in the expected course until one stops for a leak, or no more goes in or is
    tried; in gaps, bone and lost. What stays in the needles comes on top. None where none goes in or was simulated."""
