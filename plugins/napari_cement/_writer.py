"""npe2 writer: gaps that a person painted, as a file that ``cement-planner plan --gaps`` takes."""

from pathlib import Path
from typing import Any

import numpy as np

from napari_cement.edit.painted_layer import begun_of
from planner.errors import UsageError


def write_painted_gaps(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write the layer "my gaps (painted)" on the CT's own slices.

    Parameters
    ----------
    path : str
        Ends in ``.nii.gz``, ``.nii`` or ``.nrrd``.
    data : array_like of int
        The layer's voxels.
    meta : dict
        Its other properties, the metadata among them.

    Returns
    -------
    list of str
        The file.

    Raises
    ------
    UsageError
        If it is another layer: nobody knows which of its values are gaps, and on which CT they lie.
    GeometryError, OutputError
        As `planner.station.keeping.gaps_file`.
    """
    from planner.station.keeping.gaps_file import gaps_on_own_slices, write_gaps

    begun = begun_of(meta.get("metadata", {}))
    if begun is None:
        raise UsageError(
            "this layer holds no painted gaps: take the plan's gaps to be painted (Cement plan > My wishes) and save "
            "that layer; a plan is saved with its labels by 'Save plan…'"
        )
    write_gaps(gaps_on_own_slices(begun.canvas, np.asarray(data), begun.case.scan.own_slices), Path(path))
    return [path]
