"""What is not sent, and what a server may answer to what is."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest

from planner.config.pacs_config import PacsConfig
from planner.errors import InputError, OutputError, UsageError
from planner.io.plan_json import save_plan
from planner.model.plan import Plan, Review, Series, Software
from planner.pacs.connection import Connection
from planner.pacs.push import Outcome, push
from planner.pacs.server import server_at
from planner.progress import SILENT
from tests.pacs.fickle import Fickle, Handler, listed, serving, small_ct

QUICK = PacsConfig(first_wait_s=0.01, attempts=3, connect_s=5, read_s=5)
_SEG, _PICTURE = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.7"
DRAFT = "UNREVIEWED PLAN: no person has checked it"


@pytest.fixture
def fickle(tmp_path: Path) -> Iterator[Fickle]:
    with serving(small_ct(tmp_path / "source")) as fickle:
        fickle.files = {}
        yield fickle


@pytest.fixture
def folder(tmp_path: Path, fickle: Fickle) -> Path:
    """The folder of a draft, with a segmentation and a picture."""
    out = tmp_path / "out"
    (out / "fluoro").mkdir(parents=True)
    _save_plan(out, Review())
    _write(out / "labels.seg.dcm", fickle, _SEG, ContentDescription=DRAFT)
    _write(out / "fluoro" / "a.dcm", fickle, _PICTURE, ImageComments=f"{DRAFT}. Simulated from CT.")
    return out


def _save_plan(out: Path, review: Review, frame: str | None = "1.2.3.4") -> None:
    series = Series(
        series_instance_uid="1.2.3",
        frame_of_reference_uid=frame,
        shape_zyx=(4, 8, 9),
        spacing_mm=(1.0, 1.0, 1.0),
        patient_position="HFS",
        hu_min=-1000.0,
        hu_max=100.0,
        hu_clipped_at=None,
    )
    software = Software(name="cement-planner", version="0")
    plan = Plan(software=software, series=series, review=review, treatment_position="HFP", settings_sha256="0" * 64)
    save_plan(plan, out / "plan.json")


def _write(path: Path, fickle: Fickle, sop_class: str, **tags: str) -> None:
    dataset = pydicom.Dataset()
    told = {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": f"1.2.9.{len(path.name)}",
        "SeriesInstanceUID": fickle.series,
        "StudyInstanceUID": fickle.study,
        "FrameOfReferenceUID": "1.2.3.4",
        "PatientID": "4711",
        "PatientName": "Doe^Jane",
        "Modality": "OT",
    }
    for name, value in {**told, **tags}.items():
        setattr(dataset, name, value)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)


def _push(fickle: Fickle, folder: Path, *, drafts: bool = True) -> Outcome:
    with Connection(server_at(fickle.url, environment={}), QUICK) as connection:
        return push(connection, folder, drafts=drafts, monitor=SILENT)


def _posts(fickle: Fickle) -> int:
    return sum(path.endswith(fickle.study) for path in fickle.asked)


def test_a_draft_goes_with_a_word_only_and_an_approved_plan_without(fickle: Fickle, folder: Path) -> None:
    with pytest.raises(UsageError, match="nobody has approved"):
        _push(fickle, folder, drafts=False)
    assert fickle.asked == []
    done = _push(fickle, folder)
    assert [(one.name, one.sent) for one in done.objects] == [("labels.seg.dcm", True), ("fluoro/a.dcm", True)]
    fickle.files.clear()
    _save_plan(folder, Review(state="approved", by="x"))
    for path in folder.rglob("*.dcm"):
        path.unlink()
    _write(folder / "labels.seg.dcm", fickle, _SEG, ContentDescription="Approved plan; its plan.json says by whom")
    assert _push(fickle, folder, drafts=False).objects[0].sent


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"PatientID": "4712"}, "different patients"),
        ({"PatientName": "Doe^John"}, "different patients"),
        ({"StudyInstanceUID": "1.2.7"}, "different patients or studies"),
        ({"FrameOfReferenceUID": "1.2.7"}, "another CT"),
        ({"ImageComments": "Approved plan"}, "does not say that the plan is a draft"),
        ({"ImageComments": "EDITED PLAN, NOT APPROVED."}, "says 'edited plan"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "no segmentation, report or picture"),
        ({"SeriesInstanceUID": ""}, "no segmentation, report or picture"),
    ],
)
def test_an_object_that_is_not_of_this_plan_stops_all(
    fickle: Fickle, folder: Path, tags: dict[str, str], said: str
) -> None:
    _write(folder / "fluoro" / "a.dcm", fickle, _PICTURE, **{"ImageComments": DRAFT, **tags})
    with pytest.raises(InputError, match=said) as raised:
        _push(fickle, folder)
    assert "Doe" not in str(raised.value) and "471" not in str(raised.value)
    assert fickle.asked == []


def test_an_approval_that_the_objects_do_not_know_stops_all(fickle: Fickle, folder: Path) -> None:
    _save_plan(folder, Review(state="approved", by="x"))
    with pytest.raises(InputError, match="save the plan again"):
        _push(fickle, folder)
    assert fickle.asked == []


def _write_report(folder: Path, fickle: Fickle, labels: str, flag: str) -> None:
    _write(folder / "measurements.sr.dcm", fickle, "1.2.840.10008.5.1.4.1.1.88.34", VerificationFlag=flag)
    report = pydicom.dcmread(folder / "measurements.sr.dcm")
    study, series, item = (pydicom.Dataset() for _ in range(3))
    item.ReferencedSOPInstanceUID = labels
    series.ReferencedSOPSequence, study.ReferencedSeriesSequence = [item], [series]
    report.CurrentRequestedProcedureEvidenceSequence = [study]
    report.save_as(folder / "measurements.sr.dcm")


def test_a_report_goes_after_the_labels_that_it_was_made_on(fickle: Fickle, folder: Path) -> None:
    labels = str(pydicom.dcmread(folder / "labels.seg.dcm").SOPInstanceUID)
    for wrong, flag, said in (("1.2.7", "UNVERIFIED", "other labels"), (labels, "VERIFIED", "is verified")):
        _write_report(folder, fickle, wrong, flag)
        with pytest.raises(InputError, match=said):
            _push(fickle, folder)
    assert fickle.asked == []
    _write_report(folder, fickle, labels, "UNVERIFIED")
    assert [one.name for one in _push(fickle, folder).objects][:2] == ["labels.seg.dcm", "measurements.sr.dcm"]


def test_where_the_ct_named_no_frame_its_series_tells(fickle: Fickle, folder: Path) -> None:
    _save_plan(folder, Review(), frame=None)
    _push(fickle, folder)
    dataset = pydicom.dcmread(folder / "labels.seg.dcm")
    item = pydicom.Dataset()
    item.SeriesInstanceUID = "1.2.7"
    dataset.ReferencedSeriesSequence = [item]
    dataset.save_as(folder / "labels.seg.dcm")
    with pytest.raises(InputError, match="another CT"):
        _push(fickle, folder)


@pytest.mark.parametrize("name", ["labels.seg.dcm", "plan.json"])
def test_a_file_that_cannot_be_read_stops_all(fickle: Fickle, folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"Zz9")
    with pytest.raises(InputError, match=name):
        _push(fickle, folder)
    assert fickle.asked == []


def _spoil_number(path: Path) -> None:
    """Let the patient's number be written in another character set than the file names."""
    named = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 192\x08\x00\x16\x00"
    content = path.read_bytes().replace(b"\x08\x00\x16\x00", named, 1)
    path.write_bytes(content.replace(b"4711", b"47\xd6\xf6"))


