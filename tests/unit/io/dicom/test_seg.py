"""Labels as DICOM Segmentation: there and back on the CT's own grid."""

import shutil
import subprocess

import highdicom as hd
import numpy as np
import pydicom
import pytest

from planner.errors import GeometryError, InputError, LabelError, OutputError
from planner.geometry.rigid import rotation_about
from planner.io import load_scan
from planner.io.dicom.seg import read_seg, write_seg
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.model.labels import LabelMap, Structure
from planner.model.volume import Volume

STRUCTURES = (
    Structure(code=7, kind="gap", id="gap-1"),
    Structure(code=2, kind="implant", id="screw-1"),
    Structure(code=300, kind="disc", id="L4-L5"),
    Structure(code=9, kind="bone", id="none of it"),
)


def label_map(grid):
    codes = np.zeros(grid.shape, dtype=np.uint16)
    codes[1:4, 2:9, 3:5] = 7
    codes[6, 10:, 20:] = 2
    codes[-1, -1, -1] = 300
    return LabelMap(grid, codes, STRUCTURES)


@pytest.fixture
def scan(tmp_path, volume):
    write_ct_series(volume, tmp_path / "ct", identity=SeriesIdentity(seed="seg", body_part="LSPINE"))
    return load_scan(tmp_path / "ct")


def test_there_and_back(tmp_path, scan):
    labels = label_map(scan.volume.grid)
    path = tmp_path / "labels.seg.dcm"
    write_seg(labels, scan.slice_files, path)
    again = read_seg(path, scan.volume.grid)
    assert np.array_equal(again.codes, labels.codes)
    assert {(s.code, s.kind, s.id) for s in again.structures} == {
        (7, "gap", "gap-1"), (2, "implant", "screw-1"), (300, "disc", "L4-L5")
    }  # fmt: skip


def test_oblique_and_from_shuffled_files_of_another_writer(tmp_path, hu, grid_of, write):
    grid = grid_of(directions=rotation_about((1, 2, -0.5), 33.0) @ np.eye(3)[:, ::-1])
    write(tmp_path / "ct", hu, grid)
    scan = load_scan(tmp_path / "ct")
    labels = label_map(scan.volume.grid)
    write_seg(labels, scan.slice_files[::-1], tmp_path / "a.dcm")
    assert np.array_equal(read_seg(tmp_path / "a.dcm", scan.volume.grid).codes, labels.codes)
    assert str(pydicom.dcmread(tmp_path / "a.dcm").PatientID) == "4711"  # the standard asks for the source's


def test_highdicom_reads_it_in_the_same_place(tmp_path, scan):
    labels = label_map(scan.volume.grid)
    write_seg(labels, scan.slice_files, tmp_path / "a.dcm")
    read = hd.seg.segread(tmp_path / "a.dcm").get_volume(segment_numbers=[2], allow_missing_positions=True)
    voxels = read.array[..., 0] if read.array.ndim == 4 else read.array
    ours = np.asarray(scan.volume.grid.to_lps(np.argwhere(labels.codes == 7)))
    theirs = np.argwhere(voxels) @ read.affine[:3, :3].T + read.affine[:3, 3]
    assert np.abs(np.sort(ours, axis=0) - np.sort(theirs, axis=0)).max() < 1e-3


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (Debian's dicom3tools) is not installed")
def test_dciodvfy_finds_no_error(tmp_path, scan):
    write_seg(label_map(scan.volume.grid), scan.slice_files, tmp_path / "a.dcm")
    command = ["dciodvfy", str(tmp_path / "a.dcm")]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "Segmentation" in said.stderr + said.stdout
    assert "Error" not in said.stderr + said.stdout


def test_refusals(tmp_path, scan, hu, grid_of):
    grid = scan.volume.grid
    labels = label_map(grid)
    path = tmp_path / "a.dcm"
    moved = grid_of(origin=(0.0, 0.0, 0.0))
    with pytest.raises(GeometryError, match="apart"):
        write_seg(label_map(moved), scan.slice_files, path)
    with pytest.raises(LabelError, match="empty"):
        write_seg(LabelMap(grid, np.zeros(grid.shape, np.uint8), STRUCTURES), scan.slice_files, path)
    with pytest.raises(LabelError, match="stands for no structure"):
        write_seg(LabelMap(grid, labels.codes, STRUCTURES[:1]), scan.slice_files, path)
    with pytest.raises(InputError, match="no DICOM series"):
        write_seg(labels, (), path)
    with pytest.raises(OutputError, match="cannot be written"):
        write_seg(labels, scan.slice_files, tmp_path / "no" / "a.dcm")
    assert not path.exists()
    write_seg(labels, scan.slice_files, path)
    shifted = Volume(grid_of(origin=(-31.5, 12.25, -403.25)), hu)
    with pytest.raises(LabelError, match="off the CT's slices"):
        read_seg(path, shifted.grid)
    with pytest.raises(LabelError, match="resample"):
        read_seg(path, grid_of(shape=(12, 21, 24)))
    with pytest.raises(LabelError, match="no binary DICOM Segmentation"):
        read_seg(scan.slice_files[0], grid)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(LabelError, match="no readable"):
        read_seg(path, grid)
