"""Needles that work together: what they reach, whether they can stand together, and which are taken."""

from itertools import combinations

import numpy as np
import pytest

from planner.config.needle_set_config import NeedleSetConfig
from planner.geometry.frames import unit
from planner.geometry.grid import Grid
from planner.model.anatomy import GapSpace
from planner.model.carm import NeedleView
from planner.model.needle import Clearances, Needle, Trajectory
from planner.model.volume import Mask
from planner.needles.sets.together import best_sets, fits, hubs_apart_mm, needle_sets, places_of

CONFIG = NeedleSetConfig()
VIEW = NeedleView(
    primary_deg=0, secondary_deg=0, console_primary_deg=0, console_secondary_deg=0, within_gantry_limits=True
)


def needle(number, tip, outward=(0.0, 1.0, 0.0), *, gap="gap-1", score=0.5, skin_mm=60.0, rank=None, **changes):
    """A straight needle from its tip outward; without a skin its path ends 40 mm out."""
    tip, outward = np.array(tip, float), unit(outward)
    skin = None if skin_mm is None else tuple(tip + skin_mm * outward)
    bone = tuple(tip + 20.0 * outward)
    first = tuple(tip + 40.0 * outward) if skin is None else skin
    fields = {
        "id": f"trajectory-{number}", "approach": "transpedicular", "gap_id": gap, "implant_id": "screw-1",
        "rank": rank or number, "entry_skin_lps": skin, "entry_bone_lps": bone, "aim_lps": tuple(tip),
        "target_lps": tuple(tip), "path_lps": (first, bone, tuple(tip)), "slides_along_implant": False,
        "depth_from_skin_mm": skin_mm, "depth_in_bone_mm": 20.0,
        "needle": Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=150.0),
        "clearance_mm": Clearances(metal=1.0, canal=None, nearest_breach=None), "crosses": (), "cortical_crossings": 1,
        "entry_angle_deg": None, "reachable_ml": None, "skin_landmark": None, "bulls_eye": VIEW, "score": score,
        "score_terms": {},
    }  # fmt: skip
    return Trajectory(**{**fields, **changes})


def fan(*xs, **more):
    """Needles to places along x, fanned out so that their hubs have room."""
    return [needle(k, (x, 0, 0), (x / 40.0, 1.0, 0.0), **more) for k, x in enumerate(xs, start=1)]


def line_of(low, high, name="gap-1", implant="screw-1"):
    """A gap along x, one voxel thick, on a grid of 1 mm."""
    grid = Grid((3, 3, 201), np.array([[0, 0, 1.0, -100], [0, 1.0, 0, -1], [1.0, 0, 0, -1], [0, 0, 0, 1]]))
    voxels = np.zeros(grid.shape, bool)
    voxels[1, 1, low + 100 : high + 101] = True
    return GapSpace(name, implant, Mask(grid, voxels))


def sets_of(ways, *spaces, most=5, config=CONFIG):
    return needle_sets(ways, spaces, reach_mm=15.0, most_needles=most, config=config)


def test_each_size_reaches_the_most_that_any_of_its_size_does():
    ways = [*fan(-45, -38, -20, 0, 7, 31, 44), needle(9, (60.0, 0, 0), (1.5, 1.0, 0.0))]
    space = line_of(-50, 60)
    points = places_of([space]).points_lps
    near = {w.id: np.abs(points[:, 0] - w.target_lps[0]) <= 15.0 for w in ways}
    found = sets_of(ways, space, config=NeedleSetConfig(alike=0.0, vent_weight=0.0))
    assert [len(one.trajectory_ids) for one in found] == [1, 2, 3, 4, 5]
    for one in found:
        alone = [
            c
            for c in combinations(ways, len(one.trajectory_ids))
            if all(fits(a, b, config=CONFIG) for a, b in combinations(c, 2))
        ]
        best = max(np.any([near[w.id] for w in c], axis=0).mean() for c in alone)
        assert one.covered_fraction == pytest.approx(best)
        assert one.covered_fraction == pytest.approx(np.any([near[n] for n in one.trajectory_ids], axis=0).mean())
        assert one.covered_ml == pytest.approx(one.covered_fraction * len(points) / 1000.0)


def test_one_more_needle_that_adds_nothing_is_left_out():
    assert [len(one.trajectory_ids) for one in sets_of(fan(-2, 2), line_of(-4, 4))] == [1]


