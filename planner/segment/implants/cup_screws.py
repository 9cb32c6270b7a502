"""Screws through a cup's dome: parted from each other where they touch, and measured."""

from collections.abc import Callable
from dataclasses import dataclass

import cc3d
import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from planner.geometry.frames import Array, points_lps, unit
from planner.geometry.grid import Grid
from planner.geometry.rays import segment_distance_mm
from planner.geometry.rigid import perpendicular_pair
from planner.model.implant import Side
from planner.segment.implants.blurred_discs import disc_profile
from planner.segment.implants.hip_balls import Shell
from planner.segment.implants.hip_edges import Scanned, voxels_near
from planner.segment.implants.hip_stems import StraightShaft
from planner.segment.unwrap import Sampler, first_fall, sampler_round
from planner.segment.upright import Bools

_ALONE_MM = 4.0
"""A screw stands this far out of the cup before it touches another: two screws 17 degrees apart do."""
_LEAST_LENGTH_MM = 5.0
"""Beyond the cup; its rim's blur and a streak's root reach 3 mm. Tuned on phantoms."""
_LEAST_VOXELS = 12
_REACH_MM = 5.0
"""Rays across a screw: the thickest are 7 mm across, and blur."""
_RAY_MM = 0.1
_ALONG_MM = 0.25
_NOSE_MM = 6.0
"""Length of a screw's pointed end at most, where it is not as thick as its shaft: no cone's point lies farther on."""
_NEAR_CUP_MM = 1.5
_HEART = 75.0
"""Percentile of the HU of a screw's points that is its plateau, ours: the middle of the brighter half."""
_CREST_SHARE = 1.17
"""Crest over the mean of core and crest, for a V thread on a core of 0.7 times its diameter: what a thread finer than
the slices has at least. Ours; a steep thread on a thin core (ISO 5835 HB) reaches 1.4."""
_GREATEST_RADIUS_MM = 4.5
_LONGEST_CONE_MM = 2.5
"""A cone's point lies at most this far beyond the place where it fades in the blur."""
_FADES_MM = 6.0
"""Voxels this near to where a screw fades tell its end; those in the farther half beyond it, what it stands in."""
_NOSES = [
    (start, slope) for start in (-2.0, -1.0, 0.0, 1.0) for slope in (0.0, 0.08, 0.16, 0.24, 0.32, 0.4, 0.5, 0.6, 0.8)
]
"""Noses that are tried: where they begin, mm from where the shaft was seen to thin, and how fast they thin."""
_BLUNT_SHARE = 0.006
"""A nose is blunt if a point misfits by so much more of the step from bone to metal, a voxel. Points stay below 0.0055
of it, noses cut off at a radius of 1.2 mm and more begin at 0.005 and mostly lie over 0.01. Ours, tuned on synthetic
screws (clipped or not, blur 0.9-2.2 mm) and on the phantoms."""
_WALL_MM = 3.5
"""Where a shell's wall cannot be measured."""


@dataclass(frozen=True, slots=True, eq=False)
class CupScrew:
    """A screw's axis, and its voxels beyond the cup."""

    shaft: StraightShaft
    voxels: Bools


def find_cup_screws(
    scanned: Scanned, shell: Shell, beyond: Bools, grid: Grid, *, side: Side | None
) -> tuple[CupScrew, ...]:
    """Find the screws that stand out of a cup's dome.

    Parameters
    ----------
    scanned : Scanned
        The CT.
    shell : Shell
        The cup.
    beyond : ndarray of bool, shape ``grid.shape``
        Metal outside of its dome.
    grid : Grid
        An upright grid.
    side : "left", "right" or None
        The hip's.

    Returns
    -------
    tuple of CupScrew
        The farthest-reaching first.

    Notes
    -----
    Metal is looked at from far to near, in shells about the cup's centre: a piece that comes up is a screw until it
    runs into another one, so that screws that touch at the cup part. Each one's axis runs through the middles of its
    sections; its head lies in the middle of the shell's wall, its tip where the cone of its nose ends, or is cut off.
    """
    cells = np.argwhere(beyond)
    if len(cells) < _LEAST_VOXELS:
        return ()
    points = np.asarray(grid.to_lps(cells))
    depth = np.linalg.norm(points - shell.sphere.centre_lps, axis=1) - shell.sphere.radius_mm
    sampler = sampler_round(scanned.volume.hu, scanned.volume.grid, points, margin_mm=12.0)
    shafts: list[StraightShaft] = []
    for own in _parted(cells, depth):
        shaft = _measured(scanned, sampler, shell, points[own], side=side)
        if shaft is not None and all(_is_other(shaft, s) for s in shafts):
            shafts.append(shaft)
    if not shafts:
        return ()
    far = np.stack([segment_distance_mm(points, s.head_lps, s.tip_lps) for s in shafts])
    owner = np.where(far.min(axis=0) < _REACH_MM, far.argmin(axis=0), -1)
    found = []
    for k, shaft in enumerate(shafts):
        voxels = np.zeros(grid.shape, dtype=bool)
        voxels[tuple(cells[owner == k].T)] = True
        if voxels.any():
            found.append(CupScrew(shaft, voxels))
    return tuple(found)


