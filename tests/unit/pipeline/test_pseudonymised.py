"""A scan under a pseudonym, and labels that come to it."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest

from planner.geometry.grid import Grid
from planner.io import load_scan
from planner.io.dicom.pseudonyms import Pseudonyms
from planner.io.dicom.seg import write_seg
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.nifti import write_label_nifti
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.finding import Finding
from planner.model.labels import LabelMap, Structure
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.pipeline.pseudonymised import gaps_under_pseudonym, labels_under_pseudonym, under_pseudonym

PSEUDONYMS = Pseudonyms(b"k" * 32)


@pytest.fixture
def scan(tmp_path) -> Scan:
    hu = np.full((6, 24, 26), -1000, np.int16)
    hu[:, 6:18, 6:18] = np.random.default_rng(4).normal(0, 8, (6, 12, 12)).astype(np.int16)
    volume = Volume(Grid(hu.shape, np.diag((1.5, 0.8, 0.8, 1.0))[:, [2, 1, 0, 3]], "1.2.3.4.5.6"), hu)
    write_ct_series(volume, tmp_path / "ct", identity=SeriesIdentity(seed="x", body_part="LSPINE"))
    loaded = load_scan(tmp_path / "ct")
    note = Finding(code="x", severity="info", message=f"series {loaded.series.series_instance_uid} was taken")
    return replace(loaded, findings=(note,), display_alternative="1.2.3.4.5.6.7")


def test_without_pseudonyms_the_scan_is_as_it_was(scan):
    with under_pseudonym(scan, None) as same:
        assert same is scan


def test_all_names_of_a_scan_become_others_and_its_copies_go(scan):
    with under_pseudonym(scan, PSEUDONYMS) as other:
        assert all(path.is_file() for path in other.slice_files)
        header = pydicom.dcmread(other.slice_files[0])
        assert other.series.series_instance_uid == header.SeriesInstanceUID != scan.series.series_instance_uid
        frame = header.FrameOfReferenceUID
        assert frame == other.series.frame_of_reference_uid == other.volume.grid.frame_of_reference_uid
        assert frame == other.own_slices.frame_of_reference_uid != "1.2.3.4.5.6"
        assert scan.series.series_instance_uid not in other.findings[0].message
        assert header.SeriesInstanceUID in other.findings[0].message
        assert other.display_alternative is None
        assert other.volume.hu is not None and np.array_equal(other.volume.hu, scan.volume.hu)
        folder = other.slice_files[0].parent
    assert not folder.exists()


def test_short_uids_of_the_ct_go_from_what_was_found_too(scan):
    grid = Grid(scan.volume.grid.shape, scan.volume.grid.lps_from_index, "1.2.3")
    note = Finding(code="x", severity="info", message="the frame of reference is 1.2.3.")
    short = replace(scan, volume=replace(scan.volume, grid=grid), findings=(note,))
    with under_pseudonym(short, PSEUDONYMS) as other:
        assert other.findings[0].message == f"the frame of reference is {PSEUDONYMS.uid('1.2.3')}."


def test_copies_go_also_when_the_work_fails(scan):
    with pytest.raises(ZeroDivisionError), under_pseudonym(scan, PSEUDONYMS) as other:
        folder = other.slice_files[0].parent
        raise ZeroDivisionError
    assert not folder.exists()


def test_gaps_keep_their_place_in_the_frame_of_the_pseudonym(scan, tmp_path):
    codes = np.zeros(scan.volume.grid.shape, np.uint16)
    codes[2:4, 8:12, 8:12] = 1
    labels = LabelMap(scan.volume.grid, codes, (Structure(code=1, kind="gap", id="gap-1"),))
    write_seg(labels, scan.slice_files, tmp_path / "Doe_Jane.dcm")
    write_label_nifti(labels, tmp_path / "Doe_Jane.nii.gz")
    with under_pseudonym(scan, PSEUDONYMS) as other:
        frame = other.volume.grid.frame_of_reference_uid
        write_seg(replace(labels, grid=other.volume.grid), other.slice_files, tmp_path / "Doe_later.dcm")
        for name, wanted in (("Doe_Jane.dcm", frame), ("Doe_later.dcm", frame), ("Doe_Jane.nii.gz", None)):
            gaps = gaps_under_pseudonym(tmp_path / name, other, PSEUDONYMS)
            assert gaps.labels.grid.frame_of_reference_uid == wanted
            assert gaps.labels.codes.any()
        assert gaps_under_pseudonym(None, other, PSEUDONYMS) is None
        assert gaps_under_pseudonym(tmp_path / "Doe_Jane.dcm", scan, None) == tmp_path / "Doe_Jane.dcm"


def test_anatomy_labels_too(scan, tmp_path, monkeypatch):
    codes = np.zeros(scan.volume.grid.shape, np.uint16)
    labels = LabelMap(scan.volume.grid, codes, ())
    monkeypatch.setattr(
        "planner.pipeline.pseudonymised.load_labels", lambda path: AnatomyLabels(labels, "NIfTI", "the labels", ())
    )
    with under_pseudonym(scan, PSEUDONYMS) as other:
        read = labels_under_pseudonym(tmp_path / "Doe_Jane.nii.gz", other, PSEUDONYMS)
        assert read.grid.frame_of_reference_uid == other.volume.grid.frame_of_reference_uid
        assert labels_under_pseudonym(None, other, PSEUDONYMS) is None
