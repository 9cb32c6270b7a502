"""A DICOM series into memory, ours beside other programs, for ``python benchmarks/speed.py load``.

Each reader runs in a process of its own, so that its peak memory is its own; the readers take turns, so that a slow
moment of the machine falls on all of them. The floor is what it takes to read the files' bytes into one buffer.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from speed_rows import Row, peak_memory_mb

PROJECT = Path(__file__).resolve().parents[1]
PADDING = 63536
"""-2000 in 16 bits, as scanners write it."""
SYNTAXES = {
    "uncompressed": "1.2.840.10008.1.2.1",
    "rle": "1.2.840.10008.1.2.5",
    "jpeg-lossless": "1.2.840.10008.1.2.4.70",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg-2000": "1.2.840.10008.1.2.4.90",
    "htj2k": "1.2.840.10008.1.2.4.201",
}
FLOOR = "plain file read"
_DCM2NIIX = "dcm2niix"

Runs = Mapping[str, Sequence[dict[str, float]]]


def time_readers(shape: tuple[int, int, int], syntax: str, *, padded: bool, repeats: int) -> Runs:
    """Write a series, and let every reader load it some times."""
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        print(f"writing {shape[0]} slices of {shape[1]} x {shape[2]}, {syntax}", file=sys.stderr)
        write_series(Path(folder), shape, SYNTAXES[syntax], padded=padded)
        names = [*READERS, *([_DCM2NIIX] if _dcm2niix() else [])]
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(repeats):
            for name in names:
                run = _converted(Path(folder)) if name == _DCM2NIIX else _run_reader(name, Path(folder))
                if run is not None:
                    runs[name].append(run)
    return runs


def print_readers(title: str, runs: Runs, voxel_mb: float) -> None:
    """Print time, time against SimpleITK's, and peak memory of each reader."""
    middle = {name: statistics.median(run["seconds"] for run in found) for name, found in runs.items() if found}
    print(title)
    print(f"{'reader':<28}{'seconds':>9}{'fastest':>9}{'x SimpleITK':>13}{'peak MB':>9}{'x voxels':>10}")
    for name, found in runs.items():
        if not found:
            print(f"{name:<28}{'cannot read it':>18}")
            continue
        fastest = min(run["seconds"] for run in found)
        share = f"{middle[name] / middle['SimpleITK']:.2f}" if "SimpleITK" in middle else ""
        peak_mb = statistics.median(run["peak_mb"] for run in found)
        print(
            f"{name:<28}{middle[name]:>9.3f}{fastest:>9.3f}{share:>13}{peak_mb:>9.0f}{peak_mb / voxel_mb:>10.2f}",
            flush=True,
        )
    print()


def rows_of(work: str, runs: Runs) -> list[Row]:
    """Give the readers as rows of the table of all stages."""
    return [
        Row(work, name, [run["seconds"] for run in found], is_ours=name == "planner", is_floor=name == FLOOR)
        for name, found in runs.items()
        if found
    ]


