"""Space cut into cells, finely only where a surface runs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps
from planner.phantoms.solids.basic import Bounds, Solid

_HALF_DIAGONAL = np.sqrt(3.0) / 2.0
_HALVINGS = 4
"""From the first cells to the finest."""
_OCTANTS = np.indices((2, 2, 2)).reshape(3, -1).T
_CELLS_AT_ONCE = 200_000
SHIFT = np.array([0.31, 0.47, 0.23])
"""The lattice lies so many spacings off the LPS origin: figures are round, and walls must not lie in its planes."""

Index = npt.NDArray[np.int64]
Chooser = Callable[[PointsLps, float], npt.NDArray[np.bool_]]
"""Says of the middles of cells, shape (N, 3), with their half diagonal in mm, which cells matter."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Cells of a lattice that is fixed in space.

    Parameters
    ----------
    spacing_mm : float
        Edge of the finest cells.
    cut : ndarray of int, shape (N, 3)
        Finest cells that the surface may cut: place of their lower corner, in spacings from `SHIFT`, as x, y, z.
    whole : ndarray of int, shape (M, 3)
        Cells twice as wide that lie wholly within: the same, in their own widths.
    """

    spacing_mm: float
    cut: Index
    whole: Index

    @property
    def whole_mm(self) -> float:
        """Edge of a whole cell."""
        return 2.0 * self.spacing_mm

    @property
    def cut_lps(self) -> Array:
        """Lower corners of the cut cells, shape (N, 3), LPS mm."""
        return np.asarray((self.cut + SHIFT) * self.spacing_mm, dtype=np.float64)

    @property
    def whole_lps(self) -> Array:
        """Lower corners of the whole cells, shape (M, 3), LPS mm."""
        return np.asarray((2.0 * self.whole + SHIFT) * self.spacing_mm, dtype=np.float64)


def cells_near_surface(
    solid: Solid, *, spacing_mm: float, bounds_lps: Bounds | None = None, chooser: Chooser | None = None
) -> Cells:
    """Cut space into cells, finely where a solid's surface may run.

    Parameters
    ----------
    solid : Solid
        The body.
    spacing_mm : float
        Edge of the finest cells.
    bounds_lps : two corners, shape (3,) each, or None
        Where to look; None for the solid's own box.
    chooser : callable or None
        Drops cells that do not matter, whole or cut; None keeps all.

    Returns
    -------
    Cells
        Every finest cell that the surface cuts is among `cut`; some that it only passes by are too.
    """
    low, high = solid.bounds_lps if bounds_lps is None else bounds_lps
    size = spacing_mm * 2**_HALVINGS
    origin = SHIFT * spacing_mm
    first, last = (np.floor((end - origin) / size).astype(np.int64) for end in (low, high))
    cells = first + np.indices(last - first + 1).reshape(3, -1).T
    whole: list[Index] = []
    for level in range(_HALVINGS, -1, -1):
        edge = spacing_mm * 2**level
        found = [_sorted(solid, part, origin, edge, chooser) for part in _parts(cells)]
        cells = np.concatenate([cut for cut, _ in found]) if found else cells
        inner = np.concatenate([w for _, w in found]) if found else cells
        if level > 0:
            for _ in range(level - 1):
                inner = _children(inner)
            whole.append(inner)
            cells = _children(cells)
        # Finest cells that are whole need no second look: they stay among the cut ones.
        else:
            cells = np.concatenate([cells, inner])
    return Cells(spacing_mm, cells, np.concatenate(whole))


def _parts(cells: Index) -> list[Index]:
    return [cells[n : n + _CELLS_AT_ONCE] for n in range(0, len(cells), _CELLS_AT_ONCE)]


def _children(cells: Index) -> Index:
    return np.asarray((cells[:, None, :] * 2 + _OCTANTS).reshape(-1, 3))


def _sorted(
    solid: Solid, cells: Index, origin_lps: Array, edge_mm: float, chooser: Chooser | None
) -> tuple[Index, Index]:
    """Give the cells that the surface may cut, and those that lie within."""
    centres = PointsLps(np.asarray(origin_lps + (cells + 0.5) * edge_mm, dtype=np.float64))
    half_mm = _HALF_DIAGONAL * edge_mm
    if chooser is not None:
        kept = chooser(centres, half_mm)
        cells, centres = cells[kept], PointsLps(centres[kept])
    distance = np.asarray(solid.distance_mm(centres))
    return cells[np.abs(distance) < half_mm], cells[distance <= -half_mm]
