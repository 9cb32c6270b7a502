"""The beam and what materials take from it."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig, SpectrumLine
from planner.fluoro.beam import MATERIALS, make_beam, transmission
from planner.xray.attenuation import CAESIUM_IODIDE, COCRMO, TI6AL4V, WATER, attenuation_per_mm
from planner.xray.spectrum import tube_spectrum


def of_one_energy(kev, **change):
    return make_beam(FluoroConfig(spectrum=(SpectrumLine(energy_kev=kev, share=3.0),), **change))


@pytest.mark.parametrize(
    ("material", "at_50", "at_80"),
    # NIST's tables (NISTIR 5632) times the density; of the alloys their elements' by weight.
    [("water", 0.2269, 0.1837), ("bone", 0.8145, 0.4279), ("titanium", 5.17, 1.75), ("cobalt_chrome", 18.9, 5.63)],
)
def test_coefficients_agree_with_published_tables(material, at_50, at_80):
    assert of_one_energy(50.0).per_mm[material][0] * 10 == pytest.approx(at_50, rel=0.02)
    assert of_one_energy(80.0).per_mm[material][0] * 10 == pytest.approx(at_80, rel=0.02)


@pytest.mark.parametrize("material", MATERIALS)
def test_harder_tubes_get_more_through(material):
    soft, hard = (
        transmission({material: np.array([5.0], dtype=np.float32)}, make_beam(FluoroConfig(tube_kv=kv)))[0]
        for kv in (65.0, 110.0)
    )
    assert 0.0 < soft < hard < 1.0


def test_more_barium_makes_cement_darker():
    plain, usual = (of_one_energy(60.0, cement_barium_share=share).per_mm["cement"][0] for share in (0.0, 0.19))
    # PMMA at 60 keV: 0.1924 cm2/g (NISTIR 5632) x 1.19 g/cm3.
    assert plain * 10 == pytest.approx(0.1924 * 1.19, rel=0.01)
    assert usual > 5.0 * plain


def test_one_energy_is_beer_lambert_and_shares_are_scaled():
    length = np.array([[0.0, 10.0, 200.0]], dtype=np.float32)
    share = transmission({"water": length, "cement": np.zeros_like(length)}, of_one_energy(60.0))
    np.testing.assert_allclose(-np.log(share), 0.02059 * length, rtol=1e-3)


def test_nothing_in_the_way_leaves_the_whole_beam():
    empty = np.zeros((3, 2), dtype=np.float32)
    np.testing.assert_array_equal(transmission({"water": empty, "bone": empty}, make_beam(FluoroConfig())), 1.0)


def test_many_energies_harden_the_beam():
    depth = -np.log(transmission({"titanium": np.array([1.0, 10.0], dtype=np.float32)}, make_beam(FluoroConfig())))
    assert depth[1] < 9.0 * depth[0]


@pytest.mark.parametrize(("metal", "name"), [(TI6AL4V, "titanium"), (COCRMO, "cobalt_chrome")])
@pytest.mark.parametrize("kv", [65.0, 75.0, 110.0])
def test_a_few_bins_do_what_every_energy_of_the_spectrum_does(metal, name, kv):
    config = FluoroConfig(tube_kv=kv)
    tube = tube_spectrum(kv, al_mm=config.filter_al_mm, cu_mm=config.filter_cu_mm)
    stopped = -np.expm1(-attenuation_per_mm(CAESIUM_IODIDE, tube.energies_kev) * config.scintillator_mm)
    signal = tube.photons_per_mm2_mas * tube.energies_kev * stopped
    for water_mm, metal_mm in ((0.0, 0.0), (200.0, 0.0), (200.0, 2.0), (250.0, 10.0)):
        depth = attenuation_per_mm(WATER, tube.energies_kev) * water_mm
        depth = depth + attenuation_per_mm(metal, tube.energies_kev) * metal_mm
        wanted = -np.log(np.sum(signal * np.exp(-depth)) / signal.sum())
        lengths = {"water": np.array([water_mm], np.float32), name: np.array([metal_mm], np.float32)}
        got = -np.log(transmission(lengths, make_beam(config))[0])
        assert got == pytest.approx(wanted, rel=0.01, abs=1e-9)
