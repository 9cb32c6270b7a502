"""Breaches found, missed, invented, mistaken."""

import numpy as np

from planner.model.plan import Plan
from planner.phantoms.score.breaches import score_breaches
from planner.phantoms.score.known_case import KnownCase


def test_a_breach_three_millimetres_off_the_patch_still_means_it(perfect: Plan, known: KnownCase) -> None:
    patch = known.breach_voxels.points_lps
    edge = patch[np.argmin(patch[:, 1])]
    near = perfect.breaches[0].model_copy(update={"centroid_lps": tuple(edge - [0.0, 3.0, 0.0])})
    score = score_breaches((near,), known)
    assert score.breaches[0].distance_mm == 3.0
    assert score.found_right == 1


def test_one_five_millimetres_off_is_missed_and_invented(perfect: Plan, known: KnownCase) -> None:
    patch = known.breach_voxels.points_lps
    edge = patch[np.argmin(patch[:, 1])]
    far = perfect.breaches[0].model_copy(update={"centroid_lps": tuple(edge - [0.0, 5.0, 0.0])})
    score = score_breaches((far,), known)
    assert (score.breaches[0].found_id, score.breaches[0].distance_mm) == (None, None)
    assert [(b.found_id, b.severity) for b in score.false] == [("breach-1", "open")]
    assert score.found_right == 0


def test_the_nearest_of_two_is_held_against_the_truth(perfect: Plan, known: KnownCase) -> None:
    near = perfect.breaches[0].model_copy(update={"id": "near", "leak_type": "canal", "severity": "thin"})
    x, y, z = perfect.breaches[0].centroid_lps
    far = perfect.breaches[0].model_copy(update={"id": "far", "centroid_lps": (x, y - 4.0, z)})
    score = score_breaches((far, near), known)
    (row,) = score.breaches
    assert (row.found_id, row.found_leak_type, row.found_severity) == ("near", "canal", "thin")
    assert (row.leak_type, row.severity) == ("disc", "open")
    assert (score.found_right, score.named_right) == (2, 1)


def test_without_a_found_breach_nothing_is_invented(known: KnownCase) -> None:
    score = score_breaches((), known)
    assert (score.breaches[0].found_id, score.false, score.found_right) == (None, (), 0)


def test_a_breach_is_seen_where_its_gap_was_told_and_only_there(perfect: Plan, known: KnownCase) -> None:
    patch = known.breach_voxels.points_lps
    (row,) = score_breaches((), known, told_gaps_lps=patch + np.array([1.0, 0.0, 0.0])).breaches
    assert row.gap_seen is True
    (row,) = score_breaches((), known, told_gaps_lps=patch + np.array([40.0, 0.0, 0.0])).breaches
    assert row.gap_seen is False
    (row,) = score_breaches((), known, told_gaps_lps=np.zeros((0, 3))).breaches
    assert row.gap_seen is False
    assert score_breaches(perfect.breaches, known).breaches[0].gap_seen is None


def test_a_false_breach_is_told_with_the_wall_that_is_truly_there(perfect: Plan, known: KnownCase) -> None:
    gap = known.voxels_lps(known.label > 0)
    patch = known.breach_voxels.points_lps
    from_patch, _ = known.breach_voxels.nearest(gap)
    inner = gap[np.argmax(from_patch)]
    edge = float(np.mean(known.grid.spacing_mm))
    away = np.linalg.norm(known.voxels_lps(~(known.env | known.metal)) - inner, axis=1).min()
    (false,) = score_breaches((perfect.breaches[0].model_copy(update={"centroid_lps": tuple(inner)}),), known).false
    assert false.true_wall_mm is not None and 0.0 <= false.true_wall_mm <= away
    nowhere = tuple(patch.mean(axis=0) + np.array([300.0, 0.0, 0.0]))
    (false,) = score_breaches((perfect.breaches[0].model_copy(update={"centroid_lps": nowhere}),), known).false
    assert false.true_wall_mm is None
    assert edge > 0.0


def test_a_breach_is_as_wide_as_a_disc_of_its_area(perfect: Plan, known: KnownCase) -> None:
    (row,) = score_breaches(perfect.breaches, known).breaches
    assert row.model_copy(update={"area_mm2": np.pi}).across_mm == 2.0
    assert row.model_copy(update={"area_mm2": None}).across_mm is None
    assert (row.barrier_mm, row.found_barrier_mm) == (known.document.breaches[0].barrier_mm, 0.0)
