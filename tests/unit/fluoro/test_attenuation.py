"""Attenuation tables and the beam."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig, SpectrumLine
from planner.fluoro.attenuation import attenuation_per_mm, transmission


@pytest.mark.parametrize(
    ("material", "at_50", "at_80"),
    [("water", 0.227, 0.184), ("bone", 0.81, 0.43), ("titanium", 5.2, 1.75), ("cobalt_chrome", 18.0, 5.4)],
)
def test_tables_agree_with_published_figures(material, at_50, at_80):
    assert attenuation_per_mm(material, 50.0) * 10 == pytest.approx(at_50, rel=0.06)
    assert attenuation_per_mm(material, 80.0) * 10 == pytest.approx(at_80, rel=0.06)


@pytest.mark.parametrize("material", ["water", "bone", "titanium", "cobalt_chrome", "steel", "cement"])
def test_attenuation_falls_with_energy(material):
    values = [attenuation_per_mm(material, kev) for kev in (40.0, 45.0, 55.0, 70.0, 100.0)]
    assert np.all(np.diff(values) < 0.0)


@pytest.mark.parametrize("kev", [39.0, 101.0])
def test_energies_outside_the_tables_are_refused(kev):
    with pytest.raises(ValueError, match="outside"):
        attenuation_per_mm("water", kev)


def test_one_energy_is_beer_lambert_and_shares_are_scaled():
    length = np.array([0.0, 10.0, 200.0], dtype=np.float32)
    share = transmission({"water": length}, (SpectrumLine(energy_kev=60.0, share=3.0),))
    np.testing.assert_allclose(-np.log(share), 0.02059 * length, rtol=1e-6)


def test_many_energies_harden_the_beam():
    length = np.array([1.0, 10.0], dtype=np.float32)
    depth = -np.log(transmission({"titanium": length}, FluoroConfig().spectrum))
    assert depth[1] < 9.0 * depth[0]
