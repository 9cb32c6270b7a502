"""Edits are kept by themselves, offered again, and nothing of them is lost, whatever happens meanwhile."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from napari_cement._editors import editors_of
from napari_cement._focus import focus_of
from napari_cement._session import session_of
from napari_cement.edit.history import history_of
from napari_cement.widgets.opening.opening import opening_of
from napari_cement.widgets.saving.autosaver import autosaver_of
from napari_cement.widgets.saving.saving import saving_of
from planner.config.wishes_config import WishesConfig
from planner.errors import LabelError, OutputError
from planner.io import load_scan
from planner.io.dicom.write import SeriesIdentity, write_ct_series
from planner.model.labels import LabelMap
from planner.model.plan import Review
from planner.station.keeping.autosave import Autosave
from tests.napari_cement.widgets.saving.sitting import OTHERS, PATIENCE_MS, WISHES, kept_of, open_and_plan, save


def test_the_window_closes_in_mid_run(qtbot, station, planned, ct, tmp_path):
    """Nothing runs on, nothing is half-written, and the edits are there the next time."""
    bars = station()
    open_and_plan(qtbot, bars, ct)
    planned.open.clear()
    planned.begun.clear()
    bars.panel.wishes.setValue(WISHES)
    session_of(bars.viewer).plan(focus_of(bars.viewer).shown.scan)
    saving_of(bars.viewer).save(tmp_path / "out")
    qtbot.waitUntil(planned.begun.is_set, timeout=PATIENCE_MS)
    bars.viewer.close()
    assert planned.stopped.is_set()
    assert not session_of(bars.viewer).is_running
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))
    planned.open.set()

    again = station()
    keeper = autosaver_of(again.viewer)
    with qtbot.waitSignal(keeper.offered, timeout=PATIENCE_MS) as told:
        opening_of(again.viewer).open(ct)
    assert told.args[0].edits.wishes == WISHES
    assert "Unsaved work of" in again.saving.unsaved.text() and "1 target" in again.saving.unsaved.text()
    again.saving.take_button.click()
    assert session_of(again.viewer).wishes == WISHES and again.panel.wishes.value() == WISHES
    assert keeper.offer is None and again.saving.take_button.isHidden()


def test_thrown_away_work_does_not_come_back(qtbot, station, ct):
    scan = load_scan(ct)
    Autosave().keep(kept_of(scan, wishes=WISHES))
    bars = station()
    keeper = autosaver_of(bars.viewer)
    with qtbot.waitSignal(keeper.offered, timeout=PATIENCE_MS):
        opening_of(bars.viewer).open(ct)
    qtbot.wait(200)
    assert Autosave().kept(f"series {scan.series.name}") is not None, "an offer that was not answered stands"
    bars.saving.throw_button.click()
    qtbot.waitUntil(lambda: Autosave().kept(f"series {scan.series.name}") is None, timeout=PATIENCE_MS)
    assert session_of(bars.viewer).wishes == WishesConfig()


def test_painted_gaps_are_taken_up_by_planning_with_them(qtbot, station, planned, ct, labels):
    scan = load_scan(ct)
    Autosave().keep(kept_of(scan), LabelMap(scan.volume.grid, labels.codes, labels.structures))
    bars = station()
    with qtbot.waitSignal(autosaver_of(bars.viewer).offered, timeout=PATIENCE_MS):
        opening_of(bars.viewer).open(ct)
    with qtbot.waitSignal(session_of(bars.viewer).planned, timeout=PATIENCE_MS):
        bars.saving.take_button.click()
    assert np.array_equal(planned.given.labels.codes, np.where(labels.codes == 2, 2, 0))


def test_gaps_that_are_painted_are_kept_by_themselves(qtbot, station, planned, ct, tmp_path):
    bars = station()
    open_and_plan(qtbot, bars, ct)
    focus, brush = focus_of(bars.viewer), bars.panel.wishes.painting.brush
    focus.set_review(Review(state="approved", by="A. Surgeon"))
    assert brush.begin() and editors_of(bars.viewer).value("gaps") is None
    assert focus.shown.plan.review.state == "approved", "to take a brush is no edit"
    brush.layer.data[21, 26:28, 40] = 0
    brush.layer.events.paint(value=[])
    brush.settle()
    assert focus.shown.plan.review == Review(state="edited")
    kept = f"series {load_scan(ct).series.name}"

    def gaps():
        found = Autosave().kept(kept)
        return None if found is None else found.gaps

    qtbot.waitUntil(lambda: gaps() is not None, timeout=PATIENCE_MS)
    before = np.count_nonzero(focus.shown.labels.codes == 2)
    assert np.count_nonzero(gaps().codes) == before - 2
    brush.layer.data[21, 28, 40] = 0
    brush.layer.events.paint(value=[])
    brush.settle()
    bars.viewer.close()
    assert np.count_nonzero(gaps().codes) == before - 3, "the last stroke before the end is kept too"


def test_gaps_that_a_plan_was_made_from_are_no_edit_of_it(qtbot, station, planned, ct, monkeypatch):
    from planner.model.finding import Finding

    bars = station()
    session = open_and_plan(qtbot, bars, ct)
    painting = bars.panel.wishes.painting
    focus, brush = focus_of(bars.viewer), painting.brush
    brush.begin()
    brush.layer.data[21, 26:28, 40] = 0
    brush.layer.events.paint(value=[])
    brush.settle()
    given = Finding(code="gaps-given", severity="info", message="gaps: as painted")
    made = focus.shown.plan.model_copy(update={"findings": (given,)})
    case = replace(focus.shown.case, plan=made, kept=SimpleNamespace(config=session.config))
    monkeypatch.setattr("planner.pipeline.replanned.replan", lambda *_, **__: case)
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        painting.recompute_button.click()
    focus.set_review(Review(state="approved", by="A. Surgeon"))
    assert painting.recompute.is_older is False and painting.recompute.has_painted_gaps
    editors_of(bars.viewer).touch()
    assert focus.shown.plan.review.state == "approved", "what it was made from is no edit of it"
    assert editors_of(bars.viewer).value("gaps") is None
    brush.layer.data[21, 28, 40] = 0
    brush.layer.events.paint(value=[])
    brush.settle()
    assert editors_of(bars.viewer).value("gaps") is not None


def test_edits_of_one_ct_are_never_kept_under_another(qtbot, station, ct, scan, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_ct_series(scan.volume, other, identity=SeriesIdentity(seed="another patient"))
    bars = station()
    opening, session = opening_of(bars.viewer), session_of(bars.viewer)
    with qtbot.waitSignal(session.loaded, timeout=PATIENCE_MS):
        opening.open(ct)
    bars.panel.wishes.setValue(WISHES)
    with qtbot.waitSignal(session.loaded, timeout=PATIENCE_MS):
        opening.open(other)
    assert session.wishes == WishesConfig()
    first, second = (f"series {load_scan(place).series.name}" for place in (ct, other))
    qtbot.waitUntil(lambda: Autosave().kept(first) is not None, timeout=PATIENCE_MS)
    qtbot.wait(300)
    assert Autosave().kept(first).edits.wishes == WISHES
    assert Autosave().kept(second) is None


def test_a_full_disk_is_told(qtbot, station, ct, monkeypatch):
    def full(*_, **__):
        raise OutputError("edits.zip cannot be written: no space left on device")

    monkeypatch.setattr(Autosave, "keep", full)
    bars = station()
    with qtbot.waitSignal(session_of(bars.viewer).loaded, timeout=PATIENCE_MS):
        opening_of(bars.viewer).open(ct)
    bars.panel.wishes.setValue(WISHES)
    qtbot.waitUntil(lambda: "no space left" in bars.saving.message.text(), timeout=PATIENCE_MS)


def test_keeping_edits_never_blocks_the_window(qtbot, station, ct, monkeypatch):
    held, begun, threads = threading.Event(), threading.Event(), []

    def keep(*_, **__):
        threads.append(threading.get_ident())
        begun.set()
        held.wait(PATIENCE_MS / 1000)

    monkeypatch.setattr(Autosave, "keep", keep)
    bars = station()
    with qtbot.waitSignal(session_of(bars.viewer).loaded, timeout=PATIENCE_MS):
        opening_of(bars.viewer).open(ct)
    bars.panel.wishes.setValue(WISHES)
    qtbot.waitUntil(begun.is_set, timeout=PATIENCE_MS)
    bars.panel.wishes.setValue(WishesConfig())
    autosaver_of(bars.viewer).flush()
    held.set()
    bars.viewer.close()
    assert threads and threading.get_ident() not in threads


def stroke(brush, *columns):
    brush.layer.data[21, list(columns), 40] = 0
    brush.layer.events.paint(value=[])
    brush.settle()


def all_kept(ct):
    return Autosave().all_kept(f"series {load_scan(ct).series.name}")


def offered(qtbot, bars, ct):
    with qtbot.waitSignal(autosaver_of(bars.viewer).offered, timeout=PATIENCE_MS):
        opening_of(bars.viewer).open(ct)


def test_saving_drops_no_painted_gaps_that_no_plan_holds(qtbot, station, planned, ct, tmp_path):
    bars = station()
    open_and_plan(qtbot, bars, ct)
    brush = bars.panel.wishes.painting.brush
    brush.begin()
    stroke(brush, 26, 27)
    save(qtbot, bars, tmp_path / "out")
    assert "painted since are NOT in it" in bars.saving.message.text()
    stroke(brush, 28)
    bars.viewer.close()
    (kept,) = all_kept(ct)
    before = np.count_nonzero(focus_of(bars.viewer).shown.labels.codes == 2)
    assert np.count_nonzero(kept.gaps.codes) == before - 3


def test_strokes_that_were_taken_back_are_not_unsaved(qtbot, station, planned, ct, tmp_path):
    bars = station()
    open_and_plan(qtbot, bars, ct)
    brush = bars.panel.wishes.painting.brush
    brush.begin()
    stroke(brush, 26, 27)
    qtbot.waitUntil(lambda: all_kept(ct) != (), timeout=PATIENCE_MS)
    history_of(bars.viewer).undo()
    save(qtbot, bars, tmp_path / "out")
    assert "NOT in it" not in bars.saving.message.text()
    qtbot.waitUntil(lambda: all_kept(ct) == (), timeout=PATIENCE_MS)
    history_of(bars.viewer).redo()
    qtbot.waitUntil(lambda: all_kept(ct) != (), timeout=PATIENCE_MS)


@pytest.mark.parametrize("ending", ["stopped", "failed"])
def test_gaps_that_are_taken_up_are_kept_until_a_plan_holds_them(qtbot, station, planned, ct, labels, ending):
    scan = load_scan(ct)
    Autosave().keep(kept_of(scan), LabelMap(scan.volume.grid, labels.codes, labels.structures))
    bars = station()
    keeper, session = autosaver_of(bars.viewer), session_of(bars.viewer)
    offered(qtbot, bars, ct)
    planned.open.clear()
    bars.saving.take_button.click()
    assert keeper.offer is None
    qtbot.waitUntil(planned.begun.is_set, timeout=PATIENCE_MS)
    bars.panel.wishes.setValue(WISHES)
    qtbot.waitUntil(lambda: all_kept(ct)[0].edits.wishes == WISHES, timeout=PATIENCE_MS)
    assert [np.count_nonzero(one.gaps.codes) for one in all_kept(ct)] == [np.count_nonzero(labels.codes == 2)]
    with qtbot.waitSignal(keeper.offered, timeout=PATIENCE_MS):
        if ending == "stopped":
            session.cancel()
        else:
            planned.error = LabelError("the unsaved gaps do not fit")
            planned.open.set()
    assert keeper.offer.gaps is not None and keeper.offer.edits.wishes == WISHES
    assert "painted gaps" in bars.saving.unsaved.text() and not bars.saving.take_button.isHidden()
    planned.error = None
    planned.open.set()
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        bars.saving.take_button.click()
    bars.viewer.close()
    assert keeper.offer is None
    assert [one.gaps is not None for one in all_kept(ct)] == [True], "a plan holds them that is not saved yet"


def test_edits_beside_an_offer_are_kept_beside_it(qtbot, station, ct):
    scan = load_scan(ct)
    Autosave().keep(kept_of(scan, wishes=WISHES))
    first = station()
    offered(qtbot, first, ct)
    first.panel.wishes.setValue(OTHERS)
    first.viewer.close()
    assert [one.edits.wishes for one in all_kept(ct)] == [WISHES, OTHERS]

    again = station()
    keeper = autosaver_of(again.viewer)
    offered(qtbot, again, ct)
    assert [one.edits.wishes for one in keeper.offers] == [WISHES, OTHERS]
    assert "1 target. You are asked next about that" in again.saving.unsaved.text()
    assert again.saving.unsaved.text().endswith("2 targets.")
    again.saving.throw_button.click()
    assert [one.edits.wishes for one in keeper.offers] == [OTHERS]
    assert "You are asked next" not in again.saving.unsaved.text()
    again.saving.take_button.click()
    assert again.panel.wishes.value() == OTHERS
    again.viewer.close()
    assert keeper.offer is None and [one.edits.wishes for one in all_kept(ct)] == [OTHERS]


def test_what_is_drawn_when_older_work_is_taken_up_is_offered_then(qtbot, station, ct):
    scan = load_scan(ct)
    Autosave().keep(kept_of(scan, wishes=WISHES))
    bars = station()
    keeper = autosaver_of(bars.viewer)
    offered(qtbot, bars, ct)
    bars.panel.wishes.setValue(OTHERS)
    with qtbot.waitSignal(keeper.offered, timeout=PATIENCE_MS):
        bars.saving.take_button.click()
    assert bars.panel.wishes.value() == WISHES and keeper.offer.edits.wishes == OTHERS
    bars.saving.throw_button.click()
    bars.viewer.close()
    assert [one.edits.wishes for one in all_kept(ct)] == [WISHES]


def test_edits_outlive_an_offer_that_is_thrown_away(qtbot, station, ct):
    scan = load_scan(ct)
    Autosave().keep(kept_of(scan, wishes=WISHES))
    bars = station()
    offered(qtbot, bars, ct)
    bars.panel.wishes.setValue(OTHERS)
    qtbot.waitUntil(lambda: len(all_kept(ct)) == 2, timeout=PATIENCE_MS)
    bars.saving.throw_button.click()
    qtbot.waitUntil(lambda: [one.edits.wishes for one in all_kept(ct)] == [OTHERS], timeout=PATIENCE_MS)


def test_two_windows_on_one_ct_keep_beside_one_another(qtbot, station, ct):
    """Neither writes over the other's edits, nor is offered them while they are made."""
    first = station()
    with qtbot.waitSignal(session_of(first.viewer).loaded, timeout=PATIENCE_MS):
        opening_of(first.viewer).open(ct)
    second = station()
    with qtbot.waitSignal(session_of(second.viewer).loaded, timeout=PATIENCE_MS):
        opening_of(second.viewer).open(ct)
    first.panel.wishes.setValue(WISHES)
    second.panel.wishes.setValue(OTHERS)
    qtbot.waitUntil(lambda: len(all_kept(ct)) == 2, timeout=PATIENCE_MS)
    assert {one.edits.wishes for one in all_kept(ct)} == {WISHES, OTHERS}

    third = station()
    keeper = autosaver_of(third.viewer)
    with qtbot.waitSignal(keeper._known, timeout=PATIENCE_MS) as told:
        opening_of(third.viewer).open(ct)
    assert told.args[1] == () and keeper.offer is None, "both are worked on"
    third.viewer.close()
    second.viewer.close()
    fourth = station()
    with qtbot.waitSignal(autosaver_of(fourth.viewer).offered, timeout=PATIENCE_MS) as told:
        opening_of(fourth.viewer).open(ct)
    assert told.args[0].edits.wishes == OTHERS, "a window that has gone works on nothing"
    assert len(all_kept(ct)) == 2
