"""The line round a stem or a cup as a person drew it, read on the implant's rays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from planner.config.hip_config import HipGapConfig
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.gap import Gap, GapWidth
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume
from planner.segment.gaps.hip_grades import cup_by_zones
from planner.segment.gaps.hip_look import mantle_of
from planner.segment.gaps.interface_edge import interface_of
from planner.segment.gaps.interface_rays import OFFSETS_MM, Interface
from planner.segment.gaps.stem_loosening import stem_loosening
from planner.segment.implants.hips import HipPart
from planner.segment.implants.parts import ImplantPart
from planner.segment.unwrap import Cells, Floats, sampler_round
from planner.segment.upright import Bools

_BLUR_VOXELS = 0.5
"""Standard deviation of the averaging that makes steps of voxels a wall, in voxels; as round screws."""
_SLIT_MM = 2.0
"""A mask that begins this near to the metal's edge begins at it: metal is masked wider than it is. Ours."""
_LEAST_STEP = 0.25
"""Less of a voxel beyond the metal is no line. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnLine:
    """What a gap covers of its implant's interface.

    Parameters
    ----------
    interface : Interface
        The implant's rays.
    lucent : ndarray of bool, shape (rows, angles)
        Where the gap touches metal that lies in bone.
    width_mm : ndarray, shape (rows, angles)
        Square to the metal, as far as the rays reach; 0 where nothing is lucent.
    """

    interface: Interface
    lucent: Cells
    width_mm: Array

    def described(self, gap: Gap) -> Gap:
        """Write width and lucent share into a gap's record; unchanged where the gap touches no interface."""
        area = self.interface.area_mm2()
        total = float(area[self.interface.in_bone].sum())
        if not self.lucent.any() or total <= 0:
            return gap
        median, p95, most = (float(np.percentile(self.width_mm[self.lucent], q)) for q in (50, 95, 100))
        share = min(1.0, float(area[self.lucent].sum()) / total)
        return gap.model_copy(
            update={"width_mm": GapWidth(median=median, p95=p95, max=most), "interface_fraction": share}
        )


def hip_interface(
    volume: Volume, part: HipPart, bone: Mask, config: HipGapConfig, *, mantles: Sequence[ImplantPart] = ()
) -> Interface | None:
    """Lay rays from a stem's or a cup's metal, as for its measurement.

    Parameters
    ----------
    volume : Volume
        The original CT.
    part : HipPart
        The implant.
    bone : Mask
        The bone's envelope.
    config : HipGapConfig
        The settings.
    mantles : sequence of ImplantPart
        Cement that was told; other parts are passed over.

    Returns
    -------
    Interface or None
        None for other parts.
    """
    if part.record.kind not in ("femoral_stem", "acetabular_cup"):
        return None
    return interface_of(volume, part, bone, config, mantle_of(part.record, mantles))


def read_line(interface: Interface, gap: Bools, metal: Bools, grid: Grid) -> DrawnLine:
    """Read a drawn gap along an implant's rays.

    Parameters
    ----------
    interface : Interface
        The rays.
    gap, metal : ndarray of bool, shape ``grid.shape``
        The gap, and all implants.
    grid : Grid
        Their grid.

    Returns
    -------
    DrawnLine

    Notes
    -----
    As round screws: mask and metal, averaged over half a voxel, end at half height.
    """
    steel = _soft(metal, interface, grid) * (OFFSETS_MM <= _SLIT_MM)
    bare = _reach_mm(steel)
    reach = _reach_mm(np.minimum(1.0, steel + _soft(gap & ~metal, interface, grid)))
    lucent = (reach > bare + _LEAST_STEP * min(grid.spacing_mm)) & interface.in_bone
    return DrawnLine(interface, lucent, np.where(lucent, reach, 0.0))


