"""Which rows of the plan's table are shown."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from napari_cement.widgets.panel.plan_rows import PlanRow, each


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows are wanted.

    Parameters
    ----------
    text : str
        Words that a row, or one above it, must have; case does not count.
    what : str
        "" for all; an approach leaves its needles only; "gap", "needle" or "breach" leaves that kind only.
    only_quiet : bool
        Hide needles that something speaks against.
    only_loose : bool
        Hide implants that show no sign of loosening, with what is below them; one not judged stays.
    """

    text: str = ""
    what: str = ""
    only_quiet: bool = False
    only_loose: bool = False

    def keeps(self, row: PlanRow) -> bool:
        """Say whether a row is wanted, whatever stands above or below it, and whatever its words are."""
        if row.kind == "needle" and self.only_quiet and not row.is_quiet:
            return False
        if not self.what or row.kind in (None, "finding", self.what):
            return True
        return row.approach == self.what

    def seen(self, rows: Iterable[PlanRow]) -> frozenset[int]:
        """Give the rows to show.

        Parameters
        ----------
        rows : iterable of PlanRow
            The topmost ones.

        Returns
        -------
        frozenset of int
            The `id()` of each row that is wanted, or has a wanted one below.
        """
        found: set[int] = set()
        for row in rows:
            self._look(row, found, said_above=False)
        return frozenset(found)

    def _look(self, row: PlanRow, found: set[int], *, said_above: bool) -> bool:
        if self.only_loose and row.is_firm:
            return False
        said = said_above or self.text.casefold().strip() in row.words.casefold()
        # all are looked at, for each that is seen is noted
        below = [self._look(one, found, said_above=said) for one in row.below]
        things = [seen for one, seen in zip(row.below, below, strict=True) if one.kind is not None]
        is_seen = (said and self.keeps(row)) or any(things)
        if is_seen:
            found.add(id(row))
        return is_seen


def count_hidden(rows: Iterable[PlanRow], seen: frozenset[int], *, counts: Callable[[PlanRow], bool]) -> int:
    """Count rows that are not shown."""
    return sum(1 for row in each(rows) if counts(row) and id(row) not in seen)
