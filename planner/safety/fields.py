"""Distance fields: how far every place is from metal, canal, forbidden tissue, the bone's surface and the skin."""

from dataclasses import dataclass
from functools import lru_cache

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.needle_config import NeedleConfig
from planner.geometry.cells import cells_in, quantile_of_groups
from planner.geometry.distance import distance_mm as from_middles_mm
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy
from planner.model.volume import Mask
from planner.safety.regions import voxels_in
from planner.safety.skin import without_streaks
from planner.segment.blocks import block_round

METAL, CANAL, FORBIDDEN, BONE, BODY = range(5)
"""Channels of the fields; METAL holds all hardware, cages of PEEK and cement too, where they were told."""
FAR_MM = 1000.0
"""Distance written where there is nothing to be distant from."""
_ROOM_MM = 6.0
"""More than any margin to a foramen or a disc and a needle's radius."""
NOT_SCANNED = 100.0
"""Written for the body where the scanner wrote nothing: neither body (1) nor air (-1), whatever lies between them."""
_THREADS = 2

_ROOM_VOXELS = 6
_EDGE_VOXELS = 2
"""Reach of interpolation at the edge of what was measured."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class BoxedDistance:
    """Distance from something, in a box round the target.

    Parameters
    ----------
    distance : ndarray of float32, shape (Z, Y, X)
        mm, below 0 inside; `FAR_MM` everywhere where there is no other bone.
    corner : tuple of int
        Index of the box's first voxel on the fields' grid.
    """

    distance: npt.NDArray[np.float32]
    corner: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class BoxedMask:
    """A structure, in a box round the target.

    Parameters
    ----------
    voxels : ndarray of bool, shape (Z, Y, X)
        Where it is.
    corner : tuple of int
        Index of the box's first voxel on the fields' grid.
    """

    voxels: Bools
    corner: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """Distances on a grid, side by side for quick look-up.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    channels : ndarray of float32, shape ``(*grid.shape, 5)``
        mm. Metal, canal, forbidden: distance from their surface, below 0 inside. Bone: depth inside, below 0 outside.
        Body: 1 inside, -1 outside, `NOT_SCANNED` where nobody knows. `FAR_MM` where a structure is absent or unknown.
    canal_known, body_known : bool
        Whether there were such masks.
    other_bone : BoxedDistance or None
        Distance from the bones that are not the target's own; None where bones were not told apart.
    foramen : BoxedDistance or None
        Distance from the nerves' foramina, in a box that reaches a little beyond them; None where none was outlined.
    disc : BoxedDistance or None
        The same of the discs; None also for a target that lies in one.
    own_bone : BoxedMask or None
        The target's own bones; None where bones were not told apart there.
    from_target : BoxedDistance or None
        Distance from the target's own voxels, in a box that reaches a little beyond its rim; None for no one target.
    """

    grid: Grid
    channels: npt.NDArray[np.float32]
    canal_known: bool
    body_known: bool
    other_bone: BoxedDistance | None = None
    from_target: BoxedDistance | None = None
    own_bone: BoxedMask | None = None
    foramen: BoxedDistance | None = None
    disc: BoxedDistance | None = None


def distance_mm(mask: Bools, spacing_mm: tuple[float, float, float]) -> npt.NDArray[np.float32]:
    """Give the distance of all outer voxels from a mask's surface.

    Parameters
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        The structure.
    spacing_mm : tuple of float
        Voxel spacing along the axes, mm.

    Returns
    -------
    ndarray of float32, shape (Z, Y, X)
        The surface is taken half way between the centres of an inner and an outer voxel, so inner voxels stand half a
        voxel below 0; the grid's edge is no surface. `FAR_MM` everywhere for an empty mask.
    """
    if not mask.any():
        return np.full(mask.shape, FAR_MM, np.float32)
    distance = from_middles_mm(mask, spacing_mm)
    # Centre-to-centre distances overshoot the surface by half a voxel; the geometric mean serves slanted surfaces.
    distance -= 0.5 * float(np.prod(spacing_mm)) ** (1 / 3)
    return distance


def depth_mm(mask: Bools, spacing_mm: tuple[float, float, float]) -> npt.NDArray[np.float32]:
    """Give the depth below a mask's surface, below 0 outside, as `distance_mm` measures it on either side.

    Parameters
    ----------
    mask : ndarray of bool, shape (Z, Y, X)
        The structure.
    spacing_mm : tuple of float
        Voxel spacing along the axes, mm.

    Returns
    -------
    ndarray of float32, shape (Z, Y, X)
    """
    return -_signed(mask, spacing_mm)


def distance_from_points(points_lps: Array, grid: Grid, *, reach_mm: float) -> BoxedDistance:
    """Give the distance from voxels, in a box that reaches a little farther than asked.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        Their centres, LPS mm; may be none.
    grid : Grid
        Where the voxels are.
    reach_mm : float
        How far from them distances matter.

    Returns
    -------
    BoxedDistance
        From the voxels' centres; an empty box for no voxels.
    """
    if not len(points_lps):
        return BoxedDistance(np.zeros((0, 0, 0), np.float32), (0, 0, 0))
    spacing = grid.spacing_mm
    index = np.rint(np.asarray(grid.to_index(points_lps))).astype(np.intp)
    room = np.array([int(np.ceil(reach_mm / s)) + 2 for s in spacing])
    corner = index.min(axis=0) - room
    if len(index) == 1:
        a, b, c = (int(n) for n in room)
        return BoxedDistance(_from_one((a, b, c), spacing), (int(corner[0]), int(corner[1]), int(corner[2])))
    free = np.ones(tuple(index.max(axis=0) + room + 1 - corner), bool)
    free[tuple((index - corner).T)] = False
    distance = np.asarray(edt.edt(free, anisotropy=spacing, parallel=_THREADS), np.float32)
    return BoxedDistance(distance, (int(corner[0]), int(corner[1]), int(corner[2])))


@lru_cache(maxsize=4)
def _from_one(room: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> npt.NDArray[np.float32]:
    """Give the distance from the middle voxel of a box that reaches `room` voxels to each side; the same anywhere."""
    free = np.ones([2 * n + 1 for n in room], bool)
    free[room] = False
    return np.asarray(edt.edt(free, anisotropy=spacing_mm, parallel=_THREADS), np.float32)


def depth_in_gap(points_lps: Array, gap: Mask, metal: Bools) -> BoxedDistance:
    """Give how deep places lie below the wall of a gap and the metal in it.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        The gap's voxels, LPS mm; at least one.
    gap : Mask
        The gap.
    metal : ndarray of bool, shape ``gap.grid.shape``
        Metal.

    Returns
    -------
    BoxedDistance
        mm from the centres of the nearest voxels outside, 0 there, in a box six voxels wider than the gap.
    """
    index = np.rint(np.asarray(gap.grid.to_index(points_lps))).astype(int)
    low = np.maximum(index.min(axis=0) - _ROOM_VOXELS, 0)
    high = np.minimum(index.max(axis=0) + _ROOM_VOXELS + 1, gap.grid.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    depth = edt.edt(gap.voxels[box] | metal[box], anisotropy=gap.grid.spacing_mm, black_border=False, parallel=1)
    return BoxedDistance(np.asarray(depth, np.float32), (int(low[0]), int(low[1]), int(low[2])))


def distance_fields(anatomy: Anatomy, *, config: NeedleConfig) -> Fields:
    """Measure all distances that a needle is judged by.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    config : NeedleConfig
        Names gas, and how far before the canal soft tissue is out of bounds.

    Returns
    -------
    Fields
    """
    grid = anatomy.grid
    spacing = grid.spacing_mm
    barred = out_of_bounds(anatomy, config=config)  # before there are channels: it takes room of its own
    channels = np.full((*grid.shape, 5), FAR_MM, dtype=np.float32)
    channels[..., METAL] = _signed(_hardware(anatomy), spacing)
    if anatomy.canal is not None:
        channels[..., CANAL] = _signed(anatomy.canal.voxels, spacing)
    channels[..., FORBIDDEN] = distance_mm(barred, spacing)
    np.negative(_signed(anatomy.bone.voxels, spacing), out=channels[..., BONE])
    if anatomy.body is not None:
        # Only the sign is used for the skin; where the scanner wrote nothing the skin is not known to be passed.
        body = without_streaks(anatomy.body.voxels, anatomy.metal.voxels, grid)
        channels[..., BODY] = -1.0
        np.copyto(channels[..., BODY], np.float32(1.0), where=body)
        channels[_unknown(anatomy), BODY] = NOT_SCANNED
    channels.setflags(write=False)
    return Fields(
        grid,
        channels,
        _known(anatomy.canal),
        anatomy.body is not None,
        foramen=_boxed(anatomy.foramen),
        disc=_boxed(anatomy.disc),
    )


def _boxed(mask: Mask | None) -> BoxedDistance | None:
    if mask is None or not mask.voxels.any():
        return None
    spacing = mask.grid.spacing_mm
    index = np.argwhere(mask.voxels)
    room = np.array([int(np.ceil(_ROOM_MM / s)) for s in spacing])
    low = np.maximum(index.min(axis=0) - room, 0)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, index.max(axis=0) + room + 1, strict=True))
    distance = distance_mm(mask.voxels[box], spacing)
    return BoxedDistance(distance, (int(low[0]), int(low[1]), int(low[2])))


def _signed(mask: Bools, spacing_mm: tuple[float, float, float]) -> npt.NDArray[np.float32]:
    """Give distances from a structure, and within it how deep: a needle through its middle is no graze."""
    out = distance_mm(mask, spacing_mm)
    box = block_round(mask, 1)
    if box is not None:
        inside = mask[box]
        np.negative(distance_mm(~inside, spacing_mm), out=out[box], where=inside)
    return out


def _hardware(anatomy: Anatomy) -> Bools:
    return (anatomy.metal if anatomy.hardware is None else anatomy.hardware).voxels


def _unknown(anatomy: Anatomy) -> Bools:
    """Give what was not measured, and the voxels beside it and at the picture's edge: half read, they look like air."""
    shape = anatomy.grid.shape
    unknown = np.ones(shape, bool)
    unknown[_EDGE_VOXELS:-_EDGE_VOXELS, _EDGE_VOXELS:-_EDGE_VOXELS, _EDGE_VOXELS:-_EDGE_VOXELS] = False
    if anatomy.ct.padding is not None and anatomy.ct.padding.any():
        unknown |= ndimage.binary_dilation(anatomy.ct.padding, iterations=_EDGE_VOXELS)
    return unknown


