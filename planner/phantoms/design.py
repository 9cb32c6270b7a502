"""What an anatomy hands over: the scene, its truth, and how it is scanned by default."""

from dataclasses import dataclass

from planner.config.phantoms.scan import IdealScan, ScanSettings
from planner.geometry.grid import Grid
from planner.phantoms.scene import Scene
from planner.phantoms.truth.facts import Truth


@dataclass(frozen=True)
class Design:
    """A phantom that has not been scanned yet.

    Each anatomy's module offers one function ``design_<kind>(*, seed: int) -> Design``.

    Parameters
    ----------
    scene : Scene
        What lies on the table.
    truth : Truth
        What is true of it.
    grid : Grid
        The voxels of its default scan.
    settings : ScanSettings or IdealScan
        How it is scanned by default.
    """

    scene: Scene
    truth: Truth
    grid: Grid
    settings: ScanSettings | IdealScan
