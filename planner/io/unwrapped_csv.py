"""``unwrapped.csv``: the width of the gaps cell by cell, along and round each screw and stem."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from planner.io.whole_file import write_whole
from planner.model.unwrapped import UnwrappedMap

COLUMNS = ("implant_id", "along_mm", "round_deg", "zone", "in_bone", "read", "width_mm", "width_sd_mm")
"""The header. Flags are 1 or 0; what was not measured is an empty cell, never 0."""


def unwrapped_text(maps: Iterable[UnwrappedMap]) -> str:
    """Give unwrapped maps as CSV, one row for each cell.

    Parameters
    ----------
    maps : iterable of UnwrappedMap
        The maps.

    Returns
    -------
    str
        A header, then row by row from the head to the tip, each once round the shaft; see `UnwrappedMap` for where 0
        degrees are and what a width of 0 means.
    """
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in maps:
        read = one.read
        for row, along in enumerate(one.along_mm):
            for column, turn in enumerate(one.round_deg):
                at = row, column
                rows.writerow(
                    (one.implant_id, f"{along:.2f}", f"{turn:.1f}", one.zones[one.zone[at]], int(one.in_bone[at]),
                     int(read[at]), _number(one.width_mm[at]), _number(one.width_sd_mm[at]))
                )  # fmt: skip
    return out.getvalue()


def write_unwrapped_csv(maps: Iterable[UnwrappedMap], target: Path | str) -> None:
    """Write unwrapped maps as CSV.

    Parameters
    ----------
    maps : iterable of UnwrappedMap
        The maps.
    target : Path or str
        The file, written whole, in UTF-8.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_whole(unwrapped_text(maps).encode(), target)


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else ""
