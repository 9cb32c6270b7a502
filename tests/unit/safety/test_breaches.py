from dataclasses import replace

import numpy as np
import pytest

from planner.config.breach_config import BreachConfig
from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.visibility_config import HidingConfig
from planner.config.watch_config import WatchConfig
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.implant import Implant, ImplantAxis
from planner.model.volume import Mask, Volume
from planner.safety.breaches import find_breaches, measure_wall
from planner.safety.watch import WatchScene
from planner.segment.anatomy.endplates import VertebralBody

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


def found(case, gantry=None, trust=None, **settings):
    watch = WatchScene(case, WatchConfig(gantry=gantry or GantryLimits()), FluoroConfig(), HidingConfig(), supine)
    patches = find_breaches(case, config=BreachConfig(**settings), watch=watch, trust=trust)
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


def test_the_screws_own_tract_is_named_and_may_be_left_out():
    axis = ImplantAxis(
        head_lps=(0.0, 0.0, 0.0), tip_lps=(0.0, -12.0, 0.0), diameter_mm=4.0, core_diameter_mm=None, length_mm=12.0
    )
    case = anatomy(wall_mm=1.5, window_mm=6.0, axis=axis)
    assert [b.leak_type for b in found(case)] == ["screw_tract"]
    assert found(case, include_screw_tract=False) == ()


def test_a_hole_at_a_stems_shoulder_is_no_screws_tract():
    axis = ImplantAxis(
        head_lps=(0.0, 0.0, 0.0), tip_lps=(0.0, -12.0, 0.0), diameter_mm=4.0, core_diameter_mm=None, length_mm=12.0
    )
    case = anatomy(wall_mm=1.5, window_mm=6.0, axis=axis)
    stem = replace(case, implants=tuple(i.model_copy(update={"kind": "femoral_stem"}) for i in case.implants))
    assert [b.leak_type for b in found(stem)] == ["cortical"]


def test_an_opening_is_as_wide_as_the_ball_that_leaves_by_it():
    (breach,) = found(anatomy(wall_mm=1.5, window_mm=6.0))
    assert breach.neck_mm == pytest.approx(6.0, abs=1.2)
    assert np.pi * breach.neck_mm**2 / 4.0 < 1.3 * breach.area_mm2
    assert breach.barrier_hu is None and breach.literature_type == "C"


def test_a_thin_shell_tells_its_density_and_no_width():
    (breach,) = found(anatomy(wall_mm=0.5), thin_mm=0.8, cortex_hu=600.0)
    assert breach.neck_mm is None and breach.barrier_hu == pytest.approx(600.0, abs=80.0)


class Readable:
    """A trust map that reads the same everywhere."""

    def __init__(self, trust, pattern_hu=0.0):
        self.trust, self.pattern = trust, pattern_hu

    def trust_at(self, points_lps):
        return np.full(np.shape(points_lps)[:-1], self.trust)

    def pattern_at(self, points_lps):
        return np.full(np.shape(points_lps)[:-1], self.pattern)


def test_where_artefacts_leave_nothing_readable_the_wall_is_not_measured():
    case = anatomy(wall_mm=0.5)
    (sure,) = found(case, trust=Readable(0.9), thin_mm=0.8, cortex_hu=600.0)
    (unsure,) = found(case, trust=Readable(0.05), thin_mm=0.8, cortex_hu=600.0)
    assert sure.trust == pytest.approx(0.9) and sure.barrier_mm is not None and sure.barrier_hu is not None
    assert unsure.trust == pytest.approx(0.05) and unsure.barrier_mm is None and unsure.barrier_hu is None
    (unknown,) = found(case, thin_mm=0.8, cortex_hu=600.0)
    assert unknown.trust is None and unknown.barrier_mm is not None


def test_what_artefacts_are_foretold_to_add_is_taken_off():
    # 150 HU of streak over an open window read as bone
    case = anatomy(wall_mm=1.5, window_mm=6.0)
    bright = replace(case, ct=Volume(GRID, np.asarray(case.ct.hu) + 150.0))
    assert [b.severity for b in found(bright, trust=Readable(0.9, 150.0))] == ["open"]
    assert "open" not in [b.severity for b in found(bright, trust=Readable(0.9))]


def test_a_thin_wall_beside_an_open_one_is_its_rim():
    # the window's own shell is thin all round it
    case = anatomy(wall_mm=0.5, window_mm=6.0)
    (breach,) = found(case, thin_mm=0.8, cortex_hu=600.0)
    assert breach.severity == "open"
    assert breach.area_mm2 < 60.0


def test_at_a_bodys_waist_vessels_may_run_and_it_needs_a_body():
    body = VertebralBody(
        bone="vertebra-1", centre_lps=np.array([-10.0, 8.0, 0.0]), axes_lps=np.eye(3), half_width_mm=14.0,
        depth_mm=30.0, upper=None, lower=None, front_mm=None, middle_mm=None, back_mm=None,
    )  # fmt: skip
    case = anatomy(wall_mm=1.5, window_mm=4.0)
    watch = WatchScene(case, WatchConfig(), FluoroConfig(), HidingConfig(), supine)
    (patch,) = find_breaches(case, config=BreachConfig(), watch=watch, bodies=[body])
    assert (patch.breach.leak_type, patch.breach.literature_type) == ("cortical", "C")
    assert "segmental vessels may run" in patch.breach.compartment
    (patch,) = find_breaches(case, config=BreachConfig(), watch=watch)
    assert (patch.breach.leak_type, patch.breach.literature_type) == ("cortical", "C")
    assert patch.breach.compartment == "soft tissue"
