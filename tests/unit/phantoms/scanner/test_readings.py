"""The noise of a reading, and what is done about too few quanta."""

import numpy as np
import pytest

from planner.config.phantoms.scan import ScanSettings
from planner.phantoms.scanner.gantry import Scanner
from planner.phantoms.scanner.patient_maps import MaterialMaps, Stack
from planner.phantoms.scanner.projection import Raster, view_angles
from planner.phantoms.scanner.readings import Sweep, _smooth_starved, read_rows


def _block(water_mm: float, steel_mm: float) -> MaterialMaps:
    """Give slabs that the ray along y passes: so much water, then so much steel."""
    depth, wide = 400, 120
    light = np.zeros((1, 4, depth, wide), np.float32)
    light[0, :, : round(water_mm)] = 1.0
    heavy = np.zeros((1, 4, depth, wide), np.float32)
    heavy[0, :, -max(round(steel_mm), 1) :] = float(steel_mm > 0.0)
    raster = Raster(-(wide - 1) / 2.0, -(depth - 1) / 2.0, 1.0)
    # 2 is steel among the heavy materials.
    return MaterialMaps(Stack(light, np.array([0]), raster), Stack(heavy, np.array([2]), raster))


def _read(water_mm: float, steel_mm: float = 0.0, **knobs: object) -> tuple[np.ndarray, Sweep]:
    scanner = Scanner(ScanSettings.model_validate(knobs))
    sample_mm = (np.arange(120) - 59.5) * scanner.sample_mm
    sweep = Sweep(scanner, np.repeat(view_angles(2)[:1], 12), sample_mm, 1.0)
    return read_rows(_block(water_mm, steel_mm), np.arange(4), sweep), sweep


def test_water_is_read_straight() -> None:
    read, sweep = _read(200.0, tube_mas=None)
    assert read.shape == (12, 120, 4)
    assert read == pytest.approx(np.full(read.shape, 200.0 * sweep.scanner.water_per_mm), rel=2e-3)


def test_the_noise_is_that_of_the_quanta_left() -> None:
    knobs = {"electronic_noise_quanta": 0.0, "energy_bins": 1, "smoothed_below_quanta": 0.0, "tube_mas": 20.0}
    read, sweep = _read(200.0, **knobs)
    beam = sweep.scanner.beam
    left = sweep.full_kev / beam.energies_kev[0] * np.exp(-200.0 * beam.light_per_mm[0, 0])
    slope = np.diff(sweep.scanner.straighten(np.array([3.9, 4.1], np.float32)))[0] / 0.2
    assert left > 50.0
    assert read.std() == pytest.approx(slope / np.sqrt(left), rel=0.05)
    assert read.mean() == pytest.approx(200.0 * sweep.scanner.water_per_mm, rel=0.01)


def test_starved_readings_end_at_the_floor() -> None:
    read, sweep = _read(300.0, 60.0, smoothed_below_quanta=0.0, electronic_noise_quanta=0.0)
    scanner = sweep.scanner
    floor = scanner.settings.floor_quanta * scanner.mean_kev / sweep.full_kev
    highest = scanner.straighten(np.array([-np.log(floor)], np.float32))[0]
    assert read.max() == pytest.approx(highest, rel=1e-4)
    assert np.median(read) > 0.9 * highest


def test_readings_without_quanta_are_averaged_before_they_are_raised_to_the_floor() -> None:
    read, sweep = _read(300.0, 60.0)
    scanner = sweep.scanner
    floor = scanner.settings.floor_quanta * scanner.mean_kev / sweep.full_kev
    highest = scanner.straighten(np.array([-np.log(floor)], np.float32))[0]
    assert np.quantile(read, 0.01) == pytest.approx(highest, rel=1e-4)


def test_averaging_leaves_the_rim_of_a_shadow_where_it_is() -> None:
    scanner = Scanner(ScanSettings())
    sweep = Sweep(scanner, view_angles(2), (np.arange(200) - 99.5) * scanner.sample_mm, 1.0)
    few = scanner.settings.smoothed_below_quanta * scanner.mean_kev / sweep.full_kev
    bare = np.full((9, 200, 4), 1000.0 * few, np.float32)
    bare[:, 80:120] = 0.02 * few
    smooth = _smooth_starved(bare.copy(), sweep)
    bright = np.delete(smooth / bare, np.s_[80:120], axis=1)
    assert bright == pytest.approx(np.ones_like(bright), rel=3e-3)
    assert smooth[:, 80:120].max() < few


def test_smoothing_touches_only_the_starved() -> None:
    for water_mm, steel_mm, touched in ((200.0, 0.0, False), (300.0, 25.0, True)):
        rough, smooth = (_read(water_mm, steel_mm, smoothed_below_quanta=few)[0] for few in (0.0, 100.0))
        assert np.array_equal(rough, smooth) is not touched
        if touched:
            assert smooth.std() < 0.4 * rough.std()


def test_noise_without_artefacts_is_as_if_there_were_no_metal() -> None:
    bare, behind = (_read(150.0, steel_mm, artefacts=False)[0] for steel_mm in (0.0, 40.0))
    assert behind.std() == pytest.approx(bare.std(), rel=1e-3)
    assert behind.mean() - bare.mean() > 15.0
