"""The spinal canal's wall: where rays from its middle meet bone, and a smooth tube through what they met.

Where there is no bone to meet (foramen, laminectomy, disc) and where metal hides it, the tube is carried over from the
walls above, below and beside it. It never follows a ray out of the canal, and dents only where bone dents it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy import ndimage as ndi
from scipy.linalg import solveh_banded

from planner.geometry.frames import Array, points_lps
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.interpolation import interpolated
from planner.segment.upright import Bools, Floats

Integers = npt.NDArray[np.intp]

ROW_MM = 1.0
"""The wall is measured in axial planes so far apart."""
METAL_HU = 2000.0
"""Metal, where nobody told it apart."""
_ANGLES = 48
_STEP_MM = 0.4
_REACH_MM = 17.0
"""Half the widest lumbar canal (28 mm across) and a little more."""
_START_MM = 1.5
_USUAL_MM = 8.0
"""Half the width of a usual canal, where no wall was met at all."""
_BLOOM_STEPS = 10
"""What reads as bone so many steps before metal is its bloom."""
_PEAK_STEPS = 7
"""A cortex's peak lies so many steps within its inner border."""
_SOFT_HU = 30.0
"""Cord, fluid and roots."""
_ODD_HU = (-150.0, 150.0)
"""Fat, fluid, cord and roots, with noise, read between these; artefact bands do not."""
_ODD_SHARE = 0.15
_CORE_MM = 4.0
"""So near its middle the canal holds nothing else."""
_BLACK_HU = -200.0
"""Streaks only: fat reads -110, and noise seldom brings it so low."""
_BLACK_SHARE = 0.02
_STRAY_MM = 2.0
"""A wall so far from its smooth course is an opening, a streak, or none of the canal's."""


@dataclass(frozen=True, slots=True, eq=False)
class WallRays:
    """What rays in axial planes met.

    Parameters
    ----------
    radii_mm : ndarray, shape (N, A)
        Where bone begins, half-way between soft tissue and the cortex; NaN where none was met, or metal.
    weight : ndarray, shape (N, A)
        How far that can be believed, 0 to 1.
    core_hu : ndarray, shape (N,)
        Median of what lies within 4 mm of the middle.
    """

    radii_mm: Array
    weight: Array
    core_hu: Array


def measure_walls(
    volume: Volume, metal: Mask | None, centre_lps: Array, readable: Array, *, cortex_hu: float
) -> WallRays:
    """Follow rays from each point of the centre line to the first bone.

    Parameters
    ----------
    volume : Volume
        The CT.
    metal : Mask or None
        Metal; None takes what lies over 2000 HU.
    centre_lps : ndarray, shape (N, 3)
        Centre line, a point a millimetre.
    readable : ndarray, shape (N,)
        How far each point's plane can be read, 0 to 1.
    cortex_hu : float
        Where bone begins at least.

    Returns
    -------
    WallRays
    """
    steps = np.arange(_START_MM, _REACH_MM, _STEP_MM)
    turn = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
    ring = np.stack([np.cos(turn), np.sin(turn), np.zeros(_ANGLES)], axis=1)
    way = steps[:, None] * ring[:, None, :]
    at = _indices(volume.grid, centre_lps, way)
    hu = interpolated(volume.hu, at)
    hu = ndi.gaussian_filter(hu, (0.7, 0.5, 0.0), mode=("nearest", "wrap", "nearest"))
    hard = _hard(hu, metal, centre_lps, way)
    bone = hu > cortex_hu
    first = np.where(bone.any(axis=2), bone.argmax(axis=2), len(steps))
    index = np.minimum(first, len(steps) - 1)
    reach = np.clip(index[..., None] + np.arange(_BLOOM_STEPS), 0, len(steps) - 1)
    bloom = np.take_along_axis(hard, reach, axis=2).any(axis=2)
    radii = _half_maximum(hu, index, steps)
    radii[(first >= len(steps)) | bloom] = np.nan
    sound = _undisturbed(hu, index) & np.isfinite(radii)
    core = np.median(hu[:, :, : round(_CORE_MM / _STEP_MM)], axis=(1, 2)).astype(np.float64)
    return WallRays(radii, np.where(sound, readable[:, None], 0.0), core)


def _undisturbed(hu: Floats, index: Integers) -> Bools:
    """Say which rays run through soft tissue only: bands of metal artefact are darker or brighter."""
    core = hu[:, :, : round(_CORE_MM / _STEP_MM)]
    odd = (core < _ODD_HU[0]) | (core > _ODD_HU[1])
    # thin streaks of bright and dark; no air comes so near to the canal but a disc's vacuum
    streaked = ndi.maximum_filter1d((hu < _BLACK_HU).mean(axis=(1, 2)), 3) > _BLACK_SHARE
    slices = (odd.mean(axis=(1, 2)) <= _ODD_SHARE) & ~streaked
    count = np.maximum(index, 1)
    before = np.arange(hu.shape[2]) < count[..., None]
    darkest = np.where(before, hu, np.inf).min(axis=2)
    mean = np.where(before, hu, 0.0).sum(axis=2) / count
    return np.asarray(slices[:, None] & (darkest > _BLACK_HU) & (mean < _ODD_HU[1]))


