"""A scene as maps of basis materials, row by row of the detector: what the simulated beam passes."""

from dataclasses import dataclass

import numpy as np

from planner.config.phantoms.scan import ScanSettings
from planner.geometry.grid import Grid
from planner.phantoms.scanner.attenuation import Array
from planner.phantoms.scanner.octree import Contents, material_maps
from planner.phantoms.scanner.projection import Raster, Single
from planner.phantoms.scanner.recipes import HEAVY, Recipe, recipe
from planner.phantoms.scanner.spectrum import Response
from planner.phantoms.scene import Scene


@dataclass(frozen=True, eq=False)
class MaterialMaps:
    """Maps of basis materials, slice by slice.

    Parameters
    ----------
    light : ndarray of float32, shape (2, rows, y, x)
        Water and cortical bone.
    light_raster : Raster
        Where its cells lie.
    heavy : ndarray of float32, shape (heavy, rows, y, x)
        As `HEAVY`; may be of another pitch and be smaller; no cells at all where there is nothing heavy.
    heavy_raster : Raster
        Where its cells lie.
    """

    light: Single
    light_raster: Raster
    heavy: Single
    heavy_raster: Raster


def contents_of(scene: Scene, response: Response, *, heavy: bool) -> Contents:
    """Give the basis materials of a scene's parts: the light ones, or the heavy ones."""
    recipes: list[Recipe] = [recipe(t, response) for t in (*(p.tissue for p in scene.parts), scene.background)]
    if heavy:
        return Contents(np.array([r.heavy for r in recipes]), np.array([r.heavy_per_hu for r in recipes]))
    return Contents(np.array([r.light for r in recipes]), np.array([r.light_per_hu for r in recipes]))


def maps_of_scene(
    scene: Scene, settings: ScanSettings, response: Response, *, z_mm: tuple[float, float, int], grid: Grid
) -> tuple[MaterialMaps, Array]:
    """Draw a scene's basis materials.

    Parameters
    ----------
    scene : Scene
        All of it is drawn within each row, also what the grid leaves out: the beam passes it.
    settings : ScanSettings
        For the fineness.
    response : Response
        The beam, by which HU become materials.
    z_mm : tuple
        Middle of the first row, height of a row, count of rows.
    grid : Grid
        What is drawn where the scene has no end of its own.

    Returns
    -------
    MaterialMaps
        Round the axis of rotation.
    ndarray, shape (2,)
        Where in the patient the axis is: the patient is laid in the middle of the gantry.
    """
    low, high = _extent(scene, grid)
    axis = (low + high)[:2] / 2.0
    light_grid = _flat_grid(low, high, settings.raster_mm, z_mm)
    light = material_maps(scene, light_grid, contents_of(scene, response, heavy=False), halvings=1)
    contents = contents_of(scene, response, heavy=True)
    metal = [p.solid.bounds_lps for p, row in zip(scene.parts, contents.amounts, strict=False) if np.any(row)]
    metal = [b for b in metal if b[0][2] < z_mm[0] + z_mm[1] * z_mm[2] and b[1][2] > z_mm[0] - z_mm[1]]
    if not metal:
        empty = np.zeros((len(HEAVY), light.shape[1], 1, 1), np.float32)
        return MaterialMaps(light, _raster(light_grid, axis), empty, Raster(0.0, 0.0, settings.metal_raster_mm)), axis
    low = np.maximum(low, np.min([b[0] for b in metal], axis=0) - 0.5)
    high = np.minimum(high, np.max([b[1] for b in metal], axis=0) + 0.5)
    heavy_grid = _flat_grid(low, high, settings.metal_raster_mm, z_mm)
    heavy = material_maps(scene, heavy_grid, contents, halvings=1)
    return MaterialMaps(light, _raster(light_grid, axis), heavy, _raster(heavy_grid, axis)), axis


def _extent(scene: Scene, grid: Grid) -> tuple[Array, Array]:
    """Give the box that is drawn: that of the parts, and the grid's own where a part or the background has no end."""
    edge = np.array(grid.spacing_mm)[::-1] / 2.0
    low, high = grid.corners_lps.min(axis=0) - edge, grid.corners_lps.max(axis=0) + edge
    boxes = [p.solid.bounds_lps for p in scene.parts]
    boxes = [b for b in boxes if np.all(b[1][:2] - b[0][:2] < 1000.0)]
    if scene.background.hu > -900.0 or not boxes:
        return low, high
    return np.min([b[0] for b in boxes], axis=0), np.max([b[1] for b in boxes], axis=0)


def _flat_grid(low: Array, high: Array, pitch_mm: float, z_mm: tuple[float, float, int]) -> Grid:
    count = np.maximum(1, np.ceil((high - low)[:2] / pitch_mm)).astype(int)
    matrix = np.zeros((4, 4))
    matrix[2, 0], matrix[1, 1], matrix[0, 2], matrix[3, 3] = z_mm[1], pitch_mm, pitch_mm, 1.0
    middle = (low + high)[:2] / 2.0
    matrix[:2, 3] = middle - (count - 1) / 2.0 * pitch_mm
    matrix[2, 3] = z_mm[0]
    return Grid((z_mm[2], int(count[1]), int(count[0])), matrix)


def _raster(grid: Grid, axis: Array) -> Raster:
    x, y, _ = (float(v) for v in grid.to_lps([0.0, 0.0, 0.0]))
    return Raster(x - float(axis[0]), y - float(axis[1]), grid.spacing_mm[2])
