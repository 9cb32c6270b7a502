"""Where metal artefacts leave tissue unreadable, as a plan's folder tells it."""

from pathlib import Path

import numpy as np

from planner.config.plan_config import PlanConfig
from planner.errors import InputError
from planner.io.nifti import read_label_nifti
from planner.model.labels import LabelMap
from planner.model.volume import Mask

TRUST_FILE = "trust.nii.gz"
_PERCENT = 100.0
_ROUNDED = 0.5
"""The file holds whole percent: what was rounded up to the limit counts as unreadable, too."""


def read_unreadable(folder: Path, settings: PlanConfig | None, *, labels: LabelMap | None) -> Mask | None:
    """Read where metal artefacts leave tissue unreadable.

    Parameters
    ----------
    folder : Path
        The plan's.
    settings : PlanConfig or None
        Those that the plan was made with, for they say what counts as unreadable; None where they are not known.
    labels : LabelMap or None
        The plan's structures, on whose grid the file must lie; None where the folder holds none.

    Returns
    -------
    Mask or None
        On the block of the CT's own grid that holds it. None where that is not known: without settings or file, or with
        a file that cannot be read, is of another CT or holds no percent.
    """
    file = folder / TRUST_FILE
    if settings is None or not file.is_file():
        return None
    try:
        read = read_label_nifti(file)
    except InputError:
        return None
    percent = np.asarray(read.codes)
    is_foreign = labels is not None and not labels.grid.is_same(read.grid)
    if is_foreign or int(percent.max(initial=0)) > _PERCENT:
        return None
    voxels = np.asarray(percent < _PERCENT * settings.trust.unreadable_below + _ROUNDED)
    # Most of a CT is readable: only the block that is not is kept.
    start, stop = [0, 0, 0], [1, 1, 1]
    for axis in range(3):
        there = np.flatnonzero(voxels.any(axis=tuple(other for other in range(3) if other != axis)))
        if there.size:
            start[axis], stop[axis] = int(there[0]), int(there[-1]) + 1
    low, high = (start[0], start[1], start[2]), (stop[0], stop[1], stop[2])
    block = voxels[low[0] : high[0], low[1] : high[1], low[2] : high[2]].copy()
    return Mask(read.grid.crop(low, high), block)
