import numpy as np
import pytest

from planner.segment.anatomy.canal_column import best_column, longest_run, readable_slices


def test_no_column_without_evidence():
    assert best_column(np.zeros((40, 10, 10), dtype=np.float32), 1.5, least=0.6, sure=0.95) is None


def test_a_column_runs_straight_through_slices_that_cannot_be_read():
    evidence = np.full((60, 12, 12), -0.5, dtype=np.float32)
    evidence[:, 6, 5] = 1.2
    readable = np.ones(60)
    readable[25:35] = 0.1
    evidence[25:35] = 0.35 + 0.1 * (-1.0 - 0.35)  # what metal shows there, believed by a tenth
    found = best_column(evidence, 1.5, least=0.6, sure=0.85, readable=readable)
    assert found is not None
    path, score = found
    assert path[:, 0].tolist() == list(range(60))
    assert np.all(path[:, 1:] == [6, 5])
    assert score > 1.0


def test_a_column_with_little_evidence_is_not_believed():
    evidence = np.full((60, 12, 12), -0.5, dtype=np.float32)
    evidence[:, 6, 5] = 0.7
    assert best_column(evidence, 1.5, least=0.6, sure=0.85) is None


def test_a_slice_full_of_metal_is_hardly_believed_and_rods_do_no_harm():
    metal = np.zeros((9, 60, 60), dtype=bool)
    metal[:, 30, 10:20] = True  # 22 mm2
    metal[4, 10:40, 10:40] = True  # 2000 mm2
    readable = readable_slices(metal, 1.5, spoilt_mm2=200.0, least=0.1)
    assert readable[4] == pytest.approx(0.1)
    assert readable[0] > 0.99
    assert readable[3] == pytest.approx(0.1)


def test_the_longest_run():
    assert longest_run(np.array([1, 0, 1, 1, 1, 0, 1], dtype=bool)) == slice(2, 5)
    assert longest_run(np.zeros(4, dtype=bool)) == slice(0, 0)
