"""Findings of one kind are said once, those of another kind are not merged with them."""

import pytest

from planner.model.finding import Finding
from planner.model.implant import LooseningCriterion
from planner.report.said import broken, doubts, merged


def a_finding(name, text, *, measured=None, limit=0.5, **more):
    fields = {"code": "x", "severity": "caution", "limit": limit, "unit": "1", "implant_id": name} | more
    return Finding(message=f"{name}: {text}", measured=measured, where_lps=(1.0, 2.0, 3.0), **fields)


def test_one_sentence_for_what_differs_in_numbers_only():
    one, two = (a_finding(f"screw-{n}", f"{n}7% unreadable", measured=n / 10) for n in (2, 4))
    other = Finding(code="y", severity="info", message="slices are thick")
    said = merged([one, other, two])
    assert [s.message for s in said] == ["screw-2, screw-4: 27–47% unreadable", "slices are thick"]
    assert said[0].measured == (("screw-2", 0.2), ("screw-4", 0.4))
    assert (said[0].limit, said[0].where_lps, said[1].measured) == (0.5, None, ())


@pytest.mark.parametrize(
    "other",
    [
        a_finding("screw-2", "7% readable"), a_finding("screw-2", "7% unreadable", limit=0.4),
        a_finding("screw-2", "7% unreadable", severity="warning"), a_finding("screw-2", "7% unreadable", code="y"),
        a_finding("screw-2", "7% unreadable", implant_id=None), a_finding("screw-1", "8% unreadable"),
    ],
)  # fmt: skip
def test_what_differs_in_more_stays_apart(other):
    one = a_finding("screw-1", "7% unreadable")
    assert [s.message for s in merged([one, other])] == [one.message, other.message]


def test_a_name_inside_the_words_is_no_number():
    pair = [a_finding(f"head-{n}", f"3 mm off the centre of cup-{n}") for n in (1, 2)]
    assert [s.message for s in merged(pair)] == [f.message for f in pair]


def test_a_doubt_is_the_gaps_own():
    doubt = a_finding("gap-1", "not to be relied on: trust 3%", code="gap-not-reliable", gap_id="gap-1")
    assert doubts([doubt, a_finding("gap-2", "fine", gap_id="gap-2")]) == {"gap-1": "not to be relied on: trust 3%"}
    assert doubts([]) == {}


@pytest.mark.parametrize(
    ("name", "word"),
    [("broken, pieces apart by", "broken"), ("broken-off end, off its screw by", "broken-off end"), ("rim width", "")],
)
def test_what_is_broken_says_so(plan, name, word):
    row = LooseningCriterion(name=name, measured=1.0, limit=0.0, unit="mm")
    assert broken(plan.implants[0].model_copy(update={"loosening_criteria": (row,)})) == word
