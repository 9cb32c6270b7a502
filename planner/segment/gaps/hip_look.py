"""One implant's interface as it was read: lucent cells, the gap's two walls, and cavities beyond the rays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.cells import cells_in
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.segment.gaps.dark_runs import dark_runs
from planner.segment.gaps.hip_doubt import Floor, floor_of, marrow_fat, sureness_of
from planner.segment.gaps.interface_edge import interface_of, view_of
from planner.segment.gaps.interface_rays import Interface, closed
from planner.segment.gaps.lytic_spaces import Surroundings, grow_cavities, lumen_level_hu, seed_voxels, voxel_shares
from planner.segment.gaps.readability import Readability, depths_mm, readability
from planner.segment.implants.hips import HipPart
from planner.segment.implants.parts import ImplantPart
from planner.segment.reading.hips import read_hip
from planner.segment.reading.network import Reading
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells
from planner.segment.upright import Bools, resample, upright_grid, upright_hu

_MARGIN_MM = 18.0
_BEHIND_MM = 1.0
_PAINTED_MM = 13.0
"""No ray's wall lies farther from the metal than the networks tell."""
_FORETOLD_HU = 10.0
"""Artefacts that add less are none: the networks are shown them in units of 100 HU. Ours."""
_DARK_HU, _BRIGHT_HU = -250.0, 400.0
"""Soft tissue beyond these is streaked."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was seen of one interface; maps have shape (rows, angles).

    Parameters
    ----------
    part : HipPart
        The implant.
    interface : Interface
        Its rays.
    around : Surroundings
        What lies round it.
    lucent : ndarray of bool
        Where there is a gap.
    inner_mm, outer_mm : ndarray
        Where it begins and ends, from where the metal's edge was read; 0 where there is none.
    reading : Reading
        What the learned reader said of each cell.
    mask : ndarray of bool
        The gap's voxels on the surroundings' grid.
    cavity_shares : ndarray of float32
        How much of each voxel belongs to a cavity that reaches beyond the rays.
    trust : float
        0..1.
    seen : Readability or None
        What metal artefacts leave readable; None without a trust map, or bone.
    floor : Floor
        Its cells where they are darkest.
    cancellous_hu : float
        The patient's own bone.
    sure_ml, plain_ml : float
        Volume along the rays of what is a gap, surely enough, to the reader, and to one who knows of no artefacts; both
        0 where none are foretold.
    """

    part: HipPart
    interface: Interface
    around: Surroundings
    lucent: Cells
    inner_mm: Array
    outer_mm: Array
    reading: Reading
    mask: Bools
    cavity_shares: npt.NDArray[np.float32]
    trust: float
    seen: Readability | None
    floor: Floor
    cancellous_hu: float
    sure_ml: float = 0.0
    plain_ml: float = 0.0

    @property
    def width_mm(self) -> Array:
        """The gap's width on each ray, square to the metal."""
        return self.outer_mm - self.inner_mm

    @property
    def cells_ml(self) -> Array:
        """The gap's volume in each cell."""
        volume = self.interface.cells_mm3(self.inner_mm, self.outer_mm) / 1000.0
        return np.asarray(np.where(self.lucent, volume, 0.0))


