"""One plan folder, from input to place: what ``plan`` and ``demo`` share."""

from pathlib import Path

from planner.cli._options import load
from planner.config.plan_config import PlanConfig
from planner.errors import InputError
from planner.io.dicom.patient import PatientIdentity, patient_of
from planner.io.dicom.pseudonyms import Pseudonyms
from planner.io.staging import require_free, staged_folder
from planner.model.plan import Plan
from planner.model.proposal import no_candidate, proposal_of
from planner.model.scan import Scan
from planner.pipeline import PLAN_FILES, plan_labelled, write_plan_files
from planner.pipeline.pseudonymised import gaps_under_pseudonym, labels_under_pseudonym, under_pseudonym
from planner.progress import Monitor
from planner.report.leak_lines import leaks_in_a_line
from planner.report.leaks import leaks_of
from planner.report.said import doubts
from planner.report.words import upwards


def make_plan_folder(
    source: Path,
    output: Path,
    *,
    config: PlanConfig,
    overwrite: bool,
    monitor: Monitor,
    figures: bool = True,
    labels: Path | None = None,
    gaps: Path | None = None,
    name_on_sheet: bool = False,
    pseudonyms: Pseudonyms | None = None,
) -> Plan:
    """Load a CT, plan on it and write the plan's folder.

    Parameters
    ----------
    source : Path
        Where the CT is.
    output : Path
        The folder to make.
    config : PlanConfig
        The settings.
    overwrite : bool
        Whether an older plan may be replaced.
    monitor : Monitor
        Follows the work.
    figures : bool
        Whether pictures are drawn.
    labels : Path or None
        Anatomy labels made elsewhere.
    gaps : Path or None
        Gaps as a person corrected them.
    name_on_sheet : bool
        Whether the report names the patient.
    pseudonyms : Pseudonyms or None
        Under which the patient goes; None leaves all as the CT's files have it.

    Returns
    -------
    Plan
        The plan that was written.

    Raises
    ------
    InputError
        If the patient shall be named and the CT names nobody.
    """
    require_free(output, own_names=PLAN_FILES, overwrite=overwrite)
    with under_pseudonym(load(source, config, monitor=monitor), pseudonyms) as scan:
        patient = named_patient(scan) if name_on_sheet else None
        case = plan_labelled(
            scan,
            config,
            labels=labels_under_pseudonym(labels, scan, pseudonyms),
            gaps=gaps_under_pseudonym(gaps, scan, pseudonyms),
            monitor=monitor,
        )
        with staged_folder(output, own_names=PLAN_FILES, overwrite=overwrite) as folder:
            write_plan_files(case, folder, config, figures=figures, patient=patient, monitor=monitor)
    return case.plan


def named_patient(scan: Scan) -> PatientIdentity:
    """Read from a CT's files whose name shall be printed.

    Parameters
    ----------
    scan : Scan
        The CT as it was loaded.

    Returns
    -------
    PatientIdentity
        With a name, a number or a birth date at the least.

    Raises
    ------
    InputError
        If the files name nobody, or two patients. The message names nobody.
    """
    patient = patient_of(scan)
    if patient is None:
        raise InputError("the CT is no DICOM series, so it names no patient; leave out --name-on-sheet")
    if not patient.is_told:
        raise InputError("the CT's files hold neither name, number nor birth date; leave out --name-on-sheet")
    return patient


def describe(plan: Plan) -> str:
    """Tell a plan in a few lines for a terminal.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    str
        Without a line end; what was not measured is said so.
    """
    lines = [f"{len(plan.implants)} implants, {len(plan.gaps)} gaps, {len(plan.trajectories)} needles"]
    lines.extend(f"  {message}" for message in no_candidate(plan.findings))
    doubted = doubts(plan.findings)
    sides = {implant.id: implant.side for implant in plan.implants}
    for gap in plan.gaps:
        volume = gap.volume_ml
        size = (
            "volume not measured"
            if volume is None
            else f"{volume.estimate:.2f} mL ({volume.low:.2f}-{volume.high:.2f})"
        )
        if gap.id in doubted:
            size = f"{doubted[gap.id]}; {size}"
        if gap.made == "edited":
            size = f"edited; {size}"
        side = sides.get(gap.implant_id or "")
        ways = sum(t.gap_id == gap.id for t in plan.trajectories)
        leaks = [b for b in plan.breaches if b.gap_id == gap.id]
        where = " ".join(word for word in (gap.implant_id, side) if word)
        count = "1 breach" if len(leaks) == 1 else f"{len(leaks)} breaches"
        line = leaks_in_a_line(leaks_of(plan, gap))
        first = f" ({line})" if line else ""
        lines.append(f"  {gap.id} at {where}: {size}, {ways} needles, {count}{first}")
    lines.extend(_proposed(plan))
    lines.extend(_picked(plan))
    said = ("no-candidate", "gap-not-reliable")
    warnings = [f for f in plan.findings if f.severity == "warning" and f.code not in said]
    lines.extend(f"  warning: {finding.message}" for finding in warnings)
    cautions = sorted({finding.code.replace("-", " ") for finding in plan.findings if finding.severity == "caution"})
    if cautions:
        lines.append(f"  cautions, told in report.html: {', '.join(cautions)}")
    return "\n".join(lines)


def _proposed(plan: Plan) -> list[str]:
    """Say which needles are proposed together, and how much cement they call for; nothing where none is."""
    sitting = proposal_of(plan)
    if sitting is None:
        return []
    cement = "cement not simulated" if sitting.cement_ml is None else f"{sitting.cement_ml:.1f} mL of cement to inject"
    if sitting.to_prepare_ml is not None:
        cement += f" ({upwards(sitting.to_prepare_ml)} mL with what stays in the needles)"
    count = "1 needle" if sitting.needles == 1 else f"{sitting.needles} needles"
    sets = (f"{one.implant_id or one.gap_ids[0]}: {', then '.join(one.trajectory_ids)}" for one in sitting.sets)
    turns = (f"one after the other, no room for both: {' and '.join(pair)}" for pair in sitting.in_turn)
    return [f"  proposed: {count}, {cement}", *(f"    {line}" for line in (*sets, *turns))]


def _picked(plan: Plan) -> list[str]:
    """Say of each target picked by hand where it lies, and how many needles reach it."""
    lines = []
    for target in plan.picked_targets:
        count = {0: "no safe needle", 1: "1 needle"}.get(len(target.ways), f"{len(target.ways)} needles")
        lines.append(f"  {target.id} picked by hand, {target.gap_id or 'in no gap that was told'}: {count}")
    return lines
