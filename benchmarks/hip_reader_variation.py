"""Training stems and cups as other scans would have shown them, and with gaps that others have.

Every change is one of the view, so that the networks are shown it the way the program shows them a real hip. There are
few simulated hips, and a gap takes most of a stem at once: so gaps are also laid from one implant onto another, and
maps are drawn without any scanner (`hip_reader_drawings.py`). The amounts are ours, wider than the phantoms' spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hip_reader_drawings import drawn_map
from hip_reader_maps import FARTHEST_MM, STEEPEST, between, cells_mm3, field
from hip_reader_samples import DEPTHS_MM, KEPT_HU, SHOWN_AT, STEP_MM, TARGETS, HipSample, on_cells
from reader_variation import FIBROUS_HU
from scipy import ndimage
from scipy.special import ndtr

from planner.geometry.frames import Array
from planner.segment.reading.hips import BONE_MM, SHOWN_MM, HipView, features_of
from planner.segment.reading.network import Single
from planner.segment.reading.pairs import paired

STEM_ROWS, CUP_ROWS = 88, 24
"""Of every map in a batch, the last ones empty as `Network.read` leaves them."""
BRIGHTEST_HU = 2500.0
"""Brighter profiles look alike to the networks."""
_METAL_HU = 900.0
"""From here up HU are metal's, and are moved, not stretched."""
_BED_FROM_MM = 2.75
"""Nearer to the metal its blur is in the profile: bone there is taken to be as at this depth."""
_BED_HU = (20.0, 1300.0)
_OUTLINE_SHARE = 0.6
"""Bone's outline has ended where so little of it is left."""
_FEW_CELLS = 3.0
_GAPLESS_CELLS = 20


@dataclass(frozen=True, slots=True)
class Amounts:
    """How far views are changed: standard deviations, spans, and shares of the views that are changed.

    Parameters
    ----------
    drawn_share, drawn_as_is : float
        Of maps without a scanner among what is shown, and of those left unchanged among them.
    graft_share, gapless_graft_share : float
        Of implants that are given another's gap; of those without one of their own.
    graft_rows : int
        How far it is moved along, pairs of rows.
    graft_width, graft_width_patch : float
        Its width, as natural logarithm: as a whole, and in patches.
    graft_inner_mm, graft_inner_patch_mm : float
        Where it begins.
    graft_hu, graft_hu_sd : float
        What fills it.
    shift_share : float
        Metal's edge read a step of 0.25 mm too far in or out, or not.
    gain_share, gain_sd : float
        Contrast against interface tissue, its natural logarithm.
    blur_share, blur_mm : float
        Blur that is added, up to.
    bone_share, bone_hu, patch_hu : float
        Bone denser or thinner beyond the wall: as a whole, and in patches.
    rim_share, rim_hu, rim_patch_hu : float, (float, float) and float
        A bright (or pale) rim at the wall of a gap.
    floor_hu : float
        What fills the gap.
    strong_share, streak_hu, strong_streak_hu : float
        Artefacts that turn with the angle and fade outwards.
    level_hu, grain_hu : float
        HU as a whole; noise, up to.
    cancellous_hu : float
        Error of what was measured of the bone.
    no_pattern_share : float
        Artefacts foretold not at all.
    """

    drawn_share: float = 0.15
    drawn_as_is: float = 0.5
    graft_share: float = 0.35
    gapless_graft_share: float = 0.6
    graft_rows: int = 8
    graft_width: float = 0.25
    graft_width_patch: float = 0.12
    graft_inner_mm: float = 0.12
    graft_inner_patch_mm: float = 0.08
    graft_hu: float = 40.0
    graft_hu_sd: float = 25.0
    shift_share: float = 0.5
    gain_share: float = 0.7
    gain_sd: float = 0.2
    blur_share: float = 0.3
    blur_mm: float = 0.4
    bone_share: float = 0.6
    bone_hu: float = 60.0
    patch_hu: float = 50.0
    rim_share: float = 0.5
    rim_hu: tuple[float, float] = (-90.0, 240.0)
    rim_patch_hu: float = 36.0
    floor_hu: float = 18.0
    strong_share: float = 0.3
    streak_hu: float = 90.0
    strong_streak_hu: float = 240.0
    level_hu: float = 20.0
    grain_hu: float = 26.0
    cancellous_hu: float = 15.0
    no_pattern_share: float = 0.2


