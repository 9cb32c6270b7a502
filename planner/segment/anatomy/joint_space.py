"""The hip joint, as implants or a natural head show it: centre, socket, neck, and the space that they leave."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.hip_bone_config import HipBoneConfig
from planner.geometry.frames import Array, PointsLps, points_lps, unit
from planner.geometry.grid import Grid
from planner.model.implant import HIP_KINDS, Implant, Side
from planner.segment.region import hips_of
from planner.segment.upright import Bools, Floats

DEFAULT = HipBoneConfig()
Where = tuple[slice, slice, slice] | tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], npt.NDArray[np.intp]]
_EVERYWHERE = (slice(None), slice(None), slice(None))
_NATURAL_OPENING = (0.74, -0.18, -0.64)
"""Out of a natural socket or a usual cup (lateral, posterior, superior): 40 degrees of inclination and 15 of
anteversion, the middle of Lewinnek's range (as quoted in doi 10.1007/s11999-015-4432-5)."""
_NECK_BELOW = 0.84
"""The neck's axis meets the shaft's so much of the offset below the head's foot on it: a neck-shaft angle of 130
degrees."""


@dataclass(frozen=True, slots=True, eq=False)
class HipJoint:
    """One hip joint.

    Parameters
    ----------
    side : {"left", "right"}
        The patient's side.
    head_lps : PointsLps, shape (3,)
        Centre of the head.
    head_radius_mm : float
        Its radius.
    socket_lps : PointsLps, shape (3,)
        Centre of the cup, or of the natural socket: the head's.
    socket_radius_mm : float
        To the outside of the cup; of a natural hip, to the bone of the socket.
    opening_lps : PointsLps, shape (3,)
        Unit vector out of the socket's mouth.
    axis_lps : tuple of two PointsLps or None
        Upper and lower end of the stem, nail or shaft.
    is_natural : bool
        The head is bone.
    """

    side: Side
    head_lps: PointsLps
    head_radius_mm: float
    socket_lps: PointsLps
    socket_radius_mm: float
    opening_lps: PointsLps
    axis_lps: tuple[PointsLps, PointsLps] | None
    is_natural: bool

    @property
    def outwards(self) -> float:
        """Sign of x to the patient's outside."""
        return 1.0 if self.side == "left" else -1.0

    @property
    def down_lps(self) -> Array:
        """Unit vector down the shaft; straight down where no axis is known."""
        if self.axis_lps is None:
            return np.array([0.0, 0.0, -1.0])
        return unit(self.axis_lps[1] - self.axis_lps[0])

    @property
    def neck_base_lps(self) -> PointsLps | None:
        """Where the neck's axis meets the shaft's; None where no shaft is known."""
        if self.axis_lps is None:
            return None
        top, down = np.asarray(self.axis_lps[0]), self.down_lps
        foot = top + down * float((self.head_lps - top) @ down)
        offset = float(np.linalg.norm(self.head_lps - foot))
        return points_lps(foot + down * offset * _NECK_BELOW)

    @property
    def neck_lps(self) -> Array:
        """Unit vector along the neck, from the shaft to the head; against the socket's opening without a shaft."""
        base = self.neck_base_lps
        away = None if base is None else np.asarray(self.head_lps - base)
        return -np.asarray(self.opening_lps) if away is None or np.linalg.norm(away) < 1.0 else unit(away)


def natural_opening_lps(side: Side) -> PointsLps:
    """Give the usual direction out of a socket.

    Parameters
    ----------
    side : {"left", "right"}
        The patient's side.

    Returns
    -------
    PointsLps, shape (3,)
        A unit vector.
    """
    x, y, z = _NATURAL_OPENING
    return points_lps(unit([x if side == "left" else -x, y, z]))


def joints_of(implants: tuple[Implant, ...], *, config: HipBoneConfig = DEFAULT) -> tuple[HipJoint, ...]:
    """Tell the replaced joints from their implants' records.

    Parameters
    ----------
    implants : tuple of Implant
        All implants.
    config : HipBoneConfig
        Sizes that are taken where one part was not found.

    Returns
    -------
    tuple of HipJoint
        Those with a head or a cup and a known side, from the patient's right to the left. A nail alone shows no joint.
    """
    out = []
    for hip in hips_of(implants):
        near = [i for i in implants if i.kind in HIP_KINDS and hip.side is not None and i.side == hip.side and i.sphere]
        head = next((i.sphere for i in near if i.kind == "femoral_head"), None)
        cup = next((i.sphere for i in near if i.kind == "acetabular_cup"), None)
        ball = head or cup
        if hip.side is None or ball is None:
            continue
        socket = cup or ball
        centre, radius = points_lps(socket.centre_lps), socket.diameter_mm / 2.0
        opening = None if cup is None else cup.opening_lps
        out.append(
            HipJoint(
                side=hip.side,
                head_lps=points_lps(ball.centre_lps),
                head_radius_mm=(head.diameter_mm / 2.0) if head else max(radius - config.liner_and_shell_mm, 11.0),
                socket_lps=centre,
                socket_radius_mm=radius if cup else radius + config.liner_and_shell_mm,
                opening_lps=natural_opening_lps(hip.side) if opening is None else points_lps(unit(opening)),
                axis_lps=hip.axis_lps,
                is_natural=False,
            )
        )
    return tuple(out)


