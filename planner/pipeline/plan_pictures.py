"""The pictures of a plan: fluoroscopy, and what the report shows."""

from pathlib import Path

from planner.config.fluoro_config import FluoroConfig
from planner.pipeline.fluoroscopy.files import write_plan_fluoroscopy
from planner.pipeline.planned_case import PlannedCase
from planner.progress import SILENT, Monitor
from planner.report.figures import PictureInput, gap_pictures
from planner.report.fill_chart import fill_pictures
from planner.report.overview import overview_pictures
from planner.report.unwrapped_maps import map_pictures


def write_plan_pictures(
    case: PlannedCase, fluoro: Path, config: FluoroConfig, *, monitor: Monitor = SILENT
) -> dict[str, bytes]:
    """Draw a plan's pictures, and write those of fluoroscopy into a folder that it makes.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    fluoro : Path
        The fluoroscopy pictures' folder; it must not exist.
    config : FluoroConfig
        The settings.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    dict of str to bytes
        For the report, by the names of `planner.report.html.render_report`.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    OutputError
        If a file cannot be written.
    """
    pictures = write_plan_fluoroscopy(case, fluoro, config, monitor=monitor)
    unreadable = None if case.trust is None else case.trust.unreadable
    inputs = PictureInput(case.scan.volume, case.labels, case.plan, unreadable)
    pictures |= overview_pictures(inputs, monitor=monitor)
    pictures |= gap_pictures(inputs, monitor=monitor)
    owners = (gap.implant_id for gap in case.plan.gaps if gap.implant_id is not None)
    pictures |= map_pictures(case.unwrapped, owners)
    pictures |= fill_pictures(case.plan)
    return pictures
