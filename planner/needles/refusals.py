"""Why families of ways were refused: every candidate counted once, and words for those where nothing is left."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from planner.model.needle import Approach, Family
from planner.model.needle_search import FamilySearch
from planner.needles.candidates import WayKind
from planner.needles.hip.cement_mantle import THROUGH_MANTLE

_USUAL: Mapping[Approach, tuple[Family, ...]] = {
    "transpedicular": ("along the screw", "beside the screw"),
    "extrapedicular": ("posterolateral",),
    "femoral": ("lateral", "anterolateral", "trochanteric"),
}
"""Told as not tried where an approach is wanted and no candidate of it was made."""
_NOT_TRIED: Mapping[Family, str] = {
    "along the screw": "the gap does not line the screw's distal shaft, or the screw's axis or diameter is not known",
}
_EXPLAINED: Mapping[str, str] = {
    THROUGH_MANTLE: "cement lies before the gap, which is not reached without drilling through the mantle",
}
"""What the commonest reason means."""


@dataclass(slots=True)
class _Tally:
    approach: Approach
    tried: int = 0
    kept: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Tallies:
    """Counts of a search while it runs."""

    families: dict[Family, _Tally] = field(default_factory=dict)
    found: set[WayKind] = field(default_factory=set)
    """In which families, and by which pedicles, a needle was worked out."""

    def add(self, approach: Approach, kind: WayKind, *, tried: int, kept: int, refused: Counter[str]) -> None:
        """Count one run over a family's candidates: each is kept, or refused for its first reason.

        Parameters
        ----------
        approach : str
            What they are.
        kind : tuple
            The family, and by which pedicle.
        tried, kept : int
            Candidates, and those of them that kept all limits.
        refused : Counter of str
            The others by reason.
        """
        tally = self.families.setdefault(kind[0], _Tally(approach))
        tally.tried += tried
        tally.kept += kept
        tally.refused.update(refused)
        if kept:
            self.found.add(kind)

    @property
    def tried(self) -> int:
        """Candidates of all families."""
        return sum(tally.tried for tally in self.families.values())

    def refused(self) -> Counter[str]:
        """Give the refused of all families by reason."""
        whole: Counter[str] = Counter()
        for tally in self.families.values():
            whole.update(tally.refused)
        return whole

    def records(
        self, listed: Iterable[Family | None], approaches: Iterable[Approach], *, why_untried: str | None
    ) -> tuple[FamilySearch, ...]:
        """Give what stands in the plan.

        Parameters
        ----------
        listed : iterable of str
            The family of each needle in the plan.
        approaches : iterable of str
            Those that were wanted.
        why_untried : str or None
            Why nothing could be tried at all; None where something was.

        Returns
        -------
        tuple of FamilySearch
            The tried families in the order in which they were tried, then those that could not be.
        """
        count = Counter(listed)
        made = [_record(family, tally, count[family]) for family, tally in self.families.items()]
        for approach in approaches:
            untried = [f for f in _USUAL[approach] if f not in self.families]
            of_it = [f for f in untried if f in _NOT_TRIED]
            if all(tally.approach != approach for tally in self.families.values()):
                of_it = untried
            for family in of_it:
                why = why_untried or _NOT_TRIED.get(family, "no direction that is allowed leads to the gap")
                made.append(
                    FamilySearch(approach=approach, family=family, tried=0, kept=0, listed=0, refused={}, why_none=why)
                )
        return tuple(made)


def _record(family: Family, tally: _Tally, listed: int) -> FamilySearch:
    refused = {name: n for name, n in tally.refused.most_common() if n}
    why = None
    if not tally.kept:
        counts = ", ".join(f"{name} {n}" for name, n in refused.items())
        why = f"none of {tally.tried} ways keeps all limits; refused for: {counts}"
        if refused and (meant := _EXPLAINED.get(next(iter(refused)))):
            why += f"; {meant}"
    return FamilySearch(
        approach=tally.approach,
        family=family,
        tried=tally.tried,
        kept=tally.kept,
        listed=listed,
        refused=refused,
        why_none=why,
    )
