"""Views by name, of what is chosen, and better ones near by."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.gantry import GantryLimits
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.metal_lengths import metal_block
from planner.fluoro.views import view_at
from planner.fluoro.visibility import TargetScene, target_points, view_sight
from planner.model.view_sight import GapView
from planner.model.volume import Mask
from planner.station.carm.fluoro_views import (
    better_view_near,
    first_view,
    gap_of_thing,
    offered_views,
    view_of_thing,
)
from planner.station.carm.gantry_dial import is_reached
from tests.unit.pipeline.fluoroscopy.conftest import CONFIG, config, grid, plan, scene  # noqa: F401

GRID = grid()
POINTS = np.asarray(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1)))
VISIBILITY = VisibilityConfig()


def target(metal, *, position="HFS"):
    """A ball before which a plate stands, seen from the front."""
    ball = np.linalg.norm(POINTS - [0.0, 10.0, 100.0], axis=-1) < 8.0
    block = metal_block(Mask(GRID, metal & ~ball), hiding_mm=1.0)
    return TargetScene("gap-1", target_points(Mask(GRID, ball), most=400), block, position, GantryLimits())


def plate(half_mm):
    return (
        (np.abs(POINTS[..., 0]) < half_mm)
        & (np.abs(POINTS[..., 1] + 30.0) < 2.0)
        & (np.abs(POINTS[..., 2] - 100.0) < half_mm)
    )


def front(primary=0.0):
    return view_at((0.0, 10.0, 100.0), primary_deg=primary, secondary_deg=0.0, config=CONFIG)


def test_a_better_view_says_how_much_more_it_shows():
    found = better_view_near(target(plate(9.0)), front(), VISIBILITY)
    assert found.carm is not None
    assert found.share_now < 0.3 < found.share_then
    seen = view_sight(target(plate(9.0)), found.carm, config=VISIBILITY).target.visible_share
    assert found.share_then == pytest.approx(seen)
    assert f"{100 * found.share_then:.0f}\u202f% of gap-1 clear of metal, {100 * found.share_now:.0f}" in found.words


def test_where_nothing_hides_it_no_view_is_better():
    found = better_view_near(target(np.zeros(GRID.shape, bool)), front(), VISIBILITY)
    assert (found.carm, found.share_then) == (None, None)
    assert found.share_now == pytest.approx(1.0)
    assert "as good as any" in found.words


def test_where_metal_hides_it_from_all_round_none_is_named():
    around = np.linalg.norm(POINTS - [0.0, 10.0, 100.0], axis=-1)
    found = better_view_near(target((around > 10.0) & (around < 16.0)), front(), VISIBILITY)
    assert found.carm is None
    assert found.words.startswith("no view")


def test_where_metal_goes_on_beyond_the_ct_it_is_not_known():
    """The beam comes from below and behind, through the room below the CT into which a rod goes on."""
    rod = (np.abs(POINTS[..., 0]) < 30.0) & (np.abs(POINTS[..., 1] - 35.0) < 5.0) & (POINTS[..., 2] < 60.0)
    below = metal_block(Mask(GRID, rod), hiding_mm=1.0)
    ball = np.linalg.norm(POINTS - [0.0, 10.0, 60.0], axis=-1) < 6.0
    unknown = TargetScene("gap-1", target_points(Mask(GRID, ball), most=200), below, "HFS", GantryLimits())
    carm = view_at((0.0, 10.0, 60.0), primary_deg=0.0, secondary_deg=40.0, config=CONFIG)
    now = view_sight(unknown, carm, config=VISIBILITY).target
    assert now.visible_share is None
    found = better_view_near(unknown, carm, VISIBILITY)
    assert found.share_now is None
    assert "known" in found.words


def test_a_view_beyond_the_gantry_is_said_to_be_so():
    found = better_view_near(target(np.zeros(GRID.shape, bool)), front(115.0), VISIBILITY)
    assert found.carm is not None
    assert "the gantry does not reach this one" in found.words


def test_views_are_offered_of_what_there_is(scene, plan):  # noqa: F811
    names = [view.name for view in offered_views(scene, CONFIG)]
    assert names[:4] == ["PA", "lateral", "left oblique", "right oblique"]
    assert "bull's-eye of trajectory-1" in names
    assert "watch breach-1" in names
    assert "watch breach-2" not in names, "no view shows it"
    assert "along screw-1" in names


def test_prone_the_detector_stands_behind(scene):  # noqa: F811
    views = {view.name: view.carm for view in offered_views(scene, CONFIG)}
    assert abs(views["PA"].primary_deg) == 180.0
    assert views["left oblique"].primary_deg == 150.0
    assert views["right oblique"].primary_deg == -150.0


def test_a_needle_is_looked_along_and_a_breach_from_its_watch_view(scene, plan):  # noqa: F811
    needle = view_of_thing("needle", "trajectory-1", scene, CONFIG)
    way = np.subtract(plan.trajectories[0].path_lps[0], plan.trajectories[0].aim_lps)
    from planner.geometry.frames import detector_direction, unit

    np.testing.assert_allclose(
        detector_direction(needle.carm.primary_deg, needle.carm.secondary_deg), unit(way), atol=1e-6
    )
    watched = view_of_thing("breach", "breach-1", scene, CONFIG)
    assert (watched.carm.primary_deg, watched.carm.secondary_deg) == (40.0, -10.0)
    assert watched.carm.isocentre_lps == plan.breaches[0].centroid_lps
    assert "no view" in view_of_thing("breach", "breach-2", scene, CONFIG)
    assert "no view of its own" in view_of_thing("implant", "screw-1", scene, CONFIG)


def sighted(plan, scene, kind, primary, share, *, reached=True):  # noqa: F811
    from planner.model.view_sight import TargetSight, ViewSight

    seen = TargetSight(
        target_id="gap-1", visible_share=share, hidden_share=None, mean_metal_mm=None, outside_share=0.0,
        unknown_share=0.0, verdict=None if share is None else "partly",
    )  # fmt: skip
    carm = view_at((0.0, 0.0, 100.0), primary_deg=primary, secondary_deg=0.0, config=CONFIG)
    sight = ViewSight(
        carm=carm, console_primary_deg=0.0, console_secondary_deg=0.0, within_gantry_limits=reached, turn_deg=0.0,
        target=seen, landmarks=(),
    )  # fmt: skip
    return GapView(gap_id="gap-1", kind=kind, sight=sight, better=None)


def with_views(scene, views):  # noqa: F811
    from dataclasses import replace

    return replace(scene, plan=scene.plan.model_copy(update={"views": tuple(views)}))


def test_a_gap_is_looked_at_from_where_the_plan_shows_most_of_it(scene, plan):  # noqa: F811
    views = [
        sighted(plan, scene, "frontal", 10.0, 0.4),
        sighted(plan, scene, "lateral", 80.0, 0.6),
        sighted(plan, scene, "true lateral", 120.0, 0.9, reached=False),
        sighted(plan, scene, "endplate frontal", 20.0, None),
    ]
    assert view_of_thing("gap", "gap-1", with_views(scene, views), CONFIG).carm.primary_deg == 80.0


def test_a_gap_of_which_nothing_was_told_is_looked_at_from_the_front_and_that_is_said(scene, plan):  # noqa: F811
    for views in ((), (sighted(plan, scene, "lateral", 80.0, None),)):
        offered = view_of_thing("gap", "gap-1", with_views(scene, views), CONFIG)
        assert abs(offered.carm.primary_deg) == 180.0
        assert "does not tell" in offered.words


def test_a_gap_that_the_plan_does_not_hold_is_not_looked_at(scene):  # noqa: F811
    assert view_of_thing("gap", "gap-99", scene, CONFIG) == "the plan does not say where gap-99 is"


def test_gaps_of_things(plan):  # noqa: F811
    assert [gap_of_thing(plan, name) for name in ("gap-1", "breach-2", "trajectory-1", "screw-1", "screw-2")] == [
        "gap-1", "gap-1", "gap-1", "gap-1", None,
    ]  # fmt: skip


@pytest.mark.parametrize("position", ["HFS", "HFP", "FFS", "FFP", "HFDR", "HFDL"])
def test_standard_views_and_the_first_one_are_within_reach(scene, position):  # noqa: F811
    """A patient who lies prone was shown a frontal view with the detector below the table."""
    lying = replace(scene, position=position)
    offered = offered_views(lying, CONFIG)
    reached = {v.name: is_reached(v.carm, position, CONFIG.gantry) for v in offered if v.group == "standard"}
    assert reached[first_view(offered, lying, CONFIG).name]
    # On their side, the oblique detector would stand below the table, beyond the gantry: the button says so.
    assert all(reached.values()) or position in ("HFDR", "HFDL"), reached


def test_where_the_frontal_view_is_out_of_reach_another_one_is_first(scene):  # noqa: F811
    gantry = GantryLimits(primary_min_deg=20.0, primary_max_deg=60.0)
    narrow = CONFIG.model_copy(update={"gantry": gantry})
    lying = replace(scene, position="HFS", plan=None)
    offered = offered_views(lying, narrow)
    assert is_reached(offered[0].carm, "HFS", gantry) is False
    assert first_view(offered, lying, narrow).name == "left oblique"
    assert first_view(offered, replace(lying, position=None), narrow) == offered[0], "not known what is reached"
    nowhere = CONFIG.model_copy(update={"gantry": GantryLimits(primary_min_deg=-2.0, primary_max_deg=-1.0)})
    assert first_view(offered, lying, nowhere) == offered[0]
