"""What a plan says of locked needles, by their number."""

from types import SimpleNamespace

from planner.model.finding import Finding
from planner.needles.wished.locked import LockedWay
from planner.pipeline.locked_needles import of_locked
from planner.report.locked_words import locked_findings, locked_name


def test_each_needle_has_what_was_said_of_it_first_and_no_other_word():
    told = (LockedWay(None, ("the target lies outside the picture",), None),) * 2
    other = Finding(code="thin-wall", severity="warning", message="locked needle 2: not about the lock")
    again = Finding(code="locked-needle-unsafe", severity="warning", message=f"{locked_name(1)} to gap-1: stays")
    beyond = Finding(code="locked-needle-unsafe", severity="warning", message=f"{locked_name(12)} to gap-1: stays")
    first, second = of_locked(told)
    plan = SimpleNamespace(findings=(other, first, again, beyond))
    assert locked_findings(plan) == {1: first.message, 12: beyond.message}
    assert locked_findings(SimpleNamespace(findings=(second,))) == {2: second.message}


def test_of_needles_without_findings_nothing_is_said():
    assert locked_findings(SimpleNamespace(findings=())) == {}
