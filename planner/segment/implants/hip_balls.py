"""Head and cup: found by a vote of the metal's edges, told from each other, laid through the voxels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.optimize import least_squares
from scipy.special import expit

from planner.config.hip_config import HipImplantConfig
from planner.geometry.frames import Array, PointsLps, unit
from planner.geometry.grid import Grid
from planner.segment.implants.hip_edges import Scanned
from planner.segment.implants.hip_spheres import Sphere, even_directions, fit_sphere
from planner.segment.unwrap import Sampler, first_fall, sampler_round
from planner.segment.upright import Bools, Floats

_STEEP_HU = 500.0
"""Slope of metal's edge, HU a working voxel."""
_MOST_EDGES = 40000
_EDGE_REACH_MM = 20.0
"""A ceramic head, darker than metal, ends this near to the shell or the neck."""
_TRIED = 6
"""How many places of the vote are looked at."""
_CORE = (0.3, 0.75)
"""Between these shares of its radius a head is solid, a cup holds plastic."""
_FILLED = 0.8
_CUP_WALL_MM = 2.5
"""A cup's metal is at least this thick; 3-6 mm are made."""
_HEAD_WALL_MM = 5.0
_THICKEST_MM = 9.0
_DIRECTIONS = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """A cup's metal shell.

    Parameters
    ----------
    sphere : Sphere
        Its outside.
    opening_lps : ndarray, shape (3,)
        Unit vector out of its mouth.
    rim : float
        Cosine, from the opening, of the directions in which its rim stands: 0 for a hemisphere, above 0 for one that
        reaches beyond its equator.
    wall_mm : float or None
        Its thickness; None where no liner shows within it.
    """

    sphere: Sphere
    opening_lps: Array
    rim: float
    wall_mm: float | None


@dataclass(frozen=True, slots=True, eq=False)
class _Ball:
    """A place of the vote: centre in voxels, radius, share of its patches with an edge."""

    centre: Array
    radius_mm: float
    cover: float


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Points where metal begins, and unit vectors to the brighter side; voxel units, shapes (N, 3)."""

    points: Array
    normals: Array
    grid: Grid
    config: HipImplantConfig


def find_head_and_cup(scanned: Scanned, hu: Floats, solid: Bools, grid: Grid) -> tuple[Sphere | None, Shell | None]:
    """Find the head's sphere, and the cup's shell.

    Parameters
    ----------
    scanned : Scanned
        The CT.
    hu : ndarray, shape ``grid.shape``
        The same on an upright grid.
    solid : ndarray of bool, shape ``grid.shape``
        Metal.
    grid : Grid
        The grid, of edge ``config.edge_mm``.

    Returns
    -------
    head : Sphere or None
        A metal or ceramic head. Of a bipolar one its shell's outside, for that moves with it.
    cup : Shell or None
        A shell about it that reaches no farther than its equator.
    """
    config = scanned.config
    edges = _edges(hu, solid, grid, config)
    found = [b for b in _candidates(edges) if b.cover >= config.least_cover]
    found = [b for b in found if _is_filled(hu, grid, b, config)]
    heads = [_laid(scanned, grid, b) for b in sorted(found, key=lambda b: -b.cover)[:3]]
    told = [h for h in heads if h is not None and h.cover >= config.least_cover]
    if not told:
        return None, None
    head = max(told, key=lambda h: h.cover)
    within = _head_within(scanned, head, edges)
    outer = head if within is not None else _cup_about(scanned, head, edges)
    head = head if within is None else within
    if outer is None:
        return (head if head.cover >= config.lone_cover else None), None
    sampler = sampler_round(scanned.volume.hu, scanned.volume.grid, outer.centre_lps[None], margin_mm=50.0)
    shell = _shell(scanned, outer, sampler)
    if shell.rim > config.bipolar_rim:
        return outer, None
    return _as_ceramic(scanned, head, outer), shell


def _as_ceramic(scanned: Scanned, head: Sphere, cup: Sphere) -> Sphere:
    """Lay a head anew as ceramic, where the scan cuts both metal and ceramic off; keep what fits the scan's blur.

    One scan has one blur. The flank of a ceramic ball, taken for that of metal, seems more blurred than the cup's, and
    that of a metal ball, taken for ceramic, seems sharper.
    """
    config = scanned.config
    if scanned.ceiling_hu is None or head.plateau_hu < config.heavy_hu:
        return head
    centre, presumed = np.asarray(head.centre_lps), config.clipped_ceramic_hu
    anew = fit_sphere(scanned, centre, head.radius_mm, wall_mm=_HEAD_WALL_MM, presumed_hu=presumed)
    return head if anew is None or _unlike(head, cup) <= _unlike(anew, cup) else anew


def _unlike(one: Sphere, other: Sphere) -> float:
    """How far two spheres' blurs differ, by the logarithms of their ratios."""
    within = np.log(one.blur.in_slice_mm / other.blur.in_slice_mm)
    return float(abs(within) + abs(np.log(one.blur.across_mm / other.blur.across_mm)))


