"""A stem's axis, shoulder and tip, from the scan's own voxels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from planner.geometry.frames import Array, PointsLps, points_lps, unit
from planner.model.implant import Side
from planner.segment.implants.hip_edges import Scanned, end_along

_NOSE_MM = 3.0
"""The rounded end tells nothing of the axis."""
_STRAIGHT_SHARE = 0.6
"""Below this share of its length a stem is straight, seen from in front; above, the calcar curve begins."""
_TOP_SHARE = 0.85
"""Seen from the side it is alike on both sides of its axis up to here, where collar and neck begin."""
_BOW_MM = 0.7
"""A shaft whose middle leaves the straight line by more is curved: its axis is the chord. The middles of straight stems
stay within 0.1 mm of it on slices 2 mm thick; tuned on phantoms."""
_CORE_MM = 2.0
"""Voxels this near to the axis tell where its ends are."""
_BORE_MM = (4.0, 9.0)
"""A bore for the extractor opens at the shoulder: looked for so far below it, beyond the blur of its rim. Ours; bores
are deeper than that, 10 mm and more."""
_LEAST_SOLID = 0.25
"""Share of the shoulder's voxels that must stand on solid metal for the others to be left out; ours."""
_LEAST_LENGTH_MM = 25.0
_LEAST_OFFSET_MM = 15.0
"""A head's centre stands this far beside its stem at least, 30-55 mm by design; a neck alone points at it."""


@dataclass(frozen=True, slots=True, eq=False)
class StraightShaft:
    """A straight axis through metal.

    Parameters
    ----------
    head_lps, tip_lps : PointsLps, shape (3,)
        Its ends: a stem's shoulder and tip, a nail's upper and lower end, a cup screw's head and tip.
    diameter_mm : float
        Of the straight part; of a screw, over its thread.
    side : "left", "right" or None
        By where the head or the lag screw lies: medial of the shaft.
    """

    head_lps: PointsLps
    tip_lps: PointsLps
    diameter_mm: float
    side: Side | None


def fit_stem(
    scanned: Scanned, points: PointsLps, hu: Array, metal: Array, head_centre_lps: PointsLps
) -> StraightShaft | None:
    """Find a stem's shoulder, tip and diameter.

    Parameters
    ----------
    scanned : Scanned
        The CT.
    points : PointsLps, shape (N, 3)
        The scan's voxels in and round the stem.
    hu : ndarray, shape (N,)
        Their HU.
    metal : ndarray of bool, shape (N,)
        Which of them are the stem's metal.
    head_centre_lps : PointsLps, shape (3,)
        Centre of the head.

    Returns
    -------
    StraightShaft or None
        None where too little of the shaft is in the scan to have an axis, as where only the neck is.

    Notes
    -----
    The axis is the line that the metal's voxels scatter least about: along the neck's plane in the straight lower
    part, and square to that plane over nearly the whole stem, for there it is alike on both sides. A stem curved with
    the femur has the chord from its shoulder to its tip. Where metal ends on the axis is read from the voxels
    (`end_along`).
    """
    own = np.asarray(points)[metal]
    line = _first_line(own, head_centre_lps)
    if line is None:
        return None
    middle, axis = line
    diameter = 0.0
    for _ in range(4):
        medial = _medial(head_centre_lps, middle, axis)
        square = np.cross(axis, medial)
        if float((head_centre_lps - middle) @ medial) < _LEAST_OFFSET_MM:
            return None
        from_middle = own - middle
        at, across, aside = from_middle @ axis, from_middle @ medial, from_middle @ square
        low, length = _extent(at, across)
        straight = (at > low + _NOSE_MM) & (at < low + _STRAIGHT_SHARE * length)
        alike = (at > low + _NOSE_MM) & (at < low + _TOP_SHARE * length)
        if length < _LEAST_LENGTH_MM or straight.sum() < 50:
            return None
        slope_m, base_m = np.polyfit(at[straight], across[straight], 1)
        slope_a, base_a = _side_line(at[alike], aside[alike], (low, low + length))
        middle = middle + base_m * medial + base_a * square
        axis = unit(axis + slope_m * medial + slope_a * square)
        area = straight.sum() * scanned.volume.grid.voxel_volume_mm3 / (_STRAIGHT_SHARE * length - _NOSE_MM)
        diameter = 2.0 * float(np.sqrt(area / np.pi))
    medial = _medial(head_centre_lps, middle, axis)
    tip_t, top_t = _ends(scanned, np.asarray(points), np.asarray(hu), metal, (middle, axis, medial), diameter)
    shoulder, tip = points_lps(middle + top_t * axis), points_lps(middle + tip_t * axis)
    return StraightShaft(shoulder, tip, diameter, side_of(medial))


