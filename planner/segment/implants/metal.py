"""Metal by the scan's own plateau and clipping level."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cc3d
import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.implant_config import ImplantConfig
from planner.config.metal_config import MetalConfig
from planner.errors import InputError
from planner.geometry.frames import Array
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.body import Body
from planner.segment.blocks import block_round
from planner.segment.implants.asides import Aside, BrightPiece, tell_asides, tell_dim
from planner.segment.implants.ceiling import AT_CEILING, clipping_level_hu
from planner.segment.implants.metal_levels import local_half_maximum, tissue_noise_hu
from planner.segment.implants.starved import is_starved, within_height

__all__ = ["Metal", "clipping_level_hu", "find_metal"]

Block = tuple[slice, slice, slice]
Bools = npt.NDArray[np.bool_]

_CELL = 4
"""Edge of the lattice's cells, in voxels, on which bright voxels are gathered into blocks of work."""


@dataclass(frozen=True, slots=True, eq=False)
class Metal:
    """Where the metal is, and how bright it shows.

    Parameters
    ----------
    mask : Mask
        All metal, on the CT's grid.
    pieces : ndarray of unsigned int, shape ``mask.grid.shape``
        Connected pieces, 1, 2, ...; 0 elsewhere. Of the smallest type that holds their count: a whole CT of four bytes
        a voxel is twice the CT.
    blocks : tuple of tuple of slice
        Bounding box of each piece, in their order.
    level_hu : float
        What lies above it is metal, of the metal with the most voxels; pieces of another metal have other levels.
    plateau_hu : float
        Median HU inside the metal; titanium's where the scan is clipped below that.
    clipped_at_hu : float or None
        Where the scan is cut off; None where it isn't.
    noise_hu : float or None
        Standard deviation of soft tissue's voxels; None where none was seen.
    levels_hu, plateaus_hu : tuple of float
        The same as above of each piece alone.
    at_edge : tuple of bool
        Which pieces touch the end of the data, or its padding.
    starved : tuple of bool
        Which pieces are clipped heavy metal that no quanta came through: their saturated voxels are wider than they,
        in the slices' plane, and the mask was narrowed to their height.
    asides : tuple of Aside
        What is as bright and is positively no orthopaedic implant; not among the pieces.
    patient : Body or None
        The patient in this CT, where the skin was looked for to tell such things; it takes a second to find.
    """

    mask: Mask
    pieces: npt.NDArray[np.unsignedinteger]
    blocks: tuple[Block, ...]
    level_hu: float
    plateau_hu: float
    clipped_at_hu: float | None
    noise_hu: float | None = None
    levels_hu: tuple[float, ...] = ()
    plateaus_hu: tuple[float, ...] = ()
    at_edge: tuple[bool, ...] = ()
    starved: tuple[bool, ...] = ()
    asides: tuple[Aside, ...] = ()
    patient: Body | None = None

    @property
    def is_clipped(self) -> bool:
        """Whether the plateau of the metal with the most voxels is hidden above the clipping level."""
        return self.is_hidden(self.plateau_hu)

    def hides(self, piece: int) -> bool:
        """Whether a piece's plateau (numbered from 1) is hidden above the clipping level."""
        return self.is_hidden(self.plateaus_hu[piece - 1] if self.plateaus_hu else self.plateau_hu)

    def piece_level_hu(self, piece: int) -> float:
        """Level of a piece, numbered from 1; that of all metal where the pieces have none of their own."""
        return self.levels_hu[piece - 1] if self.levels_hu else self.level_hu

    def piece_along(self, points_lps: Array) -> int | None:
        """Give the piece that most of some places lie in.

        Parameters
        ----------
        points_lps : ndarray, shape (N, 3)
            LPS mm.

        Returns
        -------
        int or None
            Its number, from 1; None where no piece is there.
        """
        index = np.rint(self.mask.grid.to_index(points_lps)).astype(int)
        index = index[np.all((index >= 0) & (index < self.mask.grid.shape), axis=1)]
        numbers = self.pieces[tuple(index.T)]
        numbers = numbers[numbers > 0]
        return int(np.bincount(numbers).argmax()) if len(numbers) else None

    def is_hidden(self, plateau_hu: float) -> bool:
        """Whether metal that shows such a plateau, or is presumed to have it, is brighter than the scan can show."""
        return self.clipped_at_hu is not None and plateau_hu >= AT_CEILING * self.clipped_at_hu


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """One connected piece."""

    block: Block
    own: Bools
    level_hu: float
    plateau_hu: float
    starved: bool
    ball_mm: float


