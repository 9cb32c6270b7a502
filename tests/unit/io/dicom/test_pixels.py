"""Pixels of every kind come out as the same Hounsfield units."""

import gdcm
import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from planner.errors import SeriesError
from planner.io import load_ct, load_scan
from planner.io.dicom.pixels import PADDING_HU
from planner.progress import Progress


@pytest.mark.parametrize(
    ("syntax", "plugin"),
    [
        (ExplicitVRLittleEndian, ""),
        (ImplicitVRLittleEndian, ""),
        (ExplicitVRBigEndian, ""),
        (DeflatedExplicitVRLittleEndian, ""),
        (RLELossless, "pydicom"),
        (JPEGLSLossless, "pyjpegls"),
    ],
)
@pytest.mark.parametrize(("signed", "bits", "intercept"), [(False, 16, -8192), (False, 12, -1024), (True, 16, 0)])
def test_lossless_syntaxes_give_the_same_hu(tmp_path, hu, grid, write, syntax, plugin, signed, bits, intercept):
    write(tmp_path, hu, grid, syntax=syntax, plugin=plugin, signed=signed, bits=bits, intercept=intercept)
    volume = load_ct(tmp_path)
    assert volume.hu.dtype == np.int16
    assert np.array_equal(volume.hu, hu)
    assert volume.padding is None
    assert volume.grid.is_same(grid)


@pytest.mark.parametrize("name", ["JPEGLosslessProcess14_1", "JPEG2000Lossless"])
def test_syntaxes_transcoded_by_gdcm(tmp_path, hu, grid, write, name):
    for path in write(tmp_path, hu, grid, intercept=-8192):
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(path))
        assert reader.Read()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, name)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.SetFileName(str(path))
        assert writer.Write()
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID.is_compressed
    assert np.array_equal(load_ct(tmp_path).hu, hu)


def test_lossy_is_loaded_with_a_finding_and_lossless_has_none(tmp_path, hu, grid, write):
    write(tmp_path / "a", hu, grid, syntax=JPEGLSNearLossless, plugin="pyjpegls", intercept=-8192)
    scan = load_scan(tmp_path / "a")
    assert "lossy-compression" in [f.code for f in scan.findings]
    write(tmp_path / "b", hu, grid, LossyImageCompression="01")
    assert "lossy-compression" in [f.code for f in load_scan(tmp_path / "b").findings]
    write(tmp_path / "c", hu, grid, LossyImageCompression="00")
    assert load_scan(tmp_path / "c").findings == ()


@pytest.mark.parametrize("syntax", ["50", "51", "53", "55", "92"])
def test_other_syntaxes_are_refused_by_name(tmp_path, hu, grid, write, syntax):
    uid = f"1.2.840.10008.1.2.4.{syntax}"

    def pretend(_, ds):
        ds.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xd9"])
        ds["PixelData"].is_undefined_length = True
        ds.file_meta.TransferSyntaxUID = uid

    write(tmp_path, hu, grid, each=pretend)
    with pytest.raises(SeriesError, match=uid.replace(".", r"\.")):
        load_ct(tmp_path)


def test_slope_and_intercept_count_slice_by_slice(tmp_path, hu, grid, write):
    def other_scale(k, ds):
        stored = hu[k].astype(np.int64) + 1024 + 10 * k
        ds.PixelData, ds.RescaleIntercept = stored.astype("<u2").tobytes(), str(-1024 - 10 * k)

    write(tmp_path, hu, grid, each=other_scale)
    assert np.array_equal(load_ct(tmp_path).hu, hu)


def test_whole_slope_two_and_broken_slope(tmp_path, hu, grid, write):
    even = hu // 2 * 2
    write(tmp_path / "two", even, grid, slope=2.0, intercept=-1024)
    volume = load_ct(tmp_path / "two")
    assert volume.hu.dtype == np.int16 and np.array_equal(volume.hu, even)
    write(tmp_path / "half", hu, grid, slope=0.5, intercept=-1024.5)
    volume = load_ct(tmp_path / "half")
    assert volume.hu.dtype == np.float32
    assert np.abs(volume.hu - hu).max() <= 0.5


def test_hu_beyond_16_bits_are_kept(tmp_path, hu, grid, write):
    wide = hu.astype(np.int32)
    wide[2, 6, 8] = 50_000
    write(tmp_path, wide, grid, intercept=-8192)
    volume = load_ct(tmp_path)
    assert volume.hu.dtype == np.int32
    assert np.array_equal(volume.hu, wide)