def look_at(
    volume: Volume, part: HipPart, *, bone: Mask, metal: Mask, mantles: Sequence[ImplantPart], trust: TrustMap | None,
    config: HipGapConfig,
) -> Found:  # fmt: skip
    """Read the interface of a stem or a cup.

    Parameters
    ----------
    volume : Volume
        The original CT.
    part : HipPart
        The implant.
    bone, metal : Mask
        The bone's envelope, closed over gaps and implants; all metal. On any grid.
    mantles : sequence of ImplantPart
        Cement that was told; of a stem in cement the gap lies outside its mantle. Other parts are passed over.
    trust : TrustMap or None
        What metal artefacts leave readable.
    config : HipGapConfig
        What counts as a gap.

    Returns
    -------
    Found
    """
    around = _surroundings(volume, part, bone, metal)
    mantle = mantle_of(part.record, mantles)
    interface = interface_of(volume, part, bone, config, mantle)
    is_cup = part.record.kind == "acetabular_cup"
    view = view_of(
        volume, interface, bone, trust, is_cup=is_cup, is_in_cement=mantle is not None, config=config
    )  # fmt: skip
    area = interface.area_mm2()
    runs = dark_runs(volume, interface, trust, cancellous_hu=view.cancellous_hu, config=config)
    reading = runs.into(read_hip(view), config)
    lucent, floor = _lucent(reading, interface, volume, trust, config)
    inner, outer = _walls(reading, lucent)
    painted = _painted(interface, lucent, inner, outer, around)
    shares = _cavities(interface, lucent, outer, painted, around, config)
    solid = around.from_metal_mm <= 0
    seen = None
    if trust is not None:
        places = np.stack([interface.points_lps(depth) for depth in depths_mm(np.zeros(outer.shape))])
        seen = readability(trust, places, area, interface.in_bone)
    own = _trust(around) if seen is None else min(_trust(around), seen.gap_trust)
    mask = painted | ((shares >= 0.5) & ~solid)
    sure_ml = plain_ml = 0.0
    if np.any(np.abs(view.pattern_hu[interface.in_bone]) > _FORETOLD_HU):
        plain = runs.into(read_hip(replace(view, pattern_hu=np.zeros_like(view.pattern_hu))), config)
        sure_ml = _sure_ml(reading, lucent, interface, config)
        plain_ml = _sure_ml(plain, _lucent(plain, interface, volume, trust, config)[0], interface, config)
    return Found(
        part,
        interface,
        around,
        lucent,
        inner,
        outer,
        reading,
        mask,
        shares,
        own,
        seen,
        floor,
        view.cancellous_hu,
        sure_ml,
        plain_ml,
    )


def _sure_ml(reading: Reading, lucent: Cells, interface: Interface, config: HipGapConfig) -> float:
    if sureness_of(reading.chance, lucent, interface.area_mm2()) < config.least_sureness:
        return 0.0
    return float(interface.cells_mm3(*_walls(reading, lucent))[lucent].sum()) / 1000.0


def _lucent(
    reading: Reading, interface: Interface, volume: Volume, trust: TrustMap | None, config: HipGapConfig
) -> tuple[Cells, Floor]:
    """Take the cells that are likelier lucent than not, but for specks and marrow fat; and where they are darkest."""
    area = interface.area_mm2()
    likely = large_patches((reading.chance > config.least_chance) & interface.in_bone, area, config.least_patch_mm2)
    floor = floor_of(volume, interface, *_walls(reading, likely), likely, trust)
    return large_patches(likely & ~marrow_fat(floor, likely, config), area, config.least_patch_mm2), floor


def _walls(reading: Reading, lucent: Cells) -> tuple[Array, Array]:
    """Where the gap begins and ends in lucent cells, from the metal; 0 elsewhere."""
    outer = np.where(lucent, reading.width_mm, 0.0)
    return np.where(lucent, np.minimum(reading.inner_mm, outer), 0.0), outer


def mantle_of(record: Implant, mantles: Sequence[ImplantPart]) -> Mask | None:
    """Give the cement round a stem; None where none was told, or for another implant."""
    if record.kind != "femoral_stem":
        return None
    own = [m.mask for m in mantles if m.record.kind == "cement" and m.record.id.endswith(record.id)]
    return own[0] if own else None


