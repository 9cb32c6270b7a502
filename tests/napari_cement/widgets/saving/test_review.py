"""A plan is approved in a name, and an edit takes that away."""

import time

from napari_cement._focus import Chosen, Shown, focus_of
from napari_cement._layers import origin_of
from napari_cement._session import session_of
from planner.io.plan_json import load_plan
from planner.model.plan import Review
from tests.napari_cement.widgets.saving.sitting import PATIENCE_MS, WISHES, open_and_plan, save


def test_a_plan_is_approved_in_a_name_and_an_edit_takes_it_away(qtbot, station, planned, ct, tmp_path):
    bars = station()
    open_and_plan(qtbot, bars, ct)
    bars.saving.review_button.click()
    dialog = bars.saving.dialog
    assert not dialog.approve_button.isEnabled()
    assert dialog.missing() == ("the patient", "every place", "your name")
    assert any("left, L4" in box.text() for box in dialog.place_boxes.values())
    dialog.patient_box.setChecked(True)
    dialog.name.setText("  ")
    for box in dialog.place_boxes.values():
        box.setChecked(True)
    assert not dialog.approve_button.isEnabled(), "blanks are no name"
    dialog.name.setText("A. Surgeon")
    focus = focus_of(bars.viewer)
    focus.set_hidden(frozenset(("trajectory-2",)))
    focus.set_chosen(Chosen("gap", "gap-1"))
    qtbot.waitUntil(lambda: "trajectories" in bars.viewer.layers, timeout=PATIENCE_MS)  # the last of them
    qtbot.wait(500)
    before = list(bars.viewer.layers), focus.shown.surfaces, focus.shown.labels
    drawn_anew = []
    focus.shownChanged.connect(lambda: drawn_anew.append(1))
    dialog.approve_button.click()
    assert (list(bars.viewer.layers), focus.shown.surfaces, focus.shown.labels) == before, "nothing is drawn anew"
    assert drawn_anew == [] and (focus.hidden, focus.chosen) == ({"trajectory-2"}, Chosen("gap", "gap-1"))
    origins = [origin_of(layer).plan for layer in bars.viewer.layers]
    assert {id(plan) for plan in origins if plan is not None} == {id(focus.shown.plan)}
    assert "approved by A. Surgeon" in bars.panel.review.text()
    assert (focus.shown.plan.review.state, focus.shown.plan.review.by) == ("approved", "A. Surgeon")
    assert "approved by A. Surgeon" in bars.viewer.canvas.overlays.text.text
    save(qtbot, bars, tmp_path / "out")
    assert load_plan(tmp_path / "out" / "plan.json").review.state == "approved"
    assert "PatientName" not in (tmp_path / "out" / "station.json").read_text()
    bars.panel.wishes.setValue(WISHES)
    assert focus.shown.plan.review == Review(state="edited")
    assert focus.shown.case.plan.review == Review(state="edited"), "what is saved next is not approved either"
    assert "NOT APPROVED" in bars.viewer.canvas.overlays.text.text
    assert "NOT APPROVED" in bars.panel.review.text()
    focus.set_hidden(frozenset())
    focus.set_hidden(frozenset(("breach-1",)))
    (sites,) = (layer for layer in bars.viewer.layers if layer.name == "breach sites")
    assert not sites.shown.any(), "the layers still follow"


def test_the_patient_is_read_from_the_files_and_kept_nowhere(qtbot, station, planned, ct, tmp_path):
    import pydicom

    for file in ct.iterdir():
        image = pydicom.dcmread(file)
        image.PatientName, image.PatientID, image.PatientBirthDate = "Doe^Jane", "4711", "19500203"
        image.save_as(file)
    bars = station()
    open_and_plan(qtbot, bars, ct)
    bars.saving.review_button.click()
    from qtpy.QtWidgets import QLabel

    shown = [label.text() for label in bars.saving.dialog.findChildren(QLabel)]
    assert {"Doe, Jane", "4711", "1950-02-03"} <= set(shown)
    bars.saving.dialog.reject()
    save(qtbot, bars, tmp_path / "out")
    bars.viewer.close()
    written = [*(tmp_path / "out").rglob("*.json"), *(tmp_path / "state").rglob("*.json")]
    assert written and not any("Doe" in file.read_text() or "4711" in file.read_text() for file in written)


def test_nothing_of_a_shown_plan_is_taken_for_another(qtbot, station, planned, ct, plan):
    """A review that was begun on a plan does not approve the one that came meanwhile."""
    bars = station()
    open_and_plan(qtbot, bars, ct)
    focus = focus_of(bars.viewer)
    before = focus.shown
    bars.saving.review_button.click()
    dialog = bars.saving.dialog
    dialog.name.setText("A. Surgeon")
    for box in (dialog.patient_box, *dialog.place_boxes.values()):
        box.setChecked(True)
    session_of(bars.viewer).show(Shown(before.scan, before.plan.model_copy(), before.labels, before.case))
    dialog.approve_button.click()
    assert focus.shown.plan.review.state == "unreviewed"
    assert "another plan came meanwhile" in bars.saving.message.text()
    time.sleep(0)


def test_that_a_plan_is_too_old_to_be_approved_is_not_said_of_the_next(qtbot, station, planned, ct):
    bars = station()
    session = open_and_plan(qtbot, bars, ct)
    bars.panel.wishes.setValue(WISHES)
    bars.saving.review_button.click()
    assert bars.saving.dialog is None and "older than your edits" in bars.saving.message.text()
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        bars.panel.plan_button.click()
    assert bars.saving.message.text() == ""
    bars.saving.review_button.click()
    assert bars.saving.dialog is not None
