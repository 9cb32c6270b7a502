"""Labels as a segmentation of 3D Slicer (``.seg.nrrd``)."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from planner.errors import LabelError, OutputError
from planner.io._sitk import image_of
from planner.io.quiet import hushed_stderr
from planner.io.slicer.terminology import SegmentTerms
from planner.io.whole_file import write_whole
from planner.model.labels import LabelMap

SegmentStatus = Literal["notstarted", "inprogress", "completed", "flagged"]
"""3D Slicer's words for how far a segment is."""
Box = tuple[slice, slice, slice]
_EMPTY = "0 -1 0 -1 0 -1"
_GREY = (0.5, 0.5, 0.5)
_COMPRESSION = 3
"""zlib's level: labels shrink as well at a low one."""


def write_slicer_segmentation(
    label_map: LabelMap,
    path: Path | str,
    *,
    colours: Mapping[str, tuple[float, float, float]],
    terms: Mapping[str, SegmentTerms],
    status: SegmentStatus = "inprogress",
    note: str = "",
) -> None:
    """Write a label map as a segmentation of 3D Slicer, byte for byte the same each time.

    Parameters
    ----------
    label_map : LabelMap
        On a rectangular grid. Each structure becomes a segment with its id for name and its code for value, also where
        it has no voxel; all lie in one layer, for a voxel has one label.
    path : Path or str
        Where; the name should end with ``.seg.nrrd``, by which Slicer knows it.
    colours : mapping of str to (r, g, b)
        By the structures' ids, 0 to 1; what it does not name is grey.
    terms : mapping of str to SegmentTerms
        By the structures' ids; what it does not name has no coded words.
    status : str
        How far a person is with checking the segments.
    note : str
        What every reader of them must know; a tag of each segment.

    Raises
    ------
    GeometryError
        If the grid is sheared: Slicer holds no segmentation on such a one.
    LabelError
        If a voxel has a code that stands for nothing.
    OutputError
        If it cannot be written; an older file is then still there as it was.

    Notes
    -----
    Format: 3D Slicer developer guide, "Segmentations: labelmap file format (.seg.nrrd)"; space LPS, mm.
    """
    path = Path(path)
    boxes = _boxes(label_map)
    image = image_of(label_map.grid, _codes(label_map, boxes))
    for key, value in _fields(label_map, boxes, colours, terms, status, note).items():
        image.SetMetaData(key, value)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.absolute().parent) as beside:
            made = Path(beside) / "labels.seg.nrrd"
            with hushed_stderr():
                sitk.WriteImage(image, str(made), useCompression=True, compressionLevel=_COMPRESSION)
            write_whole(made.read_bytes(), path)
    except RuntimeError as error:
        raise OutputError(f"{path.name} cannot be written: the disk may be full; choose another place") from error
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise OutputError(f"{path.name} cannot be written: {reason}; choose another place") from error


def _boxes(label_map: LabelMap) -> list[Box | None]:
    """Give the box of each code from 1 on, None where it has no voxel; each must stand for a structure."""
    boxes: list[Box | None] = ndimage.find_objects(np.asarray(label_map.codes))
    known = {s.code for s in label_map.structures}
    for code, box in enumerate(boxes, start=1):
        if box is not None and code not in known:
            raise LabelError(f"the label map holds the value {code}, which stands for nothing")
    return boxes


def _codes(label_map: LabelMap, boxes: list[Box | None]) -> Any:
    """Give the codes in the smallest type that holds them."""
    return np.asarray(label_map.codes).astype(np.uint8 if len(boxes) < 1 << 8 else np.uint16, copy=False)


def _fields(
    label_map: LabelMap,
    boxes: list[Box | None],
    colours: Mapping[str, tuple[float, float, float]],
    terms: Mapping[str, SegmentTerms],
    status: SegmentStatus,
    note: str,
) -> dict[str, str]:
    fields = {
        "Segmentation_ContainedRepresentationNames": "Binary labelmap|",
        "Segmentation_ConversionParameters": "",
        # The guide's name, and the one that Slicer's own writer has.
        "Segmentation_SourceRepresentation": "Binary labelmap",
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
    }
    for number, structure in enumerate(label_map.structures):
        box = boxes[structure.code - 1] if structure.code <= len(boxes) else None
        named = terms.get(structure.id)
        tags = [f"Segmentation.Status:{status}", f"CementPlanner.Kind:{structure.kind}"]
        tags += [f"TerminologyEntry:{named.entry}"] if named is not None else []
        tags += [f"CementPlanner.Note:{note.replace('|', '/')}"] if note else []
        own = {
            "ID": structure.id,
            "Name": structure.id,
            "NameAutoGenerated": "0",
            "Color": " ".join(f"{share:.6g}" for share in colours.get(structure.id, _GREY)),
            "ColorAutoGenerated": "0",
            "LabelValue": str(structure.code),
            "Layer": "0",
            # Slicer counts (column, row, slice).
            "Extent": _EMPTY if box is None else " ".join(f"{span.start} {span.stop - 1}" for span in reversed(box)),
            "Tags": "|".join(tags) + "|",
        }
        fields |= {f"Segment{number}_{name}": value for name, value in own.items()}
    return fields