def _is_other(shaft: StraightShaft, known: StraightShaft) -> bool:
    return float(np.linalg.norm(shaft.tip_lps - known.tip_lps)) > 3.0


@dataclass(slots=True)
class _Track:
    """A piece that is followed towards the cup: how far out it begins, its cells, and whether it has met another."""

    top_mm: float
    seed: int
    cells: npt.NDArray[np.int64]
    is_done: bool = False


def _parted(cells: npt.NDArray[np.integer], depth: Array) -> list[npt.NDArray[np.int64]]:
    """Part metal into pieces that stand alone far out; each as indices of its cells, the farthest first."""
    low = cells.min(axis=0)
    field = np.zeros(tuple(cells.max(axis=0) - low + 1), dtype=np.uint8)
    at = tuple((cells - low).T)
    tracks: list[_Track] = []
    for limit in np.arange(np.floor(depth.max()), _NEAR_CUP_MM - 1e-6, -1.0):
        field[at] = depth >= limit
        label = cc3d.connected_components(field, connectivity=26)[at]
        for number in np.unique(label[label > 0]):
            own = np.flatnonzero(label == number)
            _follow(tracks, [t for t in tracks if label[t.seed] == number], own, depth, float(limit))
    return [t.cells for t in tracks if len(t.cells) >= _LEAST_VOXELS]


def _follow(tracks: list[_Track], met: list[_Track], own: npt.NDArray[np.int64], depth: Array, limit: float) -> None:
    """Let a piece begin, go on, swallow a short one, or end where it meets its like."""
    going = [t for t in met if not t.is_done]
    if not met:
        seed = int(own[np.argmax(depth[own])])
        tracks.append(_Track(float(depth[seed]), seed, own))
        return
    grown = [t for t in going if t.top_mm - limit >= _ALONE_MM]
    if len(going) < len(met) or len(grown) > 1:
        for track in going:
            track.is_done = True
        return
    best = max(going, key=lambda t: t.top_mm)
    best.cells = own
    for track in going:
        if track is not best:
            tracks.remove(track)


def _measured(
    scanned: Scanned, sampler: Sampler, shell: Shell, own: Array, *, side: Side | None
) -> StraightShaft | None:
    """Measure a screw from its own points; None for what is no screw: short, thick, or not going out of the cup."""
    centre, radius = np.asarray(shell.sphere.centre_lps), shell.sphere.radius_mm
    plateau = _plateau_hu(scanned, sampler, own, presumed_hu=shell.sphere.plateau_hu)
    level = scanned.ray_level_hu(plateau)
    middle = own.mean(axis=0)
    outwards = unit(middle - centre)
    axis = np.linalg.svd(own - middle, full_matrices=False)[2][0]
    axis = axis if axis @ outwards > 0 else -axis
    # of a short stub the longest way may be across
    axis = axis if axis @ outwards > 0.6 and np.ptp((own - middle) @ axis) > 8.0 else outwards
    for _ in range(4):
        start = _leaves_mm(centre, radius, middle, axis) + _NEAR_CUP_MM
        stop = float(((own - middle) @ axis).max()) + 1.0
        if stop - start < _LEAST_LENGTH_MM - _NEAR_CUP_MM:
            return None
        moved = _through_sections(sampler, middle, axis, np.arange(start, stop, _ALONG_MM), level)
        if moved is None:
            return None
        middle, axis = moved
    surface = _leaves_mm(centre, radius, middle, axis)
    along = np.arange(surface + _NEAR_CUP_MM, stop + 4.0, _ALONG_MM)
    rays = _rays(sampler, middle, axis, along, level)
    shift = float(np.mean(scanned.shift_mm(plateau, _across(axis), level_hu=level)))
    end = _end_mm(scanned, (middle, axis), _nose(along, np.maximum(rays - shift, 0.0)), plateau)
    thread = rays[(along > surface + 2.0) & (along < max(end - _NOSE_MM, surface + 4.0))]
    if end - surface < _LEAST_LENGTH_MM or not len(thread) or np.median(thread) > _GREATEST_RADIUS_MM:
        return None
    measured, mean = 2.0 * (float(np.percentile(thread, 95)) - shift), 2.0 * (float(np.mean(thread)) - shift)
    outer = max(measured, _CREST_SHARE * mean)
    wall = shell.wall_mm if shell.wall_mm is not None else _WALL_MM
    head = middle + _leaves_mm(centre, radius - wall / 2.0, middle, axis) * axis
    return StraightShaft(points_lps(head), points_lps(middle + end * axis), outer, side)


