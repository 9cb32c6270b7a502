"""Gaps that a person corrected, put in the place of those that were measured, with the same maths."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from planner.config.given_gap_config import GivenGapConfig
from planner.config.plan_config import PlanConfig
from planner.geometry.frames import Array, point_tuple
from planner.geometry.grid import Grid
from planner.geometry.implant_zones import charnley_zones, gruen_zones
from planner.io.labels.gap_labels import GapLabels, gap_labels_of, load_gap_labels
from planner.model.finding import Finding
from planner.model.gap import Gap, GapKind
from planner.model.implant import Implant, ImplantKind
from planner.model.labels import LabelMap
from planner.model.record import PointLps
from planner.model.scan import Scan
from planner.model.volume import Mask, Volume
from planner.pipeline.given_words import Outcome, of_given_gaps
from planner.pipeline.told_anatomy import ToldAnatomy
from planner.pipeline.told_implants import ToldImplants
from planner.segment.gaps.given_halos import correct_halo
from planner.segment.gaps.given_interfaces import hip_interface, read_line, regraded, regraded_cup
from planner.segment.gaps.given_parting import GivenPart, part_mask
from planner.segment.gaps.given_place import (
    block_round,
    on_grid,
    on_same_voxels,
    painted,
    require_on_ct,
    require_place,
)
from planner.segment.gaps.given_spaces import Drawn, Zones, measure_space
from planner.segment.gaps.halo_measurement import HaloMeasurement
from planner.segment.implants.hips import HipPart
from planner.segment.trust import TrustMap
from planner.segment.upright import Bools

Numbers = npt.NDArray[np.integer]
Gaps = GapLabels | LabelMap | Mask | Path | str
"""A corrected gap mask that was read, an array of a script, or where the file is."""
RULES = GivenGapConfig()
_NO_BEARERS = frozenset(("rod", "femoral_head", "cement", "unknown"))
"""Nobody fills gaps beside these; rods run past the heads of screws."""
_LEAST_EDITED = 0.02
"""A mask from another grid moves single cells of a wall by half a voxel: a smaller share of it is no edit. Ours."""
_MARGIN = 4
"""Voxels round gaps and mask that are looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class CorrectedGaps:
    """What stands in the place of the measured gaps.

    Parameters
    ----------
    halos : tuple of HaloMeasurement
        Every screw's, corrected or not, in their order.
    gaps : tuple of (Gap, Mask)
        Screws' gaps first, then those of other implants, then new ones.
    stems : tuple of Implant
        Stems whose gaps were changed, graded anew.
    findings : tuple of Finding
        What was taken, corrected, removed, refused, and what was counted in voxels.
    """

    halos: tuple[HaloMeasurement, ...]
    gaps: tuple[tuple[Gap, Mask], ...]
    stems: tuple[Implant, ...]
    findings: tuple[Finding, ...]


def given_gaps(gaps: Gaps | None, scan: Scan) -> GapLabels | None:
    """Read a corrected gap mask, and refuse one that cannot belong to the CT.

    Parameters
    ----------
    gaps : GapLabels, LabelMap, Mask, Path, str or None
        The mask, or where it is.
    scan : Scan
        The CT.

    Returns
    -------
    GapLabels or None
        On its own grid; None where none was given.

    Raises
    ------
    LabelError
        If it cannot be read, is empty, too large or too coarse, or lies beside the CT or outside of the patient.
    """
    if gaps is None:
        return None
    if isinstance(gaps, GapLabels):
        read = gaps
    else:
        read = gap_labels_of(gaps) if isinstance(gaps, (LabelMap, Mask)) else load_gap_labels(gaps)
    require_on_ct(read.labels, scan.volume, read.name, RULES)
    return read


