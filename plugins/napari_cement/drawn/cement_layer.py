"""Cement at a moment of a simulated injection, in napari's own canvas."""

import weakref
from typing import Any

import numpy as np
from napari.layers import Layer, Surface
from napari.utils.colormaps import Colormap

from napari_cement._at_once import add_layers
from napari_cement._focus import CementShown, focus_of
from napari_cement._layers import (
    SURFACE_SCALE,
    LayerData,
    Origin,
    layer_arguments,
    origin_of,
    surface_to_layer,
    world_from_index,
)
from napari_cement._per_viewer import PerViewer
from planner.model.labels import LabelMap, Structure
from planner.model.plan import Plan
from planner.report.palette import CEMENT
from planner.segment.display import labels_for_display

NAME = "cement (simulated)"
SURFACE = "cement in 3D (simulated)"
_OPACITY = 0.9

_layers: "PerViewer[CementLayer]" = PerViewer()


def cement_layer_of(viewer: Any) -> "CementLayer":
    """Show a viewer's cement in its canvas, and keep it so.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.

    Returns
    -------
    CementLayer
        The same one for the same viewer.
    """
    return _layers.of(viewer, CementLayer)


def cement_data(cement: CementShown, plan: Plan | None) -> LayerData:
    """Give cement as a layer.

    Parameters
    ----------
    cement : CementShown
        The cement.
    plan : Plan or None
        The plan that it was simulated for.

    Returns
    -------
    LayerData
        Labels along the patient's axes.
    """
    structure = Structure(code=1, kind="other", id="cement")
    shown = labels_for_display(LabelMap(cement.where.grid, cement.where.voxels.astype(np.uint8), (structure,)))
    arguments = {
        **layer_arguments(NAME, Origin(plan=plan), world_from_index(shown.grid)),
        "opacity": _OPACITY,
        "projection_mode": "none",
        "colormap": {None: (0, 0, 0, 0), 0: (0, 0, 0, 0), 1: CEMENT},
        "features": {"index": [0, 1], "id": ["", f"{cement.gap_id}: {cement.injected_ml:.2f} mL"]},
    }
    return shown.codes, arguments, "labels"


class CementLayer:
    """Follows the viewer's cement with one layer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer; only a weak reference is kept.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = weakref.ref(viewer)
        self._focus = focus_of(viewer)
        self._focus.cementChanged.connect(self._follow)
        viewer.dims.events.ndisplay.connect(self._follow_in_3d)
        self._follow()

    def _follow(self) -> None:
        viewer = self._viewer()
        if viewer is None:
            return
        self._follow_in_cuts(viewer)
        self._follow_in_3d()

    def _follow_in_3d(self, event: object = None) -> None:
        """Draw the cement's surface, while 3D is looked at."""
        viewer = self._viewer()
        if viewer is None or viewer.dims.ndisplay != 3:
            return
        layer = next((one for one in viewer.layers if one.name == SURFACE and origin_of(one) is not None), None)
        mesh = _mesh_of(self._focus.cement)
        if mesh is None:
            if layer is not None:
                layer.data = _nothing_at(layer.data[0][0])
            return
        if layer is not None:
            layer.data = mesh
            _draw_last(viewer, layer)
            return
        arguments: dict[str, Any] = {
            **layer_arguments(SURFACE, Origin(plan=self._focus.shown.plan, only="3d")),
            "scale": SURFACE_SCALE,
            "colormap": Colormap([CEMENT, CEMENT], name=f"cement {CEMENT}"),
            "contrast_limits": (0.0, 1.0),
            "shading": "smooth",
            # Cement lies within bone, gap and metal: with depth nothing would be seen of it.
            "blending": "translucent_no_depth",
        }
        add_layers(viewer, [Layer.create(mesh, arguments, "surface")])

    def _follow_in_cuts(self, viewer: Any) -> None:
        cement = self._focus.cement
        layer = next((one for one in viewer.layers if one.name == NAME and origin_of(one) is not None), None)
        if cement is None:
            if layer is not None:
                # Emptied, not taken away: to remove a layer takes napari half a second.
                layer.data = np.zeros_like(layer.data)
            return
        data, arguments, kind = cement_data(cement, self._focus.shown.plan)
        if layer is not None and layer.data.shape == data.shape and np.array_equal(layer.affine, arguments["affine"]):
            layer.data = data
            layer.features = arguments["features"]
            return
        if layer is not None:
            viewer.layers.remove(layer)
        made = Layer.create(data, arguments, kind)
        add_layers(viewer, [made])
        made.editable = False


def _draw_last(viewer: Any, layer: Layer) -> None:
    """Draw a surface after all others: what an opaque one covers later is not seen."""
    surfaces = [one for one in viewer.layers if isinstance(one, Surface)]
    if surfaces[-1] is not layer:
        viewer.layers.move(viewer.layers.index(layer), viewer.layers.index(surfaces[-1]) + 1)


def _mesh_of(cement: CementShown | None) -> tuple[Any, Any, Any] | None:
    """Give cement as one of napari's meshes; None where there is none."""
    from planner.station.fill_preview import cement_surface

    found = None if cement is None else cement_surface(cement.where)
    if found is None:
        return None
    points, triangles = surface_to_layer(*found)
    return points, triangles, np.ones(len(points), np.float32)


def _nothing_at(place: Any) -> tuple[Any, Any, Any]:
    """Give a triangle of no size within the scene: napari takes no empty mesh."""
    return np.tile(place, (3, 1)), np.array([[0, 1, 2]]), np.ones(3, np.float32)
