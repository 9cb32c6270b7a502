"""The layer that gaps are painted in, and what it was begun from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_cement._layers import LayerData, Origin, layer_arguments, world_from_index
from napari_cement.edit.point_layers import layer_of
from planner.model.labels import LabelMap

PAINTED = "painted gaps"
"""The layer, as `Origin.wish` names it."""
_BEGUN = "cement_planner_begun"
"""Key under which the layer's metadata hold what it was begun from, for whoever writes it."""
_STROKES = "cement_planner_strokes"


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """What a painting was begun from.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    canvas : planner.station.edited_gaps.GapCanvas
        Its labels, ready to be painted on.
    scan : Scan
        The CT that is shown below.
    """

    case: Any
    canvas: Any
    scan: Any


def painted_gaps(viewer: Any) -> LabelMap | None:
    """Give the gaps as they are painted in a viewer, on the shown grid; None where nobody paints. Not copied."""
    layer = layer_of(getattr(viewer, "__wrapped__", viewer), PAINTED)
    begun = None if layer is None else begun_of(layer.metadata)
    return None if layer is None or begun is None else LabelMap(begun.canvas.shown.grid, np.asarray(layer.data), ())


def stroke_of(viewer: Any) -> tuple[int, int] | None:
    """Tell the states of a viewer's painting apart: each stroke, undo and redo makes another; None for none.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.

    Returns
    -------
    tuple of int or None
        Which layer, and how often it was painted on.
    """
    layer = layer_of(getattr(viewer, "__wrapped__", viewer), PAINTED)
    return None if layer is None else (id(layer), layer.metadata.get(_STROKES, 0))


def note_stroke(layer: Any) -> None:
    """Take note that a layer was painted on."""
    layer.metadata[_STROKES] = layer.metadata.get(_STROKES, 0) + 1


def begun_of(metadata: Mapping[str, Any]) -> Begun | None:
    """Say what the painting in a layer was begun from, by the layer's metadata; None for any other layer."""
    begun = metadata.get(_BEGUN)
    return begun if isinstance(begun, Begun) else None


def painted_layer(begun: Begun, painted: npt.NDArray[np.generic], colours: dict[int | None, Any]) -> LayerData:
    """Give the layer that is painted in.

    Parameters
    ----------
    begun : Begun
        What it is begun from.
    painted : ndarray of int, shape of the shown grid
        As it is painted; the layer's own from now on.
    colours : dict
        Colour by value.

    Returns
    -------
    LayerData
    """
    common = layer_arguments("my gaps (painted)", Origin(wish=PAINTED), world_from_index(begun.canvas.shown.grid))
    arguments = {
        **common,
        "metadata": {**common["metadata"], _BEGUN: begun},
        "opacity": 0.7,
        "projection_mode": "none",
        "colormap": colours,
    }
    return painted, arguments, "labels"
