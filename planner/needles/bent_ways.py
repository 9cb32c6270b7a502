"""Bent ways to a target that no straight needle reaches, where the settings allow them."""

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.spatial import cKDTree

from planner.config.curved_config import BendLimits
from planner.geometry.frames import Array, point_tuple
from planner.model.needle import Approach, BevelSetting, CurvedCannula, Needle, Trajectory
from planner.needles.account.bent_account import Arc, bent_account
from planner.needles.account.bevel import clock_hour
from planner.needles.account.describe import Scene, told_of
from planner.needles.candidates import Candidates, Target, spread
from planner.needles.curved import Bends, arc_points, bends_into, samples
from planner.needles.hip.hip_families import to_the_hip
from planner.needles.judge import judge
from planner.needles.margins import no_limits
from planner.needles.robustness import aim_errors
from planner.needles.select import Passed, reachable_ml
from planner.needles.spine.disc import OWN_GAP_MM
from planner.needles.spine.extrapedicular import past_the_pedicle
from planner.needles.spine.transpedicular import beside_the_screw
from planner.safety.boxed import sample_boxed
from planner.safety.clearance import check_straight, sample
from planner.safety.fields import BONE, CANAL, FORBIDDEN, METAL

_MOST_STRAIGHT = 300
"""So many straight parts are bent on from: those with most room. Ours, for speed."""
_MOST_TOLD = 2
"""Bent ways proposed for one target of each kind: they are a last resort. Ours."""
_ARC_MARK_MM = 1.0
"""Distance of the points that an arc's path is told by."""


def bent_ways(
    scene: Scene, target: Target, needle: Needle, approaches: Sequence[Approach]
) -> list[tuple[str, float, Trajectory]]:
    """Search ways whose last part bends: steered by the bevel, or through a coaxial curved cannula.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances round the target, settings with what is allowed.
    target : Target
        What no straight needle reaches.
    needle : Needle
        The straight part's.
    approaches : sequence of str
        Those that are wanted.

    Returns
    -------
    list of (family, score, trajectory)
        Empty where neither is allowed, or none keeps the limits: the straight part all those of straight needles, the
        arc the same margins of metal, canal, forbidden tissue, bone, other bones and discs.
    """
    curved = scene.config.curved
    found: list[tuple[str, float, Trajectory]] = []
    kinds = [(curved.steer, False)] if curved.steering else []
    kinds += [(curved.curve, True)] if curved.cannula else []
    for limits, is_cannula in kinds:
        starts = _starts(scene, target, limits)
        for family in _straight(scene, target, starts, approaches):
            found.extend(_bent(scene, target, family, needle, limits, is_cannula=is_cannula))
    return found


def _starts(scene: Scene, target: Target, limits: BendLimits) -> Array:
    """Give places in bone by the gap where a straight part may end, spread evenly."""
    grid, anatomy = scene.anatomy.grid, scene.anatomy
    cells = np.argwhere(anatomy.bone.voxels & ~anatomy.metal.voxels)
    points = np.asarray(grid.to_lps(cells)).reshape(-1, 3)
    reach = min(limits.most_arc_mm, limits.radius_mm * np.radians(limits.most_turn_deg))
    low, high = target.points_lps.min(axis=0) - reach, target.points_lps.max(axis=0) + reach
    points = points[np.all((points >= low) & (points <= high), axis=1)]
    far = cKDTree(target.points_lps).query(points, distance_upper_bound=reach)[0]
    return spread(points[np.isfinite(far) & (far > 2.0 * min(grid.spacing_mm))], scene.config.curved.starts)


def _straight(scene: Scene, target: Target, starts: Array, approaches: Sequence[Approach]) -> Iterator[Candidates]:
    config = scene.config
    made: list[Candidates | None] = []
    if "transpedicular" in approaches:
        made += [beside_the_screw(target, starts, config=config, pedicle=p) for p in target.pedicles]
    if "extrapedicular" in approaches:
        made += [one for p in target.pedicles for one in past_the_pedicle(target, starts, config=config, pedicle=p)]
    if "femoral" in approaches:
        made += to_the_hip(target, starts, config=config)
    yield from (one for one in made if one is not None and len(one.aim_lps))


def _bent(
    scene: Scene, target: Target, family: Candidates, needle: Needle, limits: BendLimits, *, is_cannula: bool
) -> list[tuple[str, float, Trajectory]]:
    straight = judge(scene, target, family, needle).passed
    if not len(straight):
        return []
    room = np.minimum(straight.metal_mm, straight.canal_mm)
    straight = straight.take(np.argsort(-room, kind="stable")[:_MOST_STRAIGHT])
    aim, outward = straight.family.aim_lps, straight.family.outward_lps
    half = 0.5 * float(np.linalg.norm(scene.anatomy.grid.spacing_mm))
    bends = bends_into(
        target.points_lps, aim, outward, limits=limits, planes=scene.config.curved.planes, within_mm=half
    )
    if not is_cannula:
        # what is steered has to be long enough itself
        deep = straight.skin_mm[bends.needle] + bends.arc_mm
        bends = bends.take(np.flatnonzero(~(deep > needle.length_mm)))
    if not len(bends):
        return []
    radius = (limits.diameter_mm or needle.outer_diameter_mm) / 2
    room_mm = _room(scene, bends, aim, outward, radius)
    kept = np.flatnonzero(room_mm >= 0.0)
    bends, room_mm = bends.take(kept), room_mm[kept]
    # the least turn first, then the most room: what bends less goes where it is meant to more surely
    order = np.lexsort((-room_mm, bends.arc_mm))
    out: list[tuple[str, float, Trajectory]] = []
    tips: list[Array] = []
    for k in order:
        tip = arc_points(
            aim[bends.needle[k]],
            outward[bends.needle[k]],
            bends.side_lps[k],
            bends.arc_mm[k],
            radius_mm=bends.radius_mm,
        )
        if any(np.linalg.norm(tip - other) < scene.config.apart_mm for other in tips):
            continue
        tips.append(tip)
        one = straight.take(np.array([bends.needle[k]]))
        way = _told(scene, target, one, needle, bends.take(np.array([k])), limits, is_cannula=is_cannula)
        out.append((str(family.family), way.score, way))
        if len(out) == _MOST_TOLD:
            break
    return out


