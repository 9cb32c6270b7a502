import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.safety.ways_out import Ground, cast_ways, cone

EDGE = 0.5
GRID = Grid((40, 40, 60), np.array([[0, 0, EDGE, 0], [0, EDGE, 0, -9.75], [EDGE, 0, 0, -9.75], [0, 0, 0, 1]]))
X = np.broadcast_to(EDGE * np.arange(60), GRID.shape)


def ground(*, wall_mm, outline_mm=6.0, hu=900.0, metal_from_mm=None, blur_mm=0.0, soft_hu=40.0):
    """Soft tissue up to x = 4, then a wall, then soft tissue; the bone's outline stands at `outline_mm`."""
    from scipy.special import ndtr

    if blur_mm:
        share = ndtr((X - 4.0) / blur_mm) - ndtr((X - 4.0 - wall_mm) / blur_mm)
    else:
        share = ((X >= 4.0) & (4.0 + wall_mm > X)).astype(float)
    metal = np.full(GRID.shape, 50.0) if metal_from_mm is None else metal_from_mm - X
    fields = (soft_hu + (hu - soft_hu) * share, outline_mm - X, metal)
    return Ground(GRID, *(np.ascontiguousarray(f, dtype=np.float32) for f in fields))


def cast(case, *, start_mm=3.5, half_deg=40.0, bloom_mm=0.0, before_mm=0.0):
    points = np.array([[start_mm, 0.0, 0.0]])
    ways = cone(np.array([[1.0, 0.0, 0.0]]), half_deg=half_deg, count=12)
    return cast_ways(
        case,
        points,
        ways,
        reach_mm=4.0,
        before_mm=before_mm,
        beyond_mm=0.6,
        soft_hu=40.0,
        most_hu=1500.0,
        bloom_mm=bloom_mm,
    )


@pytest.mark.parametrize("wall_mm", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("blur_mm", [0.4, 0.7])
def test_blur_moves_bone_and_loses_none(wall_mm, blur_mm):
    found = cast(ground(wall_mm=wall_mm, blur_mm=blur_mm), start_mm=2.0)
    assert found.bone_mm_hu[0] / 860.0 == pytest.approx(wall_mm, rel=0.06, abs=0.02)


def test_what_blur_moved_into_the_gap_counts_too():
    case = ground(wall_mm=0.5, blur_mm=0.5)
    short, whole = cast(case, start_mm=4.0), cast(case, start_mm=4.0, before_mm=1.6)
    assert whole.bone_mm_hu[0] / 860.0 == pytest.approx(0.5, abs=0.05)
    assert short.bone_mm_hu[0] < 0.8 * whole.bone_mm_hu[0]
    assert whole.end_mm[0] == pytest.approx(short.end_mm[0], abs=0.15)


def test_metal_before_the_wall_shuts_no_way():
    case = ground(wall_mm=0.5)
    beside = Ground(GRID, case.hu, case.depth_mm, np.ascontiguousarray(X - 3.7, dtype=np.float32))
    whole = cast(case, start_mm=4.0, before_mm=0.6).bone_mm_hu[0]
    assert 0.0 < cast(beside, start_mm=4.0, before_mm=0.6).bone_mm_hu[0] <= whole


def test_the_end_of_a_thick_wall_is_where_it_falls_to_half():
    found = cast(ground(wall_mm=2.0, blur_mm=0.5, outline_mm=7.0), start_mm=4.0)
    assert found.end_mm[0] == pytest.approx(2.0, abs=0.2)


def test_no_bone_has_no_end_and_counts_nothing():
    found = cast(ground(wall_mm=0.0))
    assert found.bone_mm_hu[0] == 0.0 and found.end_mm[0] == 0.0
    assert found.length_mm[0] == pytest.approx(2.5, abs=0.6)


def test_where_the_outline_is_out_of_reach_there_is_no_way():
    found = cast(ground(wall_mm=1.0, outline_mm=9.0))
    assert np.isinf(found.bone_mm_hu[0]) and np.isinf(found.length_mm[0]) and np.isnan(found.peak_hu[0])
    assert found.direction_lps[0] == pytest.approx([1.0, 0.0, 0.0])


def test_metal_shuts_a_way():
    assert np.isinf(cast(ground(wall_mm=0.5, metal_from_mm=5.0)).bone_mm_hu[0])


def test_what_falls_off_beside_metal_is_bloom_and_no_bone():
    falling = ground(wall_mm=0.0)
    bloom = np.maximum(1500.0 - 500.0 * (X - 3.0), 40.0).astype(np.float32)
    beside = Ground(GRID, bloom, falling.depth_mm, np.ascontiguousarray(X - 2.0, dtype=np.float32))
    assert cast(beside, bloom_mm=9.0).bone_mm_hu[0] == 0.0
    assert cast(beside, bloom_mm=0.0).bone_mm_hu[0] > 500.0
    # the same fall away from metal is a wall on which the way starts
    away = Ground(GRID, bloom, falling.depth_mm, falling.metal_mm)
    assert cast(away, bloom_mm=2.0).bone_mm_hu[0] > 500.0


def test_the_weakest_way_is_found_beside_the_straight_one():
    y = EDGE * np.arange(40)[None, :, None] - 9.75
    case = ground(wall_mm=1.0)
    hu = np.where((y > 0.2) & (y < 3.0), 40.0, case.hu).astype(np.float32)
    holed = Ground(GRID, np.ascontiguousarray(hu), case.depth_mm, case.metal_mm)
    found = cast(holed)
    assert found.bone_mm_hu[0] < 0.25 * cast(case).bone_mm_hu[0]
    assert found.direction_lps[0, 1] > 0.2


def test_a_cone_is_even_about_its_axis():
    axis = np.array([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0]])
    ways = cone(axis, half_deg=40.0, count=60)
    assert ways.shape == (2, 61, 3)
    assert np.linalg.norm(ways, axis=2) == pytest.approx(np.ones((2, 61)))
    cosine = np.einsum("nkc,nc->nk", ways, axis)
    assert cosine.min() >= np.cos(np.radians(40.0)) - 1e-9 and cosine[:, 0] == pytest.approx([1.0, 1.0])
    mean = ways.mean(axis=1)
    assert np.einsum("nc,nc->n", mean / np.linalg.norm(mean, axis=1, keepdims=True), axis).min() > 0.999