def _plateau_hu(scanned: Scanned, sampler: Sampler, own: Array, *, presumed_hu: float) -> float:
    """Give a screw's own plateau, at the heart of its points: a shell thin beside the blur is darker."""
    return scanned.plateau_hu(np.percentile(sampler.at(own), [_HEART]), presumed_hu=presumed_hu)[0]


def _leaves_mm(centre: Array, radius: float, middle: Array, axis: Array) -> float:
    """Where a line leaves a sphere, mm from its own middle; of one that misses it, where it is nearest."""
    nearest = float((centre - middle) @ axis)
    aside = float(np.linalg.norm(middle + nearest * axis - centre))
    return nearest + float(np.sqrt(max(radius**2 - aside**2, 0.0)))


def _across(axis: Array) -> Array:
    u, v = perpendicular_pair(axis)
    turn = np.arange(24) * np.pi / 12
    return np.asarray(np.cos(turn)[:, None] * u + np.sin(turn)[:, None] * v)


def _rays(sampler: Sampler, middle: Array, axis: Array, along: Array, level_hu: float) -> Array:
    """Where HU fall below a level on 24 rays at each place along an axis, mm, shape (places, 24)."""
    steps = np.arange(0.0, _REACH_MM + 1e-6, _RAY_MM)
    start = middle + along[:, None] * axis
    places = start[:, None, None] + steps[None, None, :, None] * _across(axis)[None, :, None]
    return first_fall(sampler.at(places), level_hu, step_mm=_RAY_MM)


def _through_sections(
    sampler: Sampler, middle: Array, axis: Array, along: Array, level_hu: float
) -> tuple[Array, Array] | None:
    """Lay an axis through the middles of sections, each the mean of where opposite rays end."""
    rays = _rays(sampler, middle, axis, along, level_hu)
    rays = np.minimum(rays, np.median(rays, axis=1, keepdims=True) + 0.7)  # a neighbour that touches
    offset = 2.0 * (rays[..., None] * _across(axis)).mean(axis=1)
    solid = np.median(rays, axis=1) > 0.6
    if solid.sum() < 6:
        return None
    t = along[solid]
    weight = np.ones(len(t))
    for _ in range(4):
        fit = [np.polyfit(t, offset[solid][:, k], 1, w=weight) for k in range(3)]
        miss = np.linalg.norm(offset[solid] - np.stack([np.polyval(f, t) for f in fit], axis=1), axis=1)
        weight = 1.0 / np.sqrt(1.0 + (miss / 0.3) ** 2)
    slope, base = np.array([f[0] for f in fit]), np.array([f[1] for f in fit])
    return middle + base, unit(axis + slope)


@dataclass(frozen=True, slots=True, eq=False)
class _Nose:
    """A screw's end by its rays: where its metal fades, where it was last as thick as its shaft, radius, and its point.

    All but the radius are mm along the axis; the point is where the cone of a pointed nose would end.
    """

    fades_mm: float
    begins_mm: float
    radius_mm: float
    point_mm: float


