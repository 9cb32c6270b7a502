"""How much room there is round an aimed screw: to its neighbours, and to the wall of its bone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array, PointsLps
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import contains
from planner.phantoms.spine.defects.halos import ScrewAxis
from planner.phantoms.spine.hardware.aim import Aim

_BETWEEN_MM = 1.0
"""Bone that is left between a halo and the next screw."""
_REACH_MM, _STEP_MM = 8.0, 0.25
_WAYS = 16


def room_for_halo_mm(aim: Aim, others: Sequence[Aim]) -> float:
    """Give the width that a halo may have before it comes near another screw, mm.

    Parameters
    ----------
    aim : Aim
        The screw with the halo.
    others : sequence of Aim
        All other screws.

    Returns
    -------
    float
        Infinite where there is no other; may be negative.
    """
    own, least = _points(aim), np.inf
    for other in others:
        apart = np.linalg.norm(own[:, None] - _points(other)[None], axis=-1).min()
        least = min(least, float(apart) - (aim.diameter_mm + other.diameter_mm) / 2.0 - _BETWEEN_MM)
    return float(least)


@dataclass(frozen=True, eq=False)
class WallRoom:
    """The distance from a screw's thread to the outside of its bone, at most 8 mm.

    Parameters
    ----------
    along_mm : ndarray, shape (N,)
        Distances from the head, from the isthmus to the tip.
    turns_deg : ndarray, shape (M,)
        Directions, seen from behind: 0 cranial, 90 to the left.
    room_mm : ndarray, shape (N, M)
        How far it is there.
    """

    along_mm: Array
    turns_deg: Array
    room_mm: Array

    @property
    def least_mm(self) -> Array:
        """In the direction that has least, shape (N,)."""
        return np.asarray(self.room_mm.min(axis=1))


def room_to_wall(axis: ScrewAxis, diameter_mm: float, start_mm: float, bone: Solid) -> WallRoom:
    """Measure the room between a screw and the wall of its bone.

    Parameters
    ----------
    axis : ScrewAxis
        Of the screw.
    diameter_mm : float
        Over the thread.
    start_mm : float
        From there on to the tip, mm from the head.
    bone : Solid
        The bone's outer form.

    Returns
    -------
    WallRoom
    """
    turns = np.linspace(0.0, 360.0, _WAYS, endpoint=False)
    ways = np.array([axis.toward(turn) for turn in turns])
    along = np.arange(start_mm, axis.length_mm, 1.0)
    reach = np.arange(0.0, _REACH_MM + _STEP_MM, _STEP_MM)
    base = np.array(axis.head_lps) + along[:, None] * axis.direction
    radii = diameter_mm / 2.0 + reach
    points = base[:, None, None] + ways[None, :, None] * radii[None, None, :, None]
    inside = contains(bone, PointsLps(points.reshape(-1, 3))).reshape(len(along), _WAYS, len(reach))
    return WallRoom(along, turns, np.where(inside.all(axis=-1), _REACH_MM, reach[np.argmin(inside, axis=-1)]))


def _points(aim: Aim) -> Array:
    share = np.linspace(0.0, 1.0, 60)[:, None]
    return np.asarray(np.array(aim.head_lps) + share * np.subtract(aim.tip_lps, aim.head_lps))
