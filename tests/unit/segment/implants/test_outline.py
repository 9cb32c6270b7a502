"""Boxes round points whose size, turn and window are known."""

import numpy as np
import pytest

from planner.geometry.rigid import rotation_about
from planner.segment.implants.outline import outline_along, outline_of


def frame(*, turn_deg=0.0, tilt_deg=0.0, window=True):
    """Points of a block of 24 x 16 x 8 mm at 1 mm, with or without a window of 18 x 10 mm."""
    x, y, z = np.meshgrid(np.arange(24) - 11.5, np.arange(16) - 7.5, np.arange(8) - 3.5, indexing="ij")
    kept = ~((np.abs(x) < 9) & (np.abs(y) < 5)) if window else np.ones(x.shape, dtype=bool)
    points = np.stack([x[kept], y[kept], z[kept]], axis=1)
    turned = rotation_about((1, 0, 0), tilt_deg) @ rotation_about((0, 0, 1), turn_deg)
    return points @ turned.T + [30.0, -20.0, 400.0]


@pytest.mark.parametrize(("turn", "tilt"), [(0, 0), (21, 0), (-12, 20)])
def test_size_place_and_window(turn, tilt):
    outline = outline_of(frame(turn_deg=turn, tilt_deg=tilt), voxel_mm3=1.0, greatest_tilt_deg=45.0)
    assert np.allclose(outline.centre_lps, [30, -20, 400], atol=0.3)
    assert 2 * outline.half_mm[0] == pytest.approx(8.0, abs=1.2)
    assert sorted(2 * outline.half_mm[1:]) == pytest.approx([16.0, 24.0], abs=1.2)
    assert outline.window_share == pytest.approx(180 / 384, abs=0.12)
    assert outline.axes @ outline.axes.T == pytest.approx(np.eye(3), abs=1e-9)


def test_a_full_block_has_no_window():
    outline = outline_of(frame(window=False), voxel_mm3=1.0, greatest_tilt_deg=45.0)
    assert outline.window_share == 0.0
    assert outline.filled_share == pytest.approx(1.0, abs=0.15)


def test_corners_alone_are_not_grown_by_a_voxel():
    corners = np.array([[x, y, z] for x in (-3, 3) for y in (-2, 2) for z in (-1, 1)], dtype=float)
    outline = outline_along(corners, np.eye(3)[[2, 0, 1]], voxel_mm3=0.0)
    assert outline.half_mm == pytest.approx([1, 3, 2])
