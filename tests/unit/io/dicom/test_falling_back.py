"""Where the best CT cannot be read rightly, the next of the same place is taken, and both are named."""

import numpy as np
import pytest

from planner.errors import SeriesError
from planner.io import describe_inspection, inspect_input, load_scan


@pytest.fixture
def thin(hu):
    bright = hu.copy()
    bright[4:9, 8:14, 8:14] = 2900
    return bright


def lose_one(paths):
    paths[2].unlink()


def cut_one(paths):
    paths[6].write_bytes(paths[6].read_bytes()[:-500])


def write_both(tmp_path, write, grid_of, thin, *, spoil=lambda paths: None, far=0.0, count=12, more=None, **tags):
    """A thin series 1.2.3.1 that is spoilt, and a whole one 1.2.3.2 of thicker slices."""
    spoil(write(tmp_path / "thin", thin, grid_of(spacing=(1.0, 0.8, 0.7)), series="1.2.3.1", **tags))
    thick = grid_of(spacing=(1.5, 0.8, 0.7), origin=(-31.5, 12.25, -403.75 + far))
    write(tmp_path / "thick", thin[:count], thick, series="1.2.3.2", **(more or {}))


def into_one_place(tmp_path, write, grid_of, thin):
    write_both(tmp_path, write, grid_of, thin)
    again = {"each": lambda k, ds: setattr(ds, "SOPInstanceUID", f"1.2.9.{k}")}
    write(tmp_path / "again", thin + 9, grid_of(spacing=(1.0, 0.8, 0.7)), series="1.2.3.1", **again)


CASES = {
    "a slice is missing": lambda *a: write_both(*a, spoil=lose_one),
    "is cut off": lambda *a: write_both(*a, spoil=cut_one),
    "not in Hounsfield units": lambda t, w, g, thin: write_both(t, w, g, thin, each=_without_scale),
    "in one place": into_one_place,
}


def _without_scale(k, ds):
    ds.RescaleIntercept = "0"


@pytest.mark.parametrize("reason", CASES)
def test_the_next_is_taken_and_the_first_named(tmp_path, write, grid_of, thin, reason):
    CASES[reason](tmp_path, write, grid_of, thin)
    scan = load_scan(tmp_path)
    assert scan.series.series_instance_uid == "1.2.3.2" and np.array_equal(scan.volume.hu, thin)
    (finding,) = [f for f in scan.findings if f.code == "series-refused"]
    assert finding.severity == "caution" and "1.2.3.1" in finding.message and reason in finding.message
    with pytest.raises(SeriesError, match=reason):
        load_scan(tmp_path, series_instance_uid="1.2.3.1")


@pytest.mark.parametrize(
    "other", [{"far": 300.0}, {"count": 8}, {"more": {"StudyInstanceUID": "1.2.9"}}], ids=["place", "snippet", "study"]
)
def test_what_cannot_stand_in_is_named(tmp_path, write, grid_of, thin, other):
    write_both(tmp_path, write, grid_of, thin, spoil=cut_one, **other)
    words = r"^series 1\.2\.3\.1: .* is cut off.*another CT is there: --series 1\.2\.3\.2"
    with pytest.raises(SeriesError, match=words):
        load_scan(tmp_path)


def test_where_none_can_be_read_the_best_is_named(tmp_path, write, grid_of, thin):
    write_both(tmp_path, write, grid_of, thin, spoil=cut_one, more={"RescaleType": "US", "RescaleSlope": None})
    with pytest.raises(SeriesError, match=r"^series 1\.2\.3\.1: .*; 1 other CT\(s\) of the place were refused too$"):
        load_scan(tmp_path)


def test_inspect_chooses_as_the_loading_does(tmp_path, write, grid_of, thin):
    write_both(tmp_path, write, grid_of, thin, spoil=cut_one)
    inspection = inspect_input(tmp_path)
    assert [(s.usable, s.chosen) for s in inspection.series] == [(False, False), (True, True)]
    assert inspection.chosen_series == load_scan(tmp_path).series.series_instance_uid == "1.2.3.2"
    assert [f.code for f in inspection.findings] == ["series-refused"]
    assert "x 1.2.3.1" in describe_inspection(inspection) and "* 1.2.3.2" in describe_inspection(inspection)


def test_inspect_never_chooses_what_is_unusable(tmp_path, write, grid_of, thin):
    cut_one(write(tmp_path, thin, grid_of()))
    inspection = inspect_input(tmp_path)
    assert inspection.chosen_series is None and inspection.not_chosen_because == "1 slice(s) are cut off"
    text = describe_inspection(inspection)
    assert "x 1.2.3.100" in text and "chosen: none; nothing to plan on: 1 slice(s) are cut off" in text
