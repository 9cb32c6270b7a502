"""Whether a person stands behind a plan, in one wording for every view and sheet."""

from datetime import datetime

from planner.model.plan import Review


def review_words(review: Review) -> str:
    """Say whether a person stands behind a plan.

    Parameters
    ----------
    review : Review
        The plan's review.

    Returns
    -------
    str
        With name and time where a person approved it.
    """
    if review.state == "approved":
        when = f", {moment(review.at)}" if review.at else ""
        return f"Plan approved by {review.by or 'a person who gave no name'}{when}"
    if review.state == "edited":
        return "EDITED PLAN, NOT APPROVED"
    return "UNREVIEWED PLAN: no person has checked it"


def review_note(review: Review) -> str | None:
    """Say in a few words, for the corner of a picture, that nobody approved the plan.

    Parameters
    ----------
    review : Review
        The plan's review.

    Returns
    -------
    str or None
        None where a person approved it.
    """
    return {"unreviewed": "UNREVIEWED PLAN", "edited": "EDITED PLAN, NOT APPROVED"}.get(review.state)


def review_line(review: Review) -> str:
    """Say in 64 letters or less, without a name, whether a person stands behind a plan: for files that are passed on.

    Parameters
    ----------
    review : Review
        The plan's review.

    Returns
    -------
    str
    """
    return {
        "unreviewed": "UNREVIEWED PLAN: no person has checked it",
        "edited": "EDITED PLAN, NOT APPROVED",
        "approved": "Approved plan; its plan.json says by whom and when",
    }[review.state]


def moment(iso: str) -> str:
    """Write a time as people do.

    Parameters
    ----------
    iso : str
        ISO 8601.

    Returns
    -------
    str
        "2026-11-22 10:05 UTC+01:00", say; as it stands where it is none.
    """
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    if len(iso) <= len("2026-11-22"):
        return iso  # a day without a time
    offset = at.utcoffset()
    zone = "" if offset is None else f" UTC{at.isoformat()[-6:]}" if offset else " UTC"
    return f"{at:%Y-%m-%d %H:%M}{zone}"
