"""The rows of the anatomy in the accuracy table are what they say."""

import sys
from pathlib import Path

import pytest

from planner.phantoms.score.anatomy import AnatomyScore
from planner.phantoms.score.breaches import BreachesScore
from planner.phantoms.score.case_score import CaseScore
from planner.phantoms.score.gaps import GapsScore
from planner.phantoms.score.needles import NeedlesScore
from planner.phantoms.score.outlines import CanalScore, OutlineScore
from planner.phantoms.score.readings import CortexScore, FractureScore, FracturesScore, LandmarkScore, PedicleScore
from planner.phantoms.score.surroundings import SurroundingsScore

# The benchmarks are scripts, not a package: they find each other in their own folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from accuracy_anatomy import anatomy_rows
from accuracy_cases import load_cases
from accuracy_figures import NOTHING
from accuracy_run import CaseResult
from accuracy_table import Outcome, sections


def _outline(dice: float | None) -> OutlineScore:
    return OutlineScore(
        name="vertebra-1", kind="vertebra", level="L4", side=None, found=None if dice is None else "vertebra-1",
        dice=dice, true_ml=30.0,
    )  # fmt: skip


def _pedicle(width: float | None) -> PedicleScore:
    return PedicleScore(
        bone="vertebra-1", level="L4", side="left", is_found=True, width_error_mm=width, height_error_mm=None,
        off_axis_mm=0.5, axis_error_deg=3.0,
    )  # fmt: skip


def _anatomy(depth: float | None = 0.8) -> AnatomyScore:
    return AnatomyScore(
        bones=(_outline(0.97), _outline(0.91), _outline(None)),
        discs=(),
        canal=CanalScore(missed=0.02 if depth else 1.0, missed_mm=depth, excess_ml=0.1),
        pedicles=(_pedicle(0.5), _pedicle(-0.7), _pedicle(None)),
        landmarks=tuple(
            LandmarkScore(name="spinous process", bone="vertebra-1", side=None, error_mm=e) for e in (1.0, None)
        ),
        landmarks_false=2,
        cortex_away=CortexScore(places=100, measured=80, error_mm=0.3, error_p90_mm=0.8, bias_mm=-0.1),
        cortex_near=None,
        fractures=FracturesScore(
            fractures=(
                FractureScore(
                    level="L2", grade=2, loss=0.35, is_cleft=True, is_found=True, found_grade=1, found_loss=0.24
                ),
            ),
            false=1,
        ),
    )


def _result(anatomy: AnatomyScore | None, *, name: str = "lumbar-t01") -> CaseResult:
    score = CaseScore(
        implants=(),
        gaps=GapsScore(gaps=(), false=(), beside=(), unmeasured=0, dice=None, sensitivity=None),
        breaches=BreachesScore(breaches=(), false=(), found_right=0),
        needles=NeedlesScore(needles=(), gaps_without=()),
        surroundings=SurroundingsScore(
            canal_covered=None, canal_centre_error_mm=None, canal_centre_error_max_mm=None, bone_found=None,
            bone_right=None,
        ),
        anatomy=anatomy,
    )  # fmt: skip
    return CaseResult(case=name, score=score)


def test_each_row_counts_what_it_says() -> None:
    rows = dict(anatomy_rows([_result(_anatomy()), _result(_anatomy(2.5))]))
    assert rows["vertebra: found apart from others"] == "67 % (4/6)"
    assert rows["vertebra: Dice"].startswith("0.940 / ")
    assert rows["vertebra: Dice 0.95 or more, of all"] == "33 % (2/6)"
    assert rows["canal: cut by no more than a voxel, cases"].startswith("50 % (1/2)")
    assert rows["pedicles: width measured"] == "67 % (4/6)"
    assert rows["pedicles: width, mm"] == "0.60 / 0.70 / 0.70, n=4"
    assert rows["pedicles: height, mm"] == NOTHING
    assert rows["spinous process, mm"] == "1.00 / 1.00 / 1.00, n=2, found 50 % (2/4)"
    assert rows["landmarks where none is"] == "4"
    assert rows["cortex away from metal: places measured"] == "80 % (160/200)"
    assert rows["cortex within 5 mm of metal: a case's median error, mm"] == NOTHING
    assert rows["fractured levels: found, with height loss"] == "100 % (2/2)"
    assert rows["fractured levels: grade right"] == "0 % (0/2)"
    assert rows["fractured levels: height loss, % (signed)"] == "-11 (-11 to -11), n=2"
    assert rows["levels called fractured that are not"] == "2"
    assert "disc: Dice" not in rows


def test_a_plan_without_a_canal_has_no_depth_but_counts() -> None:
    rows = dict(anatomy_rows([_result(_anatomy(None))]))
    assert rows["canal: cases with one"] == "0 % (0/1)"
    assert rows["canal: missed, greatest depth, mm"] == NOTHING
    assert rows["canal: missed, %"].startswith("100.0")


def test_where_nobody_told_bones_apart_there_are_no_rows() -> None:
    assert anatomy_rows([_result(None), CaseResult(case="none", score=None)]) == []


def test_what_was_not_asked_is_no_nought() -> None:
    bare = _anatomy().model_copy(
        update={"pedicles": None, "landmarks": None, "landmarks_false": None, "cortex_away": None, "fractures": None}
    )
    rows = dict(anatomy_rows([_result(bare)]))
    for name in ("pedicles", "landmarks where none is", "cortex away from metal: places measured",
                 "levels called fractured that are not", "fractured levels: found, with height loss"):  # fmt: skip
        assert rows[name] == NOTHING


def test_the_table_has_the_section_and_the_worst() -> None:
    case = next(c for c in load_cases() if c.name == "lumbar-t01")
    made = {s.title: s for s in sections([Outcome(case, _result(_anatomy(2.5)))])}
    assert ("vertebra: found apart from others", "67 % (2/3)") in made["Anatomy"].rows
    worst = made["The worst"].rows
    assert ("canal cut", "+2.50 mm", "lumbar-t01") in worst
    assert ("bone's Dice, less 1", "-0.09 ", "lumbar-t01 L4") in worst
    assert any(row[0] == "pedicle's width" and row[1] == "-0.70 mm" for row in worst)


@pytest.mark.parametrize("depth", [0.8, None])
def test_the_table_can_be_written(depth: float | None) -> None:
    case = next(c for c in load_cases() if c.name == "lumbar-t01")
    for section in sections([Outcome(case, _result(_anatomy(depth)))]):
        assert section.title in section.as_text()
        assert section.as_markdown().startswith("## ")
