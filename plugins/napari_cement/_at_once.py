"""Many layers in one step: napari's canvas, list of layers and controls follow once, after the last of them."""

import gc
import weakref
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QSignalBlocker

from napari_cement._per_viewer import real_viewer

_changing: "weakref.WeakSet[Any]" = weakref.WeakSet()


@contextmanager
def at_once(viewer: Any) -> Iterator[None]:
    """Add, remove, hide and show layers, and let napari order and draw them once, at the end.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it. Within itself it does nothing more.
    """
    real = real_viewer(viewer)
    if real in _changing:
        yield
        return
    _changing.add(real)
    try:
        with _unpainted(real):
            before = set(real.layers)
            with ExitStack() as at_end, real.layers.batched_update():
                yield
                if before <= set(real.layers):
                    _keep_garbage(at_end)
    finally:
        _changing.discard(real)


def _keep_garbage(at_end: ExitStack) -> None:
    """Spare Python a search through all of its objects for garbage, a third of a second.

    napari asks for it after each batch, so that what was drawn of removed layers has gone before it draws again; none
    was removed here.
    """
    if gc.get_freeze_count() == 0:
        gc.freeze()
        at_end.callback(gc.unfreeze)


@contextmanager
def _unpainted(viewer: Any) -> Iterator[None]:
    """Paint a window only afterwards: where napari shows or hides a control, Qt would paint what is half done."""
    window = getattr(viewer, "window", None)
    main = getattr(window, "_qt_window", None)  # napari has no public way to it; None too when it has closed
    if main is None or not main.updatesEnabled():
        yield
        return
    main.setUpdatesEnabled(False)
    try:
        yield
    finally:
        main.setUpdatesEnabled(True)


@contextmanager
def sliders_following(viewer: Any) -> Iterator[None]:
    """Let napari's sliders follow the cut, not lead it.

    A slider that is moved by the program would set the cut to its own whole steps, up to half a slice beside the place
    that was meant; and napari would cut all layers anew for each of them.

    Parameters
    ----------
    viewer : napari.Viewer
        A viewer with a window or without.
    """
    window = getattr(viewer, "window", None)
    qt = getattr(window, "_qt_viewer", None)  # napari has no public way to its sliders
    widgets = () if qt is None else qt.dims.slider_widgets
    quiet = [QSignalBlocker(widget.slider) for widget in widgets]
    try:
        yield
    finally:
        for blocker in quiet:
            blocker.unblock()


def add_layers(viewer: Any, layers: Iterable[Layer], *, active: Layer | None = None) -> None:
    """Add layers without taking from the user's hand what is there.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.
    layers : iterable of Layer
        The layers.
    active : Layer or None
        The layer that is active then; None leaves the one that was.

    Notes
    -----
    None of the new ones is active for a moment: napari would show the controls of each in turn, and 0.9.2 fails where
    labels become active in 3D (it asks for their value along a beam that is unknown after a switch from 2D to 3D).
    """
    real = real_viewer(viewer)
    selection = real.layers.selection
    wanted = selection.active if active is None else active
    with at_once(real):
        with selection.events.blocker_all():
            for layer in layers:
                real.layers.append(layer)
        selection.active = wanted
