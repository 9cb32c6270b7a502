"""Soft tissue that no needle may cross, as geometry where no label tells it.

Gas, the front of the spine, what is unknown beyond the canal's ends, the hip's inside.
"""

from dataclasses import dataclass

import edt
import numpy as np
from scipy import ndimage as ndi

from planner.config.hip_bone_config import HipZoneConfig
from planner.geometry.frames import Array, PointsLps, unit
from planner.geometry.grid import Grid
from planner.model.implant import Side
from planner.model.volume import Mask
from planner.segment.anatomy.body import Body
from planner.segment.anatomy.canal import Canal
from planner.segment.region import block_of
from planner.segment.upright import Bools, resample

_STREAK_REACH_MM = 8.0
_STREAK_SHARE = 0.15
"""Dark streaks hug metal; lung and bowel touch it in passing at most (both looked at on one hip and one spine)."""
_DRIFT = 0.5
"""How fast the canal's place grows uncertain beyond its last trusted slice: mm per mm, some 27 degrees. Ours."""
_HEAD_MM = 12.0
"""Within the smallest head (22 mm across) no sector is told."""
_SCIATIC_MEDIAL_MM = 25.0
"""The sciatic nerve's corridor ends this far lateral of the femur's axis: at the trochanter. Ours."""
_SMOOTH_MM = 8.0
"""Over this the sectors' centre passes from the head to the shaft."""
_SHAFT_FRONT_MM = -14.0
"""Before a shaft's own front half. Ours."""
_BUNDLE_SOURCE = "Mehta 2018 (115 MRIs) for the joint; CT angiographies of the deep femoral artery for the shaft"
_SCIATIC_SOURCE = "Suzuki 2022, doi 10.1186/s13018-016-0365-2 (263 MRIs), Ericksen 2002; margins are ours"
_VESSELS_SOURCE = "geometry: aorta and cava lie before and beside the front half of the vertebral bodies; ours"
HIP_ZONES = HipZoneConfig()


def gas_zone(body: Body, grid: Grid, *, margin_mm: float, metal: Mask | None = None) -> Bools:
    """Give lung and bowel gas with a margin.

    Parameters
    ----------
    body : Body
        The patient.
    grid : Grid
        Where the zone is wanted.
    margin_mm : float
        Added to the gas, mm.
    metal : Mask or None
        Dark streaks that touch it are not taken for gas.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
    """
    # worked out on the body's own coarse grid: gas is known no finer
    block = block_of(body.gas.grid, np.stack([grid.corners_lps.min(axis=0), grid.corners_lps.max(axis=0)]))
    gas = body.gas.voxels[block]
    if not gas.any():
        return np.zeros(grid.shape, dtype=bool)
    z, y, x = block
    coarse = body.gas.grid.crop((z.start, y.start, x.start), (z.stop, y.stop, x.stop))
    if metal is not None:
        own = resample(metal.voxels, metal.grid, coarse, order=0) > 0.5
        if own.any():
            gas = gas & ~_streaks(gas, own, coarse)
    if not gas.any():
        return np.zeros(grid.shape, dtype=bool)
    away = np.asarray(edt.edt(~gas, anisotropy=coarse.spacing_mm, parallel=2))
    # distances run from voxel centres: half a voxel lies between them and the gas's surface
    half = coarse.spacing_mm[0] / 2
    return np.asarray(resample(away, coarse, grid, outside=1e3) <= margin_mm + half)


def _streaks(gas: Bools, metal: Bools, grid: Grid) -> Bools:
    labels, count = ndi.label(gas)
    near = edt.edt(~metal, anisotropy=grid.spacing_mm, parallel=2) < _STREAK_REACH_MM
    touched = np.bincount(labels[near], minlength=count + 1)
    share = touched / np.maximum(np.bincount(labels.ravel(), minlength=count + 1), 1)
    share[0] = 0.0
    return np.asarray((share > _STREAK_SHARE)[labels])


