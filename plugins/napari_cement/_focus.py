"""What all views of one viewer share: the case that is shown, the cursor, the chosen thing, the cement that is in.

Views change it and follow it; none knows another.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_cement._per_viewer import PerViewer
from planner.config.plan_config import PlanConfig
from planner.model.labels import LabelMap
from planner.model.needle import NeedleWay
from planner.model.plan import Plan, Review
from planner.model.record import PointLps
from planner.model.scan import Scan
from planner.model.volume import Mask
from planner.station.choice import ThingKind
from planner.station.surfaces import Surface

_focuses: "PerViewer[Focus]" = PerViewer()


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What lies before the viewer.

    Parameters
    ----------
    scan : Scan or None
        The CT; None where only a plan's folder is there.
    plan : Plan or None
        The plan that is laid over it; None before there is one.
    labels : LabelMap or None
        The plan's structures, on the grid of the CT or of its own slices.
    case : planner.pipeline.PlannedCase or None
        The plan with its voxels: what needles can be judged and views be taken with. None for a plan that was read.
    surfaces : tuple of Surface or None
        The plan as surfaces, for 3D; None where they are not made yet.
    folder : Path or None
        The folder that the plan was read from, with what else lies in it; None for a plan that was made here.
    settings : PlanConfig or None
        Those that the plan was made with, the wishes of then among them; None where they are not known.
    unreadable_read : Mask or None
        Where metal artefacts leave tissue unreadable, as the folder tells it; None for a plan that was made here, and
        where the folder does not tell.
    """

    scan: Scan | None = None
    plan: Plan | None = None
    labels: LabelMap | None = None
    case: Any = None
    surfaces: tuple[Surface, ...] | None = None
    folder: Path | None = None
    settings: PlanConfig | None = None
    unreadable_read: Mask | None = None

    @property
    def unreadable(self) -> Mask | None:
        """Where metal artefacts leave tissue unreadable; None where that is not known."""
        trust = None if self.case is None else self.case.trust
        return self.unreadable_read if trust is None else trust.unreadable


def is_same_but_for_review(before: Shown, now: Shown) -> bool:
    """Say whether two things shown are the same plan of the same folder, whatever a person says of it.

    Parameters
    ----------
    before, now : Shown
        Their CTs are not compared: a plan is the same before its CT is there.

    Returns
    -------
    bool
        False where either has no plan.
    """
    return before.folder == now.folder and is_same_plan(before.plan, now.plan)


def is_same_plan(one: Plan | None, other: Plan | None) -> bool:
    """Say whether two plans are the same, whatever a person says of them; False where either is None."""
    if one is None or other is None:
        return False
    return one is other or one.model_copy(update={"review": other.review}) == other


@dataclass(frozen=True, slots=True)
class Chosen:
    """One thing of the plan.

    Parameters
    ----------
    kind : str
        What it is.
    id : str
        Its id; of a finding its number in the plan, from 0.
    """

    kind: ThingKind
    id: str


@dataclass(frozen=True, slots=True)
class Aim:
    """A needle that is looked along: a planned one, or one that a person moves.

    Parameters
    ----------
    path_lps : tuple of PointLps
        Its course, outermost point first, the tip last, LPS mm; bent ones have more than two points.
    diameter_mm : float
        Its outer diameter.
    id : str or None
        The planned needle's; None for one's own.
    """

    path_lps: tuple[PointLps, ...]
    diameter_mm: float
    id: str | None


@dataclass(frozen=True, slots=True, eq=False)
class CementShown:
    """Cement at a moment of a simulated injection.

    Parameters
    ----------
    gap_id : str
        The gap that is filled.
    injected_ml : float
        Volume injected by then.
    where : Mask
        Where it is, on a grid of its own.
    """

    gap_id: str
    injected_ml: float
    where: Mask


@dataclass(frozen=True, slots=True)
class Handle:
    """A point that can be dragged in every cut.

    Parameters
    ----------
    name : str
        What it is to whoever offers it ("entry", "tip").
    point_lps : PointLps
        Where it is, LPS mm.
    """

    name: str
    point_lps: PointLps


def aim_of(way: NeedleWay) -> Aim:
    """Look along a planned needle."""
    return Aim(way.path_lps, way.needle.outer_diameter_mm, way.id)


