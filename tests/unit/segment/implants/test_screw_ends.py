"""Tips and necks of shafts that are known."""

import numpy as np
import pytest

from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, unit
from planner.geometry.grid import Grid
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, RoundCone, ThreadedShaft, Union
from planner.phantoms.tissues import CANCELLOUS, TITANIUM
from planner.segment.implants.screw_ends import neck_mm, tip_mm
from planner.segment.implants.shafts import Brightness, trace
from planner.segment.implants.straight_runs import Line
from planner.segment.unwrap import sampler_round

AXIS = unit([0.3, 0.93, -0.2])


def _sampler(solid, *, ceiling_hu=None):
    half = np.array([12.0, 27.0, 14.0])
    matrix = np.array([[0, 0, 0.7, -half[2]], [0, 0.7, 0, -half[1]], [0.9, 0, 0, -half[0]], [0, 0, 0, 1.0]])
    n = [int(2 * h / s) + 1 for h, s in zip(half, (0.9, 0.7, 0.7), strict=True)]
    scan = IdealScan(seed=5, subsamples=2, hu_clipped_at=ceiling_hu)
    volume = ideal_scan(Scene((Part("metal", solid, TITANIUM),), CANCELLOUS), Grid((n[0], n[1], n[2]), matrix), scan)
    return sampler_round(volume.hu, volume.grid, np.zeros((1, 3)), margin_mm=60.0)


@pytest.mark.parametrize("ceiling_hu", [None, 3071.0])
@pytest.mark.parametrize("nose_mm", [0.3, 4.0, 7.0])
def test_the_end_of_a_blunt_and_of_a_pointed_screw(nose_mm, ceiling_hu):
    solid = ThreadedShaft(point_tuple(-18.0 * AXIS), point_tuple(18.0 * AXIS), 6.0, 4.4, nose_mm=nose_mm)
    sampler = _sampler(solid, ceiling_hu=ceiling_hu)
    level = 4000.0 if ceiling_hu is None else 2600.0
    bright = Brightness(level, 8000.0, is_clipped=ceiling_hu is not None)
    screw = trace(sampler, Line(np.zeros(3), AXIS, -18.0, 18.0), bright)
    t = tip_mm(sampler, screw, at_high=True, sigma_mm=0.43, ceiling_hu=ceiling_hu)
    end = screw.line.at(t) if screw.line.direction @ AXIS > 0 else None
    assert end is not None
    # the needle of a cone of 0.05 of its width is thinner than any scan shows
    assert float((end - 18.0 * AXIS) @ AXIS) == pytest.approx(0.0, abs=0.9)


def test_the_neck_is_where_the_shaft_widens():
    shaft = ThreadedShaft(point_tuple(-18.0 * AXIS), point_tuple(18.0 * AXIS), 6.0, 4.4)
    neck = RoundCone(point_tuple(-18.0 * AXIS), point_tuple(-20.0 * AXIS), 2.2, 3.6)
    tulip = Cylinder(point_tuple(-20.0 * AXIS), point_tuple(-30.0 * AXIS), 5.6)
    sampler = _sampler(Union((shaft, neck, tulip)))
    screw = trace(sampler, Line(np.zeros(3), AXIS, -17.0, 17.0), Brightness(4000.0, 8000.0, is_clipped=False))
    assert screw.ends[0].kind == "joint"
    assert neck_mm(sampler, screw, at_high=False) == pytest.approx(-18.0 - float(screw.line.point @ AXIS), abs=1.2)


def test_a_shaft_that_does_not_widen_keeps_its_end():
    sampler = _sampler(Cylinder(point_tuple(-18.0 * AXIS), point_tuple(18.0 * AXIS), 2.5))
    pin = trace(sampler, Line(np.zeros(3), AXIS, -17.0, 17.0), Brightness(4000.0, 8000.0, is_clipped=False))
    assert neck_mm(sampler, pin, at_high=False) == pin.ends[0].t_mm
