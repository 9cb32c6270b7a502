"""From files to stacks: which slices belong together."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from planner.errors import InputError
from planner.io.dicom.asides import aside_of, is_grey
from planner.io.dicom.elements import DamagedFileError
from planner.io.dicom.geometry import plane_of
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.joining import join_absent, join_frames
from planner.io.dicom.passes import split_passes
from planner.io.dicom.slices import read_slices
from planner.model.finding import Finding
from planner.progress import Monitor, track

_SAME_DIRECTION = 1e-3


@dataclass(frozen=True, slots=True)
class Found:
    """What the files of an input hold.

    Parameters
    ----------
    headers : tuple of SliceHeader
        Every image, and one of no size for every DICOM object that is none.
    other_files : int
        Files that are no DICOM object.
    damaged_files : int
        Files that claim to be DICOM and cannot be read.
    """

    headers: tuple[SliceHeader, ...]
    other_files: int
    damaged_files: int

    @property
    def missing_parts(self) -> int:
        """Files that are not there of multi-frame objects stored in several files (concatenations)."""
        parts: dict[str, set[str]] = {}
        claimed: dict[str, int] = {}
        for header in self.headers:
            if header.concatenation_uid:
                parts.setdefault(header.concatenation_uid, set()).add(header.sop_instance_uid)
                claimed[header.concatenation_uid] = max(
                    header.concatenation_parts or 0, claimed.get(header.concatenation_uid, 0)
                )
        return sum(max(0, claimed[uid] - len(files)) for uid, files in parts.items())


@dataclass(frozen=True, slots=True)
class Stack:
    """Slices of one series, orientation, matrix, reconstruction and pass, in no order.

    Parameters
    ----------
    headers : tuple of SliceHeader
        At least one.
    aside : str or None
        Why this is nothing to plan on ("localizer", "MR"); None for a CT.
    number : int or None
        Which of the series' stacks this is, from 1; None where the series holds no other.
    findings : tuple of Finding
        What the operator must know of how its slices were put together.
    """

    headers: tuple[SliceHeader, ...]
    aside: str | None
    number: int | None = None
    findings: tuple[Finding, ...] = field(default=())

    @property
    def series_instance_uid(self) -> str:
        """The series that the slices belong to."""
        return self.headers[0].series_instance_uid

    @property
    def name(self) -> str:
        """What ``--series`` calls it: the series' UID, with "#2" for the second of several stacks in one series."""
        return self.series_instance_uid + ("" if self.number is None else f"#{self.number}")

    @property
    def orientation(self) -> str | None:
        """The patient's plane that lies nearest: "axial", "coronal" or "sagittal"; None where it is unknown."""
        plane = plane_of(self.headers[0])
        if plane is None:
            return None
        return ("sagittal", "coronal", "axial")[int(np.abs(plane[2]).argmax())]

    @property
    def slice_distance_mm(self) -> float | None:
        """Median distance between neighbouring slices; the thickness where there is only one."""
        plane = plane_of(self.headers[0])
        if plane is None or any(h.position_lps is None for h in self.headers):
            return None
        along = np.unique(np.round(np.array([h.position_lps for h in self.headers]) @ plane[2], 2))
        return float(np.median(np.diff(along))) if len(along) > 1 else self.headers[0].slice_thickness_mm

    @property
    def slice_thickness_mm(self) -> float | None:
        """The thickest slice's thickness."""
        known = [h.slice_thickness_mm for h in self.headers if h.slice_thickness_mm is not None]
        return max(known, default=None)


def read_found(files: Sequence[Path], *, name: str, monitor: Monitor) -> Found:
    """Read the headers of all files of an input.

    Parameters
    ----------
    files : sequence of Path
        All that may be DICOM.
    name : str
        What messages call the input.
    monitor : Monitor
        Follows the reading.

    Returns
    -------
    Found

    Raises
    ------
    InputError
        If no file is a DICOM object.
    """
    headers: list[SliceHeader] = []
    others = damaged = 0
    for path in track(files, stage="reading headers", monitor=monitor):
        try:
            slices = read_slices(path)
        except DamagedFileError:
            damaged += 1
            continue
        headers.extend(slices or ())
        others += not slices
    if not headers:
        raise InputError(_nothing_found(name, others, damaged))
    return Found(tuple(headers), others, damaged)


def find_stacks(headers: Iterable[SliceHeader]) -> tuple[Stack, ...]:
    """Sort images into stacks.

    Parameters
    ----------
    headers : iterable of SliceHeader
        Images of any series.

    Returns
    -------
    tuple of Stack
        One per patient, study, series, orientation, matrix, spacing, reconstruction, energy, frame of reference and
        pass (see `planner.io.dicom.passes`); those of one series are numbered, the longest CT first. A value that a
        slice does not name is no difference (see `planner.io.dicom.joining`).
    """
    groups: dict[tuple[object, ...], list[SliceHeader]] = {}
    for header in headers:
        groups.setdefault(_key(header), []).append(header)
    stacks = [
        Stack(tuple(members), aside_of(members), findings=(*told, *_inverted(members)))
        for group in groups.values()
        for alike, told in _by_reconstruction(group)
        for same_plane in _by_plane(alike)
        for members in _by_pass(same_plane)
    ]
    stacks.sort(key=_listing_order)
    return tuple(_numbered(stacks))


