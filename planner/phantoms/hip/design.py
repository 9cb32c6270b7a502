"""Hip phantoms to a recipe: the scene, its truth, and how it is scanned."""

import numpy as np

from planner.config.phantoms.hip.phantom import HipField, HipPhantom
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.phantoms.design import Design, ideal_like
from planner.phantoms.hip.build import BuiltHip
from planner.phantoms.hip.defects.reactions import bone_bed, cup_bed, decoy_parts
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Bounds, Union
from planner.phantoms.tissues import SCLEROTIC
from planner.phantoms.truth.anatomy import TrueAnatomy
from planner.phantoms.truth.facts import Truth
from planner.phantoms.truth.hip_anatomy import anatomy_of_hip

_FIELD_LATERAL_MM = 30.0
"""The field's middle lies so far lateral of the hip's centre, so that the skin over the trochanter is in it."""


def design_hip(recipe: HipPhantom) -> Design:
    """Design a hip phantom to a recipe.

    Parameters
    ----------
    recipe : HipPhantom
        All that is in it.

    Returns
    -------
    Design
        Supine and head first.

    Raises
    ------
    UsageError
        If the stem does not fit into the canal.
    """
    hip = BuiltHip(recipe)
    scene = scene_of(hip)
    truth = Truth(
        implants=hip.implants,
        gaps=hip.gaps,
        env=hip.env,
        body=hip.bed.body,
        structures=hip.bed.structures,
        host=Scene(_living(hip), texture_seed=recipe.seed),
        axes_lps=_axes(hip, recipe.field, _metal_box(hip)),
        ways_out=hip.ways_out,
        anatomy=_anatomy(hip, scene),
    )
    return Design(scene, truth, grid_of(hip), recipe.scan, ideal_like(recipe.scan))


def scene_of(hip: BuiltHip) -> Scene:
    """Give all that lies on the table, in painter's order."""
    recipe, bed = hip.recipe, hip.bed
    core = hip.stem.body if hip.cement is None else hip.cement.whole
    reaction = [bone_bed(bed, hip.stem, core), *decoy_parts(recipe.decoys, bed, hip.stem)]
    if not hip.cup.cemented:
        reaction.append(cup_bed(hip.cup.core_radius_mm, bed, hip.filled_pelvis))
    spaces = (*hip.stem_spaces, *hip.cup_spaces)
    rims = [Part("dense rim", s.rim, SCLEROTIC) for s in spaces if s.rim is not None]
    return Scene((*_living(hip), *reaction, *rims, *hip.implant_parts()), texture_seed=recipe.seed)


def grid_of(hip: BuiltHip) -> Grid:
    """Give the voxels of the default scan."""
    return _grid(hip, hip.recipe.field, _metal_box(hip))


def _anatomy(hip: BuiltHip, scene: Scene) -> TrueAnatomy:
    return anatomy_of_hip(
        hip.bed,
        femur=hip.femur_envelope,
        pelvis=hip.pelvis_envelope,
        pelvis_inside=hip.bed.pelvis_inside(hip.cup.opening_lps, hip.cup.core_radius_mm),
        scene=scene,
    )


def _living(hip: BuiltHip) -> tuple[Part, ...]:
    return hip.bed.parts(hip.cup.opening_lps, hip.cup.core_radius_mm)


def _metal_box(hip: BuiltHip) -> Bounds:
    return Union(tuple(i.solid for i in hip.implants)).bounds_lps


def _middle(hip: BuiltHip) -> Array:
    return np.array(hip.bed.frame.place((_FIELD_LATERAL_MM, 0.0, 0.0)))


def _box(hip: BuiltHip, field: HipField, metal: Bounds) -> Bounds:
    half = np.array([field.width_mm, field.depth_mm, 0.0]) / 2.0
    low, high = _middle(hip) - half, _middle(hip) + half
    low[2], high[2] = metal[0][2] - field.margin_mm, metal[1][2] + field.margin_mm
    return low, high


def _grid(hip: BuiltHip, field: HipField, metal: Bounds) -> Grid:
    low, high = _box(hip, field, metal)
    spacing = np.array([field.pixel_mm, field.pixel_mm, field.slice_mm])
    count = np.ceil((high - low) / spacing).astype(int)
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(spacing)[:, ::-1]
    matrix[:3, 3] = low + spacing / 2.0
    return Grid((int(count[2]), int(count[1]), int(count[0])), matrix)


def _axes(hip: BuiltHip, field: HipField, metal: Bounds) -> tuple[Array, Array, Array]:
    low, high = _box(hip, field, metal)
    x, y, z = (
        a + field.truth_mm * (np.arange(int((b - a) / field.truth_mm)) + 0.5) for a, b in zip(low, high, strict=True)
    )
    return x, y, z
