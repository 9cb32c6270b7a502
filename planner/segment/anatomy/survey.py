"""The patient round the implants, in one call: every mask that safety and needles look at, on one upright grid."""

from dataclasses import dataclass

import numpy as np

from planner.config.anatomy_config import AnatomyConfig
from planner.errors import SegmentationError
from planner.geometry.grid import Grid
from planner.model.finding import Finding
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, check_cancelled
from planner.segment.anatomy.body import Body, find_body
from planner.segment.anatomy.bone import bone_envelope, bone_threshold_hu, dense_bone
from planner.segment.anatomy.canal import Canal, find_canal
from planner.segment.anatomy.gap_bed import gap_bed
from planner.segment.anatomy.survey_findings import canal_findings, side_findings, skin_findings
from planner.segment.anatomy.zones import NamedZone, beyond_canal, gas_zone, hip_zones, spine_zones
from planner.segment.blocks import block_round
from planner.segment.region import HipLandmarks, Region, block_of, regions_of, working_grid
from planner.segment.upright import Bools, Floats, resample, upright_hu

DEFAULT = AnatomyConfig()
_CANAL_ASIDE_MM = 55.0
"""How far round spinal metal the canal is looked for: iliac screws reach so far from it."""
_CANAL_ALONG_MM = 15.0
"""Looked for so far beyond the region above and below, so that it does not end within."""
_SIDE_UNKNOWN = "soft tissue of a hip whose side is unknown"
_METAL_SHARE = 0.4
"""Share of a working voxel that must be metal, as the plan's own metal mask has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What is where round the implants, all on one upright isotropic grid.

    Parameters
    ----------
    ct : Volume
        The CT read on the working grid, float32 HU; -1000 where nothing was measured (its `padding` is True there).
    measured : Mask
        Inside the scan's field of view.
    metal : Mask
        All metal.
    patient : Body
        The patient in the whole scan, on a coarse grid of its own.
    body : Mask or None
        Skin and all within it; None where no skin was found.
    bone : Mask
        The bed of the gaps: the envelope, closed over gaps beside metal that lies in bone.
    envelope : Mask
        The bones' own outlines, with the metal that lies in them.
    canal : Canal or None
        The spinal canal as far as it can be trusted.
    canal_mask : Mask or None
        The same on the grid; None with `canal`.
    forbidden : Mask
        What no needle may cross: gas, the front of the spine, the hip's inside, what is unknown beyond the canal's
        ends, what was not measured. Bone and metal are taken out of the zones, not out of the unknown.
    zones : tuple of NamedZone
        Where vessels, nerves and the pelvis's inside may be, by name; bone and metal not taken out.
    hips : tuple of HipLandmarks
        The hips that the zones were laid about.
    findings : tuple of Finding
        What could not be told.
    """

    ct: Volume
    measured: Mask
    metal: Mask
    patient: Body
    body: Mask | None
    bone: Mask
    envelope: Mask
    canal: Canal | None
    canal_mask: Mask | None
    forbidden: Mask
    zones: tuple[NamedZone, ...]
    hips: tuple[HipLandmarks, ...]
    findings: tuple[Finding, ...]

    @property
    def grid(self) -> Grid:
        """The working grid."""
        return self.ct.grid


