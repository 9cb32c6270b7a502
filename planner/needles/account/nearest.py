"""What a needle passes, and how near."""

import math
from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, point_tuple, unit
from planner.model.anatomy import Anatomy
from planner.model.implant import Implant
from planner.model.needle import NearStructure
from planner.model.volume import Mask
from planner.safety.clearance import sample, sample_channels
from planner.safety.fields import BONE, CANAL, FORBIDDEN, METAL, Fields
from planner.safety.march import FINE_STEP_MM

_STEP_MM = 1.0
_SKIP = 8
"""Each so manieth point of a way is looked at first."""
_REACH_MM = 12.0
"""What is farther away is not told; ours."""
_AHEAD_MM = 40.0
HARDWARE = "implant or cement"
_TULIP_MM = 12.0
"""Height of a screw's tulip beyond its shaft; ours."""
_STANDS_OUT_MM = 4.0
"""So far metal may stand out from a screw's or a rod's straight pieces: a tulip is so much wider than its shaft, and
metal blooms. What stands out farther is another's. Ours."""
_OUTSIDE_MM = 60.0
"""So much of the way before the bone is looked at: beyond it lies the trunk's wall; ours."""


def near_structures(
    anatomy: Anatomy, fields: Fields, path_lps: tuple[Array, ...], *, radius_mm: float
) -> tuple[NearStructure, ...]:
    """Measure a needle's distances from what has a name.

    Parameters
    ----------
    anatomy : Anatomy
        Masks and implants.
    fields : Fields
        Distances, of the bone's surface among them.
    path_lps : tuple of ndarray, shape (3,)
        The path's corners from outside in, the target last, LPS mm; what lies outside the picture is left out.
    radius_mm : float
        The needle's.

    Returns
    -------
    tuple of NearStructure
        The nearest first, those within 12 mm; "far side of the bone" is how much bone lies ahead of the tip, on the
        needle's line, up to 40 mm. What was not outlined is not told. Hardware, the canal and what is out of bounds are
        measured in the fields that the needle's clearances come from, so that no structure is told nearer than these.
        Hardware that is no known screw's or rod's is "implant or cement".
    """
    points, depth = _along(path_lps, _STEP_MM)
    in_view = ~np.isnan(sample(fields, points, METAL))
    points, depth = points[in_view], depth[in_view]
    found: list[tuple[str, float, Array, float]] = []
    masks = {
        "spinal canal": anatomy.canal,
        "intervertebral foramen": anatomy.foramen,
        "disc": anatomy.disc,
        "joint": anatomy.joint,
        "lung, bowel or vessel": anatomy.forbidden,
    }
    for name, mask in masks.items():
        met = None if mask is None else _from_mask(mask, points)
        if met is not None:
            found.append((name, met[0], points[met[1]], depth[met[1]]))
    fine, ways = _along(path_lps, FINE_STEP_MM)
    metal, canal, forbidden = sample_channels(fields, fine, (METAL, CANAL, FORBIDDEN))
    least = {"spinal canal": canal, "lung, bowel or vessel": forbidden}
    # the fields hold these structures and more
    found = [(name, max(mm, _least(least[name])) if name in least else mm, at, way) for name, mm, at, way in found]
    for name, distances in _from_hardware(anatomy.implants, fine, metal).items():
        k = int(np.argmin(np.round(distances, 1)))  # of places that are alike the innermost
        if distances.min() <= _REACH_MM + radius_mm:
            found.append((name, float(distances.min()), fine[k], ways[k]))
    told = [
        NearStructure(structure=name, distance_mm=mm - radius_mm, at_lps=point_tuple(at), depth_mm=float(way))
        for name, mm, at, way in found
    ]
    ahead = _bone_ahead(fields, path_lps[-2], path_lps[-1])
    if ahead is not None:
        told.append(
            NearStructure(
                structure="far side of the bone", distance_mm=ahead, at_lps=point_tuple(path_lps[-1]), depth_mm=0.0
            )
        )
    return tuple(sorted(told, key=lambda near: near.distance_mm))


def _least(distances: Array) -> float:
    """Give the least distance; none outside the picture."""
    return float(np.nanmin(distances, initial=np.inf))


def _along(path: tuple[Array, ...], step_mm: float) -> tuple[Array, Array]:
    """Give points from the target outwards, each with its way from there."""
    pieces, ways, done = [], [], 0.0
    for inner, outer in zip(path[:0:-1], path[-2::-1], strict=True):
        length = float(np.linalg.norm(outer - inner))
        way = np.arange(0.0, length, step_mm)
        pieces.append(inner + way[:, None] * (outer - inner) / max(length, 1e-6))
        ways.append(done + way)
        done += length
    points, depth = np.concatenate(pieces), np.concatenate(ways)
    return points[depth <= _OUTSIDE_MM + _AHEAD_MM], depth[depth <= _OUTSIDE_MM + _AHEAD_MM]


