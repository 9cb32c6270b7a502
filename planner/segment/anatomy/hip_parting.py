"""Telling femur from pelvis within the envelope of all bone round one hip."""

from dataclasses import dataclass, replace
from typing import Any

import cc3d
import edt
import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import ndimage as ndi
from skimage.segmentation import watershed

from planner.config.hip_bone_config import HipBoneConfig
from planner.geometry.frames import Array, unit
from planner.geometry.grid import Grid
from planner.segment.anatomy.joint_space import HipJoint, along, ball, behind_mouth, offsets_from, squared_from
from planner.segment.anatomy.sacroiliac import sacral_marks, sacrum_beyond_joint
from planner.segment.anatomy.walls import within
from planner.segment.anatomy.windows import grown, shrunk
from planner.segment.blocks import block_round
from planner.segment.smoothing import smoothed
from planner.segment.upright import Bools, Floats

Codes = npt.NDArray[np.uint8]
DEFAULT = HipBoneConfig()
_FEMUR, _PELVIS, _SACRUM = 1, 2, 3
_MOUTH = 0.62
"""Cosine: within 52 degrees of the socket's opening head and neck are free: half a neck is 40 wide there. Ours."""
_HEAD_SURFACE_MM, _CUT_MM = 0.5, 1.6
"""Beyond the fitted sphere so far is head; from there so far the bones are cut apart where they touch. Ours."""
_MARKER_MM = 13.0
"""Bone so near to the stem's axis is the femur's: half a slender shaft. Ours."""
_BELOW_SHOULDER_MM = 25.0
"""From here down the stem lies in the femur. Ours."""
_BELOW_LATERAL_MM, _BELOW_MM = 12.0, -50.0
"""Where no axis is known, bone so far lateral of the head and below it is the femur's: the ischium is medial. Ours."""
_ROUND_CUP_MM = 14.0
"""Bone so far behind the cup is the pelvis's. Ours."""
_WELL_BEHIND = 0.35
"""Of the cup's radius: so far behind its mouth no femur reaches. Ours."""
_CORE_MM, _CORE_SHARE = 4.0, 0.1
"""Deeper than a cortex and its blur; of a piece with less of an inside than this, none is looked at. Ours."""
_DEEP_MM = 12.0
"""Depth counts up to half a thick bone only: a watershed should not follow the metaphysis's width. Ours."""
_IN_SLICE = ndi.generate_binary_structure(3, 1) & np.array([False, True, False])[:, None, None]
_SAMPLES = 1.5
"""Voxels from one look to the next along a ray."""


@dataclass(frozen=True, slots=True, eq=False)
class HipParts:
    """Femur and pelvis of one hip, on one grid.

    Parameters
    ----------
    femur, pelvis, sacrum : ndarray of bool
        Envelopes; empty where nothing of it is in view.
    """

    femur: Bools
    pelvis: Bools
    sacrum: Bools


def part_hip(
    hu: Floats, bone: Bools, metal: Bools, joint: HipJoint, grid: Grid, *, config: HipBoneConfig = DEFAULT
) -> HipParts:
    """Tell femur from pelvis in the envelope of all bone round one hip.

    Parameters
    ----------
    hu : ndarray, shape ``grid.shape``
        CT.
    bone : ndarray of bool, shape ``grid.shape``
        Envelope of all bone, metal in bone included; what belongs to the other hip is to be taken out before.
    metal : ndarray of bool, shape ``grid.shape``
        Metal.
    joint : HipJoint
        The joint.
    grid : Grid
        An upright isotropic grid.
    config : HipBoneConfig
        Limits.

    Returns
    -------
    HipParts

    Notes
    -----
    Head and neck are cut out first: the head's ball, what lies in it and before the cup's mouth, and the metal of the
    neck. What still holds together, by an osteophyte or heterotopic bone, is parted at its narrowest by a watershed on
    the distance to the surface (scikit-image's), from markers round the shaft and behind the cup. The bed of
    the cup behind its mouth is the pelvis's; metal is the femur's where bone surrounds it across the neck. Pelvis and
    sacrum are parted at the joint between them where its sheet shows, else at the narrowest.
    """
    if joint.is_natural:
        parts = _part_natural(hu, bone, joint, grid, config)
    else:
        parts = _part_replaced(hu, bone, metal, joint, grid, config)
    ring = parts.pelvis | parts.sacrum
    beyond = sacrum_beyond_joint(hu, ring, joint, grid)
    if beyond is not None:
        parts = replace(parts, pelvis=ring & ~beyond, sacrum=beyond)
    # no section of a femur has a hole; the pelvis has, between its branches
    return replace(parts, femur=without_holes(parts.femur) & ~(parts.pelvis | parts.sacrum))


