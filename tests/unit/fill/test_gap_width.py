"""The width of slits, shells and tubes, whichever way the voxels lie."""

import numpy as np
import pytest

from planner.fill.gap_width import gap_width_mm

TURNS = [((1, 0, 0), 0), ((1, 0, 0), 45), ((1, 2, 3), 50), ((1, 1, 0), 30)]


def _measured(shape, *, near_mm=8.0, window_mm=1.0):
    grid = shape.anatomy.grid
    mask = shape.anatomy.gaps[0].mask.voxels
    width = gap_width_mm(mask, grid.spacing_mm, window_mm=window_mm)
    away = np.linalg.norm(np.asarray(grid.to_lps(np.argwhere(mask))), axis=1)
    return float(np.mean(width[mask][away < near_mm]))


@pytest.mark.parametrize("turned", TURNS)
@pytest.mark.parametrize("width_mm", [1.0, 1.6, 2.4])
def test_a_slit_has_its_width_whichever_way_it_lies(shape_of, turned, width_mm):
    shape = shape_of(
        [lambda p: (np.abs(p[..., 2]) < width_mm / 2) & (np.abs(p[..., :2]).max(axis=-1) < 14)],
        spacing=(0.5, 0.5, 0.5), turned=turned,
    )  # fmt: skip
    # the mask's own volume over its area, for the voxels' steps do not hold the drawn width
    mask = shape.anatomy.gaps[0].mask
    near = np.abs(shape.local(mask.grid.to_lps(np.argwhere(mask.voxels)))[:, :2]).max(axis=1) < 12
    held = near.sum() * mask.grid.voxel_volume_mm3 / 24.0**2
    assert _measured(shape) == pytest.approx(held, rel=0.05)


def test_a_slit_of_one_voxel_is_as_wide_as_a_voxel(shape_of):
    shape = shape_of([lambda p: np.abs(p[..., 2] - 0.4) < 0.3], spacing=(0.8, 0.8, 0.8))
    assert _measured(shape) == pytest.approx(0.8, rel=0.08)
    coarse = shape_of([lambda p: np.abs(p[..., 2] - 0.4) < 0.9], spacing=(0.8, 0.8, 0.8))
    assert _measured(coarse) > 1.5 * _measured(shape)


def test_a_shell_round_a_shaft_is_as_wide_as_its_wall_is_far(shape_of):
    def halo(p):
        r = np.hypot(p[..., 0], p[..., 1])
        return (r > 3.0) & (r < 5.0)

    shape = shape_of([halo], turned=((1, 2, 3), 40), spacing=(0.5, 0.5, 0.5))
    assert _measured(shape) == pytest.approx(2.0, rel=0.06)


def test_a_tube_is_told_by_its_radius(shape_of):
    shape = shape_of([lambda p: np.hypot(p[..., 0], p[..., 1]) < 2.0], spacing=(0.5, 0.5, 0.5), turned=((1, 1, 0), 25))
    assert _measured(shape, window_mm=2.0) == pytest.approx(2.0, rel=0.12)


def test_far_from_any_gap_there_is_no_width(shape_of):
    shape = shape_of([lambda p: np.abs(p[..., 2]) < 1.0])
    width = gap_width_mm(shape.anatomy.gaps[0].mask.voxels, shape.anatomy.grid.spacing_mm, window_mm=1.0)
    assert width[0, 0, 0] == 0.0 and width.max() > 0.0
