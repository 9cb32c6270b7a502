"""The dock in a real window: left is left, the mouse turns, limits hold, views follow what is chosen."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from napari.qt.threading import WorkerBase
from napari.utils.notifications import notification_manager
from PIL import Image
from qtpy.QtCore import QEvent, QObject, QPointF, Qt
from qtpy.QtGui import QMouseEvent

from napari_cement._focus import Aim, CementShown, Chosen, Shown, focus_of
from napari_cement.widgets.fluoroscopy import FluoroscopyDock
from napari_cement.widgets.fluoroscopy.picture_saver import PictureSaver
from planner.fluoro.overlay import draw
from planner.model.plan import Review
from planner.model.volume import Mask
from planner.station.carm import turning

PATIENCE_MS = 60_000


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def dock(viewer, qtbot):
    made = FluoroscopyDock(viewer)
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()
    WorkerBase.await_workers(PATIENCE_MS)


@pytest.fixture
def settle(qtbot, dock):
    def wait():
        def rests():
            shown = dock.carm.picture
            return (
                shown is not None
                and shown.carm == dock.carm.carm
                and shown.radiograph.carm == shown.carm
                and not dock.carm._latest.is_running
                and not dock.carm._rest.isActive()
            )

        qtbot.waitUntil(rests, timeout=PATIENCE_MS)
        return dock.carm.picture

    return wait


def show(viewer, scan, plan=None, labels=None):
    focus_of(viewer).set_shown(Shown(scan, plan, labels))


def shown_grey(dock):
    image = dock.picture.image
    packed = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return packed[:, : image.width()]


def on_screen(dock, pixel):
    """Give the grey value that is painted where a pixel of the picture lies."""
    dock.repaint()
    at = dock.picture.place_of(pixel)
    return dock.picture.grab().toImage().pixelColor(round(at.x()), round(at.y())).lightness()


def drag(widget, right, down):
    start, end = QPointF(100.0, 100.0), QPointF(100.0 + right, 100.0 + down)
    for kind, at, buttons in (
        (QEvent.Type.MouseButtonPress, start, Qt.MouseButton.LeftButton),
        (QEvent.Type.MouseMove, end, Qt.MouseButton.LeftButton),
        (QEvent.Type.MouseButtonRelease, end, Qt.MouseButton.NoButton),
    ):
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
        event = QMouseEvent(kind, at, at, button, buttons, Qt.KeyboardModifier.NoModifier)
        {
            QEvent.Type.MouseButtonPress: widget.mousePressEvent,
            QEvent.Type.MouseMove: widget.mouseMoveEvent,
            QEvent.Type.MouseButtonRelease: widget.mouseReleaseEvent,
        }[kind](event)


def test_the_patients_left_is_shown_left_however_the_ct_is_stored(dock, viewer, marked_scan, settle):
    """A dense ball lies at the left, in front, above: from the front it is at the right and up."""
    show(viewer, marked_scan)
    settle()
    dock.carm.look(next(view for view in dock.carm.views if view.name == "AP"))
    centre = dock.carm.carm.model_copy(update={"isocentre_lps": (0.0, 0.0, 0.0)})
    dock.carm._turn(centre)
    settle()
    for primary, side in ((0.0, 1), (180.0, -1)):
        dock.hold.setChecked(False)
        dock.setValue(primary, 0.0)
        picture = settle()
        dense = picture.radiograph.shadows.bone_mm
        ball = np.argwhere(dense > 0.5 * dense.max())
        row, column = ball.mean(axis=0) - np.array(picture.grey.shape) / 2
        assert row < -10
        assert side * column > 10
        assert on_screen(dock, ball.mean(axis=0)) < 100, "the ball is dark on the screen, too"
        assert side * (dock.picture.place_of(ball.mean(axis=0)).x() - dock.picture.width() / 2) > 10
        words = [s for layer in picture.layers if layer.name == "frame" for s in layer.shapes if hasattr(s, "text")]
        column_of = {word.text: word.pixel[1] for word in words if word.text in ("L", "R")}
        row_of = {word.text: word.pixel[0] for word in words if word.text in ("S", "I")}
        assert side * (column_of["L"] - column_of["R"]) > 100
        assert row_of["I"] - row_of["S"] > 100


def test_without_a_ct_it_says_so(dock, viewer, plan):
    assert dock.picture.image is None
    assert "CT" in dock.picture.words
    show(viewer, None, plan)
    assert dock.picture.image is None
    assert dock.value() is None
    dock.save_to(Path("x.png"))
    assert "no picture" in dock.message.text()


def test_the_mouse_turns_it_and_the_gantry_holds_it(dock, viewer, scan, plan, labels, settle):
    show(viewer, scan, plan, labels)
    settle()
    dock.carm.look(dock.carm.views[0])
    settle()
    before = dock.value()
    drag(dock.picture, 30.0, 0.0)
    after = dock.value()
    assert after.primary_deg != before.primary_deg
    assert after.secondary_deg == pytest.approx(before.secondary_deg, abs=1e-6)
    drag(dock.picture, 0.0, 5000.0)
    assert dock.value().secondary_deg == pytest.approx(50.0, abs=1e-3)
    dock.hold.setChecked(False)
    drag(dock.picture, 0.0, 60.0)
    settle()
    assert dock.value().secondary_deg > 50.0
    assert "DOES NOT REACH" in dock.reach.text()


def test_sliders_and_numbers_show_what_is_dialled_and_set_it(dock, viewer, scan, plan, labels, settle):
    show(viewer, scan, plan, labels)
    settle()
    dock.angles.primary.setValue(-20)
    assert (dock.value().primary_deg, dock.carm.carm.primary_deg) == pytest.approx((-20.0, 160.0))
    settle()
    assert dock.angles.primary_said.text() == "RAO 20"
    assert "LAO 160" in dock.dial_words.text()
    dock.angles.secondary_number.setValue(12.5)
    assert dock.value().secondary_deg == pytest.approx(12.5)
    assert dock.angles.primary.reach == (-117, 105)


def test_where_nobody_said_how_the_patient_lies_no_reach_is_shown(dock, viewer, scan, plan, labels, settle):
    show(viewer, scan, plan.model_copy(update={"treatment_position": None}), labels)
    settle()
    dock._show_angles()
    assert dock.angles.primary.reach is None
    assert "not known" in dock.reach.text()


def test_it_follows_what_is_chosen_unless_it_is_pinned(dock, viewer, scan, plan, labels, settle):
    focus = focus_of(viewer)
    show(viewer, scan, plan, labels)
    settle()
    focus.set_chosen(Chosen("breach", "breach-1"))
    assert (dock.carm.carm.primary_deg, dock.carm.carm.secondary_deg) == (20.0, -10.0)
    focus.set_chosen(Chosen("needle", "trajectory-1"))
    needle = dock.carm.carm
    assert (needle.primary_deg, needle.secondary_deg) != (20.0, -10.0)
    dock.follow.setChecked(False)
    focus.set_chosen(Chosen("breach", "breach-1"))
    assert dock.carm.carm == needle
    dock.centre.click()
    assert dock.carm.carm.isocentre_lps == plan.breaches[0].centroid_lps
    assert dock.carm.carm.primary_deg == needle.primary_deg


def test_overlays_are_switched_and_ones_own_needle_and_cement_are_drawn(dock, viewer, scan, plan, labels, settle):
    focus = focus_of(viewer)
    show(viewer, scan, plan, labels)

    def drawn():
        return {layer.name for layer in settle().layers if layer.shapes}

    assert {"breaches", "simulated"} <= drawn()
    dock.drawn["breaches"].setChecked(False)
    focus.set_aim(Aim(((20.0, 20.0, 10.0), (5.0, 0.0, 0.0)), 2.0, None))
    names = drawn()
    assert "breaches" not in names
    assert "own needle" in names
    where = np.zeros(scan.volume.grid.shape, bool)
    where[20:30, 25:35, 30:40] = True
    focus.set_cement(CementShown("gap-1", 1.2, Mask(scan.volume.grid, where)))
    assert "cement at 1.2 mL" in drawn()
    assert dock.carm.picture.has_cement
    focus.set_cement(None)
    assert not any("cement" in name for name in drawn())


def test_a_picture_of_the_case_before_is_dropped(dock, viewer, scan, plan, labels, settle, qtbot):
    show(viewer, scan, plan, labels)
    settle()
    dock.setValue(30.0, 0.0)
    show(viewer, None)
    assert dock.picture.image is None
    qtbot.waitUntil(lambda: not dock.carm._latest.is_running, timeout=PATIENCE_MS)
    assert dock.picture.image is None


def test_a_view_is_saved_as_it_is_shown(dock, viewer, scan, plan, labels, settle, qtbot, tmp_path):
    show(viewer, scan, plan, labels)
    settle()
    dock.save_to(tmp_path / "view")
    qtbot.waitUntil(lambda: "Saved" in dock.message.text(), timeout=PATIENCE_MS)
    kept = np.asarray(Image.open(tmp_path / "view.png").convert("RGB"))
    np.testing.assert_array_equal(kept, draw(dock.carm.picture.grey, dock.carm.picture.layers))
    np.testing.assert_array_equal(shown_grey(dock), dock.carm.picture.grey)
    dock.save_to(tmp_path / "view.dcm")
    qtbot.waitUntil(lambda: "no DICOM series" in dock.message.text(), timeout=PATIENCE_MS)
    assert [file.name for file in tmp_path.iterdir()] == ["view.png"]


@pytest.fixture
def held(monkeypatch):
    """Holds pictures back that are to be written."""
    gate, begun, write = threading.Event(), threading.Event(), turning.save_picture

    def save_picture(*args):
        begun.set()
        gate.wait(PATIENCE_MS / 1000)
        write(*args)

    monkeypatch.setattr(turning, "save_picture", save_picture)
    gate.begun = begun
    yield gate
    gate.set()


@pytest.mark.parametrize("meanwhile", ["another plan", "a review", "asleep", "another picture", "closed"])
def test_no_picture_that_was_to_be_saved_is_dropped(
    dock, viewer, scan, plan, labels, settle, qtbot, tmp_path, held, meanwhile
):
    show(viewer, scan, plan, labels)
    settle()
    shown = [drawn(dock)]
    dock.save_to(tmp_path / "first.png")
    dock.setValue(25.0, 5.0)
    settle()
    shown.append(drawn(dock))
    assert not np.array_equal(*shown)
    dock.save_to(tmp_path / "second.png")
    qtbot.waitUntil(held.begun.is_set, timeout=PATIENCE_MS)
    assert list(tmp_path.iterdir()) == []
    if meanwhile == "another plan":
        show(viewer, scan, plan.model_copy(), labels)
    elif meanwhile == "a review":
        focus_of(viewer).set_review(Review(state="edited"))
    elif meanwhile == "asleep":
        dock.hide()
    elif meanwhile == "another picture":
        dock.setValue(10.0, 0.0)
        assert settle().console_deg == pytest.approx((10.0, 0.0), abs=1e-4), "turning waits for no writing"
    held.set()
    if meanwhile == "closed":
        viewer.close()
        assert sorted(file.name for file in tmp_path.iterdir()) == ["first.png", "second.png"], "it waits for them"
    names = lambda: sorted(file.name for file in tmp_path.iterdir())  # noqa: E731
    qtbot.waitUntil(lambda: names() == ["first.png", "second.png"], timeout=PATIENCE_MS)
    for name, picture in zip(names(), shown, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / name).convert("RGB")), picture)


def drawn(dock):
    return np.asarray(draw(dock.carm.picture.grey, dock.carm.picture.layers))


def test_a_picture_is_written_and_told_though_its_dock_is_removed_meanwhile(viewer, qtbot, tmp_path):
    dock, told, gate = QObject(), [], threading.Event()
    saver = PictureSaver(viewer, told.append, while_there=dock)
    path = tmp_path / "view.png"

    def write():
        gate.wait(PATIENCE_MS / 1000)
        path.write_bytes(b"a picture")

    saver.save(path, write)
    with qtbot.waitSignal(dock.destroyed, timeout=PATIENCE_MS):
        dock.deleteLater()
    gate.set()
    notes = lambda: [notification.message for notification in notification_manager.records]  # noqa: E731
    qtbot.waitUntil(lambda: "Saved view.png." in notes(), timeout=PATIENCE_MS)
    assert path.exists() and told == [], "nobody is told through what has gone"


def test_nothing_is_said_of_another_patients_view(dock, viewer, scan, plan, labels, settle, qtbot):
    show(viewer, scan, plan, labels)
    settle()
    dock.setValue(170.0, 0.0)
    settle()
    qtbot.waitUntil(lambda: dock.dial_words.text() != "" and dock.message.text() != "", timeout=PATIENCE_MS)
    show(viewer, scan, plan.model_copy(), labels)
    assert dock.dial_words.text() != "", "it stands where it stood"
    show(viewer, replace(scan), plan, labels)
    assert (dock.dial_words.text(), dock.reach.text(), dock.message.text()) == ("", "", "")


def test_nothing_runs_while_nobody_looks(dock, viewer, scan, plan, labels, settle, qtbot):
    show(viewer, scan, plan, labels)
    settle()
    dock.hide()
    dock.setValue(10.0, 0.0)
    assert not dock.carm._rest.isActive()
    qtbot.waitUntil(lambda: not dock.carm._latest.is_running, timeout=PATIENCE_MS)
    dock.show()
    assert settle().console_deg == pytest.approx((10.0, 0.0), abs=1e-4)


def test_a_better_view_is_looked_for_and_said(dock, viewer, scan, plan, labels, settle, qtbot):
    show(viewer, scan, plan, labels)
    settle()
    dock.message.setText("")
    dock.better.click()
    qtbot.waitUntil(lambda: "gap-1" in dock.message.text(), timeout=PATIENCE_MS)
