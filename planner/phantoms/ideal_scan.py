"""The scan: voxel averages, blur, noise, and the ceiling of what a scanner stores. No metal physics."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.phantoms.scanner.octree import Contents, material_maps
from planner.phantoms.scene import Scene
from planner.progress import SILENT, Monitor

_SIGMA_FROM_FWHM = 1.0 / np.sqrt(8.0 * np.log(2.0))
_FLOOR_HU = -1024.0
"""The lowest number that scanners store."""
_CEILING_HU = 32767.0
"""The highest that fits into 16 bits."""


def _blur(array: npt.NDArray[np.float32], grid: Grid, fwhm_mm: float) -> npt.NDArray[np.float32]:
    if fwhm_mm == 0.0:
        return array
    sigma = tuple(fwhm_mm * _SIGMA_FROM_FWHM / s for s in grid.spacing_mm)
    return np.asarray(ndimage.gaussian_filter(array, sigma, mode="nearest", truncate=3.5))


def _noise(grid: Grid, settings: IdealScan) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(settings.seed)
    grain = _blur(random.standard_normal(grid.shape, dtype=np.float32), grid, settings.noise_fwhm_mm)
    # One voxel alone has no spread of its own; unblurred noise has a spread of 1.
    spread = float(grain.std()) if grain.size > 1 else 1.0
    return np.asarray(grain * np.float32(settings.noise_sd_hu / spread))


def voxel_means(scene: Scene, grid: Grid, *, subsamples: int = 4, monitor: Monitor = SILENT) -> npt.NDArray[np.float32]:
    """Average a scene over the voxels of a grid.

    Parameters
    ----------
    scene : Scene
        What lies there.
    grid : Grid
        Where to draw; any orientation and spacing.
    subsamples : int
        At least so many points along each edge of a voxel that a surface may cut; the next power of two is taken.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    ndarray of float32, shape ``grid.shape``
        Mean HU of each voxel, without noise and blur.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    hu = np.array([*(p.tissue.hu for p in scene.parts), scene.background.hu])[:, None]
    halvings = int(np.ceil(np.log2(subsamples)))
    means = material_maps(
        scene, grid, Contents(hu, np.ones_like(hu)), halvings=halvings, by_centre=True, monitor=monitor
    )
    return np.asarray(means[0])


def ideal_scan(scene: Scene, grid: Grid, settings: IdealScan, *, monitor: Monitor = SILENT) -> Volume:
    """Scan a scene.

    Parameters
    ----------
    scene : Scene
        What lies on the table.
    grid : Grid
        The voxels to store; any orientation and spacing.
    settings : IdealScan
        Blur, noise and ceiling.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    Volume
        int16 HU; the same for the same settings.
    """
    hu = _blur(voxel_means(scene, grid, subsamples=settings.subsamples, monitor=monitor), grid, settings.psf_fwhm_mm)
    if settings.noise_sd_hu > 0.0:
        hu = hu + _noise(grid, settings)
    ceiling = _CEILING_HU if settings.hu_clipped_at is None else min(settings.hu_clipped_at, _CEILING_HU)
    return Volume(grid, np.rint(np.clip(hu, _FLOOR_HU, ceiling)).astype(np.int16))
