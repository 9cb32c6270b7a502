"""What a tungsten tube sends out, what its filter leaves of that, and what the detector makes of it.

Bremsstrahlung and K lines after Tucker, Barnes and Chakraborty 1991 (Med Phys 18:211, doi 10.1118/1.596709): electrons
slow down by Thomson and Whiddington's law, each depth shines with a cross-section that is a polynomial in E / T, and
what it sends out passes the tungsten on its way out of the target.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from planner.xray.attenuation import (
    ALUMINIUM,
    COCRMO,
    COPPER,
    GADOLINIUM_OXYSULPHIDE,
    TUNGSTEN,
    WATER,
    Array,
    Material,
    attenuation_per_mm,
)

_LOWEST_KEV = 10.0
_STEP_KEV = 1.0
_REST_KEV = 511.0
_FINE_STRUCTURE_R0_Z_SQUARED_CM2 = 7.9408e-26 / 137.036 * 74.0**2
_ATOMS_PER_G = 6.02214e23 / 183.84
_POLYNOMIAL = (1.0, -5.049, 10.847, -10.516, 3.842)
"""The paper's."""
_A0, _A1_PER_KEV = 5.37, 4.23e-3
"""In the paper's ratio (3.685e-2 to 2.9e-5); their size gives the fluence of SpekPy 2.5.4 (doi 10.1002/mp.14945)."""
_WHIDDINGTON = ((50.0, 0.42e6), (100.0, 0.63e6), (150.0, 0.76e6))
"""Tube voltage (kV) and constant (keV2 cm2 / g). The paper's are 0.54, 0.70 and 0.84e6, beside a stopping power of
its own; with the law alone these bring mean energy and half-value layer to SpekPy's (within 0.25 keV, 0.1 mm Al)."""
_K_EDGE_KEV, _K_SHARE_PER_SR, _K_POWER = 69.525, 1.349e-3 / (4.0 * np.pi), 1.648
"""The paper's strength and power."""
_K_LINES = ((59.318, 0.502), (57.981, 0.289), (67.148, 0.164), (69.077, 0.039))
"""Energy and share of the K lines of tungsten, the betas together: xraylib's."""
_ELECTRONS_PER_MAS = 6.2415e15
"""One milliampere for a second over the charge of one."""
_DEPTHS = 60


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Photons by energy.

    Parameters
    ----------
    energies_kev : ndarray, shape (N,)
        Middle of each bin.
    photons_per_mm2_mas : ndarray, shape (N,)
        Photons of each bin in 1 mm2 at 1 m from the focal spot for 1 mAs.
    """

    energies_kev: Array
    photons_per_mm2_mas: Array

    @property
    def mean_kev(self) -> float:
        """Mean energy of the photons."""
        return float(np.average(self.energies_kev, weights=self.photons_per_mm2_mas))


@dataclass(frozen=True, eq=False)
class Response:
    """The beam as the detector weighs it, in a few bins.

    Parameters
    ----------
    energies_kev : ndarray, shape (N,)
        Mean energy of what each bin's photons leave in the detector.
    signal_share : ndarray, shape (N,)
        Share of the open beam's signal; they add up to 1.
    quanta_per_mm2_mas : ndarray, shape (N,)
        Photons that the detector takes in, at 1 m.
    effective_kev : float
        Where water attenuates as it does, on average, behind 200 mm of water.
    fine : tuple of ndarray
        Energies and signal shares before they were binned.
    """

    energies_kev: Array
    signal_share: Array
    quanta_per_mm2_mas: Array
    effective_kev: float
    fine: tuple[Array, Array]


def tube_spectrum(kvp: float, *, anode_deg: float = 10.0, al_mm: float = 6.0, cu_mm: float = 0.0) -> Spectrum:
    """Give the spectrum of a tungsten tube behind its filter.

    Parameters
    ----------
    kvp : float
        Tube voltage, 60 to 150 kV.
    anode_deg : float
        Angle between the target's surface and the central ray.
    al_mm, cu_mm : float
        Filter, inherent one included.

    Returns
    -------
    Spectrum
        In bins of 1 keV from 10 keV on.
    """
    edges = np.arange(_LOWEST_KEV, kvp + 0.5 * _STEP_KEV, _STEP_KEV)
    energies = (edges[:-1] + edges[1:]) / 2.0
    per_electron_sr = _bremsstrahlung(kvp, energies, anode_deg) + _k_lines(kvp, energies, anode_deg)
    at_1_m_mm2 = per_electron_sr * _ELECTRONS_PER_MAS / 1e6
    al, cu = attenuation_per_mm(ALUMINIUM, energies), attenuation_per_mm(COPPER, energies)
    return Spectrum(energies, at_1_m_mm2 * np.exp(-al * al_mm - cu * cu_mm))


def _way_out(depth_g_per_cm2: Array, energies_kev: Array, anode_deg: float) -> Array:
    """Share that leaves the target, shape (energies, depths)."""
    mass_cm2_per_g = attenuation_per_mm(TUNGSTEN, energies_kev) * 10.0 / TUNGSTEN.density_g_per_cm3
    return np.asarray(np.exp(-mass_cm2_per_g[:, None] * depth_g_per_cm2 / np.sin(np.radians(anode_deg))))


def _whiddington(kvp: float) -> float:
    kilovolts, constants = zip(*_WHIDDINGTON, strict=True)
    return float(np.interp(kvp, kilovolts, constants))


def _bremsstrahlung(kvp: float, energies_kev: Array, anode_deg: float) -> Array:
    constant = _whiddington(kvp)
    out = np.zeros(len(energies_kev))
    for n, energy in enumerate(energies_kev):
        electron = np.linspace(energy, kvp, _DEPTHS + 1)
        electron = (electron[:-1] + electron[1:]) / 2.0
        step_kev = (kvp - energy) / _DEPTHS
        depth = (kvp**2 - electron**2) / constant
        per_depth = constant / (2.0 * electron)  # keV lost in 1 g / cm2
        ratio = energy / electron
        shape = np.polynomial.polynomial.polyval(ratio, _POLYNOMIAL)
        strength = (_A0 + _A1_PER_KEV * kvp) * (electron + _REST_KEV) / electron * shape
        out[n] = np.sum(strength * _way_out(depth, energies_kev[n : n + 1], anode_deg)[0] / per_depth)
        out[n] *= step_kev * _STEP_KEV / energy * _FINE_STRUCTURE_R0_Z_SQUARED_CM2 * _ATOMS_PER_G
    return out


def _k_lines(kvp: float, energies_kev: Array, anode_deg: float) -> Array:
    out = np.zeros(len(energies_kev))
    if kvp <= _K_EDGE_KEV:
        return out
    reach = (kvp**2 - _K_EDGE_KEV**2) / _whiddington(kvp)
    share = (np.arange(_DEPTHS) + 0.5) / _DEPTHS
    weight = 1.5 * (1.0 - share**2) / _DEPTHS
    total = _K_SHARE_PER_SR * (kvp / _K_EDGE_KEV - 1.0) ** _K_POWER
    for line_kev, part in _K_LINES:
        leaves = float(_way_out(share * reach, np.array([line_kev]), anode_deg)[0] @ weight)
        out[int((line_kev - _LOWEST_KEV) // _STEP_KEV)] += total * part * leaves
    return out


@cache
def detector_response(
    kvp: float,
    *,
    al_mm: float,
    cu_mm: float,
    bins: int,
    scintillator: Material = GADOLINIUM_OXYSULPHIDE,
    scintillator_mm: float = 1.4,
) -> Response:
    """Give the beam as an energy-integrating scintillation detector weighs it.

    Parameters
    ----------
    kvp : float
        Tube voltage.
    al_mm, cu_mm : float
        Filter.
    bins : int
        How many bins the beam is cut into, each with a like share of three signals: of the open beam, behind
        200 mm of water, and behind 8 mm of cobalt-chrome besides.
    scintillator : Material
        What the detector's layer is made of: gadolinium oxysulphide as in CT, caesium iodide as in flat panels.
    scintillator_mm : float
        Its thickness; of needles with gaps between them that of as much solid crystal.

    Returns
    -------
    Response
    """
    beam = tube_spectrum(kvp, al_mm=al_mm, cu_mm=cu_mm)
    energies = beam.energies_kev
    stopped = -np.expm1(-attenuation_per_mm(scintillator, energies) * scintillator_mm)
    taken = beam.photons_per_mm2_mas * stopped
    signal = taken * energies
    water = attenuation_per_mm(WATER, energies)
    behind = signal * np.exp(-water * 200.0)
    per_mm = -np.log(behind.sum() / signal.sum()) / 200.0
    effective = float(np.interp(-per_mm, -water, energies))
    metal = behind * np.exp(-attenuation_per_mm(COCRMO, energies) * 8.0)
    place = np.mean([np.cumsum(part) / part.sum() for part in (signal, behind, metal)], axis=0)
    index = np.minimum((place * bins - 1e-9).astype(int), bins - 1)
    number = np.bincount(index, taken, bins).astype(np.float64)
    share = np.bincount(index, signal, bins).astype(np.float64)
    used = share > 0.0
    mean = share[used] / number[used]
    return Response(mean, share[used] / share.sum(), number[used], effective, (energies, signal / signal.sum()))


def binned_attenuation(per_mm_fine: Array, response: Response) -> Array:
    """Average an attenuation coefficient over the fine energies of each bin, weighted by the signal.

    Parameters
    ----------
    per_mm_fine : ndarray, shape (M,)
        At the fine energies of the response.
    response : Response
        The beam.

    Returns
    -------
    ndarray, shape (N,)
    """
    _, share = response.fine
    edges = np.concatenate([[0.0], np.cumsum(response.signal_share)])
    place = np.cumsum(share) - share / 2.0
    index = np.clip(np.searchsorted(edges, place, side="right") - 1, 0, len(response.signal_share) - 1)
    total = np.bincount(index, share, len(response.signal_share))
    return np.asarray(np.bincount(index, share * per_mm_fine, len(response.signal_share)) / total)


def half_value_layer_mm_al(spectrum: Spectrum) -> float:
    """Give the aluminium that halves the air kerma."""
    energies = spectrum.energies_kev
    air_kerma = spectrum.photons_per_mm2_mas * energies * _air_energy_absorption(energies)
    al = attenuation_per_mm(ALUMINIUM, energies)
    low, high = 0.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2.0
        if np.sum(air_kerma * np.exp(-al * middle)) > 0.5 * air_kerma.sum():
            low = middle
        else:
            high = middle
    return low


def _air_energy_absorption(energies_kev: npt.NDArray[np.float64]) -> Array:
    """Mass energy-absorption coefficient of air, cm2 / g (NISTIR 5632)."""
    table = (
        (10.0, 4.742), (15.0, 1.334), (20.0, 0.5389), (30.0, 0.1537), (40.0, 0.06833), (50.0, 0.04098),
        (60.0, 0.03041), (80.0, 0.02407), (100.0, 0.02325), (150.0, 0.02496),
    )  # fmt: skip
    kev, value = zip(*table, strict=True)
    return np.asarray(np.exp(np.interp(np.log(energies_kev), np.log(kev), np.log(value))))