USUAL = Amounts()


def shown(sample: HipSample) -> tuple[Single, Single]:
    """Give features and targets of an implant as it is."""
    return features_of(sample.view), sample.targets


def varied(
    sample: HipSample, donors: Sequence[HipSample], rng: np.random.Generator, amounts: Amounts = USUAL
) -> tuple[Single, Single]:
    """Give features and targets of an implant as another scan would have shown it, or of one like it.

    Parameters
    ----------
    sample : HipSample
        The stem or cup.
    donors : sequence of HipSample
        Those of its kind with a gap; none: no gap is laid onto it.
    rng : Generator
        Draws the changes.
    amounts : Amounts
        How far they go.

    Returns
    -------
    features, targets : ndarray of float32, shape (half the rows, half the angles, ...)
        Begun at any angle, and half of them mirrored.
    """
    if rng.random() < amounts.drawn_share:
        sample = drawn_map(rng, is_cup=sample.view.is_cup)
        if rng.random() < amounts.drawn_as_is:
            return shown(sample)
    else:
        is_gapless = np.count_nonzero(sample.true("lucent")) < _GAPLESS_CELLS
        share = amounts.gapless_graft_share if is_gapless else amounts.graft_share
        if donors and rng.random() < share:
            sample = grafted(sample, donors[int(rng.integers(len(donors)))], rng, amounts)
    maps = shown(changed(sample, rng, amounts))
    turn, mirrored = int(rng.integers(maps[0].shape[1])), rng.random() < 0.5
    turned = [np.roll(m, turn, axis=1) for m in maps]
    features, targets = (np.ascontiguousarray(m[:, ::-1]) if mirrored else m for m in turned)
    return features, targets


# --- another scan ---


def changed(sample: HipSample, rng: np.random.Generator, amounts: Amounts = USUAL) -> HipSample:
    """Change what was seen of an implant.

    Parameters
    ----------
    sample : HipSample
        The stem or cup, with the truth: bone is changed beyond the true wall.
    rng : Generator
        Draws the changes.
    amounts : Amounts
        How far they go.

    Returns
    -------
    HipSample
        Its view and targets fit each other; ``profiles`` are left as they were.
    """
    view = sample.view
    steps = int(rng.integers(-1, 2)) if rng.random() < amounts.shift_share else 0
    gain = float(np.exp(rng.normal(0.0, amounts.gain_sd))) if rng.random() < amounts.gain_share else 1.0
    blur = float(rng.uniform(0.0, amounts.blur_mm)) if rng.random() < amounts.blur_share else 0.0
    sample = replace(sample, targets=_read_off(sample.targets, steps * STEP_MM))
    profiles = _other_contrast(_blurred(sample.profiles, blur)[..., SHOWN_AT + steps], gain)
    cancellous = FIBROUS_HU + (view.cancellous_hu - FIBROUS_HU) * gain + rng.normal(0.0, amounts.cancellous_hu)
    if rng.random() < amounts.bone_share:
        denser = rng.normal(0.0, amounts.bone_hu)
        profiles += _other_bone(sample, denser, rng, amounts)
        cancellous += denser
    profiles += _streaks(profiles.shape[:2], rng, amounts) + np.float32(rng.normal(0.0, amounts.level_hu))
    profiles += _grain(profiles.shape, rng, rng.uniform(0.0, amounts.grain_hu))
    no_pattern = rng.random() < amounts.no_pattern_share
    seen = replace(
        view,
        profiles=on_cells(profiles, len(view.in_bone)),
        pattern_hu=np.zeros_like(view.pattern_hu) if no_pattern else view.pattern_hu,
        metal_mm=view.metal_mm + steps * STEP_MM / np.maximum(view.cosine, STEEPEST),
        cancellous_hu=cancellous,
    )
    return replace(sample, view=seen)