def test_one_more_needle_is_taken_for_a_vent_alone():
    ways = fan(-14, 14)
    (single, pair) = sets_of(ways, line_of(-14, 14), config=NeedleSetConfig(worth_another=1.0))
    assert single.vents_mm == pytest.approx(28.0) and pair.vents_mm == pytest.approx(14.0)
    assert len(sets_of(ways, line_of(-14, 14), config=NeedleSetConfig(worth_another=1.0, worth_a_vent_mm=15.0))) == 1


def test_among_sets_that_reach_alike_the_better_vented_is_taken_and_a_poor_needle_is_not():
    ways = fan(-20, 20, 36, score=0.8)
    (_, pair) = sets_of(ways, line_of(-20, 30), most=2, config=NeedleSetConfig(alike=0.5, worth_another=0.01))
    assert set(pair.trajectory_ids) == {"trajectory-1", "trajectory-2"}
    poor = [ways[0], needle(2, (20, 0, 0), (0.5, 1.0, 0.0), score=0.1), needle(3, (17, 0, 0), (0.5, 1, 0), score=0.8)]
    (_, pair) = sets_of(poor, line_of(-20, 30), most=2, config=NeedleSetConfig(alike=0.2, worth_another=0.01))
    assert set(pair.trajectory_ids) == {"trajectory-1", "trajectory-3"}


def test_needles_that_cross_or_touch_do_not_stand_together():
    one = needle(1, (0, 0, 0))
    assert fits(one, needle(2, (-40, 0, 0), (-0.5, 1, 0)), config=CONFIG)
    # under the skin, and again out of it, where shafts cross before the hubs
    assert not fits(one, needle(2, (-20, 0, 0), (1.0, 1.0, 0)), config=CONFIG)
    assert not fits(one, needle(2, (-100, 0, 0), (1.0, 1.0, 0)), config=CONFIG)
    assert not fits(one, needle(2, (3, 0, 0), (0.5, 1.0, 0)), config=CONFIG)


def test_a_slide_touches_too():
    sliding = needle(1, (0, 0, 0), target_lps=(0.0, -15.0, 0.0), slides_along_implant=True)
    other = needle(2, (2.0, -14.0, 0.0), (1.0, 0.1, 0.0))
    assert not fits(sliding, other, config=CONFIG)
    assert fits(sliding.model_copy(update={"target_lps": (0.0, 0.0, 0.0)}), other, config=CONFIG)


def test_hubs_need_room_where_they_stand():
    one, other = needle(1, (0, 0, 0)), needle(2, (10, 0, 0))
    assert hubs_apart_mm(one, other, config=CONFIG) == pytest.approx(10.0)
    assert not fits(one, other, config=CONFIG) and fits(one, other, config=NeedleSetConfig(hub_diameter_mm=9.0))
    # a shorter needle's hub stands elsewhere along its axis
    short = needle(2, (10, 0, 0), needle=Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=100.0))
    assert hubs_apart_mm(one, short, config=CONFIG) == pytest.approx(np.hypot(10.0, 10.0))


def test_without_a_skin_hubs_are_also_judged_at_the_first_point():
    one, other = needle(1, (0, 0, 0), skin_mm=None), needle(2, (10, 0, 0), (0.5, 1.0, 0), skin_mm=None)
    blind = hubs_apart_mm(one, other, config=CONFIG)
    seen = hubs_apart_mm(
        *(needle(k, w.target_lps, d) for k, w, d in ((1, one, (0, 1, 0)), (2, other, (0.5, 1, 0)))), config=CONFIG
    )
    assert blind < seen and seen > 60.0


def test_one_implants_gaps_are_taken_together_and_a_gap_without_one_alone():
    near, far, free = line_of(-60, -40), line_of(40, 60, "gap-2"), line_of(0, 10, "gap-3", None)
    ways = [
        needle(1, (-50, 0, 0), (-1, 1, 0)),
        needle(2, (50, 0, 0), (1, 1, 0), gap="gap-2", rank=1),
        needle(3, (5, 0, 0), gap="gap-3", rank=1, implant_id=None),
    ]
    single, pair, alone = sets_of(ways, near, far, free)
    assert pair.implant_id == "screw-1" and pair.gap_ids == ("gap-1", "gap-2") and single.gap_ids == ("gap-1",)
    assert pair.covered_fraction == 1.0 and single.gap_shares == {"gap-1": 1.0, "gap-2": 0.0}
    assert alone.implant_id is None and alone.gap_ids == ("gap-3",) and alone.hub_distance_mm is None
    assert pair.hub_distance_mm == pytest.approx(hubs_apart_mm(ways[0], ways[1], config=CONFIG))


