"""What of a target and of a landmark one view shows: what is in profile, what metal hides, what falls beside."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.gantry import GantryLimits
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.carm import pose, project
from planner.fluoro.console import console_angles_deg
from planner.fluoro.metal_lengths import MetalBlock, hidden_behind, pass_metal, runs_beyond
from planner.geometry.frames import Array, PointsLps, detector_direction, unit
from planner.model.carm import CArm
from planner.model.plan import PatientPosition
from planner.model.view_landmark import ViewLandmark
from planner.model.view_sight import LandmarkSight, LandmarkVerdict, TargetSight, TargetVerdict, ViewSight
from planner.model.volume import Mask

Flags = npt.NDArray[np.bool_]
_MORTON_BITS = 16
_DIGITS = 6
_HALF = 0.5
"""Most of a landmark's places beside the picture: it is outside. Most of a stretch's behind metal: it is hidden."""


@dataclass(frozen=True, slots=True, eq=False)
class TargetScene:
    """A target, the landmarks round it, and the metal and the C-arm that they are looked at with.

    Parameters
    ----------
    target_id : str
        The target's name.
    points_lps : PointsLps, shape (N, 3)
        Points that stand for it, mm, as `target_points` chooses them; at least one.
    metal : MetalBlock
        All metal, and how much of it hides.
    position : PatientPosition
        How the patient lies for treatment.
    gantry : GantryLimits
        How far the C-arm turns, at the console.
    landmarks : tuple of ViewLandmark
        The landmarks, as far as they were measured.

    Raises
    ------
    ValueError
        If there is no point.
    """

    target_id: str
    points_lps: PointsLps
    metal: MetalBlock
    position: PatientPosition
    gantry: GantryLimits
    landmarks: tuple[ViewLandmark, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.points_lps):
            raise ValueError(f"the target {self.target_id} has no point to look at")

    def console_deg(self, primary_deg: float, secondary_deg: float) -> tuple[float, float]:
        """Give what to dial at the console for a view by its positioner angles, degrees."""
        primary, secondary = console_angles_deg(primary_deg, secondary_deg, self.position)
        # turned to and fro, a round angle is round no more, and would miss a limit that is reached
        return round(primary, _DIGITS), round(secondary, _DIGITS)

    def is_reached(self, carm: CArm) -> bool:
        """Say whether the gantry can be turned to a view."""
        return self.gantry.reaches(*self.console_deg(carm.primary_deg, carm.secondary_deg))


def target_points(mask: Mask, *, most: int) -> PointsLps:
    """Choose points that stand for a target.

    Parameters
    ----------
    mask : Mask
        The target.
    most : int
        No more than so many points.

    Returns
    -------
    PointsLps, shape (N, 3)
        Middles of voxels, spread evenly: every n-th along a curve that fills the space (Morton 1966), the same each
        time. Empty for an empty mask.
    """
    index = np.argwhere(mask.voxels)
    if len(index) > most:
        order = np.argsort(_morton(index - index.min(axis=0)), kind="stable")
        index = index[order[np.floor((np.arange(most) + 0.5) * len(index) / most).astype(np.intp)]]
    return mask.grid.to_lps(index)


def _morton(index: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """Interleave the bits of three coordinates."""
    code = np.zeros(len(index), dtype=np.int64)
    for bit in range(_MORTON_BITS):
        for axis in range(3):
            code |= ((index[:, axis] >> bit) & 1) << (3 * bit + axis)
    return code


def view_sight(scene: TargetScene, carm: CArm, *, config: VisibilityConfig, asked: CArm | None = None) -> ViewSight:
    """Say what a view shows of a target and of its landmarks.

    Parameters
    ----------
    scene : TargetScene
        What is looked at.
    carm : CArm
        The view.
    config : VisibilityConfig
        What counts as in profile, and as visible.
    asked : CArm or None
        The view that was asked for, from which the turn is told; None for this one.

    Returns
    -------
    ViewSight

    Raises
    ------
    GeometryError
        If the C-arm's distances cannot be.
    """
    console = scene.console_deg(carm.primary_deg, carm.secondary_deg)
    return ViewSight(
        carm=carm,
        console_primary_deg=console[0],
        console_secondary_deg=console[1],
        within_gantry_limits=scene.is_reached(carm),
        turn_deg=0.0 if asked is None else turn_deg(asked, carm),
        target=target_sight(scene, carm, config=config),
        landmarks=tuple(landmark_sight(one, scene, carm, config=config) for one in scene.landmarks),
    )


def turn_deg(one: CArm, other: CArm) -> float:
    """Give the angle between two views' beams, degrees."""
    first, second = (detector_direction(carm.primary_deg, carm.secondary_deg) for carm in (one, other))
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(first, second)), first @ second)))


