"""A plan's measurements as a DICOM Structured Report: Comprehensive 3D SR, TID 1500."""

import hashlib
import io
from pathlib import Path
from typing import Any

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID, SegmentationStorage

from planner.errors import InputError
from planner.io.dicom import codes
from planner.io.dicom.codes import own, own_scheme
from planner.io.dicom.datasets import DATASET_DAMAGE, open_dataset
from planner.io.dicom.elements import DamagedFileError
from planner.io.dicom.plan_series import series_description
from planner.io.dicom.repeatable import make_repeatable
from planner.io.dicom.source_study import add_patient_and_study, read_patient_and_study, without_patient
from planner.io.dicom.sr.approval import Approval, approval_of
from planner.io.dicom.sr.findings import breach_group, gap_group, implant_group
from planner.io.dicom.sr.group import Context, Group, Told, text_item
from planner.io.dicom.sr.needles import needle_group
from planner.io.dicom.structure_terms import Term
from planner.io.dicom.write import MANUFACTURER, SOFTWARE_VERSION, derived_uid
from planner.io.quiet import quiet
from planner.io.whole_file import write_whole
from planner.model.plan import Plan, Review
from planner.model.proposal import proposal_of

_SERIES_NUMBER = 302
"""After the labels' 300 and the pictures' 301. Ours."""
_QUALITATIVE = Code("C0034375", "UMLS", "Qualitative Evaluations")
_ORGANIZATION = "not told"


def write_measurements(plan: Plan, path: Path, *, segmentation: Path, review: str) -> None:
    """Write a plan's measurements as a DICOM Structured Report beside its segmentation; none where it holds no thing.

    Parameters
    ----------
    plan : Plan
        The plan. What was not measured is left out, never written as 0.
    path : Path
        The file to write.
    segmentation : Path
        The DICOM Segmentation of the same plan: patient, study and source images are taken from it, and groups refer
        to its segments.
    review : str
        Whether a person stands behind the plan, in words.

    Raises
    ------
    InputError
        If the segmentation cannot be read.
    OutputError
        If the file cannot be written; nothing is there then.

    Notes
    -----
    The same plan gives the same file, byte for byte. It is VERIFIED, with the person as verifying observer, only where
    the plan is approved and says by whom and when, in letters that the CT's character set has: DICOM wants both.
    """
    labels = _labels(segmentation)
    with quiet():
        context = _context(plan, labels)
        groups = _groups(plan, context)
        if not groups:
            return
        charset = labels.get("SpecificCharacterSet")
        approval = approval_of(plan.review, charset if isinstance(charset, str) else None)
        report = hd.sr.MeasurementReport(
            observation_context=_observers(approval),
            procedure_reported=codes.CT_PROCEDURE,
            imaging_measurements=groups,
        )
        report[0].ContentSequence.append(_texts(plan, review))
        digest = hashlib.sha256(plan.model_dump_json(exclude={"timings_s"}).encode()).hexdigest()
        seed = (context.series_uid, str(labels.SOPInstanceUID), SOFTWARE_VERSION, digest)
        document = hd.sr.Comprehensive3DSR(
            evidence=[without_patient(labels), *_sources(labels)],
            content=report,
            series_instance_uid=derived_uid("sr-series", *seed),
            series_number=_SERIES_NUMBER,
            series_description=series_description("measurements", plan.review),
            sop_instance_uid=derived_uid("sr", *seed),
            instance_number=1,
            manufacturer=MANUFACTURER,
            manufacturer_model_name=MANUFACTURER,
            software_versions=SOFTWARE_VERSION,
            is_complete=True,
            coding_schemes=[own_scheme()],
            **_verification(plan.review, approval),
        )
        _add_patient(document, segmentation)
        at = None if approval is None else (f"{approval.at:%Y%m%d}", f"{approval.at:%H%M%S}")
        make_repeatable(document, labels, at=at)
        if approval is not None:
            document.VerifyingObserverSequence[0].VerificationDateTime = f"{approval.at:%Y%m%d%H%M%S%z}"
        buffer = io.BytesIO()
        document.save_as(buffer)
    write_whole(buffer.getvalue(), path)


