"""How well a drop is seen: against closed forms, and against what hides it."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.config.visibility_config import HidingConfig
from planner.config.watch_config import WatchConfig
from planner.fluoro.beam import make_beam
from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy
from planner.model.volume import Mask, Volume
from planner.safety.watch_picture import FilledCase, drop_sight

MATRIX = np.array([[0, 0, 2.0, -60], [0, 2.0, 0, -60], [2.0, 0, 0, -60], [0, 0, 0, 1]])
GRID = Grid((61, 61, 61), MATRIX)
X, Y, Z = np.moveaxis(np.asarray(GRID.to_lps(np.moveaxis(np.indices(GRID.shape), 0, -1))), -1, 0)
FINE = Grid((41, 41, 41), np.array([[0, 0, 0.4, -8], [0, 0.4, 0, -8], [0.4, 0, 0, -8], [0, 0, 0, 1]]))
RADIUS = (3 * 200.0 / (4 * np.pi)) ** (1 / 3)
FRONTAL = (0.0, 0.0)


def drop(offset=(0.0, 0.0, 0.0), radius=RADIUS):
    away = np.linalg.norm(np.asarray(FINE.to_lps(np.moveaxis(np.indices(FINE.shape), 0, -1))), axis=-1)
    matrix = FINE.lps_from_index.copy()
    matrix[:3, 3] += offset
    return Mask(Grid(FINE.shape, matrix), away <= radius)


def case(*, hu=None, metal=None, gap=None):
    """A block of water, 80 mm from front to back, in air."""
    water = (np.abs(Y) <= 40) & (np.abs(X) <= 50) & (np.abs(Z) <= 50)
    values = np.where(water, 0, -1000).astype(np.int16) if hu is None else hu.astype(np.int16)
    nothing = np.zeros(GRID.shape, bool)
    anatomy = Anatomy(
        ct=Volume(GRID, values),
        metal=Mask(GRID, nothing if metal is None else metal),
        bone=Mask(GRID, nothing),
        gaps=(),
        implants=(),
    )
    return FilledCase(anatomy, Mask(GRID, nothing if gap is None else gap), FluoroConfig())


def sight(made, mask=None, angles=FRONTAL, noise=None, **settings):
    return drop_sight(
        made, drop() if mask is None else mask, (0.0, 0.0, 0.0), angles,
        config=WatchConfig(**settings), noise=noise or HidingConfig(),
    )  # fmt: skip


def cement_contrast(length_mm, water_mm):
    beam = make_beam(FluoroConfig())
    plain = beam.signal_share * np.exp(-beam.per_mm["water"] * water_mm)
    more = beam.per_mm["cement"] - beam.per_mm["water"]
    return float(1 - np.sum(plain * np.exp(-more * length_mm)) / plain.sum())


def test_the_contrast_in_water_is_the_closed_form():
    # Over the shadow where the chord is half the diameter or more the mean chord is 7/9 of the diameter.
    at_mean = cement_contrast(2 * RADIUS * 7 / 9, 80.0)
    seen = sight(case())
    assert seen.contrast == pytest.approx(at_mean, abs=0.02)
    assert (seen.clear_share, seen.scanned_share) == (1.0, 1.0)


def test_a_smaller_drop_has_less_contrast_and_stands_out_less():
    large, small = sight(case()), sight(case(), drop(radius=1.5))
    assert small.contrast < 0.6 * large.contrast
    assert small.cnr < 0.3 * large.cnr


def test_the_noise_is_that_of_the_quanta():
    once, four = (sight(case(), noise=HidingConfig(quanta_per_mm2=q)).cnr for q in (400.0, 1600.0))
    assert four == pytest.approx(2 * once)
    clean = sight(case(), noise=HidingConfig(scatter_to_primary=0.0)).cnr
    # Without scatter: lost light over the root of the light, in quanta: closed form for an even shadow.
    contrast = sight(case()).contrast
    area = np.pi * (RADIUS * np.sqrt(0.75) * 1020 / 530) ** 2
    assert clean == pytest.approx(contrast * np.sqrt(400.0 * 3.5 * area), rel=0.12)


def test_even_surroundings_hide_nothing_and_uneven_ones_do():
    stripes = np.where(np.abs(Y) <= 40, np.where((np.round(X / 4) % 2) == 0, 600, 0), -1000)
    even, uneven = sight(case()), sight(case(hu=stripes))
    assert uneven.conspicuity < 3.0 < even.conspicuity


@pytest.mark.parametrize("what", ["metal", "gap"])
@pytest.mark.parametrize("side", [-20.0, 20.0])
def test_what_lies_before_or_behind_the_drop_hides_it(what, side):
    plate = (np.abs(Y - side) < 2.5) & (X < -1.0) & (np.abs(Z) < 30)
    half = sight(case(**{what: plate}))
    assert half.clear_share == pytest.approx(0.5, abs=0.15)
    whole = (np.abs(Y - side) < 2.5) & (np.abs(X) < 40) & (np.abs(Z) < 40)
    assert sight(case(**{what: whole})) is None
    # From the side the plate is beside it.
    assert sight(case(**{what: whole & (Y != 0)}), angles=(90.0, 0.0)).clear_share == 1.0


def test_a_drop_beside_the_picture_is_not_judged():
    assert sight(case(), drop((0.0, 0.0, 45.0))) is None


def test_what_was_not_scanned_is_told():
    # Cut through the body at the head end, 6 mm above the drop: a tilted beam leaves there.
    low = np.where((np.abs(Y) <= 40) & (np.abs(X) <= 50), 0, -1000).astype(np.int16)
    grid = GRID.crop((0, 0, 0), (34, 61, 61))
    nothing = Mask(grid, np.zeros(grid.shape, bool))
    anatomy = Anatomy(ct=Volume(grid, low[:34]), metal=nothing, bone=nothing, gaps=(), implants=())
    cut = FilledCase(anatomy, nothing, FluoroConfig())
    assert sight(cut, angles=(0.0, 40.0)).scanned_share < 0.8 < sight(cut).scanned_share
