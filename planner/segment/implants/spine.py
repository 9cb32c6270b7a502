"""Screws and rods: the public step that finds them, and what goes into the plan of them."""

from dataclasses import dataclass

import edt
import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from planner.config.implant_config import ImplantConfig, ShaftSearchConfig
from planner.geometry.frames import Array
from planner.geometry.rays import segment_distance_mm
from planner.model.volume import Volume
from planner.progress import SILENT, Monitor, track
from planner.segment.implants.groups import PieceGroup, piece_group, pieces_searched
from planner.segment.implants.metal import Metal
from planner.segment.implants.naming import head_is_high, is_stump, name_shafts, same_shaft
from planner.segment.implants.parts import ImplantPart, implant_parts
from planner.segment.implants.rods import RodCourse, rod_courses
from planner.segment.implants.screw_ends import neck_mm, tip_mm
from planner.segment.implants.shaft import Shaft, numbered, sides
from planner.segment.implants.shafts import Brightness, Edge, Traced, trace
from planner.segment.implants.straight_runs import straight_runs
from planner.segment.implants.threads import Thread, measure_thread, rod_blur_mm
from planner.segment.unwrap import Sampler, sampler_round

__all__ = ["ImplantPart", "Shaft", "implant_parts", "segment_screws", "segment_shafts", "sides"]

_MARGIN_MM = 32.0
"""How far shafts are followed beyond the metal's voxels."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A screw or a rod before it is measured."""

    piece: int
    sampler: Sampler
    traced: Traced
    rod: RodCourse | None


