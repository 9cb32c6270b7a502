"""The voxel grid and its refusals."""

import numpy as np
import pytest

from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about


def _grid(shape: tuple[int, int, int] = (4, 5, 6), uid: str | None = None) -> Grid:
    """An oblique grid with three different spacings whose slices run caudally."""
    matrix = np.eye(4)
    axes = np.array([[0, 0, 1.0], [0, 1.0, 0], [-1.0, 0, 0]])  # columns: slice, row, column directions before turning
    matrix[:3, :3] = rotation_about((1, 2, 3), 25) @ axes * np.array([2.0, 0.5, 0.7])
    matrix[:3, 3] = (10, -20, 300)
    return Grid(shape, matrix, uid)


def test_index_and_lps_are_inverse() -> None:
    grid = _grid()
    index = np.random.default_rng(1).uniform(-3, 9, (50, 3))
    np.testing.assert_allclose(grid.to_index(grid.to_lps(index)), index, atol=1e-9)


def test_spacing_follows_slice_row_column() -> None:
    assert _grid().spacing_mm == pytest.approx((2.0, 0.5, 0.7))
    assert _grid().voxel_volume_mm3 == pytest.approx(0.7)


def test_a_crop_stays_in_its_place() -> None:
    grid = _grid()
    block = grid.crop((1, 2, 3), (3, 5, 6))
    assert block.shape == (2, 3, 3)
    np.testing.assert_allclose(block.to_lps((0, 0, 0)), grid.to_lps((1, 2, 3)))
    np.testing.assert_allclose(block.to_lps((1, 2, 2)), grid.to_lps((2, 4, 5)))


def test_voxels_reach_half_a_voxel_beyond_their_centres() -> None:
    grid = _grid()
    inside = grid.to_lps([(-0.4, 0, 0), (3.4, 4.4, 5.4)])
    outside = grid.to_lps([(-0.6, 0, 0), (3.6, 4.0, 5.0)])
    assert grid.contains(inside).all()
    assert not grid.contains(outside).any()


def test_equal_shape_is_not_the_same_grid() -> None:
    grid = _grid()
    moved = np.array(grid.lps_from_index)
    moved[0, 3] += 0.5
    with pytest.raises(GeometryError, match=r"0\.5 mm apart"):
        grid.require_same(Grid(grid.shape, moved))
    with pytest.raises(GeometryError, match="shape"):
        grid.require_same(_grid((4, 5, 7)))
    with pytest.raises(GeometryError, match="frames of reference"):
        _grid(uid="1.2").require_same(_grid(uid="1.3"))
    _grid(uid="1.2").require_same(_grid(uid=None))


@pytest.mark.parametrize("flaw", ["nan", "flat", "projective", "empty"])
def test_a_degenerate_grid_is_refused(flaw: str) -> None:
    matrix, shape = np.eye(4), (2, 2, 2)
    if flaw == "nan":
        matrix[0, 0] = np.nan
    elif flaw == "flat":
        matrix[:3, 2] = matrix[:3, 1]
    elif flaw == "projective":
        matrix[3, 0] = 0.1
    else:
        shape = (2, 0, 2)
    with pytest.raises(GeometryError):
        Grid(shape, matrix)


def test_a_sheared_grid_says_so() -> None:
    sheared = np.eye(4)
    sheared[1, 0] = 0.3
    assert not Grid((2, 2, 2), sheared).is_rectangular
    assert _grid().is_rectangular


def test_the_transform_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="read-only"):
        _grid().lps_from_index[0, 0] = 7
