"""A rod as a curve, and how its ends are shaped."""

from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array
from planner.segment.implants.shafts import Traced, outer_fall, radial_profiles
from planner.segment.implants.straight_runs import Line
from planner.segment.unwrap import Sampler

_BLUNT_MM = 0.2
"""What the scan's blur takes from a blunt end, in lengths of full sections. Ours, by simulation."""


@dataclass(frozen=True, slots=True, eq=False)
class RodCourse:
    """The middle line of a rod.

    Parameters
    ----------
    course_lps : ndarray, shape (N, 3)
        From the upper to the lower end, LPS mm. It ends where the rod's whole section does: a rounded end lies beyond.
    traced : Traced
        Its longest free stretch.
    free_lps : ndarray, shape (M, 3)
        Where it is seen alone: the middles of its sections there.
    free_ways : ndarray, shape (M, 3)
        Its direction in each of them.
    is_cut : bool
        Whether it leaves the scan.
    caps_mm : tuple of float
        How far its metal reaches beyond its upper and its lower end: the length of a rounded one, 0 where it is blunt.
    """

    course_lps: Array
    traced: Traced
    free_lps: Array
    free_ways: Array
    is_cut: bool
    caps_mm: tuple[float, float] = (0.0, 0.0)

    @property
    def length_mm(self) -> float:
        """Along its bends."""
        return float(np.linalg.norm(np.diff(self.course_lps, axis=0), axis=1).sum())

    @property
    def metal_mm(self) -> float:
        """The same from one end of its metal to the other."""
        return self.length_mm + sum(self.caps_mm)


def round_end_mm(sampler: Sampler, end_lps: Array, inwards: Array, own: Traced) -> float:
    """Measure how long a rounded end is, from the share of its sections that is missing; 0 where it is blunt.

    A half ball lacks a third of its radius' length of full sections.
    """
    steps = np.arange(0.1, own.radius_mm + 0.1, 0.2)
    profiles = radial_profiles(sampler, Line(end_lps, inwards, 0.0, 0.0), steps)
    radius = np.minimum(outer_fall(profiles, own.level_hu).mean(1), own.radius_mm)
    missing = float((1.0 - (radius / own.radius_mm) ** 2).sum() * 0.2)
    roundness = (missing - _BLUNT_MM) / (own.radius_mm / 3 - _BLUNT_MM)
    return own.radius_mm * float(np.clip(roundness, 0.0, 1.0))
