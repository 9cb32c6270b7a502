"""Diameters over and under a screw's thread, and the scan's blur, by fitting blurred round metal to the scan."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.optimize import least_squares

from planner.config.implant_config import ImplantConfig
from planner.geometry.frames import Array
from planner.segment.implants.blurred_discs import disc_profile
from planner.segment.implants.rods import RodCourse
from planner.segment.implants.shafts import RADII_MM, Traced, outer_fall, radial_profiles, rays_across
from planner.segment.implants.straight_runs import Line
from planner.segment.unwrap import Sampler

_STEP_MM = 0.25
_BINS = 12
"""Into so many parts a turn of the thread is folded."""
_FINE = 36
_PITCH_MM = (1.0, 7.0)
"""Bone screws' threads advance by 1 to 4 mm a turn (six makes: 2-4 mm, doi 10.1038/s41598-022-11824-2, table 2), those
with two starts by up to 6 mm."""
_LEAST_WAVER_MM = 0.06
"""A thread lifts and lowers the radius by this at least; smooth pins in simulated scans show 0.02. Ours."""
_COMMON_PITCH_MM = 2.75
"""The middle of those pitches: a thread that a sharp scan does not show is finer, shallower, or not there."""
_UNSEEN_DEPTH = (0.06, 0.03)
"""Depth as share of the diameter where a sharp scan shows no thread: between none and one too fine to be seen. Ours."""
_CREST_MM = 0.15
"""Width of a thread's crest: sharp to 0.25 mm. Ours."""
_FLANKS = (0.85, 1.0)
"""Width that a thread gains for its depth, and how surely: both flanks' tangents, 0.55 for a buttress, 1.15 for a
symmetrical thread of 60 degrees. Ours, by the forms of bone screws' threads."""
_DEPTH = (0.16, 0.03)
"""Depth of a thread as share of the diameter, and how surely: cores of 3.65-5.1 mm in screws of 6-7.5 mm, so 0.16
to 0.20 (doi 10.1038/s41598-022-11824-2, table 2)."""
_CENSORED = 0.65
"""Share of the ceiling above which a clipped scan says only that the metal is no dimmer: a sample between two voxels of
which one is clipped is too low. Ours."""
_TOP_SPREAD = (0.5, 0.2)
"""How surely the plateau is known (spread of its logarithm) where it is seen, and where it is clipped. Ours."""
_SIGMA_SPREAD = (0.3, 0.15)
"""The same of the blur."""
_THICK = 1.5
"""Slices this much thicker than a pixel is wide blur what lies across them too much. Ours, on 2 mm slices."""
_THICK_DEG = 45.0
"""Rays nearer than this to the slices' normal are then not read."""
_BARE_SHARE = 0.12
"""A rod's section is bare where less than this share of its plateau lies 2 mm beside it: bone, but no tulip. Ours."""
_FEW = 4
_NOISE_SHARE = 0.02
"""What the model leaves unexplained, as share of the plateau: streaks, cupping, the thread's own form. Ours."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A screw's diameters.

    Parameters
    ----------
    outer_mm : float
        Over the thread. The scan's blur hides part of it, which priors on the thread's depth and flanks stand in for.
    core_mm : float or None
        Under the thread; None where no thread was seen, or the scan is clipped beneath the metal's plateau: it would be
        little but the outer diameter less the usual depth of a thread.
    sigma_mm : float
        The blur that the fit took or found.
    plateau_hu : float
        HU inside the metal, at its edge.
    pitch_mm : float or None
        Advance a turn; None where no thread was seen.
    """

    outer_mm: float
    core_mm: float | None
    sigma_mm: float
    plateau_hu: float
    pitch_mm: float | None


@dataclass(frozen=True, slots=True)
class _Helix:
    per_mm: float
    starts: int


@dataclass(frozen=True, slots=True)
class _Scan:
    """What a fit must know of the scan: the blur or None, the ceiling or None, and the metal's plateau, about."""

    sigma_mm: float | None
    ceiling_hu: float | None
    plateau_hu: float

    @property
    def is_clipped(self) -> bool:
        return _hides_metal(self.ceiling_hu, self.plateau_hu)


