"""Needles that work together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from planner.config.needle_set_config import NeedleSetConfig
from planner.geometry.cells import cells_in
from planner.geometry.frames import Array, unit
from planner.geometry.rays import segments_distance_mm
from planner.model.anatomy import GapSpace
from planner.model.needle import NeedleSet, NeedleWay, Trajectory
from planner.needles.hip.hole_spacing import holes_apart

_MOST_COMPARED = 200
"""Of sets that reach alike, so many are compared by venting: those of the best needles. Ours, for speed."""
_AT_ONCE = 4096
"""Combinations weighed at once, for memory."""
_MOST_PLACES = 3000
"""So many places of the gaps stand for all when sets are compared; ours, for speed."""


@dataclass(frozen=True, slots=True, eq=False)
class GapPlaces:
    """Places in the gaps of one implant.

    Parameters
    ----------
    points_lps : ndarray, shape (M, 3)
        The gaps' voxels, LPS mm.
    gap : ndarray of int, shape (M,)
        Which of `gap_ids` each lies in.
    gap_ids : tuple of str
        The gaps.
    voxel_ml : float
        Volume of a voxel, mL.
    """

    points_lps: Array
    gap: npt.NDArray[np.intp]
    gap_ids: tuple[str, ...]
    voxel_ml: float


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    picked: tuple[int, ...]
    covered: float
    vents_mm: float


def needle_sets(
    trajectories: Sequence[Trajectory],
    spaces: Sequence[GapSpace],
    *,
    reach_mm: float,
    most_needles: int,
    config: NeedleSetConfig,
) -> tuple[NeedleSet, ...]:
    """Put needles together, implant by implant, that reach most of its gaps.

    Parameters
    ----------
    trajectories : sequence of Trajectory
        The proposals for all gaps.
    spaces : sequence of GapSpace
        The gaps.
    reach_mm : float
        How far cement runs from a tip.
    most_needles : int
        Most needles in a set.
    config : NeedleSetConfig
        When needles may work together, and when one more is worth it.

    Returns
    -------
    tuple of NeedleSet
        Of each implant (of each gap that has none) sets of 1, 2, ... needles: of each size the one that reaches most,
        all combinations looked at (see `best_sets`). A larger one only where it reaches more, or vents better.
        Needles that break a hard limit are in none.
        `cement_ml`, `order` and what leaks are for the flow to say. Among sets that reach alike those come later whose
        needles stand in the way of an earlier implant's.
    """
    groups: dict[str, list[GapSpace]] = {}
    for space in spaces:
        groups.setdefault(space.implant_id or space.id, []).append(space)
    found: dict[str, tuple[NeedleSet, ...]] = {}
    likely: dict[str, list[Trajectory]] = {}
    # once more, for the first implants were chosen before their neighbours were
    for name, mine in [*groups.items(), *groups.items()]:
        aimed = {space.id for space in mine}
        # one that breaks hard limits is no proposal, also where a person locked it
        ways = [t for t in trajectories if t.gap_id in aimed and not t.violations]
        beside = [way for other, theirs in likely.items() if other != name for way in theirs]
        places = places_of(mine)
        if not ways or not len(places.points_lps):
            continue
        of_it = best_sets(ways, places, reach_mm=reach_mm, most_needles=most_needles, config=config, beside=beside)
        found[name] = tuple(one.model_copy(update={"implant_id": mine[0].implant_id}) for one in of_it)
        chosen = _likely(of_it, config)
        likely[name] = [way for way in ways if way.id in chosen]
    return tuple(one for of_it in found.values() for one in of_it)


def _likely(found: Sequence[NeedleSet], config: NeedleSetConfig) -> tuple[str, ...]:
    """Give the needles that will be proposed unless the flow says otherwise: the fewest that reach about as much."""
    most = max((one.covered_fraction or 0.0 for one in found), default=0.0)
    enough = [one for one in found if (one.covered_fraction or 0.0) >= config.proposed_share * most]
    return min((one.trajectory_ids for one in enough), key=len, default=())


def places_of(spaces: Sequence[GapSpace]) -> GapPlaces:
    """Give the places of some gaps.

    Parameters
    ----------
    spaces : sequence of GapSpace
        At least one.

    Returns
    -------
    GapPlaces
    """
    grid = spaces[0].mask.grid
    points = [np.asarray(grid.to_lps(cells_in(space.mask.voxels))).reshape(-1, 3) for space in spaces]
    code = np.repeat(np.arange(len(spaces)), [len(p) for p in points])
    return GapPlaces(np.concatenate(points), code, tuple(s.id for s in spaces), grid.voxel_volume_mm3 / 1000.0)


def best_sets(
    ways: Sequence[NeedleWay],
    places: GapPlaces,
    *,
    reach_mm: float,
    most_needles: int,
    config: NeedleSetConfig,
    beside: Sequence[NeedleWay] = (),
) -> tuple[NeedleSet, ...]:
    """Give the best set of each size for one implant.

    Parameters
    ----------
    ways : sequence of NeedleWay
        The needles to its gaps.
    places : GapPlaces
        The gaps.
    reach_mm, most_needles, config
        As `needle_sets`.
    beside : sequence of NeedleWay
        Needles of other implants: among sets that reach alike, those that stand in their way come later.

    Returns
    -------
    tuple of NeedleSet
        In the order of their size. The search is exact: every combination of needles that do not touch each other and
        whose hubs have room (`fits`) is weighed by what it reaches; among those that reach alike, by the mean score and
        by how near the farthest place of the gaps is to a tip (venting). Locked needles are in every set, also where
        they touch each other: a person chose them.
    """
    near = np.array([np.linalg.norm(places.points_lps - np.array(w.target_lps), axis=1) for w in ways])
    reached = (near <= reach_mm) & np.array([_own_places(way, places) for way in ways])
    looked_at = _looked_at(ways, config.most_looked_at)
    locked = tuple(k for k in looked_at if _is_locked(ways[k]))
    fitting = np.ones((len(ways), len(ways)), bool)
    for a, b in combinations(looked_at, 2):
        fitting[a, b] = fitting[b, a] = {a, b} <= set(locked) or fits(ways[a], ways[b], config=config)
    thin = near[:, :: max(1, len(places.points_lps) // _MOST_PLACES)]
    crowded = [any(not fits(way, other, config=config) for other in beside) for way in ways]
    scores = np.array([way.score for way in ways]) - config.in_the_way_weight * np.array(crowded, dtype=np.float64)
    best: list[_Choice] = []
    for size in range(max(1, len(locked)), max(most_needles, len(locked)) + 1):
        free = [k for k in looked_at if k not in locked]
        allowed = np.array([(*locked, *more) for more in combinations(free, size - len(locked))], dtype=np.intp)
        if not allowed.size:
            break
        together = [fitting[allowed[:, i], allowed[:, j]] for i, j in combinations(range(size), 2)]
        allowed = allowed[np.all(together, axis=0)] if together else allowed
        if not len(allowed):
            break
        choice = _best(allowed, reached, thin, scores, reach_mm=reach_mm, config=config)
        choice = replace(choice, vents_mm=float(near[list(choice.picked)].min(axis=0).max()))
        if not best or _is_worth_it(choice, best[-1], config):
            best.append(choice)
    return tuple(_record(choice, ways, places, reached, config) for choice in best if choice.covered > 0.0 or locked)


def fits(first: NeedleWay, second: NeedleWay, *, config: NeedleSetConfig) -> bool:
    """Say whether two needles can stand at the same time.

    Parameters
    ----------
    first, second : NeedleWay
        The needles.
    config : NeedleSetConfig
        Free space, and the hubs' size.

    Returns
    -------
    bool
        False where their shafts, from the hub to the tip, slides along a screw too, come nearer than the free space, or
        their hubs' axes nearer than a hub is wide, or their holes in a femur nearer than it bears.
    """
    radii = (first.needle.outer_diameter_mm + second.needle.outer_diameter_mm) / 2
    apart = min(segments_distance_mm(*a, *b) for a in _shaft(first) for b in _shaft(second))
    if apart < radii + config.apart_mm or not holes_apart(first, second, least_mm=config.femur_holes_mm):
        return False
    return hubs_apart_mm(first, second, config=config) >= config.hub_diameter_mm


def hubs_apart_mm(first: NeedleWay, second: NeedleWay, *, config: NeedleSetConfig) -> float:
    """Give the least distance of two hubs' axes, mm.

    Parameters
    ----------
    first, second : NeedleWay
        The needles.
    config : NeedleSetConfig
        The hubs' length.

    Returns
    -------
    float
        A hub begins at the needle's own length from its tip. Where the skin is outside the field of view it is also
        judged at the first point of the path, which the skin is not before, and the lesser distance told.
    """
    apart = [segments_distance_mm(*_hub(first, config), *_hub(second, config))]
    if first.entry_skin_lps is None or second.entry_skin_lps is None:
        near = [_hub(one, config, at_first_point=one.entry_skin_lps is None) for one in (first, second)]
        apart.append(segments_distance_mm(*near[0], *near[1]))
    return min(apart)


def _looked_at(ways: Sequence[NeedleWay], most: int) -> list[int]:
    """Give the first-ranked needles of each gap, locked ones before all."""
    order = sorted(range(len(ways)), key=lambda k: (not _is_locked(ways[k]), ways[k].rank, k))
    return sorted(order[:most])


def _is_locked(way: NeedleWay) -> bool:
    return isinstance(way, Trajectory) and way.locked


def _own_places(way: NeedleWay, places: GapPlaces) -> npt.NDArray[np.bool_]:
    """Give the places that count for a needle: those of the gap that it goes to, for bone lies between two gaps."""
    if not isinstance(way, Trajectory):
        return np.ones(len(places.gap), bool)
    return np.asarray(np.array(places.gap_ids)[places.gap] == way.gap_id)


def _best(
    allowed: npt.NDArray[np.intp],
    reached: npt.NDArray[np.bool_],
    near: Array,
    scores: Array,
    *,
    reach_mm: float,
    config: NeedleSetConfig,
) -> _Choice:
    """Choose among combinations: what reaches most; among those that reach alike, the better and better vented."""
    # places that the same needles reach count together
    patterns, count = np.unique(reached, axis=1, return_counts=True)
    covered = np.concatenate(
        [patterns[part].any(axis=1) @ count for part in np.array_split(allowed, 1 + len(allowed) // _AT_ONCE)]
    ) / max(1, count.sum())
    mean = scores[allowed].mean(axis=1)
    alike = np.flatnonzero(covered >= covered.max() - config.alike)
    alike = alike[np.argsort(-mean[alike], kind="stable")][:_MOST_COMPARED]
    # the very one that reaches most is always compared
    alike = np.unique([*alike, int(np.argmax(covered))])
    far = np.array([near[allowed[k]].min(axis=0).max() for k in alike])
    # a single needle has no other to vent through
    merit = mean[alike] - (config.vent_weight * far / reach_mm if allowed.shape[1] > 1 else 0.0)
    one = int(np.argmax(np.round(merit, 9)))
    return _Choice(tuple(int(k) for k in allowed[alike[one]]), float(covered[alike[one]]), float(far[one]))


def _is_worth_it(larger: _Choice, smaller: _Choice, config: NeedleSetConfig) -> bool:
    more = larger.covered - smaller.covered
    return more >= config.worth_another or (
        smaller.vents_mm - larger.vents_mm >= config.worth_a_vent_mm and more >= -config.worth_another
    )


def _record(
    choice: _Choice,
    ways: Sequence[NeedleWay],
    places: GapPlaces,
    reached: npt.NDArray[np.bool_],
    config: NeedleSetConfig,
) -> NeedleSet:
    whole = reached[list(choice.picked)].any(axis=0)
    counted = np.bincount(places.gap, minlength=len(places.gap_ids))
    inside = np.bincount(places.gap, weights=whole, minlength=len(places.gap_ids))
    shares = {
        name: float(held / all_of) for name, held, all_of in zip(places.gap_ids, inside, counted, strict=True) if all_of
    }
    picked = sorted((ways[k] for k in choice.picked), key=lambda way: (way.rank, way.id))
    hubs = [hubs_apart_mm(a, b, config=config) for a, b in combinations(picked, 2)]
    aimed = {way.gap_id for way in picked if isinstance(way, Trajectory)} or set(places.gap_ids)
    return NeedleSet(
        gap_ids=tuple(name for name in places.gap_ids if name in aimed),
        trajectory_ids=tuple(way.id for way in picked),
        covered_ml=float(whole.sum() * places.voxel_ml),
        covered_fraction=float(whole.mean()),
        gap_shares=shares,
        cement_ml=None,
        vents_mm=choice.vents_mm,
        hub_distance_mm=min(hubs) if hubs else None,
    )


def _shaft(way: NeedleWay) -> list[tuple[Array, Array]]:
    """Give a needle's straight part, out to its hub, and its slide."""
    aim, tip = np.array(way.aim_lps), np.array(way.target_lps)
    return [(_hub_start(way), aim), *([(aim, tip)] if way.slides_along_implant else [])]


def _outward(way: NeedleWay) -> Array:
    first, aim = np.array(way.path_lps[0]), np.array(way.aim_lps)
    if np.linalg.norm(first - aim) < 1e-6:
        first = np.array(way.entry_bone_lps)
    return unit(first - aim)


def _hub_start(way: NeedleWay) -> Array:
    """Give where a needle ends outside: its own length from the tip, and never within its path."""
    aim = np.array(way.aim_lps)
    slide = float(np.linalg.norm(np.array(way.target_lps) - aim))
    inside = float(np.linalg.norm(np.array(way.path_lps[0]) - aim))
    return np.asarray(aim + max(way.needle.length_mm - slide, inside) * _outward(way))


def _hub(way: NeedleWay, config: NeedleSetConfig, *, at_first_point: bool = False) -> tuple[Array, Array]:
    start = np.array(way.path_lps[0]) if at_first_point else _hub_start(way)
    return start, start + config.hub_length_mm * _outward(way)
