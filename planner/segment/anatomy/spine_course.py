"""The course of the spine: coordinates along the canal, towards the bodies in front of it, and to the left."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage as ndi
from scipy.interpolate import make_smoothing_spline

from planner.geometry.frames import LEFT, Array, PointsLps, points_lps, unit
from planner.geometry.grid import Grid
from planner.segment.anatomy.canal import Canal
from planner.segment.upright import Bools

_STEP_MM = 1.0
_BEND_MM = 9.0
"""The line follows bends longer than this, half a vertebra with its disc. Ours."""
_UNSURE_MM = 10.0
"""So near to its ends the canal's line counts less: it may turn aside there. Ours."""
_FRONT_ANGLE = 0.75
"""Share of a turn, from left over posterior, at which the canal's wall lies in front."""
_TURN_MM = 18.0
"""The bodies' turn about the canal is smoothed over this: a level's length is two of it."""
_CORE_DEEP_MM, _CORE_ASIDE_MM = 20.0, 26.0
"""So much of the bodies says which way they face."""
_MOST_TURN_DEG = 35.0
"""Apical vertebrae of severe scoliosis turn up to 30 degrees or so. Ours."""
_AT_ONCE = 8192
"""Points that are placed in one go."""


@dataclass(frozen=True, slots=True, eq=False)
class SpineCourse:
    """Coordinates that follow the spine: up along the canal's centre line, to the front of it, and to its left, mm.

    Parameters
    ----------
    centre_lps : PointsLps, shape (N, 3)
        The line from below to above, one point for each mm; it runs on straight beyond the canal's ends.
    up_lps, front_lps, left_lps : ndarray, shape (N, 3)
        Unit vectors, square to each other: along the line, towards the bodies, to the patient's left.
    wall_mm : ndarray, shape (N,)
        How far the back wall of the bodies lies in front of the line.
    aside_mm : ndarray, shape (N,)
        Half the canal's width between the pedicles.
    back_mm : ndarray, shape (N,)
        How far the front of the laminae lies behind the line.
    """

    centre_lps: PointsLps
    up_lps: Array
    front_lps: Array
    left_lps: Array
    wall_mm: Array
    aside_mm: Array
    back_mm: Array

    @property
    def length_mm(self) -> float:
        """How long the line is."""
        return (len(self.centre_lps) - 1) * _STEP_MM

    def place(self, along: Array, front: Array, left: Array) -> PointsLps:
        """Give the points of coordinates.

        Parameters
        ----------
        along, front, left : ndarray, broadcastable
            Coordinates, mm.

        Returns
        -------
        PointsLps, shape (..., 3)
        """
        along, front, left = np.broadcast_arrays(along, front, left)
        return points_lps(
            self._at(self.centre_lps, along)
            + front[..., None] * self._at(self.front_lps, along)
            + left[..., None] * self._at(self.left_lps, along)
        )

    def locate(self, points: PointsLps) -> tuple[Array, Array, Array]:
        """Give the coordinates of points.

        Parameters
        ----------
        points : PointsLps, shape (N, 3)
            LPS mm.

        Returns
        -------
        along, front, left : ndarray, shape (N,)
            Mm; beyond the line's ends they run on straight.
        """
        # a part at a time: what is reckoned between stays in the processor's cache
        starts = range(0, max(1, len(points)), _AT_ONCE)
        parts = [self._located(points_lps(points[start : start + _AT_ONCE])) for start in starts]
        along, front, left = (np.concatenate([part[k] for part in parts]) for k in range(3))
        return along, front, left

    def _located(self, points: PointsLps) -> tuple[Array, Array, Array]:
        height = self.centre_lps[:, 2]
        along = np.interp(points[:, 2], height, np.arange(len(height)) * _STEP_MM)
        for _ in range(4):
            away = points - self._at(self.centre_lps, along)
            along = along + np.einsum("ij,ij->i", away, self._at(self.up_lps, along))
        away = points - self._at(self.centre_lps, along)
        front = np.einsum("ij,ij->i", away, self._at(self.front_lps, along))
        left = np.einsum("ij,ij->i", away, self._at(self.left_lps, along))
        return along, front, left

    def wall_at(self, along: Array) -> Array:
        """Give the distance of the bodies' back wall in front of the line, mm, at coordinates along it."""
        return np.interp(along, np.arange(len(self.wall_mm)) * _STEP_MM, self.wall_mm)

    def back_at(self, along: Array) -> Array:
        """Give the distance of the laminae behind the line, mm, at coordinates along it."""
        return np.interp(along, np.arange(len(self.back_mm)) * _STEP_MM, self.back_mm)

    def aside_at(self, along: Array) -> Array:
        """Give half the canal's width, mm, at coordinates along it."""
        return np.interp(along, np.arange(len(self.aside_mm)) * _STEP_MM, self.aside_mm)

    def axes_at(self, along: float) -> Array:
        """Give left, back and up as the columns of a (3, 3) matrix, LPS, at a coordinate along the line."""
        at = np.array([along])
        return np.column_stack(
            [self._at(self.left_lps, at)[0], -self._at(self.front_lps, at)[0], self._at(self.up_lps, at)[0]]
        )

    def _at(self, rows: Array, along: Array) -> Array:
        low = np.clip(np.floor(along / _STEP_MM).astype(int), 0, len(rows) - 2)
        share = (along / _STEP_MM - low)[..., None]
        if rows is not self.centre_lps:
            share = np.clip(share, 0.0, 1.0)
        return np.asarray(rows[low] * (1.0 - share) + rows[low + 1] * share)


