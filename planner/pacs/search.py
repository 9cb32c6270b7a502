"""What a server holds: studies of a patient or a day, their series, and the instances of one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydicom import Dataset

from planner.errors import PacsError, UsageError
from planner.io.dicom.datasets import DATASET_DAMAGE
from planner.io.dicom.plan_series import DESCRIPTIONS
from planner.io.dicom.terms import shown_kernel, shown_modality
from planner.io.quiet import quiet
from planner.pacs.attempts import attempt
from planner.pacs.connection import Connection
from planner.progress import Monitor, track

_UID = re.compile(r"(?=.{1,64}\Z)[0-9]+(?:\.[0-9]+)*\Z")
"""PS3.5 9.1; leading zeros in a part are forbidden there and common. No letter and no slash: a UID names a file."""
_DAYS = re.compile(r"[0-9]{8}(-[0-9]{8})?\Z")
_PAGE = 1000
_LEAST_SLICES = 3
"""Fewer span no volume."""
_MULTI_FRAME = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to search for; whom is in no representation.

    Parameters
    ----------
    patient_id, accession : str or None
        In full: "*" and "?" would find other patients.
    date : str or None
        YYYYMMDD, or a span of two with a dash.
    study : str or None
        Study Instance UID.
    modality : str
        Of the series.

    Raises
    ------
    UsageError
        If nothing narrows the search, or a word cannot be searched for.
    """

    patient_id: str | None = field(default=None, repr=False)
    accession: str | None = field(default=None, repr=False)
    date: str | None = None
    study: str | None = None
    modality: str = "CT"

    def __post_init__(self) -> None:
        if not (self.patient_id or self.accession or self.date or self.study):
            raise UsageError("say what to search for: --patient-id, --accession, --date or --study")
        for name, text in (("--patient-id", self.patient_id), ("--accession", self.accession)):
            if text is not None and (not text.isprintable() or set("*?\\") & set(text)):
                raise UsageError(f"{name} holds a wildcard or a letter that no number has; give it in full")
        if self.date is not None and not _DAYS.match(self.date):
            raise UsageError(f"{self.date!r} is no date; write 20260131, or 20260101-20260131")
        if self.study is not None:
            require_uid(self.study, "--study")
        if shown_modality(self.modality) is None:
            raise UsageError(f"{self.modality!r} is no DICOM modality; --modality takes CT and the like")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSeries:
    """A series as a server tells of it, without its patient.

    Parameters
    ----------
    study_instance_uid, series_instance_uid : str
        Its UIDs.
    modality : str or None
        A defined term of the standard; None where there is none.
    study_date : str or None
        YYYYMMDD.
    instances : int or None
        How many; None where the server does not say.
    slice_thickness_mm : float or None
        Of one of its images; None where it was not asked, or says none.
    kernel : str or None
        Its reconstruction kernel.
    hindrance : str or None
        Why it cannot be planned on; None where nothing in its headers speaks against it.
    plan_series : str or None
        Its description where that is one of this program's; None for all others, for people write names there.
    """

    study_instance_uid: str
    series_instance_uid: str
    modality: str | None
    study_date: str | None = None
    instances: int | None = None
    slice_thickness_mm: float | None = None
    kernel: str | None = None
    hindrance: str | None = None
    plan_series: str | None = None


def require_uid(text: str, option: str) -> str:
    """Refuse a word that is no UID.

    Parameters
    ----------
    text : str
        What was given.
    option : str
        What the message calls it.

    Returns
    -------
    str
        The same.

    Raises
    ------
    UsageError
        If it is none.
    """
    if not _UID.match(text):
        raise UsageError(f"{option} takes a DICOM UID, digits and dots, 64 at most; 'pull --find' lists them")
    return text


