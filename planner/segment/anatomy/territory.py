"""Which bone a place can belong to, by where it lies along and about the spine."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.segment.anatomy.levels import SpineLevels
from planner.segment.anatomy.spine_course import SpineCourse
from planner.segment.upright import Bools

Shorts = npt.NDArray[np.int16]
_SQUARENESS = 2.4
"""A body's section: an ellipse's exponent is 2, a little squarer."""
_RIM_SHARE = 1.1
"""The rim of an endplate is a tenth wider than the waist (the phantoms' figures, by eye)."""
_CORE, _BODY, _BESIDE, _SPUR = 0.85, 1.02, 1.12, 1.35
"""In shares of the section: surely body; body; beside it, where only ribs are; how far spurs reach in front."""
_FROM_DISC_MM = 3.0
_BESIDE_BODY = 0.9
"""No rib comes nearer to the midline than the edge of the body, in its half widths."""
_BEHIND_WALL_MM, _PEDICLE_MM = 1.0, 6.0
"""Pedicles are alone beside the canal's front: processes of the next vertebra lie further back."""
_FORAMEN_SHARE = 0.3
"""Of a level's height above the disc: pedicles stand on the upper half of their bodies."""
_BESIDE_CANAL_MM = 2.0
"""Bone so near to the canal's side is the pedicle's: T4 to T6 are 4 to 5 mm wide, and heads of ribs lie beside them.
Tuned on four of the tuning cases: with 4.5 pedicles grew from within heads of ribs."""
_MIDLINE_MM = 5.0
_LAMINA_ROOM_MM, _LAMINA_DEEP_MM = 2.0, 7.0
"""The canal's back wall may be drawn a little far; laminae are up to 7 mm thick."""
_LAMINA_VOXELS = 20
_LAMINA_ZONE = (0.15, 0.55)
"""Where a lamina borders on the canal, in level heights above the disc below it."""
_USUAL_HEIGHT_MM = 30.0
"""Height of a level where only one disc is seen."""
_ABOVE_MIDLINE, _ABOVE_ASIDE = 0.1, 0.45
"""How far an arch reaches above its disc, in the midline and aside, in level heights: upper articular processes end
below the pedicle above."""
_BELOW_MIDLINE, _BELOW_ASIDE = 1.6, 0.7
"""The same below: thoracic spinous processes hang over the next vertebra and its disc."""
_RIB_WIDTHS, _RIB_ROOM_MM = 2.2, 7.0
"""Transverse processes end within so many half widths of the body and a little (the phantoms'
figures); further out are ribs or the pelvis."""
_FRONT_ROOM_MM = 14.0
_NECK_FROM, _NECK_BEHIND, _NECK_SLOPE = 1.5, 0.45, 1.08
"""Necks of ribs lie lateral and in front of a line from beside the pedicle along the transverse process, in half widths
of the body. By eye."""
_RIB_BAND_MM, _RIB_VOXELS, _HEAD_VOXELS = 30.0, 600, 60
"""Ribs pass beside the arches, 0.3 mL of bone at voxels of 0.8 mm, and their heads lie at the bodies: the twelfth
passes L1 too, but far from it."""
_ILIUM_MM = 64.0
"""The joint of sacrum and ilium lies 35 to 58 mm from the midline. By eye."""
_WING_MM = 36.0
"""In front of the canal the sacrum's wings reach at least so far. By eye."""
_ALA_MM = (3.0, 18.0)
_ALA_SHARE = 0.35
_ALA_SLAB_MM = (5.0, 26.0)


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where bone voxels lie about the spine, each array of shape (N,).

    Parameters
    ----------
    before, left : ndarray
        How far before the bodies' back wall, and to the left of the course, mm.
    above : ndarray, shape (N, D)
        How far above each disc's plane, from the top disc down, mm.
    level : ndarray of int
        Number of the body at that height, from 1 at the top.
    beside_canal : ndarray
        How far to the side of the canal's wall, mm; negative between the walls.
    behind_canal : ndarray
        How far behind the canal's back wall, mm.
    """

    before: Array
    left: Array
    above: Array
    level: npt.NDArray[np.intp]
    beside_canal: Array
    behind_canal: Array


@dataclass(frozen=True, slots=True, eq=False)
class Territory:
    """What each bone voxel can belong to, each array of shape (N,).

    Parameters
    ----------
    seeds : ndarray of int16
        The bone that it surely belongs to, `outsider` for ribs and pelvis; 0 where it is open.
    first, last : ndarray of int16
        Range of bones that it can belong to.
    open_to : ndarray of bool
        Where ribs and pelvis can be.
    outsider : int
        Their common number.
    """

    seeds: Shorts
    first: Shorts
    last: Shorts
    open_to: Bools
    outsider: int


def places_of(located: tuple[Array, Array, Array], course: SpineCourse, levels: SpineLevels) -> Places:
    """Say on which level points lie.

    Parameters
    ----------
    located : tuple of three ndarrays, shape (N,)
        Their coordinates, as `SpineCourse.locate` gives them.
    course : SpineCourse
        The spine's course.
    levels : SpineLevels
        Discs and bodies.

    Returns
    -------
    Places
    """
    along, front, left = located
    before = front - course.wall_at(along)
    above = np.empty((len(along), len(levels.discs)))
    for k, disc in enumerate(levels.discs):
        above[:, k] = disc.above(along, before, left)
    level = 1 + np.count_nonzero(above <= 0, axis=1)
    return Places(before, left, above, level, np.abs(left) - course.aside_at(along), -front - course.back_at(along))


def is_sacral(places: Places, number: int, half_width_mm: float, depth_mm: float, voxel_mm3: float) -> bool:
    """Say whether a body has wings: bone at its sides, where a lumbar vertebra has none.

    Parameters
    ----------
    places : Places
        Of the bone voxels.
    number : int
        Of the body, not the first.
    half_width_mm, depth_mm : float
        Of the body above.
    voxel_mm3 : float
        Volume of a voxel.

    Returns
    -------
    bool
    """
    below = -places.above[:, number - 2]
    aside = np.abs(places.left) - 1.25 * half_width_mm
    slab = (below > _ALA_SLAB_MM[0]) & (below < _ALA_SLAB_MM[1])
    slab &= (places.before > 0.1 * depth_mm) & (places.before < 0.6 * depth_mm)
    slab &= (aside > _ALA_MM[0]) & (aside < _ALA_MM[1])
    room = 2 * (_ALA_MM[1] - _ALA_MM[0]) * (_ALA_SLAB_MM[1] - _ALA_SLAB_MM[0]) * 0.5 * depth_mm
    return float(np.count_nonzero(slab)) * voxel_mm3 > _ALA_SHARE * room


def territory_of(places: Places, levels: SpineLevels, *, sacrum: int | None) -> Territory:
    """Say what each bone voxel can belong to.

    Parameters
    ----------
    places : Places
        Where the voxels lie.
    levels : SpineLevels
        Discs and bodies.
    sacrum : int or None
        Number of the sacrum, which has neither ribs nor free sides.

    Returns
    -------
    Territory
    """
    count = len(levels.bodies)
    outsider = count + 1
    middle, half, deep = np.array([[b.middle_mm, b.half_width_mm, b.depth_mm] for b in levels.bodies])[
        places.level - 1
    ].T
    aside = np.abs(places.left - middle)
    across = aside / (_RIM_SHARE * half + 0.5)
    ahead = np.abs(places.before - deep / 2) / (deep / 2 + 0.5)
    section = (across**_SQUARENESS + ahead**_SQUARENESS) ** (1 / _SQUARENESS)
    from_disc = np.min(np.abs(places.above), axis=1) if places.above.shape[1] else np.full(len(aside), np.inf)
    clear = from_disc > _FROM_DISC_MM
    core = (section < _CORE) & (places.before > _FROM_DISC_MM) & clear
    pedicle = (places.before <= _BEHIND_WALL_MM) & (places.before > -_PEDICLE_MM) & ~_in_foramen(places, levels)
    pedicle &= places.beside_canal <= _BESIDE_CANAL_MM
    column = ((section < _BODY) & (places.before > 0)) | ((section < _SPUR) & (ahead_of(places, deep)))
    beside = (places.before > 0.15 * deep) & (places.before < 0.6 * deep) & (section > _BESIDE) & (across > 0.9)
    far = (np.abs(places.left) > _RIB_WIDTHS * half + _RIB_ROOM_MM) | (places.before > deep + _FRONT_ROOM_MM)
    ribbed = _has_ribs(places, far, beside, count)[places.level - 1]
    past = aside - _NECK_FROM * half
    neck_back = -_NECK_BEHIND * half - _NECK_SLOPE * past
    necks = ribbed & (past > 0) & (places.before > neck_back)
    foreign = (far | (beside & ribbed) | necks) & ~core & ~pedicle
    if sacrum is not None:
        pelvic = places.level >= sacrum
        foreign = np.where(pelvic, np.abs(places.left) > _ILIUM_MM, foreign)
        wings = pelvic & (aside < _WING_MM) & (places.before > _FROM_DISC_MM) & (places.before < 0.6 * deep) & clear
        core |= wings
        column &= ~pelvic | (across < 1.0)
    seeds = np.where(core | pedicle, places.level, 0)
    seeds = np.where(foreign, outsider, seeds)
    first, last = _reach(places, levels, count)
    own = (column | pedicle) & ~foreign
    first, last = np.where(own, places.level, first), np.where(own, places.level, last)
    open_to = foreign | (~own & (aside > _BESIDE_BODY * half))
    return Territory(
        seeds=seeds.astype(np.int16),
        first=first.astype(np.int16),
        last=last.astype(np.int16),
        open_to=np.asarray(open_to, dtype=bool),
        outsider=outsider,
    )


def _has_ribs(places: Places, far: Bools, beside: Bools, count: int) -> Bools:
    """Say which levels have ribs: bone far to the side of the arch, and bone at the side of the body."""
    lateral = far & (np.abs(places.before) < _RIB_BAND_MM)
    heads = beside & ~far
    found = [np.bincount(places.level[zone], minlength=count + 1)[1:] for zone in (lateral, heads)]
    return np.asarray((found[0] >= _RIB_VOXELS) & (found[1] >= _HEAD_VOXELS))


def ahead_of(places: Places, depth_mm: Array) -> Bools:
    """Say which voxels lie in the front half of the bodies or before them."""
    return np.asarray(places.before > 0.5 * depth_mm)


def is_midline(places: Places) -> Bools:
    """Say which voxels lie behind the canal and in the midline, where only laminae and spinous processes are.

    Parameters
    ----------
    places : Places
        Where the voxels lie.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    return np.asarray((np.abs(places.left) < _MIDLINE_MM) & (places.behind_canal > -_LAMINA_ROOM_MM))


def lamina_levels(places: Places, levels: SpineLevels, pieces: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Tell whose the bone in the midline is, by the levels at which laminae lie.

    Parameters
    ----------
    places : Places
        Where the voxels lie.
    levels : SpineLevels
        Bodies and discs.
    pieces : ndarray of int, shape (N,)
        Number of the piece of the midline that each voxel belongs to, from 1 on; 0 for none.

    Returns
    -------
    ndarray of int, shape (N,)
        Number of the level; 0 where it cannot be told.

    Notes
    -----
    From the neck to L5 a lamina lies behind the lower half of its own body, however far its spinous process hangs down:
    what borders on the canal there is its own, and so is the whole piece unless another level has a share in it.
    """
    own = np.where((pieces > 0) & (places.behind_canal < _LAMINA_DEEP_MM), _lamina_zone(places, levels), 0)
    count = len(levels.bodies)
    found = np.zeros((int(pieces.max()) + 1, count + 1), dtype=np.intp)
    np.add.at(found, (pieces, own), 1)
    shares = found[:, 1:] >= _LAMINA_VOXELS
    single = np.where(np.count_nonzero(shares, axis=1) == 1, shares.argmax(axis=1) + 1, 0)
    single[0] = 0
    return np.where(single[pieces] > 0, single[pieces], own)


def _lamina_zone(places: Places, levels: SpineLevels) -> npt.NDArray[np.intp]:
    """Give the number of the level in whose lower half each voxel lies, 0 in upper halves."""
    out = np.zeros(len(places.level), dtype=np.intp)
    heights = _heights(levels)
    low, high = _LAMINA_ZONE
    for k, height in enumerate(heights):
        inside = (places.above[:, k] > low * height) & (places.above[:, k] < high * height) & (places.level == k + 1)
        out[inside] = k + 1
    if len(heights):
        below = -places.above[:, -1] / heights[-1]
        out[(below > 1.0 - high) & (below < 1.0 - low)] = len(heights) + 1
    return out


def _heights(levels: SpineLevels) -> Array:
    """Give the height of the level above each disc, mm."""
    along = [disc.along_mm for disc in levels.discs]
    between = -np.diff(along) if len(along) > 1 else np.full(1, _USUAL_HEIGHT_MM)
    return np.concatenate([between[:1], between])[: len(along)]


def _in_foramen(places: Places, levels: SpineLevels) -> Bools:
    """Say which voxels lie as high as a disc or the foramen above it, where a pedicle's edge may stand for either."""
    out = np.zeros(len(places.level), dtype=bool)
    for k, height in enumerate(_heights(levels)):
        out |= (places.above[:, k] > -_BEHIND_WALL_MM) & (places.above[:, k] < _FORAMEN_SHARE * height)
    return out


def _reach(places: Places, levels: SpineLevels, count: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Give the range of vertebrae whose arches can reach each voxel."""
    size = len(places.level)
    first, last = np.ones(size, dtype=np.intp), np.full(size, count, dtype=np.intp)
    heights = _heights(levels)
    strip = np.abs(places.left) < _MIDLINE_MM
    up = np.where(strip, _ABOVE_MIDLINE, _ABOVE_ASIDE)
    down = np.where(strip, _BELOW_MIDLINE, _BELOW_ASIDE)
    for k in range(len(heights)):
        height = heights[min(k + 1, len(heights) - 1)]
        last = np.where(places.above[:, k] > up * height, np.minimum(last, k + 1), last)
        first = np.where(places.above[:, k] < -down * height, np.maximum(first, k + 2), first)
    return first, np.maximum(first, last)
