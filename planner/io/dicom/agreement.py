"""Whether the slices of a stack agree with each other: what one damaged file says shows against its neighbours.

What is wrong in all files alike cannot be seen here.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.errors import SeriesError
from planner.geometry.frames import Array
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.pixels import where
from planner.model.finding import Finding

_SAME_DIRECTION = 1e-4
"""Slices turned against each other by less count as parallel: over 500 mm it moves a corner by 0.05 mm. Ours."""
_MOST_JITTER = 0.9
"""Where the slices' directions jitter, nine in ten of them say by how much."""
_STANDS_OUT = 3.0
"""A slice turned by this many times as much as nine in ten of the others is damaged. Ours: rounding has no tail, its
greatest deviation is twice the mean one."""
_CORNER_MM = 0.2
"""All slices get one direction; no slice's far corner may move by more for it. Ours: half of the smallest usual pixel
(0.4 mm, a 200 mm field of 512), and directions kept to three decimals (0.0005 off) still pass over 400 mm."""
_FURTHEST_MM = 1e5
"""Positions beyond 100 m, or pixels larger than that, are damage. Ours: a scanner's frame begins within a few metres,
and what damaged digits make (1e30) would overflow what is computed of it."""
_FINEST_MM = 1e-3
_FITS_BETTER = 0.75
"""A slice is damaged where what its neighbour says of storage and rescale brings it this much nearer to the neighbour
than what it says itself. Ours: between noise (1) and any change that moves the HU by the noise or more (below 0.7)."""
_FEW_LEFT_OUT = 3
"""What one or a few damaged files leave; a larger stack is one of its own."""
_NEXT_SLICES = 2
_ON_ITS_PLACE_MM = 0.1
_ON_ITS_PLACE_SHARE = 0.05
_FORM = ("slope", "intercept", "bits_allocated", "bits_stored", "signed", "padding", "padding_limit", "photometric")
"""What a slice says of how its values are stored."""

Voxels = npt.NDArray[Any]
ReadOne = Callable[[SliceHeader], Voxels]


def agree(headers: Sequence[SliceHeader]) -> tuple[tuple[SliceHeader, ...], tuple[Finding, ...]]:
    """Let the slices of a stack agree on their directions and the patient's position.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Slices that were taken for one stack, in any order.

    Returns
    -------
    headers : tuple of SliceHeader
        The same, all with the median direction and the commonest patient position.
    findings : tuple of Finding
        What one of them says otherwise.

    Raises
    ------
    SeriesError
        If a slice is turned against the others by more than they are among each other, or all by more than rounding,
        or one says positions that make no sense.
    """
    for header in headers:
        _refuse_absurd(header)
    positions = Counter(header.patient_position for header in headers)
    position, most = positions.most_common(1)[0]
    findings: tuple[Finding, ...] = ()
    if most < len(headers):
        message = (
            f"{len(headers) - most} of {len(headers)} slices name another patient position than the rest; "
            f"{position or 'none'} was taken: check left and right"
        )
        findings = (Finding(code="patient-position-differs", severity="caution", message=message),)
    along_row, along_column = _common_direction(headers)
    told = [
        header
        if (header.along_row_lps, header.along_column_lps, header.patient_position)
        == (along_row, along_column, position)
        else dataclasses.replace(
            header, along_row_lps=along_row, along_column_lps=along_column, patient_position=position
        )
        for header in headers
    ]
    return tuple(told), findings


def require_steady(headers: Sequence[SliceHeader], hu: Voxels, *, read_one: ReadOne) -> tuple[Finding, ...]:
    """Refuse a slice whose storage or rescale is its own and spoils its values.

    The standard lets slope and intercept change from slice to slice. Rightly changed, they bring a slice to its
    neighbour's values; damaged, they take it away from them.

    Parameters
    ----------
    headers : sequence of SliceHeader
        The slices in order.
    hu : ndarray, shape (slices, rows, columns)
        Their Hounsfield units.
    read_one : callable
        Reads one slice by the header that it is given, shape (rows, columns).

    Returns
    -------
    tuple of Finding
        Says that storage or rescale change, and where first.

    Raises
    ------
    SeriesError
        If a slice fits its neighbour far better by what the neighbour says.
    """
    changes = [k for k in range(1, len(headers)) if _form(headers[k]) != _form(headers[k - 1])]
    for k in changes:
        before = headers[k - 1]
        otherwise = read_one(dataclasses.replace(headers[k], **{name: getattr(before, name) for name in _FORM}))
        if _apart(otherwise, hu[k - 1]) < _FITS_BETTER * _apart(hu[k], hu[k - 1]):
            raise SeriesError(
                f"{where(headers[k])} and its neighbour differ in rescale or storage, and their values do not fit "
                "together: one of them is damaged; copy the series again from its source"
            )
    if not changes:
        return ()
    message = (
        f"rescale or storage change {len(changes)} time(s) along the slices, first at {where(headers[changes[0]])}"
    )
    return (Finding(code="rescale-varies", severity="info", message=message, measured=float(len(changes))),)


