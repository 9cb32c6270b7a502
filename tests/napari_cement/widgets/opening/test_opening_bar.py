"""Opening by hand: the series are offered, recent cases listed, drops are loaded in the background and never mixed."""

import threading
from pathlib import Path

import pydicom
import pytest
from napari.qt.threading import WorkerBase
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialogButtonBox

from napari_cement._focus import focus_of
from napari_cement._reader import get_reader
from napari_cement._session import session_of
from napari_cement._station import dock_there
from napari_cement.widgets import PlanWidget
from napari_cement.widgets.opening import opening as opening_module
from napari_cement.widgets.opening.opening import opening_of
from napari_cement.widgets.opening.opening_bar import OpeningBar
from napari_cement.widgets.opening.series_dialog import SeriesDialog
from planner.io import inspect_input
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.io.plan_json import save_plan
from planner.progress import check_cancelled
from planner.station.keeping.recent import RecentCases

PATIENCE_MS = 60_000


@pytest.fixture
def make_ct(tmp_path, scan):
    def make(name):
        folder = tmp_path / name
        folder.mkdir()
        write_ct_series(scan.volume, folder, identity=SeriesIdentity(seed=name))
        return folder

    return make


@pytest.fixture
def two_series(make_ct):
    """One folder with two series of one patient, the second by a sharper kernel."""
    folder, other = make_ct("study"), make_ct("other")
    study = pydicom.dcmread(next(folder.iterdir()))
    for file in sorted(other.iterdir()):
        image = pydicom.dcmread(file)
        image.StudyInstanceUID, image.FrameOfReferenceUID = study.StudyInstanceUID, study.FrameOfReferenceUID
        image.PatientID, image.PatientName = study.PatientID, study.PatientName
        image.SeriesNumber, image.ConvolutionKernel = 7, "B70"
        image.save_as(folder / f"other-{file.name}")
    return folder


