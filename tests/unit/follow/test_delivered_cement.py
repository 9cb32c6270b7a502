"""New cement on a small pair of scans whose truth is known in closed form."""

from dataclasses import replace

import numpy as np
import pytest

from planner.config.delivered_cement_config import DeliveredCementConfig
from planner.follow.cement_result import CementResult
from planner.follow.delivered_cement import delivered_cement
from planner.model.follow_cement import DeliveredCement
from planner.model.gap import Interval
from planner.model.volume import Mask
from tests.unit.follow.cement_scene import Cement, ball_ml, breach, gap_ml, pair

CONFIG = DeliveredCementConfig()
LOBE = Cement(ball_lps=(10.0, 0.0, 0.0))


def _record(result: CementResult) -> DeliveredCement:
    assert result.record is not None
    return result.record


def _told(interval: Interval | None) -> Interval:
    assert interval is not None
    return interval


def test_a_thick_lobe_is_measured_by_mixing() -> None:
    """Its volume errs by less than 5 %, and its interval holds the truth."""
    record = _record(delivered_cement(pair(LOBE, has_metal=False, has_gap=False), CONFIG))
    total = _told(record.total_ml)
    assert total.estimate == pytest.approx(ball_ml(LOBE), rel=0.05)
    assert total.low <= ball_ml(LOBE) <= total.high
    assert record.leaks == ()
    assert record.cement_hu == pytest.approx(1500.0, rel=0.03)
    assert record.hidden_share is None


def test_nothing_new_is_no_cement_and_not_unknown() -> None:
    """An empty gap reads 0 %, the whole 0 mL, without a leak."""
    result = delivered_cement(pair(Cement()), CONFIG)
    record = _record(result)
    assert _told(record.total_ml).estimate == 0.0
    assert _told(record.gaps[0].share).estimate == 0.0
    assert record.leaks == ()
    assert record.cement_hu is None
    assert record.interdigitation_mm is None
    assert not result.new_cement.voxels.any()
    assert [name for name, _ in result.residual] == ["gap-1"]


def test_a_full_gap_is_full() -> None:
    """Thin as it is: its blurred edge is no cement that lacks."""
    record = _record(delivered_cement(pair(Cement(gap_share=1.0)), CONFIG))
    share, total = _told(record.gaps[0].share), _told(record.total_ml)
    assert share.estimate > 0.95
    assert total.low <= gap_ml() <= total.high
    assert total.estimate == pytest.approx(gap_ml(), rel=0.05)
    assert _told(record.in_gaps_ml).high <= total.high


def test_half_a_gap_is_half_full_and_the_rest_can_still_be_filled() -> None:
    """The share errs by less than 5 points; what is left lies at the other end."""
    case = pair(Cement(gap_share=0.5))
    result = delivered_cement(case, CONFIG)
    share = _told(_record(result).gaps[0].share)
    assert share.estimate == pytest.approx(0.5, abs=0.05)
    assert share.low <= 0.5 <= share.high
    (_, rest), = result.residual  # fmt: skip
    assert rest.volume_ml == pytest.approx(0.5 * gap_ml(), rel=0.3)
    places = rest.grid.to_lps(np.argwhere(rest.voxels)) @ case.late_from_early[:3, :3]
    assert places[:, 1].mean() > 2.0


def test_old_cement_is_not_counted() -> None:
    """Cement of both CTs cancels, and is told apart."""
    record = _record(delivered_cement(pair(Cement(), old=LOBE), CONFIG))
    assert _told(record.total_ml).estimate == 0.0
    assert record.old_cement_ml == pytest.approx(ball_ml(LOBE), rel=0.1)


def test_an_implant_that_moved_makes_no_cement() -> None:
    """Its metal shines where bone or gap was."""
    record = _record(delivered_cement(pair(Cement(), implant_shift_mm=3.0), CONFIG))
    assert _told(record.total_ml).estimate == pytest.approx(0.0, abs=0.02)
    assert record.leaks == ()


