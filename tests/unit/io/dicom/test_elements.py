"""A walk over damaged and hostile files: no more memory than was asked for, and damage by its name."""

import struct
import subprocess
import sys
import zlib

import pytest

from planner.io.dicom.datasets import open_dataset
from planner.io.dicom.elements import DamagedFileError, read_elements

ROWS, POSITION, MODALITY = 0x00280010, 0x00200032, 0x00080060
WANTED = (ROWS, POSITION, MODALITY)
LITTLE, IMPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{end}" for end in (".1", "", ".2", ".1.99"))


def element(tag: int, vr: bytes, value: bytes, *, order: str = "<") -> bytes:
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if vr in (b"OW", b"SQ", b"UN", b"OB"):
        return head + vr + b"\0\0" + struct.pack(order + "I", len(value)) + value
    return head + vr + struct.pack(order + "H", len(value)) + value


def file_of(body: bytes, syntax: str = LITTLE) -> bytes:
    name = syntax.encode() + b"\0" * (len(syntax) % 2)
    return bytes(128) + b"DICM" + element(0x00020010, b"UI", name) + body


BODY = element(MODALITY, b"CS", b"CT") + element(POSITION, b"DS", b"1\\2\\3 ") + element(ROWS, b"US", b"\x02\0")
PIXELS = element(0x7FE00010, b"OW", bytes(8))


@pytest.fixture
def read(tmp_path):
    def read_bytes(content: bytes, name: str = "file"):
        (tmp_path / name).write_bytes(content)
        return read_elements(tmp_path / name, WANTED)

    return read_bytes


def test_values_and_pixels(read):
    found = read(file_of(BODY + PIXELS))
    assert found.values == {MODALITY: b"CT", POSITION: b"1\\2\\3 ", ROWS: b"\x02\0"}
    assert (found.pixel_length, found.transfer_syntax, found.little_endian) == (8, LITTLE, True)


def test_big_endian_and_deflated(read):
    big = element(ROWS, b"US", b"\0\x02", order=">") + element(0x7FE00010, b"OW", bytes(8), order=">")
    found = read(file_of(big, BIG))
    assert (found.values, found.pixel_length, found.little_endian) == ({ROWS: b"\0\x02"}, 8, False)
    packer = zlib.compressobj(wbits=-15)
    found = read(file_of(packer.compress(BODY + PIXELS) + packer.flush(), DEFLATED))
    assert (found.values[ROWS], found.pixel_offset, found.pixel_length) == (b"\x02\0", None, 8)


def test_a_file_without_a_preamble(read):
    found = read(BODY + element(0x00280030, b"DS", b"1\\1 " * 40) + PIXELS)
    assert (found.values[MODALITY], found.transfer_syntax) == (b"CT", LITTLE)


def test_another_format_in_the_preamble(read):
    assert read(b"II*\0" + bytes(124) + file_of(BODY)[128:]).values[MODALITY] == b"CT"


@pytest.mark.parametrize("content", [b"A letter to a colleague. " * 9, b"PK\3\4" + b"z" * 200, b"\x89PNG" + b"z" * 200])
def test_what_is_no_dicom(read, content):
    assert read(content) is None


@pytest.mark.parametrize(
    "content",
    [b"", bytes(60), bytes(400), file_of(BODY)[1:], b"x" + file_of(BODY), file_of(BODY).replace(b"DICM", b"DYCM")],
)
@pytest.mark.parametrize(
    ("neighbour", "name"), [("file2", "file1"), ("a.dcm", "b.dcm"), ("IM.0001", "IM.0002"), ("a.ct", "b.ct")]
)
def test_the_scrap_of_a_dicom_file_beside_others_is_damage(read, content, neighbour, name):
    read(file_of(BODY + PIXELS), neighbour)
    with pytest.raises(DamagedFileError):
        read(content, name)


@pytest.mark.parametrize("name", ["VERSION", "a.iso", ".nomedia", "thumbs.db"])
@pytest.mark.parametrize("content", [b"", bytes(60), bytes(400), bytes(0x8001) + b"CD001" + bytes(2000)])
def test_an_empty_file_without_like_neighbours_is_another_file(read, name, content):
    if name != "VERSION":
        read(file_of(BODY + PIXELS), "slice")
    assert read(content, name) is None


