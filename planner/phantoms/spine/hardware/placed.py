"""All the hardware of a recipe, placed in a patient's spine: metal, cement, and what they are as truth."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from planner.config.phantoms.spine.hardware import Cage, Rod, Screw, Site
from planner.config.phantoms.spine.phantom import SpinePhantom
from planner.errors import ConfigError
from planner.geometry.frames import Array, PointsLps, PointTuple, point_tuple, unit
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Ball, Difference, Intersection, Solid, Union
from planner.phantoms.spine.defects.halos import ScrewAxis
from planner.phantoms.spine.hardware.cages import Endplate, PlacedCage, cement_lobes, vertebroplasty
from planner.phantoms.spine.hardware.polyaxial import PolyaxialScrew
from planner.phantoms.spine.hardware.rods import BentRod, cross_link
from planner.phantoms.spine.hardware.true_implants import material_of, true_cage, true_rod, true_screw
from planner.phantoms.spine.patient.column import Column
from planner.phantoms.spine.places import marrow_at, vertebra_at
from planner.phantoms.tissues import (
    BLOOD,
    COBALT_CHROME,
    FUSION_BONE,
    PEEK,
    PMMA,
    STEEL,
    TANTALUM,
    TITANIUM,
    UNHEALED_GRAFT,
    YELLOW_MARROW,
    ZIRCONIA_CEMENT,
)
from planner.phantoms.truth.facts import TrueImplant

_METALS = {"titanium": TITANIUM, "cobalt-chrome": COBALT_CHROME, "steel": STEEL}
_FAT_LOBULE_MM = 3.0
"""Radius of a lobule of marrow fat beside a screw; it just reaches the thread's crest."""
_ENDPLATE_DISH_SHARE = 0.75
"""Of the dish's depth, that lies beneath a cage's middle parts."""


