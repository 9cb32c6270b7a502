"""The needles that can be had: name, outer diameter, length."""

from collections.abc import Mapping

from planner.errors import UsageError
from planner.model.needle import Needle

_DIAMETER_MM = {"8G": 4.19, "10G": 3.40, "11G": 3.05, "13G": 2.41, "14G": 2.11, "15G": 1.83, "16G": 1.65}
"""Regular-wall gauge table; vendors differ."""
_LENGTH_MM = {"8G": 100.0, "10G": 100.0, "11G": 150.0, "13G": 150.0, "14G": 150.0, "15G": 150.0, "16G": 150.0}
"""15G: Cianfoni 2018; 11-13G come in 100 to 150 mm, the longer is taken; the others by common practice."""

CATALOGUE: Mapping[str, Needle] = {
    **{name: Needle(gauge=name, outer_diameter_mm=mm, length_mm=_LENGTH_MM[name]) for name, mm in _DIAMETER_MM.items()},
    "hip 3.2": Needle(gauge="hip 3.2", outer_diameter_mm=3.2, length_mm=100.0),
}
"""Needles by name; "hip 3.2" is the 3.2 x 100 mm needle of de Smidt 2026."""


def needle_named(name: str, *, catalogue: Mapping[str, Needle] = CATALOGUE) -> Needle:
    """Give a needle by its name.

    Parameters
    ----------
    name : str
        As in the catalogue ("15G").
    catalogue : Mapping[str, Needle]
        The needles that can be had.

    Returns
    -------
    Needle

    Raises
    ------
    UsageError
        If the catalogue holds no such needle.
    """
    try:
        return catalogue[name]
    except KeyError:
        known = ", ".join(sorted(catalogue))
        meant = next((own for own in catalogue if _digits(own) == _digits(name)), None)
        hint = "" if meant is None else f"; did you mean {meant}?"
        raise UsageError(f"no needle {name!r} in the catalogue{hint}; known: {known}") from None


def _digits(name: str) -> str:
    """Give what is remembered of a needle's name: its number, without "G", "gauge", "hip" or "mm"."""
    return "".join(letter for letter in name if letter.isdigit() or letter == ".")
