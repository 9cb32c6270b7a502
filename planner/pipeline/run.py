"""The steps of a run in their order, each done once: what an earlier run made of the same is taken from there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from planner import __version__
from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import WishesConfig
from planner.fluoro.console import console_angles_deg
from planner.model.anatomy import Anatomy
from planner.model.arrival_map import ArrivalMap
from planner.model.finding import Finding
from planner.model.implant import SPINE_KINDS
from planner.model.labels import LabelMap
from planner.model.plan import PatientPosition, Plan, Review, Software
from planner.model.scan import Scan
from planner.needles.account.describe import Scene
from planner.needles.search import NeedlePlan, put_locked, search_gaps
from planner.needles.sets.gap_share import in_gap_volumes
from planner.pipeline.cement import with_cement
from planner.pipeline.fluoroscopy.proposed_views import standing_views, with_views
from planner.pipeline.found_breaches import breaches_of
from planner.pipeline.graded_gaps import grade_gaps
from planner.pipeline.kept_steps import KeptSteps, Result, Step
from planner.pipeline.labelling import label_map
from planner.pipeline.leak_paths import arrival_of, with_leak_paths
from planner.pipeline.locked_needles import of_locked
from planner.pipeline.measured_gaps import MeasuredGaps, anatomy_of, record_of, unwrapped_of
from planner.pipeline.picked_targets import PickedTargets, plan_picked
from planner.pipeline.planned_case import PlannedCase, PlanSource
from planner.pipeline.procedure import put_together, with_procedure
from planner.pipeline.prophylaxis import Prophylaxis, plan_prophylaxis
from planner.pipeline.remarks import remarks
from planner.pipeline.stages import Stages
from planner.pipeline.surveyed import Surveyed, survey_scan
from planner.progress import SILENT, Monitor
from planner.safety.breaches import BreachPatch
from planner.safety.fields import distance_fields
from planner.segment.anatomy.loose_bone import inside_cups, loose_bone
from planner.segment.implants.spine import ImplantPart

_NEEDLES = ("needles", "searching needles")
_VIEWS = ("views", "looking from where targets are seen")
_TOLD_BY_FLOW = (
    "gaps", "breaches", "trajectories", "needle_sets", "procedure", "fills", "needle_holes", "risk_factors"
)  # fmt: skip
"""Fields of the plan that the cement's course tells, or changes."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """All that a plan is written from before cement runs."""

    survey: Surveyed
    measured: MeasuredGaps
    anatomy: Anatomy
    patches: tuple[BreachPatch, ...]
    painted: LabelMap
    needles: NeedlePlan
    asked: Prophylaxis
    picked: PickedTargets
    position: PatientPosition


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """One run: its settings, its clock, and the steps of the run before."""

    source: PlanSource
    config: PlanConfig
    stages: Stages
    kept: KeptSteps

    @property
    def monitor(self) -> Monitor:
        return self.stages.monitor

    def step(
        self, name: Step, inputs: tuple[object, ...], make: Callable[[], Result], *, stage: tuple[str, str]
    ) -> Result:
        """Do a step as a stage of the run (its key in the timings, and words), or take it over."""

        def staged() -> Result:
            with self.stages.stage(*stage):
                return make()

        return self.kept.step(name, inputs, staged)


def run_steps(
    source: PlanSource,
    config: PlanConfig,
    *,
    before: KeptSteps | None = None,
    keep: bool = True,
    monitor: Monitor = SILENT,
) -> PlannedCase:
    """Plan on a CT.

    Parameters
    ----------
    source : PlanSource
        The CT, with labels and gaps made elsewhere.
    config : PlanConfig
        The settings.
    before : KeptSteps or None
        The steps of an earlier run on the same CT; what they made of the same settings and inputs is taken over.
    keep : bool
        Whether the case can be planned again, as `planner.pipeline.replan` does; else it takes less memory.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    PlannedCase
        The same whether or not an earlier run is given, but for `Plan.timings_s`.

    Raises
    ------
    NoImplantError
        If the CT shows no orthopaedic implant.
    GeometryError
        If the CT's grid is sheared.
    CancelledError
        If the monitor stops the work.
    """
    run = _Run(source, config, Stages(monitor), KeptSteps(config, before, keeps=keep))
    found = _find(run)
    measured, anatomy = found.measured, found.anatomy
    plan, arrivals = _with_flow(run, found, _draft(run, found))
    case = PlannedCase(
        plan,
        measured.scan,
        anatomy,
        found.painted,
        measured.metal.mask,
        measured.trust,
        skeleton=measured.anatomy.skeleton,
        defects=measured.candidacy.defects,
        unwrapped=run.kept.step("unwrapped", (measured,), lambda: unwrapped_of(measured, config)),
        arrivals=arrivals,
        breaches=found.patches,
        source=source,
        survey=found.survey,
        measured=measured,
        kept=run.kept.closed() if keep else None,
    )
    looked = partial(standing_views, case, config, monitor=monitor)
    standing = run.step("standing views", (measured, anatomy, found.position), looked, stage=_VIEWS)
    with run.stages.stage(*_VIEWS):
        case = with_views(case, config, standing=standing)
    return replace(case, plan=case.plan.model_copy(update={"timings_s": run.stages.timings_s()}))


