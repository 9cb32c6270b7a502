"""How long the planner's work takes: ``python benchmarks/speed.py`` and one of the names below.

``load``, ``parts`` and ``drr`` set it beside other programs that do the same work in the same run, in turns, so that a
slow moment of the machine falls on all of them; beside them stands the floor, the least that any program could take.
Figures are medians. ``plan`` runs whole commands as users start them, ``growth`` plans on longer and longer CTs and on
more and more screws. ``all`` does these five as one page, `docs/performance.md` with ``--write``.

``volume`` gives the seconds of each stage of the gaps' volumes, ``needles`` those of the needle search
(`speed_needles.py`), ``station`` how long the planning station in napari takes to answer (`speed_station.py`; under
``xvfb-run`` where there is no screen).
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from speed_rows import Row

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT), str(PROJECT / "plugins")]
SHAPE = (400, 512, 512)
SLICES = (100, 200, 400, 800)
SCREWS = (1, 2, 4, 8, 16, 28)
KINDS = ("hip", "lumbar", "thoracic")


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    benchmarks = parser.add_subparsers(required=True, metavar="BENCHMARK")
    _add_peers(benchmarks)
    _add_whole(benchmarks)
    volume = benchmarks.add_parser("volume", help="the gaps' volumes of a CT that is in memory, stage by stage")
    _shape(volume)
    volume.add_argument("--kind", choices=KINDS, default="lumbar", help="phantom (lumbar)")
    volume.add_argument("--repeats", type=int, default=3, help="runs after the first, of which the median counts (3)")
    volume.set_defaults(run=time_volumes)
    needles = benchmarks.add_parser(
        "needles", help="needles to a phantom's gaps: seconds a target, candidates a second"
    )
    needles.add_argument("--kind", choices=KINDS, default="lumbar", help="phantom (lumbar)")
    needles.add_argument("--repeats", type=int, default=5, help="runs after the first, of which the median counts (5)")
    needles.set_defaults(run=time_needles)
    station = benchmarks.add_parser("station", help="the planning station in napari: from an action to what is seen")
    station.add_argument("--case", type=Path, help="a CT in DICOM; without it, a phantom's simulated scan")
    station.add_argument("--kind", choices=KINDS, default="lumbar", help="phantom (lumbar)")
    station.add_argument("--repeats", type=int, default=9, help="times each is done, of which the median counts (9)")
    station.set_defaults(run=time_answers)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _add_peers(benchmarks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from speed_load import READERS, SYNTAXES, load_once

    load = benchmarks.add_parser(
        "load", help="a DICOM series into memory: planner, SimpleITK, pydicom, dcm2niix, plain file read"
    )
    _shape(load)
    load.add_argument(
        "--syntax", action="append", choices=tuple(SYNTAXES), help="transfer syntax; may be repeated (uncompressed)"
    )
    load.add_argument("--repeats", type=int, default=5, help="runs of each reader, of which the median counts (5)")
    load.add_argument("--padded", action="store_true", help="mark what lies outside of a circle as padding, at -2000")
    load.set_defaults(run=time_loading)
    parts = benchmarks.add_parser("parts", help="distance maps, components, needles, surfaces: beside other libraries")
    _shape(parts)
    parts.add_argument("--repeats", type=int, default=5, help="runs after the first, of which the median counts (5)")
    parts.set_defaults(run=lambda arguments: print(_table(parts_rows(tuple(arguments.shape), arguments.repeats))))
    drr = benchmarks.add_parser(
        "drr", help="simulated fluoroscopy: beside plastimatch's and RTK's, and pictures a second"
    )
    _shape(drr)
    drr.add_argument("--kind", choices=KINDS, default="lumbar", help="phantom (lumbar)")
    drr.add_argument("--angles", type=int, default=8, help="views from all round, 2 or more (8)")
    drr.add_argument("--repeats", type=int, default=5, help="rounds in which they take turns (5)")
    drr.add_argument("--views", type=int, default=48, help="views within the region of interest (48)")
    drr.set_defaults(run=time_projection)
    beside = benchmarks.add_parser("drr-rows", help="the projectors on a hip, as JSON; for use by all")
    _shape(beside)
    beside.add_argument("--repeats", type=int, default=5)
    beside.set_defaults(run=print_projectors)
    one = benchmarks.add_parser("load-once", help="one reader once, in this process; for use by load")
    one.add_argument("reader", choices=tuple(READERS))
    one.add_argument("folder", type=Path)
    one.set_defaults(run=lambda arguments: load_once(arguments.reader, arguments.folder))


def _add_whole(benchmarks: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    plan = benchmarks.add_parser("plan", help="whole commands as users start them: seconds and memory")
    _shape(plan)
    plan.add_argument("--kind", choices=KINDS, default="hip", help="phantom (hip)")
    plan.add_argument("--case", type=Path, help="a CT in DICOM in place of the phantom")
    plan.add_argument("--repeats", type=int, default=3, help="runs after the first, of which the median counts (3)")
    plan.set_defaults(run=lambda arguments: print(commands_table(arguments)))
    growth = benchmarks.add_parser("growth", help="plans on more and more slices, and on more and more screws")
    growth.add_argument("--slices", type=int, nargs="+", default=SLICES)
    growth.add_argument("--screws", type=int, nargs="+", default=SCREWS)
    growth.add_argument("--repeats", type=int, default=1, help="runs, of which the median counts (1)")
    growth.set_defaults(run=lambda arguments: print(growth_table(arguments)))
    everything = benchmarks.add_parser("all", help="load, parts, drr, plan and growth, as docs/performance.md")
    everything.add_argument(
        "--repeats", type=int, default=3, help="runs after the first, of which the median counts (3)"
    )
    everything.add_argument("--write", type=Path, help="the file to write, instead of printing")
    everything.set_defaults(run=write_all)


def _shape(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--shape", type=int, nargs=3, default=SHAPE, metavar=("SLICES", "ROWS", "COLUMNS"))


def _table(rows: "list[Row]") -> str:
    from speed_rows import as_table

    return as_table(rows)


def time_loading(arguments: argparse.Namespace) -> None:
    """Write a series in each syntax, and let each reader load it."""
    from speed_load import print_readers, time_readers

    shape = tuple(arguments.shape)
    voxel_mb = int(np.prod(shape)) * 2 / 1e6
    for syntax in arguments.syntax or ["uncompressed"]:
        runs = time_readers(shape, syntax, padded=arguments.padded, repeats=arguments.repeats)
        kind = f"{syntax}, padded" if arguments.padded else syntax
        print_readers(f"load {shape[0]} x {shape[1]} x {shape[2]} int16 ({voxel_mb:.0f} MB), {kind}", runs, voxel_mb)


def parts_rows(shape: tuple[int, int, int], repeats: int) -> "list[Row]":
    """Time the parts that plans are made of on a hip phantom."""
    from speed_cases import phantom_in_field
    from speed_parts import time_parts

    rows: list[Row] = []
    for part in time_parts(phantom_in_field("hip", shape), repeats=repeats):
        print(f"{part[0].work}: done", file=sys.stderr, flush=True)
        rows += part
    return rows


def time_projection(arguments: argparse.Namespace) -> None:
    """Project a phantom in a field as large as a scanner's, beside other projectors, and live within its region."""
    from speed_cases import phantom_in_field
    from speed_drr import clipped, compare_projectors, time_live_views

    volume = clipped(phantom_in_field(arguments.kind, tuple(arguments.shape)))
    size, spacing = (" x ".join(f"{n:g}" for n in numbers) for numbers in (volume.grid.shape, volume.grid.spacing_mm))
    print(f"drr {size} {volume.hu.dtype}, voxels of {spacing} mm, {arguments.kind}")
    print(_table(compare_projectors(volume, angles=arguments.angles, repeats=arguments.repeats)))
    time_live_views(volume, views=arguments.views)


