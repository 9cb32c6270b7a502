"""What lies round one implant, on an upright grid."""

from dataclasses import dataclass

from planner.geometry.grid import Grid
from planner.segment.upright import Bools, Floats


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What lies round one implant, on an upright, isotropic grid.

    Parameters
    ----------
    grid : Grid
        The grid.
    hu : ndarray of float32, shape ``grid.shape``
        CT.
    bone : ndarray of bool
        The bone's envelope.
    from_metal_mm : ndarray of float32
        Distance from any metal.
    """

    grid: Grid
    hu: Floats
    bone: Bools
    from_metal_mm: Floats

    @property
    def edge_mm(self) -> float:
        """Edge of a voxel."""
        return self.grid.spacing_mm[0]
