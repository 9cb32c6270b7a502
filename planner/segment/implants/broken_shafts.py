"""Screws, rods, stems and nails in two pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from planner.config.fault_config import FaultConfig
from planner.geometry.frames import Array, unit
from planner.geometry.rays import segment_distance_mm
from planner.model.implant import Implant
from planner.model.volume import Volume
from planner.segment.implants.metal import Metal
from planner.segment.implants.own_level import own_level_hu
from planner.segment.implants.shaft_walk import STEP_MM, Parting, ShaftWalk, greatest_step, partings, walk
from planner.segment.unwrap import sampler_round

_SECTION_SHARE = 1.8
"""Radius of a section over the shaft's own: a piece that lies a radius aside still shows."""
_BEYOND_MM = 25.0
"""A piece that was not told for itself is looked for so far beyond the ends of the one that was."""
_TULIP_TIMES, _PASSING_MM = 2.2, 2.0
"""Sections with so much more metal belong to a tulip; a shaft this near is another's."""
_LEAST_ASIDE_MM = 0.5
"""The middles of a whole screw's sections waver by up to 0.4 mm from one turn of the thread to the next."""
_USUAL_ROD_MM = 5.5
_BENT_MM, _INSIDE_MM = 25.0, 3.0
"""How far a bent rod may leave its chord, and where from its rounded end it is first looked at."""
_NECK_MM, _NOSE_MM = 4.0, 6.0
"""Beneath the tulip and at the nose a section's middle means little."""
_STEM_REACH_MM, _STEM_BEYOND_MM = 16.0, 40.0
_STEM_SKIP_MM, _STEM_WINDOW_MM = 2.5, 6.0
"""A blurred crack is 5 mm wide in slices of 2 mm; what is whole is told from 6 mm on both sides of it."""
_NAIL_NOTCH_SHARE = 0.1
"""The holes for locking screws take half of a nail's section; a break takes it all."""
_LEAST_STEM_MM2 = 20.0
"""A wire or a cable's cut ends hold less."""


@dataclass(frozen=True, slots=True, eq=False)
class BrokenShaft:
    """A shaft in two pieces.

    Parameters
    ----------
    implant_ids : tuple of str
        The pieces that were told, that with the head (a rod's upper end, a stem's shoulder) first.
    inner_id : str or None
        Which of them is the broken-off end; None where that is no implant of its own.
    parting : Parting
        Where, and how far the pieces stand apart.
    """

    implant_ids: tuple[str, ...]
    inner_id: str | None
    parting: Parting


def ends_lps(implant: Implant) -> tuple[Array, Array]:
    """Give head and tip of an implant with an axis, LPS mm."""
    if implant.axis is None:
        raise ValueError(f"{implant.id} has no axis")
    return np.asarray(implant.axis.head_lps), np.asarray(implant.axis.tip_lps)


def broken_screws(
    implants: Sequence[Implant], *, metal: Metal, volume: Volume, config: FaultConfig
) -> tuple[BrokenShaft, ...]:
    """Find screws in two pieces, told as two implants or as one.

    Parameters
    ----------
    implants : sequence of Implant
        What was found.
    metal : Metal
        All metal.
    volume : Volume
        The original CT.
    config : FaultConfig
        The limits.

    Returns
    -------
    tuple of BrokenShaft
        Not those that broke inside the tulip or at the last turn of the thread: neither shows.
    """
    screws = [i for i in implants if i.kind in ("pedicle_screw", "cup_screw") and _has_length(i)]
    found = list(screw_pairs(screws, config))
    paired = {name for broken in found for name in broken.implant_ids}
    for screw in screws:
        if screw.id not in paired:
            found += _parted_screw(screw, implants, metal, volume, config)
    return tuple(found)


