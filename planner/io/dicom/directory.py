"""What a DICOMDIR names."""

from pathlib import Path

from planner.io.dicom.elements import DamagedFileError, read_elements
from planner.io.quiet import quiet

_MOST_BYTES = 256 << 20
"""Some hundred times the DICOMDIR of a full DVD. Ours."""


def read_referenced(path: Path) -> frozenset[tuple[str, ...]]:
    """Read which files a DICOMDIR names (Referenced File ID, PS3.3 F.3).

    Parameters
    ----------
    path : Path
        The DICOMDIR.

    Returns
    -------
    frozenset of tuple of str
        The names' parts, in upper case. They are for comparison, and may lead anywhere: never to be opened.

    Raises
    ------
    DamagedFileError
        If it cannot be read.
    """
    from planner.io.dicom.datasets import DATASET_DAMAGE, open_dataset

    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DamagedFileError
        read_elements(path, ())  # unlike pydicom, it minds where a file ends before its last sequence does
        dataset = open_dataset(path)
        with quiet():
            records = dataset.get("DirectoryRecordSequence", None) or ()
            return frozenset(
                tuple(str(part).upper() for part in _parts(record.ReferencedFileID))
                for record in records
                if record.get("ReferencedFileID")
            )
    except DATASET_DAMAGE as error:
        raise DamagedFileError from error


def _parts(value: object) -> list[object]:
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]
