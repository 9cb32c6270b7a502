"""What the cuts of one dock show."""

from dataclasses import dataclass

from planner.config.wishes_config import BallRegion, BoxRegion, WishedTarget
from planner.model.labels import LabelMap
from planner.model.needle import NeedleWay
from planner.model.plan import Plan
from planner.model.record import PointLps
from planner.model.volume import Mask, Volume
from planner.station.reslice.slices import Table


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """What a cut is cut from, and what is drawn over it.

    Parameters
    ----------
    volume : Volume or None
        The CT.
    labels : LabelMap or None
        The plan's structures.
    table : Table or None
        How they are drawn; None: not at all.
    is_filled : bool
        Whether they are filled or outlined.
    unreadable, cement : Mask or None
        Where tissue cannot be told, and where cement is.
    painted : LabelMap or None
        Gaps as a person paints them; their outlines are drawn.
    plan : Plan or None
        Its breaches are drawn.
    ways : tuple of NeedleWay
        Its needles that are drawn.
    own : tuple
        Course and diameter of needles that the plan does not hold.
    drawn : tuple
        What a person drew (balls, boxes) and its colour.
    hidden : frozenset of str
        Ids of what is not drawn.
    note : str or None
        Who stands behind the plan.
    """

    volume: Volume | None = None
    labels: LabelMap | None = None
    table: Table | None = None
    is_filled: bool = True
    unreadable: Mask | None = None
    cement: Mask | None = None
    painted: LabelMap | None = None
    plan: Plan | None = None
    ways: tuple[NeedleWay, ...] = ()
    own: tuple[tuple[tuple[PointLps, ...], float], ...] = ()
    drawn: tuple[tuple[BallRegion | BoxRegion | WishedTarget, str], ...] = ()
    hidden: frozenset[str] = frozenset()
    note: str | None = None
