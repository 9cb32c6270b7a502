"""How surely a registered place is known, from how finely the two CTs are sampled."""

import numpy as np

from planner.config.follow_up_registration_config import FollowUpRegistrationConfig
from planner.geometry.grid import Grid


def place_error_mm(early: Grid, late: Grid, config: FollowUpRegistrationConfig) -> float:
    """Give the standard error of a place that was registered between two CTs.

    Parameters
    ----------
    early, late : Grid
        The CTs' own grids.
    config : FollowUpRegistrationConfig
        Shares of the slice distance, and the floor.

    Returns
    -------
    float
        mm; each CT gives its own part, added as independent errors.
    """
    parts = [max(config.floor_mm, config.slice_share * max(grid.spacing_mm)) for grid in (early, late)]
    return float(np.linalg.norm(parts))


def turn_error_deg(place_mm: float, length_mm: float) -> float:
    """Give the standard error of a direction, from that of its two ends.

    Parameters
    ----------
    place_mm : float
        Standard error of each end.
    length_mm : float
        Between the ends.

    Returns
    -------
    float
        Degrees.
    """
    return float(np.degrees(np.arctan2(np.sqrt(2.0) * place_mm, max(length_mm, 1.0))))
