"""Layers of points that a person edits with napari's own tools."""

from collections.abc import Callable
from typing import Any

import numpy as np
from napari.layers import Layer

from napari_cement._at_once import add_layers
from napari_cement._display import display_of
from napari_cement._editors import editors_of
from napari_cement._layers import LayerData, origin_of, to_lps, to_world
from planner.station.reslice.cuts import inside

_LOOKS = ("size", "face_color", "border_color")
_DRAWN = "drawn"
"""In a layer's metadata: how it was drawn last."""


def layer_of(viewer: Any, wish: str) -> Any | None:
    """Find the layer that holds one of the wishes.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    wish : str
        As `Origin.wish` names it.

    Returns
    -------
    napari.layers.Layer or None
    """
    return next((layer for layer in viewer.layers if (o := origin_of(layer)) and o.wish == wish), None)


def add_layer(
    viewer: Any,
    data: LayerData,
    on_change: Callable[..., None],
    *,
    by_hand: Callable[[], bool],
    put_inside: Callable[[], None],
) -> Any:
    """Add a layer of points that napari's tools edit, within the CT that is edited on.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    data : LayerData
        The layer.
    on_change : callable
        Called when its points, their sizes or its tool change; never of a point that is about to be put inside.
    by_hand : callable
        Says whether it is a person who changes the layer now: what is loaded stays as it is.
    put_inside : callable
        Called when a point was put onto the CT's edge.

    Returns
    -------
    napari.layers.Points
    """
    layer = viewer.add_layer(Layer.create(*data))
    # napari calls in the order of connecting: the others read the points where they are to be.
    _hold_inside(viewer, layer, by_hand=by_hand, tell=put_inside)
    for event in (layer.events.data, layer.events.size, layer.events.mode):
        event.connect(on_change)
    return layer


def _hold_inside(viewer: Any, layer: Any, *, by_hand: Callable[[], bool], tell: Callable[[], None]) -> None:
    """Put points that a person draws or drags out of the CT onto its edge: napari's sliders would run on to them."""
    putting = False

    def on_data(event: Any) -> None:
        nonlocal putting
        scan = editors_of(viewer).about
        if putting or scan is None or not by_hand() or str(event.action).lower() not in ("added", "changed"):
            return
        points = to_lps(np.asarray(layer.data, dtype=np.float64).reshape(-1, 3))
        drawn = np.zeros(len(points), dtype=bool)
        drawn[list(event.data_indices)] = True
        out = drawn & ~scan.volume.grid.contains(points)
        if out.any():
            points[out] = [inside(scan.volume.grid, point) for point in points[out]]
            putting = True  # what napari says now of all points is said of these alone
            layer.data = to_world(points)
            putting = False
            tell()

    layer.events.data.connect(on_data)


def add_locked(viewer: Any, data: LayerData) -> None:
    """Add a layer that only shows, and leave the user's tool in the hand.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    data : LayerData
        The layer.
    """
    layer = Layer.create(*data)
    add_layers(viewer, [layer])
    layer.editable = False


def draw_anew(layer: Any, data: LayerData) -> None:
    """Draw other points in a layer's place: to take a layer out and add another takes napari a second in a full scene.

    Parameters
    ----------
    layer : napari.layers.Points
        The layer.
    data : LayerData
        What it is to show.
    """
    points, arguments, _ = data
    # Each of these has the whole scene drawn: only what differs is set. New points would get napari's defaults.
    before = layer.metadata.get(_DRAWN, {}) if len(points) == len(layer.data) else {}
    layer.data = points
    for name in _LOOKS:
        if name not in before or not np.array_equal(before[name], arguments[name]):
            setattr(layer, name, arguments[name])
    layer.metadata = {**layer.metadata, _DRAWN: {name: arguments[name] for name in _LOOKS}}


def to_slices(viewer: Any) -> None:
    """Show the axial slice where the canvas shows 3D: nothing is drawn or painted there."""
    if viewer.dims.ndisplay == 3:
        display_of(viewer).show("axial")


def take_up(viewer: Any, layer: Any) -> None:
    """Let clicks in the slice add points to a layer, with napari's own tool; a slice is shown where there is none."""
    to_slices(viewer)
    viewer.layers.selection.active = layer
    layer.selected_data = set()
    layer.mode = "add"


def is_taken_up(viewer: Any, layer: Any | None) -> bool:
    """Say whether clicks in the slice add points to a layer."""
    return layer is not None and viewer.layers.selection.active is layer and str(layer.mode) == "add"
