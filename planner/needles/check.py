"""One's own needle, judged by the same machinery as the proposals."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.errors import UsageError
from planner.geometry.frames import Array, point_tuple, unit
from planner.geometry.rays import segment_distance_mm
from planner.model.anatomy import GapSpace
from planner.model.implant import Implant
from planner.model.needle import Approach, Clearances, Needle, Trajectory
from planner.model.volume import Mask
from planner.needles.account.describe import (
    Scene,
    breach_clearance_mm,
    crossings,
    landmark,
    needle_view,
    soft_crossings,
)
from planner.needles.candidates import Target, target_of
from planner.needles.families import approaches_for
from planner.needles.hip.femoral import allowed_directions, thigh_of
from planner.needles.margins import broken_limits, no_limits
from planner.needles.robustness import aim_errors
from planner.needles.select import reachable_ml
from planner.needles.spine.transpedicular import passes_pedicle
from planner.needles.surroundings import scene_round
from planner.safety.clearance import Checked, check_straight, known_mm, sample, surface_normals
from planner.safety.fields import BONE

OFF_TARGET_MM = 1.5
"""A tip farther than this from every gap misses them; no source, half a halo's width."""
_NEAR_IMPLANT_MM = 40.0
"""A needle so near to an implant is judged as one to it; ours, a screw's length."""


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


def check_trajectory(
    scene: Scene, *, entry_lps: npt.ArrayLike, target_lps: npt.ArrayLike, needle: Needle
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
    target, off_mm = _target(scene, tip)
    scene = scene_round(scene, target)
    measured = check_straight(scene.fields, tip, outward, limits=no_limits(needle), fine=True)
    broken = broken_limits(scene.fields, tip, outward, needle, config=scene.config)
    violations = [*broken.values(), *_rules_broken(scene, target, outward)]
    if off_mm is None:
        violations.append("no gap was told on this CT, so that the tip lies in none")
    elif off_mm > OFF_TARGET_MM:
        violations.append(f"the tip misses every gap by {off_mm:.1f} mm")
    trajectory = _measured_trajectory(scene, target, tip, outward, needle, measured)
    return TrajectoryCheck(trajectory, tuple(violations), off_mm)


def _target(scene: Scene, tip: Array) -> tuple[Target, float | None]:
    """Give what a needle with its tip there is judged as: to the gap that it lies in, or to the place itself."""
    gap, off_mm = _nearest_gap(scene, tip)
    if gap is None or off_mm is None or off_mm > OFF_TARGET_MM:
        grid = scene.anatomy.grid
        place = np.zeros(grid.shape, bool)
        place[tuple(np.rint(np.asarray(grid.to_index(tip))).astype(int))] = True
        near = scene.anatomy.implant(None if gap is None else gap.implant_id) or _nearest_implant(scene, tip)
        gap = GapSpace("none" if gap is None else gap.id, None if near is None else near.id, Mask(grid, place))
    return target_of(scene.anatomy, gap, scene.fields), off_mm


def _nearest_implant(scene: Scene, tip: Array) -> Implant | None:
    far = [(_distance_mm(implant, tip), n) for n, implant in enumerate(scene.anatomy.implants)]
    least, n = min(far, default=(np.inf, 0))
    return scene.anatomy.implants[n] if least <= _NEAR_IMPLANT_MM else None


def _distance_mm(implant: Implant, tip: Array) -> float:
    if implant.axis is None:
        return float(np.linalg.norm(np.subtract(implant.centroid_lps, tip)))
    return float(segment_distance_mm(tip, implant.axis.head_lps, implant.axis.tip_lps))


def _nearest_gap(scene: Scene, tip: Array) -> tuple[GapSpace | None, float | None]:
    best: tuple[GapSpace | None, float | None] = (None, None)
    half = min(scene.anatomy.grid.spacing_mm) / 2
    for gap in scene.anatomy.gaps:
        points = np.asarray(scene.anatomy.grid.to_lps(np.argwhere(gap.mask.voxels)))
        if not len(points):
            continue
        distance = max(0.0, float(np.linalg.norm(points - tip, axis=1).min()) - half)
        if best[1] is None or distance < best[1]:
            best = (gap, distance)
    return best


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
    errors = aim_errors(
        scene.fields,
        tip[None, :],
        outward[None, :],
        measured.in_view_mm,
        radius_mm=needle.outer_diameter_mm / 2,
        config=config,
    )
    robust = float(errors.harmless[0])
    in_gap = any(gap is target.gap for gap in scene.anatomy.gaps)
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
            metal=known_mm(measured.metal_mm[0]),
            canal=known_mm(measured.canal_mm[0]) if scene.fields.canal_known else None,
            nearest_breach=breach_clearance_mm(scene, target.gap.id, path[0], tip, needle),
            forbidden=known_mm(measured.forbidden_mm[0]),
            other_bone=known_mm(measured.other_bone_mm[0]),
        ),
        crosses=crossings(depth, in_bone, soft=soft_crossings(scene.anatomy, bone, skin)),
        cortical_crossings=1,
        entry_angle_deg=angle if np.isfinite(angle) else None,
        reachable_ml=float(reach[0]) if in_gap else None,
        skin_landmark=landmark(target, skin, scene.anatomy.landmarks),
        bulls_eye=needle_view(tip, path[0], config=config, console=scene.console),
        score=robust,
        score_terms={"robustness": robust},
        with_aim_error=errors.record(0, canal_known=scene.fields.canal_known, config=config),
    )
