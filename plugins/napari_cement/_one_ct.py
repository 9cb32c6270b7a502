"""One CT a window: when another comes, what belongs to the one before is kept, and taken out in the same step."""

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_cement._at_once import at_once
from napari_cement._display import Display, display_of
from napari_cement._editors import editors_of
from napari_cement._focus import Shown, focus_of, is_same_plan
from napari_cement._layers import METADATA, origin_of
from planner.errors import OutputError
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.station.keeping.same_ct import is_same_ct

_NOT_KNOWN = "Layers of a plan were taken out: they are not of the case that is shown. Open the plan's folder instead."


class OneCt(QObject):
    """Sees to it that all that a window shows and holds is about one CT: `Focus.shown.scan`.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer; only a weak reference is kept.
    leave : callable
        Stops what runs for the CT that goes, and forgets its settings.
    """

    closed = Signal(str)
    """A CT, or a plan without its CT, was taken out; in the user's words."""

    def __init__(self, viewer: Any, leave: Callable[[], None]) -> None:
        super().__init__()
        real = getattr(viewer, "__wrapped__", viewer)
        self._viewer_ref = weakref.ref(real)
        self._focus, self._editors = focus_of(real), editors_of(real)
        self._leave = leave
        self._brings, self._is_inserting = False, False
        real.layers.events.inserted.connect(self._on_inserted)

    @property
    def _viewer(self) -> Any:
        viewer = self._viewer_ref()
        if viewer is None:
            raise RuntimeError("the viewer has gone")
        return viewer

    def adopt(self) -> None:
        """Take up the CTs that were in the viewer before anybody looked; of several the newest stays."""
        for layer in list(self._viewer.layers):
            if layer in self._viewer.layers:
                self._take(layer)

    def own(self, scan: Scan) -> Scan:
        """Give the window's own object of a CT.

        Parameters
        ----------
        scan : Scan
            A CT as it was loaded.

        Returns
        -------
        Scan
            The one that is shown, where it is the same CT; else the one given.
        """
        there = self._focus.shown.scan
        return there if there is not None and is_same_ct(there, scan) else scan

    def has_layer_of(self, scan: Scan) -> bool:
        """Say whether a CT lies in napari's canvas; a person may have deleted the layer of the one that is shown."""
        return any(origin is not None and origin.scan is scan for origin in map(origin_of, self._viewer.layers))

    def has_layer_beside(self, scan: Scan) -> bool:
        """Say whether a CT's image for display only lies in napari's canvas."""
        return any(origin is not None and origin.beside is scan for origin in map(origin_of, self._viewer.layers))

    def turn_to(self, scan: Scan | None, *, folder: Path | None = None, arriving: Any = None) -> bool:
        """Let the window be about a CT from now on; to be told before anything of it is shown.

        Parameters
        ----------
        scan : Scan or None
            The CT; None for a plan whose CT is not known.
        folder : Path or None
            The folder of the plan that is shown next; None for none.
        arriving : napari.layers.Layer or None
            A layer of the CT that is in the viewer already.

        Returns
        -------
        bool
            Whether another CT, or a plan without its CT, was taken out.

        Raises
        ------
        OutputError
            If unsaved work of the one before cannot be kept: it stays.
        """
        shown = self._focus.shown
        is_empty = shown.scan is None and shown.plan is None
        # The CT of a plan that was shown without it comes: the same case.
        is_same = shown.scan is None and folder is not None and folder == shown.folder
        is_other = not is_empty and not is_same and (scan is None or scan is not shown.scan)
        if is_other:
            self._close(shown, arriving)
        if scan is not None and self._drop_plans(self._focus.shown.plan):
            self.closed.emit(_NOT_KNOWN)
        return is_other

    @contextmanager
    def bringing(self) -> Iterator[None]:
        """Add layers of the CT that the window was turned to: nothing is to be done for them."""
        self._brings = True
        try:
            yield
        finally:
            self._brings = False

    def _close(self, shown: Shown, arriving: Any) -> None:
        viewer = self._viewer
        # First of all what is drawn now is kept, while it is known of which CT it is.
        with at_once(viewer), self._editors.turning() as kept:
            words = self._words(shown, kept=kept, arriving=arriving)
            self._leave()
            self._editors.clear()
            self._focus.set_shown(Shown())
            self._focus.set_cursor(None)
            for layer in list(viewer.layers):
                if layer is not arriving and origin_of(layer) is not None:
                    viewer.layers.remove(layer)
        self.closed.emit(words)

    def _words(self, shown: Shown, *, kept: bool | None, arriving: Any) -> str:
        origins = [(layer.name, origin_of(layer)) for layer in self._viewer.layers if layer is not arriving]
        if shown.scan is None:
            name, one = "The plan" if shown.folder is None else f"The plan {shown.folder.name}", "case"
        else:
            name = next((name for name, o in origins if o is not None and o.scan is shown.scan), "The CT before")
            one = "CT"
        said = [f"{name} was closed: one {one} a window."]
        if kept:
            said.append("Its unsaved work is kept and offered when it is opened again.")
        elif kept is None and self._editors.is_anything_drawn:
            said.append("What was drawn on it is not kept.")
        if others := [name for name, origin in origins if origin is None]:
            said.append(f"Not the planner's, and still there: {', '.join(others)}.")
        return " ".join(said)

    def _drop_plans(self, plan: Plan | None) -> bool:
        """Take out the layers of all plans but one; whether there were any."""
        layers = self._viewer.layers
        others = [one for one in layers if (o := origin_of(one)) and o.plan and not is_same_plan(o.plan, plan)]
        with at_once(self._viewer):
            for layer in others:
                layers.remove(layer)
        return bool(others)

    def _take_plan(self, layer: Any, plan: Plan) -> None:
        """Take a layer of a plan that napari or a script added: over a CT only of the plan that is shown."""
        shown = self._focus.shown
        if shown.scan is None and shown.plan is None:
            self._drop_plans(plan)  # of several the newest stays
        elif not is_same_plan(shown.plan, plan):
            self._refuse(layer, _NOT_KNOWN)

    def _refuse(self, layer: Any, words: str) -> None:
        """Take a layer out that was added: hidden at once, out of the list when napari has chosen it there."""
        layer.visible = False
        if self._is_inserting:
            QTimer.singleShot(0, lambda: self._take_out(layer))
        else:
            self._take_out(layer)
        self.closed.emit(words)

    def _take_out(self, layer: Any) -> None:
        viewer = self._viewer_ref()
        if viewer is not None and layer in viewer.layers:
            viewer.layers.remove(layer)

    def _on_inserted(self, event: Any) -> None:
        """Take a CT that napari or a script added for the one that the window is about."""
        self._is_inserting = True
        try:
            self._take(event.value)
        finally:
            self._is_inserting = False

    def _take(self, layer: Any) -> None:
        origin = origin_of(layer)
        if origin is not None and origin.plan is not None:
            self._take_plan(layer, origin.plan)
            return
        if self._brings or origin is None or origin.scan is None or origin.scan is self._focus.shown.scan:
            return
        scan = self.own(origin.scan)
        if scan is not origin.scan:
            # Opened, or copied, once more.
            layer.metadata[METADATA] = replace(origin, scan=scan)
            return
        try:
            closed = self.turn_to(scan, arriving=layer)
        except OutputError as error:
            self._refuse(layer, f"{layer.name} was not opened: {error}.")
            return
        self._focus.set_shown(Shown(scan=scan))
        if closed:
            look_anew(display_of(self._viewer))


def look_anew(display: Display) -> None:
    """Frame another patient's CT; 3D has nothing to show of one that is not planned yet."""
    display.show("axial" if display.view == "3d" else display.view)


def look_at_ct(viewer: Any) -> None:
    """Let the status bar tell the HU below the cursor."""
    layers = viewer.layers
    if images := [layer for layer in layers if (origin := origin_of(layer)) and origin.scan is not None]:
        layers.selection.active = images[-1]
