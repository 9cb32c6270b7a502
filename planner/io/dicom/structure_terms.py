"""What a structure of a plan is, in the coded words of DICOM: category, type, what narrows it, where it lies."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from pydicom.sr.coding import Code

from planner.io.dicom import codes
from planner.io.dicom.codes import own
from planner.model.anatomy_record import BoneRecord
from planner.model.bones import BoneKind
from planner.model.gap import GapKind
from planner.model.implant import HIP_KINDS, SPINE_KINDS, Implant, ImplantKind, Side
from planner.model.labels import Structure, StructureKind
from planner.model.plan import Plan
from planner.model.record import Made


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies.

    Parameters
    ----------
    region : Code
        The bone, or the part of the body.
    side : Code or None
        Left or right; None in the midline, or where that is not known.
    """

    region: Code
    side: Code | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """What a structure is.

    Parameters
    ----------
    category, type : Code
        Of DICOM's context groups 7150 and 7151 where they have it.
    modifier : Code or None
        What narrows the type: a side, or a word of our own.
    place : Place or None
        Where it lies; None where that is the type itself, or not known.
    made : {"automatic", "edited"}
        Who drew it.
    """

    category: Code
    type: Code
    modifier: Code | None = None
    place: Place | None = None
    made: Made = "automatic"


_OBJECT, _ALTERED, _ANATOMY = codes.OBJECT, codes.ALTERED, codes.ANATOMY
KIND_TERMS: Final[Mapping[StructureKind, Term]] = MappingProxyType(
    {
        "implant": Term(_OBJECT, codes.IMPLANT),
        "bone": Term(_ANATOMY, codes.BONE),
        "gap": Term(_ALTERED, codes.LESION),
        "breach": Term(_ALTERED, codes.DEFECT, own("breach")),
        "canal": Term(_ANATOMY, codes.VERTEBRAL_CANAL),
        "disc": Term(_ANATOMY, codes.DISC),
        "other": Term(codes.TISSUE_CATEGORY, codes.TISSUE_CATEGORY),
    }
)
"""Of what is known by its kind alone."""
IMPLANT_TERMS: Final[Mapping[ImplantKind, Term]] = MappingProxyType(
    {
        "pedicle_screw": Term(_OBJECT, codes.BONE_SCREW, own("pedicle-screw")),
        "rod": Term(_OBJECT, codes.IMPLANT, own("spinal-rod")),
        "femoral_stem": Term(_OBJECT, codes.FEMORAL_STEM),
        "femoral_head": Term(_OBJECT, codes.FEMORAL_HEAD_PROSTHESIS),
        # Shell, insert and cups of one piece have codes of their own: which of them it is, a CT does not tell.
        "acetabular_cup": Term(_OBJECT, codes.PROSTHESIS, own("acetabular-cup")),
        "cup_screw": Term(_OBJECT, codes.BONE_SCREW, own("cup-screw")),
        "nail": Term(_OBJECT, codes.BONE_NAIL),
        "cage": Term(_OBJECT, codes.IMPLANT, own("cage")),
        "plate": Term(_OBJECT, codes.BONE_PLATE),
        "cement": Term(codes.SUBSTANCE, codes.BONE_CEMENT),
        "unknown": Term(_OBJECT, codes.IMPLANT),
    }
)
GAP_TERMS: Final[Mapping[GapKind, Term]] = MappingProxyType(
    {
        "screw_halo": Term(_ALTERED, codes.LESION, own("gap-kind-screw_halo")),
        "periprosthetic_gap": Term(_ALTERED, codes.LESION, own("gap-kind-periprosthetic_gap")),
        "osteolysis": Term(_ALTERED, codes.OSTEOLYSIS, own("gap-kind-osteolysis")),
        "cage_interface": Term(_ALTERED, codes.LESION, own("gap-kind-cage_interface")),
        "fracture_level": Term(_ALTERED, codes.FRACTURE, own("gap-kind-fracture_level")),
    }
)
BONE_TERMS: Final[Mapping[BoneKind, Term]] = MappingProxyType(
    {
        "vertebra": Term(_ANATOMY, codes.VERTEBRA),
        "sacrum": Term(_ANATOMY, codes.SACRUM),
        "ilium": Term(_ANATOMY, codes.ILIUM),
        "rib": Term(_ANATOMY, codes.RIB),
        "femur": Term(_ANATOMY, codes.FEMUR),
        "pelvis": Term(_ANATOMY, codes.PELVIS),
        "other": Term(_ANATOMY, codes.BONE),
    }
)
_SIDES: Final[Mapping[Side, Code]] = MappingProxyType({"left": codes.LEFT, "right": codes.RIGHT})
_CUP_KINDS = frozenset(("acetabular_cup", "cup_screw"))
_EARLIER_TYPES: Final[Mapping[str, StructureKind]] = MappingProxyType({"272673000": "bone"})
"""Types that earlier versions wrote."""


