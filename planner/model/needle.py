"""Needles and the ways they take."""

from abc import ABC, abstractmethod
from typing import Literal

from pydantic import Field

from planner.model.carm import NeedleView
from planner.model.implant import Side
from planner.model.record import Made, NotNegative, PointLps, Record, Share, VectorLps

Approach = Literal["transpedicular", "extrapedicular", "femoral"]
Family = Literal[
    "along the screw",
    "beside the screw",
    "between pedicle and rib head",
    "posterolateral",
    "juxtapedicular",
    "across the screw's course",
    "lateral",
    "anterolateral",
    "trochanteric",
    "to the cup",
]
"""Ways of one kind within an approach. S1, S2-alar-iliac and iliac screws have the first two."""
Margin = Literal["metal", "canal", "forbidden tissue", "bone surface", "one bone", "foramen", "disc"]
PassageGrade = Literal["A", "B", "C", "D", "E"]
"""Gertzbein-Robbins: 0, less than 2, 4, 6 mm, and more out of the pedicle."""


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
    forbidden: float | None = None
    """From tissue and gas that no needle may cross. Older plans do not have it."""
    other_bone: float | None = None
    """From bones that the needle does not enter. Older plans do not have it."""


class AimError(Record):
    """What is left of the clearances when the needle is aimed badly: the worst of all neighbours so far off."""

    error_mm: NotNegative
    """Sideways, at the end of the straight part."""
    error_deg: NotNegative
    metal: float | None
    canal: float | None
    forbidden: float | None
    """mm; below 0 the needle's surface would be within it."""
    harmless_share: Share
    """Share of the neighbours that meet neither canal nor forbidden tissue nor another bone."""


class PediclePassage(Record):
    """How a needle goes through a pedicle."""

    bone: str
    """The vertebra's name among the labels."""
    side: Side
    grade: PassageGrade | None
    """Of the needle's own passage, as if it were a screw; None where the pedicle's wall is not seen."""
    beyond_wall_mm: NotNegative | None
    """How far its surface stands out of the pedicle."""
    medial_wall_mm: float | None
    """Least distance of its surface from the canal up to the posterior wall of the body; below 0 within the canal."""
    width_mm: NotNegative | None
    """Of the pedicle, from outer cortex to outer cortex."""
    posterior_wall_after_mm: NotNegative | None = None
    """Way from the bone entry to the plane of the body's posterior wall; None where the tip stays before it."""


class DepthMark(Record):
    """Where on its shaft a needle shows how deep it is."""

    name: Literal["bone", "pedicle", "posterior wall", "gap", "contact with the screw", "target"]
    """What the tip is at."""
    from_skin_mm: NotNegative | None
    """None where the skin lies outside the field of view."""
    from_bone_mm: NotNegative


class NearStructure(Record):
    """A structure that the needle passes, and how near."""

    structure: str
    distance_mm: float
    """From the needle's surface."""
    at_lps: PointLps
    """The place on the needle's axis."""
    depth_mm: NotNegative
    """That place's way from the target, along the needle."""


class BevelSetting(Record):
    """Where the bevel's opening faces, so that the tip drifts or slides the right way."""

    facing_lps: VectorLps
    """Across the needle."""
    clock: int
    """Hour on the bull's-eye view, 12 towards the top of the picture."""
    reason: str


class CurvedCannula(Record):
    """A coaxial cannula that leaves the straight needle's tip in an arc."""

    radius_mm: NotNegative
    arc_mm: NotNegative
    """Length beyond the straight part."""
    turn_deg: NotNegative


class Crossing(Record):
    """A structure that the needle passes."""

    structure: str
    length_mm: NotNegative


class SkinLandmark(Record):
    """Where the skin is entered, as seen from a landmark that can be felt."""

    name: str
    """"midline", "trochanter tip" or "spinous process"; of which bone stands in the words."""
    offset_mm: PointLps
    """From the landmark to the entry, along LPS."""
    in_words: str | None = None
    """As it is felt: along the limb or the spine, and across. Older plans do not have it."""


