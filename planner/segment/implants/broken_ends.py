"""Broken-off ends of screws: straight pieces of metal in line with a tulip whose screw ends too soon or is missing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.config.implant_config import ImplantConfig
from planner.geometry.frames import Array, unit
from planner.geometry.rays import segment_distance_mm
from planner.model.volume import Volume
from planner.segment.implants.metal import Metal
from planner.segment.implants.naming import may_be_stump
from planner.segment.implants.shafts import Brightness, Traced, trace
from planner.segment.implants.straight_runs import Line
from planner.segment.unwrap import Sampler, sampler_round

_SHORTEST_MM, _WIDEST_MM, _LEAST_SLENDERNESS = 8.0, 11.0, 1.3
"""A broken-off end that is looked for: shorter ones show too little of their line."""
_MARGIN_MM = 32.0
_BREAK_MM = 15.0
"""The other piece begins within so much: as `FaultConfig.longest_gap_mm`, a disc and two endplates."""
_STEP_MM = 0.25
_STUMP_MM = 8.0
"""So much of a stump is traced first. Ours."""
_ASIDE_MM = 2.5
"""A screw on whose line the piece lies passes this near to its end. Ours."""
_AS_LONG = 1.3
"""Both pieces and the gap together are no longer than so many times the longest other screw. Ours."""
_USUAL_MM = 55.0
"""Length of a screw where the scan holds no other one to compare with (makers' lists: 20-60 mm, iliac ones longer)."""


@dataclass(frozen=True, slots=True, eq=False)
class Stump:
    """What such a screw has left in its tulip, where nothing was told of it.

    Parameters
    ----------
    piece : int
        Number of the construct's piece in `Metal.pieces`.
    sampler : Sampler
        The CT round it.
    traced : Traced
        Its shaft.
    """

    piece: int
    sampler: Sampler
    traced: Traced


@dataclass(frozen=True, slots=True, eq=False)
class BrokenEnd:
    """A piece of a screw that lies apart from its tulip.

    Parameters
    ----------
    piece : int
        Its number in `Metal.pieces`.
    sampler : Sampler
        The CT round it.
    traced : Traced
        Its shaft.
    head_is_high : bool
        Which of its ends faces the tulip.
    stump : Stump or None
        The rest of the screw; None where it was told already, or is too short to be measured.
    """

    piece: int
    sampler: Sampler
    traced: Traced
    head_is_high: bool
    stump: Stump | None


def broken_ends(
    volume: Volume, metal: Metal, told: Sequence[tuple[int, Traced]], config: ImplantConfig
) -> tuple[BrokenEnd, ...]:
    """Find the pieces that broke off from screws.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    told : sequence of (int, Traced)
        The screws that were told, and the rods' stretches, each with the number of its piece.
    config : ImplantConfig
        What counts as a screw.

    Returns
    -------
    tuple of BrokenEnd
        Straight pieces of which nothing was told, as thick and round as screws, on whose line other metal with told
        shafts begins within a gap. Empty where that is a screw which would be too long with it, or no such metal is.
    """
    held = {number for number, _ in told}
    if not held:
        return ()
    found = []
    for number in range(1, len(metal.blocks) + 1):
        if number in held or (metal.starved and metal.starved[number - 1]):
            continue
        end = _end_of(volume, metal, number, told, config)
        if end is not None:
            found.append(end)
    return tuple(found)


def _end_of(
    volume: Volume, metal: Metal, number: int, told: Sequence[tuple[int, Traced]], config: ImplantConfig
) -> BrokenEnd | None:
    block = metal.blocks[number - 1]
    index = np.argwhere(metal.pieces[block] == number) + [b.start for b in block]
    points = np.asarray(volume.grid.to_lps(index))
    line = _long_axis(points)
    if line is None:
        return None
    sampler = sampler_round(volume.hu, volume.grid, points, margin_mm=_MARGIN_MM)
    traced = trace(sampler, line, _brightness(metal, number))
    if not _is_like_a_screw(traced, config):
        return None
    for at_high in (False, True):
        met = _metal_before(volume, metal, traced, at_high=at_high, own=number)
        if met is None or met.piece not in {n for n, _ in told}:
            continue
        screws = [s for _, s in told if s.joints < 2]
        before = next((s for s in screws if _passes(s, met.place_lps, met.way)), None)
        if before is None:
            return BrokenEnd(number, sampler, traced, at_high, _stump_of(volume, metal, met, config))
        others = [s.length_mm for s in screws if s is not before]
        if before.length_mm + met.gap_mm + traced.length_mm < _AS_LONG * max(others, default=_USUAL_MM):
            return BrokenEnd(number, sampler, traced, at_high, None)
    return None


def _brightness(metal: Metal, number: int) -> Brightness:
    plateau = metal.plateaus_hu[number - 1] if metal.plateaus_hu else metal.plateau_hu
    return Brightness(metal.piece_level_hu(number), plateau, metal.hides(number), metal.clipped_at_hu)


def _long_axis(points: Array) -> Line | None:
    """Give the long axis of a piece of metal; None for what is no pin."""
    if len(points) < 12:
        return None
    middle = points.mean(axis=0)
    axes = np.linalg.svd(points - middle, full_matrices=False)[2]
    along = (points - middle) @ axes.T
    length, *across = np.ptp(along, axis=0)
    if length < _SHORTEST_MM or max(across) > _WIDEST_MM or length < _LEAST_SLENDERNESS * max(across):
        return None
    return Line(middle, axes[0], float(along[:, 0].min()), float(along[:, 0].max()))


def _is_like_a_screw(traced: Traced, config: ImplantConfig) -> bool:
    return (
        config.least_screw_radius_mm < traced.radius_mm < config.greatest_screw_radius_mm
        and _SHORTEST_MM <= traced.length_mm <= config.longest_screw_mm
        and traced.joints == 0
        and traced.out_of_round < config.roundness
        and traced.thread_mm > config.thread_mm
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Met:
    """Where the line of a piece meets other metal."""

    place_lps: Array
    way: Array
    gap_mm: float
    piece: int


def _metal_before(volume: Volume, metal: Metal, traced: Traced, *, at_high: bool, own: int) -> _Met | None:
    """Look along a piece's line, beyond one of its ends, for other metal within a gap."""
    end, way = traced.end_lps(1 if at_high else 0), (1.0 if at_high else -1.0) * traced.line.direction
    t = np.arange(_STEP_MM, _BREAK_MM, _STEP_MM)
    index = np.rint(np.asarray(volume.grid.to_index(end + t[:, None] * way))).astype(int)
    inside = np.all((index >= 0) & (index < volume.grid.shape), axis=1)
    number = np.zeros(len(t), dtype=np.int64)
    number[inside] = metal.pieces[tuple(index[inside].T)]
    met = np.flatnonzero((number > 0) & (number != own))
    if not len(met):
        return None
    gap = float(t[met[0]])
    return _Met(end + gap * way, way, gap, int(number[met[0]]))


def _stump_of(volume: Volume, metal: Metal, met: _Met, config: ImplantConfig) -> Stump | None:
    """Trace the shaft between the place where the line meets metal and the tulip; None for the tulip itself."""
    ends = np.stack([met.place_lps, met.place_lps + _STUMP_MM * met.way])
    sampler = sampler_round(volume.hu, volume.grid, ends, margin_mm=_MARGIN_MM)
    traced = trace(sampler, Line(met.place_lps, met.way, 0.0, _STUMP_MM), _brightness(metal, met.piece))
    if not may_be_stump(traced, config) or not _passes(traced, met.place_lps, met.way):
        return None
    return Stump(met.piece, sampler, traced)


def _passes(screw: Traced, place: Array, way: Array) -> bool:
    """Whether a screw's shaft lies where the line meets metal, and along that line."""
    off = float(segment_distance_mm(place, screw.end_lps(0), screw.end_lps(1)))
    turn = abs(float(unit(screw.line.direction) @ way))
    return off < screw.radius_mm + _ASIDE_MM and turn > np.cos(np.radians(25.0))
