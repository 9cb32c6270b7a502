"""Each bone of an earlier CT found again on a later one."""

from dataclasses import dataclass

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.follow_up_registration_config import FollowUpRegistrationConfig
from planner.follow.examined import Examined
from planner.follow.rigid_fit import Agreement, Picture, agreement, fit_rigid, motion_between
from planner.follow.sampling_error import place_error_mm, turn_error_deg
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.geometry.rigid import moved
from planner.model.bones import Bone
from planner.model.follow_motion import Matrix4, Registration
from planner.model.volume import Volume
from planner.segment.upright import NOT_MEASURED_HU, resample, upright_grid, upright_hu

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_ROOM_MM = 14.0
"""So far round where a bone is looked for the later CT is read: half a vertebra. Ours."""
_ROUNDS = 2
"""How often cement and other strangers are left out, and the fit repeated. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One CT as bones are compared on it.

    Parameters
    ----------
    examined : Examined
        The CT.
    config : FollowUpRegistrationConfig
        How it is read.
    """

    examined: Examined
    config: FollowUpRegistrationConfig

    def picture(self, box_lps: Array, edge_mm: float, bone: Bone | None = None) -> Picture:
        """Read a box of the CT, blurred and cut to bone's and soft tissue's numbers.

        Parameters
        ----------
        box_lps : ndarray, shape (2, 3)
            Two corners.
        edge_mm : float
            Edge of the voxels.
        bone : Bone or None
            Only this one and its edge count; None: all that is neither metal nor its margin.

        Returns
        -------
        Picture
        """
        config, seen = self.config, self.examined
        grid = upright_grid(seen.ct.grid, edge_mm, box_lps)
        raw = upright_hu(seen.ct, grid)
        shown = np.isfinite(raw) & (raw > NOT_MEASURED_HU)
        hu = np.clip(np.nan_to_num(raw, nan=-1000.0), config.least_hu, config.greatest_hu)
        hu = ndimage.gaussian_filter(hu, config.blur_mm / edge_mm).astype(np.float32)
        metal = resample(seen.metal.voxels, seen.metal.grid, grid) > 0.05
        counts = shown & ~_within(metal, config.metal_margin_mm, edge_mm)
        if bone is not None:
            own = resample(bone.mask.voxels, bone.mask.grid, grid) > 0.5
            counts &= _within(own, config.bone_margin_mm, edge_mm)
            lucent = [resample(g.mask.voxels, g.mask.grid, grid) > 0.2 for g in seen.gaps]
            for gap in lucent:
                counts &= ~_within(gap, edge_mm, edge_mm)
        return Picture(grid, hu, counts)


def _within(mask: Bools, reach_mm: float, edge_mm: float) -> Bools:
    if not mask.any():
        return np.zeros(mask.shape, bool)
    return np.asarray(edt.edt(~mask, parallel=2) * edge_mm <= reach_mm)


def box_of(bone: Bone, margin_mm: float) -> Array:
    """Give two corners of a box round a bone, LPS mm, shape (2, 3)."""
    cells = np.argwhere(bone.mask.voxels)
    low, high = cells.min(axis=0), cells.max(axis=0)
    corners = [[(low, high)[k >> a & 1][a] for a in range(3)] for k in range(8)]
    points = np.asarray(bone.mask.grid.to_lps(np.array(corners, dtype=np.float64)))
    return np.stack([points.min(axis=0) - margin_mm, points.max(axis=0) + margin_mm])


def box_moved(box_lps: Array, motion: Array, margin_mm: float) -> Array:
    """Give the box round a box that was moved, LPS mm, shape (2, 3)."""
    corners = np.array([[box_lps[k >> a & 1, a] for a in range(3)] for k in range(8)])
    points = moved(motion, corners)
    return np.stack([points.min(axis=0) - margin_mm, points.max(axis=0) + margin_mm])


@dataclass(frozen=True, slots=True, eq=False)
class BoneFit:
    """A bone that was looked for on the later CT.

    Parameters
    ----------
    bone : Bone
        On the earlier CT.
    motion : ndarray, shape (4, 4), or None
        Late from early; None where it was refused.
    agreement : Agreement or None
        None where nothing could be compared.
    reason : str or None
        Why it was refused.
    """

    bone: Bone
    motion: Array | None
    agreement: Agreement | None
    reason: str | None


