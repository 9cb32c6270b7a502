import numpy as np
import pytest
from scipy.signal import find_peaks

from planner.geometry.frames import points_lps
from planner.phantoms.solids.basic import RoundCone
from planner.phantoms.solids.raster import rasterise
from planner.segment.anatomy.trochanters import _peaks, lesser_trochanter, shaft_frame, trochanter_tip
from tests.unit.segment.anatomy.hip_scene import BASE, GRID, LESSER, LESSER_RADIUS, NECK, TROCHANTER_TOP, HipScene

SHAFT = shaft_frame(points_lps(BASE), points_lps([132.0, 8.0, -130.0]), "left", neck_lps=np.array(NECK))
UP = BASE[2] + 130.0


def lesser_in(femur: np.ndarray):
    return lesser_trochanter(
        femur, GRID, SHAFT, neck_deg=SHAFT.angle_deg(np.array(NECK)), from_mm=UP - 75.0, to_mm=UP + 5.0
    )


def test_the_tip_is_the_middle_of_the_topmost_cap():
    tip = trochanter_tip(HipScene(replaced=True).femur, GRID, SHAFT)
    assert np.abs(tip - [143.0, 14.0, TROCHANTER_TOP - 1.0]).max() < 1.2


def test_a_spur_on_the_trochanter_is_not_its_tip():
    spur = rasterise(RoundCone((146.0, 12.0, -6.0), (138.0, 12.0, 30.0), 3.0, 3.0), GRID)
    tip = trochanter_tip(HipScene(replaced=True).femur | spur, GRID, SHAFT)
    assert abs(tip[2] - TROCHANTER_TOP) < 4.0


def test_the_tip_follows_the_ct_where_the_mask_is_too_thick():
    scene = HipScene(replaced=True)
    swollen = scene.femur.copy()
    swollen[2:] |= scene.femur[:-2]
    without = trochanter_tip(swollen, GRID, SHAFT)
    sharper = trochanter_tip(swollen, GRID, SHAFT, hu=np.asarray(scene.volume.hu))
    assert abs(sharper[2] - TROCHANTER_TOP + 1.0) < 1.2 < without[2] - TROCHANTER_TOP + 1.0


def test_a_trochanter_above_the_picture_has_no_tip():
    femur = HipScene(replaced=True).femur
    top = int(np.flatnonzero(femur.any(axis=(1, 2)))[-1])
    cropped = GRID.crop((0, 0, 0), (top - 1, *GRID.shape[1:]))
    assert trochanter_tip(femur[: top - 1], cropped, SHAFT) is None
    assert trochanter_tip(np.zeros(GRID.shape, bool), GRID, SHAFT) is None


def test_the_lesser_trochanter_is_the_middle_of_its_cap():
    tip = lesser_in(HipScene(replaced=True).femur)
    way = np.array(LESSER) - [132.0, 8.0, LESSER[2]]
    way /= np.linalg.norm(way)
    assert np.linalg.norm(tip - (np.array(LESSER) + (LESSER_RADIUS - 1.0) * way)) < 1.8


@pytest.mark.parametrize("replaced", [True, False])
def test_a_smooth_femur_has_no_lesser_trochanter(replaced):
    assert lesser_in(HipScene(replaced=replaced, lesser=False).femur) is None


def test_the_frame_turns_with_the_neck():
    plain = shaft_frame(points_lps(BASE), points_lps([132.0, 8.0, -130.0]), "left")
    assert plain.lateral_lps == pytest.approx([1.0, 0.0, 0.0])
    turned = shaft_frame(
        points_lps(BASE), points_lps([132.0, 8.0, -130.0]), "left", neck_lps=np.array([-1.0, 0.0, 0.3])
    )
    assert SHAFT.angle_deg(np.array([0.0, 1.0, 0.0])) == pytest.approx(90.0, abs=20.0)
    assert turned.lateral_lps[1] < -0.2


def test_an_ossicle_above_a_flat_trochanter_does_no_harm():
    scene = HipScene(replaced=True)
    femur = scene.femur.copy()
    top = int(np.flatnonzero(femur.any(axis=(1, 2)))[-1])
    loose = rasterise(
        RoundCone((143.0, 14.0, TROCHANTER_TOP + 9.0), (144.0, 14.0, TROCHANTER_TOP + 9.0), 3.0, 3.0), GRID
    )
    tip = trochanter_tip(femur | loose, GRID, SHAFT)
    assert tip is None or tip[2] < GRID.to_lps([float(top) + 12.0, 0.0, 0.0])[2]


@pytest.mark.parametrize("levels", [2, 4, 1000])
@pytest.mark.parametrize("count", [1, 2, 3, 40])
@pytest.mark.parametrize("least", [0.0, 1.0, 2.0, 300.0])
def test_peaks_and_flat_summits_are_those_of_scipy(levels, count, least):
    random = np.random.default_rng(9)
    for _ in range(30):
        line = random.integers(0, levels, count).astype(np.float64)
        assert _peaks(line, least) == find_peaks(line, prominence=least)[0].tolist()
