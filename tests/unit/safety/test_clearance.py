from dataclasses import astuple, replace

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy
from planner.model.volume import Mask, Volume
from planner.safety import march
from planner.safety.clearance import (
    REASONS,
    Limits,
    check_straight,
    known_mm,
    least_distances,
    sample,
    sample_channels,
    surface_normals,
)
from planner.safety.fields import (
    BODY,
    BONE,
    CANAL,
    FAR_MM,
    FORBIDDEN,
    METAL,
    NOT_SCANNED,
    BoxedDistance,
    distance_fields,
    distance_mm,
)

LIMITS = Limits(
    radius_mm=1.0,
    length_mm=60.0,
    metal_mm=0.5,
    tip_metal_mm=0.5,
    canal_mm=1.0,
    forbidden_mm=1.0,
    bone_mm=1.0,
    inside_mm=0.8,
    graze_mm=6.0,
)
BACK = np.array([[0.0, 1.0, 0.0]])
GRID = Grid((30, 90, 40), np.array([[0, 0, 1, -20.0], [0, 1, 0, -20.0], [1, 0, 0, -15.0], [0, 0, 0, 1]]))


def block(x, y, z):
    points = np.asarray(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1)))
    inside = [(points[..., k] >= low) & (points[..., k] < high) for k, (low, high) in enumerate((x, y, z))]
    return inside[0] & inside[1] & inside[2]


WHOLE = ((-20, 20), (-20, 60), (-15, 15))


def fields(*, metal=None, canal=None, forbidden=None, bone=None, body=True):
    mask = lambda voxels: None if voxels is None else Mask(GRID, voxels)  # noqa: E731
    empty = np.zeros(GRID.shape, bool)
    anatomy = Anatomy(
        ct=Volume(GRID, np.zeros(GRID.shape, np.float32)),
        metal=Mask(GRID, empty if metal is None else metal),
        bone=Mask(GRID, block((-15, 15), (-20, 20), (-15, 15)) if bone is None else bone),
        gaps=(),
        implants=(),
        canal=mask(canal),
        body=mask(block(*WHOLE)) if body else None,
        forbidden=mask(forbidden),
    )
    return distance_fields(anatomy, config=NeedleConfig())


def reason(f, at=(0.0, 0.0, 0.0), along=BACK, limits=LIMITS):
    return REASONS[check_straight(f, [at], along, limits=limits).reason[0]]


def test_a_clear_way_passes_and_is_measured():
    checked = check_straight(fields(), [[0.0, 0.0, 0.0]], BACK, limits=LIMITS, fine=True)
    assert REASONS[checked.reason[0]] == "passed"
    assert checked.to_bone_mm[0] == pytest.approx(19.5, abs=0.1)
    assert checked.to_skin_mm[0] == pytest.approx(59.5, abs=0.3)
    assert checked.counts() == {}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"metal": block((1, 4), (5, 8), (-2, 2))}, "metal"),
        ({"metal": block((4, 6), (5, 8), (-2, 2))}, "passed"),
        ({"canal": block((2, 5), (5, 8), (-2, 2))}, "canal"),
        ({"canal": block((5, 8), (5, 8), (-2, 2))}, "passed"),
        ({"forbidden": block((-1, 1), (40, 42), (-2, 2))}, "forbidden"),
        ({"forbidden": block((4, 6), (40, 42), (-2, 2))}, "passed"),
        ({"bone": block((-15, 15), (-20, 20), (-15, 15)) | block((-3, 3), (40, 44), (-3, 3))}, "second bone"),
        ({"bone": block((-15, 15), (-20, 20), (-15, 15)) | block((8, 12), (40, 44), (-3, 3))}, "passed"),
        ({"bone": block((5, 15), (-20, 20), (-15, 15))}, "target outside bone"),
    ],
)
def test_each_limit_says_no_and_yes(where, expected):
    assert reason(fields(**where)) == expected


