"""What an input holds, told from headers only."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from planner.errors import SeriesError
from planner.geometry.grid import Grid
from planner.io.dicom.agreement import agree, left_out
from planner.io.dicom.choice import Choice, Ranked, choose, instead_of, refused_finding
from planner.io.dicom.geometry import arrange
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.metal import metal_in_headers
from planner.io.dicom.people import patients_of
from planner.io.dicom.pixels import ceiling_hu, is_lossy, refuse_pixels
from planner.io.dicom.ranking import RULES
from planner.io.dicom.series import Stack, find_stacks, read_found
from planner.io.dicom.stored import count_cut_off
from planner.io.dicom.syntaxes import syntax_name
from planner.io.dicom.terms import shown_image_type, shown_kernel, shown_modality
from planner.io.loading import found_findings, others_than, patient_position
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
    series_number: int | None
    """What viewers call it; ``--series`` takes it too where no other series has it."""
    patient_number: int | None
    """Which of the input's patients, from 1, where it holds several; None otherwise, and where the files do not say."""
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
    """The rule that decided, with its figures."""
    not_chosen_because: str | None
    """Why nothing was chosen; None where something was."""
    rules: str | None
    """The rules of the choice in order, where there was one."""
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
    lines = [_describe_files(inspection)]
    for series in inspection.series:
        lines.extend(_describe_series(series))
    lines.append(_describe_choice(inspection))
    if any("#" in (series.name or "") for series in inspection.series):
        lines.append(
            "UID#2 is the second of several stacks in one series; --series takes such a name as it stands here"
        )
    told = [f for f in inspection.findings if f.code != "series-chosen" and f.message != inspection.not_chosen_because]
    lines.extend(f"{finding.severity}: {finding.message}" for finding in told)
    return "\n".join(lines)


def _describe_files(inspection: Inspection) -> str:
    if inspection.format != "DICOM":
        return f"{inspection.format}: one volume"
    stacks, images = len(inspection.series), inspection.files - inspection.other_files
    others = f", and {inspection.other_files} other file(s)" if inspection.other_files else ""
    return f"DICOM: {stacks} series or part{'s' if stacks > 1 else ''} of one in {images} file(s){others}"


def _describe_choice(inspection: Inspection) -> str:
    if inspection.not_chosen_because is not None:
        return f"chosen: none; nothing to plan on: {inspection.not_chosen_because}"
    if inspection.format != "DICOM":
        return f"chosen: {inspection.chosen_because}"
    name = inspection.chosen_series or "the series without a UID"
    second = next((s for s in inspection.series if s.rank == 2), None)
    over = "" if second is None else f", before {second.name or 'the series without a UID'}"
    return f"chosen: {name}{over}: {inspection.chosen_because}"


def _describe_series(series: SeriesInspection) -> list[str]:
    mark = "*" if series.chosen else ("-" if series.usable else "x")
    size = f"{series.images} image(s)"
    if series.shape_zyx is not None and series.spacing_mm is not None:
        size = f"{' x '.join(map(str, series.shape_zyx))} at {' x '.join(f'{v:.3g}' for v in series.spacing_mm)} mm"
    parts = [
        None if series.series_number is None else f"series {series.series_number}",
        None if series.patient_number is None else f"patient {series.patient_number}",
        series.modality,
        series.orientation,
        size,
        f"thickness {series.slice_thickness_mm:g} mm" if series.slice_thickness_mm is not None else None,
        f"kernel {series.kernel}" if series.kernel else None,
        series.patient_position,
        series.transfer_syntax,
        f"stores {series.hu_floor:g} to {series.hu_ceiling:g} HU" if series.hu_ceiling is not None else None,
        f"clipped at {series.hu_clipped_at:g} HU" if series.hu_clipped_at is not None else None,
        None if series.transfer_syntax else "its header tells no HU range and no clipping",
    ]
    lines = [f"{mark} {series.name or 'volume'}", "    " + ", ".join(part for part in parts if part)]
    if series.lost_by is not None:
        lines.append(f"    choice {series.rank}: {series.lost_by}")
    told = [p for p in series.problems if series.lost_by is None or p.message not in series.lost_by]
    return lines + [f"    {problem.severity}: {problem.message}" for problem in told]


