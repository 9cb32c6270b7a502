"""NIfTI, NRRD and MetaImage come out in LPS, whatever their own axes; label maps go out and come back."""

import itertools

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from planner.errors import GeometryError, LabelError, OutputError, SeriesError
from planner.geometry.grid import Grid
from planner.io import load_ct, load_scan
from planner.io._sitk import grid_of, image_of
from planner.io.nifti import compact_hu, read_label_nifti, write_label_nifti
from planner.model.labels import LabelMap, Structure

RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def save(path, data, affine, *, sform=1, qform=0, units="mm", slope=None):
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units(units)
    image.set_sform(affine, code=sform)
    image.set_qform(affine if qform else None, code=qform)
    if slope is not None:
        image.header.set_slope_inter(*slope)
    nib.save(image, path)
    return path


def bright_lps(volume):
    index = np.unravel_index(int(np.argmax(volume.hu)), volume.hu.shape)
    return np.asarray(volume.grid.to_lps(index))


@pytest.mark.parametrize(
    ("order", "signs"), list(itertools.product(itertools.permutations(range(3)), [(1, 1, 1), (-1, 1, 1), (-1, -1, 1)]))
)
def test_any_axis_order_and_handedness(tmp_path, hu, order, signs):
    data = np.ascontiguousarray(hu.transpose(2, 1, 0).transpose(order))
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, list(order)] * np.array(signs) * np.array([0.7, 0.8, 1.25])[list(order)]
    affine[:3, 3] = (5, -7, 11)
    volume = load_ct(save(tmp_path / "a.nii.gz", data, affine))
    ijk = np.unravel_index(int(np.argmax(data)), data.shape)
    ras = affine[:3, :3] @ np.array(ijk) + affine[:3, 3]
    assert bright_lps(volume) == pytest.approx(ras * (-1, -1, 1))
    assert volume.hu.dtype == np.int16 and volume.hu.flags.c_contiguous


def test_agrees_with_simpleitk(tmp_path, hu):
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * (0.7, 0.8, 1.25), (5, -7, 11)
    path = save(tmp_path / "a.nii", np.ascontiguousarray(hu.transpose(2, 1, 0)), affine, qform=1)
    volume = load_ct(path)
    image = sitk.ReadImage(str(path))
    assert np.abs(grid_of(image).corners_lps - volume.grid.corners_lps).max() < 1e-3
    assert np.array_equal(sitk.GetArrayFromImage(image), volume.hu)


def test_a_sheared_grid_keeps_its_positions(tmp_path, hu):
    affine = np.eye(4)
    affine[1, 2] = 0.3
    scan = load_scan(save(tmp_path / "a.nii", np.ascontiguousarray(hu.transpose(2, 1, 0)), affine))
    assert [f.code for f in scan.findings] == ["sheared-grid"]
    assert scan.volume.grid.to_lps((10, 0, 0)) == pytest.approx((0, -3, 10))


def test_units_and_scale_count(tmp_path, hu):
    data = ((hu.transpose(2, 1, 0).astype(np.int32) + 1024) // 2).astype(np.int16)
    affine = np.diag([0.001, 0.001, 0.002, 1.0])
    scan = load_scan(save(tmp_path / "a.nii", data, affine, units="meter", slope=(2.0, -1024.0)))
    assert scan.series.spacing_mm == pytest.approx((2, 1, 1), rel=1e-5)
    assert np.abs(scan.volume.hu - hu).max() <= 1
    assert scan.series.series_instance_uid is None and scan.slice_files == ()


def test_values_that_are_not_finite_are_padding(tmp_path, hu):
    data = hu.transpose(2, 1, 0).astype(np.float32)
    data[0, 0, 0] = np.nan
    volume = load_ct(save(tmp_path / "a.nii", data, np.eye(4)))
    assert volume.hu.dtype == np.int16
    assert np.argwhere(volume.padding).tolist() == [[0, 0, 0]] and volume.hu[0, 0, 0] == -1024


def test_forms_that_differ_are_said(tmp_path, hu):
    image = nib.Nifti1Image(np.ascontiguousarray(hu.transpose(2, 1, 0)), np.eye(4))
    moved = np.eye(4)
    moved[0, 3] = 4.0
    image.set_sform(np.eye(4), code=1)
    image.set_qform(moved, code=1)
    nib.save(image, tmp_path / "a.nii")
    (finding,) = load_scan(tmp_path / "a.nii").findings
    assert finding.code == "nifti-forms-differ" and finding.measured == pytest.approx(4.0)


def test_refusals(tmp_path, hu):
    data = np.ascontiguousarray(hu.transpose(2, 1, 0))
    cases = {
        "no orientation": (save(tmp_path / "a.nii", data, np.eye(4), sform=0), "nothing of its orientation"),
        "four axes": (save(tmp_path / "b.nii", np.stack([data, data], -1), np.eye(4)), "three axes"),
        "not hu": (save(tmp_path / "c.nii", data + np.int16(2000), np.eye(4)), "not in Hounsfield"),
    }
    (tmp_path / "d.nii.gz").write_bytes((save(tmp_path / "x.nii.gz", data, np.eye(4))).read_bytes()[:3000])
    (tmp_path / "e.nii").write_text("no nifti")
    (tmp_path / "f.nrrd").write_text("no nrrd")
    cases["cut off"] = (tmp_path / "d.nii.gz", "cut off or damaged")
    cases["text"] = (tmp_path / "e.nii", "not a readable NIfTI")
    cases["text nrrd"] = (tmp_path / "f.nrrd", "not a readable NRRD")
    for path, words in cases.values():
        with pytest.raises(SeriesError, match=words):
            load_ct(path)
    with pytest.raises(SeriesError, match="leave --series out"):
        load_ct(save(tmp_path / "g.nii", data, np.eye(4)), series_instance_uid="1.2")


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha", "a.mhd"])
def test_nrrd_and_metaimage(tmp_path, hu, grid_of, name):
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]]) @ np.eye(3)[:, ::-1]
    grid = grid_of(directions=turn)
    sitk.WriteImage(image_of(grid, hu), str(tmp_path / name))
    volume = load_ct(tmp_path / name)
    assert np.abs(volume.grid.corners_lps - grid.corners_lps).max() < 1e-3
    assert np.array_equal(volume.hu, hu)


