"""What a segmentation says of itself: where it comes from, who drew what, and the same bytes each time."""

import subprocess

import highdicom as hd
import numpy as np
import pydicom
import pytest

from planner.io import load_scan
from planner.io.dicom import codes
from planner.io.dicom.repeatable import NO_DATE
from planner.io.dicom.seg import read_seg, write_seg_on_slices
from planner.io.dicom.sr.document import write_measurements
from planner.io.quiet import quiet
from planner.model.plan import Review
from planner.model.structure_colours import STRUCTURE_COLOURS
from tests.dicom3tools import needs_dciodvfy


def codes_of(shape, **changes):
    labels = np.zeros(shape, dtype=np.uint8)
    labels[2, 4:7, 5] = 1
    labels[1:4, 2:9, 3:5] = 5
    labels[1:3, 1, 3:5] = 7
    labels[5:9, 1:4, 10:14] = 8
    labels[9:, 12:, 15:] = 9
    return labels


@pytest.fixture
def put(tmp_path, hu, grid, write, full_plan):
    """Write a plan's labels and read them back."""
    files = write(tmp_path / "ct", hu, grid, StudyDate="20240229", SeriesDate="20240301", SeriesTime="101112.5")
    scan = load_scan(tmp_path / "ct")

    def write_them(name="a.dcm", plan=full_plan, labels=None, **changes):
        labels = codes_of(scan.own_slices.shape) if labels is None else labels
        write_seg_on_slices(labels, plan.labels, scan.own_slices, files, tmp_path / name, plan=plan, **changes)
        return pydicom.dcmread(tmp_path / name)

    write_them.scan = scan
    return write_them


def segment(dataset, name):
    return next(s for s in dataset.SegmentSequence if s.SegmentLabel == name)


def test_segments_are_told_in_coded_words_with_side_and_level(put):
    screw = segment(put(), "screw-1")
    assert screw.SegmentedPropertyTypeCodeSequence[0].CodeValue == codes.BONE_SCREW.value
    modifier = screw.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence[0]
    assert modifier.CodeMeaning == "Pedicle screw"
    region = screw.AnatomicRegionSequence[0]
    assert region.CodeMeaning == "L4 vertebra"
    assert region.AnatomicRegionModifierSequence[0].CodeMeaning == "Left"
    canal = segment(put(), "canal")
    assert "AnatomicRegionSequence" not in canal


def test_a_gap_that_a_person_drew_is_not_the_programs_alone(put, full_plan):
    assert segment(put(), "gap-1").SegmentAlgorithmType == "SEMIAUTOMATIC"
    own = full_plan.gaps[0].model_copy(update={"made": "automatic"})
    assert segment(put(plan=full_plan.model_copy(update={"gaps": (own, full_plan.gaps[1])})), "gap-1").get(
        "SegmentAlgorithmType"
    ) == "AUTOMATIC"  # fmt: skip
    assert segment(put(), "screw-1").SegmentAlgorithmType == "AUTOMATIC"


def test_colours_are_the_legends(put):
    dataset = put()
    for name, kind in (("screw-1", "implant"), ("gap-1", "gap"), ("breach-1", "breach"), ("vertebra-1", "bone")):
        shown = hd.color.CIELabColor.from_dicom_value(segment(dataset, name).RecommendedDisplayCIELabValue)
        wanted = tuple(int(STRUCTURE_COLOURS[kind][at : at + 2], 16) for at in (1, 3, 5))
        assert np.abs(np.subtract(shown.to_rgb(), wanted)).max() <= 1


def test_it_names_its_series_its_frame_of_reference_and_each_frames_image(put):
    dataset = put()
    heads = {str(ds.SOPInstanceUID): ds for ds in (pydicom.dcmread(f) for f in put.scan.slice_files)}
    first = next(iter(heads.values()))
    assert dataset.ReferencedSeriesSequence[0].SeriesInstanceUID == first.SeriesInstanceUID
    assert dataset.StudyInstanceUID == first.StudyInstanceUID
    assert dataset.FrameOfReferenceUID == first.FrameOfReferenceUID
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        place = heads[source.ReferencedSOPInstanceUID].ImagePositionPatient
        assert np.allclose(frame.PlanePositionSequence[0].ImagePositionPatient, place, atol=1e-4)


def test_the_same_labels_give_the_same_bytes_and_others_another_object(put, tmp_path):
    first = put("a.dcm")
    put("b.dcm")
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()
    labels = codes_of(put.scan.own_slices.shape)
    labels[0, 0, 0], labels[5, 1, 10] = 8, 0  # as many voxels of each
    assert put("c.dcm", labels=labels).SOPInstanceUID != first.SOPInstanceUID
    assert put("d.dcm", description="EDITED PLAN").SOPInstanceUID != first.SOPInstanceUID
    assert segment(put("c.dcm", labels=labels), "gap-1").TrackingUID == segment(first, "gap-1").TrackingUID


