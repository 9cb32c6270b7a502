"""NRRD and MetaImage frames that SimpleITK takes for LPS and mm in silence are turned rightly, or refused by name."""

import numpy as np
import pytest
import SimpleITK as sitk

from planner.errors import SeriesError
from planner.io import inspect_input, load_ct, load_scan

STEPS = np.array([[0.7, 0, 0], [0, 0.8, 0], [0, 0, 1.25]])
ORIGIN = np.array([1.0, 2.0, 3.0])
BRIGHT = np.array([7, 5, 3])
"""Column, row and slice of the one bright voxel that `make_hu` sets."""
TURN = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1.0]])


def bright_lps(path):
    volume = load_ct(path)
    return np.asarray(volume.grid.to_lps(np.unravel_index(int(np.argmax(volume.hu)), volume.hu.shape)))


def vectors(steps):
    return " ".join("none" if step is None else "({},{},{})".format(*step) for step in steps)


def write_nrrd(path, hu, *, sizes=None, data=None, **fields):
    sizes = hu.shape[::-1] if sizes is None else sizes
    given = {
        "type": "int16",
        "dimension": len(sizes),
        "space": "left-posterior-superior",
        "sizes": " ".join(map(str, sizes)),
        "space directions": vectors(STEPS),
        "endian": "little",
        "encoding": "raw",
        "space origin": "({},{},{})".format(*ORIGIN),
    } | fields
    lines = ["NRRD0005", *(f"{key}: {value}" for key, value in given.items() if value is not None)]
    if data is not None:
        lines.append(f"data file: {data}")
        (path.parent / data).write_bytes(hu.tobytes())
    path.write_bytes("\n".join(lines).encode() + b"\n" + (b"" if data else b"\n" + hu.tobytes()))
    return path


def write_meta(path, hu, *, data="LOCAL", **fields):
    given = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "1 2 3",
        "ElementSpacing": "0.7 0.8 1.25",
        "DimSize": " ".join(map(str, hu.shape[::-1])),
        "ElementType": "MET_SHORT",
    } | fields
    lines = [f"{key} = {value}" for key, value in given.items() if value is not None]
    lines.append(f"ElementDataFile = {data}")
    path.write_bytes("\n".join(lines).encode() + b"\n" + (hu.tobytes() if data == "LOCAL" else b""))
    if data != "LOCAL":
        (path.parent / data).write_bytes(hu.tobytes())
    return path


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (1, 1, 1)),
        ("LPS", (1, 1, 1)),
        ("right-anterior-superior", (-1, -1, 1)),
        ("RAS", (-1, -1, 1)),
        ("left-anterior-superior", (1, -1, 1)),
        ("LAS", (1, -1, 1)),
    ],
)
@pytest.mark.parametrize("steps", [STEPS, STEPS @ TURN.T, STEPS * (1, 1, -1), STEPS[[2, 0, 1]] * (-1, 1, 1)])
def test_each_space_of_a_patient_is_turned_to_lps(tmp_path, hu, space, signs, steps):
    path = write_nrrd(tmp_path / "a.nrrd", hu, space=space, **{"space directions": vectors(steps)})
    assert bright_lps(path) == pytest.approx((ORIGIN + BRIGHT @ steps) * signs, abs=1e-5)


@pytest.mark.parametrize(
    "fields",
    [
        {"space": "scanner-xyz"},
        {"space": "3D-right-handed"},
        {"space": None, "space dimension": "3"},
        {"space": None, "space directions": None, "space origin": None, "spacings": "0.7 0.8 1.25"},
        {"space": "left-posterior-superior", "space directions": None, "spacings": "0.7 0.8 1.25"},
    ],
)
def test_a_space_that_is_not_the_patients_is_refused(tmp_path, hu, fields):
    path = write_nrrd(tmp_path / "a.nrrd", hu, **fields)
    for read in (load_ct, inspect_input):
        with pytest.raises(SeriesError, match="does not say how the patient lies"):
            read(path)


