"""Endplates and heights of vertebral bodies, each in its body's own frame."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from planner.geometry.frames import Array, PointsLps, points_lps, unit
from planner.geometry.grid import Grid
from planner.segment.anatomy.flood import Labels
from planner.segment.anatomy.hidden_plates import is_hidden
from planner.segment.anatomy.levels import BodyExtent, DiscPlane, SpineLevels
from planner.segment.anatomy.spine_course import SpineCourse
from planner.segment.interpolation import interpolated
from planner.segment.upright import Bools, Floats

_RAYS_MM, _STEP_MM = 1.5, 0.25
_BEYOND_MM = 8.0
"""How far beyond the disc's plane a body's surface is looked for."""
_OPEN_MM = 30.0
"""The same where the scan shows no disc: half the height of the tallest body with a disc."""
_INNER = 0.85
"""Share of the body's section in which the endplate is fitted: rims carry spurs."""
_LEAST_RAYS = 0.6
"""Share of the rays that must meet the endplate."""
_THIRD = 0.3
"""Half the width of the strip in which heights are measured, as a share of half the body's width."""
_FROM_EDGE_MM = (2.5, 6.0)
"""Heights in front and behind are measured so far from the wall: inside of the rim's spurs."""
_OUTLIER_MM = 2.5
_FEWEST_RAYS = 6
_SMOOTH = 0.7
"""Voxels over which a mask is smoothed before its surface is read between them."""


@dataclass(frozen=True, slots=True, eq=False)
class Endplate:
    """An endplate, as a plane and as it is.

    Parameters
    ----------
    centre_lps : PointsLps, shape (3,)
        Middle of the fitted plane.
    normal_lps : ndarray, shape (3,)
        Unit vector out of the body.
    points_lps : PointsLps, shape (N, 3)
        Places of its surface, on a raster of 1.5 mm across the body.
    bump_mm : float
        Root mean square distance of the surface from the plane.
    """

    centre_lps: PointsLps
    normal_lps: Array
    points_lps: PointsLps
    bump_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class VertebralBody:
    """A vertebral body.

    Parameters
    ----------
    bone : str
        Name of the vertebra or sacrum.
    centre_lps : PointsLps, shape (3,)
        Middle of the body: half way between its endplates, where both are seen.
    axes_lps : ndarray, shape (3, 3)
        Left, back and up of the body as columns.
    half_width_mm, depth_mm : float
        Of its waist.
    upper, lower : Endplate or None
        None where the scan does not show it, or it is joined to the next bone.
    front_mm, middle_mm, back_mm : float or None
        Its height in the midline, from endplate to endplate: near the front wall, half way, near the back wall. None
        where an endplate is not seen there, or artefacts hide where it is.
    """

    bone: str
    centre_lps: PointsLps
    axes_lps: Array
    half_width_mm: float
    depth_mm: float
    upper: Endplate | None
    lower: Endplate | None
    front_mm: float | None
    middle_mm: float | None
    back_mm: float | None


