"""The slices that one file holds."""

import dataclasses
from pathlib import Path

from planner.io.dicom.elements import DEFLATED, DamagedFileError, read_elements
from planner.io.dicom.headers import CT_CLASSES, ENHANCED_CT, LEGACY_ENHANCED_CT, WANTED_TAGS, SliceHeader, header_of

_DIRECTORY = "1.2.840.10008.1.3.10"


def read_slices(path: Path) -> tuple[SliceHeader, ...] | None:
    """Read the header of one file.

    Parameters
    ----------
    path : Path
        Any file.

    Returns
    -------
    tuple of SliceHeader or None
        One per frame; one of no size where the file is DICOM without pixels (a structure set, a report); empty for a
        directory; None where it is not DICOM.

    Raises
    ------
    DamagedFileError
        If the file is DICOM and cannot be read.
    """
    elements = read_elements(path, WANTED_TAGS)
    if elements is None:
        return None
    header = header_of(path, elements)
    if header.sop_class_uid == _DIRECTORY:
        return ()
    if not header.has_pixels or (header.pixel_offset is None and elements.transfer_syntax != DEFLATED):
        if header.sop_class_uid in ("", *CT_CLASSES):
            raise DamagedFileError  # a CT image that ends before its pixels
        return (dataclasses.replace(header, rows=0, columns=0),)
    if header.sop_class_uid in (ENHANCED_CT, LEGACY_ENHANCED_CT):
        from planner.io.dicom.frames import split_frames

        return split_frames(header)
    return (header,)
