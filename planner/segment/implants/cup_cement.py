"""Cement behind a cup of plastic: a bright shell round the head, with the plastic between."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.config.hardware_config import CupCementConfig
from planner.geometry.frames import Array
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.segment.implants.metal import Metal
from planner.segment.implants.parts import ImplantPart
from planner.segment.implants.pieces import bare_record
from planner.segment.unwrap import sampler_round
from planner.segment.upright import Bools, resample, upright_grid

_STEP_MM = 0.4
_FARTHEST_MM = 44.0
_RAYS = 1600
_EDGE_MM = 0.8
_NEIGHBOURS = 7

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Shell:
    """A bright layer round a head, ray by ray.

    Parameters
    ----------
    centre_lps : ndarray, shape (3,)
        The head's.
    directions : ndarray, shape (N, 3)
        Of the rays that meet it, unit vectors.
    inner_mm, outer_mm : ndarray, shape (N,)
        Where it begins and ends, from the centre; the end is NaN where bone as bright touches it.
    metal_share : float
        Share of the rays that meet metal at its inside.
    """

    centre_lps: Array
    directions: Array
    inner_mm: Floats
    outer_mm: Floats
    metal_share: float


def find_cup_cement(
    volume: Volume, metal: Metal, parts: Sequence[ImplantPart], config: CupCementConfig
) -> tuple[ImplantPart, ...]:
    """Find the cement behind plastic cups.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    parts : sequence of ImplantPart
        What was told so far; heads are looked at.
    config : CupCementConfig
        Sizes and thresholds.

    Returns
    -------
    tuple of ImplantPart
        "cement-cup-left", ... on upright working grids; none where metal or bone follows the head, or where the shell
        cannot be told from the bone's own plate.

    Notes
    -----
    Rays run outwards from the head's middle. Behind a cemented cup's plastic (some millimetres, darker than bone) comes
    a layer as bright as opacified PMMA, of one inner radius over a good part of the sphere (the cup's outside is a
    sphere, and shares its middle with the head but for wear) and thicker than the bone's subchondral plate. A metal
    shell is brighter; a natural socket has no such space before it.
    """
    found = []
    for part in parts:
        if part.record.kind != "femoral_head":
            continue
        shell = shell_round(volume, metal, part.record, config)
        if shell is not None and _is_cement(shell, volume, config):
            found.append(_part(volume, metal, shell, part.record, config))
    return tuple(found)


def shell_round(volume: Volume, metal: Metal, head: Implant, config: CupCementConfig) -> Shell | None:
    """Find the bright layer that plastic parts from a head.

    Parameters
    ----------
    volume, metal : Volume, Metal
        The CT and its metal.
    head : Implant
        The head.
    config : CupCementConfig
        Sizes and thresholds.

    Returns
    -------
    Shell or None
        None where the head's size is not known, or too few rays meet such a layer.
    """
    if head.sphere is not None:
        centre, radius = np.array(head.sphere.centre_lps), head.sphere.diameter_mm / 2.0
    elif head.volume_ml:
        centre, radius = np.array(head.centroid_lps), float(np.cbrt(750.0 * head.volume_ml / np.pi))
    else:
        return None
    ways = _sphere(_RAYS)
    rho = np.arange(radius + config.bloom_mm, _FARTHEST_MM, _STEP_MM)
    points = centre + rho[None, :, None] * ways[:, None]
    sampler = sampler_round(volume.hu, volume.grid, points[:, -1], margin_mm=2.0)
    hu = np.asarray(sampler.at(points), dtype=np.float64)
    near = cKDTree(ways).query(ways, k=_NEIGHBOURS)[1]
    hu = np.median(hu[near], axis=1)
    hu[~volume.grid.contains(points.reshape(-1, 3)).reshape(hu.shape)] = np.nan
    rows = [_layer(profile, metal.level_hu, config) for profile in hu]
    met = np.array([row is not None for row in rows])
    if np.count_nonzero(met) < config.least_share * _RAYS:
        return None
    inner, outer, is_metal = (np.array(v, dtype=np.float64) for v in zip(*[r for r in rows if r], strict=True))
    return Shell(centre, ways[met], rho[0] + inner, rho[0] + outer, float(is_metal.mean()))


def _layer(profile: Floats, level_hu: float, config: CupCementConfig) -> tuple[float, float, bool] | None:
    """Give where a layer begins and ends along a ray from its start, mm, and whether it begins with metal."""
    plastic = profile < config.greatest_plastic_hu
    first = int(np.argmin(plastic)) if not plastic.all() else len(profile)
    if not config.least_plastic_mm <= first * _STEP_MM <= config.greatest_plastic_mm:
        return None
    if profile[:first].min() < config.least_plastic_hu:
        return None
    reach = profile[first : first + round(config.rise_mm / _STEP_MM) + 1]
    if not np.any(reach > config.least_hu):
        return None
    begin = first + int(np.argmax(reach > config.half_hu))
    top = float(np.nanmax(reach))
    dark = np.flatnonzero(profile[begin + 1 :] < config.half_hu)
    end = begin + 1 + int(dark[0]) if len(dark) else None
    is_told = end is not None and (end - begin) * _STEP_MM <= config.greatest_mm
    return begin * _STEP_MM, end * _STEP_MM if is_told and end is not None else float("nan"), top > level_hu


def _is_cement(shell: Shell, volume: Volume, config: CupCementConfig) -> bool:
    if shell.metal_share > config.most_metal_share:
        return False
    points = shell.directions * shell.inner_mm[:, None]
    system = np.column_stack([2.0 * points, np.ones(len(points))])
    fit = np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0]
    radius = float(np.sqrt(max(fit[3] + fit[:3] @ fit[:3], 0.0)))
    off = np.abs(np.linalg.norm(points - fit[:3], axis=1) - radius)
    if np.linalg.norm(fit[:3]) > config.greatest_wear_mm or np.percentile(off, 75) > config.roundness_mm:
        return False
    thick = shell.outer_mm - shell.inner_mm
    if np.isfinite(thick).mean() < config.least_told_share or np.nanmedian(thick) < config.least_mm:
        return False
    middle = shell.centre_lps + shell.directions * (shell.inner_mm + np.nanmedian(thick) / 2.0)[:, None]
    sampler = sampler_round(volume.hu, volume.grid, middle, margin_mm=2.0)
    return config.least_hu <= float(np.median(sampler.at(middle))) <= config.greatest_hu


def _part(volume: Volume, metal: Metal, shell: Shell, head: Implant, config: CupCementConfig) -> ImplantPart:
    reach = float(np.nanmax(shell.outer_mm)) + 1.0
    grid = upright_grid(volume.grid, _EDGE_MM, np.stack([shell.centre_lps - reach, shell.centre_lps + reach]))
    cells = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1).reshape(-1, 3)
    rays = np.asarray(grid.to_lps(cells)) - shell.centre_lps
    far = np.linalg.norm(rays, axis=1)
    apart, ray = cKDTree(shell.directions).query(rays / np.maximum(far, 1e-6)[:, None])
    # where bone touches the shell, it is taken to be as thick as elsewhere
    thick = shell.outer_mm - shell.inner_mm
    outer = np.where(np.isfinite(thick), shell.outer_mm, shell.inner_mm + float(np.nanmedian(thick)))
    spacing = np.sqrt(4.0 * np.pi / _RAYS)
    own = (apart < spacing) & (far >= shell.inner_mm[ray]) & (far <= outer[ray])
    voxels: Bools = own.reshape(grid.shape) & ~(resample(metal.mask.voxels, metal.mask.grid, grid) > 0.5)
    mask = Mask(grid, voxels)
    name = "cement-cup" if head.side is None else f"cement-cup-{head.side}"
    centre = np.asarray(grid.to_lps(np.argwhere(voxels))).mean(axis=0)
    record = bare_record(name, "cement", centre, volume_ml=mask.volume_ml, material="pmma")
    return ImplantPart(record.model_copy(update={"side": head.side}), mask)


def _sphere(count: int) -> Array:
    """Spread directions evenly over a sphere (Fibonacci lattice)."""
    k = np.arange(count) + 0.5
    z = 1.0 - 2.0 * k / count
    turn = np.pi * (1.0 + np.sqrt(5.0)) * k
    flat = np.sqrt(1.0 - z**2)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)
