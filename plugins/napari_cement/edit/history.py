"""One undo stack for all that a person edits in a viewer: wishes, needles of one's own, painted gaps."""

import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from napari.layers import Labels
from qtpy.QtCore import QObject, Qt, QTimer, Signal
from qtpy.QtGui import QKeySequence, QShortcut, QUndoCommand, QUndoStack
from qtpy.QtWidgets import QApplication

from napari_cement._layers import origin_of
from napari_cement._per_viewer import PerViewer

_State = TypeVar("_State")
SETTLE_MS = 300
"""A drag, or a field that is counted up, is one step: it ends when nothing has changed for so long. Ours."""
_STEPS = 200
"""Ours; strokes of paint keep the voxels that they changed, no more."""

_bound: "weakref.WeakSet[Any]" = weakref.WeakSet()
_histories: "PerViewer[History]" = PerViewer()


def history_of(viewer: Any) -> "History":
    """Give the undo stack of a viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer, or napari's proxy of it.

    Returns
    -------
    History
        The same one for the same viewer.
    """
    return _histories.of(viewer, lambda _: History())


class Settles(Protocol):
    """What has steps under way."""

    def settle(self) -> None:
        """Make a step of what changed since the last one."""

    def rebase(self) -> None:
        """Take the state as it is for the one to begin from."""

    def under_way(self) -> str | None:
        """Say in words what changed since the last step; None for nothing."""


class _Step(QUndoCommand):
    """One step; it was done by hand before it was told of."""

    def __init__(self, words: str, undo: Callable[[], None], redo: Callable[[], None]) -> None:
        super().__init__(words)
        self._undo, self._redo = undo, redo
        self._is_done = True

    def undo(self) -> None:
        """Take it back; called by Qt."""
        self._undo()

    def redo(self) -> None:
        """Do it again; called by Qt, also when the step is first told of."""
        if self._is_done:
            self._is_done = False
        else:
            self._redo()


