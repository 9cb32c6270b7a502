"""What a cut shows of the CT and of its structures, as a picture of any size."""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.labels import LabelMap, StructureKind
from planner.model.plan import Plan
from planner.model.volume import Mask, Volume
from planner.report.palette import BONE, BREACH, CANAL, CEMENT, GAP, IMPLANT, UNREADABLE
from planner.report.reslice import Cut
from planner.station.choice import hidden_with
from planner.station.reslice.windows import Window

Voxels = npt.NDArray[Any]
Single = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Pixels = tuple[int, int]
"""Rows and columns of a picture."""

OUTSIDE_RGB = (24, 28, 44)
"""Where the CT has no voxel: a blue that no grey of a CT is, so that it is not taken for air."""
_FILLED: dict[StructureKind, tuple[str, float]] = {
    "canal": (CANAL, 0.15),
    "implant": (IMPLANT, 0.10),
    "gap": (GAP, 0.30),
    "breach": (BREACH, 0.50),
}
"""Colour, and how opaque it is inside of its outline: the CT below stays readable."""
_CEMENT_FILL = 0.60
PAINTED = "#EE7733"
"""Outline of what a person paints: no colour of the plan's (P. Tol, vibrant)."""
_STRIPE_PX, _STRIPE_LIT_PX = 8, 2
_STRIPE_OPACITY = 0.45

