import numpy as np
import pytest

from planner.config.breach_config import BreachConfig
from planner.safety.compartments import behind_wall, beside_waist
from planner.safety.walls import measure_wall
from planner.segment.anatomy.endplates import VertebralBody
from tests.unit.safety.safety_cases import blurred_block

CONFIG = BreachConfig()


def behind(case, bodies=()):
    """Name what lies behind the places of the open left side."""
    wall = measure_wall(case, case.gaps[0], config=CONFIG)
    points = wall.surface.points_lps
    weak = np.flatnonzero((wall.barrier_mm <= CONFIG.thin_mm) & (np.abs(points[:, 1]) < 5.0))
    found = behind_wall(case, wall, weak, config=CONFIG, bodies=bodies)
    counts = np.bincount(found.index, minlength=len(found.names))
    return found.names[int(np.argmax(counts))], found


def test_soft_tissue_is_behind_where_no_compartment_is():
    name, found = behind(blurred_block(0.0))
    assert name == "cortical" and found.of("canal").sum() == 0 and found.of("cortical").all()


@pytest.mark.parametrize("name", ["canal", "foramen", "disc", "joint"])
def test_a_compartment_behind_the_opening_names_it(name):
    case = blurred_block(0.0, masks={name: lambda x, y, z: (x > 5.0) & (x < 12.0)})
    assert behind(case)[0] == name


@pytest.mark.parametrize("name", ["canal", "foramen", "disc", "joint"])
def test_one_that_is_far_does_not(name):
    case = blurred_block(0.0, masks={name: lambda x, y, z: x > 10.0})
    assert behind(case)[0] == "cortical"


def test_what_leaves_past_the_canal_enters_the_foramen():
    # the canal lies to the back of the opening, not behind it
    case = blurred_block(0.0, masks={"canal": lambda x, y, z: (x > 2.0) & (x < 8.0) & (y > 5.8) & (y < 14.0)})
    wall = measure_wall(case, case.gaps[0], config=CONFIG)
    points = wall.surface.points_lps
    near = np.flatnonzero((wall.barrier_mm <= CONFIG.thin_mm) & (points[:, 1] > 4.3) & (points[:, 1] < 5.0))
    found = behind_wall(case, wall, near, config=CONFIG)
    assert found.of("foramen").mean() > 0.6 and found.of("canal").mean() < 0.3


def test_what_leaves_away_from_the_canal_enters_no_foramen():
    masks = {"canal": lambda x, y, z: x < -13.0, "foramen": lambda x, y, z: (x > 5.0) & (x < 12.0)}
    assert behind(blurred_block(0.0, masks=masks))[0] == "cortical"


def test_a_disc_beside_the_way_out_is_not_entered():
    case = blurred_block(0.0, masks={"disc": lambda x, y, z: (np.abs(z) > 3.0) & (x > 4.5)})
    assert behind(case)[1].of("disc").mean() < 0.5


def body(height_mm=0.0):
    return VertebralBody(
        bone="vertebra-1", centre_lps=np.array([-10.0, 8.0, height_mm]), axes_lps=np.eye(3), half_width_mm=14.0,
        depth_mm=30.0, upper=None, lower=None, front_mm=None, middle_mm=None, back_mm=None,
    )  # fmt: skip


def test_a_vessel_runs_at_a_bodys_waist_where_what_is_behind_is_no_fat():
    case = blurred_block(0.0)
    start, ways = np.array([[5.0, 0.0, 0.0]]), np.array([[1.0, 0.0, 0.0]])
    assert beside_waist(case, [body()], start, ways, config=CONFIG).all()
    assert not beside_waist(case, [], start, ways, config=CONFIG).any()
    assert not beside_waist(case, [body(6.0)], start, ways, config=CONFIG).any()
    assert not beside_waist(case, [body()], start, np.array([[0.0, 0.0, 1.0]]), config=CONFIG).any()
    fat = blurred_block(0.0, hu_shift=-140.0)
    assert not beside_waist(fat, [body()], start, ways, config=CONFIG).any()
