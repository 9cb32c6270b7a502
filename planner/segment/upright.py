"""A working copy of the CT whose axes run to superior, posterior and left, and what can be asked of masks on it.

Anatomy is told by direction ("behind the body", "beside the canal"), so that it is looked for on a grid along the
patient's own axes, whatever way round the scan was stored.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import ndimage as ndi

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.blocks import Bools as Bools
from planner.segment.blocks import block_round
from planner.segment.slabs import by_slabs

Box = tuple[slice, slice, slice]
Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Shares = npt.NDArray[np.float32]

NOT_MEASURED_HU = -1500.0
"""Air is -1000 HU; scanners write -2000, -2048 or -3024 where the reconstruction circle ends."""


_READ_AS_STORED = (np.dtype(np.bool_), np.dtype(np.int16), np.dtype(np.float32))
"""What is interpolated without a copy."""
_HALF = 0.5 + 1e-6
"""A voxel reaches half its edge beyond its centre."""


def upright_grid(grid: Grid, spacing_mm: float | tuple[float, float, float], box_lps: Array | None = None) -> Grid:
    """Lay a grid along superior, posterior and left over a scan or a part of it.

    Parameters
    ----------
    grid : Grid
        The scan's own grid.
    spacing_mm : float or tuple of float
        Edge of the new voxels, along (slice, row, column), mm.
    box_lps : ndarray, shape (2, 3) or None
        Two corners of the part that is wanted, LPS mm; it is cut to the scan. None for the whole scan.

    Returns
    -------
    Grid
    """
    edge = np.broadcast_to(np.asarray(spacing_mm, dtype=np.float64), 3)
    low, high = grid.corners_lps.min(axis=0), grid.corners_lps.max(axis=0)
    if box_lps is not None:
        box = np.asarray(box_lps, dtype=np.float64)
        low, high = np.maximum(low, box.min(axis=0)), np.minimum(high, box.max(axis=0))
    steps = edge[::-1]
    count = np.maximum(1, np.floor((high - low) / steps + 1e-6).astype(int) + 1)
    matrix = np.zeros((4, 4))
    matrix[2, 0], matrix[1, 1], matrix[0, 2], matrix[3, 3] = edge[0], edge[1], edge[2], 1.0
    matrix[:3, 3] = low + ((high - low) - (count - 1) * steps) / 2
    return Grid((int(count[2]), int(count[1]), int(count[0])), matrix, grid.frame_of_reference_uid)


def resample(
    voxels: npt.NDArray[np.generic],
    source: Grid,
    target: Grid,
    *,
    order: int = 1,
    outside: float = 0.0,
    averaged: bool = True,
) -> Floats:
    """Read an array of one grid at the voxels of another.

    Parameters
    ----------
    voxels : ndarray, shape ``source.shape``
        What is read.
    source, target : Grid
        Where it is, and where it is wanted.
    order : int
        0 for the nearest voxel, 1 for trilinear.
    outside : float
        What stands beyond the source.
    averaged : bool
        Whether the mean over a coarser target's voxel is taken.

    Returns
    -------
    ndarray of float32, shape ``target.shape``
        Where the target is coarser, the source is first averaged over the target's voxel.
    """
    data, matrix, sizes = _cut(voxels, source, target, is_averaged=bool(order) and averaged)
    axes = _axis_of_each(matrix[:3, :3])
    if axes is not None:
        ways = [_way(matrix, axis, along, data.shape[axis], target.shape[along]) for axis, along in enumerate(axes)]
        box, found = _along_axes(data, ways, axes, sizes, order=order, outside=outside)
        if found.shape == target.shape and axes == (0, 1, 2):
            return found
        # zeros that nobody writes cost nothing
        out = np.zeros(target.shape, np.float32) if outside == 0.0 else np.full(target.shape, outside, np.float32)
        out[box] = found
        return out
    data = np.asarray(data, dtype=np.float32)
    if max(sizes) > 1:
        data = ndi.uniform_filter(data, sizes, mode="nearest")
    read = ndi.affine_transform(
        data,
        matrix[:3, :3],
        offset=matrix[:3, 3],
        output_shape=target.shape,
        order=order,
        mode="constant",
        cval=outside,
        output=np.float32,
    )
    return np.asarray(read)


def _cut(
    voxels: npt.NDArray[np.generic], source: Grid, target: Grid, *, is_averaged: bool
) -> tuple[npt.NDArray[np.generic], Array, list[int]]:
    """Give what the target reads of a source, the target's way into it, and the widths that are averaged over."""
    block = _block_round(source, target)
    matrix = source.index_from_lps @ target.lps_from_index
    data = voxels
    if any(b.start > 0 or b.stop < n for b, n in zip(block, source.shape, strict=True)):
        data = voxels[block]
        matrix[:3, 3] -= [b.start for b in block]
    sizes = [1, 1, 1]
    if is_averaged:
        ratio = np.array([np.linalg.norm(matrix[k, :3]) for k in range(3)])
        sizes = [int(2 * round((r - 1) / 2) + 1) if r >= 2 else 1 for r in ratio]
    return data, matrix, sizes


