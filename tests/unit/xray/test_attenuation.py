"""Attenuation against NIST's tables, and Hounsfield numbers against their definition."""

import pytest

from planner.xray.attenuation import (
    ADIPOSE,
    AIR,
    CORTICAL_BONE,
    IODINE,
    PMMA,
    TI6AL4V,
    WATER,
    Material,
    attenuation_per_mm,
    true_hu,
)

# NISTIR 5632, tables 3 and 4 (Hubbell and Seltzer): mass attenuation at 60 and 80 keV, cm2 / g.
NIST = [
    pytest.param(WATER, (0.2059, 0.1837), id="water"),
    pytest.param(CORTICAL_BONE, (0.3148, 0.2229), id="cortical bone"),
    pytest.param(ADIPOSE, (0.1974, 0.1800), id="adipose"),
    pytest.param(PMMA, (0.1924, 0.1751), id="PMMA"),
    pytest.param(Material("Ti", 4.54, (("Ti", 1.0),)), (0.7661, 0.4052), id="titanium"),
    pytest.param(Material("Fe", 7.874, (("Fe", 1.0),)), (1.205, 0.5952), id="iron"),
    pytest.param(IODINE, (7.579, 3.510), id="iodine"),
]


@pytest.mark.parametrize(("material", "cm2_per_g"), NIST)
def test_attenuation_is_that_of_the_tables(material: Material, cm2_per_g: tuple[float, float]) -> None:
    found = attenuation_per_mm(material, [60.0, 80.0]) * 10.0 / material.density_g_per_cm3
    assert found == pytest.approx(cm2_per_g, rel=0.005)


def test_water_and_air_are_where_hounsfield_put_them() -> None:
    assert true_hu(WATER, 70.0) == pytest.approx(0.0, abs=1e-9)
    assert true_hu(AIR, 70.0) == pytest.approx(-1000.0, abs=1e-9)
    assert true_hu(ADIPOSE, 70.0) < -50.0
    assert true_hu(TI6AL4V, 60.0) > true_hu(TI6AL4V, 100.0) > 5000.0


def test_the_k_edge_of_iodine_is_there() -> None:
    below, above = attenuation_per_mm(IODINE, [33.0, 33.4])
    assert above > 4.0 * below
