"""The table of what needles could reach: its counts, and brute force on a small true case."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from needle_reach import Reach, margins, reach_table

from planner.config.needle_config import NeedleConfig

ROWS = (
    Reach("one", "gap-1", 0.5, {"any": 40, "least": 3, "wanted": 0}, reached=True),
    Reach("one", "gap-2", 0.9, {"any": 7, "least": 0, "wanted": 0}, reached=False),
    Reach("two", "gap-1", 0.4, {"any": 0, "least": 0, "wanted": 0}, reached=False),
)


def test_gaps_with_a_way_and_those_reached_are_counted() -> None:
    table = reach_table(ROWS)
    assert "1 of 2 gaps with a way (any margins) are reached" in table
    assert "1 of 1 gaps with a way (least margins) are reached" in table
    assert "0 of 0 gaps with a way (wanted margins) are reached" in table
    assert "no way" in table.splitlines()[-4] and "NO" in table.splitlines()[-5]


@pytest.mark.parametrize("hip", [False, True])
def test_margins_grow_from_any_to_wanted(hip: bool) -> None:
    limits = margins(NeedleConfig(), hip=hip)
    for name in ("metal_mm", "canal_mm", "forbidden_mm", "bone_mm", "inside_mm"):
        values = [getattr(limits[kind], name) for kind in ("any", "least", "wanted")]
        assert values == sorted(values) and values[0] < values[-1]
    assert np.isclose(limits["any"].radius_mm, 1.6 if hip else 0.915)
