"""At which distances the slices of a stack follow each other: evenly, rounded, uneven, or with some missing."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from planner.errors import SeriesError
from planner.geometry.frames import Array
from planner.model.finding import Finding
from planner.model.scan import StoredSlices

CLEAR_OF_METAL_MM = 15.0
"""Nothing is interpolated through the slices nearer to metal: the farthest lucent space that counts as one round an
implant (HipGapConfig.bone_reach_mm; halos round screws end sooner), so that no gap is measured on filled-in voxels."""

_ROUNDING_MM = 0.06
"""Positions rounded to 0.1 mm, as some scanners write them, stray by 0.05."""
_IRREGULAR_SHARE = 0.05
"""A slice may lie off its place by this share of the slice distance, also near metal. Ours: a slice averages over its
own thickness, so a twentieth of that is far below the partial volume effect."""
_UNEVEN_SHARE = 0.25
"""Distances within this share of the usual one are the table's unevenness: no place is sampled much thinner than the
others. Ours."""
_CLOSEST_SHARE = 0.25
"""Slices nearer than this share of the usual distance are no stack of one scan. Ours."""
MISSING_SHARE = 1.5
"""From here a distance is nearer to that of a missing slice (2) than to the usual one (1)."""
_WIDEST_SHARE = 2.0
"""A gap is at most this many distances wide: one slice missing in one place."""
_WIDEST_GAP_MM = 5.0
"""And at most this wide. Ours: pedicles are 10 mm high and more (thoracic and lumbar), so two slices still cut each."""
_GAP_SOURCE = "ours: one missing slice, 5 mm at most, so that two slices still cut each pedicle"
_ODD_SHARE = 0.1
"""Share of the distances that may be odd; more of them are two scans in one. Ours."""
_COARSE_ROUNDINGS_MM = (1.0, 0.5)
"""What software that keeps no decimals, or halves, leaves of positions. Finer rounding counts as even, or shows in no
distance by itself; coarser would hide whole slices. Ours."""
_FEWEST_ROUNDED = 3
"""Rounding comes back all along a stack; one or two odd distances may as well be lost slices. Ours."""
_ROUNDED_OFF = 0.9
"""Three coordinates that are each half a unit off lie 0.87 units off together."""
_THICKNESS_SHARE = 0.045
"""A thickness this near to the mean distance is that distance: 1.3 is written for 1.25 (4 %), and a tenth of the slices
lost (`_ODD_SHARE`) puts the mean off by 9 % or more. Ours."""
_THIN_SHARE = 0.8
"""Slices much thinner than their mean distance speak for lost ones between them. Ours."""
_MULTIPLE = 0.01
"""Distances this near to whole multiples of the shortest are multiples: a hundredth of it, for written decimals."""


def normal_of(stored: StoredSlices) -> Array:
    """Give the slices' unit normal, towards the later ones.

    Parameters
    ----------
    stored : StoredSlices
        At least one.

    Returns
    -------
    ndarray, shape (3,)
        LPS.
    """
    normal = np.cross(stored.column_step_lps, stored.row_step_lps)
    normal = normal / np.linalg.norm(normal)
    way = stored.positions_lps[-1] - stored.positions_lps[0]
    return np.asarray(-normal if normal @ way < 0 else normal)


def heights_mm(stored: StoredSlices) -> Array:
    """Give the slices' places along their normal.

    Parameters
    ----------
    stored : StoredSlices
        At least one.

    Returns
    -------
    ndarray, shape (slices,)
        From the first slice on, mm.
    """
    heights = (stored.positions_lps - stored.positions_lps[0]) @ normal_of(stored)
    return np.asarray(heights, dtype=np.float64)


def place_of(stored: StoredSlices, number: int) -> str:
    """Name a slice by the place of its first voxel.

    Parameters
    ----------
    stored : StoredSlices
        The stack.
    number : int
        Index of the slice.

    Returns
    -------
    str
        LPS, such as "(-31.50, 12.25, -403.75) mm".
    """
    x, y, z = (float(v) for v in stored.positions_lps[number])
    return f"({x:.2f}, {y:.2f}, {z:.2f}) mm"


@dataclass(frozen=True, slots=True, eq=False)
class FilledIn:
    """The even distances that uneven slices are interpolated onto.

    Parameters
    ----------
    step_mm : float
        Between neighbouring planes; the first plane and the last are the first slice and the last.
    count : int
        Planes.
    places : tuple of int
        Slices after which a plane lies in no slice, or the distance is odd.
    findings : tuple of Finding
        What is uneven, and where.
    """

    step_mm: float
    count: int
    places: tuple[int, ...]
    findings: tuple[Finding, ...]


def counts_as_even_mm(step_mm: float) -> float:
    """Give how far a slice may lie off its place in an even stack, and still be taken to lie there.

    Parameters
    ----------
    step_mm : float
        Distance between neighbouring slices.

    Returns
    -------
    float
        mm.
    """
    return max(_ROUNDING_MM, _IRREGULAR_SHARE * step_mm)


def make_even(stored: StoredSlices, *, thickness_mm: float | None) -> tuple[Array | None, float]:
    """Give evenly spaced heights where the slices lie on them but for rounding.

    Parameters
    ----------
    stored : StoredSlices
        Two or more, in the order of their heights.
    thickness_mm : float or None
        Of the slices, by their headers: tells coarse rounding from missing slices.

    Returns
    -------
    heights : ndarray, shape (slices,), or None
        Fitted to all slices, so that rounding does not add up along the stack; None where they lie unevenly.
    rounding_mm : float
        How coarsely the positions are rounded; 0 where they are not.
    """
    heights = heights_mm(stored)
    rounding_mm = _coarse_rounding_mm(stored, np.diff(heights), thickness_mm)
    number = np.arange(len(heights)) - (len(heights) - 1) / 2
    step_mm = float(number @ heights / (number @ number))
    even = heights.mean() + step_mm * number
    tolerance_mm = max(counts_as_even_mm(step_mm), _ROUNDED_OFF * rounding_mm)
    if np.abs(heights - even).max() > tolerance_mm:
        return None, 0.0
    return np.asarray(even), rounding_mm


def fill_in(stored: StoredSlices) -> FilledIn:
    """Find the even distances nearest to those of uneven slices.

    Parameters
    ----------
    stored : StoredSlices
        Two or more, in the order of their heights.

    Returns
    -------
    FilledIn

    Raises
    ------
    SeriesError
        If more is missing or irregular than can be filled in anywhere.
    """
    heights = heights_mm(stored)
    distances = np.diff(heights)
    usual_mm = _usual_mm(distances)
    odd = _odd_places(stored, distances, usual_mm)
    count = round(float(heights[-1]) / usual_mm) + 1
    step_mm = float(heights[-1]) / (count - 1)
    planes = np.arange(count) * step_mm
    after = np.clip(np.searchsorted(heights, planes), 1, len(heights) - 1) - 1
    off_mm = np.minimum(np.abs(planes - heights[after]), np.abs(planes - heights[after + 1]))
    between = after[off_mm > counts_as_even_mm(step_mm)]
    places = tuple(sorted({*odd, *(int(k) for k in between)}))
    return FilledIn(step_mm, count, places, _findings(stored, distances, odd, usual_mm))


def rounded_finding(rounding_mm: float, step_mm: float) -> Finding:
    """Say that positions are rounded coarsely.

    Parameters
    ----------
    rounding_mm : float
        To what they are rounded.
    step_mm : float
        The distance that was found all the same.

    Returns
    -------
    Finding
    """
    message = (
        f"the slices' positions are rounded to {rounding_mm:g} mm; they are taken as {step_mm:.3f} mm apart, and each "
        f"may lie {rounding_mm / 2:g} mm off"
    )
    return Finding(code="positions-rounded", severity="caution", message=message, measured=rounding_mm, unit="mm")


def _coarse_rounding_mm(stored: StoredSlices, distances: Array, thickness_mm: float | None) -> float:
    """Tell whether positions were rounded to whole or half mm; 0 where they were not, or where it is in doubt.

    Distances of 1, 1, 2, 1, 1, 2 mm may be slices 1.33 mm apart, or lost ones. Rounding is believed only where it comes
    back along the stack, leaves no position further off an even line than half a unit, and the slices' thickness is the
    even line's distance. Where distances are no multiples of the shortest (2, 2, 3 mm), lost slices cannot make them:
    there it is enough that the slices are not much thinner than their distance.
    """
    usual, mean = float(np.median(distances)), float(distances.mean())
    others = int(np.count_nonzero(np.abs(distances - usual) > 0.1 * usual))
    if others < max(_FEWEST_ROUNDED, _ODD_SHARE * len(distances)):
        return 0.0
    if _are_multiples(distances):
        believed = thickness_mm is not None and abs(thickness_mm - mean) <= _THICKNESS_SHARE * mean
    else:
        believed = thickness_mm is None or thickness_mm >= _THIN_SHARE * mean
    if not believed:
        return 0.0
    changing = stored.positions_lps[:, np.ptp(stored.positions_lps, axis=0) > 1e-6]
    for unit in _COARSE_ROUNDINGS_MM:
        whole = np.abs(changing / unit - np.rint(changing / unit)).max() < 1e-4
        if whole and all(_is_rounded_line(along, unit) for along in changing.T):
            return unit
    return 0.0


def _are_multiples(distances: Array) -> bool:
    times = distances / distances.min()
    return bool(np.abs(times - np.rint(times)).max() <= _MULTIPLE)


def _is_rounded_line(along: Array, unit: float) -> bool:
    """Whether some even line passes every coordinate within half a unit."""
    number = np.arange(len(along)) - (len(along) - 1) / 2
    step = float(number @ along / (number @ number))
    reach = 2 * unit / (len(along) - 1)  # a line turned further leaves the ends by more than a unit
    from scipy import optimize  # slow to load, and hardly ever asked

    best = optimize.minimize_scalar(
        lambda slope: float(np.ptp(along - slope * number)),
        bounds=(step - reach, step + reach),
        method="bounded",
        options={"xatol": 1e-5 * reach},
    )
    return float(best.fun) <= 1.001 * unit


def _usual_mm(distances: Array) -> float:
    """Give the mean of the usual distances: a median of rounded ones would drift."""
    middle = float(np.sort(distances)[(len(distances) - 1) // 2])
    return float(distances[np.abs(distances - middle) <= _UNEVEN_SHARE * middle].mean())


def _odd_places(stored: StoredSlices, distances: Array, step_mm: float) -> tuple[int, ...]:
    """Find the slices after which the distance is odd; refuse what cannot be filled in."""
    tolerance_mm = 2 * counts_as_even_mm(step_mm)  # both ends of a distance may stray
    odd = np.flatnonzero(np.abs(distances - step_mm) > _UNEVEN_SHARE * step_mm + 1e-6)
    if len(odd) > max(1, int(_ODD_SHARE * len(distances))):
        advice = (
            "slices are missing, or the positions are rounded and the slice thickness does not bear it out: "
            "export the series whole"
            if _are_multiples(distances)
            else "export each scan as a series of its own"
        )
        raise SeriesError(
            f"slice distances are irregular: {_counted(distances)}; the first odd one is after "
            f"{place_of(stored, int(odd[0]))}; {advice}"
        )
    for number in odd.tolist():
        mm = float(distances[number])
        if mm > _WIDEST_SHARE * step_mm + tolerance_mm or (mm > step_mm and mm > _WIDEST_GAP_MM + tolerance_mm):
            lost = max(1, round(mm / step_mm) - 1)
            raise SeriesError(
                f"{lost} slice(s) are missing after {place_of(stored, number)}: the next is {mm:.2f} mm on, the others "
                f"{step_mm:.2f} mm apart; only one may be missing in a place, {_WIDEST_GAP_MM:g} mm at most: "
                "export the series whole"
            )
        if mm < _CLOSEST_SHARE * step_mm:
            raise SeriesError(
                f"slice distances are irregular: {mm:.2f} mm after {place_of(stored, number)}, the others "
                f"{step_mm:.2f} mm; export each scan as a series of its own"
            )
    return tuple(odd.tolist())


def _counted(distances: Array) -> str:
    counts = Counter(f"{mm:.2f}" for mm in distances)
    named = [f"{count} x {mm} mm" for mm, count in sorted(counts.items(), key=lambda c: (-c[1], float(c[0])))]
    return ", ".join(named[:4]) + (" and others" if len(named) > 4 else "")


def _findings(stored: StoredSlices, distances: Array, odd: tuple[int, ...], step_mm: float) -> tuple[Finding, ...]:
    usual = np.abs(distances - step_mm)
    usual[list(odd)] = 0.0
    worst = int(usual.argmax())
    findings = []
    if not odd or usual[worst] > 2 * counts_as_even_mm(step_mm):
        what = f"slice distances are uneven: {distances[worst]:.2f} mm after {place_of(stored, worst)}"
        findings.append(_uneven(stored, worst, what, step_mm=step_mm, off_mm=float(usual[worst])))
    told: set[int] = set()
    for number in odd:
        mm = float(distances[number])
        if number in told:
            continue
        if number + 1 in odd and _is_out_of_place(mm, float(distances[number + 1]), step_mm):
            told.add(number + 1)
            what = (
                f"slices lie {mm:.2f} mm and {distances[number + 1]:.2f} mm apart round {place_of(stored, number + 1)}"
            )
            findings.append(_uneven(stored, number, what, step_mm=step_mm, off_mm=abs(mm - step_mm)))
        elif step_mm < mm < MISSING_SHARE * step_mm:
            what = f"slices lie {mm:.2f} mm apart after {place_of(stored, number)}"
            findings.append(_uneven(stored, number, what, step_mm=step_mm, off_mm=mm - step_mm))
        else:
            findings.append(_missing_or_close(stored, number, mm, step_mm))
    return tuple(findings)


def _is_out_of_place(first_mm: float, second_mm: float, step_mm: float) -> bool:
    """Whether two odd distances make two usual ones: the slice between them lies off its place, and none is missing."""
    return abs(first_mm + second_mm - 2 * step_mm) <= 2 * counts_as_even_mm(step_mm)


def _uneven(stored: StoredSlices, number: int, what: str, *, step_mm: float, off_mm: float) -> Finding:
    message = (
        f"{what}, on average {step_mm:.2f} mm; the slices are interpolated onto even distances, and loading refuses "
        f"the CT where that is within {CLEAR_OF_METAL_MM:g} mm of metal"
    )
    return Finding(
        code="slices-uneven",
        severity="caution",
        message=message,
        where_lps=_between(stored, number),
        measured=off_mm,
        limit=_UNEVEN_SHARE * step_mm,
        unit="mm",
        source="ours: a quarter of the slice distance",
    )


def _missing_or_close(stored: StoredSlices, number: int, mm: float, step_mm: float) -> Finding:
    what = "a slice is missing" if mm > step_mm else "two slices lie close"
    message = (
        f"{what} after {place_of(stored, number)}: the next is {mm:.2f} mm on, the others {step_mm:.2f} mm apart; "
        f"what lies between is interpolated, and loading refuses the CT where metal lies within "
        f"{CLEAR_OF_METAL_MM:g} mm of it"
    )
    return Finding(
        code="slice-missing" if mm > step_mm else "slices-close",
        severity="caution",
        message=message,
        where_lps=_between(stored, number),
        measured=mm,
        limit=min(_WIDEST_SHARE * step_mm, _WIDEST_GAP_MM) if mm > step_mm else None,
        unit="mm",
        source=_GAP_SOURCE,
    )


def _between(stored: StoredSlices, number: int) -> tuple[float, float, float]:
    """Give the middle of the space after a slice, LPS mm."""
    middle = stored.positions_lps[number : number + 2].mean(axis=0)
    middle = middle + stored.row_step_lps * (stored.rows - 1) / 2 + stored.column_step_lps * (stored.columns - 1) / 2
    x, y, z = (float(v) for v in middle)
    return x, y, z
