"""One painted cut: where the patient's left is in the picture, and what the mouse does."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QImage, QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_cement._focus import Handle
from napari_cement.widgets.slices import slice_drawing
from napari_cement.widgets.slices.content import Content
from napari_cement.widgets.slices.slice_view import SliceView
from planner.station.reslice.course import Course
from planner.station.reslice.cuts import View, needle_views, patient_views
from planner.station.reslice.slices import colours_of
from planner.station.reslice.windows import WINDOWS
from tests.napari_cement.conftest import MARKER_LPS

SIZE = 300
MIDDLE = QPoint(SIZE // 2, SIZE // 2)
PATIENT = {"axial": (0, (1, -1)), "coronal": (1, (1, -1)), "sagittal": (2, (-1, -1))}
NEEDLES = {
    "from behind": ((0, 60, 9), (-1, -1)),
    "from the left": ((60, 0, 9), (-1, -1)),
    "from the front": ((0, -60, 9), (1, -1)),
}


@pytest.fixture
def view(qtbot):
    view = SliceView()
    qtbot.addWidget(view)
    view.resize(SIZE, SIZE)
    return view


def painted(view):
    image = QImage(SIZE, SIZE, QImage.Format.Format_RGB888)
    view.render(image)
    bits = image.constBits()
    if hasattr(bits, "setsize"):
        bits.setsize(image.sizeInBytes())  # PyQt's pointer knows no size
    rows = np.frombuffer(bits, np.uint8, SIZE * image.bytesPerLine()).reshape(SIZE, -1)
    return rows[:, : 3 * SIZE].reshape(SIZE, SIZE, 3).copy()


def side_of_marker(view):
    """Say on which side of the picture's middle the bright blob is: (right, down), each -1 or 1."""
    rows, columns = np.nonzero(painted(view).min(axis=-1) > 240)
    assert len(rows) > 1000, "the marker is not in the picture"
    right, down = np.median(columns) - SIZE / 2, np.median(rows) - SIZE / 2
    assert min(abs(right), abs(down)) > 10, "the marker is at the middle: no side to tell"
    return int(np.sign(right)), int(np.sign(down))


def letters_painted(view, monkeypatch):
    """Give the letters by the edge that they are painted at."""
    written = {}

    def write(painter, text, at_px, anchor, **kwargs):
        x, y = at_px
        if y == SIZE / 2:
            written["left" if x == 0.0 else "right"] = text
        elif x == SIZE / 2:
            written["bottom" if y == SIZE else "top"] = text

    monkeypatch.setattr(slice_drawing, "write", write)
    painted(view)
    return written


def show(view, volume, shown, others=()):
    view.set_content(Content(volume=volume))
    view.look_at(shown.cut.centre_lps * 0.0, half_mm=(50.0, 50.0))
    view.set_view(shown, others)


def agree(letters, side):
    """The marker lies at the left, in front, above: say that the letters on its side of the picture name that."""
    horizontal = letters["right" if side[0] > 0 else "left"]
    vertical = letters["bottom" if side[1] > 0 else "top"]
    return horizontal in ("L", "A", "S") and vertical in ("L", "A", "S")


@pytest.mark.parametrize("name", PATIENT)
def test_left_is_right_in_patient_cuts(view, marked_scan, name, monkeypatch):
    number, side = PATIENT[name]
    show(view, marked_scan.volume, patient_views(MARKER_LPS, half_mm=1.0)[number])
    assert side_of_marker(view) == side
    assert agree(letters_painted(view, monkeypatch), side)


@pytest.mark.parametrize("name", NEEDLES)
def test_the_needles_eye_is_not_mirrored(view, marked_scan, name, monkeypatch):
    start, side = NEEDLES[name]
    course = Course(np.array([start, (0, 0, 9)], dtype=float))
    course = Course(np.array([start, course.at(130.0)]))
    show(view, marked_scan.volume, needle_views(course, course.depth_of(MARKER_LPS), half_mm=1.0)[0])
    assert side_of_marker(view) == side
    assert agree(letters_painted(view, monkeypatch), side)