def test_simpleitk_takes_any_space_for_the_patients(tmp_path, hu):
    path = write_nrrd(tmp_path / "a.nrrd", hu, space="scanner-xyz", **{"space units": '"cm" "cm" "cm"'})
    image = sitk.ReadImage(str(path))
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1) and image.GetSpacing() == (0.7, 0.8, 1.25)


@pytest.mark.parametrize(("unit", "mm"), [("mm", 1.0), ("cm", 10.0), ("um", 0.001), ("m", 1000.0)])
def test_units_of_nrrd_and_metaimage_count(tmp_path, hu, unit, mm):
    wanted = ORIGIN + BRIGHT @ STEPS
    fields = {
        "space units": f'"{unit}" "{unit}" "{unit}"',
        "space directions": vectors(STEPS / mm),
        "space origin": "({},{},{})".format(*ORIGIN / mm),
    }
    assert bright_lps(write_nrrd(tmp_path / "a.nrrd", hu, **fields)) == pytest.approx(wanted, abs=1e-4)
    if unit == "m":
        return  # MetaImage knows mm, um and cm
    spacing = " ".join(map(str, np.diag(STEPS) / mm))
    path = write_meta(
        tmp_path / "a.mha", hu, DistanceUnits=unit, ElementSpacing=spacing, Offset=" ".join(map(str, ORIGIN / mm))
    )
    assert bright_lps(path) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("units", ['"inch" "inch" "inch"', '"mm" "mm" "cm"'])
def test_unknown_units_are_refused(tmp_path, hu, units):
    with pytest.raises(SeriesError, match="unit of length"):
        load_ct(write_nrrd(tmp_path / "a.nrrd", hu, **{"space units": units}))


def test_metres_that_call_themselves_mm_are_refused(tmp_path, hu):
    with pytest.raises(SeriesError, match="the unit is wrong"):
        load_ct(write_nrrd(tmp_path / "a.nrrd", hu, **{"space directions": vectors(STEPS / 1000)}))


@pytest.mark.parametrize("first", [True, False])
def test_four_axes_with_one_volume(tmp_path, hu, first):
    steps, sizes = [*STEPS], [*hu.shape[::-1]]
    steps.insert(0 if first else 3, None)
    sizes.insert(0 if first else 3, 1)
    kinds = ["domain"] * 3
    kinds.insert(0 if first else 3, "list")
    fields = {"space directions": vectors(steps), "kinds": " ".join(kinds)}
    path = write_nrrd(tmp_path / "a.nrrd", hu, sizes=sizes, **fields)
    assert bright_lps(path) == pytest.approx(ORIGIN + BRIGHT @ STEPS, abs=1e-5)
    assert load_ct(path).hu.shape == hu.shape
    two = write_nrrd(tmp_path / "b.nrrd", np.stack([hu, hu]), sizes=[2 if n == 1 else n for n in sizes], **fields)
    with pytest.raises(SeriesError, match="one CT volume"):
        load_ct(two)


@pytest.mark.parametrize("centering", ["node node node", "cell cell cell"])
def test_the_origin_is_the_first_voxels_centre(tmp_path, hu, centering):
    path = write_nrrd(tmp_path / "a.nrrd", hu, centers=centering)
    assert bright_lps(path) == pytest.approx(ORIGIN + BRIGHT @ STEPS, abs=1e-5)


def test_detached_headers(tmp_path, hu):
    nrrd = write_nrrd(tmp_path / "a.nhdr", hu, data="a.raw", space="right-anterior-superior")
    assert bright_lps(nrrd) == pytest.approx((ORIGIN + BRIGHT @ STEPS) * (-1, -1, 1), abs=1e-5)
    meta = write_meta(tmp_path / "b.mhd", hu, data="b.raw", TransformMatrix="0.8 0.6 0 -0.6 0.8 0 0 0 1")
    assert bright_lps(meta) == pytest.approx(ORIGIN + TURN @ (BRIGHT @ STEPS), abs=1e-5)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, 1), (1, -1, -1)])
