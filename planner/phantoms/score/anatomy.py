"""The anatomy of a plan against the one that was built."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.bones import Bone, Disc, Landmark, Pedicle
from planner.model.plan import Plan
from planner.model.record import Record
from planner.model.volume import Mask
from planner.phantoms.score.known_case import KnownCase
from planner.phantoms.score.outlines import (
    CanalScore,
    OutlineScore,
    View,
    score_bones,
    score_canal,
    score_discs,
    view_of,
)
from planner.phantoms.score.readings import (
    CortexScore,
    FoundFracture,
    FracturesScore,
    LandmarkScore,
    PedicleScore,
    ReadCortex,
    score_cortex,
    score_fractures,
    score_landmarks,
    score_pedicles,
)
from planner.phantoms.truth.document import AnatomyTruth, FractureTruth

FRACTURE_CODES = ("fractured-level",)
"""Findings of a plan that call a level fractured; `measured` is its greatest loss of height, `unit` "%" or a share."""
_MOST = 0.6
"""A fractured level is judged where so much of its bone is in view. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class FoundAnatomy:
    """What a plan knows of the anatomy beside its files; None where it was not asked, or the files shall tell.

    Parameters
    ----------
    bones : sequence of Bone or None
        None for the label map's.
    discs : sequence of Disc or None
        None for the label map's.
    canal : Mask or None
        None for the label map's.
    pedicles, landmarks : sequence or None
        None where nobody looked for them.
    cortex : ReadCortex or None
        None where it was not measured.
    fractures : sequence of FoundFracture or None
        None for those of the plan's findings.
    """

    bones: Sequence[Bone] | None = None
    discs: Sequence[Disc] | None = None
    canal: Mask | None = None
    pedicles: Sequence[Pedicle] | None = None
    landmarks: Sequence[Landmark] | None = None
    cortex: ReadCortex | None = None
    fractures: Sequence[FoundFracture] | None = None


_FILES_ONLY = FoundAnatomy()


class AnatomyScore(Record):
    """How well the anatomy was told, near the implants; None where nobody told it."""

    bones: tuple[OutlineScore, ...]
    discs: tuple[OutlineScore, ...]
    canal: CanalScore | None
    """None where there is none in view."""
    pedicles: tuple[PedicleScore, ...] | None
    landmarks: tuple[LandmarkScore, ...] | None
    landmarks_false: int | None
    """Landmarks of the plan that lie at none that was built."""
    cortex_away: CortexScore | None
    """More than 5 mm from metal."""
    cortex_near: CortexScore | None
    fractures: FracturesScore | None


def score_anatomy(
    plan: Plan, scanned: Grid, codes: Array, case: KnownCase, *, found: FoundAnatomy = _FILES_ONLY
) -> AnatomyScore | None:
    """Hold the anatomy against the one that was built.

    Parameters
    ----------
    plan : Plan
        The plan; its `labels` say what the codes mean.
    scanned : Grid
        The CT's voxels.
    codes : ndarray, shape ``case.grid.shape``
        The plan's label map on the truth's grid.
    case : KnownCase
        What is true.
    found : FoundAnatomy
        What the plan knows beside its files.

    Returns
    -------
    AnatomyScore or None
        None where the truth does not tell bones apart.
    """
    truth, view = case.document.anatomy, view_of(case, codes, plan.labels, scanned)
    if truth is None or view is None:
        return None
    marks, false = _landmarks(truth, found, case, view)
    away, near = _cortex(found, case, view)
    return AnatomyScore(
        bones=score_bones(truth, view, bones=found.bones, codes=codes, structures=plan.labels, grid=case.grid),
        discs=score_discs(truth, view, discs=found.discs, codes=codes, structures=plan.labels, case=case),
        canal=score_canal(view, canal=found.canal, codes=codes, structures=plan.labels, grid=case.grid),
        pedicles=_pedicles(truth, found, case, view),
        landmarks=marks,
        landmarks_false=false,
        cortex_away=away,
        cortex_near=near,
        fractures=_fractures(truth, found, plan, case, view),
    )


def _in_view(points_lps: Sequence[tuple[float, float, float]], case: KnownCase, view: View) -> list[bool]:
    points = np.asarray(points_lps, dtype=np.float64).reshape(-1, 3)
    return [bool(seen) for seen in case.at(view.judged, points, outside=False)]


def _pedicles(truth: AnatomyTruth, found: FoundAnatomy, case: KnownCase, view: View) -> tuple[PedicleScore, ...] | None:
    if found.pedicles is None:
        return None
    seen = _in_view([p.centre for p in truth.pedicles], case, view)
    return score_pedicles([p for p, here in zip(truth.pedicles, seen, strict=True) if here], found.pedicles)


def _landmarks(
    truth: AnatomyTruth, found: FoundAnatomy, case: KnownCase, view: View
) -> tuple[tuple[LandmarkScore, ...] | None, int | None]:
    if found.landmarks is None:
        return None, None
    seen = _in_view([m.point for m in truth.landmarks], case, view)
    scores, false = score_landmarks(truth.landmarks, found.landmarks)
    return tuple(s for s, here in zip(scores, seen, strict=True) if here), false


def _cortex(found: FoundAnatomy, case: KnownCase, view: View) -> tuple[CortexScore | None, CortexScore | None]:
    if found.cortex is None or case.cortex is None:
        return None, None
    return score_cortex(case, found.cortex, in_view=case.at(view.judged, case.cortex.points_lps, outside=False))


def _fractures(
    truth: AnatomyTruth, found: FoundAnatomy, plan: Plan, case: KnownCase, view: View
) -> FracturesScore | None:
    if not any(b.kind == "vertebra" for b in truth.bones):
        return None
    told = fractures_told(plan) if found.fractures is None else found.fractures
    return score_fractures(truth, told, case, in_view=[f for f in truth.fractures if _is_seen(f, truth, view)])


def _is_seen(fracture: FractureTruth, truth: AnatomyTruth, view: View) -> bool:
    own = view.bones == next(b.code for b in truth.bones if b.name == fracture.bone)
    return bool(own.any() and view.judged[own].mean() >= _MOST)


def fractures_told(plan: Plan) -> tuple[FoundFracture, ...]:
    """Give the fractured levels that a plan's findings tell.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    tuple of FoundFracture
        Those with a place.
    """
    told = []
    for finding in plan.findings:
        if finding.code in FRACTURE_CODES and finding.where_lps is not None:
            loss = finding.measured
            if loss is not None and finding.unit == "%":
                loss /= 100.0
            told.append(FoundFracture(finding.where_lps, loss))
    return tuple(told)