def _blurred(profiles: Single, blur_mm: float) -> Single:
    if blur_mm == 0.0:
        return profiles
    return np.asarray(ndimage.gaussian_filter1d(profiles, blur_mm / STEP_MM, axis=2, mode="nearest"))


def _other_contrast(profiles: Single, gain: float) -> Single:
    stretched = np.float32(gain - 1.0) * (np.minimum(profiles, np.float32(_METAL_HU)) - np.float32(FIBROUS_HU))
    return np.asarray(np.clip(profiles + stretched, KEPT_HU[0], BRIGHTEST_HU), dtype=np.float32)


def _read_off(targets: Single, off_mm: float) -> Single:
    """Count the truth from a metal's edge that was read so much too far out."""
    outer, inner, metal, cosine, lucent = (
        targets[..., TARGETS.index(name)] for name in ("outer_mm", "inner_mm", "metal_mm", "cosine", "lucent")
    )
    out = targets.copy()
    out[..., TARGETS.index("outer_mm")] = np.where(lucent > 0, np.clip(outer - off_mm, 0.0, FARTHEST_MM), 0.0)
    out[..., TARGETS.index("inner_mm")] = np.where(lucent > 0, inner - off_mm, 0.0)
    out[..., TARGETS.index("metal_mm")] = metal + off_mm / np.maximum(cosine, STEEPEST)
    return out


def _other_bone(sample: HipSample, denser_hu: float, rng: np.random.Generator, amounts: Amounts) -> Single:
    """Draw bone as dense, rims as bright and gaps as dark as they may be."""
    lucent = sample.true("lucent")
    off = SHOWN_MM - np.where(lucent > 0, sample.true("outer_mm"), -0.3)[..., None]
    beyond = ndtr(off / (paired(sample.view.sigma_mm)[..., None] + 0.05))
    size = abs(rng.normal(0.0, amounts.patch_hu))
    patches = field(lucent.shape, (rng.uniform(2, 10), rng.uniform(1.5, 5)), size, rng)
    rim = rng.uniform(*amounts.rim_hu) if rng.random() < amounts.rim_share else 0.0
    rims = (rim + field(lucent.shape, (3, 2), amounts.rim_patch_hu, rng)) * lucent
    floor = rng.normal(0.0, amounts.floor_hu) * lucent
    at_wall = np.exp(-0.5 * ((off - 0.6) / 0.7) ** 2)
    far, near, within = (m[..., None] for m in (denser_hu + patches, rims, floor))
    return np.asarray(far * beyond + near * at_wall + within * (1.0 - beyond), dtype=np.float32)


def _streaks(shape: tuple[int, ...], rng: np.random.Generator, amounts: Amounts) -> Single:
    """Draw what beam hardening adds: it turns once to five times round the implant and changes along it."""
    rows, angles = shape
    turn, along = np.arange(angles) * 2 * np.pi / angles, np.linspace(0.0, 1.0, rows)[:, None]
    strong = rng.random() < amounts.strong_share
    size = abs(rng.normal(0.0, amounts.strong_streak_hu if strong else amounts.streak_hu))
    streaks = np.zeros((rows, angles))
    for waves in (1, 2, 2, 3, 5):
        drift = rng.normal() + rng.normal() * along + 0.5 * rng.normal() * along**2
        streaks += size / waves * drift * np.cos(waves * turn + rng.uniform(0.0, 2 * np.pi))
    fading = np.exp(-np.maximum(SHOWN_MM, 0.0) / rng.uniform(3.0, 20.0))
    return np.asarray(streaks[..., None] * fading, dtype=np.float32)


def _grain(shape: tuple[int, ...], rng: np.random.Generator, size_hu: float) -> Single:
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), (1.0, 0.7, 1.0))
    return np.asarray(noise * np.float32(size_hu / noise.std()))


# --- another's gap ---


