"""The figures and tables of the accuracy table are what they say."""

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from planner.phantoms.score.breaches import BreachesScore, BreachScore, FalseBreach
from planner.phantoms.score.case_score import CaseScore
from planner.phantoms.score.gaps import FalseGap, GapScore, GapsScore
from planner.phantoms.score.implants import ImplantScore
from planner.phantoms.score.needles import NeedleScore, NeedlesScore
from planner.phantoms.score.surroundings import SurroundingsScore

# The benchmarks are scripts, not a package: they find each other in their own folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

from accuracy_cases import AccuracyCase, load_cases
from accuracy_figures import NOTHING, quantiles, share, share_with_interval, sizes, spread
from accuracy_run import CaseResult
from accuracy_steps import breach_errors, gap_errors, implant_errors, implant_kinds, loosening, needle_errors
from accuracy_table import Outcome, sections


@pytest.fixture(scope="module")
def cases() -> tuple[AccuracyCase, ...]:
    return load_cases()


def test_figures_are_what_they_say() -> None:
    values = [1.0, None, -2.0, 3.0, 4.0, -10.0]
    assert spread(values) == "+1.00 (-2.00 to +3.00), n=5"
    assert sizes(values) == "3.00 / 7.60 / 10.00, n=5"
    assert quantiles([0.9, 0.8, None, 0.5]) == "0.80 / 0.56 / 0.50, n=3"
    assert share(3, 4) == "75 % (3/4)"
    # Clopper and Pearson's interval of 9 in 10: 0.555 to 0.997 (tables of the binomial distribution).
    assert share_with_interval(9, 10) == "90 % (9/10), 55 to 100 %"


@pytest.mark.parametrize(
    "figure", [spread([None]), sizes([]), quantiles([None, None]), share(0, 0), share_with_interval(0, 0)]
)
def test_nothing_measured_is_no_nought(figure: str) -> None:
    assert figure == NOTHING


def _screw(true: str | None, found: str | None, *, loose: bool = False, call: str | None = "none") -> ImplantScore:
    both = true is not None and found is not None
    return ImplantScore(
        true_id=true,
        found_id=found,
        kind=None if true is None else "pedicle_screw",
        found_kind=None if found is None else "pedicle_screw",
        tip_error_mm=1.5 if both else None,
        centroid_error_mm=None,
        head_error_mm=None,
        centre_error_mm=None,
        axis_error_deg=0.5 if both else None,
        diameter_error_mm=-0.2 if both else None,
        volume_error=None,
        length_error_mm=None,
        side="left",
        found_side="right" if both else None,
        level="L4",
        found_level=None,
        loose=loose if true is not None else None,
        loosening=None,
        found_loosening=call if found is not None else None,
    )


def _gap(name: str, true_ml: float, estimate_ml: float | None, *, low: float = 0.0, high: float = 9.0) -> GapScore:
    found = estimate_ml is not None
    return GapScore(
        true_id=name,
        kind="screw_halo",
        implant_id=None,
        found_ids=("gap-1",) if found else (),
        true_ml=true_ml,
        estimate_ml=estimate_ml,
        low_ml=low if found else None,
        high_ml=high if found else None,
        dice=0.8 if found else 0.0,
        sensitivity=0.7 if found else 0.0,
        true_width_mm=2.0,
        width_mm=2.5 if found else None,
        true_width_max_mm=None,
        width_max_mm=None,
        true_interface_fraction=None,
        interface_fraction=None,
        found_kind="screw_halo" if found else None,
        trust=None,
        zones=(),
    )


def _needle(name: str, *violations: str, rank: int = 1, unjudged_mm: float = 0.0) -> NeedleScore:
    return NeedleScore(
        id=name,
        approach="transpedicular",
        rank=rank,
        gap_id="gap-1",
        gap_true_id=None,
        off_target_mm=0.5,
        metal_mm=None,
        within_metal_mm=0.0,
        canal_mm=None,
        forbidden_mm={"lungs": 4.0} if "forbidden" in violations else {},
        bone_entries=1,
        skin_off_mm=None,
        entry_beyond_scan=False,
        unjudged_mm=unjudged_mm,
        depth_error_mm=None,
        over_length_mm=None,
        angle_error_deg=0.0,
        violations=violations,
    )


