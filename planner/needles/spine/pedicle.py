"""Pedicles as ways in: which ones lead to a target, and where a needle passes them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planner.config.spine_way_config import SpineWayConfig
from planner.geometry.frames import POSTERIOR, Array, unit
from planner.model.anatomy import Anatomy
from planner.model.bones import Bone
from planner.model.bones import Pedicle as MeasuredPedicle
from planner.model.implant import Implant
from planner.model.volume import Mask
from planner.needles.spine.canal_wall import CanalWall, canal_wall
from planner.safety.clearance import sample
from planner.safety.fields import CANAL, Fields, canal_midline

_NO_PEDICLE_NEAR_MM = 12.0
"""A measured pedicle farther from a screw's axis is not the one that it goes through; ours, a wide pedicle."""


@dataclass(frozen=True, slots=True, eq=False)
class Pedicle:
    """The narrowest place that a screw passes beside the canal, or the way of a screw within the ilium.

    Parameters
    ----------
    isthmus_lps : ndarray, shape (3,)
        Its middle; where it was not measured, the point of the screw's axis that lies nearest to the canal. In the
        ilium the screw's head.
    outward_lps : ndarray, shape (3,)
        Unit vector out of the body along the axis; posterior where there is no axis.
    side : float
        +1 on the patient's left, -1 on the right of the canal.
    middle_lps : ndarray, shape (3,)
        The canal's centre at that height.
    half_width_mm, half_height_mm : float or None
        Taken for its half axes across `outward_lps`; None where nobody told, then a reach round the isthmus counts.
    bone : str or None
        The bone's name among the labels.
    has_rib : bool
        Whether a rib meets its vertebra here.
    in_ilium : bool
        There is no pedicle and no canal beside the screw: it runs within the ilium.
    wall : CanalWall or None
        The canal's outline near it; None where nobody looked.
    """

    isthmus_lps: Array
    outward_lps: Array
    side: float
    middle_lps: Array
    half_width_mm: float | None = None
    half_height_mm: float | None = None
    bone: str | None = None
    has_rib: bool = False
    in_ilium: bool = False
    wall: CanalWall | None = None


def pedicles_for(
    anatomy: Anatomy, implant: Implant | None, points_lps: Array, fields: Fields, *, config: SpineWayConfig
) -> tuple[Pedicle, ...]:
    """Give the pedicles by which a target can be reached.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    implant : Implant or None
        Whose gap it is.
    points_lps : ndarray, shape (N, 3)
        The gap's voxels, LPS mm.
    fields : Fields
        Distances, of the canal among them.
    config : SpineWayConfig
        What is taken for what was not measured.

    Returns
    -------
    tuple of Pedicle
        A screw's own one; for what has no screw all measured ones of its vertebrae, the nearest first. None without a
        canal.
    """
    if anatomy.canal is None or not fields.canal_known:
        return ()
    wall = canal_wall(anatomy, near_mm=float(points_lps[:, 2].mean()))
    return tuple(replace(p, wall=wall) for p in _found(anatomy, implant, points_lps, fields, config))


def _found(
    anatomy: Anatomy, implant: Implant | None, points_lps: Array, fields: Fields, config: SpineWayConfig
) -> Sequence[Pedicle]:
    if anatomy.canal is None:
        return ()
    heights, middle = _midline(anatomy.canal)

    def centre_at(z: float) -> Array:
        return np.array([np.interp(z, heights, middle[:, k]) for k in range(3)])

    if implant is not None and implant.kind == "pedicle_screw" and implant.axis is not None:
        head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
        line = head + np.linspace(0.0, 1.0, 41)[:, None] * (tip - head)
        return (_of_screw(anatomy, implant, line, centre_at, fields, config),)
    names = _bones_of(anatomy, points_lps)
    known = [p for p in anatomy.pedicles if p.bone in names]
    if not known:
        return (_behind(points_lps, centre_at, fields),)
    known.sort(key=lambda p: float(np.linalg.norm(points_lps.mean(axis=0) - p.centre_lps)))
    return tuple(
        measured_pedicle(
            anatomy, p, outward_lps=-np.asarray(p.inward_lps),
            middle_lps=centre_at(float(p.centre_lps[2])), config=config,
        )
        for p in known
    )  # fmt: skip


