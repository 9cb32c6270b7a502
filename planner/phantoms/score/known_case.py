"""A case whose truth is known, as its files tell it: the document, and arrays on one grid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from planner.errors import InputError
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.labels import LabelMap
from planner.phantoms.truth.document import TruthDocument, read_truth

Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.uint8]
_ARRAYS_FILE = "truth.npz"
_NEEDED = ("x", "y", "z", "label", "metal", "env", "breach", "body", "forbidden")


@dataclass(frozen=True, slots=True, eq=False)
class KnownCortex:
    """Places where the cortex's true thickness is known.

    Parameters
    ----------
    points_lps, outward_lps : ndarray, shape (N, 3)
        On the bones' outer surface, LPS mm, with unit normals.
    thickness_mm : ndarray, shape (N,)
        Along the normal.
    bone : ndarray of uint8, shape (N,)
        The bone's code.
    """

    points_lps: Array
    outward_lps: Array
    thickness_mm: Array
    bone: Codes


@dataclass(frozen=True, eq=False)
class KnownCase:
    """What is true of a case.

    Parameters
    ----------
    document : TruthDocument
        Implants, gaps, breaches and structures.
    grid : Grid
        Where the arrays' voxels are: slices along S, rows along P, columns along L.
    label, breach : ndarray of uint8, shape ``grid.shape``
        The gaps' and the breaches' codes, 0 for none.
    metal, env, body, forbidden : ndarray of bool, shape ``grid.shape``
        Implants; bone with its gaps filled; all within the skin; what no needle may cross.
    structures : ndarray of uint8, shape ``grid.shape``, or None
        Codes of what no needle may cross, by name; None where the truth does not tell them apart.
    bones, discs : ndarray of uint8, shape ``grid.shape``, or None
        The bones' and the discs' codes; None where the truth does not tell bones apart.
    canal : ndarray of bool, shape ``grid.shape``, or None
        All of the spinal canal's space; None where there is none, or the truth does not tell.
    cortex : KnownCortex or None
        None where the truth does not tell.
    """

    document: TruthDocument
    grid: Grid
    label: Codes
    breach: Codes
    metal: Bools
    env: Bools
    body: Bools
    forbidden: Bools
    structures: Codes | None = None
    bones: Codes | None = None
    discs: Codes | None = None
    canal: Bools | None = None
    cortex: KnownCortex | None = None

    def at(self, array: npt.NDArray[Any], points_lps: Array, *, outside: float) -> npt.NDArray[Any]:
        """Look points up in one of the arrays, at the nearest voxel.

        Parameters
        ----------
        array : ndarray, shape ``grid.shape``
            One of the arrays.
        points_lps : ndarray, shape (N, 3)
            Positions, LPS mm.
        outside : float
            What to give for points outside of the grid.

        Returns
        -------
        ndarray, shape (N,)
        """
        index = np.rint(np.asarray(self.grid.to_index(points_lps))).astype(int)
        inside = np.all((index >= 0) & (index < np.array(array.shape)), axis=1)
        out = np.full(len(index), outside, dtype=array.dtype)
        out[inside] = array[tuple(index[inside].T)]
        return out

    def voxels_lps(self, voxels: Bools) -> Array:
        """Give the centres of the voxels that are set, shape (N, 3), LPS mm."""
        return np.asarray(self.grid.to_lps(np.argwhere(voxels)), dtype=np.float64).reshape(-1, 3)

    def bone_voxels(self, codes: Sequence[int]) -> "CodedPoints":
        """Give the voxels of some bones, each with its bone's code; none where the truth does not tell bones apart."""
        if self.bones is None:
            return CodedPoints(np.zeros((0, 3)), np.zeros(0, dtype=np.uint8))
        wanted = np.isin(self.bones, list(codes))
        return CodedPoints(self.voxels_lps(wanted), self.bones[wanted])

    @cached_property
    def gap_voxels(self) -> "CodedPoints":
        """The gaps' voxels, each with its gap's code."""
        return CodedPoints(self.voxels_lps(self.label > 0), self.label[self.label > 0])

    @cached_property
    def breach_voxels(self) -> "CodedPoints":
        """The breaches' voxels, each with its breach's code."""
        return CodedPoints(self.voxels_lps(self.breach > 0), self.breach[self.breach > 0])

    @cached_property
    def metal_points(self) -> "CodedPoints":
        """The metal's voxels."""
        points = self.voxels_lps(self.metal)
        return CodedPoints(points, np.ones(len(points), dtype=np.uint8))

    @cached_property
    def skin_points(self) -> "CodedPoints":
        """The outermost voxels of the body; where the grid cuts the body there is no skin."""
        inner = ndimage.binary_erosion(np.pad(self.body, 1, mode="edge"))[1:-1, 1:-1, 1:-1]
        points = self.voxels_lps(self.body & ~inner)
        return CodedPoints(points, np.ones(len(points), dtype=np.uint8))


