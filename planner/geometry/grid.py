"""The voxel grid: which voxel is where in the patient."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.errors import GeometryError
from planner.geometry.frames import Array, PointsIndex, PointsLps

_SAME_PLACE_MM = 1e-3
"""Two grids are the same when no corner lies further apart; far below any voxel, far above float64 rounding."""


@dataclass(frozen=True)
class Grid:
    """A rectangular or sheared voxel grid in the patient.

    Parameters
    ----------
    shape : tuple of int
        Voxels along (slice, row, column).
    lps_from_index : ndarray, shape (4, 4)
        Homogeneous transform from (slice, row, column) indices to DICOM LPS mm. A voxel's centre is the integer.
    frame_of_reference_uid : str or None
        DICOM Frame of Reference; None where the file named none (NIfTI, say).

    Raises
    ------
    GeometryError
        If the shape is empty or the transform is singular, not affine or not finite.
    """

    shape: tuple[int, int, int]
    lps_from_index: Array
    frame_of_reference_uid: str | None = None

    def __post_init__(self) -> None:
        matrix = np.array(self.lps_from_index, dtype=np.float64)
        shape = tuple(int(n) for n in self.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise GeometryError(f"a grid needs three axes of at least one voxel, not {shape}")
        if matrix.shape != (4, 4) or not np.all(np.isfinite(matrix)) or not np.array_equal(matrix[3], [0, 0, 0, 1]):
            raise GeometryError("a grid's transform must be a finite affine 4 x 4 matrix")
        edges = np.linalg.norm(matrix[:3, :3], axis=0)
        if edges.min() <= 0 or abs(np.linalg.det(matrix[:3, :3])) < 1e-6 * float(np.prod(edges)):
            raise GeometryError("a grid's axes are degenerate: two of them run in one plane or one has no length")
        matrix.setflags(write=False)
        object.__setattr__(self, "lps_from_index", matrix)
        object.__setattr__(self, "shape", shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self.is_same(other)

    __hash__ = None  # type: ignore[assignment]  # equality is within a tolerance, which no hash can honour

    @cached_property
    def index_from_lps(self) -> Array:
        """Homogeneous transform from LPS mm to (slice, row, column) indices, shape (4, 4)."""
        inverse = np.asarray(np.linalg.inv(self.lps_from_index), dtype=np.float64)
        inverse.setflags(write=False)
        return inverse

    @cached_property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbours along (slice, row, column), mm."""
        slices, rows, columns = (float(v) for v in np.linalg.norm(self.lps_from_index[:3, :3], axis=0))
        return slices, rows, columns

    @cached_property
    def directions_lps(self) -> Array:
        """Unit vectors along (slice, row, column) as the columns of a (3, 3) matrix, LPS."""
        return np.asarray(self.lps_from_index[:3, :3] / np.array(self.spacing_mm))

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel, mm3, also of a sheared one."""
        return abs(float(np.linalg.det(self.lps_from_index[:3, :3])))

    @property
    def is_rectangular(self) -> bool:
        """Whether the three axes stand at right angles (within 0.1 degree)."""
        gram = self.directions_lps.T @ self.directions_lps
        return bool(np.abs(gram - np.eye(3)).max() < np.sin(np.radians(0.1)))

    @cached_property
    def corners_lps(self) -> PointsLps:
        """Centres of the eight corner voxels, shape (8, 3), LPS mm."""
        last = np.array(self.shape, dtype=np.float64) - 1
        return self.to_lps(PointsIndex(np.indices((2, 2, 2)).reshape(3, -1).T * last))

    @property
    def centre_lps(self) -> PointsLps:
        """Centre of the whole grid, shape (3,), LPS mm."""
        return self.to_lps(PointsIndex((np.array(self.shape, dtype=np.float64) - 1) / 2))

    def to_lps(self, points_idx: npt.ArrayLike) -> PointsLps:
        """Turn voxel indices into LPS positions.

        Parameters
        ----------
        points_idx : array_like, shape (..., 3)
            Positions in (slice, row, column), fractions allowed.

        Returns
        -------
        PointsLps, shape (..., 3)
        """
        index = np.asarray(points_idx, dtype=np.float64)
        return PointsLps(index @ self.lps_from_index[:3, :3].T + self.lps_from_index[:3, 3])

    def to_index(self, points_lps: npt.ArrayLike) -> PointsIndex:
        """Turn LPS positions into voxel indices.

        Parameters
        ----------
        points_lps : array_like, shape (..., 3)
            LPS positions, mm.

        Returns
        -------
        PointsIndex, shape (..., 3)
            Indices in (slice, row, column), with fractions.
        """
        points = np.asarray(points_lps, dtype=np.float64)
        return PointsIndex(points @ self.index_from_lps[:3, :3].T + self.index_from_lps[:3, 3])

    def contains(self, points_lps: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Say which LPS positions lie within the grid's voxels.

        Parameters
        ----------
        points_lps : array_like, shape (..., 3)
            LPS positions, mm.

        Returns
        -------
        ndarray of bool, shape (...)
        """
        index = self.to_index(points_lps)
        return np.asarray(np.all((index >= -0.5) & (index <= np.array(self.shape) - 0.5), axis=-1))

    def crop(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> "Grid":
        """Give the grid of a block of this one.

        Parameters
        ----------
        start, stop : tuple of int
            First voxel and one past the last, along (slice, row, column).

        Returns
        -------
        Grid
            The block's own grid, in the same place in the patient.
        """
        matrix = self.lps_from_index.copy()
        matrix[:3, 3] = self.to_lps(start)
        shape = (stop[0] - start[0], stop[1] - start[1], stop[2] - start[2])
        return Grid(shape, matrix, self.frame_of_reference_uid)

    def is_same(self, other: "Grid") -> bool:
        """Say whether another grid has the same voxels in the same places.

        Parameters
        ----------
        other : Grid
            The grid to compare with.

        Returns
        -------
        bool
            Frames of reference count only where both name one.
        """
        if self.shape != other.shape:
            return False
        uids = {self.frame_of_reference_uid, other.frame_of_reference_uid} - {None}
        apart_mm = np.abs(self.corners_lps - other.corners_lps).max()
        return len(uids) < 2 and bool(apart_mm < _SAME_PLACE_MM)

    def require_same(self, other: "Grid") -> None:
        """Refuse to go on with arrays of another grid.

        Parameters
        ----------
        other : Grid
            The grid of the other array.

        Raises
        ------
        GeometryError
            If shape, place or frame of reference differ.
        """
        if self.is_same(other):
            return
        if self.shape != other.shape:
            raise GeometryError(f"grids differ in shape: {self.shape} and {other.shape}; resample one onto the other")
        apart_mm = float(np.abs(self.corners_lps - other.corners_lps).max())
        if apart_mm >= _SAME_PLACE_MM:
            raise GeometryError(f"grids of one shape lie up to {apart_mm:.3g} mm apart; resample one onto the other")
        raise GeometryError("grids belong to different DICOM frames of reference; register the two scans first")
