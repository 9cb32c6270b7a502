"""What a viewer shows beside the plan itself, taken down and put back."""

from collections.abc import Callable
from typing import Any

from napari_cement._display import display_of
from napari_cement._editors import editors_of
from napari_cement._focus import Chosen, aim_of, focus_of
from napari_cement._layers import origin_of
from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import WishesConfig
from planner.model.plan import Plan
from planner.station.keeping.plan_folder import has_given_gaps
from planner.station.keeping.same_things import carried_over, same_things
from planner.station.keeping.scene_file import ChosenThing, Scene


def scene_of(viewer: Any, *, settings: PlanConfig | None) -> Scene:
    """Take down what a viewer shows.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    settings : PlanConfig or None
        Those that the shown plan was made with; None where they are not known.

    Returns
    -------
    Scene
    """
    focus, editors = focus_of(viewer), editors_of(viewer)
    plan, chosen = focus.shown.plan, focus.chosen
    # What is drawn on another CT is no part of this one's scene.
    drawn = editors.are_of_shown
    wishes = editors.value("wishes") if drawn else None
    images = _ct_layers(viewer)
    return Scene(
        settings=None if settings is None else settings.model_dump(mode="json"),
        wishes=WishesConfig() if wishes is None else wishes,
        own_needle=editors.value("own needle") if drawn else None,
        gaps_edited=plan is not None and has_given_gaps(plan),
        hidden=tuple(sorted(focus.hidden)),
        chosen=None if chosen is None else ChosenThing(kind=chosen.kind, id=chosen.id),
        cursor_lps=focus.cursor_lps,
        window_hu=_window(images[0]) if images else None,
        canvas=display_of(viewer).seen(),
    )


def put_back(viewer: Any, scene: Scene) -> None:
    """Show a plan as it was looked at. It is shown already, and what was wished of it is drawn.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    scene : Scene
        As `Scene.fitting` left it for that plan.
    """
    look_again(viewer, scene)
    if scene.canvas is not None:
        display_of(viewer).look(scene.canvas)
    if scene.window_hu is not None:
        for layer in _ct_layers(viewer):
            layer.contrast_limits = scene.window_hu


def look_again(viewer: Any, scene: Scene) -> None:
    """Hide, choose and look at what a scene tells; what is drawn stays as it is."""
    focus = focus_of(viewer)
    focus.set_hidden(frozenset(scene.hidden))
    focus.set_cursor(scene.cursor_lps)
    if scene.chosen is None:
        return
    plan = focus.shown.plan
    way = None if plan is None or scene.chosen.kind != "needle" else _way(plan, scene.chosen.id)
    if way is not None:
        focus.set_aim(aim_of(way))
    focus.set_chosen(Chosen(scene.chosen.kind, scene.chosen.id))


def keeping_view(viewer: Any, change: Callable[[], None]) -> None:
    """Change what is shown, and look at the same things of it as before.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    change : callable
        Shows another state of the same plan, or a plan that was made on the same CT since: what went from it, or is
        something else there, is neither hidden nor chosen any more.
    """
    focus = focus_of(viewer)
    before, was = scene_of(viewer, settings=None), focus.shown.plan
    aim, depth_mm = focus.aim, focus.depth_mm
    change()
    plan = focus.shown.plan
    if was is None or plan is None:
        look_again(viewer, before)
        return
    look_again(viewer, carried_over(before, was, plan))
    if aim is not None and (aim.id is None or aim.id in same_things(was, plan)):
        # A planned needle's course as this plan has it: it may lie a little elsewhere.
        way = None if aim.id is None else _way(plan, aim.id)
        focus.set_aim(aim if way is None else aim_of(way))
        focus.set_depth(depth_mm)


def _way(plan: Plan, name: str) -> Any:
    return next((way for way in plan.ways if way.id == name), None)


def _ct_layers(viewer: Any) -> list[Any]:
    scan = focus_of(viewer).shown.scan
    return [
        layer for layer in viewer.layers if scan is not None and (o := origin_of(layer)) is not None and o.scan is scan
    ]


def _window(layer: Any) -> tuple[float, float]:
    low, high = layer.contrast_limits
    return float(low), float(high)
