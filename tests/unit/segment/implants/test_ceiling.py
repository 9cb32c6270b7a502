"""The clipping level, read from the histogram: under outliers, under noise, and where there is none."""

import numpy as np
import pytest

from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder
from planner.phantoms.tissues import ALUMINA, COBALT_CHROME, MUSCLE, TITANIUM, Tissue
from planner.segment.implants.ceiling import clipping_level_hu

LEAST = 30


def _shaft(tissue: Tissue, *, clipped: float | None = None, radius_mm: float = 4.0, more: Part | None = None):
    matrix = np.array([[0, 0, 0.7, 0.0], [0, 0.7, 0, 0.0], [1.0, 0, 0, 0.0], [0, 0, 0, 1.0]])
    solid = Cylinder((10.3, 10.1, 5.2), (11.4, 10.6, 24.0), radius_mm)
    parts = (Part("shaft", solid, tissue), *(() if more is None else (more,)))
    settings = IdealScan(seed=3, subsamples=4, hu_clipped_at=clipped)
    return np.asarray(ideal_scan(Scene(parts, MUSCLE), Grid((30, 30, 60), matrix), settings).hu)


def _noisy(hu: np.ndarray, sd_hu: float) -> np.ndarray:
    return (hu + np.random.default_rng(5).normal(0.0, sd_hu, hu.shape)).astype(np.float32)


@pytest.mark.parametrize("tissue", [TITANIUM, COBALT_CHROME])
@pytest.mark.parametrize("ceiling", [2047.0, 3071.0, 4095.0])
def test_voxels_above_a_pile_do_not_hide_it(tissue, ceiling):
    hu = _shaft(tissue, clipped=ceiling).copy()
    assert clipping_level_hu(hu, least_pile=LEAST) == ceiling
    hu[3, 3, 3] = ceiling + 129
    assert clipping_level_hu(hu, least_pile=LEAST) == ceiling
    hu[4, :10, :3] = np.arange(30).reshape(10, 3) * 40 + ceiling + 1
    assert clipping_level_hu(hu, least_pile=LEAST) == ceiling


@pytest.mark.parametrize("tissue", [TITANIUM, COBALT_CHROME])
@pytest.mark.parametrize("sd_hu", [3.0, 8.0, 15.0])
def test_noise_after_the_clipping_does_not_hide_it(tissue, sd_hu):
    hu = _noisy(_shaft(tissue, clipped=3071.0), sd_hu)
    assert clipping_level_hu(hu, least_pile=LEAST) == pytest.approx(3071.0, abs=3.0)


def test_a_resampled_scan_that_overshoots_keeps_its_ceiling():
    hu = _shaft(TITANIUM, clipped=3071.0).astype(np.float32)
    beside = (hu == 3071.0) & (np.roll(hu, 1, axis=2) < 2000.0)
    hu[beside] = 3300.0
    assert np.count_nonzero(beside) > LEAST
    assert clipping_level_hu(hu, least_pile=LEAST) == 3071.0


@pytest.mark.parametrize("tissue", [ALUMINA, TITANIUM, COBALT_CHROME])
def test_a_plateau_of_its_own_is_no_ceiling(tissue):
    assert clipping_level_hu(_shaft(tissue), least_pile=LEAST) is None


def test_metal_beneath_other_metal_is_no_ceiling():
    more = Part("other", Cylinder((30.0, 10.0, 5.0), (30.0, 10.0, 24.0), 4.0), COBALT_CHROME)
    assert clipping_level_hu(_shaft(ALUMINA, more=more), least_pile=LEAST) is None


def test_a_few_voxels_and_bone_have_no_ceiling():
    hu = np.full((20, 20, 20), 40, dtype=np.int16)
    hu[:10] = 1900
    assert clipping_level_hu(hu, least_pile=LEAST) is None
    hu[3, 3, :20] = 3071
    assert clipping_level_hu(hu, least_pile=LEAST) is None
