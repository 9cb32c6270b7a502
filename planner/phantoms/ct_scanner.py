"""The scan: tube, materials, detector, corrections and reconstruction, from a scene to a volume of Hounsfield units.

Parallel beam, slice by slice: rows of the detector see no cone. What a real scanner does that is left out: the fan
(rebinned to parallel views in any case), the spiral, cross-scatter, crosstalk and afterglow, bow-tie and tube current
modulation, and the makers' own filters and metal corrections.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.phantoms.scan import ScanSettings
from planner.geometry.grid import Grid
from planner.geometry.turn import Turn, turn_to_patient
from planner.model.volume import Volume
from planner.phantoms.scanner.attenuation import WATER, Array, attenuation_per_mm
from planner.phantoms.scanner.patient_maps import MaterialMaps, maps_of_scene
from planner.phantoms.scanner.projection import (
    Beam,
    Raster,
    Shadow,
    Single,
    detector_signal,
    line_integrals,
    view_angles,
)
from planner.phantoms.scanner.recipes import HEAVY, LIGHT
from planner.phantoms.scanner.reconstruction import KERNELS, back_project, filter_views
from planner.phantoms.scanner.spectrum import Response, binned_attenuation, detector_response
from planner.phantoms.scene import Scene
from planner.progress import SILENT, Monitor, track

_FLOOR_HU, _CEILING_HU = -1024.0, 32767.0
_ROWS_AT_ONCE = 32
_SLICES_AT_ONCE = 16
_FOCUS_TO_AXIS_M = 0.57
_WATER_MM = 600.0
"""The water correction is calibrated up to so much; on behind it as straight as it ends."""
_DEGREE = 6
_FEW_QUANTA = 50.0
_NEIGHBOURS = 7
"""With more than so many, Poisson's distribution is as good as Gauss's."""


@dataclass(frozen=True)
class Scanner:
    """All that follows from the settings alone.

    Parameters
    ----------
    settings : ScanSettings
        Tube, detector and reconstruction.
    """

    settings: ScanSettings

    @cached_property
    def response(self) -> Response:
        """The beam as the detector weighs it."""
        s = self.settings
        return detector_response(s.kvp, al_mm=s.filter_al_mm, cu_mm=s.filter_cu_mm, bins=s.energy_bins)

    @cached_property
    def beam(self) -> Beam:
        """The beam with what the basis materials take from it; of one energy where there are to be no artefacts."""
        r = self.response
        if not self.settings.artefacts:
            at = [r.effective_kev]
            light, heavy = (np.array([attenuation_per_mm(m, at) for m in some]) for some in (LIGHT, HEAVY))
            return Beam(np.ones(1), np.array([self.mean_kev]), light, heavy)
        light, heavy = (
            np.array([binned_attenuation(attenuation_per_mm(m, r.fine[0]), r) for m in some]) for some in (LIGHT, HEAVY)
        )
        return Beam(r.signal_share, r.energies_kev, light, heavy)

    @cached_property
    def water_per_mm(self) -> float:
        """Attenuation of water at the effective energy: the 0 HU of the scanner."""
        return float(attenuation_per_mm(WATER, [self.response.effective_kev])[0])

    @cached_property
    def water_correction(self) -> tuple[Array, float]:
        """Coefficients of the polynomial from raw to straightened line integrals, and where it ends."""
        length = np.linspace(0.0, _WATER_MM, 601)
        raw = -np.log(np.exp(-np.outer(length, self.beam.light_per_mm[0])) @ self.beam.signal_share)
        powers = raw[1:, None] ** np.arange(1, _DEGREE + 1)
        target = length[1:] * self.water_per_mm
        scale = powers.max(axis=0)
        # Weighted by 1 / length: relative errors count, or thin water would be off.
        weight = 1.0 / length[1:, None]
        fit, *_ = np.linalg.lstsq(powers / scale * weight, target * weight[:, 0], rcond=None)
        coefficients: Array = np.zeros(_DEGREE + 1)
        coefficients[1:] = fit / scale
        return coefficients, float(raw[-1])

    def straighten(self, raw: Single) -> Single:
        """Correct line integrals for the hardening that water does, in place."""
        if not self.settings.artefacts:
            return raw
        coefficients, end = self.water_correction
        slope = np.polynomial.polynomial.polyval(end, np.polynomial.polynomial.polyder(coefficients))
        beyond = np.maximum(raw - np.float32(end), 0.0) * np.float32(slope)
        inside = np.minimum(raw, np.float32(end))
        out = np.zeros_like(raw)
        for c in coefficients[::-1]:
            out *= inside
            out += np.float32(c)
        out += beyond
        return out

    @cached_property
    def aperture(self) -> tuple[Array, Array]:
        """Offsets and weights of the rays across a detector element, blurred by the focal spot."""
        s = self.settings
        ray = s.detector_mm / s.rays_per_detector
        half = int(np.ceil((s.detector_mm + s.focus_mm) / 2.0 / ray))
        offsets: Array = np.arange(-half, half + 1).astype(np.float64) * ray
        fine = (np.arange(-200, 201) / 200.0)[None, :] * s.focus_mm / 2.0 + offsets[:, None]
        inside = np.abs(fine[..., None] + (np.arange(21) / 20.0 - 0.5) * ray) <= s.detector_mm / 2.0
        weights: Array = inside.astype(np.float64).mean(axis=(1, 2))
        return offsets, np.asarray(weights / weights.sum())

    @property
    def sample_mm(self) -> float:
        """Distance between readings: half an element, as with a quarter offset over a full turn."""
        return self.settings.detector_mm / 2.0

    @cached_property
    def mean_kev(self) -> float:
        """What a quantum of the open beam leaves in the detector."""
        r = self.response
        return float(np.average(r.energies_kev, weights=r.quanta_per_mm2_mas))

    def open_beam_kev(self, row_mm: float) -> float:
        """Energy that a reading takes in without a patient, keV; 0 for a scan without noise."""
        s, r = self.settings, self.response
        if s.tube_mas is None:
            return 0.0
        # A whole turn: twice the views; those from behind read between the elements of those from the front.
        area_mm2 = s.detector_mm * row_mm / _FOCUS_TO_AXIS_M**2
        return float(r.quanta_per_mm2_mas @ r.energies_kev) * area_mm2 * s.tube_mas / (2 * s.views)


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
    angles = view_angles(s.views)
    reach = _reach_mm(maps)
    count = int(np.ceil(reach / scanner.sample_mm)) + 2
    sample_mm: Array = (np.arange(2.0 * count) - count + 0.5) * scanner.sample_mm
    rows = maps.light.shape[1]
    views = np.zeros((mixing.shape[0], s.views, 2 * count), dtype=np.float32)
    pieces = [slice(a, min(a + _ROWS_AT_ONCE, rows)) for a in range(0, rows, _ROWS_AT_ONCE)]
    for piece in track(pieces, stage="scanning the phantom", monitor=monitor):
        straight = _read_rows(maps, piece, scanner, row_mm, angles, sample_mm)
        for target in np.flatnonzero(mixing[:, piece].any(axis=1)):
            for row in np.flatnonzero(mixing[target, piece]):
                views[target] += mixing[target, piece][row] * straight[..., row]
    kernel, blurs = KERNELS[s.kernel], (s.detector_mm, s.focus_mm)
    out = np.empty((mixing.shape[0], len(y_mm), len(x_mm)), dtype=np.float32)
    for a in range(0, len(out), _SLICES_AT_ONCE):
        block = views[a : a + _SLICES_AT_ONCE]
        filtered = filter_views(block, sample_mm=scanner.sample_mm, kernel=kernel, blurs_mm=blurs)
        out[a : a + _SLICES_AT_ONCE] = back_project(
            filtered, angles=angles, first_mm=float(sample_mm[0]), sample_mm=scanner.sample_mm, x_mm=x_mm, y_mm=y_mm
        )
    return np.asarray(out * np.float32(1000.0 / scanner.water_per_mm) - np.float32(1000.0))


def _reach_mm(maps: MaterialMaps) -> float:
    raster, (_, _, ny, nx) = maps.light_raster, maps.light.shape
    far = [max(abs(a), abs(a + (n - 1) * raster.pitch_mm)) for a, n in ((raster.x_mm, nx), (raster.y_mm, ny))]
    return float(np.hypot(*far)) + raster.pitch_mm


def _shadow(maps: Single, raster: Raster, angles: Array, ray_mm: float) -> Shadow:
    """Integrate maps, shape (materials, rows, y, x), along rays that cover them whole."""
    materials, rows, ny, nx = maps.shape
    middle_x, middle_y = raster.x_mm + (nx - 1) / 2.0 * raster.pitch_mm, raster.y_mm + (ny - 1) / 2.0 * raster.pitch_mm
    reach = float(np.hypot(nx + 1, ny + 1)) / 2.0 * raster.pitch_mm
    rays = int(np.ceil(2.0 * reach / ray_mm)) + 2
    middle = middle_x * np.cos(angles) + middle_y * np.sin(angles)
    first = (np.floor((middle - reach) / ray_mm)) * ray_mm
    channels = np.ascontiguousarray(np.moveaxis(maps.reshape(materials * rows, ny, nx), 0, 2))
    lengths = line_integrals(channels, raster, angles=angles, first_mm=first, ray_mm=ray_mm, rays=rays)
    return Shadow(lengths.reshape(len(angles), rays, materials, rows), first, ray_mm)


def _read_rows(
    maps: MaterialMaps, piece: slice, scanner: Scanner, row_mm: float, angles: Array, sample_mm: Array
) -> Single:
    """Give straightened line integrals of some rows, shape (views, samples, rows)."""
    s = scanner.settings
    light = _shadow(maps.light[:, piece], maps.light_raster, angles, maps.light_raster.pitch_mm)
    present = np.array([bool(m.any()) for m in maps.heavy[:, piece]], dtype=bool)
    rows = light.lengths_mm.shape[3]
    if present.any():
        heavy = _shadow(maps.heavy[present, piece], maps.heavy_raster, angles, s.detector_mm / s.rays_per_detector)
    else:
        heavy = Shadow(np.zeros((len(angles), 0, 0, rows), np.float32), np.zeros(len(angles)), 1.0)
    b = scanner.beam
    beam = Beam(b.signal_share, b.energies_kev, b.light_per_mm, b.heavy_per_mm[present])
    signal, quantum = detector_signal(
        light, heavy, beam, sample_mm=sample_mm, aperture=scanner.aperture, linear=not s.artefacts
    )
    if not s.artefacts:
        return _noisy_without_metal(signal, quantum, light, beam, scanner, row_mm, sample_mm, piece.start)
    if s.scatter_share > 0.0:
        signal += np.float32(s.scatter_share) * signal.mean(axis=1, keepdims=True)
    read = _smooth_starved(_noisy(signal, quantum, scanner, row_mm, piece.start), scanner, row_mm)
    np.log(read, out=read)
    return scanner.straighten(np.negative(read, out=read))


def _noisy(signal: Single, quantum: Single, scanner: Scanner, row_mm: float, start: int) -> Single:
    """Add the noise of quanta and electronics, and raise what is left of too few to the floor."""
    s, full = scanner.settings, scanner.open_beam_kev(row_mm)
    if full == 0.0:
        return np.maximum(signal, np.float32(1e-9))
    random = np.random.default_rng([s.seed, start])
    # Compound Poisson noise by its first two moments: so many quanta of one energy.
    number = signal * (np.float32(full) / quantum)
    electronic: Single = np.float32(s.electronic_noise_quanta * scanner.mean_kev) / quantum
    grain: Single = np.empty_like(number)
    grain[:] = random.standard_normal(number.shape, dtype=np.float32)
    few = np.flatnonzero(number < _FEW_QUANTA)
    scarce = random.poisson(number.ravel()[few]) + grain.ravel()[few] * electronic.ravel()[few]
    grain *= np.sqrt(number + electronic**2)
    grain += number
    grain.ravel()[few] = scarce
    grain *= quantum / np.float32(full)
    return np.asarray(np.maximum(grain, np.float32(s.floor_quanta * scanner.mean_kev / full)), dtype=np.float32)


def _smooth_starved(read: Single, scanner: Scanner, row_mm: float) -> Single:
    """Average readings of few quanta with their neighbours, as scanners do (after Hsieh 1998, doi 10.1118/1.598410)."""
    s, full = scanner.settings, scanner.open_beam_kev(row_mm)
    if full == 0.0 or s.smoothed_below_quanta == 0.0:
        return read
    few = np.float32(s.smoothed_below_quanta * scanner.mean_kev / full)
    wide = ndimage.uniform_filter1d(read, _NEIGHBOURS, axis=1, mode="nearest")
    # By the mean of the neighbours, not the reading itself, which would favour what noise has lowered.
    share = np.clip(np.float32(1.0) - wide / few, 0.0, 1.0)
    return np.asarray(read + share * (wide - read))


def _noisy_without_metal(
    signal: Single, quantum: Single, light: Shadow, beam: Beam, scanner: Scanner, row_mm: float, sample_mm: Array,
    start: int,
) -> Single:  # fmt: skip
    """Give line integrals with the noise that they would have without the heavy materials."""
    raw = -np.log(np.maximum(signal, np.float32(1e-30)))
    if scanner.open_beam_kev(row_mm) == 0.0:
        return np.asarray(raw)
    none = Shadow(np.zeros((len(raw), 0, 0, raw.shape[2]), np.float32), np.zeros(len(raw)), 1.0)
    bare, _ = detector_signal(light, none, beam, sample_mm=sample_mm, aperture=scanner.aperture, linear=True)
    return np.asarray(raw - np.log(_noisy(bare, quantum, scanner, row_mm, start)) + np.log(bare))


def scan(scene: Scene, grid: Grid, settings: ScanSettings, *, monitor: Monitor = SILENT) -> Volume:
    """Scan a scene.

    Parameters
    ----------
    scene : Scene
        What lies on the table.
    grid : Grid
        The voxels to store. Where its axes are the patient's, in any order and direction, it is reconstructed as it is;
        else on an upright grid around it and resampled.
    settings : ScanSettings
        How.
    monitor : Monitor
        Who follows the work.

    Returns
    -------
    Volume
        int16 HU; the same for the same settings.
    """
    turn = turn_to_patient(grid)
    upright = turn.grid(grid)
    aligned = np.allclose(np.abs(upright.directions_lps), np.eye(3)[:, ::-1], atol=1e-6)
    target = upright if aligned else _around(upright)
    hu = _scan_upright(scene, target, settings, monitor)
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


def _scan_upright(scene: Scene, grid: Grid, settings: ScanSettings, monitor: Monitor) -> Single:
    scanner = Scanner(settings)
    slices_mm = grid.spacing_mm[0]
    thickness = settings.slice_thickness_mm or slices_mm
    row_mm = thickness / np.ceil(thickness / settings.row_mm - 1e-9)
    if abs(slices_mm / row_mm - round(slices_mm / row_mm)) > 1e-6:
        row_mm = slices_mm / np.ceil(slices_mm / row_mm)
    origin = grid.to_lps([0.0, 0.0, 0.0])
    start_mm = origin[2] - thickness / 2.0
    rows = int(np.ceil(((grid.shape[0] - 1) * slices_mm + thickness) / row_mm - 1e-6))
    mixing = _mixing(grid.shape[0], slices_mm, thickness, rows, row_mm)
    z0 = start_mm + row_mm / 2.0
    maps, axis = maps_of_scene(scene, settings, scanner.response, z_mm=(z0, row_mm, rows), grid=grid)
    columns = origin[0] - axis[0] + np.arange(grid.shape[2]) * grid.spacing_mm[2]
    lines = origin[1] - axis[1] + np.arange(grid.shape[1]) * grid.spacing_mm[1]
    return scan_maps(maps, scanner=scanner, row_mm=row_mm, mixing=mixing, x_mm=columns, y_mm=lines, monitor=monitor)


def _mixing(slices: int, spacing_mm: float, thickness_mm: float, rows: int, row_mm: float) -> npt.NDArray[np.float32]:
    """Give the share of each row in each slice: a box of the slice's thickness."""
    low = np.arange(slices)[:, None] * spacing_mm
    start = np.arange(rows) * row_mm
    overlap = np.minimum(low + thickness_mm, start + row_mm) - np.maximum(low, start)
    weight = np.where(overlap > 1e-6, overlap, 0.0)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float32)
