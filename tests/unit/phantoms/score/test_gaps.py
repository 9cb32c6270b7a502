"""Each known error of a gap is told as it is."""

import numpy as np
import pytest

from planner.model.gap import Gap, Interval, ZoneVolume
from planner.model.labels import LabelMap, Structure
from planner.model.plan import Plan
from planner.phantoms.score.gaps import GapsScore, score_gaps
from planner.phantoms.score.known_case import KnownCase


def _with_gaps(plan: Plan, *gaps: Gap) -> Plan:
    others = tuple(s for s in plan.labels if s.kind != "gap")
    own = tuple(Structure(code=10 + k, kind="gap", id=gap.id) for k, gap in enumerate(gaps))
    return plan.model_copy(update={"gaps": gaps, "labels": (*others, *own)})


def _renamed(gap: Gap, name: str, **changes: object) -> Gap:
    return gap.model_copy(update={"id": name, **changes})


@pytest.fixture
def codes(labels: LabelMap) -> np.ndarray:
    """Codes in which a test may paint."""
    return np.where(labels.codes <= 2, 0, labels.codes).copy()


def test_a_volume_too_small_by_a_tenth_is_told_so(perfect: Plan, labels: LabelMap, known: KnownCase) -> None:
    true_ml = known.document.gaps[1].volume_ml
    low = Interval(estimate=0.9 * true_ml, low=0.85 * true_ml, high=0.95 * true_ml)
    plan = perfect.model_copy(update={"gaps": (perfect.gaps[0], _renamed(perfect.gaps[1], "gap-2", volume_ml=low))})
    right, left = score_gaps(plan, labels.codes, known).gaps
    assert (right.covered, left.covered) == (True, False)
    assert left.relative_error == pytest.approx(-0.1)
    assert left.error_ml == pytest.approx(-0.1 * true_ml)


def test_a_gap_without_a_volume_is_counted_and_not_taken_as_nought(
    perfect: Plan, labels: LabelMap, known: KnownCase
) -> None:
    plan = perfect.model_copy(update={"gaps": (_renamed(perfect.gaps[0], "gap-1", volume_ml=None), perfect.gaps[1])})
    score = score_gaps(plan, labels.codes, known)
    assert score.unmeasured == 1
    assert (score.gaps[0].estimate_ml, score.gaps[0].covered, score.gaps[0].relative_error) == (None, None, None)
    assert score.gaps[0].sensitivity == 1.0


def test_a_missed_gap_and_a_false_one_are_counted(perfect: Plan, known: KnownCase, codes: np.ndarray) -> None:
    codes[:5, -5:, :5] = 10
    codes[known.label == 2] = 11
    plan = _with_gaps(perfect, _renamed(perfect.gaps[0], "nowhere"), _renamed(perfect.gaps[1], "here"))
    score = score_gaps(plan, codes, known)
    assert (score.gaps[0].found_ids, score.gaps[0].estimate_ml) == ((), None)
    assert score.gaps[1].found_ids == ("here",)
    assert [(g.found_id, g.volume_ml) for g in score.false] == [("nowhere", perfect.gaps[0].volume_ml.estimate)]
    assert score.false_ml == pytest.approx(known.document.gaps[0].volume_ml)


def test_one_found_gap_over_two_true_ones_is_shared_by_voxels(
    perfect: Plan, known: KnownCase, codes: np.ndarray
) -> None:
    codes[known.label > 0] = 10
    whole = sum(g.volume_ml for g in known.document.gaps)
    both = _renamed(
        perfect.gaps[0],
        "both",
        volume_ml=Interval(estimate=2 * whole, low=whole, high=3 * whole),
        zones=(ZoneVolume(zone="screw-distal", volume_ml=2 * whole),),
    )
    right, left = score_gaps(_with_gaps(perfect, both), codes, known).gaps
    assert right.estimate_ml == pytest.approx(2 * right.true_ml)
    assert left.estimate_ml == pytest.approx(2 * left.true_ml)
    assert (left.low_ml, left.high_ml) == pytest.approx((left.true_ml, 3 * left.true_ml))
    found = {zone.zone: zone.found_ml for zone in left.zones}
    assert found == pytest.approx({"screw-middle": 0.0, "screw-distal": 2 * left.true_ml})


def test_two_found_gaps_at_one_true_one_add_up(perfect: Plan, known: KnownCase, codes: np.ndarray) -> None:
    front = np.broadcast_to((np.arange(known.grid.shape[1]) < 28)[None, :, None], known.grid.shape)
    codes[(known.label == 2) & front] = 10
    codes[(known.label == 2) & ~front] = 11
    part = Interval(estimate=0.5, low=0.4, high=0.6)
    plan = _with_gaps(
        perfect, _renamed(perfect.gaps[1], "a", volume_ml=part), _renamed(perfect.gaps[1], "b", volume_ml=part)
    )
    left = score_gaps(plan, codes, known).gaps[1]
    assert left.estimate_ml == pytest.approx(1.0)
    assert (left.low_ml, left.high_ml) == pytest.approx((0.8, 1.2))
    assert left.dice == 1.0


