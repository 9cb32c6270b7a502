"""How large a solid is: in closed form where it has one, else by points spread evenly through it.

Space is cut into cells, and only those that the surface may cut are cut further. In each of the finest cells lie two
points at random places. Their mean is an unbiased measure of what fills the cell, whatever way the surface runs through
the lattice, and their difference tells the standard error: it is stated for each solid, and for each part of one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps, PointTuple, point_tuple
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.cells import cells_near_surface
from planner.phantoms.solids.closed_form import closed_form_volume_mm3
from planner.phantoms.solids.raster import contains

_FINEST_MM, _CELLS_ACROSS = 0.2, 150
"""A larger solid has larger cells: its relative error stays, and so does the work."""
_SEED = 20240

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Measure:
    """A solid's size: volume, its standard error (0 where the volume has a closed form), and centroid."""

    volume_ml: float
    volume_sd_ml: float
    centroid_lps: PointTuple


@dataclass(frozen=True, slots=True, eq=False)
class Filling:
    """Points spread evenly through a solid, two in each of many small cells.

    Parameters
    ----------
    points_lps : ndarray, shape (cells, 2, 3)
        LPS mm.
    inside : ndarray of bool, shape (cells, 2)
        Which of them lie in the solid.
    cell_mm3 : ndarray, shape (cells,)
        Volume of each cell.
    """

    points_lps: Array
    inside: Flags
    cell_mm3: Array

    def volume_mm3(self, where: Flags | None = None) -> tuple[float, float]:
        """Give the volume of the solid, or of a part of it, and the standard error.

        Parameters
        ----------
        where : ndarray of bool, shape (cells, 2), or None
            Which points belong to the part; None for all.

        Returns
        -------
        volume, sd : float
            mm3.
        """
        held = self.inside if where is None else self.inside & where
        volume = float(self.cell_mm3 @ held.mean(axis=1))
        # Half the squared difference of two is their variance, and their mean has half of that.
        apart = held[:, 0] != held[:, 1]
        return volume, float(0.5 * np.sqrt((self.cell_mm3[apart] ** 2).sum()))

    def centroid_lps(self) -> PointTuple:
        """Give the solid's centroid, LPS mm."""
        weight = self.inside * self.cell_mm3[:, None]
        return point_tuple((self.points_lps * weight[..., None]).sum(axis=(0, 1)) / weight.sum())


def fill_with_points(solid: Solid, *, spacing_mm: float | None = None) -> Filling:
    """Spread points through a bounded solid.

    Parameters
    ----------
    solid : Solid
        The body.
    spacing_mm : float or None
        Edge of the finest cells; None for one that fits the solid's size.

    Returns
    -------
    Filling
        The same for the same solid.
    """
    if spacing_mm is None:
        low, high = solid.bounds_lps
        spacing_mm = max(_FINEST_MM, float(np.cbrt(np.prod(high - low))) / _CELLS_ACROSS)
    cells = cells_near_surface(solid, spacing_mm=spacing_mm)
    random = np.random.default_rng(_SEED)
    points, inside, volumes = [], [], []
    for corners, edge_mm, is_whole in ((cells.whole_lps, cells.whole_mm, True), (cells.cut_lps, spacing_mm, False)):
        places = corners[:, None, :] + edge_mm * random.random((len(corners), 2, 3))
        points.append(places)
        if is_whole:
            inside.append(np.ones((len(corners), 2), dtype=bool))
        else:
            inside.append(contains(solid, PointsLps(places.reshape(-1, 3))).reshape(-1, 2))
        volumes.append(np.full(len(corners), edge_mm**3))
    return Filling(np.concatenate(points), np.concatenate(inside), np.concatenate(volumes))


def measure(solid: Solid, *, spacing_mm: float | None = None, filling: Filling | None = None) -> Measure:
    """Measure a bounded solid.

    Parameters
    ----------
    solid : Solid
        The body; it must not be empty.
    spacing_mm : float or None
        Edge of the finest cells; None for one that fits the solid's size.
    filling : Filling or None
        Points spread through it, where they are there already.

    Returns
    -------
    Measure

    Raises
    ------
    ValueError
        If nothing is found inside.
    """
    points = fill_with_points(solid, spacing_mm=spacing_mm) if filling is None else filling
    if not points.inside.any():
        raise ValueError("the solid is empty, or far smaller than the lattice")
    volume, sd = points.volume_mm3()
    exact = closed_form_volume_mm3(solid)
    if exact is not None:
        volume, sd = exact, 0.0
    return Measure(volume / 1000.0, sd / 1000.0, points.centroid_lps())
