"""What the detector reads: the rays of some rows, their noise, and the corrections up to straight line integrals."""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.phantoms.scanner.gantry import Scanner
from planner.phantoms.scanner.patient_maps import MaterialMaps, Stack
from planner.phantoms.scanner.projection import Beam, Shadow, Single, detector_signal, line_integrals, no_shadow
from planner.xray.attenuation import Array

Index = npt.NDArray[np.intp]
_FEW_QUANTA = 50.0
"""With more than so many, Poisson's distribution is as good as Gauss's."""
_NO_SIGNAL = 1e-9
"""What a scan without noise reads behind all metal, as share of the open beam."""
_SMOOTHING = ((1.0, (0.0, 2.0, 0.8)), (0.3, (0.0, 3.5, 0.8)), (0.1, (0.6, 7.0, 1.5)))
"""Below these shares of the threshold readings are averaged by Gauss's bell so wide in views, readings and rows (no
source; set by eye). Hardly over views: a shadow off the axis moves between them, and averaging would tear its rim."""
_BELL_ENDS = 2.5
"""Standard deviations from its middle."""


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
    # Averaged before they are raised to the floor: raised noise has a mean of its own.
    read = _floored(_smooth_starved(_noisy(signal, quantum, sweep, int(rows[0])), sweep), sweep)
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
    """Add the noise of quanta and electronics; what is left of too few may be negative."""
    scanner, full = sweep.scanner, sweep.full_kev
    s = scanner.settings
    if full == 0.0:
        return signal
    random = np.random.default_rng([s.seed, start])
    read = random.standard_normal(signal.shape, dtype=np.float32)
    electronic_kev = np.float32(s.electronic_noise_quanta * scanner.mean_kev)
    _add_noise(signal.ravel(), quantum.ravel(), np.float32(full), electronic_kev, read.ravel())
    few = np.flatnonzero(signal.ravel() * np.float32(full) < np.float32(_FEW_QUANTA) * quantum.ravel())
    energy = quantum.ravel()[few]
    # The electronics' noise waits there already.
    read.ravel()[few] += random.poisson(signal.ravel()[few] * (np.float32(full) / energy)) * energy / np.float32(full)
    return read


@numba.njit(cache=True, fastmath=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _add_noise(signal: Any, quantum: Any, full_kev: Any, electronic_kev: Any, grain: Any) -> None:
    """Turn standard noise into readings: compound Poisson noise by its first two moments, quanta of one energy."""
    for n in range(signal.shape[0]):
        kev = signal[n] * full_kev
        if kev < np.float32(_FEW_QUANTA) * quantum[n]:
            grain[n] *= electronic_kev / full_kev
        else:
            spread = np.sqrt(kev * quantum[n] + electronic_kev * electronic_kev)
            grain[n] = signal[n] + grain[n] * spread / full_kev


def _floored(read: Single, sweep: Sweep) -> Single:
    """Raise what is left of too few quanta to the floor."""
    scanner, full = sweep.scanner, sweep.full_kev
    floor = scanner.settings.floor_quanta * scanner.mean_kev / full if full > 0.0 else _NO_SIGNAL
    return np.maximum(read, np.float32(floor), out=read)


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
    reach = int(np.ceil(_SMOOTHING[-1][1][1] * _BELL_ENDS)) + 1
    place = slice(max(int(starved[0]) - reach, 0), int(starved[-1]) + reach + 1)
    some = read[:, place].copy()
    for share, size in _SMOOTHING:
        limit = np.float32(share * few)
        # What is bright beyond the shadow's rim counts for no more than the threshold, or the rim would move.
        capped = np.minimum(read[:, place], limit)
        wide = ndimage.gaussian_filter(capped, size, mode="nearest", truncate=_BELL_ENDS)
        # By the mean of the neighbours, not the reading itself, which would favour what noise has lowered.
        some += np.clip(2.0 * (1.0 - wide / limit), 0.0, 1.0) * (wide - np.minimum(some, limit))
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
    return np.asarray(raw - np.log(_floored(_noisy(bare, quantum, sweep, start), sweep)) + np.log(bare))
