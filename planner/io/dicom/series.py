"""From files to stacks: which slices belong together, and which stack to plan on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from planner.errors import InputError, SeriesError
from planner.io.dicom.elements import DamagedFileError
from planner.io.dicom.geometry import plane_of
from planner.io.dicom.headers import CT_CLASSES, CT_IMAGE, SliceHeader
from planner.io.dicom.slices import read_slices
from planner.io.sources import Source
from planner.model.finding import Finding
from planner.progress import Monitor, track

RULES = "original before derived, axial before other planes, at least 10 slices, thinner slices, more slices"
"""How the best of several CT stacks is chosen, in this order."""
_FEW_SLICES = 10
_SAME_DIRECTION = 1e-3
_SAME_PLACE_MM = 0.01
_NO_CT_KINDS = {
    "LOCALIZER": "localizer",
    "PERFUSION": "perfusion map",
    "SCREEN SAVE": "screen shot",
    "MAX_IP": "maximum intensity projection",
    "MIN_IP": "minimum intensity projection",
    "MIP": "maximum intensity projection",
}
"""Words of Image Type (PS3.3 C.8.2.1.1.1, C.8.16.1) whose pixels are no cross-section in Hounsfield units."""
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True, slots=True)
class Found:
    """What the files of an input hold.

    Parameters
    ----------
    headers : tuple of SliceHeader
        Every image.
    other_files : int
        Files that are no DICOM image.
    damaged_files : int
        Files that claim to be DICOM and cannot be read.
    """

    headers: tuple[SliceHeader, ...]
    other_files: int
    damaged_files: int


@dataclass(frozen=True, slots=True)
class Stack:
    """Slices of one series, orientation, matrix and reconstruction, in no order.

    Parameters
    ----------
    headers : tuple of SliceHeader
        At least one.
    aside : str or None
        Why this is nothing to plan on ("localizer", "MR"); None for a CT.
    """

    headers: tuple[SliceHeader, ...]
    aside: str | None

    @property
    def series_instance_uid(self) -> str:
        """The series that the slices belong to."""
        return self.headers[0].series_instance_uid

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
        along = np.unique(np.round([float(np.array(h.position_lps) @ plane[2]) for h in self.headers], 2))
        return float(np.median(np.diff(along))) if len(along) > 1 else self.headers[0].slice_thickness_mm


def read_found(source: Source, *, monitor: Monitor) -> Found:
    """Read the headers of all files of an input.

    Parameters
    ----------
    source : Source
        The input's files.
    monitor : Monitor
        Follows the reading.

    Returns
    -------
    Found

    Raises
    ------
    InputError
        If no file holds a DICOM image.
    """
    headers: list[SliceHeader] = []
    others = damaged = 0
    for path in track(source.files, stage="reading headers", monitor=monitor):
        try:
            slices = read_slices(path)
        except DamagedFileError:
            damaged += 1
            continue
        headers.extend(slices or ())
        others += not slices
    if not headers:
        raise InputError(_nothing_found(source.name, others, damaged))
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
        One per series, orientation, matrix, spacing, kernel, frame of reference, kind and time point. A series whose
        acquisitions cover the same places is split by them.
    """
    groups: dict[tuple[object, ...], list[SliceHeader]] = {}
    for header in headers:
        groups.setdefault(_key(header), []).append(header)
    stacks = []
    for group in groups.values():
        for same_plane in _by_plane(group):
            for members in _by_acquisition(same_plane):
                stacks.append(Stack(tuple(members), _aside(members[0])))
    return tuple(sorted(stacks, key=lambda s: (s.series_instance_uid, -len(s.headers), s.headers[0].sop_instance_uid)))


def choose(stacks: Sequence[Stack], *, name: str, series_instance_uid: str | None) -> tuple[Stack, tuple[Finding, ...]]:
    """Choose the stack to plan on.

    Parameters
    ----------
    stacks : sequence of Stack
        What the input holds.
    name : str
        What messages call the input.
    series_instance_uid : str or None
        The series that the user named; None for the best by `RULES`.

    Returns
    -------
    stack : Stack
        The chosen one.
    findings : tuple of Finding
        Says which was chosen, where several qualify.

    Raises
    ------
    SeriesError
        If the input holds no CT, or not the series that was named.
    """
    if series_instance_uid is not None:
        stacks = [s for s in stacks if s.series_instance_uid == series_instance_uid]
        if not stacks:
            raise SeriesError(f"{name} holds no series {series_instance_uid}; list what it holds with inspect")
    usable = sorted((s for s in stacks if s.aside is None), key=_rank)
    if not usable:
        raise SeriesError(_no_ct(name, stacks))
    best = usable[0]
    if len(usable) == 1:
        return best, ()
    distance = best.slice_distance_mm
    series = f"series {best.series_instance_uid}" if best.series_instance_uid else "the series without a UID"
    message = (
        f"{len(usable)} CT stacks qualify; chosen: {series}, {best.orientation} with "
        f"{len(best.headers)} slices{'' if distance is None else f' {distance:.2f} mm apart'} ({RULES}); "
        "name another with --series"
    )
    return best, (Finding(code="series-chosen", severity="info", message=message, measured=float(len(usable))),)


