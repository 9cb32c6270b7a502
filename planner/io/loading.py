"""One door for a CT, whatever it is stored in."""

from pathlib import Path
from typing import get_args

import numpy as np

from planner.errors import SeriesError
from planner.io.dicom.geometry import arrange
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.pixels import is_lossy, read_hu, same_pixels, syntax_name
from planner.io.dicom.series import Found, choose, find_stacks, read_found, slice_files
from planner.io.hu_scale import clipped_finding, clipping_level, require_hu
from planner.io.sources import Source, find_source
from planner.model.finding import Finding
from planner.model.plan import PatientPosition, Series
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.progress import SILENT, Monitor


def load_ct(path: Path | str, *, series_instance_uid: str | None = None, monitor: Monitor = SILENT) -> Volume:
    """Load the CT of an input.

    Parameters
    ----------
    path : Path or str
        A folder of DICOM (any depth, other files in it), a DICOMDIR, a zip, one DICOM file, or a NIfTI, NRRD or
        MetaImage file.
    series_instance_uid : str or None
        Which DICOM series, where there are several; None takes the best.
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
    return load_scan(path, series_instance_uid=series_instance_uid, monitor=monitor).volume


def load_scan(path: Path | str, *, series_instance_uid: str | None = None, monitor: Monitor = SILENT) -> Scan:
    """Load the CT of an input with what its files say of it.

    Parameters
    ----------
    path : Path or str
        As for `load_ct`.
    series_instance_uid : str or None
        Which DICOM series, where there are several; None takes the best.
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
        return _load_dicom(source, series_instance_uid, monitor)
    if series_instance_uid is not None:
        raise SeriesError(f"{source.name} is one volume without DICOM series; leave --series out")
    if source.kind == "nifti":
        from planner.io.nifti import read_nifti

        volume, findings = read_nifti(source.files[0])
    else:
        from planner.io._sitk import read_volume

        volume, findings = read_volume(source.files[0])
    return _scan(volume, findings, name=source.name)


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
    if not found.damaged_files:
        return ()
    message = f"{found.damaged_files} DICOM file(s) are damaged and were left out"
    return (Finding(code="files-damaged", severity="caution", message=message, measured=float(found.damaged_files)),)


def patient_position(text: str) -> PatientPosition | None:
    """Take a DICOM patient position, where it is one of the eight that the planner knows."""
    known: tuple[PatientPosition, ...] = get_args(PatientPosition)
    return next((position for position in known if position == text), None)


def ceiling_hu(header: SliceHeader) -> float | None:
    """Give the highest HU that a slice's header lets it store; None without a rescale."""
    if header.slope is None or header.intercept is None or not header.bits_stored:
        return None
    highest = float(2 ** (header.bits_stored - int(header.signed)) - 1)
    return header.slope * highest + header.intercept


def _load_dicom(source: Source, series_instance_uid: str | None, monitor: Monitor) -> Scan:
    found = read_found(source, monitor=monitor)
    stack, chosen = choose(find_stacks(found.headers), name=source.name, series_instance_uid=series_instance_uid)
    arranged = arrange(stack.headers, same_pixels=same_pixels)
    hu, padding = read_hu(arranged.headers, monitor=monitor)
    first = arranged.headers[0]
    findings = [*found_findings(found), *chosen, *arranged.findings, *_lossy(arranged.headers)]
    if padding is not None:
        share = float(np.count_nonzero(padding)) / padding.size
        message = f"{share:.1%} of the voxels are padding, no measurement; they are set to -1024 HU and left out"
        findings.append(Finding(code="padding", severity="info", message=message, measured=share))
    return _scan(
        Volume(arranged.grid, hu, padding),
        tuple(findings),
        name=source.name,
        first=first,
        files=slice_files(arranged.headers),
    )


def _lossy(headers: tuple[SliceHeader, ...]) -> tuple[Finding, ...]:
    lossy = [header for header in headers if is_lossy(header)]
    if not lossy:
        return ()
    message = (
        f"{len(lossy)} of {len(headers)} slices had lossy compression ({syntax_name(lossy[0].transfer_syntax)}):"
        " thin bone and narrow gaps may be altered; plan on the original if there is one"
    )
    return (Finding(code="lossy-compression", severity="caution", message=message, measured=float(len(lossy))),)


def _scan(
    volume: Volume,
    findings: tuple[Finding, ...],
    *,
    name: str,
    first: SliceHeader | None = None,
    files: tuple[Path, ...] = (),
) -> Scan:
    """Check the HU and put a scan together."""
    require_hu(volume.hu, name)
    clipped = clipping_level(volume.hu, ceiling_hu=ceiling_hu(first) if first else None)
    if clipped is not None:
        findings = (*findings, clipped_finding(clipped))
    series = Series(
        series_instance_uid=(first.series_instance_uid or None) if first else None,
        frame_of_reference_uid=volume.grid.frame_of_reference_uid,
        shape_zyx=volume.grid.shape,
        spacing_mm=volume.grid.spacing_mm,
        patient_position=patient_position(first.patient_position) if first else None,
        hu_min=float(volume.hu.min()),
        hu_max=float(volume.hu.max()),
        hu_clipped_at=clipped,
    )
    return Scan(volume, series, findings, files)
