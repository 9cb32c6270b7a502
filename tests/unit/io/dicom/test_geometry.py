"""Geometry comes from positions and orientations alone."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk

from planner.errors import SeriesError
from planner.geometry.rigid import rotation_about
from planner.io import load_ct, load_scan

ORIENTATIONS = [
    np.eye(3)[:, list(order)] * np.array(signs)
    for order, signs in itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3))
]


def hu_at(volume, points):
    index = np.asarray(volume.grid.to_index(points))
    assert np.abs(index - np.rint(index)).max() < 1e-3
    return volume.hu[tuple(np.rint(index).astype(int).T)]


@pytest.mark.parametrize("number", range(48))
def test_any_permuted_or_flipped_storage_has_the_same_hu_at_the_same_lps(tmp_path, hu, grid_of, write, number):
    grid = grid_of(directions=ORIENTATIONS[number])
    write(tmp_path, hu, grid)
    loaded = load_ct(tmp_path)
    rng = np.random.default_rng(number)
    index = rng.integers(0, hu.shape, (200, 3))
    assert np.array_equal(hu_at(loaded, grid.to_lps(index)), hu[tuple(index.T)])
    assert hu_at(loaded, grid.to_lps([(3, 5, 7)]))[0] == 2500


def test_one_body_in_two_storages_is_one_body(tmp_path, hu, grid_of, write):
    grid = grid_of()
    turned = np.ascontiguousarray(hu.transpose(2, 0, 1)[:, ::-1])
    matrix = grid.lps_from_index.copy()
    steps = matrix[:3, [2, 0, 1]].copy()
    steps[:, 1] *= -1
    spacing = np.linalg.norm(steps, axis=0)
    origin = grid.to_lps((hu.shape[0] - 1, 0, 0))
    other = grid_of(shape=turned.shape, spacing=tuple(spacing), origin=tuple(origin), directions=steps / spacing)
    write(tmp_path / "a", hu, grid)
    write(tmp_path / "b", turned, other)
    first, second = load_ct(tmp_path / "a"), load_ct(tmp_path / "b")
    points = first.grid.to_lps(np.indices(hu.shape).reshape(3, -1).T)
    assert np.array_equal(hu_at(second, points), first.hu.ravel())


def test_oblique_series_agrees_with_simpleitk(tmp_path, hu, grid_of, write):
    turn = rotation_about((0.3, 1.0, -0.4), 27.0)
    grid = grid_of(directions=turn @ np.eye(3)[:, ::-1])
    paths = write(tmp_path, hu, grid)
    loaded = load_ct(tmp_path)
    assert np.abs(loaded.grid.corners_lps - grid.corners_lps).max() < 1e-4
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path))
    assert len(names) == len(paths)
    image = sitk.ReadImage(names)
    points = [tuple(float(v) for v in p) for p in loaded.grid.to_lps([(0, 0, 0), (11, 0, 0), (3, 5, 7), (2, 19, 23)])]
    for point in points:
        column, row, number = image.TransformPhysicalPointToIndex(point)
        assert image[column, row, number] == hu_at(loaded, [point])[0]
    assert np.array_equal(np.sort(sitk.GetArrayViewFromImage(image), axis=None), np.sort(loaded.hu, axis=None))


def test_slices_are_sorted_by_place_not_by_number_or_name(tmp_path, hu, grid, write):
    def lie(k, ds):
        ds.InstanceNumber = 100 - k

    paths = write(tmp_path, hu, grid, each=lie)
    scan = load_scan(tmp_path)
    assert np.array_equal(scan.volume.hu, hu)
    assert scan.slice_files == tuple(paths)


def test_exact_copies_are_dropped_with_a_finding(tmp_path, hu, grid, write):
    paths = write(tmp_path, hu, grid)
    (tmp_path / "again").mkdir()
    for path in paths[2:5]:
        (tmp_path / "again" / path.name).write_bytes(path.read_bytes())
    scan = load_scan(tmp_path)
    assert np.array_equal(scan.volume.hu, hu)
    assert [(f.code, f.measured) for f in scan.findings] == [("duplicate-slices", 3.0)]


def test_two_different_slices_in_one_place_are_refused(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid)
    write(tmp_path / "other", hu[:1] + 1, grid)
    with pytest.raises(SeriesError, match="two different images lie in one place"):
        load_ct(tmp_path)


def test_a_missing_slice_is_named_by_its_place(tmp_path, hu, grid, write):
    paths = write(tmp_path, hu, grid)
    paths[5].unlink()
    x, y, z = grid.to_lps((4, 0, 0))
    with pytest.raises(SeriesError, match=rf"1 slice\(s\) are missing after \({x:.2f}, {y:.2f}, {z:.2f}\) mm"):
        load_ct(tmp_path)


@pytest.mark.parametrize("number", [0, 11])
def test_a_missing_end_slice_leaves_a_shorter_volume(tmp_path, hu, grid, write, number):
    write(tmp_path, hu, grid)[number].unlink()
    assert load_ct(tmp_path).grid.shape == (11, 20, 24)


@pytest.mark.parametrize(("shift_mm", "refused"), [(0.05, False), (0.4, True)])
def test_slice_distances_may_stray_by_rounding_only(tmp_path, hu, grid, write, shift_mm, refused):
    def shift(k, ds):
        if k == 6:
            x, y, z = (float(v) for v in ds.ImagePositionPatient)
            ds.ImagePositionPatient = [f"{x:.6g}", f"{y:.6g}", f"{z + shift_mm:.8g}"]

    write(tmp_path, hu, grid, each=shift)
    if refused:
        with pytest.raises(SeriesError, match="irregular"):
            load_ct(tmp_path)
    else:
        assert load_ct(tmp_path).grid.shape == hu.shape


def test_spacing_comes_from_positions_not_from_the_thickness(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, SliceThickness="5", SpacingBetweenSlices="9")
    assert load_ct(tmp_path).grid.spacing_mm == pytest.approx(grid.spacing_mm)


def test_gantry_tilt_is_refused_with_its_angle(tmp_path, hu, grid, write):
    def lean(k, ds):
        x, y, z = grid.to_lps((k, 0, 0))
        ds.ImagePositionPatient = [f"{x:.8g}", f"{y + k * 0.4:.8g}", f"{z:.8g}"]

    write(tmp_path, hu, grid, each=lean)
    with pytest.raises(SeriesError, match=r"lean by 17\.7 degrees"):
        load_ct(tmp_path)


def test_one_slice_shifted_sideways_is_refused(tmp_path, hu, grid, write):
    def shift(k, ds):
        if k == 6:
            x, y, z = grid.to_lps((k, 0, 0))
            ds.ImagePositionPatient = [f"{x + 2:.8g}", f"{y:.8g}", f"{z:.8g}"]

    write(tmp_path, hu, grid, each=shift)
    with pytest.raises(SeriesError, match="sideways"):
        load_ct(tmp_path)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"ImageOrientationPatient": ["1", "0", "0", "1", "0", "0"]}, "orientation"),
        ({"ImageOrientationPatient": ["0", "0", "0", "0", "1", "0"]}, "orientation"),
        ({"PixelSpacing": None}, "pixel spacing"),
        ({"PixelSpacing": ["0", "0.5"]}, "pixel spacing"),
        ({"ImagePositionPatient": None}, "no position"),
    ],
)
def test_useless_geometry_is_refused(tmp_path, hu, grid, write, tags, words):
    write(tmp_path, hu, grid, **tags)
    with pytest.raises(SeriesError, match=words):
        load_ct(tmp_path)


def test_one_slice_alone_loads_with_a_warning(tmp_path, hu, grid, write):
    paths = write(tmp_path, hu, grid)
    scan = load_scan(paths[3])
    assert scan.volume.grid.shape == (1, 20, 24)
    assert [(f.code, f.severity) for f in scan.findings] == [("single-slice", "warning")]
