"""Many layers in one step: one drawing, the window painted again after it, and cuts that lie where they are meant."""

import gc

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_cement._at_once import add_layers, at_once
from napari_cement._display import display_of
from napari_cement._focus import focus_of
from napari_cement._layers import scan_layers, to_lps
from napari_cement.widgets.slices.canvas_link import link_of
from tests.napari_cement.test_display import add


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


def blocks(kind, count=3):
    return [kind(np.zeros((4, 5, 6), np.uint8), name=f"{kind.__name__} {k}") for k in range(count)]


def test_layers_are_ordered_and_drawn_once(viewer):
    begun, ended = [], []
    viewer.layers.events.begin_batch.connect(begun.append)
    viewer.layers.events.end_batch.connect(ended.append)
    with at_once(viewer):
        add_layers(viewer, blocks(Labels))
        with at_once(viewer):
            add_layers(viewer, blocks(Image))
        assert not ended and not viewer.window._qt_window.updatesEnabled()
    assert len(begun) == len(ended) == 1 and viewer.window._qt_window.updatesEnabled()
    assert len(viewer.layers) == 6


def test_a_fault_in_between_leaves_the_window_painting(viewer):
    with pytest.raises(KeyError), at_once(viewer):
        raise KeyError("nothing")
    assert viewer.window._qt_window.updatesEnabled()
    with at_once(viewer):
        assert not viewer.window._qt_window.updatesEnabled()


@pytest.fixture
def nothing_frozen():
    """As in a program that looks through all of its objects for garbage; tests pass over those of their imports."""
    gc.unfreeze()
    yield
    gc.collect()
    gc.freeze()


def test_garbage_is_searched_only_where_layers_went(nothing_frozen):
    viewer, frozen = ViewerModel(), []
    viewer.layers.events.end_batch.connect(lambda event: frozen.append(gc.get_freeze_count() > 0))
    with at_once(viewer):
        add_layers(viewer, blocks(Image))
    assert frozen == [True] and gc.get_freeze_count() == 0
    with at_once(viewer):
        del viewer.layers[0]
    assert frozen == [True, False] and gc.get_freeze_count() == 0


def test_the_layer_in_hand_stays_active_also_in_3d(viewer):
    """napari 0.9.2 fails where labels become active in 3D before the mouse has moved."""
    image = viewer.add_image(np.zeros((4, 5, 6)), name="CT")
    viewer.dims.ndisplay = 3
    told = []
    viewer.layers.selection.events.active.connect(lambda event: told.append(event.value))
    add_layers(viewer, blocks(Labels))
    assert viewer.layers.selection.active is image and set(viewer.layers.selection) == {image}
    assert not [one for one in told if isinstance(one, Labels)]
    add_layers(viewer, blocks(Image, 1), active=viewer.layers["Labels 0"])
    assert viewer.layers.selection.active is viewer.layers["Labels 0"]


def test_a_cut_lies_where_it_is_meant_not_at_a_sliders_step(viewer, scan):
    add(viewer, scan_layers(scan, name="CT"))
    display = display_of(viewer)
    link_of(viewer)
    focus = focus_of(viewer)
    focus.set_cursor((0.0, 0.0, 0.0))
    cuts = []
    viewer.layers["CT"].events.set_data.connect(lambda event: cuts.append(1))
    place = (3.3, -4.7, 5.31)  # slices lie 2 mm apart
    display.cut_at(place[::-1])
    np.testing.assert_allclose(to_lps(viewer.dims.point), place)
    np.testing.assert_allclose(focus.cursor_lps[2], place[2])
    assert len(cuts) == 1
    slider = viewer.window._qt_viewer.dims.slider_widgets[0].slider
    assert slider.value() == viewer.dims.current_step[0] and not slider.signalsBlocked()
    slider.setValue(slider.value() + 3)
    assert focus.cursor_lps[2] > place[2] + 3.0, "who moves the slider moves the cut"
