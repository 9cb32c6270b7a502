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
