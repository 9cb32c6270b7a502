"""The scan: tube, materials, detector, corrections and reconstruction, from a scene to a volume of Hounsfield units.

Parallel beam, slice by slice: rows of the detector see no cone. What a real scanner does that is left out: the fan
(rebinned to parallel views in any case), the spiral, cross-scatter, crosstalk and afterglow, bow-tie and tube current
modulation, and the makers' own filters and metal corrections.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.phantoms.scan import ScanSettings
from planner.geometry.grid import Grid
from planner.geometry.turn import Turn, turn_to_patient
from planner.model.volume import Volume
from planner.phantoms.scanner.gantry import Scanner
from planner.phantoms.scanner.patient_maps import MaterialMaps, maps_of_scene
from planner.phantoms.scanner.projection import Single, view_angles
from planner.phantoms.scanner.readings import Sweep, read_rows
from planner.phantoms.scanner.reconstruction import KERNELS, back_project, filter_views
from planner.phantoms.scene import Scene
from planner.progress import SILENT, Monitor, track
from planner.xray.attenuation import Array

_FLOOR_HU, _CEILING_HU = -1024.0, 32767.0
"""The lowest number that scanners store, and the highest that fits into 16 bits."""
_ROWS_AT_ONCE = 32
_SLICES_AT_ONCE = 16


def scan(scene: Scene, grid: Grid, settings: ScanSettings, *, monitor: Monitor = SILENT) -> Volume:
    """Scan a scene.

    Parameters
    ----------
    scene : Scene
        What lies on the table, all of it: the beam also passes what the grid leaves out of the slices.
    grid : Grid
        The voxels to store. Where its axes are the patient's, in any order and direction, it is reconstructed as it is;
        else on an upright grid around it and resampled linearly, which blurs it.
    settings : ScanSettings
        How.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    Volume
        int16 HU; the same for the same settings.

    Raises
    ------
    UsageError
        If the scene has no end within the slices: the background is not air, or a part is without bounds.
    CancelledError
        If the monitor stops the work.
    """
    turn = turn_to_patient(grid)
    upright = turn.grid(grid)
    aligned = np.allclose(np.abs(upright.directions_lps), np.eye(3)[:, ::-1], atol=1e-6)
    target = upright if aligned else _around(upright)
    hu = _scan_upright(scene, target, Scanner(settings), monitor)
    if not aligned:
        index = target.to_index(upright.to_lps(np.indices(upright.shape).reshape(3, -1).T))
        hu = ndimage.map_coordinates(hu, index.T, order=1, mode="nearest").reshape(upright.shape)
    ceiling = _CEILING_HU if settings.hu_clipped_at is None else min(settings.hu_clipped_at, _CEILING_HU)
    stored = np.rint(np.clip(hu, _FLOOR_HU, ceiling)).astype(np.int16)
    return Volume(grid, np.ascontiguousarray(_turned_back(stored, turn)))


def _turned_back(array: npt.NDArray[np.int16], turn: Turn) -> npt.NDArray[np.int16]:
    flipped = array[tuple(slice(None, None, -1 if back else 1) for back in turn.backwards)]
    return flipped.transpose(np.argsort(turn.order))


def _around(grid: Grid) -> Grid:
    """Give an upright grid of the finest spacing round an oblique one."""
    low, high = grid.corners_lps.min(axis=0), grid.corners_lps.max(axis=0)
    edge = min(grid.spacing_mm)
    count = np.ceil((high - low) / edge).astype(int) + 2
    matrix = np.eye(4)
    matrix[:3, :3] = np.eye(3)[:, ::-1] * edge
    matrix[:3, 3] = low - edge / 2.0
    return Grid((int(count[2]), int(count[1]), int(count[0])), matrix)


def _scan_upright(scene: Scene, grid: Grid, scanner: Scanner, monitor: Monitor) -> Single:
    settings, slices_mm = scanner.settings, grid.spacing_mm[0]
    thickness = settings.slice_thickness_mm or slices_mm
    row_mm = thickness / np.ceil(thickness / settings.row_mm - 1e-9)
    if abs(slices_mm / row_mm - round(slices_mm / row_mm)) > 1e-6:
        row_mm = slices_mm / np.ceil(slices_mm / row_mm)
    origin = grid.to_lps([0.0, 0.0, 0.0])
    # As many rows above the middle of each slice as below it: a row counts as a whole, wherever the slice cuts it.
    across = int(np.ceil(thickness / row_mm - 1e-6))
    rows = round((grid.shape[0] - 1) * slices_mm / row_mm) + across
    z_mm = (float(origin[2]) - (across - 1) / 2.0 * row_mm, row_mm, rows)
    maps, axis = maps_of_scene(scene, settings, scanner.response, z_mm=z_mm, monitor=monitor)
    columns = origin[0] - axis[0] + np.arange(grid.shape[2]) * grid.spacing_mm[2]
    lines = origin[1] - axis[1] + np.arange(grid.shape[1]) * grid.spacing_mm[1]
    mixing = _mixing(grid.shape[0], slices_mm, thickness, across, row_mm)
    return scan_maps(maps, scanner=scanner, row_mm=row_mm, mixing=mixing, x_mm=columns, y_mm=lines, monitor=monitor)


def _mixing(slices: int, spacing_mm: float, thickness_mm: float, across: int, row_mm: float) -> npt.NDArray[np.float32]:
    """Give the share of each row in each slice: a box of the slice's thickness, about the middle of `across` rows."""
    rows = round((slices - 1) * spacing_mm / row_mm) + across
    low = np.arange(slices)[:, None] * spacing_mm + (across * row_mm - thickness_mm) / 2.0
    start = np.arange(rows) * row_mm
    overlap = np.minimum(low + thickness_mm, start + row_mm) - np.maximum(low, start)
    weight = np.where(overlap > 1e-6, overlap, 0.0)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float32)


