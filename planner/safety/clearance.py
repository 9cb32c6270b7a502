"""Straight needles, checked by the ten thousand as cylinders against the distance fields."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.safety.fields import BODY, BONE, FAR_MM, Fields
from planner.safety.march import FINE_STEP_MM, check_all, least_all, sample_all

REASONS = (
    "passed",
    "metal",
    "canal",
    "forbidden",
    "target outside bone",
    "second bone",
    "grazes bone",
    "too long",
    "no way out of the bone",
    "another bone",
)
"""What each code of `Checked.reason` means."""
PASSED, HITS_METAL, HITS_CANAL, HITS_FORBIDDEN, NOT_IN_BONE = range(5)
SECOND_BONE, GRAZES, TOO_LONG, NO_EXIT, OTHER_BONE = range(5, 10)
_LONG_STEP_MM = 3.0
_FROM_SKIN_MM, _BEYOND_SKIN_MM = 3.0, 80.0
"""Where body is looked for behind a skin point: beyond the surface's own roughness, and as deep as a back's fat. Ours:
on a tuning case dark streaks made holes in the body 36 mm beneath its skin."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits of one kind of needle, mm.

    Parameters
    ----------
    radius_mm, length_mm : float
        The needle's.
    metal_mm, tip_metal_mm : float
        Free space to metal along the shaft, and at the tip; between them it grows by 0.1 mm a mm.
    canal_mm, forbidden_mm, bone_mm : float
        Free space to the canal, to forbidden tissue, and to bone that is passed outside.
    inside_mm : float
        Depth of the axis below the bone's surface once the needle is in.
    graze_mm : float
        Longest run within the bone's surface layer.
    beyond_mm : float
        Length of needle that goes on beyond the straight part's end (a slide along a screw).
    other_bone_mm : float
        Free space to bones that are not the target's own, where these are told.
    """

    radius_mm: float
    length_mm: float
    metal_mm: float
    tip_metal_mm: float
    canal_mm: float
    forbidden_mm: float
    bone_mm: float
    inside_mm: float
    graze_mm: float
    beyond_mm: float = 0.0
    other_bone_mm: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """What came of N straight candidates.

    Parameters
    ----------
    reason : ndarray of uint8, shape (N,)
        Index into `REASONS`; 0 is passed.
    to_bone_mm, to_skin_mm : ndarray, shape (N,)
        Way from the inner end to the bone's surface and to the skin; NaN where not reached or not in the picture. So is
        the skin where farther out on the needle's line body comes again: a hole or a fold, nobody knows which.
    in_view_mm : ndarray, shape (N,)
        Way from the inner end to the skin or the picture's edge.
    metal_mm, canal_mm, forbidden_mm, other_bone_mm : ndarray, shape (N,)
        Least distance of the needle's surface from each; exact only where ``fine`` was asked for. Other bone: NaN where
        bones were not told apart.
    slack_mm : ndarray, shape (N,)
        By how much the needle keeps, or below 0 breaks, the tightest of these four limits; of refused ones up to where
        the check ended.
    """

    reason: npt.NDArray[np.uint8]
    to_bone_mm: Array
    to_skin_mm: Array
    in_view_mm: Array
    metal_mm: Array
    canal_mm: Array
    forbidden_mm: Array
    other_bone_mm: Array
    slack_mm: Array

    def counts(self) -> dict[str, int]:
        """Give the number of refused candidates by reason, those with none left out."""
        number = np.bincount(self.reason, minlength=len(REASONS))
        return {name: int(n) for name, n in zip(REASONS[1:], number[1:], strict=True) if n}


def check_straight(
    fields: Fields,
    inner_lps: npt.ArrayLike,
    outward_lps: npt.ArrayLike,
    *,
    limits: Limits,
    fine: bool = False,
    tolerance_mm: float = 0.0,
) -> Checked:
    """Check straight needles from their inner end out to the skin.

    Parameters
    ----------
    fields : Fields
        Distances to all that matters.
    inner_lps : array_like, shape (N, 3)
        Inner ends, LPS mm.
    outward_lps : array_like, shape (N, 3)
        Unit vectors from the inner end towards the operator.
    limits : Limits
        Hard limits.
    fine : bool
        Sample every quarter millimetre for exact clearances, instead of stepping by the free distance.
    tolerance_mm : float
        Needles that break a distance's limit by no more are followed to their end, so that `slack_mm` says how near
        they come to passing. They are refused all the same.

    Returns
    -------
    Checked
    """
    inner = np.ascontiguousarray(inner_lps, dtype=np.float64).reshape(-1, 3)
    outward = np.ascontiguousarray(outward_lps, dtype=np.float64).reshape(-1, 3)
    start, step = _on_grid(fields, inner, outward)
    numbers = np.array(
        [
            limits.radius_mm,
            limits.length_mm - limits.beyond_mm,
            limits.metal_mm,
            limits.tip_metal_mm,
            limits.canal_mm,
            limits.forbidden_mm,
            limits.bone_mm,
            limits.inside_mm,
            limits.graze_mm,
            limits.other_bone_mm,
            tolerance_mm,
        ]
    )
    reason = np.zeros(len(inner), np.uint8)
    out = np.full((len(inner), 8), np.nan)
    longest = FINE_STEP_MM if fine else _LONG_STEP_MM
    check_all(len(inner), fields.channels, *_other_bone(fields), start, step, numbers, longest, reason, out)
    skin = np.flatnonzero((reason == PASSED) & np.isfinite(out[:, 1]))
    back = _body_again(fields, inner[skin] + out[skin, 1, None] * outward[skin], outward[skin])
    out[skin[back], 1] = np.nan
    if fields.other_bone is None:
        out[:, 6] = np.nan
    return Checked(reason, *(out[:, k] for k in range(8)))


def _body_again(fields: Fields, skin_lps: Array, outward_lps: Array) -> npt.NDArray[np.bool_]:
    """Say behind which skin points, farther out on the needle's line, there is body again."""
    if not len(skin_lps):
        return np.zeros(0, bool)
    ways = np.arange(_FROM_SKIN_MM, _BEYOND_SKIN_MM)
    points = skin_lps[:, None, :] + ways[:, None] * outward_lps[:, None, :]
    body = sample(fields, points.reshape(-1, 3), BODY).reshape(len(skin_lps), -1)
    seen = (body > 0.0) & (body <= 1.0)
    # a lone place is the edge of what was not scanned
    return np.asarray((seen[:, 1:] & seen[:, :-1]).any(axis=1))


