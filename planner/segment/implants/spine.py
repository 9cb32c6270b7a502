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
from planner.segment.implants.broken_ends import broken_ends
from planner.segment.implants.cut import is_at_padding
from planner.segment.implants.groups import PieceGroup, piece_group, pieces_searched
from planner.segment.implants.metal import Metal
from planner.segment.implants.naming import head_is_high, is_stump, name_shafts, same_shaft
from planner.segment.implants.parts import ImplantPart, implant_parts
from planner.segment.implants.rods import RodCourse, is_of_rod, rod_courses
from planner.segment.implants.screw_ends import neck_mm, tip_mm
from planner.segment.implants.shaft import Shaft, numbered, sides
from planner.segment.implants.shafts import RADII_MM, Brightness, Edge, Traced, radial_profiles, trace
from planner.segment.implants.short_rods import short_rods
from planner.segment.implants.straight_runs import straight_runs
from planner.segment.implants.threads import Thread, measure_thread, rod_blur_mm
from planner.segment.unwrap import Sampler, sampler_round

__all__ = ["ImplantPart", "Shaft", "implant_parts", "segment_screws", "segment_shafts", "sides"]

_MARGIN_MM = 32.0
"""How far shafts are followed beyond the metal's voxels."""
_AT_PADDING_MM = 2.0
"""An end this near to padding is cut by it: a blunt end of metal is read up to 1 mm inside it. Ours."""
_CUT_SHAFT_MM = 6.0
"""A shaft or tulip that lies in the scan's first or last slices reaches so far into it, cut lengthwise. Ours."""
_INNER_SHARE = 0.5
"""Of a shaft's radius: so far in its plateau is read, clear of the blur. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A screw or a rod before it is measured."""

    piece: int
    sampler: Sampler
    traced: Traced
    rod: RodCourse | None
    faces_tulip_high: bool | None = None

    @property
    def head_is_high(self) -> bool:
        """Whether the head is at the high end of the line; of a broken-off end, where it broke."""
        return head_is_high(self.traced) if self.faces_tulip_high is None else self.faces_tulip_high


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
    ends = broken_ends(volume, metal, [(f.piece, f.traced) for f in found], config)
    stumps = [end.stump for end in ends if end.stump is not None]
    found += [_Found(stump.piece, stump.sampler, stump.traced, None) for stump in stumps]
    found += [_Found(end.piece, end.sampler, end.traced, None, end.head_is_high) for end in ends]
    sigma = _blur_mm(metal, found, config)
    shafts = [_measured(f, volume, metal, sigma, config) for f in found]
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
    bright = Brightness(group.level_hu, group.plateau_hu, _is_presumed(metal, config), metal.clipped_at_hu)
    traced: list[Traced] = []
    stumps: list[Traced] = []
    for line in straight_runs(points, shortest_mm=config.shortest_stump_mm, config=search):
        new = trace(sampler, line, bright)
        if new.length_mm < 0.5 * config.shortest_mm or any(same_shaft(new, old) for old in (*traced, *stumps)):
            continue
        (stumps if line.high - line.low < config.shortest_mm else traced).append(new)
    named = name_shafts(traced, config)
    at_edge = any(metal.at_edge[k - 1] for k in group.numbers) if metal.at_edge else False
    short = short_rods(sampler, points, bright, named, stumps, config, at_edge=at_edge)
    if short:
        named = name_shafts([*traced, *short], config, known_rods=short)
    # what the data cut off is no whole shaft, and none is asked of it
    whole = points[_off_edge(points, volume)] if at_edge else points
    if _stray_share(whole, [n.traced for n in named]) > config.stray_share:
        return []
    rods = rod_courses(sampler, [n.traced for n in named if n.name == "rod"])
    screws = [
        _Found(group.numbers[0], sampler, n.traced, None)
        for n in named
        if n.name == "pedicle_screw" and not is_of_rod(n.traced, rods, config)
    ]
    if rods:
        stumps = [t for t in stumps if not any(t is s for s in short)]
        stumps += [n.traced for n in named if n.name == "unknown"]
        screws += [_Found(group.numbers[0], sampler, t, None) for t in stumps if is_stump(t, config)]
    return [*screws, *(_Found(group.numbers[0], sampler, rod.traced, rod) for rod in rods)]


def _off_edge(points: Array, volume: Volume) -> npt.NDArray[np.bool_]:
    index, spacing = np.asarray(volume.grid.to_index(points)), np.array(volume.grid.spacing_mm)
    inside = np.minimum(index, np.array(volume.grid.shape) - 1 - index) * spacing
    return np.asarray(inside.min(axis=1) > _CUT_SHAFT_MM)


def _stray_share(points: Array, traced: list[Traced]) -> float:
    """Share of a piece that lies off its straight shafts and the tulips at their ends: much in cups and plates."""
    if not len(points):
        return 1.0
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