Table = Single
"""A row for each code: red, green, blue (0..255), opacity inside of the outline; below 0 nothing is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """A cut's pixels, before they become colours.

    Parameters
    ----------
    hu : ndarray of float32, shape (rows, columns)
        Interpolated HU; NaN where the CT has no voxel, or the scanner measured nothing.
    codes : ndarray of int32, shape (rows, columns)
        Structure codes of the nearest voxel, 0 for none.
    unreadable, cement : ndarray of bool, shape (rows, columns)
        Where metal artefacts leave tissue unreadable (metal itself is read), and where there is cement.
    painted : ndarray of int32, shape (rows, columns), or None
        Codes of gaps as a person paints them, 0 for none; None where nobody paints.
    """

    hu: Single
    codes: Codes
    unreadable: Bools
    cement: Bools
    painted: Codes | None = None


def sampled(
    cut: Cut,
    pixels: Pixels,
    *,
    volume: Volume | None,
    labels: LabelMap | None = None,
    unreadable: Mask | None = None,
    cement: Mask | None = None,
    painted: LabelMap | None = None,
) -> Sampled:
    """Read all that a cut shows.

    Parameters
    ----------
    cut : Cut
        Where; its pixels are `Cut.points`', from its upper left corner.
    pixels : tuple of int
        Rows and columns of the picture.
    volume : Volume or None
        The CT; None: it is not there.
    labels : LabelMap or None
        The plan's structures, on any grid.
    unreadable, cement : Mask or None
        On grids of their own.
    painted : LabelMap or None
        Gaps as a person paints them, on a grid of its own.

    Returns
    -------
    Sampled
    """
    hu = np.full(pixels, np.nan, np.float32) if volume is None else hu_on(volume, cut, pixels)
    codes = np.zeros(pixels, np.int32) if labels is None else nearest_on(labels.grid, labels.codes, cut, pixels)
    unread = _mask_on(unreadable, cut, pixels)
    if labels is not None and unread.any():
        metal = [structure.code for structure in labels.structures if structure.kind == "implant"]
        unread &= ~np.isin(codes, metal)
    drawn = None if painted is None else nearest_on(painted.grid, painted.codes, cut, pixels)
    return Sampled(hu, codes, unread, _mask_on(cement, cut, pixels), drawn)


def hu_on(volume: Volume, cut: Cut, pixels: Pixels) -> Single:
    """Interpolate HU on a cut, linearly along each of the CT's axes.

    Parameters
    ----------
    volume : Volume
        The CT, stored any way round.
    cut : Cut
        Where.
    pixels : tuple of int
        Rows and columns.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        NaN outside of the CT's voxels, and in those that the scanner wrote no measurement into.
    """
    out = np.empty(pixels, np.float32)
    _interpolate(volume.hu, *_steps(volume.grid, cut, pixels), out)
    if volume.padding is not None:
        out[nearest_on(volume.grid, volume.padding.view(np.uint8), cut, pixels) > 0] = np.nan
    return out


def nearest_on(grid: Grid, voxels: Voxels, cut: Cut, pixels: Pixels) -> Codes:
    """Give the value of the nearest voxel on a cut: codes are never mixed.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    voxels : ndarray of integers, shape ``grid.shape``
        Codes.
    cut : Cut
        Where.
    pixels : tuple of int
        Rows and columns.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        0 outside of the grid.
    """
    out = np.empty(pixels, np.int32)
    _pick(voxels, *_steps(grid, cut, pixels), out)
    return out


def colours_of(
    labels: LabelMap, *, plan: Plan | None = None, hidden: frozenset[str] = frozenset(), with_bone: bool = False
) -> Table:
    """Say how each structure is drawn.

    Parameters
    ----------
    labels : LabelMap
        The structures.
    plan : Plan or None
        The plan: a hidden gap takes its breaches along.
    hidden : frozenset of str
        Ids of what is not drawn.
    with_bone : bool
        Whether bone is drawn too: where there is no CT below.

    Returns
    -------
    Table, shape (largest code + 1, 4)
    """
    gone = hidden_with(plan, hidden)
    table = np.full((max((s.code for s in labels.structures), default=0) + 1, 4), -1.0, np.float32)
    filled = {**_FILLED, "bone": (BONE, 0.5)} if with_bone else _FILLED
    for structure in labels.structures:
        if structure.kind in filled and structure.id not in gone:
            colour, opacity = filled[structure.kind]
            table[structure.code] = (*rgb(colour), opacity)
    return table


def picture(seen: Sampled, window: Window, table: Table | None = None, *, is_filled: bool = True) -> Bytes:
    """Turn a cut into colours.

    Parameters
    ----------
    seen : Sampled
        What was read.
    window : Window
        Which HU are black and white.
    table : Table or None
        How structures are drawn; None: not at all. A code without a row is not drawn.
    is_filled : bool
        Whether structures are filled, or only outlined.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        Red, green, blue.
    """
    out = np.empty((*seen.hu.shape, 3), np.uint8)
    colours = np.full((1, 4), -1.0, np.float32) if table is None else table
    outside, cement, stripes = (np.array(c, np.float32) for c in (OUTSIDE_RGB, rgb(CEMENT), rgb(UNREADABLE)))
    scale = 255.0 / max(window.width_hu, 1e-6)
    _grey(seen.hu, window.low_hu, scale, outside, out)
    if seen.unreadable.any():
        _hatch(seen.unreadable, stripes, out)
    _colour(seen.codes, colours, 1.0 if is_filled else 0.0, out)
    if seen.cement.any():
        row = np.array([[-1.0] * 4, [*cement, _CEMENT_FILL]], np.float32)
        _colour(seen.cement.astype(np.int32), row, 1.0, out)
    if seen.painted is not None and seen.painted.any():
        row = np.array([*rgb(PAINTED), 0.0], np.float32)
        _colour(seen.painted, np.tile(row, (int(seen.painted.max()) + 1, 1)), 0.0, out)
    return out


def rgb(colour: str) -> tuple[int, int, int]:
    """Turn "#RRGGBB" into three numbers, 0 to 255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def slice_step_mm(grid: Grid, cut: Cut) -> float:
    """Say how far the next slice lies behind a cut: the spacing along the grid's axis nearest to its normal, mm."""
    along = np.abs(grid.directions_lps.T @ cut.normal_lps)
    return grid.spacing_mm[int(np.argmax(along))]


def _mask_on(mask: Mask | None, cut: Cut, pixels: Pixels) -> Bools:
    if mask is None:
        return np.zeros(pixels, np.bool_)
    return nearest_on(mask.grid, mask.voxels.view(np.uint8), cut, pixels) > 0


def _steps(grid: Grid, cut: Cut, pixels: Pixels) -> tuple[Array, Array, Array]:
    """Give the index of the first pixel, and the steps to the pixel below and to the one at the right."""
    rows, columns = pixels
    (wide, tall), linear = cut.half_mm, grid.index_from_lps[:3, :3]
    right, down = 2.0 * wide / columns * cut.right_lps, 2.0 * tall / rows * cut.down_lps
    first = cut.centre_lps + (0.5 - columns / 2.0) * right + (0.5 - rows / 2.0) * down
    return np.asarray(grid.to_index(first)), linear @ down, linear @ right