def middle_of(bone: Bone) -> Array:
    """Give the middle of a bone, LPS mm, shape (3,)."""
    return np.asarray(np.asarray(bone.mask.grid.to_lps(np.argwhere(bone.mask.voxels)[::5])).mean(axis=0))


def fit_bone(early: Side, late: Side, bone: Bone, start: Array) -> BoneFit:
    """Find one bone again.

    Parameters
    ----------
    early, late : Side
        The two CTs.
    bone : Bone
        On the earlier one.
    start : ndarray, shape (4, 4)
        Where it is looked for: late from early, LPS.

    Returns
    -------
    BoneFit
        Refused where too little of it is shown, where the two CTs differ over it, or where it would have run away from
        where it was looked for.
    """
    config = early.config
    box = box_of(bone, config.bone_margin_mm + 3.0)
    fixed = early.picture(box, config.edge_mm, bone)
    there = box_moved(box, start, _ROOM_MM)
    if not _meets(there, late.examined.ct.grid):
        return BoneFit(bone, None, None, "the later CT does not show it")
    moving = late.picture(there, config.edge_mm)
    shown = agreement(fixed, moving, start).overlap
    if shown < config.least_overlap:
        return BoneFit(bone, None, None, f"the two CTs share only {shown:.0%} of it free of metal")
    motion, found = start, None
    for _ in range(_ROUNDS + 1):
        fitted = fit_rigid(fixed, moving, motion)
        if fitted is None:
            return BoneFit(bone, None, None, "the search for it failed")
        motion = fitted
        found = agreement(fixed, moving, motion, outlier_sd=config.outlier_sd, most_outliers=config.most_outliers)
        fixed = Picture(fixed.grid, fixed.hu, fixed.counts & ~found.outliers)
    return _judged(bone, motion, found, start, config)


def _meets(box_lps: Array, grid: Grid) -> bool:
    low, high = grid.corners_lps.min(axis=0), grid.corners_lps.max(axis=0)
    return bool(np.all(np.minimum(high, box_lps[1]) - np.maximum(low, box_lps[0]) > 5.0))


def _judged(
    bone: Bone, motion: Array, found: Agreement | None, start: Array, config: FollowUpRegistrationConfig
) -> BoneFit:
    shift, turn = motion_between(motion, start, middle_of(bone))
    if found is None or found.overlap < config.least_overlap:
        return BoneFit(bone, None, found, "the two CTs share too little of it")
    if found.correlation < config.least_correlation:
        said = f"the two CTs differ over it (correlation {found.correlation:.3f}, {config.least_correlation} needed)"
        return BoneFit(bone, None, found, said)
    if shift > config.most_bone_shift_mm or turn > config.most_bone_turn_deg:
        return BoneFit(bone, None, found, f"it would have moved {shift:.0f} mm and {turn:.0f} degrees by itself")
    return BoneFit(bone, motion, found, None)


def record_of_bone(
    fit: BoneFit, early: Volume, late: Volume, late_name: str | None, config: FollowUpRegistrationConfig
) -> Registration:
    """Put a bone's registration into a record, with its precision.

    Parameters
    ----------
    fit : BoneFit
        What was found.
    early, late : Volume
        The CTs.
    late_name : str or None
        The bone's name on the later CT.
    config : FollowUpRegistrationConfig
        How precise places are.

    Returns
    -------
    Registration
    """
    place = place_error_mm(early.grid, late.grid, config)
    size = float(np.min(np.ptp(box_of(fit.bone, 0.0), axis=0)))
    known = fit.motion is not None
    return Registration(
        name=fit.bone.name,
        kind="bone",
        late_name=late_name,
        accepted=known,
        reason=fit.reason,
        late_from_early=None if fit.motion is None else rows_of(fit.motion),
        correlation=None if fit.agreement is None else fit.agreement.correlation,
        overlap=None if fit.agreement is None else min(1.0, fit.agreement.overlap),
        precision_mm=place / np.sqrt(2.0) if known else None,
        precision_deg=turn_error_deg(place / np.sqrt(2.0), size) if known else None,
    )


def rows_of(motion: Array) -> Matrix4:
    """Give a matrix as a record holds it."""
    a, b, c, d = (tuple(float(v) for v in row) for row in motion)
    return (a, b, c, d)  # type: ignore[return-value]
