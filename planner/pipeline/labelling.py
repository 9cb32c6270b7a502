"""One label map on the CT's own grid, from masks on several grids."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.geometry.grid import Grid
from planner.model.anatomy import Anatomy
from planner.model.labels import PRECEDENCE, LabelMap, Structure, StructureKind
from planner.model.volume import Mask
from planner.safety.breaches import BreachPatch
from planner.segment.upright import back_to


def label_map(
    grid: Grid,
    *,
    implants: Sequence[tuple[str, Mask]],
    gaps: Sequence[tuple[str, Mask]],
    breaches: Sequence[BreachPatch],
    anatomy: Anatomy,
) -> LabelMap:
    """Lay all structures over each other by their precedence.

    Parameters
    ----------
    grid : Grid
        The CT's own grid.
    implants, gaps : sequence of (id, Mask)
        On any grid.
    breaches : sequence of BreachPatch
        Their places outside of the bone.
    anatomy : Anatomy
        Canal and bone, on the working grid.

    Returns
    -------
    LabelMap
        Implants have the codes 1, 2, ..., then gaps, breaches, canal and bone.
    """
    layers: list[tuple[StructureKind, str, Mask | BreachPatch]] = [
        *(("implant", name, mask) for name, mask in implants),
        *(("gap", name, mask) for name, mask in gaps),
        *(("breach", patch.breach.id, patch) for patch in breaches),
    ]
    if anatomy.canal is not None:
        layers.append(("canal", "canal", anatomy.canal))
    layers.append(("bone", "bone", anatomy.bone))
    codes = np.zeros(grid.shape, np.uint8 if len(layers) < 256 else np.uint16)
    structures = [Structure(code=k, kind=kind, id=name) for k, (kind, name, _) in enumerate(layers, start=1)]
    # Painted from the lowest precedence to the highest, so that the first named keeps the voxel.
    order = sorted(range(len(layers)), key=lambda k: -PRECEDENCE.index(layers[k][0]))
    for k in order:
        what = layers[k][2]
        codes[_voxels(what, grid)] = k + 1
    return LabelMap(grid, codes, tuple(structures))


def _voxels(what: Mask | BreachPatch, grid: Grid) -> npt.NDArray[np.bool_]:
    if isinstance(what, Mask):
        return what.voxels if grid.is_same(what.grid) else back_to(what, grid).voxels
    out = np.zeros(grid.shape, dtype=bool)
    index = np.rint(grid.to_index(what.way_out_lps)).astype(int)
    inside = np.all((index >= 0) & (index < np.array(grid.shape)), axis=1)
    out[tuple(index[inside].T)] = True
    return out
