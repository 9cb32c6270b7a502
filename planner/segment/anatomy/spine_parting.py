"""A spine's bone parted: cores of bodies, pedicles and laminae grown along bone until they meet."""

from dataclasses import dataclass, replace

import cc3d
import edt
import numpy as np
import numpy.typing as npt

from planner.config.vertebra_config import VertebraConfig
from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.segment.anatomy.disc_opening import disc_opening
from planner.segment.anatomy.flood import Ground, Labels, flood, way_cost
from planner.segment.anatomy.levels import SpineLevels
from planner.segment.anatomy.neck_parting import part_at_necks
from planner.segment.anatomy.spine_course import SpineCourse
from planner.segment.anatomy.territory import (
    Places,
    Territory,
    is_midline,
    is_sacral,
    lamina_levels,
    places_of,
    territory_of,
)
from planner.segment.anatomy.walls import within
from planner.segment.upright import Bools, Floats

_BLOOM_MM = 1.6
"""Metal's blur and bloom say nothing of joints; ours, as the bone step's."""
_BODY_ML = 0.6
"""A slice of a thoracic body 1 mm thick has this volume: less is no body. Ours."""
_TOP_ROWS = 2
"""Slices at the end of the bone in view in which what goes on beyond it lies."""
_TUNED_EDGE_MM = 0.8
"""Edge of the voxels that the prices were tuned on."""


@dataclass(frozen=True, slots=True, eq=False)
class PartedSpine:
    """A spine's bone, each voxel with the number of its bone.

    Parameters
    ----------
    labels : ndarray of int16
        0 for none; levels from 1 at the top; `outsider` for ribs and pelvis.
    course : SpineCourse
        The spine's course.
    levels : SpineLevels
        Bodies and discs, as far as there are bodies in view.
    outsider : int
        One more than there are levels.
    sacrum : int or None
        Number of the sacrum.
    """

    labels: Labels
    course: SpineCourse
    levels: SpineLevels
    outsider: int
    sacrum: int | None


def part_spine(
    hu: Floats, bone: Bools, metal: Bools, grid: Grid, course: SpineCourse, levels: SpineLevels, config: VertebraConfig
) -> PartedSpine | None:
    """Part a spine's bone into vertebrae, sacrum, and what is neither.

    Parameters
    ----------
    hu, bone, metal : ndarray, shape ``grid.shape``
        CT, bone envelopes, metal.
    grid : Grid
        An upright isotropic grid.
    course : SpineCourse
        The spine's course.
    levels : SpineLevels
        Bodies and discs along it.
    config : VertebraConfig
        Settings.

    Returns
    -------
    PartedSpine or None
        None where no level has a body.
    """
    bone = bone & ~disc_opening(hu, bone, metal, grid, course, levels, solid_hu=config.joint_hu)
    block = _block_of(bone)
    z, y, x = block
    spine = _Spine.of(course, levels, bone[block], grid.crop((z.start, y.start, x.start), (z.stop, y.stop, x.stop)))
    if spine is None:
        return None
    edge = grid.spacing_mm[0]
    blind = within(metal[block], _BLOOM_MM, edge)
    cost = _cost(hu[block], blind, spine.bone, edge, config)
    labels = np.zeros(grid.shape, dtype=np.int16)
    read = np.where(blind, np.float32(np.nan), hu[block])
    labels[block] = _grown(spine, cost, read, joint_hu=config.joint_hu, edge_mm=edge)
    return PartedSpine(labels, course, spine.levels, spine.territory.outsider, spine.sacrum)


@dataclass(frozen=True, slots=True, eq=False)
class _Spine:
    """A block of bone voxels with their places about the spine; `sacrum` is the number of its level."""

    course: SpineCourse
    levels: SpineLevels
    bone: Bools
    cells: tuple[npt.NDArray[np.intp], ...]
    places: Places
    territory: Territory
    sacrum: int | None

    @classmethod
    def of(cls, course: SpineCourse, levels: SpineLevels, bone: Bools, grid: Grid) -> "_Spine | None":
        """Place the voxels; None where no level has a body."""
        cells = np.nonzero(bone)
        located = course.locate(points_lps(grid.to_lps(np.stack(cells, axis=1))))
        levels, sacrum = _to_sacrum(levels, places_of(located, course, levels), grid.voxel_volume_mm3)
        while True:
            places = places_of(located, course, levels)
            territory = territory_of(places, levels, sacrum=sacrum)
            cores = np.bincount(territory.seeds[places.before > 0], minlength=territory.outsider)[
                1 : territory.outsider
            ]
            present = cores * grid.voxel_volume_mm3 / 1000.0 >= _BODY_ML
            if not present.any():
                return None
            if present[0] and present[-1]:
                return cls(course, levels, bone, cells, places, territory, sacrum)
            start, stop = int(not present[0]), len(present) - int(not present[-1])
            levels = SpineLevels(levels.discs[start : stop - 1], levels.bodies[start:stop])
            sacrum = None if sacrum is None or sacrum > stop else sacrum - start

    def filled(self, values: npt.NDArray[np.generic], *, beyond: int = 0) -> npt.NDArray[np.generic]:
        """Lay values of the bone voxels out on the block."""
        out = np.full(self.bone.shape, beyond, dtype=values.dtype)
        out[self.cells] = values
        return out


