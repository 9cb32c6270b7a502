"""The search: every family's candidates against the hard limits, then the score, then the choice."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import unit
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.breach import Breach
from planner.model.needle import Needle, NeedleSet, Trajectory
from planner.model.needle_search import FamilySearch, NeedleSearch
from planner.needles.account.describe import Scene
from planner.needles.bent_ways import bent_ways
from planner.needles.candidates import Target, target_of
from planner.needles.catalogue import catalogue_of, needles_named
from planner.needles.families import approaches_for, families_of
from planner.needles.family_search import search_family
from planner.needles.refusals import Tallies
from planner.needles.select import choose
from planner.needles.sets.together import needle_sets
from planner.needles.surroundings import scene_round
from planner.needles.wished.locked import LockedWay, locked_ways
from planner.progress import SILENT, Monitor, track
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
        Candidates refused, each for the first reason that was met.
    families : tuple of FamilySearch
        The same, family by family.
    needles_tried : tuple of str
        Names of the settings in the order in which they are tried.
    """

    gap_id: str
    trajectories: tuple[Trajectory, ...]
    tried: int
    refused: Mapping[str, int]
    families: tuple[FamilySearch, ...] = ()
    needles_tried: tuple[str, ...] = ()

    def record(self) -> NeedleSearch:
        """Give what stands in the plan."""
        return NeedleSearch(gap_id=self.gap_id, families=self.families, needles_tried=self.needles_tried)


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
    catalogue: Mapping[str, Needle] | None = None,
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
    catalogue : Mapping[str, Needle] or None
        The needles that can be had; None for those of the settings.
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
    if not anatomy.gaps and not config.wishes.locked:
        return NeedlePlan((), ())
    scene = Scene(anatomy, distance_fields(anatomy, config=config), tuple(breaches), config, console)
    return put_locked(scene, search_gaps(scene, catalogue=catalogue, monitor=monitor), catalogue=catalogue)


def search_gaps(
    scene: Scene, *, catalogue: Mapping[str, Needle] | None = None, monitor: Monitor = SILENT
) -> tuple[GapSearch, ...]:
    """Search needles to every gap, whatever needles the settings hold.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    catalogue : Mapping[str, Needle] or None
        The needles that can be had; None for those of the settings.
    monitor : Monitor
        Who is following the work.

    Returns
    -------
    tuple of GapSearch
        One a gap; ids are those of its own search.

    Raises
    ------
    UsageError
        If a needle is not in the catalogue.
    CancelledError
        If the monitor asks to stop.
    """
    return tuple(
        search_gap(scene, gap, catalogue=catalogue)
        for gap in track(scene.anatomy.gaps, stage="needles", monitor=monitor)
    )


def put_locked(
    scene: Scene, searches: Sequence[GapSearch], *, catalogue: Mapping[str, Needle] | None = None
) -> NeedlePlan:
    """Put the needles that the settings hold among those that were found, name all, and put them together.

    Parameters
    ----------
    scene : Scene
        As for the search, with the settings' locked needles.
    searches : sequence of GapSearch
        As `search_gaps` gives them.
    catalogue : Mapping[str, Needle] or None
        The needles that can be had; None for those of the settings.

    Returns
    -------
    NeedlePlan

    Raises
    ------
    UsageError
        If a needle is not in the catalogue.
    """
    config = scene.config
    told: list[GapSearch] = []
    locked = locked_ways(scene, catalogue=catalogue)
    number = 0
    for search in searches:
        # What a person chose comes before what is proposed.
        held = [way.trajectory for way in locked if way.trajectory is not None and way.reaches]
        held = [trajectory for trajectory in held if trajectory.gap_id == search.gap_id]
        named = []
        others = [t for t in search.trajectories if not any(_is_alike(t, own, config) for own in held)]
        # one that breaks hard limits stays, and is told last: nobody is to take it for the best
        safe, unsafe = [t for t in held if not t.violations], [t for t in held if t.violations]
        for rank, trajectory in enumerate((*safe, *others, *unsafe), start=1):
            number += 1
            words = (*trajectory.cautions, *_unseen(trajectory))
            named.append(trajectory.model_copy(update={"id": f"trajectory-{number}", "rank": rank, "cautions": words}))
        told.append(replace(search, trajectories=tuple(named)))
    found = [trajectory for search in told for trajectory in search.trajectories]
    sets = needle_sets(
        found, scene.anatomy.gaps, reach_mm=config.reach_mm, most_needles=config.needles_in_set, config=config.sets
    )
    return NeedlePlan(tuple(told), sets, locked)


