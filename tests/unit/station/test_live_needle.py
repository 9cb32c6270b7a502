"""A needle that is moved: the same figures as of one that stands, words for places that cannot be judged."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from planner.config.needle_config import NeedleConfig
from planner.config.plan_config import PlanConfig
from planner.errors import UsageError
from planner.pipeline import PlannedCase
from planner.pipeline.check import check_trajectory
from planner.station.live_needle import LiveNeedle, LiveVerdict, verdict_line, verdict_rows
from tests.unit.needles.conftest import build_vertebra

CONFIG = PlanConfig(needles=NeedleConfig(targets_per_gap=30, direction_step_deg=4.0))
ENTRY, IN_GAP = (24.0, 58.0, 2.0), (15.0, 4.0, 4.0)
GAUGE = "13G"


def case_of(anatomy) -> PlannedCase:
    plan = SimpleNamespace(breaches=(), treatment_position="HFP", gaps=())
    nothing = cast(Any, None)
    return PlannedCase(cast(Any, plan), nothing, anatomy, nothing, nothing)


@pytest.fixture(scope="module")
def case():
    return case_of(build_vertebra())


@pytest.fixture(scope="module")
def live(case):
    return LiveNeedle(case, CONFIG)


def in_gap(case):
    gap = case.anatomy.gaps[0].mask
    cells = np.argwhere(gap.voxels)
    return tuple(float(v) for v in gap.grid.to_lps(cells[len(cells) // 2]))


def test_figures_are_those_of_check_trajectory(case, live):
    tip = in_gap(case)
    rng = np.random.default_rng(0)
    judged = 0
    # Back and forth between gap, bone beside it and other entries, so that nothing kept may go stale.
    for shift in [*rng.uniform(-9.0, 9.0, (12, 6)), *np.zeros((1, 6))]:
        entry = tuple(np.add(ENTRY, shift[:3]).tolist())
        target = tuple(np.add(tip, shift[3:] * (judged % 2)).tolist())
        verdict = live.judge(entry, target, gauge=GAUGE)
        try:
            alone = check_trajectory(case, entry, target, GAUGE, config=CONFIG)
        except UsageError as error:
            assert verdict.why_not == str(error)
            judged += 1
            continue
        judged += 1
        assert verdict.check is not None
        assert verdict.check.trajectory == alone.trajectory
        assert (verdict.check.violations, verdict.check.off_target_mm) == (alone.violations, alone.off_target_mm)
    assert judged == 13


def test_a_needle_through_the_canal_is_said_to_break_limits_and_one_beside_it_not(case, live):
    through = live.judge((-30.0, 59.0, 0.0), in_gap(case), gauge=GAUGE)
    assert through.is_safe is False and "canal" in verdict_line(through)
    rows = dict(verdict_rows(through))
    assert rows["clear of spinal canal"].startswith("−")
    beside = live.judge(ENTRY, in_gap(case), gauge="15G")
    assert "canal" not in verdict_line(beside)
    assert beside.reaches and through.reaches


@pytest.mark.parametrize(
    ("entry", "target", "words"),
    [
        (ENTRY, (0.0, 300.0, 0.0), "outside the picture"),
        (ENTRY, (0.0, 55.0, 0.0), "not inside bone"),
        (ENTRY, ENTRY, "the same point"),
        (ENTRY, (math.nan, 0.0, 0.0), "lies nowhere"),
    ],
)
def test_where_nothing_can_be_judged_it_is_said_and_nothing_is_measured(live, entry, target, words):
    verdict = live.judge(entry, target, gauge=GAUGE)
    assert verdict.check is None and verdict.is_safe is None and verdict.reaches is None and verdict.grade is None
    assert words in verdict_line(verdict) and verdict_line(verdict).startswith("Cannot be judged")
    assert verdict_rows(verdict) == ()


def test_no_place_stops_a_drag(case, live):
    grid = case.anatomy.grid
    corners = np.asarray(grid.to_lps(np.array([[0, 0, 0], np.array(grid.shape) - 1])))
    rng = np.random.default_rng(1)
    for points in rng.uniform(corners.min(axis=0) - 5.0, corners.max(axis=0) + 5.0, (40, 2, 3)):
        verdict = live.judge(tuple(points[0]), tuple(points[1]), gauge=GAUGE)
        assert (verdict.check is None) == (verdict.why_not is not None)


def test_an_unknown_needle_is_refused(live):
    with pytest.raises(UsageError, match="99G"):
        live.judge(ENTRY, IN_GAP, gauge="99G")


def test_without_a_gap_the_goal_is_a_target_of_ones_own():
    bare = LiveNeedle(case_of(replace(build_vertebra(), gaps=())), CONFIG)
    tip = (-8.0, -8.0, 0.0)
    alone = bare.judge((-24.0, 59.0, 2.0), tip, gauge="15G")
    assert alone.check is not None and alone.check.off_target_mm is None
    assert alone.reaches is False and "no gap was found" in dict(verdict_rows(alone))["tip"]
    wished = bare.judge((-24.0, 59.0, 2.0), tip, gauge="15G", wished=((tip, 2.0),))
    assert wished.reaches is True and wished.in_wished_target
    assert wished.is_safe == alone.is_safe, "a target makes no way safe"
    beside = bare.judge((-24.0, 59.0, 2.0), tip, gauge="15G", wished=(((-8.0, -8.0, 9.0), 2.0),))
    assert beside.reaches is False and beside.in_wished_target is False


def test_what_is_not_measured_is_not_said_to_be_safe(case):
    unknown = LiveNeedle(case_of(replace(case.anatomy, canal=None, body=None)), CONFIG)
    verdict = unknown.judge(ENTRY, in_gap(case), gauge=GAUGE)
    rows = dict(verdict_rows(verdict))
    assert rows["clear of spinal canal"] == rows["depth from skin"] == "not measured"
    assert verdict.is_safe is False and "spinal canal not known" in verdict_line(verdict)


def test_the_passage_is_graded_only_where_there_is_one(case, live):
    assert live.judge(ENTRY, in_gap(case), gauge=GAUGE).grade is None, "no pedicle was measured here"
    made = live.judge(ENTRY, in_gap(case), gauge=GAUGE)
    passage = SimpleNamespace(grade="B")
    way = SimpleNamespace(passage=passage)
    graded = LiveVerdict(ENTRY, IN_GAP, made.needle, cast(Any, SimpleNamespace(trajectory=way)), None)
    assert graded.grade == "B"


def test_a_tip_in_the_canal_is_said_to_be_there_though_it_cannot_be_judged(live, case):
    canal = case.anatomy.canal
    inside = tuple(float(v) for v in canal.grid.to_lps(np.argwhere(canal.voxels).mean(axis=0)))
    verdict = live.judge(ENTRY, inside, gauge=GAUGE)
    assert "the spinal canal" in verdict.dangers
    assert verdict.is_safe is False
    if verdict.check is None:
        assert verdict_line(verdict).startswith("MEETS THE SPINAL CANAL")


def test_a_needle_in_plain_air_meets_nothing_and_is_no_safe_one(live):
    verdict = live.judge((60.0, 200.0, 2.0), (60.0, 150.0, 2.0), gauge=GAUGE)
    assert (verdict.check, verdict.dangers, verdict.is_safe) == (None, (), None)
    assert verdict_line(verdict).startswith("Cannot be judged")


def test_what_a_bad_aim_would_meet_stands_in_the_headline(live, case):
    verdict = live.judge(ENTRY, IN_GAP, gauge=GAUGE)
    assert verdict.check is not None
    error = verdict.check.trajectory.with_aim_error
    assert error is not None
    for canal, said in ((-0.4, True), (0.4, False)):
        way = verdict.check.trajectory.model_copy(
            update={"with_aim_error": error.model_copy(update={"metal": 1.0, "canal": canal, "forbidden": None})}
        )
        check = replace(verdict.check, trajectory=way, violations=())
        line = verdict_line(replace(verdict, check=check))
        assert ("CAUTION" in line and "canal" in line) is said


@pytest.mark.parametrize(
    ("changes", "clear"),
    [
        ({}, True),
        ({"violations": ("hits metal",)}, False),
        ({"violations": ("the tip misses every gap by 9.0 mm",)}, False),
        ({"cautions": ("may stray",)}, False),
        ({"canal": -0.4}, False),
    ],
)
def test_a_needle_is_clear_only_where_nothing_speaks_against_it(live, changes, clear):
    verdict = live.judge(ENTRY, IN_GAP, gauge=GAUGE)
    error = verdict.check.trajectory.with_aim_error.model_copy(
        update={"metal": 1.0, "canal": changes.get("canal", 0.4), "forbidden": None}
    )
    way = verdict.check.trajectory.model_copy(update={"with_aim_error": error, "cautions": changes.get("cautions", ())})
    made = replace(verdict, check=replace(verdict.check, trajectory=way, violations=changes.get("violations", ())))
    assert made.is_clear is clear
    unjudged = LiveVerdict(ENTRY, IN_GAP, made.needle, None, "it lies nowhere")
    assert unjudged.is_clear is False


@pytest.mark.parametrize(
    ("approach", "unknown", "said"),
    [
        ("transpedicular", "canal", "spinal canal"),
        ("extrapedicular", "canal", "spinal canal"),
        ("transpedicular", "metal", "implant or cement"),
        ("femoral", "metal", "implant or cement"),
        ("femoral", "canal", None),
        ("transpedicular", "other_bone", None),
    ],
)
def test_what_could_not_be_measured_where_it_matters_is_no_good_word(live, approach, unknown, said):
    verdict = live.judge(ENTRY, IN_GAP, gauge=GAUGE)
    way = verdict.check.trajectory
    error = way.with_aim_error.model_copy(update={"metal": 1.0, "canal": 0.4, "forbidden": None})

    def with_clearance(**changes):
        clearance = way.clearance_mm.model_copy(update={"metal": 2.0, "canal": 2.0, **changes})
        made = way.model_copy(update={"approach": approach, "with_aim_error": error, "clearance_mm": clearance})
        return replace(verdict, check=replace(verdict.check, trajectory=made, violations=()))

    known, not_told = with_clearance(), with_clearance(**{unknown: None})
    assert known.is_clear and "NOT MEASURED" not in verdict_line(known)
    assert not_told.is_clear is (said is None)
    assert ("NOT MEASURED" in verdict_line(not_told)) is (said is not None)
    if said is not None:
        assert f"CAUTION: the distance from {said}" in verdict_line(not_told)