def test_a_leak_into_the_canal_left_by_the_breach_beside_it() -> None:
    """Its compartment, its distance, and what became of both predicted breaches."""
    breaches = (breach("b1", (0.0, 15.0, 1.0), "canal"), breach("b2", (-18.0, 0.0, 0.0), "cortical"))
    cement = Cement(ball_lps=(0.0, 18.0, 2.0), ball_mm=3.5)
    record = _record(delivered_cement(pair(cement, has_metal=False, breaches=breaches), CONFIG))
    (leak,) = record.leaks
    assert leak.compartment == "canal"
    assert leak.breach_id == "b1"
    assert leak.volume_ml.estimate == pytest.approx(ball_ml(cement), rel=0.05)
    assert leak.distance_mm == pytest.approx(6.5, abs=1.0)
    told = {one.breach_id: one.leaked_ml for one in record.predicted}
    assert told["b1"] == leak.volume_ml.estimate
    assert told["b2"] == 0.0


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_left_is_left(side: float) -> None:
    """Left is +x in LPS: a leak beside the bone stays on its side, and is none into the canal."""
    breaches = (breach("left", (18.0, 0.0, 0.0), "cortical"), breach("right", (-18.0, 0.0, 0.0), "cortical"))
    cement = Cement(ball_lps=(side * 19.0, 0.0, 0.0), ball_mm=3.5)
    record = _record(delivered_cement(pair(cement, has_metal=False, breaches=breaches), CONFIG))
    (leak,) = record.leaks
    assert leak.compartment == "cortical"
    assert leak.centroid_lps[0] * side > 15.0
    assert leak.breach_id == ("left" if side > 0 else "right")


def test_cement_under_the_surface_is_no_leak() -> None:
    """The partial voxels of its skin lie outside, and no more."""
    record = _record(delivered_cement(pair(Cement(ball_lps=(14.0, 0.0, 0.0)), has_metal=False), CONFIG))
    assert record.leaks == ()
    assert _told(record.trabecular_ml).estimate > 0.2


def test_a_gap_that_cannot_be_read_stays_unknown() -> None:
    """Never 0: and a total without it would be wrong, too."""
    result = delivered_cement(pair(Cement()), CONFIG.model_copy(update={"least_read_share": 0.95}))
    record = _record(result)
    assert record.gaps[0].share is None
    assert record.gaps[0].cement_ml is None
    assert record.gaps[0].residual_ml is None
    assert record.total_ml is None
    assert record.in_gaps_ml is None
    assert "gap-fill-unread" in [finding.code for finding in result.findings]


def test_two_cts_of_other_places_tell_nothing() -> None:
    """No record, and why."""
    result = delivered_cement(pair(LOBE, far=True), CONFIG)
    assert result.record is None
    assert [finding.code for finding in result.findings] == ["cement-not-compared"]


def test_an_implant_without_a_gap_widens_the_total() -> None:
    """Cement that metal hides is within the interval."""
    cement = Cement(ball_lps=(6.0, 0.0, 0.0))
    total = _told(_record(delivered_cement(pair(cement, has_gap=False), CONFIG)).total_ml)
    assert total.low <= ball_ml(cement) <= total.high
    assert total.high > 1.2 * ball_ml(cement)


def test_a_breach_that_metal_hides_is_not_read() -> None:
    """Nothing is said of what leaked there."""
    breaches = (breach("b1", (0.0, 0.0, 0.0), "cortical"),)
    record = _record(delivered_cement(pair(Cement(), breaches=breaches), CONFIG))
    assert record.predicted[0].leaked_ml is None


def test_without_a_bones_envelope_no_leak_is_told() -> None:
    """Nothing tells outside from inside: neither is 0."""
    case = pair(LOBE, has_metal=False, has_gap=False)
    none = Mask(case.early.grid, np.zeros(case.early.grid.shape, dtype=bool))
    anatomy = replace(case.early.anatomy, bone=none, bones=())
    record = _record(delivered_cement(replace(case, early=replace(case.early, anatomy=anatomy)), CONFIG))
    assert record.leaked_ml is None
    assert record.trabecular_ml is None
    assert _told(record.total_ml).estimate > 0.2
