"""The series that a plan's DICOM objects form in an archive: what they are called, and which plan they are of."""

import hashlib
from typing import Final, Literal

from planner.model.plan import Plan, Review

SeriesKind = Literal["labels", "simulated fluoroscopy", "measurements"]
_KINDS: Final[tuple[SeriesKind, ...]] = ("labels", "simulated fluoroscopy", "measurements")
_DRAFT_WORDS: Final = {"unreviewed": "UNREVIEWED ", "edited": "EDITED, NOT APPROVED: ", "approved": ""}
"""First in the description: lists of series cut it short."""


def series_description(kind: SeriesKind, review: Review | None) -> str:
    """Give the Series Description of a plan's objects, which lists of series show.

    Parameters
    ----------
    kind : {"labels", "simulated fluoroscopy", "measurements"}
        What the series holds.
    review : Review or None
        The plan's; None for objects of no plan.

    Returns
    -------
    str
        "UNREVIEWED cement plan: labels", say; 64 letters at most (PS3.5 6.2, LO).
    """
    return f"{'' if review is None else _DRAFT_WORDS[review.state]}cement plan: {kind}"


DESCRIPTIONS: Final = frozenset(f"{words}cement plan: {kind}" for words in _DRAFT_WORDS.values() for kind in _KINDS)
"""All that `series_description` gives."""


def plan_digest(plan: Plan) -> str:
    """Tell plans apart, for the UIDs of their series: an archive would mix the objects of two plans otherwise.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    str
        SHA-256 of all of it but the times that its steps took, and who approved it and when: only the state of the
        review counts. 64 hexadecimal digits.
    """
    told = plan.model_copy(update={"review": Review(state=plan.review.state)})
    return hashlib.sha256(told.model_dump_json(exclude={"timings_s"}).encode()).hexdigest()
