"""The patient's sides at the four edges of napari's own canvas, and what view it is; they follow the camera."""

import weakref
from typing import Any

import numpy as np
from napari.components.overlays import TextOverlay

from napari_cement._layers import origin_of, to_lps
from napari_cement._per_viewer import PerViewer
from planner.report.reslice import direction_letters
from planner.station.viewpoint import seen_from

_PLACES = {"left": "middle_left", "right": "middle_right", "top": "top_center", "bottom": "bottom_center"}
_KEY = "cement_planner_letter_{}"
_SIZE, _COLOUR = 16, "#FFFFFF"
_TITLE_KEY, _TITLE_SIZE = "cement_planner_title", 9
_CUTS = {0: "axial", 1: "coronal", 2: "sagittal"}
"""By the axis of (S, P, L) that a cut stands on."""
_UNMIRRORED = ("away", "down", "right")
"""How napari's camera has to stand in 3D so that (S, P, L) is not mirrored; each axis turned round mirrors once."""

_letters: "PerViewer[Letters]" = PerViewer()


def letters_of(viewer: Any) -> "Letters":
    """Write letters at the edges of a viewer's canvas, and keep them right.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.

    Returns
    -------
    Letters
        The same ones for the same viewer.
    """
    return _letters.of(viewer, Letters)


class Letters:
    """Letters at the edges of one viewer's canvas, as long as it shows one of the planner's layers.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer; only a weak reference is kept.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        for edge, place in _PLACES.items():
            overlay = TextOverlay(position=place, font_size=_SIZE, color=_COLOUR, box=True, visible=False)
            viewer.canvas.overlays[_KEY.format(edge)] = overlay
        title = TextOverlay(position="top_left", font_size=_TITLE_SIZE, color=_COLOUR, box=True, visible=False)
        viewer.canvas.overlays[_TITLE_KEY] = title
        viewer.dims.events.order.connect(self._write)
        viewer.dims.events.ndisplay.connect(self._write)
        viewer.scene.camera.events.angles.connect(self._write)
        viewer.scene.camera.events.orientation.connect(self._write)
        viewer.layers.events.inserted.connect(self._write)
        viewer.layers.events.removed.connect(self._write)
        self._write()

    def value(self) -> dict[str, str]:
        """Give the letters by their edge; none where no layer is the planner's."""
        viewer = self._viewer()
        if viewer is None or viewer.dims.ndim != 3 or not any(origin_of(layer) for layer in viewer.layers):
            return {}
        right, down = _sides(viewer)
        sides = {"left": -right, "right": right, "top": -down, "bottom": down}
        return {edge: direction_letters(to_lps(side)) for edge, side in sides.items()}

    def title(self) -> str:
        """Give what view it is: "axial", in 3D "seen from behind"; empty where no layer is the planner's."""
        viewer = self._viewer()
        if viewer is None or not self.value():
            return ""
        if viewer.dims.ndisplay == 2:
            return _CUTS[viewer.dims.order[0]]
        away = np.zeros(3)
        away[list(viewer.dims.displayed)] = viewer.scene.camera.view_direction
        return f"seen {seen_from(-to_lps(away))}"

    def _write(self, event: object = None) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        letters = self.value()
        for edge in _PLACES:
            overlay = viewer.canvas.overlays[_KEY.format(edge)]
            overlay.text = letters.get(edge, "")
            overlay.visible = edge in letters
        title = viewer.canvas.overlays[_TITLE_KEY]
        title.text = self.title()
        title.visible = bool(title.text)


def _sides(viewer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Give the directions to the right and down the screen, in the viewer's (S, P, L)."""
    camera, shown = viewer.scene.camera, viewer.dims.displayed
    orientation = tuple(str(part) for part in camera.orientation)
    axes = np.eye(3)
    if viewer.dims.ndisplay == 2:
        down = axes[shown[-2]] * (1.0 if orientation[1] == "down" else -1.0)
        right = axes[shown[-1]] * (1.0 if orientation[2] == "right" else -1.0)
        return right, down
    away, up = np.zeros(3), np.zeros(3)
    away[list(shown)], up[list(shown)] = camera.view_direction, camera.up_direction
    turned = sum(one != other for one, other in zip(orientation, _UNMIRRORED, strict=True))
    # The cross product of LPS, whose axes are the viewer's the other way round: its sign changes.
    right = -np.cross(away, up) * (-1.0) ** turned
    return right, -up
