"""What one view shows: a rod hides from just where geometry says, a surface makes a line where the beam runs along."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.carm import project
from planner.fluoro.views import ap_view, lateral_view, view_at
from planner.fluoro.visibility import (
    landmark_sight,
    target_points,
    target_sight,
    turn_deg,
    view_sight,
    visible_shares,
)
from planner.geometry.frames import detector_direction, points_lps
from planner.model.view_landmark import ViewLandmark
from planner.model.view_sight import LandmarkSight, TargetSight
from planner.model.volume import Mask
from tests.unit.fluoro.scenes import CENTRE, ball_points, grid_about, no_metal, plate, rod, scene, sphere, surface, tube

FLUORO, CONFIG = FluoroConfig(), VisibilityConfig()


def at(primary, secondary=0.0, *, isocentre=CENTRE, config=FLUORO):
    return view_at(isocentre, primary_deg=primary, secondary_deg=secondary, config=config)


@pytest.mark.parametrize("place", [(0.0, -25.0, 0.0), (25.0, 0.0, 0.0), (18.0, 18.0, 0.0), (-20.0, 10.0, 0.0)])
def test_a_rod_hides_the_target_from_just_the_two_sides_that_geometry_says(place):
    """The rod lies in one direction from the target: detector on that side, or on the opposite one, and no other."""
    looks = np.degrees(np.arctan2(place[0], -place[1]))
    half = np.degrees(np.arcsin(3.0 / np.hypot(*place[:2])))
    hidden_at = scene(rod(place), points=points_lps([CENTRE]))
    for primary in np.arange(-180.0, 180.0, 3.0):
        off = min(abs((primary - looks - turn + 180) % 360 - 180) for turn in (0, 180))
        if abs(off - half) < 1.5:
            continue
        sight = target_sight(hidden_at, at(primary), config=CONFIG)
        assert sight.verdict == ("hidden" if off < half else "visible"), primary
        assert (sight.mean_metal_mm > 2.0) == (off < half)


def test_the_rods_shadow_ends_with_the_rod():
    """Up and down it hides as far as it reaches: a rod of half length 20 mm, 25 mm away, ends at 38.7 degrees."""
    short = scene(rod((0.0, -25.0, 0.0)), points=points_lps([CENTRE]))
    verdicts = [target_sight(short, at(0.0, s), config=CONFIG).verdict for s in (-45.0, -34.0, 0.0, 34.0, 45.0)]
    assert verdicts == ["visible", "hidden", "hidden", "hidden", "visible"]


def test_shares_of_a_target_that_is_half_hidden_make_the_whole():
    """Two clouds of points 30 mm apart along the body, one of three points behind the rod."""
    points = points_lps(np.concatenate([np.tile(CENTRE, (10, 1)), np.tile(np.add(CENTRE, [0.0, 0.0, 30.0]), (20, 1))]))
    sight = target_sight(scene(rod((0.0, -25.0, 0.0)), points=points), at(0.0), config=CONFIG)
    assert sight.hidden_share == pytest.approx(1 / 3)
    assert sight.visible_share == pytest.approx(2 / 3)
    assert (sight.outside_share, sight.unknown_share, sight.verdict) == (0.0, 0.0, "partly")
    assert sight.mean_metal_mm == pytest.approx(6.0 / 3, abs=0.35)


def test_what_falls_beside_the_detector_is_outside_and_not_hidden():
    small = FluoroConfig(rows=40, columns=60, pixel_mm=1.0)
    beside = np.add(CENTRE, [25.0, 0.0, 0.0])
    assert target_sight(scene(no_metal()), at(0.0, isocentre=beside, config=small), config=CONFIG).verdict == "outside"
    assert target_sight(scene(no_metal()), at(0.0, config=small), config=CONFIG).verdict == "visible"
    # columns are more than rows: to the side the same distance is inside
    below = np.add(CENTRE, [0.0, 0.0, 13.0])
    assert target_sight(scene(no_metal()), at(0.0, isocentre=below, config=small), config=CONFIG).verdict == "outside"
    aside = np.add(CENTRE, [13.0, 0.0, 0.0])
    assert target_sight(scene(no_metal()), at(0.0, isocentre=aside, config=small), config=CONFIG).verdict == "visible"


def test_what_lies_behind_the_source_is_outside():
    near = FluoroConfig(source_isocentre_mm=1.0, source_detector_mm=1000.0)
    behind = at(0.0, isocentre=np.add(CENTRE, [0.0, -50.0, 0.0]), config=near)
    assert np.isnan(project(behind, CENTRE)).all()
    sight = target_sight(scene(no_metal()), behind, config=CONFIG)
    assert (sight.verdict, sight.outside_share, sight.mean_metal_mm) == ("outside", 1.0, None)


def test_metal_that_goes_on_beyond_the_ct_leaves_a_target_unknown():
    grid = grid_about()
    cut = scene(rod((0.0, -25.0, 0.0), half_mm=80.0, grid=grid), points=points_lps([np.add(CENTRE, [0.0, 0.0, 38.0])]))
    known = target_sight(cut, at(0.0), config=CONFIG)
    assert known.verdict == "hidden"
    steep = target_sight(cut, at(0.0, 40.0), config=CONFIG)
    assert steep.unknown_share == 1.0
    assert [steep.verdict, steep.visible_share, steep.hidden_share, steep.mean_metal_mm] == [None] * 4
    whole = scene(rod((0.0, -25.0, 0.0)), points=points_lps([np.add(CENTRE, [0.0, 0.0, 38.0])]))
    assert target_sight(whole, at(0.0, 40.0), config=CONFIG).verdict == "visible"


def test_many_directions_at_once_are_the_same_as_one_by_one():
    seen = scene(rod((15.0, -20.0, 5.0)))
    angles = [(0.0, 0.0), (37.0, 10.0), (-37.0, 10.0), (43.0, -10.0), (-42.0, 0.0), (29.0, 0.0)]
    towards = np.array([detector_direction(*one) for one in angles])
    shares = visible_shares(
        seen, seen.points_lps, towards, isocentre_lps=CENTRE,
        distances_mm=(FLUORO.source_isocentre_mm, FLUORO.source_detector_mm), config=CONFIG,
    )  # fmt: skip
    alone = [target_sight(seen, at(*one), config=CONFIG).visible_share for one in angles]
    np.testing.assert_allclose(shares, alone, atol=1e-9)
    assert len(set(np.round(shares, 3))) > 2


@pytest.mark.parametrize("angles", [(0.0, 0.0), (90.0, 0.0), (35.0, -20.0), (180.0, 30.0)])
def test_of_a_sphere_the_places_round_its_limb_are_in_profile(angles):
    """The band within 10 degrees of the limb has sin(10) of a sphere's surface."""
    ball = sphere()
    sight = landmark_sight(ball, scene(no_metal()), at(*angles), config=CONFIG)
    assert sight.in_profile_share == pytest.approx(np.sin(np.radians(CONFIG.profile_deg)), abs=0.01)
    assert sight.verdict == "not in profile"
    wide = VisibilityConfig(profile_deg=35.0)
    sight = landmark_sight(ball, scene(no_metal()), at(*angles), config=wide)
    assert sight.in_profile_share == pytest.approx(np.sin(np.radians(35.0)), abs=0.01)
    assert sight.verdict == "visible"


