"""The ablation counts what thresholds would take for gaps, and the aims are held against the right gaps."""

import sys
from pathlib import Path

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.volume import Volume
from planner.phantoms.score.breaches import BreachesScore
from planner.phantoms.score.case_score import CaseScore
from planner.phantoms.score.gaps import FalseGap, GapScore, GapsScore
from planner.phantoms.score.implants import ImplantScore
from planner.phantoms.score.known_case import KnownCase
from planner.phantoms.score.needles import NeedlesScore
from planner.phantoms.score.surroundings import SurroundingsScore
from planner.phantoms.solids.basic import Ball, Difference
from planner.phantoms.truth.document import GapTruth, ImplantTruth, StructuresTruth, TruthDocument

# The benchmarks are scripts, not a package: they find each other in their own folder.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import accuracy_thresholds
from accuracy_ablation import COLUMNS, AblatedCase, ablation_rows
from accuracy_cases import load_cases
from accuracy_figures import NOTHING
from accuracy_run import CaseResult
from accuracy_targets import TargetCase, target_rows
from accuracy_thresholds import CaseYardsticks, ThresholdedImplant, count_voxels, yardsticks

_SHAPE = (20, 30, 40)


def _known(*, gap_at: slice | None = slice(12, 14)) -> KnownCase:
    """Two rods of metal 1 mm thick along S, at columns 10 and 30; the gap of the first beside it."""
    metal = np.zeros(_SHAPE, dtype=bool)
    metal[:, 15, 10] = metal[:, 15, 30] = True
    label = np.zeros(_SHAPE, dtype=np.uint8)
    gaps: tuple[GapTruth, ...] = ()
    if gap_at is not None:
        label[5:10, 15, gap_at] = 1
        gaps = (
            GapTruth(
                id="gap",
                implant_id="first",
                kind="screw_halo",
                label=1,
                centroid=(0.0, 0.0, 0.0),
                volume_ml=float((label > 0).sum()) / 1e3,
            ),
        )
    env = np.zeros(_SHAPE, dtype=bool)
    env[2:18] = True
    document = TruthDocument(
        implants=tuple(ImplantTruth(id=name, kind="pedicle_screw") for name in ("first", "second")),
        gaps=gaps,
        breaches=(),
        structures=StructuresTruth(canal=None, forbidden=()),
        voxel_mm=(1.0, 1.0, 1.0),
    )
    nothing = np.zeros(_SHAPE, dtype=np.uint8)
    matrix = np.eye(4)[[2, 1, 0, 3]]
    return KnownCase(document, Grid(_SHAPE, matrix), label, nothing, metal, env, env, nothing.astype(bool))


def _owner(known: KnownCase) -> np.ndarray:
    owner = known.metal.astype(np.uint8)
    owner[:, :, 20:] *= 2
    return owner


def _scan(known: KnownCase, *dark: tuple[slice, slice, slice]) -> Volume:
    hu = np.full(_SHAPE, 600, dtype=np.int16)
    for block in dark:
        hu[block] = 50
    return Volume(known.grid, hu)


def test_dark_voxels_near_metal_are_counted_and_given_to_the_nearest_implant() -> None:
    known = _known()
    seen = (slice(5, 10), slice(15, 16), slice(12, 13))  # half of the gap
    false = (slice(5, 10), slice(15, 16), slice(26, 28))  # beside the second
    far = (slice(5, 10), slice(2, 4), slice(20, 21))  # more than 6 mm from any metal
    above = (slice(0, 2), slice(15, 16), slice(11, 12))  # outside of the bone
    first, second = count_voxels(_scan(known, seen, false, far, above), known, _owner(known))
    assert (first.found_ml, second.found_ml) == (pytest.approx(0.005), pytest.approx(0.010))
    assert first.missed == pytest.approx(0.5)
    assert first.dice == pytest.approx(2 * 5 / (10 + 5))
    assert (second.true_ml, second.dice, second.missed) == (0.0, None, None)


def test_what_is_bright_or_black_is_not_counted() -> None:
    known = _known()
    for hu in (-201, 201):
        volume = Volume(known.grid, np.full(_SHAPE, hu, dtype=np.int16))
        assert [i.found_ml for i in count_voxels(volume, known, _owner(known))] == [0.0, 0.0]


def test_a_voxel_of_a_true_gap_goes_with_its_gap_though_another_implant_is_nearer() -> None:
    known = _known(gap_at=slice(26, 28))
    first, second = count_voxels(_scan(known, (slice(5, 10), slice(15, 16), slice(26, 28))), known, _owner(known))
    assert (first.missed, first.dice, second.found_ml) == (0.0, 1.0, 0.0)


