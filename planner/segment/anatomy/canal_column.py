"""The soft column that may be the spinal canal: evidence for its centre in each voxel, and its way from slice to slice.

A slice that metal fills tells little: bright and dark bands cross the canal there. Such slices count for little, and
the column runs straight through them.
"""

from collections.abc import Callable

import numpy as np
from scipy import ndimage as ndi

from planner.geometry.frames import Array
from planner.segment.enclosure import AXIAL_16, enclosure
from planner.segment.upright import Bools, Floats, shifted

_SHORTEST_MM = 30.0
"""One vertebra and its discs: a shorter column is none."""
_BRIDGE_MM = 70.0
"""The column may go without evidence for two levels (laminectomy, metal artefact)."""
NEUTRAL = 0.35
"""Evidence that speaks neither for nor against a column; ours, tuned on five scans."""
_BLOOM_MM = 2.5
"""What reads as bone so near metal is its bloom."""
_LEAST_SHOWN = 0.4
"""A body of which less than this share is in the field of view is not looked for."""
_DISC_SHARE = 0.5
"""A lumbar disc is up to 12 mm high, half of the 24 mm over which bone is looked for."""
_BANDS = 0.5
"""What a slice full of artefact shows counts for no more than this, for or against."""
_BODY_MM = 32.0
"""A lumbar body's middle lies up to so far from its flank: bodies are 40 to 60 mm wide."""
_TURN_MM = (20.0, 60.0)
_TURNED_MM = 8.0
"""So far aside of the line through what lies 20 to 60 mm before it: a bend of 90 mm radius. Scoliosis of 50 degrees
over four thoracic levels has 110 mm. Ours."""
_SACRAL_LEAN = 0.4
"""Backwards, mm per mm: the sacrum leans by 40 to 60 degrees, its canal somewhat less. Ours."""
_ASIDE_COST = 0.2
"""What each voxel to the side costs: a canal bends less to the side than forwards, and nerve roots leave there."""
_ROWS_MM = 15.0
"""What blocks the column is looked for so far up and down: half a level."""


def readable_slices(metal: Bools, edge_mm: float, *, spoilt_mm2: float, least: float) -> Array:
    """Say how far each slice can be read in spite of the metal in it.

    Parameters
    ----------
    metal : ndarray of bool, shape (S, R, C)
        Metal on an upright isotropic grid.
    edge_mm : float
        Edge of a voxel, mm.
    spoilt_mm2 : float
        Area of metal, mm2, at which half of what a slice shows is believed.
    least : float
        Share that is believed of any slice.

    Returns
    -------
    ndarray, shape (S,)
        From `least` to 1.
    """
    area = metal.sum(axis=(1, 2)) * edge_mm**2
    # a helical scan's artefact spreads into the next slices
    area = ndi.maximum_filter1d(area, 2 * max(1, round(1.5 / edge_mm)) + 1)
    return np.asarray(np.maximum(1.0 / (1.0 + (area / spoilt_mm2) ** 4), least))


