"""Which series of an input a person may choose, in words: the table of the choice."""

from dataclasses import dataclass

from planner.io.inspection import Inspection, SeriesInspection

COLUMNS = ("series", "what", "slices", "spacing (mm)", "thickness (mm)", "kernel", "choice", "why")
_NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series that can be planned on.

    Parameters
    ----------
    name : str or None
        What `planner.io.load_scan` takes for it; None where the files name none.
    cells : tuple of str
        One word for each of `COLUMNS`; no name and no free text of the files.
    is_best : bool
        Whether the planner would take it.
    """

    name: str | None
    cells: tuple[str, ...]
    is_best: bool


def series_rows(inspection: Inspection) -> tuple[SeriesRow, ...]:
    """List what can be planned on.

    Parameters
    ----------
    inspection : Inspection
        What the input holds.

    Returns
    -------
    tuple of SeriesRow
        The best first, then in the order of the choice; what cannot be planned on is left out. No row is best where the
        input holds several patients: a person has to say whose CT is meant.
    """
    usable = [one for one in inspection.series if one.usable]
    last = len(usable) + 1
    ordered = sorted(usable, key=lambda one: (not one.chosen, one.rank or last, one.series_number or 0))
    return tuple(SeriesRow(one.name, _cells(one, inspection), one.chosen) for one in ordered)


def needs_choice(inspection: Inspection) -> bool:
    """Say whether a person should choose: several series can be planned on."""
    return sum(one.usable for one in inspection.series) > 1


def _cells(one: SeriesInspection, inspection: Inspection) -> tuple[str, ...]:
    patient = "" if one.patient_number is None else f"patient {one.patient_number}, "
    what = " ".join(word for word in (one.orientation, one.modality) if word)
    spacing = _NOT_TOLD if one.spacing_mm is None else " x ".join(f"{v:.3g}" for v in one.spacing_mm)
    slices = str(one.images if one.shape_zyx is None else one.shape_zyx[0])
    why = (inspection.chosen_because or "the best") if one.chosen else one.lost_by or _NOT_TOLD
    return (
        _NOT_TOLD if one.series_number is None else str(one.series_number),
        f"{patient}{what or _NOT_TOLD}",
        slices,
        spacing,
        _NOT_TOLD if one.slice_thickness_mm is None else f"{one.slice_thickness_mm:g}",
        one.kernel or _NOT_TOLD,
        "best" if one.chosen else _NOT_TOLD if one.rank is None else str(one.rank),
        why,
    )
