"""Where bodies and discs follow each other along the spine, told from the spine laid straight."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.config.vertebra_config import LevelConfig
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.segment.anatomy.disc_choice import choose_discs
from planner.segment.anatomy.spine_course import SpineCourse
from planner.segment.interpolation import interpolated
from planner.segment.upright import Bools, Floats

DEFAULT = LevelConfig()
_STEP_MM, _ACROSS_MM = 1.0, 1.5
_DEEPEST_MM, _WIDEST_MM = 45.0, 34.0
"""So far before the canal and to the side bodies are looked for: L5 is 33 mm deep and 50 wide, large men's a fifth
more."""
_SOFT_HU, _HARD_HU = 60.0, 300.0
_ENVELOPE_SHARE = 0.65
"""How much the envelope counts against the reading: it is closed over lysis, the reading sees bridged discs."""
_METAL_SHARE = 0.3
_LOCAL_MM = 30.0
"""Depth and width of the bodies are those of a stretch of twice this length."""
_EDGE_SHARE = 0.55
"""Bodies end where bone falls below about half of what it is within them."""
_RIM_MM = 2.0
_DENSEST_HU = 700.0
_HALF_DISC_MM, _BEHIND_PLATE = 7.0, (3, 4, 5, 6, 7)
"""Endplates lie so near to a disc's middle at most; cancellous bone lies so many mm behind them."""
_CLEAR_DIP, _JOINED_SHARE = 0.3, 0.3
"""A dip of this share of the endplates' rise is a disc's; without any, two plates may be one dense band."""
_ENDPLATE_RISE, _MOST_GAP = 0.15, 0.6
"""Planes along endplates read so much denser than the bone behind them, 100 HU: tuned on a real lumbar and a real
thoracic spine. Alone it is weaker than an open disc: screws' streaks make dense bands too."""
_THICK_MM, _THICK_PRICE = 7.0, 0.3
"""A disc's slope is that of the softest slab so thick; flat ones are preferred less there."""
_PER_HALF_WIDTH, _MORE_MM = 1.45, 4.4
"""A level is about so high: 22 mm where bodies are 24 mm wide at the waist, 33 where 40. Tuned on the phantoms, whose
figures are published means (T4 to L5); holds for one real lumbar spine."""
_TILT_STEP, _TILT_PRICE = 0.08, 0.5
"""A slope must earn this much hardness per mm of rise: flat planes are likelier. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class DiscPlane:
    """A plane through a disc, in the coordinates of the spine's course.

    Parameters
    ----------
    along_mm : float
        Where it crosses the middle of the bodies, on the course.
    middle_mm : float
        How far before the back wall that middle lies.
    sagittal, coronal : float
        Its rise per mm to the front and to the left.
    evidence : float
        How sure it is, 0 to 1: how much less hard than the bodies it is, or how clearly it lies between endplates;
        low for a disc that is bridged.
    """

    along_mm: float
    middle_mm: float
    sagittal: float
    coronal: float
    evidence: float

    def above(self, along: Array, before: Array, left: Array) -> Array:
        """Give how far points lie above the plane, along the course, mm.

        Parameters
        ----------
        along, before, left : ndarray, shape (N,)
            Coordinates; `before` counts from the bodies' back wall.

        Returns
        -------
        ndarray, shape (N,)
        """
        return np.asarray(along - self.along_mm - self.sagittal * (before - self.middle_mm) - self.coronal * left)


@dataclass(frozen=True, slots=True, eq=False)
class BodyExtent:
    """How wide and deep a body is half way up, in the coordinates of the spine's course.

    Parameters
    ----------
    middle_mm : float
        How far to the left of the course its middle lies.
    half_width_mm, depth_mm : float
        Half its width, and its depth from the back wall.
    """

    middle_mm: float
    half_width_mm: float
    depth_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class SpineLevels:
    """The bodies of a spine and the discs between them, from the top down.

    Parameters
    ----------
    discs : tuple of DiscPlane
        From the top down.
    bodies : tuple of BodyExtent
        One more than discs: what lies above the first, between two, and below the last.
    """

    discs: tuple[DiscPlane, ...]
    bodies: tuple[BodyExtent, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Straight:
    """The spine laid straight: arrays over (along, before the wall, left)."""

    along: Array
    before: Array
    left: Array
    inside: Bools
    bone: Floats
    hardness: Floats
    density: Floats


def find_levels(
    course: SpineCourse, hu: Floats, bone: Bools, metal: Bools, grid: Grid, *, config: LevelConfig = DEFAULT
) -> SpineLevels | None:
    """Find bodies and discs along the course of a spine.

    Parameters
    ----------
    course : SpineCourse
        Its course.
    hu : ndarray, shape ``grid.shape``
        CT.
    bone, metal : ndarray of bool, shape ``grid.shape``
        Bone envelopes and metal.
    grid : Grid
        An upright isotropic grid.
    config : LevelConfig
        Limits.

    Returns
    -------
    SpineLevels or None
        None where no body stands before the canal.

    Notes
    -----
    Discs are looked for on the column laid straight, where planes across it are softest, or darker than the endplates
    beside them; they are chosen as a chain whose distances change little from level to level.
    """
    straight = _straightened(course, hu, bone, metal, grid)
    measured = np.flatnonzero(straight.inside.any(axis=(1, 2)))
    if not len(measured):
        return None
    depth, half = _local_sizes(straight)
    if float(straight.bone.max()) < 0.5:
        return None
    evidence, sagittal, coronal = _disc_evidence(straight, depth, half, config)
    chosen = choose_discs(evidence, _PER_HALF_WIDTH * half + _MORE_MM, config)
    middle = float(np.median(depth)) / 2
    planes = tuple(
        DiscPlane(float(k) * _STEP_MM, middle, float(sagittal[k]), float(coronal[k]), found)
        for k, found in reversed(chosen)
    )
    edges = [int(measured[-1]), *(round(p.along_mm) for p in planes), int(measured[0])]
    bodies = tuple(
        _extent(straight, low, high, (depth, half), is_first=i == 0, is_last=i == len(planes))
        for i, (high, low) in enumerate(pairwise(edges))
    )
    return SpineLevels(planes, bodies)


def _straightened(course: SpineCourse, hu: Floats, bone: Bools, metal: Bools, grid: Grid) -> _Straight:
    along = np.arange(0.0, course.length_mm, _STEP_MM)
    before = np.arange(0.0, _DEEPEST_MM, _ACROSS_MM)
    left = np.arange(-_WIDEST_MM, _WIDEST_MM + 0.1, _ACROSS_MM)
    front = course.wall_at(along)[:, None, None] + before[None, :, None]
    points = course.place(along[:, None, None], front, left[None, None, :])
    at = grid.to_index(points)
    inside = np.all((at >= -0.5) & (at <= np.array(grid.shape) - 0.5), axis=-1)

    def read(values: Floats) -> Floats:
        return interpolated(values, at)

    solid = np.where(inside, read(bone.astype(np.float32)), 0.0)
    values = read(np.clip(hu, -300.0, 1500.0)) - _SOFT_HU
    hard = np.clip(values / (_HARD_HU - _SOFT_HU), 0.0, 1.0)
    dense = np.clip(values / (_DENSEST_HU - _SOFT_HU), 0.0, 1.0)
    known = inside & (ndi.maximum_filter(read(metal.astype(np.float32)), 3) <= _METAL_SHARE)
    hardness = np.where(known, _ENVELOPE_SHARE * solid + (1.0 - _ENVELOPE_SHARE) * hard, np.nan)
    return _Straight(
        along, before, left, inside, solid.astype(np.float32), hardness.astype(np.float32), dense.astype(np.float32)
    )


def _local_sizes(straight: _Straight) -> tuple[Array, Array]:
    """Depth and half width of the bodies along the course, each over a level or two."""
    narrow = np.abs(straight.left) < 8.0
    deep = _smoothed_share(straight, (slice(None), slice(None), narrow), axis=2)
    depth = _first_drop(deep, straight.before, start_mm=12.0)
    within = (straight.before > 4.0) & (straight.before < max(12.0, float(np.median(depth)) - 4.0))
    wide = _smoothed_share(straight, (slice(None), within, slice(None)), axis=1)
    aside = np.abs(straight.left)
    folded = np.stack([wide[:, np.isclose(aside, a)].mean(axis=1) for a in np.unique(np.round(aside, 3))], axis=1)
    half = _first_drop(folded, np.unique(np.round(aside, 3)), start_mm=6.0)
    return depth, half


def _smoothed_share(straight: _Straight, block: tuple[slice | Bools, ...], *, axis: int) -> Array:
    solid = (straight.bone * straight.inside)[block].sum(axis=axis, dtype=np.float64)
    count = straight.inside[block].sum(axis=axis, dtype=np.float64)
    sums = [ndi.gaussian_filter1d(v, _LOCAL_MM / _STEP_MM, axis=0, mode="constant") for v in (solid, count)]
    return np.asarray(sums[0] / np.maximum(sums[1], 1e-6))


def _first_drop(shares: Array, at_mm: Array, *, start_mm: float) -> Array:
    """Give where each row falls below half of its own height, from a start on."""
    top = np.percentile(shares, 75, axis=1, keepdims=True)
    low = (shares < _EDGE_SHARE * top) & (at_mm >= start_mm)
    return np.asarray(np.where(low.any(axis=1), at_mm[low.argmax(axis=1)], at_mm[-1]))


def _disc_evidence(straight: _Straight, depth: Array, half: Array, config: LevelConfig) -> tuple[Array, Array, Array]:
    """Evidence for a disc at each point of the course, 0 to 1, NaN where too little is measured; its plane's slopes."""
    before, left = straight.before[None, :, None], straight.left[None, None, :]
    known = np.isfinite(straight.hardness)
    known &= (before >= _RIM_MM) & (before <= depth[:, None, None] - _RIM_MM)
    known &= np.abs(left) <= 0.75 * half[:, None, None]
    rows, cols = known.any(axis=(0, 2)), known.any(axis=(0, 1))
    known = known[:, rows][:, :, cols]
    ahead = straight.before[rows][:, None] - float(np.median(depth)) / 2
    planes = _Planes(
        np.where(known, straight.hardness[:, rows][:, :, cols], 0.0).reshape(len(known), -1),
        np.where(known, straight.density[:, rows][:, :, cols], 0.0).reshape(len(known), -1),
        known.reshape(len(known), -1).astype(np.float32),
    )
    slopes = [(s, c) for s in _slopes(config.steepest_sagittal) for c in _slopes(config.steepest_coronal)]
    means = [planes.means(np.rint((s * ahead + c * straight.left[cols]) / _STEP_MM).ravel()) for s, c in slopes]
    soft = np.stack([m[0] for m in means])
    lowest = np.where(np.isfinite(soft), soft, np.inf).min(axis=0)
    lowest = lowest[np.isfinite(lowest)]
    usual = float(np.percentile(lowest, 75)) if len(lowest) else 1.0
    depths = np.clip(1.0 - soft / max(usual, 1e-6), 0.0, 1.0)
    gaps = np.stack([_between_endplates(m[1]) for m in means])
    price = np.array([_TILT_PRICE * (abs(s) + abs(c)) for s, c in slopes])[:, None]
    raw = np.nan_to_num(np.maximum(depths, gaps), nan=-1.0)
    value = (raw - price).max(axis=0)
    # a thin plane fits into a disc askew; a thick one fits only along it
    thick = ndi.uniform_filter1d(raw, round(_THICK_MM / _STEP_MM), axis=1, mode="nearest")
    tilt = np.array(slopes)[(thick - _THICK_PRICE * price).argmax(axis=0)]
    return np.where(value > -0.5, np.clip(value, 0.0, 1.0), np.nan), tilt[:, 0], tilt[:, 1]


