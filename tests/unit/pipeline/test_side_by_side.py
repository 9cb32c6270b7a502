"""Needles of one sitting: which stand beside each other, and which are injected one after the other."""

from planner.config.needle_set_config import NeedleSetConfig
from planner.model.needle import NeedleSet
from planner.pipeline.procedure import with_procedure
from planner.pipeline.side_by_side import of_turns
from tests.unit.pipeline.test_cement import _gap, _needle, _plan

CONFIG = NeedleSetConfig()


def way(number, x, gap, **changes):
    """A needle that stands upright at x, its hub 150 mm above its tip."""
    fields = {"entry_bone_lps": (x, 0.0, 20.0), "path_lps": ((x, 0.0, 60.0), (x, 0.0, 20.0), (x, 0.0, 0.0)), "rank": 1}
    return _needle(number, (x, 0.0, 0.0), gap).model_copy(update={**fields, **changes})


def of(gap, *numbers, share=1.0):
    names = tuple(f"trajectory-{n}" for n in numbers)
    return NeedleSet(gap_ids=(gap,), trajectory_ids=names, covered_ml=1, covered_fraction=share, cement_ml=1.0)


def planned(ways, *sets, config=CONFIG):
    return with_procedure(_plan((_gap("gap-1", 1.0), _gap("gap-2", 1.0)), tuple(ways), (), sets), config)


def test_needles_whose_hubs_meet_are_injected_one_after_the_other():
    made = planned([way(1, 0.0, "gap-1"), way(2, 24.8, "gap-2")], of("gap-1", 1), of("gap-2", 2))
    assert made.procedure.in_turn == (("trajectory-1", "trajectory-2"),)
    (said,) = made.findings
    assert said.code == "needles-one-after-the-other" and said.severity == "caution"
    assert "trajectory-1 and trajectory-2 (hubs 25 mm apart)" in said.message and said.measured == 24.8
    assert said.limit == CONFIG.hub_diameter_mm


def test_needles_with_room_stand_at_the_same_time():
    made = planned([way(1, 0.0, "gap-1"), way(2, 31.0, "gap-2")], of("gap-1", 1), of("gap-2", 2))
    assert made.procedure.in_turn == () and made.findings == () and of_turns((), {}, CONFIG) == ()


def test_another_set_of_the_implant_is_proposed_where_it_stands_beside_the_others():
    ways = [way(1, 0.0, "gap-1"), way(2, 24.8, "gap-2"), way(3, 40.0, "gap-2"), way(4, 80.0, "gap-2")]
    made = planned(ways, of("gap-1", 1), of("gap-2", 2, share=0.95), of("gap-2", 3, 4))
    assert [one.trajectory_ids for one in made.procedure.sets] == [
        ("trajectory-1",),
        ("trajectory-3", "trajectory-4"),
    ]
    assert made.procedure.in_turn == () and made.findings == ()
    assert "another implant's needles" in made.procedure.sets[1].reason
    # with room for the smaller one it is the smaller one, and nothing is said of the neighbours
    free = planned([way(1, -20.0, "gap-1"), *ways[1:]], of("gap-1", 1), of("gap-2", 2, share=0.95), of("gap-2", 3, 4))
    assert free.procedure.sets[1].trajectory_ids == ("trajectory-2",)
    assert "another implant" not in free.procedure.sets[1].reason


def test_what_reaches_much_less_is_not_taken_to_make_room():
    ways = [way(1, 0.0, "gap-1"), way(2, 24.8, "gap-2"), way(3, 40.0, "gap-2")]
    made = planned(ways, of("gap-1", 1), of("gap-2", 2), of("gap-2", 3, share=0.4))
    assert made.procedure.sets[1].trajectory_ids == ("trajectory-2",)
    assert made.procedure.in_turn == (("trajectory-1", "trajectory-2"),)


def test_locked_needles_of_one_set_that_touch_are_told_too():
    ways = [way(1, 0.0, "gap-1", locked=True), way(2, 3.0, "gap-1", locked=True)]
    assert planned(ways, of("gap-1", 1, 2)).procedure.in_turn == (("trajectory-1", "trajectory-2"),)
