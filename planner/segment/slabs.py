"""Loops over a volume's slices on two cores: the lower slices on one, the upper ones on the other.

Each slice is worked by the same steps as alone, so that the result is the same to the last bit. Plain compiled loops
that let the interpreter go are shared out here; numba's own threads would have to be compiled for them.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec

_Arguments = ParamSpec("_Arguments")

_LEAST_VOXELS = 100_000
"""Less is done before another thread has begun."""


def by_slabs(
    loop: Callable[Concatenate[int, int, _Arguments], None],
    shape: tuple[int, ...],
    *args: _Arguments.args,
    **kwargs: _Arguments.kwargs,
) -> None:
    """Run a loop over all slices of a volume, half of them on another thread.

    Parameters
    ----------
    loop : callable
        Takes the first slice and the one after the last, then the other arguments; it lets the interpreter go, and
        writes to no slice but its own.
    shape : tuple of int
        Shape (S, R, C) of the volume.
    *args, **kwargs
        What the loop takes after the slices.
    """
    slices, rows, columns = shape
    half = slices // 2
    if slices * rows * columns < _LEAST_VOXELS or not half:
        loop(0, slices, *args, **kwargs)
        return
    with ThreadPoolExecutor(1) as pool:
        lower = pool.submit(loop, 0, half, *args, **kwargs)
        loop(half, slices, *args, **kwargs)
        lower.result()