def test_signed_twelve_bits_without_their_sign_extended(tmp_path, hu, grid, write):
    low = np.clip(hu, -1024, 2047)

    def cut(k, ds):
        ds.PixelData = ((low[k].astype(np.int64)) & 0x0FFF).astype("<u2").tobytes()

    write(tmp_path, low, grid, intercept=0, signed=True, bits=12, each=cut)
    assert np.array_equal(load_ct(tmp_path).hu, low)


@pytest.mark.parametrize(
    ("signed", "bits", "intercept", "padding"),
    [
        (True, 16, 0, 63536),
        (True, 16, -1024, 63536),
        (False, 12, -1024, 63536),
        (True, 16, 0, -2000),
        (False, 16, -8192, 0),
    ],
)
def test_padding_is_found_also_outside_the_stored_range(tmp_path, hu, grid, write, signed, bits, intercept, padding):
    corner = np.zeros(hu.shape, dtype=bool)
    corner[:, :2, :2] = True

    def pad(k, ds):
        stored = np.frombuffer(ds.PixelData, "<u2").reshape(hu.shape[1:]).copy()
        stored[corner[k]] = padding & 0xFFFF
        ds.PixelData = stored.tobytes()
        ds.add_new(0x00280120, "SS" if padding < 0 else "US", padding)

    write(tmp_path, hu, grid, signed=signed, bits=bits, intercept=intercept, each=pad)
    scan = load_scan(tmp_path)
    assert np.array_equal(scan.volume.padding, corner)
    assert np.all(scan.volume.hu[corner] == PADDING_HU)
    assert np.array_equal(scan.volume.hu[~corner], hu[~corner])
    assert scan.volume.hu.dtype == np.int16
    assert "padding" in [f.code for f in scan.findings]


def test_a_range_of_padding(tmp_path, hu, grid, write):
    def pad(k, ds):
        stored = np.frombuffer(ds.PixelData, "<u2").reshape(hu.shape[1:]).copy()
        stored[0, :3] = [63536, 63540, 63546]
        ds.PixelData = stored.tobytes()
        ds.add_new(0x00280120, "SS", -2000)
        ds.add_new(0x00280121, "SS", -1990)

    write(tmp_path, hu, grid, signed=True, intercept=0, each=pad)
    padding = load_ct(tmp_path).padding
    assert np.all(padding[:, 0, :3]) and np.count_nonzero(padding) == 3 * len(hu)


def test_a_padding_value_that_no_voxel_has_leaves_no_mask(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, signed=True, intercept=0, each=lambda _, ds: ds.add_new(0x00280120, "SS", -32768))
    assert load_ct(tmp_path).padding is None


def test_a_cut_off_slice_is_named_by_its_place(tmp_path, hu, grid, write):
    paths = write(tmp_path, hu, grid)
    paths[4].write_bytes(paths[4].read_bytes()[:-100])
    x, y, z = grid.to_lps((4, 0, 0))
    with pytest.raises(SeriesError, match=rf"\({x:.2f}, {y:.2f}, {z:.2f}\) mm is cut off") as caught:
        load_ct(tmp_path)
    assert "Roe" not in str(caught.value) and paths[4].name not in str(caught.value)


@pytest.mark.parametrize(("syntax", "plugin"), [(RLELossless, "pydicom"), (JPEGLSLossless, "pyjpegls")])
def test_a_cut_off_compressed_slice_is_refused(tmp_path, hu, grid, write, syntax, plugin):
    paths = write(tmp_path, hu, grid, syntax=syntax, plugin=plugin)
    paths[4].write_bytes(paths[4].read_bytes()[:-200])
    with pytest.raises(SeriesError, match="cut off or damaged"):
        load_ct(tmp_path)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"RescaleSlope": None, "RescaleIntercept": None}, "no rescale"),
        ({"RescaleSlope": "0"}, "no rescale"),
        ({"RescaleType": "MGML"}, "MGML"),
        ({"BitsAllocated": 32}, "32 bits"),
    ],
)
def test_what_is_not_hu_is_refused(tmp_path, hu, grid, write, tags, words):
    write(tmp_path, hu, grid, **tags)
    with pytest.raises(SeriesError, match=words):
        load_ct(tmp_path)


def test_hu_type_named_is_welcome(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, RescaleType="HU")
    assert np.array_equal(load_ct(tmp_path).hu, hu)


def test_the_monitor_hears_of_every_slice(tmp_path, hu, grid, write):
    heard: list[Progress] = []

    class Listener:
        def report(self, progress):
            heard.append(progress)

        def cancelled(self):
            return False

    write(tmp_path, hu, grid)
    load_ct(tmp_path, monitor=Listener())
    assert Progress("reading slices", len(hu), len(hu)) in heard
