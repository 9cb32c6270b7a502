"""Two patients, one window: nothing of the first is seen over the second, nor kept with it."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Layer
from napari.qt.threading import WorkerBase

import planner.pipeline
from napari_cement._editors import editors_of
from napari_cement._focus import CementShown, Chosen, Shown, aim_of, focus_of
from napari_cement._layers import origin_of, scan_layers
from napari_cement._scene import scene_of
from napari_cement._session import session_of
from napari_cement.drawn.plan_layers import plan_layers
from napari_cement.widgets import PlanWidget
from napari_cement.widgets.saving import autosaver as autosaving
from napari_cement.widgets.slices import SliceViews
from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import BallRegion, WishedTarget, WishesConfig
from planner.errors import OutputError
from planner.io.nifti import write_label_nifti
from planner.io.plan_json import save_plan
from planner.model.labels import LabelMap
from planner.model.plan import Review
from planner.model.scan import Scan
from planner.model.volume import Mask
from planner.station.keeping.autosave import Autosave, Edits
from planner.station.keeping.scene_file import DrawnNeedle
from planner.station.surfaces import surfaces_of
from planner.station.wished import with_wishes

PATIENCE_MS = 20_000
TAKEN_OUT = "Layers of a plan were taken out: they are not of the case that is shown. Open the plan's folder instead."
WISHES = WishesConfig(
    targets=(WishedTarget(point_lps=(1.0, 2.0, 3.0), radius_mm=2.0),),
    keep_out=(BallRegion(centre_lps=(5.0, 5.0, 5.0), radius_mm=4.0),),
)
OWN = DrawnNeedle(points_lps=((5.0, 60.0, 7.0), (1.0, 2.0, 3.0)), gauge="13G x 100")


def of_patient(scan, uid):
    series = scan.series.model_copy(update={"series_instance_uid": uid})
    return Scan(replace(scan.volume, hu=scan.volume.hu.copy()), series)


@pytest.fixture
def first(scan):
    return of_patient(scan, "1.2.3")


@pytest.fixture
def second(scan):
    return of_patient(scan, "1.2.4")


@pytest.fixture
def window(make_napari_viewer, qtbot, monkeypatch):
    """The panel and the cuts in one viewer; `bring` loads a CT as the station does."""
    monkeypatch.setattr(autosaving, "WAIT_MS", 1)
    viewer = make_napari_viewer()
    panel, cuts = PlanWidget(viewer), SliceViews(viewer)
    for widget in (panel, cuts):
        qtbot.addWidget(widget)
    session, told = session_of(viewer), []
    session.noted.connect(told.append)

    def bring(folder, scan, beside=None):
        monkeypatch.setattr("napari_cement._session.load_scans", lambda path, **_: (scan, beside))
        with qtbot.waitSignal(session.loaded, timeout=PATIENCE_MS):
            session.load(folder)

    yield SimpleNamespace(
        viewer=viewer, panel=panel, cuts=cuts, session=session, focus=focus_of(viewer), told=told, bring=bring
    )
    session.cancel()
    WorkerBase.await_workers(PATIENCE_MS)


def names(window):
    return [layer.name for layer in window.viewer.layers]


def work_on(window, folder, scan, plan, labels):
    """Load a CT, show an approved plan of it, draw and look at things."""
    window.bring(folder / "ann", scan)
    of_it = plan.model_copy(update={"series": scan.series, "review": Review(state="approved", by="A. Surgeon")})
    window.session.set_wishes(WISHES)
    window.session.show(Shown(scan, of_it, labels, settings=with_wishes(PlanConfig(), WISHES)))
    window.panel.wishes.setValue(WISHES)
    window.panel.wishes.own.setValue(OWN)
    focus = window.focus
    focus.set_chosen(Chosen("needle", "trajectory-1"))
    focus.set_aim(aim_of(plan.trajectories[0]))
    focus.set_hidden(frozenset(("breach-1",)))
    focus.set_cement(CementShown("gap-1", 1.0, Mask(scan.volume.grid, np.ones(scan.volume.grid.shape, bool))))
    assert focus.shown.plan.review.state == "approved"
    assert {"my targets", "keep out", "my needle", "gaps"} <= set(names(window))


def require_only(window, scan, name):
    """Only a CT is seen, and nothing of any plan."""
    focus = window.focus
    assert names(window) == [name]
    assert origin_of(window.viewer.layers[0]).scan is scan
    assert focus.shown.scan is scan and editors_of(window.viewer).about is scan
    assert (focus.shown.plan, focus.shown.labels, focus.shown.case, focus.shown.surfaces) == (None,) * 4
    assert (focus.chosen, focus.aim, focus.cement, focus.hidden, focus.handles) == (None, None, None, frozenset(), ())
    for view in window.cuts.views:
        seen = view._content
        assert seen.volume is scan.volume
        assert (seen.plan, seen.labels, seen.cement, seen.note) == (None,) * 4
        assert (seen.ways, seen.own, seen.drawn) == ((), (), ())
    assert window.session.wishes == WishesConfig() == window.panel.wishes.value()
    assert window.panel.wishes.own.value() is None or window.panel.wishes.own.value().points_lps == ()
    assert window.panel.tree.topLevelItemCount() == 0 and window.panel.ct.text() == name
    assert "A. Surgeon" not in window.panel.review.text() + window.viewer.canvas.overlays.text.text
    assert window.panel.wishes.history.undo_words is None, "no step back brings the other patient's wishes here"


def test_another_ct_takes_the_first_one_out_and_its_work_is_kept(qtbot, window, tmp_path, first, second, plan, labels):
    work_on(window, tmp_path, first, plan, labels)
    window.bring(tmp_path / "bob", second)
    require_only(window, second, "CT bob")
    said = "CT ann was closed: one CT a window. Its unsaved work is kept and offered when it is opened again."
    assert window.told == [said] and window.panel.notice.text() == said
    store = Autosave()
    qtbot.waitUntil(lambda: store.kept("series 1.2.3") is not None, timeout=PATIENCE_MS)
    qtbot.wait(200)
    kept = store.kept("series 1.2.3").edits
    assert (kept.wishes, kept.own_needle, kept.review.state) == (WISHES, OWN, "approved")
    assert store.kept("series 1.2.4") is None
    scene = scene_of(window.viewer, settings=None)
    assert (scene.wishes, scene.own_needle) == (WishesConfig(), None)
    window.bring(tmp_path / "ann", first)
    assert names(window) == ["CT ann"]
    qtbot.waitUntil(lambda: window.panel.saving.autosaver.offer is not None, timeout=PATIENCE_MS)
    assert window.panel.saving.autosaver.offer.edits.wishes == WISHES


def test_a_ct_that_napari_adds_is_another_patient_too(window, tmp_path, first, second, plan, labels):
    work_on(window, tmp_path, first, plan, labels)
    window.viewer.add_layer(Layer.create(*scan_layers(second, name="sample")[0]))
    require_only(window, second, "sample")
    assert len(window.told) == 1


def test_the_artefact_reduced_twin_goes_and_stays_with_its_ct(window, tmp_path, first, second):
    window.bring(tmp_path / "ann", first, of_patient(first, "1.2.3.9"))
    assert len(names(window)) == 2 and window.focus.shown.scan is first and not window.told
    window.bring(tmp_path / "ann again", of_patient(first, "1.2.3"), of_patient(first, "1.2.3.9"))
    assert len(names(window)) == 2
    window.viewer.layers.remove("CT ann")
    window.bring(tmp_path / "ann", of_patient(first, "1.2.3"), of_patient(first, "1.2.3.9"))
    assert len(names(window)) == 2 and "CT ann" in names(window), "its layer was deleted: it comes back to its twin"
    window.bring(tmp_path / "bob", second)
    require_only(window, second, "CT bob")


def test_the_same_ct_opened_again_is_the_one_that_is_open(window, tmp_path, first, plan, labels):
    work_on(window, tmp_path, first, plan, labels)
    before = names(window)
    again = of_patient(first, "1.2.3")
    window.bring(tmp_path / "copy", again)
    assert names(window) == before and window.focus.shown.scan is first
    assert window.session.wishes == WISHES and window.focus.shown.plan.review.state == "approved"
    assert window.told == ["CT copy is open already: all stays as it is."]
    window.viewer.add_layer(Layer.create(*scan_layers(of_patient(first, "1.2.3"), name="by hand")[0]))
    assert window.focus.shown.plan is not None and window.session.wishes == WISHES
    assert origin_of(window.viewer.layers["by hand"]).scan is first, "it is planned on as the one that is open"
    hu = first.volume.hu.copy()
    hu[0, 0, 0] += 1
    changed = replace(first, volume=replace(first.volume, hu=hu))
    window.bring(tmp_path / "other", changed)
    require_only(window, changed, "CT other")


def test_a_run_for_the_ct_before_comes_to_nothing(qtbot, window, tmp_path, first, second, plan, labels, monkeypatch):
    begun, end = threading.Event(), threading.Event()

    def deaf(scan, config, *, monitor):
        begun.set()
        end.wait(PATIENCE_MS / 1000)
        return SimpleNamespace(plan=plan, labels=labels, trust=None)

    monkeypatch.setattr(planner.pipeline, "plan_scan", deaf)
    window.bring(tmp_path / "ann", first)
    window.session.plan(first)
    qtbot.waitUntil(begun.is_set, timeout=PATIENCE_MS)
    window.viewer.add_layer(Layer.create(*scan_layers(second, name="CT bob")[0]))
    assert not window.session.is_running
    end.set()
    WorkerBase.await_workers(PATIENCE_MS)
    qtbot.wait(100)
    require_only(window, second, "CT bob")
    assert window.panel.message.text() == "", "nothing was changed: not so"


def test_a_plan_waits_for_its_own_ct_and_goes_for_any_other(
    qtbot, window, tmp_path, first, second, plan, labels, monkeypatch
):
    folder = tmp_path / "out"
    folder.mkdir()
    save_plan(plan.model_copy(update={"series": first.series}), folder / "plan.json")
    write_label_nifti(labels, folder / "labels.nii.gz")
    monkeypatch.setattr("planner.station.keeping.plan_folder.load_scan", lambda *args, **options: first)
    session = window.session
    for ct in (None, tmp_path):
        with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
            session.load_plan(folder, ct=ct)
        window.panel.wishes.setValue(WISHES)
    assert window.focus.shown.scan is first and not window.told
    with qtbot.waitSignal(session.planned, timeout=PATIENCE_MS):
        session.load_plan(folder)
    assert window.focus.shown.scan is first, "the one that is open is its own"
    window.focus.set_shown(replace(window.focus.shown, scan=None))
    window.bring(tmp_path / "bob", second)
    require_only(window, second, "CT bob")
    assert window.told == ["The plan out was closed: one case a window. What was drawn on it is not kept."]


def test_what_is_drawn_on_another_ct_is_neither_shown_nor_judged_nor_saved(window, tmp_path, first, plan, labels):
    """Between two CTs: the one is being taken out, the other not shown yet."""
    work_on(window, tmp_path, first, plan, labels)
    window.focus.set_aim(replace(aim_of(plan.trajectories[0]), id=None))
    seen = window.cuts.views[0]._content
    assert len(seen.drawn) == 2 and len(seen.own) == 1
    editors = editors_of(window.viewer)
    editors.set_about(None)
    seen = window.cuts.views[0]._content
    assert (seen.drawn, seen.own) == ((), ())
    window.panel.wishes.setValue(WishesConfig())
    assert window.focus.shown.plan.review.state == "approved"
    window.panel.wishes.setValue(WISHES)
    scene = scene_of(window.viewer, settings=None)
    assert (scene.wishes, scene.own_needle) == (WishesConfig(), None)
    editors.set_about(first)
    assert scene_of(window.viewer, settings=None).wishes == WISHES


def test_of_cts_that_were_there_before_the_newest_stays(make_napari_viewer, first, second):
    viewer = make_napari_viewer()
    for name, scan in (("ann", first), ("bob", second)):
        viewer.add_layer(Layer.create(*scan_layers(scan, name=name)[0]))
    viewer.add_image(np.zeros((3, 4, 5)), name="not ours")
    session_of(viewer)
    assert [layer.name for layer in viewer.layers] == ["bob", "not ours"]
    assert focus_of(viewer).shown.scan is second


def plan_layers_of(plan, labels):
    return [Layer.create(*data) for data in plan_layers(plan, labels, with_bone=True)]


def test_layers_of_a_plan_that_a_script_read_lie_over_no_ct(qtbot, window, tmp_path, first, plan, labels):
    """`viewer.open` of a plan's folder gives layers, and nothing that is shown."""
    for layer in plan_layers_of(plan, labels):
        window.viewer.add_layer(layer)
    assert "gaps" in names(window) and not window.told, "a plan alone may be looked at"
    other = plan.model_copy(update={"treatment_position": "HFS"})
    window.viewer.add_layer(plan_layers_of(other, labels)[-1])
    assert len(names(window)) == 1, "of two plans the newest stays"
    window.bring(tmp_path / "ann", first)
    require_only(window, first, "CT ann")
    assert window.told == [TAKEN_OUT] and window.panel.notice.text() == TAKEN_OUT
    for layer in plan_layers_of(plan, labels):
        window.viewer.add_layer(layer)
        assert not layer.visible
    qtbot.wait(50)
    require_only(window, first, "CT ann")
    window.session.show(Shown(first, plan, labels, surfaces=()))
    before = names(window)
    window.viewer.add_layer(plan_layers_of(other, labels)[-1])
    qtbot.wait(50)
    assert names(window) == before and "gaps" in before
    window.focus.set_review(Review(state="approved", by="A. Surgeon"))
    window.viewer.add_layer(plan_layers_of(plan, labels)[-1])
    assert len(names(window)) == len(before) + 1, "the same plan before its review"


