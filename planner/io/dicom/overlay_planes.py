"""Overlay planes: drawings of one bit a pixel over a DICOM image, which viewers show and hide."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pack_bits

from planner.errors import GeometryError, OutputError

MOST_PLANES = 16
"""Groups 6000 to 601E, the even ones (PS3.5 7.6)."""
_FIRST_GROUP = 0x6000
_LABEL_LENGTH = 64
"""Characters of a long string (PS3.5 6.2)."""


@dataclass(frozen=True, slots=True, eq=False)
class OverlayPlane:
    """One layer over a picture.

    Parameters
    ----------
    label : str
        What a viewer calls it: "needle trajectory-1".
    bitmap : ndarray of bool, shape (rows, columns)
        True where it is drawn.
    """

    label: str
    bitmap: npt.NDArray[np.bool_]


def add_overlays(dataset: Dataset, planes: Sequence[OverlayPlane], shape: tuple[int, int]) -> None:
    """Put layers into an image's data set, each in a group of its own in the order given.

    Parameters
    ----------
    dataset : Dataset
        Gets the groups 6000, 6002 and so on (PS3.3 C.9.2).
    planes : sequence of OverlayPlane
        The layers.
    shape : tuple of int
        Rows and columns of the image.

    Raises
    ------
    OutputError
        If there are more than 16 layers, or one is not of bool.
    GeometryError
        If a layer does not have the image's size.
    """
    if len(planes) > MOST_PLANES:
        raise OutputError(f"{len(planes)} layers, and a DICOM image holds {MOST_PLANES}; merge some, or leave some out")
    for number, plane in enumerate(planes):
        if plane.bitmap.shape != shape:
            raise GeometryError(f"layer {number + 1} is of {plane.bitmap.shape} pixels, the picture of {shape}")
        if plane.bitmap.dtype != np.bool_:
            raise OutputError(f"layer {number + 1} is of {plane.bitmap.dtype}; a layer is drawn or not: give bool")
        _add(dataset, _FIRST_GROUP + 2 * number, plane)


def plain_text(text: str, longest: int) -> str:
    """Put a text into the letters that are the same in all of DICOM's character sets.

    Parameters
    ----------
    text : str
        Any text.
    longest : int
        Characters that its attribute takes; the rest is cut off.

    Returns
    -------
    str
        ASCII without control characters and without the backslash that parts DICOM's values.
    """
    ascii_only = text.encode("ascii", "replace").decode("ascii")
    return "".join(c if c.isprintable() and c != "\\" else " " for c in ascii_only)[:longest].strip()


def _add(dataset: Dataset, group: int, plane: OverlayPlane) -> None:
    label = plain_text(plane.label, _LABEL_LENGTH)
    rows, columns = plane.bitmap.shape

    def put(element: int, vr: str, value: object) -> None:
        dataset.add_new((group, element), vr, value)

    put(0x0010, "US", rows)
    put(0x0011, "US", columns)
    # Viewers list a layer by its description or by its label: both say the same.
    put(0x0022, "LO", label)
    put(0x0040, "CS", "G")
    put(0x0045, "LO", "AUTOMATED")
    put(0x0050, "SS", [1, 1])
    put(0x0100, "US", 1)
    put(0x0102, "US", 0)
    put(0x1500, "LO", label)
    put(0x3000, "OW", pack_bits(plane.bitmap.astype(np.uint8)))