def _known(mask: object) -> bool:
    voxels = getattr(mask, "voxels", None)
    return voxels is not None and bool(voxels.any())


def out_of_bounds(anatomy: Anatomy, *, config: NeedleConfig) -> Bools:
    """Give all that no needle may cross: what anatomy or a person forbids, gas in the body, the spine's front.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    config : NeedleConfig
        Names gas, and how far before the canal soft tissue is out of bounds.

    Returns
    -------
    ndarray of bool, shape ``anatomy.grid.shape``
    """
    bone = anatomy.bone.voxels
    bad = np.zeros(anatomy.grid.shape, bool)
    if anatomy.forbidden is not None:
        bad |= anatomy.forbidden.voxels
    if anatomy.body is not None:
        gas = np.less(anatomy.ct.hu, config.gas_hu) & anatomy.body.voxels & ~bone
        if anatomy.ct.padding is not None:
            gas &= ~anatomy.ct.padding
        # A lone dark voxel is noise or a streak; a hole in the lung's mask is a vessel.
        box = block_round(gas, 2)
        if box is not None:
            bad[box] |= _mostly(gas[box])
    if anatomy.canal is not None and anatomy.canal.voxels.any():
        bad |= before_spine(anatomy.canal.voxels, anatomy.grid, front_limit_mm=config.front_limit_mm) & ~bone
    if config.wishes.keep_out:
        bad |= voxels_in(config.wishes.keep_out, anatomy.grid)
    return bad