def _rank(stack: Stack) -> tuple[object, ...]:
    first = stack.headers[0]
    distance = stack.slice_distance_mm
    return (
        first.image_type[:1] != ("ORIGINAL",),
        stack.orientation != "axial",
        len(stack.headers) < _FEW_SLICES,
        np.inf if distance is None else round(distance, 1),
        -len(stack.headers),
        stack.series_instance_uid,
        first.sop_instance_uid,
    )


def _key(header: SliceHeader) -> tuple[object, ...]:
    """Say what slices must share to lie in one stack, but for their plane."""
    spacing = [None if v is None else round(v, 4) for v in (header.row_spacing_mm, header.column_spacing_mm)]
    return (
        header.series_instance_uid,
        header.modality,
        header.sop_class_uid,
        header.rows,
        header.columns,
        *spacing,
        header.frame_of_reference_uid,
        header.kernel,
        header.image_type[:3],
        header.temporal_position,
        header.path if header.frames > 1 else None,
    )


def _by_plane(headers: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    planes: list[tuple[object, list[SliceHeader]]] = []
    for header in headers:
        mine = (header.along_row_lps, header.along_column_lps)
        for plane, members in planes:
            if _same_plane(plane, mine):
                members.append(header)
                break
        else:
            planes.append((mine, [header]))
    return [members for _, members in planes]


def _same_plane(first: object, second: object) -> bool:
    if first == second:
        return True
    one, other = (np.array(p, dtype=object) for p in (first, second))
    if one.shape != (2, 3) or other.shape != (2, 3):
        return False
    return bool(np.abs(one.astype(float) - other.astype(float)).max() < _SAME_DIRECTION)


def _by_acquisition(headers: list[SliceHeader]) -> list[list[SliceHeader]]:
    """Split by acquisition where several of them cover the same places (and each of them no place twice)."""
    acquisitions: dict[str, list[SliceHeader]] = {}
    for header in headers:
        acquisitions.setdefault(header.acquisition_number, []).append(header)
    if len(acquisitions) < 2 or not _has_duplicates(headers):
        return [headers]
    parts = list(acquisitions.values())
    return [headers] if any(_has_duplicates(part) for part in parts) else parts


def _has_duplicates(headers: Sequence[SliceHeader]) -> bool:
    places = [h.position_lps for h in headers if h.position_lps is not None]
    rounded = {tuple(round(v / _SAME_PLACE_MM) for v in place) for place in places}
    return len(rounded) < len(places)


def _aside(header: SliceHeader) -> str | None:
    """Say why an image is nothing to plan on; None for a CT slice."""
    if header.modality != "CT":
        return header.modality or "images without a modality"
    if header.sop_class_uid.startswith(_SECONDARY_CAPTURE):
        return "secondary capture"
    if header.sop_class_uid not in ("", *CT_CLASSES):
        return "objects that are no CT image"
    for word, what in _NO_CT_KINDS.items():
        if word in header.image_type:
            return what
    if header.samples != 1:
        return "colour picture"
    if header.frames > 1 and header.sop_class_uid in ("", CT_IMAGE):
        return "multi-frame file that is no Enhanced CT"
    if header.position_lps is None and header.along_row_lps is None:
        return "picture without a place in the patient"
    return None


def _nothing_found(name: str, others: int, damaged: int) -> str:
    if damaged:
        return f"{name} holds {damaged} damaged DICOM file(s) and no readable image; copy it again from its source"
    if others:
        return f"{name} holds no DICOM image ({others} other file(s)); give the folder of a CT series"
    return f"{name} is empty; give the folder of a CT series"


def _no_ct(name: str, stacks: Sequence[Stack]) -> str:
    counts = Counter[str]()
    for stack in stacks:
        counts[stack.aside or ""] += len(stack.headers)
    held = ", ".join(f"{what} ({count} image(s))" for what, count in sorted(counts.items()))
    return f"{name} holds {held}, not CT; give the folder of a CT series"


def slice_files(headers: Sequence[SliceHeader]) -> tuple[Path, ...]:
    """Give the file of each slice; of a multi-frame file, that one file once."""
    if headers[0].frames > 1:
        return (headers[0].path,)
    return tuple(h.path for h in headers)
