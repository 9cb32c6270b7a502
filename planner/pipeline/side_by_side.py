"""Whether the needles that are proposed for one sitting can stand at the same time, implant beside implant."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from planner.config.needle_set_config import NeedleSetConfig
from planner.model.finding import Finding
from planner.model.needle import NeedleSet, NeedleWay
from planner.needles.sets.together import fits, hubs_apart_mm

_MOST_ROUNDS = 5
"""Each round leaves fewer needles in each other's way, or is the last; ours, for speed."""
Pair = tuple[str, str]


def chosen_side_by_side(
    options: Sequence[Sequence[NeedleSet]], ways: Mapping[str, NeedleWay], config: NeedleSetConfig
) -> tuple[NeedleSet, ...]:
    """Choose one set of each implant, so that few needles stand in each other's way.

    Parameters
    ----------
    options : sequence of sequence of NeedleSet
        By implant: the sets that may be proposed, the preferred one first; none is empty.
    ways : Mapping of str to NeedleWay
        The needles by their id.
    config : NeedleSetConfig
        Free space, and the hubs' size.

    Returns
    -------
    tuple of NeedleSet
        One by implant. Another than the preferred one is taken only where fewer pairs are in each other's way by it;
        implants are gone through one by one until nothing changes.
    """
    chosen = [mine[0] for mine in options]
    for _ in range(_MOST_ROUNDS):
        before = list(chosen)
        for k, mine in enumerate(options):
            others = [name for j, one in enumerate(chosen) if j != k for name in one.trajectory_ids]
            # the preferred one is the first, and `min` takes the first of those that are alike
            chosen[k] = min(mine, key=lambda one: len(_in_the_way(one.trajectory_ids, others, ways, config)))
        if chosen == before:
            break
    return tuple(chosen)


def in_turn(names: Sequence[str], ways: Mapping[str, NeedleWay], config: NeedleSetConfig) -> tuple[Pair, ...]:
    """Give the pairs of needles that cannot stand at the same time.

    Parameters
    ----------
    names : sequence of str
        Needles of one sitting.
    ways : Mapping of str to NeedleWay
        The needles by their id.
    config : NeedleSetConfig
        Free space, and the hubs' size.

    Returns
    -------
    tuple of (str, str)
        In the order of the names; of one set only locked ones can be among them.
    """
    return tuple((a, b) for a, b in combinations(names, 2) if not fits(ways[a], ways[b], config=config))


def of_turns(pairs: Sequence[Pair], ways: Mapping[str, NeedleWay], config: NeedleSetConfig) -> tuple[Finding, ...]:
    """Say which needles have to be injected one after the other.

    Parameters
    ----------
    pairs : sequence of (str, str)
        As `in_turn` gives them.
    ways : Mapping of str to NeedleWay
        The needles by their id.
    config : NeedleSetConfig
        The hubs' size.

    Returns
    -------
    tuple of Finding
        One for all pairs; none for no pair.
    """
    if not pairs:
        return ()
    apart = {pair: hubs_apart_mm(*(ways[name] for name in pair), config=config) for pair in pairs}
    told = ", ".join(f"{a} and {b} (hubs {mm:.0f} mm apart)" for (a, b), mm in apart.items())
    return (
        Finding(
            code="needles-one-after-the-other",
            severity="caution",
            message=f"proposed needles that cannot stand at the same time: {told}; inject through one, draw it, and "
            "only then place the other",
            measured=min(apart.values()),
            limit=config.hub_diameter_mm,
            unit="mm",
            source="room for hubs and hands, for shafts and between holes in one femur: ours (needles.sets)",
        ),
    )


def _in_the_way(
    names: Sequence[str], others: Sequence[str], ways: Mapping[str, NeedleWay], config: NeedleSetConfig
) -> list[Pair]:
    return [(a, b) for a in names for b in others if not fits(ways[a], ways[b], config=config)]
