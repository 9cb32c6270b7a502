"""The tube against SpekPy, and what the detector makes of it."""

import numpy as np
import pytest

from planner.xray.attenuation import WATER, attenuation_per_mm
from planner.xray.spectrum import (
    binned_attenuation,
    detector_response,
    half_value_layer_mm_al,
    tube_spectrum,
)

# SpekPy 2.5.4, 10 degrees, physics "casim", 6 mm Al and 0.1 mm Cu: mean energy (keV), first half-value layer (mm Al),
# photons a mm2 and mAs at 1 m.
SPEKPY = [
    pytest.param(80.0, 50.92, 5.51, 584e3, id="80 kV"),
    pytest.param(100.0, 57.70, 6.73, 1149e3, id="100 kV"),
    pytest.param(120.0, 63.30, 7.76, 1828e3, id="120 kV"),
    pytest.param(140.0, 68.33, 8.65, 2571e3, id="140 kV"),
]


@pytest.mark.parametrize(("kvp", "mean_kev", "layer_mm", "photons"), SPEKPY)
def test_the_beam_is_that_of_spekpy(kvp: float, mean_kev: float, layer_mm: float, photons: float) -> None:
    beam = tube_spectrum(kvp, al_mm=6.0, cu_mm=0.1)
    assert beam.mean_kev == pytest.approx(mean_kev, abs=0.35)
    assert half_value_layer_mm_al(beam) == pytest.approx(layer_mm, abs=0.15)
    assert beam.photons_per_mm2_mas.sum() == pytest.approx(photons, rel=0.05)


def test_a_filter_hardens_the_beam_and_takes_from_it() -> None:
    thin, thick = tube_spectrum(120.0, al_mm=3.0), tube_spectrum(120.0, al_mm=9.0)
    assert thick.mean_kev > thin.mean_kev + 2.0
    assert thick.photons_per_mm2_mas.sum() < thin.photons_per_mm2_mas.sum()


def test_k_lines_stand_out_only_above_the_edge() -> None:
    def line(kvp: float) -> float:
        beam = tube_spectrum(kvp)
        height = beam.photons_per_mm2_mas
        at = int(np.argmin(np.abs(beam.energies_kev - 59.5)))
        return float(height[at] / (0.5 * (height[at - 3] + height[at + 3])))

    assert line(120.0) > 1.5
    assert line(69.0) < 1.1


@pytest.mark.parametrize("bins", [1, 8, 16, 150])
def test_bins_share_out_the_whole_signal(bins: int) -> None:
    response = detector_response(120.0, al_mm=6.0, cu_mm=0.1, bins=bins)
    assert response.signal_share.sum() == pytest.approx(1.0)
    assert len(response.signal_share) <= bins
    assert np.all(np.diff(response.energies_kev) > 0.0)
    per_mm = attenuation_per_mm(WATER, response.fine[0])
    binned = binned_attenuation(per_mm, response)
    assert binned @ response.signal_share == pytest.approx(per_mm @ response.fine[1], rel=1e-9)


def test_the_effective_energy_lies_above_the_mean_of_the_beam() -> None:
    found = [detector_response(kvp, al_mm=6.0, cu_mm=0.1, bins=8).effective_kev for kvp in (80.0, 120.0, 140.0)]
    assert found == pytest.approx([53.3, 66.6, 72.0], abs=0.5)
    assert found[1] > tube_spectrum(120.0, al_mm=6.0, cu_mm=0.1).mean_kev
