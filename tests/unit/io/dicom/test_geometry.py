"""Geometry comes from positions and orientations alone."""

import itertools

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from planner.errors import SeriesError
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.io import inspect_input, load_ct, load_scan
from planner.model.scan import StoredSlices

ORIENTATIONS = [
    np.eye(3)[:, list(order)] * np.array(signs)
    for order, signs in itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3))
]


def hu_at(volume, points):
    index = np.asarray(volume.grid.to_index(points))
    assert np.abs(index - np.rint(index)).max() < 1e-3
    return volume.hu[tuple(np.rint(index).astype(int).T)]


def smooth(points):
    """A body without symmetry and without metal, HU."""
    points = np.asarray(points) - (-31.5, 12.25, -403.75)
    hu = 40.0 + points @ (2.0, -3.0, 1.0)
    for centre, size, height in (((7.0, 8.0, 9.0), 4.0, 500.0), ((10.0, 5.0, 16.0), 5.0, -400.0)):
        hu = hu + height * np.exp(-((points - centre) ** 2).sum(axis=-1) / (2 * size**2))
    return hu


def steep(points):
    return smooth(points) - 900.0 + 30.0 * (np.asarray(points)[..., 2] + 403.75)


def lps_of(grid):
    return np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))


def body(grid):
    return np.rint(smooth(lps_of(grid))).astype(np.int16)


def sheared(grid, lean_mm, along):
    """Each slice further along its rows or columns than the last."""
    matrix = grid.lps_from_index.copy()
    matrix[:3, 0] += lean_mm * grid.directions_lps[:, along]
    return Grid(grid.shape, matrix, grid.frame_of_reference_uid)


def lie(grid):
    """Write the position of each slice in full."""

    def put(k, ds):
        ds.ImagePositionPatient = [f"{v:.8g}" for v in grid.to_lps((k, 0, 0))]

    return put


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
    with pytest.raises(SeriesError, match=r"one place, the slice at \(-31\.50, 12\.25, -403\.75\) mm"):
        load_ct(tmp_path)


def test_a_missing_slice_is_named_by_its_place(tmp_path, hu, grid, write):
    paths = write(tmp_path, hu, grid)
    paths[5].unlink()
    x, y, z = grid.to_lps((4, 0, 0))
    place = rf"\({x:.2f}, {y:.2f}, {z:.2f}\) mm"
    with pytest.raises(SeriesError, match=rf"2\.50 mm after {place} .*a slice is missing.*metal 1\.2 mm away"):
        load_ct(tmp_path)
    (series,) = inspect_input(tmp_path).series  # headers do not tell where metal is
    (problem,) = series.problems
    assert (
        problem.code == "slice-missing"
        and "loading refuses the CT where metal lies within 15 mm" in problem.message
        and series.usable
    )


def test_a_missing_slice_away_from_metal_is_filled_in(tmp_path, grid_of, write):
    grid = grid_of(shape=(40, 20, 24))
    hu = body(grid)
    paths = write(tmp_path, hu, grid)
    paths[22].unlink()
    scan = load_scan(tmp_path)
    assert [f.code for f in scan.findings] == ["slice-missing"]
    assert scan.findings[0].where_lps == pytest.approx(tuple(grid.to_lps((22, 9.5, 11.5))))
    assert scan.volume.grid.is_same(grid)
    assert np.array_equal(np.delete(scan.volume.hu, 22, axis=0), np.delete(hu, 22, axis=0))
    assert np.abs(scan.volume.hu[22].astype(int) - hu[22]).max() < 12
    assert scan.series.shape_zyx == (39, 20, 24) and scan.own_slices.shape == (39, 20, 24)
    assert scan.own_slices.grid is None and len(scan.slice_files) == 39
    assert scan.series.spacing_mm == pytest.approx(grid.spacing_mm)
    assert inspect_input(tmp_path).series[0].shape_zyx == (39, 20, 24)


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


