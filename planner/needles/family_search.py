"""One family of ways to one target: judged, the best refined, measured and described."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.needle import AimError, Needle, Trajectory
from planner.needles.account.describe import Scene, describe
from planner.needles.candidates import Candidates, Target
from planner.needles.catalogue import that_reaches
from planner.needles.hip.cement_mantle import told_by_mantle
from planner.needles.hip.hip_way import hip_terms
from planner.needles.hip.zone_spread import best_by_zone, first_of_zones, of_lost_zones
from planner.needles.judge import Judged, bone_entries, judge
from planner.needles.margins import reduced_margins
from planner.needles.refine import Refined, refine
from planner.needles.refusals import Tallies
from planner.needles.robustness import aim_errors
from planner.needles.second_bone import untold_bone_mm
from planner.needles.select import Passed, reachable_ml, score_terms, spaced, spread_best, weighted
from planner.needles.spine.spine_margins import spine_margins
from planner.safety.clearance import sample
from planner.safety.fields import METAL

_FAR_FROM_SCREW_MM = 3.0
"""A tip's middle so far from its screw's surface gains nothing by being near: halos are 1 to 2.6 mm wide. Ours."""
_ROUND_TIP_MM = 4.0
"""A ball that holds a halo from side to side, and shows where it ends along the screw. Ours."""
_SAMPLED = 300
_FEW = 4
"""Where fewer candidates pass, those that just fail are improved until they do. Ours."""
_ONLY_NEARLY = "breaks a limit at a closer look"


def search_family(
    scene: Scene,
    target: Target,
    family: Candidates,
    lengths: Sequence[Needle],
    *,
    tallies: Tallies,
    wanted: NeedleConfig,
) -> list[tuple[str, float, Trajectory]]:
    """Find the best needles of one family.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, and the settings with the margins to keep.
    target : Target
        The gap.
    family : Candidates
        N candidates.
    lengths : sequence of Needle
        One gauge, the shortest first.
    tallies : Tallies
        Counts; added to.
    wanted : NeedleConfig
        With the wanted margins, which those of the scene may fall short of.

    Returns
    -------
    list of (family, score, trajectory)
    """
    needle, config = lengths[-1], scene.config
    judged = judge(scene, target, family, needle, tolerance_mm=config.rescue_mm)
    passed, rescued = judged.passed, np.empty(0, np.intp)
    if len(passed):
        score = _score(scene, target, passed)
        order = best_by_zone(scene.anatomy, target, passed, score, count=config.refine_best, config=config)
        refined = refine(scene, target, family, needle, judged.index[order]).passed
        passed = _joined(refined, passed.take(of_lost_zones(scene.anatomy, target, passed, score, refined)))
    if len(judged.passed) < _FEW:
        saved = _rescue(scene, target, family, needle, judged)
        rescued = saved.origin
        passed = _joined(passed, saved.passed)
    refused = judged.refused()
    refused.subtract(judged.reasons[code] for code in judged.code[rescued])
    kept = len(judged.passed) + len(rescued)
    if not kept:
        refused = told_by_mantle(scene.anatomy, family, judged.code, refused)
    passed = _sure(scene, target, passed, needle) if len(passed) else passed
    ways = _described(scene, target, passed, lengths, wanted=wanted) if len(passed) else []
    if kept and not ways:
        # a family without a needle to show has no way
        refused[_ONLY_NEARLY], kept = kept, 0
    tallies.add(family.approach, family.kind, tried=len(family.aim_lps), kept=kept, refused=+refused)
    return ways


def _sure(scene: Scene, target: Target, passed: Passed, needle: Needle) -> Passed:
    """Give the needles that keep all limits at a close look, as a person's own needle is judged.

    Where none does, those that break a limit by little are shifted until they keep it.
    """
    family = passed.family
    judged = judge(scene, target, family, needle, tolerance_mm=scene.config.rescue_mm, fine=True)
    near = np.flatnonzero(np.isfinite(judged.slack_mm))
    if len(judged.passed) or not len(near):
        return judged.passed
    return refine(scene, target, family, needle, near, rescue=True, fine=True).passed


def _rescue(scene: Scene, target: Target, family: Candidates, needle: Needle, judged: Judged) -> Refined:
    """Improve the candidates that just fail, those that differ by tip or direction."""
    near = np.flatnonzero(np.isfinite(judged.slack_mm))
    if not len(near):
        return Refined(judged.passed.take(np.empty(0, np.intp)), near)
    config = scene.config
    some = Passed(
        replace(
            family,
            aim_lps=family.aim_lps[near],
            target_lps=family.target_lps[near],
            outward_lps=family.outward_lps[near],
        ),
        *(np.zeros(len(near)) for _ in range(6)),
    )
    order = spread_best(some, judged.slack_mm[near], count=config.refine_best, config=config)
    return refine(scene, target, family, needle, near[order], rescue=True)


def _joined(first: Passed, second: Passed) -> Passed:
    if not len(second):
        return first
    if not len(first):
        return second
    a, b = first.family, second.family
    both = replace(
        a,
        aim_lps=np.concatenate([a.aim_lps, b.aim_lps]),
        target_lps=np.concatenate([a.target_lps, b.target_lps]),
        outward_lps=np.concatenate([a.outward_lps, b.outward_lps]),
    )
    names = ("skin_mm", "in_view_mm", "bone_mm", "metal_mm", "canal_mm", "entry_angle_deg")
    return Passed(both, *(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))


def _terms(scene: Scene, target: Target, passed: Passed, *, own_entries: bool) -> tuple[dict[str, Array], Array]:
    """Give the score's terms, and the volume within reach of each tip, mL."""
    config = scene.config
    voxel_ml = scene.anatomy.grid.voxel_volume_mm3 / 1000.0
    tips = passed.family.target_lps
    reach = reachable_ml(tips, target.points_lps, reach_mm=config.reach_mm, voxel_ml=voxel_ml)
    # A needle's hole must not weaken a wall that is open or thin already: entries keep away from breaches, as tips do.
    breach_mm = np.minimum(
        _breach_distance(scene, target.gap.id, tips), _breach_distance(scene, target.gap.id, bone_entries(passed))
    )
    share = reach / (len(target.points_lps) * voxel_ml)
    terms = dict(score_terms(passed, reach_share=share, breach_mm=breach_mm, config=config))
    if target.implant is not None and target.implant.kind == "pedicle_screw":
        # a halo is surest at its screw: what is measured, and errs, is its outer wall
        off = np.nan_to_num(sample(scene.fields, tips, METAL), nan=_FAR_FROM_SCREW_MM)
        terms["beside_screw"] = np.clip(1.0 - off / _FAR_FROM_SCREW_MM, 0.0, 1.0)
        terms["gap_round_tip"] = _gap_round(target.points_lps, tips)
    if passed.family.approach == "transpedicular":
        untold = untold_bone_mm(scene.fields, bone_entries(passed), passed.family.aim_lps)
        if not np.isnan(untold).any():
            terms["one_bone"] = np.clip(1.0 - untold / config.least.untold_bone_mm, 0.0, 1.0)
    if passed.family.approach == "femoral":
        entries, angle = bone_entries(passed), passed.entry_angle_deg
        terms |= hip_terms(
            scene.hip_site(target), tips, bone_lps=entries, entry_angle_deg=angle, own_entries=own_entries
        )
    return terms, reach


