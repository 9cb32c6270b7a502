"""Screw threads and fans: honest distances, boxes that hold them, volumes in closed form."""

import numpy as np
import pytest

from planner.geometry.frames import PointsLps
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.fans import Fan
from planner.phantoms.solids.measuring import measure
from planner.phantoms.solids.threads import BUTTRESS_THREAD, V_THREAD, ScrewShaft, ThreadForm

HEAD, TIP = (1.0, 2.0, 3.0), (21.0, -28.0, 10.0)
STRAIGHT = ScrewShaft((0.0, 0.0, 0.0), (0.0, 0.0, 40.0), 6.5, 4.5)
SHAFTS = {
    "v": ScrewShaft(HEAD, TIP, 6.5, 4.6),
    "v, conical": ScrewShaft(HEAD, TIP, 6.5, 5.0, 3.8, V_THREAD, 2.75, 3.0),
    "buttress": ScrewShaft(HEAD, TIP, 6.5, 4.6, None, BUTTRESS_THREAD),
    "buttress, conical": ScrewShaft(HEAD, TIP, 4.5, 3.4, 2.8, BUTTRESS_THREAD, 2.0, 3.0),
}
FAN = Fan(HEAD, (0.4, -0.8, 0.3), (0.0, 0.0, 1.0), (18.0, 26.0, 44.0, 46.0), (3.4, 3.4, 3.4, 2.0), (1.5, 0.0, 3.5, 2.0))
SOLIDS: dict[str, Solid] = {**SHAFTS, "fan": FAN}


def around(solid: Solid, count: int) -> np.ndarray:
    low, high = solid.bounds_lps
    return np.random.default_rng(3).uniform(low - 6.0, high + 6.0, (count, 3))


@pytest.mark.parametrize("name", SOLIDS)
def test_distance_changes_by_no_more_than_the_way_walked(name: str) -> None:
    solid, random = SOLIDS[name], np.random.default_rng(4)
    points = around(solid, 30_000)
    step = random.normal(size=points.shape)
    step *= random.uniform(0.001, 4.0, (len(points), 1)) / np.linalg.norm(step, axis=1, keepdims=True)
    change = solid.distance_mm(PointsLps(points + step)) - solid.distance_mm(PointsLps(points))
    assert np.all(np.abs(change) <= np.linalg.norm(step, axis=1) * (1.0 + 1e-9))


@pytest.mark.parametrize("name", SOLIDS)
def test_box_holds_the_solid(name: str) -> None:
    solid, points = SOLIDS[name], around(SOLIDS[name], 30_000)
    inside = points[solid.distance_mm(PointsLps(points)) <= 0.0]
    low, high = solid.bounds_lps
    assert len(inside) > 100
    assert np.all((inside >= low) & (inside <= high))


@pytest.mark.parametrize("name", SHAFTS)
def test_volume_of_a_shaft_is_its_closed_form(name: str) -> None:
    shaft = SHAFTS[name]
    counted = measure(shaft, spacing_mm=0.2)
    assert 0.0 < counted.volume_sd_ml < 3e-3 * counted.volume_ml
    # Within three of the standard errors that the counting states of itself.
    assert abs(shaft.volume_ml() - counted.volume_ml) < 3.0 * counted.volume_sd_ml


def test_parts_of_a_shaft_add_up() -> None:
    shaft = SHAFTS["v, conical"]
    assert shaft.volume_ml(0.0, 17.0) + shaft.volume_ml(17.0) == pytest.approx(shaft.volume_ml(), rel=1e-9)


def test_volume_of_a_fan_is_its_closed_form() -> None:
    counted = measure(FAN, spacing_mm=0.2)
    assert abs(FAN.volume_ml - counted.volume_ml) < 3.0 * counted.volume_sd_ml
    assert counted.volume_sd_ml < 3e-3 * counted.volume_ml


def radius_along(shaft: ScrewShaft, z_mm: np.ndarray) -> np.ndarray:
    """Radius of an upright shaft on one side of its axis, heights (N,) to (N,)."""
    r = np.arange(0.0, 4.0, 0.01)
    points = np.stack(np.broadcast_arrays(r[None, :], 0.0, z_mm[:, None]), axis=-1).reshape(-1, 3)
    inside = shaft.distance_mm(PointsLps(points)).reshape(len(z_mm), len(r)) <= 0.0
    return inside.sum(axis=1) * 0.01


def test_thread_reaches_from_core_to_crest_once_a_turn() -> None:
    z = np.arange(10.0, 10.0 + 4 * STRAIGHT.pitch_mm, 0.02)
    radius = radius_along(STRAIGHT, z)
    assert radius.max() == pytest.approx(3.25, abs=0.02)
    assert radius.min() == pytest.approx(2.25, abs=0.02)
    starts = np.count_nonzero(np.diff((radius > 3.2).astype(int)) == 1)
    assert starts == 4


def crossings(z: np.ndarray, radius: np.ndarray, at: float, *, up: bool) -> np.ndarray:
    beyond = (radius > at) if up else (radius < at)
    return z[1:][beyond[1:] & ~beyond[:-1]]


@pytest.mark.parametrize("form", [V_THREAD, BUTTRESS_THREAD])
def test_flanks_are_as_steep_as_the_form_says(form: ThreadForm) -> None:
    shaft = ScrewShaft((0.0, 0.0, 0.0), (0.0, 0.0, 40.0), 6.5, 4.5, None, form)
    z = np.arange(12.0, 12.0 + 3.0 * shaft.pitch_mm, 0.005)
    radius = radius_along(shaft, z)
    low, high = 2.4, 3.1
    ups = crossings(z, radius, high, up=True), crossings(z, radius, low, up=True)
    downs = crossings(z, radius, low, up=False), crossings(z, radius, high, up=False)
    rise, fall = (min(a - b for a in later for b in sooner if a > b) for later, sooner in (ups, downs))
    # Seen from the head the thread rises over the trailing flank and falls off over the leading one.
    assert rise == pytest.approx((high - low) * np.tan(np.radians(form.trailing_deg)), abs=0.03)
    assert fall == pytest.approx((high - low) * np.tan(np.radians(form.leading_deg)), abs=0.03)


def test_smooth_part_bears_no_thread_and_a_conical_core_grows_thinner() -> None:
    shaft = ScrewShaft((0.0, 0.0, 0.0), (0.0, 0.0, 40.0), 6.5, 5.2, 3.8, V_THREAD, 2.75, 4.0)
    assert radius_along(shaft, np.arange(0.5, 3.9, 0.1)).max() < 2.65
    near, far = (radius_along(shaft, np.arange(z, z + 2.75, 0.05)) for z in (8.0, 30.0))
    assert near.max() == pytest.approx(far.max(), abs=0.03)
    assert far.min() < near.min() - 0.3
