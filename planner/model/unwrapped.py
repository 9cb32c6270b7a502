"""A shaft's surroundings unwrapped: how wide its gap is along and round it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.model.implant import ImplantKind, Side
from planner.model.record import VectorLps

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class UnwrappedMap:
    """The width of the gap round a screw or a stem, on rows along it and columns round it.

    Parameters
    ----------
    implant_id : str
        The implant.
    kind : ImplantKind
        What it is.
    side : "left", "right" or None
        Side of the patient.
    length_mm : float
        From head (or shoulder) to tip.
    along_mm : ndarray, shape (rows,)
        Where each row meets the shaft, from the head, rising, mm; rows lie closer together round the tip.
    is_tip : ndarray of bool, shape (rows,)
        Rows round the tip, whose rays are not square to the axis.
    round_deg : ndarray, shape (columns,)
        Turn of each column round the shaft, rising within 0 to 360: clockwise as seen from the head towards the tip.
    zero_lps, quarter_lps : tuple of float
        Unit vectors, LPS, square to the axis, in which 0 and 90 degrees look. Of a shaft that lies 0 is cranial, of one
        that stands it is anterior.
    width_mm : ndarray, shape (rows, columns)
        From the metal (of a screw, from its thread's crest) to the gap's wall. 0 where bone shows no gap: one that is
        narrower than the settings' least width cannot be seen. NaN where that was not read: outside of bone, where
        artefacts hide it, or where a gap's wall was not seen.
    width_sd_mm : ndarray, shape (rows, columns)
        Standard error of one cell's width; NaN where no wall was read.
    in_bone : ndarray of bool, shape (rows, columns)
        Where bone, or what was bone, lies beside the shaft.
    zone : ndarray of int, shape (rows, columns)
        Index into `zones`.
    zones : tuple of str
        As a plan names them: screw-proximal to screw-tip, gruen-1 to gruen-14.
    """

    implant_id: str
    kind: ImplantKind
    side: Side | None
    length_mm: float
    along_mm: Array
    is_tip: Flags
    round_deg: Array
    zero_lps: VectorLps
    quarter_lps: VectorLps
    width_mm: Array
    width_sd_mm: Array
    in_bone: Flags
    zone: npt.NDArray[np.int64]
    zones: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = (len(self.along_mm), len(self.round_deg))
        for name in ("width_mm", "width_sd_mm", "in_bone", "zone"):
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} of an unwrapped map has shape {getattr(self, name).shape}, not {shape}")

    @property
    def read(self) -> Flags:
        """Where the width is known, 0 included, shape (rows, columns)."""
        return np.isfinite(self.width_mm)

    def looks_lps(self, round_deg: float) -> Array:
        """Give the unit vector in which a turn looks from the axis, LPS, shape (3,)."""
        turn = np.radians(round_deg)
        return np.asarray(np.cos(turn) * np.array(self.zero_lps) + np.sin(turn) * np.array(self.quarter_lps))