def without_holes(mask: Bools) -> Bools:
    """Fill, slice by slice, what a mask surrounds.

    Parameters
    ----------
    mask : ndarray of bool, shape (S, R, C)
        The mask.

    Returns
    -------
    ndarray of bool, shape (S, R, C)
        As `scipy.ndimage.binary_fill_holes` gives it for each slice.
    """
    out = mask.copy()
    block = block_round(mask, 0)
    if block is not None:
        space = np.pad(~mask[block], ((0, 0), (1, 1), (1, 1)), constant_values=True)
        pieces, _ = ndi.label(space, structure=_IN_SLICE)
        # the rim that was added to a slice is one piece with all that lies about the mask
        out[block] = (pieces != pieces[:, :1, :1])[:, 1:-1, 1:-1]
    return out


def _part_replaced(
    hu: Floats, bone: Bools, metal: Bools, joint: HipJoint, grid: Grid, config: HipBoneConfig
) -> HipParts:
    edge = grid.spacing_mm[0]
    bed = behind_mouth(joint, grid)
    near_metal = within(metal, config.bloom_mm, edge)
    apart = ball(joint.head_lps, joint.head_radius_mm + config.bloom_mm, grid)
    base, block = joint.neck_base_lps, block_round(near_metal, 0)
    if base is not None and block is not None:
        before = along(joint.socket_lps, np.asarray(joint.opening_lps), grid, block) > 0
        apart[block] |= near_metal[block] & before & (along(base, joint.neck_lps, grid, block) > 0)
    apart |= ball(joint.socket_lps, joint.socket_radius_mm, grid) & ~bed
    candidate = bone & ~apart & ~bed
    candidate = grown(shrunk(candidate)) | (candidate & (hu > config.compact_hu) & ~near_metal)
    owner = _owners(candidate, _markers(candidate, joint, grid), edge)
    pelvis = (owner == _PELVIS) | bed
    pelvis |= _pieces_of_pelvis(candidate & (owner == 0), hu, joint, grid, config)
    femur = _with_stem(owner == _FEMUR, (bone & apart) | (metal & ~bed), joint, grid, config) & ~pelvis
    return HipParts(_largest(femur), pelvis, owner == _SACRUM)


def _part_natural(hu: Floats, bone: Bools, joint: HipJoint, grid: Grid, config: HipBoneConfig) -> HipParts:
    edge = grid.spacing_mm[0]
    away = np.sqrt(squared_from(joint.head_lps, grid))
    beyond = away - joint.head_radius_mm
    # the neck leaves the head through the socket's mouth
    socket = along(joint.head_lps, np.asarray(joint.opening_lps), grid) < _MOUTH * away
    head = beyond <= _HEAD_SURFACE_MM
    gap = socket & ~head & (beyond < config.widest_gap_mm) & (hu < config.gap_hu)
    cut = socket & ~head & (beyond < max(_CUT_MM, 1.5 * edge))
    candidate = bone & ~cut & ~gap
    owner = _owners(candidate, _markers(candidate, joint, grid), edge)
    # what was cut away is given back: to the socket next to it, else to the head and neck
    given = bone & cut & ~gap
    beside = ndi.binary_dilation(owner == _PELVIS, iterations=2)
    femur = (owner == _FEMUR) | (head & bone & socket) | (away <= joint.head_radius_mm - 1.0) | (given & ~beside)
    pelvis = (owner == _PELVIS) | (given & beside)
    pelvis |= _pieces_of_pelvis(candidate & (owner == 0), hu, joint, grid, config)
    return HipParts(_largest(femur), pelvis & ~femur, owner == _SACRUM)


