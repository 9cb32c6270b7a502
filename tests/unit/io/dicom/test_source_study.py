"""What a picture takes over from its CT: the patient as the CT has it, to the byte, or a refusal."""

import io
import logging

import highdicom as hd
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from planner.errors import InputError, UsageError
from planner.io import load_scan
from planner.io.dicom.elements import read_elements
from planner.io.dicom.seg import write_seg
from planner.io.dicom.source_study import add_patient_and_study, read_source_ct, without_patient
from planner.io.dicom.write import file_meta
from planner.io.quiet import quiet
from planner.model.labels import LabelMap, Structure

_SC = "1.2.840.10008.5.1.4.1.1.7"
_NAME, _ID, _CHARSET, _STUDY_TEXT = 0x00100010, 0x00100020, 0x00080005, 0x00081030
PLACE = "Placeholder^Of^Thirty^Letters."


def written(source, path):
    """A file that took over a CT's patient and says a word of its own, as raw elements."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = _SC, "1.2.3.9"
    ds.ImageComments = "own text"
    add_patient_and_study(ds, source.patient_and_study)
    ds.file_meta = file_meta(_SC, "1.2.3.9")
    buffer = io.BytesIO()
    with quiet():
        pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    path.write_bytes(buffer.getvalue())
    return read_elements(path, (_NAME, _ID, _CHARSET, _STUDY_TEXT)).values


def in_each(paths, old, new):
    """Change bytes of files without a word to pydicom."""
    for path in paths:
        content = path.read_bytes()
        assert old in content and len(old) == len(new)
        path.write_bytes(content.replace(old, new))


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("", b"M\xfcller^J\xfcrgen^Q 7  "),  # no character set named: Latin-1 by custom
        ("ISO_IR 100", b"M\xfcller^J\xfcrgen^Q 7  "),
        ("ISO_IR 192", "Wałęsa^Łucja^Żół".encode()),
        ("ISO_IR 192", b"Broken\xff\xfe^Bytes^Abcd "),  # no UTF-8 at all
        ("\\ISO 2022 IR 87", b"Yamada=\x1b$B;3ED\x1b(B^Abcd"),
        ("ISO_IR 999", b"Strange^\xe1\xe2\xe3^Unknown "),
    ],
)
def test_names_stay_as_they_are_in_any_alphabet(tmp_path, hu, grid, write, charset, name):
    def named(_, ds):
        ds.PatientName = ds.StudyDescription = PLACE
        if charset:
            ds.SpecificCharacterSet = charset

    paths = write(tmp_path / "ct", hu, grid, each=named)
    in_each(paths, PLACE.encode(), name.ljust(len(PLACE)))
    values = written(read_source_ct(paths), tmp_path / "a.dcm")
    assert values[_NAME].strip() == values[_STUDY_TEXT].strip() == name.strip()
    assert values.get(_CHARSET, b"").decode().strip() == charset


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_whatever_the_ct_was_written_in(tmp_path, hu, grid, write, syntax):
    paths = write(tmp_path / "ct", hu, grid, syntax=syntax, StudyDate="20240229", AccessionNumber="A1")
    source = read_source_ct(paths)
    ds = source.patient_and_study
    assert (str(ds.PatientName), ds.PatientID, ds.StudyDate, ds.AccessionNumber) == (
        "Roe^Jane", "4711", "20240229", "A1"
    )  # fmt: skip
    assert (source.study_instance_uid, source.series_instance_uid) == ("1.2.3.5", "1.2.3.100")
    assert source.frame_of_reference_uid == "1.2.3.4"
    assert {uid for _, uid in source.images} == {pydicom.dcmread(path).SOPInstanceUID for path in paths}
    assert len(source.images) == 12


def test_what_is_missing_is_empty_and_not_invented(tmp_path, hu, grid, write):
    def bare(_, ds):
        for name in ("PatientName", "PatientID"):
            delattr(ds, name)

    source = read_source_ct(write(tmp_path / "ct", hu, grid, each=bare))
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"):
        assert name in source.patient_and_study and not source.patient_and_study[name].value, name
    for name in ("PatientAge", "StudyDescription", "SpecificCharacterSet", "IssuerOfPatientID"):
        assert name not in source.patient_and_study, name
    assert source.patient_and_study.LossyImageCompression == "00"


def test_a_ct_without_study_uid_gets_the_same_one_from_all_writers(tmp_path, hu, grid, write):
    def bare(_, ds):
        del ds.StudyInstanceUID, ds.FrameOfReferenceUID

    paths = write(tmp_path / "ct", hu, grid, each=bare)
    source = read_source_ct(paths)
    scan = load_scan(tmp_path / "ct")
    codes = (scan.volume.hu > 500).astype("uint8")
    labels = LabelMap(scan.volume.grid, codes, (Structure(code=1, kind="bone", id="bone"),))
    write_seg(labels, scan.slice_files, tmp_path / "seg.dcm")
    seg = pydicom.dcmread(tmp_path / "seg.dcm")
    assert (source.study_instance_uid, source.frame_of_reference_uid) == (
        seg.StudyInstanceUID, seg.FrameOfReferenceUID
    )  # fmt: skip


def test_cts_without_series_uid_are_not_told_to_be_one(tmp_path, hu, grid, write):
    """Their frames of reference would be one, and needles of one patient lie in another's CT."""

    def bare(patient):
        def each(number, ds):
            del ds.SeriesInstanceUID, ds.FrameOfReferenceUID
            ds.StudyInstanceUID, ds.SOPInstanceUID = f"1.2.3.{patient // 2}", f"1.2.7.{patient}.{number}"

        return each

    told = []
    for patient in (2, 3, 4):  # two CTs of one study, and another patient's
        paths = write(tmp_path / str(patient), hu, grid, each=bare(patient))
        source = read_source_ct(paths)
        assert read_source_ct(paths[::-1]).frame_of_reference_uid == source.frame_of_reference_uid
        scan = load_scan(tmp_path / str(patient))
        codes = (scan.volume.hu > 500).astype("uint8")
        labels = LabelMap(scan.volume.grid, codes, (Structure(code=1, kind="bone", id="bone"),))
        write_seg(labels, scan.slice_files, tmp_path / "seg.dcm")
        seg = pydicom.dcmread(tmp_path / "seg.dcm")
        assert seg.FrameOfReferenceUID == source.frame_of_reference_uid
        assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == source.series_instance_uid
        told.append((seg.FrameOfReferenceUID, source.series_instance_uid, seg.SegmentSequence[0].TrackingUID))
    assert all(len(set(uids)) == 3 for uids in zip(*told, strict=True))


