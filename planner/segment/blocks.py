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
    spans = []
    for axis in range(3):
        at = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        if not len(at):
            return None
        spans.append(slice(max(0, int(at[0]) - more[axis]), min(mask.shape[axis], int(at[-1]) + more[axis] + 1)))
    return spans[0], spans[1], spans[2]
