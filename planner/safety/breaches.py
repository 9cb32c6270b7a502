"""Where the wall of a gap is open or too thin, what lies behind it, and from where to watch it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.config.breach_config import BreachConfig
from planner.geometry.frames import Array, point_tuple, unit
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.breach import Breach, BreachSeverity, LeakType
from planner.model.implant import ImplantAxis
from planner.model.volume import Mask
from planner.progress import SILENT, Monitor, track
from planner.safety.watch import ConsoleAngles, metal_tree, watch_view

_ALL_26 = np.ones((3, 3, 3), bool)
_SAMPLE_MM = 0.2
_COMPARTMENTS: tuple[LeakType, ...] = ("canal", "foramen", "disc", "joint")


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """The wall of a gap where the outside is near.

    Parameters
    ----------
    index : ndarray of int, shape (N, 3)
        Voxels of the gap's surface, on the anatomy's grid.
    points_lps, way_out_lps : ndarray, shape (N, 3)
        Their positions, and the nearest place outside the bone.
    barrier_mm : ndarray, shape (N,)
        Bone along the shortest way out.
    """

    index: npt.NDArray[np.intp]
    points_lps: Array
    way_out_lps: Array
    barrier_mm: Array


@dataclass(frozen=True, slots=True, eq=False)
class BreachPatch:
    """A breach, and where it is.

    Parameters
    ----------
    breach : Breach
        The plan's record.
    way_out_lps : ndarray, shape (M, 3)
        The nearest places outside of the bone, LPS mm.
    """

    breach: Breach
    way_out_lps: Array


def find_breaches(
    anatomy: Anatomy,
    *,
    config: BreachConfig,
    console: ConsoleAngles,
    monitor: Monitor = SILENT,
) -> tuple[BreachPatch, ...]:
    """Find the places where cement would leave the gaps.

    Parameters
    ----------
    anatomy : Anatomy
        CT, gaps, bone envelope, metal and compartments.
    config : BreachConfig
        What counts as a breach.
    console : callable
        Turns positioner angles into console angles of the treatment position, for the gantry's limits.
    monitor : Monitor
        Who is following the work.

    Returns
    -------
    tuple of BreachPatch
        Gap by gap, the largest first. `reached` and `leak_after_ml` are None: no cement has flowed yet.

    Raises
    ------
    CancelledError
        If the monitor asks to stop.
    """
    metal = metal_tree(anatomy)
    found: list[BreachPatch] = []
    for gap in track(anatomy.gaps, stage="finding breaches", monitor=monitor):
        wall = measure_wall(anatomy, gap, config=config)
        for patch, severity in _patches(wall, anatomy.grid, config=config):
            breach = _breach(anatomy, gap, wall, patch, severity, metal, config=config, console=console)
            if breach is not None:
                numbered = breach.model_copy(update={"id": f"breach-{len(found) + 1}"})
                found.append(BreachPatch(numbered, wall.way_out_lps[patch]))
    return tuple(found)


def measure_wall(anatomy: Anatomy, gap: GapSpace, *, config: BreachConfig) -> Wall:
    """Measure the wall of a gap wherever the outside of the bone is near.

    Parameters
    ----------
    anatomy : Anatomy
        CT, bone envelope and metal.
    gap : GapSpace
        The gap.
    config : BreachConfig
        How far to look, and from which HU on the wall is bone.

    Returns
    -------
    Wall
        The barrier is the length, along the straight line to the nearest place outside the envelope, on which the CT
        shows bone; the gap's own voxels do not count. Metal holds cement and is no way out.
    """
    box = _box(gap.mask, config.search_mm + 2.0)
    grid = anatomy.grid.crop((box[0].start, box[1].start, box[2].start), (box[0].stop, box[1].stop, box[2].stop))
    space, bone, metal = (m.voxels[box] for m in (gap.mask, anatomy.bone, anatomy.metal))
    inside = bone | metal | space
    if not space.any() or inside.all():
        empty = np.empty((0, 3))
        return Wall(np.empty((0, 3), np.intp), empty, empty, np.empty(0))
    far, nearest = ndimage.distance_transform_edt(inside, sampling=grid.spacing_mm, return_indices=True)
    surface = space & ~ndimage.binary_erosion(space | metal, _ALL_26, border_value=1)
    index = np.argwhere(surface & (far <= config.search_mm))
    points = np.asarray(grid.to_lps(index))
    out_idx = np.stack([nearest[axis][tuple(index.T)] for axis in range(3)], axis=1)
    way_out = np.asarray(grid.to_lps(out_idx))
    hu = np.where(space, -1000.0, anatomy.ct.hu[box])
    barrier = _bone_on_the_way(hu, grid, points, way_out, threshold_hu=config.wall_bone_hu)
    offset = np.array([b.start for b in box], dtype=np.intp)
    return Wall(np.asarray(index + offset, dtype=np.intp), points, way_out, barrier)


def _bone_on_the_way(hu: Array, grid: Grid, start: Array, stop: Array, *, threshold_hu: float) -> Array:
    """Give the length of bone on straight lines, shape (N,)."""
    if not len(start):
        return np.empty(0)
    length = np.linalg.norm(stop - start, axis=1)
    count = int(np.ceil(length.max() / _SAMPLE_MM)) + 1
    share = (np.arange(count) + 0.5) / count
    points = start[:, None, :] + share[None, :, None] * (stop - start)[:, None, :]
    index = np.moveaxis(np.asarray(grid.to_index(points)), -1, 0)
    values = ndimage.map_coordinates(hu, index.reshape(3, -1), order=0, mode="nearest").reshape(len(start), count)
    return np.asarray((values > threshold_hu).mean(axis=1) * length)


def _patches(wall: Wall, grid: Grid, *, config: BreachConfig) -> list[tuple[npt.NDArray[np.intp], BreachSeverity]]:
    """Group the thin places into connected patches, open ones first; give indices into the wall."""
    kept: list[tuple[npt.NDArray[np.intp], BreachSeverity]] = []
    weak = np.flatnonzero(wall.barrier_mm <= config.thin_mm)
    for patch in _connected(wall.index, weak):
        is_open = wall.barrier_mm[patch] < config.open_mm
        open_patch = patch[is_open]
        if patch_area_mm2(wall, open_patch, grid) >= config.min_open_mm2:
            kept.append((open_patch, "open"))
        elif patch_area_mm2(wall, patch, grid) >= config.min_thin_mm2:
            kept.append((patch, "thin"))
    return sorted(kept, key=lambda p: -len(p[0]))


def _connected(index: npt.NDArray[np.intp], chosen: npt.NDArray[np.intp]) -> list[npt.NDArray[np.intp]]:
    if not len(chosen):
        return []
    low = index[chosen].min(axis=0)
    block = np.zeros(index[chosen].max(axis=0) - low + 1, bool)
    at = tuple((index[chosen] - low).T)
    block[at] = True
    labels, count = ndimage.label(block, _ALL_26)
    return [chosen[labels[at] == k] for k in range(1, count + 1)]


def patch_area_mm2(wall: Wall, patch: npt.NDArray[np.intp], grid: Grid) -> float:
    """Give the area of a patch of the wall.

    Parameters
    ----------
    wall : Wall
        The wall.
    patch : ndarray of int, shape (M,)
        Which of its voxels.
    grid : Grid
        The anatomy's grid.

    Returns
    -------
    float
        mm2, from the voxel faces seen along the patch's mean normal: each voxel column counts once.
    """
    if not len(patch):
        return 0.0
    normal = _mean_outward(wall, patch)
    axis = int(np.argmax(np.abs(grid.directions_lps.T @ normal)))
    across = [k for k in range(3) if k != axis]
    columns = len(np.unique(wall.index[patch][:, across], axis=0))
    face = grid.spacing_mm[across[0]] * grid.spacing_mm[across[1]]
    return float(columns * face / abs(float(grid.directions_lps[:, axis] @ normal)))


def _mean_outward(wall: Wall, patch: npt.NDArray[np.intp]) -> Array:
    mean = unit(wall.way_out_lps[patch] - wall.points_lps[patch]).mean(axis=0)
    if np.linalg.norm(mean) < 1e-6:
        mean = wall.way_out_lps[patch[0]] - wall.points_lps[patch[0]]
    return unit(mean)


def _breach(
    anatomy: Anatomy,
    gap: GapSpace,
    wall: Wall,
    patch: npt.NDArray[np.intp],
    severity: BreachSeverity,
    metal: cKDTree | None,
    *,
    config: BreachConfig,
    console: ConsoleAngles,
) -> Breach | None:
    points = wall.points_lps[patch]
    centroid = points[np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1))]
    outward = _mean_outward(wall, patch)
    implant = anatomy.implant(gap.implant_id)
    leak = _leak_type(anatomy, wall.way_out_lps[patch], config=config)
    axis = None if implant is None else implant.axis
    if axis is not None and leak == "cortical" and _is_screw_tract(points, axis, config=config):
        if not config.include_screw_tract:
            return None
        leak = "screw_tract"
    return Breach(
        id="breach",
        gap_id=gap.id,
        leak_type=leak,
        severity=severity,
        barrier_mm=float(wall.barrier_mm[patch].min()),
        area_mm2=patch_area_mm2(wall, patch, anatomy.grid),
        centroid_lps=point_tuple(centroid),
        outward_lps=point_tuple(outward),
        reached=None,
        leak_after_ml=None,
        watch_view=watch_view(centroid, outward, metal, config=config, console=console),
    )


def _is_screw_tract(points_lps: Array, axis: ImplantAxis, *, config: BreachConfig) -> bool:
    """Say whether a patch lies where the screw itself enters the bone."""
    head, tip = np.array(axis.head_lps), np.array(axis.tip_lps)
    along = (points_lps - head) @ unit(tip - head)
    return bool(np.median(along) <= config.tract_mm)


def _leak_type(anatomy: Anatomy, way_out_lps: Array, *, config: BreachConfig) -> LeakType:
    """Name the compartment that lies nearest behind a patch; soft tissue ("cortical") where none is near."""
    masks = {"canal": anatomy.canal, "foramen": anatomy.foramen, "disc": anatomy.disc, "joint": anatomy.joint}
    best: LeakType = "cortical"
    nearest = config.neighbour_mm
    for name in _COMPARTMENTS:
        mask = masks[name]
        if mask is None:
            continue
        distance = _distance_to(mask, way_out_lps, within_mm=config.neighbour_mm + 1.0)
        if distance < nearest:
            best, nearest = name, distance
    return best


def _distance_to(mask: Mask, points_lps: Array, *, within_mm: float) -> float:
    """Median distance of points from a mask; infinite where it is not near."""
    index = np.asarray(mask.grid.to_index(points_lps))
    margin = within_mm / np.array(mask.grid.spacing_mm)
    low = np.maximum(np.floor(index.min(axis=0) - margin).astype(int), 0)
    high = np.minimum(np.ceil(index.max(axis=0) + margin).astype(int) + 1, mask.grid.shape)
    if np.any(high <= low):
        return float("inf")
    block = np.argwhere(mask.voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]])
    if not len(block):
        return float("inf")
    distances, _ = cKDTree(np.asarray(mask.grid.to_lps(block + low))).query(points_lps)
    return float(np.median(distances))


def _box(mask: Mask, margin_mm: float) -> tuple[slice, slice, slice]:
    """Give the slices of a mask's bounding box with a margin, within the grid."""
    pad = np.ceil(margin_mm / np.array(mask.grid.spacing_mm)).astype(int)
    slices = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hit = np.flatnonzero(mask.voxels.any(axis=others))
        first, last = (int(hit[0]), int(hit[-1])) if len(hit) else (0, 0)
        slices.append(slice(max(0, first - int(pad[axis])), min(mask.grid.shape[axis], last + int(pad[axis]) + 1)))
    return slices[0], slices[1], slices[2]
