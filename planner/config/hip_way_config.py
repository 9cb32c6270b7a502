"""Settings of the ways to a hip's gaps: where the tip goes, where the bone may be entered, how cups are reached."""

from pydantic import Field

from planner.config.settings import Settings


class HipWayConfig(Settings):
    """Ways to stems and cups. Figures without a source are ours; what they were tuned on is said."""

    fibrous_hu: float = Field(
        default=100.0,
        description="Up to it a place reads as a gap's tissue, 0-100 HU (CLINICAL figures; they name no source).",
    )
    bone_hu: float = Field(
        default=450.0,
        description="From it on a place's surroundings within the gap read as bone or cement: little speaks for a gap "
        "there; ours: on four simulated hips kept for tuning, of places within a line of 1.5 mm in cement and bone 95 "
        "in 100 lay in a true gap below 200 HU, 50 below 300, 10 above 450.",
    )
    least_sure: float = Field(
        default=0.05,
        ge=0,
        lt=1,
        description="What reads as bone is still this sure: blooming brightens thin gaps; ours.",
    )
    zone_sure: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="From this sureness on a zone has places tried of its own, and a needle of its own among those "
        "listed; less is told as a caution. Ours: on simulated hips kept for tuning 98 in 100 of such places lay in "
        "a true gap, in one gap of four only 10 in 21.",
    )
    zone_places: int = Field(default=6, ge=0, description="How many for each zone; ours.")
    below_tip_near_mm: float = Field(
        default=2.0,
        ge=0,
        description="Below a stem's end fatty marrow is as dark as a gap: up to here it counts as gap...",
    )
    below_tip_far_mm: float = Field(
        default=5.0,
        gt=0,
        description="...and from here on as marrow. Ours: on two of two simulated hips what was measured further "
        "as gap below the stem's end was marrow.",
    )
    marrow_hu: float = Field(
        default=0.0, description="Below a stem's end what reads less is fatty marrow: fat is -100 to -50 HU, blurred."
    )
    not_marrow_hu: float = Field(
        default=60.0, description="And what reads more is none; the middle of 0 to 100 HU, nearly."
    )
    below_tip: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Of its sureness a place below a stem's end keeps at most this share: of two such places measured "
        "as gap beside the end, on simulated hips, one was; ours.",
    )
    support: float = Field(
        default=0.6,
        gt=0,
        le=1,
        description="Share of gap and metal in the cube of 4.5 mm round a place from which on it lies well within; "
        "less makes it less sure; ours, tuned on four simulated hips.",
    )
    sure_share: float = Field(
        default=0.5, ge=0, le=1, description="Tips go to places at least this sure, if there are enough; ours."
    )
    least_places: int = Field(default=12, ge=1, description="So many are enough; else the surest so many; ours.")
    nudge_mm: float = Field(
        default=0.5,
        ge=0,
        description="In a gap narrower than the needle the tip's axis goes so far out of it at most, away from the "
        "metal: its mouth of 2 to 3 mm still opens into the gap; ours.",
    )
    nudged: float = Field(
        default=0.5, ge=0, le=1, description="Share of its sureness that a place loses when moved by all of that; ours."
    )
    places_apart_mm: float = Field(default=2.7, gt=0, description="Between two places tried; three voxels of 0.9 mm.")
    overshoot_mm: float = Field(
        default=2.0,
        ge=0,
        description="Pushed so much too deep the tip must still be in bone or stopped by metal: the needles' aiming "
        "error, so that the far cortex or the pelvis's inner wall holds.",
    )
    entry_lattice_mm: float = Field(
        default=2.0, gt=0, description="Entries in one cube of this edge share a measurement of the cortex; ours."
    )
    blur_mm: float = Field(
        default=0.85,
        gt=0,
        description="Standard deviation of what blurs a wall on the working grid of 0.9 mm; fitted on the simulated "
        "hips kept for tuning (bias below 0.1 mm for walls of 1 to 2 mm).",
    )
    thick_mm: float = Field(
        default=3.0,
        gt=0,
        description="From here on a wall is read at half its height, which thinner ones would overstate (0.7 mm at "
        "1.2 mm; on the simulated hips kept for tuning).",
    )
    wall_metal_mm: float = Field(
        default=2.0, ge=0, description="So near to metal a wall is not read: its blooming; ours, as for bone's cortex."
    )
    missing_wall_mm: float = Field(
        default=0.7,
        ge=0,
        description="A wall that reads thinner may be missing: on simulated hips missing ones read up to 0.66 mm. No "
        "needle enters there.",
    )
    thin_wall_mm: float = Field(
        default=1.5,
        ge=0,
        description="A thinner cortex is named; a needle fissured a femur among 34 patients (de Smidt 2026). The "
        "figure is ours: about half the thinnest cortex of an intact femoral shaft.",
    )
    enough_wall_mm: float = Field(default=2.5, gt=0, description="A thicker cortex is no better for the score; ours.")
    riser_shafts: float = Field(
        default=1.0,
        ge=0,
        description="So many shaft diameters round a stem's end the bone is stressed most, and a hole weighs more; "
        "ours, as for the overlap of a plate with a stem, where two diameters are usual.",
    )
    weak_spot_mm: float = Field(
        default=10.0,
        ge=0,
        description="A hole so near to a defect, a plate, a cable or a screw's hole is named: three needles' "
        "diameters; ours.",
    )
    on_weak_spot_mm: float = Field(
        default=1.0, ge=0, description="Bone that must stay between the hole and such a place, else refused; ours."
    )
    fissure_mm: float = Field(
        default=5.0,
        ge=0,
        description="Bone that must stay between the hole and a line that may be a fissure, else refused: the line "
        "reads to a few mm, and runs on finer than it shows; ours.",
    )
    near_fissure_mm: float = Field(
        default=20.0, ge=0, description="A hole so near to such a line is named; half of a femur's way round; ours."
    )
    no_skate_deg: float = Field(
        default=20.0, ge=0, lt=90, description="Up to this angle to the cortex's normal a tip does not skate; ours."
    )
    cup_posterior_deg: float = Field(
        default=15.0,
        ge=0,
        le=90,
        description="Cup: greatest turn from lateral to the back, where the sciatic nerve and the gluteal vessels run.",
    )
    cup_anterior_deg: float = Field(
        default=35.0,
        ge=0,
        le=90,
        description="Cup: greatest turn to the front, short of the femoral vessels before the capsule.",
    )
    cup_lowest_deg: float = Field(
        default=-5.0, ge=-45, le=90, description="Cup: least tilt upwards; below lies the greater trochanter."
    )
    cup_highest_deg: float = Field(
        default=75.0, ge=0, le=90, description="Cup: greatest tilt upwards, along the ilium's outer face."
    )
    cup_inner_wall_mm: float = Field(
        default=4.0,
        ge=0,
        description="Cup: pushed so much too deep the tip must still be in bone or at the cup: twice the aiming error, "
        "for vessels lie on the pelvis's inner wall; ours.",
    )
    in_joint_mm: float = Field(
        default=1.5, ge=0, description="Longest way within the joint's space: more is a way through the capsule; ours."
    )
    close_hole: float = Field(
        default=0.35,
        ge=0,
        description="What a hole within `NeedleSetConfig.femur_holes_mm` of another counts against the score when "
        "needles are listed; ours.",
    )
    new_family: float = Field(
        default=0.1,
        ge=0,
        description="What a family that has no needle yet is worth beside the score where its place is sure; ours.",
    )