def _nose(along: Array, rays: Array) -> _Nose:
    radius = np.median(rays, axis=1)
    gone = np.flatnonzero(radius < 0.05)
    last = int(gone[0]) if len(gone) else len(along)
    if last < 4:
        return _Nose(float(along[0]), float(along[0]), 0.0, float(along[0]))
    end = float(along[last - 1]) + _ALONG_MM / 2
    whole = float(np.median(radius[:last]))
    begins = float(along[np.flatnonzero(radius[:last] >= 0.9 * whole)[-1]])
    nose = (along < end) & (along > end - _NOSE_MM) & (radius > 0.3 * whole) & (radius < 0.9 * whole)
    slope, base = np.polyfit(along[nose], radius[nose], 1) if nose.sum() >= 5 else (0.0, whole)
    if slope > -0.2:
        return _Nose(end, begins, whole, end)
    farthest = max(end, min(end + _LONGEST_CONE_MM, begins + _NOSE_MM))
    return _Nose(end, begins, whole, float(np.clip(-base / slope, end, farthest)))


def _end_mm(scanned: Scanned, line: tuple[Array, Array], nose: _Nose, plateau_hu: float) -> float:
    """Where a screw ends: at the point of its nose, or where a cone cut off fits the voxels as they are far better.

    A nose that is a point fades in the blur before its end and a blunt one does not; by their rays they look alike.
    So the images of cones are compared, blurred as the scan is, each cut off at every place or at none.
    """
    fades, begins, whole = nose.fades_mm, nose.begins_mm, nose.radius_mm
    near = _round_nose(scanned, line, nose, plateau_hu)
    if near is None:
        return nose.point_mm
    at, far, misfit_of = near
    across = float(np.mean(scanned.blur.along(_across(line[1]))))
    lengthwise = float(scanned.blur.along(line[1]))
    layers = np.arange(begins - 2.0 * _FADES_MM, fades + _LONGEST_CONE_MM, _ALONG_MM)
    cut = layers + _ALONG_MM / 2
    slab = ndtr((at[:, None] - layers + _ALONG_MM / 2) / lengthwise) - ndtr((at[:, None] - cut) / lengthwise)
    tried = cut > max(fades - _LONGEST_CONE_MM, begins - 1.0)
    pointed, blunt = np.inf, (np.inf, fades)
    for start, slope in _NOSES:
        radius = np.clip(whole - slope * (layers - begins - start), 0.0, whole)
        share = np.cumsum(slab * disc_profile(radius, far[:, None], across), axis=1)
        misfit, thin = misfit_of(share[:, tried]), radius[tried] <= 0.0
        if thin.any():
            pointed = min(pointed, float(misfit[-1]))
        misfit[thin] = np.inf
        blunt = min(blunt, (float(misfit.min()), float(cut[tried][np.argmin(misfit)])))
    return nose.point_mm if pointed <= blunt[0] + _BLUNT_SHARE else min(blunt[1], nose.point_mm)


def _round_nose(
    scanned: Scanned, line: tuple[Array, Array], nose: _Nose, plateau_hu: float
) -> tuple[Array, Array, Callable[[Array], Array]] | None:
    """Voxels round a screw's nose: their places along the axis and beside it, and how ill a share of metal fits them.

    None where the scan ends before it is seen what lies beyond.
    """
    fades, begins, whole = nose.fades_mm, nose.begins_mm, nose.radius_mm
    middle, axis = line
    found, hu = voxels_near(scanned.volume, middle + fades * axis, _FADES_MM + _NOSE_MM)
    from_middle = np.asarray(found) - middle
    at = from_middle @ axis
    far = np.linalg.norm(from_middle - at[:, None] * axis, axis=1)
    near = (far < whole) & (at > begins - _FADES_MM / 2) & (at < fades + _FADES_MM)
    beyond = hu[near & (at > fades + _FADES_MM / 2)]
    if near.sum() < _LEAST_VOXELS or not len(beyond):
        return None
    high = min(scanned.top_hu, plateau_hu)
    low = min(scanned.config.dense_bone_hu, 0.5 * high)
    ground = float(np.clip(np.median(beyond), 0.0, low))
    seen = np.clip(hu[near], low, high)[:, None]

    def misfit(share: Array) -> Array:
        model = np.clip(ground + (plateau_hu - ground) * share, low, high)
        return np.asarray(np.abs(model - seen).mean(axis=0) / (high - low))

    return at[near], far[near], misfit
