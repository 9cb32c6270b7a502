"""The shaft of a bone screw with a thread whose form is that of real screws."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from planner.geometry.frames import Array, PointsLps, PointTuple, unit
from planner.geometry.rigid import perpendicular_pair
from planner.phantoms.solids.basic import Bounds, Cylinder

_NOSE_END = 0.35
"""Share of the diameter that is left at the very tip: screws are blunt, not needles (set by eye)."""


@dataclass(frozen=True)
class ThreadForm:
    """The section of a thread: two flanks, measured from the plane across the axis, and a crest.

    Parameters
    ----------
    leading_deg, trailing_deg : float
        Angle of the flank towards the tip, and of that towards the head.
    crest_mm : float
        Width of the flat crest.
    """

    leading_deg: float
    trailing_deg: float
    crest_mm: float

    def base_mm(self, depth_mm: float) -> float:
        """Width of the thread at its root, for a thread of a depth."""
        flanks = np.tan(np.radians([self.leading_deg, self.trailing_deg])).sum()
        return float(self.crest_mm + depth_mm * flanks)


V_THREAD = ThreadForm(30.0, 30.0, 0.1)
"""Symmetrical, 60 degrees between the flanks (ASTM F543 types HC and HD are symmetrical; the angle has no source)."""
BUTTRESS_THREAD = ThreadForm(25.0, 5.0, 0.25)
"""Asymmetrical with a flat crest, as of cancellous screws (ASTM F543 type HB: "deep, asymmetrical buttress thread").
The steep flank bears the pull. Angles and crest have no source that was read: set by eye on pictures of such screws."""


@dataclass(frozen=True)
class ScrewShaft:
    """A threaded shaft, its core a cylinder or a cone, with a blunt nose.

    Parameters
    ----------
    head_lps, tip_lps : tuple of float
        Where the shaft begins, and the end of the metal.
    outer_diameter_mm, core_diameter_mm : float
        Over the thread's crest, and under it at the head.
    tip_core_diameter_mm : float or None
        Core where the nose begins, for a conical core; None for a cylinder.
    form : ThreadForm
        The section of the thread.
    pitch_mm : float
        Advance a turn.
    smooth_mm : float
        Length at the head that bears no thread.
    nose_mm : float
        Length of the blunt cone at the tip.
    """

    head_lps: PointTuple
    tip_lps: PointTuple
    outer_diameter_mm: float
    core_diameter_mm: float
    tip_core_diameter_mm: float | None = None
    form: ThreadForm = V_THREAD
    pitch_mm: float = 2.75
    smooth_mm: float = 0.0
    nose_mm: float = 4.0

    @cached_property
    def length_mm(self) -> float:
        """From head to tip."""
        return float(np.linalg.norm(np.array(self.tip_lps) - np.array(self.head_lps)))

    @cached_property
    def _frame(self) -> tuple[Array, Array, Array]:
        axis = unit(np.array(self.tip_lps) - np.array(self.head_lps))
        return axis, *perpendicular_pair(axis)

    @property
    def _tip_core_mm(self) -> float:
        return self.core_diameter_mm if self.tip_core_diameter_mm is None else self.tip_core_diameter_mm

    @cached_property
    def _section(self) -> tuple[Array, Array]:
        """Corners of the thread's section over one turn: phase (the flank towards the head first), height."""
        depth = (self.outer_diameter_mm - min(self.core_diameter_mm, self._tip_core_mm)) / 2.0
        leading, trailing = np.tan(np.radians([self.form.leading_deg, self.form.trailing_deg])) * depth
        widths = np.cumsum([0.0, trailing, self.form.crest_mm, leading])
        return np.array([*(widths / self.pitch_mm), 1.0]), np.array([0.0, 1.0, 1.0, 0.0, 0.0])

    def _along(self, t: Array) -> tuple[Array, Array, Array]:
        """Give core radius, depth of thread and share of the nose at distances from the head."""
        share = np.clip(t / (self.length_mm - self.nose_mm), 0.0, 1.0)
        core = (self.core_diameter_mm + share * (self._tip_core_mm - self.core_diameter_mm)) / 2.0
        fade = 1.0 if self.smooth_mm <= 0.0 else np.clip((t - self.smooth_mm) / (self.pitch_mm / 2.0), 0.0, 1.0)
        nose = np.clip(_NOSE_END + (1.0 - _NOSE_END) * (self.length_mm - t) / self.nose_mm, _NOSE_END, 1.0)
        return core, (self.outer_diameter_mm / 2.0 - core) * fade, nose

    @cached_property
    def _steepness(self) -> tuple[float, float, float]:
        """Greatest slopes: of the whole thread (flank, helix and nose), of the core and of the crest along the axis."""
        outer, core = self.outer_diameter_mm / 2.0, min(self.core_diameter_mm, self._tip_core_mm) / 2.0
        cone = abs(self._tip_core_mm - self.core_diameter_mm) / 2.0 / (self.length_mm - self.nose_mm)
        nose = outer * (1.0 - _NOSE_END) / self.nose_mm
        fade = 0.0 if self.smooth_mm <= 0.0 else (outer - core) / (self.pitch_mm / 2.0)
        phase, height = self._section
        rise = float(np.max(np.abs(np.diff(height)) / np.diff(phase)))  # of the height a turn
        flank, helix = rise * (outer - core) / self.pitch_mm, rise * (outer - core) / (2.0 * np.pi * core * 0.3)
        whole = np.hypot(flank + fade + nose + cone, helix)
        return max(2.0, float(np.hypot(1.0, whole))), float(np.hypot(1.0, cone + nose)), float(np.hypot(1.0, nose))

    def distance_mm(self, points_lps: PointsLps) -> Array:
        """Give a signed distance that never overstates the true one, shape (N, 3) to (N,)."""
        axis, first, second = self._frame
        local = points_lps - np.array(self.head_lps)
        t, u, v = local @ axis, local @ first, local @ second
        across = np.hypot(u, v)
        core, depth, nose = self._along(t)
        phase, height = self._section
        turn = (t / self.pitch_mm - np.arctan2(v, u) / (2.0 * np.pi)) % 1.0
        radius = nose * (core + depth * np.interp(turn, phase, height))
        whole, of_core, of_crest = self._steepness
        # The thread's flank is steep; that the surface lies between core and crest says more further off.
        side = np.minimum((across - radius) / whole, (across - nose * core) / of_core)
        side = np.maximum(side, (across - nose * self.outer_diameter_mm / 2.0) / of_crest)
        return np.asarray(np.maximum(side, np.maximum(-t, t - self.length_mm)))

    @cached_property
    def bounds_lps(self) -> Bounds:
        """Two corners of a box that holds the solid, LPS mm."""
        return Cylinder(self.head_lps, self.tip_lps, self.outer_diameter_mm / 2.0).bounds_lps

    def volume_ml(self, start_mm: float = 0.0, stop_mm: float | None = None) -> float:
        """Give the volume of a stretch, in closed form.

        Parameters
        ----------
        start_mm, stop_mm : float
            Distances from the head; None for the tip.

        Returns
        -------
        float
            A section across the axis meets every phase of the thread once, so that its area is the mean over a turn;
            along the axis the area is a polynomial of the fourth degree between the joints.
        """
        stop = self.length_mm if stop_mm is None else min(stop_mm, self.length_mm)
        start = max(start_mm, 0.0)
        joints = [start, self.smooth_mm, self.smooth_mm + self.pitch_mm / 2.0, self.length_mm - self.nose_mm, stop]
        inner = sorted({min(max(j, start), stop) for j in joints})
        nodes, weights = np.polynomial.legendre.leggauss(3)
        total = 0.0
        for a, b in pairwise(inner):
            area = self._area_mm2(a + (b - a) * (nodes + 1.0) / 2.0)
            total += float(area @ weights) * (b - a) / 2.0
        return total / 1000.0

    def _area_mm2(self, t: Array) -> Array:
        core, depth, nose = self._along(t)
        mean, mean_square = _means(*self._section)
        return np.asarray(np.pi * nose**2 * (core**2 + 2.0 * core * depth * mean + depth**2 * mean_square))


def _means(phase: Sequence[float] | Array, height: Sequence[float] | Array) -> tuple[float, float]:
    """Give the mean of a polyline over 0..1, and that of its square."""
    x, y = np.asarray(phase), np.asarray(height)
    width = np.diff(x)
    mean = float((width * (y[:-1] + y[1:]) / 2.0).sum())
    return mean, float((width * (y[:-1] ** 2 + y[:-1] * y[1:] + y[1:] ** 2) / 3.0).sum())
