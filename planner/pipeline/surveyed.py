"""A CT as the program sees it by itself: implants, anatomy and measured gaps, without any person's edit."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from planner.config.plan_config import PlanConfig
from planner.errors import GeometryError, SeriesError
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.finding import Finding
from planner.model.gap import Gap
from planner.model.scan import Scan
from planner.model.volume import Mask
from planner.pipeline.candidacy import heights_of
from planner.pipeline.prophylaxis import anatomy_settings
from planner.pipeline.spine_targets import spine_targets
from planner.pipeline.stages import Stages
from planner.pipeline.told_anatomy import AnatomyScope, ToldAnatomy, tell_anatomy
from planner.pipeline.told_implants import ToldImplants, tell_implants
from planner.progress import Follower
from planner.segment.candidacy.fractures import LevelHeights
from planner.segment.gaps.halo_measurement import HaloMeasurement
from planner.segment.gaps.halos import measure_halos
from planner.segment.gaps.hip_gaps import HipGaps, measure_hip_gaps
from planner.segment.implants.faults import Faults, find_faults
from planner.segment.implants.metal import find_metal
from planner.segment.trust import TrustMap, trust_map

_FEWEST_SLICES = 3
"""No shape can be told from fewer. Ours."""


@dataclass(frozen=True, slots=True, eq=False)
class Surveyed:
    """All that is measured of a CT before a person's gaps are put in.

    Parameters
    ----------
    scan : Scan
        The CT as it is planned on, its axes along the patient's.
    told : ToldImplants
        Its metal.
    anatomy : ToldAnatomy
        The anatomy round the implants.
    faults : Faults
        Of the hardware.
    trust : TrustMap or None
        How far metal artefacts leave tissue readable.
    halos : tuple of HaloMeasurement
        What was measured round each screw, whether it has a gap or not.
    hips : HipGaps
        Gaps round stems and cups, and those parts with their loosening.
    heights : tuple of LevelHeights
        What vertebral bodies have lost of their height.
    found : tuple of (Gap, Mask)
        Every gap that was measured: screws' first, then hips', then those of fractured levels and cages.
    findings : tuple of Finding
        Of fractured levels and cages.
    scope : {"plan", "gaps"}
        What the anatomy was told for.
    """

    scan: Scan
    told: ToldImplants
    anatomy: ToldAnatomy
    faults: Faults
    trust: TrustMap | None
    halos: tuple[HaloMeasurement, ...]
    hips: HipGaps
    heights: tuple[LevelHeights, ...]
    found: tuple[tuple[Gap, Mask], ...]
    findings: tuple[Finding, ...]
    scope: AnatomyScope


def survey_scan(
    scan: Scan,
    config: PlanConfig,
    stages: Stages,
    *,
    labels: AnatomyLabels | None = None,
    scope: AnatomyScope = "plan",
) -> Surveyed:
    """Find the implants of a CT, tell the anatomy round them, and measure the gaps.

    Parameters
    ----------
    scan : Scan
        The CT.
    config : PlanConfig
        The settings.
    stages : Stages
        The run's clock and monitor.
    labels : AnatomyLabels or None
        Labels of the anatomy made elsewhere, brought onto the CT's grid.
    scope : {"plan", "gaps"}
        For gaps alone nothing is told of the anatomy that they do not lie in.

    Returns
    -------
    Surveyed

    Raises
    ------
    NoImplantError
        If the CT shows no orthopaedic implant.
    GeometryError
        If the CT's grid is sheared.
    SeriesError
        If there are too few slices.
    CancelledError
        If the monitor stops the work.
    """
    scan = _fit_to_survey(scan)
    volume, monitor = scan.volume, stages.monitor
    with stages.stage("implants", "finding implants"):
        metal = find_metal(volume, config.implants, monitor=monitor)
        # telling metal apart is many small steps of Python's, mapping its artefacts few large ones that need no Python
        with ThreadPoolExecutor(1) as aside, Follower(monitor) as follower:
            mapped = aside.submit(trust_map, volume, metal, config.trust, monitor=follower)
            told = tell_implants(volume, config, metal=metal, monitor=monitor)
            trust = mapped.result()
    parts = told.parts
    with stages.stage("anatomy", "outlining bone, canal and skin"):
        known = tuple(part.record for part in told.known)
        anatomy = tell_anatomy(
            scan, metal.mask, known, anatomy_settings(config), labels=labels, patient=metal.patient, scope=scope,
            monitor=monitor,
        )  # fmt: skip
        seen = anatomy.survey
    with stages.stage("faults", "looking for faults of the hardware"):
        faults = find_faults(
            known, metal=metal, volume=volume, bone=seen.bone, canal=seen.canal, config=config.faults, monitor=monitor
        )
    with stages.stage("gaps", "measuring gaps"):
        halos = measure_halos(volume, metal, told.shafts, seen.bone, config.halos, trust=trust, monitor=monitor)
        round_hips = measure_hip_gaps(
            volume, told.hips, bone=seen.bone, metal=metal.mask, config=config.hip_gaps, trust=trust, mantles=parts,
            monitor=monitor,
        )  # fmt: skip
    found = [(h.gap, h.mask) for h in halos if h.gap is not None and h.mask is not None]
    found += [(gap.record, gap.mask) for gap in round_hips.gaps]
    heights = heights_of(anatomy, config)
    with stages.stage("targets", "looking for fractures and sunken cages"):
        at_spine, of_targets = spine_targets(
            volume, parts, anatomy, heights, found, trust=trust, config=config, monitor=monitor
        )
    return Surveyed(
        scan, told, anatomy, faults, trust, halos, round_hips, heights, (*found, *at_spine), of_targets, scope
    )


def _fit_to_survey(scan: Scan) -> Scan:
    """Turn a scan's axes along the patient's, and refuse one that no shape can be told from."""
    if not scan.volume.grid.is_rectangular:
        raise GeometryError("the CT's slices are sheared (tilted gantry); resample it onto a rectangular grid first")
    # One order of axes, whichever way round the file holds them: rounding and ties then fall the same way.
    scan = scan.in_patient_axes()
    if min(scan.volume.grid.shape) < _FEWEST_SLICES:
        count = min(scan.volume.grid.shape)
        there = "there is only 1 slice" if count == 1 else f"there are only {count} slices"
        raise SeriesError(f"{there}, too few to tell an implant; give the whole series")
    return scan
