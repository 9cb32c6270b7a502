"""Targets at the spine besides halos: clefts of fractured levels, and what is lucent round sunken cages."""

from planner.config.plan_config import PlanConfig
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.volume import Mask, Volume
from planner.pipeline.told_anatomy import ToldAnatomy
from planner.progress import Monitor
from planner.segment.candidacy.fractures import LevelHeights
from planner.segment.gaps.cage_interfaces import measure_cage_interfaces
from planner.segment.gaps.fracture_clefts import measure_clefts
from planner.segment.implants.spine import ImplantPart
from planner.segment.trust import TrustMap
from planner.segment.upright import resample


def spine_targets(
    volume: Volume,
    parts: tuple[ImplantPart, ...],
    anatomy: ToldAnatomy,
    heights: tuple[LevelHeights, ...],
    taken: list[tuple[Gap, Mask]],
    *,
    trust: TrustMap | None,
    config: PlanConfig,
    monitor: Monitor,
) -> tuple[list[tuple[Gap, Mask]], tuple[Finding, ...]]:
    """Measure the lucent spaces of fractured levels and sunken cages.

    Parameters
    ----------
    volume : Volume
        The CT.
    parts : tuple of ImplantPart
        The implants.
    anatomy : ToldAnatomy
        The anatomy round them.
    heights : tuple of LevelHeights
        What the bodies have lost.
    taken : list of (Gap, Mask)
        Gaps that were found already.
    trust : TrustMap or None
        What metal artefacts leave readable.
    config : PlanConfig
        The settings.
    monitor : Monitor
        Follows the work.

    Returns
    -------
    gaps : list of (Gap, Mask)
    findings : tuple of Finding
        How deep each cage stands in its endplate.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    """
    spine, seen = anatomy.skeleton.spine, anatomy.survey
    if spine is None:
        return [], ()
    grid = seen.grid
    clefts = measure_clefts(
        volume,
        seen.ct,
        spine=spine,
        levels=heights,
        metal=seen.metal,
        taken=tuple(Mask(grid, resample(mask.voxels, mask.grid, grid) > 0.5) for _, mask in taken),
        trust=trust,
        config=config.spine_targets,
        monitor=monitor,
    )
    rinds, said = measure_cage_interfaces(
        volume, parts, spine=spine, grid=grid, trust=trust, config=config.spine_targets, monitor=monitor
    )
    return [(one.record, one.mask) for one in (*clefts, *rinds)], said
