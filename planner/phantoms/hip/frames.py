"""Where things lie about a hip: offsets that read the same for a left and a right one.

An offset is (lateral, posterior, superior), mm, from the hip's centre. For a left hip that is LPS; for a right one the
first axis is turned round, so that one description makes both, and each is the other's exact mirror image.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.config.phantoms.hip.patient import Side
from planner.geometry.frames import Array, PointsLps, PointTuple, point_tuple

Offset = tuple[float, float, float]


@dataclass(frozen=True)
class BodyFrame:
    """Turns offsets into LPS.

    Parameters
    ----------
    side : "left" or "right"
        Which hip.
    origin_lps : tuple of float
        Where the offset (0, 0, 0) lies, LPS mm.
    turned : tuple of three rows
        Orthonormal: its columns are the frame's axes in (lateral, posterior, superior) of the body.
    scale : float
        Millimetres an offset's unit.
    """

    side: Side
    origin_lps: PointTuple
    turned: tuple[Offset, Offset, Offset] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    scale: float = 1.0

    @cached_property
    def axes_lps(self) -> Array:
        """The frame's axes as the columns of a 3 x 3 matrix, unit vectors in LPS."""
        sign = 1.0 if self.side == "left" else -1.0
        return np.asarray(np.array([[sign], [1.0], [1.0]]) * np.array(self.turned), dtype=np.float64)

    def place(self, offset: npt.ArrayLike) -> PointTuple:
        """Turn an offset into an LPS position."""
        return point_tuple(np.array(self.origin_lps) + self.direction(offset) * self.scale)

    def direction(self, offset: npt.ArrayLike) -> Array:
        """Turn a direction of the frame into LPS; its length stays."""
        # Written out, so that a mirrored frame rounds exactly as its mirror image does.
        u, v, w = (float(c) for c in np.asarray(offset, dtype=np.float64))
        axes = self.axes_lps
        return np.asarray(axes[:, 0] * u + axes[:, 1] * v + axes[:, 2] * w)

    def offsets(self, points_lps: PointsLps) -> Array:
        """Turn LPS positions, shape (N, 3), into offsets."""
        return np.stack(self.components_mm(points_lps), axis=-1) / self.scale

    def components_mm(self, points_lps: PointsLps) -> tuple[Array, Array, Array]:
        """Give the way of points, shape (..., 3), from the origin along each axis, mm, whatever the scale."""
        points, axes = np.asarray(points_lps, dtype=np.float64), self.axes_lps
        x, y, z = (points[..., k] - self.origin_lps[k] for k in range(3))
        first, second, third = (_along(x, y, z, axes[:, k]) for k in range(3))
        return first, second, third

    def turn(self, axes: npt.ArrayLike, *, origin: Offset = (0.0, 0.0, 0.0), scale: float = 1.0) -> "BodyFrame":
        """Make a frame within this one: its axes as columns, its origin and scale in this one's terms."""
        product = np.array(self.turned) @ np.asarray(axes, dtype=np.float64)
        rows = (point_tuple(product[0]), point_tuple(product[1]), point_tuple(product[2]))
        return BodyFrame(self.side, self.place(origin), rows, self.scale * scale)

    def across_midline(self, half_width: float) -> "BodyFrame":
        """Make the frame of the other hip, its centre as far beyond the midline as this one is before it."""
        other: Side = "right" if self.side == "left" else "left"
        return BodyFrame(other, self.place((-2.0 * half_width, 0.0, 0.0)), self.turned, self.scale)


def _along(x: Array, y: Array, z: Array, axis: Array) -> Array:
    """Give the part of vectors along an axis; a component of nought costs nothing."""
    parts = [c * w for c, w in ((x, axis[0]), (y, axis[1]), (z, axis[2])) if w != 0.0]
    return np.asarray(sum(parts[1:], start=parts[0]))


def tilted(angle_deg: float) -> Array:
    """Give the axes of a frame whose top is tilted forwards by an angle, as columns."""
    cos, sin = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]])
