"""The same CT through other readers: where they are right we agree, and where they are wrong it stands here why not.

The peers are SimpleITK (with GDCM's sorting, as 3D Slicer's and most scripts' way in), pydicom's own pixels placed by
PS3.3 C.7.6.2.1.1, and dcm2niix.
"""

import shutil
import subprocess
import warnings

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from planner.errors import SeriesError
from planner.io import load_ct, load_scan

NEAR_MM = 1e-3


def rotation(x_deg, y_deg, z_deg):
    a, b, c = np.radians([x_deg, y_deg, z_deg])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


AXIAL = np.eye(3)[:, ::-1]
# Columns: the unit vectors along slices, rows' order and columns' order.
ORIENTATIONS = {
    "axial": AXIAL,
    "prone": np.diag([-1.0, -1.0, 1.0]) @ AXIAL,
    "feet first": np.diag([-1.0, 1.0, -1.0]) @ AXIAL,
    "decubitus": rotation(0, 0, 90) @ AXIAL,
    "coronal": rotation(90, 0, 0) @ AXIAL,
    "sagittal": rotation(90, 0, 0) @ rotation(0, 90, 0) @ AXIAL,
    "oblique": rotation(20, -12, 33) @ AXIAL,
}
FORMS = {
    "12 bits": {"bits": 12, "intercept": -1024},
    "extended": {"bits": 16, "intercept": -8192},
    "signed": {"signed": True, "intercept": 0},
    "signed 12 bits": {"signed": True, "bits": 13, "intercept": 0},
    "implicit": {"syntax": ImplicitVRLittleEndian},
    "big endian": {"syntax": ExplicitVRBigEndian},
    "RLE": {"syntax": RLELossless, "plugin": "pydicom"},
    "JPEG-LS": {"syntax": JPEGLSLossless, "plugin": "pyjpegls"},
}


def read_with_sitk(folder):
    """Give values (slice, row, column) and the transform from such indices to LPS."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    sitk.ProcessObject.GlobalWarningDisplayOff()
    image = reader.Execute()
    matrix = np.eye(4)
    columns = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    matrix[:3, :3], matrix[:3, 3] = columns[:, ::-1], image.GetOrigin()
    return sitk.GetArrayFromImage(image), matrix


def read_with_pydicom(folder):
    """Give each slice's values with the slice's own transform from (row, column) to LPS, shape (3, 3)."""
    slices = []
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        ds = pydicom.dcmread(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hu = ds.pixel_array.astype(np.float64) * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        along_row, along_column = np.array(ds.ImageOrientationPatient, dtype=float).reshape(2, 3)
        down, across = (float(v) for v in ds.PixelSpacing)
        place = np.array(ds.ImagePositionPatient, dtype=float)
        slices.append((hu, np.column_stack([along_column * down, along_row * across, place])))
    return slices


def read_with_dcm2niix(folder, out):
    """Give values and the transform from their indices to LPS."""
    program = pytest.importorskip("dcm2niix", reason="the package dcm2niix is not installed").bin
    out.mkdir()
    try:
        done = subprocess.run(
            [str(program), "-z", "n", "-b", "n", "-f", "ct", "-o", str(out), str(folder)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except OSError as error:
        pytest.skip(f"dcm2niix does not run on this platform: {error.strerror}")
    files = sorted(out.glob("*.nii"))
    assert files, done.stdout
    # a second file is dcm2niix's own correction of tilt or spacing; the first holds the slices as they came
    image = nib.load(files[0])
    return np.asanyarray(image.dataobj), np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine


def require_same_in_lps(volume, values, lps_from_index):
    """Every voxel of ours has the peer's value where the peer puts it."""
    index = np.argwhere(np.ones(volume.grid.shape, dtype=bool))
    lps = np.asarray(volume.grid.to_lps(index))
    theirs = np.c_[lps, np.ones(len(lps))] @ np.linalg.inv(lps_from_index).T[:, :3]
    whole = np.rint(theirs).astype(int)
    back = whole @ lps_from_index[:3, :3].T + lps_from_index[:3, 3]
    assert np.linalg.norm(back - lps, axis=1).max() < NEAR_MM
    assert np.array_equal(values[tuple(whole.T)], volume.hu.ravel())
    assert values.size == volume.hu.size


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("peer", ["SimpleITK", "pydicom", "dcm2niix"])
def test_every_orientation_as_the_peers_read_it(tmp_path, hu, grid_of, write, orientation, peer):
    write(tmp_path / "ct", hu, grid_of(directions=ORIENTATIONS[orientation]))
    require_peer_agrees(tmp_path, peer)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("peer", ["SimpleITK", "pydicom", "dcm2niix"])
