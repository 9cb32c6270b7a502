"""A plan's surfaces as napari layers: one for each kind, the see-through ones last."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from napari.utils.colormaps import Colormap

from napari_cement._layers import SURFACE_SCALE, LayerData, Origin, layer_arguments, surface_to_layer
from napari_cement.drawn.needle_layers import LOCKED, is_locked
from planner.model.needle import NeedleWay
from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.report.palette import BONE, BREACH, CANAL, GAP, IMPLANT, NEEDLE
from planner.station.surfaces import Surface

Group = Literal["implant", "breach", "needle", "locked", "other needle", "gap", "canal", "bone"]

SURFACE_LAYERS: tuple[tuple[Group, str, str, float], ...] = (
    ("bone", "bone (3D)", BONE, 0.3),
    ("implant", "implants (3D)", IMPLANT, 1.0),
    ("breach", "breaches (3D)", BREACH, 1.0),
    ("needle", "needles (3D)", NEEDLE, 1.0),
    ("locked", "locked needles (3D)", LOCKED, 1.0),
    ("other needle", "other needles (3D)", NEEDLE, 0.25),
    ("gap", "gaps (3D)", GAP, 0.65),
    ("canal", "spinal canal (3D)", CANAL, 0.35),
)
"""Group, layer's name, colour and opacity. Bone is drawn first and without depth, so that it hides nothing in it; what
else can be seen through is drawn last, for it veils only what is there before it."""

IDS = "ids"
"""Key in a layer's metadata under which stands what its mesh is made of."""
_Mesh = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.float32]]


def is_wanted(way: NeedleWay, chosen: str | None) -> bool:
    """Say whether a needle is shown in full: the chosen one; without one the first of each target, and locked ones."""
    return way.rank == 1 or is_locked(way) if chosen is None else way.id == chosen


def groups_of(plan: Plan, surfaces: Iterable[Surface], *, chosen: str | None) -> dict[Group, list[Surface]]:
    """Sort surfaces into the layers that show them.

    Parameters
    ----------
    plan : Plan
        What they show.
    surfaces : iterable of Surface
        The surfaces.
    chosen : str or None
        The needle that is looked at.

    Returns
    -------
    dict
        By group, only groups that hold something.
    """
    ways = {way.id: way for way in plan.ways}
    found: dict[Group, list[Surface]] = {}
    for surface in surfaces:
        group: Group
        if surface.kind != "needle":
            group = surface.kind
        elif not is_wanted(ways[surface.id], chosen):
            group = "other needle"
        else:
            group = "locked" if is_locked(ways[surface.id]) else "needle"
        found.setdefault(group, []).append(surface)
    return found


def surface_layers(plan: Plan, surfaces: Sequence[Surface]) -> list[LayerData]:
    """Show surfaces.

    Parameters
    ----------
    plan : Plan
        What they show.
    surfaces : sequence of Surface
        As `planner.station.surfaces.surfaces_of` makes them.

    Returns
    -------
    list of LayerData
        A layer for each group that may come to hold something, as another needle is chosen.
    """
    if not surfaces:
        return []
    groups = groups_of(plan, surfaces, chosen=None)
    possible: set[Group] = set(groups)
    if "needle" in {surface.kind for surface in surfaces}:
        possible |= {"needle", "other needle"} | ({"locked"} if any(is_locked(way) for way in plan.ways) else set())
    layers: list[LayerData] = []
    for group, name, colour, opacity in SURFACE_LAYERS:
        if group in possible:
            arguments: dict[str, Any] = {
                **layer_arguments(name, Origin(plan=plan, only="3d")),
                "scale": SURFACE_SCALE,
                "colormap": Colormap([colour, colour], name=f"cement {colour}"),
                "contrast_limits": (0.0, 1.0),
                "opacity": opacity,
                "shading": "smooth",
                "blending": _blending(group, opacity),
            }
            arguments["metadata"][IDS] = tuple(surface.id for surface in groups.get(group, []))
            layers.append((mesh_of(groups.get(group, []), nowhere=somewhere(surfaces)), arguments, "surface"))
    return layers


def somewhere(surfaces: Sequence[Surface]) -> PointLps:
    """Give a place in the scene, LPS mm."""
    x, y, z = surfaces[0].points_lps[0]
    return float(x), float(y), float(z)


def mesh_of(surfaces: Sequence[Surface], *, nowhere: PointLps) -> _Mesh:
    """Put surfaces into one of napari's meshes.

    Parameters
    ----------
    surfaces : sequence of Surface
        May be empty: then one triangle of no size, for napari takes no empty mesh.
    nowhere : PointLps
        Where that triangle lies, LPS mm: within the scene, for napari counts it in the scene's extent.

    Returns
    -------
    points : ndarray, shape (N, 3)
        As `surface_to_layer` gives them.
    triangles : ndarray, shape (M, 3)
        Indices of points.
    values : ndarray, shape (N,)
        1 throughout: the colour map has one colour.
    """
    if not surfaces:
        return *surface_to_layer(np.tile(nowhere, (3, 1)), [[0, 1, 2]]), np.ones(3, np.float32)
    offsets = np.cumsum([0, *(len(surface.points_lps) for surface in surfaces[:-1])])
    turned = [surface_to_layer(surface.points_lps, surface.triangles) for surface in surfaces]
    points = np.concatenate([corners for corners, _ in turned])
    triangles = np.concatenate([faces + offset for (_, faces), offset in zip(turned, offsets, strict=True)])
    return points, triangles, np.ones(len(points), np.float32)


def _blending(group: Group, opacity: float) -> str:
    if group == "bone":
        return "translucent_no_depth"
    return "opaque" if opacity == 1.0 else "translucent"
