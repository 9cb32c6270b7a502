"""The head of a hip that was not replaced: its centre and radius."""

from dataclasses import dataclass

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.config.hip_bone_config import HipBoneConfig
from planner.geometry.frames import Array, PointsLps, points_lps
from planner.geometry.grid import Grid
from planner.segment.region import block_of
from planner.segment.upright import Bools, Floats

DEFAULT = HipBoneConfig()
_BLUR_MM = 1.0
_BIN_MM = 2.0
_EDGE_HU_PER_MM = 40.0
"""A surface of bone climbs at least so fast; noise of 30 HU, smoothed, stays below. Ours."""
_METAL_MM = 5.0
"""So near to metal no surface is believed."""
_NARROWING_MM = (3.5, 2.5, 1.8, 1.8)
"""Off the sphere so far surfaces are still taken, one pass after another. Ours."""
_FACING = 0.85
"""Cosine: so straight a surface must face the centre."""
_CARTILAGE_MM = 4.0
"""From the head's bone to the socket's: two layers of cartilage, 2 mm each; less where they are worn. Ours."""
_BONE_HU = 700.0
"""Above it bone is bone: what lies within a cortex does not count as a surface, a narrow joint still does."""
_WAYS, _NEXT_DEG = 200, 9.0
"""Directions over the sphere, some 14 degrees apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Ball:
    """A fitted head.

    Parameters
    ----------
    centre_lps : PointsLps, shape (3,)
        Its centre.
    radius_mm : float
        To the surface of the bone.
    seen : float
        Share of the sphere's directions in which its surface was met.
    """

    centre_lps: PointsLps
    radius_mm: float
    seen: float


def fit_head(
    hu: Floats, metal: Bools, grid: Grid, *, near_lps: PointsLps, reach_mm: Array, config: HipBoneConfig = DEFAULT
) -> Ball | None:
    """Fit a sphere to a natural femoral head.

    Parameters
    ----------
    hu : ndarray, shape ``grid.shape``
        CT.
    metal : ndarray of bool, shape ``grid.shape``
        Metal.
    grid : Grid
        An upright isotropic grid.
    near_lps : PointsLps, shape (3,)
        About where its centre is.
    reach_mm : ndarray, shape (3,)
        How far off it may be, along x, y and z, mm.
    config : HipBoneConfig
        Sizes of heads, and how much of the sphere must be seen.

    Returns
    -------
    Ball or None
        None where no sphere of a head's size is seen over enough of its surface.

    Notes
    -----
    A Hough transform for spheres, with the slope's direction (Ballard 1981): all that climbs inwards votes for
    the centres that it may belong to; the best is refined by least squares over the surfaces that face it. The socket's
    own surface climbs outwards, and does not vote.
    """
    room = config.largest_head_mm / 2.0 + 4.0
    box = np.stack([near_lps - reach_mm - room, near_lps + reach_mm + room])
    block = block_of(grid, box)
    if min(s.stop - s.start for s in block) < 4:
        return None
    start = (block[0].start, block[1].start, block[2].start)
    own = grid.crop(start, (block[0].stop, block[1].stop, block[2].stop))
    places, inward = _surfaces(hu[block], metal[block], own)
    if len(places) < 50:
        return None
    centre = _voted(places, inward, near_lps, np.asarray(reach_mm), config)
    fitted = _refined(places, inward, centre)
    if fitted is None:
        return None
    ball, radius = fitted
    seen = _seen(places, inward, ball, radius)
    small, large = config.smallest_head_mm / 2.0, config.largest_head_mm / 2.0
    if (
        not small <= radius <= large
        or seen < config.least_head_seen
        or np.any(np.abs(ball - near_lps) > reach_mm + 5.0)
    ):
        return None
    return Ball(points_lps(ball), float(radius), float(seen))


def _surfaces(hu: Floats, metal: Bools, grid: Grid) -> tuple[Array, Array]:
    """Give places where bone begins, and the unit ways into it."""
    edge = grid.spacing_mm[0]
    smooth = ndi.gaussian_filter(np.clip(hu, -100.0, _BONE_HU), _BLUR_MM / edge)
    slope = np.stack(np.gradient(smooth, edge), axis=-1)
    size = np.linalg.norm(slope, axis=-1)
    steep = size > _EDGE_HU_PER_MM
    if metal.any():
        steep &= np.asarray(edt.edt(~metal, parallel=2)) * edge > _METAL_MM
    cells = np.argwhere(steep)
    way = (slope[steep] / size[steep][:, None])[:, ::-1]
    return np.asarray(grid.to_lps(cells)), np.asarray(way, dtype=np.float64)


def _voted(places: Array, inward: Array, near: Array, reach: Array, config: HipBoneConfig) -> tuple[Array, float]:
    radii = np.arange(config.smallest_head_mm / 2.0, config.largest_head_mm / 2.0 + 0.5, 1.0)
    shape = np.maximum(1, np.ceil(2.0 * reach / _BIN_MM).astype(int))
    low = near - reach
    best, found = -1.0, (np.asarray(near, dtype=np.float64), float(radii[0]))
    for radius in radii:
        head = _votes(places + radius * inward - low, shape, 1.0)
        socket = _votes(places - (radius + _CARTILAGE_MM) * inward - low, shape, 1.5)
        # a trochanter is as round as a head, but nothing stands round it
        field = np.sqrt(head * socket) / radius**2
        top = int(np.argmax(field))
        if field.ravel()[top] > best:
            best = float(field.ravel()[top])
            place = low + (np.array(np.unravel_index(top, shape)) + 0.5) * _BIN_MM
            found = (place, float(radius))
    return found


def _votes(places: Array, shape: npt.NDArray[np.intp], blur: float) -> Floats:
    at = np.floor(places / _BIN_MM).astype(int)
    inside = np.all((at >= 0) & (at < shape), axis=1)
    votes = np.bincount(np.ravel_multi_index(tuple(at[inside].T), tuple(shape)), minlength=int(np.prod(shape)))
    return np.asarray(ndi.gaussian_filter(votes.reshape(shape).astype(np.float32), blur))


def _refined(places: Array, inward: Array, start: tuple[Array, float]) -> tuple[Array, float] | None:
    centre, radius = start
    for band in _NARROWING_MM:
        chosen = _facing(places, inward, centre, radius, band)
        if chosen.sum() < 50:
            return None
        points = places[chosen]
        # |p|2 = 2 p.c + (r2 - |c|2), about the present centre
        away = points - centre
        system = np.concatenate([2.0 * away, np.ones((len(away), 1))], axis=1)
        answer, *_ = np.linalg.lstsq(system, (away**2).sum(axis=1), rcond=None)
        square = float(answer[3] + answer[:3] @ answer[:3])
        if square <= 0:
            return None
        centre, radius = centre + answer[:3], float(np.sqrt(square))
    return centre, radius


def _facing(places: Array, inward: Array, centre: Array, radius: float, band_mm: float) -> npt.NDArray[np.bool_]:
    away = places - centre
    distance = np.linalg.norm(away, axis=1)
    near = np.abs(distance - radius) < band_mm
    straight = -(away * inward).sum(axis=1) > _FACING * distance
    return np.asarray(near & straight)


def _seen(places: Array, inward: Array, centre: Array, radius: float) -> float:
    """Give the share of directions, spread evenly over the sphere, in which the surface was met."""
    chosen = _facing(places, inward, centre, radius, _NARROWING_MM[-1])
    away = places[chosen] - centre
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    turn = np.pi * (1.0 + 5.0**0.5) * np.arange(_WAYS)
    height = 1.0 - 2.0 * (np.arange(_WAYS) + 0.5) / _WAYS
    flat = np.sqrt(1.0 - height**2)
    ways = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)
    return float(np.mean((ways @ away.T).max(axis=1) > np.cos(np.radians(_NEXT_DEG))))