def large_patches(lucent: Cells, area_mm2: Array, least_mm2: float) -> Cells:
    """Drop patches of an interface that are too small to be told from noise.

    Parameters
    ----------
    lucent : ndarray of bool, shape (rows, angles)
        Lucent cells; angles are cyclic.
    area_mm2 : ndarray, shape (rows, angles)
        Their areas.
    least_mm2 : float
        What a patch must have.

    Returns
    -------
    ndarray of bool, shape (rows, angles)
    """
    twice = np.concatenate([lucent, lucent], axis=1)
    # closing takes cells at a map's border away, which are as lucent as the others
    joined = ndimage.binary_closing(twice, np.ones((3, 3))) | twice
    labels = cc3d.connected_components(joined[:, :, None].astype(np.uint8))[:, :, 0]
    sizes = np.bincount(labels.ravel(), weights=(np.concatenate([area_mm2, area_mm2], axis=1) * twice).ravel())
    sizes[0] = 0.0
    # seen twice, a patch over the seam is whole in the middle
    kept = (sizes >= least_mm2)[labels] & twice
    n = lucent.shape[1]
    return np.asarray((kept[:, :n] | kept[:, n:]) & lucent)


def _surroundings(volume: Volume, part: HipPart, bone: Mask, metal: Mask) -> Surroundings:
    points = np.asarray(part.metal.grid.to_lps(cells_in(part.metal.voxels)))
    box = np.stack([points.min(axis=0) - _MARGIN_MM, points.max(axis=0) + _MARGIN_MM])
    grid = upright_grid(volume.grid, 0.8, box)
    hu = np.nan_to_num(upright_hu(volume, grid), nan=-1000.0)
    solid = resample(metal.voxels, metal.grid, grid, averaged=False) > 0.5
    envelope = resample(bone.voxels, bone.grid, grid, averaged=False) > 0.5
    # in voxels first: the grid's are cubes
    away = np.asarray(distance_mm(solid, (1.0, 1.0, 1.0)) * grid.spacing_mm[0], dtype=np.float32)
    return Surroundings(grid, hu, envelope, away)


def _painted(interface: Interface, lucent: Cells, inner_mm: Array, outer_mm: Array, around: Surroundings) -> Bools:
    """Voxels between the gap's two walls."""
    grid: Grid = around.grid
    out = np.zeros(grid.shape, dtype=bool)
    cells = cells_in(around.bone & (around.from_metal_mm < _PAINTED_MM))
    row, turn, offset = interface.locate(np.asarray(grid.to_lps(cells)))
    at = np.stack([np.clip(row, 0, lucent.shape[0] - 1), turn])
    share = ndimage.map_coordinates(closed(lucent), at, order=1, mode="nearest")
    walls = [
        ndimage.map_coordinates(closed(wall * lucent), at, order=1, mode="nearest") / np.maximum(share, 1e-3)
        for wall in (inner_mm, outer_mm)
    ]
    out[tuple(cells.T)] = (share > 0.5) & (offset >= walls[0]) & (offset <= walls[1])
    return out


def _cavities(
    interface: Interface, lucent: Cells, outer_mm: Array, painted: Bools, around: Surroundings, config: HipGapConfig
) -> npt.NDArray[np.float32]:
    """Say what of each voxel belongs to a cavity, grown from where a wide gap goes on beyond its rays."""
    wide = lucent & (outer_mm >= config.cavity_from_mm)
    if not wide.any():
        return np.zeros(around.grid.shape, dtype=np.float32)
    lumen = lumen_level_hu(around, config)
    seeds = interface.points_lps(outer_mm + _BEHIND_MM)[wide]
    cavities = grow_cavities(around, seed_voxels(around.grid, seeds), lumen, config)
    return voxel_shares(around, cavities & ~painted, painted, config)


def _trust(around: Surroundings) -> float:
    """How free of streaks the soft tissue round the bone is; 0 where a quarter of it is streaked."""
    soft = ~around.bone & (around.from_metal_mm > 4.0) & (around.from_metal_mm < _MARGIN_MM)
    if not soft.any():
        return 0.5
    streaked = (around.hu[soft] < _DARK_HU) | (around.hu[soft] > _BRIGHT_HU)
    return float(np.clip(1.0 - 4.0 * np.mean(streaked), 0.0, 1.0))
