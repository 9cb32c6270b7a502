"""Pseudonyms: the same for one key, others for another, and none of what they stand for."""

import io
import re
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID

from planner.errors import InputError, UsageError
from planner.io.dicom.pseudonyms import LEAST_KEY_BYTES, Pseudonyms, write_pseudonymised
from planner.model.privacy import KEPT, NEVER, PATIENT_AND_STUDY

OURS, OTHERS = Pseudonyms(b"a" * LEAST_KEY_BYTES), Pseudonyms(b"b" * LEAST_KEY_BYTES)


def _patient(**tags: str) -> Dataset:
    dataset = Dataset()
    for name, value in tags.items():
        setattr(dataset, name, value)
    return dataset


def test_a_uid_is_the_same_each_time_and_another_under_another_key():
    mapped = OURS.uid("1.2.3.4")
    assert mapped == OURS.uid("1.2.3.4") != OTHERS.uid("1.2.3.4")
    assert OURS.uid("1.2.3.5") != mapped
    assert UID(mapped).is_valid and mapped.startswith("2.25.") and len(mapped) <= 64
    number = int(mapped.removeprefix("2.25."))
    assert (number >> 76) & 0xF == 8 and (number >> 62) & 0x3 == 2  # UUID: version 8, variant of RFC 9562


def test_known_values_stand_for_ever():
    # A change here would part a patient's new pseudonym from the old one.
    assert OURS.uid("1.2.3.4") == "2.25.293337423898413163562884456456218517445"
    assert OURS.patient(_patient(PatientID="4711")) == "P-1A0585B5D813"


@pytest.mark.parametrize("uid", ["", "1.2.840.10008.5.1.4.1.1.2"])
def test_what_tells_nobody_stays(uid):
    assert OURS.uid(uid) == uid


def test_a_patient_is_told_by_his_number_alone_where_he_has_one():
    first = OURS.patient(_patient(PatientID="4711", PatientName="Doe^Jane", StudyInstanceUID="1.2"))
    assert first == OURS.patient(_patient(PatientID=" 4711 ", PatientName="Doe^J", StudyInstanceUID="1.3"))
    assert first != OURS.patient(_patient(PatientID="4712", PatientName="Doe^Jane"))
    assert first != OTHERS.patient(_patient(PatientID="4711"))
    assert re.fullmatch("P-[0-9A-F]{12}", first)


def test_without_a_number_name_and_birth_date_tell_and_else_the_study():
    named = [_patient(PatientName="Doe^Jane", PatientBirthDate=day) for day in ("19330317", "19330318", "19330317")]
    assert OURS.patient(named[0]) == OURS.patient(named[2]) != OURS.patient(named[1])
    assert OURS.patient(_patient(StudyInstanceUID="1.2")) != OURS.patient(_patient(StudyInstanceUID="1.3"))
    # A name is not taken for a number.
    assert OURS.patient(_patient(PatientName="4711")) != OURS.patient(_patient(PatientID="4711"))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("--series 1.2.840.113619.2.55.3.4 (inspect)", "1.2.840.113619.2.55.3.4"),
        ("it is 1.2.840.113619.2.55.3.4.", "1.2.840.113619.2.55.3.4"),
        ("it is 2.25.329690283027872125469775819552329798156. Look.", "2.25.329690283027872125469775819552329798156"),
        ("series 2.25.329690283027872125469775819552329798156#2;", "2.25.329690283027872125469775819552329798156"),
    ],
)
def test_uids_in_a_sentence_become_others(text, hidden):
    said = OURS.text(text)
    assert hidden not in said and said == text.replace(hidden, OURS.uid(hidden))


def test_a_known_uid_is_replaced_however_short_and_no_part_of_another_one():
    said = OURS.text("series 1.2.3, 1.2.3.4; version 1.2.4. It is 1.2.3. 1.2.3x 11.2.3", ["1.2.3", "1.2.3.4", ""])
    one, other = OURS.uid("1.2.3"), OURS.uid("1.2.3.4")
    assert said == f"series {one}, {other}; version 1.2.4. It is {one}. 1.2.3x 11.2.3"


