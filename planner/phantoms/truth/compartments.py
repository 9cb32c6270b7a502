"""What lies behind a breach, and where cement would leak by its name."""

from collections.abc import Mapping, Sequence

import numpy as np

from planner.geometry.frames import Array, PointsLps
from planner.model.breach import LeakType
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.surface import outward_normals
from planner.phantoms.tissues import Tissue
from planner.phantoms.truth.patches import Patch

_PROBES_MM = (0.5, 1.0, 2.0)
"""How far beyond the bone it is asked what lies there."""
_TOWARDS_CANAL = 0.5
"""Cosine: fat that is reached by a way within 60 degrees of the canal's direction belongs to the canal, other fat to a
foramen (through the pedicle's upper or lower wall). Ours."""
_LEAK_OF_WORD: Mapping[str, LeakType] = {
    "foramen": "foramen",
    "canal": "canal",
    "cord": "canal",
    "thecal": "canal",
    "epidural": "canal",
    "disc": "disc",
    "cartilage": "joint",
    "joint": "joint",
    "synovial": "joint",
    "vein": "venous",
    "venous": "venous",
    "fracture": "fracture",
    "cleft": "fracture",
    "tract": "screw_tract",
}
"""By words in the name of a part of the host, or of its tissue; what has none of them is reached through the cortex."""
_BONE = ("cortical", "cancellous", "sclerotic", "marrow", "yellow marrow", "fusion bone", "bone island", "ingrown bone")
_ONE_NAME: Mapping[LeakType, str] = {"canal": "canal", "foramen": "foramen"}
"""Places that many parts make up."""


def behind(host: Scene, patch: Patch) -> tuple[LeakType | None, str | None]:
    """Say where cement would go through a patch.

    Parameters
    ----------
    host : Scene
        The phantom without its implants.
    patch : Patch
        The breach.

    Returns
    -------
    leak_type : LeakType or None
        None where only bone is found behind it.
    compartment : str or None
        The name of the part that lies there; None with `leak_type`.
    """
    votes: dict[tuple[LeakType, str], int] = {}
    canals = [part.solid for part in host.parts if part.name == "canal"]
    for probe_mm in _PROBES_MM:
        points = PointsLps(patch.outside_lps + probe_mm * patch.outward_lps)
        owners = host.part_index_at(points)
        for index in np.unique(owners):
            name, tissue = _names(host, int(index))
            if tissue.name in _BONE:
                continue
            there = owners == index
            leak = _leak((name, tissue.name))
            if tissue.name == "epidural fat" and not _towards(canals, points[there], patch.outward_lps[there]):
                leak = "foramen"
            votes[leak, name] = votes.get((leak, name), 0) + int(there.sum())
    return _winner(votes)


def _names(host: Scene, index: int) -> tuple[str, Tissue]:
    if index < 0:
        return host.background.name, host.background
    return host.parts[index].name, host.parts[index].tissue


def _towards(canals: Sequence[Solid], points_lps: Array, ways_lps: Array) -> bool:
    """Say whether most of the ways lead towards a canal; where there is none, they count as such."""
    cosines = [-np.einsum("ij,ij->i", outward_normals(c, points_lps), ways_lps) for c in canals]
    return not cosines or float(np.median(np.max(cosines, axis=0))) >= _TOWARDS_CANAL


def _leak(names: Sequence[str]) -> LeakType:
    for name in names:
        for word, leak in _LEAK_OF_WORD.items():
            if word in name.lower().replace("-", " ").split():
                return leak
    return "cortical"


def _winner(votes: Mapping[tuple[LeakType, str], int]) -> tuple[LeakType | None, str | None]:
    if not votes:
        return None, None
    totals: dict[LeakType, int] = {}
    for (leak, _), count in votes.items():
        totals[leak] = totals.get(leak, 0) + count
    commonest = max(sorted(totals), key=lambda leak: totals[leak])
    names = {name: count for (leak, name), count in votes.items() if leak == commonest}
    return commonest, _ONE_NAME.get(commonest, max(sorted(names), key=lambda name: names[name]))
