"""Clefts in fractured vertebral bodies: flat spaces of gas or fluid within condensed bone, measured to sub-voxel."""

from dataclasses import dataclass

import cc3d
import edt
import numpy as np
from scipy import ndimage as ndi

from planner.config.fracture_config import CleftConfig, SpineTargetConfig
from planner.geometry.frames import Array, PointsLps, point_tuple, points_lps
from planner.geometry.grid import Grid
from planner.model.gap import Gap, GapWidth, Interval
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, check_cancelled
from planner.segment.anatomy.endplates import VertebralBody
from planner.segment.anatomy.vertebrae import SpineBones
from planner.segment.candidacy.body_columns import frame_on, known_plate
from planner.segment.candidacy.fractures import LevelHeights
from planner.segment.gaps.cleft_walls import Walls, find_walls, footprint, plane_through
from planner.segment.trust import TrustMap
from planner.segment.upright import Bools

DEFAULT = SpineTargetConfig()
_Z90 = 1.645
"""Half a 90 % interval of the normal law, in standard deviations."""
_MARROW_FROM = (3.0, 5.0)
"""Marrow is read so far from the body's surface, and from metal, mm."""
_FEWEST = 300
_RIM_MM = (0.9, 2.6)
"""Where a cleft's wall is read, from its edge."""
_SIDE_MM = 2.0
_FULLY_INSIDE = 10.0
"""Percentile of a cleft's readings that blur has not raised."""
_BLOCK_MM = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class SpineGap:
    """A lucent space of the spine besides halos.

    Parameters
    ----------
    record : Gap
        The plan's record; its id is the place's, unique among these.
    mask : Mask
        Its voxels, on the CT's grid.
    is_gas : bool
        It holds gas.
    """

    record: Gap
    mask: Mask
    is_gas: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Inside:
    """A body's inside, cut out of the working grid."""

    grid: Grid
    hu: Array
    own: Bools
    readable: Bools
    marrow_hu: float
    up: Array


