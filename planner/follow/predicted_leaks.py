"""What became of the breaches that the earlier plan told."""

import numpy as np

from planner.config.delivered_cement_config import DeliveredCementConfig
from planner.follow.carried import Bools
from planner.follow.leaks import Surroundings
from planner.geometry.regions import block_between, voxel_centres
from planner.model.follow_cement import Leak, PredictedLeak

_LEAST_READ = 0.5
"""Of the breach's neighbourhood, to say that nothing leaked."""


def predicted_leaks(
    around: Surroundings, leaks: tuple[Leak, ...], read: Bools, config: DeliveredCementConfig
) -> tuple[PredictedLeak, ...]:
    """Hold the plan's breaches against what leaked.

    Parameters
    ----------
    around : Surroundings
        The breaches, carried to the later CT.
    leaks : tuple of Leak
        What was found outside of bone.
    read : ndarray of bool
        Where the two CTs let cement be read.
    config : DeliveredCementConfig
        The settings.

    Returns
    -------
    tuple of PredictedLeak
        In the plan's order.
    """
    found = []
    for breach, where in around.breaches:
        own = [leak.volume_ml.estimate for leak in leaks if leak.breach_id == breach.id]
        readable = bool(own) or _readable(around, where, read, config.breach_mm / 2)
        found.append(
            PredictedLeak(
                breach_id=breach.id,
                leak_type=breach.leak_type,
                predicted=breach.reached,
                leak_after_ml=breach.leak_after_ml,
                leaked_ml=float(sum(own)) if readable else None,
            )
        )
    return tuple(found)


def _readable(around: Surroundings, where: np.typing.NDArray[np.float64], read: Bools, radius_mm: float) -> bool:
    if not around.grid.contains(where):
        return False
    block = block_between(around.grid, where - radius_mm, where + radius_mm)
    near = np.linalg.norm(voxel_centres(around.grid, block) - where, axis=-1) <= radius_mm
    # bone and soft tissue beyond count alike; metal and what it hides do not
    return bool(near.any() and read[block][near].mean() >= _LEAST_READ)
