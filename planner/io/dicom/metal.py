"""Where the metal is, before a volume is loaded: from a few slices' pixels, or from what headers say of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from planner.config.metal_config import MetalConfig
from planner.errors import SeriesError
from planner.geometry.frames import Array
from planner.io.dicom.geometry import plane_of
from planner.io.dicom.headers import SliceHeader
from planner.io.dicom.passes import along_normal
from planner.io.dicom.pixels import read_hu
from planner.progress import SILENT

METAL_HU = MetalConfig().least_level_hu
"""Above cortical bone: the level from which the search for implants starts."""
_LEAST_ML = MetalConfig().least_piece_mm3 / 1000.0
_EVERY_MM = 5.0
"""A pedicle screw that lies in the slices' plane is 5 to 7 mm thick: looking this often misses none."""
_MOST_SLICES = 64
"""Looked at in one stack: a tenth of a second where they are not compressed."""


@dataclass(frozen=True, slots=True)
class Metal:
    """How much metal a stack covers.

    Parameters
    ----------
    amount : float
        0 where it shows none.
    unit : {"mL", "mm"}
        Volume by the pixels, or length along the slices' normal by the headers.
    """

    amount: float
    unit: Literal["mL", "mm"]


def metal_in_pixels(headers: Sequence[SliceHeader]) -> Metal | None:
    """Estimate the metal in a stack from evenly spaced slices.

    Parameters
    ----------
    headers : sequence of SliceHeader
        The stack, in any order.

    Returns
    -------
    Metal or None
        In mL, at `METAL_HU` or above; less than the smallest implant counts as none. None where the slices have no
        place or cannot be read.
    """
    along = _along(headers)
    if along is None or headers[0].row_spacing_mm is None or headers[0].column_spacing_mm is None:
        return None
    order = np.argsort(along)
    reach_mm = float(np.ptp(along)) * len(headers) / max(len(headers) - 1, 1)
    count = int(np.clip(np.ceil(reach_mm / _EVERY_MM), 1, min(_MOST_SLICES, len(headers))))
    chosen = order[np.unique(np.round((np.arange(count) + 0.5) / count * len(headers) - 0.5).astype(int))]
    voxels = 0
    for index in chosen:
        try:
            hu = read_hu((headers[int(index)],), monitor=SILENT)[0]
        except SeriesError:
            return None
        voxels += int(np.count_nonzero(hu >= METAL_HU))
    pixel_mm2 = headers[0].row_spacing_mm * headers[0].column_spacing_mm
    volume_ml = voxels * pixel_mm2 * reach_mm / len(chosen) / 1000.0
    return Metal(volume_ml if volume_ml >= _LEAST_ML else 0.0, "mL")


def metal_in_headers(headers: Sequence[SliceHeader]) -> Metal | None:
    """Tell the metal in a stack from the largest pixel value that each slice's header names.

    Parameters
    ----------
    headers : sequence of SliceHeader
        The stack, in any order.

    Returns
    -------
    Metal or None
        In mm; None where a header names no largest value, or no rescale.
    """
    along = _along(headers)
    largest = [_largest_hu(header) for header in headers]
    if along is None or any(value is None for value in largest):
        return None
    distance_mm = float(np.ptp(along)) / max(len(headers) - 1, 1)
    return Metal(sum(1 for value in largest if value is not None and value >= METAL_HU) * distance_mm, "mm")


def _along(headers: Sequence[SliceHeader]) -> Array | None:
    plane = plane_of(headers[0])
    if plane is None or any(h.position_lps is None for h in headers):
        return None
    return along_normal(headers, plane[2])


def _largest_hu(header: SliceHeader) -> float | None:
    if header.largest_pixel is None or header.slope is None or header.intercept is None:
        return None
    stored = header.largest_pixel - (65536 if header.signed and header.largest_pixel > 32767 else 0)
    return header.slope * stored + header.intercept
