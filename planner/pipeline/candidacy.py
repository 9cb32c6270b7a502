"""Who is no candidate for cement, or only with care: hips and spine, with the risks of leakage that were measured."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from planner.config.plan_config import PlanConfig
from planner.geometry.distance import distance_mm
from planner.geometry.frames import points_lps
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.implant import Implant
from planner.model.plan import RiskFactor
from planner.model.volume import Mask
from planner.pipeline.told_anatomy import ToldAnatomy
from planner.progress import Monitor
from planner.segment.anatomy.marrow import trabecular_of
from planner.segment.candidacy.adjacent_levels import AdjacentScene, AdjacentTarget, adjacent_targets
from planner.segment.candidacy.defect_model import DefectModel
from planner.segment.candidacy.fractures import (
    LevelHeights,
    fracture_findings,
    fracture_risk_factors,
    measure_heights,
)
from planner.segment.candidacy.hip_candidacy import HipCandidacy, HipScene, hip_candidacy
from planner.segment.candidacy.spine_infection import FRACTURE_LINES_UNKNOWN, spine_infection_findings
from planner.segment.candidacy.spine_pockets import SpineScene, find_spine_pockets
from planner.segment.region import regions_of
from planner.segment.trust import TrustMap
from planner.segment.upright import resample

_SAID_OF_ALL = "infection-not-ruled-out"
"""The plan's remarks say it once for all implants."""
_CANCELLOUS = frozenset(("vertebra", "sacrum", "femur"))
"""Bones whose cancellous part cement may be put into."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidacy:
    """What speaks for or against cement.

    Parameters
    ----------
    findings : tuple of Finding
        In words.
    risk_factors : tuple of RiskFactor
        Of leakage.
    defects : tuple of DefectModel
        Bone that is missing, as masks.
    prophylactic : tuple of AdjacentTarget
        Intact levels beside the construct, where the settings ask for them.
    heights : tuple of LevelHeights
        What the vertebral bodies have lost of their height.
    hips : HipCandidacy
        What was measured at the hips.
    """

    findings: tuple[Finding, ...] = ()
    risk_factors: tuple[RiskFactor, ...] = ()
    defects: tuple[DefectModel, ...] = ()
    prophylactic: tuple[AdjacentTarget, ...] = ()
    heights: tuple[LevelHeights, ...] = ()
    hips: HipCandidacy = field(default_factory=HipCandidacy)


def heights_of(anatomy: ToldAnatomy, config: PlanConfig) -> tuple[LevelHeights, ...]:
    """Measure what the vertebral bodies round the implants have lost of their height.

    Parameters
    ----------
    anatomy : ToldAnatomy
        The anatomy.
    config : PlanConfig
        The settings.

    Returns
    -------
    tuple of LevelHeights
        Empty where no vertebrae were told.
    """
    spine = anatomy.skeleton.spine
    return () if spine is None else measure_heights(spine, anatomy.survey.grid, config=config.spine_targets.fractures)


def judge_candidacy(
    anatomy: ToldAnatomy,
    *,
    implants: tuple[Implant, ...],
    heights: tuple[LevelHeights, ...],
    gaps: Sequence[tuple[Gap, Mask]],
    trust: TrustMap | None,
    config: PlanConfig,
    monitor: Monitor,
) -> Candidacy:
    """Say what speaks against cement.

    Parameters
    ----------
    anatomy : ToldAnatomy
        The anatomy round the implants.
    implants : tuple of Implant
        What was found.
    heights : tuple of LevelHeights
        As `heights_of` gives them.
    gaps : sequence of (Gap, Mask)
        The gaps, on any grids.
    trust : TrustMap or None
        What metal artefacts leave readable.
    config : PlanConfig
        The settings.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    Candidacy

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    seen, skeleton = anatomy.survey, anatomy.skeleton
    spaces = tuple(mask for _, mask in gaps)
    scene = HipScene(
        ct=seen.ct,
        metal=seen.metal,
        bone=seen.envelope,
        body=seen.body,
        implants=implants,
        joints=skeleton.hips.joints,
        bones=skeleton.hips.bones,
        landmarks=skeleton.hips.landmarks,
        spaces=spaces,
        space_trusts=tuple(gap.trust for gap, _ in gaps),
        trust=trust,
    )
    hips = hip_candidacy(
        scene,
        other_joints=skeleton.other_hip.joints,
        other_bones=skeleton.other_hip.bones,
        config=config.hip_candidacy,
        monitor=monitor,
    )
    fractures = config.spine_targets.fractures
    of_hips = (finding for finding in hips.findings if finding.code != _SAID_OF_ALL)
    levels, offered = _prophylactic(anatomy, implants, heights, trust, config)
    return Candidacy(
        findings=(
            *of_hips,
            *fracture_findings(heights, config=fractures),
            *_of_pockets(anatomy, implants, trust, config),
            *offered,
        ),
        risk_factors=(
            *fracture_risk_factors(heights, config=fractures),
            *_trabecular_factors(anatomy, spaces, trust, config),
        ),
        defects=hips.defects,
        prophylactic=levels,
        heights=heights,
        hips=hips,
    )