def _to_sacrum(levels: SpineLevels, places: Places, voxel_mm3: float) -> tuple[SpineLevels, int | None]:
    """Let everything below the first body with wings be the sacrum."""
    for number in range(2, len(levels.bodies) + 1):
        above = levels.bodies[number - 2]
        if is_sacral(places, number, above.half_width_mm, above.depth_mm, voxel_mm3):
            body = replace(levels.bodies[number - 1], half_width_mm=above.half_width_mm)
            return SpineLevels(levels.discs[: number - 1], (*levels.bodies[: number - 1], body)), number
    return levels, None


def _block_of(bone: Bools) -> tuple[slice, slice, slice]:
    """Give the block that holds all bone."""
    spans = []
    for axis in range(3):
        at = np.flatnonzero(bone.any(axis=tuple(a for a in range(3) if a != axis)))
        spans.append(slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, bone.shape[axis]))
    return spans[0], spans[1], spans[2]


def _cost(hu: Floats, blind: Bools, bone: Bools, edge_mm: float, config: VertebraConfig) -> Floats:
    depth = np.asarray(edt.edt(bone, parallel=2), dtype=np.float32) * np.float32(edge_mm / _TUNED_EDGE_MM)
    return way_cost(
        hu,
        blind,
        bone,
        depth,
        joint_hu=config.joint_hu,
        joint_price=config.joint_price,
        neck_price=config.neck_price,
    )


def _grown(spine: _Spine, cost: Floats, read: Floats, *, joint_hu: float, edge_mm: float) -> Labels:
    """Grow the bones from their cores and laminae, then once more with what hangs on pedicles beyond the scan."""
    land = spine.territory
    seeds = np.where(land.seeds > 0, land.seeds, _laminae(spine, ~(read <= joint_hu))).astype(np.int16)
    ground = Ground(
        cost,
        np.asarray(spine.filled(seeds), dtype=np.int16),
        np.asarray(spine.filled(land.first), dtype=np.int16),
        np.asarray(spine.filled(land.last), dtype=np.int16),
        np.asarray(spine.filled(land.open_to), dtype=bool),
        land.outsider,
    )
    labels = flood(ground)
    lost = _out_of_reach(spine, labels[spine.cells])
    before = np.asarray(spine.filled(spine.places.before.astype(np.float32)), dtype=np.float32)
    if not lost.any():
        return part_at_necks(labels, ground, read, before_mm=before, edge_mm=edge_mm)
    hanging = _at_the_top(spine, lost)
    # what is out of reach and hangs on nothing above the scan reaches further up than is usual
    bounds = [np.where(lost & ~hanging, v, b) for v, b in ((1, land.first), (land.outsider - 1, land.last))]
    first, last = (np.asarray(spine.filled(b.astype(np.int16)), dtype=np.int16) for b in bounds)
    seeds = np.where(hanging, np.int16(1), seeds)
    ground = replace(ground, seeds=np.asarray(spine.filled(seeds), dtype=np.int16), first=first, last=last)
    return part_at_necks(flood(ground), ground, read, before_mm=before, edge_mm=edge_mm)


def _laminae(spine: _Spine, firm: Bools) -> npt.NDArray[np.intp]:
    """Give the firm bone in the midline to the vertebrae whose laminae it is."""
    strip = np.asarray(spine.filled(is_midline(spine.places)), dtype=bool) & firm
    pieces = cc3d.connected_components(strip.astype(np.uint8), connectivity=6)[spine.cells]
    found = lamina_levels(spine.places, spine.levels, pieces.astype(np.intp))
    return np.where(found == spine.sacrum, 0, found) if spine.sacrum is not None else found


def _out_of_reach(spine: _Spine, found: Labels) -> Bools:
    """Say which bone about the topmost arch nothing reached."""
    if not spine.places.above.shape[1]:
        return np.zeros(len(found), dtype=bool)
    half = spine.levels.bodies[0].half_width_mm
    near = (np.abs(spine.places.left) < 2.0 * half) & (spine.places.before < 0.0) & (spine.places.level == 1)
    return np.asarray((found == 0) & near)


def _at_the_top(spine: _Spine, lost: Bools) -> Bools:
    """Say which of it goes on beyond the scan: it hangs on pedicles that are not in view."""
    pieces = cc3d.connected_components(np.asarray(spine.filled(lost), dtype=np.uint8), connectivity=26)
    top = np.unique(pieces[-_TOP_ROWS:])
    return np.asarray(np.isin(pieces[spine.cells], top[top > 0]))
