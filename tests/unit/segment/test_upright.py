import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.blocks import block_round
from planner.segment.upright import back_in_box, back_to, resample, shifted, upright_grid, upright_hu


def turned(angle_deg: float) -> np.ndarray:
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])


def stored(order: tuple[int, int, int], signs: tuple[int, int, int], turn: np.ndarray) -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ (np.eye(3)[:, list(order)] * np.array(signs))
    matrix[:3, 3] = -matrix[:3, :3] @ np.array([15.0, 15.0, 15.0])
    return Grid((31, 31, 31), matrix)


@pytest.mark.parametrize("order", [(2, 1, 0), (0, 1, 2), (1, 2, 0)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1)])
@pytest.mark.parametrize("angle_deg", [0.0, 17.0])
def test_a_linear_field_reads_the_same_from_any_storage(order, signs, angle_deg):
    source = stored(order, signs, turned(angle_deg))
    points = source.to_lps(np.moveaxis(np.indices(source.shape), 0, -1))
    field = points @ np.array([1.0, 2.0, -3.0])
    target = upright_grid(source, 1.3, np.array([[-6.0, -6.0, -6.0], [6.0, 6.0, 6.0]]))
    wanted = target.to_lps(np.moveaxis(np.indices(target.shape), 0, -1)) @ np.array([1.0, 2.0, -3.0])
    assert np.abs(resample(field, source, target) - wanted).max() < 1e-3


def test_a_grid_finer_along_a_flipped_axis_keeps_what_lies_beyond_apart():
    source = stored((2, 1, 0), (-1, 1, 1), np.eye(3))
    wide = upright_grid(source, 1.0)
    shifted_matrix = wide.lps_from_index.copy()
    shifted_matrix[2, 3] += 10.0
    out = resample(np.ones(source.shape), source, Grid(wide.shape, shifted_matrix), outside=-5.0)
    assert np.all(out[:21] == 1.0)
    assert np.all(out[21:] == -5.0)


def test_what_was_not_measured_is_nan_and_not_air():
    grid = stored((2, 1, 0), (1, 1, 1), np.eye(3))
    hu = np.zeros(grid.shape, dtype=np.int16)
    hu[:, :, :5] = -2000
    padding = np.zeros(grid.shape, dtype=bool)
    padding[:, :, -3:] = True
    out = upright_hu(Volume(grid, hu, padding), upright_grid(grid, 1.0))
    assert np.isnan(out[:, :, :5]).all()
    assert np.isnan(out[:, :, -3:]).all()
    assert np.all(out[:, :, 6:-4] == 0.0)


def test_a_mask_comes_back_to_its_storage():
    grid = stored((1, 2, 0), (1, -1, 1), np.eye(3))
    voxels = np.zeros(grid.shape, dtype=bool)
    voxels[8:14, 10:20, 5:25] = True
    upright = upright_grid(grid, 1.0)
    there = Mask(upright, resample(voxels, grid, upright) > 0.5)
    assert np.array_equal(back_to(there, grid).voxels, voxels)


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("angle_deg", [0.0, 17.0])
@pytest.mark.parametrize("spacing_mm", [0.6, 1.0, 2.6])
@pytest.mark.parametrize("kind", ["corner", "voxel", "all", "none"])
def test_a_mask_in_its_box_is_the_one_on_the_whole_grid(order, angle_deg, spacing_mm, kind):
    grid = stored(order, (1, -1, 1), turned(angle_deg))
    upright = upright_grid(grid, spacing_mm)
    voxels = np.full(upright.shape, kind == "all")
    if kind != "none":
        voxels[-1, -1, 0] = voxels[tuple(n // 2 for n in upright.shape)] = True
        voxels[-4:, -3:, :5] |= kind == "corner"
    whole = back_to(Mask(upright, voxels), grid).voxels
    box, found = back_in_box(Mask(upright, voxels), grid)
    placed = np.zeros(grid.shape, dtype=bool)
    placed[box] = found
    assert np.array_equal(placed, whole)
    if kind in ("all", "none"):  # a corner of the box that stands round an oblique scan lies beside it
        assert whole.any() == (kind == "all")


def test_a_shift_beyond_the_edge_gives_nothing():
    assert not shifted(np.ones((3, 3, 3), dtype=bool), (0, 5, 0)).any()


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("spacing_mm", [0.7, 1.0, 2.6])
@pytest.mark.parametrize("corner", [(0, 0, 0), (12, 9, 14), (26, 27, 25)])
def test_a_mask_reads_as_the_same_numbers_do_though_only_the_part_round_it_is_read(order, spacing_mm, corner):
    source = stored((1, 2, 0), (1, -1, 1), np.eye(3))
    mask = np.zeros(source.shape, dtype=bool)
    mask[tuple(slice(k, k + 5) for k in corner)] = True
    target = upright_grid(source, spacing_mm)
    whole = resample(mask.astype(np.float32), source, target, order=order)
    assert whole.max() > 0.1
    assert np.array_equal(resample(mask, source, target, order=order), whole)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, bool])
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1)])
def test_a_large_volume_is_read_by_two_threads_as_scipy_reads_it(dtype, axes):
    values = np.random.default_rng(3).integers(-1000, 2000, (40, 60, 50)).astype(dtype)
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1][:, list(axes)]
    source = Grid(values.shape, matrix)
    target = upright_grid(source, 0.9)
    index = np.moveaxis(
        source.to_index(target.to_lps(np.moveaxis(np.indices(target.shape), 0, -1).reshape(-1, 3))), -1, 0
    )
    expected = ndi.map_coordinates(values.astype(np.float32), index, order=1).reshape(target.shape)
    found = resample(values, source, target)
    assert found.size > 100_000
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert not np.shares_memory(resample(values.astype(np.float32), source, source), values)


def test_an_empty_mask_reads_nowhere_and_has_no_block():
    source = stored((2, 1, 0), (1, 1, 1), np.eye(3))
    nothing = np.zeros(source.shape, dtype=bool)
    assert not resample(nothing, source, upright_grid(source, 1.3)).any()
    assert block_round(nothing, 4) is None


def test_the_block_round_a_mask_keeps_to_the_grid():
    mask = np.zeros((10, 12, 14), dtype=bool)
    mask[1, 5:7, 13] = True
    assert block_round(mask, 2) == (slice(0, 4), slice(3, 9), slice(11, 14))
    assert block_round(mask, (0, 1, 2)) == (slice(1, 2), slice(4, 8), slice(11, 14))
