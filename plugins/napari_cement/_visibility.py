"""Which layers are seen in 2D and which in 3D: cuts show voxels and dots, 3D shows surfaces.

A layer's eye in the list of layers stays the user's: what was chosen in either is kept for coming back to it.
"""

import weakref
from typing import Any, Literal

from napari.layers import Image, Labels, Surface

from napari_cement._at_once import at_once
from napari_cement._layers import origin_of

Mode = Literal["2d", "3d"]


def made_for(layer: Any) -> Mode | None:
    """Say which views a layer of ours is made for.

    Parameters
    ----------
    layer : napari.layers.Layer
        Any layer.

    Returns
    -------
    "2d", "3d" or None
        None for both, and for layers that are not ours.
    """
    origin = origin_of(layer)
    if origin is None:
        return None
    if origin.only is not None:
        return origin.only
    if isinstance(layer, Surface):
        return "3d"
    return "2d" if isinstance(layer, Image | Labels) else None


class Visibility:
    """Shows each layer in the views that it is made for; where nothing is made for 3D, all in both.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer; only a weak reference is kept.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._mode: Mode = "2d"
        # By layer: what the user wants to see of it in the mode that is not on.
        self._elsewhere: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()
        viewer.dims.events.ndisplay.connect(self._follow)
        viewer.layers.events.inserted.connect(self._follow)
        self._follow()

    def show_scans_in_3d(self, wanted: bool) -> None:  # noqa: FBT001  # a Qt slot
        """Draw CTs as volumes among the surfaces, or leave them out.

        Parameters
        ----------
        wanted : bool
            Whether they are drawn; those that are hidden in 2D stay hidden in 3D.
        """
        viewer = self._viewer()
        for layer in [] if viewer is None else list(viewer.layers):
            origin = origin_of(layer)
            if origin is None or origin.scan is None or made_for(layer) != "2d":
                continue
            if self._mode == "3d":
                layer.visible = wanted and self._elsewhere.get(layer, True)
            else:
                self._elsewhere[layer] = wanted and layer.visible

    def take(self, layer: Any) -> None:
        """Hide a layer that is not made for the views that are on, before it is added: then nothing is drawn of it.

        Parameters
        ----------
        layer : napari.layers.Layer
            A layer that is about to be added.
        """
        if layer in self._known:
            return
        self._known.add(layer)
        if made_for(layer) not in (None, self._mode):
            self._elsewhere[layer] = layer.visible
            layer.visible = False

    def _follow(self, event: object = None) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        mode = self._mode_of(viewer)
        if mode != self._mode:
            self._mode = mode
            with at_once(viewer):
                self._change_sides()
        for layer in list(viewer.layers):
            self.take(layer)

    def _change_sides(self) -> None:
        for layer in list(self._known):  # those too that are about to be added
            if made_for(layer) is not None:
                now = self._elsewhere.get(layer, False)
                self._elsewhere[layer] = layer.visible
                if layer.visible != now:
                    layer.visible = now

    def _mode_of(self, viewer: Any) -> Mode:
        """Without any surface a CT stays seen in 3D; and it does not flash up between two plans."""
        if viewer.dims.ndisplay != 3:
            return "2d"
        surfaces = self._mode == "3d" or any(made_for(layer) == "3d" for layer in viewer.layers)
        return "3d" if surfaces else "2d"