@pytest.mark.parametrize("order", ["plan, CT", "CT, plan"])
def test_of_what_was_there_before_no_plan_lies_over_a_ct(make_napari_viewer, first, plan, labels, order):
    viewer = make_napari_viewer()
    ct = [Layer.create(*scan_layers(first, name="ann")[0])]
    plans = plan_layers_of(plan, labels)
    for layer in plans + ct if order == "plan, CT" else ct + plans:
        viewer.add_layer(layer)
    session_of(viewer)
    assert [layer.name for layer in viewer.layers] == ["ann"]


def test_an_approval_that_was_not_saved_is_offered_again(qtbot, window, tmp_path, first, second, plan, labels):
    window.bring(tmp_path / "ann", first)
    window.session.show(Shown(first, plan.model_copy(update={"series": first.series}), labels, settings=PlanConfig()))
    window.focus.set_review(Review(state="approved", by="A. Surgeon"))
    window.bring(tmp_path / "bob", second)
    assert window.told[-1].endswith("Its unsaved work is kept and offered when it is opened again.")
    window.bring(tmp_path / "ann", first)
    keeper = window.panel.saving.autosaver
    qtbot.waitUntil(lambda: keeper.offer is not None, timeout=PATIENCE_MS)
    assert "an approval, which is to be given again" in window.panel.saving.unsaved.text()


