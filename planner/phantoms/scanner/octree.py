"""How much of each basis material lies in each voxel, from coarse blocks to fine: only surfaces are looked at closely.

A block that lies further from a solid's surface than its own half diagonal is whole or empty, for solids never
overstate distances. All others are cut into eight, and asked only about the solids that may cut them. The finest cells
are the subsamples of a voxel, asked at their centres, or staggered: then the eight of a cut cell lie at eight different
heights along the first axis, and a face across it is placed four times as finely. That is for rows of a detector, which
are three times as high as the cells are wide.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.frames import PointsLps
from planner.geometry.grid import Grid
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.raster import contains, half_diagonal_mm, indices_within, pieces_of
from planner.phantoms.texture import WAVES, texture_of
from planner.progress import SILENT, Monitor, track

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Index = npt.NDArray[np.intp]
Cells = npt.NDArray[np.int32]
_CELLS_AT_ONCE = 60_000
_THREADS = 1
"""Two take longer than one: most calls are short, and wait for the interpreter's lock."""
_TOP_LEVEL = 4
"""Blocks of 16 voxels to begin with."""
_OCTANTS = np.indices((2, 2, 2)).reshape(3, -1).T.astype(np.int32)
_STAGGER = (np.array([1, 2, 3, 0] * 2) - 1.5) / 4.0
"""How far each octant's sample lies above the octant's centre, in its edges: four heights in the lower half of a cell,
four in the upper, not rising along a diagonal."""


@dataclass(frozen=True, eq=False)
class Contents:
    """What the parts of a scene are made of.

    Parameters
    ----------
    amounts, per_hu : ndarray, shape (parts + 1, materials)
        Of each material in each part, the background last; and its change for one HU of texture.
    """

    amounts: Array
    per_hu: Array


@dataclass(frozen=True, eq=False)
class _Stroke:
    rank: int
    kind: int
    solid: Solid


@dataclass(frozen=True, eq=False)
class _Texture:
    """Waves along the grid's axes: the wave at a voxel is the real part of the product of three."""

    along: tuple[npt.NDArray[np.complex64], ...]
    gain: Single


def material_maps(
    scene: Scene,
    grid: Grid,
    contents: Contents,
    *,
    halvings: int = 2,
    staggered: bool = False,
    by_centre: bool = False,
    monitor: Monitor = SILENT,
) -> Single:
    """Average the materials of a scene over the voxels of a grid.

    Parameters
    ----------
    scene : Scene
        What lies there.
    grid : Grid
        Any orientation and spacing.
    contents : Contents
        What the parts are made of.
    halvings : int
        How often the voxels that a surface cuts are halved along each edge: 2 for 64 subsamples.
    staggered : bool
        Whether the eight subsamples of a cut cell lie at eight heights along the first axis, not at two.
    by_centre : bool
        Whether a cut voxel shows only the texture of the tissue at its centre, or each tissue's in its own share.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    ndarray of float32, shape (materials, *grid.shape)

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    kinds, kind_of_part = _kinds(scene, contents)
    strokes = [
        _Stroke(rank, int(kind_of_part[part]), solid)
        for rank, (part, solid) in enumerate((n, s) for n, p in enumerate(scene.parts) for s in pieces_of(p.solid))
    ]
    out = np.zeros((*grid.shape, contents.amounts.shape[1]), dtype=np.float32)
    texture = _texture(scene, grid, kinds)
    centre_kinds = np.full(grid.shape if by_centre else (0, 0, 0), -1, dtype=np.int16)
    stagger = _STAGGER if staggered and halvings > 0 else np.zeros_like(_STAGGER)
    refiner = _Refiner(grid, strokes, contents, kinds, texture, stagger, out, centre_kinds)
    refiner.run(int(kind_of_part[-1]), halvings, monitor)
    return np.moveaxis(out, -1, 0)


def _kinds(scene: Scene, contents: Contents) -> tuple[list[int], npt.NDArray[np.intp]]:
    """Put parts of like content and texture together: one part of each kind, and the kind of each part."""
    tissues = [*(p.tissue for p in scene.parts), scene.background]
    first: dict[tuple[Any, ...], int] = {}
    numbers: list[int] = []
    for part, tissue in enumerate(tissues):
        textured = tissue.texture_hu > 0.0 and bool(np.any(contents.per_hu[part]))
        key = (*contents.amounts[part], *((tissue.name, tissue.texture_hu, tissue.texture_mm) if textured else ()))
        first.setdefault(key, part)
        numbers.append(list(first).index(key))
    return list(first.values()), np.array(numbers, dtype=np.intp)


def _texture(scene: Scene, grid: Grid, kinds: list[int]) -> _Texture:
    tissues = [*(p.tissue for p in scene.parts), scene.background]
    along = tuple(np.zeros((len(kinds), n, WAVES), dtype=np.complex64) for n in grid.shape)
    gain = np.zeros(len(kinds), dtype=np.float32)
    for kind, part in enumerate(kinds):
        if tissues[part].texture_hu <= 0.0:
            continue
        texture = texture_of(tissues[part], seed=scene.texture_seed)
        phases = texture.phases + texture.per_mm @ grid.lps_from_index[:3, 3]
        for axis, count in enumerate(grid.shape):
            turns = np.arange(count)[:, None] * (texture.per_mm @ grid.lps_from_index[:3, axis])
            along[axis][kind] = np.exp(1j * (turns + (phases if axis == 0 else 0.0)))
        gain[kind] = texture.gain_hu
    return _Texture(along, gain)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Cells of one size, the kind that each has so far, and the strokes that may cut them, in painter's order."""

    cells: Cells
    base: npt.NDArray[np.int16]
    active: list[tuple[_Stroke, Index]]

    def parts(self) -> Iterator["_Batch"]:
        """Cut the batch into small ones."""
        for start in range(0, len(self.cells), _CELLS_AT_ONCE):
            stop = min(start + _CELLS_AT_ONCE, len(self.cells))
            if stop - start == len(self.cells):
                yield self
                return
            active = []
            for stroke, chosen in self.active:
                low, high = np.searchsorted(chosen, (start, stop))
                if high > low:
                    active.append((stroke, chosen[low:high] - start))
            yield _Batch(self.cells[start:stop], self.base[start:stop], active)


