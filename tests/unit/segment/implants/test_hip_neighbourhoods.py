"""What lies near a hip's metal, against slow plain references."""

import numpy as np
import pytest
from scipy import ndimage

from planner.config.hip_config import HipImplantConfig
from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.segment.implants.ceiling import clipping_level_hu
from planner.segment.implants.hip_edges import _LEAST_PILE, Scanned
from planner.segment.implants.hip_sites import _joined
from planner.segment.implants.hip_telling import _within

SHAPE = (14, 17, 19)


def _masks():
    rng = np.random.default_rng(5)
    one, border = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    one[7, 8, 9] = True
    border[0, 3], border[-1, -1, -1] = True, True
    return {"one": one, "border": border, "many": rng.random(SHAPE) < 0.02, "full": np.ones(SHAPE, dtype=bool)}


@pytest.mark.parametrize("name", _masks())
@pytest.mark.parametrize(("edge_mm", "reach_mm"), [(1.0, 3.0), (0.6, 3.0), (0.7, 2.1), (1.0, 0.5), (0.4, 5.0)])
def test_points_within_a_reach_are_those_of_a_map_of_distances(name, edge_mm, reach_mm) -> None:
    mask = _masks()[name]
    grid = Grid(SHAPE, np.diag([edge_mm, edge_mm, edge_mm, 1.0]) @ np.eye(4)[[2, 1, 0, 3]])
    wide = 16
    near = ndimage.distance_transform_edt(~np.pad(mask, wide)) * edge_mm <= reach_mm
    cells = np.argwhere(np.ones_like(near)) - wide
    found = _within(np.asarray(grid.to_lps(cells)), mask, grid, reach_mm)
    assert np.array_equal(found.reshape(near.shape), near)


@pytest.mark.parametrize("name", ["nothing", *_masks()])
def test_metal_grown_in_its_box_is_metal_grown_in_the_whole(name) -> None:
    mask = _masks().get(name, np.zeros(SHAPE, dtype=bool))
    assert np.array_equal(_joined(mask), ndimage.binary_dilation(mask, iterations=3))


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("clipped", [False, True])
def test_the_clipping_level_is_that_of_all_bright_voxels(dtype, clipped) -> None:
    hu = (np.random.default_rng(2).normal(size=(20, 40, 40)) * 1500.0).astype(dtype)
    if clipped:
        hu = np.minimum(hu, dtype(3071))
        hu[3:9, 5:20, 5:20] = 3071
    config = HipImplantConfig()
    volume = Volume(Grid(hu.shape, np.eye(4)), hu)
    assert Scanned.of(volume, config).limit_hu == clipping_level_hu(hu[hu > config.metal_hu], least_pile=_LEAST_PILE)
    assert (Scanned.of(volume, config).limit_hu is not None) == clipped


def test_a_scan_without_metal_has_no_clipping_level() -> None:
    volume = Volume(Grid((3, 4, 5), np.eye(4)), np.zeros((3, 4, 5), dtype=np.int16))
    assert Scanned.of(volume, HipImplantConfig()).limit_hu is None
