"""One CT in many encodings, orders and containers, its axes another way round in each: the same voxels in the patient.

Equal voxels of one type in equal places make equal plans, for the planner sees nothing else; `test_orientations` plans
on what comes of 24 storages.
"""

import gc
import random
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdcm
import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from planner.geometry.grid import Grid
from planner.io import load_scan
from planner.model.scan import Scan
from planner.model.volume import Volume

Writer = Callable[..., list[Path]]
ORDERS = {
    "axial": ((0, 1, 2), (False, False, False)),
    "axial, prone": ((0, 1, 2), (False, True, True)),
    "axial, feet first": ((0, 1, 2), (True, False, True)),
    "sagittal": ((2, 0, 1), (False, True, False)),
    "sagittal, from the left": ((2, 0, 1), (True, False, False)),
    "coronal": ((1, 0, 2), (False, False, True)),
    "coronal, head down": ((1, 0, 2), (False, True, False)),
}
"""Which patient axis (superior, posterior, left) slices, rows and columns run along, and which of them backwards."""


def _gdcm_transcoded(folder: Path, volume: Volume, write: Writer, name: str) -> Path:
    for path in write(folder, volume):
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
    return folder


def _item(**tags: Any) -> Dataset:
    ds = Dataset()
    for name, value in tags.items():
        setattr(ds, name, value)
    return ds


def _enhanced(folder: Path, volume: Volume, write: Writer, place: Callable[..., None]) -> Path:
    """One multi-frame object, its frames in no order."""
    frames = random.Random(3).sample(range(len(volume.hu)), len(volume.hu))
    per_frame = []
    for k in frames:
        where = Dataset()
        place(where, volume.grid, k)
        per_frame.append(
            _item(PlanePositionSequence=Sequence([_item(ImagePositionPatient=where.ImagePositionPatient)]))
        )
    shared = _item(
        PlaneOrientationSequence=Sequence([_item(ImageOrientationPatient=where.ImageOrientationPatient)]),
        PixelMeasuresSequence=Sequence([_item(PixelSpacing=where.PixelSpacing, SliceThickness=9)]),
        PixelValueTransformationSequence=Sequence([_item(RescaleIntercept=-8192, RescaleSlope=1, RescaleType="HU")]),
        CTImageFrameTypeSequence=Sequence([_item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])]),
    )
    ds = _item(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2.1",
        SOPInstanceUID="1.2.3.77",
        SeriesInstanceUID="1.2.3.78",
        FrameOfReferenceUID=volume.grid.frame_of_reference_uid,
        Modality="CT",
        ImageType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence(per_frame),
    )
    ds.NumberOfFrames, ds.Rows, ds.Columns = volume.hu.shape
    ds.PixelData = (np.asarray(volume.hu)[frames].astype(np.int32) + 8192).astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(folder / "enhanced", enforce_file_format=True)
    return folder / "enhanced"


