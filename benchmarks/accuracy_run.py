"""One case of the accuracy table: made, planned, scored.

`run` does what is not done yet: the scan and the truth in one process, the plan with its score in another, so that its
memory is its own. `run_here` does the same in this process, for tests.
"""

import argparse
import hashlib
import importlib.metadata
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
from pydantic import Field
from speed_rows import peak_memory_mb

from planner.config.phantoms.hip.phantom import HipPhantom
from planner.config.plan_config import PlanConfig
from planner.errors import PlannerError
from planner.geometry.grid import Grid
from planner.model.labels import LabelMap
from planner.model.plan import Plan, Review, Software
from planner.model.record import Record
from planner.model.volume import Volume
from planner.phantoms import Recipe, design
from planner.phantoms.ct_scanner import scan
from planner.phantoms.design import Design
from planner.phantoms.score.anatomy import FoundAnatomy
from planner.phantoms.score.case_score import CaseScore, score_case
from planner.phantoms.score.known_case import KnownCase, read_known_case
from planner.phantoms.truth.facts import TrueGap
from planner.phantoms.truth.files import truth_arrays, truth_document
from planner.pipeline import plan_scan, scan_of
from planner.pipeline.planned_case import PlannedCase

PROJECT = Path(__file__).resolve().parents[1]
STEPS = ("scan", "truth", "plan")
_LONGEST_S = 3600
_SOURCES_CHANGED = 75
"""Exit status of a task that found other sources than its case was named by: no fault of the planner."""
_RESTS_ON = ("numpy", "scipy", "numba", "xraylib", "pydantic", "SimpleITK", "scikit-image", "connected-components-3d")
"""Packages whose version may change a figure."""


class CaseResult(Record):
    """What came of one case."""

    case: str
    score: CaseScore | None
    """Of an empty plan where the planner crashed or refused; None where the phantom itself could not be made."""
    failed: str | None = None
    """Which step crashed, and what it complained of."""
    refused: str | None = None
    """What the planner said where it made no plan."""
    findings: tuple[str, ...] = ()
    fingerprint: str | None = None
    """Of the patient as he was drawn, and of his scan; another means that the case is another."""
    metal: str | None = None
    """Of screws and rods, or of the stem."""
    screws: str | None = None
    """Whether they are cannulated; None without screws."""
    slice_mm: float | None = None
    """From slice to slice."""
    seconds: dict[str, float] = Field(default_factory=dict)
    """Each stage of the plan, and `total`; `scan` and `truth` of the phantom itself."""
    peak_mb: float | None = None
    """The most memory that planning held, the program and the CT in it."""

    @property
    def is_planned(self) -> bool:
        """Whether the planner made a plan, be it an empty one."""
        return self.score is not None and self.failed is None and self.refused is None


def run(case: AccuracyCase, cache_dir: Path, *, threads: int) -> CaseResult:
    """Do what is not done yet of a case, the phantom in one fresh process and the plan in another.

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

    Raises
    ------
    RuntimeError
        If the sources changed meanwhile: the case has neither failed nor been done.
    """
    folders = folders_of(case, cache_dir)
    for task in ("phantom", "plan"):
        if not _is_done(folders, task):
            said = _start(task, case, folders, threads=threads)
            if said is not None:
                return _crashed(case, folders, f"{task}: {said}")
    return _result(folders)


def run_here(case: AccuracyCase, cache_dir: Path) -> CaseResult:
    """Do what is not done yet of a case in this process: quick for small cases, but a crash is the caller's.

    Parameters
    ----------
    case : AccuracyCase
        The case.
    cache_dir : Path
        Where scans, truths and results are kept.

    Returns
    -------
    CaseResult
    """
    folders = folders_of(case, cache_dir)
    for task in ("phantom", "plan"):
        if not _is_done(folders, task):
            _do(task, case, folders)
    return _result(folders)


def folders_of(case: AccuracyCase, cache_dir: Path) -> dict[str, Path]:
    """Say where each step of a case keeps what it made."""
    return {step: cache_dir / step / f"{case.name}-{key(case, step)}" for step in STEPS}


def _is_done(folders: dict[str, Path], task: str) -> bool:
    steps = ("scan", "truth") if task == "phantom" else ("plan",)
    return all((folders[step] / "done.json").exists() for step in steps)


def _result(folders: dict[str, Path]) -> CaseResult:
    result = CaseResult.model_validate_json((folders["plan"] / "done.json").read_text())
    return result.model_copy(update=_made(folders, result.seconds))