def test_one_reference_to_a_file_of_many_frames(tmp_path, hu, grid, write):
    sets = [pydicom.dcmread(path) for path in write(tmp_path / "ct", hu, grid)]
    for ds in sets:
        ds.StudyDate = ds.StudyTime = ds.AccessionNumber = ds.StudyID = ds.PatientBirthDate = ds.PatientSex = ""
        ds.ReferringPhysicianName = ds.PositionReferenceIndicator = ""
    logging.disable()
    enhanced = hd.legacy.LegacyConvertedEnhancedCTImage(
        sets,
        series_instance_uid="1.2.3.9",
        series_number=2,
        sop_instance_uid="1.2.3.10",
        instance_number=1,
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )
    logging.disable(logging.NOTSET)
    enhanced.save_as(tmp_path / "enhanced.dcm")
    source = read_source_ct([tmp_path / "enhanced.dcm"] * 12)
    assert source.images == (("1.2.840.10008.5.1.4.1.1.2.2", "1.2.3.10"),)


@pytest.mark.parametrize("name", ["PatientName", "PatientID", "IssuerOfPatientID", "SpecificCharacterSet"])
def test_a_damaged_identity_is_refused(tmp_path, hu, grid, write, name):
    paths = write(tmp_path / "ct", hu, grid, **{name: "ISO_IR 100"})
    in_each(paths[:1], b"ISO_IR 100", b"ISO\x00\x08\x00\x05 00")
    if name == "SpecificCharacterSet":
        assert str(read_source_ct(paths[1:]).patient_and_study.PatientName) == "Roe^Jane"
    with pytest.raises(InputError, match="damaged where it says whose it is"):
        read_source_ct(paths[:1])


def test_other_damaged_texts_are_left_out(tmp_path, hu, grid, write):
    paths = write(tmp_path / "ct", hu, grid, StudyDescription="Spine and more", StudyID="S1234567", PatientAge="070Y")
    in_each(paths, b"Spine and more", b"Spine\x00\x10\x00\x10PN\x06\x00!")
    in_each(paths, b"S1234567", b"S12\x0145\x007")
    ds = read_source_ct(paths).patient_and_study
    assert "StudyDescription" not in ds and ds["StudyID"].value == "" and ds.PatientAge == "070Y"


@pytest.mark.parametrize(("length", "kept"), [(1024, True), (1026, False)])
def test_a_text_longer_than_any_is_damaged(tmp_path, hu, grid, write, length, kept):
    def long(_, ds):
        ds.StudyDescription = "x" * length

    assert ("StudyDescription" in read_source_ct(write(tmp_path, hu, grid, each=long)).patient_and_study) is kept