def _is_presumed(metal: Metal, config: ImplantConfig) -> bool:
    """Whether all plateaus are presumed, for no metal's own is beneath the ceiling."""
    return metal.clipped_at_hu is not None and metal.clipped_at_hu < config.metal.titanium_hu


def _is_hidden(found: _Found, metal: Metal, config: ImplantConfig) -> bool:
    """Whether the scan is clipped beneath a shaft's plateau: most of its inside lies on the ceiling."""
    own = found.traced
    if _is_presumed(metal, config) or not metal.is_hidden(own.plateau_hu):
        return metal.is_hidden(own.plateau_hu)
    along = np.arange(own.ends[0].t_mm, own.ends[1].t_mm, 0.5)
    inside = radial_profiles(found.sampler, own.line, along)[..., own.radius_mm * _INNER_SHARE > RADII_MM]
    return metal.is_hidden(float(np.median(inside)))


def _expected_plateau_hu(found: _Found, metal: Metal, config: ImplantConfig) -> float:
    """Plateau to be expected where the scan hides it: starved slices tell heavy metal from titanium.

    Under a ceiling that titanium as scanners show it does not reach, it may be either: midway, by ratios.
    """
    seen, heavy = found.traced.plateau_hu, config.heavy_plateau_hu
    if not _is_hidden(found, metal, config):
        return seen
    if found.traced.is_blade or (bool(metal.starved) and metal.starved[found.piece - 1]):
        return max(heavy, seen)
    return float(np.sqrt(seen * heavy)) if config.metal.titanium_hu < seen < heavy else seen


def _thread(found: _Found, metal: Metal, sigma_mm: float | None, config: ImplantConfig) -> Thread | None:
    return measure_thread(
        found.sampler,
        found.traced,
        head_is_high=found.head_is_high,
        sigma_mm=sigma_mm,
        ceiling_hu=metal.clipped_at_hu,
        plateau_hu=_expected_plateau_hu(found, metal, config),
        config=config,
    )


def _rod_fit(found: _Found, rod: RodCourse, metal: Metal, config: ImplantConfig) -> tuple[float, float]:
    plateau = _expected_plateau_hu(found, metal, config)
    return rod_blur_mm(found.sampler, rod, ceiling_hu=metal.clipped_at_hu, plateau_hu=plateau, config=config)


def _measured(found: _Found, volume: Volume, metal: Metal, sigma_mm: float, config: ImplantConfig) -> Shaft | None:
    shaft, rod = found.traced, found.rod
    thread: Thread | None = None
    if rod is not None:
        radius, _ = _rod_fit(found, rod, metal, config)
        head, tip = rod.course_lps[0], rod.course_lps[-1]
        outer, core = 2 * radius, None
    elif shaft.length_mm < config.shortest_stump_mm:
        return None
    else:
        thread = _thread(found, metal, sigma_mm, config)
        outer, core = (2 * shaft.radius_mm, None) if thread is None else (thread.outer_mm, thread.core_mm)
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
        edge=_edge(found, metal, sigma_mm, config),
        has_tulip=shaft.joints > 0,
        side=None,
        piece=found.piece,
        course_lps=None if rod is None else rod.course_lps,
        is_cut=_is_cut(found, volume, head, tip),
        expected_hu=_expected_plateau_hu(found, metal, config),
        has_diameter=rod is not None or thread is not None,
        is_hidden=_is_hidden(found, metal, config),
        metal_mm=None if rod is None else rod.metal_mm,
    )


def _is_cut(found: _Found, volume: Volume, head: Array, tip: Array) -> bool:
    """Whether a shaft's ends are those of the data: the edge of the scan, or padding."""
    left = any(end.kind == "edge" for end in found.traced.ends) if found.rod is None else found.rod.is_cut
    return left or is_at_padding(volume, np.stack([head, tip]), reach_mm=_AT_PADDING_MM)


def _screw_ends(found: _Found, metal: Metal, sigma_mm: float) -> tuple[Array, Array]:
    """Head and tip, each read by what its end is: a tulip, the end of the metal, or the edge of the scan."""
    shaft, high = found.traced, found.head_is_high

    def end(*, at_high: bool) -> Array:
        own = shaft.ends[1 if at_high else 0]
        if own.kind == "edge":
            return shaft.line.at(own.t_mm)
        if own.kind == "joint":
            return shaft.line.at(neck_mm(found.sampler, shaft, at_high=at_high))
        ceiling = metal.clipped_at_hu
        return shaft.line.at(tip_mm(found.sampler, shaft, at_high=at_high, sigma_mm=sigma_mm, ceiling_hu=ceiling))

    return end(at_high=high), end(at_high=not high)


def _edge(found: _Found, metal: Metal, sigma_mm: float, config: ImplantConfig) -> Edge:
    """Half maximum, or a lower share of titanium's plateau where that is clipped."""
    if not _is_hidden(found, metal, config):
        return Edge(0.5 * found.traced.plateau_hu, 0.0)
    return Edge(0.3 * found.traced.plateau_hu, -float(ndtri(0.3)) * sigma_mm)
