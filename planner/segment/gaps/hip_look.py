"""One implant's interface and surroundings as they were read: lucent cells, cavities, and what may be wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.errors import SegmentationError
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.progress import Monitor, Progress, check_cancelled
from planner.segment.gaps.bone_levels import BoneLevels, bone_levels
from planner.segment.gaps.foretold_artefact import seen_share, without_artefact
from planner.segment.gaps.implant_surroundings import Surroundings
from planner.segment.gaps.interface_artefacts import InterfaceArtefacts, look_again
from planner.segment.gaps.interface_rays import (
    Artefact,
    Interface,
    closed,
    cup_interface,
    stem_interface,
)
from planner.segment.gaps.interface_wall import find_lucent
from planner.segment.gaps.lytic_spaces import CAVITY_FROM_MM, grow_cavities, seed_voxels, voxel_shares
from planner.segment.implants.ceiling import AT_CEILING, clipping_level_hu
from planner.segment.implants.hips import HipPart
from planner.segment.implants.parts import ImplantPart
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells
from planner.segment.upright import Bools, resample, upright_grid, upright_hu

_MARGIN_MM = 18.0
_BESIDE_MM = (1.75, 2.25, 2.75)
"""Where a cavity must begin beside an interface."""
_DARK_HU, _BRIGHT_HU = -250.0, 400.0
"""Soft tissue beyond these is streaked."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The lucent cells of one interface, and the cavities beside them."""

    part: HipPart
    interface: Interface
    around: Surroundings
    levels: BoneLevels
    lucent: Cells
    width_mm: Array
    mask: Bools
    cavity_shares: npt.NDArray[np.float32]
    trust: float
    artefacts: InterfaceArtefacts | None


def look_at_all(
    volume: Volume, parts: tuple[HipPart, ...], bone: Mask, metal: Mask, config: HipGapConfig, trust: TrustMap | None,
    mantles: Sequence[ImplantPart], monitor: Monitor,
) -> dict[str, Found]:  # fmt: skip
    """Look at each implant, cups first: behind a cup cancellous bone shows best what the patient's own reads."""
    found: dict[str, Found] = {}
    levels: dict[str | None, BoneLevels] = {}
    for part in sorted(parts, key=lambda p: p.record.kind != "acetabular_cup"):
        record = part.record
        if record.kind in ("femoral_stem", "acetabular_cup"):
            check_cancelled(monitor)
            monitor.report(Progress(f"measuring gaps round {record.id}"))
            seen = _look(volume, part, bone, metal, config, trust, _mantle_of(record, mantles), levels.get(record.side))
            found[record.id] = seen
            levels.setdefault(record.side, seen.levels)
    return found


def _look(
    volume: Volume, part: HipPart, bone: Mask, metal: Mask, config: HipGapConfig, trust: TrustMap | None,
    mantle: Mask | None, levels: BoneLevels | None,
) -> Found:  # fmt: skip
    around = _surroundings(volume, part, bone, metal)
    own = _trust(around)
    artefact = None if trust is None else Artefact(trust, seen_share(trust, around, config))
    if artefact is not None:
        around = replace(around, hu=without_artefact(around, artefact.trust, artefact.share))
    levels = bone_levels(around, config, known=levels)
    interface = _interface(volume, part, bone, config, artefact, mantle)
    lucent, width, _ = find_lucent(interface, levels, config)
    seeds = np.concatenate([interface.points_lps(np.full(width.shape, t))[interface.in_bone] for t in _BESIDE_MM])
    cavities = grow_cavities(around, seed_voxels(around.grid, seeds), levels, config)
    looks_in = _looks_into(cavities, around.grid, interface)
    width = np.where(looks_in, np.maximum(width, CAVITY_FROM_MM), width)
    lucent = lucent | looks_in
    solid = around.from_metal_mm <= 0
    painted = _painted(interface, lucent, width, around.grid, around.bone & (around.from_metal_mm < 8.0))
    shares = voxel_shares(around, cavities & ~painted, painted, levels, config)
    mask = painted | ((shares >= 0.5) & ~solid)
    artefacts = None if trust is None else look_again(trust, interface, lucent, levels=levels, config=config)
    if artefacts is not None and artefacts.seen is not None:
        own = min(own, artefacts.seen.gap_trust)
    return Found(part, interface, around, levels, lucent, width, mask, shares, own, artefacts)


