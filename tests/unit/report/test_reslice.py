"""Cuts: held the right way round, in the right place, from any storage."""

import numpy as np
import pytest
from scipy import ndimage

from planner.errors import GeometryError
from planner.geometry.frames import LEFT, POSTERIOR, SUPERIOR
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.report.reslice import across, along, axial, coronal, direction_letters, sagittal, sample

AXIAL = np.eye(3)[:, ::-1]
STORAGE = {
    "axial": AXIAL,
    "feet first slices": AXIAL * np.array([-1.0, 1.0, 1.0]),
    "sagittal": np.eye(3)[:, [0, 2, 1]],
    "oblique": rotation_about((0.3, 1.0, 0.2), 25.0) @ AXIAL,
}


def ramp(directions):
    """HU that grow by 10 to the left, 3 to the back and 1 to the head, per mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = directions * np.array([1.3, 0.9, 1.1])
    shape = (60, 66, 62)
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    grid = Grid(shape, matrix)
    points = grid.to_lps(np.moveaxis(np.indices(shape), 0, -1))
    return grid, (points @ np.array([10.0, 3.0, 1.0])).astype(np.float32)


@pytest.mark.parametrize("name", STORAGE)
@pytest.mark.parametrize(
    "cut", [axial((1.0, 2.0, 3.0), 12.0), coronal((1.0, 2.0, 3.0), 12.0)], ids=["axial", "coronal"]
)
def test_left_is_right_and_up_is_front_or_head(name, cut):
    grid, hu = ramp(STORAGE[name])
    seen = sample(grid, hu, cut.points(1.0), outside=0.0)
    assert np.allclose(np.diff(seen, axis=1), 10.0, atol=0.01)
    assert np.allclose(np.diff(seen, axis=0), 3.0 if cut.down_lps[1] else -1.0, atol=0.01)
    assert seen.mean() == pytest.approx(19.0, abs=0.01)


def test_letters():
    assert axial((0, 0, 0), 1.0).edge_letters() == {"right": "L", "left": "R", "top": "A", "bottom": "P"}
    assert coronal((0, 0, 0), 1.0).edge_letters() == {"right": "L", "left": "R", "top": "S", "bottom": "I"}
    assert sagittal((0, 0, 0), 1.0).edge_letters() == {"right": "P", "left": "A", "top": "S", "bottom": "I"}
    assert direction_letters((1.0, -0.7, 0.1)) == "LA"
    assert direction_letters((0.1, 0.0, -1.0)) == "I"


@pytest.mark.parametrize("direction", [(0.2, -1.0, 0.1), (-0.2, 1.0, -0.1), (0.1, 0.2, 1.0), (0.1, 0.2, -1.0)])
def test_across_is_held_like_the_nearest_standard_cut(direction):
    cut = across((0, 0, 0), direction, 5.0)
    assert abs(cut.right_lps @ np.array(direction)) < 1e-9 and abs(cut.down_lps @ np.array(direction)) < 1e-9
    letters = cut.edge_letters()
    assert letters["right"][0] == "L" and letters["top"][0] == ("S" if abs(direction[1]) == 1.0 else "A")


def test_across_a_sideways_needle_is_seen_from_the_left():
    letters = across((0, 0, 0), (-1.0, 0.1, 0.1), 5.0).edge_letters()
    assert letters["right"][0] == "P" and letters["top"][0] == "S"


@pytest.mark.parametrize(("facing", "top"), [(SUPERIOR, "A"), (POSTERIOR, "S")])
def test_along_holds_the_direction(facing, top):
    direction = np.array([0.8, 0.5, 0.33])
    cut = along((0, 0, 0), direction, facing_lps=facing, half_mm=5.0)
    assert abs(cut.normal_lps @ direction) < 1e-9
    assert cut.edge_letters()["top"][0] == top and cut.right_lps @ LEFT > 0.0
    with pytest.raises(GeometryError, match="face along it"):
        along((0, 0, 0), facing, facing_lps=facing, half_mm=5.0)


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.bool_])
def test_places_at_the_border_and_beyond_are_read_as_on_the_whole_grid(kind):
    drawn = np.random.default_rng(7)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = STORAGE["oblique"] * np.array([1.3, 0.9, 1.1]), (4.0, -3.0, 2.0)
    grid = Grid((6, 7, 8), matrix)
    voxels = (drawn.normal(0.0, 500.0, grid.shape) > 0.0) if kind is np.bool_ else drawn.normal(0.0, 500.0, grid.shape)
    voxels = voxels.astype(kind)
    last = np.array(grid.shape) - 1.0
    index = np.concatenate([drawn.uniform(-1.5, last + 1.5, (500, 3)), [last, last + 0.499, -0.499 + 0 * last]])
    seen = sample(grid, voxels, grid.to_lps(index), outside=-7.0)
    plain = ndimage.map_coordinates(voxels.astype(np.float32), index.T, order=1, mode="nearest")
    plain[np.any((index < -0.5) | (index > last + 0.5), axis=1)] = -7.0
    assert np.allclose(seen, plain, atol=1e-3) and (seen == -7.0).any() and (seen != -7.0).any()


def test_outside_stays_outside():
    grid, hu = ramp(AXIAL)
    seen = sample(grid, hu, axial((0.0, 0.0, 0.0), 60.0).points(1.0), outside=-7777.0)
    assert seen[0, 0] == -7777.0 and seen[60, 60] != -7777.0
    assert np.all(sample(grid, hu, axial((0.0, 0.0, 900.0), 9.0).points(1.0), outside=-7.0) == -7.0)


def test_project_gives_place_and_distance():
    at, off = coronal((1.0, 2.0, 3.0), 9.0).project([[4.0, 7.0, 5.0]])
    assert at.tolist() == [[3.0, -2.0]] and off.tolist() == [5.0]
