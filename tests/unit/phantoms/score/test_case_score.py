"""A perfect plan has no error, an empty one misses everything."""

import numpy as np
import pytest

from planner.model.labels import LabelMap
from planner.model.plan import Plan
from planner.phantoms.score.case_score import CaseScore, score_case
from planner.phantoms.score.known_case import KnownCase


def test_a_perfect_plan_has_no_error(perfect: Plan, labels: LabelMap, known: KnownCase) -> None:
    score = score_case(perfect, labels, known)
    for implant in score.implants:
        errors = (implant.tip_error_mm, implant.head_error_mm, implant.axis_error_deg, implant.diameter_error_mm)
        assert errors == pytest.approx((0.0, 0.0, 0.0, 0.0), abs=1e-6)
        assert (implant.found_side, implant.found_level) == (implant.side, implant.level)
    for gap in score.gaps.gaps:
        assert gap.relative_error == pytest.approx(0.0)
        assert (gap.dice, gap.sensitivity, gap.covered) == (1.0, 1.0, True)
        assert gap.width_mm == gap.true_width_mm
        assert all(zone.found_ml == pytest.approx(zone.true_ml) for zone in gap.zones)
    assert (score.gaps.false, score.gaps.false_ml, score.gaps.dice) == ((), 0.0, 1.0)
    assert score.breaches.breaches[0].found_id == "breach-1"
    assert (score.breaches.false, score.breaches.found_right) == ((), 1)
    assert [needle.violations for needle in score.needles.needles] == [(), ()]
    assert score.needles.gaps_without == ()
    seen = score.surroundings
    assert (seen.canal_covered, seen.bone_found, seen.bone_right) == (1.0, 1.0, 1.0)
    assert seen.canal_centre_error_mm == pytest.approx(0.0)


def test_an_empty_plan_misses_everything_and_measures_nothing(
    perfect: Plan, labels: LabelMap, known: KnownCase
) -> None:
    nothing = perfect.model_copy(update={"implants": (), "gaps": (), "breaches": (), "trajectories": (), "labels": ()})
    empty = LabelMap(labels.grid, np.zeros(labels.grid.shape, np.uint8), ())
    score = score_case(nothing, empty, known)
    assert all(i.found_id is None and i.tip_error_mm is None for i in score.implants)
    assert all(g.estimate_ml is None and g.covered is None and g.error_ml is None for g in score.gaps.gaps)
    assert all(zone.found_ml is None for g in score.gaps.gaps for zone in g.zones)
    assert score.gaps.sensitivity == 0.0
    assert score.breaches.breaches[0].found_id is None
    assert score.needles.gaps_without == ("gap-right", "gap-left")
    seen = score.surroundings
    assert (seen.canal_covered, seen.canal_centre_error_mm, seen.bone_found, seen.bone_right) == (None,) * 4


def test_a_score_comes_back_from_json_as_it_went(perfect: Plan, labels: LabelMap, known: KnownCase) -> None:
    score = score_case(perfect, labels, known)
    assert CaseScore.model_validate_json(score.model_dump_json()) == score
