"""Scans and plans as napari layers: the only place where axes are reversed.

The planner's world is DICOM LPS. The viewer's is (S, P, L): the same axes the other way round, as arrays are stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.geometry.grid import Grid
from planner.model.breach import Breach
from planner.model.labels import LabelMap, Structure, StructureKind
from planner.model.needle import Trajectory
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.model.volume import Mask
from planner.report.palette import BREACH, CANAL, GAP, IMPLANT, NEEDLE, UNREADABLE
from planner.segment.display import labels_for_display, volume_for_display

LayerData = tuple[Any, dict[str, Any], str]
"""What napari takes for a layer: data, arguments, type."""

AXES = ("S", "P", "L")
UNITS = ("mm", "mm", "mm")
METADATA = "cement_planner"
"""Key under which a layer's `Origin` stands in its metadata."""
BONE = "#BBBBBB"
BONE_WINDOW_HU = (-600.0, 1400.0)
"""Level 400, width 2000: the usual bone window."""
SLAB_MM = 2.5
"""How far beyond a cut dots are looked for: more than half of the widest needle (3.2 mm), half of the largest mark."""
COURSE_STEP_MM = 0.5
"""Between the dots of a needle's course: finer than any slice, so that each cut through the needle shows one."""

_REVERSED = np.eye(4)[[2, 1, 0, 3]]
_NOT_MEASURED = float("nan")

LABEL_LAYERS: tuple[tuple[StructureKind, str, str, float], ...] = (
    ("bone", "bone", BONE, 0.25),
    ("canal", "spinal canal", CANAL, 0.45),
    ("implant", "implants", IMPLANT, 0.5),
    ("gap", "gaps", GAP, 0.65),
    ("breach", "breaches", BREACH, 0.8),
)
"""Kind, layer's name, colour and opacity; the last lies on top."""

UNREADABLE_LAYER: tuple[StructureKind, str, str, float] = ("other", "unreadable by metal artefacts", UNREADABLE, 0.25)
"""Below all other structures."""

LEGEND = (
    ("implant", IMPLANT),
    ("gap: where cement can go", GAP),
    ("breach: where it can leak", BREACH),
    ("spinal canal", CANAL),
    ("needle", NEEDLE),
    ("unreadable by metal artefacts", UNREADABLE),
)


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a layer comes from.

    Parameters
    ----------
    scan : Scan or None
        The CT that an image layer shows.
    plan : Plan or None
        The plan that a layer shows a part of.
    """

    scan: Scan | None = None
    plan: Plan | None = None


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
        **_common(name, Origin(scan=scan), world_from_index(shown.grid)),
        "contrast_limits": BONE_WINDOW_HU,
        "colormap": "gray",
        "interpolation2d": "linear",
        "projection_mode": "none",
        # Drawn first and without depth: in 3D, structures and needles stay visible inside of the bone.
        "blending": "translucent_no_depth",
    }
    return [(shown.hu, arguments, "image")]


def display_only_layers(scan: Scan, *, name: str) -> list[LayerData]:
    """Show a CT that is not to be measured: hidden until it is wanted, and not among the CTs to plan on.

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
    return [
        (hu, {**arguments, "metadata": {METADATA: Origin()}, "visible": False}, kind)
        for hu, arguments, kind in scan_layers(scan, name=name)
    ]


def plan_layers(
    plan: Plan, labels: LabelMap | None, *, with_bone: bool = False, unreadable: Mask | None = None
) -> list[LayerData]:
    """Show a plan.

    Parameters
    ----------
    plan : Plan
        The plan.
    labels : LabelMap or None
        Its structures; None shows needles and breaches only.
    with_bone : bool
        Whether the bone is shown too: where there is no CT below.
    unreadable : Mask or None
        Where metal artefacts leave tissue unreadable, on any grid; a plan's folder does not hold it.

    Returns
    -------
    list of LayerData
        What there is of unreadable tissue, bone, canal, implants, gaps, breaches, breach sites, needle courses, ends
        and lines.
    """
    origin = Origin(plan=plan)
    layers: list[LayerData] = []
    if unreadable is not None:
        layers += _unreadable_layers(unreadable, origin)
    if labels is not None:
        shown = labels_for_display(labels)
        wanted = [entry for entry in LABEL_LAYERS if with_bone or entry[0] != "bone"]
        made = [_label_layer(shown, entry, origin) for entry in wanted]
        layers.extend(layer for layer in made if layer is not None)
    if plan.breaches:
        layers.append(_breach_layer(plan.breaches, origin))
    if plan.trajectories:
        layers += [
            _course_layer(plan.trajectories, origin),
            _ends_layer(plan.trajectories, origin),
            _line_layer(plan.trajectories, origin),
        ]
    return layers


