"""Volumes of solids against closed forms, and which points lie within."""

import math

import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, Grown, Intersection, RoundCone, Solid, Union
from planner.phantoms.solids.columns import EllipticColumn, Turned
from planner.phantoms.solids.raster import contains, grid_over, measure, occupancy, rasterise

_AXIS = (0.3, -0.8, 0.52)
_FAR = tuple(40.0 * np.array(_AXIS) / np.linalg.norm(_AXIS))

CLOSED_FORMS = [
    pytest.param(Ball((1.3, -2.2, 0.7), 9.0), 4 / 3 * math.pi * 9.0**3, id="ball"),
    pytest.param(Difference(Ball((0, 0, 0), 10.0), Ball((0, 0, 0), 8.0)), 4 / 3 * math.pi * (1000 - 512), id="shell"),
    pytest.param(
        Difference(Cylinder((0, 0, 0), _FAR, 5.25), Cylinder((0, 0, 0), _FAR, 3.25)),
        math.pi * (5.25**2 - 3.25**2) * 40.0,
        id="oblique annular cylinder",
    ),
    pytest.param(
        Turned((0, 0, 0), _AXIS, (0.0, 30.0), (3.0, 6.0)), math.pi * 30.0 / 3.0 * (9 + 18 + 36), id="truncated cone"
    ),
    pytest.param(EllipticColumn((0, 0, 0), (12.0, 8.0, 6.0)), math.pi * 12 * 8 * 12, id="elliptic column"),
    pytest.param(
        EllipticColumn((0, 0, 0), (12.0, 8.0, 6.0), 0.1),
        math.pi * 12 * 8 * 12 * (1 - 2 * 0.1 * 2 / 3 + 0.01 * 8 / 15),
        id="column with a waist",
    ),
]


@pytest.mark.parametrize(("solid", "volume_mm3"), CLOSED_FORMS)
def test_volume_agrees_with_the_closed_form(solid: Solid, volume_mm3: float) -> None:
    found = measure(solid)
    assert found.volume_ml == pytest.approx(volume_mm3 / 1000.0, rel=2e-3)
    assert 0.0 < found.volume_sd_ml < 2e-3 * found.volume_ml


def test_centroid_of_a_ball_is_its_centre() -> None:
    assert measure(Ball((11.3, -2.2, 40.7), 6.0)).centroid_lps == pytest.approx((11.3, -2.2, 40.7), abs=0.02)


def test_a_solid_that_is_not_there_has_no_measure() -> None:
    with pytest.raises(ValueError, match="empty"):
        measure(Difference(Ball((0, 0, 0), 3.0), Ball((0, 0, 0), 4.0)))


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


def test_occupancy_is_partial_only_at_the_surface() -> None:
    solid = Ball((0, 0, 0), 6.0)
    grid = grid_over(solid.bounds_lps, 1.0, margin_mm=2.0)
    share, whole = occupancy(solid, grid), rasterise(solid, grid)
    depth = solid.distance_mm(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)).reshape(-1, 3)).reshape(
        grid.shape
    )
    assert np.all(share[depth < -0.9] == 1.0)
    assert np.all(share[depth > 0.9] == 0.0)
    assert np.all((share >= 0.5)[np.abs(depth) > 0.2] == whole[np.abs(depth) > 0.2])


def test_rasterise_outside_of_the_grid_is_empty() -> None:
    grid = Grid((4, 5, 6), np.eye(4))
    assert not rasterise(Ball((50, 50, 50), 6.0), grid).any()
