"""Label maps as DICOM Segmentation, out and in."""

import hashlib
import io
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import highdicom as hd
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import UID
from scipy import ndimage

from planner.errors import GeometryError, InputError, LabelError
from planner.geometry.grid import Grid
from planner.io.dicom.codes import own_scheme
from planner.io.dicom.datasets import DATASET_DAMAGE, open_dataset
from planner.io.dicom.elements import DamagedFileError
from planner.io.dicom.geometry import SAME_PLACE_MM, Arranged, arrange, plane_of
from planner.io.dicom.headers import CT_IMAGE, SliceHeader
from planner.io.dicom.plan_series import plan_digest, series_description
from planner.io.dicom.repeatable import make_repeatable
from planner.io.dicom.segments import segment_descriptions
from planner.io.dicom.slices import read_slices
from planner.io.dicom.source_study import (
    SourceCt,
    add_patient_and_study,
    read_source_ct,
    source_ct_of,
    without_patient,
)
from planner.io.dicom.structure_terms import kind_of
from planner.io.dicom.write import MANUFACTURER, SOFTWARE_VERSION, derived_uid
from planner.io.quiet import quiet
from planner.io.whole_file import write_whole
from planner.model.labels import LabelMap, Structure
from planner.model.plan import Plan
from planner.model.scan import StoredSlices

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_ROUNDED_MM = 0.9
"""Positions rounded to whole mm lie no further off."""
_SAME_DIRECTION = 0.999
_MOST_IN_A_BYTE = 255
Numbers = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
_OFF_GRID_IDX = 0.05
"""A frame may lie off a slice of the grid by this share of a voxel: rounding in the positions."""


def write_seg(label_map: LabelMap, source_slice_files: Sequence[Path], path: Path) -> None:
    """Write a label map as a DICOM Segmentation of the CT it was made on.

    Parameters
    ----------
    label_map : LabelMap
        On the CT's own grid, sheared where its slices lean. Structures without a voxel are left out.
    source_slice_files : sequence of Path
        The CT's files; patient, study and frame of reference are taken from them, as the standard asks.
    path : Path
        The file to write.

    Raises
    ------
    GeometryError
        If the label map does not lie on the CT's grid.
    LabelError
        If no structure has a voxel, or a voxel has a code that stands for nothing.
    InputError
        If the CT's files cannot be read.
    OutputError
        If the file cannot be written.
    """
    arranged = _arranged(source_slice_files, StoredSlices.of_grid(label_map.grid))
    if arranged.layout.is_rectangular:
        arranged.layout.grid.require_same(label_map.grid)
    else:
        _require_same_slices(StoredSlices.of_grid(label_map.grid), arranged.layout.stored)
    _write(label_map.codes, label_map.structures, arranged.headers, path)


def write_seg_on_slices(
    codes: npt.NDArray[np.generic],
    structures: Sequence[Structure],
    slices: StoredSlices,
    source_slice_files: Sequence[Path],
    path: Path,
    *,
    plan: Plan | None = None,
    description: str | None = None,
) -> None:
    """Write labels as a DICOM Segmentation of a CT whose slices lie on no one grid.

    Parameters
    ----------
    codes : ndarray of int, shape ``slices.shape``
        The labels on the CT's own slices.
    structures : sequence of Structure
        What they stand for; those without a voxel are left out.
    slices : StoredSlices
        Where those slices lie, as the CT was loaded.
    source_slice_files : sequence of Path
        As for `write_seg`.
    path : Path
        The file to write.
    plan : Plan or None
        The plan that the labels belong to, which tells what they are; None for their kinds alone.
    description : str or None
        What the labels are, for people, 64 letters at most; None for none.

    Raises
    ------
    GeometryError
        If the slices are not those of the CT's files, or the labels do not have their shape.
    LabelError, InputError, OutputError
        As `write_seg`.
    """
    arranged = _arranged(source_slice_files, slices)
    _require_same_slices(slices, arranged.layout.stored)
    if codes.shape != slices.shape:
        raise GeometryError(f"the labels have shape {codes.shape}, the CT's slices {slices.shape}")
    _write(codes, structures, arranged.headers, path, plan=plan, description=description)