def needle_sizes(features: Mapping[str, Sequence[Any]], trajectory_id: str | None) -> npt.NDArray[np.float64]:
    """Size the marks of needles so that only the wanted ones are seen.

    Parameters
    ----------
    features : mapping
        The layer's features.
    trajectory_id : str or None
        The needle that is looked at; None shows the first needle of each gap.

    Returns
    -------
    ndarray
        mm, 0 for what is not wanted (napari's own ``shown`` does not count in 3D).
    """
    if trajectory_id is None:
        wanted = np.asarray(features["rank"]) == 1
    else:
        wanted = np.asarray(features["trajectory"]).astype(str) == trajectory_id
    return np.where(wanted, np.asarray(features["size_mm"], dtype=np.float64), 0.0)


def _common(name: str, origin: Origin, affine: npt.NDArray[np.float64] | None = None) -> dict[str, Any]:
    common: dict[str, Any] = {"name": name, "metadata": {METADATA: origin}, "axis_labels": AXES, "units": UNITS}
    return common if affine is None else {**common, "affine": affine}


def _label_layer(labels: LabelMap, entry: tuple[StructureKind, str, str, float], origin: Origin) -> LayerData | None:
    """Show one kind of structure, cut to its box: small layers keep the 3D view quick."""
    kind, name, colour, opacity = entry
    ours = [structure for structure in labels.structures if structure.kind == kind]
    if not ours:
        return None
    keep = np.zeros(int(max(labels.codes.max(), *(s.code for s in labels.structures))) + 1, labels.codes.dtype)
    for structure in ours:
        keep[structure.code] = structure.code
    codes = keep[labels.codes]
    box = [np.flatnonzero(codes.any(axis=tuple(k for k in range(3) if k != axis))) for axis in range(3)]
    if not all(len(found) for found in box):
        return None
    start = (int(box[0][0]), int(box[1][0]), int(box[2][0]))
    stop = (int(box[0][-1]) + 1, int(box[1][-1]) + 1, int(box[2][-1]) + 1)
    block = codes[start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]].copy()
    arguments = {
        **_common(name, origin, world_from_index(labels.grid.crop(start, stop))),
        "opacity": opacity,
        "projection_mode": "none",
        "colormap": {None: (0, 0, 0, 0), 0: (0, 0, 0, 0), **{structure.code: colour for structure in ours}},
        "features": {"index": [0, *(s.code for s in ours)], "id": ["", *(s.id for s in ours)]},
    }
    return block, arguments, "labels"


def _unreadable_layers(unreadable: Mask, origin: Origin) -> list[LayerData]:
    """Show where no tissue can be told."""
    structure = Structure(code=1, kind="other", id="unreadable")
    labels = labels_for_display(LabelMap(unreadable.grid, unreadable.voxels.astype(np.uint8), (structure,)))
    layer = _label_layer(labels, UNREADABLE_LAYER, origin)
    return [] if layer is None else [layer]


def _breach_layer(breaches: Sequence[Breach], origin: Origin) -> LayerData:
    features = {
        "breach": [b.id for b in breaches],
        "gap": [b.gap_id for b in breaches],
        "leak_type": [b.leak_type or "not told" for b in breaches],
        "severity": [b.severity for b in breaches],
        "barrier_mm": [_number(b.barrier_mm) for b in breaches],
        "area_mm2": [_number(b.area_mm2) for b in breaches],
        "compartment": [b.compartment or "not told" for b in breaches],
        "literature_type": [b.literature_type or "" for b in breaches],
        "barrier_hu": [_number(b.barrier_hu) for b in breaches],
        "neck_mm": [_number(b.neck_mm) for b in breaches],
        "trust": [_number(b.trust) for b in breaches],
        "reached": [{None: "not simulated", True: "yes", False: "never"}[b.reached] for b in breaches],
        "leak_after_ml": [_number(b.leak_after_ml) for b in breaches],
        "stop_ml": [_number(b.stop_ml) for b in breaches],
    }
    arguments = {
        **_common("breach sites", origin),
        "features": features,
        "symbol": "cross",
        "size": 5.0,
        "face_color": BREACH,
        "border_color": "black",
        "projection_mode": "rescale_spherical",
        "blending": "translucent_no_depth",
    }
    return to_world([b.centroid_lps for b in breaches]), arguments, "points"