def _markers(bone: Bools, joint: HipJoint, grid: Grid) -> Codes:
    marks = np.zeros(bone.shape, dtype=np.uint8)
    z, y, x = np.nonzero(bone)
    cells = (z, y, x)
    own = np.zeros(len(z), dtype=np.uint8)
    away = squared_from(joint.socket_lps, grid, cells)
    well = along(joint.socket_lps, np.asarray(joint.opening_lps), grid, cells) < -_WELL_BEHIND * joint.socket_radius_mm
    round_cup = away <= (joint.socket_radius_mm + _ROUND_CUP_MM) ** 2
    if joint.is_natural:
        round_cup &= away > (joint.socket_radius_mm + 1.0) ** 2
        own[away < (0.85 * joint.head_radius_mm) ** 2] = _FEMUR
    own[well & round_cup] = _PELVIS
    if joint.axis_lps is not None:
        top, down = joint.axis_lps[0], joint.down_lps
        t = along(top, down, grid, cells)
        beside = squared_from(top, grid, cells) - t * t
        own[(t > _BELOW_SHOULDER_MM) & (beside < _MARKER_MM**2)] = _FEMUR
    if joint.axis_lps is None:
        left, _behind, up = offsets_from(joint.head_lps, grid, cells)
        lateral = left * joint.outwards
        own[(lateral > _BELOW_LATERAL_MM) & (up < _BELOW_MM)] = _FEMUR
    marks[cells] = own
    marks[sacral_marks(bone, joint, grid)] = _SACRUM
    return marks


def _owners(bone: Bools, marks: Codes, edge_mm: float) -> Codes:
    """Give each piece to the bone whose marker it holds; one that holds several is parted at its narrowest."""
    labels = cc3d.connected_components(bone.astype(np.uint8), connectivity=6)
    count = int(labels.max()) + 1
    lut = np.zeros(count, dtype=np.uint8)
    several = np.zeros(count, dtype=int)
    for code in (_FEMUR, _PELVIS, _SACRUM):
        held = np.bincount(labels[marks == code], minlength=count) > 0
        lut[held] = code
        several += held
    lut[0] = 0
    owner = lut[labels]
    for label in np.flatnonzero(several > 1):
        if label == 0:
            continue
        block = block_round(labels == label, 0)
        assert block is not None
        piece = labels[block] == label
        depth = np.asarray(edt.edt(np.pad(piece, 1), parallel=2))[1:-1, 1:-1, 1:-1]
        depth = smoothed(np.minimum(depth, _DEEP_MM / edge_mm), 1.0 / edge_mm)
        cut = watershed(-depth, np.where(piece, marks[block], 0).astype(np.int32), mask=piece)  # type: ignore[no-untyped-call]
        owner[block][piece] = cut[piece]
    return owner


def _pieces_of_pelvis(loose: Bools, hu: Floats, joint: HipJoint, grid: Grid, config: HipBoneConfig) -> Bools:
    """Give the pieces of the pelvis that hang together with it only outside the picture.

    They run out of it, lie medial to the joint, and are denser at their rim than within, which a filled bladder, bowel
    or vessel is not; a piece without an inside must be compact.
    """
    edge = grid.spacing_mm[0]
    labels = cc3d.connected_components(loose.astype(np.uint8), connectivity=6)
    sizes = np.bincount(labels.ravel())
    count = len(sizes)
    keep = sizes >= max(1, round(config.least_piece_ml * 1000.0 / grid.voxel_volume_mm3))
    x, _y, _z = offsets_from(joint.head_lps, grid)
    medial = labels[:, :, (x * joint.outwards < 0).ravel()]
    keep &= np.bincount(medial.ravel(), minlength=count) > 0.5 * sizes
    keep &= np.isin(np.arange(count), _at_border(labels))
    keep[0] = False
    for label in np.flatnonzero(keep):
        block = block_round(labels == label, 0)
        if block is not None:
            keep[label] = reads_as_bone(labels[block] == label, hu[block], edge, config)
    return np.asarray(keep[labels])


