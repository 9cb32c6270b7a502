"""Slices that would be told apart by what says nothing: an absent element, or a UID that is new in each file."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.io.dicom.geometry import plane_of
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.passes import along_normal, count_doubled, is_regular, tolerance_mm
from planner.model.finding import Finding

_NEARLY_EVERY = 0.9
"""Share of slices with a frame of reference of their own from which it is no frame of reference any more. Ours: a
scanner gives one to a whole scan, an anonymiser that forgets what it gave one to each file."""
_LEAST_JOINED = 3
"""Slices that can show a regular stack."""
Soft = tuple[object, ...]


def join_absent(
    groups: dict[Soft, list[SliceHeader]], fields: Sequence[str], *, absent: tuple[object, ...] = (None, "", ())
) -> list[list[SliceHeader]]:
    """Join slices whose values differ only where one of them has none.

    Parameters
    ----------
    groups : dict of tuple to list of SliceHeader
        Slices of one series, by the values of ``fields``.
    fields : sequence of str
        Their names in `SliceHeader`.
    absent : tuple
        What counts as no value.

    Returns
    -------
    list of list of SliceHeader
        A group with an absent value goes to the one group that it agrees with otherwise and on whose lattice it lies at
        free places, and takes that group's value for its own; it stays apart where there is none or more than one.
    """
    found = {values: list(members) for values, members in groups.items()}
    gaps = [values for values in groups if any(value in absent for value in values)]
    for values in sorted(gaps, key=lambda values: sum(value in absent for value in values)):
        hosts = [
            other
            for other, members in found.items()
            if other != values and _agrees(values, other, absent) and lies_on_lattice(found[values], members)
        ]
        if len(hosts) == 1:
            told = {name: getattr(found[hosts[0]][0], name) for name in fields}
            found[hosts[0]] += [_filled(header, told, absent) for header in found.pop(values)]
    return list(found.values())


def join_frames(groups: Sequence[list[SliceHeader]]) -> tuple[list[list[SliceHeader]], tuple[Finding, ...]]:
    """Join slices of one series that have a frame of reference each, and make one regular stack without it.

    Parameters
    ----------
    groups : sequence of list of SliceHeader
        Slices that agree but for the frame of reference, one group for each.

    Returns
    -------
    groups : list of list of SliceHeader
        One, without a frame of reference, where they are joined; else as they were.
    findings : tuple of Finding
        A caution where they are joined.
    """
    joined = [replace(header, frame_of_reference_uid=None) for group in groups for header in group]
    if len(joined) < _LEAST_JOINED or len(groups) < _NEARLY_EVERY * len(joined) or not _is_one_stack(joined):
        return list(groups), ()
    message = (
        f"the frame of reference differs in {len(groups)} of {len(joined)} slices, as some anonymisers leave it; the "
        "slices make one regular stack by their positions and were joined: check that they are one scan"
    )
    return [joined], (Finding(code="frames-of-reference-differ", severity="caution", message=message),)


def lies_on_lattice(guests: Sequence[SliceHeader], hosts: Sequence[SliceHeader]) -> bool:
    """Say whether slices fill places of one lattice with others, and none that is taken.

    Parameters
    ----------
    guests, hosts : sequence of SliceHeader
        Slices of one series.

    Returns
    -------
    bool
        False where either has no place, or they are turned against each other.
    """
    together = [*hosts, *guests]
    plane = plane_of(hosts[0])
    if plane is None or any(h.position_lps is None for h in together):
        return False
    if any(
        (h.along_row_lps, h.along_column_lps) != (guests[0].along_row_lps, guests[0].along_column_lps) for h in together
    ):
        return False
    normal = plane[2]
    if count_doubled(together, normal):
        return False
    along = np.sort(along_normal(together, normal))
    step_mm = float(np.median(np.diff(along)))
    if step_mm <= 0:
        return False
    off = (along_normal(guests, normal) - along_normal(hosts, normal).min()) / step_mm
    return bool(np.abs(off - np.rint(off)).max() * step_mm <= tolerance_mm(step_mm))


def _is_one_stack(headers: Sequence[SliceHeader]) -> bool:
    plane = plane_of(headers[0])
    if plane is None or any(h.position_lps is None for h in headers):
        return False
    if len({(h.along_row_lps, h.along_column_lps) for h in headers}) > 1:
        return False
    return not count_doubled(headers, plane[2]) and is_regular(headers, plane[2])


def _agrees(values: Soft, other: Soft, absent: tuple[object, ...]) -> bool:
    """Whether values differ from those of another group only where they are absent."""
    return all(mine in absent or mine == theirs for mine, theirs in zip(values, other, strict=True))


def _filled(header: SliceHeader, told: dict[str, object], absent: tuple[object, ...]) -> SliceHeader:
    missing = {name: value for name, value in told.items() if getattr(header, name) in absent}
    return replace(header, **missing)  # type: ignore[arg-type]
