"""Writes plans as folders in the background, beside whatever else is under way."""

import weakref
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_cement._closing import when_closing
from napari_cement._focus import focus_of
from napari_cement._per_viewer import PerViewer
from napari_cement._scene import scene_of
from napari_cement._session import session_of
from napari_cement._work import Work
from planner.errors import CancelledError, PlannerError
from planner.io.staging import require_free
from planner.progress import Monitor, Progress
from planner.station.keeping.plan_folder import save_plan_folder
from planner.station.keeping.recent import RecentCases

_LONGEST_WAIT_S = 20.0
"""For a folder that is given up when the window closes; ours, as for a run."""

_savings: "PerViewer[Saving]" = PerViewer()


def saving_of(viewer: Any) -> "Saving":
    """Give what saves the plans of a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.

    Returns
    -------
    Saving
        The same one for the same viewer.
    """
    return _savings.of(viewer, Saving)


class Saving(QObject):
    """Saves the shown plan, as it is when it is asked; what is done meanwhile is no part of it.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose plan; only a weak reference is kept.
    recents : RecentCases or None
        The cases opened last, which a saved plan joins; None for the user's own list.
    """

    running = Signal(bool)
    progressed = Signal(object)
    saved = Signal(object, object)
    """The folder, and the `Plan` that is in it."""
    failed = Signal(str)
    """In the user's words; nothing was written."""
    stopped = Signal()

    def __init__(self, viewer: Any, recents: RecentCases | None = None) -> None:
        super().__init__()
        self._viewer_ref = weakref.ref(viewer)
        self._session, self._focus = session_of(viewer), focus_of(viewer)
        self._recents = recents or RecentCases()
        self._work: Work[Any] | None = None
        self._target: tuple[Path, Any] | None = None
        when_closing(viewer, self.shut_down)

    @property
    def is_running(self) -> bool:
        """Whether a plan is being written."""
        return self._work is not None

    @property
    def why_not(self) -> str | None:
        """Why nothing can be saved now, in words; None where it can."""
        shown = self._focus.shown
        if shown.plan is None:
            return "there is no plan yet"
        if shown.case is None:
            return "the plan was read from its folder and not made again yet: there are no voxels to write"
        return "a plan is being written" if self.is_running else None

    def takes_place_of(self, folder: Path) -> bool:
        """Say whether a plan lies in a folder already, so that the user is to be asked.

        Parameters
        ----------
        folder : Path
            Where a plan shall go.

        Returns
        -------
        bool

        Raises
        ------
        UsageError
            If it holds something that is no plan, and is left alone.
        OutputError
            If nothing can be written there.
        """
        from planner.pipeline import PLAN_FILES

        require_free(folder, own_names=PLAN_FILES, overwrite=True)
        return folder.is_dir() and any(folder.iterdir())

    def save(self, folder: Path, *, overwrite: bool = False) -> None:
        """Write the shown plan with everything that belongs to it.

        Parameters
        ----------
        folder : Path
            The folder to make.
        overwrite : bool
            Whether a plan in it may be replaced.

        Notes
        -----
        The folder appears whole or not at all. Where nothing can be saved, `failed` says why.
        """
        if (why := self.why_not) is not None:
            self.failed.emit(f"not saved: {why}")
            return
        viewer = self._viewer_ref()
        case = self._focus.shown.case
        config = self._focus.shown.settings
        scene = scene_of(viewer, settings=config)
        # Of other settings only C-arm and gantry are drawn with.
        drawn_with = config or self._session.config

        def work(monitor: Monitor) -> None:
            monitor.report(Progress("writing the plan"))
            save_plan_folder(case, scene, folder, drawn_with, overwrite=overwrite, monitor=monitor)

        self._target = (folder, case.plan)
        self._work = Work(0, work)
        self._work.signals.progressed.connect(self._on_progressed)
        self._work.signals.done.connect(self._on_done)
        self._work.signals.failed.connect(self._on_failed)
        self.running.emit(True)
        self._work.start()

    def cancel(self) -> None:
        """Give the folder up: an older plan in it stays as it was."""
        if self._work is not None:
            self._work.quit()

    def shut_down(self) -> None:
        """Give up, and wait until nothing is written any more: the window closes."""
        work = self._work
        if work is not None:
            work.quit()
            work.wait(_LONGEST_WAIT_S)

    def _end(self) -> None:
        self._work = None
        self.running.emit(False)

    def _on_progressed(self, run: int, progress: Progress) -> None:
        self.progressed.emit(progress)

    def _on_done(self, run: int, result: object) -> None:
        self._end()
        if self._target is None:
            return
        folder, plan = self._target
        try:
            self._recents.remember(folder, "plan", series=plan.series.name)
        except PlannerError as error:
            self.failed.emit(f"the plan is saved, but not among the recent cases: {error}")
        self.saved.emit(folder, plan)

    def _on_failed(self, run: int, error: Exception) -> None:
        self._end()
        if isinstance(error, CancelledError):
            self.stopped.emit()
        elif isinstance(error, PlannerError):
            self.failed.emit(str(error))
        else:
            self.failed.emit(f"a fault of the program stopped the saving ({type(error).__name__}); nothing was written")
            raise error
