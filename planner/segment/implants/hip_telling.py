"""Which part of a hip implant each piece of its metal belongs to."""

from dataclasses import dataclass, replace
from typing import Literal

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipImplantConfig
from planner.geometry.frames import Array, PointsLps, unit
from planner.geometry.grid import Grid
from planner.geometry.rays import segment_distance_mm
from planner.model.implant import ImplantKind, Side
from planner.model.volume import Volume
from planner.segment.balls import grown_by
from planner.segment.implants.cup_screws import find_cup_screws
from planner.segment.implants.cup_wires import find_wire_cup
from planner.segment.implants.hip_balls import Shell, find_head_and_cup
from planner.segment.implants.hip_edges import Scanned, voxels_in_box
from planner.segment.implants.hip_nails import find_nail
from planner.segment.implants.hip_sites import Site
from planner.segment.implants.hip_spheres import Sphere, even_directions
from planner.segment.implants.hip_stems import StraightShaft, fit_stem
from planner.segment.upright import Bools

PartName = Literal["stem", "head", "cup", "cup-screw", "nail", "lag-screw", "locking-screw"]
_STEM, _HEAD, _CUP, _BEYOND = 1, 2, 3, 4
_EDGE_MM = 1.0
"""Beyond a fitted surface its own bloom counts as its."""
_SCREW_HEAD_MM = 4.0
"""A cup screw's head stands this far out of the shell's inside."""
_PIECE_SHARE = 0.25
"""A broken stem's lower piece is no smaller than this share of the larger one."""
_ROUND_MM = 3.0
_TAPER_MM = 3.0
"""A neck's taper ends this far before the head's centre: necks are made to sit in the middle of their head's bore."""
_SOLID_SHARE = 0.97
_TAPER_RADIUS_MM = 6.0
"""Of the common taper, 12/14: 14 mm across where it enters, 12 mm at its end."""


@dataclass(frozen=True, slots=True, eq=False)
class RawPart:
    """A part before it has an id.

    Parameters
    ----------
    name : str
        What its id begins with.
    kind : ImplantKind
        What it is.
    voxels : ndarray of bool, shape ``grid.shape``
        Its metal.
    grid : Grid
        An upright grid.
    side : "left", "right" or None
        The hip's.
    shaft : StraightShaft or None
        Its axis; None for head and cup.
    sphere : Sphere or None
        Of a head, or a cup's outside.
    opening_lps : ndarray, shape (3,), or None
        Out of a cup's mouth.
    volume_ml : float or None
        Of its metal; None where that cannot be told.
    centroid_lps : ndarray, shape (3,)
        Its middle.
    """

    name: PartName
    kind: ImplantKind
    voxels: Bools
    grid: Grid
    side: Side | None
    shaft: StraightShaft | None
    sphere: Sphere | None
    opening_lps: Array | None
    volume_ml: float | None
    centroid_lps: Array


def tell_parts(scanned: Scanned, site: Site) -> list[RawPart]:
    """Tell stem, head, cup and cup screws, or a nail and its screws.

    Parameters
    ----------
    scanned : Scanned
        The CT.
    site : Site
        The metal of one hip.

    Returns
    -------
    list of RawPart
        Stem or nail first; empty where the metal has no hip implant's shape.
    """
    head, cup = find_head_and_cup(scanned, site.hu, site.solid, site.grid)
    if head is None:
        return _nail_parts(scanned, site)
    scanned = replace(scanned, blur=head.blur)
    codes, solid = _shared_out(scanned, site, head, cup)
    stem = codes == _STEM
    shaft, plateau = _stem_shaft(scanned, stem, site.grid, head, cup)
    if shaft is None and cup is None and head.cover < scanned.config.lone_cover:
        return []
    wire = find_wire_cup(scanned, head, site.hu, stem, site.grid) if cup is None and shaft is not None else None
    side = _side(shaft, cup)
    if shaft is None and cup is None:
        return []
    found: list[RawPart] = []
    counted = _Counted.of(scanned, solid, site, head, cup)
    if shaft is not None:
        told = counted.told(codes == _STEM, site.grid, plateau, counted.code == _STEM)
        found.append(RawPart("stem", "femoral_stem", stem, site.grid, side, shaft, None, None, *told))
    told = counted.of_ball(codes == _HEAD, site.grid, head)
    found.append(RawPart("head", "femoral_head", codes == _HEAD, site.grid, side, None, head, None, *told))
    if cup is not None:
        found += _cup_parts(scanned, site, cup, codes, counted, side)
    elif wire is not None:
        found.append(_wire_part(*wire, head, site.grid, side))
    return [part for part in found if part.voxels.any()]


