"""What an injection is stopped for, and what not."""

import pytest

from planner.model.breach import Breach
from planner.model.cement_fill import BreachArrival
from planner.model.injection_stop import first_stop, stops_injection, stops_told


def _breach(number, leak, severity="open"):
    return Breach(
        id=f"breach-{number}", gap_id="gap-1", leak_type=leak, severity=severity, barrier_mm=None, area_mm2=None,
        centroid_lps=(0, 0, 0), outward_lps=None, reached=None, leak_after_ml=None, watch_view=None,
    )  # fmt: skip


@pytest.mark.parametrize("leak", ["canal", "foramen", "disc", "joint", "venous", None])
def test_a_harmful_leak_stops_it_everywhere_and_a_thin_wall_nowhere(leak) -> None:
    found, held = _breach(1, leak), _breach(2, leak, "thin")
    assert stops_injection(found, hip=False) and stops_injection(found, hip=True)
    assert not stops_injection(held, hip=False) and not stops_injection(held, hip=True)


@pytest.mark.parametrize("leak", ["cortical", "screw_tract", "fracture"])
def test_soft_tissue_stops_it_at_the_hip_alone_and_only_through_an_open_wall(leak) -> None:
    assert not stops_injection(_breach(1, leak), hip=False)
    assert stops_injection(_breach(1, leak), hip=True)
    assert not stops_injection(_breach(1, leak, "thin"), hip=True)


def test_the_first_that_stops_is_the_earliest_of_them() -> None:
    breaches = {b.id: b for b in (_breach(1, "cortical"), _breach(2, "disc"), _breach(3, "canal"))}
    arrivals = [BreachArrival(breach_id=f"breach-{n}", after_ml=ml) for n, ml in ((1, 0.2), (2, 1.4), (3, 0.9))]
    assert first_stop(arrivals, breaches, hip=False) == (breaches["breach-3"], 0.9)
    assert first_stop(arrivals, breaches, hip=True) == (breaches["breach-1"], 0.2)
    assert first_stop(arrivals[:1], breaches, hip=False) is None and first_stop((), breaches, hip=True) is None


def test_only_breaches_of_the_gap_that_one_stops_for_tell_a_stop() -> None:
    late, early, soft, thin, silent = (
        _breach(1, "canal").model_copy(update={"stop_ml": 1.2}),
        _breach(2, "disc").model_copy(update={"stop_ml": 0.4}),
        _breach(3, "cortical").model_copy(update={"stop_ml": 0.2}),
        _breach(4, "canal", "thin").model_copy(update={"stop_ml": 0.1}),
        _breach(5, "canal"),
    )
    other = early.model_copy(update={"id": "breach-6", "gap_id": "gap-2", "stop_ml": 0.0})
    breaches = (late, early, soft, thin, silent, other)
    assert stops_told(breaches, "gap-1", hip=False) == ((early, 0.4), (late, 1.2))
    assert stops_told(breaches, "gap-1", hip=True) == ((soft, 0.2), (early, 0.4), (late, 1.2))
    assert stops_told((soft, thin, silent), "gap-1", hip=False) == ()
