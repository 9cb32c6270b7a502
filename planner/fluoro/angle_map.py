"""From which directions a target is seen: its visible share over the C-arm's angles, within the gantry's reach."""

import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import FluoroConfig
from planner.config.gantry import GantryLimits
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.carm import console_angles_deg
from planner.fluoro.metal_lengths import metal_lengths_mm, runs_beyond
from planner.fluoro.visibility import TargetScene
from planner.geometry.frames import Array, PointsLps, detector_direction
from planner.model.plan import PatientPosition
from planner.model.view_sight import AngleMap

_RIM = 2
"""So many cells beyond the gantry's reach are shown, to be seen as such."""


def angle_map(scene: TargetScene, *, fluoro: FluoroConfig, config: VisibilityConfig) -> AngleMap:
    """Reckon how much of a target is seen from every direction that the gantry reaches.

    Parameters
    ----------
    scene : TargetScene
        What is looked at; the middle of its points is the isocentre.
    fluoro : FluoroConfig
        The C-arm's distances.
    config : VisibilityConfig
        The map's step, and what may be unknown.

    Returns
    -------
    AngleMap
        The reach and a rim of two cells round it. What falls beside the detector counts as seen: a view is centred.
    """
    primary, secondary, console, reach = _cells(scene.position, scene.gantry, config.map_step_deg)
    shares = np.full(reach.shape, np.nan)
    if reach.any():
        rows, columns = np.nonzero(reach)
        towards = np.array([detector_direction(primary[c], secondary[r]) for r, c in zip(rows, columns, strict=True)])
        shares[reach] = _shares(scene, towards, fluoro, config)
    return AngleMap(scene.target_id, primary, secondary, console, reach, shares)


def _shares(scene: TargetScene, towards: Array, fluoro: FluoroConfig, config: VisibilityConfig) -> Array:
    """Give the visible share from each direction, shape (V,); NaN where too much is unknown."""
    at = _fewer(scene.points_lps, config.map_points)
    sources = scene.points_lps.mean(axis=0) - fluoro.source_isocentre_mm * towards
    offset = at[None] - sources[:, None]
    depth = np.einsum("vnk,vk->vn", offset, towards)
    ends = sources[:, None] + offset * (fluoro.source_detector_mm / depth)[..., None]
    hidden = metal_lengths_mm(scene.metal, sources, ends) > scene.hiding_mm
    unknown = runs_beyond(scene.metal, sources, ends) & ~hidden
    visible = np.mean(~hidden & ~unknown, axis=1)
    return np.where(unknown.mean(axis=1) <= config.most_unknown_share, visible, np.nan)


def _fewer(points: PointsLps, most: int) -> PointsLps:
    """Keep every n-th point: they follow a curve that fills the target."""
    if len(points) <= most:
        return points
    return PointsLps(points[np.floor((np.arange(most) + 0.5) * len(points) / most).astype(np.intp)])


def _cells(
    position: PatientPosition, gantry: GantryLimits, step_deg: float
) -> tuple[Array, Array, Array, npt.NDArray[np.bool_]]:
    """Lay out the cells round the gantry's reach: primary, secondary, console angles, and which are in reach."""
    count = max(1, round(360.0 / step_deg))
    primary: Array = -180.0 + 360.0 / count * np.arange(count, dtype=np.float64)
    half = int(np.floor(90.0 / step_deg))
    secondary = step_deg * np.arange(-half, half + 1, dtype=np.float64)
    console = np.array([[console_angles_deg(float(p), float(s), position) for p in primary] for s in secondary])
    reach = np.array([[gantry.reaches(*angles) for angles in row] for row in console])
    rows, columns = np.flatnonzero(reach.any(axis=1)), np.flatnonzero(reach.any(axis=0))
    if not len(rows):
        return primary, secondary, console, reach
    kept = slice(max(0, int(rows[0]) - _RIM), int(rows[-1]) + _RIM + 1)
    chosen = _in_one_piece(columns, count)
    unrolled: Array = primary[0] + 360.0 / count * chosen.astype(np.float64)
    turned = chosen % count
    return unrolled, secondary[kept], console[kept][:, turned], reach[kept][:, turned]


def _in_one_piece(columns: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.intp]:
    """Give the columns of the reach and its rim in one run, past the last where it goes on from the first."""
    gaps = np.diff(np.append(columns, columns[0] + count))
    widest = int(np.argmax(gaps))
    first = int(columns[(widest + 1) % len(columns)])
    length = count - int(gaps[widest]) + 1
    if length + 2 * _RIM >= count:
        return np.arange(count)
    return np.arange(first - _RIM, first + length + _RIM)
