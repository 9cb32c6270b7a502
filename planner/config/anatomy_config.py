"""Settings of the patient's anatomy round the implants: working grid, bone, canal, skin and forbidden tissue."""

from pydantic import Field

from planner.config.hip_bone_config import HipBoneConfig, HipZoneConfig
from planner.config.orientation_config import OrientationConfig
from planner.config.pedicle_config import PedicleConfig
from planner.config.settings import Settings
from planner.config.soft_tissue_config import SoftTissueConfig
from planner.config.vertebra_config import VertebraConfig


class RegionConfig(Settings):
    """How far from the metal the working grid runs, mm; it also ends with the scan, and a little outside the skin."""

    spine_lateral_mm: float = Field(
        default=90.0,
        gt=0,
        description="To either side of spinal metal: thoracic extrapedicular needles enter about 50 mm from the "
        "midline, a 150 mm needle at 55 degrees up to 120 mm (CLINICAL figures); metal itself lies 10-30 mm from it.",
    )
    spine_posterior_mm: float = Field(
        default=150.0, gt=0, description="Behind spinal metal: the longest needle (15G, 150 mm; Cianfoni 2018)."
    )
    spine_anterior_mm: float = Field(
        default=30.0, gt=0, description="Before spinal metal: the rest of a vertebral body, 30-35 mm deep. Ours."
    )
    spine_along_mm: float = Field(
        default=35.0, gt=0, description="Above and below spinal metal: one level, for needles that come slanted. Ours."
    )
    hip_lateral_mm: float = Field(
        default=110.0, gt=0, description="Lateral to hip metal: the hip needle of 100 mm (de Smidt 2026) and its hub."
    )
    hip_anterior_mm: float = Field(default=110.0, gt=0, description="Before hip metal: as lateral.")
    hip_posterior_mm: float = Field(
        default=50.0, gt=0, description="Behind hip metal: dorsolateral ways are barred by the sciatic nerve. Ours."
    )
    hip_medial_mm: float = Field(default=35.0, gt=0, description="Medial to hip metal: the pelvic wall's bone. Ours.")
    hip_along_mm: float = Field(
        default=50.0, gt=0, description="Above and below hip metal: trochanteric needles come from above. Ours."
    )
    envelope_mm: float = Field(
        default=100.0,
        gt=0,
        description="So far round the metal bone is closed over gaps and holes; further off only dense bone is shown. "
        "All of a vertebra beside, or of a femur to below the stem. Ours.",
    )
    beyond_skin_mm: float = Field(default=8.0, ge=0, description="Air kept outside the skin, so that it can be seen.")


class GapBedConfig(Settings):
    """How the bones' outline is closed over gaps beside metal.

    "Tuned" means: on one simulated scan of a real thoracic spine with six screws, and on a phantom's halo with an open
    tip, scanned on six grids.
    """

    bridge_mm: float = Field(
        default=4.0,
        ge=0,
        description="Half the hole in a cortex that is bridged next to metal in bone: a wide halo. Tuned: with 3 a "
        "gap's volume differed by 10 % between the grids, with 4 by 3 %.",
    )
    wider_mm: float = Field(
        default=0.4,
        ge=0,
        description="The surface lies so much further out there: half a working voxel. Tuned: without it a gap of the "
        "real spine lost 2 % more of its volume; with 0.8 one small phantom's last way for a needle was closed.",
    )
    beside_mm: float = Field(
        default=9.0,
        ge=0,
        description="So far from metal that lies in bone a halo, and the holes that it eats, may reach. Ours.",
    )