def _prophylactic(
    anatomy: ToldAnatomy,
    implants: tuple[Implant, ...],
    heights: tuple[LevelHeights, ...],
    trust: TrustMap | None,
    config: PlanConfig,
) -> tuple[tuple[AdjacentTarget, ...], tuple[Finding, ...]]:
    """Offer intact levels beside the construct, if that is asked for."""
    spine, seen = anatomy.skeleton.spine, anatomy.survey
    if spine is None or not config.spine_targets.prophylactic_levels:
        return (), ()
    scene = AdjacentScene(seen.ct, spine, seen.metal, implants, heights, trust)
    return adjacent_targets(scene, config=config.prophylaxis, fractures=config.spine_targets.fractures)


def _of_pockets(
    anatomy: ToldAnatomy, implants: tuple[Implant, ...], trust: TrustMap | None, config: PlanConfig
) -> tuple[Finding, ...]:
    """Say what of gas and fluid lies round spinal implants; nothing where there are none."""
    seen = anatomy.survey
    regions = regions_of(implants, seen.metal, None, config.anatomy.region)
    spinal = next((region for region in regions if region.hip is None), None)
    if spinal is None:
        return ()
    spine, found = anatomy.skeleton.spine, None
    if spine is not None and seen.body is not None and seen.canal_mask is not None:
        scene = SpineScene(
            ct=seen.ct,
            spine=spine,
            metal=seen.metal,
            bone=seen.envelope,
            body=seen.body,
            canal=seen.canal_mask,
            implants_lps=points_lps(spinal.metal_lps),
            lung=seen.patient.gas,
            trust=trust,
        )
        found = find_spine_pockets(scene, config=config.spine_pockets)
    names = {bone.name: bone.level for bone in anatomy.bones if bone.level is not None}
    return (FRACTURE_LINES_UNKNOWN, *spine_infection_findings(found, names, config=config.spine_pockets))


def _trabecular_factors(
    anatomy: ToldAnatomy, spaces: Sequence[Mask], trust: TrustMap | None, config: PlanConfig
) -> tuple[RiskFactor, ...]:
    """Give the CT value of cancellous bone, of each bone in which it can be read."""
    seen = anatomy.survey
    hidden = np.zeros(seen.grid.shape, dtype=bool)
    for space in spaces:
        hidden |= resample(space.voxels, space.grid, seen.grid) > 0.5
    if trust is not None:
        hidden |= resample(trust.unreadable.voxels, trust.unreadable.grid, seen.grid) > 0.5
    bones = [bone for bone in anatomy.bones if bone.kind in _CANCELLOUS and bone.mask.grid.is_same(seen.grid)]
    from_metal = distance_mm(seen.metal.voxels, seen.grid.spacing_mm) if bones else None
    unreadable = Mask(seen.grid, hidden)
    out = []
    for bone in bones:
        read = trabecular_of(
            seen.ct,
            bone.mask,
            metal=seen.metal,
            unreadable=unreadable,
            from_metal_mm=from_metal,
            config=config.anatomy.marrow,
        )
        if read is not None:
            out.append(
                RiskFactor(
                    name="trabecular CT value",
                    measured=round(read.mean_hu, 0),
                    unit="HU",
                    level=bone.level,
                    source=f"{bone.name}: mean of {read.volume_ml:.1f} mL; low CT values leak more "
                    "(doi 10.12307/2025.427)",
                    bone=bone.name,
                )
            )
    return tuple(out)
