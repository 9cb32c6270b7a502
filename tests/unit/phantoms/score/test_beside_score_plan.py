"""Our figures and those of the shared cases' own scorer, on one faulty plan."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from planner.model.gap import Interval
from planner.model.labels import LabelMap, Structure
from planner.model.needle import Trajectory
from planner.model.plan import Plan
from planner.phantoms.score.case_score import CaseScore, score_case
from planner.phantoms.score.known_case import KnownCase


@pytest.fixture(scope="module")
def faulty(
    perfect: Plan, labels: LabelMap, known: KnownCase, needle: Callable[..., Trajectory]
) -> tuple[Plan, LabelMap]:
    """A plan with a shifted screw, one gap over two, a false gap, a stray breach, and harmful needles."""
    codes = labels.codes.copy()
    codes[known.label > 0] = 1
    codes[np.roll(known.label == 2, 1, axis=1) & (codes == 5)] = 1
    codes[:4, -6:, :6] = 6
    structures = (*(s for s in labels.structures if s.id != "gap-2"), Structure(code=6, kind="gap", id="false"))
    axis = perfect.implants[0].axis
    assert axis is not None
    moved = axis.model_copy(update={"tip_lps": (-7.0, 10.0, 15.0), "diameter_mm": 5.2})
    screws = (
        perfect.implants[0].model_copy(update={"axis": moved, "loosening": "possible", "side": "left"}),
        perfect.implants[1].model_copy(update={"loosening": "none"}),
    )
    gaps = (
        perfect.gaps[0].model_copy(update={"volume_ml": Interval(estimate=2.0, low=1.8, high=2.2)}),
        perfect.gaps[1].model_copy(update={"id": "false", "volume_ml": Interval(estimate=0.7, low=0.5, high=0.9)}),
    )
    stray = perfect.breaches[0].model_copy(update={"id": "breach-2", "centroid_lps": (20.0, 30.0, 3.0)})
    through_canal = [(-6.0, 50.0, 21.0), (5.0, 36.0, 21.0), (8.0, 22.0, 21.0)]
    from_the_front = [(-20.0, -9.0, 14.0), (-15.0, 5.0, 14.0), (-13.5, 22.0, 14.0)]
    needles = (
        needle(1, "gap-1", (-13.5, 22.0, 14.0)),
        needle(2, "gap-1", (-11.0, 22.0, 14.0)),
        needle(3, "gap-1", (-16.5, 22.0, 14.0)),
        needle(4, "gap-1", through_canal[-1], path_lps=tuple(through_canal), entry_skin_lps=through_canal[0]),
        needle(5, "gap-1", from_the_front[-1], path_lps=tuple(from_the_front), entry_skin_lps=from_the_front[0]),
    )
    from_afar = [(-13.5, 75.0, 14.0), (-13.5, 36.0, 14.0), (-13.5, 22.0, 14.0)]
    far = needle(6, "gap-1", from_afar[-1], path_lps=tuple(from_afar), entry_skin_lps=from_afar[0])
    plan = perfect.model_copy(
        update={
            "implants": screws, "gaps": gaps, "breaches": (stray,), "trajectories": (*needles, far),
            "labels": structures,
        }
    )  # fmt: skip
    return plan, LabelMap(labels.grid, codes, structures)


@pytest.fixture(scope="module")
def both(
    faulty: tuple[Plan, LabelMap], known: KnownCase, shared_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CaseScore, dict[str, float]]:
    plan, labels = faulty
    out, case = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("case")
    (out / "plan.json").write_text(plan.model_dump_json(by_alias=True))
    image = sitk.GetImageFromArray(labels.codes)
    image.SetOrigin([float(v) for v in labels.grid.lps_from_index[:3, 3]])
    sitk.WriteImage(image, str(out / "labels.nii.gz"))
    (case / "truth.json").write_text(json.dumps(known.document.model_dump(mode="json")))
    start, shape = known.grid.lps_from_index[:3, 3], known.grid.shape
    axes = {name: start[k] + np.arange(shape[2 - k], dtype=float) for k, name in enumerate("xyz")}
    names = ("label", "breach", "metal", "env", "body", "forbidden")
    np.savez(case / "truth.npz", **axes, **{name: getattr(known, name) for name in names})
    command = [sys.executable, str(shared_dir / "cases" / "score_plan.py"), str(out), str(case), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return score_case(plan, labels, known), json.loads(said)


def test_implants_agree(both: tuple[CaseScore, dict[str, float]]) -> None:
    ours, theirs = both
    assert max(i.tip_error_mm or 0.0 for i in ours.implants) == pytest.approx(theirs["screw_tip_error_max_mm"])
    assert max(i.axis_error_deg or 0.0 for i in ours.implants) == pytest.approx(
        theirs["screw_axis_error_max_deg"], abs=1e-4
    )
    worst = max(abs(i.diameter_error_mm or 0.0) for i in ours.implants)
    assert worst == pytest.approx(theirs["screw_diameter_error_max_mm"])
    assert sum(i.found_id is not None for i in ours.implants) / len(ours.implants) == theirs["screws_found"] == 1.0
    assert sum(i.side != i.found_side for i in ours.implants) == theirs["screw_side_wrong"] == 1
    loose = [i for i in ours.implants if i.loose]
    assert sum(i.found_loosening == "none" for i in loose) == theirs["loose_screws_missed"] == 1
    assert sum(i.found_loosening == "possible" for i in ours.implants) == theirs["screws_undecided"] == 1


def test_gaps_agree(both: tuple[CaseScore, dict[str, float]]) -> None:
    ours, theirs = both
    assert ours.gaps.dice == pytest.approx(theirs["gap_dice"])
    assert ours.gaps.sensitivity == pytest.approx(theirs["gap_sensitivity"])
    for gap in ours.gaps.gaps:
        assert gap.relative_error == pytest.approx(theirs[f"volume_error[{gap.true_id}]"], abs=0.01)
    assert sum(gap.covered is False for gap in ours.gaps.gaps) == theirs["interval_misses"]
    assert ours.gaps.false_ml == pytest.approx(theirs["false_gap_ml"]) == 0.7


def test_breaches_agree(both: tuple[CaseScore, dict[str, float]]) -> None:
    ours, theirs = both
    assert sum(b.found_id is None for b in ours.breaches.breaches) == theirs["breaches_missed"] == 1
    assert len(ours.breaches.false) == theirs["breaches_unmatched"] == 1


@pytest.mark.parametrize(
    ("ours_name", "theirs_name", "count"),
    [
        ("metal", "metal", 1),
        ("canal", "canal", 1),
        ("forbidden", "forbidden", 1),
        ("off target", "target", 1),
        ("second bone", "bone_entries", 0),
        ("length", "length", 3),
        ("angles", "angle", 2),
        ("skin", "skin", 2),
    ],
)
def test_needles_agree(both: tuple[CaseScore, dict[str, float]], ours_name: str, theirs_name: str, count: int) -> None:
    ours, theirs = both
    assert sum(ours_name in needle.violations for needle in ours.needles.needles) == count
    assert theirs[f"trajectories_bad_{theirs_name}"] == count


def test_gaps_without_a_needle_agree(both: tuple[CaseScore, dict[str, float]]) -> None:
    ours, theirs = both
    assert len(ours.needles.gaps_without) == theirs["gaps_without_trajectory"]