def test_a_needle_counts_for_its_own_gap_alone():
    # the tip is 10 mm from the other gap, but bone lies between
    (one,) = sets_of(fan(0), line_of(-3, 3), line_of(10, 14, "gap-2"))
    assert one.gap_shares == {"gap-1": 1.0, "gap-2": 0.0}


def test_locked_needles_are_in_every_set_even_where_they_touch():
    held = [needle(1, (0, 0, 0), locked=True), needle(2, (1, 0, 0), locked=True)]
    found = sets_of([*held, needle(3, (40, 0, 0), (1, 1, 0))], line_of(-10, 50))
    assert found and all({"trajectory-1", "trajectory-2"} <= set(one.trajectory_ids) for one in found)
    assert not fits(*held, config=CONFIG)


def test_nothing_to_reach_is_no_set():
    assert sets_of([], line_of(0, 5)) == () and sets_of(fan(90), line_of(-100, -90)) == ()


def test_many_needles_are_few_looked_at_and_the_answer_stays_the_same():
    ways = fan(*np.linspace(-60, 60, 30))
    found = best_sets(ways, places_of([line_of(-70, 70)]), reach_mm=15.0, most_needles=3, config=CONFIG)
    again = best_sets(ways, places_of([line_of(-70, 70)]), reach_mm=15.0, most_needles=3, config=CONFIG)
    assert found == again and all(int(n.split("-")[1]) <= 24 for one in found for n in one.trajectory_ids)


@pytest.mark.parametrize(("away", "stand"), [(6.0, False), (12.0, True)])
@pytest.mark.parametrize("direction", [(1.0, 0.0, 0.0), (0.0, 0.0, 1.0)])
def test_holes_in_one_femur_keep_apart_along_and_round_it(away, stand, direction):
    along = np.array(direction)
    roomy = NeedleSetConfig(hub_diameter_mm=0.0, apart_mm=0.0)
    to_femur = {"approach": "femoral", "family": "lateral"}
    first = needle(1, (0, 0, 0), **to_femur)
    assert fits(first, needle(2, away * along, **to_femur), config=roomy) is stand
    # Cups and vertebrae bear holes side by side.
    for other in ({"approach": "femoral", "family": "to the cup"}, {}):
        assert fits(needle(1, (0, 0, 0), **other), needle(2, away * along, **other), config=roomy)
        assert fits(first, needle(2, away * along, **other), config=roomy)


@pytest.mark.parametrize("first", ["screw-1", "screw-2"])
def test_a_needle_beside_the_other_implant_s_is_taken_among_those_that_reach_alike(first):
    """Screw 1 has one way; of screw 2 the better one is in its way, whichever implant comes first."""
    ways = [
        needle(1, (0.0, 0, 0), gap="gap-1"),
        needle(2, (24.0, 0, 0), gap="gap-2", score=0.7, implant_id="screw-2"),
        needle(3, (26.0, 0, 0), (0.3, 1.0, 0.0), gap="gap-2", score=0.5, implant_id="screw-2"),
    ]
    assert not fits(ways[0], ways[1], config=CONFIG) and fits(ways[0], ways[2], config=CONFIG)
    spaces = [line_of(-5, 5), line_of(20, 30, "gap-2", "screw-2")]
    spaces = spaces if first == "screw-1" else spaces[::-1]

    def of_second(config):
        found = sets_of(ways, *spaces, most=1, config=config)
        return next(one.trajectory_ids for one in found if one.implant_id == "screw-2")

    assert of_second(CONFIG) == ("trajectory-3",)
    assert of_second(NeedleSetConfig(in_the_way_weight=0.0)) == ("trajectory-2",)
    # alone it is the better one; and one that reaches much less is not taken for the room that it leaves
    assert sets_of(ways[1:], spaces[-1 if first == "screw-1" else 0], most=1)[0].trajectory_ids == ("trajectory-2",)
    ways[2] = needle(3, (44.0, 0, 0), (0.3, 1.0, 0.0), gap="gap-2", score=0.5, implant_id="screw-2")
    assert of_second(CONFIG) == ("trajectory-2",)
