"""A plan's folder, from the CT on disk to its place: what the commands and cohorts share."""

import time
from dataclasses import replace
from pathlib import Path

from planner.config.plan_config import PlanConfig
from planner.errors import InputError
from planner.io import load_scan
from planner.io.dicom.patient import PatientIdentity, patient_of
from planner.io.dicom.pseudonyms import Pseudonyms
from planner.io.staging import require_free, staged_folder
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.pipeline.ahead import loaded_ahead
from planner.pipeline.plan_files import PLAN_FILES
from planner.progress import Monitor, check_cancelled

_STEPS = ("planner.pipeline.labelled", "planner.pipeline.outputs")


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
    uid, assume_hu = config.series_instance_uid, config.assume_hu
    began = time.perf_counter()
    with loaded_ahead(_STEPS):
        loaded = load_scan(source, series_instance_uid=uid, assume_hu=assume_hu, monitor=monitor)
    load_s = time.perf_counter() - began
    from planner.pipeline.labelled import plan_labelled
    from planner.pipeline.outputs import write_plan_files
    from planner.pipeline.pseudonymised import gaps_under_pseudonym, labels_under_pseudonym, under_pseudonym

    with under_pseudonym(loaded, pseudonyms) as scan:
        patient = named_patient(scan) if name_on_sheet else None
        case = plan_labelled(
            scan,
            config,
            labels=labels_under_pseudonym(labels, scan, pseudonyms),
            gaps=gaps_under_pseudonym(gaps, scan, pseudonyms),
            keep=False,
            monitor=monitor,
        )
        case = replace(case, plan=_with_load(case.plan, load_s))
        with staged_folder(output, own_names=PLAN_FILES, overwrite=overwrite) as folder:
            write_plan_files(case, folder, config, figures=figures, patient=patient, monitor=monitor)
            check_cancelled(monitor)  # whoever was told to stop while the last file was written replaces no plan
    return case.plan


def _with_load(plan: Plan, load_s: float) -> Plan:
    """Put the time that the CT took to load, modules and all, in front of the steps' own."""
    steps = plan.timings_s
    return plan.model_copy(update={"timings_s": {"load": load_s, **steps, "total": load_s + steps["total"]}})


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