def visible_shares(
    scene: TargetScene,
    points: PointsLps,
    towards: Array,
    *,
    isocentre_lps: npt.ArrayLike,
    distances_mm: tuple[float, float],
    config: VisibilityConfig,
) -> Array:
    """Give how much of a target is not behind metal, for many directions at once.

    Parameters
    ----------
    scene : TargetScene
        The metal.
    points : PointsLps, shape (N, 3)
        Points that stand for the target, mm.
    towards : ndarray, shape (V, 3)
        Unit vectors from the isocentre to the detector.
    isocentre_lps : array_like, shape (3,)
        The isocentre, mm.
    distances_mm : tuple of float
        From the source to the isocentre, and to the detector.
    config : VisibilityConfig
        What may be unknown.

    Returns
    -------
    ndarray, shape (V,)
        What falls beside the detector counts as seen. NaN where more than `most_unknown_share` of the rays run where
        metal goes on beyond the CT.
    """
    sources = np.asarray(isocentre_lps, dtype=np.float64) - distances_mm[0] * towards
    offset = points[None] - sources[:, None]
    depth = np.einsum("vnk,vk->vn", offset, towards)
    ends = sources[:, None] + offset * (distances_mm[1] / np.where(depth > 0.0, depth, np.inf))[..., None]
    hidden = hidden_behind(scene.metal, sources, ends)
    unknown = runs_beyond(scene.metal, sources, ends) & ~hidden
    visible = np.mean(~hidden & ~unknown, axis=1)
    return np.where(unknown.mean(axis=1) <= config.most_unknown_share, visible, np.nan)


def target_sight(scene: TargetScene, carm: CArm, *, config: VisibilityConfig) -> TargetSight:
    """Say what a view shows of a target.

    Parameters
    ----------
    scene : TargetScene
        What is looked at.
    carm : CArm
        The view.
    config : VisibilityConfig
        What counts as visible.

    Returns
    -------
    TargetSight

    Raises
    ------
    GeometryError
        If the C-arm's distances cannot be.
    """
    rays = _Rays(scene.points_lps, carm, scene)
    inside = ~rays.outside
    hidden, unknown = inside & rays.hidden, inside & rays.unknown
    outside_share, unknown_share = float(rays.outside.mean()), float(unknown.mean())
    known = unknown_share <= config.most_unknown_share
    visible = float(np.mean(inside & ~hidden & ~unknown))
    verdict: TargetVerdict | None = _graded(visible, config) if known else None
    if outside_share > _HALF:
        verdict = "outside"
    return TargetSight(
        target_id=scene.target_id,
        visible_share=visible if known else None,
        hidden_share=float(hidden.mean()) if known else None,
        mean_metal_mm=float(rays.metal_mm[inside].mean()) if known and inside.any() else None,
        outside_share=outside_share,
        unknown_share=unknown_share,
        verdict=verdict,
    )


