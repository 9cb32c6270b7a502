"""The views that a planning station offers: by name, of a chosen thing, and the best one near a view."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from planner.config.fluoro_config import FluoroConfig
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.better_views import best_view_near
from planner.fluoro.console import frontal_side, reachable_side
from planner.fluoro.overlay import angles_text
from planner.fluoro.views import ap_view, axis_view, lateral_view, trajectory_view, view_at, watch_view
from planner.fluoro.visibility import TargetScene, view_sight
from planner.geometry.frames import PointTuple
from planner.model.carm import CArm
from planner.model.plan import Plan
from planner.model.view_sight import GapView, ViewSight
from planner.pipeline.fluoroscopy.scene import FluoroScene
from planner.station.carm.gantry_dial import is_reached
from planner.station.choice import choice_of

ViewGroup = Literal["standard", "gap", "needle", "breach", "implant"]
_OBLIQUE_DEG = 30.0
"""A usual oblique view; no source."""
_SHOWN = ("visible", "partly")


@dataclass(frozen=True, slots=True)
class OfferedView:
    """A view that can be turned to.

    Parameters
    ----------
    name : str
        What it is called: "bull's-eye of trajectory-1".
    group : ViewGroup
        What kind it is.
    about_id : str or None
        The thing of the plan that it is of.
    carm : CArm
        The view.
    words : str
        What speaks for it, or what was not told; empty where there is nothing to say.
    """

    name: str
    group: ViewGroup
    about_id: str | None
    carm: CArm
    words: str = ""


@dataclass(frozen=True, slots=True)
class BetterView:
    """What came of looking for a better view near one.

    Parameters
    ----------
    carm : CArm or None
        The better view; None where there is none, or where it is not known.
    share_now, share_then : float or None
        Share of the gap that is in the picture and not behind metal, now and from there; None where not known.
    words : str
        Why it is better, or why there is none.
    """

    carm: CArm | None
    share_now: float | None
    share_then: float | None
    words: str


def offered_views(
    scene: FluoroScene, config: FluoroConfig, *, about_lps: PointTuple | None = None
) -> list[OfferedView]:
    """List the views that a station offers.

    Parameters
    ----------
    scene : FluoroScene
        The patient, with a plan or without one.
    config : FluoroConfig
        Distances, detector, and how far the C-arm turns.
    about_lps : tuple of float or None
        What the standard views keep in the middle, LPS mm; None: the middle of the metal.

    Returns
    -------
    list of OfferedView
        The standard views, those that the plan proposes of each gap, bull's-eye views of needles, watch views of
        breaches, and views along implants; what was not told is left out.
    """
    views = list(_standard(scene, config, scene.middle_lps if about_lps is None else about_lps))
    if scene.plan is not None:
        views += _of_plan(scene.plan, config)
    return views


def first_view(views: Sequence[OfferedView], scene: FluoroScene, config: FluoroConfig) -> OfferedView:
    """Give the view that is shown first.

    Parameters
    ----------
    views : sequence of OfferedView
        As `offered_views` gives them; at least one.
    scene : FluoroScene
        The patient.
    config : FluoroConfig
        How far the C-arm turns.

    Returns
    -------
    OfferedView
        The first that the gantry reaches; the first of all where it reaches none, or where that is not known.
    """
    return next((v for v in views if is_reached(v.carm, scene.position, config.gantry) is not False), views[0])


def frontal_view(scene: FluoroScene, config: FluoroConfig, about_lps: PointTuple) -> OfferedView:
    """Give the frontal view: AP, or PA with the detector behind the patient, as the gantry reaches it.

    Parameters
    ----------
    scene : FluoroScene
        The patient.
    config : FluoroConfig
        Distances and detector.
    about_lps : tuple of float
        What stays in the middle, LPS mm.

    Returns
    -------
    OfferedView
    """
    side = frontal_side(scene.position, config.gantry)
    carm = ap_view(about_lps, config=config, detector_side=side)
    return OfferedView("PA" if side == "posterior" else "AP", "standard", None, carm)


def view_of_thing(kind: str, name: str, scene: FluoroScene, config: FluoroConfig) -> OfferedView | str:
    """Give the view that a chosen thing is looked at from.

    Parameters
    ----------
    kind : str
        "needle": its bull's-eye view; "breach": its watch view; "gap": of the views that the plan proposes the one
        that shows most of it, within the gantry's reach where there is one.
    name : str
        The thing's id.
    scene : FluoroScene
        The patient, with the plan.
    config : FluoroConfig
        Distances and detector.

    Returns
    -------
    OfferedView or str
        In words why there is none.
    """
    plan = scene.plan
    if plan is None:
        return "there is no plan, so nothing to look at"
    if kind == "gap":
        return _best_of_gap(plan, name, scene, config)
    group = {"needle": "needle", "breach": "breach"}.get(kind)
    found = next((v for v in _of_plan(plan, config) if v.group == group and v.about_id == name), None)
    if found is not None:
        return found
    if kind == "breach":
        return f"no view that the gantry reaches shows a leak through {name} in profile"
    return f"{name} has no view of its own"


def gap_of_thing(plan: Plan, name: str) -> str | None:
    """Say which gap something of a plan belongs to.

    Parameters
    ----------
    plan : Plan
        The plan.
    name : str
        Id of a gap, a breach, a needle or an implant (its first gap).

    Returns
    -------
    str or None
        The gap's id; None for what belongs to none.
    """
    owners: dict[str | None, str | None] = {
        **{gap.implant_id: gap.id for gap in reversed(plan.gaps)},
        **{gap.id: gap.id for gap in plan.gaps},
        **{breach.id: breach.gap_id for breach in plan.breaches},
        **{needle.id: needle.gap_id for needle in plan.trajectories},
        **{target.id: target.gap_id for target in plan.picked_targets},
    }
    return owners.get(name)


def better_view_near(target: TargetScene, carm: CArm, config: VisibilityConfig) -> BetterView:
    """Look for a view near one that shows more of a gap, and every landmark that this one shows.

    Parameters
    ----------
    target : TargetScene
        The gap, its landmarks as far as they are known, and the metal before them.
    carm : CArm
        The view.
    config : VisibilityConfig
        How far it is looked, and what counts as better.

    Returns
    -------
    BetterView
    """
    now = view_sight(target, carm, config=config)
    kept = [one for one, seen in zip(target.landmarks, now.landmarks, strict=True) if seen.verdict in _SHOWN]
    found = best_view_near(target, carm, must_show=kept, config=config)
    share = now.target.visible_share
    if found is None:
        return BetterView(None, share, None, _why_none(target, now, config))
    then = found.target.visible_share
    at = angles_text(found.carm.primary_deg, found.carm.secondary_deg)
    dial = f"{at} (console {found.console_primary_deg:+.0f} / {found.console_secondary_deg:+.0f})"
    than = "not known how much here" if share is None else f"{_percent(share)} here"
    reach = "" if now.within_gantry_limits else "; the gantry does not reach this one"
    marks = f"; keeps the {', the '.join(dict.fromkeys(one.name for one in kept))}" if kept else ""
    words = f"{dial}, {found.turn_deg:.0f}° from here: {_percent(then)} of {target.target_id} clear of metal, {than}"
    return BetterView(found.carm, share, then, f"{words}{reach}{marks}")


def _why_none(target: TargetScene, now: ViewSight, config: VisibilityConfig) -> str:
    near = f"within {config.near_deg:.0f}°"
    share = now.target.visible_share
    if share is None:
        return f"not known: metal goes on beyond the CT, and may lie before {target.target_id}"
    if now.within_gantry_limits and now.target.verdict in _SHOWN:
        return (
            f"this view is as good as any {near}: {_percent(share)} of {target.target_id} clear of metal; none shows "
            f"{100.0 * config.least_gain_share:.0f} % more and what this one shows"
        )
    return f"no view {near} that the gantry reaches shows {target.target_id}; {_percent(share)} clear of metal here"


def _standard(scene: FluoroScene, config: FluoroConfig, about: PointTuple) -> Iterator[OfferedView]:
    yield frontal_view(scene, config, about)
    side = reachable_side(scene.position, config.gantry)
    yield OfferedView("lateral", "standard", None, lateral_view(about, config=config, detector_side=side))
    posterior = frontal_side(scene.position, config.gantry) == "posterior"
    # Named by the side of the patient that the detector is turned to; from the other side where only that is reached.
    for name, front, back in (
        ("left oblique", _OBLIQUE_DEG, 180.0 - _OBLIQUE_DEG),
        ("right oblique", -_OBLIQUE_DEG, _OBLIQUE_DEG - 180.0),
    ):
        both = [
            view_at(about, primary_deg=deg, secondary_deg=0.0, config=config)
            for deg in ((back, front) if posterior else (front, back))
        ]
        reached = next((carm for carm in both if is_reached(carm, scene.position, config.gantry) is not False), both[0])
        yield OfferedView(name, "standard", None, reached)


def _of_plan(plan: Plan, config: FluoroConfig) -> Iterator[OfferedView]:
    for view in plan.views:
        yield _proposed(view, view.sight, config)
        if view.better is not None:
            yield _proposed(view, view.better, config)
    for way in plan.ways:
        carm = trajectory_view(way, config=config)
        yield OfferedView(f"bull's-eye of {way.id}", "needle", way.id, carm, f"{way.goal_id}, choice {way.rank}")
    for breach in plan.breaches:
        watched = watch_view(breach, config=config)
        if watched is not None:
            words = "a leak shows in profile"
            yield OfferedView(f"watch {breach.id}", "breach", breach.id, watched, words)
    for implant in plan.implants:
        if implant.axis is not None:
            carm = axis_view(implant.axis.head_lps, implant.axis.tip_lps, config=config)
            yield OfferedView(f"along {implant.id}", "implant", implant.id, carm)


def _proposed(view: GapView, sight: ViewSight, config: FluoroConfig) -> OfferedView:
    name = f"{view.gap_id}: {view.kind}" if sight is view.sight else f"{view.gap_id}: better near {view.kind}"
    share = sight.target.visible_share
    words = "not known how much of it is clear of metal" if share is None else f"{_percent(share)} clear of metal"
    at = sight.carm
    carm = view_at(at.isocentre_lps, primary_deg=at.primary_deg, secondary_deg=at.secondary_deg, config=config)
    return OfferedView(name, "gap", view.gap_id, carm, words)


def _best_of_gap(plan: Plan, name: str, scene: FluoroScene, config: FluoroConfig) -> OfferedView | str:
    sights = [
        (view, sight)
        for view in plan.views
        if view.gap_id == name
        for sight in (view.sight, view.better)
        if sight is not None and sight.target.visible_share is not None
    ]
    if sights:
        view, sight = max(sights, key=lambda one: (one[1].within_gantry_limits, one[1].target.visible_share or 0.0))
        return _proposed(view, sight, config)
    found = choice_of(plan, "gap", name)
    place = None if found is None else found.place_lps
    if place is None:
        return f"the plan does not say where {name} is"
    front = frontal_view(scene, config, place)
    words = f"from the front: the plan does not tell from where {name} is seen best"
    return OfferedView(f"{name}: {front.name}", "gap", name, front.carm, words)


def _percent(share: float | None) -> str:
    return "not known how much" if share is None else f"{100.0 * share:.0f}\u202f%"