def _soft(voxels: Bools, interface: Interface, grid: Grid) -> Floats:
    shape = interface.metal_mm.shape
    points = np.stack([np.asarray(interface.points_lps(np.full(shape, mm))) for mm in OFFSETS_MM], axis=2)
    block = sampler_round(voxels, grid, points[::4, ::4, (0, -1)].reshape(-1, 3), margin_mm=6.0)
    return replace(block, values=ndimage.gaussian_filter(block.values, _BLUR_VOXELS, mode="nearest")).at(points)


def _reach_mm(field: Floats) -> Array:
    """Say where the first run of a field over a half ends that begins near the metal; 0 where none does."""
    inside = field >= 0.5
    near = int(np.searchsorted(OFFSETS_MM, _SLIT_MM)) + 1
    begins = np.argmax(inside[..., :near], axis=2)
    beyond = np.arange(len(OFFSETS_MM)) > begins[..., None]
    ends = beyond & ~inside
    k = np.where(ends.any(axis=2), np.argmax(ends, axis=2), len(OFFSETS_MM) - 1)
    low, high = (np.take_along_axis(field, (k - back)[..., None], 2)[..., 0] for back in (0, 1))
    part = np.clip((high - 0.5) / np.maximum(high - low, 1e-6), 0.0, 1.0)
    reach = OFFSETS_MM[k - 1] + part * (OFFSETS_MM[k] - OFFSETS_MM[k - 1])
    return np.asarray(np.where(inside[..., :near].any(axis=2), reach, 0.0))


def regraded(record: Implant, lines: Sequence[DrawnLine], config: HipGapConfig) -> Implant:
    """Grade a stem anew by the lines that a person left round it.

    Parameters
    ----------
    record : Implant
        The stem as it was graded by what was measured.
    lines : sequence of DrawnLine
        All of its gaps, on the same rays; empty where all were erased.
    config : HipGapConfig
        The limits.

    Returns
    -------
    Implant
        Unchanged where the scan could not tell whether it is loose, and for what is not graded.
    """
    if record.loosening is None or len(record.loosening_criteria) < 2:
        return record
    share, widest = 0.0, 0.0
    if lines:
        area, in_bone = lines[0].interface.area_mm2(), lines[0].interface.in_bone
        total = max(float(area[in_bone].sum()), 1e-6)
        width = np.max([line.width_mm for line in lines], axis=0)
        order = np.argsort(-width[in_bone])
        widths, covered = width[in_bone][order], np.cumsum(area[in_bone][order]) / total
        share = float(area[in_bone & (width > 0)].sum()) / total
        widest = float(widths[np.argmax(covered >= config.line_share)])
    of_share, of_width, *rest = record.loosening_criteria
    criteria = (
        of_share.model_copy(update={"measured": share}), of_width.model_copy(update={"measured": widest}), *rest
    )  # fmt: skip
    call = stem_loosening(share, widest, trust=1.0, config=config)
    return record.model_copy(update={"loosening": call, "loosening_criteria": criteria})


def regraded_cup(
    record: Implant, part: HipPart, interface: Interface, lines: Sequence[DrawnLine], config: HipGapConfig
) -> Implant:
    """Grade a cup anew by the lines that a person left behind it.

    Parameters
    ----------
    record : Implant
        The cup as it was graded by what was measured.
    part : HipPart
        Its sphere and mouth.
    interface : Interface
        Its rays.
    lines : sequence of DrawnLine
        All of its gaps, on these rays; empty where all were erased.
    config : HipGapConfig
        The limits.

    Returns
    -------
    Implant
        Unchanged where the scan could not tell whether it is loose.
    """
    if record.loosening is None:
        return record
    lucent = np.any([np.zeros(interface.in_bone.shape, dtype=bool), *(line.lucent for line in lines)], axis=0)
    anew = cup_by_zones(record, part, interface, lucent, trust=1.0, is_blind=False, config=config)
    # what else speaks of its loosening was not drawn
    others = record.loosening_criteria[len(anew.loosening_criteria) :]
    return anew.model_copy(update={"loosening_criteria": (*anew.loosening_criteria, *others)})