def _hides_metal(ceiling_hu: float | None, plateau_hu: float) -> bool:
    return ceiling_hu is not None and ceiling_hu < 0.9 * plateau_hu


def _hides_threads(sigma_mm: float) -> bool:
    """Whether the blur leaves less than a fifth of the waver of a common thread."""
    return float(np.exp(-2 * (np.pi * sigma_mm / _COMMON_PITCH_MM) ** 2)) < 0.2


def _censored(apart: Array, seen: Array, ceiling_hu: float | None) -> Array:
    """Let a model be brighter where the scan is clipped, or drawn down by a clipped voxel next to it."""
    if ceiling_hu is None:
        return apart
    return np.where(seen > _CENSORED * ceiling_hu, np.minimum(apart, 0.0), apart)


def measure_thread(
    sampler: Sampler,
    screw: Traced,
    *,
    head_is_high: bool,
    sigma_mm: float | None,
    ceiling_hu: float | None,
    plateau_hu: float,
    config: ImplantConfig,
) -> Thread | None:
    """Measure the diameter over the thread and that of the core.

    Parameters
    ----------
    sampler : Sampler
        The CT round the screw.
    screw : Traced
        The screw.
    head_is_high : bool
        Whether its head is at the high end of its line.
    sigma_mm : float or None
        The scan's blur; None to find it too.
    ceiling_hu : float or None
        Where the scan is clipped; what lies there may have been any brighter.
    plateau_hu : float
        HU inside the metal, or what is to be expected there where the scan is clipped.
    config : ImplantConfig
        The blur to be expected.

    Returns
    -------
    Thread or None
        None where the shaft is too short.

    Notes
    -----
    Ours. The helix shows as the first (second for two starts) harmonic of the radius round the axis, turning along it.
    All turns are folded into one; the fit is a core with a trapezoidal thread, blurred across and along the axis, its
    plateau free. What the blur hides is held by priors on the thread's depth and flanks.
    """
    trim = (5.0, 4.5) if head_is_high else (4.5, 5.0)
    low, high = screw.ends[0].t_mm + trim[0], screw.ends[1].t_mm - trim[1]
    if high - low < 6.0:
        return None
    t = np.arange(low, high, _STEP_MM)
    rays = _sharpest(sampler, screw)
    profiles = np.asarray(radial_profiles(sampler, screw.line, t)[:, rays], dtype=np.float64)
    turn = (np.arange(len(rays)) * 2 * np.pi / len(rays))[rays]
    radius = outer_fall(profiles, screw.level_hu)
    helix = _helix(radius, turn)
    phase = np.zeros(radius.shape) if helix is None else _phase(t, turn, helix)
    # a neighbour or cortex that runs into the bloom
    clean = np.abs(radius - np.median(radius)) < 1.2
    folded = _folded(profiles, phase, clean)
    scan = _Scan(sigma_mm, ceiling_hu, plateau_hu)
    return _fitted(folded, helix, float(np.median(radius)), scan, config)


def _sharpest(sampler: Sampler, screw: Traced) -> npt.NDArray[np.bool_]:
    """Tell the rays that the slices' thickness blurs least, unless starvation has chosen them already."""
    spacing = sampler.grid.spacing_mm
    across = rays_across(sampler, screw.line.direction, within_deg=_THICK_DEG)
    if screw.is_blade or spacing[0] < _THICK * max(spacing[1:]) or across is None:
        return screw.rays
    return ~across


