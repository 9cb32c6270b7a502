"""A phantom's tissues as densities of a few basis materials.

Soft tissue, fat, lung, bone and plain plastics are spanned by two of them, water and cortical bone: below the K edges
of iodine and barium nothing but Compton and photoelectric absorption tells them apart (Alvarez and Macovski 1976, doi
10.1088/0031-9155/21/5/002). What has a K edge in the beam, and metal, is a basis of its own.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from planner.phantoms.scanner.attenuation import (
    ADIPOSE,
    BARIUM_SULPHATE,
    COCRMO,
    CORTICAL_BONE,
    PMMA,
    STEEL_316L,
    TI6AL4V,
    UHMWPE,
    WATER,
    Array,
    Material,
    attenuation_per_mm,
    true_hu,
)
from planner.phantoms.scanner.spectrum import Response
from planner.phantoms.tissues import Tissue

LIGHT = (WATER, CORTICAL_BONE)
HEAVY = (TI6AL4V, COCRMO, STEEL_316L, BARIUM_SULPHATE)
_METALS = {"titanium": TI6AL4V, "cobalt-chrome": COCRMO, "steel": STEEL_316L}
_GAS_BELOW_HU = -200.0
_WATERY_BELOW_HU = 60.0
_SLOPE_STEP_HU = 2.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How much of each basis material lies in a tissue, and how much more for one HU more.

    Parameters
    ----------
    light, light_per_hu : tuple of float
        Water and cortical bone, 1 for the material at its own density.
    heavy : tuple of float
        As `HEAVY`; 1 for the material at its own density.
    """

    light: tuple[float, float]
    light_per_hu: tuple[float, float]
    heavy: tuple[float, ...]
    heavy_per_hu: tuple[float, ...]


def recipe(tissue: Tissue, response: Response) -> Recipe:
    """Say what a tissue is made of, so that it reads its HU at the scanner's effective energy.

    Parameters
    ----------
    tissue : Tissue
        Metal and polyethylene go by their composition whatever their HU; cement is PMMA with as much barium sulphate as
        gives its HU; all else goes by its HU.
    response : Response
        The scanner's beam.

    Returns
    -------
    Recipe
    """
    none = (0.0,) * len(HEAVY)
    if tissue.name in _METALS:
        own = tuple(float(m is _METALS[tissue.name]) for m in HEAVY)
        return Recipe((0.0, 0.0), (0.0, 0.0), own, none)
    if tissue.name == "polyethylene":
        return Recipe(as_water_and_bone(UHMWPE, response), (0.0, 0.0), none, none)
    if tissue.name == "cement":
        return _cement(tissue.hu, response)
    low, high = (np.array(_by_hu(tissue.hu + s * _SLOPE_STEP_HU, response)) for s in (-0.5, 0.5))
    slope = (high - low) / _SLOPE_STEP_HU
    return Recipe(_by_hu(tissue.hu, response), (float(slope[0]), float(slope[1])), none, none)


def _cement(hu: float, response: Response) -> Recipe:
    energy = response.effective_kev
    plain, opaque = true_hu(PMMA, energy), true_hu(BARIUM_SULPHATE, energy)
    volume = (hu - plain) / (opaque - plain)
    water, bone = as_water_and_bone(PMMA, response)
    index, step = HEAVY.index(BARIUM_SULPHATE), 1.0 / (opaque - plain)
    heavy, per_hu = [0.0] * len(HEAVY), [0.0] * len(HEAVY)
    heavy[index], per_hu[index] = volume, step
    light = (water * (1.0 - volume), bone * (1.0 - volume))
    return Recipe(light, (-water * step, -bone * step), tuple(heavy), tuple(per_hu))


def _by_hu(hu: float, response: Response) -> tuple[float, float]:
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
