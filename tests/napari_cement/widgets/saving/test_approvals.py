"""What an approval is of: the plan with what it was made with. It outlives a folder, and no edit."""

import numpy as np
import pytest
from napari.layers import Layer

from napari_cement._editors import editors_of
from napari_cement._focus import Chosen, Shown, focus_of
from napari_cement._layers import origin_of, scan_layers
from napari_cement._session import session_of
from napari_cement.widgets.opening.opening import opening_of
from napari_cement.widgets.saving.autosaver import autosaver_of
from planner.config.needle_config import NeedleConfig
from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import BallRegion, BoxRegion, WishedTarget, WishesConfig
from planner.errors import LabelError
from planner.io import load_scan
from planner.io.nifti import write_label_nifti
from planner.io.plan_json import load_plan, save_plan
from planner.model.labels import LabelMap
from planner.model.plan import Review
from planner.station.keeping.autosave import Autosave
from planner.station.surfaces import surfaces_of
from tests.napari_cement.widgets.saving.sitting import PATIENCE_MS, WISHES, open_and_plan, save

APPROVED = Review(state="approved", by="A. Surgeon", at="2026-11-22T12:00:00+01:00")
MANY = WishesConfig(
    targets=WISHES.targets,
    # The box first: it is drawn after the ball.
    keep_out=(
        BoxRegion(low_lps=(-20.0, -20.0, -20.0), high_lps=(-11.0, -12.3, -13.0)),
        BallRegion(centre_lps=(20.1, 5.0, 5.0), radius_mm=4.3),
    ),
)
OTHER = PlanConfig(needles=NeedleConfig(canal_margin_mm=3.5, wishes=MANY))
OTHER_WISHES = PlanConfig(needles=NeedleConfig(wishes=WISHES))
MORE = WishesConfig(targets=(*WISHES.targets, WishedTarget(point_lps=(9.0, 8.0, 7.0), radius_mm=2.0)))


def saved_and_approved(qtbot, bars, ct, folder):
    """Plan with other settings and wishes, look at something, approve, save."""
    session_of(bars.viewer).set_config(OTHER)
    bars.panel.wishes.setValue(MANY)
    session_of(bars.viewer).set_wishes(MANY)
    open_and_plan(qtbot, bars, ct)
    focus = focus_of(bars.viewer)
    focus.set_hidden(frozenset(("trajectory-2",)))
    focus.set_chosen(Chosen("gap", "gap-1"))
    focus.set_cursor((4.0, 5.0, 6.0))
    focus.set_review(APPROVED)
    save(qtbot, bars, folder)
    assert load_plan(folder / "plan.json").review == APPROVED
    bars.viewer.close()


@pytest.mark.parametrize("kept", [False, True], ids=["kept not", "kept"])
def test_an_approved_plan_opens_approved_and_a_real_edit_takes_it_away(qtbot, station, planned, ct, tmp_path, kept):
    planned.kept = kept
    saved_and_approved(qtbot, station(), ct, tmp_path / "out")
    again = station()
    opening, session, focus = opening_of(again.viewer), session_of(again.viewer), focus_of(again.viewer)
    with qtbot.waitSignal(opening.live, timeout=PATIENCE_MS):
        opening.open(tmp_path / "out")
    qtbot.wait(100)
    assert focus.shown.plan.review == APPROVED == focus.shown.case.plan.review
    assert "approved by A. Surgeon" in again.panel.review.text()
    assert (focus.hidden, focus.chosen) == ({"trajectory-2"}, Chosen("gap", "gap-1")), "the scene is put back"
    assert focus.cursor_lps == (4.0, 5.0, 6.0)
    assert session.config.sha256() == OTHER.sha256() == focus.shown.settings.sha256()
    assert set(again.panel.wishes.value().keep_out) == set(MANY.keep_out)
    again.viewer.layers.selection.active = again.viewer.layers[0]
    again.viewer.layers.selection.active = again.viewer.layers["my targets"]
    again.panel.wishes.needle.draw()
    again.panel.wishes.own.touched.emit()
    assert focus.shown.plan.review == APPROVED, "to look and to take a tool is no edit"
    again.panel.wishes.wishes.add_target((9.0, 8.0, 7.0), radius_mm=2.0)
    assert focus.shown.plan.review == Review(state="edited") == focus.shown.case.plan.review


def test_what_is_drawn_while_a_plan_is_made_again_stays(qtbot, station, planned, ct, tmp_path):
    saved_and_approved(qtbot, station(), ct, tmp_path / "out")
    again = station()
    opening, session, focus = opening_of(again.viewer), session_of(again.viewer), focus_of(again.viewer)
    planned.open.clear()
    planned.begun.clear()
    opening.open(tmp_path / "out")
    qtbot.waitUntil(planned.begun.is_set, timeout=PATIENCE_MS)
    again.panel.wishes.wishes.add_target((9.0, 8.0, 7.0), radius_mm=2.0)
    assert session.wishes.targets == MORE.targets
    with qtbot.waitSignal(opening.live, timeout=PATIENCE_MS):
        planned.open.set()
    qtbot.wait(50)
    assert session.wishes.targets == MORE.targets == again.panel.wishes.value().targets
    assert focus.shown.case is not None
    assert focus.shown.plan.review == Review(state="edited") == focus.shown.case.plan.review


