"""How deep an interbody cage stands in an endplate, and its outline there."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage as ndi

from planner.config.fracture_config import CageInterfaceConfig
from planner.geometry.frames import Array, PointsLps, points_lps, unit
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.vertebrae import SpineBones
from planner.segment.implants.outline import Outline, outline_of
from planner.segment.unwrap import Cells, sampler_round

CELL_MM = 0.4
"""Raster in the cage's frame: finer than a fine voxel."""
_ROOM_MM = 12.0
_INTO_MM = 1.0
"""From the cage's face, and from the endplate, its section is read so far off: blur."""
_FEWEST = 30
_FEWEST_BESIDE = 15
_FACE_MM, _FACE_INSIDE_MM = 2.6, 1.5
"""The face is looked for so far about where pins end, and so far inside of the section's edge."""
_OUTLIER_MM = 2.0
_BESIDE_PINS_MM = 1.5
"""Pins stand in the middle of a plastic cage's walls."""
_RIM_MM = 1.6
_LEAST_HALF_MM = 3.0
_ROUNDS = 12


@dataclass(frozen=True, slots=True, eq=False)
class SunkenCage:
    """A cage that stands in an endplate.

    Parameters
    ----------
    implant_id : str
        The cage.
    bone : str
        The vertebra that it sank into.
    depth_mm : float
        How far its face stands beyond the endplate round it.
    centre_lps : PointsLps, shape (3,)
        Middle of the cage.
    axes_lps : ndarray, shape (3, 3)
        Columns: two ways across it, and the way into the bone.
    face_mm : float
        Its face, from its middle.
    across_mm : ndarray, shape (N,)
        Raster of its section, the same along both ways.
    section : ndarray of bool, shape (N, N)
        Where the cage stands in it.
    endplate_mm : ndarray, shape (N, N)
        Height of the endplate's plane, from the cage's middle.
    inside_hu, beyond_hu : float
        What the cage, and the bone round it, read.
    """

    implant_id: str
    bone: str
    depth_mm: float
    centre_lps: PointsLps
    axes_lps: Array
    face_mm: float
    across_mm: Array
    section: Cells
    endplate_mm: Array
    inside_hu: float
    beyond_hu: float

    def places_lps(self, heights_mm: Array) -> PointsLps:
        """Give places over the raster at heights from its middle, shape (N, N, K, 3)."""
        first, second, up = np.meshgrid(self.across_mm, self.across_mm, heights_mm, indexing="ij")
        return points_lps(self.centre_lps + np.stack([first, second, up], axis=-1) @ self.axes_lps.T)


def sunken_sides(
    volume: Volume, implant_id: str, mask: Mask, spine: SpineBones, grid: Grid, *, config: CageInterfaceConfig
) -> tuple[SunkenCage, ...]:
    """Say into which endplates a cage has sunk.

    Parameters
    ----------
    volume : Volume
        The original CT.
    implant_id : str
        The cage.
    mask : Mask
        Its voxels; the hull of its pins where it is of plastic.
    spine : SpineBones
        Vertebrae, told apart.
    grid : Grid
        The grid of their labels.
    config : CageInterfaceConfig
        Limits.

    Returns
    -------
    tuple of SunkenCage
        None, one or both sides.
    """
    cells = np.argwhere(mask.voxels)
    if len(cells) < _FEWEST:
        return ()
    outline = outline_of(
        np.asarray(mask.grid.to_lps(cells)),
        voxel_mm3=mask.grid.voxel_volume_mm3,
        greatest_tilt_deg=config.greatest_tilt_deg,
    )
    found = []
    for sign in (1.0, -1.0):
        side = _side(volume, implant_id, outline, sign, spine, grid, config)
        # a few pins tell a cage's tilt and height badly; its face does
        levelled = None if side is None else _levelled(volume, side, outline, sign)
        if levelled is not None:
            side = _side(volume, implant_id, levelled, sign, spine, grid, config)
        if side is not None:
            found.append(side)
    return tuple(found)


