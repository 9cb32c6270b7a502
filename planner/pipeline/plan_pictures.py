"""The pictures of a plan that matplotlib draws: angle maps, and what the report shows."""

from pathlib import Path

from planner.io.whole_file import write_whole
from planner.pipeline.fluoroscopy.angle_pictures import angle_map_picture
from planner.pipeline.planned_case import PlannedCase
from planner.progress import SILENT, Monitor
from planner.report.figures import PictureInput, gap_pictures
from planner.report.fill_chart import fill_pictures
from planner.report.overview import overview_pictures
from planner.report.unwrapped_maps import map_pictures


def write_angle_maps(case: PlannedCase, fluoro: Path) -> dict[str, bytes]:
    """Draw each gap's angle map beside the fluoroscopy pictures.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    fluoro : Path
        The fluoroscopy pictures' folder.

    Returns
    -------
    dict of str to bytes
        PNG by name, ``angles/<gap id>``.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    shown: dict[str, bytes] = {}
    for angles in case.angle_maps if case.plan.gaps else ():
        shown[f"angles/{angles.target_id}"] = angle_map_picture(case.plan, angles)
        write_whole(shown[f"angles/{angles.target_id}"], fluoro / f"angles-{angles.target_id}.png")
    return shown


def report_pictures(case: PlannedCase, *, monitor: Monitor = SILENT) -> dict[str, bytes]:
    """Draw what the report shows beside fluoroscopy.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    dict of str to bytes
        By the names of `planner.report.html.render_report`.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    unreadable = None if case.trust is None else case.trust.unreadable
    inputs = PictureInput(case.scan.volume, case.labels, case.plan, unreadable)
    pictures = overview_pictures(inputs, monitor=monitor)
    pictures |= gap_pictures(inputs, monitor=monitor)
    owners = (gap.implant_id for gap in case.plan.gaps if gap.implant_id is not None)
    pictures |= map_pictures(case.unwrapped, owners)
    pictures |= fill_pictures(case.plan)
    return pictures