def _helix(radius: Array, turn: Array) -> _Helix | None:
    """Find the thread's turns a mm, and how many starts it has."""
    local = radius - ndimage.uniform_filter1d(radius, 25, axis=0, mode="nearest")
    local = np.clip(local, -0.8, 0.8)
    size = 2048
    per_mm = np.fft.fftfreq(size, _STEP_MM)
    best, chosen, middle = 0.0, None, 0.0
    for starts in (1, 2):
        harmonic = (local * np.exp(-1j * starts * turn)).mean(1) * np.hanning(len(local))
        power = np.abs(np.fft.fft(harmonic, size))
        # a turn's advance is that of a wave times the starts
        fits = (starts / _PITCH_MM[1] < np.abs(per_mm)) & (np.abs(per_mm) < 1.0 / _PITCH_MM[0])
        k = int(np.argmax(np.where(fits, power, 0.0)))
        if power[k] > 1.3 * best:
            best, chosen, middle = float(power[k]), _Helix(float(per_mm[k]), starts), float(np.median(power[fits]))
    waver_mm = 2.0 * best / float(np.hanning(len(local)).sum())
    return chosen if chosen is not None and best > 4.0 * middle and waver_mm > _LEAST_WAVER_MM else None


def _phase(t: Array, turn: Array, helix: _Helix) -> Array:
    """Give how far each place on the shaft is round the thread, 0 to 1."""
    return np.asarray((helix.per_mm * t[:, None] + helix.starts * turn[None, :] / (2 * np.pi)) % 1.0)


def _folded(profiles: Array, phase: Array, clean: npt.NDArray[np.bool_]) -> Array:
    """Give the median profile of each part of a turn, shape (bins, radii)."""
    part = np.minimum((phase * _BINS).astype(int), _BINS - 1)
    return np.stack([np.median(profiles[own], axis=0) for own in _cells(part, clean)])


def _cells(part: npt.NDArray[np.int_], clean: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.bool_]]:
    found = [(part == k) & clean for k in range(_BINS)]
    return [own if own.any() else clean for own in found]


def _fitted(folded: Array, helix: _Helix | None, radius_mm: float, scan: _Scan, config: ImplantConfig) -> Thread:
    unseen = helix is None and not _hides_threads(scan.sigma_mm or config.default_sigma_mm)
    expected_depth = _UNSEEN_DEPTH if unseen else _DEPTH
    use = (max(0.9, radius_mm - 1.6) < RADII_MM) & (radius_mm + 1.8 > RADII_MM)
    at, seen = RADII_MM[use], folded[:, use]
    if helix is None:
        seen = np.median(folded, axis=0)[None, use]
    per_mm = 0.0 if helix is None else abs(helix.per_mm)
    expected, clipped = np.log(config.default_sigma_mm), int(scan.is_clipped)

    def sigma_of(b: Array) -> float:
        return scan.sigma_mm if scan.sigma_mm is not None else float(np.exp(b[6]))

    def misfit(b: Array) -> Array:
        core, depth, start, flanks, top, ground = b[:6]
        model = ground + top * scan.plateau_hu * _model(core, depth, start, flanks, sigma_of(b), at, per_mm, len(seen))
        apart = _censored(model - seen, seen, scan.ceiling_hu) / (_NOISE_SHARE * scan.plateau_hu)
        outer = 2 * (core + depth)
        held = [
            (depth / outer - expected_depth[0]) / expected_depth[1],
            (flanks - _FLANKS[0]) / _FLANKS[1],
            (b[6] - expected) / _SIGMA_SPREAD[clipped],
        ]
        held.append(np.log(top) / _TOP_SPREAD[clipped])
        return np.concatenate([apart.ravel() / np.sqrt(10.0), held])

    first = np.angle(np.fft.fft(seen.sum(1))[1]) / (2 * np.pi) if len(seen) > 1 else 0.0
    guess = np.array([radius_mm - 0.4, 0.9, -first, 0.85, 1.0, 100.0, expected])
    low = [0.6, 0.05, -3.0, 0.2, 0.4, -1500.0, np.log(0.2)]
    high = [8.0, 2.2, 3.0, 5.0, 4.0, 1500.0, np.log(1.3)]
    best = least_squares(
        misfit,
        np.clip(guess, np.add(low, 1e-3), np.subtract(high, 1e-3)),
        bounds=(low, high),
        x_scale=[0.1, 0.1, 0.05, 0.2, 0.1, 100.0, 0.1],
        loss="soft_l1",
        max_nfev=60,
    )
    core, depth, top = float(best.x[0]), float(best.x[1]), float(best.x[4])
    return Thread(
        outer_mm=2 * (core + depth),
        core_mm=None if helix is None or scan.is_clipped else 2 * core,
        sigma_mm=sigma_of(best.x),
        plateau_hu=top * scan.plateau_hu,
        pitch_mm=None if helix is None else helix.starts / abs(helix.per_mm),
    )