def test_the_server_gets_the_file_s_own_bytes(fickle: Fickle, folder: Path) -> None:
    path = folder / "labels.seg.dcm"
    _spoil_number(path)
    (folder / "fluoro" / "a.dcm").unlink()
    uid = _push(fickle, folder).objects[0].sop_instance_uid
    assert fickle.files[uid] == path.read_bytes() and b"47\xd6\xf6" in fickle.files[uid]


def test_a_number_that_cannot_be_read_is_no_one_s(fickle: Fickle, folder: Path) -> None:
    _spoil_number(folder / "labels.seg.dcm")
    (folder / "fluoro" / "a.dcm").unlink()
    row = {"StudyInstanceUID": fickle.study, "PatientID": "47\ufffd\ufffd"}
    fickle.whim = lambda handler: (
        handler.path.split("?")[0].endswith("/studies") and (handler.reply(listed([row])), True)[1]
    )
    with pytest.raises(OutputError, match="cannot be told"):
        _push(fickle, folder)
    assert _posts(fickle) == 0


def test_a_file_that_changes_meanwhile_is_not_sent(fickle: Fickle, folder: Path) -> None:
    def meddle(handler: Handler) -> bool:
        if handler.path.split("?")[0].endswith("/studies"):
            path = folder / "labels.seg.dcm"
            path.write_bytes(path.read_bytes().replace(b"4711", b"4712"))
        return False

    fickle.whim = meddle
    with pytest.raises(InputError, match="was changed"):
        _push(fickle, folder)
    assert _posts(fickle) == 0


