"""How a stack of slices lies: evenly or not, upright or leaning, and the rectangular grid that it is planned on."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from planner.errors import GeometryError, SeriesError
from planner.geometry.frames import Array, PointsLps
from planner.geometry.grid import Grid
from planner.model.finding import Finding
from planner.model.scan import StoredSlices

CLEAR_OF_METAL_MM = 15.0
"""An odd distance lies at least this far from metal: the farthest lucent space that counts as one round an implant
(HipGapConfig.bone_reach_mm; halos round screws end sooner), so that no gap is measured on filled-in voxels."""

_ROUNDING_MM = 0.06
"""Positions rounded to 0.1 mm, as some scanners write them, stray by 0.05."""
_IRREGULAR_SHARE = 0.05
"""A slice may lie off its place by this share of the slice distance. Ours: far below the partial volume effect."""
_TILT_DEG = 0.1
"""A stack that leans less than this counts as upright: as the grid's own test of right angles."""
_GREATEST_TILT_DEG = 30.0
_TILT_SOURCE = "CT gantries tilt by 30 degrees at most (makers' data sheets)"
_SIDEWAYS_MM = 0.1
_UNEVEN_SHARE = 0.25
"""Distances within this share of the usual one are the table's unevenness: no place is sampled much thinner than the
others. Ours."""
_CLOSEST_SHARE = 0.25
"""Slices nearer than this share of the usual distance are no stack of one scan. Ours."""
_WIDEST_SHARE = 2.0
"""A gap is at most this many distances wide: one slice missing in one place."""
_WIDEST_GAP_MM = 5.0
"""And at most this wide. Ours: pedicles are 10 mm high and more (thoracic and lumbar), so two slices still cut each."""
_GAP_SOURCE = "ours: one missing slice, 5 mm at most, so that two slices still cut each pedicle"
_ODD_SHARE = 0.1
"""Share of the distances that may be odd; more of them are two scans in one. Ours."""
_COARSE_ROUNDINGS_MM = (1.0, 0.5)
_FEWEST_ROUNDED = 3
_ROUNDED_OFF = 0.9
"""Three coordinates that are each half a unit off lie 0.87 units off together."""
_SPACING_MM = (0.01, 50.0)
"""Distances between voxels beyond these are no CT of a patient but a wrong unit. Ours."""
_MOST_VOXELS = 4 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where a stack's slices lie, and where they are planned on.

    Parameters
    ----------
    stored : StoredSlices
        The file's own slices; even ones on their line, free of rounding.
    grid : Grid
        The rectangular grid to plan on: the slices' own where it is one.
    tilt_deg : float
        How far the stack leans from the slices' normal.
    odd_places : tuple of int
        Slices after which the distance is odd; `planner.io.rectify.rectify` refuses those near metal.
    findings : tuple of Finding
        What was put right, or will be.
    """

    stored: StoredSlices
    grid: Grid
    tilt_deg: float
    odd_places: tuple[int, ...]
    findings: tuple[Finding, ...]

    @property
    def is_rectangular(self) -> bool:
        """Whether the slices lie on the rectangular grid as they are."""
        own = self.stored.grid
        return self.grid.shape[0] == 1 or (own is not None and own.is_same(self.grid))

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """The usual distance between neighbouring slices' planes, rows and columns, mm."""
        return self.grid.spacing_mm


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
    heights = (stored.positions_lps - stored.positions_lps[0]) @ _normal(stored)
    return np.asarray(heights, dtype=np.float64)


