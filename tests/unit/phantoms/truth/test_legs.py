"""Leg length and offset by their points."""

import numpy as np
import pytest

from planner.geometry.rigid import rotation_about
from planner.phantoms.truth.legs import TrueHip, left_longer_mm, offset_mm


def _hips(left_mm: float, turned_deg: float = 0.0) -> tuple[TrueHip, TrueHip]:
    """The left lesser trochanter hangs so much lower under the ischia than the right one; all turned about P."""
    turn = rotation_about((0, 1, 0), turned_deg)

    def place(x: float, z: float) -> tuple[float, float, float]:
        a, b, c = turn @ np.array([x, 3.0, z])
        return float(a), float(b), float(c)

    return (
        TrueHip("left", place(80, 0), place(50, -70), place(95, -62.0 - left_mm), 41.0),
        TrueHip("right", place(-80, 0), place(-50, -70), place(-95, -62.0), 41.0),
    )


@pytest.mark.parametrize("left_mm", [7.0, 0.0, -12.0])
def test_the_lower_trochanter_belongs_to_the_longer_leg(left_mm: float) -> None:
    assert left_longer_mm(_hips(left_mm)) == pytest.approx(left_mm)


def test_a_tilted_pelvis_with_its_legs_changes_nothing() -> None:
    assert left_longer_mm(_hips(7.0, turned_deg=9.0)) == pytest.approx(7.0)
    assert left_longer_mm(_hips(7.0)[::-1]) == pytest.approx(7.0)


def test_one_hip_has_no_other_to_be_held_against() -> None:
    assert left_longer_mm(_hips(7.0)[:1]) is None


def test_an_offset_is_across_the_shaft() -> None:
    assert offset_mm((80.0, 0.0, 0.0), (110.0, 40.0, -90.0), (0.0, 0.0, 2.0)) == pytest.approx(50.0)
