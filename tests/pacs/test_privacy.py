"""What a plan's files tell of the patient: all of them, decoded, searched for every value of the CT's headers."""

import base64
import gzip
import io
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from planner.cli._privacy import _key_in
from planner.model.privacy import NEVER, PATIENT_AND_STUDY, carries
from tests.pacs.marked_ct import MARKS, marked_files

_MARK = b"Zz9Mark"
"""Long enough not to stand in packed bytes by chance."""
_DATA_URI = re.compile(rb"base64,([A-Za-z0-9+/=\s]+)")
KEY = "0123456789abcdef" * 4


def _secrets() -> set[bytes]:
    """Every value as it may be written: names in parts, the birth date in several ways, without what is marked."""
    plain = {value for value in MARKS.values() if not value.startswith(_MARK.decode())}
    born = MARKS["PatientBirthDate"]
    dates = {f"{born[:4]}-{born[4:6]}-{born[6:]}", f"{born[6:]}.{born[4:6]}.{born[:4]}"}
    return {_MARK} | {text.encode() for text in plain | dates | {"555 0199"}}


def _contents(path: Path) -> list[bytes]:
    """A file's bytes, and those of all that is packed in it."""
    raw = path.read_bytes()
    found = [raw, path.name.encode()]
    if path.suffix == ".gz":
        found.append(gzip.decompress(raw))
    if path.suffix == ".nrrd":
        head, _, voxels = raw.partition(b"\n\n")
        found.append(gzip.decompress(voxels) if b"encoding: gz" in head else voxels)
    if path.suffix in (".html", ".json", ".mrml", ".svg"):
        for packed in _DATA_URI.findall(raw):
            found += _pictured(base64.b64decode(packed))
    if path.suffix in (".png", ".webp"):
        found += _pictured(raw)
    return found


def _pictured(raw: bytes) -> list[bytes]:
    """A picture's bytes, and its texts where it is one."""
    try:
        with Image.open(io.BytesIO(raw)) as picture:
            return [raw, repr(picture.info).encode(), repr(dict(picture.getexif())).encode()]
    except OSError:
        return [raw]


def _elements(dataset: Dataset) -> list[tuple[str, str]]:
    """Every element of every level: its keyword (or tag) and its value in words."""
    found = []
    for element in (*dataset, *getattr(dataset, "file_meta", ())):
        name = element.keyword or str(element.tag)
        if element.VR == "SQ":
            found += [pair for item in element.value for pair in _elements(item)]
        elif element.VR not in ("OB", "OW"):
            found.append((name, str(element.value)))
    return found


def _files(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".json", ".html", ".gz", ".dcm", ".csv", ".stl", ".png", ".webp"}
    return files


def _told(path: Path, secrets: set[bytes]) -> set[bytes]:
    return {secret for secret in secrets for content in _contents(path) if secret in content}


def test_the_search_finds_what_is_hidden(tmp_path: Path) -> None:
    secret = {b"Zz9Name"}
    note = pydicom.Dataset()
    note.PatientName = "Zz9Name"
    picture = io.BytesIO()
    Image.new("L", (4, 4)).save(picture, "PNG", pnginfo=_text_chunk("Zz9Name"))
    hidden = {
        "a.nii.gz": gzip.compress(b"Zz9Name"),
        "a.png": picture.getvalue(),
        "a.html": b"<img src='data:image/png;base64," + base64.b64encode(picture.getvalue()) + b"'>",
        "a.seg.nrrd": b"NRRD0005\nencoding: gzip\n\n" + gzip.compress(b"Zz9Name"),
        "Zz9Name.csv": b"",
    }
    for name, content in hidden.items():
        path = tmp_path / name
        path.write_bytes(content)
        assert _told(path, secret) == secret, name
        assert _told(path, {b"Zz9Other"}) == set()
    item = pydicom.Dataset()
    item.RequestAttributesSequence = [note]
    assert ("PatientName", "Zz9Name") in _elements(item)


def _text_chunk(text: str) -> object:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("note", text, zip=True)
    return info


def test_a_file_that_the_policy_does_not_know_is_refused() -> None:
    with pytest.raises(KeyError):
        carries("notes.docx")


def test_only_the_dicom_objects_tell_the_patient(planned: Path) -> None:
    secrets = _secrets()
    for path in _files(planned):
        told = _told(path, secrets)
        if carries(path.name) != "patient and study":
            assert told == set(), path.relative_to(planned)
            continue
        dataset = pydicom.dcmread(path)
        where = {name for name, value in _elements(dataset) if any(s.decode() in value for s in secrets)}
        assert where <= PATIENT_AND_STUDY, path.relative_to(planned)
        assert {"PatientName", "PatientID"} <= where


