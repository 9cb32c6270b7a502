"""The beam: its energies, what each material takes from it, and the share of its signal that arrives.

Beer and Lambert's law, summed over the energies of a tungsten tube's spectrum as a caesium iodide panel weighs them
(`planner.xray`: Tucker 1991 for the tube, xraylib for the cross-sections).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar, cast, get_args

import numba
import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import FluoroConfig, ImplantMaterial
from planner.geometry.frames import Array
from planner.geometry.one_at_a_time import one_at_a_time
from planner.xray.attenuation import (
    BARIUM_SULPHATE,
    CAESIUM_IODIDE,
    COCRMO,
    CORTICAL_BONE,
    PMMA,
    STEEL_316L,
    TI6AL4V,
    WATER,
    attenuation_per_mm,
    mixed,
)
from planner.xray.attenuation import Material as Mixture
from planner.xray.spectrum import binned_attenuation, detector_response

_Function = TypeVar("_Function", bound=Callable[..., Any])

Material = Literal["water", "bone", "titanium", "cobalt_chrome", "steel", "cement"]
MATERIALS: tuple[Material, ...] = get_args(Material)
METALS: tuple[ImplantMaterial, ...] = get_args(ImplantMaterial)

_BINS = 10
"""Bins of energy: within 1 % of the attenuation that 1 keV steps give behind 250 mm of water and 10 mm of titanium
or cobalt-chrome (a test holds it)."""


@dataclass(frozen=True, slots=True, eq=False)
class Beam:
    """The beam as the detector weighs it.

    Parameters
    ----------
    energies_kev : ndarray, shape (N,)
        Energies.
    signal_share : ndarray, shape (N,)
        Share of the open beam's signal; they add up to 1.
    per_mm : dict of str to ndarray, shape (N,)
        Linear attenuation coefficient of each material at the energies.
    """

    energies_kev: Array
    signal_share: Array
    per_mm: Mapping[Material, Array]

    @property
    def mean_kev(self) -> float:
        """Mean energy of the open beam's signal."""
        return float(self.signal_share @ self.energies_kev)


def make_beam(config: FluoroConfig) -> Beam:
    """Make the beam of a C-arm.

    Parameters
    ----------
    config : FluoroConfig
        Tube voltage, filters and detector; or the energies themselves.

    Returns
    -------
    Beam
    """
    mixtures = _mixtures(config.cement_barium_share)
    if config.spectrum is not None:
        energies = np.array([line.energy_kev for line in config.spectrum])
        shares = np.array([line.share for line in config.spectrum])
        per_mm = {name: attenuation_per_mm(mixture, energies) for name, mixture in mixtures.items()}
        return Beam(energies, shares / shares.sum(), per_mm)
    seen = detector_response(
        config.tube_kv,
        al_mm=config.filter_al_mm,
        cu_mm=config.filter_cu_mm,
        bins=_BINS,
        scintillator=CAESIUM_IODIDE,
        scintillator_mm=config.scintillator_mm,
    )
    fine = seen.fine[0]
    per_mm = {name: binned_attenuation(attenuation_per_mm(m, fine), seen) for name, m in mixtures.items()}
    return Beam(seen.energies_kev, seen.signal_share, per_mm)


@cache
def _mixtures(barium_share: float) -> dict[Material, Mixture]:
    cement = mixed("cement", [(PMMA, 1.0 - barium_share), (BARIUM_SULPHATE, barium_share)])
    of: dict[Material, Mixture] = {"water": WATER, "bone": CORTICAL_BONE, "titanium": TI6AL4V}
    return of | {"cobalt_chrome": COCRMO, "steel": STEEL_316L, "cement": cement}


def transmission(lengths_mm: Mapping[Material, npt.NDArray[np.float32]], beam: Beam) -> Array:
    """Give the share of the open beam's signal that is left behind the materials.

    Parameters
    ----------
    lengths_mm : mapping of str to ndarray, shape (...)
        Length of each material in each ray, mm; at least one material.
    beam : Beam
        The beam.

    Returns
    -------
    ndarray of float64, shape (...)
        Beer-Lambert, summed over the beam's energies.
    """
    # What no ray meets costs no time.
    met = [name for name, length in lengths_mm.items() if np.any(length)]
    shape = next(iter(lengths_mm.values())).shape
    if not met:
        return np.ones(shape)
    lengths = np.stack([lengths_mm[name].reshape(-1) for name in met])
    per_mm = np.array([beam.per_mm[name] for name in met])
    return _transmitted(lengths, per_mm, beam.signal_share).reshape(shape)


def _compiled() -> Callable[[_Function], _Function]:
    return cast("Callable[[_Function], _Function]", numba.njit(cache=True, nogil=True, parallel=True))


@one_at_a_time
@_compiled()
def _transmitted(lengths: npt.NDArray[np.float32], per_mm: Array, shares: Array) -> Array:
    out = np.zeros(lengths.shape[1])
    for ray in numba.prange(lengths.shape[1]):
        for energy in range(len(shares)):
            depth = 0.0
            for material in range(len(lengths)):
                depth += per_mm[material, energy] * lengths[material, ray]
            out[ray] += shares[energy] * np.exp(-depth)
    return out
