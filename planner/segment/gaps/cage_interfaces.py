"""The lucent interface at a cage that has sunk into an endplate."""

import edt
import numpy as np
from scipy import ndimage as ndi
from scipy.special import erf

from planner.config.fracture_config import SpineTargetConfig
from planner.geometry.frames import Array, point_tuple, points_lps
from planner.geometry.grid import Grid
from planner.model.finding import Finding
from planner.model.gap import Gap, GapWidth, Interval
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, check_cancelled
from planner.segment.anatomy.vertebrae import SpineBones
from planner.segment.gaps.fracture_clefts import SpineGap
from planner.segment.gaps.sunken_cage import CELL_MM, SunkenCage, sunken_sides
from planner.segment.implants.parts import ImplantPart
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells, sampler_round

DEFAULT = SpineTargetConfig()
_Z90 = 1.645
"""Half a 90 % interval of the normal law, in standard deviations."""
_FIBROUS_HU = 40.0
"""Interface tissue, as in halos (`HaloConfig.fibrous_hu`)."""
_PROFILE_MM = (-1.5, 3.5)
"""From the cage's face into the bone."""
_STEP_MM = 0.25
_PLATEAU_FROM_MM = 1.75
_BLUR_MM = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Standard deviations that are tried."""
_FEWEST = 100
_EDGE_MM = 1.0
"""So near to the section's edge its face is rounded."""


def measure_cage_interfaces(
    volume: Volume,
    parts: tuple[ImplantPart, ...],
    *,
    spine: SpineBones,
    grid: Grid,
    trust: TrustMap | None = None,
    config: SpineTargetConfig = DEFAULT,
    monitor: Monitor = SILENT,
) -> tuple[tuple[SpineGap, ...], tuple[Finding, ...]]:
    """Measure the lucent rind between sunken cages and their bone.

    Parameters
    ----------
    volume : Volume
        The original CT.
    parts : tuple of ImplantPart
        The implants; all but cages are passed over.
    spine : SpineBones
        Vertebrae, told apart.
    grid : Grid
        The grid of their labels.
    trust : TrustMap or None
        What metal artefacts leave readable.
    config : SpineTargetConfig
        Settings.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    tuple of SpineGap
        At most one a cage and side; kind "cage_interface".
    tuple of Finding
        How deep each cage stands in its endplate, with or without a lucent interface.

    Raises
    ------
    CancelledError
        If the monitor stops the work.

    Notes
    -----
    The width is that of the median profile over the cage's face: three levels (cage, interface tissue, bone) under one
    blur, fitted. The rind is taken to be as wide round the part of the cage that stands in the bone, where streaks of
    pins hide single walls. A profile without a dip below the bone beyond is a firm cage's.
    """
    gaps: list[SpineGap] = []
    said: list[Finding] = []
    for part in parts:
        check_cancelled(monitor)
        if part.record.kind != "cage":
            continue
        for side in sunken_sides(volume, part.record.id, part.mask, spine, grid, config=config.cage_interfaces):
            width = interface_width_mm(volume, side, config=config)
            said.append(_sunk(side, width, _level_of(side, spine), config))
            gap = None if width is None else _gap(volume, side, width, spine, trust, config)
            if gap is not None:
                gaps.append(gap)
    return tuple(gaps), tuple(said)


def interface_width_mm(volume: Volume, side: SunkenCage, *, config: SpineTargetConfig = DEFAULT) -> float | None:
    """Read the width of the lucent space over a sunken cage's face.

    Parameters
    ----------
    volume : Volume
        The original CT.
    side : SunkenCage
        Where the cage stands in the bone.
    config : SpineTargetConfig
        Settings.

    Returns
    -------
    float or None
        None where the profile shows none.
    """
    own = config.cage_interfaces
    offsets = np.arange(_PROFILE_MM[0], _PROFILE_MM[1] + _STEP_MM / 2, _STEP_MM)
    inner = ndi.distance_transform_edt(side.section) * CELL_MM > _EDGE_MM
    if np.count_nonzero(inner) < _FEWEST:
        return None
    places = side.places_lps(side.face_mm + offsets)[inner]
    read = sampler_round(volume.hu, volume.grid, places.reshape(-1, 3), margin_mm=1.0).at(places)
    profile = np.median(read, axis=0).astype(np.float64)
    beyond = float(np.median(profile[offsets >= _PLATEAU_FROM_MM]))
    dip = beyond - float(profile[(offsets > 0.0) & (offsets < own.greatest_width_mm)].min())
    if dip < own.least_dip_hu:
        return None
    width = _fitted(offsets, profile, min(_FIBROUS_HU, beyond - own.least_dip_hu), beyond, own.greatest_width_mm)
    return width if own.least_width_mm <= width <= own.greatest_width_mm else None


