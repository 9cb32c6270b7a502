"""Labels of what was found, and brought onto the slices that the CT's file holds."""

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.model.anatomy import Anatomy
from planner.model.bones import Bone
from planner.model.labels import LabelMap, Structure
from planner.model.scan import StoredSlices
from planner.model.volume import Mask, Volume
from planner.pipeline.labelling import codes_on_slices, label_map

SHAPE = (6, 7, 8)


@pytest.fixture
def labels() -> LabelMap:
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * (1.0, 0.8, 0.7)
    matrix[:3, 3] = (-20.0, 5.0, 90.0)
    codes = np.random.default_rng(3).integers(0, 4, SHAPE).astype(np.uint8)
    return LabelMap(Grid(SHAPE, matrix), codes, tuple(Structure(code=k, kind="gap", id=f"gap-{k}") for k in (1, 2, 3)))


def _moved_axes(labels: LabelMap, order: tuple[int, int, int], flips: tuple[int, int, int]) -> tuple[Grid, np.ndarray]:
    """The same voxels, stored with other axes."""
    codes = np.transpose(np.asarray(labels.codes), order)[tuple(slice(None, None, f) for f in flips)]
    matrix = labels.grid.lps_from_index.copy()
    steps = matrix[:3, list(order)] * flips
    corner = [0 if flips[order.index(a)] > 0 else SHAPE[a] - 1 for a in range(3)]
    matrix[:3, :3], matrix[:3, 3] = steps, labels.grid.to_lps(corner)
    return Grid(codes.shape, matrix), codes


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, -1), (1, -1, 1)])
def test_other_axes_hold_the_same_codes(
    labels: LabelMap, order: tuple[int, int, int], flips: tuple[int, int, int]
) -> None:
    grid, codes = _moved_axes(labels, order, flips)
    assert np.array_equal(codes_on_slices(labels, StoredSlices.of_grid(grid)), codes)


def test_leaning_and_uneven_slices_take_the_nearest_code(labels: LabelMap) -> None:
    turn = rotation_about((0.2, 1.0, 0.1), 14)
    starts = labels.grid.to_lps([[0.3, 0, 0], [1.4, 0.5, 1.2], [4.8, -1.0, 2.0]])
    slices = StoredSlices(starts, turn @ (0, 0.5, 0), turn @ (0.9, 0, 0), 9, 6)
    found = codes_on_slices(labels, slices)
    for k, r, c in np.ndindex(*slices.shape):
        place = slices.positions_lps[k] + r * slices.row_step_lps + c * slices.column_step_lps
        index = np.rint(labels.grid.to_index(place)).astype(int)
        inside = np.all(index >= 0) and np.all(index < SHAPE)
        assert found[k, r, c] == (labels.codes[tuple(index)] if inside else 0)


def test_slices_elsewhere_have_no_code(labels: LabelMap) -> None:
    slices = StoredSlices.of_grid(labels.grid)
    away = StoredSlices(slices.positions_lps + 100.0, slices.row_step_lps, slices.column_step_lps, 7, 8)
    assert not codes_on_slices(labels, away).any()


def _mask(grid: Grid, *slices: slice) -> Mask:
    voxels = np.zeros(grid.shape, dtype=bool)
    voxels[slices] = True
    return Mask(grid, voxels)


def test_what_a_cup_holds_is_no_bone_though_the_envelope_closes_over_it() -> None:
    grid = Grid((12, 12, 12), np.eye(4)[[2, 1, 0, 3]])
    pelvis = _mask(grid, slice(2, 8))
    shell = _mask(grid, slice(5, 6), slice(3, 9), slice(3, 9))
    cups = _mask(grid, slice(5, 8), slice(3, 9), slice(3, 9))
    loose = _mask(grid, slice(7, 10), slice(4, 6), slice(4, 6))
    # the generous bed of the gaps, which is no label
    bed = _mask(grid, slice(0, 12))
    anatomy = Anatomy(
        ct=Volume(grid, np.zeros(grid.shape, np.float32)), metal=shell, bone=bed, gaps=(), implants=(),
        bones=(Bone("pelvis-left", "pelvis", pelvis, side="left"),),
    )  # fmt: skip
    made = label_map(
        grid, implants=[("cup-left", shell)], gaps=[], breaches=(), anatomy=anatomy, loose=loose, cups=cups
    )
    codes = {s.id: s.code for s in made.structures}
    assert list(codes) == ["cup-left", "pelvis-left", "bone"]
    assert (made.codes[cups.voxels & ~shell.voxels] == 0).all()
    assert (made.codes[shell.voxels] == codes["cup-left"]).all()
    assert (made.codes[pelvis.voxels & ~cups.voxels] == codes["pelvis-left"]).all()
    assert np.array_equal(made.codes == codes["bone"], loose.voxels & ~cups.voxels & ~pelvis.voxels)
