"""When expected cement reaches each place."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.model.volume import Mask


@dataclass(frozen=True, slots=True, eq=False)
class ArrivalMap:
    """The injected volume at which cement reaches each voxel, in one simulated injection.

    Parameters
    ----------
    gap_id : str
        The target.
    grid : Grid
        The block that was simulated.
    injected_ml : ndarray of float32, shape ``grid.shape``
        mL; infinite where cement never comes, and where none can be.

    Raises
    ------
    GeometryError
        If the array does not have the grid's shape.
    """

    gap_id: str
    grid: Grid
    injected_ml: npt.NDArray[Any]

    def __post_init__(self) -> None:
        if self.injected_ml.shape != self.grid.shape:
            raise GeometryError(f"the arrivals have shape {self.injected_ml.shape}, their grid {self.grid.shape}")
        view = self.injected_ml.view()
        view.setflags(write=False)
        object.__setattr__(self, "injected_ml", view)

    def cement_at(self, injected_ml: float) -> Mask:
        """Give where the cement is when so much is in.

        Parameters
        ----------
        injected_ml : float
            Volume injected; beyond the end of the injection it is where it was at the end.

        Returns
        -------
        Mask
            On the map's own grid; whole voxels, whose volume is not that of the cement in them.
        """
        return Mask(self.grid, np.asarray(np.isfinite(self.injected_ml) & (self.injected_ml <= injected_ml)))
