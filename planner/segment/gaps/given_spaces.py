"""Gaps that a person corrected or drew where no screw's rays lead: counted in voxels, from what was measured there."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.given_gap_config import GivenGapConfig
from planner.geometry.frames import Array, point_tuple
from planner.geometry.grid import Grid
from planner.model.gap import Gap, GapKind, Interval, ZoneVolume
from planner.segment.upright import Bools

_Z90 = 1.645
_STAIRS = 2 / 3
"""A smooth surface has so much of the area of its voxels' faces, over all directions (Cauchy's mean projection)."""
_SAME_SHARE, _SAME_SIZE = 0.02, 0.1
"""A gap of which less changed is as it was; so too one on another grid that lost and won borders only. Ours."""

Zones = Callable[[Array], tuple[str, ...]]
"""Names the zone of each of some points, shape (N, 3), LPS mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A gap's voxels as a person left them, and as they were.

    Parameters
    ----------
    grid : Grid
        The voxels' grid.
    given, own : ndarray of bool, shape ``grid.shape``
        As corrected, and as measured and painted; `own` is empty for a new gap.
    is_resampled : bool
        The mask was brought from another grid, so that borders differ by parts of a voxel.
    """

    grid: Grid
    given: Bools
    own: Bools
    is_resampled: bool

    @property
    def is_edited(self) -> bool:
        """Whether the person changed it."""
        before, after = int(self.own.sum()), int(self.given.sum())
        changed = self.given ^ self.own
        if changed.sum() <= _SAME_SHARE * before:
            return False
        borders_only = abs(after - before) <= _SAME_SIZE * before and not ndimage.binary_opening(changed).any()
        return not (self.is_resampled and borders_only)

    @property
    def moved_area_mm2(self) -> float:
        """Area of the gap's surface that was not its surface before."""
        total = 0.0
        for axis, spacing in enumerate(self.grid.spacing_mm):
            wide = [(1, 1) if k == axis else (0, 0) for k in range(3)]
            faces, before = (np.diff(np.pad(v, wide).astype(np.int8), axis=axis) for v in (self.given, self.own))
            total += float(np.count_nonzero((faces != 0) & (before == 0))) * self.grid.voxel_volume_mm3 / spacing
        return _STAIRS * total


def measure_space(
    drawn: Drawn,
    own: Gap | None,
    *,
    implant_id: str | None,
    level: str | None,
    kind: GapKind,
    zones: Zones | None,
    trust: float | None,
    config: GivenGapConfig,
) -> Gap:
    """Write down a gap that a person corrected or drew.

    Parameters
    ----------
    drawn : Drawn
        Its voxels.
    own : Gap or None
        What was measured; None for a new gap.
    implant_id, level, kind, trust
        Of a new gap's record.
    zones : callable or None
        Names a point's zone; None where the implant has none.
    config : GivenGapConfig
        A drawn border's error.

    Returns
    -------
    Gap
        The measured record where nothing was edited. Width and lucent share of the interface are None where voxels
        cannot tell them.

    Notes
    -----
    The measured volume is kept in the share of its voxels that was kept, and what was added counts in whole voxels, so
    that an unedited mask gives the measured, sub-voxel volume. Of the 90 % interval the measured part keeps its own
    half widths; in quadrature come `edge_sd_mm` and half a voxel, each times the area of the moved surface.
    """
    if own is not None and own.volume_ml is not None and not drawn.is_edited:
        return own
    voxel_ml = drawn.grid.voxel_volume_mm3 / 1000.0
    before = own.volume_ml if own is not None else None
    kept = drawn.given & drawn.own
    per_kept = before.estimate / max(1, int(drawn.own.sum())) if before is not None else voxel_ml
    cells = np.argwhere(drawn.given)
    weights = np.where(kept[tuple(cells.T)], per_kept, voxel_ml)
    points = np.asarray(drawn.grid.to_lps(cells))
    estimate = float(weights.sum())
    share = float(kept.sum()) / max(1, int(drawn.own.sum()))
    area = drawn.moved_area_mm2
    edge_ml = _Z90 * float(np.hypot(config.edge_sd_mm, 0.5 * max(drawn.grid.spacing_mm))) * area / 1000.0
    down, up = (0.0, 0.0) if before is None else (before.estimate - before.low, before.high - before.estimate)
    whole = Interval(
        estimate=estimate,
        low=max(0.0, estimate - float(np.hypot(share * down, edge_ml))),
        high=estimate + float(np.hypot(share * up, edge_ml)),
    )
    return Gap(
        id="gap",
        implant_id=implant_id if own is None else own.implant_id,
        level=level if own is None else own.level,
        kind=kind if own is None else own.kind,
        zones=() if zones is None else _zone_volumes(zones(points), weights),
        volume_ml=whole,
        expected_fill_ml=None,
        width_mm=None,
        interface_fraction=None,
        centroid_lps=point_tuple((points * weights[:, None]).sum(axis=0) / estimate),
        trust=trust if own is None else own.trust,
    )


def _zone_volumes(names: tuple[str, ...], weights: npt.NDArray[np.float64]) -> tuple[ZoneVolume, ...]:
    total: dict[str, float] = {}
    for name, weight in zip(names, weights, strict=True):
        total[name] = total.get(name, 0.0) + float(weight)
    ordered = sorted(total, key=lambda name: int(name.rpartition("-")[2]))
    return tuple(ZoneVolume(zone=name, volume_ml=total[name]) for name in ordered)
