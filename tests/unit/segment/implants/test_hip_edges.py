"""What a hip's metal shows under ceilings that hide titanium, heavier metal only, or nothing."""

import numpy as np
import pytest

from planner.config.hip_config import HipImplantConfig
from planner.config.phantoms.scan import IdealScan
from planner.geometry.grid import Grid
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Ball
from planner.phantoms.tissues import COBALT_CHROME, MUSCLE, TITANIUM, Tissue
from planner.segment.implants.hip_edges import Scanned
from planner.segment.implants.hip_spheres import fit_sphere

CONFIG = HipImplantConfig()
CENTRE = np.array([18.3, 17.9, 18.2])


def _scanned(tissue: Tissue, ceiling_hu: float | None) -> Scanned:
    matrix = np.array([[0, 0, 0.8, 0.0], [0, 0.8, 0, 0.0], [1.0, 0, 0, 0.0], [0, 0, 0, 1.0]])
    scene = Scene((Part("ball", Ball((18.3, 17.9, 18.2), 12.0), tissue),), MUSCLE)
    settings = IdealScan(seed=2, subsamples=3, hu_clipped_at=ceiling_hu)
    return Scanned.of(ideal_scan(scene, Grid((37, 46, 46), matrix), settings), CONFIG)


@pytest.mark.parametrize(
    ("tissue", "ceiling_hu", "plateau_hu", "is_seen"),
    [
        (COBALT_CHROME, None, 20000.0, True),
        (COBALT_CHROME, 3071.0, CONFIG.heavy_hu, False),
        (COBALT_CHROME, 8191.0, CONFIG.heavy_hu, False),
        (COBALT_CHROME, 19000.0, 19000.0, False),
        (TITANIUM, 12000.0, 8500.0, True),
    ],
)
def test_a_plateau_is_seen_beneath_the_ceiling_and_presumed_above(tissue, ceiling_hu, plateau_hu, is_seen):
    of = _scanned(tissue, ceiling_hu)
    inside = of.volume.hu[14:22, 18:26, 18:26].astype(np.float64)
    told, seen = of.plateau_hu(inside, presumed_hu=CONFIG.heavy_hu)
    assert told == pytest.approx(plateau_hu, rel=0.01)
    assert seen is is_seen


@pytest.mark.parametrize("ceiling_hu", [3071.0, 8191.0])
def test_a_heavy_ball_has_its_size_under_a_ceiling_high_or_low(ceiling_hu):
    of = _scanned(COBALT_CHROME, ceiling_hu)
    found = fit_sphere(of, CENTRE + 0.5, 12.8, wall_mm=5.0, presumed_hu=CONFIG.heavy_hu)
    assert 2 * found.radius_mm == pytest.approx(24.0, abs=0.3)
    assert (of.ceiling_hu is None) == (ceiling_hu > CONFIG.titanium_hu)
    assert of.limit_hu == ceiling_hu