class BoneConfig(Settings):
    """How the bone envelope is drawn.

    "Tuned on the scans" means: on one simulated scan of a real thoracic spine with six screws, one osteoporotic lumbar
    spine with public labels, and two real hips (looked at).
    """

    bloom_mm: float = Field(
        default=1.2,
        ge=0,
        description="So near to metal nothing is read: its blur and bloom look like bone. What lies round it decides "
        "whose it is. Tuned on three spine phantoms (1.6 hid thin walls of pedicles).",
    )
    wall_share: float = Field(
        default=0.6,
        gt=0,
        lt=1,
        description="A bone's surface lies at this share of the rise from soft tissue to what the cortex beside it "
        "reads: half of a cortex 1 mm thin before it was blurred. Tuned on four spine phantoms (0.5 and 0.7 gave 0.01 "
        "less).",
    )
    wall_hu: float = Field(
        default=140.0,
        description="Lowest reading of a cortex thinner than the voxel, over muscle at 60; tuned on the scans.",
    )
    streak_share: float = Field(
        default=1.5,
        ge=0,
        description="Where metal's streaks make soft tissue vary by more than elsewhere in the scan, a wall must rise "
        "so many times that above its lowest reading; tuned on three spine phantoms (3 lost walls near metal).",
    )
    spoilt_hu: float = Field(
        default=300.0,
        gt=0,
        description="Near metal, where the CT varies by more within 5 mm of a slice (standard deviation) nothing is "
        "read: vertebrae in soft tissue vary by up to 250, slices that starve for photons by 300 to 500 (four "
        "phantoms). Not at hips, where a femur's cortex varies as much.",
    )
    prominence_share: float = Field(
        default=0.3,
        ge=0,
        lt=1,
        description="A wall that is not bright stands out by this share of its rise from what lies on both its sides, "
        "unlike a vessel with contrast; ours.",
    )
    loose_hu: float = Field(
        default=200.0, description="Least reading of what may be a wall, where streaks hide which. Tuned likewise."
    )
    loose_share: float = Field(
        default=0.35, gt=0, lt=1, description="The same as a share of the rise to the cortex beside it. Tuned likewise."
    )
    lowest_limit_hu: float = Field(default=150.0, description="Least HU where bone begins; tuned on the scans.")
    highest_limit_hu: float = Field(default=260.0, description="Greatest HU where bone begins; tuned on the scans.")
    stray_ml: float = Field(
        default=0.15, ge=0, description="Smaller pieces are calcified vessels, streaks or noise. Ours."
    )


class CortexConfig(Settings):
    """How the cortex's thickness is measured."""

    spacing_mm: float = Field(
        default=1.2, gt=0, description="Places on a bone's surface lie about so far apart: a breach is wider. Ours."
    )
    deepest_mm: float = Field(
        default=9.0, gt=0, description="Read so far below the surface: a femur's cortex is up to 8 mm thick. Ours."
    )
    bloom_mm: float = Field(default=1.2, ge=0, description="So near to metal nothing is read; as the envelope's.")
    neighbours: int = Field(
        default=25,
        ge=1,
        description="Places tried together for the density of a region's cortex: some 10 mm of surface. Ours.",
    )
    worst_hu: float = Field(
        default=250.0, gt=0, description="A fit that leaves more weighs no more in that: another bone, metal. Ours."
    )
    most_left: float = Field(
        default=0.15,
        gt=0,
        description="A fit that leaves more of the cortex's density (root mean square) is none. Ours.",
    )
    least_rise: float = Field(
        default=5.0, gt=0, description="A wall that rises by less than so many times what the fit leaves is none. Ours."
    )
    thinnest_blurs: float = Field(
        default=0.5,
        ge=0,
        description="Thinner than so many standard deviations of the blur a wall is not measured: 0.3 mm was the least "
        "on clinical CT (Treece 2010, doi 10.1016/j.media.2010.01.003).",
    )


class MarrowConfig(Settings):
    """Where cancellous bone's CT value is read."""

    from_surface_mm: float = Field(
        default=4.0, gt=0, description="So far below a bone's surface: a wall of up to 2 mm and its blur. Ours."
    )
    from_metal_mm: float = Field(
        default=8.0, gt=0, description="So far from metal: beyond halos, and the worst of its artefacts. Ours."
    )
    least_ml: float = Field(
        default=1.0, gt=0, description="Less is no fair sample: some 1 cm3, an ellipse of a body in a few slices. Ours."
    )
    most_drift_hu: float = Field(
        default=50.0,
        gt=0,
        description="Where what lies nearer to metal reads so much more or less than what lies farther, artefacts have "
        "spoilt it: as much as parts the level that finds osteoporosis (160 HU) from the one that proves it (110 HU; "
        "Pickhardt 2013, doi 10.7326/0003-4819-158-8-201304160-00003). Ours.",
    )
    least_hu: float = Field(
        default=-120.0, description="Marrow that is all fat reads about -100 HU: a mean below is an artefact's. Ours."
    )
    most_spread_hu: float = Field(
        default=70.0,
        gt=0,
        description="A standard deviation beyond this is streaks' or noise's, not bone's; tuned on spine phantoms: "
        "with 75 a mean erred by 34 HU.",
    )


