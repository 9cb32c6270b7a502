"""A whole visit with the real planner: a CT is dropped, planned on, edited, approved, saved, and opened again."""

from contextlib import contextmanager

import numpy as np
import pytest
from napari.qt.threading import WorkerBase

from napari_cement._focus import Chosen, focus_of
from napari_cement._layers import origin_of
from napari_cement._session import session_of
from napari_cement._station import open_station
from napari_cement.widgets.opening.opening import opening_of
from napari_cement.widgets.saving.saving import saving_of
from planner.geometry.grid import Grid
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.phantoms.case import design, make
from planner.station.keeping.plan_folder import has_given_gaps

PATIENCE_MS = 300_000
LOW_LPS, HIGH_LPS, SPACING_MM = (-45.0, -35.0, -22.0), (48.0, 72.0, 26.0), 1.5
"""Coarse, so that little is planned on.

Of the lumbar phantom: L4 with a loose screw on the left and a firm one on the right, rods, canal, and a breach."""


@pytest.fixture
def ct(tmp_path):
    folder = tmp_path / "ct"
    shape = tuple(int((high - low) / SPACING_MM) for low, high in zip(LOW_LPS[::-1], HIGH_LPS[::-1], strict=True))
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag([SPACING_MM] * 3)[:, ::-1]
    matrix[:3, 3] = LOW_LPS
    scanned = make("lumbar", grid=Grid(shape, matrix), settings=design("lumbar").ideal)
    folder.mkdir()
    write_ct_series(scanned.volume, folder, identity=SeriesIdentity(seed="visit"))
    return folder


@pytest.fixture
def visit(make_napari_viewer, qtbot):
    """A station in a window that is seen."""

    def make_one():
        viewer = make_napari_viewer(show=True)
        viewer.window._qt_window.resize(1900, 1050)
        return viewer, open_station(viewer)

    yield make_one
    WorkerBase.await_workers(PATIENCE_MS)


@contextmanager
def waiting_for(qtbot, signal, *refusals):
    """Wait for a signal of what is begun here; a refusal, or a difference, ends the wait and is told."""
    told = []
    signal.connect(lambda *_: told.append(None))
    for refused in refusals:
        refused.connect(told.append)
    yield
    qtbot.waitUntil(lambda: len(told) > 0, timeout=PATIENCE_MS)
    assert told[0] is None


def choose(station, chosen):
    station.panel.tree.setCurrentItem(station.panel.tree._item(chosen))


def paint_beside(layer, code):
    """Paint one voxel more of a gap, at its last end."""
    z, y, x = np.argwhere(np.asarray(layer.data) == code)[-1]
    layer.selected_label, layer.brush_size = code, 1
    layer.paint((z, y, x + 1), code)
    assert layer.data[z, y, x + 1] == code


def scene_of(viewer):
    """What layers of the plan show: by name, what each is and whether it is seen."""
    focus, made = focus_of(viewer), {}
    for layer in viewer.layers:
        origin = origin_of(layer)
        if origin is not None and origin.plan is focus.shown.plan:
            made[layer.name] = layer.visible, layer.data
    return made


def assert_same_scene(before, now):
    # 3D's layers lie in no cut: their order among the others is nothing that is seen.
    for in_3d in (True, False):
        was, is_now = ([name for name in one if name.endswith("(3D)") is in_3d] for one in (before, now))
        assert was == is_now and was
    for name, (was_seen, was) in before.items():
        is_seen, data = now[name]
        assert is_seen == was_seen, name
        parts = zip(was, data, strict=True) if isinstance(was, list | tuple) else [(was, data)]
        for one, other in parts:
            np.testing.assert_allclose(np.asarray(one), np.asarray(other), atol=1e-4, err_msg=name)


def test_what_was_planned_edited_and_approved_opens_as_it_was(qtbot, visit, ct, tmp_path):
    viewer, station = visit()
    panel, focus, session = station.panel, focus_of(viewer), session_of(viewer)
    with waiting_for(qtbot, session.loaded, session.failed):
        viewer.open(str(ct), plugin="periprosthetic-cement-planner")
    with waiting_for(qtbot, session.planned, session.failed):
        panel.plan_button.click()

    first = focus.shown.plan
    gap, way = first.gaps[0], next(way for way in first.trajectories if not way.slides_along_implant)
    choose(station, Chosen("needle", way.id))
    panel.lock_button.click()
    choose(station, Chosen("gap", gap.id))
    panel.wishes.here_button.click()
    wishes = session.wishes
    assert (len(wishes.locked), len(wishes.targets)) == (1, 1)

    panel.wishes.painting.take_button.click()
    layer = panel.wishes.painting.brush.layer
    (code,) = (code for code, name in panel.wishes.painting.brush.names().items() if name == gap.id)
    paint_beside(layer, code)
    with waiting_for(qtbot, session.planned, session.failed):
        panel.wishes.painting.recompute_button.click()
    plan = focus.shown.plan
    (held,) = (way for way in plan.trajectories if way.locked)
    assert plan is not first
    assert has_given_gaps(plan) and not has_given_gaps(first), "made from what was painted"
    assert panel.wishes.painting.recompute.is_older is False
    assert plan.gaps[0].volume_ml != first.gaps[0].volume_ml

    choose(station, Chosen("needle", held.id))
    focus.set_hidden(frozenset((plan.breaches[0].id,)))
    panel.saving.review_button.click()
    dialog = panel.saving.dialog
    dialog.name.setText("A. Surgeon")
    for box in (dialog.patient_box, *dialog.place_boxes.values(), *dialog.unsafe_boxes.values()):
        box.setChecked(True)
    dialog.approve_button.click()
    with waiting_for(qtbot, saving_of(viewer).saved, saving_of(viewer).failed):
        panel.saving.save(tmp_path / "out")
    approved, before = focus.shown.plan, scene_of(viewer)
    assert approved.review.state == "approved" and before
    left = focus.cursor_lps, focus.chosen, focus.hidden
    viewer.close()

    viewer, station = visit()
    focus, opening = focus_of(viewer), opening_of(viewer)
    with waiting_for(qtbot, opening.live, opening.differs, opening.ctWanted, session_of(viewer).failed):
        # As a drop does, but for napari's progress: that still tells the dialog of the window that was closed.
        opening.open(tmp_path / "out")
    assert focus.shown.plan == approved
    assert focus.shown.case is not None, "its needles can be moved"
    assert session_of(viewer).wishes == wishes
    assert (focus.cursor_lps, focus.chosen, focus.hidden) == left
    assert "approved by A. Surgeon" in viewer.canvas.overlays.text.text
    assert "approved by A. Surgeon" in station.panel.review.text()
    qtbot.waitUntil(lambda: len(scene_of(viewer)) >= len(before), timeout=PATIENCE_MS)
    assert_same_scene(before, scene_of(viewer))
