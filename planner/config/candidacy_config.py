"""Settings of the search for what makes a hip no candidate: migration, lost bone, fissures, signs of infection."""

from pydantic import Field

from planner.config.settings import Settings


class FemoralWallConfig(Settings):
    """How the wall of a femoral shaft is unrolled.

    "The hips" are the accuracy table's nine simulated ones of the tuning half.
    """

    row_mm: float = Field(default=1.0, gt=0, description="From row to row along the shaft.")
    above_mm: float = Field(
        default=5.0, ge=0, description="The unrolled wall begins so far above the lesser trochanter."
    )
    bloom_mm: float = Field(
        default=2.0, gt=0, description="So near to metal its blur looks like cortex. Ours, tuned on the hips."
    )
    wall_mm: float = Field(
        default=1.2, gt=0, description="So far on both sides of the surface no metal may blur. Ours."
    )
    least_trust: float = Field(
        default=0.35, ge=0, le=1, description="Less trust in the metal's artefacts is unreadable. Tuned on the hips."
    )


class FemoralDefectConfig(Settings):
    """When a femur's wall counts as missing."""

    lost_hu: float = Field(
        default=180.0,
        description="A wall that reads less throughout is missing: fibrous tissue and muscle 0-100, thin cortex "
        "(0.5 mm, blurred) over 250. Ours, tuned on the hips.",
    )
    least_patch_mm2: float = Field(default=40.0, ge=0, description="Smaller holes are no defect of a class. Ours.")
    least_read_share: float = Field(
        default=0.5, gt=0, le=1, description="Of a circumference so much must be readable to judge it. Ours."
    )
    whole_read_share: float = Field(
        default=0.85, gt=0, le=1, description="A wall is called whole only where so much of it can be read. Ours."
    )
    least_read_rows: float = Field(
        default=0.5, gt=0, le=1, description="Of all heights so many must be readable to give a class. Ours."
    )
    whole_share: float = Field(default=0.05, ge=0, lt=1, description="At most so much lost is a whole wall. Ours.")
    segmental_share: float = Field(
        default=0.33, gt=0, le=1, description="A third of the circumference lost supports nothing any more. Ours."
    )
    segmental_mm: float = Field(default=10.0, gt=0, description="So far along the shaft is a segmental defect. Ours.")
    metaphysis_from_mm: float = Field(
        default=0.0,
        description="The metaphysis is judged from so far below the lesser "
        "trochanter: above it the walls are thin by nature. Ours.",
    )
    diaphysis_from_mm: float = Field(default=25.0, description="The diaphysis begins so far below it. Ours.")
    diaphysis_to_mm: float = Field(default=160.0, description="And ends at the isthmus, about there. Ours.")
    intact_mm: float = Field(
        default=40.0,
        gt=0,
        description="Whole diaphysis that parts IIIA from IIIB: 4 cm, doi 10.1007/s11999-016-5012-z.",
    )
    none_mm: float = Field(default=5.0, ge=0, description="Less whole diaphysis is none. Ours.")


class FissureConfig(Settings):
    """When a dark line in the wall is told as a fissure."""

    widest_mm: float = Field(default=4.8, gt=0, description="Wider is a hole. Ours.")
    least_drop: float = Field(
        default=0.3, gt=0, lt=1, description="Of the wall's brightness so much is missing. Tuned on the hips."
    )
    least_wall_hu: float = Field(
        default=600.0, description="In a wall that reads less, trabeculae and noise look like lines. Tuned on the hips."
    )
    least_length_mm: float = Field(
        default=12.0, gt=0, description="Shorter is a vessel's canal or noise. Tuned on the hips."
    )
    least_trust: float = Field(
        default=0.6,
        ge=0,
        le=1,
        description="Where artefacts leave less trust, streaks look like lines: false ones lay at 0.44-0.53. "
        "Tuned on the hips.",
    )
    least_slimness: float = Field(default=3.0, gt=1, description="So much longer than wide. Ours.")


