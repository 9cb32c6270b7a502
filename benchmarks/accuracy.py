"""How wrong each step of the planner is, on phantoms whose truth is known: ``python benchmarks/accuracy.py``.

The cases stand in accuracy_cases.toml: some to tune on, others only to report. Scans, truths and results are kept in a
folder and made anew only where the sources that they rest on have changed; a run that was stopped goes on where it was.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from accuracy_cases import GROUPS, AccuracyCase, freeze, load_cases, read_frozen
from accuracy_run import PROJECT, CaseResult, planner_sources, require_in_field, run
from accuracy_table import Outcome, Section, sections
from accuracy_thresholds import yardsticks

import planner
from planner.config.plan_config import PlanConfig
from planner.errors import PlannerError

CACHE = PROJECT / "build" / "accuracy"
INTRODUCTION = Path(__file__).with_name("accuracy_reading.md")


def main() -> None:
    """Run the cases that are not done yet, and print the table."""
    arguments = _arguments()
    cases = [c for c in load_cases(arguments.cases) if _is_wanted(c, arguments)]
    if not cases:
        raise SystemExit("no case of that name or set")
    if arguments.freeze:
        freeze(cases)
        return
    if arguments.list:
        print_list(cases)
        return
    outcomes = run_all(cases, arguments.cache, jobs=arguments.jobs)
    made = about(outcomes, jobs=arguments.jobs)
    tables = sections(outcomes)
    if arguments.write is not None:
        arguments.write.write_text(as_markdown(made, tables), encoding="utf-8")
    if arguments.json:
        print(json.dumps([o.result.model_dump(mode="json") for o in outcomes], indent=1))
    else:
        print("\n".join(f"{name}: {value}" for name, value in made))
        print("\n" + "\n".join(section.as_text() for section in tables))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these cases only; a name may end in *")
    parser.add_argument("--set", choices=GROUPS, dest="group", help="this set only")
    parser.add_argument("--list", action="store_true", help="name the cases and count their gaps; run nothing")
    parser.add_argument("--freeze", action="store_true", help="write the cases' fingerprints anew; run nothing")
    parser.add_argument("--jobs", type=int, default=2, help="cases side by side (2)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where scans and results are kept (build/accuracy)")
    parser.add_argument("--cases", type=Path, default=Path(__file__).with_name("accuracy_cases.toml"), metavar="TOML")
    parser.add_argument("--json", action="store_true", help="print each case's score as JSON in place of the tables")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="write the tables as Markdown too")
    return parser.parse_args()


def _is_wanted(case: AccuracyCase, arguments: argparse.Namespace) -> bool:
    if arguments.group not in (None, case.group):
        return False
    return arguments.only is None or any(Path(case.name).match(pattern) for pattern in arguments.only)


def print_list(cases: Sequence[AccuracyCase]) -> None:
    """Print one line for each case: what was built, without scanning it; then how many gaps each set has."""
    gaps = dict.fromkeys(GROUPS, 0)
    for case in cases:
        scan = f"{case.artefacts}, {'clipped' if case.clipped else 'extended'}"
        try:
            built = case.design()
            require_in_field(built.truth.gaps, scanned=built.grid, known=built.truth.grid)
            gaps[case.group] += len(built.truth.gaps)
            voxels = " x ".join(str(n) for n in built.grid.shape)
            made = f"{voxels:<18}{len(built.truth.gaps)} gaps  {', '.join(case.defects)}"
        except (PlannerError, ValueError) as error:
            made = f"cannot be built: {error}"
        print(f"{case.name:<16}{case.group:<10}{scan:<18}{made}", flush=True)
    print("gaps within the scans' fields: " + ", ".join(f"{count} {group}" for group, count in gaps.items()))


def run_all(cases: Sequence[AccuracyCase], cache_dir: Path, *, jobs: int) -> tuple[Outcome, ...]:
    """Run cases side by side, and say on stderr how far it is.

    Parameters
    ----------
    cases : sequence of AccuracyCase
        The cases.
    cache_dir : Path
        Where scans, truths and results are kept.
    jobs : int
        Cases side by side; each has its share of the processors.

    Returns
    -------
    tuple of Outcome
        In the order of the cases.
    """
    threads = max(1, (os.cpu_count() or 1) // jobs)
    start, done = time.perf_counter(), 0

    def outcome(case: AccuracyCase) -> Outcome:
        nonlocal done
        result = run(case, cache_dir, threads=threads)
        done += 1
        how = result.failed or f"planned in {result.seconds['total']:.1f} s"
        print(f"{done}/{len(cases)} {case.name} {how} ({time.perf_counter() - start:.0f} s)", file=sys.stderr)
        return Outcome(case, result, yardsticks(case, cache_dir))

    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return tuple(pool.map(outcome, cases))


def about(outcomes: Sequence[Outcome], *, jobs: int) -> list[tuple[str, str]]:
    """Say what was run, on what kind of machine."""
    results: list[CaseResult] = [o.result for o in outcomes]
    groups = ", ".join(f"{sum(o.case.group == g for o in outcomes)} {g}" for g in GROUPS)
    gaps = ", ".join(f"{_gap_count([o for o in outcomes if o.case.group == g])} {g}" for g in GROUPS)
    packages = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("numpy", "scipy", "SimpleITK"))
    threads = max(1, (os.cpu_count() or 1) // jobs)
    frozen = read_frozen()
    changed = [r.case for r in results if r.fingerprint is not None and r.fingerprint != frozen.get(r.case)]
    recipes = " ".join(result.fingerprint or "none" for result in results)
    return [
        ("date", time.strftime("%Y-%m-%d", time.gmtime())),
        ("planner", f"{planner.__version__}, sources {planner_sources()[:12]}, settings {PlanConfig().sha256()[:12]}"),
        ("on", f"Python {platform.python_version()}, {packages}"),
        ("machine", f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"),
        ("side by side", f"{jobs} cases, {threads} threads each"),
        ("cases", f"{groups}; recipes {hashlib.sha256(recipes.encode()).hexdigest()[:12]}"),
        ("gaps", gaps),
        ("not as they were frozen", ", ".join(changed) or "none"),
        ("crashed or not made", ", ".join(r.case for r in results if r.failed is not None) or "none"),
    ]


def _gap_count(outcomes: Sequence[Outcome]) -> int:
    return sum(len(o.result.score.gaps.gaps) for o in outcomes if o.result.score is not None)


def as_markdown(made: Sequence[tuple[str, str]], tables: Sequence[Section]) -> str:
    """Give the whole as a page: how to read it, what was run, the tables."""
    run_lines = "\n".join(f"- {name}: {value}" for name, value in made)
    body = "\n".join(section.as_markdown() for section in tables)
    return f"{INTRODUCTION.read_text(encoding='utf-8')}\n## What was run\n\n{run_lines}\n\n{body}"


if __name__ == "__main__":
    main()
