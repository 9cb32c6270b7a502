"""Planning with anatomy labels that were made elsewhere, and with gaps that a person corrected."""

from dataclasses import replace
from pathlib import Path

from planner.config.plan_config import PlanConfig
from planner.io.anatomy_labels import load_labels
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.pipeline.given_gaps import Gaps, given_gaps
from planner.pipeline.planned_case import PlannedCase
from planner.pipeline.steps import plan_scan, volume_plan
from planner.progress import SILENT, Monitor
from planner.segment.anatomy.label_check import fit_labels
from planner.segment.anatomy.labelled import name_levels, taken_finding

Labels = AnatomyLabels | Path | str
"""Labels that were read, or where they are."""


def plan_labelled(
    scan: Scan,
    config: PlanConfig,
    *,
    labels: Labels | None = None,
    gaps: Gaps | None = None,
    keep: bool = True,
    monitor: Monitor = SILENT,
) -> PlannedCase:
    """Plan on a CT with labels of its anatomy.

    Parameters
    ----------
    scan : Scan
        The CT.
    config : PlanConfig
        The settings.
    labels : AnatomyLabels, Path, str or None
        The labels, or the file or folder that they are read from; None for none.
    gaps : GapLabels, LabelMap, Mask, Path, str or None
        Gaps as a person corrected them, or the file that they are read from; None for those that are measured.
    keep : bool
        Whether the case can be planned again, as `planner.pipeline.replan` does; else it takes less memory.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    PlannedCase
        Implants and gaps have their levels where the labels tell them.

    Raises
    ------
    LabelError
        If the labels or the gaps cannot be read or do not fit the CT; before anything is planned, but for gaps that
        would fit mirrored or moved.
    NoImplantError, GeometryError, CancelledError
        As `planner.pipeline.steps.plan_scan`.
    """
    fitted, given = fitted_labels(labels, scan), given_gaps(gaps, scan)
    case = plan_scan(scan, config, labels=fitted, given=given, keep=keep, monitor=monitor)
    if fitted is None or case.source is None:
        return case
    return with_levels(replace(case, source=replace(case.source, level_labels=fitted)), fitted)


def with_levels(case: PlannedCase, labels: AnatomyLabels | None) -> PlannedCase:
    """Name the levels in a planned case.

    Parameters
    ----------
    case : PlannedCase
        As `plan_scan` gives it.
    labels : AnatomyLabels or None
        On the CT's grid; None changes nothing.

    Returns
    -------
    PlannedCase
    """
    if labels is None:
        return case
    plan = levelled(case.plan, labels)
    return replace(case, plan=plan, anatomy=replace(case.anatomy, implants=plan.implants))


def volume_plan_labelled(
    scan: Scan,
    config: PlanConfig,
    *,
    labels: Labels | None = None,
    gaps: Gaps | None = None,
    monitor: Monitor = SILENT,
) -> Plan:
    """Measure implants and gaps only, with labels of the anatomy.

    Parameters
    ----------
    scan, config, labels, gaps, monitor
        As `plan_labelled`.

    Returns
    -------
    Plan

    Raises
    ------
    LabelError, NoImplantError, GeometryError, CancelledError
        As `plan_labelled`.
    """
    fitted, given = fitted_labels(labels, scan), given_gaps(gaps, scan)
    plan = volume_plan(scan, config, labels=fitted, given=given, monitor=monitor)
    return plan if fitted is None else levelled(plan, fitted)


def fitted_labels(labels: Labels | None, scan: Scan) -> AnatomyLabels | None:
    """Read labels and bring them onto a CT.

    Parameters
    ----------
    labels : AnatomyLabels, Path, str or None
        The labels, or where they are.
    scan : Scan
        The CT.

    Returns
    -------
    AnatomyLabels or None
        None where none were given.

    Raises
    ------
    LabelError
        If they cannot be read or do not fit the CT.
    """
    if labels is None:
        return None
    read = labels if isinstance(labels, AnatomyLabels) else load_labels(labels)
    return fit_labels(read, scan.volume)


def levelled(plan: Plan, labels: AnatomyLabels) -> Plan:
    """Name the levels in a plan.

    Parameters
    ----------
    plan : Plan
        The plan.
    labels : AnatomyLabels
        On the CT's grid.

    Returns
    -------
    Plan
        With the labels' own findings, and what was taken from them.
    """
    implants, gaps, findings = name_levels(labels, plan.implants, plan.gaps)
    told = sum(implant.level is not None for implant in implants)
    words = [f"the levels of {told} implant(s)" if told else ""]
    taken = () if any(f.code == "labels-taken" for f in plan.findings) else (taken_finding(labels, words),)
    said = (*taken, *labels.findings, *findings)
    return plan.model_copy(update={"implants": implants, "gaps": gaps, "findings": (*plan.findings, *said)})
