"""Loops over needles, compiled for one thread and for all: both forms do the same, and each is kept on disk."""

import numba
import numpy as np

from planner.safety.march import Compiled


def _doubled(values, out):
    for n in numba.prange(len(values)):
        out[n] = 2.0 * values[n]


def test_few_rounds_and_many_give_the_same():
    loop = Compiled(_doubled, few=3)
    for count in (0, 3, 4):
        values, out = np.arange(count, dtype=float), np.full(count, np.nan)
        loop(count, values, out)
        np.testing.assert_array_equal(out, 2.0 * values)


def test_the_form_of_one_thread_is_another_one_on_disk_too():
    one, of_all = (form.stats.cache_path for form in (Compiled(_doubled, few=3)._one, numba.njit(cache=True)(_doubled)))
    assert one == of_all, "beside the source"
    twin = Compiled(_doubled, few=3)._one
    assert not twin.targetoptions.get("parallel", False)
    assert twin.__name__ != _doubled.__name__, "numba's files are named by the function"
