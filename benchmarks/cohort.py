"""A cohort that is treated badly: a worker is killed, the run is interrupted, killed and resumed; prints a table.

    python benchmarks/cohort.py                          # 60 good studies and 3 corrupt ones, 2 workers
    python benchmarks/cohort.py --studies 6 --scaling 4  # to try it

Each good study is a phantom's loosened screw with its surroundings: patients are drawn by seeds and scanned without
artefacts, and slices near one gap are kept. Then, on the same studies, the time of 1 and of 2 workers. The extra
``cohort`` must be installed.
"""

import argparse
import csv
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from planner.cohort.folder import CohortFolder
from planner.config.plan_config import PlanConfig
from planner.geometry.grid import Grid
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.model.volume import Volume
from planner.phantoms import design, draw, make
from planner.pipeline.plan_folder import make_plan_folder
from planner.progress import SILENT

COMMAND = [sys.executable, "-m", "planner.cli", "cohort"]
_NEAR_MM = 22.0
"""Slices so far above and below a gap are kept: its vertebra, and what is beside it."""
_LOOK_S = 0.2


@dataclass(frozen=True)
class Blow:
    """What is done to a run.

    Parameters
    ----------
    name : str
        In words.
    at_share : float
        When so many of the studies are settled.
    to : str
        "worker" or "run".
    number : signal.Signals
        What is sent.
    """

    name: str
    at_share: float
    to: str
    number: signal.Signals


BLOWS = (
    Blow("kill -9 of one worker", 0.15, "worker", signal.SIGKILL),
    Blow("Ctrl-C to all processes", 0.4, "run", signal.SIGINT),
    Blow("kill -9 of all processes", 0.65, "run", signal.SIGKILL),
)