def print_projectors(arguments: argparse.Namespace) -> None:
    """Print the projectors' rows: RTK's libraries end a process that holds SimpleITK's or VTK's, too."""
    from dataclasses import asdict

    from speed_cases import phantom_in_field
    from speed_drr import clipped, compare_projectors

    volume = clipped(phantom_in_field("hip", tuple(arguments.shape)))
    rows = compare_projectors(volume, angles=8, repeats=arguments.repeats)
    print(json.dumps([asdict(row) for row in rows]))


def commands_table(arguments: argparse.Namespace) -> str:
    """Run each command on a CT."""
    from speed_cases import phantom_in_field, write_case
    from speed_plan import time_commands

    if arguments.case is not None:
        return time_commands(arguments.case, repeats=arguments.repeats)
    with tempfile.TemporaryDirectory(prefix="speed-case-") as folder:
        volume = phantom_in_field(arguments.kind, tuple(arguments.shape))
        return time_commands(write_case(volume, Path(folder) / "dicom"), repeats=arguments.repeats)


def growth_table(arguments: argparse.Namespace) -> str:
    """Plan on more and more slices and screws."""
    from speed_plan import time_growth

    return time_growth(arguments.slices, arguments.screws, repeats=arguments.repeats)


def write_all(arguments: argparse.Namespace) -> None:
    """Do all that `docs/performance.md` shows."""
    from speed_page import performance_page

    page = performance_page(SHAPE, SLICES, SCREWS, repeats=arguments.repeats)
    if arguments.write is None:
        print(page)
    else:
        arguments.write.write_text(page, encoding="utf-8")


def time_volumes(arguments: argparse.Namespace) -> None:
    """Measure a phantom's gaps some times, and print what each stage took."""
    from speed_cases import phantom_in_field
    from speed_rows import peak_memory_mb

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


def time_needles(arguments: argparse.Namespace) -> None:
    """Search needles to the gaps of a phantom."""
    from speed_needles import time_searches

    from planner.phantoms import design, make

    print(f"needles, {arguments.kind}")
    time_searches(
        make(arguments.kind, seed=3, settings=design(arguments.kind, seed=3).ideal).volume, repeats=arguments.repeats
    )


def time_answers(arguments: argparse.Namespace) -> None:
    """Plan on a case, and do in the station what a person does."""
    from speed_station import planned_case, time_station

    name = arguments.kind if arguments.case is None else arguments.case.name
    print(f"planning on {name}", file=sys.stderr)
    time_station(planned_case(arguments.case, arguments.kind), repeats=arguments.repeats)


if __name__ == "__main__":
    main()