def review_of(source: PlanSource, config: PlanConfig) -> Review:
    """Say whether a plan that was just made holds a person's hand.

    Parameters
    ----------
    source : PlanSource
        With or without gaps that a person gave.
    config : PlanConfig
        With or without wishes.

    Returns
    -------
    Review
        "unreviewed" where all is the program's own.
    """
    wished = config.needles.wishes != WishesConfig()
    return Review(state="edited") if wished or source.given is not None else Review()


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


def _find(run: _Run) -> _Found:
    """Do all steps up to the needles, and paint what was found."""
    source, config, monitor = run.source, run.config, run.monitor
    survey = run.kept.step(
        "survey",
        (source.scan, source.labels),
        lambda: survey_scan(source.scan, config, run.stages, labels=source.labels),
    )
    measured = run.kept.step(
        "gaps", (survey, source.given), lambda: grade_gaps(survey, config, run.stages, given=source.given)
    )
    position = treatment_position(measured.implants, config)
    console = partial(console_angles_deg, position=position)
    anatomy = run.kept.step("anatomy", (measured,), lambda: anatomy_of(measured, config.anatomy.soft_tissue))
    patches = run.step(
        "breaches",
        (measured, anatomy, position),
        lambda: breaches_of(measured, anatomy, config, console=console, monitor=monitor),
        stage=("breaches", "looking for breaches"),
    )
    needles, asked, picked = _search(run, survey, measured, anatomy, patches, position=position)
    painted = run.step(
        "labels",
        (measured, anatomy, patches),
        lambda: _paint(measured, anatomy, patches),
        stage=("labels", "painting labels"),
    )
    return _Found(survey, measured, anatomy, patches, painted, needles, asked, picked, position)


def _search(
    run: _Run,
    survey: Surveyed,
    measured: MeasuredGaps,
    anatomy: Anatomy,
    patches: tuple[BreachPatch, ...],
    *,
    position: PatientPosition,
) -> tuple[NeedlePlan, Prophylaxis, PickedTargets]:
    """Search needles to gaps, to intact levels and to targets that a person picked."""
    config, monitor = run.config, run.monitor
    console = partial(console_angles_deg, position=position)
    wishes, levels = config.needles.wishes, measured.candidacy.prophylactic
    if not (anatomy.gaps or wishes.locked or wishes.targets or levels):
        return NeedlePlan((), ()), Prophylaxis(), PickedTargets()
    breaches = tuple(patch.breach for patch in patches)
    # distances know no gap: they stay where only gaps were edited
    fields = run.step("distances", (survey,), lambda: distance_fields(anatomy, config=config.needles), stage=_NEEDLES)
    scene = Scene(anatomy, fields, breaches, config.needles, console)
    inputs = (anatomy, fields, patches, position)
    searches = run.step("searches", inputs, lambda: search_gaps(scene, monitor=monitor), stage=_NEEDLES)
    needles = run.step(
        "needles",
        (*inputs, searches),
        lambda: in_gap_volumes(put_locked(scene, searches), tuple(gap for gap, _ in measured.gaps), anatomy.gaps),
        stage=_NEEDLES,
    )
    asked = run.step(
        "prophylaxis",
        (measured, *inputs),
        lambda: plan_prophylaxis(
            anatomy,
            levels,
            pedicles=measured.anatomy.skeleton.pedicles,
            console=console,
            config=config,
            fields=fields,
            monitor=monitor,
        ),
        stage=_NEEDLES,
    )
    picked = run.step(
        "picked targets",
        inputs,
        lambda: plan_picked(
            anatomy, config.needles, console=console, breaches=breaches, fields=fields, monitor=monitor
        ),
        stage=_NEEDLES,
    )
    return needles, asked, picked


