"""Slices of the chosen series that were put into another stack although they would go on with it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array
from planner.io.dicom.geometry import plane_of
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.passes import along_normal, tolerance_mm
from planner.io.dicom.series import Stack
from planner.model.finding import Finding

_MOST_STEPS_ON = 2
"""A slice this many slice distances beyond the last still goes on with the stack; one may be missing between. Ours."""
_LEAST_LINE = 3
"""Slices that say where a stack's places lie."""
_ACROSS_SHARE = 0.5
"""A slice that lies beside the line of the others by less than this share of the slice distance belongs to it."""
_OVER_SHARE = 0.5
"""A stack that has more of its slices than this where the chosen one has its own shows the same places again. Ours."""
_DIFFERENCES = (
    ("kvp", "tube voltage"),
    ("kernel", "kernel"),
    ("kernel_group", "kernel"),
    ("image_type", "image type"),
    ("row_spacing_mm", "pixel spacing"),
    ("column_spacing_mm", "pixel spacing"),
    ("rows", "matrix"),
    ("columns", "matrix"),
    ("frame_of_reference_uid", "frame of reference"),
    ("metal_reduced", "artefact reduction"),
    ("study_instance_uid", "study"),
    ("patient", "patient"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Strays:
    """What would go on with the chosen stack.

    Parameters
    ----------
    stacks : tuple of Stack
        Where those slices are.
    findings : tuple of Finding
        Says how many, and what tells them apart.
    """

    stacks: tuple[Stack, ...]
    findings: tuple[Finding, ...]


def find_strays(chosen: Stack, stacks: Sequence[Stack]) -> Strays:
    """Find the slices of the chosen series that lie where the chosen stack has a place free, within it or at an end.

    Parameters
    ----------
    chosen : Stack
        The stack that is planned on.
    stacks : sequence of Stack
        What the input holds.

    Returns
    -------
    Strays
    """
    uid = chosen.series_instance_uid
    others = [s for s in stacks if s is not chosen and s.series_instance_uid == uid and s.aside is None]
    plane = plane_of(chosen.headers[0])
    if plane is None or len(chosen.headers) < _LEAST_LINE or any(h.position_lps is None for h in chosen.headers):
        return Strays((), ())
    parallel = [s for s in others if _is_parallel(s.headers, plane)]
    counts = _count_going_on(chosen.headers, parallel, plane[2])
    strays = tuple(stack for stack, count in zip(parallel, counts, strict=True) if count)
    if not strays:
        return Strays((), ())
    total = sum(counts)
    message = (
        f"{total} slice(s) of the chosen series would go on with it, but differ in "
        f"{_differences(chosen.headers[0], strays)} and were left out: check whether the scan is whole without them"
    )
    return Strays(strays, (Finding(code="slices-apart", severity="caution", message=message, measured=float(total)),))


def _is_parallel(headers: Sequence[SliceHeader], plane: tuple[Array, Array, Array]) -> bool:
    own = plane_of(headers[0])
    if own is None or any(h.position_lps is None for h in headers):
        return False
    return bool(np.abs(own[2] - plane[2]).max() < 1e-3)


def _count_going_on(chosen: Sequence[SliceHeader], parallel: Sequence[Stack], normal: Array) -> list[int]:
    """Count for each stack the slices at free places of the chosen one's lattice, out from its ends step by step."""
    line = np.array([h.position_lps for h in chosen], dtype=np.float64)
    line = line[np.argsort(line @ normal)]
    distances = np.diff(line @ normal)
    step_mm = float(np.median(distances))
    if step_mm <= 0 or not parallel:
        return [0] * len(parallel)
    step = np.median(np.diff(line, axis=0), axis=0)
    taken = set(np.rint((line @ normal - line[0] @ normal) / step_mm).astype(int).tolist())
    fitting: list[tuple[int, int]] = []
    for number, stack in enumerate(parallel):
        places = np.array([h.position_lps for h in stack.headers], dtype=np.float64)
        off = (along_normal(stack.headers, normal) - line[0] @ normal) / step_mm
        at = np.rint(off).astype(int)
        beside = np.linalg.norm(places - (line[0] + at[:, None] * step), axis=1)
        near = np.abs(off - at) * step_mm <= tolerance_mm(step_mm)
        fits = near & (beside <= np.maximum(_ACROSS_SHARE * step_mm, np.abs(at) * tolerance_mm(step_mm)))
        if sum(int(place) in taken for place in at[fits]) > _OVER_SHARE * len(at):
            continue  # another pass or reconstruction over the same places, not slices that are missing
        fitting += [(int(place), number) for place in at[fits] if int(place) not in taken]
    counts = [0] * len(parallel)
    low, high = min(taken), max(taken)
    for place, number in _outwards(fitting, low, high):
        if low - _MOST_STEPS_ON <= place <= high + _MOST_STEPS_ON:
            counts[number] += 1
            low, high = min(low, place), max(high, place)
    return counts


def _outwards(places: Sequence[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    """Order places from those within the ends to those furthest from them."""
    return sorted(places, key=lambda entry: max(low - entry[0], entry[0] - high, 0))


def _differences(first: SliceHeader, strays: Sequence[Stack]) -> str:
    named = dict.fromkeys(
        words
        for name, words in _DIFFERENCES
        for stack in strays
        if getattr(stack.headers[0], name) != getattr(first, name)
    )
    return " and ".join(named) if named else "their acquisition"
