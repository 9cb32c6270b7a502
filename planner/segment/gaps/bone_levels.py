"""HU of a patient's own cancellous bone round an implant, and how far lucent spaces can be told from it."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.segment.gaps.implant_surroundings import Surroundings

_FINE_MM, _SMOOTH_MM = 0.7, 1.5
"""Over what HU are averaged, for the level (cortex blurs into thin cancellous bone) and for the spread: some cells
of an interface, or a cavity's core."""
_INSIDE_MM, _FROM_METAL_MM = 2.0, 3.0
_RANGE_HU = (0.0, 350.0)
"""Cancellous bone: denser than marrow, lighter than cortex."""
_BIN_HU = 5.0
_FEWEST = 500


@dataclass(frozen=True, slots=True)
class BoneLevels:
    """What bone and lucent spaces read round one implant.

    Parameters
    ----------
    cancellous_hu : float
        The most frequent HU of cancellous bone.
    spread_hu : float
        How far it varies by texture and artefact, as a standard deviation over regions of some millimetres.
    lumen_hu : float
        What lies below may be a gap's content.
    is_told : bool
        Whether lucent spaces can be told from cancellous bone.
    """

    cancellous_hu: float
    spread_hu: float
    lumen_hu: float
    is_told: bool


def bone_levels(around: Surroundings, config: HipGapConfig, *, known: BoneLevels | None = None) -> BoneLevels:
    """Read the patient's own cancellous bone.

    Parameters
    ----------
    around : Surroundings
        What lies round the implant, foretold artefacts taken off.
    config : HipGapConfig
        Interface tissue, and the contrast asked for.
    known : BoneLevels or None
        Of another implant of this hip: its cancellous bone is the patient's; how far it varies is this implant's own.

    Returns
    -------
    BoneLevels
    """
    inner = ndimage.binary_erosion(around.bone, iterations=max(1, round(_INSIDE_MM / around.edge_mm)))
    shell = inner & (around.from_metal_mm > _FROM_METAL_MM) & (around.from_metal_mm < config.bone_reach_mm)
    fine, smooth = (ndimage.gaussian_filter(around.hu, mm / around.edge_mm) for mm in (_FINE_MM, _SMOOTH_MM))
    values = fine[shell & (fine > _RANGE_HU[0]) & (fine < _RANGE_HU[1])]
    if len(values) < _FEWEST:
        if known is not None:
            return known
        return _levels(config.cancellous_hu, 0.0, config)
    counts, edges = np.histogram(values, np.arange(_RANGE_HU[0], _RANGE_HU[1] + 1, _BIN_HU))
    peak = int(np.argmax(ndimage.gaussian_filter1d(counts.astype(float), 3.0, mode="nearest")))
    mode = float(edges[peak] + _BIN_HU / 2) if known is None else known.cancellous_hu
    # above the mode lies what borders on cortex
    below = smooth[shell & (smooth < mode) & (smooth > mode - 250.0)]
    spread = 1.48 * float(np.median(mode - below)) if len(below) > _FEWEST / 5 else 0.0
    return _levels(mode, spread if known is None else max(spread, known.spread_hu), config)


def _levels(cancellous: float, spread: float, config: HipGapConfig) -> BoneLevels:
    contrast = cancellous - config.fibrous_hu
    told = contrast >= max(config.least_contrast_hu, config.least_contrast_sd * spread)
    level = config.fibrous_hu + config.lumen_share * max(contrast, config.least_contrast_hu)
    return BoneLevels(cancellous, spread, min(level, config.greatest_lumen_hu), told)
