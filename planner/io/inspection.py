"""What an input holds, told from headers only."""

from collections import Counter
from pathlib import Path

from planner.errors import SeriesError
from planner.io.dicom.geometry import arrange
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.pixels import is_lossy, refuse_pixels, syntax_name
from planner.io.dicom.series import RULES, Stack, choose, find_stacks, read_found
from planner.io.loading import ceiling_hu, found_findings, patient_position
from planner.io.sources import Source, find_source
from planner.model.finding import Finding
from planner.model.plan import PatientPosition
from planner.model.record import Record
from planner.progress import SILENT, Monitor


class SeriesInspection(Record):
    """One stack of images, as its headers describe it; None where they do not say."""

    series_instance_uid: str | None
    modality: str | None
    image_type: tuple[str, ...]
    images: int
    shape_zyx: tuple[int, int, int] | None
    """Voxels along (slice, row, column); None where the images make no volume."""
    spacing_mm: tuple[float, float, float] | None
    """Along (slice, row, column)."""
    orientation: str | None
    """axial, coronal or sagittal: whichever lies nearest."""
    slice_thickness_mm: float | None
    kernel: str | None
    patient_position: PatientPosition | None
    transfer_syntax: str | None
    hu_floor: float | None
    """Lowest HU that the file can store."""
    hu_ceiling: float | None
    """Highest HU that the file can store."""
    hu_clipped_at: float | None
    """Clipping level, where the headers name a largest value at the ceiling; None: not known without the pixels."""
    usable: bool
    """Whether the headers let it be planned on."""
    chosen: bool
    problems: tuple[Finding, ...]


class Inspection(Record):
    """What an input holds."""

    format: str
    files: int
    other_files: int
    """Files that are no DICOM image."""
    series: tuple[SeriesInspection, ...]
    chosen_series_instance_uid: str | None
    chosen_because: str | None
    findings: tuple[Finding, ...]


def inspect_input(path: Path | str, *, monitor: Monitor = SILENT) -> Inspection:
    """Say what an input holds, without reading a voxel.

    Parameters
    ----------
    path : Path or str
        As for `planner.io.load_ct`.
    monitor : Monitor
        Follows the reading.

    Returns
    -------
    Inspection
        With no patient data and no free text from the files.

    Raises
    ------
    InputError
        If there is nothing at the path, or no image in it.
    """
    source = find_source(Path(path), monitor=monitor)
    return _inspect_dicom(source, monitor) if source.kind == "dicom" else _inspect_volume_file(source)


def describe_inspection(inspection: Inspection) -> str:
    """Put an inspection into lines for a terminal.

    Parameters
    ----------
    inspection : Inspection
        What was found.

    Returns
    -------
    str
        Several lines, the last without a line end.
    """
    lines = [
        f"{inspection.format}: {len(inspection.series)} series or stacks in {inspection.files} files, "
        f"{inspection.other_files} other files"
    ]
    for series in inspection.series:
        lines.extend(_describe_series(series))
    if inspection.chosen_because is not None:
        lines.append(f"chosen: {inspection.chosen_series_instance_uid or 'the volume'} ({inspection.chosen_because})")
    else:
        lines.append("chosen: none; there is nothing to plan on")
    lines.extend(f"{finding.severity}: {finding.message}" for finding in inspection.findings)
    return "\n".join(lines)


def _describe_series(series: SeriesInspection) -> list[str]:
    mark = "*" if series.chosen else ("-" if series.usable else "x")
    size = f"{series.images} image(s)"
    if series.shape_zyx is not None and series.spacing_mm is not None:
        size = f"{' x '.join(map(str, series.shape_zyx))} at {' x '.join(f'{v:.3g}' for v in series.spacing_mm)} mm"
    parts = [
        series.modality or "unknown modality",
        series.orientation,
        size,
        f"thickness {series.slice_thickness_mm:g} mm" if series.slice_thickness_mm is not None else None,
        f"kernel {series.kernel}" if series.kernel else None,
        series.patient_position,
        series.transfer_syntax,
        f"stores {series.hu_floor:g} to {series.hu_ceiling:g} HU" if series.hu_ceiling is not None else None,
        f"clipped at {series.hu_clipped_at:g} HU" if series.hu_clipped_at is not None else None,
    ]
    lines = [f"{mark} {series.series_instance_uid or 'volume'}", "    " + ", ".join(part for part in parts if part)]
    return lines + [f"    {problem.severity}: {problem.message}" for problem in series.problems]


