"""The frame of a disc: left, back and up, with a raster across it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from planner.geometry.frames import Array, PointsLps, points_lps, unit
from planner.geometry.grid import Grid
from planner.segment.anatomy.levels import SpineLevels
from planner.segment.anatomy.spine_course import SpineCourse
from planner.segment.upright import Bools

_SQUARENESS = 2.4
_RIM_SHARE, _ROOM_MM = 1.1, 1.0
"""Discs are as wide as the endplates: a tenth wider than the waists."""
_DEEP_SHARE = 1.05
"""The same in depth: the back wall is nearly straight."""


@dataclass(frozen=True, slots=True, eq=False)
class DiscFrame:
    """Where a disc is, and which way it faces.

    Parameters
    ----------
    centre_lps : PointsLps, shape (3,)
        A point in its middle.
    axes_lps : ndarray, shape (3, 3)
        Left, back and up (square to the disc) as columns.
    half_mm : tuple of float
        Half its width and half its depth.
    """

    centre_lps: PointsLps
    axes_lps: Array
    half_mm: tuple[float, float]

    def raster(self, step_mm: float, *, room_mm: float = 0.0) -> tuple[Array, Array]:
        """Give places across the disc, to the left and to the back, mm; a room more on every side."""
        side, back = (np.arange(-h - room_mm, h + room_mm + step_mm, step_mm) for h in self.half_mm)
        return side, back

    def points(self, side: Array, back: Array, up: Array) -> PointsLps:
        """Give the points of local places, mm, broadcast against each other; shape (..., 3)."""
        local = np.stack(np.broadcast_arrays(side, back, up), axis=-1)
        return points_lps(self.centre_lps + local @ self.axes_lps.T)

    def section(self, side: Array, back: Array) -> Array:
        """Say where places stand in the disc's section: 1 on its edge, more outside."""
        power = np.abs(side / self.half_mm[0]) ** _SQUARENESS + np.abs(back / self.half_mm[1]) ** _SQUARENESS
        return np.asarray(power ** (1.0 / _SQUARENESS))

    def voxels_near(self, grid: Grid, reach_mm: float) -> tuple[tuple[slice, slice, slice], Array]:
        """Give the block of voxels round the disc, and their local places, shape (3, ...)."""
        signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
        corners = signs * np.array([*self.half_mm, reach_mm])
        at = grid.to_index(points_lps(self.centre_lps + corners @ self.axes_lps.T))
        low = np.clip(np.floor(at.min(axis=0)).astype(int), 0, grid.shape)
        high = np.clip(np.ceil(at.max(axis=0)).astype(int) + 1, low, grid.shape)
        z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        cells = np.stack(np.meshgrid(*[np.arange(s.start, s.stop) for s in (z, y, x)], indexing="ij"), axis=-1)
        return (z, y, x), np.moveaxis((grid.to_lps(cells) - self.centre_lps) @ self.axes_lps, -1, 0)

    def heights_at(
        self, local: Array, surfaces: tuple[Bools, Array, Array], step_mm: float, *, room_mm: float = 0.0
    ) -> tuple[Bools, Array, Array]:
        """Read a raster's mask and two heights at local places.

        Parameters
        ----------
        local : ndarray, shape (3, ...)
            Places, mm.
        surfaces : tuple of ndarray
            A mask and two heights on the raster.
        step_mm, room_mm : float
            Of the raster.

        Returns
        -------
        tuple of ndarray
            The mask and the heights, shape (...).
        """
        at = [(local[k] + self.half_mm[k] + room_mm) / step_mm for k in (0, 1)]
        within = ndi.map_coordinates(surfaces[0].astype(np.float32), at, order=1, cval=0.0) > 0.5
        top, bottom = (ndi.map_coordinates(s, at, order=1, mode="nearest") for s in surfaces[1:])
        return within, top, bottom


def disc_frame(number: int, levels: SpineLevels, course: SpineCourse) -> DiscFrame:
    """Give the frame of a disc.

    Parameters
    ----------
    number : int
        Of the disc, from 0 at the top.
    levels : SpineLevels
        Bodies and discs.
    course : SpineCourse
        The spine's course.

    Returns
    -------
    DiscFrame
        As wide as the wider of the two bodies.
    """
    plane, bodies = levels.discs[number], levels.bodies[number : number + 2]
    along = np.array([plane.along_mm])
    deep = max(b.depth_mm for b in bodies) * _DEEP_SHARE
    middle = float(np.mean([b.middle_mm for b in bodies]))
    axes = course.axes_at(plane.along_mm)
    up = unit(axes[:, 2] + plane.sagittal * axes[:, 1] - plane.coronal * axes[:, 0])
    left = unit(axes[:, 0] - (axes[:, 0] @ up) * up)
    centre = course.place(along, course.wall_at(along) + deep / 2, np.array([middle]))[0]
    centre = centre + (plane.sagittal * (deep / 2 - plane.middle_mm) + plane.coronal * middle) * axes[:, 2]
    half = max(b.half_width_mm for b in bodies) * _RIM_SHARE + _ROOM_MM
    return DiscFrame(points_lps(centre), np.column_stack([left, np.cross(up, left), up]), (half, deep / 2 + _ROOM_MM))
