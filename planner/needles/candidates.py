"""What every approach works with: the target's surroundings, and families of straight candidates."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.needle_config import NeedleConfig
from planner.config.spine_way_config import SPINE, SpineWayConfig
from planner.geometry.cells import cells_in
from planner.geometry.frames import Array, unit
from planner.geometry.rigid import perpendicular_pair
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.implant import Implant
from planner.model.needle import Approach, Family
from planner.needles.spine.pedicle import Pedicle, pedicles_for
from planner.safety.clearance import sample
from planner.safety.fields import METAL, Fields, depth_mm

WayKind = tuple[Family, str | None, float | None]
"""A family, and the bone and the side of the pedicle by which it goes; None away from pedicles."""


def way_kind(family: Family, pedicle: Pedicle | None) -> WayKind:
    """Tell ways of one family by different pedicles apart."""
    return (family, None, None) if pedicle is None else (family, pedicle.bone, pedicle.side)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Straight needles of one family.

    Parameters
    ----------
    approach, family : str
        What they are.
    aim_lps, target_lps : ndarray, shape (N, 3)
        End of the straight part, and of the whole; the same unless the needle slides on along a screw.
    outward_lps : ndarray, shape (N, 3)
        Unit vectors from the aim towards the operator.
    ideal_lps : ndarray, shape (3,)
        The direction from which the family would come if it could choose.
    slides : bool
        Whether the tip goes on from aim to target along the implant.
    pedicle : Pedicle or None
        By which pedicle they go; None away from the spine.
    """

    approach: Approach
    family: Family
    aim_lps: Array
    target_lps: Array
    outward_lps: Array
    ideal_lps: Array
    slides: bool = field(default=False, kw_only=True)
    pedicle: Pedicle | None = field(default=None, kw_only=True)

    @property
    def kind(self) -> "WayKind":
        """The family, and by which pedicle."""
        return way_kind(self.family, self.pedicle)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """One gap and what a needle to it must know.

    Parameters
    ----------
    gap : GapSpace
        The gap.
    implant : Implant or None
        Its implant.
    points_lps : ndarray, shape (N, 3)
        All its voxels, LPS mm.
    pedicle : Pedicle or None
        None away from the spine.
    other_pedicles : tuple of Pedicle
        Further ones by which it can be reached: the other side of a vertebra that no screw gives a side.
    """

    gap: GapSpace
    implant: Implant | None
    points_lps: Array
    pedicle: Pedicle | None
    other_pedicles: tuple[Pedicle, ...] = ()

    @property
    def pedicles(self) -> tuple[Pedicle, ...]:
        """All pedicles by which the target can be reached, the nearest first."""
        return () if self.pedicle is None else (self.pedicle, *self.other_pedicles)


def target_of(anatomy: Anatomy, gap: GapSpace, fields: Fields, *, spine: SpineWayConfig = SPINE) -> Target:
    """Gather what is known round a gap.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    gap : GapSpace
        The gap; not empty.
    fields : Fields
        Distances.
    spine : SpineWayConfig
        What is taken for a pedicle that was not measured.

    Returns
    -------
    Target
    """
    implant = anatomy.implant(gap.implant_id)
    points = np.asarray(anatomy.grid.to_lps(cells_in(gap.mask.voxels)))
    pedicles = pedicles_for(anatomy, implant, points, fields, config=spine)
    return Target(gap, implant, points, pedicles[0] if pedicles else None, pedicles[1:])