@lru_cache(maxsize=2)
def _midline(canal: Mask) -> tuple[Array, Array]:
    """Give the canal's heights and middle; kept, for each target and each place of a moved needle asks for it."""
    heights, middle, _ = canal_midline(canal.voxels, canal.grid)
    return heights, middle


def _of_screw(
    anatomy: Anatomy, implant: Implant, line: Array, centre_at: Callable[[float], Array], fields: Fields,
    config: SpineWayConfig,
) -> Pedicle:  # fmt: skip
    outward = unit(line[0] - line[-1])
    distance = sample(fields, line, CANAL)
    least = float(np.nanmin(distance)) if np.isfinite(distance).any() else 0.0
    nearest = line[int(np.nanargmin(distance))] if np.isfinite(distance).any() else line[20]
    holder = _holder(anatomy.bones, line[12:])
    if holder.kind == "ilium" if holder is not None else least > config.iliac_from_canal_mm:
        centre = centre_at(float(line[0, 2]))
        side = 1.0 if line[0, 0] >= centre[0] else -1.0
        return Pedicle(line[0], outward, side, centre, bone=None if holder is None else holder.name, in_ilium=True)
    centre = centre_at(float(nearest[2]))
    side = 1.0 if nearest[0] >= centre[0] else -1.0
    off = [(_distance_to_line(p.centre_lps, line), p) for p in anatomy.pedicles if _is_its(p, holder, side)]
    if off and min(off, key=lambda pair: pair[0])[0] <= _NO_PEDICLE_NEAR_MM:
        best = min(off, key=lambda pair: pair[0])[1]
        width = 0.0 if implant.axis is None or implant.axis.diameter_mm is None else implant.axis.diameter_mm
        return measured_pedicle(
            anatomy, best, outward_lps=outward, middle_lps=centre_at(float(best.centre_lps[2])),
            config=config, least_mm=width,
        )  # fmt: skip
    name = None if holder is None else holder.name
    return Pedicle(nearest, outward, side, centre, bone=name, has_rib=_has_rib(anatomy, nearest, config))


def _is_its(pedicle: MeasuredPedicle, holder: Bone | None, side: float) -> bool:
    return (holder is None or pedicle.bone == holder.name) and (pedicle.side == "left") == (side > 0)


def measured_pedicle(
    anatomy: Anatomy,
    pedicle: MeasuredPedicle,
    *,
    outward_lps: Array,
    middle_lps: Array,
    config: SpineWayConfig,
    least_mm: float = 0.0,
) -> Pedicle:
    """Take over a measured pedicle; what metal hid of it is taken from the other side, or from the table.

    Parameters
    ----------
    anatomy : Anatomy
        Its ribs, and the pedicle of the other side, are asked.
    pedicle : MeasuredPedicle
        The pedicle.
    outward_lps : ndarray, shape (3,)
        Unit vector out of the body along its axis.
    middle_lps : ndarray, shape (3,)
        The canal's centre at its height, LPS mm.
    config : SpineWayConfig
        What is taken for what was not measured.
    least_mm : float
        Of its width and height where neither side was measured: the screw's diameter that it holds.

    Returns
    -------
    Pedicle
    """
    isthmus = np.asarray(pedicle.centre_lps)
    rib = _has_rib(anatomy, isthmus, config)
    other = [p for p in anatomy.pedicles if p.bone == pedicle.bone]
    usual = config.thoracic_pedicle_mm if rib else config.lumbar_pedicle_mm
    tall = config.thoracic_pedicle_height_mm if rib else config.lumbar_pedicle_height_mm
    width = _first([pedicle.width_mm, *(p.width_mm for p in other)], max(usual, least_mm))
    height = _first([pedicle.height_mm, *(p.height_mm for p in other)], max(tall, least_mm))
    side = 1.0 if pedicle.side == "left" else -1.0
    return Pedicle(isthmus, outward_lps, side, middle_lps, width / 2, height / 2, pedicle.bone, rib)


def _first(values: Sequence[float | None], otherwise: float) -> float:
    return next((v for v in values if v is not None), otherwise)


def _behind(points: Array, centre_at: Callable[[float], Array], fields: Fields) -> Pedicle:
    """Guess where the pedicle of a gap without screw lies: beside the canal, straight behind the gap."""
    line = points.mean(axis=0) + np.linspace(30.0, -10.0, 41)[:, None] * np.asarray(POSTERIOR)
    distance = sample(fields, line, CANAL)
    isthmus = line[int(np.nanargmin(distance))] if np.isfinite(distance).any() else line[20]
    centre = centre_at(float(isthmus[2]))
    return Pedicle(isthmus, np.asarray(POSTERIOR), 1.0 if isthmus[0] >= centre[0] else -1.0, centre)


