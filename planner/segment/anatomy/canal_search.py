"""The search for the canal's column where the spine leans or bends: slices are moved so that it stands upright.

Evidence is gathered over some 25 mm up and down. Along a spine that leans by 20 degrees, as in kyphosis and scoliosis,
these are 9 mm aside, so once the column is roughly known every slice is moved with it and it is looked for again.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.config.anatomy_config import CanalConfig
from planner.geometry.frames import Array
from planner.segment.anatomy.canal_column import NEUTRAL, best_column, column_evidence, readable_slices
from planner.segment.upright import Bools, Floats

_ASIDE_MM = 48.0
"""So far to either side of the rough column bone is looked at: transverse processes and facets."""
_BEFORE_MM, _BEHIND_MM = 52.0, 42.0
"""And so far before and behind it: a vertebral body, a lamina."""
_SMOOTH_MM = 8.0
"""The rough column is smoothed over half a disc and a body's rim before slices are moved with it."""
_ENDS_MM = 30.0
"""Its lean at either end is told over one vertebra."""
_STEEPEST = 1.0
"""Past its ends it is not followed at more than 45 degrees."""
_ROUNDS = 2
_FIRST_STEP, _STEP = 0.06, 0.12
"""What a voxel to the back costs: at first little, for the sacrum leans by 45 degrees."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A column of soft tissue that may be the canal.

    Parameters
    ----------
    cells : ndarray, shape (N, 3)
        Slice, row and column, from below to above.
    score : float
        Mean evidence.
    readable : ndarray, shape (S,)
        How far each slice of the search can be read, 0 to 1.
    """

    cells: Array
    score: float
    readable: Array

    @property
    def total(self) -> float:
        """Evidence over all its slices, beyond what speaks neither for nor against."""
        return (self.score - NEUTRAL) * float(self.readable[self.cells[:, 0].astype(int)].sum())


@dataclass(frozen=True, slots=True, eq=False)
class _Slices:
    hu: Floats
    measured: Bools
    metal: Bools
    edge_mm: float
    readable: Array


def find_column(hu: Floats, metal: Bools, edge_mm: float, *, config: CanalConfig) -> Column | None:
    """Find the column on an upright isotropic grid, however it leans.

    Parameters
    ----------
    hu : ndarray of float32, shape (S, R, C)
        CT; NaN where nothing was measured.
    metal : ndarray of bool, shape (S, R, C)
        Metal.
    edge_mm : float
        Edge of a voxel, mm.
    config : CanalConfig
        When a column is taken for the canal.

    Returns
    -------
    Column or None
        None where there is none that can be believed.
    """
    readable = readable_slices(metal, edge_mm, spoilt_mm2=config.spoilt_mm2, least=config.least_readable)
    measured = np.isfinite(hu)
    slices = _Slices(np.where(measured, hu, np.float32(-1000.0)), measured, metal, edge_mm, readable)
    upright = np.zeros((len(hu), 2), dtype=np.intp)
    found = _look(slices, upright, hu.shape[1:], _FIRST_STEP, config)
    if found is None:
        return None
    for _ in range(_ROUNDS):
        again = _along(slices, found, config)
        if again is None or again.total < found.total:
            break
        longer = len(again.cells) > len(found.cells)
        found = again
        if not longer:
            break
    return found


def _along(slices: _Slices, column: Column, config: CanalConfig) -> Column | None:
    """Look again with every slice moved so that the rough column stands upright."""
    edge, count = slices.edge_mm, len(slices.hu)
    heights = column.cells[:, 0]
    line = ndi.gaussian_filter1d(column.cells[:, 1:], _SMOOTH_MM / edge, axis=0, mode="nearest")
    rows = max(2, round(_ENDS_MM / edge))
    ends = []
    for part, far in ((slice(0, rows), 0.0), (slice(-rows, None), count - 1.0)):
        lean = np.clip(np.polyfit(heights[part], column.cells[part, 1:], 1)[0], -_STEEPEST, _STEEPEST)
        end = line[0] if far == 0.0 else line[-1]
        ends.append(end + lean * (far - (heights[0] if far == 0.0 else heights[-1])))
    at = np.concatenate([[0.0], heights, [count - 1.0]])
    course = np.concatenate([ends[:1], line, ends[1:]])
    keep = np.concatenate([[heights[0] > 0], np.ones(len(heights), dtype=bool), [heights[-1] < count - 1]])
    middle = np.column_stack([np.interp(np.arange(count), at[keep], course[keep, k]) for k in (0, 1)])
    first = np.rint(middle - np.array([_BEFORE_MM, _ASIDE_MM]) / edge).astype(np.intp)
    shape = (round((_BEFORE_MM + _BEHIND_MM) / edge), round(2 * _ASIDE_MM / edge))
    return _look(slices, first, shape, _STEP, config)


def _look(
    slices: _Slices, first: npt.NDArray[np.intp], shape: tuple[int, ...], step_cost: float, config: CanalConfig
) -> Column | None:
    """Look for the column in a window of each slice; its first row and column, shape (S, 2)."""
    evidence = column_evidence(
        _window(slices.hu, first, shape, outside=-1000.0),
        _window(slices.metal, first, shape, outside=0),
        slices.edge_mm,
        cortex_hu=config.column_hu,
        readable=slices.readable,
        measured=_window(slices.measured, first, shape, outside=0),
    )
    found = best_column(
        evidence,
        slices.edge_mm,
        least=config.least_evidence,
        sure=config.sure_evidence,
        readable=slices.readable,
        step_cost=step_cost,
    )
    if found is None:
        return None
    cells = found[0].copy()
    cells[:, 1:] += first[cells[:, 0].astype(int)]
    return Column(cells, found[1], slices.readable)


def _window(
    values: npt.NDArray[Any], first: npt.NDArray[np.intp], shape: tuple[int, ...], *, outside: float
) -> npt.NDArray[Any]:
    """Take a window of each slice; `outside` where it reaches beyond."""
    out = np.full((len(values), *shape), outside, dtype=values.dtype)
    for k, start in enumerate(first):
        low = np.maximum(start, 0)
        high = np.minimum(start + shape, values.shape[1:])
        if np.any(high <= low):
            continue
        to, end = low - start, high - start
        out[k, to[0] : end[0], to[1] : end[1]] = values[k, low[0] : high[0], low[1] : high[1]]
    return out
