"""Needles into an intact level beside a construct: through or past each of its pedicles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.geometry.cells import cells_in
from planner.geometry.frames import Array, unit
from planner.model.anatomy import GapSpace
from planner.model.bones import Pedicle as BonePedicle
from planner.model.implant import Side
from planner.model.needle import Needle, NeedleWay, Trajectory
from planner.model.prophylaxis import ProphylacticWay
from planner.model.volume import Mask
from planner.needles.account.describe import Scene
from planner.needles.candidates import Target
from planner.needles.search import search_target
from planner.needles.spine.canal_wall import canal_wall
from planner.needles.spine.pedicle import Pedicle, measured_pedicle
from planner.safety.fields import canal_midline

_SIDES: tuple[Side, ...] = ("left", "right")


@dataclass(frozen=True, slots=True, eq=False)
class LevelSearch:
    """What came of the search for one intact level.

    Parameters
    ----------
    ways : tuple of ProphylacticWay
        By rank, of both sides; empty where no needle passed.
    tried : int
        Candidates looked at.
    refused : Mapping of str to int
        Candidates refused, by reason.
    """

    ways: tuple[ProphylacticWay, ...]
    tried: int
    refused: Mapping[str, int]


def search_level(
    scene: Scene,
    target_id: str,
    space: Mask,
    pedicles: Sequence[BonePedicle],
    *,
    catalogue: Mapping[str, Needle] | None = None,
) -> LevelSearch:
    """Search needles into an intact vertebral body.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target_id : str
        What the target is called in the plan.
    space : Mask
        Where tips may come to lie, on the scene's grid.
    pedicles : sequence of Pedicle
        Of this vertebra; a side without one is not tried.
    catalogue : Mapping of str to Needle, or None
        The needles that can be had; None for those of the settings.

    Returns
    -------
    LevelSearch
        Transpedicular and extrapedicular ways, as far as the settings want them.

    Raises
    ------
    GeometryError
        If the space lies on another grid than the scene.
    """
    scene.anatomy.grid.require_same(space.grid)
    canal = scene.anatomy.canal
    if canal is None or not scene.fields.canal_known:
        return LevelSearch((), 0, {"spinal canal not known": 1})
    if not space.voxels.any():
        return LevelSearch((), 0, {"the target is empty": 1})
    scene = replace(scene, anatomy=replace(scene.anatomy, pedicles=tuple(pedicles)))
    heights, middle, _ = canal_midline(canal.voxels, scene.anatomy.grid)
    points = np.asarray(space.grid.to_lps(cells_in(space.voxels)))
    found: list[tuple[Side, Trajectory]] = []
    refused: dict[str, int] = {}
    tried = 0
    for side in _SIDES:
        own = next((pedicle for pedicle in pedicles if pedicle.side == side), None)
        if own is None:
            refused[f"the {side} pedicle was not told"] = 1
            continue
        centre = np.array([np.interp(own.centre_lps[2], heights, middle[:, axis]) for axis in range(3)])
        gate = _gate(scene, own, centre)
        # the search knows its targets as spaces with an id; this one never comes into the plan as a gap
        result = search_target(scene, Target(GapSpace(target_id, None, space), None, points, gate), catalogue=catalogue)
        tried += result.tried
        for reason, count in result.refused.items():
            refused[reason] = refused.get(reason, 0) + count
        found += [(side, way) for way in result.trajectories]
    found.sort(key=lambda one: -one[1].score)
    ways = tuple(_renamed(way, side, target_id, rank) for rank, (side, way) in enumerate(found, start=1))
    return LevelSearch(ways, tried, refused)


def _gate(scene: Scene, own: BonePedicle, middle_lps: Array) -> Pedicle:
    """Give a pedicle as the way in: as wide as it was measured, with its bone's name, its rib and the canal's wall."""
    gate = measured_pedicle(
        scene.anatomy,
        own,
        outward_lps=unit(-np.asarray(own.inward_lps)),
        middle_lps=middle_lps,
        config=scene.config.spine,
    )
    return replace(gate, wall=canal_wall(scene.anatomy, near_mm=float(own.centre_lps[2])))


def _renamed(way: Trajectory, side: Side, target_id: str, rank: int) -> ProphylacticWay:
    kept = {name: getattr(way, name) for name in NeedleWay.model_fields}
    return ProphylacticWay(**kept | {"id": f"{target_id}-needle-{rank}", "rank": rank}, target_id=target_id, side=side)