def test_every_form_as_the_peers_read_it(tmp_path, hu, grid, write, form, peer):
    write(tmp_path / "ct", np.clip(hu, -1024, 3071), grid, **FORMS[form])
    require_peer_agrees(tmp_path, peer)


def require_peer_agrees(tmp_path, peer):
    volume = load_ct(tmp_path / "ct")
    if peer == "SimpleITK":
        require_same_in_lps(volume, *read_with_sitk(tmp_path / "ct"))
    elif peer == "dcm2niix":
        require_same_in_lps(volume, *read_with_dcm2niix(tmp_path / "ct", tmp_path / "nifti"))
    else:
        require_as_stored(volume, read_with_pydicom(tmp_path / "ct"))


def require_as_stored(volume, slices, *, missing=()):
    """Each slice's pixels lie in ours where the slice's own header puts them."""
    seen = np.zeros(volume.grid.shape, dtype=int)
    for hu, lps_from_pixel in slices:
        pixels = np.argwhere(np.ones(hu.shape, dtype=bool))
        index = np.asarray(volume.grid.to_index(pixels @ lps_from_pixel[:, :2].T + lps_from_pixel[:, 2]))
        whole = np.rint(index).astype(int)
        assert np.abs(index - whole).max() < NEAR_MM
        assert np.array_equal(volume.hu[tuple(whole.T)], hu.ravel())
        seen[tuple(whole.T)] += 1
    assert set(np.unique(seen.min(axis=(1, 2)))) <= {0, 1}
    assert [k for k in range(len(seen)) if not seen[k].all()] == list(missing)


def test_where_a_slice_is_missing_sitk_squeezes_the_rest(tmp_path, grid_of, write):
    """SimpleITK gives uniform spacing and moves every slice; a needle would be off by up to a slice distance."""
    grid = grid_of(shape=(24, 20, 24))
    hu = smooth_body(24)
    paths = write(tmp_path / "ct", hu, grid)
    paths[10].unlink()
    values, matrix = read_with_sitk(tmp_path / "ct")
    there = [k for k in range(24) if k != 10]
    off_mm = [np.linalg.norm((matrix @ [n, 0, 0, 1])[:3] - grid.to_lps((k, 0, 0))) for n, k in enumerate(there)]
    assert len(values) == 23 and max(off_mm) > 0.4 * grid.spacing_mm[0]
    try:
        volume = load_ct(tmp_path / "ct")
    except SeriesError as error:
        assert "missing" in str(error)
    else:
        require_as_stored(volume, read_with_pydicom(tmp_path / "ct"), missing=[10])


def test_where_the_gantry_was_tilted_sitk_sets_the_stack_upright(tmp_path, grid_of, write):
    """SimpleITK forgets that the slices lean, so that the last lies millimetres off its place."""
    lean = np.eye(3)[:, ::-1].copy()
    lean[:, 0] = [0, np.sin(np.radians(15)), np.cos(np.radians(15))]
    grid = grid_of(shape=(24, 20, 24), directions=lean)
    hu = smooth_body(24)
    write(tmp_path / "ct", hu, grid)
    _, matrix = read_with_sitk(tmp_path / "ct")
    off_mm = np.linalg.norm((matrix @ [23, 0, 0, 1])[:3] - grid.to_lps((23, 0, 0)))
    assert off_mm > 5
    try:
        volume = load_ct(tmp_path / "ct")
    except SeriesError as error:
        assert "tilt" in str(error)
    else:
        # the body is a plane wave in LPS, so its value at each true place is known
        inside = np.zeros(volume.grid.shape, dtype=bool)
        inside[4:-4, 6:-6, 4:-4] = True
        index = np.argwhere(inside)
        lps = np.asarray(volume.grid.to_lps(index))
        source = grid.to_index(lps)
        within = np.all((source > 1) & (source < np.array(grid.shape) - 2), axis=1)
        assert within.any()
        true = wave(source[within][:, 0], source[within][:, 1], source[within][:, 2])
        assert np.abs(volume.hu[tuple(index[within].T)] - true).max() < 40


