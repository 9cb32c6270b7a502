"""What the points of a gap's wall look into: votes for places beyond the bone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps
from planner.model.breach import LeakType

Indices = npt.NDArray[np.intp]


class Place(NamedTuple):
    """Where cement would go, and the name of what lies there; None where only bone is found."""

    leak_type: LeakType | None
    compartment: str | None


NOWHERE = Place(None, None)


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """For each point of a wall, how often each place was found behind it.

    Parameters
    ----------
    places : tuple of Place
        All that were found.
    kinds : ndarray of int, shape (K,)
        One number for places that make up one breach: 0, 1, ...
    counts : ndarray, shape (N, K)
        Votes of each point for each place.
    """

    places: tuple[Place, ...]
    kinds: Indices
    counts: Array

    def by_kind(self) -> Array:
        """Give the votes of each point for each kind, shape (N, number of kinds)."""
        out = np.zeros((len(self.counts), int(self.kinds.max(initial=-1)) + 1))
        for column, kind in enumerate(self.kinds):
            out[:, kind] += self.counts[:, column]
        return out

    def place(self, points: Indices, kind: int) -> Place:
        """Give the commonest place of a kind behind some points; -1 is the kind of those with only bone behind."""
        if kind < 0:
            return NOWHERE
        columns = np.flatnonzero(self.kinds == kind)
        votes = self.counts[np.ix_(points, columns)].sum(axis=0)
        return self.places[int(columns[np.argmax(votes)])]


Lookout = Callable[[PointsLps, Array], Votes]
"""Tells what lies behind points where the outside begins, given the unit ways out there, shape (N, 3) each."""


def unnamed(outside_lps: PointsLps, outward_lps: Array) -> Votes:
    """Look at nothing: every point is of one kind."""
    return Votes((NOWHERE,), np.zeros(1, dtype=np.intp), np.ones((len(outside_lps), 1)))
