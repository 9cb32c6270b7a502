"""Needles by their names, and what is said of half a name."""

import pytest

from planner.errors import UsageError
from planner.needles.catalogue import needle_named


@pytest.mark.parametrize(("name", "meant"), [("15", "15G"), ("13 gauge", "13G"), ("3.2", "hip 3.2")])
def test_half_a_name_is_answered_with_the_whole(name, meant):
    with pytest.raises(UsageError, match=f"did you mean {meant}"):
        needle_named(name)


def test_a_strange_name_is_not():
    with pytest.raises(UsageError, match="known: 10G") as refused:
        needle_named("22G")
    assert "mean" not in str(refused.value)
