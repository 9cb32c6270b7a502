"""What a needle passes, and how near."""

import math

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, point_tuple
from planner.model.anatomy import Anatomy
from planner.model.implant import Implant
from planner.model.needle import NearStructure
from planner.model.volume import Mask
from planner.safety.clearance import sample
from planner.safety.fields import BONE, Fields

_STEP_MM = 1.0
_SKIP = 8
"""Each so manieth point of a way is looked at first."""
_REACH_MM = 12.0
"""What is farther away is not told; ours."""
_AHEAD_MM = 40.0
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
        The path's corners from outside in, the target last, LPS mm.
    radius_mm : float
        The needle's.

    Returns
    -------
    tuple of NearStructure
        The nearest first, those within 12 mm; "far side of the bone" is how much bone lies ahead of the tip, on the
        needle's line, up to 40 mm. What was not outlined is not told.
    """
    points, depth = _along(path_lps)
    found = []
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
            found.append((name, *met))
    for implant in anatomy.implants:
        met = _from_implant(implant, points)
        if met is not None and met[0] <= _REACH_MM + radius_mm:
            found.append((implant.id, *met))
    told = [
        NearStructure(
            structure=name, distance_mm=distance - radius_mm, at_lps=point_tuple(points[k]), depth_mm=float(depth[k])
        )
        for name, distance, k in found
    ]
    ahead = _bone_ahead(fields, path_lps[-2], path_lps[-1])
    if ahead is not None:
        told.append(
            NearStructure(
                structure="far side of the bone", distance_mm=ahead, at_lps=point_tuple(path_lps[-1]), depth_mm=0.0
            )
        )
    return tuple(sorted(told, key=lambda near: near.distance_mm))


def _along(path: tuple[Array, ...]) -> tuple[Array, Array]:
    """Give points from the target outwards, each with its way from there."""
    pieces, ways, done = [], [], 0.0
    for inner, outer in zip(path[:0:-1], path[-2::-1], strict=True):
        length = float(np.linalg.norm(outer - inner))
        way = np.arange(0.0, length, _STEP_MM)
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


def _from_implant(implant: Implant, points: Array) -> tuple[float, int] | None:
    """Give the least distance from a screw's or a rod's straight pieces; None where its axis is not known."""
    axis = implant.axis
    if axis is None or axis.diameter_mm is None or implant.kind not in ("pedicle_screw", "cup_screw", "rod"):
        return None
    corners = np.array(implant.course_lps or (axis.head_lps, axis.tip_lps), dtype=np.float64)
    starts, along = corners[:-1], np.diff(corners, axis=0)
    length2 = np.maximum(np.einsum("sk,sk->s", along, along), 1e-12)
    from_start = points[:, None, :] - starts
    share = np.clip(np.einsum("psk,sk->ps", from_start, along) / length2, 0.0, 1.0)
    distance = np.linalg.norm(from_start - share[..., None] * along, axis=2).min(axis=1)
    # Beside a screw it is the same for some points but for rounding: the innermost counts.
    nearest = int(np.argmin(np.round(distance, 6)))
    return float(distance[nearest]) - axis.diameter_mm / 2, nearest


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