@pytest.mark.parametrize(("lean_mm", "along"), [(0.4, 1), (-0.4, 1), (0.25, 2)])
@pytest.mark.parametrize("turned", [False, True])
def test_gantry_tilt_is_put_right(tmp_path, grid_of, write, lean_mm, along, turned):
    turn = rotation_about((0.3, 1.0, -0.4), 27.0) if turned else np.eye(3)
    straight = grid_of(shape=(14, 30, 34), directions=turn @ np.eye(3)[:, ::-1])
    leaning = sheared(straight, lean_mm, along)
    write(
        tmp_path,
        body(leaning),
        leaning,
        GantryDetectorTilt=f"{np.degrees(np.arctan(lean_mm / 1.25)):.1f}",
        each=lie(leaning),
    )
    scan = load_scan(tmp_path)
    volume = scan.volume
    assert [f.code for f in scan.findings] == ["gantry-tilt"]
    assert scan.findings[0].measured == pytest.approx(np.degrees(np.arctan(abs(lean_mm) / 1.25)), abs=0.01)
    assert volume.grid.is_rectangular and volume.hu.dtype == np.int16
    assert volume.grid.directions_lps == pytest.approx(straight.directions_lps, abs=1e-6)
    error = np.abs(volume.hu - smooth(lps_of(volume.grid)))[~volume.padding]
    assert error.max() < 12 and np.sqrt((error**2).mean()) < 1
    assert (~volume.padding).sum() > 0.85 * np.prod(straight.shape)
    assert scan.own_slices.grid.is_same(leaning)
    assert scan.series.shape_zyx == straight.shape and scan.series.spacing_mm == pytest.approx(straight.spacing_mm)
    (series,) = inspect_input(tmp_path).series
    assert series.usable and [p.code for p in series.problems] == ["gantry-tilt"]
    assert series.shape_zyx == straight.shape and series.spacing_mm == pytest.approx(straight.spacing_mm)


def test_simpleitk_leaves_tilted_slices_where_they_are_not(tmp_path, grid_of, write):
    # SimpleITK takes orientation and distance, and drops that each slice lies further along its own plane.
    leaning = sheared(grid_of(), 0.4, 1)
    write(tmp_path, body(leaning), leaning, each=lie(leaning))
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path)))
    true = leaning.to_lps((11, 0, 0))
    theirs = np.array(image.TransformIndexToPhysicalPoint((0, 0, 11)))
    assert np.linalg.norm(theirs - true) > 4.0
    assert load_scan(tmp_path).own_slices.positions_lps[11] == pytest.approx(true, abs=1e-4)


@pytest.mark.parametrize(
    ("lean_mm", "tag", "codes"),
    [
        (0.4, "17.744", ["gantry-tilt"]),
        (0.4, "-17.5", ["gantry-tilt"]),
        (0.4, "0", ["gantry-tilt", "tilt-tag-differs"]),
        (0.0, "0", []),
        (0.0, "12", ["tilt-tag-differs"]),
    ],
)
def test_the_tilt_is_that_of_the_positions_and_the_tag_is_only_compared(tmp_path, grid_of, write, lean_mm, tag, codes):
    leaning = sheared(grid_of(), lean_mm, 1)
    write(tmp_path, body(leaning), leaning, each=lie(leaning), GantryDetectorTilt=tag)
    assert sorted(f.code for f in load_scan(tmp_path).findings) == codes


def test_a_tilt_beyond_any_gantry_is_refused(tmp_path, grid_of, write):
    leaning = sheared(grid_of(), 0.8, 1)
    write(tmp_path, body(leaning), leaning, each=lie(leaning))
    with pytest.raises(SeriesError, match=r"lean by 32\.6 degrees, more than any gantry"):
        load_ct(tmp_path)
    assert not inspect_input(tmp_path).series[0].usable


def test_uneven_distances_are_resampled_and_said(tmp_path, grid_of, write):
    grid = grid_of(shape=(24, 20, 24))
    rng = np.random.default_rng(2)
    index = np.arange(24) + np.r_[0, rng.uniform(-0.1, 0.1, 22), 0]
    places = np.array([grid.to_lps((k, 0, 0)) for k in index])
    planes = [np.rint(steep(lps_of(grid.crop((0, 0, 0), (1, 20, 24))) + place - places[0])) for place in places]
    hu = np.concatenate(planes).astype(np.int16)

    def put(k, ds):
        ds.ImagePositionPatient = [f"{v:.8g}" for v in places[k]]

    write(tmp_path, hu, grid, each=put)
    scan = load_scan(tmp_path)
    assert [f.code for f in scan.findings] == ["slices-uneven"]
    assert scan.volume.grid.is_same(grid)
    left, before = (float(np.std(voxels - steep(lps_of(grid)))) for voxels in (scan.volume.hu, hu))
    assert left < 0.55 * before
    assert scan.own_slices.positions_lps == pytest.approx(places, abs=1e-4)


