"""One value a voxel, and what the values mean."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.model.record import Record

StructureKind = Literal["implant", "bone", "gap", "breach", "canal", "disc", "other"]

PRECEDENCE: tuple[StructureKind, ...] = ("implant", "gap", "breach", "canal", "disc", "bone", "other")
"""Who keeps a voxel that two structures claim: the first named."""


class Structure(Record):
    """What one value of a label map stands for."""

    code: int
    """Value in the label map, 1 or more."""
    kind: StructureKind
    id: str
    """The same id as in the plan ("gap-1"), or the structure's own name."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """A label map on a CT's grid.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    codes : ndarray of uint8 or uint16, shape ``grid.shape``
        0 for nothing; kept read-only.
    structures : tuple of Structure
        What each code stands for.

    Raises
    ------
    GeometryError
        If the array does not have the grid's shape, or a code stands for two structures.
    """

    grid: Grid
    codes: npt.NDArray[np.generic]
    structures: tuple[Structure, ...]

    def __post_init__(self) -> None:
        if self.codes.shape != self.grid.shape:
            raise GeometryError(f"the label map has shape {self.codes.shape}, its grid {self.grid.shape}")
        if len({s.code for s in self.structures}) != len(self.structures):
            raise GeometryError("one code of the label map stands for two structures")
        view = self.codes.view()
        view.setflags(write=False)
        object.__setattr__(self, "codes", view)
