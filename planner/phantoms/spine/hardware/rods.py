"""Bent rods through the tulips of one side, whole, broken or slipped out; cross-links between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicSpline

from planner.config.phantoms.spine.hardware import CrossLink, Rod
from planner.geometry.frames import Array, PointTuple, point_tuple, unit
from planner.phantoms.solids.basic import RoundCone, RoundedBox, Solid, Union, tube

_STEP_MM = 5.0
"""A rod's bends are wider than this by far."""
_CLAMP_MM = (5.0, 5.0, 6.0)
"""Half edges of a cross-link's clamp: across, deep, along (set by eye)."""


@dataclass(frozen=True)
class BentRod:
    """A rod bent to run through its tulips.

    Parameters
    ----------
    recipe : Rod
        What it is.
    through_lps : tuple of points
        Where it runs through the tulips, from the lowest to the highest.
    behind_lps : tuple of float
        Straight back, any length: where a broken rod's end springs to.
    """

    recipe: Rod
    through_lps: tuple[PointTuple, ...]
    behind_lps: PointTuple

    @cached_property
    def _spline(self) -> tuple[CubicSpline, Array]:
        points = np.array(self.through_lps)
        s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
        return CubicSpline(s, points, bc_type="natural"), s

    def direction_at(self, number: int) -> Array:
        """Give the unit vector along the rod, upwards, where it runs through the tulip of that number."""
        spline, s = self._spline
        tangent: Array = np.asarray(spline(s[number], 1), dtype=np.float64)
        along: Array = unit(tangent)
        return along

    @cached_property
    def line_lps(self) -> Array:
        """Its middle line as if it were whole, from the lower end to the upper end, shape (N, 3)."""
        spline, s = self._spline
        over = self.recipe.overhang_mm
        inner = np.linspace(0.0, s[-1], max(2, int(np.ceil(s[-1] / _STEP_MM)) + 1))
        low = spline(0.0) - over * unit(spline(0.0, 1))
        high = spline(s[-1]) + over * unit(spline(s[-1], 1))
        return np.concatenate([low[None], spline(inner), high[None]])

    @cached_property
    def pieces_lps(self) -> tuple[Array, ...]:
        """The middle lines of its pieces, from below: one, or two where it is broken."""
        broken = self.recipe.broken
        if broken is None:
            return (self.line_lps,)
        s = _lengths(self.line_lps)
        at = broken.share * s[-1]
        half = broken.apart_mm / 2.0 + self.recipe.diameter_mm / 2.0  # the ends are rounded
        lower = _stretch(self.line_lps, 0.0, at - half)
        upper = _stretch(self.line_lps, at + half, s[-1])
        # The upper piece's end stands out; towards the next tulips it comes back to its line.
        away = _lengths(upper)
        fade = np.clip(1.0 - away / max(0.5 * away[-1], 1.0), 0.0, 1.0) ** 2
        return lower, upper + broken.offset_mm * fade[:, None] * unit(self.behind_lps)

    @cached_property
    def metals(self) -> tuple[Solid, ...]:
        """The metal of each piece, from below, ends rounded."""
        radius = self.recipe.diameter_mm / 2.0
        return tuple(tube([point_tuple(p) for p in piece], [radius] * len(piece)) for piece in self.pieces_lps)

    @cached_property
    def metal(self) -> Solid:
        """All its pieces."""
        return Union(self.metals)

    @property
    def lengths_mm(self) -> tuple[float, ...]:
        """Of each piece, along its bends, without the rounded ends."""
        return tuple(float(_lengths(piece)[-1]) for piece in self.pieces_lps)

    @property
    def length_mm(self) -> float:
        """Of all pieces."""
        return sum(self.lengths_mm)

    @property
    def piece_ids(self) -> tuple[str, ...]:
        """The name of each piece: the rod's own for the lower one, "-tip" after it for what is broken off above."""
        name = f"rod-{self.recipe.side}"
        return (name,) if len(self.pieces_lps) == 1 else (name, f"{name}-tip")

    def point_at(self, share: float) -> Array:
        """Give the point of the rod at a share of its length from the lower end, LPS mm."""
        return np.asarray(_stretch(self.line_lps, share * float(_lengths(self.line_lps)[-1]), None)[0])


def _lengths(line: Array) -> Array:
    return np.asarray(np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]))


def _stretch(line: Array, start: float, stop: float | None) -> Array:
    s = _lengths(line)
    end = float(s[-1]) if stop is None else stop
    inner = s[(s > start + 1e-6) & (s < end - 1e-6)]
    at = np.concatenate([[start], inner, [end]])
    return np.stack([np.interp(at, s, line[:, axis]) for axis in range(3)], axis=1)


def cross_link(recipe: CrossLink, rods: Sequence[BentRod]) -> tuple[Solid, PointTuple, PointTuple]:
    """Give a bar between two rods with a clamp on each.

    Parameters
    ----------
    recipe : CrossLink
        What it is, and where.
    rods : sequence of BentRod
        Two.

    Returns
    -------
    Solid
        Its metal.
    start, stop : tuple of float
        The ends of the bar, LPS mm.
    """
    ends = []
    for rod in rods:
        point = rod.point_at(recipe.share)
        ends.append(point + (rod.recipe.diameter_mm / 2.0 + 1.0) * unit(rod.behind_lps))
    start, stop = (point_tuple(p) for p in ends)
    across = unit(ends[1] - ends[0])
    back = np.array(rods[0].behind_lps)
    back = unit(back - (back @ across) * across)
    axes = tuple(point_tuple(row) for row in np.stack([across, back, np.cross(across, back)], axis=1))
    clamps = [RoundedBox(p, _CLAMP_MM, 1.5, axes) for p in (start, stop)]
    bar = RoundCone(start, stop, recipe.diameter_mm / 2.0, recipe.diameter_mm / 2.0)
    return Union((bar, *clamps)), start, stop
