"""Hip implants as records: stem, head, cup, cup screws and nails, each side a case of its own."""

from dataclasses import dataclass

import numpy as np

from planner.config.hip_config import HipImplantConfig
from planner.geometry.frames import Array, PointsLps, point_tuple, positioner_angles_deg
from planner.model.carm import BullsEye
from planner.model.implant import Implant, ImplantAxis, ImplantSphere, Material
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.implants.hip_edges import Scanned
from planner.segment.implants.hip_sites import find_sites, touches_edge
from planner.segment.implants.hip_stems import StraightShaft
from planner.segment.implants.hip_telling import RawPart, tell_parts

_UNTOLD: Material = "unknown"
"""Titanium and cobalt-chrome look alike where HU are clipped, and beside each other's streaks where they are not."""


@dataclass(frozen=True, slots=True, eq=False)
class HipPart:
    """One part of a hip implant.

    Parameters
    ----------
    record : Implant
        What the plan says of it.
    metal : Mask
        Its voxels, on an upright grid of its own.
    centre_lps : PointsLps, shape (3,), or None
        Centre of a head's or cup's sphere.
    radius_mm : float or None
        Radius of that sphere; the cup's outer one.
    opening_lps : ndarray, shape (3,), or None
        Unit vector out of the cup's mouth.
    is_cut : bool
        The part runs out of the scan.
    """

    record: Implant
    metal: Mask
    centre_lps: PointsLps | None
    radius_mm: float | None
    opening_lps: Array | None
    is_cut: bool


def segment_hips(
    volume: Volume, *, metal: Mask | None, config: HipImplantConfig, monitor: Monitor = SILENT
) -> tuple[HipPart, ...]:
    """Find the parts of hip prostheses, and femoral nails.

    Parameters
    ----------
    volume : Volume
        The CT.
    metal : Mask or None
        Metal, on any grid; None takes what lies over `config.metal_hu`.
    config : HipImplantConfig
        The thresholds.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    tuple of HipPart
        From the patient's right to the left, stem or nail first; empty where no bulky metal has a hip implant's shape,
        as with spinal screws, teeth and contrast agent. Of a bipolar head the shell is the head. A cemented cup of
        polyethylene has its wire's voxels.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    scanned = Scanned.of(volume, config)
    cases: list[list[RawPart]] = []
    for site in find_sites(volume, metal, config, monitor):
        check_cancelled(monitor)
        monitor.report(Progress("telling the hip implant's parts apart"))
        cases.append(tell_parts(scanned, site))
    cases.sort(key=lambda case: float(case[0].grid.centre_lps[0]) if case else 0.0)
    return _named(volume, [raw for case in cases for raw in case])


def _named(volume: Volume, raws: list[RawPart]) -> tuple[HipPart, ...]:
    names = [r.name + (f"-{r.side}" if r.side else "") for r in raws]
    seen: dict[str, int] = {}
    parts = []
    for raw, name in zip(raws, names, strict=True):
        seen[name] = seen.get(name, 0) + 1
        parts.append(_part(volume, raw, f"{name}-{seen[name]}" if names.count(name) > 1 else name))
    return tuple(parts)


def _part(volume: Volume, raw: RawPart, name: str) -> HipPart:
    is_cut = touches_edge(volume.grid, np.asarray(raw.grid.to_lps(np.argwhere(raw.voxels))))
    axis, view = _axis_and_view(raw.shaft)
    record = Implant(
        id=name,
        kind=raw.kind,
        volume_ml=raw.volume_ml,
        centroid_lps=point_tuple(raw.centroid_lps),
        axis=axis,
        bulls_eye=view,
        side=raw.side,
        level=None,
        material=_UNTOLD,
        loosening=None,
        sphere=_sphere(raw),
        is_cut=is_cut,
    )
    centre, radius = (None, None) if raw.sphere is None else (raw.sphere.centre_lps, raw.sphere.radius_mm)
    return HipPart(record, Mask(raw.grid, raw.voxels), centre, radius, raw.opening_lps, is_cut)


def _sphere(raw: RawPart) -> ImplantSphere | None:
    if raw.sphere is None:
        return None
    return ImplantSphere(
        centre_lps=point_tuple(raw.sphere.centre_lps),
        diameter_mm=2.0 * raw.sphere.radius_mm,
        opening_lps=None if raw.opening_lps is None else point_tuple(raw.opening_lps),
    )


def _axis_and_view(shaft: StraightShaft | None) -> tuple[ImplantAxis | None, BullsEye | None]:
    if shaft is None:
        return None, None
    primary, secondary = positioner_angles_deg(shaft.head_lps - shaft.tip_lps)
    axis = ImplantAxis(
        head_lps=point_tuple(shaft.head_lps),
        tip_lps=point_tuple(shaft.tip_lps),
        diameter_mm=shaft.diameter_mm,
        core_diameter_mm=None,
        length_mm=float(np.linalg.norm(shaft.tip_lps - shaft.head_lps)),
    )
    return axis, BullsEye(primary_deg=primary, secondary_deg=secondary)
