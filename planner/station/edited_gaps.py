"""Gaps that a person paints over a shown plan: back onto the CT that is planned on, and counted meanwhile.

What is painted lies on the grid that is shown (`planner.segment.display.labels_for_display`). Only voxels that differ
from what was shown are a person's; all others go back as they were, to the voxel.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.errors import GeometryError, UsageError
from planner.geometry.grid import Grid
from planner.io.labels.gap_labels import GapLabels
from planner.model.labels import LabelMap, Structure
from planner.segment.display import labels_for_display

Codes = npt.NDArray[np.generic]
Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
GapCodes = npt.NDArray[np.uint16]
_NAME = "the painted gaps"


@dataclass(frozen=True, slots=True, eq=False)
class GapCanvas:
    """What gaps are painted on.

    Parameters
    ----------
    own : LabelMap
        The plan's labels, on the grid that is planned on.
    shown : LabelMap
        The same as they are shown and painted over.
    shown_gaps : ndarray of uint16, shape ``shown.grid.shape``
        The shown gaps' codes alone.
    """

    own: LabelMap
    shown: LabelMap
    shown_gaps: GapCodes

    @property
    def gap_codes(self) -> dict[int, str]:
        """The gaps' ids by their codes."""
        return {s.code: s.id for s in self.own.structures if s.kind == "gap"}

    @property
    def other_codes(self) -> frozenset[int]:
        """Codes of all that is no gap."""
        return frozenset(s.code for s in self.own.structures if s.kind != "gap")


@dataclass(frozen=True, slots=True)
class CountedGap:
    """The size of one painted gap, counted in whole voxels: it is no measurement, and has no interval.

    Parameters
    ----------
    code : int
        Its value in the painted array.
    gap_id : str or None
        The plan's id; None for a new gap, which gets one when it is measured.
    counted_ml : float
        Voxels as they are painted, times their volume, mL; those over implants do not count.
    before_ml : float
        The same as it was shown; 0 for a new gap.
    is_edited : bool
        Whether any of its voxels was painted or erased.
    """

    code: int
    gap_id: str | None
    counted_ml: float
    before_ml: float
    is_edited: bool


def canvas_of(labels: LabelMap) -> GapCanvas:
    """Make a plan's labels ready to be painted on.

    Parameters
    ----------
    labels : LabelMap
        As `PlannedCase.labels`.

    Returns
    -------
    GapCanvas
    """
    shown = labels_for_display(labels)
    gaps = [s.code for s in labels.structures if s.kind == "gap"]
    return GapCanvas(labels, shown, np.where(np.isin(shown.codes, gaps), shown.codes, 0).astype(np.uint16))


def new_gap_code(canvas: GapCanvas, painted: Codes) -> int:
    """Give a value to paint a new gap with.

    Parameters
    ----------
    canvas : GapCanvas
        What is painted on.
    painted : ndarray of int, shape ``canvas.shown.grid.shape``
        As it is painted so far.

    Returns
    -------
    int
        The next one that neither the plan nor the painting uses.

    Raises
    ------
    UsageError
        If the array's type holds no further value.
    """
    code = 1 + max([int(painted.max(initial=0)), *(s.code for s in canvas.own.structures)])
    if not np.can_cast(np.min_scalar_type(code), painted.dtype) or code > np.iinfo(np.uint16).max:
        raise UsageError("there is no free value for another gap; plan on what is painted first")
    return code


