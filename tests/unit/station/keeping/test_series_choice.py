"""The table of series to choose from: the best first, words for what is not told, nothing of the patient."""

import pytest

from planner.io.inspection import Inspection, SeriesInspection
from planner.model.finding import Finding
from planner.station.keeping.series_choice import COLUMNS, needs_choice, series_rows


def series(name, **changes):
    fields = {
        "series_instance_uid": name, "series_number": 3, "name": name, "patient_number": None, "modality": "CT",
        "image_type": (), "images": 120, "shape_zyx": (118, 512, 512), "spacing_mm": (0.625, 0.4, 0.4),
        "orientation": "axial", "slice_thickness_mm": 1.25, "kernel": "B60", "patient_position": "HFS",
        "transfer_syntax": None, "hu_floor": None, "hu_ceiling": None, "hu_clipped_at": None, "usable": True,
        "chosen": False, "rank": None, "lost_by": None, "problems": (),
    }  # fmt: skip
    return SeriesInspection(**{**fields, **changes})


def inspection(*found, **changes):
    fields = {
        "format": "DICOM", "files": 9, "other_files": 0, "series": found, "chosen_series_instance_uid": None,
        "chosen_series": None, "chosen_because": None, "not_chosen_because": None, "rules": None, "findings": (),
    }  # fmt: skip
    return Inspection(**{**fields, **changes})


BEST = series("1.1", chosen=True, rank=1)
SECOND = series("1.2", rank=2, lost_by="thicker slices", series_number=1)
ASIDE = series("1.3", usable=False, problems=(Finding(code="put-aside", severity="info", message="a scout"),))


@pytest.mark.parametrize(
    ("found", "asked"),
    [((BEST,), False), ((BEST, ASIDE), False), ((ASIDE,), False), ((BEST, SECOND), True), ((), False)],
)
def test_a_person_is_asked_where_several_can_be_planned_on(found, asked):
    assert needs_choice(inspection(*found)) is asked


def test_the_best_comes_first_and_what_cannot_be_planned_on_is_left_out():
    rows = series_rows(inspection(ASIDE, SECOND, BEST, chosen_because="thin slices"))
    assert [(row.name, row.is_best) for row in rows] == [("1.1", True), ("1.2", False)]
    assert rows[0].cells == ("3", "axial CT", "118", "0.625 x 0.4 x 0.4", "1.25", "B60", "best", "thin slices")
    assert rows[1].cells[-2:] == ("2", "thicker slices")
    assert all(len(row.cells) == len(COLUMNS) for row in rows)


def test_what_the_files_do_not_tell_is_said():
    bare = series(
        None, series_number=None, modality=None, orientation=None, shape_zyx=None, spacing_mm=None,
        slice_thickness_mm=None, kernel=None,
    )  # fmt: skip
    (row,) = series_rows(inspection(bare))
    assert row.cells == ("not told", "not told", "120", *["not told"] * 5)
    assert not row.is_best


def test_of_several_patients_none_is_best_and_they_are_numbered():
    rows = series_rows(inspection(series("1.1", patient_number=1), series("1.2", patient_number=2)))
    assert not any(row.is_best for row in rows)
    assert [row.cells[1] for row in rows] == ["patient 1, axial CT", "patient 2, axial CT"]
