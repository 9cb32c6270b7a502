import numpy as np
import pytest

from planner.config.breach_config import BreachConfig
from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.visibility_config import HidingConfig
from planner.config.watch_config import WatchConfig
from planner.geometry.frames import detector_direction
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask, Volume
from planner.safety.breaches import find_breaches, measure_wall
from planner.safety.watch import WatchScene

SPACING = 0.5
GRID = Grid((50, 80, 80), np.array([[0, 0, 0.5, -20], [0, 0.5, 0, -20], [0.5, 0, 0, -12.5], [0, 0, 0, 1]]))
X, Y, Z = np.moveaxis(np.asarray(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1))), -1, 0)


def supine(primary_deg, secondary_deg):
    return primary_deg, secondary_deg


def anatomy(*, wall_mm, window_mm=0.0, canal=False, axis=None):
    """A gap of 4 mm radius round a pin along y, in a bone whose +x face stands ``wall_mm`` off the gap."""
    radius = np.hypot(X, Z)
    metal = (radius < 2.0) & (np.abs(Y) < 12.0)
    gap = (radius < 4.0) & ~metal & (np.abs(Y) < 10.0)
    bone = (4.0 + wall_mm > X) & (X > -15.0) & (np.abs(Y) < 15.0) & (np.abs(Z) < 11.0) | gap
    hu = np.where(bone, 600.0, 30.0).astype(np.float32)
    hole = (np.abs(Y) < window_mm / 2) & (np.abs(Z) < window_mm / 2) & (X > 0)
    hu[hole], hu[gap], hu[metal] = 30.0, 20.0, 3000.0
    pin = Implant(
        id="screw-1",
        kind="pedicle_screw",
        volume_ml=None,
        centroid_lps=(0.0, 0.0, 0.0),
        axis=axis,
        bulls_eye=None,
        side=None,
        level=None,
        material="unknown",
        loosening=None,
    )
    return Anatomy(
        ct=Volume(GRID, hu),
        metal=Mask(GRID, metal),
        bone=Mask(GRID, bone),
        gaps=(GapSpace("gap-1", "screw-1", Mask(GRID, gap)),),
        implants=(pin,),
        canal=Mask(GRID, (5.5 + wall_mm < X) & ~bone) if canal else None,
    )


def found(case, gantry=None, **settings):
    watch = WatchScene(case, WatchConfig(gantry=gantry or GantryLimits()), FluoroConfig(), HidingConfig(), supine)
    patches = find_breaches(case, config=BreachConfig(**settings), watch=watch)
    return tuple(patch.breach for patch in patches)


@pytest.mark.parametrize("wall_mm", [1.5, 2.5, 5.0])
def test_a_sound_wall_has_no_breach(wall_mm):
    assert found(anatomy(wall_mm=wall_mm)) == ()


@pytest.mark.parametrize("wall_mm", [1.0, 1.5, 2.0])
def test_thickness_is_measured(wall_mm):
    assert measure_wall(
        anatomy(wall_mm=wall_mm), anatomy(wall_mm=wall_mm).gaps[0], config=BreachConfig()
    ).barrier_mm.min() == (pytest.approx(wall_mm, abs=0.5))


def test_a_window_is_open_and_described():
    (breach,) = found(anatomy(wall_mm=1.5, window_mm=6.0))
    assert breach.severity == "open" and breach.leak_type == "cortical" and breach.barrier_mm < 0.25
    assert breach.outward_lps == pytest.approx((1, 0, 0), abs=0.2)
    assert breach.centroid_lps == pytest.approx((3.7, 0, 0), abs=1.0)
    assert breach.area_mm2 == pytest.approx(36.0, rel=0.4)
    assert breach.reached is None and breach.leak_after_ml is None


def test_a_thin_shell_is_thin():
    # half a millimetre is thinner than the voxels show: what its bone reads must be known
    (breach,) = found(anatomy(wall_mm=0.5), thin_mm=0.8, cortex_hu=600.0)
    assert breach.severity == "thin" and 0.25 <= breach.barrier_mm <= 0.8


def test_a_small_hole_is_no_breach():
    assert found(anatomy(wall_mm=1.5, window_mm=1.0)) == ()


def test_the_canal_behind_names_the_leak():
    (breach,) = found(anatomy(wall_mm=1.5, window_mm=6.0, canal=True))
    assert breach.leak_type == "canal"


def test_the_screws_own_tract_is_left_out_unless_asked_for():
    axis = ImplantAxis(
        head_lps=(0.0, 0.0, 0.0), tip_lps=(0.0, -12.0, 0.0), diameter_mm=4.0, core_diameter_mm=None, length_mm=12.0
    )
    case = anatomy(wall_mm=1.5, window_mm=6.0, axis=axis)
    assert found(case) == ()
    assert [b.leak_type for b in found(case, include_screw_tract=True)] == ["screw_tract"]


def test_the_watch_view_shows_the_leak_in_profile_and_within_reach():
    (breach,) = found(anatomy(wall_mm=1.5, window_mm=6.0))
    view = breach.watch_view
    beam = detector_direction(view.primary_deg, view.secondary_deg)
    assert abs(float(beam @ np.array(breach.outward_lps))) <= np.sin(np.radians(30.0))
    assert GantryLimits().reaches(view.primary_deg, view.secondary_deg)


def test_without_a_reachable_profile_there_is_no_watch_view():
    # Beams near left-right only: along the leak, never across it.
    narrow = GantryLimits(primary_min_deg=80, primary_max_deg=100, secondary_min_deg=-10, secondary_max_deg=10)
    (breach,) = found(anatomy(wall_mm=1.5, window_mm=6.0), gantry=narrow)
    assert breach.watch_view is None