def test_a_mirrored_cut_would_be_seen(view, scan, monkeypatch):
    """The tests above can fail."""
    shown = patient_views(MARKER_LPS, half_mm=1.0)[0]
    show(view, scan.volume, View(shown.name, "mirrored", replace(shown.cut, right_lps=-shown.cut.right_lps)))
    assert side_of_marker(view) == (-1, -1)


def test_zoom_and_pan_never_mirror(view, scan):
    show(view, scan.volume, patient_views(MARKER_LPS, half_mm=1.0)[0])
    before = view.cut
    view.zoom(1.5, QPointF(200.0, 100.0))
    after = view.cut
    assert np.array_equal(before.right_lps, after.right_lps) and np.array_equal(before.down_lps, after.down_lps)
    assert after.half_mm[0] == pytest.approx(before.half_mm[0] / 1.5)


def test_nothing_is_shown_without_a_view(view):
    assert not view.shows((0, 0, 0)) and view.cut is None
    assert painted(view)[5, 5].tolist() == [0, 0, 0]


def test_a_click_and_a_drag_give_the_place(view, scan, qtbot):
    show(view, scan.volume, patient_views((0.0, 0.0, 7.0), half_mm=1.0)[0])
    heard = []
    view.pointed.connect(heard.append)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=MIDDLE)
    assert np.allclose(heard[-1], (0.0, 0.0, 7.0), atol=0.4)
    qtbot.mouseMove(view, MIDDLE + QPoint(60, 30))
    move(view, MIDDLE + QPoint(60, 30), Qt.MouseButton.LeftButton)
    assert np.allclose(heard[-1], (20.0, 10.0, 7.0), atol=0.4), "left is right, down is back"
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=MIDDLE + QPoint(60, 30))


def move(view, to, button, modifiers=Qt.KeyboardModifier.NoModifier):
    """Send a move with a button held down: Qt's own test moves hold none."""
    from qtpy.QtCore import QEvent
    from qtpy.QtGui import QMouseEvent

    at = QPointF(to)
    QApplication.sendEvent(
        view, QMouseEvent(QEvent.Type.MouseMove, at, view.mapToGlobal(at), button, button, modifiers)
    )


def turn(view, notches, modifiers=Qt.KeyboardModifier.NoModifier, at=MIDDLE):
    event = QWheelEvent(
        QPointF(at),
        view.mapToGlobal(QPointF(at)),
        QPoint(0, 0),
        QPoint(0, round(120 * notches)),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def test_the_wheel_steps_and_with_ctrl_zooms(view, scan):
    show(view, scan.volume, patient_views((0.0, 0.0, 7.0), half_mm=1.0)[0])
    heard = []
    view.stepped.connect(heard.append)
    turn(view, 2)
    turn(view, -1)
    turn(view, 0.5)
    assert heard == [2, -1], "half a notch waits for its other half"
    turn(view, 0.5)
    assert heard == [2, -1, 1]
    place, half = view._place(QPointF(220.0, 90.0)), view.cut.half_mm[0]
    turn(view, 3, Qt.KeyboardModifier.ControlModifier, QPoint(220, 90))
    assert view.cut.half_mm[0] < half and len(heard) == 3
    assert np.allclose(view._place(QPointF(220.0, 90.0)), place), "what is under the mouse stays there"


def test_the_middle_button_pans_and_the_right_one_sets_the_window(view, scan, qtbot):
    show(view, scan.volume, patient_views((0.0, 0.0, 7.0), half_mm=1.0)[0])
    place = view._place(QPointF(MIDDLE))
    qtbot.mousePress(view, Qt.MouseButton.MiddleButton, pos=MIDDLE)
    move(view, MIDDLE + QPoint(40, -25), Qt.MouseButton.MiddleButton)
    assert np.allclose(view._place(QPointF(MIDDLE + QPoint(40, -25))), place)
    qtbot.mouseRelease(view, Qt.MouseButton.MiddleButton, pos=MIDDLE + QPoint(40, -25))
    heard = []
    view.windowChanged.connect(heard.append)
    qtbot.mousePress(view, Qt.MouseButton.RightButton, pos=MIDDLE)
    move(view, MIDDLE + QPoint(30, 10), Qt.MouseButton.RightButton)
    qtbot.mouseRelease(view, Qt.MouseButton.RightButton, pos=MIDDLE + QPoint(30, 10))
    assert heard == [WINDOWS["bone"].dragged(30.0, 10.0)] and view.value() == heard[0]


def test_keys_step_and_zoom(view, scan, qtbot):
    show(view, scan.volume, patient_views((0.0, 0.0, 7.0), half_mm=1.0)[0])
    heard = []
    view.stepped.connect(heard.append)
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp):
        qtbot.keyClick(view, key)
    assert heard == [1, -1, 1]
    half = view.cut.half_mm[0]
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.cut.half_mm[0] < half


