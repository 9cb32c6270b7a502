"""Unwrapped maps for scripts: how wide the gaps are along and round each screw."""

from planner.config.plan_config import PlanConfig
from planner.model.unwrapped import UnwrappedMap
from planner.model.volume import Volume
from planner.pipeline.measured_gaps import unwrapped_of
from planner.pipeline.scripted import scan_of
from planner.pipeline.stages import Stages
from planner.pipeline.steps import measure_gaps
from planner.progress import SILENT, Monitor


def unwrapped_maps(
    volume: Volume, config: PlanConfig | None = None, *, monitor: Monitor = SILENT
) -> tuple[UnwrappedMap, ...]:
    """Measure how wide the gaps of a CT are, cell by cell.

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
    tuple of UnwrappedMap
        One for each implant that was unwrapped, with or without a gap; of a plan, `PlannedCase.unwrapped` has the same.

    Raises
    ------
    NoImplantError
        If the CT shows no orthopaedic implant.
    CancelledError
        If the monitor stops the work.
    """
    config = config or PlanConfig()
    return unwrapped_of(measure_gaps(scan_of(volume), config, Stages(monitor)), config)
