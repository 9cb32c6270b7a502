"""One label map from masks on several grids, and the same on the CT's own slices."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy
from planner.model.labels import PRECEDENCE, LabelMap, Structure, StructureKind
from planner.model.scan import StoredSlices
from planner.model.volume import Mask
from planner.safety.breaches import BreachPatch
from planner.segment.upright import Box, back_in_box

_WHOLE: Box = (slice(None), slice(None), slice(None))


def label_map(
    grid: Grid,
    *,
    implants: Sequence[tuple[str, Mask]],
    gaps: Sequence[tuple[str, Mask]],
    breaches: Sequence[BreachPatch],
    anatomy: Anatomy,
    loose: Mask,
    cups: Mask,
) -> LabelMap:
    """Lay all structures over each other by their precedence.

    Parameters
    ----------
    grid : Grid
        The grid that the CT is planned on.
    implants, gaps : sequence of (id, Mask)
        On any grid.
    breaches : sequence of BreachPatch
        Their places outside of the bone.
    anatomy : Anatomy
        Canal and bones, on the working grid.
    loose : Mask
        Bone that is in none of the anatomy's bones, on the anatomy's grid.
    cups : Mask
        What cups hold, on the anatomy's grid: a bone's envelope closes over it, yet it is no bone.

    Returns
    -------
    LabelMap
        Implants have the codes 1, 2, ..., then gaps, breaches, canal, discs, each bone that was told apart, and bone
        in none of them.
    """
    layers: list[tuple[StructureKind, str, Mask | BreachPatch]] = [
        *(("implant", name, mask) for name, mask in implants),
        *(("gap", name, mask) for name, mask in gaps),
        *(("breach", patch.breach.id, patch) for patch in breaches),
    ]
    if anatomy.canal is not None:
        layers.append(("canal", "canal", anatomy.canal))
    if anatomy.disc is not None:
        layers.append(("disc", "discs", anatomy.disc))
    layers += [("bone", bone.name, _less(bone.mask, cups)) for bone in anatomy.bones]
    layers.append(("bone", "bone", _less(loose, cups)))
    codes = np.zeros(grid.shape, np.uint8 if len(layers) < 256 else np.uint16)
    structures = [Structure(code=k, kind=kind, id=name) for k, (kind, name, _) in enumerate(layers, start=1)]
    # Painted from the lowest precedence to the highest, so that the first named keeps the voxel.
    order = sorted(range(len(layers)), key=lambda k: -PRECEDENCE.index(layers[k][0]))
    for k in order:
        what = layers[k][2]
        box, voxels = _in_box(what, grid)
        codes[box][voxels] = k + 1
    return LabelMap(grid, codes, tuple(structures))


def _less(mask: Mask, taken: Mask) -> Mask:
    mask.grid.require_same(taken.grid)
    return Mask(mask.grid, mask.voxels & ~taken.voxels)


def codes_on_slices(labels: LabelMap, slices: StoredSlices) -> npt.NDArray[np.generic]:
    """Bring a label map onto the slices that a CT's file holds.

    Parameters
    ----------
    labels : LabelMap
        On the grid that the CT was planned on.
    slices : StoredSlices
        The file's slices, in any orientation; they may lean or lie at uneven distances.

    Returns
    -------
    ndarray of uint8 or uint16, shape ``slices.shape``
        Each voxel has the code of the nearest voxel of the label map, 0 where there is none.
    """
    inverse = labels.grid.index_from_lps
    starts = slices.positions_lps @ inverse[:3, :3].T + inverse[:3, 3]
    by_row, by_column = inverse[:3, :3] @ slices.row_step_lps, inverse[:3, :3] @ slices.column_step_lps
    rows, columns = np.arange(slices.rows)[:, None], np.arange(slices.columns)[None, :]
    out = np.zeros(slices.shape, labels.codes.dtype)
    for number, start in enumerate(starts):
        # An axis that neither rows nor columns move along stays one number, so that little is computed.
        index, inside = [], np.ones((1, 1), dtype=bool)
        for axis, size in enumerate(labels.grid.shape):
            at = np.rint(start[axis] + _moved(rows, by_row[axis]) + _moved(columns, by_column[axis])).astype(np.intp)
            inside = inside & (at >= 0) & (at < size)
            index.append(np.clip(at, 0, size - 1))
        out[number] = np.where(inside, labels.codes[tuple(index)], 0)
    return out


def _moved(steps: npt.NDArray[np.intp], by: float) -> npt.NDArray[np.float64]:
    """Give the way along an axis, as one number where it is nought but for rounding."""
    return np.zeros((1, 1)) if abs(by) * steps.size < 1e-6 else np.asarray(steps * by, dtype=np.float64)


def _in_box(what: Mask | BreachPatch, grid: Grid) -> tuple[Box, npt.NDArray[np.bool_]]:
    """Give what is painted, in a box of the grid that holds all of it."""
    if isinstance(what, Mask):
        return (_WHOLE, what.voxels) if grid.is_same(what.grid) else back_in_box(what, grid)
    index = np.rint(grid.to_index(what.way_out_lps)).astype(int)
    index = index[np.all((index >= 0) & (index < np.array(grid.shape)), axis=1)]
    if not len(index):
        return (slice(0, 0),) * 3, np.zeros((0, 0, 0), dtype=bool)
    low, high = index.min(axis=0), index.max(axis=0) + 1
    out = np.zeros(high - low, dtype=bool)
    out[tuple((index - low).T)] = True
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return (z, y, x), out
