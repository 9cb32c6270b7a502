"""The settings of a simulated scan."""

from pydantic import Field

from planner.config.settings import Settings


class ScanSettings(Settings):
    """How a phantom is scanned."""

    psf_fwhm_mm: float = Field(
        default=0.9, ge=0.0, le=5.0, description="Width of the point-spread function; bone kernels reach 0.6-1.0 mm."
    )
    noise_sd_hu: float = Field(
        default=18.0, ge=0.0, le=200.0, description="Noise in water; a bone-kernel spine CT reads 15-40 HU (no source)."
    )
    noise_fwhm_mm: float = Field(
        default=1.0, ge=0.0, le=5.0, description="Grain of the noise; about that of the point-spread function."
    )
    seed: int = Field(default=20260101, ge=0, description="Seed of the noise.")
    hu_clipped_at: float | None = Field(
        default=None, ge=1000.0, description="Ceiling of the stored HU: 3071 on a 12-bit scanner; None for extended HU."
    )
    subsamples: int = Field(
        default=4, ge=1, le=8, description="Points along each edge of a voxel that a surface cuts (partial volume)."
    )
