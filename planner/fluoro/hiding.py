"""How much metal hides what lies behind it: where an edge's contrast is lost in the picture's noise."""

from functools import cache

import numpy as np

from planner.config.fluoro_config import ImplantMaterial
from planner.config.visibility_config import HidingConfig
from planner.geometry.frames import Array
from planner.xray.attenuation import (
    COCRMO,
    CORTICAL_BONE,
    STEEL_316L,
    TI6AL4V,
    WATER,
    Material,
    attenuation_per_mm,
)
from planner.xray.spectrum import tube_spectrum

_METALS: dict[ImplantMaterial, Material] = {"titanium": TI6AL4V, "cobalt_chrome": COCRMO, "steel": STEEL_316L}
_MOST_MM = 200.0
"""No implant is thicker."""
_HALVINGS = 40


@cache
def hiding_length_mm(material: ImplantMaterial, config: HidingConfig) -> float:
    """Give the length of metal in a ray behind which the edge of a bone is no longer seen.

    Parameters
    ----------
    material : "titanium", "cobalt_chrome" or "steel"
        Ti-6Al-4V, Co-28Cr-6Mo or 316L.
    config : HidingConfig
        Beam, edge, noise and observer.

    Returns
    -------
    float
        Millimetres; 0 where the edge is not seen even without metal.

    Notes
    -----
    Rose's model (J Opt Soc Am 1948; 38:196): an edge is seen where the difference of its signal is `least_cnr` times
    the quantum noise over its area and the frames that the eye averages. The signal is summed over the tube's spectrum
    behind filter, patient and metal, every photon by its energy; scatter adds noise and no contrast. Clutter of other
    bones, and a screen that shows all metal black, hide edges sooner still.
    """
    if _cnr(0.0, material, config) <= config.least_cnr:
        return 0.0
    low, high = 0.0, _MOST_MM
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _cnr(middle, material, config) > config.least_cnr else (low, middle)
    return low


def edge_cnr(metal_mm: float, material: ImplantMaterial, config: HidingConfig) -> float:
    """Give the contrast of a bone's edge behind metal over the noise.

    Parameters
    ----------
    metal_mm : float
        Length of metal in the ray.
    material : "titanium", "cobalt_chrome" or "steel"
        Which.
    config : HidingConfig
        Beam, edge, noise and observer.

    Returns
    -------
    float
        As `hiding_length_mm` compares it with `least_cnr`.

    Raises
    ------
    ValueError
        If the length is negative.
    """
    if metal_mm < 0.0:
        raise ValueError(f"a ray cannot pass {metal_mm:g} mm of metal; give 0 or more")
    return _cnr(metal_mm, material, config)


def _cnr(metal_mm: float, material: ImplantMaterial, config: HidingConfig) -> float:
    energies, share = _beam(config)
    behind = share * np.exp(-attenuation_per_mm(_METALS[material], energies) * metal_mm)
    more = attenuation_per_mm(CORTICAL_BONE, energies) - attenuation_per_mm(WATER, energies)
    difference = float(np.sum(behind * -np.expm1(-more * config.edge_bone_mm)))
    quanta = config.quanta_per_mm2 * config.edge_mm2 * config.frames
    return difference * float(np.sqrt(quanta / (float(behind.sum()) + config.scatter_to_primary)))


@cache
def _beam(config: HidingConfig) -> tuple[Array, Array]:
    """Give energies, and the share of the signal of each behind the patient."""
    beam = tube_spectrum(config.tube_kv, al_mm=config.filter_al_mm, cu_mm=config.filter_cu_mm)
    energies = beam.energies_kev
    signal = (
        beam.photons_per_mm2_mas * energies * np.exp(-attenuation_per_mm(WATER, energies) * config.patient_water_mm)
    )
    return energies, np.asarray(signal / signal.sum())
