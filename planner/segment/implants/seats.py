"""How screws sit: whether a rod lies in each tulip, and whether a head stands farther out than its fellows'."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from planner.config.fault_config import FaultConfig
from planner.geometry.frames import Array, unit
from planner.model.implant import Implant
from planner.model.volume import Volume
from planner.segment.anatomy.canal import Canal
from planner.segment.implants.broken_shafts import ends_lps, rod_diameter_mm, walk_rod
from planner.segment.implants.metal import Metal
from planner.segment.implants.own_level import own_level_hu
from planner.segment.unwrap import sampler_round

_STEP_MM = 0.25
_SEAT_MM = (5.0, 12.0)
"""A rod's middle lies so far behind the head in its tulip; 8 mm in a usual one (ours)."""
_SEAT_REACH_MM = 2.0
"""A slot is 5.5 mm wide: an empty one has no metal so near to its middle."""
_LEAST_FELLOWS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """How far a screw stands off something.

    Parameters
    ----------
    screw : Implant
        Which.
    where_lps : ndarray, shape (3,)
        Its head.
    distance_mm : float
        What was measured.
    usual_mm : float
        The same of its fellows.
    """

    screw: Implant
    where_lps: Array
    distance_mm: float
    usual_mm: float

    @property
    def over_mm(self) -> float:
        """How much farther than its fellows."""
        return self.distance_mm - self.usual_mm


def out_of_rod(
    implants: Sequence[Implant], *, broken_off: Collection[str], metal: Metal, volume: Volume, config: FaultConfig
) -> tuple[Stand, ...]:
    """Find the screws whose tulips hold no rod.

    Parameters
    ----------
    implants : sequence of Implant
        What was found.
    broken_off : collection of str
        Ids of broken-off ends, which have no tulip.
    metal : Metal
        All metal.
    volume : Volume
        The original CT.
    config : FaultConfig
        The limits.

    Returns
    -------
    tuple of Stand
        Distance of the head from the nearest rod's middle. A tulip whose slot is filled with metal holds a rod, though
        none was told there; none is found where no two screws show how far the rod lies behind a head.
    """
    rods = [
        rod
        for rod in implants
        if rod.kind == "rod" and rod.axis is not None and rod_diameter_mm(rod) >= config.thinnest_rod_mm
    ]
    paths = [path for path in (_bare_path(rod, metal, volume) for rod in rods) if len(path)]
    screws = [
        s for s in implants if s.kind == "pedicle_screw" and s.axis is not None and s.id not in broken_off and paths
    ]
    off = [min(float(np.linalg.norm(path - ends_lps(s)[0], axis=1).min()) for path in paths) for s in screws]
    found = []
    for number, (screw, distance) in enumerate(zip(screws, off, strict=True)):
        fellows = [d for n, d in enumerate(off) if n != number and d < config.rod_in_reach_mm]
        if len(fellows) < _LEAST_FELLOWS:
            continue
        stand = Stand(screw, ends_lps(screw)[0], distance, float(np.median(fellows)))
        is_out = config.off_rod_mm < stand.over_mm and distance < config.rod_in_reach_mm
        if is_out and not _slot_is_filled(screw, metal, volume):
            found.append(stand)
    return tuple(found)


def _bare_path(rod: Implant, metal: Metal, volume: Volume) -> Array:
    """Give the points of a rod's middle, as far as there is metal; none where streaks hide it."""
    seen = walk_rod(rod, metal=metal, volume=volume)
    return seen.middle_lps[seen.area_mm2 > 0.3 * np.pi * rod_diameter_mm(rod) ** 2 / 4]