@pytest.mark.parametrize(("off_deg", "share"), [(0.0, 1.0), (8.0, 1.0), (14.0, 0.5), (25.0, 0.25), (90.0, 0.12)])
def test_a_tube_shows_as_a_ring_along_its_axis_and_as_two_lines_across_it(off_deg, share):
    """Off the axis by a, the turn t is in profile where |sin a cos t| < sin 10: all, then two arcs, then two places."""
    axis = detector_direction(30.0, 10.0)
    sight = landmark_sight(tube(axis), scene(no_metal()), at(30.0 + off_deg, 10.0), config=CONFIG)
    true_deg = turn_deg(at(30.0, 10.0), at(30.0 + off_deg, 10.0))
    steep = min(1.0, np.sin(np.radians(10.0)) / max(np.sin(np.radians(true_deg)), 1e-9))
    arcs = 1.0 - 2.0 * np.arccos(steep) / np.pi
    # a stretch counts that holds any of an arc: two borders each
    assert arcs - 0.01 <= sight.in_profile_share <= arcs + 4 / 16 + 0.01
    assert sight.in_profile_share >= share
    assert (sight.verdict == "visible") == (sight.in_profile_share >= CONFIG.least_profile_share)


def test_a_plate_is_seen_edge_on_within_the_limit_and_not_beyond():
    flat = plate([0.0, 0.0, 1.0])
    verdicts = [landmark_sight(flat, scene(no_metal()), at(20.0, s), config=CONFIG).verdict for s in (0, 8, -8, 13)]
    assert verdicts == ["visible", "visible", "visible", "not in profile"]