def scan_maps(
    maps: MaterialMaps, *, scanner: Scanner, row_mm: float, mixing: Single, x_mm: Array, y_mm: Array,
    monitor: Monitor = SILENT,
) -> Single:  # fmt: skip
    """Scan maps of materials.

    Parameters
    ----------
    maps : MaterialMaps
        What lies on the table, row by row of the detector.
    scanner : Scanner
        The machine.
    row_mm : float
        Height of a row.
    mixing : ndarray of float32, shape (slices, rows)
        Share of each row in each slice.
    x_mm, y_mm : ndarray
        Pixels to reconstruct, from the axis of rotation.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    ndarray of float32, shape (slices, y, x)
        Hounsfield units, neither rounded nor clipped.
    """
    s = scanner.settings
    angles = view_angles(scanner.views_for(maps.reach_mm))
    count = int(np.ceil(maps.reach_mm / scanner.sample_mm)) + 2
    sample_mm: Array = (np.arange(2.0 * count) - count + 0.5) * scanner.sample_mm
    sweep = Sweep(scanner, angles, sample_mm, row_mm)
    views = np.zeros((mixing.shape[0], len(angles), 2 * count), dtype=np.float32)
    rows = np.flatnonzero(mixing.any(axis=0))  # none between slices that stand apart
    pieces = [rows[a : a + _ROWS_AT_ONCE] for a in range(0, len(rows), _ROWS_AT_ONCE)]
    for piece in track(pieces, stage="scanning the phantom", monitor=monitor):
        straight = np.ascontiguousarray(np.moveaxis(read_rows(maps, piece, sweep), 2, 0))
        for target in np.flatnonzero(mixing[:, piece].any(axis=1)):
            for row in np.flatnonzero(mixing[target, piece]):
                views[target] += mixing[target, piece][row] * straight[row]
    kernel, blurs = KERNELS[s.kernel], (s.detector_mm, s.focus_mm)
    out = np.empty((mixing.shape[0], len(y_mm), len(x_mm)), dtype=np.float32)
    starts = range(0, len(out), _SLICES_AT_ONCE)
    for a in track(starts, stage="reconstructing the phantom", monitor=monitor):
        block = views[a : a + _SLICES_AT_ONCE]
        filtered = filter_views(block, sample_mm=scanner.sample_mm, kernel=kernel, blurs_mm=blurs)
        out[a : a + _SLICES_AT_ONCE] = back_project(
            filtered, angles=angles, first_mm=float(sample_mm[0]), sample_mm=scanner.sample_mm, x_mm=x_mm, y_mm=y_mm
        )
    return np.asarray(out * np.float32(1000.0 / scanner.water_per_mm) - np.float32(1000.0))