def _from_mask(mask: Mask, points: Array) -> tuple[float, int] | None:
    """Give the least distance from a mask's surface, and at which point; None where none is near."""
    grid = mask.grid
    room = np.array([int(np.ceil(_REACH_MM / s)) for s in grid.spacing_mm])
    cell = np.rint(np.asarray(grid.to_index(points))).astype(int)
    low = np.clip(cell.min(axis=0) - room, 0, grid.shape)
    high = np.clip(cell.max(axis=0) + room + 1, 0, grid.shape)
    voxels = mask.voxels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    # Index coordinates of the box, and a matrix that turns their differences into mm.
    start = np.ascontiguousarray(np.asarray(grid.to_index(points)) - low)
    squared, at = _nearest(voxels, start, np.ascontiguousarray(grid.lps_from_index[:3, :3]), _REACH_MM)
    if at < 0:
        return None
    # Voxel centres lie half a voxel within the surface, as `fields.distance_mm` has it.
    return float(np.sqrt(squared)) - 0.5 * grid.voxel_volume_mm3 ** (1 / 3), int(at)


@numba.njit(cache=True)
def _nearest(voxels: npt.NDArray[np.bool_], points: Array, matrix: Array, reach_mm: float) -> tuple[float, int]:
    """Find the point nearest to any voxel; -1 where none lies within reach.

    Points follow each other by a step and less: what lies far from each eighth of them lies far from all.
    """
    most = reach_mm
    best, at = most * most, -1
    for i in range(voxels.shape[0]):
        for j in range(voxels.shape[1]):
            for k in range(voxels.shape[2]):
                if not voxels[i, j, k]:
                    continue
                near = (most + _SKIP * _STEP_MM) ** 2
                for n in range(0, len(points), _SKIP):
                    if _squared(points[n], i, j, k, matrix) <= near:
                        for m in range(n, min(n + _SKIP, len(points))):
                            squared = _squared(points[m], i, j, k, matrix)
                            if squared < best:
                                best, at, most = squared, m, math.sqrt(squared)
    return best, at


@numba.njit(cache=True)
def _squared(point: Array, i: int, j: int, k: int, matrix: Array) -> float:
    a, b, c = i - point[0], j - point[1], k - point[2]
    x = matrix[0, 0] * a + matrix[0, 1] * b + matrix[0, 2] * c
    y = matrix[1, 0] * a + matrix[1, 1] * b + matrix[1, 2] * c
    z = matrix[2, 0] * a + matrix[2, 1] * b + matrix[2, 2] * c
    return float(x * x + y * y + z * z)


def _from_hardware(implants: Sequence[Implant], points: Array, free_mm: Array) -> dict[str, Array]:
    """Give the distances of points from each implant, by its id, and from hardware that is none of these.

    The hardware's own distance counts, for it is what needles are kept from; whose it is the implants' straight pieces
    tell. An implant that is not the nearest one lies no nearer than the hardware does.
    """
    free = np.where(np.isnan(free_mm), np.inf, free_mm)
    apart = {i.id: far for i in implants if (far := _from_pieces(i, points)) is not None}
    pieces = np.array(list(apart.values())).reshape(len(apart), len(points))
    owner = np.full(len(points), -1)
    if len(apart):
        owner = np.where(pieces.min(axis=0) - free <= _STANDS_OUT_MM, pieces.argmin(axis=0), -1)
    told = {name: np.where(owner == n, free, np.maximum(far, free)) for n, (name, far) in enumerate(apart.items())}
    return {**told, HARDWARE: np.where(owner < 0, free, np.inf)}


def _from_pieces(implant: Implant, points: Array) -> Array | None:
    """Give the distances from a screw's or a rod's straight pieces; None where its axis is not known."""
    axis = implant.axis
    if axis is None or axis.diameter_mm is None or implant.kind not in ("pedicle_screw", "cup_screw", "rod"):
        return None
    corners = np.array(implant.course_lps or (axis.head_lps, axis.tip_lps), dtype=np.float64)
    if implant.kind == "pedicle_screw":
        corners[0] += _TULIP_MM * unit(corners[0] - corners[-1])
    starts, along = corners[:-1], np.diff(corners, axis=0)
    length2 = np.maximum(np.einsum("sk,sk->s", along, along), 1e-12)
    from_start = points[:, None, :] - starts
    share = np.clip(np.einsum("psk,sk->ps", from_start, along) / length2, 0.0, 1.0)
    distance = np.linalg.norm(from_start - share[..., None] * along, axis=2).min(axis=1)
    return np.asarray(distance - axis.diameter_mm / 2)


def _bone_ahead(fields: Fields, before: Array, end: Array) -> float | None:
    """Give how much bone lies ahead of the tip; None where it goes on beyond 40 mm or beyond the picture."""
    length = float(np.linalg.norm(end - before))
    if length < 1e-6:
        return None
    way = np.arange(0.0, _AHEAD_MM, 0.25)
    depth = sample(fields, end + way[:, None] * (end - before) / length, BONE)
    out = np.flatnonzero(depth < 0.0)
    if not len(out) or np.isnan(depth[: out[0]]).any():
        return None
    return float(way[out[0]])
