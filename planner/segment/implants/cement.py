"""Bone cement in vertebral bodies, told from bone, contrast agent and the fall of metal."""

from collections.abc import Sequence

import cc3d
import edt
import numpy as np
from scipy import ndimage

from planner.config.hardware_config import CementConfig
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.implant import SPINE_KINDS
from planner.model.volume import Mask, Volume
from planner.segment.balls import grown_by
from planner.segment.enclosure import AXIAL_16, enclosure
from planner.segment.implants.metal import Metal
from planner.segment.implants.parts import ImplantPart
from planner.segment.implants.pieces import bare_record
from planner.segment.upright import Bools, Floats, resample, upright_grid, upright_hu


def find_spine_cement(
    volume: Volume, metal: Metal, parts: Sequence[ImplantPart], config: CementConfig
) -> tuple[ImplantPart, ...]:
    """Find cement in the vertebral bodies round spinal hardware.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    parts : sequence of ImplantPart
        What was told so far; without spinal hardware nothing is looked for.
    config : CementConfig
        Sizes and thresholds.

    Returns
    -------
    tuple of ImplantPart
        "cement-1", ... from below upwards, on an upright working grid, without the metal within it.

    Notes
    -----
    Cement is a blob as bright as opacified PMMA, thicker than any cortex of a vertebra, out of reach of the metal's own
    fall, even within, with a sharp step to a darker layer all round, and enclosed by the shell of a body. Contrast
    agent is not enclosed by bone, sclerosis fades, cortex is thin, streaks of metal are uneven. Dense islands of bone
    (1190 HU, SD 239: Ulano 2016, AJR 207:362) are as bright: what is small enough to be one is left out. The outline is
    the half height between the blob and what surrounds it.
    """
    box = _box_round_spine(parts, config.near_spine_mm)
    if box is None:
        return ()
    grid = upright_grid(volume.grid, config.edge_mm, box)
    hu = np.nan_to_num(upright_hu(volume, grid), nan=-1000.0).astype(np.float32)
    in_metal = resample(metal.mask.voxels, metal.mask.grid, grid) > 0.3
    fair = ~_within(in_metal, config.metal_reach_mm, config.edge_mm)
    bright = (hu > config.least_hu) & (hu < config.greatest_hu) & fair
    deep = bright & ~_within(fair & ~bright, config.least_depth_mm, config.edge_mm)
    labels = cc3d.connected_components(deep.view(np.uint8), connectivity=26)
    sizes = np.bincount(labels[deep], minlength=1) * grid.voxel_volume_mm3
    cores = [int(number) for number in np.flatnonzero(sizes >= 10.0)]
    if not cores:
        return ()
    from_metal: Floats = edt.edt(~in_metal, parallel=2) * config.edge_mm
    found: list[Bools] = []
    for number in cores:
        core = labels == number
        if any(np.any(mask & core) for mask in found):
            continue  # another lobe of the same cement
        mask = _told(hu, core, in_metal, from_metal, config)
        if mask is not None:
            found.append(mask)
    found.sort(key=lambda mask: float(np.argwhere(mask)[:, 0].mean()))
    return tuple(_part(f"cement-{k}", mask, grid) for k, mask in enumerate(found, start=1))


