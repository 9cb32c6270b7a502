"""Real and awkward files, where the folder of shared cases lies beside the project."""

import nibabel as nib
import numpy as np
import pydicom
import pytest

from planner.errors import SeriesError
from planner.io import load_ct, load_scan
from planner.io.nifti import read_label_nifti


@pytest.fixture(scope="module")
def zoo(shared_dir):
    return shared_dir / "dicom_zoo"


def test_every_transfer_syntax_is_right_or_refused_by_name(zoo):
    folder = zoo / "transfer_syntaxes"
    plain = load_ct(folder / "CTImage.dcm")
    ds = pydicom.dcmread(folder / "CTImage.dcm")
    stored = ds.pixel_array.astype(int)
    # no element names the -2000 that fills the outside of the circle
    assert np.array_equal(plain.padding[0], stored == -2000)
    assert np.array_equal(plain.hu[0], np.where(stored == -2000, -1024, stored - 1024))
    furthest = {"81": 1, "91": 5}
    refused = []
    for path in sorted(folder.iterdir()):
        kind = path.stem.rsplit(".", 1)[-1]
        if kind in ("50", "51", "53", "55"):
            with pytest.raises(SeriesError, match="JPEG"):
                load_ct(path)
            refused.append(kind)
            continue
        scan = load_scan(path)
        off = np.abs(scan.volume.hu.astype(int) - plain.hu).max()
        assert off <= furthest.get(kind, 0), path.name
        assert ("lossy-compression" in [f.code for f in scan.findings]) == (kind in furthest)
    assert sorted(refused) == ["50", "51", "53", "55"]


def test_tilted_head_of_two_thicknesses_is_parted_and_set_upright(zoo):
    folder = zoo / "gantry_tilt_irregular"
    scan = load_scan(folder)
    volume = scan.volume
    assert volume.grid.is_rectangular and volume.grid.shape[0] == 14
    assert {"gantry-tilt", "padding"} <= {f.code for f in scan.findings}
    slices = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    thin = [ds for ds in slices if float(ds.SliceThickness) == 4.0]
    pixels = np.argwhere(np.ones((120, 120), dtype=bool)) * 2 + 140
    for ds in (thin[0], thin[6], thin[13]):
        along_row, along_column = np.array(ds.ImageOrientationPatient, dtype=float).reshape(2, 3)
        place = np.array(ds.ImagePositionPatient, dtype=float)
        lps = place + pixels @ (np.array([along_column, along_row]) * float(ds.PixelSpacing[0]))
        index = np.asarray(volume.grid.to_index(lps))
        assert np.abs(index[:, 0] - np.rint(index[0, 0])).max() < 0.01
        assert np.abs(index[:, 2] - np.rint(index[:, 2])).max() < 0.01
        k, row, column = np.rint(index[:, 0]).astype(int), np.floor(index[:, 1]).astype(int), np.rint(index[:, 2])
        part, column = index[:, 1] - row, column.astype(int)
        ours = volume.hu[k, row, column] * (1 - part) + volume.hu[k, row + 1, column] * part
        stored = ds.pixel_array.astype(float) * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
        head = stored[tuple(pixels.T)] > -300
        # two linear steps along the columns blur the noise; a voxel out of place would be off by the skull's contrast
        assert np.median(np.abs(ours - stored[tuple(pixels.T)])[head]) < 5


def test_jpeg2000_series_as_pydicom_reads_it(zoo):
    scan = load_scan(zoo / "jpeg2000_series")
    assert scan.series.shape_zyx == (20, 512, 512)
    assert scan.series.spacing_mm == pytest.approx((2.0, 0.9765625, 0.9765625))
    for number in (0, 7, 19):
        ds = pydicom.dcmread(scan.slice_files[number])
        assert np.asarray(scan.volume.grid.to_lps((number, 0, 0))) == pytest.approx(ds.ImagePositionPatient)
        assert np.array_equal(scan.volume.hu[number], ds.pixel_array.astype(int) - 1024)


def test_enhanced_perfusion_map_is_refused(zoo):
    with pytest.raises(SeriesError, match="perfusion map"):
        load_ct(zoo / "enhanced_multiframe")


def test_thoracic_case(shared_dir):
    scan = load_scan(shared_dir / "cases" / "thoracic_loose_screws" / "dicom")
    first = pydicom.dcmread(scan.slice_files[0])
    assert scan.series.shape_zyx == (len(scan.slice_files), first.Rows, first.Columns) == (75, 290, 360)
    assert scan.series.spacing_mm == pytest.approx((1.0, *first.PixelSpacing))
    assert scan.series.hu_clipped_at is None and scan.series.patient_position == first.get("PatientPosition")
    for number in (0, 40, 74):
        ds = pydicom.dcmread(scan.slice_files[number])
        assert np.asarray(scan.volume.grid.to_lps((number, 0, 0))) == pytest.approx(ds.ImagePositionPatient)
        assert np.array_equal(scan.volume.hu[number], ds.pixel_array.astype(int) - 8192)


def test_lumbar_nifti_lies_where_its_labels_say(shared_dir):
    real = shared_dir / "real"
    volume = load_ct(real / "lumbar_ct.nii.gz")
    labels = read_label_nifti(real / "lumbar_subregions.nii.gz")
    volume.grid.require_same(labels.grid)
    centre = {
        code: np.asarray(labels.grid.to_lps(np.argwhere(labels.codes == code))).mean(axis=0)
        for code in (42, 43, 44, 49)
    }
    # 42 spinous process, 43 left and 44 right transverse process, 49 body
    assert centre[42][1] - centre[49][1] > 20
    assert centre[43][0] - centre[44][0] > 30
    image = nib.load(real / "lumbar_subregions.nii.gz")
    for code, point in centre.items():
        ras = nib.affines.apply_affine(image.affine, np.argwhere(np.asarray(image.dataobj) == code)).mean(axis=0)
        assert point == pytest.approx(ras * (-1, -1, 1), abs=1e-3)
    bone = volume.hu[labels.codes > 0]
    assert np.median(bone) > 120 > np.median(volume.hu)


def test_nail_is_in_the_left_femur(shared_dir):
    volume = load_ct(shared_dir / "real" / "femoral_nail_ct.nii.gz")
    metal = np.asarray(volume.grid.to_lps(np.argwhere(volume.hu > 2500)))
    spine = read_label_nifti(shared_dir / "real" / "femoral_nail_vertebrae.nii.gz")
    volume.grid.require_same(spine.grid)
    vertebrae = np.asarray(spine.grid.to_lps(np.argwhere(spine.codes > 0)))
    assert np.median(metal[:, 0]) > np.median(vertebrae[:, 0]) + 40
    assert np.median(metal[:, 2]) < np.median(vertebrae[:, 2])