def find_series(connection: Connection, query: Query, *, monitor: Monitor) -> tuple[FoundSeries, ...]:
    """Search for series and say which may be planned on.

    Parameters
    ----------
    connection : Connection
        The server.
    query : Query
        What to search for.
    monitor : Monitor
        Follows the search.

    Returns
    -------
    tuple of FoundSeries
        In the server's order; what it answered beside the question is left out.

    Raises
    ------
    PacsError
        If the server cannot be asked, or the search finds more than the settings allow.
    """
    wanted = {"PatientID": query.patient_id, "AccessionNumber": query.accession, "StudyDate": query.date}
    filters = {name: text for name, text in wanted.items() if text} | (
        {"StudyInstanceUID": query.study} if query.study else {}
    )
    client, most = connection.client, connection.config.most_found
    studies = attempt(
        lambda: _rows(client.search_for_studies(search_filters=filters, fields=list(wanted), limit=most + 1)),
        connection,
        monitor=monitor,
    )
    studies = [row for row in studies if _answers(row, query)]
    if len(studies) > most:
        raise PacsError(f"more than {most} studies answer this search; narrow it (--date, --accession)")
    found: list[FoundSeries] = []
    for study in track(studies, stage="searching", monitor=monitor):
        series = series_of(connection, _uid(study, "StudyInstanceUID"), monitor=monitor)
        fitting = [one for one in series if one.modality == query.modality]
        if len(found) + len(fitting) > most:
            raise PacsError(f"more than {most} series answer this search; narrow it (--date, --study)")
        date = _text(study, "StudyDate")
        dated = date if date and _DAYS.match(date) else None
        found.extend(_looked_at(connection, one, dated, monitor) for one in fitting)
    return tuple(found)


def series_of(connection: Connection, study: str, *, monitor: Monitor) -> tuple[FoundSeries, ...]:
    """List the series of a study.

    Parameters
    ----------
    connection : Connection
        The server.
    study : str
        Study Instance UID.
    monitor : Monitor
        May stop the waiting.

    Returns
    -------
    tuple of FoundSeries

    Raises
    ------
    PacsError
        If the server cannot be asked, or answers what cannot be.
    """
    rows = _paged(
        lambda offset: connection.client.search_for_series(
            study, fields=["NumberOfSeriesRelatedInstances", "SeriesDescription"], limit=_PAGE, offset=offset
        ),
        connection,
        "SeriesInstanceUID",
        monitor,
    )
    return tuple(
        FoundSeries(
            study_instance_uid=study,
            series_instance_uid=uid,
            modality=shown_modality(_text(row, "Modality") or ""),
            instances=_count(row),
            plan_series=next((text for text in DESCRIPTIONS if text == _text(row, "SeriesDescription")), None),
        )
        for uid, row in rows.items()
    )


def instances_of(connection: Connection, study: str, series: str, *, monitor: Monitor) -> tuple[str, ...]:
    """List the instances of a series.

    Parameters
    ----------
    connection : Connection
        The server.
    study, series : str
        UIDs.
    monitor : Monitor
        May stop the waiting.

    Returns
    -------
    tuple of str
        SOP Instance UIDs, sorted.

    Raises
    ------
    PacsError
        If the server cannot be asked, or names more than the settings allow, or what is no UID.
    """
    return tuple(
        sorted(
            _paged(
                lambda offset: connection.client.search_for_instances(study, series, limit=_PAGE, offset=offset),
                connection,
                "SOPInstanceUID",
                monitor,
            )
        )
    )


def patient_id_of(connection: Connection, study: str, *, monitor: Monitor) -> str | None:
    """Ask whose a study is.

    Parameters
    ----------
    connection : Connection
        The server.
    study : str
        Study Instance UID.
    monitor : Monitor
        May stop the waiting.

    Returns
    -------
    str or None
        The patient's number, "" where the server has none; None where it does not know the study.
    """
    rows = attempt(
        lambda: _rows(
            connection.client.search_for_studies(
                search_filters={"StudyInstanceUID": study}, fields=["PatientID"], limit=2
            )
        ),
        connection,
        monitor=monitor,
    )
    return next((_text(row, "PatientID") or "" for row in rows if _text(row, "StudyInstanceUID") == study), None)


