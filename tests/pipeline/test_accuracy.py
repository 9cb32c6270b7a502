"""The accuracy table: its cases are what they promise, and a few cases keep to their limits."""

import importlib.metadata
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from planner.config.phantoms.hip.phantom import HipPhantom
from planner.config.phantoms.scan import ScanSettings
from planner.config.phantoms.spine.phantom import SpinePhantom
from planner.geometry.grid import Grid
from planner.phantoms.solids.basic import Ball
from planner.phantoms.truth.facts import TrueGap

PROJECT = Path(__file__).resolve().parents[2]
# The benchmarks are scripts, not a package: they find each other in their own folder.
sys.path.insert(0, str(PROJECT / "benchmarks"))

import accuracy_run  # noqa: E402
from accuracy_cases import (  # noqa: E402
    AccuracyCase,
    CaseTable,
    changed_since_frozen,
    freeze,
    load_cases,
    read_frozen,
)
from accuracy_run import key, metal_of, require_in_field, run, run_here, screws_of  # noqa: E402

# --- the cases ---


@pytest.fixture(scope="module")
def cases() -> tuple[AccuracyCase, ...]:
    return load_cases()


@pytest.mark.parametrize("group", ["tuning", "held-out"])
def test_each_set_has_enough_cases_of_every_kind(cases: Sequence[AccuracyCase], group: str) -> None:
    own = [case for case in cases if case.group == group]
    assert len(own) >= 24
    for site in ("hip", "lumbar", "thoracic"):
        here = [case for case in own if case.site == site]
        assert {case.clipped for case in here} == {True, False}
        assert {case.artefacts for case in here} == {"none", "mild", "usual", "severe"}
        assert sum(not case.defects for case in here) >= 2, f"{site}: too few controls"
        assert len({defect for case in here for defect in case.defects}) >= 5
    rare = {"thin mantle", "worn calcar", "fracture_line"}
    assert rare <= {name for case in own for name in (*case.defects, *case.draw.get("altered", ()))}


def test_no_patient_is_both_tuned_on_and_held_out(cases: Sequence[AccuracyCase]) -> None:
    one = next(case for case in cases if case.group == "tuning")
    twin = one.model_copy(update={"name": "twin", "group": "held-out"})
    with pytest.raises(ValidationError, match="tuned on and held out"):
        CaseTable(cases=(one, twin))
    with pytest.raises(ValidationError, match="two cases have one name"):
        CaseTable(cases=(one, one))


def test_every_case_is_frozen_and_nothing_else_is(cases: Sequence[AccuracyCase]) -> None:
    assert set(read_frozen()) == {case.name for case in cases}


def test_cases_are_still_drawn_as_they_were_frozen(cases: Sequence[AccuracyCase]) -> None:
    # A few, of every site: all of them take half a minute. The table itself names each that differs.
    assert changed_since_frozen(cases[::16], read_frozen()) == ()


def test_a_case_that_is_drawn_otherwise_is_named(cases: Sequence[AccuracyCase], tmp_path: Path) -> None:
    one, other = (next(c for c in cases if c.name == name) for name in ("hip-t01", "hip-t03"))
    freeze([one, other], tmp_path / "sums")
    frozen = read_frozen(tmp_path / "sums")
    assert changed_since_frozen([one, other], frozen) == ()
    louder = one.model_copy(update={"scan": one.scan.model_copy(update={"tube_mas": 33.0})})
    redrawn = other.model_copy(update={"draw": {**other.draw, "side": "left" if _side(other) == "right" else "right"}})
    assert changed_since_frozen([louder, redrawn], frozen) == ("hip-t01", "hip-t03")
    freeze([louder], tmp_path / "sums")
    assert changed_since_frozen([louder, other], read_frozen(tmp_path / "sums")) == ()
    assert read_frozen(tmp_path / "nowhere") == {}


def _side(case: AccuracyCase) -> str:
    recipe = case.recipe()
    assert isinstance(recipe, HipPhantom)
    return recipe.side


