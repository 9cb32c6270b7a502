"""Damaged files of every kind: refused by name, or loaded with every slice where it was. Nothing else, and no noise.

``PLANNER_FUZZ_EXAMPLES=2000 pytest tests/unit/io/test_fuzz.py --hypothesis-seed=1`` runs longer, with other damage.
"""

import io
import logging
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from planner.errors import PlannerError
from planner.io import inspect_input, load_scan
from planner.io.inspection import describe_inspection
from planner.model.finding import Finding
from planner.model.volume import Volume

_LONG = os.environ.get("PLANNER_FUZZ_EXAMPLES")
FUZZ = settings(
    max_examples=int(_LONG or 25),
    derandomize=_LONG is None,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink) if _LONG else (Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
SHAPE = (7, 20, 24)
NEAR_MM = 0.1
"""As far as rounded positions may stray (planner.io.dicom.geometry)."""
LOST = {
    "files-damaged",
    "parts-missing",
    "series-in-parts",
    "series-refused",
    "slice-missing",
    "slices-apart",
    "slices-left-out",
    "dicomdir-files-missing",
}
SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpeg2000": JPEG2000Lossless,
    "jpegls": JPEGLSLossless,
}
LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT")
GEOMETRY = {
    "position": (0x0020, 0x0032),
    "orientation": (0x0020, 0x0037),
    "spacing": (0x0028, 0x0030),
    "slope": (0x0028, 0x1053),
    "intercept": (0x0028, 0x1052),
    "frames": (0x0028, 0x0008),
    "rows": (0x0028, 0x0010),
    "columns": (0x0028, 0x0011),
    "stored": (0x0028, 0x0101),
    "allocated": (0x0028, 0x0100),
    "signed": (0x0028, 0x0103),
    "series": (0x0020, 0x000E),
    "frame": (0x0020, 0x0052),
    "instance": (0x0008, 0x0018),
    "kind": (0x0008, 0x0008),
    "class": (0x0008, 0x0016),
    "modality": (0x0008, 0x0060),
    "patient position": (0x0018, 0x5100),
    "thickness": (0x0018, 0x0050),
}
ODD = [
    b"",
    b"\0",
    b"1e400",
    b"-1E9999",
    b"NaN",
    b"inf",
    b"1_000",
    b"1\\2\\3",
    b"\\\\",
    b"9" * 60000,
    b"\xff" * 30,
    b"0",
]


@dataclass(frozen=True)
class Damage:
    """One change of a file's bytes; says of itself what it was."""

    kind: str
    place: float
    size: int
    text: bytes
    name: str

    def __call__(self, content: bytes) -> bytes:
        at = min(int(self.place * len(content)), max(len(content) - 1, 0))
        if self.kind == "bit" and content:
            return content[:at] + bytes([content[at] ^ (1 << self.size % 8)]) + content[at + 1 :]
        if self.kind == "cut":
            return content[:at]
        if self.kind == "insert":
            return content[:at] + self.text + content[at:]
        if self.kind == "delete":
            return content[:at] + content[at + self.size :]
        if self.kind == "double":
            return content[: at + self.size] + content[at:]
        if self.kind == "append":
            return content + self.text
        return self._element(content)

    def _element(self, content: bytes) -> bytes:
        """Change one element of a flat file in explicit little endian; leave any other as it is."""
        found = elements(content)
        if not found:
            return content
        named = GEOMETRY[self.name]
        start, head, end = next((e for t, e in found if t == named), found[int(self.place * len(found))][1])
        if self.kind == "swap":
            other = found[int(self.place * len(found))][1]
            (a, _, b), (c, _, d) = sorted(((start, head, end), other))
            return content if b > c else content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]
        if self.kind == "vr":
            return content[: start + 4] + (LONG_VRS[self.size % 10] if self.size % 3 else b"US") + content[start + 6 :]
        if self.kind == "length" and head - start == 8:
            return content[: start + 6] + struct.pack("<H", self.size % 65536) + content[start + 8 :]
        if self.kind == "length":
            return content[: head - 4] + struct.pack("<I", (self.size * 2654435761) % 2**32) + content[head:]
        if head - start != 8:
            return content
        text = self.text + b" " * (len(self.text) % 2)
        return content[: start + 6] + struct.pack("<H", len(text)) + text + content[end:]