class NeedleWay(Record, ABC):
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
    cortical_crossings: int | None
    """Times that the needle's axis enters bone on its way in; None where that was not counted."""
    entry_angle_deg: float | None
    """Between the needle and the normal of the bone's surface."""
    reachable_ml: NotNegative | None
    skin_landmark: SkinLandmark | None
    bulls_eye: NeedleView
    score: Share
    score_terms: dict[str, float]
    family: Family | None = None
    """Older plans do not have it, nor what follows."""
    margins_reduced: tuple[Margin, ...] = ()
    """Wanted margins that no needle of this family could keep to its target; the least ones are kept."""
    with_aim_error: AimError | None = None
    passage: PediclePassage | None = None
    """None for needles that go through no pedicle."""
    depth_marks: tuple[DepthMark, ...] = ()
    """In the order of the needle's way in."""
    nearest: tuple[NearStructure, ...] = ()
    """The nearest first."""
    skin_offsets: tuple[SkinLandmark, ...] = ()
    """The skin entry as seen from every landmark that can be felt; the first is `skin_landmark`."""
    bevel: BevelSetting | None = None
    cannula: CurvedCannula | None = None
    """None for a straight needle."""
    zones: tuple[str, ...] = ()
    """The implant's zones that cement reaches from the tip ("gruen-3"), the tip's own first."""
    entry_cortex_mm: NotNegative | None = None
    """Thickness of the cortex where the bone is entered; None where it was not measured."""
    violations: tuple[str, ...] = ()
    """Hard limits that it breaks, in words: only a needle that a person locked, or asked about, can have any."""
    cautions: tuple[str, ...] = ()
    """What speaks against this way though it keeps all limits, in words."""
    made: Made = "automatic"
    """"edited" for a needle that a person placed; one that the program proposed and a person locked stays "automatic".
    Older plans do not have it."""

    @property
    @abstractmethod
    def goal_id(self) -> str:
        """The id of what it leads to: a gap, a target picked by hand, an intact level."""


class Trajectory(NeedleWay):
    """One way for one needle to one gap."""

    gap_id: str
    implant_id: str | None
    leak_after_ml: NotNegative | None = None
    """mL injected through this needle alone when cement first reaches a breach; None where it never does or was not
    simulated."""
    leak_breach_id: str | None = None
    """That breach."""
    locked: bool = False
    """Whether the settings hold it as a person chose it."""

    @property
    def goal_id(self) -> str:
        """The gap's id."""
        return self.gap_id


class NeedleSet(Record):
    """Needles that work together."""

    implant_id: str | None = None
    gap_ids: tuple[str, ...]
    trajectory_ids: tuple[str, ...]
    covered_ml: NotNegative | None
    covered_fraction: Share | None
    gap_shares: dict[str, Share] = Field(default_factory=dict)
    """By the gap's id, what is reached of each gap. Older plans do not have it."""
    cement_ml: NotNegative | None
    """To prepare: what these needles inject in the expected course until one stops for a leak, or no more goes in or is
    tried; in gaps, bone and lost. What stays in the needles comes on top. None where none goes in or was simulated."""
    order: tuple[str, ...] = ()
    """The needles in the order of injection; older plans do not have it, nor what follows."""
    order_reason: str | None = None
    vents_mm: NotNegative | None = None
    """Farthest distance of a place of the gaps from the nearest tip: through the other needles it can vent."""
    hub_distance_mm: float | None = None
    """Least distance of two hubs' axes outside of the skin; None for one needle."""
    leak_after_ml: NotNegative | None = None
    """mL injected in the set's course, its gaps one after the other, when cement first reaches a breach; None where it
    never does or was not simulated."""


class ProposedSet(Record):
    """The needle set that is proposed for one implant, or for a gap without one."""

    implant_id: str | None
    gap_ids: tuple[str, ...]
    trajectory_ids: tuple[str, ...]
    """In the order of injection."""
    reason: str
    """Why this many."""
    cement_ml: NotNegative | None
    """As in the set."""


class Procedure(Record):
    """All that is proposed for one sitting, summed up."""

    sets: tuple[ProposedSet, ...]
    needles: int
    """Of the proposed sets."""
    cement_ml: NotNegative | None
    """What they inject; None where one of them was not simulated, or takes none."""
    in_needles_ml: NotNegative | None
    """What stays in them, or None where a needle's bore is not known."""
    without_needle: tuple[str, ...] = ()
    """Gaps that no proposed set reaches."""
    in_turn: tuple[tuple[str, str], ...] = ()
    """Proposed needles that cannot stand at the same time: one is injected and drawn before the other is placed. Older
    plans do not have it."""

    @property
    def to_prepare_ml(self) -> float | None:
        """Cement to have at hand; None where a part of it is not known."""
        if self.cement_ml is None or self.in_needles_ml is None:
            return None
        return self.cement_ml + self.in_needles_ml