def main() -> None:
    """Make the studies, treat them badly, check what came of it, and print the times of 1 and 2 workers."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--studies", type=int, default=60, help="good studies")
    options.add_argument("--corrupt", type=int, default=3, help="studies that cannot be read")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--alone", type=int, help="how many plans are held against a run alone (default: all)")
    options.add_argument("--scaling", type=int, default=12, help="studies that are timed with 1 and 2 workers; 0: none")
    options.add_argument("--figures", action="store_true", help="draw pictures, too")
    options.add_argument("--folder", type=Path, help="keep studies and plans here (default: a folder that goes)")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = asked.folder or Path(passing)
        source, out = folder / "studies", folder / "cohort"
        good = write_studies(source, asked.studies)
        write_corrupt(source, asked.corrupt, like=source / good[0])
        said = badly_treated(source, out, workers=asked.workers, figures=asked.figures)
        judge(source, out, good, said, alone=asked.alone, figures=asked.figures)
        if asked.scaling:
            scale(source, folder, good[: asked.scaling], figures=asked.figures)


def write_studies(folder: Path, count: int) -> list[str]:
    """Write studies as DICOM; those of an earlier call stay."""
    names = []
    for name, volume in _screws(count, folder):
        names.append(name)
        if volume is not None:
            identity = SeriesIdentity(seed=f"cohort/{name}", patient_name="Phantom^Cohort", body_part="LSPINE")
            (folder / name).mkdir(parents=True, exist_ok=True)
            write_ct_series(volume, folder / name, identity=identity)
            _tell(f"studies drawn: {len(names)} of {count}")
    return names


def _screws(count: int, folder: Path) -> Iterator[tuple[str, Volume | None]]:
    seed, made = 0, 0
    while made < count:
        listed = folder / f".patient-{seed:03d}.json"
        if listed.exists():
            names = json.loads(listed.read_text())
            for name in names[: count - made]:
                yield name, None
        else:
            kind = ("lumbar", "thoracic")[seed % 2]
            recipe = draw(kind, seed=seed, loose=True)
            phantom = make(recipe, settings=design(recipe).ideal)
            gaps = [gap for gap in phantom.truth.gaps if gap.kind == "screw_halo"]
            names = [f"{kind}-{seed:03d}-{gap.id}" for gap in gaps]
            for name, gap in list(zip(names, gaps, strict=True))[: count - made]:
                yield name, _near(phantom.volume, np.asarray(gap.filling.points_lps).mean(axis=0))
            if len(names) <= count - made:
                listed.write_text(json.dumps(names))
        made += len(names[: count - made])
        seed += 1


def _near(volume: Volume, place_lps: np.ndarray) -> Volume:
    slices = float(np.ravel(volume.grid.to_index(place_lps))[0])
    half = _NEAR_MM / volume.grid.spacing_mm[0]
    first, last = max(0, round(slices - half)), min(volume.grid.shape[0], round(slices + half) + 1)
    matrix = volume.grid.lps_from_index.copy()
    matrix[:3, 3] += first * matrix[:3, 0]
    hu = np.ascontiguousarray(volume.hu[first:last])
    return Volume(Grid(hu.shape, matrix, volume.grid.frame_of_reference_uid), hu)


def write_corrupt(folder: Path, count: int, *, like: Path) -> None:
    """Write studies that cannot be read: cut-off slices, no DICOM at all, a zip that is none."""
    for k in range(count):
        broken = folder / f"corrupt-{k}"
        if k % 3 == 2:
            (folder / f"corrupt-{k}.zip").write_bytes(b"PK\x03\x04" + bytes(range(256)) * 40)
            continue
        broken.mkdir(exist_ok=True)
        if k % 3 == 0:
            for file in sorted(like.iterdir()):
                (broken / file.name).write_bytes(file.read_bytes()[:900])
        else:
            (broken / "notes.dcm").write_text("no image at all\n" * 100)


def badly_treated(source: Path, out: Path, *, workers: int, figures: bool) -> list[tuple[str, int, list[str]]]:
    """Run the cohort with a blow each time; give each run's name, exit code and lines."""
    count = len([entry for entry in source.iterdir() if not entry.name.startswith(".")])
    words = [str(source), "-o", str(out), "--workers", str(workers), *([] if figures else ["--no-figures"])]
    runs: list[tuple[str, int, list[str]]] = []
    waiting = list(BLOWS)
    # Begun in the background we would ignore Ctrl-C, and so would what we begin.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    while not runs or runs[-1][1] != 0:
        process = subprocess.Popen(
            [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        dealt, ending = [], False
        while process.poll() is None:
            time.sleep(_LOOK_S)
            if ending or not waiting or _settled(out) < waiting[0].at_share * count:
                continue
            if _strike(process, waiting[0]):
                ending = waiting[0].to == "run"
                dealt.append(waiting.pop(0).name)
                _tell(f"{dealt[-1]} when {_settled(out)} of {count} were settled")
        printed, said = process.communicate()
        runs.append((" + ".join(dealt) or "nothing", process.returncode, printed.splitlines()))
        if process.returncode not in (0, 5, -signal.SIGKILL):
            raise SystemExit(f"the run ended with {process.returncode}: {said}")
    return runs


def _settled(out: Path) -> int:
    folder = CohortFolder(out)
    records = (folder.record_of(file.stem) for file in (out / "records").glob("[!.]*.json"))
    return sum(record is not None and record.state != "begun" for record in records)


def _strike(process: subprocess.Popen[str], blow: Blow) -> bool:
    """Send the signal; False where there is nobody to send it to, yet."""
    try:
        busy = [c for c in psutil.Process(process.pid).children(recursive=True) if _plans(c)]
        if not busy:
            return False
        if blow.to == "worker":
            busy[0].send_signal(blow.number)
        else:
            os.killpg(process.pid, blow.number)
    except (psutil.Error, ProcessLookupError):
        return False
    return True


def _plans(process: psutil.Process) -> bool:
    return "spawn_main" in " ".join(process.cmdline()) and process.memory_info().rss > 150 << 20


def judge(
    source: Path,
    out: Path,
    good: Sequence[str],
    runs: list[tuple[str, int, list[str]]],
    *,
    alone: int | None,
    figures: bool,
) -> None:
    """Print what came of the studies, and hold plans against runs alone."""
    with (out / "tables" / "studies.csv").open(newline="") as file:
        states = {row["study"]: row for row in csv.DictReader(file)}
    planned = [name for name in good if states[name]["state"] == "planned"]
    bad = [name for name in states if name not in set(good)]
    told = Counter(line.split(": ")[0] for _, _, lines in runs for line in lines if ": planned" in line)
    folders = {entry.name for entry in (out / "studies").iterdir()}
    print("\n| run | exit code | studies planned in it |\n| --- | --- | --- |")
    for name, code, lines in runs:
        print(f"| {name} | {code} | {sum(': planned' in line for line in lines)} |")
    again = sum(int(row["starts"] or 0) > 1 for row in states.values())
    sample = planned if alone is None else planned[:alone]
    differing = [name for name in sample if not _is_as_alone(source / name, out / "studies" / name, figures=figures)]
    print("\n| check | result |\n| --- | --- |")
    print(f"| good studies with a plan | {len(planned)} of {len(good)} |")
    rows = sum(bool(states[name]["error"]) for name in bad)
    print(f"| corrupt studies that are a row with their error | {rows} of {len(bad)} |")
    print(f"| folders in studies/ beside these plans | {len(folders - set(planned))} |")
    print(f"| good studies told as planned more than once | {sum(told[name] > 1 for name in good)} |")
    print(f"| studies that were begun more than once in a run | {again} |")
    print(f"| plans identical to a run alone, but for timings | {len(sample) - len(differing)} of {len(sample)} |")
    twice = [name for name in good if told[name] > 1]
    if differing or twice or rows < len(bad) or len(planned) < len(good) or folders != set(planned):
        raise SystemExit(f"not as it should be: {differing or sorted(set(good) - set(planned)) or folders}")


def _is_as_alone(study: Path, plan: Path, *, figures: bool) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "plan"
        make_plan_folder(study, own, config=PlanConfig(), overwrite=False, monitor=SILENT, figures=figures)
        files = {file.relative_to(own) for file in own.rglob("*") if file.is_file()}
        same = files == {file.relative_to(plan) for file in plan.rglob("*") if file.is_file()}
        return same and all(_without_times(own / file) == _without_times(plan / file) for file in files)


def _without_times(file: Path) -> object:
    if file.name == "plan.json":
        return {name: value for name, value in json.loads(file.read_bytes()).items() if name != "timings_s"}
    clock = rb"<dt>(plan\.json \(SHA-256\)|Time taken)</dt><dd>.*?</dd>" if file.name == "report.html" else rb"(?!)"
    return re.sub(clock, b"", file.read_bytes())


def scale(source: Path, folder: Path, names: Sequence[str], *, figures: bool) -> None:
    """Print how long the same studies take with 1 and with 2 workers."""
    listed = folder / "scaling.txt"
    listed.write_text("".join(f"{source / name}\n" for name in names))
    print("\nOne worker has all cores for its loops, two share them.")
    print(f"\n| workers | {len(names)} studies | a study | times as fast |\n| --- | --- | --- | --- |")
    first = None
    for workers in (1, 2):
        words = [str(listed), "-o", str(folder / f"scaling-{workers}"), "--workers", str(workers), "--overwrite"]
        began = time.perf_counter()
        subprocess.run([*COMMAND, *words, *([] if figures else ["--no-figures"])], check=True, capture_output=True)
        took = time.perf_counter() - began
        first = first or took
        print(f"| {workers} | {took:.1f} s | {took / len(names):.1f} s | {first / took:.2f} |", flush=True)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
