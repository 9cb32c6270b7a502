"""A gap's width before and after, cell by cell, in the earlier CT's unwrapping."""

from dataclasses import dataclass

from planner.geometry.frames import Array
from planner.model.record import VectorLps
from planner.model.unwrapped import Flags


@dataclass(frozen=True, slots=True, eq=False)
class WidthMap:
    """The width of the gap round one implant on two CTs, on the earlier map's rows and columns.

    Parameters
    ----------
    implant_id : str
        On the earlier CT.
    late_id : str or None
        On the later one.
    length_mm : float
        From head (or shoulder) to tip.
    along_mm : ndarray, shape (rows,)
        Where each row meets the shaft, from the head, mm.
    is_tip : ndarray of bool, shape (rows,)
        Rows round the tip; no change is read there.
    round_deg : ndarray, shape (columns,)
        Turn of each column round the shaft, as an `UnwrappedMap` has it.
    zero_lps, quarter_lps : tuple of float
        Unit vectors, LPS of the earlier CT, in which 0 and 90 degrees look.
    before_mm : ndarray, shape (rows, columns)
        Width on the earlier CT, from its metal; 0 without a gap, NaN where not read.
    after_mm : ndarray, shape (rows, columns)
        Distance of the later wall from where the metal was on the earlier CT; NaN where not read.
    difference_mm : ndarray, shape (rows, columns)
        Later less earlier; positive where bone was lost; NaN where either was not read.
    cement : ndarray of bool, shape (rows, columns)
        Where new cement lies before the wall, so that it is not read.
    """

    implant_id: str
    late_id: str | None
    length_mm: float
    along_mm: Array
    is_tip: Flags
    round_deg: Array
    zero_lps: VectorLps
    quarter_lps: VectorLps
    before_mm: Array
    after_mm: Array
    difference_mm: Array
    cement: Flags

    def __post_init__(self) -> None:
        shape = (len(self.along_mm), len(self.round_deg))
        for name in ("before_mm", "after_mm", "difference_mm", "cement"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} of a width map has shape {getattr(self, name).shape}, not {shape}")