def test_a_disc_image_is_another_file_whatever_its_name(read):
    read(file_of(BODY + PIXELS), "slice")
    assert read(bytes(0x8001) + b"CD001" + bytes(2000), "image") is None


@pytest.mark.parametrize("start", [b"MZ\x90\0", b"PK\x03\x04\0", b"\x7fELF\0", b"\xff\xd8\xff\xe0\0", b"%PDF-1.4\0"])
def test_a_program_or_an_archive_that_holds_uids_is_another_file(read, start):
    read(file_of(BODY + PIXELS), "slice")
    assert read(start + bytes(200) + b"1.2.840.10008.1.2.1\0" + bytes(400), "other") is None


def test_a_lost_mark_is_damage_by_its_name_alone(read):
    lost = b"x" + file_of(BODY)
    with pytest.raises(DamagedFileError):
        read(lost, "I1")
    assert read(lost, "cache.db") is None


def test_cut_off_anywhere(read):
    whole = file_of(BODY + PIXELS)
    header = whole.index(struct.pack("<HH", 0x7FE0, 0x10))
    for end in range(header + 12):
        try:
            found = read(whole[:end])
        except DamagedFileError:
            continue
        if end < 132:
            assert found is None, "nothing is left by which it could be told"
            continue
        assert found.pixel_offset is None and set(found.values) <= set(WANTED)


@pytest.mark.parametrize(
    "tail", [b"", bytes(700), element(0xFFFCFFFC, b"OB", b"padding!"), b"\r\n", b"\n", b"\0", b"\r\n\x1a", b" " * 16]
)
def test_what_may_follow_the_pixels(read, tail):
    assert read(file_of(BODY + PIXELS) + tail).pixel_length == 8


@pytest.mark.parametrize("tail", [b"rubbish" * 9, b"\x10\x04", b"\x04", b"\0\x04" * 4, b" " * 18, b"\r\n\x10\x04"])
def test_bytes_that_were_pushed_out_of_the_pixels_are_damage(read, tail):
    with pytest.raises(DamagedFileError):
        read(file_of(BODY + PIXELS) + tail)


@pytest.mark.parametrize(
    "body",
    [
        BODY + struct.pack("<HH2sHI", 9, 1, b"UN", 0, 0xFFFFFFF0),
        BODY + element(ROWS, b"US", b"\x03\0"),
        element(POSITION, b"UN", b"1" * (1 << 17)),
        (struct.pack("<HH2sHI", 9, 1, b"SQ", 0, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * 10_000,
    ],
    ids=["a length beyond the file", "two things of one matter", "a value of 128 KiB", "sequences 10 000 deep"],
)
def test_damage(read, body):
    with pytest.raises(DamagedFileError):
        read(file_of(body))


def test_a_transfer_syntax_that_is_no_uid(read):
    with pytest.raises(DamagedFileError):
        read(file_of(BODY, "../../etc/passwd"))


def test_a_deflated_file_is_opened_as_what_it_claims_to_hold(tmp_path):
    packer = zlib.compressobj(wbits=-15)
    (tmp_path / "file").write_bytes(file_of(packer.compress(BODY + PIXELS) + packer.flush(), DEFLATED))
    assert open_dataset(tmp_path / "file").PixelData == bytes(8)


BOMB = """
import resource, sys
from pathlib import Path
from planner.io.dicom.datasets import open_dataset
from planner.io.dicom.elements import DamagedFileError, read_elements
path = Path(sys.argv[1])
limit = 1_500_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
read_elements(path, (0x00280010,))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    open_dataset(path)
except DamagedFileError:
    pass
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
sys.exit(0 if grown < 200_000 else 1)
"""


@pytest.mark.parametrize("claim", [8, 0xFFFFFFF0])
def test_a_deflate_bomb_takes_no_more_memory_than_it_claims_to_hold(tmp_path, claim):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(BODY + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, claim))
    for _ in range(600):
        body += packer.compress(bytes(1 << 20))
    body += packer.flush()
    (tmp_path / "bomb").write_bytes(file_of(body, DEFLATED))
    assert len(body) < 1 << 20
    words = [sys.executable, "-c", BOMB, str(tmp_path / "bomb")]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
