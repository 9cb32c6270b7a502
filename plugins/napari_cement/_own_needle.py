"""A person's own needle in a viewer: two points, and its course between them."""

from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from napari_cement._wish_layers import OWN, OWN_COURSE, ends_of, own_course_layer, own_needle_layer
from napari_cement._wishes import add_layer, is_taken_up, layer_of, take_up
from planner.model.record import PointLps

_ENTRY, _TIP, _TOO_MANY = "ring", "star", "x"


class OwnNeedle(QObject):
    """The needle that a person is picking: its entry first, then its tip.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is drawn.
    """

    changed = Signal()
    """A point came, went or moved, or another tool was taken up."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        # napari hands out a proxy, whose layers are never identical to themselves.
        viewer = getattr(viewer, "__wrapped__", viewer)
        self._viewer = viewer
        self._shown: tuple[Any, ...] | None = None
        viewer.layers.events.removed.connect(self._on_change)
        viewer.layers.selection.events.active.connect(self._on_change)
        viewer.dims.events.ndisplay.connect(self._on_ndisplay)

    def points(self) -> tuple[PointLps, ...]:
        """Give what was picked, in its order, LPS mm."""
        layer = layer_of(self._viewer, OWN)
        return () if layer is None else ends_of(layer)

    def ends(self) -> tuple[PointLps, PointLps] | None:
        """Give entry and tip; None unless there are just these two."""
        points = self.points()
        return (points[0], points[1]) if len(points) == 2 else None

    def draw(self) -> None:
        """Let clicks in the slice add its points."""
        layer = layer_of(self._viewer, OWN)
        take_up(self._viewer, layer or add_layer(self._viewer, own_needle_layer(), self._on_change))

    def put_down(self) -> None:
        """Let clicks in the slice move the view again."""
        if (layer := layer_of(self._viewer, OWN)) is not None:
            layer.mode = "pan_zoom"

    def is_drawing(self) -> bool:
        """Say whether clicks in the slice add its points."""
        return is_taken_up(self._viewer, layer_of(self._viewer, OWN))

    def clear(self) -> None:
        """Take the needle out of the viewer."""
        for wish in (OWN, OWN_COURSE):
            if (layer := layer_of(self._viewer, wish)) is not None:
                self._viewer.layers.remove(layer)
        self._shown = None
        self.changed.emit()

    def show_course(self, *, diameter_mm: float, is_safe: bool | None) -> None:
        """Draw its course, where both ends are there.

        Parameters
        ----------
        diameter_mm : float
            The needle's.
        is_safe : bool or None
            Whether it keeps every hard limit; None while that is not known.
        """
        ends = self.ends()
        wanted = None if ends is None else (ends, diameter_mm, is_safe)
        if wanted == self._shown:
            return
        self._shown = wanted
        active = self._viewer.layers.selection.active
        if (older := layer_of(self._viewer, OWN_COURSE)) is not None:
            self._viewer.layers.remove(older)
        if ends is not None:
            data = own_course_layer(*ends, diameter_mm=diameter_mm, is_safe=is_safe)
            self._viewer.add_layer(Layer.create(*data)).editable = False
        if active in self._viewer.layers:
            # The tool stays in the hand.
            self._viewer.layers.selection.active = active

    def _on_ndisplay(self, event: object = None) -> None:
        if self._viewer.dims.ndisplay == 3:
            # A click in 3D has no depth.
            self.put_down()

    def _on_change(self, event: object = None) -> None:
        layer = layer_of(self._viewer, OWN)
        if layer is not None and len(layer.data):
            wanted = [_ENTRY, _TIP, *([_TOO_MANY] * len(layer.data))][: len(layer.data)]
            if [str(symbol) for symbol in layer.symbol] != wanted:
                layer.symbol = wanted
        self.changed.emit()
