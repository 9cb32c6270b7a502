"""NIfTI, NRRD and MetaImage come out in LPS, whatever their own axes; label maps go out and come back."""

import itertools

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from planner.errors import GeometryError, LabelError, OutputError, SeriesError
from planner.geometry.grid import Grid
from planner.io import inspect_input, load_ct, load_scan
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


@pytest.mark.parametrize(
    ("shear", "codes"), [((1, 2), ["gantry-tilt"]), ((0, 1), ["gantry-tilt"]), (None, ["sheared-grid"])]
)
def test_a_sheared_grid_is_brought_upright(tmp_path, shear, codes):
    shape = (26, 22, 18)
    affine = np.diag([0.7, 0.8, 1.25, 1.0])
    for row, column in [shear] if shear else [(0, 1), (0, 2), (1, 2)]:
        affine[row, column] = 0.2
    affine[:3, 3] = (5, -7, 11)
    ras = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]

    def smooth(points):
        return -400 + points @ (12.0, -20.0, 8.0) + 700 * np.exp(-((points - (14, 2, 22)) ** 2).sum(-1) / (2 * 4.0**2))

    scan = load_scan(save(tmp_path / "a.nii.gz", np.rint(smooth(ras)).astype(np.int16), affine))
    assert [f.code for f in scan.findings] == codes
    volume = scan.volume
    assert volume.grid.is_rectangular and volume.hu.dtype == np.int16
    assert np.asarray(scan.own_slices.grid.to_lps((10, 4, 3))) * (-1, -1, 1) == pytest.approx(ras[3, 4, 10], abs=1e-4)
    assert scan.series.shape_zyx == shape[::-1]
    points = np.asarray(volume.grid.to_lps(np.moveaxis(np.indices(volume.hu.shape), 0, -1))) * (-1, -1, 1)
    error = np.abs(volume.hu - smooth(points))[~volume.padding]
    assert error.max() < 20 and np.sqrt((error**2).mean()) < 3 and (~volume.padding).mean() > 0.4
    (series,) = inspect_input(tmp_path / "a.nii.gz").series
    assert series.usable and [f.code for f in series.problems] == codes and series.shape_zyx == shape[::-1]


def test_labels_on_a_sheared_grid_go_out_and_come_back(tmp_path, label_map):
    matrix = label_map.grid.lps_from_index.copy()
    matrix[1, 0] += 0.4
    leaning = LabelMap(Grid(label_map.grid.shape, matrix), label_map.codes, label_map.structures)
    write_label_nifti(leaning, tmp_path / "a.nii.gz")
    again = read_label_nifti(tmp_path / "a.nii.gz")
    assert np.array_equal(again.codes, leaning.codes)
    assert np.abs(again.grid.corners_lps - leaning.grid.corners_lps).max() < 1e-3


@pytest.mark.parametrize("handed", [1.0, -1.0])
def test_a_qform_alone_counts_with_its_hand(tmp_path, hu, handed):
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, handed]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * (0.7, 0.8, 1.25), (5, -7, 11)
    data = np.ascontiguousarray(hu.transpose(2, 1, 0))
    path = save(tmp_path / "a.nii", data, affine, sform=0, qform=1)
    assert nib.load(path).header["pixdim"][0] == handed
    ras = affine[:3, :3] @ (7, 5, 3) + affine[:3, 3]
    assert bright_lps(load_ct(path)) == pytest.approx(ras * (-1, -1, 1), abs=1e-4)


def two_forms(path, hu, *, sform, qform, codes):
    image = nib.Nifti1Image(np.ascontiguousarray(hu.transpose(2, 1, 0)), None)
    image.set_qform(qform, code=codes[1])
    image.set_sform(sform, code=codes[0])
    nib.save(image, path)
    return path