def screw_pairs(screws: Sequence[Implant], config: FaultConfig) -> Iterator[BrokenShaft]:
    """Find screws that are each other's continuation.

    Parameters
    ----------
    screws : sequence of Implant
        Pedicle and cup screws with an axis.
    config : FaultConfig
        How far pieces of one screw stand apart.

    Yields
    ------
    BrokenShaft
    """
    for outer in screws:
        for inner in screws:
            if outer is inner or outer.kind != inner.kind:
                continue
            parting = _continued(ends_lps(outer), ends_lps(inner), config)
            if parting is not None:
                yield BrokenShaft((outer.id, inner.id), inner.id, parting)


def _has_length(implant: Implant) -> bool:
    return implant.axis is not None and implant.axis.length_mm > 1.0


def _continued(outer: tuple[Array, Array], inner: tuple[Array, Array], config: FaultConfig) -> Parting | None:
    way, other = unit(outer[1] - outer[0]), unit(inner[1] - inner[0])
    between = inner[0] - outer[1]
    along = float(between @ way)
    aside = float(np.linalg.norm(between - along * way))
    # The blur of both ends may take a short gap away, and more.
    in_line = -config.flank_mm <= along <= config.longest_gap_mm and aside <= config.most_aside_mm
    if not in_line or float(way @ other) < np.cos(np.radians(config.most_bend_deg)):
        return None
    length = float(np.linalg.norm(outer[1] - outer[0]))
    return Parting(outer[1] + between / 2, length, max(0.0, along), aside)


def _parted_screw(
    screw: Implant, implants: Sequence[Implant], metal: Metal, volume: Volume, config: FaultConfig
) -> Iterator[BrokenShaft]:
    head, tip = ends_lps(screw)
    assert screw.axis is not None
    length, way = screw.axis.length_mm, unit(tip - head)
    radius = (screw.axis.diameter_mm or 5.0) / 2
    start, stop = head - _BEYOND_MM * way, tip + _BEYOND_MM * way
    reach = _SECTION_SHARE * radius
    sampler = sampler_round(volume.hu, volume.grid, np.stack([start, stop]), margin_mm=reach + 2)
    seen = walk(sampler, start, stop, reach_mm=reach, level_hu=own_level_hu(screw, metal=metal, volume=volume))
    t = seen.along_mm - _BEYOND_MM
    own = (t > 0.25 * length) & (t < 0.75 * length)
    whole = float(np.median(seen.area_mm2[own]))
    if whole <= 0:
        return
    kept = _until_others(seen, t, whole, length, _others(screw, implants), radius)
    mine = _cut(seen, kept)
    apart = partings(
        mine,
        whole_mm2=whole,
        notch_share=config.notch_share,
        flank_mm=config.flank_mm,
        longest_gap_mm=config.longest_gap_mm,
    )
    parting = next((p for p in apart if _is_apart(p, config)), None)
    # a cup screw's head lies askew in its shell: its first sections step aside where it is whole
    if parting is None and screw.kind == "pedicle_screw":
        inside = slice(int(np.searchsorted(t, _NECK_MM)), int(np.searchsorted(t, length - _NOSE_MM)))
        step = greatest_step(_cut(seen, inside), window_mm=config.flank_mm)
        parting = step if step is not None and step.aside_mm > config.step_mm else None
    if parting is not None:
        is_inner = parting.along_mm - _BEYOND_MM < 0.25 * length
        yield BrokenShaft((screw.id,), screw.id if is_inner else None, parting)


def _is_apart(parting: Parting, config: FaultConfig) -> bool:
    """One thin section is noise; a gap, or a piece beside the line, is not."""
    shows = parting.gap_mm > STEP_MM or parting.aside_mm > _LEAST_ASIDE_MM
    return shows and parting.aside_mm <= config.most_aside_mm


def _others(screw: Implant, implants: Sequence[Implant]) -> list[tuple[Array, Array]]:
    """Give the stretches of other shafts: a rod that crosses behind a screw is no piece of it."""
    found = []
    for other in implants:
        if other.id == screw.id or other.kind not in ("pedicle_screw", "cup_screw", "rod") or not _has_length(other):
            continue
        points = [np.asarray(p) for p in other.course_lps] or list(ends_lps(other))
        found += list(pairwise(points))
    return found


