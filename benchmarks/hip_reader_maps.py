"""What is laid on unwrapped maps of stems and cups: patches, layers between two depths, and their volumes."""

import numpy as np
from hip_reader_samples import DEPTHS_MM, STEP_MM, TARGETS
from scipy import ndimage

from planner.geometry.frames import Array
from planner.segment.reading.network import Single

FARTHEST_MM = 12.0
"""No wall that is trained on lies farther from the metal."""
STEEPEST = 0.3
"""Least cosine between a ray and the surface's normal, as the networks are shown it."""


def field(shape: tuple[int, ...], sigma: tuple[float, float], size: float, rng: np.random.Generator) -> Array:
    """Draw patches on a map, cyclic round the implant.

    Parameters
    ----------
    shape : tuple of int
        Rows and angles.
    sigma : (float, float)
        How large the patches are, in cells along and round.
    size : float
        Their standard deviation.
    rng : Generator
        Draws them.

    Returns
    -------
    ndarray, shape ``shape``
    """
    noise = ndimage.gaussian_filter(rng.normal(0.0, 1.0, shape), sigma, mode=("nearest", "wrap"))
    return np.asarray(size * noise / max(float(noise.std()), 1e-6))


def between(inner_mm: Array, outer_mm: Array) -> Array:
    """Give the share of each step of `DEPTHS_MM` that lies between two surfaces, shape (rows, angles, depths)."""
    after = np.clip((DEPTHS_MM - inner_mm[..., None]) / STEP_MM + 0.5, 0.0, 1.0)
    return np.asarray(after * np.clip((outer_mm[..., None] - DEPTHS_MM) / STEP_MM + 0.5, 0.0, 1.0))


def cells_mm3(targets: Single, inner_mm: Array, outer_mm: Array) -> Array:
    """Give the volume between two surfaces in each pair of cells, shape (rows, angles).

    Parameters
    ----------
    targets : ndarray, shape (rows, angles, len(TARGETS))
        They tell where the metal ends.
    inner_mm, outer_mm : ndarray, shape (rows, angles)
        The surfaces, from the metal and square to it.

    Returns
    -------
    ndarray, shape (rows, angles)
    """
    metal, cosine, is_tip, weight = (
        targets[..., TARGETS.index(name)].astype(np.float64) for name in ("metal_mm", "cosine", "is_tip", "weight")
    )
    begin = np.maximum(metal + inner_mm / np.maximum(cosine, STEEPEST), 0.0)
    end = np.maximum(metal + outer_mm / np.maximum(cosine, STEEPEST), begin)
    return np.asarray(np.where(is_tip > 0.5, (end**3 - begin**3) / 3, (end**2 - begin**2) / 2) * weight)
