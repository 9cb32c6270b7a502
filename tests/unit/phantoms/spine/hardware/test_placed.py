"""Screws, rods and cages one by one: what is metal, what is not, and where."""

import numpy as np
import pytest

from planner.config.phantoms.spine.defects import ScrewBreak
from planner.config.phantoms.spine.hardware import Cage, CrossLink, Rod, RodBreak, Screw
from planner.geometry.frames import PointsLps, point_tuple
from planner.geometry.rigid import angle_between_deg
from planner.phantoms.solids.basic import Solid
from planner.phantoms.spine.defects.halos import ScrewAxis
from planner.phantoms.spine.hardware.cages import Endplate, PlacedCage, cement_lobes
from planner.phantoms.spine.hardware.polyaxial import PolyaxialScrew
from planner.phantoms.spine.hardware.rods import BentRod, cross_link

AXIS = ScrewAxis((22.0, 43.0, 6.5), (10.0, -2.0, 4.0), (0.0, 0.0, 1.0))
BACK = (0.0, 1.0, 0.0)


def screw(**fields: object) -> PolyaxialScrew:
    own = {"level": "L4", "side": "left", "head_mm": AXIS.head_lps, "tip_mm": AXIS.tip_lps, **fields}
    return PolyaxialScrew(Screw.model_validate(own), AXIS, BACK, (0.1, 0.05, 1.0))


def inside(solid: Solid, *points: object) -> list[bool]:
    return list(solid.distance_mm(PointsLps(np.array(points, dtype=np.float64))) <= 0.0)


def test_shaft_runs_from_head_to_tip_and_not_beyond() -> None:
    metal, way = screw().metal, AXIS.direction
    tip = np.array(AXIS.tip_lps)
    assert inside(metal, AXIS.at(0.5), AXIS.at(20.0), tip - 0.1 * way, tip + 0.1 * way) == [True, True, True, False]


def test_rod_lies_in_the_slot_of_the_tulip_and_the_set_screw_on_it() -> None:
    whole = screw()
    seat, up = np.array(whole.rod_point_lps), whole.tulip_axis
    rod = np.array([0.1, 0.05, 1.0]) - (np.array([0.1, 0.05, 1.0]) @ up) * up
    rod /= np.linalg.norm(rod)
    side = np.cross(up, rod)
    ring = [seat + 2.7 * (np.cos(t) * side + np.sin(t) * up) for t in np.linspace(0.0, 2.0 * np.pi, 24)]
    # 4.6 mm beside the set screw's axis, where nothing closes the slot from above.
    assert not any(inside(whole.metal, seat, *ring, *(p + 4.6 * rod for p in ring)))
    assert inside(whole.metal, seat + 4.5 * side, seat - 4.5 * side, seat + 4.0 * up, seat - 4.5 * up) == [True] * 4
    assert angle_between_deg(up, -AXIS.direction) <= 30.0 + 1e-6


def test_a_tulip_that_lost_its_rod_has_no_set_screw() -> None:
    empty = PolyaxialScrew(screw().recipe, AXIS, BACK, (0.1, 0.05, 1.0), seated=False)
    point = np.array(empty.rod_point_lps) + 4.0 * empty.tulip_axis
    assert inside(empty.metal, point) == [False]


def test_bore_is_open_in_the_metal_and_filled_in_the_hull() -> None:
    cannulated = screw(cannula_mm=1.6)
    assert inside(cannulated.metal, AXIS.at(25.0), AXIS.at(25.0) + 1.5 * AXIS.toward(0.0)) == [False, True]
    assert inside(cannulated.hull, AXIS.at(25.0)) == [True]
    assert inside(screw().metal, AXIS.at(25.0)) == [True]


def test_broken_screw_has_two_pieces_that_are_out_of_line() -> None:
    broken = screw(broken=ScrewBreak(at_mm=18.0, apart_mm=1.2, offset_mm=2.5, toward_deg=90.0))
    shift = 1.2 * AXIS.direction + 2.5 * AXIS.toward(90.0)
    assert broken.tip_lps == pytest.approx(np.array(AXIS.tip_lps) + shift)
    gap = [AXIS.at(18.6) + r * AXIS.toward(t) for r in (0.0, 2.0, 4.0) for t in (0.0, 90.0, 200.0)]
    assert not any(inside(broken.metal, *gap))
    assert inside(broken.metal, AXIS.at(17.5), AXIS.at(25.0) + shift, AXIS.at(25.0) - 2.1 * AXIS.toward(90.0)) == [
        True, True, False,
    ]  # fmt: skip
    assert inside(screw().metal, AXIS.at(25.0) - 2.1 * AXIS.toward(90.0)) == [True]


