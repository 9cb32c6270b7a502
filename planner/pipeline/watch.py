"""What the watch views of a plan are found with, from the plan's settings."""

from planner.config.plan_config import PlanConfig
from planner.model.anatomy import Anatomy
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