def lay_out(stored: StoredSlices) -> Layout:
    """Find the rectangular grid of a stack of slices.

    Parameters
    ----------
    stored : StoredSlices
        Two or more slices in the order of their places, rows and columns at right angles.

    Returns
    -------
    Layout

    Raises
    ------
    SeriesError
        If the slices are missing, irregular, shifted sideways or leaning beyond what can be put right.
    """
    if len(stored.positions_lps) < 2:
        raise SeriesError("one slice alone does not say how a stack lies; give the whole CT")
    heights = heights_mm(stored)
    distances = np.diff(heights)
    edges = (np.median(distances), np.linalg.norm(stored.row_step_lps), np.linalg.norm(stored.column_step_lps))
    refuse_spacing(float(mm) for mm in edges)
    if distances.min() <= 0:
        where = _place(stored, int(distances.argmin()))
        raise SeriesError(f"two slices lie in one plane, at {where}; export them apart")
    rounding_mm = _coarse_rounding_mm(stored, distances)
    even = _even_heights(heights, max(_ROUNDING_MM, _ROUNDED_OFF * rounding_mm))
    lean, sideways_mm = _lean(stored, heights)
    worst = int(sideways_mm.argmax())
    if sideways_mm[worst] > max(_SIDEWAYS_MM, 0.0 if even is None else _ROUNDED_OFF * rounding_mm):
        raise SeriesError(
            f"the slice at {_place(stored, worst)} is shifted sideways by {sideways_mm[worst]:.2f} mm against its "
            "neighbours; export the original series whole"
        )
    tilt_deg = float(np.degrees(np.arctan(np.linalg.norm(lean))))
    if tilt_deg > _GREATEST_TILT_DEG:
        raise SeriesError(
            f"the slices lean by {tilt_deg:.1f} degrees, more than any gantry tilts ({_GREATEST_TILT_DEG:.0f}): "
            "their positions or orientation are damaged; export the original series"
        )
    findings: list[Finding] = []
    odd: tuple[int, ...] = ()
    if even is None:
        step_mm = _usual_mm(distances)
        odd = _odd_places(stored, distances, step_mm)
        findings.extend(_uneven_findings(stored, distances, odd, step_mm))
        count = round(float(heights[-1]) / step_mm) + 1
        step_mm = float(heights[-1]) / (count - 1)
    else:
        step_mm, count = float(even[1] - even[0]), len(heights)
        heights = even
        if rounding_mm:
            findings.append(_rounded_finding(rounding_mm, step_mm))
    upright = tilt_deg <= _TILT_DEG or _has_strayed(stored, lean)
    if not upright:
        findings.insert(0, _tilt_finding(tilt_deg))
    straight = _on_line(stored, heights, lean)
    grid = _rectangular(straight, step_mm, count, lean, upright=upright)
    return Layout(straight, grid, tilt_deg, odd, tuple(findings))


def _normal(stored: StoredSlices) -> Array:
    """Give the slices' unit normal, towards the later ones."""
    normal = np.cross(stored.column_step_lps, stored.row_step_lps)
    normal = normal / np.linalg.norm(normal)
    way = stored.positions_lps[-1] - stored.positions_lps[0]
    return np.asarray(-normal if normal @ way < 0 else normal)


def refuse_spacing(edges_mm: Iterable[float]) -> None:
    """Refuse distances between voxels that no CT of a patient has.

    Parameters
    ----------
    edges_mm : iterable of float
        Distances between neighbouring voxels, mm.

    Raises
    ------
    SeriesError
        If one lies out of range, as it does in the wrong unit.
    """
    edges = tuple(float(mm) for mm in edges_mm)
    if not _SPACING_MM[0] <= min(edges) <= max(edges) <= _SPACING_MM[1]:
        named = " x ".join(f"{mm:.3g}" for mm in edges)
        raise SeriesError(f"voxels of {named} mm are no CT of a patient: the unit is wrong; export the original series")


def _lean(stored: StoredSlices, heights: Array) -> tuple[Array, Array]:
    """Fit the way that the slices move in their planes per mm of height; and how far each strays from it, mm."""
    moved = stored.positions_lps - stored.positions_lps[0]
    lateral = moved - np.outer(heights, _normal(stored))
    centred = heights - heights.mean()
    lean = centred @ lateral / (centred @ centred)
    stray = lateral - lateral.mean(axis=0) - np.outer(centred, lean)
    return np.asarray(lean), np.asarray(np.linalg.norm(stray, axis=1))


def _has_strayed(stored: StoredSlices, lean: Array) -> bool:
    """Whether a slight lean of a short stack is that of one slice that strayed, and the others stand upright."""
    heights = heights_mm(stored)
    if float(np.linalg.norm(lean)) * float(heights[-1]) > 2 * _SIDEWAYS_MM:
        return False
    steps = np.diff(stored.positions_lps - np.outer(heights, _normal(stored)), axis=0)
    usual = np.median(steps / np.diff(heights)[:, None], axis=0)
    return bool(np.degrees(np.arctan(np.linalg.norm(usual))) <= _TILT_DEG)


def _even_heights(heights: Array, least_tolerance_mm: float) -> Array | None:
    """Give evenly spaced heights where the slices lie on them but for rounding.

    They are fitted to all slices, so that rounding does not add up along the stack.
    """
    number = np.arange(len(heights)) - (len(heights) - 1) / 2
    step_mm = float(number @ heights / (number @ number))
    even = heights.mean() + step_mm * number
    tolerance_mm = max(least_tolerance_mm, _IRREGULAR_SHARE * step_mm)
    return np.asarray(even) if np.abs(heights - even).max() <= tolerance_mm else None


