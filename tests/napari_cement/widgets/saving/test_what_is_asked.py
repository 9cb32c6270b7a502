"""What opening asks is about the case that is shown; what runs is stopped by nothing that comes to nothing."""

from dataclasses import replace

import pytest
from napari.layers import Layer

from napari_cement._focus import focus_of
from napari_cement._layers import scan_layers
from napari_cement._session import session_of
from napari_cement.widgets.opening.opening import opening_of
from planner.io import load_scan
from planner.model.scan import Scan
from planner.model.volume import Volume
from tests.napari_cement.widgets.saving.sitting import PATIENCE_MS, open_and_plan, save


def saved(qtbot, station, ct, folder):
    first = station()
    open_and_plan(qtbot, first, ct)
    save(qtbot, first, folder)
    first.viewer.close()
    return station()


@pytest.fixture
def otherwise(qtbot, station, planned, ct, tmp_path):
    """A station that asks whether to show the plan that this program makes now."""
    bars = saved(qtbot, station, ct, tmp_path / "out")
    planned.changes = {"breaches": ()}
    with qtbot.waitSignal(opening_of(bars.viewer).differs, timeout=PATIENCE_MS):
        opening_of(bars.viewer).open(tmp_path / "out")
    assert not bars.opening.yes_button.isHidden()
    return bars


def test_a_newer_plan_takes_the_question_back(qtbot, otherwise):
    session, focus = session_of(otherwise.viewer), focus_of(otherwise.viewer)
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        session.plan(focus.shown.scan)
    newer = focus.shown
    assert otherwise.opening.yes_button.isHidden()
    opening_of(otherwise.viewer).take_new()
    assert focus.shown is newer and opening_of(otherwise.viewer).folder is None


def test_another_ct_takes_the_question_back(otherwise, scan):
    focus = focus_of(otherwise.viewer)
    other = Scan(Volume(scan.volume.grid, scan.volume.hu.copy()), replace(scan).series)
    otherwise.viewer.add_layer(Layer.create(*scan_layers(other, name="CT bob")[0]))
    assert otherwise.opening.yes_button.isHidden() and otherwise.opening.question.isHidden()
    opening_of(otherwise.viewer).take_new()
    opening_of(otherwise.viewer).keep_saved()
    assert focus.shown.scan is other and focus.shown.plan is None
    assert otherwise.opening.question.isHidden()


def test_a_drop_of_nothing_forgets_nothing(qtbot, station, planned, ct, tmp_path):
    bars = saved(qtbot, station, ct, tmp_path / "out")
    opening, session = opening_of(bars.viewer), session_of(bars.viewer)
    planned.open.clear()
    planned.begun.clear()
    opening.open(tmp_path / "out")
    qtbot.waitUntil(planned.begun.is_set, timeout=PATIENCE_MS)
    (tmp_path / "letters").mkdir()
    with qtbot.waitSignal(session.failed, timeout=PATIENCE_MS):
        opening.open(tmp_path / "letters")
    assert opening.folder == tmp_path / "out" and opening.can_go_live
    assert bars.opening.yes_button.text() == "Make its needles movable" and not bars.opening.yes_button.isHidden()
    planned.open.set()
    with qtbot.waitSignal(session.loaded, timeout=PATIENCE_MS):
        opening.open(ct)
    assert opening.folder == tmp_path / "out" and not bars.opening.yes_button.isHidden()
    with qtbot.waitSignal(opening.live, timeout=PATIENCE_MS):
        bars.opening.yes_button.click()


def test_what_is_planned_is_stopped_only_by_who_says_so(qtbot, station, planned, ct, tmp_path):
    bars = station()
    session = open_and_plan(qtbot, bars, ct)
    opening = opening_of(bars.viewer)
    before = focus_of(bars.viewer).shown
    planned.open.clear()
    planned.begun.clear()
    session.plan(before.scan)
    qtbot.waitUntil(planned.begun.is_set, timeout=PATIENCE_MS)
    opening.open(tmp_path / "ct")
    assert session.is_running and not planned.stopped.is_set()
    assert "Opening ct stops it" in bars.opening.question.text()
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        bars.opening.no_button.click()
        planned.open.set()
    planned.open.clear()
    session.plan(before.scan)
    opening.open(tmp_path / "ct")
    with qtbot.waitSignal(session.loaded, timeout=PATIENCE_MS):
        bars.opening.yes_button.click()
    qtbot.waitUntil(planned.stopped.is_set, timeout=PATIENCE_MS)
    assert load_scan(ct).series.name == focus_of(bars.viewer).shown.scan.series.name
    planned.open.set()


def test_a_plan_without_its_ct_is_joined_by_it(qtbot, station, planned, ct, tmp_path):
    bars = saved(qtbot, station, ct, tmp_path / "out")
    opening, focus, session = opening_of(bars.viewer), focus_of(bars.viewer), session_of(bars.viewer)
    opening.recents.clear()
    with qtbot.waitSignal(opening.ctWanted, timeout=PATIENCE_MS):
        opening.open(tmp_path / "out")
    told = []
    session.noted.connect(told.append)
    with qtbot.waitSignal(opening.live, timeout=PATIENCE_MS):
        opening.open(ct)
    assert told == [] and focus.shown.folder == tmp_path / "out"
    assert focus.shown.scan is not None and focus.shown.case is not None
    assert [case.kind for case in opening.recents.cases()] == ["plan", "ct"]


def test_a_plan_without_its_ct_is_closed_by_another_one(
    qtbot,
    station,
    planned,
    ct,
    tmp_path,
    monkeypatch,
):
    bars = saved(qtbot, station, ct, tmp_path / "out")
    opening, focus, session = opening_of(bars.viewer), focus_of(bars.viewer), session_of(bars.viewer)
    opening.recents.clear()
    with qtbot.waitSignal(opening.ctWanted, timeout=PATIENCE_MS):
        opening.open(tmp_path / "out")
    cut = load_scan(ct)
    cut = Scan(cut.volume.crop((0, 0, 0), (20, 20, 20)), cut.series)
    monkeypatch.setattr("napari_cement._session.load_scans", lambda path, **_: (cut, None))
    with qtbot.waitSignal(session.loaded, timeout=PATIENCE_MS):
        opening.open(ct)
    assert focus.shown.scan is cut and focus.shown.plan is None, "the series alone does not make it the plan's CT"
