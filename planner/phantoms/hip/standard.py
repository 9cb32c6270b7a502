"""The hip phantom: an uncemented left hip replacement with gaps round stem and cup.

What there is to find: a lucent line along the upper stem (Gruen 1 and 7) that runs into a cavity of the greater
trochanter, with a hole in the lateral cortex and a calcar worn thin; a lucent line round the tip (Gruen 3 to 5); and
osteolysis behind the cup (DeLee-Charnley 2). Between the two lines of the stem the bone holds (Gruen 2 and 6). The
gaps' volumes are those of Malan 2016 (doi 10.1007/s11548-015-1252-8): 3.2 to 4.6 mL.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.config.phantoms.scan import IdealScan, ScanSettings
from planner.geometry.frames import Array, PointTuple, point_tuple, unit
from planner.geometry.grid import Grid
from planner.phantoms.design import Design
from planner.phantoms.hip.anatomy import HipAnatomy, Offset
from planner.phantoms.hip.hardware.implants import HipReplacement, StemBody
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import (
    Ball,
    Cylinder,
    Difference,
    Ellipsoid,
    Grown,
    HalfSpace,
    Intersection,
    RoundCone,
    Solid,
    Union,
)
from planner.phantoms.solids.blended import Boxed
from planner.phantoms.tissues import (
    BLOOD,
    BOWEL_GAS,
    CANCELLOUS,
    COBALT_CHROME,
    CORTICAL,
    FAT,
    FIBROUS,
    MARROW,
    MUSCLE,
    ORGAN,
    POLYETHYLENE,
    SCLEROTIC,
    SKIN,
    TITANIUM,
    Tissue,
)
from planner.phantoms.truth.facts import TrueGap, TrueImplant, Truth
from planner.phantoms.truth.hip_anatomy import anatomy_of_standard_hip

_URINE = Tissue("urine", 6.0)
_NERVE = Tissue("nerve", 32.0)
_INGROWN = Tissue("ingrown bone", 430.0, 60.0, 3.0)
"""Denser than the cancellous bone round it: spot welds, as firm uncemented stems show them (no figure sourced)."""

_CENTRE: PointTuple = (87.5, -14.0, -642.0)
_FIRST_CENTRE: Offset = (-70.0, -97.0, -188.0)
_NOISE_SEED = 20260101
_SHAPE = (192, 240, 240)
_SPACING_MM = (1.25, 0.8, 0.8)

_SHOULDER: Offset = (44.5, 11.2, -21.0)
_TIP: Offset = (31.4, 3.1, -149.0)
_CUP_INCLINATION_DEG, _CUP_ANTEVERSION_DEG = 42.0, 16.0
_SCREW_DIRECTION: Offset = (-0.25, 0.35, 0.9)
_LESION_DIRECTION: Offset = (-0.9, 0.3, 0.3)

_LATERAL_GAP_MM, _MEDIAL_GAP_MM, _DISTAL_GAP_MM, _CUP_GAP_MM = 3.0, 2.5, 2.0, 2.4
_REACH_MM = 45.0
"""Further from the stem's axis than any bone of the femur."""
_RIM_MM = 0.9
_SHEATH_MM = 0.9
_THIN_WALL_MM = 0.5


