"""Hip implants as records: stem, head, cup, cup screws and nails, each side a case of its own."""

from dataclasses import dataclass

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.hip_config import HipImplantConfig
from planner.geometry.frames import Array, PointsLps, point_tuple, positioner_angles_deg, unit
from planner.geometry.grid import Grid
from planner.model.carm import BullsEye
from planner.model.implant import Implant, ImplantAxis, ImplantKind, Material, Side
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled
from planner.segment.implants.hip_balls import Ball, fit_head_and_cup
from planner.segment.implants.hip_shafts import StraightShaft, bulky_shaft, fit_stem
from planner.segment.upright import Bools, Floats, resample, upright_grid, upright_hu

_SEARCH_MM = 2.0
"""Edge of the voxels on which pieces of metal are told apart."""
_NAMES: dict[ImplantKind, str] = {
    "femoral_stem": "stem",
    "femoral_head": "head",
    "acetabular_cup": "cup",
    "cup_screw": "cup-screw",
    "nail": "nail",
}


@dataclass(frozen=True, slots=True, eq=False)
class HipPart:
    """One part of a hip implant.

    Parameters
    ----------
    record : Implant
        What the plan says of it.
    metal : Mask
        Its voxels, on an upright grid of its own.
    centre_lps : PointsLps, shape (3,), or None
        Centre of a head's or cup's sphere.
    radius_mm : float or None
        Radius of that sphere; the cup's outer one.
    opening_lps : ndarray, shape (3,), or None
        Unit vector out of the cup's mouth.
    is_cut : bool
        The part runs out of the scan.
    """

    record: Implant
    metal: Mask
    centre_lps: PointsLps | None
    radius_mm: float | None
    opening_lps: Array | None
    is_cut: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Raw:
    """A part before it has a name."""

    kind: ImplantKind
    voxels: Bools
    grid: Grid
    side: Side | None
    shaft: StraightShaft | None = None
    ball: Ball | None = None
    opening_lps: Array | None = None