def test_rows_of_the_transform_matrix_are_the_axes(tmp_path, hu, order, signs):
    axes = (TURN[:, order] * signs).T
    path = write_meta(tmp_path / "a.mha", hu, TransformMatrix=" ".join(f"{v:g}" for v in axes.ravel()))
    assert bright_lps(path) == pytest.approx(ORIGIN + BRIGHT @ (axes * np.diag(STEPS)[:, None]), abs=1e-5)


def test_simpleitk_and_we_agree_where_it_writes_and_reads(tmp_path, hu):
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((0.7, 0.8, 1.25))
    image.SetOrigin((1, 2, 3))
    image.SetDirection([float(v) for v in TURN.ravel()])
    for name in ("a.mha", "a.mhd", "a.nrrd", "a.nhdr", "a.nii.gz"):
        sitk.WriteImage(image, str(tmp_path / name))
        wanted = image.TransformIndexToPhysicalPoint([int(k) for k in BRIGHT])
        assert bright_lps(tmp_path / name) == pytest.approx(wanted, abs=1e-4)


def test_a_metaimage_without_a_matrix(tmp_path, hu):
    spoken = write_meta(tmp_path / "a.mha", hu, TransformMatrix=None, AnatomicalOrientation="RAI")
    assert bright_lps(spoken) == pytest.approx(ORIGIN + BRIGHT @ STEPS, abs=1e-5)
    for letters in (None, "LPI", "???"):
        path = write_meta(tmp_path / "b.mha", hu, TransformMatrix=None, AnatomicalOrientation=letters)
        with pytest.raises(SeriesError, match="does not say how the patient lies"):
            load_ct(path)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"TransformMatrix": "2 0 0 0 2 0 0 0 2"}, "unit length"),
        ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, "orientation|readable"),
        ({"ElementToIntensityFunctionSlope": "2"}, "formula"),
        ({"ElementToIntensityFunctionOffset": "-1024"}, "formula"),
        ({"ElementNumberOfChannels": "3"}, "one CT volume"),
    ],
)
def test_metaimages_that_could_be_read_wrongly_are_refused(tmp_path, hu, fields, words):
    with pytest.raises(SeriesError, match=words):
        load_ct(write_meta(tmp_path / "a.mha", hu, **fields))


@pytest.mark.parametrize("kind", ["nrrd", "mha"])
def test_sheared_axes_are_brought_upright(tmp_path, hu, kind):
    smooth = np.rint(-1000 + 1050 * (np.indices((12, 20, 24))[2] > 4) + 4.0 * np.indices((12, 20, 24))[1])
    values = smooth.astype(np.int16)
    steps = STEPS.copy()
    steps[2] = (0, 0.4, 1.25)
    if kind == "nrrd":
        path = write_nrrd(tmp_path / "a.nrrd", values, **{"space directions": vectors(steps)})
    else:
        length = np.linalg.norm(steps[2])
        matrix = f"1 0 0 0 1 0 0 {0.4 / length:.9f} {1.25 / length:.9f}"
        spacing = f"0.7 0.8 {length:.9f}"
        path = write_meta(tmp_path / "a.mha", values, TransformMatrix=matrix, ElementSpacing=spacing)
    scan = load_scan(path)
    assert [f.code for f in scan.findings] == ["gantry-tilt"]
    assert scan.findings[0].measured == pytest.approx(17.745, abs=0.01)
    assert [p.code for p in inspect_input(path).series[0].problems] == ["gantry-tilt"]
    volume, own = scan.volume, scan.own_slices.grid
    assert volume.grid.is_rectangular and own.to_lps((11, 5, 7)) == pytest.approx(ORIGIN + (7, 5, 11) @ steps, abs=1e-5)
    assert scan.series.shape_zyx == (12, 20, 24) and scan.series.spacing_mm == pytest.approx((1.25, 0.8, 0.7))
    index = np.asarray(own.to_index(volume.grid.to_lps(np.moveaxis(np.indices(volume.hu.shape), 0, -1))))
    inner = ~volume.padding & (np.abs(index[..., 1] - 9.5) < 8)
    wanted = -1000 + 1050 * (np.rint(index[..., 2]) > 4) + 4.0 * index[..., 1]
    assert np.abs(volume.hu - wanted)[inner].max() <= 1.0