def _zipped(folder: Path, volume: Volume, write: Writer) -> Path:
    with zipfile.ZipFile(folder / "ct.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in write(folder / "in", volume, name=lambda k: f"{k % 3}/{k}.dcm"):
            archive.write(path, path.relative_to(folder))
    return folder / "ct.zip"


def _listed(folder: Path, volume: Volume, write: Writer) -> Path:
    """A DICOMDIR as on a disc."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = FileSet()
        for path in write(folder / "in", volume, PatientID="4"):
            files.add(path)
        files.write(folder / "disc")
        # pydicom leaves its own temporary folder to the collector, which warns.
        del files
        gc.collect()
    return folder / "disc" / "DICOMDIR"


def _nested(folder: Path, volume: Volume, write: Writer) -> Path:
    """Folders in folders, slices spread over them in no order, numbered backwards, other files beside them."""
    shuffled = random.Random(5).sample(range(1000), len(volume.hu))
    write(folder, volume, name=lambda k: f"a{k % 2}/b{k % 5}/{shuffled[k]}", number=lambda k: 500 - k)
    (folder / "a0" / "notes.txt").write_text("nothing")
    (folder / "a1" / "empty").write_bytes(b"")
    return folder


def _shuffled(folder: Path, volume: Volume, write: Writer) -> Path:
    names, numbers = (random.Random(seed).sample(range(1000), len(volume.hu)) for seed in (1, 2))
    write(folder, volume, name=lambda k: f"{names[k]:04d}.dcm", number=lambda k: numbers[k])
    return folder


def _twice(folder: Path, volume: Volume, write: Writer) -> Path:
    """The first slices copied under other names, as a second export leaves them."""
    for number, path in enumerate(write(folder, volume)[:4]):
        (folder / f"copy{number}").write_bytes(path.read_bytes())
    return folder


def _into(folder: Path, written: Any) -> Path:
    assert written
    return folder


DICOM: dict[str, tuple[str, Callable[..., Path]]] = {
    "implicit VR": ("sagittal", lambda f, v, w, p: _into(f, w(f, v, syntax=ImplicitVRLittleEndian))),
    "big endian": ("coronal", lambda f, v, w, p: _into(f, w(f, v, syntax=ExplicitVRBigEndian))),
    "deflated": ("axial, prone", lambda f, v, w, p: _into(f, w(f, v, syntax=DeflatedExplicitVRLittleEndian))),
    "RLE": ("sagittal", lambda f, v, w, p: _into(f, w(f, v, syntax=RLELossless, plugin="pydicom"))),
    "JPEG-LS": ("coronal, head down", lambda f, v, w, p: _into(f, w(f, v, syntax=JPEGLSLossless, plugin="pyjpegls"))),
    "JPEG 2000": ("sagittal", lambda f, v, w, p: _gdcm_transcoded(f, v, w, "JPEG2000Lossless")),
    "JPEG lossless": ("coronal", lambda f, v, w, p: _gdcm_transcoded(f, v, w, "JPEGLosslessProcess14_1")),
    "signed": ("axial, feet first", lambda f, v, w, p: _into(f, w(f, v, signed=True, intercept=lambda k: 0.0))),
    "signed, 14 bits": (
        "sagittal, from the left",
        lambda f, v, w, p: _into(f, w(f, v, signed=True, bits=14, intercept=lambda k: 1000.0)),
    ),
    "an intercept for each slice": ("coronal", lambda f, v, w, p: _into(f, w(f, v, intercept=lambda k: -1024.0 - k))),
    "shuffled names and numbers": ("sagittal", lambda f, v, w, p: _shuffled(f, v, w)),
    "nested folders, numbered backwards": ("axial, feet first", lambda f, v, w, p: _nested(f, v, w)),
    "some slices twice": ("axial", lambda f, v, w, p: _twice(f, v, w)),
    "zip": ("coronal, head down", lambda f, v, w, p: _zipped(f, v, w)),
    "DICOMDIR": ("axial, prone", lambda f, v, w, p: _listed(f, v, w)),
    "enhanced multi-frame": ("sagittal, from the left", lambda f, v, w, p: _enhanced(f, v, w, p)),
}


@pytest.mark.parametrize("name", DICOM)
def test_dicom(name: str, tmp_path: Path, ct: Volume, stored: Any, write: Writer, place: Any, loads_as: Any) -> None:
    order, make = DICOM[name]
    scan: Scan = loads_as(make(tmp_path, stored(ct, *ORDERS[order]), write, place), ct)
    assert scan.volume.hu.dtype == ct.hu.dtype
    assert scan.volume.padding is None


def test_twelve_bits(tmp_path: Path, ct: Volume, stored: Any, write: Writer, loads_as: Any) -> None:
    clipped = Volume(ct.grid, np.minimum(ct.hu, 3071))
    write(tmp_path, stored(clipped, *ORDERS["coronal"]), bits=12, intercept=lambda k: -1024.0)
    scan = loads_as(tmp_path, clipped)
    assert scan.series.hu_clipped_at == 3071


def test_half_units(tmp_path: Path, ct: Volume, stored: Any, write: Writer, loads_as: Any) -> None:
    halves = Volume(ct.grid, ct.hu / np.float32(2))
    write(tmp_path, stored(halves, *ORDERS["sagittal"]), slope=0.5, intercept=lambda k: -4096.0)
    assert loads_as(tmp_path, halves).volume.hu.dtype == np.float32


def test_padding_beyond_the_stored_range(tmp_path: Path, ct: Volume, stored: Any, write: Writer) -> None:
    """A corner that the scanner did not measure: 63536 stands in signed pixels as -2000, and is no HU."""
    turned = stored(ct, *ORDERS["sagittal"])
    turned.grid.require_same(turned.grid)
    hu = np.array(turned.hu)
    hu[:, :9, :7] = -2000
    volume = Volume(turned.grid, hu)

    def padded(_: int, ds: Dataset) -> None:
        ds.add_new("PixelPaddingValue", "US", 63536)

    write(tmp_path, volume, signed=True, intercept=lambda k: 0.0, each=padded)
    found = load_scan(tmp_path).in_patient_axes().volume
    where = Volume(volume.grid, (hu == -2000).astype(np.int16)).in_patient_axes().hu > 0
    assert found.padding is not None
    assert np.array_equal(found.padding, where)
    assert np.array_equal(found.hu[~where], ct.hu[~where])


@pytest.fixture(scope="module")
def ct_in_eighths(ct: Volume) -> Volume:
    """The same voxels in places that NIfTI's 32-bit numbers hold exactly."""
    matrix = np.array([[0, 0, 0.75, -45], [0, 0.875, 0, -35], [1, 0, 0, -22], [0, 0, 0, 1]])
    return Volume(Grid(ct.grid.shape, matrix), ct.hu)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2), (2, 1, 0)])
@pytest.mark.parametrize("backwards", [(False, False, False), (True, False, False), (False, True, True)])
@pytest.mark.parametrize("ending", ["nii.gz", "nrrd", "mha"])
def test_other_formats_of_either_hand(
    ending: str, order: Any, backwards: Any, tmp_path: Path, ct_in_eighths: Volume, stored: Any, loads_as: Any
) -> None:
    turned = stored(ct_in_eighths, order, backwards)
    path = tmp_path / f"ct.{ending}"
    matrix = turned.grid.lps_from_index
    if ending == "nii.gz":
        affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix @ np.eye(4)[[2, 1, 0, 3]]
        image = nib.Nifti1Image(np.asarray(turned.hu).T, affine)
        image.header.set_xyzt_units("mm")
        nib.save(image, path)
    else:
        image = sitk.GetImageFromArray(turned.hu)
        image.SetOrigin(matrix[:3, 3].tolist())
        image.SetSpacing(turned.grid.spacing_mm[::-1])
        image.SetDirection((turned.grid.directions_lps[:, ::-1]).ravel().tolist())
        sitk.WriteImage(image, str(path), useCompression=False)
    scan = loads_as(path, ct_in_eighths)
    assert scan.volume.hu.dtype == ct_in_eighths.hu.dtype
