from functools import cache

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.config.anatomy_config import CortexConfig
from planner.config.phantoms.scan import IdealScan
from planner.errors import CancelledError
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder
from planner.phantoms.solids.raster import rasterise
from planner.phantoms.tissues import CANCELLOUS, CORTICAL, MUSCLE, TITANIUM
from planner.progress import Progress
from planner.segment.anatomy.cortex import Cortex, measure_cortex, near_metal

RADIUS_MM = 13.0
SCREW = Cylinder((-30.0, 0.0, 0.0), (3.0, 0.0, 0.0), 2.5)
SCAN = IdealScan(seed=2, subsamples=3)
QUICK = CortexConfig(spacing_mm=2.0)


def test_a_speck_without_slope_is_no_surface():
    """A single voxel is the same on all sides: nothing says where outside is."""
    voxels = np.zeros((9, 9, 9), dtype=bool)
    voxels[4, 4, 4] = True
    speck = Mask(Grid((9, 9, 9), np.diag([1.0, 1.0, 1.0, 1.0])[:, [2, 1, 0, 3]]), voxels)
    volume = Volume(speck.grid, np.where(voxels, 900, 40).astype(np.int16))
    assert len(measure_cortex(volume, speck, config=CortexConfig()).points_lps) == 0


def grid(spacing: tuple[float, float, float], *, flipped: bool = False) -> Grid:
    count = tuple(round(44.0 / s) for s in spacing)
    matrix = np.eye(4)
    axes = np.eye(3)[:, ::-1] * (np.array([-1, 1, -1]) if flipped else 1)
    matrix[:3, :3] = axes * np.array(spacing)
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(count) - 1) / 2)
    return Grid(count, matrix)


@cache
def ball(
    thick_mm: float, *, spacing=(1.0, 0.7, 0.7), screw: bool = False, flipped: bool = False
) -> tuple[Volume, Mask, Mask]:
    """A ball of bone in muscle: CT, envelope on a grid of its own, metal."""
    parts = [
        Part("cortex", Ball((0.0, 0.0, 0.0), RADIUS_MM), CORTICAL),
        Part("marrow", Ball((0.0, 0.0, 0.0), RADIUS_MM - thick_mm), CANCELLOUS),
    ]
    if screw:
        parts.append(Part("screw", SCREW, TITANIUM))
    own = grid(spacing, flipped=flipped)
    upright = grid((0.8, 0.8, 0.8))
    metal = rasterise(SCREW, own) if screw else np.zeros(own.shape, dtype=bool)
    bone = Mask(upright, rasterise(Ball((0.0, 0.0, 0.0), RADIUS_MM), upright))
    return ideal_scan(Scene(tuple(parts), MUSCLE), own, SCAN), bone, Mask(own, metal)


def known(cortex: Cortex) -> np.ndarray:
    return np.asarray(np.isfinite(cortex.thickness_mm))


@pytest.mark.parametrize("thick_mm", [0.8, 1.2, 2.5])
@pytest.mark.parametrize("spacing", [(1.0, 0.7, 0.7), (2.0, 0.7, 0.7)], ids=["1 mm", "2 mm"])
def test_thickness_is_found_all_round(thick_mm, spacing):
    volume, bone, _ = ball(thick_mm, spacing=spacing)
    cortex = measure_cortex(volume, bone, config=QUICK)
    assert known(cortex).mean() > 0.8
    assert abs(np.median(cortex.thickness_mm[known(cortex)]) - thick_mm) < 0.3
    radii = np.linalg.norm(cortex.points_lps[known(cortex)], axis=1)
    assert np.median(np.abs(radii - RADIUS_MM)) < 0.2


def test_normals_point_out_whichever_way_the_scan_is_stored():
    found = []
    for flipped in (False, True):
        volume, bone, _ = ball(1.2, flipped=flipped)
        cortex = measure_cortex(volume, bone, config=QUICK)
        out = cortex.points_lps / np.linalg.norm(cortex.points_lps, axis=1, keepdims=True)
        assert np.median(np.einsum("ij,ij->i", out, cortex.outward_lps)) > 0.98
        found.append(np.median(cortex.thickness_mm[known(cortex)]))
    assert abs(found[0] - found[1]) < 0.1


def test_nothing_is_measured_at_a_screw_and_the_rest_of_the_wall_is():
    volume, bone, metal = ball(1.2, screw=True)
    cortex = measure_cortex(volume, bone, metal=metal)
    x, y, z = cortex.points_lps.T
    at_screw = (x < 0) & (np.hypot(y, z) < 2.0)
    assert at_screw.any()
    assert not known(cortex)[at_screw].any()
    assert known(cortex)[np.hypot(y, z) > 8.0].mean() > 0.8