def _run_reader(name: str, folder: Path) -> dict[str, float] | None:
    """Run one reader in a fresh process; None where it cannot read the series."""
    command = [sys.executable, str(PROJECT / "benchmarks" / "speed.py"), "load-once", name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def _dcm2niix() -> str | None:
    return shutil.which(_DCM2NIIX) or shutil.which(_DCM2NIIX, path=str(Path(sys.executable).parent))


def _converted(folder: Path) -> dict[str, float] | None:
    """Let dcm2niix write the series as NIfTI: a whole process, with what it takes to start and to write."""
    command = _dcm2niix()
    if command is None:
        return None
    with tempfile.TemporaryDirectory(prefix="speed-nifti-") as out:
        once = [sys.executable, str(PROJECT / "benchmarks" / "speed_once.py"), command]
        done = subprocess.run(
            [*once, "-z", "n", "-b", "n", "-o", out, str(folder)], stdout=subprocess.PIPE, text=True, check=True
        )
        wrote = any(Path(out).glob("*.nii"))
    told = json.loads(done.stdout)
    return told if told["exit_code"] == 0 and wrote else None


def load_once(name: str, folder: Path) -> None:
    """Time one reader, and print seconds and the rise of peak memory over what its imports take."""
    sys.path.insert(0, str(PROJECT))
    warnings.simplefilter("ignore")
    read = READERS[name]()
    before_mb = peak_memory_mb()
    start = time.perf_counter()
    held = read(folder)
    seconds = time.perf_counter() - start
    if held is None:
        raise SystemExit("nothing was read")
    print(json.dumps({"seconds": seconds, "peak_mb": max(0.0, peak_memory_mb() - before_mb)}))


def _planner() -> Callable[[Path], object]:
    from planner.io import load_ct

    return load_ct


def _simpleitk() -> Callable[[Path], object]:
    import SimpleITK as sitk

    def read(folder: Path) -> object:
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
        return reader.Execute()

    return read


def _pydicom() -> Callable[[Path], object]:
    import pydicom

    def read(folder: Path) -> object:
        slices = [pydicom.dcmread(path) for path in folder.iterdir()]
        slices.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
        hu = np.empty((len(slices), slices[0].Rows, slices[0].Columns), dtype=np.int16)
        for number, ds in enumerate(slices):
            hu[number] = ds.pixel_array.astype(np.int32) * int(ds.RescaleSlope) + int(ds.RescaleIntercept)
            slices[number] = None
        return hu

    return read


def _plain_read() -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        paths = list(folder.iterdir())
        buffer = np.empty(sum(path.stat().st_size for path in paths), dtype=np.uint8)
        place = 0
        for path in paths:
            with path.open("rb", buffering=0) as file:
                place += file.readinto(memoryview(buffer)[place:]) or 0
        return buffer

    return read


READERS: dict[str, Callable[[], Callable[[Path], object]]] = {
    "planner": _planner,
    "SimpleITK": _simpleitk,
    "pydicom (pixel_array)": _pydicom,
    FLOOR: _plain_read,
}
"""Each does its imports and gives the reader."""


def write_series(folder: Path, shape: tuple[int, int, int], syntax: str, *, padded: bool) -> None:
    """Write a body with noise, one file a slice, in no order of names."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID, ExplicitVRLittleEndian

    rng = np.random.default_rng(5)
    row, column = np.mgrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    body = np.where((row / 0.7) ** 2 + (column / 0.9) ** 2 < 1, 40.0, -1000.0)
    body[np.hypot(row - 0.2, column) < 0.12] = 400.0
    noise = rng.normal(0.0, 20.0, (8, shape[1], shape[2]))
    for number in range(shape[0]):
        stored = np.rint(np.maximum(body + noise[number % 8] + 1024, 0)).astype("<u2")
        ds = Dataset()
        if padded:
            stored[np.hypot(row, column) > 1] = PADDING
            ds.PixelPaddingValue = PADDING
        ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"1.2.3.4.{number}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = "1.2.3", "1.2.3.4", "1.2.3.5"
        ds.Modality, ds.ImageType, ds.PatientPosition = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"], "HFS"
        ds.SliceThickness, ds.ConvolutionKernel, ds.InstanceNumber = "1", "B60", number + 1
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, number], [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.Rows, ds.Columns = [0.7, 0.7], shape[1], shape[2]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = UID(syntax)
        if syntax == ExplicitVRLittleEndian:
            ds.PixelData = stored.tobytes()
        elif syntax == SYNTAXES["rle"]:
            ds.file_meta.TransferSyntaxUID, ds.PixelData = ExplicitVRLittleEndian, stored.tobytes()
            ds.compress(syntax, encoding_plugin="pydicom", generate_instance_uid=False)
        else:
            ds.PixelData = encapsulate([_encoded(stored, syntax)])
        ds["PixelData"].VR = "OW" if syntax == ExplicitVRLittleEndian else "OB"
        ds.save_as(folder / f"{(number * 7919) % 99_991:05d}", enforce_file_format=True)


def _encoded(stored: np.ndarray, syntax: str) -> bytes:
    import imagecodecs

    encoders = {
        "jpeg-lossless": lambda: imagecodecs.jpeg8_encode(stored, lossless=True, predictor=1, bitspersample=16),
        "jpeg-ls": lambda: imagecodecs.jpegls_encode(stored),
        "jpeg-2000": lambda: imagecodecs.jpeg2k_encode(stored, level=0, codecformat="j2k", reversible=True),
        "htj2k": lambda: imagecodecs.htj2k_encode(stored, reversible=True),
    }
    return encoders[next(name for name, uid in SYNTAXES.items() if uid == syntax)]()
