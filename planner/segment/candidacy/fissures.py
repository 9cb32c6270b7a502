"""Fissures and fracture lines of a femur: thin dark lines in its unrolled wall."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi
from skimage.measure import label, regionprops

from planner.config.candidacy_config import FissureConfig
from planner.geometry.frames import Array, PointsLps, point_tuple, points_lps
from planner.model.finding import Finding
from planner.model.implant import Side
from planner.segment.candidacy.femoral_wall import FemoralWall
from planner.segment.upright import Floats

DEFAULT = FissureConfig()
_SOFT_HU = 50.0
"""What a line through the whole wall would read without blur."""
_MAP_MM = 0.8
_SOURCE = "this program's rule: on simulated scans lines of 0.8 mm show, of 0.5 mm seldom"


@dataclass(frozen=True, slots=True, eq=False)
class Fissure:
    """A thin lucent line through the wall of a femur.

    Parameters
    ----------
    side : {"left", "right"}
        The patient's side.
    points_lps : PointsLps, shape (N, 3)
        On the wall's surface.
    length_mm, width_mm : float
        Along and across the line, as it reads: blurred wider than it is.
    drop : float
        Median share of the wall's brightness that is missing in it.
    below_mm : float
        Its middle, below the lesser trochanter.
    """

    side: Side
    points_lps: PointsLps
    length_mm: float
    width_mm: float
    drop: float
    below_mm: float


def find_fissures(wall: FemoralWall, *, config: FissureConfig = DEFAULT) -> tuple[Fissure, ...]:
    """Find thin dark lines in the wall of a femur.

    Parameters
    ----------
    wall : FemoralWall
        The unrolled wall.
    config : FissureConfig
        Limits.

    Returns
    -------
    tuple of Fissure
        The longest first; none does not mean that there is none: lines narrower than the scan's blur, beside metal, or
        in a thin wall do not show.

    Notes
    -----
    A black top-hat (closing minus image) on the brightest reading across the wall, over its closing: what is narrower
    than the structuring element and darker than both of its sides.
    """
    rolled, readable = _even(wall, config)
    size = (config.widest_mm / _MAP_MM,) * 2
    reach = max(3, 2 * round(size[0] / 2) + 1)
    filled = ndi.grey_closing(rolled, size=(reach, reach), mode=("nearest", "wrap"))
    filled = ndi.gaussian_filter(filled, 1.0, mode=("nearest", "wrap"))
    drop = (filled - rolled) / np.maximum(filled - _SOFT_HU, 1.0)
    dark = (drop >= config.least_drop) & (filled >= config.least_wall_hu) & readable
    columns = dark.shape[1]
    found: list[Fissure] = []
    labels = label(np.concatenate([dark, dark], axis=1), connectivity=2)  # type: ignore[no-untyped-call]
    for region in regionprops(labels):  # type: ignore[no-untyped-call]
        first = region.bbox[1]
        # each line shows twice on the doubled map: the one that begins in the first half is taken
        if first >= columns or (first == 0 and dark[region.coords[:, 0], -1].any() and region.bbox[3] < columns):
            continue
        length, width = (float(v) * _MAP_MM for v in (region.axis_major_length, region.axis_minor_length))
        if length < config.least_length_mm or length < config.least_slimness * max(width, _MAP_MM):
            continue
        rows, turns = region.coords[:, 0], region.coords[:, 1] % columns
        points, below = _places(wall, rows, turns / columns)
        found.append(
            Fissure(wall.side, points, length, width, float(np.median(drop[rows, turns])), float(below.mean()))
        )
    return tuple(sorted(found, key=lambda f: -f.length_mm))


def fissure_findings(fissures: tuple[Fissure, ...], *, config: FissureConfig = DEFAULT) -> tuple[Finding, ...]:
    """Say where lines run that may be fissures.

    Parameters
    ----------
    fissures : tuple of Fissure
        As found.
    config : FissureConfig
        Limits.

    Returns
    -------
    tuple of Finding
    """
    return tuple(
        Finding(
            code="femoral-fissure",
            severity="warning",
            message=f"{f.side} femur, {f.below_mm:.0f} mm below the lesser trochanter: a dark line of "
            f"{f.length_mm:.0f} mm through the wall: a fissure or fracture, or a vessel's canal. Cement leaks there; "
            "one fissure that was there before ended in fracture (de Smidt 2026). Finer fissures do not show.",
            where_lps=point_tuple(np.round(f.points_lps.mean(axis=0), 1)),
            measured=round(f.length_mm, 1),
            limit=config.least_length_mm,
            unit="mm",
            source=_SOURCE,
        )
        for f in fissures
    )


def _even(wall: FemoralWall, config: FissureConfig) -> tuple[Floats, np.ndarray]:
    """Resample the wall to even steps of 0.8 mm, round a mean circumference."""
    around = 2.0 * np.pi * float(np.median(wall.radius_mm))
    columns = max(16, round(around / _MAP_MM))
    rows = max(2, round((wall.below_mm[-1] - wall.below_mm[0]) / _MAP_MM))
    at = np.meshgrid(
        np.linspace(0, len(wall.below_mm) - 1, rows),
        np.arange(columns) * len(wall.angle_deg) / columns,
        indexing="ij",
    )
    peak = np.where(np.isfinite(wall.peak_hu), wall.peak_hu, wall.dense_hu)
    rolled = ndi.map_coordinates(peak, at, order=1, mode="grid-wrap")
    clear = wall.is_readable & (wall.trust >= config.least_trust)
    readable = ndi.map_coordinates(clear.astype(np.float32), at, order=1, mode="grid-wrap") > 0.99
    return np.asarray(rolled, dtype=np.float32), np.asarray(readable)


def _places(wall: FemoralWall, rows: Array, turns: Array) -> tuple[PointsLps, Array]:
    count = max(2, round((wall.below_mm[-1] - wall.below_mm[0]) / _MAP_MM))
    row = np.clip(np.rint(rows * (len(wall.below_mm) - 1) / (count - 1)).astype(int), 0, len(wall.below_mm) - 1)
    turn = np.rint(turns * len(wall.angle_deg)).astype(int) % len(wall.angle_deg)
    return points_lps(wall.points_lps[row, turn]), wall.below_mm[row]
