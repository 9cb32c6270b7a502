"""The skin point as seen from what can be felt."""

from types import SimpleNamespace

import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.model.bones import Landmark
from planner.needles.describe import landmark

SKIN = np.array([90.0, -20.0, 10.0])
TIPS = (
    Landmark("trochanter tip", "femur-left", points_lps([80.0, 5.0, 20.0]), "left"),
    Landmark("trochanter tip", "femur-right", points_lps([-80.0, 5.0, 20.0]), "right"),
    Landmark("lesser trochanter", "femur-left", points_lps([89.0, -20.0, 10.0]), "left"),
)


def at_hip() -> SimpleNamespace:
    return SimpleNamespace(pedicle=None)


def test_at_the_hip_the_skin_is_seen_from_the_nearest_trochanters_tip():
    seen = landmark(at_hip(), SKIN, TIPS)
    assert seen is not None
    assert seen.name == "trochanter tip"
    assert seen.offset_mm == pytest.approx((10.0, -25.0, -10.0))


def test_at_the_spine_it_is_seen_from_the_midline():
    target = SimpleNamespace(pedicle=SimpleNamespace(middle_lps=np.array([4.0, 0.0, 0.0])))
    seen = landmark(target, SKIN, TIPS)
    assert seen is not None
    assert seen.name == "midline"
    assert seen.offset_mm == pytest.approx((86.0, 0.0, 0.0))


def test_without_a_landmark_or_a_skin_there_is_none():
    assert landmark(at_hip(), SKIN, TIPS[2:]) is None
    assert landmark(at_hip(), None, TIPS) is None