def _side(shaft: StraightShaft | None, cup: Shell | None) -> Side | None:
    if shaft is not None and shaft.side is not None:
        return shaft.side
    if cup is None or abs(cup.opening_lps[0]) <= 0.2:
        return None
    return "left" if cup.opening_lps[0] > 0 else "right"


def _nail_parts(scanned: Scanned, site: Site) -> list[RawPart]:
    plateau = plateau_of(scanned, site.solid, site.grid, scanned.config.titanium_hu)
    parts = []
    for part in find_nail(scanned, site.solid, site.grid, plateau_hu=plateau, is_cut=site.is_cut):
        points = site.points_of(part.voxels)
        volume_ml = len(points) * site.grid.voxel_volume_mm3 / 1000.0
        parts.append(
            RawPart(
                part.kind, "nail", part.voxels, site.grid, part.shaft.side, part.shaft, None, None, volume_ml,
                points.mean(axis=0),
            )
        )  # fmt: skip
    return parts


def _cup_parts(
    scanned: Scanned, site: Site, cup: Shell, codes: npt.NDArray[np.uint8], counted: "_Counted", side: Side | None
) -> list[RawPart]:
    plateau = cup.sphere.plateau_hu
    screws = find_cup_screws(scanned, cup, codes == _BEYOND, site.grid, side=side)
    own = counted.of_screws([s.shaft for s in screws])
    told = counted.told(codes == _CUP, site.grid, plateau, (counted.code == _CUP) & (own < 0) & counted.in_wall(cup))
    parts = [RawPart("cup", "acetabular_cup", codes == _CUP, site.grid, side, None, cup.sphere, cup.opening_lps, *told)]
    for k, screw in enumerate(screws):
        told = counted.told(screw.voxels, site.grid, plateau, own == k)
        parts.append(RawPart("cup-screw", "cup_screw", screw.voxels, site.grid, side, screw.shaft, None, None, *told))
    return parts


def _wire_part(shell: Shell, wire: Bools, head: Sphere, grid: Grid, side: Side | None) -> RawPart:
    """Give a cup of plastic: its middle is that of half a hollow ball, the volume of its wire says nothing."""
    outer, inner = shell.sphere.radius_mm, min(head.radius_mm, shell.sphere.radius_mm - 1.0)
    depth = 3.0 / 8.0 * (outer**4 - inner**4) / (outer**3 - inner**3)
    middle = np.asarray(shell.sphere.centre_lps - depth * shell.opening_lps)
    return RawPart("cup", "acetabular_cup", wire, grid, side, None, shell.sphere, shell.opening_lps, None, middle)


def _codes(points: Array, head: Sphere, cup: Shell | None, config: HipImplantConfig) -> npt.NDArray[np.uint8]:
    """Say which part metal at each point belongs to: stem, head, cup, or what stands out of the cup's dome."""
    from_head = np.linalg.norm(points - head.centre_lps, axis=-1)
    code = np.full(from_head.shape, _STEM, dtype=np.uint8)
    if cup is not None:
        outer = cup.sphere.radius_mm + _EDGE_MM
        rays = points - cup.sphere.centre_lps
        depth, height = np.linalg.norm(rays, axis=-1), rays @ cup.opening_lps
        wall = cup.wall_mm if cup.wall_mm is not None else config.cup_wall_mm
        behind = height < cup.rim * cup.sphere.radius_mm + _EDGE_MM
        code[behind & (depth > cup.sphere.radius_mm - wall - _SCREW_HEAD_MM) & (depth < outer)] = _CUP
        code[(height < -0.1 * depth) & (depth >= outer)] = _BEYOND
    code[from_head <= head.radius_mm + _EDGE_MM / 2] = _HEAD
    return code


def _shared_out(scanned: Scanned, site: Site, head: Sphere, cup: Shell | None) -> tuple[npt.NDArray[np.uint8], Bools]:
    """Share the site's metal out; with a ceramic head, which is darker than the level of metal."""
    low = np.floor(np.asarray(site.grid.to_index(head.centre_lps)) - head.radius_mm / site.grid.spacing_mm[0]) - 2
    size = int(np.ceil(2 * head.radius_mm / site.grid.spacing_mm[0])) + 5
    start = np.clip(low.astype(int), 0, site.grid.shape)
    block = tuple(slice(int(a), int(a) + size) for a in start)
    solid = site.solid.copy()
    bright = np.argwhere(site.hu[block] > scanned.level_hu(head.plateau_hu)) + start
    inside = np.linalg.norm(np.asarray(site.grid.to_lps(bright)) - head.centre_lps, axis=1) < head.radius_mm
    solid[tuple(bright[inside].T)] = True
    cells = np.argwhere(solid)
    codes = np.zeros(site.grid.shape, dtype=np.uint8)
    codes[tuple(cells.T)] = _codes(np.asarray(site.grid.to_lps(cells)), head, cup, scanned.config)
    labels = cc3d.connected_components((codes == _STEM).astype(np.uint8), connectivity=26)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    if sizes.any():
        # the largest piece, and the lower one of a broken stem
        small = sizes < _PIECE_SHARE * sizes.max()
        codes[(codes == _STEM) & small[labels]] = 0
    return codes, solid


