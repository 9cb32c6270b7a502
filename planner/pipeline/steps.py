"""The order of the steps: from a CT to a plan."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from planner import __version__
from planner.config.plan_config import PlanConfig
from planner.errors import GeometryError, SeriesError
from planner.fluoro.console import console_angles_deg
from planner.io.labels.gap_labels import GapLabels
from planner.model.anatomy_labels import AnatomyLabels
from planner.model.finding import Finding
from planner.model.implant import SPINE_KINDS, Implant
from planner.model.plan import PatientPosition, Plan, Review, Software
from planner.model.scan import Scan
from planner.needles.search import NeedlePlan, plan_needles
from planner.needles.sets.gap_share import in_gap_volumes
from planner.pipeline.anatomy_record import not_measured
from planner.pipeline.candidacy import Candidacy, heights_of, judge_candidacy
from planner.pipeline.cement import with_cement
from planner.pipeline.fluoroscopy.proposed_views import with_views
from planner.pipeline.found_breaches import breaches_of
from planner.pipeline.given_gaps import CorrectedGaps, correct_gaps
from planner.pipeline.labelling import label_map
from planner.pipeline.leak_paths import arrival_of, with_leak_paths
from planner.pipeline.locked_needles import of_locked
from planner.pipeline.measured_gaps import MeasuredGaps, anatomy_of, record_of, unwrapped_of
from planner.pipeline.picked_targets import plan_picked
from planner.pipeline.planned_case import PlannedCase
from planner.pipeline.procedure import put_together, with_procedure
from planner.pipeline.prophylaxis import Prophylaxis, anatomy_settings, plan_prophylaxis
from planner.pipeline.remarks import of_reliance, of_search, of_slices, remarks
from planner.pipeline.spine_targets import spine_targets
from planner.pipeline.stages import Stages
from planner.pipeline.told_anatomy import AnatomyScope, tell_anatomy
from planner.pipeline.told_implants import tell_implants
from planner.progress import SILENT, Monitor
from planner.segment.anatomy.loose_bone import inside_cups, loose_bone
from planner.segment.gaps.halos import measure_halos
from planner.segment.gaps.hip_gaps import measure_hip_gaps
from planner.segment.implants.asides import findings_of_asides
from planner.segment.implants.faults import find_faults
from planner.segment.implants.spine import ImplantPart
from planner.segment.trust import trust_map

_FEWEST_SLICES = 3
"""No shape can be told from fewer. Ours."""


def volume_plan(
    scan: Scan,
    config: PlanConfig,
    *,
    labels: AnatomyLabels | None = None,
    given: GapLabels | None = None,
    monitor: Monitor = SILENT,
) -> Plan:
    """Measure implants and gaps only: a plan without needles, breaches, and what was measured of the anatomy.

    Parameters
    ----------
    scan : Scan
        The CT.
    config : PlanConfig
        The settings.
    labels : AnatomyLabels or None
        Labels of the anatomy made elsewhere, brought onto the CT's grid.
    given : GapLabels or None
        Gaps as a person corrected them, which stand in the place of the measured ones.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Plan

    Raises
    ------
    NoImplantError
        If the CT shows no orthopaedic implant.
    CancelledError
        If the monitor stops the work.
    """
    stages = Stages(monitor)
    # where a person drew a space that touches no implant, all bones say which it lies in
    scope: AnatomyScope = "gaps" if given is None else "plan"
    measured = measure_gaps(scan, config, stages, labels=labels, given=given, scope=scope)
    return Plan(
        software=Software(name="cement-planner", version=__version__),
        review=Review() if given is None else Review(state="edited"),
        series=scan.series,
        treatment_position=treatment_position(measured.implants, config),
        settings_sha256=config.sha256(),
        implants=tuple(part.record for part in measured.implants),
        gaps=tuple(gap for gap, _ in measured.gaps),
        findings=(*scan.findings, *measured.findings),
        timings_s=stages.timings_s(),
    )


def plan_scan(
    scan: Scan,
    config: PlanConfig,
    *,
    labels: AnatomyLabels | None = None,
    given: GapLabels | None = None,
    monitor: Monitor = SILENT,
) -> PlannedCase:
    """Plan on a CT that was loaded with what its files say of it.

    Parameters
    ----------
    scan : Scan
        The CT.
    config : PlanConfig
        The settings.
    labels : AnatomyLabels or None
        Labels of the anatomy made elsewhere, brought onto the CT's grid.
    given : GapLabels or None
        Gaps as a person corrected them, which stand in the place of the measured ones.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    PlannedCase
        The plan, and the voxels that it was made from.

    Raises
    ------
    NoImplantError
        If the CT shows no orthopaedic implant.
    GeometryError
        If the CT's grid is sheared.
    CancelledError
        If the monitor stops the work.
    """
    stages = Stages(monitor)
    measured = measure_gaps(scan, config, stages, labels=labels, given=given)
    position = treatment_position(measured.implants, config)
    console = partial(console_angles_deg, position=position)
    anatomy = anatomy_of(measured, config.anatomy.soft_tissue)
    with stages.stage("breaches", "looking for breaches"):
        patches = breaches_of(measured, anatomy, config, console=console, monitor=monitor)
    breaches = tuple(patch.breach for patch in patches)
    with stages.stage("needles", "searching needles"):
        needles = plan_needles(anatomy, config=config.needles, console=console, breaches=breaches, monitor=monitor)
        needles = in_gap_volumes(needles, tuple(gap for gap, _ in measured.gaps), anatomy.gaps)
        asked = plan_prophylaxis(
            anatomy,
            measured.candidacy.prophylactic,
            pedicles=measured.anatomy.skeleton.pedicles,
            console=console,
            config=config,
            monitor=monitor,
        )
        picked = plan_picked(anatomy, config.needles, console=console, breaches=breaches, monitor=monitor)
    with stages.stage("labels", "painting labels"):
        seen = measured.anatomy.survey
        painted = label_map(
            measured.scan.volume.grid,
            implants=[(part.record.id, part.mask) for part in measured.implants],
            gaps=[(gap.id, mask) for gap, mask in measured.gaps],
            breaches=patches,
            anatomy=anatomy,
            loose=loose_bone(anatomy.ct, outline=seen.envelope, metal=seen.metal, bones=anatomy.bones),
            cups=inside_cups(measured.anatomy.skeleton.hips.joints, seen.envelope),
        )
    made = Plan(
        software=Software(name="cement-planner", version=__version__),
        review=Review() if given is None else Review(state="edited"),
        series=scan.series,
        treatment_position=position,
        settings_sha256=config.sha256(),
        implants=tuple(part.record for part in measured.implants),
        gaps=tuple(gap for gap, _ in measured.gaps),
        breaches=breaches,
        trajectories=needles.trajectories,
        needle_sets=needles.needle_sets,
        needle_searches=tuple(search.record() for search in needles.searches),
        prophylactic_targets=asked.targets,
        picked_targets=picked.targets,
        risk_factors=measured.candidacy.risk_factors,
        anatomy=record_of(measured, config, painted.structures),
        labels=painted.structures,
        findings=(*_findings(scan, measured, needles, asked, position), *picked.findings),
    )
    with stages.stage("flow", "letting cement run"):
        made, arrivals = with_cement(
            made,
            anatomy,
            patches,
            config.flow,
            aim_error_mm=config.needles.aim_error_mm,
            leak_weight=config.needles.sets.leak_weight,
            regroup=partial(put_together, gaps=made.gaps, spaces=anatomy.gaps, config=config.needles),
            monitor=monitor,
        )
        made = with_procedure(made, config.needles.sets)
        made = with_leak_paths(
            made,
            anatomy,
            config.needle_holes,
            arrival=arrival_of(arrivals),
            viscosity=config.flow.viscosity,
            viscosity_pa_s=config.flow.viscosities.of(config.flow.viscosity),
        )
    case = PlannedCase(
        made,
        measured.scan,
        anatomy,
        painted,
        measured.metal.mask,
        measured.trust,
        skeleton=measured.anatomy.skeleton,
        defects=measured.candidacy.defects,
        unwrapped=unwrapped_of(measured, config),
        arrivals=arrivals,
        breaches=patches,
    )
    with stages.stage("views", "looking from where targets are seen"):
        case = with_views(case, config, monitor=monitor)
    return replace(case, plan=case.plan.model_copy(update={"timings_s": stages.timings_s()}))


def measure_gaps(
    scan: Scan,
    config: PlanConfig,
    stages: Stages,
    *,
    labels: AnatomyLabels | None = None,
    given: GapLabels | None = None,
    scope: AnatomyScope = "plan",
) -> MeasuredGaps:
    """Find the implants of a CT and measure the gaps round them.

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
    given : GapLabels or None
        Gaps as a person corrected them, which stand in the place of the measured ones.
    scope : {"plan", "gaps"}
        For gaps alone nothing is told of the anatomy that they do not lie in, nor of what speaks against cement.

    Returns
    -------
    MeasuredGaps

    Raises
    ------
    NoImplantError
        If the CT shows no orthopaedic implant.
    GeometryError
        If the CT's grid is sheared.
    CancelledError
        If the monitor stops the work.
    """
    if not scan.volume.grid.is_rectangular:
        raise GeometryError("the CT's slices are sheared (tilted gantry); resample it onto a rectangular grid first")
    # One order of axes, whichever way round the file holds them: rounding and ties then fall the same way.
    scan = scan.in_patient_axes()
    volume, monitor = scan.volume, stages.monitor
    if min(volume.grid.shape) < _FEWEST_SLICES:
        count = min(volume.grid.shape)
        there = "there is only 1 slice" if count == 1 else f"there are only {count} slices"
        raise SeriesError(f"{there}, too few to tell an implant; give the whole series")
    with stages.stage("implants", "finding implants"):
        told = tell_implants(volume, config, monitor=monitor)
    metal, parts = told.metal, told.parts
    with stages.stage("anatomy", "outlining bone, canal and skin"):
        known = tuple(part.record for part in told.known)
        anatomy = tell_anatomy(
            scan, metal.mask, known, anatomy_settings(config), labels=labels, scope=scope, monitor=monitor
        )
        seen = anatomy.survey
    with stages.stage("faults", "looking for faults of the hardware"):
        faults = find_faults(
            known, metal=metal, volume=volume, bone=seen.bone, canal=seen.canal, config=config.faults, monitor=monitor
        )
    with stages.stage("gaps", "measuring gaps"):
        trust = trust_map(volume, metal, config.trust, monitor=monitor)
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
        found += at_spine
    corrected: CorrectedGaps | None = None
    if given is not None:
        with stages.stage("given", "putting the corrected gaps in"):
            corrected = correct_gaps(
                given,
                volume,
                told=told,
                anatomy=anatomy,
                halos=halos,
                hips=round_hips.implants,
                found=found,
                trust=trust,
                config=config,
            )
        halos, found = corrected.halos, list(corrected.gaps)
    graded: dict[str, Implant] = {}
    for part in parts:
        graded[part.record.id] = part.record
    for halo in halos:
        graded[halo.shaft.id] = halo.graded(graded[halo.shaft.id])
    for record in (*round_hips.implants, *(() if corrected is None else corrected.stems)):
        graded[record.id] = record
    for name, record in graded.items():
        more = faults.criteria(name, config.faults)
        graded[name] = record.model_copy(update={"loosening_criteria": (*record.loosening_criteria, *more)})
    gaps = tuple(
        (gap.model_copy(update={"id": f"gap-{number}"}), mask) for number, (gap, mask) in enumerate(found, start=1)
    )
    implants = tuple(ImplantPart(graded[part.record.id], part.mask) for part in parts)
    candidacy = Candidacy()
    if scope == "plan":
        with stages.stage("candidacy", "looking for what speaks against cement"):
            candidacy = judge_candidacy(
                anatomy,
                implants=tuple(part.record for part in implants),
                heights=heights,
                gaps=gaps,
                trust=trust,
                config=config,
                monitor=monitor,
            )
    said = (
        *of_slices(volume.grid.spacing_mm, fine_mm=config.halos.fine_slice_mm),
        *of_search(part.record for part in implants),
        *findings_of_asides(metal.asides),
        *faults.findings,
        *(finding for halo in halos for finding in halo.findings),
        *round_hips.findings,
        *of_targets,
        *(() if corrected is None else corrected.findings),
    )
    least = max(config.halos.least_trust, config.hip_gaps.least_trust)
    doubts = of_reliance((gap for gap, _ in gaps), said, least_trust=least)
    unmeasured = not_measured(anatomy) if scope == "plan" else ()
    findings = (*doubts, *said, *candidacy.findings, *anatomy.findings, *unmeasured)
    # what a person drew is not on the stems' rays
    stem_maps = round_hips.maps if corrected is None else ()
    return MeasuredGaps(scan, implants, gaps, anatomy, candidacy, metal, findings, trust, halos, stem_maps)


def treatment_position(implants: Sequence[ImplantPart], config: PlanConfig) -> PatientPosition:
    """Say how the patient will lie: as the settings say, else prone for the spine and supine for the hip.

    Parameters
    ----------
    implants : sequence of ImplantPart
        What was found.
    config : PlanConfig
        The settings.

    Returns
    -------
    PatientPosition
    """
    if config.treatment_position is not None:
        return config.treatment_position
    return "HFP" if any(part.record.kind in SPINE_KINDS for part in implants) else "HFS"


def _findings(
    scan: Scan, measured: MeasuredGaps, needles: NeedlePlan, asked: Prophylaxis, position: PatientPosition
) -> tuple[Finding, ...]:
    implants = tuple(part.record for part in measured.implants)
    gaps = tuple(gap for gap, _ in measured.gaps)
    said = remarks(
        implants,
        gaps,
        needles,
        scanned=scan.series.patient_position,
        treated=position,
        clipped=measured.metal.is_clipped,
    )
    return (*scan.findings, *measured.findings, *asked.findings, *of_locked(needles.locked), *said)
