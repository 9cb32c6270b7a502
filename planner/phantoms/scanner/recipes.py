"""A phantom's tissues as densities of a few basis materials.

Soft tissue, fat, lung, bone, plastics and alumina are spanned by two of them, water and cortical bone: without a K edge
in the beam nothing but Compton and photoelectric absorption tells materials apart (Alvarez and Macovski 1976, doi
10.1088/0031-9155/21/5/002). What has a K edge in the beam, and metal, is a basis of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from planner.errors import UsageError
from planner.phantoms.tissues import MaterialName, Tissue
from planner.xray.attenuation import (
    ADIPOSE,
    ALUMINA,
    BARIUM_SULPHATE,
    COCRMO,
    COPPER,
    CORTICAL_BONE,
    IODINE,
    PEEK,
    PMMA,
    POLYETHYLENE,
    STEEL_316L,
    TANTALUM,
    TI6AL4V,
    WATER,
    ZIRCONIA,
    Array,
    Material,
    attenuation_per_mm,
    true_hu,
)
from planner.xray.spectrum import Response

LIGHT = (WATER, CORTICAL_BONE, IODINE)
"""Drawn on the coarse raster: iodine only ever comes thinned, in blood or bowel."""
HEAVY = (TI6AL4V, COCRMO, STEEL_316L, TANTALUM, COPPER, BARIUM_SULPHATE, ZIRCONIA)
"""Drawn on the fine raster, on rays of their own."""
_PURE: Mapping[MaterialName, Material] = {
    "titanium": TI6AL4V,
    "cobalt-chrome": COCRMO,
    "steel": STEEL_316L,
    "tantalum": TANTALUM,
    "copper": COPPER,
    "alumina": ALUMINA,
    "polyethylene": POLYETHYLENE,
    "PEEK": PEEK,
}
_OPACIFIED: Mapping[MaterialName, tuple[Material, Material]] = {
    "PMMA with barium sulphate": (PMMA, BARIUM_SULPHATE),
    "PMMA with zirconia": (PMMA, ZIRCONIA),
    "iodine in water": (WATER, IODINE),
}
_GAS_BELOW_HU = -200.0
"""Thinner than this is gas and what it inflates: water, thinned."""
_WATERY_BELOW_HU = 60.0
"""Up to here soft tissue is water with more in it, beyond it bone mixes in; set where muscle and blood end."""
_SLOPE_STEP_HU = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Recipe:
    """How much of each basis material lies in a tissue, and how much more for one HU more.

    Parameters
    ----------
    light, light_per_hu : ndarray
        As `LIGHT`, 1 for the material at its own density.
    heavy, heavy_per_hu : ndarray
        As `HEAVY`; 1 for the material at its own density.
    """

    light: Array
    light_per_hu: Array
    heavy: Array
    heavy_per_hu: Array


def recipe(tissue: Tissue, response: Response) -> Recipe:
    """Say what a tissue is made of.

    Parameters
    ----------
    tissue : Tissue
        By its material: most, and all "by HU", read their HU at the scanner's effective energy; metal, ceramic and
        plastics read what they are.
    response : Response
        The scanner's beam.

    Returns
    -------
    Recipe

    Raises
    ------
    UsageError
        If a tissue with an opacifier should read less than without.
    """
    if tissue.material in _PURE:
        pure = _PURE[tissue.material]
        light, heavy = _amounts(pure, response)
        return Recipe(light, np.zeros(len(LIGHT)), heavy, np.zeros(len(HEAVY)))
    if tissue.material in _OPACIFIED:
        return _opacified(tissue, *_OPACIFIED[tissue.material], response)
    low, middle, high = (_by_hu(tissue.hu + s * _SLOPE_STEP_HU, response) for s in (-0.5, 0.0, 0.5))
    return Recipe(middle, (high - low) / _SLOPE_STEP_HU, np.zeros(len(HEAVY)), np.zeros(len(HEAVY)))


def _amounts(material: Material, response: Response) -> tuple[Array, Array]:
    """Give the basis materials of one material: itself where it is one, else water and bone."""
    light, heavy = (np.array([float(m is material) for m in some]) for some in (LIGHT, HEAVY))
    if not (light.any() or heavy.any()):
        light[:2] = as_water_and_bone(material, response)
    return light, heavy


def _opacified(tissue: Tissue, carrier: Material, opacifier: Material, response: Response) -> Recipe:
    """Give a carrier with as much of an opacifier by volume as reads the tissue's HU."""
    plain, opaque = (true_hu(m, response.effective_kev) for m in (carrier, opacifier))
    if tissue.hu < plain:
        raise UsageError(f"{tissue.name} of {tissue.material} reads no less than {plain:.0f} HU, not {tissue.hu:.0f}")
    volume, per_hu = (tissue.hu - plain) / (opaque - plain), 1.0 / (opaque - plain)
    base, added = _amounts(carrier, response), _amounts(opacifier, response)
    light, heavy = (base[n] + volume * (added[n] - base[n]) for n in (0, 1))
    light_per_hu, heavy_per_hu = (per_hu * (added[n] - base[n]) for n in (0, 1))
    return Recipe(light, light_per_hu, heavy, heavy_per_hu)


