"""How a stack of slices lies: evenly or not, upright or leaning, and the rectangular grid that it is planned on."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from planner.errors import GeometryError, SeriesError
from planner.geometry.frames import Array, PointsLps
from planner.geometry.grid import Grid
from planner.io.slice_distances import fill_in, heights_mm, make_even, normal_of, place_of, rounded_finding
from planner.model.finding import Finding
from planner.model.scan import StoredSlices

MOST_VOXELS = 4 << 30
"""A volume of more, 8 GB as 16-bit values, is no CT but damage. Ours: sixteen times 512 x 512 x 1000."""

_TILT_DEG = 0.1
"""A stack that leans less than this counts as upright: as the grid's own test of right angles."""
_GREATEST_TILT_DEG = 30.0
_TILT_SOURCE = "CT gantries tilt by 30 degrees at most (makers' data sheets)"
_SIDEWAYS_MM = 0.1
"""Positions rounded to 0.1 mm stray by 0.05 in each direction of the plane, 0.07 together, and the fitted line a little
more."""
_SIDEWAYS_ROUNDED = 0.9
"""As many units of coarse rounding: half a unit in each of three coordinates is 0.87 together."""
_SPACING_MM = (0.01, 50.0)
"""Distances between voxels beyond these are no CT of a patient but a wrong unit. Ours."""


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
        Slices after which something is interpolated through the slices; `planner.io.rectify.rectify` refuses those
        near metal.
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


def lay_out(stored: StoredSlices, *, thickness_mm: float | None = None) -> Layout:
    """Find the rectangular grid of a stack of slices.

    Parameters
    ----------
    stored : StoredSlices
        Two or more slices in the order of their places, rows and columns at right angles.
    thickness_mm : float or None
        Of the slices, by their headers: tells positions rounded to whole mm from missing slices; without it, what may
        be either counts as missing.

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
        where = place_of(stored, int(distances.argmin()))
        raise SeriesError(f"two slices lie in one plane, at {where}; export them apart")
    even, rounding_mm = make_even(stored, thickness_mm=thickness_mm)
    lean, sideways_mm = _lean(stored, heights)
    worst = int(sideways_mm.argmax())
    if sideways_mm[worst] > max(_SIDEWAYS_MM, _SIDEWAYS_ROUNDED * rounding_mm):
        raise SeriesError(
            f"the slice at {place_of(stored, worst)} is shifted sideways by {sideways_mm[worst]:.2f} mm against its "
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
        filled = fill_in(stored)
        step_mm, count, odd = filled.step_mm, filled.count, filled.places
        findings.extend(filled.findings)
    else:
        step_mm, count = float(even[1] - even[0]), len(heights)
        heights = even
        if rounding_mm:
            findings.append(rounded_finding(rounding_mm, step_mm))
    upright = tilt_deg <= _TILT_DEG or _has_strayed(stored, lean)
    if not upright:
        findings.insert(0, _tilt_finding(tilt_deg))
    straight = _on_line(stored, heights, lean)
    grid = _rectangular(straight, step_mm, count, lean, upright=upright)
    return Layout(straight, grid, tilt_deg, odd, tuple(findings))


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
    lateral = moved - np.outer(heights, normal_of(stored))
    centred = heights - heights.mean()
    lean = centred @ lateral / (centred @ centred)
    stray = lateral - lateral.mean(axis=0) - np.outer(centred, lean)
    return np.asarray(lean), np.asarray(np.linalg.norm(stray, axis=1))


def _has_strayed(stored: StoredSlices, lean: Array) -> bool:
    """Whether a slight lean of a short stack is that of one slice that strayed, and the others stand upright."""
    heights = heights_mm(stored)
    if float(np.linalg.norm(lean)) * float(heights[-1]) > 2 * _SIDEWAYS_MM:
        return False
    steps = np.diff(stored.positions_lps - np.outer(heights, normal_of(stored)), axis=0)
    usual = np.median(steps / np.diff(heights)[:, None], axis=0)
    return bool(np.degrees(np.arctan(np.linalg.norm(usual))) <= _TILT_DEG)


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


def _on_line(stored: StoredSlices, heights: Array, lean: Array) -> StoredSlices:
    """Put the slices onto the line that they follow, in their order."""
    way = normal_of(stored) + lean
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
    matrix[:3, 0] = (normal_of(stored) + (lean if upright else 0.0)) * step_mm
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
        if float(np.prod(np.array(shape, dtype=np.float64))) > MOST_VOXELS:
            raise SeriesError(f"the slices would fill {shape} voxels, more than any CT holds: damaged")
        return Grid(shape, matrix, stored.frame_of_reference_uid)
    except GeometryError as error:
        raise SeriesError(f"the slices make no volume: {error}") from error