@pytest.fixture(scope="module")
def result() -> CaseResult:
    """One case with known faults in every step."""
    right = {"severity": "open", "leak_type": "canal", "area_mm2": None, "distance_mm": None}
    found = {"found_id": "b", "found_severity": "thin", "found_leak_type": "disc"}
    missed = {"found_id": None, "found_severity": None, "found_leak_type": None}
    score = CaseScore(
        implants=(
            _screw("a", "screw-1", loose=True, call="possible"),
            _screw("b", "screw-2", loose=True, call="probable"),
            _screw("c", None, loose=True),
            _screw("d", "screw-3", call="probable"),
            _screw("e", "screw-4", call=None),
            _screw(None, "screw-5"),
        ),
        gaps=GapsScore(
            gaps=(
                _gap("g1", 2.0, 1.5, low=1.0, high=2.1),
                _gap("g2", 1.0, 1.5, low=1.2, high=1.8),
                _gap("g3", 1.0, None),
            ),
            false=(FalseGap(found_id="x", implant_id=None, kind="screw_halo", volume_ml=0.4),),
            beside=(),
            unmeasured=1,
            dice=0.6,
            sensitivity=0.5,
        ),
        breaches=BreachesScore(
            breaches=(
                BreachScore(true_id="b1", gap_id="g1", **right, **found),
                BreachScore(true_id="b2", gap_id="g1", **right, **missed),
                BreachScore(true_id="b3", gap_id="g1", **{**right, "severity": "thin"}, **missed),
            ),
            false=(FalseBreach(found_id="y", severity="open", leak_type=None),),
            found_right=3,
        ),
        needles=NeedlesScore(
            needles=(
                _needle("n1"),
                _needle("n2", "metal", "forbidden", unjudged_mm=12.0),
                _needle("n3", "metal", rank=2),
            ),
            gaps_without=("g3",),
        ),
        surroundings=SurroundingsScore(
            canal_covered=None,
            canal_centre_error_mm=None,
            canal_centre_error_max_mm=None,
            bone_found=0.9,
            bone_right=None,
        ),
    )
    return CaseResult(case="one", score=score, slice_mm=1.0, seconds={"total": 3.0}, peak_mb=500.0)


def test_implants_are_counted_as_found_missed_and_invented(result: CaseResult) -> None:
    assert dict(implant_kinds([result]))["pedicle screw"] == "80 % (4/5), missed 1, invented 1"
    rows = dict(implant_errors([result]))
    assert rows["pedicle screw: tip, mm"] == "1.50 / 1.50 / 1.50, n=4, without 1"
    assert rows["side"] == "right 0 % (0/4), wrong 4, not told 0"
    assert rows["level"] == "right 0 % (0/4), wrong 0, not told 4"


def test_every_call_of_loosening_stands_in_the_open(result: CaseResult) -> None:
    rows = dict(loosening([result]))
    assert rows["pedicle screw: loose, called"] == "possible 1, probable 1, not found 1"
    assert rows["pedicle screw: firm, called"] == "probable 1, not told 1"
    assert rows["pedicle screw: sensitivity"].startswith("33 % (1/3)")
    assert rows["pedicle screw: sensitivity, possible counted as loose"].startswith("67 % (2/3)")
    assert rows["pedicle screw: specificity (called none)"].startswith("0 % (0/2)")


def test_gaps_that_were_missed_are_out_of_the_medians_and_in_the_counts(result: CaseResult) -> None:
    rows = dict(gap_errors([result]))
    assert rows["gaps found and measured"] == "67 % (2/3)"
    assert rows["volume error, %"] == "38 / 48 / 50, n=2"
    assert rows["all volumes together, missed ones as 0"] == "-25 %"
    assert rows["90 % interval holds the volume"].startswith("50 % (1/2)")
    assert rows["the same, missed gaps as not held"].startswith("33 % (1/3)")
    assert rows["median width error, mm (signed)"].startswith("+0.50")
    assert rows["false gaps on controls, mL a case"] == NOTHING
    assert rows["false gaps on the other cases, mL a case"].startswith("0.40")


