"""The settings of a simulated scan."""

from typing import Annotated, Any, Literal

from pydantic import Field

from planner.config.settings import Settings

KernelName = Literal["soft", "bone"]


class ScanSettings(Settings):
    """How a phantom is scanned: the tube, the detector, the reconstruction."""

    kind: Literal["ct"] = "ct"
    kvp: float = Field(default=120.0, ge=80.0, le=140.0, description="Tube voltage; 120-140 kV near metal.")
    filter_al_mm: float = Field(default=6.0, ge=1.0, le=20.0, description="Filter, inherent one included.")
    filter_cu_mm: float = Field(default=0.1, ge=0.0, le=2.0, description="Copper in the filter.")
    tube_mas: float | None = Field(
        default=250.0, gt=0.0, le=5000.0, description="Charge of one turn; None for a scan without any noise."
    )
    electronic_noise_quanta: float = Field(
        default=8.0, ge=0.0, description="Noise of the electronics a reading, in quanta of mean energy (no source)."
    )
    floor_quanta: float = Field(
        default=2.0, gt=0.0, description="Readings below are raised to this before the logarithm (no source)."
    )
    smoothed_below_quanta: float = Field(
        default=300.0, ge=0.0, description="Readings of fewer quanta are averaged with neighbours (no source); 0: none."
    )
    scatter_share: float = Field(
        default=0.0, ge=0.0, le=0.3, description="Scatter left over after correction, as share of the mean signal."
    )
    energy_bins: int = Field(default=16, ge=1, le=150, description="More change tissue near metal by < 1 HU rms.")
    views: int = Field(default=720, ge=60, le=3000, description="Parallel views over half a turn.")
    detector_mm: float = Field(default=0.6, gt=0.1, le=2.0, description="Width of a detector element at the isocentre.")
    focus_mm: float = Field(default=0.4, ge=0.0, le=2.0, description="Width of the focal spot, seen at the isocentre.")
    row_mm: float = Field(default=1.25, gt=0.1, le=3.0, description="Detector rows are at most this high.")
    slice_thickness_mm: float | None = Field(
        default=None, gt=0.1, le=10.0, description="Width of the slice profile; None for the spacing of the slices."
    )
    kernel: KernelName = Field(default="bone", description="Reconstruction kernel.")
    raster_mm: float = Field(
        default=0.4, ge=0.1, le=2.0, description="Edge of the cells that tissue fills; 0.6 blurs bone kernels."
    )
    metal_raster_mm: float = Field(default=0.25, ge=0.05, le=1.0, description="Edge of the cells that metal fills.")
    rays_per_detector: int = Field(default=4, ge=2, le=16, description="Rays across an element where metal shadows it.")
    artefacts: bool = Field(
        default=True, description="Off: one energy, noise as if there were no metal; blur and noise stay."
    )
    hu_clipped_at: float | None = Field(
        default=None, ge=1000.0, description="Ceiling of the stored HU: 3071 on a 12-bit scanner; None for extended HU."
    )
    seed: int = Field(default=20260101, ge=0, description="Seed of the noise.")

    @classmethod
    def quick(cls, **changes: Any) -> "ScanSettings":
        """Give settings for many scans in little time.

        Parameters
        ----------
        **changes
            Settings that differ from these.

        Returns
        -------
        ScanSettings
            Fewer views and energies, coarser cells: 0.4 of the work. Against the full ones tissue beside the metal of
            the lumbar phantom differs by 10 HU rms (1 in 1000 voxels by 100), titanium by -23 +- 70 HU.
        """
        coarse = {"views": 480, "raster_mm": 0.6, "metal_raster_mm": 0.3, "energy_bins": 10, "rays_per_detector": 3}
        return cls.model_validate({**coarse, **changes})


class IdealScan(Settings):
    """A scan without projections: voxel averages, blur and noise of the same grain everywhere, no artefact."""

    kind: Literal["ideal"] = "ideal"

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
        default=4,
        ge=1,
        le=8,
        description="Points along each edge of a voxel that a surface cuts, raised to a power of two.",
    )


AnyScan = Annotated[ScanSettings | IdealScan, Field(discriminator="kind")]
"""How a phantom is scanned."""
