"""Where the wall of a gap is open or too thin, and what lies behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.spatial import cKDTree

from planner.config.breach_config import BreachConfig
from planner.geometry.frames import Array, point_tuple, unit
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.breach import Breach, BreachSeverity, LeakType, LiteratureType
from planner.model.implant import Implant
from planner.progress import SILENT, Monitor, track
from planner.safety.compartments import behind_wall
from planner.safety.walls import Wall, measure_wall
from planner.safety.watch import WatchScene
from planner.segment.anatomy.endplates import VertebralBody
from planner.segment.trust import TrustMap

Indices = npt.NDArray[np.intp]
_CONNECTED_MM = 1.2
"""Places of a wall so near to each other hang together: they stand some 0.4 mm apart."""
_SCREWS = frozenset(("pedicle_screw", "cup_screw"))
_WEAKEST = 0.1
"""Of a thin wall's area, what may be thinner than the thickness that is told (ours)."""
_LITERATURE: dict[LeakType, LiteratureType] = {
    "cortical": "C", "canal": "C", "foramen": "C", "joint": "C", "disc": "D",
}  # fmt: skip
"""PMC8449924: through a defect of the cortex, wherever that leads; through the endplate."""

_WORDS: dict[LeakType, str] = {
    "cortical": "soft tissue",
    "canal": "spinal canal",
    "foramen": "intervertebral foramen",
    "disc": "disc",
    "joint": "joint space",
    "screw_tract": "the screw's own tract",
}
_AT_WAIST = "soft tissue at the body's waist, where segmental vessels may run"


@dataclass(frozen=True, slots=True, eq=False)
class BreachPatch:
    """A breach, and where it is.

    Parameters
    ----------
    breach : Breach
        The plan's record.
    points_lps : ndarray, shape (M, 3)
        Places of the gap's wall, LPS mm.
    way_out_lps : ndarray, shape (M, 3)
        Where the ways out of them leave the bone.
    """

    breach: Breach
    points_lps: Array
    way_out_lps: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Patch:
    places: Indices
    leak: LeakType
    compartment: str
    severity: BreachSeverity
    area_mm2: float


def find_breaches(
    anatomy: Anatomy,
    *,
    config: BreachConfig,
    watch: WatchScene,
    trust: TrustMap | None = None,
    bodies: Sequence[VertebralBody] = (),
    cortex_hu: float | None = None,
    monitor: Monitor = SILENT,
) -> tuple[BreachPatch, ...]:
    """Find the places where cement would leave the gaps.

    Parameters
    ----------
    anatomy : Anatomy
        CT, gaps, bone envelope, metal and compartments.
    config : BreachConfig
        What counts as a breach.
    watch : WatchScene
        Finds the view from which a leak is seen; made from the same anatomy.
    trust : TrustMap or None
        What metal artefacts add, and what they leave readable.
    bodies : sequence of VertebralBody
        Vertebral bodies, round whose waists vessels run.
    cortex_hu : float or None
        What cortex reads without blur, as this scan tells it; None: as the settings say.
    monitor : Monitor
        Who is following the work.

    Returns
    -------
    tuple of BreachPatch
        Gap by gap, open ones first, the largest first. `reached` and `leak_after_ml` are None: no cement has flowed.

    Raises
    ------
    CancelledError
        If the monitor asks to stop.
    """
    found: list[BreachPatch] = []
    for gap in track(anatomy.gaps, stage="finding breaches", monitor=monitor):
        wall = measure_wall(anatomy, gap, config=config, trust=trust, cortex_hu=cortex_hu)
        for patch in _patches(anatomy, gap, wall, bodies, config=config):
            centre, outward = _middle(wall, patch.places)
            at = patch.places
            trust_here = _mean_trust(wall, at)
            is_read = trust_here is None or trust_here >= config.least_trust
            breach = Breach(
                id=f"breach-{len(found) + 1}",
                gap_id=gap.id,
                leak_type=patch.leak,
                severity=patch.severity,
                barrier_mm=_barrier_mm(wall, patch) if is_read else None,
                area_mm2=patch.area_mm2,
                centroid_lps=point_tuple(centre),
                outward_lps=point_tuple(outward),
                reached=None,
                leak_after_ml=None,
                watch_view=watch.view(centre, outward),
                literature_type=_LITERATURE.get(patch.leak),
                compartment=patch.compartment,
                barrier_hu=_barrier_hu(wall, patch) if is_read else None,
                neck_mm=_neck_mm(wall, patch),
                trust=trust_here,
            )
            found.append(BreachPatch(breach, wall.surface.points_lps[at], wall.way_out_lps[at]))
    return tuple(found)


def _barrier_mm(wall: Wall, patch: _Patch) -> float:
    """Give the thickness that no more than a tenth of a thin wall falls short of: single places are noise."""
    read = wall.barrier_mm[patch.places]
    if patch.severity == "open":
        return float(read.min())
    order = np.argsort(read)
    share = np.cumsum(wall.surface.area_mm2[patch.places][order])
    return float(read[order[int(np.searchsorted(share, _WEAKEST * share[-1]))]])


