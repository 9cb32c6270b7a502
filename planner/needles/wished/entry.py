"""Where the operator wants needles to come in."""

import numpy as np
import numpy.typing as npt

from planner.config.wishes_config import WishesConfig
from planner.geometry.frames import Array
from planner.safety.regions import points_in


def enters_as_wished(outer_lps: Array, wishes: WishesConfig) -> npt.NDArray[np.bool_]:
    """Say which needles come in where the operator wants.

    Parameters
    ----------
    outer_lps : ndarray, shape (N, 3)
        Where each goes through the skin, or leaves the picture, LPS mm.
    wishes : WishesConfig
        The operator's wishes.

    Returns
    -------
    ndarray of bool, shape (N,)
        All true where any entry will do.
    """
    if not wishes.enter_through:
        return np.ones(len(outer_lps), bool)
    return points_in(wishes.enter_through, outer_lps)
