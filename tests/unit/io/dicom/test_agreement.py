"""One damaged slice shows against its neighbours."""

import numpy as np
import pydicom
import pytest

from planner.errors import SeriesError
from planner.io import describe_inspection, inspect_input, load_scan


def spoil(number: int, **tags):
    def each(k: int, ds: pydicom.Dataset) -> None:
        if k == number:
            for name, value in tags.items():
                setattr(ds, name, value)

    return each


def codes(scan) -> set[str]:
    return {finding.code for finding in scan.findings}


def test_slices_that_agree_say_nothing(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid)
    assert codes(load_scan(tmp_path)) == set()


@pytest.mark.parametrize("number", [0, 5, 11])
def test_a_slice_turned_by_little_is_refused(tmp_path, hu, grid, write, number):
    write(tmp_path, hu, grid, each=spoil(number, ImageOrientationPatient=["1", "0.0005", "0", "-0.0005", "1", "0"]))
    with pytest.raises(SeriesError, match="turned against the others"):
        load_scan(tmp_path)


def test_rounding_of_the_first_slice_does_not_turn_the_volume(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, each=spoil(0, ImageOrientationPatient=["1", "0.00009", "0", "-0.00009", "1", "0"]))
    assert load_scan(tmp_path).volume.grid.is_same(grid)


def turned(rows, columns):
    """Turn every slice by its own rounding, up to 1 of the given amounts."""
    rng = np.random.default_rng(8)

    def each(k: int, ds: pydicom.Dataset) -> None:
        a, b = rng.uniform(-1, 1, 2)
        ds.ImageOrientationPatient = ["1", f"{a * rows:.6f}", "0", f"{b * columns:.6f}", "1", "0"]

    return each


@pytest.mark.parametrize(
    ("amount", "pixel_mm", "words"),
    [(3e-4, 20.0, None), (4.9e-4, 30.0, "turned against each other: the slice at .*far corner"), (4e-4, 0.7, None)],
)
def test_directions_that_jitter_in_all_slices_are_taken_as_far_as_no_corner_moves(
    tmp_path, grid_of, hu, write, amount, pixel_mm, words
):
    grid = grid_of(spacing=(1.25, pixel_mm, pixel_mm))
    write(tmp_path, hu, grid, each=turned(amount, amount))
    if words is None:
        corners = load_scan(tmp_path).volume.grid.corners_lps
        assert np.abs(corners - grid.corners_lps).max() < 0.2
    else:
        with pytest.raises(SeriesError, match=words):
            load_scan(tmp_path)


def test_directions_that_change_between_two_values_are_jitter(tmp_path, grid, hu, write):
    def each(k: int, ds: pydicom.Dataset) -> None:
        if k % 2:
            ds.ImageOrientationPatient = ["1", "0", "0.0003", "0", "1", "0"]

    write(tmp_path, hu, grid, each=each)
    assert np.abs(load_scan(tmp_path).volume.grid.corners_lps - grid.corners_lps).max() < 0.01


def test_a_slice_that_stands_out_of_jitter_is_damaged(tmp_path, grid, hu, write):
    jitter = turned(1.5e-4, 1.5e-4)

    def each(k: int, ds: pydicom.Dataset) -> None:
        jitter(k, ds)
        if k == 5:
            ds.ImageOrientationPatient = ["1", "0.0007", "0", "-0.0007", "1", "0"]

    write(tmp_path, hu, grid, each=each)
    with pytest.raises(SeriesError, match=r"is turned against the others by 0\.04\d degrees"):
        load_scan(tmp_path)


@pytest.mark.parametrize("tags", [{"RescaleSlope": "2"}, {"RescaleIntercept": "0"}, {"BitsStored": 10, "HighBit": 9}])
@pytest.mark.parametrize("number", [0, 6, 11])
def test_a_scale_that_takes_a_slice_away_from_its_neighbours_is_refused(tmp_path, hu, grid, write, number, tags):
    write(tmp_path, hu, grid, each=spoil(number, **tags))
    with pytest.raises(SeriesError, match=r"do not fit together|beyond the|bits"):
        load_scan(tmp_path)


def test_a_scale_of_its_own_that_brings_a_slice_to_its_neighbours_is_taken_and_said(tmp_path, hu, grid, write):
    def each(k: int, ds: pydicom.Dataset) -> None:
        if k == 6:
            stored = (hu[k].astype("int32") + 1500).astype("<u2")
            ds.PixelData, ds.RescaleIntercept = stored.tobytes(), "-1500"

    write(tmp_path, hu, grid, each=each)
    scan = load_scan(tmp_path)
    assert (scan.volume.hu == hu).all()
    assert codes(scan) == {"rescale-varies"}


def test_the_patient_position_of_most_slices_is_taken(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, each=spoil(0, PatientPosition="HFP"))
    scan = load_scan(tmp_path)
    assert scan.series.patient_position == "HFS"
    assert codes(scan) == {"patient-position-differs"}


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"SeriesInstanceUID": "1.2.3.999"}, "slices-left-out"),
        ({"FrameOfReferenceUID": "1.2.3.9"}, "slices-apart"),
        ({"Modality": "OT"}, "slices-left-out"),
        ({"PixelSpacing": ["0.9", "0.7"]}, "slices-apart"),
    ],
)
@pytest.mark.parametrize("number", [0, 11])
def test_an_end_slice_that_a_damaged_header_took_away_is_said(tmp_path, hu, grid, write, number, tags, said):
    write(tmp_path, hu, grid, each=spoil(number, **tags))
    scan = load_scan(tmp_path)
    assert scan.volume.grid.shape[0] == 11
    assert codes(scan) & {"slices-left-out", "slices-apart"} == {said}


@pytest.mark.parametrize("position", ["1e30", "-9e9"])
def test_positions_beyond_all_measure(tmp_path, hu, grid, write, position):
    write(tmp_path, hu, grid, each=spoil(3, ImagePositionPatient=["0", "0", position]))
    with pytest.raises(SeriesError, match="beyond all measure"):
        load_scan(tmp_path)


def test_one_slice_that_strays_by_a_tenth_is_no_gantry_tilt(tmp_path, hu, grid, write):
    x, y, z = grid.to_lps((0, 0, 0))
    write(tmp_path, hu, grid, each=spoil(0, ImagePositionPatient=[f"{x:.6g}", f"{y - 0.1:.6g}", f"{z:.6g}"]))
    scan = load_scan(tmp_path)
    assert codes(scan) == set()
    assert abs(scan.volume.grid.corners_lps - grid.corners_lps).max() < 0.1


def test_a_text_that_swallowed_the_patients_name_is_not_shown(tmp_path, hu, grid, write):
    paths = write(tmp_path, hu, grid)
    content = paths[5].read_bytes()
    start = content.index(b"\x08\x00\x60\x00CS\x02\x00CT")
    end = content.index(b"Roe^Jane") + 8
    paths[5].write_bytes(content[: start + 6] + (end - start - 8).to_bytes(2, "little") + content[start + 8 :])
    assert "Roe" not in describe_inspection(inspect_input(tmp_path))