@pytest.mark.parametrize(
    "scrambled",
    [
        (b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00FD"),  # four bytes are no number of eight
        (b"\x10\x00\x10\x00PN", b"\x10\x00\x10\x00SS\x03"),
        (b"\x20\x00\x52\x00UI", b"\x20\x00\x52\x00AT"),
    ],
)
def test_a_scrambled_element_stops_all(fickle: Fickle, folder: Path, scrambled: tuple[bytes, bytes]) -> None:
    path = folder / "labels.seg.dcm"
    path.write_bytes(path.read_bytes().replace(*scrambled))
    with pytest.raises(InputError, match=r"labels\.seg\.dcm"):
        _push(fickle, folder)
    assert fickle.asked == []


def test_a_folder_without_objects_or_plan_is_refused(fickle: Fickle, folder: Path, tmp_path: Path) -> None:
    for path in folder.rglob("*.dcm"):
        path.unlink()
    with pytest.raises(UsageError, match="no DICOM objects"):
        _push(fickle, folder)
    with pytest.raises(InputError, match=r"holds no plan\.json and is no folder of a plan; give"):
        _push(fickle, tmp_path)
    with pytest.raises(InputError, match="no folder of a plan"):
        _push(fickle, tmp_path / "nothing")


def _failed(reason: int) -> bytes:
    item, answer = pydicom.Dataset(), pydicom.Dataset()
    item.FailureReason = reason
    answer.FailedSOPSequence = [item]
    return json.dumps(answer.to_json_dict()).encode()


def _to_uploads(answer: Callable[[Handler], object]) -> Callable[[Handler], bool]:
    return lambda handler: handler.command == "POST" and (answer(handler), True)[1]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda handler: handler.reply(_failed(0xA700)), "failure reason 0xa700"),
        (lambda handler: handler.reply(_failed(0)), "failure reason 0x0000"),
        (lambda handler: handler.reply(_failed(0x0111)), "does not show it"),
        (lambda handler: handler.reply(b"{}"), "does not show it"),
        (lambda handler: handler.reply(b"Zz9", status=409), "refuses the request"),
        (lambda handler: handler.reply(b"", status=302, Location="/elsewhere"), "another address"),
        (lambda handler: handler.reply(b"[Zz9"), "no DICOMweb"),
    ],
)
def test_what_the_server_does_not_hold_afterwards_is_not_called_stored(
    fickle: Fickle, folder: Path, answer: Callable[[Handler], None], said: str
) -> None:
    fickle.whim = _to_uploads(answer)
    with pytest.raises(OutputError, match=said) as raised:
        _push(fickle, folder)
    assert raised.value.exit_code == 6 and "Zz9" not in str(raised.value)
    assert _posts(fickle) == 1


def test_a_busy_server_is_asked_again_and_holds_one_copy(fickle: Fickle, folder: Path) -> None:
    numbers = itertools.count()
    fickle.whim = lambda handler: (
        handler.command == "POST" and next(numbers) == 0 and (handler.reply(b"", status=503), True)[1]
    )
    assert all(one.sent for one in _push(fickle, folder).objects)
    assert len(fickle.files) == 2 and _posts(fickle) == 3
    assert not any(one.sent for one in _push(fickle, folder).objects)
    assert _posts(fickle) == 3


def test_another_patient_s_study_takes_nothing(fickle: Fickle, folder: Path) -> None:
    def whose(number: str) -> Callable[[Handler], bool]:
        row = {"StudyInstanceUID": fickle.study, "PatientID": number}
        return lambda handler: (
            handler.path.split("?")[0].endswith("/studies")
            and (
                handler.reply(listed([row])),
                True,
            )[1]
        )

    fickle.whim = whose("4712")
    with pytest.raises(OutputError, match="another patient's number"):
        _push(fickle, folder)
    assert _posts(fickle) == 0
    fickle.whim = whose("4711 ")
    assert _push(fickle, folder).study_was_known
    fickle.whim = lambda handler: False
    assert not _push(fickle, folder).study_was_known


def test_other_series_of_this_program_are_told_and_nobody_else_s(fickle: Fickle, folder: Path) -> None:
    drafts = "UNREVIEWED cement plan: labels"
    told = {"1.2.8": drafts, "1.2.9": "Doe^Jane cement plan: labels", "1.2.10": "cement plan: measurements",
            "1.2.11": drafts, fickle.series: "UNREVIEWED cement plan: simulated fluoroscopy"}  # fmt: skip
    rows = [{"SeriesInstanceUID": uid, "Modality": "OT", "SeriesDescription": text} for uid, text in told.items()]
    fickle.whim = lambda handler: (
        (handler.command == "GET" and handler.path.split("?")[0].endswith("/series"))
        and (handler.reply(listed(rows if "offset=0" in handler.path or "offset" not in handler.path else [])), True)[1]
    )
    assert _push(fickle, folder).others == (drafts, drafts, "cement plan: measurements")
    fickle.whim = lambda handler: False
    assert _push(fickle, folder).others == ()