def _edges(hu: Floats, solid: Bools, grid: Grid, config: HipImplantConfig) -> _Edges:
    smooth = ndimage.gaussian_filter(np.clip(hu, 0, config.ceiling_hu), 0.8)
    slope = np.stack(np.gradient(smooth), axis=-1)
    steep = np.linalg.norm(slope, axis=-1)
    near = ndimage.distance_transform_edt(~solid[::2, ::2, ::2]) * 2.0 * grid.spacing_mm[0] < _EDGE_REACH_MM
    reach = np.repeat(np.repeat(np.repeat(near, 2, 0), 2, 1), 2, 2)[tuple(slice(0, n) for n in solid.shape)]
    chosen = np.argwhere((steep > _STEEP_HU) & reach)
    normals = unit(slope[tuple(chosen.T)]) if len(chosen) else np.zeros((0, 3))
    inner = np.clip(np.rint(chosen + 2.0 * normals).astype(int), 0, np.array(hu.shape) - 1)
    bright = hu[tuple(inner.T)] > config.ceramic_hu  # cortex has steep edges too
    chosen, normals = chosen[bright], normals[bright]
    if len(chosen) > _MOST_EDGES:
        kept = np.random.default_rng(0).choice(len(chosen), _MOST_EDGES, replace=False)
        chosen, normals = chosen[kept], normals[kept]
    return _Edges(chosen.astype(np.float64), normals, grid, config)


def _candidates(edges: _Edges) -> list[_Ball]:
    """Let every edge vote for centres along its normal, at each radius; fit the best places."""
    edge = edges.grid.spacing_mm[0]
    radii = np.arange(edges.config.least_head_radius_mm, edges.config.greatest_head_radius_mm, 1.0) / edge
    bins = np.array(edges.grid.shape) // 2 + 1
    score = np.zeros((len(radii), *bins), dtype=np.float32)
    for i, radius in enumerate(radii):
        at = np.rint((edges.points + edges.normals * radius) / 2).astype(int)
        good = np.all((at >= 0) & (at < bins), axis=1)
        votes = np.bincount(np.ravel_multi_index(tuple(at[good].T), tuple(bins)), minlength=int(np.prod(bins)))
        score[i] = ndimage.uniform_filter(votes.reshape(bins).astype(np.float32), 3, mode="constant") * 27 / radius**1.5
    found: list[_Ball] = []
    for _ in range(_TRIED):
        i, *cell = (int(v) for v in np.unravel_index(int(np.argmax(score)), score.shape))
        ball = _refined(edges, np.array(cell) * 2.0, float(radii[i]), bands=(2.5, 1.8, 1.2))
        if ball is not None:
            found.append(ball)
        near = tuple(slice(max(0, c - 3), c + 4) for c in cell)
        score[(slice(max(0, i - 2), i + 3), *near)] = 0
    return found


def _refined(edges: _Edges, centre: Array, radius: float, *, bands: tuple[float, ...]) -> _Ball | None:
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
    patches = even_directions(200)
    seen = np.unique(np.argmax(unit(p - centre) @ patches.T, axis=1))
    return _Ball(centre, radius_mm, len(seen) / len(patches))


def _is_filled(hu: Floats, grid: Grid, ball: _Ball, config: HipImplantConfig) -> bool:
    """Whether a ball is solid: a head is, a cup's inside and a stem's flare are not."""
    radius = ball.radius_mm / grid.spacing_mm[0]
    directions = even_directions(120)
    shares = np.linspace(*_CORE, 6)
    at = ball.centre + radius * shares[:, None, None] * directions
    inside = ndimage.map_coordinates(hu, np.moveaxis(at, -1, 0), order=1, mode="nearest")
    return float(np.mean(inside > config.ceramic_hu)) >= _FILLED


def _laid(scanned: Scanned, grid: Grid, ball: _Ball) -> Sphere | None:
    centre = np.asarray(grid.to_lps(ball.centre))
    return fit_sphere(scanned, centre, ball.radius_mm, wall_mm=_HEAD_WALL_MM, presumed_hu=scanned.config.heavy_hu)


def _inward(edges: _Edges, centre_lps: PointsLps, low_mm: float, high_mm: float) -> tuple[Array, Array]:
    """Distances and directions of the edges, mm, that look at a place from between two distances."""
    edge = edges.grid.spacing_mm[0]
    away = np.asarray(edges.grid.to_index(centre_lps)) - edges.points
    far = np.linalg.norm(away, axis=1)
    use = ((away * edges.normals).sum(axis=1) > 0.8 * far) & (far * edge > low_mm) & (far * edge < high_mm)
    lps = np.asarray(edges.grid.to_lps(edges.points[use])) - centre_lps
    return far[use] * edge, unit(lps) if len(lps) else np.zeros((0, 3))


def _commonest(far: Array, low_mm: float, high_mm: float) -> float:
    counts, borders = np.histogram(far, bins=np.arange(low_mm, high_mm + 0.5, 1.0))
    dense = ndimage.uniform_filter1d(counts / (borders[:-1] + 0.5) ** 2, 3, mode="constant")
    return float(borders[int(np.argmax(dense))] + 0.5)


