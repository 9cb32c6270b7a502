"""What an anatomy hands over: the scene, its truth, and how it is scanned by default."""

from dataclasses import dataclass

from planner.config.phantoms.scan import IdealScan, ScanSettings
from planner.geometry.grid import Grid
from planner.phantoms.scene import Scene
from planner.phantoms.truth.facts import Truth


@dataclass(frozen=True)
class Design:
    """A phantom that has not been scanned yet.

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
    ideal : IdealScan
        The same scan without physics: no artefact, and quick.
    """

    scene: Scene
    truth: Truth
    grid: Grid
    settings: ScanSettings | IdealScan
    ideal: IdealScan


def ideal_like(settings: ScanSettings | IdealScan) -> IdealScan:
    """Give the scan without physics that belongs to a scan: of the same seed, clipped at the same HU."""
    if isinstance(settings, IdealScan):
        return settings
    return IdealScan(seed=settings.seed, hu_clipped_at=settings.hu_clipped_at)
