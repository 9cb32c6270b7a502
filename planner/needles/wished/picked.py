"""Needles to targets that a person picked by hand, whether or not a gap was told there."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.config.wishes_config import WishedTarget
from planner.geometry.regions import block_between, in_ball, voxel_centres
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.implant import Implant
from planner.model.needle import Needle, NeedleWay
from planner.model.picked_target import PickedTarget, PickedWay
from planner.model.volume import Mask
from planner.needles.account.describe import Scene
from planner.needles.candidates import target_of
from planner.needles.search import search_target

_BESIDE_MM = 25.0
"""An implant whose axis lies farther off is not the target's: a vertebra's half width and more. Ours."""
_ON_AXIS = np.linspace(0.0, 1.0, 60)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class PickedSearch:
    """What came of the search for one target picked by hand.

    Parameters
    ----------
    target : PickedTarget
        With its needles.
    tried : int
        Candidates looked at.
    refused : Mapping of str to int
        Candidates refused, by reason.
    """

    target: PickedTarget
    tried: int
    refused: Mapping[str, int]


def search_picked(
    scene: Scene, wish: WishedTarget, name: str, *, catalogue: Mapping[str, Needle] | None = None
) -> PickedSearch:
    """Search needles to a point that a person picked.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    wish : WishedTarget
        Where to.
    name : str
        What the target is called in the plan ("target-1").
    catalogue : Mapping of str to Needle, or None
        The needles that can be had; None for those of the settings.

    Returns
    -------
    PickedSearch
        Needles with the same limits and rules as to a gap. What they would fill is not known: nothing was measured
        there, and `reachable_ml` is None.
    """
    anatomy = scene.anatomy
    room = _room(anatomy, wish)
    implant = _beside(anatomy, wish)
    record = PickedTarget(
        id=name,
        point_lps=wish.point_lps,
        radius_mm=wish.radius_mm,
        implant_id=None if implant is None else implant.id,
        gap_id=next((gap.id for gap in anatomy.gaps if gap.mask.at(wish.point_lps)), None),
    )
    if room is None:
        return _none(record, "the point lies outside of the CT")
    if not room.voxels.any():
        return _none(record, "no bone or gap free of implants within its radius")
    space = GapSpace(name, record.implant_id, room)
    found = search_target(scene, target_of(anatomy, space, scene.fields), catalogue=catalogue)
    if not found.trajectories:
        return PickedSearch(
            record.model_copy(update={"why_none": _words(found.refused, found.tried)}), found.tried, found.refused
        )
    ways = tuple(
        PickedWay(
            **{field: getattr(way, field) for field in NeedleWay.model_fields}
            | {"id": f"{name}-needle-{way.rank}", "reachable_ml": None},
            target_id=name,
            implant_id=record.implant_id,
        )
        for way in found.trajectories
    )
    return PickedSearch(record.model_copy(update={"ways": ways}), found.tried, found.refused)


def _none(record: PickedTarget, why: str) -> PickedSearch:
    return PickedSearch(record.model_copy(update={"why_none": why}), 0, {why: 1})


def _words(refused: Mapping[str, int], tried: int) -> str:
    if not tried:
        return "; ".join(refused) or "none could be tried"
    counted = sorted(((count, reason) for reason, count in refused.items() if count), reverse=True)
    return ", ".join(f"{reason} {count}" for count, reason in counted) or "none could be tried"


def _room(anatomy: Anatomy, wish: WishedTarget) -> Mask | None:
    """Give the voxels of bone or gaps within the target's radius; None where it lies outside of the picture."""
    grid, centre = anatomy.grid, np.asarray(wish.point_lps)
    if not grid.contains(centre[None])[0]:
        return None
    block = block_between(grid, centre - wish.radius_mm, centre + wish.radius_mm)
    inside = in_ball(voxel_centres(grid, block), centre, wish.radius_mm)
    hardware = anatomy.metal if anatomy.hardware is None else anatomy.hardware
    inside &= anatomy.bone.voxels[block] & ~hardware.voxels[block]
    out: npt.NDArray[np.bool_] = np.zeros(grid.shape, bool)
    out[block] = inside
    return Mask(grid, out)


def _beside(anatomy: Anatomy, wish: WishedTarget) -> Implant | None:
    """Give the implant that was named, or the one whose axis (else whose middle) lies nearest."""
    if wish.implant_id is not None:
        return anatomy.implant(wish.implant_id)
    best, nearest = None, _BESIDE_MM
    for implant in anatomy.implants:
        if implant.kind == "rod":
            continue
        if implant.axis is None:
            line = np.asarray(implant.centroid_lps)[None]
        else:
            head, tip = np.asarray(implant.axis.head_lps), np.asarray(implant.axis.tip_lps)
            line = head + _ON_AXIS * (tip - head)
        distance = float(cKDTree(line).query(np.asarray(wish.point_lps))[0])
        if distance < nearest:
            best, nearest = implant, distance
    return best