def segment_hips(
    volume: Volume, *, metal: Mask | None, config: HipImplantConfig, monitor: Monitor = SILENT
) -> tuple[HipPart, ...]:
    """Find the parts of hip prostheses, and femoral nails.

    Parameters
    ----------
    volume : Volume
        The CT.
    metal : Mask or None
        Metal, on any grid; None takes what lies over `config.metal_hu`.
    config : HipImplantConfig
        The thresholds.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    tuple of HipPart
        From the patient's right to the left, stem or nail first; empty where no bulky metal has a hip implant's shape,
        as with spinal screws, teeth and contrast agent.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    coarse = upright_grid(volume.grid, _SEARCH_MM)
    if metal is None:
        shown = np.nan_to_num(upright_hu(volume, coarse, averaged=False), nan=-1000.0) > config.metal_hu
    else:
        shown = resample(metal.voxels, metal.grid, coarse) > 0.4
    labels = cc3d.connected_components(ndimage.binary_dilation(shown, iterations=2).astype(np.uint8), connectivity=26)
    cases: list[list[_Raw]] = []
    for number in range(1, int(labels.max()) + 1):
        cells = np.argwhere((labels == number) & shown)
        if len(cells) * coarse.voxel_volume_mm3 / 1000.0 < config.least_ml:
            continue
        check_cancelled(monitor)
        monitor.report(Progress("telling the hip implant's parts apart"))
        ends = coarse.to_lps(cells)
        grid = upright_grid(volume.grid, config.edge_mm, np.stack([ends.min(axis=0) - 12, ends.max(axis=0) + 12]))
        own = resample(labels == number, coarse, grid) > 0.1
        hu = np.nan_to_num(upright_hu(volume, grid), nan=-1000.0)
        solid = own & ((hu > config.metal_hu) if metal is None else resample(metal.voxels, metal.grid, grid) > 0.5)
        is_cut = _is_cut(volume.grid, np.asarray(grid.to_lps(np.argwhere(solid))))
        cases.append(_tell_parts(np.asarray(hu), solid, grid, config, is_cut=is_cut))
    cases.sort(key=lambda case: float(case[0].grid.centre_lps[0]) if case else 0.0)
    return _named(volume, [raw for case in cases for raw in case])


def _tell_parts(hu: Floats, solid: Bools, grid: Grid, config: HipImplantConfig, *, is_cut: bool) -> list[_Raw]:
    head, cup = fit_head_and_cup(hu, solid, grid, config)
    if head is None:
        shaft = bulky_shaft(solid, grid, config, is_cut=is_cut)
        return [] if shaft is None else [_Raw("nail", solid, grid, shaft.side, shaft)]
    codes, opening = _divide(solid, grid, head, cup, config)
    stem = _largest(codes == 1)
    found: list[_Raw] = []
    shaft = None
    if np.count_nonzero(stem) * grid.voxel_volume_mm3 / 1000.0 >= config.thinnest_stem_ml:
        shaft = fit_stem(grid.to_lps(np.argwhere(stem)), head.centre_lps)
    if shaft is None and cup is None:
        return []
    side: Side | None = shaft.side if shaft is not None else None
    if side is None and opening is not None and abs(opening[0]) > 0.2:
        side = "left" if opening[0] > 0 else "right"
    if shaft is not None:
        found.append(_Raw("femoral_stem", stem, grid, side, shaft))
    found.append(_Raw("femoral_head", codes == 2, grid, side, ball=head))
    if cup is not None and opening is not None:
        found.append(_Raw("acetabular_cup", codes == 3, grid, side, ball=cup, opening_lps=opening))
        found += _screws(codes == 4, grid, cup, side, config)
    return found


def _divide(
    solid: Bools, grid: Grid, head: Ball, cup: Ball | None, config: HipImplantConfig
) -> tuple[npt.NDArray[np.uint8], Array | None]:
    """Say which part each voxel belongs to: 1 stem, 2 head, 3 cup, 4 cup screw; and where the cup opens."""
    cells = np.argwhere(solid)
    points = np.asarray(grid.to_lps(cells))
    codes = np.zeros(grid.shape, dtype=np.uint8)
    from_head = points - head.centre_lps
    far = np.linalg.norm(from_head, axis=1)
    rim = head.radius_mm + 1.0
    code = np.where(far <= rim, 2, 1).astype(np.uint8)
    opening: Array | None = None
    if cup is not None:
        rays = points - cup.centre_lps
        depth = np.linalg.norm(rays, axis=1)
        outside = (depth > cup.radius_mm + 2.0) & (far > rim)
        ring = (far > rim) & ~outside & (depth > cup.radius_mm - config.cup_wall_mm)
        stemward = unit(from_head[outside].mean(axis=0)) if outside.sum() > 200 else np.array([0.0, 0.0, -1.0])
        neck = (from_head @ stemward) > 0.8 * far
        for _ in range(4):
            shell = ring & ~neck
            if shell.sum() < 50:
                opening = None
                break
            opening = unit(-rays[shell].mean(axis=0))
            neck = rays @ opening > 0.45 * depth
        if opening is not None:
            code[ring & ~neck] = 3
            code[outside & (rays @ opening < -0.1 * depth)] = 4
    codes[tuple(cells.T)] = code
    return codes, opening


def _screws(voxels: Bools, grid: Grid, cup: Ball, side: Side | None, config: HipImplantConfig) -> list[_Raw]:
    labels = cc3d.connected_components(voxels.astype(np.uint8), connectivity=26)
    found = []
    for number, count in enumerate(np.bincount(labels.ravel())[1:], start=1):
        if count * grid.voxel_volume_mm3 / 1000.0 < config.least_screw_ml:
            continue
        points = np.asarray(grid.to_lps(np.argwhere(labels == number)))
        axis = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][0]
        axis = axis if axis @ (points.mean(axis=0) - cup.centre_lps) > 0 else -axis
        along = (points - points.mean(axis=0)) @ axis
        head, tip = (PointsLps(points.mean(axis=0) + t * axis) for t in (along.min() - 0.5, along.max() + 0.5))
        length = float(np.linalg.norm(tip - head))
        across = 2 * float(np.sqrt(count * grid.voxel_volume_mm3 / length / np.pi))
        if length > 1.5 * across:  # a screw is longer than wide; a streak's root or the cup's rim is not
            found.append(_Raw("cup_screw", labels == number, grid, side, StraightShaft(head, tip, across, side)))
    return found


def _largest(mask: Bools) -> Bools:
    labels = cc3d.connected_components(mask.astype(np.uint8), connectivity=26)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return labels == int(np.argmax(sizes)) if sizes.any() else np.zeros_like(mask)


def _named(volume: Volume, raws: list[_Raw]) -> tuple[HipPart, ...]:
    names = [_NAMES[r.kind] + (f"-{r.side}" if r.side else "") for r in raws]
    seen: dict[str, int] = {}
    parts = []
    for raw, name in zip(raws, names, strict=True):
        seen[name] = seen.get(name, 0) + 1
        parts.append(_part(volume, raw, f"{name}-{seen[name]}" if names.count(name) > 1 else name))
    return tuple(parts)


def _part(volume: Volume, raw: _Raw, name: str) -> HipPart:
    mask = Mask(raw.grid, raw.voxels)
    points = np.asarray(raw.grid.to_lps(np.argwhere(raw.voxels)))
    axis, view = None, None
    if raw.shaft is not None:
        head, tip = raw.shaft.head_lps, raw.shaft.tip_lps
        primary, secondary = positioner_angles_deg(head - tip)
        view = BullsEye(primary_deg=primary, secondary_deg=secondary)
        axis = ImplantAxis(
            head_lps=point_tuple(head),
            tip_lps=point_tuple(tip),
            diameter_mm=raw.shaft.diameter_mm,
            core_diameter_mm=None,
            length_mm=float(np.linalg.norm(tip - head)),
        )
    record = Implant(
        id=name,
        kind=raw.kind,
        volume_ml=mask.volume_ml,
        centroid_lps=point_tuple(points.mean(axis=0)),
        axis=axis,
        bulls_eye=view,
        side=raw.side,
        level=None,
        material=_UNTOLD,
        loosening=None,
    )
    ball = raw.ball
    return HipPart(
        record,
        mask,
        None if ball is None else ball.centre_lps,
        None if ball is None else ball.radius_mm,
        raw.opening_lps,
        _is_cut(volume.grid, points),
    )


_UNTOLD: Material = "unknown"
"""Titanium and cobalt-chrome look alike where HU are clipped, and beside each other's streaks where they are not."""


def _is_cut(grid: Grid, points_lps: Array) -> bool:
    """Whether metal touches the scan's first or last voxels."""
    index = np.asarray(grid.to_index(points_lps))
    # the working voxels' centres lie up to 1 mm inside of what they stand for
    edge = 1.0 + 1.0 / np.array(grid.spacing_mm)
    return bool(np.any((index < edge) | (index > np.array(grid.shape) - 1 - edge)))
