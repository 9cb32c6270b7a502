"""Pictures of fewer pixels while a C-arm turns, and what is drawn over them."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from planner.fluoro.overlay import Layer, Line, Shape
from planner.model.carm import CArm

TURNING_PIXELS = 256
"""Rows of a picture while it turns: 20 to 60 ms on two cores; full ones take 80 to 140. Ours."""
_FEWEST_PIXELS = 96
"""Below this a spine's pedicles are told no more; by eye."""
_SLOW_S, _QUICK_S = 0.110, 0.045
"""A picture that takes longer would fall below 8 a second with what else there is to do; a quick one may be finer."""


def first_binning(carm: CArm) -> int:
    """Say how coarse pictures of a C-arm are while it turns, to begin with."""
    return max(2, -(-min(carm.rows, carm.columns) // TURNING_PIXELS))


def next_binning(binning: int, took_s: float, carm: CArm) -> int:
    """Choose how coarse the next picture of a turn is, so that they keep up with the hand.

    Parameters
    ----------
    binning : int
        Of the picture before.
    took_s : float
        How long that took.
    carm : CArm
        The C-arm, with all its pixels.

    Returns
    -------
    int
        One coarser after a slow picture, one finer after a quick one, within what is told still and what is needed.
    """
    if took_s > _SLOW_S and min(carm.rows, carm.columns) // (binning + 1) >= _FEWEST_PIXELS:
        return binning + 1
    if took_s < _QUICK_S and binning > first_binning(carm):
        return binning - 1
    return binning


def binned(carm: CArm, binning: int) -> CArm:
    """Give the same C-arm with fewer, larger pixels.

    Parameters
    ----------
    carm : CArm
        The C-arm.
    binning : int
        Detector pixels along the edge of a new one.

    Returns
    -------
    CArm
        Its field is the same, or less than one new pixel wider.
    """
    if binning == 1:
        return carm
    fewer = {"rows": -(-carm.rows // binning), "columns": -(-carm.columns // binning)}
    return carm.model_copy(update={**fewer, "pixel_mm": carm.pixel_mm * binning})


def onto_all_pixels(layer: Layer, small: CArm, carm: CArm) -> Layer:
    """Move what was drawn for fewer pixels onto all of them.

    Parameters
    ----------
    layer : Layer
        Drawn for the C-arm with fewer pixels.
    small, carm : CArm
        With fewer pixels, as `binned` gives it, and with all.

    Returns
    -------
    Layer
    """
    if small.rows == carm.rows and small.columns == carm.columns:
        return layer
    scale = small.pixel_mm / carm.pixel_mm
    middle = np.array([small.rows - 1, small.columns - 1]) / 2.0
    whole = np.array([carm.rows - 1, carm.columns - 1]) / 2.0

    def moved(shape: Shape) -> Shape:
        if isinstance(shape, Line):
            return replace(shape, pixels=(shape.pixels - middle) * scale + whole)
        row, column = (np.array(shape.pixel) - middle) * scale + whole
        return replace(shape, pixel=(float(row), float(column)))

    return Layer(layer.name, tuple(moved(shape) for shape in layer.shapes))


def spread_over_all_pixels(grey: npt.NDArray[np.uint8], small: CArm, carm: CArm) -> npt.NDArray[np.uint8]:
    """Spread a picture of fewer pixels over all of them.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)
        Of the C-arm with fewer pixels.
    small, carm : CArm
        With fewer pixels, as `binned` gives it, and with all.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)
        Of all pixels; what the smaller one's field has too much is cut off on all sides alike.
    """
    if grey.shape == (carm.rows, carm.columns):
        return grey
    scale = small.pixel_mm / carm.pixel_mm
    wide, high = carm.columns / scale, carm.rows / scale
    left, top = (small.columns - wide) / 2.0, (small.rows - high) / 2.0
    box = (left, top, left + wide, top + high)
    spread = Image.fromarray(grey).resize((carm.columns, carm.rows), Image.Resampling.BILINEAR, box=box)
    return np.asarray(spread)
