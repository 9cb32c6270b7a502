"""Whole DICOM files, read by pydicom.

A CT is read without it (`planner.io.dicom.elements`): to load it takes longer than to walk through all of a study's
headers. So it stands in a file of its own, which is loaded where a whole data set is asked for.
"""

import io
from pathlib import Path

import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError

from planner.io.dicom.elements import DAMAGE, DamagedFileError, inflated_file
from planner.io.quiet import quiet

DATASET_DAMAGE = (*DAMAGE, InvalidDicomError, BytesLengthException)
"""What pydicom and its decoders raise on files that are cut off or scrambled."""


def open_dataset(path: Path, *, with_pixels: bool = True) -> pydicom.Dataset:
    """Read a whole DICOM file through pydicom, without its complaints.

    Parameters
    ----------
    path : Path
        A DICOM file.
    with_pixels : bool
        False stops before the pixels.

    Returns
    -------
    pydicom.Dataset
        Of a deflated file, inflated, as if it had been stored as explicit little endian.

    Raises
    ------
    DamagedFileError
        If it cannot be read.
    """
    try:
        with quiet():
            inflated = inflated_file(path)
            source = path if inflated is None else io.BytesIO(inflated)
            return pydicom.dcmread(source, force=True, stop_before_pixels=not with_pixels)
    except DATASET_DAMAGE as error:
        raise DamagedFileError from error
