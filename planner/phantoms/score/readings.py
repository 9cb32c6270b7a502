"""Pedicles, landmarks, cortex and fractured levels of a plan against those that were built."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.spatial import cKDTree

from planner.geometry.frames import Array, PointsLps, PointTuple
from planner.model.bones import Landmark, LandmarkName, Pedicle
from planner.model.implant import Side
from planner.model.record import NotNegative, Record, Share
from planner.phantoms.score.known_case import Bools, KnownCase
from planner.phantoms.score.matching import pair_up
from planner.phantoms.truth.document import AnatomyTruth, FractureTruth, LandmarkTruth, PedicleTruth

_PEDICLE_MM, _LANDMARK_MM, _CORTEX_MM = 12.0, 15.0, 1.5
"""What is found farther from a true one is not it: less than half the way to the next; a cortex is read there. Ours."""
_SAME_WAY = 0.7
"""Cosine between the normals of a cortex's places: the far side of a thin bone is another place. Ours."""
_NEAR_METAL_MM = 5.0
_GRADES = (0.20, 0.25, 0.40)
"""Least loss of height of the grades 1, 2 and 3 of Genant 1993 (doi 10.1002/jbmr.5650080915)."""


class PedicleScore(Record):
    """One pedicle that was built, and the plan's."""

    bone: str
    level: str
    side: Side
    is_found: bool
    width_error_mm: float | None
    """Found less true; None where it was not measured."""
    height_error_mm: float | None
    off_axis_mm: NotNegative | None
    """The found middle from the true axis: along it an isthmus has no sharp place."""
    axis_error_deg: NotNegative | None


class LandmarkScore(Record):
    """One landmark that was built, and the plan's."""

    name: LandmarkName
    bone: str
    side: Side | None
    error_mm: NotNegative | None
    """None where the plan has none there."""


class CortexScore(Record):
    """Thickness of the cortex at the true places; None where nothing was measured."""

    places: int
    """True places in view."""
    measured: int
    error_mm: NotNegative | None
    """Median size of the error."""
    error_p90_mm: NotNegative | None
    bias_mm: float | None
    """Median of found less true."""


class FractureScore(Record):
    """One fractured level that was built, and the plan's."""

    level: str
    grade: int
    """By the greatest loss, 0 to 3."""
    loss: Share
    is_cleft: bool
    is_found: bool
    found_grade: int | None
    found_loss: Share | None
    """None where the plan found it, but not its loss."""


class FracturesScore(Record):
    """All fractured levels of a case."""

    fractures: tuple[FractureScore, ...]
    false: int
    """Levels that the plan calls fractured, and none is."""


@dataclass(frozen=True, slots=True)
class FoundFracture:
    """A fractured level of the plan.

    Parameters
    ----------
    point_lps : tuple of float
        In its body, LPS mm.
    loss : float or None
        The greatest share of height lost; None where it was not measured.
    """

    point_lps: PointTuple
    loss: float | None


class ReadCortex(Protocol):
    """What a plan measured of the cortex at places on the bones' surface."""

    @property
    def points_lps(self) -> PointsLps:
        """Shape (N, 3), LPS mm."""

    @property
    def outward_lps(self) -> Array:
        """Shape (N, 3), unit vectors."""

    @property
    def thickness_mm(self) -> Array:
        """Shape (N,); nan where it is not known."""


def score_pedicles(true: Sequence[PedicleTruth], found: Sequence[Pedicle]) -> tuple[PedicleScore, ...]:
    """Hold pedicles against those that were built; each by the nearest of its side."""
    apart = _apart_mm([p.centre for p in true], [np.asarray(p.centre_lps) for p in found])
    sides = np.array([[t.side == f.side for f in found] for t in true], dtype=bool).reshape(apart.shape)
    pairs = dict(pair_up(apart, np.logical_and(apart <= _PEDICLE_MM, sides)))
    return tuple(_pedicle(t, found[pairs[n]] if n in pairs else None) for n, t in enumerate(true))


def _pedicle(true: PedicleTruth, found: Pedicle | None) -> PedicleScore:
    off = angle = width = height = None
    if found is not None:
        away = np.asarray(found.centre_lps, dtype=np.float64) - true.centre
        axis = np.array(true.inward)
        off = float(np.linalg.norm(away - (away @ axis) * axis))
        angle = float(np.degrees(np.arccos(np.clip(np.asarray(found.inward_lps) @ axis, -1.0, 1.0))))
        width = None if found.width_mm is None else found.width_mm - true.width_mm
        height = None if found.height_mm is None else found.height_mm - true.height_mm
    return PedicleScore(
        bone=true.bone,
        level=true.level,
        side=true.side,
        is_found=found is not None,
        width_error_mm=width,
        height_error_mm=height,
        off_axis_mm=off,
        axis_error_deg=angle,
    )


