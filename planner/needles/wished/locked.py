"""Needles that stay as a person chose them: judged, and never moved."""

from collections.abc import Mapping
from dataclasses import dataclass

from planner.errors import UsageError
from planner.model.needle import Needle, Trajectory
from planner.needles.account.describe import Scene
from planner.needles.catalogue import catalogue_of, needle_named
from planner.needles.check import check_trajectory
from planner.needles.goals import OFF_TARGET_MM


@dataclass(frozen=True, slots=True, eq=False)
class LockedWay:
    """A needle that stays as a person chose it.

    Parameters
    ----------
    trajectory : Trajectory or None
        With all that was measured, `locked`; what it breaks stands in its `violations`. None where it cannot be judged.
    violations : tuple of str
        Hard limits that it breaks, in words.
    off_target_mm : float or None
        Distance of its tip from the nearest gap; None where there is no gap.
    """

    trajectory: Trajectory | None
    violations: tuple[str, ...]
    off_target_mm: float | None

    @property
    def reaches(self) -> bool:
        """Whether its tip lies in or at a gap."""
        return self.trajectory is not None and self.off_target_mm is not None and self.off_target_mm <= OFF_TARGET_MM


def locked_ways(scene: Scene, *, catalogue: Mapping[str, Needle] | None = None) -> tuple[LockedWay, ...]:
    """Judge the needles that the settings hold.

    Parameters
    ----------
    scene : Scene
        Anatomy with at least one gap, distances, settings.
    catalogue : Mapping of str to Needle, or None
        The needles that can be had; None for those of the settings.

    Returns
    -------
    tuple of LockedWay
        In the settings' order.

    Raises
    ------
    UsageError
        If a needle is not in the catalogue.
    """
    catalogue = catalogue_of(scene.config.catalogue) if catalogue is None else catalogue
    ways = []
    for wish in scene.config.wishes.locked:
        needle = needle_named(wish.needle, catalogue=catalogue)
        try:
            judged = check_trajectory(scene, entry_lps=wish.entry_lps, target_lps=wish.target_lps, needle=needle)
        except UsageError as error:
            # a tip that lay in bone before a new segmentation must not stop the whole plan
            ways.append(LockedWay(None, (str(error),), None))
            continue
        held = judged.trajectory.model_copy(update={"locked": True, "violations": judged.violations, "made": wish.made})
        ways.append(LockedWay(held, judged.violations, judged.off_target_mm))
    return tuple(ways)
