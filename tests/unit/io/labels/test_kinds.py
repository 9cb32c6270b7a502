"""The same labels from each kind of file; and files that are none."""

import gzip
import os

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from planner.errors import LabelError
from planner.io import load_scan
from planner.io._sitk import image_of
from planner.io.anatomy_labels import load_labels
from planner.io.dicom.seg import write_seg
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.nifti import write_label_nifti
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Volume


@pytest.fixture
def truth(write_numbers):
    return load_labels(write_numbers((24, 23), "truth.nii.gz"))


def same(labels, truth, *names):
    for name in names:
        ours, theirs = labels.mask(name), truth.mask(name)
        cells = np.argwhere(theirs.voxels)
        index = np.rint(ours.grid.to_index(theirs.grid.to_lps(cells))).astype(int)
        assert ours.voxels[tuple(index.T)].all() and ours.voxels.sum() == len(cells)


def slicer_file(path, layers, segments, kinds="list"):
    images = [image_of(grid, values) for grid, values in layers]
    image = sitk.Compose(images) if len(images) > 1 else images[0]
    for number, fields in enumerate(segments):
        for field, value in fields.items():
            image.SetMetaData(f"Segment{number}_{field}", value)
    sitk.WriteImage(image, str(path), True)
    path.write_bytes(path.read_bytes().replace(b"kinds: vector", b"kinds: " + kinds.encode(), 1))
    return path


def test_a_file_named_after_the_patient_is_not_told(write_numbers):
    labels = load_labels(write_numbers((24, 23), "Doe_Jane.nii.gz"))
    assert labels.names and "Doe" not in repr((labels.name, labels.kind, labels.findings))


def test_a_folder_of_masks(tmp_path, truth):
    folder = tmp_path / "masks"
    folder.mkdir()
    for name, file in (("vertebra L5", "vertebrae_L5"), ("vertebra L4", "vertebrae_L4")):
        write_label_nifti(LabelMap(truth.grid, truth.mask(name).voxels.astype(np.uint8), ()), folder / f"{file}.nii.gz")
    (folder / "statistics.json").write_text("{}")
    same(load_labels(folder), truth, "vertebra L5", "vertebra L4")


def test_masks_on_two_grids_are_refused(tmp_path, truth):
    folder = tmp_path / "masks"
    folder.mkdir()
    mask = truth.mask("vertebra L5").voxels.astype(np.uint8)
    write_label_nifti(LabelMap(truth.grid, mask, ()), folder / "vertebrae_L5.nii.gz")
    grid = truth.grid.crop((1, 0, 0), truth.grid.shape)
    write_label_nifti(LabelMap(grid, mask[1:], ()), folder / "vertebrae_L4.nii.gz")
    with pytest.raises(LabelError, match="do not fit"):
        load_labels(folder)


def test_slicer_by_name_and_by_terminology_with_a_layer_above(tmp_path, truth):
    lower = truth.mask("vertebra L5").voxels + 2 * truth.mask("vertebra L4").voxels
    canal = np.zeros(truth.grid.shape, np.uint8)
    canal[:, 28:34, 18:22] = 1  # over the vertebrae's backs: it keeps what both claim
    path = slicer_file(
        tmp_path / "x.seg.nrrd",
        [(truth.grid, lower.astype(np.uint8)), (truth.grid, canal)],
        [
            {
                "Name": "Segment_1",
                "LabelValue": "1",
                "Layer": "0",
                "Tags": "TerminologyEntry:a~b^1^c~SCT^2^L5 vertebra~^^~|",
            },
            {"Name": "L4", "LabelValue": "2", "Layer": "0"},
            {"Name": "Spinal canal", "LabelValue": "1", "Layer": "1"},
            {"Name": "something else", "LabelValue": "2", "Layer": "1"},
        ],
    )
    labels = load_labels(path)
    assert set(labels.names) == {"vertebra L5", "vertebra L4", "canal"}
    assert np.array_equal(labels.mask("canal").voxels, canal > 0)
    both = labels.mask("vertebra L5").voxels
    assert np.array_equal(both, truth.mask("vertebra L5").voxels & (canal == 0))