def _coarse_rounding_mm(stored: StoredSlices, distances: Array) -> float:
    """Tell whether positions were rounded to whole or half mm; 0 where they were not.

    Distances of 1, 1, 2, 1, 1, 2 mm may be slices 1.33 mm apart, or missing ones. Rounding is believed only where it
    shows in a tenth of the distances and leaves no position further off an even line than it can: slices that were
    lost would have to be lost at just these places.
    """
    changing = stored.positions_lps[:, np.ptp(stored.positions_lps, axis=0) > 1e-6]
    number = np.arange(len(changing)) - (len(changing) - 1) / 2
    steps = number @ changing / (number @ number)
    off = np.abs(changing - changing.mean(axis=0) - np.outer(number, steps)).max()
    usual = float(np.median(distances))
    others = int(np.count_nonzero(np.abs(distances - usual) > 0.1 * usual))
    if others < max(_FEWEST_ROUNDED, _ODD_SHARE * len(distances)):
        return 0.0
    for unit in _COARSE_ROUNDINGS_MM:
        # The fitted line may itself lie a little off the true one.
        if np.abs(changing / unit - np.rint(changing / unit)).max() < 1e-4 and off <= 0.6 * unit:
            return unit
    return 0.0


def _usual_mm(distances: Array) -> float:
    """Give the mean of the usual distances: a median of rounded ones would drift."""
    middle = float(np.sort(distances)[(len(distances) - 1) // 2])
    return float(distances[np.abs(distances - middle) <= _UNEVEN_SHARE * middle].mean())


def _odd_places(stored: StoredSlices, distances: Array, step_mm: float) -> tuple[int, ...]:
    """Find the slices after which the distance is odd; refuse what cannot be filled in."""
    tolerance_mm = 2 * max(_ROUNDING_MM, _IRREGULAR_SHARE * step_mm)  # both ends of a distance may stray
    odd = np.flatnonzero(np.abs(distances - step_mm) > _UNEVEN_SHARE * step_mm + 1e-6)
    if len(odd) > max(1, int(_ODD_SHARE * len(distances))):
        raise SeriesError(
            f"slice distances are irregular: {_counted(distances)}; the first odd one is after "
            f"{_place(stored, int(odd[0]))}; export each scan as a series of its own"
        )
    for number in odd.tolist():
        mm = float(distances[number])
        if mm > _WIDEST_SHARE * step_mm + tolerance_mm or (mm > step_mm and mm > _WIDEST_GAP_MM + tolerance_mm):
            lost = max(1, round(mm / step_mm) - 1)
            raise SeriesError(
                f"{lost} slice(s) are missing after {_place(stored, number)}: the next is {mm:.2f} mm on, the others "
                f"{step_mm:.2f} mm apart; only one may be missing in a place, {_WIDEST_GAP_MM:g} mm at most: "
                "export the series whole"
            )
        if mm < _CLOSEST_SHARE * step_mm:
            raise SeriesError(
                f"slice distances are irregular: {mm:.2f} mm after {_place(stored, number)}, the others "
                f"{step_mm:.2f} mm; export each scan as a series of its own"
            )
    return tuple(odd.tolist())


def _counted(distances: Array) -> str:
    counts = Counter(f"{mm:.2f}" for mm in distances)
    named = [f"{count} x {mm} mm" for mm, count in sorted(counts.items(), key=lambda c: (-c[1], float(c[0])))]
    return ", ".join(named[:4]) + (" and others" if len(named) > 4 else "")


def _uneven_findings(
    stored: StoredSlices, distances: Array, odd: tuple[int, ...], step_mm: float
) -> tuple[Finding, ...]:
    usual = np.abs(distances - step_mm)
    usual[list(odd)] = 0.0
    worst = int(usual.argmax())
    findings = []
    if not odd or usual[worst] > 2 * max(_ROUNDING_MM, _IRREGULAR_SHARE * step_mm):
        message = (
            f"slice distances are uneven: {distances[worst]:.2f} mm after {_place(stored, worst)}, on average "
            f"{step_mm:.2f} mm; the slices are interpolated onto even distances"
        )
        findings.append(
            Finding(
                code="slices-uneven",
                severity="caution",
                message=message,
                where_lps=_between(stored, worst),
                measured=float(usual[worst]),
                limit=_UNEVEN_SHARE * step_mm,
                unit="mm",
                source="ours: a quarter of the slice distance",
            )
        )
    for number in odd:
        mm = float(distances[number])
        what = "a slice is missing" if mm > step_mm else "two slices lie close"
        message = (
            f"{what} after {_place(stored, number)}: the next is {mm:.2f} mm on, the others {step_mm:.2f} mm apart; "
            f"what lies between is interpolated, which is done only with no metal within {CLEAR_OF_METAL_MM:g} mm"
        )
        findings.append(
            Finding(
                code="slice-missing" if mm > step_mm else "slices-close",
                severity="caution",
                message=message,
                where_lps=_between(stored, number),
                measured=mm,
                limit=min(_WIDEST_SHARE * step_mm, _WIDEST_GAP_MM) if mm > step_mm else None,
                unit="mm",
                source=_GAP_SOURCE,
            )
        )
    return tuple(findings)


def _tilt_finding(tilt_deg: float) -> Finding:
    message = (
        f"the slices lean by {tilt_deg:.1f} degrees (gantry tilt): each is shifted within its own plane onto a "
        "rectangular grid; what lies outside of the scanned slices is padding"
    )
    return Finding(
        code="gantry-tilt",
        severity="caution",
        message=message,
        measured=tilt_deg,
        limit=_GREATEST_TILT_DEG,
        unit="deg",
        source=_TILT_SOURCE,
    )


def _rounded_finding(rounding_mm: float, step_mm: float) -> Finding:
    message = (
        f"the slices' positions are rounded to {rounding_mm:g} mm; they are taken as {step_mm:.3f} mm apart, and each "
        f"may lie {rounding_mm / 2:g} mm off"
    )
    return Finding(code="positions-rounded", severity="caution", message=message, measured=rounding_mm, unit="mm")


def _on_line(stored: StoredSlices, heights: Array, lean: Array) -> StoredSlices:
    """Put the slices onto the line that they follow, in their order."""
    way = _normal(stored) + lean
    own = heights_mm(stored)
    middle = stored.positions_lps.mean(axis=0)
    positions = middle + np.outer(heights - own.mean(), way)
    return StoredSlices(
        PointsLps(positions),
        stored.row_step_lps,
        stored.column_step_lps,
        stored.rows,
        stored.columns,
        stored.frame_of_reference_uid,
    )


def _rectangular(stored: StoredSlices, step_mm: float, count: int, lean: Array, *, upright: bool) -> Grid:
    """Lay a grid along the slices' planes and their normal that holds every stored voxel."""
    matrix = np.eye(4)
    matrix[:3, 1], matrix[:3, 2] = stored.row_step_lps, stored.column_step_lps
    matrix[:3, 0] = (_normal(stored) + (lean if upright else 0.0)) * step_mm
    matrix[:3, 3] = stored.positions_lps[0]
    shape = (count, stored.rows, stored.columns)
    try:
        grid = Grid(shape, matrix, stored.frame_of_reference_uid)
        if upright:
            return grid
        moved = grid.to_index(stored.positions_lps)[:, 1:]
        low, high = moved.min(axis=0), moved.max(axis=0)
        more = np.ceil(high - low - 1e-6).astype(int)
        matrix[:3, 3] = grid.to_lps((0.0, low[0], low[1]))
        shape = (count, stored.rows + int(more[0]), stored.columns + int(more[1]))
        if float(np.prod(np.array(shape, dtype=np.float64))) > _MOST_VOXELS:
            raise SeriesError(f"the slices would fill {shape} voxels, more than any CT holds: damaged")
        return Grid(shape, matrix, stored.frame_of_reference_uid)
    except GeometryError as error:
        raise SeriesError(f"the slices make no volume: {error}") from error


def _between(stored: StoredSlices, number: int) -> tuple[float, float, float]:
    """Give the middle of the space after a slice, LPS mm."""
    middle = stored.positions_lps[number : number + 2].mean(axis=0)
    middle = middle + stored.row_step_lps * (stored.rows - 1) / 2 + stored.column_step_lps * (stored.columns - 1) / 2
    x, y, z = (float(v) for v in middle)
    return x, y, z


def _place(stored: StoredSlices, number: int) -> str:
    x, y, z = (float(v) for v in stored.positions_lps[number])
    return f"({x:.2f}, {y:.2f}, {z:.2f}) mm"