def test_half_of_the_voxels_give_a_dice_of_two_thirds(perfect: Plan, known: KnownCase, codes: np.ndarray) -> None:
    voxels = np.argwhere(known.label == 2)
    kept = voxels[: len(voxels) // 2]
    codes[tuple(kept.T)] = 10
    left = score_gaps(_with_gaps(perfect, _renamed(perfect.gaps[1], "half")), codes, known).gaps[1]
    assert left.dice == pytest.approx(2 / 3, abs=0.001)
    assert left.sensitivity == pytest.approx(0.5, abs=0.001)


def test_voxels_beside_a_gap_lower_its_dice(perfect: Plan, known: KnownCase, codes: np.ndarray) -> None:
    codes[known.label == 1] = 10
    moved = np.roll(known.label == 1, 1, axis=1) & (known.label == 0)
    codes[moved] = 10
    right = score_gaps(_with_gaps(perfect, _renamed(perfect.gaps[0], "more")), codes, known).gaps[0]
    true, extra = int((known.label == 1).sum()), int(moved.sum())
    assert right.dice == pytest.approx(2 * true / (2 * true + extra))
    assert right.sensitivity == 1.0


def test_widths_are_held_against_measured_widths_alone(perfect: Plan, labels: LabelMap, known: KnownCase) -> None:
    document = known.document
    bare = document.model_copy(update={"gaps": tuple(g.model_copy(update={"widths_mm": None}) for g in document.gaps)})
    case = type(known)(bare, known.grid, known.label, known.breach, known.metal, known.env, known.body, known.forbidden)
    score = score_gaps(perfect, labels.codes, case)
    assert [gap.true_width_mm for gap in score.gaps] == [None, None]
    assert [gap.true_width_mm for gap in score_gaps(perfect, labels.codes, known).gaps] == [2.0, 4.0]


def test_a_control_without_gaps_has_no_dice_until_one_is_invented(perfect: Plan, known: KnownCase) -> None:
    document = known.document.model_copy(update={"gaps": ()})
    nothing = np.zeros_like(known.label)
    case = type(known)(document, known.grid, nothing, known.breach, known.metal, known.env, known.body, known.forbidden)
    clean: GapsScore = score_gaps(_with_gaps(perfect), nothing, case)
    assert (clean.gaps, clean.false, clean.dice, clean.sensitivity) == ((), (), None, None)
    painted = np.where(known.label == 1, 10, 0).astype(np.uint8)
    invented = score_gaps(_with_gaps(perfect, _renamed(perfect.gaps[0], "gap-1")), painted, case)
    assert invented.dice == 0.0
    assert invented.false_ml == pytest.approx(known.document.gaps[0].volume_ml)


def test_a_stray_voxel_finds_nothing(perfect: Plan, known: KnownCase, codes: np.ndarray) -> None:
    voxels = np.argwhere(known.label == 2)
    codes[tuple(voxels[: len(voxels) // 12].T)] = 10
    plan = _with_gaps(perfect, _renamed(perfect.gaps[1], "stray"))
    score = score_gaps(plan, codes, known)
    left = score.gaps[1]
    assert (left.found_ids, left.estimate_ml, left.covered, left.dice) == ((), None, None, 0.0)
    assert 0.0 < left.sensitivity < 0.1
    assert ([g.found_id for g in score.beside], score.false) == (["stray"], ())
    codes[tuple(voxels[: len(voxels) // 9].T)] = 10
    enough = score_gaps(plan, codes, known)
    assert (enough.gaps[1].found_ids, enough.beside) == (("stray",), ())


def test_a_half_without_a_volume_leaves_the_whole_unmeasured(
    perfect: Plan, known: KnownCase, codes: np.ndarray
) -> None:
    front = np.broadcast_to((np.arange(known.grid.shape[1]) < 28)[None, :, None], known.grid.shape)
    codes[(known.label == 2) & front] = 10
    codes[(known.label == 2) & ~front] = 11
    part = Interval(estimate=0.5, low=0.4, high=0.6)
    plan = _with_gaps(
        perfect, _renamed(perfect.gaps[1], "a", volume_ml=part), _renamed(perfect.gaps[1], "b", volume_ml=None)
    )
    left = score_gaps(plan, codes, known).gaps[1]
    assert left.found_ids == ("a", "b")
    assert (left.estimate_ml, left.low_ml, left.high_ml, left.relative_error) == (None, None, None, None)
