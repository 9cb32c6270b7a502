"""How long the planner's work takes: ``python benchmarks/speed.py`` with load, volume, drr, needles or station.

``load`` sets it beside other programs that do the same. Each reader runs in a process of its own, so that its peak
memory is its own; the readers take turns, so that a slow moment of the machine falls on all of them. Figures are
medians.

``volume`` takes a phantom in a field as large as a scanner's, and gives the seconds of each stage after loading, and
last those that all cores worked. The first run reads compiled code from the disk, or compiles it where there is none.

``drr`` sets simulated fluoroscopy beside plastimatch's exact ray tracing, and counts pictures a second within a
region of interest (`speed_drr.py`).

``needles`` searches needles to a phantom's gaps, and gives seconds a target and candidates a second
(`speed_needles.py`).

``station`` opens the planning station in a window (under ``xvfb-run`` where there is no screen) and gives how long it
takes to answer and to be seen (`speed_station.py`).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from planner.model.volume import Volume

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


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    benchmarks = parser.add_subparsers(required=True, metavar="BENCHMARK")
    load = benchmarks.add_parser(
        "load", help="a DICOM series into memory: planner, SimpleITK, pydicom, plain file read"
    )
    load.add_argument("--shape", type=int, nargs=3, default=(400, 512, 512), metavar=("SLICES", "ROWS", "COLUMNS"))
    load.add_argument(
        "--syntax", action="append", choices=tuple(SYNTAXES), help="transfer syntax; may be repeated (uncompressed)"
    )
    load.add_argument("--repeats", type=int, default=5, help="runs of each reader, of which the median counts (5)")
    load.add_argument("--padded", action="store_true", help="mark what lies outside of a circle as padding, at -2000")
    load.set_defaults(run=time_loading)
    volume = benchmarks.add_parser("volume", help="the gaps' volumes of a CT that is in memory, stage by stage")
    volume.add_argument("--shape", type=int, nargs=3, default=(400, 512, 512), metavar=("SLICES", "ROWS", "COLUMNS"))
    volume.add_argument("--kind", choices=("hip", "lumbar", "thoracic"), default="lumbar", help="phantom (lumbar)")
    volume.add_argument("--repeats", type=int, default=3, help="runs after the first, of which the median counts (3)")
    volume.set_defaults(run=time_volumes)
    drr = benchmarks.add_parser("drr", help="simulated fluoroscopy: beside plastimatch's, and pictures a second")
    drr.add_argument("--shape", type=int, nargs=3, default=(400, 512, 512), metavar=("SLICES", "ROWS", "COLUMNS"))
    drr.add_argument("--kind", choices=("hip", "lumbar", "thoracic"), default="lumbar", help="phantom (lumbar)")
    drr.add_argument("--angles", type=int, default=8, help="views from all round, 2 or more (8)")
    drr.add_argument("--repeats", type=int, default=5, help="rounds in which the two take turns (5)")
    drr.add_argument("--views", type=int, default=48, help="views within the region of interest (48)")
    drr.set_defaults(run=time_projection)
    needles = benchmarks.add_parser(
        "needles", help="needles to a phantom's gaps: seconds a target, candidates a second"
    )
    needles.add_argument("--kind", choices=("hip", "lumbar", "thoracic"), default="lumbar", help="phantom (lumbar)")
    needles.add_argument("--repeats", type=int, default=5, help="runs after the first, of which the median counts (5)")
    needles.set_defaults(run=time_needles)
    station = benchmarks.add_parser("station", help="the planning station in napari: from an action to what is seen")
    station.add_argument("--case", type=Path, help="a CT in DICOM; without it, a phantom's simulated scan")
    station.add_argument("--kind", choices=("hip", "lumbar", "thoracic"), default="lumbar", help="phantom (lumbar)")
    station.add_argument("--repeats", type=int, default=9, help="times each is done, of which the median counts (9)")
    station.set_defaults(run=time_answers)
    one = benchmarks.add_parser("load-once", help="one reader once, in this process; for use by load")
    one.add_argument("reader", choices=tuple(READERS))
    one.add_argument("folder", type=Path)
    one.set_defaults(run=load_once)
    arguments = parser.parse_args()
    arguments.run(arguments)


def time_loading(arguments: argparse.Namespace) -> None:
    """Write a series in each syntax, and let each reader load it."""
    shape = tuple(arguments.shape)
    voxel_mb = int(np.prod(shape)) * 2 / 1e6
    for syntax in arguments.syntax or ["uncompressed"]:
        with tempfile.TemporaryDirectory(prefix="speed-") as folder:
            print(f"writing {shape[0]} slices of {shape[1]} x {shape[2]}, {syntax}", file=sys.stderr)
            write_series(Path(folder), shape, SYNTAXES[syntax], padded=arguments.padded)
            runs: dict[str, list[dict[str, float]]] = {name: [] for name in READERS}
            for _ in range(arguments.repeats):
                for name in READERS:
                    run = run_reader(name, Path(folder))
                    if run is not None:
                        runs[name].append(run)
        kind = f"{syntax}, padded" if arguments.padded else syntax
        print_table(f"load {shape[0]} x {shape[1]} x {shape[2]} int16 ({voxel_mb:.0f} MB), {kind}", runs, voxel_mb)


def print_table(title: str, runs: dict[str, list[dict[str, float]]], voxel_mb: float) -> None:
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


def run_reader(name: str, folder: Path) -> dict[str, float] | None:
    """Run one reader in a fresh process; None where it cannot read the series."""
    command = [sys.executable, str(Path(__file__).resolve()), "load-once", name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def load_once(arguments: argparse.Namespace) -> None:
    """Time one reader, and print seconds and the rise of peak memory over what its imports take."""
    sys.path.insert(0, str(PROJECT))
    warnings.simplefilter("ignore")
    prepared = READERS[arguments.reader]()
    before_mb = peak_memory_mb()
    start = time.perf_counter()
    held = prepared(arguments.folder)
    seconds = time.perf_counter() - start
    if held is None:
        raise SystemExit("nothing was read")
    print(json.dumps({"seconds": seconds, "peak_mb": max(0.0, peak_memory_mb() - before_mb)}))


def time_volumes(arguments: argparse.Namespace) -> None:
    """Measure a phantom's gaps some times, and print what each stage took."""
    sys.path.insert(0, str(PROJECT))
    from planner.config.plan_config import PlanConfig
    from planner.pipeline import volume_plan_labelled
    from planner.pipeline.scripted import scan_of

    scan = scan_of(phantom_in_field(arguments.kind, tuple(arguments.shape)))
    print(f"volume {' x '.join(str(n) for n in scan.volume.grid.shape)} {scan.volume.hu.dtype}, {arguments.kind}")
    runs: list[dict[str, float]] = []
    for _ in range(1 + arguments.repeats):
        worked = time.process_time()
        plan = volume_plan_labelled(scan, PlanConfig())
        runs.append({**plan.timings_s, "all cores": time.process_time() - worked})
    rest = runs[1:] or runs
    print(f"{'stage':<12}{'first':>9}{'median':>9}{'fastest':>9}")
    for stage in runs[0]:
        seconds = [run[stage] for run in rest]
        print(f"{stage:<12}{runs[0][stage]:>9.2f}{statistics.median(seconds):>9.2f}{min(seconds):>9.2f}", flush=True)
    print(f"{len(plan.gaps)} gaps round {len(plan.implants)} implants; peak memory {peak_memory_mb():.0f} MB")


