"""A CT as it was loaded: voxels, what its file says of it, and what the operator must know of it."""

from dataclasses import dataclass
from pathlib import Path

from planner.model.finding import Finding
from planner.model.plan import Series
from planner.model.volume import Volume


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A loaded CT.

    Parameters
    ----------
    volume : Volume
        The voxels.
    series : Series
        What goes into the plan of the series.
    findings : tuple of Finding
        What the operator must know: clipped HU, lossy compression, the series that was chosen among several.
    slice_files : tuple of Path
        The DICOM file of each slice, in the order of the volume's slices (one file for a multi-frame object); empty for
        other formats. The DICOM writers take patient and study from the first.
    """

    volume: Volume
    series: Series
    findings: tuple[Finding, ...] = ()
    slice_files: tuple[Path, ...] = ()
