"""Parallel line integrals of stacks of maps, and what the detector reads behind them.

The rays of a view are the same in each slice and for each material, so that these lie innermost in memory and are
summed side by side. Along a ray the maps are read by Joseph's rule (1982, doi 10.1109/TMI.1982.4307572): one reading
per row or column, whichever the ray crosses more steeply, linear in between.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from planner.geometry.one_at_a_time import one_at_a_time
from planner.xray.attenuation import Array

Single = npt.NDArray[np.float32]
_VIEWS_TOGETHER = 12
_ROWS_TOGETHER = 8


@dataclass(frozen=True, slots=True)
class Raster:
    """Where the cells of a map lie in the plane of a slice.

    Parameters
    ----------
    x_mm, y_mm : float
        Middle of the first cell, from the axis of rotation.
    pitch_mm : float
        Edge of a cell.
    """

    x_mm: float
    y_mm: float
    pitch_mm: float


def view_angles(views: int) -> Array:
    """Give the angles of the views over half a turn, radians."""
    return np.pi * np.arange(views) / views


def line_integrals(maps: Single, raster: Raster, *, angles: Array, first_mm: Array, ray_mm: float, rays: int) -> Single:
    """Integrate maps along parallel rays.

    Parameters
    ----------
    maps : ndarray of float32, shape (materials, slices, rows, columns)
        What is integrated.
    raster : Raster
        Where the cells lie; rows run along y, columns along x.
    angles : ndarray, shape (views,)
        A ray at distance t from the axis runs through (t cos, t sin) along (-sin, cos).
    first_mm : ndarray, shape (views,)
        Distance of each view's first ray from the axis.
    ray_mm : float
        Distance between rays.
    rays : int
        How many there are.

    Returns
    -------
    ndarray of float32, shape (views, rays, materials, slices)
        Map times mm.
    """
    out = np.zeros((len(angles), rays, maps.shape[0], maps.shape[1]), dtype=np.float32)
    steep = np.abs(np.cos(angles)) >= np.abs(np.sin(angles))
    for material, stack in enumerate(maps):
        rows, columns = (np.flatnonzero(np.any(stack, axis=axes)) for axes in ((0, 2), (0, 1)))
        if not len(rows):
            continue
        cut = stack[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        x_mm, y_mm = raster.x_mm + columns[0] * raster.pitch_mm, raster.y_mm + rows[0] * raster.pitch_mm
        # A ray along y reads each row, one along x each column: both as rows of an array in order.
        for chosen, axes, place in ((steep, (1, 2, 0), (x_mm, y_mm)), (~steep, (2, 1, 0), (y_mm, x_mm))):
            index = np.flatnonzero(chosen)
            image = np.ascontiguousarray(cut.transpose(axes))
            cosine, sine = np.cos(angles[index]), np.sin(angles[index])
            a, b = (cosine, sine) if axes[0] == 1 else (sine, cosine)
            scale = np.array([*place, raster.pitch_mm, ray_mm])
            _integrate(image, _used_columns(image), scale, a, b, first_mm[index], index, material, out)
    return out


def _used_columns(image: Single) -> npt.NDArray[np.int64]:
    """Give the first and one past the last column of each row that is not empty, shape (rows, 2)."""
    full = np.any(image != 0.0, axis=2)
    first = np.argmax(full, axis=1)
    last = full.shape[1] - np.argmax(full[:, ::-1], axis=1)
    return np.ascontiguousarray(np.stack([first, np.where(full.any(axis=1), last, 0)], axis=1).astype(np.int64))


@numba.njit(cache=True, fastmath=True, inline="always")  # type: ignore[misc, unused-ignore]
def _add(line: Any, left: Any, rest: Any, part: Any, total: Any) -> None:
    if left < 0:
        for m in range(total.shape[0]):
            total[m] += part * line[0, m]
    elif left + 1 >= line.shape[0]:
        for m in range(total.shape[0]):
            total[m] += rest * line[left, m]
    else:
        for m in range(total.shape[0]):
            total[m] += rest * line[left, m] + part * line[left + 1, m]


@one_at_a_time
@numba.njit(cache=True, fastmath=True, parallel=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _integrate(
    image: Any, used: Any, place: Any, cosine: Any, sine: Any, first: Any, index: Any, material: Any, out: Any
) -> None:
    u0, v0, pitch, ray = place[0], place[1], place[2], place[3]
    for group in numba.prange((len(index) + _VIEWS_TOGETHER - 1) // _VIEWS_TOGETHER):
        # Some rows for some views: they stay in the cache meanwhile.
        for top in range(0, image.shape[0], _ROWS_TOGETHER):
            bottom = min(top + _ROWS_TOGETHER, image.shape[0])
            for view in range(group * _VIEWS_TOGETHER, min((group + 1) * _VIEWS_TOGETHER, len(index))):
                c, s = cosine[view], sine[view]
                step, slope = np.float32(pitch / abs(c)), -s / c
                for n in range(out.shape[1]):
                    total = out[index[view], n, material]
                    start = ((first[view] + n * ray - v0 * s) / c - u0) / pitch
                    for row in range(top, bottom):
                        at = start + row * slope
                        if used[row, 0] - 1.0 < at < used[row, 1]:
                            left = int(np.floor(at))
                            part = np.float32(at - left) * step
                            _add(image[row], left, step - part, part, total)


@dataclass(frozen=True, eq=False)
class Beam:
    """How the materials take from the beam.

    Parameters
    ----------
    signal_share : ndarray, shape (bins,)
        Share of the open beam's signal in each bin.
    energies_kev : ndarray, shape (bins,)
        What a quantum of each bin leaves in the detector.
    light_per_mm : ndarray, shape (light, bins)
        Attenuation of the light basis materials.
    heavy_per_mm : ndarray, shape (heavy, bins)
        Attenuation of the heavy ones.
    """

    signal_share: Array
    energies_kev: Array
    light_per_mm: Array
    heavy_per_mm: Array


@dataclass(frozen=True, eq=False)
class Shadow:
    """Line integrals on rays of one pitch.

    Parameters
    ----------
    lengths_mm : ndarray of float32, shape (views, rays, materials, rows)
        Amount of material times mm.
    first_mm : ndarray, shape (views,)
        Distance of each view's first ray from the axis.
    ray_mm : float
        Distance between rays.
    """

    lengths_mm: Single
    first_mm: Array
    ray_mm: float


def no_shadow(views: int, rows: int) -> Shadow:
    """Give the shadow of nothing."""
    return Shadow(np.zeros((views, 0, 0, rows), np.float32), np.zeros(views), 1.0)


def detector_signal(
    light: Shadow, heavy: Shadow, beam: Beam, *, sample_mm: Array, aperture: tuple[Array, Array], linear: bool
) -> tuple[Single, Single]:
    """Average the transmission over the rays that end in each detector element.

    Parameters
    ----------
    light, heavy : Shadow
        What lies in the rays.
    beam : Beam
        The beam.
    sample_mm : ndarray, shape (samples,)
        Distance of each element's middle from the axis.
    aperture : tuple of ndarray
        Offsets (mm) and weights of the rays across an element and the focal spot.
    linear : bool
        Average attenuation instead of transmission: no edge-gradient effect (and one energy, if the beam has but one).

    Returns
    -------
    ndarray of float32, shape (views, samples, rows)
        Signal as share of the open beam's.
    ndarray of float32, shape (views, samples, rows)
        Mean energy of a quantum in it (variance by mean of the signal), keV.
    """
    shape = (light.lengths_mm.shape[0], len(sample_mm), light.lengths_mm.shape[3])
    signal, quantum = np.empty(shape, np.float32), np.empty(shape, np.float32)
    _transmit(
        light.lengths_mm, light.first_mm, light.ray_mm, heavy.lengths_mm, heavy.first_mm, heavy.ray_mm,
        beam.signal_share.astype(np.float32), beam.energies_kev.astype(np.float32),
        beam.light_per_mm.astype(np.float32), beam.heavy_per_mm.astype(np.float32),
        sample_mm, aperture[0], aperture[1].astype(np.float32), linear, signal, quantum,
    )  # fmt: skip
    return signal, quantum


@numba.njit(cache=True, fastmath=True, inline="always")  # type: ignore[misc, unused-ignore]
def _read(lengths: Any, at: Any, out: Any) -> bool:
    """Read the materials of all rows at a place between two rays; say whether there was anything."""
    out[:] = 0.0
    if at <= -1.0 or at >= lengths.shape[0]:
        return False
    left = int(np.floor(at))
    part = np.float32(at - left)
    for side in range(2):
        ray = left + side
        weight = part if side == 1 else np.float32(1.0) - part
        if 0 <= ray < lengths.shape[0]:
            for m in range(out.shape[0]):
                for row in range(out.shape[1]):
                    out[m, row] += weight * lengths[ray, m, row]
    return True


@numba.njit(cache=True, fastmath=True, inline="always")  # type: ignore[misc, unused-ignore]
def _exp(x: Any) -> Any:
    """Give exp(x) for -87 < x <= 0 within 2e-5 of itself, in steps that the compiler can do side by side."""
    y = x * np.float32(1.44269504)
    whole = np.floor(y)
    f = y - whole
    high = np.float32(0.0096181) + f * (np.float32(0.0013333558) + f * np.float32(0.000154035))
    low = np.float32(0.6931472) + f * (np.float32(0.2402265) + f * (np.float32(0.0555036) + f * high))
    power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
    return (np.float32(1.0) + f * low) * power


@numba.njit(cache=True, fastmath=True, inline="always")  # type: ignore[misc, unused-ignore]
def _beer(
    light: Any, heavy: Any, share: Any, energy: Any, mu_l: Any, mu_h: Any, weight: Any, depth: Any, s: Any, q: Any
) -> None:
    rows = light.shape[1]
    for b in range(share.shape[0]):
        depth[:] = 0.0
        for m in range(light.shape[0]):
            for row in range(rows):
                depth[row] += mu_l[m, b] * light[m, row]
        for m in range(heavy.shape[0]):
            for row in range(rows):
                depth[row] += mu_h[m, b] * heavy[m, row]
        part, kev = weight * share[b], energy[b]
        for row in range(rows):
            passed = part * _exp(-min(depth[row], np.float32(80.0)))
            s[row] += passed
            q[row] += passed * kev


@one_at_a_time
@numba.njit(cache=True, fastmath=True, parallel=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _transmit(
    light: Any, light_first: Any, light_ray: Any, heavy: Any, heavy_first: Any, heavy_ray: Any, share: Any, energy: Any,
    mu_l: Any, mu_h: Any, samples: Any, offsets: Any, weights: Any, linear: Any, signal: Any, quantum: Any,
) -> None:  # fmt: skip
    rows = light.shape[3]
    for view in numba.prange(light.shape[0]):
        here = np.zeros((light.shape[2], rows), np.float32)
        metal = np.zeros((heavy.shape[2], rows), np.float32)
        sum_l, sum_m, depth = np.zeros_like(here), np.zeros_like(metal), np.zeros(rows, np.float32)
        no_metal = np.zeros((0, rows), np.float32)
        for n in range(samples.shape[0]):
            s, q = signal[view, n], quantum[view, n]
            s[:] = 0.0
            q[:] = 0.0
            near = (samples[n] + offsets[0] - heavy_first[view]) / heavy_ray < heavy.shape[1]
            near = near and (samples[n] + offsets[-1] - heavy_first[view]) / heavy_ray > -1.0
            if not near:
                _read(light[view], (samples[n] - light_first[view]) / light_ray, here)
                _beer(here, no_metal, share, energy, mu_l, mu_h, np.float32(1.0), depth, s, q)
            else:
                sum_l[:] = 0.0
                sum_m[:] = 0.0
                for j in range(offsets.shape[0]):
                    t = samples[n] + offsets[j]
                    _read(light[view], (t - light_first[view]) / light_ray, here)
                    _read(heavy[view], (t - heavy_first[view]) / heavy_ray, metal)
                    if linear:
                        sum_l += weights[j] * here
                        sum_m += weights[j] * metal
                    else:
                        _beer(here, metal, share, energy, mu_l, mu_h, weights[j], depth, s, q)
                if linear:
                    _beer(sum_l, sum_m, share, energy, mu_l, mu_h, np.float32(1.0), depth, s, q)
            for row in range(rows):
                q[row] /= s[row] + np.float32(1e-30)
