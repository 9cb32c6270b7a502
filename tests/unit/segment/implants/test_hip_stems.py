"""A stem's axis from its voxels: straight, curved, too short; and where metal ends along a line."""

import numpy as np
import pytest

from planner.config.hip_config import HipImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, points_lps, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import angle_between_deg
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, Difference, tube
from planner.phantoms.tissues import MUSCLE, TITANIUM
from planner.segment.implants.hip_edges import Scanned, end_along, voxels_in_box
from planner.segment.implants.hip_stems import fit_stem

CONFIG = HipImplantConfig()
SHOULDER, TIP = np.array([2.0, 1.0, 52.0]), np.array([-4.0, -7.0, -58.0])
HEAD = np.array([-40.0, 1.0, 75.0])
"""Medial of a left hip, in the plane of the stem."""
BOX = np.array([[-22.0, -22.0, -68.0], [20.0, 20.0, 62.0]])


def scanned(solid, *, clipped=False, psf_mm=0.9):
    spacing = np.array([2.0, 0.9, 0.9])
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(spacing[::-1])[:, ::-1]
    matrix[:3, 3] = BOX[0]
    count = np.ceil((BOX[1] - BOX[0])[::-1] / spacing).astype(int) + 1
    settings = IdealScan(seed=9, subsamples=4, psf_fwhm_mm=psf_mm, hu_clipped_at=3071.0 if clipped else None)
    scene = Scene((Part("stem", solid, TITANIUM),), MUSCLE)
    return Scanned.of(ideal_scan(scene, Grid(tuple(int(n) for n in count), matrix), settings), CONFIG)


def fitted(of):
    points, hu = voxels_in_box(of.volume, BOX)
    return fit_stem(of, points, hu.astype(float), hu > of.level_hu(8500.0), points_lps(HEAD))


@pytest.mark.parametrize("clipped", [False, True])
def test_a_straight_stem(clipped):
    found = fitted(scanned(Cylinder(point_tuple(SHOULDER), point_tuple(TIP), 8.0, 4.5), clipped=clipped))
    assert np.linalg.norm(found.tip_lps - TIP) < 0.6
    assert np.linalg.norm(found.head_lps - SHOULDER) < 0.6
    assert angle_between_deg(found.tip_lps - found.head_lps, TIP - SHOULDER) < 0.4
    assert found.side == "left"


@pytest.mark.parametrize("bore_mm", [0.0, 2.5, 3.0])
def test_a_bore_for_the_extractor_does_not_lower_the_shoulder(bore_mm):
    axis = unit(TIP - SHOULDER)
    solid = Cylinder(point_tuple(SHOULDER), point_tuple(TIP), 9.5, 5.0)
    if bore_mm:
        bore = Cylinder(point_tuple(SHOULDER - 2.0 * axis), point_tuple(SHOULDER + 15.0 * axis), bore_mm)
        solid = Difference(solid, bore)
    found = fitted(scanned(solid, psf_mm=2.2))
    assert (found.head_lps - SHOULDER) @ axis == pytest.approx(0.0, abs=0.5)
    assert (found.tip_lps - TIP) @ axis == pytest.approx(0.0, abs=0.7)


def test_a_curved_stem_has_the_chord_seen_from_the_side():
    share = np.linspace(0.0, 1.0, 9)
    bow = 4.0 * 3.0 * share * (1.0 - share)  # 3 mm forwards in the middle
    middles = [point_tuple(SHOULDER + t * (TIP - SHOULDER) - [0, b, 0]) for t, b in zip(share, bow, strict=True)]
    found = fitted(scanned(tube(middles, [5.5] * len(middles))))
    way = unit(found.tip_lps - found.head_lps)
    assert angle_between_deg(way, TIP - SHOULDER) < 1.0
    assert abs((found.head_lps - SHOULDER)[1]) < 1.2 and abs((found.tip_lps - TIP)[1]) < 1.2


def test_a_stub_has_no_axis():
    stub = Cylinder((0.0, 0.0, 0.0), (0.0, 0.0, 20.0), 7.0)
    assert fitted(scanned(stub)) is None


def test_metal_that_does_not_end_near_has_no_end():
    of = scanned(Cylinder(point_tuple(SHOULDER), point_tuple(TIP), 6.0))
    points, hu = voxels_in_box(of.volume, BOX)
    axis = unit(TIP - SHOULDER)
    from_tip = np.asarray(points) - TIP
    near = np.linalg.norm(from_tip - (from_tip @ axis)[:, None] * axis, axis=1) < 2.0
    told = [
        end_along(of, np.asarray(points)[near], hu[near].astype(float), centre_lps=c, direction=axis, plateau_hu=8500.0)
        for c in (TIP + 1.5 * axis, (SHOULDER + TIP) / 2)
    ]
    assert told[0] == pytest.approx(-1.5, abs=0.3)
    assert told[1] is None