def test_pulled_out_screw_has_gone_back_along_its_axis() -> None:
    out = screw(pulled_out_mm=6.0)
    assert np.array(out.axis.tip_lps) == pytest.approx(AXIS.at(AXIS.length_mm - 6.0))
    assert inside(out.metal, AXIS.at(AXIS.length_mm - 3.0)) == [False]


THROUGH = ((20.0, 50.0, -40.0), (24.0, 52.0, 0.0), (23.0, 55.0, 38.0))


def rod(**fields: object) -> BentRod:
    return BentRod(Rod.model_validate({"side": "left", **fields}), THROUGH, BACK)


def test_rod_bends_through_every_tulip() -> None:
    whole = rod()
    assert all(inside(whole.metal, *THROUGH))
    assert not any(inside(whole.metal, *(np.add(p, (0.0, 2.9, 0.0)) for p in THROUGH)))
    ends = whole.line_lps[[0, -1]]
    assert np.linalg.norm(ends - np.array(THROUGH)[[0, -1]], axis=1) == pytest.approx(7.0)
    assert whole.length_mm > np.linalg.norm(np.subtract(THROUGH[2], THROUGH[0])) + 14.0


def test_broken_rod_leaves_a_gap_and_stays_in_its_tulips() -> None:
    broken = rod(broken=RodBreak(share=0.4, apart_mm=2.0, offset_mm=2.0))
    assert inside(broken.metal, broken.point_at(0.4)) == [False]
    assert inside(rod().metal, broken.point_at(0.4)) == [True]
    assert all(inside(broken.metal, THROUGH[0], THROUGH[2]))
    first, second = broken.pieces_lps
    between = np.linalg.norm(first[-1] - second[0]) - 5.5
    assert between == pytest.approx(np.hypot(7.5, 2.0) - 5.5, abs=0.3)


def test_cross_link_joins_two_rods() -> None:
    other = BentRod(Rod(side="right"), tuple(point_tuple(np.multiply(p, (-1.0, 1.0, 1.0))) for p in THROUGH), BACK)
    solid, start, stop = cross_link(CrossLink(share=0.5), (rod(), other))
    assert all(inside(solid, start, stop, np.mean([start, stop], axis=0)))
    assert np.linalg.norm(np.subtract(start, stop)) > 40.0


ABOVE = Endplate((0.0, 0.0, 5.0), (0.0, 0.0, -1.0))
BELOW = Endplate((0.0, 0.0, -4.0), (0.0, 0.0, 1.0))


def cage(**fields: object) -> PlacedCage:
    own = {"upper": "L4", "lower": "L5", **fields}
    return PlacedCage(Cage.model_validate(own), ABOVE, BELOW, (1.0, 0.0, 0.0))


def test_cage_fits_from_endplate_to_endplate() -> None:
    firm = cage(right_mm=3.0, front_mm=2.0)
    assert firm.height_mm == pytest.approx(9.0)
    assert firm.centre_lps == pytest.approx((-3.0, -2.0, 0.5))  # LPS: right is -x, front is -y
    assert firm.lucent is None
    assert firm.markers == ()


def test_sunk_cage_reaches_so_much_further_into_that_endplate() -> None:
    for into, sign in (("lower", -1.0), ("upper", 1.0)):
        sunk = cage(sunk_mm=4.0, sunk_into=into, interface_mm=1.5)
        low, high = sunk.hull.bounds_lps
        reach = (5.0, -4.0 - 4.0) if sign < 0 else (9.0, -4.0)
        assert (high[2], low[2]) == pytest.approx(reach)
        assert sunk.lucent is not None
        below = PointsLps(np.array([[0.0, -2.0, (low[2] - 1.4)], [0.0, -2.0, (low[2] - 1.6)]]))
        near, far = sunk.lucent.distance_mm(below)
        assert near < 0.0 < far


def test_window_of_a_cage_is_no_metal_and_peek_has_markers_in_its_wall() -> None:
    peek = cage(material="PEEK")
    assert inside(peek.frame, peek.centre_lps) == [False]
    assert inside(peek.hull, peek.centre_lps) == [True]
    assert len(peek.markers) == 3
    for pin in peek.markers:
        assert inside(peek.frame, np.mean(pin.bounds_lps, axis=0)) == [True]


def test_cement_is_about_as_much_as_asked_for_and_its_own_for_each_seed() -> None:
    points = PointsLps(np.random.default_rng(1).uniform(-14.0, 14.0, (40_000, 3)))
    share = [np.mean(cement_lobes((0.0, 0.0, 0.0), 2.5, seed=n).distance_mm(points) <= 0.0) for n in (1, 2)]
    assert np.array(share) * 28.0**3 / 1000.0 == pytest.approx(2.5, rel=0.4)
    assert share[0] != share[1]