def painted_names(canvas: GapCanvas, painted: Codes, labels: LabelMap, *, new: tuple[int, ...] = ()) -> dict[int, str]:
    """Name what is painted as a plan names it that was made since: a plan numbers its gaps anew.

    Parameters
    ----------
    canvas : GapCanvas
        What was painted on.
    painted : ndarray of int, shape ``canvas.shown.grid.shape``
        As it is painted now.
    labels : LabelMap
        Of the plan that is shown, on any grid in the same frame.
    new : tuple of int
        Values of gaps that were added, in their order.

    Returns
    -------
    dict of int to str
        By value, the canvas' gaps first. A value has the name of the gap that it makes up the most of, of several where
        it makes up several ("gap-2 and gap-3"); "part of gap-2" where another value makes up more of that; "new gap 1"
        or "no gap of this plan (was gap-1)" where it meets none.
    """
    cells = np.argwhere(np.greater(painted, 0))
    index = np.rint(np.asarray(labels.grid.to_index(canvas.shown.grid.to_lps(cells)))).astype(np.intp).reshape(-1, 3)
    inside = np.all((index >= 0) & (index < np.array(labels.grid.shape)), axis=1)
    codes = painted[tuple(cells[inside].T)].astype(np.int64)
    below = np.asarray(labels.codes)[tuple(index[inside].T)]
    made: dict[int, list[str]] = {}
    part_of: dict[int, tuple[int, str]] = {}
    for gap in (s for s in labels.structures if s.kind == "gap"):
        shares = np.bincount(codes[below == gap.code], minlength=1)
        for code in map(int, np.flatnonzero(shares)):
            part_of[code] = max(part_of.get(code, (0, "")), (int(shares[code]), gap.id))
        if shares.any():
            made.setdefault(int(shares.argmax()), []).append(gap.id)
    names = {code: f"no gap of this plan (was {name})" for code, name in canvas.gap_codes.items()}
    names |= {code: f"new gap {number}" for number, code in enumerate(new, start=1)}
    names |= {code: f"part of {gap}" for code, (_, gap) in part_of.items() if code in names}
    return names | {code: " and ".join(gaps) for code, gaps in made.items() if code in names}


def edited_gaps(canvas: GapCanvas, painted: Codes, names: Mapping[int, str] | None = None) -> GapLabels | None:
    """Bring painted gaps onto the CT that is planned on.

    Parameters
    ----------
    canvas : GapCanvas
        What was painted on.
    painted : ndarray of int, shape ``canvas.shown.grid.shape``
        The shown codes as they were painted over. A gap's code is that gap; a code that the plan does not name is a new
        gap; anything else is none. Painting over an implant changes nothing.
    names : mapping of int to str, or None
        What the values are called, as `painted_names` gives it; None for the plan's ids that were painted on.

    Returns
    -------
    GapLabels or None
        All gaps, edited or not, on the planning grid, as `planner.pipeline.replan` takes them; without a voxel where
        all were erased. None where no gap was changed.

    Raises
    ------
    GeometryError
        If the array does not have the shown grid's shape.
    UsageError
        If it holds values that are no labels.
    """
    after, before = _gaps_only(canvas, painted), canvas.shown_gaps
    changed = after != before
    if not changed.any():
        return None
    own = np.where(np.isin(canvas.own.codes, list(canvas.gap_codes)), canvas.own.codes, 0).astype(np.uint16)
    block, index, inside = _nearest_shown(canvas.own.grid, canvas.shown.grid, changed)
    hit = changed[index] & inside
    own[block][hit] = after[index][hit]
    own[block][inside & _hidden_and_gone(own[block], index, before, after)] = 0
    names = canvas.gap_codes if names is None else names
    present = [int(code) for code in np.flatnonzero(np.bincount(own.ravel())) if code]
    structures = tuple(Structure(code=k, kind="gap", id=names.get(k, f"new gap {k}")) for k in present)
    taken = ", ".join(s.id for s in structures) or "none: all gaps are erased"
    return GapLabels(LabelMap(canvas.own.grid, own, structures), _NAME, taken)


