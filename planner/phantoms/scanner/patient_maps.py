"""A scene as maps of basis materials, row by row of the detector: what the simulated beam passes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.phantoms.scan import ScanSettings
from planner.errors import UsageError
from planner.geometry.grid import Grid
from planner.phantoms.scanner.octree import Contents, material_maps
from planner.phantoms.scanner.projection import Raster, Single
from planner.phantoms.scanner.recipes import Recipe, recipe
from planner.phantoms.scene import Scene
from planner.progress import SILENT, Monitor
from planner.xray.attenuation import Array
from planner.xray.spectrum import Response

_AIR_BELOW_HU = -900.0
_ENDLESS_MM = 2000.0
"""Nothing that lies in a gantry is wider."""
_MARGIN_MM = 0.5


@dataclass(frozen=True, eq=False)
class Stack:
    """Maps of some basis materials.

    Parameters
    ----------
    maps : ndarray of float32, shape (materials, rows, y, x)
        How much of each.
    materials : ndarray of int, shape (materials,)
        Which they are; those that lie nowhere are left out.
    raster : Raster
        Where the cells lie.
    """

    maps: Single
    materials: npt.NDArray[np.intp]
    raster: Raster


@dataclass(frozen=True, eq=False)
class MaterialMaps:
    """Maps of basis materials, round the axis of rotation.

    Parameters
    ----------
    light : Stack
        Of the materials in `LIGHT`.
    heavy : Stack
        Of the materials in `HEAVY`; of another pitch, and only where such material is.
    """

    light: Stack
    heavy: Stack

    @property
    def reach_mm(self) -> float:
        """How far the maps reach from the axis."""
        reach = 0.0
        for stack in (self.light, self.heavy):
            raster, (_, _, ny, nx) = stack.raster, stack.maps.shape
            far = [max(abs(a), abs(a + (n - 1) * raster.pitch_mm)) for a, n in ((raster.x_mm, nx), (raster.y_mm, ny))]
            reach = max(reach, float(np.hypot(*far)) + raster.pitch_mm)
        return reach


def maps_of_scene(
    scene: Scene,
    settings: ScanSettings,
    response: Response,
    *,
    z_mm: tuple[float, float, int],
    monitor: Monitor = SILENT,
) -> tuple[MaterialMaps, Array]:
    """Draw a scene's basis materials.

    Parameters
    ----------
    scene : Scene
        All of it is drawn within each row.
    settings : ScanSettings
        For the fineness.
    response : Response
        The beam, by which HU become materials.
    z_mm : tuple
        Middle of the first row, height of a row, count of rows.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    MaterialMaps
        Round the axis of rotation.
    ndarray, shape (2,)
        Where in the patient the axis is: the patient is laid in the middle of the gantry.

    Raises
    ------
    UsageError
        If the scene has no end within the slices.
    """
    low, high = _extent(scene)
    axis = (low + high)[:2] / 2.0
    recipes = [recipe(t, response) for t in (*(p.tissue for p in scene.parts), scene.background)]
    light = _stack(scene, _light_contents(recipes), (low, high), settings.raster_mm, z_mm, axis, monitor)
    contents = _heavy_contents(recipes)
    bounds = [p.solid.bounds_lps for p, row in zip(scene.parts, contents.amounts, strict=False) if np.any(row)]
    bounds = [b for b in bounds if b[0][2] < z_mm[0] + z_mm[1] * z_mm[2] and b[1][2] > z_mm[0] - z_mm[1]]
    if bounds:
        low = np.maximum(low, np.min([b[0] for b in bounds], axis=0) - _MARGIN_MM)
        high = np.minimum(high, np.max([b[1] for b in bounds], axis=0) + _MARGIN_MM)
        heavy = _stack(scene, contents, (low, high), settings.metal_raster_mm, z_mm, axis, monitor)
    else:
        none = np.zeros((0, z_mm[2], 1, 1), np.float32)
        heavy = Stack(none, np.zeros(0, np.intp), Raster(0.0, 0.0, settings.metal_raster_mm))
    return MaterialMaps(light, heavy), axis


def _light_contents(recipes: list[Recipe]) -> Contents:
    return Contents(np.array([r.light for r in recipes]), np.array([r.light_per_hu for r in recipes]))


def _heavy_contents(recipes: list[Recipe]) -> Contents:
    return Contents(np.array([r.heavy for r in recipes]), np.array([r.heavy_per_hu for r in recipes]))


def _stack(
    scene: Scene, contents: Contents, box: tuple[Array, Array], pitch_mm: float, z_mm: tuple[float, float, int],
    axis: Array, monitor: Monitor,
) -> Stack:  # fmt: skip
    used = np.flatnonzero(np.any(contents.amounts != 0.0, axis=0))
    grid = _flat_grid(*box, pitch_mm, z_mm)
    some = Contents(contents.amounts[:, used], contents.per_hu[:, used])
    maps = material_maps(scene, grid, some, halvings=1, staggered=True, monitor=monitor)
    x, y, _ = (float(v) for v in grid.to_lps([0.0, 0.0, 0.0]))
    return Stack(maps, used, Raster(x - float(axis[0]), y - float(axis[1]), pitch_mm))


def _extent(scene: Scene) -> tuple[Array, Array]:
    """Give the box of the parts, or say that there is none within the slices."""
    if scene.background.hu > _AIR_BELOW_HU:
        raise UsageError(
            f"the simulated CT sees all that the beam passes, and a background of {scene.background.name} has no end: "
            "put a body of it into a scene with air around"
        )
    if not scene.parts:
        raise UsageError("there is nothing in the scene to scan")
    for part in scene.parts:
        low, high = part.solid.bounds_lps
        if np.any(high[:2] - low[:2] > _ENDLESS_MM):
            raise UsageError(f"the simulated CT cannot scan {part.name}, which has no end within the slices")
    boxes = [p.solid.bounds_lps for p in scene.parts]
    return np.min([b[0] for b in boxes], axis=0), np.max([b[1] for b in boxes], axis=0)


def _flat_grid(low: Array, high: Array, pitch_mm: float, z_mm: tuple[float, float, int]) -> Grid:
    count = np.maximum(1, np.ceil((high - low)[:2] / pitch_mm)).astype(int)
    matrix = np.zeros((4, 4))
    matrix[2, 0], matrix[1, 1], matrix[0, 2], matrix[3, 3] = z_mm[1], pitch_mm, pitch_mm, 1.0
    middle = (low + high)[:2] / 2.0
    matrix[:2, 3] = middle - (count - 1) / 2.0 * pitch_mm
    matrix[2, 3] = z_mm[0]
    return Grid((z_mm[2], int(count[1]), int(count[0])), matrix)