def segment_shafts(
    volume: Volume,
    metal: Metal,
    config: ImplantConfig,
    *,
    search: ShaftSearchConfig | None = None,
    midline_x_mm: float | None = None,
    monitor: Monitor = SILENT,
) -> tuple[Shaft, ...]:
    """Find the screws and rods in the metal.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    config : ImplantConfig
        What counts as a screw or a rod.
    search : ShaftSearchConfig or None
        How shafts are looked for; None for the defaults.
    midline_x_mm : float or None
        LPS x of the canal's middle; None to tell sides from the screws alone.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    tuple of Shaft
        Screws first. Metal that is neither is not in it.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    volume.grid.require_same(metal.mask.grid)
    found: list[_Found] = []
    for numbers in track(pieces_searched(metal), stage="finding screws and rods", monitor=monitor):
        group = piece_group(volume, metal, numbers)
        found += _shafts_of_group(volume, metal, group, config, search or ShaftSearchConfig())
    sigma = _blur_mm(metal, found, config)
    shafts = [_measured(f, metal, sigma, config) for f in found]
    return numbered([s for s in shafts if s is not None], midline_x_mm)


def segment_screws(
    volume: Volume, metal: Metal, config: ImplantConfig, *, monitor: Monitor = SILENT
) -> tuple[Shaft, ...]:
    """Find the screws alone; see `segment_shafts`.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    config : ImplantConfig
        What counts as a screw.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    tuple of Shaft
    """
    found = segment_shafts(volume, metal, config, monitor=monitor)
    return tuple(s for s in found if s.kind == "pedicle_screw")


def _shafts_of_group(
    volume: Volume, metal: Metal, group: PieceGroup, config: ImplantConfig, search: ShaftSearchConfig
) -> list[_Found]:
    points = group.points_lps
    if not len(points) or _thickness_mm(group.voxels, volume.grid.spacing_mm) > config.thickest_mm:
        return []
    sampler = sampler_round(volume.hu, volume.grid, points, margin_mm=_MARGIN_MM)
    bright = Brightness(group.level_hu, group.plateau_hu, metal.is_clipped, metal.clipped_at_hu)
    traced: list[Traced] = []
    stumps: list[Traced] = []
    for line in straight_runs(points, shortest_mm=config.shortest_stump_mm, config=search):
        new = trace(sampler, line, bright)
        if new.length_mm < 0.5 * config.shortest_mm or any(same_shaft(new, old) for old in (*traced, *stumps)):
            continue
        (stumps if line.high - line.low < config.shortest_mm else traced).append(new)
    if _stray_share(points, traced) > config.stray_share:
        return []
    named = name_shafts(traced, config)
    rods = rod_courses(sampler, [n.traced for n in named if n.name == "rod"])
    screws = [_Found(group.numbers[0], sampler, n.traced, None) for n in named if n.name == "pedicle_screw"]
    if rods:
        screws += [_Found(group.numbers[0], sampler, t, None) for t in stumps if is_stump(t, config)]
    return [*screws, *(_Found(group.numbers[0], sampler, rod.traced, rod) for rod in rods)]


def _stray_share(points: Array, traced: list[Traced]) -> float:
    """Share of a piece that lies off its straight shafts and the tulips at their ends: much in cups and plates."""
    near = np.zeros(len(points), dtype=bool)
    for t in traced:
        start, stop = t.end_lps(0), t.end_lps(1)
        beyond = 14.0 * t.line.direction
        near |= segment_distance_mm(points, start - beyond, stop + beyond) < 9.0
    return float(1.0 - near.mean())


def _thickness_mm(mask: npt.NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> float:
    """Radius of the largest ball inside."""
    depth = edt.edt(np.pad(mask, 1).astype(np.uint8), anisotropy=spacing_mm, parallel=1)
    return float(depth.max())


def _blur_mm(metal: Metal, found: list[_Found], config: ImplantConfig) -> float:
    """Blur of the scan, from smooth rods, or from the screws where there is none."""
    runs = [(f, f.rod) for f in found if f.rod is not None and len(f.rod.free_lps) > 5]
    sigma = [_rod_fit(f, rod, metal, config)[1] for f, rod in runs]
    if not sigma:
        threads = [_thread(f, metal, None, config) for f in found if f.rod is None and not f.traced.is_blade]
        sigma = [thread.sigma_mm for thread in threads if thread is not None]
    return float(np.median(sigma)) if sigma else config.default_sigma_mm


def _expected_plateau_hu(found: _Found, metal: Metal, config: ImplantConfig) -> float:
    """Plateau to be expected where the scan hides it: starved slices tell heavy metal from titanium."""
    starved = found.traced.is_blade or (bool(metal.starved) and metal.starved[found.piece - 1])
    if metal.is_clipped and starved:
        return max(config.heavy_plateau_hu, found.traced.plateau_hu)
    return found.traced.plateau_hu


def _thread(found: _Found, metal: Metal, sigma_mm: float | None, config: ImplantConfig) -> Thread | None:
    return measure_thread(
        found.sampler,
        found.traced,
        head_is_high=head_is_high(found.traced),
        sigma_mm=sigma_mm,
        ceiling_hu=metal.clipped_at_hu,
        plateau_hu=_expected_plateau_hu(found, metal, config),
        config=config,
    )


def _rod_fit(found: _Found, rod: RodCourse, metal: Metal, config: ImplantConfig) -> tuple[float, float]:
    plateau = _expected_plateau_hu(found, metal, config)
    return rod_blur_mm(found.sampler, rod, ceiling_hu=metal.clipped_at_hu, plateau_hu=plateau, config=config)


def _measured(found: _Found, metal: Metal, sigma_mm: float, config: ImplantConfig) -> Shaft | None:
    shaft, rod = found.traced, found.rod
    if rod is not None:
        radius, _ = _rod_fit(found, rod, metal, config)
        head, tip = rod.course_lps[0], rod.course_lps[-1]
        outer = core = 2 * radius
    elif shaft.length_mm < config.shortest_stump_mm:
        return None
    else:
        thread = _thread(found, metal, sigma_mm, config)
        outer, core = (2 * shaft.radius_mm,) * 2 if thread is None else (thread.outer_mm, thread.core_mm)
        head, tip = _screw_ends(found, metal, sigma_mm)
    return Shaft(
        id="",
        kind="pedicle_screw" if rod is None else "rod",
        head_lps=head,
        tip_lps=tip,
        outer_mm=outer,
        core_mm=core,
        sigma_mm=sigma_mm,
        plateau_hu=shaft.plateau_hu,
        edge=_edge(metal, shaft, sigma_mm),
        has_tulip=shaft.joints > 0,
        side=None,
        piece=found.piece,
        course_lps=None if rod is None else rod.course_lps,
        is_cut=any(end.kind == "edge" for end in shaft.ends) if rod is None else rod.is_cut,
        expected_hu=_expected_plateau_hu(found, metal, config),
    )


def _screw_ends(found: _Found, metal: Metal, sigma_mm: float) -> tuple[Array, Array]:
    """Head and tip, each read by what its end is: a tulip, the end of the metal, or the edge of the scan."""
    shaft, high = found.traced, head_is_high(found.traced)

    def end(*, at_high: bool) -> Array:
        own = shaft.ends[1 if at_high else 0]
        if own.kind == "edge":
            return shaft.line.at(own.t_mm)
        if own.kind == "joint":
            return shaft.line.at(neck_mm(found.sampler, shaft, at_high=at_high))
        ceiling = metal.clipped_at_hu
        return shaft.line.at(tip_mm(found.sampler, shaft, at_high=at_high, sigma_mm=sigma_mm, ceiling_hu=ceiling))

    return end(at_high=high), end(at_high=not high)


def _edge(metal: Metal, shaft: Traced, sigma_mm: float) -> Edge:
    """Half maximum, or a lower share of titanium's plateau where that is clipped."""
    if not metal.is_clipped:
        return Edge(0.5 * shaft.plateau_hu, 0.0)
    return Edge(0.3 * metal.plateau_hu, -float(ndtri(0.3)) * sigma_mm)