def _surroundings(volume: Volume, part: HipPart, bone: Mask, metal: Mask) -> Surroundings:
    points = np.asarray(part.metal.grid.to_lps(np.argwhere(part.metal.voxels)))
    box = np.stack([points.min(axis=0) - _MARGIN_MM, points.max(axis=0) + _MARGIN_MM])
    grid = upright_grid(volume.grid, 0.8, box)
    hu = np.nan_to_num(upright_hu(volume, grid), nan=-1000.0)
    solid = resample(metal.voxels, metal.grid, grid, averaged=False) > 0.5
    envelope = resample(bone.voxels, bone.grid, grid, averaged=False) > 0.5
    away = np.asarray(edt.edt(~solid, parallel=2) * grid.spacing_mm[0], dtype=np.float32)
    return Surroundings(grid, hu, envelope, away)


def _looks_into(cavities: Bools, grid: Grid, interface: Interface) -> Cells:
    """Which rays run into a cavity at once."""
    out = np.zeros(interface.metal_mm.shape, dtype=bool)
    for offset in _BESIDE_MM[1:]:
        out |= _read_at(cavities, grid, interface.points_lps(np.full(out.shape, offset)))
    return np.asarray(out & interface.in_bone)


def _read_at(field: Bools, grid: Grid, points_lps: Array) -> Bools:
    index = np.rint(np.asarray(grid.to_index(points_lps))).astype(int)
    at = np.clip(index, 0, np.array(field.shape) - 1)
    return np.asarray(field[tuple(np.moveaxis(at, -1, 0))])


def _mantle_of(stem: Implant, mantles: Sequence[ImplantPart]) -> Mask | None:
    if stem.kind != "femoral_stem":
        return None
    own = [m.mask for m in mantles if m.record.kind == "cement" and m.record.id.endswith(stem.id)]
    return own[0] if own else None


def _interface(
    volume: Volume, part: HipPart, bone: Mask, config: HipGapConfig, artefact: Artefact | None = None,
    mantle: Mask | None = None,
) -> Interface:  # fmt: skip
    clipped = clipping_level_hu(volume.hu, least_pile=30)
    own = np.asarray(resample(volume.hu, volume.grid, part.metal.grid)[part.metal.voxels])
    seen = float(np.percentile(own, 75))
    is_clipped = clipped is not None and (clipped < 0.6 * config.titanium_hu or seen >= AT_CEILING * clipped)
    if is_clipped and clipped is not None:
        plateau = config.clipped_plateau_hu
        level = config.clipped_edge_share * clipped
    else:
        plateau, level = seen, 0.5 * seen
    axis = part.record.axis
    if axis is not None:
        ends = np.array(axis.head_lps), np.array(axis.tip_lps)
        wide = axis.diameter_mm if axis.diameter_mm is not None else 12.0
        return stem_interface(
            volume, bone, *ends, wide, level, plateau, config, is_cut=part.is_cut, is_clipped=is_clipped,
            artefact=artefact, mantle=mantle,
        )  # fmt: skip
    if part.centre_lps is None or part.radius_mm is None or part.opening_lps is None:
        raise SegmentationError(f"{part.record.id} has neither an axis nor a sphere")
    return cup_interface(
        volume, bone, part.centre_lps, part.radius_mm, part.opening_lps, level, plateau, config,
        is_clipped=is_clipped, artefact=artefact,
    )  # fmt: skip


def _painted(interface: Interface, lucent: Cells, width_mm: Array, grid: Grid, where: Bools) -> Bools:
    """Voxels between the metal and the wall."""
    out = np.zeros(grid.shape, dtype=bool)
    cells = np.argwhere(where)
    row, turn, offset = interface.locate(np.asarray(grid.to_lps(cells)))
    at = np.stack([np.clip(row, 0, lucent.shape[0] - 1), turn])
    share = ndimage.map_coordinates(closed(lucent), at, order=1, mode="nearest")
    wall = ndimage.map_coordinates(closed(width_mm * lucent), at, order=1, mode="nearest") / np.maximum(share, 1e-3)
    # the metal's own edge, not its mask: that one is bloomed
    out[tuple(cells.T)] = (share > 0.5) & (offset >= 0.0) & (offset <= wall)
    return out


def _trust(around: Surroundings) -> float:
    """How free of streaks the soft tissue round the bone is; 0 where a quarter of it is streaked."""
    soft = ~around.bone & (around.from_metal_mm > 4.0) & (around.from_metal_mm < _MARGIN_MM)
    if not soft.any():
        return 0.5
    streaked = (around.hu[soft] < _DARK_HU) | (around.hu[soft] > _BRIGHT_HU)
    return float(np.clip(1.0 - 4.0 * np.mean(streaked), 0.0, 1.0))