@pytest.mark.parametrize(("unit", "codes"), [(0.1, []), (1.0, ["positions-rounded"])])
def test_rounded_positions_do_not_drift(tmp_path, grid_of, write, unit, codes):
    grid = grid_of(shape=(60, 9, 11))

    def put(k, ds):
        ds.ImagePositionPatient = [f"{np.round(v / unit) * unit:.1f}" for v in grid.to_lps((k, 0, 0))]

    write(tmp_path, body(grid), grid, each=put)
    scan = load_scan(tmp_path)
    assert [f.code for f in scan.findings] == codes
    assert scan.stored is None and np.array_equal(scan.volume.hu, body(grid))
    ends = np.abs(scan.volume.grid.to_lps([(0, 0, 0), (59, 0, 0)]) - grid.to_lps([(0, 0, 0), (59, 0, 0)]))
    assert ends[:, 2].max() < 0.3 * unit and ends.max() <= 0.5 * unit


@pytest.mark.parametrize(
    "tags",
    [
        {"SliceLocation": "17.5"},
        {"SpacingBetweenSlices": "-3"},
        {"SpacingBetweenSlices": "9", "SliceThickness": "5"},
        {"PatientPosition": "FFP"},
        {"ImageOrientationPatient": [" 1", "0 ", " 0.000 ", "0", "1.0 ", "0"]},
        {"ImageOrientationPatient": ["1", "1e-5", "0", "-1e-5", "1", "0"]},
    ],
)
def test_what_contradicts_the_positions_or_is_written_oddly_changes_nothing(tmp_path, hu, grid, write, tags):
    write(tmp_path, hu, grid, **tags)
    scan = load_scan(tmp_path)
    assert np.array_equal(scan.volume.hu, hu) and scan.findings == ()
    assert np.abs(scan.volume.grid.corners_lps - grid.corners_lps).max() < 1e-3


def test_positions_with_blanks_count(tmp_path, hu, grid, write):
    def pad(k, ds):
        ds.ImagePositionPatient = [f" {v:.8g} " for v in grid.to_lps((k, 0, 0))]

    write(tmp_path, hu, grid, each=pad)
    assert np.array_equal(load_ct(tmp_path).hu, hu)


def test_directions_rounded_to_three_decimals_are_made_square(tmp_path, hu, grid_of, write):
    grid = grid_of(directions=rotation_about((0.3, 1.0, -0.4), 27.0) @ np.eye(3)[:, ::-1])
    rounded = [f"{v:.3f}" for v in (*grid.directions_lps[:, 2], *grid.directions_lps[:, 1])]
    write(tmp_path, hu, grid, ImageOrientationPatient=rounded)
    volume = load_ct(tmp_path)
    between = volume.grid.directions_lps[:, 1] @ volume.grid.directions_lps[:, 2]
    assert abs(between) < 1e-6 and np.array_equal(volume.hu, hu)
    assert np.abs(volume.grid.corners_lps - grid.corners_lps).max() < 0.03


def test_directions_rounded_to_two_decimals_are_made_square_and_said(tmp_path, hu, grid_of, write):
    grid = grid_of(directions=rotation_about((0.3, 1.0, -0.4), 27.0) @ np.eye(3)[:, ::-1])
    rounded = [f"{v:.2f}" for v in (*grid.directions_lps[:, 2], *grid.directions_lps[:, 1])]
    row, column = np.array(rounded[:3], dtype=float), np.array(rounded[3:], dtype=float)
    assert abs(np.linalg.norm(row) - 1) > 2e-3 or abs(row @ column) > 2e-3
    write(tmp_path, hu, grid, ImageOrientationPatient=rounded)
    scan = load_scan(tmp_path)
    (finding,) = (f for f in scan.findings if f.code == "directions-rounded")
    assert finding.severity == "caution" and finding.measured == pytest.approx(0.01 * (0.7 * 23 + 0.8 * 19))
    directions = scan.volume.grid.directions_lps
    assert np.abs(directions.T @ directions - np.eye(3)).max() < 2e-3
    last = np.array([(0, 19, 23)])
    stored = StoredSlices.of_grid(grid)
    assert np.abs(scan.own_slices.positions_lps - stored.positions_lps).max() < 0.02
    ends = [
        s.positions_lps[0] + last[0, 1] * s.row_step_lps + last[0, 2] * s.column_step_lps
        for s in (scan.own_slices, stored)
    ]
    assert np.linalg.norm(ends[0] - ends[1]) <= finding.measured


