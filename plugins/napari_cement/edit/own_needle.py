"""A person's own needle in a viewer: two points that are dragged, and its course between them."""

from typing import Any, Literal

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_cement._display import display_of
from napari_cement._editors import editors_of
from napari_cement._focus import Handle, focus_of
from napari_cement._layers import to_world
from napari_cement.drawn.wish_layers import OWN, OWN_COURSE, ends_of, own_course_layer, own_needle_layer
from napari_cement.edit.point_layers import (
    add_layer,
    add_locked,
    draw_anew,
    is_taken_up,
    layer_of,
    take_up,
)
from planner.model.record import PointLps
from planner.station.reslice.cuts import inside

End = Literal["entry", "tip"]
ENDS: tuple[End, End] = ("entry", "tip")
_AFTER_VERDICT_MS, _WITHOUT_VERDICT_MS = 150, 1000
"""napari's canvas follows a handle of the cuts when it has been still for so long: a 3D scene takes longer to draw than
a verdict to come, and would keep it waiting. Ours."""
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
    putInside = Signal()
    """A point was drawn outside of the CT, and put on its edge."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        # napari hands out a proxy, whose layers are never identical to themselves.
        viewer = getattr(viewer, "__wrapped__", viewer)
        self._viewer = viewer
        self._focus = focus_of(viewer)
        self._is_put = False
        self._shown: tuple[Any, ...] | None = None
        self._told: tuple[PointLps, ...] = ()
        # Where a handle has dragged it, until the canvas has followed; and how its course is to be drawn then.
        self._ahead: tuple[PointLps, PointLps] | None = None
        self._course: tuple[float, bool | None] | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._follow)
        viewer.layers.events.removed.connect(self._on_change)
        viewer.layers.selection.events.active.connect(self._on_change)
        viewer.dims.events.ndisplay.connect(self._on_ndisplay)
        self._focus.handleMoved.connect(self._on_handle)
        # A new plan takes all handles away; the needle is still there to be dragged.
        self._focus.shownChanged.connect(self._offer_handles)

    def points(self) -> tuple[PointLps, ...]:
        """Give what was picked, in its order, LPS mm."""
        layer = layer_of(self._viewer, OWN)
        return self._ahead or (() if layer is None else ends_of(layer))

    def ends(self) -> tuple[PointLps, PointLps] | None:
        """Give entry and tip; None unless there are just these two."""
        points = self.points()
        return (points[0], points[1]) if len(points) == 2 else None

    def draw(self) -> None:
        """Let clicks in the slice add its points."""
        take_up(self._viewer, self._layer())

    def hold(self) -> None:
        """Let its ends be dragged in the slice."""
        layer = self._layer()
        if self._viewer.dims.ndisplay == 2:
            self._viewer.layers.selection.active = layer
            layer.mode = "select"

    def is_held(self) -> bool:
        """Say whether its ends can be dragged in the slice."""
        layer = layer_of(self._viewer, OWN)
        return layer is not None and self._viewer.layers.selection.active is layer and str(layer.mode) == "select"

    def set_points(self, points_lps: tuple[PointLps, ...]) -> None:
        """Put it elsewhere.

        Parameters
        ----------
        points_lps : tuple of PointLps
            Its entry, then its tip, LPS mm; fewer while it is being picked.
        """
        self._follow()
        if points_lps == self.points():
            return
        if not points_lps:
            self.clear()
            return
        self._put(points_lps)

    def _put(self, points_lps: tuple[PointLps, ...]) -> None:
        layer = self._layer()
        if len(points_lps) != len(layer.data):
            # A selection of points that are gone would stop napari.
            layer.selected_data = set()
        self._is_put = True
        layer.data = to_world(np.asarray(points_lps, dtype=np.float64))
        self._is_put = False

    def move(self, end: End, point_lps: PointLps) -> None:
        """Put one of its ends elsewhere; nothing where it has not both.

        Parameters
        ----------
        end : "entry" or "tip"
            Which.
        point_lps : PointLps
            Where to, LPS mm.
        """
        ends = self.ends()
        if ends is not None:
            self.set_points((point_lps, ends[1]) if end == "entry" else (ends[0], point_lps))

    def go_to(self, end: End) -> None:
        """Bring one of its ends into all views; nothing where it has not both."""
        ends = self.ends()
        if ends is not None:
            place = ends[ENDS.index(end)]
            self._focus.set_cursor(place)
            display_of(self._viewer).fly_to(to_world(place))

    def put_down(self) -> None:
        """Let clicks in the slice move the view again."""
        if (layer := layer_of(self._viewer, OWN)) is not None:
            layer.mode = "pan_zoom"

    def is_drawing(self) -> bool:
        """Say whether clicks in the slice add its points."""
        return is_taken_up(self._viewer, layer_of(self._viewer, OWN))

    def clear(self) -> None:
        """Take the needle out of the viewer."""
        self._timer.stop()
        self._ahead = None
        for wish in (OWN, OWN_COURSE):
            if (layer := layer_of(self._viewer, wish)) is not None:
                self._viewer.layers.remove(layer)
        self._shown = None
        self._on_change()

    def _layer(self) -> Any:
        layer = layer_of(self._viewer, OWN)
        if layer is None:
            layer = add_layer(
                self._viewer, own_needle_layer(), self._on_change,
                by_hand=lambda: not self._is_put, put_inside=self.putInside.emit,
            )  # fmt: skip
            # While a point is dragged napari tells of no new data, but draws it anew.
            layer.events.set_data.connect(self._on_drawn)
        return layer

    def show_course(self, *, diameter_mm: float, is_safe: bool | None, is_judged: bool = False) -> None:
        """Draw its course, where both ends are there.

        Parameters
        ----------
        diameter_mm : float
            The needle's.
        is_safe : bool or None
            Whether it keeps every hard limit; None where that is not known, or a caution speaks against it.
        is_judged : bool
            Whether the verdict is there: the canvas follows a handle soon then.
        """
        if self._ahead is not None:
            self._course = diameter_mm, is_safe
            if is_judged:
                self._timer.start(_AFTER_VERDICT_MS)
            return
        ends = self.ends()
        wanted = None if ends is None else (ends, diameter_mm, is_safe)
        if wanted == self._shown:
            return
        self._shown = wanted
        older = layer_of(self._viewer, OWN_COURSE)
        data = None if ends is None else own_course_layer(*ends, diameter_mm=diameter_mm, is_safe=is_safe)
        if older is not None and data is not None:
            draw_anew(older, data)
            return
        if older is not None:
            self._viewer.layers.remove(older)
        elif data is not None:
            add_locked(self._viewer, data)

    def _on_ndisplay(self, event: object = None) -> None:
        if self._viewer.dims.ndisplay == 3:
            # A click in 3D has no depth.
            self.put_down()

    def _on_handle(self, name: str, point_lps: PointLps) -> None:
        ends = self.ends()
        if name not in ENDS or ends is None:
            return
        held = self._held_inside(point_lps)
        self._ahead = (held, ends[1]) if name == "entry" else (ends[0], held)
        self._timer.start(_WITHOUT_VERDICT_MS)
        if held != point_lps:
            self.putInside.emit()
        self._tell(self._ahead)

    def _follow(self) -> None:
        """Let the canvas show what a handle has moved."""
        self._timer.stop()
        ahead, self._ahead = self._ahead, None
        if ahead is None or layer_of(self._viewer, OWN) is None:
            return
        self._put(ahead)
        if self._course is not None:
            diameter_mm, is_safe = self._course
            self._course = None
            self.show_course(diameter_mm=diameter_mm, is_safe=is_safe)

    def _tell(self, points_lps: tuple[PointLps, ...]) -> None:
        self._told = points_lps
        self._offer_handles()
        self.changed.emit()

    def _offer_handles(self) -> None:
        ends = self.ends()
        handles = () if ends is None else tuple(Handle(*pair) for pair in zip(ENDS, ends, strict=True))
        others = tuple(handle for handle in self._focus.handles if handle.name not in ENDS)
        self._focus.set_handles((*others, *handles))

    def _held_inside(self, point_lps: PointLps) -> PointLps:
        scan = editors_of(self._viewer).about
        if scan is None or scan.volume.grid.contains(point_lps):
            return point_lps
        return inside(scan.volume.grid, point_lps)

    def _on_drawn(self, event: object = None) -> None:
        points = self.points()
        # What a hand has put outside is put inside next, and told then.
        is_right = self._is_put or all(p in self._told or p == self._held_inside(p) for p in points)
        if points != self._told and is_right:
            self._on_change()

    def _on_change(self, event: object = None) -> None:
        layer = layer_of(self._viewer, OWN)
        if layer is not None and len(layer.data):
            wanted = [_ENTRY, _TIP, *([_TOO_MANY] * len(layer.data))][: len(layer.data)]
            if [str(symbol) for symbol in layer.symbol] != wanted:
                layer.symbol = wanted
        points = self.points()
        picked = len(points) == 2 and len(self._told) < 2
        if picked and self.is_drawing():
            # The next press of the mouse drags an end, and picks no third one.
            self._told = points
            self.hold()
        self._tell(points)
