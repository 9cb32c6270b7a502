"""Label maps as DICOM Segmentation, out and in."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID

from planner.errors import InputError, LabelError, OutputError
from planner.geometry.grid import Grid
from planner.io.dicom.elements import DAMAGE, DamagedFileError, open_dataset
from planner.io.dicom.geometry import arrange
from planner.io.dicom.headers import CT_IMAGE, SliceHeader
from planner.io.dicom.pixels import same_pixels
from planner.io.dicom.slices import read_slices
from planner.io.dicom.write import MANUFACTURER, SOFTWARE_VERSION, derived_uid
from planner.model.labels import LabelMap, Structure, StructureKind

_ANATOMY = Code("91723000", "SCT", "Anatomical Structure")
_OBJECT = Code("260787004", "SCT", "Physical object")
_ALTERED = Code("49755003", "SCT", "Morphologically Altered Structure")
_CODES: dict[StructureKind, tuple[Code, Code]] = {
    "implant": (_OBJECT, Code("40388003", "SCT", "Implant")),
    "bone": (_ANATOMY, Code("272673000", "SCT", "Bone")),
    "gap": (_ALTERED, Code("52988006", "SCT", "Lesion")),
    "breach": (_ALTERED, Code("6920004", "SCT", "Defect")),
    "canal": (_ANATOMY, Code("61853006", "SCT", "Spinal canal")),
    "disc": (_ANATOMY, Code("360499006", "SCT", "Intervertebral disc")),
    "other": (_ANATOMY, Code("85756007", "SCT", "Tissue")),
}
"""Category and type of each kind (SNOMED CT; categories from DICOM CID 7150)."""
_KIND_OF = {pair[1].value: kind for kind, pair in _CODES.items()}
_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_MAY_BE_EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PositionReferenceIndicator",
)
"""Attributes of type 2: there, but possibly empty (PS3.5 7.4.3)."""
_OFF_GRID_IDX = 0.05
"""A frame may lie off a slice of the grid by this share of a voxel: rounding in the positions."""


def write_seg(label_map: LabelMap, source_slice_files: Sequence[Path], path: Path) -> None:
    """Write a label map as a DICOM Segmentation of the CT it was made on.

    Parameters
    ----------
    label_map : LabelMap
        On the CT's own grid. Structures without a voxel are left out.
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
    headers = _headers(source_slice_files)
    arranged = arrange(headers, same_pixels=same_pixels)
    arranged.grid.require_same(label_map.grid)
    structures, numbers = _numbered(label_map)
    series = headers[0].series_instance_uid
    seed = (series, *(f"{s.code}:{s.kind}:{s.id}" for s in structures), str(int(numbers.astype(np.int64).sum())))
    files = dict.fromkeys(header.path for header in arranged.headers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sources = [_source(file) for file in files]
        segmentation = hd.seg.Segmentation(
            source_images=sources,
            pixel_array=numbers,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_description(n, s) for n, s in enumerate(structures, start=1)],
            series_instance_uid=derived_uid("seg-series", *seed),
            series_number=300,
            sop_instance_uid=derived_uid("seg", *seed),
            instance_number=1,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MANUFACTURER,
            software_versions=SOFTWARE_VERSION,
            device_serial_number="0",
            content_label="CEMENT_PLAN",
            series_description="cement plan: labels",
        )
        for segment, structure in zip(segmentation.SegmentSequence, structures, strict=True):
            segment.SegmentDescription = str(structure.code)
        try:
            segmentation.save_as(path)
        except OSError as error:
            reason = (error.strerror or "the system refused").lower()
            raise OutputError(f"{path.name} cannot be written: {reason}") from error


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
    except (*DAMAGE, DamagedFileError) as error:
        raise LabelError(f"{path.name} is no readable DICOM Segmentation; export it again") from error
    return LabelMap(grid, codes, tuple(structures.values()))


def _source(file: Path) -> Dataset:
    """Read a CT file, with what exports tend to drop and the standard wants there, at least empty."""
    dataset = open_dataset(file)
    for name in _MAY_BE_EMPTY:
        if name not in dataset:
            setattr(dataset, name, "")
    if not dataset.get("SOPClassUID"):
        dataset.SOPClassUID = UID(CT_IMAGE)
    series, place = (str(dataset.get(name, "")) for name in ("SeriesInstanceUID", "ImagePositionPatient"))
    for name in ("StudyInstanceUID", "FrameOfReferenceUID"):
        if not dataset.get(name):
            setattr(dataset, name, UID(derived_uid(name, series)))
    if not dataset.get("SOPInstanceUID"):
        dataset.SOPInstanceUID = UID(derived_uid("SOPInstanceUID", series, place))
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


def _numbered(label_map: LabelMap) -> tuple[tuple[Structure, ...], npt.NDArray[np.uint16]]:
    """Give the structures that have voxels the numbers from 1 on, as DICOM asks."""
    present = {int(code) for code in np.unique(label_map.codes)} - {0}
    structures = tuple(s for s in sorted(label_map.structures, key=lambda s: s.code) if s.code in present)
    strangers = present - {s.code for s in structures}
    if strangers:
        raise LabelError(f"the label map holds the value {min(strangers)}, which stands for no structure")
    if not structures:
        raise LabelError("the label map is empty, and DICOM has no empty segmentation")
    table = np.zeros(max(present) + 1, dtype=np.uint16)
    for number, structure in enumerate(structures, start=1):
        table[structure.code] = number
    return structures, table[label_map.codes]


def _description(number: int, structure: Structure) -> hd.seg.SegmentDescription:
    category, kind = _CODES[structure.kind]
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=structure.id[:64],
        segmented_property_category=category,
        segmented_property_type=kind,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=MANUFACTURER, version=SOFTWARE_VERSION, family=Code("123104", "DCM", "Morphological Operations")
        ),
    )


def _structures(dataset: Dataset) -> dict[int, Structure]:
    structures: dict[int, Structure] = {}
    codes: set[int] = set()
    for segment in dataset.SegmentSequence:
        number = int(segment.SegmentNumber)
        kind = _KIND_OF.get(str(segment.SegmentedPropertyTypeCodeSequence[0].get("CodeValue", "")), "other")
        written = str(segment.get("SegmentDescription", "") or "")
        own = str(dataset.get("Manufacturer", "")) == MANUFACTURER and written.isdigit()
        code = int(written) if own and int(written) not in codes else number
        codes.add(code)
        structures[number] = Structure(code=code, kind=kind, id=str(segment.get("SegmentLabel", "") or f"label-{code}"))
    return structures


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
