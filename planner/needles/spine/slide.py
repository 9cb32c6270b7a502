"""The last stretch of a needle that slides along its screw."""

import numpy as np
import numpy.typing as npt

from planner.model.needle import Needle
from planner.needles.account.describe import TOUCH_MM, Scene
from planner.needles.candidates import Candidates
from planner.safety.slide_least import slide_least, slide_points


def slide_is_safe(scene: Scene, family: Candidates, needle: Needle) -> npt.NDArray[np.bool_]:
    """Check the way from the contact to the target against all that the shaft keeps away from, and the disc.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    family : Candidates
        N needles that touch a screw and slide along it.
    needle : Needle
        The needle.

    Returns
    -------
    ndarray of bool, shape (N,)
        False also where a slide leaves the picture.
    """
    if not len(family.aim_lps):
        return np.zeros(0, bool)
    config, radius = scene.config, needle.outer_diameter_mm / 2
    least = slide_least(scene.fields, family.aim_lps, family.target_lps, radius_mm=radius)
    near = least.surface
    safe = (near.metal_mm >= TOUCH_MM) & (near.canal_mm >= config.canal_margin_mm)
    safe &= (near.forbidden_mm >= config.forbidden_margin_mm) & (least.bone_mm >= config.inside_margin_mm)
    # not told apart (NaN) is no other bone
    safe &= ~(near.other_bone_mm < config.other_bone_margin_mm)
    disc = scene.anatomy.disc
    if disc is not None:
        safe &= ~disc.at(slide_points(family.aim_lps, family.target_lps)).any(axis=1)
    return np.asarray(safe)
