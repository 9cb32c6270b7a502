"""One plan folder, from input to place: what ``plan`` and ``demo`` share."""

from pathlib import Path

from planner.config.plan_config import PlanConfig
from planner.io import load_scan
from planner.io.staging import require_free, staged_folder
from planner.model.plan import Plan
from planner.pipeline import PLAN_FILES, plan_scan, write_plan_files
from planner.progress import Monitor


def make_plan_folder(source: Path, output: Path, *, config: PlanConfig, overwrite: bool, monitor: Monitor) -> Plan:
    """Load a CT, plan on it and write the plan's folder.

    Parameters
    ----------
    source : Path
        Where the CT is.
    output : Path
        The folder to make.
    config : PlanConfig
        The settings.
    overwrite : bool
        Whether an older plan may be replaced.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    Plan
        The plan that was written.
    """
    require_free(output, own_names=PLAN_FILES, overwrite=overwrite)
    scan = load_scan(source, series_instance_uid=config.series_instance_uid, monitor=monitor)
    plan = plan_scan(scan, config, monitor=monitor)
    with staged_folder(output, own_names=PLAN_FILES, overwrite=overwrite) as folder:
        write_plan_files(plan, folder)
    return plan