def _model(
    core: float, depth: float, start: float, flanks: float, sigma: float, at: Array, per_mm: float, bins: int
) -> Array:
    """Give the share of the plateau round a turn of the thread, shape (bins, radii)."""
    if bins == 1:
        # no turn to be seen: what the thread adds, smeared
        steps = np.linspace(-0.5, 0.5, _FINE, endpoint=False)
        height = np.clip(1.0 - np.abs(steps) / 0.25, 0.0, 1.0)
        return np.asarray(disc_profile(core + depth * height[:, None], at[None], sigma).mean(0))[None]
    phase = (np.arange(_FINE) + 0.5) / _FINE
    away = np.abs((phase - start + 0.5) % 1.0 - 0.5) / per_mm
    height = np.clip(1.0 - (away - _CREST_MM / 2) / max(flanks * depth / 2, 1e-3), 0.0, 1.0)
    sharp = disc_profile(core + depth * height[:, None], at[None], sigma)
    damp = np.exp(-2 * (np.pi * sigma * per_mm * np.fft.rfftfreq(_FINE, 1.0 / _FINE)) ** 2)
    smooth = np.fft.irfft(np.fft.rfft(sharp, axis=0) * damp[:, None], n=_FINE, axis=0)
    return np.asarray(smooth.reshape(bins, _FINE // bins, -1).mean(1))


def rod_blur_mm(
    sampler: Sampler, rod: RodCourse, *, ceiling_hu: float | None, plateau_hu: float, config: ImplantConfig
) -> tuple[float, float]:
    """Measure a rod's radius and the scan's blur by fitting a blurred disc to its median radial profile.

    Parameters
    ----------
    sampler : Sampler
        The CT round the rod.
    rod : RodCourse
        The rod.
    ceiling_hu : float or None
        Where the scan is clipped.
    plateau_hu : float
        HU inside the metal, or what is to be expected there where the scan is clipped.
    config : ImplantConfig
        The blur to be expected.

    Returns
    -------
    radius_mm, sigma_mm : float
        The rod's, and the standard deviation in the plane square to it.
    """
    use = rod.traced.radius_mm + 2.0 > RADII_MM
    sections = [
        radial_profiles(sampler, Line(middle, way, 0.0, 0.0), np.zeros(1))[0]
        for middle, way in zip(rod.free_lps, rod.free_ways, strict=True)
    ]
    bare = [s for s in sections if np.median(s[:, use][:, -2:]) < _BARE_SHARE * plateau_hu]
    seen = np.median(np.stack(bare if len(bare) >= _FEW else sections), axis=(0, 1))[use].astype(np.float64)
    at, top = RADII_MM[use], plateau_hu
    clipped = int(_hides_metal(ceiling_hu, top))
    weight = np.where(at < rod.traced.radius_mm - 1.3, 0.2, 1.0)  # cupping

    def misfit(b: Array) -> Array:
        model = b[0] * top * disc_profile(b[1] + 0 * at, at, float(np.exp(b[2]))) + b[3]
        apart = _censored(model - seen, seen, ceiling_hu) / (_NOISE_SHARE * top)
        held = [
            (b[2] - np.log(config.default_sigma_mm)) / _SIGMA_SPREAD[clipped],
            np.log(b[0]) / _TOP_SPREAD[clipped],
        ]
        return np.concatenate([apart * weight, held])

    bounds = ([0.4, 1.0, np.log(0.2), -1500], [4.0, 5.0, np.log(1.3), 1500])
    guess = [1.0, float(np.clip(rod.traced.radius_mm, 1.1, 4.9)), np.log(config.default_sigma_mm), 100.0]
    best = least_squares(misfit, guess, x_scale=[0.1, 0.1, 0.1, 100], bounds=bounds, loss="soft_l1")
    return float(best.x[1]), float(np.exp(best.x[2]))