def test_a_soft_lump_has_no_cortex():
    volume, bone, _ = ball(1.2)
    soft = Volume(volume.grid, np.random.default_rng(1).normal(55, 15, volume.grid.shape).astype(np.float32))
    cortex = measure_cortex(soft, bone, config=QUICK)
    assert known(cortex).mean() < 0.02


def test_an_empty_envelope_gives_no_places():
    volume, bone, _ = ball(1.2)
    cortex = measure_cortex(volume, Mask(bone.grid, np.zeros(bone.grid.shape, dtype=bool)))
    assert len(cortex.points_lps) == 0
    assert cortex.blur_mm is None


def test_the_cut_of_a_bone_is_no_surface():
    volume, bone, _ = ball(1.2)
    half = bone.voxels[: bone.grid.shape[0] // 2]
    lower = Mask(bone.grid.crop((0, 0, 0), half.shape), half)
    cortex = measure_cortex(volume, lower, config=QUICK)
    assert not (np.linalg.norm(cortex.points_lps, axis=1) < 0.7 * RADIUS_MM).any()


def test_a_strict_limit_leaves_nothing_measured():
    volume, bone, _ = ball(1.2)
    assert not known(measure_cortex(volume, bone, config=CortexConfig(spacing_mm=2.0, most_left=1e-6))).any()


def test_it_stops_when_told():
    class Stop:
        def report(self, progress: Progress) -> None: ...

        def cancelled(self) -> bool:
            return True

    volume, bone, _ = ball(1.2)
    with pytest.raises(CancelledError):
        measure_cortex(volume, bone, monitor=Stop())


def slow_surface(bone: Mask) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Border voxels, the slope of the smoothed mask and its value there, from whole arrays with scipy and numpy."""
    edge = np.array(bone.grid.spacing_mm)
    rim = bone.voxels & ~ndi.binary_erosion(bone.voxels)
    within = np.zeros_like(rim)
    within[1:-1, 1:-1, 1:-1] = True
    index = np.argwhere(rim & within)
    soft = ndi.gaussian_filter(bone.voxels.astype(np.float32), 1.2 / edge, truncate=3.0)
    slope = np.stack([d[tuple(index.T)] for d in np.gradient(soft, *edge)], axis=-1)
    return index, slope, soft[tuple(index.T)]


@pytest.mark.parametrize("at", [(slice(3, 9), slice(4, 12), slice(5, 9)), (slice(0, 9), slice(0, 30), slice(20, 26))])
@pytest.mark.parametrize("edge", [(0.8, 0.8, 0.8), (1.0, 0.7, 0.6)])
def test_the_surface_lies_where_the_smoothed_mask_is_a_half_also_where_the_picture_cuts_it(at, edge):
    own = Grid((20, 30, 26), np.diag([*edge, 1.0])[:, [2, 1, 0, 3]])
    voxels = np.zeros(own.shape, dtype=bool)
    voxels[at] = np.random.default_rng(3).random(voxels[at].shape) < 0.9
    bone = Mask(own, voxels)
    hu = np.where(voxels, 900, 40).astype(np.int16)
    cortex = measure_cortex(Volume(own, hu), bone, config=CortexConfig(spacing_mm=1e-3, most_left=1e-9))
    index, slope, there = slow_surface(bone)
    steep = np.linalg.norm(slope, axis=1)
    kept = steep > 1e-3
    index, slope, there, steep = index[kept], slope[kept], there[kept], steep[kept]
    outward = -(slope / steep[:, None]) @ own.directions_lps.T
    points = own.to_lps(index) + np.clip((there - 0.5) / steep, -max(edge), max(edge))[:, None] * outward
    assert not known(cortex).any()
    np.testing.assert_allclose(cortex.outward_lps, outward, atol=1e-6)
    np.testing.assert_allclose(cortex.points_lps, points, atol=1e-5)


@pytest.mark.parametrize("flipped", [False, True])
def test_near_metal_is_where_a_map_of_distances_over_the_whole_scan_says(flipped):
    own = grid((2.0, 0.7, 0.9), flipped=flipped)
    metal = np.zeros(own.shape, dtype=bool)
    metal[3:6, 30:33, 40:44], metal[0, 0, 0] = True, True
    at = np.random.default_rng(2).uniform(-30.0, 30.0, (4000, 3))
    away = ndi.distance_transform_edt(~metal, sampling=own.spacing_mm)
    read = ndi.map_coordinates(away, own.to_index(at).T, order=1, mode="nearest")
    sure = np.abs(read - 4.0) > 1e-4
    near = near_metal(Mask(own, metal), own.to_index(at), 4.0)
    assert near.any() and np.array_equal(near[sure], (read <= 4.0)[sure])
    assert not near_metal(Mask(own, np.zeros_like(metal)), own.to_index(at), 4.0).any()
