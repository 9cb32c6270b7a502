"""By how much labels lie off the bones."""

import numpy as np

from planner.segment.anatomy.label_shift import best_shift

SHAPE, SPACING_MM = (30, 40, 50), (3.0, 2.0, 2.0)


def _box(low: tuple[int, int, int], size: int = 8) -> np.ndarray:
    out = np.zeros(SHAPE, dtype=bool)
    out[tuple(slice(k, k + size) for k in low)] = True
    return out


def _shell(low: tuple[int, int, int]) -> np.ndarray:
    return _box((low[0] - 2, low[1] - 2, low[2] - 2), 12) & ~_box(low)


def _shift(labels: tuple[int, int, int], bone: np.ndarray, *, valid: np.ndarray | None = None, reach_mm: float = 30.0):
    return best_shift(
        _box(labels), _shell(labels), dense=bone, valid=np.ones(SHAPE, bool) if valid is None else valid,
        spacing_mm=SPACING_MM, reach_mm=reach_mm,
    )  # fmt: skip


def test_the_shift_back_is_found_in_millimetres() -> None:
    found = _shift((12, 20, 20), _box((10, 20, 25)))
    assert found is not None and found.contrast == 1.0
    assert found.moved_mm == (-6.0, 0.0, 10.0)


def test_what_is_out_of_reach_is_not_found() -> None:
    found = _shift((12, 20, 20), _box((12, 20, 38)), reach_mm=10.0)
    assert found is not None and found.contrast < 0.1


def test_labels_near_the_edge_are_not_moved_round_it() -> None:
    # a shift past the scan's end may not come back on its other side
    found = _shift((3, 3, 3), _box((20, 30, 40)), reach_mm=12.0)
    assert found is not None and found.contrast <= 0.0


def test_nothing_is_told_without_labels_or_where_nothing_may_be_compared() -> None:
    none = np.zeros(SHAPE, bool)
    assert best_shift(none, none, dense=none, valid=~none, spacing_mm=SPACING_MM, reach_mm=9.0) is None
    assert _shift((12, 20, 20), _box((12, 20, 20)), valid=none) is None
