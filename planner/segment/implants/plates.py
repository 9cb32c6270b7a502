"""Plates with their screws, and wires or cables laid round a bone, among unknown pieces of metal."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.config.hardware_config import PlateConfig
from planner.geometry.frames import Array
from planner.model.volume import Volume
from planner.segment.implants.metal import Metal
from planner.segment.implants.parts import ImplantPart
from planner.segment.implants.pieces import Piece, one_part, pieces_of, retold
from planner.segment.unwrap import sampler_round

_MOST_POINTS = 6000
_FEWEST_NEIGHBOURS = 8


def tell_plates(
    volume: Volume, metal: Metal, parts: tuple[ImplantPart, ...], config: PlateConfig
) -> tuple[ImplantPart, ...]:
    """Tell plates and cables among the pieces of metal that were left unknown.

    Parameters
    ----------
    volume : Volume
        The original CT.
    metal : Metal
        Its metal.
    parts : tuple of ImplantPart
        What was told so far.
    config : PlateConfig
        Sizes and thresholds.

    Returns
    -------
    tuple of ImplantPart
        The same, with "plate-1", ... of kind "plate" (a plate and the screws that touch it are one part), and
        "cable-1", ... of kind "unknown", in the places of what they were left as.

    Notes
    -----
    A plate is flat in most places (the variances of the metal within a small ball), long, and nowhere thicker than
    plates are; a cup's shell is flat in places too, but as wide as long. A cable is thin everywhere, and
    runs round something that holds bone. A cable round a bone that was taken for rods is told all the same; one that
    touches a stem or plate is part of that piece, and is not.
    """
    found: list[tuple[tuple[int, ...], ImplantPart]] = []
    plates, cables = 0, 0
    for piece in pieces_of(metal, parts):
        kinds = {parts[k].record.kind for k in piece.members}
        if kinds <= {"unknown", "rod"} and is_loop(volume, metal, piece, config):
            cables += 1
            made = one_part(parts, piece, metal, name=f"cable-{cables}", kind="unknown", material="unknown")
        elif kinds == {"unknown"} and is_plate(metal, piece, config):
            plates += 1
            made = one_part(parts, piece, metal, name=f"plate-{plates}", kind="plate", material="unknown")
        else:
            continue
        found.append((piece.members, made))
    return retold(parts, found)


def is_plate(metal: Metal, piece: Piece, config: PlateConfig) -> bool:
    """Say whether a piece of metal is a plate, with or without screws.

    Parameters
    ----------
    metal : Metal
        All metal.
    piece : Piece
        The piece.
    config : PlateConfig
        Sizes and thresholds.

    Returns
    -------
    bool
    """
    points = _thinned(piece.points_lps, config.lattice_mm)
    if len(points) < 4 * _FEWEST_NEIGHBOURS or thickness_mm(metal, piece) > config.greatest_thickness_mm:
        return False
    flat = flat_points(points, config)
    if flat.mean() < config.least_flat_share:
        return False
    sizes = _sizes_mm(points[flat])
    is_long = sizes[0] >= config.least_length_mm and sizes[0] >= config.least_slenderness * sizes[1]
    return bool(is_long and sizes[2] <= config.greatest_thickness_mm + config.greatest_bend * sizes[0])


def is_loop(volume: Volume, metal: Metal, piece: Piece, config: PlateConfig) -> bool:
    """Say whether a piece of metal is a wire that runs round a bone.

    Parameters
    ----------
    volume : Volume
        The CT, to see what the loop holds.
    metal : Metal
        All metal.
    piece : Piece
        The piece.
    config : PlateConfig
        Sizes and thresholds.

    Returns
    -------
    bool
    """
    if np.ptp(piece.points_lps, axis=0).max() > 3.0 * config.greatest_loop_mm:
        return False
    if thickness_mm(metal, piece) > config.greatest_wire_mm:
        return False
    points = piece.points_lps
    middle = points.mean(axis=0)
    across = np.linalg.svd(points - middle, full_matrices=False)[2][:2]
    flat = (points - middle) @ across.T
    # the twist or crimp of a wire pulls the mean aside: the middle of the box does not lie on the wire
    flat = flat - (flat.min(axis=0) + flat.max(axis=0)) / 2.0
    centre = middle + ((points - middle) @ across.T - flat).mean(axis=0) @ across
    far = np.hypot(*flat.T)
    turns = np.unique(np.floor(np.degrees(np.arctan2(flat[:, 1], flat[:, 0])) / 10.0))
    round_it = 10.0 * len(turns) >= config.loop_turn_deg
    fits = config.least_loop_mm <= float(np.median(far)) <= config.greatest_loop_mm
    if not (round_it and fits and float(np.percentile(far, 5)) > 0.4 * float(np.median(far))):
        return False
    inside = centre + (flat[:, :1] * across[0] + flat[:, 1:] * across[1]) * 0.75
    sampler = sampler_round(volume.hu, volume.grid, inside, margin_mm=2.0)
    return float(np.percentile(sampler.at(inside), 75)) > config.loop_bone_hu


def flat_points(points_lps: Array, config: PlateConfig) -> npt.NDArray[np.bool_]:
    """Say at which points metal runs in a sheet: wide both ways, thin across.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        Metal, thinned out evenly.
    config : PlateConfig
        Radius and ratios.

    Returns
    -------
    ndarray of bool, shape (N,)
    """
    near = cKDTree(points_lps).query_ball_point(points_lps, config.ball_mm)
    flat = np.zeros(len(points_lps), dtype=bool)
    for k, own in enumerate(near):
        if len(own) < _FEWEST_NEIGHBOURS:
            continue
        low, middle, high = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points_lps[own].T)), 0.0))
        flat[k] = low < config.flat_ratio * high and middle > config.broad_ratio * high and low < 0.6 * middle
    return flat


def thickness_mm(metal: Metal, piece: Piece) -> float:
    """Give the diameter of the largest ball that a piece of metal holds.

    Parameters
    ----------
    metal : Metal
        All metal.
    piece : Piece
        The piece.

    Returns
    -------
    float
        In mm, by whole voxels.
    """
    own = np.pad(metal.pieces[piece.block] == piece.number, 1)
    spacing = metal.mask.grid.spacing_mm
    depth = ndimage.distance_transform_edt(own, sampling=spacing)
    return float(2.0 * depth.max() - min(spacing))


def _thinned(points: Array, cell_mm: float) -> Array:
    _, first = np.unique(np.floor(points / cell_mm).astype(int), axis=0, return_index=True)
    kept = points[np.sort(first)]
    return kept[:: max(1, len(kept) // _MOST_POINTS)]


def _sizes_mm(points: Array) -> Array:
    """Give length, width and depth along the points' own axes, without the last points at the ends."""
    middle = points - points.mean(axis=0)
    along = middle @ np.linalg.svd(middle, full_matrices=False)[2].T
    return np.asarray(np.percentile(along, 98, axis=0) - np.percentile(along, 2, axis=0))