def _made(folders: dict[str, Path], seconds: dict[str, float]) -> dict[str, Any]:
    """Give what the phantom's steps noted."""
    made = {step: json.loads((folders[step] / "done.json").read_text()) for step in ("scan", "truth")}
    return {
        "seconds": {**seconds, **{step: done["seconds"] for step, done in made.items()}},
        **{name: made["scan"][name] for name in ("fingerprint", "metal", "screws", "slice_mm")},
    }


def _crashed(case: AccuracyCase, folders: dict[str, Path], said: str) -> CaseResult:
    """Give the result of a case that crashed: where its truth is known, the score of an empty plan."""
    if not _is_done(folders, "phantom"):
        return CaseResult(case=case.name, score=None, failed=said)
    known = read_known_case(folders["truth"])
    score = score_case(*_empty(known.grid, PlanConfig()), known)
    return CaseResult(case=case.name, score=score, failed=said, **_made(folders, {}))


def _start(task: str, case: AccuracyCase, folders: dict[str, Path], *, threads: int) -> str | None:
    """Run one task in a process of its own; None, or the last line of what it complained of."""
    limits = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    command = [sys.executable, str(Path(__file__).resolve()), task, case.model_dump_json(), *map(str, folders.values())]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_LONGEST_S, env={**os.environ, **limits}
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {_LONGEST_S} s"
    if done.returncode == 0:
        return None
    if done.returncode == _SOURCES_CHANGED:
        raise RuntimeError("the sources changed during the run; start it again")
    return (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]


def key(case: AccuracyCase, step: str) -> str:
    """Give the fingerprint of all that a step's outcome rests on: the case, and the sources."""
    sources = {"scan": _phantom_sources(), "truth": _phantom_sources() + _truth_sources(), "plan": planner_sources()}
    return hashlib.sha256(f"{case.recipe_json()} {sources[step]} {means()}".encode()).hexdigest()[:16]


@cache
def means() -> str:
    """Give the fingerprint of how cases are drawn, made and planned here, and of the packages beneath."""
    own = digest(Path(__file__).with_name(name) for name in ("accuracy_run.py", "accuracy_cases.py"))
    versions = (f"{name} {importlib.metadata.version(name)}" for name in _RESTS_ON)
    return " ".join([own, sys.version.split()[0], *versions])


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


def make_scan(case: AccuracyCase, recipe: Recipe, built: Design, folder: Path) -> None:
    """Scan a case's phantom and keep the voxels."""
    require_in_field(built.truth.gaps, scanned=built.grid, known=built.truth.grid)
    start = time.perf_counter()
    volume = scan(built.scene, built.grid, case.scan)
    seconds = time.perf_counter() - start
    np.savez(folder / "scan.npz", hu=volume.hu, lps_from_index=volume.grid.lps_from_index)
    noted = {"fingerprint": case.fingerprint(), "metal": metal_of(recipe), "screws": screws_of(recipe)}
    _finish(folder, {"seconds": seconds, "slice_mm": volume.grid.spacing_mm[0], **noted})


def require_in_field(gaps: Iterable[TrueGap], *, scanned: Grid, known: Grid) -> None:
    """Refuse gaps that the CT does not show: nobody could find them.

    Parameters
    ----------
    gaps : iterable of TrueGap
        The gaps of a phantom.
    scanned, known : Grid
        The voxels of its CT, and those of its truth.

    Raises
    ------
    ValueError
        If any of a gap lies outside of one of them.
    """
    for gap in gaps:
        points = gap.filling.points_lps[gap.filling.inside]
        for what, grid in (("scan", scanned), ("truth", known)):
            outside = 1.0 - float(grid.contains(points).mean())
            if outside > 0.0:
                raise ValueError(f"{100 * outside:.1f} % of {gap.id} lie outside of the {what}: ask for more field")


def metal_of(recipe: Recipe) -> str:
    """Say what a stem is made of, or screws and rods."""
    if isinstance(recipe, HipPhantom):
        return f"{recipe.stem.material} stem" + (" in cement" if recipe.stem.mantle is not None else "")
    screws = sorted({screw.metal for screw in recipe.screws})
    rods = sorted({rod.metal for rod in recipe.rods} - set(screws))
    return " and ".join(screws) + (f", {' and '.join(rods)} rods" if rods else "")


