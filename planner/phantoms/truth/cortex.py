"""True thickness of the cortex: samples on the bones' surfaces, each measured along its own normal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from planner.geometry.frames import Array, PointsLps
from planner.geometry.grid import Grid
from planner.phantoms.scene import Scene
from planner.phantoms.solids.basic import Solid, Union
from planner.phantoms.solids.nearby import nearby
from planner.phantoms.solids.raster import contains
from planner.phantoms.solids.surface import outward_normals
from planner.phantoms.truth.anatomy import TrueBone

_BISECTIONS = 12
_DEEPEST_MM, _STEP_MM = 12.0, 0.125
"""How far in the end of the cortex is looked for: thicker than any; and how finely at first."""
_DEPTHS_MM = np.split(np.arange(1, round(_DEEPEST_MM / _STEP_MM)) * _STEP_MM, [16])
_FREE_MM = (0.3, 1.0)
"""So far outside no other bone and no metal may lie: else that surface is none on a CT."""
_BEYOND_MM = 0.5
_DENSE_HU = 350.0
"""Bone behind the cortex that is denser than this, a rim or a condensed band, leaves the cortex without an end.
Cancellous bone of the phantoms is below it; ours."""
_METAL_HU = 1400.0
"""What is denser is metal, cement or ceramic, at which a cortex ends plainly. Ours."""
_NEAR_METAL_MM, _JUDGED_MM = 6.0, 35.0
"""Half of a bone's samples lie so near to metal, and none farther off than plans outline bone."""
_TRIES, _RIB_TRIES, _DRAWN = 360, 90, 12
"""Places tried on a bone, and on a rib, and how many times as many are drawn, so that some of them lie near metal."""
_SEED = 8


@dataclass(frozen=True, slots=True, eq=False)
class CortexSamples:
    """Places where the cortex's thickness is known.

    Parameters
    ----------
    points_lps : PointsLps, shape (N, 3)
        On the bones' outer surface.
    outward_lps : ndarray, shape (N, 3)
        Unit normals there.
    thickness_mm : ndarray, shape (N,)
        Along the normal, to cancellous bone, marrow, a gap or metal.
    bone : ndarray of uint8, shape (N,)
        The bone's code.
    """

    points_lps: PointsLps
    outward_lps: Array
    thickness_mm: Array
    bone: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class _Surroundings:
    """What a cortex is measured in."""

    bones: tuple[TrueBone, ...]
    scene: Scene
    lucent: tuple[Solid, ...]
    metal: Solid


def cortex_samples(
    bones: Sequence[TrueBone],
    codes: npt.NDArray[np.uint8],
    grid: Grid,
    *,
    scene: Scene,
    lucent: Sequence[Solid],
    metal: Solid,
    metal_voxels: npt.NDArray[np.bool_],
) -> CortexSamples:
    """Measure the cortex of every bone at random places of its surface.

    Parameters
    ----------
    bones : sequence of TrueBone
        Bones.
    codes : ndarray of uint8, shape ``grid.shape``
        Which bone a voxel belongs to.
    grid : Grid
        The voxels.
    scene : Scene
        All that is scanned.
    lucent : sequence of Solid
        Gaps and other ways out of bone.
    metal : Solid
        The implants.
    metal_voxels : ndarray of bool, shape ``grid.shape``
        The same on voxels.

    Returns
    -------
    CortexSamples
        None where two bones touch, where metal lies on the bone, and where dense bone hides the cortex's inner face.
    """
    around = _Surroundings(tuple(bones), scene, tuple(lucent), metal)
    random = np.random.default_rng(_SEED)
    tree = cKDTree(grid.to_lps(np.argwhere(metal_voxels))) if metal_voxels.any() else None
    found = []
    for code, bone in enumerate(bones, start=1):
        inner, outer = (np.asarray(grid.to_lps(index.astype(np.float64))) for index in _crossings(codes, code))
        tries = _RIB_TRIES if bone.kind == "rib" else _TRIES
        if len(inner) and len(chosen := _chosen(inner, tree, tries, random)):
            found.append(_measured(bone, code, inner[chosen], outer[chosen], around))
    if not found:
        nothing = np.zeros((0, 3))
        return CortexSamples(PointsLps(nothing), nothing, np.zeros(0), np.zeros(0, dtype=np.uint8))
    points, normals, thick, owner = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return CortexSamples(PointsLps(points), normals, thick, owner)