@pytest.fixture
def bar(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    made = OpeningBar(viewer)
    qtbot.addWidget(made)
    made.viewer = viewer
    yield made
    WorkerBase.await_workers(PATIENCE_MS)


def test_several_series_are_offered_and_the_chosen_one_is_loaded(bar, qtbot, two_series):
    with qtbot.waitSignal(bar.opening.choiceWanted, timeout=PATIENCE_MS):
        bar.opening.open(two_series)
    dialog = bar.dialog
    assert dialog.isVisible() and not list(bar.viewer.layers), "nothing is loaded before the answer"
    best = inspect_input(two_series).chosen_series
    assert dialog.value() == best, "the planner's own choice is marked"
    other = next(row for row in range(dialog.table.rowCount()) if dialog._rows[row].name != best)
    dialog.table.selectRow(other)
    wanted = dialog.value()
    assert wanted not in (None, best)
    with qtbot.waitSignal(session_of(bar.viewer).loaded, timeout=PATIENCE_MS) as loaded:
        dialog.buttons.button(QDialogButtonBox.StandardButton.Open).click()
    assert loaded.args[0].series.name == wanted
    assert [case.series for case in bar.opening.recents.cases()] == [wanted]


def test_no_answer_loads_nothing(bar, qtbot, two_series):
    with qtbot.waitSignal(bar.opening.choiceWanted, timeout=PATIENCE_MS):
        bar.opening.open(two_series)
    bar.dialog.reject()
    qtbot.wait(50)
    assert not list(bar.viewer.layers) and not session_of(bar.viewer).is_running
    assert bar.dialog is None and bar.opening.recents.cases() == ()


def test_one_series_is_loaded_without_a_question(bar, qtbot, make_ct):
    with qtbot.waitSignal(session_of(bar.viewer).loaded, timeout=PATIENCE_MS):
        bar.opening.open(make_ct("one"))
    assert bar.dialog is None


def test_the_dialog_tells_nothing_of_the_patient(qtbot, two_series):
    for file in two_series.iterdir():
        image = pydicom.dcmread(file)
        image.PatientName, image.PatientID = "Doe^Jane", "4711"
        image.SeriesDescription = "Doe hip"
        image.save_as(file)
    dialog = SeriesDialog(inspect_input(two_series))
    qtbot.addWidget(dialog)
    cells = [
        dialog.table.item(row, column).text()
        for row in range(dialog.table.rowCount())
        for column in range(dialog.table.columnCount())
    ]
    assert len(cells) == 16 and not any("Doe" in cell or "4711" in cell for cell in cells)
    dialog.table.clearSelection()
    assert not dialog.open_button.isEnabled() and dialog.value() is None


def test_recent_cases_are_cleared_or_it_is_told_why_not(bar, tmp_path, monkeypatch):
    RecentCases().remember(tmp_path / "away", "plan", series="1.2")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("planner.station.keeping.recent.Path.unlink", refuse)
        bar._list_recents()
        bar.recent_menu.actions()[-1].trigger()
    assert "permission denied" in bar.question.text() and len(RecentCases().cases()) == 1
    bar._list_recents()
    bar.recent_menu.actions()[-1].trigger()
    assert RecentCases().cases() == ()


def test_recent_cases_are_listed_and_what_is_gone_is_shown_as_gone(bar, qtbot, make_ct, tmp_path):
    bar._list_recents()
    (nothing,) = bar.recent_menu.actions()
    assert (nothing.text(), nothing.isEnabled()) == ("no case was opened yet", False)
    here = make_ct("here")
    recents = RecentCases()
    recents.remember(tmp_path / "away", "plan", series="1.2")
    recents.remember(here, "ct", series=inspect_input(here).chosen_series)
    bar._list_recents()
    first, second, _, clear = bar.recent_menu.actions()
    assert clear.text() == "Clear recent"
    assert first.text().startswith(f"CT: {tmp_path.name}/here, ") and first.isEnabled()
    assert second.text().startswith("plan: ") and second.text().endswith(", gone") and not second.isEnabled()
    with qtbot.waitSignal(session_of(bar.viewer).loaded, timeout=PATIENCE_MS):
        first.trigger()
    assert bar.viewer.layers[0].name == "CT here"


def test_one_that_went_since_it_was_listed_is_told(bar, qtbot, tmp_path):
    recents = RecentCases()
    (tmp_path / "away").mkdir()
    recents.remember(tmp_path / "away", "plan", series=None)
    (case,) = recents.cases()
    (tmp_path / "away").rmdir()
    bar.opening.open_recent(case)
    assert "away is not at its place any more" in bar.question.text()


def test_a_drop_onto_a_window_is_loaded_in_the_background(make_napari_viewer, qtbot, make_ct):
    viewer = make_napari_viewer(show=True)
    qtbot.waitUntil(viewer.window._qt_window.isVisible, timeout=PATIENCE_MS)
    folder = make_ct("dropped")
    with qtbot.waitSignal(session_of(viewer).loaded, timeout=PATIENCE_MS):
        assert viewer.open(str(folder), plugin="periprosthetic-cement-planner") == []
        assert not list(viewer.layers), "it is not there yet"
    assert viewer.layers[0].name == "CT dropped"
    assert dock_there(viewer, PlanWidget) is not None, "the docks are open"
    assert focus_of(viewer).shown.scan is not None
    WorkerBase.await_workers(PATIENCE_MS)


def test_without_a_window_that_is_seen_it_is_read_at_once(make_napari_viewer, make_ct):
    make_napari_viewer()
    folder = make_ct("script")
    ((_, arguments, kind),) = get_reader(str(folder))(str(folder))
    assert (arguments["name"], kind) == ("CT script", "image")


def test_a_folder_with_nothing_to_plan_on_is_told_by_the_station(make_napari_viewer, qtbot, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("dear colleague")
    viewer = make_napari_viewer(show=True)
    qtbot.waitUntil(viewer.window._qt_window.isVisible, timeout=PATIENCE_MS)
    assert get_reader(str(tmp_path / "letters")) is None, "no station yet: perhaps another program's folder"
    session = session_of(viewer)
    assert get_reader(str(tmp_path / "letters" / "letter.txt")) is None
    with qtbot.waitSignal(session.failed, timeout=PATIENCE_MS) as told:
        assert viewer.open(str(tmp_path / "letters"), plugin="periprosthetic-cement-planner") == []
    panel = dock_there(viewer, PlanWidget)
    assert "letters" in told.args[0] and panel.message.text()[1:] == told.args[0][1:] + "."
    viewer.window._qt_window.hide()
    assert get_reader(str(tmp_path / "letters")) is None, "nobody would see what is said"


def test_names_are_no_markup(bar):
    bar.opening.differs.emit(("breach no longer there: <b>&amp;</b>",))
    assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in bar.question.text()
    bar.opening.said.emit("<b>out</b> is not at its place any more")
    assert bar.question.textFormat() == Qt.TextFormat.PlainText


def test_of_two_drops_the_second_is_shown_and_the_first_stopped(bar, qtbot, make_ct, monkeypatch):
    first, second = make_ct("first"), make_ct("second")
    begun, stopped = threading.Event(), threading.Event()
    inspect = opening_module.inspect_input

    def slow(path, *, monitor):
        if Path(path) == first:
            begun.set()
            while not monitor.cancelled():
                stopped.wait(0.01)
            stopped.set()
            check_cancelled(monitor)
        return inspect(path, monitor=monitor)

    monkeypatch.setattr(opening_module, "inspect_input", slow)
    bar.opening.open(first)
    qtbot.waitUntil(begun.is_set, timeout=PATIENCE_MS)
    with qtbot.waitSignal(session_of(bar.viewer).loaded, timeout=PATIENCE_MS):
        bar.opening.open(second)
    qtbot.waitUntil(stopped.is_set, timeout=PATIENCE_MS)
    qtbot.wait(100)
    assert [layer.name for layer in bar.viewer.layers] == ["CT second"]
    assert [Path(case.path).name for case in bar.opening.recents.cases()] == ["second"]


def test_a_drop_while_a_series_is_being_chosen_takes_the_question_back(bar, qtbot, two_series, make_ct):
    with qtbot.waitSignal(bar.opening.choiceWanted, timeout=PATIENCE_MS):
        bar.opening.open(two_series)
    with qtbot.waitSignal(session_of(bar.viewer).loaded, timeout=PATIENCE_MS):
        bar.opening.open(make_ct("second"))
    assert bar.dialog is None
    assert [layer.name for layer in bar.viewer.layers] == ["CT second"]


def test_what_cannot_be_opened_is_said_in_words(bar, qtbot, tmp_path, plan):
    session = session_of(bar.viewer)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("no CT here")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "plan.json").write_text("{}")
    for name, words in (("letters", "letters"), ("damaged", "schema"), ("nothing", "nothing")):
        with qtbot.waitSignal(session.failed, timeout=PATIENCE_MS) as told:
            bar.opening.open(tmp_path / name)
        assert words in told.args[0] and "Traceback" not in told.args[0]
    assert not list(bar.viewer.layers)
    (tmp_path / "out").mkdir()
    save_plan(plan, tmp_path / "out" / "plan.json")
    with qtbot.waitSignal(bar.opening.opened, timeout=PATIENCE_MS):
        bar.opening.open(tmp_path / "out")
    assert opening_of(bar.viewer).folder == tmp_path / "out"