def refused(bars):
    bars.saving.message.setText("")
    bars.saving.dialog = None
    bars.saving.review_button.click()
    said = bars.saving.message.text()
    return bars.saving.dialog is None and "press Recompute first" in said


@pytest.mark.parametrize("kept", [False, True], ids=["kept not", "kept"])
def test_a_plan_that_is_older_than_the_edits_is_not_approved(qtbot, station, planned, ct, kept):
    planned.kept = kept
    bars = station()
    session = open_and_plan(qtbot, bars, ct)
    focus, wishes = focus_of(bars.viewer), bars.panel.wishes
    assert not refused(bars)
    dialog = bars.saving.dialog
    dialog.name.setText("A. Surgeon")
    for box in (dialog.patient_box, *dialog.place_boxes.values()):
        box.setChecked(True)
    wishes.wishes.add_target((9.0, 8.0, 7.0), radius_mm=2.0)
    dialog.approve_button.click()
    assert focus.shown.plan.review.state == "unreviewed" and "press Recompute first" in bars.saving.message.text()
    assert refused(bars)
    wishes.setValue(WishesConfig())
    assert not refused(bars), "what was drawn is taken back"
    bars.saving.dialog.reject()
    wishes.setValue(WISHES)
    assert refused(bars)
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        session.plan(focus.shown.scan)
    assert not refused(bars), "it was planned with what is drawn"
    bars.saving.dialog.reject()


@pytest.mark.parametrize("kept", [False, True], ids=["kept not", "kept"])
def test_painted_gaps_that_were_not_planned_with_are_newer_too(qtbot, station, planned, ct, kept):
    planned.kept = kept
    bars = station()
    open_and_plan(qtbot, bars, ct)
    brush = bars.panel.wishes.painting.brush
    brush.begin()
    assert not refused(bars), "to take a brush is no edit"
    bars.saving.dialog.reject()
    brush.layer.data[21, 26:28, 40] = 0
    brush.layer.events.paint(value=[])  # and the stroke is not over yet
    assert refused(bars)
    assert np.count_nonzero(brush.layer.data) > 0


def test_of_a_plan_whose_settings_nobody_knows_the_wishes_when_it_came_count(station, scan, plan, labels):
    bars = station()
    focus, wishes = focus_of(bars.viewer), bars.panel.wishes
    wishes.setValue(MANY)
    approved = plan.model_copy(update={"review": APPROVED})
    session_of(bars.viewer).show(Shown(scan, approved, labels, surfaces=surfaces_of(plan, labels)))
    assert focus.shown.plan.review == APPROVED
    focus.set_review(Review())
    focus.set_review(APPROVED)
    wishes.needle.draw()
    assert focus.shown.plan.review == APPROVED
    wishes.wishes.add_target((9.0, 8.0, 7.0), radius_mm=2.0)
    assert focus.shown.plan.review == Review(state="edited")
    assert refused(bars)


def test_what_was_drawn_on_the_open_ct_is_kept_beside_what_a_folder_brings(qtbot, station, planned, ct, tmp_path):
    saved_and_approved(qtbot, station(), ct, tmp_path / "out")
    again = station()
    opening, session = opening_of(again.viewer), session_of(again.viewer)
    with qtbot.waitSignal(session.loaded, timeout=PATIENCE_MS):
        opening.open(ct)
    again.panel.wishes.setValue(MORE)
    with qtbot.waitSignal(opening.live, timeout=PATIENCE_MS):
        opening.open(tmp_path / "out")
    assert set(again.panel.wishes.value().keep_out) == set(MANY.keep_out)
    keeper = autosaver_of(again.viewer)
    qtbot.waitUntil(lambda: keeper.offer is not None, timeout=PATIENCE_MS)
    assert MORE in [one.edits.wishes for one in keeper.offers]
    assert focus_of(again.viewer).shown.plan.review == APPROVED


def approved_without_ct(tmp_path, ct, plan, labels, *, settings):
    """A folder with an approved plan, whose CT this computer has not opened yet."""
    scan = load_scan(ct)
    (tmp_path / "out").mkdir()
    sha = PlanConfig().sha256() if settings else "1" * 64
    changes = {"series": scan.series, "settings_sha256": sha, "review": APPROVED}
    save_plan(plan.model_copy(update=changes), tmp_path / "out" / "plan.json")
    write_label_nifti(LabelMap(scan.volume.grid, labels.codes, labels.structures), tmp_path / "out" / "labels.nii.gz")
    return scan


