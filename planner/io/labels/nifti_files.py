"""Labels in NIfTI: one file of numbers, or a folder with one mask a file."""

import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from planner.errors import GeometryError, LabelError
from planner.io.labels.conventions import tell_convention
from planner.io.labels.layers import Sheet, require_size
from planner.io.labels.names import standard_name
from planner.io.nifti import inspect_nifti, read_label_nifti
from planner.io.quiet import quiet
from planner.model.anatomy_labels import AnatomyLabels

_ENDS = (".nii.gz", ".nii")
_LABEL = re.compile(r'<Label\s[^<>]*?\bKey="(\d{1,5})"[^<>]*>\s*(?:<!\[CDATA\[)?([^<>\]]{1,80})')
_LONGEST_TABLE = 1 << 16
_MOST_FILES = 400
"""TotalSegmentator writes 117. Ours."""


def is_nifti(path: Path) -> bool:
    """Say whether a file's name is that of a NIfTI file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
    """
    return path.name.lower().endswith(_ENDS)


def read_nifti_labels(path: Path) -> AnatomyLabels:
    """Read labels from one NIfTI file.

    Parameters
    ----------
    path : Path
        ``.nii`` or ``.nii.gz`` with whole numbers. Their names are taken from the header where TotalSegmentator wrote
        them there, else from the convention that the labels themselves tell.

    Returns
    -------
    AnatomyLabels

    Raises
    ------
    LabelError
        If the values are no labels, nothing in it is known, or its convention cannot be told.
    SeriesError
        If the file or its geometry cannot be read.
    """
    grid, findings = inspect_nifti(path)
    require_size(grid.shape, path.name)
    codes = np.asarray(read_label_nifti(path).codes, dtype=np.uint16)
    named, kind = _names_in_header(path), "NIfTI with names in its header"
    if not named:
        convention = tell_convention(codes, grid, path.name)
        named, kind = dict(convention.names), convention.kind
    sheet = Sheet(grid, tuple(named.values()), path.name)
    sheet.lay(codes, named)
    return AnatomyLabels(sheet.label_map(), kind, path.name, findings)


def read_mask_folder(folder: Path) -> AnatomyLabels:
    """Read labels from a folder of masks, as TotalSegmentator writes them.

    Parameters
    ----------
    folder : Path
        With files such as ``vertebrae_L4.nii.gz``, all on one grid; other files are left out.

    Returns
    -------
    AnatomyLabels

    Raises
    ------
    LabelError
        If there is no mask with a known name, or they lie on different grids.
    SeriesError
        If a file cannot be read.
    """
    files = sorted(path for path in folder.iterdir() if is_nifti(path))
    named = [(path, standard_name(path.name.lower().removesuffix(".gz").removesuffix(".nii"))) for path in files]
    known = [(path, name) for path, name in named if name is not None]
    if not known or len(files) > _MOST_FILES:
        raise LabelError(f"{folder.name} holds no masks with names that are known (vertebrae_L4.nii.gz); give the file")
    grid, findings = inspect_nifti(known[0][0])
    sheet = Sheet(grid, tuple(name for _, name in known), folder.name)
    for path, name in known:
        own, _ = inspect_nifti(path)
        try:
            grid.require_same(own)
        except GeometryError as error:
            raise LabelError(f"{path.name} and {known[0][0].name} do not fit: {error}") from error
        codes = np.asarray(read_label_nifti(path).codes, dtype=np.uint16)
        if int(codes.max()) > 1 and len(np.unique(codes)) > 2:
            raise LabelError(f"{path.name} holds several labels, where one mask a file is looked for; give it alone")
        sheet.lay((codes > 0).astype(np.uint8), {1: name})
    return AnatomyLabels(sheet.label_map(), "folder of NIfTI masks", folder.name, findings)


def _names_in_header(path: Path) -> dict[int, str]:
    """Read the table of names that TotalSegmentator writes into the header (a "CaretExtension").

    It is searched for its one kind of line: what comes from outside is not given to a parser of XML.
    """
    try:
        with quiet():
            image: Any = nib.load(path)
            tables = [
                bytes(extension.get_content()) for extension in image.header.extensions if extension.get_code() == 0
            ]
    except Exception as error:  # nibabel raises many kinds on damaged extensions
        raise LabelError(f"{path.name} has a damaged header; export the labels again") from error
    text = b"".join(table for table in tables if b"CaretExtension" in table)[:_LONGEST_TABLE].decode("utf-8", "replace")
    found = {int(key): name.strip() for key, name in _LABEL.findall(text)}
    if not found or all(name == f"L{value}" for value, name in found.items()):
        return {}  # "L4" stands for label 4 where the writer knew no names
    named = {key: standard_name(name) for key, name in found.items() if 0 < key < 1 << 16}
    return {key: name for key, name in named.items() if name is not None}
