"""Settings of the needle search."""

from collections import Counter
from typing import Self

from pydantic import Field, field_validator

from planner.config.catalogue_config import COMMON_NEEDLES, CatalogueEntry
from planner.config.curved_config import CurvedConfig
from planner.config.gantry import GantryLimits
from planner.config.hip_way_config import HipWayConfig
from planner.config.needle_set_config import NeedleSetConfig
from planner.config.settings import Settings
from planner.config.spine_way_config import SpineWayConfig
from planner.config.wishes_config import WishesConfig
from planner.model.needle import Approach


class ScoreWeights(Settings):
    """Weights of the score's terms; only their ratios count. No source: our order of importance."""

    clearance_metal: float = Field(default=1.5, ge=0)
    clearance_canal: float = Field(default=2.0, ge=0)
    depth: float = Field(default=1.0, ge=0)
    reach: float = Field(default=2.0, ge=0)
    entry_angle: float = Field(default=1.0, ge=0)
    obliquity: float = Field(default=1.0, ge=0)
    robustness: float = Field(default=2.0, ge=0)
    breach_distance: float = Field(default=0.5, ge=0)
    skin_in_view: float = Field(default=3.0, ge=0)
    sureness: float = Field(default=3.0, ge=0)
    entry_cortex: float = Field(default=1.0, ge=0)
    stress_riser: float = Field(default=1.0, ge=0)
    one_bone: float = Field(default=2.0, ge=0)
    beside_screw: float = Field(default=1.0, ge=0)
    gap_round_tip: float = Field(default=2.0, ge=0)


class LeastMargins(Settings):
    """Margins for targets that no needle reaches with the wanted ones: narrow ways, each told with a caution."""

    metal_mm: float = Field(
        default=0.3, ge=0, description="Free space between needle and metal; ours: half a voxel of a usual CT."
    )
    tip_metal_mm: float = Field(
        default=0.0, ge=-0.3, description="The same at the tip, which metal stops without harm; no source."
    )
    target_support: float = Field(
        default=0.35, ge=0, le=1, description="Least share of gap and metal within 2 mm of a target. Ours."
    )
    canal_mm: float = Field(
        default=1.0, ge=0, description="Free space between needle and canal; ours: the canal's wall errs by a voxel."
    )
    forbidden_mm: float = Field(
        default=0.8, ge=0, description="Free space to forbidden tissue; ours: one voxel; pleura lies on the vertebra."
    )
    bone_mm: float = Field(
        default=0.5, ge=0, description="Free space to bone that the needle passes outside; ours: a rough voxel."
    )
    inside_mm: float = Field(
        default=0.4,
        ge=0,
        description="Bone between the needle's axis and the outside once it is in; ours: half a voxel.",
    )
    graze_mm: float = Field(
        default=9.0, gt=0, description="Longest run within the bone's surface layer: 3 mm more are borne. Ours."
    )
    foramen_mm: float = Field(
        default=-0.5,
        description="Free space to a nerve's foramen outside of bone; ours: the outline errs by half a voxel and more.",
    )
    disc_mm: float = Field(
        default=-0.5,
        description="Free space to a disc; ours: the outline errs by half a voxel and more.",
    )
    untold_bone_mm: float = Field(
        default=4.0,
        ge=0,
        description="Longest way in bone not told to be the vertebra's own; beyond it a fifth of the ways passes a "
        "facet of the next vertebra (nine tuning cases). Ours.",
    )