def test_a_gap_that_the_scan_does_not_show_is_refused() -> None:
    gap = TrueGap("cleft", None, "fracture_level", 5.0, Ball((10.0, 10.0, 10.0), 5.0))
    room, half = Grid((20, 20, 20), np.eye(4)), Grid((20, 10, 20), np.eye(4))
    require_in_field([gap], scanned=room, known=room)
    with pytest.raises(ValueError, match=r"5\d.\d % of cleft lie outside of the scan"):
        require_in_field([gap], scanned=half, known=room)
    with pytest.raises(ValueError, match="outside of the truth"):
        require_in_field([gap], scanned=room, known=half)


def test_fields_are_shared_by_site_and_changed_by_case(cases: Sequence[AccuracyCase]) -> None:
    fields = {case.name: case.field for case in cases}
    assert fields["lumbar-t09"]["margin_mm"] > fields["lumbar-t01"]["margin_mm"] == fields["hip-t01"]["margin_mm"]
    assert fields["lumbar-t09"]["width_mm"] == fields["lumbar-t01"]["width_mm"] != fields["hip-t01"]["width_mm"]
    hip = next(case for case in cases if case.name == "hip-t01")
    assert dict(hip.recipe().field).items() >= fields["hip-t01"].items()


def test_metal_and_screws_are_told_from_the_recipe(cases: Sequence[AccuracyCase]) -> None:
    recipes = {c.name: c.recipe() for c in cases if c.name in ("lumbar-t05", "hip-t03")}
    assert metal_of(recipes["lumbar-t05"]) == "titanium, cobalt-chrome rods"
    assert metal_of(recipes["hip-t03"]).endswith("stem in cement")
    assert screws_of(recipes["hip-t03"]) is None
    spine = recipes["lumbar-t05"]
    assert isinstance(spine, SpinePhantom)
    first, *rest = spine.screws
    for bores, word in (((1.6, None), "both"), ((1.6, 1.6), "cannulated"), ((None, None), "solid")):
        screws = [first.model_copy(update={"cannula_mm": bores[0]})]
        screws += [screw.model_copy(update={"cannula_mm": bores[1]}) for screw in rest]
        assert screws_of(spine.model_copy(update={"screws": tuple(screws)})) == word


def test_a_result_rests_on_recipe_and_scan_and_not_on_the_name(cases: Sequence[AccuracyCase]) -> None:
    one = cases[0]
    assert key(one, "scan") == key(one.model_copy(update={"name": "other", "group": "held-out"}), "scan")
    assert key(one, "scan") != key(one.model_copy(update={"seed": one.seed + 1}), "scan")
    louder = one.scan.model_copy(update={"tube_mas": 33.0})
    assert key(one, "scan") != key(one.model_copy(update={"scan": louder}), "scan")