def test_a_ras_nrrd_is_turned_to_lps(tmp_path, hu):
    header = "\n".join(
        [
            "NRRD0004",
            "type: int16",
            "dimension: 3",
            "space: right-anterior-superior",
            f"sizes: {hu.shape[2]} {hu.shape[1]} {hu.shape[0]}",
            "space directions: (0.7,0,0) (0,0.8,0) (0,0,1.25)",
            "kinds: domain domain domain",
            "endian: little",
            "encoding: raw",
            "space origin: (1,2,3)",
        ]
    )
    (tmp_path / "a.nrrd").write_bytes(header.encode() + b"\n\n" + hu.tobytes())
    volume = load_ct(tmp_path / "a.nrrd")
    assert bright_lps(volume) == pytest.approx((-(1 + 7 * 0.7), -(2 + 5 * 0.8), 3 + 3 * 1.25))


def test_simpleitk_gets_no_sheared_grid(hu):
    matrix = np.eye(4)
    matrix[0, 1] = 0.3
    with pytest.raises(GeometryError, match="sheared"):
        image_of(Grid(hu.shape, matrix), hu)


def test_compact_hu_keeps_values():
    assert compact_hu(np.array([[1.0, -5.0]]))[0].dtype == np.int16
    assert compact_hu(np.array([[1.0, 70000.0]]))[0].dtype == np.int32
    assert compact_hu(np.array([[1.5, 3.0]]))[0].dtype == np.float32


@pytest.fixture
def label_map(grid):
    codes = np.zeros(grid.shape, dtype=np.uint8)
    codes[1:4, 2:9, 3:5] = 7
    codes[6, 10:, 20:] = 2
    return LabelMap(
        grid, codes, (Structure(code=7, kind="gap", id="gap-1"), Structure(code=2, kind="implant", id="screw-1"))
    )


def test_labels_go_out_and_come_back(tmp_path, label_map):
    path = tmp_path / "labels.nii.gz"
    write_label_nifti(label_map, path)
    again = read_label_nifti(path, structures=label_map.structures)
    assert np.array_equal(again.codes, label_map.codes)
    assert np.abs(again.grid.corners_lps - label_map.grid.corners_lps).max() < 1e-3
    assert again.structures == label_map.structures
    first = path.read_bytes()
    write_label_nifti(label_map, path)
    assert path.read_bytes() == first
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), label_map.codes)
    assert np.abs(grid_of(image).corners_lps - label_map.grid.corners_lps).max() < 1e-3


def test_labels_without_names_and_values_that_are_none(tmp_path, label_map):
    write_label_nifti(label_map, tmp_path / "a.nii.gz")
    assert [s.id for s in read_label_nifti(tmp_path / "a.nii.gz").structures] == ["label-2", "label-7"]
    for name, value in (("b.nii", 0.5), ("c.nii", -1.0), ("d.nii", 70000.0)):
        save(tmp_path / name, np.full((3, 3, 3), value, dtype=np.float32), np.eye(4))
        with pytest.raises(LabelError, match="no labels"):
            read_label_nifti(tmp_path / name)


def test_labels_that_cannot_be_written(tmp_path, label_map):
    with pytest.raises(OutputError, match="cannot be written"):
        write_label_nifti(label_map, tmp_path / "no" / "a.nii.gz")
