"""Targets that a person picked by hand: a point, whether or not a gap was told there."""

from planner.model.needle import NeedleWay
from planner.model.record import Made, NotNegative, PointLps, Record


class PickedWay(NeedleWay):
    """One way for one needle to a target picked by hand."""

    target_id: str
    implant_id: str | None

    @property
    def goal_id(self) -> str:
        """The target's id."""
        return self.target_id


class PickedTarget(Record):
    """A target picked by hand, with its needles."""

    id: str
    point_lps: PointLps
    radius_mm: NotNegative
    """Tips may come to lie so far from the point."""
    implant_id: str | None
    """The implant beside which it lies; None where none is near, or the settings name none."""
    gap_id: str | None
    """The gap that it lies in; None where none was told there."""
    ways: tuple[PickedWay, ...] = ()
    """By rank; empty where none passed."""
    why_none: str | None = None
    """In words, where no needle passed."""
    made: Made = "edited"
    """A person picked the point; its needles are the program's own. Older plans do not have it."""
