"""The trust map: where metal artefacts leave tissue readable, told from the metal and from the scan itself."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.trust_config import TrustConfig
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.geometry.turn import turn_to_patient
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.implants.metal import Metal
from planner.segment.interpolation import interpolated_in_double
from planner.segment.metal_rays import Rays, Single, rays_through

_AIR_HU, _TOP_HU = -1000.0, 1500.0
"""Water's range for a ray's tissue: denser than cortical bone is metal's own."""
_FIT_HU = (-300.0, 500.0)
"""A streak's HU beyond these count as these when a pattern's size is read: gas and metal lie there."""
_TISSUE_VIEWS = 15
"""A patient's outline changes slowly with direction."""
_ROUNDS = 10
_STRONG_SHARE = 0.1
"""Of the soft tissue, where a pattern is strongest and must show; ours."""
_MORE_SLICES = 2
"""Of the working grid above and below all metal."""


@dataclass(frozen=True, slots=True, eq=False)
class TrustMap:
    """How far tissue can be read in spite of metal.

    Parameters
    ----------
    grid : Grid
        A coarse grid round all metal.
    trust : ndarray of float32, shape ``grid.shape``
        Chance, 0..1, that the mean HU over some 2 mm errs by less than `TrustConfig.readable_hu`.
    error_hu : ndarray of float32, shape ``grid.shape``
        Mean error to be expected of it, without its sign.
    pattern_hu : ndarray of float32, shape ``grid.shape``
        What artefacts are foretold to add, with its sign: dark is negative.
    config : TrustConfig
        What it was made with, and what follows from it.
    """

    grid: Grid
    trust: Single
    error_hu: Single
    pattern_hu: Single
    config: TrustConfig

    @property
    def unreadable(self) -> Mask:
        """Where the error is likelier than not too large to tell tissues apart."""
        return Mask(self.grid, np.asarray(self.trust < self.config.unreadable_below))

    def trust_at(self, points_lps: Array) -> Array:
        """Read the trust at points.

        Parameters
        ----------
        points_lps : ndarray, shape (..., 3)
            LPS, mm.

        Returns
        -------
        ndarray, shape (...)
            Beyond the map, that of its border.
        """
        return self._at(self.trust, points_lps)

    def pattern_at(self, points_lps: Array) -> Array:
        """Read what artefacts add at points, HU, as `trust_at` reads the trust."""
        return self._at(self.pattern_hu, points_lps)

    def _at(self, values: Single, points_lps: Array) -> Array:
        index = np.asarray(self.grid.to_index(points_lps))
        return interpolated_in_double(values, index)


@dataclass(frozen=True, slots=True, eq=False)
class _Working:
    """The scan round its metal, on coarse voxels."""

    grid: Grid
    edge_mm: tuple[float, float, float]
    hu: Single
    from_metal_mm: Single
    hardening: Single
    """What the beam's hardening by metal alone, by metal and tissue, adds; shape (slices, rows, columns, 2)."""


def trust_map(volume: Volume, metal: Metal, config: TrustConfig, *, monitor: Monitor = SILENT) -> TrustMap | None:
    """Tell where metal artefacts leave tissue readable.

    Parameters
    ----------
    volume : Volume
        The original CT; its slices are taken to be the planes that the scanner turned in.
    metal : Metal
        Its metal.
    config : TrustConfig
        The settings.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    TrustMap or None
        None where there is no metal.

    Raises
    ------
    GeometryError
        If the metal lies on another grid than the CT.
    CancelledError
        If the monitor stops the work.

    Notes
    -----
    A beam that passes metal of length p and tissue of length t is hardened; to second order its reading lacks a part in
    p^2 and one in p t. Both, taken through a filtered back-projection of the metal found in each slice, give the shape
    of dark bands and bright streaks; how strong they are is read from the scan, as the robust regression of the soft
    tissue's HU on them, so that tube voltage, dose and alloy need not be known. The error is taken to follow Laplace's
    law round the pattern, with a mean deviation that grows with it, here and nearby.
    """
    volume.grid.require_same(metal.mask.grid)
    check_cancelled(monitor)
    monitor.report(Progress("mapping artefacts"))
    if not metal.mask.voxels.any():
        return None
    work = _working(volume, metal, config)
    check_cancelled(monitor)
    pattern = work.hardening @ _strengths(work, config)
    size = np.abs(pattern)
    around = [config.nearby_mm / edge for edge in work.edge_mm]
    nearby = np.sqrt(np.maximum(ndimage.gaussian_filter(pattern**2, around), 0.0))
    spread = config.base_error_hu + config.pattern_weight * size + config.nearby_weight * nearby
    error = size + spread * np.exp(-size / spread)
    trust = _below((config.readable_hu - size) / spread) - _below((-config.readable_hu - size) / spread)
    read, wrong, signed = (np.asarray(values, dtype=np.float32) for values in (trust, error, pattern))
    return TrustMap(work.grid, read, wrong, signed, config)


