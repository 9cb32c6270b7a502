"""Every lucent space of a spine recipe: halos, empty tracks, channels, cage interfaces, clefts; and sclerotic rims.

No two gaps run into each other: a septum of bone stays between them. A fracture line that meets a gap is no gap of its
own but a way out of that one: cement that is meant for the gap leaves through it. A line that meets none is the gap of
its fractured level, as is the cleft of a collapsed body always.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from planner.errors import ConfigError
from planner.geometry.frames import point_tuple
from planner.model.gap import GapKind
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Bounds, Difference, Grown, Intersection, Solid, Union
from planner.phantoms.solids.nearby import nearby
from planner.phantoms.solids.raster import grid_over, rasterise
from planner.phantoms.spine.defects.halos import TRACK_MM, empty_track, halo_hole, nominal_width_mm, wall_channel
from planner.phantoms.spine.hardware.cages import PlacedCage
from planner.phantoms.spine.hardware.placed import Hardware
from planner.phantoms.spine.hardware.polyaxial import PolyaxialScrew
from planner.phantoms.spine.patient.altered import Lucency
from planner.phantoms.spine.places import bone_at, marrow_at
from planner.phantoms.tissues import FIBROUS, SCLEROTIC, Tissue
from planner.phantoms.truth.facts import TrueGap, WayOut

_LOOKED_MM = 0.8
"""Lattice on which a gap is looked for, to refuse an empty one."""
_LEAST_MM3 = 20.0
_REACH_MM = 2.0
_SEPTUM_MM = 1.0
"""Bone that stays between two gaps; a scan shows no less. Set by eye."""
_TOUCH_MM = 0.35
"""Voxels on which it is asked whether two spaces meet: neighbours do."""


@dataclass(frozen=True)
class LucentSpaces:
    """All lucent spaces of a recipe.

    Parameters
    ----------
    gaps : tuple of TrueGap
        Of screws, of cages, of fractures, in this order; each within bone, without any metal, clear of the others.
    lines : tuple of WayOut
        Fracture lines that meet a gap, without gaps and metal.
    parts : tuple of Part
        All of them, to be painted over whatever lies in bone, and before metal.
    """

    gaps: tuple[TrueGap, ...]
    lines: tuple[WayOut, ...]
    parts: tuple[Part, ...]

    @property
    def bounds_lps(self) -> tuple[Bounds, ...]:
        """Boxes round what they fill, LPS mm."""
        return tuple(box for part in self.parts if (box := _filled_box(part.solid)) is not None)


@dataclass(frozen=True)
class _Space:
    """A lucent space of an implant or a level before others, and metal, are taken from it."""

    id: str
    implant_id: str | None
    kind: GapKind
    width_mm: float
    solid: Solid
    level: str
    tissue: Tissue = FIBROUS


def lucent_spaces(hardware: Hardware) -> LucentSpaces:
    """Give every gap of a recipe, and the fracture lines that lead out of one.

    Parameters
    ----------
    hardware : Hardware
        The recipe, placed in its patient.

    Returns
    -------
    LucentSpaces

    Raises
    ------
    ConfigError
        If a halo or an interface of the recipe lies wholly outside of the bone, or within metal or another gap.
    """
    spaces = [s for screw in hardware.screws if (s := _screw_space(screw, hardware)) is not None]
    spaces += [s for cage in hardware.cages if (s := _cage_space(cage, hardware)) is not None]
    fractures = [(x, _fracture_space(x, n, hardware)) for n, x in enumerate(hardware.column.lucencies, start=1)]
    gaps, parts = list[TrueGap](), list[Part]()
    for n, space in enumerate(spaces := [*spaces, *(s for x, s in fractures if not x.is_line)]):
        gap = _gap(space, [s.solid for s in spaces[:n]], hardware)
        gaps.append(gap)
        parts.append(Part(gap.id, gap.solid, space.tissue))
    lines = list[WayOut]()
    for _, line in (pair for pair in fractures if pair[0].is_line):
        left = _without_metal(_without(line.solid, [g.solid for g in gaps]), hardware)
        if any(_meet(left, g.solid) for g in gaps):
            lines.append(WayOut(f"fracture line {line.level}", "fracture", left))
            parts.append(Part(lines[-1].name, left, line.tissue))
        else:
            gaps.append(TrueGap(line.id, line.implant_id, line.kind, line.width_mm, left, line.level))
            parts.append(Part(line.id, left, line.tissue))
    return LucentSpaces(tuple(gaps), tuple(lines), tuple(parts))


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


def _screw_space(screw: PolyaxialScrew, hardware: Hardware) -> _Space | None:
    recipe, holes = screw.recipe, list[Solid]()
    if recipe.halo is not None:
        holes.append(halo_hole(recipe.halo, screw.planned, recipe.diameter_mm))
    if recipe.pulled_out_mm > 0.0:
        holes.append(empty_track(screw.planned, recipe.diameter_mm))
    if not holes:
        return None
    bone = bone_at(hardware.column, recipe.level, recipe.site)
    holes += [wall_channel(d, screw.planned, bone) for d in recipe.wall_defects]
    solid = _in_bone(Union(tuple(holes)), bone, hardware)
    width = nominal_width_mm(recipe.halo, screw.planned, recipe.diameter_mm) if recipe.halo is not None else TRACK_MM
    piece = screw.piece_ids[screw.loose_piece or 0]
    return _Space(f"gap-{recipe.id}", piece, "screw_halo", width, solid, recipe.level)


def _cage_space(cage: PlacedCage, hardware: Hardware) -> _Space | None:
    recipe = cage.recipe
    if cage.lucent is None or recipe.interface_mm is None:
        return None
    level = recipe.lower if recipe.sunk_into == "lower" else recipe.upper
    solid = _in_bone(cage.lucent, bone_at(hardware.column, level), hardware)
    return _Space(f"gap-{recipe.id}", recipe.id, "cage_interface", recipe.interface_mm, solid, level)


def _fracture_space(opened: Lucency, number: int, hardware: Hardware) -> _Space:
    here = [s for s in hardware.screws if s.recipe.level == opened.level]
    middle = np.mean(opened.solid.bounds_lps, axis=0)
    nearest = min(here, key=lambda s: _apart_mm(s, middle), default=None)
    screw = None if nearest is None else nearest.recipe.id
    name = f"gap-{opened.level.lower()}-fracture-{number}"
    solid = nearby(Difference(opened.solid, hardware.column.holes), opened.solid.bounds_lps, reach_mm=_REACH_MM)
    return _Space(name, screw, "fracture_level", opened.width_mm, solid, opened.level, opened.tissue)


def _apart_mm(screw: PolyaxialScrew, point_lps: Sequence[float]) -> float:
    along = np.clip((np.asarray(point_lps) - screw.axis.head_lps) @ screw.axis.direction, 0.0, screw.axis.length_mm)
    return float(np.linalg.norm(screw.axis.at(float(along)) - np.asarray(point_lps)))


def _gap(space: _Space, others: Sequence[Solid], hardware: Hardware) -> TrueGap:
    clear = _without(space.solid, [Grown(o, _SEPTUM_MM) for o in others])
    gap = TrueGap(space.id, space.implant_id, space.kind, space.width_mm, _without_metal(clear, hardware), space.level)
    if space.kind != "fracture_level":
        _require_some(gap)
    return gap


def _in_bone(hole: Solid, bone: Solid, hardware: Hardware) -> Solid:
    return nearby(Intersection((hole, Difference(bone, hardware.column.holes))), hole.bounds_lps, reach_mm=_REACH_MM)


def _without(solid: Solid, others: Sequence[Solid]) -> Solid:
    if not others:
        return solid
    return nearby(Difference(solid, Union(tuple(others))), solid.bounds_lps, reach_mm=0.0)


def _without_metal(solid: Solid, hardware: Hardware) -> Solid:
    # A gap is asked for its distance very often: what lies nowhere near it is left out.
    left = Difference(solid, Union(hardware.hulls)) if hardware.hulls else solid
    return nearby(left, solid.bounds_lps, reach_mm=_REACH_MM)


def _require_some(gap: TrueGap) -> None:
    grid = grid_over(gap.solid.bounds_lps, _LOOKED_MM)
    found = int(rasterise(gap.solid, grid).sum()) * grid.voxel_volume_mm3
    if found < _LEAST_MM3:
        what = "halo of screw" if gap.kind == "screw_halo" else "interface of"
        middle = point_tuple(np.mean(gap.solid.bounds_lps, axis=0).round(1))
        raise ConfigError(
            f"the {what} {gap.id.removeprefix('gap-')} leaves no lucent space: round {middle} there is no bone beside "
            "metal and other gaps"
        )


def _meet(one: Solid, other: Solid) -> bool:
    """Say whether two spaces overlap or nearly touch."""
    low = np.maximum(one.bounds_lps[0], other.bounds_lps[0]) - 2.0 * _TOUCH_MM
    high = np.minimum(one.bounds_lps[1], other.bounds_lps[1]) + 2.0 * _TOUCH_MM
    if np.any(high <= low):
        return False
    grid = grid_over((low, high), _TOUCH_MM)
    near = ndimage.binary_dilation(rasterise(one, grid), np.ones((3, 3, 3)))
    return bool(near.any() and (near & rasterise(other, grid)).any())


def _filled_box(solid: Solid) -> Bounds | None:
    """Give a box round what a solid fills; its own box may reach far beyond that."""
    grid = grid_over(solid.bounds_lps, _LOOKED_MM)
    filled = np.argwhere(rasterise(solid, grid))
    if not len(filled):
        return None
    corners = grid.to_lps(np.stack([filled.min(axis=0), filled.max(axis=0)]).astype(np.float64))
    return corners[0] - _LOOKED_MM, corners[1] + _LOOKED_MM
