"""Choosing a thing of the plan: all views follow; also by a click on it in napari's own canvas."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from napari_cement._focus import Chosen, Focus, aim_of, focus_of
from napari_cement._layers import to_lps
from napari_cement._per_viewer import real_viewer
from planner.station.choice import bone_entry_depth_mm, choice_of
from planner.station.picking import pick_along, pick_near

_STILL_PX = 4
"""A mouse that moves farther between press and release turns the scene, and chooses nothing. Ours."""
_REACH_PX = 6
"""How far beside a thin thing a click may fall. Ours."""
_LEAST_REACH_MM, _FARTHEST_REACH_MM = 1.0, 5.0
"""Whatever the zoom: a needle's width, and what no mouse means any more."""


def choose(focus: Focus, chosen: Chosen) -> bool:
    """Choose a thing: the cursor goes there; of a needle, its course is looked along from where it enters the bone.

    Parameters
    ----------
    focus : Focus
        What the views share.
    chosen : Chosen
        The thing.

    Returns
    -------
    bool
        False where the shown plan holds no such thing: then nothing is changed.
    """
    plan = focus.shown.plan
    found = None if plan is None else choice_of(plan, chosen.kind, chosen.id)
    if found is None:
        return False
    focus.set_aim(None if found.way is None else aim_of(found.way))
    if found.way is not None:
        focus.set_depth(bone_entry_depth_mm(found.way))
    if found.place_lps is not None:
        focus.set_cursor(found.place_lps)
    focus.set_chosen(chosen)
    return True


class Picking:
    """Lets a click in napari's canvas choose the needle, breach, implant or gap under it.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    """

    def __init__(self, viewer: Any) -> None:
        real = real_viewer(viewer)
        self._focus = focus_of(real)
        real.mouse_drag_callbacks.append(self._on_press)

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers or _draws(viewer) or self._focus.shown.plan is None:
            return
        start = np.asarray(event.pos, dtype=np.float64)
        yield
        while event.type == "mouse_move":
            yield
        if np.linalg.norm(np.asarray(event.pos) - start) <= _STILL_PX:
            self.pick(viewer, event)

    def pick(self, viewer: Any, event: Any) -> None:
        """Choose what lies under the mouse.

        Parameters
        ----------
        viewer : napari.Viewer
            The viewer.
        event : napari mouse event
            With its position, and in 3D the direction of sight.
        """
        plan, hidden = self._focus.shown.plan, self._focus.hidden
        if plan is None or len(event.position) != 3:
            return
        reach = float(np.clip(_REACH_PX / viewer.scene.camera.zoom, _LEAST_REACH_MM, _FARTHEST_REACH_MM))
        place = to_lps(event.position)
        if viewer.dims.ndisplay == 3:
            along = to_lps(event.view_direction)
            surfaces = self._focus.shown.surfaces or ()
            # far before all that is there
            found = pick_along(plan, surfaces, place - 1e4 * along, along, within_mm=reach, hidden=hidden)
        else:
            found = pick_near(plan, place, within_mm=reach, hidden=hidden)
        if found is not None:
            choose(self._focus, Chosen(found.kind, found.id))


def _draws(viewer: Any) -> bool:
    """Say whether a click belongs to a tool of the chosen layer."""
    active = viewer.layers.selection.active
    return active is not None and str(active.mode) not in ("pan_zoom", "transform")