def elements(content: bytes) -> list[tuple[tuple[int, int], tuple[int, int, int]]]:
    """Tag, start, start of the value and end of each element of a flat file in explicit little endian."""
    found, position = [], 132
    while position + 8 <= len(content):
        tag = struct.unpack_from("<HH", content, position)
        long = content[position + 4 : position + 6] in LONG_VRS
        if position + 12 > len(content):
            break
        length = struct.unpack_from("<I" if long else "<H", content, position + (8 if long else 6))[0]
        head = position + (12 if long else 8)
        found.append((tag, (position, head, min(head + length, len(content)))))
        position = head + length
    return found


NUMBERS = st.lists(
    st.one_of(st.floats(-2000, 2000), st.floats(), st.integers(-(2**40), 2**40), st.sampled_from([0.0, 1.0, -1.0])),
    min_size=1,
    max_size=6,
).map(lambda numbers: "\\".join(f"{n:.8g}" for n in numbers).encode())
TEXTS = st.one_of(NUMBERS, st.sampled_from(ODD), st.binary(min_size=0, max_size=8))
EARLY = st.floats(0, 1, exclude_max=True).map(lambda place: place**2)
"""Headers come first, and matter more than pixels."""
DAMAGE = st.builds(
    Damage,
    st.sampled_from(
        ["bit", "bit", "bit", "cut", "insert", "delete", "double", "append", "swap", "vr", "length", "value", "value"]
    ),
    EARLY,
    st.one_of(st.integers(1, 16), st.integers(0, 2**17)),
    TEXTS,
    st.sampled_from(sorted(GEOMETRY)),
)
DAMAGES = st.lists(DAMAGE, min_size=1, max_size=2)


def small_hu() -> np.ndarray:
    rng = np.random.default_rng(3)
    hu = rng.normal(-990, 5, SHAPE)
    hu[:, 3:-3, 4:-2] = rng.normal(40, 15, (SHAPE[0], SHAPE[1] - 6, SHAPE[2] - 6))
    hu[1:4, 4:9, 6:9] = rng.normal(700, 30, (3, 5, 3))
    return np.rint(hu).astype(np.int16)


@pytest.fixture(scope="module")
def cache() -> dict:
    """What is written once for all examples."""
    return {}


@pytest.fixture
def truth(grid_of):
    return small_hu(), grid_of(shape=SHAPE)


@pytest.fixture
def contents(cache, tmp_path_factory, write, truth) -> Callable[[str], list[bytes]]:
    """The files of a series in a transfer syntax, slice by slice."""

    def give(syntax: str) -> list[bytes]:
        if syntax not in cache:
            folder = tmp_path_factory.mktemp(syntax)
            plain = syntax == "jpeg2000"
            paths = write(
                folder,
                *truth,
                syntax=ExplicitVRLittleEndian if plain else SYNTAXES[syntax],
                plugin="pyjpegls" if syntax == "jpegls" else "",
            )
            if plain:
                for path in paths:
                    to_jpeg2000(path)
            cache[syntax] = [path.read_bytes() for path in paths]
        return cache[syntax]

    return give


def to_jpeg2000(path: Path) -> None:
    """Pack a file through gdcm: pydicom has no encoder for it."""
    import gdcm

    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEG2000Lossless))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


@pytest.fixture
def silence(capfd, caplog):
    """Nothing may be printed or logged while a test runs."""
    caplog.set_level(logging.DEBUG)
    capfd.readouterr()
    yield
    assert capfd.readouterr() == ("", "")
    assert [r for r in caplog.records if r.name.split(".")[0] in ("pydicom", "nibabel", "root", "planner")] == []


def outcome(path: Path):
    """What the loader makes of an input: a scan, or None where it refused it in one line."""
    try:
        assert "Roe" not in describe_inspection(inspect_input(path))
    except PlannerError as error:
        assert "\n" not in str(error) and "Roe" not in str(error)
    try:
        return load_scan(path)
    except PlannerError as error:
        assert "\n" not in str(error) and "Roe" not in str(error) and "4711" not in str(error)
        return None


def assert_in_place(scan, truth, spoilt: int | None, *, values_kept: bool = False) -> None:
    """Every slice lies where it was; the unspoilt ones hold what they held; what is gone is said."""
    hu, grid = truth
    codes = {finding.code for finding in scan.findings}
    held = scan.volume.grid
    assert held.shape[1:] == grid.shape[1:], codes
    if scan.stored is not None:
        assert codes & {"slices-close", "slices-uneven", "slice-missing", "gantry-tilt"}, codes
        assert_interpolated(scan, truth, spoilt, values_kept=values_kept)
        return
    ends = np.array([(0, 0), (0, grid.shape[2] - 1), (grid.shape[1] - 1, 0)])
    kept = []
    for k in range(held.shape[0]):
        corners = held.to_lps([(k, *end) for end in ends])
        number = round(float(grid.to_index(corners[0])[0]))
        assert 0 <= number < grid.shape[0], codes
        assert np.abs(corners - grid.to_lps([(number, *end) for end in ends])).max() < NEAR_MM, codes
        if number != spoilt or (values_kept and not codes & {"rescale-varies", "slice-missing"}):
            assert np.array_equal(scan.volume.hu[k], hu[number]), (number, codes)
        kept.append(number)
    assert kept == list(range(kept[0], kept[0] + len(kept)))
    assert len(kept) == grid.shape[0] or says_lost(scan), ("slices were left out in silence", codes)


