"""A corrected mask of gaps, read from what viewers write."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from planner.errors import ForeignPlanError, GeometryError, InputError, LabelError
from planner.geometry.grid import Grid
from planner.io.dicom.datasets import DATASET_DAMAGE, open_dataset
from planner.io.dicom.elements import DamagedFileError
from planner.io.labels.dicom_segments import grid_of_frames, places_of_frames
from planner.io.labels.layers import require_size
from planner.io.labels.nifti_files import is_nifti
from planner.io.labels.slicer_seg import layers_of
from planner.io.nifti import inspect_nifti, read_label_nifti
from planner.io.plan_json import load_plan
from planner.io.quiet import quiet
from planner.io.volume_headers import header_fields
from planner.model.finding import Finding
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Mask

_WANTED = "give a plan's labels.nii.gz or labels.seg.dcm as you edited it, a .seg.nrrd, or a NIfTI or NRRD mask"
_GAP = re.compile(r"(?<![a-z])(gaps?|halos?)(?![a-z])", re.IGNORECASE)
_UNNAMED = re.compile(r"segment[ _]?\d*|label[-_ ]?\d+|", re.IGNORECASE)
"""What viewers call a segment that nobody named."""
_SEGMENT = re.compile(r"segment(\d{1,4})_(name|labelvalue|layer)")
_SEGMENTATIONS = frozenset(("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"))
"""DICOM's Segmentation Storage, and Label Map Segmentation Storage."""
_MOST_NAMED = 6
"""So many labels are named one by one in a message."""
_CALLED = "the given file of gaps"

