"""Closed forms against formulas from the book, and against points spread through the solids."""

import math

import numpy as np
import pytest

from planner.phantoms.solids.basic import (
    Ball,
    Cylinder,
    Difference,
    Ellipsoid,
    Grown,
    HalfSpace,
    Intersection,
    RoundCone,
    RoundedBox,
    Solid,
    ThreadedShaft,
    Union,
)
from planner.phantoms.solids.blended import Boxed
from planner.phantoms.solids.closed_form import closed_form_volume_mm3
from planner.phantoms.solids.columns import EllipticColumn, Turned
from planner.phantoms.solids.measuring import fill_with_points

_AXIS = np.array((0.3, -0.8, 0.52)) / np.linalg.norm((0.3, -0.8, 0.52))


def _on_axis(mm: float) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in np.array((4.0, -3.0, 7.0)) + mm * _AXIS)
    return x, y, z


_START, _STOP = _on_axis(0.0), _on_axis(40.0)
_CAP_5_OF_9 = math.pi * 25 * (27 - 5) / 3

BY_THE_BOOK = [
    pytest.param(Ball((1, 2, 3), 9.0), 4 / 3 * math.pi * 729, id="ball"),
    pytest.param(Ellipsoid((0, 0, 0), (9, 5, 4)), 4 / 3 * math.pi * 180, id="ellipsoid"),
    pytest.param(Cylinder(_START, _STOP, 5.0), math.pi * 25 * 40, id="cylinder"),
    pytest.param(Cylinder(_START, _STOP, 5.0, 2.0), math.pi * 40 / 3 * (25 + 10 + 4), id="truncated cone"),
    pytest.param(Turned(_START, (0, 1, 0), (0.0, 12.0), (0.0, 6.0)), math.pi * 36 * 12 / 3, id="cone"),
    pytest.param(RoundCone(_START, _STOP, 3.0, 3.0), math.pi * 9 * 40 + 4 / 3 * math.pi * 27, id="capsule"),
    pytest.param(RoundedBox((0, 0, 0), (8, 5, 4), 0.0), 16 * 10 * 8, id="box"),
    pytest.param(RoundedBox((0, 0, 0), (4, 4, 4), 4.0), 4 / 3 * math.pi * 64, id="box rounded to a ball"),
    pytest.param(
        EllipticColumn((0, 0, 0), (12.0, 8.0, 6.0), 0.1), math.pi * 1152 * (1 - 0.4 / 3 + 0.08 / 15), id="waist"
    ),
    pytest.param(
        EllipticColumn((0, 0, 0), (12.0, 8.0, 6.0), -0.1), math.pi * 1152 * (1 + 0.4 / 3 + 0.08 / 15), id="belly"
    ),
    pytest.param(
        Intersection((Ball(_START, 9.0), HalfSpace(_on_axis(4.0), tuple(-_AXIS)))), _CAP_5_OF_9, id="cap of a ball"
    ),
    pytest.param(
        Difference(Cylinder(_START, _STOP, 5.0), Cylinder(_on_axis(-5.0), _on_axis(60.0), 3.0)),
        math.pi * (25 - 9) * 40,
        id="halo of a plain cylinder",
    ),
    pytest.param(
        Difference(Cylinder(_START, _STOP, 5.0), Cylinder(_on_axis(-5.0), _on_axis(30.0), 3.0)),
        math.pi * (25 * 40 - 9 * 30),
        id="halo with a cap at the tip",
    ),
    pytest.param(Difference(Ball((0, 0, 0), 10.0), Ball((0, 0, 0), 8.0)), 4 / 3 * math.pi * 488, id="shell"),
    pytest.param(
        # What a drill leaves of a ball depends on the length of the hole alone.
        Difference(Ball(_START, 5.0), Cylinder(_on_axis(-9.0), _on_axis(9.0), 3.0)), math.pi * 8**3 / 6, id="drilled",
    ),
    pytest.param(
        Intersection((Ball((0, 0, 0), 5.0), Ball((6, 0, 0), 5.0))), 2 * math.pi * 4 * (15 - 2) / 3, id="lens"
    ),
    pytest.param(
        Union((Ball((0, 0, 0), 2.0), Boxed(RoundedBox((9, 9, 9), (1, 1, 1))))), 4 / 3 * math.pi * 8 + 8, id="apart"
    ),
    pytest.param(Difference(RoundedBox((9, 9, 9), (1, 1, 1)), Ball((0, 0, 0), 2.0)), 8.0, id="nothing taken away"),
]  # fmt: skip


@pytest.mark.parametrize(("solid", "volume_mm3"), BY_THE_BOOK)
def test_closed_forms_are_those_of_the_book(solid: Solid, volume_mm3: float) -> None:
    assert closed_form_volume_mm3(solid) == pytest.approx(volume_mm3, rel=1e-9)


@pytest.mark.parametrize(
    "solid",
    [
        ThreadedShaft(_START, _STOP, 6.5, 4.6, 3.1, 9.0),
        RoundedBox((0, 0, 0), (8, 5, 4), 1.5),
        RoundCone(_START, _on_axis(14.0), 5.0, 2.0),
        EllipticColumn(_START, (16.0, 12.0, 11.0), -0.03),
        Difference(
            Turned(_START, tuple(_AXIS), (-2.0, 10.0, 20.0), (3.0, 6.0, 4.0)), RoundCone(_START, _STOP, 4.0, 3.0)
        ),
        Union((Ball(_START, 5.0), Cylinder(_on_axis(-9.0), _on_axis(9.0), 3.0), Ball(_on_axis(7.0), 4.0))),
    ],
    ids=["threaded shaft", "rounded box", "round cone", "belly", "uneven halo", "overlapping on one axis"],
)
def test_closed_forms_agree_with_counted_points(solid: Solid) -> None:
    counted, sd = fill_with_points(solid).volume_mm3()
    exact = closed_form_volume_mm3(solid)
    assert exact is not None
    assert abs(counted - exact) < 4.0 * sd
    assert sd < 1e-3 * exact


@pytest.mark.parametrize(
    "solid",
    [
        Union((Ellipsoid((0, 0, 0), (5, 4, 3)), Ellipsoid((3, 0, 0), (5, 4, 3)))),
        Union((Ball((0, 0, 0), 5.0), Ball((6, 0, 0), 5.0), Ball((3, 4, 0), 5.0))),
        Difference(Cylinder(_START, _STOP, 5.0), Cylinder(_START, (*_on_axis(30.0)[:2], 9.0), 3.0)),
        Intersection((Ball((0, 0, 0), 5.0), HalfSpace((0, 0, 0), (0, 0, 1)), HalfSpace((0, 0, 0), (0, 1, 0)))),
        HalfSpace((0, 0, 0), (0, 0, 1)),
        Difference(HalfSpace((0, 0, 0), (0, 0, 1)), Ball((0, 0, 0), 5.0)),
        Grown(Ellipsoid((0, 0, 0), (5, 4, 3)), 1.0),
    ],
    ids=["overlapping", "three balls", "two axes", "quarter ball", "unbounded", "unbounded less a ball", "grown"],
)
def test_what_has_no_closed_form_gets_none(solid: Solid) -> None:
    assert closed_form_volume_mm3(solid) is None
