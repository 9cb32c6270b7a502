"""How a needle passes a pedicle: its own Gertzbein-Robbins grade, the medial wall, the posterior wall."""

import numpy as np

from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.model.needle import PassageGrade, PediclePassage
from planner.needles.spine.canal_wall import CanalWall
from planner.needles.spine.pedicle import Pedicle
from planner.safety.clearance import sample, surface_normals
from planner.safety.fields import BONE, CANAL, METAL, Fields

_STEP_MM = 0.5
_ZONE_MM = 5.0
"""So far before and behind the isthmus a needle is in the pedicle; ours, half of a short pedicle's length."""
_ENTRY_MM = 3.0
"""At the bone entry itself a needle always stands out of bone: that is no breach; ours."""
_SURE_MM = 1.0
"""A wall that is farther from the needle's surface than a voxel and a half cannot change the grade; ours."""
_MEASURABLE_MM = 0.1
"""Less is no step out of the pedicle but rounding; ours, an eighth of a usual voxel."""
_GRADES: tuple[tuple[float, PassageGrade], ...] = ((2.0, "B"), (4.0, "C"), (6.0, "D"))


def passage_grade(beyond_wall_mm: float) -> PassageGrade:
    """Give the Gertzbein-Robbins grade (Spine 1990).

    Parameters
    ----------
    beyond_wall_mm : float
        How far the surface stands out of the pedicle; 0 within it.

    Returns
    -------
    str
        "A" for 0, then "B", "C", "D" below 2, 4, 6 mm, and "E".
    """
    if beyond_wall_mm <= 0.0:
        return "A"
    return next((grade for limit, grade in _GRADES if beyond_wall_mm < limit), "E")


def pedicle_passage(
    anatomy: Anatomy,
    fields: Fields,
    pedicle: Pedicle | None,
    wall: CanalWall | None,
    *,
    bone_lps: Array,
    end_lps: Array,
    radius_mm: float,
    blooming_mm: float,
    slide_to_lps: Array | None = None,
) -> PediclePassage | None:
    """Measure a needle's passage through a pedicle.

    Parameters
    ----------
    anatomy : Anatomy
        With the measured pedicles.
    fields : Fields
        Distances.
    pedicle : Pedicle or None
        By which it goes.
    wall : CanalWall or None
        The canal's outline.
    bone_lps, end_lps : ndarray, shape (3,)
        Bone entry and end of the straight part, LPS mm.
    radius_mm : float
        The needle's.
    blooming_mm : float
        So near to metal a wall is not seen.
    slide_to_lps : ndarray, shape (3,), or None
        End of a slide along a screw, which is measured with the rest; None without one.

    Returns
    -------
    PediclePassage or None
        None without a pedicle of a named bone, and in the ilium. The grade is None where the nearest wall lies in the
        blooming of metal, or the needle ends before the pedicle.
    """
    if pedicle is None or pedicle.in_ilium or pedicle.bone is None:
        return None
    points, way = _along(bone_lps, end_lps)
    if slide_to_lps is not None:
        more, beyond_contact = _along(end_lps, slide_to_lps)
        points, way = np.concatenate([points, more]), np.concatenate([way, way[-1] + beyond_contact])
    beyond = _beyond_wall(fields, pedicle, points, way, radius_mm, blooming_mm)
    measured = next(
        (p for p in anatomy.pedicles if p.bone == pedicle.bone and (p.side == "left") == (pedicle.side > 0)), None
    )
    medial = after = None
    if wall is not None:
        before = wall.behind_mm(points) > 0.0
        if fields.canal_known and before.any():
            medial = float(np.nanmin(sample(fields, points[before], CANAL))) - radius_mm
        after = float(way[int(np.argmin(before))]) if not before.all() else None
    return PediclePassage(
        bone=pedicle.bone,
        side="left" if pedicle.side > 0 else "right",
        grade=None if beyond is None else passage_grade(beyond),
        beyond_wall_mm=beyond,
        medial_wall_mm=medial,
        width_mm=None if measured is None else measured.width_mm,
        posterior_wall_after_mm=after,
    )


def _along(first: Array, last: Array) -> tuple[Array, Array]:
    """Give places from one point to another, both among them, and each one's way."""
    length = float(np.linalg.norm(last - first))
    way = np.minimum(np.arange(0.0, length + _STEP_MM, _STEP_MM), length)
    return first + way[:, None] * (last - first) / max(length, 1e-6), way


def _beyond_wall(
    fields: Fields, pedicle: Pedicle, points: Array, way: Array, radius_mm: float, blooming_mm: float
) -> float | None:
    height = np.abs((points - pedicle.isthmus_lps) @ pedicle.outward_lps)
    zone = (height <= _ZONE_MM) & (way >= _ENTRY_MM)
    if not zone.any():
        return None
    inner = points[zone]
    depth = sample(fields, inner, BONE)
    close = depth < radius_mm + _SURE_MM
    if close.any():
        nearest = inner[close] + depth[close, None] * surface_normals(fields, inner[close], spread_mm=1.0)
        seen = sample(fields, nearest, METAL) >= blooming_mm
        if not seen.all():
            return None
    beyond = radius_mm - float(depth.min())
    return beyond if beyond > _MEASURABLE_MM else 0.0
