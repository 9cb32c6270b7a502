"""The order of the steps: from a CT to a plan."""

from planner import __version__
from planner.config.plan_config import PlanConfig
from planner.io.labels.gap_labels import GapLabels
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.plan import Plan, Review, Software
from planner.model.scan import Scan
from planner.pipeline.graded_gaps import grade_gaps
from planner.pipeline.measured_gaps import MeasuredGaps
from planner.pipeline.planned_case import PlannedCase, PlanSource
from planner.pipeline.run import run_steps, treatment_position
from planner.pipeline.stages import Stages
from planner.pipeline.surveyed import survey_scan
from planner.pipeline.told_anatomy import AnatomyScope
from planner.progress import SILENT, Monitor


def volume_plan(
    scan: Scan,
    config: PlanConfig,
    *,
    labels: AnatomyLabels | None = None,
    given: GapLabels | None = None,
    monitor: Monitor = SILENT,
) -> Plan:
    """Measure implants and gaps only: a plan without needles, breaches, and what was measured of the anatomy.

    Parameters
    ----------
    scan : Scan
        The CT.
    config : PlanConfig
        The settings.
    labels : AnatomyLabels or None
        Labels of the anatomy made elsewhere, brought onto the CT's grid.
    given : GapLabels or None
        Gaps as a person corrected them, which stand in the place of the measured ones.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Plan

    Raises
    ------
    NoImplantError
        If the CT shows no orthopaedic implant.
    CancelledError
        If the monitor stops the work.
    """
    stages = Stages(monitor)
    # where a person drew a space that touches no implant, all bones say which it lies in
    scope: AnatomyScope = "gaps" if given is None else "plan"
    measured = measure_gaps(scan, config, stages, labels=labels, given=given, scope=scope)
    return Plan(
        software=Software(name="cement-planner", version=__version__),
        review=Review() if given is None else Review(state="edited"),
        series=scan.series,
        treatment_position=treatment_position(measured.implants, config),
        settings_sha256=config.sha256(),
        implants=tuple(part.record for part in measured.implants),
        gaps=tuple(gap for gap, _ in measured.gaps),
        findings=(*scan.findings, *measured.findings),
        timings_s=stages.timings_s(),
    )


def plan_scan(
    scan: Scan,
    config: PlanConfig,
    *,
    labels: AnatomyLabels | None = None,
    given: GapLabels | None = None,
    keep: bool = True,
    monitor: Monitor = SILENT,
) -> PlannedCase:
    """Plan on a CT that was loaded with what its files say of it.

    Parameters
    ----------
    scan : Scan
        The CT.
    config : PlanConfig
        The settings.
    labels : AnatomyLabels or None
        Labels of the anatomy made elsewhere, brought onto the CT's grid.
    given : GapLabels or None
        Gaps as a person corrected them, which stand in the place of the measured ones.
    keep : bool
        Whether the case can be planned again, as `planner.pipeline.replan` does; else it takes less memory.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    PlannedCase
        The plan, and the voxels that it was made from.

    Raises
    ------
    NoImplantError
        If the CT shows no orthopaedic implant.
    GeometryError
        If the CT's grid is sheared.
    CancelledError
        If the monitor stops the work.
    """
    return run_steps(PlanSource(scan, labels, given), config, keep=keep, monitor=monitor)


def measure_gaps(
    scan: Scan,
    config: PlanConfig,
    stages: Stages,
    *,
    labels: AnatomyLabels | None = None,
    given: GapLabels | None = None,
    scope: AnatomyScope = "plan",
) -> MeasuredGaps:
    """Find the implants of a CT and measure the gaps round them.

    Parameters
    ----------
    scan : Scan
        The CT.
    config : PlanConfig
        The settings.
    stages : Stages
        The run's clock and monitor.
    labels : AnatomyLabels or None
        Labels of the anatomy made elsewhere, brought onto the CT's grid.
    given : GapLabels or None
        Gaps as a person corrected them, which stand in the place of the measured ones.
    scope : {"plan", "gaps"}
        For gaps alone nothing is told of the anatomy that they do not lie in, nor of what speaks against cement.

    Returns
    -------
    MeasuredGaps

    Raises
    ------
    NoImplantError
        If the CT shows no orthopaedic implant.
    GeometryError
        If the CT's grid is sheared.
    CancelledError
        If the monitor stops the work.
    """
    seen = survey_scan(scan, config, stages, labels=labels, scope=scope)
    return grade_gaps(seen, config, stages, given=given)