Codes = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True, eq=False)
class GapLabels:
    """Gaps as a person drew or corrected them.

    Parameters
    ----------
    labels : LabelMap
        One code a label that stands for gaps, on the file's own grid. Without a voxel only where the file shows other
        labels, and none of gaps: all were erased.
    name : str
        Words for what was given; never a file's name, which people choose by their patient.
    taken : str
        Which labels were taken for gaps, in words.
    findings : tuple of Finding
        What is unsure about the file's geometry.
    """

    labels: LabelMap
    name: str
    taken: str
    findings: tuple[Finding, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether all gaps were erased."""
        return not np.any(self.labels.codes)


def load_gap_labels(path: Path | str) -> GapLabels:
    """Read a mask of gaps.

    Parameters
    ----------
    path : Path or str
        A plan's ``labels.nii.gz`` (its values are told by the ``plan.json`` beside it) or ``labels.seg.dcm``, a plan's
        folder, ``.seg.nrrd``, DICOM SEG, or a NIfTI, NRRD or MetaImage file of whole numbers.

    Returns
    -------
    GapLabels
        Where the labels have names, those that are called gap or halo; else each value is a gap.

    Raises
    ------
    LabelError
        If it cannot be read, holds no whole numbers or no voxel, or names labels of which none is a gap.
    """
    source = Path(path)
    if source.is_dir() and (source / "labels.nii.gz").is_file():
        source = source / "labels.nii.gz"
    return replace(_read(source), name=_CALLED)


def _read(source: Path) -> GapLabels:
    try:
        if not source.is_file():
            raise LabelError(f"there is no gap mask at {source.name}; {_WANTED}")
        if is_nifti(source):
            return _of_nifti(source)
        with source.open("rb") as file:
            head = file.read(132)
        if head[128:] == b"DICM":
            return _of_dicom(source)
        if head.startswith(b"NRRD") or source.suffix.lower() in (".mha", ".mhd"):
            return _of_nrrd(source)
    except LabelError:
        raise
    except InputError as error:
        text = str(error).replace("convert the CT again", "export the gap mask again").replace("the CT", "the gap mask")
        raise LabelError(text if source.name in text else f"{source.name}: {text}") from error
    except (OSError, MemoryError) as error:
        raise LabelError(f"{source.name} cannot be read; copy it again from its source") from error
    raise LabelError(f"{source.name} is no file of labels that is known here; {_WANTED}")


def gap_labels_of(given: LabelMap | Mask) -> GapLabels:
    """Take a mask from a script.

    Parameters
    ----------
    given : LabelMap or Mask
        Of a label map with structures those of the kind "gap", else every value.

    Returns
    -------
    GapLabels

    Raises
    ------
    LabelError
        If it has no voxel, or names structures of which none is a gap.
    """
    if isinstance(given, Mask):
        return _chosen(given.grid, given.voxels.astype(np.uint8), None, "the given mask")
    codes = np.asarray(given.codes)
    if codes.dtype.kind not in "bui" or (codes.size and int(codes.min()) < 0):
        raise LabelError("the given label map holds values that are no labels (whole numbers from 0 to 65535)")
    named = {s.code: "gap " + s.id if s.kind == "gap" else s.kind for s in given.structures}
    unnamed = all(s.kind == "other" for s in given.structures)
    return _chosen(given.grid, codes, None if unnamed else named, "the given label map")


def _chosen(
    grid: Grid, codes: Codes, named: Mapping[int, str] | None, name: str, findings: tuple[Finding, ...] = ()
) -> GapLabels:
    """Keep the labels that stand for gaps; a value that the names leave out is new, and a gap too."""
    present = _present(codes)
    if not present:
        raise LabelError(f"{name} holds no voxel: it is empty; save the gaps into it, or leave --gaps out")
    if named is None:
        wanted, ids = present, {code: f"label {code}" for code in present}
        taken = "every label" if len(present) > 1 else "all that it marks"
    else:
        if not any(_GAP.search(text) for text in named.values()):
            raise LabelError(f"{name} names no label as a gap; name the segments gap-1, gap-2 and so on")
        ids = {code: named.get(code, f"label {code}") for code in present}
        wanted = [code for code in present if code not in named or _GAP.search(named[code])]
        taken = _words([ids[code] for code in wanted])
    table = np.zeros(max(present) + 1, dtype=np.uint16)
    table[wanted] = wanted
    structures = tuple(Structure(code=code, kind="gap", id=ids[code]) for code in wanted)
    return GapLabels(LabelMap(grid, table[codes.astype(np.uint16)], structures), name, taken, findings)


def _present(codes: Codes) -> list[int]:
    """Give the values of a label map but nought; counted slice by slice, for counting takes eight bytes a voxel."""
    seen = np.zeros(1 << 16, dtype=bool)
    for plane in codes:
        seen[np.flatnonzero(np.bincount(plane.ravel().astype(np.uint16)))] = True
    return [int(code) for code in np.flatnonzero(seen) if code]


def _words(names: list[str]) -> str:
    if not names:
        return "none: all gaps are erased"
    shown = [name.removeprefix("gap ") if name.startswith("gap gap") else name for name in names[:_MOST_NAMED]]
    return ", ".join(shown) + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")


def _of_nifti(path: Path) -> GapLabels:
    grid, findings = inspect_nifti(path)
    require_size(grid.shape, path.name)
    codes = np.asarray(read_label_nifti(path).codes)
    return _chosen(grid, codes, _table_beside(path, codes), path.name, findings)


def _table_beside(path: Path, codes: Codes) -> dict[int, str] | None:
    """Give what a plan beside a file says of its values; None where there is no plan, or the file is not its labels.

    A plan that cannot be read is no such case: without its table bones and implants would pass for gaps. A mask of
    its own that was saved into a plan's folder has values that mean something else there: the table counts where a
    value is one of the plan's gaps, or the file shows both implants and bones of the plan.
    """
    plan = path.with_name("plan.json")
    if not plan.exists():
        return None
    try:
        structures = load_plan(plan).labels
    except ForeignPlanError:
        return None
    present = _present(codes)
    kinds = {s.kind for s in structures if s.code in present}
    if "gap" not in kinds and not {"implant", "bone"} <= kinds:
        return None
    return {s.code: f"gap {s.id}" if s.kind == "gap" else s.kind for s in structures} | {0: "gap"}


def _of_nrrd(path: Path) -> GapLabels:
    segments = _segments(path)
    grid, layers = layers_of(path)
    if any(int(values.min()) < 0 or int(values.max()) >= 1 << 16 for values in layers):
        raise LabelError(f"{path.name} holds values that are no labels (whole numbers from 0 to 65535)")
    if not segments:
        codes = layers[0].astype(np.uint16)
        return _chosen(grid, codes, _table_beside(path, codes), path.name)
    codes = np.zeros(grid.shape, dtype=np.uint16)
    names: dict[int, str] = {}
    for number, (layer, value, name) in enumerate(segments, start=1):
        names[number] = name
        if layer < len(layers):
            codes[layers[layer] == value] = number
    return _chosen(grid, codes, _meaning(names), path.name)


def _segments(path: Path) -> list[tuple[int, int, str]]:
    """Give layer, value and name of each segment of 3D Slicer; empty for a plain file."""
    found: dict[int, dict[str, str]] = {}
    for key, value in header_fields(path).items():
        match = _SEGMENT.fullmatch(key)
        if match:
            found.setdefault(int(match.group(1)), {})[match.group(2)] = value.removeprefix("=").strip()
    segments = []
    for _, fields in sorted(found.items()):
        layer, value = fields.get("layer", "0"), fields.get("labelvalue", "1")
        if not (layer.isdecimal() and value.isdecimal() and 0 < int(value[:6]) < 1 << 16):
            raise LabelError(f"{path.name} has a segment without a layer or a value; save it again from 3D Slicer")
        segments.append((int(layer), int(value), fields.get("name", "")))
    # a segment that is called a gap keeps voxels that another one claims
    return sorted(segments, key=lambda segment: bool(_GAP.search(segment[2])))


def _meaning(names: dict[int, str]) -> dict[int, str] | None:
    return None if all(_UNNAMED.fullmatch(name.strip()) for name in names.values()) else names


def _of_dicom(path: Path) -> GapLabels:
    try:
        dataset = open_dataset(path)
        with quiet():
            if str(dataset.get("SOPClassUID", "")) not in _SEGMENTATIONS:
                raise LabelError(f"{path.name} is DICOM, but no segmentation; export the gaps as DICOM SEG")
            return _of_segments(dataset, path.name)
    except (*DATASET_DAMAGE, DamagedFileError, GeometryError) as error:
        raise LabelError(f"{path.name} is no readable DICOM Segmentation; export it again") from error


def _of_segments(dataset: Dataset, name: str) -> GapLabels:
    rows, columns, frames = int(dataset.Rows), int(dataset.Columns), int(dataset.get("NumberOfFrames", 1))
    require_size((rows, columns, frames), name)
    names = {int(s.SegmentNumber): str(s.get("SegmentLabel", "") or "") for s in dataset.SegmentSequence}
    places = places_of_frames(dataset, frames)
    grid, slices = grid_of_frames(places, rows, columns, dataset.get("FrameOfReferenceUID"), name)
    codes = np.zeros(grid.shape, dtype=np.uint16)
    kind = str(dataset.get("SegmentationType", ""))
    half = int(dataset.get("MaximumFractionalValue", 1)) / 2
    pixels: npt.NDArray[Any] = dataset.pixel_array.reshape(frames, rows, columns)
    for voxels, place, index in zip(pixels, places, slices, strict=True):
        if kind == "LABELMAP":
            codes[index] = np.maximum(codes[index], voxels.astype(np.uint16))
            continue
        inside = voxels >= half if kind == "FRACTIONAL" else voxels > 0
        free = inside if _GAP.search(names.get(place.segment, "")) else inside & (codes[index] == 0)
        codes[index][free] = place.segment
    return _chosen(grid, codes, _meaning(names), name)
