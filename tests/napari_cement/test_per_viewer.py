"""One thing for each viewer."""

import gc
import weakref
from types import SimpleNamespace

from napari_cement._per_viewer import PerViewer, real_viewer


class Model:
    """Stands for a viewer: it can be referred to weakly."""


def test_each_viewer_has_one_of_its_own_also_by_its_proxy():
    things: PerViewer[list[Model]] = PerViewer()
    first, second = Model(), Model()
    assert first not in things
    thing = things.of(first, lambda real: [real])
    proxy = SimpleNamespace(__wrapped__=first)
    assert thing[0] is first and things.of(proxy, lambda real: [real]) is thing and real_viewer(proxy) is first
    assert first in things and proxy in things and second not in things
    assert things.of(second, lambda real: [real]) is not thing


def test_a_thing_goes_with_its_viewer():
    things: PerViewer[Model] = PerViewer()
    viewer = Model()
    gone = weakref.ref(things.of(viewer, lambda _: Model()))
    assert gone() is not None
    del viewer
    gc.collect()
    assert gone() is None
