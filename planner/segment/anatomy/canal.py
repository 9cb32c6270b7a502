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
from planner.segment.upright import AXIAL_16, Bools, Floats, enclosure, resample, shifted, upright_grid, upright_hu

_TRACK_MM = 1.5
"""Voxels of the search for the column; the narrowest healthy canal is some 12 mm wide (T4-T6)."""
_METAL_HU = 2000.0
_USUAL_MM = 8.0
"""Half the width of a usual canal, where no wall was met at all."""
_ANGLES = 48
_MANY_VOXELS = 6_000_000
"""Above this the column is first looked for at twice the voxel."""
_ROUND_COLUMN_MM = np.array([45.0, 45.0, 12.0])
_BRIDGE_MM = 40.0
"""The column may go without evidence for about a level (laminectomy, metal artefact)."""
_TRUST_MM = 20.0
"""Lean, width and evidence are judged over this length: less than a vertebra, more than a disc."""
_SHORTEST_MM = 30.0
"""One vertebra and its discs: a shorter column is none."""
_REACH_MM = 17.0
"""Half the widest lumbar canal (28 mm across) and a little more."""

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
        line = coarse[0]
        box = np.stack([line.min(axis=0) - _ROUND_COLUMN_MM, line.max(axis=0) + _ROUND_COLUMN_MM])
    check_cancelled(monitor)
    found = _track(volume, metal, box, _TRACK_MM, config)
    check_cancelled(monitor)
    return None if found is None else _trusted(_measure(volume, metal, *found, config), config)


def _track(
    volume: Volume, metal: Mask | None, box_lps: Array | None, edge_mm: float, config: CanalConfig
) -> tuple[PointsLps, float] | None:
    grid = upright_grid(volume.grid, edge_mm, box_lps)
    if min(grid.shape) * edge_mm < _SHORTEST_MM / 2:
        return None
    hu = np.nan_to_num(upright_hu(volume, grid), nan=-1000.0)
    hard = (hu > _METAL_HU) if metal is None else resample(metal.voxels, metal.grid, grid) > 0.3
    evidence = column_evidence(hu, hard, edge_mm, cortex_hu=config.cortex_hu)
    path = best_column(evidence, edge_mm, least=config.least_evidence, sure=config.sure_evidence)
    return None if path is None else (grid.to_lps(path[0]), path[1])


