"""Where the gaps of a CT leak: breaches, found with all that was measured of the patient."""

from planner.config.plan_config import PlanConfig
from planner.model.anatomy import Anatomy
from planner.pipeline.measured_gaps import MeasuredGaps
from planner.progress import SILENT, Monitor
from planner.safety.breaches import BreachPatch, find_breaches
from planner.safety.watch import WatchScene
from planner.safety.watch_angles import ConsoleAngles


def watch_scene(anatomy: Anatomy, config: PlanConfig, console: ConsoleAngles) -> WatchScene:
    """Put together what the watch views are found with.

    Parameters
    ----------
    anatomy : Anatomy
        The patient.
    config : PlanConfig
        The plan's settings.
    console : callable
        Turns positioner angles into console angles of the treatment position.

    Returns
    -------
    WatchScene
    """
    return WatchScene(
        anatomy, config=config.watch, fluoro=config.fluoroscopy, noise=config.visibility.hiding, console=console
    )


def breaches_of(
    measured: MeasuredGaps,
    anatomy: Anatomy,
    config: PlanConfig,
    *,
    console: ConsoleAngles,
    monitor: Monitor = SILENT,
) -> tuple[BreachPatch, ...]:
    """Find the breaches of measured gaps.

    Parameters
    ----------
    measured : MeasuredGaps
        What artefacts leave readable, vertebral bodies, what cortex reads.
    anatomy : Anatomy
        The same patient on the working grid.
    config : PlanConfig
        The plan's settings.
    console : callable
        Turns positioner angles into console angles of the treatment position.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    tuple of BreachPatch
        As `find_breaches` gives them.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    return find_breaches(
        anatomy,
        config=config.breaches,
        watch=watch_scene(anatomy, config, console),
        trust=measured.trust,
        bodies=measured.bodies,
        cortex_hu=measured.cortex_hu,
        monitor=monitor,
    )