def test_breaches_are_judged_apart_by_severity(result: CaseResult) -> None:
    rows = dict(breach_errors([result]))
    assert rows["recall, open"].startswith("50 % (1/2)")
    assert rows["recall, thin"].startswith("0 % (0/1)")
    assert rows["precision"].startswith("75 % (3/4)")
    assert rows["leak type told right"] == "0 % (0/1)"
    assert rows["open canal breaches found"] == "50 % (1/2)"


def test_openings_and_walls_that_must_be_found_are_counted_apart(result: CaseResult) -> None:
    assert result.score is not None
    first, second, third = result.score.breaches.breaches
    breaches = result.score.breaches.model_copy(
        update={
            "breaches": (
                first.model_copy(update={"area_mm2": 4.0, "gap_seen": True}),
                second.model_copy(update={"area_mm2": 4.0, "gap_seen": False}),
                second.model_copy(update={"area_mm2": 3.0, "gap_seen": True}),
                third.model_copy(update={"barrier_mm": 0.4, "gap_seen": True}),
                third.model_copy(update={"barrier_mm": 0.6, "gap_seen": True}),
            ),
            "false": (
                FalseBreach(found_id="y", severity="open", leak_type=None, true_wall_mm=2.0),
                FalseBreach(found_id="z", severity="thin", leak_type="canal", true_wall_mm=0.9),
                FalseBreach(found_id="v", severity="open", leak_type="venous", true_wall_mm=2.0),
            ),
        }
    )
    other = result.model_copy(update={"score": result.score.model_copy(update={"breaches": breaches})})
    rows = dict(breach_errors([other]))
    assert rows["recall, open, 2 mm or more across (100 %)"].startswith("50 % (1/2)")
    assert rows["recall, open, 2 mm or more across (100 %), where the gap itself was told"].startswith("100 % (1/1)")
    assert rows["recall, walls of 0.5 mm or less (90 %)"].startswith("0 % (0/1)")
    assert rows["precision"].startswith("60 % (3/5)")
    assert rows["found where the wall is up to 1 mm all the same: counted neither way"] == "1"
    assert (rows["found where there is none, open"], rows["found where there is none, thin"]) == ("2", "0")


def test_needles_with_two_faults_are_harmful_once(result: CaseResult) -> None:
    rows = dict(needle_errors([result]))
    assert rows["needles that do no harm and reach a gap"] == "33 % (1/3)"
    assert rows["the same, first-ranked"] == "50 % (1/2)"
    assert rows["metal"] == "2 of 3, first-ranked 1 of 2"
    assert rows["gaps without a needle"] == "33 % (1/3)"
    assert rows["meets lungs, mm"].endswith("n=1")


def test_a_place_of_a_cup_is_told_and_a_diameter_that_the_plan_lacks_is_counted(result: CaseResult) -> None:
    assert result.score is not None
    cup = _screw("cup", "cup-1").model_copy(
        update={
            "kind": "acetabular_cup", "found_kind": "acetabular_cup", "tip_error_mm": None, "centroid_error_mm": 2.0,
            "diameter_error_mm": None,
        }
    )  # fmt: skip
    rows = dict(implant_errors([_with(result, implants=(cup,))]))
    assert rows["acetabular cup: middle of its metal, mm"] == "2.00 / 2.00 / 2.00, n=1"
    assert rows["acetabular cup: diameter, mm (signed)"] == f"{NOTHING}, found but not told 1"


def _with(result: CaseResult, **parts: object) -> CaseResult:
    assert result.score is not None
    return result.model_copy(update={"score": result.score.model_copy(update=parts)})


