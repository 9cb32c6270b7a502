"""The compressed bytes of each frame are found, and nothing is made up where they are not."""

import struct
import zlib

import imagecodecs
import numpy as np
import pytest

from planner.io.dicom import compressed
from planner.io.dicom.compressed import DECODERS, LOSSY, RLE, FrameBytes, decode_frame
from planner.io.dicom.elements import DamagedFileError


def item(data):
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(data)) + data


END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def encapsulated(table, *fragments):
    return b"head" + item(b"".join(struct.pack("<I", place) for place in table)) + b"".join(map(item, fragments)) + END


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encapsulated([], b"one ", b"two "), [b"one ", b"two "]),
        (encapsulated([0, 12], b"one ", b"two "), [b"one ", b"two "]),
        (encapsulated([0, 24], b"one ", b"more", b"two "), [b"one more", b"two "]),
        (encapsulated([0, 12], b"one ", b"two ", b"more"), [b"one ", b"two more"]),
        (encapsulated([], b"one ", b"two ")[: -len(END)], [b"one ", b"two "]),
    ],
)
def test_the_fragments_of_each_frame(tmp_path, slice_at, content, expected):
    path = tmp_path / "frames"
    path.write_bytes(content)
    frames = FrameBytes()
    for number in (1, 0):
        header = slice_at(0.0, path=path, frame=number, frames=2, pixel_offset=4, pixel_length=None)
        assert frames.read(header) == expected[number]


def test_all_fragments_of_a_single_frame_belong_to_it(tmp_path, slice_at):
    path = tmp_path / "frame"
    path.write_bytes(encapsulated([0], b"one ", b"more"))
    header = slice_at(0.0, path=path, pixel_offset=4, pixel_length=None)
    assert FrameBytes().read(header) == b"one more"
    FrameBytes().require_whole(header)
    path.write_bytes(encapsulated([0], b"one ", b"more")[: -len(END) - 1])
    with pytest.raises(DamagedFileError):
        FrameBytes().require_whole(header)


@pytest.mark.parametrize(
    "content",
    [
        encapsulated([], b"one ", b"more", b"two "),
        encapsulated([0], b"one "),
        encapsulated([0, 12]),
        encapsulated([0, 12], b"one ", b"two ")[: -len(END) - 2],
        b"head" + b"\0" * 40,
        b"head",
    ],
)
def test_frames_that_are_not_all_there_are_damage(tmp_path, slice_at, content):
    path = tmp_path / "frames"
    path.write_bytes(content)
    with pytest.raises(DamagedFileError):
        FrameBytes().read(slice_at(0.0, path=path, frame=1, frames=2, pixel_offset=4, pixel_length=None))


def packed(words, *, count=2, start=64):
    high, low = (imagecodecs.packbits_encode(part.astype(np.uint8).tobytes()) for part in (words >> 8, words & 255))
    return struct.pack("<16I", count, start, start + len(high), *([0] * 13)) + high + low


def test_rle_joins_high_and_low_bytes():
    words = np.random.default_rng(0).integers(0, 65536, (7, 9)).astype(np.uint16)
    out = np.zeros_like(words)
    decode_frame(RLE, packed(words), out)
    assert np.array_equal(out, words)


@pytest.mark.parametrize("spoil", [{"count": 1}, {"start": 10}, {"start": 1 << 20}])
def test_rle_with_a_false_header_is_damage(spoil):
    words = np.full((7, 9), 515, dtype=np.uint16)
    with pytest.raises(DamagedFileError):
        decode_frame(RLE, packed(words, **spoil), np.zeros_like(words))


def test_rle_of_another_size_is_damage():
    with pytest.raises(DamagedFileError):
        decode_frame(RLE, packed(np.full((8, 9), 515, dtype=np.uint16)), np.zeros((7, 9), dtype=np.uint16))


def test_a_bomb_of_a_deflated_frame_is_not_blown_up():
    bomb = zlib.compress(bytes(50_000_000), wbits=-zlib.MAX_WBITS)
    with pytest.raises(DamagedFileError):
        decode_frame("1.2.840.10008.1.2.8.1", bomb, np.zeros((7, 9), dtype=np.uint16))


def test_lossy_syntaxes_are_among_the_readable():
    assert set(DECODERS) > LOSSY


def test_a_jpeg_2000_frame_that_claims_another_size_is_refused_before_it_is_decoded(monkeypatch):
    words = np.arange(12, dtype=np.uint16).reshape(3, 4)
    frame = bytearray(imagecodecs.jpeg2k_encode(words, level=0, codecformat="j2k"))
    out = np.empty_like(words)
    decode_frame("1.2.840.10008.1.2.4.90", bytes(frame), out)
    assert np.array_equal(out, words)
    frame[8:16] = (60000).to_bytes(4, "big") * 2
    monkeypatch.setattr(compressed, "_jpeg2000_frame", pytest.fail)
    with pytest.raises(DamagedFileError):
        decode_frame("1.2.840.10008.1.2.4.90", bytes(frame), out)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"])
def test_a_jpeg_frame_that_claims_another_size_is_refused_before_it_is_decoded(monkeypatch, syntax):
    words = np.arange(12, dtype=np.uint16).reshape(3, 4)
    lossless = syntax.endswith(".70")
    frame = bytearray(
        imagecodecs.ljpeg_encode(words, bitspersample=16) if lossless else imagecodecs.jpegls_encode(words)
    )
    out = np.empty_like(words)
    decode_frame(syntax, bytes(frame), out)
    assert np.array_equal(out, words)
    start = frame.index(b"\xff\xc3" if lossless else b"\xff\xf7")
    frame[start + 5 : start + 9] = (60000).to_bytes(2, "big") * 2
    monkeypatch.setattr(compressed, "_jpeg_frame", pytest.fail)
    monkeypatch.setattr(compressed, "_jpeg_ls_frame", pytest.fail)
    for content in (bytes(frame), bytes(frame[:start]) + b"\xff\xd9" + bytes(20)):
        with pytest.raises(DamagedFileError):
            decode_frame(syntax, content, out)
