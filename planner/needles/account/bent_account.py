"""What is told of a bent way: of the straight part and of the arc on which it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from planner.geometry.frames import Array, point_tuple
from planner.geometry.rays import segment_distance_mm
from planner.model.breach import Breach
from planner.model.needle import Clearances, Crossing, DepthMark, NearStructure, PediclePassage, Trajectory
from planner.needles.account.bone_crossings import bone_crossings
from planner.needles.account.describe import Scene
from planner.needles.account.nearest import near_structures
from planner.needles.account.zones import zones_reached
from planner.needles.candidates import Target
from planner.needles.spine.pedicle import Pedicle
from planner.safety.boxed import sample_boxed
from planner.safety.clearance import known_mm, sample
from planner.safety.fields import CANAL, FORBIDDEN, METAL

_IN_PEDICLE_MM = 5.0
"""So near to the isthmus a needle is in the pedicle, as `passage` has it."""
_DENSE = 4
_AHEAD = "far side of the bone"


@dataclass(frozen=True, slots=True, eq=False)
class Arc:
    """The bent part of one way.

    Parameters
    ----------
    course_lps : ndarray, shape (N, 3)
        From the end of the straight part to the tip, both among them, evenly, LPS mm.
    length_mm : float
        Along it.
    radius_mm : float
        Of what bends: the needle, or the cannula in it.
    """

    course_lps: Array
    length_mm: float
    radius_mm: float

    @property
    def ways_mm(self) -> Array:
        """How far along the arc each point of the course lies."""
        return np.linspace(0.0, self.length_mm, len(self.course_lps))

    @property
    def dense_lps(self) -> Array:
        """Points at most a quarter of the course's steps apart."""
        along = np.linspace(0.0, 1.0, _DENSE * (len(self.course_lps) - 1) + 1) * (len(self.course_lps) - 1)
        steps = np.arange(len(self.course_lps))
        return np.stack([np.interp(along, steps, self.course_lps[:, k]) for k in range(3)], axis=1)


def bent_account(
    scene: Scene, target: Target, told: Trajectory, arc: Arc, *, outer_lps: Array, pedicle: Pedicle | None
) -> Trajectory:
    """Take the arc into what was told of the straight part.

    Parameters
    ----------
    scene : Scene
        Anatomy, distances round the target, settings.
    target : Target
        The gap.
    told : Trajectory
        The straight part, described as a straight needle is.
    arc : Arc
        On which it goes on.
    outer_lps : ndarray, shape (3,)
        The skin, or the picture's edge, LPS mm.
    pedicle : Pedicle or None
        By which it goes; None away from the spine.

    Returns
    -------
    Trajectory
        With path, depths, clearances, crossings, neighbours, marks, zones and passage of the whole way. What aiming
        errors leave of an arc was not measured: None.
    """
    fields, tip = scene.fields, arc.course_lps[-1]
    return told.model_copy(
        update={
            "target_lps": point_tuple(tip),
            "path_lps": (*told.path_lps, *(point_tuple(p) for p in arc.course_lps[1:])),
            "depth_from_skin_mm": None if told.depth_from_skin_mm is None else told.depth_from_skin_mm + arc.length_mm,
            "depth_in_bone_mm": told.depth_in_bone_mm + arc.length_mm,
            "clearance_mm": _clearances(scene, target, told.clearance_mm, arc),
            "crosses": tuple(_longer(one, arc.length_mm) for one in told.crosses),
            "cortical_crossings": bone_crossings(fields, (outer_lps, *arc.course_lps)),
            "nearest": _nearest(scene, told.nearest, arc),
            "depth_marks": _marks(target, told, arc, pedicle),
            "zones": zones_reached(
                scene.anatomy, target.implant, target.points_lps, tip, reach_mm=scene.config.reach_mm
            ),
            "passage": _passage(scene, told, arc, pedicle),
            "with_aim_error": None,
        }
    )


def _longer(one: Crossing, arc_mm: float) -> Crossing:
    """Add the arc to the way in bone: it keeps to bone."""
    if one.structure != "bone":
        return one
    return one.model_copy(update={"length_mm": one.length_mm + arc_mm})


