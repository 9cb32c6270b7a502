"""Settings of the trust map: where metal artefacts leave tissue readable."""

from pydantic import Field

from planner.config.settings import Settings


class TrustConfig(Settings):
    """How artefacts are predicted, and what their size means.

    "Tuned on the table" means: on half of the accuracy table's tuning cases, simulated scans whose tissue is known, and
    checked on the other half.
    """

    edge_mm: float = Field(
        default=2.0, gt=0, description="Edge of the working voxels: what bone is told by is a mean over as much; ours."
    )
    views: int = Field(
        default=90, ge=16, description="Directions of the rays over half a turn; twice as many changed nothing (table)."
    )
    margin_mm: float = Field(
        default=30.0, gt=0, description="How far round all metal, within the slices, the map is made; ours."
    )
    background_mm: float = Field(
        default=12.0,
        gt=0,
        description="HU and predicted pattern are compared less their mean over this width (a Gaussian's standard "
        "deviation): organs are larger, streaks smaller; 8 and 20 mm gave the same within 15 % (table).",
    )
    soft_hu: tuple[float, float] = Field(
        default=(-150.0, 120.0),
        description="Mean HU, 4 mm around, of soft tissue and marrow, where the pattern's size is read; ours.",
    )
    clear_of_metal_mm: float = Field(
        default=3.0, gt=0, description="Nearer to the metal its own blur counts, not its artefact: a working "
        "voxel more than a usual blur; ours.",
    )  # fmt: skip
    outlier_hu: float = Field(
        default=60.0, gt=0, description="Differences beyond this weigh less in that fit: bone, bowel, vessels; ours."
    )
    least_gain: float = Field(
        default=0.02,
        ge=0,
        lt=1,
        description="A pattern that explains less of the soft tissue's variation where it is strongest is none: those "
        "of scans with artefacts explain 0.07 to 0.47 (table).",
    )
    least_strength_hu: float = Field(
        default=2500.0,
        ge=0,
        description="Fitted strength of the pattern of metal alone, HU mm a cm2, below which there is none: scans "
        "without artefacts gave up to 800, those with them 5700 and more (table).",
    )
    base_error_hu: float = Field(
        default=13.0, gt=0, description="Mean deviation from the pattern far from artefacts: noise, blur; tuned on the "
        "table.",
    )  # fmt: skip
    pattern_weight: float = Field(
        default=0.83, ge=0, description="The same for each HU of the pattern; tuned on the table."
    )
    nearby_weight: float = Field(
        default=0.13,
        ge=0,
        description="The same for each HU of the pattern's root mean square nearby: it errs in place; tuned on the "
        "table.",
    )
    nearby_mm: float = Field(default=4.0, gt=0, description="What nearby means, a Gaussian's standard deviation; ours.")
    readable_hu: float = Field(
        default=75.0,
        gt=0,
        description="A smaller error leaves lucent tissue (0..100 HU), cancellous (100..300 HU) and cortical bone "
        "apart: half of the distance between their middles, rounded; ours.",
    )
    unreadable_below: float = Field(
        default=0.5, gt=0, lt=1, description="Less trust is called unreadable: the error is larger as likely as not."
    )
    most_unreadable_share: float = Field(
        default=1 / 3,
        gt=0,
        le=1,
        description="Share of an implant's wall that may be unreadable before it is said, and before an implant "
        "without a gap is no longer called firm: a screw is loose from such a share on; ours.",
    )
    least_staying_share: float = Field(
        default=0.25,
        ge=0,
        lt=1,
        description="A gap of which less stays once the foretold artefact is taken off may be none (the rise at its "
        "wall decides); tuned on the tuning and development scans.",
    )
