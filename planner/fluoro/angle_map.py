"""From which directions a target is seen: its visible share over the C-arm's angles, within the gantry's reach."""

import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import FluoroConfig
from planner.config.visibility_config import VisibilityConfig
from planner.fluoro.visibility import TargetScene, visible_shares
from planner.geometry.frames import Array, PointsLps, detector_direction
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
    primary, secondary, console, reach = _cells(scene, config.map_step_deg)
    shares = np.full(reach.shape, np.nan)
    if reach.any():
        rows, columns = np.nonzero(reach)
        towards = np.array([detector_direction(primary[c], secondary[r]) for r, c in zip(rows, columns, strict=True)])
        shares[reach] = visible_shares(
            scene, _fewer(scene.points_lps, config.map_points), towards, isocentre_lps=scene.points_lps.mean(axis=0),
            distances_mm=(fluoro.source_isocentre_mm, fluoro.source_detector_mm), config=config,
        )  # fmt: skip
    return AngleMap(scene.target_id, primary, secondary, console, reach, shares)


def _fewer(points: PointsLps, most: int) -> PointsLps:
    """Keep every n-th point: they follow a curve that fills the target."""
    if len(points) <= most:
        return points
    return PointsLps(points[np.floor((np.arange(most) + 0.5) * len(points) / most).astype(np.intp)])


def _cells(scene: TargetScene, step_deg: float) -> tuple[Array, Array, Array, npt.NDArray[np.bool_]]:
    """Lay out the cells round the gantry's reach: primary, secondary, console angles, and which are in reach."""
    count = max(1, round(360.0 / step_deg))
    primary: Array = -180.0 + 360.0 / count * np.arange(count, dtype=np.float64)
    half = int(np.floor(90.0 / step_deg))
    secondary = step_deg * np.arange(-half, half + 1, dtype=np.float64)
    console = np.array([[scene.console_deg(float(p), float(s)) for p in primary] for s in secondary])
    reach = np.array([[scene.gantry.reaches(*angles) for angles in row] for row in console])
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
