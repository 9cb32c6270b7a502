"""A gap's volume by the zones of its implant."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, unit
from planner.geometry.implant_zones import SCREW_ZONES, charnley_zones, gruen_zones, screw_zones
from planner.phantoms.solids.measuring import measure
from planner.phantoms.truth.document import ZoneTruth
from planner.phantoms.truth.facts import TrueGap, TrueImplant

_SCREWS = ("pedicle_screw", "cup_screw")
_STEMS = ("femoral_stem", "nail")


def zones_of(gap: TrueGap, implants: Sequence[TrueImplant]) -> tuple[ZoneTruth, ...]:
    """Share a gap's volume out among the zones of its implant.

    Parameters
    ----------
    gap : TrueGap
        The gap.
    implants : sequence of TrueImplant
        All of the phantom. A gap round a cement mantle has the zones of the stem of that side.

    Returns
    -------
    tuple of ZoneTruth
        Zones that hold any of it, in their order; they add up to the gap's volume. Empty where the implant has no
        zones, or what they are reckoned from is not known, and in a fractured level.
    """
    owner = _owner(gap, implants)
    if owner is None:
        return ()
    filling = gap.filling
    codes = _codes(filling.points_lps.reshape(-1, 3), owner, implants)
    if codes is None:
        return ()
    names, zone = codes
    zone = zone.reshape(-1, 2)
    sampled_mm3, _ = filling.volume_mm3()
    # A closed form knows the whole better than the points do.
    scale = gap.measure.volume_ml / sampled_mm3
    found = []
    for code in np.unique(zone[filling.inside]):
        volume, sd = filling.volume_mm3(zone == code)
        found.append(ZoneTruth(zone=names[int(code)], volume_ml=volume * scale, volume_sd_ml=sd * scale))
    return tuple(found)


def _owner(gap: TrueGap, implants: Sequence[TrueImplant]) -> TrueImplant | None:
    if gap.kind == "fracture_level":
        return None
    own = next((i for i in implants if i.id == gap.implant_id), None)
    if own is not None and own.kind == "cement":
        return next((i for i in implants if i.kind == "femoral_stem" and i.side == own.side), None)
    return own


def _codes(
    points_lps: Array, owner: TrueImplant, implants: Sequence[TrueImplant]
) -> tuple[Sequence[str], npt.NDArray[np.int64]] | None:
    """Give the names of zones, and the zone of each point as an index into them."""
    if owner.kind == "acetabular_cup":
        if owner.centre_lps is None or owner.opening_lps is None:
            return None
        centre, opening = np.array(owner.centre_lps), np.array(owner.opening_lps)
        return _numbered("charnley", 3), charnley_zones(points_lps, centre, opening, owner.side)
    if owner.head_lps is None or owner.tip_lps is None:
        return None
    head, tip = np.array(owner.head_lps), np.array(owner.tip_lps)
    if owner.kind in _STEMS:
        return _numbered("gruen", 14), gruen_zones(points_lps, head, tip, _medial(owner, implants))
    if owner.kind in _SCREWS and owner.diameter_mm is not None:
        length = float(np.linalg.norm(tip - head))
        along = (points_lps - head) @ unit(tip - head)
        return SCREW_ZONES, screw_zones(along, length, along > length - 0.5 * owner.diameter_mm)
    return None


def _numbered(name: str, count: int) -> Sequence[str]:
    return [f"{name}-{number}" for number in range(count + 1)]


def _medial(stem: TrueImplant, implants: Sequence[TrueImplant]) -> Array:
    """Give the direction from a stem to its head; across the body where it has none."""
    head = next((i for i in implants if i.kind == "femoral_head" and i.side == stem.side), None)
    if head is not None:
        centre = measure(head.solid).centroid_lps if head.centre_lps is None else head.centre_lps
        return np.subtract(centre, stem.head_lps or centre)
    return np.array([-1.0 if stem.side == "left" else 1.0, 0.0, 0.0])
