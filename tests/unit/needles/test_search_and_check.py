"""What the search proposes its own check calls safe; narrow ways break what they say, and nothing else."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from planner.fluoro.console import console_angles_deg
from planner.geometry.frames import points_lps
from planner.model.bones import Bone, Pedicle
from planner.model.volume import Mask, Volume
from planner.needles import family_search
from planner.needles.account.describe import Scene
from planner.needles.candidates import target_of
from planner.needles.check import check_trajectory
from planner.needles.hip.entry_cortex import cortex_at
from planner.needles.judge import judge as judge_candidates
from planner.needles.search import search_gap
from planner.safety.fields import distance_fields
from tests.unit.needles.drawn_hip import AROUND, X, Y, Z, build_hip, scene_of

_SAID = {
    "metal": ("metal: ",),
    "canal": ("canal: ",),
    "forbidden tissue": ("forbidden: ",),
    "bone surface": ("bone surface: ",),
    "foramen": ("too near to a nerve's foramen",),
    "one bone": ("runs in bone not told to be its own",),
}


def spine_scene(anatomy, config):
    console = partial(console_angles_deg, position="HFP")
    return Scene(anatomy, distance_fields(anatomy, config=config), (), config, console)


def judged(scene, gap):
    """Give each proposed straight needle with what the check finds broken, and what it says itself."""
    found = search_gap(scene, gap).trajectories
    straight = [way for way in found if not way.slides_along_implant]
    return [
        (way, check_trajectory(scene, entry_lps=way.path_lps[0], target_lps=way.target_lps, needle=way.needle))
        for way in straight
    ]


def unsaid(way, check):
    said = tuple(start for margin in way.margins_reduced for start in _SAID[margin])
    return [words for words in check.violations if not words.startswith(said)]


def facet(vertebra, at_mm):
    """The vertebra with a bright layer across the left pedicle's way in: a facet joint's other side."""
    grid = vertebra.grid
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    x, y, z = np.moveaxis(points, -1, 0)
    hu = vertebra.ct.hu.copy()
    rims = vertebra.bone.voxels & ((y > 26.0) | ((y > at_mm) & (y < at_mm + 2.0))) & (z > 1.5) & (x > 4.0)
    hu[rims & ~vertebra.metal.voxels] = 900.0
    return replace(vertebra, ct=Volume(grid, hu))


@pytest.mark.parametrize("joint_mm", [None, 18.5])
def test_every_straight_needle_of_the_vertebra_is_judged_safe(vertebra, config, joint_mm):
    anatomy = vertebra if joint_mm is None else facet(vertebra, joint_mm)
    seen = judged(spine_scene(anatomy, config), anatomy.gaps[0])
    assert len(seen) >= 2
    for way, check in seen:
        assert way.margins_reduced == () and check.violations == ()


def test_a_narrow_needle_breaks_only_what_it_says(vertebra, config):
    wide = config.model_copy(update={"canal_margin_mm": 14.0, "front_limit_mm": 4.0})
    seen = judged(spine_scene(vertebra, wide), vertebra.gaps[0])
    assert seen
    for way, check in seen:
        assert check.violations and unsaid(way, check) == []
        assert "canal" in way.margins_reduced


def across_the_midline(vertebra, *, sides):
    """A gap right across the body that no screw gives a side, with measured pedicles."""
    grid = vertebra.grid
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    wide = (np.abs(points[..., 0]) < 14.0) & (np.abs(points[..., 1] + 9.0) < 2.5) & (np.abs(points[..., 2]) < 3.0)
    gap = replace(vertebra.gaps[0], implant_id=None, mask=Mask(grid, wide & ~vertebra.metal.voxels))
    pedicles = tuple(
        Pedicle("vertebra-1", side, points_lps([14.0 * sign, 14.0, 0.0]), points_lps([0.0, -1.0, 0.0]), 12.0, 14.0)
        for side, sign in (("left", 1.0), ("right", -1.0))
        if side in sides
    )
    bones = (Bone("vertebra-1", "vertebra", vertebra.bone),)
    bare = Mask(grid, np.zeros(grid.shape, bool))
    return replace(vertebra, gaps=(gap,), bones=bones, pedicles=pedicles, metal=bare)


@pytest.mark.parametrize("sides", [("left",), ("left", "right")])
def test_a_gap_across_the_midline_is_reached_by_every_pedicle_that_is_known(vertebra, config, sides):
    anatomy = across_the_midline(vertebra, sides=sides)
    seen = judged(spine_scene(anatomy, config), anatomy.gaps[0])
    through = {"left" if way.entry_bone_lps[0] > 0 else "right" for way, _ in seen if way.approach == "transpedicular"}
    assert through == set(sides)
    assert all(unsaid(way, check) == [] for way, check in seen)


@pytest.mark.parametrize("dent_mm", [0.0, 3.2])
def test_every_needle_of_the_hip_is_judged_safe(dent_mm):
    """With a wall that is thick here and thin next to it: each needle's own entry decides."""
    hip = build_hip(wall_mm=5.0)
    hu = hip.ct.hu.copy()
    thin = (AROUND > 15.0 - 5.0) & (15.0 - (5.0 - dent_mm) > AROUND) & (np.mod(Z, 8.0) < 4.0) & (AROUND >= 9.0)
    hu[thin] = 200.0
    scene = scene_of(replace(hip, ct=Volume(hip.grid, hu)))
    seen = judged(scene, hip.gaps[0])
    assert seen
    density = scene.hip_site(target_of(hip, hip.gaps[0], scene.fields)).density_hu
    for way, check in seen:
        assert check.violations == ()
        own = cortex_at(
            scene.anatomy, scene.fields, np.array([way.entry_bone_lps]), density_hu=density, config=scene.config.hip
        ).thickness_mm[0]
        assert (way.entry_cortex_mm is None) == bool(np.isnan(own))
        assert way.entry_cortex_mm is None or way.entry_cortex_mm == pytest.approx(own)