@dataclass(frozen=True, slots=True, eq=False)
class Least:
    """Least distances of N needles, whatever limits they break.

    Parameters
    ----------
    metal_mm, canal_mm, forbidden_mm, other_bone_mm : ndarray, shape (N,)
        Of the needle's surface; below 0 within. `FAR_MM` and more where there is no such structure; other bone: NaN
        where bones were not told apart.
    comes_back : ndarray of bool, shape (N,)
        Whether the needle meets bone again after it left it.
    """

    metal_mm: Array
    canal_mm: Array
    forbidden_mm: Array
    other_bone_mm: Array
    comes_back: npt.NDArray[np.bool_]


def least_distances(
    fields: Fields, inner_lps: npt.ArrayLike, outward_lps: npt.ArrayLike, length_mm: npt.ArrayLike, *, radius_mm: float
) -> Least:
    """Measure straight needles along their whole length.

    Parameters
    ----------
    fields : Fields
        Distances to all that matters.
    inner_lps, outward_lps : array_like, shape (N, 3)
        Inner ends, LPS mm, and unit vectors towards the operator.
    length_mm : array_like, shape (N,)
        How far out each is measured; less where the picture ends before.
    radius_mm : float
        The needles'.

    Returns
    -------
    Least

    Notes
    -----
    A distance changes by no more than the way walked: steps as long as it stands above the least so far miss no
    smaller one by more than a quarter millimetre's walk.
    """
    inner = np.ascontiguousarray(inner_lps, dtype=np.float64).reshape(-1, 3)
    outward = np.ascontiguousarray(outward_lps, dtype=np.float64).reshape(-1, 3)
    length = np.ascontiguousarray(np.broadcast_to(np.asarray(length_mm, dtype=np.float64), len(inner)))
    out = np.empty((len(inner), 5))
    boxed, ways = _other_bone(fields), _on_grid(fields, inner, outward)
    least_all(len(inner), fields.channels, *boxed, *ways, length, float(radius_mm), out)
    if fields.other_bone is None:
        out[:, 3] = np.nan
    return Least(out[:, 0], out[:, 1], out[:, 2], out[:, 3], out[:, 4] > 0)