def _levelled(volume: Volume, side: SunkenCage, outline: Outline, sign: float) -> Outline | None:
    """Turn a cage's box so that its face lies where the CT falls from the cage's HU to the bone's."""
    offsets = np.arange(-_FACE_MM, _FACE_MM + 0.1, 0.2)
    inner = ndi.distance_transform_edt(side.section) * CELL_MM > _FACE_INSIDE_MM
    places = side.places_lps(side.face_mm + offsets)
    read = np.asarray(sampler_round(volume.hu, volume.grid, places.reshape(-1, 3), margin_mm=1.0).at(places))
    read = ndi.gaussian_filter(read, (1.0 / CELL_MM, 1.0 / CELL_MM, 0.0))
    over = read > (side.inside_hu + side.beyond_hu) / 2
    last = over.shape[2] - 1 - over[..., ::-1].argmax(axis=2)
    seen = inner & over.any(axis=2) & (last < over.shape[2] - 1)
    if np.count_nonzero(seen) < _FEWEST_BESIDE * _FEWEST_BESIDE:
        return None
    first, second = np.meshgrid(side.across_mm, side.across_mm, indexing="ij")
    plane = _plane(np.column_stack([first[seen], second[seen], side.face_mm + offsets[last[seen]]]))
    up = unit(side.axes_lps @ np.array([-plane[1], -plane[2], 1.0]))
    across = unit(side.axes_lps[:, 0] - (side.axes_lps[:, 0] @ up) * up)
    axes = np.vstack([sign * up, across, np.cross(sign * up, across)])
    half = np.array([plane[0] * (side.axes_lps[:, 2] @ up), *outline.half_mm[1:]])
    return replace(outline, axes=axes, half_mm=half)


def _side(
    volume: Volume,
    implant_id: str,
    outline: Outline,
    sign: float,
    spine: SpineBones,
    grid: Grid,
    config: CageInterfaceConfig,
) -> SunkenCage | None:
    up = sign * outline.axes[0]
    axes = np.column_stack([outline.axes[1], outline.axes[2], up])
    ring = _ring(outline, axes, sign, spine, config)
    if ring is None:
        return None
    bone, plane = ring
    face = float(outline.half_mm[0])
    depth = face - float(plane[0])
    if not config.least_sunk_mm <= depth <= config.most_sunk_mm:
        return None
    half = float(outline.half_mm[1:].max()) + _ROOM_MM
    across = np.arange(-half, half + CELL_MM / 2, CELL_MM)
    first, second = np.meshgrid(across, across, indexing="ij")
    endplate = plane[0] + plane[1] * first + plane[2] * second
    made = SunkenCage(
        implant_id, bone, depth, points_lps(outline.centre_lps), axes, face, across,
        np.zeros(first.shape, dtype=bool), endplate, 0.0, 0.0,
    )  # fmt: skip
    outlined = _outlined(volume, made, outline, Mask(grid, spine.labels > 0), config)
    return None if outlined is None else _seated(outlined, spine, sign, config)


def _seated(side: SunkenCage, spine: SpineBones, sign: float, config: CageInterfaceConfig) -> SunkenCage | None:
    """Fit the endplate anew, round the section: pins stand well inside of some cages."""
    body = next(b for b in spine.bodies if b.bone == side.bone)
    plate = body.lower if sign > 0 else body.upper
    assert plate is not None
    local = (plate.points_lps - side.centre_lps) @ side.axes_lps
    at = (local[:, :2] - side.across_mm[0]) / CELL_MM
    out = ndi.distance_transform_edt(~side.section) * CELL_MM
    away = ndi.map_coordinates(out, at.T, order=1, mode="nearest")
    round_it = local[(away > config.ring_mm[0]) & (away <= config.ring_mm[1])]
    if len(round_it) < _FEWEST_BESIDE:
        return side
    plane = _plane(round_it)
    first, second = np.meshgrid(side.across_mm, side.across_mm, indexing="ij")
    endplate = plane[0] + config.dish_mm + plane[1] * first + plane[2] * second
    depth = side.face_mm - float(endplate[side.section].mean())
    if not config.least_sunk_mm <= depth <= config.most_sunk_mm:
        return None
    return replace(side, depth_mm=depth, endplate_mm=endplate)


def _ring(
    outline: Outline, axes: Array, sign: float, spine: SpineBones, config: CageInterfaceConfig
) -> tuple[str, Array] | None:
    """Fit the endplate's plane round the cage: height over the cage's middle, and its slopes."""
    best: tuple[str, Array] | None = None
    near, far = config.ring_mm
    for body in spine.bodies:
        plate = body.lower if sign > 0 else body.upper
        if plate is None:
            continue
        local = (plate.points_lps - outline.centre_lps) @ axes
        out = np.max(np.abs(local[:, :2]) - outline.half_mm[1:], axis=1)
        round_it = local[(out > near) & (out <= far) & (np.abs(local[:, 2]) < 2.0 * outline.half_mm[0] + 4.0)]
        if len(round_it) < _FEWEST:
            continue
        plane = _plane(round_it)
        if best is None or abs(plane[0] - outline.half_mm[0]) < abs(best[1][0] - outline.half_mm[0]):
            best = body.bone, plane
    return best


