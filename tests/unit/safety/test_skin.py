import numpy as np
from scipy import ndimage

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


def _as_the_whole_picture(body, metal):
    """Fill hollows on the whole grid at once, with SciPy's distances."""
    room = 32
    far = ndimage.distance_transform_edt
    every = (slice(None, None, 2),) * 3
    padded = np.pad(body[every], room // 2 + 2)
    swollen = far(~padded, sampling=2.0) <= 30.0
    closed = (far(swollen, sampling=2.0) > 30.0)[(slice(room // 2 + 2, -(room // 2 + 2)),) * 3]
    closed &= far(~metal[every], sampling=2.0) <= 60.0
    filled = closed.repeat(2, 0).repeat(2, 1).repeat(2, 2)[tuple(slice(0, n) for n in body.shape)]
    added = filled & ~body
    thick = ndimage.binary_opening(added)
    parts, count = ndimage.label(added & ~thick)
    air = ndimage.binary_dilation(~(body | thick | added))
    out = body | thick
    for number in range(1, count + 1):
        if not (air & (parts == number)).any():
            out |= parts == number
    return out


def test_the_box_of_what_is_added_gives_what_the_whole_picture_gives():
    rough = body()
    rng = np.random.default_rng(5)
    rough[10:50, 60:90, 20:100] &= rng.random((40, 30, 80)) < 0.9
    rough[:12, 70:90, 40:70] = False  # a hollow that the picture's border cuts
    np.testing.assert_array_equal(without_streaks(rough, metal(50), GRID), _as_the_whole_picture(rough, metal(50)))
