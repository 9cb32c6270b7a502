"""Pixels of every kind come out as the same Hounsfield units."""

import tracemalloc
import zlib

import gdcm
import imagecodecs
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

from planner.errors import CancelledError, SeriesError
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


NEWER = {
    "1.2.840.10008.1.2.8.1": lambda words: zlib.compress(words.astype("<u2").tobytes(), wbits=-zlib.MAX_WBITS),
    "1.2.840.10008.1.2.4.57": lambda words: imagecodecs.jpeg8_encode(
        words, lossless=True, predictor=6, bitspersample=16
    ),
    "1.2.840.10008.1.2.4.110": lambda words: imagecodecs.jpegxl_encode(words, lossless=True, effort=1),
    "1.2.840.10008.1.2.4.201": lambda words: imagecodecs.htj2k_encode(words, reversible=True),
    "1.2.840.10008.1.2.4.202": lambda words: imagecodecs.htj2k_encode(words, reversible=True),
    "1.2.840.10008.1.2.4.203": lambda words: imagecodecs.htj2k_encode(words, reversible=False),
}


def write_encoded(folder, hu, grid, write, syntax, encode, **tags):
    """Write with an encoder of our own; pydicom does not know all of these syntaxes."""

    def swap(_, ds):
        words = np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns)
        data = bytes(encode(words))
        ds.PixelData = pydicom.encaps.encapsulate([data + b"\0" * (len(data) % 2)])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True

    paths = write(folder, hu, grid, each=swap, **tags)
    for path in paths:
        plain, named = b"1.2.840.10008.1.2.1\0", syntax.encode() + b"\0" * (len(syntax) % 2)
        head = path.read_bytes()
        at = head.index(plain)
        grown = len(named) - len(plain)
        length = int.from_bytes(head[140:144], "little") + grown
        head = head[:140] + length.to_bytes(4, "little") + head[144:]
        size = len(named).to_bytes(2, "little")
        path.write_bytes(head[: at - 2] + size + named + head[at + len(plain) :])
    return paths


@pytest.mark.parametrize("syntax", NEWER)
def test_newer_and_rarer_syntaxes(tmp_path, hu, grid, write, syntax):
    write_encoded(tmp_path, hu, grid, write, syntax, NEWER[syntax], intercept=-8192)
    scan = load_scan(tmp_path)
    lossy = syntax.endswith(".203")
    assert np.abs(scan.volume.hu.astype(int) - hu).max() <= (2 if lossy else 0)
    assert ("lossy-compression" in [f.code for f in scan.findings]) == lossy


@pytest.mark.parametrize("syntax", [s for s in NEWER if s.endswith((".57", ".110", ".201", ".8.1"))])
@pytest.mark.parametrize("keep", [0.98, 0.5])
def test_a_frame_that_ends_early_is_refused(tmp_path, hu, grid, write, syntax, keep):
    def cut(words):
        data = bytes(NEWER[syntax](words))
        return data[: int(len(data) * keep)]

    write_encoded(tmp_path, hu, grid, write, syntax, cut)
    with pytest.raises(SeriesError, match="cut off or damaged"):
        load_ct(tmp_path)


@pytest.mark.parametrize("syntax", [s for s in NEWER if s.endswith((".57", ".110", ".201"))])
def test_a_frame_of_another_size_than_its_header_names_is_refused(tmp_path, hu, grid, write, syntax):
    write_encoded(tmp_path, hu, grid, write, syntax, lambda words: NEWER[syntax](np.vstack([words, words])))
    with pytest.raises(SeriesError, match="not of the size"):
        load_ct(tmp_path)


def test_jpeg_xl_cannot_hold_the_signed_values_that_a_header_names(tmp_path, hu, grid, write):
    syntax = "1.2.840.10008.1.2.4.110"
    write_encoded(tmp_path, hu, grid, write, syntax, NEWER[syntax], signed=True, intercept=0)
    with pytest.raises(SeriesError, match="JPEG XL holds no signed"):
        load_ct(tmp_path)


def test_frames_in_several_fragments_are_joined(tmp_path, hu, grid, write):
    def split(_, ds):
        data = bytes(imagecodecs.jpegls_encode(np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns)))
        ds.PixelData = pydicom.encaps.encapsulate([data + b"\0" * (len(data) % 2)], fragments_per_frame=3)
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        ds.file_meta.TransferSyntaxUID = JPEGLSLossless

    write(tmp_path, hu, grid, each=split)
    assert np.array_equal(load_ct(tmp_path).hu, hu)


def test_reading_in_threads_stops_when_asked_to(tmp_path, hu, grid, write):
    class Impatient:
        asked = 0

        def report(self, progress):
            self.asked += progress.stage == "reading slices"

        def cancelled(self):
            return self.asked > 3

    write(tmp_path, hu, grid, syntax=JPEGLSLossless, plugin="pyjpegls")
    with pytest.raises(CancelledError):
        load_ct(tmp_path, monitor=Impatient())


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


