"""One's own needle, judged by the same machinery as the proposals."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from planner.errors import UsageError
from planner.geometry.frames import Array, point_tuple, unit
from planner.model.anatomy import GapSpace
from planner.model.needle import Approach, Clearances, Needle, Trajectory
from planner.needles.account.describe import (
    Scene,
    breach_clearance_mm,
    crossings,
    landmark,
    limits_for,
    needle_view,
    soft_crossings,
)
from planner.needles.candidates import Candidates, Target, target_of
from planner.needles.families import approaches_for
from planner.needles.femoral import allowed_directions, thigh_of
from planner.needles.robustness import aim_errors
from planner.needles.select import reachable_ml
from planner.needles.transpedicular import passes_pedicle
from planner.safety.clearance import (
    GRAZES,
    HITS_CANAL,
    HITS_FORBIDDEN,
    HITS_METAL,
    NO_EXIT,
    REASONS,
    SECOND_BONE,
    TOO_LONG,
    Checked,
    Limits,
    check_straight,
    sample,
    surface_normals,
)
from planner.safety.fields import BONE

OFF_TARGET_MM = 1.5
"""A tip farther than this from every gap misses them; no source, half a halo's width."""
_NEVER_MM = 1e3


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
        Distance of the tip from the nearest gap, 0 inside.
    """

    trajectory: Trajectory
    violations: tuple[str, ...]
    off_target_mm: float

    @property
    def safe(self) -> bool:
        """Whether no hard limit is broken."""
        return not self.violations


def check_trajectory(
    scene: Scene, *, entry_lps: npt.ArrayLike, target_lps: npt.ArrayLike, needle: Needle
) -> TrajectoryCheck:
    """Judge a straight needle from an entry to a target.

    Parameters
    ----------
    scene : Scene
        Anatomy with at least one gap, distances, settings.
    entry_lps, target_lps : array_like, shape (3,)
        Any point of the needle outside the bone (the skin, say), and its tip, LPS mm.
    needle : Needle
        Diameter and length.

    Returns
    -------
    TrajectoryCheck

    Raises
    ------
    UsageError
        If there is no gap, entry and target coincide, or the tip lies outside the picture or outside the bone.
    """
    tip, entry = np.asarray(target_lps, dtype=np.float64), np.asarray(entry_lps, dtype=np.float64)
    gap, off_mm = _nearest_gap(scene, tip)
    if np.linalg.norm(entry - tip) < 1e-6:
        raise UsageError("entry and target are the same point; give two")
    outward = unit(entry - tip)
    depth = sample(scene.fields, tip, BONE)[0]
    if not depth > 0:
        where = "outside the picture" if np.isnan(depth) else "not inside bone or a gap"
        raise UsageError(f"the target ({tip[0]:.1f}, {tip[1]:.1f}, {tip[2]:.1f}) lies {where}; give one inside a gap")
    target = target_of(scene.anatomy, gap, scene.fields)
    measured = check_straight(scene.fields, tip, outward, limits=_no_limits(needle), fine=True)
    violations = [*_broken(scene, tip, outward, needle), *_rules_broken(scene, target, outward)]
    if off_mm > OFF_TARGET_MM:
        violations.append(f"the tip misses every gap by {off_mm:.1f} mm")
    trajectory = _measured_trajectory(scene, target, tip, outward, needle, measured)
    return TrajectoryCheck(trajectory, tuple(violations), off_mm)


def _nearest_gap(scene: Scene, tip: Array) -> tuple[GapSpace, float]:
    best: tuple[GapSpace, float] | None = None
    for gap in scene.anatomy.gaps:
        points = np.asarray(scene.anatomy.grid.to_lps(np.argwhere(gap.mask.voxels)))
        if not len(points):
            continue
        half = min(scene.anatomy.grid.spacing_mm) / 2
        distance = max(0.0, float(np.linalg.norm(points - tip, axis=1).min()) - half)
        if best is None or distance < best[1]:
            best = (gap, distance)
    if best is None:
        raise UsageError("no gap was found on this CT, so there is nothing to aim at")
    return best


def _no_limits(needle: Needle) -> Limits:
    return Limits(
        radius_mm=needle.outer_diameter_mm / 2,
        length_mm=_NEVER_MM,
        metal_mm=-_NEVER_MM,
        tip_metal_mm=-_NEVER_MM,
        canal_mm=-_NEVER_MM,
        forbidden_mm=-_NEVER_MM,
        bone_mm=-_NEVER_MM,
        inside_mm=0.0,
        graze_mm=_NEVER_MM,
        other_bone_mm=-_NEVER_MM,
    )


def _broken(scene: Scene, tip: Array, outward: Array, needle: Needle) -> list[str]:
    """Name every hard limit that is broken: each is tried alone, since the march stops at the first."""
    whole, none = limits_for(needle, scene.config), _no_limits(needle)
    alone = {
        HITS_METAL: replace(none, metal_mm=whole.metal_mm, tip_metal_mm=whole.tip_metal_mm),
        HITS_CANAL: replace(none, canal_mm=whole.canal_mm),
        HITS_FORBIDDEN: replace(none, forbidden_mm=whole.forbidden_mm),
        SECOND_BONE: replace(none, bone_mm=whole.bone_mm, inside_mm=whole.inside_mm, graze_mm=whole.graze_mm),
        TOO_LONG: replace(none, length_mm=whole.length_mm),
    }
    broken = []
    for code, limits in alone.items():
        found = int(check_straight(scene.fields, tip, outward, limits=limits, fine=True).reason[0])
        if found == code or (code == SECOND_BONE and found in (GRAZES, NO_EXIT)):
            broken.append(REASONS[found])
    return broken


def _rules_broken(scene: Scene, target: Target, outward: Array) -> list[str]:
    approaches = approaches_for(target, scene.config)
    direction = outward[None, :]
    if "femoral" in approaches:
        thigh = thigh_of(target)
        if thigh is None:
            return ["side not known"]
        safe = bool(allowed_directions(thigh, direction, config=scene.config)[0])
        return [] if safe else ["comes from the side of vessels and nerves"]
    if target.pedicle is None:
        return ["spinal canal not known"]
    return [] if outward[1] > 0 else ["comes from the front of the spine"]


def _approach(scene: Scene, target: Target, bone: Array, tip: Array) -> Approach:
    approaches = approaches_for(target, scene.config)
    if "femoral" in approaches or target.pedicle is None:
        return "femoral"
    reach = scene.config.pedicle_reach_mm
    through = passes_pedicle(target.pedicle, bone[None, :], tip[None, :], reach_mm=reach)[0]
    return "transpedicular" if through else "extrapedicular"


def _measured_trajectory(
    scene: Scene, target: Target, tip: Array, outward: Array, needle: Needle, measured: Checked
) -> Trajectory:
    config = scene.config
    to_bone, to_skin = float(measured.to_bone_mm[0]), float(measured.to_skin_mm[0])
    bone = tip if np.isnan(to_bone) else tip + to_bone * outward
    skin = None if np.isnan(to_skin) else tip + to_skin * outward
    in_bone = float(np.linalg.norm(bone - tip))
    depth = None if skin is None else to_skin
    path = [p for p in (skin, bone, tip) if p is not None]
    if len(path) == 2 and in_bone == 0.0:
        path = [tip + float(measured.in_view_mm[0]) * outward, tip]
    approach = _approach(scene, target, bone, tip)
    normal = surface_normals(scene.fields, bone)[0]
    angle = float(np.degrees(np.arccos(np.clip(normal @ outward, -1.0, 1.0))))
    family = Candidates(approach, "lateral", tip[None, :], tip[None, :], outward[None, :], outward)
    errors = aim_errors(
        scene.fields,
        tip[None, :],
        outward[None, :],
        measured.in_view_mm,
        radius_mm=needle.outer_diameter_mm / 2,
        config=config,
    )
    robust = float(errors.harmless[0])
    voxel_ml = scene.anatomy.grid.voxel_volume_mm3 / 1000.0
    reach = reachable_ml(tip[None, :], target.points_lps, reach_mm=config.reach_mm, voxel_ml=voxel_ml)
    return Trajectory(
        id="own",
        approach=approach,
        gap_id=target.gap.id,
        implant_id=target.gap.implant_id,
        rank=1,
        entry_skin_lps=None if skin is None else point_tuple(skin),
        entry_bone_lps=point_tuple(bone),
        aim_lps=point_tuple(tip),
        target_lps=point_tuple(tip),
        path_lps=tuple(point_tuple(p) for p in path),
        slides_along_implant=False,
        depth_from_skin_mm=depth,
        depth_in_bone_mm=in_bone,
        needle=needle,
        clearance_mm=Clearances(
            metal=float(measured.metal_mm[0]),
            canal=float(measured.canal_mm[0]) if scene.fields.canal_known else None,
            nearest_breach=breach_clearance_mm(scene, target.gap.id, path[0], tip, needle),
        ),
        crosses=crossings(depth, in_bone, soft=soft_crossings(scene.anatomy, bone, skin)),
        cortical_crossings=1,
        entry_angle_deg=angle if np.isfinite(angle) else None,
        reachable_ml=float(reach[0]),
        skin_landmark=landmark(target, skin, scene.anatomy.landmarks),
        bulls_eye=needle_view(tip, path[0], config=config, console=scene.console),
        score=robust,
        score_terms={"robustness": robust},
    )
