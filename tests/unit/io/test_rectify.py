"""Voxels of leaning, uneven and sheared CTs come out at their true places in the patient."""

import itertools

import numpy as np
import pytest

from planner.config.gap_config import HaloConfig
from planner.config.hip_config import HipGapConfig
from planner.errors import SeriesError
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.io.rectify import foresee, plane_spacing_mm, rectify, rectify_volume
from planner.io.slice_distances import CLEAR_OF_METAL_MM
from planner.io.slice_layout import lay_out
from planner.model.scan import StoredSlices
from planner.model.volume import Volume

TURN = rotation_about((0.3, 1.0, -0.4), 27.0)
FIRST = np.array([-31.5, 12.25, -403.75])
BLOBS = (((-22.0, 20.0, -396.0), 4.0, 600.0), ((-28.0, 26.0, -398.0), 5.0, -500.0), ((-20.0, 15.0, -390.0), 6.0, 400.0))


def field(points):
    """A smooth body without symmetry, HU."""
    points = np.asarray(points)
    hu = 40.0 + 2.0 * (points - FIRST) @ (1.0, -2.0, 0.5)
    for centre, size, height in BLOBS:
        hu = hu + height * np.exp(-((points - centre) ** 2).sum(axis=-1) / (2 * size**2))
    return hu


def voxels_of(slices):
    rows, columns = np.mgrid[: slices.rows, : slices.columns]
    plane = rows[..., None] * slices.row_step_lps + columns[..., None] * slices.column_step_lps
    return slices.positions_lps[:, None, None] + plane


def lps_of(grid):
    return np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))


def stack(heights, *, lean=(0.0, 0.0), turn=None, rows=40, columns=44):
    turn = np.eye(3) if turn is None else turn
    row, column, normal = turn.T
    positions = FIRST + np.outer(heights, normal + lean[0] * column + lean[1] * row)
    return StoredSlices(positions, column * 0.6, row * 0.5, rows, columns, "1.2.3")


def brought(slices, hu, padding=None, clipped_hu=None):
    return rectify(hu, padding, layout=lay_out(slices), clipped_hu=clipped_hu)


def outside(slices, grid):
    """True where a point of the grid lies beyond the stored voxels' centres; slices at even heights only."""
    own = slices.grid
    index = np.asarray(own.to_index(lps_of(grid)))
    return np.any((index < -1e-6) | (index > np.array(own.shape) - 1 + 1e-6), axis=-1)


@pytest.mark.parametrize(
    ("lean", "turn"),
    [((0.33, 0), None), ((-0.33, 0), None), ((0, 0.2), None), ((0, -0.57), TURN), ((0.25, -0.3), TURN)],
)
def test_each_leaning_voxel_is_at_its_true_place(lean, turn):
    slices = stack(np.arange(16) * 1.2, lean=lean, turn=turn)
    made = brought(slices, np.rint(field(voxels_of(slices))).astype(np.int16))
    volume = made.volume
    assert volume.grid.is_rectangular and volume.hu.dtype == np.int16
    blank = outside(slices, volume.grid)
    assert np.array_equal(volume.padding, blank) and set(volume.hu[blank].tolist()) == {-1024}
    assert not blank.all(axis=(1, 2)).any()
    error = np.abs(volume.hu - field(lps_of(volume.grid)))[~blank]
    assert error.max() < 8.0 and np.sqrt((error**2).mean()) < 0.6
    assert np.abs(made.stored.positions_lps - slices.positions_lps).max() < 1e-6


def test_a_body_put_right_the_wrong_way_would_be_noticed():
    slices = stack(np.arange(16) * 1.2, lean=(0.33, 0))
    other = stack(np.arange(16) * 1.2, lean=(-0.33, 0))
    volume = brought(other, field(voxels_of(slices)).astype(np.float32)).volume
    assert np.abs(volume.hu - field(lps_of(volume.grid)))[~volume.padding].max() > 100


def test_values_between_two_pixels_never_leave_their_range():
    rng = np.random.default_rng(5)
    slices = stack(np.arange(8) * 1.2, lean=(0.31, 0))
    hu = rng.choice(np.array([-1000, 40, 300, 3071], dtype=np.int16), (8, 40, 44))
    volume = brought(slices, hu).volume
    place = np.asarray(volume.grid.to_index(slices.positions_lps))[:, 1]
    for k in range(8):
        first = np.arange(volume.grid.shape[1]) - place[k]
        low = np.clip(np.floor(first + 1e-9).astype(int), 0, 39)
        high = np.clip(low + 1, 0, 39)
        ends = np.stack([hu[k][low], hu[k][high]])
        seen = ~volume.padding[k]
        assert np.all((volume.hu[k] >= ends.min(axis=0))[seen]) and np.all((volume.hu[k] <= ends.max(axis=0))[seen])


def test_metal_leaves_no_dark_rim():
    slices = stack(np.arange(8) * 1.2, lean=(0.31, 0))
    hu = np.full((8, 40, 44), 60, np.int16)
    hu[:, 18:24] = 3071
    volume = brought(slices, hu).volume
    assert volume.hu[~volume.padding].min() == 60 and volume.hu.max() == 3071


