"""Interbody cages: frames of metal between two endplates, and plastic ones by their marker pins."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from planner.config.hardware_config import CageConfig
from planner.model.implant import Material
from planner.model.volume import Volume
from planner.segment.implants.marker_pins import pin_groups
from planner.segment.implants.metal import Metal
from planner.segment.implants.outline import Outline, outline_along, outline_of
from planner.segment.implants.parts import ImplantPart
from planner.segment.implants.pieces import Piece, one_part, pieces_of, retold
from planner.segment.unwrap import sampler_round

_HIP_FREE = frozenset(("pedicle_screw", "rod", "unknown"))


def tell_cages(
    volume: Volume, metal: Metal, parts: tuple[ImplantPart, ...], config: CageConfig
) -> tuple[ImplantPart, ...]:
    """Tell cages among the pieces of metal, and those of plastic by their pins.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    parts : tuple of ImplantPart
        What was told so far.
    config : CageConfig
        Sizes and thresholds.

    Returns
    -------
    tuple of ImplantPart
        The same, each cage in the place of what it was taken for. "cage-1", ... are of metal, with the metal's volume
        and voxels; "peek-cage-1", ... are the hull of their marker pins: the plastic itself reads like bone, so that
        its volume is None.

    Notes
    -----
    A piece of metal is a cage where its outline has a cage's size, where metal runs right round a window (which no
    screw, rod or hook does) or it is left unknown and fills its box, and where an endplate faces it. A rod or screw
    that was told in such a frame was none.
    """
    found: list[tuple[tuple[int, ...], ImplantPart]] = []
    for piece in pieces_of(metal, parts):
        kinds = {parts[k].record.kind for k in piece.members}
        if not kinds <= _HIP_FREE or not _may_be_cage(piece, config):
            continue
        outline = outline_of(
            piece.points_lps, voxel_mm3=metal.mask.grid.voxel_volume_mm3, greatest_tilt_deg=config.greatest_tilt_deg
        )
        if not _has_form(outline, config, is_open=kinds == {"unknown"}) or not faces_endplates(
            volume, outline, metal.level_hu, config
        ):
            continue
        material = _material(volume, metal, piece, config)
        name = f"cage-{len(found) + 1}"
        found.append((piece.members, one_part(parts, piece, metal, name=name, kind="cage", material=material)))
    told = retold(parts, found)
    return retold(told, _plastic_cages(volume, metal, told, config))


def faces_endplates(volume: Volume, outline: Outline, level_hu: float, config: CageConfig) -> bool:
    """Say whether bone lies above and below an outline, as with a cage in its disc.

    Parameters
    ----------
    volume : Volume
        The CT.
    outline : Outline
        The box.
    level_hu : float
        What lies above it is metal and tells nothing.
    config : CageConfig
        Endplate and reach.

    Returns
    -------
    bool
        An endplate close to one side at least, and one within a vertebral body's height of the other, into which the
        cage may have sunk.
    """
    sides = (1.0, -1.0)
    near = [_facing_share(volume, outline, s, config.endplate_reach_mm, level_hu, config) for s in sides]
    if max(near) < config.endplate_share:
        return False
    far = [_facing_share(volume, outline, s, config.body_reach_mm, level_hu, config) for s in sides]
    return min(far) >= config.endplate_share


def _may_be_cage(piece: Piece, config: CageConfig) -> bool:
    size = np.ptp(piece.points_lps, axis=0)
    across = 1.5 * config.greatest_width_mm
    return bool(size[2] <= 2.0 * config.greatest_height_mm + 20.0 and size[0] <= across and size[1] <= across)


def _has_form(outline: Outline, config: CageConfig, *, is_open: bool) -> bool:
    height, *across = 2.0 * outline.half_mm
    fits = config.least_height_mm <= height <= config.greatest_height_mm
    fits = fits and min(across) >= config.least_width_mm and max(across) <= config.greatest_width_mm
    is_frame = outline.window_share >= config.least_window_share
    return bool(fits and (is_frame or (is_open and outline.filled_share >= config.solid_share)))


def _facing_share(
    volume: Volume, outline: Outline, sign: float, reach_mm: float, level_hu: float, config: CageConfig
) -> float:
    """Give the share of the outline from which a ray along the disc's axis meets an endplate; unread rays count not."""
    half = outline.half_mm
    steps = [np.linspace(-0.8, 0.8, 9) * half[k] for k in (1, 2)]
    spots = np.array([a * outline.axes[1] + b * outline.axes[2] for a, b in product(*steps)])
    depth = half[0] + config.tissue_clear_mm * 0.5 + np.arange(0.0, reach_mm, 0.5)
    points = outline.centre_lps + spots[:, None] + sign * depth[None, :, None] * outline.axes[0]
    inside = volume.grid.contains(points.reshape(-1, 3)).reshape(points.shape[:2])
    sampler = sampler_round(volume.hu, volume.grid, points.reshape(-1, 3), margin_mm=2.0)
    hu = np.asarray(sampler.at(points), dtype=np.float64)
    hu[~inside | (hu > min(level_hu, config.pin_hu))] = np.nan
    read = np.isfinite(hu).sum(axis=1) >= 0.5 * hu.shape[1]
    if np.count_nonzero(read) < 0.3 * len(read):
        return 0.0
    return float(np.mean(np.nanmax(hu[read], axis=1) > config.endplate_hu))


def _material(volume: Volume, metal: Metal, piece: Piece, config: CageConfig) -> Material:
    if metal.is_clipped:
        return "unknown"
    inside = volume.hu[piece.block][metal.pieces[piece.block] == piece.number]
    bright = float(np.percentile(inside, 90))
    return "titanium" if config.least_titanium_hu <= bright <= config.greatest_titanium_hu else "unknown"


def _plastic_cages(
    volume: Volume, metal: Metal, parts: Sequence[ImplantPart], config: CageConfig
) -> list[tuple[tuple[int, ...], ImplantPart]]:
    found: list[tuple[tuple[int, ...], ImplantPart]] = []
    for group in pin_groups(volume, metal, parts, config):
        outline = outline_along(group.corners_lps, group.axes, voxel_mm3=0.0)
        if faces_endplates(volume, outline, metal.level_hu, config):
            found.append(
                (group.members, group.hull_part(f"peek-cage-{len(found) + 1}", outline.centre_lps, volume.grid))
            )
    return found
