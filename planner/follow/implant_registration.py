"""Each implant of an earlier CT found again on a later one, by the edges of its metal."""

from dataclasses import dataclass

import edt
import numpy as np
import numpy.typing as npt

from planner.config.follow_up_registration_config import FollowUpRegistrationConfig
from planner.follow.bone_registration import box_moved, rows_of
from planner.follow.examined import Examined, ExaminedImplant
from planner.follow.rigid_fit import Agreement, Picture, agreement, fit_rigid, motion_between
from planner.follow.sampling_error import place_error_mm, turn_error_deg
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.follow_motion import Registration
from planner.segment.upright import resample, upright_grid, upright_hu

Bools = npt.NDArray[np.bool_]

_FINEST_MM, _COARSEST_MM = 0.5, 0.8
"""Edge of the voxels that metal is compared on; between these, that of the finer CT. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class ImplantFit:
    """An implant that was looked for on the later CT.

    Parameters
    ----------
    implant : ExaminedImplant
        On the earlier CT.
    late_id : str or None
        Its fellow's id on the later CT.
    motion : ndarray, shape (4, 4), or None
        Late from early; None where it was refused.
    agreement : Agreement or None
        None where nothing could be compared.
    reason : str or None
        Why it was refused.
    """

    implant: ExaminedImplant
    late_id: str | None
    motion: Array | None
    agreement: Agreement | None
    reason: str | None


def fit_implant(
    early: Examined, late: Examined, implant: ExaminedImplant, late_id: str | None, start: Array,
    config: FollowUpRegistrationConfig,
) -> ImplantFit:  # fmt: skip
    """Find one implant again.

    Parameters
    ----------
    early, late : Examined
        The two CTs.
    implant : ExaminedImplant
        On the earlier one.
    late_id : str or None
        Its fellow on the later CT.
    start : ndarray, shape (4, 4)
        Where it is looked for: late from early, LPS.
    config : FollowUpRegistrationConfig
        What counts as metal's edge, and when a fit is refused.

    Returns
    -------
    ImplantFit
        Refused where the later CT does not tell it, or its metal does not agree.

    Notes
    -----
    Both CTs are cut to the numbers between dense cement and what scanners hold, so that only metal's edge is left in
    them; they are laid on each other by least squares. What lies nearer to another implant's metal does not count.
    """
    fellow = late.implant(late_id)
    if fellow is None:
        return ImplantFit(implant, late_id, None, None, "the later CT does not tell it")
    edge = float(np.clip(min(min(early.ct.grid.spacing_mm), min(late.ct.grid.spacing_mm)), _FINEST_MM, _COARSEST_MM))
    box = _box(implant, config.implant_margin_mm + 1.0)
    fixed = _metal(early, implant, box, edge, config, margin_mm=config.implant_margin_mm)
    there = box_moved(box, start, config.most_implant_shift_mm)
    moving = _metal(late, fellow, there, edge, config, margin_mm=config.implant_margin_mm + 3.0)
    motion = fit_rigid(fixed, moving, _met(implant, fellow, start), metric="mean squares", shrink=(2, 1))
    if motion is None:
        return ImplantFit(implant, late_id, None, None, "the search for it failed")
    found = agreement(fixed, moving, motion)
    shift, _ = motion_between(motion, start, np.array(implant.record.centroid_lps))
    if found.correlation < config.least_metal_correlation:
        said = f"its metal differs on the two CTs (correlation {found.correlation:.2f})"
        return ImplantFit(implant, late_id, None, found, said)
    if found.overlap < config.least_overlap:
        return ImplantFit(implant, late_id, None, found, f"the two CTs share only {found.overlap:.0%} of it")
    if shift > config.most_implant_shift_mm:
        return ImplantFit(implant, late_id, None, found, f"it would have moved by {shift:.0f} mm")
    return ImplantFit(implant, late_id, motion, found, None)


def _met(implant: ExaminedImplant, fellow: ExaminedImplant, start: Array) -> Array:
    """Shift a start so that the two axes' middles meet, as far as no end is cut."""
    mine, yours = implant.record.axis, fellow.record.axis
    if mine is None or yours is None or implant.record.is_cut or fellow.record.is_cut:
        return start
    middle = (np.array(mine.head_lps) + np.array(mine.tip_lps)) / 2.0
    goal = (np.array(yours.head_lps) + np.array(yours.tip_lps)) / 2.0
    shifted = start.copy()
    shifted[:3, 3] += goal - (start[:3, :3] @ middle + start[:3, 3])
    return shifted


def _box(implant: ExaminedImplant, margin_mm: float) -> Array:
    cells = np.argwhere(implant.mask.voxels)
    points = np.asarray(implant.mask.grid.to_lps(cells))
    return np.stack([points.min(axis=0) - margin_mm, points.max(axis=0) + margin_mm])


def _metal(
    seen: Examined, implant: ExaminedImplant, box_lps: Array, edge_mm: float, config: FollowUpRegistrationConfig, *,
    margin_mm: float,
) -> Picture:  # fmt: skip
    """Read the metal round an implant, cut to its edge's numbers; other implants' neighbourhoods do not count."""
    grid = upright_grid(seen.ct.grid, edge_mm, box_lps)
    raw = upright_hu(seen.ct, grid)
    hu = np.clip(np.nan_to_num(raw, nan=-1000.0), config.metal_low_hu, config.metal_high_hu).astype(np.float32)
    own = _away(implant, grid)
    others = [
        _away(one, grid)
        for one in seen.implants
        if one.record.id != implant.record.id and one.record.kind != "cement" and _is_near(one, grid)
    ]
    counts = np.isfinite(raw) & (own <= margin_mm)
    for other in others:
        counts &= own <= other
    return Picture(grid, hu, np.asarray(counts))


def _is_near(implant: ExaminedImplant, grid: Grid) -> bool:
    low, high = _box(implant, 0.0)
    corners = grid.corners_lps
    return bool(np.all(high >= corners.min(axis=0) - 10.0) and np.all(low <= corners.max(axis=0) + 10.0))


def _away(implant: ExaminedImplant, grid: Grid) -> npt.NDArray[np.float32]:
    here: Bools = resample(implant.mask.voxels, implant.mask.grid, grid) > 0.5
    if not here.any():
        return np.full(grid.shape, np.inf, np.float32)
    return np.asarray(edt.edt(~here, anisotropy=grid.spacing_mm, parallel=2), dtype=np.float32)


def record_of_implant(fit: ImplantFit, early: Grid, late: Grid, config: FollowUpRegistrationConfig) -> Registration:
    """Put an implant's registration into a record, with its precision.

    Parameters
    ----------
    fit : ImplantFit
        What was found.
    early, late : Grid
        The CTs' own grids.
    config : FollowUpRegistrationConfig
        How precise places are.

    Returns
    -------
    Registration
    """
    place = place_error_mm(early, late, config) / np.sqrt(2.0)
    known = fit.motion is not None
    axis = fit.implant.record.axis
    length = axis.length_mm if axis is not None else float(np.ptp(_box(fit.implant, 0.0), axis=0).max())
    return Registration(
        name=fit.implant.record.id,
        kind="implant",
        late_name=fit.late_id,
        accepted=known,
        reason=fit.reason,
        late_from_early=None if fit.motion is None else rows_of(fit.motion),
        correlation=None if fit.agreement is None else fit.agreement.correlation,
        overlap=None if fit.agreement is None else min(1.0, fit.agreement.overlap),
        precision_mm=place if known else None,
        precision_deg=turn_error_deg(place, length) if known else None,
    )