@pytest.mark.parametrize("package", ["numpy", "scipy", "numba", "xraylib"])
def test_a_result_rests_on_the_packages_beneath(
    cases: Sequence[AccuracyCase], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, version = key(cases[0], "scan"), importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0" if name == package else version(name))
    accuracy_run.means.cache_clear()
    try:
        assert key(cases[0], "scan") != before
    finally:
        accuracy_run.means.cache_clear()


# --- a few cases, each held against its truth ---

SMALL = {
    "pixel_mm": 0.9,
    "slice_mm": 1.5,
    "margin_mm": 8.0,
    "width_mm": 110.0,
    "front_mm": 28.0,
    "truth_mm": 0.9,
    "truth_margin_mm": 8.0,
}


@dataclass(frozen=True)
class Limits:
    """What a case must keep to: the figures of the day it was frozen, with a margin of about a third."""

    case: AccuracyCase
    implants_found: int
    """At least so many of their own kind."""
    tip_mm: float
    axis_deg: float
    diameter_mm: float
    gaps_found: int
    volume_share: float
    """No measured gap is farther off than this share of its volume."""
    dice: float
    """Of all gaps together, at least."""
    false_ml: float
    loose_missed: int
    firm_called_loose: int
    harmful_needles: int
    gaps_without: int


def _case(site: str, seed: int, *defects: str, artefacts: bool = True, clipped: bool = False) -> AccuracyCase:
    scan = ScanSettings(
        kvp=140.0,
        tube_mas=400.0,
        views=360,
        energy_bins=8,
        raster_mm=0.8,
        metal_raster_mm=0.35,
        rays_per_detector=2,
        row_mm=1.5,
        artefacts=artefacts,
        hu_clipped_at=3071.0 if clipped else None,
        seed=seed,
    )
    draw = {"defects": list(defects), "decoys": False}
    name = f"{site}-{seed}"
    return AccuracyCase(
        name=name, group="tuning", site=site, seed=seed, draw=draw, field=SMALL, artefacts="small", scan=scan
    )


LIMITS = (
    Limits(
        _case("lumbar", 21, "even", "wiper", artefacts=False),
        implants_found=8,
        tip_mm=1.65,
        axis_deg=0.3,
        diameter_mm=0.95,
        gaps_found=2,
        volume_share=0.95,
        dice=0.45,
        false_ml=0.1,
        loose_missed=1,
        firm_called_loose=0,
        harmful_needles=0,
        gaps_without=1,
    ),
    Limits(
        _case("thoracic", 22, "even", "tip"),
        implants_found=5,
        tip_mm=1.6,
        axis_deg=0.55,
        diameter_mm=0.25,
        gaps_found=1,
        volume_share=0.75,
        dice=0.14,
        false_ml=0.45,
        loose_missed=2,
        firm_called_loose=0,
        harmful_needles=1,
        gaps_without=2,
    ),
)


def _worst(values: Iterable[float | None]) -> float:
    return max((abs(value) for value in values if value is not None), default=0.0)


@pytest.mark.parametrize("limits", LIMITS, ids=lambda limits: limits.case.name)
def test_a_case_keeps_to_its_limits(limits: Limits, request: pytest.FixtureRequest) -> None:
    result = run_here(limits.case, request.config.cache.mkdir("accuracy"))
    score = result.score
    assert score is not None
    implants = [i for i in score.implants if i.kind is not None and i.kind == i.found_kind]
    anchors = [i for i in implants if i.kind != "rod"]
    assert len(implants) >= limits.implants_found
    assert _worst(i.tip_error_mm for i in anchors) <= limits.tip_mm
    assert _worst(i.axis_error_deg for i in anchors) <= limits.axis_deg
    assert _worst(i.diameter_error_mm for i in anchors) <= limits.diameter_mm
    assert all(i.found_side == i.side for i in implants)
    assert sum(gap.estimate_ml is not None for gap in score.gaps.gaps) >= limits.gaps_found
    assert _worst(gap.relative_error for gap in score.gaps.gaps) <= limits.volume_share
    assert (score.gaps.dice or 0.0) >= limits.dice
    assert score.gaps.false_ml <= limits.false_ml
    loose, firm = ([i for i in score.implants if i.loose is wanted] for wanted in (True, False))
    assert sum(i.found_loosening not in ("probable", "definite") for i in loose) <= limits.loose_missed
    assert sum(i.found_loosening in ("probable", "definite") for i in firm) <= limits.firm_called_loose
    assert sum(bool(needle.violations) for needle in score.needles.needles) <= limits.harmful_needles
    assert len(score.needles.gaps_without) <= limits.gaps_without


def test_a_plan_that_crashes_is_scored_as_an_empty_one(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = LIMITS[0].case
    made = accuracy_run.folders_of(case, request.config.cache.mkdir("accuracy"))
    accuracy_run.make_phantom(case, made)
    here = accuracy_run.folders_of(case, tmp_path)
    for step in ("scan", "truth"):
        shutil.copytree(made[step], here[step])
    monkeypatch.setattr(accuracy_run.subprocess, "run", _dying)
    result = run(case, tmp_path, threads=1)
    assert result.failed == "plan: MemoryError"
    assert result.score is not None and not result.is_planned
    assert [gap.found_ids for gap in result.score.gaps.gaps] == [()] * len(case.defects)
    assert {implant.found_id for implant in result.score.implants} == {None}
    assert result.fingerprint == case.fingerprint()


def test_a_phantom_that_cannot_be_made_has_no_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accuracy_run.subprocess, "run", _dying)
    result = run(LIMITS[0].case, tmp_path, threads=1)
    assert (result.score, result.failed) == (None, "phantom: MemoryError")


def test_sources_that_change_meanwhile_stop_the_run_and_count_against_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 75, stdout="", stderr="")

    monkeypatch.setattr(accuracy_run.subprocess, "run", changed)
    with pytest.raises(RuntimeError, match="sources changed"):
        run(LIMITS[0].case, tmp_path, threads=1)


def _dying(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], 1, stdout="", stderr="Traceback\nMemoryError\n")
