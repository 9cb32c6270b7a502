"""Where a screw ends: the end of its metal, and where its shaft widens into the tulip."""

import numpy as np
from scipy import ndimage
from scipy.optimize import least_squares

from planner.geometry.frames import Array
from planner.segment.implants.blurred_discs import disc_profile
from planner.segment.implants.shafts import RADII_MM, Traced, outer_fall, radial_profiles
from planner.segment.unwrap import Sampler

_STEP_MM = 0.25
_TIP_SPAN_MM = (12.0, 3.0)
"""How much of the shaft is fitted before the place where the metal fades, and beyond it."""
_NOSE_MM = (0.2, 9.0)
"""Shortest and longest nose."""
_NOISE_SHARE = 0.03
_WAIST_MM = 6.0
"""A shaft's waist lies within so much of the place where the tulip begins."""
_FLARE_MM = 0.4
"""A shaft has met its tulip where it is wider than its waist by this on each side: half a voxel, and what the flare of
the simulated screws' ball and neck comes to there. Ours."""


def tip_mm(sampler: Sampler, screw: Traced, *, at_high: bool, sigma_mm: float, ceiling_hu: float | None) -> float:
    """Find the end of the metal of a shaft, also of a point too thin to reach half of the plateau.

    Parameters
    ----------
    sampler : Sampler
        The CT round the screw.
    screw : Traced
        The screw.
    at_high : bool
        Whether the high end of its line is looked for.
    sigma_mm : float
        The scan's blur.
    ceiling_hu : float or None
        Where the scan is clipped.

    Returns
    -------
    float
        Place on the screw's line, mm.

    Notes
    -----
    Ours. A cylinder that narrows evenly to a blunt end or a point, blurred across and along its axis, is fitted to the
    profiles averaged round it; a thread is in that average the same everywhere. Where the scan is clipped, so is the
    model.
    """
    sign = 1.0 if at_high else -1.0
    rough = screw.ends[1 if at_high else 0].t_mm
    back = min(_TIP_SPAN_MM[0], 0.5 * screw.length_mm)
    x = np.arange(-back, _TIP_SPAN_MM[1], _STEP_MM)
    profiles = radial_profiles(sampler, screw.line, rough + sign * x)[:, screw.rays]
    use = screw.radius_mm + 2.0 > RADII_MM
    seen = np.median(profiles[:, :, use], axis=1).astype(np.float64)
    whole = seen[x < (min(-6.0, -0.6 * back) if back > 6.5 else -0.6 * back)]
    at = RADII_MM[use]
    shape = np.median(whole, axis=0)
    ground = float(np.median(seen[:, -3:]))
    top = screw.plateau_hu
    fine = np.arange(x[0] - 2.0, x[-1] + 2.0, _STEP_MM / 2)
    outside = int(2.0 / (_STEP_MM / 2))
    width = sigma_mm / (_STEP_MM / 2)

    def model(b: Array) -> Array:
        end, nose, blunt, radius, bright = b
        share = np.clip(blunt + (1.0 - blunt) * (end - fine) / nose, blunt, 1.0) * (fine < end)
        # the cell that holds the end counts in part
        part = np.clip((end - fine) / (_STEP_MM / 2) + 0.5, 0.0, 1.0)
        sharp = disc_profile(radius * np.where(share > 0, share, blunt)[:, None], at[None], sigma_mm) * part[:, None]
        smooth = ndimage.gaussian_filter1d(sharp, width, axis=0, mode="nearest")[outside : outside + 2 * len(x) : 2]
        return np.asarray(ground + bright * top * smooth)

    # bone and air beside the tip say nothing of it
    weight = np.where(at[None] < np.maximum(screw.radius_mm, 1.0) + 0.8, 1.0, 0.2)

    def misfit(b: Array) -> Array:
        said = model(b)
        if ceiling_hu is not None:
            said = np.minimum(said, ceiling_hu)
        return np.asarray(((said - seen) / (_NOISE_SHARE * top) * weight).ravel())

    radius = float(np.clip(outer_fall(shape[None, None], screw.level_hu)[0, 0], 0.8, 5.5))
    low = [-3.0, _NOSE_MM[0], 0.03, 0.6, 0.5]
    high = [2.9, _NOSE_MM[1], 1.0, 6.0, 4.0]
    start = [0.2, 3.0, 0.4, radius, 1.0]
    best = least_squares(misfit, start, bounds=(low, high), loss="soft_l1", max_nfev=40)
    return rough + sign * float(best.x[0])


def neck_mm(sampler: Sampler, screw: Traced, *, at_high: bool) -> float:
    """Find where a shaft begins to widen into its tulip.

    Parameters
    ----------
    sampler : Sampler
        The CT round the screw.
    screw : Traced
        The screw; that end is a joint.
    at_high : bool
        Whether its head is at the high end of its line.

    Returns
    -------
    float
        Place on the screw's line, mm.

    Notes
    -----
    Ours. From the place where it is as wide as a tulip, its radius is followed back to that of its waist and a little
    more: a ball and a neck widen most screws before they disappear in the tulip.
    """
    sign = 1.0 if at_high else -1.0
    joint = screw.ends[1 if at_high else 0].t_mm
    x = np.arange(-_WAIST_MM, 0.5, _STEP_MM / 2)
    profiles = radial_profiles(sampler, screw.line, joint + sign * x)[:, screw.rays]
    radius = ndimage.gaussian_filter1d(outer_fall(profiles, screw.level_hu).mean(1), 2.0)
    near = x <= 0.0
    waist_at = int(np.argmin(radius[near]))
    waist, wide = float(radius[waist_at]), float(radius[near][-1])
    if wide - waist < 0.4:
        return joint
    # back from the tulip, as long as the shaft is wider there: a thread beyond the waist is no flare
    last = int(near.sum()) - 1
    first = last - int(np.argmax(radius[last::-1] < waist + _FLARE_MM))
    return joint + sign * float(x[first])