class CodedPoints:
    """Voxel centres with a code each, to ask for the nearest.

    Parameters
    ----------
    points_lps : ndarray, shape (N, 3)
        Positions, LPS mm.
    codes : ndarray of uint8, shape (N,)
        What each belongs to.
    """

    def __init__(self, points_lps: Array, codes: Codes) -> None:
        self.points_lps, self.codes = points_lps, codes
        self._tree = cKDTree(points_lps) if len(points_lps) else None

    def nearest(self, points_lps: Array) -> tuple[Array, Codes]:
        """Give the distance of each point from the nearest voxel's centre, and that voxel's code.

        Parameters
        ----------
        points_lps : ndarray, shape (M, 3)
            Positions, LPS mm.

        Returns
        -------
        distance_mm : ndarray, shape (M,)
            Infinite where there is no voxel at all.
        codes : ndarray of uint8, shape (M,)
            0 where there is none.
        """
        if self._tree is None or not len(points_lps):
            return np.full(len(points_lps), np.inf), np.zeros(len(points_lps), dtype=np.uint8)
        distance, index = self._tree.query(points_lps)
        return np.asarray(distance, dtype=np.float64), self.codes[index]

    def of(self, code: int) -> "CodedPoints":
        """Give the points of one code."""
        chosen = self.codes == code
        return CodedPoints(self.points_lps[chosen], self.codes[chosen])


def known_case(document: TruthDocument, arrays: Mapping[str, npt.NDArray[Any]]) -> KnownCase:
    """Put a truth's document and arrays together.

    Parameters
    ----------
    document : TruthDocument
        What ``truth.json`` holds.
    arrays : mapping of ndarray
        What ``truth.npz`` holds: the axes `x`, `y`, `z` and arrays (z, y, x); of the cortex, lists.

    Returns
    -------
    KnownCase

    Raises
    ------
    InputError
        If an array is missing.
    """
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise InputError(f"the truth's arrays lack {', '.join(missing)}")
    x, y, z = (np.asarray(arrays[name], dtype=np.float64) for name in "xyz")
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([x[1] - x[0], y[1] - y[0], z[1] - z[0]])[:, ::-1]
    matrix[:3, 3] = x[0], y[0], z[0]
    return KnownCase(
        document,
        Grid((len(z), len(y), len(x)), matrix),
        label=np.asarray(arrays["label"], dtype=np.uint8),
        breach=np.asarray(arrays["breach"], dtype=np.uint8),
        metal=np.asarray(arrays["metal"], dtype=bool),
        env=np.asarray(arrays["env"], dtype=bool),
        body=np.asarray(arrays["body"], dtype=bool),
        forbidden=np.asarray(arrays["forbidden"], dtype=bool),
        structures=_codes(arrays, "structures"),
        bones=_codes(arrays, "bones"),
        discs=_codes(arrays, "discs"),
        canal=np.asarray(arrays["canal"], dtype=bool) if "canal" in arrays else None,
        cortex=_cortex(arrays),
    )


def _codes(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> Codes | None:
    return np.asarray(arrays[name], dtype=np.uint8) if name in arrays else None


def _cortex(arrays: Mapping[str, npt.NDArray[Any]]) -> KnownCortex | None:
    bone = _codes(arrays, "cortex_bone")
    if bone is None:
        return None
    points, outward, thick = (
        np.asarray(arrays[f"cortex_{name}"], dtype=np.float64) for name in ("points", "outward", "mm")
    )
    return KnownCortex(points, outward, thick, bone)


def read_known_case(folder: Path) -> KnownCase:
    """Read the truth of a case from its folder.

    Parameters
    ----------
    folder : Path
        Holds ``truth.json`` and ``truth.npz``.

    Returns
    -------
    KnownCase

    Raises
    ------
    InputError
        If a file cannot be read, or is no truth.
    """
    document = read_truth(folder)
    path = folder / _ARRAYS_FILE
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return known_case(document, dict(arrays))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def codes_on(labels: LabelMap, grid: Grid) -> npt.NDArray[Any]:
    """Bring a label map onto another grid.

    Parameters
    ----------
    labels : LabelMap
        On its own grid.
    grid : Grid
        Where it is wanted.

    Returns
    -------
    ndarray, shape ``grid.shape``
        Each voxel has the code of the nearest voxel of the label map, 0 where there is none.
    """
    source_from_target = labels.grid.index_from_lps @ grid.lps_from_index
    moved = ndimage.affine_transform(
        labels.codes,
        source_from_target[:3, :3],
        offset=source_from_target[:3, 3],
        output_shape=grid.shape,
        order=0,
        mode="grid-constant",
        cval=0,
    )
    return np.asarray(moved)
