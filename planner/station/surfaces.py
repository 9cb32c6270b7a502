"""The surfaces of a plan, for drawing it in 3D: structures as closed meshes, needles as tubes of their true width."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from planner.config.surface_config import SurfaceConfig
from planner.geometry.frames import Array
from planner.io.surfaces import surface_of
from planner.model.labels import LabelMap, Structure
from planner.model.needle import NeedleWay
from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.model.volume import Mask
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.station.viewpoint import needles_side

SurfaceKind = Literal["implant", "gap", "breach", "canal", "bone", "needle"]
BONE_ID = "bone"
"""All bone is one surface."""
_MARK_MM = 0.6
"""Thickness of the discs at skin and bone. Ours."""
_SAME_MM = 1e-6
"""Corners nearer than this are one: a tube has no direction between them."""
_SEEN_THROUGH: tuple[SurfaceKind, ...] = ("gap", "canal", "bone")
_STAGE = "drawing surfaces"


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """One thing of the plan as a mesh.

    Parameters
    ----------
    kind : str
        What it is.
    id : str
        Its id in the plan; `BONE_ID` for all bone.
    points_lps : ndarray of float, shape (N, 3)
        Corners, LPS mm.
    triangles : ndarray of int, shape (M, 3)
        Indices of corners, counter-clockwise seen from outside.
    """

    kind: SurfaceKind
    id: str
    points_lps: Array
    triangles: npt.NDArray[np.int64]


def surfaces_of(
    plan: Plan, labels: LabelMap | None, *, config: SurfaceConfig | None = None, monitor: Monitor = SILENT
) -> tuple[Surface, ...]:
    """Give the surfaces of a plan.

    Parameters
    ----------
    plan : Plan
        The plan; its needles become tubes.
    labels : LabelMap or None
        Its structures; None gives the needles only.
    config : SurfaceConfig or None
        How finely; None for the defaults.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    tuple of Surface
        Implants, gaps, breaches, canal, bone and needles, as far as they are there. A structure of which the label map
        holds no voxel has none.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    config = config or SurfaceConfig()
    made: list[Surface] = []
    if labels is not None:
        wanted = [s for s in labels.structures if s.kind in ("implant", "gap", "breach", "canal")]
        for number, structure in enumerate(wanted):
            check_cancelled(monitor)
            monitor.report(Progress(_STAGE, number, len(wanted) + 1))
            made += _structure(labels, structure, config)
        check_cancelled(monitor)
        monitor.report(Progress(_STAGE, len(wanted), len(wanted) + 1))
        made += _bone(labels, config)
    to_eye = needles_side(plan.ways).to_eye_lps
    made = [far_first(one, to_eye) if one.kind in _SEEN_THROUGH else one for one in made]
    return (*made, *(needle_surface(way, config=config) for way in plan.ways))


def far_first(surface: Surface, to_eye_lps: npt.ArrayLike) -> Surface:
    """Order a surface's triangles so that the far ones are drawn before the near ones.

    Parameters
    ----------
    surface : Surface
        The surface.
    to_eye_lps : array_like, shape (3,)
        Direction to the eye, LPS.

    Returns
    -------
    Surface
        The same one. What can be seen through is drawn without spots from there, and from the other side.
    """
    near = surface.points_lps[surface.triangles].mean(axis=1) @ np.asarray(to_eye_lps, dtype=np.float64)
    return replace(surface, triangles=surface.triangles[np.argsort(near, kind="stable")])


def needle_surface(way: NeedleWay, *, config: SurfaceConfig | None = None) -> Surface:
    """Draw a needle along its real course, bent parts too.

    Parameters
    ----------
    way : NeedleWay
        The needle.
    config : SurfaceConfig or None
        How finely; None for the defaults.

    Returns
    -------
    Surface
        A tube of the needle's outer diameter, a ball at its tip, a disc where it enters the bone and a wider one at the
        skin; none there where the skin lies outside of the field of view.
    """
    config = config or SurfaceConfig()
    width = way.needle.outer_diameter_mm
    parts = [
        tube(way.path_lps, diameter_mm=width, sides=config.needle_sides),
        _ball(way.target_lps, config.ball_diameters * width),
    ]
    marks = ((way.entry_skin_lps, config.skin_ring_mm), (way.entry_bone_lps, config.bone_ring_mm))
    for where, across_mm in marks:
        if where is not None:
            along = _direction_at(way.path_lps, where)
            ends = (where - along * _MARK_MM / 2, where + along * _MARK_MM / 2)
            parts.append(tube(ends, diameter_mm=across_mm, sides=2 * config.needle_sides))
    return Surface("needle", way.id, *_joined(parts))


def tube(path_lps: Sequence[npt.ArrayLike], *, diameter_mm: float, sides: int) -> tuple[Array, npt.NDArray[np.int64]]:
    """Lay a closed tube round a path.

    Parameters
    ----------
    path_lps : sequence of array_like, shape (3,)
        Its corners, LPS mm; two or more places that differ.
    diameter_mm : float
        Outer diameter of the tube's corners.
    sides : int
        3 or more.

    Returns
    -------
    points_lps : ndarray, shape (N, 3)
        LPS mm.
    triangles : ndarray, shape (M, 3)
        Indices of points, counter-clockwise seen from outside.

    Raises
    ------
    ValueError
        If the path has no length.

    Notes
    -----
    VTK's tube filter, as closed pieces between corners: a sharp bend pinches none, and each piece keeps its width.
    """
    corners = np.asarray(path_lps, dtype=np.float64)
    pieces = [piece for piece in pairwise(corners) if np.linalg.norm(piece[1] - piece[0]) > _SAME_MM]
    if not pieces:
        raise ValueError("a tube needs a path of some length")
    return _joined([_straight_tube(first, last, diameter_mm, sides) for first, last in pieces])