def _told(hu: Floats, core: Bools, in_metal: Bools, from_metal: Floats, config: CementConfig) -> Bools | None:
    """Grow a core to its outline; None where it cannot be told from something else."""
    where = np.argwhere(core)
    room = int(np.ceil((config.shell_mm + 2.0) / config.edge_mm))
    low = np.maximum(where.min(axis=0) - room, 0)
    block = tuple(slice(int(a), int(b) + room) for a, b in zip(low, where.max(axis=0) + 1, strict=True))
    near, own, metal_here, far = hu[block], core[block], in_metal[block], from_metal[block]
    fair = far > config.metal_reach_mm
    inside = float(np.median(near[own]))
    reach = config.least_depth_mm + 1.5
    grown = _within(own, reach, config.edge_mm)
    ring = _within(grown, config.surround_mm, config.edge_mm) & ~grown & fair
    if np.count_nonzero(ring) < 50:
        return None
    around = float(np.median(near[ring]))
    level = 0.5 * (inside + around)
    lobes = _linked(near > level, own, metal_here, config)
    grown |= _within(lobes, config.least_lobe_mm + config.edge_mm, config.edge_mm)
    outline = grown & (near > level) & fair
    # what lies in the metal's own fall is cement where cement lies next to it
    outline |= _within(outline, config.metal_reach_mm, config.edge_mm) & ~fair & ~metal_here & grown
    blob = outline & fair
    ml = float(np.count_nonzero(outline)) * config.edge_mm**3 / 1000.0
    if ml < config.least_ml or around > config.greatest_surround_hu or inside - around < config.least_step_hu:
        return None
    deep = ndimage.binary_erosion(blob)
    if not deep.any() or float(near[deep].std()) > config.greatest_spread * inside:
        return None
    if not _is_sharp(near, outline, far, inside - around, config):
        return None
    if not _is_enclosed(near, outline, ring & ~outline, metal_here, config):
        return None
    whole = np.zeros_like(core)
    whole[block] = outline
    return whole


def _linked(bright: Bools, core: Bools, metal: Bools, config: CementConfig) -> Bools:
    """Give what is joined to a core by more than the width of a cortex."""
    depth: Floats = edt.edt(bright & ~metal, parallel=2) * config.edge_mm
    labels = cc3d.connected_components((depth > config.least_lobe_mm).astype(np.uint8), connectivity=6)
    numbers = np.unique(labels[core])
    return np.asarray(np.isin(labels, numbers[numbers > 0]))


def _is_sharp(hu: Floats, outline: Bools, from_metal: Floats, step_hu: float, config: CementConfig) -> bool:
    """Whether the edge is as steep as the scan's blur lets cement be: streaks of metal fade out."""
    rim = outline & ~ndimage.binary_erosion(outline) & (from_metal > config.metal_reach_mm + 1.0)
    if not rim.any():
        return False
    slope = np.sqrt(sum(g**2 for g in np.gradient(hu, config.edge_mm)))
    own = np.asarray(outline.any(axis=(1, 2)))
    near_metal = np.asarray((from_metal < config.metal_reach_mm).any(axis=(1, 2)))
    shared = float(near_metal[own].mean())
    may_be_streak = shared > config.streak_slices_share
    least = config.least_steepness_per_mm if may_be_streak else config.least_clear_steepness_per_mm
    return float(np.percentile(slope[rim], 25)) >= least * step_hu


def _is_enclosed(hu: Floats, outline: Bools, ring: Bools, metal: Bools, config: CementConfig) -> bool:
    bone = (hu > config.bone_hu) & ~_within(outline, 1.6, config.edge_mm) & ~metal
    rays = enclosure(bone, AXIAL_16, config.shell_mm / config.edge_mm)
    return float(np.median(rays[ring])) >= config.least_shell_rays


def _within(mask: Bools, reach_mm: float, edge_mm: float) -> Bools:
    return grown_by(mask, reach_mm / edge_mm)


def _part(name: str, mask: Bools, grid: Grid) -> ImplantPart:
    told = Mask(grid, mask)
    centre = np.asarray(grid.to_lps(np.argwhere(mask))).mean(axis=0)
    return ImplantPart(bare_record(name, "cement", centre, volume_ml=told.volume_ml, material="pmma"), told)


def _box_round_spine(parts: Sequence[ImplantPart], reach_mm: float) -> Array | None:
    spots = []
    for part in parts:
        if part.record.kind in SPINE_KINDS:
            axis = part.record.axis
            spots += [part.record.centroid_lps] if axis is None else [axis.head_lps, axis.tip_lps]
    if not spots:
        return None
    points = np.array(spots)
    return np.stack([points.min(axis=0) - reach_mm, points.max(axis=0) + reach_mm])
