"""What the networks are shown of a stem or a cup: its unwrapped profiles, the bone's outline, the metal, the scan."""

from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array
from planner.segment.reading.network import Reading, Single, read_map
from planner.segment.reading.pairs import paired, parted
from planner.segment.unwrap import Cells, Fan, Floats

SHOWN_MM: Array = np.concatenate(
    [np.arange(-1.5, 0.0, 0.5), np.arange(0.0, 3.01, 0.25), [3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0]]
)
"""Where profiles are shown, from the metal and square to it."""
BONE_MM: Array = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0])
PATTERN_MM: Array = np.array([2.0, 4.0, 6.0, 9.0])
_HU_RANGE, _HU_UNIT, _BRIGHTEST_HU = (-800.0, 2500.0), 300.0, 4000.0
_PATTERN_HU, _PATTERN_UNIT = 500.0, 100.0
_STEEPEST = 0.3
_USUAL_BONE_HU = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class HipView:
    """An interface's unwrapped surroundings, as its networks were trained on them; maps have shape (rows, angles).

    Parameters
    ----------
    fan : Fan
        The rays.
    profiles : ndarray, shape (rows, angles, len(SHOWN_MM))
        HU as scanned, at `SHOWN_MM` from the metal.
    bone : ndarray, shape (rows, angles, len(BONE_MM))
        Share of bone's outline, 0..1, at `BONE_MM`.
    pattern_hu : ndarray, shape (rows, angles, len(PATTERN_MM))
        What artefacts are foretold to add, at `PATTERN_MM`.
    metal_mm, cosine, sigma_mm : ndarray
        Where each ray leaves the metal, cosine of its angle to the surface's normal, blur along it.
    in_bone : ndarray of bool
        Where the metal lies in bone.
    cancellous_hu : float
        The patient's own bone.
    slice_mm : float
        Distance of the slices.
    is_cup, is_in_cement, is_clipped : bool
        Whether it is a cup; a stem whose rays start at its mantle; a scan whose HU end beneath the metal's.
    """

    fan: Fan
    profiles: Floats
    bone: Floats
    pattern_hu: Floats
    metal_mm: Array
    cosine: Array
    sigma_mm: Array
    in_bone: Cells
    cancellous_hu: float
    slice_mm: float
    is_cup: bool
    is_in_cement: bool
    is_clipped: bool


def features_of(view: HipView) -> Single:
    """Give what the networks are shown, cell by cell.

    Parameters
    ----------
    view : HipView
        The interface.

    Returns
    -------
    ndarray of float32, shape (half the rows, half the angles, kinds)
        Scaled to about 1.
    """
    metal = np.sqrt(paired(view.metal_mm**2))
    one = np.ones(metal.shape)

    def spread_out(rows: Array) -> Array:
        return paired(np.broadcast_to(rows[:, None], view.metal_mm.shape).astype(np.float64))

    known = (
        np.maximum(paired(view.cosine), _STEEPEST),
        2.0 * paired(view.sigma_mm) - 1.0,
        paired(view.in_bone.astype(np.float64)),
        spread_out(view.fan.is_tip.astype(np.float64)),
        float(view.is_cup) * one,
        float(view.is_in_cement) * one,
        float(view.is_clipped) * one,
        (view.slice_mm - 1.5) * one,
        metal / 20.0 - 0.6,
        spread_out(view.fan.along_mm) / 100.0,
        np.cos(spread_out(view.fan.polar_rad)),
        (view.cancellous_hu - _USUAL_BONE_HU) / 100.0 * one,
    )
    shown = (
        np.clip(paired(np.clip(view.profiles, _HU_RANGE[0], _BRIGHTEST_HU)), *_HU_RANGE) / _HU_UNIT,
        2.0 * paired(view.bone) - 1.0,
        paired(np.clip(view.pattern_hu, -_PATTERN_HU, _PATTERN_HU)) / _PATTERN_UNIT,
        np.stack(known, axis=-1),
    )
    return np.concatenate(shown, axis=-1).astype(np.float32)


def read_hip(view: HipView) -> Reading:
    """Read a stem's or a cup's surroundings.

    Parameters
    ----------
    view : HipView
        The interface.

    Returns
    -------
    Reading
        Widths from where the metal's edge was read; the gap's inner edge beside them.
    """
    coarse = read_map("hip", features_of(view))
    shape = view.in_bone.shape
    chance, *rest = (parted(m, shape) for m in (coarse.chance, coarse.width_mm, coarse.spread_mm, coarse.inner_mm))
    return Reading(np.where(view.in_bone, chance, 0.0), *rest)