def _cup_about(scanned: Scanned, head: Sphere, edges: _Edges) -> Sphere | None:
    """Lay the cup's outside, started at the head's centre with the commonest distance beyond the head."""
    config = scanned.config
    low, high = head.radius_mm + 3.0, min(head.radius_mm + 20.0, config.greatest_cup_radius_mm + 2.0)
    far, _ = _inward(edges, head.centre_lps, low, high)
    if len(far) < 200:
        return None
    middle = np.asarray(edges.grid.to_index(head.centre_lps))
    # the head's own edges would draw it inwards where there is no liner
    beyond = np.linalg.norm(edges.points - middle, axis=1) * edges.grid.spacing_mm[0] > head.radius_mm + 2.0
    outer = _Edges(edges.points[beyond], edges.normals[beyond], edges.grid, config)
    start = _refined(outer, middle, _commonest(far, low, high) / edges.grid.spacing_mm[0], bands=(4.0, 3.0, 2.0, 1.5))
    if start is None or start.cover < config.least_cover:
        return None
    cup = fit_sphere(
        scanned, np.asarray(edges.grid.to_lps(start.centre)), start.radius_mm, wall_mm=_CUP_WALL_MM,
        presumed_hu=config.titanium_hu,
    )  # fmt: skip
    if cup is None or cup.cover < config.cup_cover or cup.radius_mm < head.radius_mm + 3.0:
        return None
    return cup if np.linalg.norm(cup.centre_lps - head.centre_lps) <= config.greatest_wear_mm else None


def _head_within(scanned: Scanned, ball: Sphere, edges: _Edges) -> Sphere | None:
    """Find the head in what was taken for one: a cup of metal that holds a metal head without a liner.

    Then the ball's own surface shows on one half only, and on the other a smaller one.
    """
    config = scanned.config
    if ball.cover >= config.lone_cover:
        return None
    low, high = ball.radius_mm - _THICKEST_MM, ball.radius_mm - 2.0
    far, directions = _inward(edges, ball.centre_lps, low, high)
    if len(far):
        patch = np.argmax(directions @ even_directions(len(ball.shown)).T, axis=1)
        far = far[~ball.shown[patch]]
    if len(far) < 200:
        return None
    head = fit_sphere(
        scanned, np.asarray(ball.centre_lps), _commonest(far, low, high), wall_mm=_HEAD_WALL_MM,
        presumed_hu=config.heavy_hu,
    )  # fmt: skip
    if head is None or head.cover < config.least_cover or head.radius_mm > ball.radius_mm - 2.0:
        return None
    is_other_half = np.count_nonzero(head.shown & ball.shown) < 0.3 * np.count_nonzero(head.shown)
    return head if is_other_half else None


def _shell(scanned: Scanned, outer: Sphere, sampler: Sampler) -> Shell:
    """Tell a shell's opening, rim and wall by where metal lies under its outside."""
    directions = even_directions(_DIRECTIONS)
    seen = min(outer.plateau_hu, scanned.top_hu)
    under = _means(sampler, outer, directions, -2.0, -0.6)
    beyond = _means(sampler, outer, directions, 2.0, 6.0)
    metal = under > 0.6 * seen
    free = beyond < 0.5 * seen  # neither neck nor screw goes through
    opening, rim = _mouth(directions[free], metal[free])
    dome = directions[free & metal & (directions @ opening < -0.2)]
    return Shell(outer, opening, rim, _wall_mm(scanned, outer, sampler, dome))


def _means(sampler: Sampler, sphere: Sphere, directions: Array, low_mm: float, high_mm: float) -> Array:
    radii = sphere.radius_mm + np.linspace(low_mm, high_mm, 5)
    return np.asarray(sampler.at(sphere.centre_lps + radii[:, None, None] * directions).mean(axis=0))


def _mouth(directions: Array, metal: npt.NDArray[np.bool_]) -> tuple[Array, float]:
    """Lay the plane that parts directions with metal from those without; its normal, and its distance as a cosine."""
    start = -unit(directions[metal].mean(axis=0))
    aim = metal.astype(np.float64)

    def misfit(p: Array) -> Array:
        normal = p[:3] / np.linalg.norm(p[:3])
        return np.asarray(expit(15.0 * (p[3] - directions @ normal)) - aim)

    found = least_squares(misfit, np.r_[start, 0.0], loss="soft_l1", f_scale=0.3, max_nfev=60).x
    return unit(found[:3]), float(found[3])


def _wall_mm(scanned: Scanned, outer: Sphere, sampler: Sampler, dome: Array) -> float | None:
    """Median thickness of a shell over its dome; None where no plastic shows within it."""
    if len(dome) < 30:
        return None
    step = 0.1
    depth = np.arange(0.8, _THICKEST_MM, step)
    inwards = sampler.at(outer.centre_lps + (outer.radius_mm - depth)[None, :, None] * dome[:, None, :])
    middle = np.median(inwards, axis=0)
    level = scanned.ray_level_hu(outer.plateau_hu)
    if middle.min() > level:
        return None
    shift = float(np.mean(scanned.shift_mm(outer.plateau_hu, dome, level_hu=level)))
    return float(0.8 + first_fall(middle[None], level, step_mm=step)[0] - shift)
