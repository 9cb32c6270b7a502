"""Labels as DICOM Segmentation: there and back on the CT's own grid."""

import copy
import subprocess
import warnings

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian

from planner.errors import GeometryError, InputError, LabelError, OutputError
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.io import load_scan
from planner.io.dicom.seg import _numbered, read_seg, write_seg, write_seg_on_slices
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.model.labels import LabelMap, Structure
from planner.model.scan import StoredSlices
from planner.model.volume import Volume
from tests.dicom3tools import needs_dciodvfy

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


@needs_dciodvfy
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


def leaning(grid):
    matrix = grid.lps_from_index.copy()
    matrix[:3, 0] += 0.4 * grid.directions_lps[:, 1]
    return Grid(grid.shape, matrix, grid.frame_of_reference_uid)


def at_places(grid):
    def put(k, ds):
        ds.ImagePositionPatient = [f"{v:.8g}" for v in grid.to_lps((k, 0, 0))]

    return put


def test_labels_of_a_tilted_ct_lie_on_its_own_slices(tmp_path, hu, grid, write):
    tilted = leaning(grid)
    write(tmp_path / "ct", hu, tilted, each=at_places(tilted))
    scan = load_scan(tmp_path / "ct")
    own = scan.own_slices.grid
    labels = label_map(own)
    write_seg(labels, scan.slice_files, tmp_path / "a.dcm")
    assert np.array_equal(read_seg(tmp_path / "a.dcm", own).codes, labels.codes)
    positions = {
        tuple(float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient)
        for frame in pydicom.dcmread(tmp_path / "a.dcm").PerFrameFunctionalGroupsSequence
    }
    assert positions <= {tuple(np.round(tilted.to_lps((k, 0, 0)), 6)) for k in range(12)}
    with pytest.raises(GeometryError, match="slices differ in shape"):  # the grid that it is planned on is larger
        write_seg(label_map(scan.volume.grid), scan.slice_files, tmp_path / "b.dcm")
    with pytest.raises(GeometryError, match="apart"):  # an upright grid of the same shape
        write_seg(label_map(grid), scan.slice_files, tmp_path / "b.dcm")


def test_labels_of_a_ct_with_a_missing_slice_lie_on_those_it_has(tmp_path, hu, grid_of, write):
    grid = grid_of(shape=(40, 20, 24))
    paths = write(tmp_path / "ct", np.tile(hu, (4, 1, 1))[:40].clip(max=1500), grid)
    paths[25].unlink()
    scan = load_scan(tmp_path / "ct")
    planned = label_map(scan.volume.grid)
    slices = scan.own_slices
    codes = np.delete(planned.codes, 25, axis=0)
    write_seg_on_slices(codes, planned.structures, slices, scan.slice_files, tmp_path / "a.dcm")
    again = read_seg(tmp_path / "a.dcm", grid)
    assert np.array_equal(np.delete(again.codes, 25, axis=0), codes) and not again.codes[25].any()
    with pytest.raises(GeometryError, match="the labels have shape"):
        write_seg_on_slices(planned.codes, planned.structures, slices, scan.slice_files, tmp_path / "b.dcm")
    shifted = StoredSlices(
        slices.positions_lps + 0.5, slices.row_step_lps, slices.column_step_lps, slices.rows, slices.columns
    )
    with pytest.raises(GeometryError, match=r"0\.5 mm apart"):
        write_seg_on_slices(codes, planned.structures, shifted, scan.slice_files, tmp_path / "b.dcm")
    assert not (tmp_path / "b.dcm").exists()


@pytest.mark.parametrize("others", [0, 4])
def test_frames_in_any_order_get_the_labels_of_their_place(tmp_path, scan, others):
    sets = [pydicom.dcmread(scan.slice_files[k]) for k in (7, 2, 11, 0, 5, 1, 10, 3, 9, 4, 8, 6)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        enhanced = hd.legacy.LegacyConvertedEnhancedCTImage(
            sets,
            series_instance_uid="1.2.3.9",
            series_number=2,
            sop_instance_uid="1.2.3.10",
            instance_number=1,
            transfer_syntax_uid=ExplicitVRLittleEndian,
        )
    frames = enhanced.PerFrameFunctionalGroupsSequence
    for k in range(others):  # a sagittal stack in the same file
        frames.append(copy.deepcopy(frames[k]))
        orientation = pydicom.Dataset()
        orientation.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        frames[-1].PlaneOrientationSequence = [orientation]
        frames[-1].PlanePositionSequence[0].ImagePositionPatient = [float(-k), 0.0, 0.0]
    enhanced.NumberOfFrames = len(frames)
    enhanced.PixelData += enhanced.PixelData[: others * enhanced.Rows * enhanced.Columns * 2]
    enhanced.save_as(tmp_path / "enhanced.dcm")
    whole = load_scan(tmp_path / "enhanced.dcm")
    assert np.array_equal(whole.volume.hu, scan.volume.hu)
    labels = label_map(whole.volume.grid)
    write_seg(labels, whole.slice_files, tmp_path / "a.dcm")
    assert np.array_equal(read_seg(tmp_path / "a.dcm", whole.volume.grid).codes, labels.codes)


def test_it_says_what_its_labels_are(tmp_path, scan):
    files = sorted(scan.slice_files)
    labels = label_map(scan.volume.grid)
    for words in (None, "UNREVIEWED PLAN: no person has checked it"):
        write_seg_on_slices(
            labels.codes, labels.structures, scan.own_slices, files, tmp_path / "a.dcm", description=words
        )
        assert pydicom.dcmread(tmp_path / "a.dcm").ContentDescription == (words or "")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("used", [[1], [1, 2, 3], [3, 200], [5, 2, 255]])
def test_structures_with_voxels_are_numbered_in_their_codes_order(dtype, used):
    codes = np.zeros((4, 5, 6), dtype=dtype)
    for place, code in zip([(0, 0, 0), (3, 4, 5), (1, 2, 3)], used, strict=False):
        codes[place] = code
    named = [Structure(code=code, kind="bone", id=str(code)) for code in (255, 3, 1, 2, 5, 200, 7)]
    structures, numbers = _numbered(codes, named)
    # the plain way: voxel by voxel
    present = sorted({int(code) for code in codes.ravel()} - {0})
    assert [s.code for s in structures] == present
    assert [int(n) for n in numbers.ravel()] == [present.index(c) + 1 if c else 0 for c in codes.ravel().tolist()]