def test_calls_are_held_against_the_call_that_the_scan_bears_out(result: CaseResult) -> None:
    said = (("none", "none"), ("none", "possible"), ("probable", "possible"), ("probable", "probable"))
    screws = [
        _screw(f"s{k}", f"screw-{k}", loose=True, call=found).model_copy(update={"loosening": true})
        for k, (true, found) in enumerate(said)
    ]
    rows = dict(loosening([_with(result, implants=(*screws, _screw("old", "screw-9")))]))
    assert rows["pedicle screw: ought to be called none"] == "none 1, possible 1"
    assert rows["pedicle screw: ought to be called probable"] == "possible 1, probable 1"
    assert rows["pedicle screw: called as it ought to be"].startswith("50 % (2/4)")
    assert rows["pedicle screw: none, where it ought to be"].startswith("50 % (1/2)")
    assert rows["pedicle screw: built loose, but none on this scan"] == "2 of 4"
    assert rows["pedicle screw: sensitivity"].startswith("25 % (1/4)")


def test_a_control_that_was_refused_is_no_control_without_a_false_gap(result: CaseResult) -> None:
    assert result.score is not None
    control = _with(result, gaps=result.score.gaps.model_copy(update={"gaps": (), "false": ()}))
    refused = control.model_copy(update={"refused": "no implant"})
    crashed = control.model_copy(update={"failed": "plan: out of memory"})
    rows = dict(gap_errors([control, refused, crashed]))
    assert rows["controls with a false gap"] == "0 % (0/1)"
    assert rows["false gaps on controls, mL a case"].endswith("n=1")
    assert rows["controls left out there, refused or crashed"] == "2 of 3"


def test_needles_that_leave_the_truth_are_counted_apart(result: CaseResult) -> None:
    rows = dict(needle_errors([result]))
    assert rows["judged over their whole path"] == "67 % (2/3)"
    assert rows["harmless, of those judged wholly"] == "50 % (1/2)"


def test_a_crashed_case_stays_in_every_denominator_and_is_named(
    cases: Sequence[AccuracyCase], result: CaseResult
) -> None:
    assert result.score is not None
    missed = tuple(_gap(f"g{k}", 1.0, None) for k in range(3))
    crash = _with(result, gaps=result.score.gaps.model_copy(update={"gaps": missed, "false": ()}))
    crash = crash.model_copy(update={"case": "gone", "failed": "plan: out of memory", "seconds": {}})
    tables = {s.title: s for s in sections((Outcome(cases[0], result), Outcome(cases[1], crash)))}
    rows = {title: {row[0]: row[1] for row in tables[title].rows} for title in ("Gaps", "Time and memory")}
    assert rows["Gaps"]["gaps found and measured"] == "33 % (2/6)"
    assert rows["Time and memory"]["crashed"] == "1: gone"
    row = tables["Case by case"].rows[1]
    assert row[0] == cases[1].name
    assert row[4] == "0/3 crashed: plan: out of memory"


def test_every_row_has_all_its_columns(cases: Sequence[AccuracyCase], result: CaseResult) -> None:
    unmade = CaseResult(case="unmade", score=None, failed="phantom: no room")
    tables = sections((Outcome(cases[0], result), Outcome(cases[1], unmade)))
    assert all(len(row) == len(s.columns) for s in tables for row in s.rows)
    for section in tables:
        assert section.as_markdown().count("\n|") == len(section.rows) + 2
    worst = {s.title: s for s in tables}["Case by case"].rows[1]
    assert "not made: phantom: no room" in worst


def test_factors_show_the_interval_of_all_gaps_and_what_has_no_tip(
    cases: Sequence[AccuracyCase], result: CaseResult
) -> None:
    told = result.model_copy(update={"metal": "titanium", "screws": "solid"})
    factors = {s.title: s for s in sections((Outcome(cases[0], told),))}["By factor, tuning cases"]
    rows = {row[:2]: dict(zip(factors.columns, row, strict=True)) for row in factors.rows}
    assert {("metal", "titanium"), ("screws", "solid"), ("implants", "loose")} <= set(rows)
    row = rows["screws", "solid"]
    assert (row["interval"], row["interval, all gaps"]) == ("50 % (1/2)", "33 % (1/3)")
    assert row["tip, mm"].endswith("without 1")