def _labels(segmentation: Path) -> Dataset:
    try:
        labels = open_dataset(segmentation, with_pixels=False)
    except (*DATASET_DAMAGE, DamagedFileError):
        labels = Dataset()
    if labels.get("SOPClassUID") != SegmentationStorage:
        raise InputError(f"{segmentation.name} is no DICOM Segmentation that can be read; write the plan again")
    return labels


def _context(plan: Plan, labels: Dataset) -> Context:
    series = str(labels.ReferencedSeriesSequence[0].SeriesInstanceUID)
    source = hd.sr.SourceSeriesForSegmentation(referenced_series_instance_uid=series)
    ids = {structure.code: structure.id for structure in plan.labels}
    segments = {}
    for segment in labels.SegmentSequence:
        name = ids.get(int(segment.SegmentDescription))
        if name is not None:
            segments[name] = hd.sr.ReferencedSegment(
                sop_class_uid=labels.SOPClassUID,
                sop_instance_uid=labels.SOPInstanceUID,
                segment_number=int(segment.SegmentNumber),
                source_series=source,
            )
    return Context(plan, series, str(labels.FrameOfReferenceUID), segments)


def _add_patient(document: Dataset, segmentation: Path) -> None:
    add_patient_and_study(document, read_patient_and_study(segmentation, lossy=False))
    del document.LossyImageCompression  # of images alone


def _groups(plan: Plan, context: Context) -> list[Group]:
    groups = [implant_group(implant, context) for implant in plan.implants]
    groups += [gap_group(plan, gap, context) for gap in plan.gaps]
    groups += [breach_group(plan, breach, context) for breach in plan.breaches]
    groups += [needle_group(plan, way, context) for way in plan.ways]
    proposal = proposal_of(plan)
    if proposal is not None:
        told = Told("procedure", context, Term(codes.SUBSTANCE, codes.BONE_CEMENT))
        told.number(own("cement"), proposal.cement_ml, codes.ML)
        told.number(own("cement-in-needles"), proposal.in_needles_ml, codes.ML)
        told.number(own("needles"), proposal.needles, codes.ONE)
        groups.append(told.group())
    return groups


def _texts(plan: Plan, review: str) -> hd.sr.ContainerContentItem:
    """Give what is said in words of the whole plan: its review first, then its findings, the worst first."""
    container = hd.sr.ContainerContentItem(_QUALITATIVE, relationship_type=hd.sr.RelationshipTypeValues.CONTAINS)
    said = [(own("review"), review)]
    if plan.treatment_position is not None:
        said.append((own("position"), plan.treatment_position))
    said.append((own("settings"), plan.settings_sha256))
    order = ("warning", "caution", "info")
    for finding in sorted(plan.findings, key=lambda f: order.index(f.severity)):
        said.append((codes.FINDING, f"{finding.severity}: {finding.message} [{finding.code}]"))
    container.ContentSequence = hd.sr.ContentSequence([text_item(name, text) for name, text in said])
    return container


def _sources(labels: Dataset) -> list[Dataset]:
    """Give the CT's images as far as a report refers to them."""
    sources = []
    for series in labels.ReferencedSeriesSequence:
        for image in series.ReferencedInstanceSequence:
            source = Dataset()
            source.StudyInstanceUID, source.SeriesInstanceUID = labels.StudyInstanceUID, series.SeriesInstanceUID
            source.SOPClassUID = image.ReferencedSOPClassUID
            source.SOPInstanceUID = image.ReferencedSOPInstanceUID
            sources.append(source)
    return sources


def _observers(approval: Approval | None) -> hd.sr.ObservationContext:
    device = hd.sr.ObserverContext(
        observer_type=hd.sr.CodedConcept.from_code(codes.DEVICE),
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=UID(derived_uid("device", SOFTWARE_VERSION)),
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=f"{MANUFACTURER} {SOFTWARE_VERSION}",
        ),
    )
    person = None
    if approval is not None:
        person = hd.sr.ObserverContext(
            observer_type=hd.sr.CodedConcept.from_code(codes.PERSON),
            observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(name=approval.name),
        )
    return hd.sr.ObservationContext(observer_person_context=person, observer_device_context=device)


def _verification(review: Review, approval: Approval | None) -> dict[str, Any]:
    is_final = review.state == "approved"
    if approval is None:
        return {"is_final": is_final, "is_verified": False}
    return {
        "is_final": is_final,
        "is_verified": True,
        "verifying_observer_name": approval.name,
        "verifying_organization": _ORGANIZATION,
    }
