"""One thing for each viewer, which goes with it."""

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def real_viewer(viewer: Any) -> Any:
    """Give a viewer itself, where napari hands out a proxy of it."""
    return getattr(viewer, "__wrapped__", viewer)


class PerViewer(Generic[T]):
    """Things of one kind, at most one for each viewer; none keeps its viewer alive."""

    def __init__(self) -> None:
        self._made: weakref.WeakKeyDictionary[Any, T] = weakref.WeakKeyDictionary()

    def __contains__(self, viewer: Any) -> bool:
        """Say whether a viewer has its thing already; makes none."""
        return real_viewer(viewer) in self._made

    def of(self, viewer: Any, make: Callable[[Any], T]) -> T:
        """Give a viewer's thing.

        Parameters
        ----------
        viewer : napari.Viewer
            The viewer, or napari's proxy of it.
        make : callable
            Makes it from the viewer itself, where it is not there yet.

        Returns
        -------
        T
            The same one for the same viewer.
        """
        real = real_viewer(viewer)
        if real not in self._made:
            self._made[real] = make(real)
        return self._made[real]
