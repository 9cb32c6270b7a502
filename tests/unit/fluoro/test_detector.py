"""What the detector adds: scatter, noise, blur."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.detector import detected, scattered
from planner.fluoro.views import ap_view

CONFIG = FluoroConfig(rows=96, columns=80, pixel_mm=2.0, detector_blur_mm=0.0)
KNOWN = np.ones((96, 80), dtype=bool)
CARM = ap_view([0.0, 0.0, 0.0], config=CONFIG)


def picture():
    primary = np.full((96, 80), 0.02)
    primary[:, 60:] = 1.0
    primary[40:50, 20:26] = 1e-4
    return primary


def test_with_all_off_the_signal_is_the_primary():
    np.testing.assert_array_equal(detected(picture(), CARM, CONFIG), picture())


def test_scatter_has_the_wanted_ratio_behind_the_patient_and_no_detail():
    primary = picture()
    scatter = scattered(primary, KNOWN, 1.5, 15.0)
    behind = primary < 1.0
    assert scatter[behind].mean() == pytest.approx(1.5 * primary[behind].mean(), rel=1e-6)
    assert np.abs(np.diff(scatter, axis=0)).max() < 0.05 * scatter.max()
    # Behind metal next to nothing arrives straight: what arrives is scattered round it.
    metal = scattered(primary, KNOWN, 1.5, 15.0)[44, 22]
    assert metal > 50.0 * primary[44, 22]
    assert metal < scatter.max()


def test_what_was_not_scanned_scatters_as_what_lies_beside_it():
    primary = np.full((96, 80), 0.02)
    known = KNOWN.copy()
    known[80:] = False
    unknown = np.where(known, primary, 1.0)
    np.testing.assert_allclose(scattered(unknown, known, 1.5, 8.0), scattered(primary, KNOWN, 1.5, 8.0), rtol=1e-6)
    assert not scattered(unknown, np.zeros_like(known), 1.5, 8.0).any()


def test_an_open_beam_scatters_nothing():
    np.testing.assert_array_equal(scattered(np.ones((20, 20)), np.ones((20, 20), dtype=bool), 2.0, 5.0), 0.0)


def test_noise_has_the_spread_of_its_photons_and_is_blurred_with_the_light():
    flat = np.full((96, 80), 0.25)
    noisy = CONFIG.model_copy(update={"photons_per_pixel": 400.0})
    signal = detected(flat, CARM, noisy)
    # Exposure control brings the wanted number behind the patient, however thick.
    assert signal.std() / signal.mean() == pytest.approx(np.sqrt(1.0 / 400.0), rel=0.05)
    blurred = detected(flat, CARM, noisy.model_copy(update={"detector_blur_mm": 2.0}))
    assert blurred.std() < 0.4 * signal.std()
    assert signal.mean() == pytest.approx(0.25, rel=0.01)


def test_where_no_photon_comes_half_a_one_is_counted():
    primary = np.full((96, 80), 0.5)
    primary[:, :8] = 1e-9
    dark = detected(primary, CARM, CONFIG.model_copy(update={"photons_per_pixel": 100.0}))
    np.testing.assert_allclose(dark[:, :8], 0.5 * primary.mean() / 100.0)