def test_where_nothing_was_unsaved_nothing_is_promised(window, tmp_path, first, second):
    window.bring(tmp_path / "ann", first)
    window.viewer.add_image(np.zeros((3, 4, 5)), name="MR of ann")
    window.bring(tmp_path / "bob", second)
    assert window.told == ["CT ann was closed: one CT a window. Not the planner's, and still there: MR of ann."]


def test_what_is_drawn_on_a_plan_without_its_ct_is_said_to_be_lost(window, tmp_path, second, plan, labels):
    window.session.show(Shown(None, plan, labels, surfaces=(), folder=tmp_path / "out"))
    window.panel.wishes.setValue(WISHES)
    window.bring(tmp_path / "bob", second)
    said = "The plan out was closed: one case a window. What was drawn on it is not kept."
    assert window.told == [said]


@pytest.mark.parametrize("way", ["load", "napari"])
def test_a_ct_whose_work_cannot_be_kept_stays(qtbot, window, tmp_path, first, second, plan, labels, monkeypatch, way):
    def full(*_, **__):
        raise OutputError("edits.zip cannot be written: no space left on device")

    work_on(window, tmp_path, first, plan, labels)
    before, shown = names(window), window.focus.shown
    monkeypatch.setattr(Autosave, "keep", full)
    if way == "load":
        monkeypatch.setattr("napari_cement._session.load_scans", lambda path, **_: (second, None))
        with qtbot.waitSignal(window.session.failed, timeout=PATIENCE_MS) as told:
            window.session.load(tmp_path / "bob")
        words = told.args[0]
    else:
        window.viewer.add_layer(Layer.create(*scan_layers(second, name="CT bob")[0]))
        qtbot.wait(50)
        words = window.told[-1]
    assert "no space left" in words and "save its plan first" in words
    assert names(window) == before and window.focus.shown is shown
    assert editors_of(window.viewer).are_of_shown and window.panel.wishes.value() == WISHES


