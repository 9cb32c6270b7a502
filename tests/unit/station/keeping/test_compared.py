import pytest

from planner.model.finding import Finding
from planner.model.gap import Interval
from planner.model.plan import Review, Software
from planner.station.keeping.compared import differences
from tests.unit.report.conftest import make_plan

PLAN = make_plan()


def changed_gap(**changes):
    first, *others = PLAN.gaps
    return make_plan(gaps=(first.model_copy(update=changes), *others))


def test_a_plan_says_what_it_says():
    assert differences(PLAN, make_plan()) == ()


def test_who_made_it_and_when_is_no_difference():
    other = make_plan(
        review=Review(state="approved", by="A. Surgeon", at="2026-11-22T10:00:00+00:00"),
        software=Software(name="cement-planner", version="99"),
        timings_s={"total": 1.0},
    )
    assert differences(PLAN, other) == ()


def test_the_file_that_gaps_came_from_is_no_difference():
    told = [
        make_plan(findings=(Finding(code="gaps-given", severity="info", message=f"{name}: 2 as measured"),))
        for name in ("labels.nii.gz", "the unsaved gaps")
    ]
    assert differences(*told) == ()
    assert differences(told[0], make_plan(findings=())) != ()


def removed(name, **figures):
    return Finding(code="gap-removed", severity="info", message=f"screw-1: removed in {name}", unit="mL", **figures)


def test_a_gap_that_was_erased_is_erased_whatever_its_file_is_called():
    saved, made = (make_plan(findings=(removed(name, measured=2.0),)) for name in ("the painted gaps", "labels.nii.gz"))
    assert differences(saved, made) == ()
    other = make_plan(findings=(removed("labels.nii.gz", measured=1.0),))
    assert differences(saved, other) == ("findings with other figures",), "another gap was erased"
    assert differences(saved, make_plan(findings=())) == ("other findings: gap-removed",)


@pytest.mark.parametrize("code", ["gap-given-refused", "gaps-given-too-small"])
def test_paint_that_came_into_no_gap_is_not_in_the_folder_and_no_difference(code):
    given = Finding(code="gaps-given", severity="info", message="the painted gaps: 1 as measured")
    left_out = Finding(code=code, severity="caution", message="the painted gaps: 0.09 mL was left out", measured=0.09)
    saved, made = make_plan(findings=(given, left_out)), make_plan(findings=(given,))
    assert differences(saved, made) == ()
    assert differences(saved, saved) == ()
    assert differences(made, saved) == (f"other findings: {code}",), "a part of a gap that was saved was refused"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (make_plan(settings_sha256="0" * 64), "other settings"),
        (changed_gap(volume_ml=Interval(estimate=1.5, low=1.0, high=2.0)), "gap-1: 1.23 mL, now 1.50 mL"),
        (changed_gap(volume_ml=None), "gap-1: 1.23 mL, now volume not measured"),
        (changed_gap(trust=None), "gap-1: other figures"),
        (make_plan(trajectories=(), needle_sets=()), "needle no longer there: trajectory-1"),
        (make_plan(breaches=()), "breach no longer there: breach-1"),
        (make_plan(gaps=PLAN.gaps[:1]), "gap no longer there: gap-2"),
        (make_plan(findings=PLAN.findings[:2]), "other findings: c"),
        (make_plan(needle_sets=()), "figures that the panel does not list"),
    ],
)
def test_what_differs_is_told(made, words):
    assert any(words in one for one in differences(PLAN, made))


def test_new_things_are_told_too():
    assert "breach that was not there: breach-1" in differences(make_plan(breaches=()), PLAN)
