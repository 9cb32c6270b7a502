"""Settings of how vertebrae are told from each other, from ribs, sacrum and ilia."""

from pydantic import Field

from planner.config.settings import Settings


class LevelConfig(Settings):
    """Where discs are looked for along the spine.

    "Tuned on the phantoms" means: looked at on the accuracy table's tuning half of the thoracic and lumbar spines.
    """

    shortest_mm: float = Field(
        default=14.0, gt=0, description="Least distance of two discs: a collapsed body is 10 mm high, its disc 4. Ours."
    )
    longest_mm: float = Field(
        default=52.0, gt=0, description="Greatest distance of two discs: L3 is 27-30 mm high in women, its disc 8-12."
    )
    least_evidence: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="How much less hard than the bodies a disc's plane must be, as a share, to count for itself; tuned "
        "on the phantoms: free discs gave 0.7 to 1, some under artefacts 0 to 0.3, waists of bodies below 0.15.",
    )
    uneven: float = Field(
        default=0.3,
        gt=0,
        description="Natural logarithm of the ratio of two neighbouring disc distances at which it counts as much as a "
        "disc's evidence: a body that lost a third of its height. Ours.",
    )
    unusual: float = Field(
        default=0.45,
        gt=0,
        description="The same against the height that goes with the bodies' width: a third lower, or half as high "
        "again. Ours.",
    )
    steepest_sagittal: float = Field(
        default=0.4, ge=0, description="Steepest slope of a disc to the canal from back to front: L5-S1, 22 degrees."
    )
    steepest_coronal: float = Field(
        default=0.24, ge=0, description="The same from side to side: 13 degrees, scoliosis. Ours."
    )


class VertebraConfig(Settings):
    """How bones grow from their cores and where they meet."""

    joint_hu: float = Field(
        default=180.0,
        description="Reading below which a way through bone is taken for a joint: between cartilage with partial "
        "volume and thin cortex. Tuned on the phantoms (180 to 300 differ by a hundredth of the voxels).",
    )
    joint_price: float = Field(
        default=60.0, ge=0, description="Of a voxel of joint, in voxels of bone; 60 to 600 gave the same. Ours."
    )
    neck_price: float = Field(
        default=120.0,
        ge=0,
        description="Of a voxel at the envelope's surface, in voxels of deep bone: bones that touch do so in narrow "
        "necks. Tuned on the phantoms (0 gave two to three times the wrongly parted voxels, 40 a quarter more).",
    )
    least_ml: float = Field(default=0.4, gt=0, description="Smaller pieces are no bone of their own. Ours.")
    beyond_canal_mm: float = Field(
        default=45.0, ge=0, description="How far the spine is followed beyond the canal's ends: one level. Ours."
    )
    levels: LevelConfig = Field(default_factory=LevelConfig)
