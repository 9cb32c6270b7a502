import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.safety.gap_surface import gap_surface


def grid_of(edge_mm, turn_deg=0.0, size_mm=24.0):
    """A cube round the origin, its rows turned about the patient's long axis."""
    count = round(size_mm / edge_mm)
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    axes = np.array([[0.0, s, c], [0.0, c, -s], [1.0, 0.0, 0.0]])
    matrix = np.eye(4)
    matrix[:3, :3] = axes * edge_mm
    matrix[:3, 3] = -matrix[:3, :3] @ np.full(3, (count - 1) / 2)
    return Grid((count, count, count), matrix)


def places(grid):
    return np.moveaxis(np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))), -1, 0)


@pytest.mark.parametrize("edge_mm", [0.5, 0.8])
@pytest.mark.parametrize("turn_deg", [0.0, 31.0])
def test_a_balls_surface_has_its_area_radius_and_normals(edge_mm, turn_deg):
    grid = grid_of(edge_mm, turn_deg)
    far = np.linalg.norm(places(grid), axis=0)
    surface = gap_surface(far < 7.0, np.zeros(grid.shape, bool), grid)
    radius = np.linalg.norm(surface.points_lps, axis=1)
    assert radius.mean() == pytest.approx(7.0, abs=0.15 * edge_mm)
    assert np.abs(radius - 7.0).max() < 0.5 * edge_mm
    assert surface.area_mm2.sum() == pytest.approx(4 * np.pi * 49.0, rel=0.04)
    cosine = np.einsum("ij,ij->i", surface.outward_lps, surface.points_lps) / radius
    assert np.percentile(cosine, 1) > 0.95


def test_a_grid_that_is_mirrored_has_its_normals_outwards_too():
    grid = grid_of(0.8)
    matrix = grid.lps_from_index.copy()
    matrix[:3, 2] *= -1.0
    matrix[0, 3] *= -1.0
    mirrored = Grid(grid.shape, matrix)
    far = np.linalg.norm(places(mirrored), axis=0)
    surface = gap_surface(far < 7.0, np.zeros(mirrored.shape, bool), mirrored)
    assert np.all(np.einsum("ij,ij->i", surface.outward_lps, surface.points_lps) > 0.0)


@pytest.mark.parametrize("width_mm", [0.8, 2.0])
def test_a_narrow_gap_beside_metal_has_an_outer_wall_and_no_inner_one(width_mm):
    grid = grid_of(0.8)
    x, y, z = places(grid)
    around = np.hypot(x, y)
    metal = (around < 4.0) & (np.abs(z) < 9.0)
    space = (around >= 4.0) & (around < 4.0 + width_mm) & (np.abs(z) < 6.0)
    surface = gap_surface(space, metal, grid)
    inner = np.abs(surface.points_lps[:, 2]) < 4.0
    radius = np.hypot(surface.points_lps[inner, 0], surface.points_lps[inner, 1])
    assert radius.mean() == pytest.approx(4.0 + width_mm, abs=0.3)
    assert radius.min() > 4.0 + 0.4 * width_mm
    assert surface.area_mm2[inner].sum() == pytest.approx(2 * np.pi * (4.0 + width_mm) * 8.0, rel=0.1)


def test_nothing_has_no_surface():
    grid = grid_of(0.8)
    none = np.zeros(grid.shape, bool)
    assert len(gap_surface(none, none, grid)) == 0
