import numpy as np
import pytest

from planner.segment.anatomy.canal_column import (
    NEUTRAL,
    best_column,
    column_evidence,
    longest_run,
    readable_slices,
    turns_off,
)


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


def test_what_metal_hides_of_a_level_does_not_speak_against_a_canal():
    hu = np.full((60, 50, 50), 40.0, dtype=np.float32)
    metal = np.zeros(hu.shape, dtype=bool)
    hidden = np.full(60, 0.1)
    hidden[28:33] = 1.0  # 7 mm, which may be a disc
    seen = column_evidence(hu, metal, 1.5, cortex_hu=150.0)
    unknown = column_evidence(hu, metal, 1.5, cortex_hu=150.0, readable=hidden)
    assert seen[30, 25, 25] < NEUTRAL - 0.5
    assert unknown[30, 25, 25] > seen[30, 25, 25] + 0.5


def test_what_the_field_of_view_cuts_off_does_not_speak_against_a_canal():
    hu = np.full((60, 50, 50), 40.0, dtype=np.float32)
    measured = np.ones(hu.shape, dtype=bool)
    measured[:, :18] = False
    metal = np.zeros(hu.shape, dtype=bool)
    cut = column_evidence(hu, metal, 1.5, cortex_hu=150.0, measured=measured)
    assert cut[30, 25, 25] > column_evidence(hu, metal, 1.5, cortex_hu=150.0)[30, 25, 25] + 0.5


def test_a_root_that_leaves_the_sacrum_is_told_from_a_bent_spine():
    below = np.arange(200.0)
    sacrum = np.maximum(0.0, below - 120.0) * 0.6
    leaving = np.maximum(0.0, below - 150.0) * 0.6

    def line(aside: np.ndarray, back: np.ndarray) -> np.ndarray:
        return np.column_stack([aside, back, -below])

    assert turns_off(line(leaving, sacrum), 1.0) == pytest.approx(167, abs=6)
    assert turns_off(line(leaving, 0.0 * sacrum), 1.0) is None
    bent = 200.0 - np.sqrt(200.0**2 - (below / 2) ** 2)
    assert turns_off(line(bent, sacrum), 1.0) is None
    assert turns_off(line(leaving, sacrum)[140:180], 1.0) is None
