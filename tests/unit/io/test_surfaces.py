"""Surfaces: closed, as large as the mask, turned outwards and in the right place, on any grid."""

import numpy as np
import pytest
import trimesh

from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.io.reduced_surface import reduced
from planner.io.surface_files import write_stl
from planner.io.surfaces import surface_of
from planner.model.volume import Mask

CENTRE = np.array([-21.0, 13.5, 7.0])
AXIAL = np.eye(3)[:, ::-1]


def grid_of(directions, *, shape=(40, 44, 48), spacing=(0.9, 0.7, 0.6)):
    """A grid round CENTRE."""
    matrix = np.eye(4)
    matrix[:3, :3] = directions * np.array(spacing)
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, matrix)


def ellipsoid(grid, semi=(10.0, 7.0, 5.0), centre=CENTRE):
    points = grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))
    return Mask(grid, (((points - centre) / np.array(semi)) ** 2).sum(axis=-1) <= 1.0)


def write_surface(mask, path, **options):
    write_stl(reduced(*surface_of(mask, **options), most_deviation_mm=0.0), path)


GRIDS = {
    "axial": AXIAL,
    "left-handed": AXIAL * np.array([-1.0, 1.0, 1.0]),
    "permuted": np.eye(3),
    "oblique": rotation_about((1.0, 2.0, -0.5), 33.0) @ AXIAL,
    "oblique left-handed": rotation_about((1.0, 2.0, -0.5), 33.0) @ (AXIAL * np.array([1.0, -1.0, 1.0])),
}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("iterations", [0, 20])
def test_closed_true_to_size_and_in_place(tmp_path, name, iterations):
    mask = ellipsoid(grid_of(GRIDS[name]))
    write_surface(mask, tmp_path / "a.stl", smoothing_iterations=iterations)
    mesh = trimesh.load(tmp_path / "a.stl")
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume / 1000.0 == pytest.approx(mask.volume_ml, rel=0.02)  # positive: turned outwards
    assert mesh.center_mass == pytest.approx(CENTRE, abs=0.1)
    assert mesh.extents == pytest.approx((20.0, 14.0, 10.0), abs=0.9)


def test_a_thin_shell_keeps_its_volume(tmp_path):
    grid = grid_of(AXIAL)
    outer, inner = ellipsoid(grid), ellipsoid(grid, semi=(8.2, 5.2, 3.2))
    shell = Mask(grid, outer.voxels & ~inner.voxels)
    write_surface(shell, tmp_path / "a.stl")
    mesh = trimesh.load(tmp_path / "a.stl")
    assert mesh.is_watertight
    assert mesh.volume / 1000.0 == pytest.approx(shell.volume_ml, rel=0.04)


def test_closed_at_the_volume_border_and_where_parts_touch_at_a_corner(tmp_path):
    voxels = np.zeros((6, 6, 6), bool)
    voxels[:3, :3, :3] = True
    voxels[3:, 3:, 3:] = True
    write_surface(Mask(grid_of(AXIAL, shape=(6, 6, 6)), voxels), tmp_path / "a.stl")
    assert trimesh.load(tmp_path / "a.stl").is_watertight


def test_smoothing_takes_the_steps_off():
    mask = ellipsoid(grid_of(AXIAL))

    def kink_deg(iterations):
        mesh = trimesh.Trimesh(*surface_of(mask, smoothing_iterations=iterations), process=False)
        return np.degrees(mesh.face_adjacency_angles.mean())

    assert kink_deg(20) < 0.6 * kink_deg(0)


def test_a_gap_with_holes_inside_and_through_it_stays_closed(tmp_path):
    grid = grid_of(AXIAL)
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))) - CENTRE
    aside = points + np.array((4.0, 0.0, 0.0))
    through = np.hypot(points[..., 0] - 3.0, points[..., 1]) < 1.5
    within = np.linalg.norm(aside, axis=-1) < 2.0
    island = np.linalg.norm(aside, axis=-1) < 0.9
    holed = Mask(grid, (ellipsoid(grid).voxels & ~through & ~within) | island)
    write_surface(holed, tmp_path / "a.stl")
    mesh = trimesh.load(tmp_path / "a.stl")
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.body_count == 3
    assert mesh.euler_number == 0 + 2 + 2  # a ring, a hollow and an island in it
    assert mesh.volume / 1000.0 == pytest.approx(holed.volume_ml, rel=0.03)


def test_an_empty_mask_is_refused():
    grid = grid_of(AXIAL)
    with pytest.raises(GeometryError, match="empty"):
        surface_of(Mask(grid, np.zeros(grid.shape, bool)))


@pytest.mark.parametrize("filled", [[(0, 0, 0)], [(39, 43, 47)], [(5, 6, 7), (30, 6, 2), (9, 40, 11)], None])
def test_a_surface_before_smoothing_ends_half_a_voxel_beyond_its_mask(filled):
    grid = grid_of(AXIAL)
    voxels = np.full(grid.shape, filled is None)
    for place in filled or ():
        voxels[place] = True
    points, _ = surface_of(Mask(grid, voxels), smoothing_iterations=0)
    at = np.asarray(grid.to_index(points))
    places = np.argwhere(voxels)  # the plain way: every voxel looked at
    assert at.min(axis=0) == pytest.approx(places.min(axis=0) - 0.5, abs=1e-4)
    assert at.max(axis=0) == pytest.approx(places.max(axis=0) + 0.5, abs=1e-4)