def find_metal(volume: Volume, config: ImplantConfig, *, monitor: Monitor = SILENT) -> Metal:
    """Find the metal: at half of its own plateau, or of titanium's where the scan is clipped below that.

    Streaks go: what is too small, nowhere as bright as metal, dim beside brighter metal, or a thin web next to a piece.

    Parameters
    ----------
    volume : Volume
        The original CT.
    config : ImplantConfig
        The thresholds, in its part `metal`.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    Metal
        Without pieces where there is no metal.

    Raises
    ------
    InputError
        If a voxel's HU is NaN or infinite.
    CancelledError
        If the monitor stops the work.
    """
    monitor.report(Progress("finding metal"))
    check_cancelled(monitor)
    _refuse_what_is_no_number(volume)
    own, grid, hu = config.metal, volume.grid, volume.hu
    noise = tissue_noise_hu(hu)
    bright = np.greater(hu, own.least_level_hu)
    if not bright.any():
        pieces = np.zeros(grid.shape, dtype=np.uint8)
        return Metal(Mask(grid, pieces > 0), pieces, (), own.least_level_hu, 0.0, None, noise)
    clipped = clipping_level_hu(_picked(hu, bright), least_pile=own.least_pile)
    if clipped is not None and own.ceiling_share * clipped < own.least_level_hu:
        bright = np.greater(hu, own.ceiling_share * clipped)
    found: list[_Found] = []
    rest: list[tuple[Block, Bools]] = []
    for block, is_own in _blocks_of_work(bright, least=config.asides.clip_mm3 / grid.voxel_volume_mm3):
        check_cancelled(monitor)
        new = _pieces_of_block(hu[block], block, is_own, grid.spacing_mm, clipped, own)
        found += new
        if not new:
            rest.append((block, is_own))
    found = _without_webs(found, grid.spacing_mm, own)
    seen = [_bright(p.block, p.own, hu, p.ball_mm) for p in found]
    told, patient = tell_asides(volume, seen, config.asides, monitor=monitor)
    reach = np.ceil(own.streak_reach_mm / np.array(grid.spacing_mm))
    dim = [_bright(b, o, hu, 0.0) for b, o in rest if not any(_is_near(b, p.block, reach) for p in found)]
    asides = (*(aside for aside in told if aside is not None), *tell_dim(volume, dim, config.asides))
    found = [piece for piece, aside in zip(found, told, strict=True) if aside is None]
    metal = np.zeros(grid.shape, dtype=bool)
    pieces = np.zeros(grid.shape, dtype=np.min_scalar_type(len(found)))
    for number, piece in enumerate(found, start=1):
        pieces[piece.block][piece.own] = number
        metal[piece.block] |= piece.own
    weight = np.array([np.count_nonzero(piece.own) for piece in found], dtype=float)
    return Metal(
        mask=Mask(grid, metal),
        pieces=pieces,
        blocks=tuple(piece.block for piece in found),
        level_hu=_weighted_median([p.level_hu for p in found], weight, own.least_level_hu),
        plateau_hu=_weighted_median([p.plateau_hu for p in found], weight, 0.0),
        clipped_at_hu=clipped,
        noise_hu=noise,
        levels_hu=tuple(p.level_hu for p in found),
        plateaus_hu=tuple(p.plateau_hu for p in found),
        at_edge=tuple(_at_edge(volume, p) for p in found),
        starved=tuple(p.starved for p in found),
        asides=asides,
        patient=patient,
    )


