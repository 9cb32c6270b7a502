"""One's own needle, judged by the same machinery as the proposals."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.errors import UsageError
from planner.geometry.frames import Array, unit
from planner.model.needle import Approach, Family, Needle, Trajectory
from planner.needles.account.describe import Scene, told_of
from planner.needles.candidates import Candidates, Target
from planner.needles.families import fitting_approaches, kept_rules
from planner.needles.goals import OFF_TARGET_MM, Goals
from planner.needles.hip.femoral import thigh_of
from planner.needles.hip.hip_families import direction_allowed
from planner.needles.margins import broken_limits, no_limits
from planner.needles.robustness import aim_errors
from planner.needles.select import Passed, reachable_ml
from planner.needles.spine.pedicle import Pedicle, at_isthmus, within_pedicle
from planner.safety.clearance import Checked, check_straight, sample, surface_normals
from planner.safety.fields import BONE

NO_GAP_TOLD = "no gap was told on this CT, so that the tip lies in none"
MISSES_GAPS = "the tip misses every gap"
_WRONG_SIDE = "comes from the side of vessels and nerves"
_NOT_HELD = frozenset(("not this approach's way through the bone", "not through the region that the settings want"))
"""Rules for what is proposed: a person may choose an approach, and an entry, of his own."""


@dataclass(frozen=True, slots=True, eq=False)
class TrajectoryCheck:
    """What is to be said of one needle.

    Parameters
    ----------
    trajectory : Trajectory
        The needle with all that was measured.
    violations : tuple of str
        Hard limits that it breaks, in words; empty for a safe one.
    off_target_mm : float
        Distance of the tip from the nearest gap, 0 inside; None where no gap was told.
    """

    trajectory: Trajectory
    violations: tuple[str, ...]
    off_target_mm: float | None

    @property
    def safe(self) -> bool:
        """Whether no hard limit is broken."""
        return not self.violations

    @property
    def on_its_way(self) -> tuple[str, ...]:
        """Hard limits that it breaks, without those that say that its tip lies in no gap."""
        return tuple(v for v in self.violations if v != NO_GAP_TOLD and not v.startswith(MISSES_GAPS))


def check_trajectory(
    scene: Scene, *, entry_lps: npt.ArrayLike, target_lps: npt.ArrayLike, needle: Needle, goals: Goals | None = None
) -> TrajectoryCheck:
    """Judge a straight needle from an entry to a target, which may lie outside of all gaps.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    entry_lps, target_lps : array_like, shape (3,)
        Any point of the needle outside the bone (the skin, say), and its tip, LPS mm.
    needle : Needle
        Diameter and length.
    goals : Goals or None
        What was measured round goals already, of the same scene: for several needles. None measures anew.

    Returns
    -------
    TrajectoryCheck

    Raises
    ------
    UsageError
        If entry and target coincide, or the tip lies outside the picture or outside the bone.
    """
    tip, entry = np.asarray(target_lps, dtype=np.float64), np.asarray(entry_lps, dtype=np.float64)
    if np.linalg.norm(entry - tip) < 1e-6:
        raise UsageError("entry and target are the same point; give two")
    outward = unit(entry - tip)
    depth = sample(scene.fields, tip, BONE)[0]
    if not depth > 0:
        where = "outside the picture" if np.isnan(depth) else "not inside bone or a gap"
        raise UsageError(f"the target ({tip[0]:.1f}, {tip[1]:.1f}, {tip[2]:.1f}) lies {where}; give one inside a gap")
    goal = (goals or Goals(scene)).at(tip)
    scene, target, off_mm = goal.scene, goal.target, goal.off_mm
    measured = check_straight(scene.fields, tip, outward, limits=no_limits(needle), fine=True)
    broken = broken_limits(scene.fields, tip, outward, needle, config=scene.config)
    one = _one(scene, target, tip, outward, measured)
    violations = list(broken.values())
    violations += _rules_broken(scene, target, one, needle)
    if off_mm is None:
        violations.append(NO_GAP_TOLD)
    elif off_mm > OFF_TARGET_MM:
        violations.append(f"{MISSES_GAPS} by {off_mm:.1f} mm")
    # who asks about a needle placed it; one that the program proposed says so where it is locked
    trajectory = _told(scene, target, one, needle, measured).model_copy(update={"made": "edited"})
    return TrajectoryCheck(trajectory, tuple(violations), off_mm)


def _one(scene: Scene, target: Target, tip: Array, outward: Array, measured: Checked) -> Passed:
    """Give the needle as the search knows its own: by the pedicle that it goes through or beside, or to a hip."""
    to_bone = float(measured.to_bone_mm[0])
    to_bone = float(measured.in_view_mm[0]) if np.isnan(to_bone) else to_bone
    approach, pedicle = _approach(scene, target, tip, tip + to_bone * outward, outward)
    family: Family = "lateral" if approach == "femoral" else "posterolateral"
    family = "beside the screw" if approach == "transpedicular" else family
    ends = tip[None, :]
    way = Candidates(approach, family, ends, ends, outward[None, :], outward, pedicle=pedicle)
    normal = surface_normals(scene.fields, tip + to_bone * outward)[0]
    angle = np.degrees(np.arccos(np.clip(normal @ outward, -1.0, 1.0)))
    return Passed(
        way,
        measured.to_skin_mm,
        measured.in_view_mm,
        np.array([to_bone]),
        measured.metal_mm,
        measured.canal_mm,
        np.array([angle]),
    )


def _approach(scene: Scene, target: Target, tip: Array, bone: Array, outward: Array) -> tuple[Approach, Pedicle | None]:
    if "femoral" in fitting_approaches(target) or target.pedicle is None:
        return "femoral", None
    reach = scene.config.pedicle_reach_mm
    for pedicle in target.pedicles:
        lateral, other = at_isthmus(pedicle, tip[None, :], outward[None, :])
        behind = float((bone - pedicle.isthmus_lps) @ pedicle.outward_lps) > scene.config.spine.behind_isthmus_mm
        if behind and within_pedicle(pedicle, lateral, other, reach_mm=reach)[0]:
            return "transpedicular", pedicle
    # past the pedicle of the side that it comes from
    sides = [p for p in target.pedicles if (bone[0] - p.middle_lps[0]) * p.side > 0]
    return "extrapedicular", next(iter(sides), target.pedicle)


def _rules_broken(scene: Scene, target: Target, one: Passed, needle: Needle) -> list[str]:
    """Name the rules that it breaks besides the march's limits; which approach it takes is not held against it."""
    outward = one.family.outward_lps
    if "femoral" in fitting_approaches(target):
        if thigh_of(target) is None:
            return ["side not known"]
        sided = [] if direction_allowed(target, outward, config=scene.config)[0] else [_WRONG_SIDE]
    elif target.pedicle is None:
        return ["spinal canal not known"]
    else:
        sided = [] if outward[0, 1] > 0 else ["comes from the front of the spine"]
    if one.bone_mm[0] >= one.in_view_mm[0]:
        return sided  # it never leaves the bone within the picture, which the march has told
    bone = one.family.aim_lps + one.bone_mm[:, None] * outward
    rules = kept_rules(scene, target, one, needle, bone)
    return [*sided, *(name for name, kept in rules.items() if not kept[0] and name not in _NOT_HELD)]


def _told(scene: Scene, target: Target, one: Passed, needle: Needle, measured: Checked) -> Trajectory:
    config, tip = scene.config, one.family.aim_lps
    errors = aim_errors(
        scene.fields,
        tip,
        one.family.outward_lps,
        measured.in_view_mm,
        radius_mm=needle.outer_diameter_mm / 2,
        config=config,
    )
    robust = float(errors.harmless[0])
    in_gap = any(gap is target.gap for gap in scene.anatomy.gaps)
    voxel_ml = scene.anatomy.grid.voxel_volume_mm3 / 1000.0
    reach = reachable_ml(tip, target.points_lps, reach_mm=config.reach_mm, voxel_ml=voxel_ml)
    told = told_of(
        scene,
        target,
        one,
        needle,
        measured,
        score=robust,
        terms={"robustness": robust},
        reach_ml=float(reach[0]) if in_gap else None,
    )
    # which of the program's families it would belong to is not asked of a person's needle
    spinal = one.family.approach != "femoral"
    aimed = errors.record(0, canal_known=scene.fields.canal_known and spinal, config=config)
    return told.model_copy(update={"id": "own", "family": None, "with_aim_error": aimed})
