"""CTs of two patients are never chosen among, and those of two examinations only with a word."""

import pytest

from planner.errors import SeriesError
from planner.io import describe_inspection, inspect_input, load_scan
from planner.io.dicom.people import patients_of, require_one_patient, studies_finding, study_dates
from planner.io.dicom.series import find_stacks
from planner.io.dicom.slices import read_slices

OTHER = {"PatientID": "0815", "PatientName": "Doe^John", "StudyInstanceUID": "1.2.3.99"}


def stacks_of(slice_at, *tags):
    told = [{"series_instance_uid": f"1.{n}", **more} for n, more in enumerate(tags)]
    return find_stacks(slice_at(float(k), **one) for one in told for k in range(12))


def test_the_patient_is_a_mark_that_tells_nothing(tmp_path, hu, grid, write):
    marks = []
    spelt = [{}, {"PatientName": "ROE^JANE^^"}, {"PatientID": "4712"}, {"PatientName": "Roe^John"}]
    for n, tags in enumerate([*spelt, {"PatientID": "", "PatientName": ""}]):
        (header,) = read_slices(write(tmp_path / str(n), hu[:1], grid, StudyDate="20200131", **tags)[0])
        assert "Roe" not in repr(header) and "4711" not in repr(header) and "2020" not in repr(header)
        assert "roe" not in header.patient.lower() and header.study_date == "20200131"
        marks.append(header.patient)
    assert marks[0] == marks[1] and len(set(marks)) == 4 and marks[4] == ""


def test_patients_are_counted_without_those_unnamed(slice_at):
    stacks = stacks_of(slice_at, {"patient": "a"}, {"patient": ""}, {"patient": "b"})
    assert patients_of(stacks) == {"a": 1, "b": 2}
    require_one_patient(stacks[:2], name="study")
    with pytest.raises(SeriesError, match=r"study holds CTs of 2 patients; name one with --series"):
        require_one_patient(stacks, name="study")


def test_a_studys_date_is_that_of_any_of_its_slices(slice_at):
    tags = [{"study_instance_uid": uid, "study_date": date} for uid, date in (("1", ""), ("1", "20200131"), ("2", ""))]
    stacks = stacks_of(slice_at, *tags)
    assert study_dates(stacks) == {"1": 20200131, "2": 0}
    (finding,) = studies_finding(stacks)
    assert finding.severity == "caution" and "2020" not in finding.message and "not all of them" in finding.message
    assert studies_finding(stacks[:2]) == ()


@pytest.mark.parametrize("uids", [("1.2.3.1", "1.2.3.2"), ("1.2.3.1", "1.2.3.1"), ("", "")])
def test_two_patients_in_one_folder_are_refused_and_one_can_be_named(tmp_path, hu, grid_of, write, uids):
    write(tmp_path / "a", hu, grid_of(), series=uids[0])
    between = grid_of(origin=(-31.5, 12.25, -403.125))  # slices between those of the first
    write(tmp_path / "b", hu[:11] + 5, between, series=uids[1], **OTHER)
    with pytest.raises(SeriesError, match="holds CTs of 2 patients") as caught:
        load_scan(tmp_path)
    assert "\n" not in str(caught.value)
    inspection = inspect_input(tmp_path)
    assert inspection.chosen_series is None and [s.patient_number for s in inspection.series] == [1, 2]
    assert [f.code for f in inspection.findings] == ["several-patients"]
    text = describe_inspection(inspection)
    assert "patient 2" in text and not any(word in text for word in ("Roe", "Doe", "4711", "0815"))
    loaded = load_scan(tmp_path, series_instance_uid=inspection.series[1].name)
    assert (loaded.volume.hu == hu[:11] + 5).all()


def test_of_two_examinations_the_newest_is_taken_with_a_caution(tmp_path, hu, grid, write):
    write(tmp_path / "a", hu, grid, series="1.2.3.1", StudyDate="20190101", SliceThickness="1")
    write(tmp_path / "b", hu, grid, series="1.2.3.2", StudyDate="20200101", StudyInstanceUID="1.2.3.9")
    scan = load_scan(tmp_path)
    assert scan.series.series_instance_uid == "1.2.3.2"
    assert [f.code for f in scan.findings] == ["series-chosen", "several-studies"]
    assert not any("2019" in f.message or "2020" in f.message for f in scan.findings)
