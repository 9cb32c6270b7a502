"""Partial volumes, blur and noise, and the same scene in any storage."""

import math

import numpy as np
import pytest

from planner.config.phantoms.scan import IdealScan
from planner.errors import CancelledError
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.phantoms.ideal_scan import ideal_scan, voxel_means
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, Union
from planner.phantoms.solids.raster import grid_over
from planner.phantoms.tissues import CANCELLOUS, CORTICAL, FAT, FIBROUS, TITANIUM
from planner.progress import Progress

_SCENE = Scene(
    (
        Part("bone", Ball((0, 0, 0), 12.0), CORTICAL),
        Part("marrow", Ball((0, 0, 0), 10.0), CANCELLOUS),
        Part("halo", Union((Ball((3, 1, 0), 4.0), Ball((6, 1, 1), 2.0))), FIBROUS),
        Part("screw", Cylinder((-2, 0, 0), (15, 2, 1), 1.5), TITANIUM),
    ),
    FAT,
    texture_seed=4,
)
_QUIET = IdealScan(noise_sd_hu=0.0)


def _grid(axes: np.ndarray, spacing_mm: tuple[float, float, float], shape: tuple[int, int, int]) -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = axes * np.array(spacing_mm)
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, matrix)


_PLAIN = _grid(np.eye(3)[:, ::-1], (0.8, 0.7, 0.7), (44, 50, 50))


def test_a_voxel_is_the_mean_of_what_it_holds() -> None:
    solid = Ball((0.2, 0.1, -0.3), 5.0)
    scene = Scene((Part("ball", solid, FIBROUS),))
    grid = grid_over(solid.bounds_lps, 1.3, margin_mm=2.0)
    share = (voxel_means(scene, grid, subsamples=8).astype(float) + 1000.0) / (FIBROUS.hu + 1000.0)
    assert share.sum() * grid.voxel_volume_mm3 == pytest.approx(4 / 3 * math.pi * 125.0, rel=3e-3)
    assert share.min() == 0.0
    assert share.max() == pytest.approx(1.0)


def test_whole_voxels_carry_the_value_at_their_centre() -> None:
    hu = voxel_means(_SCENE, _PLAIN)
    for place in ((0, 0, -6), (-17, 0, 0), (9, 1.3, 0.65)):
        index = np.rint(_PLAIN.to_index(place)).astype(int)
        assert hu[tuple(index)] == pytest.approx(_SCENE.hu_at(_PLAIN.to_lps(index)[None])[0], abs=0.01)


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 1, 0)])
@pytest.mark.parametrize("flip", [(), (0,), (1, 2)])
def test_permuted_and_flipped_storage_hold_the_same_voxels(order: tuple[int, ...], flip: tuple[int, ...]) -> None:
    matrix = _PLAIN.lps_from_index.copy()
    for axis in flip:
        matrix[:3, 3] += matrix[:3, axis] * (_PLAIN.shape[axis] - 1)
        matrix[:3, axis] *= -1.0
    shape = tuple(_PLAIN.shape[a] for a in order)
    stored = Grid(shape, np.column_stack([matrix[:, :3][:, order], matrix[:, 3]]))
    there = ideal_scan(_SCENE, stored, _QUIET).hu
    here = np.flip(ideal_scan(_SCENE, _PLAIN, _QUIET).hu, flip).transpose(order)
    assert np.abs(there.astype(int) - here).max() <= 2


@pytest.mark.parametrize(
    "grid",
    [
        pytest.param(_grid(rotation_about((1, 2, 0.5), 27.0)[:, ::-1], (0.7, 0.7, 0.7), (52, 52, 52)), id="oblique"),
        pytest.param(_grid(np.eye(3)[:, ::-1], (1.6, 0.5, 0.9), (24, 72, 44)), id="anisotropic"),
    ],
)
def test_other_grids_hold_the_same_hu_at_the_same_place(grid: Grid) -> None:
    # Well within one tissue; the screw runs through the middle of +x.
    places = [(0, 0, -7), (-7, 0, 0), (0, 7, 0), (-17, 0, 0), (5, 0.8, 0.4)]
    for place in places:
        values = []
        for g in (grid, _PLAIN):
            hu = ideal_scan(_SCENE, g, _QUIET).hu
            values.append(float(hu[tuple(np.rint(g.to_index(place)).astype(int))]))
        assert values[0] == pytest.approx(values[1], abs=max(60.0, 0.05 * abs(values[1])))


def test_noise_is_seeded_and_of_the_size_asked_for() -> None:
    settings = IdealScan(noise_sd_hu=17.0, seed=5)
    quiet, noisy = (ideal_scan(_SCENE, _PLAIN, s).hu.astype(int) for s in (_QUIET, settings))
    assert (noisy - quiet).std() == pytest.approx(17.0, rel=0.03)
    assert np.array_equal(noisy, ideal_scan(_SCENE, _PLAIN, settings).hu)
    assert not np.array_equal(noisy, ideal_scan(_SCENE, _PLAIN, IdealScan(noise_sd_hu=17.0, seed=6)).hu)


def test_clipping_holds_metal_at_the_ceiling() -> None:
    assert ideal_scan(_SCENE, _PLAIN, IdealScan(hu_clipped_at=3071.0)).hu.max() == 3071
    assert ideal_scan(_SCENE, _PLAIN, IdealScan()).hu.max() > 6000


def test_the_work_stops_when_asked() -> None:
    class Stop:
        def report(self, progress: Progress) -> None:
            pass

        def cancelled(self) -> bool:
            return True

    with pytest.raises(CancelledError):
        voxel_means(_SCENE, _PLAIN, monitor=Stop())


@pytest.mark.parametrize(("asked", "taken"), [(1, 1), (2, 2), (3, 4), (4, 4)])
def test_subsamples_are_raised_to_a_power_of_two(asked: int, taken: int) -> None:
    grid = grid_over(Ball((0, 0, 0), 5.0).bounds_lps, 1.3, margin_mm=2.0)
    ball = Scene((Part("ball", Ball((0.2, 0.1, -0.3), 5.0), FIBROUS),))
    share = (voxel_means(ball, grid, subsamples=asked) + 1000.0) / (FIBROUS.hu + 1000.0) * taken**3
    assert np.abs(share - np.rint(share)).max() < 1e-2
    assert np.abs(share / 2.0 - np.rint(share / 2.0)).max() > 0.1
