"""A plan's DICOM objects to a server: only those of this plan, only to its patient, and one copy of each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydicom import Dataset

from planner.errors import InputError, OutputError, PacsError, UsageError
from planner.io.dicom.datasets import DATASET_DAMAGE, open_dataset
from planner.io.dicom.elements import DamagedFileError
from planner.io.plan_json import load_plan
from planner.io.quiet import quiet
from planner.model.plan import Plan, Review
from planner.pacs.attempts import attempt
from planner.pacs.connection import Connection
from planner.pacs.search import instances_of, patient_id_of, series_of
from planner.progress import Monitor, track
from planner.report.review_words import review_note

_KINDS = {
    "1.2.840.10008.5.1.4.1.1.66.4": "segmentation",
    "1.2.840.10008.5.1.4.1.1.88.22": "report",  # Enhanced SR
    "1.2.840.10008.5.1.4.1.1.88.33": "report",  # Comprehensive SR
    "1.2.840.10008.5.1.4.1.1.88.34": "report",  # Comprehensive 3D SR
    "1.2.840.10008.5.1.4.1.1.7": "picture",
    "1.2.840.10008.5.1.4.1.1.7.2": "picture",
    "1.2.840.10008.5.1.4.1.1.7.3": "picture",
}
"""What a plan's folder holds for an archive, by SOP Class (PS3.6 A)."""
_ORDER = ("segmentation", "report", "picture")
"""A report refers to the segmentation: that one goes first."""
_UID = re.compile(r"[0-9.]{1,64}\Z")
"""It stands in an address; some makers' UIDs break the standard's rules on zeros, and are UIDs all the same."""
_UNDECODED = "\ufffd"
"""What pydicom puts where a value's bytes are none of its character set."""
_ALREADY_THERE = 0x0111
"""PS3.18 table 10.5.3-1 refers to PS3.7 C.5: duplicate SOP Instance."""


@dataclass(frozen=True, slots=True)
class PlanObject:
    """A DICOM object of a plan: what was read of it to judge it. Its bytes stay in its file until they are sent.

    Parameters
    ----------
    path : Path
        Its file.
    fingerprint : str
        SHA-256 of the file that was judged.
    kind : {"segmentation", "report", "picture"}
        What it is.
    uids : tuple of str
        Study, series and SOP Instance UID.
    patient : tuple of str
        Number and name.
    frame : str or None
        Frame of Reference UID.
    made_on : tuple of str
        Series Instance UIDs that it refers to.
    made_from : frozenset of str
        Instances that a report was made from (PS3.3 C.17.2.3).
    draft_words : str or None
        What it says of a plan that nobody approved; None where it says nothing.
    is_verified : bool
        Whether it is a report that somebody answers for.
    """

    path: Path
    fingerprint: str
    kind: str
    uids: tuple[str, str, str]
    patient: tuple[str, str]
    frame: str | None
    made_on: tuple[str, ...]
    made_from: frozenset[str]
    draft_words: str | None
    is_verified: bool


