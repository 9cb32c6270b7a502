"""Labels in 3D Slicer's segmentation files (``.seg.nrrd``)."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from planner.errors import LabelError, SeriesError
from planner.geometry.grid import Grid
from planner.io._sitk import grid_of
from planner.io.itk_claim import require_itk_claim
from planner.io.labels.layers import Codes, Sheet, require_size
from planner.io.labels.names import standard_name
from planner.io.quiet import hushed_stderr
from planner.io.slice_layout import refuse_spacing
from planner.io.stored_claims import require_whole
from planner.io.volume_headers import header_fields, mm_per_unit, refuse_frame
from planner.model.anatomy_labels import AnatomyLabels

_LONGEST_HEADER = 1 << 20
_FIELD = re.compile(r"Segment(\d{1,4})_(Name|LabelValue|Layer|Tags):=(.*)")
_KINDS = (sitk.sitkUInt8, sitk.sitkUInt16, sitk.sitkInt8, sitk.sitkInt16, sitk.sitkInt32, sitk.sitkUInt32)
_VECTORS = (
    sitk.sitkVectorUInt8,
    sitk.sitkVectorUInt16,
    sitk.sitkVectorInt8,
    sitk.sitkVectorInt16,
    sitk.sitkVectorInt32,
    sitk.sitkVectorUInt32,
)


def read_slicer_labels(path: Path) -> AnatomyLabels:
    """Read a segmentation of 3D Slicer.

    Parameters
    ----------
    path : Path
        ``.seg.nrrd``, with one layer or several.

    Returns
    -------
    AnatomyLabels
        Segments are known by their names, else by their terminology.

    Raises
    ------
    LabelError
        If it is no segmentation, or no segment is known.
    SeriesError
        If the file or its geometry cannot be read.

    Notes
    -----
    Format: 3D Slicer developer guide, "Segmentations: labelmap file format (.seg.nrrd)".
    """
    segments = _segments(path)
    if not segments:
        raise LabelError(f"{path.name} names no segments; save it as a segmentation (.seg.nrrd) from 3D Slicer")
    known = [(layer, value, name) for layer, value, name in segments if name is not None]
    if not known:
        raise LabelError(f"{path.name} has no segment named as a bone, the canal or an organ that is known here")
    grid, layers = layers_of(path)
    sheet = Sheet(grid, tuple(name for _, _, name in known), path.name)
    for number, values in enumerate(layers):
        named = {value: name for layer, value, name in known if layer == number}
        if int(values.min()) < 0 or int(values.max()) >= 1 << 16:
            raise LabelError(f"{path.name} holds values that are no labels (whole numbers from 0 to 65535)")
        sheet.lay(values.astype(np.uint16), named)
    return AnatomyLabels(sheet.label_map(), "3D Slicer segmentation", path.name)


def _segments(path: Path) -> list[tuple[int, int, str | None]]:
    """Give layer, value and standard name of each segment."""
    with path.open("rb") as file:
        head = file.read(_LONGEST_HEADER)
    text = head.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("utf-8", "replace")
    found: dict[int, dict[str, str]] = {}
    for number, field, value in _FIELD.findall(text):
        found.setdefault(int(number), {})[field] = value.strip()
    segments = []
    for _, fields in sorted(found.items()):
        if "Name" not in fields and "Tags" not in fields:
            continue
        layer, value = fields.get("Layer", "0"), fields.get("LabelValue", "1")
        if not (layer.isdecimal() and value.isdecimal() and len(layer) < 4 and 0 < int(value[:6]) < 1 << 16):
            raise LabelError(f"{path.name} has a segment without a layer or a value; save it again from 3D Slicer")
        name = standard_name(fields.get("Name", "")) or _by_terminology(fields.get("Tags", ""))
        segments.append((int(layer), int(value), name))
    return segments


def _by_terminology(tags: str) -> str | None:
    """Take the name of a type, with its side, from a terminology entry: context~category~type~modifier~..."""
    entry = re.search(r"TerminologyEntry:([^|]*)", tags)
    if entry is None:
        return None
    parts = entry.group(1).split("~")
    for kind, modifier in ((2, 3), (5, 6)):
        if len(parts) > modifier:
            side = parts[modifier].rpartition("^")[2].strip()
            name = standard_name(parts[kind].rpartition("^")[2], side=side)
            if name is not None:
                return name
    return None


def layers_of(path: Path) -> tuple[Grid, list[Codes]]:
    """Read the layers of a 3D Slicer segmentation.

    Parameters
    ----------
    path : Path
        A ``.seg.nrrd``.

    Returns
    -------
    grid : Grid
        Theirs.
    layers : list of ndarray of int
        Segments that overlap lie in layers of their own.

    Raises
    ------
    LabelError
        If it is no segmentation, or not in mm.
    """
    claim = require_itk_claim(path)
    fields = header_fields(path)
    refuse_frame(fields, path)
    if mm_per_unit(fields, path) != 1.0:
        raise LabelError(f"{path.name} is not in mm; save it again from 3D Slicer")
    require_size(claim.shape, path.name)
    require_whole(claim)
    kinds = fields.get("kinds", "").lower().split()
    if len(claim.shape) not in (3, 4) or (len(claim.shape) == 4 and kinds[:1] not in (["list"], ["vector"])):
        raise LabelError(f"{path.name} has shape {claim.shape}, not that of a segmentation; save it again")
    try:
        with hushed_stderr():
            image: Any = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise SeriesError(f"{path.name} is cut off or damaged; copy it again from its source") from error
    if image.GetDimension() != 3 or image.GetPixelID() not in (*_KINDS, *_VECTORS):
        raise LabelError(f"{path.name} does not hold whole numbers in three dimensions; save it again from 3D Slicer")
    grid = grid_of(image)
    refuse_spacing(grid.spacing_mm)
    values = sitk.GetArrayFromImage(image).reshape(*grid.shape, -1)
    return grid, [values[..., number] for number in range(values.shape[-1])]