def test_loss_is_told_on(tmp_path, hu, grid, write):
    def lossy_once(k, ds):
        if k == 4:
            ds.LossyImageCompression = "01"
        ds.LossyImageCompressionRatio, ds.LossyImageCompressionMethod = "8.5", "ISO_15444_1"

    ds = read_source_ct(write(tmp_path / "ct", hu, grid, each=lossy_once)).patient_and_study
    assert ds.LossyImageCompression == "01"
    assert (ds.LossyImageCompressionRatio, ds.LossyImageCompressionMethod) == (8.5, "ISO_15444_1")


def test_a_pseudonymised_ct_stays_one(tmp_path, hu, grid, write):
    ds = read_source_ct(write(tmp_path / "a", hu, grid, PatientIdentityRemoved="YES")).patient_and_study
    assert ds.PatientIdentityRemoved == "YES" and ds.DeidentificationMethod  # the one asks for the other
    ds = read_source_ct(
        write(tmp_path / "b", hu, grid, PatientIdentityRemoved="YES", DeidentificationMethod="Local rules")
    ).patient_and_study
    assert ds.DeidentificationMethod == "Local rules"
    ds = read_source_ct(write(tmp_path / "c", hu, grid)).patient_and_study
    assert "PatientIdentityRemoved" not in ds and "DeidentificationMethod" not in ds


def test_refusals(tmp_path, hu, grid, write):
    with pytest.raises(UsageError, match="no DICOM headers"):
        read_source_ct(())

    def other(k, ds):
        ds.PatientID = "4711" if k else "4712"

    with pytest.raises(InputError, match="several patients"):
        read_source_ct(write(tmp_path / "two", hu, grid, each=other))

    def nameless(_, ds):
        del ds.StudyInstanceUID, ds.SeriesInstanceUID

    with pytest.raises(InputError, match="neither its study nor its series"):
        read_source_ct(write(tmp_path / "nameless", hu, grid, each=nameless))
    paths = write(tmp_path / "cut", hu, grid)
    paths[3].write_bytes(paths[3].read_bytes()[:300])
    with pytest.raises(InputError, match="cannot be read any more"):
        read_source_ct(paths)
    paths[4].unlink()
    with pytest.raises(InputError, match="cannot be read any more"):
        read_source_ct(paths[4:])
    text = tmp_path / "notes.txt"
    text.write_text("no DICOM")
    with pytest.raises(InputError, match="hold no DICOM images"):
        read_source_ct([text])


def test_nobody_hears_the_name(tmp_path, hu, grid, write, caplog, capsys, recwarn):
    def odd(_, ds):
        ds.PatientBirthDate, ds.StudyTime, ds.PatientAge = "not a date", "noon", "some years"

    paths = write(tmp_path / "ct", hu, grid, each=odd)
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    written(read_source_ct(paths), tmp_path / "a.dcm")
    in_each(paths, b"Roe^Jane", b"Roe\x00Jane")
    with pytest.raises(InputError) as refused:
        read_source_ct(paths)
    said = capsys.readouterr()
    everything = f"{refused.value} {refused.value.__cause__} {caplog.text} {said.out} {said.err}"
    everything += " ".join(str(warning.message) for warning in recwarn)
    assert not any(word in everything for word in ("Roe", "Jane", "4711", "not a date", "noon", "some years"))


def test_what_tells_of_the_images_alone_goes_on(tmp_path, hu, grid, write):
    (file, *_) = write(tmp_path, hu, grid, PatientID="4711", AccessionNumber="12", ContentDate="20240229")
    dataset = pydicom.dcmread(file)
    dataset.PatientAddress = dataset.InstitutionName = dataset.DeviceSerialNumber = "Zz9"
    dataset.OperatorsName = dataset.PatientComments = dataset.OtherPatientNames = "Zz9"
    item = Dataset()
    item.PatientID = "Zz9"
    dataset.OtherPatientIDsSequence = [item]
    dataset.private_block(0x0029, "ZZ9", create=True).add_new(0x10, "LO", "Zz9")
    bare = without_patient(dataset)
    assert "Zz9" not in str(bare)
    assert (bare.PatientID, bare.AccessionNumber, bare.ContentDate) == ("", "", "20240229")
    assert bare.Rows and bare.ImagePositionPatient and bare.PixelData
    assert dataset.PatientID == "4711", "the data set itself stays as it is"
