"""Which implants a CT holds, from the two searches for them: straight shafts, and hip prostheses."""

import numpy as np

from planner.errors import NoImplantError
from planner.model.volume import Mask
from planner.segment.implants.hips import HipPart
from planner.segment.implants.metal import Metal
from planner.segment.implants.spine import ImplantPart, Shaft


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
    kept = [part for part in shafts if max((_share_within(part.mask, hip.metal) for hip in hips), default=0.0) < 0.5]
    return (*kept, *(ImplantPart(hip.record, hip.metal) for hip in hips))


def _share_within(mask: Mask, other: Mask) -> float:
    """Give the share of a mask's voxels that lie in another's."""
    points = mask.grid.to_lps(np.argwhere(mask.voxels))
    if not len(points):
        return 0.0
    index = np.rint(other.grid.to_index(points)).astype(int)
    inside = np.all((index >= 0) & (index < np.array(other.grid.shape)), axis=1)
    return float(np.count_nonzero(other.voxels[tuple(index[inside].T)])) / len(points)


def of_screws(shafts: tuple[Shaft, ...], parts: tuple[ImplantPart, ...]) -> tuple[Shaft, ...]:
    """Keep the shafts that are still among the told parts."""
    kept = {part.record.id for part in parts}
    return tuple(shaft for shaft in shafts if shaft.id in kept)


def require_implant(parts: tuple[ImplantPart, ...], metal: Metal) -> None:
    """Refuse a CT without an orthopaedic implant.

    Parameters
    ----------
    parts : tuple of ImplantPart
        What was found.
    metal : Metal
        All that is as bright as metal.

    Raises
    ------
    NoImplantError
        If nothing among it is an implant that the planner knows.
    """
    if any(part.record.kind != "unknown" for part in parts):
        return
    if not metal.blocks:
        raise NoImplantError("no orthopaedic implant: nothing in this CT is as bright as metal")
    raise NoImplantError(
        f"no orthopaedic implant: {len(metal.blocks)} bright pieces in this CT, none of them a screw, rod, stem, head, "
        "cup or nail (contrast, ports, leads and teeth are none)"
    )
