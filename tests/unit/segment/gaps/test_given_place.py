"""A mask is brought onto a CT, and refused where it cannot belong to it."""

import numpy as np
import pytest

from planner.config.given_gap_config import GivenGapConfig
from planner.errors import LabelError
from planner.geometry.grid import Grid
from planner.model.labels import LabelMap
from planner.model.volume import Mask, Volume
from planner.segment.gaps.given_place import (
    block_round,
    on_grid,
    on_same_voxels,
    painted,
    require_on_ct,
    require_place,
)

SHAPE = (60, 50, 56)
RULES = GivenGapConfig()


def grid_of(shift=(0.0, 0.0, 0.0), edge=1.0, shape=SHAPE, frame=None):
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * edge
    matrix[:3, 3] = np.array((-27.0, -25.0, 100.0)) + shift
    return Grid(shape, matrix, frame)


GRID = grid_of()


def tube(grid, inner, outer, centre=(-12.0, 2.0), low=112.0, high=132.0):
    """Voxels between two radii about an axis along z, which lies to one side of the scan."""
    points = np.asarray(grid.to_lps(np.moveaxis(np.indices(grid.shape), 0, -1)))
    away = np.linalg.norm(points[..., :2] - centre, axis=-1)
    return (away >= inner) & (away < outer) & (points[..., 2] > low) & (points[..., 2] < high)


def labels(voxels, grid=GRID):
    return LabelMap(grid, voxels.astype(np.uint16), ())


@pytest.fixture(scope="module")
def volume():
    hu = np.full(SHAPE, 40, np.int16)
    hu[:, :6] = -1000
    return Volume(GRID, hu)


@pytest.fixture(scope="module")
def scene():
    metal, gap = Mask(GRID, tube(GRID, 0, 3)), Mask(GRID, tube(GRID, 3, 5))
    return {"bone": Mask(GRID, tube(GRID, 0, 13, low=105, high=150)), "metal": metal, "gaps": [gap]}


def test_a_mask_in_the_scan_is_taken(volume):
    require_on_ct(labels(tube(GRID, 3, 5)), volume, "x.nii.gz", RULES)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: labels(tube(GRID, 3, 5), grid_of((300.0, 0.0, 0.0))), "lies beside the CT: only 0%"),
        (lambda: labels(np.indices(SHAPE)[1] < 4), "lie in gas or outside of the patient"),
        (lambda: labels(np.ones((20, 20, 20)), grid_of(edge=4.0, shape=(20, 20, 20))), "too coarse"),
        (lambda: labels(np.ones((80, 80, 80))[:75], grid_of(shape=(75, 80, 80))), "480 mL as gaps, more than 300"),
    ],
)
def test_a_mask_that_cannot_be_one_of_gaps_is_refused(volume, made, why):
    with pytest.raises(LabelError, match=why) as told:
        require_on_ct(made(), volume, "x.nii.gz", RULES)
    assert str(told.value).startswith("x.nii.gz")


def test_another_frame_of_reference_is_refused_and_none_is_not():
    volume = Volume(grid_of(frame="1.2.3"), np.zeros(SHAPE, np.int16))
    require_on_ct(labels(tube(GRID, 3, 5)), volume, "x", RULES)
    with pytest.raises(LabelError, match="another DICOM frame of reference"):
        require_on_ct(labels(tube(GRID, 3, 5), grid_of(frame="1.2.4")), volume, "x", RULES)


def test_a_mask_that_lies_on_the_gaps_is_taken_and_so_is_one_near_metal(scene):
    require_place(labels(tube(GRID, 3, 5)), "x", config=RULES, **scene)
    require_place(labels(tube(GRID, 3, 6, low=122)), "x", config=RULES, **scene)
    require_place(labels(tube(GRID, 3, 6, low=134, high=141)), "x", config=RULES, **scene)
    require_place(labels(np.zeros(SHAPE)), "x", config=RULES, **scene)


@pytest.mark.parametrize(("axis", "words"), [(2, "mirrored from left to right"), (0, "mirrored from top to bottom")])
def test_a_mirrored_mask_is_refused(scene, axis, words):
    with pytest.raises(LabelError, match=words):
        require_place(labels(np.flip(tube(GRID, 3, 5), axis)), "x", config=RULES, **scene)


def test_a_mask_off_all_metal_is_refused_without_measured_gaps_too(scene):
    far = labels(np.flip(tube(GRID, 3, 5), 2))
    require_place(labels(tube(GRID, 3, 5)), "x", config=RULES, **{**scene, "gaps": []})
    with pytest.raises(LabelError, match="mirrored from left to right"):
        require_place(far, "x", config=RULES, **{**scene, "gaps": []})


def test_a_moved_mask_is_refused_and_told_by_how_much(scene):
    with pytest.raises(LabelError, match="moved by 6 mm to the right it would fit"):
        require_place(labels(tube(GRID, 3, 5), grid_of((6.0, 0.0, 0.0))), "x", config=RULES, **scene)


def test_labels_of_another_grid_keep_place_and_size():
    fine = grid_of((0.2, 0.1, 0.3), edge=0.6, shape=(99, 82, 92))
    given = LabelMap(fine, np.where(tube(fine, 3, 6), 7, 0).astype(np.uint16), ())
    assert not on_same_voxels(fine, GRID)
    codes = on_grid(given, GRID)
    assert set(np.unique(codes)) == {0, 7}
    truth = tube(GRID, 3, 6)
    assert 2 * (truth & (codes == 7)).sum() / (truth.sum() + (codes == 7).sum()) > 0.9
    assert (codes == 7).sum() == pytest.approx(truth.sum(), rel=0.08)


def test_labels_stored_another_way_round_are_the_same_voxels():
    turned = np.eye(4)
    turned[:3, :3] = np.diag([-1.0, 1.0, 1.0])
    turned[:3, 3] = GRID.to_lps((0, 0, SHAPE[2] - 1))
    own = Grid((SHAPE[2], SHAPE[1], SHAPE[0]), turned)
    voxels = tube(GRID, 3, 5)
    given = LabelMap(own, voxels.transpose(2, 1, 0)[::-1].astype(np.uint16), ())
    assert on_same_voxels(own, GRID)
    assert np.array_equal(on_grid(given, GRID) > 0, voxels)


def test_a_block_holds_all_masks_and_no_more_than_its_margin():
    start, stop = block_round(GRID, [Mask(GRID, tube(GRID, 3, 5)), Mask(GRID, np.zeros(SHAPE, bool))], margin=2)
    filled = np.argwhere(tube(GRID, 3, 5))
    # half a voxel beyond each end is held too, and rounded outwards
    assert np.all(np.array(start) <= filled.min(0) - 2) and np.all(np.array(start) >= filled.min(0) - 4)
    assert np.all(np.array(stop) >= filled.max(0) + 3) and np.all(np.array(stop) <= filled.max(0) + 5)


def test_painted_gaps_keep_the_label_maps_precedence():
    first, second, implant = tube(GRID, 2, 5), tube(GRID, 4, 7), tube(GRID, 0, 3)
    owner, solid = painted([Mask(GRID, first), Mask(GRID, second)], [Mask(GRID, implant)], GRID)
    assert np.array_equal(solid, implant)
    assert np.array_equal(owner == 2, second)
    assert np.array_equal(owner == 1, first & ~second & ~implant)
