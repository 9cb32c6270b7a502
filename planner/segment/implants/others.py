"""What is neither screw, rod nor hip implant: cages, plates, cables and cement."""

from planner.config.hardware_config import HardwareConfig
from planner.model.volume import Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.implants.cages import tell_cages
from planner.segment.implants.cement import find_spine_cement
from planner.segment.implants.cup_cement import find_cup_cement
from planner.segment.implants.mantles import find_mantles
from planner.segment.implants.metal import Metal
from planner.segment.implants.parts import ImplantPart
from planner.segment.implants.plates import tell_plates


def tell_others(
    volume: Volume,
    metal: Metal,
    parts: tuple[ImplantPart, ...],
    config: HardwareConfig,
    *,
    monitor: Monitor = SILENT,
) -> tuple[ImplantPart, ...]:
    """Tell cages, plates and cables among the metal that is left, and find bone cement.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    parts : tuple of ImplantPart
        Screws, rods, hip implants and unknown metal; masks may lie on grids of their own.
    config : HardwareConfig
        Sizes and thresholds.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    tuple of ImplantPart
        What was given, unknown metal (and what was taken for a rod or screw in a cage's frame) told anew where it can
        be, and cement added. What cannot be told stays as it was.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    monitor.report(Progress("telling cages, plates and cement"))
    check_cancelled(monitor)
    told = tell_cages(volume, metal, parts, config.cages)
    told = tell_plates(volume, metal, told, config.plates)
    check_cancelled(monitor)
    cement = find_spine_cement(volume, metal, told, config.cement)
    mantles = find_mantles(volume, metal, told, config.mantles)
    return (*told, *cement, *mantles, *find_cup_cement(volume, metal, told, config.cup_cement))
