"""Small CTs, and a DICOM writer of the tests' own: bare pydicom, sharing nothing with the planner's writer."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from planner.geometry.grid import Grid
from planner.model.volume import Volume

SHAPE = (12, 20, 24)


def make_hu(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """An asymmetric body with noise: air, soft tissue, a bone block, one bright voxel."""
    rng = np.random.default_rng(7)
    hu = rng.normal(-990, 5, shape)
    hu[:, 3:-3, 4:-2] = rng.normal(40, 15, (shape[0], shape[1] - 6, shape[2] - 6))
    hu[1:6, 4:9, 6:9] = rng.normal(700, 30, (5, 5, 3))
    hu[3, 5, 7] = 2500
    return np.rint(hu).astype(np.int16)


def make_grid(
    *,
    shape: tuple[int, int, int] = SHAPE,
    spacing: tuple[float, float, float] = (1.25, 0.8, 0.7),
    origin: tuple[float, float, float] = (-31.5, 12.25, -403.75),
    directions: np.ndarray | None = None,
) -> Grid:
    """A grid; directions hold the unit vectors along (slice, row, column) as columns."""
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3)[:, ::-1] if directions is None else directions) * np.array(spacing)
    matrix[:3, 3] = origin
    return Grid(shape, matrix, "1.2.3.4")


def write_bare(
    folder: Path,
    hu: np.ndarray,
    grid: Grid,
    *,
    intercept: float = -1024.0,
    slope: float = 1.0,
    signed: bool = False,
    bits: int = 16,
    syntax: str = ExplicitVRLittleEndian,
    series: str = "1.2.3.100",
    each: Callable[[int, Dataset], None] | None = None,
    plugin: str = "",
    **tags: Any,
) -> list[Path]:
    """Write one file per slice, names in no order; ``each`` may spoil a slice before it is written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k in range(len(hu)):
        ds = Dataset()
        ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        ds.SOPInstanceUID = generate_uid(entropy_srcs=[series, str(k)])
        ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.FrameOfReferenceUID = (
            series,
            "1.2.3.5",
            grid.frame_of_reference_uid,
        )
        ds.Modality, ds.ImageType, ds.PatientName, ds.PatientID = (
            "CT",
            ["ORIGINAL", "PRIMARY", "AXIAL"],
            "Roe^Jane",
            "4711",
        )
        ds.PatientPosition, ds.SliceThickness, ds.ConvolutionKernel = "HFS", f"{grid.spacing_mm[0]:.6g}", "B60"
        ds.InstanceNumber, ds.AcquisitionNumber = (k * 7) % 1000 + 1, 1
        ds.ImagePositionPatient = [f"{v:.8g}" for v in grid.to_lps((k, 0, 0))]
        along_row, along_column = grid.directions_lps[:, 2], grid.directions_lps[:, 1]
        ds.ImageOrientationPatient = [f"{v:.10g}" for v in (*along_row, *along_column)]
        ds.PixelSpacing = [f"{grid.spacing_mm[1]:.8g}", f"{grid.spacing_mm[2]:.8g}"]
        ds.Rows, ds.Columns = hu.shape[1:]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, bits, bits - 1, int(signed)
        ds.RescaleSlope, ds.RescaleIntercept = f"{slope:g}", f"{intercept:g}"
        for name, value in tags.items():
            setattr(ds, name, value)
        stored = np.rint((hu[k].astype(np.float64) - intercept) / slope).astype(np.int64) & 0xFFFF
        big = syntax == pydicom.uid.ExplicitVRBigEndian
        ds.PixelData = stored.astype(">u2" if big else "<u2").tobytes()
        ds["PixelData"].VR = "OW"
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = (
            syntax if not pydicom.uid.UID(syntax).is_encapsulated else ExplicitVRLittleEndian
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if pydicom.uid.UID(syntax).is_encapsulated:
                ds.compress(syntax, encoding_plugin=plugin, generate_instance_uid=False)
            if each is not None:
                each(k, ds)
            path = folder / f"f{(k * 5 + 3) % 97:03d}"
            ds.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


@pytest.fixture
def hu() -> np.ndarray:
    return make_hu()


@pytest.fixture
def grid() -> Grid:
    return make_grid()


@pytest.fixture
def volume(hu: np.ndarray, grid: Grid) -> Volume:
    return Volume(grid, hu)


@pytest.fixture
def grid_of() -> Callable[..., Grid]:
    return make_grid


@pytest.fixture
def write() -> Callable[..., list[Path]]:
    return write_bare
