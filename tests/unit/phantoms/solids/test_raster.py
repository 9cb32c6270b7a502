"""Which voxels and points lie within solids."""

import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.phantoms.solids.basic import (
    Ball,
    Cylinder,
    Difference,
    Grown,
    Intersection,
    RoundCone,
    ThreadedShaft,
    Union,
)
from planner.phantoms.solids.columns import EllipticColumn, Turned
from planner.phantoms.solids.raster import contains, grid_over, paint, rasterise

_AXIS = (0.3, -0.8, 0.52)
_SCREW = ThreadedShaft((-9.0, 2.0, 1.0), (9.0, -4.0, 3.0), 6.0, 4.2)
_COMPOSITE = Union(
    (
        Difference(Ball((0, 0, 0), 8.0), _SCREW),
        Intersection((Grown(Ball((0, 0, 0), 8.0), 3.0), Cylinder((0, 0, -14), (0, 0, 14), 2.5))),
    )
)


def test_composites_hold_what_their_distance_says() -> None:
    a, b = Ball((0, 0, 0), 8.0), Ball((6, 0, 0), 7.0)
    solid = Union((Difference(a, b), Intersection((Grown(a, 1.0), b, Cylinder((0, 0, -9), (0, 0, 9), 4.0)))))
    points = points_lps(np.random.default_rng(3).uniform(-15, 15, (4000, 3)))
    inside = contains(solid, points)
    assert np.array_equal(inside, solid.distance_mm(points) <= 0.0)
    assert 0 < np.count_nonzero(inside) < len(points)


def test_no_solid_overstates_its_distance() -> None:
    solids = [
        Turned((0, 0, 0), _AXIS, (0.0, 4.0, 30.0), (3.0, 6.0, 5.0)),
        EllipticColumn((0, 0, 0), (12.0, 8.0, 6.0), 0.15),
        Union((Ball((0, 0, 0), 5.0), RoundCone((3, 0, 0), (20, 4, 1), 4.0, 2.0), Ball((30, 0, 0), 5.0))),
    ]
    random = np.random.default_rng(5)
    points, step = random.uniform(-25, 35, (5000, 3)), random.normal(size=(5000, 3)) * 0.5
    for solid in solids:
        change = solid.distance_mm(points_lps(points + step)) - solid.distance_mm(points_lps(points))
        assert np.all(np.abs(change) <= np.linalg.norm(step, axis=1) + 1e-9)


def _oblique() -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation_about((1, 2, 3), 30.0)[:, ::-1] @ np.diag([1.1, 0.5, 0.6])
    matrix[:3, 3] = matrix[:3, :3] @ [-13.1, -26.2, -22.3]
    return Grid((27, 53, 45), matrix)


@pytest.mark.parametrize(
    "grid", [grid_over(_COMPOSITE.bounds_lps, 0.55, margin_mm=1.0), _oblique()], ids=["even", "oblique"]
)
def test_voxels_are_those_whose_centres_lie_within(grid: Grid) -> None:
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    expected = contains(_COMPOSITE, points_lps(grid.to_lps(index).reshape(-1, 3))).reshape(grid.shape)
    assert np.array_equal(rasterise(_COMPOSITE, grid), expected)
    assert 1000 < expected.sum() < 0.7 * expected.size


def test_painting_leaves_the_rest_as_it_was() -> None:
    grid = grid_over(Ball((0, 0, 0), 9.0).bounds_lps, 0.7)
    out = np.full(grid.shape, -1000, dtype=np.int16)
    paint(Ball((0, 0, 0), 6.0), grid, out, value=140)
    assert np.array_equal(out == 140, rasterise(Ball((0, 0, 0), 6.0), grid))
    assert set(np.unique(out)) == {-1000, 140}


def test_rasterise_outside_of_the_grid_is_empty() -> None:
    grid = Grid((4, 5, 6), np.eye(4))
    assert not rasterise(Ball((50, 50, 50), 6.0), grid).any()