@dataclass(frozen=True)
class _LooseHip:
    """One hip: where implants and gaps lie in the anatomy."""

    anatomy: HipAnatomy

    @cached_property
    def opening(self) -> PointTuple:
        """Unit vector out of the cup, by radiographic inclination and anteversion (Murray 1993)."""
        inclination, anteversion = np.radians([_CUP_INCLINATION_DEG, _CUP_ANTEVERSION_DEG])
        flat = np.cos(anteversion)
        return point_tuple([np.sin(inclination) * flat, -np.sin(anteversion), -np.cos(inclination) * flat])

    @cached_property
    def implants(self) -> HipReplacement:
        """The metal, with the stem's medial face turned towards the cup's centre."""
        shoulder, centre = np.array(self.anatomy.place(_SHOULDER)), np.array(self.anatomy.centre_lps)
        body = StemBody(point_tuple(shoulder), self.anatomy.place(_TIP), point_tuple(centre - shoulder))
        way = unit(_SCREW_DIRECTION)
        head, tip = (point_tuple(centre + r * way) for r in (24.5, 57.0))
        return HipReplacement(self.anatomy.centre_lps, body, self.opening, head, tip)

    @cached_property
    def pelvis(self) -> Solid:
        """Outside of the pelvis."""
        return self.anatomy.pelvis(self.opening)

    def on_stem(self, along: float, medial: float = 0.0, across: float = 0.0) -> PointTuple:
        """Give the point so far down the stem's axis from the shoulder, so far medially and across, LPS mm."""
        axis, inner, side, _ = self.implants.body.frame
        return point_tuple(np.array(self.implants.body.shoulder_lps) + along * axis + medial * inner + across * side)

    def between(self, solid: Solid, start: float, stop: float) -> Solid:
        """Cut out of a solid what lies between two heights on the stem, mm from the shoulder."""
        return Intersection((solid, Cylinder(self.on_stem(start), self.on_stem(stop), _REACH_MM)))

    @cached_property
    def proximal_hole(self) -> Solid:
        """The upper lucent space before metal is taken from it."""
        body = self.implants.body
        inner = body.frame[1]
        lateral = Intersection((Grown(body, _LATERAL_GAP_MM), HalfSpace(self.on_stem(0.0), point_tuple(inner))))
        medial = Intersection((Grown(body, _MEDIAL_GAP_MM), HalfSpace(self.on_stem(0.0, 9.0), point_tuple(-inner))))
        ring = self.between(Grown(body, _MEDIAL_GAP_MM), 18.0, 22.0)
        cavity = Ellipsoid(self.anatomy.place((57.0, 15.0, -37.0)), (5.0, 6.5, 7.5))
        way_out = Cylinder(self.anatomy.place((56.0, 14.0, -37.0)), self.anatomy.place((72.0, 11.5, -38.2)), 2.5)
        bay = RoundCone(self.on_stem(22.0, 10.0), self.on_stem(24.0, 30.0), 3.5, 3.5)
        hole = Intersection((way_out, self.anatomy.femur))
        worn = Intersection((bay, Grown(self.anatomy.femur, -_THIN_WALL_MM)))
        pieces = (self.between(lateral, 10.0, 33.0), self.between(medial, 13.0, 29.0), ring, cavity, hole, worn)
        return Union(tuple(Boxed(p) for p in pieces))

    @cached_property
    def distal_hole(self) -> Solid:
        """The lucent space round the tip."""
        length = self.implants.body.frame[3]
        return self.between(Grown(self.implants.body, _DISTAL_GAP_MM), 94.0, length + _DISTAL_GAP_MM)

    @cached_property
    def cup_hole(self) -> Solid:
        """The lucent space behind the cup: a cap-shaped line and a cavity."""
        centre, way = np.array(self.anatomy.centre_lps), unit(_LESION_DIRECTION)
        radius = self.implants.cup_radius_mm
        start, stop = (point_tuple(centre + r * way) for r in (0.85 * radius, radius + 2.0 * _CUP_GAP_MM))
        cap = Intersection((Ball(self.anatomy.centre_lps, radius + _CUP_GAP_MM), Cylinder(start, stop, radius)))
        return Union((cap, Ellipsoid(point_tuple(centre + 28.0 * way), (5.5, 9.0, 9.5))))

    @cached_property
    def gaps(self) -> tuple[TrueGap, ...]:
        """The three lucent spaces."""
        i = self.implants
        # What must end at the bone's outside was cut there; the tests hold all three within the bone.
        proximal = Difference(self.proximal_hole, i.body)
        distal = Difference(self.distal_hole, i.body)
        # The whole ball of the cup is taken away: within the shell lie liner and head, no gap.
        behind_cup = Difference(self.cup_hole, Union((Ball(i.centre_lps, i.cup_radius_mm), i.screw)))
        return (
            TrueGap("gap-stem-proximal", "stem", "periprosthetic_gap", _LATERAL_GAP_MM, proximal),
            TrueGap("gap-stem-distal", "stem", "periprosthetic_gap", _DISTAL_GAP_MM, distal),
            TrueGap("gap-cup", "cup", "osteolysis", _CUP_GAP_MM, behind_cup),
        )

    @cached_property
    def true_implants(self) -> tuple[TrueImplant, ...]:
        """The four parts of the replacement."""
        i = self.implants
        screw_mm = float(np.linalg.norm(np.array(i.screw_tip_lps) - np.array(i.screw_head_lps)))
        return (
            TrueImplant(
                "stem",
                "femoral_stem",
                i.stem,
                head_lps=i.body.shoulder_lps,
                tip_lps=i.body.tip_lps,
                length_mm=i.body.frame[3],
                side="left",
                loose=True,
                material="titanium",
            ),
            TrueImplant(
                "head",
                "femoral_head",
                i.head,
                diameter_mm=2.0 * i.head_radius_mm,
                side="left",
                centre_lps=i.centre_lps,
                material="cobalt_chrome_or_steel",
            ),
            TrueImplant(
                "cup",
                "acetabular_cup",
                i.shell,
                diameter_mm=2.0 * i.cup_radius_mm,
                side="left",
                loose=False,
                centre_lps=i.centre_lps,
                opening_lps=self.opening,
                material="titanium",
            ),
            TrueImplant(
                "cup-screw",
                "cup_screw",
                i.screw,
                head_lps=i.screw_head_lps,
                tip_lps=i.screw_tip_lps,
                diameter_mm=i.screw_diameter_mm,
                length_mm=screw_mm,
                side="left",
                loose=False,
                material="titanium",
            ),
        )


