"""Any order of axes is turned into the one along the patient, and no voxel moves."""

from itertools import permutations, product

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.geometry.turn import Turn, turn_to_patient

SHAPE = (3, 4, 5)
ORDERS = [(order, backs) for order in permutations(range(3)) for backs in product((False, True), repeat=3)]
TO_LPS = np.eye(3)[:, ::-1]


def _grid(turn: np.ndarray | None = None) -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = (TO_LPS if turn is None else turn @ TO_LPS) * (1.25, 0.9, 0.7)
    matrix[:3, 3] = (-133.6, 12.7, 403.1)
    return Grid(SHAPE, matrix, "1.2.3")


def _as_stored(grid: Grid, order: tuple[int, ...], backs: tuple[bool, ...]) -> tuple[Grid, np.ndarray]:
    """The grid with other axes, and for each of its voxels the number of the voxel that it was."""
    numbers = np.flip(np.arange(60).reshape(SHAPE).transpose(order), [k for k in range(3) if backs[k]])
    corner = np.array(np.unravel_index(numbers[0, 0, 0], SHAPE))
    steps = [np.array(np.unravel_index(numbers[i], SHAPE)) - corner for i in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    matrix = np.eye(4)
    matrix[:3, :3] = grid.lps_from_index[:3, :3] @ np.column_stack(steps)
    matrix[:3, 3] = grid.to_lps(corner)
    return Grid(numbers.shape, matrix, grid.frame_of_reference_uid), numbers


@pytest.mark.parametrize(("order", "backs"), ORDERS)
def test_every_order_of_either_hand_becomes_one(order: tuple[int, ...], backs: tuple[bool, ...]) -> None:
    stored, numbers = _as_stored(_grid(), order, backs)
    turn = turn_to_patient(stored)
    turned = turn.grid(stored)
    assert np.array_equal(turned.lps_from_index, _grid().lps_from_index)
    assert turned.shape == SHAPE
    assert turned.frame_of_reference_uid == "1.2.3"
    assert np.array_equal(turn.array(numbers), np.arange(60).reshape(SHAPE))
    assert turn.changes_nothing == (order == (0, 1, 2) and not any(backs))


def test_turning_is_a_view() -> None:
    stored, numbers = _as_stored(_grid(), (2, 0, 1), (True, False, True))
    assert np.shares_memory(turn_to_patient(stored).array(numbers), numbers)


@pytest.mark.parametrize("deg", [12, 30, 44])
@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0.2, 0.3, 0.9)])
def test_oblique_axes_take_the_nearest(axis: tuple[float, float, float], deg: float) -> None:
    oblique = _grid(rotation_about(axis, deg))
    stored, _ = _as_stored(oblique, (1, 2, 0), (False, True, True))
    turned = turn_to_patient(stored).grid(stored)
    assert np.allclose(turned.lps_from_index, oblique.lps_from_index, atol=1e-9)
    assert np.all(np.sum(turned.directions_lps * TO_LPS, axis=0) > 0.7)


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0)])
def test_half_way_between_two_axes_the_stored_order_does_not_decide(axis: tuple[float, float, float]) -> None:
    halfway = _grid(rotation_about(axis, 45))
    found = []
    for order, backs in ORDERS:
        stored, numbers = _as_stored(halfway, order, backs)
        turn = turn_to_patient(stored)
        found.append((turn.grid(stored).lps_from_index, turn.array(numbers)))
    assert all(np.array_equal(matrix, found[0][0]) for matrix, _ in found)
    assert all(np.array_equal(numbers, found[0][1]) for _, numbers in found)


def test_a_sheared_grid_stays_sheared_in_its_place() -> None:
    matrix = _grid().lps_from_index.copy()
    matrix[1, 0] = 0.4
    sheared = Grid(SHAPE, matrix)
    stored, _ = _as_stored(sheared, (2, 1, 0), (True, True, False))
    assert np.allclose(turn_to_patient(stored).grid(stored).lps_from_index, matrix, atol=1e-9)


def test_a_turn_of_ones_own() -> None:
    turn = Turn((1, 0, 2), (False, False, True))
    grid = turn.grid(_grid())
    assert grid.shape == (4, 3, 5)
    assert grid.to_lps((2, 1, 0)) == pytest.approx(_grid().to_lps((1, 2, 4)))
