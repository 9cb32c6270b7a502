"""What an input holds, told from headers only."""

from collections import Counter
from pathlib import Path

from planner.errors import SeriesError
from planner.io.dicom.agreement import agree, left_out
from planner.io.dicom.choice import Choice, Ranked, choose
from planner.io.dicom.geometry import arrange
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.metal import metal_in_headers
from planner.io.dicom.pixels import ceiling_hu, is_lossy, refuse_pixels, syntax_name
from planner.io.dicom.ranking import RULES
from planner.io.dicom.series import Stack, find_stacks, read_found
from planner.io.loading import found_findings, patient_position
from planner.io.rectify import foresee, plane_spacing_mm
from planner.io.slice_layout import Layout
from planner.io.sources import Source, find_source
from planner.model.finding import Finding
from planner.model.plan import PatientPosition
from planner.model.record import Record
from planner.progress import SILENT, Monitor


class SeriesInspection(Record):
    """One stack of images, as its headers describe it; None where they do not say."""

    series_instance_uid: str | None
    name: str | None
    """What ``--series`` takes for this stack: the UID, with "#2" for the second of several stacks in one series."""
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
    rank: int | None
    """Place in the choice, from 1; None where it is nothing to plan on."""
    lost_by: str | None
    """The rule that decided against it; None for the chosen one, and where it is nothing to plan on."""
    problems: tuple[Finding, ...]


class Inspection(Record):
    """What an input holds."""

    format: str
    files: int
    other_files: int
    """Files that are no DICOM object."""
    series: tuple[SeriesInspection, ...]
    chosen_series_instance_uid: str | None
    chosen_series: str | None
    """The chosen stack's name, as `SeriesInspection.name`."""
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
        lines.append(f"chosen: {inspection.chosen_series or 'the volume'} ({inspection.chosen_because})")
    else:
        lines.append("chosen: none; there is nothing to plan on")
    if any("#" in (series.name or "") for series in inspection.series):
        lines.append(
            "UID#2 is the second of several stacks in one series; --series takes such a name as it stands here"
        )
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
    lines = [f"{mark} {series.name or 'volume'}", "    " + ", ".join(part for part in parts if part)]
    if series.lost_by is not None:
        lines.append(f"    choice {series.rank}: {series.lost_by}")
    return lines + [f"    {problem.severity}: {problem.message}" for problem in series.problems]


def _inspect_dicom(source: Source, monitor: Monitor) -> Inspection:
    found = read_found(source, monitor=monitor)
    stacks = find_stacks(found.headers)
    findings = [*source.findings, *found_findings(found)]
    choice: Choice | None = None
    try:
        choice = choose(stacks, name=source.name, series=None, look=metal_in_headers, looks_later=True)
        others = [s.headers for s in stacks if s is not choice.stack]
        findings.extend((*choice.findings, *left_out(choice.stack.headers, others)))
    except SeriesError as error:
        findings.append(Finding(code="no-ct", severity="warning", message=str(error)))
    ranked = {id(r.stack): r for r in choice.ranking} if choice else {}
    return Inspection(
        format="DICOM",
        files=len(source.files),
        other_files=found.other_files,
        series=tuple(_inspect_stack(stack, ranked.get(id(stack))) for stack in stacks),
        chosen_series_instance_uid=(choice.stack.series_instance_uid or None) if choice else None,
        chosen_series=(choice.stack.name or None) if choice else None,
        chosen_because=_because(choice) if choice else None,
        findings=tuple(findings),
    )


def _because(choice: Choice) -> str:
    return choice.because if len(choice.ranking) == 1 else f"{choice.because}; the rules in order: {RULES}"


def _inspect_stack(stack: Stack, ranked: Ranked | None) -> SeriesInspection:
    first = stack.headers[0]
    layout: Layout | None = None
    problems = []
    if stack.aside is not None:
        problems.append(Finding(code="put-aside", severity="info", message=f"put aside: {stack.aside}"))
    else:
        try:
            headers, agreed = agree(stack.headers)
            arranged = arrange(headers, same_pixels=None)
            layout = arranged.layout
            problems.extend((*agreed, *arranged.findings, *layout.findings))
        except SeriesError as error:
            problems.append(Finding(code="geometry", severity="warning", message=str(error)))
        problems.extend(_pixel_problems(stack.headers))
    ceiling = ceiling_hu(first)
    return SeriesInspection(
        series_instance_uid=first.series_instance_uid or None,
        name=stack.name or None,
        modality=first.modality or None,
        image_type=first.image_type,
        images=len(stack.headers),
        shape_zyx=layout.stored.shape if layout else None,
        spacing_mm=layout.spacing_mm if layout else None,
        orientation=stack.orientation,
        slice_thickness_mm=first.slice_thickness_mm,
        kernel=first.kernel or None,
        patient_position=patient_position(first.patient_position),
        transfer_syntax=syntax_name(first.transfer_syntax),
        hu_floor=_floor_hu(first),
        hu_ceiling=ceiling,
        hu_clipped_at=_clipped_by_header(stack.headers, ceiling),
        usable=stack.aside is None and all(p.severity != "warning" or p.code == "single-slice" for p in problems),
        chosen=ranked is not None and ranked.rank == 1,
        rank=ranked.rank if ranked else None,
        lost_by=ranked.lost_by if ranked else None,
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
        name=None,
        modality=None,
        image_type=(),
        images=1,
        shape_zyx=grid.shape,
        spacing_mm=plane_spacing_mm(grid),
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
        rank=1,
        lost_by=None,
        problems=(*findings, *foresee(grid)),
    )
    return Inspection(
        format="NIfTI" if source.kind == "nifti" else "NRRD or MetaImage",
        files=1,
        other_files=0,
        series=(series,),
        chosen_series_instance_uid=None,
        chosen_series=None,
        chosen_because="the only volume",
        findings=(),
    )