def _plane(points: Array) -> Array:
    rows = np.column_stack([np.ones(len(points)), points[:, :2]])
    # the raster's places beside the cage are the bone's, those over it the cage's: the outer ones are kept
    kept = np.abs(points[:, 2] - np.median(points[:, 2])) < 2.0 * _OUTLIER_MM
    plane = np.zeros(3)
    for _ in range(3):
        plane = np.linalg.lstsq(rows[kept], points[kept, 2], rcond=None)[0]
        kept = np.abs(points[:, 2] - rows @ plane) < _OUTLIER_MM
    return np.asarray(plane)


def _outlined(
    volume: Volume, side: SunkenCage, outline: Outline, bone: Mask, config: CageInterfaceConfig
) -> SunkenCage | None:
    """Find the cage's section in the bone: brighter than that, and about its pins."""
    low = min(side.face_mm - side.depth_mm + _INTO_MM, side.face_mm - 2.0 * CELL_MM)
    heights = np.arange(low, max(side.face_mm - _INTO_MM, low + CELL_MM), CELL_MM)
    places = side.places_lps(heights)
    read = np.asarray(sampler_round(volume.hu, volume.grid, places.reshape(-1, 3), margin_mm=1.0).at(places))
    flat = ndi.gaussian_filter(np.median(read, axis=2), 0.6 / CELL_MM)
    across = side.across_mm
    out = np.maximum(np.abs(across)[:, None] - outline.half_mm[1], np.abs(across)[None, :] - outline.half_mm[2])
    core, round_it = out < -0.15 * outline.half_mm[1:].min(), (out > config.grown_mm) & (out < _ROOM_MM - 2.0)
    inside, beyond = float(np.median(flat[core])), float(np.median(flat[round_it]))
    if inside - beyond < 2.0 * config.least_dip_hu:
        return None
    bright = np.tanh((flat - (inside + beyond) / 2) * 2.0 / (inside - beyond))
    own = sampler_round(bone.voxels, bone.grid, places.reshape(-1, 3), margin_mm=1.0).at(places).mean(axis=2) > 0.5
    # neither the cage nor the rim of tissue about it is looked for outside of the bone
    section = _rectangle(np.stack([np.where(own, bright, -1.0), np.where(own, bright, 1.0)]), across, outline, config)
    return replace(side, section=section, inside_hu=inside, beyond_hu=beyond)


def _rectangle(bright: Array, across: Array, outline: Outline, config: CageInterfaceConfig) -> Cells:
    """Lay the rectangle that is brightest inside and darkest just outside over a section, from the pins' box on.

    Streaks cross a cage's edges; no single edge of it can be followed, four straight ones together can.
    """
    first, second = np.meshgrid(across, across, indexing="ij")
    half = outline.half_mm[1:] + _BESIDE_PINS_MM
    # middle, half sizes and turn
    best = np.array([0.0, 0.0, half[0], half[1], 0.0])
    most = outline.half_mm[1:] + config.grown_mm
    turns = np.radians([-30.0, -15.0, 0.0, 15.0, 30.0, 45.0])
    starts = [np.array([0.0, 0.0, *(half + more), turn]) for turn in turns for more in (0.0, 3.0)]
    score = -np.inf
    for start in starts:
        found, reached = _climbed(start, bright, first, second, float(most.max()))
        if reached > score:
            best, score = found, reached
    return np.asarray(_beyond_edge(best, first, second) <= 0.0)


def _climbed(start: Array, bright: Array, first: Array, second: Array, most: float) -> tuple[Array, float]:
    best, score = start, _score(start, bright, first, second)
    for scale in (2.0, 1.0, 0.5, 0.25):
        steps = scale * np.diag([1.0, 1.0, 1.0, 1.0, np.radians(6.0)])
        for _ in range(_ROUNDS):
            tried = [best + sign * step for step in steps for sign in (1.0, -1.0)]
            tried = [t for t in tried if _LEAST_HALF_MM <= t[2] <= most and _LEAST_HALF_MM <= t[3] <= most]
            scores = [_score(t, bright, first, second) for t in tried]
            if not scores or max(scores) <= score:
                break
            score = max(scores)
            best = tried[int(np.argmax(scores))]
    return best, score


def _score(box: Array, bright: Array, first: Array, second: Array) -> float:
    out = _beyond_edge(box, first, second)
    inner, rim = bright[0][out <= 0.0], bright[1][(out > 0.0) & (out <= _RIM_MM)]
    return float(inner.mean() - rim.mean()) if len(inner) and len(rim) else -np.inf


def _beyond_edge(box: Array, first: Array, second: Array) -> Array:
    """How far places lie outside of a rectangle; negative inside."""
    c, s = np.cos(box[4]), np.sin(box[4])
    a, b = first - box[0], second - box[1]
    return np.asarray(np.maximum(np.abs(c * a + s * b) - box[2], np.abs(c * b - s * a) - box[3]))
