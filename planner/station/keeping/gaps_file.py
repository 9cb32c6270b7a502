"""Painted gaps as a file that ``cement-planner plan --gaps`` takes."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from planner.errors import UsageError
from planner.io.nifti import write_label_nifti
from planner.io.nrrd import write_label_nrrd
from planner.io.whole_file import write_whole
from planner.model.labels import LabelMap
from planner.model.scan import StoredSlices
from planner.pipeline.labelling import codes_on_slices
from planner.station.edited_gaps import GapCanvas, edited_gaps

GAP_FILES = (".nii.gz", ".nii", ".nrrd")
"""How a file of gaps may end."""


def gaps_on_own_slices(canvas: GapCanvas, painted: npt.NDArray[np.generic], own: StoredSlices) -> LabelMap:
    """Bring painted gaps onto the CT's own slices, as scripts and viewers expect them beside it.

    Parameters
    ----------
    canvas : GapCanvas
        What was painted on.
    painted : ndarray of int, shape ``canvas.shown.grid.shape``
        As for `planner.station.edited_gaps.edited_gaps`.
    own : StoredSlices
        How the CT's file holds its slices.

    Returns
    -------
    LabelMap
        All gaps, edited or not, one code each; on the grid that was planned on where the CT's own slices lie on none
        (uneven distances).

    Raises
    ------
    GeometryError, UsageError
        As `planner.station.edited_gaps.edited_gaps`.
    """
    edited = edited_gaps(canvas, painted)
    gaps = _gaps_alone(canvas.own) if edited is None else edited.labels
    if own.grid is None or own.grid.is_same(gaps.grid):
        return gaps
    return LabelMap(own.grid, codes_on_slices(gaps, own), gaps.structures)


def write_gaps(gaps: LabelMap, path: Path) -> None:
    """Write gaps as a file, whole or not at all.

    Parameters
    ----------
    gaps : LabelMap
        One code a gap.
    path : Path
        Ends in one of `GAP_FILES`; an older file there is replaced, but never a plan's own labels.

    Raises
    ------
    UsageError
        If there is no gap left to write, the file is a plan's own, its name ends otherwise, or ``.nrrd`` is asked for
        on a sheared grid.
    OutputError
        If it cannot be written; an older file is then there as it was.
    """
    name = path.name.lower()
    if not name.endswith(GAP_FILES):
        raise UsageError(f"{path.name} ends in none of {', '.join(GAP_FILES)}; choose one of these")
    if name.startswith("labels.nii") and (path.parent / "plan.json").is_file():
        raise UsageError(f"{path.name} belongs to the plan in {path.parent.name}; choose another name")
    if not np.any(gaps.codes):
        raise UsageError("all gaps are erased: a file without a gap cannot be read again; save the plan instead")
    if name.endswith(".nrrd") and not gaps.grid.is_rectangular:
        raise UsageError("the CT's slices are sheared, which .nrrd does not hold here; choose .nii.gz")
    with TemporaryDirectory() as folder:
        beside = Path(folder, "gaps" + next(end for end in GAP_FILES if name.endswith(end)))
        (write_label_nrrd if name.endswith(".nrrd") else write_label_nifti)(gaps, beside)
        write_whole(beside.read_bytes(), path)


def _gaps_alone(labels: LabelMap) -> LabelMap:
    structures = tuple(structure for structure in labels.structures if structure.kind == "gap")
    codes = np.asarray(labels.codes)
    return LabelMap(labels.grid, np.where(np.isin(codes, [s.code for s in structures]), codes, 0), structures)
