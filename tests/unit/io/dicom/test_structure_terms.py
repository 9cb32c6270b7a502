"""What structures are in coded words: the standard's own, as special as the plan tells, never more."""

from typing import get_args

import pytest
from pydicom.sr._concepts_dict import concepts

from planner.io.dicom import codes
from planner.io.dicom.codes import OWN_SCHEME, own
from planner.io.dicom.structure_terms import (
    BONE_TERMS,
    GAP_TERMS,
    IMPLANT_TERMS,
    KIND_TERMS,
    Place,
    kind_of,
    level_place,
    structure_term,
)
from planner.model.bones import BoneKind
from planner.model.gap import GapKind
from planner.model.implant import ImplantKind
from planner.model.labels import Structure, StructureKind
from planner.model.structure_colours import STRUCTURE_COLOURS
from planner.report import palette

TERMS = (*KIND_TERMS.values(), *IMPLANT_TERMS.values(), *GAP_TERMS.values(), *BONE_TERMS.values())
STANDARD = {
    (scheme, value): meanings
    for scheme, by_keyword in concepts.items()
    for of_keyword in by_keyword.values()
    for value, meanings in of_keyword.items()
}
BEYOND_THE_STANDARD = (codes.BONE_CEMENT, codes.OSTEOLYSIS, codes.FRACTURE, codes.DEFECT, codes.DISC)
OF_TEMPLATES = (codes.PATH, codes.PRIMARY_ANGLE, codes.SECONDARY_ANGLE)
"""Of measurements along a path (TID 1400) and of what an angiograph writes of its positioner (TID 10003)."""
CODES = [code for code in vars(codes).values() if isinstance(code, codes.Code)]


@pytest.mark.parametrize("code", [*CODES, *codes.LEVELS.values()], ids=lambda code: code.meaning)
def test_a_code_is_the_standards_own_or_one_that_is_named(code):
    """By pydicom's copy of PS3.16: SNOMED CT, DCM and LOINC; units are UCUM's."""
    if code in BEYOND_THE_STANDARD:
        assert (code.scheme_designator, code.value) not in STANDARD, "it need not be named any more"
    elif code.scheme_designator != "UCUM":
        assert (code.scheme_designator, code.value) in STANDARD


@pytest.mark.parametrize("code", [c for c in CODES if c.scheme_designator == "DCM"], ids=lambda code: code.meaning)
def test_a_dicom_code_is_of_a_context_group_or_a_template(code):
    """One of neither has its meaning from its neighbours alone: "Wall Thickness" stands among the heart's."""
    groups = [g for named in concepts["DCM"].values() for value, (_, g) in named.items() if value == code.value]
    assert any(groups) or code in OF_TEMPLATES


def meanings_of(code):
    return {
        meaning.lower()
        for by_keyword in concepts[code.scheme_designator].values()
        for value, (meaning, _) in by_keyword.items()
        if value == code.value
    }


@pytest.mark.parametrize("level", codes.LEVELS)
def test_levels_have_their_own_vertebrae(level):
    assert f"{level.lower()} vertebra" in meanings_of(codes.LEVELS[level])


@pytest.mark.parametrize("code", [c for c in CODES if c.scheme_designator == "SCT" and c not in BEYOND_THE_STANDARD],
                         ids=lambda code: code.meaning)  # fmt: skip
def test_a_standard_code_means_what_we_say(code):
    word = code.meaning.lower().split(" value")[0].removesuffix(" abnormal structure")
    assert any(word in meaning for meaning in meanings_of(code))


def test_no_own_code_is_made_up_on_the_way():
    with pytest.raises(KeyError):
        own("no such word")
    ours = [own(name) for name in codes._OWN]
    assert {code.scheme_designator for code in ours} == {OWN_SCHEME}
    assert len({code.value for code in ours}) == len({code.meaning for code in ours}) == len(ours)
    assert max(len(code.value) for code in ours) <= 16 and max(len(code.meaning) for code in ours) <= 64