def left_out(chosen: Sequence[SliceHeader], others: Sequence[Sequence[SliceHeader]]) -> tuple[Finding, ...]:
    """Find slices of other stacks that would be the next of the chosen one.

    Parameters
    ----------
    chosen : sequence of SliceHeader
        The slices of the chosen stack.
    others : sequence of sequence of SliceHeader
        The slices of each other stack.

    Returns
    -------
    tuple of Finding
        Says how many lie beyond its ends: a damaged header makes a slice another stack's, and the volume shorter.
    """
    places = [h.position_lps for h in chosen if h.position_lps is not None]
    first = chosen[0]
    if len(places) < 3 or first.along_row_lps is None or first.along_column_lps is None:
        return ()
    normal = np.cross(first.along_row_lps, first.along_column_lps)
    line = np.array(sorted(places, key=lambda place: float(np.array(place) @ normal)))
    step_mm = float(np.median(np.linalg.norm(np.diff(line, axis=0), axis=1)))
    if step_mm <= 0:
        return ()
    near_mm = max(_ON_ITS_PLACE_MM, _ON_ITS_PLACE_SHARE * step_mm)
    fitting = 0
    for other in others:
        own = [np.array(h.position_lps) for h in other if h.position_lps is not None]
        if len(other) <= _FEW_LEFT_OUT:
            fitting += sum(_is_next(place, line, step_mm, near_mm) for place in own)
    if not fitting:
        return ()
    message = (
        f"{fitting} image(s) of another series or kind lie where the chosen slices would go on, and were left out: "
        "the series may be damaged and longer than it was loaded"
    )
    return (Finding(code="slices-left-out", severity="caution", message=message, measured=float(fitting)),)


def _is_next(place: Array, line: Array, step_mm: float, near_mm: float) -> bool:
    """Whether a place is where a line of slices would go on at one of its ends."""
    step = (line[-1] - line[0]) / np.linalg.norm(line[-1] - line[0]) * step_mm
    ends = [line[0] - k * step for k in range(1, _NEXT_SLICES + 1)]
    ends += [line[-1] + k * step for k in range(1, _NEXT_SLICES + 1)]
    return any(float(np.linalg.norm(place - end)) <= near_mm for end in ends)


def _refuse_absurd(header: SliceHeader) -> None:
    lengths = [abs(v) for v in header.position_lps or ()]
    spacings = [v for v in (header.row_spacing_mm, header.column_spacing_mm) if v is not None]
    if max([0.0, *lengths, *spacings]) > _FURTHEST_MM or any(0 < v < _FINEST_MM for v in spacings):
        raise SeriesError(
            f"a slice has a position or pixel spacing beyond all measure (limit {_FURTHEST_MM:g} mm); it is damaged: "
            "copy the series again from its source"
        )


def _common_direction(headers: Sequence[SliceHeader]) -> tuple[Any, Any]:
    """Give the median direction of the rows and columns, and refuse a slice that is turned against it."""
    told = [h for h in headers if h.along_row_lps is not None and h.along_column_lps is not None]
    if len(told) < len(headers):
        return headers[0].along_row_lps, headers[0].along_column_lps
    directions = np.array([(*h.along_row_lps, *h.along_column_lps) for h in told])  # type: ignore[misc]
    common = np.median(directions, axis=0)
    off = np.abs(directions - common).max(axis=1)
    worst = int(off.argmax())
    limit = max(_SAME_DIRECTION, _STANDS_OUT * float(np.quantile(off, _MOST_JITTER, method="lower")))
    if off[worst] > limit:
        raise SeriesError(
            f"{where(told[worst])} is turned against the others by {np.degrees(off[worst]):.3f} degrees (tolerance "
            f"{np.degrees(limit):.3f}); its header is damaged: copy the series again from its source"
        )
    moved_mm = np.array([_corner_moved_mm(h, d - common) for h, d in zip(told, directions, strict=True)])
    worst = int(moved_mm.argmax())
    if moved_mm[worst] > _CORNER_MM and off.max() > _SAME_DIRECTION:
        raise SeriesError(
            f"the slices are turned against each other: {where(told[worst])} by {moved_mm[worst]:.2f} mm at its far "
            f"corner (limit {_CORNER_MM:g} mm); export the original series"
        )
    exact = tuple(float(v) for v in common)
    return exact[:3], exact[3:]


def _corner_moved_mm(header: SliceHeader, turned: Array) -> float:
    """Give how far a slice's far corners move with a change of its row's and column's directions."""
    along_row = turned[:3] * (header.columns - 1) * (header.column_spacing_mm or 0.0)
    along_column = turned[3:] * (header.rows - 1) * (header.row_spacing_mm or 0.0)
    return float(max(np.linalg.norm(v) for v in (along_row, along_column, along_row + along_column)))


def _form(header: SliceHeader) -> tuple[object, ...]:
    return tuple(getattr(header, name) for name in _FORM)


def _apart(one: Voxels, other: Voxels) -> float:
    """Mean distance of two slices' values, HU."""
    return float(np.abs(one.astype(np.float64) - other).mean())
