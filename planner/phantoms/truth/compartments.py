"""What lies behind a breach, and where cement would leak by its name."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array, PointsLps
from planner.model.breach import LeakType
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Solid
from planner.phantoms.solids.surface import outward_normals
from planner.phantoms.tissues import Tissue
from planner.phantoms.truth.places import Place, Votes

_PROBES_MM = (0.5, 1.0, 2.0)
"""How far beyond the bone it is asked what lies there."""
_TOWARDS_CANAL = 0.5
"""Cosine: fat that is reached by a way within 60 degrees of the canal's direction belongs to the canal, other fat to a
foramen (through the pedicle's upper or lower wall). Ours."""
_LEAK_OF_WORDS: Mapping[str, LeakType] = {
    "foramen": "foramen",
    "foramina": "foramen",
    "canal": "canal",
    "cord": "canal",
    "thecal": "canal",
    "epidural": "canal",
    "scar": "canal",
    "disc": "disc",
    "cartilage": "joint",
    "joint": "joint",
    "joints": "joint",
    "synovial": "joint",
    "basivertebral vein": "venous",
    "segmental vein": "venous",
    "segmental vessels": "venous",
    "fracture": "fracture",
    "cleft": "fracture",
    "tract": "screw_tract",
}
"""By words in the name of a part of the host, or of its tissue; what has none of them is reached through the cortex.

Scar stands where a laminectomy took the back of the canal's ring: what enters it goes to the canal. Veins are a way out
where they drain the bone: the basivertebral and the segmental ones (types B and S of PMC8449924). Cement beside the
great vessels has left through a defect of the cortex (type C); their own wall is whole.
"""
_BONE = ("cortical", "cancellous", "sclerotic", "marrow", "yellow marrow", "fusion bone", "bone island", "ingrown bone")
_ONE_NAME: Mapping[LeakType, str] = {"canal": "canal", "foramen": "foramen"}
"""Places that many parts make up."""
_BY_LEVEL: frozenset[LeakType] = frozenset({"disc", "venous", "fracture", "joint", "screw_tract"})
"""Of these, those of two levels are two places; a disc is named after the vertebra above it, and so is gas in it."""
_LEVEL = re.compile(r"\b[CTLS]\d+")
_ON_WALL_MM = 0.02


def behind(
    host: Scene, outside_lps: PointsLps, outward_lps: Array, *, ways_out: Sequence[tuple[Place, Solid]] = ()
) -> Votes:
    """Say where cement would go through each point of a wall.

    Parameters
    ----------
    host : Scene
        The phantom without its implants.
    outside_lps : PointsLps, shape (N, 3)
        Where the outside begins.
    outward_lps : ndarray, shape (N, 3)
        Unit ways out of the bone there.
    ways_out : sequence of (Place, Solid)
        Spaces within the bone that lead out of it.

    Returns
    -------
    Votes
        Each point has one for each probe that is beyond the bone.
    """
    table = _Ballot(len(outside_lps))
    free = np.ones(len(outside_lps), dtype=bool)
    for place, solid in ways_out:
        # A wall's outside begins on the surface of the way out that it looks into.
        on_it = free & (np.abs(solid.distance_mm(outside_lps)) < _ON_WALL_MM)
        table.add(place, np.flatnonzero(on_it), float(len(_PROBES_MM)))
        free &= ~on_it
    asked = np.flatnonzero(free)
    canals = [part.solid for part in host.parts if part.name == "canal"]
    for probe_mm in _PROBES_MM:
        points = PointsLps(outside_lps[asked] + probe_mm * outward_lps[asked])
        owners = host.part_index_at(points)
        for index in np.unique(owners):
            name, tissue = _names(host, int(index))
            if tissue.name in _BONE:
                continue
            there = owners == index
            leak = _leak((name, tissue.name))
            aside = np.zeros(int(there.sum()), dtype=bool)
            if tissue.name == "epidural fat":
                aside = ~_towards(canals, points[there], outward_lps[asked[there]])
            table.add(_place("foramen", name), asked[there][aside], 1.0)
            table.add(_place(leak, name), asked[there][~aside], 1.0)
    return table.votes()


class _Ballot:
    """Votes for places, as they come in."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._columns: dict[Place, Array] = {}

    def add(self, place: Place, voters: npt.NDArray[np.intp], weight: float) -> None:
        if len(voters):
            self._columns.setdefault(place, np.zeros(self._count))[voters] += weight

    def votes(self) -> Votes:
        places = tuple(sorted(self._columns, key=str))
        keys = [_kind(place) for place in places]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        counts = np.stack([self._columns[p] for p in places], axis=1) if places else np.zeros((self._count, 0))
        return Votes(places, np.array([numbers[key] for key in keys], dtype=np.intp), counts)


def _place(leak: LeakType, name: str) -> Place:
    return Place(leak, _ONE_NAME.get(leak, name))


def _kind(place: Place) -> tuple[str | None, str]:
    """Give what tells the places of two breaches apart: their leak type, and for some their level."""
    level = _LEVEL.search(place.compartment or "") if place.leak_type in _BY_LEVEL else None
    return place.leak_type, level.group() if level else ""


def _names(host: Scene, index: int) -> tuple[str, Tissue]:
    if index < 0:
        return host.background.name, host.background
    return host.parts[index].name, host.parts[index].tissue


def _towards(canals: Sequence[Solid], points_lps: Array, ways_lps: Array) -> npt.NDArray[np.bool_]:
    """Say which ways lead towards a canal, shape (N,); where there is none, they count as such."""
    cosines = [-np.einsum("ij,ij->i", outward_normals(c, points_lps), ways_lps) for c in canals]
    return np.asarray(np.max(cosines, axis=0) >= _TOWARDS_CANAL) if cosines else np.ones(len(points_lps), dtype=bool)


def _leak(names: Sequence[str]) -> LeakType:
    for name in names:
        padded = f" {name.lower().replace('-', ' ')} "
        for words, leak in _LEAK_OF_WORDS.items():
            if f" {words} " in padded:
                return leak
    return "cortical"