def time_projection(arguments: argparse.Namespace) -> None:
    """Project a phantom in a field as large as a scanner's, beside plastimatch, and live within its region."""
    sys.path.insert(0, str(PROJECT))
    from speed_drr import clipped, compare_projectors, time_live_views

    volume = clipped(phantom_in_field(arguments.kind, tuple(arguments.shape)))
    size, spacing = (" x ".join(f"{n:g}" for n in numbers) for numbers in (volume.grid.shape, volume.grid.spacing_mm))
    print(f"drr {size} {volume.hu.dtype}, voxels of {spacing} mm, {arguments.kind}")
    compare_projectors(volume, angles=arguments.angles, repeats=arguments.repeats)
    time_live_views(volume, views=arguments.views)


def time_needles(arguments: argparse.Namespace) -> None:
    """Search needles to the gaps of a phantom."""
    sys.path.insert(0, str(PROJECT))
    from speed_needles import time_searches

    from planner.phantoms import design, make

    print(f"needles, {arguments.kind}")
    time_searches(
        make(arguments.kind, seed=3, settings=design(arguments.kind, seed=3).ideal).volume, repeats=arguments.repeats
    )


def time_answers(arguments: argparse.Namespace) -> None:
    """Plan on a case, and do in the station what a person does."""
    sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]
    from speed_station import planned_case, time_station

    name = arguments.kind if arguments.case is None else arguments.case.name
    print(f"planning on {name}", file=sys.stderr)
    time_station(planned_case(arguments.case, arguments.kind), repeats=arguments.repeats)


def phantom_in_field(kind: str, shape: tuple[int, int, int]) -> "Volume":
    """Lay a phantom's ideal scan into the middle of a larger field, with soft tissue about it and air beyond."""
    from planner.geometry.grid import Grid
    from planner.model.volume import Volume
    from planner.phantoms import design, make

    own = make(kind, seed=3, settings=design(kind, seed=3).ideal).volume
    shape = tuple(max(n, m) for n, m in zip(shape, own.grid.shape, strict=True))
    first = [(n - m) // 2 for n, m in zip(shape, own.grid.shape, strict=True)]
    row, column = np.mgrid[-1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    body = (row / 0.72) ** 2 + (column / 0.9) ** 2 < 1
    noise = np.random.default_rng(5).normal(0.0, 20.0, (8, *shape[1:]))
    hu = np.empty(shape, dtype=np.int16)
    for number in range(shape[0]):
        hu[number] = np.where(body, 40, -1000) + noise[number % 8]
    block = tuple(slice(f, f + n) for f, n in zip(first, own.grid.shape, strict=True))
    hu[block] = np.where((own.hu < -900) & (hu[block] > -900), hu[block], own.hu)
    matrix = own.grid.lps_from_index.copy()
    matrix[:3, 3] = own.grid.to_lps([-f for f in first])
    return Volume(Grid(shape, matrix), hu)


def peak_memory_mb() -> float:
    """Give the most memory that this process has held so far, MB."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


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
    "plain file read": _plain_read,
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


if __name__ == "__main__":
    main()
