"""From coarse blocks to fine: the same answer as asking every subsample."""

import numpy as np
import pytest

from planner.errors import CancelledError
from planner.geometry.frames import PointsLps
from planner.geometry.grid import Grid
from planner.geometry.rigid import rotation_about
from planner.phantoms.scanner.octree import Contents, material_maps
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball, Cylinder, HalfSpace, Intersection, Union
from planner.phantoms.tissues import BLOOD, CANCELLOUS, MUSCLE, TITANIUM, Tissue
from planner.progress import Progress

SCENE = Scene(
    (
        Part("body", Ball((1.0, 0.0, 0.0), 13.0), MUSCLE),
        Part("half", Intersection((Ball((0, 0, 0), 9.0), HalfSpace((0, 0, 1), (0.2, 0.1, 1.0)))), CANCELLOUS),
        Part("pair", Union((Ball((4, 1, 0), 4.0), Ball((7, 1, 1), 2.5))), BLOOD),
        Part("screw", Cylinder((-9, 0, -1), (11, 2, 1), 0.7), TITANIUM),
    ),
    Tissue("bath", 5.0),
    texture_seed=3,
)


def _grid(turn: np.ndarray, shape: tuple[int, int, int], spacing_mm: tuple[float, float, float]) -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.eye(3)[:, ::-1] * np.array(spacing_mm)
    matrix[:3, 3] = -matrix[:3, :3] @ ((np.array(shape) - 1) / 2) + 0.13
    return Grid(shape, matrix)


GRIDS = [
    pytest.param(_grid(np.eye(3), (21, 34, 37), (1.3, 0.9, 0.9)), id="upright"),
    pytest.param(_grid(rotation_about((1, 2, 0.5), 33.0), (33, 19, 40), (0.9, 1.4, 0.8)), id="oblique"),
]


def _by_brute_force(grid: Grid, amounts: np.ndarray, subsamples: int) -> np.ndarray:
    centres = grid.to_lps(np.indices(grid.shape).reshape(3, -1).T)
    total = np.zeros((amounts.shape[1], len(centres)))
    steps = (np.indices((subsamples,) * 3).reshape(3, -1).T + 0.5) / subsamples - 0.5
    offsets = steps @ grid.lps_from_index[:3, :3].T
    for offset in offsets:
        total += amounts[SCENE.part_index_at(PointsLps(centres + offset))].T
    return (total / len(offsets)).reshape(-1, *grid.shape)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("halvings", [0, 1, 2])
def test_all_subsamples_are_counted(grid: Grid, halvings: int) -> None:
    amounts = np.array([[1.0, 0.0], [0.3, 0.7], [0.9, 0.2], [0.0, 5.0], [0.5, 0.5]])
    found = material_maps(SCENE, grid, Contents(amounts, np.zeros_like(amounts)), halvings=halvings)
    assert found == pytest.approx(_by_brute_force(grid, amounts, 2**halvings), abs=1e-5)


@pytest.mark.parametrize(
    ("axis", "staggered", "worst_mm"), [(0, False, 0.3126), (0, True, 0.0782), (1, True, 0.3126), (2, True, 0.3126)]
)
def test_a_flat_face_across_the_slices_is_placed_to_a_sixteenth_by_staggered_samples(
    axis: int, staggered: bool, worst_mm: float
) -> None:
    grid = _grid(np.eye(3), (9, 9, 9), (1.25, 1.25, 1.25))
    across = np.eye(3)[2 - axis]  # of grid axis 0, 1, 2: LPS z, y, x
    errors = []
    for phase in np.arange(24) / 24.0 * 1.25:
        half = Scene((Part("slab", Intersection((Ball((0, 0, 0), 40.0), HalfSpace(across * phase, across))), MUSCLE),))
        contents = Contents(np.array([[1.0], [0.0]]), np.zeros((2, 1)))
        maps = material_maps(half, grid, contents, halvings=1, staggered=staggered)
        filled_mm = np.moveaxis(maps[0], axis, 0)[:, 4, 4].sum() * 1.25
        low_mm = grid.to_lps([0.0, 0.0, 0.0])[2 - axis] - 0.625
        errors.append(filled_mm - (phase - low_mm))
    assert np.abs(errors).max() <= worst_mm
    assert np.abs(errors).max() > 0.6 * worst_mm  # as far off as the samples' heights say, and no better


@pytest.mark.parametrize("grid", GRIDS)
def test_texture_is_that_of_the_place(grid: Grid) -> None:
    hu = np.array([*(p.tissue.hu for p in SCENE.parts), SCENE.background.hu])[:, None]
    found = material_maps(SCENE, grid, Contents(hu, np.ones_like(hu)), halvings=0)[0]
    true = SCENE.hu_at(grid.to_lps(np.indices(grid.shape).reshape(3, -1).T)).reshape(grid.shape)
    assert np.abs(found - true).max() < 0.05
    assert np.abs(true - np.rint(true)).max() > 0.1


def test_texture_goes_into_the_materials_that_carry_it() -> None:
    grid = _grid(np.eye(3), (8, 8, 8), (1.0, 1.0, 1.0))
    scene = Scene((Part("bone", Ball((0, 0, 0), 30.0), CANCELLOUS),), texture_seed=1)
    maps = material_maps(scene, grid, Contents(np.ones((2, 2)), np.array([[0.0, 0.01], [0.0, 0.0]])), halvings=1)
    assert np.ptp(maps[0]) == 0.0
    assert maps[1].std() > 0.1


class _Watched(Ball):
    """A ball that keeps how near to its middle it was asked."""

    def distance_mm(self, points_lps: PointsLps) -> np.ndarray:
        distance = super().distance_mm(points_lps)
        ASKED.append(float(distance.min()) + self.radius_mm)
        return distance


ASKED: list[float] = []


def test_what_lies_hidden_is_not_asked() -> None:
    grid = _grid(np.eye(3), (48, 48, 48), (1.0, 1.0, 1.0))
    contents = Contents(np.array([[1.0], [2.0], [0.0]]), np.zeros((3, 1)))
    for cover_mm, hidden in ((1.0, False), (23.0, True)):
        ASKED.clear()
        parts = (
            Part("inner", _Watched((0.0, 0.0, 0.0), 18.0), MUSCLE),
            Part("cover", Ball((0.0, 0.0, 0.0), cover_mm), BLOOD),
        )
        material_maps(Scene(parts), grid, contents, halvings=0)
        assert (min(ASKED[1:]) > 7.0) is hidden


class _Follower:
    def __init__(self, *, patience: int) -> None:
        self.seen: list[Progress] = []
        self.patience = patience

    def report(self, progress: Progress) -> None:
        self.seen.append(progress)

    def cancelled(self) -> bool:
        return len(self.seen) > self.patience


def test_progress_is_told_and_work_stops_when_asked() -> None:
    grid = _grid(np.eye(3), (40, 40, 40), (0.7, 0.7, 0.7))
    contents = Contents(np.ones((5, 1)), np.zeros((5, 1)))
    calm, hasty = _Follower(patience=1000), _Follower(patience=2)
    material_maps(SCENE, grid, contents, halvings=1, monitor=calm)
    assert calm.seen[-1].done == calm.seen[-1].total
    with pytest.raises(CancelledError):
        material_maps(SCENE, grid, contents, halvings=1, monitor=hasty)
    assert len(hasty.seen) < len(calm.seen)