def _first_line(own: Array, head_centre_lps: PointsLps) -> tuple[Array, Array] | None:
    """Middle and direction (upwards) of the lower part, by its points alone."""
    if len(own) < 50:
        return None
    middle = own.mean(axis=0)
    axis = np.linalg.svd(own - middle, full_matrices=False)[2][0]
    axis = axis if axis @ (head_centre_lps - middle) > 0 else -axis
    for _ in range(4):
        along = (own - middle) @ axis
        low, high = np.percentile(along, [0.2, 99.8])
        if high - low < _LEAST_LENGTH_MM:
            return None
        levels = np.arange(low + 3.0, low + _STRAIGHT_SHARE * (high - low), 2.0)
        slabs = [s for s in (own[np.abs(along - level) < 1.5] for level in levels) if len(s) > 5]
        if len(slabs) < 4:
            return None
        centres = np.array([s.mean(axis=0) for s in slabs])
        middle = centres.mean(axis=0)
        turned = np.linalg.svd(centres - middle, full_matrices=False)[2][0]
        axis = turned if turned @ axis > 0 else -turned
    return middle, axis


def _medial(head_centre_lps: PointsLps, middle: Array, axis: Array) -> Array:
    proximal = head_centre_lps - middle
    return unit(proximal - (proximal @ axis) * axis)


def _extent(at: Array, across: Array) -> tuple[float, float]:
    """Lower end, and length up to the shoulder: on the lateral side, for the neck rises on the other."""
    low = float(np.percentile(at, 0.2))
    lateral = at[across < 0.0]
    return low, float(np.percentile(lateral, 99.8)) - low if len(lateral) > 20 else float(at.max()) - low


def _side_line(at: Array, aside: Array, ends: tuple[float, float]) -> tuple[float, float]:
    """Slope and height of the axis seen from the side; of a curved stem, of the chord from shoulder to tip."""
    bow = np.polyfit(at, aside, 2)
    half = (ends[1] - ends[0]) / 2.0
    if abs(bow[0]) * half**2 < _BOW_MM:
        slope, base = np.polyfit(at, aside, 1)
        return float(slope), float(base)
    low, high = np.polyval(bow, ends[0]), np.polyval(bow, ends[1])
    slope = float((high - low) / (ends[1] - ends[0]))
    return slope, float(low - slope * ends[0])


def _ends(
    scanned: Scanned, points: Array, hu: Array, metal: Array, frame: tuple[Array, Array, Array], diameter: float
) -> tuple[float, float]:
    """Heights of tip and shoulder on the axis."""
    middle, axis, medial = frame
    from_middle = points - middle
    along = from_middle @ axis
    aside = from_middle - along[:, None] * axis
    far = np.linalg.norm(aside, axis=1)
    inside = metal & (far < _CORE_MM) if (metal & (far < _CORE_MM)).sum() > 20 else metal
    plateau, _ = scanned.plateau_hu(hu[inside], presumed_hu=scanned.config.stem_hu)
    low, high = float(along[inside].min()), float(along[inside].max())
    core = far < _CORE_MM
    down = end_along(
        scanned, points[core], hu[core], centre_lps=middle + low * axis, direction=-axis, plateau_hu=plateau
    )
    # the neck rises higher than the shoulder: it is left out by its side
    lateral = (aside @ medial < 0.15 * diameter) & (far < 0.4 * diameter)
    top = float(along[metal & lateral].max()) if (metal & lateral).any() else high
    lateral &= _on_solid(scanned, aside, along - top, lateral & np.logical_not(metal), lateral)
    up = end_along(
        scanned, points[lateral], hu[lateral], centre_lps=middle + top * axis, direction=axis, plateau_hu=plateau
    )
    return low - (down if down is not None else 0.0), top + (up if up is not None else 0.0)


def _on_solid(
    scanned: Scanned, aside: Array, above: Array, hollow: npt.NDArray[np.bool_], shown: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Say which voxels stand on solid metal, not over a bore or in its blur; all where too few of those shown do.

    ``aside`` is each voxel's way from the axis, shape (N, 3), ``above`` its height over the shoulder.
    """
    deep = hollow & (above < -_BORE_MM[0]) & (above > -_BORE_MM[1])
    everywhere = np.ones(len(aside), dtype=bool)
    if not deep.any():
        return everywhere
    far, _ = KDTree(aside[deep]).query(aside)
    solid = np.asarray(far > 2.0 * scanned.blur.in_slice_mm)
    return solid if np.count_nonzero(solid & shown) >= _LEAST_SOLID * np.count_nonzero(shown) else everywhere


def side_of(medial: Array) -> Side | None:
    """Tell the side of a hip by the direction towards the midline; None where that is not across the body."""
    if abs(medial[0]) < 0.3 * float(np.linalg.norm(medial)):
        return None
    return "left" if medial[0] < 0 else "right"
