"""What the networks are shown of a screw: its unwrapped profiles, the metal, the bone's end, the scan."""

from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array
from planner.segment.reading.network import Reading, Single, read_map
from planner.segment.reading.pairs import paired, parted
from planner.segment.unwrap import Cells, Fan, Floats, from_surface

FIRST_MM, STEP_MM, COUNT = -0.6, 0.3, 24
"""Where profiles are shown, from the thread's crest."""
PATTERN_MM = (0.6, 1.8, 3.6, 6.0)
_HU_RANGE, _HU_UNIT = (-600.0, 1500.0), 200.0
_PATTERN_HU, _PATTERN_UNIT = 400.0, 100.0
_LIMIT_MM, _LIMIT_UNIT = (-1.0, 8.0), 4.0
_ALONG_UNIT_MM, _USUAL_RADIUS_MM, _USUAL_BLUR_MM, _USUAL_BONE_HU, _BLOOM_UNIT_HU = 40.0, 3.2, 0.6, 100.0, 3000.0


@dataclass(frozen=True, slots=True, eq=False)
class ScrewView:
    """A screw's unwrapped surroundings, as its networks were trained on them; maps have shape (rows, angles).

    Parameters
    ----------
    fan : Fan
        The rays.
    profiles : ndarray, shape (rows, angles, len(RHO_MM))
        HU along them, as scanned.
    pattern_hu : ndarray, the same shape
        What artefacts are foretold to add.
    radius_mm : float
        Of the shaft over its thread.
    metal_mm : ndarray
        Where each ray leaves the metal.
    limit_mm : ndarray
        Where it leaves the bone; infinite where it does not.
    in_bone : ndarray of bool
        Where the shaft lies in bone.
    blur_mm, bloom_hu : float
        The scan's blur along the rays, and the height of the metal's blurred edge.
    cancellous_hu : float
        The patient's own bone.
    slice_mm : float
        Distance of the slices.
    is_hidden : bool
        Whether the scan does not show the metal's core, for it is clipped or blurred.
    """

    fan: Fan
    profiles: Floats
    pattern_hu: Floats
    radius_mm: float
    metal_mm: Array
    limit_mm: Array
    in_bone: Cells
    blur_mm: float
    bloom_hu: float
    cancellous_hu: float
    slice_mm: float
    is_hidden: bool


def features_of(view: ScrewView) -> Single:
    """Give what the networks are shown, cell by cell.

    Parameters
    ----------
    view : ScrewView
        The screw.

    Returns
    -------
    ndarray of float32, shape (half the rows, half the angles, kinds)
        Scaled to about 1; two by two cells are shown as one, some 1 mm along and round a screw.
    """
    start = np.full(view.metal_mm.shape, view.radius_mm)
    offsets: Array = FIRST_MM + STEP_MM * np.arange(COUNT, dtype=np.float64)
    hu = np.clip(paired(from_surface(np.clip(view.profiles, _HU_RANGE[0], 2000.0), start, offsets)), *_HU_RANGE)
    pattern = paired(from_surface(view.pattern_hu, start, np.array(PATTERN_MM)))
    limit = paired(np.clip(view.limit_mm, 0.0, 20.0)) - view.radius_mm
    metal = np.sqrt(paired(view.metal_mm**2))
    one = np.ones(limit.shape)
    known = (
        np.clip(limit, *_LIMIT_MM) / _LIMIT_UNIT,
        view.radius_mm - metal,
        paired(view.in_bone.astype(np.float64)),
        paired(np.broadcast_to(view.fan.is_tip[:, None], view.in_bone.shape).astype(np.float64)),
        paired(np.broadcast_to(view.fan.along_mm[:, None], view.in_bone.shape)) / _ALONG_UNIT_MM,
        (view.cancellous_hu - _USUAL_BONE_HU) / 100.0 * one,
        2.0 * (view.blur_mm - _USUAL_BLUR_MM) * one,
        (view.slice_mm - 1.0) * one,
        float(view.is_hidden) * one,
        (view.radius_mm - _USUAL_RADIUS_MM) * one,
        view.bloom_hu / _BLOOM_UNIT_HU * one,
    )
    shown = (
        hu / _HU_UNIT,
        np.clip(pattern, -_PATTERN_HU, _PATTERN_HU) / _PATTERN_UNIT,
        np.stack(known, axis=-1),
    )
    return np.concatenate(shown, axis=-1).astype(np.float32)


def read_screw(view: ScrewView) -> Reading:
    """Read a screw's surroundings.

    Parameters
    ----------
    view : ScrewView
        The screw.

    Returns
    -------
    Reading
        On the fan's cells; widths from the crest of the thread.
    """
    coarse = read_map("screw", features_of(view))
    shape = view.in_bone.shape
    chance, *rest = (parted(m, shape) for m in (coarse.chance, coarse.width_mm, coarse.spread_mm, coarse.inner_mm))
    return Reading(np.where(view.in_bone, chance, 0.0), *rest)
