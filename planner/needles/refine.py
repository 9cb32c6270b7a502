"""From a grid of candidates to the best needle between them: small shifts and turns, finer than a voxel."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import Array
from planner.geometry.rigid import perpendicular_pairs
from planner.model.needle import Needle
from planner.needles.account.describe import Scene
from planner.needles.candidates import Candidates, Target, from_behind
from planner.needles.hip.hip_families import direction_allowed
from planner.needles.judge import Judged, judge
from planner.needles.select import Passed, score_terms, weighted
from planner.safety.fields import BoxedDistance

_LEVELS = ((1.0, 2.0), (0.5, 1.0), (0.25, 0.5), (0.12, 0.25))
"""Shift in mm and turn in degrees, halved from half a voxel and more down to where clearances change by 0.1 mm."""
_FARTHEST_MM = 1.5
"""From the candidate's own tip: between tips of the grid."""
_RESCUE_ROUNDS = 2
_WALL_MM = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """Needles that were shifted and turned.

    Parameters
    ----------
    passed : Passed
        K needles that keep all limits.
    origin : ndarray of int, shape (K,)
        Which candidate each comes from.
    """

    passed: Passed
    origin: npt.NDArray[np.intp]


def refine(
    scene: Scene,
    target: Target,
    family: Candidates,
    needle: Needle,
    start: npt.NDArray[np.intp],
    *,
    rescue: bool = False,
    fine: bool = False,
) -> Refined:
    """Improve some candidates of a family.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target : Target
        The gap.
    family : Candidates
        N candidates.
    needle : Needle
        The needle.
    start : ndarray of int, shape (K,)
        Those to improve.
    rescue : bool
        They break a limit by little: the slack is raised first, then the score.
    fine : bool
        Look closely at every step, see `judge`.

    Returns
    -------
    Refined
        Those that keep all limits in the end; the same at every run.

    Notes
    -----
    Coordinate search with halving steps (Hooke and Jeeves 1961, doi 10.1145/321062.321069), all needles side by side.
    Tips stay in the gap, no nearer to its wall than they were, and within the grid's spacing; directions within that of
    the directions tried, and within the approach's limits.
    """
    config = scene.config
    here = _some(family, start)
    tips, first = here.target_lps, here.outward_lps
    depth = scene.wall_depth(target)
    wall = _depth_at(depth, target, tips)
    reach = config.direction_step_deg
    tolerance = config.rescue_mm if rescue else 0.0
    judged = judge(scene, target, here, needle, tolerance_mm=tolerance, fine=fine)
    value = _value(judged, scene)
    for shift, turn in _LEVELS:
        for _ in range(_RESCUE_ROUNDS if rescue else 1):
            tried = _neighbours(here, shift_mm=shift, turn_deg=turn)
            count = len(tried.aim_lps) // max(1, len(start))
            from_tip = np.linalg.norm(tried.target_lps - np.repeat(tips, count, axis=0), axis=1)
            turned = np.einsum("ij,ij->i", tried.outward_lps, np.repeat(first, count, axis=0))
            allowed = (from_tip <= _FARTHEST_MM) & (turned >= np.cos(np.radians(reach)) - 1e-12)
            allowed &= _direction_allowed(target, tried, scene)
            if not family.slides:
                allowed &= _depth_at(depth, target, tried.target_lps) >= np.repeat(wall, count) - _WALL_MM
            index = np.flatnonzero(allowed)
            found = np.full(len(allowed), -np.inf)
            seen = judge(scene, target, _some(tried, index), needle, tolerance_mm=tolerance, fine=fine)
            found[index] = _value(seen, scene)
            here, value = _step(here, value, tried, found.reshape(-1, count))
    judged = judge(scene, target, here, needle, fine=fine)
    return Refined(judged.passed, start[judged.index])


def _depth_at(depth: BoxedDistance, target: Target, points_lps: Array) -> Array:
    """Give how deep places lie within gap and metal, 0 outside."""
    index = np.asarray(target.gap.mask.grid.to_index(points_lps)).reshape(-1, 3) - np.asarray(depth.corner)
    return np.asarray(ndimage.map_coordinates(depth.distance, index.T, order=1, mode="nearest"), dtype=np.float64)


def _step(here: Candidates, value: Array, tried: Candidates, found: Array) -> tuple[Candidates, Array]:
    """Move each needle to the best of its neighbours where that is better."""
    best = np.argmax(found, axis=1)
    rows = np.arange(len(found))
    better = found[rows, best] > value + 1e-9
    at = rows * found.shape[1] + best
    moved = {
        name: np.where(better[:, None], getattr(tried, name)[at], getattr(here, name))
        for name in ("aim_lps", "target_lps", "outward_lps")
    }
    return replace(here, **moved), np.where(better, found[rows, best], value)


def _value(judged: Judged, scene: Scene) -> Array:
    """Give 1 and the score for those that pass, the slack (below 0) for those that just fail."""
    value = np.asarray(judged.slack_mm, dtype=np.float64).copy()
    if len(judged.passed):
        none = np.zeros(len(judged.passed))
        terms = dict(score_terms(judged.passed, reach_share=none, breach_mm=none, config=scene.config))
        # within 1.5 mm the reach and the breaches' distance hardly change
        del terms["reach"], terms["breach_distance"]
        value[judged.index] = 1.0 + weighted(terms, config=scene.config)
    return value


def _neighbours(here: Candidates, *, shift_mm: float, turn_deg: float) -> Candidates:
    """Give each needle's neighbours, needle by needle: turned to four sides, and unless it slides shifted to six."""
    pairs = perpendicular_pairs(here.outward_lps)
    across = np.concatenate([pairs, -pairs], axis=1)
    along = here.outward_lps[:, None, :]
    shifts = np.zeros((len(along), 4, 3))
    turns = np.tan(np.radians(turn_deg)) * across
    if not here.slides:
        shifts = np.concatenate([shifts, shift_mm * across, shift_mm * along, -shift_mm * along], axis=1)
        turns = np.concatenate([turns, np.zeros((len(along), 6, 3))], axis=1)
    outward = along + turns
    outward /= np.linalg.norm(outward, axis=2, keepdims=True)
    return replace(
        here,
        aim_lps=(here.aim_lps[:, None, :] + shifts).reshape(-1, 3),
        target_lps=(here.target_lps[:, None, :] + shifts).reshape(-1, 3),
        outward_lps=outward.reshape(-1, 3),
    )


def _direction_allowed(target: Target, tried: Candidates, scene: Scene) -> npt.NDArray[np.bool_]:
    if tried.approach == "femoral":
        return direction_allowed(target, tried.outward_lps, config=scene.config)
    return from_behind(tried.outward_lps, config=scene.config)


def _some(family: Candidates, index: npt.NDArray[np.intp]) -> Candidates:
    return replace(
        family,
        aim_lps=family.aim_lps[index],
        target_lps=family.target_lps[index],
        outward_lps=family.outward_lps[index],
    )