def course_of(canal: Canal, bone: Bools, grid: Grid, *, beyond_mm: float) -> SpineCourse:
    """Lay the course of the spine along its canal.

    Parameters
    ----------
    canal : Canal
        The spinal canal.
    bone : ndarray of bool, shape ``grid.shape``
        Bone envelopes: the bodies say which way is front.
    grid : Grid
        An upright grid.
    beyond_mm : float
        How far the line runs on beyond the canal's ends.

    Returns
    -------
    SpineCourse
    """
    line, walls = _even_line(canal, beyond_mm)
    up = unit(np.gradient(line, axis=0))
    left = unit(np.asarray(LEFT) - (up @ np.asarray(LEFT))[:, None] * up)
    course = SpineCourse(points_lps(line), up, unit(np.cross(left, up)), left, *walls)
    for _ in range(2):
        course = _turned(course, bone, grid)
    return course


def _even_line(canal: Canal, beyond_mm: float) -> tuple[Array, list[Array]]:
    """Give the stiffened line at even steps, running on straight; the front, side and back walls' distances."""
    line = np.asarray(canal.centre_lps, dtype=np.float64)
    height = line[:, 2]
    # where the wall was not met, and at the ends of the search, the centre is a guess
    weight = 0.1 + canal.closed.mean(axis=1)
    from_end = np.minimum(height - height[0], height[-1] - height)
    weight *= np.clip(from_end / _UNSURE_MM, 0.1, 1.0)
    splines = [make_smoothing_spline(height, line[:, k], w=weight, lam=_BEND_MM**4) for k in (0, 1)]
    z = np.arange(height[0] - beyond_mm, height[-1] + beyond_mm, _STEP_MM / 4)
    inner = np.clip(z, height[0], height[-1])
    fine = np.column_stack([s(inner) + (z - inner) * s(inner, 1) for s in splines] + [z])
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    even = np.column_stack([np.interp(np.arange(0.0, length[-1], _STEP_MM), length, fine[:, k]) for k in range(3)])
    count = canal.radii_mm.shape[1]
    front = canal.radii_mm[:, round(_FRONT_ANGLE * count)]
    aside = (canal.radii_mm[:, 0] + canal.radii_mm[:, count // 2]) / 2
    back = canal.radii_mm[:, count // 4]
    walls = (ndi.median_filter(wall, 15, mode="nearest") for wall in (front, aside, back))
    return even, [np.interp(even[:, 2], height, wall) for wall in walls]


def _turned(course: SpineCourse, bone: Bools, grid: Grid) -> SpineCourse:
    """Turn the front towards the middle of the bodies."""
    along = np.arange(len(course.wall_mm)) * _STEP_MM
    deep: Array = np.arange(2.0, _CORE_DEEP_MM, 2.0)
    aside: Array = np.arange(-_CORE_ASIDE_MM, _CORE_ASIDE_MM + 1.0, 2.0)
    front = (course.wall_mm[:, None] + deep)[:, :, None]
    points = course.place(np.asarray(along[:, None, None], dtype=np.float64), front, aside[None, None, :])
    at = np.rint(grid.to_index(points)).astype(int).reshape(-1, 3)
    inside = np.all((at >= 0) & (at < grid.shape), axis=1)
    met = np.zeros(len(at))
    met[inside] = bone[tuple(at[inside].T)]
    solid = met.reshape(points.shape[:3])
    weight = ndi.gaussian_filter1d(solid.sum(axis=(1, 2)), _TURN_MM / _STEP_MM, mode="constant")
    sideways = ndi.gaussian_filter1d((solid * aside).sum(axis=(1, 2)), _TURN_MM / _STEP_MM, mode="constant")
    ahead = ndi.gaussian_filter1d((solid * front).sum(axis=(1, 2)), _TURN_MM / _STEP_MM, mode="constant")
    most = np.radians(_MOST_TURN_DEG)
    turn = np.where(weight > 1.0, np.clip(np.arctan2(sideways, np.maximum(ahead, 1e-6)), -most, most), 0.0)
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    new_front = unit(cos * course.front_lps + sin * course.left_lps)
    new_left = unit(cos * course.left_lps - sin * course.front_lps)
    return replace(course, front_lps=new_front, left_lps=new_left)
