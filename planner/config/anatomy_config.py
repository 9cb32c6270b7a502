"""Settings of the patient's anatomy round the implants: working grid, bone, canal, skin and forbidden tissue."""

from pydantic import Field

from planner.config.settings import Settings


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
        default=35.0,
        gt=0,
        description="So far round the metal bone is closed over gaps and holes; further off only dense bone is shown. "
        "A vertebra's half width with its processes. Ours.",
    )
    beyond_skin_mm: float = Field(default=8.0, ge=0, description="Air kept outside the skin, so that it can be seen.")


class BoneConfig(Settings):
    """How the bone envelope is drawn.

    "Tuned on the scans" means: on one simulated scan of a real thoracic spine with six screws, one osteoporotic lumbar
    spine with public labels, and two real hips (looked at).
    """

    bloom_mm: float = Field(
        default=1.6, ge=0, description="How far metal's blur and bloom read as bone; ours, at 0.5 to 1 mm voxels."
    )
    wall_hu: float = Field(
        default=140.0,
        description="Lowest reading of a cortex thinner than the voxel, over muscle at 60; tuned on the scans.",
    )
    lowest_limit_hu: float = Field(default=150.0, description="Least HU where bone begins; tuned on the scans.")
    highest_limit_hu: float = Field(default=260.0, description="Greatest HU where bone begins; tuned on the scans.")
    streak_hu: float = Field(
        default=130.0,
        ge=0,
        description="How bright streaks between stem, cup and cortex get; hips at 120 kVp, looked at.",
    )
    stray_ml: float = Field(
        default=0.15, ge=0, description="Smaller pieces are calcified vessels, streaks or noise. Ours."
    )
    bridge_mm: float = Field(
        default=3.0,
        ge=0,
        description="Half the hole in a cortex that is bridged next to metal in bone: a wide halo. Ours.",
    )


class CanalConfig(Settings):
    """When a column is taken for the spinal canal."""

    cortex_hu: float = Field(
        default=200.0, description="Where its wall begins: between cord or muscle (40) and thin cortex (400 and more)."
    )
    least_evidence: float = Field(
        default=0.6,
        description="Over 20 mm; spines gave 0.8 to 1.3, pelvis and thigh below 0.5 (tuned on five scans).",
    )
    sure_evidence: float = Field(
        default=0.95,
        description="Mean of the column; spines gave 1.1 to 1.4, thighs and hip phantom up to 0.8 (same scans).",
    )
    steepest_lean: float = Field(
        default=0.85,
        gt=0,
        description="Past this lean (mm aside per mm, 40 degrees) the canal is the sacrum's, whose walls the search "
        "cannot tell: it ends there. Lumbar and thoracic scans stayed below 0.5; the sacrum leans 40-60 degrees.",
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
        default=0.3,
        ge=0,
        description="Added to the wall: half a voxel of a fine scan, so that the true canal lies inside.",
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
    sciatic_behind_mm: float = Field(
        default=20.0,
        description="Behind the femur's axis tissue is barred from here: the sciatic nerve runs behind the joint, "
        "10.3 mm (0 to 23.8) from the trochanter's tip in the AP picture (2014 study).",
    )
    anterior_limit_deg: float = Field(
        default=65.0,
        gt=0,
        le=90,
        description="Free sector about the femur, from lateral towards the front: lateral and anterolateral entry is "
        "free, vessels and nerves lie medial and in front (AO reference); the angle is ours.",
    )
    posterior_limit_deg: float = Field(
        default=40.0, gt=0, le=90, description="The same towards the back; the angle is ours."
    )
    region: RegionConfig = Field(default_factory=RegionConfig)
    bone: BoneConfig = Field(default_factory=BoneConfig)
    canal: CanalConfig = Field(default_factory=CanalConfig)
