"""The space that cement can run through: gaps and the cancellous bone beside them, and the ways out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.flow_config import FlowConfig
from planner.errors import GeometryError
from planner.fill.gap_width import gap_width_mm
from planner.fill.openings import FlowExit, GapField, Mouth, mouths
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.cement_fill import InterfaceTissue

_BOX_MM = 2.0
"""Free voxels round everything that cement may reach, for filters."""


@dataclass(frozen=True, slots=True, eq=False)
class FlowSpace:
    """What cement can run through, voxel by voxel, numbered in the grid's order.

    Parameters
    ----------
    grid : Grid
        A block of the working grid.
    tissue : InterfaceTissue
        Whether the gaps' tissue was left in place.
    gap_ids : tuple of str
        The gaps; `gap_code` counts them from 1.
    index : ndarray of int32, shape (grid.shape)
        Number of each voxel; -1 where cement cannot go.
    capacity_mm3 : ndarray, shape (N,)
        Volume of cement that each takes.
    gap_share : ndarray, shape (N,)
        Which share of that belongs to its gap; the rest is cancellous bone's.
    gap_code : ndarray of uint8, shape (N,)
        Its gap; 0 for none.
    in_gap : ndarray of bool, shape (N,)
        Whether its centre lies in a gap. A gap's volume is spread over its next voxels, so that slits of one voxel
        conduct the same whichever way they lie.
    neighbour : ndarray of int32, shape (N, 6)
        Next voxels: see `planner.fill.front`.
    conductance : ndarray, shape (N, 6)
        Permeability times area over distance, mm3.
    exits : tuple of FlowExit
        The ways out.
    mouths : tuple of Mouth
        The part of the gaps that empties through each; without a voxel where it lies at none.
    exit_conductance : ndarray, shape (N,)
        Of all open ones, mm3.
    """

    grid: Grid
    tissue: InterfaceTissue
    gap_ids: tuple[str, ...]
    index: npt.NDArray[np.int32]
    capacity_mm3: Array
    gap_share: Array
    gap_code: npt.NDArray[np.uint8]
    in_gap: npt.NDArray[np.bool_]
    neighbour: npt.NDArray[np.int32]
    conductance: Array
    exits: tuple[FlowExit, ...]
    mouths: tuple[Mouth, ...]
    exit_conductance: Array

    def capacity_ml(self, gap_id: str) -> float:
        """Give the volume of cement that one gap takes, mL; of a gap that is only partly in the block, of that part."""
        mine = self.gap_code == self.gap_ids.index(gap_id) + 1
        return float((self.capacity_mm3 * self.gap_share)[mine].sum() / 1000.0)


def flow_space(
    anatomy: Anatomy,
    volumes_ml: Mapping[str, float | None],
    exits: Sequence[FlowExit],
    config: FlowConfig,
    *,
    target: str,
    tissue: InterfaceTissue | None = None,
) -> FlowSpace:
    """Lay out what cement can run through round one gap.

    Parameters
    ----------
    anatomy : Anatomy
        CT, metal, bone, gaps, compartments.
    volumes_ml : Mapping of str to float or None
        The gaps' measured volumes, finer than voxels: capacities are made to sum up to them, and widths to agree. A
        gap that has none counts by its voxels.
    exits : sequence of FlowExit
        Where cement may leave.
    config : FlowConfig
        What cement enters, and how easily.
    target : str
        The gap round which the block is cut; other gaps in it are entered too.
    tissue : InterfaceTissue or None
        Whether the gaps' tissue was left in place; None as the settings say.

    Returns
    -------
    FlowSpace
        Metal, cortex, soft tissue, canal, discs and joints are not part of it.

    Raises
    ------
    GeometryError
        If the anatomy has no such gap, or it has no voxel.
    """
    tissue = config.interface_tissue if tissue is None else tissue
    block = _block(anatomy, target, config.beside_mm + _BOX_MM)
    start = (block[0].start, block[1].start, block[2].start)
    grid = anatomy.grid.crop(start, (block[0].stop, block[1].stop, block[2].stop))
    metal = anatomy.metal.voxels[block]
    gaps = [gap for gap in anatomy.gaps if gap.mask.voxels[block].any()]
    codes = np.zeros(grid.shape, np.uint8)
    for number, gap in enumerate(gaps, start=1):
        codes[gap.mask.voxels[block] & ~metal & (codes == 0)] = number
    size, ease = _gap_scales(gaps, volumes_ml, anatomy.grid, config.share_of(tissue))
    free = ~metal | _outermost(metal)
    width = np.maximum(
        gap_width_mm(codes > 0, grid.spacing_mm, window_mm=config.width_window_mm), config.least_width_mm
    )
    spread = _spread(codes > 0, free)
    of_gap = _spread(np.where(codes > 0, ease[codes] * np.square(width) / 12.0, 0.0), free)
    near = spread > 0.0
    owner = _owner(codes, near)
    bone, pores, of_bone = _cancellous(anatomy, block, _beside(codes > 0, grid, config.beside_mm), config)
    of_bone *= bone * np.clip(1.0 - spread, 0.0, 1.0)
    held = spread * size[owner]
    # a voxel fills as a whole: what a gap is spread over would fill its pores as readily as the gap
    pores *= bone * ~near * config.pore_share
    capacity = (held + pores) * grid.voxel_volume_mm3
    usable = (capacity > 1e-3 * grid.voxel_volume_mm3) & (of_gap + of_bone > 0.0)
    index = np.full(grid.shape, -1, np.int32)
    index[usable] = np.arange(np.count_nonzero(usable), dtype=np.int32)
    neighbour, conductance = _links(
        index, usable, owner, of_gap + of_bone, codes, grid, config.wall_open_in_place if tissue == "in_place" else 1.0
    )
    found = mouths(exits, GapField(grid, codes, owner, spread, width, index))
    return FlowSpace(
        grid=grid,
        tissue=tissue,
        gap_ids=tuple(gap.id for gap in gaps),
        index=index,
        capacity_mm3=capacity[usable],
        gap_share=(held / np.maximum(held + pores, 1e-12))[usable],
        gap_code=np.where(near, owner, 0)[usable].astype(np.uint8),
        in_gap=(codes > 0)[usable],
        neighbour=neighbour,
        conductance=conductance,
        exits=tuple(exits),
        mouths=found,
        exit_conductance=_let_out(exits, found, int(np.count_nonzero(usable)), config),
    )


def _block(anatomy: Anatomy, target: str, margin_mm: float) -> tuple[slice, slice, slice]:
    space = next((gap for gap in anatomy.gaps if gap.id == target), None)
    if space is None or not space.mask.voxels.any():
        raise GeometryError(f"no gap {target} with voxels to let cement run through")
    (found,) = ndimage.find_objects(space.mask.voxels.astype(np.uint8))
    pad = np.ceil(margin_mm / np.array(anatomy.grid.spacing_mm)).astype(int)
    sizes = anatomy.grid.shape
    low = [max(0, s.start - int(p)) for s, p in zip(found, pad, strict=True)]
    high = [min(n, s.stop + int(p)) for s, p, n in zip(found, pad, sizes, strict=True)]
    return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])


def _gap_scales(
    gaps: Sequence[GapSpace], volumes_ml: Mapping[str, float | None], grid: Grid, share: float
) -> tuple[Array, Array]:
    """Give, by code, cement over counted volume, and permeability over that of the counted width squared over 12."""
    size, ease = [0.0], [0.0]
    for gap in gaps:
        counted_ml = np.count_nonzero(gap.mask.voxels) * grid.voxel_volume_mm3 / 1000.0
        told = volumes_ml.get(gap.id)
        finer = 1.0 if told is None else told / counted_ml
        size.append(finer * share)
        # the wall is as long as it was counted: what is not volume is width, and a slit passes its cube. Tissue lies in
        # patches from wall to wall: cement passes between them through the gap's whole width, so its share counts once
        ease.append(finer**3 * share)
    return np.array(size), np.array(ease)


def _outermost(metal: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Give metal that is so thick that what is spread over it from either side cannot meet: five voxels."""
    thick = ndimage.minimum_filter(metal.astype(np.uint8), size=5, mode="nearest")
    return np.asarray(ndimage.maximum_filter(thick, size=5, mode="nearest") > 0)


