"""Points on surfaces, and the cells that they are looked for in."""

import math

import numpy as np
import pytest

from planner.phantoms.solids.basic import Ball, Cylinder, Difference, HalfSpace, Intersection
from planner.phantoms.solids.cells import SHIFT, cells_near_surface
from planner.phantoms.solids.surface import outward_normals, surface_points

_DRILLED = Difference(Ball((1.1, 0.3, -0.2), 8.0), Cylinder((0, 0, -20), (0, 0, 20), 2.0))


def test_points_lie_on_the_surface_and_know_its_normal() -> None:
    surface = surface_points(Ball((1.1, 0.3, -0.2), 8.0), spacing_mm=0.7)
    rays = surface.points_lps - (1.1, 0.3, -0.2)
    assert np.linalg.norm(rays, axis=1) == pytest.approx(8.0, abs=1e-4)
    assert np.allclose(surface.outward_lps, rays / 8.0, atol=1e-3)


@pytest.mark.parametrize("way", [(0, 0, 1), (1, 1, 0), (0.3, -0.8, 0.52)])
def test_the_area_does_not_depend_on_how_a_cylinder_lies(way: tuple[float, float, float]) -> None:
    stop = tuple(20.0 * np.array(way) / np.linalg.norm(way))
    area = surface_points(Cylinder((0, 0, 0), stop, 4.0), spacing_mm=0.3).area_mm2.sum()
    assert area == pytest.approx(2 * math.pi * 4 * 24, rel=0.015)


def test_only_what_matters_is_looked_at() -> None:
    ball = Ball((0, 0, 0), 6.0)
    upper = HalfSpace((0, 0, 3), (0, 0, -1))
    surface = surface_points(ball, spacing_mm=0.3, chooser=lambda p, half: upper.distance_mm(p) <= half)
    assert surface.points_lps[:, 2].min() > 2.0
    cap = surface.area_mm2[surface.points_lps[:, 2] > 3.1].sum()
    # The lattice's planes cut the cap's edge a little above or below.
    assert cap == pytest.approx(2 * math.pi * 6 * 2.9, rel=0.05)


def test_where_there_is_no_surface_there_are_no_points() -> None:
    nothing = Intersection((Ball((0, 0, 0), 2.0), Ball((9, 0, 0), 2.0)))
    assert len(surface_points(nothing, spacing_mm=0.3).points_lps) == 0


def test_a_ball_has_no_normal_at_its_centre() -> None:
    assert outward_normals(Ball((0, 0, 0), 2.0), np.zeros((1, 3))).tolist() == [[0.0, 0.0, 0.0]]


def test_cells_neither_miss_the_surface_nor_call_a_cut_cell_whole() -> None:
    cells = cells_near_surface(_DRILLED, spacing_mm=0.4)
    random = np.random.default_rng(1)
    inside = cells.whole_lps[:, None] + cells.whole_mm * random.random((len(cells.whole_lps), 4, 3))
    assert np.all(_DRILLED.distance_mm(inside.reshape(-1, 3)) <= 0.0)
    points = random.uniform(-8, 9, (20000, 3))
    held = points[_DRILLED.distance_mm(points) <= 0.0]
    known = {tuple(c) for c in cells.cut} | {
        tuple(2 * c + o) for c in cells.whole for o in np.indices((2, 2, 2)).reshape(3, -1).T
    }
    assert {tuple(c) for c in np.floor(held / 0.4 - SHIFT).astype(int)} <= known
