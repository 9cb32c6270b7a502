"""Points of a wall, parted into patches: what hangs together and looks into one kind of place."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from planner.geometry.frames import Array
from planner.phantoms.truth.places import Indices

_LINKED = 2.0
"""Points of one patch lie within so many spacings of each other."""
_EVENED_MM = 1.0
"""A point is of the kind that most of the wall within this distance is of: borders do not flicker. Set by eye."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A patch of a wall.

    Parameters
    ----------
    points : ndarray of int, shape (M,)
        Which points it has.
    kind : int
        What they look into; -1 where nothing is known of it.
    is_whole : bool
        Whether no patch of another kind hangs together with it.
    """

    points: Indices
    kind: int
    is_whole: bool


def part(points_lps: Array, area_mm2: Array, kind_votes: Array, *, spacing_mm: float, least_mm2: float) -> list[Region]:
    """Part points of a wall by what hangs together, and by what most of each neighbourhood looks into.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        Points of the wall.
    area_mm2 : ndarray, shape (N,)
        What each stands for.
    kind_votes : ndarray, shape (N, K)
        Votes of each for each kind.
    spacing_mm : float
        Of the lattice that the points were found on.
    least_mm2 : float
        Smaller islands join the patch beside them that they share most of their border with; specks that hang
        together with nothing are left out.

    Returns
    -------
    list of Region
        The largest first.
    """
    found: list[Region] = []
    for whole in _pieces(_links(points_lps, _LINKED * spacing_mm)):
        if area_mm2[whole].sum() < least_mm2:
            continue
        kinds = _evened(points_lps[whole], area_mm2[whole], kind_votes[whole])
        links = _links(points_lps[whole], _LINKED * spacing_mm)
        pieces = _islands(links, kinds, area_mm2[whole], least_mm2)
        found += [Region(whole[p], int(kinds[p[0]]), len(pieces) == 1) for p in pieces]
    return sorted(found, key=lambda region: -float(area_mm2[region.points].sum()))


def _links(points_lps: Array, within_mm: float) -> csr_matrix:
    """Say which points are neighbours: a square matrix, each pair once."""
    pairs = cKDTree(points_lps).query_pairs(within_mm, output_type="ndarray")
    shape = (len(points_lps), len(points_lps))
    return coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=shape).tocsr()


def _pieces(links: csr_matrix) -> list[Indices]:
    count, label = connected_components(links, directed=False)
    order = np.argsort(label, kind="stable")
    return np.split(order, np.searchsorted(label[order], np.arange(1, count))) if count else []


def _evened(points_lps: Array, area_mm2: Array, kind_votes: Array) -> Indices:
    """Give each point the kind that most of its neighbourhood votes for; -1 where nobody votes."""
    if not kind_votes.any():
        return np.full(len(points_lps), -1, dtype=np.intp)
    near = _links(points_lps, _EVENED_MM)
    weighed = kind_votes * area_mm2[:, None]
    total = weighed + near @ weighed + near.T @ weighed
    kinds: Indices = np.argmax(total, axis=1)
    known = total.any(axis=1)
    if not known.all():  # bone alone lies behind them: they go with the nearest that is known
        _, nearest = cKDTree(points_lps[known]).query(points_lps[~known])
        kinds[~known] = kinds[known][nearest]
    return kinds


def _islands(links: csr_matrix, kinds: Indices, area_mm2: Array, least_mm2: float) -> list[Indices]:
    """Part by kind; small islands take, in place, the kind of the neighbour that most of their links lead to."""
    first, second = links.nonzero()
    while True:
        same = kinds[first] == kinds[second]
        inner = coo_matrix((np.ones(int(same.sum())), (first[same], second[same])), shape=links.shape)
        count, label = connected_components(inner, directed=False)
        area = np.bincount(label, weights=area_mm2, minlength=count)
        smallest = int(np.argmin(area))
        if count == 1 or area[smallest] >= least_mm2:
            return _pieces(inner.tocsr())
        out = np.concatenate([second[(label[first] == smallest) & ~same], first[(label[second] == smallest) & ~same]])
        kinds[label == smallest] = kinds[label == np.argmax(np.bincount(label[out], minlength=count))][0]
