import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Pedicle
from planner.model.volume import Mask
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.foramina import find_foramina

GRID = Grid((60, 50, 50), np.array([[0, 0, 1.0, -25], [0, 1.0, 0, -25], [1.0, 0, 0, -30], [0, 0, 0, 1]]))
BARE = Mask(GRID, np.zeros(GRID.shape, dtype=bool))


def canal() -> Canal:
    line = np.column_stack([np.zeros(59), np.zeros(59), np.arange(-29.0, 30.0)])
    return Canal(points_lps(line), np.full((59, 48), 8.0), np.ones((59, 48), dtype=bool), 1.2)


def pedicle(name, side, z, *, width=8.0, height=14.0) -> Pedicle:
    x = 12.0 if side == "left" else -12.0
    return Pedicle(name, side, points_lps((x, -2.0, z)), points_lps((0.0, -1.0, 0.0)), width_mm=width, height_mm=height)


def test_a_foramen_lies_between_two_pedicles_on_their_side_without_bone_and_canal():
    bone = np.zeros(GRID.shape, dtype=bool)
    bone[:, 28:, :] = True  # facets, 3 mm behind the canal's middle
    pedicles = [pedicle("vertebra-1", "left", 17.0), pedicle("vertebra-2", "left", -17.0)]
    (found,) = find_foramina(canal(), pedicles, bone=Mask(GRID, bone))
    assert (found.above, found.below, found.side) == ("vertebra-1", "vertebra-2", "left")
    points = GRID.to_lps(np.argwhere(found.mask.voxels).astype(float))
    assert points[:, 0].min() > 3.0
    assert points[:, 0].max() <= 16.0
    assert np.abs(points[:, 2]).max() < 10.0
    assert not (found.mask.voxels & (bone | canal().mask(GRID).voxels)).any()
    assert found.mask.volume_ml > 0.5


def test_left_and_right_are_told_from_the_top_down():
    pedicles = [pedicle(f"vertebra-{n}", s, z) for s in ("right", "left") for n, z in ((1, 24.0), (2, 0.0), (3, -24.0))]
    found = find_foramina(canal(), pedicles, bone=BARE)
    assert [(f.above, f.side) for f in found] == [
        ("vertebra-1", "left"),
        ("vertebra-1", "right"),
        ("vertebra-2", "left"),
        ("vertebra-2", "right"),
    ]
    assert GRID.to_lps(np.argwhere(found[1].mask.voxels).astype(float))[:, 0].max() < 0


@pytest.mark.parametrize("heights", [(24.0,), (28.0, -28.0), (5.0, -5.0)], ids=["one pedicle", "too far", "too near"])
def test_no_foramen_without_two_neighbours(heights):
    pedicles = [pedicle(f"vertebra-{n}", "left", z) for n, z in enumerate(heights)]
    assert find_foramina(canal(), pedicles, bone=BARE) == ()


def test_a_pedicle_that_was_not_read_still_bounds_a_foramen():
    pedicles = [
        pedicle("vertebra-1", "left", 17.0, width=None, height=None),
        pedicle("vertebra-2", "left", -17.0, width=None, height=None),
    ]
    (found,) = find_foramina(canal(), pedicles, bone=BARE)
    assert found.mask.volume_ml > 0.5


def test_metal_is_no_foramen():
    pedicles = [pedicle("vertebra-1", "left", 17.0), pedicle("vertebra-2", "left", -17.0)]
    assert find_foramina(canal(), pedicles, bone=BARE, metal=Mask(GRID, np.ones(GRID.shape, dtype=bool))) == ()