def add_overlay_bits(ds, hu, bits):
    stored = np.frombuffer(ds.PixelData, "<u2").reshape(hu.shape[1:]).copy()
    stored[5:9, 5:9] |= bits
    ds.PixelData = stored.tobytes()


@pytest.mark.parametrize("signed", [False, True])
def test_declared_overlay_bits_are_no_part_of_the_values(tmp_path, hu, grid, write, signed):
    low = np.clip(hu, -1024, 2047)

    def overlay(k, ds):
        if signed:
            ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") & 0x0FFF).astype("<u2").tobytes()
        add_overlay_bits(ds, hu, 0x4000)
        ds.add_new(0x60000100, "US", 16)
        ds.add_new(0x60000102, "US", 14)

    write(tmp_path, low, grid, bits=12, signed=signed, intercept=0 if signed else -1024, each=overlay)
    assert np.array_equal(load_ct(tmp_path).hu, low)


def test_undeclared_high_bits_are_refused_for_they_may_be_half_of_a_value(tmp_path, hu, grid, write):
    write(tmp_path, np.clip(hu, -1024, 3071), grid, bits=12, each=lambda _, ds: add_overlay_bits(ds, hu, 0x1000))
    with pytest.raises(SeriesError, match="beyond the 12 bits"):
        load_ct(tmp_path)


def test_values_in_the_upper_bits_are_refused(tmp_path, hu, grid, write):
    def shift(_, ds):
        ds.PixelData = (np.frombuffer(ds.PixelData, "<u2") << 4).astype("<u2").tobytes()
        ds.HighBit = 15

    write(tmp_path, np.clip(hu, -1024, 3071), grid, bits=12, each=shift)
    with pytest.raises(SeriesError, match="below bit 15"):
        load_ct(tmp_path)


def circle(shape):
    row, column = np.mgrid[: shape[1], : shape[2]]
    far = np.hypot(row - (shape[1] - 1) / 2, (column - (shape[2] - 1) / 2) * shape[1] / shape[2]) > shape[1] / 2
    return np.broadcast_to(far, shape)


@pytest.mark.parametrize("mark", [-2000, -3024])
@pytest.mark.parametrize("lossy", [False, True])
def test_a_constant_below_air_outside_the_circle_is_padding_without_a_tag(tmp_path, hu, grid, write, mark, lossy):
    outside = circle(hu.shape)
    values = np.where(outside, mark, hu).astype(np.int64)
    tags = {}
    if lossy:
        values[outside] += np.random.default_rng(0).integers(-3, 4, outside.sum())
        tags = {"LossyImageCompression": "01"}
    write(tmp_path, values, grid, signed=True, intercept=-1024, **tags)
    scan = load_scan(tmp_path)
    assert np.array_equal(scan.volume.padding, outside)
    assert np.array_equal(scan.volume.hu[~outside], hu[~outside])
    assert np.all(scan.volume.hu[outside] == PADDING_HU)
    assert scan.series.hu_min == hu[~outside].min()


def test_values_below_air_that_are_no_constant_are_kept(tmp_path, hu, grid, write):
    dark = hu.copy()
    dark[:, :4] -= 400
    write(tmp_path, dark, grid, intercept=-8192)
    volume = load_ct(tmp_path)
    assert np.array_equal(volume.hu, dark) and volume.padding is None


def test_saturated_voxels_inside_are_no_padding_though_they_have_its_value(tmp_path, hu, grid, write):
    outside = circle(hu.shape)
    values = np.where(outside, -2000, hu)
    values[4, 9:11, 11:13] = -2000
    write(tmp_path, values, grid, signed=True, intercept=0)
    volume = load_ct(tmp_path)
    assert np.array_equal(volume.padding, outside)
    assert np.all(volume.hu[4, 9:11, 11:13] == -2000)


def test_padding_with_a_value_that_air_has_counts_only_from_the_sides(tmp_path, hu, grid, write):
    values = np.maximum(hu, -1000)
    values[:, 8:10, 10:12] = -1024
    values[:, :2] = -1024
    write(tmp_path, values, grid, intercept=-1024, PixelPaddingValue=0)
    volume = load_ct(tmp_path)
    expected = np.zeros(hu.shape, dtype=bool)
    expected[:, :2] = True
    assert np.array_equal(volume.padding, expected)


@pytest.mark.parametrize("vr", ["US", "SS"])
def test_padding_may_be_named_signed_or_unsigned(tmp_path, hu, grid, write, vr):
    values = hu.copy()
    values[:, :2, :3] = -2000
    write(
        tmp_path,
        values,
        grid,
        signed=True,
        intercept=0,
        each=lambda _, ds: ds.add_new(0x00280120, vr, 63536 if vr == "US" else -2000),
    )
    assert np.count_nonzero(load_ct(tmp_path).padding) == 6 * len(hu)


def test_a_slice_that_is_padding_throughout_does_not_count(tmp_path, hu, grid, write):
    values = hu.copy()
    values[0] = -2000
    write(tmp_path, values, grid, signed=True, intercept=0)
    scan = load_scan(tmp_path)
    assert scan.volume.padding[0].all() and not scan.volume.padding[1:].any()
    assert scan.series.hu_min == hu[1:].min()


