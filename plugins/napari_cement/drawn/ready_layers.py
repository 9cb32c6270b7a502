"""A plan's layers, made outside of the GUI's thread, and brought in without holding the window up."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from napari.layers import Labels, Layer
from qtpy.QtCore import QObject, QTimer

from napari_cement._closing import when_closing
from napari_cement._display import Display
from napari_cement._focus import Shown
from napari_cement.drawn.plan_layers import plan_layers
from planner.model.volume import Mask
from planner.progress import SILENT, Monitor, Progress, check_cancelled

STAGE = "showing the plan"
_FIRST_MS, _BREATH_MS = 1000, 100
"""Before the first layer that nobody sees yet, and between two: the window paints, and takes clicks. Ours."""


def ready_layers(shown: Shown, *, unreadable: Mask | None = None, monitor: Monitor = SILENT) -> list[Layer]:
    """Make the layers of a plan that cuts show. May be called in any thread.

    Parameters
    ----------
    shown : Shown
        The plan with its CT.
    unreadable : Mask or None
        Where metal artefacts leave tissue unreadable.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    list of Layer
        None without a plan.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    if shown.plan is None:
        return []
    monitor.report(Progress(STAGE))
    made: list[Layer] = []
    for data, arguments, kind in plan_layers(
        shown.plan, shown.labels, with_bone=shown.scan is None, unreadable=unreadable
    ):
        check_cancelled(monitor)
        layer = Layer.create(data, arguments, kind)
        if isinstance(layer, Labels):
            # napari compiles the look-up of colours at its first use, and that takes seconds.
            layer.colormap.map(np.zeros((1, 1), layer.data.dtype))
        made.append(layer)
    return made


class LaterLayers(QObject):
    """Brings in layers that are not seen yet, one at a time while the window goes on.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    display : Display
        What adds them.
    follow : callable
        Called when the last is there.
    """

    def __init__(self, viewer: Any, display: Display, follow: Callable[[], None]) -> None:
        super().__init__()
        self._display = display
        self._follow = follow
        self._waiting: list[Layer] = []
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._bring_one)
        viewer.dims.events.ndisplay.connect(self._on_ndisplay)
        when_closing(viewer, self.drop)  # or the next would be brought into a window that has gone

    def bring(self, layers: Sequence[Layer]) -> None:
        """Bring in layers for cuts: all at once where cuts are shown, one after the other in 3D.

        Parameters
        ----------
        layers : sequence of Layer
            The layers; those that still wait are dropped, for they are of another plan.
        """
        self._waiting = list(layers)
        if self._display.view != "3d":
            self.bring_all()
        elif self._waiting:
            self._timer.start(_FIRST_MS)

    def drop(self) -> None:
        """Forget what waits."""
        self._timer.stop()
        self._waiting = []

    def _bring_one(self) -> None:
        if self._waiting:
            self._display.add([self._waiting.pop(0)])
            self._timer.start(_BREATH_MS)
        if not self._waiting:
            self._timer.stop()
            self._follow()

    def bring_all(self) -> None:
        """Bring in now what waits."""
        self._timer.stop()
        layers, self._waiting = self._waiting, []
        if layers:
            self._display.add(layers)
            self._follow()

    def _on_ndisplay(self, event: object = None) -> None:
        if self._display.view != "3d":
            self.bring_all()
