"""Whole commands as users start them, and how they grow, for ``python benchmarks/speed.py plan`` and ``growth``.

Each run is a process of its own: its seconds are those on the wall, with starting Python; "worked" are those of all
cores; peak memory is the process's. The first run of all, which compiles, does not count where a row says "after".
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speed_cases import long_spine, phantom_in_field, write_case

PROJECT = Path(__file__).resolve().parents[1]
_START = "import sys; from planner.cli import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a command."""

    seconds: float
    worked_s: float
    peak_mb: float
    stages_s: dict[str, float]


def run_command(*arguments: str, output: Path | None = None, compiled: Path | None = None) -> Ran:
    """Run the planner's command once, in a process of its own; compiled code may be kept in a folder of one's own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(PROJECT), str(PROJECT / "plugins")))}
    if compiled is not None:
        environment["NUMBA_CACHE_DIR"] = str(compiled)
    once = [sys.executable, str(PROJECT / "benchmarks" / "speed_once.py"), sys.executable, "-c", _START, *arguments]
    done = subprocess.run(once, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    told = json.loads(done.stdout)
    if told["exit_code"]:
        raise SystemExit(f"cement-planner {arguments[0]} ended with {told['exit_code']}: {told['complained']}")
    stages = {}
    if output is not None and (output / "plan.json").exists():
        stages = json.loads((output / "plan.json").read_text(encoding="utf-8"))["timings_s"]
    return Ran(told["seconds"], told["worked_s"], told["peak_mb"], stages)


def time_commands(case: Path, *, repeats: int) -> str:
    """Run each command on a CT some times; the first of each is told apart. A Markdown table, and the plan's stages."""
    with tempfile.TemporaryDirectory(prefix="speed-plan-") as folder:
        out = Path(folder) / "plan"
        commands = {
            "--help": ("--help",),
            "inspect": ("inspect", str(case)),
            "volume": ("volume", str(case)),
            "plan --no-figures": ("plan", str(case), "-o", str(out), "--overwrite", "--no-figures"),
            "plan": ("plan", str(case), "-o", str(out), "--overwrite"),
        }
        lines = ["| command | first s | after: median s | fastest s | worked s | peak MB |", "| --- |" + " --- |" * 5]
        stages: dict[str, list[float]] = {}
        for name, command in commands.items():
            compiled = Path(folder) / "compiled"
            ran = [run_command(*command, output=out, compiled=compiled) for _ in range(1 + repeats)]
            rest = ran[1:] or ran
            if name == "plan --no-figures":
                stages = {stage: [run.stages_s[stage] for run in rest] for stage in rest[0].stages_s}
            lines.append(
                f"| `{name}` | {ran[0].seconds:.2f} | {statistics.median(run.seconds for run in rest):.2f} "
                f"| {min(run.seconds for run in rest):.2f} | {statistics.median(run.worked_s for run in rest):.2f} "
                f"| {max(run.peak_mb for run in rest):.0f} |"
            )
            print(lines[-1], file=sys.stderr, flush=True)
    lines += ["", "| stage of `plan --no-figures` | median s |", "| --- | --- |"]
    lines += [f"| {stage} | {statistics.median(seconds):.2f} |" for stage, seconds in stages.items()]
    return "\n".join(lines)


def time_growth(slices: Sequence[int], screws: Sequence[int], *, repeats: int) -> str:
    """Plan on the same hip in longer and longer CTs, and on the same spine with more and more screws."""
    lines = ["| CT | median s | worked s | peak MB | s a slice, a screw |", "| --- | --- | --- | --- | --- |"]
    with tempfile.TemporaryDirectory(prefix="speed-growth-") as folder:
        hip = phantom_in_field("hip", (max(slices), 512, 512))
        first = max(slices) // 2
        for count in slices:
            # the hip lies in the middle: what is cut off is empty body
            case = write_case(
                hip.crop((first - count // 2, 0, 0), (first - count // 2 + count, 512, 512)),
                Path(folder) / f"hip{count}",
            )
            if count == slices[0]:
                _grown("compiling", case, Path(folder), count, 1)
            lines.append(_grown(f"one hip, {count} slices of 512 x 512", case, Path(folder), count, repeats))
        field = phantom_in_field(long_spine(max(screws)), (1, 512, 512)).grid.shape
        for count in screws:
            spine = phantom_in_field(long_spine(count), field)
            case = write_case(spine, Path(folder) / f"spine{count}")
            if count == screws[0]:
                _grown("compiling", case, Path(folder), count, 1)
            size = " x ".join(str(n) for n in spine.grid.shape)
            name = f"{count} {'screw' if count == 1 else 'screws'}, {size}"
            lines.append(_grown(name, case, Path(folder), count, repeats))
    return "\n".join(lines)


def _grown(name: str, case: Path, folder: Path, count: int, repeats: int) -> str:
    out = folder / "plan"
    command = ("plan", str(case), "-o", str(out), "--overwrite", "--no-figures")
    ran = [run_command(*command, output=out) for _ in range(repeats)]
    middle = statistics.median(run.seconds for run in ran)
    row = (
        f"| {name} | {middle:.2f} | {statistics.median(run.worked_s for run in ran):.2f} "
        f"| {max(run.peak_mb for run in ran):.0f} | {middle / count:.3f} |"
    )
    print(row, file=sys.stderr, flush=True)
    return row