def test_the_hidden_half_of_a_ring_is_the_one_behind_the_rod():
    """Head first, supine, the patient's left ring half: a rod in front of it hides it, and leaves the right half."""
    ring = tube([0.0, 1.0, 0.0], radius_mm=8.0)
    left_rod = scene(rod((8.0, -20.0, 0.0), half_mm=30.0))
    sight = landmark_sight(ring, left_rod, at(0.0), config=CONFIG)
    assert sight.in_profile_share == 1.0
    assert sight.verdict == "partly"
    left, right = (ring.points_lps[:, 0] - CENTRE[0]) > 5.0, (ring.points_lps[:, 0] - CENTRE[0]) < -5.0
    for half, verdict in ((left, "hidden"), (right, "visible")):
        parts = np.unique(ring.parts[half], return_inverse=True)[1]
        piece = surface(ring.points_lps[half], ring.normals_lps[half], parts)
        assert landmark_sight(piece, left_rod, at(0.0), config=CONFIG).verdict == verdict
    assert sight.hidden_share == pytest.approx(1.0 - sight.visible_share)
    assert 0.2 < sight.hidden_share < 0.55


def test_metal_hides_only_what_is_in_profile():
    """A rod over the middle of a ring seen along its axis lies over no line of it but above and below."""
    ring = tube([0.0, 1.0, 0.0], radius_mm=12.0)
    sight = landmark_sight(ring, scene(rod((0.0, -20.0, 0.0), half_mm=5.0)), at(0.0), config=CONFIG)
    assert (sight.hidden_share, sight.verdict) == (0.0, "visible")


def test_a_point_has_no_profile_and_is_seen_or_hidden():
    tip = ViewLandmark("screw tip", "vertebra-1", "L4", "left", points_lps([CENTRE]), None, np.zeros(1, dtype=np.intp))
    behind = scene(rod((0.0, -25.0, 0.0)))
    assert landmark_sight(tip, behind, at(0.0), config=CONFIG) == LandmarkSight(
        name="screw tip", bone="vertebra-1", level="L4", side="left", in_profile_share=None, hidden_share=1.0,
        outside_share=0.0, visible_share=0.0, verdict="hidden",
    )  # fmt: skip
    assert landmark_sight(tip, behind, at(90.0), config=CONFIG).verdict == "visible"


def test_a_landmark_beside_the_picture_is_outside_and_one_across_its_edge_is_not():
    small = FluoroConfig(rows=200, columns=60, pixel_mm=1.0)
    ring = tube([0.0, 1.0, 0.0], radius_mm=8.0)
    far = landmark_sight(
        ring, scene(no_metal()), at(0.0, isocentre=np.add(CENTRE, [40, 0, 0]), config=small), config=CONFIG
    )
    assert (far.verdict, far.outside_share, far.hidden_share) == ("outside", 1.0, None)
    edge = landmark_sight(
        ring, scene(no_metal()), at(0.0, isocentre=np.add(CENTRE, [15, 0, 0]), config=small), config=CONFIG
    )
    assert 0.1 < edge.outside_share < 0.5
    assert edge.verdict == "partly", "what is cut off is not seen"


