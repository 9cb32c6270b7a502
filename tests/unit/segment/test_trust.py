"""The trust map on two rods whose tissue is known, scanned with and without the physics of artefacts."""

import numpy as np
import pytest

from planner.config.implant_config import ImplantConfig
from planner.config.phantoms.scan import IdealScan, ScanSettings
from planner.config.trust_config import TrustConfig
from planner.errors import CancelledError, GeometryError
from planner.geometry.grid import Grid
from planner.geometry.turn import Turn
from planner.model.volume import Volume
from planner.phantoms.ct_scanner import scan as physics_scan
from planner.phantoms.ideal_scan import ideal_scan
from planner.phantoms.scene import Part, Scene
from planner.phantoms.solids.basic import Cylinder
from planner.phantoms.tissues import AIR, COBALT_CHROME, MUSCLE
from planner.progress import Progress
from planner.segment.implants.metal import find_metal
from planner.segment.trust import TrustMap, trust_map

LEFT_X, RIGHT_X, MIDDLE_Y = 24.0, -10.0, 8.0
"""Asymmetric on purpose."""


def _scene() -> Scene:
    rods = [Part(f"rod {x}", Cylinder((x, MIDDLE_Y, -40), (x, MIDDLE_Y, 40), 4.0), COBALT_CHROME)
            for x in (LEFT_X, RIGHT_X)]  # fmt: skip
    return Scene((Part("body", Cylinder((0, 0, -40), (0, 0, 40), 60.0), MUSCLE), *rods), AIR)


def _grid() -> Grid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * np.array([2.0, 1.0, 1.0])
    matrix[:3, 3] = (-62.0, -62.0, -7.0)
    return Grid((8, 125, 125), matrix)


@pytest.fixture(scope="module")
def streaked() -> Volume:
    return physics_scan(_scene(), _grid(), ScanSettings.quick(seed=3))


@pytest.fixture(scope="module")
def mapped(streaked) -> TrustMap:
    found = trust_map(streaked, find_metal(streaked, ImplantConfig()), TrustConfig())
    assert found is not None
    return found


def _tissue(mapped: TrustMap, volume: Volume) -> tuple[np.ndarray, np.ndarray]:
    """Expected and true error of muscle in the map's voxels, apart from the rods, as two arrays."""
    points = mapped.grid.to_lps(np.argwhere(np.ones(mapped.grid.shape, dtype=bool)))
    clear = np.hypot(points[:, 0], points[:, 1]) < 54.0
    for x in (LEFT_X, RIGHT_X):
        clear &= np.hypot(points[:, 0] - x, points[:, 1] - MIDDLE_Y) > 8.0
    index = np.rint(volume.grid.to_index(points[clear])).astype(int)
    index = np.clip(index, 1, np.array(volume.grid.shape) - 2)
    blocks = [volume.hu[tuple((index + np.array([0, a, b])).T)].astype(float) for a in (-1, 0, 1) for b in (-1, 0, 1)]
    away = np.mean(blocks, axis=0)
    return mapped.error_hu.ravel()[clear], np.abs(away - np.median(away))


def test_the_dark_band_between_the_rods_is_foretold(mapped):
    x = 0.5 * (LEFT_X + RIGHT_X)
    between, beside = np.array([x, MIDDLE_Y, 0.0]), np.array([x, MIDDLE_Y - 35.0, 0.0])
    assert mapped.pattern_at(between) < -50.0
    assert abs(mapped.pattern_at(beside)) < 30.0
    assert mapped.trust_at(between) < 0.5 < 0.8 < mapped.trust_at(beside)


def test_the_expected_error_follows_the_true_one(mapped, streaked):
    expected, true = _tissue(mapped, streaked)
    order = np.argsort(expected)
    low, high = order[: len(order) // 2], order[-len(order) // 10 :]
    assert true[high].mean() > 3 * true[low].mean()
    assert expected[high].mean() == pytest.approx(true[high].mean(), rel=0.5)


def test_what_is_trusted_is_right_and_what_is_not_is_mostly_wrong(mapped, streaked):
    expected, true = _tissue(mapped, streaked)
    config = TrustConfig()
    assert np.mean(true[expected < 25.0] < config.readable_hu) > 0.95
    assert np.mean(true[expected > 2 * config.readable_hu] < config.readable_hu) < 0.5


def test_a_scan_without_artefacts_is_trusted_everywhere():
    volume = ideal_scan(_scene(), _grid(), IdealScan(seed=3, subsamples=2))
    found = trust_map(volume, find_metal(volume, ImplantConfig()), TrustConfig())
    assert found is not None
    assert not found.pattern_hu.any()
    assert found.trust.min() > 0.95
    assert not found.unreadable.voxels.any()


def test_the_same_however_the_scan_is_stored(streaked, mapped):
    turn = Turn((2, 0, 1), (True, False, True))
    turned = Volume(turn.grid(streaked.grid), np.ascontiguousarray(turn.array(streaked.hu)))
    again = trust_map(turned, find_metal(turned, ImplantConfig()), TrustConfig())
    assert again is not None
    points = mapped.grid.to_lps(np.array([[1, 5, 8], [2, 20, 14], [0, 12, 30]]))
    assert again.trust_at(points) == pytest.approx(mapped.trust_at(points), abs=1e-3)


def test_beyond_the_map_its_border_counts(mapped):
    assert mapped.trust_at(np.array([0.0, 0.0, 900.0])) == pytest.approx(mapped.trust_at(np.array([0.0, 0.0, 8.0])))


def test_without_metal_there_is_no_map(streaked):
    muscle = Volume(streaked.grid, np.full(streaked.grid.shape, 40, dtype=np.int16))
    assert trust_map(muscle, find_metal(muscle, ImplantConfig()), TrustConfig()) is None


def test_metal_of_another_scan_is_refused(streaked):
    metal = find_metal(streaked, ImplantConfig())
    with pytest.raises(GeometryError):
        trust_map(streaked.crop((0, 0, 0), (4, 125, 125)), metal, TrustConfig())


def test_it_can_be_stopped(streaked):
    class Stop:
        def report(self, progress: Progress) -> None: ...

        def cancelled(self) -> bool:
            return True

    metal = find_metal(streaked, ImplantConfig())
    with pytest.raises(CancelledError):
        trust_map(streaked, metal, TrustConfig(), monitor=Stop())
