"""What of a scene still means the same in a plan that was made since: plans number their things anew."""

from collections.abc import Iterator

import numpy as np

from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.station.keeping.scene_file import ChosenThing, Scene

_NEAR_MM = 3.0
"""A thing that lies so much elsewhere is another one. Ours: what a few strokes of paint move."""
_BESIDE = ("implant", "gap", "breach")
"""Kinds of labels that stand for things which the plan tells the place of."""
_Thing = tuple[tuple[object, ...], tuple[PointLps, ...]]


def same_things(before: Plan, after: Plan) -> frozenset[str]:
    """Say which ids stand for the same thing in two plans on one CT.

    Parameters
    ----------
    before, after : Plan
        The plans.

    Returns
    -------
    frozenset of str
        Ids of things of one kind at one implant, of which no point lies more than 3 mm elsewhere. A needle that takes
        another course is another needle.
    """
    then, now = dict(_things(before)), dict(_things(after))
    return frozenset(name for name, thing in then.items() if name in now and _is_same(thing, now[name]))


def carried_over(scene: Scene, before: Plan, after: Plan) -> Scene:
    """Leave out of a scene what means something else, or nothing, in a plan that was made since.

    Parameters
    ----------
    scene : Scene
        How `before` was looked at.
    before, after : Plan
        The plan then and now, on one CT.

    Returns
    -------
    Scene
        Nothing is hidden in it that nobody hid.
    """
    same = same_things(before, after)
    chosen = scene.chosen
    stays = chosen is not None and (chosen.id in same or _is_same_finding(chosen, before, after))
    return scene.model_copy(
        update={"hidden": tuple(one for one in scene.hidden if one in same), "chosen": chosen if stays else None}
    ).fitting(after)


def _things(plan: Plan) -> Iterator[tuple[str, _Thing]]:
    for structure in plan.labels:
        if structure.kind not in _BESIDE:
            yield structure.id, ((structure.kind,), ())
    for implant in plan.implants:
        yield implant.id, (("implant", implant.kind), (implant.centroid_lps,))
    implant_of = {gap.id: gap.implant_id for gap in plan.gaps}
    for gap in plan.gaps:
        yield gap.id, (("gap", gap.kind, gap.implant_id), (gap.centroid_lps,))
    for breach in plan.breaches:
        owner = None if breach.gap_id is None else implant_of[breach.gap_id]
        yield breach.id, (("breach", breach.leak_type, owner), (breach.centroid_lps,))
    for way in plan.ways:
        yield way.id, (("needle", way.needle), way.path_lps)
    for picked in plan.picked_targets:
        yield picked.id, (("target",), (picked.point_lps,))
    for level in plan.prophylactic_targets:
        yield level.id, (("level", level.bone), (level.target_lps,))


def _is_same(then: _Thing, now: _Thing) -> bool:
    (what, places), (what_now, places_now) = then, now
    if what != what_now or len(places) != len(places_now):
        return False
    away = np.linalg.norm(np.reshape(places, (-1, 3)) - np.reshape(places_now, (-1, 3)), axis=1)
    return bool((away <= _NEAR_MM).all())


def _is_same_finding(chosen: ChosenThing, before: Plan, after: Plan) -> bool:
    if chosen.kind != "finding" or not chosen.id.isdigit():
        return False
    number = int(chosen.id)
    return before.findings[number : number + 1] == after.findings[number : number + 1] != ()
