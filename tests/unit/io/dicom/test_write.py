"""A written series is what it was, byte for byte the same each time, and what a strict checker accepts."""

import subprocess

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from planner.errors import GeometryError, OutputError
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.io import load_scan
from planner.io.dicom.write import SeriesIdentity, derived_uid, write_ct_series
from planner.model.volume import Volume
from tests.dicom3tools import needs_dciodvfy

IDENTITY = SeriesIdentity(seed="test", patient_name="Phantom^Hip", patient_id="PHANTOM-HIP")


def test_it_comes_back_as_it_was(tmp_path, volume):
    paths = write_ct_series(volume, tmp_path / "a", identity=IDENTITY)
    scan = load_scan(tmp_path / "a")
    assert np.array_equal(scan.volume.hu, volume.hu)
    assert scan.volume.grid.is_same(volume.grid)
    assert scan.slice_files == paths
    assert scan.series.series_instance_uid == derived_uid("test", "series")
    assert [p.name for p in paths[:2]] == ["IM00000", "IM00001"]


def test_oblique_grids(tmp_path, hu, grid_of):
    grid = grid_of(directions=rotation_about((1, 2, -0.5), 33.0) @ np.eye(3)[:, ::-1])
    write_ct_series(Volume(grid, hu), tmp_path, identity=IDENTITY)
    loaded = load_scan(tmp_path).volume
    assert np.abs(loaded.grid.corners_lps - grid.corners_lps).max() < 1e-6
    assert np.array_equal(loaded.hu, hu)
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path)))
    at = image.TransformPhysicalPointToIndex([float(v) for v in grid.to_lps((3, 5, 7))])
    assert image[at] == 2500


def test_a_left_handed_grid_keeps_its_positions(tmp_path, hu, grid_of):
    grid = grid_of(directions=np.eye(3)[:, ::-1] * np.array([-1, 1, 1]))
    write_ct_series(Volume(grid, hu), tmp_path, identity=IDENTITY)
    loaded = load_scan(tmp_path).volume
    index = np.rint(loaded.grid.to_index(grid.to_lps((3, 5, 7)))).astype(int)
    assert loaded.hu[tuple(index)] == 2500


@pytest.mark.parametrize(("top", "bits"), [(3071, 12), (3072, 16), (20000, 16)])
def test_twelve_bits_where_they_suffice(tmp_path, hu, grid, top, bits):
    wide = hu.astype(np.int32)
    wide[3, 5, 7] = top
    paths = write_ct_series(Volume(grid, wide), tmp_path, identity=IDENTITY)
    ds = pydicom.dcmread(paths[3])
    assert ds.BitsStored == bits and ds.file_meta.TransferSyntaxUID == pydicom.uid.JPEGLSLossless
    assert np.array_equal(load_scan(tmp_path).volume.hu, wide)


def test_byte_for_byte_the_same_and_another_seed_another_series(tmp_path, volume):
    first = write_ct_series(volume, tmp_path / "a", identity=IDENTITY)
    second = write_ct_series(volume, tmp_path / "b", identity=IDENTITY)
    other = write_ct_series(volume, tmp_path / "c", identity=SeriesIdentity(seed="other"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    assert pydicom.dcmread(other[0]).SeriesInstanceUID != pydicom.dcmread(first[0]).SeriesInstanceUID
    assert len({pydicom.dcmread(p).SOPInstanceUID for p in (*first, *other)}) == 2 * len(volume.hu)


def test_refusals(tmp_path, hu, grid):
    sheared = grid.lps_from_index.copy()
    sheared[1, 0] = 0.5
    with pytest.raises(GeometryError, match="rectangular"):
        write_ct_series(Volume(Grid(hu.shape, sheared), hu), tmp_path / "a", identity=IDENTITY)
    wild = hu.astype(np.int32)
    wild[0, 0, 0] = 60_000
    with pytest.raises(OutputError, match="do not fit"):
        write_ct_series(Volume(grid, wild), tmp_path / "b", identity=IDENTITY)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_ct_series(Volume(grid, hu), tmp_path / "file", identity=IDENTITY)
    assert not (tmp_path / "a").exists() and not (tmp_path / "b").exists()


@needs_dciodvfy
@pytest.mark.parametrize("body_part", ["HIP", "LSPINE", "TSPINE"])
def test_dciodvfy_finds_no_error(tmp_path, volume, body_part):
    identity = SeriesIdentity(seed="test", body_part=body_part)
    paths = write_ct_series(volume, tmp_path, identity=identity)
    said = subprocess.run(["dciodvfy", str(paths[0])], capture_output=True, text=True, check=False, timeout=60)
    assert "CTImage" in said.stderr + said.stdout
    assert "Error" not in said.stderr + said.stdout