def _course_layer(trajectories: Sequence[Trajectory], origin: Origin) -> LayerData:
    """Show needles as dots along their course, as wide as the needle: a cut shows its cross-section."""
    points: list[npt.NDArray[np.float64]] = []
    features: dict[str, list[Any]] = {"trajectory": [], "rank": [], "size_mm": []}
    for trajectory in trajectories:
        course = _course(np.asarray(trajectory.path_lps, dtype=np.float64))
        points.append(course)
        features["trajectory"] += [trajectory.id] * len(course)
        features["rank"] += [trajectory.rank] * len(course)
        features["size_mm"] += [trajectory.needle.outer_diameter_mm] * len(course)
    arguments = {
        **_common("needles", origin),
        "features": features,
        "size": needle_sizes(features, None),
        "face_color": NEEDLE,
        "border_width": 0.0,
        "projection_mode": "rescale_spherical",
    }
    return to_world(np.concatenate(points)), arguments, "points"


def _course(path_lps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Place dots along a path, shape (N, 3)."""
    pieces = [path_lps[:1]]
    for start, stop in pairwise(path_lps):
        count = max(1, int(np.ceil(np.linalg.norm(stop - start) / COURSE_STEP_MM)))
        pieces.append(start + np.arange(1, count + 1)[:, None] / count * (stop - start))
    return np.concatenate(pieces)


def _ends_layer(trajectories: Sequence[Trajectory], origin: Origin) -> LayerData:
    points: list[Sequence[float]] = []
    features: dict[str, list[Any]] = {"trajectory": [], "point": [], "rank": [], "size_mm": []}
    for trajectory in trajectories:
        ends = {
            "skin entry": trajectory.entry_skin_lps,
            "bone entry": trajectory.entry_bone_lps,
            "target": trajectory.target_lps,
        }
        for what, where in ends.items():
            if where is not None:
                points.append(where)
                features["trajectory"].append(trajectory.id)
                features["point"].append(what)
                features["rank"].append(trajectory.rank)
                features["size_mm"].append(5.0 if what == "target" else 3.5)
    symbols = {"skin entry": "ring", "bone entry": "disc", "target": "star"}
    arguments = {
        **_common("needle ends", origin),
        "features": features,
        "symbol": [symbols[what] for what in features["point"]],
        "size": needle_sizes(features, None),
        "face_color": NEEDLE,
        "border_color": "white",
        "border_width": 0.1,
        "projection_mode": "rescale_spherical",
    }
    return to_world(points), arguments, "points"


def _line_layer(trajectories: Sequence[Trajectory], origin: Origin) -> LayerData:
    """Show all needles as lines in 3D, one row of features each; those after the first of a gap are faint."""
    features = {
        "trajectory": [t.id for t in trajectories],
        "approach": [t.approach for t in trajectories],
        "gap": [t.gap_id for t in trajectories],
        "rank": [t.rank for t in trajectories],
        "needle": [t.needle.gauge for t in trajectories],
        "depth_from_skin_mm": [_number(t.depth_from_skin_mm) for t in trajectories],
        "depth_in_bone_mm": [t.depth_in_bone_mm for t in trajectories],
        "clear_of_metal_mm": [_number(t.clearance_mm.metal) for t in trajectories],
        "clear_of_canal_mm": [_number(t.clearance_mm.canal) for t in trajectories],
        "clear_of_breach_mm": [_number(t.clearance_mm.nearest_breach) for t in trajectories],
        "score": [t.score for t in trajectories],
    }
    arguments = {
        **_common("trajectories", origin),
        "features": features,
        "shape_type": "path",
        "edge_color": [NEEDLE if t.rank == 1 else f"{NEEDLE}66" for t in trajectories],
        "face_color": "transparent",
        "edge_width": [1.2 if t.rank == 1 else 0.5 for t in trajectories],
    }
    return [to_world(t.path_lps) for t in trajectories], arguments, "shapes"


def _number(value: float | None) -> float:
    """Write what was not measured as NaN: a column of a table has no other word for it."""
    return _NOT_MEASURED if value is None else value
