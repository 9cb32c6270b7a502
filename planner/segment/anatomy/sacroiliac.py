"""Parting the sacrum from the pelvis at the sacroiliac joint: a dark sheet between two bright walls.

Bone is taken to conduct, and the joint's sheet to resist: the chance that a walk from a voxel ends in the sacrum before
it ends in the ilium falls steeply at the sheet, also where an osteophyte bridges it (random walks, Grady 2006, IEEE
Trans Pattern Anal Mach Intell 28:11; the sheet as what a grey closing fills).
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi
from scipy import sparse
from scipy.sparse.linalg import cg
from skimage.segmentation import watershed

from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.segment.anatomy.joint_space import HipJoint, offsets_from
from planner.segment.upright import Bools, Floats

_ILIUM, _SACRUM = 1, 2
_SACRUM_MM = (55.0, 25.0, 5.0)
"""Further medial, behind and above the head's centre than this lies sacrum: the ilium's hind end comes to 30 mm from
the midline, the head lies 80 to 95 from it. Ours; seen on one wide pelvis."""
_ILIUM_MM, _LOW_MM = 12.0, (40.0, 20.0)
"""Less far medial of the head lies no sacrum: the joint's front end came to 19. Lower than 20 mm above the head, where
the sacrum is free, not up to 40 either. Ours."""
_FROM_MM = (-10.0, 0.0)
"""What lies further lateral or lower is the pelvis's, and not looked at."""
_WIDE_MM = 3.5
"""Half the width of what the closing fills: the joint is 2 to 4 mm wide, and the slices blur it. Ours."""
_SMOOTH_MM, _LEVELS_HU = 0.6, (-100.0, 900.0)
_COARSE_MM = 1.6
_SHEET_HU, _LEAST_WAY = 25.0, 1e-3
"""A sheet so much darker than its walls conducts a third; no sheet less than a thousandth. Ours."""
_SEEN_HU = 60.0
"""A cut whose sheet is on average less dark follows no joint. Ours: 250 on a real one."""
_CLOSE, _MOST_ROUNDS = 1e-3, 600


def sacral_marks(bone: Bools, joint: HipJoint, grid: Grid) -> Bools:
    """Give bone that is the sacrum's beyond doubt.

    Parameters
    ----------
    bone : ndarray of bool, shape ``grid.shape``
        Pelvis and sacrum.
    joint : HipJoint
        A hip.
    grid : Grid
        An upright grid.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``
        Empty where the picture does not reach there.
    """
    x, y, z = offsets_from(joint.head_lps, grid)
    medial, behind, above = _SACRUM_MM
    return np.asarray(bone & (-x * joint.outwards > medial) & (y > behind) & (z > above))


def may_hold_sacrum(pelvis: Bools, joint: HipJoint, grid: Grid) -> bool:
    """Say whether a pelvis that was not parted reaches so far back and medially that some of it may be sacrum."""
    x, y, z = offsets_from(joint.head_lps, grid)
    near = (-x * joint.outwards > _LOW_MM[0]) & (y > _SACRUM_MM[1]) & (z > _LOW_MM[1])
    return bool((pelvis & near).any())


def sacrum_beyond_joint(hu: Floats, bone: Bools, joint: HipJoint, grid: Grid) -> Bools | None:
    """Give what of a pelvis lies beyond its sacroiliac joint.

    Parameters
    ----------
    hu : ndarray, shape ``grid.shape``
        CT.
    bone : ndarray of bool, shape ``grid.shape``
        Pelvis and sacrum in one.
    joint : HipJoint
        The hip.
    grid : Grid
        An upright isotropic grid.

    Returns
    -------
    ndarray of bool, shape ``grid.shape``, or None
        None where no sacrum is in view, or no dark sheet parts it from the ilium.
    """
    x, _y, z = offsets_from(joint.head_lps, grid)
    medial = -x * joint.outwards
    region = bone & (medial > _FROM_MM[0]) & (z > _FROM_MM[1])
    marks = np.zeros(bone.shape, dtype=np.uint8)
    marks[region & ((medial < _ILIUM_MM) | ((medial < _LOW_MM[0]) & (z < _LOW_MM[1])))] = _ILIUM
    marks[sacral_marks(bone, joint, grid)] = _SACRUM
    if not ((marks == _SACRUM).any() and (marks == _ILIUM).any()):
        return None
    block = _block(region | (marks == _SACRUM))
    edge = grid.spacing_mm[0]
    region, marks = (region | (marks == _SACRUM))[block], marks[block]
    dark = _sheet_hu(hu[block], edge)
    step = max(1, round(_COARSE_MM / edge))
    first = _chance(region, marks, dark, step) > 0.5
    # within a coarse voxel of the cut the sheet itself says where it runs
    sources = marks.astype(np.int32)
    sources[region & ~ndi.binary_dilation(~first, iterations=step)] = _SACRUM
    sources[region & ~ndi.binary_dilation(first, iterations=step)] = _ILIUM
    parts = watershed(dark, sources, mask=region)  # type: ignore[no-untyped-call]
    beyond = np.asarray(parts == _SACRUM)
    cut = region & ~beyond & ndi.binary_dilation(beyond)
    if not cut.any() or float(dark[cut].mean()) < _SEEN_HU:
        return None
    out = np.zeros(bone.shape, dtype=bool)
    out[block] = beyond
    return out


