"""Caps, codes and names of a true anatomy."""

import numpy as np
import pytest

from planner.geometry.frames import PointTuple
from planner.phantoms.solids.basic import Ball, Intersection, RoundedBox, Union
from planner.phantoms.solids.raster import grid_over
from planner.phantoms.truth.anatomy import Cap, HipPlace, TrueAnatomy, TrueBone, cap_middle, within

BALL = Ball((4.0, -7.0, 11.0), 10.0)
CAP_FROM_CENTRE_MM = 3.0 * (2 * 10.0 - 2.0) ** 2 / (4.0 * (3 * 10.0 - 2.0))
"""Of a ball's cap of 2 mm: 3 (2R - h)^2 / (4 (3R - h)) from the ball's middle."""


@pytest.mark.parametrize("way", [(0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (0.6, 0.0, 0.8)])
def test_a_ball_ends_in_its_cap(way: PointTuple) -> None:
    middle = cap_middle(BALL, way)
    assert middle == pytest.approx(np.add(BALL.centre_lps, CAP_FROM_CENTRE_MM * np.array(way)), abs=0.2)


def test_what_is_empty_has_no_end_and_no_landmark() -> None:
    nothing = Intersection((BALL, Ball((60.0, 0.0, 0.0), 5.0)))
    assert cap_middle(nothing, (0.0, 1.0, 0.0)) is None
    cap = Cap("spinous process", "vertebra-1", nothing, (0.0, 1.0, 0.0))
    assert cap.landmark() is None
    assert TrueAnatomy((), caps=(cap,)).landmarks == ()


def test_a_landmark_says_whose_it_is() -> None:
    cap = Cap("trochanter tip", "femur-left", BALL, (0.0, 0.0, 1.0), "left")
    (mark,) = TrueAnatomy((), caps=(cap,)).landmarks
    assert (mark.name, mark.bone, mark.side) == ("trochanter tip", "femur-left", "left")


def _bone(name: str, x: float) -> TrueBone:
    return TrueBone(name, "rib", Ball((x, 0.0, 0.0), 5.0), Ball((x, 0.0, 0.0), 4.0))


def test_the_later_bone_has_the_place_where_two_overlap() -> None:
    anatomy = TrueAnatomy((_bone("rib-1", -3.0), _bone("rib-2", 3.0)))
    grid = grid_over((np.full(3, -10.0), np.full(3, 10.0)), 0.5)
    codes = anatomy.bone_codes(grid)
    x = np.asarray(grid.to_lps(np.argwhere(codes == 1)))[:, 0]
    assert (codes == 2).sum() > (codes == 1).sum() > 0
    assert x.max() < 0.0
    middle = tuple(np.rint(grid.to_index([0.25, 0.25, 0.25])).astype(int))
    assert codes[middle] == 2
    assert codes[0, 0, 0] == 0


def test_a_bone_is_found_by_its_name_only() -> None:
    anatomy = TrueAnatomy((_bone("rib-1", 0.0),))
    assert anatomy.bone("rib-1").solid == Ball((0.0, 0.0, 0.0), 5.0)
    with pytest.raises(KeyError, match="there is no rib-2; there are rib-1"):
        anatomy.bone("rib-2")


def test_limits_cut_every_piece() -> None:
    pair = Union((Ball((-20.0, 0.0, 0.0), 5.0), Ball((20.0, 0.0, 0.0), 5.0)))
    cut = within(pair, RoundedBox((20.0, 0.0, 0.0), (6.0, 6.0, 2.0)))
    middle = cap_middle(cut, (0.0, 0.0, 1.0))
    assert middle == pytest.approx((20.0, 0.0, 1.0), abs=0.2)


def test_a_hip_without_its_lesser_trochanter_is_not_measured() -> None:
    place = HipPlace("left", (0.0, 0.0, 0.0), (30.0, 0.0, 0.0), (0.0, 0.0, 1.0), BALL)
    assert TrueAnatomy((), hip_places=(place,)).hips == ()
    lesser = Cap("lesser trochanter", "femur-left", Ball((30.0, 0.0, -60.0), 5.0), (-1.0, 0.0, 0.0), "left")
    (hip,) = TrueAnatomy((), hip_places=(place,), caps=(lesser,)).hips
    assert hip.offset_mm == pytest.approx(30.0)
    assert hip.ischium_lps == pytest.approx((4.0, -7.0, 11.0 - CAP_FROM_CENTRE_MM), abs=0.2)
