"""Where a screw leaves its bone, and how far it stands out of it."""

from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array, PointsLps
from planner.phantoms.solids.basic import Difference, Solid
from planner.phantoms.solids.nearby import nearby
from planner.phantoms.solids.raster import contains
from planner.phantoms.spine.defects.halos import ScrewAxis
from planner.phantoms.spine.hardware.polyaxial import PolyaxialScrew
from planner.phantoms.spine.patient.column import Column
from planner.phantoms.spine.patient.vertebrae import Vertebra
from planner.phantoms.spine.places import bone_at, vertebra_at
from planner.phantoms.truth.facts import Wall

_GRAZES_MM = 1.0
"""A thread that stands out no further has gone through no wall. Set by eye."""
_STEP_MM, _TURNS = 0.5, 24
_NOSE_END = 0.35
"""Radius at the very tip, as share of the thread's; as of `ScrewShaft`."""
_REACH_MM = 9.0
_ASKED = 3
_GROWTHS, _CLOSE_MM = 40, 0.02
_HEIGHTS = np.linspace(-0.995, 0.995, 200)[:, None]
_WAYS = np.concatenate(
    [np.sqrt(1.0 - _HEIGHTS**2) * f(np.pi * (3.0 - 5.0**0.5) * np.arange(200.0)[:, None]) for f in (np.cos, np.sin)]
    + [_HEIGHTS],
    axis=1,
)
"""Ways in which it is looked for bone, 9 degrees apart: a flat wall is found within a hundredth of its distance."""
_BEHIND_SHARE = 0.9
"""Of a body's half depth: what lies further back is the pedicle."""


@dataclass(frozen=True, slots=True)
class Astray:
    """How far a screw stands out of its bone, mm, and through which wall; None where it only grazes one."""

    beyond_mm: float
    wall: Wall | None


def astray(screw: PolyaxialScrew, axis: ScrewAxis, column: Column) -> Astray:
    """Look where a screw leaves its bone beyond the pedicle's isthmus; before it, all screws come in from outside.

    Parameters
    ----------
    screw : PolyaxialScrew
        Which.
    axis : ScrewAxis
        Of the piece that is looked at.
    column : Column
        The patient's bones.

    Returns
    -------
    Astray
        Sacral and iliac screws are looked at in the inner half of their length.
    """
    bone = bone_at(column, screw.recipe.level, screw.recipe.site)
    start = _isthmus_mm(screw, axis, column)
    if start >= axis.length_mm:
        return Astray(0.0, None)
    nose_mm = screw.shaft.nose_mm if axis.tip_lps == screw.tip_lps else 0.0
    points = _thread(axis, screw.recipe.diameter_mm, start, nose_mm)
    out = points[~contains(bone, PointsLps(points)) | contains(column.holes, PointsLps(points))]
    if not len(out):
        return Astray(0.0, None)
    own = nearby(Difference(bone, column.holes), (out.min(axis=0), out.max(axis=0)), reach_mm=_REACH_MM)
    # Solids understate how far off a point is, but hardly which point is furthest off.
    furthest = out[np.argsort(-own.distance_mm(PointsLps(out)))[:_ASKED]]
    far = [_far_mm(point, own) for point in furthest]
    beyond, deepest = max(far), furthest[int(np.argmax(far))]
    return Astray(beyond, _wall_at(deepest, screw, column) if beyond >= _GRAZES_MM else None)


def _isthmus_mm(screw: PolyaxialScrew, axis: ScrewAxis, column: Column) -> float:
    middle = np.mean([screw.axis.head_lps, screw.axis.tip_lps], axis=0)
    if screw.recipe.site == "pedicle" and screw.recipe.level != "S1":
        middle = np.array(column.vertebra(screw.recipe.level).pedicle(screw.recipe.side).centre_lps)
    along = float((middle - axis.head_lps) @ axis.direction)
    return max(0.0, along)


def _thread(axis: ScrewAxis, diameter_mm: float, start_mm: float, nose_mm: float) -> Array:
    """Give points on the crest of the thread and on the nose, if it has one, shape (N, 3)."""
    along = np.append(np.arange(start_mm, axis.length_mm, _STEP_MM), axis.length_mm)
    nose = np.ones(len(along))
    if nose_mm > 0.0:
        nose = np.minimum(_NOSE_END + (1.0 - _NOSE_END) * (axis.length_mm - along) / nose_mm, 1.0)
    ring = np.array([axis.toward(turn) for turn in np.arange(_TURNS) * 360.0 / _TURNS]) * diameter_mm / 2.0
    middles = np.array(axis.head_lps) + along[:, None] * axis.direction
    return np.asarray((middles[:, None] + nose[:, None, None] * ring).reshape(-1, 3))


def _far_mm(point_lps: Array, bone: Solid) -> float:
    """Give how far a point outside of a bone is from it: a ball about it grows until it touches."""
    far = 0.0
    for _ in range(_GROWTHS):
        room = float(bone.distance_mm(PointsLps(point_lps + far * _WAYS)).min())
        far += max(room, 0.0)
        if room < _CLOSE_MM:
            break
    return far


def _wall_at(point_lps: Array, screw: PolyaxialScrew, column: Column) -> Wall:
    if column.hollow.distance_mm(PointsLps(point_lps[None]))[0] <= 0.0:
        return "canal"
    if screw.recipe.site not in ("pedicle", "ala"):
        return "cortex"
    vertebra = vertebra_at(column, screw.recipe.level)
    x, y, z = (point_lps - vertebra.centre_lps) @ vertebra.axes / vertebra.scale
    a, b, h = vertebra.shape.body_mm
    if y > _BEHIND_SHARE * b and screw.recipe.level != "S1":
        return _pedicle_wall(x, z, screw, vertebra)
    beside = (np.hypot(x / a, y / b) - 1.0) * min(a, b)
    if abs(z) - h > beside:
        return "upper_endplate" if z > 0.0 else "lower_endplate"
    return "front" if -y / b > abs(x) / a else "side"


def _pedicle_wall(x: float, z: float, screw: PolyaxialScrew, vertebra: Vertebra) -> Wall:
    form = vertebra.shape.pedicles[0 if screw.recipe.side == "left" else 1]
    outward = x if screw.recipe.side == "left" else -x
    aside = (outward - form.centre_mm[0]) / form.width_mm
    if abs(z - form.centre_mm[2]) / form.height_mm > abs(aside):
        return "foramen"
    return "side" if aside > 0.0 else "canal"