@pytest.mark.parametrize("settings", [True, False], ids=["settings known", "settings unknown"])
def test_what_is_drawn_before_a_plans_ct_comes_is_newer_and_unsaved(
    qtbot, station, planned, ct, tmp_path, plan, labels, settings
):
    scan = approved_without_ct(tmp_path, ct, plan, labels, settings=settings)
    bars = station()
    opening, focus, session = opening_of(bars.viewer), focus_of(bars.viewer), session_of(bars.viewer)
    with qtbot.waitSignal(opening.ctWanted, timeout=PATIENCE_MS):
        opening.open(tmp_path / "out")
    assert focus.shown.plan.review == APPROVED
    bars.panel.wishes.setValue(WISHES)
    assert focus.shown.plan.review == Review(state="edited")
    with qtbot.waitSignal(opening.opened, timeout=PATIENCE_MS):
        opening.give_ct(ct)
    qtbot.wait(100)
    assert focus.shown.scan is not None and session.wishes == WISHES
    assert focus.shown.plan.review == Review(state="edited"), "the plan never saw what is drawn"
    assert "approved by" not in bars.panel.review.text() + bars.viewer.canvas.overlays.text.text.lower()
    mine = [o for layer in bars.viewer.layers if (o := origin_of(layer)) is not None and o.plan is not None]
    assert mine and all(o.plan is focus.shown.plan for o in mine)
    assert refused(bars)
    bars.viewer.close()
    assert [one.edits.wishes for one in Autosave().all_kept(f"series {scan.series.name}")] == [WISHES]


def test_a_plan_that_comes_older_than_what_is_drawn_loses_its_approval_at_once(station, scan, plan, labels):
    bars = station()
    bars.panel.wishes.setValue(MANY)
    approved = plan.model_copy(update={"review": APPROVED})
    session_of(bars.viewer).show(Shown(scan, approved, labels, surfaces=(), settings=PlanConfig()))
    shown = focus_of(bars.viewer).shown
    assert shown.plan.review == Review(state="edited")
    layers = [o for layer in bars.viewer.layers if (o := origin_of(layer)) is not None and o.plan is not None]
    assert layers and all(o.plan is shown.plan for o in layers), "they hide and choose what it tells"


def test_a_folder_over_its_own_ct_takes_no_approval_of_another_plan(qtbot, station, planned, ct, tmp_path):
    saved_and_approved(qtbot, station(), ct, tmp_path / "out")
    again = station()
    opening, focus = opening_of(again.viewer), focus_of(again.viewer)
    open_and_plan(qtbot, again, ct)
    focus.set_review(APPROVED)
    states = []
    focus.reviewChanged.connect(lambda before: states.append(focus.shown.plan.review.state))
    with qtbot.waitSignal(opening.live, timeout=PATIENCE_MS):
        opening.open(tmp_path / "out")
    assert states == [] and "no longer approved" not in again.saving.message.text()
    assert focus.shown.plan.review == APPROVED and focus.shown.folder == tmp_path / "out"


def test_where_a_folder_cannot_be_shown_edits_are_of_what_stays(qtbot, station, planned, ct, tmp_path, monkeypatch):
    saved_and_approved(qtbot, station(), ct, tmp_path / "out")
    again = station()
    session, focus = open_and_plan(qtbot, again, ct), focus_of(again.viewer)

    def fail(*_, **__):
        raise LabelError("these labels fit no CT")

    monkeypatch.setattr(session, "_bring", fail)
    with qtbot.waitSignal(session.failed, timeout=PATIENCE_MS):
        opening_of(again.viewer).open(tmp_path / "out")
    assert editors_of(again.viewer).about is focus.shown.scan and editors_of(again.viewer).are_of_shown


def test_an_approval_is_refused_where_what_is_drawn_is_of_another_ct(qtbot, station, planned, ct):
    bars = station()
    open_and_plan(qtbot, bars, ct)
    editors_of(bars.viewer).set_about(None)
    bars.saving.review_button.click()
    assert bars.saving.dialog is None and "not approved" in bars.saving.message.text().lower()


def test_a_plan_without_its_ct_that_goes_keeps_its_approval(qtbot, station, scan, plan, labels, tmp_path):
    bars = station()
    focus, session = focus_of(bars.viewer), session_of(bars.viewer)
    session.set_wishes(WISHES)
    bars.panel.wishes.setValue(WISHES)
    approved = plan.model_copy(update={"review": APPROVED})
    session.show(Shown(None, approved, labels, surfaces=(), folder=tmp_path, settings=OTHER_WISHES))
    assert focus.shown.plan.review == APPROVED
    states = []
    focus.reviewChanged.connect(lambda before: states.append(focus.shown.plan.review.state))
    bars.viewer.add_layer(Layer.create(*scan_layers(scan, name="CT bob")[0]))
    assert focus.shown.scan is scan and states == []
    assert "no longer approved" not in bars.saving.message.text()
