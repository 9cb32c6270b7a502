"""Words of needles: every name that the search can give has some, and none says what is not so."""

import ast
from pathlib import Path
from typing import get_args

import pytest

from planner.config.needle_config import ScoreWeights
from planner.model.needle import Crossing, Family, Margin, NearStructure, SkinLandmark
from planner.pipeline.cement_ranks import TERM
from planner.report import needle_words as say
from planner.safety.clearance import REASONS
from tests.unit.report.needle_plans import told_needle

NEEDLES = Path(__file__).resolve().parents[3] / "planner" / "needles"
RULES = (
    ("families.py", "kept_rules"),
    ("spine/spine_rules.py", "spine_rules"),
    ("hip/hip_way.py", "hip_rules"),
)


def rules_in(source: str, function: str) -> set[str]:
    """Sentences in a function's code, its description left out: the names of its rules."""
    (made,) = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == function)
    words = [n.value for part in made.body[1:] for n in ast.walk(part) if isinstance(n, ast.Constant)]
    return {word for word in words if isinstance(word, str) and " " in word}


def without_words(names, words) -> set[str]:
    return set(names) - set(words)


def test_every_reason_of_the_march_has_words():
    assert without_words(REASONS[1:], say.REASONS) == set()
    assert without_words([*REASONS[1:], "no exit"], say.REASONS) == {"no exit"}


@pytest.mark.parametrize(("file", "function"), RULES)
def test_every_rule_has_words(file, function):
    rules = rules_in((NEEDLES / file).read_text(encoding="utf-8"), function)
    # these are no rules, but the names of families
    rules -= set(get_args(Family))
    assert rules and without_words(rules, say.REASONS) == set()


def test_a_rule_without_words_would_be_found():
    source = 'def rules():\n    """Not this one."""\n    way = "is a rule"\n    return {"another rule": 1} | {way: 2}'
    assert without_words(rules_in(source, "rules"), say.REASONS) == {"is a rule", "another rule"}


def test_no_words_are_kept_for_reasons_that_do_not_occur():
    mantle = (NEEDLES / "hip" / "cement_mantle.py").read_text(encoding="utf-8")
    known = {*REASONS, *(rule for file, name in RULES for rule in rules_in((NEEDLES / file).read_text(), name))}
    assert {reason for reason in say.REASONS if reason not in known and f'"{reason}"' not in mantle} == set()


def test_every_term_of_the_score_has_words_and_no_other():
    assert set(say.TERMS) == {*ScoreWeights.model_fields, TERM}


def test_every_family_and_margin_has_words():
    assert set(say.FAMILIES) == set(get_args(Family))
    assert all(say.margins_in_words([margin]) for margin in get_args(Margin))


@pytest.mark.parametrize("kind", ["cage", "unknown", None])
def test_no_screw_is_named_where_there_is_none(plan, kind):
    way = told_needle(plan.trajectories[0], family="beside the screw", implant_id=None)
    assert say.way_in_words(way, kind) == "transpedicular: through the pedicle"
    assert "screw" in say.way_in_words(way, "pedicle_screw") and "tip" not in say.way_in_words(way, "pedicle_screw")
    assert "screw" not in say.family_in_words("across the screw's course", kind)


def test_a_landmark_is_told_as_it_is_felt():
    felt = "40 mm below the trochanter's tip along the thigh, 5 mm behind it"
    mark = SkinLandmark(name="trochanter tip", offset_mm=(-5.0, -20.0, 12.0), in_words=felt)
    assert say.from_landmark(mark).replace(say.THIN, " ") == felt
    assert "along the thigh" not in say.from_landmark(mark.model_copy(update={"in_words": None}))


def test_what_lies_at_the_target_or_ahead_of_it_is_not_before_it():
    def near(name, depth):
        return NearStructure(structure=name, distance_mm=2.0, at_lps=(0.0, 0.0, 0.0), depth_mm=depth)

    assert say.near([near("disc", 0.2)]).endswith("(at the target)")
    assert say.near([near(say.FAR_SIDE, 0.0)]).endswith("(ahead of the tip)")
    assert say.near([near("disc", 6.0)]).endswith("before the target)")


def test_a_breach_is_not_called_absent_where_nobody_looked_for_one(plan):
    way = told_needle(plan.trajectories[0])
    silent = way.model_copy(update={"clearance_mm": way.clearance_mm.model_copy(update={"nearest_breach": None})})
    assert say.clearance_in_words(silent, "nearest_breach") == "none found"
    nowhere = silent.model_copy(update={"gap_id": say.NO_GAP})
    assert say.clearance_in_words(nowhere, "nearest_breach") == say.NONE
    assert say.clearance_in_words(way, "nearest_breach").startswith("9.3")
    bare = way.clearance_mm.model_copy(update={"metal": None})
    assert say.clearance_in_words(way.model_copy(update={"clearance_mm": bare}), "metal") == say.NONE


def test_the_skin_of_a_back_is_measured_across_and_along_it():
    mark = SkinLandmark(name="spinous process vertebra-2", offset_mm=(-37.0, 15.0, 25.0))
    assert say.from_landmark(mark).replace(say.THIN, " ") == (
        "37 mm right and 25 mm above the spinous process of vertebra-2"
    )
    hip = SkinLandmark(name="trochanter tip", offset_mm=(-37.0, 15.0, 25.0))
    assert "15 mm behind" in say.from_landmark(hip).replace(say.THIN, " ")


def test_what_soft_tissue_is_made_of_is_told_as_its_part():
    def told(*parts):
        return say.crossed([Crossing(structure=n, length_mm=mm) for n, mm in parts]).replace(say.THIN, " ")

    whole = (("soft tissue", 40.0), ("muscle", 22.0), ("fat", 14.0), ("bone", 20.0))
    assert told(*whole) == "soft tissue 40 mm (muscle 22 mm, fat 14 mm), bone 20 mm"
    assert told(whole[0], whole[3]) == "soft tissue 40 mm, bone 20 mm"
    # at the hip muscles stand by themselves
    assert told(*whole[1:]) == "muscle 22 mm, fat 14 mm, bone 20 mm" and told() == ""
