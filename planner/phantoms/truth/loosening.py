"""What a reader of one scan should call an implant, by the rules that the plan follows."""

import numpy as np
import numpy.typing as npt

from planner.model.implant import Loosening
from planner.phantoms.truth.interface import Interface, share_of_area

_RIM_MM = 1.0
"""A screw is loose with a radiolucent rim wider than this: PMC3940783."""
_RIM_SHARE = 1.0 / 3.0
"""Over this share of the shaft loosening is probable: the tool's own rule, no source."""
_LEAST_SHARE = 0.01
"""A smaller share is less than one of the plan's cells, and no rim: the tool's own rule."""
_POSSIBLE_SHARE, _COMPLETE_SHARE, _LINE_MM = 0.5, 0.99, 2.0
"""Cemented stems, after Harris and O'Neill, from secondary sources."""
_LINE_SHARE = 0.1
"""A line covers so much of the interface at least, as in the plan: one bay of a cavity is none. No source."""


def rim_share(interface: Interface, widths_mm: npt.NDArray[np.float64]) -> float | None:
    """Give the share of a screw's shaft within bone that has a rim wider than 1 mm.

    Parameters
    ----------
    interface : Interface
        The screw's rays.
    widths_mm : ndarray, shape (N,)
        Width of its gaps on each of them.

    Returns
    -------
    float or None
        None where no part of the shaft lies in bone.
    """
    return share_of_area(interface, widths_mm > _RIM_MM, shaft_only=True)


def screw_loosening(share: float | None) -> Loosening | None:
    """Grade a screw by the share of its shaft that has a rim wider than 1 mm.

    Parameters
    ----------
    share : float or None
        0 to 1; None where it is not known.

    Returns
    -------
    "none", "possible", "probable" or None
    """
    if share is None:
        return None
    if share >= _RIM_SHARE:
        return "probable"
    return "possible" if share > _LEAST_SHARE else "none"


def stem_loosening(interface: Interface, widths_mm: npt.NDArray[np.float64]) -> Loosening | None:
    """Grade a stem by how much of its interface is lucent, and how widely.

    Parameters
    ----------
    interface : Interface
        The stem's surface.
    widths_mm : ndarray, shape (N,)
        Width of its gaps on it.

    Returns
    -------
    "none", "possible", "probable" or None
        None where none of it lies in bone.
    """
    lucent = share_of_area(interface, widths_mm > 0.0)
    wide = share_of_area(interface, widths_mm > _LINE_MM)
    if lucent is None or wide is None:
        return None
    if lucent >= _COMPLETE_SHARE or wide >= _LINE_SHARE:
        return "probable"
    return "possible" if lucent >= _POSSIBLE_SHARE else "none"