def _trusted(canal: Canal, config: CanalConfig) -> Canal | None:
    """Keep the longest stretch that stands like a canal: lean, width and share of bony wall."""
    line = canal.centre_lps
    rows = max(1, round(_TRUST_MM / max(float(np.diff(line[:2, 2]).sum()), 0.1)))

    def over(values: Array, length: int) -> Array:
        return np.asarray(ndi.uniform_filter1d(np.asarray(values, dtype=np.float64), length, axis=0, mode="nearest"))

    path = over(line[:, :2], rows // 2)
    lean = np.hypot(*np.gradient(path, line[:, 2], axis=0).T) if len(line) > 1 else np.zeros(1)
    stands = over(lean, rows // 2) <= config.steepest_lean
    stands &= over(canal.radii_mm.mean(axis=1), rows) <= config.widest_mm
    stands &= over(canal.closed.mean(axis=1), 2 * rows) >= config.least_closed
    kept = _longest_run(stands)
    if kept.stop == kept.start:
        return None
    length = float(line[kept.stop - 1, 2] - line[kept.start, 2])
    if length < min(_SHORTEST_MM, 0.8 * float(line[-1, 2] - line[0, 2])):
        return None
    return Canal(
        points_lps(line[kept]),
        canal.radii_mm[kept],
        canal.closed[kept],
        canal.score,
        cut_below=kept.start > 0,
        cut_above=kept.stop < len(line),
    )


def column_evidence(hu: Floats, metal: Bools, edge_mm: float, *, cortex_hu: float) -> Floats:
    """Give each voxel's evidence that the canal's centre lies there.

    Parameters
    ----------
    hu : ndarray, shape (S, R, C)
        CT on an upright isotropic grid.
    metal : ndarray of bool, shape (S, R, C)
        Metal: it walls the canal in as bone does.
    edge_mm : float
        Edge of a voxel, mm.
    cortex_hu : float
        Where bone begins at this resolution.

    Returns
    -------
    ndarray of float32, shape (S, R, C)
        Positive where the canal is likely, about 1 at its best.

    Notes
    -----
    Weights are ours, set on the anatomy (arch, body, free column) and looked at on thoracic and lumbar scans.
    """
    smooth = ndi.gaussian_filter(hu, (1.0, 0.4, 0.4))
    bone = (smooth > cortex_hu) | metal

    def voxels(mm: float) -> int:
        return max(1, round(mm / edge_mm))

    rays = enclosure(bone, AXIAL_16, 24.0 / edge_mm)
    walled = ndi.maximum_filter1d(rays, 2 * voxels(12.0) + 1, axis=0).astype(np.float32) / len(AXIAL_16)
    # the body in front: bone or what bone walls in, 11 to 27 mm before the centre and 9 mm to either side
    solid = (bone | (rays >= 14)).astype(np.float32)
    front = ndi.uniform_filter(solid, (1, voxels(16.0), 2 * voxels(9.0) + 1), mode="constant")
    front = np.roll(front, voxels(19.0), axis=1)
    front[:, : voxels(19.0)] = 0
    body = ndi.maximum_filter1d(front, 2 * voxels(12.0) + 1, axis=0)
    near = ndi.uniform_filter(bone.astype(np.float32), (1, 2 * voxels(3.0) + 1, 2 * voxels(3.0) + 1))
    blocked = ndi.uniform_filter1d(near, 2 * voxels(15.0) + 1, axis=0)
    fluid = ndi.uniform_filter(np.clip(smooth, -200, 400), (voxels(9.0), 3, 3))
    soft = np.clip((160.0 - fluid) / 100.0, 0, 1) * np.clip((fluid + 250.0) / 100.0, 0, 1)
    good = 0.9 * np.clip((walled - 0.55) / 0.4, -0.5, 1) + 2.5 * np.clip(body - 0.6, -0.4, 0.06) + 0.3 * (soft - 0.5)
    good = good + 0.8 * np.clip(_mirrored(bone, edge_mm) - 0.45, -0.45, 0.25)
    return np.asarray(good - 1.6 * near - 2.5 * blocked, dtype=np.float32)


def _mirrored(bone: Bools, edge_mm: float) -> Floats:
    """Share of the bone 16 to 36 mm to either side that has bone opposite: near 1 on a spine's midline."""
    broad = ndi.maximum_filter(bone, [max(1, round(mm / edge_mm)) for mm in (12.0, 6.0, 6.0)])
    both, either = np.zeros(bone.shape, dtype=np.uint8), np.zeros(bone.shape, dtype=np.uint8)
    for away in np.unique(np.round(np.arange(16.5, 37.0, 3.0) / edge_mm).astype(int)):
        left, right = shifted(broad, (0, 0, int(away))), shifted(broad, (0, 0, -int(away)))
        both += left & right
        either += left | right
    rows = max(1, round(24.0 / edge_mm))
    paired = ndi.uniform_filter1d(both.astype(np.float32), rows, axis=1)
    return np.asarray(paired / np.maximum(ndi.uniform_filter1d(either.astype(np.float32), rows, axis=1), 0.5))


def best_column(evidence: Floats, edge_mm: float, *, least: float, sure: float) -> tuple[Array, float] | None:
    """Find the smooth column with most evidence from slice to slice.

    Parameters
    ----------
    evidence : ndarray, shape (S, R, C)
        What `column_evidence` gives.
    edge_mm : float
        Edge of a voxel, mm.
    least, sure : float
        Least evidence over 20 mm, and of the whole column.

    Returns
    -------
    (indices, score) or None
        Indices (slice, row, column), shape (N, 3), from below to above, and the mean evidence; None where no column
        of 30 mm (one vertebra and its discs) has any.
    """
    gain = evidence - 0.35
    count = evidence.shape[0]
    best = np.empty_like(gain)
    back = np.full(gain.shape, -1, dtype=np.int8)
    # the sacral canal leans back by more than 45 degrees
    moves = [(r, c) for r in (-2, -1, 0, 1, 2) for c in (-1, 0, 1)]
    best[0] = np.maximum(gain[0], 0)
    for k in range(1, count):
        top, choice = np.zeros_like(gain[0]), np.full(gain[0].shape, -1, dtype=np.int8)
        for m, (r, c) in enumerate(moves):
            came = _moved(best[k - 1], r, c) - 0.12 * (abs(r) + abs(c))
            better = came > top
            top[better], choice[better] = came[better], m
        best[k], back[k] = top + gain[k], choice
    k, r, c = (int(v) for v in np.unravel_index(int(np.argmax(best)), best.shape))
    rows = []
    while k >= 0:
        rows.append((k, r, c))
        m = back[k, r, c]
        if k == 0 or m < 0:
            break
        k, r, c = k - 1, r + moves[m][0], c + moves[m][1]
    path = np.array(rows[::-1], dtype=np.float64)
    cells = path.astype(int)
    along = evidence[cells[:, 0], cells[:, 1], cells[:, 2]].astype(np.float64)
    good = ndi.uniform_filter1d(along, max(1, round(20.0 / edge_mm)), mode="nearest") > least
    bridge = round(_BRIDGE_MM / edge_mm)
    kept = _longest_run(ndi.binary_closing(np.pad(good, bridge), np.ones(bridge))[bridge : bridge + len(good)])
    if (kept.stop - kept.start) * edge_mm < min(_SHORTEST_MM, 0.8 * count * edge_mm):
        return None
    score = float(along[kept].mean())
    return (path[kept], score) if score >= sure else None


def _longest_run(flags: Bools) -> slice:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    if not len(edges):
        return slice(0, 0)
    starts, stops = edges[::2], edges[1::2]
    i = int(np.argmax(stops - starts))
    return slice(int(starts[i]), int(stops[i]))


def _moved(plane: Floats, row: int, col: int) -> Floats:
    out = np.full_like(plane, -1e6)
    n, m = plane.shape
    out[max(0, -row) : n - max(0, row), max(0, -col) : m - max(0, col)] = plane[
        max(0, row) : n - max(0, -row), max(0, col) : m - max(0, -col)
    ]
    return out


def _measure(volume: Volume, metal: Mask | None, path_lps: PointsLps, score: float, config: CanalConfig) -> Canal:
    """Measure the wall round a rough centre line, on the CT's own voxels, and centre the line in it."""
    ends = path_lps[[0, -1], 2] + np.array([-1.0, 1.0]) * _TRACK_MM
    edges = volume.grid.corners_lps[:, 2]
    z = np.arange(max(ends[0], edges.min()), min(ends[1], edges.max()) + 0.5, 1.0)
    smooth = ndi.gaussian_filter1d(path_lps[:, :2], 4.0 / _TRACK_MM, axis=0, mode="nearest")
    centre = np.column_stack([np.interp(z, path_lps[:, 2], smooth[:, k]) for k in (0, 1)] + [z])
    for _ in range(3):
        radii, _met = _regular(_walls(volume, metal, centre, config.cortex_hu))
        angle = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
        area = (radii**2).sum(axis=1)
        shift = np.column_stack([(radii**3 * f(angle)).sum(axis=1) * 2 / 3 / area for f in (np.cos, np.sin)])
        centre[:, :2] += ndi.gaussian_filter1d(shift, 4.0, axis=0, mode="nearest")
    radii, closed = _regular(_walls(volume, metal, centre, config.cortex_hu))
    return Canal(points_lps(centre), radii + config.safety_mm, closed, score)


def _walls(volume: Volume, metal: Mask | None, centre_lps: Array, cortex_hu: float) -> Array:
    """Distance to the first bone on each ray, NaN where there is none or where it is metal; shape (N, A)."""
    steps = np.arange(1.5, _REACH_MM, 0.4)
    angle = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
    ring = np.stack([np.cos(angle), np.sin(angle), np.zeros(_ANGLES)], axis=1)
    points = centre_lps[:, None, None, :] + steps[None, None, :, None] * ring[None, :, None, :]
    at = volume.grid.to_index(points.reshape(-1, 3)).T
    hu = ndi.map_coordinates(np.asarray(volume.hu), at, order=1, mode="nearest", output=np.float32)
    hu = hu.reshape(points.shape[:3])
    hu = ndi.gaussian_filter(hu, (1.0, 0.6, 0.0), mode=("nearest", "wrap", "nearest"))
    if metal is None:
        hard = hu > _METAL_HU
    else:
        near = metal.grid.to_index(points.reshape(-1, 3)).T
        inside = ndi.map_coordinates(metal.voxels.astype(np.float32), near, order=1, mode="constant")
        hard = inside.reshape(points.shape[:3]) > 0.3
    bone = hu > cortex_hu
    first = np.where(bone.any(axis=2), bone.argmax(axis=2), len(steps))
    far = first >= len(steps)
    index = np.minimum(first, len(steps) - 1)
    # what reads as bone just before metal is its bloom
    reach = np.clip(index[..., None] + np.arange(10), 0, len(steps) - 1)
    bloom = np.take_along_axis(hard, reach, axis=2).any(axis=2)
    out = steps[index].astype(np.float64)
    out[far | bloom] = np.nan
    return out


def _regular(walls: Array) -> tuple[Array, Bools]:
    """Carry the wall over foramina, open arches and streaks; radii and where they were met, shape (N, A)."""
    n = len(walls)
    turns = (-1, 0, 1)
    around = np.stack([np.roll(walls, t, axis=1) for t in turns], axis=2)

    def windowed(half: int, share: float) -> Array:
        out = np.full(walls.shape, np.nan)
        for k in range(n):
            block = around[max(0, k - half) : k + half + 1].transpose(1, 0, 2).reshape(walls.shape[1], -1)
            ordered = np.sort(block, axis=1)  # NaN sorts last
            count = np.isfinite(ordered).sum(axis=1)
            known = np.flatnonzero(count >= 0.25 * block.shape[1])
            at = share / 100.0 * (count[known] - 1)
            low = np.floor(at).astype(int)
            high = np.minimum(low + 1, count[known] - 1)
            out[k, known] = ordered[known, low] + (at - low) * (ordered[known, high] - ordered[known, low])
        return out

    usual = windowed(7, 50.0)
    wide = windowed(20, 40.0)
    typical = np.where(np.isfinite(usual), usual, wide)
    known = np.isfinite(typical).sum(axis=1) >= 0.3 * typical.shape[1]
    level = np.full(n, _USUAL_MM)
    if known.any():
        rows = np.flatnonzero(known)
        level = np.interp(np.arange(n), rows, np.nanmedian(typical[rows], axis=1))
    typical = np.where(np.isfinite(typical), typical, level[:, None])
    typical = np.minimum(typical, np.maximum(1.6 * level[:, None], 9.0))
    met = np.isfinite(walls) & (np.abs(walls - typical) <= 2.5)
    radii = np.where(np.isfinite(walls), np.clip(walls, typical - 1.5, typical + 1.5), typical)
    # a streak or a swollen wall dents single angles; the canal itself has no notch narrower than some 40 degrees
    radii = ndi.grey_closing(radii, size=(1, 5), mode="wrap")
    radii = ndi.gaussian_filter(radii, (1.0, 0.7), mode=("nearest", "wrap"))
    return radii, met