def _at_border(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    ends = [np.take(labels, end, axis=axis).ravel() for axis in range(3) for end in (0, -1)]
    return np.unique(np.concatenate(ends))


def reads_as_bone(piece: Bools, hu: Floats, edge_mm: float, config: HipBoneConfig) -> bool:
    """Say whether a loose piece is bone: denser at its rim than within, or compact where it has no inside.

    Parameters
    ----------
    piece : ndarray of bool, shape (S, R, C)
        The piece, in a block of its own.
    hu : ndarray, shape (S, R, C)
        The CT there.
    edge_mm : float
        Edge of a voxel.
    config : HipBoneConfig
        Limits.

    Returns
    -------
    bool
    """
    # the picture's border is no surface: bone goes on beyond it
    depth = np.asarray(edt.edt(np.pad(piece, 1, mode="edge"), parallel=2))[1:-1, 1:-1, 1:-1] * edge_mm
    within, rim = hu[piece & (depth > _CORE_MM)], hu[piece & (depth <= _CORE_MM)]
    if len(within) > _CORE_SHARE * len(rim):
        return bool(np.percentile(rim, 75) > np.median(within) + config.rim_over_core_hu)
    return bool(np.mean(hu[piece] > config.compact_hu) > config.compact_share)


def _with_stem(femur: Bools, doubtful: Bools, joint: HipJoint, grid: Grid, config: HipBoneConfig) -> Bools:
    """Fill the stem's tract: metal that bone surrounds, in the planes across the neck, lies in the femur."""
    edge = grid.spacing_mm[0]
    ask = doubtful & ~femur
    block = block_round(femur, round(4.0 / edge))
    if block is None:
        return femur
    out = femur.copy()
    cells = np.argwhere(ask[block])
    if len(cells):
        own = np.ascontiguousarray(femur[block])
        count = rays_met(own, cells, joint.neck_lps, config.enclosing_reach_mm / edge)
        cells = cells[count >= config.enclosing_rays]
        inner = out[block]
        inner[tuple(cells.T)] = True
    filled = block_round(out, 2)
    if filled is not None:
        out[filled] |= shrunk(grown(np.pad(out[filled], 2)))[2:-2, 2:-2, 2:-2]
    return out


def rays_met(wall: Bools, cells: npt.NDArray[np.intp], across: Array, reach_voxels: float) -> npt.NDArray[np.intp]:
    """Count, of 16 rays in the plane across a direction, those that meet a wall.

    Parameters
    ----------
    wall : ndarray of bool, shape (S, R, C)
        What encloses.
    cells : ndarray of int, shape (N, 3)
        Where the rays start, voxels.
    across : ndarray, shape (3,)
        The plane's normal, LPS.
    reach_voxels : float
        How far the rays go.

    Returns
    -------
    ndarray of int, shape (N,)
    """
    normal = unit(across)
    first = unit(np.cross(normal, [0.0, 1.0, 0.0] if abs(normal[1]) < 0.9 else [0.0, 0.0, 1.0]))
    second = np.cross(normal, first)
    steps = np.array([(np.cos(a) * first + np.sin(a) * second)[::-1] for a in np.arange(16) * np.pi / 8.0])
    looks = np.arange(_SAMPLES, reach_voxels, _SAMPLES)[:, None]
    ways = np.stack([looks * step for step in steps])
    return _count_rays(np.ascontiguousarray(wall), np.ascontiguousarray(cells), ways)


@njit(cache=True, nogil=True)
def _count_rays(wall: Bools, cells: npt.NDArray[np.intp], ways: Array) -> npt.NDArray[np.intp]:
    """Count the rays that meet a wall; a ray ends there, or where the grid does."""
    count = np.zeros(len(cells), dtype=np.intp)
    slices, rows, columns = wall.shape
    for n in range(len(cells)):
        for ray in range(len(ways)):
            for k in range(ways.shape[1]):
                z = int(np.rint(cells[n, 0] + ways[ray, k, 0]))
                y = int(np.rint(cells[n, 1] + ways[ray, k, 1]))
                x = int(np.rint(cells[n, 2] + ways[ray, k, 2]))
                if not (0 <= z < slices and 0 <= y < rows and 0 <= x < columns):
                    break
                if wall[z, y, x]:
                    count[n] += 1
                    break
    return count


def _largest(mask: Bools) -> Bools:
    out = np.zeros_like(mask)
    block = block_round(mask, 0)
    if block is not None:
        out[block] = cc3d.largest_k(mask[block].astype(np.uint8), k=1, connectivity=6) > 0
    return out
