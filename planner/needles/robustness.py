"""What is left of a needle's clearances when it is aimed badly."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from planner.config.needle_config import NeedleConfig
from planner.geometry.frames import Array
from planner.geometry.rigid import perpendicular_pairs
from planner.model.needle import AimError
from planner.safety.clearance import Least, known_mm, least_distances
from planner.safety.fields import FAR_MM, Fields
from planner.safety.slide_least import slide_least

_SIDES = 8
"""Of the compass, for the shift and for the tilt."""


@dataclass(frozen=True, slots=True, eq=False)
class AimErrors:
    """The worst of each needle's badly aimed neighbours.

    Parameters
    ----------
    metal_mm, canal_mm, forbidden_mm : ndarray, shape (N,)
        Least distance of any neighbour's surface; below 0 within.
    harmless : ndarray, shape (N,)
        Share of the neighbours that meet neither canal nor forbidden tissue nor another bone, 0 to 1.
    """

    metal_mm: Array
    canal_mm: Array
    forbidden_mm: Array
    harmless: Array

    def record(self, k: int, *, canal_known: bool, config: NeedleConfig) -> AimError:
        """Give one needle's as it stands in the plan.

        Parameters
        ----------
        k : int
            Which.
        canal_known : bool
            Whether there is a canal to keep away from.
        config : NeedleConfig
            How badly needles were aimed.

        Returns
        -------
        AimError
            None for what is not in the picture.
        """
        return AimError(
            error_mm=config.aim_error_mm,
            error_deg=config.aim_error_deg,
            metal=known_mm(self.metal_mm[k]),
            canal=known_mm(self.canal_mm[k]) if canal_known else None,
            forbidden=known_mm(self.forbidden_mm[k]),
            harmless_share=float(self.harmless[k]),
        )


def aim_errors(
    fields: Fields,
    aim_lps: Array,
    outward_lps: Array,
    length_mm: Array,
    *,
    radius_mm: float,
    config: NeedleConfig,
    slide_to_lps: Array | None = None,
) -> AimErrors:
    """Measure the badly aimed neighbours of needles.

    Parameters
    ----------
    fields : Fields
        Distances.
    aim_lps, outward_lps : ndarray, shape (N, 3)
        Ends of the straight parts, LPS mm, and unit vectors towards the operator.
    length_mm : ndarray, shape (N,)
        From there to the skin or the picture's edge.
    radius_mm : float
        The needle's.
    config : NeedleConfig
        Aiming error in mm and degrees.
    slide_to_lps : ndarray, shape (N, 3), or None
        Ends of slides along a screw, which are shifted and turned with the rest; None without.

    Returns
    -------
    AimErrors
        Over 80 neighbours each: shifted to eight sides, tilted to eight sides about the tip, and both at once, measured
        every quarter millimetre or by steps that can miss nothing. Metal that is touched stops a needle and does not
        count as harm; on a slide it is not measured, for the screw guides it.
    """
    if not len(aim_lps):
        return AimErrors(np.empty(0), np.empty(0), np.empty(0), np.empty(0))
    angle = 2.0 * np.pi * np.arange(_SIDES) / _SIDES
    pairs = perpendicular_pairs(outward_lps)
    across = np.cos(angle)[None, :, None] * pairs[:, :1] + np.sin(angle)[None, :, None] * pairs[:, 1:]
    none = np.zeros((len(aim_lps), 1, 3))
    moves = np.concatenate([none, across], axis=1)
    tangent = float(np.tan(np.radians(config.aim_error_deg)))
    tries = [(s, t) for s, t in product(range(_SIDES + 1), repeat=2) if (s, t) != (0, 0)]
    shift = config.aim_error_mm * moves[:, [s for s, _ in tries]]
    tilt = tangent * moves[:, [t for _, t in tries]]
    outward = outward_lps[:, None, :] + tilt
    outward /= np.linalg.norm(outward, axis=2, keepdims=True)
    aims = (aim_lps[:, None, :] + shift).reshape(-1, 3)
    least = least_distances(
        fields,
        aims,
        outward.reshape(-1, 3),
        np.repeat(length_mm, len(tries)),
        radius_mm=radius_mm,
    )
    if slide_to_lps is not None:
        ends = aims + _turned(slide_to_lps - aim_lps, outward_lps, outward).reshape(-1, 3)
        least = _with_slide(least, slide_least(fields, aims, ends, radius_mm=radius_mm).surface)
    harm = (least.canal_mm < 0) | (least.forbidden_mm < 0) | least.comes_back
    harm |= np.nan_to_num(least.other_bone_mm, nan=FAR_MM) < 0
    shape = (len(aim_lps), len(tries))
    metal, canal, forbidden = (
        d.reshape(shape).min(axis=1) for d in (least.metal_mm, least.canal_mm, least.forbidden_mm)
    )
    return AimErrors(metal, canal, forbidden, 1.0 - harm.reshape(shape).mean(axis=1))


def _turned(vectors: Array, before: Array, after: Array) -> Array:
    """Turn vectors, shape (N, 3), as the shortest turn takes each unit vector before to those after, (N, T, 3)."""
    v, a, b = vectors[:, None, :], before[:, None, :], after
    # Rodrigues: the turn that takes a to b, for less than a half turn
    axis = np.cross(a, b)
    cosine = np.sum(a * b, axis=2, keepdims=True)
    along = np.sum(axis * v, axis=2, keepdims=True)
    return np.asarray(cosine * v + np.cross(axis, v) + along / (1.0 + cosine) * axis)


def _with_slide(shaft: Least, slide: Least) -> Least:
    return Least(
        shaft.metal_mm,
        np.minimum(shaft.canal_mm, slide.canal_mm),
        np.minimum(shaft.forbidden_mm, slide.forbidden_mm),
        np.minimum(shaft.other_bone_mm, slide.other_bone_mm),
        shaft.comes_back,
    )
