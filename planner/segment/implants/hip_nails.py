"""Femoral nails and the screws through them."""

from dataclasses import dataclass, replace
from typing import Literal

import cc3d
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import SUPERIOR, Array, points_lps, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import perpendicular_pair
from planner.segment.implants.hip_edges import Scanned
from planner.segment.implants.hip_shafts import bulky_shaft
from planner.segment.implants.hip_stems import StraightShaft, side_of
from planner.segment.unwrap import Sampler, first_fall, sampler_round
from planner.segment.upright import Bools

NailKind = Literal["nail", "lag-screw", "locking-screw"]
_REACH_MM = 12.0
_STEP_MM = 0.25
_RAY_MM = 0.2
_BESIDE_MM = 1.5
"""Metal this far outside of the nail is another piece: its own blur reaches less."""
_LEAST_ML = 0.25
_LEAST_PIECE_ML = 0.03
"""Of a screw's short end on a nail's outer side."""
_SAME_LINE_MM, _SAME_LINE_DEG = 4.0, 12.0
"""Two pieces on both sides of a nail are one screw: bent or worn holes aside, they lie on one line."""
_NEVER_MM = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class NailPart:
    """A nail or a screw through it: its axis and its voxels."""

    kind: NailKind
    shaft: StraightShaft
    voxels: Bools


def find_nail(scanned: Scanned, solid: Bools, grid: Grid, *, plateau_hu: float, is_cut: bool) -> tuple[NailPart, ...]:
    """Find a femoral nail, and the screws through it.

    Parameters
    ----------
    scanned : Scanned
        The CT.
    solid : ndarray of bool, shape ``grid.shape``
        Metal.
    grid : Grid
        An upright grid.
    plateau_hu : float
        HU inside it.
    is_cut : bool
        Whether the metal runs out of the scan, so that a shorter stretch will do.

    Returns
    -------
    tuple of NailPart
        The nail first; empty where nothing is as thick over such a length, measured on its own sections: rods, with
        tulips on them or without, are not.
    """
    config, level = scanned.config, scanned.ray_level_hu(plateau_hu)
    rough = bulky_shaft(solid, grid, config, is_cut=is_cut)
    if rough is None:
        return ()
    ends = np.stack([rough.head_lps, rough.tip_lps])
    sampler = sampler_round(scanned.volume.hu, scanned.volume.grid, ends, margin_mm=_NEVER_MM)
    middle, axis, radius, along = _through_sections(sampler, rough, level)
    shift = float(np.mean(scanned.shift_mm(plateau_hu, _across(axis), level_hu=level)))
    if float(np.percentile(radius, 20)) - shift < config.thinnest_nail_mm / 2.0:
        return ()
    cells = np.argwhere(solid)
    points = np.asarray(grid.to_lps(cells))
    height = (points - middle) @ axis
    beside = np.linalg.norm(points - middle - height[:, None] * axis, axis=1)
    local = np.interp(height, along, radius) + _BESIDE_MM
    low, high = float(along[0]), float(along[-1])
    own = (beside <= local) & (height > low - _STEP_MM) & (height < high + _STEP_MM)
    past = float(scanned.shift_mm(plateau_hu, axis, level_hu=level))
    top, bottom = points_lps(middle + (high - past) * axis), points_lps(middle + (low + past) * axis)
    nail = StraightShaft(top, bottom, 2.0 * (float(np.median(radius)) - shift), rough.side)
    screws = _screws(cells, points, ~own, grid, nail, scanned.volume.grid)
    lag = [s for s in screws if s.kind == "lag-screw"]
    if lag:
        nail = replace(nail, side=side_of(_medial_of(lag[0].shaft, axis)))
    parts = [NailPart("nail", nail, _painted(cells, own, grid))]
    return (*parts, *(NailPart(s.kind, replace(s.shaft, side=nail.side), s.voxels) for s in screws))


def _across(axis: Array) -> Array:
    u, v = perpendicular_pair(axis)
    turn = np.arange(24) * np.pi / 12
    return np.asarray(np.cos(turn)[:, None] * u + np.sin(turn)[:, None] * v)


def _through_sections(sampler: Sampler, rough: StraightShaft, level_hu: float) -> tuple[Array, Array, Array, Array]:
    """Give middle, direction upwards, and the radius and height of each section; those without metal are left out.

    Rays run from outside inwards, so that a nail's bore does not count; where a screw leaves, a ray finds no end, and
    the median of the others does.
    """
    middle = (rough.head_lps + rough.tip_lps) / 2.0
    axis = unit(rough.head_lps - rough.tip_lps)
    half = float(np.linalg.norm(rough.head_lps - rough.tip_lps)) / 2.0
    steps = np.arange(0.0, _REACH_MM + 1e-6, _RAY_MM)
    for _ in range(4):
        along = np.arange(-half - 6.0, half + 6.01, _STEP_MM)
        across = _across(axis)
        places = (middle + along[:, None] * axis)[:, None, None] + steps[None, None, :, None] * across[None, :, None]
        inwards = sampler.at(places)[..., ::-1]
        reach = _REACH_MM - first_fall(-inwards, -level_hu, step_mm=_RAY_MM)
        own = float(np.median(np.median(reach, axis=1)[np.abs(along) < 0.6 * half]))
        radius = np.median(np.minimum(reach, 1.5 * own + 1.0), axis=1)
        solid = (radius > 0.4 * own) & (radius < 1.5 * own + 0.9)
        solid &= sampler.grid.contains(middle + along[:, None] * axis)
        if solid.sum() < 8:
            break
        capped = np.minimum(reach, radius[:, None] + 1.0)
        offset = 2.0 * (capped[..., None] * across).mean(axis=1)[solid]
        fit = np.array([np.polyfit(along[solid], offset[:, k], 1) for k in range(3)])
        middle, axis = middle + fit[:, 1], unit(axis + fit[:, 0])
    axis = axis if axis @ SUPERIOR > 0 else -axis
    return middle, axis, radius[solid], along[solid]