def _picked(hu: npt.NDArray[Any], where: Bools) -> npt.NDArray[Any]:
    """Read the voxels of a mask; only the block round it is gone through."""
    block = block_round(where, 0)
    return hu[where] if block is None else hu[block][where[block]]


def _refuse_what_is_no_number(volume: Volume) -> None:
    if not np.issubdtype(volume.hu.dtype, np.floating):
        return
    bad = ~np.isfinite(volume.hu)
    if bad.any():
        first = np.argwhere(bad)[0]
        place = ", ".join(f"{x:.1f}" for x in np.asarray(volume.grid.to_lps(first)))
        raise InputError(
            f"{np.count_nonzero(bad)} voxels of the CT are NaN or infinite, the first at slice {first[0]}, row "
            f"{first[1]}, column {first[2]} (LPS {place} mm): set them to air and mark them as padding"
        )


def _pieces_of_block(
    hu: npt.NDArray[Any], block: Block, is_own: Bools, spacing_mm: tuple[float, float, float],
    clipped: float | None, config: MetalConfig,
) -> list[_Found]:  # fmt: skip
    plateau_hu: npt.NDArray[np.float32] | None = None
    seed = config.least_seed_hu if clipped is None else min(config.least_seed_hu, 0.95 * clipped)
    if hu.max() < seed:
        return []
    level = config.clipped_level_share * config.titanium_hu
    level = level if clipped is None else min(level, config.ceiling_share * clipped)
    starved = is_starved(hu, level_hu=level, spacing_mm=spacing_mm, config=config, ceiling_hu=clipped)
    if clipped is not None and clipped < config.titanium_hu:
        voxels = _without_rim(hu, level, clipped, spacing_mm, config)
        if starved:
            voxels = within_height(voxels, spacing_mm=spacing_mm, config=config, ceiling_hu=clipped)
    else:
        support = config.starved_support_share if starved else config.support_share
        told = local_half_maximum(hu, spacing_mm=spacing_mm, config=config, support_share=support)
        voxels, plateau_hu = told.voxels, told.plateau_hu
    voxels &= is_own
    labels = cc3d.connected_components(voxels.astype(np.uint8), connectivity=26)
    least = config.least_piece_mm3 / float(np.prod(spacing_mm))
    sizes = np.bincount(labels.ravel())
    found = []
    for number, inner in enumerate(ndimage.find_objects(labels.astype(np.int32)), start=1):
        if inner is None or sizes[number] < least:
            continue
        own = labels[inner] == number
        if hu[inner][own].max() < seed:
            continue
        if plateau_hu is None:
            plateau, cut = config.titanium_hu, level
        else:
            plateau = float(np.median(plateau_hu[inner][own]))
            cut = max(config.least_level_hu, 0.5 * (plateau + config.bone_hu))
        found.append(_Found(_moved(inner, block), own, cut, plateau, starved, _ball_mm(own, spacing_mm)))
    return found


def _bright(block: Block, own: Bools, hu: npt.NDArray[Any], ball_mm: float) -> BrightPiece:
    return BrightPiece(block, own, ball_mm, float(hu[block][own].max()))


def _without_rim(
    hu: npt.NDArray[Any], level: float, clipped: float, spacing_mm: tuple[float, float, float], config: MetalConfig
) -> Bools:
    """Cut the rim of blur off clipped metal, and leave what is dim in its depth (noise, ceramic)."""
    voxels: Bools = hu > level
    depth = edt.edt(voxels.astype(np.uint8), anisotropy=spacing_mm, parallel=1)
    return np.asarray(voxels & ((hu > config.clipped_mask_share * clipped) | (depth > config.core_reach_mm)))


