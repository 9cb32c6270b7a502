"""The block of a grid that a mask fills: work is done there alone."""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]


def block_round(mask: Bools, room: int | tuple[int, int, int]) -> tuple[slice, slice, slice] | None:
    """Give the block that holds a mask and some voxels round it, as far as the grid goes.

    Parameters
    ----------
    mask : ndarray of bool, shape (S, R, C)
        The mask.
    room : int or tuple of int
        Voxels round it, the same along all axes or along (slice, row, column).

    Returns
    -------
    tuple of slice or None
        None for an empty mask.
    """
    more = (room, room, room) if isinstance(room, int) else room
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    if not len(slices):
        return None
    seen: Bools = np.any(mask[slices[0] : slices[-1] + 1], axis=0)
    found = (slices, np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0)))
    z, y, x = (
        slice(max(0, int(at[0]) - m), min(n, int(at[-1]) + m + 1))
        for at, m, n in zip(found, more, mask.shape, strict=True)
    )
    return z, y, x