def structure_term(structure: Structure, plan: Plan | None) -> Term:
    """Say in coded words what a structure is.

    Parameters
    ----------
    structure : Structure
        A line of a label map's table.
    plan : Plan or None
        The plan that the labels belong to; None where there is none.

    Returns
    -------
    Term
        As special as the plan tells it; by its kind alone where the plan does not name it.
    """
    told = None if plan is None else _told_terms(plan, structure.kind).get(structure.id)
    return KIND_TERMS[structure.kind] if told is None else told


def _told_terms(plan: Plan, kind: StructureKind) -> dict[str, Term]:
    """Give what a plan tells of the things of one kind, by their ids."""
    if kind == "implant":
        return {implant.id: implant_term(implant) for implant in plan.implants}
    if kind == "gap":
        return {gap.id: gap_term(plan, gap.id) for gap in plan.gaps}
    if kind == "breach":
        return {b.id: replace(KIND_TERMS["breach"], place=gap_term(plan, b.gap_id).place) for b in plan.breaches}
    if kind == "bone" and plan.anatomy is not None:
        return {bone.name: _bone_term(bone) for bone in plan.anatomy.bones}
    return {}


def implant_term(implant: Implant) -> Term:
    """Say in coded words what an implant is, and where.

    Parameters
    ----------
    implant : Implant
        The plan's record.

    Returns
    -------
    Term
    """
    general = IMPLANT_TERMS[implant.kind]
    return Term(general.category, general.type, general.modifier, implant_place(implant))


def implant_place(implant: Implant) -> Place | None:
    """Give the place of an implant.

    Parameters
    ----------
    implant : Implant
        The plan's record.

    Returns
    -------
    Place or None
        Its vertebra where the level is known; None for implants that lie anywhere, without level and side.
    """
    side = None if implant.side is None else _SIDES[implant.side]
    at_level = level_place(implant.level, side)
    if at_level is not None:
        return at_level
    if implant.kind in SPINE_KINDS:
        return Place(codes.SPINE, side)
    if implant.kind in HIP_KINDS:
        return Place(codes.ACETABULUM if implant.kind in _CUP_KINDS else codes.FEMUR, side)
    return None if side is None else Place(codes.BONE, side)


def gap_term(plan: Plan, gap_id: str) -> Term:
    """Say in coded words what a gap is, and where.

    Parameters
    ----------
    plan : Plan
        The plan.
    gap_id : str
        One of its gaps.

    Returns
    -------
    Term
    """
    gap = next(gap for gap in plan.gaps if gap.id == gap_id)
    general = GAP_TERMS[gap.kind]
    implant = next((i for i in plan.implants if i.id == gap.implant_id), None)
    place = None if implant is None else implant_place(implant)
    side = None if place is None else place.side
    return Term(general.category, general.type, general.modifier, level_place(gap.level, side) or place, gap.made)


def level_place(level: str | None, side: Code | None = None) -> Place | None:
    """Give the vertebra of a level.

    Parameters
    ----------
    level : str or None
        "L4", say; None where it cannot be told.
    side : Code or None
        Left or right of it.

    Returns
    -------
    Place or None
        A vertebra without its number for levels that have no code; None without a level.
    """
    if level is None:
        return None
    return Place(codes.LEVELS.get(level, codes.SACRUM if level.startswith("S") else codes.VERTEBRA), side)


def _bone_term(bone: BoneRecord) -> Term:
    general = BONE_TERMS[bone.kind]
    at_level = level_place(bone.level) if bone.kind == "vertebra" else None
    side = None if bone.side is None else _SIDES[bone.side]
    return Term(general.category, general.type if at_level is None else at_level.region, side)


def kind_of(category: str, type_value: str) -> StructureKind:
    """Give the kind of a structure from its codes, in files of this program and of others.

    Parameters
    ----------
    category, type_value : str
        Values of the codes of category and type.

    Returns
    -------
    str
        "other" for what no kind stands for.
    """
    if category == _OBJECT.value or type_value == codes.BONE_CEMENT.value:
        return "implant"
    return _EARLIER_TYPES.get(type_value) or _KIND_OF.get(type_value, "other")


_KIND_OF: Final[Mapping[str, StructureKind]] = MappingProxyType(
    {
        **{term.type.value: kind for kind, term in KIND_TERMS.items()},
        **{term.type.value: "implant" for term in IMPLANT_TERMS.values()},
        **{term.type.value: "gap" for term in GAP_TERMS.values()},
        **{term.type.value: "bone" for term in BONE_TERMS.values()},
        **{code.value: "bone" for code in codes.LEVELS.values()},
    }
)
