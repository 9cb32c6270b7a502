"""A cohort's folder as if it had been planned: plans of sample series, varied by a seed."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from planner.cohort.folder import CohortFolder
from planner.cohort.protocol import CohortProtocol
from planner.cohort.study_record import StudyRecord
from planner.config.plan_config import PlanConfig

PLANS = Path(__file__).resolve().parents[1] / "unit" / "report" / "plans"
PROTOCOL = CohortProtocol(PlanConfig())


def varied_plan(kind: str, factor: float) -> dict[str, Any]:
    """A sample's plan with all volumes and clearances times a factor."""
    plan: dict[str, Any] = json.loads((PLANS / f"{kind}.json").read_text())
    for gap in plan["gaps"]:
        for name in ("volume_ml", "expected_fill_ml"):
            if gap[name] is not None:
                gap[name] = {key: value * factor for key, value in gap[name].items()}
    for breach in plan["breaches"]:
        if breach["stop_ml"] is not None:
            breach["stop_ml"] *= factor
    for way in plan["trajectories"]:
        way["clearance_mm"] = {k: v if v is None else v * factor**0.3 for k, v in way["clearance_mm"].items()}
    return plan


def make_cohort(out: Path, *, planned: int, failed: int = 0, waiting: int = 0, seed: int = 7) -> list[StudyRecord]:
    """Write plans and records; the second study is an outlier, and "waiting" ones are without a record."""
    folder, random = CohortFolder(out), np.random.default_rng(seed)
    for name in ("studies", "records", "logs", "tables"):
        (out / name).mkdir(parents=True)
    records = []
    for k in range(planned):
        study = f"study-{k:03d}"
        factor = 14.0 if k == 1 else float(np.exp(random.normal(0.0, 0.35)))
        folder.plan_folder(study).mkdir()
        document = varied_plan(("lumbar", "hip", "thoracic")[k % 3], factor)
        (folder.plan_folder(study) / "plan.json").write_text(json.dumps(document))
        seconds, memory = float(random.gamma(40.0, 0.4)), float(random.normal(1050.0, 60.0))
        records.append(record_of(study, state="planned", exit_code=0, seconds=seconds, peak_memory_mib=memory))
    for k in range(failed):
        told = {"state": "failed", "error_class": "SeriesError", "error": f"slice {k} is missing; export it again"}
        records.append(record_of(f"bad-{k}", exit_code=3, seconds=0.2, **told))
    for record in records:
        folder.keep(record)
    return records


def record_of(study: str, **fields: Any) -> StudyRecord:
    """A study's record."""
    return StudyRecord(
        study=study, run="run", starts=1, protocol_sha256=PROTOCOL.sha256, input_sha256="0" * 64, **fields
    )
