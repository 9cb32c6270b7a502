"""Closed surfaces with fewer triangles, and how far that moved them: measured, not estimated."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from planner.geometry.frames import Array

Triangles = npt.NDArray[np.int64]
_SHARES = (0.25, 0.4, 0.6, 0.8)
"""Shares of the triangles that are tried, the smallest first. Ours."""
_LEFT_WHOLE = 400
"""Parts with no more triangles stay as they are: collapsing edges makes a speck of a few voxels vanish."""


@dataclass(frozen=True, slots=True, eq=False)
class ReducedSurface:
    """A surface from which triangles were taken, and what that cost.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        Corners, LPS mm.
    triangles : ndarray of int64, shape (M, 3)
        Indices of corners, counter-clockwise seen from outside.
    triangles_before : int
        Of the surface as it was.
    deviation_max_mm, deviation_mean_mm : float
        Distance between both surfaces, from each to the other, the larger of the two: at all corners and middles of
        triangles of what was reduced. 0 where nothing was.
    """

    points_lps: Array
    triangles: Triangles
    triangles_before: int
    deviation_max_mm: float
    deviation_mean_mm: float

    @property
    def volume_ml(self) -> float:
        """What it encloses, by the divergence theorem."""
        corners = self.points_lps[self.triangles] - self.points_lps.mean(axis=0)
        return float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))) / 6000.0


def is_closed(points: Array, triangles: Triangles) -> bool:
    """Say whether triangles close a space, all turned the same way.

    Parameters
    ----------
    points : ndarray, shape (N, 3)
        Corners.
    triangles : ndarray of int, shape (M, 3)
        Indices of corners.

    Returns
    -------
    bool
        Whether each edge is passed once in each direction. Corners that are one in single precision, in which the
        files hold them, count as one.
    """
    if not len(triangles):
        return False
    _, same = np.unique(points.astype(np.float32), axis=0, return_inverse=True)
    merged = same.ravel()[triangles]
    starts, ends = merged.ravel(), merged[:, [1, 2, 0]].ravel()
    count = int(merged.max()) + 1
    forth, back = np.sort(starts * count + ends), np.sort(ends * count + starts)
    return bool(np.array_equal(forth, back) and np.all(np.diff(forth) > 0) and np.all(starts != ends))


def reduced(points_lps: Array, triangles: Triangles, *, most_deviation_mm: float) -> ReducedSurface:
    """Take triangles out of a closed surface where it bends least.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        Corners, LPS mm.
    triangles : ndarray of int64, shape (M, 3)
        Indices of corners.
    most_deviation_mm : float
        No place of one surface may lie farther from the other; 0 takes nothing out.

    Returns
    -------
    ReducedSurface
        Closed where the surface was: a reduction that opens it or moves it too far is not taken, and where none of
        those that are tried serves, the surface stays as it is.

    Notes
    -----
    Quadric error metrics (M. Garland, P. Heckbert 1997), by VTK, which may pinch a surface where edges collapse: hence
    the check. The distance is measured to the nearest place of the other surface, between corners too.
    """
    whole = ReducedSurface(points_lps, triangles, len(triangles), 0.0, 0.0)
    small = _in_small_parts(triangles, len(points_lps))
    if most_deviation_mm <= 0.0 or small.all():
        return whole
    before = _used(points_lps, triangles[~small])
    kept_points, kept = _used(points_lps, triangles[small])
    poly = _poly(*before)
    for share in _SHARES:
        fewer = _decimated(poly, share)
        points, left = _arrays(fewer)
        joined = np.concatenate((points, kept_points)), np.concatenate((left, kept + len(points)))
        if len(left) and is_closed(*joined):
            most, mean = _deviation(poly, fewer)
            if most <= most_deviation_mm:
                return ReducedSurface(*joined, len(triangles), most, mean)
    return whole


def _in_small_parts(triangles: Triangles, count: int) -> npt.NDArray[np.bool_]:
    """Say of each triangle whether the part that it belongs to is small."""
    edges = np.concatenate((triangles[:, :2], triangles[:, 1:]))
    graph = sparse.coo_array((np.ones(len(edges), np.int8), edges.T), shape=(count, count))
    _, part = sparse.csgraph.connected_components(graph, directed=False)
    own = part[triangles[:, 0]]
    small: npt.NDArray[np.bool_] = np.bincount(own)[own] <= _LEFT_WHOLE
    return small


def _used(points: Array, triangles: Triangles) -> tuple[Array, Triangles]:
    """Keep the corners that triangles have."""
    used, index = np.unique(triangles, return_inverse=True)
    return points[used], index.reshape(-1, 3).astype(np.int64)


def _decimated(poly: Any, share: float) -> Any:
    from vtkmodules.vtkFiltersCore import vtkQuadricDecimation

    fewer = vtkQuadricDecimation()
    fewer.SetInputData(poly)
    fewer.SetTargetReduction(1.0 - share)
    fewer.VolumePreservationOn()
    fewer.Update()
    return fewer.GetOutput()


def _deviation(first: Any, second: Any) -> tuple[float, float]:
    """Measure the greatest and the mean distance of two surfaces, the larger of both directions, mm."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkFiltersGeneral import vtkDistancePolyDataFilter

    between = vtkDistancePolyDataFilter()
    between.SetInputData(0, first)
    between.SetInputData(1, second)
    between.SignedDistanceOff()
    between.ComputeSecondDistanceOn()
    between.Update()
    ways = []
    for output in (between.GetOutput(), between.GetSecondDistanceOutput()):
        data = (output.GetPointData(), output.GetCellData())
        arrays = [vtk_to_numpy(one.GetArray("Distance")) for one in data]  # type: ignore[no-untyped-call]
        ways.append(np.concatenate(arrays))
    return max(float(way.max()) for way in ways), max(float(way.mean()) for way in ways)


def _poly(points: Array, triangles: Triangles) -> Any:
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    corners = vtkPoints()
    corners.SetData(numpy_to_vtk(np.ascontiguousarray(points), deep=True))  # type: ignore[no-untyped-call]
    cells = vtkCellArray()
    flat = np.ascontiguousarray(triangles.ravel())
    cells.SetData(3, numpy_to_vtkIdTypeArray(flat, deep=True))  # type: ignore[no-untyped-call]
    poly = vtkPolyData()
    poly.SetPoints(corners)
    poly.SetPolys(cells)
    return poly


def _arrays(poly: Any) -> tuple[Array, Triangles]:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    points = vtk_to_numpy(poly.GetPoints().GetData())  # type: ignore[no-untyped-call]
    corners = vtk_to_numpy(poly.GetPolys().GetConnectivityArray())  # type: ignore[no-untyped-call]
    # VTK keeps the corners that no triangle has any more.
    return _used(np.array(points, dtype=np.float64), np.array(corners, dtype=np.int64).reshape(-1, 3))
