import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.geometry.grid import Grid
from planner.model.anatomy import GapSpace
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask
from planner.needles.candidates import Target
from planner.needles.hip.femoral import allowed_directions, from_the_side, thigh_of


def target(side):
    axis = ImplantAxis(
        head_lps=(0.0, 0.0, 100.0), tip_lps=(0.0, 0.0, 0.0), diameter_mm=12.0, core_diameter_mm=None, length_mm=100.0
    )
    stem = Implant(
        id="stem-1",
        kind="femoral_stem",
        volume_ml=None,
        centroid_lps=(0.0, 0.0, 50.0),
        axis=axis,
        bulls_eye=None,
        side=side,
        level=None,
        material="unknown",
        loosening=None,
    )
    grid = Grid((2, 2, 2), np.eye(4))
    return Target(GapSpace("gap-1", "stem-1", Mask(grid, np.ones((2, 2, 2), bool))), stem, np.zeros((1, 3)), None)


@pytest.mark.parametrize(("side", "lateral"), [("left", 1.0), ("right", -1.0)])
def test_thigh_faces_the_right_way(side, lateral):
    thigh = thigh_of(target(side))
    assert thigh.lateral == pytest.approx([lateral, 0, 0])
    assert thigh.front == pytest.approx([0, -1, 0])
    assert thigh.proximal == pytest.approx([0, 0, 1])


@pytest.mark.parametrize(
    ("direction", "allowed"),
    [
        ((1, 0, 0), True),
        ((0.8, -0.6, 0), True),
        ((0.6, 0, 0.8), True),
        ((-1, 0, 0), False),
        ((0, 1, 0), False),
        ((0.7, 0.7, 0), False),
        ((0, -1, 0), False),
        ((0.1, 0, -0.99), False),
    ],
)
def test_only_the_safe_side_is_allowed(direction, allowed):
    unit = np.array([direction]) / np.linalg.norm(direction)
    assert allowed_directions(thigh_of(target("left")), unit, config=NeedleConfig())[0] == allowed


def test_three_families_of_directions():
    families = from_the_side(target("right"), np.zeros((1, 3)), config=NeedleConfig())
    assert {f.family for f in families} == {"lateral", "anterolateral", "trochanteric"}
    assert all((f.outward_lps[:, 0] < 0).all() for f in families)


def test_unknown_side_gives_no_needle():
    assert thigh_of(target(None)) is None
    assert from_the_side(target(None), np.zeros((1, 3)), config=NeedleConfig()) == ()
