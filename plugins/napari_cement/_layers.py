"""The viewer's frame, and scans as napari layers: the only place where axes are reversed.

The planner's world is DICOM LPS. The viewer's is (S, P, L): the same axes the other way round, as arrays are stored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from planner.geometry.grid import Grid
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.segment.display import volume_for_display
from planner.station.reslice.windows import WINDOWS

LayerData = tuple[Any, dict[str, Any], str]
"""What napari takes for a layer: data, arguments, type."""

AXES = ("S", "P", "L")
UNITS = ("mm", "mm", "mm")
METADATA = "cement_planner"
"""Key under which a layer's `Origin` stands in its metadata."""
BONE_WINDOW_HU = (WINDOWS["bone"].low_hu, WINDOWS["bone"].high_hu)
SLAB_MM = 2.5
"""How far beyond a cut dots are looked for: more than half of the widest needle (3.2 mm), half of the largest mark."""
SURFACE_SCALE = (-1.0, 1.0, 1.0)
"""Of surfaces, whose arrays are mirrored once more. napari 0.9 lights surfaces from behind where its camera stands so
that no patient is mirrored (in its own words, "not working well with axis flip"); so they are lit from the viewer."""
_REVERSED = np.eye(4)[[2, 1, 0, 3]]


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a layer comes from.

    Parameters
    ----------
    scan : Scan or None
        The CT that an image layer shows.
    plan : Plan or None
        The plan that a layer shows a part of.
    wish : str or None
        Which of the operator's wishes a layer holds.
    only : "2d", "3d" or None
        The views that it is made for; None leaves it to the layer's kind.
    beside : Scan or None
        The CT that this image, for display only, lies over.
    """

    scan: Scan | None = None
    plan: Plan | None = None
    wish: str | None = None
    only: Literal["2d", "3d"] | None = None
    beside: Scan | None = None


def origin_of(layer: Any) -> Origin | None:
    """Say where a layer comes from.

    Parameters
    ----------
    layer : napari.layers.Layer
        Any layer.

    Returns
    -------
    Origin or None
        None for layers that are not the planner's.
    """
    origin = layer.metadata.get(METADATA)
    return origin if isinstance(origin, Origin) else None


def of_plan(layers: Sequence[Any], before: Plan | None, plan: Plan | None) -> Sequence[Any]:
    """Let layers belong to the same plan with its other review.

    Parameters
    ----------
    layers : sequence of napari.layers.Layer
        Any layers.
    before, plan : Plan or None
        The plan as it was, and as it is: layers of the former are told to be of the latter.

    Returns
    -------
    sequence of napari.layers.Layer
        The layers that were given.
    """
    for layer in layers:
        origin = origin_of(layer)
        if origin is not None and origin.plan is not None and origin.plan is before:
            layer.metadata[METADATA] = replace(origin, plan=plan)
    return layers


def world_from_index(grid: Grid) -> npt.NDArray[np.float64]:
    """Give a layer's affine.

    Parameters
    ----------
    grid : Grid
        The grid of the layer's array.

    Returns
    -------
    ndarray, shape (4, 4)
        From array indices to the viewer's (S, P, L), mm.
    """
    return np.asarray(_REVERSED @ grid.lps_from_index)


def to_world(points_lps: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Turn LPS positions into the viewer's.

    Parameters
    ----------
    points_lps : array_like, shape (..., 3)
        LPS, mm.

    Returns
    -------
    ndarray, shape (..., 3)
        (S, P, L), mm.
    """
    return np.asarray(points_lps, dtype=np.float64)[..., ::-1]


def to_lps(points_world: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Turn the viewer's positions into LPS.

    Parameters
    ----------
    points_world : array_like, shape (..., 3)
        (S, P, L), mm.

    Returns
    -------
    ndarray, shape (..., 3)
        LPS, mm.
    """
    return np.asarray(points_world, dtype=np.float64)[..., ::-1]


def surface_to_layer(
    points_lps: npt.ArrayLike, triangles: npt.ArrayLike
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Turn a mesh into the array of a layer whose scale is `SURFACE_SCALE`.

    Parameters
    ----------
    points_lps : array_like, shape (N, 3)
        Corners, LPS mm.
    triangles : array_like, shape (M, 3)
        Indices of corners, counter-clockwise seen from outside.

    Returns
    -------
    points : ndarray, shape (N, 3)
        (-S, P, L), mm: with the scale they stand in the viewer's (S, P, L).
    triangles : ndarray, shape (M, 3)
        The same triangles.
    """
    return to_world(points_lps) * SURFACE_SCALE, np.asarray(triangles, dtype=np.int64)


def scan_layers(scan: Scan, *, name: str) -> list[LayerData]:
    """Show a CT.

    Parameters
    ----------
    scan : Scan
        The CT.
    name : str
        The layer's name.

    Returns
    -------
    list of LayerData
        One image, along the patient's axes.
    """
    shown = volume_for_display(scan.volume)
    arguments = {
        **layer_arguments(name, Origin(scan=scan), world_from_index(shown.grid)),
        "contrast_limits": BONE_WINDOW_HU,
        "colormap": "gray",
        "interpolation2d": "linear",
        "projection_mode": "none",
        # Drawn first and without depth: in 3D, structures and needles stay visible inside of the bone.
        "blending": "translucent_no_depth",
    }
    return [(shown.hu, arguments, "image")]


def display_only_layers(scan: Scan, *, name: str, beside: Scan | None = None) -> list[LayerData]:
    """Show a CT that is not to be measured: hidden until it is wanted, and not among the CTs to plan on.

    Parameters
    ----------
    scan : Scan
        The CT.
    name : str
        The layer's name.
    beside : Scan or None
        The CT that it lies over.

    Returns
    -------
    list of LayerData
        One image, along the patient's axes.
    """
    return [
        (hu, {**arguments, "metadata": {METADATA: Origin(beside=beside)}, "visible": False}, kind)
        for hu, arguments, kind in scan_layers(scan, name=name)
    ]


def ct_layers(scan: Scan, alternative: Scan | None, *, name: str) -> list[LayerData]:
    """Show a CT, and hidden over it what is offered beside it for display.

    Parameters
    ----------
    scan : Scan
        The CT.
    alternative : Scan or None
        The same with metal artefact reduction.
    name : str
        The layer's name.

    Returns
    -------
    list of LayerData
    """
    layers = scan_layers(scan, name=name)
    if alternative is not None:
        layers += display_only_layers(
            alternative, name=f"{name}, metal artefacts reduced (for display only)", beside=scan
        )
    return layers


def layer_arguments(name: str, origin: Origin, affine: npt.NDArray[np.float64] | None = None) -> dict[str, Any]:
    """Give the arguments that all of our layers share.

    Parameters
    ----------
    name : str
        The layer's name.
    origin : Origin
        Where it comes from.
    affine : ndarray, shape (4, 4), or None
        From its array to the viewer's (S, P, L); None where its data are positions.

    Returns
    -------
    dict
    """
    common: dict[str, Any] = {"name": name, "metadata": {METADATA: origin}, "axis_labels": AXES, "units": UNITS}
    return common if affine is None else {**common, "affine": affine}


def number(value: float | None) -> float:
    """Write what was not measured as NaN: a column of a table has no other word for it."""
    return float("nan") if value is None else value
