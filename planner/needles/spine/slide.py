"""The last stretch of a needle that slides along its screw."""

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.model.needle import Needle
from planner.needles.account.describe import TOUCH_MM, Scene
from planner.needles.candidates import Candidates
from planner.safety.clearance import sample_channels
from planner.safety.fields import BONE, CANAL, FORBIDDEN, METAL


def slide_is_safe(scene: Scene, family: Candidates, needle: Needle) -> npt.NDArray[np.bool_]:
    """Check the way from the contact to the target against metal, canal, forbidden tissue, disc and bone's surface.

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
    """
    safe = np.ones(len(family.aim_lps), bool)
    radius = needle.outer_diameter_mm / 2
    least = {
        METAL: radius + TOUCH_MM,
        CANAL: radius + scene.config.canal_margin_mm,
        FORBIDDEN: radius + scene.config.forbidden_margin_mm,
        BONE: scene.config.inside_margin_mm,
    }
    shares = np.linspace(0.0, 1.0, 21)[:, None, None]
    # All places at once: a look-up has a price of its own.
    points = (family.aim_lps + shares * (family.target_lps - family.aim_lps)).reshape(-1, 3)
    found = sample_channels(scene.fields, points, tuple(least))
    for distance, limit in zip(found, least.values(), strict=True):
        safe &= np.all((distance >= limit).reshape(len(shares), -1), axis=0)
    safe &= ~np.any(_in_disc(scene, points).reshape(len(shares), -1), axis=0)
    return safe


def _in_disc(scene: Scene, points_lps: Array) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(points_lps), bool)
    disc = scene.anatomy.disc
    if disc is not None:
        cell = np.rint(np.asarray(disc.grid.to_index(points_lps))).astype(int)
        inside = np.all((cell >= 0) & (cell < np.array(disc.grid.shape)), axis=1)
        found[inside] = disc.voxels[tuple(cell[inside].T)]
    return found