def front_of_spine(canal: Canal, grid: Grid, *, before_mm: float) -> Bools:
    """Give all that lies before the hind part of the vertebral bodies; bone is to be taken out of it.

    Parameters
    ----------
    canal : Canal
        The spinal canal.
    grid : Grid
        An upright grid.
    before_mm : float
        How far before the canal's front wall the zone begins, mm.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
        Slices beyond the canal's ends take the last wall that is known.
    """
    z, y, _x = _axes(grid)
    line = canal.centre_lps
    front = canal.radii_mm[:, canal.radii_mm.shape[1] * 3 // 4]
    wall = ndi.gaussian_filter1d(line[:, 1] - front, 6.0, mode="nearest") - before_mm
    limit = np.interp(z, line[:, 2], wall)
    return np.broadcast_to(y[None, :, None] < limit[:, None, None], grid.shape).copy()


def beyond_canal(canal: Canal, grid: Grid, *, reach_mm: float) -> Bools:
    """Give the place that the canal may take beyond its ends: a cone round its continued line, bone or not.

    Parameters
    ----------
    canal : Canal
        The spinal canal as far as it is trusted.
    grid : Grid
        An upright grid.
    reach_mm : float
        Greatest half width of the cone, mm. Where it is reached nothing at all is known any more, and the whole slice
        is given.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
    """
    z, y, x = _axes(grid)
    line, n = canal.centre_lps, min(16, len(canal.centre_lps))
    out = np.zeros(grid.shape, dtype=bool)
    half = grid.spacing_mm[0] / 2
    for end, others in ((0, slice(0, n)), (-1, slice(len(line) - n, len(line)))):
        outward = 1.0 if end else -1.0
        radius = float(np.median(canal.radii_mm[others].max(axis=1)))
        lean = np.polyfit(line[others, 2], line[others, :2], 1)[0] if n > 2 else np.zeros(2)
        lean = np.clip(lean, -1.0, 1.0)
        for k in np.flatnonzero(outward * (z - line[end, 2]) > half):
            away = abs(float(z[k] - line[end, 2]))
            centre = line[end, :2] + lean * (z[k] - line[end, 2])
            wide = radius + _DRIFT * away
            if wide > reach_mm:
                out[k] = True
                continue
            out[k] = np.hypot(y[:, None] - centre[1], x[None, :] - centre[0]) <= wide
    return out


@dataclass(frozen=True, slots=True, eq=False)
class NamedZone:
    """Tissue that no needle may cross, and why.

    Parameters
    ----------
    name : str
        What runs there: "femoral vessels and nerve", "sciatic nerve", "inside of the pelvis", "great vessels".
    mask : Mask
        Where it may run; bone and metal are not taken out.
    source : str
        What the limits were taken from.
    """

    name: str
    mask: Mask
    source: str


def hip_zones(
    head_lps: PointsLps,
    axis_lps: tuple[PointsLps, PointsLps] | None,
    side: Side,
    grid: Grid,
    *,
    config: HipZoneConfig = HIP_ZONES,
) -> tuple[NamedZone, ...]:
    """Give where vessels and nerves may run about a hip.

    Parameters
    ----------
    head_lps : PointsLps, shape (3,)
        Centre of the head.
    axis_lps : tuple of two PointsLps or None
        Upper and lower end of stem, nail or shaft; below its upper end places are taken from it.
    side : {"left", "right"}
        The patient's side.
    grid : Grid
        An upright grid.
    config : HipZoneConfig
        How far the courses vary, with their sources.

    Returns
    -------
    tuple of NamedZone
        "femoral vessels and nerve", medially in front; "sciatic nerve", behind; "inside of the pelvis". Each runs on to
        the skin: what goes through in front of a vessel goes through the vessel.
    """
    z, y, x = _axes(grid)
    centre = _centres(head_lps, axis_lps, z, grid.spacing_mm[0])
    outwards = 1.0 if side == "left" else -1.0
    dx = outwards * (x[None, None, :] - centre[:, 0, None, None])
    dy = y[None, :, None] - centre[:, 1, None, None]
    shaft = _shaft_share(axis_lps, z, grid.spacing_mm[0])[:, None, None]
    level = (z - head_lps[2])[:, None, None]

    def between(joint_mm: float, shaft_mm: float) -> Array:
        return np.asarray(joint_mm + (shaft_mm - joint_mm) * shaft)

    lateral = between(config.bundle_lateral_mm, config.shaft_bundle_lateral_mm)
    bundle = (dx < lateral) & (dy < between(config.bundle_before_mm, _SHAFT_FRONT_MM))
    bundle |= (shaft > 0.5) & (dx < config.shaft_medial_mm) & (dy <= config.sciatic_behind_mm)
    nerve = (dy > config.sciatic_behind_mm) & (dx < between(config.sciatic_lateral_mm, config.shaft_sciatic_lateral_mm))
    inside = (dx < config.pelvis_medial_mm) & (shaft <= 0.5)
    inside = inside | ((level > config.above_centre_mm) & (dx < 0) & (dy > 0))
    shape = grid.shape
    return tuple(
        NamedZone(name, Mask(grid, np.broadcast_to(mask, shape) & True), source)
        for name, mask, source in (
            ("femoral vessels and nerve", bundle, _BUNDLE_SOURCE),
            ("sciatic nerve", nerve, _SCIATIC_SOURCE),
            ("inside of the pelvis", inside, "geometry: medial of the socket's floor; no source"),
        )
    )


def spine_zones(canal: Canal, grid: Grid, *, before_mm: float) -> tuple[NamedZone, ...]:
    """Give where the great vessels may run about the spine.

    Parameters
    ----------
    canal : Canal
        The spinal canal.
    grid : Grid
        An upright grid.
    before_mm : float
        How far before the canal's front wall the zone begins, mm.

    Returns
    -------
    tuple of NamedZone
        "great vessels": all before the hind part of the vertebral bodies.
    """
    mask = Mask(grid, front_of_spine(canal, grid, before_mm=before_mm))
    return (NamedZone("great vessels", mask, _VESSELS_SOURCE),)


def _shaft_share(axis_lps: tuple[PointsLps, PointsLps] | None, z: Array, edge_mm: float) -> Array:
    """Give how far each slice counts as the shaft's, from 0 at the joint to 1 along it."""
    if axis_lps is None:
        return np.zeros(len(z))
    below = (z < float(axis_lps[0][2])).astype(np.float64)
    return np.asarray(ndi.gaussian_filter1d(below, _SMOOTH_MM / edge_mm, mode="nearest"))


def _centres(head_lps: PointsLps, axis_lps: tuple[PointsLps, PointsLps] | None, z: Array, edge_mm: float) -> Array:
    centre = np.repeat(np.asarray(head_lps, dtype=np.float64)[None, :2], len(z), axis=0)
    if axis_lps is None:
        return centre
    top, tip = (np.asarray(p, dtype=np.float64) for p in axis_lps)
    down = unit(tip - top)
    below = z < top[2]
    # a stem lies steeper than 70 degrees; a flatter axis would throw the sectors far off
    shaft = top[None, :2] + ((z - top[2]) / min(down[2], -0.3))[:, None] * down[None, :2]
    centre[below] = shaft[below]
    return np.asarray(ndi.gaussian_filter1d(centre, _SMOOTH_MM / edge_mm, axis=0, mode="nearest"))


def _axes(grid: Grid) -> tuple[Array, Array, Array]:
    origin, edge = grid.lps_from_index[:3, 3], grid.spacing_mm
    z, y, x = (origin[2 - k] + edge[k] * np.arange(grid.shape[k]) for k in range(3))
    return z, y, x
