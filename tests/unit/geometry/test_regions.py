import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.geometry.regions import block_between, in_ball, in_box, voxel_centres


def turned_grid(turn_deg: float) -> Grid:
    """1 x 0.5 x 0.5 mm voxels, turned about the patient's long axis."""
    turn = np.radians(turn_deg)
    matrix = np.eye(4)
    matrix[:3, 0] = [0.0, 0.0, 1.0]
    matrix[:3, 1] = 0.5 * np.array([-np.sin(turn), np.cos(turn), 0.0])
    matrix[:3, 2] = 0.5 * np.array([np.cos(turn), np.sin(turn), 0.0])
    matrix[:3, 3] = [-10.0, -10.0, -10.0]
    return Grid((20, 50, 50), matrix)


def test_a_ball_ends_at_its_radius():
    assert in_ball([[3.0, 0.0, 0.0], [3.01, 0.0, 0.0]], [0.0, 0.0, 0.0], 3.0).tolist() == [True, False]


def test_a_box_ends_at_each_face():
    low, high = (0.0, 0.0, 0.0), (1.0, 2.0, 3.0)
    inside = [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [0.5, 1.0, 1.5]]
    outside = [[-0.1, 1, 1], [1.1, 1, 1], [0.5, 2.1, 1], [0.5, 1, 3.1]]
    assert in_box(inside, low, high).all() and not in_box(outside, low, high).any()


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, 90.0])
def test_the_block_holds_every_voxel_of_the_box(turn_deg):
    grid = turned_grid(turn_deg)
    low, high = np.array([-13.0, -7.0, -5.0]), np.array([-7.0, -2.0, 1.0])
    block = block_between(grid, low, high)
    everywhere = in_box(np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))), low, high)
    within = np.zeros(grid.shape, bool)
    within[block] = in_box(voxel_centres(grid, block), low, high)
    assert everywhere.any()
    assert np.array_equal(within, everywhere)


def test_a_block_beside_the_grid_is_empty():
    grid = turned_grid(0.0)
    block = block_between(grid, [500.0, 500.0, 500.0], [510.0, 510.0, 510.0])
    assert voxel_centres(grid, block).size == 0