def column_evidence(
    hu: Floats,
    metal: Bools,
    edge_mm: float,
    *,
    cortex_hu: float,
    readable: Array | None = None,
    measured: Bools | None = None,
) -> Floats:
    """Give each voxel's evidence that the canal's centre lies there.

    Parameters
    ----------
    hu : ndarray, shape (S, R, C)
        CT on an upright isotropic grid.
    metal : ndarray of bool, shape (S, R, C)
        Metal; neither it nor its bloom counts as bone.
    edge_mm : float
        Edge of a voxel, mm.
    cortex_hu : float
        Where bone begins at this resolution.
    readable : ndarray, shape (S,), or None
        How far each slice can be read, 0 to 1; None for all of them wholly.
    measured : ndarray of bool, shape (S, R, C), or None
        Within the field of view; None for all of it.

    Returns
    -------
    ndarray of float32, shape (S, R, C)
        Positive where the canal is likely, about 1 at its best; near a neutral 0.35 in slices that cannot be read.

    Notes
    -----
    Weights are ours, set on the anatomy (arch, body, free column) and looked at on thoracic and lumbar scans.
    """
    weight = (np.ones(len(hu)) if readable is None else np.asarray(readable)).astype(np.float32)
    smooth = ndi.gaussian_filter(hu, (1.0, 0.4, 0.4))

    def voxels(mm: float) -> int:
        return max(1, round(mm / edge_mm))

    bone = smooth > cortex_hu
    if metal.any():
        bone &= ~ndi.binary_dilation(metal, iterations=voxels(_BLOOM_MM))
    known = weight[:, None, None] > 0.5
    rays = enclosure(bone, AXIAL_16, 24.0 / edge_mm)
    walled = ndi.maximum_filter1d(rays * known, 2 * voxels(12.0) + 1, axis=0).astype(np.float32) / len(AXIAL_16)
    # the body in front: bone or what bone walls in, 11 to 27 mm before the centre and 9 mm to either side
    within = enclosure(bone, AXIAL_16, _BODY_MM / edge_mm) >= 14
    solid = ((bone | within | metal) & known).astype(np.float32)
    seen = np.broadcast_to(known, bone.shape) if measured is None else known & measured
    front, shown = _before(solid, voxels), _before(seen.astype(np.float32), voxels)
    front = np.where(shown > _LEAST_SHOWN, front / np.maximum(shown, _LEAST_SHOWN), 0.0).astype(np.float32)
    body = ndi.maximum_filter1d(front, 2 * voxels(12.0) + 1, axis=0)
    near = ndi.uniform_filter(bone.astype(np.float32), (1, 2 * voxels(3.0) + 1, 2 * voxels(3.0) + 1))
    blocked = _mean_along(near, weight, 2 * voxels(_ROWS_MM) + 1)
    fluid = ndi.uniform_filter(np.clip(smooth, -200, 400), (voxels(9.0), 3, 3))
    # cord, fluid and fat; cancellous bone of a body reads more
    soft = np.clip((120.0 - fluid) / 60.0, 0, 1) * np.clip((fluid + 250.0) / 100.0, 0, 1)
    ring = 0.9 * np.clip((walled - 0.55) / 0.4, -0.5, 1)
    before = 2.5 * np.clip(body - 0.6, -0.4, 0.06)
    good = ring + before + 0.3 * soft + 0.6 * (soft - 0.75)
    good = good + 0.8 * np.clip(_mirrored(bone, edge_mm) - 0.45, -0.45, 0.25)
    told = good - 3.0 * near - 2.5 * blocked
    # only discs may have been readable of this level: that neither ring nor body shows there says nothing
    lacking = np.minimum(ring, 0) + np.minimum(before, 0)
    excused = told - (1.0 - _telling(seen, voxels)) * lacking
    told = np.where(lacking < 0, np.maximum(told, np.minimum(excused, NEUTRAL)), told)
    doubt = weight[:, None, None] < 0.5
    told = np.where(doubt, np.clip(told, NEUTRAL - _BANDS, NEUTRAL + _BANDS), told)
    return np.asarray(NEUTRAL + weight[:, None, None] * (told - NEUTRAL), dtype=np.float32)


def _before(values: Floats, voxels: Callable[[float], int]) -> Floats:
    """Mean over where the body lies: 11 to 27 mm before each voxel and 9 mm to either side."""
    mean = ndi.uniform_filter(values, (1, voxels(16.0), 2 * voxels(9.0) + 1), mode="constant")
    mean = np.roll(mean, voxels(19.0), axis=1)
    mean[:, : voxels(19.0)] = 0
    return np.asarray(mean)


def _telling(seen: Bools, voxels: Callable[[float], int]) -> Floats:
    """Say how far the lack of bone tells against a canal: not where all that is seen may be one disc."""
    shown = _before(seen.astype(np.float32), voxels)
    share = ndi.uniform_filter1d(shown, 2 * voxels(12.0) + 1, axis=0, mode="nearest")
    return np.asarray(np.clip((share - _DISC_SHARE) / (1.0 - _DISC_SHARE), 0.0, 1.0))


def _mean_along(values: Floats, weight: Floats, length: int) -> Floats:
    """Mean along the slices, each with its weight."""
    total = ndi.uniform_filter1d(values * weight[:, None, None], length, axis=0)
    share = ndi.uniform_filter1d(weight, length)
    return np.asarray(total / np.maximum(share, 1e-3)[:, None, None], dtype=np.float32)


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


