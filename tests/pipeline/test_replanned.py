"""An edited plan is the one that a run from scratch would give; steps read no setting that they do not tell of."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import BallRegion, WishedTarget, WishesConfig
from planner.errors import CancelledError, UsageError
from planner.model.labels import LabelMap
from planner.needles.lock import lock_of
from planner.pipeline import plan_labelled, replan, scan_of
from planner.pipeline.kept_steps import READS, KeptSteps
from planner.progress import Progress

CURRENT: list[str] = []
SEEN: dict[str, set[str]] = {}


class Watched(PlanConfig):
    """Settings that write down which step reads which of them."""

    def __getattribute__(self, name):
        if CURRENT and name in PlanConfig.model_fields:
            SEEN.setdefault(CURRENT[-1], set()).add(name)
        return super().__getattribute__(name)


@pytest.fixture(scope="module")
def wished(case):
    """A needle that stays, a target in bone, and a region that the first needle of another gap goes through."""
    first, other = (next(t for t in case.plan.trajectories if t.gap_id == gap.id) for gap in case.plan.gaps[:2])
    return WishesConfig(
        targets=(WishedTarget(point_lps=tuple(np.add(first.target_lps, (0.0, 0.0, 1.0)))),),
        keep_out=(BallRegion(centre_lps=other.entry_bone_lps, radius_mm=3.0),),
        locked=(lock_of(case.plan, first.id),),
    )


def half_erased(case):
    """Take the upper half of the first gap away."""
    code = next(s.code for s in case.labels.structures if s.id == "gap-1")
    cells = np.argwhere(case.labels.codes == code)
    codes = np.array(case.labels.codes)
    codes[tuple(cells[cells[:, 0] > np.median(cells[:, 0])].T)] = 0
    return LabelMap(case.labels.grid, codes, case.labels.structures)


def settings(wishes, kind=PlanConfig):
    return kind.model_validate({"needles": {"wishes": wishes}})


@pytest.fixture(scope="module")
def scratch(case, lumbar, wished):
    """All edits at once, from scratch, with every step watched."""
    undone = KeptSteps.step

    def watched(self, name, inputs, make):
        def made():
            CURRENT.append(name)
            try:
                return make()
            finally:
                CURRENT.pop()

        return undone(self, name, inputs, made)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KeptSteps, "step", watched)
        return plan_labelled(scan_of(lumbar.volume), settings(wished, Watched), gaps=half_erased(case))


def told(case):
    return case.plan.model_dump(exclude={"timings_s"})


def test_edits_one_after_the_other_give_what_a_run_from_scratch_gives(case, wished, scratch):
    held = replan(case, settings(wished))
    assert held.breaches is case.breaches and held.trust is case.trust and held.labels is case.labels
    assert told(held) != told(case) and told(held)["gaps"][0]["volume_ml"] == told(case)["gaps"][0]["volume_ml"]
    assert (case.plan.review.state, held.plan.review.state) == ("unreviewed", "edited")
    assert {gap.made for gap in held.plan.gaps} == {"automatic"}
    # a target is a person's, its needles are the program's; a locked proposal stays the program's
    assert [target.made for target in held.plan.picked_targets] == ["edited"]
    assert {way.made for way in held.plan.ways} == {"automatic"} and any(t.locked for t in held.plan.trajectories)
    both = replan(held, settings(wished), gaps=half_erased(case))
    assert both.survey is case.survey and both.breaches is not case.breaches
    assert told(both) == told(scratch)
    assert [gap.made for gap in both.plan.gaps] == ["edited", *["automatic"] * (len(case.plan.gaps) - 1)]
    assert np.array_equal(both.labels.codes, scratch.labels.codes)
    for one, other in zip(both.arrivals, scratch.arrivals, strict=True):
        assert np.array_equal(one.injected_ml, other.injected_ml)
    # gaps stay as they were edited until somebody says otherwise
    kept = replan(both, PlanConfig())
    assert [g.volume_ml for g in kept.plan.gaps] == [g.volume_ml for g in both.plan.gaps]
    assert told(replan(both, PlanConfig(), gaps="measured")) == told(case)


def test_steps_read_what_they_tell_of(scratch):
    assert scratch.plan.gaps
    assert {step: names - set(READS[step].of) for step, names in SEEN.items()} == {step: set() for step in SEEN}
    # to see nothing read would tell nothing
    assert {"survey", "gaps", "breaches", "distances", "picked targets", "flow", "standing views"} <= set(SEEN)


def test_nothing_changed_is_nothing_done(case):
    again = replan(case, PlanConfig())
    assert told(again) == told(case)
    assert set(again.plan.timings_s) == {"views", "total"}


def test_a_plan_without_what_it_was_made_from_is_refused(case):
    with pytest.raises(UsageError, match="plan on the CT"):
        replan(replace(case, kept=None), PlanConfig())


def test_it_stops_when_asked_to_and_leaves_the_case_as_it_was(case, wished):
    before = dict(case.kept.done)
    monitor = SimpleNamespace(report=lambda progress: isinstance(progress, Progress), cancelled=lambda: True)
    with pytest.raises(CancelledError):
        replan(case, settings(wished), monitor=monitor)
    assert case.kept.done == before
