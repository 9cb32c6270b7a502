"""A CT as it is loaded to be looked at: with what its folder offers beside it for display."""

from pathlib import Path

from planner.errors import CancelledError, PlannerError
from planner.io import load_scan
from planner.model.scan import Scan
from planner.progress import SILENT, Monitor


def load_scans(where: Path, *, series: str | None = None, monitor: Monitor = SILENT) -> tuple[Scan, Scan | None]:
    """Load a CT, and what is offered beside it for display.

    Parameters
    ----------
    where : Path
        Anything that `planner.io.load_scan` takes.
    series : str or None
        Which series, as for `planner.io.load_scan`.
    monitor : Monitor
        Follows the loading.

    Returns
    -------
    Scan, Scan or None
        The CT, and the same with metal artefact reduction; None where there is none that can be read.

    Raises
    ------
    InputError
        If there is no CT that can be read rightly.
    """
    scan = load_scan(where, series_instance_uid=series, monitor=monitor)
    if scan.display_alternative is None:
        return scan, None
    try:
        return scan, load_scan(where, series_instance_uid=scan.display_alternative, monitor=monitor)
    except CancelledError:
        raise
    except PlannerError:
        return scan, None