def test_a_handle_is_dragged_in_its_own_depth(view, scan, qtbot):
    show(view, scan.volume, patient_views((0.0, 0.0, 7.0), half_mm=1.0)[0])
    view.set_handles((Handle("entry", (0.0, 0.0, 8.5)), Handle("tip", (30.0, 0.0, 60.0))))
    moved, pointed, dropped = [], [], []
    view.dragged.connect(lambda name, point: moved.append((name, point)))
    view.pointed.connect(pointed.append)
    view.dropped.connect(lambda: dropped.append(1))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=MIDDLE)
    move(view, MIDDLE + QPoint(60, 0), Qt.MouseButton.LeftButton)
    assert moved[-1][0] == "entry" and np.allclose(moved[-1][1], (20.0, 0.0, 8.5), atol=0.4)
    assert view.is_dragging and not pointed
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=MIDDLE)
    assert dropped == [1] and not view.is_dragging
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=MIDDLE + QPoint(90, 0))
    assert pointed and not view.is_dragging, "a handle far from the cut is not taken"
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=MIDDLE + QPoint(90, 0))


def test_a_resized_view_shows_the_same(view, scan):
    show(view, scan.volume, patient_views((0.0, 0.0, 7.0), half_mm=1.0)[0])
    view.resize(600, 300)
    view.show()
    assert view.cut.half_mm == pytest.approx((100.0, 50.0))
    view.zoom(2.0, QPointF(10.0, 10.0))
    half = view.cut.half_mm[1]
    view.resize(600, 600)
    assert view.cut.half_mm[1] == pytest.approx(2.0 * half), "what the user zoomed keeps its scale"


def test_structures_needles_and_breaches_are_painted(view, scan, plan, labels):
    shown = patient_views((12.0, 0.0, 6.0), half_mm=1.0)[0]
    show(view, scan.volume, shown)
    bare = painted(view)
    content = Content(volume=scan.volume, labels=labels, table=colours_of(labels))
    view.set_content(content)
    with_structures = painted(view)
    view.set_content(replace(content, plan=plan))
    with_breach = painted(view)
    view.set_content(replace(content, plan=plan, ways=plan.trajectories[:1]))
    with_needle = painted(view)
    view.set_content(replace(content, plan=plan, hidden=frozenset({"breach-1"})))
    without_breach = painted(view)
    assert np.any(bare != with_structures)
    assert np.any(with_structures != with_breach) and np.any(with_breach != with_needle)
    assert np.array_equal(without_breach, with_structures)


def test_the_note_on_review_is_painted(view, scan, monkeypatch):
    show(view, scan.volume, patient_views((0.0, 0.0, 7.0), half_mm=1.0)[0])
    view.set_content(Content(volume=scan.volume, note="UNREVIEWED PLAN"))
    written = []
    monkeypatch.setattr(slice_drawing, "write", lambda painter, text, *args, **kwargs: written.append(text))
    painted(view)
    assert "UNREVIEWED PLAN" in written and "axial" in written and "L 400 W 2000" in written
    assert any(text.endswith(" mm") for text in written), "the scale"
