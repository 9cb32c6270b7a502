"""How much metal hides what lies behind it: where an edge's contrast is lost in the picture's noise."""

from functools import cache

import numpy as np

from planner.config.fluoro_config import FluoroConfig, ImplantMaterial
from planner.config.visibility_config import HidingConfig
from planner.fluoro.beam import Beam, make_beam

_MOST_MM = 200.0
"""No implant is thicker."""
_HALVINGS = 40


@cache
def hiding_length_mm(material: ImplantMaterial, *, fluoro: FluoroConfig, config: HidingConfig) -> float:
    """Give the length of metal in a ray behind which the edge of a bone is no longer seen.

    Parameters
    ----------
    material : "titanium", "cobalt_chrome" or "steel"
        Ti-6Al-4V, Co-28Cr-6Mo or 316L.
    fluoro : FluoroConfig
        The beam and the detector.
    config : HidingConfig
        Edge, noise and observer.

    Returns
    -------
    float
        Millimetres; 0 where the edge is not seen even without metal.

    Notes
    -----
    Rose's model (J Opt Soc Am 1948; 38:196): an edge is seen where the difference of its signal is `least_cnr` times
    the quantum noise over its area and the frames that the eye averages. The signal is summed over the tube's spectrum
    behind filter, patient and metal, as the detector weighs it; scatter adds noise and no contrast. Clutter of other
    bones, and a screen that shows all metal black, hide edges sooner still.
    """
    beam = make_beam(fluoro)
    if _cnr(0.0, material, beam, config) <= config.least_cnr:
        return 0.0
    low, high = 0.0, _MOST_MM
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if _cnr(middle, material, beam, config) > config.least_cnr else (low, middle)
    return low


def edge_cnr(metal_mm: float, material: ImplantMaterial, *, fluoro: FluoroConfig, config: HidingConfig) -> float:
    """Give the contrast of a bone's edge behind metal over the noise.

    Parameters
    ----------
    metal_mm : float
        Length of metal in the ray.
    material : "titanium", "cobalt_chrome" or "steel"
        Which.
    fluoro : FluoroConfig
        The beam and the detector.
    config : HidingConfig
        Edge, noise and observer.

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
    return _cnr(metal_mm, material, make_beam(fluoro), config)


def _cnr(metal_mm: float, material: ImplantMaterial, beam: Beam, config: HidingConfig) -> float:
    patient = beam.signal_share * np.exp(-beam.per_mm["water"] * config.patient_water_mm)
    behind = patient / patient.sum() * np.exp(-beam.per_mm[material] * metal_mm)
    more = beam.per_mm["bone"] - beam.per_mm["water"]
    difference = float(np.sum(behind * -np.expm1(-more * config.edge_bone_mm)))
    quanta = config.quanta_per_mm2 * config.edge_mm2 * config.frames
    return difference * float(np.sqrt(quanta / (float(behind.sum()) + config.scatter_to_primary)))