def test_padding_goes_along_and_grows_by_no_more_than_a_pixel():
    slices = stack(np.arange(8) * 1.2, lean=(0.31, 0))
    hu = np.full((8, 40, 44), 60, np.int16)
    padding = np.zeros(hu.shape, dtype=bool)
    padding[:, :, :5] = True
    padding[:, 20, 30] = True
    hu[padding] = -1024
    volume = brought(slices, hu, padding).volume
    inner = volume.padding & ~outside(slices, volume.grid)
    assert volume.hu[~volume.padding].min() == 60
    assert inner[:, :, :5].sum() == (~outside(slices, volume.grid))[:, :, :5].sum()
    assert set(inner[:, :, 30].sum(axis=1).tolist()) <= {1, 2}


def test_a_missing_slice_is_filled_from_its_neighbours_and_the_rest_untouched():
    heights = np.delete(np.arange(20) * 1.2, 9)
    slices = stack(heights)
    hu = np.rint(field(voxels_of(slices))).astype(np.int16)
    made = brought(slices, hu)
    volume = made.volume
    assert volume.hu.shape[0] == 20 and volume.padding is None
    assert np.array_equal(np.delete(volume.hu, 9, axis=0), hu)
    between = (hu[8].astype(float) + hu[9]) / 2
    assert np.abs(volume.hu[9] - between).max() <= 0.5
    assert [f.code for f in made.findings] == ["slice-missing"]


@pytest.mark.parametrize(
    ("metal_mm", "hu_there", "clipped_hu", "refused"),
    [
        (CLEAR_OF_METAL_MM - 1, 3000, None, True),
        (CLEAR_OF_METAL_MM + 1, 3000, None, False),
        (1, 1900, None, False),
        (1, 1900, 2000.0, True),
        (1, 1000, 1023.0, True),
        (1, 700, 1023.0, False),
    ],
)
@pytest.mark.parametrize("side", [1, -1])
def test_nothing_is_filled_in_near_metal(metal_mm, hu_there, clipped_hu, refused, side):
    heights = np.delete(np.arange(60.0), 30)
    slices = stack(heights, rows=4, columns=4)
    hu = np.full((59, 4, 4), 60, np.int16)
    hu[30 + int(metal_mm) if side > 0 else 29 - int(metal_mm), 1, 2] = hu_there
    if refused:
        with pytest.raises(SeriesError, match=rf"2\.00 mm after .*-374\.75\) mm .*metal {metal_mm:.1f} mm away"):
            brought(slices, hu, clipped_hu=clipped_hu)
    else:
        assert brought(slices, hu, clipped_hu=clipped_hu).volume.hu.shape[0] == 60


def body_with_metal(slices, after):
    hu = np.full(slices.shape, 60, np.int16)
    hu[after, 1, 2] = 3000
    return hu


@pytest.mark.parametrize(("metal", "refused"), [(0, False), (20, True), (25, True), (35, True), (50, False)])
@pytest.mark.parametrize("off_mm", [0.12, -0.2])
def test_a_slice_off_its_place_is_taken_only_away_from_metal(metal, refused, off_mm):
    heights = np.arange(60.0)
    heights[30] += off_mm
    slices = stack(heights, rows=4, columns=4)
    hu = body_with_metal(slices, metal)
    if refused:
        place = "-374.75" if off_mm < 0 else "-373.63"
        mm = 1 + abs(off_mm)
        with pytest.raises(SeriesError, match=rf"{place}\) mm|{mm:.2f} mm after .* where 1\.00 mm are usual"):
            brought(slices, hu)
    else:
        assert [f.code for f in brought(slices, hu).findings] == ["slices-uneven"]


def test_rounding_near_metal_stays_as_it_is():
    heights = np.arange(60) * 1.25 + np.random.default_rng(4).uniform(-0.05, 0.05, 60)
    slices = stack(heights, rows=4, columns=4)
    hu = body_with_metal(slices, 30)
    made = brought(slices, hu)
    assert np.array_equal(made.volume.hu, hu) and made.stored is None and made.findings == ()


def test_distances_that_grow_slowly_are_not_read_between_slices_at_metal():
    slices = stack(np.cumsum(np.linspace(1.0, 1.08, 60)), rows=4, columns=4)
    with pytest.raises(
        SeriesError, match=r"up to 0\.\d\d mm off even distances of 1\.04 mm after .*metal 0\.0 mm away"
    ):
        brought(slices, body_with_metal(slices, 30))


def test_a_sheared_volume_is_called_sheared_and_no_gantry():
    (finding,) = foresee(sheared_grid((0.3, 0, 0)))
    assert finding.message.startswith("the volume is sheared by 16.7 degrees") and finding.measured > 16


def test_gaps_are_measured_clear_of_what_was_filled_in():
    assert HipGapConfig().bone_reach_mm <= CLEAR_OF_METAL_MM
    assert HaloConfig().greatest_width_mm + HaloConfig().rim_mm <= CLEAR_OF_METAL_MM