def _room(scene: Scene, bends: Bends, aim: Array, outward: Array, radius_mm: float) -> Array:
    """Give how much more free space than the margins each arc has at its narrowest, mm; below 0 it breaks one."""
    config, fields = scene.config, scene.fields
    points, is_tip = samples(bends, aim, outward)
    flat = points.reshape(-1, 3)

    def free(channel: int) -> Array:
        return np.nan_to_num(sample(fields, flat, channel), nan=-np.inf).reshape(points.shape[:2])

    metal = np.where(is_tip, config.tip_metal_margin_mm, config.metal_margin_mm)
    spare = free(METAL) - radius_mm - metal
    spare = np.minimum(spare, free(CANAL) - radius_mm - config.canal_margin_mm)
    spare = np.minimum(spare, free(FORBIDDEN) - radius_mm - config.forbidden_margin_mm)
    spare = np.minimum(spare, free(BONE) - config.inside_margin_mm)
    spare = np.minimum(spare, _room_in_boxes(scene, flat, radius_mm).reshape(points.shape[:2]))
    return np.asarray(spare.min(axis=1))


def _room_in_boxes(scene: Scene, points_lps: Array, radius_mm: float) -> Array:
    """Give how much more free space than the margins places have to other bones, and to discs outside of the gap."""
    config, fields = scene.config, scene.fields
    spare = np.full(len(points_lps), np.inf)
    if fields.other_bone is not None:
        far = sample_boxed(fields.other_bone, fields.grid, points_lps)
        spare = np.minimum(spare, far - radius_mm - config.other_bone_margin_mm)
    if fields.disc is not None:
        far = sample_boxed(fields.disc, fields.grid, points_lps) - radius_mm - config.spine.disc_margin_mm
        if fields.from_target is not None:
            far[sample_boxed(fields.from_target, fields.grid, points_lps) <= OWN_GAP_MM] = np.inf
        spare = np.minimum(spare, far)
    return spare


def _told(
    scene: Scene,
    target: Target,
    one: Passed,
    needle: Needle,
    bend: Bends,
    limits: BendLimits,
    *,
    is_cannula: bool,
) -> Trajectory:
    config = scene.config
    aim, outward, side = one.family.aim_lps[0], one.family.outward_lps[0], bend.side_lps[0]
    arc = float(bend.arc_mm[0])
    count = max(2, int(np.ceil(arc / _ARC_MARK_MM)) + 1)
    course = arc_points(aim, outward, side, np.linspace(0.0, arc, count), radius_mm=bend.radius_mm)
    fine = check_straight(scene.fields, aim, outward, limits=no_limits(needle), fine=True)
    radius = (limits.diameter_mm or needle.outer_diameter_mm) / 2
    voxel_ml = scene.anatomy.grid.voxel_volume_mm3 / 1000.0
    reach = float(reachable_ml(course[-1:], target.points_lps, reach_mm=config.reach_mm, voxel_ml=voxel_ml)[0])
    errors = aim_errors(
        scene.fields, aim[None], outward[None], one.in_view_mm, radius_mm=needle.outer_diameter_mm / 2, config=config
    )
    # a bent way is less sure than any straight one, and is scored by what aiming errors leave of its straight part
    score = float(errors.harmless[0]) * float(np.cos(arc / bend.radius_mm))
    told = told_of(
        scene, target, one, needle, fine, score=score, terms={"robustness": float(errors.harmless[0])}, reach_ml=reach
    )
    turn = float(np.degrees(arc / bend.radius_mm))
    what = "a curved cannula goes on" if is_cannula else "steered by the bevel"
    whole = bent_account(
        scene,
        target,
        told,
        Arc(course, arc, radius),
        outer_lps=aim + one.in_view_mm[0] * outward,
        pedicle=one.family.pedicle,
    )
    return whole.model_copy(
        update={
            "family": one.family.family,
            "bevel": None if is_cannula else _bevel(side, outward),
            "cannula": CurvedCannula(radius_mm=bend.radius_mm, arc_mm=arc, turn_deg=turn) if is_cannula else None,
            "cautions": (*told.cautions, f"no straight needle passes: {what} for {arc:.0f} mm, {turn:.0f} degrees"),
        }
    )


def _bevel(side: Array, outward: Array) -> BevelSetting:
    return BevelSetting(
        facing_lps=point_tuple(-side),
        clock=clock_hour(-side, outward),
        reason="the needle drifts away from the opening: along the arc",
    )
