"""Turning an array: its axes in another order or read backwards, while every voxel stays where it is in the patient."""

from dataclasses import dataclass
from itertools import permutations, product
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.geometry.grid import Grid

_PATIENT_AXES = np.eye(3)[:, ::-1]
"""Columns: superior, posterior and left."""
_EQUAL = 6
"""Cosines that agree to so many decimals are equal: far above rounding, far below any angle that can be seen."""
_ROUND_MM = 9
"""Decimals that a turned grid's transform keeps, mm: reading an axis backwards moves the last of sixteen digits."""

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Turn:
    """How an array's axes are put in another order and read backwards.

    Parameters
    ----------
    order : tuple of int
        Which old axis each new one is.
    backwards : tuple of bool
        Which of the new axes are read backwards.
    """

    order: tuple[int, int, int]
    backwards: tuple[bool, bool, bool]

    @property
    def changes_nothing(self) -> bool:
        """Whether the array stays as it is."""
        return self.order == (0, 1, 2) and not any(self.backwards)

    def array(self, voxels: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """Turn an array.

        Parameters
        ----------
        voxels : ndarray, three axes
            Along the old axes.

        Returns
        -------
        ndarray
            A view along the new ones.
        """
        return voxels.transpose(self.order)[tuple(slice(None, None, -1 if back else 1) for back in self.backwards)]

    def grid(self, grid: Grid) -> Grid:
        """Turn a grid.

        Parameters
        ----------
        grid : Grid
            Of the array before it is turned.

        Returns
        -------
        Grid
            Of the turned array: each voxel keeps its place in the patient, to the last digits that count. The same
            whichever way round the old grid was.
        """
        shape = (grid.shape[self.order[0]], grid.shape[self.order[1]], grid.shape[self.order[2]])
        matrix = np.eye(4)
        matrix[:3, :3] = grid.lps_from_index[:3, self.order]
        first = np.zeros(3)
        for new, (old, back) in enumerate(zip(self.order, self.backwards, strict=True)):
            if back:
                first[old] = grid.shape[old] - 1
                matrix[:3, new] *= -1.0
        matrix[:3, 3] = grid.to_lps(first)
        return Grid(shape, np.round(matrix, _ROUND_MM) + 0.0, grid.frame_of_reference_uid)


def turn_to_patient(grid: Grid) -> Turn:
    """Find the turn after which slices run to superior, rows to posterior and columns to left, as nearly as they can.

    Parameters
    ----------
    grid : Grid
        Stored any way round, oblique or sheared.

    Returns
    -------
    Turn
        The one with the largest sum of cosines between axes and patient. Where two are as good (axes at 45 degrees),
        the one whose directions in the patient come first; so the answer depends on where the axes run, never on the
        order that they are stored in.
    """
    directions = grid.directions_lps
    turns = [
        Turn((a, b, c), (x, y, z)) for a, b, c in permutations(range(3)) for x, y, z in product((False, True), repeat=3)
    ]
    return max(turns, key=lambda turn: _merit(directions, turn))


def _merit(directions: Array, turn: Turn) -> tuple[float, ...]:
    turned = directions[:, turn.order] * np.where(turn.backwards, -1.0, 1.0)
    cosines = round(float((turned * _PATIENT_AXES).sum()), _EQUAL)
    return (cosines, *(np.round(turned, _EQUAL) + 0.0).ravel().tolist())
