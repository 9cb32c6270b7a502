"""An interface's profiles brought to one level: what blur and artefacts leave beside metal, and how noisy they are."""

import numpy as np
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array
from planner.segment.gaps.bone_levels import BoneLevels
from planner.segment.gaps.interface_rays import OFFSETS_MM, ROW_MM, Interface
from planner.segment.unwrap import Cells, Floats

_PLAIN = (OFFSETS_MM >= 1.75) & (OFFSETS_MM <= 2.25)
"""Here the metal's blur has faded, and a thin line still shows."""
_INNER = (OFFSETS_MM >= 1.0) & (OFFSETS_MM <= 1.75)
_NOISE = (OFFSETS_MM >= 1.0) & (OFFSETS_MM <= 2.0)
_FADES_MM = (1.25, 2.0)
"""From here on the remnant of the metal's blur fades; there it has ended."""
_SOFT_HU = (-250.0, 200.0)
"""Cells that look on no cortex: below the first HU or beyond the patient's cancellous bone by the second they do not
count."""
_MARROW_HU = -100.0
_FEWEST = 200
_ROUNDS, _OUTLIER_HU = 8, 60.0
_WAVES = (1, 2, 3, 4)
"""Artefacts of a metal bar run along it and turn with the direction: dark where a beam's way through it is longest."""
_STIFF = 0.15
_ALONG_MM = 40.0
_REACH_MM, _FADE_MM = 2.0, 4.0
_LEAST_NOISE_HU, _UNKNOWN_NOISE_HU = 25.0, 150.0


def without_remnant(interface: Interface, levels: BoneLevels, config: HipGapConfig) -> Floats:
    """Take off what is left of the metal's blur beside it.

    Parameters
    ----------
    interface : Interface
        The unwrapped interface.
    levels : BoneLevels
        The patient's own bone.
    config : HipGapConfig
        Interface tissue.

    Returns
    -------
    ndarray, shape (rows, angles, len(OFFSETS_MM))
        Profiles. The remnant is read where no cortex follows: there they are flat beside the metal, in a line as in
        firm bone. It depends on the cell's blur, by robust regression.
    """
    profiles = interface.profiles
    plain = profiles[..., _PLAIN].mean(axis=-1)
    soft = interface.in_bone & (plain < levels.cancellous_hu + 120.0) & (plain > -150.0)
    if soft.sum() < _FEWEST:
        return profiles
    level = np.clip(plain[soft], _MARROW_HU, max(levels.cancellous_hu, config.fibrous_hu))
    middle = float(np.median(interface.sigma_mm[soft]))
    blur = np.stack([np.ones(int(soft.sum())), interface.sigma_mm[soft] - middle], axis=1)
    out = profiles.copy()
    for k in np.flatnonzero(_FADES_MM[1] > OFFSETS_MM):
        first, slope = _regressed(blur, profiles[..., k][soft] - level)
        share = float(np.clip((_FADES_MM[1] - OFFSETS_MM[k]) / (_FADES_MM[1] - _FADES_MM[0]), 0.0, 1.0))
        out[..., k] -= share * (first + slope * (interface.sigma_mm - middle))
    return out


def _regressed(design: Array, seen: Array) -> Array:
    weight: Array = np.ones(len(seen))
    fit: Array = np.zeros(design.shape[1])
    for _ in range(_ROUNDS):
        normal = (design * weight[:, None]).T @ design + 1e-6 * len(seen) * np.eye(design.shape[1])
        fit = np.asarray(np.linalg.solve(normal, (design * weight[:, None]).T @ seen), dtype=np.float64)
        weight = 1.0 / np.maximum(1.0, np.abs(seen - design @ fit) / _OUTLIER_HU)
    return fit


def turning_artefact(profiles: Floats, interface: Interface, expected_hu: Array | float, levels: BoneLevels) -> Floats:
    """Fit what artefacts add round a stem: slow along it, some waves round it, nothing on the whole.

    Parameters
    ----------
    profiles : ndarray, shape (rows, angles, len(OFFSETS_MM))
        Profiles without the metal's remnant.
    interface : Interface
        Their interface.
    expected_hu : ndarray of shape (rows, angles) or float
        What lies beside the metal: interface tissue or bone.
    levels : BoneLevels
        The patient's own bone.

    Returns
    -------
    ndarray, shape of the profiles
        HU to take off. A constant is no part of it, so that a line all round stays as dark as it is.
    """
    inner, valid = _soft_cells(profiles, interface, levels)
    if valid.sum() < _FEWEST:
        return np.zeros_like(profiles)
    count = profiles.shape[1]
    turn = np.arange(count) * (2.0 * np.pi / count)
    basis = np.stack([np.ones(count), *(f(k * turn) for k in _WAVES for f in (np.cos, np.sin))], axis=1)
    weight, rest = valid.astype(np.float64), np.where(valid, inner - expected_hu, 0.0)
    normal = _along(np.einsum("rm,mi,mj->rij", weight, basis, basis))
    target = _along(np.einsum("rm,mi->ri", rest, basis))
    stiff = _STIFF * count * np.diag([0.0, *(0.5 * k**2 for k in _WAVES for _ in (0, 1))])
    fit = np.linalg.solve(normal + stiff + 1e-3 * np.eye(len(stiff)), target[..., None])[..., 0]
    waves = fit[:, 1:] @ basis[:, 1:].T
    fade = np.exp(-np.maximum(OFFSETS_MM - _REACH_MM, 0.0) / _FADE_MM)
    return np.asarray(waves[..., None] * fade)


def _along(values: Array) -> Array:
    return np.asarray(ndimage.gaussian_filter1d(values, _ALONG_MM / ROW_MM, axis=0, mode="nearest"))


def _soft_cells(profiles: Floats, interface: Interface, levels: BoneLevels) -> tuple[Array, Cells]:
    inner = profiles[..., _INNER].mean(axis=-1)
    low, above = _SOFT_HU
    beyond = profiles[..., int(np.argmax(OFFSETS_MM >= 2.0))]
    valid = interface.in_bone & (inner > low) & (inner < levels.cancellous_hu + above)
    return inner, valid & (beyond < levels.cancellous_hu + above + 50.0)


def noise_hu(profiles: Floats, interface: Interface, levels: BoneLevels) -> float:
    """Say how far cells beside the metal vary, as a standard deviation: noise, texture and artefacts."""
    inner = profiles[..., _NOISE].mean(axis=-1)
    counts = interface.in_bone & (inner < levels.cancellous_hu + 150.0) & (inner > levels.cancellous_hu - 300.0)
    if counts.sum() < _FEWEST / 2:
        return _UNKNOWN_NOISE_HU
    values = inner[counts]
    return max(_LEAST_NOISE_HU, 1.48 * float(np.median(np.abs(values - np.median(values)))))
