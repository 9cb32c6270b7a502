"""Label maps as NRRD."""

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from planner.errors import OutputError
from planner.io._sitk import image_of
from planner.model.labels import LabelMap


def write_label_nrrd(label_map: LabelMap, path: Path) -> None:
    """Write a label map as NRRD.

    Parameters
    ----------
    label_map : LabelMap
        What to write; on a rectangular grid.
    path : Path
        ``.nrrd``.

    Raises
    ------
    GeometryError
        If the grid is sheared.
    OutputError
        If it cannot be written.
    """
    codes = np.asarray(label_map.codes)
    wide = int(codes.max(initial=0)) > 255
    itk: Any = sitk  # its bindings carry no types
    image = image_of(label_map.grid, codes.astype(np.uint16 if wide else np.uint8, copy=False))
    try:
        itk.WriteImage(image, str(path), useCompression=True)
    except RuntimeError as error:
        raise OutputError(f"{path.name} cannot be written; choose another place") from error
