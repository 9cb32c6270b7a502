"""Arrays with their place in the patient."""

import numpy as np
import pytest

from planner.errors import GeometryError
from planner.geometry.grid import Grid
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Mask, Volume

GRID = Grid((2, 3, 4), np.diag([2.0, 0.5, 0.5, 1.0]))


def test_an_array_of_another_shape_is_refused() -> None:
    with pytest.raises(GeometryError, match="shape"):
        Volume(GRID, np.zeros((4, 3, 2), np.int16))
    with pytest.raises(GeometryError, match="shape"):
        Mask(GRID, np.zeros((4, 3, 2), bool))


def test_arrays_are_read_only_and_not_copied() -> None:
    hu = np.zeros(GRID.shape, np.int16)
    volume = Volume(GRID, hu)
    with pytest.raises(ValueError, match="read-only"):
        volume.hu[0, 0, 0] = 1
    hu[0, 0, 0] = 5
    assert volume.hu[0, 0, 0] == 5


def test_a_crop_keeps_values_in_their_place() -> None:
    hu = np.arange(24, dtype=np.int16).reshape(GRID.shape)
    block = Volume(GRID, hu, padding=hu == 23).crop((1, 1, 2), (2, 3, 4))
    np.testing.assert_array_equal(block.hu, hu[1:2, 1:3, 2:4])
    np.testing.assert_allclose(block.grid.to_lps((0, 0, 0)), GRID.to_lps((1, 1, 2)))
    assert block.padding is not None
    assert block.padding[0, 1, 1]


def test_a_mask_knows_its_volume() -> None:
    voxels = np.zeros(GRID.shape, bool)
    voxels[0] = True
    assert Mask(GRID, voxels).volume_ml == pytest.approx(12 * 0.5 / 1000)


def test_one_code_cannot_mean_two_things() -> None:
    structures = (Structure(code=1, kind="gap", id="gap-1"), Structure(code=1, kind="bone", id="bone"))
    with pytest.raises(GeometryError, match="two structures"):
        LabelMap(GRID, np.zeros(GRID.shape, np.uint8), structures)


def test_patient_axes_keep_voxels_in_their_places() -> None:
    hu = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    matrix = np.array([[0.7, 0, 0, 5], [0, 0, -0.9, 6], [0, -1.2, 0, 7], [0, 0, 0, 1.0]])
    sagittal = Volume(Grid((2, 3, 4), matrix), hu, hu == 5)
    turned = sagittal.in_patient_axes()
    assert turned.grid.shape == (3, 4, 2)
    assert turned.hu.flags.c_contiguous
    for value in (0, 5, 17, 23):
        old, new = (v.grid.to_lps(np.argwhere(v.hu == value)[0]) for v in (sagittal, turned))
        assert new == pytest.approx(old)
    assert turned.padding is not None
    assert np.array_equal(turned.padding, turned.hu == 5)


def test_a_volume_along_the_patient_is_not_copied() -> None:
    hu = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    upright = Volume(Grid((2, 3, 4), np.array([[0, 0, 0.7, 5], [0, 0.9, 0, 6], [1.2, 0, 0, 7], [0, 0, 0, 1]])), hu)
    again = upright.in_patient_axes()
    assert np.shares_memory(again.hu, hu)
    assert again.padding is None
    assert again.grid.is_same(upright.grid)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_mask_says_which_points_lie_in_it(sign):
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, sign * 0.5], [0, 0.5, 0], [2.0, 0, 0]]
    voxels = np.zeros((4, 6, 8), bool)
    voxels[1, 2, 3] = True
    mask = Mask(Grid((4, 6, 8), matrix), voxels)
    inside = [sign * 1.5, 1.0, 2.0]
    points = [[inside, [sign * 1.5, 1.0, 3.2]], [[-sign * 1.5, 1.0, 2.0], [500.0, 0.0, 0.0]]]
    assert mask.at(points).tolist() == [[True, False], [False, False]]
    assert mask.at(inside).shape == () and bool(mask.at(inside))