class Focus(QObject):
    """The state that the views of one viewer share. Setting what is there already tells nobody."""

    shownChanged = Signal()
    reviewChanged = Signal(object)
    """The `Shown` of before: the same plan, of which a person says something else now. Nothing else has changed."""
    cursorChanged = Signal()
    chosenChanged = Signal()
    aimChanged = Signal()
    depthChanged = Signal()
    cementChanged = Signal()
    hiddenChanged = Signal()
    handlesChanged = Signal()
    handleMoved = Signal(str, object)
    """Name, and the place that it was dragged to, LPS mm. Whoever offers the handle sets it anew, or leaves it."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = Shown()
        self._cursor: PointLps | None = None
        self._chosen: Chosen | None = None
        self._aim: Aim | None = None
        self._depth = 0.0
        self._cement: CementShown | None = None
        self._hidden: frozenset[str] = frozenset()
        self._handles: tuple[Handle, ...] = ()

    @property
    def shown(self) -> Shown:
        """What lies before the viewer."""
        return self._shown

    @property
    def cursor_lps(self) -> PointLps | None:
        """The place that all views cut through, LPS mm; None before there is a CT."""
        return self._cursor

    @property
    def chosen(self) -> Chosen | None:
        """What of the plan is chosen."""
        return self._chosen

    @property
    def aim(self) -> Aim | None:
        """The needle that is looked along; None: the views lie along the patient's axes."""
        return self._aim

    @property
    def depth_mm(self) -> float:
        """How far along the needle's course, from its outermost point, the needle's-eye view cuts."""
        return self._depth

    @property
    def cement(self) -> CementShown | None:
        """The cement that is shown; None for none."""
        return self._cement

    @property
    def hidden(self) -> frozenset[str]:
        """Ids of what the user does not want to see."""
        return self._hidden

    @property
    def handles(self) -> tuple[Handle, ...]:
        """Points that can be dragged in every cut: the ends of a needle that a person moves."""
        return self._handles

    def set_shown(self, shown: Shown) -> None:
        """Show another case, or another plan of it: what was chosen in the plan before is let go."""
        self._shown = shown
        self.set_cement(None)
        self.set_aim(None)
        self.set_chosen(None)
        self.set_hidden(frozenset())
        self.set_handles(())
        self.shownChanged.emit()

    def set_review(self, review: Review) -> None:
        """Say whether a person stands behind the shown plan; the case, what is chosen and what is hidden stay."""
        before = self._shown
        if before.plan is None or before.plan.review == review:
            return
        plan = before.plan.model_copy(update={"review": review})
        case = None if before.case is None else replace(before.case, plan=plan)
        self._shown = replace(before, plan=plan, case=case)
        self.reviewChanged.emit(before)

    def set_cursor(self, point_lps: PointLps | None) -> None:
        """Cut all views through another place, LPS mm."""
        point = None if point_lps is None else (float(point_lps[0]), float(point_lps[1]), float(point_lps[2]))
        if point != self._cursor:
            self._cursor = point
            self.cursorChanged.emit()

    def set_chosen(self, chosen: Chosen | None) -> None:
        """Choose a thing of the plan."""
        if chosen != self._chosen:
            self._chosen = chosen
            self.chosenChanged.emit()

    def set_aim(self, aim: Aim | None) -> None:
        """Look along a needle; None: along the patient's axes again."""
        if aim != self._aim:
            self._aim = aim
            self.aimChanged.emit()

    def set_depth(self, depth_mm: float) -> None:
        """Cut the needle's-eye view at another depth, mm from the course's outermost point."""
        if depth_mm != self._depth:
            self._depth = float(depth_mm)
            self.depthChanged.emit()

    def set_cement(self, cement: CementShown | None) -> None:
        """Show cement; None for none."""
        if cement is not self._cement:
            self._cement = cement
            self.cementChanged.emit()

    def set_hidden(self, hidden: frozenset[str]) -> None:
        """Hide other things of the plan."""
        if hidden != self._hidden:
            self._hidden = hidden
            self.hiddenChanged.emit()

    def set_handles(self, handles: tuple[Handle, ...]) -> None:
        """Offer points to be dragged; () for none."""
        if handles != self._handles:
            self._handles = handles
            self.handlesChanged.emit()


def focus_of(viewer: Any) -> Focus:
    """Give the state that the views of a viewer share.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.

    Returns
    -------
    Focus
        The same one for the same viewer.
    """
    return _focuses.of(viewer, lambda _: Focus())