def screws_of(recipe: Recipe) -> str | None:
    """Say whether pedicle screws are cannulated."""
    if isinstance(recipe, HipPhantom) or not recipe.screws:
        return None
    bored = {screw.cannula_mm is not None for screw in recipe.screws}
    return "both" if len(bored) == 2 else "cannulated" if bored == {True} else "solid"


def make_truth(built: Design, folder: Path) -> None:
    """Measure the truth of a case's phantom and keep it."""
    start = time.perf_counter()
    (folder / "truth.json").write_text(json.dumps(truth_document(built.truth)))
    np.savez_compressed(folder / "truth.npz", **truth_arrays(built.truth))
    _finish(folder, {"seconds": time.perf_counter() - start})


def make_plan(case: AccuracyCase, folder: Path, *, scan_dir: Path, truth_dir: Path) -> None:
    """Plan on a case's scan, hold the plan against its truth, and keep the score."""
    with np.load(scan_dir / "scan.npz") as kept:
        volume = Volume(Grid(kept["hu"].shape, kept["lps_from_index"]), kept["hu"])
    start = time.perf_counter()
    refused, found, config = None, None, PlanConfig()
    try:
        planned = plan_scan(scan_of(volume), config)
        plan, labels, found = planned.plan, planned.labels, found_anatomy(planned)
    except PlannerError as error:
        refused = str(error)
        plan, labels = _empty(volume.grid, config)
    seconds = {**plan.timings_s, "total": time.perf_counter() - start}
    peak_mb = peak_memory_mb()
    known: KnownCase = read_known_case(truth_dir)
    result = CaseResult(
        case=case.name,
        score=score_case(plan, labels, known, found=found),
        refused=refused,
        findings=tuple(sorted({finding.code for finding in plan.findings})),
        seconds=seconds,
        peak_mb=peak_mb,
    )
    _finish(folder, result.model_dump(mode="json"))


def found_anatomy(planned: PlannedCase) -> FoundAnatomy:
    """Give what a plan knows of the anatomy beside its files."""
    told = planned.skeleton
    return FoundAnatomy(
        bones=planned.anatomy.bones,
        discs=None if told is None else told.discs,
        canal=planned.anatomy.canal,
        pedicles=None if told is None else told.pedicles,
        landmarks=planned.anatomy.landmarks,
        cortex=None if told is None else told.cortex,
    )


def _empty(grid: Grid, config: PlanConfig) -> tuple[Plan, LabelMap]:
    """Give the plan of a CT on which none could be made: nothing in it."""
    plan = Plan(
        software=Software(name="cement-planner", version="none"),
        review=Review(),
        series=scan_of(Volume(grid, np.zeros(grid.shape, dtype=np.int16))).series,
        treatment_position=None,
        settings_sha256=config.sha256(),
    )
    return plan, LabelMap(grid, np.zeros(grid.shape, dtype=np.uint8), ())


def _finish(folder: Path, content: dict[str, Any]) -> None:
    """Say last that a step is done, in one move, so that a killed run leaves no half."""
    half = folder / "done.json.half"
    half.write_text(json.dumps(content))
    half.rename(folder / "done.json")


def make_phantom(case: AccuracyCase, folders: dict[str, Path]) -> None:
    """Measure a case's truth and scan it, as far as that is not done yet."""
    _make_folders(folders)
    recipe = case.recipe()
    built = design(recipe)
    if not (folders["truth"] / "done.json").exists():
        make_truth(built, folders["truth"])
    if not (folders["scan"] / "done.json").exists():
        make_scan(case, recipe, built, folders["scan"])


def _make_folders(folders: dict[str, Path]) -> None:
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)


def _do(task: str, case: AccuracyCase, folders: dict[str, Path]) -> None:
    if task == "phantom":
        make_phantom(case, folders)
        return
    _make_folders(folders)
    make_plan(case, folders["plan"], scan_dir=folders["scan"], truth_dir=folders["truth"])


def main() -> None:
    """Run one task of one case; for use by `run`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("phantom", "plan"))
    parser.add_argument("case", help="the case as JSON")
    for step in STEPS:
        parser.add_argument(f"{step}_dir", type=Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    case = AccuracyCase.model_validate_json(arguments.case)
    folders = {step: getattr(arguments, f"{step}_dir") for step in STEPS}
    if not all(folder.name.endswith(key(case, step)) for step, folder in folders.items()):
        raise SystemExit(_SOURCES_CHANGED)
    _do(arguments.task, case, folders)


if __name__ == "__main__":
    main()
