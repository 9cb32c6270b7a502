"""One's own needle in words."""

from planner.report.check_words import judged_in_words
from tests.unit.report.needle_plans import told_needle


def test_a_safe_needle_is_told_with_its_figures(plan):
    way = told_needle(plan.trajectories[0], cautions=())
    text = judged_in_words(way, (), off_target_mm=0.0, gap_id="gap-1")
    assert text.startswith("keeps every hard limit (15G, 1.83 mm x 150 mm)") and "breaks" not in text
    for words in (
        "the tip lies in gap-1", "clear of implant or cement: 0.7 mm; 2 mm and 2 degrees off: -1.1 mm: would meet it",
        "clear of other bones: 1.4 mm", "nearest: screw-1 0.7 mm (18 mm before the target)", "83 mm from the skin",
        "grade B", "at the console -20.0, 4.0",
    ):  # fmt: skip
        assert words in text
    assert "\u202f" not in text and "−" not in text


def test_an_unsafe_needle_names_what_it_breaks_and_what_was_not_measured(plan):
    broken = ("metal: 0.2 mm free, 0.5 wanted", "too long")
    text = judged_in_words(plan.trajectories[0], broken, off_target_mm=4.2, gap_id="gap-1")
    assert text.startswith("breaks hard limits") and "\n  too long\n" in text
    assert "\n  implant or cement: 0.2 mm free, 0.5 wanted\n" in text
    assert "4.2 mm from gap-1" in text and "clear of tissue out of bounds: not measured" in text
    assert "skin: outside the scan" in text and "depth: not measured from the skin" in text


def test_without_a_gap_none_is_named(plan):
    assert "no gap was found" in judged_in_words(plan.trajectories[0], (), off_target_mm=None, gap_id=None)