def correct_gaps(
    given: GapLabels,
    volume: Volume,
    *,
    told: ToldImplants,
    anatomy: ToldAnatomy,
    halos: Sequence[HaloMeasurement],
    hips: Sequence[Implant],
    found: Sequence[tuple[Gap, Mask]],
    trust: TrustMap | None,
    config: PlanConfig,
) -> CorrectedGaps:
    """Put a person's gaps in the place of the measured ones.

    Parameters
    ----------
    given : GapLabels
        The mask, as `given_gaps` gives it.
    volume : Volume
        The CT, its axes along the patient's.
    told : ToldImplants
        The implants.
    anatomy : ToldAnatomy
        The bones.
    halos : sequence of HaloMeasurement
        What was measured round each screw.
    hips : sequence of Implant
        The hips' parts, stems with their loosening.
    found : sequence of (Gap, Mask)
        All gaps that were measured, the screws' too.
    trust : TrustMap or None
        How far metal artefacts leave tissue readable.
    config : PlanConfig
        The settings.

    Returns
    -------
    CorrectedGaps

    Raises
    ------
    LabelError
        If the mask fits the implants better mirrored or moved.
    """
    bone, masks = anatomy.survey.bone, [mask for _, mask in found]
    require_place(given.labels, given.name, bone=bone, metal=told.metal.mask, gaps=masks, config=RULES)
    marked = Mask(given.labels.grid, np.asarray(given.labels.codes) > 0)
    grid = volume.grid.crop(*block_round(volume.grid, [marked, *masks], margin=_MARGIN))
    owner, solid = painted(masks, [part.mask for part in told.parts], grid)
    codes = np.where(solid, 0, on_grid(given.labels, grid))
    parts, slips_ml = part_mask(
        codes,
        owner,
        gap_implants=[gap.implant_id for gap, _ in found],
        implants=[(p.record.id, p.mask) for p in told.parts if p.record.kind not in _NO_BEARERS],
        grid=grid,
        config=RULES,
    )
    case = _Case(
        volume, grid, owner, solid, tuple(found), not on_same_voxels(marked.grid, grid), told, anatomy,
        {record.id: record for record in hips}, trust, config,
    )  # fmt: skip
    new_halos, screws, rests = _corrected_halos(case, parts, halos)
    spaces = _corrected_spaces(case, parts)
    screw_ids = {halo.shaft.id for halo in halos}
    new = [part for part in parts if not part.gap and part.implant_id not in screw_ids]
    added, refused = _new_spaces(case, (*new, *rests))
    lined, stems = _with_lines(case, (*spaces, *added))
    outcomes = (*screws, *lined)
    return CorrectedGaps(
        new_halos,
        tuple((one.gap, one.mask) for one in outcomes if one.gap is not None and one.mask is not None),
        stems,
        of_given_gaps(given, outcomes, slips_ml=slips_ml, refused=refused, is_resampled=case.is_resampled),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """What was measured, laid out for correction on a block of the CT's grid."""

    volume: Volume
    grid: Grid
    owner: Numbers
    solid: Bools
    found: tuple[tuple[Gap, Mask], ...]
    is_resampled: bool
    told: ToldImplants
    anatomy: ToldAnatomy
    graded: dict[str, Implant]
    trust: TrustMap | None
    config: PlanConfig

    def number_of(self, screw: str) -> int:
        """Give the number of a screw's measured gap; 0 where it had none."""
        own = (n for n, (gap, _) in enumerate(self.found, start=1) if gap.implant_id == screw)
        return next((n for n in own if self.found[n - 1][0].kind == "screw_halo"), 0)

    def made_by(self, gap: Gap | None, given: Bools, number: int, *, is_edited: bool) -> Gap | None:
        """Say of a gap who made it: a person also where too few voxels were changed to measure it anew.

        From another grid, or of a gap that was measured on one, voxels of the border differ without anybody's hand.
        """
        if gap is None:
            return None
        alike = not self.is_resampled and (not number or on_same_voxels(self.found[number - 1][1].grid, self.grid))
        edited = is_edited or (alike and not np.array_equal(given, self.owner == number))
        return gap.model_copy(update={"made": "edited"}) if edited else gap

    def union(self, parts: Sequence[GivenPart]) -> Bools:
        """Give the voxels of some parts together."""
        out = np.zeros(self.grid.shape, dtype=bool)
        for part in parts:
            out |= part.voxels
        return out


def _corrected_halos(
    case: _Case, parts: Sequence[GivenPart], halos: Sequence[HaloMeasurement]
) -> tuple[tuple[HaloMeasurement, ...], tuple[Outcome, ...], tuple[GivenPart, ...]]:
    """Correct each screw's halo: the measurements, what became of the gaps, and what no ray reaches."""
    measured: list[HaloMeasurement] = []
    outcomes: list[Outcome] = []
    rests: list[GivenPart] = []
    for halo in halos:
        name = halo.shaft.id
        number = case.number_of(name)
        given = case.union([p for p in parts if p.implant_id == name])
        if not number and not given.any():
            measured.append(halo)
            continue
        before = case.found[number - 1][0] if number else None
        own = case.owner == number if number else np.zeros(case.grid.shape, dtype=bool)
        gap_id = f"gap-{1 + sum(one.gap is not None for one in outcomes)}"
        new = correct_halo(
            halo, Mask(case.grid, given), Mask(case.grid, own),
            metal=case.told.metal, gap_id=gap_id, config=case.config.halos, given_config=RULES,
        )  # fmt: skip
        measured.append(new.measured)
        edited = new.edited_share > _LEAST_EDITED
        gap = case.made_by(new.measured.gap, given, number, is_edited=edited)
        outcomes.append(Outcome(before, gap, new.measured.mask, name, is_edited=edited))
        if new.rest.voxels.any():
            rests.append(GivenPart(0, name, new.rest.voxels))
    return tuple(measured), tuple(outcomes), tuple(rests)


def _corrected_spaces(case: _Case, parts: Sequence[GivenPart]) -> tuple[Outcome, ...]:
    """Correct the gaps that no screw's rays measured."""
    outcomes = []
    for number, (gap, _) in enumerate(case.found, start=1):
        if gap.kind == "screw_halo":
            continue
        given = case.union([p for p in parts if p.gap == number])
        if not given.any():
            outcomes.append(Outcome(gap, None, None, gap.implant_id, is_edited=True))
            continue
        drawn = Drawn(case.grid, given, case.owner == number, case.is_resampled)
        record = measure_space(
            drawn, gap, implant_id=gap.implant_id, level=gap.level, kind=gap.kind,
            zones=_zones(gap.implant_id, case.told.hips), trust=gap.trust, config=RULES,
        )  # fmt: skip
        edited = drawn.is_edited
        told = case.made_by(record, given, number, is_edited=edited)
        outcomes.append(Outcome(gap, told, Mask(case.grid, given), gap.implant_id, is_edited=edited, in_voxels=True))
    return tuple(outcomes)


def _new_spaces(
    case: _Case, parts: Sequence[GivenPart]
) -> tuple[tuple[Outcome, ...], tuple[tuple[PointLps, float], ...]]:
    """Measure spaces that nothing was measured in: beside an implant, beyond a screw's rays, or in bone.

    The second part is what was refused, for it lies beside no implant and in no bone: middle and volume, mL.
    """
    outcomes: list[Outcome] = []
    refused: list[tuple[PointLps, float]] = []
    kinds = {part.record.id: part.record.kind for part in case.told.parts}
    for part in parts:
        level, kind = None, _kind_beside(kinds.get(part.implant_id or ""))
        if part.implant_id is None:
            place = _place_in_bone(case, part)
            if place is None:
                refused.append(_middle(case.grid, part.voxels))
                continue
            level, kind = place
        record = measure_space(
            Drawn(case.grid, part.voxels, np.zeros(case.grid.shape, dtype=bool), case.is_resampled), None,
            implant_id=part.implant_id, level=level, kind=kind,
            zones=_zones(part.implant_id, case.told.hips), trust=_trust(case, part), config=RULES,
        )  # fmt: skip
        drawn = case.made_by(record, part.voxels, 0, is_edited=True)
        mask = Mask(case.grid, part.voxels)
        outcomes.append(Outcome(None, drawn, mask, part.implant_id, is_edited=True, in_voxels=True))
    return tuple(outcomes), tuple(refused)


def _with_lines(case: _Case, outcomes: Sequence[Outcome]) -> tuple[tuple[Outcome, ...], tuple[Implant, ...]]:
    """Read width and lucent share of changed gaps on the rays of their stem or cup, and grade it anew."""
    out = list(outcomes)
    graded = []
    for part in case.told.hips:
        own = [k for k, one in enumerate(out) if one.implant_id == part.record.id]
        if not any(out[k].is_edited for k in own):
            continue
        interface = hip_interface(
            case.volume, part, case.anatomy.survey.bone, case.config.hip_gaps, mantles=case.told.parts
        )
        if interface is None:
            continue
        lines = []
        for k in own:
            gap, mask = out[k].gap, out[k].mask
            if gap is None or mask is None:
                continue
            lines.append(read_line(interface, mask.voxels, case.solid, case.grid))
            if out[k].is_edited:
                out[k] = replace(out[k], gap=lines[-1].described(gap))
        record = case.graded[part.record.id]
        if record.kind == "femoral_stem":
            graded.append(regraded(record, lines, case.config.hip_gaps))
        else:
            graded.append(regraded_cup(record, part, interface, lines, case.config.hip_gaps))
    return tuple(out), tuple(graded)


def _kind_beside(implant: ImplantKind | None) -> GapKind:
    if implant == "cage":
        return "cage_interface"
    return "osteolysis" if implant == "pedicle_screw" else "periprosthetic_gap"


def _place_in_bone(case: _Case, part: GivenPart) -> tuple[str | None, GapKind] | None:
    """Say in which level a space lies that touches no implant, and what it is; None outside of bone."""
    bone = case.anatomy.survey.bone
    points = case.grid.to_lps(np.argwhere(part.voxels))
    if float(np.mean(_within(bone, points))) < RULES.least_in_bone:
        return None
    held = [(float(np.mean(_within(one.mask, points))), one) for one in case.anatomy.bones]
    share, most = max(held, key=lambda pair: pair[0], default=(0.0, None))
    if most is None or share == 0.0:
        return None, "osteolysis"
    return most.level, "fracture_level" if most.kind == "vertebra" else "osteolysis"


def _within(mask: Mask, points_lps: Array) -> Bools:
    index = np.rint(np.asarray(mask.grid.to_index(points_lps))).astype(int)
    inside = np.all((index >= 0) & (index < np.array(mask.grid.shape)), axis=1)
    inside[inside] = mask.voxels[tuple(index[inside].T)]
    return np.asarray(inside, dtype=bool)


def _middle(grid: Grid, voxels: Bools) -> tuple[PointLps, float]:
    cells = np.argwhere(voxels)
    return point_tuple(grid.to_lps(cells.mean(axis=0))), len(cells) * grid.voxel_volume_mm3 / 1000.0


def _trust(case: _Case, part: GivenPart) -> float | None:
    if case.trust is None:
        return None
    points = np.asarray(case.grid.to_lps(np.argwhere(part.voxels)))
    return float(np.sqrt(np.mean(case.trust.trust_at(points))))


def _zones(implant_id: str | None, hips: Sequence[HipPart]) -> Zones | None:
    """Say how points round a stem or a cup are put into zones; None for other implants."""
    part = next((one for one in hips if one.record.id == implant_id), None)
    if part is None:
        return None
    axis, centre, opening = part.record.axis, part.centre_lps, part.opening_lps
    if part.record.kind == "femoral_stem" and axis is not None:
        head, tip, medial = np.array(axis.head_lps), np.array(axis.tip_lps), _medial(part, hips)
        return lambda points: tuple(f"gruen-{k}" for k in gruen_zones(points, head, tip, medial))
    if part.record.kind == "acetabular_cup" and centre is not None and opening is not None:
        side = part.record.side
        return lambda points: tuple(f"charnley-{k}" for k in charnley_zones(points, centre, opening, side))
    return None


def _medial(stem: HipPart, hips: Sequence[HipPart]) -> Array:
    """Give the direction from a stem to its head; across the body where no head is known."""
    side = stem.record.side
    centre = next((p.centre_lps for p in hips if p.record.kind == "femoral_head" and p.record.side == side), None)
    if centre is not None and stem.record.axis is not None:
        return np.asarray(centre - np.array(stem.record.axis.head_lps))
    return np.array([-1.0 if side == "left" else 1.0, 0.0, 0.0])
