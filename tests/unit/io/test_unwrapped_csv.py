"""unwrapped.csv: one row a cell, empty where nothing was measured."""

import csv
import io

import numpy as np
import pytest

from planner.errors import OutputError
from planner.io.unwrapped_csv import COLUMNS, unwrapped_text, write_unwrapped_csv
from planner.model.unwrapped import UnwrappedMap


def _map(name="screw-1") -> UnwrappedMap:
    gone = np.nan
    return UnwrappedMap(
        implant_id=name, kind="pedicle_screw", side="left", length_mm=3.0, along_mm=np.array([1.0, 2.5]),
        is_tip=np.array([False, True]), round_deg=np.array([90.0, 270.0]), zero_lps=(0.0, 0.0, 1.0),
        quarter_lps=(-1.0, 0.0, 0.0), width_mm=np.array([[gone, 0.0], [1.25, gone]]),
        width_sd_mm=np.array([[gone, gone], [0.2, gone]]), in_bone=np.array([[False, True], [True, True]]),
        zone=np.array([[0, 0], [1, 1]]), zones=("screw-proximal", "screw-tip"),
    )  # fmt: skip


def test_each_cell_has_a_row_and_what_was_not_read_is_empty():
    rows = list(csv.DictReader(io.StringIO(unwrapped_text([_map(), _map("screw-2")]))))
    assert [row["implant_id"] for row in rows] == ["screw-1"] * 4 + ["screw-2"] * 4
    outside, none, gap, unread = ({name: row[name] for name in COLUMNS[1:]} for row in rows[:4])
    flags = ("in_bone", "read", "width_mm", "width_sd_mm")
    assert [outside[name] for name in flags] == ["0", "0", "", ""]
    assert [none[name] for name in flags] == ["1", "1", "0.000", ""]
    assert [gap[name] for name in flags] == ["1", "1", "1.250", "0.200"]
    assert [unread[name] for name in flags] == ["1", "0", "", ""]
    assert (gap["along_mm"], gap["round_deg"], gap["zone"]) == ("2.50", "90.0", "screw-tip")


def test_a_file_without_maps_holds_the_header_and_is_written_whole(tmp_path):
    write_unwrapped_csv((), tmp_path / "unwrapped.csv")
    assert (tmp_path / "unwrapped.csv").read_text() == ",".join(COLUMNS) + "\n"
    with pytest.raises(OutputError, match="cannot be written"):
        write_unwrapped_csv((), tmp_path / "no" / "unwrapped.csv")