def _barrier_hu(wall: Wall, patch: _Patch) -> float | None:
    """Give the middle of the wall's brightest readings; None where it is open."""
    read = wall.barrier_hu[patch.places]
    known = read[np.isfinite(read)]
    return float(np.median(known)) if patch.severity == "thin" and len(known) else None


def _neck_mm(wall: Wall, patch: _Patch) -> float | None:
    """Give how wide a ball leaves by an open patch: twice how far its inmost place lies from the rest."""
    rest = np.ones(len(wall), dtype=bool)
    rest[patch.places] = False
    if patch.severity != "open" or not rest.any():
        return None
    far, _ = cKDTree(wall.surface.points_lps[rest]).query(wall.surface.points_lps[patch.places])
    return float(2.0 * far.max())


def _mean_trust(wall: Wall, at: Indices) -> float | None:
    trust = wall.trust[at]
    return None if np.isnan(trust).any() else float(np.clip(trust.mean(), 0.0, 1.0))


def _patches(
    anatomy: Anatomy, gap: GapSpace, wall: Wall, bodies: Sequence[VertebralBody], *, config: BreachConfig
) -> list[_Patch]:
    """Group the weak places by what lies behind them into patches that hang together, open ones first."""
    weak = np.flatnonzero(wall.barrier_mm <= config.thin_mm)
    if not len(weak):
        return []
    behind = behind_wall(anatomy, wall, weak, config=config, bodies=bodies)
    implant = anatomy.implant(gap.implant_id)
    opened: list[_Patch] = []
    thin: list[_Patch] = []
    for leak in behind.names:
        for part in _connected(wall.surface.points_lps, weak[behind.of(leak)]):
            named, words = leak, _words(wall, part, weak[behind.at_vessels], leak)
            if leak == "cortical" and _is_tract(wall.surface.points_lps[part], implant, config):
                named, words = "screw_tract", _WORDS["screw_tract"]
            if named == "screw_tract" and not config.include_screw_tract:
                continue
            open_part = part[wall.barrier_mm[part] <= config.open_mm]
            open_mm2, area_mm2 = (float(wall.surface.area_mm2[p].sum()) for p in (open_part, part))
            if open_mm2 >= config.min_open_mm2:
                opened.append(_Patch(open_part, named, words, "open", open_mm2))
            elif area_mm2 >= config.min_thin_mm2:
                thin.append(_Patch(part, named, words, "thin", area_mm2))
    thin = [p for p in thin if not _is_rim(wall, p, opened, config=config)]
    return [*sorted(opened, key=lambda p: -p.area_mm2), *sorted(thin, key=lambda p: -p.area_mm2)]


def _connected(points_lps: Array, chosen: Indices) -> list[Indices]:
    if not len(chosen):
        return []
    pairs = cKDTree(points_lps[chosen]).query_pairs(_CONNECTED_MM, output_type="ndarray")
    graph = sparse.coo_array((np.ones(len(pairs)), pairs.T), shape=(len(chosen), len(chosen)))
    count, labels = sparse.csgraph.connected_components(graph, directed=False)
    return [chosen[labels == k] for k in range(count)]


def _is_rim(wall: Wall, patch: _Patch, opened: list[_Patch], *, config: BreachConfig) -> bool:
    """Say whether a thin wall is the rim of an open patch that leads to the same place."""
    own = cKDTree(wall.surface.points_lps[patch.places])
    same = [p for p in opened if p.leak == patch.leak]
    return any(own.query(wall.surface.points_lps[p.places])[0].min() <= config.rim_mm for p in same)


def _middle(wall: Wall, at: Indices) -> tuple[Array, Array]:
    """Give the place nearest to a patch's middle, and the mean direction out of it."""
    points, weight = wall.surface.points_lps[at], wall.surface.area_mm2[at]
    middle = np.average(points, axis=0, weights=weight)
    centre = points[int(np.argmin(np.linalg.norm(points - middle, axis=1)))]
    mean = np.average(wall.direction_lps[at], axis=0, weights=weight)
    if np.linalg.norm(mean) < 1e-6:
        mean = wall.direction_lps[at[0]]
    return centre, unit(mean)


def _words(wall: Wall, part: Indices, at_vessels: Indices, leak: LeakType) -> str:
    """Say what lies behind; most of an opening at a body's waist: vessels may, for CT does not show them there."""
    if leak != "cortical":
        return _WORDS[leak]
    area = wall.surface.area_mm2
    beside = area[part[np.isin(part, at_vessels)]].sum()
    return _AT_WAIST if beside > 0.5 * area[part].sum() else _WORDS[leak]


def _is_tract(points_lps: Array, implant: Implant | None, config: BreachConfig) -> bool:
    """Say whether a patch lies where a screw itself enters the bone."""
    if implant is None or implant.kind not in _SCREWS or implant.axis is None:
        return False
    head, tip = np.array(implant.axis.head_lps), np.array(implant.axis.tip_lps)
    along = (points_lps - head) @ unit(tip - head)
    return bool(np.median(along) <= config.tract_mm)
