"""A screw's gap as a person corrected it, turned back into a wall on the screw's rays."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from planner.config.gap_config import HaloConfig
from planner.config.given_gap_config import GivenGapConfig
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.segment.gaps.halo_measurement import Halo, HaloMeasurement
from planner.segment.gaps.halo_paint import paint_halo
from planner.segment.gaps.halos import measurement_of
from planner.segment.implants.metal import Metal
from planner.segment.unwrap import RHO_MM, Cells, Fan, Floats, sampler_round
from planner.segment.upright import Bools, resample

_BLUR_VOXELS = 0.5
"""Standard deviation of the averaging that makes steps of voxels a wall, in voxels. A round wall of 3 mm radius shrinks
by a fiftieth of a voxel."""
_SLIT_MM = 1.5
"""A mask that begins this near to the crest begins at it: metal is masked wider than it is. Ours."""
_LEAST_STEP = 0.25
"""Less of a voxel beyond the metal is no gap. Ours."""
_REST_VOXELS = 1
"""What the rays' wall and the mask may differ by, in voxels, before the rest counts by itself."""


@dataclass(frozen=True, slots=True, eq=False)
class GivenHalo:
    """A screw measured anew.

    Parameters
    ----------
    measured : HaloMeasurement
        As `planner.segment.gaps.halos.measure_halos` gives it.
    rest : Mask
        Voxels of the mask that no ray from the screw reaches.
    edited_share : float
        Share of the gap's wall, as it was or as it is, that the person moved; 0..1.
    """

    measured: HaloMeasurement
    rest: Mask
    edited_share: float


def correct_halo(
    found: HaloMeasurement,
    given: Mask,
    own: Mask,
    *,
    metal: Metal,
    gap_id: str,
    config: HaloConfig,
    given_config: GivenGapConfig,
) -> GivenHalo:
    """Measure a screw's gap with the wall that a person drew.

    Parameters
    ----------
    found : HaloMeasurement
        What was measured round the screw, with or without a gap.
    given : Mask
        The corrected gap, on a block of the CT's grid; empty where it was erased.
    own : Mask
        The measured gap on the same block, as it was painted.
    metal : Metal
        The CT's metal.
    gap_id : str
        Of the gap's record.
    config, given_config : HaloConfig, GivenGapConfig
        The settings.

    Returns
    -------
    GivenHalo

    Raises
    ------
    GeometryError
        If both masks do not lie on one grid.

    Notes
    -----
    Mask and metal, averaged over half a voxel, are read along the screw's rays; the wall is where the mask ends, at
    half height. Where that lies within half a voxel of where the painted measurement ends, the measured wall stays, so
    that an unedited mask gives the measured volume. Elsewhere the person's wall counts, from the same thread root, and
    is taken for seen. The interval is as wide as that of the measurement in the share of the wall that was not moved;
    in quadrature come `edge_sd_mm` and half a voxel, each times the area of the wall that was. Volume, widths, zones
    and loosening then follow as for a measured halo.
    """
    given.grid.require_same(own.grid)
    halo, radius = found.halo, found.shaft.outer_mm / 2
    near = _metal_near(metal.mask, given.grid)
    reach, bare = _reach_mm(halo.fan, radius, given, near), _reach_mm(halo.fan, radius, own, near, without_mask=True)
    before = _reach_mm(halo.fan, radius, own, near)
    voxel = _voxel_along_rays_mm(halo.fan, given.grid)
    drawn = reach > bare + _LEAST_STEP * voxel
    moved = (np.abs(reach - before) > 0.5 * voxel) | (drawn != (before > bare + _LEAST_STEP * voxel))
    if not moved.any():
        rest = _rest(given, halo, metal, given_config)
        return GivenHalo(replace(found, mask=given if found.gap is not None else None), rest, 0.0)
    outer = np.where(moved, np.where(drawn, np.maximum(reach, halo.metal_mm), halo.metal_mm), halo.outer_mm)
    lucent = _joined(np.where(moved, drawn, halo.lucent), drawn)
    outer = np.where(lucent, outer, halo.metal_mm)
    walls = halo.lucent | lucent
    area = halo.fan.area_mm2(np.maximum(outer, halo.outer_mm))
    new = _redrawn(halo, radius, outer, lucent, moved, config)
    share = float(area[moved & walls].sum() / area[walls].sum()) if walls.any() else 0.0
    spread = float((np.hypot(config.edge_sd_mm, 0.5 * voxel) * area)[moved & lucent].sum()) / 1000.0
    sure = share + (1.0 - share) * halo.sureness
    new = replace(new, sd_ml=spread, sureness=sure) if lucent.any() else replace(new, sd_ml=0.0, sureness=0.0)
    rest = _rest(given, new, metal, given_config)
    measured = measurement_of(found.shaft, new, gap_id, metal.mask.grid, metal, config)
    kept = Mask(given.grid, given.voxels & ~rest.voxels)
    said = tuple(f for f in found.findings if f.code != "trace-of-a-gap" or not lucent.any())
    measured = replace(measured, mask=kept if measured.gap is not None else None, findings=said)
    return GivenHalo(measured, rest, share)