def says_lost(scan) -> bool:
    """Whether a finding that nobody overlooks says that slices are gone."""
    return any(f.code in LOST and f.severity in ("caution", "warning") for f in scan.findings)


def assert_interpolated(scan, truth, spoilt: int | None, *, values_kept: bool) -> None:
    """Slices that were made even lie in their plane, and hold what lies between those next to them."""
    hu, grid = truth
    held = scan.volume.grid
    sideways = grid.to_index(held.corners_lps)[:, 1:] - grid.to_index(grid.corners_lps)[:, 1:]
    assert np.abs(sideways).max() < NEAR_MM
    stored = np.sort(grid.to_index(scan.stored.positions_lps)[:, 0])
    assert len(stored) == grid.shape[0] or says_lost(scan)
    near = NEAR_MM / grid.spacing_mm[0]
    others = [k for k in range(grid.shape[0]) if k != spoilt]
    missing = [k for k in others if np.abs(stored - k).min() > near]
    assert not missing or says_lost(scan), missing
    heights = grid.to_index(held.to_lps([(k, 0, 0) for k in range(held.shape[0])]))[:, 0]
    for plane, height in zip(scan.volume.hu, heights, strict=True):
        above = int(np.clip(np.searchsorted(stored, height), 1, len(stored) - 1))
        ends = [number_of(stored[n], others, near) for n in (above - 1, above)]
        if None in ends and not values_kept:
            continue  # what a spoilt slice holds is nobody's to say
        around = np.stack([hu[spoilt if k is None else k] for k in ends])
        assert np.all((plane >= around.min(axis=0) - 1) & (plane <= around.max(axis=0) + 1)), (height, ends)


def number_of(height: float, numbers: list[int], near: float) -> int | None:
    """Which of the slices lies at a height; None for the spoilt one."""
    return next((k for k in numbers if abs(k - height) <= near), None)


@pytest.fixture
def uneven(tmp_path, write, truth):
    """A series whose third slice lies a fifth of a slice off, so that it is made even."""

    def shift(k: int, ds: Dataset) -> None:
        if k == 2:
            x, y, z = ds.ImagePositionPatient
            ds.ImagePositionPatient = [x, y, float(z) + 0.22 * truth[1].spacing_mm[0]]

    write(tmp_path / "uneven", *truth, each=shift)
    return load_scan(tmp_path / "uneven")


def test_the_judge_knows_interpolated_slices(uneven, truth):
    assert uneven.stored is not None
    assert_in_place(uneven, truth, 2, values_kept=True)
    spoilt = uneven.volume.hu.copy()
    spoilt[-1] += 50
    with pytest.raises(AssertionError):
        assert_in_place(replace(uneven, volume=Volume(uneven.volume.grid, spoilt)), truth, 2, values_kept=True)


@pytest.mark.parametrize(("code", "severity"), [("series-chosen", "info"), ("slices-left-out", "info"), (None, None)])
def test_the_judge_minds_a_slice_that_is_lost(tmp_path, contents, truth, code, severity):
    for k, content in enumerate(contents("explicit")[:-1]):
        (tmp_path / f"f{k}").write_bytes(content)
    scan = load_scan(tmp_path)
    said = (Finding(code=code, severity=severity, message="x"),) if code else ()
    with pytest.raises(AssertionError):
        assert_in_place(replace(scan, findings=said), truth, None)
    caution = Finding(code="files-damaged", severity="caution", message="x")
    assert_in_place(replace(scan, findings=(*said, caution)), truth, None)


def pixels_untouched(before: bytes, after: bytes, syntax: str) -> bool:
    """Bytes moved into or out of uncompressed pixels are their own kind of damage, which no header tells."""
    count = SHAPE[1] * SHAPE[2] * 2
    return syntax in ("explicit", "implicit", "big") and before[-count - 12 :] == after[-count - 12 :]