def _arranged(files: Sequence[Path], slices: StoredSlices) -> Arranged:
    """Put the CT's slices in order again, as they were when it was loaded; its pixels were compared then."""
    headers = _headers(files)
    if headers[0].frames > 1:
        headers = [header for header in headers if _is_one_of(header, slices)] or headers
    return arrange(headers, same_pixels=None)


def _is_one_of(header: SliceHeader, slices: StoredSlices) -> bool:
    """Say whether a frame lies on one of the slices: a file may hold other stacks beside them."""
    plane = plane_of(header)
    if plane is None or header.position_lps is None or (header.rows, header.columns) != slices.shape[1:]:
        return False
    along = np.array((plane[0] @ slices.column_step_lps, plane[1] @ slices.row_step_lps))
    lengths = np.linalg.norm((slices.column_step_lps, slices.row_step_lps), axis=1)
    away_mm = np.linalg.norm(slices.positions_lps - np.array(header.position_lps), axis=1)
    apart_mm = np.linalg.norm(np.diff(slices.positions_lps, axis=0), axis=1).min(initial=np.inf)
    return bool(np.all(along > _SAME_DIRECTION * lengths) and away_mm.min() <= min(apart_mm / 2, _ROUNDED_MM))


def _placing(headers: Sequence[SliceHeader]) -> dict[str, Any]:
    """Say where frames lie, in the form that the standard's writer takes."""
    first, plane = headers[0], plane_of(headers[0])
    positions = [header.position_lps for header in headers if header.position_lps is not None]
    spacing = [mm for mm in (first.row_spacing_mm, first.column_spacing_mm) if mm is not None]
    if plane is None or len(positions) < len(headers) or len(spacing) < 2:
        raise InputError("the CT does not say any more where its frames lie; give its folder again")
    patient = hd.CoordinateSystemNames.PATIENT
    thickness_mm = first.slice_thickness_mm or float(np.linalg.norm(np.subtract(positions[-1], positions[-2])))
    return {
        "plane_positions": [hd.PlanePositionSequence(patient, position) for position in positions],
        "plane_orientation": hd.PlaneOrientationSequence(patient, [float(v) for v in (*plane[0], *plane[1])]),
        "pixel_measures": hd.PixelMeasuresSequence(pixel_spacing=spacing, slice_thickness=thickness_mm),
    }


def _require_same_slices(ours: StoredSlices, theirs: StoredSlices) -> None:
    if ours.shape != theirs.shape:
        raise GeometryError(f"slices differ in shape: {ours.shape} and {theirs.shape}; give the CT that was planned on")
    apart_mm = float(np.abs(ours.positions_lps - theirs.positions_lps).max())
    turned = np.abs(ours.row_step_lps - theirs.row_step_lps).max() * ours.rows
    turned = max(turned, np.abs(ours.column_step_lps - theirs.column_step_lps).max() * ours.columns)
    if max(apart_mm, float(turned)) > SAME_PLACE_MM:
        raise GeometryError(
            f"slices lie up to {max(apart_mm, float(turned)):.3g} mm apart; give the CT that was planned on"
        )


