"""A plastic cup by its wire and its cement; and what is none."""

import numpy as np
import pytest

from planner.config.hip_config import HipImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import point_tuple, unit
from planner.geometry.grid import Grid
from planner.geometry.rigid import angle_between_deg
from planner.phantoms.hip.hardware.cups import Ring
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Difference, HalfSpace, Intersection
from planner.phantoms.tissues import COBALT_CHROME, MUSCLE, PMMA, POLYETHYLENE, STEEL
from planner.segment.implants.cup_wires import find_wire_cup
from planner.segment.implants.hip_edges import Scanned
from planner.segment.implants.hip_spheres import fit_sphere
from planner.segment.upright import upright_grid, upright_hu

CONFIG = HipImplantConfig()
CENTRE, HEAD = np.array([0.6, -0.4, 0.3]), np.array([0.6, -0.2, 1.8])
OPENING = unit([-0.6, -0.25, -0.75])
CUP_MM, HEAD_MM, DEPTH_MM = 23.0, 14.0, 4.0


def mouth(shift=0.0):
    return HalfSpace(point_tuple(CENTRE + shift * OPENING), point_tuple(OPENING))


def cap(outer, inner):
    ball = Intersection((Ball(point_tuple(CENTRE), outer), mouth()))
    return Difference(ball, Ball(point_tuple(CENTRE), inner))


def rim():
    radius = CUP_MM - 2.0
    middle = point_tuple(CENTRE - DEPTH_MM * OPENING)
    return Ring(middle, point_tuple(OPENING), float(np.sqrt(radius**2 - DEPTH_MM**2)), 0.8)


def arch():
    across = np.cross(OPENING, [1.0, 0.0, 0.0])
    whole = Ring(point_tuple(CENTRE), point_tuple(across), CUP_MM - 2.0, 0.8)
    return Intersection((whole, mouth(-DEPTH_MM)))


def told(wires, *, cemented=True):
    spacing = np.array([1.5, 0.8, 0.8])
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(spacing[::-1])[:, ::-1]
    matrix[:3, 3] = -34.0
    grid = Grid(tuple(round(68.0 / s) + 1 for s in spacing), matrix)
    neck = Cylinder(point_tuple(HEAD), point_tuple(HEAD + 40 * OPENING), 6.0)
    parts = [Part("cement", cap(CUP_MM + 3, CUP_MM), PMMA)] if cemented else []
    parts += [Part("plastic", cap(CUP_MM, HEAD_MM), POLYETHYLENE)]
    parts += [Part("wire", wire, STEEL) for wire in wires]
    parts += [Part("neck", neck, COBALT_CHROME), Part("head", Ball(point_tuple(HEAD), HEAD_MM), COBALT_CHROME)]
    scanned = Scanned.of(ideal_scan(Scene(tuple(parts), MUSCLE), grid, IdealScan(seed=8, subsamples=4)), CONFIG)
    head = fit_sphere(scanned, HEAD, HEAD_MM, wall_mm=5.0, presumed_hu=CONFIG.heavy_hu)
    upright = upright_grid(grid, 1.0)
    hu = np.nan_to_num(upright_hu(scanned.volume, upright), nan=-1000.0)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in upright.shape], indexing="ij"), -1)
    from_head = np.asarray(upright.to_lps(index)) - HEAD
    stem = (hu > 3000) & (from_head @ OPENING > 0.8 * np.linalg.norm(from_head, axis=-1))
    return find_wire_cup(scanned, head, hu, stem, upright)


def test_ring_and_arch_tell_centre_opening_and_size():
    shell, wire = told([rim(), arch()])
    assert angle_between_deg(shell.opening_lps, OPENING) < 3.0
    assert np.linalg.norm(shell.sphere.centre_lps - CENTRE) < 1.0
    assert 2 * shell.sphere.radius_mm == pytest.approx(2 * CUP_MM, abs=1.0)
    assert wire.any()


def test_a_ring_alone_still_tells_the_opening():
    shell, _ = told([rim()])
    assert angle_between_deg(shell.opening_lps, OPENING) < 3.0
    assert np.linalg.norm(shell.sphere.centre_lps - CENTRE) < 2.0


def test_half_a_ring_no_ring_and_a_ring_without_cement_tell_no_cup():
    half = Intersection((rim(), HalfSpace(point_tuple(CENTRE), (1.0, 0.0, 0.0))))
    assert told([half]) is None
    assert told([]) is None
    assert told([rim(), arch()], cemented=False) is None
