"""Views by name: what a person asks for, turned into a C-arm."""

import difflib
from collections.abc import Callable, Iterable

from planner.config.fluoro_config import FluoroConfig
from planner.errors import UsageError
from planner.fluoro.views import ap_view, axis_view, lateral_view, trajectory_view, view_at, watch_view
from planner.geometry.frames import PointTuple
from planner.model.carm import CArm
from planner.model.plan import Plan
from planner.model.view_sight import ViewKind
from planner.pipeline.fluoroscopy.scene import FluoroScene

_OBLIQUE_DEG = 30.0
"""A usual oblique view, in which the lumbar pedicles and joints are seen; no source."""

STANDARD_VIEWS: dict[str, Callable[[PointTuple, FluoroConfig], CArm]] = {
    "ap": lambda at, config: ap_view(at, config=config),
    "pa": lambda at, config: ap_view(at, config=config, detector_side="posterior"),
    "lateral": lambda at, config: lateral_view(at, config=config),
    "right-lateral": lambda at, config: lateral_view(at, config=config, detector_side="right"),
    "lao": lambda at, config: view_at(at, primary_deg=_OBLIQUE_DEG, secondary_deg=0.0, config=config),
    "rao": lambda at, config: view_at(at, primary_deg=-_OBLIQUE_DEG, secondary_deg=0.0, config=config),
}
"""Views that need no plan: frontal, lateral (detector at the left), and obliques by 30 degrees."""


_PROPOSED: dict[str, ViewKind] = {"endplates": "endplate frontal", "true-lateral": "true lateral"}
"""Views that the plan lined up by a gap's vertebra."""


def named_view(name: str, scene: FluoroScene, config: FluoroConfig, *, aim: str | None = None) -> CArm:
    """Set up the C-arm for a view's name.

    Parameters
    ----------
    name : str
        One of `STANDARD_VIEWS`; or the id of something in the plan: of a needle, its bull's-eye view; of an implant,
        the view along it; of a breach, its watch view; or, aimed at a gap, "endplates" (frontal, along the endplates
        of its vertebra) or "true-lateral".
    scene : FluoroScene
        The patient.
    config : FluoroConfig
        Distances and detector.
    aim : str or None
        Id of what shall stay in the middle of the image; None: the needle, implant or breach itself, or the metal.

    Returns
    -------
    CArm

    Raises
    ------
    UsageError
        If there is no such view, or no such thing in the plan.
    """
    standard = STANDARD_VIEWS.get(name.lower())
    if standard is not None:
        return standard(scene.middle_lps if aim is None else place_of(aim, scene.plan), config)
    if name.lower() in _PROPOSED:
        return _proposed(name.lower(), aim, _plan_of(name, scene.plan), config)
    carm = _view_of_thing(name, _plan_of(name, scene.plan), config)
    return carm if aim is None else carm.model_copy(update={"isocentre_lps": place_of(aim, scene.plan)})


def _proposed(name: str, aim: str | None, plan: Plan, config: FluoroConfig) -> CArm:
    """Give a view that the plan lined up by a gap's vertebra, with the settings' distances and detector."""
    found = {view.gap_id: view.sight.carm for view in plan.views if view.kind == _PROPOSED[name]}
    if aim not in found:
        there = (
            f"give --aim {' or '.join(found)}" if found else "the plan has none, for its endplates were not measured"
        )
        raise UsageError(f"{name} is the view of a gap's vertebra: {there}")
    carm = found[aim]
    return view_at(carm.isocentre_lps, primary_deg=carm.primary_deg, secondary_deg=carm.secondary_deg, config=config)


def place_of(name: str, plan: Plan | None) -> PointTuple:
    """Give where something of the plan is.

    Parameters
    ----------
    name : str
        Id of a gap, an implant, a breach or a needle (its target).
    plan : Plan or None
        The plan.

    Returns
    -------
    tuple of float
        LPS mm.

    Raises
    ------
    UsageError
        If the plan holds no such thing.
    """
    if plan is None:
        raise UsageError(f"where {name} is stands in a plan: give --plan OUT, or a point x,y,z (LPS, mm)")
    known = plan
    places = {
        **{gap.id: gap.centroid_lps for gap in known.gaps},
        **{implant.id: implant.centroid_lps for implant in known.implants},
        **{breach.id: breach.centroid_lps for breach in known.breaches},
        **{needle.id: needle.target_lps for needle in known.ways},
    }
    if name not in places:
        raise UsageError(f"the plan holds no {name}; {_nearest(name, places)}")
    return places[name]


def _plan_of(name: str, plan: Plan | None) -> Plan:
    if plan is None:
        raise UsageError(
            f"{name} is no view that needs no plan ({', '.join(STANDARD_VIEWS)}); for views of a plan's needles, "
            "implants and breaches give --plan OUT"
        )
    return plan


def _view_of_thing(name: str, plan: Plan, config: FluoroConfig) -> CArm:
    for needle in plan.ways:
        if needle.id == name:
            return trajectory_view(needle, config=config)
    for implant in plan.implants:
        if implant.id == name and implant.axis is not None:
            return axis_view(implant.axis.head_lps, implant.axis.tip_lps, config=config)
        if implant.id == name:
            raise UsageError(f"{name} has no axis that was measured, and so no view along it; choose another view")
    for breach in plan.breaches:
        if breach.id == name:
            carm = watch_view(breach, config=config)
            if carm is None:
                raise UsageError(f"for {name} no view was found in which a leak shows in profile; choose another view")
            return carm
    if any(gap.id == name for gap in plan.gaps):
        raise UsageError(f"{name} is a gap, which has no view of its own: give --view ap --aim {name}, say")
    things = [*(t.id for t in plan.ways), *(i.id for i in plan.implants), *(b.id for b in plan.breaches)]
    raise UsageError(f"there is no view {name}; there are {', '.join(STANDARD_VIEWS)}, and {_nearest(name, things)}")


def _nearest(name: str, known: Iterable[str]) -> str:
    """Say what there is, what looks like the name first."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=3)
    firsts: dict[str, list[str]] = {}
    for one in names:
        firsts.setdefault(one.rsplit("-", 1)[0], []).append(one)
    kinds = [f"{ids[0]} to {ids[-1]}" if len(ids) > 1 else ids[0] for ids in firsts.values()]
    meant = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{meant}in the plan: {', '.join(kinds) or 'nothing'}"
