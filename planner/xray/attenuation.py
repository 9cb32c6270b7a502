"""What X-rays lose in materials: mass attenuation with coherent scattering, times the density.

Elements: xraylib (BSD-3; Schoonjans 2011, doi 10.1016/j.sab.2011.09.011), total cross-sections. Tissues: weight shares
and densities of ICRU Report 44, checked against those that SpekPy 2.5.4 ships. Air, water, polyethylene, PMMA, barium
sulphate, alumina, caesium iodide and gadolinium oxysulphide: NIST's, as in xraylib and SpekPy. Elements' densities:
xraylib's. Alloys by their nominal composition: Ti-6Al-4V (ASTM F136: 5.5-6.5 Al, 3.5-4.5 V), Co-28Cr-6Mo (F75), 316L
(SpekPy's, and its share of each element). PEEK by its formula, C19H12O3; its density, and those of the alloys, zirconia
and cement, are usual figures without a source. Cement: PMMA with an opacifier by weight.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import xraylib

Array = npt.NDArray[np.float64]
_MM_PER_CM = 10.0


@dataclass(frozen=True, slots=True)
class Material:
    """A mixture of elements.

    Parameters
    ----------
    name : str
        What it is.
    density_g_per_cm3 : float
        Of the bulk.
    weights : tuple of (str, float)
        Chemical symbol and share by weight; they add up to 1 within rounding.
    """

    name: str
    density_g_per_cm3: float
    weights: tuple[tuple[str, float], ...]


def _material(name: str, density: float, **weights: float) -> Material:
    total = sum(weights.values())
    return Material(name, density, tuple((symbol, share / total) for symbol, share in weights.items()))


WATER = _material("water", 1.0, H=0.111894, O=0.888106)
AIR = _material("air", 1.205e-3, C=0.000124, N=0.755268, O=0.231781, Ar=0.012827)
ADIPOSE = _material("adipose", 0.95, H=0.114, C=0.598, N=0.007, O=0.278, Na=0.001, S=0.001, Cl=0.001)
CORTICAL_BONE = _material(
    "cortical bone", 1.92, H=0.034, C=0.155, N=0.042, O=0.435, Na=0.001, Mg=0.002, P=0.103, S=0.003, Ca=0.225
)
POLYETHYLENE = _material("polyethylene", 0.94, H=0.1437, C=0.8563)
PEEK = _material("PEEK", 1.31, H=0.0420, C=0.7916, O=0.1665)
ALUMINA = _material("Al2O3", 3.97, Al=0.5293, O=0.4707)
PMMA = _material("PMMA", 1.19, H=0.0805, C=0.5998, O=0.3196)
BARIUM_SULPHATE = _material("BaSO4", 4.5, Ba=0.5884, S=0.1374, O=0.2742)
ZIRCONIA = _material("ZrO2", 5.68, Zr=0.7403, O=0.2597)
IODINE = _material("iodine", 4.93, I=1.0)
TI6AL4V = _material("Ti-6Al-4V", 4.43, Ti=0.90, Al=0.06, V=0.04)
COCRMO = _material("Co-28Cr-6Mo", 8.3, Co=0.66, Cr=0.28, Mo=0.06)
STEEL_316L = _material("316L", 8.06, Fe=0.668, Cr=0.17, Ni=0.12, Mo=0.025, Mn=0.01, Si=0.007)
TANTALUM = _material("Ta", 16.654, Ta=1.0)
ALUMINIUM = _material("Al", 2.699, Al=1.0)
COPPER = _material("Cu", 8.96, Cu=1.0)
TUNGSTEN = _material("W", 19.3, W=1.0)
GADOLINIUM_OXYSULPHIDE = _material("Gd2O2S", 7.44, Gd=0.8308, O=0.0845, S=0.0847)
CAESIUM_IODIDE = _material("CsI", 4.51, Cs=0.5115, I=0.4885)


def mixed(name: str, parts: Sequence[tuple[Material, float]]) -> Material:
    """Mix materials by weight, as powder in a polymer.

    Parameters
    ----------
    name : str
        What the mixture is called.
    parts : sequence of (Material, float)
        Each part and its share by weight; they are scaled to a sum of 1.

    Returns
    -------
    Material
        As dense as its parts are when they keep their volumes.
    """
    total = sum(share for _, share in parts)
    weights: dict[str, float] = {}
    for part, share in parts:
        for symbol, weight in part.weights:
            weights[symbol] = weights.get(symbol, 0.0) + weight * share / total
    cm3_per_g = sum(share / total / part.density_g_per_cm3 for part, share in parts)
    return Material(name, 1.0 / cm3_per_g, tuple(weights.items()))


@cache
def _element_cm2_per_g(symbol: str, energies_kev: tuple[float, ...]) -> tuple[float, ...]:
    number = xraylib.SymbolToAtomicNumber(symbol)
    return tuple(float(xraylib.CS_Total(number, energy)) for energy in energies_kev)


def attenuation_per_mm(material: Material, energies_kev: npt.ArrayLike) -> Array:
    """Give a material's linear attenuation coefficient.

    Parameters
    ----------
    material : Material
        What the beam passes.
    energies_kev : array_like, shape (N,)
        Photon energies.

    Returns
    -------
    ndarray, shape (N,)
        Per mm, with coherent scattering (what is scattered does not reach the detector).
    """
    energies = tuple(float(e) for e in np.atleast_1d(np.asarray(energies_kev, dtype=np.float64)))
    total = np.zeros(len(energies))
    for symbol, share in material.weights:
        total += share * np.array(_element_cm2_per_g(symbol, energies))
    return np.asarray(total * material.density_g_per_cm3 / _MM_PER_CM)


def true_hu(material: Material, energy_kev: float) -> float:
    """Give the Hounsfield number that a monoenergetic scanner would read in a material."""
    water, air, own = (float(attenuation_per_mm(m, [energy_kev])[0]) for m in (WATER, AIR, material))
    return 1000.0 * (own - water) / (water - air)
