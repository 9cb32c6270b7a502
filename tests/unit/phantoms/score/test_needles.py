"""Each harm that a needle can do is seen, and a harmless one has none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from planner.geometry.grid import Grid
from planner.model.carm import NeedleView
from planner.model.needle import Needle, Trajectory
from planner.phantoms.score.known_case import KnownCase
from planner.phantoms.score.needles import score_needles

Make = Callable[..., Trajectory]
TARGET = (-13.5, 22.0, 14.0)


def _bent(points: list[tuple[float, float, float]], **changes: Any) -> dict[str, Any]:
    """Give a needle along some points, its depth and angles as they follow from them."""
    length = float(np.linalg.norm(np.diff(np.array(points), axis=0), axis=1).sum())
    return {
        "path_lps": tuple(points),
        "entry_skin_lps": points[0],
        "depth_from_skin_mm": length,
        **changes,
    }


def _violations(known: KnownCase, needle: Trajectory) -> tuple[str, ...]:
    return score_needles((needle,), known).needles[0].violations


def test_a_needle_beside_the_screw_does_no_harm(known: KnownCase, needle: Make) -> None:
    (score,) = score_needles((needle(1, "gap-1", TARGET),), known).needles
    assert score.violations == ()
    assert score.metal_mm == pytest.approx(1.5 - 0.9, abs=0.05)
    assert score.canal_mm == pytest.approx(14.5 - 4.0 - 0.9)
    assert (score.gap_id, score.gap_true_id) == ("gap-1", "gap-right")
    assert (score.bone_entries, score.forbidden_mm, score.within_metal_mm) == (1, {}, 0.0)
    assert (score.skin_off_mm, score.unjudged_mm) == (pytest.approx(0.0, abs=0.51), 0.0)
    assert score.depth_error_mm == pytest.approx(0.0)
    assert score.over_length_mm == pytest.approx(28.0 - 150.0)


def test_a_needle_through_the_screw_meets_metal(known: KnownCase, needle: Make) -> None:
    assert _violations(known, needle(1, "gap-1", (-11.0, 22.0, 14.0))) == ("metal",)


def test_a_needle_may_slide_along_the_screw_but_not_run_in_it(known: KnownCase, needle: Make) -> None:
    thick = Needle(gauge="13G", outer_diameter_mm=2.4, length_mm=150.0)
    along = needle(1, "gap-1", (-12.6, 22.0, 14.0), slides_along_implant=True, needle=thick)
    assert _violations(known, along) == ()
    assert _violations(known, along.model_copy(update={"slides_along_implant": False})) == ("metal",)
    within = needle(1, "gap-1", (-11.0, 22.0, 14.0), slides_along_implant=True)
    assert _violations(known, within) == ("metal",)


def test_a_needle_through_the_canal_is_seen(known: KnownCase, needle: Make) -> None:
    target = (8.0, 22.0, 21.0)
    points = [(-6.0, 50.0, 21.0), (5.0, 36.0, 21.0), target]
    bad = needle(1, "gap-2", target, **_bent(points))
    score = score_needles((bad,), known).needles[0]
    assert "canal" in score.violations
    assert score.canal_mm is not None and score.canal_mm < 0.0
    assert "canal" not in _violations(known, needle(1, "gap-2", (18.0, 22.0, 17.0)))


def test_forbidden_structures_are_told_by_name(known: KnownCase, needle: Make) -> None:
    points = [(-20.0, -9.0, 14.0), (-15.0, 5.0, 14.0), TARGET]
    score = score_needles((needle(1, "gap-1", TARGET, **_bent(points)),), known).needles[0]
    assert "forbidden" in score.violations
    assert set(score.forbidden_mm) == {"great vessels"}
    assert score.forbidden_mm["great vessels"] == pytest.approx(9.0 * np.hypot(5, 14) / 14, abs=0.9)
    points = [(25.0, -9.0, 17.0), (20.0, 5.0, 17.0), (18.0, 22.0, 17.0)]
    assert set(score_needles((needle(1, "gap-2", points[-1], **_bent(points)),), known).needles[0].forbidden_mm) == {
        "lungs"
    }


def test_a_graze_of_two_millimetres_is_let_pass(known: KnownCase, needle: Make) -> None:
    points = [(-13.5, -2.0, 14.0), (-13.5, 5.0, 14.0), TARGET]
    score = score_needles((needle(1, "gap-1", TARGET, **_bent(points)),), known).needles[0]
    assert 0.0 < score.forbidden_mm["great vessels"] <= 2.0
    assert "forbidden" not in score.violations


def test_a_second_bone_is_seen(known: KnownCase, needle: Make) -> None:
    points = [(-25.0, 50.0, 14.0), (-25.0, 20.0, 14.0), (-25.0, -8.0, 14.0), (-22.0, -8.0, 14.0), (-13.5, 22.0, 14.0)]
    score = score_needles((needle(1, "gap-1", TARGET, **_bent(points)),), known).needles[0]
    assert score.bone_entries == 2
    assert "second bone" in score.violations


def test_a_tip_off_its_gap_is_seen_and_leaves_the_gap_without(known: KnownCase, needle: Make) -> None:
    score = score_needles((needle(1, "gap-1", (-16.0, 22.0, 14.0)),), known)
    assert score.needles[0].violations == ("off target",)
    assert score.needles[0].off_target_mm == pytest.approx(2.0)
    assert score.gaps_without == ("gap-right", "gap-left")


def test_gaps_that_are_reached_have_a_needle(known: KnownCase, needle: Make) -> None:
    assert score_needles((needle(1, "gap-1", TARGET),), known).gaps_without == ("gap-left",)


@pytest.mark.parametrize(
    "changes",
    [{"depth_from_skin_mm": 30.0}, {"depth_from_skin_mm": None}, {"depth_from_skin_mm": 160.0}],
    ids=["untrue", "untold", "longer than the needle"],
)
def test_a_wrong_depth_is_seen(known: KnownCase, needle: Make, changes: dict[str, float | None]) -> None:
    assert _violations(known, needle(1, "gap-1", TARGET, **changes)) == ("length",)


def test_a_wrong_angle_is_seen_and_a_full_turn_is_none(known: KnownCase, needle: Make) -> None:
    good = needle(1, "gap-1", TARGET)
    turned = good.bulls_eye.model_copy(update={"primary_deg": -180.0})
    assert _violations(known, good.model_copy(update={"bulls_eye": turned})) == ()
    wrong = NeedleView(**{**good.bulls_eye.model_dump(), "secondary_deg": 1.0})
    score = score_needles((good.model_copy(update={"bulls_eye": wrong}),), known).needles[0]
    assert (score.violations, score.angle_error_deg) == (("angles",), pytest.approx(1.0))


def test_a_skin_entry_under_the_skin_is_seen(known: KnownCase, needle: Make) -> None:
    points = [(-13.5, 42.0, 14.0), (-13.5, 36.0, 14.0), TARGET]
    score = score_needles((needle(1, "gap-1", TARGET, **_bent(points)),), known).needles[0]
    assert score.violations == ("skin",)
    assert score.skin_off_mm == pytest.approx(8.0, abs=0.8)


def test_what_is_not_told_stays_none(known: KnownCase, needle: Make) -> None:
    no_skin = needle(
        1, "gap-1", TARGET, entry_skin_lps=None, depth_from_skin_mm=None, path_lps=((-13.5, 36.0, 14.0), TARGET)
    )
    (score,) = score_needles((no_skin,), known).needles
    assert (score.skin_off_mm, score.depth_error_mm, score.over_length_mm) == (None, None, None)
    assert score.violations == ()


@pytest.fixture
def from_afar(needle: Make) -> Trajectory:
    """A needle whose skin entry lies behind the truth's voxels, which end at y = 59."""
    points = [(-13.5, 80.0, 14.0), (-13.5, 36.0, 14.0), TARGET]
    return needle(1, "gap-1", TARGET, **_bent(points))


def test_an_entry_beyond_truth_and_scan_is_wrong(known: KnownCase, from_afar: Trajectory) -> None:
    for scanned in (None, known.grid):
        (score,) = score_needles((from_afar,), known, scanned=scanned).needles
        assert (score.skin_off_mm, score.violations) == (None, ("skin",))


def test_a_path_from_outside_of_the_truth_is_judged_as_far_as_it_reaches(
    known: KnownCase, from_afar: Trajectory
) -> None:
    slices, rows, columns = known.grid.shape
    wider = Grid((slices, rows + 60, columns), known.grid.lps_from_index)
    (score,) = score_needles((from_afar,), known, scanned=wider).needles
    assert score.skin_off_mm is None
    assert score.unjudged_mm == pytest.approx(80.0 - 59.5, abs=0.5)
    assert (score.entry_beyond_scan, score.violations) == (False, ())
