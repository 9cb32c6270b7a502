"""Kits of cement: whole ones, and none made up."""

import pytest

from planner.report.kits import kits_of
from tests.unit.report.test_sheet import KIT_ML, procedure


@pytest.mark.parametrize(
    ("cement_ml", "in_needles_ml", "kits", "least"),
    [(1.6, 0.4, 1, False), (19.9, 0.1, 1, False), (19.9, 0.2, 2, False), (39.0, None, 2, True), (0.0, 0.0, 1, False)],
)
def test_kits_are_whole_and_rounded_up(cement_ml, in_needles_ml, kits, least):
    told = procedure(cement_ml=cement_ml, in_needles_ml=in_needles_ml)
    assert kits_of(told, kit_ml=KIT_ML) == (kits, least)


def test_kits_stay_unknown_where_the_cement_is():
    assert kits_of(None, kit_ml=KIT_ML) == (None, False)
    assert kits_of(procedure(cement_ml=None), kit_ml=KIT_ML) == (None, False)