def _without_webs(found: list[_Found], spacing_mm: tuple[float, float, float], config: MetalConfig) -> list[_Found]:
    """Drop thin pieces beside greater ones: the streaks that these throw."""
    reach = np.ceil(config.streak_reach_mm / np.array(spacing_mm))
    kept = []
    for piece in found:
        near = [q for q in found if q.ball_mm > config.web_mm and _is_near(piece.block, q.block, reach)]
        greater = [q for q in near if np.count_nonzero(q.own) > 3 * np.count_nonzero(piece.own)]
        if not greater or piece.ball_mm > config.web_mm:
            kept.append(piece)
    return kept


def _is_near(a: Block, b: Block, reach: npt.NDArray[np.float64]) -> bool:
    return all(s.start - r <= t.stop and t.start - r <= s.stop for s, t, r in zip(a, b, reach, strict=True))


def _ball_mm(own: Bools, spacing_mm: tuple[float, float, float]) -> float:
    """Radius of the largest ball inside, from the surface half a voxel out."""
    depth = edt.edt(np.pad(own, 1).astype(np.uint8), anisotropy=spacing_mm, parallel=1)
    return float(depth.max()) - 0.5 * min(spacing_mm)


def _at_edge(volume: Volume, piece: _Found) -> bool:
    grid, block = volume.grid, piece.block
    for axis, (side, size) in enumerate(zip(block, grid.shape, strict=True)):
        if side.start == 0 and piece.own.take(0, axis=axis).any():
            return True
        if side.stop == size and piece.own.take(-1, axis=axis).any():
            return True
    if volume.padding is None:
        return False
    low = [max(0, s.start - 2) for s in block]
    wide = tuple(slice(a, s.stop + 2) for a, s in zip(low, block, strict=True))
    padding = volume.padding[wide]
    if not padding.any():
        return False
    own = np.zeros(padding.shape, dtype=bool)
    own[tuple(slice(s.start - a, s.stop - a) for a, s in zip(low, block, strict=True))] = piece.own
    return bool((ndimage.binary_dilation(own, iterations=2) & padding).any())


def _blocks_of_work(bright: Bools, *, least: float) -> Iterator[tuple[Block, Bools]]:
    """Gather bright voxels that lie near to each other, in boxes with a margin of a cell; few voxels are left out."""
    coarse = bright
    for axis in range(3):
        coarse = _any_of_cells(coarse, axis)
    labels = cc3d.connected_components(coarse.astype(np.uint8), connectivity=26)
    for number, box in enumerate(ndimage.find_objects(labels.astype(np.int32)), start=1):
        if box is None:
            continue
        cells = tuple(slice(max(0, s.start - 1), s.stop + 1) for s in box)
        a, b, c = (slice(s.start * _CELL, min(n, s.stop * _CELL)) for s, n in zip(cells, bright.shape, strict=True))
        is_own = labels[cells] == number
        for axis in range(3):
            is_own = np.repeat(is_own, _CELL, axis=axis)
        is_own = bright[a, b, c] & is_own[: a.stop - a.start, : b.stop - b.start, : c.stop - c.start]
        if np.count_nonzero(is_own) >= least:
            yield (a, b, c), is_own


def _any_of_cells(mask: Bools, axis: int) -> Bools:
    """Join each `_CELL` neighbours along an axis; slice by slice, ten times quicker than `np.logical_or.reduceat`."""
    ahead = (slice(None),) * axis
    out = mask[(*ahead, slice(0, None, _CELL))].copy()
    for step in range(1, _CELL):
        more = mask[(*ahead, slice(step, None, _CELL))]
        out[(*ahead, slice(0, more.shape[axis]))] |= more
    return out


def _weighted_median(numbers: list[float], weight: npt.NDArray[np.float64], otherwise: float) -> float:
    if not numbers:
        return otherwise
    order = np.argsort(numbers, kind="stable")
    half = np.searchsorted(np.cumsum(weight[order]), 0.5 * weight.sum())
    return float(numbers[order[min(int(half), len(numbers) - 1)]])


def _moved(inner: tuple[slice, ...], outer: Block) -> Block:
    a, b, c = (slice(s.start + o.start, s.stop + o.start) for s, o in zip(inner, outer, strict=True))
    return a, b, c