def _listing_order(stack: Stack) -> tuple[object, ...]:
    first = min(stack.headers, key=lambda h: (h.sop_instance_uid, h.frame))
    return stack.series_instance_uid, stack.aside is not None, -len(stack.headers), first.sop_instance_uid, first.frame


def _numbered(stacks: Sequence[Stack]) -> list[Stack]:
    of_series = Counter(stack.series_instance_uid for stack in stacks)
    so_far = Counter[str]()
    numbered = []
    for stack in stacks:
        uid = stack.series_instance_uid
        so_far[uid] += 1
        numbered.append(replace(stack, number=so_far[uid]) if of_series[uid] > 1 else stack)
    return numbered


def _key(header: SliceHeader) -> tuple[object, ...]:
    """Say what slices must share to lie in one stack, whatever else they say."""
    return (
        header.patient,
        header.study_instance_uid,
        header.series_instance_uid,
        header.modality,
        header.sop_class_uid,
        header.rows,
        header.columns,
        is_grey(header),
        header.kernel_group,
        header.metal_reduced,
    )


_RECONSTRUCTION = ("frame_of_reference_uid", "row_spacing_mm", "column_spacing_mm", "kernel", "kvp", "image_type")


def _reconstruction(header: SliceHeader) -> tuple[object, ...]:
    """Say what slices must share that name it."""
    values = [getattr(header, name) for name in _RECONSTRUCTION]
    spacing = (None if v is None else round(v, 4) for v in values[1:3])
    return values[0], *spacing, *values[3:5], values[5][:3]


def _by_reconstruction(headers: list[SliceHeader]) -> Iterator[tuple[list[SliceHeader], tuple[Finding, ...]]]:
    """Split what `_key` holds together by how it was reconstructed."""
    groups: dict[tuple[object, ...], list[SliceHeader]] = {}
    for header in headers:
        groups.setdefault(_reconstruction(header), []).append(header)
    framed: dict[tuple[object, ...], list[list[SliceHeader]]] = {}
    for values, members in groups.items():
        framed.setdefault(values[1:], []).append(members)
    told: dict[tuple[object, ...], tuple[Finding, ...]] = {}
    kept: dict[tuple[object, ...], list[SliceHeader]] = {}
    for parts in framed.values():
        joined, findings = join_frames(parts)
        for members in joined:
            values = _reconstruction(members[0])
            kept[values], told[values] = members, findings
    for members in join_absent(kept, _RECONSTRUCTION):
        yield members, told.get(_reconstruction(members[0]), ())


def _inverted(headers: Sequence[SliceHeader]) -> tuple[Finding, ...]:
    """Tell of pixels that are to be shown inverted: their values stay what the rescale says (PS3.3 C.7.6.3.1.2)."""
    if all(header.photometric != "MONOCHROME1" for header in headers):
        return ()
    message = (
        "the images are stored to be shown inverted (MONOCHROME1), which no usual scanner does; the values were taken "
        "by their rescale: look whether bone is bright"
    )
    return (Finding(code="shown-inverted", severity="caution", message=message),)


def _by_pass(headers: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    plane = plane_of(headers[0])
    return [list(headers)] if plane is None else split_passes(headers, plane[2])


def _by_plane(headers: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Split by orientation; those that name none stay together."""
    alike: dict[object, list[SliceHeader]] = {}
    for header in headers:
        alike.setdefault((header.along_row_lps, header.along_column_lps), []).append(header)
    found: list[list[SliceHeader]] = []
    planes = np.full((len(alike), 6), np.inf)  # of each in found; many only where a file is damaged or hostile
    for members in alike.values():
        row, column = members[0].along_row_lps, members[0].along_column_lps
        mine = np.full(6, np.inf) if row is None or column is None else np.array((*row, *column))
        with np.errstate(invalid="ignore"):
            near = np.abs(planes[: len(found)] - mine).max(axis=1, initial=0.0) < _SAME_DIRECTION
        if near.any():
            found[int(near.argmax())].extend(members)
        else:
            planes[len(found)] = mine
            found.append(members)
    return found


def _nothing_found(name: str, others: int, damaged: int) -> str:
    if damaged:
        return f"{name} holds {damaged} damaged DICOM file(s) and no readable image; copy it again from its source"
    if others:
        return f"{name} holds no DICOM image ({others} other file(s)); give the folder of a CT series"
    return f"{name} is empty; give the folder of a CT series"


def slice_files(headers: Sequence[SliceHeader]) -> tuple[Path, ...]:
    """Give the file of each slice.

    Parameters
    ----------
    headers : sequence of SliceHeader
        The slices of one stack, in their order.

    Returns
    -------
    tuple of Path
        In that order; of multi-frame files, each once.
    """
    paths = tuple(h.path for h in headers)
    return tuple(dict.fromkeys(paths)) if headers[0].frames > 1 else paths
