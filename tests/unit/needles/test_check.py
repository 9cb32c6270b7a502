from dataclasses import replace

import numpy as np
import pytest

from planner.errors import UsageError
from planner.model.needle import Needle
from planner.needles.catalogue import needle_named
from planner.needles.check import check_trajectory
from planner.needles.search import search_gap

NEEDLE = needle_named("15G")


def judge(scene, entry, target):
    return check_trajectory(scene, entry_lps=entry, target_lps=target, needle=NEEDLE)


def test_a_proposed_needle_is_judged_safe(scene, vertebra):
    own = next(t for t in search_gap(scene, vertebra.gaps[0]).trajectories if not t.slides_along_implant)
    check = judge(scene, own.path_lps[0], own.target_lps)
    assert check.safe and check.off_target_mm == pytest.approx(0.0, abs=0.6)
    assert check.trajectory.depth_from_skin_mm == pytest.approx(own.depth_from_skin_mm, abs=0.3)
    assert check.trajectory.clearance_mm.canal == pytest.approx(own.clearance_mm.canal, abs=0.1)


@pytest.mark.parametrize(
    ("entry", "target", "violation"),
    [
        ((0.0, 60.0, 0.0), (10.0, -12.0, 0.0), "canal"),
        ((19.0, 60.0, 0.0), (14.5, -8.0, 0.0), "metal"),
        ((10.0, -34.0, 0.0), (10.0, -12.5, 0.0), "comes from the front of the spine"),
        ((-40.0, 60.0, 0.0), (-12.0, -5.0, 0.0), "the tip misses every gap"),
    ],
)
def test_a_bad_needle_is_named(scene, entry, target, violation):
    assert any(v.startswith(violation) for v in judge(scene, entry, target).violations)


def test_a_target_outside_bone_is_refused(scene):
    with pytest.raises(UsageError, match="not inside bone"):
        judge(scene, (20.0, 60.0, 0.0), (40.0, 50.0, 0.0))


def test_entry_on_target_is_refused(scene):
    with pytest.raises(UsageError, match="same point"):
        judge(scene, np.array([10.0, -12.0, 0.0]), (10.0, -12.0, 0.0))


def test_a_violation_says_how_much_is_free(scene):
    (canal,) = (v for v in judge(scene, (7.8, 60.0, 0.0), (7.8, -8.0, 0.0)).violations if v.startswith("canal"))
    free = scene.config.canal_margin_mm
    assert canal.endswith(f"{free:g} mm wanted") and "mm free" in canal
    (through,) = (v for v in judge(scene, (0.0, 60.0, 0.0), (10.0, -12.0, 0.0)).violations if v.startswith("canal"))
    assert "mm within it" in through


def test_too_short_a_needle_says_both_lengths(scene):
    short = Needle(gauge="15G", outer_diameter_mm=1.83, length_mm=30.0)
    check = check_trajectory(scene, entry_lps=(14.0, 60.0, 8.0), target_lps=(12.0, -12.0, 0.0), needle=short)
    assert any(v.startswith("too long") and "30 mm" in v for v in check.violations)


def test_a_case_without_gaps_is_judged_all_the_same(scene, change):
    bare = replace(scene, anatomy=change(gaps=()))
    check = judge(bare, (0.0, 60.0, 0.0), (10.0, -12.0, 0.0))
    assert check.off_target_mm is None and check.trajectory.reachable_ml is None
    assert any(v.startswith("no gap was told") for v in check.violations)
    assert any(v.startswith("canal") for v in check.violations)
    assert check.trajectory.with_aim_error is not None


def test_off_target_nothing_is_reached(scene):
    check = judge(scene, (-40.0, 60.0, 0.0), (-12.0, -5.0, 0.0))
    assert check.off_target_mm > 10 and check.trajectory.reachable_ml is None


def test_the_approaches_of_the_settings_do_not_change_the_verdict(scene):
    for approaches in (("femoral",), ("transpedicular",)):
        narrowed = replace(scene, config=scene.config.model_copy(update={"approaches": approaches}))
        for entry, target in (((14.0, 60.0, 8.0), (12.0, -12.0, 0.0)), ((10.0, -34.0, 0.0), (10.0, -12.5, 0.0))):
            own, wanted = judge(narrowed, entry, target), judge(scene, entry, target)
            assert own.violations == wanted.violations
            assert own.trajectory.approach == wanted.trajectory.approach != "femoral"
