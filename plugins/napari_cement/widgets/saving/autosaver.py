"""Keeps edits by themselves while they are made, and offers them when their CT comes back."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_cement._closing import when_closing
from napari_cement._editors import editors_of
from napari_cement._focus import focus_of
from napari_cement._per_viewer import PerViewer
from napari_cement._session import session_of
from napari_cement.edit.history import history_of
from planner.config.plan_config import PlanConfig
from planner.errors import OutputError, PlannerError
from planner.model.labels import LabelMap
from planner.model.plan import Plan, Review
from planner.model.scan import Scan
from planner.station.keeping.autosave import Autosave, Edits, KeptEdits, case_key
from planner.station.keeping.plan_folder import has_given_gaps
from planner.station.wished import with_wishes

WAIT_MS = 1500
"""After an edit; what comes meanwhile is kept with it. Ours: what a crash may cost."""

_LONGEST_WAIT_S = 10.0
"""For what is written before another CT comes; ours. Then it counts as not kept."""

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)

_savers: "PerViewer[Autosaver]" = PerViewer()


def autosaver_of(viewer: Any) -> "Autosaver":
    """Give what keeps the edits of a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.

    Returns
    -------
    Autosaver
        The same one for the same viewer.
    """
    return _savers.of(viewer, Autosaver)


@dataclass(slots=True, eq=False)
class _Desk:
    """Where the edits of one CT go, a slot from the first on; once made, the writer's thread alone looks at it."""

    scan: Scan
    key: str | None = None
    slot: int | None = None


