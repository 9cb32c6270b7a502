"""A safe needle, described for the operator."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array, point_tuple, positioner_angles_deg
from planner.geometry.rays import segment_distance_mm
from planner.model.anatomy import Anatomy
from planner.model.breach import Breach
from planner.model.carm import NeedleView
from planner.model.needle import Clearances, Crossing, Needle, Trajectory
from planner.needles.account.bone_crossings import bone_crossings
from planner.needles.account.crossed import FAT, MUSCLE, UNTOLD, tissue_along
from planner.needles.account.hip_account import hip_account
from planner.needles.account.way_account import way_account
from planner.needles.account.zones import zones_reached
from planner.needles.candidates import Target
from planner.needles.hip.hip_way import HipSite, hip_site
from planner.needles.select import Passed
from planner.safety.clearance import Checked, Least, Limits, check_straight, known_mm
from planner.safety.fields import BoxedDistance, Fields, depth_in_gap
from planner.safety.slide_least import slide_least
from planner.safety.watch_angles import ConsoleAngles

TOUCH_MM = -0.3
"""How far a needle that touches a screw may seem to dip into its metal: half a voxel of a usual CT."""


_STEP_MM = 0.4
_LEAST_TOLD = 0.8
"""Of the way through soft tissue so much must be told as muscle or fat, or neither's length is given. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What the search looks at.

    Parameters
    ----------
    anatomy : Anatomy
        What is where.
    fields : Fields
        Distances.
    breaches : tuple of Breach
        Known breaches.
    config : NeedleConfig
        Settings.
    console : callable
        Turns positioner angles into console angles of the treatment position.
    memo : dict
        What was measured of hips' gaps already.
    depths : dict
        The depth below gaps' walls, as far as it was measured already.
    """

    anatomy: Anatomy
    fields: Fields
    breaches: tuple[Breach, ...]
    config: NeedleConfig
    console: ConsoleAngles
    memo: dict[Target, HipSite] = field(default_factory=dict)
    depths: dict[Target, BoxedDistance] = field(default_factory=dict)

    def hip_site(self, target: Target) -> HipSite:
        """Give what all ways to a hip's gap share; measured once a target, and what its implant's gaps share once."""
        if target not in self.memo:
            like = next((site for known, site in self.memo.items() if known.implant is target.implant), None)
            self.memo[target] = hip_site(
                self.anatomy, self.fields, target, self.breaches, config=self.config, like=like
            )
        return self.memo[target]

    def wall_depth(self, target: Target) -> BoxedDistance:
        """Give how deep places lie within gap and metal, in a box round the gap; measured once a target."""
        if target not in self.depths:
            metal = self.anatomy.metal.voxels
            self.depths[target] = depth_in_gap(target.points_lps, target.gap.mask, metal)
        return self.depths[target]


def needle_view(aim_lps: Array, first_lps: Array, *, config: NeedleConfig, console: ConsoleAngles) -> NeedleView:
    """Give the bull's-eye view of a needle.

    Parameters
    ----------
    aim_lps, first_lps : ndarray, shape (3,)
        Inner end of the straight part, and the first point of the path, LPS mm.
    config : NeedleConfig
        Gantry limits.
    console : callable
        Turns positioner angles into console angles of the treatment position.

    Returns
    -------
    NeedleView
    """
    primary, secondary = positioner_angles_deg(first_lps - aim_lps)
    at_console = console(primary, secondary)
    return NeedleView(
        primary_deg=primary,
        secondary_deg=secondary,
        console_primary_deg=at_console[0],
        console_secondary_deg=at_console[1],
        within_gantry_limits=config.gantry.reaches(*at_console),
    )


def limits_for(needle: Needle, config: NeedleConfig, *, slide_mm: float | None = None) -> Limits:
    """Give the hard limits of a needle.

    Parameters
    ----------
    needle : Needle
        Diameter and length.
    config : NeedleConfig
        Margins.
    slide_mm : float or None
        Length of the slide along a screw, which the needle touches where it begins; None without one.

    Returns
    -------
    Limits
    """
    return Limits(
        radius_mm=needle.outer_diameter_mm / 2,
        length_mm=needle.length_mm,
        metal_mm=config.metal_margin_mm,
        tip_metal_mm=config.tip_metal_margin_mm if slide_mm is None else TOUCH_MM,
        canal_mm=config.canal_margin_mm,
        forbidden_mm=config.forbidden_margin_mm,
        bone_mm=config.bone_margin_mm,
        inside_mm=config.inside_margin_mm,
        graze_mm=config.graze_mm,
        beyond_mm=slide_mm or 0.0,
        other_bone_mm=config.other_bone_margin_mm,
    )


def describe(
    scene: Scene, target: Target, one: Passed, needle: Needle, *, score: float, terms: dict[str, float], reach_ml: float
) -> Trajectory | None:
    """Turn one safe candidate into a trajectory.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target : Target
        The gap.
    one : Passed
        A single needle.
    needle : Needle
        Its size.
    score : float
        0 to 1.
    terms : dict
        What the score is made of.
    reach_ml : float
        Volume within reach of the tip.

    Returns
    -------
    Trajectory or None
        None where a finer look finds that the needle does not pass after all.
    """
    family = one.family
    aim, end, outward = family.aim_lps[0], family.target_lps[0], family.outward_lps[0]
    slide = float(np.linalg.norm(end - aim))
    limits = limits_for(needle, scene.config, slide_mm=slide if family.slides else None)
    fine = check_straight(scene.fields, aim, outward, limits=limits, fine=True)
    if fine.reason[0] != 0:
        return None
    return told_of(scene, target, one, needle, fine, score=score, terms=terms, reach_ml=reach_ml)


def told_of(
    scene: Scene,
    target: Target,
    one: Passed,
    needle: Needle,
    fine: Checked,
    *,
    score: float,
    terms: dict[str, float],
    reach_ml: float | None,
) -> Trajectory:
    """Write down all that is told of one needle, safe or not.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances, settings.
    target : Target
        The gap.
    one : Passed
        A single needle.
    needle : Needle
        Its size.
    fine : Checked
        What its fine march measured.
    score : float
        0 to 1.
    terms : dict
        What the score is made of.
    reach_ml : float or None
        Volume within reach of the tip; None where that was not measured.

    Returns
    -------
    Trajectory
        Where the march never left the bone, the bone's entry is where it ended.
    """
    family = one.family
    aim, end, outward = family.aim_lps[0], family.target_lps[0], family.outward_lps[0]
    slide = float(np.linalg.norm(end - aim))
    to_bone = float(fine.to_bone_mm[0])
    to_bone = float(fine.in_view_mm[0]) if np.isnan(to_bone) else to_bone
    bone = aim + to_bone * outward
    skin = aim + fine.to_skin_mm[0] * outward if np.isfinite(fine.to_skin_mm[0]) else None
    path = [p for p in (skin, bone, aim, end if family.slides else None) if p is not None]
    outer, inner = aim + fine.in_view_mm[0] * outward, 2 if family.slides else 1
    in_bone = to_bone + slide
    depth = None if skin is None else float(fine.to_skin_mm[0]) + slide
    known = scene.fields.canal_known and family.approach != "femoral"
    way = way_account(scene.anatomy, scene.fields, scene.config, target, family, needle, bone_lps=bone, skin_lps=skin)
    told = Trajectory(
        id="trajectory",
        approach=family.approach,
        family=family.family,
        gap_id=target.gap.id,
        implant_id=target.gap.implant_id,
        rank=1,
        entry_skin_lps=None if skin is None else point_tuple(skin),
        entry_bone_lps=point_tuple(bone),
        aim_lps=point_tuple(aim),
        target_lps=point_tuple(end),
        path_lps=tuple(point_tuple(p) for p in path),
        slides_along_implant=family.slides,
        depth_from_skin_mm=depth,
        depth_in_bone_mm=in_bone,
        needle=needle,
        clearance_mm=_clearances(scene, target, needle, fine, path, slides=family.slides, canal_known=known),
        crosses=crossings(depth, in_bone, soft=soft_crossings(scene.anatomy, bone, skin)),
        cortical_crossings=bone_crossings(scene.fields, (outer, *path[-inner:])),
        entry_angle_deg=known_mm(one.entry_angle_deg[0]),
        reachable_ml=reach_ml,
        skin_landmark=next(iter(way["skin_offsets"]), None),
        bulls_eye=needle_view(aim, path[0], config=scene.config, console=scene.console),
        score=min(1.0, max(0.0, score)),
        score_terms=terms,
        zones=zones_reached(scene.anatomy, target.implant, target.points_lps, end, reach_mm=scene.config.reach_mm),
        **way,
    )
    return hip_account(scene.hip_site(target), told) if family.approach == "femoral" else told


def _clearances(
    scene: Scene, target: Target, needle: Needle, fine: Checked, path: Sequence[Array], *, slides: bool,
    canal_known: bool,
) -> Clearances:  # fmt: skip
    """Give the least distances along the whole path: the straight part that was marched, and the slide."""
    radius = needle.outer_diameter_mm / 2
    parts: list[Checked | Least] = [fine]
    if slides:
        parts.append(slide_least(scene.fields, path[-2][None], path[-1][None], radius_mm=radius).surface)
    canal = min(float(part.canal_mm[0]) for part in parts)
    return Clearances(
        metal=known_mm(min(float(part.metal_mm[0]) for part in parts)),
        canal=known_mm(canal) if canal_known else None,
        nearest_breach=breach_clearance_mm(scene, target.gap.id, path, needle),
        forbidden=known_mm(min(float(part.forbidden_mm[0]) for part in parts)),
        other_bone=known_mm(min(float(part.other_bone_mm[0]) for part in parts)),
    )


def breach_clearance_mm(scene: Scene, gap_id: str, path: Sequence[Array], needle: Needle) -> float | None:
    """Give the distance of a needle's surface from the gap's nearest breach, mm; None where the gap has none."""
    places = [b.centroid_lps for b in scene.breaches if b.gap_id == gap_id]
    if not places:
        return None
    least = min(float(np.min(segment_distance_mm(np.array(places), *piece))) for piece in pairwise(path))
    return least - needle.outer_diameter_mm / 2


def crossings(depth_mm: float | None, in_bone_mm: float, *, soft: Sequence[Crossing] = ()) -> tuple[Crossing, ...]:
    """Give what a needle crosses; soft tissue only where the skin is in the picture, with what it is made of."""
    bone = Crossing(structure="bone", length_mm=in_bone_mm)
    if depth_mm is None:
        return (bone,)
    return (Crossing(structure="soft tissue", length_mm=max(0.0, depth_mm - in_bone_mm)), *soft, bone)


def soft_crossings(anatomy: Anatomy, bone_lps: Array, skin_lps: Array | None) -> tuple[Crossing, ...]:
    """Give how much of a needle's way through soft tissue is muscle, and how much fat.

    Parameters
    ----------
    anatomy : Anatomy
        With muscle and fat, where they were told apart.
    bone_lps : ndarray, shape (3,)
        Where the needle enters bone, LPS mm.
    skin_lps : ndarray, shape (3,), or None
        Where it enters the skin.

    Returns
    -------
    tuple of Crossing
        Parts of the length in soft tissue, which the skin and its like make whole; empty where too little of the way
        is told.
    """
    if skin_lps is None:
        return ()
    length = float(np.linalg.norm(skin_lps - bone_lps))
    count = max(1, round(length / _STEP_MM))
    points = bone_lps + (np.arange(count)[:, None] + 0.5) / count * (skin_lps - bone_lps)
    tissue = tissue_along(anatomy, points)
    if tissue is None or np.mean(tissue != UNTOLD) < _LEAST_TOLD:
        return ()
    return tuple(
        Crossing(structure=name, length_mm=float(np.mean(tissue == code)) * length)
        for name, code in (("muscle", MUSCLE), ("fat", FAT))
    )