def _holder(bones: Sequence[Bone], line: Array) -> Bone | None:
    """Give the bone that holds most of a screw's shaft; None where less than a third lies in any."""
    share = [(float(np.mean(bone.mask.at(line))), bone) for bone in bones if bone.kind != "rib"]
    best = max(share, key=lambda pair: pair[0], default=(0.0, None))
    return best[1] if best[0] > 1 / 3 else None


def _bones_of(anatomy: Anatomy, points: Array) -> set[str]:
    """Give the vertebrae that hold a tenth of a gap or more; where there are none, the one next to it."""
    some = points[:: max(1, len(points) // 400)]
    share = {b.name: float(np.mean(b.mask.at(some))) for b in anatomy.bones if b.kind in ("vertebra", "sacrum")}
    names = {name for name, value in share.items() if value >= 0.1}
    if names or not anatomy.pedicles:
        return names
    middle = points.mean(axis=0)
    return {min(anatomy.pedicles, key=lambda p: float(np.linalg.norm(middle - p.centre_lps))).bone}


def _has_rib(anatomy: Anatomy, isthmus: Array, config: SpineWayConfig) -> bool:
    """Say whether a rib comes near the isthmus: asked on a coarse ball of points round it."""
    steps = np.arange(-config.rib_near_mm, config.rib_near_mm + 0.1, 2.0)
    ball = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    ball = isthmus + ball[np.linalg.norm(ball, axis=1) <= config.rib_near_mm]
    return any(bool(bone.mask.at(ball).any()) for bone in anatomy.bones if bone.kind == "rib")


def _distance_to_line(point: npt.ArrayLike, line: Array) -> float:
    return float(np.linalg.norm(line - np.asarray(point), axis=1).min())


def across(pedicle: Pedicle) -> tuple[Array, Array]:
    """Give the directions across a pedicle's axis: to its outer side, and to its upper or lower one.

    Parameters
    ----------
    pedicle : Pedicle
        The pedicle.

    Returns
    -------
    lateral, other : ndarray, shape (3,)
        Unit vectors, at right angles to `outward_lps` and to each other; the first away from the canal.
    """
    away = np.array([pedicle.side, 0.0, 0.0])
    lateral = unit(away - (away @ pedicle.outward_lps) * pedicle.outward_lps)
    return lateral, np.cross(lateral, pedicle.outward_lps)


def at_isthmus(pedicle: Pedicle, inner_lps: Array, outward_lps: Array) -> tuple[Array, Array]:
    """Give where needles pass the plane of the isthmus, as seen from its middle.

    Parameters
    ----------
    pedicle : Pedicle
        The pedicle.
    inner_lps, outward_lps : ndarray, shape (N, 3)
        Inner ends, and unit vectors from there to the operator, LPS mm.

    Returns
    -------
    lateral_mm, other_mm : ndarray, shape (N,)
        Along `across`. A needle that ends behind the plane is taken where it ends.
    """
    from_middle = inner_lps - pedicle.isthmus_lps
    height = from_middle @ pedicle.outward_lps
    rate = outward_lps @ pedicle.outward_lps
    way = np.where(rate > 1e-3, np.maximum(0.0, -height) / np.maximum(rate, 1e-3), 0.0)
    offset = from_middle + way[:, None] * outward_lps
    lateral, other = across(pedicle)
    return offset @ lateral, offset @ other


def within_pedicle(pedicle: Pedicle, lateral_mm: Array, other_mm: Array, *, reach_mm: float) -> npt.NDArray[np.bool_]:
    """Say which needles pass the plane of the isthmus within the pedicle.

    Parameters
    ----------
    pedicle : Pedicle
        With its half axes, where they are known.
    lateral_mm, other_mm : ndarray, shape (N,)
        Where they pass, from `at_isthmus`.
    reach_mm : float
        Half axis where none is known.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    width = reach_mm if pedicle.half_width_mm is None else pedicle.half_width_mm
    height = reach_mm if pedicle.half_height_mm is None else pedicle.half_height_mm
    return np.asarray(np.hypot(lateral_mm / width, other_mm / height) <= 1.0)