class Autosaver(QObject):
    """Keeps what is edited on one CT after the other. Nothing is written in the GUI's thread.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose edits.
    store : Autosave or None
        Where they go; None for the user's own state folder.

    Notes
    -----
    Nothing is ever written over edits that were offered and not answered for: newer ones are kept beside them, and all
    of them are offered the next time. What another window on the same CT edits, or has on offer, is not offered here.
    Painted gaps that are taken up are kept until a plan holds them.
    """

    offered = Signal(object)
    """The first `KeptEdits` on `offers`: `take_up` or `throw_away` goes on."""
    settled = Signal()
    """Nothing is on offer any more."""
    failed = Signal(str)
    """In words: edits are not kept."""
    _known = Signal(object, object)
    """A desk, and all `KeptEdits` of its CT but its own; from the writer's thread."""

    def __init__(self, viewer: Any, store: Autosave | None = None) -> None:
        super().__init__()
        self._session, self._focus, self._editors = session_of(viewer), focus_of(viewer), editors_of(viewer)
        self._history = history_of(viewer)
        self._store = store or Autosave()
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cement-edits")
        self._desk: _Desk | None = None
        self._saved: Any = None
        self._offers: tuple[KeptEdits, ...] = ()
        # Gaps that were taken up, until a plan holds them.
        self._pending: LabelMap | None = None
        self._hidden: tuple[str, ...] = ()
        self._layers_go = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self._keep)
        self._known.connect(self._on_known)
        self._editors.changed.connect(self.touch)
        self._editors.keep_by(self.keep_now)
        self._editors.aboutToTurn.connect(self._on_turning)
        self._editors.aboutChanged.connect(self._look)
        self._focus.hiddenChanged.connect(self.touch)
        self._focus.reviewChanged.connect(self.touch)
        self._session.planned.connect(self._on_planned)
        self._session.running.connect(self._on_running)
        viewer.layers.events.removing.connect(self._on_layer_going)
        when_closing(viewer, self.shut_down)
        if self._editors.about is not None:
            self._look()

    @property
    def offers(self) -> tuple[KeptEdits, ...]:
        """All that is on offer, the oldest first: it is answered for one after the other."""
        return self._offers

    @property
    def offer(self) -> KeptEdits | None:
        """What is answered for next; None for nothing."""
        return self._offers[0] if self._offers else None

    def touch(self) -> None:
        """Say that something was edited: it is kept a little later."""
        if not self._timer.isActive():
            self._timer.start()

    def flush(self) -> None:
        """Keep what was edited now."""
        if self._timer.isActive():
            self._timer.stop()
            self._keep()

    def keep_now(self) -> bool | None:
        """Keep what is unsaved, and wait until it is: the case is to go.

        Returns
        -------
        bool or None
            Whether there is unsaved work of the CT; None without a CT.

        Raises
        ------
        OutputError
            If it cannot be kept.
        """
        self._history.settle()  # a stroke that is not over yet is an edit, too
        self._timer.stop()
        if (future := self._keep()) is None:
            return None
        try:
            return future.result(timeout=_LONGEST_WAIT_S) or bool(self._offers)
        except (PlannerError, TimeoutError) as error:
            why = f"unsaved work of the open CT cannot be kept ({str(error) or 'the disk does not answer'})"
            raise OutputError(f"{why}; save its plan first, or take back what is drawn") from error

    def state(self) -> Any:
        """Give what would be kept now, for `saved`; without painted gaps, which no folder holds before a plan does."""
        shown = self._focus.shown
        edits = self._edits("").model_copy(update={"at": _ANY_TIME})
        return edits, shown.plan if self._is_given() else None

    def saved(self, state: Any, *, is_new: bool = True) -> None:
        """Take note that something lies in a plan's folder now: it is not unsaved.

        Parameters
        ----------
        state : object
            As `state` gave it when the folder was written, or read.
        is_new : bool
            Whether it was written just now, so that older unsaved work is done with.
        """
        self._saved = state
        if is_new:
            self.touch()
            self.flush()

    def take_up(self) -> None:
        """Draw what is answered for next again; painted gaps are planned with at once, as they stand.

        What is drawn now is kept beside it, and offered after that.
        """
        offer, desk = self.offer, self._desk
        if offer is None or desk is None:
            return
        self.flush()
        self._offer_all(())
        self._go_on_in(desk, offer.slot)
        edits = offer.edits
        if edits.settings is not None:
            try:
                self._session.set_config(PlanConfig.model_validate(edits.settings))
            except ValueError:
                self.failed.emit("the settings of the unsaved work are of another version; the present ones are kept")
        self._editors.set_value("wishes", edits.wishes)
        # Also where nobody draws them, or they are drawn already.
        self._session.set_wishes(edits.wishes)
        self._editors.set_value("own needle", edits.own_needle)
        self._hidden = edits.hidden
        gaps = offer.given_gaps()
        if gaps is not None:
            self._editors.set_value("gaps", None)
            self._pending = offer.gaps
            self._session.plan(desk.scan, gaps=gaps)
        else:
            self._unhide()
        self.touch()
        self._look_on(desk)

    def throw_away(self) -> None:
        """Forget what is answered for next."""
        offer = self.offer
        if offer is None:
            return
        self._do(lambda: self._store.discard(offer.edits.case, slot=offer.slot))
        self._offer_all(self._offers[1:])

    def shut_down(self) -> None:
        """Keep what is not kept yet, and wait for it: the window closes."""
        if not self._layers_go:  # else what was drawn has gone already, and was kept before
            self.flush()
        self._do(self._store.let_go)
        self._writer.shutdown(wait=True)

    def _on_layer_going(self, event: object = None) -> None:
        """Keep what is drawn before its layer goes: napari empties a viewer that is closed by a script."""
        if not self._layers_go:
            self.flush()
            self._layers_go = True
            QTimer.singleShot(0, self._on_layers_gone)

    def _on_layers_gone(self) -> None:
        self._layers_go = False

    def _offer_all(self, offers: tuple[KeptEdits, ...]) -> None:
        before, self._offers = self._offers, offers
        if offers:
            self.offered.emit(offers[0])
        elif before:
            self.settled.emit()

    def _on_turning(self) -> None:
        """Keep what is drawn while it is still known of which CT it is."""
        self.flush()
        self._timer.stop()
        self._do(self._store.let_go)
        self._hidden, self._desk, self._saved, self._pending = (), None, None, None
        self._offer_all(())

    def _look(self) -> None:
        """See whether there is unsaved work of the CT."""
        scan = self._editors.about
        if scan is not None:
            self._desk = _Desk(scan)
            self._look_on(self._desk)

    def _look_on(self, desk: _Desk) -> None:
        def look() -> None:
            kept = self._store.take_all(_key_of(desk))
            self._known.emit(desk, tuple(one for one in kept if one.slot != desk.slot))

        self._do(look)

    def _go_on_in(self, desk: _Desk, slot: int | None) -> None:
        """Keep what is edited from now on in another slot; None takes a free one."""

        def go_on() -> None:
            desk.slot = slot

        self._do(go_on)

    def _on_known(self, desk: _Desk, kept: tuple[KeptEdits, ...]) -> None:
        if desk is not self._desk:
            return
        new, now = [], self._edits("")
        for one in kept:
            edits = one.edits
            same = edits.wishes == now.wishes and edits.own_needle == now.own_needle and edits.settings == now.settings
            same = same and (edits.review.state != "approved" or now.review.state == "approved")
            if same and one.gaps is None:
                # What is there is drawn already: it lies in the slot of this sitting first.
                self.touch()
                self.flush()
                self._do(lambda one=one: self._store.discard(one.edits.case, slot=one.slot))
            else:
                new.append(one)
        self._offer_all(tuple(new))

    def _on_planned(self, plan: Plan) -> None:
        if self._is_given():
            self._pending = None
        self._unhide()
        self.touch()

    def _on_running(self, running: bool) -> None:  # noqa: FBT001  # a Qt slot
        if not running and self._pending is not None:
            # The plan of a run that ended well is shown after this.
            QTimer.singleShot(0, self._see_pending)

    def _see_pending(self) -> None:
        """Offer gaps again whose planning was stopped, or failed."""
        desk = self._desk
        if self._pending is None or desk is None or self._session.is_running:
            return
        self.touch()
        self.flush()
        self._pending = None
        self._go_on_in(desk, None)
        self.touch()
        self._look_on(desk)

    def _unhide(self) -> None:
        """Hide again what was hidden, as soon as it is there."""
        plan = self._focus.shown.plan
        if plan is None or not self._hidden:
            return
        hidden, self._hidden = self._hidden, ()
        self._focus.set_hidden(frozenset(hidden))

    def _is_given(self) -> bool:
        """Say whether the gaps of the CT that is edited on are as a person gave them."""
        shown = self._focus.shown
        return shown.plan is not None and has_given_gaps(shown.plan) and shown.scan is self._editors.about

    def _edits(self, key: str) -> Edits:
        wishes = self._editors.value("wishes")
        shown = self._focus.shown
        is_about = shown.scan is self._editors.about
        config = self._session.config
        return Edits(
            case=key,
            at=self._store.now(),
            wishes=self._session.wishes if wishes is None else wishes,
            own_needle=self._editors.value("own needle"),
            hidden=tuple(sorted(self._focus.hidden)) if is_about else (),
            review=shown.plan.review if is_about and shown.plan is not None else Review(),
            settings=None
            if config == with_wishes(PlanConfig(), config.needles.wishes)
            else config.model_dump(mode="json"),
        )

    def _gaps(self) -> LabelMap | None:
        """Give the gaps as a person left them, but for what is painted since."""
        if self._pending is not None:
            return self._pending
        return self._focus.shown.labels if self._is_given() else None

    def _keep(self) -> "Future[bool] | None":
        desk = self._desk
        if desk is None:
            return None
        edits, gaps, store = self._edits(""), self._gaps(), self._store
        painted = self._editors.value("gaps") if self._pending is None else None
        is_as_saved = self._pending is None and self.state() == self._saved

        def keep() -> bool:
            case = _key_of(desk)
            # No folder holds what is painted: it is unsaved whatever was saved.
            own = None if painted is None else painted()
            labels = gaps if own is None else own
            if (is_as_saved and own is None) or (edits.is_empty and labels is None):
                if desk.slot is not None:
                    store.discard(case, slot=desk.slot)
                return False
            if desk.slot is None:
                desk.slot = store.claim(case)
            store.keep(edits.model_copy(update={"case": case}), labels, slot=desk.slot)
            return True

        return self._do(keep)

    def _do(self, act: Callable[[], Any]) -> "Future[Any] | None":
        try:
            future = self._writer.submit(act)
        except RuntimeError:
            return None  # the window has closed
        future.add_done_callback(self._on_done)
        return future

    def _on_done(self, future: "Future[Any]") -> None:
        error = future.exception()
        if isinstance(error, PlannerError):
            self.failed.emit(str(error))
        elif error is not None:
            fault = f"a fault of the program ({type(error).__name__})"
            self.failed.emit(f"unsaved work is not kept: {fault}; save the plan")


def _key_of(desk: _Desk) -> str:
    """Name the CT; in the writer's thread, which may have to read all voxels."""
    if desk.key is None:
        desk.key = case_key(desk.scan)
    return desk.key