def test_a_needle_that_runs_along_the_surface_is_refused():
    flat = np.array([[0.995, 0.0998, 0.0]])
    assert reason(fields(bone=block((-20, 12), (-20, 2), (-15, 15))), at=(-12.0, 0.0, 0.0), along=flat) == "grazes bone"


def test_a_needle_that_leaves_the_picture_within_bone_is_refused():
    sideways = np.array([[1.0, 0.0, 0.0]])
    assert reason(fields(bone=block(*WHOLE)), along=sideways) == "no way out of the bone"


def test_too_short_a_needle_is_refused():
    short = replace(LIMITS, length_mm=59.0)
    assert reason(fields(), limits=short) == "too long"
    assert reason(fields(body=False), limits=short) == "too long"


def test_unknown_skin_stays_unmeasured():
    long = replace(LIMITS, length_mm=150.0)
    checked = check_straight(fields(body=False), [[0.0, 0.0, 0.0]], BACK, limits=long)
    assert checked.reason[0] == 0 and np.isnan(checked.to_skin_mm[0]) and checked.in_view_mm[0] > 60.0


def test_long_steps_never_jump_over_what_fine_steps_find():
    rng = np.random.default_rng(1)
    metal = block((3, 5), (3, 5), (-15, 15))
    f = fields(metal=metal, canal=block((-8, -5), (0, 30), (-15, 15)), forbidden=block((6, 9), (35, 38), (-15, 15)))
    inner = rng.uniform((-10, -10, -8), (10, 10, 8), (2000, 3))
    outward = rng.normal((0, 2, 0), 0.5, (2000, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    coarse = check_straight(f, inner, outward, limits=LIMITS).reason == 0
    fine = check_straight(f, inner, outward, limits=LIMITS, fine=True).reason == 0
    assert 20 < fine.sum() < 1980
    # What fine steps refuse, coarse steps may keep only by the width of one fine step.
    assert (coarse & ~fine).mean() < 0.01 and (fine & ~coarse).mean() < 0.01


def test_fields_measure_from_the_surface():
    f = fields(metal=block((5, 8), (0, 3), (0, 3)))
    assert sample(f, [[0.0, 1.0, 1.0]], METAL)[0] == pytest.approx(4.5, abs=0.01)
    assert sample(f, [[0.0, 10.0, 0.0]], BONE)[0] == pytest.approx(9.5, abs=0.01)
    assert sample(f, [[0.0, 30.0, 0.0]], BONE)[0] == pytest.approx(-10.5, abs=0.01)
    assert sample(f, [[0.0, 30.0, 0.0]], CANAL)[0] == FAR_MM and not f.canal_known
    assert np.isnan(sample(f, [[500.0, 0.0, 0.0]], BONE)[0])
    assert surface_normals(f, [[0.0, 19.5, 0.0]])[0] == pytest.approx([0, 1, 0], abs=0.01)


def test_soft_tissue_before_the_canal_is_out_of_bounds():
    f = fields(canal=block((-4, 4), (25, 33), (-15, 15)), bone=block((-5, 5), (20, 25), (-15, 15)))
    assert sample(f, [[15.0, 0.0, 0.0]], FORBIDDEN)[0] < 0
    assert sample(f, [[15.0, 30.0, 0.0]], FORBIDDEN)[0] > 5


def test_a_sheared_grid_is_refused():
    matrix = np.eye(4)
    matrix[0, 1] = 0.5
    grid = Grid((4, 4, 4), matrix)
    empty = Mask(grid, np.zeros((4, 4, 4), bool))
    with pytest.raises(GeometryError, match="sheared"):
        Anatomy(ct=Volume(grid, np.zeros((4, 4, 4))), metal=empty, bone=empty, gaps=(), implants=())


def test_a_needle_that_just_fails_says_by_how_much():
    f = fields(metal=block((2, 5), (5, 8), (-2, 2)))  # its surface at x = 1.5
    checked = check_straight(f, [[0.1, 0.0, 0.0]], BACK, limits=LIMITS, tolerance_mm=1.0)
    assert REASONS[checked.reason[0]] == "metal"
    assert -0.2 < checked.slack_mm[0] < 0
    assert np.isfinite(checked.to_skin_mm[0])
    worse = check_straight(
        fields(metal=block((0, 5), (5, 8), (-2, 2))), [[0, 0, 0]], BACK, limits=LIMITS, tolerance_mm=1.0
    )
    assert REASONS[worse.reason[0]] == "metal" and np.isnan(worse.to_skin_mm[0])


def with_other_bone(f, where):
    return replace(f, other_bone=BoxedDistance(distance_mm(where, GRID.spacing_mm), (0, 0, 0)))


def test_another_bone_within_the_envelope_is_kept_clear_of():
    near, far = block((1, 4), (5, 12), (-3, 3)), block((6, 9), (5, 12), (-3, 3))
    assert reason(with_other_bone(fields(), near)) == "another bone"
    assert reason(with_other_bone(fields(), far)) == "passed"
    checked = check_straight(with_other_bone(fields(), far), [[0.0, 0.0, 0.0]], BACK, limits=LIMITS, fine=True)
    assert checked.other_bone_mm[0] == pytest.approx(5.5 - 1.0, abs=0.1)
    assert np.isnan(check_straight(fields(), [[0.0, 0.0, 0.0]], BACK, limits=LIMITS).other_bone_mm[0])


def test_least_distances_are_those_of_fine_steps():
    rng = np.random.default_rng(2)
    f = fields(metal=block((3, 5), (3, 5), (-15, 15)), canal=block((-8, -5), (0, 30), (-15, 15)))
    inner = rng.uniform((-10, -10, -8), (10, 10, 8), (400, 3))
    outward = rng.normal((0, 2, 0), 0.5, (400, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    least = least_distances(f, inner, outward, 40.0, radius_mm=1.0)
    way = np.linspace(0.0, 40.0, 1601)
    for channel, found in ((METAL, least.metal_mm), (CANAL, least.canal_mm)):
        points = inner[:, None, :] + way[None, :, None] * outward[:, None, :]
        true = np.nanmin(sample(f, points.reshape(-1, 3), channel).reshape(400, -1), axis=1) - 1.0
        assert np.abs(found - true).max() < 0.15
    assert np.isnan(least.other_bone_mm).all()
    empty = least_distances(fields(), [[0.0, 0.0, 0.0]], BACK, 40.0, radius_mm=1.0)
    assert known_mm(empty.canal_mm[0]) is None and known_mm(empty.other_bone_mm[0]) is None
    assert known_mm(least.canal_mm[0]) is not None


def test_a_needle_that_comes_back_to_bone_is_told():
    island = block((-15, 15), (-20, 20), (-15, 15)) | block((-3, 3), (40, 44), (-3, 3))
    there = least_distances(fields(bone=island), [[0.0, 0.0, 0.0]], BACK, 55.0, radius_mm=1.0)
    short = least_distances(fields(bone=island), [[0.0, 0.0, 0.0]], BACK, 30.0, radius_mm=1.0)
    assert there.comes_back[0] and not short.comes_back[0]


def test_hardware_that_is_no_metal_is_gone_round():
    empty = np.zeros(GRID.shape, bool)
    anatomy = Anatomy(
        ct=Volume(GRID, np.zeros(GRID.shape, np.float32)),
        metal=Mask(GRID, empty),
        bone=Mask(GRID, block((-15, 15), (-20, 20), (-15, 15))),
        gaps=(),
        implants=(),
        hardware=Mask(GRID, block((-2, 2), (5, 8), (-2, 2))),
        body=Mask(GRID, block(*WHOLE)),
    )
    assert reason(distance_fields(anatomy, config=NeedleConfig())) == "metal"


@pytest.mark.parametrize(("again", "known"), [(None, True), ((35, 45), False), ((57, 60), True)])
def test_a_skin_point_with_body_behind_it_is_not_known(again, known):
    f = fields(bone=block((-10, 10), (-20, 15), (-15, 15)))
    body = np.where(block((-20, 20), (-20, 25), (-15, 15)), 1.0, -1.0)
    if again is not None:
        # body again, or (at the picture's edge) what was not scanned
        value = 1.0 if known is False else NOT_SCANNED
        body[block((-20, 20), again, (-15, 15))] = value
    channels = f.channels.copy()
    channels[..., BODY] = body
    checked = check_straight(replace(f, channels=channels), [[0.0, 0.0, 0.0]], BACK, limits=LIMITS)
    assert checked.reason[0] == 0
    assert np.isfinite(checked.to_skin_mm[0]) == known
    assert checked.in_view_mm[0] == pytest.approx(24.5, abs=1.0)


def test_what_is_no_metal_counts_as_hardware():
    cage = block((-4, 4), (0, 8), (-4, 4))
    metal = block((10, 14), (0, 8), (-4, 4))
    mask = lambda voxels: Mask(GRID, voxels)  # noqa: E731
    empty = np.zeros(GRID.shape, bool)
    anatomy = Anatomy(
        Volume(GRID, np.zeros(GRID.shape, np.float32)), mask(metal), mask(empty), (), (), hardware=mask(cage | metal)
    )
    found = distance_fields(anatomy, config=NeedleConfig())
    at = sample(found, [[0.0, 11.0, 0.0], [12.0, 11.0, 0.0]], METAL)
    assert at == pytest.approx([3.5, 3.5], abs=0.1)


def test_what_lies_beyond_the_skin_refuses_no_needle():
    body = block((-20, 20), (-20, 26), (-15, 15))
    behind_skin = fields(forbidden=block((-3, 3), (29, 32), (-3, 3)))
    channels = behind_skin.channels.copy()
    channels[..., 4] = np.where(body, 1.0, -1.0)
    assert reason(replace(behind_skin, channels=channels)) == "passed"
    assert reason(behind_skin) == "forbidden"


def test_quick_look_and_walk_let_the_same_needles_pass():
    f = fields(metal=block((2, 5), (4, 12), (-2, 2)), canal=block((-9, -6), (-5, 9), (-15, 15)))
    rng = np.random.default_rng(5)
    inner = rng.uniform((-12, -15, -12), (12, 10, 12), (400, 3))
    outward = rng.normal(size=(400, 3)) * 0.3 + BACK
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    quick = check_straight(f, inner, outward, limits=LIMITS)
    out = np.full((400, 8), np.nan)
    numbers = np.array([*astuple(LIMITS)[:9], LIMITS.other_bone_mm, 0.0])
    start, step = np.asarray(GRID.to_index(inner)), outward @ GRID.index_from_lps[:3, :3].T
    nothing = np.empty((0, 0, 0), np.float32), np.zeros(3)
    walked = [march._march(f.channels, *nothing, start[n], step[n], numbers, 3.0, out[n]) for n in range(400)]
    looked = [march._meets_at_spots(f.channels, *nothing, start[n], step[n], numbers, out[n]) for n in range(400)]
    assert 20 < np.count_nonzero(quick.reason == 0) < 380
    assert np.array_equal(quick.reason == 0, np.array(walked) == 0)
    assert np.count_nonzero(looked) > 20 and not np.any((np.array(looked) > 0) & (np.array(walked) == 0))


def test_distances_looked_up_together_are_those_looked_up_alone():
    f = fields(metal=block((2, 5), (4, 12), (-2, 2)))
    points = np.random.default_rng(6).uniform(-25, 25, (30, 3))
    together = sample_channels(f, points, (METAL, BONE))
    for found, channel in zip(together, (METAL, BONE), strict=True):
        assert np.array_equal(found, sample(f, points, channel), equal_nan=True)
    assert np.isnan(together[0]).any()