@dataclass(frozen=True, slots=True, eq=False)
class _Planes:
    """Columns along the course, for means over planes of every slope: arrays of shape (along, columns)."""

    hardness: Floats
    density: Floats
    known: Floats

    def means(self, rise: Array) -> tuple[Array, Array]:
        """Mean hardness and density on the plane through each point; NaN where too little of it is known."""
        count, cells = self.known.shape
        at = np.arange(count)[:, None] + rise.astype(int)
        ok = (at >= 0) & (at < count)
        at, columns = np.clip(at, 0, count - 1), np.arange(cells)
        weight = self.known[at, columns] * ok
        total = weight.sum(axis=1)
        enough = total > 0.5 * np.percentile(self.known.sum(axis=1), 75)
        sums = ((values[at, columns] * weight).sum(axis=1) for values in (self.hardness, self.density))
        hard, dense = (np.where(enough, v / np.maximum(total, 1.0), np.nan) for v in sums)
        return hard, dense


def _between_endplates(profile: Array) -> Array:
    """Say how clearly each point lies between two endplates: bright on both sides, with the bodies darker behind.

    Evidence up to `_MOST_GAP`; NaN where the profile is.
    """
    known = np.isfinite(profile)
    if not known.any():
        return profile
    even = np.interp(np.arange(len(profile)), np.flatnonzero(known), profile[known])
    best = np.zeros(len(even))
    for away in range(1, round(_HALF_DISC_MM / _STEP_MM) + 1):
        plates = [_ahead(even, sign * away) for sign in (1, -1)]
        inner = [np.mean([_ahead(even, sign * (away + k)) for k in _BEHIND_PLATE], axis=0) for sign in (1, -1)]
        rise = np.minimum(*plates) - np.maximum(*inner)
        dip = np.clip((np.minimum(*plates) - even) / np.maximum(_CLEAR_DIP * rise, 1e-6), 0.0, 1.0)
        best = np.maximum(best, rise * (_JOINED_SHARE + (1.0 - _JOINED_SHARE) * dip))
    return np.where(known, np.clip(best / _ENDPLATE_RISE, 0.0, _MOST_GAP), np.nan)


