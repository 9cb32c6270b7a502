"""Which needles to a hip are listed: each sure zone's best first."""

import pytest

from planner.config.needle_config import NeedleConfig
from planner.needles.hip.zone_choice import zone_leaders
from tests.unit.needles.sets.test_together import needle

CONFIG = NeedleConfig(per_gap=3)


def way(number, zone, score, *, sure=0.9, place=None, **more):
    fields = {"approach": "femoral", "family": "lateral", "zones": () if zone is None else (zone,)}
    tip = (30.0 * number, 0.0, 0.0) if place is None else place
    one = needle(number, tip, score=score, **(fields | more))
    return "lateral", score, one.model_copy(update={"score_terms": {"sureness": sure}})


def test_each_sure_zone_has_its_best_needle_listed_before_any_has_two():
    ways = [way(1, "gruen-1", 0.9), way(2, "gruen-1", 0.89), way(3, "gruen-2", 0.4), way(4, "gruen-3", 0.5)]
    assert zone_leaders(ways, config=CONFIG) == [0, 3, 2]


def test_a_zone_that_is_not_sure_takes_no_place_from_a_better_needle():
    least = CONFIG.hip.zone_sure
    ways = [way(1, "gruen-1", 0.9), way(2, "gruen-1", 0.8), way(3, "gruen-2", 0.4, sure=least - 0.01)]
    assert zone_leaders(ways, config=NeedleConfig(per_gap=2)) == [0, 1]
    ways[2] = way(3, "gruen-2", 0.4, sure=least)
    assert zone_leaders(ways, config=NeedleConfig(per_gap=2)) == [0, 2]


@pytest.mark.parametrize(("apart_mm", "second"), [(4.0, 2), (40.0, 1)])
def test_of_a_zones_needles_one_whose_hole_lies_apart_is_taken(apart_mm, second):
    ways = [
        way(1, "gruen-1", 0.9, place=(0.0, 0.0, 0.0)),
        way(2, "gruen-2", 0.8, place=(apart_mm, 0.0, 0.0)),
        way(3, "gruen-2", 0.7, place=(0.0, 0.0, 60.0)),
    ]
    assert zone_leaders(ways, config=NeedleConfig(per_gap=2)) == [0, second]


def test_nothing_is_said_of_needles_without_zones_or_to_a_spine():
    assert zone_leaders([], config=CONFIG) == []
    assert zone_leaders([way(1, None, 0.9)], config=CONFIG) == []
    assert zone_leaders([way(1, "screw-tip", 0.9, approach="transpedicular")], config=CONFIG) == []