def landmark_sight(
    landmark: ViewLandmark, scene: TargetScene, carm: CArm, *, config: VisibilityConfig
) -> LandmarkSight:
    """Say whether a landmark can be seen in a view.

    Parameters
    ----------
    landmark : ViewLandmark
        The landmark.
    scene : TargetScene
        The metal before it.
    carm : CArm
        The view.
    config : VisibilityConfig
        What counts as in profile, and as visible.

    Returns
    -------
    LandmarkSight
        A stretch of its outline is in profile where the beam runs along the surface at one of its places at least;
        most of those places in the picture behind metal hide it.

    Raises
    ------
    GeometryError
        If the C-arm's distances cannot be.
    """
    rays = _Rays(landmark.points_lps, carm, scene)
    tangent = rays.tangent(landmark.normals_lps, config.profile_deg)
    in_profile = _parts_with(landmark, tangent) > 0
    shown = tangent & ~rays.outside
    places = _parts_with(landmark, shown)
    hidden = _parts_with(landmark, shown & rays.hidden) >= np.maximum(_HALF * places, 1e-9)
    unknown = (_parts_with(landmark, shown & rays.unknown) > 0) & ~hidden
    seen = (places > 0) & ~hidden & ~unknown
    known = float(unknown.mean()) <= config.most_unknown_share
    outside_share, profile_share = float(rays.outside.mean()), float(in_profile.mean())
    verdict: LandmarkVerdict | None = None
    if outside_share > _HALF:
        verdict = "outside"
    elif profile_share < config.least_profile_share:
        verdict = "not in profile"
    elif known:
        verdict = _graded(float(seen.sum() / in_profile.sum()), config)
    in_picture = int(np.count_nonzero(places))
    return LandmarkSight(
        name=landmark.name,
        bone=landmark.bone,
        level=landmark.level,
        side=landmark.side,
        in_profile_share=None if landmark.normals_lps is None else profile_share,
        hidden_share=float(hidden.sum() / in_picture) if known and in_picture else None,
        outside_share=outside_share,
        visible_share=float(seen.mean()) if known else None,
        verdict=verdict,
    )


class _Rays:
    """The rays of one view through some points."""

    def __init__(self, at: PointsLps, carm: CArm, scene: TargetScene) -> None:
        stand = pose(carm)
        offset = np.asarray(at - stand.source_lps)
        depth = offset @ stand.towards_detector_lps
        # a point that casts no shadow has a ray all the same, to nowhere: it is outside
        reach = carm.source_detector_mm / np.where(depth > 0.0, depth, np.inf)
        source, ends = stand.source_lps[None], (stand.source_lps + offset * reach[:, None])[None]
        pixel = project(carm, at)
        with np.errstate(invalid="ignore"):
            on_panel = np.all((pixel >= -0.5) & (pixel <= np.array([carm.rows, carm.columns]) - 0.5), axis=-1)
        self.way: Array = offset
        self.outside: Flags = ~on_panel
        passed = pass_metal(scene.metal, source, ends)
        self.metal_mm: Array = passed.metal_mm[0]
        self.hidden: Flags = passed.hidden[0]
        self.unknown: Flags = runs_beyond(scene.metal, source, ends)[0] & ~self.hidden

    def tangent(self, normals: Array | None, within_deg: float) -> Flags:
        """Say where the beam runs along the surface; everywhere for what has none."""
        if normals is None:
            return np.ones(len(self.way), dtype=np.bool_)
        slant = np.abs(np.einsum("ij,ij->i", unit(self.way), normals))
        return np.asarray(slant <= np.sin(np.radians(within_deg)))


def _parts_with(landmark: ViewLandmark, places: Flags) -> npt.NDArray[np.int64]:
    """Count the flagged places of each stretch."""
    return np.bincount(landmark.parts[places], minlength=landmark.part_count)


def _graded(visible: float, config: VisibilityConfig) -> TargetVerdict:
    """Grade a share that is seen; `visible`, `partly` and `hidden` are words of landmarks and targets alike."""
    if visible >= config.visible_share:
        return "visible"
    return "hidden" if visible < config.hidden_share else "partly"
