"""What metal artefacts leave of a gap's measurement: read anew with what they are foretold to add taken off."""

from dataclasses import dataclass

import numpy as np

from planner.geometry.frames import Array
from planner.model.finding import Finding
from planner.model.record import PointLps
from planner.segment.trust import TrustMap
from planner.segment.unwrap import Cells

_FROM_METAL_MM = (0.75, 1.75, 2.75)
"""Where a wall is read: from a narrow gap's to an open one's."""


@dataclass(frozen=True, slots=True)
class Readability:
    """How far an implant's surroundings can be read.

    Parameters
    ----------
    trust : float
        Mean of the map round the implant, 0..1.
    unreadable_share : float
        Share of its interface with bone where the map calls tissue unreadable.
    """

    trust: float
    unreadable_share: float

    @property
    def gap_trust(self) -> float:
        """Trust in a gap that was seen: its wall rises by two to five times the HU that the map asks for; ours."""
        return float(np.sqrt(self.trust))


def readability(trust: TrustMap, places_lps: Array, area_mm2: Array, in_bone: Cells) -> Readability | None:
    """Sum the trust map up over an interface.

    Parameters
    ----------
    trust : TrustMap
        The map.
    places_lps : ndarray, shape (distances, rows, angles, 3)
        Where each cell's tissue is read.
    area_mm2 : ndarray, shape (rows, angles)
        Area of each cell.
    in_bone : ndarray of bool, shape (rows, angles)
        Cells that count.

    Returns
    -------
    Readability or None
        None where no cell counts.
    """
    weight = np.where(in_bone, area_mm2, 0.0)
    total = float(weight.sum())
    if total <= 0.0:
        return None
    cells = trust.trust_at(places_lps).mean(axis=0)
    unreadable = cells < trust.config.unreadable_below
    return Readability(float((cells * weight).sum() / total), float((unreadable * weight).sum() / total))


def depths_mm(surface_mm: Array) -> Array:
    """Give the distances along rays at which tissue is judged, one more axis in front of the surface's."""
    return np.stack([surface_mm + away for away in _FROM_METAL_MM])


def unreadable_finding(implant_id: str, seen: Readability, where_lps: PointLps, trust: TrustMap) -> Finding | None:
    """Say that artefacts leave an implant's surroundings unreadable.

    Parameters
    ----------
    implant_id : str
        The implant.
    seen : Readability
        How far they can be read.
    where_lps : tuple of float
        The middle of it.
    trust : TrustMap
        The map, for its limits.

    Returns
    -------
    Finding or None
        None where little of it is unreadable.
    """
    limit = trust.config.most_unreadable_share
    if seen.unreadable_share <= limit:
        return None
    return Finding(
        code="unreadable-by-artefact",
        severity="caution",
        message=f"{implant_id}: metal artefacts make {seen.unreadable_share:.0%} of the tissue at the wall unreadable: "
        "gaps there may be missed or false; extended HU, a higher kV or shorter ways through metal (gantry) may help",
        where_lps=where_lps, measured=seen.unreadable_share, limit=limit, unit="1",
        source="trust map: mean error foretold from the metal in the slice (docs/methods.md)", implant_id=implant_id,
    )  # fmt: skip


def refused_finding(implant_id: str, volume_ml: float, stays: float, where_lps: PointLps, trust: TrustMap) -> Finding:
    """Say that a dark rim was not taken for a gap, for artefacts explain it.

    Parameters
    ----------
    implant_id : str
        The implant.
    volume_ml : float
        What the rim would have measured.
    stays : float
        Share of it that is left once artefacts are taken off.
    where_lps : tuple of float
        Its middle.
    trust : TrustMap
        The map, for its limits.

    Returns
    -------
    Finding
    """
    return Finding(
        code="dark-by-artefact",
        severity="caution",
        message=f"{implant_id}: a dark rim of {volume_ml:.2f} mL was not taken for a gap: what metal artefacts are "
        "foretold to darken explains most of it; a gap there can be neither seen nor excluded",
        where_lps=where_lps, measured=stays, limit=trust.config.least_staying_share, unit="1",
        source="this program's rule: share of the rim that stays once the foretold artefact is taken off",
        implant_id=implant_id,
    )  # fmt: skip