def _write(
    codes: npt.NDArray[np.generic],
    structures: Sequence[Structure],
    headers: Sequence[SliceHeader],
    path: Path,
    *,
    plan: Plan | None = None,
    description: str | None = None,
) -> None:
    structures, numbers = _numbered(codes, structures)
    files = dict.fromkeys(header.path for header in headers)
    placed: dict[str, Any] = {}
    with quiet(), ThreadPoolExecutor(1) as aside:
        if headers[0].frames > 1:
            # Its frames may be in another order, others beside them, or in several files: each is placed by itself.
            files, placed = dict.fromkeys([headers[0].path]), _placing(headers)
            ct = read_source_ct(list(files))
        else:
            ct = source_ct_of(headers)
        segments = segment_descriptions(structures, plan, ct.series_instance_uid)
        digest = aside.submit(_digest, segments, numbers)
        told = "" if plan is None else plan_digest(plan)
        sources = [_source(file, ct) for file in files]
        seed = (ct.series_instance_uid, description or "", told, digest.result())
        segmentation = hd.seg.Segmentation(
            source_images=sources,
            pixel_array=numbers,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=segments,
            series_instance_uid=derived_uid("seg-series", *seed),
            series_number=300,
            sop_instance_uid=derived_uid("seg", *seed),
            instance_number=1,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MANUFACTURER,
            software_versions=SOFTWARE_VERSION,
            device_serial_number="0",
            content_label="CEMENT_PLAN",
            content_description=description,
            series_description=series_description("labels", None if plan is None else plan.review),
            coding_schemes=[own_scheme()],
            **placed,
        )
        segmentation["PixelData"].VR = "OB"  # of one bit (PS3.5 A.2); pydicom leaves it open
        add_patient_and_study(segmentation, ct.patient_and_study)
        make_repeatable(segmentation, open_dataset(next(iter(files)), with_pixels=False))
        segmentation.ContentCreatorName = ""  # of type 2: there, and nobody's
        buffer = io.BytesIO()
        segmentation.save_as(buffer)
    write_whole(buffer.getvalue(), path)


def _digest(segments: Sequence[Dataset], numbers: Numbers) -> str:
    """Tell labels apart: other voxels, or other words for them, are another object."""
    told = hashlib.sha256("\n".join(str(segment.to_json_dict()) for segment in segments).encode())
    for plane in numbers:
        told.update(np.ascontiguousarray(plane, dtype="<u2").data)
    return told.hexdigest()


