"""Labels in DICOM Segmentation objects of any program."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from planner.errors import GeometryError, LabelError
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.io.dicom.datasets import DATASET_DAMAGE, open_dataset
from planner.io.dicom.elements import DamagedFileError
from planner.io.labels.layers import Sheet, require_size
from planner.io.labels.names import standard_name
from planner.io.quiet import quiet
from planner.model.anatomy_labels import AnatomyLabels

_SEGMENTATIONS = frozenset(("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"))
"""Segmentation Storage, and Label Map Segmentation Storage."""
_OFF_STEP = 0.1
"""Frames may lie off an even grid by this share of a step: rounded positions."""
_SAME_STEP_MM = 0.01
_LEVEL = 1e-3


def read_dicom_labels(path: Path) -> AnatomyLabels:
    """Read a DICOM Segmentation.

    Parameters
    ----------
    path : Path
        Binary, fractional (from a half on) or a label map; its frames parallel and at even distances, and those
        without a voxel may be left out.

    Returns
    -------
    AnatomyLabels
        On the grid of its own frames, with its frame of reference. Segments are known by their labels, else by their
        codes' meanings.

    Raises
    ------
    LabelError
        If it is no segmentation, cannot be read, or no segment is known.

    Notes
    -----
    DICOM PS3.3 A.51 and C.8.20.
    """
    try:
        dataset = open_dataset(path)
        with quiet():
            if str(dataset.get("SOPClassUID", "")) not in _SEGMENTATIONS:
                raise LabelError(f"{path.name} is DICOM, but no segmentation; export the labels as DICOM SEG")
            return _labels(dataset, path.name)
    except (*DATASET_DAMAGE, DamagedFileError, GeometryError) as error:
        raise LabelError(f"{path.name} is no readable DICOM Segmentation; export it again") from error


def _labels(dataset: Dataset, name: str) -> AnatomyLabels:
    named = _named(dataset)
    if not named:
        raise LabelError(f"{name} has no segment named as a bone, the canal or an organ that is known here")
    rows, columns, frames = int(dataset.Rows), int(dataset.Columns), int(dataset.get("NumberOfFrames", 1))
    require_size((rows, columns, frames), name)
    places = places_of_frames(dataset, frames)
    grid, slices = grid_of_frames(places, rows, columns, dataset.get("FrameOfReferenceUID"), name)
    sheet = Sheet(grid, tuple(named.values()), name)
    kind = str(dataset.get("SegmentationType", ""))
    pixels: npt.NDArray[Any] = dataset.pixel_array.reshape(frames, rows, columns)
    half = int(dataset.get("MaximumFractionalValue", 1)) / 2
    for voxels, place, index in zip(pixels, places, slices, strict=True):
        if kind == "LABELMAP":
            sheet.lay(voxels.astype(np.uint16), named, index)
        elif place.segment in named:
            inside = voxels >= half if kind == "FRACTIONAL" else voxels > 0
            sheet.lay(inside.astype(np.uint8), {1: named[place.segment]}, index)
    return AnatomyLabels(sheet.label_map(), "DICOM Segmentation", name)


def _named(dataset: Dataset) -> dict[int, str]:
    named = {}
    for segment in dataset.SegmentSequence:
        kind = (segment.get("SegmentedPropertyTypeCodeSequence") or [Dataset()])[0]
        modifier = (kind.get("SegmentedPropertyTypeModifierCodeSequence") or [Dataset()])[0]
        side = str(modifier.get("CodeMeaning", ""))
        name = standard_name(str(segment.get("SegmentLabel", "") or "")) or standard_name(
            str(kind.get("CodeMeaning", "") or ""), side=side
        )
        number = int(segment.SegmentNumber)
        if name is not None and 0 < number < 1 << 16:
            named[number] = name
    return named


class FramePlace:
    """Where a frame lies and which segment it shows."""

    __slots__ = ("position", "segment", "steps")

    def __init__(self, shared: Dataset, own: Dataset) -> None:
        orientation = _numbers(_group(shared, own, "PlaneOrientationSequence").ImageOrientationPatient, 6)
        spacing = _numbers(_group(shared, own, "PixelMeasuresSequence").PixelSpacing, 2)
        self.position = _numbers(_group(shared, own, "PlanePositionSequence").ImagePositionPatient, 3)
        # From a voxel to the next row, and to the next column.
        self.steps: Array = np.stack([orientation[3:] * spacing[0], orientation[:3] * spacing[1]])
        segment = own.get("SegmentIdentificationSequence") or shared.get("SegmentIdentificationSequence")
        self.segment = int(segment[0].ReferencedSegmentNumber) if segment else 0


def places_of_frames(dataset: Dataset, frames: int) -> list[FramePlace]:
    """Read where each frame of a DICOM SEG lies.

    Parameters
    ----------
    dataset : Dataset
        The object.
    frames : int
        How many frames it says it has.

    Returns
    -------
    list of FramePlace

    Raises
    ------
    ValueError
        If a frame has no place.
    """
    shared = dataset.SharedFunctionalGroupsSequence[0]
    places = [FramePlace(shared, own) for own in dataset.PerFrameFunctionalGroupsSequence]
    if len(places) != frames:
        raise ValueError("a frame without its place")
    return places


def grid_of_frames(
    places: list[FramePlace], rows: int, columns: int, frame: object, name: str
) -> tuple[Grid, list[int]]:
    """Lay a grid through parallel frames, and give each frame's slice of it.

    Parameters
    ----------
    places : list of FramePlace
        Where the frames lie.
    rows, columns : int
        Of each.
    frame : object
        The frame of reference's UID, or None.
    name : str
        The file's, for messages.

    Returns
    -------
    grid : Grid
        One slice for each height at which a frame lies.
    slices : list of int
        The slice of each frame.

    Raises
    ------
    LabelError
        If the frames do not lie behind each other, at even distances.
    """
    steps = places[0].steps
    if max(float(np.abs(place.steps - steps).max()) for place in places) > _SAME_STEP_MM:
        raise LabelError(f"{name} has frames of different orientations or spacings; export it on the CT's slices")
    normal = np.cross(steps[1], steps[0])
    normal /= np.linalg.norm(normal)
    positions = np.array([place.position for place in places])
    heights = (positions - positions[0]) @ normal
    if np.abs(positions - positions[0] - heights[:, None] * normal).max() > 1.0:
        raise LabelError(f"{name} has frames that do not lie behind each other; export it on the CT's slices")
    apart = np.diff(np.unique(np.round(heights / _LEVEL).astype(np.int64))) * _LEVEL
    apart = apart[apart > _SAME_STEP_MM]
    if not len(apart):
        raise LabelError(f"{name} lies on one slice only; export the labels of the whole bones")
    step = float(apart.min())
    at = (heights - heights.min()) / step
    # A step read from the closest pair is sharpened with the longest way.
    step *= float(at.max() / np.rint(at.max()))
    at = (heights - heights.min()) / step
    if np.abs(at - np.rint(at)).max() > _OFF_STEP:
        raise LabelError(f"{name} has frames at uneven distances; export it on even slices")
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack((normal * step, steps[0], steps[1]))
    matrix[:3, 3] = positions[int(np.argmin(heights))]
    shape = (int(np.rint(at.max())) + 1, rows, columns)
    require_size(shape, name)
    return Grid(shape, matrix, str(frame) if frame else None), [int(v) for v in np.rint(at)]


def _numbers(values: Any, count: int) -> Array:
    numbers = np.array([float(value) for value in values], dtype=np.float64)
    if numbers.shape != (count,) or not np.all(np.isfinite(numbers)):
        raise ValueError("numbers of a frame's place that are none")
    return numbers


def _group(shared: Dataset, own: Dataset, name: str) -> Any:
    sequence = own.get(name) or shared.get(name)
    if not sequence:
        raise KeyError(name)
    return sequence[0]