@pytest.mark.parametrize("lean", [(0.0, 0.0), (0.3, 0.0)])
def test_uneven_slices_are_read_between_their_true_places(lean):
    rng = np.random.default_rng(3)
    heights = np.cumsum(np.r_[0.0, 1.0 + rng.uniform(-0.2, 0.2, 20)])
    slices = stack(heights, lean=lean)
    made = brought(slices, np.rint(field(voxels_of(slices))).astype(np.int16))
    volume = made.volume
    assert "slices-uneven" in [f.code for f in made.findings]
    seen = np.ones(volume.hu.shape, bool) if volume.padding is None else ~volume.padding
    assert seen.mean() > 0.6
    error = np.abs(volume.hu - field(lps_of(volume.grid)))[seen]
    even = brought(stack(np.arange(21) * heights[-1] / 20, lean=lean), np.asarray(field(voxels_of(slices)), np.float32))
    wrong = np.abs(even.volume.hu - field(lps_of(even.volume.grid)))[1:-1]
    assert error.max() < 6.0 < wrong[~even.volume.padding[1:-1] if lean[0] else slice(None)].max()


def sheared_grid(between, *, order=(0, 1, 2), handed=1):
    """Axes with given products between (slice, row), (slice, column) and (row, column), in any stored order."""
    column, row = np.array([1.0, 0, 0]), np.array([between[2], 1.0, 0])
    normal = np.array([between[1], between[0], handed])
    steps = TURN @ np.column_stack((normal, row, column)) * (1.2, 0.6, 0.5)
    matrix = np.eye(4)
    matrix[:3, :3] = steps[:, order]
    shape = tuple((16, 40, 44)[k] for k in order)
    # the body's blobs stay inside, whichever way the slices run
    matrix[:3, 3] = np.array((-23.0, 20.0, -395.0)) - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, matrix, "1.2")


SHEARS = {
    "gantry tilt": ((0.3, 0, 0), "gantry-tilt"),
    "tilted about the other axis": ((0, -0.3, 0), "gantry-tilt"),
    "rows lean over columns": ((0, 0, 0.2), "gantry-tilt"),
    "all": ((0.2, -0.15, 0.1), "sheared-grid"),
}


@pytest.mark.parametrize("name", SHEARS)
@pytest.mark.parametrize(("order", "handed"), [*itertools.product([(0, 1, 2), (2, 0, 1), (1, 0, 2)], (1, -1))])
def test_a_sheared_volume_is_brought_upright(name, order, handed):
    between, code = SHEARS[name]
    grid = sheared_grid(between, order=order, handed=handed)
    hu = np.rint(field(lps_of(grid))).astype(np.int16)
    made = rectify_volume(Volume(grid, hu))
    assert [f.code for f in made.findings] == [code] == [f.code for f in foresee(grid)]
    assert made.volume.grid.is_rectangular and made.stored.grid.is_same(grid)
    index = np.asarray(grid.to_index(lps_of(made.volume.grid)))
    blank = np.any((index < -1e-6) | (index > np.array(grid.shape) - 1 + 1e-6), axis=-1)
    assert np.array_equal(made.volume.padding, blank) and 0.1 < blank.mean() < 0.75
    error = np.abs(made.volume.hu - field(lps_of(made.volume.grid)))[~blank]
    assert error.max() < (5.0 if code == "gantry-tilt" else 12.0)


def test_padding_of_a_sheared_volume_goes_along():
    grid = sheared_grid(SHEARS["all"][0])
    hu = np.full(grid.shape, 60, np.int16)
    padding = np.zeros(grid.shape, bool)
    padding[:, :, :6] = True
    hu[padding] = -1024
    made = rectify_volume(Volume(grid, hu, padding)).volume
    assert made.hu[~made.padding].min() == 60
    free = rectify_volume(Volume(grid, np.full(grid.shape, 60, np.int16))).volume
    assert free.padding.sum() < made.padding.sum() < free.padding.sum() + grid.shape[0] * grid.shape[1] * 9


def test_a_rectangular_volume_is_left_alone():
    volume = Volume(Grid((2, 3, 4), np.diag([1.0, 2.0, 3.0, 1.0])), np.zeros((2, 3, 4), np.int16))
    made = rectify_volume(volume)
    assert made.volume is volume and made.stored is None and made.findings == () == foresee(volume.grid)


@pytest.mark.parametrize("between", [(0.7, 0, 0), (0.2, 0.1, 0.7)])
def test_a_shear_that_nothing_makes_is_refused(between):
    grid = sheared_grid(between)
    with pytest.raises(SeriesError, match=r"more than any (gantry|scanner)"):
        rectify_volume(Volume(grid, np.zeros(grid.shape, np.int16)))
    with pytest.raises(SeriesError, match=r"more than any (gantry|scanner)"):
        foresee(grid)


def test_the_distance_of_leaning_slices_is_that_of_their_planes():
    assert plane_spacing_mm(sheared_grid((0.3, -0.2, 0))) == pytest.approx((1.2, 0.6, 0.5))
    upright = Grid((2, 3, 4), np.diag([1.0, 2.0, 3.0, 1.0]))
    assert plane_spacing_mm(upright) == pytest.approx(upright.spacing_mm)
