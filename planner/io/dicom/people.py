"""Whose CTs an input holds: those of two patients are never chosen among, and those of two dates only with a word."""

from collections.abc import Mapping, Sequence

from planner.errors import SeriesError
from planner.io.dicom.series import Stack
from planner.model.finding import Finding


def patients_of(stacks: Sequence[Stack]) -> dict[str, int]:
    """Give each patient of an input a number.

    Parameters
    ----------
    stacks : sequence of Stack
        What the input holds.

    Returns
    -------
    dict of str to int
        From 1 in the order of the stacks, by the patient's mark in the headers; without those that name none.
    """
    marks = dict.fromkeys(stack.headers[0].patient for stack in stacks)
    return {mark: number for number, mark in enumerate((m for m in marks if m), start=1)}


def require_one_patient(stacks: Sequence[Stack], *, name: str) -> None:
    """Refuse to choose among the CTs of several patients.

    Parameters
    ----------
    stacks : sequence of Stack
        The CTs to choose from.
    name : str
        What messages call the input, or the series.

    Raises
    ------
    SeriesError
        If they name more than one patient.
    """
    count = len(patients_of(stacks))
    if count > 1:
        raise SeriesError(f"{name} holds CTs of {count} patients; name one with --series (inspect lists them)")


def study_dates(stacks: Sequence[Stack]) -> Mapping[str, int]:
    """Give the date of each study, to rank by and never to show.

    Parameters
    ----------
    stacks : sequence of Stack
        What the input holds.

    Returns
    -------
    mapping of str to int
        By the study's UID, YYYYMMDD; 0 where no slice of it names one.
    """
    dates: dict[str, int] = {}
    for stack in stacks:
        first = stack.headers[0]
        dates[first.study_instance_uid] = max(dates.get(first.study_instance_uid, 0), int(first.study_date or 0))
    return dates


def studies_finding(stacks: Sequence[Stack]) -> tuple[Finding, ...]:
    """Say that the choice was made among several studies.

    Parameters
    ----------
    stacks : sequence of Stack
        The CTs that were to choose from.

    Returns
    -------
    tuple of Finding
        A caution where they are of more than one study.
    """
    dates = study_dates(stacks)
    if len(dates) < 2:
        return ()
    known = "the newest that shows metal is preferred" if all(dates.values()) else "not all of them name their date"
    message = (
        f"the input holds CTs of {len(dates)} studies; {known}: check that the chosen series is of the examination to "
        "plan on, or name another with --series (inspect lists them)"
    )
    return (Finding(code="several-studies", severity="caution", message=message, measured=float(len(dates))),)
