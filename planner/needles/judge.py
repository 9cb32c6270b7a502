"""One family's candidates against the hard limits: the march, and the rules that it does not see."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.model.needle import Needle
from planner.needles.account.describe import Scene, limits_for
from planner.needles.candidates import Candidates, Target
from planner.needles.families import kept_rules
from planner.needles.select import Passed
from planner.safety.clearance import (
    HITS_CANAL,
    HITS_FORBIDDEN,
    HITS_METAL,
    OTHER_BONE,
    REASONS,
    check_straight,
    surface_normals,
)
from planner.safety.slide_least import slide_least

_BY_DISTANCE = np.isin(np.arange(len(REASONS)), (HITS_METAL, HITS_CANAL, HITS_FORBIDDEN, OTHER_BONE))


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What came of N candidates of one family.

    Parameters
    ----------
    passed : Passed
        Those that keep all limits.
    index : ndarray of int, shape (K,)
        Which of the N they are.
    code : ndarray of int, shape (N,)
        Why each was refused, as an index into `reasons`; 0 passed.
    reasons : tuple of str
        In words; the first is "passed".
    slack_mm : ndarray, shape (N,)
        By how much a needle that only comes too near to metal, canal, forbidden tissue or another bone breaks the
        tightest limit (below 0); minus infinity for needles refused for anything else, or by more than the tolerance.
    """

    passed: Passed
    index: npt.NDArray[np.intp]
    code: npt.NDArray[np.intp]
    reasons: tuple[str, ...]
    slack_mm: Array

    def refused(self) -> Counter[str]:
        """Count the refused by reason."""
        count = np.bincount(self.code, minlength=len(self.reasons))
        return Counter({name: int(n) for name, n in zip(self.reasons[1:], count[1:], strict=True) if n})


def judge(
    scene: Scene,
    target: Target,
    family: Candidates,
    needle: Needle,
    *,
    tolerance_mm: float = 0.0,
    fine: bool = False,
) -> Judged:
    """Judge candidates by every hard limit.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target : Target
        The gap.
    family : Candidates
        N candidates.
    needle : Needle
        The needle.
    tolerance_mm : float
        Needles that break a distance's limit by no more are told with their slack.
    fine : bool
        Look as closely as at a person's own needle: march by quarters of a millimetre, and measure at each needle's
        own entry what else entries near each other share.

    Returns
    -------
    Judged
    """
    slide_mm = np.linalg.norm(family.target_lps - family.aim_lps, axis=1)
    limits = limits_for(needle, scene.config, slide_mm=float(slide_mm.max(initial=0.0)) if family.slides else None)
    checked = check_straight(
        scene.fields, family.aim_lps, family.outward_lps, limits=limits, tolerance_mm=tolerance_mm, fine=fine
    )
    code = checked.reason.astype(np.intp)
    near = _BY_DISTANCE[code] & (checked.slack_mm >= -tolerance_mm)
    slack = np.where(near, checked.slack_mm, -np.inf)
    index = np.flatnonzero(code == 0)
    passed = Passed(
        family,
        checked.to_skin_mm,
        checked.in_view_mm,
        checked.to_bone_mm,
        checked.metal_mm,
        checked.canal_mm,
        np.full(len(code), np.nan),
    ).take(index)
    bone = bone_entries(passed)
    cosine = np.einsum("ij,ij->i", surface_normals(scene.fields, bone), passed.family.outward_lps)
    passed = replace(passed, entry_angle_deg=np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
    if family.slides:
        # metal is that of the screw, which the slide touches by design
        ends, radius = passed.family, needle.outer_diameter_mm / 2
        slide = slide_least(scene.fields, ends.aim_lps, ends.target_lps, radius_mm=radius).surface
        passed = replace(passed, canal_mm=np.minimum(passed.canal_mm, slide.canal_mm))
    keep = np.ones(len(passed), bool)
    reasons = list(REASONS)
    for reason, good in kept_rules(scene, target, passed, needle, bone, own_entries=fine).items():
        code[index[keep & ~good]] = len(reasons)
        reasons.append(reason)
        keep &= good
    kept = np.flatnonzero(keep)
    return Judged(passed.take(kept), index[kept], code, tuple(reasons), slack)


def bone_entries(passed: Passed) -> Array:
    """Give where needles enter bone, LPS mm, shape (N, 3)."""
    return passed.family.aim_lps + passed.bone_mm[:, None] * passed.family.outward_lps
