"""The panel: planning by its buttons, what stands in it, and what a new plan shows."""

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton

from napari_cement._display import display_of
from napari_cement._focus import Chosen, Shown
from napari_cement.widgets.panel.no_gap_note import no_gap_words
from napari_cement.widgets.panel.told import needle_told
from planner.model.finding import Finding
from planner.model.needle import AimError
from tests.napari_cement.widgets.panel.seen import add_ct, rows, shown_with_surfaces

PATIENCE_MS = 60_000


def test_nothing_to_plan_on_without_a_ct(widget, viewer):
    assert not widget.plan_button.isEnabled()
    viewer.add_image(np.zeros((4, 5, 6)))
    assert not widget.plan_button.isEnabled(), "an image that the planner did not load has no left and right"


def test_a_ct_in_the_viewer_can_be_planned_on(widget, viewer, scan):
    add_ct(viewer, scan)
    assert widget.ct.text() == "CT leg"
    assert widget.plan_button.isEnabled()
    viewer.layers.clear()
    assert not widget.plan_button.isEnabled()


def test_plan_and_cancel_by_their_buttons(qtbot, widget, viewer, scan, monkeypatch):
    from planner.progress import Progress, check_cancelled

    def endless(scan, config, *, monitor):
        while True:
            monitor.report(Progress("searching needles", 2, 5))
            check_cancelled(monitor)

    monkeypatch.setattr("planner.pipeline.plan_scan", endless)
    add_ct(viewer, scan)
    qtbot.mouseClick(widget.plan_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.message.text() == "searching needles", timeout=PATIENCE_MS)
    assert (widget.progress.value(), widget.progress.maximum()) == (2, 5)
    assert not widget.plan_button.isEnabled()
    qtbot.mouseClick(widget.cancel_button, Qt.MouseButton.LeftButton)
    assert widget.message.text() == "Stopped. Nothing was changed."
    assert widget.plan_button.isEnabled()
    assert not widget.cancel_button.isEnabled()
    assert [layer.name for layer in viewer.layers] == ["CT leg"]


def test_an_error_stands_in_the_dock(widget):
    widget.session.failed.emit("no orthopaedic implant: nothing in this CT is as bright as metal")
    assert widget.message.text() == "No orthopaedic implant: nothing in this CT is as bright as metal."


def test_the_plan_in_words(widget, plan):
    warned = Finding(code="hu-clipped", severity="warning", message="metal is clipped")
    minor = Finding(code="x", severity="info", message="not for the list")
    widget.session.show(Shown(plan=plan.model_copy(update={"findings": (warned, minor)})))
    halo = (
        "gap-1: halo round a screw",
        "1.25 (0.90–1.60)",
        "1.4, max 2.3 mm",
        "not measured",
        *[""] * 6,
        "automatic",
        "gap-1",
    )
    rest = ("RAO 20 CRAN 2", "1.0\u202fmm", "not measured", "6.0\u202fmm", "automatic")
    skin = ("not simulated", "no caution", "", "0.80", "49\u202fmm", *rest, "trajectory-1")
    none = ("not simulated", "1 caution", "", "0.80", "not measured", *rest, "trajectory-2")
    assert rows(widget.tree, columns=12) == [
        ("To know first (1)", *[""] * 11),
        ("metal is clipped", *[""] * 11),
        ("screw-1 L4 left: pedicle screw", "", "probably loose", *[""] * 9),
        halo,
        ("1: 49 mm, transpedicular", *skin),
        ("2: no skin, transpedicular", *none),
        (
            "soft tissue (breach-1)",
            "not simulated",
            "0.6 mm left",
            "not measured",
            "",
            "",
            "not told",
            *[""] * 4,
            "breach-1",
        ),
    ]
    assert "UNREVIEWED" in widget.review.text()
    assert widget.message.text() == "1 implant, 1 gap, 2 needles, 1 breach."


def test_what_was_not_found_is_said(widget, plan):
    bare = plan.model_copy(update={"trajectories": (), "breaches": ()})
    widget.tree.set_plan(bare)
    assert ("no needle keeps every limit", "") in rows(widget.tree)
    widget.tree.set_plan(bare.model_copy(update={"gaps": ()}))
    assert ("no gap found round it", "") in rows(widget.tree)
    assert ("screw-1 L4 left: pedicle screw", "no gap told") in rows(widget.tree)
    widget.tree.set_plan(None)
    assert rows(widget.tree) == []


def test_a_click_on_a_needle_tells_its_place(qtbot, widget, plan):
    widget.tree.set_plan(plan)
    needle = next(i for i in widget.tree.findItems("2: ", Qt.MatchFlag.MatchStartsWith | Qt.MatchFlag.MatchRecursive))
    with qtbot.waitSignal(widget.tree.chosen, timeout=PATIENCE_MS) as told:
        widget.tree.setCurrentItem(needle)
    assert told.args == [Chosen("needle", "trajectory-2")]
    assert widget.details.value().splitlines() == [
        "needle 2 of gap-1: transpedicular, 15G (trajectory-2)",
        "caution: the skin lies outside of the scan: its way through soft tissue is not checked to the end",
        "from the skin: the skin is not in the picture",
        "in bone: 20.0 mm",
        "to metal: 1.0\u202fmm",
        "to the canal: not measured",
        "to tissue out of bounds: not measured",
        "to the nearest breach: 6.0\u202fmm",
        "injected through it alone: leaks not simulated",
        "reaches: not measured",
        "at the console: RAO 20 CRAN 2",
        "in the patient: LAO 160 CRAN 2",
        "skin entry: outside the scan",
        "score: 0.80 of 1",
        "made: automatic",
    ]


