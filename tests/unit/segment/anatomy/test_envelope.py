import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.segment.anatomy.bone import bone_envelope
from planner.segment.anatomy.envelope import among

EDGE_MM = 1.0
AT = np.moveaxis(np.indices((60, 80, 80)) - np.array([30, 40, 40]).reshape(3, 1, 1, 1), 0, -1).astype(float)
NOTHING = np.zeros(AT.shape[:3], dtype=bool)


def box(half: tuple[float, float, float], middle: tuple[float, float, float] = (0, 0, 0)) -> np.ndarray:
    return np.all(np.abs(AT - middle) <= half, axis=-1)


def scan(
    bones: np.ndarray, marrow: np.ndarray, *, hole: np.ndarray = NOTHING, lysis: np.ndarray = NOTHING
) -> np.ndarray:
    """Marrow as soft as muscle in a cortex, with what has been eaten away."""
    hu = np.where(bones, np.where(marrow, 60.0, 900.0), 55.0)
    hu[hole | lysis] = 40.0
    return ndi.gaussian_filter(hu, 0.5).astype(np.float32)


BODY = box((13, 16, 18))
MARROW = box((12, 15, 17))


@pytest.mark.parametrize("radius", [0.0, 3.0, 4.5])
def test_bone_is_closed_over_a_hole_in_its_wall(radius):
    hole = (np.hypot(AT[..., 0], AT[..., 2]) < radius) & (AT[..., 1] < -10) & BODY
    bone = bone_envelope(scan(BODY, MARROW, hole=hole), NOTHING, None, EDGE_MM)
    assert bone[box((10, 13, 15))].mean() > 0.98
    assert not bone[~ndi.binary_dilation(BODY, iterations=2)].any()


def test_a_disc_between_two_bodies_is_no_bone():
    bones = box((10, 15, 17), (-14, 0, 0)) | box((10, 15, 17), (14, 0, 0))
    marrow = box((9, 14, 16), (-14, 0, 0)) | box((9, 14, 16), (14, 0, 0))
    bone = bone_envelope(scan(bones, marrow), NOTHING, None, EDGE_MM)
    assert bone[marrow].mean() > 0.95
    assert not bone[box((1, 12, 14))].any()


def test_a_bone_that_the_picture_cuts_is_filled_to_the_cut():
    shaft, canal = (np.hypot(AT[..., 1], AT[..., 2]) < r for r in (14.0, 10.0))
    bone = bone_envelope(scan(shaft, canal), NOTHING, None, EDGE_MM)
    assert bone[canal].mean() > 0.98
    assert bone[0][canal[0]].all()


def test_a_screw_in_bone_is_bone_and_its_end_behind_is_not():
    screw = (np.hypot(AT[..., 0], AT[..., 2]) < 3.0) & (AT[..., 1] > -10) & (AT[..., 1] < 32)
    hu = scan(BODY, MARROW)
    hu = ndi.gaussian_filter(np.where(screw, 6000.0, hu), 0.5).astype(np.float32)
    bone = bone_envelope(hu, screw, None, EDGE_MM)
    assert bone[screw & (AT[..., 1] < 12)].mean() > 0.98
    assert not bone[screw & (AT[..., 1] > 20)].any()


def test_unreadable_voxels_go_to_what_lies_round_them():
    known, unread = box((20, 20, 20)), box((3, 3, 30), (0, 0, 20))
    given = among(known & ~unread, unread)
    assert given[box((1, 1, 12), (0, 0, 2))].all()
    assert not given[box((1, 1, 8), (0, 0, 34))].any()
    assert not (given & ~unread).any()


def test_where_all_can_be_read_nothing_is_given():
    assert not among(BODY, NOTHING).any()


def test_a_thin_wall_that_noise_breaks_up_still_holds_its_marrow():
    random = np.random.default_rng(7)
    wall = BODY & ~MARROW
    hu = np.where(wall, np.where(random.random(BODY.shape) < 0.75, 420.0, 120.0), np.where(BODY, 80.0, 40.0))
    hu = (ndi.gaussian_filter(hu, 0.3) + random.normal(0, 35, BODY.shape)).astype(np.float32)
    bone = bone_envelope(hu, NOTHING, None, EDGE_MM)
    assert bone[box((9, 12, 14))].mean() > 0.95
    assert bone[~ndi.binary_dilation(BODY, iterations=2)].mean() < 0.005
