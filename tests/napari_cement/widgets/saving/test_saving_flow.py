"""Open, look, edit, save, open again: the same scene."""

import json

import pytest
from napari.layers import Layer

from napari_cement._display import display_of
from napari_cement._focus import Chosen, focus_of
from napari_cement._layers import origin_of, scan_layers
from napari_cement._session import session_of
from napari_cement.widgets.opening.opening import opening_of
from napari_cement.widgets.saving.saving import saving_of
from napari_cement.widgets.saving.saving_bar import SavingBar
from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import WishesConfig
from planner.io import load_scan
from planner.io.plan_json import load_plan, save_plan
from planner.station.keeping.scene_file import DrawnNeedle, load_scene
from tests.napari_cement.widgets.saving.sitting import PATIENCE_MS, WISHES, open_and_plan, save


def test_what_was_saved_opens_as_it_was_left(qtbot, station, planned, ct, tmp_path):
    first = station()
    open_and_plan(qtbot, first, ct)
    focus = focus_of(first.viewer)
    first.panel.wishes.setValue(WISHES)
    first.panel.wishes.own.setValue(DrawnNeedle(points_lps=((5.0, 6.0, 7.0), (1.0, 2.0, 3.0)), gauge="13G x 100"))
    focus.set_hidden(frozenset(("trajectory-2",)))
    focus.set_cursor((4.0, 5.0, 6.0))
    focus.set_chosen(Chosen("gap", "gap-1"))
    first.viewer.layers[0].contrast_limits = (-100.0, 300.0)
    display_of(first.viewer).show("coronal")
    first.viewer.scene.camera.zoom = 3.0
    save(qtbot, first, tmp_path / "out")
    said = first.saving.message.text()
    assert not first.saving.save_button.isHidden() and "Saved as out" in said
    assert "report.html names no patient" in said, "also where the plan opened had the name printed"
    first.viewer.close()

    again = station()
    opening, session = opening_of(again.viewer), session_of(again.viewer)
    with qtbot.waitSignal(opening.live, timeout=PATIENCE_MS):
        opening.open(tmp_path / "out")
    focus = focus_of(again.viewer)
    assert origin_of(again.viewer.layers[0]).scan is not None, "its CT was found by its series"
    assert focus.shown.case is not None, "its needles can be moved"
    assert session.wishes == WISHES and again.panel.wishes.value() == WISHES
    assert again.panel.wishes.own.value().points_lps == ((5.0, 6.0, 7.0), (1.0, 2.0, 3.0))
    assert again.panel.wishes.own.value().gauge == "13G x 100"
    assert (focus.hidden, focus.cursor_lps) == (frozenset(("trajectory-2",)), (4.0, 5.0, 6.0))
    assert focus.chosen == Chosen("gap", "gap-1")
    assert tuple(again.viewer.layers[0].contrast_limits) == (-100.0, 300.0)
    assert display_of(again.viewer).view == "coronal" and again.viewer.scene.camera.zoom == pytest.approx(3.0)
    assert [case.kind for case in opening.recents.cases()] == ["plan", "ct"]


def test_a_plan_that_comes_out_otherwise_is_told_and_the_saved_one_stays(qtbot, station, planned, ct, tmp_path):
    first = station()
    open_and_plan(qtbot, first, ct)
    save(qtbot, first, tmp_path / "out")
    first.viewer.close()
    planned.changes = {"breaches": ()}
    again = station()
    opening = opening_of(again.viewer)
    with qtbot.waitSignal(opening.differs, timeout=PATIENCE_MS) as told:
        opening.open(tmp_path / "out")
    assert "breach no longer there: breach-1" in told.args[0]
    assert "breach-1" in again.opening.question.text()
    shown = focus_of(again.viewer).shown
    assert len(shown.plan.breaches) == 1 and shown.case is None
    assert saving_of(again.viewer).why_not is not None
    again.opening.yes_button.click()
    shown = focus_of(again.viewer).shown
    assert shown.plan.breaches == () and shown.case is not None


def test_a_plan_with_settings_that_nobody_has_is_shown_as_saved(qtbot, station, planned, ct, tmp_path, plan):
    scan = load_scan(ct)
    (tmp_path / "out").mkdir()
    save_plan(plan.model_copy(update={"series": scan.series}), tmp_path / "out" / "plan.json")
    bars = station()
    opening = opening_of(bars.viewer)
    with qtbot.waitSignal(opening.said, timeout=PATIENCE_MS) as told:
        opening.open(tmp_path / "out", ct=ct)
    assert "other settings" in told.args[0]
    assert focus_of(bars.viewer).shown.case is None