def is_recognisable(content: bytes) -> bool:
    """Whether anything is left near its start by which a file shows that it was DICOM."""
    start = content[: 1 << 14]
    return not start or b"DICM" in start or b"1.2.840.10008." in start


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_one_damaged_slice_of_a_series(tmp_path, contents, truth, silence, syntax):
    files = contents(syntax)

    @FUZZ
    @given(st.integers(0, SHAPE[0] - 1), DAMAGES)
    def run(spoilt: int, damages: list[Damage]) -> None:
        folder = tmp_path / "ct"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        changed = files[spoilt]
        for damage in damages:
            changed = damage(changed)
        for k, content in enumerate(files):
            (folder / f"Roe{(k * 5) % 7}").write_bytes(changed if k == spoilt else content)
        scan = outcome(folder)
        if scan is not None and is_recognisable(changed):
            assert_in_place(scan, truth, spoilt, values_kept=pixels_untouched(files[spoilt], changed, syntax))

    run()


def test_one_geometry_value_of_one_slice(tmp_path, contents, truth, silence):
    """A small or a wild change of a number, in a header that is whole otherwise."""
    files = contents("explicit")

    @FUZZ
    @given(st.integers(0, SHAPE[0] - 1), st.sampled_from(sorted(GEOMETRY)), st.data())
    def run(spoilt: int, name: str, data: st.DataObject) -> None:
        _, head, end = dict(elements(files[spoilt]))[GEOMETRY[name]] if name != "frames" else (0, 0, 0)
        if not end:
            return
        old = files[spoilt][head:end]
        if name in ("rows", "columns", "stored", "allocated", "signed"):
            text = struct.pack("<H", data.draw(st.one_of(st.integers(0, 65535), st.integers(0, 17))))
        else:
            at = data.draw(st.integers(0, len(old) - 1))
            text = old[:at] + bytes([data.draw(st.sampled_from(b"0123456789.-+eE\\ A"))]) + old[at + 1 :]
        changed = files[spoilt][:head] + text + files[spoilt][end:]
        folder = tmp_path / "ct"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for k, content in enumerate(files):
            (folder / f"Roe{k}").write_bytes(changed if k == spoilt else content)
        scan = outcome(folder)
        if scan is not None:
            assert_in_place(scan, truth, spoilt, values_kept=True)

    run()


def enhanced(truth) -> bytes:
    """An Enhanced CT with a position for each frame."""
    hu, grid = truth
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = pydicom.uid.EnhancedCTImageStorage, "1.2.3.77"
    ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = "1.2.3.7", "1.2.3.5", "1.2.3.4"
    ds.Modality, ds.PatientName, ds.PatientID = "CT", "Roe^Jane", "4711"
    ds.ImageType, ds.PatientPosition = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "HFS"
    ds.NumberOfFrames, ds.Rows, ds.Columns = hu.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    shared = Dataset()
    measures, plane, rescale = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [f"{grid.spacing_mm[1]:.8g}", f"{grid.spacing_mm[2]:.8g}"]
    measures.SliceThickness = f"{grid.spacing_mm[0]:.8g}"
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = "1", "-1024", "HU"
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([plane])
    shared.PixelValueTransformationSequence = Sequence([rescale])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for k in range(len(hu)):
        frame, place = Dataset(), Dataset()
        place.ImagePositionPatient = [f"{v:.8g}" for v in grid.to_lps((k, 0, 0))]
        frame.PlanePositionSequence = Sequence([place])
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    ds.PixelData = (hu.astype(np.int32) + 1024).astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_a_damaged_multi_frame_file(tmp_path, truth, silence):
    """One file has nothing beside it to be compared with: it may not crash, hang or be loud, nor lose frames."""
    whole = enhanced(truth)
    (tmp_path / "ct").write_bytes(whole)
    assert_in_place(load_scan(tmp_path / "ct"), truth, None)
    header = len(whole) - SHAPE[0] * SHAPE[1] * SHAPE[2] * 2

    @FUZZ
    @given(st.lists(DAMAGE.filter(lambda damage: damage.kind != "value"), min_size=1, max_size=2))
    def run(damages: list[Damage]) -> None:
        changed = whole
        for damage in damages:
            changed = damage(changed)
        (tmp_path / "ct").write_bytes(changed)
        scan = outcome(tmp_path / "ct")
        if scan is not None and changed[:header] == whole[:header]:
            assert scan.volume.grid.is_same(truth[1])

    run()


