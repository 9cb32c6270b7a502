"""The later CT's unwrapped map, brought onto the cells of the earlier one."""

import numpy as np
import numpy.typing as npt

from planner.follow.examined import ExaminedImplant
from planner.follow.wall_rays import WallRays, rays_of
from planner.geometry.frames import Array, unit
from planner.geometry.rigid import angle_between_deg
from planner.model.unwrapped import Flags, UnwrappedMap

_Places = npt.NDArray[np.intp]
_MOST_TURNED_DEG = 20.0
"""An implant that lies more across from where it was has no cell that is another's. Ours."""


def late_widths_mm(rays: WallRays, late: UnwrappedMap, implant: ExaminedImplant, motion: Array) -> Array:
    """Read the later map at the same places of the metal.

    Parameters
    ----------
    rays : WallRays
        The earlier cells.
    late : UnwrappedMap
        The later map.
    implant : ExaminedImplant
        Its implant.
    motion : ndarray, shape (4, 4)
        The implant's own motion, earlier LPS to later.

    Returns
    -------
    ndarray, shape (rows, columns)
        Width on the later CT, mm: 0 without a gap, NaN where it was not read, or where its map has no cell.
    """
    after = rays_of(late, implant)
    if after is None:
        return np.full(rays.metal_mm.shape, np.nan)
    metal = rays.points_lps(np.nan_to_num(rays.metal_mm)) @ motion[:3, :3].T + motion[:3, 3]
    row, column, _, inside = _cells(after, metal)
    width = late.width_mm[~late.is_tip][row, column]
    return np.where(inside & np.isfinite(rays.metal_mm), width, np.nan)


def late_walls_mm(rays: WallRays, late: UnwrappedMap, implant: ExaminedImplant, motion: Array) -> Array:
    """Give the walls that the later map tells, as radii from the earlier axis.

    Parameters
    ----------
    rays : WallRays
        The earlier cells.
    late : UnwrappedMap
        The later map.
    implant : ExaminedImplant
        Its implant.
    motion : ndarray, shape (4, 4)
        The bone's motion, earlier LPS to later.

    Returns
    -------
    ndarray, shape (rows, columns)
        Median of the later walls that fall into each cell, mm; NaN where none does.
    """
    after = rays_of(late, implant)
    out = np.full(rays.metal_mm.shape, np.nan)
    if after is None or angle_between_deg(_down(after), motion[:3, :3] @ _down(rays)) > _MOST_TURNED_DEG:
        return out
    width = late.width_mm[~late.is_tip]
    told = np.nan_to_num(width) > 0.0
    walls = after.points_lps(np.nan_to_num(after.metal_mm + width))[told & np.isfinite(after.metal_mm)]
    row, column, radius, inside = _cells(rays, (walls - motion[:3, 3]) @ motion[:3, :3])
    cell = (row * len(rays.ways) + column)[inside]
    order = np.argsort(cell, kind="stable")
    found, first = np.unique(cell[order], return_index=True)
    parts = np.split(radius[inside][order], first[1:])
    out.flat[found] = [float(np.median(part)) for part in parts] if len(found) else []
    return out


def _down(rays: WallRays) -> Array:
    return unit(rays.starts_lps[-1] - rays.starts_lps[0])


def _cells(rays: WallRays, points_lps: Array) -> tuple[_Places, _Places, Array, Flags]:
    """Nearest row and column of points, their distance from the axis, and whether they lie beside the rows."""
    down = _down(rays)
    away = points_lps - rays.starts_lps[0]
    along = away @ down
    places = (rays.starts_lps - rays.starts_lps[0]) @ down
    row = np.argmin(np.abs(along[..., None] - places), axis=-1)
    inside = (along >= places[0] - rays.row_mm) & (along <= places[-1] + rays.row_mm)
    across = away - along[..., None] * down
    column = np.argmax(across @ rays.ways.T, axis=-1)
    return row, column, np.linalg.norm(across, axis=-1), inside
