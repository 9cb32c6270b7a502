"""A stand-in for planning: it does in no time what a study's own file asks for."""

import json
import os
import signal
import time
from pathlib import Path

from planner.cohort.folder import CohortFolder
from planner.cohort.study_plan import StudyOrder
from planner.config.plan_config import PlanConfig
from planner.errors import NoImplantError, OutputError, SeriesError
from planner.io.staging import staged_folder
from planner.progress import Monitor, check_cancelled

PLANS = Path(__file__).resolve().parents[1] / "unit" / "report" / "plans"
SETTINGS = PlanConfig()


def make_studies(folder: Path, **behaviours: str) -> Path:
    """Make a folder of studies that behave as they are asked to."""
    for name, behaviour in behaviours.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "behaviour").write_text(behaviour)
    return folder


def stand_in(order: StudyOrder, monitor: Monitor) -> None:
    """Behave as a study's file says: plan KIND, fail, fault, full, no-implant, die-once, hog, wait."""
    word, _, more = (order.study.path / "behaviour").read_text().partition(" ")
    tried = order.study.path.parent / f".tried-{order.study.id}"
    times = int(tried.read_text()) + 1 if tried.exists() else 1
    tried.write_text(str(times))
    if word == "fail":
        raise SeriesError(f"{order.study.path.name}: slices are missing in {order.study.path}")
    if word == "fault":
        raise KeyError("Canary^Ann")
    if word == "full":
        raise OutputError("there is no room")
    if word == "no-implant":
        raise NoImplantError("no implant")
    if word == "die-once" and times == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if word == "hog":
        hoard = [bytearray(b"x" * (64 << 20)) for _ in range(24)]
        time.sleep(30.0)
        raise AssertionError(f"nobody minded {len(hoard)} pieces of 64 MiB")
    until = time.monotonic() + (120.0 if word == "wait" else 0.0)
    while time.monotonic() < until:
        check_cancelled(monitor)
        time.sleep(0.05)
    place = CohortFolder(order.out).plan_folder(order.study.id)
    with staged_folder(place, own_names=("plan.json",), overwrite=True) as stage:
        document = json.loads((PLANS / f"{more or 'lumbar'}.json").read_text())
        (stage / "plan.json").write_text(json.dumps(document))


def tries(folder: Path, study: str) -> int:
    """How often a study was begun."""
    file = folder / f".tried-{study}"
    return int(file.read_text()) if file.exists() else 0