def measure_body(
    number: int,
    name: str,
    label: int,
    labels: Labels,
    grid: Grid,
    course: SpineCourse,
    levels: SpineLevels,
    *,
    hidden: Bools | None = None,
) -> VertebralBody:
    """Measure the endplates and heights of a body.

    Parameters
    ----------
    number : int
        Of its level, from 0 at the top.
    name : str
        Of the bone.
    label : int
        Of the bone in `labels`.
    labels : ndarray of int16, shape ``grid.shape``
        Bones, apart.
    grid : Grid
        Their grid.
    course : SpineCourse
        The spine's course.
    levels : SpineLevels
        Bodies and discs along it.
    hidden : ndarray of bool, shape ``grid.shape``, or None
        Where it cannot be read whether a body ends: no height is measured from there. None where all can be read.

    Returns
    -------
    VertebralBody
        The surface of the envelope, at half of a smoothed mask; to a quarter of a voxel or so where planes are fitted.
    """
    extent = levels.bodies[number]
    top = levels.discs[number - 1] if number > 0 else None
    bottom = levels.discs[number] if number < len(levels.discs) else None
    rays = _rays(extent, top, bottom, course)
    found = (_Found(labels, label, grid), rays)
    up = _surface(*found, 1.0, rays.half_mm + (_OPEN_MM if top is None else _BEYOND_MM))
    down = _surface(*found, -1.0, rays.half_mm + (_OPEN_MM if bottom is None else _BEYOND_MM))
    upper, lower = _fitted(up, rays, 1.0), _fitted(down, rays, -1.0)
    heights = up + down if upper is not None and lower is not None else np.full_like(up, np.nan)
    if hidden is not None:
        for away, sign in ((up, 1.0), (down, -1.0)):
            heights = np.where(
                is_hidden(hidden, grid, rays.surface(away, sign), sign * rays.axes_lps[:, 2]), np.nan, heights
            )
    front, middle, back = _heights(heights, rays)
    centre = rays.centre_lps if upper is None or lower is None else (upper.centre_lps + lower.centre_lps) / 2
    return VertebralBody(
        bone=name,
        centre_lps=points_lps(centre),
        axes_lps=rays.axes_lps,
        half_width_mm=extent.half_width_mm,
        depth_mm=extent.depth_mm,
        upper=upper,
        lower=lower,
        front_mm=front,
        middle_mm=middle,
        back_mm=back,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    labels: Labels
    label: int
    grid: Grid


@dataclass(frozen=True, slots=True, eq=False)
class _Rays:
    """Rays up and down from the middle plane of a body, on a raster to its left and back."""

    centre_lps: PointsLps
    axes_lps: Array
    side: Array
    back: Array
    half_mm: float

    def surface(self, away: Array, sign: float) -> Array:
        """Give the places so far up or down each ray, shape (side, back, 3)."""
        left, back, up = self.axes_lps.T
        raster = self.centre_lps + self.side[:, None, None] * left + self.back[None, :, None] * back
        return np.asarray(raster + sign * away[:, :, None] * up)

    @property
    def section(self) -> Array:
        """Where each ray stands in the body's section: 1 on its edge."""
        half, deep = max(float(self.side[-1]), 1e-6), max(float(self.back[-1]), 1e-6)
        return np.asarray(np.hypot(self.side[:, None] / half, self.back[None, :] / deep))


def _rays(extent: BodyExtent, top: DiscPlane | None, bottom: DiscPlane | None, course: SpineCourse) -> _Rays:
    if top is not None and bottom is not None:
        high, low = top.along_mm, bottom.along_mm
    elif bottom is not None:
        high, low = bottom.along_mm + _OPEN_MM, bottom.along_mm
    else:
        high = course.length_mm if top is None else top.along_mm
        low = high - _OPEN_MM
    along = np.array([(high + low) / 2])
    before = course.wall_at(along) + extent.depth_mm / 2
    centre = points_lps(course.place(along, before, np.array([extent.middle_mm]))[0])
    axes = _tilted(course.axes_at(float(along[0])), [d for d in (top, bottom) if d is not None])
    side, back = (
        np.linspace(-half, half, 2 * max(2, round(half / _RAYS_MM)) + 1)
        for half in (extent.half_width_mm, extent.depth_mm / 2)
    )
    return _Rays(centre, axes, side, back, (high - low) / 2)


def _tilted(axes: Array, planes: list[DiscPlane]) -> Array:
    """Turn the course's axes so that up is square to the discs, on the average."""
    if not planes:
        return axes
    sagittal = float(np.mean([p.sagittal for p in planes]))
    coronal = float(np.mean([p.coronal for p in planes]))
    up = unit(axes[:, 2] + sagittal * axes[:, 1] - coronal * axes[:, 0])
    left = unit(axes[:, 0] - (axes[:, 0] @ up) * up)
    return np.column_stack([left, np.cross(up, left), up])


def _surface(found: _Found, rays: _Rays, sign: float, reach_mm: float) -> Array:
    """How far up or down each ray the bone goes, mm, shape (side, back); NaN where it has none or goes on unseen."""
    grid = found.grid
    reach = np.arange(0.0, reach_mm, _STEP_MM)
    left, back, up = rays.axes_lps.T
    raster = rays.centre_lps + rays.side[:, None, None] * left + rays.back[None, :, None] * back
    points = raster[:, :, None, :] + sign * reach[:, None] * up
    at = np.moveaxis(grid.to_index(points_lps(points)), -1, 0)
    size = np.array(grid.shape)
    low = np.clip(np.floor(at.reshape(3, -1).min(axis=1)).astype(int) - 3, 0, size - 1)
    high = np.clip(np.ceil(at.reshape(3, -1).max(axis=1)).astype(int) + 4, low + 1, size)
    own = found.labels[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] == found.label
    share = ndi.gaussian_filter(own.astype(np.float32), _SMOOTH)
    read = interpolated(share, np.moveaxis(at - low.reshape(3, 1, 1, 1), 0, -1), outside=np.nan)
    return _last_edge(read, reach)


def _last_edge(read: Floats, reach: Array) -> Array:
    """Where each ray leaves the bone for good, between steps."""
    solid = np.nan_to_num(read, nan=0.0) >= 0.5
    known = np.isfinite(read)
    last = solid.shape[2] - 1 - solid[:, :, ::-1].argmax(axis=2)
    after = np.minimum(last + 1, solid.shape[2] - 1)
    pick = np.take_along_axis
    inner, outer = (pick(read, k[:, :, None], axis=2)[:, :, 0] for k in (last, after))
    share = np.clip((inner - 0.5) / np.maximum(inner - outer, 1e-6), 0.0, 1.0)
    seen = solid.any(axis=2) & (after > last) & pick(known, after[:, :, None], axis=2)[:, :, 0]
    return np.where(seen, reach[last] + share * _STEP_MM, np.nan)


def _fitted(away: Array, rays: _Rays, sign: float) -> Endplate | None:
    """Fit a plane to a surface; None where too little of it is seen."""
    wanted = rays.section <= _INNER
    seen = wanted & np.isfinite(away)
    if np.count_nonzero(seen) < max(_FEWEST_RAYS, _LEAST_RAYS * np.count_nonzero(wanted)):
        return None
    side, back = (v[seen] for v in np.broadcast_arrays(rays.side[:, None], rays.back[None, :]))
    height = away[seen]
    rows = np.column_stack([np.ones(len(side)), side, back])
    kept = np.abs(height - np.median(height)) < 3.0 * _OUTLIER_MM
    for _ in range(3):
        if np.count_nonzero(kept) < _FEWEST_RAYS:
            return None
        plane = np.linalg.lstsq(rows[kept], height[kept], rcond=None)[0]
        error = height - rows @ plane
        kept = np.abs(error) < _OUTLIER_MM
    axes = rays.axes_lps * np.array([1.0, 1.0, sign])
    places = np.column_stack([side, back, height]) @ axes.T
    return Endplate(
        centre_lps=points_lps(rays.centre_lps + plane[0] * axes[:, 2]),
        normal_lps=unit(axes @ np.array([-plane[1], -plane[2], 1.0])),
        points_lps=points_lps(rays.centre_lps + places),
        bump_mm=float(np.sqrt(np.mean(error**2))),
    )


def _heights(heights: Array, rays: _Rays) -> tuple[float | None, float | None, float | None]:
    """Give the heights in the midline: in front, in the middle, behind."""
    strip = heights[np.abs(rays.side) <= _THIRD * rays.side[-1]]
    from_front = rays.back - rays.back[0]
    near, far = _FROM_EDGE_MM
    front = (from_front >= near) & (from_front <= far)
    middle = np.abs(rays.back) <= _THIRD * rays.back[-1]
    return _height(strip[:, front]), _height(strip[:, middle]), _height(strip[:, front[::-1]])


def _height(heights: Array) -> float | None:
    seen = heights[np.isfinite(heights)]
    return float(np.median(seen)) if len(seen) >= max(3, heights.size // 2) else None