@numba.njit(cache=True, nogil=True)
def _interpolate(voxels: Voxels, first: Array, down: Array, right: Array, out: Single) -> None:
    n0, n1, n2 = voxels.shape
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            x = first[0] + r * down[0] + c * right[0]
            y = first[1] + r * down[1] + c * right[1]
            z = first[2] + r * down[2] + c * right[2]
            # A voxel reaches half a step beyond its centre.
            if x < -0.5 or y < -0.5 or z < -0.5 or x > n0 - 0.5 or y > n1 - 0.5 or z > n2 - 0.5:
                out[r, c] = np.nan
                continue
            x = min(max(x, 0.0), n0 - 1.0)
            y = min(max(y, 0.0), n1 - 1.0)
            z = min(max(z, 0.0), n2 - 1.0)
            i, j, k = int(x), int(y), int(z)
            i1, j1, k1 = min(i + 1, n0 - 1), min(j + 1, n1 - 1), min(k + 1, n2 - 1)
            a, b, g = x - i, y - j, z - k
            v00 = voxels[i, j, k] * (1.0 - g) + voxels[i, j, k1] * g
            v01 = voxels[i, j1, k] * (1.0 - g) + voxels[i, j1, k1] * g
            v10 = voxels[i1, j, k] * (1.0 - g) + voxels[i1, j, k1] * g
            v11 = voxels[i1, j1, k] * (1.0 - g) + voxels[i1, j1, k1] * g
            out[r, c] = (v00 * (1.0 - b) + v01 * b) * (1.0 - a) + (v10 * (1.0 - b) + v11 * b) * a


@numba.njit(cache=True, nogil=True)
def _pick(voxels: Voxels, first: Array, down: Array, right: Array, out: Codes) -> None:
    n0, n1, n2 = voxels.shape
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            i = int(np.floor(first[0] + r * down[0] + c * right[0] + 0.5))
            j = int(np.floor(first[1] + r * down[1] + c * right[1] + 0.5))
            k = int(np.floor(first[2] + r * down[2] + c * right[2] + 0.5))
            inside = 0 <= i < n0 and 0 <= j < n1 and 0 <= k < n2
            out[r, c] = voxels[i, j, k] if inside else 0


@numba.njit(cache=True, nogil=True)
def _grey(hu: Single, low: float, scale: float, outside: Single, out: Bytes) -> None:
    for r in range(hu.shape[0]):
        for c in range(hu.shape[1]):
            value = hu[r, c]
            if np.isnan(value):
                for k in range(3):
                    out[r, c, k] = int(outside[k])
            else:
                grey = int(min(max((value - low) * scale, 0.0), 255.0))
                for k in range(3):
                    out[r, c, k] = grey


@numba.njit(cache=True, nogil=True)
def _hatch(mask: Bools, colour: Single, out: Bytes) -> None:
    for r in range(mask.shape[0]):
        for c in range(mask.shape[1]):
            if mask[r, c] and (r + c) % _STRIPE_PX < _STRIPE_LIT_PX:
                for k in range(3):
                    mixed = out[r, c, k] * (1.0 - _STRIPE_OPACITY) + colour[k] * _STRIPE_OPACITY
                    out[r, c, k] = int(mixed)


@numba.njit(cache=True, nogil=True)
def _colour(codes: Codes, table: Single, fill: float, out: Bytes) -> None:
    rows, columns = codes.shape
    for r in range(rows):
        for c in range(columns):
            code = codes[r, c]
            if code < 1 or code >= table.shape[0] or table[code, 3] < 0.0:
                continue
            is_edge = (
                (r > 0 and codes[r - 1, c] != code)
                or (r + 1 < rows and codes[r + 1, c] != code)
                or (c > 0 and codes[r, c - 1] != code)
                or (c + 1 < columns and codes[r, c + 1] != code)
            )
            share = 1.0 if is_edge else table[code, 3] * fill
            for k in range(3):
                out[r, c, k] = int(out[r, c, k] * (1.0 - share) + table[code, k] * share)