def test_only_files_that_may_hold_uids_do(planned: Path) -> None:
    headers = [pydicom.dcmread(io.BytesIO(one), stop_before_pixels=True) for one in marked_files()]
    uids = {str(getattr(h, n)).encode() for h in headers for n in ("StudyInstanceUID", "SeriesInstanceUID")}
    uids |= {str(h.SOPInstanceUID).encode() for h in headers} | {str(headers[0].FrameOfReferenceUID).encode()}
    for path in _files(planned):
        if carries(path.name) == "nothing":
            assert _told(path, uids) == set(), path.relative_to(planned)
    assert _told(planned / "plan.json", uids)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The marked CT, in a folder that is named after the patient, beside a zip."""
    folder = tmp_path_factory.mktemp("source") / "Zz9MarkFolder"
    folder.mkdir()
    for number, content in enumerate(marked_files()):
        (folder / f"Zz9Mark_{number}").write_bytes(content)
    with zipfile.ZipFile(folder / "Zz9Mark.zip", "w") as packed:
        packed.writestr("a", "b")
    return folder


def _run(*words: object, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "planner.cli", *map(str, words)]
    environment = {**os.environ, "TMPDIR": str(cwd), "PYTHONPATH": os.pathsep.join(sys.path), **more}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=cwd)


def test_under_a_pseudonym_no_file_tells_anything(source: Path, tmp_path: Path) -> None:
    out, kept = tmp_path / "out", tmp_path / "kept"
    kept.mkdir()
    done = _run("plan", source, "-o", out, "--pseudonymise", cwd=kept, CEMENT_PLANNER_PSEUDONYM_KEY=KEY)
    assert done.returncode == 0, done.stderr
    assert list(kept.iterdir()) == []  # the copies of the CT went with the run
    headers = [pydicom.dcmread(io.BytesIO(one), stop_before_pixels=True) for one in marked_files()]
    names = ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID")
    secrets = _secrets() | {str(getattr(h, name)).encode() for h in headers for name in names}
    secrets |= {str(headers[0].StudyDate).encode(), b"2024-02-29", KEY.encode()}
    for path in _files(out):
        assert _told(path, secrets) == set(), path.relative_to(out)
    for path in out.rglob("*.dcm"):
        dataset = pydicom.dcmread(path)
        elements = dict(_elements(dataset))
        ours = {"PatientName", "PatientID", "DeviceSerialNumber"}  # of the program, which has none
        assert not [name for name in NEVER - ours if elements.get(name)], path.name
        assert re.fullmatch(r"P-[0-9A-F]{12}", dataset.PatientID) and dataset.PatientName == dataset.PatientID
        assert dataset.PatientIdentityRemoved == "YES" and dataset.DeidentificationMethod
    said = (done.stdout + done.stderr).replace(str(tmp_path), "").encode()
    assert not [secret for secret in secrets if secret in said]
    _assert_same_figures(out, source, tmp_path, kept)


def _assert_same_figures(out: Path, source: Path, tmp_path: Path, kept: Path) -> None:
    """A picture of the same CT under the same key fits the plan; under another key, or none, it does not."""
    words = ("fluoro", source, "--primary", "0", "--secondary", "0", "--plan", out)
    same = _run(*words, "-o", tmp_path / "a.dcm", "--pseudonymise", cwd=kept, CEMENT_PLANNER_PSEUDONYM_KEY=KEY)
    assert same.returncode == 0, same.stderr
    picture, seg = pydicom.dcmread(tmp_path / "a.dcm"), pydicom.dcmread(out / "labels.seg.dcm")
    for name in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert getattr(picture, name) == getattr(seg, name)
    other = _run(*words, "-o", tmp_path / "b.dcm", "--pseudonymise", cwd=kept, CEMENT_PLANNER_PSEUDONYM_KEY=KEY[::-1])
    assert other.returncode == 3 and "another CT" in other.stderr


@pytest.mark.parametrize(
    ("key", "mode", "said"),
    [
        (None, 0o600, "needs a key"),
        ("short", 0o600, "has 5 bytes, and needs 32"),
        (KEY, 0o644, "others may read the key"),
    ],
)
def test_a_key_that_cannot_be_is_refused_and_not_shown(
    source: Path, tmp_path: Path, key: str | None, mode: int, said: str
) -> None:
    words: list[object] = ["volume", source, "--pseudonymise"]
    if key is not None:
        file = tmp_path / "key"
        file.write_text(f"{key}\n")
        file.chmod(mode)
        words += ["--key-file", file]
    done = _run(*words, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and KEY not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_key_of_random_bytes_is_taken_whole_and_one_of_text_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "key"
    for key, told in (
        (b"\t" + bytes(range(200, 231)), b"\t" + bytes(range(200, 231))),
        (KEY.encode() + b"\n", KEY.encode()),
    ):
        file.write_bytes(key)
        file.chmod(0o600)
        assert _key_in(file) == told