class History(QObject):
    """What can be taken back, in the order in which it was done, whatever tool did it."""

    changed = Signal()
    """Another step can be undone or redone now."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = QUndoStack(self)
        self._stack.setUndoLimit(_STEPS)
        # Qt owns the steps, and some bindings let go of their Python half.
        self._held: deque[_Step] = deque(maxlen=2 * _STEPS)
        self._followed: list[Settles] = []
        self._stack.indexChanged.connect(self._on_index)

    def _on_index(self, index: int) -> None:
        self.changed.emit()

    @property
    def undo_words(self) -> str | None:
        """What `undo` takes back ("target added"), also where it has not come to rest yet; None for nothing."""
        # What is under way becomes the last step: the words of the one before could say the opposite.
        words = self._under_way()
        return words or (self._stack.undoText() if self._stack.canUndo() else None)

    @property
    def redo_words(self) -> str | None:
        """What `redo` does again; None for nothing."""
        return self._stack.redoText() if self._stack.canRedo() and self._under_way() is None else None

    def _under_way(self) -> str | None:
        return next((words for one in reversed(self._followed) if (words := one.under_way()) is not None), None)

    def tell(self) -> None:
        """Say that something is under way: `undo` would take that back."""
        self.changed.emit()

    def push(self, words: str, *, undo: Callable[[], None], redo: Callable[[], None]) -> None:
        """Tell of a step that was just done.

        Parameters
        ----------
        words : str
            What was done ("target added").
        undo, redo : callable
            Take it back, do it again.
        """
        step = _Step(words, undo, redo)
        self._held.append(step)
        self._stack.push(step)

    def undo(self) -> None:
        """Take back the last step; nothing where there is none."""
        self.settle()
        self._stack.undo()

    def redo(self) -> None:
        """Do again what was taken back last; nothing where there is none."""
        self.settle()
        self._stack.redo()

    def settle(self) -> None:
        """Tell of what is still going on: a step ends here."""
        for followed in self._followed:
            followed.settle()

    def clear(self) -> None:
        """Forget all steps: what comes next is about another patient, or another scene."""
        for followed in self._followed:
            followed.rebase()
        self._stack.clear()
        self._held.clear()

    def follow(
        self,
        owner: QObject,
        read: Callable[[], _State],
        write: Callable[[_State], None],
        words: Callable[[_State, _State], str],
    ) -> "Followed[_State]":
        """Make steps of all changes of one thing's state.

        Parameters
        ----------
        owner : QObject
            Whose state it is; it is followed no longer than this lives.
        read, write : callable
            Give the state, which is never changed in place; set it.
        words : callable
            Says what changed from one state to the next.

        Returns
        -------
        Followed
            To be told when something may have changed.
        """
        followed = Followed(self, owner, read, write, words)
        self.join(followed, owner)
        return followed

    def join(self, one: "Settles", owner: QObject) -> None:
        """Let a tool tell of what is still going on before a step is taken back.

        Parameters
        ----------
        one : Settles
            The tool.
        owner : QObject
            It is asked no longer than this lives.
        """
        self._followed.append(one)
        owner.destroyed.connect(lambda *_: self._followed.remove(one))


class Followed(Generic[_State]):
    """One thing whose changes become steps; made by `History.follow`."""

    def __init__(
        self,
        history: History,
        owner: QObject,
        read: Callable[[], _State],
        write: Callable[[_State], None],
        words: Callable[[_State, _State], str],
    ) -> None:
        self._history, self._read, self._write, self._words = history, read, write, words
        self._before = read()
        self._timer = QTimer(owner)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self._on_rest)

    def touch(self) -> None:
        """Say that something may have changed; a step is made when it has come to rest, and no button is held down."""
        self._timer.start()
        self._history.tell()

    def under_way(self) -> str | None:
        """Say in words what changed since the last step; None for nothing."""
        now = self._read()
        return None if now == self._before else self._words(self._before, now)

    def _on_rest(self) -> None:
        if _is_held():
            # A drag that pauses goes on: it is one step from press to release.
            self._timer.start()
        else:
            self.settle()

    def settle(self) -> None:
        """Make a step of what changed since the last one."""
        self._timer.stop()
        before, now = self._before, self._read()
        if now == before:
            self._history.tell()
            return
        self._before = now
        self._history.push(
            self._words(before, now), undo=lambda: self._restore(before), redo=lambda: self._restore(now)
        )

    def rebase(self) -> None:
        """Take the state as it is for the one to begin from."""
        self._timer.stop()
        self._before = self._read()

    def _restore(self, state: _State) -> None:
        self._write(state)
        self.rebase()


def _is_held() -> bool:
    """Say whether a mouse button is held down anywhere in the program."""
    return bool(QApplication.mouseButtons() != Qt.MouseButton.NoButton)


def bind_keys(viewer: Any, history: History) -> None:
    """Let the usual keys take back and do again wherever in a viewer's window the focus is.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer; nothing is done where it has no window.
    history : History
        Whose steps.

    Notes
    -----
    A field of text takes back its own typing first, and a layer of labels that a person paints in with napari has
    napari's own undo; the layer of painted gaps has this history's.
    """
    real = getattr(viewer, "__wrapped__", viewer)
    window = getattr(getattr(real, "window", None), "_qt_window", None)  # napari has no public way to its window
    if window is None or real in _bound:
        return
    _bound.add(real)
    shortcuts = []
    for key, act in (
        (QKeySequence.StandardKey.Undo, history.undo),
        (QKeySequence.StandardKey.Redo, history.redo),
    ):
        shortcut = QShortcut(QKeySequence(key), window)
        shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
        shortcut.activated.connect(act)
        shortcuts.append(shortcut)

    def offer(event: object = None) -> None:
        active = real.layers.selection.active
        painted = isinstance(active, Labels) and active.editable
        origin = None if active is None else origin_of(active)
        for shortcut in shortcuts:
            shortcut.setEnabled(not painted or origin is not None)

    def begin(viewer: object, event: object) -> None:
        # What was added just before a drag is a step of its own: while the button is down none is made.
        history.settle()

    real.mouse_drag_callbacks.insert(0, begin)
    real.layers.selection.events.active.connect(offer)
    offer()
