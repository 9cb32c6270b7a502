"""One case of the accuracy table: made, planned, scored. Each step runs in a process of its own.

`run` does what is not done yet: the scan, the truth, the plan with its score.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from accuracy_cases import AccuracyCase
from speed import peak_memory_mb

from planner.config.plan_config import PlanConfig
from planner.errors import PlannerError
from planner.geometry.grid import Grid
from planner.model.labels import LabelMap
from planner.model.plan import Plan, Review, Software
from planner.model.record import Record
from planner.model.volume import Volume
from planner.phantoms.score.case_score import CaseScore, score_case
from planner.phantoms.score.known_case import KnownCase, read_known_case
from planner.phantoms.truth.files import truth_arrays, truth_document
from planner.pipeline import plan_scan, scan_of

PROJECT = Path(__file__).resolve().parents[1]
STEPS = ("scan", "truth", "plan")
_LONGEST_S = 3600


class CaseResult(Record):
    """What came of one case."""

    case: str
    score: CaseScore | None
    """None where the case crashed."""
    failed: str | None
    """Why there is no score."""
    refused: str | None
    """What the planner said where it made no plan; the score then is that of an empty plan."""
    findings: tuple[str, ...]
    recipe_sha256: str | None
    """Fingerprint of the patient as he was drawn; another means that the case is another."""
    slice_mm: float | None
    """From slice to slice."""
    seconds: dict[str, float]
    """Each stage of the plan, and `total`; `scan` and `truth` of the phantom itself."""
    peak_mb: float | None
    """The most memory that planning held, the program and the CT in it."""


def run(case: AccuracyCase, cache_dir: Path, *, threads: int) -> CaseResult:
    """Do what is not done yet of a case, each step in a fresh process.

    Parameters
    ----------
    case : AccuracyCase
        The case.
    cache_dir : Path
        Where scans, truths and results are kept.
    threads : int
        How many each process may use.

    Returns
    -------
    CaseResult
    """
    folders = {step: cache_dir / step / f"{case.name}-{key(case, step)}" for step in STEPS}
    for step in STEPS:
        if (folders[step] / "done.json").exists():
            continue
        folders[step].mkdir(parents=True, exist_ok=True)
        said = _start(step, case, folders, threads=threads)
        if said is not None:
            return CaseResult(
                case=case.name,
                score=None,
                failed=f"{step}: {said}",
                refused=None,
                findings=(),
                recipe_sha256=None,
                slice_mm=None,
                seconds={},
                peak_mb=None,
            )
    result = CaseResult.model_validate_json((folders["plan"] / "done.json").read_text())
    made = {step: json.loads((folders[step] / "done.json").read_text()) for step in ("scan", "truth")}
    seconds = {**result.seconds, **{step: done["seconds"] for step, done in made.items()}}
    return result.model_copy(update={"seconds": seconds, "recipe_sha256": made["scan"]["recipe_sha256"]})


def _start(step: str, case: AccuracyCase, folders: dict[str, Path], *, threads: int) -> str | None:
    """Run one step; None, or the last line of what it complained of."""
    limits = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    command = [sys.executable, str(Path(__file__).resolve()), step, case.model_dump_json(), *map(str, folders.values())]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_LONGEST_S, env={**os.environ, **limits}
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {_LONGEST_S} s"
    if done.returncode == 0:
        return None
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]


def key(case: AccuracyCase, step: str) -> str:
    """Give the fingerprint of all that a step's outcome rests on: the case, and the sources."""
    sources = {"scan": _phantom_sources(), "truth": _phantom_sources() + _truth_sources(), "plan": planner_sources()}
    return hashlib.sha256(f"{case.recipe_json()} {sources[step]}".encode()).hexdigest()[:16]


@cache
def _phantom_sources() -> str:
    rooms = PROJECT / "planner" / "phantoms", PROJECT / "planner" / "config" / "phantoms", PROJECT / "planner/geometry"
    paths = [p for room in rooms for p in room.rglob("*.py")]
    return digest(p for p in paths if not {"truth", "score"} & set(p.relative_to(PROJECT).parts))