def wave(k, row, column):
    return 300 + 40 * k - 45 * row + 20 * column - 100


def smooth_body(slices):
    """Values that rise evenly along every axis: whatever is moved by part of a voxel shows it."""
    k, row, column = np.indices((slices, 20, 24))
    return np.rint(np.clip(wave(k, row, column), -1000, 3000)).astype(np.int16)


@pytest.mark.parametrize("peer", ["SimpleITK", "pydicom", "dcm2niix"])
def test_a_scale_that_changes_from_slice_to_slice_as_the_peers_read_it(tmp_path, hu, grid, write, peer):
    def other_scale(k, ds):
        stored = hu[k].astype(np.int64) + 1024 + 10 * k
        ds.PixelData, ds.RescaleIntercept = stored.astype("<u2").tobytes(), str(-1024 - 10 * k)

    write(tmp_path / "ct", hu, grid, each=other_scale)
    require_peer_agrees(tmp_path, peer)


def test_where_there_is_padding_the_peers_give_it_as_a_measurement(tmp_path, hu, grid, write):
    corner = np.zeros(hu.shape, dtype=bool)
    corner[:, :3, :3] = True

    def pad(k, ds):
        stored = np.frombuffer(ds.PixelData, "<i2").reshape(hu.shape[1:]).copy()
        stored[corner[k]] = -2000
        ds.PixelData = stored.tobytes()
        ds.add_new(0x00280120, "SS", -2000)

    write(tmp_path / "ct", hu, grid, signed=True, intercept=-1024, each=pad)
    volume = load_ct(tmp_path / "ct")
    assert np.array_equal(volume.padding, corner)
    values, matrix = read_with_sitk(tmp_path / "ct")
    require_same_in_lps(type(volume)(volume.grid, np.where(corner, np.int16(-3024), volume.hu)), values, matrix)


def test_where_a_slice_is_there_twice_sitk_makes_a_thicker_volume(tmp_path, hu, grid, write):
    paths = write(tmp_path / "ct", hu, grid)
    shutil.copy(paths[3], paths[3].with_name("copy"))
    values, _ = read_with_sitk(tmp_path / "ct")
    assert len(values) == len(hu) + 1
    volume = load_ct(tmp_path / "ct")
    assert np.array_equal(volume.hu, hu)
    assert volume.grid.is_same(grid)


def test_the_zoo_as_the_peers_read_it(shared_dir):
    folder = shared_dir / "dicom_zoo" / "jpeg2000_series"
    volume = load_ct(folder)
    require_same_in_lps(volume, *read_with_sitk(folder))


def test_the_thoracic_case_as_the_peers_read_it(shared_dir, tmp_path):
    folder = shared_dir / "cases" / "thoracic_loose_screws" / "dicom"
    volume = load_ct(folder)
    require_same_in_lps(volume, *read_with_sitk(folder))
    require_same_in_lps(volume, *read_with_dcm2niix(folder, tmp_path / "nifti"))


@pytest.mark.parametrize("writer", ["SimpleITK", "dcm2niix"])
def test_a_nifti_copy_is_the_same_ct_bit_for_bit(tmp_path, hu, grid_of, write, writer):
    grid = grid_of(spacing=(1.0, 0.8, 0.8), origin=(-133.6, -112.1, -61.7))
    write(tmp_path / "ct", hu, grid)
    copy = tmp_path / "copy.nii"
    if writer == "SimpleITK":
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "ct")))
        sitk.WriteImage(reader.Execute(), str(copy))
    else:
        read_with_dcm2niix(tmp_path / "ct", tmp_path / "nifti")
        copy = next((tmp_path / "nifti").glob("*.nii"))
    volume = load_scan(copy).volume
    values, matrix = volume.hu, volume.grid.lps_from_index
    require_same_in_lps(load_ct(tmp_path / "ct"), values, matrix)
    # a spacing of 0.80000001 mm, as single precision holds it, changed gaps by a percent
    assert volume.grid.spacing_mm == (1.0, 0.8, 0.8)