def test_bones_over_each_other_are_refused(tmp_path, truth):
    mask = truth.mask("vertebra L5").voxels.astype(np.uint8)
    segments = [{"Name": level, "LabelValue": "1", "Layer": str(n)} for n, level in enumerate(("L5", "L4"))]
    path = slicer_file(tmp_path / "x.seg.nrrd", [(truth.grid, mask)] * 2, segments)
    with pytest.raises(LabelError, match="over each other"):
        load_labels(path)


def test_dicom_seg_with_its_frame_of_reference(tmp_path, truth):
    hu = np.where(truth.labels.codes > 0, 400, 30) + np.random.default_rng(1).integers(-20, 20, truth.grid.shape)
    hu[:, :4] = -1000
    volume = Volume(truth.grid, hu.astype(np.int16))
    write_ct_series(volume, tmp_path / "ct", identity=SeriesIdentity(seed="x", body_part="LSPINE"))
    named = tuple(
        Structure(code=s.code, kind="bone", id=s.id.replace("vertebra ", "vertebrae_")) for s in truth.labels.structures
    )
    path = tmp_path / "x.dcm"
    scan = load_scan(tmp_path / "ct")
    write_seg(LabelMap(scan.volume.grid, truth.labels.codes, named), scan.slice_files, path)
    labels = load_labels(path)
    assert labels.grid.frame_of_reference_uid == scan.volume.grid.frame_of_reference_uid
    same(labels, truth, "vertebra L5", "vertebra L4")
    with pytest.raises(LabelError, match="no segmentation"):
        load_labels(scan.slice_files[0])
    dataset = pydicom.dcmread(path)
    dataset.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence[0].ImagePositionPatient[2] += 0.7
    dataset.save_as(path)
    with pytest.raises(LabelError, match="uneven"):
        load_labels(path)


def _nan(path):
    nib.save(nib.Nifti1Image(np.full((4, 4, 4), np.nan, np.float32), np.eye(4)), path)


def _fractions(path):
    nib.save(nib.Nifti1Image(np.full((4, 4, 4), 0.5, np.float32), np.eye(4)), path)


def _ct(path):
    nib.save(nib.Nifti1Image(np.full((4, 4, 4), -900, np.int16), np.eye(4)), path)


def _empty(path):
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)), path)


def _huge(path):
    header = nib.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((30000, 30000, 30000))
    header.set_sform(np.eye(4), code=1)
    path.write_bytes(gzip.compress(header.binaryblock + bytes(64)))


def _four(path):
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, 3), np.uint8), np.eye(4)), path)


@pytest.mark.parametrize("spoil", [_nan, _fractions, _ct, _empty, _huge, _four])
def test_nifti_that_holds_no_labels_is_refused_in_one_line(tmp_path, spoil):
    path = tmp_path / "labels.nii.gz"
    spoil(path)
    with pytest.raises(LabelError) as refused:
        load_labels(path)
    assert "\n" not in str(refused.value) and str(tmp_path) not in str(refused.value)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.seg.nrrd", b"NRRD0004\ntype: uchar\n\n"),
        ("x.seg.nrrd", b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 9999999 999999 99999\nencoding: raw\n\n"),
        ("x.dcm", bytes(128) + b"DICM" + bytes(40)),
        ("x.nii.gz", b"no gzip"),
        ("x.txt", b"L4"),
        ("x.nrrd", b""),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(LabelError) as refused:
        load_labels(path)
    assert "\n" not in str(refused.value) and str(tmp_path) not in str(refused.value)


def test_what_is_not_there_or_no_file_is_refused(tmp_path):
    with pytest.raises(LabelError, match="there are no labels"):
        load_labels(tmp_path / "nothing.nii.gz")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LabelError, match="there are no labels"):
        load_labels(tmp_path / "pipe")
    with pytest.raises(LabelError, match="no masks"):
        load_labels(tmp_path)
