import numpy as np
import pytest

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.volume import Mask
from planner.segment.anatomy.body import Body
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.zones import beyond_canal, front_of_spine, gas_zone, hip_zones, spine_zones

GRID = Grid((50, 50, 50), np.array([[0, 0, 2.0, -50], [0, 2.0, 0, -50], [2.0, 0, 0, -50], [0, 0, 0, 1.0]]))


def at(mask: np.ndarray, x: float, y: float, z: float) -> bool:
    return bool(mask[tuple(np.rint(GRID.to_index((x, y, z))).astype(int))])


def barred(*hip) -> np.ndarray:
    return np.any([zone.mask.voxels for zone in hip_zones(*hip, GRID)], axis=0)


def straight_canal(bottom: float, top: float) -> Canal:
    z = np.arange(bottom, top + 0.5, 1.0)
    line = points_lps(np.column_stack([np.zeros_like(z), np.zeros_like(z), z]))
    return Canal(line, np.full((len(z), 48), 9.0), np.ones((len(z), 48), dtype=bool), 1.0)


def test_the_front_begins_so_far_before_the_canal():
    zone = front_of_spine(straight_canal(-40, 40), GRID, before_mm=12.0)
    assert at(zone, 0, -24, 0)
    assert not at(zone, 0, -18, 0)
    assert not at(zone, 0, 20, 0)


def test_beyond_its_ends_the_canal_may_lie_in_a_widening_cone_then_anywhere():
    zone = beyond_canal(straight_canal(-50, 0), GRID, reach_mm=20.0)
    assert not zone[:25].any()
    assert at(zone, 0, 0, 4)
    assert not at(zone, 16, 0, 4)
    assert at(zone, 16, 0, 18)
    assert not at(zone, 30, 0, 18)
    assert at(zone, 46, 46, 30)


def test_the_cone_follows_the_canals_lean():
    canal = straight_canal(-50, 0)
    line = np.array(canal.centre_lps)
    line[:, 1] = -0.8 * line[:, 2]
    leaning = Canal(points_lps(line), canal.radii_mm, canal.closed, 1.0)
    zone = beyond_canal(leaning, GRID, reach_mm=30.0)
    assert at(zone, 0, -16, 20)
    assert not at(zone, 0, 12, 20)


@pytest.mark.parametrize(("side", "out"), [("left", 1.0), ("right", -1.0)])
def test_the_hips_free_sector_opens_to_its_own_side(side, out):
    zone = barred(points_lps([0, 0, 20]), None, side)
    assert not at(zone, out * 40, 0, 0)
    assert not at(zone, out * 30, -30, 0)
    assert at(zone, -out * 40, 0, 0)
    assert at(zone, 0, -40, 0)
    assert at(zone, out * 10, 40, 0)


def test_below_the_shoulder_the_sectors_follow_the_shaft():
    axis = (points_lps([30, 0, 20]), points_lps([30, 0, -48]))
    zone = barred(points_lps([0, 0, 40]), axis, "left")
    assert at(zone, 10, 0, -40)
    assert not at(zone, 10, -16, 46)


def body_with(gas: np.ndarray) -> Body:
    return Body(
        Mask(GRID, np.ones(GRID.shape, dtype=bool)), Mask(GRID, np.zeros(GRID.shape, dtype=bool)), Mask(GRID, gas)
    )


def test_gas_is_kept_clear_of_with_its_margin():
    gas = np.zeros(GRID.shape, dtype=bool)
    gas[20:30, 20:30, 20:30] = True
    zone = gas_zone(body_with(gas), GRID, margin_mm=2.0)
    assert zone[gas].all()
    assert zone[25, 25, 19]
    assert not zone[25, 25, 17]


def test_no_gas_gives_no_zone():
    assert not gas_zone(body_with(np.zeros(GRID.shape, dtype=bool)), GRID, margin_mm=2.0).any()


def test_a_dark_streak_along_metal_is_no_gas():
    gas = np.zeros(GRID.shape, dtype=bool)
    gas[20:30, 24:26, 20:30] = True
    metal = np.zeros(GRID.shape, dtype=bool)
    metal[20:30, 22:24, 20:30] = True
    assert not gas_zone(body_with(gas), GRID, margin_mm=2.0, metal=Mask(GRID, metal)).any()


def zone_names(x: float, y: float, z: float, *, side: str = "left") -> list[str]:
    axis = (points_lps([40, 10, -30]), points_lps([40, 10, -49])) if side == "left" else None
    zones = hip_zones(points_lps([0, 0, 20]), axis, side, GRID)
    return [zone.name for zone in zones if at(zone.mask.voxels, x, y, z)]


def test_each_zone_of_the_hip_says_what_runs_there():
    assert zone_names(-8, -40, 20) == ["femoral vessels and nerve"]
    assert zone_names(10, 36, 20) == ["sciatic nerve"]
    assert zone_names(-40, 0, 20) == ["inside of the pelvis"]
    assert zone_names(10, 10, -46) == ["femoral vessels and nerve"]


def test_lateral_and_anterolateral_ways_to_the_hip_are_free():
    assert zone_names(46, 0, 20) == []
    assert zone_names(40, -40, 20) == []
    assert zone_names(46, -30, -46) == []
    assert zone_names(40, 40, 20) == []


def test_the_zones_lie_on_the_medial_side_of_either_hip():
    assert zone_names(8, -40, 20, side="right") == ["femoral vessels and nerve"]
    assert zone_names(-40, -40, 20, side="right") == []


def test_every_zone_names_its_source():
    zones = (
        *hip_zones(points_lps([0, 0, 20]), None, "left", GRID),
        *spine_zones(straight_canal(-40, 40), GRID, before_mm=12.0),
    )
    assert {z.name for z in zones} >= {"sciatic nerve", "great vessels"}
    assert all(z.source for z in zones)
