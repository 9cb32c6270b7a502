"""The anatomy of a plan as a whole: from its files, from its records, and where nobody told any."""

import numpy as np
import pytest

from planner.model.bones import Landmark, Pedicle
from planner.model.finding import Finding
from planner.model.labels import LabelMap
from planner.model.plan import Plan
from planner.phantoms.score.anatomy import FRACTURE_CODES, FoundAnatomy, fractures_told, score_anatomy
from planner.phantoms.score.case_score import CaseScore, score_case
from planner.phantoms.score.known_case import KnownCase, codes_on
from planner.phantoms.truth.document import AnatomyTruth

SPINOUS, PEDICLE = (1.0, 30.0, 15.0), (6.0, 20.0, 15.0)


@pytest.fixture(scope="module")
def told(known: KnownCase) -> KnownCase:
    """The case, its bone one vertebra that has lost height."""
    anatomy = AnatomyTruth.model_validate({
        "bones": [{"name": "vertebra-1", "kind": "vertebra", "level": "L4", "code": 1}],
        "pedicles": [{
            "bone": "vertebra-1", "level": "L4", "side": "left", "centre": PEDICLE, "inward": (0.0, -1.0, 0.0),
            "width_mm": 9.0, "height_mm": 14.0,
        }],
        "landmarks": [
            {"name": "spinous process", "bone": "vertebra-1", "point": SPINOUS},
            {"name": "spinous process", "bone": "vertebra-1", "point": (0.0, 0.0, 900.0)},
        ],
        "fractures": [{
            "bone": "vertebra-1", "level": "L4", "front_loss": 0.5, "middle_loss": 0.3, "back_loss": 0.1,
            "is_cleft": False,
        }],
    })  # fmt: skip
    bones = known.env.astype(np.uint8)
    document = known.document.model_copy(update={"anatomy": anatomy})
    return KnownCase(
        document, known.grid, known.label, known.breach, known.metal, known.env, known.body, known.forbidden,
        known.structures, bones, np.zeros_like(bones),
    )  # fmt: skip


def _finding(loss: float | None, unit: str | None) -> Finding:
    return Finding(
        code=FRACTURE_CODES[0], severity="caution", message="lost height", where_lps=(0.0, 20.0, 15.0),
        measured=loss, unit=unit,
    )  # fmt: skip


def test_files_alone_tell_bones_and_fractures(perfect: Plan, labels: LabelMap, told: KnownCase) -> None:
    plan = perfect.model_copy(update={"findings": (_finding(45.0, "%"),)})
    score = score_anatomy(plan, labels.grid, codes_on(labels, told.grid), told)
    assert score is not None
    (bone,) = score.bones
    assert (bone.found, bone.level) == ("bone", "L4")
    assert bone.dice is not None
    assert bone.dice > 0.95
    assert score.fractures is not None
    (broken,) = score.fractures.fractures
    assert (broken.grade, broken.found_grade, broken.found_loss) == (3, 3, 0.45)
    assert (score.pedicles, score.landmarks, score.landmarks_false) == (None, None, None)
    assert (score.cortex_away, score.cortex_near, score.canal) == (None, None, None)


def test_records_tell_the_rest_and_only_what_is_in_view_counts(
    perfect: Plan, labels: LabelMap, told: KnownCase
) -> None:
    pedicle = Pedicle("vertebra-1", "left", np.array(PEDICLE), np.array([0.0, -1.0, 0.0]), 9.5, 14.0)
    mark = Landmark("spinous process", "vertebra-1", np.add(SPINOUS, (0.0, 0.0, 1.5)))
    found = FoundAnatomy(bones=(), pedicles=(pedicle,), landmarks=(mark,), fractures=())
    score = score_anatomy(perfect, labels.grid, codes_on(labels, told.grid), told, found=found)
    assert score is not None
    assert [b.dice for b in score.bones] == [None]
    assert score.pedicles is not None
    assert [p.width_error_mm for p in score.pedicles] == [0.5]
    assert score.landmarks is not None
    assert [m.error_mm for m in score.landmarks] == [1.5]
    assert score.landmarks_false == 0
    assert score.fractures is not None
    assert [f.is_found for f in score.fractures.fractures] == [False]


def test_a_loss_is_told_in_per_cent_or_as_a_share_or_not_at_all(perfect: Plan) -> None:
    other = _finding(0.3, None).model_copy(update={"code": "hu-clipped"})
    lost = _finding(0.3, None).model_copy(update={"where_lps": None})
    plan = perfect.model_copy(
        update={"findings": (_finding(30.0, "%"), _finding(0.3, None), _finding(None, None), other, lost)}
    )
    assert [f.loss for f in fractures_told(plan)] == [0.3, 0.3, None]


def test_a_case_without_true_bones_has_no_such_score(perfect: Plan, labels: LabelMap, known: KnownCase) -> None:
    assert score_case(perfect, labels, known).anatomy is None


def test_a_case_score_holds_the_anatomy_and_comes_back(perfect: Plan, labels: LabelMap, told: KnownCase) -> None:
    score = score_case(perfect, labels, told)
    assert score.anatomy is not None
    assert CaseScore.model_validate_json(score.model_dump_json()) == score
