"""Gaps that a person paints: a copy of the plan's, in a layer for napari's own tools; the plan's own stay."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer, Signal

from napari_cement._focus import focus_of
from napari_cement.edit.history import history_of
from napari_cement.edit.painted_layer import PAINTED, Begun, note_stroke, painted_layer
from napari_cement.edit.point_layers import layer_of, to_slices
from planner.model.labels import LabelMap
from planner.report.palette import GAP

_NEW_COLOURS = ("#EE7733", "#33BBEE", "#EE3377", "#CCBB44", "#AA3377", "#66CCEE")
"""Of further gaps, in turn; told apart by colour-blind readers too (P. Tol, vibrant and bright schemes)."""
_BRUSH_VOXELS = 4.0
"""Ours: as wide as the narrow gaps round a screw are, in voxels of a usual CT."""
Paint = tuple[npt.NDArray[np.intp], npt.NDArray[np.generic]]
"""Flat indices of voxels, and what they hold."""


class GapBrush(QObject):
    """The painting of one viewer: at most one, begun from one plan.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is painted.
    """

    changed = Signal()
    """It was begun, painted on, given up, or another gap or tool was taken up."""
    painted = Signal()
    """What is painted may have changed."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        viewer = getattr(viewer, "__wrapped__", viewer)
        self._viewer = viewer
        self._history = history_of(viewer)
        self._begun: Begun | None = None
        self._last: npt.NDArray[np.generic] = np.zeros(0, np.uint16)
        self._new: tuple[int, ...] = ()
        self._renamed: dict[int, str] = {}
        self._from: Begun | None = None
        # Which painting this is: 0 as it was begun; each stroke makes another, and undo gives the number back.
        self._number = self._newest = 0
        self._busy = False
        # The painting that the shown plan was made from.
        self._planned = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.settle)
        self._history.join(self, self)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.selection.events.active.connect(lambda event: self.changed.emit())
        focus_of(viewer).shownChanged.connect(self._on_shown)

    @property
    def begun(self) -> Begun | None:
        """What is painted on; None where nothing is."""
        return self._begun

    @property
    def begun_from(self) -> Begun | None:
        """What was painted on last, also when the painting was closed again; None before, and for another patient."""
        return self._from

    @property
    def painting(self) -> tuple[Begun | None, int]:
        """Tells paintings apart: what it was begun from, and 0 where nothing of it is changed."""
        return self._from, self._number

    @property
    def layer(self) -> Any | None:
        """The layer that is painted in."""
        return layer_of(self._viewer, PAINTED)

    def names(self) -> dict[int, str]:
        """Give what each value stands for in the plan that is shown: the gaps that were begun from, then new ones."""
        if self._begun is None:
            return {}
        news = {code: f"new gap {number}" for number, code in enumerate(self._new, start=1)}
        # A plan that was made since numbers its gaps anew.
        return {**self._begun.canvas.gap_codes, **news, **self._renamed}

    def counted(self) -> tuple[Any, ...]:
        """Count the gaps as they are painted.

        Returns
        -------
        tuple of planner.station.edited_gaps.CountedGap
            Empty where nothing is painted on.
        """
        if self._begun is None or self.layer is None:
            return ()
        from planner.station import edited_gaps

        return edited_gaps.counted_gaps(self._begun.canvas, np.asarray(self.layer.data))

    def edited(self) -> Any:
        """Give all gaps as they are painted, as `replan` takes them; None where none differs from the plan's.

        Returns
        -------
        planner.io.labels.gap_labels.GapLabels or None

        Raises
        ------
        UsageError
            If nothing is painted on, or what was painted is no gap.
        """
        from planner.errors import UsageError
        from planner.station import edited_gaps

        if self._begun is None or self.layer is None:
            raise UsageError("no gaps were taken to be painted")
        return edited_gaps.edited_gaps(self._begun.canvas, np.asarray(self.layer.data), self.names())

    def note_planned(self, number: int) -> None:
        """Take note which painting the shown plan was made from, as `painting` tells it; 0 for none."""
        self._planned = number

    def unsaved(self) -> Callable[[], LabelMap | None] | None:
        """Give what reads the painted gaps, in any thread, also when the layer has gone; None where a plan holds them.

        Returns
        -------
        callable or None
            Gives all gaps on the grid that is planned on; None where none differs from those that were begun from, and
            the shown plan was made from those.
        """
        begun, layer, planned = self._begun, self.layer, self._planned
        if begun is None or layer is None or self._number == planned:
            return None
        canvas, painted = begun.canvas, np.asarray(layer.data)

        def read() -> LabelMap | None:
            from planner.station import edited_gaps

            gaps = edited_gaps.edited_gaps(canvas, painted)
            if gaps is None:
                return canvas.own if planned else None
            return gaps.labels

        return read

    def begin(self) -> bool:
        """Take the shown plan's gaps to be painted.

        Returns
        -------
        bool
            False where no plan with its voxels is shown, or there is a painting already.
        """
        shown = focus_of(self._viewer).shown
        if shown.case is None or self._begun is not None:
            return False
        from planner.station import edited_gaps

        begun = Begun(shown.case, edited_gaps.canvas_of(shown.case.labels), shown.scan)
        painted = np.array(begun.canvas.shown_gaps)
        self._planned = 0
        self._open(begun, painted, (), 0)
        self._history.push("gaps taken to be painted", undo=self._close, redo=lambda: self._open(begun, painted, (), 0))
        return True

    def give_up(self) -> Begun | None:
        """Take the painting out of the viewer; a step that can be undone.

        Returns
        -------
        Begun or None
            What it was begun from: its gaps are the plan's own.
        """
        self.settle()
        begun, layer = self._begun, self.layer
        if begun is None or layer is None:
            return None
        painted, new, number = np.asarray(layer.data).copy(), self._new, self._number
        self._close()
        self._history.push("painting given up", undo=lambda: self._open(begun, painted, new, number), redo=self._close)
        return begun

    def forget(self) -> None:
        """Take the painting out for good: another patient's CT is shown."""
        self._from = None
        self._close()

    def add_gap(self) -> int:
        """Let the brush paint a gap that the plan does not have.

        Returns
        -------
        int
            Its value in the layer.

        Raises
        ------
        UsageError
            If nothing is painted on, or there is no free value.
        """
        from planner.errors import UsageError
        from planner.station import edited_gaps

        self.settle()
        layer = self.layer
        if self._begun is None or layer is None:
            raise UsageError("no gaps were taken to be painted")
        code = edited_gaps.new_gap_code(self._begun.canvas, np.asarray(layer.data))
        code = max(code, *(known + 1 for known in self._new), code)
        before, after = self._new, (*self._new, code)
        self._set_new(after)
        self._history.push("gap added", undo=lambda: self._set_new(before), redo=lambda: self._set_new(after))
        self.take_up(code)
        return code

    def take_up(self, code: int, *, mode: str = "paint") -> None:
        """Put a brush for one gap into the hand.

        Parameters
        ----------
        code : int
            The gap's value.
        mode : str
            One of napari's tools: "paint", "erase", "fill", "pan_zoom".
        """
        layer = self.layer
        if layer is None:
            return
        if mode != "pan_zoom":
            to_slices(self._viewer)
        self._viewer.layers.selection.active = layer
        layer.selected_label = code
        layer.mode = mode
        self.changed.emit()

    def _on_shown(self) -> None:
        """Call what is painted as the plan does that is shown now."""
        self._rename()
        self.changed.emit()

    def _rename(self) -> None:
        shown, begun, layer = focus_of(self._viewer).shown, self._begun, self.layer
        self._renamed = {}
        if begun is None or layer is None or shown.labels is None or shown.scan is not begun.scan:
            return
        if shown.labels is begun.case.labels:
            return
        from planner.station import edited_gaps

        painted = np.asarray(layer.data)
        self._renamed = edited_gaps.painted_names(begun.canvas, painted, shown.labels, new=self._new)

    def _set_new(self, codes: tuple[int, ...]) -> None:
        self._new = codes
        if self.layer is not None:
            self.layer.colormap = self._colours()
        self.changed.emit()

    def _colours(self) -> dict[int | None, Any]:
        known = {} if self._begun is None else dict.fromkeys(self._begun.canvas.gap_codes, GAP)
        news = {code: _NEW_COLOURS[n % len(_NEW_COLOURS)] for n, code in enumerate(self._new)}
        return {None: (0, 0, 0, 0), 0: (0, 0, 0, 0), **known, **news}

    def _open(self, begun: Begun, painted: npt.NDArray[np.generic], new: tuple[int, ...], number: int) -> None:
        self._begun, self._from, self._new, self._number = begun, begun, new, number
        self._last = painted.copy()
        layer = self._viewer.add_layer(Layer.create(*painted_layer(begun, painted.copy(), self._colours())))
        layer.brush_size = _BRUSH_VOXELS
        # napari tells of a fill before the voxels are changed: they are looked at when it is done.
        layer.events.paint.connect(self._on_painted)
        for event in (layer.events.selected_label, layer.events.mode):
            event.connect(lambda event: self.changed.emit())
        self._rename()
        # One undo for all: napari's own would know of this layer's strokes only, and forget them with it.
        layer.bind_key("Control-Z", lambda layer: self._history.undo(), overwrite=True)
        layer.bind_key("Control-Shift-Z", lambda layer: self._history.redo(), overwrite=True)
        self.changed.emit()
        self.painted.emit()

    def _close(self) -> None:
        layer = self.layer
        self._busy = True
        if layer is not None:
            self._viewer.layers.remove(layer)
        self._busy = False
        self._begun, self._new, self._number = None, (), 0
        self._last = np.zeros(0, np.uint16)
        self.changed.emit()
        self.painted.emit()

    def _on_removed(self, event: Any) -> None:
        """Take a layer that was removed with napari's own button for a painting given up."""
        if self._busy or self._begun is None or self.layer is not None:
            return
        begun, painted, new, number = self._begun, self._last, self._new, self._number
        self._close()
        self._history.push("painting given up", undo=lambda: self._open(begun, painted, new, number), redo=self._close)

    def _on_painted(self, event: object = None) -> None:
        self._timer.start()

    def rebase(self) -> None:
        """Take the painting as it is for the one to begin from."""
        self._timer.stop()
        if self.layer is not None:
            self._last = np.asarray(self.layer.data).copy()

    def under_way(self) -> str | None:
        """Give None: a stroke is a step at once."""
        return None

    def settle(self) -> None:
        """Make a step of a stroke: only the voxels that it changed are kept."""
        self._timer.stop()
        layer = self.layer
        if layer is None or self._busy:
            return
        now = np.asarray(layer.data)
        where = np.flatnonzero(now != self._last)
        if not len(where):
            return
        before, after = self._last.flat[where].copy(), now.flat[where].copy()
        self._last.flat[where] = after
        note_stroke(layer)
        words = "gap erased" if not after.any() else "gap painted"
        self._newest += 1
        old, new = self._number, self._newest
        self._number = new
        self._history.push(
            words, undo=lambda: self._put((where, before), old), redo=lambda: self._put((where, after), new)
        )
        self.changed.emit()
        self.painted.emit()

    def _put(self, paint: Paint, number: int) -> None:
        layer = self.layer
        if layer is None:
            return
        where, values = paint
        np.asarray(layer.data).flat[where] = values
        self._last.flat[where] = values
        note_stroke(layer)
        self._number = number
        layer.refresh()
        self.changed.emit()
        self.painted.emit()