@pytest.mark.parametrize("intercept", [-10240, -8192, -32768])
def test_extended_scales(tmp_path, hu, grid, write, intercept):
    wide = hu.astype(np.int32)
    wide[2, 6, 8:11] = [3072, 8000, 22_000]
    write(tmp_path, wide, grid, intercept=intercept)
    scan = load_scan(tmp_path)
    assert np.array_equal(scan.volume.hu, wide) and scan.series.hu_max == 22_000
    assert scan.series.hu_clipped_at is None


def test_fractional_slopes_that_differ_from_slice_to_slice(tmp_path, hu, grid, write):
    def scale(k, ds):
        ds.RescaleSlope = f"{0.5 + 0.03 * (k % 3):g}"
        stored = np.rint((hu[k].astype(float) + 1024) / float(ds.RescaleSlope)).astype("<u2")
        ds.PixelData = stored.tobytes()

    write(tmp_path, hu, grid, each=scale)
    volume = load_ct(tmp_path)
    assert volume.hu.dtype == np.float32
    assert np.abs(volume.hu - hu).max() <= 0.29


def test_slices_on_several_scales_have_the_lowest_level(tmp_path, hu, grid, write):
    bright = hu.astype(float)
    bright[:, 9:14, 12:16] = np.random.default_rng(3).normal(6000, 300, (len(hu), 5, 4))

    def scale(k, ds):
        slope = 0.75 if k < 6 else 1.0
        ds.RescaleSlope = str(slope)
        stored = np.rint(np.minimum((bright[k] + 1024) / slope, 4095)).astype("<u2")
        ds.PixelData = stored.tobytes()

    write(tmp_path, hu, grid, bits=12, each=scale)
    assert load_scan(tmp_path).series.hu_clipped_at == 0.75 * 4095 - 1024


@pytest.mark.parametrize(
    ("tags", "word"), [({"RescaleSlope": None, "RescaleIntercept": None}, "rescale"), ({"RescaleType": "ED"}, "ED")]
)
def test_the_user_may_vouch_for_hu_and_a_finding_says_so(tmp_path, hu, grid, write, tags, word):
    write(tmp_path, hu, grid, signed=True, intercept=0, **tags)
    with pytest.raises(SeriesError, match="--assume-hu"):
        load_ct(tmp_path)
    scan = load_scan(tmp_path, assume_hu=True)
    assert np.array_equal(scan.volume.hu, hu)
    (finding,) = [f for f in scan.findings if f.code == "hu-assumed"]
    assert finding.severity == "caution" and word in finding.message


def test_where_nothing_speaks_against_hu_vouching_for_it_says_nothing(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid)
    assert load_scan(tmp_path, assume_hu=True).findings == ()


def test_a_slope_below_zero_is_refused_whoever_vouches(tmp_path, hu, grid, write):
    write(tmp_path, hu, grid, RescaleSlope="-1")
    with pytest.raises(SeriesError, match="slope above zero"):
        load_ct(tmp_path, assume_hu=True)


def body_in_a_circle(shape, *, same=True):
    """Noise, and a mark outside of a circle that may wander from slice to slice."""
    rng = np.random.default_rng(0)
    hu = np.broadcast_to(rng.normal(-200, 300, shape[1:]).clip(-1024, 3000).astype(np.int16), shape).copy()
    row, column = np.mgrid[: shape[1], : shape[2]]
    for k, plane in enumerate(hu):
        radius = shape[1] / 2 - (0 if same else k % 3)
        plane[np.hypot(row - shape[1] / 2 + 0.5, column - shape[2] / 2 + 0.5) > radius] = -2000
    return hu


@pytest.mark.parametrize("padded", [False, True])
def test_a_series_costs_hardly_more_memory_than_its_voxels(tmp_path, grid_of, write, padded):
    shape = (60, 256, 256)
    hu = body_in_a_circle(shape)
    write(tmp_path, hu if padded else np.maximum(hu, -1024), grid_of(shape=shape), intercept=0, signed=True)
    load_ct(tmp_path)  # what is imported late
    tracemalloc.start()
    try:
        volume = load_ct(tmp_path)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (volume.padding is not None) == padded
    assert kept < 1.1 * volume.hu.nbytes
    assert 1.0 < peak / volume.hu.nbytes < 1.3


@pytest.mark.parametrize("same", [True, False])
def test_padding_lies_where_it_was_written_whether_or_not_slices_share_it(tmp_path, grid_of, write, same):
    shape = (6, 40, 40)
    hu = body_in_a_circle(shape, same=same)
    hu[0] = np.maximum(hu[0], -1024) if not same else hu[0]
    write(tmp_path, hu, grid_of(shape=shape), intercept=0, signed=True)
    volume = load_ct(tmp_path)
    assert np.array_equal(volume.padding, hu == -2000)
    assert np.array_equal(volume.hu, np.where(hu == -2000, -1024, hu))
