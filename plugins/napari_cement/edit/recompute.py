"""Plans again what was edited, and knows whether the shown plan is older than the edits."""

import weakref
from collections.abc import Callable
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from napari_cement._editors import editors_of
from napari_cement._focus import Shown, focus_of
from napari_cement._scene import keeping_view
from napari_cement._session import CementSession
from napari_cement.drawn.ready_layers import ready_layers
from napari_cement.edit.gap_brush import GapBrush
from planner.config.wishes_config import WishesConfig
from planner.errors import PlannerError
from planner.progress import Monitor
from planner.station.wished import is_same_wished


class Recompute(QObject):
    """Plans the shown case again with all edits: wishes, and gaps as they are painted.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    session : CementSession
        Its session, which has the settings.
    brush : GapBrush
        What is painted.
    can_judge : callable
        Says whether the shown plan is of the CT that is planned on, and nothing else is under way.
    """

    changed = Signal()
    """The shown plan may have become older than the edits, or as new as they are."""
    refused = Signal(str)
    """Why it cannot be planned again, in the user's words."""

    def __init__(self, viewer: Any, session: CementSession, brush: GapBrush, *, can_judge: Callable[[], bool]) -> None:
        super().__init__()
        self._viewer_ref = weakref.ref(getattr(viewer, "__wrapped__", viewer))
        self._focus, self._session, self._brush = focus_of(viewer), session, brush
        self._can_judge = can_judge
        self._read_wishes: Callable[[], WishesConfig] = lambda: session.wishes
        # The labels of the case that was made here last, and the painting that it was made from. A review puts another
        # case in the place of one, with the same labels.
        self._made: tuple[Any, tuple[Any, int]] = (None, (None, 0))
        session.wishesChanged.connect(self.touch)
        session.planned.connect(self.touch)
        session.running.connect(self.touch)
        self._focus.shownChanged.connect(self.touch)
        self._focus.reviewChanged.connect(self.touch)
        brush.changed.connect(self.touch)
        editors_of(viewer).tell_newer_by(lambda: self.is_older)

    def read_wishes_by(self, read: Callable[[], WishesConfig]) -> None:
        """Take the wishes from where they are drawn; `read` raises `ConfigError` where what is drawn is no wish."""
        self._read_wishes = read

    @property
    def can_start(self) -> bool:
        """Whether the shown plan can be made again now."""
        return self._focus.shown.case is not None and self._can_judge() and not self._session.is_running

    @property
    def is_older(self) -> bool | None:
        """Whether the shown plan was made before the edits that stand now; None where that is not known.

        Known in full only of plans that were made in this session; of one that was read and is not made again yet its
        folder tells the wishes that it was made with.
        """
        case = self._focus.shown.case
        kept = getattr(case, "kept", None)
        if kept is None:
            return self._has_other_wishes()
        try:
            wishes = self._read_wishes()
        except PlannerError:
            return True
        return not is_same_wished(kept.config.needles.wishes, wishes) or self._gaps_differ(case)

    def _has_other_wishes(self) -> bool | None:
        """Say that a plan that was read was made with other wishes; None where not: of its gaps nothing is known."""
        shown = self._focus.shown
        if shown.plan is None or shown.settings is None or shown.case is not None:
            return None
        return None if is_same_wished(shown.settings.needles.wishes, self._session.wishes) else True

    @property
    def has_painted_gaps(self) -> bool:
        """Whether the shown plan was made from what was painted here."""
        case = self._focus.shown.case
        made, (_, number) = self._made
        return case is not None and made is case.labels and number != 0

    @property
    def holds_painting(self) -> bool:
        """Whether the shown plan was made from the gaps as they are painted now; wishes may have changed since."""
        case = self._focus.shown.case
        return case is not None and not self._gaps_differ(case)

    def start(self) -> bool:
        """Plan again in the background, beginning from the shown plan; only the steps that depend on edits are done.

        Returns
        -------
        bool
            False, and nothing is done, where no plan with its voxels is shown of the CT that is planned on, or what was
            drawn or painted is nothing that the planner takes.
        """
        shown = self._focus.shown
        if not self.can_start:
            return False
        # What is still going on is a stroke, too.
        self._brush.settle()
        try:
            wishes = self._read_wishes()
            case, gaps = self._gaps_to_plan(shown.case)
        except PlannerError as error:
            self.refused.emit(str(error))
            return False
        self._session.set_wishes(wishes)
        config, painting = self._session.config, self._brush.painting

        def work(monitor: Monitor) -> tuple[Shown, list[Layer]]:
            # Loading the pipeline takes seconds: not while the window opens.
            from planner.pipeline import replanned
            from planner.station.surfaces import surfaces_of

            made = replanned.replan(case, config, gaps=gaps, monitor=monitor)
            surfaces = surfaces_of(made.plan, made.labels, monitor=monitor)
            after = Shown(shown.scan, made.plan, made.labels, made, surfaces, settings=config)
            unreadable = None if made.trust is None else made.trust.unreadable
            return after, ready_layers(after, unreadable=unreadable, monitor=monitor)

        def take(made: tuple[Shown, list[Layer]]) -> None:
            after, layers = made
            self._made = after.labels, painting
            viewer = self._viewer_ref()
            if viewer is not None:
                keeping_view(viewer, lambda: self._session.show(after, layers=layers))

        self._session.run(work, take)
        return True

    def touch(self, *_: object) -> None:
        """Say that something may have been edited."""
        self.changed.emit()

    def _gaps_to_plan(self, case: Any) -> tuple[Any, Any]:
        """Give the case to begin from, and all gaps where they are not its own; raises `UsageError`."""
        begun = self._brush.begun_from
        if begun is None or not self._gaps_differ(case):
            return case, None
        gaps = None if self._brush.begun is None else self._brush.edited()
        # Where nothing is painted any more the gaps are those that were begun from.
        return (begun.case, None) if gaps is None else (case, gaps)

    def _gaps_differ(self, case: Any) -> bool:
        """Say whether the gaps that stand now are not those that a case was planned with."""
        begun, number = self._brush.painting
        if begun is None or begun.scan is not self._focus.shown.scan:
            return False
        made, painting = self._made
        if made is not None and case.labels is made:
            return painting != (begun, number)
        return number != 0 or _given(case) is not _given(begun.case)


def _given(case: Any) -> Any:
    """Give the gaps of a person that a case was planned with."""
    return getattr(getattr(case, "source", None), "given", None)
