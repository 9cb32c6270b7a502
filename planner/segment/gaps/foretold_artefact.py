"""How much of the artefact that a trust map foretells is seen round an implant, and HU with it taken off."""

import numpy as np
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.segment.gaps.implant_surroundings import Surroundings
from planner.segment.trust import TrustMap
from planner.segment.upright import Floats

_FROM_MM, _TO_MM = 3.0, 15.0
_SMOOTH_MM = 1.5
_TISSUE_HU = (-150.0, 350.0)
"""Soft tissue and cancellous bone with a streak on them; fat, cortex and metal's bloom lie beyond."""
_PATTERN_HU = 250.0
"""Where more is foretold it saturates."""
_FEWEST = 1000
_WAVERS_HU = 15.0
"""A pattern that varies by less shows no share of its own; ours."""
_SHARES = (0.5, 1.0)
_ROUNDS, _OUTLIER_HU = 6, 40.0


def seen_share(trust: TrustMap, around: Surroundings, config: HipGapConfig) -> float:
    """Fit what share of the foretold artefact the scan shows round an implant.

    Parameters
    ----------
    trust : TrustMap
        The map.
    around : Surroundings
        What lies round the implant.
    config : HipGapConfig
        The share where none can be fitted.

    Returns
    -------
    float
        0.5 to 1: slope of a robust regression of HU on the pattern, in soft tissue and in cancellous bone, 3 to 15 mm
        off the metal.
    """
    smooth = ndimage.gaussian_filter(around.hu, _SMOOTH_MM / around.edge_mm)
    at = (around.from_metal_mm > _FROM_MM) & (around.from_metal_mm < _TO_MM)
    at &= (smooth > _TISSUE_HU[0]) & (smooth < _TISSUE_HU[1])
    inner, outer = (
        ndimage.binary_erosion(around.bone, iterations=3),
        ~ndimage.binary_dilation(around.bone, iterations=2),
    )
    where = np.argwhere(at & (inner | outer))[::3]
    if len(where) < _FEWEST:
        return config.pattern_share
    told = trust.pattern_at(np.asarray(around.grid.to_lps(where)))
    kept = np.abs(told) < _PATTERN_HU
    told, hu, is_bone = told[kept], smooth[tuple(where[kept].T)], inner[tuple(where[kept].T)]
    if len(told) < _FEWEST or float(np.std(told)) < _WAVERS_HU:
        return config.pattern_share
    design = np.stack([told, is_bone, ~is_bone], axis=1).astype(np.float64)
    weight, fit = np.ones(len(hu)), np.zeros(3)
    for _ in range(_ROUNDS):
        normal = (design * weight[:, None]).T @ design + 1e-6 * np.eye(3)
        fit = np.linalg.solve(normal, (design * weight[:, None]).T @ hu)
        weight = 1.0 / np.maximum(1.0, np.abs(hu - design @ fit) / _OUTLIER_HU)
    return float(np.clip(fit[0], *_SHARES))


def without_artefact(around: Surroundings, trust: TrustMap, share: float) -> Floats:
    """Give the HU of an implant's surroundings with so much of the foretold artefact taken off."""
    hu: Floats = np.array(around.hu, dtype=np.float32)
    where = np.argwhere((around.from_metal_mm > 0) & (around.from_metal_mm < _TO_MM + 5.0))
    added = trust.pattern_at(np.asarray(around.grid.to_lps(where)))
    hu[tuple(where.T)] -= (share * added).astype(np.float32)
    return hu
