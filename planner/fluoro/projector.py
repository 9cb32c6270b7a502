"""Cone-beam projection of a CT: how much of each material every ray passes.

Joseph's method (IEEE TMI 1982): along the axis that a ray crosses most planes of, the volume is sampled once a plane,
bilinearly within it. All is done in index coordinates, so that permuted, flipped, oblique and sheared grids need
nothing of their own; only the step's length is taken in the patient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import FluoroConfig
from planner.fluoro.attenuation import Material
from planner.fluoro.carm import pixel_lps, pose
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.carm import CArm
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor, Progress, check_cancelled

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Scalar = TypeVar("_Scalar", bound=np.generic)

_AIR_HU = -1000
_TOP_HU = 3094
"""Just above a 12-bit CT's ceiling: whatever is denser and is not marked as metal counts as dense bone."""
_METAL = np.uint16(_TOP_HU - _AIR_HU + 1)
_CEMENT = np.uint16(_METAL + 1)
_BLOCK_ROWS = 64
"""Detector rows between two looks at whether the user has stopped the work."""


def _compiled(*, parallel: bool = False) -> Callable[[_Function], _Function]:
    """Compile with numba, and keep the result on disk; typed, which numba's own decorator is not."""
    return cast(
        "Callable[[_Function], _Function]", numba.njit(cache=True, fastmath=True, nogil=True, parallel=parallel)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Shadows:
    """How much of each material every ray passes.

    Parameters
    ----------
    water_mm, bone_mm, metal_mm, cement_mm : ndarray of float32, shape (rows, columns)
        Lengths, mm: soft tissue as so much water, bone as so much whole cortical bone.
    """

    water_mm: npt.NDArray[np.float32]
    bone_mm: npt.NDArray[np.float32]
    metal_mm: npt.NDArray[np.float32]
    cement_mm: npt.NDArray[np.float32]

    def by_material(self, metal: Material) -> dict[Material, npt.NDArray[np.float32]]:
        """Give the lengths by material, with the metal taken to be the one named."""
        return {"water": self.water_mm, "bone": self.bone_mm, metal: self.metal_mm, "cement": self.cement_mm}


@dataclass(frozen=True, slots=True, eq=False)
class Projectable:
    """A CT made ready for projection: made once, projected from many sides.

    Parameters
    ----------
    grid : Grid
        Where the voxels are.
    codes : ndarray of uint16, shape ``grid.shape``, C order
        HU + 1000, or the code of metal or cement.
    water_bone : ndarray of float32, shape (2, codes)
        Water and bone in a voxel of each code, as shares of whole water and whole cortical bone.
    """

    grid: Grid
    codes: npt.NDArray[np.uint16]
    water_bone: npt.NDArray[np.float32]


def make_projectable(
    volume: Volume,
    *,
    metal: Mask | None = None,
    cement: Mask | None = None,
    body: Mask | None = None,
    config: FluoroConfig,
) -> Projectable:
    """Make a CT ready for projection.

    Parameters
    ----------
    volume : Volume
        The CT. Padding counts as air.
    metal, cement : Mask or None
        Voxels of metal and of (planned or present) cement, which get their true attenuation instead of the CT's, that
        is clipped or blurred; where both are set, it is metal.
    body : Mask or None
        What lies outside of it, as the CT's table, becomes air; None keeps all. Metal and cement stay.
    config : FluoroConfig
        Settings.

    Returns
    -------
    Projectable

    Raises
    ------
    GeometryError
        If a mask is on another grid.
    """
    codes = np.empty(volume.grid.shape, dtype=np.uint16)
    for plane, hu in zip(codes, volume.hu, strict=True):
        plane[...] = np.rint(np.clip(hu, _AIR_HU, _TOP_HU)) - _AIR_HU
    if volume.padding is not None:
        codes[volume.padding] = 0
    if body is not None:
        volume.grid.require_same(body.grid)
        codes[~body.voxels] = 0
    for mask, code in ((cement, _CEMENT), (metal, _METAL)):
        if mask is not None:
            volume.grid.require_same(mask.grid)
            codes[mask.voxels] = code
    codes.setflags(write=False)
    return Projectable(volume.grid, codes, _water_and_bone(config))


def _water_and_bone(config: FluoroConfig) -> npt.NDArray[np.float32]:
    """Split HU into water and cortical bone: continuous, and exact for water, air and whole cortical bone."""
    hu = np.arange(_AIR_HU, _TOP_HU + 1, dtype=np.float64)
    table = np.zeros((2, hu.size + 2), dtype=np.float32)
    bone = np.clip((hu - config.soft_tissue_hu) / (config.cortical_hu - config.soft_tissue_hu), 0.0, 1.0)
    water = (1.0 - bone) * (1.0 + np.minimum(hu, config.soft_tissue_hu) / 1000.0)
    denser = hu > config.cortical_hu
    bone[denser] = (1000.0 + hu[denser]) / (1000.0 + config.cortical_hu)
    table[0, :-2], table[1, :-2] = water, bone
    return table


def project_volume(projectable: Projectable, carm: CArm, *, monitor: Monitor = SILENT) -> Shadows:
    """Cast a CT's shadow.

    Parameters
    ----------
    projectable : Projectable
        The CT, made ready.
    carm : CArm
        The C-arm.
    monitor : Monitor
        Who is following the work.

    Returns
    -------
    Shadows

    Raises
    ------
    CancelledError
        If the user stops the work.
    GeometryError
        If the C-arm's distances cannot be.
    """
    grid = projectable.grid
    source = np.asarray(grid.to_index(pose(carm).source_lps))
    corner, right, below = (np.asarray(grid.to_index(pixel_lps(carm, p))) for p in ((0, 0), (0, 1), (1, 0)))
    steps = np.stack([below - corner, right - corner])
    edges_lps = np.ascontiguousarray(grid.lps_from_index[:3, :3])
    # Always arrays of one kind, read-only and contiguous: numba compiles anew for each.
    flat, water_of, bone_of = (_read_only(array) for array in (projectable.codes.reshape(-1), *projectable.water_bone))
    shape = np.array(grid.shape, dtype=np.int64)
    sums = np.empty((4, carm.rows, carm.columns), dtype=np.float32)
    for start in range(0, carm.rows, _BLOCK_ROWS):
        check_cancelled(monitor)
        stop = min(start + _BLOCK_ROWS, carm.rows)
        block = np.zeros((4, stop - start, carm.columns), dtype=np.float32)
        _cast_rows(flat, shape, water_of, bone_of, source, corner + start * steps[0], steps, edges_lps, block)
        sums[:, start:stop] = block
        monitor.report(Progress("projecting", stop, carm.rows))
    sums.setflags(write=False)
    return Shadows(sums[0], sums[1], sums[2], sums[3])


def _read_only(array: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
    view = np.ascontiguousarray(array).view()
    view.setflags(write=False)
    return view


def project_mask(mask: Mask, carm: CArm) -> npt.NDArray[np.float32]:
    """Give how far each ray runs inside a mask.

    Parameters
    ----------
    mask : Mask
        The voxels.
    carm : CArm
        The C-arm.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Lengths, mm.
    """
    where = np.nonzero(mask.voxels)
    if not where[0].size:
        return np.zeros((carm.rows, carm.columns), dtype=np.float32)
    # One voxel of margin, so that the shadow fades at the mask's rim as it does inside the grid.
    low = [max(int(axis.min()) - 1, 0) for axis in where]
    high = [min(int(axis.max()) + 2, n) for axis, n in zip(where, mask.grid.shape, strict=True)]
    start, stop = (low[0], low[1], low[2]), (high[0], high[1], high[2])
    block = mask.voxels[start[0] : stop[0], start[1] : stop[1], start[2] : stop[2]]
    codes = np.where(block, _METAL, np.uint16(0)).astype(np.uint16)
    table = np.zeros((2, int(_CEMENT) + 1), dtype=np.float32)
    return project_volume(Projectable(mask.grid.crop(start, stop), codes, table), carm).metal_mm


@_compiled(parallel=True)
def _cast_rows(
    codes: npt.NDArray[np.uint16],
    shape: npt.NDArray[np.int64],
    water_of: npt.NDArray[np.float32],
    bone_of: npt.NDArray[np.float32],
    source: Array,
    corner: Array,
    steps: Array,
    edges_lps: Array,
    sums: npt.NDArray[np.float32],
) -> None:
    """Cast every ray of a block of detector rows; all positions in index coordinates."""
    for row in numba.prange(sums.shape[1]):
        for column in range(sums.shape[2]):
            run = corner + row * steps[0] + column * steps[1] - source
            _cast_ray(codes, shape, water_of, bone_of, source, run, edges_lps, sums[:, row, column])


@_compiled()
def _span(shape: npt.NDArray[np.int64], source: Array, run: Array) -> tuple[float, float]:
    """Give the shares of a ray, 0 at the source and 1 at the detector, between which it is inside the voxels."""
    enter, leave = 0.0, 1.0
    for axis in range(3):
        low, high = -0.5 - source[axis], shape[axis] - 0.5 - source[axis]
        if abs(run[axis]) < 1e-12:
            if low > 0.0 or high < 0.0:
                return 1.0, 0.0
            continue
        near, far = low / run[axis], high / run[axis]
        enter = max(enter, min(near, far))
        leave = min(leave, max(near, far))
    return enter, leave


@_compiled()
def _share_of(
    wanted: np.uint16,
    c00: np.uint16,
    c10: np.uint16,
    c01: np.uint16,
    c11: np.uint16,
    w00: np.float32,
    w10: np.float32,
    w01: np.float32,
    w11: np.float32,
) -> np.float32:
    """Sum the weights of the corners that hold the wanted code."""
    total = np.float32(0.0)
    for code, weight in ((c00, w00), (c10, w10), (c01, w01), (c11, w11)):
        if code == wanted:
            total += weight
    return total


@_compiled()
def _cast_ray(
    codes: npt.NDArray[np.uint16],
    shape: npt.NDArray[np.int64],
    water_of: npt.NDArray[np.float32],
    bone_of: npt.NDArray[np.float32],
    source: Array,
    run: Array,
    edges_lps: Array,
    sums: npt.NDArray[np.float32],
) -> None:
    """Sum up one ray: water, bone, metal, cement, in mm."""
    enter, leave = _span(shape, source, run)
    if leave <= enter:
        return
    a = 0
    if abs(run[1]) > abs(run[a]):
        a = 1
    if abs(run[2]) > abs(run[a]):
        a = 2
    b, c = (a + 1) % 3, (a + 2) % 3
    stride_0, stride_1 = shape[1] * shape[2], shape[2]
    stride_a = stride_0 if a == 0 else (stride_1 if a == 1 else 1)
    stride_b = stride_0 if b == 0 else (stride_1 if b == 1 else 1)
    stride_c = stride_0 if c == 0 else (stride_1 if c == 1 else 1)
    one, other = source[a] + enter * run[a], source[a] + leave * run[a]
    first, last = min(one, other), max(one, other)
    slope_b, slope_c = run[b] / run[a], run[c] / run[a]
    offset_b, offset_c = source[b] - source[a] * slope_b, source[c] - source[a] * slope_c
    end_b, end_c = shape[b] - 1, shape[c] - 1
    water = bone = metal = cement = np.float32(0.0)
    for plane in range(max(int(np.floor(first + 0.5)), 0), min(int(np.floor(last + 0.5)), shape[a] - 1) + 1):
        # A plane stands for the half voxel on either side of it; the first and the last may be cut.
        weight = min(last, plane + 0.5) - max(first, plane - 0.5)
        at_b = min(max(offset_b + plane * slope_b, 0.0), float(end_b))
        at_c = min(max(offset_c + plane * slope_c, 0.0), float(end_c))
        ib, ic = int(at_b), int(at_c)
        up_b, up_c = np.float32(weight * (at_b - ib)), np.float32(at_c - ic)
        low_b, low_c = np.float32(weight) - up_b, np.float32(1.0) - up_c
        # Unsigned: numba would otherwise look at each index for Python's counting from the end.
        corner = np.uint64(plane * stride_a + ib * stride_b + ic * stride_c)
        # On the last voxel the neighbour has no weight: look at the voxel itself instead of past the end.
        beside_b = np.uint64(stride_b if ib < end_b else 0)
        beside_c = np.uint64(stride_c if ic < end_c else 0)
        c00, c10 = codes[corner], codes[corner + beside_b]
        c01, c11 = codes[corner + beside_c], codes[corner + beside_b + beside_c]
        w00, w10, w01, w11 = low_b * low_c, up_b * low_c, low_b * up_c, up_b * up_c
        water += w00 * water_of[c00] + w10 * water_of[c10] + w01 * water_of[c01] + w11 * water_of[c11]
        bone += w00 * bone_of[c00] + w10 * bone_of[c10] + w01 * bone_of[c01] + w11 * bone_of[c11]
        if max(max(c00, c10), max(c01, c11)) >= _METAL:
            metal += _share_of(_METAL, c00, c10, c01, c11, w00, w10, w01, w11)
            cement += _share_of(_CEMENT, c00, c10, c01, c11, w00, w10, w01, w11)
    step_mm = 0.0
    for axis in range(3):
        along = edges_lps[axis, 0] * run[0] + edges_lps[axis, 1] * run[1] + edges_lps[axis, 2] * run[2]
        step_mm += along * along
    step_mm = np.sqrt(step_mm) / abs(run[a])
    sums[0], sums[1], sums[2], sums[3] = water * step_mm, bone * step_mm, metal * step_mm, cement * step_mm