def test_each_kind_has_its_term():
    assert set(KIND_TERMS) == set(get_args(StructureKind))
    assert set(IMPLANT_TERMS) == set(get_args(ImplantKind))
    assert set(GAP_TERMS) == set(get_args(GapKind))
    assert set(BONE_TERMS) == set(get_args(BoneKind))


def test_kinds_are_told_again_from_their_codes():
    for kind, term in KIND_TERMS.items():
        assert kind_of(term.category.value, term.type.value) == kind
    for terms, kind in ((IMPLANT_TERMS, "implant"), (GAP_TERMS, "gap"), (BONE_TERMS, "bone")):
        assert {kind_of(term.category.value, term.type.value) for term in terms.values()} == {kind}
    assert kind_of(codes.ANATOMY.value, codes.LEVELS["L4"].value) == "bone"
    assert kind_of(codes.ANATOMY.value, "272673000") == "bone"  # as earlier versions wrote it
    assert kind_of(codes.ANATOMY.value, "10200004") == "other"  # a liver


def test_levels_without_a_code_are_told_as_vertebrae_and_none_as_nothing():
    assert level_place("L4") == Place(codes.LEVELS["L4"])
    assert level_place("L6") == Place(codes.VERTEBRA)
    assert level_place("S1", codes.LEFT) == Place(codes.SACRUM, codes.LEFT)
    assert level_place(None, codes.LEFT) is None


def term_of(kind, name, plan):
    return structure_term(Structure(code=1, kind=kind, id=name), plan)


def test_a_screw_is_a_bone_screw_on_its_side_at_its_level(full_plan):
    term = term_of("implant", "screw-1", full_plan)
    assert (term.type, term.modifier) == (codes.BONE_SCREW, own("pedicle-screw"))
    assert term.place == Place(codes.LEVELS["L4"], codes.LEFT)
    unknown = full_plan.implants[0].model_copy(update={"level": None, "side": None})
    assert term_of("implant", "screw-1", full_plan.model_copy(update={"implants": (unknown,)})).place == Place(
        codes.SPINE
    )


def test_a_stem_lies_in_the_femur_and_a_cup_in_the_acetabulum(full_plan):
    for name, region in (("stem-right", codes.FEMUR), ("cup-right", codes.ACETABULUM)):
        assert term_of("implant", name, full_plan).place == Place(region, codes.RIGHT)
    assert term_of("implant", "stem-right", full_plan).type == codes.FEMORAL_STEM


def test_what_is_not_known_has_no_place(full_plan):
    assert term_of("implant", "unknown-1", full_plan) == IMPLANT_TERMS["unknown"]


def test_a_gap_lies_where_its_implant_does(full_plan):
    term = term_of("gap", "gap-1", full_plan)
    assert (term.type, term.modifier, term.made) == (codes.LESION, own("gap-kind-screw_halo"), "edited")
    assert term.place == Place(codes.LEVELS["L4"], codes.LEFT)
    level = term_of("gap", "gap-2", full_plan)
    assert (level.type, level.place, level.made) == (codes.FRACTURE, Place(codes.LEVELS["L5"]), "automatic")
    assert term_of("breach", "breach-1", full_plan).place == term.place


def test_a_bone_is_told_by_its_level_or_its_side(full_plan):
    assert term_of("bone", "vertebra-1", full_plan).type == codes.LEVELS["L4"]
    assert term_of("bone", "vertebra-2", full_plan).type == codes.VERTEBRA
    femur = term_of("bone", "femur-right", full_plan)
    assert (femur.type, femur.modifier) == (codes.FEMUR, codes.RIGHT)
    assert term_of("bone", "sacrum", full_plan).modifier is None


@pytest.mark.parametrize("kind", get_args(StructureKind))
def test_a_stranger_is_told_by_its_kind_alone(full_plan, kind):
    assert term_of(kind, "nobody", full_plan) == KIND_TERMS[kind]
    assert term_of(kind, "screw-1", None) == KIND_TERMS[kind]


def test_colours_are_the_legends():
    assert dict(STRUCTURE_COLOURS) == {
        "implant": palette.IMPLANT, "bone": palette.BONE, "gap": palette.GAP, "breach": palette.BREACH,
        "canal": palette.CANAL,
    }  # fmt: skip
