"""From where a leak through a breach is watched."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.fluoro_config import FluoroConfig
from planner.config.visibility_config import HidingConfig
from planner.config.watch_config import WatchConfig
from planner.fluoro.metal_lengths import MetalBlock, metal_block
from planner.fluoro.visibility import target_points
from planner.geometry.frames import Array, PointsLps, unit
from planner.model.anatomy import Anatomy
from planner.model.carm import WatchView
from planner.model.volume import Mask
from planner.safety.watch_angles import ConsoleAngles, Looks, clear_rays, looks_within_reach, steady
from planner.safety.watch_drop import Drop, leaked_drop
from planner.safety.watch_picture import DropSight, FilledCase, drop_sight

_POINTS = 24
"""Points that stand for a form of the drop when all views are looked over: shares to some 10 %. Ours."""
_HIDDEN, _UNSCANNED, _FAINT = 80.0, 30.0, 10.0
"""What a view costs, in degrees of tilt, where all of the drop is hidden; where nothing of its rays' way was scanned;
and where it is only just seen against its surroundings. Ours, by eye on the simulated tuning cases."""
_FIRST_SHARE = 0.25
"""Of the views in profile, so many are looked at first. Ours, for speed alone."""
_GROWN = 0.7
"""Rays see metal a voxel thicker: with so much of the least share a view is drawn, with metal as it is. Ours."""
_PLAIN = 3.0
"""Conspicuity from which on more of it is worth nothing. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A view that shows the drop, and what it costs."""

    cost: float
    angles_deg: tuple[float, float]
    console_deg: tuple[float, float]
    beam_lps: Array
    sight: DropSight


@dataclass(frozen=True, eq=False)
class WatchScene:
    """What the watch views of a plan are found with: made once, asked for each breach.

    Parameters
    ----------
    anatomy : Anatomy
        CT, metal, bone and gaps; all gaps are taken to be full of cement.
    config : WatchConfig
        When a view shows a leak, and how far the gantry turns.
    fluoro : FluoroConfig
        The beam and the C-arm's distances.
    noise : HidingConfig
        Quanta, frames, scatter, and what an observer needs.
    console : callable
        Turns positioner angles into console angles of the treatment position.
    """

    anatomy: Anatomy
    config: WatchConfig
    fluoro: FluoroConfig
    noise: HidingConfig
    console: ConsoleAngles

    def view(self, centroid_lps: npt.ArrayLike, outward_lps: npt.ArrayLike) -> WatchView | None:
        """Find the view in which cement that leaves through a breach is seen.

        Parameters
        ----------
        centroid_lps, outward_lps : array_like, shape (3,)
            A place on the breach, LPS mm, and the direction out of it, of any length but zero.

        Returns
        -------
        WatchView or None
            The easiest view that shows a leaked drop in profile, clear of metal and of all gaps' filling, above the
            noise and against its surroundings. None where no view within the gantry's limits does, or where the CT
            does not hold the place where the drop would lie.
        """
        centre, outward = np.asarray(centroid_lps, dtype=np.float64), unit(outward_lps)
        drop = leaked_drop(self.anatomy, self.filled, centre, outward, config=self.config)
        slant = self._within_reach.slant_deg(outward)
        in_profile = slant <= self.config.slant_deg
        if drop is None or not in_profile.any():
            return None
        effort = self._within_reach.effort(slant)
        found = None
        # Nothing costs less than its effort: mostly the straighter views alone need to be looked at.
        for most in (float(np.quantile(effort[in_profile], _FIRST_SHARE)), np.inf):
            tried = in_profile & (effort <= most)
            found = self._best(self._within_reach.of(tried), effort[tried], drop, centre)
            if found is not None and found.cost <= most:
                break
        if found is None:
            return None
        return WatchView(
            primary_deg=found.angles_deg[0],
            secondary_deg=found.angles_deg[1],
            console_primary_deg=found.console_deg[0],
            console_secondary_deg=found.console_deg[1],
            slant_deg=float(np.degrees(np.arcsin(min(abs(float(found.beam_lps @ outward)), 1.0)))),
            contrast=found.sight.contrast,
        )

    def _clear(self, looks: Looks, centre: Array, drop: Drop) -> Array:
        """Give the share of the drop that stands clear, in the form of which less does."""
        points = [target_points(form, most=_POINTS) for form in drop.forms]
        shares = clear_rays(looks, centre, PointsLps(np.concatenate(points)), self._obstacles, fluoro=self.fluoro)
        parts = np.split(shares, [len(points[0])], axis=1)
        return np.asarray(np.min([part.mean(axis=1) for part in parts], axis=0))

    def _best(self, looks: Looks, effort: Array, drop: Drop, centre: Array) -> _Found | None:
        """Draw the views one by one, the best first, until none that is left can be better."""
        clear = self._clear(looks, centre, drop)
        cost = effort + _HIDDEN * (1.0 - steady(looks, clear))
        cost[clear < _GROWN * self.config.least_clear_share] = np.inf
        best: _Found | None = None
        for place in np.argsort(cost, kind="stable")[: self.config.pictures]:
            if cost[place] >= (np.inf if best is None else best.cost):
                break
            primary, secondary = (float(angle) for angle in looks.angles_deg[place])
            sight = drop_sight(
                self._case, drop.cushion, centre, (primary, secondary), config=self.config, noise=self.noise
            )
            if sight is None or not self.shows(sight):
                continue
            whole = float(cost[place]) + _UNSCANNED * (1.0 - sight.scanned_share) + self._faintness(sight)
            if best is None or whole < best.cost:
                dialled = (float(looks.console_deg[place, 0]), float(looks.console_deg[place, 1]))
                best = _Found(whole, (primary, secondary), dialled, looks.beams_lps[place], sight)
        return best

    def shows(self, sight: DropSight) -> bool:
        """Say whether a drop that is seen so well counts as visible.

        Parameters
        ----------
        sight : DropSight
            How well it is seen.

        Returns
        -------
        bool
        """
        return (
            sight.cnr >= self.noise.least_cnr
            and sight.conspicuity >= self.config.least_conspicuity
            and sight.clear_share >= self.config.least_clear_share
            and sight.scanned_share >= self.config.least_scanned_share
        )

    def _faintness(self, sight: DropSight) -> float:
        """Give what a view costs for showing the drop only just."""
        return _FAINT * (1.0 - min(sight.conspicuity / _PLAIN, 1.0))

    @cached_property
    def filled(self) -> Mask:
        """All gaps."""
        voxels = np.zeros(self.anatomy.grid.shape, dtype=np.bool_)
        for gap in self.anatomy.gaps:
            voxels |= gap.mask.voxels
        return Mask(self.anatomy.grid, voxels)

    @cached_property
    def _within_reach(self) -> Looks:
        return looks_within_reach(config=self.config, console=self.console)

    @cached_property
    def _case(self) -> FilledCase:
        return FilledCase(self.anatomy, self.filled, self.fluoro)

    @cached_property
    def _obstacles(self) -> MetalBlock:
        """Metal and filled gaps, for rays.

        Metal is grown by a voxel, for its outline errs by so much: of 98 breaches of six simulated tuning cases 2
        instead of 6 then have a view in which less than half of a true drop is clear.
        """
        metal = ndimage.binary_dilation(self.anatomy.metal.voxels)
        both = Mask(self.anatomy.grid, self.filled.voxels | metal)
        filling = Mask(self.anatomy.grid, self.filled.voxels & ~metal)
        return metal_block(both, hiding_mm=self.config.metal_mm, others=[(filling, self.config.filling_mm)])
