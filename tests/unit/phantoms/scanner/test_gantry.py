"""What follows from the settings alone."""

import numpy as np
import pytest
from pydantic import ValidationError

from planner.config.phantoms.scan import ScanSettings
from planner.phantoms.scanner.gantry import Scanner
from planner.xray.attenuation import WATER, attenuation_per_mm


@pytest.mark.parametrize("kvp", [80.0, 100.0, 120.0, 140.0])
def test_water_of_any_thickness_is_straightened(kvp: float) -> None:
    scanner = Scanner(ScanSettings(kvp=kvp))
    length = np.array([1.0, 10.0, 60.0, 200.0, 350.0, 500.0])
    beam = scanner.beam
    raw = -np.log(np.exp(-np.outer(length, beam.light_per_mm[0])) @ beam.signal_share)
    straight = scanner.straighten(raw.astype(np.float32))
    per_mm = attenuation_per_mm(WATER, [scanner.response.effective_kev])[0]
    assert straight / length == pytest.approx(np.full(6, per_mm), rel=2e-3)
    # Without the correction thick water would seem thinner.
    assert raw[4] / raw[1] < 0.95 * 35.0


def test_the_correction_goes_on_where_its_calibration_ends() -> None:
    scanner = Scanner(ScanSettings())
    end = scanner.water_correction[1]
    raw = np.array([end - 0.01, end, end + 1.0, end + 2.0], np.float32)
    steps = np.diff(scanner.straighten(raw))
    assert np.all(steps > 0.0)
    assert steps[2] == pytest.approx(steps[1], rel=1e-4)


def test_one_energy_needs_no_correction() -> None:
    scanner = Scanner(ScanSettings(artefacts=False))
    raw = np.array([0.3, 4.0], np.float32)
    assert np.array_equal(scanner.straighten(raw), raw)
    assert len(scanner.beam.signal_share) == 1


def test_an_element_is_as_wide_as_it_and_the_focus_are() -> None:
    for focus_mm in (0.0, 0.4, 1.0):
        offsets, weights = Scanner(ScanSettings(focus_mm=focus_mm, rays_per_detector=12)).aperture
        assert weights.sum() == pytest.approx(1.0)
        assert weights @ offsets == pytest.approx(0.0, abs=1e-12)
        # Boxes add their variances; the rays' own width is one more.
        spread = (0.6**2 + focus_mm**2 + 2 * 0.05**2) / 12.0
        assert weights @ offsets**2 == pytest.approx(spread, rel=0.1)


def test_small_bodies_need_fewer_views() -> None:
    scanner = Scanner(ScanSettings(views=720, kernel="bone"))
    assert scanner.views_for(40.0) == pytest.approx(2 * np.pi * 40.0 * 1.1, abs=1.0)
    assert scanner.views_for(300.0) == 720
    assert Scanner(ScanSettings(kernel="soft")).views_for(40.0) < scanner.views_for(40.0)


def test_the_dose_of_a_turn_is_shared_by_its_views() -> None:
    scanner = Scanner(ScanSettings(tube_mas=200.0))
    few, many = (scanner.open_beam_kev(row_mm=1.0, views=n) for n in (300, 600))
    assert few == pytest.approx(2.0 * many)
    assert Scanner(ScanSettings(tube_mas=100.0)).open_beam_kev(row_mm=2.0, views=600) == pytest.approx(many)
    assert Scanner(ScanSettings(tube_mas=None)).open_beam_kev(row_mm=1.0, views=600) == 0.0


@pytest.mark.parametrize(
    "wrong", [{"kvp": 60.0}, {"tube_mas": 0.0}, {"kernel": "sharp"}, {"hu_clipped_at": 10.0}, {"dose": 3.0}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ScanSettings.model_validate(wrong)


def test_quick_settings_are_coarser_and_take_changes() -> None:
    quick = ScanSettings.quick(kvp=140.0, views=200)
    assert (quick.kvp, quick.views) == (140.0, 200)
    assert quick.raster_mm > ScanSettings().raster_mm
    with pytest.raises(ValidationError):
        ScanSettings.quick(dose=3.0)