def test_the_same_number_of_two_hospitals_is_two_patients():
    pair = [OURS.patient(_patient(PatientID="4711", IssuerOfPatientID=issuer)) for issuer in ("A", "B")]
    assert len({*pair, OURS.patient(_patient(PatientID="4711"))}) == 3
    assert pair[0] == OURS.patient(_patient(PatientID="4711", IssuerOfPatientID=" A", PatientName="Doe^J"))


def test_figures_in_a_sentence_stay():
    said = "at 12.5, -30.25 mm, 2.25 mm wide, version 1.2.3, 90.0 %"
    assert OURS.text(said) == said


def test_a_short_key_is_refused_and_no_key_is_shown():
    with pytest.raises(UsageError, match="needs 32"):
        Pseudonyms(b"Zz9" * 10)
    assert "aaa" not in repr(OURS)


def test_a_copy_keeps_the_image_and_nothing_else(tmp_path, hu, grid, write):
    tags = {"PatientID": "4711", "PatientName": "Zz9^Ann", "InstitutionName": "Zz9", "PatientAge": "091Y"}
    files = write(tmp_path / "ct", hu, grid, StudyDate="20240229", SeriesDescription="Zz9", **tags)
    folder = tmp_path / "copies"
    folder.mkdir()
    copies = write_pseudonymised((*files, files[0]), folder, OURS)
    assert len(copies) == len(files) + 1 and copies[0] == copies[-1]
    for file, copy in zip(files, copies[:-1], strict=True):
        one, other = pydicom.dcmread(file), pydicom.dcmread(copy)
        assert (other.pixel_array == one.pixel_array).all()
        assert other.ImagePositionPatient == one.ImagePositionPatient
        assert other.SeriesInstanceUID == OURS.uid(one.SeriesInstanceUID)
        assert other.SOPInstanceUID == other.file_meta.MediaStorageSOPInstanceUID == OURS.uid(one.SOPInstanceUID)
        assert (other.StudyDate, other.PatientBirthDate, other.PatientSex) == ("", "", "")
        assert {element.keyword for element in other} <= KEPT | PATIENT_AND_STUDY | {"PositionReferenceIndicator"}
        assert (
            b"Zz9" not in copy.read_bytes()
            and b"4711" not in copy.read_bytes()
            and b"20240229" not in copy.read_bytes()
        )


def test_frames_of_a_multi_frame_file_keep_their_place_and_no_more(tmp_path, hu, grid, write):
    (file, *_) = write(tmp_path / "ct", hu, grid)
    dataset = pydicom.dcmread(file)
    frame, place = Dataset(), Dataset()
    place.ImagePositionPatient = [1, 2, 3]
    frame.PlanePositionSequence = [place]
    frame.OperatorsName, place.PatientComments = "Zz9", "Zz9"
    frame.FrameContentSequence = [_patient(StackID="1", FrameComments="Zz9")]
    dataset.PerFrameFunctionalGroupsSequence = [frame]
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    file.write_bytes(buffer.getvalue())
    (tmp_path / "copies").mkdir()
    (copy,) = write_pseudonymised([file], tmp_path / "copies", OURS)
    kept = pydicom.dcmread(copy).PerFrameFunctionalGroupsSequence[0]
    assert kept.PlanePositionSequence[0].ImagePositionPatient == [1, 2, 3]
    assert kept.FrameContentSequence[0].StackID == "1"
    assert b"Zz9" not in copy.read_bytes()


def test_a_file_that_is_gone_is_said_in_one_line(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be pseudonymised"):
        write_pseudonymised([tmp_path / "gone"], tmp_path, OURS)


def test_the_policy_keeps_no_one_s_name():
    assert not KEPT & NEVER
