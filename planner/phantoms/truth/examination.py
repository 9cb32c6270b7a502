"""What can be measured on a phantom's gaps and implants: zones, widths, interfaces, expected loosening."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array
from planner.model.gap import GapWidth
from planner.model.implant import Loosening
from planner.phantoms.solids.basic import Union
from planner.phantoms.truth.document import ZoneTruth
from planner.phantoms.truth.facts import TrueGap, TrueImplant, Truth
from planner.phantoms.truth.interface import (
    Interface,
    gap_width,
    shaft_interface,
    share_of_area,
    surface_interface,
)
from planner.phantoms.truth.loosening import rim_share, screw_loosening, stem_loosening
from planner.phantoms.truth.zones import zones_of

_WORSE: tuple[Loosening, ...] = ("none", "possible", "probable")


@dataclass(frozen=True, slots=True)
class GapExamination:
    """What was measured on one gap; None and nothing where its implant has no interface or no zones."""

    zones: tuple[ZoneTruth, ...]
    width: GapWidth | None
    interface_fraction: float | None


@dataclass(frozen=True, slots=True)
class ImplantExamination:
    """What a reader should find on one implant."""

    loosening: Loosening | None
    rim_share: float | None


@dataclass(frozen=True, slots=True)
class Examination:
    """What was measured, by the ids of gaps and implants."""

    gaps: Mapping[str, GapExamination]
    implants: Mapping[str, ImplantExamination]


def examine(truth: Truth) -> Examination:
    """Measure a phantom's gaps and implants.

    Parameters
    ----------
    truth : Truth
        What is true of it.

    Returns
    -------
    Examination
    """
    gaps: dict[str, GapExamination] = {}
    implants: dict[str, ImplantExamination] = {}
    for implant in truth.implants:
        own = [g for g in truth.gaps if g.implant_id == implant.id and g.kind != "fracture_level"]
        seen = [_Seen(i, np.zeros(len(i.area_mm2))) for i in _interfaces(implant, truth)] if own else []
        for gap in own:
            gaps[gap.id] = _examined(gap, seen, truth)
        implants[implant.id] = _call(implant, seen)
    for gap in truth.gaps:
        # A fractured level is no gap of the implant that happens to lie beside it.
        gaps.setdefault(gap.id, GapExamination((), None, None))
    return Examination(gaps, implants)


@dataclass(slots=True)
class _Seen:
    """An interface, and the widest gap that was seen on each of its rays so far."""

    interface: Interface
    widest_mm: Array


def _interfaces(implant: TrueImplant, truth: Truth) -> tuple[Interface, ...]:
    """Give an implant's interface with bone; of a cemented one, its mantle's, and then its own with the mantle."""
    axis = implant.head_lps, implant.tip_lps, implant.diameter_mm
    if implant.kind in ("pedicle_screw", "cup_screw") and None not in axis:
        head, tip, diameter = axis
        if head is not None and tip is not None and diameter is not None:
            return (shaft_interface(head, tip, diameter, implant.solid, env=truth.env, metal=truth.metal),)
    centre = implant.centre_lps if implant.kind == "acetabular_cup" else None
    cements = [i.solid for i in truth.implants if i.kind == "cement" and i.side == implant.side]
    if implant.kind in ("femoral_stem", "acetabular_cup") and cements:
        bare = Union(tuple(i.solid for i in truth.implants if i.kind != "cement"))
        own = surface_interface(implant.solid, env=truth.env, metal=bare, away_from_lps=centre)
        mantle = tuple(c for c in cements if own.touches(c))
        if mantle:
            body = Union((implant.solid, *mantle))
            return surface_interface(body, env=truth.env, metal=truth.metal, away_from_lps=centre), own
    return (surface_interface(implant.solid, env=truth.env, metal=truth.metal, away_from_lps=centre),)


def _examined(gap: TrueGap, seen: Sequence[_Seen], truth: Truth) -> GapExamination:
    zones = zones_of(gap, truth.implants)
    for each in seen:
        widths = each.interface.widths_mm(gap.solid)
        if widths.any():
            each.widest_mm = np.maximum(each.widest_mm, widths)
            fraction = share_of_area(each.interface, widths > 0.0)
            return GapExamination(zones, gap_width(each.interface, widths), fraction)
    return GapExamination(zones, None, 0.0 if seen else None)


def _call(implant: TrueImplant, seen: Sequence[_Seen]) -> ImplantExamination:
    share: float | None = None
    call: Loosening | None = None
    if implant.loose is not None and implant.kind == "pedicle_screw":
        share = rim_share(seen[0].interface, seen[0].widest_mm) if seen else 0.0
        call = screw_loosening(share)
    elif implant.loose is not None and implant.kind == "femoral_stem":
        calls = [stem_loosening(s.interface, s.widest_mm) for s in seen] or ["none"]
        call = max((c for c in calls if c is not None), key=_WORSE.index, default=None)
    if implant.broken:
        call = None  # no rule grades the hold of a broken implant
    elif implant.moved and implant.loose is not None:
        call = "definite"
    return ImplantExamination(call, share)