def test_in_3d_what_waits_to_be_brought_in_goes_too(qtbot, window, tmp_path, first, second, plan, labels):
    window.bring(tmp_path / "ann", first)
    window.session.show(Shown(first, plan, labels, surfaces=surfaces_of(plan, labels), settings=PlanConfig()))
    assert window.viewer.dims.ndisplay == 3 and "gaps" not in names(window), "it is looked at in 3D: cuts come later"
    window.bring(tmp_path / "bob", second)
    qtbot.wait(400)
    require_only(window, second, "CT bob")
    assert window.viewer.dims.ndisplay == 2


def test_a_stroke_that_is_not_over_is_kept_when_another_ct_comes(qtbot, window, tmp_path, first, second, plan, labels):
    window.bring(tmp_path / "ann", first)
    case = planner.pipeline.PlannedCase(plan, first, None, labels, None)
    window.session.show(Shown(first, plan, labels, case, settings=PlanConfig()))
    brush = window.panel.wishes.painting.brush
    assert brush.begin()
    brush.layer.data[21, 26:28, 40] = 0
    brush.layer.events.paint(value=[])
    window.bring(tmp_path / "bob", second)
    require_only(window, second, "CT bob")
    kept = Autosave().kept("series 1.2.3")
    assert np.count_nonzero(kept.gaps.codes) == np.count_nonzero(labels.codes == 2) - 2
    assert Autosave().kept("series 1.2.4") is None