def test_gap_1_of_other_settings_is_not_followed_as_the_same_gap(put, full_plan):
    version = full_plan.software.model_copy(update={"version": "9.8.8"})
    followed = [{}, {"review": Review(state="edited")}, {"review": Review(state="approved", by="Lee")}]
    others = [{"settings_sha256": "0" * 64}, {"software": version}]
    uids = [
        segment(put(plan=full_plan.model_copy(update=change)), "gap-1").TrackingUID for change in (*followed, *others)
    ]
    assert uids[0] == uids[1] == uids[2]
    assert len(set(uids)) == 3


def test_labels_of_another_plan_or_state_of_review_are_a_series_of_their_own(put, full_plan):
    reviews = [Review(), Review(state="edited"), Review(state="approved")]
    plans = [full_plan.model_copy(update={"review": review}) for review in reviews]
    plans.append(full_plan.model_copy(update={"trajectories": full_plan.trajectories[:1]}))
    written = [put(plan=plan) for plan in plans]
    assert len({ds.SeriesInstanceUID for ds in written}) == len({ds.SOPInstanceUID for ds in written}) == len(plans)
    assert [ds.SeriesDescription for ds in written] == [
        "UNREVIEWED cement plan: labels", "EDITED, NOT APPROVED: cement plan: labels", "cement plan: labels",
        "UNREVIEWED cement plan: labels",
    ]  # fmt: skip


def test_its_date_is_that_of_the_ct(put):
    dataset = put()
    assert (dataset.ContentDate, dataset.ContentTime) == ("20240301", "101112.5")
    assert "InstanceCreationDate" not in dataset


def test_a_ct_without_a_date_gives_it_none_that_could_be_one(tmp_path, hu, grid, write, full_plan):
    files = write(tmp_path / "ct", hu, grid)
    own = load_scan(tmp_path / "ct").own_slices
    write_seg_on_slices(codes_of(own.shape), full_plan.labels, own, files, tmp_path / "a.dcm")
    assert pydicom.dcmread(tmp_path / "a.dcm").ContentDate == NO_DATE


def test_kinds_come_back_as_they_were(put, tmp_path, full_plan):
    put()
    again = read_seg(tmp_path / "a.dcm", put.scan.own_slices.grid)
    written = {(s.code, s.kind, s.id) for s in full_plan.labels} - {(6, "gap", "gap-2")}  # no voxel
    assert {(s.code, s.kind, s.id) for s in again.structures} == written


@needs_dciodvfy
def test_dciodvfy_finds_no_error(put, tmp_path):
    put()
    done = subprocess.run(["dciodvfy", tmp_path / "a.dcm"], capture_output=True, text=True, check=False, timeout=60)
    said = (done.stdout + done.stderr).splitlines()
    assert "Segmentation" in said
    assert [line for line in said if "Error" in line] == []
    known = ("<99CEMENT>", "Missing attribute or value that would be needed to build DICOMDIR")
    known += ("only permitted to be empty when actually unknown",)
    assert [line for line in said if "Warning" in line and not any(reason in line for reason in known)] == []


ODD_HEADERS = [
    {"PatientSex": "W"},
    {"PatientBirthDate": "1950"},
    {"StudyDate": "ANON", "SeriesDate": "20201340", "StudyTime": "25:99"},
    {"PatientName": "R\\oe"},
    {"SpecificCharacterSet": "BAD 1"},
    {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=\u5c71\u7530^\u592a\u90ce"},
]


@pytest.mark.parametrize("odd", ODD_HEADERS, ids=lambda odd: "-".join(odd))
def test_headers_as_exports_make_them_are_taken_over_as_they_are(tmp_path, hu, grid, write, full_plan, odd):
    """A library that parses them would stop, and a patient's objects must be filed under what the CT is filed under."""
    with quiet():
        files = write(tmp_path / "ct", hu, grid, **odd)
        own = load_scan(tmp_path / "ct").own_slices
        write_seg_on_slices(codes_of(own.shape), full_plan.labels, own, files, tmp_path / "a.dcm", plan=full_plan)
        write_measurements(full_plan, tmp_path / "b.dcm", segmentation=tmp_path / "a.dcm", review="x")
        ct = pydicom.dcmread(files[0])
        for name in ("a.dcm", "b.dcm"):
            made = pydicom.dcmread(tmp_path / name)
            for keyword in (*odd, "StudyInstanceUID", "PatientID"):
                if keyword != "SeriesDate":  # of the object's own series
                    assert made.get_item(keyword).value == ct.get_item(keyword).value, keyword
            assert made.ContentDate == NO_DATE


def test_neither_institution_nor_scanner_is_named(put, tmp_path):
    assert "ContributingEquipmentSequence" not in put()
    assert b"highdicom" not in (tmp_path / "a.dcm").read_bytes()
