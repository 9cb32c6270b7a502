"""What a person's needle is judged as: one to the gap that its tip lies in, or to the place itself."""

from dataclasses import dataclass, replace

import numpy as np

from planner.geometry.cells import cells_in
from planner.geometry.frames import Array
from planner.geometry.rays import segment_distance_mm
from planner.model.anatomy import GapSpace
from planner.model.implant import Implant
from planner.model.volume import Mask
from planner.needles.account.describe import Scene
from planner.needles.candidates import Target, target_of
from planner.needles.families import fitting_approaches
from planner.needles.surroundings import scene_round

OFF_TARGET_MM = 1.5
"""A tip farther than this from every gap misses them; no source, half a halo's width."""
_NEAR_IMPLANT_MM = 40.0
"""A needle so near to an implant is judged as one to it; ours, a screw's length."""


@dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """Where a needle's tip leads.

    Parameters
    ----------
    target : Target
        The gap, or the one voxel in which the tip lies.
    off_mm : float or None
        Distance of the tip from the nearest gap, 0 inside; None where no gap was told.
    scene : Scene
        With the distances that only concern this target.
    """

    target: Target
    off_mm: float | None
    scene: Scene


class Goals:
    """Finds goals in one scene, and measures what lies round each gap only once.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.

    Notes
    -----
    Of places outside of gaps only the last is kept, so that moving a tip about does not pile them up. Not to be asked
    by two threads at a time.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._gaps: dict[str, tuple[Target, Scene]] = {}
        self._place: tuple[tuple[int, ...], Target, Scene] | None = None
        self._points: dict[str, Array] = {}

    def at(self, tip_lps: Array) -> Goal:
        """Give the goal of a tip.

        Parameters
        ----------
        tip_lps : ndarray, shape (3,)
            Within the picture, LPS mm.

        Returns
        -------
        Goal
        """
        gap, off_mm = self._nearest_gap(tip_lps)
        if gap is not None and off_mm is not None and off_mm <= OFF_TARGET_MM:
            target, scene = self._round_gap(gap)
        else:
            target, scene = self._round_place(tip_lps, gap)
        return Goal(target, off_mm, scene)

    def measure_gaps(self) -> None:
        """Measure what lies round each gap now."""
        for gap in self._scene.anatomy.gaps:
            if gap.mask.voxels.any():
                target, scene = self._round_gap(gap)
                if "femoral" in fitting_approaches(target):
                    scene.hip_site(target)

    def _round_gap(self, gap: GapSpace) -> tuple[Target, Scene]:
        if gap.id not in self._gaps:
            target = target_of(self._scene.anatomy, gap, self._scene.fields)
            self._gaps[gap.id] = target, scene_round(self._scene, target)
        return self._gaps[gap.id]

    def _round_place(self, tip: Array, gap: GapSpace | None) -> tuple[Target, Scene]:
        anatomy, grid = self._scene.anatomy, self._scene.anatomy.grid
        cell = tuple(np.rint(np.asarray(grid.to_index(tip))).astype(int).tolist())
        near = anatomy.implant(None if gap is None else gap.implant_id) or self._nearest_implant(tip)
        name, owner = "none" if gap is None else gap.id, None if near is None else near.id
        if self._place is not None:
            known, target, scene = self._place
            if known == cell and (target.gap.id, target.gap.implant_id) == (name, owner):
                return target, scene
        place = np.zeros(grid.shape, bool)
        place[cell] = True
        target = target_of(anatomy, GapSpace(name, owner, Mask(grid, place)), self._scene.fields)
        # What was measured of gaps is taken along; what is measured of the place goes with it.
        scene = scene_round(replace(self._scene, memo=dict(self._scene.memo), depths=dict(self._scene.depths)), target)
        self._place = cell, target, scene
        return target, scene

    def _nearest_implant(self, tip: Array) -> Implant | None:
        implants = self._scene.anatomy.implants
        least, n = min(((_distance_mm(implant, tip), n) for n, implant in enumerate(implants)), default=(np.inf, 0))
        return implants[n] if least <= _NEAR_IMPLANT_MM else None

    def _nearest_gap(self, tip: Array) -> tuple[GapSpace | None, float | None]:
        best: tuple[GapSpace | None, float | None] = (None, None)
        anatomy = self._scene.anatomy
        half = min(anatomy.grid.spacing_mm) / 2
        for gap in anatomy.gaps:
            if gap.id not in self._points:
                self._points[gap.id] = np.asarray(anatomy.grid.to_lps(cells_in(gap.mask.voxels)))
            points = self._points[gap.id]
            if not len(points):
                continue
            distance = max(0.0, float(np.linalg.norm(points - tip, axis=1).min()) - half)
            if best[1] is None or distance < best[1]:
                best = (gap, distance)
        return best


def _distance_mm(implant: Implant, tip: Array) -> float:
    if implant.axis is None:
        return float(np.linalg.norm(np.subtract(implant.centroid_lps, tip)))
    return float(segment_distance_mm(tip, implant.axis.head_lps, implant.axis.tip_lps))