def nifti(truth, folder: Path, name: str) -> bytes:
    hu, grid = truth
    ras = np.diag([-1.0, -1, 1, 1]) @ grid.lps_from_index @ np.eye(4)[[2, 1, 0, 3]]
    image = nib.Nifti1Image(hu.transpose(2, 1, 0), ras)
    image.set_sform(ras, 1)
    image.set_qform(ras, 1)
    image.header.set_xyzt_units("mm")
    nib.save(image, folder / name)
    return (folder / name).read_bytes()


def itk_file(truth, folder: Path, name: str, *, packed: bool) -> bytes:
    hu, grid = truth
    image = sitk.GetImageFromArray(hu)
    image.SetOrigin([float(v) for v in grid.lps_from_index[:3, 3]])
    image.SetSpacing(grid.spacing_mm[::-1])
    sitk.WriteImage(image, str(folder / name), useCompression=packed)
    return (folder / name).read_bytes()


def header_end(content: bytes, name: str) -> int:
    if name.endswith(".mha"):
        return content.index(b"LOCAL") + 6
    return content.index(b"\n\n") + 2 if name.endswith(".nrrd") else 352


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "raw.nrrd", "gzip.nrrd", "raw.mha", "zlib.mha"])
def test_a_damaged_volume_file(tmp_path, truth, silence, name):
    """Text headers say each thing once: there only what the voxels' own bytes hold can be judged."""
    made = tmp_path / "made"
    made.mkdir()
    is_nifti = ".nii" in name
    whole = nifti(truth, made, name) if is_nifti else itk_file(truth, made, name, packed=name[0] in "gz")
    plain = zlib.decompress(whole, 31) if name.endswith(".gz") else whole
    head = header_end(plain, name)
    assert load_scan(made / name).volume.grid.is_same(truth[1])

    @FUZZ
    @given(
        st.lists(DAMAGE.filter(lambda d: d.kind not in ("value", "vr", "length", "swap")), min_size=1, max_size=2),
        st.booleans(),
    )
    def run(damages: list[Damage], inside: bool) -> None:
        changed = plain if inside else whole
        for damage in damages:
            changed = damage(changed)
        same_head = changed[:head] == plain[:head]
        if name.endswith(".gz"):
            same_head = same_head if inside else True  # the checksum holds what is packed
            changed = zlib_gzip(changed) if inside else changed
        (tmp_path / name).write_bytes(changed)
        scan = outcome(tmp_path / name)
        if scan is None:
            return
        moved = scan.volume.grid.shape != truth[1].shape
        moved = moved or np.abs(scan.volume.grid.corners_lps - truth[1].corners_lps).max() > NEAR_MM
        assert not moved or (not same_head and not is_nifti) or scan.findings
        if name in ("gzip.nrrd", "zlib.mha") and same_head:
            assert np.array_equal(scan.volume.hu, truth[0])

    run()


def zlib_gzip(content: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(content) + packer.flush()


def test_a_damaged_zip(tmp_path, contents, truth, silence):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for k, content in enumerate(contents("explicit")):
            packed.writestr(f"Roe/{k}", content)
    whole = buffer.getvalue()
    limit = settings(FUZZ, max_examples=max(FUZZ.max_examples // 2, 1))

    @limit
    @given(st.lists(DAMAGE.filter(lambda d: d.kind not in ("value", "vr", "length", "swap")), min_size=1, max_size=2))
    def run(damages: list[Damage]) -> None:
        changed = whole
        for damage in damages:
            changed = damage(changed)
        (tmp_path / "study.zip").write_bytes(changed)
        scan = outcome(tmp_path / "study.zip")
        if scan is not None:
            assert np.array_equal(scan.volume.hu, truth[0]) or scan.findings

    run()


def dicomdir(names: list[tuple[str, ...]]) -> bytes:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3.9"
    records = []
    for name in names:
        record = Dataset()
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", list(name)
        records.append(record)
    ds.DirectoryRecordSequence = Sequence(records)
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_a_damaged_dicomdir(tmp_path, contents, truth, silence):
    folder = tmp_path / "IMAGES"
    folder.mkdir()
    for k, content in enumerate(contents("explicit")):
        (folder / f"I{k}").write_bytes(content)
    whole = dicomdir([("IMAGES", f"I{k}") for k in range(SHAPE[0])])

    @FUZZ
    @given(st.lists(DAMAGE, min_size=1, max_size=2))
    def run(damages: list[Damage]) -> None:
        changed = whole
        for damage in damages:
            changed = damage(changed)
        (tmp_path / "DICOMDIR").write_bytes(changed)
        scan = outcome(tmp_path / "DICOMDIR")
        if scan is not None:
            assert_in_place(scan, truth, None)

    run()
