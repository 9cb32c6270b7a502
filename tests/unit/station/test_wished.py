import pytest

from planner.config.needle_config import NeedleConfig
from planner.config.plan_config import PlanConfig
from planner.config.wishes_config import BallRegion, BoxRegion, LockedNeedle, WishedTarget, WishesConfig
from planner.station.wished import is_same_wished, with_wishes

BALL = BallRegion(centre_lps=(1.0, 2.0, 3.0), radius_mm=4.0)
BOX = BoxRegion(low_lps=(0.0, 0.0, 0.0), high_lps=(5.0, 6.0, 7.0))
TARGETS = tuple(WishedTarget(point_lps=(x, 0.0, 0.0), radius_mm=2.0) for x in (1.0, 2.0))
LOCKED = tuple(LockedNeedle(entry_lps=(x, 50.0, 0.0), target_lps=(x, 0.0, 0.0), needle="13G x 100") for x in (1.0, 2.0))
ALL = WishesConfig(targets=TARGETS, keep_out=(BOX, BALL), enter_through=(BALL, BOX), locked=LOCKED)


def test_regions_in_another_order_ask_the_same():
    assert is_same_wished(WishesConfig(), WishesConfig())
    assert is_same_wished(ALL, ALL.model_copy(update={"keep_out": (BALL, BOX), "enter_through": (BOX, BALL)}))


@pytest.mark.parametrize(
    "changed",
    [
        {"keep_out": (BOX,)},
        {"keep_out": (BOX, BALL, BALL)},
        {"keep_out": (BOX, BALL.model_copy(update={"radius_mm": 4.5}))},
        {"keep_out": (BOX,), "enter_through": (BALL, BOX, BALL)},
        {"enter_through": ()},
        {"targets": TARGETS[::-1]},
        {"targets": TARGETS[:1]},
        {"locked": LOCKED[::-1]},
        {"locked": ()},
    ],
)
def test_anything_else_does_not(changed):
    other = ALL.model_copy(update=changed)
    assert not is_same_wished(ALL, other) and not is_same_wished(other, ALL)


def test_settings_take_other_wishes_and_keep_all_else():
    other = PlanConfig(needles=NeedleConfig(canal_margin_mm=3.5))
    taken = with_wishes(other, ALL)
    assert taken.needles.wishes == ALL and taken.needles.canal_margin_mm == 3.5
    assert with_wishes(taken, WishesConfig()) == other != taken