class CanalConfig(Settings):
    """When a column is taken for the spinal canal."""

    cortex_hu: float = Field(
        default=200.0, description="Where its wall begins: between cord or muscle (40) and thin cortex (400 and more)."
    )
    column_hu: float = Field(
        default=150.0,
        description="What counts as bone in the search for the column, in voxels of 1.5 mm, where a thin cortex reads "
        "200 to 300: half-way to soft tissue (40). Ours: at 200 the bodies of four thin phantoms were not "
        "seen, at 150 and at 120 all were.",
    )
    least_evidence: float = Field(
        default=0.6,
        description="Over 20 mm; spines gave 0.8 to 1.3, pelvis and thigh below 0.5 (tuned on five scans).",
    )
    sure_evidence: float = Field(
        default=0.85,
        description="Mean of the column; spines gave 0.88 to 1.4, thighs and hip phantom up to 0.8 (same scans).",
    )
    steepest_lean: float = Field(
        default=1.5,
        gt=0,
        description="Past this lean (mm aside per mm, 56 degrees) it is no canal. Lumbar and thoracic scans stayed "
        "below 0.5; the sacrum leans 40-60 degrees.",
    )
    least_closed: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="Share of the wall that must be met as bone within a level's length (40 mm); spines gave 0.4 to "
        "0.9, a one-level laminectomy about 0.3. Ours.",
    )
    widest_mm: float = Field(
        default=16.0, gt=0, description="Greatest mean radius of a wall over 20 mm: half of 28 mm, and a little more."
    )
    safety_mm: float = Field(
        default=0.1,
        ge=0,
        description="Added to the wall, so that the true canal lies inside; tuned on the spine phantoms' tuning half.",
    )
    unknown_mm: float = Field(
        default=0.3,
        ge=0,
        description="Added as well where no bony wall was met and the canal is carried over from beside; tuned on the "
        "spine phantoms' tuning half.",
    )
    spoilt_mm2: float = Field(
        default=200.0,
        gt=0,
        description="Metal in a slice at which half of what it shows is believed: two rods have 50-75 mm2, a pair of "
        "screws in the slice 300 and more. Ours.",
    )
    least_readable: float = Field(
        default=0.1, gt=0, le=1, description="Share that is believed of a slice full of metal. Ours."
    )
    highest_core_hu: float = Field(
        default=90.0,
        description="Where the column's middle reads more it runs in cancellous bone (50-300 HU), not in cord, fluid "
        "or fat (up to 40). Ours; a myelogram's contrast is taken for bone.",
    )
    carried_mm: float = Field(
        default=10.0,
        ge=0,
        description="The canal is carried on straight so far towards the scan's end without evidence of its own, over "
        "which a spine bends by some 2 degrees; past that a cone is kept free. Ours.",
    )


class AnatomyConfig(Settings):
    """Settings of the survey of the anatomy."""

    working_edge_mm: float = Field(
        default=0.8, gt=0, description="Edge of the working voxels; never finer than the scan's own finest edge. Ours."
    )
    most_voxels: int = Field(
        default=24_000_000, ge=100_000, description="Larger regions get coarser voxels, to bound memory and time. Ours."
    )
    gas_margin_mm: float = Field(default=2.0, ge=0, description="Kept from lung and bowel wall; ours, no source.")
    before_canal_mm: float = Field(
        default=12.0,
        ge=0,
        description="How far before the canal's front wall a vertebra's flank may still be passed: an extrapedicular "
        "needle enters at the junction of pedicle and body (Cianfoni 2018); aorta and cava lie before and beside the "
        "body's front half. Ours.",
    )
    unknown_beside_mm: float = Field(
        default=30.0,
        ge=0,
        description="Beyond the canal's trusted ends its place is a cone; where that is wider than this to either side "
        "nothing is free near a spinal implant: half a vertebra with its pedicles. Ours.",
    )
    region: RegionConfig = Field(default_factory=RegionConfig)
    gap_bed: GapBedConfig = Field(default_factory=GapBedConfig)
    bone: BoneConfig = Field(default_factory=BoneConfig)
    canal: CanalConfig = Field(default_factory=CanalConfig)
    cortex: CortexConfig = Field(default_factory=CortexConfig)
    marrow: MarrowConfig = Field(default_factory=MarrowConfig)
    orientation: OrientationConfig = Field(default_factory=OrientationConfig)
    vertebrae: VertebraConfig = Field(default_factory=VertebraConfig)
    pedicles: PedicleConfig = Field(default_factory=PedicleConfig)
    hip_bones: HipBoneConfig = Field(default_factory=HipBoneConfig)
    hip_zones: HipZoneConfig = Field(default_factory=HipZoneConfig)
    soft_tissue: SoftTissueConfig = Field(default_factory=SoftTissueConfig)
