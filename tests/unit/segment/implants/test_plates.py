"""A plate with screws, a cable round a bone, and metal that is neither."""

from itertools import pairwise

import numpy as np
import pytest

from planner.config.hardware_config import PlateConfig
from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, HalfSpace, Intersection, RoundedBox, Union
from planner.phantoms.tissues import CORTICAL, MARROW, MUSCLE, TITANIUM
from planner.segment.implants.metal import find_metal
from planner.segment.implants.parts import implant_parts
from planner.segment.implants.pieces import pieces_of
from planner.segment.implants.plates import is_plate, tell_plates, thickness_mm

CONFIG = PlateConfig()
METAL = ImplantConfig()
BONE = [
    Part("bone", Cylinder((0, 0, -45), (0, 0, 45), 14.0), CORTICAL),
    Part("marrow", Cylinder((0, 0, -46), (0, 0, 46), 9.0), MARROW),
]


def plate(*, screws=True):
    body = RoundedBox((-16.5, 1.0, 0.0), (2.0, 6.5, 32.0), 1.0)
    pins = tuple(Cylinder((-17, 1, z), (11, 1, z), 1.9) for z in (-24.0, 0.0, 20.0)) if screws else ()
    return Union((body, *pins))


def ring(degrees, *, radius=15.0, centre=(0.0, 0.0)):
    turns = np.radians(np.arange(0.0, degrees + 1.0, 12.0))
    spots = [(centre[0] + radius * np.cos(t), centre[1] + radius * np.sin(t), 4.0 * np.cos(t)) for t in turns]
    return Union(tuple(Cylinder(a, b, 0.95) for a, b in pairwise(spots)))


def scanned(solid, *, bone=True):
    matrix = np.eye(4)
    matrix[:3, :3] = [[0, 0, 0.9], [0, 0.9, 0], [1.0, 0, 0]]
    matrix[:3, 3] = (-30.0, -30.0, -40.0)
    parts = (*(BONE if bone else ()), Part("metal", solid, TITANIUM))
    return ideal_scan(Scene(parts, MUSCLE), Grid((81, 67, 67), matrix), IdealScan(seed=4))


def told(solid, *, bone=True):
    volume = scanned(solid, bone=bone)
    metal = find_metal(volume, METAL)
    return [p.record for p in tell_plates(volume, metal, implant_parts(volume, metal, (), METAL), CONFIG)]


@pytest.mark.parametrize("screws", [True, False])
def test_a_plate_and_its_screws_are_one_part(screws):
    (record,) = told(plate(screws=screws))
    assert (record.id, record.kind, record.axis, record.side) == ("plate-1", "plate", None, None)
    assert record.centroid_lps[0] < -5.0


@pytest.mark.parametrize(
    "solid",
    [
        Cylinder((-16, 0, -32), (-16, 0, 32), 2.9),
        Intersection((Difference(Ball((0, 0, 0), 25.0), Ball((0, 0, 0), 22.0)), HalfSpace((0, 0, 0), (0, 0, -1)))),
        Ball((0, 0, 0), 10.0),
        RoundedBox((0, 0, 0), (10.0, 10.0, 25.0), 1.0),
    ],
    ids=["rod", "cup", "ball", "block"],
)
def test_what_is_no_plate(solid):
    assert [r.kind for r in told(solid)] == ["unknown"]


def test_a_cable_round_a_bone_is_told_but_stays_unknown():
    (record,) = told(ring(360.0))
    assert (record.id, record.kind) == ("cable-1", "unknown")


@pytest.mark.parametrize(
    ("solid", "bone"),
    [(ring(360.0), False), (ring(170.0), True), (Cylinder((-16, 0, -32), (-16, 0, 32), 1.0), True)],
    ids=["loop in soft tissue", "half a loop", "straight wire"],
)
def test_what_is_no_cable(solid, bone):
    assert all(r.id.startswith("metal") for r in told(solid, bone=bone))


def test_how_thick_metal_is():
    volume = scanned(plate(screws=False))
    metal = find_metal(volume, METAL)
    (piece,) = pieces_of(metal, implant_parts(volume, metal, (), METAL))
    assert thickness_mm(metal, piece) == pytest.approx(4.0, abs=1.0)
    assert is_plate(metal, piece, CONFIG)
