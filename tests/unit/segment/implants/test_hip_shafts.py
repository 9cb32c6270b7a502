"""Nails and the screws through them; rods, tulips and short bulky metal are none."""

import numpy as np
import pytest

from planner.config.hip_config import HipImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import angle_between_deg
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, Difference, Union
from planner.phantoms.tissues import MUSCLE, TITANIUM
from planner.segment.implants.hips import segment_hips

CONFIG = HipImplantConfig()
TOP, BOTTOM = np.array([0.0, 0.0, 60.0]), np.array([4.0, -6.0, -70.0])


def scan(solids, *, clipped=True, low=(-30.0, -25.0, -78.0), high=(58.0, 25.0, 75.0)):
    spacing = np.array([2.0, 0.9, 0.9])
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(spacing[::-1])[:, ::-1]
    matrix[:3, 3] = low
    count = np.ceil((np.array(high) - low)[::-1] / spacing).astype(int) + 1
    parts = tuple(Part(f"part {k}", s, TITANIUM) for k, s in enumerate(solids))
    settings = IdealScan(seed=6, subsamples=2, hu_clipped_at=3071.0 if clipped else None)
    return ideal_scan(Scene(parts, MUSCLE), Grid(tuple(int(n) for n in count), matrix), settings)


def nail(lateral):
    top, bottom = (TOP * [lateral, 1, 1], BOTTOM * [lateral, 1, 1])
    shaft = Cylinder(point_tuple(top), point_tuple(bottom), 5.5)
    return Difference(shaft, Cylinder(point_tuple(top), point_tuple(bottom), 2.0))


def lag_ends(lateral):
    through = np.array([0.5 * lateral, -0.8, 30.0])
    way = unit([-0.72 * lateral, -0.1, 0.69])
    return through - 10 * way, through + 45 * way


def locking_ends(lateral):
    return np.array([18.0 * lateral, -5.0, -52.0]), np.array([-14.0 * lateral, -5.5, -52.0])


@pytest.mark.parametrize("lateral", [1.0, -1.0])
def test_a_nail_its_lag_screw_and_its_locking_screw_have_axes_of_their_own(lateral):
    lag, lock = lag_ends(lateral), locking_ends(lateral)
    solids = [
        nail(lateral),
        Cylinder(point_tuple(lag[0]), point_tuple(lag[1]), 5.0),
        Cylinder(point_tuple(lock[0]), point_tuple(lock[1]), 2.5),
    ]
    x = sorted((-58.0 * lateral, 30.0 * lateral))
    volume = scan(solids, clipped=lateral > 0, low=(x[0], -25.0, -78.0), high=(x[1], 25.0, 75.0))
    side = "left" if lateral > 0 else "right"
    told = {p.record.id: p.record for p in segment_hips(volume, metal=None, config=CONFIG)}
    assert set(told) == {f"nail-{side}", f"lag-screw-{side}", f"locking-screw-{side}"}
    assert {r.kind for r in told.values()} == {"nail"} and {r.side for r in told.values()} == {side}
    axis = told[f"nail-{side}"].axis
    mirrored = np.array([lateral, 1, 1])
    assert np.linalg.norm(np.array(axis.head_lps) - TOP * mirrored) < 1.0
    assert np.linalg.norm(np.array(axis.tip_lps) - BOTTOM * mirrored) < 1.0
    assert axis.diameter_mm == pytest.approx(11.0, abs=0.6)
    for name, ends in (("lag-screw", lag), ("locking-screw", lock)):
        own = told[f"{name}-{side}"].axis
        assert angle_between_deg(np.subtract(own.tip_lps, own.head_lps), ends[1] - ends[0]) in (
            pytest.approx(0.0, abs=2.0),
            pytest.approx(180.0, abs=2.0),
        )
        assert own.length_mm == pytest.approx(np.linalg.norm(ends[1] - ends[0]), abs=2.5)


def test_a_nail_without_a_lag_screw_has_no_side():
    (found,) = segment_hips(scan([nail(1.0)]), metal=None, config=CONFIG)
    assert found.record.side is None and found.record.id == "nail" and not found.is_cut


def test_a_nail_cut_by_the_scan_s_edge_is_kept_and_flagged():
    volume = scan([nail(1.0)], low=(-30.0, -25.0, -40.0))
    (found,) = segment_hips(volume, metal=None, config=CONFIG)
    assert found.record.kind == "nail" and found.is_cut and found.record.is_cut is True


@pytest.mark.parametrize("clipped", [True, False])
def test_a_rod_with_tulips_is_no_nail(clipped):
    rod = Cylinder(point_tuple(TOP), point_tuple(BOTTOM), 3.0)
    back, front = np.array([0.0, 9.0, 0.0]), np.array([0.0, 6.0, 0.0])
    places = [TOP + t * (BOTTOM - TOP) for t in (0.1, 0.35, 0.6, 0.85)]
    tulips = [Cylinder(point_tuple(p - back), point_tuple(p + front), 6.5) for p in places]
    assert segment_hips(scan([Union((rod, *tulips))], clipped=clipped), metal=None, config=CONFIG) == ()


def test_bulky_metal_that_is_short_is_no_nail():
    short = Cylinder((0.0, 0.0, 0.0), (0.0, 0.0, 34.0), 8.0)
    assert segment_hips(scan([short]), metal=None, config=CONFIG) == ()