class MirrorConfig(Settings):
    """How the other side's pelvis is laid onto this one."""

    round_cup_mm: float = Field(
        default=12.0, ge=0, description="Bone so near to the cup is left out: it may be lost, or have moved. Ours."
    )
    fewest_points: int = Field(default=400, ge=10, description="Of a surface; fewer show no shape. Ours.")
    kept_share: float = Field(
        default=0.66,
        gt=0,
        le=1,
        description="Of the pairs that are laid on each other: the fields of view differ. Ours.",
    )
    start_up_mm: float = Field(default=12.0, ge=0, description="Tried above and below the cup's height. Ours.")
    most_error_mm: float = Field(
        default=2.0, gt=0, description="Median distance past which both sides do not fit. Ours; left and right differ."
    )


class CupMigrationConfig(Settings):
    """When a cup or a head is told to stand off its place."""

    subluxed_mm: float = Field(
        default=4.0, gt=0, description="Errors of both centres, 1 mm each, and liners that are offset by design. Ours."
    )
    off_mm: float = Field(
        default=10.0,
        gt=0,
        description="Off the mirrored centre, whichever way: its error, differing sides, a cup set deeper. Ours.",
    )
    gross_mm: float = Field(
        default=20.0,
        gt=0,
        description="Severe migration (upwards) in the Paprosky classes, summed up in doi 10.1186/s12891-020-03851-9, "
        "table 1, after doi 10.1007/s11999-013-3264-4; taken for all ways: ours.",
    )
    least_inclination_deg: float = Field(default=20.0, description="10 degrees past Lewinnek's 30. Ours.")
    most_inclination_deg: float = Field(default=60.0, description="10 degrees past Lewinnek's 50. Ours.")
    least_anteversion_deg: float = Field(
        default=-10.0, description="15 degrees past Lewinnek's 5: tilt of the pelvis. Ours."
    )
    most_anteversion_deg: float = Field(default=40.0, description="15 degrees past Lewinnek's 25. Ours.")


class AcetabularDefectConfig(Settings):
    """When the bone round a cup counts as missing."""

    near_mm: float = Field(
        default=8.0, gt=0, description="Bone farther behind the cup than this does not hold it. Ours."
    )
    bloom_mm: float = Field(default=2.0, gt=0, description="As `FemoralWallConfig.bloom_mm`.")
    bone_hu: float = Field(
        default=150.0, description="Least reading of cancellous bone beside metal, over fibrous tissue (0-100). Ours."
    )
    least_trust: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Less trust in the metal's artefacts is unreadable; at least `TrustConfig.unreadable_below`.",
    )
    least_clear_share: float = Field(
        default=0.5, gt=0, le=1, description="Of the way behind a place so much must be readable to judge it. Ours."
    )
    least_read_share: float = Field(
        default=0.6, gt=0, le=1, description="Of rim or wall so much must be readable to judge it. Ours."
    )
    rim_lost_share: float = Field(
        default=0.3, gt=0, le=1, description="Of the upper rim; whole ones show less. Tuned on the hips."
    )
    rim_third_share: float = Field(
        default=0.25,
        gt=0,
        le=1,
        description="Third-degree defects have lost the rim from 10 to 2 o'clock, half of 8 to 4; "
        "half of that is asked, for the edge blurs. Ours.",
    )
    floor_lost_share: float = Field(default=0.3, gt=0, le=1, description="Of the medial wall. Tuned on the hips.")
    nothing_holds_share: float = Field(
        default=0.3,
        gt=0,
        le=1,
        description="Less bone than this behind the cup holds no cement: in IIIB 30 % are left, "
        "doi 10.1186/s12891-020-03851-9, table 1.",
    )
    mild_mm: float = Field(default=5.0, gt=0, description="Less migration is the mirrored side's own error. Ours.")
    severe_mm: float = Field(default=20.0, gt=0, description="As `CupMigrationConfig.gross_mm`.")


