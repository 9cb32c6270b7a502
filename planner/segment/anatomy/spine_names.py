"""Names for the bones of a parted spine: vertebrae from the top, sacrum, ilia, ribs."""

from dataclasses import dataclass

import cc3d
import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from planner.geometry.frames import points_lps
from planner.geometry.grid import Grid
from planner.model.bones import Bone, BoneKind
from planner.model.implant import Side
from planner.model.volume import Mask, Volume
from planner.segment.anatomy.flood import Labels
from planner.segment.anatomy.spine_parting import PartedSpine
from planner.segment.upright import Bools

_CREST_ABOVE_MM = 35.0
"""The middle of an iliac wing lies below L5: crests reach to L4. By eye."""
_RIB_ASIDE_MM = 20.0
"""Ribs lie beside the bodies, the aorta in front of them. By eye."""
_RIB_LONG_MM, _RIB_WIDE_MM, _RIB_THICK_MM = 20.0, (6.0, 40.0), (5.0, 15.0)
"""Spread of a rib's piece: 6 to 9 mm thick, 10 to 15 mm high, and bent; smears of metal are thinner, lumps shorter,
wings of the ilium broader. By eye."""
_UNMEASURED_MM = 1.5
"""A bone so near to what was not measured is cut by it."""


@dataclass(frozen=True, slots=True, eq=False)
class NamedBones:
    """Bones with their names.

    Parameters
    ----------
    bones : tuple of Bone
        Vertebrae from the top down, sacrum, ilia, ribs from the top down.
    labels : ndarray of int16
        0, or one more than the place of the voxel's bone in `bones`.
    of_level : tuple of (str or None)
        The bone's name at each level; None where too little of it is in view.
    """

    bones: tuple[Bone, ...]
    labels: Labels
    of_level: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A bone to be: which pieces it is made of."""

    name: str
    kind: BoneKind
    side: Side | None
    pieces: tuple[int, ...]


def named_bones(parted: PartedSpine, ct: Volume, *, least_ml: float) -> NamedBones:
    """Name the bones of a parted spine.

    Parameters
    ----------
    parted : PartedSpine
        Vertebrae, sacrum, and what is neither, as numbers.
    ct : Volume
        The CT that it was parted on, for what was not measured.
    least_ml : float
        Smaller pieces are left out.

    Returns
    -------
    NamedBones
    """
    pieces = cc3d.connected_components(parted.labels, connectivity=26)
    is_bone = parted.labels > 0
    owners = pieces[is_bone]
    sizes = np.bincount(owners, minlength=1)
    owner = np.zeros(len(sizes), dtype=np.intp)
    owner[owners] = parted.labels[is_bone]
    least = max(1.0, least_ml * 1000.0 / ct.grid.voxel_volume_mm3)
    owner[sizes < least] = 0
    plans, of_level = _levels(parted, owner)
    outside = np.flatnonzero(owner == parted.outsider)
    if len(outside):
        plans += _outside(parted, pieces, outside, ct.grid)
    code = np.zeros(len(sizes), dtype=np.int16)
    for number, plan in enumerate(plans, start=1):
        code[list(plan.pieces)] = number
    labels = code[pieces]
    cut = _cut(labels, ct, len(plans))
    bones = tuple(
        Bone(plan.name, plan.kind, Mask(ct.grid, labels == number), side=plan.side, is_cut=bool(cut[number]))
        for number, plan in enumerate(plans, start=1)
    )
    return NamedBones(bones, labels, of_level)


def _levels(parted: PartedSpine, owner: npt.NDArray[np.intp]) -> tuple[list[_Plan], tuple[str | None, ...]]:
    plans: list[_Plan] = []
    names: list[str | None] = []
    for number in range(1, parted.outsider):
        own = tuple(int(p) for p in np.flatnonzero(owner == number))
        if not own:
            names.append(None)
            continue
        is_sacrum = number == parted.sacrum
        names.append("sacrum" if is_sacrum else f"vertebra-{len(plans) + 1}")
        plans.append(_Plan(names[-1] or "", "sacrum" if is_sacrum else "vertebra", None, own))
    return plans, tuple(names)


def _outside(
    parted: PartedSpine, labelled: npt.NDArray[np.unsignedinteger], pieces: npt.NDArray[np.intp], grid: Grid
) -> list[_Plan]:
    """Tell ilia, beside the sacrum, from ribs, beside thoracic bodies."""
    middles = np.array(ndi.center_of_mass(labelled > 0, labelled, pieces)).reshape(-1, 3)
    along, _, left = parted.course.locate(points_lps(grid.to_lps(middles)))
    sides: list[Side] = ["left" if x > 0 else "right" for x in left]
    crest = -np.inf if parted.sacrum is None else parted.levels.discs[parted.sacrum - 2].along_mm + _CREST_ABOVE_MM
    iliac = along < crest
    plans = []
    for side in ("left", "right"):
        own = tuple(int(p) for p, s, low in zip(pieces, sides, iliac, strict=True) if low and s == side)
        if own:
            plans.append(_Plan(f"ilium-{side}", "ilium", "left" if side == "left" else "right", own))
    ribs = sorted(
        (-float(a), s, int(p))
        for a, x, s, p, low in zip(along, left, sides, pieces, iliac, strict=True)
        if not low and abs(x) > _RIB_ASIDE_MM and _is_long(labelled == p, grid)
    )
    plans += [_Plan(f"rib-{n}", "rib", side, (piece,)) for n, (_, side, piece) in enumerate(ribs, start=1)]
    return plans


def _is_long(piece: Bools, grid: Grid) -> bool:
    """Say whether a piece has the shape of a rib: a rod, no sheet and no lump."""
    cells = np.argwhere(piece)
    spread = np.sqrt(np.linalg.eigvalsh(np.cov(cells.T)) * 12.0) * grid.spacing_mm[0]
    least = (_RIB_THICK_MM[0], _RIB_WIDE_MM[0], _RIB_LONG_MM)
    most = (_RIB_THICK_MM[1], _RIB_WIDE_MM[1], np.inf)
    return bool(np.all(spread >= least) and np.all(spread <= most))


def _cut(labels: Labels, ct: Volume, count: int) -> Bools:
    """Say which labels reach the end of the grid, or what was not measured."""
    out = np.zeros(count + 1, dtype=bool)
    for axis in range(3):
        for end in (0, -1):
            out[np.unique(np.take(labels, end, axis=axis))] = True
    if ct.padding is not None and ct.padding.any():
        reach = max(1, round(_UNMEASURED_MM / ct.grid.spacing_mm[0]))
        out[np.unique(labels[ndi.binary_dilation(ct.padding, iterations=reach)])] = True
    return out