def _indices(grid: Grid, centre_lps: Array, way_mm: Array) -> Array:
    """Give the indices of points reached from each centre by each way, shape (N, A, R, 3)."""
    linear = grid.index_from_lps[:3, :3]
    start, step = grid.to_index(points_lps(centre_lps)).T, linear @ way_mm.reshape(-1, 3).T
    return np.ascontiguousarray(np.moveaxis(start[:, :, None, None] + step.reshape(3, 1, *way_mm.shape[:2]), 0, -1))


def _hard(hu: Floats, metal: Mask | None, centre_lps: Array, way_mm: Array) -> Bools:
    if metal is None:
        return np.asarray(hu > METAL_HU)
    at = _indices(metal.grid, centre_lps, way_mm)
    return np.asarray(interpolated(metal.voxels.view(np.uint8), at, outside=0.0) > 0.3)


def _half_maximum(hu: Floats, index: Integers, steps: Array) -> Array:
    """Give where each ray passes half-way between soft tissue and the peak just behind its first bone."""
    behind = np.clip(index[..., None] + np.arange(_PEAK_STEPS), 0, len(steps) - 1)
    values = np.take_along_axis(hu, behind, axis=2)
    half = (values.max(axis=2) + _SOFT_HU) / 2
    over = values >= half[..., None]
    hit = over.argmax(axis=2)
    above = np.take_along_axis(values, hit[..., None], axis=2)[..., 0]
    before = np.take_along_axis(hu, np.maximum(index + hit - 1, 0)[..., None], axis=2)[..., 0]
    share = np.clip((half - before) / np.maximum(above - before, 1.0), 0.0, 1.0)
    return np.asarray(steps[np.minimum(index + hit, len(steps) - 1)] - (1.0 - share) * _STEP_MM)


def smooth_tube(rays: WallRays, *, unknown_mm: float) -> tuple[Array, Bools]:
    """Carry the wall over foramina, open arches, streaks and metal.

    Parameters
    ----------
    rays : WallRays
        What the rays met.
    unknown_mm : float
        Added where no wall was met, mm.

    Returns
    -------
    (radii, met) : ndarray, shape (N, A)
        Radii, mm, and where bone was met there.

    Notes
    -----
    A penalised least squares surface over height and angle, with weights that are told again and again from how far
    each wall lies from it (after Garcia 2010, doi 10.1016/j.csda.2009.09.020): far ones are openings or streaks and
    count for nothing. It starts from the median wall of each direction over some 15 to 40 mm, so that an opening at one
    level is seen to be one.
    """
    walls, weight = rays.radii_mm, rays.weight
    typical = _typical(np.where(weight > 0, walls, np.nan))
    value = np.where(np.isfinite(walls), walls, typical)
    fit = typical
    for _ in range(4):
        off = value - fit
        # beyond the wall lies an opening, within it a bony spur perhaps
        spread = np.where(off > 0, _STRAY_MM, 1.5 * _STRAY_MM)
        robust = np.clip(1.0 - (off / spread) ** 2, 0.0, 1.0) ** 2
        trust = weight * robust + 0.003
        fit = _surface(np.where(robust > 0, value, fit), trust, fit)
    off = value - fit
    met = (weight > 0) & (np.abs(off) <= _STRAY_MM)
    radii = np.where(met, walls, fit + unknown_mm)
    # a streak or a swollen wall dents single angles; the canal itself has no notch narrower than some 20 degrees
    radii = ndi.grey_closing(radii, size=(1, 3), mode=("nearest", "wrap"))
    return ndi.gaussian_filter(radii, (0.7, 0.5), mode=("nearest", "wrap")), met


def off_centre(radii_mm: Array, met: Bools) -> tuple[Array, Array]:
    """Say how far the middle of the wall lies from where its rays began.

    Parameters
    ----------
    radii_mm : ndarray, shape (N, A)
        The wall.
    met : ndarray of bool, shape (N, A)
        Where it was met.

    Returns
    -------
    (shift_mm, share) : ndarray, shapes (N, 2) and (N,)
        To the left and to posterior, told from opposite rays that both met the wall, and the share of rays that did:
        an arch that is open behind draws the middle nowhere.
    """
    half = _ANGLES // 2
    both = met & np.roll(met, half, axis=1)
    radii = np.where(both, radii_mm, (radii_mm + np.roll(radii_mm, half, axis=1)) / 2)
    area = (radii**2).sum(axis=1)
    turn = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
    shift = [(radii**3 * f(turn)).sum(axis=1) * 2 / 3 / area for f in (np.cos, np.sin)]
    return np.column_stack(shift), both.mean(axis=1)