def _slot_is_filled(screw: Implant, metal: Metal, volume: Volume) -> bool:
    """Whether some place on the way back from the head, where a rod would lie, is solid metal."""
    head, tip = ends_lps(screw)
    back = unit(head - tip)
    # The tulip swivels towards straight back.
    half = unit(back + np.array([0.0, 1.0, 0.0]))
    ball = np.stack(np.meshgrid(*[np.arange(-_SEAT_REACH_MM, _SEAT_REACH_MM + 0.1, 0.5)] * 3, indexing="ij"), axis=-1)
    ball = ball.reshape(-1, 3)
    ball = ball[np.linalg.norm(ball, axis=1) <= _SEAT_REACH_MM]
    sampler = sampler_round(volume.hu, volume.grid, head[None], margin_mm=_SEAT_MM[1] + _SEAT_REACH_MM + 2)
    level = own_level_hu(screw, metal=metal, volume=volume)
    for way in (back, half):
        for t in np.arange(*_SEAT_MM, 1.0):
            if float(np.mean(sampler.at(head + t * way + ball) > level)) > 0.9:
                return True
    return False


def behind_canal_mm(screw: Implant, canal: Canal) -> float | None:
    """Measure how far a screw's head lies behind the middle of the spinal canal, along the screw.

    Parameters
    ----------
    screw : Implant
        With an axis.
    canal : Canal
        The spinal canal.

    Returns
    -------
    float or None
        None where the screw does not pass beside the known canal.
    """
    head, tip = ends_lps(screw)
    way, line = unit(tip - head), canal.centre_lps
    points = head + np.arange(0.0, float(np.linalg.norm(tip - head)), _STEP_MM)[:, None] * way
    known = (points[:, 2] >= line[0, 2]) & (points[:, 2] <= line[-1, 2])
    ahead = points[:, 1] <= np.interp(points[:, 2], line[:, 2], line[:, 1])
    crossing = np.flatnonzero(known & ahead)
    if not len(crossing) or not known[0] or ahead[0]:
        return None
    return float(crossing[0] * _STEP_MM)


def standing_out(
    implants: Sequence[Implant], *, broken_off: Collection[str], canal: Canal | None, config: FaultConfig
) -> tuple[Stand, ...]:
    """Find the screws whose heads stand farther behind the canal than their opposite numbers' do.

    Parameters
    ----------
    implants : sequence of Implant
        What was found.
    broken_off : collection of str
        Ids of broken-off ends.
    canal : Canal or None
        The spinal canal; None where it is not known, and nothing is found.
    config : FaultConfig
        The limits.

    Returns
    -------
    tuple of Stand
        Of a screw without an opposite number, against the one of all that stands farthest out.

    Notes
    -----
    Both pedicles of a vertebra are mirror images, so that two screws put in alike stand alike; metal and canal show
    through artefacts in which neither the bone beneath a tulip nor an empty track before a tip can be read. One scan
    cannot tell a screw that has moved from one that was left proud.
    """
    if canal is None:
        return ()
    depths = []
    for screw in implants:
        if screw.kind == "pedicle_screw" and screw.axis is not None and screw.id not in broken_off:
            depth = behind_canal_mm(screw, canal)
            if depth is not None:
                depths.append((screw, depth))
    found = []
    for screw, depth in depths:
        others = [(s, d) for s, d in depths if s is not screw]
        usual = _usual_mm(screw, others, config)
        if usual is None:
            continue
        stand = Stand(screw, ends_lps(screw)[0], depth, usual)
        over_all = depth - float(np.median([d for _, d in others]))
        if stand.over_mm > config.proud_mm and over_all > config.proud_of_all_mm:
            found.append(stand)
    return tuple(found)


def _usual_mm(screw: Implant, others: list[tuple[Implant, float]], config: FaultConfig) -> float | None:
    def middle(implant: Implant) -> float:
        return float(np.mean(ends_lps(implant), axis=0)[2])

    opposite = [
        (abs(middle(s) - middle(screw)), d)
        for s, d in others
        if s.side is not None and s.side != screw.side and abs(middle(s) - middle(screw)) < config.same_level_mm
    ]
    if opposite:
        return min(opposite)[1]
    return max(d for _, d in others) if len(others) >= _LEAST_FELLOWS + 1 else None
