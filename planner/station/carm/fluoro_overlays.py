"""What is drawn over a simulated fluoroscopy view, as the user chooses."""

from dataclasses import dataclass
from typing import Literal

from planner.geometry.frames import PointTuple
from planner.model.plan import Plan
from planner.model.volume import Mask

NeedlesShown = Literal["none", "chosen", "first", "all"]


@dataclass(frozen=True, slots=True)
class OwnCourse:
    """A needle that a person is placing: its course, outermost point first, LPS mm, and its outer diameter."""

    path_lps: tuple[PointTuple, ...]
    diameter_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class CementIn:
    """Cement that is in at a moment of a simulated injection: where, on any grid of the patient, and how much."""

    where: Mask
    injected_ml: float


@dataclass(frozen=True, slots=True)
class Overlays:
    """What is drawn over a view. Angles, letters, scale and the review state always are.

    Parameters
    ----------
    gaps, breaches, cement, landmarks : bool
        Whether they are drawn. Cement that is not drawn is not in the picture either.
    needles : NeedlesShown
        Which: none, the chosen one, each target's first one and the chosen one, all.
    chosen : str or None
        Id of the chosen needle.
    marked_gap : str or None
        The gap whose landmarks are drawn.
    hidden : frozenset of str
        Ids of what the user does not want to see.
    own : OwnCourse or None
        A person's own needle.
    """

    gaps: bool = True
    breaches: bool = True
    cement: bool = True
    landmarks: bool = False
    needles: NeedlesShown = "first"
    chosen: str | None = None
    marked_gap: str | None = None
    hidden: frozenset[str] = frozenset()
    own: OwnCourse | None = None


def needles_drawn(plan: Plan, overlays: Overlays) -> frozenset[str]:
    """Say which needles of a plan are drawn.

    Parameters
    ----------
    plan : Plan
        The plan.
    overlays : Overlays
        What is wanted.

    Returns
    -------
    frozenset of str
        Their ids.
    """
    wanted = {overlays.chosen} if overlays.needles in ("chosen", "first") else set()
    if overlays.needles == "first":
        wanted |= {way.id for way in plan.ways if way.rank == 1}
    elif overlays.needles == "all":
        wanted |= {way.id for way in plan.ways}
    return frozenset(way.id for way in plan.ways if way.id in wanted - overlays.hidden)
