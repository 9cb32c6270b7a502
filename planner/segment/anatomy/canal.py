"""The spinal canal: its centre line and the tube that no needle may enter.

Looked for as the soft column that runs unhindered from slice to slice, walled in by the vertebral arches and with a
vertebral body in front. A laminectomy opens the ring for a level or two; the column is carried on by its neighbours.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from planner.config.anatomy_config import CanalConfig
from planner.geometry.frames import Array, PointsLps, points_lps
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.anatomy.canal_column import longest_run, turns_off
from planner.segment.anatomy.canal_search import find_column
from planner.segment.anatomy.canal_wall import METAL_HU, ROW_MM, measure_walls, off_centre, smooth_tube, straightened
from planner.segment.upright import Bools, resample, upright_grid, upright_hu

_TRACK_MM = 1.5
"""Voxels of the search for the column; the narrowest healthy canal is some 12 mm wide (T4-T6)."""
_MANY_VOXELS = 6_000_000
"""Above this the column is first looked for at twice the voxel."""
_ROUND_COLUMN_MM = 60.0
"""So far round the roughly known column it is looked for again, at all heights: spines curve."""
_BRIDGE_MM = 45.0
"""A level that does not stand like a canal is carried between its neighbours: metal hides it, or an operation opened
it."""
_TRUST_MM = 20.0
"""Lean, width and evidence are judged over this length: less than a vertebra, more than a disc."""
_SHORTEST_MM = 30.0
"""One vertebra and its discs: a shorter column is none."""

_CARRIED_ON_MM = 10.0
_ONE_SIDED = 0.1
"""So much counts a wall for the canal's middle whose opposite was not met."""
_SOFT_SHARE = 0.6
"""So much of a vertebra's height must read soft in the column's middle."""
_SETTLED_MM = 0.3
_CENTRINGS = 12

DEFAULT = CanalConfig()


@dataclass(frozen=True, slots=True, eq=False)
class Canal:
    """The spinal canal.

    Parameters
    ----------
    centre_lps : PointsLps, shape (N, 3)
        Centre line from below to above, one point for each mm or so along the patient's axis.
    radii_mm : ndarray, shape (N, A)
        Distance of the wall in the axial plane, for angles 0, 360 / A, ... degrees from left towards posterior.
    closed : ndarray of bool, shape (N, A)
        Where a bony wall was met there; False where it was carried over from the neighbours (foramen, laminectomy,
        metal).
    score : float
        Mean evidence along the column, about 1 in a spine.
    cut_below, cut_above : bool
        The column ran on there, but could not be trusted as a canal (the sacrum's lean, no bony wall, too wide).
    """

    centre_lps: PointsLps
    radii_mm: Array
    closed: Bools
    score: float
    cut_below: bool = False
    cut_above: bool = False

    def mask(self, grid: Grid, *, margin_mm: float = 0.0) -> Mask:
        """Fill the canal on an upright grid.

        Parameters
        ----------
        grid : Grid
            A grid along superior, posterior and left.
        margin_mm : float
            Added to the radius, mm; negative to shrink.

        Returns
        -------
        Mask
        """
        out = np.zeros(grid.shape, dtype=bool)
        origin, edge = grid.lps_from_index[:3, 3], grid.spacing_mm
        z = origin[2] + edge[0] * np.arange(grid.shape[0])
        y = origin[1] + edge[1] * np.arange(grid.shape[1])
        x = origin[0] + edge[2] * np.arange(grid.shape[2])
        line, n = self.centre_lps, self.radii_mm.shape[1]
        half = edge[0] / 2
        for k in np.flatnonzero((z >= line[0, 2] - half) & (z <= line[-1, 2] + half)):
            cx, cy = np.interp(z[k], line[:, 2], line[:, 0]), np.interp(z[k], line[:, 2], line[:, 1])
            i = int(np.argmin(np.abs(line[:, 2] - z[k])))
            reach = self.radii_mm[i].max() + margin_mm
            rows, cols = np.flatnonzero(np.abs(y - cy) <= reach), np.flatnonzero(np.abs(x - cx) <= reach)
            if not len(rows) or not len(cols):
                continue
            dy, dx = np.meshgrid(y[rows] - cy, x[cols] - cx, indexing="ij")
            turn = np.mod(np.arctan2(dy, dx), 2 * np.pi) * n / (2 * np.pi)
            wall = np.interp(turn, np.arange(n + 1), np.append(self.radii_mm[i], self.radii_mm[i, 0])) + margin_mm
            out[k, rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1] = np.hypot(dy, dx) <= wall
        return Mask(grid, out)


