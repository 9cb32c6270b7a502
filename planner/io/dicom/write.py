"""DICOM out: UIDs, file headers, and CT series; the label writer builds on the same parts."""

import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGLSLossless
from pydicom.valuerep import format_number_as_ds

from planner import __version__
from planner.errors import GeometryError, OutputError
from planner.geometry.grid import Grid
from planner.io.dicom.headers import CT_IMAGE
from planner.model.plan import PatientPosition
from planner.model.volume import Volume
from planner.progress import SILENT, Monitor, track

MANUFACTURER = "periprosthetic-cement-planner"
SOFTWARE_VERSION = __version__
_TWELVE_BIT, _SIXTEEN_BIT = (-1024, 12), (-8192, 16)
"""Intercept and stored bits: the ordinary CT range, -1024 to 3071 HU, and the extended one, -8192 to 57343 HU."""
_PAIRED = frozenset(("HIP", "FEMUR", "LEG", "KNEE", "THIGH"))
"""Body parts for which DICOM asks for a laterality; it is left empty, for both sides may be in view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesIdentity:
    """Who and what a written CT series claims to be: no person, and the same each time.

    Parameters
    ----------
    seed : str
        All UIDs derive from it; two series with one seed have the same UIDs.
    patient_name, patient_id : str
        Fixed words that name no person ("Phantom^Hip").
    series_description : str
        What the series shows.
    body_part : str
        DICOM Body Part Examined ("HIP", "LSPINE", "TSPINE").
    date, time : str
        Study date and time, YYYYMMDD and HHMMSS; fixed, so that files are reproducible.
    patient_position : str
        How the patient lies on the table.
    kernel : str
        Convolution kernel.
    tube_kv : float
        Tube voltage, kV.
    series_number : int
        Number of the series in its study.
    """

    seed: str
    patient_name: str = "Phantom^Synthetic"
    patient_id: str = "PHANTOM"
    series_description: str = "Synthetic CT"
    body_part: str = "HIP"
    date: str = "20260101"
    time: str = "120000"
    patient_position: PatientPosition = "HFS"
    kernel: str = "SYNTHETIC"
    tube_kv: float = 120.0
    series_number: int = 1


def derived_uid(*parts: str) -> str:
    """Derive a UID from words: the same words give the same UID.

    Parameters
    ----------
    *parts : str
        What the UID stands for.

    Returns
    -------
    str
        Under ``2.25``, from a name-based UUID (PS3.5 B.2, RFC 4122 version 5).
    """
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, '/'.join((MANUFACTURER, *parts))).int}"


def decimal_string(value: float) -> str:
    """Write a number in the sixteen characters that DICOM allows.

    Parameters
    ----------
    value : float
        A finite number.

    Returns
    -------
    str
        A decimal string (PS3.5 6.2), as exact as it gets; no negative zero.
    """
    return str(format_number_as_ds(float(value) + 0.0))


def file_meta(sop_class_uid: str, sop_instance_uid: str) -> FileMetaDataset:
    """Build the head of a DICOM file, without a version that changes from one pydicom to the next.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid : str
        What the file holds.

    Returns
    -------
    FileMetaDataset
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(derived_uid("implementation"))
    meta.ImplementationVersionName = "CEMENT_PLANNER"
    return meta


def write_ct_series(
    volume: Volume, folder: Path, *, identity: SeriesIdentity, monitor: Monitor = SILENT
) -> tuple[Path, ...]:
    """Write a CT as a DICOM series in JPEG-LS lossless, byte for byte the same each time.

    Parameters
    ----------
    volume : Volume
        The CT, on a rectangular grid of any orientation. Fractions of a HU are rounded; padding is written as the HU
        that stands there.
    folder : Path
        Made if it is not there; gets one file per slice, ``IM00000`` on.
    identity : SeriesIdentity
        Who and what it claims to be.
    monitor : Monitor
        Follows the writing.

    Returns
    -------
    tuple of Path
        The files, in the order of the slices.

    Raises
    ------
    GeometryError
        If the grid is sheared.
    OutputError
        If HU lie outside -8192 to 57343, or the folder cannot be written or holds a series already.
    """
    grid = volume.grid
    if not grid.is_rectangular:
        raise GeometryError("a CT series is written on rectangular grids only; resample the sheared one first")
    intercept, bits = _storage(volume.hu)
    common = _series_attributes(grid, identity)
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.glob("IM?????")):
            raise OutputError(f"{folder.name} holds a series already, and two would mix: give a folder without one")
        for number in track(range(grid.shape[0]), stage="writing slices", monitor=monitor):
            dataset = _slice(common, grid, number, identity)
            _set_pixels(dataset, volume.hu[number], intercept, bits)
            path = folder / f"IM{number:05d}"
            dataset.save_as(path, enforce_file_format=True)
            paths.append(path)
    except OSError as error:
        reason = (error.strerror or "the system refused").lower()
        raise OutputError(f"{folder.name} cannot be written: {reason}; choose another place") from error
    return tuple(paths)


