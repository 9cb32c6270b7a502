"""Volumes by zone, against shares that are known."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from planner.phantoms.solids.basic import Ball, Cylinder, Difference, HalfSpace, Intersection, RoundedBox, Solid
from planner.phantoms.truth.facts import TrueGap, TrueImplant
from planner.phantoms.truth.zones import zones_of

_SCREW = TrueImplant(
    "screw", "pedicle_screw", Cylinder((0, 0, 0), (0, 0, 30), 3.0), (0, 0, 0), (0, 0, 30), 6.0, 30.0, "left", "L4", True
)


def _gap(solid: Solid, implant_id: str | None) -> TrueGap:
    return TrueGap("gap", implant_id, "periprosthetic_gap", 2.0, solid)


def _volumes(solid: Solid, implant_id: str, implants: Sequence[TrueImplant]) -> dict[str, float]:
    gap = _gap(solid, implant_id)
    zones = zones_of(gap, implants)
    assert sum(z.volume_ml for z in zones) == pytest.approx(gap.measure.volume_ml, rel=1e-9)
    assert all(z.volume_sd_ml < 0.02 * gap.measure.volume_ml for z in zones)
    return {z.zone: z.volume_ml for z in zones}


def test_the_halo_of_a_plain_cylinder_falls_into_thirds_and_tip() -> None:
    halo = Difference(Cylinder((0, 0, 5), (0, 0, 32), 5.0), _SCREW.solid)
    found = _volumes(halo, "screw", (_SCREW,))
    ring = math.pi * (25 - 9) / 1000.0
    # The tip begins one radius before the end, and 2 mm of the hole lie beyond it.
    expected = {
        "screw-proximal": 5 * ring,
        "screw-middle": 10 * ring,
        "screw-distal": 7 * ring,
        "screw-tip": 3 * ring + 2 * math.pi * 25 / 1000.0,
    }
    assert found == pytest.approx(expected, rel=0.01)


def _stem(side: str) -> tuple[TrueImplant, TrueImplant, TrueImplant]:
    sign = 1.0 if side == "left" else -1.0
    at = sign * 80.0
    shoulder, tip = (at, 0.0, 0.0), (at, 0.0, -120.0)
    stem = TrueImplant("stem", "femoral_stem", Cylinder(shoulder, tip, 6.0), shoulder, tip, side=side, loose=True)
    head = TrueImplant("head", "femoral_head", Ball((at - sign * 35.0, -8.0, 25.0), 16.0), side=side)
    mantle = TrueImplant("mantle", "cement", Cylinder(shoulder, tip, 8.0), side=side)
    return stem, head, mantle


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_mirrored_stem_has_its_gap_in_the_same_zones(side: str) -> None:
    sign = 1.0 if side == "left" else -1.0
    implants = _stem(side)
    # A block lateral of the upper third, and a smaller one medial of the lower third.
    lateral = RoundedBox((sign * 90.0, 0.0, -20.0), (2.0, 1.5, 10.0))
    assert set(_volumes(lateral, "stem", implants)) == {"gruen-1"}
    assert set(_volumes(lateral, "mantle", implants)) == {"gruen-1"}
    medial = RoundedBox((sign * 70.0, 0.0, -100.0), (2.0, 1.5, 8.0))
    assert set(_volumes(medial, "stem", implants)) == {"gruen-5"}


def test_a_gap_on_the_other_side_lies_in_other_zones() -> None:
    left, right = _stem("left"), _stem("right")
    block = RoundedBox((90.0, 0.0, -20.0), (2.0, 1.5, 10.0))
    mirrored = RoundedBox((-70.0, 0.0, -20.0), (2.0, 1.5, 10.0))
    assert set(_volumes(block, "stem", left)) == {"gruen-1"}
    assert set(_volumes(mirrored, "stem", right)) == {"gruen-7"}


def test_an_even_ring_round_a_stem_is_shared_evenly_by_the_views() -> None:
    implants = _stem("left")
    ring = Difference(Cylinder((80, 0, -45), (80, 0, -75), 8.0), implants[0].solid)
    found = _volumes(ring, "stem", implants)
    quarter = math.pi * (64 - 36) * 30 / 4000.0
    assert found == pytest.approx({f"gruen-{n}": quarter for n in (2, 6, 9, 13)}, rel=0.01)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_line_behind_a_cup_falls_into_thirds(side: str) -> None:
    sign = 1.0 if side == "left" else -1.0
    opening = np.array([sign, 0.0, -1.0]) / math.sqrt(2.0)
    cup = TrueImplant(
        "cup", "acetabular_cup", Ball((0, 0, 0), 25.0), side=side, centre_lps=(0, 0, 0), opening_lps=tuple(opening)
    )
    # An orange's wedge has the same angle everywhere: half a turn on the AP view, a third of it for each zone.
    shell = Difference(Ball((0, 0, 0), 27.0), Ball((0, 0, 0), 25.0))
    line = Intersection((shell, HalfSpace((0, 0, 0), tuple(opening))))
    found = _volumes(line, "cup", (cup,))
    third = 2 / 3 * math.pi * (27**3 - 25**3) / 3000.0
    assert found == pytest.approx({f"charnley-{n}": third for n in (1, 2, 3)}, rel=0.01)
    above = RoundedBox((sign * 12.0, 0.0, 26.0), (2.0, 2.0, 1.0))
    assert set(_volumes(above, "cup", (cup,))) == {"charnley-1"}


@pytest.mark.parametrize(
    "implant",
    [
        TrueImplant("x", "acetabular_cup", Ball((0, 0, 0), 25.0), side="left"),
        TrueImplant("x", "femoral_stem", Ball((0, 0, 0), 25.0)),
        TrueImplant("x", "cage", Ball((0, 0, 0), 25.0), (0, 0, 0), (0, 0, 9), 9.0),
        TrueImplant("x", "cement", Ball((0, 0, 0), 25.0)),
        TrueImplant("other", "pedicle_screw", Ball((0, 0, 0), 25.0)),
    ],
    ids=["cup without centre", "stem without axis", "cage", "cement without stem", "not there"],
)
def test_where_no_zone_can_be_told_there_is_none(implant: TrueImplant) -> None:
    assert zones_of(_gap(Ball((0, 0, 40), 3.0), "x"), (implant,)) == ()


def test_a_fractured_level_without_an_implant_has_no_zones() -> None:
    assert zones_of(_gap(Ball((0, 0, 40), 3.0), None), (_SCREW,)) == ()
