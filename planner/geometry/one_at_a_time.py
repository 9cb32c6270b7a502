"""Loops on several cores, called from several threads at once: one after the other where numba's threads need that."""

import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import numba

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_SHARED_LAYERS = ("tbb", "omp")
"""Threading layers that take calls from several threads (numba's user manual, "The Threading Layers"). The third,
workqueue, ends the whole process: it is all there is on a Mac where no OpenMP is installed."""
_turn = threading.RLock()


def one_at_a_time(kernel: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Let a loop on several cores wait for others where numba's threading layer takes no two at once.

    Parameters
    ----------
    kernel : callable
        Compiled by numba with ``parallel=True``; called from Python, not from within another compiled function.

    Returns
    -------
    callable
        The same function. On layers that take several at once nothing waits, after the first call in the process.
    """

    @wraps(kernel)
    def run(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        if _is_shared():
            return kernel(*args, **kwargs)
        with _turn:
            return kernel(*args, **kwargs)

    return run


def _is_shared() -> bool:
    try:
        layer: str = numba.threading_layer()  # type: ignore[attr-defined, unused-ignore]
    except ValueError:
        return False  # no such loop has run yet: the layer is not known
    return layer in _SHARED_LAYERS
