"""A cemented stem's mantle: no needle is drilled through it."""

from collections import Counter

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.needles.candidates import Candidates
from planner.safety.clearance import HITS_METAL, REASONS

THROUGH_MANTLE = "through the cement mantle"
IN_MANTLE_MM = 1.0
"""A way so long in cement is a hole through the mantle; shorter may be its blurred edge. Ours."""
_STEP_MM = 0.5
_BONE_MM = 60.0
"""Within so much of the tip a needle that was refused has entered bone; ours."""


def in_mantle_mm(anatomy: Anatomy, family: Candidates, bone_mm: Array) -> Array:
    """Measure how far needles run in cement or another implant that is no metal.

    Parameters
    ----------
    anatomy : Anatomy
        Metal and all hardware.
    family : Candidates
        N needles.
    bone_mm : ndarray, shape (N,)
        Way from the inner end to the bone's surface.

    Returns
    -------
    ndarray, shape (N,)
        mm; 0 where no such implant was told.
    """
    if anatomy.hardware is None or not len(bone_mm):
        return np.zeros(len(bone_mm))
    cement = anatomy.hardware.voxels & ~anatomy.metal.voxels
    if not cement.any():
        return np.zeros(len(bone_mm))
    steps = np.arange(0.0, float(bone_mm.max()) + _STEP_MM, _STEP_MM)
    points = family.aim_lps[:, None, :] + steps[None, :, None] * family.outward_lps[:, None, :]
    index = np.moveaxis(np.asarray(anatomy.grid.to_index(points.reshape(-1, 3))), -1, 0)
    met = ndimage.map_coordinates(cement.view(np.uint8), index, order=0, mode="constant", cval=0)
    within = met.reshape(points.shape[:2]).astype(bool) & (steps[None, :] <= bone_mm[:, None])
    return np.asarray(_STEP_MM * np.count_nonzero(within, axis=1), dtype=np.float64)


def told_by_mantle(
    anatomy: Anatomy, family: Candidates, code: npt.NDArray[np.intp], refused: Counter[str]
) -> Counter[str]:
    """Tell needles that met the cement mantle from those that met metal, which are refused for it together.

    Parameters
    ----------
    anatomy : Anatomy
        Metal and all hardware.
    family : Candidates
        N needles.
    code : ndarray of int, shape (N,)
        Why each was refused.
    refused : Counter of str
        The same, counted by reason.

    Returns
    -------
    Counter of str
        With as many needles in all; unchanged away from the hip.
    """
    met = np.flatnonzero(code == HITS_METAL)
    if family.approach != "femoral" or not len(met):
        return refused
    some = Candidates(
        family.approach,
        family.family,
        family.aim_lps[met],
        family.target_lps[met],
        family.outward_lps[met],
        family.ideal_lps,
    )
    through = int(np.count_nonzero(in_mantle_mm(anatomy, some, np.full(len(met), _BONE_MM)) > IN_MANTLE_MM))
    out = Counter(refused)
    out[REASONS[HITS_METAL]] -= through
    out[THROUGH_MANTLE] += through
    return +out