def _paged(
    ask: Callable[[int], list[dict[str, Any]]], connection: Connection, keyword: str, monitor: Monitor
) -> dict[str, Dataset]:
    """Ask for page after page, until one brings nothing new: some servers ignore offsets, others shorten pages."""
    found: dict[str, Dataset] = {}
    offset = 0
    while True:
        rows = attempt(lambda at=offset: _rows(ask(at)), connection, monitor=monitor)  # type: ignore[misc]
        before = len(found)
        for row in rows:
            found.setdefault(_uid(row, keyword), row)
        if len(found) > connection.config.most_instances:
            raise PacsError(f"{connection.server.name} names more than {connection.config.most_instances} instances")
        if len(found) == before:
            return found
        offset += len(rows)


def _rows(answer: object) -> list[Dataset]:
    """Turn a list in DICOM JSON into data sets (PS3.18 F); in an attempt, which tells what is none."""
    if not isinstance(answer, list):
        raise TypeError
    return [Dataset.from_json(row, bulk_data_uri_handler=lambda *_: None) for row in answer]


def _answers(row: Dataset, query: Query) -> bool:
    """Say whether a study is what was asked for: a server that does not know a filter answers with everybody's."""
    asked = (("PatientID", query.patient_id), ("AccessionNumber", query.accession), ("StudyInstanceUID", query.study))
    if any(text and (_text(row, name) or "") != text.strip() for name, text in asked):
        return False
    if query.date is None:
        return True
    day = _text(row, "StudyDate") or ""
    first, _, last = query.date.partition("-")
    return first <= day <= (last or first)


def _looked_at(connection: Connection, series: FoundSeries, date: str | None, monitor: Monitor) -> FoundSeries:
    """Read one image's header, and judge the series by it."""
    study, uid = series.study_instance_uid, series.series_instance_uid
    client = connection.client

    def ask() -> list[Dataset]:
        some = _rows(client.search_for_instances(study, uid, limit=1))[:1]
        return _rows([client.retrieve_instance_metadata(study, uid, _uid(one, "SOPInstanceUID")) for one in some])

    rows = attempt(ask, connection, monitor=monitor)
    if not rows:
        return _with(series, date, hindrance="no image in it")
    image = rows[0]
    multi_frame = _text(image, "SOPClassUID") in _MULTI_FRAME
    hindrance = None
    if series.modality != "CT":
        hindrance = "no CT"
    elif "LOCALIZER" in (_text(image, "ImageType") or ""):
        hindrance = "a localizer"
    elif series.instances is not None and series.instances < _LEAST_SLICES and not multi_frame:
        hindrance = "too few slices"
    return _with(series, date, image, hindrance=hindrance)


def _with(series: FoundSeries, date: str | None, image: Dataset | None = None, *, hindrance: str | None) -> FoundSeries:
    return FoundSeries(
        study_instance_uid=series.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        modality=series.modality,
        study_date=date,
        instances=series.instances,
        slice_thickness_mm=None if image is None else _millimetres(image),
        kernel=None if image is None else shown_kernel(_text(image, "ConvolutionKernel") or ""),
        hindrance=hindrance,
    )


def _uid(row: Dataset, keyword: str) -> str:
    text = _text(row, keyword) or ""
    if not _UID.match(text):
        raise PacsError("the server names what is no DICOM UID; nothing is fetched by such a name")
    return text


def _text(row: Dataset, keyword: str) -> str | None:
    try:
        with quiet():
            value = row.get(keyword)
            return None if value is None else str(value).strip()
    except DATASET_DAMAGE:
        return None


def _count(row: Dataset) -> int | None:
    text = _text(row, "NumberOfSeriesRelatedInstances") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _millimetres(image: Dataset) -> float | None:
    try:
        thickness = float(_text(image, "SliceThickness") or "")
    except ValueError:
        return None
    return thickness if 0.0 < thickness < 1000.0 else None
