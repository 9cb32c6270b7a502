"""How much metal hides an edge: Rose's model, held against closed forms."""

import numpy as np
import pytest

from planner.config.fluoro_config import FluoroConfig, SpectrumLine
from planner.config.visibility_config import HidingConfig
from planner.fluoro.beam import METALS
from planner.fluoro.hiding import edge_cnr, hiding_length_mm
from planner.xray.attenuation import CORTICAL_BONE, TI6AL4V, WATER, attenuation_per_mm

FLUORO, HIDING = FluoroConfig(), HidingConfig()
ONE_ENERGY = FluoroConfig(spectrum=(SpectrumLine(energy_kev=60.0, share=1.0),))


def per_mm(material):
    return float(attenuation_per_mm(material, [60.0])[0])


def test_of_one_energy_without_scatter_the_length_is_that_of_the_closed_form():
    """CNR = (1 - exp(-d * edge)) * sqrt(n * exp(-mu L)), so that L = 2 ln(CNR0 / limit) / mu."""
    config = HidingConfig(scatter_to_primary=0.0)
    difference = per_mm(CORTICAL_BONE) - per_mm(WATER)
    quanta = config.quanta_per_mm2 * config.edge_mm2 * config.frames
    bare = -np.expm1(-difference * config.edge_bone_mm) * np.sqrt(quanta)
    assert edge_cnr(0.0, "titanium", fluoro=ONE_ENERGY, config=config) == pytest.approx(bare, rel=1e-6)
    wanted = 2.0 * np.log(bare / config.least_cnr) / per_mm(TI6AL4V)
    assert hiding_length_mm("titanium", fluoro=ONE_ENERGY, config=config) == pytest.approx(wanted, rel=1e-6)


def test_scatter_of_one_energy_hides_as_the_closed_form_says():
    config = HidingConfig(scatter_to_primary=2.0)
    arrived = np.exp(-per_mm(TI6AL4V) * 3.0)
    without = edge_cnr(3.0, "titanium", fluoro=ONE_ENERGY, config=HidingConfig(scatter_to_primary=0.0))
    got = edge_cnr(3.0, "titanium", fluoro=ONE_ENERGY, config=config)
    assert got == pytest.approx(without * np.sqrt(arrived / (arrived + 2.0)), rel=1e-6)


@pytest.mark.parametrize("material", METALS)
def test_at_that_length_the_edge_is_just_seen_and_behind_more_it_is_not(material):
    length = hiding_length_mm(material, fluoro=FLUORO, config=HIDING)
    assert length > 0.5
    assert edge_cnr(length, material, fluoro=FLUORO, config=HIDING) == pytest.approx(HIDING.least_cnr, rel=1e-6)
    assert edge_cnr(1.1 * length, material, fluoro=FLUORO, config=HIDING) < HIDING.least_cnr
    assert edge_cnr(0.9 * length, material, fluoro=FLUORO, config=HIDING) > HIDING.least_cnr


def test_cobalt_chrome_hides_soonest_and_a_screw_of_either_metal_hides_behind_its_middle():
    lengths = {one: hiding_length_mm(one, fluoro=FLUORO, config=HIDING) for one in METALS}
    assert lengths["cobalt_chrome"] < lengths["steel"] < lengths["titanium"]
    assert lengths["titanium"] < 5.5, "a rod's diameter, the thinnest shaft of a construct"
    assert lengths["titanium"] > 2.0, "a thread of titanium lets an edge show"
    assert lengths["cobalt_chrome"] < 2.0


def test_more_quanta_and_thicker_edges_show_through_more_and_more_scatter_through_less():
    def length(**changes):
        return hiding_length_mm("titanium", fluoro=FLUORO, config=HidingConfig(**changes))

    assert length(quanta_per_mm2=1600.0) > length() > length(quanta_per_mm2=100.0)
    assert length(edge_bone_mm=8.0) > length() > length(scatter_to_primary=3.0)
    harder = FluoroConfig(tube_kv=110.0)
    assert hiding_length_mm("titanium", fluoro=harder, config=HIDING) > length()


def test_an_edge_that_is_not_seen_without_metal_is_hidden_by_none():
    assert hiding_length_mm("titanium", fluoro=FLUORO, config=HidingConfig(quanta_per_mm2=5.0)) == 0.0


def test_a_negative_length_is_refused():
    with pytest.raises(ValueError, match="0 or more"):
        edge_cnr(-1.0, "steel", fluoro=FLUORO, config=HIDING)