def counted_gaps(canvas: GapCanvas, painted: Codes) -> tuple[CountedGap, ...]:
    """Count the voxels of all gaps while they are painted.

    Parameters
    ----------
    canvas : GapCanvas
        What is painted on.
    painted : ndarray of int, shape ``canvas.shown.grid.shape``
        As for `edited_gaps`.

    Returns
    -------
    tuple of CountedGap
        The plan's gaps first, also erased ones, then new ones by their codes.

    Raises
    ------
    GeometryError, UsageError
        As `edited_gaps`.
    """
    after, before = _gaps_only(canvas, painted), canvas.shown_gaps
    most = int(max(after.max(initial=0), before.max(initial=0), *canvas.gap_codes, 0)) + 1
    now, was = (np.bincount(codes[codes > 0], minlength=most) for codes in (after, before))
    differs = after != before
    touched = {*np.flatnonzero(np.bincount(after[differs])), *np.flatnonzero(np.bincount(before[differs]))}
    ml = canvas.shown.grid.voxel_volume_mm3 / 1000.0
    known = canvas.gap_codes
    new = [int(code) for code in np.flatnonzero(now) if int(code) not in known]
    return tuple(
        CountedGap(code, known.get(code), float(now[code] * ml), float(was[code] * ml), code in touched)
        for code in (*known, *new)
    )


def _gaps_only(canvas: GapCanvas, painted: Codes) -> GapCodes:
    """Give the gaps' codes alone: 0 at everything else, and at implants whatever was painted over them."""
    if painted.shape != canvas.shown.grid.shape:
        raise GeometryError(f"the painted gaps have shape {painted.shape}, the shown CT {canvas.shown.grid.shape}")
    if painted.dtype.kind not in "bui" or int(painted.min(initial=0)) < 0 or int(painted.max(initial=0)) >= 1 << 16:
        raise UsageError("the painted array holds values that are no labels (whole numbers from 0 to 65535)")
    # only what was painted over is looked at closely: this runs while somebody paints
    out = np.array(canvas.shown_gaps)
    cells = painted != canvas.shown.codes
    codes, below = painted[cells].astype(np.uint16), canvas.shown.codes[cells]
    others = [0, *canvas.other_codes]
    solid = [s.code for s in canvas.own.structures if s.kind == "implant"]
    out[cells] = np.where(np.isin(codes, others) | np.isin(below, solid), 0, codes)
    return out


def _hidden_and_gone(own: GapCodes, index: tuple[Indices, ...], before: GapCodes, after: GapCodes) -> Bools:
    """Say which own voxels of a gap go with what was erased round them, for no shown voxel stands for them.

    Where an oblique CT is resampled to be shown, some of a gap's voxels are nearest to a shown voxel of something else.
    They go where more of the gap's shown voxels next to them were erased than stayed.
    """
    hidden = (own > 0) & (before[index] != own) & (after[index] != own)
    gone = np.zeros(own.shape, dtype=bool)
    if not hidden.any():
        return gone
    codes, at = own[hidden], np.stack([i[hidden] for i in index], axis=-1)
    balance = np.zeros(len(codes), dtype=int)
    for step in np.argwhere(np.ones((3, 3, 3))) - 1:
        near = tuple(np.clip(at + step, 0, np.array(before.shape) - 1).T)
        was = before[near] == codes
        balance += np.where(was & (after[near] == codes), 1, 0) - np.where(was & (after[near] != codes), 1, 0)
    gone[hidden] = balance < 0
    return gone


def _nearest_shown(own: Grid, shown: Grid, changed: Bools) -> tuple[tuple[slice, ...], tuple[Indices, ...], Bools]:
    """Give the own voxels' block round what was changed, the shown voxel nearest to each, and whether there is one."""
    cells = np.argwhere(changed)
    low, high = cells.min(axis=0) - 1.0, cells.max(axis=0) + 1.0
    corners = np.stack(np.meshgrid(*zip(low, high, strict=True), indexing="ij"), axis=-1).reshape(-1, 3)
    at = np.asarray(own.to_index(shown.to_lps(corners)))
    start = np.clip(np.floor(at.min(axis=0)).astype(int), 0, own.shape)
    stop = np.clip(np.ceil(at.max(axis=0)).astype(int) + 1, start, own.shape)
    block = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    voxels = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in block), indexing="ij"), axis=-1)
    near = np.rint(np.asarray(shown.to_index(own.to_lps(voxels)))).astype(np.intp)
    inside = np.all((near >= 0) & (near < np.array(shown.shape)), axis=-1)
    return block, tuple(np.where(inside, near[..., k], 0) for k in range(3)), inside