def offsets_from(point_lps: PointsLps, grid: Grid, at: Where = _EVERYWHERE) -> tuple[Floats, Floats, Floats]:
    """Give voxels' way from a point, one axis at a time.

    Parameters
    ----------
    point_lps : PointsLps, shape (3,)
        The point.
    grid : Grid
        An upright grid.
    at : tuple of slice, or tuple of ndarray of int, shape (N,)
        Which voxels: a block, or each one's slice, row and column.

    Returns
    -------
    tuple of ndarray
        x (to the left), y (to behind), z (upwards), mm: of a block to be broadcast, of shapes (1, 1, C), (1, R, 1) and
        (S, 1, 1); of single voxels of shape (N,).
    """
    origin, edge = grid.lps_from_index[:3, 3], grid.spacing_mm
    z, y, x = (
        (origin[2 - k] + edge[k] * np.arange(grid.shape[k]) - point_lps[2 - k]).astype(np.float32)[at[k]]
        for k in range(3)
    )
    if isinstance(at[0], slice):
        return x[None, None, :], y[None, :, None], z[:, None, None]
    return x, y, z


def squared_from(point_lps: PointsLps, grid: Grid, at: Where = _EVERYWHERE) -> Floats:
    """Give voxels' squared distance to a point, mm2, shape of the block, or (N,); see `offsets_from`."""
    x, y, z = offsets_from(point_lps, grid, at)
    return np.asarray(x * x + y * y + z * z, dtype=np.float32)


def along(point_lps: PointsLps, direction_lps: Array, grid: Grid, at: Where = _EVERYWHERE) -> Floats:
    """Give how far voxels lie beyond a point along a direction, mm, shape of the block, or (N,); see `offsets_from`."""
    x, y, z = offsets_from(point_lps, grid, at)
    a, b, c = (np.float32(v) for v in direction_lps)
    return np.asarray(a * x + b * y + c * z, dtype=np.float32)


def ball(point_lps: PointsLps, radius_mm: float, grid: Grid) -> Bools:
    """Give the voxels that lie no farther from a point than a radius, shape ``grid.shape``."""
    out = np.zeros(grid.shape, dtype=bool)
    block = _box(point_lps, np.zeros(3), radius_mm, grid)
    out[block] = squared_from(point_lps, grid, block) <= radius_mm**2
    return out


def _box(point_lps: PointsLps, way_mm: Array, reach_mm: float, grid: Grid) -> tuple[slice, slice, slice]:
    """Give a block that holds all that lies so near to a line from a point."""
    low, high = np.minimum(way_mm, 0.0) - reach_mm, np.maximum(way_mm, 0.0) + reach_mm
    sides = (side.ravel() for side in offsets_from(point_lps, grid))
    # a millimetre more than the rounding of a position can take
    found = [np.flatnonzero((v >= a - 1.0) & (v <= b + 1.0)) for v, a, b in zip(sides, low, high, strict=True)]
    x, y, z = (slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0) for at in found)
    return z, y, x


def behind_mouth(joint: HipJoint, grid: Grid) -> Bools:
    """Give the ball of the cup behind its mouth: what the bone was reamed for.

    Parameters
    ----------
    joint : HipJoint
        The joint.
    grid : Grid
        An upright grid.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
    """
    out = ball(joint.socket_lps, joint.socket_radius_mm, grid)
    block = _box(joint.socket_lps, np.zeros(3), joint.socket_radius_mm, grid)
    out[block] &= along(joint.socket_lps, np.asarray(joint.opening_lps), grid, block) <= 0
    return out


def joint_space(joint: HipJoint, grid: Grid, *, solid: Bools, config: HipBoneConfig = DEFAULT) -> Bools:
    """Give the space within the joint's capsule.

    Parameters
    ----------
    joint : HipJoint
        The joint.
    grid : Grid
        An upright grid.
    solid : ndarray of bool, shape ``grid.shape``
        Bone and metal.
    config : HipBoneConfig
        How far the capsule stands off.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
        A ball round the joint in front of the socket and, where the shaft is known, a cone down to the neck's base: the
        capsule runs from the socket's rim to the root of the neck. Bone and metal are taken out.
    """
    room = joint.head_radius_mm + config.capsule_off_mm if joint.is_natural else joint.socket_radius_mm
    space = ball(joint.head_lps, room, grid)
    base = joint.neck_base_lps
    if base is not None:
        length = float(np.linalg.norm(joint.head_lps - base))
        down = -np.asarray(joint.neck_lps) * length
        block = _box(joint.head_lps, down * config.capsule_share, max(room, config.capsule_root_mm), grid)
        share = along(joint.head_lps, -joint.neck_lps, grid, block) / max(length, 1.0)
        share = np.clip(share, 0.0, config.capsule_share)
        x, y, z = offsets_from(joint.head_lps, grid, block)
        a, b, c = (np.float32(v) for v in down)
        wide = room + (config.capsule_root_mm - room) * share
        space[block] |= (x - a * share) ** 2 + (y - b * share) ** 2 + (z - c * share) ** 2 <= wide**2
    if not joint.is_natural:
        space &= ~behind_mouth(joint, grid)
    return np.asarray(space & ~solid)