def _paint(measured: MeasuredGaps, anatomy: Anatomy, patches: tuple[BreachPatch, ...]) -> LabelMap:
    seen = measured.anatomy.survey
    return label_map(
        measured.scan.volume.grid,
        implants=[(part.record.id, part.mask) for part in measured.implants],
        gaps=[(gap.id, mask) for gap, mask in measured.gaps],
        breaches=patches,
        anatomy=anatomy,
        loose=loose_bone(anatomy.ct, outline=seen.envelope, metal=seen.metal, bones=anatomy.bones),
        cups=inside_cups(measured.anatomy.skeleton.hips.joints, seen.envelope),
    )


def _draft(run: _Run, found: _Found) -> Plan:
    """Write all down that is known before cement runs."""
    measured, needles, config = found.measured, found.needles, run.config
    structures = found.painted.structures
    return Plan(
        software=Software(name="cement-planner", version=__version__),
        review=review_of(run.source, config),
        series=run.source.scan.series,
        treatment_position=found.position,
        settings_sha256=config.sha256(),
        implants=tuple(part.record for part in measured.implants),
        gaps=tuple(gap for gap, _ in measured.gaps),
        breaches=tuple(patch.breach for patch in found.patches),
        trajectories=needles.trajectories,
        needle_sets=needles.needle_sets,
        needle_searches=tuple(search.record() for search in needles.searches),
        prophylactic_targets=found.asked.targets,
        picked_targets=found.picked.targets,
        risk_factors=measured.candidacy.risk_factors,
        anatomy=run.kept.step(
            "anatomy record", (measured, found.painted), lambda: record_of(measured, config, structures)
        ),
        labels=structures,
        findings=(*_said(run.source.scan, found), *found.picked.findings),
    )


def _with_flow(run: _Run, found: _Found, draft: Plan) -> tuple[Plan, tuple[ArrivalMap, ...]]:
    """Let cement run, put needles in their order, and say what it tells; picked targets have no part in it."""
    before = len(draft.findings) - len(found.picked.findings)
    bare = draft.model_copy(update={"picked_targets": (), "findings": draft.findings[:before]})
    poured, arrivals = run.step(
        "flow",
        (found.measured, found.anatomy, found.patches, found.needles, found.asked, found.position),
        lambda: _pour(run, found, bare),
        stage=("flow", "letting cement run"),
    )
    told = {name: getattr(poured, name) for name in _TOLD_BY_FLOW}
    return draft.model_copy(update={**told, "findings": (*draft.findings, *poured.findings[before:])}), arrivals


def _pour(run: _Run, found: _Found, plan: Plan) -> tuple[Plan, tuple[ArrivalMap, ...]]:
    config, anatomy = run.config, found.anatomy
    made, arrivals = with_cement(
        plan,
        anatomy,
        found.patches,
        config.flow,
        aim_error_mm=config.needles.aim_error_mm,
        leak_weight=config.needles.sets.leak_weight,
        regroup=partial(put_together, gaps=plan.gaps, spaces=anatomy.gaps, config=config.needles),
        monitor=run.monitor,
    )
    made = with_leak_paths(
        with_procedure(made, config.needles.sets),
        anatomy,
        config.needle_holes,
        arrival=arrival_of(arrivals),
        viscosity=config.flow.viscosity,
        viscosity_pa_s=config.flow.viscosities.of(config.flow.viscosity),
    )
    return made, arrivals


def _said(scan: Scan, found: _Found) -> tuple[Finding, ...]:
    measured = found.measured
    said = remarks(
        tuple(part.record for part in measured.implants),
        tuple(gap for gap, _ in measured.gaps),
        found.needles,
        scanned=scan.series.patient_position,
        treated=found.position,
        clipped=measured.metal.is_clipped,
    )
    return (*scan.findings, *measured.findings, *found.asked.findings, *of_locked(found.needles.locked), *said)