def _gap_round(points_lps: Array, tips_lps: Array) -> Array:
    """Give how much of the gap lies round each tip, against its fullest places: its ends are its least sure part."""
    tree = cKDTree(points_lps)
    some = points_lps[:: max(1, len(points_lps) // _SAMPLED)]
    most = float(np.percentile(tree.query_ball_point(some, _ROUND_TIP_MM, return_length=True), 90.0))
    return np.asarray(
        np.clip(tree.query_ball_point(tips_lps, _ROUND_TIP_MM, return_length=True) / max(most, 1.0), 0.0, 1.0)
    )


def _score(scene: Scene, target: Target, passed: Passed) -> Array:
    return weighted(_terms(scene, target, passed, own_entries=False)[0], config=scene.config)


def _described(
    scene: Scene, target: Target, passed: Passed, lengths: Sequence[Needle], *, wanted: NeedleConfig
) -> list[tuple[str, float, Trajectory]]:
    """Score needles with their aiming error, and describe the best of them."""
    config, needle = scene.config, lengths[-1]
    terms, reach = _terms(scene, target, passed, own_entries=True)
    family = passed.family
    errors = aim_errors(
        scene.fields,
        family.aim_lps,
        family.outward_lps,
        passed.in_view_mm,
        radius_mm=needle.outer_diameter_mm / 2,
        config=config,
        slide_to_lps=family.target_lps if family.slides else None,
    )
    terms["robustness"] = errors.harmless
    score = weighted(terms, config=config)
    order = spread_best(passed, score, count=len(passed), config=config)
    out = []
    many, tips = 2 * config.per_gap, family.target_lps[order]
    first = first_of_zones(scene.anatomy, target, tips, score[order], count=many, approach=family.approach)
    picked = spaced(score[order], tips, count=many, reach_mm=config.reach_mm, first=first)
    for k in (int(order[n]) for n in picked):
        own = {name: round(float(value[k]), 4) for name, value in terms.items()}
        one = passed.take(np.array([k]))
        way = describe(scene, target, one, needle, score=float(score[k]), terms=own, reach_ml=float(reach[k]))
        if way is not None:
            error = errors.record(k, canal_known=_canal_counts(scene, family), config=config)
            out.append((_kind_in_words(family), float(score[k]), _completed(scene, way, one, lengths, error, wanted)))
    return out


def _kind_in_words(family: Candidates) -> str:
    """Name a kind of way: its family, and on which side of the canal where it goes by a pedicle."""
    if family.pedicle is None:
        return str(family.family)
    return f"{family.family}, {'left' if family.pedicle.side > 0 else 'right'}"


def _canal_counts(scene: Scene, family: Candidates) -> bool:
    return scene.fields.canal_known and family.approach != "femoral"


def _completed(
    scene: Scene, way: Trajectory, one: Passed, lengths: Sequence[Needle], error: AimError, wanted: NeedleConfig
) -> Trajectory:
    """Add what the search knows: the family, the length that reaches, aiming error, margins that were given up."""
    needle = that_reaches(lengths, way.depth_from_skin_mm, spare_mm=wanted.spare_length_mm)
    family = one.family
    slide_to = family.target_lps[0] if family.slides else None
    margins, words = reduced_margins(
        scene.fields, family.aim_lps[0], family.outward_lps[0], needle, config=wanted, slide_to_lps=slide_to
    )
    outer = family.aim_lps + one.in_view_mm[:, None] * family.outward_lps
    more = spine_margins(scene.fields, family, bone_entries(one), outer, needle, wanted=wanted)
    margins, words = (*margins, *more[0]), (*words, *more[1])
    cautions = list(way.cautions)
    if margins:
        cautions.append(f"narrow way, no needle of this way keeps the wanted margins: {'; '.join(words)}")
    cautions.extend(_harm(error))
    return way.model_copy(
        update={
            "family": family.family,
            "needle": needle,
            "with_aim_error": error,
            "margins_reduced": margins,
            "cautions": tuple(cautions),
        }
    )


def _harm(error: AimError) -> list[str]:
    """Say what a badly aimed needle would meet."""
    aimed = f"aimed {error.error_mm:g} mm and {error.error_deg:g} degrees off it may"
    met = [("enter the canal", error.canal), ("meet forbidden tissue", error.forbidden)]
    return [f"{aimed} {what}" for what, free in met if free is not None and free < 0.0]


def _breach_distance(scene: Scene, gap_id: str, tips: Array) -> npt.NDArray[np.float64]:
    places = [np.array(b.centroid_lps) for b in scene.breaches if b.gap_id == gap_id]
    if not places:
        return np.full(len(tips), np.inf)
    return np.asarray(np.min([np.linalg.norm(tips - place, axis=1) for place in places], axis=0))
