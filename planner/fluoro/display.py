"""The picture as a fluoroscope's screen shows it."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.blocks import block_means, spread_out
from planner.fluoro.radiograph import LEAST_SHARE, Radiograph
from planner.geometry.frames import Array
from planner.model.carm import CArm

_WHOLE_SHARE = 0.05
"""Share of the picture with whole beams from which the window is set on them alone. No source: ours."""

_DIMMED = 0.5
"""Brightness of beams that part of the body is missing from. No source: ours."""

_METAL_WINDOWS = 2.0
"""So many widths of the anatomy's window beyond it take most of the dark end. Set by eye on two hips' stems."""

_COARSE_SHARE = 0.15
"""Slow changes are worked out on blocks of this share of their own size: no difference is seen. No source: ours."""

_FIELD_SHARE = 0.7
"""Radius of the field that sets the window, as a share of half the image; about half of its area. No source: ours."""


def display_image(radiograph: Radiograph, *, config: FluoroConfig) -> npt.NDArray[np.uint8]:
    """Turn a picture into grey values as a fluoroscope's screen shows them.

    Parameters
    ----------
    radiograph : Radiograph
        The picture.
    config : FluoroConfig
        Polarity, local contrast, window.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)
        Logarithmic: slow changes of the body's thickness are partly taken out, metal is darkest. Where the beam runs
        past a cut end of the CT the rest of the way is taken to be like what was scanned of it, and dimmed, for that is
        not known; black where nothing was scanned at all, and beyond the shutters.
    """
    depth = _as_if_whole(radiograph)
    field = open_field(radiograph.carm, config)
    inside = field & (depth > config.open_beam)
    whole = inside & ~radiograph.cut
    # An oblique view of a short CT may hold no whole beam: then the window is set on what there is.
    enough = np.count_nonzero(whole) > _WHOLE_SHARE * np.count_nonzero(field)
    body = whole if enough else inside
    if not np.any(body):
        return _to_bytes(np.ones_like(depth), radiograph, field, config)
    # Neither metal nor open air nor the CT's cut ends may shade their surroundings or set the window.
    anatomy = body & (radiograph.shadows.metal_mm <= 0.0)
    seen = anatomy if np.any(anatomy) else body
    slow = _background(depth, seen, sigma_px=config.local_scale_mm / radiograph.carm.pixel_mm)
    flat = depth - config.local_contrast * (slow - float(np.median(depth[seen])))
    white, black = np.percentile(flat[seen & _measuring_field(seen)], config.window_percent)
    grey = 1.0 - _shoulder((flat - white) / max(float(black - white), 1e-3))
    grey[depth <= config.open_beam] = 1.0
    return _to_bytes(grey, radiograph, field, config)


def _as_if_whole(radiograph: Radiograph) -> Array:
    # Metal too, which is dark at any rate: left out, it would get a bright rim where a pixel holds little of it.
    return np.asarray(radiograph.attenuation / np.maximum(radiograph.scanned_share, LEAST_SHARE), dtype=np.float64)


def _measuring_field(seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Give the middle of the image, where a fluoroscope measures; all of it where little is seen in the middle."""
    rows, columns = (np.linspace(-1.0, 1.0, n) for n in seen.shape)
    middle = rows[:, None] ** 2 + columns[None, :] ** 2 <= _FIELD_SHARE**2
    return middle if np.count_nonzero(middle & seen) > 0.1 * np.count_nonzero(middle) else np.ones_like(seen)


def _background(depth: Array, seen: npt.NDArray[np.bool_], *, sigma_px: float) -> Array:
    """Smooth the pixels that are seen, without looking at the others (normalised convolution), on fewer pixels."""
    step = max(int(sigma_px * _COARSE_SHARE), 1)
    weight, total = (
        ndimage.gaussian_filter(block_means(a, step), sigma_px / step, mode="nearest", truncate=3.0)
        for a in (seen.astype(np.float64), np.where(seen, depth, 0.0))
    )
    level = float(np.median(depth[seen]))
    # Far from everything seen the level stands in, and fades in without an edge.
    return spread_out((total + 1e-3 * level) / (weight + 1e-3), step, depth.shape)


def _shoulder(dark: Array) -> Array:
    """Bend the curve's two ends, so that what lies beyond the window still differs a little: 0 white, 1 black.

    The dark end is long: a screw's thread and core, or a head within its cup, can be told though both are dark.
    """
    low, high = 0.1, 0.8
    out = low + (high - low) * dark
    over, under = dark > 1.0, out < low
    out[over] = 1.0 - (1.0 - high) * np.exp(-(dark[over] - 1.0) / _METAL_WINDOWS)
    out[under] = low * np.exp((out[under] - low) / low)
    return out


def open_field(carm: CArm, config: FluoroConfig) -> npt.NDArray[np.bool_]:
    """Say which pixels the shutters leave open.

    Parameters
    ----------
    carm : CArm
        The C-arm.
    config : FluoroConfig
        Shutters and shape of the field.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    rows = (np.arange(carm.rows) - (carm.rows - 1) / 2)[:, None]
    columns = np.arange(carm.columns) - (carm.columns - 1) / 2
    field = np.ones((carm.rows, carm.columns), dtype=np.bool_)
    if config.round_field:
        field &= rows**2 + columns**2 <= (min(carm.rows, carm.columns) / 2) ** 2
    if config.collimation_mm is not None:
        # The shutters stand in the gantry: they turn with the image.
        at_isocentre = carm.source_detector_mm / carm.source_isocentre_mm / carm.pixel_mm
        width, height = (length * at_isocentre / 2 for length in config.collimation_mm)
        turn = np.radians(carm.image_rotation_deg)
        if carm.image_flip != "none":
            turn = -turn
        across, along = columns * np.cos(turn) + rows * np.sin(turn), rows * np.cos(turn) - columns * np.sin(turn)
        field &= (np.abs(across) <= width) & (np.abs(along) <= height)
    return field


def _to_bytes(
    grey: Array, radiograph: Radiograph, field: npt.NDArray[np.bool_], config: FluoroConfig
) -> npt.NDArray[np.uint8]:
    shown = grey if config.polarity == "dark_metal" else 1.0 - grey
    dimmed = np.where(radiograph.cut, _DIMMED * shown, shown)
    nothing = ~field | (radiograph.scanned_share < LEAST_SHARE)
    return np.where(nothing, 0, np.rint(np.clip(dimmed, 0.0, 1.0) * 255.0)).astype(np.uint8)