def _fitted(offsets: Array, profile: Array, floor: float, beyond: float, widest: float) -> float:
    """Fit cage, interface and bone under one blur to a profile: the interface's width, mm."""
    face, width, blur = (
        v.ravel()[:, None]
        for v in np.meshgrid(np.arange(-1.0, 1.01, 0.05), np.arange(0.0, widest + 0.01, 0.1), _BLUR_MM, indexing="ij")
    )
    fall = _step((offsets - face) / blur)
    rise = _step((offsets - face - width) / blur)
    rest = profile - floor - (beyond - floor) * rise
    # the cage's own level follows from the rest, by least squares
    weight = 1.0 - fall
    level = (rest * weight).sum(axis=1) / np.maximum((weight**2).sum(axis=1), 1e-6)
    error = ((rest - level[:, None] * weight) ** 2).sum(axis=1)
    return float(width[int(error.argmin()), 0])


def _step(values: Array) -> Array:
    return np.asarray(0.5 * (1.0 + erf(values / np.sqrt(2.0))))


def _level_of(side: SunkenCage, spine: SpineBones) -> str | None:
    return next((bone.level for bone in spine.bones if bone.name == side.bone), None)


def _sunk(side: SunkenCage, width: float | None, level: str | None, config: SpineTargetConfig) -> Finding:
    words = "no lucent interface is seen there" if width is None else f"with a lucent interface of {width:.1f} mm"
    return Finding(
        code="cage-subsided",
        severity="caution",
        message=f"{side.implant_id} stands {side.depth_mm:.1f} mm in the endplate of {level or side.bone}: sunk, or "
        f"set in so; {words}.",
        where_lps=point_tuple(np.round(side.centre_lps + side.face_mm * side.axes_lps[:, 2], 1)),
        measured=round(side.depth_mm, 1),
        limit=config.cage_interfaces.least_sunk_mm,
        unit="mm",
        source="this program's rule: the cage's face beyond the plane of the endplate round it",
    )


def _gap(
    volume: Volume,
    side: SunkenCage,
    width: float,
    spine: SpineBones,
    trust: TrustMap | None,
    config: SpineTargetConfig,
) -> SpineGap | None:
    own = config.cage_interfaces
    heights, rind = _rind(side, width)
    cell_ml = CELL_MM**3 / 1000.0
    estimate = float(np.count_nonzero(rind)) * cell_ml
    if not rind.any():
        return None
    places = side.places_lps(heights)[rind]
    seen = 1.0 if trust is None else float(np.sqrt(np.mean(trust.trust_at(places))))
    area = estimate * 1000.0 / width
    spread = (2.0 - seen) * float(np.hypot(own.edge_sd_mm * area / 1000.0, own.shape_sd * estimate))
    whole = Interval(estimate=estimate, low=max(0.0, estimate - _Z90 * spread), high=estimate + _Z90 * spread)
    record = Gap(
        id=f"gap-{side.implant_id}-{side.bone}",
        implant_id=side.implant_id,
        level=_level_of(side, spine),
        kind="cage_interface",
        zones=(),
        volume_ml=whole,
        expected_fill_ml=None,
        # the rind is fitted with one width: its spread over the face is not known, but no less than this
        width_mm=GapWidth(median=width, p95=width, max=width),
        interface_fraction=None,
        centroid_lps=point_tuple(places.mean(axis=0)),
        trust=seen,
    )
    return SpineGap(record, _painted(side, heights, rind, volume.grid))


def _rind(side: SunkenCage, width: float) -> tuple[Array, Cells]:
    """Give the space about the cage within the bone, in the cage's frame: heights and the rind."""
    low = float(side.endplate_mm[side.section].min()) - width - CELL_MM
    heights = np.arange(low, side.face_mm + width + 2.0 * CELL_MM, CELL_MM)
    hull = side.section[..., None] & (heights <= side.face_mm)
    away = edt.edt(~hull, anisotropy=(CELL_MM,) * 3, parallel=2) - CELL_MM / 2
    return heights, np.asarray((away <= width) & ~hull & (heights > side.endplate_mm[..., None]))


def _painted(side: SunkenCage, heights: Array, rind: Cells, grid: Grid) -> Mask:
    out = np.zeros(grid.shape, dtype=bool)
    at = np.asarray(grid.to_index(points_lps(side.places_lps(heights)[rind])))
    low = np.clip(np.floor(at.min(axis=0)).astype(int) - 1, 0, grid.shape)
    high = np.clip(np.ceil(at.max(axis=0)).astype(int) + 2, low, grid.shape)
    cells = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), -1)
    local = (np.asarray(grid.to_lps(cells)) - side.centre_lps) @ side.axes_lps
    first = np.array([side.across_mm[0], side.across_mm[0], heights[0]])
    share = ndi.map_coordinates(rind.astype(np.float32), np.moveaxis((local - first) / CELL_MM, -1, 0), order=1)
    out[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))] = share > 0.5
    return Mask(grid, out)
