import numpy as np
import pytest

from napari_cement._display import display_of
from napari_cement._focus import Chosen, Shown, focus_of
from napari_cement._layers import scan_layers
from napari_cement._session import session_of
from napari_cement.drawn.cursor_layer import BREACH_NAME, NAME
from planner.station.surfaces import surfaces_of


@pytest.fixture
def viewer(make_napari_viewer, scan, plan, labels):
    viewer = make_napari_viewer()
    session = session_of(viewer)
    display_of(viewer).add(scan_layers(scan, name="CT"))
    session.show(Shown(scan, plan, labels, surfaces=surfaces_of(plan, labels)))
    return viewer


def test_the_cursor_is_a_cross_in_3d_where_it_is_told(viewer):
    active = viewer.layers.selection.active
    focus_of(viewer).set_cursor((10.0, -5.0, 4.0))
    assert NAME not in viewer.layers, "cuts have their lines"
    display_of(viewer).show("3d")
    np.testing.assert_allclose(viewer.layers[NAME].data, [[4.0, -5.0, 10.0]])
    assert viewer.layers[NAME].visible and viewer.layers.selection.active is active
    focus_of(viewer).set_cursor((11.0, -5.0, 4.0))
    np.testing.assert_allclose(viewer.layers[NAME].data, [[4.0, -5.0, 11.0]])
    display_of(viewer).show("axial")
    assert not viewer.layers[NAME].visible
    display_of(viewer).show("3d")
    assert viewer.layers[NAME].visible


def test_no_cursor_no_cross(viewer):
    display_of(viewer).show("3d")
    focus_of(viewer).set_cursor((10.0, -5.0, 4.0))
    focus_of(viewer).set_cursor(None)
    assert len(viewer.layers[NAME].data) == 0


def test_without_surfaces_the_ct_stays_seen_in_3d(make_napari_viewer, scan, plan):
    viewer = make_napari_viewer()
    session_of(viewer)
    display_of(viewer).add(scan_layers(scan, name="CT"))
    focus_of(viewer).set_cursor((10.0, -5.0, 4.0))
    display_of(viewer).show("3d")
    assert NAME not in viewer.layers and viewer.layers["CT"].visible


def ring(viewer):
    return [tuple(point) for point in viewer.layers[BREACH_NAME].data] if BREACH_NAME in viewer.layers else []


def test_the_chosen_breach_has_a_ring_in_3d_wherever_the_cursor_goes(viewer, plan):
    focus, breach = focus_of(viewer), plan.breaches[0]
    at = pytest.approx(breach.centroid_lps[::-1])
    focus.set_chosen(Chosen("breach", breach.id))
    assert ring(viewer) == [], "cuts show it themselves"
    display_of(viewer).show("3d")
    assert ring(viewer) == [at] and viewer.layers[BREACH_NAME].visible
    focus.set_cursor((11.0, -5.0, 4.0))
    assert ring(viewer) == [at] and len(viewer.layers[NAME].data) == 1
    focus.set_cursor(breach.centroid_lps)
    assert ring(viewer) == [at] and len(viewer.layers[NAME].data) == 0, "the cross would hide the breach"
    display_of(viewer).show("axial")
    assert not viewer.layers[BREACH_NAME].visible


def test_what_is_no_breach_or_hidden_has_no_ring(viewer, plan):
    focus, breach = focus_of(viewer), plan.breaches[0]
    display_of(viewer).show("3d")
    for chosen in (Chosen("gap", breach.gap_id), Chosen("breach", "breach-99"), None):
        focus.set_chosen(chosen)
        assert ring(viewer) == []
    focus.set_chosen(Chosen("breach", breach.id))
    assert len(ring(viewer)) == 1
    focus.set_hidden(frozenset({breach.id}))
    assert ring(viewer) == []
    focus.set_hidden(frozenset())
    assert len(ring(viewer)) == 1
    focus.set_chosen(Chosen("gap", breach.gap_id))
    assert ring(viewer) == []
