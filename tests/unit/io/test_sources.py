"""Where an input's files are looked for, and where not."""

import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from planner.errors import InputError
from planner.io import archives
from planner.io.sources import find_source
from planner.progress import SILENT


def find(path: Path):
    return find_source(path, monitor=SILENT)


def names(source) -> list[str]:
    return [path.name for path in source.files]


def write_dicomdir(path: Path, named: list[list[str]]) -> None:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3.9"
    records = []
    for parts in named:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.add(DataElement(0x00041500, "CS", parts, validation_mode=IGNORE))
        records.append(record)
    ds.DirectoryRecordSequence = Sequence(records)
    ds.save_as(path, enforce_file_format=True)


def zip_of(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def test_links_are_left_out_and_said(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret").write_text("x")
    inside = tmp_path / "in"
    (inside / "deep").mkdir(parents=True)
    (inside / "deep" / "a").write_text("x")
    (inside / "file").symlink_to(tmp_path / "out" / "secret")
    (inside / "folder").symlink_to(tmp_path / "out")
    (inside / "loop").symlink_to(inside)
    (inside / "nowhere").symlink_to(inside / "gone")
    (inside / "again").symlink_to(inside / "deep" / "a")
    source = find(inside)
    assert names(source) == ["a"]
    assert [(f.code, f.measured) for f in source.findings] == [("links-left-out", 5.0)]
    assert "secret" not in source.findings[0].message


def test_without_links_nothing_is_said(tmp_path):
    (tmp_path / "a").write_text("x")
    assert find(tmp_path).findings == ()


def test_an_input_that_is_a_link_was_named_by_the_user(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert names(find(tmp_path / "link")) == ["a"]


def test_pipes_and_devices_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a").write_text("x")
    assert names(find(tmp_path)) == ["a"]
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(InputError, match="neither a file nor a folder"):
            find(path)


@pytest.mark.parametrize("name", ["ct.zip", "ct.nii", "DICOMDIR", "ct.mha"])
def test_a_folder_named_like_a_file_is_a_folder(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "a").write_text("x")
    assert names(find(tmp_path / name)) == ["a"]


def test_a_nul_in_the_path():
    with pytest.raises(InputError, match="there is no file"):
        find(Path("a\0b"))


def test_too_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr("planner.io.sources.MOST_FILES", 3)
    for number in range(4):
        (tmp_path / str(number)).write_text("x")
    with pytest.raises(InputError, match="more than 3 files"):
        find(tmp_path)


def test_dicomdir_stands_for_the_folders_in_which_it_names_files(tmp_path):
    for name in ("IMG/S1/I1", "IMG/S1/I2", "OTHER/PATIENT/I1"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    write_dicomdir(tmp_path / "DICOMDIR", [["IMG", "S1", "I1"]])
    source = find(tmp_path / "DICOMDIR")
    assert [p.relative_to(tmp_path).as_posix() for p in source.files] == ["IMG/S1/I1", "IMG/S1/I2"]
    assert source.findings == ()


def test_dicomdir_finds_names_as_systems_show_them(tmp_path):
    (tmp_path / "img").mkdir()
    (tmp_path / "img" / "i1.;1").write_text("x")
    write_dicomdir(tmp_path / "DICOMDIR", [["IMG", "I1"]])
    assert names(find(tmp_path / "DICOMDIR")) == ["i1.;1"]


def test_dicomdir_cannot_lead_out_of_its_folder(tmp_path):
    outside = tmp_path / "OUT"
    outside.write_text("x")
    disc = tmp_path / "disc"
    disc.mkdir()
    (disc / "I1").write_text("x")
    (disc / "LINK").symlink_to(outside)
    named = [["..", "OUT"], ["LINK"], ["I1"], ["", "etc", "passwd"], ["/etc/passwd"]]
    write_dicomdir(disc / "DICOMDIR", named)
    source = find(disc / "DICOMDIR")
    assert names(source) == ["I1"]
    assert [(f.code, f.measured) for f in source.findings] == [("dicomdir-files-missing", 4.0)]


@pytest.mark.parametrize("cut", [True, False])
def test_a_dicomdir_that_is_cut_off_or_foreign_stands_for_its_whole_folder(tmp_path, cut):
    (tmp_path / "A").mkdir()
    (tmp_path / "A" / "I1").write_text("x")
    write_dicomdir(tmp_path / "DICOMDIR", [["A", "I1"], ["A", "I2"]] if cut else [["B", "I1"]])
    if cut:
        (tmp_path / "DICOMDIR").write_bytes((tmp_path / "DICOMDIR").read_bytes()[:-8])
    source = find(tmp_path / "DICOMDIR")
    assert names(source) == ["I1"]
    assert [f.code for f in source.findings] == ["dicomdir-unused"]


def test_links_in_a_zip_are_left_out(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a", b"whole")
        packed.writestr(link, b"/etc/passwd")
    assert [path.read_bytes() for path in find(tmp_path / "a.zip").files] == [b"whole"]


def test_a_zip_in_a_zip_stays_packed_and_is_said(tmp_path):
    inner = zip_of(tmp_path / "inner.zip", a=b"x" * 1000).read_bytes()
    source = find(zip_of(tmp_path / "outer.zip", inner=inner, other=b"x"))
    assert source.files[0].read_bytes() == inner
    assert [(f.code, f.measured) for f in source.findings] == [("zip-inside", 1.0)]
    with pytest.raises(InputError, match=r"holds 1 zip\(s\) inside.*unpack"):
        find(zip_of(tmp_path / "only.zip", inner=inner))


def test_a_zip_in_a_folder_stays_packed_and_is_said(tmp_path):
    zip_of(tmp_path / "Roe.zip", a=b"x")
    with pytest.raises(InputError, match=r"holds 1 zip\(s\) inside.*unpack") as caught:
        find(tmp_path)
    assert "Roe" not in str(caught.value)
    (tmp_path / "slice").write_bytes(bytes(128) + b"DICM")
    (tmp_path / "text.zip").write_text("no zip")
    assert [(f.code, f.measured) for f in find(tmp_path).findings] == [("zip-inside", 1.0)]


def test_names_in_a_zip_are_kept_in_kind_only(tmp_path):
    members = {"Roe": b"x", "Roe.DCM": b"x", "IM.0001": b"x", "Roe.Jane": b"x", "viewer.exe": b"x"}
    found = names(find(zip_of(tmp_path / "a.zip", **members)))
    assert found == ["000000", "000001", "000002", "000003.other", "000004.other"]


@pytest.mark.parametrize("name", ["x.img", "x.hdr", "x.nii", "x.mha", "x.zip"])
def test_dicom_is_told_by_its_mark_before_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    assert find(tmp_path / name).kind == "dicom"
    (tmp_path / name).write_bytes(bytes(400))
    assert find(tmp_path / name).kind == {"x.mha": "itk", "x.zip": "dicom"}.get(name, "nifti")


def test_files_of_a_zip_may_not_share_their_bytes(tmp_path):
    path = zip_of(tmp_path / "a.zip", a=b"x" * 99, b=b"y" * 99)
    content = path.read_bytes()
    second = content.rindex(b"PK\x01\x02")
    path.write_bytes(content[: second + 42] + struct.pack("<I", 3) + content[second + 46 :])
    with pytest.raises(InputError, match="overlap"):
        find(path)


def test_a_zip_that_grows_out_of_all_measure(tmp_path, monkeypatch):
    path = zip_of(tmp_path / "a.zip", a=bytes(1 << 22))
    monkeypatch.setattr(archives, "_FREELY_UNPACKED_BYTES", 1 << 20)
    with pytest.raises(InputError, match="200 times its size"):
        find(path)
    monkeypatch.setattr(archives, "_MOST_TIMES", 2000)
    assert find(path).files[0].stat().st_size == 1 << 22


def test_a_zip_of_too_many_files_is_refused_by_its_table(tmp_path, monkeypatch):
    path = zip_of(tmp_path / "a.zip", **{f"file{number}": b"" for number in range(9)})
    monkeypatch.setattr(archives, "_MOST_DIRECTORY_BYTES", 100)
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: pytest.fail("the table was read"))
    with pytest.raises(InputError, match="more than"):
        find(path)


def test_a_zip_packed_by_other_means_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as packed:
        packed.writestr("a", bytes(1 << 16))
    with pytest.raises(InputError, match="rare way"):
        find(tmp_path / "a.zip")


def test_dicom_with_a_zip_in_its_preamble_is_dicom(tmp_path):
    buffer = io.BytesIO(b"PK\x03\x04" + bytes(124) + b"DICM")
    (tmp_path / "a").write_bytes(buffer.getvalue())
    assert find(tmp_path / "a").files == (tmp_path / "a",)
