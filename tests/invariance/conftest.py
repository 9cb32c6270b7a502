"""One phantom, ways to store it, and what "the same plan" means."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from planner.config.plan_config import PlanConfig
from planner.geometry.grid import Grid
from planner.io import load_scan
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.phantoms.case import design, make
from planner.pipeline import PlannedCase, plan_scan, scan_of

LOW_LPS, HIGH_LPS = (-45.0, -35.0, -22.0), (48.0, 72.0, 26.0)
"""Of the lumbar phantom: L4 with a loose screw on the left and a firm one on the right, rods, canal, and a breach."""
SPACING_MM = (1.0, 0.9, 0.8)
"""Slice, row, column: all different, so that no two axes are taken for each other."""
ORIENTED = "1.2.826.0.1.3680043.8.498.5"


def upright_box(low: Sequence[float], high: Sequence[float], spacing_mm: Sequence[float]) -> Grid:
    """A grid over a box: slices to superior, rows to posterior, columns to left; spacing along these."""
    along = np.array(spacing_mm, dtype=float)[::-1]
    count = np.floor((np.array(high) - low) / along).astype(int) + 1
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(along)[:, ::-1]
    matrix[:3, 3] = low
    return Grid((int(count[2]), int(count[1]), int(count[0])), matrix, ORIENTED)


def store_as(volume: Volume, order: Sequence[int], backwards: Sequence[bool]) -> Volume:
    """Store voxels with other axes. Written apart from the planner's own turning: by where three voxels come to lie."""
    numbers = np.arange(volume.hu.size).reshape(volume.hu.shape)
    flips = [axis for axis in range(3) if backwards[axis]]
    turned = np.flip(numbers.transpose(order), flips)

    def place(*index: int) -> np.ndarray:
        return np.asarray(volume.grid.to_lps(np.unravel_index(turned[index], volume.hu.shape)))

    matrix = np.eye(4)
    last = np.array(turned.shape) - 1
    for axis in range(3):
        end = [0, 0, 0]
        end[axis] = int(last[axis])
        matrix[:3, axis] = (place(*end) - place(0, 0, 0)) / last[axis]
    matrix[:3, 3] = place(0, 0, 0)
    hu = np.ascontiguousarray(np.asarray(volume.hu).ravel()[turned])
    return Volume(Grid(turned.shape, matrix, volume.grid.frame_of_reference_uid), hu)


def write_slices(
    folder: Path,
    volume: Volume,
    *,
    name: Callable[[int], str] = "{:05d}".format,
    number: Callable[[int], int] = (7).__add__,
    syntax: str = ExplicitVRLittleEndian,
    plugin: str = "",
    signed: bool = False,
    bits: int = 16,
    intercept: Callable[[int], float] = lambda k: -8192.0,
    slope: float = 1.0,
    each: Callable[[int, Dataset], None] | None = None,
    **tags: Any,
) -> list[Path]:
    """Write a CT with bare pydicom: one file per slice, its name and number as they are given."""
    paths = []
    for k, plane in enumerate(np.asarray(volume.hu)):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"{ORIENTED}.9.{k + 1}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{ORIENTED}.1", f"{ORIENTED}.2"
        ds.FrameOfReferenceUID, ds.Modality, ds.ImageType = ORIENTED, "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "", "", "", ""
        ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20260101", "120000", "1", ""
        ds.InstanceNumber, ds.SeriesNumber, ds.ReferringPhysicianName = number(k), 3, ""
        ds.PatientPosition, ds.ConvolutionKernel, ds.SliceThickness = "HFS", "B60", f"{volume.grid.spacing_mm[0]:.6g}"
        place_slice(ds, volume.grid, k)
        ds.Rows, ds.Columns = plane.shape
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, bits, bits - 1, int(signed)
        ds.RescaleSlope, ds.RescaleIntercept = f"{slope:g}", f"{intercept(k):g}"
        for keyword, value in tags.items():
            setattr(ds, keyword, value)
        stored = np.rint((plane.astype(np.float64) - intercept(k)) / slope).astype(np.int64) & (2**bits - 1)
        ds.PixelData = stored.astype(">u2" if syntax == pydicom.uid.ExplicitVRBigEndian else "<u2").tobytes()
        ds["PixelData"].VR = "OW"
        ds.file_meta = FileMetaDataset()
        packed = pydicom.uid.UID(syntax).is_encapsulated
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if packed else syntax
        if packed:
            ds.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
        if each is not None:
            each(k, ds)
        path = folder / name(k)
        path.parent.mkdir(parents=True, exist_ok=True)
        ds.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def place_slice(ds: Dataset, grid: Grid, k: int) -> None:
    """Say where a slice is, with all the digits that DICOM allows."""
    number = pydicom.valuerep.format_number_as_ds
    ds.ImagePositionPatient = [number(float(v) + 0.0) for v in grid.to_lps((k, 0, 0))]
    along = grid.directions_lps
    ds.ImageOrientationPatient = [number(float(v) + 0.0) for v in (*along[:, 2], *along[:, 1])]
    ds.PixelSpacing = [number(v) for v in grid.spacing_mm[1:]]


def unlike(first: Plan, second: Plan) -> list[tuple[str, float]]:
    """Everything in which two plans differ: where, and by how much (inf where it is no number)."""
    parts = ("implants", "gaps", "breaches", "trajectories", "needle_sets", "labels", "treatment_position")
    out: list[tuple[str, float]] = []
    for part in parts:
        out += _unlike(getattr(first, part), getattr(second, part), part)
    return out


def _unlike(a: Any, b: Any, where: str) -> Iterator[tuple[str, float]]:
    a, b = (v.model_dump() if hasattr(v, "model_dump") else v for v in (a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping) and a.keys() == b.keys():
        for key in a:
            yield from _unlike(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple) and isinstance(b, list | tuple) and len(a) == len(b):
        for number, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from _unlike(one, other, f"{where}[{number}]")
    elif isinstance(a, float) and isinstance(b, float):
        if a != b:
            yield where, abs(a - b)
    elif a != b:
        yield where, float("inf")


@pytest.fixture(scope="session")
def ct() -> Volume:
    """The phantom's CT, slices to superior, rows to posterior, columns to left."""
    return make("lumbar", grid=upright_box(LOW_LPS, HIGH_LPS, SPACING_MM), settings=design("lumbar").ideal).volume


@pytest.fixture(scope="session")
def planned(ct: Volume) -> PlannedCase:
    """What is planned on it without a file."""
    return plan_scan(scan_of(ct), PlanConfig())


@pytest.fixture(scope="session")
def make_box() -> Callable[..., Grid]:
    return upright_box


@pytest.fixture(scope="session")
def stored() -> Callable[..., Volume]:
    return store_as


@pytest.fixture(scope="session")
def write() -> Callable[..., list[Path]]:
    return write_slices


@pytest.fixture(scope="session")
def place() -> Callable[..., None]:
    return place_slice


@pytest.fixture(scope="session")
def differences() -> Callable[[Plan, Plan], list[tuple[str, float]]]:
    return unlike


@pytest.fixture
def loads_as(tmp_path: Path) -> Callable[..., Scan]:
    """Load an input and hold its voxels against a CT's, place by place."""

    def check(path: Path, ct: Volume) -> Scan:
        scan = load_scan(path)
        found, same = scan.in_patient_axes().volume, ct.in_patient_axes()
        assert found.grid.shape == same.grid.shape
        assert np.array_equal(found.grid.lps_from_index, same.grid.lps_from_index)
        assert np.array_equal(found.hu, same.hu)
        return scan

    return check
