"""The narrowest place of bars whose size is known."""

import pytest

from planner.phantoms.solids.basic import Cylinder, RoundCone, RoundedBox, Union
from planner.phantoms.truth.isthmus import isthmus

BACK, FRONT, UP = (3.0, 20.0, 1.0), (3.0, 0.0, 1.0), (0.0, 0.0, 1.0)


def test_a_bar_has_its_width_and_height_anywhere() -> None:
    bar = RoundedBox((3.4, 10.0, 1.5), (3.0, 30.0, 6.0), 1.0)
    found = isthmus(bar, BACK, FRONT, UP)
    assert (found.width_mm, found.height_mm) == pytest.approx((6.0, 12.0), abs=0.15)
    assert (found.centre_lps[0], found.centre_lps[2]) == pytest.approx((3.4, 1.5), abs=0.1)
    assert found.inward_lps == pytest.approx((0.0, -1.0, 0.0))


def test_an_hourglass_is_narrowest_at_its_waist() -> None:
    back, front = (RoundCone((3.0, y, 1.0), (3.0, 7.0, 1.0), 9.0, 4.0) for y in (30.0, -16.0))
    found = isthmus(Union((back, front)), BACK, FRONT, UP)
    assert found.centre_lps[1] == pytest.approx(7.0, abs=0.8)
    assert found.width_mm == pytest.approx(8.0, abs=0.2)


def test_what_hangs_on_to_the_side_widens_it() -> None:
    bar = RoundedBox((3.0, 10.0, 1.0), (3.0, 30.0, 6.0), 1.0)
    side = Cylinder((3.0, 14.0, 1.0), (12.0, 14.0, 1.0), 2.0)
    found = isthmus(Union((bar, side)), (3.0, 15.0, 1.0), (3.0, 13.0, 1.0), UP)
    assert found.width_mm == pytest.approx(12.0, abs=0.2)
