"""A replaced hip put together from its recipe: implants in their bone, and the spaces round them."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from planner.config.phantoms.hip.defects import LucentLine
from planner.config.phantoms.hip.phantom import HipPhantom
from planner.geometry.frames import PointTuple
from planner.model.implant import Material
from planner.phantoms.hip.defects.cavities import perforation, stem_cavity, stem_fissure, stem_hole, worn_wall
from planner.phantoms.hip.defects.cup_defects import cup_cavity, cup_hole, cup_lines
from planner.phantoms.hip.defects.fractures import Cleft
from planner.phantoms.hip.defects.gaps import Lucent, joined, lucent, numbered
from planner.phantoms.hip.defects.lucent_lines import lines_below, lucent_share, stem_lines, toggle_spaces
from planner.phantoms.hip.defects.reactions import osteophyte
from planner.phantoms.hip.defects.surroundings import Space, Surroundings
from planner.phantoms.hip.hardware.cement import CRACK_MM, CementedBed, cement_stem, cement_tissue
from planner.phantoms.hip.hardware.cups import METALS, FittedCup, cup_opening, fit_cup
from planner.phantoms.hip.hardware.stems import FittedStem, fit_stem
from planner.phantoms.hip.patient.bed import HipBed, bed_of
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Ball, Difference, HalfSpace, Intersection, Solid, Union
from planner.phantoms.solids.blended import Boxed
from planner.phantoms.tissues import FIBROUS, POLYETHYLENE, TITANIUM
from planner.phantoms.truth.facts import TrueGap, TrueImplant, WayOut

_MATERIALS: dict[str, Material] = {
    "titanium": "titanium",
    "cobalt-chrome": "cobalt_chrome_or_steel",
    "steel": "cobalt_chrome_or_steel",
    "ceramic": "unknown",
}
_LOOSE_SHARE, _LOOSE_MM = 0.5, 2.0
"""A stem counts as loose from this share of its zones with a line, or with a wider line; Harris and O'Neill's rule for
cemented stems, from secondary sources."""


@dataclass(frozen=True)
class BuiltHip:
    """One hip made to a recipe.

    Parameters
    ----------
    recipe : HipPhantom
        All that is in it.
    """

    recipe: HipPhantom

    @cached_property
    def bed(self) -> HipBed:
        """The living part."""
        return bed_of(self.recipe.patient)

    @cached_property
    def lateral_lps(self) -> PointTuple:
        """Unit vector to the patient's outside."""
        return (1.0, 0.0, 0.0) if self.recipe.side == "left" else (-1.0, 0.0, 0.0)

    @cached_property
    def stem(self) -> FittedStem:
        """The stem in its femur."""
        return fit_stem(self.recipe.stem, self.bed.femur_bone)

    @cached_property
    def cement(self) -> CementedBed | None:
        """The stem's cement."""
        mantle = self.recipe.stem.mantle
        return None if mantle is None else cement_stem(mantle, self.stem, self.bed.femur_bone)

    @cached_property
    def filled_pelvis(self) -> Solid:
        """The pelvis's outside with the cup's bed filled."""
        reamed = self._reamed_pelvis
        return reamed.solid if isinstance(reamed, Difference) else reamed

    @cached_property
    def _reamed_pelvis(self) -> Solid:
        return self.bed.pelvis(cup_opening(self.recipe.cup, self.lateral_lps), self._core_radius_mm)

    @property
    def _core_radius_mm(self) -> float:
        cup = self.recipe.cup
        return cup.diameter_mm / 2.0 + (cup.mantle_mm if cup.fixation == "cemented" else 0.0)

    @cached_property
    def cup(self) -> FittedCup:
        """The cup in its pelvis."""
        return fit_cup(
            self.recipe.cup,
            self.recipe.head,
            centre_lps=self.bed.centre_lps,
            lateral_lps=self.lateral_lps,
            pelvis=self.filled_pelvis,
        )

    @cached_property
    def head(self) -> Solid:
        """The ball, with its bore for the neck."""
        return Difference(Ball(self.bed.centre_lps, self.recipe.head.diameter_mm / 2.0), self.stem.neck)

    @cached_property
    def _around_stem(self) -> Surroundings:
        femur = self.bed.femur_bone
        return Surroundings(
            axis=self.stem.axis,
            core=self.stem.body if self.cement is None else self.cement.whole,
            bone=femur.outside,
            whole_bone=femur.whole,
            kept=femur.kept,
            rim_mm=self.recipe.rim_mm,
            to_joint=self.recipe.to_joint,
        )

    def _lines(self, family: str, interface: str = "bone") -> tuple[LucentLine, ...]:
        return tuple(x for x in self.recipe.lines if x.zones[0].startswith(family) and x.interface == interface)

    @cached_property
    def stem_spaces(self) -> tuple[Space, ...]:
        """Pieces of lucent space between bone and stem, or bone and cement."""
        around, recipe = self._around_stem, self.recipe
        made = list(stem_lines(self._lines("gruen"), around))
        if recipe.toggle is not None:
            made += toggle_spaces(recipe.toggle, around)
        made += [stem_cavity(x, around) for x in recipe.lesions if x.zone.startswith("gruen")]
        made += [stem_hole(x, around) for x in recipe.holes if x.zone.startswith("gruen")]
        made += [worn_wall(x, around) for x in recipe.worn]
        if recipe.stem.perforates:
            made.append(perforation(around))
        return tuple(made)

    @cached_property
    def fissures(self) -> tuple[Space, ...]:
        """Cracks from the stem outwards: ways out of a gap rather than part of it."""
        return tuple(stem_fissure(x, self._around_stem) for x in self.recipe.fissures)

    @cached_property
    def clefts(self) -> tuple[Cleft, ...]:
        """The patient's own fracture lines."""
        return self.bed.clefts(self.cup.opening_lps, self.cup.core_radius_mm)

    @cached_property
    def ways_out(self) -> tuple[WayOut, ...]:
        """Cracks and fracture lines, without gaps and implants.

        A crack of the mantle, and the break of a stem, are among them only where they run into no gap: else they are
        part of that gap.
        """
        lone = [
            WayOut(s.kind + (" of the mantle" if s.kind == "crack" else " of the stem"), "fracture", Boxed(solid))
            for one in self._stem_lucent
            if one.is_crack
            for s, solid in zip(one.spaces, one.solids, strict=True)
        ]
        cracks = [("fissure", s.solid) for s in self.fissures] + [(c.fracture.kind, c.solid) for c in self.clefts]
        if not cracks:
            return tuple(lone)
        taken = Union((self._stem_side, self.cup.whole_ball, *(s.solid for s in (*self.stem_spaces, *self.cup_spaces))))
        out = [WayOut(name, "fracture", Boxed(Difference(solid, taken))) for name, solid in cracks]
        return (*out, *lone)

    @cached_property
    def _stem_side(self) -> Solid:
        """Stem, cement and restrictor: no lucent line runs in there."""
        return self.stem.whole if self.cement is None else Union((self.stem.whole, self.cement.filled))

    @cached_property
    def _cracks(self) -> tuple[Lucent, ...]:
        """The crack of the mantle, and the break of the stem."""
        made = []
        if self.cement is not None and self.cement.crack is not None:
            crack = Boxed(Intersection((self.cement.crack, self.cement.kept)))
            taken = Union((self.stem.whole, *(s.solid for s in self.debonded_spaces)))
            space = Space("crack", self.cement.crack, None, CRACK_MM)
            made.append(Lucent("cement", (space,), (Difference(crack, taken),)))
        stem = self.stem
        if stem.parting is not None and stem.cleft is not None and stem.broken is not None:
            made.append(Lucent("stem", (Space("break", stem.cleft, None, stem.broken.opened_mm),), (stem.parting,)))
        return tuple(made)

    @cached_property
    def _stem_lucent(self) -> tuple[Lucent, ...]:
        """All that is lucent round the stem, in its cement and between its pieces."""
        outer = lucent("stem", self.stem_spaces, self._stem_side)
        inner = lucent("cement", self.debonded_spaces, self.stem.whole)
        # Where the mantle is thin, nothing parts a line outside of it from one within.
        thin = self.cement is not None and self.cement.thin
        return joined(outer, (*inner, *self._cracks)) if thin else joined((*outer, *inner), self._cracks)

    @cached_property
    def debonded_spaces(self) -> tuple[Space, ...]:
        """Pieces of lucent space between stem and cement."""
        if self.cement is None:
            return ()
        around = replace(self._around_stem, core=self.stem.body, within=self.cement.kept, rim_mm=0.0)
        return stem_lines(self._lines("gruen", "stem"), around)

    @cached_property
    def cup_spaces(self) -> tuple[Space, ...]:
        """Pieces of lucent space behind the cup."""
        recipe, cup, pelvis = self.recipe, self.cup, self.filled_pelvis
        made = list(cup_lines(self._lines("charnley"), cup, pelvis, rim_mm=recipe.rim_mm))
        lesions = [x for x in recipe.lesions if x.zone.startswith("charnley")]
        made += [cup_cavity(x, cup, pelvis, rim_mm=recipe.rim_mm) for x in lesions]
        made += [cup_hole(x, cup, pelvis) for x in recipe.holes if x.zone.startswith("charnley")]
        return tuple(made)

    @cached_property
    def gaps(self) -> tuple[TrueGap, ...]:
        """Every connected lucent space, without metal and cement."""
        cup_side = Union((self.cup.whole_ball, *(p for s in self.cup.screws for p in s.pieces)))
        return numbered((*self._stem_lucent, *lucent("cup", self.cup_spaces, cup_side)))

    @cached_property
    def env(self) -> Solid:
        """The bone with its gaps, and the implants' tracts filled."""
        femur, *beside = self._femur_pieces
        return Union((femur, *self._pelvis_pieces, *beside))

    @property
    def femur_envelope(self) -> Solid:
        """The femur with its gaps and the stem's tract filled."""
        return Union(self._femur_pieces)

    @property
    def pelvis_envelope(self) -> Solid:
        """The innominate bone with its gaps and the cup's bed filled."""
        return Union(self._pelvis_pieces)

    @cached_property
    def _femur_pieces(self) -> tuple[Solid, ...]:
        femur = Boxed(self.bed.femur)
        if "neck osteophyte" in self.recipe.decoys:
            return femur, osteophyte(self.bed.femur_bone, self.stem)
        return (femur,)

    @cached_property
    def _pelvis_pieces(self) -> tuple[Solid, ...]:
        # In front of the cup's mouth lie capsule and fat, no bone that was taken away.
        behind_mouth = HalfSpace(self.cup.centre_lps, self.cup.opening_lps)
        bed = Intersection((self.filled_pelvis, behind_mouth))
        return Boxed(self._reamed_pelvis), Boxed(bed)

    @property
    def stem_is_loose(self) -> bool:
        """Whether the stem counts as loose."""
        stem, lines = self.recipe.stem, self._lines("gruen")
        wide = any(line.width_mm > _LOOSE_MM for line in lines)
        cracked = stem.mantle is not None and stem.mantle.cracked_at is not None
        shown = bool(self.recipe.toggle or self._lines("gruen", "stem") or stem.broken or cracked)
        return shown or wide or lucent_share(lines) >= _LOOSE_SHARE

    @property
    def stem_tip_is_loose(self) -> bool:
        """Whether the lower piece of a broken stem counts as loose: by the lines that reach it, and its own zones.

        A broken stem's lower piece mostly holds: that is why the stem breaks.
        """
        broken, toggle = self.recipe.stem.broken, self.recipe.toggle
        if broken is None:
            return self.stem_is_loose
        lines = lines_below(self._lines("gruen"), broken.at_share)
        wide = any(line.width_mm > _LOOSE_MM for line in lines)
        debonded = lines_below(self._lines("gruen", "stem"), broken.at_share)
        swings = toggle is not None and toggle.tip_mm > 0.0
        return bool(swings or debonded) or wide or lucent_share(lines, below=broken.at_share) >= _LOOSE_SHARE

    @property
    def cup_is_loose(self) -> bool:
        """Whether the cup counts as loose: a line over all its zones."""
        return {z for line in self._lines("charnley") for z in line.zones} == {f"charnley-{n}" for n in (1, 2, 3)}

    @cached_property
    def cement_solid(self) -> Solid | None:
        """The stem's cement, without what is missing of it, and without the stem."""
        if self.cement is None:
            return None
        taken = (self.stem.whole, *(s.solid for s in self.debonded_spaces), *self.cement.faults)
        return Difference(self.cement.all_cement, Union(taken))

    @cached_property
    def implants(self) -> tuple[TrueImplant, ...]:
        """All metal and cement."""
        return (*self._stem_implants(), *self._cup_implants())

    def _stem_implants(self) -> list[TrueImplant]:
        side, axis, pieces = self.recipe.side, self.stem.axis, self.stem.pieces
        ends = [axis.shoulder_lps, axis.tip_lps]
        if self.stem.broken is not None:
            ends.insert(1, axis.at(self.stem.broken.at_share * axis.length_mm))
        out = []
        for number, piece in enumerate(pieces):
            head, tip = ends[number], ends[number + 1]
            length = float(np.linalg.norm(np.subtract(tip, head)))
            loose = self.stem_is_loose if number == 0 else self.stem_tip_is_loose
            out.append(
                TrueImplant(
                    "stem" if number == 0 else "stem-tip", "femoral_stem", piece, head_lps=head, tip_lps=tip,
                    length_mm=length, side=side, loose=loose, material=_MATERIALS[self.recipe.stem.material],
                    broken=self.stem.broken is not None,
                )
            )  # fmt: skip
        head_mm = self.recipe.head.diameter_mm
        out.append(
            TrueImplant(
                "head", "femoral_head", self.head, diameter_mm=head_mm, side=side, centre_lps=self.bed.centre_lps,
                material=_MATERIALS[self.recipe.head.material],
            )
        )  # fmt: skip
        if self.cement_solid is not None:
            cracked = self.recipe.stem.mantle is not None and self.recipe.stem.mantle.cracked_at is not None
            out.append(
                TrueImplant("cement-stem", "cement", self.cement_solid, side=side, material="pmma", broken=cracked)
            )
        return out

    def _cup_implants(self) -> list[TrueImplant]:
        side, cup = self.recipe.side, self.cup
        metal = cup.shell if cup.marker is None else Union((cup.shell, cup.marker))
        out = [
            TrueImplant(
                "cup", "acetabular_cup", metal, diameter_mm=2.0 * cup.radius_mm, side=side, loose=self.cup_is_loose,
                centre_lps=cup.centre_lps, opening_lps=cup.opening_lps,
                material="unknown" if cup.cemented else "titanium",
            )
        ]  # fmt: skip
        for number, screw in enumerate(cup.screws, start=1):
            name = "cup-screw" if len(cup.screws) == 1 else f"cup-screw-{number}"
            solid = screw.pieces[0] if len(screw.pieces) == 1 else Union(screw.pieces)
            length = float(np.linalg.norm(np.subtract(screw.tip_lps, screw.head_lps)))
            out.append(
                TrueImplant(
                    name, "cup_screw", solid, head_lps=screw.head_lps, tip_lps=screw.tip_lps,
                    diameter_mm=screw.diameter_mm, length_mm=length, side=side, loose=False, material="titanium",
                    broken=len(screw.pieces) > 1,
                )
            )  # fmt: skip
        if cup.mantle is not None:
            out.append(TrueImplant("cement-cup", "cement", cup.mantle, side=side, material="pmma"))
        return out

    def implant_parts(self) -> list[Part]:
        """Give gaps, cement, plastic and metal in painter's order."""
        recipe, cup = self.recipe, self.cup
        parts = [Part("gap of the stem", s.solid, FIBROUS) for s in self.stem_spaces]
        parts += [Part("gap of the cup", s.solid, FIBROUS) for s in self.cup_spaces]
        cracks = [Part(c.fracture.kind, c.solid, FIBROUS) for c in self.clefts]
        cracks += [Part("fissure", s.solid, FIBROUS) for s in self.fissures]
        parts = cracks + parts
        if self.cement is not None:
            parts += self._cement_parts(self.cement)
        if cup.mantle is not None:
            parts.append(Part("cement of the cup", cup.mantle, cement_tissue(recipe.cup.opacifier)))
        parts.append(Part("cup", cup.shell, POLYETHYLENE if cup.cemented else TITANIUM))
        if cup.liner is not None:
            parts.append(Part("liner", cup.liner, POLYETHYLENE))
        if cup.marker is not None:
            parts.append(Part("wire", cup.marker, METALS[recipe.cup.marker]))
        parts += [Part("cup screw", piece, TITANIUM) for s in cup.screws for piece in s.pieces]
        parts += [Part("break", self.stem.parting, FIBROUS)] if self.stem.parting is not None else []
        parts += [Part("stem", piece, METALS[recipe.stem.material]) for piece in self.stem.pieces]
        parts.append(Part("head", self.head, METALS[recipe.head.material]))
        return parts

    def _cement_parts(self, cement: CementedBed) -> list[Part]:
        parts = [] if cement.plug is None else [Part("restrictor", cement.plug, cement.plug_tissue)]
        if cement.crack is not None:
            parts.append(Part("crack of the mantle", Boxed(Intersection((cement.crack, cement.kept))), FIBROUS))
        pieces = cement.whole.solids if isinstance(cement.whole, Union) else (cement.whole,)
        faults = Union(cement.faults) if cement.faults else None
        for piece in pieces:
            parts.append(Part("cement", piece if faults is None else Difference(piece, faults), cement.tissue))
        parts += [Part("gap in the cement", s.solid, FIBROUS) for s in self.debonded_spaces]
        return parts