def _joined(lucent: Cells, drawn: Cells) -> Cells:
    """Leave out seams too narrow for a voxel that no drawn gap goes on into: they went with what was erased."""
    return np.asarray(ndimage.binary_propagation(lucent & drawn, mask=lucent))


def _redrawn(halo: Halo, radius_mm: float, outer: Array, lucent: Cells, moved: Cells, config: HaloConfig) -> Halo:
    """Put a wall in a halo's place: what was drawn counts as seen."""
    on_shaft = halo.in_bone & ~halo.fan.is_tip[:, None]
    wide = lucent & (outer - radius_mm > config.loose_rim_mm) & on_shaft
    return replace(
        halo,
        outer_mm=outer,
        width_mm=np.where(lucent, np.maximum(0.0, outer - radius_mm), 0.0),
        lucent=lucent,
        sure=np.where(moved, lucent, halo.sure & lucent),
        read=np.where(moved, lucent, halo.read),
        # what is drawn is drawn whole; only what was measured falls short beyond its cells
        cells_ml=np.where(moved, 1.0, config.volume_factor) * halo.fan.volume_mm3(halo.metal_mm, outer) / 1000.0,
        wide_share=float(wide.sum() / on_shaft.sum()) if on_shaft.any() else None,
    )


def _metal_near(metal: Mask, grid: Grid) -> Bools:
    """Read the metal on the block's grid."""
    return np.asarray(resample(metal.voxels, metal.grid, grid, order=0) > 0.5)


def _soft(voxels: Bools, grid: Grid, fan: Fan) -> Floats:
    """Read a mask along the rays, averaged over half a voxel, shape (rows, angles, len(RHO_MM))."""
    ends = np.stack([fan.head_lps, fan.head_lps + fan.axis * fan.along_mm[-1]])
    block = sampler_round(voxels, grid, ends, margin_mm=RHO_MM[-1] + 2.0)
    smooth = replace(block, values=ndimage.gaussian_filter(block.values, _BLUR_VOXELS, mode="nearest"))
    return smooth.at(fan.points_lps())


def _reach_mm(fan: Fan, radius_mm: float, mask: Mask, metal: Bools, *, without_mask: bool = False) -> Array:
    """Say how far metal and mask together reach along each ray, mm; the crest's radius at the least."""
    steel = _soft(metal, mask.grid, fan) * (radius_mm + _SLIT_MM >= RHO_MM)
    whole = steel if without_mask else np.minimum(1.0, steel + _soft(mask.voxels & ~metal, mask.grid, fan))
    inside = whole >= 0.5
    first = int(np.searchsorted(RHO_MM, radius_mm))
    last = int(np.searchsorted(RHO_MM, radius_mm + _SLIT_MM))
    begins = first + np.argmax(inside[..., first : last + 1], axis=2)
    there = inside[..., first : last + 1].any(axis=2)
    beyond = np.arange(len(RHO_MM)) > begins[..., None]
    ends = beyond & ~inside
    k = np.where(ends.any(axis=2), np.argmax(ends, axis=2), len(RHO_MM) - 1)
    low, high = (np.take_along_axis(whole, (k - back)[..., None], 2)[..., 0] for back in (0, 1))
    part = np.clip((high - 0.5) / np.maximum(high - low, 1e-6), 0.0, 1.0)
    reach = RHO_MM[k - 1] + part * (RHO_MM[k] - RHO_MM[k - 1])
    return np.asarray(np.where(there, np.maximum(reach, radius_mm), radius_mm))


def _voxel_along_rays_mm(fan: Fan, grid: Grid) -> Array:
    """Size of a voxel along each ray, shape (rows, angles)."""
    parts = (fan.directions() @ grid.directions_lps) * np.array(grid.spacing_mm)
    return np.asarray(np.linalg.norm(parts, axis=-1))


def _rest(given: Mask, halo: Halo, metal: Metal, config: GivenGapConfig) -> Mask:
    """Keep what lies outside of the wall by more than a voxel, and is more than a slip of the brush."""
    reached = paint_halo(
        halo.fan, outer_mm=halo.outer_mm, lucent=halo.lucent, grid=given.grid, metal=np.zeros(given.grid.shape, bool)
    )
    beyond = given.voxels & ~ndimage.binary_dilation(reached.voxels, np.ones((3, 3, 3)), iterations=_REST_VOXELS)
    beyond &= ~_metal_near(metal.mask, given.grid)
    core = ndimage.binary_opening(beyond)
    if core.sum() * given.grid.voxel_volume_mm3 < 1000.0 * config.least_ml:
        return Mask(given.grid, np.zeros(given.grid.shape, dtype=bool))
    grown = ndimage.binary_propagation(core, mask=given.voxels & ~reached.voxels)
    return Mask(given.grid, grown)
