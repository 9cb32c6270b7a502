"""What stands out, and what does not."""

import pytest

from planner.cohort.outliers import Measure, Measured, outliers, robust_z


def measure(*values: float, **more: object) -> Measure:
    return Measure("volume", "screws", "mL", tuple(Measured(v, f"s{k}") for k, v in enumerate(values)), **more)


def names(*measures: Measure, least: int = 5) -> list[str]:
    return [one.measured.study for one in outliers(measures, beyond_z=3.5, least=least)]


def test_robust_z_is_that_of_the_book() -> None:
    # Iglewicz and Hoaglin 1993: median 3, deviations 2 1 0 1 2, of which the median is 1
    assert robust_z([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx([-1.349, -0.6745, 0.0, 0.6745, 1.349])
    assert robust_z([1.0, 1.0, 1.0, 9.0]) is None


def test_what_stands_out_is_ranked_and_does_not_hide_another() -> None:
    assert names(measure(1.0, 1.1, 0.9, 1.2, 0.8, 40.0, 9.0)) == ["s5", "s6"]


def test_ratios_let_small_ones_stand_out_too() -> None:
    values = (1.0, 1.1, 0.9, 1.2, 0.85, 0.05)
    assert names(measure(*values, by_ratio=True)) == ["s5"]
    assert names(measure(*values, 0.0, by_ratio=True)) == [], "a nought has no ratio"


def test_only_the_side_that_matters_counts() -> None:
    values = (5.0, 5.1, 4.9, 5.2, 4.8, 0.2, 11.0)
    assert names(measure(*values, matters="low")) == ["s5"]
    assert names(measure(*values, matters="high")) == ["s6"]
    assert sorted(names(measure(*values))) == ["s5", "s6"]


def test_among_few_values_or_equal_ones_nothing_stands_out() -> None:
    assert names(measure(1.0, 1.1, 0.9, 40.0)) == []
    assert names(measure(1.0, 1.0, 1.0, 1.0, 1.0, 40.0)) == []
    assert names(measure()) == []
