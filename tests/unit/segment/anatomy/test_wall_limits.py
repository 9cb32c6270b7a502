"""Limits of walls, reckoned where a CT is bright alone, against the plain sums over all of it."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from planner.config.anatomy_config import BoneConfig
from planner.segment.anatomy.wall_limits import Streaks, above_limits, find_streaks

CONFIG = BoneConfig()
SHAPE = (21, 30, 28)
LEVELS_HU = (45.0, 700.0)


def scan(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    noise = np.random.default_rng(3).normal(0.0, 1.0, shape)
    return (60.0 + 900.0 * ndi.gaussian_filter(noise, 1.0)).astype(np.float32)


def plain_spread(hu: np.ndarray, spoilt: np.ndarray, dense: np.ndarray, edge_mm: float) -> np.ndarray:
    """How much fine structure varies over the usual, pass by pass over the whole."""
    around = [mm / edge_mm for mm in (2.0, 6.0, 6.0)]
    fine = hu - ndi.gaussian_filter(hu, 2.4 / edge_mm, truncate=2.0)
    read = (hu < 300.0) & (hu > -300.0) & ~spoilt & ~ndi.binary_dilation(dense, iterations=2)
    weight = read.astype(np.float32)
    total, squares = (ndi.gaussian_filter(v, around, truncate=2.0) for v in (weight, fine * fine * weight))
    spread = np.sqrt(squares / np.maximum(total, np.float32(1e-3)))
    usual = float(np.median(spread[read][::11])) if read.any() else 0.0
    return np.maximum(spread - usual, 0.0)


def plain_limits(
    blurred: np.ndarray, blind: np.ndarray, spread: np.ndarray, edge_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Wall and loose wall, pass by pass over the whole."""
    soft, cortex = LEVELS_HU
    lit = np.where(blind, np.float32(-1000.0), np.minimum(blurred, cortex))
    height = ndi.maximum_filter(lit, 3)
    if edge_mm < 1.0:
        height = ndi.maximum_filter(height, footprint=ndi.generate_binary_structure(3, 1))
    height -= soft
    above = spread * CONFIG.streak_share + CONFIG.wall_hu
    wall = (blurred > np.maximum(height * CONFIG.wall_share + soft, above)) & ~blind
    loose = (blurred > np.maximum(CONFIG.loose_hu, height * CONFIG.loose_share + soft)) & ~blind
    return wall, loose


def masks(hu: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """What metal spoils, and what is blind."""
    at = np.indices(hu.shape)
    if kind == "none":
        return np.zeros(hu.shape, dtype=bool), np.zeros(hu.shape, dtype=bool)
    if kind == "all":
        return np.ones(hu.shape, dtype=bool), np.ones(hu.shape, dtype=bool)
    if kind == "corner":
        return at.sum(axis=0) == 0, at.sum(axis=0) == 0
    return np.hypot(at[1] - 12, at[2]) < 6, np.hypot(at[1] - 12, at[2]) < 4


@pytest.mark.parametrize("edge_mm", [0.6, 0.84, 1.0, 1.3])
@pytest.mark.parametrize("kind", ["none", "all", "corner", "at a border"])
def test_limits_where_it_is_bright_are_those_of_the_whole(kind, edge_mm):
    hu = scan()
    spoilt, blind = masks(hu, kind)
    dense = hu > 350.0
    blurred = ndi.gaussian_filter(hu, 0.5)
    streaks = find_streaks(hu, spoilt, dense, edge_mm)
    spread = plain_spread(hu, spoilt, dense, edge_mm) if spoilt.any() else np.zeros(hu.shape, dtype=np.float32)
    wall, loose = above_limits(blurred, blind, streaks, LEVELS_HU, edge_mm, CONFIG)
    asked_wall, asked_loose = plain_limits(blurred, blind, spread, edge_mm)
    assert np.array_equal(wall, asked_wall) and np.array_equal(loose, asked_loose)
    assert wall.any() == (kind != "all")


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 9), (60, 50, 70)])
def test_a_scan_of_any_size_is_read(shape):
    hu = scan(shape)
    spoilt = np.zeros(shape, dtype=bool)
    spoilt[0, 0, 0] = True
    streaks = find_streaks(hu, spoilt, hu > 350.0, 0.8)
    wall, loose = above_limits(hu, spoilt, streaks, LEVELS_HU, 0.8, CONFIG)
    asked = plain_limits(hu, spoilt, plain_spread(hu, spoilt, hu > 350.0, 0.8), 0.8)
    assert np.array_equal(wall, asked[0]) and np.array_equal(loose, asked[1])


def test_where_there_is_no_metal_there_is_no_streak():
    hu = scan()
    streaks = find_streaks(hu, np.zeros(SHAPE, dtype=bool), hu > 350.0, 0.8)
    assert isinstance(streaks, Streaks) and not streaks.squares.size and streaks.usual_hu == 0.0


def test_the_usual_is_nothing_where_no_soft_tissue_is_read():
    hu = np.full(SHAPE, 900.0, dtype=np.float32)
    metal = np.ones(SHAPE, dtype=bool)
    assert find_streaks(hu, metal, metal, 0.8).usual_hu == 0.0
