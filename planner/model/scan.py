"""A CT as it was loaded: voxels, what its file says of it, and what the operator must know of it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from planner.errors import GeometryError
from planner.geometry.frames import Array, PointsLps
from planner.geometry.grid import Grid
from planner.model.finding import Finding
from planner.model.plan import Series
from planner.model.volume import Volume

_OFF_STEP = 0.05
"""Slices whose places stray by less than this share of a step lie on one grid. Ours: rounded positions stay below it,
and a twentieth of a slice is far below the partial volume effect."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredSlices:
    """Where a CT's slices lie as its file holds them; they may lean, or lie at uneven distances.

    Parameters
    ----------
    positions_lps : ndarray, shape (slices, 3)
        Centre of each slice's first voxel, LPS mm, in the order of the file's volume.
    row_step_lps, column_step_lps : ndarray, shape (3,)
        From a voxel to the next row, and to the next column, LPS mm.
    rows, columns : int
        Voxels of each slice.
    frame_of_reference_uid : str or None
        DICOM Frame of Reference; None where the file named none.

    Raises
    ------
    GeometryError
        If an array does not have its shape or there is no slice.
    """

    positions_lps: PointsLps
    row_step_lps: Array
    column_step_lps: Array
    rows: int
    columns: int
    frame_of_reference_uid: str | None = None

    def __post_init__(self) -> None:
        for name, shape in (("positions_lps", (-1, 3)), ("row_step_lps", (3,)), ("column_step_lps", (3,))):
            array = np.array(getattr(self, name), dtype=np.float64)
            if array.ndim != len(shape) or array.shape[-1] != 3 or not array.size:
                raise GeometryError(f"stored slices need {name} of shape {shape}, not {array.shape}")
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @classmethod
    def of_grid(cls, grid: Grid) -> "StoredSlices":
        """Take the slices of a grid.

        Parameters
        ----------
        grid : Grid
            Rectangular or sheared.

        Returns
        -------
        StoredSlices
        """
        slices, rows, columns = grid.shape
        matrix = grid.lps_from_index
        starts = PointsLps(matrix[:3, 3] + np.arange(slices)[:, None] * matrix[:3, 0])
        return cls(starts, matrix[:3, 1], matrix[:3, 2], rows, columns, grid.frame_of_reference_uid)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along (slice, row, column)."""
        return len(self.positions_lps), self.rows, self.columns

    @property
    def grid(self) -> Grid | None:
        """The one grid that the slices lie on, sheared where they lean; None where their distances are uneven.

        A single slice has none either: its neighbours' distance is not known.
        """
        count = len(self.positions_lps)
        if count < 2:
            return None
        step = (self.positions_lps[-1] - self.positions_lps[0]) / (count - 1)
        even = self.positions_lps[0] + np.arange(count)[:, None] * step
        if np.linalg.norm(self.positions_lps - even, axis=1).max() > _OFF_STEP * float(np.linalg.norm(step)):
            return None
        matrix = np.eye(4)
        matrix[:3, :3] = np.column_stack((step, self.row_step_lps, self.column_step_lps))
        matrix[:3, 3] = self.positions_lps[0]
        return Grid(self.shape, matrix, self.frame_of_reference_uid)


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A loaded CT.

    Parameters
    ----------
    volume : Volume
        The voxels, on a rectangular grid: the CT's own, or one that it was resampled onto.
    series : Series
        What goes into the plan of the series.
    findings : tuple of Finding
        What the operator must know: clipped HU, lossy compression, the series that was chosen among several.
    slice_files : tuple of Path
        The DICOM file of each stored slice, in the order of the slices (one file for a multi-frame object); empty for
        other formats. The DICOM writers take patient and study from the first.
    stored : StoredSlices or None
        Where the CT's own slices lie, for what is written onto them; None where they are the volume's.
    display_alternative : str or None
        What to load (`planner.io.load_scan`'s series) to look at the same scan with metal artefact reduction; None
        where there is none beside it. It is never measured.
    """

    volume: Volume
    series: Series
    findings: tuple[Finding, ...] = ()
    slice_files: tuple[Path, ...] = ()
    stored: StoredSlices | None = None
    display_alternative: str | None = None

    @property
    def own_slices(self) -> StoredSlices:
        """Where the CT's own slices lie."""
        return StoredSlices.of_grid(self.volume.grid) if self.stored is None else self.stored

    def in_patient_axes(self) -> "Scan":
        """Give the scan with its volume's axes along the patient's, as `Volume.in_patient_axes` does.

        Returns
        -------
        Scan
            `own_slices` and `series` still tell how the file holds it.
        """
        return replace(self, volume=self.volume.in_patient_axes(), stored=self.own_slices)
