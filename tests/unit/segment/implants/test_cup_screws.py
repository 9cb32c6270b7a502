"""Where a cup screw ends: a point in a sharp scan, a blunt nose in a blurred one; and its own brightness."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.hip_config import HipImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, points_lps, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import angle_between_deg
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, HalfSpace, Intersection
from planner.phantoms.tissues import MUSCLE, TITANIUM
from planner.segment.implants.cup_screws import find_cup_screws
from planner.segment.implants.hip_balls import Shell
from planner.segment.implants.hip_edges import Blur, Scanned
from planner.segment.implants.hip_spheres import Sphere
from planner.segment.upright import upright_grid, upright_hu

CONFIG = HipImplantConfig()
CENTRE, OPENING = np.array([0.3, -0.4, 0.2]), unit([-0.5, -0.5, -0.7])
CUP_MM, WALL_MM, SHAFT_MM = 24.0, 3.0, 2.4
WAY = unit([-0.25, 0.2, 0.95])
TIP = CENTRE + (CUP_MM + 32.0) * WAY
SHARP, SOFT = 0.9, 2.2
"""Width of the point spread: a bone kernel's, and that of two real hips planned for radiotherapy."""


def screws_of(*, end_mm, psf_mm, nose_mm=6.0, clipped=False, shell_hu=None):
    mouth = HalfSpace(point_tuple(CENTRE), point_tuple(OPENING))
    cap = Intersection((Ball(point_tuple(CENTRE), CUP_MM), mouth))
    neck = TIP - nose_mm * WAY
    solids = [
        Difference(cap, Ball(point_tuple(CENTRE), CUP_MM - WALL_MM)),
        Cylinder(point_tuple(CENTRE + (CUP_MM - WALL_MM) * WAY), point_tuple(neck), SHAFT_MM),
        Cylinder(point_tuple(neck), point_tuple(TIP), SHAFT_MM, end_mm),
    ]
    spacing = np.array([2.5, 0.98, 0.98])
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(spacing[::-1])[:, ::-1]
    matrix[:3, 3] = -34.0
    grid = Grid(tuple(int(n) for n in np.ceil([100.0 / 2.5, 68.0 / 0.98, 68.0 / 0.98])), matrix)
    settings = IdealScan(seed=6, psf_fwhm_mm=psf_mm, hu_clipped_at=3071.0 if clipped else None)
    volume = ideal_scan(Scene(tuple(Part("metal", s, TITANIUM) for s in solids), MUSCLE), grid, settings)
    blur = Blur(psf_mm / 2.355, float(np.hypot(psf_mm / 2.355, 2.5 / np.sqrt(12.0))), np.array([0.0, 0.0, 1.0]))
    of = replace(Scanned.of(volume, CONFIG), blur=blur)
    fine = upright_grid(grid, 1.0)
    solid = np.nan_to_num(upright_hu(volume, fine), nan=-1000.0) > of.level_hu(7000.0)
    rays = np.asarray(fine.to_lps(np.argwhere(solid))) - CENTRE
    far = np.linalg.norm(rays, axis=1)
    own = (rays @ OPENING < -0.1 * far) & (far > CUP_MM + 1.0)
    beyond = np.zeros(fine.shape, dtype=bool)
    beyond[tuple(np.argwhere(solid)[own].T)] = True
    sphere = Sphere(points_lps(CENTRE), CUP_MM, 0.6, shell_hu or 7000.0, blur, np.ones(1, dtype=bool))
    return find_cup_screws(of, Shell(sphere, OPENING, 0.0, WALL_MM), beyond, fine, side="left")


@pytest.mark.parametrize(
    ("end_mm", "psf_mm", "clipped"),
    [
        (0.0, SHARP, False),
        (0.0, SHARP, True),
        (0.0, SOFT, False),
        (1.2, SHARP, False),
        (1.2, SOFT, True),
        (1.2, SOFT, False),
        (2.0, SHARP, True),
        (2.0, SOFT, False),
    ],
)
def test_a_screw_ends_where_its_metal_does(end_mm, psf_mm, clipped):
    (screw,) = screws_of(end_mm=end_mm, psf_mm=psf_mm, clipped=clipped)
    assert (screw.shaft.tip_lps - TIP) @ WAY == pytest.approx(0.0, abs=1.0)
    assert angle_between_deg(screw.shaft.tip_lps - screw.shaft.head_lps, WAY) < 1.0
    assert screw.shaft.side == "left" and screw.voxels.any()


def test_a_shell_that_looks_dim_makes_its_screw_no_thicker_and_no_longer():
    (told,), (dim,) = (screws_of(end_mm=1.2, psf_mm=SOFT, shell_hu=hu) for hu in (None, 4000.0))
    assert dim.shaft.diameter_mm == pytest.approx(told.shaft.diameter_mm, abs=0.1)
    assert np.linalg.norm(dim.shaft.tip_lps - told.shaft.tip_lps) < 0.2
