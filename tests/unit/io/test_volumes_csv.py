"""volumes.csv: one row a gap, units in the header, empty cells for what was not measured."""

import csv
import io

import pytest

from planner.errors import OutputError
from planner.io.volumes_csv import COLUMNS, write_volumes_csv
from planner.io.whole_file import write_whole
from planner.model.gap import Gap, GapWidth, Interval, ZoneVolume
from planner.model.implant import Implant
from planner.model.plan import Plan, Review, Series, Software


def plan_of(*gaps):
    screw = Implant(
        id="screw, 1", kind="pedicle_screw", volume_ml=None, centroid_lps=(0.0, 0.0, 0.0), axis=None, bulls_eye=None,
        side="right", level="L4", material="unknown", loosening="possible",
    )  # fmt: skip
    series = Series(
        series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=(3, 4, 5), spacing_mm=(1.0, 1.0, 1.0),
        patient_position=None, hu_min=0.0, hu_max=1.0, hu_clipped_at=None,
    )  # fmt: skip
    return Plan(
        software=Software(name="a", version="0"), review=Review(), series=series, treatment_position=None,
        settings_sha256="0" * 64, implants=(screw,), gaps=gaps,
    )  # fmt: skip


MEASURED = Gap(
    id="gap-1", implant_id="screw, 1", level=None, kind="screw_halo",
    zones=(ZoneVolume(zone="screw-middle", volume_ml=0.41), ZoneVolume(zone="screw-tip", volume_ml=None)),
    volume_ml=Interval(estimate=1.25, low=1.0, high=1.5), expected_fill_ml=Interval(estimate=0.0, low=0.0, high=0.5),
    width_mm=GapWidth(median=1.5, p95=2.25, max=3.0), interface_fraction=0.5, centroid_lps=(0.0, 0.0, 0.0), trust=1.0,
)  # fmt: skip
UNMEASURED = Gap(
    id="gap-2", implant_id=None, level="L5", kind="fracture_level", zones=(), volume_ml=None, expected_fill_ml=None,
    width_mm=None, interface_fraction=None, centroid_lps=(0.0, 0.0, 0.0), trust=None,
)  # fmt: skip


def rows(plan):
    out = io.StringIO()
    write_volumes_csv(plan, out)
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def test_every_column_of_a_measured_gap():
    (row,) = rows(plan_of(MEASURED))
    assert tuple(row) == COLUMNS
    assert row == {
        "gap_id": "gap-1", "implant_id": "screw, 1", "implant_kind": "pedicle_screw", "gap_kind": "screw_halo",
        "side": "right", "level": "L4", "loosening": "possible", "volume_ml": "1.25", "volume_low_ml": "1",
        "volume_high_ml": "1.5", "expected_fill_ml": "0", "expected_fill_low_ml": "0", "expected_fill_high_ml": "0.5",
        "width_median_mm": "1.5", "width_p95_mm": "2.25", "width_max_mm": "3", "interface_fraction": "0.5",
        "trust": "1", "zones_ml": "screw-middle=0.41; screw-tip=", "review": "unreviewed",
        "made": "automatic",
    }  # fmt: skip


def test_what_was_not_measured_is_empty_and_not_zero():
    _, row = rows(plan_of(MEASURED, UNMEASURED))
    filled = {name: cell for name, cell in row.items() if cell}
    assert filled == {
        "gap_id": "gap-2",
        "gap_kind": "fracture_level",
        "level": "L5",
        "review": "unreviewed",
        "made": "automatic",
    }


def test_a_file_is_written_whole(tmp_path):
    path = tmp_path / "volumes.csv"
    write_volumes_csv(plan_of(), path)
    assert path.read_bytes() == (",".join(COLUMNS) + "\n").encode()
    assert [p.name for p in tmp_path.iterdir()] == ["volumes.csv"]
    with pytest.raises(OutputError, match="cannot be written"):
        write_volumes_csv(plan_of(), tmp_path / "no" / "volumes.csv")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_whole(b"old", path)

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(OutputError, match="no space left"):
        write_whole(b"new", path)
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["a"]
