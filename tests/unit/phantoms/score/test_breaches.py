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
    assert score.found_right == 2


def test_without_a_found_breach_nothing_is_invented(known: KnownCase) -> None:
    score = score_breaches((), known)
    assert (score.breaches[0].found_id, score.false, score.found_right) == (None, (), 0)
