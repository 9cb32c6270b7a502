"""The slices that one file holds."""

from pathlib import Path

from planner.io.dicom.elements import DEFLATED, DamagedFileError, read_elements
from planner.io.dicom.frames import split_frames
from planner.io.dicom.headers import CT_CLASSES, ENHANCED_CT, LEGACY_ENHANCED_CT, WANTED_TAGS, SliceHeader, header_of


def read_slices(path: Path) -> tuple[SliceHeader, ...] | None:
    """Read the header of one file.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    tuple of SliceHeader or None
        One per frame; empty where the file is DICOM without pixels; None where it is not DICOM.

    Raises
    ------
    DamagedFileError
        If the file is DICOM and cannot be read.
    """
    elements = read_elements(path, WANTED_TAGS)
    if elements is None:
        return None
    header = header_of(path, elements)
    if header.rows < 1 or header.columns < 1 or (header.pixel_offset is None and elements.transfer_syntax != DEFLATED):
        if header.sop_class_uid in ("", *CT_CLASSES):
            raise DamagedFileError  # a CT image that ends before its pixels
        return ()
    if header.sop_class_uid in (ENHANCED_CT, LEGACY_ENHANCED_CT):
        return split_frames(header)
    return (header,)
