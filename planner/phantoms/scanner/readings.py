"""What the detector reads: the rays of some rows, their noise, and the corrections up to straight line integrals."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.phantoms.scanner.attenuation import Array
from planner.phantoms.scanner.gantry import Scanner
from planner.phantoms.scanner.patient_maps import MaterialMaps, Stack
from planner.phantoms.scanner.projection import Beam, Shadow, Single, detector_signal, line_integrals, no_shadow

Index = npt.NDArray[np.intp]
_FEW_QUANTA = 50.0
"""With more than so many, Poisson's distribution is as good as Gauss's."""
_SMOOTHING = ((1.0, (3, 7, 3)), (0.1, (5, 21, 5)))
"""Below these shares of the threshold so many views, readings and rows are averaged (no source; set by eye)."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """One turn of the machine.

    Parameters
    ----------
    scanner : Scanner
        The machine.
    angles : ndarray, shape (views,)
        Its views, radians.
    sample_mm : ndarray, shape (samples,)
        Distance of each reading from the axis.
    row_mm : float
        Height of a row of the detector.
    """

    scanner: Scanner
    angles: Array
    sample_mm: Array
    row_mm: float

    @property
    def full_kev(self) -> float:
        """Energy that a reading takes in without a patient, keV; 0 without noise."""
        return self.scanner.open_beam_kev(row_mm=self.row_mm, views=len(self.angles))


def read_rows(maps: MaterialMaps, rows: Index, sweep: Sweep) -> Single:
    """Read some rows of the detector.

    Parameters
    ----------
    maps : MaterialMaps
        What lies in the beam.
    rows : ndarray of int
        Which rows.
    sweep : Sweep
        The machine and its views.

    Returns
    -------
    ndarray of float32, shape (views, samples, rows)
        Line integrals, straightened for water.
    """
    scanner, s = sweep.scanner, sweep.scanner.settings
    light = _shadow(maps.light, rows, sweep.angles, maps.light.raster.pitch_mm)
    heavy = _shadow(maps.heavy, rows, sweep.angles, s.detector_mm / s.rays_per_detector)
    b = scanner.beam
    beam = Beam(
        b.signal_share, b.energies_kev, b.light_per_mm[maps.light.materials], b.heavy_per_mm[maps.heavy.materials]
    )
    signal, quantum = detector_signal(
        light, heavy, beam, sample_mm=sweep.sample_mm, aperture=scanner.aperture, linear=not s.artefacts
    )
    if not s.artefacts:
        return _noisy_without_metal(signal, quantum, light, beam, sweep, int(rows[0]))
    if s.scatter_share > 0.0:
        signal += np.float32(s.scatter_share) * signal.mean(axis=1, keepdims=True)
    read = _smooth_starved(_noisy(signal, quantum, sweep, int(rows[0])), sweep)
    np.log(read, out=read)
    return scanner.straighten(np.negative(read, out=read))


def _shadow(stack: Stack, rows: Index, angles: Array, ray_mm: float) -> Shadow:
    """Integrate maps along rays that cover them whole."""
    maps, raster = stack.maps[:, rows], stack.raster
    materials, count, ny, nx = maps.shape
    if materials == 0:
        return no_shadow(len(angles), count)
    middle_x, middle_y = raster.x_mm + (nx - 1) / 2.0 * raster.pitch_mm, raster.y_mm + (ny - 1) / 2.0 * raster.pitch_mm
    reach = float(np.hypot(nx + 1, ny + 1)) / 2.0 * raster.pitch_mm
    rays = int(np.ceil(2.0 * reach / ray_mm)) + 2
    middle = middle_x * np.cos(angles) + middle_y * np.sin(angles)
    first = (np.floor((middle - reach) / ray_mm)) * ray_mm
    return Shadow(line_integrals(maps, raster, angles=angles, first_mm=first, ray_mm=ray_mm, rays=rays), first, ray_mm)


def _noisy(signal: Single, quantum: Single, sweep: Sweep, start: int) -> Single:
    """Add the noise of quanta and electronics, and raise what is left of too few to the floor."""
    scanner, full = sweep.scanner, sweep.full_kev
    s = scanner.settings
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


def _smooth_starved(read: Single, sweep: Sweep) -> Single:
    """Average readings of few quanta with their neighbours, as scanners do.

    Along all three directions, and only where the signal is below a threshold: Kachelriess, Watzke and Kalender 2001,
    "Generalized multi-dimensional adaptive filtering" (Med Phys 28); theirs grows with the attenuation in another
    way.
    """
    s, full = sweep.scanner.settings, sweep.full_kev
    if full == 0.0 or s.smoothed_below_quanta == 0.0:
        return read
    few = s.smoothed_below_quanta * sweep.scanner.mean_kev / full
    starved = np.flatnonzero(np.any(read < few, axis=(0, 2)))
    if not len(starved):
        return read
    reach = _SMOOTHING[-1][1][1]
    place = slice(max(int(starved[0]) - reach, 0), int(starved[-1]) + reach + 1)
    some = read[:, place].copy()
    for limit, size in _SMOOTHING:
        wide = ndimage.uniform_filter(read[:, place], size, mode="nearest")
        # By the mean of the neighbours, not the reading itself, which would favour what noise has lowered.
        some += np.clip(1.0 - wide / np.float32(limit * few), 0.0, 1.0) * (wide - some)
    read[:, place] = some
    return read


def _noisy_without_metal(
    signal: Single, quantum: Single, light: Shadow, beam: Beam, sweep: Sweep, start: int
) -> Single:
    """Give line integrals with the noise that they would have without the heavy materials."""
    raw = -np.log(np.maximum(signal, np.float32(1e-30)))
    if sweep.full_kev == 0.0:
        return np.asarray(raw)
    bare, _ = detector_signal(
        light, no_shadow(len(raw), raw.shape[2]), beam, sample_mm=sweep.sample_mm, aperture=sweep.scanner.aperture,
        linear=True,
    )  # fmt: skip
    return np.asarray(raw - np.log(_noisy(bare, quantum, sweep, start)) + np.log(bare))
