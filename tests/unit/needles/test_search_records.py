"""What the search tells of itself: every candidate once, families that were refused, margins that were given up."""

from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.fluoro.console import console_angles_deg
from planner.model.bones import Bone
from planner.model.volume import Mask
from planner.needles.account.describe import Scene
from planner.needles.candidates import target_of, way_kind
from planner.needles.catalogue import catalogue_of, needles_named
from planner.needles.families import approaches_for, families_of
from planner.needles.search import plan_needles, search_gap
from planner.safety.fields import distance_fields

CONSOLE = partial(console_angles_deg, position="HFP")


@pytest.fixture(scope="module")
def found(scene, vertebra):
    return search_gap(scene, vertebra.gaps[0])


def near_canal(vertebra, mm):
    """Give the anatomy with a canal so wide that it lies so far from the screw's halo."""
    x, y = (
        np.asarray(vertebra.grid.to_lps(np.moveaxis(np.indices(vertebra.grid.shape), 0, -1)))[..., k] for k in (0, 1)
    )
    canal = np.hypot(x, y - 14.0) < mm
    return replace(vertebra, canal=Mask(vertebra.grid, canal & ~vertebra.gaps[0].mask.voxels & ~vertebra.metal.voxels))


def test_every_candidate_is_counted_once(found):
    assert found.tried == sum(family.tried for family in found.families) > 0
    for family in found.families:
        assert family.tried == family.kept + sum(family.refused.values())
        assert family.listed <= family.kept
        assert (family.why_none is None) == (family.kept > 0)
    assert sum(family.listed for family in found.families) == len(found.trajectories)


def test_an_unknown_canal_is_why_nothing_was_tried(change, config):
    search = plan_needles(change(canal=None), config=config, console=CONSOLE).searches[0]
    families = search.record().families
    assert families and all(f.tried == 0 and f.why_none == "spinal canal not known" for f in families)


def test_a_needle_says_its_family_and_its_aiming_error(found, config):
    for way in found.trajectories:
        assert way.family is not None and way.margins_reduced == ()
        error = way.with_aim_error
        assert error is not None and (error.error_mm, error.error_deg) == (config.aim_error_mm, config.aim_error_deg)
        assert error.canal is not None and error.canal < way.clearance_mm.canal
        # 2 mm aside, and 2 degrees over the needle's length
        assert error.canal > way.clearance_mm.canal - 2.0 - np.tan(np.radians(2.0)) * 100.0
        assert any("enter the canal" in words for words in way.cautions) == (error.canal < 0)


def test_least_margins_are_used_only_where_no_needle_keeps_the_wanted(vertebra, config):
    wide = config.model_copy(update={"canal_margin_mm": 14.0, "front_limit_mm": 4.0})
    scene = Scene(vertebra, distance_fields(vertebra, config=wide), (), wide, CONSOLE)
    narrow = search_gap(scene, vertebra.gaps[0])
    assert narrow.trajectories
    for way in narrow.trajectories:
        assert "canal" in way.margins_reduced and wide.least.canal_mm <= way.clearance_mm.canal < 14.0
        (said,) = (words for words in way.cautions if words.startswith("narrow way"))
        assert said.startswith("narrow way, no needle of this way keeps the wanted margins: ")
        assert "14 mm wanted" in said
        # what touches a screw by design is not in it, and a tip deep in bone is not outside of it
        assert "target outside bone" not in said
        assert "metal: " not in said or "of the room wanted where it leaves the screw" in said
    strict = replace(scene, config=wide.model_copy(update={"narrow_ways": False}))
    assert search_gap(strict, vertebra.gaps[0]).trajectories == ()


def test_another_vertebra_in_the_closed_envelope_is_gone_round(vertebra, config):
    grid = vertebra.grid
    y = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))[..., 1]
    behind = y > 20.0
    own = Bone("vertebra-1", "vertebra", Mask(grid, vertebra.bone.voxels & ~behind))
    other = Bone("vertebra-2", "vertebra", Mask(grid, vertebra.bone.voxels & behind))
    one = Bone("vertebra-1", "vertebra", vertebra.bone)

    def ways(*bones):
        anatomy = replace(vertebra, bones=bones)
        return search_gap(replace_scene(anatomy, config), anatomy.gaps[0])

    through = ways(one)
    assert any(way.approach == "transpedicular" for way in through.trajectories)
    assert all(way.clearance_mm.other_bone is None for way in through.trajectories)
    refused = ways(own, other)
    assert refused.refused["another bone"] > 0
    assert all(way.clearance_mm.other_bone > 0 for way in refused.trajectories)


def replace_scene(anatomy, config):
    return Scene(anatomy, distance_fields(anatomy, config=config), (), config, CONSOLE)


def test_bones_that_are_not_told_leave_other_bone_unknown(found):
    assert found.trajectories and all(way.clearance_mm.other_bone is None for way in found.trajectories)


def test_the_shortest_length_that_reaches_is_taken(vertebra, config):
    long = config.model_copy(update={"spine_needles": ("13G",)})
    for way in plan_needles(vertebra, config=long, console=CONSOLE).trajectories:
        reaches = way.depth_from_skin_mm is not None and way.depth_from_skin_mm <= 100.0 - long.spare_length_mm
        assert way.needle.length_mm == (100.0 if reaches else 150.0)


def test_a_finer_needle_is_tried_where_the_first_finds_no_way(vertebra):
    both = NeedleConfig(
        targets_per_gap=30, direction_step_deg=4.0, spine_needles=("8G", "15G"), narrow_ways=False, front_limit_mm=4.0
    )
    search = plan_needles(vertebra, config=both, console=CONSOLE).searches[0]
    gauges = {way.needle.gauge for way in search.trajectories}
    assert search.needles_tried == ("8G", "15G") and gauges <= {"8G", "15G"} and "15G" in gauges
    # a family has needles of one gauge only: the first that finds a way
    for family in {way.family for way in search.trajectories}:
        assert len({way.needle.gauge for way in search.trajectories if way.family == family}) == 1


def test_refined_needles_lie_between_the_grids_targets(found, vertebra):
    index = np.array(
        [vertebra.grid.to_index(way.aim_lps) for way in found.trajectories if not way.slides_along_implant]
    )
    assert np.abs(index - np.rint(index)).max() > 0.05


def test_families_that_have_a_way_are_not_made_again(scene, vertebra):
    target = target_of(vertebra, vertebra.gaps[0], scene.fields)
    needle = needles_named(scene.config.spine_needles[0], catalogue=catalogue_of(scene.config.catalogue))[-1]
    approaches = approaches_for(target, scene.config)

    def made(*done):
        return {f.kind for f in families_of(scene, target, needle, approaches, Counter(), done=done)}

    beside = way_kind("beside the screw", target.pedicle)
    assert {"along the screw", "beside the screw"} <= {kind[0] for kind in made()}
    assert made(beside) == made() - {beside}
    # by another pedicle it is another way
    assert made((beside[0], beside[1], -beside[2])) == made()
    assert made(*made()) == set()


def test_the_gap_s_depth_is_measured_once(scene, vertebra):
    target = target_of(vertebra, vertebra.gaps[0], scene.fields)
    depth = scene.wall_depth(target)
    assert scene.wall_depth(target) is depth
    low = np.array(depth.corner)
    box = tuple(slice(int(a), int(a + n)) for a, n in zip(low, depth.distance.shape, strict=True))
    filled = target.gap.mask.voxels[box] | vertebra.metal.voxels[box]
    assert np.array_equal(depth.distance > 0, filled)
