"""What the beam meets in each tissue."""

from typing import get_args

import numpy as np
import pytest

from planner.errors import UsageError
from planner.phantoms import tissues
from planner.phantoms.scanner.recipes import HEAVY, LIGHT, as_water_and_bone, fit_residual, recipe
from planner.phantoms.tissues import MaterialName, Tissue
from planner.xray.attenuation import (
    ADIPOSE,
    ALUMINA,
    COCRMO,
    CORTICAL_BONE,
    PEEK,
    POLYETHYLENE,
    TANTALUM,
    TI6AL4V,
    WATER,
    Material,
    attenuation_per_mm,
    true_hu,
)
from planner.xray.spectrum import Response, detector_response

BEAM = detector_response(120.0, al_mm=6.0, cu_mm=0.1, bins=16)
ALL = [t for t in vars(tissues).values() if isinstance(t, Tissue)]


def _read_hu(tissue: Tissue, response: Response, *, more_hu: float = 0.0) -> float:
    found, at = recipe(tissue, response), [response.effective_kev]
    light, heavy = (np.array([attenuation_per_mm(m, at)[0] for m in some]) for some in (LIGHT, HEAVY))
    total = light @ (found.light + more_hu * found.light_per_hu) + heavy @ (found.heavy + more_hu * found.heavy_per_hu)
    return float(1000.0 * (total / attenuation_per_mm(WATER, at)[0] - 1.0))


@pytest.mark.parametrize("tissue", ALL, ids=lambda t: t.name)
def test_tissues_read_their_hu_and_pure_materials_their_own(tissue: Tissue) -> None:
    pure: dict[MaterialName, Material] = {
        "titanium": TI6AL4V,
        "cobalt-chrome": COCRMO,
        "alumina": ALUMINA,
        "polyethylene": POLYETHYLENE,
        "PEEK": PEEK,
        "tantalum": TANTALUM,
    }
    read = _read_hu(tissue, BEAM)
    if tissue.material in pure:
        # Air is no vacuum: a thousandth.
        assert read == pytest.approx(true_hu(pure[tissue.material], BEAM.effective_kev), rel=2e-3, abs=2.0)
    elif tissue.material in ("steel", "copper"):
        assert read > 30000.0
    else:
        assert read == pytest.approx(tissue.hu, abs=3.0)


def test_every_material_is_used_and_has_a_recipe() -> None:
    assert {t.material for t in ALL} == set(get_args(MaterialName))


@pytest.mark.parametrize("tissue", [tissues.CANCELLOUS, tissues.PMMA, tissues.ZIRCONIA_CEMENT, tissues.BOWEL_CONTRAST])
def test_texture_moves_the_hu_by_as_much(tissue: Tissue) -> None:
    assert _read_hu(tissue, BEAM, more_hu=40.0) - _read_hu(tissue, BEAM) == pytest.approx(40.0, abs=1.0)


def test_a_name_alone_makes_no_metal() -> None:
    found = recipe(Tissue("titanium", 60.0), BEAM)
    assert not found.heavy.any()
    assert _read_hu(Tissue("titanium", 60.0), BEAM) == pytest.approx(60.0, abs=0.1)


def test_opacified_cement_hardens_as_its_opacifier_does() -> None:
    soft, hard = (detector_response(kvp, al_mm=6.0, cu_mm=0.1, bins=16) for kvp in (80.0, 140.0))
    for tissue, least in ((tissues.PMMA, 1.5), (Tissue("bone", 1500.0), 1.0)):
        amounts, at = recipe(tissue, BEAM), [[r.effective_kev] for r in (soft, hard)]
        read = [
            sum(a * attenuation_per_mm(m, e)[0] for a, m in zip(amounts.light, LIGHT, strict=True))
            + sum(a * attenuation_per_mm(m, e)[0] for a, m in zip(amounts.heavy, HEAVY, strict=True))
            for e in at
        ]
        water = [attenuation_per_mm(WATER, e)[0] for e in at]
        hu = [1000.0 * (r / w - 1.0) for r, w in zip(read, water, strict=True)]
        assert hu[0] / hu[1] > least


def test_cement_thinner_than_its_carrier_is_refused() -> None:
    with pytest.raises(UsageError, match=r"cement.*no less than"):
        recipe(Tissue("cement", 50.0, material="PMMA with zirconia"), BEAM)


@pytest.mark.parametrize("material", [ADIPOSE, PEEK, POLYETHYLENE, ALUMINA], ids=lambda m: m.name)
@pytest.mark.parametrize("kvp", [80.0, 140.0])
def test_water_and_bone_stand_for_what_has_no_k_edge(material: Material, kvp: float) -> None:
    beam = detector_response(kvp, al_mm=6.0, cu_mm=0.1, bins=16)
    weight = beam.fine[1] * np.exp(-attenuation_per_mm(WATER, beam.fine[0]) * 200.0)
    assert np.sqrt(np.average(fit_residual(material, beam) ** 2, weights=weight)) < 2e-3


def test_water_and_bone_do_not_stand_for_what_has_one() -> None:
    weight = BEAM.fine[1] * np.exp(-attenuation_per_mm(WATER, BEAM.fine[0]) * 200.0)
    assert np.sqrt(np.average(fit_residual(TANTALUM, BEAM) ** 2, weights=weight)) > 0.1
    assert as_water_and_bone(WATER, BEAM) == pytest.approx((1.0, 0.0), abs=1e-9)
    assert as_water_and_bone(CORTICAL_BONE, BEAM) == pytest.approx((0.0, 1.0), abs=1e-9)
