import numpy as np

from planner.geometry.grid import Grid
from planner.safety.skin import without_streaks

GRID = Grid((60, 120, 120), np.diag([1.0, 1.0, 1.0, 1.0])[[2, 1, 0, 3]])


def body():
    voxels = np.zeros(GRID.shape, bool)
    voxels[:, 20:90, 10:110] = True
    return voxels


def metal(row):
    voxels = np.zeros(GRID.shape, bool)
    voxels[28:32, row - 2 : row + 2, 58:62] = True
    return voxels


def test_a_hollow_over_metal_is_filled_and_the_skin_stays():
    whole = body()
    hollow = whole.copy()
    hollow[20:40, 60:90, 48:72] = False
    filled = without_streaks(hollow, metal(50), GRID)
    assert filled[30, 86, 60] and not filled[30, 92, 60]
    assert np.count_nonzero(filled & ~whole) == 0
    assert np.count_nonzero(whole & ~filled) < 0.1 * np.count_nonzero(whole & ~hollow)


def test_a_fold_far_from_metal_stays_open():
    hollow = body()
    hollow[20:40, 60:90, 90:100] = False
    far = np.zeros(GRID.shape, bool)
    far[2, 22, 12] = True
    assert not without_streaks(hollow, far, GRID)[30, 80, 95]


def test_without_metal_nothing_is_changed():
    hollow = body()
    hollow[20:40, 60:90, 48:72] = False
    assert np.array_equal(without_streaks(hollow, np.zeros(GRID.shape, bool), GRID), hollow)


def test_holes_beneath_the_skin_are_filled_however_thin_and_its_roughness_is_not():
    holed = body()
    holed[28:32, 70:71, 55:60] = False
    holed[28:32, 89:90, 55:60] = False
    filled = without_streaks(holed, metal(50), GRID)
    assert filled[30, 70, 57]
    assert not filled[30, 89, 57]