@dataclass(frozen=True, slots=True)
class Pushed:
    """A plan's object that the server holds.

    Parameters
    ----------
    name : str
        The file's, as it lies in the plan's folder.
    sop_instance_uid : str
        Its UID.
    sent : bool
        False where the server held it before.
    """

    name: str
    sop_instance_uid: str
    sent: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a push.

    Parameters
    ----------
    objects : tuple of Pushed
        In the order in which they were sent.
    study_was_known : bool
        Whether the server held the study before: if not, it is the wrong server, or a pseudonymised plan.
    others : tuple of str
        Descriptions of the study's other series that this program made, drafts among them, sorted; one for each.
    """

    objects: tuple[Pushed, ...]
    study_was_known: bool
    others: tuple[str, ...] = ()


def plan_objects(folder: Path, *, drafts: bool) -> tuple[PlanObject, ...]:
    """Read what a plan's folder holds for an archive, and refuse what must not get there.

    Parameters
    ----------
    folder : Path
        A plan's folder.
    drafts : bool
        Whether a plan that nobody approved may go.

    Returns
    -------
    tuple of PlanObject
        Segmentation, report, pictures.

    Raises
    ------
    UsageError
        If the plan is not approved and `drafts` is False, or there are no objects.
    InputError
        If an object cannot be read, or is not of this plan.
    """
    plan = load_plan(folder / "plan.json") if (folder / "plan.json").is_file() else None
    if plan is None:
        raise InputError(
            f"{folder.name} holds no plan.json and is no folder of a plan; give the one that 'cement-planner plan' made"
        )
    if plan.review.state != "approved" and not drafts:
        raise UsageError(
            f"nobody has approved this plan ({plan.review.state}), and in an archive it would look like one that was: "
            "approve it in 'cement-planner view', or give --unreviewed to send it marked as a draft"
        )
    files = [*sorted(folder.glob("*.dcm")), *sorted((folder / "fluoro").glob("*.dcm"))]
    objects = [_read(path, folder) for path in files]
    if not objects:
        raise UsageError(
            f"{folder.name} holds no DICOM objects: the plan was made from a CT without DICOM headers, or without "
            "figures; plan on the DICOM series"
        )
    for one in objects:
        _require_of_plan(one, plan, first=objects[0])
    _require_reports_of(objects, plan)
    return tuple(sorted(objects, key=lambda one: _ORDER.index(one.kind)))


def push(connection: Connection, folder: Path, *, monitor: Monitor, drafts: bool = False) -> Outcome:
    """Store a plan's DICOM objects on a server.

    Objects that the server holds are not sent again, so that a push may be stopped and made again.

    Parameters
    ----------
    connection : Connection
        The server.
    folder : Path
        A plan's folder.
    monitor : Monitor
        Follows the work, and may stop it between two objects.
    drafts : bool
        Whether a plan that nobody approved may go.

    Returns
    -------
    Outcome

    Raises
    ------
    UsageError, InputError
        As `plan_objects`.
    OutputError
        If the server cannot be reached, refuses an object, does not hold it after it was sent, or holds the study as
        another patient's.
    """
    objects = plan_objects(folder, drafts=drafts)
    try:
        study, _, _ = objects[0].uids
        owner = patient_id_of(connection, study, monitor=monitor)
        number = objects[0].patient[0].strip()
        if owner is not None and _UNDECODED in number:
            raise PacsError(
                "the patient's number in the plan's CT is not written in the character set that it names, so whether "
                "the server's study is the same patient's cannot be told; have the CT's headers put right, and plan "
                "again"
            )
        if owner is not None and owner != number:
            raise PacsError(
                "the server holds this study under another patient's number than the plan's CT names; pull the study "
                "again and plan on it"
            )
        found = series_of(connection, study, monitor=monitor)
        there = _held(connection, objects, monitor, {one.series_instance_uid for one in found})
        done = []
        for one in track(objects, stage="sending", monitor=monitor):
            sent = one.uids[2] not in there
            if sent:
                _store(connection, one, monitor)
            done.append(Pushed(one.path.relative_to(folder).as_posix(), one.uids[2], sent))
    except PacsError as error:
        raise OutputError(str(error)) from None
    own = {one.uids[1] for one in objects}
    others = (one.plan_series for one in found if one.plan_series and one.series_instance_uid not in own)
    return Outcome(tuple(done), owner is not None, tuple(sorted(others)))


def _read(path: Path, folder: Path) -> PlanObject:
    name = path.relative_to(folder).as_posix()
    try:
        fingerprint, dataset = sha256(path.read_bytes()).hexdigest(), open_dataset(path)
        with quiet():
            # Elements are decoded only here: each may turn out to be damaged.
            one = _judged(path, fingerprint, dataset)
    except (*DATASET_DAMAGE, DamagedFileError) as error:
        raise InputError(f"{name} is no readable DICOM file; plan again") from error
    if one is None:
        raise InputError(f"{name} is no segmentation, report or picture of a plan; take it out of the folder")
    return one


def _judged(path: Path, fingerprint: str, dataset: Dataset) -> PlanObject | None:
    """Take out of an object what decides whether it may go; None where it is none of a plan."""
    kind = _KINDS.get(_text(dataset, "SOPClassUID"))
    study, series, instance = (
        _text(dataset, name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    )
    if kind is None or not all(_UID.match(uid) for uid in (study, series, instance)):
        return None
    return PlanObject(
        path=path,
        fingerprint=fingerprint,
        kind=kind,
        uids=(study, series, instance),
        patient=(_text(dataset, "PatientID"), _text(dataset, "PatientName")),
        frame=_text(dataset, "FrameOfReferenceUID") or None,
        made_on=tuple(_text(item, "SeriesInstanceUID") for item in dataset.get("ReferencedSeriesSequence", ())),
        made_from=frozenset(_evidence(dataset)),
        draft_words=_draft_words(dataset),
        is_verified=_text(dataset, "VerificationFlag") == "VERIFIED",
    )


def _text(dataset: Dataset, name: str) -> str:
    return str(dataset.get(name, "") or "")


def _require_of_plan(one: PlanObject, plan: Plan, *, first: PlanObject) -> None:
    """Refuse an object of another CT, another patient, or another state of the review."""
    if (one.uids[0], one.patient) != (first.uids[0], first.patient):
        raise InputError(f"{one.path.name} and {first.path.name} are of different patients or studies; plan again")
    if one.kind != "report" and one.frame != plan.series.frame_of_reference_uid:
        # A CT that names no frame of reference has one derived; its series tells then.
        other = bool(one.made_on) and plan.series.series_instance_uid not in one.made_on
        if plan.series.frame_of_reference_uid is not None or other:
            raise InputError(f"{one.path.name} was made on another CT than plan.json; plan again")
    says, should = one.draft_words, review_note(plan.review)
    if says != should and not (one.kind == "report" and says is None):
        told = "does not say that the plan is a draft" if says is None else f"says {says.lower()!r}"
        raise InputError(
            f"{one.path.name} {told}, and the plan in plan.json is {plan.review.state}; save the plan again from "
            "'cement-planner view'"
        )


def _require_reports_of(objects: list[PlanObject], plan: Plan) -> None:
    """Refuse a report of other labels than those beside it, or one that calls a draft verified."""
    labels = {one.uids[2] for one in objects if one.kind == "segmentation"}
    for one in objects:
        if one.kind != "report":
            continue
        if not labels & one.made_from:
            raise InputError(f"{one.path.name} was made on other labels than those beside it; plan again")
        if plan.review.state != "approved" and one.is_verified:
            raise InputError(
                f"{one.path.name} is verified, and the plan in plan.json is {plan.review.state}; save the plan again "
                "from 'cement-planner view'"
            )


def _evidence(report: Dataset) -> Iterator[str]:
    """Give the instances that a report was made from (PS3.3 C.17.2.3)."""
    for name in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in report.get(name, ()):
            for series in study.get("ReferencedSeriesSequence", ()):
                yield from (str(item.ReferencedSOPInstanceUID) for item in series.get("ReferencedSOPSequence", ()))


def _draft_words(dataset: Dataset) -> str | None:
    """Give what an object says of a plan that nobody approved; None where it says nothing."""
    texts = " ".join(_text(dataset, name) for name in ("ContentDescription", "ImageComments"))
    notes = (review_note(Review(state="unreviewed")), review_note(Review(state="edited")))
    return next((note for note in notes if note is not None and note in texts), None)


def _held(connection: Connection, objects: tuple[PlanObject, ...], monitor: Monitor, known: set[str]) -> set[str]:
    """Ask which instances the server holds in the series of the objects, of those series that it knows."""
    study = objects[0].uids[0]
    asked = sorted(known & {one.uids[1] for one in objects})
    return {uid for series in asked for uid in instances_of(connection, study, series, monitor=monitor)}


def _store(connection: Connection, one: PlanObject, monitor: Monitor) -> None:
    """Send one object's file as it is, and see that it has arrived."""
    study, _, uid = one.uids
    try:
        content = one.path.read_bytes()
    except OSError as error:
        raise InputError(f"{one.path.name} cannot be read any more; push again") from error
    if sha256(content).hexdigest() != one.fingerprint:
        raise InputError(f"{one.path.name} was changed while the plan was being sent; push again")
    answer = attempt(lambda: connection.store(study, content), connection, monitor=monitor)
    reasons = set(_failures(answer, uid)) - {_ALREADY_THERE}
    if reasons:
        raise PacsError(f"the server refuses {one.path.name} (failure reason {min(reasons):#06x}, PS3.18 10.5.3)")
    known = {found.series_instance_uid for found in series_of(connection, study, monitor=monitor)}
    if uid not in _held(connection, (one,), monitor, known):
        raise PacsError(f"the server took {one.path.name} but does not show it; ask who runs it, or push again later")


def _failures(answer: Dataset, uid: str) -> Iterator[int]:
    for item in answer.get("FailedSOPSequence", ()):
        if str(item.get("ReferencedSOPInstanceUID", uid)) == uid:
            yield int(item.get("FailureReason", 0) or 0)
