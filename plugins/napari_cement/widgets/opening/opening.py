"""The one door through which cases come into a viewer: dropped, chosen, or opened again."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Qt, Signal

from napari_cement._editors import editors_of
from napari_cement._focus import Shown, focus_of, is_same_but_for_review
from napari_cement._per_viewer import PerViewer
from napari_cement._scene import keeping_view, put_back
from napari_cement._session import session_of
from planner.config.wishes_config import WishesConfig
from planner.errors import InputError, OutputError, PlannerError
from planner.io import inspect_input
from planner.io.inspection import Inspection
from planner.model.plan import Plan
from planner.model.scan import Scan
from planner.progress import Monitor, Progress
from planner.station.keeping.compared import differences
from planner.station.keeping.plan_folder import (
    OpenedPlan,
    open_plan_folder,
    plan_again,
    plan_file,
    with_saved_plan,
)
from planner.station.keeping.recent import RecentCase, RecentCases
from planner.station.keeping.scene_file import DrawnNeedle
from planner.station.keeping.series_choice import needs_choice
from planner.station.surfaces import Surface, surfaces_of
from planner.station.wished import is_same_wished

_openings: "PerViewer[Opening]" = PerViewer()


def opening_of(viewer: Any) -> "Opening":
    """Give the door of a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.

    Returns
    -------
    Opening
        The same one for the same viewer.
    """
    return _openings.of(viewer, Opening)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """A plan's folder, and where its CT may be."""

    opened: OpenedPlan
    ct: Path | None


@dataclass(frozen=True, slots=True, eq=False)
class _MadeAgain:
    """A saved plan as this program makes it: the case, in what it is other, and its surfaces where it is."""

    case: Any
    told: tuple[str, ...]
    surfaces: tuple[Surface, ...] | None


