import numpy as np
import pytest

from planner.config.breach_config import BreachConfig
from planner.model.anatomy import GapSpace
from planner.model.volume import Mask
from planner.safety.walls import measure_wall
from tests.unit.safety.safety_cases import blurred_block

CONFIG = BreachConfig()


def left_side(case, **more):
    """Give the barriers of the places that face the thin wall."""
    wall = measure_wall(case, case.gaps[0], config=CONFIG, **more)
    points = wall.surface.points_lps
    return wall, (points[:, 0] > 3.5) & (np.abs(points[:, 2]) < 1.0) & (np.abs(points[:, 1]) < 5.0)


@pytest.mark.parametrize("wall_mm", [0.3, 0.5, 0.7])
@pytest.mark.parametrize(("edge_mm", "turn_deg"), [(0.5, 0.0), (0.8, 0.0), (0.8, 27.0)])
def test_walls_thinner_than_the_blur_are_measured_by_the_bone_they_hold(wall_mm, edge_mm, turn_deg):
    wall, faces = left_side(blurred_block(wall_mm, edge_mm=edge_mm, turn_deg=turn_deg))
    assert np.median(wall.barrier_mm[faces]) == pytest.approx(wall_mm, abs=0.2)


@pytest.mark.parametrize("wall_mm", [1.5, 2.0, 3.0])
@pytest.mark.parametrize("cancellous_hu", [None, 250.0])
def test_thick_walls_are_measured_to_their_far_side_be_they_cancellous(wall_mm, cancellous_hu):
    wall, faces = left_side(blurred_block(wall_mm, cancellous_hu=cancellous_hu))
    assert np.median(wall.barrier_mm[faces]) == pytest.approx(wall_mm, abs=0.5)


def test_a_missing_wall_is_none():
    wall, faces = left_side(blurred_block(0.0))
    assert np.percentile(wall.barrier_mm[faces], 90) < CONFIG.open_mm


def test_where_the_outside_is_far_no_way_leads_out():
    wall, faces = left_side(blurred_block(6.0))
    assert np.isinf(wall.barrier_mm[faces]).all() and np.isnan(wall.barrier_hu[faces]).all()
    assert wall.way_out_lps[faces] == pytest.approx(wall.surface.points_lps[faces])


def test_ways_out_lead_to_the_face_that_is_near():
    wall, faces = left_side(blurred_block(1.0))
    assert np.median(wall.direction_lps[faces, 0]) > 0.7
    assert np.median(wall.way_out_lps[faces, 0]) == pytest.approx(5.3, abs=0.5)


def test_denser_cortex_counts_as_less_wall():
    case = blurred_block(0.5)
    (wall, faces), (denser, _) = left_side(case), left_side(case, cortex_hu=1400.0)
    assert np.median(denser.barrier_mm[faces]) < 0.85 * np.median(wall.barrier_mm[faces])


def test_without_a_trust_map_trust_is_not_known():
    wall, _ = left_side(blurred_block(1.0))
    assert np.isnan(wall.trust).all()


def test_an_empty_gap_has_no_wall():
    case = blurred_block(1.0)
    empty = GapSpace("gap-2", None, Mask(case.grid, np.zeros(case.grid.shape, bool)))
    assert len(measure_wall(case, empty, config=CONFIG)) == 0
