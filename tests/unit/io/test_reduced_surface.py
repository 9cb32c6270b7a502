"""Surfaces with fewer triangles: still closed, and no farther off than is said, held against trimesh's distances."""

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from planner.io.reduced_surface import is_closed, reduced
from planner.io.surfaces import surface_of
from planner.model.volume import Mask
from tests.unit.io.test_surfaces import AXIAL, CENTRE, ellipsoid, grid_of


@pytest.fixture(scope="module")
def egg():
    return surface_of(ellipsoid(grid_of(AXIAL)))


def as_mesh(points, triangles):
    return trimesh.Trimesh(points, triangles, process=False)


def farthest_mm(mesh, other):
    """From places all over one surface to the nearest of many on the other: not by what is tested."""
    places, _ = trimesh.sample.sample_surface(mesh, 5000, seed=1)
    many, _ = trimesh.sample.sample_surface(other, 400_000, seed=2)
    return float(cKDTree(many).query(places)[0].max())


def test_fewer_triangles_closed_and_as_near_as_is_said(egg):
    made = reduced(*egg, most_deviation_mm=0.15)
    mesh, before = as_mesh(made.points_lps, made.triangles), as_mesh(*egg)
    assert made.triangles_before == len(egg[1]) and len(made.triangles) <= 0.41 * len(egg[1])
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert made.volume_ml == pytest.approx(mesh.volume / 1000.0)
    assert mesh.volume == pytest.approx(before.volume, rel=0.01)
    sampled = max(farthest_mm(mesh, before), farthest_mm(before, mesh))
    assert 0.0 < made.deviation_mean_mm < made.deviation_max_mm <= 0.15
    # The nearest of many samples lies a little farther than the surface itself: some 0.03 mm beside each other.
    assert 0.7 * made.deviation_max_mm < sampled < made.deviation_max_mm + 0.05


def test_a_tight_limit_leaves_more_and_nought_leaves_all(egg):
    loose, tight = (reduced(*egg, most_deviation_mm=mm) for mm in (0.5, 0.03))
    assert len(loose.triangles) < len(tight.triangles) and tight.deviation_max_mm <= 0.03
    for mm in (0.0, 1e-9):
        whole = reduced(*egg, most_deviation_mm=mm)
        assert np.array_equal(whole.triangles, egg[1]) and whole.deviation_max_mm == whole.deviation_mean_mm == 0.0


def test_a_speck_stays_where_it_is():
    # A quadric collapses a lone voxel into nothing, for it costs next to nothing.
    mask = ellipsoid(grid_of(AXIAL))
    voxels = mask.voxels.copy()
    voxels[2, 2, 2] = True
    made = reduced(*surface_of(Mask(mask.grid, voxels)), most_deviation_mm=0.15)
    mesh = as_mesh(made.points_lps, made.triangles)
    assert made.triangles_before > len(made.triangles) and mesh.body_count == 2 and mesh.is_watertight
    assert np.linalg.norm(made.points_lps - mask.grid.to_lps((2, 2, 2)), axis=1).min() < 1.0


def test_a_reduction_that_opens_the_surface_is_not_taken(egg, monkeypatch):
    made = []

    def torn(points, triangles, share):
        made.append(share)
        return points, triangles[: int(len(triangles) * share)]

    monkeypatch.setattr("planner.io.reduced_surface._decimated", torn)
    whole = reduced(*egg, most_deviation_mm=100.0)
    assert len(made) > 1 and len(whole.triangles) == len(egg[1]) and whole.deviation_max_mm == 0.0


def test_a_surface_far_from_the_origin_keeps_its_shape(egg):
    points, triangles = egg
    away = np.array((4096.0, -8192.0, 16384.0))  # the shift itself rounds nothing
    here, there = (reduced(places, triangles, most_deviation_mm=0.15) for places in (points, points + away))
    assert np.array_equal(here.triangles, there.triangles)
    assert np.allclose(here.points_lps, there.points_lps - away, atol=1e-4)


def test_what_is_closed_and_what_is_not():
    box = trimesh.creation.box()
    points, faces = np.array(box.vertices), np.array(box.faces)
    assert is_closed(points, faces)
    assert not is_closed(points, faces[:-1]), "a hole"
    assert not is_closed(points, np.vstack([faces, faces[:1]])), "a triangle twice"
    assert not is_closed(points, np.vstack([faces[:-1], faces[-1:, ::-1]])), "one turned the other way"
    assert not is_closed(points, np.vstack([faces, [[0, 0, 1]]])), "one without an area"
    assert not is_closed(points, faces[:0]), "nothing"


def test_corners_that_a_file_cannot_tell_apart_are_one():
    far = trimesh.creation.box(bounds=[[0, 0, 0], [1, 1, 1]])
    points, faces = np.array(far.vertices) * 1e-5 + CENTRE * 100.0, np.array(far.faces)
    assert is_closed(np.array(far.vertices), faces) and not is_closed(points, faces)


def test_two_boxes_that_share_an_edge_are_not_closed_as_files_hold_them():
    one = trimesh.creation.box(bounds=[[0, 0, 0], [1, 1, 1]])
    other = trimesh.creation.box(bounds=[[1, 1, 0], [2, 2, 1]])
    faces = np.vstack([one.faces, other.faces + len(one.vertices)])
    assert not is_closed(np.vstack([one.vertices, other.vertices]), faces)
