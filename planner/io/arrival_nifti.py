"""Maps of when cement arrives, as NIfTI files."""

from pathlib import Path

import numpy as np

from planner.io.nifti import read_nifti, write_array_nifti
from planner.model.arrival_map import ArrivalMap


def write_arrival_nifti(arrival: ArrivalMap, path: Path) -> None:
    """Write when cement arrives, byte for byte the same each time.

    Parameters
    ----------
    arrival : ArrivalMap
        What to write.
    path : Path
        ``.nii`` or ``.nii.gz``; float32, mL injected by then, NaN where cement never comes.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    values = np.asarray(arrival.injected_ml, dtype=np.float32)
    told = np.where(np.isfinite(values), values, np.float32(np.nan))
    write_array_nifti(told, arrival.grid, path, description="mL injected when cement arrives; NaN: never")


def read_arrival_nifti(path: Path, *, gap_id: str) -> ArrivalMap:
    """Read when cement arrives.

    Parameters
    ----------
    path : Path
        As `write_arrival_nifti` wrote it.
    gap_id : str
        The target: the file does not name it.

    Returns
    -------
    ArrivalMap

    Raises
    ------
    SeriesError
        If the file or its geometry cannot be read.
    """
    volume, _ = read_nifti(path)
    values = np.asarray(volume.hu, dtype=np.float32).copy()
    # what is not finite in the file counts as padding
    if volume.padding is not None:
        values[volume.padding] = np.inf
    return ArrivalMap(gap_id, volume.grid, values)
