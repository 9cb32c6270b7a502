"""Training screws as other scans would have shown them: another radius, dose, kernel, bone, rim, and other artefacts.

Every change is one of the view, so that the networks are shown it the way the program shows them a real screw. The
amounts are ours: wider than the phantoms' own spread, so that the networks keep to what their bone and their scanner
have in common with others.
"""

from dataclasses import dataclass, replace

import numpy as np
from reader_samples import SHOWN_HU, Sample, targets_of
from scipy import ndimage
from scipy.special import ndtr

from planner.geometry.frames import Array
from planner.segment.reading.network import Single
from planner.segment.reading.screws import ScrewView, features_of
from planner.segment.unwrap import RHO_MM, RHO_STEP_MM

FIBROUS_HU = 41.0
"""Interface tissue of the phantoms, about which contrasts are stretched."""
ROWS = 64
"""Of every map in a batch, the last ones empty as `Network.read` leaves them."""
_METAL_HU = 800.0
"""From here up HU are metal's, and are moved, not stretched."""
_COARSE = 2
"""Noise is drawn on every second cell: finer one would be averaged away."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How far views are changed: standard deviations, spans, and shares of the views that are changed.

    Parameters
    ----------
    radius_share, radius_steps : float and (int, int)
        Told radius: so many steps of 0.15 mm too small or too large.
    gain_share, gain_sd : float
        Contrast against interface tissue, its natural logarithm.
    blur_share, blur_mm : float
        Blur that is added, up to.
    bone_share, bone_hu, patch_hu : float
        Bone denser or thinner beyond the wall: as a whole, and in patches.
    rim_share, rim_hu, rim_patch_hu : float, (float, float) and float
        A bright (or pale) rim at the wall of a gap.
    floor_hu, floor_patch_hu : float
        What fills the gap.
    strong_share, streak_hu, strong_streak_hu : float
        Artefacts that turn with the angle and fade outwards.
    level_hu, grain_hu : float
        HU as a whole, and noise.
    limit_mm, metal_mm, cancellous_hu, blur_error_mm : float
        Errors of what was measured of the scan.
    bloom : (float, float)
        Factor of the bloom's height.
    no_pattern_share, other_pattern_share, pattern : float, float and (float, float)
        Artefacts foretold not at all, or by a factor.
    """

    radius_share: float = 0.6
    radius_steps: tuple[int, int] = (-2, 4)
    gain_share: float = 0.7
    gain_sd: float = 0.2
    blur_share: float = 0.3
    blur_mm: float = 0.35
    bone_share: float = 0.7
    bone_hu: float = 60.0
    patch_hu: float = 50.0
    rim_share: float = 0.6
    rim_hu: tuple[float, float] = (-80.0, 260.0)
    rim_patch_hu: float = 40.0
    floor_hu: float = 20.0
    floor_patch_hu: float = 10.0
    strong_share: float = 0.4
    streak_hu: float = 70.0
    strong_streak_hu: float = 240.0
    level_hu: float = 30.0
    grain_hu: float = 30.0
    limit_mm: float = 0.3
    metal_mm: float = 0.1
    cancellous_hu: float = 20.0
    blur_error_mm: float = 0.05
    bloom: tuple[float, float] = (0.7, 1.3)
    no_pattern_share: float = 0.3
    other_pattern_share: float = 0.2
    pattern: tuple[float, float] = (0.5, 1.5)


USUAL = Amounts()


def varied(sample: Sample, rng: np.random.Generator, amounts: Amounts = USUAL) -> tuple[Single, Single]:
    """Give features and targets of a screw as another scan would have shown it.

    Parameters
    ----------
    sample : Sample
        The screw.
    rng : Generator
        Draws the changes.
    amounts : Amounts
        How far they go.

    Returns
    -------
    features, targets : ndarray of float32, shape (half the rows, half the angles, ...)
        Begun at any angle, and half of them mirrored.
    """
    view = varied_view(sample, rng, amounts)
    maps = features_of(view), targets_of(sample, radius_mm=view.radius_mm)
    turn, mirrored = int(rng.integers(maps[0].shape[1])), rng.random() < 0.5
    turned = [np.roll(m, turn, axis=1) for m in maps]
    features, targets = (np.ascontiguousarray(m[:, ::-1]) if mirrored else m for m in turned)
    return features, targets


def padded(maps: Single, rows: int = ROWS) -> Single:
    """Bring a map to so many rows: the rest empty, or of a longer one those next to the tip."""
    shown = maps[-rows:]
    return np.concatenate([shown, np.zeros((rows - len(shown), *shown.shape[1:]), dtype=np.float32)])


def varied_view(sample: Sample, rng: np.random.Generator, amounts: Amounts = USUAL) -> ScrewView:
    """Change what was seen of a screw.

    Parameters
    ----------
    sample : Sample
        The screw, with the truth: bone is changed beyond the true wall.
    rng : Generator
        Draws the changes.
    amounts : Amounts
        How far they go.

    Returns
    -------
    ScrewView
    """
    view = _other_scan(sample.view, rng, amounts)
    profiles = np.array(view.profiles, dtype=np.float32)
    cancellous = view.cancellous_hu + rng.normal(0.0, amounts.cancellous_hu)
    if rng.random() < amounts.bone_share:
        denser = rng.normal(0.0, amounts.bone_hu)
        profiles += _other_bone(sample, view, denser, rng, amounts)
        cancellous += denser
    profiles += _streaks(view, rng, amounts)
    profiles += np.float32(rng.normal(0.0, amounts.level_hu))
    profiles += _grain(profiles.shape, rng, abs(rng.normal(0.0, amounts.grain_hu)))
    return replace(
        view,
        profiles=profiles,
        pattern_hu=_other_pattern(view, rng, amounts),
        cancellous_hu=cancellous,
        limit_mm=view.limit_mm + rng.normal(0.0, amounts.limit_mm),
        metal_mm=view.metal_mm + rng.normal(0.0, amounts.metal_mm),
        blur_mm=view.blur_mm + rng.normal(0.0, amounts.blur_error_mm),
        bloom_hu=view.bloom_hu * rng.uniform(*amounts.bloom),
    )


