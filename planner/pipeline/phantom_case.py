"""The only place that knows the order of the steps, and that joins two rooms of one floor."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from planner import __version__
from planner.config.plan_config import PlanConfig
from planner.io.dicom_write import SeriesIdentity, write_ct_series
from planner.io.hu_scale import clipping_level
from planner.io.plan_json import save_plan, write_json
from planner.model.finding import Finding
from planner.model.plan import Plan, Review, Series, Software
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.phantoms import Phantom
from planner.phantoms.truth import truth_arrays, truth_document
from planner.progress import SILENT, Monitor, Progress, check_cancelled

PLAN_FILES = ("plan.json",)
"""Every name that `write_plan_files` writes into a plan's folder."""
CASE_FILES = ("dicom", "truth.json", "truth.npz")
"""Every name that `write_case` writes into a case's folder."""
_BODY_PARTS = {"hip": "HIP", "lumbar": "LSPINE", "thoracic": "TSPINE"}
"""DICOM Body Part Examined (PS3.16 annex L)."""


@dataclass(slots=True)
class _Stages:
    """The clock of a run: reports each stage and keeps what it took."""

    monitor: Monitor
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, words: str) -> Iterator[None]:
        check_cancelled(self.monitor)
        self.monitor.report(Progress(words))
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started


def plan(volume: Volume, config: PlanConfig | None = None, *, monitor: Monitor = SILENT) -> Plan:
    """Plan on a CT.

    Parameters
    ----------
    volume : Volume
        The CT.
    config : PlanConfig or None
        The settings; None for the defaults.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Plan

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    return plan_scan(scan_of(volume), config or PlanConfig(), monitor=monitor)


def plan_scan(scan: Scan, config: PlanConfig, *, monitor: Monitor = SILENT) -> Plan:
    """Plan on a CT that was loaded with what its files say of it.

    Parameters
    ----------
    scan : Scan
        The CT.
    config : PlanConfig
        The settings.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Plan

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    stages = _Stages(monitor)
    with stages.stage("findings", "reading the scan's limits"):
        findings = (*scan.findings, _no_search())
    return Plan(
        software=Software(name="cement-planner", version=__version__),
        review=Review(),
        series=scan.series,
        treatment_position=None,
        settings_sha256=config.sha256(),
        findings=findings,
        timings_s={**stages.seconds, "total": sum(stages.seconds.values())},
    )


def scan_of(volume: Volume) -> Scan:
    """Take a volume from a script as a scan without a file.

    Parameters
    ----------
    volume : Volume
        The CT.

    Returns
    -------
    Scan
    """
    series = Series(
        series_instance_uid=None,
        frame_of_reference_uid=volume.grid.frame_of_reference_uid,
        shape_zyx=volume.grid.shape,
        spacing_mm=volume.grid.spacing_mm,
        patient_position=None,
        hu_min=float(volume.hu.min()),
        hu_max=float(volume.hu.max()),
        hu_clipped_at=clipping_level(volume.hu),
    )
    return Scan(volume, series)


def write_plan_files(plan: Plan, folder: Path) -> None:
    """Write a plan's files into a folder that exists.

    Parameters
    ----------
    plan : Plan
        The plan.
    folder : Path
        Where; the names are `PLAN_FILES`.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    save_plan(plan, folder / "plan.json")


def write_case(phantom: Phantom, folder: Path, *, monitor: Monitor = SILENT) -> None:
    """Write a phantom as a DICOM series beside its truth.

    Parameters
    ----------
    phantom : Phantom
        The phantom.
    folder : Path
        Where, an existing folder; the names are `CASE_FILES`.
    monitor : Monitor
        Follows the work, and may stop it.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    OutputError
        If a file cannot be written.
    """
    identity = SeriesIdentity(
        seed=f"phantom/{phantom.kind}/{phantom.settings.sha256()}",
        patient_name=f"Phantom^{phantom.kind.capitalize()}",
        series_description=f"Synthetic {phantom.kind} CT",
        body_part=_BODY_PARTS[phantom.kind],
    )
    write_ct_series(phantom.volume, folder / "dicom", identity=identity, monitor=monitor)
    check_cancelled(monitor)
    monitor.report(Progress("measuring the truth"))
    write_json(truth_document(phantom.truth), folder / "truth.json")
    np.savez_compressed(folder / "truth.npz", allow_pickle=False, **truth_arrays(phantom.truth))


def _no_search() -> Finding:
    return Finding(
        code="implants-not-searched",
        severity="warning",
        message="this version reads the CT but does not search it: implants, gaps and needles are not measured",
    )