def _screws(
    cells: npt.NDArray[np.integer],
    points: Array,
    rest: npt.NDArray[np.bool_],
    grid: Grid,
    nail: StraightShaft,
    scan: Grid,
) -> list[NailPart]:
    """Join pieces beside a nail that lie on one line, and measure each screw."""
    field = np.zeros(grid.shape, dtype=np.uint8)
    field[tuple(cells[rest].T)] = 1
    label = cc3d.connected_components(field, connectivity=26)[tuple(cells.T)]
    least, least_piece = (ml * 1000.0 / grid.voxel_volume_mm3 for ml in (_LEAST_ML, _LEAST_PIECE_ML))
    pieces = [np.flatnonzero(label == k) for k in range(1, int(label.max()) + 1)]
    pieces = sorted((p for p in pieces if len(p) >= least_piece), key=len, reverse=True)
    groups: list[npt.NDArray[np.int64]] = []
    for piece in pieces:
        for k, known in enumerate(groups):
            if _on_one_line(points[known], points[piece]):
                groups[k] = np.concatenate([known, piece])
                break
        else:
            groups.append(piece)
    found = []
    for own in groups:
        shaft = _straight(points[own], grid, nail, scan) if len(own) >= least else None
        if shaft is not None:
            voxels = np.zeros(len(cells), dtype=bool)
            voxels[own] = True
            found.append(
                NailPart(_kind(shaft, unit(nail.head_lps - nail.tip_lps)), shaft, _painted(cells, voxels, grid))
            )
    return found


def _on_one_line(known: Array, piece: Array) -> bool:
    middle = known.mean(axis=0)
    line = np.linalg.svd(known - middle, full_matrices=False)[2][0]
    apart = piece.mean(axis=0) - middle
    aside = float(np.linalg.norm(apart - (apart @ line) * line))
    turn = float(np.degrees(np.arcsin(min(1.0, aside / max(float(np.linalg.norm(apart)), 1e-6)))))
    return aside < _SAME_LINE_MM or turn < _SAME_LINE_DEG


def _straight(own: Array, grid: Grid, nail: StraightShaft, scan: Grid) -> StraightShaft | None:
    """Give a screw's axis from its lateral end to the other one; None for what is no longer than thick.

    A screw that shows on one side of the nail only goes through it all the same.
    """
    middle = own.mean(axis=0)
    line = np.linalg.svd(own - middle, full_matrices=False)[2][0]
    nail_axis = unit(nail.head_lps - nail.tip_lps)
    across = line - (line @ nail_axis) * nail_axis
    if float(np.linalg.norm(across)) < 0.2:
        return None  # along the nail
    apart = middle - nail.tip_lps
    # the tip is the end farther from the nail
    line = line if across @ (apart - (apart @ nail_axis) * nail_axis) > 0 else -line
    along = (own - middle) @ line
    slabs = [np.count_nonzero(np.abs(along - t) < 1.5) for t in np.arange(along.min() + 2.0, along.max() - 2.0, 2.0)]
    counts = np.array([n for n in slabs if n > 3], dtype=np.float64)
    if len(counts) < 3:
        return None
    thick = 2.0 * float(np.sqrt(np.median(counts) * grid.voxel_volume_mm3 / 3.0 / np.pi))
    crossing = float((nail.tip_lps - middle) @ across) / float(across @ across)
    leaves = crossing - nail.diameter_mm / 2.0 / float(np.linalg.norm(across))
    edge = grid.spacing_mm[0] / 2.0
    low, high = min(float(along.min()) - edge, leaves), float(along.max()) + edge
    # no farther than the scan shows
    places = np.linspace(low, high, 200)
    shown = places[scan.contains(middle + places[:, None] * line)]
    if len(shown):
        low, high = float(shown[0]), float(shown[-1])
    if np.ptp(along) < max(8.0, 1.5 * thick):
        return None
    return StraightShaft(points_lps(middle + low * line), points_lps(middle + high * line), thick, None)


def _kind(shaft: StraightShaft, nail_axis: Array) -> NailKind:
    """Tell a lag screw, which climbs into the head, from a thinner locking screw, nearly square to the nail."""
    climb = float(unit(shaft.tip_lps - shaft.head_lps) @ nail_axis)
    return "lag-screw" if climb > 0.35 and shaft.diameter_mm > 6.0 else "locking-screw"


def _medial_of(lag: StraightShaft, axis: Array) -> Array:
    way = lag.tip_lps - lag.head_lps
    return np.asarray(way - (way @ axis) * axis)


def _painted(cells: npt.NDArray[np.integer], own: npt.NDArray[np.bool_], grid: Grid) -> Bools:
    out = np.zeros(grid.shape, dtype=bool)
    out[tuple(cells[own].T)] = True
    return out
