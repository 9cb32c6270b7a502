"""Which needle of a set injects first."""

import numpy as np

from planner.needles.sets.order import InjectionLeak, injection_order
from tests.unit.needles.sets.test_together import needle

UP = np.array([0.0, 1.0, 0.0])


def order(ways, *, upward=UP, retrograde=False, leaks=None):
    told = None if leaks is None else {f"trajectory-{n}": InjectionLeak(ml) for n, ml in leaks.items()}
    found = injection_order(ways, upward_lps=upward, retrograde=retrograde, leaks=told)
    return [int(name.split("-")[1]) for name in found.trajectory_ids], found.reason


def heights(*ys, gap="gap-1"):
    return [needle(k, (0, y, 0), gap=gap) for k, y in enumerate(ys, start=1)]


def test_a_single_needle_needs_no_reason():
    assert order(heights(5)) == ([1], "")


def test_the_lowest_tip_comes_first_so_that_air_rises():
    found, reason = order(heights(5, -5, 0))
    assert found == [2, 3, 1] and "lowest tip first" in reason
    assert order(heights(5, -5, 0), upward=-UP)[0] == [1, 3, 2]


def test_a_stem_is_filled_from_its_tip_upwards():
    found, reason = order(heights(5, -5, 0), retrograde=True)
    assert found == [2, 3, 1] and "10.1007/s12178-020-09681-5" in reason


def test_at_a_stem_only_a_leak_at_once_puts_a_needle_last():
    assert order(heights(5, -5, 0), retrograde=True, leaks={1: 9.0, 2: 2.0, 3: None})[0] == [2, 3, 1]
    found, reason = order(heights(5, -5, 0), retrograde=True, leaks={1: 9.0, 2: 0.2, 3: None})
    assert found == [3, 1, 2] and "leaks at once comes last" in reason


def test_elsewhere_what_leaks_last_comes_first_and_what_leaks_as_late_goes_by_height():
    found, reason = order(heights(5, -5, 0), leaks={1: 3.0, 2: 0.4, 3: None})
    assert found == [3, 1, 2] and "leaks last comes first" in reason
    found, reason = order(heights(5, -5, 0), leaks={1: 1.1, 2: 1.2, 3: 1.3})
    assert found == [2, 3, 1] and "leaks" not in reason


def test_needles_into_one_gap_follow_each_other():
    ways = [
        *heights(0, 9),
        *(n.model_copy(update={"id": f"trajectory-{3 + k}"}) for k, n in enumerate(heights(4, gap="gap-2"))),
    ]
    assert order(ways)[0] == [1, 2, 3]


def test_without_a_direction_the_order_is_by_rank():
    found, reason = order(heights(5, -5, 0), upward=None)
    assert found == [1, 2, 3] and "not known" in reason
