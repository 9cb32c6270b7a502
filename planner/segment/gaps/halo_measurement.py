"""What a halo's measurement gives."""

from dataclasses import dataclass

from planner.geometry.frames import Array
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.implant import Implant, Loosening, LooseningCriterion
from planner.model.volume import Mask
from planner.segment.implants.spine import Shaft
from planner.segment.unwrap import Cells, Fan


@dataclass(frozen=True, slots=True, eq=False)
class Halo:
    """A screw's halo, unwrapped: every map has shape (rows, angles) of the fan.

    Parameters
    ----------
    fan : Fan
        The rays.
    metal_mm, outer_mm : ndarray
        Where metal and gap end on each ray; the same where there is no gap.
    width_mm : ndarray
        From the thread's crest; 0 where there is no gap.
    lucent, read : ndarray of bool
        Where there is a gap, and where its wall was seen; elsewhere it is carried over from the neighbours.
    in_bone : ndarray of bool
        Where the shaft lies in bone.
    cells_ml : ndarray
        The gap's volume in each cell.
    sd_ml : float
        One standard deviation of the whole volume, beside what follows from `sureness`; 0 but where a person moved the
        wall.
    sure : ndarray of bool
        Lucent cells of which the reader is sure: what is painted, and aimed at.
    sureness : float
        Mean chance, 0..1, that the gap's cells are lucent; 1 where a person drew them, 0 where there is no gap.
    wide_share : float or None
        Share of the shaft's interface in bone with a rim over the limit; None where none of it lies in bone.
    trust : float
        0..1, see `measure_halos`.
    hides_gaps : bool
        Whether metal artefacts may hide a gap, so that none seen does not mean none there.
    """

    fan: Fan
    metal_mm: Array
    outer_mm: Array
    width_mm: Array
    lucent: Cells
    read: Cells
    in_bone: Cells
    cells_ml: Array
    sd_ml: float
    sure: Cells
    sureness: float
    wide_share: float | None
    trust: float
    hides_gaps: bool = False

    @property
    def volume_ml(self) -> float:
        """The gap's volume, mL."""
        return float(self.cells_ml.sum())


@dataclass(frozen=True, slots=True, eq=False)
class HaloMeasurement:
    """What was measured round one screw.

    Parameters
    ----------
    shaft : Shaft
        The screw.
    halo : Halo
        The unwrapped measurement.
    gap : Gap or None
        The plan's record; None where the screw has no halo.
    mask : Mask or None
        The gap's voxels on the CT's grid; None with `gap`.
    loosening : str or None
        None where the profiles cannot be read.
    criteria : tuple of LooseningCriterion
        What the call rests on.
    findings : tuple of Finding
        What artefacts make of it.
    """

    shaft: Shaft
    halo: Halo
    gap: Gap | None
    mask: Mask | None
    loosening: Loosening | None
    criteria: tuple[LooseningCriterion, ...]
    findings: tuple[Finding, ...] = ()

    def graded(self, implant: Implant) -> Implant:
        """Write the loosening into the screw's record."""
        return implant.model_copy(update={"loosening": self.loosening, "loosening_criteria": self.criteria})