def test_what_cut_metal_may_hide_is_not_known_but_that_it_is_not_in_profile_is():
    cut = scene(rod((0.0, -25.0, 0.0), half_mm=80.0))
    high = np.add(CENTRE, [0.0, 0.0, 38.0])

    def moved(landmark):
        return surface(np.add(landmark.points_lps, [0.0, 0.0, 38.0]), landmark.normals_lps, landmark.parts)

    along = detector_direction(0.0, 40.0)
    ring = landmark_sight(moved(tube(along, radius_mm=2.0)), cut, at(0.0, 40.0, isocentre=high), config=CONFIG)
    assert (ring.verdict, ring.visible_share, ring.hidden_share) == (None, None, None)
    assert ring.in_profile_share == 1.0
    flat = landmark_sight(moved(plate(along)), cut, at(0.0, 40.0, isocentre=high), config=CONFIG)
    assert (flat.verdict, flat.in_profile_share) == ("not in profile", 0.0)


def test_image_rotation_and_mirroring_change_nothing():
    seen = scene(rod((8.0, -20.0, 0.0)), landmarks=(tube([0.0, 1.0, 0.0]), sphere()))
    turned = FluoroConfig(image_rotation_deg=35.0, image_flip="left_right")
    one, other = (view_sight(seen, ap_view(CENTRE, config=c), config=CONFIG) for c in (FLUORO, turned))
    assert (one.target, one.landmarks) == (other.target, other.landmarks)


def test_a_views_sight_tells_console_reach_and_turn():
    prone = scene(no_metal(), position="HFP", gantry=GantryLimits(), landmarks=(sphere(),))
    sight = view_sight(prone, at(170.0, 45.0), config=CONFIG, asked=at(150.0, 45.0))
    assert (sight.console_primary_deg, sight.console_secondary_deg) == (-10.0, 45.0)
    assert sight.within_gantry_limits
    assert sight.turn_deg == pytest.approx(2 * np.degrees(np.arcsin(np.sin(np.radians(10)) * np.cos(np.radians(45)))))
    assert [one.name for one in sight.landmarks] == ["pedicle ring"]
    out = view_sight(prone, at(0.0), config=CONFIG)
    assert not out.within_gantry_limits, "under a prone patient the detector comes at the front"
    assert out.turn_deg == 0.0
    assert TargetSight.model_validate_json(sight.target.model_dump_json()) == sight.target


def test_a_limit_itself_is_reached_however_the_patient_lies():
    limits = GantryLimits(primary_min_deg=-90, primary_max_deg=90, secondary_min_deg=-45, secondary_max_deg=45)
    for position in ("HFS", "HFP", "HFDL", "FFP"):
        lying = scene(no_metal(), position=position, gantry=limits)
        ends = [p for p in range(-180, 180, 15) if lying.is_reached(at(float(p), 45.0))]
        assert len(ends) == 13, position


def test_points_of_a_target_are_few_spread_evenly_and_the_same_each_time():
    grid = grid_about()
    z, y, x = np.indices(grid.shape)
    body = (z > 20) & (z < 70) & (y > 30) & (y < 60) & (x > 40) & (x < 90)
    points = target_points(Mask(grid, body), most=400)
    assert points.shape == (400, 3)
    assert len(np.unique(points, axis=0)) == 400
    np.testing.assert_array_equal(points, target_points(Mask(grid, body), most=400))
    whole = np.asarray(grid.to_lps(np.argwhere(body)))
    np.testing.assert_allclose(points.mean(axis=0), whole.mean(axis=0), atol=0.6)
    for axis in range(3):
        low = points[:, axis] < np.median(whole[:, axis])
        assert low.mean() == pytest.approx(0.5, abs=0.03)
    few = body & (z < 22) & (y < 33)
    assert len(target_points(Mask(grid, few), most=400)) == np.count_nonzero(few)
    assert target_points(Mask(grid, np.zeros_like(body)), most=400).shape == (0, 3)


def test_a_target_without_points_is_refused():
    with pytest.raises(ValueError, match="no point"):
        scene(no_metal(), points=points_lps(np.zeros((0, 3))))


def test_the_lateral_view_sees_past_what_the_frontal_one_does_not():
    seen = scene(rod((0.0, -25.0, 0.0)), points=ball_points(1.5))
    assert target_sight(seen, ap_view(CENTRE, config=FLUORO), config=CONFIG).verdict == "hidden"
    assert target_sight(seen, lateral_view(CENTRE, config=FLUORO), config=CONFIG).verdict == "visible"
