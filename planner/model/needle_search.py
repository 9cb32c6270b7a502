"""What came of the search for needles, counted: why a family of ways was refused."""

from pydantic import Field

from planner.model.needle import Approach, Family
from planner.model.record import Record


class FamilySearch(Record):
    """One family of ways to one target."""

    approach: Approach
    family: Family
    tried: int = Field(ge=0)
    kept: int = Field(ge=0)
    """Candidates that kept all limits."""
    listed: int = Field(ge=0)
    """Of these, needles in the plan."""
    refused: dict[str, int]
    """Candidates refused, by the first reason that was met."""
    why_none: str | None
    """In words, where nothing could be tried, or nothing was kept; None else."""


class NeedleSearch(Record):
    """The search for one target."""

    gap_id: str
    families: tuple[FamilySearch, ...]
    needles_tried: tuple[str, ...]
    """Needles of the catalogue, in the order in which they were tried."""

    @property
    def tried(self) -> int:
        """Candidates of all families."""
        return sum(family.tried for family in self.families)