def _until_others(
    seen: ShaftWalk, t: Array, whole: float, length: float, others: list[tuple[Array, Array]], radius: float
) -> slice:
    """Keep the sections from the tulip's floor to where the next implant comes near."""
    foreign = seen.area_mm2 > _TULIP_TIMES * whole
    for start, stop in others:
        foreign |= segment_distance_mm(seen.middle_lps, start, stop) < radius + _PASSING_MM
    before = np.flatnonzero(foreign & (t < 0.25 * length))
    after = np.flatnonzero(foreign & (t > 0.75 * length))
    return slice(int(before[-1]) + 1 if len(before) else 0, int(after[0]) if len(after) else len(t))


def _cut(seen: ShaftWalk, kept: slice) -> ShaftWalk:
    return ShaftWalk(
        seen.along_mm[kept], seen.area_mm2[kept], seen.middle_lps[kept], seen.aside_mm[kept], seen.core_hu[kept]
    )


def rod_diameter_mm(rod: Implant) -> float:
    """Give a rod's diameter, mm; a usual rod's where it was not measured."""
    return _USUAL_ROD_MM if rod.axis is None or rod.axis.diameter_mm is None else rod.axis.diameter_mm


def rod_length_mm(rod: Implant) -> float:
    """Give the distance between a rod's ends, mm."""
    head, tip = ends_lps(rod)
    return float(np.linalg.norm(tip - head))


def walk_rod(rod: Implant, *, metal: Metal, volume: Volume) -> ShaftWalk:
    """Follow a rod from beyond its upper to beyond its lower end.

    Parameters
    ----------
    rod : Implant
        With an axis.
    metal : Metal
        All metal.
    volume : Volume
        The original CT.

    Returns
    -------
    ShaftWalk
    """
    head, tip = ends_lps(rod)
    way, radius = unit(tip - head), rod_diameter_mm(rod) / 2
    reach = _SECTION_SHARE * radius
    start, stop = head - _BEYOND_MM * way, tip + _BEYOND_MM * way
    # A bent rod leaves its chord by more than a centimetre.
    sampler = sampler_round(volume.hu, volume.grid, np.stack([start, stop]), margin_mm=reach + _BENT_MM)
    # At its upper end it lies bare and on its chord; from there it is followed both ways.
    middle = head + min(_INSIDE_MM, 0.5 * rod_length_mm(rod)) * way
    level = own_level_hu(rod, metal=metal, volume=volume)
    halves = [
        walk(sampler, middle, end, reach_mm=reach, level_hu=level, bent_mm2=np.pi * radius**2) for end in (start, stop)
    ]
    up, down = halves
    half = float(np.linalg.norm(middle - start))
    return ShaftWalk(
        np.concatenate([half - up.along_mm[::-1], half + down.along_mm[1:]]),
        np.concatenate([up.area_mm2[::-1], down.area_mm2[1:]]),
        np.concatenate([up.middle_lps[::-1], down.middle_lps[1:]]),
        np.concatenate([up.aside_mm[::-1], down.aside_mm[1:]]),
        np.concatenate([up.core_hu[::-1], down.core_hu[1:]]),
    )