def test_no_voxel_is_counted_outside_of_the_ct() -> None:
    known = _known()
    low = Grid((4, *_SHAPE[1:]), known.grid.lps_from_index)
    volume = Volume(low, np.zeros(low.shape, dtype=np.int16))
    first, _ = count_voxels(volume, known, _owner(known))
    assert first.missed == 1.0
    assert first.found_ml > 0.0  # slices 2 and 3, in bone


def test_nothing_is_counted_without_scan_and_truth(tmp_path: Path) -> None:
    assert yardsticks(load_cases()[0], tmp_path) is None


# --- the tables ---


def _gap(name: str, true_ml: float, found_ml: float | None, *, width: float = 2.0) -> GapScore:
    return GapScore(
        true_id=name, kind="screw_halo", implant_id=f"of-{name}", found_ids=() if found_ml is None else ("gap-1",),
        true_ml=true_ml, estimate_ml=found_ml, low_ml=found_ml, high_ml=found_ml, dice=0.5, sensitivity=0.75,
        true_width_mm=width, width_mm=None if found_ml is None else width + 0.4, true_width_max_mm=None,
        width_max_mm=None, true_interface_fraction=None, interface_fraction=None, found_kind=None, trust=None, zones=(),
    )  # fmt: skip


def _screw(name: str, call: str | None, *, loose: bool) -> ImplantScore:
    blank = dict.fromkeys(ImplantScore.model_fields)
    told = {"true_id": name, "kind": "pedicle_screw", "loose": loose}
    return ImplantScore.model_validate(
        {**blank, **told, "found_id": f"found-{name}", "found_kind": "pedicle_screw", "found_loosening": call}
    )


def _result(*gaps: GapScore, implants: tuple[ImplantScore, ...] = (), false: tuple[FalseGap, ...] = ()) -> CaseResult:
    score = CaseScore(
        implants=implants,
        gaps=GapsScore(gaps=gaps, false=false, beside=(), unmeasured=0, dice=None, sensitivity=None),
        breaches=BreachesScore(breaches=(), false=(), found_right=0),
        needles=NeedlesScore(needles=(), gaps_without=()),
        surroundings=SurroundingsScore(
            canal_covered=None, canal_centre_error_mm=None, canal_centre_error_max_mm=None, bone_found=None,
            bone_right=None,
        ),
    )  # fmt: skip
    return CaseResult(case="case", score=score)


def _told(
    areas: dict[str, float | None], shares: dict[str, float | None], *counted: ThresholdedImplant
) -> CaseYardsticks:
    return CaseYardsticks(thresholded=counted, interface_mm2=areas, rim_share=shares)


def test_a_large_gap_may_be_wrong_by_15_percent_or_by_a_quarter_of_a_millimetre() -> None:
    # 0.1 mL off each: 10 % of 1.0; 12.5 % ... of 0.6 it is 17 %, but 0.25 mm over 500 mm2 are 0.125 mL
    gaps = (_gap("a", 1.0, 1.1), _gap("b", 0.6, 0.7), _gap("c", 0.6, 0.7), _gap("d", 0.6, None), _gap("e", 0.4, 0.1))
    areas = {"a": 10.0, "b": 500.0, "c": None, "d": 900.0, "e": 900.0}
    rows = dict(target_rows([TargetCase(_result(*gaps), _told(areas, {}))]))
    assert next(v for k, v in rows.items() if "interface" in k).startswith("50 % (2/4)")
    assert rows["gaps over 0.5 mL: volume error, % (median 8 or less)"].endswith("n=3 of 4")


def test_widths_are_judged_between_1_and_3_mm_alone() -> None:
    gaps = (_gap("a", 1.0, 1.0), _gap("b", 1.0, None), _gap("c", 1.0, 1.0, width=4.0))
    rows = dict(target_rows([TargetCase(_result(*gaps), None)]))
    assert rows["gaps 1 to 3 mm wide: width error, mean, mm (0.3 or less)"] == "0.40, n=1 of 2"


