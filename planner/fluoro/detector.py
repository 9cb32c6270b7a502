"""What the detector adds to the beam that reaches it: scattered photons, blur and quantum noise."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.blocks import block_means, spread_out
from planner.geometry.frames import Array
from planner.model.carm import CArm

_FAINTEST = 1e-9
"""Least share of the beam whose logarithm is taken: far below any detector's dark noise."""
_OPEN = 0.99
"""Share of the beam from which a pixel sees no patient."""
_COARSE_SHARE = 0.15
"""Scatter has no detail: it is worked out on blocks of this share of its reach. No source: ours."""


def detected(
    primary: Array, carm: CArm, config: FluoroConfig, *, scanned: npt.NDArray[np.bool_] | None = None
) -> Array:
    """Give the detector's signal behind the patient.

    Parameters
    ----------
    primary : ndarray, shape (rows, columns)
        Share of the open beam's signal that arrives straight.
    carm : CArm
        The C-arm, for its pixels.
    config : FluoroConfig
        Scatter, blur and noise, each of which may be off.
    scanned : ndarray of bool, shape (rows, columns), or None
        Where the primary is known; elsewhere the body is taken to scatter as beside it. None: everywhere.

    Returns
    -------
    ndarray, shape (rows, columns)
        The same share with what the detector adds.
    """
    signal = primary
    if config.scatter_to_primary > 0.0:
        known = np.ones(primary.shape, dtype=np.bool_) if scanned is None else scanned
        signal = signal + scattered(primary, known, config.scatter_to_primary, config.scatter_reach_mm / carm.pixel_mm)
    quantum = _quantum(primary, config)
    if quantum > 0.0:
        # Before the blur: photons arrive by themselves, and light spreads from each, so that noise is blurred, too.
        signal = np.asarray(
            np.random.default_rng(config.noise_seed).poisson(signal / quantum) * quantum, dtype=np.float64
        )
    if config.detector_blur_mm > 0.0:
        signal = ndimage.gaussian_filter(signal, config.detector_blur_mm / carm.pixel_mm, mode="nearest")
    # Half a photon where none came: the logarithm of none is not a grey value.
    return np.maximum(signal, 0.5 * quantum)


def _quantum(primary: Array, config: FluoroConfig) -> float:
    """Give the signal of one photon; 0 without noise."""
    if config.photons_per_pixel is None:
        return 0.0
    behind = primary[primary < _OPEN]
    return float(behind.mean() if behind.size else 1.0) / config.photons_per_pixel


def scattered(primary: Array, known: npt.NDArray[np.bool_], ratio: float, reach_px: float) -> Array:
    """Give the signal of photons that were scattered on their way.

    Parameters
    ----------
    primary : ndarray, shape (rows, columns)
        Share of the open beam's signal that arrives straight, above 0.
    known : ndarray of bool, shape (rows, columns)
        Where it is known.
    ratio : float
        Mean scatter over mean primary behind the patient.
    reach_px : float
        Standard deviation of the spread, in pixels.

    Returns
    -------
    ndarray, shape (rows, columns)
        The share that arrives scattered.

    Notes
    -----
    What a ray scatters grows with what it loses, and is dimmed as the ray is: the source is -p ln p, spread widely
    (the forward convolution of Ohnesorge, Flohr and Klingenbeck-Regn 1999, doi 10.1007/s003300050710, in its plainest
    form). Behind metal more scatter than primary arrives, which is why metal is not black on a fluoroscope.
    """
    if not known.any():
        return np.zeros_like(primary)
    seen = np.maximum(primary, _FAINTEST)
    step = max(int(reach_px * _COARSE_SHARE), 1)
    spread, weight = (
        ndimage.gaussian_filter(block_means(a, step), reach_px / step, mode="nearest")
        for a in (np.where(known, -seen * np.log(seen), 0.0), known.astype(np.float64))
    )
    # Over what is known alone (normalised convolution): else a body would scatter less where its CT ends.
    whole = spread_out(spread / np.maximum(weight, _FAINTEST), step, primary.shape)
    behind = known & (primary < _OPEN)
    mean = float(whole[behind].mean()) if np.any(behind) else 0.0
    return whole * (ratio * float(primary[behind].mean()) / mean) if mean > 0.0 else np.zeros_like(primary)
