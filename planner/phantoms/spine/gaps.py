"""Every lucent space of a spine recipe: halos, empty tracks, channels, cage interfaces, clefts; and sclerotic rims."""

from collections.abc import Sequence

import numpy as np

from planner.errors import ConfigError
from planner.geometry.frames import point_tuple
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Difference, Grown, Intersection, Solid, Union
from planner.phantoms.solids.nearby import nearby
from planner.phantoms.solids.raster import grid_over, rasterise
from planner.phantoms.spine.cages import PlacedCage
from planner.phantoms.spine.halos import TRACK_MM, empty_track, halo_hole, nominal_width_mm, wall_channel
from planner.phantoms.spine.hardware import Hardware
from planner.phantoms.spine.places import bone_at, marrow_at
from planner.phantoms.spine.polyaxial import PolyaxialScrew
from planner.phantoms.tissues import SCLEROTIC
from planner.phantoms.truth.facts import TrueGap

_LOOKED_MM = 0.8
"""Lattice on which a gap is looked for, to refuse an empty one."""
_LEAST_MM3 = 20.0
_REACH_MM = 2.0


def gaps_of(hardware: Hardware) -> tuple[TrueGap, ...]:
    """Give every gap of a recipe.

    Parameters
    ----------
    hardware : Hardware
        The recipe, placed in its patient.

    Returns
    -------
    tuple of TrueGap
        Of screws, of cages, of fractures, in this order; each within bone, without any metal.

    Raises
    ------
    ConfigError
        If a halo or an interface of the recipe lies wholly outside of the bone, or within metal.
    """
    gaps = [_screw_gap(screw, hardware) for screw in hardware.screws]
    gaps += [_cage_gap(cage, hardware) for cage in hardware.cages]
    return (*(g for g in gaps if g is not None), *_cleft_gaps(hardware))


def rims_of(hardware: Hardware) -> tuple[Part, ...]:
    """Give the sclerotic rims round halos, to be painted before gaps and metal."""
    rims = []
    for screw in hardware.screws:
        halo = screw.recipe.halo
        if halo is None or halo.rim_mm <= 0.0:
            continue
        hole = halo_hole(halo, screw.planned, screw.recipe.diameter_mm)
        marrow = Difference(marrow_at(hardware.column, screw.recipe.level, screw.recipe.site), hardware.column.holes)
        grown = Grown(hole, halo.rim_mm)
        rim = nearby(Intersection((grown, marrow)), grown.bounds_lps, reach_mm=_REACH_MM)
        rims.append(Part(f"rim {screw.recipe.id}", rim, SCLEROTIC))
    return tuple(rims)


def _screw_gap(screw: PolyaxialScrew, hardware: Hardware) -> TrueGap | None:
    recipe, holes = screw.recipe, list[Solid]()
    if recipe.halo is not None:
        holes.append(halo_hole(recipe.halo, screw.planned, recipe.diameter_mm))
    if recipe.pulled_out_mm > 0.0:
        holes.append(empty_track(screw.planned, recipe.diameter_mm))
    if not holes:
        return None
    bone = bone_at(hardware.column, recipe.level, recipe.site)
    holes += [wall_channel(d, screw.planned, bone) for d in recipe.wall_defects]
    solid = _lucent(Union(tuple(holes)), bone, hardware)
    _require_some(solid, f"the halo of screw {recipe.id}")
    width = nominal_width_mm(recipe.halo, screw.planned, recipe.diameter_mm) if recipe.halo is not None else TRACK_MM
    return TrueGap(f"gap-{recipe.id}", recipe.id, "screw_halo", width, solid, recipe.level)


def _cage_gap(cage: PlacedCage, hardware: Hardware) -> TrueGap | None:
    recipe = cage.recipe
    if cage.lucent is None or recipe.interface_mm is None:
        return None
    level = recipe.lower if recipe.sunk_into == "lower" else recipe.upper
    solid = _lucent(cage.lucent, bone_at(hardware.column, level), hardware)
    _require_some(solid, f"the interface of {recipe.id}")
    return TrueGap(f"gap-{recipe.id}", recipe.id, "cage_interface", recipe.interface_mm, solid, level)


def _cleft_gaps(hardware: Hardware) -> tuple[TrueGap, ...]:
    out = []
    for number, cleft in enumerate(hardware.column.lucencies, start=1):
        solid = _without_metal(cleft.solid, hardware)
        here = [s for s in hardware.screws if s.recipe.level == cleft.level]
        middle = np.mean(cleft.solid.bounds_lps, axis=0)
        nearest = min(here, key=lambda s: _apart_mm(s, middle), default=None)
        screw = None if nearest is None else nearest.recipe.id
        name = f"gap-{cleft.level.lower()}-fracture-{number}"
        out.append(TrueGap(name, screw, "fracture_level", cleft.width_mm, solid, cleft.level))
    return tuple(out)


def _apart_mm(screw: PolyaxialScrew, point_lps: Sequence[float]) -> float:
    along = np.clip((np.asarray(point_lps) - screw.axis.head_lps) @ screw.axis.direction, 0.0, screw.axis.length_mm)
    return float(np.linalg.norm(screw.axis.at(float(along)) - np.asarray(point_lps)))


def _lucent(hole: Solid, bone: Solid, hardware: Hardware) -> Solid:
    within = Difference(bone, hardware.column.holes)
    return _without_metal(Intersection((hole, within)), hardware)


def _without_metal(solid: Solid, hardware: Hardware) -> Solid:
    # A gap is asked for its distance very often: what lies nowhere near it is left out.
    left = Difference(solid, Union(hardware.hulls)) if hardware.hulls else solid
    return nearby(left, solid.bounds_lps, reach_mm=_REACH_MM)


def _require_some(solid: Solid, what: str) -> None:
    grid = grid_over(solid.bounds_lps, _LOOKED_MM)
    found = int(rasterise(solid, grid).sum()) * grid.voxel_volume_mm3
    if found < _LEAST_MM3:
        middle = point_tuple(np.mean(solid.bounds_lps, axis=0).round(1))
        raise ConfigError(f"{what} leaves no lucent space: round {middle} there is no bone beside the metal")