def targets_in_gap(
    anatomy: Anatomy, target: Target, fields: Fields, *, radius_mm: float, config: NeedleConfig
) -> Array:
    """Choose places for a needle's tip, spread evenly over a gap.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    target : Target
        The gap.
    fields : Fields
        Distances.
    radius_mm : float
        The needle's.
    config : NeedleConfig
        How many, and how well supported by their neighbours.

    Returns
    -------
    ndarray, shape (N, 3)
        LPS mm; none where no place of the gap has room for the needle beside the metal.
    """
    index = cells_in(target.gap.mask.voxels)
    low = np.maximum(index.min(axis=0) - 6, 0)
    high = np.minimum(index.max(axis=0) + 7, anatomy.grid.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    size = tuple(max(1, 2 * round(2.0 / s) + 1) for s in anatomy.grid.spacing_mm)
    filled = target.gap.mask.voxels[box] | anatomy.metal.voxels[box]
    at = tuple((index - low).T)
    support = ndimage.uniform_filter(filled.astype(np.float32), size)[at]
    from_wall = depth_mm(filled, anatomy.grid.spacing_mm)[at]
    room = sample(fields, target.points_lps, METAL) >= radius_mm + config.tip_metal_margin_mm
    room &= support >= config.target_support
    if not room.any():
        return np.empty((0, 3))
    # A narrow gap has no place far from its wall: there the deeper half must do.
    deep = min(config.wall_margin_mm, float(np.median(from_wall[room])))
    return spread(target.points_lps[room & (from_wall >= deep)], config.targets_per_gap)


def spread(points: Array, count: int) -> Array:
    """Pick points that lie far from each other (farthest-point sampling, from the one nearest to the mean).

    Parameters
    ----------
    points : ndarray, shape (N, 3)
        Positions.
    count : int
        How many to pick at most.

    Returns
    -------
    ndarray, shape (min(N, count), 3)
    """
    if len(points) <= count:
        return points
    picked = [int(np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    distance = np.linalg.norm(points - points[picked[0]], axis=1)
    while len(picked) < count:
        picked.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(points - points[picked[-1]], axis=1))
    return np.asarray(points[picked])


def cone(axis_lps: npt.ArrayLike, *, half_angle_deg: float, step_deg: float) -> Array:
    """Give directions that fill a cone evenly.

    Parameters
    ----------
    axis_lps : array_like, shape (3,)
        The cone's axis.
    half_angle_deg : float
        Half of its opening, up to 180.
    step_deg : float
        Spacing of the directions.

    Returns
    -------
    ndarray, shape (N, 3)
        Unit vectors on a Fibonacci spiral, the axis first.
    """
    axis = unit(axis_lps)
    first, second = perpendicular_pair(axis)
    cap = 1.0 - math.cos(math.radians(half_angle_deg))
    count = max(1, round(2.0 * math.pi * cap / math.radians(step_deg) ** 2))
    along = 1.0 - cap * np.arange(count) / max(1, count - 1)
    turn = np.arange(count) * math.pi * (3.0 - math.sqrt(5.0))
    across = np.sqrt(np.maximum(0.0, 1.0 - along**2))
    return np.asarray(
        along[:, None] * axis + (across * np.cos(turn))[:, None] * first + (across * np.sin(turn))[:, None] * second
    )


def every_pair(points: Array, directions: Array) -> tuple[Array, Array]:
    """Pair every point with every direction.

    Parameters
    ----------
    points, directions : ndarray, shapes (P, 3), (D, 3)
        What to pair.

    Returns
    -------
    points, directions : ndarray, shape (P * D, 3)
    """
    return np.repeat(points, len(directions), axis=0), np.tile(directions, (len(points), 1))


def from_behind(directions: Array, *, config: NeedleConfig) -> npt.NDArray[np.bool_]:
    """Say which directions a needle to the spine may come from.

    Parameters
    ----------
    directions : ndarray, shape (N, 3)
        Unit vectors towards the operator, LPS.
    config : NeedleConfig
        Greatest lateral angle and tilt.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    lateral = np.degrees(np.arctan2(np.abs(directions[:, 0]), directions[:, 1]))
    tilt = np.degrees(np.arcsin(np.clip(np.abs(directions[:, 2]), 0.0, 1.0)))
    return np.asarray((directions[:, 1] > 0) & (lateral <= config.max_lateral_deg) & (tilt <= config.max_tilt_deg))
