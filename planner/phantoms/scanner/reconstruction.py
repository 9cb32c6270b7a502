"""Filtered back-projection of parallel views, with kernels that are told by their modulation transfer."""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from scipy import fft

from planner.geometry.one_at_a_time import one_at_a_time
from planner.xray.attenuation import Array

Single = npt.NDArray[np.float32]
_UPSAMPLING = 2
"""Readings put between the filtered ones, so that linear reading in between costs no sharpness."""
_MOST_GAIN = 4.0
"""How far the kernel may make up for what focus and detector lose."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel by the frequencies at which the modulation transfer of the whole scanner falls to 50 % and 10 %.

    Parameters
    ----------
    mtf50_per_cm, mtf10_per_cm : float
        Line pairs per cm.
    """

    mtf50_per_cm: float
    mtf10_per_cm: float

    def mtf(self, per_mm: Array) -> Array:
        """Give the modulation transfer: exp(-ln 2 (f / f50) ** n), the one curve of its kind through both points."""
        power = np.log(np.log(10.0) / np.log(2.0)) / np.log(self.mtf10_per_cm / self.mtf50_per_cm)
        return np.asarray(np.exp(-np.log(2.0) * (np.abs(per_mm) * 10.0 / self.mtf50_per_cm) ** power))


KERNELS = {"soft": Kernel(3.8, 6.6), "bone": Kernel(7.2, 11.0)}
"""Between the makers' figures for body and bone kernels (soft about 3.5-4.5 and 6-7, bone 6-9 and 10-13 lp / cm)."""


def filter_views(views: Single, *, sample_mm: float, kernel: Kernel, blurs_mm: tuple[float, ...]) -> Single:
    """Filter views for back-projection.

    Parameters
    ----------
    views : ndarray of float32, shape (slices, views, samples)
        Line integrals.
    sample_mm : float
        Distance between readings.
    kernel : Kernel
        What the scanner is to resolve.
    blurs_mm : tuple of float
        Widths of the boxes that have blurred the views already; the filter makes up for them.

    Returns
    -------
    ndarray of float32, shape (views, samples * 2, slices)
        With a reading between each two.
    """
    count = views.shape[2]
    size = fft.next_fast_len(2 * count, real=True)
    response = _ramp(size, sample_mm) * _apodisation(size, sample_mm, kernel, blurs_mm)
    out = np.empty((views.shape[1], count * _UPSAMPLING, views.shape[0]), dtype=np.float32)
    for n, view in enumerate(views):
        spectrum = fft.rfft(view, n=size, axis=1, workers=2)
        spectrum *= response.astype(np.float32) * np.float32(_UPSAMPLING)
        out[:, :, n] = fft.irfft(spectrum, n=size * _UPSAMPLING, axis=1, workers=2)[:, : count * _UPSAMPLING]
    return out


def _ramp(size: int, sample_mm: float) -> Array:
    # Kak and Slaney's discrete ramp (1988, eq. 3.61): no shift of the mean, unlike |f| cut off.
    # rounded: times its own reciprocal a size is not always 1, and then no reading would count as even
    n = np.rint(np.fft.fftfreq(size, 1.0 / size))
    with np.errstate(divide="ignore"):
        kernel = np.where(n % 2 == 0, 0.0, -1.0 / (np.pi * n * sample_mm) ** 2)
    kernel[0] = 1.0 / (4.0 * sample_mm**2)
    return np.asarray(np.fft.rfft(kernel).real * sample_mm)


def _apodisation(size: int, sample_mm: float, kernel: Kernel, blurs_mm: tuple[float, ...]) -> Array:
    per_mm: Array = np.fft.rfftfreq(size, sample_mm).astype(np.float64)
    lost = np.prod([np.sinc(per_mm * b) for b in blurs_mm], axis=0)
    return np.asarray(kernel.mtf(per_mm) / np.maximum(lost, 1.0 / _MOST_GAIN))


def back_project(
    filtered: Single, *, angles: Array, first_mm: float, sample_mm: float, x_mm: Array, y_mm: Array
) -> Single:
    """Smear filtered views back over the pixels.

    Parameters
    ----------
    filtered : ndarray of float32, shape (views, samples * 2, slices)
        From `filter_views`.
    angles : ndarray, shape (views,)
        As for `line_integrals`, over half a turn.
    first_mm : float
        Distance of the first reading from the axis.
    sample_mm : float
        Distance between the readings before they were filtered.
    x_mm, y_mm : ndarray
        Columns and rows of the pixels, from the axis.

    Returns
    -------
    ndarray of float32, shape (slices, rows, columns)
        Attenuation per mm.
    """
    out = np.zeros((len(y_mm), len(x_mm), filtered.shape[2]), dtype=np.float32)
    _smear(filtered, np.cos(angles), np.sin(angles), first_mm, sample_mm / _UPSAMPLING, x_mm, y_mm, out)
    out *= np.float32(np.pi / len(angles))
    return np.moveaxis(out, 2, 0)


@one_at_a_time
@numba.njit(cache=True, fastmath=True, parallel=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _smear(views: Any, cosine: Any, sine: Any, first: Any, step: Any, x: Any, y: Any, out: Any) -> None:
    for row in numba.prange(out.shape[0]):
        for view in range(views.shape[0]):
            for column in range(out.shape[1]):
                at = (x[column] * cosine[view] + y[row] * sine[view] - first) / step
                left = int(np.floor(at))
                if left < 0 or left + 1 >= views.shape[1]:
                    continue
                part = np.float32(at - left)
                pixel, a, b = out[row, column], views[view, left], views[view, left + 1]
                for m in range(out.shape[2]):
                    pixel[m] += (np.float32(1.0) - part) * a[m] + part * b[m]
