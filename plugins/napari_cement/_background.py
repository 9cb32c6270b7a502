"""What a session does in a thread of its own: a plan is read or made, with the layers that show it."""

from pathlib import Path

from napari.layers import Layer

from napari_cement._focus import Shown
from napari_cement.drawn.ready_layers import ready_layers
from planner.config.plan_config import PlanConfig
from planner.io.labels.gap_labels import GapLabels
from planner.model.scan import Scan
from planner.progress import Monitor
from planner.station.keeping.plan_folder import OpenedPlan, is_ct_of, load_own_ct, open_plan_folder, settings_of
from planner.station.keeping.same_ct import is_same_ct
from planner.station.keeping.scene_file import Scene
from planner.station.keeping.unreadable_file import read_unreadable
from planner.station.surfaces import surfaces_of


def read_plan(
    folder: Path, *, ct: Path | None, there: Scan | None, config: PlanConfig, monitor: Monitor
) -> tuple[Shown, list[Layer], Scene | None]:
    """Read a plan's folder, and the CT that it was made on.

    Parameters
    ----------
    folder : Path
        What ``cement-planner plan`` made, or a station saved.
    ct : Path or None
        Where the CT lies; None where that is not known.
    there : Scan or None
        The CT that is open; it is taken where it is the plan's.
    config : PlanConfig
        Settings that the plan may have been made with, where its folder does not hold them.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Shown, list of Layer, Scene or None
        What is to be shown, its layers, and how a station left it.

    Raises
    ------
    InputError
        If the plan cannot be read, or the CT is not the plan's.
    CancelledError
        If the monitor stops the work.
    """
    opened = open_plan_folder(folder)
    surfaces = surfaces_of(opened.plan, opened.labels, monitor=monitor)
    scan = _scan_of(opened, ct, there, monitor)
    settings = settings_of(opened, config)
    unreadable = read_unreadable(opened.folder, settings, labels=opened.labels)
    shown = Shown(
        scan, opened.plan, opened.labels, surfaces=surfaces, folder=opened.folder, settings=settings,
        unreadable_read=unreadable,
    )  # fmt: skip
    return shown, ready_layers(shown, unreadable=unreadable, monitor=monitor), opened.scene


def is_own_ct(shown: Shown, scan: Scan) -> bool:
    """Say whether a CT is the one that a plan was made on, which is shown without it.

    Parameters
    ----------
    shown : Shown
        What is shown.
    scan : Scan
        The CT that comes.

    Returns
    -------
    bool
        False too where a CT is shown, no folder holds the plan, or nothing names the series: whose CT it is is not
        known then.
    """
    if shown.scan is not None or shown.plan is None or shown.folder is None or scan.series.name is None:
        return False
    return is_ct_of(OpenedPlan(shown.folder, shown.plan, shown.labels, None), scan)


def make_plan(scan: Scan, config: PlanConfig, *, gaps: GapLabels | None, monitor: Monitor) -> tuple[Shown, list[Layer]]:
    """Plan on a CT.

    Parameters
    ----------
    scan : Scan
        The CT.
    config : PlanConfig
        The settings, the wishes among them.
    gaps : GapLabels or None
        Gaps as a person corrected them; None where nobody did.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Shown, list of Layer
        What is to be shown, and its layers.

    Raises
    ------
    PlannerError
        If it cannot be planned on.
    """
    # Loading the pipeline takes seconds: not while the window opens.
    from planner import pipeline

    if gaps is not None:
        case = pipeline.plan_labelled(scan, config, gaps=gaps, monitor=monitor)
    else:
        case = pipeline.plan_scan(scan, config, monitor=monitor)
    surfaces = surfaces_of(case.plan, case.labels, monitor=monitor)
    shown = Shown(scan, case.plan, case.labels, case, surfaces, settings=config)
    unreadable = None if case.trust is None else case.trust.unreadable
    return shown, ready_layers(shown, unreadable=unreadable, monitor=monitor)


def _scan_of(opened: OpenedPlan, ct: Path | None, there: Scan | None, monitor: Monitor) -> Scan | None:
    """Give the plan's CT; without a series' name it is not known whose CT the open one is."""
    if ct is not None:
        scan = load_own_ct(opened, ct, monitor=monitor)
        return there if there is not None and is_same_ct(there, scan) else scan
    is_open = there is not None and there.series.name is not None and is_ct_of(opened, there)
    return there if is_open else None