def straightened(path_mm: Array, met_share: Array) -> Array:
    """Draw a smooth line through the places where much of the wall was met, straight on over the others.

    Parameters
    ----------
    path_mm : ndarray, shape (N, K)
        Places, a millimetre apart.
    met_share : ndarray, shape (N,)
        Share of the wall that was met there.

    Returns
    -------
    ndarray, shape (N, K)

    Notes
    -----
    Whittaker's smoother: least squares with a penalty on the second difference (Eilers 2003, doi 10.1021/ac034173t).
    """
    n = len(path_mm)
    if n < 3:
        return path_mm
    weight = np.maximum(met_share - _LEAST_MET, 0.0) + 1e-4
    bands = np.zeros((3, n))
    for order, strength in ((1, _UPRIGHT), (2, _STRAIGHT)):
        taps = np.array([1.0, -1.0] if order == 1 else [1.0, -2.0, 1.0])
        for i, first in enumerate(taps):
            for j, second in enumerate(taps[i:], start=i):
                bands[2 - (j - i), j : n - order + j] += strength * first * second
    bands[2] += weight
    return np.asarray(solveh_banded(bands, weight[:, None] * path_mm))


def _typical(walls: Array) -> Array:
    """Give the usual wall of each direction over the levels round each height."""
    n = len(walls)
    around = np.stack([np.roll(walls, t, axis=1) for t in (-1, 0, 1)], axis=2)

    def windowed(half: int, share: float) -> Array:
        out = np.full(walls.shape, np.nan)
        for k in range(n):
            block = around[max(0, k - half) : k + half + 1].transpose(1, 0, 2).reshape(walls.shape[1], -1)
            ordered = np.sort(block, axis=1)  # NaN sorts last
            count = np.isfinite(ordered).sum(axis=1)
            known = np.flatnonzero(count >= 0.25 * block.shape[1])
            at = share / 100.0 * (count[known] - 1)
            low = np.floor(at).astype(int)
            high = np.minimum(low + 1, count[known] - 1)
            out[k, known] = ordered[known, low] + (at - low) * (ordered[known, high] - ordered[known, low])
        return out

    usual, wide = windowed(7, 50.0), windowed(20, 40.0)
    typical = np.where(np.isfinite(usual), usual, wide)
    known = np.isfinite(typical).sum(axis=1) >= 0.3 * typical.shape[1]
    level = np.full(n, _USUAL_MM)
    if known.any():
        rows = np.flatnonzero(known)
        level = np.interp(np.arange(n), rows, np.nanmedian(typical[rows], axis=1))
    # what one side hides the other shows: both halves of a canal are alike
    mirrored = np.roll(typical[:, ::-1], _ANGLES // 2 + 1, axis=1)
    typical = np.where(np.isfinite(typical), typical, mirrored)
    typical = np.where(np.isfinite(typical), typical, level[:, None])
    return np.asarray(np.minimum(typical, np.maximum(1.6 * level[:, None], 9.0)))


def _surface(values: Array, weight: Array, start: Array) -> Array:
    """Fit a smooth surface, mirrored at both ends and closed in angle, to weighted values."""
    n, m = values.shape
    up = 2.0 - 2.0 * np.cos(np.pi * np.arange(n) / n)
    round_it = 2.0 - 2.0 * np.cos(2.0 * np.pi * np.arange(m // 2 + 1) / m)
    stiff = 1.0 / (1.0 + (_UP_STIFF * up[:, None] + _ROUND_STIFF * round_it[None, :]) ** 2)
    fit, share = start, np.minimum(weight, 1.0)
    for _ in range(_ROUNDS):
        target = fit + share * (values - fit)
        waves = stiff * fft.rfft(fft.dct(target, axis=0), axis=1)
        fit = fft.idct(fft.irfft(waves, m, axis=1), axis=0)
    return np.asarray(fit)


_LEAST_MET = 0.1
"""With less of its wall the canal's middle is not known."""
_STRAIGHT = 150.0
"""The line follows bends longer than some 20 mm where the whole wall is met."""
_UPRIGHT = 0.05
"""Where nothing is known it turns upright within some 55 mm."""
_UP_STIFF = 6.0
"""Wall details shorter than some 15 mm along the spine are smoothed away where little is known."""
_ROUND_STIFF = 0.6
_ROUNDS = 60
