"""How many of a needle's badly aimed neighbours would still harm nothing."""

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.geometry.rigid import perpendicular_pair
from planner.model.needle import Needle
from planner.needles.candidates import Candidates
from planner.safety.clearance import Limits, check_straight
from planner.safety.fields import Fields


def robustness(fields: Fields, family: Candidates, needle: Needle, *, config: NeedleConfig) -> Array:
    """Give the share of badly aimed needles that still harm nothing.

    Parameters
    ----------
    fields : Fields
        Distances.
    family : Candidates
        N needles.
    needle : Needle
        Diameter and length.
    config : NeedleConfig
        Aiming error in mm and degrees.

    Returns
    -------
    ndarray, shape (N,)
        0 to 1, over 16 needles each: shifted to four sides and tilted to four sides about the tip, singly and both at
        once. Metal that is touched stops a needle and does not count; canal, forbidden tissue and other bone do.
    """
    limits = Limits(
        radius_mm=needle.outer_diameter_mm / 2,
        length_mm=1e3,
        metal_mm=-1e3,
        tip_metal_mm=-1e3,
        canal_mm=0.0,
        forbidden_mm=0.0,
        bone_mm=0.0,
        inside_mm=-1e3,
        graze_mm=1e3,
    )
    pairs = [perpendicular_pair(d) for d in family.outward_lps]
    across = np.array([[a, b, -a, -b] for a, b in pairs])
    tangent = np.tan(np.radians(config.aim_error_deg))
    good = np.zeros(len(family.aim_lps))
    tries = [(s, t) for s in range(-1, 4) for t in range(-1, 4) if (s, t) != (-1, -1) and (s < 0 or t < 0 or s == t)]
    tries += [(s, (s + 2) % 4) for s in range(4)]
    for shift, tilt in tries:
        aim, outward = family.aim_lps, family.outward_lps
        if shift >= 0:
            aim = aim + config.aim_error_mm * across[:, shift]
        if tilt >= 0:
            outward = outward + tangent * across[:, tilt]
            outward = outward / np.linalg.norm(outward, axis=1, keepdims=True)
        reason = check_straight(fields, aim, outward, limits=limits).reason
        good += (reason != 2) & (reason != 3) & (reason != 5)
    return good / len(tries)