def _spread(values: npt.NDArray[Any], free: npt.NDArray[np.bool_]) -> Array:
    """Spread what gap voxels have over their next voxels, over thin metal not; its sum stays."""
    room = _binomial(free.astype(np.float64))
    return np.asarray(np.where(free, _binomial(values / np.maximum(room, 1e-9)), 0.0))


def _binomial(field: Array) -> Array:
    for axis in range(3):
        field = ndimage.correlate1d(field, [0.25, 0.5, 0.25], axis=axis, mode="constant")
    return field


def _owner(codes: npt.NDArray[np.uint8], near: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Give each voxel that a gap is spread over to the gap nearest to it."""
    owner = codes.astype(np.intp)
    for size in (ndimage.generate_binary_structure(3, 1), np.ones((3, 3, 3), bool)):
        empty = near & (owner == 0)
        owner[empty] = ndimage.grey_dilation(owner, footprint=size, mode="constant")[empty]
    return np.where(near, owner, 0)


def _beside(gap: npt.NDArray[np.bool_], grid: Grid, reach_mm: float) -> npt.NDArray[np.bool_]:
    """Give what is no gap, but as near to one as the settings say."""
    if not gap.any():
        return gap
    away = ndimage.distance_transform_edt(~gap, sampling=grid.spacing_mm)
    return np.asarray((away > 0.0) & (away <= reach_mm))


def _cancellous(
    anatomy: Anatomy, block: tuple[slice, slice, slice], beside: npt.NDArray[np.bool_], config: FlowConfig
) -> tuple[npt.NDArray[np.bool_], Array, Array]:
    """Find cancellous bone, its porosity, and its permeability (Kozeny and Carman), mm2."""
    hu = anatomy.ct.hu[block].astype(np.float64)
    bone = anatomy.bone.voxels[block] & ~anatomy.metal.voxels[block] & beside & (hu < config.closed_hu)
    for other in (anatomy.canal, anatomy.disc, anatomy.joint, anatomy.foramen):
        if other is not None:
            bone &= ~other.voxels[block]
    solid = np.clip((hu - config.marrow_hu) / (config.solid_hu - config.marrow_hu), config.least_bone_share, 1.0)
    pores = 1.0 - solid
    surface = 2.0 / config.trabecula_mm * solid
    return bone, pores, np.asarray(config.marrow_share * pores**3 / (config.kozeny * np.square(surface)))


def _links(
    index: npt.NDArray[np.int32],
    usable: npt.NDArray[np.bool_],
    owner: npt.NDArray[np.intp],
    permeability: Array,
    codes: npt.NDArray[np.uint8],
    grid: Grid,
    wall_open: float,
) -> tuple[npt.NDArray[np.int32], Array]:
    """Join voxels to their next ones; two gaps whose voxels do not touch are not joined by what is spread of them.

    Between gap and bone lies a membrane, open over a share of the wall.
    """
    count = int(index.max()) + 1
    neighbour = np.repeat(np.arange(count, dtype=np.int32)[:, None], 6, axis=1)
    conductance = np.zeros((count, 6))
    for axis in range(3):
        low = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        both = usable[low] & usable[high]
        apart = (owner[low] > 0) & (owner[high] > 0) & (owner[low] != owner[high])
        both &= ~apart | ((codes[low] > 0) & (codes[high] > 0))
        first, second = index[low][both], index[high][both]
        one, two = permeability[low][both], permeability[high][both]
        spread = (owner[low] > 0)[both] & (owner[high] > 0)[both]
        # within what is spread of a gap conductances add up across it; else half voxels lie in series
        mean = np.where(spread, 0.5 * (one + two), 2.0 * one * two / np.maximum(one + two, 1e-30))
        mean *= np.where((owner[low] > 0)[both] != (owner[high] > 0)[both], wall_open, 1.0)
        value = mean * grid.voxel_volume_mm3 / grid.spacing_mm[axis] ** 2
        neighbour[first, 3 + axis], conductance[first, 3 + axis] = second, value
        neighbour[second, axis], conductance[second, axis] = first, value
    return neighbour, conductance


def _let_out(exits: Sequence[FlowExit], found: Sequence[Mouth], count: int, config: FlowConfig) -> Array:
    """Sum the conductances of all openings, by voxel."""
    leaks = np.zeros(count)
    for way_out, mouth in zip(exits, found, strict=True):
        if way_out.is_open or config.thin_walls_give_way:
            leaks[mouth.voxels] += way_out.conductance_mm3 * mouth.share
    return leaks
