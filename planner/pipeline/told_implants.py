"""Which implants a CT holds: straight shafts, hip prostheses, and then what is left of the metal."""

from dataclasses import dataclass

import numpy as np

from planner.config.plan_config import PlanConfig
from planner.errors import NoImplantError
from planner.model.volume import Mask, Volume
from planner.progress import Monitor
from planner.segment.blocks import block_round
from planner.segment.implants.asides import asides_in_words
from planner.segment.implants.hip_records import completed
from planner.segment.implants.hips import HipPart, segment_hips
from planner.segment.implants.metal import Metal, find_metal
from planner.segment.implants.others import tell_others
from planner.segment.implants.spine import ImplantPart, Shaft, implant_parts, segment_shafts

_NO_HARDWARE = frozenset(("unknown", "cement"))


@dataclass(frozen=True, slots=True, eq=False)
class ToldImplants:
    """All that was told of a CT's metal.

    Parameters
    ----------
    metal : Metal
        All of it.
    shafts : tuple of Shaft
        Screws and rods as they were measured, those apart that turned out to be something else.
    hips : tuple of HipPart
        Parts of hip prostheses and nails.
    parts : tuple of ImplantPart
        All implants, and metal that nobody knows, as records and voxels.
    """

    metal: Metal
    shafts: tuple[Shaft, ...]
    hips: tuple[HipPart, ...]
    parts: tuple[ImplantPart, ...]

    @property
    def known(self) -> tuple[ImplantPart, ...]:
        """The parts of hardware that have a name."""
        return tuple(part for part in self.parts if part.record.kind not in _NO_HARDWARE)


def tell_implants(volume: Volume, config: PlanConfig, *, metal: Metal | None = None, monitor: Monitor) -> ToldImplants:
    """Find all implants of a CT.

    Parameters
    ----------
    volume : Volume
        The CT, its axes along the patient's.
    config : PlanConfig
        The settings.
    metal : Metal or None
        What `find_metal` found in this very CT; None to look.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    ToldImplants

    Raises
    ------
    NoImplantError
        If none is orthopaedic hardware.
    CancelledError
        If the monitor stops the work.
    """
    metal = find_metal(volume, config.implants, monitor=monitor) if metal is None else metal
    shafts = segment_shafts(volume, metal, config.implants, search=config.shafts, monitor=monitor)
    found = segment_hips(volume, metal=metal.mask, config=config.hips, monitor=monitor)
    hips = completed(volume, metal, found)
    parts = told_parts(implant_parts(volume, metal, shafts, config.implants), hips)
    parts = tell_others(volume, metal, parts, config.hardware, monitor=monitor)
    told = ToldImplants(metal, of_screws(shafts, parts), hips, parts)
    require_implant(told)
    return told


def told_parts(shafts: tuple[ImplantPart, ...], hips: tuple[HipPart, ...]) -> tuple[ImplantPart, ...]:
    """Join what two searches found: metal that the hip search told is not unknown, and no shaft lies in a hip.

    Parameters
    ----------
    shafts : tuple of ImplantPart
        Screws, rods and unknown metal.
    hips : tuple of HipPart
        Parts of hip prostheses and nails.

    Returns
    -------
    tuple of ImplantPart
    """
    kept = [part for part in shafts if sum(_share_within(part.mask, hip.metal) for hip in hips) < 0.5]
    return (*kept, *(ImplantPart(hip.record, hip.metal) for hip in hips))


def _share_within(mask: Mask, other: Mask) -> float:
    """Give the share of a mask's voxels that lie in another's."""
    block = block_round(mask.voxels, 0)
    if block is None:
        return 0.0
    points = mask.grid.to_lps(np.argwhere(mask.voxels[block]) + [s.start for s in block])
    index = np.rint(other.grid.to_index(points)).astype(int)
    inside = np.all((index >= 0) & (index < np.array(other.grid.shape)), axis=1)
    return float(np.count_nonzero(other.voxels[tuple(index[inside].T)])) / len(points)


def of_screws(shafts: tuple[Shaft, ...], parts: tuple[ImplantPart, ...]) -> tuple[Shaft, ...]:
    """Keep the shafts that are still among the told parts, as what they were."""
    kept = {(part.record.id, part.record.kind) for part in parts}
    return tuple(shaft for shaft in shafts if (shaft.id, shaft.kind) in kept)


def require_implant(told: ToldImplants) -> None:
    """Refuse a CT without orthopaedic hardware.

    Parameters
    ----------
    told : ToldImplants
        What was found.

    Raises
    ------
    NoImplantError
        If nothing among it is an implant that the planner knows; cement alone is none.
    """
    if told.known:
        return
    pieces, seen = len(told.metal.blocks), asides_in_words(told.metal.asides)
    beside = f"; seen and no implant of bone: {seen}" if seen else ""
    if any(part.record.kind == "cement" for part in told.parts):
        beside += "; bone cement alone is no implant"
    if not pieces:
        raise NoImplantError(
            f"no orthopaedic implant: nothing else in this CT is as bright as metal{beside}"
            if beside
            else "no orthopaedic implant: nothing in this CT is as bright as metal"
        )
    bright = "1 bright piece in this CT, not" if pieces == 1 else f"{pieces} bright pieces in this CT, none of them"
    raise NoImplantError(
        f"no orthopaedic implant: {bright} a screw, rod, stem, head, cup, nail, plate or cage (contrast, ports, leads "
        f"and teeth are none){beside}"
    )
