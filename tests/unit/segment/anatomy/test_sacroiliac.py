"""Sacrum and ilium, parted at the joint between them."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.segment.anatomy.hip_bones import natural_joint
from planner.segment.anatomy.sacroiliac import may_hold_sacrum, sacral_marks, sacrum_beyond_joint

EDGE_MM = 1.0
GRID = Grid((50, 60, 90), np.array([[0, 0, EDGE_MM, 5.0], [0, EDGE_MM, 0, 5.0], [EDGE_MM, 0, 0, 15.0], [0, 0, 0, 1.0]]))
JOINT = natural_joint("left", points_lps([85.0, 0.0, 0.0]), 24.0)
X = 5.0 + EDGE_MM * np.arange(GRID.shape[2])[None, None, :]
Y = 5.0 + EDGE_MM * np.arange(GRID.shape[1])[None, :, None]
Z = 15.0 + EDGE_MM * np.arange(GRID.shape[0])[:, None, None]


def _block(low_mm: float, high_mm: float) -> np.ndarray:
    return (low_mm < X) & (high_mm > X) & (Y > 15.0) & (Y < 55.0) & (Z > 20.0) & (Z < 60.0)


SACRUM, ILIUM, SHEET = _block(5.0, 45.0), _block(48.0, 90.0), _block(44.5, 48.5)


def _walled(bone: np.ndarray) -> np.ndarray:
    """Cortex of 2 mm round marrow."""
    return np.where(bone, np.where(ndi.binary_erosion(bone, iterations=2), 150.0, 700.0), 30.0)


def _scene(*, bridged: bool = False) -> tuple[np.ndarray, np.ndarray]:
    hu = np.maximum(_walled(SACRUM), _walled(ILIUM))
    if bridged:
        # an osteophyte before the joint
        hu[SHEET & (Y < 20.0)] = 700.0
    hu = ndi.gaussian_filter(hu, 0.7) + np.random.default_rng(1).normal(0.0, 15.0, hu.shape)
    return hu.astype(np.float32), SACRUM | ILIUM | SHEET


@pytest.mark.parametrize("bridged", [False, True])
def test_the_cut_follows_the_dark_sheet(bridged: bool) -> None:
    hu, bone = _scene(bridged=bridged)
    found = sacrum_beyond_joint(hu, bone, JOINT, GRID)
    assert found is not None
    assert found[SACRUM].mean() > 0.99
    assert found[ILIUM].mean() < 0.01
    assert not found[~bone].any()


def test_without_a_sheet_no_joint_is_told() -> None:
    _, bone = _scene()
    assert sacrum_beyond_joint(_walled(bone).astype(np.float32), bone, JOINT, GRID) is None


def test_a_picture_that_ends_before_the_sacrum_shows_none() -> None:
    hu, bone = _scene()
    ilium = bone & (X > 35.0)
    assert not sacral_marks(ilium, JOINT, GRID).any()
    assert sacrum_beyond_joint(hu, ilium, JOINT, GRID) is None
    # what is left of the sacrum stays with the ilium, which is to be said
    assert may_hold_sacrum(ilium, JOINT, GRID)
    assert not may_hold_sacrum(bone & (X > 60.0), JOINT, GRID)
