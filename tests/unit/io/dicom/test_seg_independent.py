"""Labels as DICOM Segmentation, read by dcmqi, which shares nothing with the writer: same voxels, same place."""

import subprocess
import sys
import warnings
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import ExplicitVRLittleEndian

from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.io import load_scan
from planner.io.dicom.seg import write_seg_on_slices
from planner.model.labels import Structure

CODES = (7, 2, 300)
STRUCTURES = (
    Structure(code=7, kind="gap", id="gap-1"),
    Structure(code=2, kind="implant", id="screw-1"),
    Structure(code=300, kind="bone", id="vertebra-1"),
)
AXIAL = np.eye(3)[:, ::-1]


def codes_of(shape):
    """Labels without any symmetry; a gap that touches its implant."""
    codes = np.zeros(shape, dtype=np.uint16)
    codes[1:4, 2:9, 3:5] = 7
    codes[2, 4:7, 5] = 2
    codes[6, 10:, 20:] = 2
    codes[5:9, 1:4, 10:14] = 300
    codes[-1, -1, -1] = 300
    return codes


def read_by_dcmqi(path: Path, folder: Path) -> list[sitk.Image]:
    """Every segment as dcmqi gives it, in the order of the segments."""
    folder.mkdir()
    tool = Path(sys.executable).with_name("segimage2itkimage")
    done = subprocess.run(
        [tool, "--inputDICOM", path, "--outputDirectory", folder, "--outputType", "nrrd"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    files = sorted(folder.glob("*.nrrd"), key=lambda file: int(file.stem))
    return [sitk.ReadImage(str(file)) for file in files]


def enhanced(files, folder):
    """The same slices as frames of one file, in another order."""
    sets = [pydicom.dcmread(files[k]) for k in (7, 2, 11, 0, 5, 1, 10, 3, 9, 4, 8, 6)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = hd.legacy.LegacyConvertedEnhancedCTImage(
            sets, series_instance_uid="1.2.3.9", series_number=2, sop_instance_uid="1.2.3.10", instance_number=1,
            transfer_syntax_uid=ExplicitVRLittleEndian,
        )  # fmt: skip
    whole.save_as(folder / "enhanced.dcm")
    return folder / "enhanced.dcm"


def lean(grid):
    matrix = grid.lps_from_index.copy()
    matrix[:3, 0] += 0.4 * grid.directions_lps[:, 1]
    return Grid(grid.shape, matrix, grid.frame_of_reference_uid)


@pytest.mark.parametrize("stored", ["axial", "flipped", "oblique", "coronal", "multi-frame", "sheared"])
def test_dcmqi_reads_the_same_voxels_in_the_same_place(tmp_path, hu, grid_of, write, stored):
    directions = {
        "flipped": AXIAL * np.array([-1.0, -1.0, 1.0]),
        "oblique": rotation_about((1, 2, -0.5), 33.0) @ AXIAL,
        "coronal": np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    }.get(stored, AXIAL)
    grid = grid_of(directions=directions)
    if stored == "sheared":
        grid = lean(grid)
    places = {k: [f"{v:.8g}" for v in grid.to_lps((k, 0, 0))] for k in range(len(hu))}
    files = write(tmp_path / "ct", hu, grid, each=lambda k, ds: setattr(ds, "ImagePositionPatient", places[k]))
    scan = load_scan(enhanced(files, tmp_path) if stored == "multi-frame" else tmp_path / "ct")
    own = scan.own_slices
    codes = codes_of(own.shape)
    write_seg_on_slices(codes, STRUCTURES, own, scan.slice_files, tmp_path / "labels.dcm")
    images = read_by_dcmqi(tmp_path / "labels.dcm", tmp_path / "itk")
    assert len(images) == len(STRUCTURES)
    for image, structure in zip(images, sorted(STRUCTURES, key=lambda s: s.code), strict=True):
        ours = np.argwhere(codes == structure.code)
        ours_lps = own.positions_lps[ours[:, 0]] + ours[:, 1:2] * own.row_step_lps + ours[:, 2:] * own.column_step_lps
        theirs = np.argwhere(sitk.GetArrayViewFromImage(image))[:, ::-1]
        theirs_lps = np.array([image.TransformIndexToPhysicalPoint(v.tolist()) for v in theirs])
        assert len(ours) == len(theirs)
        if stored == "sheared":  # ITK's images cannot lean: the same voxels, counted from the first labelled slice
            first = np.argwhere(codes)[:, 0].min() * np.array([1, 0, 0])
            assert np.array_equal(ours - first, theirs[:, ::-1])
            continue
        apart = np.abs(ours_lps[:, None] - theirs_lps[None]).max(axis=2).min(axis=1)
        assert apart.max() < 1e-3
