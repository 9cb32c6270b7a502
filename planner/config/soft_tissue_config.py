"""Settings of the soft tissue: what reads as muscle and what as fat."""

from pydantic import Field

from planner.config.settings import Settings

_WINDOWS = "doi 10.1038/s41598-025-96238-6, table 1; for muscle also doi 10.1371/journal.pone.0211629"


class SoftTissueConfig(Settings):
    """How muscle and fat are told apart, away from metal's artefacts."""

    muscle_hu: tuple[float, float] = Field(default=(-29.0, 150.0), description=f"Muscle: {_WINDOWS}.")
    fat_hu: tuple[float, float] = Field(default=(-190.0, -30.0), description=f"Fat: {_WINDOWS}.")
    smooth_mm: float = Field(
        default=1.0, gt=0, description="Noise is averaged over it (standard deviation of a Gaussian). Ours."
    )
    skin_mm: float = Field(default=2.0, ge=0, description="The skin, which reads like muscle. Ours.")
    bloom_mm: float = Field(default=3.0, ge=0, description="So near to metal nothing is read. Ours.")
    streaks_mm: float = Field(default=12.0, ge=0, description="The same where no map of artefacts is at hand. Ours.")
    least_trust: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Where artefacts leave less trust nothing is told; fat and muscle lie 130-160 HU apart. Ours.",
    )
