"""Settings of the bone's density beside implants, on two CTs."""

from pydantic import Field

from planner.config.settings import Settings


class BoneDensityConfig(Settings):
    """Which bone is compared, and which change is one."""

    shell_mm: tuple[float, float] = Field(
        default=(2.0, 7.0),
        description="From the implant: nearer the metal's blur counts, not bone; further it is not beside it. Ours.",
    )
    cortex_mm: float = Field(
        default=3.0, ge=0, description="So near to the bone's outside lies its cortex, and partial volume. Ours."
    )
    trabecular_hu: tuple[float, float] = Field(
        default=(-100.0, 400.0),
        description="Mean of both CTs: cancellous bone reads 50 to 300 HU (CLINICAL.md), noise and fatty marrow more "
        "widely; as the stem's own reader has it.",
    )
    cement_mm: float = Field(default=2.0, ge=0, description="So near to new cement nothing is read: its blur. Ours.")
    least_ml: float = Field(default=0.2, gt=0, description="Less bone tells no mean. Ours.")
    patch_mm3: float = Field(
        default=27.0, gt=0, description="Voxels within so much err alike: noise grain, trabeculae. Ours."
    )
    offset_hu: tuple[float, float] = Field(
        default=(-60.0, 60.0), description="A larger difference of muscle is contrast agent or no muscle. Ours."
    )
    least_tissue_ml: float = Field(default=2.0, gt=0, description="Less muscle or fat gives no scale. Ours.")
    scale_sd_hu: float = Field(
        default=10.0, ge=0, description="What two scanners' scales differ by after muscle is made alike. Judged, ours."
    )
    no_scale_sd_hu: float = Field(default=25.0, ge=0, description="The same where no muscle was found on both. Ours.")
    limit_sds: float = Field(default=2.0, gt=0, description="The limit, in standard errors: 95 % of none stay below.")
