"""Canal and bone of a plan's label map against those that were built."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.geometry.frames import Array
from planner.model.labels import Structure
from planner.model.record import NotNegative, Record, Share
from planner.phantoms.score.known_case import Bools, KnownCase
from planner.phantoms.truth.document import CanalTruth

_ROUND_METAL_MM = 15.0
"""Bone is judged this near to the implants: farther off the plan need not outline it. Set by eye."""


class SurroundingsScore(Record):
    """How well canal and bone were outlined; all None where plan or truth does not tell them."""

    canal_covered: Share | None
    """Share of the tube within the true canal that the plan calls canal or breach."""
    canal_centre_error_mm: NotNegative | None
    """Median over the slices: middle of the plan's canal to the true middle line."""
    canal_centre_error_max_mm: NotNegative | None
    bone_found: Share | None
    """Share of the true bone near the implants, gaps and implants' tracts with it, that the plan takes for these."""
    bone_right: Share | None
    """Share of what the plan takes for bone or gap near the implants that is."""


def score_surroundings(
    structures: tuple[Structure, ...], codes: npt.NDArray[np.generic], case: KnownCase
) -> SurroundingsScore:
    """Hold canal and bone against those that were built.

    Parameters
    ----------
    structures : tuple of Structure
        What the plan's codes mean.
    codes : ndarray, shape ``case.grid.shape``
        The plan's label map on the truth's grid.
    case : KnownCase
        What is true.

    Returns
    -------
    SurroundingsScore
    """
    of_kind = {
        kind: np.isin(codes, [s.code for s in structures if s.kind == kind])
        for kind in ("canal", "bone", "gap", "implant", "breach")
    }
    covered = centre = worst = None
    canal = case.document.structures.canal
    if canal is not None and of_kind["canal"].any():
        tube = _tube(canal, case)
        covered = float((of_kind["canal"] | of_kind["breach"])[tube].mean()) if tube.any() else None
        errors = _centre_errors_mm(of_kind["canal"], canal, case)
        if len(errors):
            centre, worst = float(np.median(errors)), float(errors.max())
    found, right = _bone_shares(of_kind, case)
    return SurroundingsScore(
        canal_covered=covered,
        canal_centre_error_mm=centre,
        canal_centre_error_max_mm=worst,
        bone_found=found,
        bone_right=right,
    )


def _bone_shares(of_kind: dict[str, Bools], case: KnownCase) -> tuple[float | None, float | None]:
    told = of_kind["bone"] | of_kind["gap"]
    if not told.any() or not case.metal.any():
        return None, None
    reach = [max(1, round(_ROUND_METAL_MM / s)) for s in case.grid.spacing_mm]
    # A box about each voxel of metal is near enough, and quick.
    near = np.asarray(ndimage.maximum_filter(case.metal, [2 * r + 1 for r in reach]))
    env = case.env & near
    taken = told | of_kind["implant"] | of_kind["breach"]
    judged = told & near & ~case.metal
    found = float(taken[env].mean()) if env.any() else None
    return found, float(case.env[judged].mean()) if judged.any() else None


def _tube(canal: CanalTruth, case: KnownCase) -> Bools:
    points = np.asarray(canal.points, dtype=np.float64)
    low, high = points.min(axis=0) - canal.radius_mm, points.max(axis=0) + canal.radius_mm
    ends = np.asarray(case.grid.to_index(np.stack([low, high])))
    start = np.maximum(np.floor(ends.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(ends.max(axis=0)) + 1, case.grid.shape).astype(int)
    out = np.zeros(case.grid.shape, dtype=bool)
    if np.any(stop <= start):
        return out
    block = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    index = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in block), indexing="ij"), axis=-1)
    distance = _from_line_mm(np.asarray(case.grid.to_lps(index.reshape(-1, 3))), points)
    out[block] = (distance <= canal.radius_mm).reshape(index.shape[:3])
    return out


def _from_line_mm(points_lps: Array, line_lps: Array) -> Array:
    least = np.full(len(points_lps), np.inf)
    for a, b in pairwise(line_lps):
        share = np.clip(((points_lps - a) @ (b - a)) / ((b - a) @ (b - a)), 0.0, 1.0)
        least = np.minimum(least, np.linalg.norm(points_lps - a - share[:, None] * (b - a), axis=1))
    return least


def _centre_errors_mm(found: Bools, canal: CanalTruth, case: KnownCase) -> Array:
    """Give, for each slice that the true line passes, how far the found canal's middle lies from it."""
    line = np.asarray(canal.points, dtype=np.float64)
    low, high = line[:, 2].min(), line[:, 2].max()
    slices = np.flatnonzero(found.any(axis=(1, 2)))
    middles = []
    for k in slices:
        rows, columns = np.nonzero(found[k])
        middles.append(np.asarray(case.grid.to_lps([float(k), float(rows.mean()), float(columns.mean())])))
    points = np.array(middles, dtype=np.float64).reshape(-1, 3)
    kept = (points[:, 2] >= low) & (points[:, 2] <= high)
    return _from_line_mm(points[kept], line)
