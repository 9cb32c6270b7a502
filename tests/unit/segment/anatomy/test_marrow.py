import numpy as np
import pytest

from planner.config.anatomy_config import MarrowConfig
from planner.errors import GeometryError
from planner.geometry.frames import PointsLps
from planner.geometry.grid import Grid
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.cortex import Cortex
from planner.segment.anatomy.marrow import marrow_within, trabecular_of

SHAPE = (40, 50, 50)
AT = np.moveaxis(np.indices(SHAPE) - np.array([20, 25, 25]).reshape(3, 1, 1, 1), 0, -1).astype(float)
MATRIX = np.eye(4)
MATRIX[:3, :3] = np.eye(3)[:, ::-1]
GRID = Grid(SHAPE, MATRIX)
BALL = np.linalg.norm(AT, axis=-1) < 16.0
NONE = Mask(GRID, np.zeros(SHAPE, dtype=bool))
SCREW = Mask(GRID, np.hypot(AT[..., 0], AT[..., 2]) < 2.0)


def ct(marrow_hu: float = 120.0, *, noise_hu: float = 20.0, drift_hu: float = 0.0) -> Volume:
    """Marrow in a dense cortex; `drift_hu` is what metal along the rows takes from 20 mm off to it."""
    hu = np.where(np.linalg.norm(AT, axis=-1) < 14.5, marrow_hu, 900.0)
    away = np.hypot(AT[..., 0], AT[..., 2])
    hu = hu - drift_hu * np.clip(1 - away / 20.0, 0, 1)
    return Volume(GRID, (hu + np.random.default_rng(4).normal(0, noise_hu, SHAPE)).astype(np.float32))


def test_mean_and_spread_are_the_marrows_not_the_cortex():
    read = trabecular_of(ct(), Mask(GRID, BALL), metal=NONE)
    assert read is not None
    assert read.mean_hu == pytest.approx(120.0, abs=2.0)
    assert read.spread_hu == pytest.approx(20.0, abs=2.0)
    assert read.volume_ml == pytest.approx(4 / 3 * np.pi * 12**3 / 1000, rel=0.1)


def test_away_from_metal_it_is_still_read():
    read = trabecular_of(ct(), Mask(GRID, BALL), metal=SCREW)
    assert read is not None
    assert read.mean_hu == pytest.approx(120.0, abs=2.0)


@pytest.mark.parametrize(
    ("volume", "config"),
    [
        (ct(400.0, drift_hu=900.0), MarrowConfig()),
        (ct(marrow_hu=-200.0), MarrowConfig()),
        (ct(noise_hu=200.0), MarrowConfig()),
        (ct(), MarrowConfig(from_metal_mm=14.0)),
    ],
    ids=["darker towards metal", "darker than fat", "noisy", "metal everywhere"],
)
def test_where_artefacts_spoil_it_nothing_is_told(volume, config):
    assert trabecular_of(volume, Mask(GRID, BALL), metal=SCREW, config=config) is None


def test_what_is_unreadable_is_left_out():
    half = Mask(GRID, AT[..., 1] > 0)
    whole, part = (trabecular_of(ct(), Mask(GRID, BALL), metal=NONE, unreadable=m) for m in (None, half))
    assert whole is not None and part is not None
    assert part.volume_ml < 0.6 * whole.volume_ml
    assert trabecular_of(ct(), Mask(GRID, BALL), metal=NONE, unreadable=Mask(GRID, BALL)) is None


def test_masks_on_another_grid_are_refused():
    other = Grid((2, 2, 2), MATRIX)
    with pytest.raises(GeometryError):
        trabecular_of(ct(), Mask(GRID, BALL), metal=Mask(other, np.zeros((2, 2, 2), dtype=bool)))


def cortex(thick_mm: float) -> Cortex:
    way = np.random.default_rng(1).normal(size=(2000, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    middle = GRID.to_lps([20, 25, 25])
    count = len(way)
    return Cortex(PointsLps(middle + 16.0 * way), way, np.full(count, thick_mm), np.full(count, 900.0), 0.5, 0.25)


def test_marrow_begins_where_the_cortex_ends():
    away = np.linalg.norm(AT, axis=-1)
    marrow = marrow_within(Mask(GRID, BALL), cortex(3.0), metal=SCREW).voxels
    assert marrow[(away < 12.0) & ~SCREW.voxels].all()
    assert not marrow[away > 14.0].any()
    assert not (marrow & SCREW.voxels).any()


def test_without_a_measured_cortex_there_is_no_marrow():
    assert not marrow_within(Mask(GRID, BALL), cortex(np.nan)).voxels.any()