def _mostly(mask: Bools) -> Bools:
    """Say where a mask holds most of the 27 voxels round each; beyond the border its outermost voxels go on."""
    count = mask.astype(np.uint8)
    for axis in range(3):
        line = np.moveaxis(count, axis, 0)
        more = line.copy()
        more[1:] += line[:-1]
        more[:1] += line[:1]
        more[:-1] += line[1:]
        more[-1:] += line[-1:]
        count = np.moveaxis(more, 0, axis)
    return np.asarray(count > 13)


def canal_midline(canal: Bools, grid: Grid) -> tuple[Array, Array, Array]:
    """Give the canal's middle and its front edge at each height.

    Parameters
    ----------
    canal : ndarray of bool, shape ``grid.shape``
        The spinal canal, not empty.
    grid : Grid
        Where the voxels are.

    Returns
    -------
    heights_mm, middle_lps, front_mm : ndarray, shapes (H,), (H, 3), (H,)
        LPS z each 2 mm, the canal's centroid there, and the LPS y of its front (5th percentile).
    """
    points = np.asarray(grid.to_lps(cells_in(canal)))
    bins = np.floor(points[:, 2] / 2.0).astype(int)
    order = np.argsort(bins, kind="stable")
    groups = np.split(points[order], np.flatnonzero(np.diff(bins[order])) + 1)
    middle = np.array([g.mean(axis=0) for g in groups])
    front = quantile_of_groups(points[:, 1], bins, 0.05)
    return middle[:, 2].copy(), middle, front


def before_spine(canal: Bools, grid: Grid, *, front_limit_mm: float) -> Bools:
    """Give all that lies further to the front than the canal's front wall.

    Parameters
    ----------
    canal : ndarray of bool, shape ``grid.shape``
        The spinal canal, not empty.
    grid : Grid
        Where the voxels are.
    front_limit_mm : float
        How far before the canal's front edge it begins.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
        Above and below the canal's ends its last known front is used.
    """
    heights, _, front = canal_midline(canal, grid)
    matrix = grid.lps_from_index
    axes = [np.arange(n, dtype=np.float64) for n in grid.shape]
    y = _affine(matrix[1], axes)
    z = _affine(matrix[2], axes)
    table = np.arange(np.floor(z.min()), np.ceil(z.max()) + 2)
    limits = np.interp(table, heights, front) - front_limit_mm
    return np.asarray(y < limits[np.round(z - table[0]).astype(np.int32)])


def _affine(row: Array, axes: list[Array]) -> Array:
    """Evaluate one row of an affine on a grid; stays flat along axes that do not matter."""
    a, b, c = (w * x if abs(w) > 1e-9 else np.zeros(1) for w, x in zip(row[:3], axes, strict=True))
    return np.asarray(row[3] + a[:, None, None] + b[None, :, None] + c[None, None, :])
