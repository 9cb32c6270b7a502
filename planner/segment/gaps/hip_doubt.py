"""What of a gap round a stem or a cup can be believed: how sure the reader is of it, and what artefacts explain."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array
from planner.model.finding import Finding
from planner.model.gap import Interval
from planner.model.implant import Implant
from planner.model.record import PointLps
from planner.model.volume import Volume
from planner.segment.gaps.interface_rays import Interface
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells

_DEPTHS: Array = np.array([0.5, 0.6, 0.7, 0.8, 0.9])
"""Where a gap is looked at, from its inner wall (0) to its outer (1): narrow ones are blurred by metal inside."""

NOISE_CELLS = (5, 5)
"""Cells whose mean is taken before fat is told by its HU: noise of one cell passes for it. Ours."""
_FAT_PATCH = 0.5
"""A patch of which more is fat is fat; ours."""
READABLE = 0.9
"""Trust from which HU tell fat from interface tissue, 70 HU apart: artefacts add a third of that at most. Ours."""


def sureness_of(chance: Array, cells: Cells, area_mm2: Array) -> float:
    """Give the mean chance that a gap's cells are lucent, by area.

    Parameters
    ----------
    chance : ndarray, shape (rows, angles)
        Each cell's.
    cells : ndarray of bool, shape (rows, angles)
        The gap's.
    area_mm2 : ndarray, shape (rows, angles)
        Of the cells.

    Returns
    -------
    float
        0..1; 0 where the gap has no cell.
    """
    weight = area_mm2 * cells
    total = float(weight.sum())
    return float((chance * weight).sum()) / total if total > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """The darkest place of each cell's gap; maps have shape (rows, angles), NaN where there is no gap.

    Parameters
    ----------
    hu : ndarray
        As scanned.
    added_hu : ndarray
        What artefacts are foretold to add there; 0 without a trust map.
    readable : ndarray of bool
        Where artefacts leave HU as they are; everywhere without a trust map.
    """

    hu: Array
    added_hu: Array
    readable: Cells


def floor_of(
    volume: Volume, interface: Interface, inner_mm: Array, outer_mm: Array, cells: Cells, trust: TrustMap | None
) -> Floor:
    """Read a gap where it is darkest: what bone and metal add by their blur is least there.

    Parameters
    ----------
    volume : Volume
        The original CT.
    interface : Interface
        The implant's rays.
    inner_mm, outer_mm : ndarray, shape (rows, angles)
        Where the gap begins and ends on each, from the metal.
    cells : ndarray of bool, shape (rows, angles)
        The gap's.
    trust : TrustMap or None
        What artefacts are foretold to add, and what they leave readable.

    Returns
    -------
    Floor
    """
    offsets = inner_mm[..., None] + _DEPTHS * (outer_mm - inner_mm)[..., None]
    seen = interface.along_rays(volume.hu, volume, offsets)
    darkest = np.argmin(seen, axis=2)[..., None]
    hu = np.where(cells, np.take_along_axis(seen, darkest, 2)[..., 0], np.nan)
    if trust is None or not cells.any():
        return Floor(hu, np.where(cells, 0.0, np.nan), np.ones(cells.shape, dtype=bool))
    points = interface.points_lps(np.take_along_axis(offsets, darkest, 2)[..., 0])[cells]
    added, readable = np.full(cells.shape, np.nan), np.zeros(cells.shape, dtype=bool)
    added[cells] = trust.pattern_at(points)
    readable[cells] = trust.trust_at(points) >= READABLE
    return Floor(hu, added, readable)


def marrow_fat(floor: Floor, cells: Cells, config: HipGapConfig) -> Cells:
    """Say which cells of a gap hold marrow fat: darker than interface tissue, where artefacts can't be why.

    Parameters
    ----------
    floor : Floor
        The gap's.
    cells : ndarray of bool, shape (rows, angles)
        Its cells.
    config : HipGapConfig
        What fat shows.

    Returns
    -------
    ndarray of bool, shape (rows, angles)
        Whole patches, where most of one is fat: at its border bone's HU and fat's make interface tissue's.
    """
    share = ndimage.uniform_filter(cells.astype(np.float64), NOISE_CELLS, mode=("nearest", "wrap"))
    hu = np.where(cells, floor.hu, 0.0)
    smooth = ndimage.uniform_filter(hu, NOISE_CELLS, mode=("nearest", "wrap")) / np.maximum(share, 1e-6)
    dark = cells & floor.readable & (smooth < config.fat_hu)
    # seen twice, a patch over the seam is whole in the middle
    twice = np.tile(cells, 2)
    patches = np.asarray(ndimage.label(twice, np.ones((3, 3)))[0])
    sizes, fat = (np.bincount(patches.ravel(), weights=np.tile(of, 2).ravel()) for of in (cells, dark))
    filled = (fat > _FAT_PATCH * np.maximum(sizes, 1.0))[patches] & twice
    turns = cells.shape[1]
    return np.asarray(dark | filled[:, :turns] | filled[:, turns:])


def staying_share(floor: Floor, cells: Cells, area_mm2: Array, *, bone_hu: float) -> float:
    """Give the share of a gap that is not brought up to bone by taking off what artefacts are foretold to add.

    Parameters
    ----------
    floor : Floor
        The gap's.
    cells : ndarray of bool, shape (rows, angles)
        Its cells.
    area_mm2 : ndarray, shape (rows, angles)
        Of the cells.
    bone_hu : float
        From here on a place is bone rather than gap.

    Returns
    -------
    float
        0..1, by area; 1 where there is no cell.
    """
    if not cells.any():
        return 1.0
    dark, cleared, area = floor.hu[cells], (floor.hu - floor.added_hu)[cells], area_mm2[cells]
    explained = (dark < bone_hu) & (cleared >= bone_hu)
    return 1.0 - float((area * explained).sum() / area.sum())


def interval_of(volume_ml: float, sureness: float, config: HipGapConfig) -> Interval:
    """Give a volume with its 90 % interval: the less sure its cells, the wider.

    Parameters
    ----------
    volume_ml : float
        The estimate.
    sureness : float
        Mean chance of its cells.
    config : HipGapConfig
        How wide.

    Returns
    -------
    Interval
    """
    unsure = 1.0 - sureness
    low = volume_ml * float(np.exp(-(config.low_at_best + config.low_per_doubt * unsure)))
    high = volume_ml * float(np.exp(config.high_at_best + config.high_per_doubt * unsure))
    return Interval(estimate=volume_ml, low=low, high=high)


def trace_finding(record: Implant, sureness: float, where_lps: PointLps, config: HipGapConfig) -> Finding:
    """Say that a dark patch is too unsure to be measured as a gap.

    Parameters
    ----------
    record : Implant
        The stem or cup.
    sureness : float
        Mean chance of the patch's cells.
    where_lps : tuple of float
        Its middle.
    config : HipGapConfig
        The limit.

    Returns
    -------
    Finding
    """
    return Finding(
        code="trace-of-a-gap",
        severity="caution",
        message=f"{record.id}: a dark patch at its interface that is a gap with a chance of {sureness:.0%} only, too "
        "unsure to be measured: a gap there can be larger than it shows, or none",
        where_lps=where_lps, measured=sureness, limit=config.least_sureness, unit="1",
        source="this program's rule: least mean chance of a gap's cells (docs/methods.md)",
        implant_id=record.id,
    )  # fmt: skip