def test_entries_in_one_cube_have_walls_of_their_own():
    hip = build_hip(wall_mm=5.0)
    hu = hip.ct.hu.copy()
    hu[(AROUND >= 9.0) & (AROUND < 13.0) & (Z > 50.0) & (X > 0) & (np.abs(Y) < 9.0)] = 100.0
    seen = scene_of(replace(hip, ct=Volume(hip.grid, hu)))
    site = seen.hip_site(target_of(seen.anatomy, hip.gaps[0], seen.fields))
    site = replace(site, config=site.config.model_copy(update={"hip": site.config.hip.model_copy(
        update={"entry_lattice_mm": 20.0})}))  # fmt: skip
    entries = np.array([[15.0, 1.0, 44.0], [15.0, 1.0, 57.0]])
    thick, thin = site.cortex(entries, own=True).least_mm
    assert thick > thin + 1.0
    shared = site.cortex(entries, own=False).least_mm
    assert shared[0] == shared[1]


def test_a_family_whose_needles_all_fail_the_closer_look_has_no_way(vertebra, config, monkeypatch):
    """Then the next needle, and the least margins, are tried for it; nothing is counted as kept."""
    scene = spine_scene(vertebra, config.model_copy(update={"narrow_ways": False}))
    before = {f.family: f for f in search_gap(scene, vertebra.gaps[0]).families}
    assert before["beside the screw"].kept > 0

    def strict(scene, target, family, needle, **how):
        found = judge_candidates(scene, target, family, needle, **how)
        if not how.get("fine") or family.family != "beside the screw":
            return found
        none = np.empty(0, np.intp)
        return replace(found, passed=found.passed.take(none), index=none, slack_mm=np.full(len(found.code), -np.inf))

    monkeypatch.setattr(family_search, "judge", strict)
    search = search_gap(scene, vertebra.gaps[0])
    lost = next(f for f in search.families if f.family == "beside the screw")
    assert lost.kept == lost.listed == 0 and lost.why_none is not None
    assert "at a closer look" in lost.why_none
    assert lost.tried == sum(lost.refused.values())
    assert all(way.family != "beside the screw" for way in search.trajectories) and search.trajectories
