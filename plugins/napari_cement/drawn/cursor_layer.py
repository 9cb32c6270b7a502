"""In 3D: the cursor of the linked cuts, a cross, and the chosen breach, a ring; nothing hides them."""

import weakref
from typing import Any

import numpy as np
from napari.layers import Points

from napari_cement._at_once import add_layers
from napari_cement._focus import focus_of
from napari_cement._layers import Origin, layer_arguments, to_world
from napari_cement._per_viewer import real_viewer
from planner.model.record import PointLps
from planner.report.palette import BREACH

NAME, BREACH_NAME = "cursor (3D)", "chosen breach (3D)"
_LOOKS: dict[str, dict[str, Any]] = {
    NAME: {"symbol": "cross", "size": 7.0, "face_color": "#FFFFFF", "border_color": "black"},
    BREACH_NAME: {
        "symbol": "disc",
        "size": 12.0,
        "face_color": "transparent",
        "border_color": BREACH,
        "border_width": 0.1,
    },
}
"""Sizes in mm: the cross is seen beside a needle's mark at the skin and hides no gap; the ring stands round it and
round most breaches. Ours."""


class CursorLayer:
    """Follows the viewer's cursor and its chosen breach with a point for each, in 3D only: cuts show them themselves.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer; only a weak reference is kept.
    """

    def __init__(self, viewer: Any) -> None:
        real = real_viewer(viewer)
        self._viewer = weakref.ref(real)
        self._focus = focus_of(real)
        for signal in (self._focus.cursorChanged, self._focus.chosenChanged, self._focus.hiddenChanged):
            signal.connect(self._follow)
        self._focus.shownChanged.connect(self._follow)
        real.dims.events.ndisplay.connect(self._follow)

    def _follow(self, event: object = None) -> None:
        viewer = self._viewer()
        # In a cut nobody sees it: there it would only cost time.
        if viewer is None or viewer.dims.ndisplay != 3 or viewer.dims.ndim != 3:
            return
        # Without surfaces 3D shows the CT, which a layer that is made for 3D would have hidden.
        has_scene = bool(self._focus.shown.surfaces)
        cursor, breach = self._focus.cursor_lps, self._chosen_breach()
        if cursor is not None and breach is not None and np.allclose(cursor, breach):
            cursor = None  # the ring tells the place, and the cross would hide the breach in it
        for name, place in ((NAME, cursor), (BREACH_NAME, breach)):
            _put(viewer, name, place if has_scene else None)

    def _chosen_breach(self) -> PointLps | None:
        plan, chosen = self._focus.shown.plan, self._focus.chosen
        if plan is None or chosen is None or chosen.kind != "breach" or chosen.id in self._focus.hidden:
            return None
        return next((breach.centroid_lps for breach in plan.breaches if breach.id == chosen.id), None)


def _put(viewer: Any, name: str, place: PointLps | None) -> None:
    """Show one point; None shows nothing."""
    layer = next((one for one in viewer.layers if one.name == name), None)
    points = np.zeros((0, 3)) if place is None else to_world([place])
    if layer is not None:
        if not np.array_equal(layer.data, points):
            layer.data = points
    elif len(points):
        arguments = layer_arguments(name, Origin(only="3d"))
        made = Points(points, **arguments, **_LOOKS[name], blending="translucent_no_depth")
        add_layers(viewer, [made])
        made.editable = False