def test_a_plan_whose_ct_is_not_known_asks_for_it(qtbot, station, planned, ct, tmp_path, plan):
    scan = load_scan(ct)
    config = PlanConfig()
    (tmp_path / "out").mkdir()
    made = plan.model_copy(update={"series": scan.series, "settings_sha256": config.sha256()})
    save_plan(made, tmp_path / "out" / "plan.json")
    bars = station()
    opening = opening_of(bars.viewer)
    with qtbot.waitSignal(opening.ctWanted, timeout=PATIENCE_MS):
        opening.open(tmp_path / "out")
    assert "not known where this plan's CT lies" in bars.opening.question.text()
    assert focus_of(bars.viewer).shown.plan == made
    with qtbot.waitSignal(opening.live, timeout=PATIENCE_MS):
        opening.give_ct(ct)
    assert focus_of(bars.viewer).shown.case is not None


def test_saving_that_is_stopped_leaves_nothing_and_the_older_plan(qtbot, station, planned, ct, tmp_path):
    bars = station()
    open_and_plan(qtbot, bars, ct)
    save(qtbot, bars, tmp_path / "out")
    before = (tmp_path / "out" / "plan.json").read_bytes()
    planned.open.clear()
    planned.begun.clear()
    saving = saving_of(bars.viewer)
    saving.save(tmp_path / "out", overwrite=True)
    qtbot.waitUntil(planned.begun.is_set, timeout=PATIENCE_MS)
    with qtbot.waitSignal(saving.stopped, timeout=PATIENCE_MS):
        bars.saving.cancel_button.click()
    assert (tmp_path / "out" / "plan.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct", "out", "state"]
    assert "nothing was written" in bars.saving.message.text()


def test_a_folder_of_others_is_left_alone_and_a_plan_is_asked_about(qtbot, station, planned, ct, tmp_path, monkeypatch):
    bars = station()
    open_and_plan(qtbot, bars, ct)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("dear colleague")
    bars.saving.save(tmp_path / "letters")
    assert "no earlier result" in bars.saving.message.text()
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["letter.txt"]
    save(qtbot, bars, tmp_path / "out")
    asked = []
    monkeypatch.setattr(SavingBar, "_may_replace", lambda self, folder: bool(asked.append(folder)))
    bars.saving.save(tmp_path / "out")
    assert asked == [tmp_path / "out"] and not saving_of(bars.viewer).is_running


def test_without_a_plan_nothing_can_be_saved(qtbot, station, tmp_path):
    bars = station()
    assert not bars.saving.save_button.isEnabled() and not bars.saving.review_button.isEnabled()
    with qtbot.waitSignal(saving_of(bars.viewer).failed, timeout=PATIENCE_MS) as told:
        saving_of(bars.viewer).save(tmp_path / "out")
    assert "no plan yet" in told.args[0]
    assert not (tmp_path / "out").exists()


def test_saving_is_told_with_the_scene_and_the_settings(qtbot, station, planned, ct, tmp_path):
    bars = station()
    open_and_plan(qtbot, bars, ct)
    save(qtbot, bars, tmp_path / "out")
    scene = load_scene(tmp_path / "out")
    assert scene.config().sha256() == load_plan(tmp_path / "out" / "plan.json").settings_sha256
    assert json.loads((tmp_path / "out" / "station.json").read_text())["schema"] == "cement-planner/station/1"
    qtbot.waitUntil(lambda: not list((tmp_path / "state").rglob("*.zip")), timeout=PATIENCE_MS)


def test_a_save_that_ends_over_another_ct_says_whose_it_is(qtbot, station, planned, ct, tmp_path, scan):
    bars = station()
    open_and_plan(qtbot, bars, ct)
    planned.open.clear()
    planned.begun.clear()
    bars.saving.save(tmp_path / "out")
    qtbot.waitUntil(planned.begun.is_set, timeout=PATIENCE_MS)
    bars.viewer.add_layer(Layer.create(*scan_layers(scan, name="CT bob")[0]))
    with qtbot.waitSignal(saving_of(bars.viewer).saved, timeout=PATIENCE_MS):
        planned.open.set()
    assert bars.saving.message.text().startswith("The plan of the CT before was saved as out.")


def test_an_edit_on_a_reopened_plan_that_is_still_made_again_makes_it_older(qtbot, station, planned, ct, tmp_path):
    planned.kept = True
    first = station()
    open_and_plan(qtbot, first, ct)
    save(qtbot, first, tmp_path / "out")
    first.viewer.close()
    planned.open.clear()
    planned.begun.clear()
    again = station()
    opening, focus = opening_of(again.viewer), focus_of(again.viewer)
    opening.open(tmp_path / "out")
    qtbot.waitUntil(planned.begun.is_set, timeout=PATIENCE_MS)
    older = again.panel.wishes.steps.older
    assert focus.shown.plan is not None and focus.shown.case is None and older.isHidden()
    again.panel.wishes.setValue(WISHES)
    assert not older.isHidden()
    again.panel.wishes.setValue(WishesConfig())
    assert older.isHidden(), "taken back"
    again.panel.wishes.setValue(WISHES)
    with qtbot.waitSignal(opening.live, timeout=PATIENCE_MS):
        planned.open.set()
    assert not older.isHidden()