def _inspect_dicom(source: Source, monitor: Monitor) -> Inspection:
    found = read_found(source, monitor=monitor)
    stacks = find_stacks(found.headers)
    findings = list(found_findings(found))
    chosen: Stack | None = None
    because: str | None = None
    try:
        chosen, choice = choose(stacks, name=source.name, series_instance_uid=None)
        findings.extend(choice)
        because = RULES if choice else "the only CT"
    except SeriesError as error:
        findings.append(Finding(code="no-ct", severity="warning", message=str(error)))
    return Inspection(
        format="DICOM",
        files=len(source.files),
        other_files=found.other_files,
        series=tuple(_inspect_stack(stack, chosen=stack is chosen) for stack in stacks),
        chosen_series_instance_uid=(chosen.series_instance_uid or None) if chosen else None,
        chosen_because=because,
        findings=tuple(findings),
    )


def _inspect_stack(stack: Stack, *, chosen: bool) -> SeriesInspection:
    first = stack.headers[0]
    grid, problems = None, []
    if stack.aside is not None:
        problems.append(Finding(code="put-aside", severity="info", message=f"put aside: {stack.aside}"))
    else:
        try:
            arranged = arrange(stack.headers, same_pixels=None)
            grid = arranged.grid
            problems.extend(arranged.findings)
        except SeriesError as error:
            problems.append(Finding(code="geometry", severity="warning", message=str(error)))
        problems.extend(_pixel_problems(stack.headers))
    ceiling = ceiling_hu(first)
    return SeriesInspection(
        series_instance_uid=first.series_instance_uid or None,
        modality=first.modality or None,
        image_type=first.image_type,
        images=len(stack.headers),
        shape_zyx=grid.shape if grid else None,
        spacing_mm=grid.spacing_mm if grid else None,
        orientation=stack.orientation,
        slice_thickness_mm=first.slice_thickness_mm,
        kernel=first.kernel or None,
        patient_position=patient_position(first.patient_position),
        transfer_syntax=syntax_name(first.transfer_syntax),
        hu_floor=_floor_hu(first),
        hu_ceiling=ceiling,
        hu_clipped_at=_clipped_by_header(stack.headers, ceiling),
        usable=stack.aside is None and all(p.severity != "warning" or p.code == "single-slice" for p in problems),
        chosen=chosen,
        problems=tuple(problems),
    )


def _pixel_problems(headers: tuple[SliceHeader, ...]) -> list[Finding]:
    reasons = Counter(reason for reason in map(refuse_pixels, headers) if reason is not None)
    problems = [
        Finding(code="pixels", severity="warning", message=f"{count} slice(s): {reason}")
        for reason, count in reasons.items()
    ]
    short = sum(1 for h in headers if h.pixel_length is not None and h.pixel_length < (h.frame + 1) * h.frame_bytes)
    if short:
        problems.append(Finding(code="cut-off", severity="warning", message=f"{short} slice(s) are cut off"))
    if any(map(is_lossy, headers)):
        problems.append(Finding(code="lossy-compression", severity="caution", message="lossy compression"))
    return problems


def _floor_hu(header: SliceHeader) -> float | None:
    if header.slope is None or header.intercept is None or not header.bits_stored:
        return None
    return header.intercept - (header.slope * 2 ** (header.bits_stored - 1) if header.signed else 0.0)


def _clipped_by_header(headers: tuple[SliceHeader, ...], ceiling: float | None) -> float | None:
    """Take the ceiling for the clipping level where two slices or more name it as their largest value."""
    first = headers[0]
    if ceiling is None or first.signed:
        return None
    at_ceiling = [h for h in headers if h.largest_pixel == 2**h.bits_stored - 1]
    return ceiling if len(at_ceiling) > 1 else None


def _inspect_volume_file(source: Source) -> Inspection:
    if source.kind == "nifti":
        from planner.io.nifti import inspect_nifti

        grid, findings = inspect_nifti(source.files[0])
    else:
        from planner.io._sitk import inspect_volume

        grid, findings = inspect_volume(source.files[0]), ()
    series = SeriesInspection(
        series_instance_uid=None,
        modality=None,
        image_type=(),
        images=1,
        shape_zyx=grid.shape,
        spacing_mm=grid.spacing_mm,
        orientation=None,
        slice_thickness_mm=None,
        kernel=None,
        patient_position=None,
        transfer_syntax=None,
        hu_floor=None,
        hu_ceiling=None,
        hu_clipped_at=None,
        usable=True,
        chosen=True,
        problems=findings,
    )
    return Inspection(
        format="NIfTI" if source.kind == "nifti" else "NRRD or MetaImage",
        files=1,
        other_files=0,
        series=(series,),
        chosen_series_instance_uid=None,
        chosen_because="the only volume",
        findings=(),
    )