def _other_scan(view: ScrewView, rng: np.random.Generator, amounts: Amounts) -> ScrewView:
    """Tell another radius, stretch the contrast, blur."""
    first, last = amounts.radius_steps
    steps = int(rng.integers(first, last + 1)) if rng.random() < amounts.radius_share else 0
    gain = float(np.exp(rng.normal(0.0, amounts.gain_sd))) if rng.random() < amounts.gain_share else 1.0
    blur = float(rng.uniform(0.0, amounts.blur_mm)) if rng.random() < amounts.blur_share else 0.0
    profiles = np.clip(np.asarray(view.profiles, dtype=np.float32), *SHOWN_HU)
    if blur > 0.0:
        profiles = ndimage.gaussian_filter1d(profiles, blur / RHO_STEP_MM, axis=2, mode="nearest")
    soft = np.minimum(profiles, np.float32(_METAL_HU)) - np.float32(FIBROUS_HU)
    return replace(
        view,
        profiles=profiles + np.float32(gain - 1.0) * soft,
        radius_mm=view.radius_mm + steps * RHO_STEP_MM,
        cancellous_hu=FIBROUS_HU + (view.cancellous_hu - FIBROUS_HU) * gain,
        blur_mm=float(np.hypot(view.blur_mm, blur)),
    )


def _other_bone(
    sample: Sample, view: ScrewView, denser_hu: float, rng: np.random.Generator, amounts: Amounts
) -> Single:
    """Draw bone as dense, rims as bright and gaps as dark as they may be."""
    shape = sample.lucent.shape
    wall = np.where(sample.lucent, sample.outer_mm, view.radius_mm - 0.3)
    off = (RHO_MM - wall[..., None]).astype(np.float32)
    beyond = ndtr(off / np.float32(view.blur_mm))  # single precision: this takes half of an epoch
    patches = _field(shape, (rng.uniform(4, 16), rng.uniform(3, 10)), abs(rng.normal(0.0, amounts.patch_hu)), rng)
    rim = rng.uniform(*amounts.rim_hu) if rng.random() < amounts.rim_share else 0.0
    rims = (rim + _field(shape, (6, 4), amounts.rim_patch_hu, rng)) * sample.lucent
    floor = (rng.normal(0.0, amounts.floor_hu) + _field(shape, (8, 6), amounts.floor_patch_hu, rng)) * sample.lucent
    at_wall = np.exp(-0.5 * ((off - 0.5) / 0.6) ** 2)
    far, near, within = (m[..., None].astype(np.float32) for m in (denser_hu + patches, rims, floor))
    return np.asarray(far * beyond + near * at_wall + within * (1.0 - beyond))


def _streaks(view: ScrewView, rng: np.random.Generator, amounts: Amounts) -> Single:
    """Draw what beam hardening adds: it turns once to four times round the screw and changes along it."""
    rows, angles = view.metal_mm.shape
    turn, along = view.fan.azimuth_rad, np.linspace(0.0, 1.0, rows)[:, None]
    strong = rng.random() < amounts.strong_share
    size = abs(rng.normal(0.0, amounts.strong_streak_hu if strong else amounts.streak_hu))
    streaks = np.zeros((rows, angles))
    for waves, weaker in ((1, 1.5), (2, 1.0), (2, 1.0), (3, 3.0), (4, 3.0)):
        drift = rng.normal() + rng.normal() * along + 0.5 * rng.normal() * along**2
        streaks += size / weaker * drift * np.cos(waves * turn + rng.uniform(0.0, 2 * np.pi))
    fading = np.exp(-np.maximum(RHO_MM - view.radius_mm, 0.0) / rng.uniform(2.0, 15.0))
    return np.asarray(streaks[..., None] * fading, dtype=np.float32)


def _grain(shape: tuple[int, ...], rng: np.random.Generator, size_hu: float) -> Single:
    coarse = tuple(-(-n // _COARSE) for n in shape)
    sigma = (rng.uniform(0.3, 1.0), rng.uniform(0.3, 1.0), 1.0)
    noise = ndimage.gaussian_filter(rng.standard_normal(coarse, dtype=np.float32), sigma)
    noise *= np.float32(size_hu / noise.std())
    for axis in range(3):
        noise = np.repeat(noise, _COARSE, axis=axis)
    return np.asarray(noise[tuple(slice(n) for n in shape)])


def _field(shape: tuple[int, ...], sigma: tuple[float, float], size_hu: float, rng: np.random.Generator) -> Array:
    """Draw patches on the unwrapped map, cyclic round the screw."""
    noise = ndimage.gaussian_filter(rng.normal(0.0, 1.0, shape), sigma, mode=("nearest", "wrap"))
    return np.asarray(size_hu * noise / max(float(noise.std()), 1e-6))


def _other_pattern(view: ScrewView, rng: np.random.Generator, amounts: Amounts) -> Single:
    factor, chosen = 1.0, rng.random()
    if chosen < amounts.no_pattern_share:
        factor = 0.0
    elif chosen < amounts.no_pattern_share + amounts.other_pattern_share:
        factor = float(rng.uniform(*amounts.pattern))
    return np.asarray(factor * np.asarray(view.pattern_hu, dtype=np.float32))