def _storage(hu: npt.NDArray[np.generic]) -> tuple[int, int]:
    """Choose intercept and bits: twelve bits where they hold the CT, for every reader knows them."""
    low, high = float(np.rint(hu.min())), float(np.rint(hu.max()))
    for intercept, bits in (_TWELVE_BIT, _SIXTEEN_BIT):
        if intercept <= low and high < intercept + 2**bits:
            return intercept, bits
    raise OutputError(f"HU from {low:g} to {high:g} do not fit a 16-bit CT (-8192 to 57343); clip them first")


def _series_attributes(grid: Grid, identity: SeriesIdentity) -> Dataset:
    """Build what all slices share."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = UID(CT_IMAGE)
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = identity.date
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = identity.time
    ds.AccessionNumber = ""
    ds.Modality = "CT"
    ds.Manufacturer = MANUFACTURER
    ds.ReferringPhysicianName = ""
    ds.SeriesDescription = identity.series_description
    ds.ManufacturerModelName = "phantom"
    ds.PatientName = identity.patient_name
    ds.PatientID = identity.patient_id
    ds.PatientBirthDate = ""
    ds.PatientSex = ""
    ds.BodyPartExamined = identity.body_part
    ds.SliceThickness = decimal_string(grid.spacing_mm[0])
    ds.KVP = decimal_string(identity.tube_kv)
    ds.ConvolutionKernel = identity.kernel
    ds.PatientPosition = identity.patient_position
    ds.StudyInstanceUID = UID(derived_uid(identity.seed, "study"))
    ds.SeriesInstanceUID = UID(derived_uid(identity.seed, "series"))
    ds.StudyID = "1"
    if identity.body_part in _PAIRED:
        ds.Laterality = ""
    ds.SeriesNumber = identity.series_number
    ds.AcquisitionNumber = 1
    ds.ImageOrientationPatient = [decimal_string(v) for v in (*grid.directions_lps[:, 2], *grid.directions_lps[:, 1])]
    ds.FrameOfReferenceUID = UID(grid.frame_of_reference_uid or derived_uid(identity.seed, "frame"))
    ds.PositionReferenceIndicator = ""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = grid.shape[1], grid.shape[2]
    ds.PixelSpacing = [decimal_string(grid.spacing_mm[1]), decimal_string(grid.spacing_mm[2])]
    return ds


def _slice(common: Dataset, grid: Grid, number: int, identity: SeriesIdentity) -> Dataset:
    ds = Dataset()
    ds.update(common)
    ds.SOPInstanceUID = UID(derived_uid(identity.seed, "slice", str(number)))
    ds.InstanceNumber = number + 1
    ds.ImagePositionPatient = [decimal_string(float(v)) for v in grid.to_lps((number, 0, 0))]
    ds.file_meta = file_meta(CT_IMAGE, ds.SOPInstanceUID)
    return ds


def _set_pixels(ds: Dataset, hu: npt.NDArray[np.generic], intercept: int, bits: int) -> None:
    stored = np.rint(hu).astype(np.int32) - intercept
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, bits, bits - 1
    ds.PixelRepresentation = 0
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = decimal_string(float(intercept)), "1", "HU"
    ds.PixelData = stored.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    ds.compress(JPEGLSLossless, encoding_plugin="pyjpegls", generate_instance_uid=False)
