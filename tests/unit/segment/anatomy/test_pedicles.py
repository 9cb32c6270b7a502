from dataclasses import replace

import numpy as np
import pytest

from planner.config.phantoms.scan import IdealScan
from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone
from planner.model.volume import Mask
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder, RoundCone, RoundedBox, Union
from planner.phantoms.solids.raster import rasterise
from planner.phantoms.tissues import CANCELLOUS, CORTICAL, MUSCLE, TITANIUM
from planner.segment.anatomy.canal import Canal
from planner.segment.anatomy.pedicles import find_pedicles

HALF_WIDTH_MM = {"left": 4.0, "right": 5.5}
HEIGHT_MM = {"left": 2 * 4.0 + 6.0, "right": 2 * 5.5 + 6.0}
CORTEX_MM = 1.2
SIGN = {"left": 1.0, "right": -1.0}


def bars(shell: float) -> list:
    """Both pedicles, the canal 9 mm beside x = y = 0; the right one is wider."""
    out = []
    for side, half in HALF_WIDTH_MM.items():
        x = SIGN[side] * (9.0 + half)
        out += [RoundCone((x, -18, z), (x, 16, z), half - shell, half - shell) for z in (-3.0, 3.0)]
    return out


def vertebra(shell: float):
    body = Cylinder((0, -29, -13 + shell), (0, -29, 13 - shell), 20.0 - shell)
    laminae = RoundedBox((0, 14, 0), (19 - shell, 4 - shell, 9 - shell))
    return Union((body, laminae, *bars(shell)))


def scan(*, screw: bool = False, right_arch: bool = True):
    solid = vertebra(0.0)
    matrix = np.array([[0, 0, 0.7, -31.5], [0, 0.7, 0, -42.0], [1.0, 0, 0, -22.0], [0, 0, 0, 1]])
    grid = Grid((45, 93, 91), matrix)
    parts = [Part("cortex", solid, CORTICAL), Part("marrow", vertebra(CORTEX_MM), CANCELLOUS)]
    if not right_arch:
        parts.append(Part("defect", RoundedBox((-15, 0, 0), (9, 9, 20)), MUSCLE))
    shaft = Cylinder((13, 22, 0), (13, -30, 0), 2.9)
    if screw:
        parts.append(Part("screw", shaft, TITANIUM))
    volume = ideal_scan(Scene(tuple(parts), MUSCLE), grid, IdealScan(subsamples=3))
    metal = Mask(grid, rasterise(shaft, grid) if screw else np.zeros(grid.shape, dtype=bool))
    bone = rasterise(solid, grid)
    if not right_arch:
        bone &= ~rasterise(RoundedBox((-15, 0, 0), (9, 9, 20)), grid)
    line = np.column_stack([np.zeros(41), np.zeros(41), np.arange(-20.0, 21.0)])
    canal = Canal(points_lps(line), np.full((41, 48), 9.0), np.ones((41, 48), dtype=bool), 1.2)
    return volume, Mask(grid, bone), metal, canal


@pytest.fixture(scope="module")
def plain():
    return scan()


def test_both_pedicles_are_measured_to_less_than_a_voxel_each_on_its_own_side(plain):
    volume, bone, metal, canal = plain
    found = find_pedicles(volume, bone=bone, metal=metal, canal=canal)
    assert [(p.bone, p.side) for p in found] == [("vertebra-1", "left"), ("vertebra-1", "right")]
    for p in found:
        assert p.width_mm == pytest.approx(2 * HALF_WIDTH_MM[p.side], abs=0.5)
        assert p.height_mm == pytest.approx(HEIGHT_MM[p.side], abs=0.9)
        assert SIGN[p.side] * p.centre_lps[0] == pytest.approx(9.0 + HALF_WIDTH_MM[p.side], abs=0.7)
        assert abs(p.centre_lps[2]) < 1.0
        assert p.inward_lps[1] < -0.9
        assert np.linalg.norm(p.inward_lps) == pytest.approx(1.0)


def test_a_screw_that_fills_a_pedicle_leaves_its_width_unmeasured():
    volume, bone, metal, canal = scan(screw=True)
    left, right = find_pedicles(volume, bone=bone, metal=metal, canal=canal)
    assert left.width_mm is None
    assert right.width_mm == pytest.approx(2 * HALF_WIDTH_MM["right"], abs=0.5)


def test_a_missing_pedicle_is_not_made_up():
    volume, bone, metal, canal = scan(right_arch=False)
    assert [p.side for p in find_pedicles(volume, bone=bone, metal=metal, canal=canal)] == ["left"]


def test_vertebrae_name_their_pedicles_and_other_bones_none(plain):
    volume, bone, metal, canal = plain
    named = (Bone("vertebra-7", "vertebra", bone),)
    assert {p.bone for p in find_pedicles(volume, bone=bone, metal=metal, canal=canal, vertebrae=named)} == {
        "vertebra-7"
    }
    sacrum = (replace(named[0], kind="sacrum", name="sacrum"),)
    assert find_pedicles(volume, bone=bone, metal=metal, canal=canal, vertebrae=sacrum) == ()


def test_no_pedicle_where_no_bone_stands_beside_the_canal(plain):
    volume, bone, metal, canal = plain
    empty = Mask(bone.grid, np.zeros(bone.grid.shape, dtype=bool))
    assert find_pedicles(volume, bone=empty, metal=metal, canal=canal) == ()