def test_what_speaks_against_a_needle_is_told_first(widget, plan):
    aim = AimError(error_mm=2.0, error_deg=2.0, metal=-0.4, canal=None, forbidden=1.0, harmless_share=0.5)
    far = plan.trajectories[0].bulls_eye.model_copy(update={"within_gantry_limits": False})
    changed = {"violations": ("enters <the> canal",), "cautions": ("skates",), "with_aim_error": aim, "bulls_eye": far}
    told = needle_told(plan.trajectories[0].model_copy(update=changed), None, to_a_gap=False)
    assert told.unsafe == ("enters <the> canal",)
    assert told.cautions == (
        "skates",
        "aimed 2 mm and 2 degrees off it may meet an implant or cement",
        "the C-arm does not reach its bull's-eye view",
    )
    figures = dict(told.figures)
    assert figures["to metal"] == "1.0\u202fmm; aimed 2 mm and 2° off −0.4\u202fmm: would meet it"
    assert figures["to the canal"] == "not measured"
    assert "injected through it alone" not in figures, "cement's course is not simulated there"
    widget.details.setValue(told)
    assert widget.details.value().splitlines()[1] == "BREAKS A HARD LIMIT: enters <the> canal"
    assert "enters &lt;the&gt; canal" in widget.details.text()
    assert "UNSAFE" in widget.details.text()
    widget.details.setValue(needle_told(plan.trajectories[0], None, to_a_gap=True))
    assert "UNSAFE" not in widget.details.text() and "Caution" not in widget.details.text()


def test_a_plan_without_a_gap_says_so_and_what_one_can_do(widget, plan):
    widget.session.planned.emit(plan)
    assert widget.no_gap.isHidden() and no_gap_words(plan) is None
    hidden = Finding(code="unreadable-by-artefact", severity="caution", message="screw-1: metal artefacts make 99%")
    bare = plan.model_copy(update={"trajectories": (), "breaches": (), "gaps": (), "findings": (hidden,)})
    widget.session.planned.emit(bare)
    assert not widget.no_gap.isHidden()
    assert widget.no_gap.words.text() == (
        "No gap was told round any implant: this does not exclude loosening. Metal artefacts hide tissue at screw-1."
    )
    assert "artefacts" not in no_gap_words(bare.model_copy(update={"findings": ()}))
    for way in ("paint", "target", "needle"):
        widget.tabs.setCurrentIndex(0)
        widget.no_gap.buttons[way].click()
        assert widget.tabs.currentIndex() > 0
    widget.session.planned.emit(plan)
    assert widget.no_gap.isHidden()


def test_no_button_is_without_words(widget):
    for button in widget.findChildren(QPushButton):
        # a question's buttons have their words when it is asked
        if button.isVisibleTo(widget):
            assert button.text() or button.accessibleName(), button.parent()
    opening = widget.opening.open_button, widget.opening.recent_button
    for button in (*opening, widget.plan_button, widget.cancel_button, *widget.views.buttons.values()):
        assert button.toolTip()
    assert not widget.lock_button.isEnabled(), "no needle is chosen"


def test_the_view_buttons(widget, viewer, scan):
    add_ct(viewer, scan)
    for view, order, ndisplay in (("coronal", (1, 0, 2), 2), ("sagittal", (2, 0, 1), 2), ("3d", (0, 1, 2), 3)):
        widget.views.buttons[view].click()
        assert (tuple(viewer.dims.order), viewer.dims.ndisplay) == (order, ndisplay)


def test_the_first_plan_opens_in_3d_and_the_next_leaves_the_view_alone(widget, viewer, scan, plan, labels):
    add_ct(viewer, scan)
    widget.session.show(shown_with_surfaces(scan, plan, labels))
    assert display_of(viewer).view == "3d"
    display_of(viewer).show("coronal")
    widget.session.show(shown_with_surfaces(scan, plan.model_copy(), labels))
    assert display_of(viewer).view == "coronal"


def test_a_new_plan_shows_the_first_needle_of_each_gap(widget, viewer, scan, plan, labels):
    other = plan.gaps[0].model_copy(update={"id": "gap-2", "centroid_lps": (-10.0, 0.0, 4.0)})
    way = plan.trajectories[0].model_copy(update={"id": "trajectory-3", "gap_id": "gap-2"})
    both = plan.model_copy(update={"gaps": (*plan.gaps, other), "trajectories": (*plan.trajectories, way)})
    widget.session.show(Shown(scan, both, labels))
    layer = viewer.layers["needles"]
    assert set(layer.features["trajectory"][layer.size > 0]) == {"trajectory-1", "trajectory-3"}