class Opening(QObject):
    """Opens CTs and plans' folders in the background. What is opened next stops what is being opened.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown; only a weak reference is kept.
    recents : RecentCases or None
        The cases opened last; None for the user's own list.
    """

    begun = Signal()
    """Something else is being opened: what was asked before is to be asked no more."""
    choiceWanted = Signal(object)
    """The `Inspection` of an input with several series: `choose` goes on."""
    ctWanted = Signal(object)
    """The `OpenedPlan` whose CT is not known: `give_ct` goes on."""
    opened = Signal(object)
    """The path that was opened and is shown now."""
    live = Signal()
    """The plan that was read can be worked on like one that was made here."""
    differs = Signal(object)
    """In what (tuple of str) the saved plan and the one made again differ: `take_new` or `keep_saved` goes on."""
    said = Signal(str)
    """What the user should know, in words."""
    stopWanted = Signal(str)
    """Something is being planned that opening this (a name) would stop: `open_anyway` goes on."""
    takenBack = Signal()
    """Another case is shown: what was asked about the one before is to be asked no more."""
    recentsChanged = Signal()

    def __init__(self, viewer: Any, recents: RecentCases | None = None) -> None:
        super().__init__()
        self._viewer_ref = weakref.ref(viewer)
        self._session, self._focus = session_of(viewer), focus_of(viewer)
        self.recents = recents or RecentCases()
        self._path: Path | None = None
        self._then_plan = False
        self._plan: OpenedPlan | None = None
        self._ct: Path | None = None
        # What is being opened: nothing that is shown is forgotten for it before it is there.
        self._coming: OpenedPlan | None = None
        # What is shown, and what this program makes of it now.
        self._other: tuple[Shown, Shown] | None = None
        self._was = self._focus.shown
        self._begins, self._is_own_run = False, False
        self._waiting: Callable[[], None] = lambda: None
        self._focus.shownChanged.connect(self._on_shown)
        self._session.running.connect(self._on_running)
        self._session.loaded.connect(self._on_loaded)
        # Later than whoever draws the plan: a view goes to its first gap then, and the scene puts it back.
        self._session.planned.connect(self._on_planned, Qt.ConnectionType.QueuedConnection)

    @property
    def folder(self) -> Path | None:
        """The plan's folder that is shown; None where the plan was made here, or there is none."""
        shown = self._focus.shown.folder
        return shown if self._plan is not None and self._plan.folder == shown else None

    @property
    def is_as_saved(self) -> bool:
        """Whether a plan's folder is shown, and what is drawn is what it holds."""
        opened, settings = self._plan, self._focus.shown.settings
        if opened is None or self.folder is None:
            return False
        scene = opened.scene
        wishes = WishesConfig() if settings is None else settings.needles.wishes
        drawn, own = editors_of(self._viewer).value("own needle"), None if scene is None else scene.own_needle
        is_same = is_same_wished(self._session.wishes, wishes if scene is None else scene.wishes)
        return is_same and _course(drawn) == _course(own)

    @property
    def can_go_live(self) -> bool:
        """Whether a plan that was read, over its CT, could be made again now, so that its needles can be moved."""
        shown = self._focus.shown
        waits = shown.plan is not None and shown.scan is not None and shown.case is None
        return waits and self.folder is not None and not self._session.is_running

    def open(self, path: Path, *, series: str | None = None, ct: Path | None = None, then_plan: bool = False) -> None:
        """Open a CT or a plan's folder.

        Parameters
        ----------
        path : Path
            A plan's folder or ``plan.json``, or anything that `planner.io.load_scan` takes.
        series : str or None
            Which series of a CT; None asks where several can be planned on.
        ct : Path or None
            The CT of a plan's folder; None looks where CTs of its series were opened from.
        then_plan : bool
            Whether a CT is planned on when it is there.

        Notes
        -----
        What is planned meanwhile is not stopped before somebody said so.
        """

        def go_on() -> None:
            self._open(path, series, ct, then_plan=then_plan)

        self._waiting = lambda: None
        if self._session.is_running and not self._is_own_run:
            self._waiting = go_on
            self.stopWanted.emit(path.name)
        else:
            go_on()

    def open_anyway(self) -> None:
        """Open what waits for an answer, and stop what runs."""
        waiting, self._waiting = self._waiting, lambda: None
        waiting()

    def _open(self, path: Path, series: str | None, ct: Path | None, *, then_plan: bool) -> None:
        self._path, self._then_plan, self._coming, self._ct = path, then_plan, None, None
        self.begun.emit()
        if plan_file(path) is not None:
            self._open_plan(path, ct)
        elif series is not None or self._session.wanted_series is not None:
            self._load(series)
        else:
            self._begin(lambda: self._session.run(lambda monitor: _inspected(path, monitor), self._on_inspected))

    def choose(self, series: str | None) -> None:
        """Go on with one of the series that were offered; None where its files name none."""
        if self._path is not None:
            self._load(series)

    def open_recent(self, case: RecentCase) -> None:
        """Open one of the cases opened last."""
        if case.is_there:
            self.open(Path(case.path), series=case.series if case.kind == "ct" else None)
        else:
            self.said.emit(f"{Path(case.path).name} is not at its place any more; open it from where it lies now")
            self.recentsChanged.emit()

    def give_ct(self, ct: Path) -> None:
        """Say where the CT of the plan lies that was opened last."""
        if self._plan is not None:
            self._show_plan(_Found(self._plan, ct))

    def go_live(self) -> None:
        """Make the plan that was read again in the background, so that it can be worked on."""
        opened, shown = self._plan, self._focus.shown
        scan = shown.scan
        if opened is None or scan is None or not self.can_go_live:
            return
        config = shown.settings
        if config is None:
            self.said.emit(
                "This plan was made with other settings, which its folder does not hold. It is shown as it was saved; "
                "press Plan to plan with the present settings."
            )
            return

        def work(monitor: Monitor) -> _MadeAgain:
            case = plan_again(opened, scan, config, monitor=monitor)
            told = differences(opened.plan, case.plan)
            # Those of the saved plan are there, and serve the same one.
            surfaces = surfaces_of(case.plan, case.labels, monitor=monitor) if told else None
            return _MadeAgain(case, told, surfaces)

        def take(made: _MadeAgain) -> None:
            # What was drawn meanwhile stays: the session took the folder's settings and wishes when it was shown.
            self._on_made_again(shown, made)

        self.said.emit("The plan is made again, so that its needles can be moved …")
        self._begin(lambda: self._session.run(work, take))

    def take_new(self) -> None:
        """Show the plan that was made again in the place of the saved one."""
        other = self._taken_other()
        if other is not None:
            trust = None if other.case is None else other.case.trust
            unreadable = None if trust is None else trust.unreadable
            keeping_view(self._viewer, lambda: self._session.show(other, unreadable=unreadable))
            self.said.emit("This is the plan as it is made now; the folder still holds the saved one.")

    def keep_saved(self) -> None:
        """Stay with the saved plan; its needles cannot be moved."""
        if self._taken_other() is not None:
            self.said.emit("The saved plan is shown. Its needles cannot be moved; press Plan to plan anew.")

    def _taken_other(self) -> Shown | None:
        """Give what was offered in the place of what is shown; None where something else is shown by now."""
        offered, self._other = self._other, None
        now = self._focus.shown
        if offered is None or offered[0].scan is not now.scan or not is_same_but_for_review(offered[0], now):
            return None
        return offered[1]

    def _begin(self, start: Callable[[], None]) -> None:
        """Begin a run that another opening may stop without a question."""
        self._begins = True
        try:
            start()
        finally:
            self._begins = False

    def _on_running(self, running: bool) -> None:  # noqa: FBT001  # a Qt slot
        self._is_own_run = running and self._begins

    def _on_shown(self) -> None:
        """Forget the plan's folder, and what was asked of it, as soon as something else is shown."""
        before, now = self._was, self._focus.shown
        self._was = now
        is_same = before.folder == now.folder and (before.scan is None or before.scan is now.scan)
        if is_same or (before.scan is None and before.plan is None):
            return
        self._plan, self._other = None, None
        self.takenBack.emit()

    @property
    def _viewer(self) -> Any:
        viewer = self._viewer_ref()
        if viewer is None:
            raise RuntimeError("the viewer has gone")
        return viewer

    def _load(self, series: str | None) -> None:
        path = self._path
        if path is not None:
            self._ct = path
            self._begin(lambda: self._session.load(path, series=series, then_plan=self._then_plan))

    def _on_inspected(self, inspection: Inspection) -> None:
        if needs_choice(inspection):
            self.choiceWanted.emit(inspection)
        elif inspection.not_chosen_because is not None:
            raise InputError(inspection.not_chosen_because)
        else:
            self._load(inspection.chosen_series)

    def _on_loaded(self, scan: Scan) -> None:
        """Remember where a CT lay that came through this door."""
        ct, self._ct = self._ct, None
        if ct is None:
            return
        self._remember(lambda: self.recents.remember(ct, "ct", series=scan.series.name))
        if self._coming is None:
            self.opened.emit(ct)

    def _open_plan(self, path: Path, ct: Path | None) -> None:
        def find(monitor: Monitor) -> _Found:
            monitor.report(Progress("reading the plan"))
            opened = open_plan_folder(path)
            return _Found(opened, ct or self._known_ct(opened.plan, monitor))

        self._begin(lambda: self._session.run(find, self._show_plan))

    def _known_ct(self, plan: Plan, monitor: Monitor) -> Path | None:
        """Look where CTs of the plan's series were opened from, and whether it is there still."""
        for place in self.recents.places_of(plan.series.name):
            try:
                names = [one.name for one in inspect_input(place, monitor=monitor).series]
            except InputError:
                continue
            if plan.series.name in names:
                return place
        return None

    def _show_plan(self, found: _Found) -> None:
        self._coming, self._ct = found.opened, found.ct
        self._begin(lambda: self._session.load_plan(found.opened.folder, ct=found.ct))

    def _on_planned(self, plan: Plan) -> None:
        shown = self._focus.shown
        if self._coming is not None and self._coming.folder == shown.folder:
            self._plan, self._coming, self._other = self._coming, None, None
        opened = self._plan
        if opened is None or shown.plan is None or shown.folder != opened.folder or shown.case is not None:
            return
        plan = shown.plan  # with what a person said of it meanwhile
        # The session read it anew: its plan is the one that is shown.
        opened = self._plan = replace(opened, plan=plan)
        if opened.scene is not None:
            put_back(self._viewer, opened.scene)
        self._remember(lambda: self.recents.remember(opened.folder, "plan", series=plan.series.name))
        self.opened.emit(opened.folder)
        if self._focus.shown.scan is None:
            self.ctWanted.emit(opened)
        else:
            self.go_live()

    def _on_made_again(self, before: Shown, made: _MadeAgain) -> None:
        now = self._focus.shown
        if now.plan is None or not is_same_but_for_review(before, now):
            return
        if made.told:
            case = made.case
            other = Shown(now.scan, case.plan, case.labels, case, made.surfaces, settings=now.settings)
            self._other = now, other
            self.differs.emit(made.told)
            return
        # What a person said of it while it was made again counts.
        shown = replace(now, case=with_saved_plan(made.case, now.plan))
        keeping_view(self._viewer, lambda: self._focus.set_shown(shown))
        self.said.emit("The plan is as it was saved; its needles can be moved.")
        self.live.emit()

    def _remember(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OutputError as error:
            self.said.emit(f"the list of recent cases was not kept: {error}")
        self.recentsChanged.emit()


def _course(needle: DrawnNeedle | None) -> tuple[object, ...]:
    """Give what is drawn of one's own needle; one without points is none."""
    return () if needle is None or not needle.points_lps else (needle.points_lps, needle.gauge)


def _inspected(path: Path, monitor: Monitor) -> Inspection:
    monitor.report(Progress("looking what is there"))
    try:
        return inspect_input(path, monitor=monitor)
    except OSError as error:  # a share that went away
        raise PlannerError(f"{path.name} cannot be read: {(error.strerror or 'the system refused').lower()}") from error
