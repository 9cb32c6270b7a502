"""Who approved a plan, and when, as far as DICOM can tell it rightly."""

from dataclasses import dataclass
from datetime import datetime

from pydicom.charset import python_encoding

from planner.io.dicom.sr.group import ascii_text
from planner.model.plan import Review

_LONGEST_NAME = 62
"""Of a person's name, with the caret behind it (PS3.5 6.2)."""
_NO_LETTER = dict.fromkeys(map(ord, "^=\\"), " ")
"""What parts the components of a name."""


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval that says by whom and when.

    Parameters
    ----------
    name : str
        As DICOM has it: all of it as the family name, for nobody told its parts.
    at : datetime
        The moment.
    """

    name: str
    at: datetime


def approval_of(review: Review, charset: str | None) -> Approval | None:
    """Give a plan's approval.

    Parameters
    ----------
    review : Review
        The plan's.
    charset : str or None
        The CT's Specific Character Set, which its report has too; None where it names none, or several.

    Returns
    -------
    Approval or None
        None where nobody approved it, or name or moment is not told, or the name cannot be written in these letters:
        a name with other letters in it would be another person's.
    """
    if review.state != "approved":
        return None
    name, at = _name(review.by or "", charset), _moment(review.at or "")
    return None if name is None or at is None else Approval(name, at)


def _name(told: str, charset: str | None) -> str | None:
    name = " ".join(told.translate(_NO_LETTER).split())[:_LONGEST_NAME].strip()
    if not name or not name.isprintable():
        return None
    if not name.isascii() and not _is_written_in(name, charset):
        spelt = ascii_text(name)  # without its accents
        name = "" if spelt.count("?") > name.count("?") else spelt
    return f"{name}^" if name else None


def _is_written_in(name: str, charset: str | None) -> bool:
    try:
        name.encode(python_encoding[charset or "none"])
    except (UnicodeEncodeError, LookupError):  # other letters, or a set that the standard does not know
        return False
    return True


def _moment(told: str) -> datetime | None:
    """Read a moment; None where none is told, or it is no date with a time."""
    if len(told) <= len("2026-11-22"):
        return None
    try:
        return datetime.fromisoformat(told)
    except ValueError:
        return None
