"""What needles reach, in the gap's own volume."""

from functools import partial

import numpy as np
import pytest

from planner.fluoro.console import console_angles_deg
from planner.geometry.grid import Grid
from planner.model.anatomy import GapSpace
from planner.model.gap import Gap, Interval
from planner.model.needle import NeedleSet
from planner.model.volume import Mask
from planner.needles.search import NeedlePlan, plan_needles
from planner.needles.sets.gap_share import in_gap_volumes, ml_of_counted


@pytest.fixture(scope="module")
def found(vertebra, config) -> NeedlePlan:
    return plan_needles(vertebra, config=config, console=partial(console_angles_deg, position="HFP"))


def _gap(estimate_ml: float | None, name: str = "gap-1") -> Gap:
    volume = None if estimate_ml is None else Interval(estimate=estimate_ml, low=0.0, high=2.0 * estimate_ml)
    return Gap(
        id=name, implant_id=None, level=None, kind="screw_halo", zones=(), volume_ml=volume,
        expected_fill_ml=None, width_mm=None, interface_fraction=None, centroid_lps=(0.0, 0.0, 0.0), trust=1.0,
    )  # fmt: skip


def test_a_share_and_what_is_reached_agree_with_the_volume_beside_them(found, vertebra) -> None:
    (space,) = vertebra.gaps
    estimate = 1.3 * space.mask.volume_ml
    scaled = in_gap_volumes(found, (_gap(estimate, space.id),), vertebra.gaps)
    assert scaled.needle_sets and scaled.trajectories
    for before, after in zip(found.needle_sets, scaled.needle_sets, strict=True):
        assert after.covered_ml == pytest.approx(after.covered_fraction * estimate)
        assert after.covered_fraction == before.covered_fraction <= 1.0
        # as it was found it did not agree
        assert before.covered_ml != pytest.approx(before.covered_fraction * estimate)
    for before, after in zip(found.trajectories, scaled.trajectories, strict=True):
        assert after.reachable_ml == pytest.approx(1.3 * before.reachable_ml)
        assert after.reachable_ml <= estimate + 1e-9


def test_nothing_is_told_of_a_volume_that_was_not_measured(found, vertebra) -> None:
    (space,) = vertebra.gaps
    scaled = in_gap_volumes(found, (_gap(None, space.id),), vertebra.gaps)
    assert {t.reachable_ml for t in scaled.trajectories} == {None}
    assert {s.covered_ml for s in scaled.needle_sets} == {None}
    assert all(s.covered_fraction > 0 for s in scaled.needle_sets)


def test_a_gap_without_voxels_has_no_worth() -> None:
    grid = Grid((4, 4, 4), np.eye(4)[[2, 1, 0, 3]])
    some = np.zeros(grid.shape, bool)
    some[0, 0, :2] = True
    spaces = (
        GapSpace("gap-1", None, Mask(grid, some)),
        GapSpace("gap-2", None, Mask(grid, np.zeros(grid.shape, bool))),
    )
    told = ml_of_counted((_gap(0.004), _gap(1.0, "gap-2")), spaces)
    assert told["gap-1"] == pytest.approx(2.0) and told["gap-2"] is None


def test_a_set_over_two_gaps_has_the_share_of_both_volumes(found) -> None:
    two = NeedleSet(
        gap_ids=("gap-1", "gap-2"), trajectory_ids=("a", "b"), covered_ml=9.0, covered_fraction=0.9, cement_ml=None,
        gap_shares={"gap-1": 1.0, "gap-2": 0.5},
    )  # fmt: skip
    both = NeedlePlan((), (two,))
    (told,) = in_gap_volumes(both, (_gap(3.0), _gap(1.0, "gap-2")), ()).needle_sets
    assert told.covered_ml == pytest.approx(3.5) and told.covered_fraction == pytest.approx(3.5 / 4.0)
    (unknown,) = in_gap_volumes(both, (_gap(3.0), _gap(None, "gap-2")), ()).needle_sets
    assert unknown.covered_ml is None and unknown.covered_fraction is None