def _below(deviation: Single) -> Single:
    """Share of Laplace's law below so many mean deviations."""
    tail = 0.5 * np.exp(-np.abs(deviation))
    return np.asarray(np.where(deviation < 0, tail, 1.0 - tail))


def _working(volume: Volume, metal: Metal, config: TrustConfig) -> _Working:
    turn = turn_to_patient(volume.grid)
    hu, solid, grid = turn.array(volume.hu), turn.array(metal.mask.voxels), turn.grid(volume.grid)
    step = [max(1, round(config.edge_mm / edge)) for edge in grid.spacing_mm]
    # voxels left over at an end are not mapped
    count = [max(1, n // k) for n, k in zip(grid.shape, step, strict=True)]
    step = [min(k, n) for k, n in zip(step, grid.shape, strict=True)]
    ends = [
        _ends(np.flatnonzero(solid.any(axis=tuple({0, 1, 2} - {axis}))), step[axis], count[axis]) for axis in range(3)
    ]
    edge_mm = (step[0] * grid.spacing_mm[0], step[1] * grid.spacing_mm[1], step[2] * grid.spacing_mm[2])
    more = [_MORE_SLICES, round(config.margin_mm / edge_mm[1]), round(config.margin_mm / edge_mm[2])]
    low = [max(0, a - m) for (a, _), m in zip(ends, more, strict=True)]
    high = [min(n, b + m) for (_, b), m, n in zip(ends, more, count, strict=True)]
    box = tuple(slice(a * k, b * k) for a, b, k in zip(low, high, step, strict=True))
    own = _block_means(np.clip(hu[box], _AIR_HU, 3000).astype(np.float32), step)
    share = np.zeros((own.shape[0], count[1], count[2]), dtype=np.float32)
    share[:, low[1] : high[1], low[2] : high[2]] = _block_means(solid[box].astype(np.float32), step)
    rays = rays_through(count[1], count[2], config.views)
    path = rays.paths(share) * np.float32(edge_mm[1])
    tissue = _tissue_mm(hu[box[0], : count[1] * step[1], : count[2] * step[2]], step, edge_mm, rays)
    # in cm2, and in cm times dm, that their strengths be alike
    lacking = (np.float32(1e-2) * path * path, np.float32(1e-3) * path * tissue)
    hardened = np.stack([rays.filtered(part) for part in lacking], axis=-1) / np.float32(-edge_mm[1])
    rows, columns = slice(low[1], high[1]), slice(low[2], high[2])
    smeared = rays.smeared_back(hardened, rows, columns)
    matrix = grid.lps_from_index.copy()
    matrix[:3, :3] *= np.array(step)
    matrix[:3, 3] = grid.to_lps([a * k + (k - 1) / 2 for a, k in zip(low, step, strict=True)])
    coarse = Grid((own.shape[0], own.shape[1], own.shape[2]), matrix, grid.frame_of_reference_uid)
    away = distance_mm(share[:, rows, columns] >= 0.02, edge_mm)
    return _Working(coarse, edge_mm, own, away, smeared)


def _ends(where: npt.NDArray[np.intp], step: int, count: int) -> tuple[int, int]:
    first = min(int(where[0]) // step, count - 1)
    return first, max(first + 1, min(int(where[-1]) // step + 1, count))


def _block_means(values: Single, step: list[int]) -> Single:
    a, b, c = (n // k for n, k in zip(values.shape, step, strict=True))
    blocks = values.reshape(a, step[0], b, step[1], c, step[2])
    return np.asarray(blocks.mean(axis=(1, 3, 5)), dtype=np.float32)


def _tissue_mm(hu: npt.NDArray[np.generic], step: list[int], edge_mm: tuple[float, float, float], rays: Rays) -> Single:
    """Water-equivalent length of all rays, shape of their views; every other voxel, a few directions, will do."""
    wide = [step[1] * 2, step[2] * 2]
    sparse = hu[step[0] // 2 :: step[0], step[1] // 2 :: wide[0], step[2] // 2 :: wide[1]].astype(np.float32)
    density = (np.clip(sparse, _AIR_HU, _TOP_HU) - _AIR_HU) / 1000.0
    few = Rays(
        rays.angle_rad[:: max(1, len(rays.angle_rad) // _TISSUE_VIEWS)],
        rays.bins // 2 + 3,
        (rays.centre_idx[0] / 2, rays.centre_idx[1] / 2),
    )
    coarse = few.paths(np.ascontiguousarray(density)) * np.float32(2.0 * edge_mm[1])
    view = np.arange(len(rays.angle_rad)) * len(few.angle_rad) // len(rays.angle_rad)
    place = np.clip((np.arange(rays.bins) - rays.bins // 2) / 2 + few.bins // 2, 0, few.bins - 1)
    return coarse[:, view][:, :, np.rint(place).astype(int)]


def _strengths(work: _Working, config: TrustConfig) -> Single:
    """HU of each pattern, by robust regression in soft tissue; 0 where the scan does not show them."""
    clear = work.from_metal_mm > config.clear_of_metal_mm
    weight = clear.astype(np.float32)
    hu = np.clip(work.hu, *_FIT_HU)
    around = _mean_round(hu, weight, 4.0, work)
    soft = clear & (around > config.soft_hu[0]) & (around < config.soft_hu[1]) & (work.hu > -700.0)
    weight = soft.astype(np.float32)
    wide = config.background_mm
    seen = (hu - _mean_round(hu, weight, wide, work))[soft]
    told = np.stack(
        [(p - _mean_round(p, weight, wide, work))[soft] for p in np.moveaxis(work.hardening, -1, 0)], axis=-1
    )
    if len(seen) < 500:
        return np.zeros(2, dtype=np.float32)
    strength = _regressed(told, seen, config.outlier_hu)
    size = np.abs(told @ strength)
    strong = size >= np.quantile(size, 1.0 - _STRONG_SHARE)
    before, after = (_huber(r[strong], config.outlier_hu) for r in (seen, seen - told @ strength))
    # metal hardens: its own bands are dark between metal and metal
    shown = strength[0] >= config.least_strength_hu and after < (1.0 - config.least_gain) * before
    return np.asarray(strength if shown else np.zeros(2), dtype=np.float32)


def _mean_round(values: Single, weight: Single, reach_mm: float, work: _Working) -> Single:
    sigma = [reach_mm / edge for edge in work.edge_mm]
    total = ndimage.gaussian_filter(weight, sigma, truncate=3.0)
    return np.asarray(ndimage.gaussian_filter(values * weight, sigma, truncate=3.0) / np.maximum(total, 1e-3))


def _regressed(told: Single, seen: Single, outlier_hu: float) -> Array:
    x, y = told.astype(np.float64), seen.astype(np.float64)
    weight = np.ones(len(y))
    strength: Array = np.zeros(x.shape[1])
    for _ in range(_ROUNDS):
        weighed = x * weight[:, None]
        normal = weighed.T @ x
        normal += 1e-9 * max(float(np.trace(normal)), 1e-9) * np.eye(len(normal))
        strength = np.asarray(np.linalg.solve(normal, weighed.T @ y), dtype=np.float64)
        weight = 1.0 / np.maximum(1.0, np.abs(y - x @ strength) / outlier_hu)
    return strength


def _huber(rest: Array, outlier_hu: float) -> float:
    size = np.abs(rest)
    return float(np.where(size < outlier_hu, size**2, outlier_hu * (2 * size - outlier_hu)).mean())
