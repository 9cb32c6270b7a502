"""Needles as napari layers: dots along their course, marks at their ends, lines in 3D."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_cement._layers import LayerData, Origin, layer_arguments, number, to_world
from planner.model.needle import NeedleWay, Trajectory
from planner.report.palette import NEEDLE

COURSE_STEP_MM = 0.5
"""Between the dots of a needle's course: finer than any slice, so that each cut through the needle shows one."""

LOCKED = "#FFFFFF"
"""Colour of needles that a person chose; with a dark rim, so that metal below them is told apart."""


def needle_layers(ways: Sequence[NeedleWay], origin: Origin) -> list[LayerData]:
    """Show needles.

    Parameters
    ----------
    ways : sequence of NeedleWay
        To gaps, to targets picked by hand, to intact levels.
    origin : Origin
        Where they come from.

    Returns
    -------
    list of LayerData
        Courses, ends and lines; none without needles.
    """
    if not ways:
        return []
    in_cuts = replace(origin, only="2d")  # in 3D needles are surfaces
    return [_course_layer(ways, in_cuts), _ends_layer(ways, in_cuts), _line_layer(ways, in_cuts)]


def is_locked(way: NeedleWay) -> bool:
    """Say whether a needle stays as a person chose it."""
    return isinstance(way, Trajectory) and way.locked


def needle_sizes(
    features: Mapping[str, Sequence[Any]], trajectory_id: str | None, hidden: frozenset[str] = frozenset()
) -> npt.NDArray[np.float64]:
    """Size the marks of needles so that only the wanted ones are seen.

    Parameters
    ----------
    features : mapping
        The layer's features.
    trajectory_id : str or None
        The needle that is looked at; None shows the first needle of each target, and all that stay as they are.
    hidden : frozenset of str
        Ids of needles that the user does not want to see.

    Returns
    -------
    ndarray
        mm, 0 for what is not wanted (napari's own ``shown`` does not count in 3D).
    """
    ids = np.asarray(features["trajectory"]).astype(str)
    if trajectory_id is None:
        wanted = (np.asarray(features["rank"]) == 1) | np.asarray(features["locked"], dtype=bool)
    else:
        wanted = ids == trajectory_id
    wanted = wanted & ~np.isin(ids, sorted(hidden))
    return np.where(wanted, np.asarray(features["size_mm"], dtype=np.float64), 0.0)


def _course_layer(ways: Sequence[NeedleWay], origin: Origin) -> LayerData:
    """Show needles as dots along their course, as wide as the needle: a cut shows its cross-section."""
    points: list[npt.NDArray[np.float64]] = []
    features: dict[str, list[Any]] = {"trajectory": [], "rank": [], "locked": [], "size_mm": []}
    colours: list[str] = []
    for way in ways:
        dots = course(np.asarray(way.path_lps, dtype=np.float64))
        points.append(dots)
        features["trajectory"] += [way.id] * len(dots)
        features["rank"] += [way.rank] * len(dots)
        features["locked"] += [is_locked(way)] * len(dots)
        features["size_mm"] += [way.needle.outer_diameter_mm] * len(dots)
        colours += [_colour(way)] * len(dots)
    arguments = {
        **layer_arguments("needles", origin),
        "features": features,
        "size": needle_sizes(features, None),
        "face_color": colours,
        # Even a dot of no size shows its rim.
        "border_color": ["black" if locked else "transparent" for locked in features["locked"]],
        "border_width": [0.15 if locked else 0.0 for locked in features["locked"]],
        "projection_mode": "rescale_spherical",
    }
    return to_world(np.concatenate(points)), arguments, "points"


def course(path_lps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Place dots along a path.

    Parameters
    ----------
    path_lps : ndarray, shape (M, 3)
        Its corners, LPS mm.

    Returns
    -------
    ndarray, shape (N, 3)
        LPS mm, no farther apart than `COURSE_STEP_MM`.
    """
    pieces = [path_lps[:1]]
    for start, stop in pairwise(path_lps):
        count = max(1, int(np.ceil(np.linalg.norm(stop - start) / COURSE_STEP_MM)))
        pieces.append(start + np.arange(1, count + 1)[:, None] / count * (stop - start))
    return np.concatenate(pieces)


def _ends_layer(ways: Sequence[NeedleWay], origin: Origin) -> LayerData:
    points: list[Sequence[float]] = []
    features: dict[str, list[Any]] = {"trajectory": [], "point": [], "rank": [], "locked": [], "size_mm": []}
    colours: list[str] = []
    for way in ways:
        ends = {
            "skin entry": way.entry_skin_lps,
            "bone entry": way.entry_bone_lps,
            "target": way.target_lps,
        }
        for what, where in ends.items():
            if where is not None:
                points.append(where)
                features["trajectory"].append(way.id)
                features["point"].append(what)
                features["rank"].append(way.rank)
                features["locked"].append(is_locked(way))
                features["size_mm"].append(5.0 if what == "target" else 3.5)
                colours.append(_colour(way))
    symbols = {"skin entry": "ring", "bone entry": "disc", "target": "star"}
    arguments = {
        **layer_arguments("needle ends", origin),
        "features": features,
        "symbol": [symbols[what] for what in features["point"]],
        "size": needle_sizes(features, None),
        "face_color": colours,
        "border_color": "white",
        "border_width": 0.1,
        "projection_mode": "rescale_spherical",
    }
    return to_world(points), arguments, "points"


def _line_layer(ways: Sequence[NeedleWay], origin: Origin) -> LayerData:
    """Show all needles as lines in 3D, one row of features each; those after the first of a target are faint."""
    features = {
        "trajectory": [t.id for t in ways],
        "approach": [t.approach for t in ways],
        "goal": [t.goal_id for t in ways],
        "rank": [t.rank for t in ways],
        "locked": [is_locked(t) for t in ways],
        "needle": [t.needle.gauge for t in ways],
        "depth_from_skin_mm": [number(t.depth_from_skin_mm) for t in ways],
        "depth_in_bone_mm": [t.depth_in_bone_mm for t in ways],
        "clear_of_metal_mm": [number(t.clearance_mm.metal) for t in ways],
        "clear_of_canal_mm": [number(t.clearance_mm.canal) for t in ways],
        "clear_of_breach_mm": [number(t.clearance_mm.nearest_breach) for t in ways],
        "score": [t.score for t in ways],
    }
    arguments = {
        **layer_arguments("trajectories", origin),
        "features": features,
        "shape_type": "path",
        "edge_color": [_colour(t) if _is_first(t) else f"{_colour(t)}66" for t in ways],
        "face_color": "transparent",
        "edge_width": [1.2 if _is_first(t) else 0.5 for t in ways],
    }
    return [to_world(t.path_lps) for t in ways], arguments, "shapes"


def _colour(way: NeedleWay) -> str:
    return LOCKED if is_locked(way) else NEEDLE


def _is_first(way: NeedleWay) -> bool:
    return way.rank == 1 or is_locked(way)
