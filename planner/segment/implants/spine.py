"""Screws and rods: the public step that finds them, and what goes into the plan of them."""

from dataclasses import replace

import edt
import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from planner.config.implant_config import ImplantConfig, ShaftSearchConfig
from planner.geometry.frames import Array, unit
from planner.geometry.rays import segment_distance_mm, segments_distance_mm
from planner.model.volume import Volume
from planner.progress import SILENT, Monitor, track
from planner.segment.implants.metal import Block, Metal
from planner.segment.implants.naming import Named, head_is_high, name_shafts, same_shaft
from planner.segment.implants.parts import ImplantPart, implant_parts
from planner.segment.implants.shaft import Shaft, ShaftKind, numbered, sides
from planner.segment.implants.shafts import (
    Brightness,
    Edge,
    Traced,
    cone_beyond_mm,
    rod_blur_mm,
    rod_ends,
    thread_diameters_mm,
    trace,
)
from planner.segment.implants.straight_runs import straight_runs
from planner.segment.unwrap import Sampler, sampler_round

__all__ = ["ImplantPart", "Shaft", "implant_parts", "segment_screws", "segment_shafts", "sides"]

_MARGIN_MM = 16.0
"""How far rays reach beyond the metal."""


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
    found: list[tuple[int, Sampler, Named]] = []
    for number, block in enumerate(track(metal.blocks, stage="finding screws and rods", monitor=monitor), start=1):
        found += _shafts_of_piece(volume, metal, number, block, config, search or ShaftSearchConfig())
    sigma = _blur_mm(metal, found, config)
    shafts = [_measured(*f, metal, sigma, config) for f in found if f[2].name != "unknown"]
    return numbered(_one_of_each([s for s in shafts if s is not None]), midline_x_mm)


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


def _shafts_of_piece(
    volume: Volume, metal: Metal, number: int, block: Block, config: ImplantConfig, search: ShaftSearchConfig
) -> list[tuple[int, Sampler, Named]]:
    own = metal.pieces[block] == number
    if _thickness_mm(own, volume.grid.spacing_mm) > config.thickest_mm:
        return []
    start = np.array([b.start for b in block])
    points = np.asarray(volume.grid.to_lps(np.argwhere(own) + start))
    sampler = sampler_round(volume.hu, volume.grid, points, margin_mm=_MARGIN_MM)
    bright = Brightness(metal.level_hu, metal.plateau_hu, metal.is_clipped)
    traced: list[Traced] = []
    for line in straight_runs(points, shortest_mm=config.shortest_mm, config=search):
        new = trace(sampler, line, bright)
        if new.length_mm >= 0.5 * config.shortest_mm and not any(same_shaft(new, old) for old in traced):
            traced.append(new)
    if _stray_share(points, traced) > config.stray_share:
        return []
    return [(number, sampler, named) for named in name_shafts(traced, config)]


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


def _blur_mm(metal: Metal, found: list[tuple[int, Sampler, Named]], config: ImplantConfig) -> float:
    """Blur of the scan, from smooth rods; clipped edges don't show it."""
    if metal.is_clipped:
        return config.default_sigma_mm
    runs = [(s, n.traced) for _, s, n in found if n.name == "rod" and n.traced.length_mm > 5]
    sigma = [rod_blur_mm(sampler, traced) for sampler, traced in runs]
    return float(np.median(sigma)) if sigma else config.default_sigma_mm


def _measured(
    number: int, sampler: Sampler, named: Named, metal: Metal, sigma_mm: float, config: ImplantConfig
) -> Shaft | None:
    shaft = named.traced
    edge = _edge(metal, shaft, sigma_mm)
    kind: ShaftKind = "rod" if named.name == "rod" else "pedicle_screw"
    if named.name == "rod":
        head, tip = sorted(rod_ends(sampler, shaft, metal.level_hu), key=lambda p: -float(p[2]))
        outer = core = 2 * shaft.radius_mm
    elif shaft.length_mm < config.shortest_mm:
        return None
    else:
        head, tip, (outer, core) = _screw_measures(sampler, shaft, metal, sigma_mm, config)
    return Shaft(
        id="",
        kind=kind,
        head_lps=head,
        tip_lps=tip,
        outer_mm=outer,
        core_mm=core,
        sigma_mm=sigma_mm,
        plateau_hu=shaft.plateau_hu,
        edge=edge,
        has_tulip=shaft.joints > 0,
        side=None,
        piece=number,
    )


def _screw_measures(
    sampler: Sampler, shaft: Traced, metal: Metal, sigma_mm: float, config: ImplantConfig
) -> tuple[Array, Array, tuple[float, float]]:
    high = head_is_high(shaft)
    diameters = thread_diameters_mm(sampler, shaft, head_is_high=high, sigma_mm=sigma_mm, config=config)
    head, tip = (shaft.end_lps(1), shaft.end_lps(0)) if high else (shaft.end_lps(0), shaft.end_lps(1))
    if shaft.ends[0 if high else 1].kind == "tip":
        tip = tip + cone_beyond_mm(sampler, shaft, tip_is_high=not high, level_hu=metal.level_hu) * unit(tip - head)
    return head, tip, diameters


def _edge(metal: Metal, shaft: Traced, sigma_mm: float) -> Edge:
    """Half maximum, or a lower share of titanium's plateau where that is clipped."""
    if not metal.is_clipped:
        return Edge(0.5 * shaft.plateau_hu, 0.0)
    return Edge(0.3 * metal.plateau_hu, -float(ndtri(0.3)) * sigma_mm)


def _one_of_each(shafts: list[Shaft]) -> list[Shaft]:
    """Join the stretches of each rod, which bends and hides in tulips, into one from end to end."""
    rods = sorted((s for s in shafts if s.kind == "rod"), key=lambda s: -s.length_mm)
    joined: list[Shaft] = []
    while rods:
        whole = rods.pop(0)
        while (next_to := next((r for r in rods if _is_next_stretch(whole, r)), None)) is not None:
            rods.remove(next_to)
            whole = _farthest_apart(whole, next_to)
        joined.append(whole)
    return [s for s in shafts if s.kind == "pedicle_screw"] + joined


def _is_next_stretch(a: Shaft, b: Shaft) -> bool:
    apart = segments_distance_mm(a.head_lps, a.tip_lps, b.head_lps, b.tip_lps)
    # contoured rods turn by less than 30 degrees from one tulip to the next
    return apart < a.outer_mm and abs(float(a.direction @ b.direction)) > np.cos(np.radians(30))


def _farthest_apart(a: Shaft, b: Shaft) -> Shaft:
    ends = np.stack([a.head_lps, a.tip_lps, b.head_lps, b.tip_lps])
    apart = np.linalg.norm(ends[:, None] - ends[None], axis=-1)
    i, j = np.unravel_index(int(np.argmax(apart)), apart.shape)
    head, tip = sorted((ends[i], ends[j]), key=lambda p: -float(p[2]))
    return replace(a, head_lps=head, tip_lps=tip)
