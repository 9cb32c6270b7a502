import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_cement._layers import scan_layers
from napari_cement.widgets.plan_words import (
    breach_figures,
    breach_words,
    gap_figures,
    loosening_words,
    needle_figures,
    volume_words,
)
from planner.model.cement_fill import BreachArrival, CementFill, FillStep, NeedleHole
from planner.model.finding import Finding
from planner.report.courses import leaks_by_needle

PATIENCE_MS = 10_000


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def widget(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("periprosthetic-cement-planner", "Cement plan")
    return widget


def add_ct(viewer, scan):
    from napari.layers import Layer

    ((data, arguments, kind),) = scan_layers(scan, name="CT leg")
    viewer.add_layer(Layer.create(data, arguments, kind))


def rows(tree, parent=None):
    parent = parent or tree.invisibleRootItem()
    found = []
    for number in range(parent.childCount()):
        item = parent.child(number)
        found += [(item.text(0), item.text(1)), *rows(tree, item)]
    return found


def test_nothing_to_plan_on_without_a_ct(widget, viewer):
    assert not widget.plan_button.isEnabled()
    viewer.add_image(np.zeros((4, 5, 6)))
    assert not widget.plan_button.isEnabled(), "an image that the planner did not load has no left and right"


def test_a_ct_in_the_viewer_can_be_planned_on(widget, viewer, scan):
    add_ct(viewer, scan)
    assert widget.inputs.currentText() == "CT leg"
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
    widget.session.planned.emit(plan.model_copy(update={"findings": (warned, minor)}))
    assert rows(widget.tree) == [
        ("To know first (1)", ""),
        ("metal is clipped", "warning"),
        ("screw-1: pedicle screw, L4 left", "loosening probable"),
        ("gap-1: halo round a screw", "1.25 mL (0.90–1.60)"),
        ("needle 1: transpedicular, 15G", "49 mm from the skin"),
        ("needle 2: transpedicular, 15G", "skin not in the picture"),
        ("breach-1: soft tissue", "thin, 0.6\u202fmm of bone left; not simulated"),
    ]
    assert "UNREVIEWED" in widget.review.text()
    assert widget.message.text() == "1 implant, 1 gap, 2 needles, 1 breach."


def test_a_needle_hole_is_a_way_out_in_the_tree(widget, plan):
    hole = NeedleHole(
        trajectory_id="trajectory-1", gap_id="gap-1", entry_lps=(25.0, 20.0, 10.0), outward_lps=(0.0, 1.0, 0.0),
        diameter_mm=1.83, wall_mm=4.0, leak_after_ml=0.7,
    )  # fmt: skip
    widget.tree.set_plan(plan.model_copy(update={"needle_holes": (hole,)}))
    figures = "4.0 mm of bone, 1.8 mm across; cement there after 0.7\u202fmL"
    assert ("hole of trajectory-1: a way out", figures) in rows(widget.tree)
    dry = hole.model_copy(update={"leak_after_ml": None})
    widget.tree.set_plan(plan.model_copy(update={"needle_holes": (dry,)}))
    assert ("hole of trajectory-1: a way out", "4.0 mm of bone, 1.8 mm across") in rows(widget.tree)


def test_what_was_not_found_is_said(widget, plan):
    bare = plan.model_copy(update={"trajectories": (), "breaches": ()})
    widget.tree.set_plan(bare)
    assert ("no needle keeps every limit", "") in rows(widget.tree)
    widget.tree.set_plan(bare.model_copy(update={"gaps": ()}))
    assert ("no gap found round it", "") in rows(widget.tree)
    widget.tree.set_plan(None)
    assert rows(widget.tree) == []


def test_a_click_on_a_needle_tells_its_place(qtbot, widget, plan):
    widget.tree.set_plan(plan)
    needle = next(
        i for i in widget.tree.findItems("needle 2", Qt.MatchFlag.MatchStartsWith | Qt.MatchFlag.MatchRecursive)
    )
    with qtbot.waitSignal(widget.tree.chosen, timeout=PATIENCE_MS) as told:
        widget.tree.setCurrentItem(needle)
    assert told.args == [(10.0, -5.0, 4.0), "trajectory-2"]
    assert widget.details.text() == (
        "needle 2: transpedicular, 15G. skin not in the picture; 20.0 mm in bone; clear of metal 1.0 mm, "
        "canal not measured, breach 6.0 mm; bull's-eye LAO 160 CRAN 2; injected through it alone: leaks not simulated"
    )


def test_the_view_buttons(widget, viewer, scan):
    add_ct(viewer, scan)
    for view, order, ndisplay in (("coronal", (1, 0, 2), 2), ("sagittal", (2, 0, 1), 2), ("3d", (0, 1, 2), 3)):
        widget.view_buttons[view].click()
        assert (tuple(viewer.dims.order), viewer.dims.ndisplay) == (order, ndisplay)


def test_not_measured_is_said_so(plan):
    gap = plan.gaps[0].model_copy(update={"volume_ml": None, "width_mm": None})
    assert gap_figures(gap) == "volume not measured; width not measured; trust not measured"
    assert gap_figures(plan.gaps[0]) == ("1.25 mL (0.90–1.60); width 1.4 mm, at most 2.3 mm; trust not measured")
    assert volume_words(None) == "volume not measured"
    assert loosening_words(plan.implants[0].model_copy(update={"loosening": None})) == "loosening not measured"
    assert loosening_words(plan.implants[0].model_copy(update={"loosening": "none"})) == "no sign of loosening"
    thin = "thin, 0.6\u202fmm of bone left; area 12 mm²; not simulated; watch in LAO 20 CAUD 10"
    assert breach_figures(plan.breaches[0]) == thin
    breach = plan.breaches[0].model_copy(
        update={
            "leak_type": None, "area_mm2": None, "watch_view": None, "leak_after_ml": 1.5, "severity": "open",
            "reached": True, "trust": 0.3,
        }
    )  # fmt: skip
    assert breach_words(breach) == "breach-1: leak not told"
    assert breach_figures(breach) == (
        "open; area not measured; leaks after 1.5\u202fmL; no view shows it; readable to 30\u202f%, doubtful"
    )
    never = breach.model_copy(update={"reached": False, "leak_after_ml": None, "trust": None})
    assert "never reached" in breach_figures(never) and "doubtful" not in breach_figures(never)
    view = plan.trajectories[0].bulls_eye.model_copy(update={"within_gantry_limits": False})
    far = plan.trajectories[0].model_copy(update={"bulls_eye": view})
    assert "beyond the gantry's reach" in needle_figures(far)
    held = breach.model_copy(update={"severity": "thin", "trust": 0.999})
    assert "cement lies against it after 1.5" in breach_figures(held) and "readable to 99" in breach_figures(held)
    assert breach_figures(plan.breaches[0], 0.04).endswith("watch in LAO 20 CAUD 10 from the start on")


def test_leaks_of_a_gap_and_of_its_needles_are_told_in_the_tree(widget, plan):
    found = plan.breaches[0].model_copy(
        update={"leak_type": "canal", "severity": "open", "reached": True, "leak_after_ml": 0.7, "stop_ml": 0.7}
    )
    step = FillStep(injected_ml=1.0, gaps_ml={"gap-1": 0.8}, trabecular_ml=0.1, leaked_ml=0.1, reached=("breach-1",))
    fill = CementFill(
        id="fill-1", gap_id="gap-1", trajectory_ids=("trajectory-1",), tips_lps=((10.0, -5.0, 4.0),),
        interface_tissue="in_place", viscosity="high", steps=(step,),
        arrivals=(BreachArrival(breach_id="breach-1", after_ml=0.7),), ended="pressure",
    )  # fmt: skip
    widget.tree.set_plan(plan.model_copy(update={"breaches": (found,), "fills": (fill,)}))
    assert ("leaks", "trajectory-1: stop before 0.7 mL: spinal canal") in rows(widget.tree)
    course = leaks_by_needle(plan.model_copy(update={"breaches": (found,), "fills": (fill,)}))["trajectory-1"]
    assert "through it alone: stop before 0.7\u202fmL: spinal canal" in needle_figures(plan.trajectories[0], course)
    widget.tree.set_plan(plan)
    assert "leaks" not in [name for name, _ in rows(widget.tree)]