def test_false_volume_is_that_of_controls_screw_by_screw() -> None:
    screws = tuple(_screw(name, "none", loose=False) for name in "ab")
    false = (FalseGap(found_id="g", implant_id="found-a", kind="screw_halo", volume_ml=0.4),)
    control = TargetCase(_result(implants=screws, false=false), None)
    other = TargetCase(_result(_gap("x", 1.0, 1.0), implants=screws, false=false), None)
    name = "false volume on controls, mL an implant (each below 0.1)"
    assert dict(target_rows([control, other]))[name] == "0.20 / 0.36 / 0.40, n=2"
    assert dict(target_rows([other]))[name] == NOTHING
    refused = TargetCase(control.result.model_copy(update={"refused": "no implant"}), None)
    assert dict(target_rows([refused]))[name] == NOTHING


def test_loose_screws_are_those_with_a_wide_rim_and_a_call_of_possible_misses_them() -> None:
    calls = {"a": "probable", "b": "possible", "c": "none", "d": "probable"}
    screws = tuple(_screw(name, call, loose=name != "d") for name, call in calls.items())
    shares = {"a": 0.5, "b": 0.4, "c": 0.1, "d": None}
    rows = dict(target_rows([TargetCase(_result(implants=screws), _told({}, shares))]))
    assert rows["loose screws missed (0)"].startswith("50 % (1/2)")
    assert rows["firm implants called loose (0)"].startswith("100 % (1/1)")


def _ablated(result: CaseResult, told: CaseYardsticks | None, *, artefacts: str = "mild") -> AblatedCase:
    return AblatedCase("tuning", "lumbar", artefacts, result, told)


def _thresholded(name: str, true_ml: float, found_ml: float) -> ThresholdedImplant:
    share = 0.25 if true_ml else None
    return ThresholdedImplant(
        implant_id=name, kind="pedicle_screw", true_ml=true_ml, found_ml=found_ml, dice=share, missed=share
    )


def test_both_methods_stand_side_by_side_for_the_same_implants() -> None:
    gaps = (_gap("a", 1.0, 1.2), _gap("b", 1.0, None))
    false = (FalseGap(found_id="g", implant_id="found-firm", kind="screw_halo", volume_ml=0.5),)
    result = _result(*gaps, implants=(_screw("firm", "none", loose=False),), false=false)
    counted = (_thresholded("of-a", 1.0, 3.0), _thresholded("of-b", 1.0, 0.0), _thresholded("firm", 0.0, 2.0))
    rows = {
        r[1:4]: dict(zip(COLUMNS, r, strict=True)) for r in ablation_rows([_ablated(result, _told({}, {}, *counted))])
    }
    by_voxels, by_profiles = rows["lumbar", "mild", "thresholded"], rows["lumbar", "mild", "profiles"]
    assert by_voxels["volume, %"] == "150 / 190 / 200, n=2"
    assert by_profiles["volume, %"] == "60 / 92 / 100, n=2"
    assert by_voxels["volume missed, %"] == by_profiles["volume missed, %"] == "25 / 25 / 25, n=2"
    assert by_voxels["Dice"].startswith("0.25")
    assert by_profiles["Dice"].startswith("0.50")
    assert by_voxels["false, mL an implant"].startswith("2.00;")
    assert by_profiles["false, mL an implant"].startswith("0.50;")
    assert {("lumbar", "all", "profiles"), ("all", "all", "thresholded")} <= set(rows)


def test_a_case_whose_voxels_were_not_counted_adds_nothing() -> None:
    rows = ablation_rows([_ablated(_result(_gap("a", 1.0, 1.2)), None)])
    assert {row[4] for row in rows} == {"0"}
    assert {row[5] for row in rows} == {NOTHING}


def test_the_interface_of_a_gap_is_that_of_its_own_implant() -> None:
    from planner.phantoms.scene import Scene
    from planner.phantoms.tissues import MUSCLE
    from planner.phantoms.truth.facts import TrueGap, TrueImplant, Truth

    metal, bone = Ball((0.0, 0.0, 0.0), 5.0), Ball((0.0, 0.0, 0.0), 20.0)
    gap = Difference(Ball((0.0, 0.0, 0.0), 7.0), metal)
    axis = np.arange(-20.0, 21.0)
    implant = TrueImplant("cage", "cage", metal)
    shell = TrueGap("gap", "cage", "cage_interface", 2.0, gap)
    truth = Truth((implant,), (shell,), bone, bone, (), Scene((), MUSCLE), (axis, axis, axis))
    area = accuracy_thresholds.interface_mm2(shell, truth)
    assert area == pytest.approx(4.0 * np.pi * 25.0, rel=0.05)
    assert accuracy_thresholds.interface_mm2(TrueGap("x", None, "fracture_level", 2.0, gap), truth) is None