def _stem_shaft(
    scanned: Scanned, stem: Bools, grid: Grid, head: Sphere, cup: Shell | None
) -> tuple[StraightShaft | None, float]:
    """Measure a stem on the scan's own voxels round its coarse mask; and its plateau."""
    if np.count_nonzero(stem) * grid.voxel_volume_mm3 / 1000.0 < scanned.config.thinnest_stem_ml:
        return None, scanned.config.stem_hu
    plateau = plateau_of(scanned, stem, grid, scanned.config.stem_hu)
    points, hu = voxels_round(scanned.volume, stem, grid, reach_mm=7.0)
    metal = (hu > scanned.level_hu(plateau)) & (_codes(np.asarray(points), head, cup, scanned.config) == _STEM)
    return fit_stem(scanned, points, hu, metal, head.centre_lps), plateau


def plateau_of(scanned: Scanned, mask: Bools, grid: Grid, presumed_hu: float) -> float:
    """Give the plateau of a part: the median well inside of it, or the presumed one where that is cut off."""
    inner = ndimage.binary_erosion(mask, iterations=2)
    cells = np.argwhere(inner if inner.sum() > 50 else mask)
    at = np.rint(np.asarray(scanned.volume.grid.to_index(grid.to_lps(cells)))).astype(int)
    at = np.clip(at, 0, np.array(scanned.volume.grid.shape) - 1)
    return scanned.plateau_hu(scanned.volume.hu[tuple(at.T)].astype(np.float64), presumed_hu=presumed_hu)[0]


def voxels_round(volume: Volume, mask: Bools, grid: Grid, *, reach_mm: float) -> tuple[PointsLps, Array]:
    """Give the scan's own voxels within a reach of a mask.

    Parameters
    ----------
    volume : Volume
        The CT.
    mask : ndarray of bool, shape ``grid.shape``
        The mask.
    grid : Grid
        An upright, isotropic grid.
    reach_mm : float
        How far from the mask.

    Returns
    -------
    points : PointsLps, shape (N, 3)
    hu : ndarray, shape (N,)
    """
    ends = np.asarray(grid.to_lps(np.argwhere(mask)))
    points, hu = voxels_in_box(volume, np.stack([ends.min(axis=0) - reach_mm, ends.max(axis=0) + reach_mm]))
    inside = _within(points, mask, grid, reach_mm)
    return PointsLps(np.asarray(points)[inside]), hu[inside].astype(np.float64)


def _within(points: Array, mask: Bools, grid: Grid, reach_mm: float) -> npt.NDArray[np.bool_]:
    """Whether points lie within a reach of a mask, by the nearest voxel."""
    cells = np.argwhere(mask)
    wide = int(np.ceil(reach_mm / grid.spacing_mm[0])) + 1
    low, high = cells.min(axis=0), cells.max(axis=0) + 1
    block = np.pad(mask[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))], wide)
    near = grown_by(block, _reach_in_voxels(reach_mm, grid.spacing_mm[0]))
    at = np.rint(np.asarray(grid.to_index(points))).astype(int) - low + wide
    inside = np.all((at >= 0) & (at < np.array(near.shape)), axis=1)
    inside[inside] = near[tuple(at[inside].T)]
    return np.asarray(inside)


