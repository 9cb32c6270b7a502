"""New cement outside of the bone: each connected piece, its compartment, and where it left."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from planner.config.delivered_cement_config import DeliveredCementConfig
from planner.follow.carried import Bools, Carrier, Floats, carried_point
from planner.follow.cement_share import CementShare
from planner.follow.examined import RegisteredPair
from planner.follow.gap_fill import host_motion
from planner.geometry.distance import distance_mm
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.breach import Breach, LeakType
from planner.model.follow_cement import Leak
from planner.model.gap import Interval
from planner.model.volume import Mask
from planner.segment.upright import resample

_ROUND = np.ones((3, 3, 3), dtype=bool)
_SURFACE_MM = 2.0
"""Cement of a leak so near to the bone's surface touches it: two voxels."""
_FURTHEST_MM = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Bone and what lies beside it, on the late working grid.

    Parameters
    ----------
    grid : Grid
        The late working grid.
    bone : ndarray of bool
        The bones' envelopes as they were before cement.
    compartments : tuple of (LeakType, ndarray of bool)
        Canal, foramen, disc, joint; those that are told.
    breaches : tuple of (Breach, ndarray)
        The plan's, with their places carried, LPS.
    """

    grid: Grid
    bone: Bools
    compartments: tuple[tuple[LeakType, Bools], ...]
    breaches: tuple[tuple[Breach, Array], ...]


def surroundings(pair: RegisteredPair, carry: Carrier) -> Surroundings:
    """Carry the earlier bones and compartments to the later CT: cement may have changed what is seen there.

    Parameters
    ----------
    pair : RegisteredPair
        The two CTs.
    carry : Carrier
        Through which motion each place is read.

    Returns
    -------
    Surroundings
    """
    early = pair.early.anatomy
    bone = carry.mask(early.bone) > 0.5
    for one in pair.early.bones:
        bone |= carry.mask(one.mask) > 0.5
    told: list[tuple[LeakType, Bools]] = []
    names: tuple[LeakType, ...] = ("canal", "foramen", "disc", "joint")
    masks = ((early.canal, pair.late.anatomy.canal), (early.foramen, pair.late.anatomy.foramen),
             (early.disc, pair.late.anatomy.disc), (early.joint, pair.late.anatomy.joint))  # fmt: skip
    for name, (before, after) in zip(names, masks, strict=True):
        if before is not None:
            told.append((name, carry.mask(before) > 0.5))
        elif after is not None:
            told.append((name, resample(after.voxels, after.grid, carry.grid) > 0.5))
    motions = {gap.record.id: host_motion(pair, gap) for gap in pair.early.gaps}
    breaches = tuple(
        (breach, carried_point(breach.centroid_lps, motions.get(breach.gap_id, pair.late_from_early)))
        for breach in pair.early.breaches
    )
    return Surroundings(carry.grid, bone, tuple(told), breaches)


def leaks(
    cement: CementShare, inside: Bools, around: Surroundings, config: DeliveredCementConfig
) -> tuple[tuple[Leak, Mask], ...]:
    """Tell the leaks.

    Parameters
    ----------
    cement : CementShare
        New cement.
    inside : ndarray of bool
        What counts as within bone beside its envelope: gaps and metal.
    around : Surroundings
        Bone and compartments.
    config : DeliveredCementConfig
        The settings.

    Returns
    -------
    tuple of (Leak, Mask)
        The largest first.

    Notes
    -----
    A piece must reach farther beyond the envelope than this errs; then all of it that lies outside counts.
    """
    grid = around.grid
    bone = around.bone | inside
    if not bone.any():
        return ()
    away = distance_mm(bone, grid.spacing_mm, reach_mm=_FURTHEST_MM)
    outside = ~bone & (cement.share > 0)
    labels, count = ndi.label(outside & (away > 0), structure=_ROUND)
    found: list[tuple[float, int]] = []
    voxel_ml = grid.voxel_volume_mm3 / 1000.0
    volume = np.bincount(labels.ravel(), weights=cement.share.ravel(), minlength=count + 1) * voxel_ml
    core = outside & (cement.share > 0.5) & (away > config.skin_mm)
    core_voxels = np.bincount(labels[core], minlength=count + 1)
    for k in range(1, count + 1):
        if core_voxels[k] * voxel_ml >= 0.2 * config.least_leak_ml and volume[k] >= config.least_leak_ml:
            found.append((float(volume[k]), k))
    found.sort(key=lambda one: (-one[0], one[1]))
    return tuple(
        _leak(f"leak-{n}", labels == k, away, core, cement, around, config) for n, (_, k) in enumerate(found, start=1)
    )


def _leak(
    name: str, piece: Bools, away: Floats, core: Bools, cement: CementShare, around: Surroundings,
    config: DeliveredCementConfig,
) -> tuple[Leak, Mask]:  # fmt: skip
    grid = around.grid
    share = cement.share
    places = grid.to_lps(np.argwhere(piece))
    weight = share[piece].astype(np.float64)
    centroid = (places * weight[:, None]).sum(axis=0) / weight.sum()
    compartment = _compartment(piece & core, around, config)
    touching = piece & (away <= max(_SURFACE_MM, 1.5 * max(grid.spacing_mm)))
    breach = _breach(grid.to_lps(np.argwhere(touching)), compartment, around, config)
    if compartment == "cortical" and breach is not None and breach.leak_type in ("venous", "screw_tract", "fracture"):
        compartment = breach.leak_type
    furthest = away[piece & (share > 0.5)]
    leak = Leak(
        id=name,
        volume_ml=piece_volume(share, piece, grid, cement.spread, config),
        compartment=compartment,
        centroid_lps=(float(centroid[0]), float(centroid[1]), float(centroid[2])),
        distance_mm=float(furthest.max()) if furthest.size and np.isfinite(furthest.max()) else None,
        breach_id=breach.id if breach is not None else None,
    )
    return leak, Mask(grid, piece)


def piece_volume(share: Floats, piece: Bools, grid: Grid, spread: float, config: DeliveredCementConfig) -> Interval:
    """Give the volume of cement in a piece, with what its HU and its surface may err by.

    Parameters
    ----------
    share : ndarray of float32
        Share of each voxel.
    piece : ndarray of bool
        The piece.
    grid : Grid
        Of both.
    spread : float
        Relative error of cement's HU.
    config : DeliveredCementConfig
        The settings.

    Returns
    -------
    Interval
        mL.
    """
    volume_mm3 = float(share[piece].sum()) * grid.voxel_volume_mm3
    solid = piece & (share > 0.5)
    skin = solid & ~ndi.binary_erosion(solid)
    area_mm2 = np.count_nonzero(skin) * grid.voxel_volume_mm3 ** (2.0 / 3.0)
    error = float(np.hypot(spread * volume_mm3, config.edge_mm * area_mm2))
    return Interval(
        estimate=volume_mm3 / 1000.0,
        low=max(0.0, volume_mm3 - error) / 1000.0,
        high=(volume_mm3 + error) / 1000.0,
    )


def _compartment(core: Bools, around: Surroundings, config: DeliveredCementConfig) -> LeakType | None:
    size = np.count_nonzero(core)
    if not size:
        return None
    shares = [(np.count_nonzero(core & mask) / size, name) for name, mask in around.compartments]
    best = max(shares, key=lambda one: one[0], default=(0.0, "cortical"))
    return best[1] if best[0] >= config.compartment_share else "cortical"  # type: ignore[return-value]


def _breach(
    touching_lps: Array, compartment: LeakType | None, around: Surroundings, config: DeliveredCementConfig
) -> Breach | None:
    """Find the predicted breach that a leak left by: the nearest one, of the same compartment before any other."""
    if not len(touching_lps):
        return None
    near: list[tuple[bool, float, int]] = []
    for number, (breach, where) in enumerate(around.breaches):
        away = float(np.linalg.norm(touching_lps - where, axis=1).min())
        if away <= config.breach_mm:
            near.append((breach.leak_type != compartment, away, number))
    return around.breaches[min(near)[2]][0] if near else None
