"""Arrays with their place in the patient: a CT, and masks on its grid."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.geometry.turn import turn_to_patient


def _read_only(array: npt.NDArray[np.generic], shape: tuple[int, int, int], what: str) -> npt.NDArray[np.generic]:
    if array.shape != shape:
        raise GeometryError(f"the {what} has shape {array.shape}, its grid {shape}")
    view = array.view()
    view.setflags(write=False)
    return view


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A CT in Hounsfield units.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    hu : ndarray of int16, int32 or float32, shape ``grid.shape``
        Hounsfield units; kept read-only (a view: the array is not copied).
    padding : ndarray of bool or None
        True where the scanner wrote no measurement (outside the reconstruction circle); None where every voxel counts.

    Raises
    ------
    GeometryError
        If the arrays do not have the grid's shape.
    """

    grid: Grid
    hu: npt.NDArray[Any]
    padding: npt.NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "hu", _read_only(self.hu, self.grid.shape, "CT"))
        if self.padding is not None:
            object.__setattr__(self, "padding", _read_only(self.padding, self.grid.shape, "padding mask"))

    def crop(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> "Volume":
        """Give a block of the CT, in the same place in the patient and without a copy.

        Parameters
        ----------
        start, stop : tuple of int
            First voxel and one past the last, along (slice, row, column).

        Returns
        -------
        Volume
        """
        block = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
        padding = None if self.padding is None else self.padding[block]
        return Volume(self.grid.crop(start, stop), self.hu[block], padding)

    def in_patient_axes(self) -> "Volume":
        """Give the same voxels with slices towards superior, rows towards posterior and columns towards left.

        Returns
        -------
        Volume
            As nearly as the stored axes can: they are put in order and read backwards, and nothing is resampled. One CT
            gives the same arrays and the same grid whichever way round it was stored. Without a copy where it was
            stored so already; else in memory in the new order, for sums and searches follow that.
        """
        turn = turn_to_patient(self.grid)
        hu = np.ascontiguousarray(turn.array(self.hu))
        padding = None if self.padding is None else np.ascontiguousarray(turn.array(self.padding))
        return Volume(turn.grid(self.grid), hu, padding)


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A yes or no for each voxel of a grid.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    voxels : ndarray of bool, shape ``grid.shape``
        Kept read-only (a view: the array is not copied).

    Raises
    ------
    GeometryError
        If the array does not have the grid's shape.
    """

    grid: Grid
    voxels: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        object.__setattr__(self, "voxels", _read_only(self.voxels, self.grid.shape, "mask"))

    @property
    def volume_ml(self) -> float:
        """Volume of the whole voxels that are set, mL."""
        return float(np.count_nonzero(self.voxels)) * self.grid.voxel_volume_mm3 / 1000.0

    def at(self, points_lps: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Say which points lie in a voxel that is set.

        Parameters
        ----------
        points_lps : array_like, shape (..., 3)
            Positions, LPS mm.

        Returns
        -------
        ndarray of bool, shape (...)
            False outside of the grid.
        """
        cells = np.rint(np.asarray(self.grid.to_index(points_lps))).astype(np.intp)
        inside = np.asarray(np.all((cells >= 0) & (cells < np.array(self.grid.shape)), axis=-1))
        found = np.zeros(inside.shape, bool)
        found[inside] = self.voxels[tuple(cells[inside].T)]
        return found