def test_an_offer_and_gaps_that_are_taken_up_stay_with_their_ct(
    qtbot, window, tmp_path, first, second, labels, monkeypatch
):
    end, keeper = threading.Event(), window.panel.saving.autosaver
    monkeypatch.setattr(planner.pipeline, "plan_labelled", lambda *_, **__: end.wait(PATIENCE_MS / 1000))
    kept = Edits(case="series 1.2.3", at=datetime(2026, 11, 21, tzinfo=UTC))
    Autosave().keep(kept, LabelMap(first.volume.grid, labels.codes, labels.structures))
    for answer in (lambda: None, keeper.take_up):
        window.bring(tmp_path / "ann", first)
        qtbot.waitUntil(lambda: keeper.offer is not None, timeout=PATIENCE_MS)
        answer()
        window.bring(tmp_path / "bob", second)
        assert keeper.offer is None and window.panel.saving.take_button.isHidden()
        assert Autosave().kept("series 1.2.4") is None
        (stays,) = Autosave().all_kept("series 1.2.3")
        assert np.count_nonzero(stays.gaps.codes) == np.count_nonzero(labels.codes == 2)
        assert "unsaved work is kept" in window.told[-1]
        require_only(window, second, "CT bob")
    end.set()
    WorkerBase.await_workers(PATIENCE_MS)


def test_a_ct_whose_layer_was_deleted_is_still_the_one_that_goes(window, tmp_path, first, second, plan, labels):
    work_on(window, tmp_path, first, plan, labels)
    window.viewer.layers.remove("CT ann")
    window.bring(tmp_path / "bob", second)
    require_only(window, second, "CT bob")
    assert "The CT before was closed" in window.told[-1]