def _clearances(scene: Scene, target: Target, straight: Clearances, arc: Arc) -> Clearances:
    fields, course = scene.fields, arc.dense_lps
    found: dict[str, float | None] = {}
    for name, channel in (("metal", METAL), ("canal", CANAL), ("forbidden", FORBIDDEN)):
        # what is not told of the straight part is none of this needle's
        own = getattr(straight, name)
        on_arc = known_mm(float(np.nanmin(sample(fields, course, channel))) - arc.radius_mm)
        found[name] = own if own is None or on_arc is None else min(own, on_arc)
    if fields.other_bone is not None:
        far = known_mm(float(sample_boxed(fields.other_bone, fields.grid, course).min()) - arc.radius_mm)
        found["other_bone"] = _less(straight.other_bone, far)
    found["nearest_breach"] = _less(straight.nearest_breach, _to_breach(scene.breaches, target.gap.id, arc))
    return straight.model_copy(update=found)


def _to_breach(breaches: Sequence[Breach], gap_id: str, arc: Arc) -> float | None:
    places = np.array([b.centroid_lps for b in breaches if b.gap_id == gap_id])
    if not len(places):
        return None
    pairs = zip(arc.course_lps[:-1], arc.course_lps[1:], strict=True)
    return float(min(np.min(segment_distance_mm(places, a, b)) for a, b in pairs)) - arc.radius_mm


def _less(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return min(known, default=None)


def _nearest(scene: Scene, straight: Sequence[NearStructure], arc: Arc) -> tuple[NearStructure, ...]:
    """Give the nearer of both parts for each structure; what lies ahead of the tip is the arc's to tell."""
    on_arc = near_structures(scene.anatomy, scene.fields, tuple(arc.course_lps), radius_mm=arc.radius_mm)
    best = {near.structure: near for near in on_arc}
    for near in straight:
        other = best.get(near.structure)
        if near.structure != _AHEAD and (other is None or near.distance_mm < other.distance_mm):
            best[near.structure] = near.model_copy(update={"depth_mm": near.depth_mm + arc.length_mm})
    return tuple(sorted(best.values(), key=lambda near: near.distance_mm))


def _marks(target: Target, told: Trajectory, arc: Arc, pedicle: Pedicle | None) -> tuple[DepthMark, ...]:
    """Give the straight part's marks, and what the arc comes to after them."""
    kept = [mark for mark in told.depth_marks if mark.name != "target"]
    last = next((mark for mark in told.depth_marks if mark.name == "target"), None)
    if last is None:
        return ()
    # as the arc was led into it: so near to a voxel's centre a place lies in the gap
    half = 0.5 * float(np.linalg.norm(target.gap.mask.grid.spacing_mm))
    inside = cKDTree(target.points_lps).query(arc.course_lps)[0] <= half
    reached = {"gap": inside}
    if pedicle is not None and not pedicle.in_ilium:
        if told.approach == "transpedicular":
            reached["pedicle"] = (arc.course_lps - pedicle.isthmus_lps) @ pedicle.outward_lps <= 0.0
        if pedicle.wall is not None:
            reached["posterior wall"] = pedicle.wall.behind_mm(arc.course_lps) <= 0.0
    known, ways = {mark.name for mark in kept}, arc.ways_mm
    met = {n: float(ways[int(np.argmax(at))]) for n, at in reached.items() if n not in known and at.any() and not at[0]}
    for name, mm in sorted((met | {"target": arc.length_mm}).items(), key=lambda one: (one[1], one[0])):
        skin = None if last.from_skin_mm is None else last.from_skin_mm + mm
        mark = {"name": name, "from_skin_mm": skin, "from_bone_mm": last.from_bone_mm + mm}
        kept.append(DepthMark.model_validate(mark))
    return tuple(kept)


def _passage(scene: Scene, told: Trajectory, arc: Arc, pedicle: Pedicle | None) -> PediclePassage | None:
    passage = told.passage
    if passage is None or pedicle is None:
        return passage
    update: dict[str, object] = {}
    height = np.abs((arc.course_lps[1:] - pedicle.isthmus_lps) @ pedicle.outward_lps)
    if (height <= _IN_PEDICLE_MM).any():
        # it bends within the pedicle, whose wall was asked along the straight part alone
        update |= {"grade": None, "beyond_wall_mm": None}
    if pedicle.wall is None:
        return passage.model_copy(update=update)
    course = arc.dense_lps
    before = pedicle.wall.behind_mm(course) > 0.0
    if scene.fields.canal_known and before.any():
        medial = float(np.nanmin(sample(scene.fields, course[before], CANAL))) - arc.radius_mm
        update["medial_wall_mm"] = _less(passage.medial_wall_mm, medial)
    if passage.posterior_wall_after_mm is None and before[0] and not before.all():
        ways = np.linspace(0.0, arc.length_mm, len(before))
        update["posterior_wall_after_mm"] = told.depth_in_bone_mm + float(ways[int(np.argmin(before))])
    return passage.model_copy(update=update)
