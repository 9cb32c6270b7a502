"""What is told of new cement, and where it lies."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.model.finding import Finding
from planner.model.follow_cement import DeliveredCement, Leak
from planner.model.volume import Mask


@dataclass(frozen=True, slots=True, eq=False)
class CementResult:
    """New cement with its voxels, all on the later CT's working grid.

    Parameters
    ----------
    record : DeliveredCement or None
        What was measured; None where the two CTs do not show the same place.
    share : ndarray of float32, shape of the late working grid
        Share of each voxel that new cement fills, 0 to 1.
    new_cement : Mask
        Where it fills half a voxel or more.
    leaks : tuple of (Leak, Mask)
        Each with its voxels.
    residual : tuple of (str, Mask)
        What is left of each earlier gap, by the gap's id.
    findings : tuple of Finding
        What could not be told, and what it means.
    """

    record: DeliveredCement | None
    share: npt.NDArray[np.float32]
    new_cement: Mask
    leaks: tuple[tuple[Leak, Mask], ...] = ()
    residual: tuple[tuple[str, Mask], ...] = ()
    findings: tuple[Finding, ...] = ()
