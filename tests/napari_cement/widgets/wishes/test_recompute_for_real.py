"""Gaps painted away and drawn anew, and a wish: planned with by the real pipeline, on a phantom, in a window."""

import numpy as np
import pytest
from napari.qt.threading import WorkerBase

from napari_cement._focus import Shown, focus_of
from napari_cement.widgets import PlanWidget
from planner.config.plan_config import PlanConfig
from planner.phantoms.case import design, make
from planner.pipeline import plan_scan, scan_of
from tests.napari_cement.widgets.wishes.stand_in import add_ct

PATIENCE_MS = 600_000


@pytest.fixture(scope="module")
def real_scan():
    return scan_of(make("lumbar", seed=3, settings=design("lumbar", seed=3).ideal).volume)


@pytest.fixture(scope="module")
def real(real_scan):
    return plan_scan(real_scan, PlanConfig())


def test_a_gap_is_painted_away_and_another_drawn_with_a_target(qtbot, make_napari_viewer, real_scan, real):
    viewer = make_napari_viewer()
    widget = PlanWidget(viewer)
    viewer.window.add_dock_widget(widget, area="right")
    add_ct(viewer, real_scan)
    widget.session.show(Shown(real_scan, real.plan, real.labels, real))
    gaps, wishes, older = widget.wishes.painting, widget.wishes, widget.wishes.steps.older
    gaps.take_button.click()
    layer = gaps.brush.layer
    code = next(code for code, name in gaps.brush.names().items() if name == "gap-1")
    was = np.asarray(layer.data) == code
    layer.data_setitem(np.nonzero(was), 0)
    gaps.brush.settle()
    assert older.isHidden() is False
    planned(qtbot, widget, gaps.recompute_button)
    without = focus_of(viewer).shown
    implant = real.plan.gaps[0].implant_id
    assert implant not in [gap.implant_id for gap in without.plan.gaps]
    assert len(without.plan.gaps) == len(real.plan.gaps) - 1 and older.isHidden()
    assert without.surfaces and "my gaps (painted)" in viewer.layers

    gaps.new_button.click()
    # As the program measured it, it would be the program's own again: the lower half alone is a person's.
    cells = np.argwhere(was)
    half = cells[cells[:, 0] < np.median(cells[:, 0])]
    layer.data_setitem(tuple(half.T), layer.selected_label)
    gaps.brush.settle()
    place = real.plan.gaps[-1].centroid_lps
    wishes.wishes.add_target(place, radius_mm=3.0)
    assert not older.isHidden()
    planned(qtbot, widget, wishes.steps.recompute_button)
    plan = focus_of(viewer).shown.plan
    (drawn,) = (gap for gap in plan.gaps if gap.implant_id == implant)
    assert drawn.made == "edited" and drawn.volume_ml is not None
    share = len(half) / len(cells)
    assert drawn.volume_ml.estimate == pytest.approx(share * real.plan.gaps[0].volume_ml.estimate, rel=0.3)
    assert len(plan.gaps) == len(real.plan.gaps)
    assert [target.point_lps for target in plan.picked_targets] == [place] and older.isHidden()
    assert [gap.made for gap in plan.gaps if gap is not drawn] == ["automatic"] * (len(plan.gaps) - 1)
    widget.session.cancel()
    WorkerBase.await_workers(PATIENCE_MS)


def planned(qtbot, widget, button):
    with qtbot.waitSignal(widget.session.planned, timeout=PATIENCE_MS):
        button.click()
