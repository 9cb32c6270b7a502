"""What a report says in words, whom it names, where it comes from."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from planner.errors import InputError, OutputError
from planner.io.dicom import codes
from planner.io.dicom.codes import own
from planner.io.dicom.sr.approval import approval_of
from planner.io.dicom.sr.document import write_measurements
from planner.io.dicom.sr.group import ascii_text
from planner.io.quiet import quiet
from planner.model.finding import Finding
from planner.model.plan import Review
from tests.dicom3tools import needs_dciodvfy
from tests.unit.io.dicom.full_plans import FINDINGS, make_full_plan

APPROVED = Review(state="approved", by="Dr. Ann\u00e9 Lee", at="2026-11-22T10:05:30+01:00")


def answers(group):
    return {e.name.value: e.value.meaning for e in group.get_qualitative_evaluations()}


def words(group):
    """Texts of a group, by the value of their names."""
    found = {}
    for item in group[0].ContentSequence:
        if item.ValueType == "TEXT" and item.RelationshipType == "CONTAINS":
            found.setdefault(item.name.value, []).append(item.value)
    return found


def said(written):
    """Texts of the whole plan."""
    part = next(i for i in written.sr.content[0].ContentSequence if i.name.value == "C0034375")
    return [(item.name.meaning, item.value) for item in part.ContentSequence]


def test_an_implant_is_told_with_its_grade(written):
    group = written.group("screw-1")
    assert (group.finding_type, group.finding_category) == (codes.BONE_SCREW, codes.OBJECT)
    told = answers(group)
    assert (told["I01"], told["I11"], told["I23"]) == ("Probable", "Titanium", "Yes")
    unknown = answers(written.group("unknown-1"))
    assert not {"I01", "I11", "I23"} & set(unknown)


def test_sites_are_told_with_their_side(written):
    (site,) = written.group("gap-1").finding_sites
    assert (site.value, site.laterality) == (codes.LEVELS["L4"], codes.LEFT)
    assert written.group("unknown-1").finding_sites == []
    (site,) = written.group("stem-right").finding_sites
    assert (site.value, site.laterality) == (codes.FEMUR, codes.RIGHT)


def test_a_gap_refers_to_its_segment_and_keeps_its_tracking_uid(written):
    group = written.group("gap-1")
    segment = next(s for s in written.labels.SegmentSequence if s.SegmentLabel == "gap-1")
    assert group.roi is None
    reference = group.referenced_segment[0]
    assert reference.referenced_segment_numbers == [segment.SegmentNumber]
    assert reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == written.labels.SOPInstanceUID
    assert group.tracking_uid == segment.TrackingUID
    assert answers(group) == {
        "276214006": codes.ALTERED.meaning, "G01": "Lucent halo round a screw", "G31": own("made-edited").meaning
    }  # fmt: skip
    assert words(group)["T02"] == ["screw-1"]


def test_gap_1_of_other_settings_is_not_followed_as_the_same_gap(written, report_of):
    def followed(report):
        group = report.group("gap-1")
        zone = next(m for m in group.get_measurements() if m.name == own("zone-volume"))
        uids = [item.UID for item in zone[0].ContentSequence if item.ValueType == "UIDREF"]
        return group.tracking_uid, *uids

    other, approved = report_of("o.dcm", settings_sha256="0" * 64), report_of("v.dcm", review=APPROVED)
    assert len(followed(written)) == 2 and followed(written) == followed(approved)
    assert not set(followed(written)) & set(followed(other))


def test_figures_that_are_not_to_be_relied_on_are_told_as_such(written, report_of):
    said = "gap-1: not to be relied on: 99% of its wall unreadable by metal artefacts"
    doubt = Finding(code="gap-not-reliable", severity="caution", message=said, gap_id="gap-1")
    other = doubt.model_copy(update={"code": "trace", "gap_id": "gap-2"})
    report = report_of("doubt.dcm", findings=(doubt, other))
    asked = own("reliance").value
    assert answers(report.group("gap-1"))[asked] == "Not to be relied on"
    assert words(report.group("gap-1"))[own("unreliable").value] == [said]
    for sound in (report.group("gap-2"), written.group("gap-1")):
        assert asked not in answers(sound) and own("unreliable").value not in words(sound)


def test_a_gap_without_voxels_refers_to_none(written):
    volumetric = written.sr.content.get_volumetric_roi_measurement_groups()
    assert "gap-2" not in {group.tracking_identifier for group in volumetric}
    assert answers(written.group("gap-2"))["G01"] == "Lucent space in a fractured vertebra"


def test_a_breach_is_told(written):
    told = answers(written.group("breach-1"))
    assert (told["B01"], told["B11"], told["B21"], told["B31"]) == (
        "Spinal canal", "Thin", "Yes", "C, cortical defect"
    )  # fmt: skip
    assert words(written.group("breach-1")) == {"T03": ["spinal canal"], "T02": ["gap-1"]}
    empty = answers(written.group("breach-2"))
    assert empty["B11"] == "Open" and not {"B01", "B21", "B31"} & set(empty)


def test_a_needle_is_told(written):
    group = written.group("trajectory-1")
    assert group.finding_type == codes.NEEDLE
    told = answers(group)
    assert (told["N01"], told["N12"], told["N14"], told["N26"], told["V03"]) == (
        "Transpedicular", "Yes", "Yes", "Yes", "No"
    )  # fmt: skip
    heard = words(group)
    assert (heard["T04"], heard["T02"], heard["T07"]) == (["15G"], ["gap-1"], ["breach-1"])
    assert heard["T05"] == ["the tip meets an implant where it is aimed badly"]
    assert heard["T06"] == ["nearer to the canal than 2 mm"]
    assert heard["T10"] == ["screw-middle, screw-tip"] and heard["T11"] == ["38 mm left of the midline"]
    gauge = [m for m in group.get_measurements() if m.name == codes.NEEDLE_GAUGE]
    assert [m.value for m in gauge] == [15.0]


def test_a_needle_of_no_standard_gauge_is_told_in_words_alone(written):
    group = written.group("trajectory-2")
    assert codes.NEEDLE_GAUGE not in [m.name for m in group.get_measurements()]
    assert words(group)["T04"] == ["special"]
    assert answers(group)["N12"] == "No" and "T05" not in words(group)


def test_the_plan_is_told_with_its_findings_the_worst_first(written):
    assert said(written) == [
        ("State of review", "UNREVIEWED PLAN: no person has checked it"),
        ("Position for the treatment", "HFP"),
        ("SHA-256 of the settings", "c0ffee" * 10 + "0000"),
        ("Finding", "warning: the CT is supine, the treatment prone [position-differs]"),
        ("Finding", "caution: a rim of 0.4 +/- 0.2 mm x 3 at 30 degrees [trace]"),
    ]


def test_findings_stand_by_their_weight(report_of):
    turned = report_of("turned.dcm", findings=FINDINGS[::-1], treatment_position=None)
    assert [text.split(":")[0] for name, text in said(turned) if name == "Finding"] == ["warning", "caution"]
    assert "Position for the treatment" not in dict(said(turned))


def test_signs_are_spelt_out():
    assert ascii_text("\u22121.5 \u00b1 2 \u2264 3\u00b0 \u2192 M\u00fcller") == "-1.5 +/- 2 <= 3 degrees -> Muller"
    assert ascii_text("\n\x07") == "(no text)"


def test_an_unreviewed_plan_is_verified_by_nobody(written, report_of):
    for review in (written.plan.review, Review(state="edited", by="Ann", at="2026-11-22T10:05:30+01:00")):
        sr = report_of("b.dcm", review=review).sr
        assert (sr.CompletionFlag, sr.VerificationFlag, sr.PreliminaryFlag) == ("COMPLETE", "UNVERIFIED", "PRELIMINARY")
        assert "VerifyingObserverSequence" not in sr
        assert "Person Observer Name" not in [item.name.meaning for item in sr.content[0].ContentSequence]


def test_an_approved_plan_is_verified_by_who_approved_it(report_of):
    sr = report_of("c.dcm", review=APPROVED).sr
    assert (sr.CompletionFlag, sr.VerificationFlag, sr.PreliminaryFlag) == ("COMPLETE", "VERIFIED", "FINAL")
    (observer,) = sr.VerifyingObserverSequence
    assert observer.VerificationDateTime == "20261122100530+0100"
    assert str(observer.VerifyingObserverName) == "Dr. Ann\u00e9 Lee^"
    assert (sr.ContentDate, sr.ContentTime) == ("20261122", "100530")
    names = [i.value for i in sr.content[0].ContentSequence if i.name.meaning == "Person Observer Name"]
    assert [str(name) for name in names] == ["Dr. Ann\u00e9 Lee^"]


@pytest.mark.parametrize("at", [None, "2026-11-22", "yesterday at noon"])
def test_an_approval_without_its_moment_is_said_but_verifies_nothing(report_of, at):
    found = report_of("d.dcm", review=Review(state="approved", by="Ann", at=at))
    assert (found.sr.VerificationFlag, found.sr.PreliminaryFlag) == ("UNVERIFIED", "FINAL")
    assert said(found)[0][1].startswith("Approved plan")


@pytest.mark.parametrize("by", [None, " ", "\u041b\u0435\u0432 \u042f\u0448\u0438\u043d"])
def test_nor_does_one_whose_name_cannot_be_told(report_of, by):
    sr = report_of("e.dcm", review=Review(state="approved", by=by, at="2026-11-22T10:05:30")).sr
    assert (sr.VerificationFlag, sr.PreliminaryFlag) == ("UNVERIFIED", "FINAL")
    assert "VerifyingObserverSequence" not in sr


@pytest.mark.parametrize(
    ("by", "charset", "name"),
    [
        ("Ann Lee", None, "Ann Lee^"),
        ("M\u00fcller", "ISO_IR 100", "M\u00fcller^"),
        ("M\u00fcller", None, "Muller^"),
        ("M\u00fcller", "no such set", "Muller^"),
        ("\u041b\u0435\u0432", "ISO_IR 144", "\u041b\u0435\u0432^"),
        ("\u041b\u0435\u0432", "ISO_IR 100", None),
        ("Lee^Ann=x", None, "Lee Ann x^"),
        ("x" * 80, None, "x" * 62 + "^"),
    ],
)
def test_names_are_told_rightly_or_not_at_all(by, charset, name):
    with quiet():
        found = approval_of(Review(state="approved", by=by, at="2026-11-22T10:05:30"), charset)
    assert (None if found is None else found.name) == name


def test_patient_study_and_evidence_are_those_of_the_ct(written):
    sr, labels = written.sr, written.labels
    assert (str(sr.PatientName), sr.PatientID, sr.StudyInstanceUID) == (
        "R\u00f6e^Jane", labels.PatientID, labels.StudyInstanceUID
    )  # fmt: skip
    assert sr.ContentDate == "20240229" and "InstanceCreationDate" not in sr
    (study,) = sr.CurrentRequestedProcedureEvidenceSequence
    images = {
        image.ReferencedSOPInstanceUID for series in study.ReferencedSeriesSequence
        for image in series.ReferencedSOPSequence
    }  # fmt: skip
    wanted = {i.ReferencedSOPInstanceUID for i in labels.ReferencedSeriesSequence[0].ReferencedInstanceSequence}
    assert images == wanted | {labels.SOPInstanceUID}


def test_reports_of_another_plan_or_state_of_review_are_a_series_of_their_own(report_of):
    reviews = [Review(), Review(state="edited"), Review(state="approved"), APPROVED]
    written = [report_of("s.dcm", review=review).sr for review in reviews]
    written.append(report_of("s.dcm", settings_sha256="0" * 64).sr)
    assert len({sr.SeriesInstanceUID for sr in written}) == len(written)
    told = "cement plan: measurements"
    assert [sr.SeriesDescription for sr in written] == [
        f"UNREVIEWED {told}", f"EDITED, NOT APPROVED: {told}", told, told, f"UNREVIEWED {told}"
    ]  # fmt: skip


def test_the_same_plan_gives_the_same_bytes_and_another_plan_another_object(report_of):
    first = report_of("f.dcm")
    second = report_of("g.dcm", timings_s={"total": 99.0})
    assert first.path.read_bytes() == second.path.read_bytes()
    edited = report_of("h.dcm", review=Review(state="edited"))
    assert edited.sr.SOPInstanceUID != first.sr.SOPInstanceUID


def test_dcmqi_reads_the_same_figures(written, tmp_path):
    tool = Path(sys.executable).with_name("tid1500reader")
    command = [tool, "--inputDICOM", written.path, "--outputMetadata", tmp_path / "a.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    groups = {g["TrackingIdentifier"]: g for g in json.loads((tmp_path / "a.json").read_text())["Measurements"]}
    gap = written.plan.gaps[0]
    items = groups["gap-1"]["measurementItems"]
    assert float(items[0]["value"]) == pytest.approx(gap.volume_ml.estimate, rel=1e-12)
    widths = [float(i["value"]) for i in items if i["quantity"]["CodeMeaning"] == "Width"]
    assert widths == [gap.width_mm.median, gap.width_mm.p95, gap.width_mm.max]
    assert groups["gap-1"]["Laterality"]["CodeMeaning"] == "Left"
    assert {thing.id for thing in (*written.plan.implants, *written.plan.gaps, *written.plan.ways)} <= set(groups)


@needs_dciodvfy
@pytest.mark.parametrize("review", [Review(), APPROVED])
def test_dciodvfy_finds_no_error(report_of, review):
    path = report_of("i.dcm", review=review).path
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False, timeout=60)
    lines = (done.stdout + done.stderr).splitlines()
    assert "Comprehensive3DSR" in lines
    assert [line for line in lines if "Error" in line] == []
    known = ("<99CEMENT>", "Missing attribute or value that would be needed to build DICOMDIR")
    known += ("only permitted to be empty when actually unknown",)
    assert [line for line in lines if "Warning" in line and not any(reason in line for reason in known)] == []


def test_refusals_leave_nothing(written, tmp_path):
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"no DICOM")
    with pytest.raises(InputError, match="write the plan again"):
        write_measurements(make_full_plan(), tmp_path / "a.dcm", segmentation=broken, review="x")
    seg = written.path.with_name("labels.seg.dcm")
    with pytest.raises(OutputError, match="cannot be written"):
        write_measurements(make_full_plan(), tmp_path / "no" / "a.dcm", segmentation=seg, review="x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken.dcm"]


def test_a_plan_of_nothing_has_no_report(written, tmp_path):
    nothing = make_full_plan(
        implants=(), gaps=(), breaches=(), trajectories=(), picked_targets=(), needle_sets=(), procedure=None
    )
    seg = written.path.with_name("labels.seg.dcm")
    write_measurements(nothing, tmp_path / "a.dcm", segmentation=seg, review="x")
    assert not (tmp_path / "a.dcm").exists()
