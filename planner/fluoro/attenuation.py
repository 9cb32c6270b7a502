"""What the beam loses in each material.

Mass attenuation coefficients with coherent scattering from the NIST tables (Hubbell and Seltzer, NISTIR 5632; water,
cortical bone of ICRU-44, and mixtures of their elements by weight), times the density.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import SpectrumLine
from planner.geometry.frames import Array

Material = Literal["water", "bone", "titanium", "cobalt_chrome", "steel", "cement"]

_ENERGIES_KEV = (40.0, 50.0, 60.0, 80.0, 100.0)
_PER_CM: dict[Material, tuple[float, ...]] = {
    "water": (0.2683, 0.2269, 0.2059, 0.1837, 0.1707),
    "bone": (1.2778, 0.8145, 0.6045, 0.4279, 0.3562),  # 1.92 g/cm3
    "titanium": (9.41, 5.17, 3.28, 1.75, 1.18),  # Ti-6Al-4V, 4.43 g/cm3
    "cobalt_chrome": (34.9, 18.9, 11.6, 5.63, 3.45),  # Co-28Cr-6Mo, 8.3 g/cm3
    "steel": (31.3, 16.9, 10.4, 5.09, 3.15),  # 316L, 8.0 g/cm3
    "cement": (2.155, 1.300, 0.880, 0.512, 0.365),  # PMMA with 10 % BaSO4 by weight, 1.28 g/cm3
}


def attenuation_per_mm(material: Material, energy_kev: float) -> float:
    """Give a material's linear attenuation coefficient.

    Parameters
    ----------
    material : str
        One of the table's materials.
    energy_kev : float
        Photon energy, 40 to 100 keV.

    Returns
    -------
    float
        Per mm; between the table's energies along straight lines in log-log.

    Raises
    ------
    ValueError
        If the energy lies outside the table.
    """
    if not _ENERGIES_KEV[0] <= energy_kev <= _ENERGIES_KEV[-1]:
        raise ValueError(f"{energy_kev:g} keV lies outside the attenuation tables, 40 to 100 keV")
    log_value = np.interp(np.log(energy_kev), np.log(_ENERGIES_KEV), np.log(_PER_CM[material]))
    return float(np.exp(log_value)) / 10.0


def transmission(lengths_mm: dict[Material, npt.NDArray[np.float32]], spectrum: Sequence[SpectrumLine]) -> Array:
    """Give the share of the detector's open-beam signal that is left behind the materials.

    Parameters
    ----------
    lengths_mm : dict of str to ndarray, shape (...)
        Length of each material in each ray, mm; at least one material.
    spectrum : sequence of SpectrumLine
        The beam.

    Returns
    -------
    ndarray, shape (...)
        Beer-Lambert, summed over the beam's energies.
    """
    total = sum(line.share for line in spectrum)
    share: Array = np.zeros(next(iter(lengths_mm.values())).shape)
    for line in spectrum:
        depth = np.zeros_like(share)
        for material, length_mm in lengths_mm.items():
            depth += attenuation_per_mm(material, line.energy_kev) * length_mm
        share += line.share / total * np.exp(-depth)
    return share
