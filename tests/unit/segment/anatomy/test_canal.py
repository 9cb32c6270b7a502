from itertools import pairwise

import numpy as np
import pytest

from planner.config.anatomy_config import CanalConfig
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.segment.anatomy.canal import find_canal

TRUE_MM = 9.0
UPRIGHT = np.eye(3)[:, ::-1]
TILT = np.array([[np.cos(0.2), 0, np.sin(0.2)], [0, 1, 0], [-np.sin(0.2), 0, np.cos(0.2)]])


def judge(canal):
    assert canal is not None
    middle = np.abs(canal.centre_lps[:, 2]) < 40
    assert np.hypot(*canal.centre_lps[middle, :2].T).max() < 2.0
    radii = canal.radii_mm[middle].mean(axis=1)
    assert np.median(radii) == pytest.approx(TRUE_MM, abs=1.2)
    assert canal.centre_lps[0, 2] < -38
    assert canal.centre_lps[-1, 2] > 38


@pytest.mark.parametrize(
    "directions",
    [UPRIGHT, np.eye(3) * [1, -1, -1], np.eye(3)[:, [1, 2, 0]], TILT @ UPRIGHT],
    ids=["upright", "permuted and flipped", "permuted", "oblique"],
)
def test_the_canal_is_the_same_from_any_storage(spine_scan, directions):
    volume, _ = spine_scan(directions=directions)
    judge(find_canal(volume))


def test_a_laminectomy_does_not_break_the_canal(spine_scan):
    volume, _ = spine_scan(laminectomy=True)
    canal = find_canal(volume)
    judge(canal)
    opened = np.abs(canal.centre_lps[:, 2]) < 6
    behind = canal.radii_mm.shape[1] // 4
    assert not canal.closed[opened, behind].any()


def test_a_screw_in_the_pedicle_does_not_narrow_the_canal(spine_scan):
    volume, metal = spine_scan(screw=True)
    canal = find_canal(volume, metal=metal)
    judge(canal)
    at = np.abs(canal.centre_lps[:, 2] - 34) < 4
    assert canal.radii_mm[at].min() > TRUE_MM - 2.5


def test_the_mask_fills_the_wall_and_grows_by_its_margin(spine_scan):
    volume, _ = spine_scan()
    canal = find_canal(volume)
    sizes = [canal.mask(volume.grid, margin_mm=m).volume_ml for m in (-2.0, 0.0, 2.0)]
    assert all(a < b for a, b in pairwise(sizes))
    length = canal.centre_lps[-1, 2] - canal.centre_lps[0, 2]
    assert sizes[1] == pytest.approx(np.pi * TRUE_MM**2 * length / 1000, rel=0.3)


def test_no_canal_in_a_cylinder_of_water(spine_scan):
    volume, _ = spine_scan(vertebrae=False)
    assert find_canal(volume) is None


def test_no_canal_in_a_long_bone():
    grid = Grid((70, 90, 90), np.array([[0, 0, 1.5, -67], [0, 1.5, 0, -67], [1.5, 0, 0, -52], [0, 0, 0, 1.0]]))
    points = grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1))
    away = np.hypot(points[..., 0], points[..., 1])
    hu = np.where(away < 8, -60, np.where(away < 14, 1200, np.where(away < 60, 55, -1000)))
    assert find_canal(Volume(grid, hu.astype(np.int16))) is None


def test_a_canal_that_leans_like_the_sacrums_is_not_trusted(spine_scan):
    volume, _ = spine_scan()
    assert find_canal(volume, config=CanalConfig(steepest_lean=1e-6)) is None


def test_a_scan_too_thin_for_a_vertebra_has_no_canal(spine_scan):
    volume, _ = spine_scan(half_mm=np.array([68.0, 70.0, 4.0]))
    assert find_canal(volume) is None
