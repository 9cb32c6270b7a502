"""A plan as napari layers: structures, breaches, needles."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_cement._layers import LayerData, Origin, layer_arguments, number, to_world, world_from_index
from napari_cement.drawn.needle_layers import LOCKED, needle_layers
from napari_cement.drawn.wish_layers import WISH_LEGEND
from planner.model.breach import Breach
from planner.model.labels import LabelMap, Structure, StructureKind
from planner.model.plan import Plan
from planner.model.volume import Mask
from planner.report.palette import BONE, BREACH, CANAL, GAP, IMPLANT, NEEDLE, UNREADABLE
from planner.segment.display import labels_for_display

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
    ("gap: room for cement", GAP),
    ("breach: it may leak", BREACH),
    ("spinal canal", CANAL),
    ("needle", NEEDLE),
    ("locked needle", LOCKED),
    ("unreadable: artefacts", UNREADABLE),
    ("bone", BONE),
    *WISH_LEGEND,
)


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
        Where metal artefacts leave tissue unreadable, on any grid.

    Returns
    -------
    list of LayerData
        What there is of unreadable tissue, bone, canal, implants, gaps, breaches, breach sites, needle courses, ends
        and lines.
    """
    origin = Origin(plan=plan)
    layers: list[LayerData] = []
    if unreadable is not None:
        layers += unreadable_layers(plan, unreadable)
    if labels is not None:
        shown = labels_for_display(labels)
        wanted = [entry for entry in LABEL_LAYERS if with_bone or entry[0] != "bone"]
        made = [_label_layer(shown, entry, origin) for entry in wanted]
        layers.extend(layer for layer in made if layer is not None)
    if plan.breaches:
        layers.append(_breach_layer(plan.breaches, origin))
    return layers + needle_layers(plan.ways, origin)


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
        **layer_arguments(name, origin, world_from_index(labels.grid.crop(start, stop))),
        "opacity": opacity,
        "projection_mode": "none",
        "colormap": {None: (0, 0, 0, 0), 0: (0, 0, 0, 0), **{structure.code: colour for structure in ours}},
        "features": {"index": [0, *(s.code for s in ours)], "id": ["", *(s.id for s in ours)]},
    }
    return block, arguments, "labels"


def unreadable_layers(plan: Plan, unreadable: Mask) -> list[LayerData]:
    """Show where no tissue can be told.

    Parameters
    ----------
    plan : Plan
        The plan that it belongs to.
    unreadable : Mask
        Where metal artefacts leave tissue unreadable, on any grid.

    Returns
    -------
    list of LayerData
        Empty where that is nowhere.
    """
    structure = Structure(code=1, kind="other", id="unreadable")
    labels = labels_for_display(LabelMap(unreadable.grid, unreadable.voxels.astype(np.uint8), (structure,)))
    layer = _label_layer(labels, UNREADABLE_LAYER, Origin(plan=plan))
    return [] if layer is None else [layer]


def _breach_layer(breaches: Sequence[Breach], origin: Origin) -> LayerData:
    features = {
        "breach": [b.id for b in breaches],
        "gap": [b.gap_id for b in breaches],
        "leak_type": [b.leak_type or "not told" for b in breaches],
        "severity": [b.severity for b in breaches],
        "barrier_mm": [number(b.barrier_mm) for b in breaches],
        "area_mm2": [number(b.area_mm2) for b in breaches],
        "compartment": [b.compartment or "not told" for b in breaches],
        "literature_type": [b.literature_type or "" for b in breaches],
        "barrier_hu": [number(b.barrier_hu) for b in breaches],
        "neck_mm": [number(b.neck_mm) for b in breaches],
        "trust": [number(b.trust) for b in breaches],
        "reached": [{None: "not simulated", True: "yes", False: "never"}[b.reached] for b in breaches],
        "leak_after_ml": [number(b.leak_after_ml) for b in breaches],
        "stop_ml": [number(b.stop_ml) for b in breaches],
    }
    arguments = {
        **layer_arguments("breach sites", replace(origin, only="2d")),
        "features": features,
        "symbol": "cross",
        "size": 5.0,
        "face_color": BREACH,
        "border_color": "black",
        "projection_mode": "rescale_spherical",
        "blending": "translucent_no_depth",
    }
    return to_world([b.centroid_lps for b in breaches]), arguments, "points"
