"""How much bone still holds a cup: its rim by the clock, its floor, and what class of defect that is like."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from planner.config.candidacy_config import AcetabularDefectConfig
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array, point_tuple, unit
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.finding import Finding
from planner.model.implant import Side
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.joint_space import HipJoint
from planner.segment.candidacy.cup_migration import CupMigration
from planner.segment.interpolation import interpolated
from planner.segment.region import block_of
from planner.segment.trust import TrustMap
from planner.segment.upright import Bools

AcetabularClass = Literal["I", "II", "IIC", "IIIA", "IIIB"]
DEFAULT = AcetabularDefectConfig()
SOURCE = (
    "Paprosky-like, by a rule of this program on the classes of Paprosky 1994, doi 10.1016/0883-5403(94)90135-X, as "
    "summed up in doi 10.1186/s12891-020-03851-9, table 1"
)
_RINGS_DEG = np.arange(2.5, 90.0, 5.0)
_HOURS = 36
"""Round the clock, ten degrees apart."""
_STEP_MM = 0.8
_RIM_FROM_DEG = 55.0
"""From the cup's pole: what lies nearer to its mouth is rim. Ours."""
_FLOOR_DEG = 35.0
"""Round the medial direction: the medial wall. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class AcetabularDefect:
    """What is missing of the bone round a cup.

    Parameters
    ----------
    joint : HipJoint
        The hip.
    held : ndarray of bool, shape (R, C)
        Whether bone lies near the cup's outside, by angle from its pole and by the clock, from superior towards
        anterior.
    is_readable : ndarray of bool, shape (R, C)
        Whether that can be told.
    rim_lost_share : float or None
        Share of the upper rim (from 8 to 4 o'clock) without bone; None where too little of it can be read.
    floor_lost_share : float or None
        Share of the medial wall without bone; None as before.
    held_share : float or None
        Share of all that lies behind the cup's mouth that bone holds; None as before.
    likeness : str or None
        The class it is like; None where it cannot be told.
    """

    joint: HipJoint
    held: Bools
    is_readable: Bools
    rim_lost_share: float | None
    floor_lost_share: float | None
    held_share: float | None
    likeness: AcetabularClass | None

    @property
    def side(self) -> Side:
        """The patient's side."""
        return self.joint.side


def acetabular_defect(
    joint: HipJoint,
    *,
    pelvis: Bone,
    ct: Volume,
    metal: Mask,
    place: CupMigration | None = None,
    trust: TrustMap | None = None,
    config: AcetabularDefectConfig = DEFAULT,
) -> AcetabularDefect | None:
    """Measure how much bone holds a cup.

    Parameters
    ----------
    joint : HipJoint
        A replaced hip with a cup.
    pelvis : Bone
        Its pelvis.
    ct : Volume
        The CT, on the pelvis's grid.
    metal : Mask
        All metal, on the same grid.
    place : CupMigration or None
        How far the cup lies from the mirrored other hip; a class needs it.
    trust : TrustMap or None
        What artefacts leave readable.
    config : AcetabularDefectConfig
        Limits.

    Returns
    -------
    AcetabularDefect or None
        None for a natural hip, and where the cup is not within the picture.

    Raises
    ------
    GeometryError
        If the masks lie on other grids.

    Notes
    -----
    A place counts as held where some voxel of the pelvis within `config.near_mm` of the cup's outside reads as bone. A
    socket's lower quarter has no rim by nature (the acetabular notch) and is left out. Teardrop and ischium are not
    told apart from the rest; the classes are likenesses, and none is given without the other side to compare with.
    """
    grid = ct.grid
    grid.require_same(pelvis.mask.grid)
    grid.require_same(metal.grid)
    if joint.is_natural or not _is_inside(joint, grid):
        return None
    way = _directions(joint)
    held, readable = _holding(joint, way, pelvis, ct, metal, trust, config)
    ring = np.radians(_RINGS_DEG)
    weight = np.broadcast_to(np.sin(ring)[:, None], held.shape)
    clock = np.arange(_HOURS) * 360.0 / _HOURS
    upper = np.broadcast_to((clock <= 120.0) | (clock >= 240.0), held.shape)
    rim = upper & (_RINGS_DEG[:, None] >= _RIM_FROM_DEG)
    medial = np.array([-joint.outwards, 0.0, 0.0])
    floor = way @ medial >= np.cos(np.radians(_FLOOR_DEG))
    rim_lost = _lost_share(held, readable, weight, rim, config)
    floor_lost = _lost_share(held, readable, weight, floor, config)
    notch = ~upper & (_RINGS_DEG[:, None] >= _RIM_FROM_DEG)
    lost = _lost_share(held, readable, weight, ~notch, config)
    likeness = _likeness(rim_lost, floor_lost, place, config)
    return AcetabularDefect(joint, held, readable, rim_lost, floor_lost, None if lost is None else 1.0 - lost, likeness)


def acetabular_findings(
    defect: AcetabularDefect | None, *, config: AcetabularDefectConfig = DEFAULT
) -> tuple[Finding, ...]:
    """Say what the bone round a cup means for cement.

    Parameters
    ----------
    defect : AcetabularDefect or None
        As measured.
    config : AcetabularDefectConfig
        Limits.

    Returns
    -------
    tuple of Finding
    """
    if defect is None:
        return ()
    where = point_tuple(np.round(np.asarray(defect.joint.socket_lps), 1))
    out = []
    for share, limit, code, words in (
        (defect.rim_lost_share, config.rim_lost_share, "acetabular-rim-lost", "the upper rim"),
        (defect.floor_lost_share, config.floor_lost_share, "acetabular-floor-lost", "the medial wall"),
    ):
        if share is not None and share >= limit:
            leak = ": cement can leak into the pelvis" if "floor" in code else ": little holds cement there"
            out.append(
                Finding(
                    code=code,
                    severity="caution",
                    message=f"{defect.side} hip: {100 * share:.0f} % of {words} round the cup has no bone{leak}.",
                    where_lps=where,
                    measured=round(share, 2),
                    limit=limit,
                    unit="share",
                    source="this program's rule",
                )
            )
    if defect.held_share is not None and defect.held_share < config.nothing_holds_share:
        out.append(
            Finding(
                code="cup-nothing-holds",
                severity="warning",
                message=f"{defect.side} hip: bone lies behind only {100 * defect.held_share:.0f} % of the cup: nothing "
                "is left there to hold cement.",
                where_lps=where,
                measured=round(defect.held_share, 2),
                limit=config.nothing_holds_share,
                unit="share",
                source="this program's rule",
            )
        )
    if defect.likeness in ("IIIA", "IIIB"):
        out.append(
            Finding(
                code="acetabular-defect",
                severity="warning",
                message=f"{defect.side} hip: acetabular defect, Paprosky-like {defect.likeness}: the cup lies far from "
                "its place and much of its bone is missing.",
                where_lps=where,
                measured=None if defect.rim_lost_share is None else round(defect.rim_lost_share, 2),
                limit=config.rim_lost_share,
                unit="share of the upper rim lost",
                source=SOURCE,
            )
        )
    return tuple(out)


def _is_inside(joint: HipJoint, grid: Grid) -> bool:
    index = np.asarray(grid.to_index(np.asarray(joint.socket_lps)))
    room = joint.socket_radius_mm / np.array(grid.spacing_mm)
    return bool(np.all(index - room >= 0) and np.all(index + room <= np.array(grid.shape) - 1))


def _directions(joint: HipJoint) -> Array:
    """Give unit vectors out of the cup's middle behind its mouth, shape (R, C, 3)."""
    pole = -np.asarray(joint.opening_lps)
    up = unit(np.array([0.0, 0.0, 1.0]) - pole[2] * pole)
    front = np.array([0.0, -1.0, 0.0])
    front = unit(front - (front @ pole) * pole - (front @ up) * up)
    clock = np.radians(np.arange(_HOURS) * 360.0 / _HOURS)
    aside = np.cos(clock)[:, None] * up + np.sin(clock)[:, None] * front
    ring = np.radians(_RINGS_DEG)[:, None, None]
    return np.asarray(np.cos(ring) * pole + np.sin(ring) * aside)


def _holding(
    joint: HipJoint,
    way: Array,
    pelvis: Bone,
    ct: Volume,
    metal: Mask,
    trust: TrustMap | None,
    config: AcetabularDefectConfig,
) -> tuple[Bools, Bools]:
    reach = joint.socket_radius_mm + config.near_mm + 2.0 * config.bloom_mm + 2.0
    block = block_of(ct.grid, np.stack([np.asarray(joint.socket_lps) - reach, np.asarray(joint.socket_lps) + reach]))
    z, y, x = block
    grid = ct.grid.crop((z.start, y.start, x.start), (z.stop, y.stop, x.stop))
    away = np.arange(0.0, config.near_mm + config.bloom_mm + _STEP_MM, _STEP_MM) + joint.socket_radius_mm
    points = np.asarray(joint.socket_lps) + away[:, None] * way[..., None, :]
    index = np.asarray(grid.to_index(points))
    inside = np.all((index >= 0) & (index <= np.array(grid.shape) - 1), axis=-1)

    def read(values: np.ndarray) -> np.ndarray:
        return interpolated(np.ascontiguousarray(values), index)

    from_metal = distance_mm(metal.voxels[block], grid.spacing_mm)
    clear = inside & (read(from_metal) > config.bloom_mm)
    if trust is not None:
        # what the plan calls unreadable elsewhere says nothing of bone here
        least = max(config.least_trust, trust.config.unreadable_below)
        clear &= np.asarray(trust.trust_at(points)) >= least
    bone = clear & (read(np.asarray(ct.hu[block], dtype=np.float32)) > config.bone_hu)
    bone &= read(pelvis.mask.voxels[block].astype(np.float32)) > 0.3
    return np.asarray(bone.any(axis=-1)), np.asarray(clear.mean(axis=-1) >= config.least_clear_share)


def _lost_share(
    held: Bools, readable: Bools, weight: Array, where: Bools, config: AcetabularDefectConfig
) -> float | None:
    whole, seen = float(weight[where].sum()), float(weight[where & readable].sum())
    if whole <= 0 or seen < config.least_read_share * whole:
        return None
    return float(weight[where & readable & ~held].sum()) / seen


def _likeness(
    rim_lost: float | None, floor_lost: float | None, place: CupMigration | None, config: AcetabularDefectConfig
) -> AcetabularClass | None:
    if place is None or place.up_mm is None or place.medial_mm is None or rim_lost is None or floor_lost is None:
        return None
    floor_gone = floor_lost >= config.floor_lost_share
    if max(place.up_mm, place.medial_mm) > config.severe_mm:
        if rim_lost < config.rim_third_share:
            return None  # high or deep, but held: a cup may have been set there
        return "IIIB" if floor_gone or place.medial_mm > config.severe_mm else "IIIA"
    if place.behind_mm is None or _elsewhere_mm(place.up_mm, place.medial_mm, place.behind_mm) > config.severe_mm:
        return None  # the classes know cups that went up and in, no others
    if floor_gone and place.medial_mm > config.mild_mm:
        return "IIC"
    mild = max(place.up_mm, place.medial_mm) > config.mild_mm or rim_lost >= config.rim_lost_share
    return "II" if mild else "I"


def _elsewhere_mm(up_mm: float, medial_mm: float, behind_mm: float) -> float:
    """Give how far a cup lies down, lateral, behind or in front."""
    return float(np.linalg.norm([min(up_mm, 0.0), min(medial_mm, 0.0), behind_mm]))