class NeedleConfig(Settings):
    """Settings of the needle search: hard limits first, then what makes one way better than another."""

    approaches: tuple[Approach, ...] = Field(default=(), description="Approaches to try; empty: what fits the implant.")
    spine_needles: tuple[str, ...] = Field(
        default=("15G",),
        min_length=1,
        description="Names or gauges of the catalogue "
        "tried at the spine, first choice first; later ones where the first finds no way (Cianfoni 2018: 15G, 150 mm).",
    )
    hip_needles: tuple[str, ...] = Field(
        default=("hip 3.2", "14G", "16G"),
        min_length=1,
        description="Names tried at the hip, first choice first (de Smidt 2026: 3.2 x 100 mm, or 14-16G).",
    )
    catalogue: tuple[CatalogueEntry, ...] = Field(
        default=COMMON_NEEDLES, min_length=1, description="The needles that can be had, each gauge in its lengths."
    )
    spare_length_mm: float = Field(
        default=5.0, ge=0, description="Needle wanted outside of the skin where a length has it: skin gives way; ours."
    )
    metal_margin_mm: float = Field(
        default=0.5, ge=0, description="Free space between needle and metal, for blooming; no source, about one voxel."
    )
    tip_metal_margin_mm: float = Field(
        default=0.1, ge=0, description="The same at the needle's tip, which may lie close to the implant; no source."
    )
    canal_margin_mm: float = Field(
        default=1.5, ge=0, description="Free space between needle and canal; no source: segmentation error and aim."
    )
    forbidden_margin_mm: float = Field(
        default=2.0, ge=0, description="Free space between needle and forbidden tissue; no source: aiming error."
    )
    bone_margin_mm: float = Field(
        default=1.0, ge=0, description="Free space to bone that the needle passes outside; no source: two voxels."
    )
    other_bone_margin_mm: float = Field(
        default=0.3,
        ge=0,
        description="Free space to bones that are not the target's own, facets and ribs of the next vertebra; half a "
        "voxel of a usual CT, for joints are narrow. Ours.",
    )
    least: LeastMargins = Field(
        default_factory=LeastMargins, description="Where no needle of a family keeps the margins above."
    )
    narrow_ways: bool = Field(
        default=True, description="Whether `least` may be used where no needle of a target keeps the wanted margins."
    )
    inside_margin_mm: float = Field(
        default=0.8, ge=0, description="Bone between the needle's axis and the outside once it is in; no source."
    )
    graze_mm: float = Field(
        default=6.0, gt=0, description="Longest run within the bone's surface layer at the entry; no source."
    )
    cortex_hu: float = Field(
        default=350.0,
        description="Above it is cortex: over the brightest cancellous bone (300 HU), under most cortex.",
    )
    bright_near_gap_mm: float = Field(
        default=3.0, ge=0, description="So near to the gap, cortex is its own sclerotic rim; a rim of 1-2 mm, blurred."
    )
    bright_near_metal_mm: float = Field(
        default=1.4, ge=0, description="So near to metal, brightness is its blooming: three times a bone kernel's blur."
    )
    longest_cortex_mm: float = Field(
        default=6.0,
        gt=0,
        description="Longest run in the entry's cortex: 2 mm crossed at 60 degrees, and the blur; a longer "
        "one may hide a joint. Seen on the lumbar phantom's facets.",
    )
    max_entry_angle_deg: float = Field(
        default=60.0, gt=0, le=90, description="Greatest angle between needle and surface normal: beyond it tips skate."
    )
    max_entry_angle_femur_deg: float = Field(
        default=50.0, gt=0, le=90, description="The same on the femur's hard, round cortex; no source."
    )
    front_limit_mm: float = Field(
        default=12.0,
        description="Soft tissue this far before the canal's front wall is out of bounds: a third of a body's depth "
        "(30-33 mm in women), where a posterolateral needle enters it beside psoas. At 45 degrees and less from behind "
        "it is nowhere else so far in front. Ours: 12 instead of 4 mm met no more forbidden tissue on 20 tuning cases.",
    )
    gas_hu: float = Field(default=-250.0, description="Below it, inside the body, is gas or lung: out of bounds.")
    max_lateral_deg: float = Field(
        default=45.0, gt=0, lt=90, description="Greatest angle from the sagittal plane; secondary sources name 20-35."
    )
    max_tilt_deg: float = Field(default=35.0, gt=0, lt=90, description="Greatest cranial or caudal tilt; no source.")
    max_skin_offset_mm: float = Field(
        default=90.0,
        gt=0,
        description="Farthest from the midline (secondary sources: 50): kidney and bowel lie beyond.",
    )
    max_off_axis_deg: float = Field(
        default=40.0, gt=0, lt=90, description="Transpedicular: greatest angle to the screw ('a little more oblique')."
    )
    max_slide_bend_deg: float = Field(
        default=25.0, gt=0, lt=45, description="Greatest bend where a needle meets the screw and slides; no source."
    )
    pedicle_reach_mm: float = Field(
        default=8.0, gt=0, description="Farthest from the screw's axis at the pedicle that counts as in it; no source."
    )
    femur_anterior_deg: float = Field(default=50.0, description="Greatest turn from lateral towards the front.")
    femur_posterior_deg: float = Field(default=5.0, description="Greatest turn from lateral towards the back.")
    femur_proximal_deg: float = Field(default=70.0, description="Greatest tilt upwards (trochanteric entry).")
    femur_distal_deg: float = Field(default=30.0, description="Greatest tilt downwards.")
    targets_per_gap: int = Field(default=90, ge=1, description="Targets tried in a gap, spread evenly.")
    direction_step_deg: float = Field(default=2.5, gt=0, le=15, description="Spacing of the directions tried.")
    target_support: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="Least share of gap and metal within 2 mm of a target: shuns stray voxels, and a gap's thin ends, "
        "which are its least sure part. Ours: at 0.35 tips lay up to 1.6 mm from the true gap on one simulated case.",
    )
    wall_margin_mm: float = Field(
        default=1.2, ge=0, description="Distance of a target from the gap's outer wall where there is room; two voxels."
    )
    reach_mm: float = Field(
        default=15.0, gt=0, description="How far cement is taken to run from a tip; no source, half a screw's shaft."
    )
    per_gap: int = Field(default=5, ge=1, description="Trajectories kept for one gap (de Smidt 2026: 3-5 needles).")
    apart_mm: float = Field(default=6.0, ge=0, description="Two proposals differ when targets lie this far apart, or")
    apart_deg: float = Field(default=8.0, ge=0, description="when their directions differ by this angle.")
    aim_error_mm: float = Field(default=2.0, ge=0, description="Aiming error for robustness, at the target.")
    aim_error_deg: float = Field(default=2.0, ge=0, lt=45, description="Aiming error for robustness, in direction.")
    refine_best: int = Field(
        default=16, ge=1, description="How many of a family's best are shifted and turned to the best place. Ours."
    )
    rescue_mm: float = Field(
        default=0.8,
        ge=0,
        description="Candidates that come too near by no more are shifted and turned until they pass, where few pass; "
        "half the grid's spacing. Ours.",
    )
    needles_in_set: int = Field(default=5, ge=1, description="Most needles in a set (de Smidt 2026: 3-5).")
    spine: SpineWayConfig = Field(default_factory=SpineWayConfig, description="The spine's own ways.")
    gantry: GantryLimits = Field(
        default_factory=GantryLimits, description="How far the C-arm turns; in a plan the same as `fluoroscopy.gantry`."
    )
    weights: ScoreWeights = Field(default_factory=ScoreWeights)
    hip: HipWayConfig = Field(default_factory=HipWayConfig)
    curved: CurvedConfig = Field(
        default_factory=CurvedConfig, description="Bent ways, where no straight needle passes."
    )
    wishes: WishesConfig = Field(
        default_factory=WishesConfig, description="The operator's own targets, regions and needles."
    )
    sets: NeedleSetConfig = Field(default_factory=NeedleSetConfig, description="Needles that work together.")

    @field_validator("catalogue")
    @classmethod
    def _named_once(cls, entries: tuple[CatalogueEntry, ...]) -> tuple[CatalogueEntry, ...]:
        twice = [name for name, count in Counter(entry.name for entry in entries).items() if count > 1]
        if twice:
            raise ValueError(f"the needle {twice[0]!r} stands twice in the catalogue; give each entry its own name")
        for gauge in {entry.gauge for entry in entries if entry.gauge}:
            diameters = {entry.outer_diameter_mm for entry in entries if entry.gauge == gauge}
            if len(diameters) > 1:
                told = " and ".join(f"{mm:g}" for mm in sorted(diameters))
                raise ValueError(f"needles of gauge {gauge!r} are {told} mm wide; give each width a gauge of its own")
        return entries

    def with_least_margins(self) -> Self:
        """Give the same settings with the least margins in the place of the wanted ones."""
        least = self.least
        spine = self.spine.model_copy(
            update={
                "untold_bone_mm": max(self.spine.untold_bone_mm, least.untold_bone_mm),
                "foramen_margin_mm": min(self.spine.foramen_margin_mm, least.foramen_mm),
                "disc_margin_mm": min(self.spine.disc_margin_mm, least.disc_mm),
            }
        )
        return self.model_copy(
            update={
                "metal_margin_mm": min(self.metal_margin_mm, least.metal_mm),
                "tip_metal_margin_mm": min(self.tip_metal_margin_mm, least.tip_metal_mm),
                "canal_margin_mm": min(self.canal_margin_mm, least.canal_mm),
                "forbidden_margin_mm": min(self.forbidden_margin_mm, least.forbidden_mm),
                "bone_margin_mm": min(self.bone_margin_mm, least.bone_mm),
                "inside_margin_mm": min(self.inside_margin_mm, least.inside_mm),
                "spine": spine,
                "graze_mm": max(self.graze_mm, least.graze_mm),
                "target_support": min(self.target_support, least.target_support),
            }
        )
