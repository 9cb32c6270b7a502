"""Wide gaps that need no network: rays along which it is dark for millimetres where artefacts leave HU readable."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array
from planner.model.volume import Volume
from planner.segment.gaps.hip_doubt import NOISE_CELLS, READABLE
from planner.segment.gaps.interface_rays import OFFSET_STEP_MM, OFFSETS_MM, Interface
from planner.segment.reading.network import Reading
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells

_FROM_MM, _TO_MM = 1.5, 3.0
"""Off the metal's blur, as far as no line of usual width reaches; ours."""
_PEAK_MM = 1.25
"""How far behind the level's crossing the rim or bone is looked for that a wall rises to; as round screws."""


@dataclass(frozen=True, slots=True, eq=False)
class DarkRuns:
    """Rays that leave the metal into a wide gap; maps have shape (rows, angles).

    Parameters
    ----------
    cells : ndarray of bool
        Where there is one.
    wall_mm : ndarray
        Where it ends, from the metal, at half the height of the rise, or as far as rays reach; 0 elsewhere.
    """

    cells: Cells
    wall_mm: Array

    def into(self, reading: Reading, config: HipGapConfig) -> Reading:
        """Put them in the place of what the networks read there."""
        return replace(
            reading,
            chance=np.where(self.cells, np.maximum(reading.chance, config.dark_run_chance), reading.chance),
            width_mm=np.where(self.cells, self.wall_mm, reading.width_mm),
            inner_mm=np.where(self.cells, 0.0, reading.inner_mm),
        )


def dark_runs(
    volume: Volume, interface: Interface, trust: TrustMap | None, *, cancellous_hu: float, config: HipGapConfig
) -> DarkRuns:
    """Find rays along which it is as dark as interface tissue, and no fat, for two millimetres off the metal's blur.

    Parameters
    ----------
    volume : Volume
        The original CT.
    interface : Interface
        The implant's rays.
    trust : TrustMap or None
        What artefacts leave readable; other cells are not told.
    cancellous_hu : float
        The patient's own bone: nothing is told where it is hardly brighter than interface tissue.
    config : HipGapConfig
        What is dark, what fat shows, and how bright bone must be.

    Returns
    -------
    DarkRuns
    """
    none = np.zeros(interface.in_bone.shape, dtype=bool)
    if cancellous_hu < config.least_dark_run_bone_hu:
        return DarkRuns(none, none.astype(np.float64))
    raw = interface.along_rays(volume.hu, volume, OFFSETS_MM)
    hu = ndimage.uniform_filter(raw, (*NOISE_CELLS, 1), mode=("nearest", "wrap", "nearest"))
    limit = config.fibrous_hu + config.lumen_share * (cancellous_hu - config.fibrous_hu)
    run = (OFFSETS_MM >= _FROM_MM) & (OFFSETS_MM <= _TO_MM)
    cells = interface.in_bone & ((hu[..., run] < limit) & (hu[..., run] > config.fat_hu)).all(axis=2)
    if trust is not None:
        points = interface.points_lps(np.full(cells.shape, 0.5 * (_FROM_MM + _TO_MM)))
        cells &= trust.trust_at(points) >= READABLE
    return DarkRuns(cells, np.where(cells, _wall_mm(hu, limit), 0.0))


def _wall_mm(hu: Array, limit_hu: float) -> Array:
    """Where HU rise half-way from a run's floor to what lies behind it."""
    first = int(np.searchsorted(OFFSETS_MM, _FROM_MM))
    beyond = np.asarray(hu[..., first:], dtype=np.float64)
    floor = np.median(beyond[..., : round((_TO_MM - _FROM_MM) / OFFSET_STEP_MM) + 1], axis=2)
    rises = beyond >= limit_hu
    crossing = np.where(rises.any(axis=2), np.argmax(rises, axis=2), beyond.shape[2] - 1)
    ahead = np.arange(beyond.shape[2]) - crossing[..., None]
    near = (ahead >= 0) & (ahead <= round(_PEAK_MM / OFFSET_STEP_MM))
    level = 0.5 * (floor + np.where(near, beyond, -np.inf).max(axis=2))
    above = (beyond >= level[..., None]) & (ahead >= -1)
    k = np.maximum(np.where(above.any(axis=2), np.argmax(above, axis=2), beyond.shape[2] - 1), 1)
    low, high = (np.take_along_axis(beyond, (k - back)[..., None], 2)[..., 0] for back in (1, 0))
    share = np.clip((level - low) / np.maximum(high - low, 1e-6), 0.0, 1.0)
    wall = OFFSETS_MM[first + k - 1] + share * OFFSET_STEP_MM
    return np.asarray(np.where(rises.any(axis=2), wall, OFFSETS_MM[-1]))
