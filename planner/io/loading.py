"""One door for a CT, whatever it is stored in."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from planner.errors import SeriesError
from planner.io.dicom.agreement import agree, left_out, require_steady
from planner.io.dicom.choice import Choice, choose, instead_of, label, refused_finding
from planner.io.dicom.geometry import arrange
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.metal import metal_in_pixels
from planner.io.dicom.pixels import (
    PADDING_HU,
    Pixels,
    is_lossy,
    read_pixels,
    refuse_pixels,
    same_pixels,
)
from planner.io.dicom.series import Found, Stack, find_stacks, read_found, slice_files
from planner.io.dicom.syntaxes import syntax_name
from planner.io.hu_plausibility import assumed_finding, doubt, require_hu
from planner.io.hu_scale import clipped_finding, clipping_level, unmeasured
from planner.io.rectify import Rectified, plane_spacing_mm, rectify, rectify_volume
from planner.io.sources import Source, find_source
from planner.model.finding import Finding
from planner.model.plan import PatientPosition, Series
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.progress import SILENT, Monitor


def load_ct(
    path: Path | str, *, series_instance_uid: str | None = None, assume_hu: bool = False, monitor: Monitor = SILENT
) -> Volume:
    """Load the CT of an input.

    Parameters
    ----------
    path : Path or str
        A folder of DICOM (any depth, other files in it), a DICOMDIR, a zip, one DICOM file, or a NIfTI, NRRD or
        MetaImage file.
    series_instance_uid : str or None
        Which DICOM series, where there are several, or which of its stacks ("UID#2", as inspect lists them); None takes
        the best.
    assume_hu : bool
        Take the values as Hounsfield units although the file does not say so or they do not look it; a finding says so.
    monitor : Monitor
        Follows the loading.

    Returns
    -------
    Volume
        In Hounsfield units, LPS.

    Raises
    ------
    InputError
        If the input is not there or holds no CT; `SeriesError` where its CT cannot be read rightly.
    """
    return load_scan(path, series_instance_uid=series_instance_uid, assume_hu=assume_hu, monitor=monitor).volume


def load_scan(
    path: Path | str, *, series_instance_uid: str | None = None, assume_hu: bool = False, monitor: Monitor = SILENT
) -> Scan:
    """Load the CT of an input with what its files say of it.

    Parameters
    ----------
    path : Path or str
        As for `load_ct`.
    series_instance_uid : str or None
        Which DICOM series, where there are several, or which of its stacks ("UID#2", as inspect lists them); None takes
        the best.
    assume_hu : bool
        Take the values as Hounsfield units although the file does not say so or they do not look it; a finding says so.
    monitor : Monitor
        Follows the loading.

    Returns
    -------
    Scan

    Raises
    ------
    InputError
        If the input is not there or holds no CT; `SeriesError` where its CT cannot be read rightly.
    """
    source = find_source(Path(path), monitor=monitor)
    if source.kind == "dicom":
        return _load_dicom(source, series_instance_uid, monitor, assume_hu=assume_hu)
    if series_instance_uid is not None:
        raise SeriesError(f"{source.name} is one volume without DICOM series; leave --series out")
    if source.kind == "nifti":
        from planner.io.nifti import read_nifti

        volume, findings = read_nifti(source.files[0])
    else:
        from planner.io._sitk import read_volume

        volume, findings = read_volume(source.files[0])
    pixels = _pixels_of(volume)
    volume = Volume(volume.grid, pixels.hu, pixels.padding)
    findings = (*findings, *_padding(pixels), *_doubts(pixels, source.name, assume_hu=assume_hu))
    series = _series(pixels, volume.grid.shape, plane_spacing_mm(volume.grid))
    return _scan(rectify_volume(volume, monitor=monitor), series, findings)


def found_findings(found: Found) -> tuple[Finding, ...]:
    """Say which files of an input could not be used.

    Parameters
    ----------
    found : Found
        What the input holds.

    Returns
    -------
    tuple of Finding
    """
    findings: list[Finding] = []
    if found.damaged_files:
        message = f"{found.damaged_files} file(s) are empty, cut off or damaged and were left out"
        findings.append(
            Finding(code="files-damaged", severity="caution", message=message, measured=float(found.damaged_files))
        )
    if found.missing_parts:
        message = f"{found.missing_parts} part(s) of a multi-frame object are not there: it was stored in several files"
        findings.append(
            Finding(code="parts-missing", severity="caution", message=message, measured=float(found.missing_parts))
        )
    return tuple(findings)


def patient_position(text: str) -> PatientPosition | None:
    """Take a DICOM patient position, where it is one of the eight that the planner knows.

    Parameters
    ----------
    text : str
        As the header has it.

    Returns
    -------
    str or None
        "HFS" and the like; None for anything else.
    """
    known: tuple[PatientPosition, ...] = get_args(PatientPosition)
    return next((position for position in known if position == text), None)


def _load_dicom(source: Source, series_instance_uid: str | None, monitor: Monitor, *, assume_hu: bool) -> Scan:
    """Load the best stack that can be read rightly; where the user named one, that one or none."""
    found = read_found(source.files, name=source.name, monitor=monitor)
    stacks = find_stacks(found.headers)
    choice = choose(stacks, name=source.name, series=series_instance_uid, look=metal_in_pixels)
    refused: list[tuple[Stack, SeriesError]] = []
    while True:
        try:
            scan = _load_stack(choice, stacks, source.name, monitor, assume_hu=assume_hu)
            break
        except SeriesError as error:
            refused.append((choice.stack, error))
        tried = [stack for stack, _ in refused]
        left = () if series_instance_uid is not None else instead_of(tried[0], stacks, tried=tried)
        if not left:
            raise _refusal(refused, stacks, damaged_files=found.damaged_files) from refused[0][1]
        choice = choose(left, name=source.name, series=None, look=metal_in_pixels)
    before = [*source.findings, *found_findings(found)]
    before += [refused_finding(stack, str(error)) for stack, error in refused]
    return replace(scan, findings=(*before, *scan.findings))


def _refusal(
    refused: Sequence[tuple[Stack, SeriesError]], stacks: Sequence[Stack], *, damaged_files: int
) -> SeriesError:
    """Say why the best stack was refused, what may have caused it, and what else there is."""
    (best, error), *_ = refused
    cause = (
        f"; {damaged_files} file(s) of the input are empty, cut off or damaged: copy it again" if damaged_files else ""
    )
    cts = [stack for stack in stacks if stack.aside is None]
    if len(cts) < 2:
        return SeriesError(f"{error}{cause}")
    tried = [stack for stack, _ in refused]
    untried = [stack for stack in cts if not any(stack is one for one in tried)]
    also = f"; {len(tried) - 1} other CT(s) of the place were refused too" if len(tried) > 1 else ""
    if untried:
        longest = max(untried, key=lambda stack: len(stack.headers))
        also += f"; another CT is there: --series {longest.name} ({len(longest.headers)} slices; inspect lists all)"
    return SeriesError(f"{label(best)}: {error}{cause}{also}")


def _load_stack(choice: Choice, stacks: Sequence[Stack], name: str, monitor: Monitor, *, assume_hu: bool) -> Scan:
    stack = choice.stack
    headers, agreed = agree(stack.headers)
    arranged = arrange(headers, same_pixels=same_pixels)
    pixels = read_pixels(arranged.headers, monitor=monitor, assume_hu=assume_hu)
    steady = require_steady(arranged.headers, pixels.hu, read_one=_read_one)
    first = arranged.headers[0]
    findings = [*choice.findings, *agreed, *arranged.findings, *steady]
    findings += [*left_out(headers, others_than(choice, stacks)), *_lossy(arranged.headers)]
    unsaid = next(filter(None, map(refuse_pixels, arranged.headers)), None)
    findings += [*_padding(pixels), *_doubts(pixels, name, assume_hu=assume_hu, unsaid=unsaid)]
    layout = arranged.layout
    made = rectify(pixels.hu, pixels.padding, layout=layout, clipped_hu=pixels.clipped_at_hu, monitor=monitor)
    series = _series(pixels, layout.stored.shape, layout.spacing_mm, first)
    series = series.model_copy(update={"stack": stack.number})
    scan = _scan(made, series, tuple(findings), slice_files(arranged.headers))
    return replace(scan, display_alternative=choice.alternative.name if choice.alternative else None)


def others_than(choice: Choice, stacks: Sequence[Stack]) -> list[tuple[SliceHeader, ...]]:
    """Give the slices of the stacks of which the choice has said nothing yet.

    Parameters
    ----------
    choice : Choice
        What was chosen.
    stacks : sequence of Stack
        What the input holds.

    Returns
    -------
    list of tuple of SliceHeader
        For `planner.io.dicom.agreement.left_out`.
    """
    told = (choice.stack, *choice.strays)
    return [stack.headers for stack in stacks if not any(stack is one for one in told)]


def _read_one(header: SliceHeader) -> npt.NDArray[Any]:
    one: npt.NDArray[Any] = read_pixels((header,), monitor=SILENT, assume_hu=True).hu[0]
    return one


def _lossy(headers: tuple[SliceHeader, ...]) -> tuple[Finding, ...]:
    lossy = [header for header in headers if is_lossy(header)]
    if not lossy:
        return ()
    message = (
        f"{len(lossy)} of {len(headers)} slices had lossy compression ({_lossy_step(lossy[0])}):"
        " thin bone and narrow gaps may be altered; plan on the original if there is one"
    )
    return (Finding(code="lossy-compression", severity="caution", message=message, measured=float(len(lossy))),)


def _lossy_step(header: SliceHeader) -> str:
    return "at an earlier step" if header.lossy else syntax_name(header.transfer_syntax)


def _pixels_of(volume: Volume) -> Pixels:
    """Look at the voxels of a file that says nothing of padding and clipping; before anything is resampled."""
    hu, padding = volume.hu, volume.padding
    mark = unmeasured(hu)
    if mark is not None:
        padding = mark if padding is None else mark | padding
        hu = np.where(mark, hu.dtype.type(PADDING_HU), hu)
    measured = hu if padding is None else hu[~padding]
    ends = (float(measured.min()), float(measured.max())) if measured.size else (float(PADDING_HU), float(PADDING_HU))
    return Pixels(hu, padding, *ends, clipping_level(hu))


def _padding(pixels: Pixels) -> tuple[Finding, ...]:
    if pixels.padding is None:
        return ()
    share = float(np.count_nonzero(pixels.padding)) / pixels.padding.size
    message = f"{share:.1%} of the voxels are padding, no measurement; they are set to -1024 HU and left out"
    return (Finding(code="padding", severity="info", message=message, measured=share),)


def _doubts(pixels: Pixels, name: str, *, assume_hu: bool, unsaid: str | None = None) -> tuple[Finding, ...]:
    """Refuse what is not HU, or say that it counts as HU on the user's word."""
    if not assume_hu:
        require_hu(pixels.hu, name, padding=pixels.padding)
        return ()
    reason = unsaid or doubt(pixels.hu, padding=pixels.padding)
    return () if reason is None else (assumed_finding(reason),)


def _series(
    pixels: Pixels,
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    first: SliceHeader | None = None,
) -> Series:
    """Describe the CT as its file holds it."""
    return Series(
        series_instance_uid=(first.series_instance_uid or None) if first else None,
        frame_of_reference_uid=first.frame_of_reference_uid if first else None,
        shape_zyx=shape,
        spacing_mm=spacing_mm,
        patient_position=patient_position(first.patient_position) if first else None,
        hu_min=pixels.lowest_hu,
        hu_max=pixels.highest_hu,
        hu_clipped_at=pixels.clipped_at_hu,
    )


def _scan(made: Rectified, series: Series, findings: tuple[Finding, ...], files: tuple[Path, ...] = ()) -> Scan:
    """Put a scan together."""
    findings = (*findings, *made.findings)
    if series.hu_clipped_at is not None:
        findings = (*findings, clipped_finding(series.hu_clipped_at))
    return Scan(made.volume, series, findings, files, made.stored)
