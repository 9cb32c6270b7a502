"""The head's and the cup's spheres, by a vote of the metal's edges and a fit."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipImplantConfig
from planner.geometry.frames import Array, PointsLps, points_lps, unit
from planner.geometry.grid import Grid
from planner.segment.upright import Bools

_STEEP_HU = 350.0
"""Slope of metal's edge, HU a working voxel."""
_MOST_EDGES = 40000


@dataclass(frozen=True, slots=True, eq=False)
class Ball:
    """A sphere fitted to metal.

    Parameters
    ----------
    centre_lps : PointsLps, shape (3,)
        Its centre.
    radius_mm : float
        Its radius.
    cover : float
        Share of its surface on which an edge was seen.
    """

    centre_lps: PointsLps
    radius_mm: float
    cover: float


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Points where metal begins, and unit vectors to the brighter side; voxel units, shapes (N, 3)."""

    points: Array
    normals: Array
    grid: Grid
    config: HipImplantConfig


def fit_head_and_cup(
    hu: npt.NDArray[np.floating], solid: Bools, grid: Grid, config: HipImplantConfig
) -> tuple[Ball | None, Ball | None]:
    """Fit the head's sphere and the cup's outer one.

    Parameters
    ----------
    hu : ndarray, shape ``grid.shape``
        CT on an upright grid.
    solid : ndarray of bool, shape ``grid.shape``
        Metal.
    grid : Grid
        The grid, of edge ``config.edge_mm``.
    config : HipImplantConfig
        Sizes, and how much of a sphere must show.

    Returns
    -------
    head, cup : Ball or None
        None for what is not there.
    """
    edges = _edges(hu, solid, grid, config)
    best = [b for b in _candidates(edges) if b.cover >= config.least_cover]
    if not best:
        return None, None
    chief = max(best, key=lambda b: b.cover)
    about = [b for b in best if np.linalg.norm(b.centre_lps - chief.centre_lps) < 9.0]
    # a head shows all of itself but the neck, a cup's outside no more than a hemisphere
    again = _cup_about(chief, edges)
    head = again if again is not None and again.cover > chief.cover else chief
    shells = [b for b in (*about, _cup_about(head, edges)) if b is not None]
    shells = [b for b in shells if b.radius_mm > head.radius_mm + 3.0 and b.cover >= config.cup_cover]
    if not shells:
        return (head if head.cover >= config.lone_cover else None), None
    return head, max(shells, key=lambda b: b.radius_mm)


def _edges(hu: npt.NDArray[np.floating], solid: Bools, grid: Grid, config: HipImplantConfig) -> _Edges:
    smooth = ndimage.gaussian_filter(np.clip(hu, 0, config.ceiling_hu), 0.8)
    slope = np.stack(np.gradient(smooth), axis=-1)
    steep = np.linalg.norm(slope, axis=-1)
    chosen = np.argwhere((steep > _STEEP_HU) & ndimage.binary_dilation(solid, iterations=2))
    if len(chosen) > _MOST_EDGES:
        chosen = chosen[np.random.default_rng(0).choice(len(chosen), _MOST_EDGES, replace=False)]
    normals = unit(slope[tuple(chosen.T)]) if len(chosen) else np.zeros((0, 3))
    return _Edges(chosen.astype(np.float64), normals, grid, config)


def _candidates(edges: _Edges) -> list[Ball]:
    """Let every edge vote for centres along its normal, at each radius; fit the six best."""
    edge = edges.grid.spacing_mm[0]
    radii = np.arange(edges.config.least_head_radius_mm, edges.config.greatest_head_radius_mm, 1.0) / edge
    bins = np.array(edges.grid.shape) // 2 + 1
    score = np.zeros((len(radii), *bins), dtype=np.float32)
    for i, radius in enumerate(radii):
        at = np.rint((edges.points + edges.normals * radius) / 2).astype(int)
        good = np.all((at >= 0) & (at < bins), axis=1)
        votes = np.bincount(np.ravel_multi_index(tuple(at[good].T), tuple(bins)), minlength=int(np.prod(bins)))
        score[i] = ndimage.uniform_filter(votes.reshape(bins).astype(np.float32), 3, mode="constant") * 27 / radius**1.5
    found: list[Ball] = []
    for _ in range(6):
        i, *cell = (int(v) for v in np.unravel_index(int(np.argmax(score)), score.shape))
        ball = _refined(edges, np.array(cell) * 2.0, float(radii[i]), bands=(2.5, 1.8, 1.2))
        if ball is not None:
            found.append(ball)
        near = tuple(slice(max(0, c - 3), c + 4) for c in cell)
        score[(slice(max(0, i - 2), i + 3), *near)] = 0
    return found


def _cup_about(head: Ball, edges: _Edges) -> Ball | None:
    """Fit the cup's outer surface, started at the head's centre with the commonest distance beyond the head."""
    centre = np.asarray(edges.grid.to_index(head.centre_lps))
    radius = head.radius_mm / edges.grid.spacing_mm[0]
    away = centre - edges.points
    far = np.linalg.norm(away, axis=1)
    inward = ((away * edges.normals).sum(axis=1) > 0.8 * far) & (far > radius + 4.0) & (far < radius + 20.0)
    if inward.sum() < 200:
        return None
    counts, borders = np.histogram(far[inward], bins=np.arange(radius + 4.0, radius + 20.5, 1.0))
    dense = ndimage.uniform_filter1d(counts / (borders[:-1] + 0.5) ** 2, 3, mode="constant")
    start = float(borders[int(np.argmax(dense))] + 0.5)
    ball = _refined(edges, centre, start, bands=(4.0, 3.0, 2.0, 1.5))
    if ball is None or ball.cover < edges.config.least_cover:
        return None
    return ball if np.linalg.norm(ball.centre_lps - head.centre_lps) <= 10.0 else None


def _refined(edges: _Edges, centre: Array, radius: float, *, bands: tuple[float, ...]) -> Ball | None:
    """Fit a sphere to the edge points that look at its centre; cover is counted over equal patches of the sphere."""
    for band in bands:
        away = centre - edges.points
        far = np.linalg.norm(away, axis=1)
        near = (np.abs(far - radius) < band) & ((away * edges.normals).sum(axis=1) > 0.9 * far)
        if near.sum() < 60:
            return None
        p = edges.points[near]
        solution = np.linalg.lstsq(np.column_stack([2 * p, np.ones(len(p))]), (p**2).sum(axis=1), rcond=None)[0]
        centre, radius = solution[:3], float(np.sqrt(max(solution[3] + solution[:3] @ solution[:3], 1.0)))
    radius_mm = radius * edges.grid.spacing_mm[0]
    if not edges.config.least_head_radius_mm <= radius_mm <= edges.config.greatest_cup_radius_mm:
        return None
    patches = _even_directions(200)
    seen = np.unique(np.argmax(unit(p - centre) @ patches.T, axis=1))
    return Ball(points_lps(edges.grid.to_lps(centre)), radius_mm, len(seen) / len(patches))


def _even_directions(count: int) -> Array:
    k = np.arange(count) + 0.5
    polar, turn = np.arccos(1 - 2 * k / count), np.pi * (1 + 5**0.5) * k
    return np.column_stack([np.cos(polar), np.sin(polar) * np.sin(turn), np.sin(polar) * np.cos(turn)])