def _crossings(codes: npt.NDArray[np.uint8], code: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Give pairs of neighbouring voxels, the first within a bone, the second within none; shape (N, 3) each."""
    own = np.argwhere(codes == code)
    inner, outer = [], []
    for way in (*np.eye(3, dtype=np.intp), *-np.eye(3, dtype=np.intp)):
        beside = own + way
        kept = np.flatnonzero(np.all((beside >= 0) & (beside < codes.shape), axis=1))
        kept = kept[codes[tuple(beside[kept].T)] == 0]
        inner.append(own[kept])
        outer.append(beside[kept])
    return np.concatenate(inner), np.concatenate(outer)


def _chosen(voxels_lps: Array, metal: cKDTree | None, tries: int, random: np.random.Generator) -> npt.NDArray[np.intp]:
    """Choose at random, half of them near metal; shape (M,)."""
    drawn = random.permutation(len(voxels_lps))[: _DRAWN * tries]
    if metal is None:
        return np.sort(drawn[:tries])
    away, _ = metal.query(voxels_lps[drawn], distance_upper_bound=_JUDGED_MM)
    near, far = drawn[away <= _NEAR_METAL_MM], drawn[(away > _NEAR_METAL_MM) & np.isfinite(away)]
    return np.sort(np.concatenate([near[: tries // 2], far[: tries // 2]]))


def _measured(
    bone: TrueBone, code: int, inner_lps: Array, outer_lps: Array, around: _Surroundings
) -> tuple[Array, Array, Array, npt.NDArray[np.uint8]]:
    box = inner_lps.min(axis=0) - _DEEPEST_MM, inner_lps.max(axis=0) + _DEEPEST_MM
    solid, inside = (nearby(s, box, reach_mm=_DEEPEST_MM) for s in (bone.solid, bone.inside))
    points = _on_surface(solid, inner_lps, outer_lps)
    normals = outward_normals(solid, points)
    free = np.linalg.norm(normals, axis=1) > 0.5
    others = [nearby(b.solid, box, reach_mm=2.0) for b in around.bones if b is not bone and _meets(b.solid, box)]
    blocks = Union((*others, nearby(around.metal, box, reach_mm=2.0)))
    for away in _FREE_MM:
        free &= ~contains(blocks, PointsLps(points + away * normals))
        free &= ~contains(solid, PointsLps(points + away * normals))
    free &= contains(solid, PointsLps(points - _FREE_MM[0] * normals))
    points, normals = points[free], normals[free]
    ends = Union((inside, *(nearby(s, box, reach_mm=2.0) for s in (*around.lucent, around.metal) if _meets(s, box))))
    thick = _thickness_mm(solid, ends, points, normals)
    known = np.isfinite(thick)
    points, normals, thick = points[known], normals[known], thick[known]
    plain = _ends_plainly(around.scene, points, normals, thick)
    count = int(plain.sum())
    return points[plain], normals[plain], thick[plain], np.full(count, code, dtype=np.uint8)


def _meets(solid: Solid, box: tuple[Array, Array]) -> bool:
    low, high = solid.bounds_lps
    return bool(np.all(low <= box[1]) and np.all(high >= box[0]))


def _on_surface(solid: Solid, inner_lps: Array, outer_lps: Array) -> Array:
    low, high = np.zeros(len(inner_lps)), np.ones(len(inner_lps))
    way = outer_lps - inner_lps
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        still = contains(solid, PointsLps(inner_lps + middle[:, None] * way))
        low, high = np.where(still, middle, low), np.where(still, high, middle)
    return np.asarray(inner_lps + (0.5 * (low + high))[:, None] * way)


def _thickness_mm(solid: Solid, ends: Solid, points_lps: Array, outward_lps: Array) -> Array:
    """March inwards until the cortex ends; nan where the ray leaves the bone first, or never ends."""
    out = np.full(len(points_lps), np.nan)
    going = np.arange(len(points_lps))
    for depths in _DEPTHS_MM:
        at = points_lps[going, None, :] - depths[:, None] * outward_lps[going, None, :]
        ended, whole = (contains(s, PointsLps(at.reshape(-1, 3))).reshape(at.shape[:2]) for s in (ends, solid))
        # The first step at which the ray is no longer in the cortex says how it ended.
        first = np.argmax(ended | ~whole, axis=1)
        at_first = np.arange(len(going)), first
        out[going[ended[at_first]]] = depths[first[ended[at_first]]]
        going = going[whole[at_first] & ~ended[at_first]]
    known = np.flatnonzero(np.isfinite(out))
    low, high = out[known] - _STEP_MM, out[known].copy()
    for _ in range(_BISECTIONS // 2):
        middle = 0.5 * (low + high)
        ended = contains(ends, PointsLps(points_lps[known] - middle[:, None] * outward_lps[known]))
        low, high = np.where(ended, low, middle), np.where(ended, middle, high)
    out[known] = 0.5 * (low + high)
    return out


def _ends_plainly(scene: Scene, points_lps: Array, outward_lps: Array, thick_mm: Array) -> npt.NDArray[np.bool_]:
    """Say where the cortex is bone all the way, and what lies beneath it is not as dense."""
    tissues = np.array([*(p.tissue.hu for p in scene.parts), scene.background.hu])

    def hu(depth_mm: Array) -> Array:
        at = PointsLps(points_lps - depth_mm[:, None] * outward_lps)
        return np.asarray(tissues[scene.part_index_at(at)])

    half, beneath = hu(0.5 * thick_mm), hu(thick_mm + _BEYOND_MM)
    whole = (half >= _DENSE_HU) & (half <= _METAL_HU)
    return np.asarray(whole & ((beneath < _DENSE_HU) | (beneath > _METAL_HU)))
