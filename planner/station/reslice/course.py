"""A needle's course, straight or bent, measured by depth, and the places on it that have names."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.errors import GeometryError
from planner.geometry.frames import Array, PointsLps, points_lps, unit
from planner.model.needle import NeedleWay

BEYOND_TIP_MM = 20.0
"""One looks so far beyond a needle's tip: what it would meet next. As in the report's pictures; ours."""
_AT_MARK_MM = 0.25
"""A depth counts as a mark's within half of the slider's step; ours."""
_SAME_PLACE_MM = 1e-6


@dataclass(frozen=True, slots=True)
class DepthMark:
    """A place on a needle's course that has a name.

    Parameters
    ----------
    name : str
        "skin", "bone", "pedicle", "gap", "tip" and so on.
    depth_mm : float
        Way from the course's outermost point.
    """

    name: str
    depth_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A needle's course, straight or bent, measured from its outermost point.

    Parameters
    ----------
    path_lps : array_like, shape (M, 3)
        Its corners, outermost first, the tip last, LPS mm; a corner that is there twice counts once.

    Raises
    ------
    GeometryError
        If there are not two different, finite corners.
    """

    path_lps: PointsLps

    def __post_init__(self) -> None:
        path = np.array(self.path_lps, dtype=np.float64).reshape(-1, 3)
        if len(path) and np.all(np.isfinite(path)):
            apart = np.linalg.norm(np.diff(path, axis=0), axis=1) > _SAME_PLACE_MM
            path = path[np.concatenate([[True], apart])]
        if len(path) < 2 or not np.all(np.isfinite(path)):
            raise GeometryError("a needle's course needs two different points")
        path.setflags(write=False)
        object.__setattr__(self, "path_lps", PointsLps(path))

    @property
    def corner_depths_mm(self) -> Array:
        """Depth of each corner, shape (M,)."""
        lengths = np.linalg.norm(np.diff(self.path_lps, axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(lengths)])

    @property
    def length_mm(self) -> float:
        """From the outermost point to the tip."""
        return float(self.corner_depths_mm[-1])

    def direction(self, depth_mm: float) -> PointsLps:
        """Give the unit vector towards the tip, of the piece at a depth; at a corner, of the piece that begins there.

        Parameters
        ----------
        depth_mm : float
            From the outermost point, mm; beyond the ends the first or last piece counts.

        Returns
        -------
        PointsLps, shape (3,)
        """
        piece = self._piece(depth_mm)
        return points_lps(unit(self.path_lps[piece + 1] - self.path_lps[piece]))

    def at(self, depth_mm: float) -> PointsLps:
        """Give the place at a depth, shape (3,), LPS mm; beyond the ends straight on."""
        piece = self._piece(depth_mm)
        rest = depth_mm - float(self.corner_depths_mm[piece])
        return points_lps(self.path_lps[piece] + rest * self.direction(depth_mm))

    def depth_of(self, point_lps: npt.ArrayLike) -> float:
        """Say how deep the course's place is that is nearest to a point.

        Parameters
        ----------
        point_lps : array_like, shape (3,)
            LPS mm.

        Returns
        -------
        float
            mm, 0 or more; more than `length_mm` for a point beyond the tip.
        """
        start, run = self.path_lps[:-1], np.diff(self.path_lps, axis=0)
        lengths = np.linalg.norm(run, axis=1)
        steps = np.asarray(point_lps, dtype=np.float64) - start
        most = np.append(lengths[:-1], np.inf)
        along = np.clip((steps * run).sum(axis=1) / lengths, 0.0, most)
        off = np.linalg.norm(steps - along[:, None] * run / lengths[:, None], axis=1)
        nearest = int(np.argmin(off))
        return float(self.corner_depths_mm[nearest] + along[nearest])

    def _piece(self, depth_mm: float) -> int:
        pieces = len(self.path_lps) - 1
        return int(np.clip(np.searchsorted(self.corner_depths_mm, depth_mm, side="right") - 1, 0, pieces - 1))


def depth_marks(course: Course, way: NeedleWay | None) -> tuple[DepthMark, ...]:
    """Name the depths that one wants to look at.

    Parameters
    ----------
    course : Course
        The needle's.
    way : NeedleWay or None
        The plan's account of it; None for a needle that nobody measured: its two ends are all that is known.

    Returns
    -------
    tuple of DepthMark
        From the outside in: the skin where the CT shows it, the plan's own marks (bone, pedicle, posterior wall, gap,
        contact with the screw), the tip.
    """
    if way is None:
        return DepthMark("entry", 0.0), DepthMark("tip", course.length_mm)
    found = [] if way.entry_skin_lps is None else [DepthMark("skin", course.depth_of(way.entry_skin_lps))]
    begins = course.depth_of(way.entry_bone_lps)
    named = [(mark.name, begins + mark.from_bone_mm) for mark in way.depth_marks]
    if not named:
        named = [("bone", begins)]
    found += [DepthMark(name, depth) for name, depth in named if name != "target"]
    found.append(DepthMark("tip", course.length_mm))
    return tuple(sorted(found, key=lambda mark: mark.depth_mm))


def depth_in_words(depth_mm: float, marks: Sequence[DepthMark]) -> str:
    """Say how deep a place is, and between which marks.

    Parameters
    ----------
    depth_mm : float
        From the course's outermost point.
    marks : sequence of DepthMark
        From the outside in; one at least.

    Returns
    -------
    str
        "41.7 mm from the skin: at the bone"; beyond the tip "3.0 mm beyond the tip".
    """
    tip = marks[-1]
    if depth_mm > tip.depth_mm + _AT_MARK_MM:
        return f"{depth_mm - tip.depth_mm:.1f} mm beyond the tip"
    words = (
        f"{depth_mm - marks[0].depth_mm:.1f} mm from the {marks[0].name}, {tip.depth_mm - depth_mm:.1f} mm to the tip"
    )
    at = next((mark.name for mark in marks[1:] if abs(mark.depth_mm - depth_mm) <= _AT_MARK_MM), None)
    return words if at is None else f"{words}: at the {at}"