@dataclass(frozen=True)
class Hardware:
    """The hardware of a recipe in a patient's spine.

    Parameters
    ----------
    recipe : SpinePhantom
        What there is.
    column : Column
        The patient's bones.
    """

    recipe: SpinePhantom
    column: Column

    @cached_property
    def screws(self) -> tuple[PolyaxialScrew, ...]:
        """The screws in the recipe's order, their tulips turned to the rods."""
        placed = {s.id: self._bare(s) for s in self.recipe.screws}
        for rod in self.rods:
            for number, screw in enumerate(self._along_rod(rod.recipe)):
                seated = screw.recipe.level not in rod.recipe.out_of
                direction = point_tuple(rod.direction_at(number))
                placed[screw.recipe.id] = replace(
                    screw, rod_lps=direction, rod_mm=rod.recipe.diameter_mm, seated=seated
                )
        return tuple(placed.values())

    @cached_property
    def rods(self) -> tuple[BentRod, ...]:
        """The rods in the recipe's order."""
        return tuple(self._rod(r) for r in self.recipe.rods)

    @cached_property
    def cages(self) -> tuple[PlacedCage, ...]:
        """The cages in the recipe's order."""
        return tuple(self._cage(c) for c in self.recipe.cages)

    @cached_property
    def cements(self) -> tuple[tuple[str, str, Solid], ...]:
        """Cement: id, level and solid, cut by the bone's shell."""
        out = []
        for cement in self.recipe.cements:
            vertebra = vertebra_at(self.column, cement.level)
            lobes = vertebroplasty(cement, vertebra.place(cement.centre_mm))
            out.append((cement.id, cement.level, self._in_marrow(cement.level, lobes)))
        for number, screw in enumerate(self.screws):
            if screw.recipe.cement_ml > 0.0:
                centre = point_tuple(screw.axis.at(screw.axis.length_mm - 8.0))
                lobes = cement_lobes(centre, screw.recipe.cement_ml, seed=[self.recipe.seed, number], spread=0.6)
                level = screw.recipe.level
                out.append((f"cement-{screw.recipe.id}", level, self._in_marrow(level, lobes, screw.recipe.site)))
        return tuple(out)

    @cached_property
    def hulls(self) -> tuple[Solid, ...]:
        """All that hardware takes from the bone: bores, slots and graft windows filled."""
        return (
            *(s.hull for s in self.screws),
            *(r.metal for r in self.rods),
            *(link[0] for link in self._links),
            *(c.hull for c in self.cages),
            *(solid for _, _, solid in self.cements),
        )

    @cached_property
    def implants(self) -> tuple[TrueImplant, ...]:
        """What they are as truth: screws, rods, cross-links, cages, cement."""
        return (
            *(piece for s in self.screws for piece in true_screw(s, self.column)),
            *(piece for r in self.rods for piece in true_rod(r)),
            *self._true_links,
            *(true_cage(c) for c in self.cages),
            *(
                TrueImplant(id=name, kind="cement", solid=solid, level=level, material="pmma")
                for name, level, solid in self.cements
            ),
        )

    @cached_property
    def decoys(self) -> tuple[Part, ...]:
        """Marrow fat that touches firm screws: to be painted before any metal."""
        parts = []
        for screw in self.screws:
            for number, at in enumerate(screw.recipe.fat_at_mm, start=1):
                lobule = fat_lobule(screw, at, number=number)
                solid = self._in_marrow(screw.recipe.level, lobule, screw.recipe.site)
                parts.append(Part(f"marrow fat {screw.recipe.id} {number}", solid, YELLOW_MARROW))
        return tuple(parts)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Hardware in painter's order."""
        out = []
        zirconia = {c.id for c in self.recipe.cements if c.opacifier == "zirconia"}
        for name, _, solid in self.cements:
            out.append(Part(name, solid, ZIRCONIA_CEMENT if name in zirconia else PMMA))
        for cage in self.cages:
            # Where the bone does not hold the cage, its graft has not healed: chips of bone, no part of the gap.
            out.append(
                Part(f"graft {cage.recipe.id}", cage.hull, FUSION_BONE if cage.lucent is None else UNHEALED_GRAFT)
            )
            out.append(Part(cage.recipe.id, cage.frame, PEEK if cage.recipe.material == "PEEK" else TITANIUM))
            out += [Part(f"marker {cage.recipe.id}", pin, TANTALUM) for pin in cage.markers]
        for screw in self.screws:
            if screw.bores:
                bore = Intersection((Union(screw.bores), screw.hull))
                out.append(Part(f"bore {screw.recipe.id}", bore, BLOOD))
            pieces = zip(screw.piece_ids, screw.metals, strict=True)
            out += [Part(name, metal, _METALS[screw.recipe.metal]) for name, metal in pieces]
        for rod in self.rods:
            pieces = zip(rod.piece_ids, rod.metals, strict=True)
            out += [Part(name, metal, _METALS[rod.recipe.metal]) for name, metal in pieces]
        for link, recipe in zip(self._true_links, self.recipe.cross_links, strict=True):
            out.append(Part(link.id, link.solid, _METALS[recipe.metal]))
        return tuple(out)

    def require_apart(self) -> None:
        """Refuse screws that run into each other or into a cage.

        Raises
        ------
        ConfigError
            If they share metal.
        """
        for one, other in combinations(self.screws, 2):
            reach = (one.recipe.diameter_mm + other.recipe.diameter_mm) / 2.0
            if _between_mm(one.axis, other.axis) < reach:
                raise ConfigError(f"screws {one.recipe.id} and {other.recipe.id} run into each other")
        for cage in self.cages:
            for screw in self.screws:
                if _within_mm(screw, cage) < 0.0:
                    raise ConfigError(f"screw {screw.recipe.id} runs into {cage.recipe.id}")

    def _in_marrow(self, level: str, solid: Solid, site: Site = "pedicle") -> Solid:
        return Difference(Intersection((solid, marrow_at(self.column, level, site))), self.column.holes)

    def _bare(self, recipe: Screw) -> PolyaxialScrew:
        vertebra = vertebra_at(self.column, recipe.level)
        sign = 1.0 if recipe.side == "left" else -1.0
        head, tip = (vertebra.place((sign * p[0], p[1], p[2])) for p in (recipe.head_mm, recipe.tip_mm))
        axis = ScrewAxis(head, tip, point_tuple(vertebra.axes[:, 2]))
        return PolyaxialScrew(recipe, axis, point_tuple(vertebra.axes[:, 1]))

    def _along_rod(self, rod: Rod) -> list[PolyaxialScrew]:
        here = [self._bare(s) for s in self.recipe.screws if s.side == rod.side]
        return sorted(here, key=lambda s: s.rod_point_lps[2])

    def _rod(self, rod: Rod) -> BentRod:
        points = []
        for screw in self._along_rod(rod):
            away = rod.out_by_mm if screw.recipe.level in rod.out_of else 0.0
            points.append(point_tuple(np.array(screw.rod_point_lps) + away * screw.tulip_axis))
        middle = vertebra_at(self.column, self._along_rod(rod)[0].recipe.level)
        return BentRod(rod, tuple(points), point_tuple(middle.axes[:, 1]))

    @cached_property
    def _links(self) -> tuple[tuple[Solid, PointTuple, PointTuple], ...]:
        return tuple(cross_link(c, self.rods) for c in self.recipe.cross_links)

    @cached_property
    def _true_links(self) -> tuple[TrueImplant, ...]:
        out = []
        for number, (solid, start, stop) in enumerate(self._links, start=1):
            recipe = self.recipe.cross_links[number - 1]
            length = float(np.linalg.norm(np.subtract(start, stop)))
            out.append(
                TrueImplant(
                    id=f"cross-link-{number}",
                    kind="rod",
                    solid=solid,
                    head_lps=start,
                    tip_lps=stop,
                    diameter_mm=recipe.diameter_mm,
                    length_mm=length,
                    material=material_of(recipe.metal),
                )
            )
        return tuple(out)

    def _cage(self, recipe: Cage) -> PlacedCage:
        upper, lower = vertebra_at(self.column, recipe.upper), vertebra_at(self.column, recipe.lower)
        above = self._endplate(recipe.upper, upwards=False)
        below = self._endplate(recipe.lower, upwards=True)
        return PlacedCage(recipe, above, below, point_tuple(unit(upper.axes[:, 0] + lower.axes[:, 0])))

    def _endplate(self, level: str, *, upwards: bool) -> Endplate:
        vertebra = vertebra_at(self.column, level)
        form, sign = vertebra.shape.form, 1.0 if upwards else -1.0
        if form is None:
            half = vertebra.shape.body_mm[2]
        else:
            half = (form.upper_mm if upwards else form.lower_mm)[1] - _ENDPLATE_DISH_SHARE * form.dish_mm
        return Endplate(vertebra.place((0.0, 0.0, sign * half)), point_tuple(sign * vertebra.axes[:, 2]))


