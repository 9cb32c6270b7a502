"""What follows from a CT's gaps, measured or given by a person: loosening, what speaks against cement, findings."""

from planner.config.plan_config import PlanConfig
from planner.io.labels.gap_labels import GapLabels
from planner.model.finding import Finding
from planner.model.implant import Implant
from planner.pipeline.anatomy_record import not_measured
from planner.pipeline.candidacy import Candidacy, judge_candidacy
from planner.pipeline.given_gaps import CorrectedGaps, correct_gaps
from planner.pipeline.measured_gaps import MeasuredGaps
from planner.pipeline.remarks import of_reliance, of_search, of_slices
from planner.pipeline.stages import Stages
from planner.pipeline.surveyed import Surveyed
from planner.segment.gaps.halo_measurement import HaloMeasurement
from planner.segment.implants.asides import findings_of_asides
from planner.segment.implants.spine import ImplantPart


def grade_gaps(seen: Surveyed, config: PlanConfig, stages: Stages, *, given: GapLabels | None = None) -> MeasuredGaps:
    """Grade implants by their gaps, and say what the operator must know of them.

    Parameters
    ----------
    seen : Surveyed
        The CT as the program sees it by itself.
    config : PlanConfig
        The settings that it was surveyed with.
    stages : Stages
        The run's clock and monitor.
    given : GapLabels or None
        Gaps as a person corrected them, which stand in the place of the measured ones.

    Returns
    -------
    MeasuredGaps

    Raises
    ------
    LabelError
        If the given gaps fit the implants better mirrored or moved.
    CancelledError
        If the monitor stops the work.
    """
    corrected = None if given is None else _corrected(seen, config, stages, given)
    halos, found = (seen.halos, seen.found) if corrected is None else (corrected.halos, corrected.gaps)
    graded = _graded(seen, config, halos, corrected)
    gaps = tuple(
        (gap.model_copy(update={"id": f"gap-{number}"}), mask) for number, (gap, mask) in enumerate(found, start=1)
    )
    implants = tuple(ImplantPart(graded[part.record.id], part.mask) for part in seen.told.parts)
    candidacy = Candidacy()
    if seen.scope == "plan":
        with stages.stage("candidacy", "looking for what speaks against cement"):
            candidacy = judge_candidacy(
                seen.anatomy,
                implants=tuple(part.record for part in implants),
                heights=seen.heights,
                gaps=gaps,
                trust=seen.trust,
                config=config,
                monitor=stages.monitor,
            )
    said = _said(seen, config, implants, halos, corrected)
    least = max(config.halos.least_trust, config.hip_gaps.least_trust)
    doubts = of_reliance((gap for gap, _ in gaps), said, least_trust=least)
    unmeasured = not_measured(seen.anatomy) if seen.scope == "plan" else ()
    findings = (*doubts, *said, *candidacy.findings, *seen.anatomy.findings, *unmeasured)
    # what a person drew is not on the stems' rays
    stem_maps = seen.hips.maps if corrected is None else ()
    return MeasuredGaps(
        seen.scan, implants, gaps, seen.anatomy, candidacy, seen.told.metal, findings, seen.trust, halos, stem_maps
    )


def _corrected(seen: Surveyed, config: PlanConfig, stages: Stages, given: GapLabels) -> CorrectedGaps:
    with stages.stage("given", "putting the corrected gaps in"):
        return correct_gaps(
            given,
            seen.scan.volume,
            told=seen.told,
            anatomy=seen.anatomy,
            halos=seen.halos,
            hips=seen.hips.implants,
            found=seen.found,
            trust=seen.trust,
            config=config,
        )


def _graded(
    seen: Surveyed, config: PlanConfig, halos: tuple[HaloMeasurement, ...], corrected: CorrectedGaps | None
) -> dict[str, Implant]:
    """Give all implants with their loosening, by id."""
    graded: dict[str, Implant] = {part.record.id: part.record for part in seen.told.parts}
    for halo in halos:
        graded[halo.shaft.id] = halo.graded(graded[halo.shaft.id])
    for record in (*seen.hips.implants, *(() if corrected is None else corrected.stems)):
        graded[record.id] = record
    for name, record in graded.items():
        more = seen.faults.criteria(name, config.faults)
        graded[name] = record.model_copy(update={"loosening_criteria": (*record.loosening_criteria, *more)})
    return graded


def _said(
    seen: Surveyed,
    config: PlanConfig,
    implants: tuple[ImplantPart, ...],
    halos: tuple[HaloMeasurement, ...],
    corrected: CorrectedGaps | None,
) -> tuple[Finding, ...]:
    return (
        *of_slices(seen.scan.volume.grid.spacing_mm, fine_mm=config.halos.fine_slice_mm),
        *of_search(part.record for part in implants),
        *findings_of_asides(seen.told.metal.asides),
        *seen.faults.findings,
        *(finding for halo in halos for finding in halo.findings),
        *seen.hips.findings,
        *seen.findings,
        *(() if corrected is None else corrected.findings),
    )