def measure_clefts(
    volume: Volume,
    ct: Volume,
    *,
    spine: SpineBones,
    levels: tuple[LevelHeights, ...],
    metal: Mask,
    taken: tuple[Mask, ...] = (),
    trust: TrustMap | None = None,
    config: SpineTargetConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> tuple[SpineGap, ...]:
    """Measure the clefts of fractured levels.

    Parameters
    ----------
    volume : Volume
        The original CT: walls are read there.
    ct : Volume
        The same on the upright working grid.
    spine : SpineBones
        Vertebrae, told apart on the working grid.
    levels : tuple of LevelHeights
        What each body has lost. Bodies that have lost little, or were not measured, are passed over: veins, fat and
        streaks look like clefts (two of two that were found there on the tuning spines were none).
    metal : Mask
        All metal, on the working grid.
    taken : tuple of Mask
        Gaps found already, on the working grid: no part of a cleft.
    trust : TrustMap or None
        What metal artefacts leave readable.
    config : SpineTargetConfig
        Settings.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    tuple of SpineGap
        At most one a level; kind "fracture_level", without an implant.

    Raises
    ------
    GeometryError
        If a mask lies on another grid than `ct`.
    CancelledError
        If the monitor stops the work.

    Notes
    -----
    A cleft is a dark, flat space, about as level as its endplates, that holds gas or has a wall of bone denser than the
    body's marrow: trabeculae condense about a non-union (doi 10.4184/asj.2013.7.2.148 on the sign and its look). Trust
    is the map's at its place, times the share of it whose walls were read.
    """
    for mask in (metal, *taken):
        ct.grid.require_same(mask.grid)
    places = {bone.name: n for n, bone in enumerate(spine.bones, start=1)}
    lost = {one.bone: one for one in levels}
    found = []
    for body in spine.bodies:
        check_cancelled(monitor)
        one = lost.get(body.bone)
        if one is None or one.loss is None or one.loss < config.fractures.mild_loss:
            continue
        inside = _inside(ct, body, spine.labels == places[body.bone], metal, taken, config.clefts)
        if inside is None:
            continue
        gap = _cleft(volume, inside, one, trust, config)
        if gap is not None:
            found.append(gap)
    return tuple(found)


def _inside(
    ct: Volume, body: VertebralBody, own: Bools, metal: Mask, taken: tuple[Mask, ...], config: CleftConfig
) -> _Inside | None:
    plate = known_plate(body)
    if plate is None or not own.any():
        return None
    axes = frame_on(plate, body)
    block = _block(own, ct.grid)
    grid = ct.grid.crop((block[0].start, block[1].start, block[2].start), (block[0].stop, block[1].stop, block[2].stop))
    own = own[block]
    cells = np.argwhere(own)
    local = (np.asarray(grid.to_lps(cells)) - plate.centre_lps) @ axes
    # the body without its arch: pedicles have veins and screws of their own
    within = (np.abs(local[:, 0]) < body.half_width_mm + _SIDE_MM) & (np.abs(local[:, 1]) < body.depth_mm / 2 + 1.0)
    core = np.zeros(own.shape, dtype=bool)
    core[tuple(cells[within].T)] = True
    spacing = grid.spacing_mm
    deep = edt.edt(own, anisotropy=spacing, parallel=2)
    away = edt.edt(~metal.voxels[block], anisotropy=spacing, parallel=2)
    free = ~np.any([ndi.binary_dilation(t.voxels[block], iterations=2) for t in taken], axis=0) if taken else True
    hu = np.asarray(ct.hu[block], dtype=np.float64)
    marrow = core & (deep > _MARROW_FROM[0]) & (away > _MARROW_FROM[1]) & free
    if np.count_nonzero(marrow) < _FEWEST:
        return None
    readable = core & (deep > config.wall_mm) & (away > config.metal_mm) & free
    return _Inside(grid, hu, own, np.asarray(readable), float(np.median(hu[marrow])), axes[:, 2])


def _block(own: Bools, grid: Grid) -> tuple[slice, slice, slice]:
    z, y, x = ndi.find_objects(own.astype(np.int8))[0]
    room = [int(np.ceil(_BLOCK_MM / s)) for s in grid.spacing_mm]
    a, b, c = (slice(max(0, s.start - r), s.stop + r) for s, r in zip((z, y, x), room, strict=True))
    return (
        slice(a.start, min(a.stop, grid.shape[0])),
        slice(b.start, min(b.stop, grid.shape[1])),
        slice(c.start, min(c.stop, grid.shape[2])),
    )


def _cleft(
    volume: Volume, inside: _Inside, one: LevelHeights, trust: TrustMap | None, config: SpineTargetConfig
) -> SpineGap | None:
    own = config.clefts
    limit = own.fluid_hu + own.lucent_share * max(inside.marrow_hu - own.fluid_hu, 0.0)
    # clefts in very dense, freshly condensed bone are still no denser than fluid with some blur
    dark = inside.readable & (ndi.gaussian_filter(inside.hu, 0.6) < limit)
    labels, count = cc3d.connected_components(dark, connectivity=6, return_N=True)
    sizes = np.bincount(labels.ravel())[1:]
    least = own.least_ml * 1000.0 / inside.grid.voxel_volume_mm3
    for number in 1 + np.argsort(-sizes)[:count]:
        if sizes[number - 1] < least:
            break
        space = labels == number
        if not _is_cleft(inside, space, own):
            continue
        gap = _measured(volume, inside, space, one, trust, config)
        if gap is not None:
            return gap
    return None


def _is_cleft(inside: _Inside, space: Bools, config: CleftConfig) -> bool:
    """Tell a cleft from lobules of fat, veins and streaks."""
    points = np.asarray(inside.grid.to_lps(np.argwhere(space)))
    values, ways = np.linalg.eigh(np.cov((points - points.mean(axis=0)).T))
    thick, deep = np.sqrt(np.maximum(values[:2], 1e-9))
    level = abs(float(ways[:, 0] @ inside.up))
    if thick > config.flattest * deep or level < np.cos(np.radians(config.steepest_deg)):
        return False
    off = edt.edt(~space, anisotropy=inside.grid.spacing_mm, parallel=2)
    rim = inside.own & (off > _RIM_MM[0]) & (off < _RIM_MM[1])
    if not rim.any():
        return False
    reads, wall = float(np.median(inside.hu[space])), float(np.median(inside.hu[rim]))
    is_gas = reads < config.gas_hu
    return wall - reads >= config.least_contrast_hu and (is_gas or wall - inside.marrow_hu >= config.least_rise_hu)


def _measured(
    volume: Volume,
    inside: _Inside,
    space: Bools,
    one: LevelHeights,
    trust: TrustMap | None,
    config: SpineTargetConfig,
) -> SpineGap | None:
    own = config.clefts
    points = points_lps(inside.grid.to_lps(np.argwhere(space)))
    floor = float(np.percentile(inside.hu[space], _FULLY_INSIDE))
    is_gas = float(np.median(inside.hu[space])) < own.gas_hu
    plane = plane_through(points, inside.up, margin_mm=own.beyond_mm + 1.0)
    walls = find_walls(
        volume,
        plane,
        footprint(plane, points),
        inside_hu=floor if is_gas else max(floor, 0.0),
        reach_mm=own.reach_mm,
        beyond_mm=own.beyond_mm,
        least_width_mm=own.least_width_mm,
        least_contrast_hu=own.least_contrast_hu / 2,
    )
    if walls.volume_ml < own.least_ml:
        return None
    sd_mm = float(np.hypot(own.edge_sd_mm, own.slice_sd * max(volume.grid.spacing_mm)))
    record = _record(walls, one, _trust(walls, points, trust), sd_mm, config)
    return SpineGap(record, walls.paint(volume.grid), is_gas)


def _trust(walls: Walls, points: PointsLps, trust: TrustMap | None) -> float:
    read = footprint(walls.plane, points)
    share = float(np.count_nonzero(walls.open & read)) / max(1, int(np.count_nonzero(read)))
    return min(1.0, share) * (1.0 if trust is None else float(np.sqrt(np.mean(trust.trust_at(points)))))


def _record(walls: Walls, one: LevelHeights, trust: float, sd_mm: float, config: SpineTargetConfig) -> Gap:
    estimate, width = walls.volume_ml, walls.width_mm[walls.open]
    spread = (2.0 - trust) * sd_mm * walls.area_mm2 / 1000.0
    whole = Interval(estimate=estimate, low=max(0.0, estimate - _Z90 * spread), high=estimate + _Z90 * spread)
    return Gap(
        id=f"gap-{one.bone}-cleft",
        implant_id=None,
        level=one.level,
        kind="fracture_level",
        zones=(),
        volume_ml=whole,
        expected_fill_ml=None,
        width_mm=GapWidth(median=float(np.median(width)), p95=float(np.percentile(width, 95)), max=float(width.max())),
        interface_fraction=None,
        centroid_lps=point_tuple(walls.centroid_lps),
        trust=trust,
    )
