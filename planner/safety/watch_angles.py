"""The C-arm views from which one breach could be watched: reached, in profile, and what stands in their way."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import FluoroConfig
from planner.config.watch_config import WatchConfig
from planner.fluoro.metal_lengths import MetalBlock, hidden_behind, runs_beyond
from planner.geometry.frames import Array, PointsLps, detector_direction

ConsoleAngles = Callable[[float, float], tuple[float, float]]
"""From positioner angles of a supine patient to the console's angles in the treatment position, degrees."""

_STEEPEST_DEG = 60.0
"""No C-arm of `planner.config.gantry_profiles` tilts further."""
_DIGITS = 6
_TILT, _TURN, _FLAT = 1.0, 0.5, 2.0
"""What a view costs: a degree of tilt towards head or feet; a degree away from the next frontal or lateral view; and a
hundredth of the drop's height that the slant takes away. Straight views are quickly set and known by heart. Ours, by
eye on the views of the simulated tuning cases."""


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """C-arm views.

    Parameters
    ----------
    angles_deg, console_deg : ndarray, shape (V, 2)
        Positioner angles, and what is dialled for them.
    beams_lps : ndarray, shape (V, 3)
        Unit vectors from source to detector.
    place : ndarray of int, shape (V, 2)
        Row and column in the table of all angles tried.
    table : tuple of int
        Its shape; its rows go all the way round.
    """

    angles_deg: Array
    console_deg: Array
    beams_lps: Array
    place: npt.NDArray[np.intp]
    table: tuple[int, int]

    def slant_deg(self, outward_lps: Array) -> Array:
        """Give the angle between the beam and a wall, by the wall's unit normal: shape (V,), 0 in profile."""
        return np.asarray(np.degrees(np.arcsin(np.clip(np.abs(self.beams_lps @ outward_lps), 0.0, 1.0))))

    def of(self, which: npt.NDArray[np.bool_]) -> "Looks":
        """Give some of the views."""
        return Looks(
            self.angles_deg[which], self.console_deg[which], self.beams_lps[which], self.place[which], self.table
        )

    def effort(self, slant_deg: Array) -> Array:
        """Give how far each is from a straight view in profile, shape (V,); 0 for one that is."""
        primary = np.abs(self.console_deg[:, 0]) % 90.0
        turned = np.minimum(primary, 90.0 - primary)
        flattened = 100.0 * (1.0 - np.cos(np.radians(slant_deg)))
        return np.asarray(_TILT * np.abs(self.console_deg[:, 1]) + _TURN * turned + _FLAT * flattened)


def looks_within_reach(*, config: WatchConfig, console: ConsoleAngles) -> Looks:
    """Give the views that the gantry reaches.

    Parameters
    ----------
    config : WatchConfig
        Spacing and gantry.
    console : callable
        Turns positioner angles into console angles of the treatment position.

    Returns
    -------
    Looks
        None may be left.
    """
    # Counted from the straight views, so that these are among them whatever the spacing.
    turns, tilts = int(180.0 / config.step_deg), int(_STEEPEST_DEG / config.step_deg)
    rows = np.arange(-turns, turns + 1) * config.step_deg
    rows = rows[rows > -180.0]
    columns = np.arange(-tilts, tilts + 1) * config.step_deg
    found: list[tuple[float, ...]] = []
    for row, primary in enumerate(rows):
        for column, secondary in enumerate(columns):
            # Turned to and fro a round angle is round no more, and would miss a limit that is reached.
            dialled = [round(angle, _DIGITS) + 0.0 for angle in console(float(primary), float(secondary))]
            if config.gantry.reaches(dialled[0], dialled[1]):
                beam = detector_direction(float(primary), float(secondary))
                found.append((primary, secondary, *dialled, *beam, row, column))
    values = np.array(found, dtype=np.float64).reshape(-1, 9)
    return Looks(
        angles_deg=values[:, :2],
        console_deg=values[:, 2:4],
        beams_lps=values[:, 4:7],
        place=values[:, 7:].astype(np.intp),
        table=(len(rows), len(columns)),
    )


def clear_rays(
    looks: Looks, isocentre_lps: Array, points_lps: PointsLps, obstacles: MetalBlock, *, fluoro: FluoroConfig
) -> Array:
    """Say which rays through a drop are clear in each view.

    Parameters
    ----------
    looks : Looks
        The views.
    isocentre_lps : ndarray, shape (3,)
        Where the C-arm is centred, LPS mm.
    points_lps : PointsLps, shape (N, 3)
        Points that stand for the drop.
    obstacles : MetalBlock
        Metal and filled gaps, each with the length in a ray from which on it is in the way.
    fluoro : FluoroConfig
        The C-arm's distances.

    Returns
    -------
    ndarray of float, shape (V, N)
        1 for a clear ray, else 0. A ray that runs where metal goes on beyond the CT is not clear: what it passes is not
        known.
    """
    sources = isocentre_lps - fluoro.source_isocentre_mm * looks.beams_lps
    rays = points_lps[None, :, :] - sources[:, None, :]
    depth = np.einsum("vnk,vk->vn", rays, looks.beams_lps)
    ends = sources[:, None, :] + rays * (fluoro.source_detector_mm / depth)[..., None]
    hidden = hidden_behind(obstacles, sources, ends) | runs_beyond(obstacles, sources, ends)
    return np.where(hidden, 0.0, 1.0)


def steady(looks: Looks, shares: Array) -> Array:
    """Average a share with those of the next views, half and half.

    Parameters
    ----------
    looks : Looks
        The views.
    shares : ndarray, shape (V,)
        What is known of each.

    Returns
    -------
    ndarray, shape (V,)
        No patient lies quite as in the CT: a view counts for less where the next ones are worse. For one that is
        out of reach or not in profile the view itself counts.
    """
    table = np.full((looks.table[0], looks.table[1] + 2), np.nan)
    table[looks.place[:, 0], looks.place[:, 1] + 1] = shares
    rolled = [np.roll(table, step, axis=axis) for axis in (0, 1) for step in (-1, 1)]
    beside = np.stack([one[looks.place[:, 0], looks.place[:, 1] + 1] for one in rolled])
    known = np.isfinite(beside)
    total = np.where(known, beside, 0.0).sum(axis=0) + shares * (~known).sum(axis=0)
    return np.asarray(0.5 * shares + 0.5 * total / len(rolled))