class PocketConfig(Settings):
    """What is taken for gas, and what for fluid, round an implant."""

    bloom_mm: float = Field(default=6.0, ge=0, description="So near to metal undershoot reads as gas. Ours.")
    streaks_mm: float = Field(default=12.0, ge=0, description="The same where no map of artefacts is at hand. Ours.")
    skin_mm: float = Field(default=6.0, ge=0, description="Creases of the skin hold air. Ours.")
    least_trust: float = Field(
        default=0.75,
        ge=0,
        le=1,
        description="Below, streaks look like gas: false ones at 0.61-0.66. Tuned on the hips.",
    )
    most_pattern_hu: float = Field(
        default=60.0, gt=0, description="Where a darker streak is foretold, no gas is told. Ours."
    )
    gas_hu: float = Field(default=-400.0, description="Fat reads -100, gas -1000: half-way and a little. Ours.")
    gas_core_hu: float = Field(
        default=-700.0, description="A bubble reads so little somewhere; streaks read -450 to -500. Tuned on the hips."
    )
    least_gas_ml: float = Field(default=0.05, ge=0, description="Smaller bubbles are noise. Ours.")
    most_gas_ml: float = Field(default=60.0, gt=0, description="More in one piece is bowel. Ours.")
    fluid_hu: tuple[float, float] = Field(
        default=(-5.0, 32.0), description="Water 0, pus and blood up to 30, muscle 45-65: away from metal. Ours."
    )
    below_muscle_hu: float = Field(
        default=28.0,
        gt=0,
        description="Fluid reads so much less than this patient's muscle; in fatty muscle none is told. "
        "Tuned on the hips.",
    )
    smooth_mm: float = Field(default=2.0, gt=0, description="Noise is averaged over it. Ours.")
    most_spread_hu: float = Field(
        default=35.0, gt=0, description="More scatter is a border of fat and muscle, which averages to water. Ours."
    )
    thick_mm: float = Field(default=10.0, gt=0, description="Thinner is a seam between muscles. Ours.")
    least_fluid_ml: float = Field(default=5.0, ge=0, description="Less is a bursa's or joint's own. Ours.")


class InfectionConfig(PocketConfig):
    """What gas and fluid near a hip implant are told of."""

    reach_mm: float = Field(
        default=40.0, gt=0, description="From metal; farther off it is no matter of the implant. Ours."
    )
    medial_mm: float = Field(
        default=20.0, description="Farther medial of the socket's middle bowel and bladder lie. Ours."
    )


class DefectModelConfig(Settings):
    """What counts as missing bone."""

    least_piece_ml: float = Field(default=0.1, ge=0, description="Smaller pieces are noise. Ours.")
    least_ml: float = Field(default=0.5, ge=0, description="Less is no model worth printing. Ours.")
    least_trust: float = Field(
        default=0.25, ge=0, le=1, description="Gaps of less trust are left out; as `HipGapConfig.least_trust`."
    )
    round_cup_mm: float = Field(default=30.0, gt=0, description="Farther from the cup both sides just differ. Ours.")
    thin_mm: float = Field(default=4.0, gt=0, description="What is thinner is the fit's error. Ours.")


class HipCandidacyConfig(Settings):
    """What makes a hip no candidate for cement."""

    mirror: MirrorConfig = Field(default_factory=MirrorConfig, description="The other side, laid onto this one.")
    cup: CupMigrationConfig = Field(default_factory=CupMigrationConfig, description="Cup and head off their place.")
    acetabulum: AcetabularDefectConfig = Field(
        default_factory=AcetabularDefectConfig, description="Bone that holds the cup."
    )
    wall: FemoralWallConfig = Field(default_factory=FemoralWallConfig, description="The femur's wall, unrolled.")
    femur: FemoralDefectConfig = Field(default_factory=FemoralDefectConfig, description="What is missing of it.")
    fissures: FissureConfig = Field(default_factory=FissureConfig, description="Lines through it.")
    infection: InfectionConfig = Field(default_factory=InfectionConfig, description="Gas and fluid.")
    model: DefectModelConfig = Field(default_factory=DefectModelConfig, description="Models of missing bone.")
