"""Intact levels beside a construct, as targets that were asked for: they are no gaps."""

from planner.model.implant import Side
from planner.model.needle import NeedleWay
from planner.model.record import NotNegative, PointLps, Record, Share


class ProphylacticWay(NeedleWay):
    """One way for one needle into an intact level."""

    target_id: str
    side: Side
    """Of the pedicle that the needle passes, or passes beside."""

    @property
    def goal_id(self) -> str:
        """The target's id."""
        return self.target_id


class ProphylacticTarget(Record):
    """An intact level next to a construct; offered where the settings ask for it."""

    id: str
    bone: str
    """The vertebra's name among the labels."""
    level: str | None
    target_lps: PointLps
    """Middle of the cancellous part of the body's front half."""
    space_ml: NotNegative
    """Of that part: room, not a volume to inject."""
    body_ml: NotNegative
    """Of the whole body, between its endplates."""
    walls_share: Share
    """Share of its front and sides where a wall is seen."""
    ways: tuple[ProphylacticWay, ...] = ()
    """Needles by rank, of both sides; empty where none passed."""
