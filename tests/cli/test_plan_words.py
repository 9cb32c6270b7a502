"""What the terminal says of a plan."""

import pytest

from planner.cli._options import note_choice
from planner.cli._plan_words import describe
from planner.model.breach import Breach, LeakType
from planner.model.finding import Finding
from planner.model.gap import Gap, Interval
from planner.model.needle import Procedure, ProposedSet
from planner.model.picked_target import PickedTarget
from planner.model.plan import Plan, Review, Series, Software

GAP = Gap(
    id="gap-1", implant_id=None, level=None, kind="osteolysis", zones=(),
    volume_ml=Interval(estimate=0.32, low=0.2, high=0.44), expected_fill_ml=None, width_mm=None,
    interface_fraction=None, centroid_lps=(0.0, 0.0, 0.0), trust=0.0,
)  # fmt: skip
SERIES = Series(
    series_instance_uid=None, frame_of_reference_uid=None, shape_zyx=(3, 3, 3), spacing_mm=(1.0, 1.0, 1.0),
    patient_position=None, hu_min=0.0, hu_max=1.0, hu_clipped_at=None,
)  # fmt: skip


def _breach(name: str, leak_type: LeakType, after_ml: float | None) -> Breach:
    return Breach(
        id=name, gap_id="gap-1", leak_type=leak_type, severity="open", barrier_mm=0.0, area_mm2=4.0,
        centroid_lps=(0.0, 0.0, 0.0), outward_lps=None, reached=None if after_ml is None else True,
        leak_after_ml=after_ml, watch_view=None,
    )  # fmt: skip


def _plan(*findings: Finding, breaches: tuple[Breach, ...] = ()) -> Plan:
    return Plan(
        software=Software(name="x", version="1"), review=Review(), series=SERIES, treatment_position=None,
        settings_sha256="", gaps=(GAP,), findings=findings, breaches=breaches,
    )  # fmt: skip


def test_what_speaks_against_it_comes_before_the_figures() -> None:
    doubt = Finding(
        code="gap-not-reliable", severity="warning", message="gap-1: not to be relied on: trust 0%", gap_id="gap-1"
    )
    grave = Finding(code="no-candidate", severity="warning", message="no candidate: open surgery")
    lines = describe(_plan(doubt, grave)).splitlines()
    assert lines[1] == "  no candidate: open surgery"
    assert "not to be relied on: trust 0%; 0.32 mL" in lines[2]
    assert len(lines) == 3


def test_nothing_is_said_against_a_gap_that_can_be_read() -> None:
    said = describe(_plan())
    assert "0.32 mL" in said
    assert "relied" not in said
    assert "candidate" not in said


def test_cautions_of_one_kind_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    told = [
        Finding(code="x", severity="caution", message=f"screw-{n}: {n}0% unreadable", implant_id=f"screw-{n}")
        for n in (1, 2)
    ]
    note_choice([*told, Finding(code="y", severity="info", message="fine")], with_cautions=True)
    assert capsys.readouterr().err == "cement-planner: note: screw-1, screw-2: 10–20% unreadable\n"


def test_cautions_are_named_in_words_and_not_by_their_codes() -> None:
    said = describe(_plan(Finding(code="acetabular-rim-lost", severity="caution", message="x")))
    assert "acetabular rim lost" in said and "acetabular-rim-lost" not in said


def test_the_first_leak_of_a_gap_is_named_and_an_unknown_one_is_not_made_up() -> None:
    told = describe(_plan(breaches=(_breach("breach-1", "canal", 1.3), _breach("breach-2", "cortical", 0.5))))
    assert "2 breaches (first leak after 0.5 mL: soft tissue; stop before 1.3 mL: spinal canal)" in told
    assert "1 breach (leaks not simulated)" in describe(_plan(breaches=(_breach("breach-1", "canal", None),)))
    assert "0 breaches\n" in describe(_plan()) + "\n"


def test_targets_picked_by_hand_are_told_with_their_needles() -> None:
    def target(name: str, gap_id: str | None) -> PickedTarget:
        return PickedTarget(id=name, point_lps=(0.0, 0.0, 0.0), radius_mm=2.0, implant_id=None, gap_id=gap_id)

    plan = _plan().model_copy(update={"picked_targets": (target("target-1", None), target("target-2", "gap-1"))})
    said = describe(plan)
    assert "target-1 picked by hand, in no gap that was told: no safe needle" in said
    assert "target-2 picked by hand, gap-1: no safe needle" in said
    assert "picked" not in describe(_plan())


def test_needles_that_cannot_stand_at_the_same_time_are_said() -> None:
    one = ProposedSet(
        implant_id="screw-1", gap_ids=("gap-1",), trajectory_ids=("trajectory-1",), reason="", cement_ml=1.26
    )  # fmt: skip
    sitting = Procedure(
        sets=(one,), needles=1, cement_ml=1.26, in_needles_ml=0.68, in_turn=(("trajectory-1", "trajectory-4"),)
    )  # fmt: skip
    text = describe(_plan().model_copy(update={"procedure": sitting}))
    assert "one after the other, no room for both: trajectory-1 and trajectory-4" in text
    assert "2.0 mL with what stays in the needles" in text
    alone = sitting.model_copy(update={"in_turn": ()})
    assert "after the other" not in describe(_plan().model_copy(update={"procedure": alone}))


def test_a_gap_that_a_person_changed_says_so_before_its_figure() -> None:
    assert "edited" not in describe(_plan())
    made = _plan().model_copy(update={"gaps": (GAP.model_copy(update={"made": "edited"}),)})
    assert "edited; 0.32 mL" in describe(made)
