"""What every approach works with: the target's surroundings, and families of straight candidates."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import POSTERIOR, Array, unit
from planner.geometry.rigid import perpendicular_pair
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.implant import Implant
from planner.model.needle import Approach, Family
from planner.safety.clearance import sample
from planner.safety.fields import CANAL, METAL, Fields, canal_midline, depth_mm


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
    """

    approach: Approach
    family: Family
    aim_lps: Array
    target_lps: Array
    outward_lps: Array
    ideal_lps: Array
    slides: bool = field(default=False, kw_only=True)


@dataclass(frozen=True, slots=True, eq=False)
class Pedicle:
    """The narrowest place that a screw passes beside the canal.

    Parameters
    ----------
    isthmus_lps : ndarray, shape (3,)
        The point of the axis that lies nearest to the canal.
    outward_lps : ndarray, shape (3,)
        Unit vector out of the body along the axis; posterior where there is no axis.
    side : float
        +1 on the patient's left, -1 on the right of the canal.
    middle_lps : ndarray, shape (3,)
        The canal's centre at that height.
    """

    isthmus_lps: Array
    outward_lps: Array
    side: float
    middle_lps: Array


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
    """

    gap: GapSpace
    implant: Implant | None
    points_lps: Array
    pedicle: Pedicle | None


def target_of(anatomy: Anatomy, gap: GapSpace, fields: Fields) -> Target:
    """Gather what is known round a gap.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    gap : GapSpace
        The gap; not empty.
    fields : Fields
        Distances.

    Returns
    -------
    Target
    """
    implant = anatomy.implant(gap.implant_id)
    points = np.asarray(anatomy.grid.to_lps(np.argwhere(gap.mask.voxels)))
    return Target(gap, implant, points, _pedicle(anatomy, implant, points, fields))


def _pedicle(anatomy: Anatomy, implant: Implant | None, points: Array, fields: Fields) -> Pedicle | None:
    if anatomy.canal is None or not fields.canal_known:
        return None
    heights, middle, _ = canal_midline(anatomy.canal.voxels, anatomy.grid)
    if implant is not None and implant.axis is not None:
        head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
        line = head + np.linspace(0.0, 1.0, 41)[:, None] * (tip - head)
        outward = unit(head - tip)
    else:
        centre = points.mean(axis=0)
        line = centre + np.linspace(30.0, -10.0, 41)[:, None] * np.asarray(POSTERIOR)
        outward = np.asarray(POSTERIOR)
    distance = sample(fields, line, CANAL)
    isthmus = line[int(np.nanargmin(distance))] if np.isfinite(distance).any() else line[20]
    centre = np.array([np.interp(isthmus[2], heights, middle[:, k]) for k in range(3)])
    return Pedicle(isthmus, outward, 1.0 if isthmus[0] >= centre[0] else -1.0, centre)


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
    index = np.argwhere(target.gap.mask.voxels)
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
