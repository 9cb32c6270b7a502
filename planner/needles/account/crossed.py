"""What a needle crosses on its way to bone, by name where its place tells it.

Muscles are told from fat by the CT, but not from each other: their names follow from where they lie to the trochanter
and say so ("by its place").
"""

import numpy as np
import numpy.typing as npt

from planner.geometry.frames import Array
from planner.model.anatomy import Anatomy
from planner.model.needle import Crossing
from planner.needles.hip.flank import MARGIN_MM, Flank

_STEP_MM = 0.4
_LEAST_TOLD = 0.8
"""Of the way through soft tissue so much must be told as muscle or fat, or no part's length is given. Ours."""
_BURSA_MM = 3.0
"""The last so much before the trochanter's bone is its bursa and tendon; the bursa itself does not show. Ours."""
_SKIN_MM = 4.0
"""What is neither fat nor muscle so near to the surface is skin. Ours: skin of the thigh is 2 to 3 mm."""
FAT, MUSCLE, UNTOLD = range(3)
BURSA = "trochanteric bursa and tendon (by its place)"


def crossed_at_hip(
    anatomy: Anatomy,
    flank: Flank | None,
    *,
    bone_lps: Array,
    skin_lps: Array | None,
    in_bone_mm: float,
    into_femur: bool,
) -> tuple[Crossing, ...]:
    """Name what a needle to a hip crosses, from the skin inwards.

    Parameters
    ----------
    anatomy : Anatomy
        With muscle and fat, where they were told apart.
    flank : Flank or None
        The trochanter; None where it was not found.
    bone_lps : ndarray, shape (3,)
        Where the needle enters bone, LPS mm.
    skin_lps : ndarray, shape (3,), or None
        Where it enters the skin; None outside of the picture.
    in_bone_mm : float
        Length within bone.
    into_femur : bool
        Whether that bone is the femur.

    Returns
    -------
    tuple of Crossing
        "soft tissue" as a whole, its parts (which make it whole), and bone; only bone where the skin is not in the
        picture, and no parts where too little of the way is told.
    """
    bone = Crossing(structure="bone", length_mm=in_bone_mm)
    if skin_lps is None:
        return (bone,)
    length = float(np.linalg.norm(skin_lps - bone_lps))
    whole = Crossing(structure="soft tissue", length_mm=length)
    count = max(1, round(length / _STEP_MM))
    points = skin_lps + (np.arange(count)[:, None] + 0.5) / count * (bone_lps - skin_lps)
    tissue = tissue_along(anatomy, points)
    if tissue is None or np.mean(tissue != UNTOLD) < _LEAST_TOLD:
        return (whole, bone)
    step = length / count
    over = flank is not None and into_femur and flank.is_over_trochanter(bone_lps)
    names = _names(tissue, points, step, flank, over=over)
    first: dict[str, int] = {}
    for k, name in enumerate(names):
        first.setdefault(name, k)
    parts = (Crossing(structure=n, length_mm=step * names.count(n)) for n in sorted(first, key=lambda n: first[n]))
    return (whole, *parts, bone)


def tissue_along(anatomy: Anatomy, points_lps: Array) -> npt.NDArray[np.int64] | None:
    """Tell fat from muscle at points.

    Parameters
    ----------
    anatomy : Anatomy
        With muscle and fat, where they were told apart.
    points_lps : ndarray, shape (N, 3)
        LPS mm.

    Returns
    -------
    ndarray of int, shape (N,), or None
        `FAT`, `MUSCLE` or `UNTOLD`; None where nobody told them apart.
    """
    if anatomy.muscle is None or anatomy.fat is None:
        return None
    cells = np.rint(np.asarray(anatomy.grid.to_index(points_lps))).astype(int)
    within = np.all((cells >= 0) & (cells < np.array(anatomy.grid.shape)), axis=1)
    at = tuple(np.clip(cells, 0, np.array(anatomy.grid.shape) - 1).T)
    tissue = np.where(anatomy.muscle.voxels[at], MUSCLE, np.where(anatomy.fat.voxels[at], FAT, UNTOLD))
    return np.asarray(np.where(within, tissue, UNTOLD), dtype=np.int64)


def _names(
    tissue: npt.NDArray[np.int64], points: Array, step_mm: float, flank: Flank | None, *, over: bool
) -> list[str]:
    names = []
    for k, kind in enumerate(tissue):
        if over and (len(tissue) - k - 0.5) * step_mm < _BURSA_MM:
            names.append(BURSA)
        elif kind == MUSCLE:
            names.append("muscle" if flank is None else muscle_at(flank, points[k]))
        elif kind == FAT or k * step_mm < _SKIN_MM:
            names.append("skin and fat")
        else:
            names.append("not told (fascia, tendon, vessels)")
    return names


def muscle_at(flank: Flank, point_lps: Array) -> str:
    """Name the muscle that usually lies at a place beside the hip.

    Parameters
    ----------
    flank : Flank
        The trochanter.
    point_lps : ndarray, shape (3,)
        In muscle, LPS mm.

    Returns
    -------
    str
        With "by its place", for the CT does not part muscles.
    """
    above, before = float(flank.above_mm(point_lps)), float(flank.before_mm(point_lps))
    if before > MARGIN_MM:
        name = "tensor fasciae latae" if above > -flank.height_mm else "vastus lateralis or rectus femoris"
    elif before < -MARGIN_MM:
        name = "gluteus maximus"
    else:
        name = "gluteus medius or minimus" if above > 0.0 else "vastus lateralis"
    return f"muscle ({name} by its place)"
