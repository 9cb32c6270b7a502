"""The only door between SimpleITK images and our arrays: NRRD and MetaImage files come through it."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from planner.errors import GeometryError, SeriesError
from planner.geometry.grid import Grid
from planner.io.itk_claim import require_itk_claim
from planner.io.nifti import compact_hu
from planner.io.quiet import hushed_stderr
from planner.io.slice_layout import refuse_spacing
from planner.io.stored_claims import require_whole
from planner.io.volume_headers import header_fields, mm_per_unit, refuse_frame
from planner.model.finding import Finding
from planner.model.volume import Volume

_REVERSED = np.eye(3)[::-1]
_UNIT_LENGTH = 0.01
"""Directions rounded to two decimals stray by less. SimpleITK leaves others as they are: two spacings in one file."""


def grid_of(image: Any) -> Grid:
    """Give the grid of a SimpleITK image, which is LPS like ours but counts (x, y, z).

    Parameters
    ----------
    image : SimpleITK.Image
        Three-dimensional.

    Returns
    -------
    Grid
    """
    directions = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    columns, rows, slices = image.GetSize()
    return Grid((slices, rows, columns), _affine(directions @ _REVERSED, np.array(image.GetOrigin())))


def image_of(grid: Grid, voxels: npt.NDArray[np.generic]) -> Any:
    """Make a SimpleITK image of an array.

    Parameters
    ----------
    grid : Grid
        Where the voxels are; rectangular, for SimpleITK spoils a sheared one in silence.
    voxels : ndarray, shape ``grid.shape``
        What to put into it; copied.

    Returns
    -------
    SimpleITK.Image

    Raises
    ------
    GeometryError
        If the grid is sheared.
    """
    if not grid.is_rectangular:
        raise GeometryError("SimpleITK holds no sheared grid; resample onto a rectangular one first")
    image: Any = sitk.GetImageFromArray(np.asarray(voxels))
    image.SetOrigin([float(v) for v in grid.lps_from_index[:3, 3]])
    image.SetSpacing(grid.spacing_mm[::-1])
    image.SetDirection([float(v) for v in (grid.directions_lps @ _REVERSED).ravel()])
    return image


def read_volume(path: Path) -> tuple[Volume, tuple[Finding, ...]]:
    """Read a CT from NRRD or MetaImage.

    Parameters
    ----------
    path : Path
        ``.nrrd``, ``.nhdr``, ``.mha`` or ``.mhd``.

    Returns
    -------
    volume : Volume
        On the file's own grid, which may be sheared.
    findings : tuple of Finding
        What its header leaves open.

    Raises
    ------
    SeriesError
        If it is not readable, not one number per voxel in three dimensions, or does not say how the patient lies.
    """
    claim = require_itk_claim(path)
    grid = inspect_volume(path)
    require_whole(claim)
    try:
        with hushed_stderr():
            image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise SeriesError(f"{path.name} is cut off or damaged; copy it again from its source") from error
    hu, padding = compact_hu(sitk.GetArrayViewFromImage(image).reshape(grid.shape).copy())
    return Volume(grid, hu, padding), claim.findings


def inspect_volume(path: Path) -> Grid:
    """Read the geometry of an NRRD or MetaImage file, and nothing else.

    Parameters
    ----------
    path : Path
        ``.nrrd``, ``.nhdr``, ``.mha`` or ``.mhd``.

    Returns
    -------
    Grid

    Raises
    ------
    SeriesError
        As `read_volume`.
    """
    claim = require_itk_claim(path)
    fields = header_fields(path)
    refuse_frame(fields, path)
    mm = mm_per_unit(fields, path)
    itk: Any = sitk  # its bindings carry no types
    itk.ProcessObject.GlobalWarningDisplayOff()
    reader = itk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with hushed_stderr():
            reader.ReadImageInformation()
    except RuntimeError as error:
        raise SeriesError(f"{path.name} is not a readable NRRD or MetaImage file; convert the CT again") from error
    size, parts, axes = reader.GetSize(), reader.GetNumberOfComponents(), reader.GetDimension()
    if len(size) < 3 or set(size[3:]) - {1} or parts != 1 or min(size) < 1:
        raise SeriesError(f"{path.name} has shape {size} with {parts} value(s) a voxel; give one CT volume")
    if [n for n in size if n > 1] != [n for n in claim.shape if n > 1]:
        raise SeriesError(f"{path.name} has a header that reads in two ways; convert the CT again")
    directions = np.array(reader.GetDirection()).reshape(axes, axes)[:3, :3]
    if np.abs(np.linalg.norm(directions, axis=0) - 1.0).max() > _UNIT_LENGTH:
        raise SeriesError(f"{path.name} has directions that are not of unit length; convert the CT again")
    steps = directions * np.array(reader.GetSpacing())[:3] * mm
    try:
        grid = Grid((size[2], size[1], size[0]), _affine(steps @ _REVERSED, np.array(reader.GetOrigin())[:3] * mm))
    except GeometryError as error:
        raise SeriesError(f"{path.name} has a useless orientation: {error}") from error
    refuse_spacing(grid.spacing_mm)
    return grid


def _affine(columns: npt.NDArray[np.float64], origin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = columns, origin
    return matrix