FITTED = np.array([[0.99, -0.1, 0, 4.0], [0.1, 0.99, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("codes", "taken", "found"),
    [
        ((1, 1), FITTED, ["nifti-forms-differ"]),
        ((1, 2), FITTED, ["nifti-forms-differ"]),
        ((2, 1), np.eye(4), ["nifti-forms-differ"]),
        ((4, 1), np.eye(4), ["nifti-forms-differ"]),
        ((2, 2), FITTED, ["nifti-forms-differ"]),
        ((2, 0), FITTED, []),
        ((4, 0), FITTED, ["nifti-template-space"]),
        ((0, 2), np.eye(4), []),
    ],
)
def test_the_scanners_form_is_taken_else_the_sform(tmp_path, hu, codes, taken, found):
    path = two_forms(tmp_path / "a.nii", hu, sform=FITTED, qform=np.eye(4), codes=codes)
    scan = load_scan(path)
    assert [f.code for f in scan.findings if f.code != "nifti-spacing-differs"] == found
    ras = taken[:3, :3] @ (7, 5, 3) + taken[:3, 3]
    assert bright_lps(scan.volume) == pytest.approx(ras * (-1, -1, 1), abs=1e-4)


@pytest.mark.parametrize(
    "qform", [np.diag([-1.0, 1, 1, 1]), np.eye(4)[[1, 0, 2, 3]] * [[-1], [1], [1], [1]], np.diag([2.0, 2, 2, 1])]
)
def test_forms_that_contradict_each_other_are_refused(tmp_path, hu, qform):
    path = two_forms(tmp_path / "a.nii", hu, sform=np.eye(4), qform=qform, codes=(1, 1))
    for read in (load_ct, inspect_input):
        with pytest.raises(SeriesError, match="contradict each other"):
            read(path)


@pytest.mark.parametrize(("units", "mm"), [("mm", 1.0), ("unknown", 1.0), ("meter", 1000.0), ("micron", 0.001)])
def test_each_unit_of_length(tmp_path, hu, units, mm):
    affine = np.diag([0.7 / mm, 0.8 / mm, 1.25 / mm, 1.0])
    scan = load_scan(save(tmp_path / "a.nii", np.ascontiguousarray(hu.transpose(2, 1, 0)), affine, units=units))
    assert scan.series.spacing_mm == pytest.approx((1.25, 0.8, 0.7), rel=1e-5)


def test_units_that_make_no_sense_are_refused(tmp_path, hu):
    data = np.ascontiguousarray(hu.transpose(2, 1, 0))
    with pytest.raises(SeriesError, match="the unit is wrong"):
        load_ct(save(tmp_path / "a.nii", data, np.diag([0.0007, 0.0008, 0.00125, 1.0])))
    path = save(tmp_path / "b.nii", data, np.eye(4))
    content = bytearray(path.read_bytes())
    content[123] = 5  # no unit of length has this code
    path.write_bytes(bytes(content))
    with pytest.raises(SeriesError, match="unit of length"):
        load_ct(path)


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("form", [nib.Nifti1Image, nib.Nifti2Image, nib.Nifti1Pair])
@pytest.mark.parametrize("order", ["<", ">"])
def test_each_type_and_form_of_file(tmp_path, hu, kind, form, order):
    data = np.ascontiguousarray(hu.transpose(2, 1, 0)).astype(np.dtype(kind).newbyteorder(order))
    header = form.header_class(endianness=order)
    header.set_data_dtype(data.dtype)
    image = form(data, np.diag([0.7, 0.8, 1.25, 1.0]), header)
    image.set_sform(image.affine, code=1)
    name = "a.img" if form is nib.Nifti1Pair else "a.nii"
    nib.save(image, tmp_path / name)
    volume = load_ct(tmp_path / name)
    assert np.array_equal(volume.hu, hu) and volume.hu.dtype == np.int16
    assert volume.grid.spacing_mm == pytest.approx((1.25, 0.8, 0.7))


@pytest.mark.parametrize("kind", [[("R", "u1"), ("G", "u1"), ("B", "u1")], np.complex64])
def test_colours_and_complex_numbers_are_no_ct(tmp_path, kind):
    image = nib.Nifti1Image(np.zeros((4, 5, 6), dtype=kind), np.eye(4))
    image.set_sform(np.eye(4), code=1)
    nib.save(image, tmp_path / "a.nii")
    with pytest.raises(SeriesError, match=r"not numbers|not a readable"):
        load_ct(tmp_path / "a.nii")


def test_a_fourth_axis_of_one_volume(tmp_path, hu):
    data = np.ascontiguousarray(hu.transpose(2, 1, 0))[..., None]
    assert np.array_equal(load_ct(save(tmp_path / "a.nii", data, np.eye(4))).hu, hu)


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
