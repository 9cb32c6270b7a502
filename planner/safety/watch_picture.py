"""How well a drop of cement is seen on a view: against noise, and against what else the picture shows."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.fluoro_config import FluoroConfig
from planner.config.visibility_config import HidingConfig
from planner.config.watch_config import WatchConfig
from planner.fluoro.beam import Beam, make_beam, transmission
from planner.fluoro.coverage import scanned_share
from planner.fluoro.projectable import Projectable, make_projectable
from planner.fluoro.projector import project_mask, project_volume
from planner.fluoro.views import view_at
from planner.model.anatomy import Anatomy
from planner.model.carm import CArm
from planner.model.volume import Mask

Bools = npt.NDArray[np.bool_]
_FIELD_MM = 34.0
"""Side of the pictures, at the drop: the drop, also one that spreads, and its surroundings on all sides. Ours."""
_SHADOW_SHARE = 0.5
"""Where a ray passes this share of the longest way through the drop, it belongs to the drop's shadow. Ours."""
_LEAST_PIXELS = 8
"""Fewer pixels of surroundings give no spread to compare with. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class DropSight:
    """How well a drop is seen.

    Parameters
    ----------
    contrast : float
        Share of the straight beam that the drop takes away, averaged over those pixels of its shadow that are clear of
        metal and of filled gaps.
    cnr : float
        The signal that is missing in them all together over its quantum noise, as in Rose's model.
    conspicuity : float
        The drop's mean contrast, scatter included, over the standard deviation of what the same picture shows without
        the drop in and round its shadow, clear of metal and filled gaps; infinite where that is even.
    clear_share : float
        Share of the drop, by what its rays pass of it, that stands clear of metal and of filled gaps.
    scanned_share : float
        How much of the way of the drop's rays the CT holds.
    """

    contrast: float
    cnr: float
    conspicuity: float
    clear_share: float
    scanned_share: float


@dataclass(frozen=True, eq=False)
class FilledCase:
    """A CT whose gaps are full of cement, to take pictures of.

    Parameters
    ----------
    anatomy : Anatomy
        CT and metal.
    filled : Mask
        All gaps.
    fluoro : FluoroConfig
        Beam and C-arm.
    """

    anatomy: Anatomy
    filled: Mask
    fluoro: FluoroConfig

    @cached_property
    def projectable(self) -> Projectable:
        """The CT, made ready once for all views."""
        return make_projectable(
            self.anatomy.ct, metal=self.anatomy.metal, cement=self.filled, body=self.anatomy.body, config=self.fluoro
        )

    @cached_property
    def beam(self) -> Beam:
        """The beam."""
        return make_beam(self.fluoro)


def drop_sight(
    case: FilledCase,
    drop: Mask,
    isocentre_lps: npt.ArrayLike,
    angles_deg: tuple[float, float],
    *,
    config: WatchConfig,
    noise: HidingConfig,
) -> DropSight | None:
    """Draw a view without and with a drop, and compare.

    Parameters
    ----------
    case : FilledCase
        The CT with its gaps full.
    drop : Mask
        The drop, on a grid of its own.
    isocentre_lps : array_like, shape (3,)
        The middle of the picture, LPS mm.
    angles_deg : tuple of float
        Positioner angles of the view.
    config : WatchConfig
        What counts as clear, and the surroundings.
    noise : HidingConfig
        Quanta, frames and scatter.

    Returns
    -------
    DropSight or None
        None where the picture does not hold the drop, nothing of it is clear, or hardly anything surrounds it.

    Notes
    -----
    Rose 1948 (J Opt Soc Am 38:196) for the noise; Kundel and Revesz 1976 (AJR 126:1233) for conspicuity: a lesion's
    contrast over the complexity of its surroundings. The cement takes the place of soft tissue.
    """
    carm = _small_view(isocentre_lps, angles_deg, case.fluoro, pixel_mm=config.pixel_mm)
    before = project_volume(case.projectable, carm)
    within = project_mask(drop, carm)
    if not within.any():
        return None
    after = before.by_material | {"water": before.water_mm - within, "cement": before.cement_mm + within}
    plain, dimmed = transmission(before.by_material, case.beam), transmission(after, case.beam)
    open_rays = (before.metal_mm <= config.metal_mm) & (before.cement_mm <= config.filling_mm)
    shadow = within >= _SHADOW_SHARE * within.max()
    seen = shadow & open_rays
    reach = config.surround_mm / config.pixel_mm
    near = ndimage.distance_transform_edt(~shadow) <= reach
    surround = open_rays & near
    if not seen.any() or np.count_nonzero(surround & ~shadow) < _LEAST_PIXELS:
        return None
    beside = float(np.median(plain[surround]))
    scatter = noise.scatter_to_primary * beside
    step = np.log((plain + scatter) / (dimmed + scatter))
    spread = float(np.std(np.log(plain + scatter)[surround]))
    lost = float((plain - dimmed)[seen].sum())
    all_light = float((plain + scatter)[seen].sum())
    quanta = noise.quanta_per_mm2 * noise.frames * carm.pixel_mm**2 / beside
    weight = float(within.sum())
    covered = scanned_share(case.projectable, carm)
    return DropSight(
        contrast=float(np.mean(1.0 - dimmed[seen] / plain[seen])),
        cnr=lost * float(np.sqrt(quanta / all_light)),
        conspicuity=float(np.mean(step[seen])) / spread if spread > 0.0 else float("inf"),
        clear_share=float(within[open_rays].sum()) / weight,
        scanned_share=float((covered * within).sum()) / weight,
    )


def _small_view(
    isocentre_lps: npt.ArrayLike, angles_deg: tuple[float, float], fluoro: FluoroConfig, *, pixel_mm: float
) -> CArm:
    """Set up a view of the drop alone, with large pixels."""
    carm = view_at(isocentre_lps, primary_deg=angles_deg[0], secondary_deg=angles_deg[1], config=fluoro)
    side = int(np.ceil(_FIELD_MM / pixel_mm))
    magnified = fluoro.source_detector_mm / fluoro.source_isocentre_mm
    return carm.model_copy(update={"rows": side, "columns": side, "pixel_mm": pixel_mm * magnified})
