"""The living part of a hip: the bed that implants, gaps and needles are laid into."""

from dataclasses import dataclass, replace
from functools import cached_property

from planner.config.phantoms.hip.decoys import BowelGas
from planner.config.phantoms.hip.patient import HipPatient, Side
from planner.geometry.frames import PointTuple
from planner.phantoms.hip.defects.decoys import Surroundings, decoy_parts
from planner.phantoms.hip.defects.fractures import Cleft, clefts
from planner.phantoms.hip.frames import BodyFrame
from planner.phantoms.hip.patient.femur import Femur
from planner.phantoms.hip.patient.muscles import Muscles
from planner.phantoms.hip.patient.pelvis import MIDLINE, Pelvis
from planner.phantoms.hip.patient.soft_tissue import SKIN_MM, SoftTissue
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Ball, Difference, Ellipsoid, Grown, Intersection, Solid, Union
from planner.phantoms.solids.blended import Blend, Boxed
from planner.phantoms.tissues import (
    BLOOD,
    CANCELLOUS,
    CARTILAGE,
    CORTICAL,
    FAT,
    MARROW,
    MUSCLE,
    ORGAN,
    SKIN,
    Tissue,
)
from planner.phantoms.truth.facts import Structure

_URINE = Tissue("urine", 6.0)
_NERVE = Tissue("nerve", 32.0)
_SHEATH_MM = 0.9
_HALF_PELVIS = 0.985
"""The other half is a little smaller, that no mirrored answer fits (set by eye)."""
DEFAULT_CENTRE_LPS: dict[Side, PointTuple] = {"left": (86.0, -14.0, -642.0), "right": (-83.0, -11.5, -642.0)}


