"""Passes of the scanner: which of the parallel slices of one series were taken together."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from planner.geometry.frames import Array
from planner.io.dicom.geometry import SAME_PLACE_MM
from planner.io.dicom.headers import SliceHeader

_ROUNDING_MM = 0.12
"""Positions written in tenths of a millimetre stray by 0.05 each, and the distance of two by 0.1; a little more."""
_IRREGULAR_SHARE = 0.1
"""Distances may differ by this much: twice what `planner.io.dicom.geometry` lets one position stray."""
_MOST_STEPS_APART = 3
"""Two blocks nearer than this many slice distances are one stack with slices missing, which the geometry then judges;
further apart, or off the common lattice, they are two. Ours."""
_LEAST_BLOCK = 3
"""Slices that make a block with a distance of its own; fewer belong to a scan that counts an acquisition a slice."""

_Key = Callable[[SliceHeader], object]


def split_passes(headers: Sequence[SliceHeader], normal: Array) -> list[list[SliceHeader]]:
    """Split parallel slices of one series into those that were taken in one pass.

    Slices stay together where they make one regular stack, whatever their acquisitions are called: a scanner that steps
    counts an acquisition a slice. They are split where two lie in one place or two acquisitions overlap (time points,
    heart phases, energies, sides), and where acquisitions lie far apart or have different slice distances.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Slices of one series, orientation, matrix and reconstruction.
    normal : ndarray, shape (3,)
        Their unit normal, LPS.

    Returns
    -------
    list of list of SliceHeader
        At least one; the slices as they were given where nothing in the headers tells passes apart.
    """
    if len(headers) < 2 or any(h.position_lps is None for h in headers):
        return [list(headers)]
    return [block for piece in _untangle(list(headers), normal) for block in _blocks(piece, normal)]


def _untangle(headers: list[SliceHeader], normal: Array) -> list[list[SliceHeader]]:
    """Take apart what lies in one place, or through one another."""
    for parts in _ways_apart(headers, normal):
        return [piece for part in parts for piece in _untangle(part, normal)]
    return [headers]


def _ways_apart(headers: list[SliceHeader], normal: Array) -> Iterator[list[list[SliceHeader]]]:
    """Give the ways to take slices apart that make sense, the best first."""
    by_pass = [parts for key in _PASS_KEYS if 1 < len(parts := _parts(headers, key)) <= len(headers) / 3]
    doubled = count_doubled(headers, normal)
    if not doubled:
        yield from (parts for parts in by_pass if _are_interleaved(parts, headers, normal))
        return
    most = _most_in_one_place(headers, normal)
    by_time = [parts for key in _time_keys(normal) if 1 < len(parts := _parts(headers, key)) <= most]
    for enough in (0, doubled - 1):  # first what tells all doubled slices apart, then what tells some
        yield from (parts for parts in by_pass + by_time if sum(count_doubled(p, normal) for p in parts) <= enough)


def _blocks(headers: list[SliceHeader], normal: Array) -> list[list[SliceHeader]]:
    """Split an irregular stack into the acquisitions that lie one above the other."""
    if is_regular(headers, normal):
        return [headers]
    for key in _BLOCK_KEYS:
        parts = sorted(_parts(headers, key), key=lambda part: _span(part, normal))
        if len(parts) < 2 or min(map(len, parts)) < _LEAST_BLOCK or _overlap(parts, normal):
            continue
        blocks = [parts[0]]
        for part in parts[1:]:
            if _abut(blocks[-1], part, normal):
                blocks[-1] = blocks[-1] + part
            else:
                blocks.append(part)
        if len(blocks) > 1:
            return [piece for block in blocks for piece in _blocks(block, normal)]
    return [headers]


def _file(header: SliceHeader) -> object:
    return header.concatenation_uid or (header.path if header.frames > 1 else None)


_PASS_KEYS: tuple[_Key, ...] = (
    lambda h: h.temporal_position,
    lambda h: None if h.cardiac_phase is None else round(h.cardiac_phase, 1),
    lambda h: h.acquisition_number,
    lambda h: h.image_type,
    lambda h: h.stack_id,
    _file,
    lambda h: None if h.slice_thickness_mm is None else round(h.slice_thickness_mm, 2),
)
"""What tells passes apart, by how plainly it says so."""
_BLOCK_KEYS: tuple[_Key, ...] = (_PASS_KEYS[2], _PASS_KEYS[4], _PASS_KEYS[5], _PASS_KEYS[6])


def _time_keys(normal: Array) -> tuple[_Key, ...]:
    """Give what tells passes apart only where it has one value a pass: scanners also count it up slice by slice."""

    def sideways(header: SliceHeader) -> object:
        place = np.array(header.position_lps)
        return tuple(np.round(place - (place @ normal) * normal, 1))

    return (
        sideways,
        lambda h: h.trigger_time,
        lambda h: h.acquisition_time,
        lambda h: h.content_time,
    )


def _parts(headers: Sequence[SliceHeader], key: _Key) -> list[list[SliceHeader]]:
    parts: dict[object, list[SliceHeader]] = {}
    for header in headers:
        parts.setdefault(key(header), []).append(header)
    return list(parts.values())


def along_normal(headers: Sequence[SliceHeader], normal: Array) -> Array:
    """Give the places of slices along their normal.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Parallel slices, each with a position.
    normal : ndarray, shape (3,)
        Their unit normal, LPS.

    Returns
    -------
    ndarray of float64, shape (slices,)
        mm along the normal from the origin of LPS.
    """
    return np.asarray(np.array([h.position_lps for h in headers], dtype=np.float64) @ normal)


def count_doubled(headers: Sequence[SliceHeader], normal: Array) -> int:
    """Count the slices that share a place with another; copies of one image do not count.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Parallel slices, each with a position.
    normal : ndarray, shape (3,)
        Their unit normal, LPS.

    Returns
    -------
    int
    """
    images = {(h.sop_instance_uid or h.path, h.frame): h for h in headers}
    return int(np.count_nonzero(np.diff(np.sort(along_normal(tuple(images.values()), normal))) < SAME_PLACE_MM))


def _most_in_one_place(headers: Sequence[SliceHeader], normal: Array) -> int:
    along = np.sort(along_normal(headers, normal))
    ends = np.searchsorted(along, along + SAME_PLACE_MM)
    return int((ends - np.arange(len(along))).max())


def is_regular(headers: Sequence[SliceHeader], normal: Array) -> bool:
    """Say whether slices have one distance, within `tolerance_mm`.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Parallel slices, each with a position.
    normal : ndarray, shape (3,)
        Their unit normal, LPS.

    Returns
    -------
    bool
    """
    distances = np.diff(np.unique(np.round(along_normal(headers, normal), 3)))
    if len(distances) < 2:
        return True
    return float(np.ptp(distances)) <= tolerance_mm(float(np.median(distances)))


def tolerance_mm(distance_mm: float) -> float:
    """Give how far distances between neighbours may differ within one stack.

    Parameters
    ----------
    distance_mm : float
        The usual one.

    Returns
    -------
    float
        mm.
    """
    return max(_ROUNDING_MM, _IRREGULAR_SHARE * distance_mm)


def _span(headers: Sequence[SliceHeader], normal: Array) -> tuple[float, float]:
    along = along_normal(headers, normal)
    return float(along.min()), float(along.max())


def _overlap(parts: Sequence[Sequence[SliceHeader]], normal: Array) -> bool:
    spans = sorted(_span(part, normal) for part in parts if len(part) > 1)
    return any(first[1] > second[0] for first, second in pairwise(spans))


def _are_interleaved(parts: Sequence[list[SliceHeader]], headers: Sequence[SliceHeader], normal: Array) -> bool:
    """Whether parts lie through one another, and each makes sense by itself (or they make none together)."""
    if not _overlap(parts, normal):
        return False
    return not is_regular(headers, normal) or all(is_regular(part, normal) for part in parts)


def _abut(lower: Sequence[SliceHeader], upper: Sequence[SliceHeader], normal: Array) -> bool:
    """Whether one block goes on where the other ends: same step, on one lattice, at most a few slices missing."""
    below, above = (
        np.array(sorted((h.position_lps for h in part), key=lambda p: float(np.array(p) @ normal)), dtype=np.float64)
        for part in (lower, upper)
    )
    step, other = (np.median(np.diff(part, axis=0), axis=0) for part in (below, above))
    length_mm = float(np.linalg.norm(step))
    if float(np.linalg.norm(step - other)) > tolerance_mm(length_mm):
        return False
    join = above[0] - below[-1]
    times = round(float(np.linalg.norm(join)) / length_mm) if length_mm > 0 else 0
    if not 1 <= times <= _MOST_STEPS_APART:
        return False
    return float(np.linalg.norm(join - times * step)) <= tolerance_mm(length_mm)
