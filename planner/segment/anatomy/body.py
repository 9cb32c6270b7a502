"""The patient's surface, told from table, cushions and clothing, and what of it lies outside the scan."""

from dataclasses import dataclass

import cc3d
import numpy as np
from scipy import ndimage as ndi

from planner.geometry.frames import Array, PointsLps, points_lps, unit
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.windows import grown
from planner.segment.balls import grown_by
from planner.segment.upright import Bools, upright_grid, upright_hu

_EDGE_MM = 2.0
_TISSUE_HU = -350.0
"""Half-way between air and fat, a little above: partial volume of clothing and foam stays below."""
_SHEET_MM = 4.5
"""Table tops, blankets and straps are thinner than twice this; the body is not."""
_OPEN_AIR_HU = -900.0
"""The air about the patient reads -1000, with scatter and a table in it up to -930; normal lung -700 to -880."""
_LUNG_ABOVE_AIR_HU = 35.0
"""Even emphysematous lung (-950) reads this much above the air outside in the same scan (ours)."""
_SAMPLE = 400_000
"""Voxels enough for a median."""
_LEAST_SHARE = 0.04
"""An arm or a second thigh has at least this share of the largest part's volume."""


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """The patient in the scan, on an upright 2 mm grid.

    Parameters
    ----------
    inside : Mask
        Skin and all within it, lung and bowel gas too.
    outside : Mask
        Measured air, table and clothing about the patient. What is in neither was not measured.
    gas : Mask
        Lung and bowel gas.
    """

    inside: Mask
    outside: Mask
    gas: Mask

    def skin_towards(self, volume: Volume, start_lps: PointsLps, direction_lps: Array) -> PointsLps | None:
        """Find where a line from within the body leaves the skin.

        Parameters
        ----------
        volume : Volume
            The CT, for the skin's place between voxels.
        start_lps : PointsLps, shape (3,)
            A point in the body.
        direction_lps : array_like, shape (3,)
            Outwards.

        Returns
        -------
        PointsLps, shape (3,), or None
            None where the line leaves what was measured before it meets the skin.
        """
        grid, step = self.inside.grid, 0.5
        along = np.arange(0.0, 700.0, step)
        points = np.asarray(start_lps) + along[:, None] * unit(direction_lps)
        cells = np.rint(grid.to_index(points)).astype(int)
        known = np.all((cells >= 0) & (cells < np.array(grid.shape)), axis=1)
        stop = int(np.argmin(known)) if not known.all() else len(known)
        cells = cells[:stop]
        within = self.inside.voxels[tuple(cells.T)]
        if not within.any():
            return None
        last = int(np.flatnonzero(within)[-1])
        if last + 1 >= stop or not self.outside.voxels[tuple(cells[last + 1])]:
            return None
        near = np.arange(max(0.0, along[last] - 5.0), along[last] + 4.0, 0.25)
        line = np.asarray(start_lps) + near[:, None] * unit(direction_lps)
        hu = ndi.map_coordinates(
            np.asarray(volume.hu), volume.grid.to_index(line).T, order=1, mode="nearest", output=np.float32
        )
        tissue = np.flatnonzero((hu[:-1] > _TISSUE_HU) & (hu[1:] <= _TISSUE_HU))
        at = near[tissue[np.argmin(np.abs(near[tissue] - along[last]))]] + 0.125 if len(tissue) else along[last]
        return points_lps(np.asarray(start_lps) + at * unit(direction_lps))


def find_body(volume: Volume, *, monitor: Monitor = SILENT) -> Body:
    """Find the patient's surface.

    Parameters
    ----------
    volume : Volume
        The CT.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    Body

    Raises
    ------
    CancelledError
        If the monitor says stop.

    Notes
    -----
    A body wall thinner than 9 mm over gas is taken for a sheet, and the gas behind it for open air: the belly of a very
    lean patient, say. Backs and thighs are thicker.
    """
    monitor.report(Progress("finding the skin"))
    grid = upright_grid(volume.grid, _EDGE_MM)
    hu = upright_hu(volume, grid, averaged=False)
    known = np.isfinite(hu)
    hu[~known] = -1000.0
    check_cancelled(monitor)
    solid = _patient(hu > _TISSUE_HU, hu)
    air = _open_air(~solid & known, hu, known)
    check_cancelled(monitor)
    inside = known & ~air
    gas = inside & (hu < -400.0)
    gas = np.asarray(cc3d.dust(gas.astype(np.uint8), threshold=60, connectivity=6) > 0)
    return Body(Mask(grid, inside), Mask(grid, air), Mask(grid, gas))


def _patient(tissue: Bools, hu: np.ndarray) -> Bools:
    """Keep the thick parts that hold bone and soft tissue: trunk, thighs, arms."""
    reach = _SHEET_MM / _EDGE_MM
    # the scan's border is no surface: tissue is taken to go on beyond it
    deep = ~grown_by(~np.pad(tissue, 3, mode="edge"), reach)[3:-3, 3:-3, 3:-3]
    labels = cc3d.connected_components(deep.astype(np.uint8), connectivity=6)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    if not sizes.any():
        return tissue
    flesh = np.bincount(labels[(hu > -150) & (hu < 120)], minlength=len(sizes))
    keep = (sizes >= _LEAST_SHARE * sizes.max()) & (flesh > 0.5 * sizes)
    keep[int(np.argmax(flesh * (sizes > 0)))] = True
    kept = keep[labels]
    return grown_by(kept, reach + 0.7) & tissue


def _open_air(empty: Bools, hu: np.ndarray, known: Bools) -> Bools:
    """Tell the air about the patient from lung and bowel gas, also where the field of view opens them."""
    labels = cc3d.connected_components(empty.astype(np.uint8), connectivity=6)
    count = int(labels.max())
    if not count:
        return empty
    rim = np.zeros_like(empty)
    for axis in (1, 2):
        for end in (0, -1):
            side: list[slice | int] = [slice(None)] * 3
            side[axis] = end
            rim[tuple(side)] = True
    rim |= grown(~known)
    touching = np.unique(labels[rim & empty])
    index = touching[touching > 0]
    if not len(index):
        return np.zeros_like(empty)
    # foam, table and clothes are not gas: the median is taken over what is nearly empty
    thin = np.flatnonzero(empty & (hu < -700))
    sizes = np.bincount(labels[empty], minlength=count + 1)[index]
    index = index[sizes > 0.02 * sizes.max()]
    sample = thin[:: max(1, len(thin) // _SAMPLE)]
    owner, values = labels.ravel()[sample], hu.ravel()[sample]
    medians = np.array([np.median(values[owner == i]) if (owner == i).any() else 0.0 for i in index])
    chosen = index[medians < min(_OPEN_AIR_HU, medians.min() + _LUNG_ABOVE_AIR_HU)]
    is_chosen = np.zeros(count + 1, dtype=bool)
    is_chosen[chosen] = True
    return np.asarray(is_chosen[labels])