def find_canal(
    volume: Volume,
    *,
    metal: Mask | None = None,
    box_lps: Array | None = None,
    config: CanalConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> Canal | None:
    """Find the spinal canal in a CT.

    Parameters
    ----------
    volume : Volume
        The CT, any orientation.
    metal : Mask or None
        Metal, on any grid; None takes what lies over 2000 HU.
    box_lps : ndarray, shape (2, 3) or None
        The part of the scan to look in; None for all of it.
    config : CanalConfig
        When a column is taken for the canal.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    Canal or None
        None where no column with vertebrae round it was found, or none that can be trusted for a vertebra's length.

    Raises
    ------
    CancelledError
        If the monitor says stop.
    """
    monitor.report(Progress("finding the spinal canal"))
    box = None if box_lps is None else np.asarray(box_lps, dtype=np.float64)
    if np.prod(upright_grid(volume.grid, _TRACK_MM, box).shape) > _MANY_VOXELS:
        coarse = _track(volume, metal, box, 2 * _TRACK_MM, config)
        if coarse is None:
            return None
        line = coarse.line_lps
        room = np.array([_ROUND_COLUMN_MM, _ROUND_COLUMN_MM, np.inf])
        near = np.stack([line.min(axis=0) - room, line.max(axis=0) + room])
        box = near if box is None else np.clip(near, box[0], box[1])
    check_cancelled(monitor)
    found = _track(volume, metal, box, _TRACK_MM, config)
    check_cancelled(monitor)
    if found is None:
        return None
    return _trusted(*_measure(volume, metal, found, config), found.line_lps[[0, -1], 2], config)


@dataclass(frozen=True, slots=True, eq=False)
class _Track:
    """A rough centre line, one point a slice, and how far each slice of the search could be read."""

    line_lps: PointsLps
    score: float
    height_mm: Array
    readable: Array


def _track(
    volume: Volume, metal: Mask | None, box_lps: Array | None, edge_mm: float, config: CanalConfig
) -> _Track | None:
    grid = upright_grid(volume.grid, edge_mm, box_lps)
    if min(grid.shape) * edge_mm < _SHORTEST_MM / 2:
        return None
    hu = upright_hu(volume, grid)
    hard = (hu > METAL_HU) if metal is None else resample(metal.voxels, metal.grid, grid) > 0.3
    found = find_column(hu, hard, edge_mm, config=config)
    if found is None:
        return None
    height = grid.lps_from_index[2, 3] + edge_mm * np.arange(grid.shape[0])
    return _Track(grid.to_lps(found.cells), found.score, height, found.readable)


def _trusted(canal: Canal, readable: Array, core_hu: Array, seen_mm: Array, config: CanalConfig) -> Canal | None:
    """Keep the longest stretch that stands like a canal: lean, width and share of bony wall; `seen_mm` is its own."""
    line = canal.centre_lps
    rows = max(1, round(_TRUST_MM / ROW_MM))

    def over(values: Array, length: int) -> Array:
        return np.asarray(ndi.uniform_filter1d(np.asarray(values, dtype=np.float64), length, axis=0, mode="nearest"))

    path = over(line[:, :2], rows // 2)
    lean = np.hypot(*np.gradient(path, line[:, 2], axis=0).T) if len(line) > 1 else np.zeros(1)
    stands = over(lean, rows // 2) <= config.steepest_lean
    stands &= over(canal.radii_mm.mean(axis=1), rows) <= config.widest_mm
    share = over(canal.closed.mean(axis=1) * readable, 2 * rows) / over(readable, 2 * rows)
    stands &= share >= config.least_closed
    soft = over((core_hu <= config.highest_core_hu) * readable, rows) / over(readable, rows)
    stands &= soft >= _SOFT_SHARE
    kept = longest_run(_bridged(stands, round(_BRIDGE_MM / ROW_MM)))
    if kept.stop == kept.start:
        return None
    # in the sacrum the column may have followed a root out through its foramen
    left = turns_off(line[kept][::-1], ROW_MM)
    kept = slice(kept.start if left is None else kept.stop - left, kept.stop)
    length = float(line[kept.stop - 1, 2] - line[kept.start, 2])
    if length < min(_SHORTEST_MM, 0.8 * float(line[-1, 2] - line[0, 2])):
        return None
    start = kept.start - (_more(kept.start, config) if left is None else 0)
    stop = kept.stop + _more(len(line) - kept.stop, config)
    return Canal(
        points_lps(line[start:stop]),
        canal.radii_mm[start:stop],
        canal.closed[start:stop],
        canal.score,
        cut_below=bool(line[start, 2] > seen_mm[0] + _TRACK_MM),
        cut_above=bool(line[stop - 1, 2] < seen_mm[1] - _TRACK_MM),
    )


def _more(rest: int, config: CanalConfig) -> int:
    """Carry a short rest to the scan's end, wherever it leads; of a long one a part."""
    return rest if rest * ROW_MM <= config.carried_mm else round(_CARRIED_ON_MM / ROW_MM)


def _bridged(flags: Bools, length: int) -> Bools:
    closed = ndi.binary_closing(np.pad(flags, length), np.ones(length))
    return np.asarray(closed[length : length + len(flags)])


def _measure(volume: Volume, metal: Mask | None, track: _Track, config: CanalConfig) -> tuple[Canal, Array, Array]:
    """Measure the wall round a rough centre line, on the CT's own voxels, and centre the line in it."""
    smooth = np.array(track.line_lps)
    smooth[:, :2] = ndi.gaussian_filter1d(smooth[:, :2], 4.0 / _TRACK_MM, axis=0, mode="nearest")
    path = _carried_on(smooth, track, config)
    ends = path[[0, -1], 2] + np.array([-1.0, 1.0]) * _TRACK_MM
    edges = volume.grid.corners_lps[:, 2]
    z = np.arange(max(ends[0], edges.min()), min(ends[1], edges.max()) + 0.5, ROW_MM)
    centre = np.column_stack([np.interp(z, path[:, 2], path[:, k]) for k in (0, 1)] + [z])
    readable = np.interp(z, track.height_mm, track.readable)
    for _ in range(_CENTRINGS):
        rays = measure_walls(volume, metal, centre, readable, cortex_hu=config.cortex_hu)
        radii, met = smooth_tube(rays, unknown_mm=0.0)
        shift, paired = off_centre(radii, met)
        drawn = straightened(centre[:, :2] + shift, paired + _ONE_SIDED * met.mean(axis=1))
        moved = float(np.abs(drawn - centre[:, :2]).max())
        centre[:, :2] = drawn
        if moved < _SETTLED_MM:
            break
    rays = measure_walls(volume, metal, centre, readable, cortex_hu=config.cortex_hu)
    radii, closed = smooth_tube(rays, unknown_mm=config.unknown_mm)
    return Canal(points_lps(centre), radii + config.safety_mm, closed, track.score), readable, rays.core_hu


def _carried_on(path: Array, track: _Track, config: CanalConfig) -> Array:
    """Lengthen a centre line straight towards the ends of what was searched."""
    rows = max(2, round(_TRUST_MM / _TRACK_MM))
    out = [path]
    for end, others, limit in ((0, slice(0, rows), track.height_mm[0]), (-1, slice(-rows, None), track.height_mm[-1])):
        far = float(np.clip(limit - path[end, 2], -config.carried_mm, config.carried_mm))
        if abs(far) < _TRACK_MM / 2 or len(path) < 3:
            continue
        lean = np.clip(np.polyfit(path[others, 2], path[others, :2], 1)[0], -1.0, 1.0)
        tip = np.append(path[end, :2] + lean * far, path[end, 2] + far)[None]
        out = [tip, *out] if end == 0 else [*out, tip]
    return np.concatenate(out)