def _soft_parts(anatomy: HipAnatomy) -> list[Part]:
    # Each muscle brings its own sheath of fat, which parts it from those painted before.
    muscles = [
        part
        for name, solid in anatomy.muscles.items()
        for part in (Part(f"sheath of {name}", Grown(solid, _SHEATH_MM), FAT), Part(name, solid, MUSCLE))
    ]
    return [
        Part("skin", anatomy.body, SKIN),
        Part("subcutaneous fat", Grown(anatomy.body, -1.8), FAT),
        *muscles,
        Part("joint capsule", anatomy.joint_capsule, MUSCLE),
        Part("bowel wall", anatomy.bowel_wall, ORGAN),
        Part("bowel gas", anatomy.bowel_gas, BOWEL_GAS),
        Part("bladder wall", Grown(anatomy.bladder, 2.5), ORGAN),
        Part("bladder", anatomy.bladder, _URINE),
        Part("vessels", anatomy.vessels, BLOOD),
        Part("sciatic nerve", anatomy.sciatic_nerve, _NERVE),
    ]


def _bone_parts(hip: _LooseHip) -> list[Part]:
    anatomy = hip.anatomy
    return [
        Part("pelvis", hip.pelvis, CORTICAL),
        Part("pelvis inside", anatomy.pelvis_inside(hip.opening), CANCELLOUS),
        Part("femur", anatomy.femur, CORTICAL),
        Part("femur inside", anatomy.femur_inside, CANCELLOUS),
        Part("marrow", anatomy.marrow, MARROW),
    ]


def _reaction_parts(hip: _LooseHip) -> list[Part]:
    """Bone that answered to the implant: welds where it holds, a dense rim where it does not."""
    anatomy, implants, length = hip.anatomy, hip.implants, hip.implants.body.frame[3]
    rims = (("proximal rim", hip.proximal_hole), ("distal rim", hip.distal_hole))
    weld = Intersection((hip.between(Grown(implants.body, 4.0), 40.0, 96.0), anatomy.femur_inside))
    bed = Intersection((Ball(anatomy.centre_lps, implants.cup_radius_mm + 1.5), hip.pelvis))
    plug = hip.between(anatomy.femur_inside, length + 1.0, length + 5.0)
    return [
        Part("bed of the cup", bed, SCLEROTIC),
        Part("spot welds", weld, _INGROWN),
        Part("pedestal", plug, SCLEROTIC),
        *(Part(name, Intersection((Grown(hole, _RIM_MM), anatomy.femur)), SCLEROTIC) for name, hole in rims),
        Part("rim behind the cup", Intersection((Grown(hip.cup_hole, _RIM_MM), hip.pelvis)), SCLEROTIC),
    ]


def _implant_parts(hip: _LooseHip) -> list[Part]:
    i = hip.implants
    return [
        *(Part(gap.id, gap.solid, FIBROUS) for gap in hip.gaps),
        Part("cup", i.shell, TITANIUM),
        Part("liner", i.liner, POLYETHYLENE),
        Part("cup screw", i.screw, TITANIUM),
        Part("stem", i.stem, TITANIUM),
        Part("head", i.head, COBALT_CHROME),
    ]


def _grid() -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] @ np.diag(_SPACING_MM)
    matrix[:3, 3] = np.array(_CENTRE) + np.array(_FIRST_CENTRE)
    return Grid(_SHAPE, matrix)


def _axes(grid: Grid) -> tuple[Array, Array, Array]:
    first, (dz, dy, dx) = grid.to_lps([0.0, 0.0, 0.0]), grid.spacing_mm
    slices, rows, columns = grid.shape
    return first[0] + dx * np.arange(columns), first[1] + dy * np.arange(rows), first[2] + dz * np.arange(slices)


def design_standard_hip(*, seed: int = 0) -> Design:
    """Design the standard hip phantom: a left hip, supine and head first.

    Parameters
    ----------
    seed : int
        Turns the textures; the shapes stay.

    Returns
    -------
    Design
        Scanned by default at 0.8 x 0.8 x 1.25 mm, clipped at 3071 HU as 12-bit scanners do.
    """
    hip = _LooseHip(HipAnatomy(_CENTRE))
    anatomy, grid = hip.anatomy, _grid()
    living = _soft_parts(anatomy) + _bone_parts(hip)
    scene = Scene(tuple(living + _reaction_parts(hip) + _implant_parts(hip)), texture_seed=seed)
    truth = Truth(
        implants=hip.true_implants,
        gaps=hip.gaps,
        env=Union((Boxed(anatomy.femur), Boxed(hip.pelvis))),
        body=anatomy.body,
        structures=anatomy.structures,
        host=Scene(tuple(living), texture_seed=seed),
        axes_lps=_axes(grid),
        anatomy=anatomy_of_standard_hip(
            anatomy, pelvis=hip.pelvis, pelvis_inside=anatomy.pelvis_inside(hip.opening), scene=scene
        ),
    )
    ideal = IdealScan(seed=_NOISE_SEED + seed, hu_clipped_at=3071.0)
    return Design(scene, truth, grid, ScanSettings(seed=ideal.seed, hu_clipped_at=ideal.hu_clipped_at), ideal)
