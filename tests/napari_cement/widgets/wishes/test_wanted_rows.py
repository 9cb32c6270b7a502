"""What is planned for wishes, in the panel's tree."""

from typing import get_args

import pytest

from napari_cement._focus import Shown
from napari_cement.widgets.panel.told import needle_told
from planner.model.finding import Finding
from planner.model.needle import Margin
from planner.model.picked_target import PickedTarget, PickedWay
from planner.model.prophylaxis import ProphylacticTarget
from tests.napari_cement.widgets.panel.test_plan_widget import rows
from tests.napari_cement.widgets.wishes.stand_in import choose


def wanted(plan):
    """The plan with a locked needle, a picked target with one needle and one without, and an intact level."""
    fields = plan.trajectories[0].model_dump(exclude={"gap_id", "leak_after_ml", "leak_breach_id", "locked"})
    way = PickedWay(**(fields | {"id": "target-1-needle-1", "target_id": "target-1", "family": "posterolateral"}))
    first = PickedTarget(
        id="target-1", point_lps=(10.0, -5.0, 4.0), radius_mm=2.0, implant_id="screw-1", gap_id=None, ways=(way,)
    )
    second = PickedTarget(
        id="target-2", point_lps=(9.0, 9.0, 9.0), radius_mm=2.0, implant_id=None, gap_id="gap-1", why_none="canal 12"
    )
    level = ProphylacticTarget(
        id="prophylaxis-1", bone="vertebra-2", level=None, target_lps=(0.0, 0.0, 0.0), space_ml=1.0, body_ml=9.0,
        walls_share=1.0,
    )  # fmt: skip
    warned = {"locked": True, "cautions": ("skates on the cortex",), "margins_reduced": ("canal", "metal")}
    locked = plan.trajectories[1].model_copy(update={**warned, "family": "beside the screw"})
    return plan.model_copy(
        update={
            "trajectories": (plan.trajectories[0], locked),
            "picked_targets": (first, second),
            "prophylactic_targets": (level,),
        }
    )


def test_wanted_targets_stand_in_the_tree_with_their_needles(qtbot, widget, viewer, plan):
    shown = wanted(plan)
    widget.session.show(Shown(plan=shown))
    assert [(words[0], words[2]) for words in rows(widget.tree, columns=3)][:6] == [
        ("target-1 (picked by hand)", "at screw-1, no gap told there"),
        ("1: 49 mm, transpedicular", "no caution"),
        ("target-2 (picked by hand)", "beside no implant, in gap-1"),
        ("no needle keeps every limit: canal 12", ""),
        ("prophylaxis-1 (intact level vertebra-2)", "0 needles"),
        ("no needle keeps every limit", ""),
    ]
    locked = "2 locked: no skin, transpedicular"
    assert (locked, "3 cautions") in [(words[0], words[2]) for words in rows(widget.tree, columns=3)]
    choose(widget, locked)
    assert widget.details.value().splitlines()[:3] == [
        "needle 2 of gap-1, locked: transpedicular, beside the screw, 15G (trajectory-2)",
        "caution: skates on the cortex",
        "caution: nearer than wanted to the spinal canal and an implant or cement: no needle of this way keeps the "
        "usual distance",
    ]
    choose(widget, "1: 49 mm, transpedicular")
    assert "in the patient: LAO 160 CRAN 2" in widget.details.value()
    assert "injected" not in widget.details.value(), "cement's course is not simulated there"
    dots = viewer.layers["needles"]
    assert set(dots.features["trajectory"][dots.size > 0]) == {"target-1-needle-1"}
    assert widget.message.text() == "1 implant, 1 gap, 3 needles, 1 breach."


@pytest.mark.parametrize("margin", get_args(Margin))
def test_every_margin_that_could_not_be_kept_has_its_words(plan, margin):
    needle = plan.trajectories[0].model_copy(update={"margins_reduced": (margin,)})
    (caution,) = needle_told(needle, None, to_a_gap=True).cautions
    assert caution.startswith("nearer than wanted to")


def test_a_broken_hard_limit_is_read_first(plan):
    needle = plan.trajectories[0].model_copy(update={"violations": ("enters the spinal canal",)})
    assert needle_told(needle, None, to_a_gap=True).in_words.splitlines()[1] == (
        "BREAKS A HARD LIMIT: enters the spinal canal"
    )
    assert "HARD LIMIT" not in needle_told(plan.trajectories[0], None, to_a_gap=True).in_words


def test_a_finding_on_a_locked_needle_is_read_first(widget, plan):
    finding = Finding(code="locked-needle-unsafe", severity="warning", message="locked needle 1: hits metal")
    widget.tree.set_plan(plan.model_copy(update={"findings": (finding,)}))
    assert rows(widget.tree)[:2] == [("To know first (1)", ""), ("locked needle 1: hits metal", "")]
