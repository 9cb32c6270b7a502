"""Implants with their gaps and the anatomy round them: what is known before needles are thought of."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.plan_config import PlanConfig
from planner.config.soft_tissue_config import SoftTissueConfig
from planner.model.anatomy import Anatomy, GapSpace
from planner.model.anatomy_record import AnatomyRecord
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.labels import Structure
from planner.model.scan import Scan
from planner.model.unwrapped import UnwrappedMap
from planner.model.volume import Mask
from planner.pipeline.anatomy_record import anatomy_record
from planner.pipeline.candidacy import Candidacy
from planner.pipeline.told_anatomy import ToldAnatomy, soft_tissue_of
from planner.segment.anatomy.endplates import VertebralBody
from planner.segment.gaps.halo_measurement import HaloMeasurement
from planner.segment.gaps.unwrapped_maps import screw_maps
from planner.segment.implants.metal import Metal
from planner.segment.implants.spine import ImplantPart
from planner.segment.trust import TrustMap
from planner.segment.upright import resample

_MAY_BE_NO_METAL = ("cage", "cement")
"""Implants that a threshold for metal does not find: PEEK, PMMA."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredGaps:
    """Implants with their gaps, before needles are thought of.

    Parameters
    ----------
    scan : Scan
        The CT as it is planned on, its axes along the patient's.
    implants : tuple of ImplantPart
        Records with their loosening, and voxels.
    gaps : tuple of (Gap, Mask)
        Records, and voxels on the CT's grid or on a working grid.
    anatomy : ToldAnatomy
        The anatomy round them.
    candidacy : Candidacy
        What speaks against cement.
    metal : Metal
        All metal.
    findings : tuple of Finding
        What the operator must know of the search.
    trust : TrustMap or None
        How far metal artefacts leave tissue readable.
    halos : tuple of HaloMeasurement
        What was measured round each screw, whether it has a gap or not.
    stem_maps : tuple of UnwrappedMap
        The width of the gap along and round each stem.
    """

    scan: Scan
    implants: tuple[ImplantPart, ...]
    gaps: tuple[tuple[Gap, Mask], ...]
    anatomy: ToldAnatomy
    candidacy: Candidacy
    metal: Metal
    findings: tuple[Finding, ...]
    trust: TrustMap | None = None
    halos: tuple[HaloMeasurement, ...] = ()
    stem_maps: tuple[UnwrappedMap, ...] = ()

    @property
    def bodies(self) -> tuple[VertebralBody, ...]:
        """Vertebral bodies, as far as they were told."""
        spine = self.anatomy.skeleton.spine
        return () if spine is None else spine.bodies

    @property
    def cortex_hu(self) -> float | None:
        """What cortex reads without blur in this scan; None where it was not told."""
        cortex = self.anatomy.skeleton.cortex
        return None if cortex is None or not len(cortex.density_hu) else float(np.median(cortex.density_hu))


def anatomy_of(measured: MeasuredGaps, soft_tissue: SoftTissueConfig | None = None) -> Anatomy:
    """Bring everything onto the upright working grid.

    Parameters
    ----------
    measured : MeasuredGaps
        Implants, gaps and anatomy.
    soft_tissue : SoftTissueConfig or None
        How muscle and fat are told apart; None leaves them together.

    Returns
    -------
    Anatomy
    """
    anatomy = measured.anatomy
    seen = anatomy.survey
    spaces = tuple(
        GapSpace(gap.id, gap.implant_id, Mask(seen.grid, resample(mask.voxels, mask.grid, seen.grid) > 0.5))
        for gap, mask in measured.gaps
    )
    soft = None if soft_tissue is None else soft_tissue_of(anatomy, measured.trust, soft_tissue)
    return Anatomy(
        ct=seen.ct,
        metal=seen.metal,
        bone=seen.bone,
        gaps=spaces,
        implants=tuple(part.record for part in measured.implants),
        canal=seen.canal_mask,
        body=seen.body,
        forbidden=seen.forbidden,
        disc=anatomy.skeleton.disc_mask,
        joint=anatomy.skeleton.hips.joint,
        foramen=anatomy.foramina,
        bones=tuple(bone for bone in anatomy.bones if bone.mask.grid.is_same(seen.grid)),
        landmarks=anatomy.skeleton.landmarks,
        pedicles=anatomy.skeleton.pedicles,
        hardware=_hardware(measured, seen.metal),
        muscle=None if soft is None else soft.muscle,
        fat=None if soft is None else soft.fat,
        fissures=tuple(np.asarray(line.points_lps) for line in measured.candidacy.hips.fissures),
    )


def _hardware(measured: MeasuredGaps, metal: Mask) -> Mask:
    """Give all that needles must go round: the metal, and implants that are none."""
    everything = np.array(metal.voxels)
    for part in measured.implants:
        if part.record.kind in _MAY_BE_NO_METAL:
            own = (resample(part.mask.voxels, part.mask.grid, metal.grid) > 0.5) & ~metal.voxels
            everything |= _wider(own) if part.record.kind == "cage" and own.any() else own
    return Mask(metal.grid, everything)


def _wider(plastic: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Widen what hardly differs from bone on CT by two voxels.

    Ours: on the tuning case with a cage of PEEK tips lay up to 0.6 mm within it; one voxel more left one of them. PMMA
    is opaque, and its outline stands: gaps lie right beside it.
    """
    cells = np.argwhere(plastic)
    low, high = np.maximum(cells.min(axis=0) - 2, 0), cells.max(axis=0) + 3
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    out = plastic.copy()
    out[box] |= ndimage.binary_dilation(plastic[box], iterations=2)
    return np.asarray(out)


def record_of(measured: MeasuredGaps, config: PlanConfig, structures: tuple[Structure, ...] = ()) -> AnatomyRecord:
    """Write down what was measured of the anatomy, as `anatomy_record` does.

    Parameters
    ----------
    measured : MeasuredGaps
        Anatomy and candidacy.
    config : PlanConfig
        The settings.
    structures : tuple of Structure
        What was painted; empty where nothing was.

    Returns
    -------
    AnatomyRecord
    """
    return anatomy_record(
        measured.anatomy,
        measured.candidacy,
        implants=tuple(part.record for part in measured.implants),
        structures=structures,
        fractures=config.spine_targets.fractures,
    )


def unwrapped_of(measured: MeasuredGaps, config: PlanConfig) -> tuple[UnwrappedMap, ...]:
    """Give the width of the gap along and round each screw and stem, with or without a gap.

    Parameters
    ----------
    measured : MeasuredGaps
        Implants and gaps.
    config : PlanConfig
        The settings that they were measured with.

    Returns
    -------
    tuple of UnwrappedMap
        Screws in the halos' order, then stems.
    """
    screws = screw_maps(
        measured.scan.volume,
        measured.halos,
        tuple(part.record for part in measured.implants),
        measured.anatomy.survey.bone,
        config.halos,
        trust=measured.trust,
    )
    return (*screws, *measured.stem_maps)