@cache
def _truth_sources() -> str:
    return digest((PROJECT / "planner" / "phantoms" / "truth").rglob("*.py"))


@cache
def planner_sources() -> str:
    """Give the fingerprint of the whole package and its settings."""
    return digest((PROJECT / "planner").rglob("*.py")) + PlanConfig().sha256()


def digest(paths: Iterable[Path]) -> str:
    """Give the fingerprint of some files, in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(str(path.relative_to(PROJECT)).encode() + path.read_bytes())
    return total.hexdigest()


def make_scan(case: AccuracyCase, folder: Path) -> None:
    """Scan a case's phantom and keep the voxels."""
    start = time.perf_counter()
    volume = case.volume()
    np.savez(folder / "scan.npz", hu=volume.hu, lps_from_index=volume.grid.lps_from_index)
    seconds = time.perf_counter() - start
    _finish(folder, {"seconds": seconds, "recipe_sha256": case.recipe().sha256()})


def make_truth(case: AccuracyCase, folder: Path) -> None:
    """Measure the truth of a case's phantom and keep it."""
    start = time.perf_counter()
    truth = case.design().truth
    (folder / "truth.json").write_text(json.dumps(truth_document(truth)))
    np.savez_compressed(folder / "truth.npz", **truth_arrays(truth))
    _finish(folder, {"seconds": time.perf_counter() - start})


def make_plan(case: AccuracyCase, folder: Path, *, scan_dir: Path, truth_dir: Path) -> None:
    """Plan on a case's scan, hold the plan against its truth, and keep the score."""
    with np.load(scan_dir / "scan.npz") as kept:
        volume = Volume(Grid(kept["hu"].shape, kept["lps_from_index"]), kept["hu"])
    start = time.perf_counter()
    refused, config = None, PlanConfig()
    try:
        planned = plan_scan(scan_of(volume), config)
        plan, labels = planned.plan, planned.labels
    except PlannerError as error:
        refused = str(error)
        plan, labels = _empty(volume, config)
    seconds = {**plan.timings_s, "total": time.perf_counter() - start}
    peak_mb = peak_memory_mb()
    known: KnownCase = read_known_case(truth_dir)
    result = CaseResult(
        case=case.name,
        score=score_case(plan, labels, known),
        failed=None,
        refused=refused,
        findings=tuple(sorted({finding.code for finding in plan.findings})),
        recipe_sha256=None,
        slice_mm=volume.grid.spacing_mm[0],
        seconds=seconds,
        peak_mb=peak_mb,
    )
    _finish(folder, result.model_dump(mode="json"))


def _empty(volume: Volume, config: PlanConfig) -> tuple[Plan, LabelMap]:
    """Give the plan of a CT on which none could be made: nothing in it."""
    plan = Plan(
        software=Software(name="cement-planner", version="none"),
        review=Review(),
        series=scan_of(volume).series,
        treatment_position=None,
        settings_sha256=config.sha256(),
    )
    return plan, LabelMap(volume.grid, np.zeros(volume.grid.shape, dtype=np.uint8), ())


def _finish(folder: Path, content: dict[str, Any]) -> None:
    """Say last that a step is done, in one move, so that a killed run leaves no half."""
    half = folder / "done.json.half"
    half.write_text(json.dumps(content))
    half.rename(folder / "done.json")


def main() -> None:
    """Run one step of one case; for use by `run`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("case", help="the case as JSON")
    for step in STEPS:
        parser.add_argument(f"{step}_dir", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    case, folder = AccuracyCase.model_validate_json(arguments.case), getattr(arguments, f"{arguments.step}_dir")
    if not folder.name.endswith(key(case, arguments.step)):
        raise SystemExit("the sources changed during the run; start it again")
    if arguments.step == "scan":
        make_scan(case, folder)
    elif arguments.step == "truth":
        make_truth(case, folder)
    else:
        make_plan(case, folder, scan_dir=arguments.scan_dir, truth_dir=arguments.truth_dir)


if __name__ == "__main__":
    main()