def _reach_in_voxels(reach_mm: float, edge_mm: float) -> float:
    """Give a reach between the farthest distance of two voxels within one in mm and the next farther, in voxels.

    Squared distances are whole numbers of voxels: half-way between two of them no rounding decides.
    """
    squared = int((reach_mm / edge_mm) ** 2) + 1
    while np.sqrt(squared) * edge_mm > reach_mm:
        squared -= 1
    return float(np.sqrt(squared + 0.5))


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """The scan's own voxels round all of the metal, and to which part each would belong."""

    scanned: Scanned
    points: Array
    hu: Array
    code: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, scanned: Scanned, solid: Bools, site: Site, head: Sphere, cup: Shell | None) -> "_Counted":
        found, hu = voxels_round(scanned.volume, solid, site.grid, reach_mm=_ROUND_MM)
        points = np.asarray(found)
        code = _codes(points, head, cup, scanned.config)
        bright = hu > scanned.level_hu(scanned.config.titanium_hu)
        code[(code == _HEAD) & _in_bore(points, head, points[(code == _STEM) & bright])] = _STEM
        return cls(scanned, points, hu, code)

    def of_ball(self, mask: Bools, grid: Grid, head: Sphere) -> tuple[float | None, Array]:
        """Volume and middle of a head; where HU are cut off, that of the fitted ball less its bore, if it is solid."""
        own = self.code == _HEAD
        told = self.told(mask, grid, head.plateau_hu, own)
        far = np.linalg.norm(self.points - head.centre_lps, axis=1)
        inner = self.hu[own & (far < head.radius_mm - 1.0)]
        if self.scanned.ceiling_hu is None or np.mean(inner > self.scanned.level_hu(head.plateau_hu)) < _SOLID_SHARE:
            return told
        bore = np.count_nonzero((self.code == _STEM) & (far < head.radius_mm))
        bore_mm3 = bore * self.scanned.volume.grid.voxel_volume_mm3
        return (4.0 / 3.0 * np.pi * head.radius_mm**3 - bore_mm3) / 1000.0, told[1]

    def in_wall(self, cup: Shell) -> npt.NDArray[np.bool_]:
        """Which voxels lie in a shell's wall or its bloom, and not farther in."""
        wall = cup.wall_mm if cup.wall_mm is not None else self.scanned.config.cup_wall_mm
        depth = np.linalg.norm(self.points - cup.sphere.centre_lps, axis=1)
        return np.asarray(depth > cup.sphere.radius_mm - wall - 1.5 * _EDGE_MM)

    def of_screws(self, shafts: list[StraightShaft]) -> npt.NDArray[np.int64]:
        """Say of each voxel of the cup, or beyond its dome, which screw's it is; -1 for none."""
        owner = np.full(len(self.points), -1, dtype=np.int64)
        least = np.full(len(self.points), np.inf)
        for k, shaft in enumerate(shafts):
            far = segment_distance_mm(self.points, shaft.head_lps, shaft.tip_lps)
            # within the shell no wider than the shaft, beyond it with its bloom
            reach = np.where(self.code == _CUP, 0.45 * shaft.diameter_mm, 0.5 * shaft.diameter_mm + 1.5)
            mine = np.isin(self.code, (_CUP, _BEYOND)) & (far < reach) & (far < least)
            owner[mine], least[mine] = k, far[mine]
        return owner

    def told(
        self, mask: Bools, grid: Grid, plateau_hu: float, own: npt.NDArray[np.bool_]
    ) -> tuple[float | None, Array]:
        """Volume, mL, and middle of a part's metal.

        Whole voxels above the level are counted, for that is unbiased where interpolating clipped HU is not; then the
        layer between the level's surface and the metal's own is taken off, area times the mean shift.
        """
        if not mask.any():
            return None, np.zeros(3)
        level = self.scanned.level_hu(plateau_hu)
        metal = own & (self.hu > level)
        if not metal.any():
            return None, np.asarray(grid.to_lps(np.argwhere(mask))).mean(axis=0)
        volume = np.count_nonzero(metal) * self.scanned.volume.grid.voxel_volume_mm3
        shift = float(np.mean(self.scanned.shift_mm(plateau_hu, even_directions(60), level_hu=level)))
        volume -= shift * _area_mm2(mask, grid)
        return max(volume, 0.0) / 1000.0, self.points[metal].mean(axis=0)


def _in_bore(points: Array, head: Sphere, stem: Array) -> npt.NDArray[np.bool_]:
    """Say which points lie in the head's bore: on the way of the neck, as wide as it is where it enters."""
    from_centre = stem - head.centre_lps
    far = np.linalg.norm(from_centre, axis=1)
    entry = (far > head.radius_mm + 1.0) & (far < head.radius_mm + 4.0)
    if entry.sum() < 20:
        return np.zeros(len(points), dtype=bool)
    neck = unit(from_centre[entry].mean(axis=0))
    aside = np.linalg.norm(from_centre[entry] - (from_centre[entry] @ neck)[:, None] * neck, axis=1)
    # of an evenly filled disc the mean distance from its middle is two thirds of its radius
    radius = min(1.5 * float(aside.mean()), _TAPER_RADIUS_MM)
    rays = points - head.centre_lps
    along = rays @ neck
    return np.asarray((along > _TAPER_MM) & (np.linalg.norm(rays - along[:, None] * neck, axis=1) < radius))


def _area_mm2(mask: Bools, grid: Grid) -> float:
    """Surface of a mask, by the integral of its smoothed border's slope."""
    cells = np.argwhere(mask)
    block = tuple(slice(int(a), int(b) + 1) for a, b in zip(cells.min(axis=0), cells.max(axis=0), strict=True))
    smooth = ndimage.gaussian_filter(np.pad(mask[block].astype(np.float64), 4), 0.8)
    slope = np.sqrt(sum(g**2 for g in np.gradient(smooth, *grid.spacing_mm)))
    return float(slope.sum()) * grid.voxel_volume_mm3
