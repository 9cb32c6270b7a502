"""The page `docs/performance.md`: no figure in it is typed by hand."""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from speed_cases import phantom_in_field
from speed_load import rows_of, time_readers
from speed_parts import time_parts
from speed_plan import time_growth
from speed_rows import Row, as_table, machine


def performance_page(shape: tuple[int, int, int], slices: Sequence[int], screws: Sequence[int], *, repeats: int) -> str:
    """Run everything, and write the page."""
    from speed import commands_table

    size = " x ".join(str(n) for n in shape[::-1])
    rows = rows_of(f"load {shape[0]} slices", time_readers(shape, "uncompressed", padded=False, repeats=repeats))
    hip = phantom_in_field("hip", shape)
    for part in time_parts(hip, repeats=repeats):
        _say(part[0].work)
        rows += part
    del hip
    rows += _projectors(shape, repeats)
    _say("commands")
    commands = commands_table(argparse.Namespace(case=None, kind="hip", shape=shape, repeats=repeats))
    _say("growth")
    growth = time_growth(slices, screws, repeats=1)
    return _PAGE.format(machine=machine(), size=size, peers=as_table(rows), commands=commands, growth=growth)


def _projectors(shape: tuple[int, int, int], repeats: int) -> list[Row]:
    command = [sys.executable, str(Path(__file__).with_name("speed.py")), "drr-rows", "--repeats", str(repeats)]
    command += ["--shape", *(str(n) for n in shape)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [Row(**row) for row in json.loads(done.stdout)]


_PAGE = """# Performance

How long the planner takes, beside what others take for the same work. Written by
`python benchmarks/speed.py all --write docs/performance.md`; no figure here is typed by hand. A time says something
only beside another one of the same run.

{machine}

## Beside other programs

A CT of {size} voxels in 16 bits, with a hip stem and a cup. All ways of doing a piece of work took turns and gave the
same answer. "x ours" is how many times as long as the planner the other one takes; of a floor (what it takes to read
the input and write the output once) it says what share of the planner's time that is.

{peers}

## Whole commands

On that CT, uncompressed, each run a process of its own, from starting Python to its end. "First" compiles what no
command above it has compiled; "worked" counts the seconds of all cores.

{commands}

## Growth

The hip in the middle of a longer and longer body (in 100 slices its ends are cut off), and one spine, T3 to S1, with
the same field and more and more screws, of which one in four is loose.

{growth}
"""


def _say(what: str) -> None:
    print(f"{what}: done" if what not in ("commands", "growth") else what, file=sys.stderr, flush=True)