def _block(mask: Bools) -> tuple[slice, slice, slice]:
    z, y, x = ndi.find_objects(mask.astype(np.uint8))[0]
    return z, y, x


def _sheet_hu(hu: Floats, edge_mm: float) -> Floats:
    """Give by how much each voxel is darker than the walls beside it, slice by slice."""
    smooth = ndi.gaussian_filter(np.clip(hu, *_LEVELS_HU), _SMOOTH_MM / edge_mm)
    size = 2 * round(_WIDE_MM / edge_mm) + 1
    return np.asarray(ndi.grey_closing(smooth, size=(1, size, size)) - smooth, dtype=np.float32)


def _chance(region: Bools, marks: npt.NDArray[np.uint8], dark: Floats, step: int) -> Array:
    """Give the chance that a walk ends in the sacrum, reckoned on coarser voxels, shape as the region's."""
    room = [(0, -n % step) for n in region.shape]

    def coarse(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        z, y, x = (n // step for n in np.pad(values, room).shape)
        return np.asarray(np.pad(values, room).reshape(z, step, y, step, x, step).max(axis=(1, 3, 5)))

    cells, known, sheet = coarse(region).astype(bool), coarse(marks), coarse(dark)
    chance = _walk(cells, known, np.asarray(sheet, dtype=np.float64))
    # a coarse voxel's middle lies half a step less half a voxel into it
    at = np.meshgrid(*((np.arange(n) + 0.5) / step - 0.5 for n in region.shape), indexing="ij", sparse=True)
    places = np.stack(np.broadcast_arrays(*at))
    near = ndi.distance_transform_edt(~cells, return_distances=False, return_indices=True)
    return np.asarray(ndi.map_coordinates(chance[tuple(near)], places, order=1, mode="nearest"))


def _walk(cells: Bools, known: npt.NDArray[np.generic], sheet_hu: Array) -> Array:
    free = cells & (known == 0)
    index = np.flatnonzero(free)
    number = np.full(cells.size, -1, dtype=np.int64)
    number[index] = np.arange(len(index))
    chance = np.where(cells & (known == _SACRUM), 1.0, 0.0)
    if not len(index):
        return chance
    at = np.unravel_index(index, cells.shape)
    held, dark, sacral = cells.ravel(), sheet_hu.ravel(), (known == _SACRUM).ravel()
    weights, ends = np.zeros(len(index)), np.zeros(len(index))
    links = []
    for axis, stride in enumerate((cells.shape[1] * cells.shape[2], cells.shape[2], 1)):
        for way in (-1, 1):
            there = (at[axis] + way >= 0) & (at[axis] + way < cells.shape[axis])
            beside = np.where(there, index + way * stride, 0)
            there &= held[beside]
            ease = np.maximum(np.exp(-np.maximum(dark[index], dark[beside]) / _SHEET_HU), _LEAST_WAY) * there
            weights += ease
            ends += ease * sacral[beside]
            on = np.flatnonzero(there & (number[beside] >= 0))
            links.append(sparse.coo_matrix((ease[on], (on, number[beside[on]])), shape=(len(index),) * 2))
    weights = np.maximum(weights, 1e-9)
    system = (sparse.diags(weights) - sum(links)).tocsr()
    found, _ = cg(system, ends, rtol=_CLOSE, maxiter=_MOST_ROUNDS, M=sparse.diags(1.0 / weights))
    chance.ravel()[index] = found
    return chance