def _unseen(way: Trajectory) -> Iterator[str]:
    """Say what was not looked at, or cannot be looked along."""
    if way.entry_skin_lps is None:
        yield "the skin lies outside of the scan: its way through soft tissue is not checked to the end"
    if not way.bulls_eye.within_gantry_limits:
        yield "the C-arm does not reach its bull's-eye view"


def _is_alike(one: Trajectory, other: Trajectory, config: NeedleConfig) -> bool:
    """Say whether two needles come to the same place from the same side, so that one of them tells nothing new."""
    apart = float(np.linalg.norm(np.subtract(one.target_lps, other.target_lps)))
    ways = [unit(np.subtract(way.path_lps[0], way.aim_lps)) for way in (one, other)]
    return apart < config.apart_mm and float(ways[0] @ ways[1]) > float(np.cos(np.radians(config.apart_deg)))


def search_gap(scene: Scene, gap: GapSpace, *, catalogue: Mapping[str, Needle] | None = None) -> GapSearch:
    """Search needles to one gap, as `search_target` does.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    gap : GapSpace
        The gap.
    catalogue : Mapping[str, Needle] or None
        The needles that can be had; None for those of the settings.

    Returns
    -------
    GapSearch
        ``trajectories`` is empty where no needle passed; ``refused`` then says why.
    """
    if not gap.mask.voxels.any():
        return GapSearch(gap.id, (), 0, {"the gap is empty": 1})
    return search_target(scene, target_of(scene.anatomy, gap, scene.fields), catalogue=catalogue)


def search_target(scene: Scene, target: Target, *, catalogue: Mapping[str, Needle] | None = None) -> GapSearch:
    """Search needles to one target whose surroundings are known.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target : Target
        Where to; not empty.
    catalogue : Mapping[str, Needle] or None
        The needles that can be had; None for those of the settings.

    Returns
    -------
    GapSearch

    Raises
    ------
    UsageError
        If a needle is not in the catalogue.

    Notes
    -----
    A needle of the settings is tried for the families, pedicle by pedicle, in which none named before it found a way;
    of its gauge the shortest length that reaches is taken. Only where no needle of a family keeps the wanted margins
    are the least ones tried for it, and what they give up is told in `margins_reduced` and `cautions`.
    """
    config = scene.config
    catalogue = catalogue_of(config.catalogue) if catalogue is None else catalogue
    approaches = approaches_for(target, config)
    names = config.hip_needles if "femoral" in approaches else config.spine_needles
    sizes = [needles_named(name, catalogue=catalogue) for name in names]
    scene = scene_round(scene, target)
    tallies, why = Tallies(), Counter[str]()
    found: list[tuple[str, float, Trajectory]] = []
    for tier in _tiers(scene):
        for lengths in sizes:
            for family in families_of(tier, target, lengths[-1], approaches, why, done=tallies.found):
                if family.kind not in tallies.found:
                    found.extend(search_family(tier, target, family, lengths, tallies=tallies, wanted=config))
    if not found:
        found = [way for lengths in sizes for way in bent_ways(scene, target, lengths[-1], approaches)]
    chosen = choose(found, config=config) if found else ()
    untried = None if tallies.families or not why else next(iter(why))
    return GapSearch(
        target.gap.id,
        chosen,
        tallies.tried,
        dict(tallies.refused()) if tallies.families else dict(why),
        tallies.records([way.family for way in chosen], approaches, why_untried=untried),
        tuple(names),
    )


def _tiers(scene: Scene) -> Iterator[Scene]:
    yield scene
    if scene.config.narrow_ways:
        yield replace(scene, config=scene.config.with_least_margins())