def fat_lobule(screw: PolyaxialScrew, at_mm: float, *, number: int = 1) -> Ball:
    """Give a lobule of fat that touches a screw, before the marrow cuts it.

    Parameters
    ----------
    screw : PolyaxialScrew
        Which.
    at_mm : float
        How far from its head.
    number : int
        Counted from 1; each lies on another side.

    Returns
    -------
    Ball
    """
    away = screw.recipe.diameter_mm / 2.0 + _FAT_LOBULE_MM - 0.3
    centre = screw.axis.at(at_mm) + away * screw.axis.toward(60.0 + 150.0 * number)
    return Ball(point_tuple(centre), _FAT_LOBULE_MM)


def _between_mm(one: ScrewAxis, other: ScrewAxis) -> float:
    """Give the least distance between two axes, to a tenth of a millimetre or so."""
    a, b = (
        np.array(x.head_lps) + np.linspace(0.0, 1.0, 200)[:, None] * np.subtract(x.tip_lps, x.head_lps)
        for x in (one, other)
    )
    apart: Array = np.linalg.norm(a[:, None] - b[None], axis=-1)
    return float(apart.min())


def _within_mm(screw: PolyaxialScrew, cage: PlacedCage) -> float:
    """Give the least distance between a screw's thread and a cage; negative where they share metal."""
    along = np.linspace(0.0, 1.0, 200)[:, None] * np.subtract(screw.axis.tip_lps, screw.axis.head_lps)
    points = PointsLps(np.array(screw.axis.head_lps) + along)
    return float(cage.hull.distance_mm(points).min()) - screw.recipe.diameter_mm / 2.0