@dataclass(frozen=True)
class HipBed:
    """The living part of one hip, made to a recipe.

    Parameters
    ----------
    patient : HipPatient
        The recipe.
    centre_lps : tuple of float
        The hip's centre of rotation, LPS mm.
    """

    patient: HipPatient
    centre_lps: PointTuple

    @property
    def side(self) -> Side:
        """Which hip."""
        return self.patient.side

    @cached_property
    def frame(self) -> BodyFrame:
        """Offsets from the hip's centre: lateral, posterior, superior, mm."""
        return BodyFrame(self.patient.side, self.centre_lps)

    @cached_property
    def femur_bone(self) -> Femur:
        """The femur with its figures: frame of the shaft, canal's axis, widths and cortex by height."""
        return Femur(self.patient, self.frame)

    @cached_property
    def pelvis_bone(self) -> Pelvis:
        """The pelvis with its frame and natural socket."""
        return Pelvis(self.patient, self.frame)

    @property
    def femur(self) -> Solid:
        """The femur's outside, neck resected, as if it were solid bone."""
        return self.femur_bone.outside

    @property
    def femur_inside(self) -> Solid:
        """What lies within the femur's cortex."""
        return self.femur_bone.inside

    @property
    def marrow(self) -> Solid:
        """The medullary canal below the metaphysis, without cancellous bone."""
        return self.femur_bone.marrow

    def canal_axis(self, height_mm: float) -> PointTuple:
        """Give the middle of the canal at a height over the lesser trochanter, LPS mm."""
        return self.femur_bone.canal_axis(height_mm)

    def canal_direction(self, height_mm: float) -> PointTuple:
        """Give the unit vector along the canal at a height over the lesser trochanter, upwards, LPS."""
        return self.femur_bone.canal_direction(height_mm)

    def canal_half_widths_mm(self, height_mm: float) -> tuple[float, float]:
        """Give half the canal's width towards the head, and half its depth across that, mm."""
        return self.femur_bone.canal_half_widths_mm(height_mm)

    def cortex_mm(self, height_mm: float) -> float:
        """Give the thickness of the shaft's cortex at a height over the lesser trochanter, mm."""
        return self.femur_bone.cortex_mm(height_mm)

    def pelvis(self, cup_opening_lps: PointTuple, ream_radius_mm: float) -> Solid:
        """Give the outside of the innominate bone, reamed for a cup, as if it were solid."""
        return self.pelvis_bone.outside(cup_opening_lps, ream_radius_mm)

    def pelvis_inside(self, cup_opening_lps: PointTuple, ream_radius_mm: float) -> Solid:
        """Give what lies within the innominate bone's shell; the reamed bed has none."""
        return self.pelvis_bone.inside(cup_opening_lps, ream_radius_mm)

    @cached_property
    def muscles(self) -> Muscles:
        """The muscles of this side."""
        return Muscles(self.patient, self.frame, self.femur_bone)

    @cached_property
    def soft_tissue(self) -> SoftTissue:
        """Skin, vessels, nerves, organs of this side."""
        gas = [decoy.radius_mm for decoy in self.patient.decoys if isinstance(decoy, BowelGas)]
        return SoftTissue(self.muscles, *gas[:1])

    @cached_property
    def other(self) -> "HipBed":
        """The natural hip of the other side."""
        beyond = self.frame.across_midline(MIDLINE * self.patient.size)
        x, y, z = beyond.origin_lps
        patient = self.patient.model_copy(
            update={
                "side": beyond.side,
                "size": self.patient.size * _HALF_PELVIS,
                "anteversion_deg": self.patient.anteversion_deg - 3.0,
                "external_rotation_deg": self.patient.external_rotation_deg + 6.0,
                "decoys": (),
                "fractures": (),
            }
        )
        return HipBed(patient, (x, y + 1.5, z + 3.0))

    @cached_property
    def body(self) -> Solid:
        """Both thighs and the pelvis, skin included."""
        return Blend((self.soft_tissue.torso, self.soft_tissue.thigh, self.other.soft_tissue.thigh), 40.0)

    @cached_property
    def pelvic_cavity(self) -> Solid:
        """The inside of the pelvis, where no needle may go."""
        frame = self.pelvis_bone.frame
        a, b, c = (h * frame.scale for h in (46.0, 56.0, 58.0))
        return Ellipsoid(frame.place((-89.0, 12.0, 36.0)), (a, b, c))

    @cached_property
    def structures(self) -> tuple[Structure, ...]:
        """Where no needle may pass: femoral vessels, sciatic nerve, bowel, bladder, inside of the pelvis."""
        return self.soft_tissue.structures(self.pelvic_cavity)

    @cached_property
    def cortical(self) -> Tissue:
        """The patient's compact bone."""
        return replace(CORTICAL, hu=self.patient.cortical_hu)

    @cached_property
    def cancellous(self) -> Tissue:
        """The patient's cancellous bone."""
        return replace(CANCELLOUS, hu=self.patient.cancellous_hu)

    @cached_property
    def muscle(self) -> Tissue:
        """The patient's muscle, the fat in it included."""
        share = self.patient.fatty_share
        mean = (1.0 - share) * MUSCLE.hu + share * FAT.hu
        return replace(MUSCLE, hu=mean, texture_hu=MUSCLE.texture_hu + 60.0 * share)

    def parts(self, cup_opening_lps: PointTuple, ream_radius_mm: float) -> tuple[Part, ...]:
        """Give the living tissue in painter's order: soft tissue, the other side, pelvis, femur.

        Parameters
        ----------
        cup_opening_lps : tuple of float
            Unit vector out of the cup.
        ream_radius_mm : float
            Radius of the bed, about the hip's centre.

        Returns
        -------
        tuple of Part
        """
        soft, hard = decoy_parts(self.patient.decoys, self.surroundings(cup_opening_lps, ream_radius_mm))
        broken = self.clefts(cup_opening_lps, ream_radius_mm)
        return (
            Part("skin", self.body, SKIN),
            Part("subcutaneous fat", Grown(self.body, -SKIN_MM), FAT),
            *self.other._muscle_parts("other "),
            *self._muscle_parts(""),
            *self._organ_parts(),
            *self._vessel_parts(),
            *soft,
            *self._sacrum_parts(),
            *self.other._natural_parts(),
            *self._pelvis_parts(cup_opening_lps, ream_radius_mm),
            *self._femur_parts(),
            *hard,
            *(part for cleft in broken for part in cleft.parts()),
        )

    def surroundings(self, cup_opening_lps: PointTuple, ream_radius_mm: float) -> Surroundings:
        """Give what decoys are laid into."""
        outside = self.pelvis(cup_opening_lps, ream_radius_mm)
        return Surroundings(self.femur_bone, self.pelvis_bone, self.soft_tissue, outside, self.body)

    def clefts(self, cup_opening_lps: PointTuple, ream_radius_mm: float) -> tuple[Cleft, ...]:
        """Give the fracture lines of the recipe, each within its bone."""
        outside = self.pelvis(cup_opening_lps, ream_radius_mm)
        return clefts(self.patient.fractures, self.femur_bone, self.pelvis_bone, outside)

    def _muscle_parts(self, prefix: str) -> list[Part]:
        # Each muscle brings its own sheath of fat, which parts it from those painted before.
        sheaths = self.muscles.grown(_SHEATH_MM)
        return [
            part
            for name, solid in self.muscles.solids.items()
            for part in (
                Part(f"sheath of {prefix}{name}", sheaths[name], FAT),
                Part(f"{prefix}{name}", solid, self.muscle),
            )
        ]

    def _organ_parts(self) -> list[Part]:
        soft = self.soft_tissue
        return [
            Part("joint capsule", soft.capsule, self.muscle),
            Part("mesentery", Grown(soft.small_bowel, 1.2), FAT),
            Part("small bowel", soft.small_bowel, ORGAN),
            Part("rectum", soft.rectum, ORGAN),
            Part("uterus", soft.uterus, ORGAN),
            Part("bowel", soft.bowel, ORGAN),
            Part("bladder wall", Grown(soft.bladder, 2.5), ORGAN),
            Part("bladder", soft.bladder, _URINE),
        ]

    def _vessel_parts(self) -> list[Part]:
        soft, other = self.soft_tissue, self.other.soft_tissue
        return [
            Part("other vessels", Union((other.vein, other.artery)), BLOOD),
            Part("vein", soft.vein, BLOOD),
            Part("artery", soft.artery, BLOOD),
            Part("femoral nerve", soft.femoral_nerve, _NERVE),
            Part("sheath of sciatic nerve", Grown(soft.sciatic_nerve, 2.0), FAT),
            Part("sciatic nerve", soft.sciatic_nerve, _NERVE),
        ]

    def _sacrum_parts(self) -> list[Part]:
        bone = self.pelvis_bone
        return [
            Part("symphysis", bone.symphysis, CARTILAGE),
            Part("sacrum", bone.sacrum, self.cortical),
            Part("sacrum inside", bone.sacrum_inside, self.cancellous),
            Part("sacral canal", bone.sacral_openings, FAT),
        ]

    def _pelvis_parts(self, opening_lps: PointTuple, ream_radius_mm: float) -> list[Part]:
        bone = self.pelvis_bone
        outside = bone.outside(opening_lps, ream_radius_mm)
        joint = Intersection((Grown(outside, 2.0), bone.sacrum))
        return [
            Part("sacroiliac joint", joint, CARTILAGE),
            Part("pelvis", outside, self.cortical),
            Part("pelvis inside", bone.inside(opening_lps, ream_radius_mm), self.cancellous),
        ]

    def _femur_parts(self) -> list[Part]:
        return [
            Part("femur", self.femur, self.cortical),
            Part("femur inside", self.femur_inside, self.cancellous),
            Part("marrow", self.marrow, MARROW),
        ]

    def _natural_parts(self) -> list[Part]:
        """Give the bones of a hip without implants."""
        pelvis, femur = self.pelvis_bone, self.femur_bone
        opening, radius, plate = pelvis.native_opening_lps, pelvis.native_radius_mm, self.patient.cortex_pelvis_mm
        outside = pelvis.outside(opening, radius)
        cartilage = Difference(Ball(self.centre_lps, radius), femur.head)
        return [
            Part("other sacroiliac joint", Intersection((Grown(outside, 2.0), pelvis.sacrum)), CARTILAGE),
            Part("other pelvis", outside, self.cortical),
            Part("other pelvis inside", pelvis.inside(opening, radius, bed_wall_mm=plate), self.cancellous),
            Part("other cartilage", Boxed(cartilage), CARTILAGE),
            Part("other femur", femur.whole, self.cortical),
            Part("other femur inside", femur.whole_inside, self.cancellous),
            Part("other marrow", femur.marrow, MARROW),
        ]


def bed_of(patient: HipPatient, *, centre_lps: PointTuple | None = None) -> HipBed:
    """Make the living part of a hip.

    Parameters
    ----------
    patient : HipPatient
        The recipe.
    centre_lps : tuple of float or None
        The hip's centre of rotation, LPS mm; None for a usual place of that side.

    Returns
    -------
    HipBed
    """
    return HipBed(patient, centre_lps or DEFAULT_CENTRE_LPS[patient.side])
