"""The search: every family's candidates against the hard limits, then the score, then the choice."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.breach import Breach
from planner.model.needle import Needle, NeedleSet, Trajectory
from planner.needles.account.describe import Scene, describe, limits_for
from planner.needles.candidates import Candidates, Target, target_of
from planner.needles.catalogue import CATALOGUE, needle_named
from planner.needles.families import approaches_for, families_of, kept_rules
from planner.needles.locked import LockedWay, locked_ways
from planner.needles.robustness import robustness
from planner.needles.select import Passed, choose, reachable_ml, score_terms, spaced, spread_best, weighted
from planner.needles.sets import needle_sets
from planner.progress import SILENT, Monitor, track
from planner.safety.clearance import check_straight, surface_normals
from planner.safety.fields import distance_fields
from planner.safety.watch_angles import ConsoleAngles


@dataclass(frozen=True, slots=True, eq=False)
class GapSearch:
    """What came of the search for one gap.

    Parameters
    ----------
    gap_id : str
        The gap.
    trajectories : tuple of Trajectory
        By rank; empty where no needle passed.
    tried : int
        Candidates looked at.
    refused : Mapping[str, int]
        Candidates refused, by reason.
    """

    gap_id: str
    trajectories: tuple[Trajectory, ...]
    tried: int
    refused: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class NeedlePlan:
    """All needles of a plan.

    Parameters
    ----------
    searches : tuple of GapSearch
        One a gap.
    needle_sets : tuple of NeedleSet
        Needles that work together.
    locked : tuple of LockedWay
        Needles that the settings hold, also those that reach no gap, which are in no search.
    """

    searches: tuple[GapSearch, ...]
    needle_sets: tuple[NeedleSet, ...]
    locked: tuple[LockedWay, ...] = ()

    @property
    def trajectories(self) -> tuple[Trajectory, ...]:
        """Trajectories of all gaps, gap by gap, by rank."""
        return tuple(t for s in self.searches for t in s.trajectories)


def plan_needles(
    anatomy: Anatomy,
    *,
    config: NeedleConfig,
    console: ConsoleAngles,
    breaches: Sequence[Breach] = (),
    catalogue: Mapping[str, Needle] = CATALOGUE,
    monitor: Monitor = SILENT,
) -> NeedlePlan:
    """Search needles to every gap.

    Parameters
    ----------
    anatomy : Anatomy
        What is where. Implants without a gap get no needle.
    config : NeedleConfig
        Hard limits, weights, approaches.
    console : callable
        Turns positioner angles into console angles of the treatment position.
    breaches : sequence of Breach
        Known breaches; tips keep away from them where they can.
    catalogue : Mapping[str, Needle]
        The needles that can be had.
    monitor : Monitor
        Who is following the work.

    Returns
    -------
    NeedlePlan

    Raises
    ------
    UsageError
        If a needle is not in the catalogue.
    CancelledError
        If the monitor asks to stop.
    """
    if not anatomy.gaps:
        return NeedlePlan((), ())
    scene = Scene(anatomy, distance_fields(anatomy, config=config), tuple(breaches), config, console)
    searches: list[GapSearch] = []
    sets: list[NeedleSet] = []
    locked = locked_ways(scene, catalogue=catalogue)
    number = 0
    for gap in track(anatomy.gaps, stage="needles", monitor=monitor):
        search = search_gap(scene, gap, catalogue=catalogue)
        # What a person chose comes before what is proposed.
        held = [way.trajectory for way in locked if way.reaches and way.trajectory.gap_id == gap.id]
        named = []
        for rank, trajectory in enumerate((*held, *search.trajectories), start=1):
            number += 1
            named.append(trajectory.model_copy(update={"id": f"trajectory-{number}", "rank": rank}))
        searches.append(replace(search, trajectories=tuple(named)))
        points = np.asarray(anatomy.grid.to_lps(np.argwhere(gap.mask.voxels)))
        sets.extend(needle_sets(named, points, voxel_ml=anatomy.grid.voxel_volume_mm3 / 1000.0, config=config))
    return NeedlePlan(tuple(searches), tuple(sets), locked)


def search_gap(scene: Scene, gap: GapSpace, *, catalogue: Mapping[str, Needle] = CATALOGUE) -> GapSearch:
    """Search needles to one gap; the first needle size of the settings that finds a way is kept.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    gap : GapSpace
        The gap.
    catalogue : Mapping[str, Needle]
        The needles that can be had.

    Returns
    -------
    GapSearch
        ``trajectories`` is empty where no needle passed; ``refused`` then says why.
    """
    if not gap.mask.voxels.any():
        return GapSearch(gap.id, (), 0, {"the gap is empty": 1})
    return search_target(scene, target_of(scene.anatomy, gap, scene.fields), catalogue=catalogue)


def search_target(scene: Scene, target: Target, *, catalogue: Mapping[str, Needle] = CATALOGUE) -> GapSearch:
    """Search needles to one target whose surroundings are known, as `search_gap` does.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target : Target
        Where to; not empty.
    catalogue : Mapping[str, Needle]
        The needles that can be had.

    Returns
    -------
    GapSearch
    """
    gap = target.gap
    approaches = approaches_for(target, scene.config)
    hip = "femoral" in approaches
    refused: Counter[str] = Counter()
    tried = 0
    for name in scene.config.hip_needles if hip else scene.config.spine_needles:
        needle = needle_named(name, catalogue=catalogue)
        found: list[tuple[str, float, Trajectory]] = []
        for family in families_of(scene, target, needle, approaches, refused):
            tried += len(family.aim_lps)
            passed = keep_safe(scene, target, family, needle, refused)
            found.extend(_best_of(scene, target, passed, needle))
        if found:
            return GapSearch(gap.id, choose(found, config=scene.config), tried, dict(refused))
    return GapSearch(gap.id, (), tried, dict(refused))


def keep_safe(scene: Scene, target: Target, family: Candidates, needle: Needle, refused: Counter[str]) -> Passed:
    """Keep the candidates that pass every hard limit, and count the others by reason.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target : Target
        The gap.
    family : Candidates
        N candidates.
    needle : Needle
        The needle.
    refused : Counter
        Counts by reason; added to.

    Returns
    -------
    Passed
    """
    slide_mm = np.linalg.norm(family.target_lps - family.aim_lps, axis=1)
    limits = limits_for(needle, scene.config, slide_mm=float(slide_mm.max(initial=0.0)) if family.slides else None)
    checked = check_straight(scene.fields, family.aim_lps, family.outward_lps, limits=limits)
    refused.update(checked.counts())
    index = np.flatnonzero(checked.reason == 0)
    passed = Passed(
        family,
        checked.to_skin_mm,
        checked.in_view_mm,
        checked.to_bone_mm,
        checked.metal_mm,
        checked.canal_mm,
        np.full(len(checked.reason), np.nan),
    ).take(index)
    bone = _bone_entries(passed)
    cosine = np.einsum("ij,ij->i", surface_normals(scene.fields, bone), passed.family.outward_lps)
    passed = replace(passed, entry_angle_deg=np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    keep = np.ones(len(passed), bool)
    for reason, good in kept_rules(scene, target, passed, needle, bone).items():
        refused[reason] += int((keep & ~good).sum())
        keep &= good
    return passed.take(np.flatnonzero(keep))


def _bone_entries(passed: Passed) -> Array:
    return passed.family.aim_lps + passed.bone_mm[:, None] * passed.family.outward_lps


def _best_of(scene: Scene, target: Target, passed: Passed, needle: Needle) -> list[tuple[str, float, Trajectory]]:
    """Score a family, look closer at its best, and describe them."""
    if not len(passed):
        return []
    config = scene.config
    voxel_ml = scene.anatomy.grid.voxel_volume_mm3 / 1000.0
    tips = passed.family.target_lps
    reach = reachable_ml(tips, target.points_lps, reach_mm=config.reach_mm, voxel_ml=voxel_ml)
    whole = len(target.points_lps) * voxel_ml
    # A needle's hole must not weaken a wall that is open or thin already: entries keep away from breaches, as tips do.
    at_tip = _breach_distance(scene, target.gap.id, tips)
    breach_mm = np.minimum(at_tip, _breach_distance(scene, target.gap.id, _bone_entries(passed)))
    terms = score_terms(passed, reach_share=reach / whole, breach_mm=breach_mm, config=config)
    order = spread_best(passed, weighted(terms, config=config), count=config.refine_best, config=config)
    best = passed.take(order)
    terms = {name: value[order] for name, value in terms.items()}
    terms["robustness"] = robustness(scene.fields, best.family, needle, config=config)
    score = weighted(terms, config=config)
    out = []
    for k in spaced(score, best.family.target_lps, count=2 * config.per_gap, reach_mm=config.reach_mm):
        own = {name: round(float(value[k]), 4) for name, value in terms.items()}
        trajectory = describe(
            scene,
            target,
            best.take(np.array([k])),
            needle,
            score=float(score[k]),
            terms=own,
            reach_ml=float(reach[order][k]),
        )
        if trajectory is not None:
            out.append((str(passed.family.family), float(score[k]), trajectory))
    return out


def _breach_distance(scene: Scene, gap_id: str, tips: Array) -> Array:
    places = [np.array(b.centroid_lps) for b in scene.breaches if b.gap_id == gap_id]
    if not places:
        return np.full(len(tips), np.inf)
    return np.asarray(np.min([np.linalg.norm(tips - place, axis=1) for place in places], axis=0))
