"""The needles that can be had, from the settings: by name, each in its lengths."""

from collections.abc import Mapping, Sequence

from planner.config.catalogue_config import COMMON_NEEDLES, CatalogueEntry
from planner.errors import UsageError
from planner.model.needle import Needle


def catalogue_of(entries: Sequence[CatalogueEntry]) -> Mapping[str, Needle]:
    """Give the needles of the settings by their names.

    Parameters
    ----------
    entries : sequence of CatalogueEntry
        As in the settings.

    Returns
    -------
    Mapping of str to Needle
    """
    return {
        entry.name: Needle(
            gauge=entry.gauge or entry.name, outer_diameter_mm=entry.outer_diameter_mm, length_mm=entry.length_mm
        )
        for entry in entries
    }


CATALOGUE: Mapping[str, Needle] = catalogue_of(COMMON_NEEDLES)
"""Common needles by name."""


def needles_named(name: str, *, catalogue: Mapping[str, Needle] = CATALOGUE) -> tuple[Needle, ...]:
    """Give the needles of one gauge, or the one of a name.

    Parameters
    ----------
    name : str
        A gauge ("15G": all lengths of it) or an entry's own name ("13G x 100": that one).
    catalogue : Mapping[str, Needle]
        The needles that can be had.

    Returns
    -------
    tuple of Needle
        At least one, the shortest first.

    Raises
    ------
    UsageError
        If the catalogue holds no such needle.
    """
    if name in catalogue and catalogue[name].gauge != name:
        return (catalogue[name],)
    found = [needle for needle in catalogue.values() if needle.gauge == name]
    if not found and name in catalogue:
        found = [catalogue[name]]
    if not found:
        known = sorted({needle.gauge for needle in catalogue.values()} | set(catalogue))
        meant = next((own for own in known if _digits(own) == _digits(name)), None)
        hint = "" if meant is None else f"; did you mean {meant}?"
        raise UsageError(f"no needle {name!r} in the catalogue{hint}; known: {', '.join(known)}")
    return tuple(sorted(found, key=lambda needle: needle.length_mm))


def needle_named(name: str, *, catalogue: Mapping[str, Needle] = CATALOGUE) -> Needle:
    """Give the longest needle of a gauge, or the one of a name; see `needles_named`."""
    return needles_named(name, catalogue=catalogue)[-1]


def that_reaches(needles: Sequence[Needle], depth_mm: float | None, *, spare_mm: float) -> Needle:
    """Choose the length for a way: a needle should reach, and not stick far out.

    Parameters
    ----------
    needles : sequence of Needle
        Of one gauge, at least one, the shortest first.
    depth_mm : float or None
        From the skin to the tip; None where the skin is not known.
    spare_mm : float
        What is wanted beyond the skin.

    Returns
    -------
    Needle
        The shortest with that to spare; the longest where none has, or the skin is not known.
    """
    if depth_mm is None:
        return needles[-1]
    return next((needle for needle in needles if needle.length_mm >= depth_mm + spare_mm), needles[-1])


def _digits(name: str) -> str:
    """Give what is remembered of a needle's name: its number, without "G", "gauge", "hip" or "mm"."""
    return "".join(letter for letter in name if letter.isdigit() or letter == ".")