def _ahead(profile: Array, steps: int) -> Array:
    """Give the profile some steps further on; its ends go on for ever."""
    return profile[np.clip(np.arange(len(profile)) + steps, 0, len(profile) - 1)]


def _slopes(steepest: float) -> Array:
    count = round(steepest / _TILT_STEP)
    # flat first: the tilted ones must be better
    return np.array(sorted(np.arange(-count, count + 1) * _TILT_STEP, key=abs))


def _extent(
    straight: _Straight, low: int, high: int, sizes: tuple[Array, Array], *, is_first: bool, is_last: bool
) -> BodyExtent:
    """Measure a body half way up, where nothing else is attached to it."""
    length = high - low
    start, stop = low + length // 3, high - length // 3
    if is_first:
        start, stop = low + 7, min(high, low + 22)
    elif is_last:
        start, stop = max(low, high - 22), high - 7
    start, stop = max(0, min(start, stop)), max(start, stop) + 1
    middle = min(len(sizes[0]) - 1, (start + stop) // 2)
    depth, half = float(sizes[0][middle]), float(sizes[1][middle])
    slab = straight.bone[start:stop] > 0.5
    ahead = (straight.before > 4.0) & (straight.before < depth - 5.0)
    ends = _runs(slab[:, ahead].reshape(-1, len(straight.left)), int(np.argmin(np.abs(straight.left))))
    if len(ends) < 10:
        return BodyExtent(0.0, half, depth)
    right, left = (float(np.median(straight.left[ends[:, k]])) for k in (0, 1))
    centre = (left + right) / 2
    columns = slab[:, :, np.abs(straight.left - centre) < 6.0].transpose(0, 2, 1).reshape(-1, len(straight.before))
    fronts = _runs(columns, 4)
    deep = float(np.median(straight.before[fronts[:, 1]])) if len(fronts) else depth
    return BodyExtent(centre, (left - right) / 2 + _ACROSS_MM / 2, deep)


def _runs(rows: Bools, start: int) -> npt.NDArray[np.intp]:
    """First and last cell of the run of each row that holds the start; rows without are left out."""
    kept = rows[rows[:, start]]
    ahead, behind = ~kept[:, start:], ~kept[:, start::-1]
    last = np.where(ahead.any(axis=1), start + ahead.argmax(axis=1) - 1, kept.shape[1] - 1)
    first = np.where(behind.any(axis=1), start - behind.argmax(axis=1) + 1, 0)
    return np.stack([first, last], axis=1)