def _inspect_dicom(source: Source, monitor: Monitor) -> Inspection:
    found = read_found(source.files, name=source.name, monitor=monitor)
    stacks = find_stacks(found.headers)
    findings = [*source.findings, *found_findings(found)]
    patients = patients_of([stack for stack in stacks if stack.aside is None])
    told = [_inspect_stack(stack, patients if len(patients) > 1 else {}) for stack in stacks]
    unusable = {id(stack): _first_warning(one) for stack, one in zip(stacks, told, strict=True) if not one.usable}
    choice: Choice | None = None
    reason: str | None = None
    try:
        best, refused = _choose(stacks, source.name, unusable)
        findings += [refused_finding(stack, unusable[id(stack)]) for stack in refused]
        reason = unusable.get(id(best.stack))
        if reason is None:
            choice = best
            findings += [*best.findings, *left_out(best.stack.headers, others_than(best, stacks))]
    except SeriesError as error:
        code = "no-ct" if all(stack.aside is not None for stack in stacks) else "several-patients"
        reason = str(error)
        findings.append(Finding(code=code, severity="warning", message=reason))
    ranked = {id(r.stack): r for r in choice.ranking} if choice else {}
    return Inspection(
        format="DICOM",
        files=len(source.files),
        other_files=found.other_files,
        series=tuple(_with_rank(one, ranked.get(id(stack))) for stack, one in zip(stacks, told, strict=True)),
        chosen_series_instance_uid=(choice.stack.series_instance_uid or None) if choice else None,
        chosen_series=(choice.stack.name or None) if choice else None,
        chosen_because=choice.because if choice else None,
        not_chosen_because=reason,
        rules=RULES if choice is not None and len(choice.ranking) > 1 else None,
        findings=tuple(findings),
    )


def _choose(stacks: tuple[Stack, ...], name: str, unusable: Mapping[int, str]) -> tuple[Choice, list[Stack]]:
    """Choose as the loading will: what is known to be unusable gives way to the next."""
    first = choice = choose(stacks, name=name, series=None, look=metal_in_headers, looks_later=True)
    refused: list[Stack] = []
    while id(choice.stack) in unusable:
        refused.append(choice.stack)
        left = instead_of(first.stack, stacks, tried=refused)
        if not left:
            return first, []
        choice = choose(left, name=name, series=None, look=metal_in_headers, looks_later=True)
    if refused and len(choice.ranking) == 1:
        choice = replace(choice, because="the only other CT of the place that can be read")
    return choice, refused


def _first_warning(series: SeriesInspection) -> str:
    return next((p.message for p in series.problems if p.severity == "warning"), "it is nothing to plan on")


def _with_rank(series: SeriesInspection, ranked: Ranked | None) -> SeriesInspection:
    if ranked is None:
        return series
    return series.model_copy(update={"chosen": ranked.rank == 1, "rank": ranked.rank, "lost_by": ranked.lost_by})


def _inspect_stack(stack: Stack, patients: Mapping[str, int]) -> SeriesInspection:
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
        series_number=first.series_number,
        name=stack.name or None,
        patient_number=patients.get(first.patient),
        modality=shown_modality(first.modality),
        image_type=shown_image_type(first.image_type),
        images=len(stack.headers),
        shape_zyx=layout.stored.shape if layout else None,
        spacing_mm=layout.spacing_mm if layout else None,
        orientation=stack.orientation,
        slice_thickness_mm=first.slice_thickness_mm,
        kernel=shown_kernel(first.kernel),
        patient_position=patient_position(first.patient_position),
        transfer_syntax=syntax_name(first.transfer_syntax),
        hu_floor=_floor_hu(first),
        hu_ceiling=ceiling,
        hu_clipped_at=_clipped_by_header(stack.headers, ceiling),
        usable=stack.aside is None and all(p.severity != "warning" or p.code == "single-slice" for p in problems),
        chosen=False,
        rank=None,
        lost_by=None,
        problems=tuple(problems),
    )


def _pixel_problems(headers: tuple[SliceHeader, ...]) -> list[Finding]:
    reasons = Counter(reason for reason in map(refuse_pixels, headers) if reason is not None)
    problems = [
        Finding(code="pixels", severity="warning", message=f"{count} slice(s): {reason}")
        for reason, count in reasons.items()
    ]
    short = count_cut_off(headers)
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


def _orientation(grid: Grid) -> str:
    """Name the patient's plane in which a volume's slices nearly lie."""
    normal = np.cross(grid.directions_lps[:, 1], grid.directions_lps[:, 2])
    return ("sagittal", "coronal", "axial")[int(np.abs(normal).argmax())]


def _inspect_volume_file(source: Source) -> Inspection:
    if source.kind == "nifti":
        from planner.io.nifti import inspect_nifti

        grid, findings = inspect_nifti(source.files[0])
    else:
        from planner.io._sitk import inspect_volume

        grid, findings = inspect_volume(source.files[0]), ()
    series = SeriesInspection(
        series_instance_uid=None,
        series_number=None,
        name=None,
        patient_number=None,
        modality=None,
        image_type=(),
        images=1,
        shape_zyx=grid.shape,
        spacing_mm=plane_spacing_mm(grid),
        orientation=_orientation(grid),
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
        not_chosen_because=None,
        rules=None,
        findings=(),
    )
