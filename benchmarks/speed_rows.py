"""What a benchmark's table is made of: who did a piece of work, how often, in how many seconds."""

import importlib.metadata
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PEERS = (
    "numpy", "scipy", "numba", "edt", "connected-components-3d", "SimpleITK", "pydicom", "dcm2niix", "scikit-image",
    "vtk", "itk-rtk",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One way of doing a piece of work.

    Parameters
    ----------
    work : str
        What is done.
    who : str
        The program or library that does it.
    seconds : list of float
        Each run's.
    is_ours, is_floor : bool
        Whether the planner does it this way; whether it is no way of doing it, but the least that any could take.
    """

    work: str
    who: str
    seconds: list[float]
    is_ours: bool = False
    is_floor: bool = False

    @property
    def median_s(self) -> float:
        """The middle run's seconds."""
        return statistics.median(self.seconds)


def in_turns(work: str, ways: Mapping[str, Callable[[], object]], *, repeats: int, ours: str, floor: str) -> list[Row]:
    """Time ways of doing the same work, which take turns; each is done once before it counts."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(1 + repeats):
        for name, do in ways.items():
            start = time.perf_counter()
            do()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return [Row(work, name, found, name == ours, name == floor) for name, found in seconds.items()]


def as_table(rows: Sequence[Row]) -> str:
    """Write rows as a Markdown table: seconds, how the best other compares with ours, and ours with the floor."""
    lines = ["| work | who | median s | fastest s | x ours |", "| --- | --- | --- | --- | --- |"]
    for work in dict.fromkeys(row.work for row in rows):
        here = [row for row in rows if row.work == work]
        ours = next((row for row in here if row.is_ours), None)
        for row in sorted(here, key=lambda row: (row.is_floor, not row.is_ours, row.median_s)):
            name = f"**{row.who}**" if row.is_ours else f"*floor: {row.who}*" if row.is_floor else row.who
            ratio = f"{row.median_s / ours.median_s:.2f}" if ours is not None and row is not ours else ""
            lines.append(f"| {work} | {name} | {row.median_s:.3f} | {min(row.seconds):.3f} | {ratio} |")
            work = ""
    return "\n".join(lines)


def machine() -> str:
    """Say what machine this is, and which versions of what were run."""
    import planner

    lines = [
        f"{_processor()}, {os.cpu_count()} cores, {_memory_gb()} memory, {platform.system()} {platform.release()}."
    ]
    versions = [f"periprosthetic-cement-planner {planner.__version__}", f"Python {platform.python_version()}"]
    for name in PEERS:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} not installed")
    if shutil.which("plastimatch"):
        said = subprocess.run(["plastimatch", "--version"], capture_output=True, text=True, check=False)
        versions.append((said.stdout or said.stderr).strip().splitlines()[0])
    return "\n".join([*lines, ", ".join(versions) + "."])


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    if told.exists():
        names = [
            line.split(":", 1)[1].strip() for line in told.read_text().splitlines() if line.startswith("model name")
        ]
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def _memory_gb() -> str:
    if not hasattr(os, "sysconf"):
        return "unknown"
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"


def peak_memory_mb() -> float:
    """Give the most memory that this process has held so far, MB."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