def _straight_tube(first: Array, last: Array, diameter_mm: float, sides: int) -> tuple[Array, npt.NDArray[np.int64]]:
    from vtkmodules.vtkFiltersCore import vtkTubeFilter
    from vtkmodules.vtkFiltersSources import vtkLineSource

    line = vtkLineSource()
    line.SetOutputPointsPrecision(1)  # double: a scan may lie far from the origin
    line.SetPoint1(*first)
    line.SetPoint2(*last)
    around = vtkTubeFilter()
    around.SetOutputPointsPrecision(1)
    around.SetInputConnection(line.GetOutputPort())
    around.SetRadius(diameter_mm / 2.0)
    around.SetNumberOfSides(sides)
    around.CappingOn()
    return _triangles(around)


def _ball(centre_lps: PointLps, diameter_mm: float) -> tuple[Array, npt.NDArray[np.int64]]:
    from vtkmodules.vtkFiltersSources import vtkSphereSource

    ball = vtkSphereSource()
    ball.SetOutputPointsPrecision(1)
    ball.SetCenter(*centre_lps)
    ball.SetRadius(diameter_mm / 2.0)
    ball.SetThetaResolution(16)
    ball.SetPhiResolution(12)
    return _triangles(ball)


def _triangles(source: Any) -> tuple[Array, npt.NDArray[np.int64]]:
    from vtkmodules.vtkFiltersCore import vtkTriangleFilter

    split = vtkTriangleFilter()
    split.SetInputConnection(source.GetOutputPort())
    split.Update()
    return _arrays(split.GetOutput())


def _arrays(poly: Any) -> tuple[Array, npt.NDArray[np.int64]]:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    points = vtk_to_numpy(poly.GetPoints().GetData())  # type: ignore[no-untyped-call]
    corners = vtk_to_numpy(poly.GetPolys().GetConnectivityArray())  # type: ignore[no-untyped-call]
    return np.array(points, dtype=np.float64), np.array(corners, dtype=np.int64).reshape(-1, 3)


def _joined(parts: Sequence[tuple[Array, npt.NDArray[np.int64]]]) -> tuple[Array, npt.NDArray[np.int64]]:
    offsets = np.cumsum([0, *(len(points) for points, _ in parts[:-1])])
    triangles = [triangles + offset for (_, triangles), offset in zip(parts, offsets, strict=True)]
    return np.concatenate([points for points, _ in parts]), np.concatenate(triangles)


def _direction_at(path_lps: Sequence[PointLps], where: PointLps) -> Array:
    """Give the direction of the piece of a path that passes a place."""
    corners = np.asarray(path_lps, dtype=np.float64)
    place = np.asarray(where, dtype=np.float64)
    best, best_off = np.array([0.0, 0.0, 1.0]), np.inf
    for first, last in pairwise(corners):
        length = float(np.linalg.norm(last - first))
        if length <= _SAME_MM:
            continue
        along = (last - first) / length
        share = np.clip((place - first) @ along, 0.0, length)
        off = float(np.linalg.norm(first + share * along - place))
        if off < best_off - _SAME_MM:
            best, best_off = along, off
    return best


def _structure(labels: LabelMap, structure: Structure, config: SurfaceConfig) -> list[Surface]:
    voxels = labels.codes == structure.code
    if not voxels.any():
        return []
    points, triangles = surface_of(Mask(labels.grid, voxels))
    kind: SurfaceKind = structure.kind  # type: ignore[assignment]  # those that were picked
    return [Surface(kind, structure.id, *_reduced(points, triangles, config.structure_triangles))]


def _bone(labels: LabelMap, config: SurfaceConfig) -> list[Surface]:
    """Give all bone with the gaps in it: the wall between the two is the gap's own surface."""
    codes = [s.code for s in labels.structures if s.kind in ("bone", "gap", "breach")]
    if not any(s.kind == "bone" for s in labels.structures):
        return []
    voxels = np.isin(labels.codes, codes)
    if not voxels.any():
        return []
    return [Surface("bone", BONE_ID, *_reduced(*surface_of(Mask(labels.grid, voxels)), config.bone_triangles))]


def _reduced(points_lps: Array, triangles: npt.NDArray[np.int64], most: int) -> tuple[Array, npt.NDArray[np.int64]]:
    """Take out triangles where the surface bends least (quadric errors; M. Garland, P. Heckbert 1997)."""
    if len(triangles) <= most:
        return points_lps, triangles
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData
    from vtkmodules.vtkFiltersCore import vtkQuadricDecimation

    points = vtkPoints()
    points.SetData(numpy_to_vtk(points_lps, deep=True))  # type: ignore[no-untyped-call]
    cells = vtkCellArray()
    cells.SetData(3, numpy_to_vtkIdTypeArray(np.ascontiguousarray(triangles.ravel()), deep=True))  # type: ignore[no-untyped-call]
    poly = vtkPolyData()
    poly.SetPoints(points)
    poly.SetPolys(cells)
    fewer = vtkQuadricDecimation()
    fewer.SetInputData(poly)
    fewer.SetTargetReduction(1.0 - most / len(triangles))
    fewer.VolumePreservationOn()
    fewer.Update()
    return _arrays(fewer.GetOutput())
