"""Headers of volume files that claim what cannot be, or lead elsewhere."""

import gzip
import os
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from planner.errors import SeriesError
from planner.io import inspect_input, load_ct, load_scan

META = """ObjectType = Image
NDims = 3
DimSize = {size}
ElementType = MET_SHORT
ElementSpacing = 0.7 0.8 1.25
Offset = 1 2 3
TransformMatrix = 1 0 0 0 1 0 0 0 1
{more}ElementDataFile = {file}
"""
NRRD = """NRRD0004
type: short
dimension: 3
space: left-posterior-superior
sizes: {size}
space directions: (0.7,0,0) (0,0.8,0) (0,0,1.25)
space origin: (1,2,3)
endian: little
encoding: {encoding}
{more}
"""


def size_of(hu) -> str:
    return " ".join(map(str, hu.shape[::-1]))


def write_meta(path, hu, *, file="LOCAL", size=None, more="", data=None):
    text = META.format(size=size or size_of(hu), file=file, more=more)
    path.write_bytes(text.encode() + (hu.tobytes() if data is None else data))
    return path


def write_nrrd(path, hu, *, size=None, more="", data=None, encoding="raw"):
    text = NRRD.format(size=size or size_of(hu), more=more and more + "\n", encoding=encoding)
    path.write_bytes(text.encode() + (hu.tobytes() if data is None else data))
    return path


def test_voxels_in_a_file_beside_the_header(tmp_path, hu):
    (tmp_path / "voxels.raw").write_bytes(hu.tobytes())
    assert np.array_equal(load_ct(write_meta(tmp_path / "a.mhd", hu, file="voxels.raw", data=b"")).hu, hu)
    assert np.array_equal(load_ct(write_nrrd(tmp_path / "a.nhdr", hu, more="data file: voxels.raw", data=b"")).hu, hu)


@pytest.mark.parametrize(
    "name",
    [
        "../voxels.raw",
        "{absolute}",
        "LIST",
        "v%02d.raw 1 12 1",
        "/dev/zero",
        "link",
        "pipe",
        "http://host/v",
        "gone",
        "..",
    ],
)
@pytest.mark.parametrize("kind", ["mhd", "nhdr"])
def test_voxels_elsewhere_are_not_opened(tmp_path, hu, name, kind):
    folder = tmp_path / "ct"
    folder.mkdir()
    (tmp_path / "voxels.raw").write_bytes(hu.tobytes())
    (folder / "link").symlink_to(tmp_path / "voxels.raw")
    os.mkfifo(folder / "pipe")
    name = name.format(absolute=tmp_path / "voxels.raw")
    if kind == "mhd":
        path = write_meta(folder / "a.mhd", hu, file=name, data=b"")
    else:
        path = write_nrrd(folder / "a.nhdr", hu, more=f"data file: {name}", data=b"")
    for read in (load_ct, inspect_input):
        with pytest.raises(SeriesError, match=r"not opened|no plain file|beside"):
            read(path)


@pytest.mark.parametrize("write", [write_meta, write_nrrd])
@pytest.mark.parametrize(
    ("size", "said"),
    [
        ("65535 65535 65535", "more than a CT"),
        ("24 20 13", "cut off"),
        ("24 20 11", "more voxels"),
        ("24 -20 12", "readable"),
    ],
)
def test_sizes_are_compared_with_the_bytes_that_are_there(tmp_path, hu, write, size, said):
    path = write(tmp_path / ("a.mha" if write is write_meta else "a.nrrd"), hu, size=size)
    with pytest.raises(SeriesError, match=said):
        load_ct(path)


@pytest.mark.parametrize("line", ["DimSize = 24 20 12\n", "dimsize = 24 20 12\n", "rubbish\n"])
def test_a_header_that_could_be_read_in_two_ways(tmp_path, hu, line):
    with pytest.raises(SeriesError, match="not a readable"):
        load_ct(write_meta(tmp_path / "a.mha", hu, more=line))


def test_a_place_that_is_not_said_is_a_finding(tmp_path, hu):
    path = write_meta(tmp_path / "a.mha", hu)
    assert load_scan(path).findings == ()
    path.write_bytes(path.read_bytes().replace(b"Offset =", b"Offsot ="))
    scan = load_scan(path)
    assert [(f.code, "origin" in f.message) for f in scan.findings] == [("place-not-said", True)]


@pytest.mark.parametrize("name", ["a.nrrd", "a.mha"])
def test_damage_in_packed_voxels_is_seen_by_their_checksum(tmp_path, hu, name):
    image = sitk.GetImageFromArray(hu)
    sitk.WriteImage(image, str(tmp_path / name), useCompression=True)
    whole = (tmp_path / name).read_bytes()
    assert np.array_equal(load_ct(tmp_path / name).hu, hu)
    refused = 0
    for place in range(len(whole) - 4000, len(whole) - 8, 400):
        (tmp_path / name).write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        try:
            assert np.array_equal(load_ct(tmp_path / name).hu, hu)
        except SeriesError:
            refused += 1
    assert refused == 10


BOMB = """
import resource, sys
from planner.errors import SeriesError
from planner.io import load_ct
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_ct(sys.argv[1])
except SeriesError as error:
    print(error)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
sys.exit(0 if grown < 250_000 else 1)
"""


@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.mha"])
def test_a_gzip_bomb_takes_no_memory(tmp_path, hu, name):
    packed = gzip.compress(bytes(1 << 20)) * 1000
    path = tmp_path / name
    if name == "a.nrrd":
        write_nrrd(path, hu, encoding="gzip", data=packed)
    elif name == "a.mha":
        write_meta(path, hu, more="CompressedData = True\n", data=packed)
    else:
        path.write_bytes(gzip.compress(nib.Nifti1Image(hu.transpose(2, 1, 0), np.eye(4)).to_bytes()) + packed)
    assert path.stat().st_size < 3 << 20
    result = subprocess.run(
        [sys.executable, "-c", BOMB, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert "more voxels" in result.stdout


def nifti(path, hu, change=None):
    image = nib.Nifti1Image(hu.transpose(2, 1, 0), np.diag([-0.7, -0.8, 1.25, 1]))
    content = bytearray(image.to_bytes())
    if change:
        place, value = change
        content[place : place + len(value)] = value
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (42, np.array([24, 20, 32767], "<i2").tobytes(), "cut off"),
        (42, np.array([24, 20, 6], "<i2").tobytes(), "more voxels"),
        (70, np.array([32], "<i2").tobytes(), "not a readable"),
        (108, np.array([np.nan], "<f4").tobytes(), "not a readable"),
        (0, b"\0\0", "not a readable"),
        (123, b"\x04", "unit of length"),
    ],
    ids=["too many slices", "too few", "complex numbers", "offset", "size of the header", "unit"],
)
def test_nifti_headers_that_cannot_be(tmp_path, hu, place, value, said):
    assert np.array_equal(load_ct(nifti(tmp_path / "a.nii", hu)).hu, hu)
    with pytest.raises(SeriesError, match=said):
        load_ct(nifti(tmp_path / "a.nii", hu, (place, value)))


def test_nifti_sizes_that_are_not_those_of_its_matrix_are_a_finding(tmp_path, hu):
    assert load_scan(nifti(tmp_path / "a.nii", hu)).findings == ()
    scan = load_scan(nifti(tmp_path / "a.nii", hu, (80, np.array([0.9], "<f4").tobytes())))
    assert "nifti-spacing-differs" in [finding.code for finding in scan.findings]