def survey(
    volume: Volume,
    *,
    metal: Mask,
    implants: tuple[Implant, ...],
    hips: tuple[HipLandmarks, ...] | None = None,
    known_canal: Canal | None = None,
    patient: Body | None = None,
    config: AnatomyConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> Survey:
    """Survey the anatomy round the implants.

    Parameters
    ----------
    volume : Volume
        The CT, any orientation.
    metal : Mask
        All metal, on any grid.
    implants : tuple of Implant
        What was found; at least one.
    hips : tuple of HipLandmarks or None
        Hips told elsewhere; None takes them from the implants' records.
    known_canal : Canal or None
        The spinal canal as somebody else outlined it; None to look for it.
    patient : Body or None
        What `find_body` found in this very CT before; None to look.
    config : AnatomyConfig
        Settings.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    Survey

    Raises
    ------
    SegmentationError
        If there is no implant to look round, or it lies outside the scan.
    CancelledError
        If the monitor says stop.
    """
    if not implants:
        raise SegmentationError("no implant to look round: the anatomy is surveyed where implants are")
    regions = regions_of(implants, metal, hips, config.region)
    body = find_body(volume, monitor=monitor) if patient is None else patient
    grid = _grid(volume, regions, body, config)
    hu = upright_hu(volume, grid)
    measured = np.isfinite(hu)
    hu[~measured] = -1000.0
    own_metal = resample(metal.voxels, metal.grid, grid) > _METAL_SHARE
    inside = resample(body.inside.voxels, body.inside.grid, grid) > 0.5
    inside &= measured
    check_cancelled(monitor)
    spine = next((r for r in regions if r.hip is None), None)
    canal = known_canal
    if canal is None and spine is not None:
        canal = _canal(volume, metal, spine, config, monitor)
    canal_mask = None if canal is None else canal.mask(grid)
    check_cancelled(monitor)
    barred = None if canal is None else canal.mask(grid, margin_mm=-0.6).voxels
    within = np.where(inside, hu, np.float32(-1000.0))
    envelope = _bone(within, own_metal, barred, grid, regions, config, monitor)
    check_cancelled(monitor)
    bone = gap_bed(envelope, own_metal, barred, grid.spacing_mm[0], config=config.gap_bed)
    check_cancelled(monitor)
    seen = _Seen(grid, bone, own_metal, canal)
    zone = gas_zone(body, grid, margin_mm=config.gas_margin_mm, metal=Mask(grid, own_metal))
    named = _zones(seen, regions, config)
    for one in named:
        zone |= one.mask.voxels
    zone &= ~(bone | own_metal)
    zone |= _unknown(seen, regions, config) & ~own_metal
    zone |= ~measured
    return Survey(
        ct=Volume(grid, hu, ~measured),
        measured=Mask(grid, measured),
        metal=Mask(grid, own_metal),
        patient=body,
        body=Mask(grid, inside) if inside.any() else None,
        bone=Mask(grid, bone),
        envelope=Mask(grid, envelope),
        canal=canal,
        canal_mask=canal_mask,
        forbidden=Mask(grid, zone),
        zones=named,
        hips=tuple(r.hip for r in regions if r.hip is not None),
        findings=(*canal_findings(spine, canal), *skin_findings(volume, body, regions), *side_findings(regions)),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    grid: Grid
    bone: Bools
    metal: Bools
    canal: Canal | None


def _grid(volume: Volume, regions: tuple[Region, ...], body: Body, config: AnatomyConfig) -> Grid:
    boxes = np.concatenate([r.box_lps for r in regions])
    box = np.stack([boxes.min(axis=0), boxes.max(axis=0)])
    block = block_of(body.inside.grid, box)
    filled = block_round(body.inside.voxels[block], 0)
    if filled is not None:
        ends = np.array([[s.start for s in filled], [s.stop - 1 for s in filled]])
        within = body.inside.grid.to_lps(ends + [s.start for s in block])
        room = config.region.beyond_skin_mm
        box = np.stack([np.maximum(box[0], within.min(axis=0) - room), np.minimum(box[1], within.max(axis=0) + room)])
    scan = np.sort(volume.grid.corners_lps, axis=0)
    if np.any(box[0] > scan[-1]) or np.any(box[1] < scan[0]):
        raise SegmentationError("the implants lie outside the scan; were they found in this CT?")
    return working_grid(volume.grid, box, edge_mm=config.working_edge_mm, most_voxels=config.most_voxels)


def _canal(volume: Volume, metal: Mask, spine: Region, config: AnatomyConfig, monitor: Monitor) -> Canal | None:
    along = config.region.spine_along_mm + _CANAL_ALONG_MM
    room = np.array([_CANAL_ASIDE_MM, _CANAL_ASIDE_MM, along])
    box = np.stack([spine.metal_lps[0] - room, spine.metal_lps[1] + room])
    return find_canal(volume, metal=metal, box_lps=box, config=config.canal, monitor=monitor)


def _bone(
    hu: Floats,
    metal: Bools,
    barred: Bools | None,
    grid: Grid,
    regions: tuple[Region, ...],
    config: AnatomyConfig,
    monitor: Monitor,
) -> Bools:
    """Close bone near the metal, and show dense bone elsewhere."""
    edge = grid.spacing_mm[0]
    limit = bone_threshold_hu(hu[::3, ::3, ::3], config.bone)
    out = dense_bone(hu, metal, edge, limit_hu=limit, config=config.bone)
    if barred is not None:
        out &= ~barred
    for region in regions:
        box = region.metal_lps + np.array([[-1.0], [1.0]]) * config.region.envelope_mm
        block = block_of(grid, box)
        own = None if barred is None else barred[block]
        out[block] = bone_envelope(hu[block], metal[block], own, edge, config=config.bone, monitor=monitor)
    return out


def _zones(seen: _Seen, regions: tuple[Region, ...], config: AnatomyConfig) -> tuple[NamedZone, ...]:
    """Give the zones of every region on the whole grid, zones of one name as one."""
    whole: dict[str, tuple[Bools, str]] = {}
    for region in regions:
        block = _slices_of(seen.grid, region)
        own = _cropped(seen.grid, block)
        for zone in _zones_of(region, regions, seen.canal, own, config):
            mask, _ = whole.setdefault(zone.name, (np.zeros(seen.grid.shape, dtype=bool), zone.source))
            mask[block] |= zone.mask.voxels
    return tuple(NamedZone(name, Mask(seen.grid, mask), source) for name, (mask, source) in whole.items())


def _zones_of(
    region: Region, regions: tuple[Region, ...], canal: Canal | None, grid: Grid, config: AnatomyConfig
) -> tuple[NamedZone, ...]:
    if region.hip is None:
        return () if canal is None else spine_zones(canal, grid, before_mm=config.before_canal_mm)
    if region.hip.side is None:
        everything = Mask(grid, np.ones(grid.shape, dtype=bool))
        return (NamedZone(_SIDE_UNKNOWN, everything, "the side of the hip cannot be told"),)
    zones = hip_zones(region.hip.head_lps, region.hip.axis_lps, region.hip.side, grid, config=config.hip_zones)
    nearest = _nearest_hip(grid, region, regions)
    return tuple(NamedZone(z.name, Mask(grid, z.mask.voxels & nearest), z.source) for z in zones)


def _nearest_hip(grid: Grid, region: Region, regions: tuple[Region, ...]) -> Bools:
    """Say which columns lie nearer to this hip than to the other."""
    x = grid.lps_from_index[0, 3] + grid.spacing_mm[2] * np.arange(grid.shape[2])
    heads = [r.hip.head_lps[0] for r in regions if r.hip is not None]
    assert region.hip is not None
    away = np.abs(x - region.hip.head_lps[0])
    return np.asarray(away <= np.min([np.abs(x - h) for h in heads], axis=0))


def _unknown(seen: _Seen, regions: tuple[Region, ...], config: AnatomyConfig) -> Bools:
    """Give what may be canal for all that is known, near spinal metal."""
    out = np.zeros(seen.grid.shape, dtype=bool)
    for region in regions:
        if region.hip is not None:
            continue
        block = _slices_of(seen.grid, region)
        if seen.canal is None:
            out[block] = True
        else:
            out[block] = beyond_canal(seen.canal, _cropped(seen.grid, block), reach_mm=config.unknown_beside_mm)
    return out


def _slices_of(grid: Grid, region: Region) -> tuple[slice, slice, slice]:
    return block_of(grid, region.box_lps)[0], slice(0, grid.shape[1]), slice(0, grid.shape[2])


def _cropped(grid: Grid, block: tuple[slice, slice, slice]) -> Grid:
    z, y, x = block
    return grid.crop((z.start, y.start, x.start), (z.stop, y.stop, x.stop))