@pytest.mark.parametrize(
    "directions",
    [
        ["1.01", "0", "0", "0", "1", "0"],
        ["1", "0.02", "0", "0", "1", "0"],
        ["1", "0.004", "0", "0", "1", "0"],
        ["0.9953", "0", "0", "0", "1", "0"],
    ],
)
def test_directions_that_no_rounding_makes_are_refused(tmp_path, hu, grid, write, directions):
    write(tmp_path, hu, grid, ImageOrientationPatient=directions)
    with pytest.raises(SeriesError, match="no valid orientation"):
        load_scan(tmp_path)


@pytest.mark.parametrize(("thickness", "loads"), [("1", False), ("1.1", True)])
def test_lost_slices_at_metal_are_not_taken_for_rounded_positions(tmp_path, hu, grid_of, write, thickness, loads):
    full = grid_of(shape=(40, 20, 24), spacing=(1.0, 0.8, 0.7), origin=(-31.5, 12.25, 0.0))
    kept = [k for k in range(40) if k not in (9, 18, 27, 36)]

    def put(k, ds):
        ds.ImagePositionPatient = ["-31.5", "12.25", str(kept[k])]

    hu = np.tile(hu, (3, 1, 1))
    hu[14:20, 8:10, 8:10] = 3071
    write(tmp_path, hu, full, each=put, SliceThickness=thickness)
    if loads:  # slices of 1.1 mm that lie 1.1 mm apart
        assert "positions-rounded" in [f.code for f in load_scan(tmp_path).findings]
    else:
        with pytest.raises(SeriesError, match=r"31 x 1\.00 mm, 4 x 2\.00 mm; the first odd one is after .*8\.00\) mm"):
            load_scan(tmp_path)


def test_only_the_position_of_some_slices_is_missing(tmp_path, hu, grid, write):
    def lose(k, ds):
        if k in (3, 8):
            del ds.ImagePositionPatient

    write(tmp_path, hu, grid, each=lose)
    with pytest.raises(SeriesError, match="2 of 12 slices have no position"):
        load_ct(tmp_path)


def test_a_tilted_head_of_the_zoo_lies_where_its_files_say(shared_dir):
    zoo = shared_dir / "dicom_zoo" / "gantry_tilt_irregular"
    scan = load_scan(zoo)  # its block of 4 mm slices; the 7 mm block beside it is a stack of its own
    tilt = next(f for f in scan.findings if f.code == "gantry-tilt")
    assert tilt.measured == pytest.approx(18.5, abs=0.05)
    assert scan.series.shape_zyx == (14, 512, 512) and scan.series.spacing_mm[0] == pytest.approx(4.002, abs=0.001)
    assert scan.volume.grid.is_rectangular and scan.volume.grid.shape[0] == 14
    for number in (0, 6, 13):
        ds = pydicom.dcmread(scan.slice_files[number])
        stored = ds.pixel_array.astype(float) * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        column, row = np.array(ds.ImageOrientationPatient[:3]), np.array(ds.ImageOrientationPatient[3:])
        rows, columns = np.mgrid[100:400:37, 100:400:41]
        points = (
            np.array(ds.ImagePositionPatient, dtype=float)
            + rows[..., None] * row * ds.PixelSpacing[0]
            + columns[..., None] * column * ds.PixelSpacing[1]
        )
        index = scan.volume.grid.to_index(points)
        assert np.abs(index[..., 0] - number).max() < 1e-3 and np.abs(index[..., 2] - columns).max() < 1e-3
        whole = np.floor(index[..., 1] + 1e-6).astype(int)
        below, above = (scan.volume.hu[number, whole + k, columns].astype(float) for k in (0, 1))
        share = index[..., 1] - whole
        # read back by another interpolation: noise of a pixel's neighbourhood is all that may differ
        off = np.abs(below * (1 - share) + above * share - stored[rows, columns])
        assert np.median(off) < 15


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