def best_column(
    evidence: Floats,
    edge_mm: float,
    *,
    least: float,
    sure: float,
    readable: Array | None = None,
    step_cost: float = 0.12,
) -> tuple[Array, float] | None:
    """Find the smooth column with most evidence from slice to slice.

    Parameters
    ----------
    evidence : ndarray, shape (S, R, C)
        What `column_evidence` gives.
    edge_mm : float
        Edge of a voxel, mm.
    least, sure : float
        Least evidence over 20 mm, and of the whole column.
    readable : ndarray, shape (S,), or None
        How far each slice can be read: what cannot be is not counted.
    step_cost : float
        What each voxel to the front or back from slice to slice costs of the evidence.

    Returns
    -------
    (indices, score) or None
        Indices (slice, row, column), shape (N, 3), from below to above, and the mean evidence; None where no column
        of 30 mm (one vertebra and its discs) has any.
    """
    path = _strongest_path(evidence - NEUTRAL, step_cost)
    cells = path.astype(int)
    weight = np.ones(len(cells)) if readable is None else np.asarray(readable)[cells[:, 0]]
    told = evidence[cells[:, 0], cells[:, 1], cells[:, 2]].astype(np.float64) - NEUTRAL
    rows = max(1, round(20.0 / edge_mm))
    share = ndi.uniform_filter1d(weight, rows, mode="nearest")
    along = NEUTRAL + ndi.uniform_filter1d(told, rows, mode="nearest") / share
    bridge = round(_BRIDGE_MM / edge_mm)
    good = ndi.binary_closing(np.pad(along > least, bridge), np.ones(bridge))[bridge : bridge + len(along)]
    kept = longest_run(good)
    if (kept.stop - kept.start) * edge_mm < min(_SHORTEST_MM, 0.8 * len(evidence) * edge_mm):
        return None
    score = NEUTRAL + float(told[kept].sum() / weight[kept].sum())
    return (path[kept], score) if score >= sure else None


def _strongest_path(gain: Floats, step_cost: float) -> Array:
    """Follow the greatest sum from slice to slice, begun and ended anywhere; indices, shape (N, 3)."""
    best = np.empty_like(gain)
    back = np.full(gain.shape, -1, dtype=np.int8)
    # the sacral canal leans back by more than 45 degrees
    moves = [(r, c) for r in (-2, -1, 0, 1, 2) for c in (-1, 0, 1)]
    best[0] = np.maximum(gain[0], 0)
    for k in range(1, len(gain)):
        top, choice = np.zeros_like(gain[0]), np.full(gain[0].shape, -1, dtype=np.int8)
        for m, (r, c) in enumerate(moves):
            came = _moved(best[k - 1], r, c) - step_cost * abs(r) - _ASIDE_COST * abs(c)
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
    return np.array(rows[::-1], dtype=np.float64)


def longest_run(flags: Bools) -> slice:
    """Give the longest stretch of True; an empty slice where there is none."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    if not len(edges):
        return slice(0, 0)
    starts, stops = edges[::2], edges[1::2]
    i = int(np.argmax(stops - starts))
    return slice(int(starts[i]), int(stops[i]))


def turns_off(line_lps: Array, step_mm: float) -> int | None:
    """Say where a column leaves the sacral canal along a nerve root, out through its foramen.

    Parameters
    ----------
    line_lps : ndarray, shape (N, 3)
        Its middle, from above to below, LPS mm.
    step_mm : float
        How far the points lie apart along the patient, mm.

    Returns
    -------
    int or None
        The first in its lower half that runs backwards like a sacrum and lies 8 mm aside of the straight line through
        what came 20 to 60 mm before, as do all below it; None where none does, or the column is too short to tell.
    """
    aside, back = line_lps[:, 0], line_lps[:, 1]
    near, far = round(_TURN_MM[0] / step_mm), round(_TURN_MM[1] / step_mm)
    rows = np.arange(near, far)
    centre = rows.mean()
    for k in range(max(far, len(aside) // 2), len(aside)):
        if back[k] - back[k - near] < _SACRAL_LEAN * near * step_mm:
            continue
        before = aside[k - rows]
        slope = -float(((rows - centre) * (before - before.mean())).sum() / ((rows - centre) ** 2).sum())
        onwards = before.mean() + slope * (centre + np.arange(len(aside) - k))
        if np.abs(aside[k:] - onwards).min() > _TURNED_MM:
            return k
    return None


def _moved(plane: Floats, row: int, col: int) -> Floats:
    out = np.full_like(plane, -1e6)
    n, m = plane.shape
    out[max(0, -row) : n - max(0, row), max(0, -col) : m - max(0, col)] = plane[
        max(0, row) : n - max(0, -row), max(0, col) : m - max(0, -col)
    ]
    return out
