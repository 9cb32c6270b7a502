"""Writes fluoroscopy pictures in a thread of its own: what is turned or shown meanwhile drops none of them."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, Signal

from napari_cement._closing import when_closing
from planner.errors import PlannerError


class PictureSaver(QObject):
    """Writes one picture after the other, in the order of the asking; a window that closes waits for all.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose pictures.
    tell : callable
        Takes what is to be told to the user of a picture, in words: that it is written whole, or why it is not.
    while_there : QObject
        Whoever `tell` tells through. When it has gone napari tells: what is asked for is written all the same.
    """

    _ended = Signal(object, object)
    """Path and exception or None; from the writer's thread."""

    def __init__(self, viewer: Any, tell: Callable[[str], None], *, while_there: QObject) -> None:
        # No child of the dock's: it would go with the dock, in the middle of a picture.
        super().__init__()
        self._tell = tell
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cement-pictures")
        self._ended.connect(self._on_ended)
        while_there.destroyed.connect(self._on_alone)
        when_closing(viewer, self.shut_down)

    def save(self, path: Path, write: Callable[[], None]) -> None:
        """Write a picture.

        Parameters
        ----------
        path : Path
            Where.
        write : callable
            Writes it there, whole or not at all; called in another thread.
        """
        try:
            future = self._writer.submit(write)
        except RuntimeError:
            self._tell(f"{path.name} is not saved: the window closes.")
            return
        future.add_done_callback(lambda done: self._end(path, done))

    def shut_down(self) -> None:
        """Wait until all that was asked for is written: the window closes."""
        self._writer.shutdown(wait=True)

    def _end(self, path: Path, done: "Future[None]") -> None:
        self._ended.emit(path, done.exception())

    def _on_alone(self, *_: object) -> None:
        self._tell = show_info

    def _on_ended(self, path: Path, error: BaseException | None) -> None:
        if error is None:
            self._tell(f"Saved {path.name}.")
        elif isinstance(error, PlannerError):
            self._tell(f"{path.name} is not saved: {error}.")
        else:
            self._tell(f"{path.name} is not saved: a fault of the program ({type(error).__name__}).")
            raise error  # napari shows its traceback to whoever wants to report it
