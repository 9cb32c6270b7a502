"""A CT, and what its folder offers beside it for display."""

from dataclasses import replace
from pathlib import Path

import pytest

from planner.errors import CancelledError, SeriesError
from planner.station.keeping import shown_scans
from planner.station.keeping.shown_scans import load_scans
from tests.unit.station.keeping.test_same_ct import scan_of

PLAIN = scan_of("1.2.3")
ORIGINAL, REDUCED = replace(PLAIN, display_alternative="1.2.9"), scan_of("1.2.9")


@pytest.fixture
def folder(monkeypatch):
    """A folder whose series load, or fail, as the test says."""
    series = {}

    def load(where, *, series_instance_uid, monitor):
        found = series[series_instance_uid]
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(shown_scans, "load_scan", load)
    return series


def test_what_is_offered_beside_a_ct_comes_along(folder):
    folder |= {None: ORIGINAL, "1.2.3": PLAIN, "1.2.9": REDUCED}
    assert load_scans(Path("ct")) == (ORIGINAL, REDUCED)
    assert load_scans(Path("ct"), series="1.2.3") == (PLAIN, None)


def test_a_ct_is_shown_also_where_what_is_beside_it_cannot_be_read(folder):
    folder |= {None: ORIGINAL, "1.2.9": SeriesError("a slice is missing")}
    assert load_scans(Path("ct")) == (ORIGINAL, None)


@pytest.mark.parametrize(("first", "second"), [(SeriesError("none"), REDUCED), (ORIGINAL, CancelledError("stopped"))])
def test_a_ct_that_cannot_be_read_and_a_stop_are_told(folder, first, second):
    folder |= {None: first, "1.2.9": second}
    with pytest.raises((SeriesError, CancelledError)):
        load_scans(Path("ct"))