def grafted(sample: HipSample, donor: HipSample, rng: np.random.Generator, amounts: Amounts = USUAL) -> HipSample:
    """Lay another implant's gap onto this one, where it has none.

    Parameters
    ----------
    sample, donor : HipSample
        The implant, and one of its kind that has a gap.
    rng : Generator
        Draws where it comes to lie, how wide it is and what fills it.
    amounts : Amounts
        How far it is changed.

    Returns
    -------
    HipSample
        The same where nothing of the gap would lie in bone.
    """
    own, targets = sample.true("lucent"), sample.targets
    share, outer = _placed(donor, own.shape, rng, amounts)
    outer = np.minimum(outer, bone_ends_mm(sample.view) - 0.2)
    # half of them keep off the implant's own gap, the others may widen its patch
    free = ndimage.maximum_filter(own, 3, mode=("nearest", "wrap")) <= 0 if rng.random() < 0.5 else own <= 0
    share = share * free * (sample.true("in_bone") > 0.5) * (outer > 0.4)
    if share.sum() < _FEW_CELLS:
        return sample
    inner = rng.normal(0.0, amounts.graft_inner_mm) + field(own.shape, (3, 2), amounts.graft_inner_patch_mm, rng)
    filling = rng.normal(amounts.graft_hu, amounts.graft_hu_sd)
    dip = (filling - _bed_hu(sample.profiles)) * between(inner, outer) * share[..., None]
    sigma = float(np.median(paired(sample.view.sigma_mm))) * rng.uniform(0.9, 1.2)
    dip = ndimage.gaussian_filter1d(dip, sigma / STEP_MM, axis=2, mode="nearest")
    dip = ndimage.gaussian_filter1d(dip, rng.uniform(0.0, 0.5), axis=0, mode="nearest")
    new = share > own
    volume = cells_mm3(targets, inner, outer) * share
    changes = {"lucent": share, "outer_mm": outer, "inner_mm": inner, "volume_mm3": volume}
    out = targets.copy()
    for name, values in changes.items():
        plane = out[..., TARGETS.index(name)]
        plane[new] = values[new]
    return replace(sample, profiles=(sample.profiles + dip).astype(np.float32), targets=out)


def _placed(
    donor: HipSample, shape: tuple[int, ...], rng: np.random.Generator, amounts: Amounts
) -> tuple[Array, Array]:
    """Move a gap along and round, mirror half of them, and draw its width anew."""
    rows, angles = shape
    row = np.arange(rows) + int(rng.integers(-amounts.graft_rows, amounts.graft_rows + 1))
    turn, mirrored = int(rng.integers(angles)), rng.random() < 0.5
    there = (row >= 0) & (row < len(donor.targets))

    def moved(name: str) -> Array:
        plane = np.roll(donor.true(name)[np.clip(row, 0, len(donor.targets) - 1)], turn, axis=1)
        return np.asarray((plane[:, ::-1] if mirrored else plane) * there[:, None], dtype=np.float64)

    share, outer = moved("lucent"), moved("outer_mm")
    outer = outer * np.exp(rng.normal(0.0, amounts.graft_width) + field(shape, (4, 2), amounts.graft_width_patch, rng))
    if rng.random() < 0.4:  # a stretch of it
        middle, half = rng.uniform(0, rows), rng.uniform(4, 25)
        share = share * (np.abs(np.arange(rows) - middle) < half)[:, None]
    return share, outer


def bone_ends_mm(view: HipView) -> Array:
    """Say where bone's outline ends on each pair of rays; 12 mm where it does not, shape (half rows, half angles)."""
    inside = paired(view.bone) >= _OUTLINE_SHARE
    before = np.concatenate([[0.5], BONE_MM[:-1]])
    return np.where(inside.all(axis=2), FARTHEST_MM, before[np.argmin(inside, axis=2)])


def _bed_hu(profiles: Single) -> Array:
    """HU of the bone that a gap is laid into, without its grain and without the metal's blur."""
    sigma, mode = (1.0, 1.0, 2.0), ("nearest", "wrap", "nearest")
    smooth = ndimage.gaussian_filter(np.clip(profiles, -100.0, 1500.0), sigma, mode=mode)
    first = int(np.searchsorted(DEPTHS_MM, _BED_FROM_MM))
    smooth[..., :first] = smooth[..., first : first + 1]
    return np.clip(smooth, *_BED_HU)
