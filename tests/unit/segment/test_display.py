import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Volume
from planner.segment.display import labels_for_display, volume_for_display

SUPERIOR, POSTERIOR, LEFT = np.eye(3)[[2, 1, 0]]


def turned(angle_deg):
    angle = np.radians(angle_deg)
    return np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])


def grid_along(*axes, shape=(12, 16, 20), spacing=(2.0, 1.0, 1.5), origin=(5.0, -7.0, 30.0)):
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(axes).T * np.array(spacing)
    matrix[:3, 3] = origin
    return Grid(shape, matrix)


def ramp(grid):
    """HU that tell their place: 2 S + 3 P + 5 L, within the scan's rounding."""
    points = grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))
    return Volume(grid, np.rint(points @ [5.0, 3.0, 2.0]).astype(np.int16))


STORED = [
    (SUPERIOR, POSTERIOR, LEFT),
    (-SUPERIOR, POSTERIOR, -LEFT),
    (LEFT, -SUPERIOR, POSTERIOR),
    (POSTERIOR, LEFT, -SUPERIOR),
]


@pytest.mark.parametrize("axes", STORED)
def test_a_scan_along_the_patients_axes_is_turned_without_a_copy(axes):
    volume = ramp(grid_along(*axes))
    shown = volume_for_display(volume)
    assert np.shares_memory(shown.hu, volume.hu)
    assert np.allclose(shown.grid.directions_lps, np.array([SUPERIOR, POSTERIOR, LEFT]).T)
    again = ramp(shown.grid)
    assert np.abs(shown.hu.astype(int) - again.hu).max() <= 1
    assert np.allclose(np.sort(shown.grid.corners_lps, axis=0), np.sort(volume.grid.corners_lps, axis=0))


@pytest.mark.parametrize("axes", STORED)
def test_labels_follow_their_ct(axes):
    grid = grid_along(*axes)
    codes = np.zeros(grid.shape, np.uint8)
    codes[2, 3, 4] = 7
    structures = (Structure(code=7, kind="gap", id="gap-1"),)
    shown = labels_for_display(LabelMap(grid, codes, structures))
    shown.grid.require_same(volume_for_display(ramp(grid)).grid)
    assert shown.grid.to_lps(np.argwhere(shown.codes == 7)[0]) == pytest.approx(grid.to_lps([2, 3, 4]))
    assert shown.structures == structures


def test_an_oblique_scan_is_resampled():
    grid = grid_along(*(np.array([SUPERIOR, POSTERIOR, LEFT]) @ turned(20.0).T), shape=(12, 40, 40))
    volume = ramp(grid)
    shown = volume_for_display(volume)
    assert not np.shares_memory(shown.hu, volume.hu)
    assert np.allclose(shown.grid.directions_lps, np.array([SUPERIOR, POSTERIOR, LEFT]).T)
    assert shown.grid.spacing_mm == pytest.approx((2.0, 1.0, 1.5))
    inside = volume.grid.contains(shown.grid.to_lps(np.moveaxis(np.indices(shown.grid.shape), 0, -1)))
    inside &= shown.hu > -1024
    assert np.count_nonzero(inside) > 1000
    assert np.abs(shown.hu.astype(int) - ramp(shown.grid).hu)[inside].max() <= 3
    assert shown.hu[0, 0, 0] == -1024, "a corner that the scan does not reach"
    assert shown.hu.dtype == np.int16
    codes = (volume.hu > np.median(volume.hu)).astype(np.uint8)
    labels = labels_for_display(LabelMap(grid, codes, (Structure(code=1, kind="bone", id="bone"),)))
    labels.grid.require_same(shown.grid)
    assert set(np.unique(labels.codes)) == {0, 1}
    assert labels.codes.dtype == np.uint8


def test_a_sheared_scan_is_resampled():
    grid = grid_along(SUPERIOR + 0.3 * POSTERIOR, POSTERIOR, LEFT)
    shown = volume_for_display(ramp(grid))
    assert shown.grid.is_rectangular
    assert shown.grid.shape != grid.shape


def test_a_tilt_that_no_eye_sees_is_straightened():
    grid = grid_along(*(np.array([SUPERIOR, POSTERIOR, LEFT]) @ turned(0.01).T))
    volume = ramp(grid)
    shown = volume_for_display(volume)
    assert np.shares_memory(shown.hu, volume.hu)
    assert np.abs(shown.grid.corners_lps - grid.corners_lps).max() < 0.05