@dataclass(eq=False)
class _Refiner:
    grid: Grid
    strokes: list[_Stroke]
    contents: Contents
    kinds: list[int]
    texture: _Texture
    stagger: Array
    out: Single
    centre_kinds: npt.NDArray[np.int16]
    """What lies at the centre of each cut voxel, which alone shows its texture there. Empty where each tissue does."""

    def run(self, background: int, halvings: int, monitor: Monitor) -> None:
        size = 2**_TOP_LEVEL
        counts = [-(-n // size) for n in self.grid.shape]
        strips = list(np.ndindex(counts[0], counts[1]))
        with ThreadPoolExecutor(max_workers=_THREADS) as pool:
            # Strips of blocks share no voxel.
            tasks = [pool.submit(self._strip, strip, counts[2], background, halvings) for strip in strips]
            try:
                for task in track(tasks, stage="drawing the phantom", monitor=monitor):
                    task.result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _strip(self, strip: tuple[int, ...], count: int, background: int, halvings: int) -> None:
        cells = np.zeros((count, 3), dtype=np.int32)
        cells[:, :2], cells[:, 2] = strip, np.arange(count)
        everywhere = np.arange(count)
        base = np.full(count, background, dtype=np.int16)
        # Depth first, in batches that stay in the cache.
        waiting = [(_TOP_LEVEL, _Batch(cells, base, [(s, everywhere) for s in self.strokes]))]
        while waiting:
            level, batch = waiting.pop()
            finer = self._step(batch, level=level, last=level == -halvings)
            waiting += [(level - 1, part) for part in finer.parts()]

    def _step(self, batch: _Batch, *, level: int, last: bool) -> _Batch:
        cells, base, active = batch.cells, batch.base, batch.active
        size = 2.0**level
        lift = self.stagger[(cells & 1) @ (4, 2, 1)] * size if last else 0.0
        centres = _centres_lps(cells, size, lift, self.grid)
        half_mm = half_diagonal_mm(self.grid) * size
        covered = np.full(len(cells), -1, dtype=np.int32)
        cuts: list[tuple[_Stroke, Index]] = []
        # What was painted last is asked first: nothing below a whole cover has to be asked.
        for stroke, candidates in reversed(active):
            bare = candidates[covered[candidates] < 0]
            margin_mm = 0.0 if last else half_mm
            near = bare[indices_within(stroke.solid.bounds_lps, PointsLps(centres[bare]), margin_mm)]
            if not len(near):
                continue
            points = PointsLps(centres[near])
            if last:
                whole = near[contains(stroke.solid, points)]
            else:
                distance = np.asarray(stroke.solid.distance_mm(points))
                whole = near[distance <= -half_mm]
                cuts.append((stroke, near[np.abs(distance) < half_mm]))
            base[whole], covered[whole] = stroke.kind, stroke.rank
        cuts.reverse()
        mixed = np.zeros(len(cells), dtype=bool)
        for stroke, cut in cuts:
            mixed[cut[base[cut] != stroke.kind]] = True
        if level == 0 and self.centre_kinds.size:
            self._note_centres(cells, base, cuts, mixed, PointsLps(centres))
        self._write(cells[~mixed], base[~mixed], level)
        return _children(cells, base, cuts, mixed, self.grid.shape, level)

    def _note_centres(
        self, cells: Cells, base: npt.NDArray[np.int16], cuts: list[tuple[_Stroke, Index]],
        mixed: npt.NDArray[np.bool_], centres: PointsLps,
    ) -> None:  # fmt: skip
        kinds = base.copy()
        for stroke, cut in cuts:
            asked = cut[mixed[cut]]
            if len(asked):
                kinds[asked[contains(stroke.solid, PointsLps(centres[asked]))]] = stroke.kind
        k, i, j = cells[mixed].T
        self.centre_kinds[k, i, j] = kinds[mixed]

    def _write(self, cells: Cells, kinds: npt.NDArray[np.int16], level: int) -> None:
        amounts = self.contents.amounts[self.kinds].astype(np.float32)
        per_hu = self.contents.per_hu[self.kinds].astype(np.float32)
        along_z, along_y, along_x = self.texture.along
        _fill(
            cells,
            kinds,
            level,
            amounts,
            per_hu,
            along_z,
            along_y,
            along_x,
            self.texture.gain,
            self.centre_kinds,
            self.out,
        )


def _centres_lps(cells: Cells, size: float, lift: Array | float, grid: Grid) -> PointsLps:
    """Give the middle of each cell, lifted along the first axis, in voxels.

    Axis by axis, which is far quicker than a product of matrices.
    """
    index = [cells[:, axis] * size + (0.5 * size - 0.5) for axis in range(3)]
    index[0] = index[0] + lift
    out = np.empty((3, len(cells)))
    for row, line in enumerate(grid.lps_from_index[:3]):
        np.multiply(index[0], line[0], out=out[row])
        for axis in (1, 2):
            if line[axis] != 0.0:
                out[row] += index[axis] * line[axis]
        out[row] += line[3]
    return PointsLps(out.T)


def _children(
    cells: Cells, base: npt.NDArray[np.int16], cuts: list[tuple[_Stroke, Index]], mixed: npt.NDArray[np.bool_],
    shape: tuple[int, int, int], level: int,
) -> _Batch:  # fmt: skip
    parents = np.flatnonzero(mixed)
    cells = (cells[parents][:, None, :] * 2 + _OCTANTS).reshape(-1, 3)
    # Blocks of whole voxels may lie beyond the grid's end.
    kept = np.all(cells < np.array(shape) * 2.0 ** (1 - level), axis=1)
    place = np.where(kept, np.cumsum(kept) - 1, -1).reshape(-1, 8)
    number = np.zeros(len(mixed), dtype=np.intp)
    number[parents] = np.arange(len(parents))
    active = []
    for stroke, cut in cuts:
        inner = place[number[cut[mixed[cut]]]].ravel()
        inner = inner[inner >= 0]
        if len(inner):
            active.append((stroke, inner))
    return _Batch(cells[kept], np.repeat(base[parents], 8)[kept], active)


@numba.njit(cache=True, fastmath=True, inline="always")  # type: ignore[misc, unused-ignore]
def _wave(z: Any, y: Any, x: Any) -> Any:
    total = 0.0
    for w in range(z.shape[0]):
        total += ((z[w] * y[w]) * x[w]).real
    return total


@numba.njit(cache=True, fastmath=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _fill(
    cells: Any, kinds: Any, level: int, amounts: Any, per_hu: Any, along_z: Any, along_y: Any, along_x: Any,
    gain: Any, centre_kinds: Any, out: Any,
) -> None:  # fmt: skip
    size = 1 << max(level, 0)
    finer = max(-level, 0)
    share = np.float32(1.0 / 8.0**finer)
    for n in range(cells.shape[0]):
        kind = kinds[n]
        k0, i0, j0 = (cells[n, 0] * size) >> finer, (cells[n, 1] * size) >> finer, (cells[n, 2] * size) >> finer
        for k in range(k0, min(k0 + size, out.shape[0])):
            for i in range(i0, min(i0 + size, out.shape[1])):
                for j in range(j0, min(j0 + size, out.shape[2])):
                    texture = np.float32(0.0)
                    if gain[kind] > 0.0 and (finer == 0 or centre_kinds.size == 0 or centre_kinds[k, i, j] == kind):
                        waves = _wave(along_z[kind, k], along_y[kind, i], along_x[kind, j])
                        texture = gain[kind] * np.float32(waves)
                    for m in range(out.shape[3]):
                        out[k, i, j, m] += share * (amounts[kind, m] + texture * per_hu[kind, m])