def score_landmarks(true: Sequence[LandmarkTruth], found: Sequence[Landmark]) -> tuple[tuple[LandmarkScore, ...], int]:
    """Hold landmarks against those that were built, each by the nearest of its name and side.

    Returns
    -------
    scores : tuple of LandmarkScore
        Of the true ones.
    false : int
        Landmarks of the plan that lie at none that was built.
    """
    apart = _apart_mm([m.point for m in true], [np.asarray(m.point_lps) for m in found])
    same = np.array([[t.name == f.name and t.side == f.side for f in found] for t in true], dtype=bool)
    pairs = dict(pair_up(apart, np.logical_and(apart <= _LANDMARK_MM, same.reshape(apart.shape))))
    scores = tuple(
        LandmarkScore(name=t.name, bone=t.bone, side=t.side, error_mm=float(apart[n, pairs[n]]) if n in pairs else None)
        for n, t in enumerate(true)
    )
    return scores, len(found) - len(pairs)


def _apart_mm(true: Sequence[PointTuple], found: Sequence[Array]) -> Array:
    one = np.asarray(true, dtype=np.float64).reshape(-1, 1, 3)
    return np.asarray(np.linalg.norm(one - np.asarray(found, dtype=np.float64).reshape(1, -1, 3), axis=-1))


def score_cortex(case: KnownCase, found: ReadCortex, *, in_view: Bools) -> tuple[CortexScore, CortexScore]:
    """Hold the cortex's thickness against the true one.

    Parameters
    ----------
    case : KnownCase
        What is true; it must know the cortex.
    found : ReadCortex
        What the plan measured.
    in_view : ndarray of bool, shape (N,)
        Which of the true places the CT shows.

    Returns
    -------
    away, near : CortexScore
        More than 5 mm from metal, and nearer.
    """
    assert case.cortex is not None
    true = case.cortex
    from_metal, _ = case.metal_points.nearest(true.points_lps)
    thick = np.full(len(true.thickness_mm), np.nan)
    if len(found.thickness_mm):
        away, nearest = cKDTree(np.asarray(found.points_lps)).query(true.points_lps)
        same = np.einsum("ij,ij->i", np.asarray(found.outward_lps)[nearest], true.outward_lps) >= _SAME_WAY
        thick = np.where((away <= _CORTEX_MM) & same, np.asarray(found.thickness_mm)[nearest], np.nan)
    error = thick - true.thickness_mm
    near = from_metal <= _NEAR_METAL_MM
    return _cortex(error[in_view & ~near]), _cortex(error[in_view & near])


def _cortex(error: Array) -> CortexScore:
    known = error[np.isfinite(error)]
    if not len(known):
        return CortexScore(places=len(error), measured=0, error_mm=None, error_p90_mm=None, bias_mm=None)
    size = np.abs(known)
    return CortexScore(
        places=len(error),
        measured=len(known),
        error_mm=float(np.median(size)),
        error_p90_mm=float(np.percentile(size, 90)),
        bias_mm=float(np.median(known)),
    )


def grade_of(loss: float) -> int:
    """Give the grade of a loss of height, a share: 0 to 3."""
    return sum(loss >= limit for limit in _GRADES)


def score_fractures(
    truth: AnatomyTruth, found: Sequence[FoundFracture], case: KnownCase, *, in_view: Sequence[FractureTruth]
) -> FracturesScore:
    """Hold fractured levels against those that were built; a found one is that of the vertebra that it lies at.

    Parameters
    ----------
    truth : AnatomyTruth
        What was built.
    found : sequence of FoundFracture
        The plan's.
    case : KnownCase
        What is true; it must know the bones.
    in_view : sequence of FractureTruth
        Those of the truth that the CT shows.

    Returns
    -------
    FracturesScore
    """
    names = [_vertebra_at(f.point_lps, truth, case) for f in found]
    broken = {f.bone for f in truth.fractures}
    by_name = {name: f for name, f in zip(names, found, strict=True)}
    return FracturesScore(
        fractures=tuple(_fracture(t, by_name.get(t.bone)) for t in in_view),
        false=len({name for name in names if name not in broken}),
    )


def _vertebra_at(point_lps: PointTuple, truth: AnatomyTruth, case: KnownCase) -> str | None:
    names = {b.code: b.name for b in truth.bones if b.kind == "vertebra"}
    assert case.bones is not None
    bodies = case.bone_voxels(tuple(names))
    away, code = bodies.nearest(np.asarray(point_lps, dtype=np.float64).reshape(1, 3))
    return names[int(code[0])] if away[0] <= _PEDICLE_MM else None


def _fracture(true: FractureTruth, found: FoundFracture | None) -> FractureScore:
    loss = max(true.front_loss, true.middle_loss, true.back_loss)
    told = None if found is None else found.loss
    return FractureScore(
        level=true.level,
        grade=grade_of(loss),
        loss=loss,
        is_cleft=true.is_cleft,
        is_found=found is not None,
        found_grade=None if told is None else grade_of(told),
        found_loss=told,
    )