def _on_grid(fields: Fields, inner: Array, outward: Array) -> tuple[Array, Array]:
    matrix = fields.grid.index_from_lps
    return _times(matrix, inner) + matrix[:3, 3], _times(matrix, outward)


def _times(matrix: Array, vectors: Array) -> Array:
    """Multiply the rotation of a transform with vectors, shape (N, 3): BLAS wakes all threads for that, for nothing."""
    return np.asarray(vectors[:, :1] * matrix[:3, 0] + vectors[:, 1:2] * matrix[:3, 1] + vectors[:, 2:] * matrix[:3, 2])


def _other_bone(fields: Fields) -> tuple[npt.NDArray[np.float32], Array]:
    if fields.other_bone is None:
        return np.empty((0, 0, 0), np.float32), np.zeros(3)
    return fields.other_bone.distance, np.asarray(fields.other_bone.corner, dtype=np.float64)


def sample(fields: Fields, points_lps: npt.ArrayLike, channel: int) -> Array:
    """Look up a distance between the voxels.

    Parameters
    ----------
    fields : Fields
        Distances.
    points_lps : array_like, shape (N, 3)
        Where, LPS mm.
    channel : int
        Which distance.

    Returns
    -------
    ndarray, shape (N,)
        NaN outside the grid.
    """
    return sample_channels(fields, points_lps, (channel,))[0]


def sample_channels(fields: Fields, points_lps: npt.ArrayLike, channels: Sequence[int]) -> list[Array]:
    """Look up several distances at the same places, as `sample` does.

    Parameters
    ----------
    fields : Fields
        Distances.
    points_lps : array_like, shape (N, 3)
        Where, LPS mm.
    channels : sequence of int
        Which distances.

    Returns
    -------
    list of ndarray, shape (N,)
        One a channel; NaN outside the grid.
    """
    points, matrix = np.asarray(points_lps, dtype=np.float64).reshape(-1, 3), fields.grid.index_from_lps
    index = _times(matrix, points) + matrix[:3, 3]
    found = []
    for channel in channels:
        out = np.empty(len(index))
        sample_all(len(index), fields.channels, index, channel, out)
        found.append(out)
    return found


def surface_normals(fields: Fields, points_lps: npt.ArrayLike, *, spread_mm: float = 2.0) -> Array:
    """Give the outward normals of the bone's surface.

    Parameters
    ----------
    fields : Fields
        Distances.
    points_lps : array_like, shape (N, 3)
        On the surface, LPS mm.
    spread_mm : float
        Half width of the central difference: the surface is taken as it is over that distance.

    Returns
    -------
    ndarray, shape (N, 3)
        Unit vectors out of the bone; NaN where they cannot be told.
    """
    points = np.asarray(points_lps, dtype=np.float64).reshape(-1, 3)
    gradient = np.empty_like(points)
    for axis in range(3):
        shift = np.zeros(3)
        shift[axis] = spread_mm
        gradient[:, axis] = sample(fields, points - shift, BONE) - sample(fields, points + shift, BONE)
    length = np.linalg.norm(gradient, axis=1, keepdims=True)
    return np.asarray(np.divide(gradient, length, out=np.full_like(gradient, np.nan), where=length > 1e-6))


def known_mm(distance: float) -> float | None:
    """Give a measured distance in mm; None where there was nothing to be distant from."""
    return float(distance) if np.isfinite(distance) and distance < FAR_MM / 2 else None
