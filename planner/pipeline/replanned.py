"""A plan made again on the same CT after an edit: only the steps are done that the edit changes."""

from dataclasses import replace
from typing import Literal

from planner.config.plan_config import PlanConfig
from planner.errors import UsageError
from planner.io.labels.gap_labels import GapLabels
from planner.model.labels import LabelMap
from planner.model.volume import Mask
from planner.pipeline.given_gaps import given_gaps
from planner.pipeline.labelled import with_levels
from planner.pipeline.planned_case import PlannedCase
from planner.pipeline.run import run_steps
from planner.progress import SILENT, Monitor

EditedGaps = GapLabels | LabelMap | Mask | Literal["measured"]
"""Gaps as a person left them; "measured" drops every edit of gaps."""


def replan(
    case: PlannedCase, config: PlanConfig, *, gaps: EditedGaps | None = None, monitor: Monitor = SILENT
) -> PlannedCase:
    """Plan again on a case's CT with other settings, wishes or gaps.

    Parameters
    ----------
    case : PlannedCase
        As `planner.pipeline.plan_scan`, `plan_labelled` or this function made it.
    config : PlanConfig
        The settings, with all wishes.
    gaps : GapLabels, LabelMap, Mask, "measured" or None
        All gaps as a person left them, also those that stay as they are; "measured" for the program's own; None for
        those of the case.
    monitor : Monitor
        Follows the work, and may stop it; the given case stays as it is.

    Returns
    -------
    PlannedCase
        The plan that a run from scratch would give with these settings and gaps, but for its timings. What
        `planner.pipeline.kept_steps.READS` says a changed setting does not touch is taken from the case, not copied.
        Nobody has reviewed it, whoever approved the plan before.

    Raises
    ------
    UsageError
        If the case does not hold what it was made from (a plan that was read from files, or made without `keep`).
    LabelError
        If the gaps do not fit the CT.
    NoImplantError, GeometryError, CancelledError
        As `planner.pipeline.plan_scan`.
    """
    if case.source is None or case.kept is None:
        raise UsageError("what this plan was made from was not kept, as in plans read from files; plan on the CT")
    source = case.source
    if gaps == "measured":
        source = replace(source, given=None)
    elif gaps is not None:
        source = replace(source, given=given_gaps(gaps, source.scan))
    return with_levels(run_steps(source, config, before=case.kept, monitor=monitor), source.level_labels)
