"""What NRRD and MetaImage headers say of their frame that SimpleITK does not ask: it would take them for LPS and mm."""

from collections.abc import Mapping
from pathlib import Path

from planner.errors import SeriesError

_LONGEST_HEADER = 1 << 16
_PATIENT_SPACES = (
    "left-posterior-superior",
    "lps",
    "right-anterior-superior",
    "ras",
    "left-anterior-superior",
    "las",
)
"""NRRD's spaces that say where left is; SimpleITK turns each of them to LPS."""
_MM_PER_UNIT = {
    "mm": 1.0,
    "millimeter": 1.0,
    "millimetre": 1.0,
    "millimeters": 1.0,
    "?": 1.0,
    "": 1.0,
    "cm": 10.0,
    "m": 1000.0,
    "um": 0.001,
    "µm": 0.001,
    "micron": 0.001,
    "microns": 0.001,
}
_MATRIX_WORDS = ("transformmatrix", "rotation", "orientation")
_IDENTITY = "RAI"
"""MetaImage's letters name where an axis comes from: right, anterior, inferior is LPS."""


def header_fields(path: Path) -> dict[str, str]:
    """Read the text fields of a header.

    Parameters
    ----------
    path : Path
        ``.nrrd``, ``.nhdr``, ``.mha`` or ``.mhd``.

    Returns
    -------
    dict of str to str
        By their names in lower case without blanks ("spaceunits"); the first of each name.

    Raises
    ------
    SeriesError
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_LONGEST_HEADER)
    except OSError as error:
        raise SeriesError(f"{path.name} cannot be read; copy it again from its source") from error
    is_nrrd = head.startswith(b"NRRD")
    fields: dict[str, str] = {}
    for line in head.split(b"\n"):
        text = line.decode("utf-8", "replace").strip()
        key, found, value = text.partition(":" if is_nrrd else "=")
        name = "".join(key.split()).lower()
        if (is_nrrd and not text) or (not is_nrrd and fields.get("elementdatafile") is not None):
            break
        if found and not text.startswith("#"):
            fields.setdefault(name, value.strip())
    return fields


def mm_per_unit(fields: Mapping[str, str], path: Path) -> float:
    """Give the unit of length of a header.

    Parameters
    ----------
    fields : mapping of str to str
        From `header_fields`.
    path : Path
        The file, for the message.

    Returns
    -------
    float
        Millimetres; 1 where none is named.

    Raises
    ------
    SeriesError
        If it is unknown, or differs between axes.
    """
    named = fields.get("spaceunits", fields.get("distanceunits", "")).replace('"', " ").lower().split() or [""]
    units = {_MM_PER_UNIT.get(unit) for unit in named}
    if len(units) > 1 or None in units:
        raise SeriesError(f"{path.name} names no known unit of length; convert the CT again")
    return float(units.pop() or 1.0)


def refuse_frame(fields: Mapping[str, str], path: Path) -> None:
    """Refuse a header that does not say how the patient lies in its axes, or whose values need a formula.

    Parameters
    ----------
    fields : mapping of str to str
        From `header_fields`.
    path : Path
        The file, for the message.

    Raises
    ------
    SeriesError
        If left cannot be told from right, or the values are not plain.
    """
    if "dimsize" not in fields:
        space = fields.get("space", "").lower()
        if space not in _PATIENT_SPACES or "spacedirections" not in fields:
            said = f"its space is {space}" if space and "spacedirections" in fields else "no space and space directions"
            raise SeriesError(f"{path.name} does not say how the patient lies ({said}); convert the CT again")
        return
    scale, offset = (fields.get(f"elementtointensityfunction{name}") for name in ("slope", "offset"))
    if not _is_number(scale, 1.0) or not _is_number(offset, 0.0):
        raise SeriesError(f"{path.name} holds values that need a formula to be HU; convert the CT again")
    letters = fields.get("anatomicalorientation", "???").upper()
    if letters != _IDENTITY and not any(word in fields for word in _MATRIX_WORDS):
        raise SeriesError(
            f"{path.name} does not say how the patient lies (no transform matrix, anatomical orientation {letters}); "
            "convert the CT again"
        )


def _is_number(text: str | None, wanted: float) -> bool:
    try:
        return text is None or float(text) == wanted
    except ValueError:
        return False