def broken_rods(
    implants: Sequence[Implant], *, metal: Metal, volume: Volume, config: FaultConfig
) -> tuple[BrokenShaft, ...]:
    """Find rods in two pieces, told as two implants or as one.

    Parameters
    ----------
    implants : sequence of Implant
        What was found.
    metal : Metal
        All metal.
    volume : Volume
        The original CT.
    config : FaultConfig
        The limits.

    Returns
    -------
    tuple of BrokenShaft
        Not those that broke within a tulip, which hides it.
    """
    rods = [i for i in implants if i.kind == "rod" and _has_length(i) and rod_diameter_mm(i) >= config.thinnest_rod_mm]
    found: list[BrokenShaft] = []
    for rod in rods:
        seen = walk_rod(rod, metal=metal, volume=volume)
        for parting in partings(
            seen,
            whole_mm2=float(np.pi * rod_diameter_mm(rod) ** 2 / 4),
            notch_share=config.notch_share,
            flank_mm=config.flank_mm,
            longest_gap_mm=config.longest_gap_mm,
        ):
            if not _is_apart(parting, config):
                continue
            if any(np.linalg.norm(parting.where_lps - f.parting.where_lps) < config.longest_gap_mm for f in found):
                continue
            other = next((r for r in rods if r is not rod and _reaches(r, parting, config)), None)
            names = sorted((rod, *(() if other is None else (other,))), key=lambda r: -r.centroid_lps[2])
            found.append(BrokenShaft(tuple(r.id for r in names), None, parting))
    return tuple(found)


def _reaches(rod: Implant, parting: Parting, config: FaultConfig) -> bool:
    return float(segment_distance_mm(parting.where_lps, *ends_lps(rod))) < config.longest_gap_mm


def broken_stems(
    implants: Sequence[Implant], *, metal: Metal, volume: Volume, config: FaultConfig
) -> tuple[BrokenShaft, ...]:
    """Find stems and nails in two pieces.

    Parameters
    ----------
    implants : sequence of Implant
        What was found.
    metal : Metal
        All metal.
    volume : Volume
        The original CT.
    config : FaultConfig
        The limits.

    Returns
    -------
    tuple of BrokenShaft
    """
    found = []
    for stem in implants:
        if stem.kind not in ("femoral_stem", "nail") or not _has_length(stem):
            continue
        head, tip = ends_lps(stem)
        way = unit(tip - head)
        stop = tip + _STEM_BEYOND_MM * way
        sampler = sampler_round(volume.hu, volume.grid, np.stack([head, stop]), margin_mm=_STEM_REACH_MM + 2)
        level = own_level_hu(stem, metal=metal, volume=volume)
        seen = walk(sampler, head, stop, reach_mm=_STEM_REACH_MM, level_hu=level)
        limits = (config.stem_notch_share, config.stem_dip_share)
        parting = _stem_parting(seen, *(limits if stem.kind == "femoral_stem" else (_NAIL_NOTCH_SHARE, 0.0)))
        if parting is not None:
            found.append(BrokenShaft((stem.id,), None, parting))
    return tuple(found)


def _stem_parting(seen: ShaftWalk, notch_share: float, dip_share: float) -> Parting | None:
    """Find the deepest notch in a shaft that tapers, or the deepest dip of its HU: a crack of a millimetre is no notch.

    A dip shows in unclipped metal alone.
    """
    skip, count = round(_STEM_SKIP_MM / STEP_MM), round(_STEM_WINDOW_MM / STEP_MM)
    best, place = 1.0, None
    for n in range(skip + count, len(seen.along_mm) - skip - count):
        beside = (slice(n - skip - count, n - skip), slice(n + skip, n + skip + count))
        area = min(float(np.quantile(seen.area_mm2[b], 0.2)) for b in beside)
        if area < _LEAST_STEM_MM2:
            continue
        core = min(float(np.quantile(seen.core_hu[b], 0.2)) for b in beside)
        lack = min(_over(seen.area_mm2[n] / area, notch_share), _over(seen.core_hu[n] / core, dip_share))
        if lack < best:
            best, place = lack, n
    if place is None:
        return None
    before, after = (
        np.median(seen.aside_mm[b], axis=0)
        for b in (slice(place - skip - count, place - skip), slice(place + skip, place + skip + count))
    )
    gap = STEP_MM * float(np.count_nonzero(seen.area_mm2[place - count : place + count] == 0))
    return Parting(seen.middle_lps[place], float(seen.along_mm[place]), gap, float(np.hypot(*(after - before))))


def _over(share: float, limit: float) -> float:
    return share / limit if limit > 0 else 1.0