def _axis_of_each(linear: Array) -> tuple[int, int, int] | None:
    """Say which target axis each source axis runs along; None where the two grids stand oblique."""
    main = np.abs(linear).argmax(axis=1)
    rest = np.abs(linear).copy()
    rest[np.arange(3), main] = 0.0
    if len(set(main.tolist())) < 3 or rest.max() > 1e-7 * np.abs(linear).max():
        return None
    return int(main[0]), int(main[1]), int(main[2])


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """Where a target's voxels lie along one axis of a source: at which voxel, and whether beyond all of them."""

    at: Array
    beyond: Bools
    size: int

    @property
    def low(self) -> Places:
        """The voxel before each place."""
        return np.minimum(np.floor(self.at).astype(np.intp), max(0, self.size - 2))

    @property
    def nearest(self) -> Places:
        """The voxel next to each place."""
        return np.rint(self.at).astype(np.intp)


def _way(matrix: Array, axis: int, along: int, size: int, count: int) -> _Way:
    at = matrix[axis, along] * np.arange(count) + matrix[axis, 3]
    return _Way(np.clip(at, 0, size - 1), (at < -_HALF) | (at > size - 1 + _HALF), size)


def _along_axes(
    data: npt.NDArray[np.generic], ways: list[_Way], axes: tuple[int, int, int], sizes: list[int],
    *, order: int, outside: float,
) -> tuple[Box, Floats]:  # fmt: skip
    """Interpolate axis by axis, the same as trilinear and several times quicker; beyond the box lies the outside."""
    first = [0, 0, 0]
    # what of the target is read, along the source's axes
    read = [np.flatnonzero(~way.beyond) for way in ways]
    if data.dtype == np.bool_ and outside == 0.0:
        # of a mask only what lies round it is read: metal fills a thousandth of a CT
        # the mean reaches half its width, and that of a place beside the mask as far again
        z, y, x = (2 * (size // 2) + 1 for size in sizes)
        block = block_round(np.asarray(data, dtype=bool), (z, y, x))
        if block is None:
            return (slice(0, 0),) * 3, np.zeros((0, 0, 0), dtype=np.float32)
        first = [b.start for b in block]
        data = data[block]
        for axis, (way, b) in enumerate(zip(ways, block, strict=True)):
            at = way.low if order else way.nearest
            read[axis] = read[axis][(at[read[axis]] >= b.start) & (at[read[axis]] < b.stop)]
    if max(sizes) > 1:
        data = ndi.uniform_filter(np.asarray(data, dtype=np.float32), sizes, mode="nearest")
    if order:
        low = [way.low[r] for way, r in zip(ways, read, strict=True)]
        shares = [(way.at[r] - at).astype(np.float32) for way, r, at in zip(ways, read, low, strict=True)]
        kept = data if data.dtype in _READ_AS_STORED else np.asarray(data, dtype=np.float32)
        places = [at - f for at, f in zip(low, first, strict=True)]
        found = np.empty((len(places[0]), len(places[1]), len(places[2])), dtype=np.float32)
        by_slabs(
            _between, found.shape, np.ascontiguousarray(kept), places[0], places[1], places[2],
            shares[0], shares[1], shares[2], found,
        )  # fmt: skip
    else:
        picked = data[np.ix_(*(way.nearest[r] - f for way, r, f in zip(ways, read, first, strict=True)))]
        found = np.asarray(picked, dtype=np.float32)
    # source axis k runs along target axis axes[k]
    turn = np.argsort(axes)
    if not found.size:
        return (slice(0, 0),) * 3, np.zeros((0, 0, 0), dtype=np.float32)
    # what lies within the source lies together
    box = tuple(slice(int(read[k][0]), int(read[k][-1]) + 1) for k in turn)
    return (box[0], box[1], box[2]), np.transpose(found, turn)


@njit(cache=True, nogil=True)
def _between(
    first: int, stop: int, data: npt.NDArray[np.generic], z: Places, y: Places, x: Places,
    to_z: Shares, to_y: Shares, to_x: Shares, out: Floats,
) -> None:  # fmt: skip
    """Interpolate between the voxels at (z, y, x) and the next ones, along one axis after the other."""
    last = data.shape[0] - 1, data.shape[1] - 1, data.shape[2] - 1
    row = np.empty(data.shape[2], dtype=np.float32)
    for i in range(first, stop):
        a, b = z[i], min(z[i] + 1, last[0])
        for j in range(len(y)):
            c, d = y[j], min(y[j] + 1, last[1])
            for k in range(data.shape[2]):
                near, far = np.float32(data[a, c, k]), np.float32(data[a, d, k])
                near += (np.float32(data[b, c, k]) - near) * to_z[i]
                far += (np.float32(data[b, d, k]) - far) * to_z[i]
                row[k] = near + (far - near) * to_y[j]
            for k in range(len(x)):
                value = row[x[k]]
                out[i, j, k] = value + (row[min(x[k] + 1, last[2])] - value) * to_x[k]


def upright_hu(volume: Volume, target: Grid, *, averaged: bool = True) -> Floats:
    """Read the CT on an upright grid; NaN where the scanner measured nothing.

    Parameters
    ----------
    volume : Volume
        The CT.
    target : Grid
        An upright grid.
    averaged : bool
        Whether a coarser grid takes the mean over its voxels; False takes the value at their centres, which is quicker.

    Returns
    -------
    ndarray of float32, shape ``target.shape``
    """
    cropped = _around(volume, target)
    if not averaged:
        cropped = _thinned(cropped, target)
    hu = cropped.hu
    blind = np.asarray(hu < NOT_MEASURED_HU)
    if cropped.padding is not None:
        blind |= cropped.padding
    is_whole = not blind.any()
    if not is_whole:
        hu = np.where(blind, np.float32(-1000.0), np.asarray(hu, dtype=np.float32))
    out = resample(hu, cropped.grid, target, outside=np.nan, averaged=averaged)
    if not is_whole:
        out[resample(blind, cropped.grid, target, order=0) > 0.5] = np.nan
    return out


def back_to(mask: Mask, grid: Grid) -> Mask:
    """Read an upright mask on the scan's own grid.

    Parameters
    ----------
    mask : Mask
        A mask on an upright grid.
    grid : Grid
        The scan's grid.

    Returns
    -------
    Mask
        False beyond the upright grid.
    """
    return Mask(grid, resample(mask.voxels, mask.grid, grid) > 0.5)


def back_in_box(mask: Mask, grid: Grid) -> tuple[Box, Bools]:
    """Read an upright mask on the scan's own grid, only where some of it can lie.

    Parameters
    ----------
    mask : Mask
        A mask on an upright grid.
    grid : Grid
        The scan's grid.

    Returns
    -------
    box : tuple of slice
        Of the scan's grid; of no voxel for an empty mask, and the whole where the grids stand oblique.
    voxels : ndarray of bool
        What `back_to` gives in the box; beyond it there is none.
    """
    data, matrix, sizes = _cut(mask.voxels, mask.grid, grid, is_averaged=True)
    axes = _axis_of_each(matrix[:3, :3])
    if axes is None:
        return (slice(None),) * 3, back_to(mask, grid).voxels
    ways = [_way(matrix, axis, along, data.shape[axis], grid.shape[along]) for axis, along in enumerate(axes)]
    box, found = _along_axes(data, ways, axes, sizes, order=1, outside=0.0)
    return box, found > 0.5


def _block_round(source: Grid, target: Grid) -> tuple[slice, slice, slice]:
    """Give the block of the source that the target reads, with room for interpolation and averaging."""
    corners = source.to_index(target.corners_lps)
    room = 3 + np.ceil(max(target.spacing_mm) / np.array(source.spacing_mm)).astype(int)
    start = np.clip(np.floor(corners.min(axis=0)).astype(int) - room, 0, np.array(source.shape) - 1)
    stop = np.clip(np.ceil(corners.max(axis=0)).astype(int) + room + 1, start + 1, source.shape)
    z, y, x = (slice(int(i), int(j)) for i, j in zip(start, stop, strict=True))
    return z, y, x


def _thinned(volume: Volume, target: Grid) -> Volume:
    """Leave out voxels that a coarser target would not read; every one that is left keeps its place."""
    steps = [max(1, int(min(target.spacing_mm) / s)) for s in volume.grid.spacing_mm]
    if max(steps) == 1:
        return volume
    # what is left over is shared between both ends: they stay within half a voxel
    first = [(size - 1) % n // 2 for size, n in zip(volume.grid.shape, steps, strict=True)]
    picked = tuple(slice(at, None, n) for at, n in zip(first, steps, strict=True))
    hu = volume.hu[picked]
    matrix = volume.grid.lps_from_index @ np.diag([*steps, 1.0])
    matrix[:3, 3] = volume.grid.to_lps(first)
    z, y, x = hu.shape
    padding = None if volume.padding is None else volume.padding[picked]
    return Volume(Grid((z, y, x), matrix, volume.grid.frame_of_reference_uid), hu, padding)


def _around(volume: Volume, target: Grid) -> Volume:
    z, y, x = _block_round(volume.grid, target)
    return volume.crop((z.start, y.start, x.start), (z.stop, y.stop, x.stop))


def shifted(mask: Bools, step: tuple[int, int, int]) -> Bools:
    """Give, for each voxel, the mask's value one step away; False beyond the edge.

    Parameters
    ----------
    mask : ndarray of bool, shape (S, R, C)
        The mask.
    step : tuple of int
        Where to look, in voxels along (slice, row, column).

    Returns
    -------
    ndarray of bool, shape (S, R, C)
    """
    out = np.zeros_like(mask)
    if any(abs(s) >= n for s, n in zip(step, mask.shape, strict=True)):
        return out
    here = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(step, mask.shape, strict=True))
    there = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(step, mask.shape, strict=True))
    out[here] = mask[there]
    return out