def _by_hu(hu: float, response: Response) -> Array:
    water, bone = _water_and_bone_by_hu(hu, response)
    return np.array([water, bone, *(0.0 for _ in LIGHT[2:])])


def _water_and_bone_by_hu(hu: float, response: Response) -> tuple[float, float]:
    energy = response.effective_kev
    fat_hu, bone_hu = true_hu(ADIPOSE, energy), true_hu(CORTICAL_BONE, energy)
    density = max(0.0, 1.0 + hu / 1000.0)
    if hu < _GAS_BELOW_HU:
        return density, 0.0
    if hu < 0.0:
        # Fat shades into water: the share of fat grows with what is missing to water, and is 1 from fat's own HU on.
        share = min(1.0, hu / fat_hu)
        water, bone = as_water_and_bone(ADIPOSE, response)
        mixed = (share * water + 1.0 - share, share * bone)
        scale = density / (1.0 + share * fat_hu / 1000.0)
        return mixed[0] * scale, mixed[1] * scale
    if hu <= _WATERY_BELOW_HU:
        return density, 0.0
    share = (hu - _WATERY_BELOW_HU) / (bone_hu - _WATERY_BELOW_HU)
    if share > 1.0:
        return 0.0, density / (1.0 + bone_hu / 1000.0)
    return (1.0 - share) * (1.0 + _WATERY_BELOW_HU / 1000.0), share


@cache
def as_water_and_bone(material: Material, response: Response) -> tuple[float, float]:
    """Give the water and cortical bone that attenuate as a material does, exactly so at the effective energy.

    Parameters
    ----------
    material : Material
        One without a K edge above 25 keV.
    response : Response
        The beam that weighs the energies.

    Returns
    -------
    tuple of float
        Densities relative to those of water and cortical bone; either may be negative.
    """
    energies, share = response.fine
    water, bone, own = (attenuation_per_mm(m, energies) for m in (WATER, CORTICAL_BONE, material))
    weight = np.sqrt(share * np.exp(-water * 200.0))
    at = [response.effective_kev]
    w0, b0, m0 = (float(attenuation_per_mm(m, at)[0]) for m in (WATER, CORTICAL_BONE, material))
    # own = x water + y bone with x = (m0 - y b0) / w0: one unknown is left.
    left, right = weight * (bone - water * b0 / w0), weight * (own - water * m0 / w0)
    y = float(left @ right / (left @ left))
    return (m0 - y * b0) / w0, y


def fit_residual(material: Material, response: Response) -> Array:
    """Give the relative error of `as_water_and_bone` at each fine energy."""
    energies, _ = response.fine
    x, y = as_water_and_bone(material, response)
    water, bone, own = (attenuation_per_mm(m, energies) for m in (WATER, CORTICAL_BONE, material))
    return np.asarray((x * water + y * bone) / own - 1.0)