def read_seg(path: Path, grid: Grid) -> LabelMap:
    """Read a DICOM Segmentation onto a CT's grid.

    Parameters
    ----------
    path : Path
        The file, of this program or of another.
    grid : Grid
        The CT's grid; the segmentation's frames must lie on its slices.

    Returns
    -------
    LabelMap
        Where segments overlap, the higher segment number stands. Codes are those that this program wrote, or else the
        segment numbers.

    Raises
    ------
    LabelError
        If the file is no segmentation, is damaged, or its frames lie off the grid.
    """
    try:
        dataset = open_dataset(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if str(dataset.get("SOPClassUID", "")) != _SEGMENTATION or dataset.get("SegmentationType") != "BINARY":
                raise LabelError(f"{path.name} is no binary DICOM Segmentation; export it as one")
            structures, placed = _structures(dataset), _placed_frames(dataset, grid, path.name)
            frames = dataset.pixel_array.reshape(-1, *grid.shape[1:])
            codes = np.zeros(grid.shape, dtype=np.uint16)
            for frame, voxels in zip(placed, frames, strict=True):
                number, index = frame
                codes[index][voxels > 0] = structures[number].code
    except (*DATASET_DAMAGE, DamagedFileError) as error:
        raise LabelError(f"{path.name} is no readable DICOM Segmentation; export it again") from error
    return LabelMap(grid, codes, tuple(structures.values()))


def _source(file: Path, ct: SourceCt) -> Dataset:
    """Read what a CT file says of its image, with what exports tend to drop and the standard wants there."""
    dataset = without_patient(open_dataset(file, with_pixels=False))
    if "PositionReferenceIndicator" not in dataset:
        dataset.PositionReferenceIndicator = ""
    if not dataset.get("SOPClassUID"):
        dataset.SOPClassUID = UID(CT_IMAGE)
    derived = {
        "StudyInstanceUID": ct.study_instance_uid,
        "SeriesInstanceUID": ct.series_instance_uid,
        "FrameOfReferenceUID": ct.frame_of_reference_uid,
        "SOPInstanceUID": derived_uid(
            "SOPInstanceUID", ct.series_instance_uid, str(dataset.get("ImagePositionPatient", ""))
        ),
    }
    for name, uid in derived.items():
        if not dataset.get(name):
            setattr(dataset, name, UID(uid))
    return dataset


def _headers(files: Sequence[Path]) -> list[SliceHeader]:
    headers: list[SliceHeader] = []
    for file in files:
        try:
            headers.extend(read_slices(file) or ())
        except DamagedFileError as error:
            raise InputError("a file of the CT cannot be read any more; give its folder again") from error
    if not headers:
        raise InputError("the labels belong to no DICOM series; a DICOM Segmentation needs one: write NIfTI instead")
    return headers


def _numbered(codes: npt.NDArray[np.generic], named: Sequence[Structure]) -> tuple[tuple[Structure, ...], Numbers]:
    """Give the structures that have voxels the numbers from 1 on, as DICOM asks."""
    boxes = ndimage.find_objects(codes)
    present = {code for code, box in enumerate(boxes, start=1) if box is not None}
    structures = tuple(s for s in sorted(named, key=lambda s: s.code) if s.code in present)
    strangers = present - {s.code for s in structures}
    if strangers:
        raise LabelError(f"the label map holds the value {min(strangers)}, which stands for no structure")
    if not structures:
        raise LabelError("the label map is empty, and DICOM has no empty segmentation")
    table = np.zeros(len(boxes) + 1, dtype=np.uint8 if len(structures) <= _MOST_IN_A_BYTE else np.uint16)
    for number, structure in enumerate(structures, start=1):
        table[structure.code] = number
    if table.dtype == codes.dtype and np.array_equal(table, np.arange(len(table))):
        return structures, cast("Numbers", codes)
    index: Any = codes
    return structures, cast("Numbers", np.take(table, index))


def _structures(dataset: Dataset) -> dict[int, Structure]:
    structures: dict[int, Structure] = {}
    codes: set[int] = set()
    for segment in dataset.SegmentSequence:
        number = int(segment.SegmentNumber)
        kind = kind_of(_code_value(segment, "Category"), _code_value(segment, "Type"))
        written = str(segment.get("SegmentDescription", "") or "")
        own = str(dataset.get("Manufacturer", "")) == MANUFACTURER and written.isdigit()
        code = int(written) if own and int(written) not in codes else number
        codes.add(code)
        structures[number] = Structure(code=code, kind=kind, id=str(segment.get("SegmentLabel", "") or f"label-{code}"))
    return structures


def _code_value(segment: Dataset, part: str) -> str:
    return str(segment[f"SegmentedProperty{part}CodeSequence"][0].get("CodeValue", ""))


def _placed_frames(dataset: Dataset, grid: Grid, name: str) -> list[tuple[int, int]]:
    """Give each frame's segment number and slice of the grid."""
    if (int(dataset.Rows), int(dataset.Columns)) != grid.shape[1:]:
        raise LabelError(f"{name} has {dataset.Rows} x {dataset.Columns} pixels, the CT {grid.shape[1:]}; resample it")
    shared = dataset.SharedFunctionalGroupsSequence[0]
    placed = []
    for own in dataset.PerFrameFunctionalGroupsSequence:
        orientation = _group(shared, own, "PlaneOrientationSequence").ImageOrientationPatient
        spacing = _group(shared, own, "PixelMeasuresSequence").PixelSpacing
        position = _group(shared, own, "PlanePositionSequence").ImagePositionPatient
        origin, row, column = (
            np.array([float(v) for v in part]) for part in (position, orientation[:3], orientation[3:])
        )
        far_row = origin + column * float(spacing[0]) * (grid.shape[1] - 1)
        far_column = origin + row * float(spacing[1]) * (grid.shape[2] - 1)
        found = np.asarray(grid.to_index(np.array([origin, far_row, far_column])))
        index = round(float(found[0, 0]))
        wanted = np.array([[index, 0, 0], [index, grid.shape[1] - 1, 0], [index, 0, grid.shape[2] - 1]], dtype=float)
        if np.abs(found - wanted).max() > _OFF_GRID_IDX or not 0 <= index < grid.shape[0]:
            raise LabelError(f"{name} lies off the CT's slices; resample it onto the CT")
        placed.append((int(_group(shared, own, "SegmentIdentificationSequence").ReferencedSegmentNumber), index))
    return placed


def _group(shared: Dataset, own: Dataset, name: str) -> Any:
    sequence = own.get(name) or shared.get(name)
    if not sequence:
        raise KeyError(name)
    return sequence[0]
