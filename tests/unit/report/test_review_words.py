import pytest

from planner.model.plan import Review
from planner.report.review_words import moment, review_line, review_note, review_words

APPROVED = Review(state="approved", by="A. Surgeon", at="2026-11-22T10:05:30+01:00")


@pytest.mark.parametrize(
    ("review", "words"),
    [
        (Review(), "UNREVIEWED PLAN: no person has checked it"),
        (Review(state="edited"), "EDITED PLAN, NOT APPROVED"),
        (APPROVED, "Plan approved by A. Surgeon, 2026-11-22 10:05 UTC+01:00"),
        (Review(state="approved"), "Plan approved by a person who gave no name"),
    ],
)
def test_what_every_view_says(review, words):
    assert review_words(review) == words


def test_a_picture_says_nothing_of_an_approved_plan_only():
    assert review_note(APPROVED) is None
    assert review_note(Review()) == "UNREVIEWED PLAN"
    assert review_note(Review(state="edited")) == "EDITED PLAN, NOT APPROVED"


@pytest.mark.parametrize("review", [Review(), Review(state="edited"), APPROVED])
def test_the_line_for_files_fits_dicom_and_names_nobody(review):
    assert len(review_line(review)) <= 64
    assert "Surgeon" not in review_line(review)


@pytest.mark.parametrize(
    ("iso", "words"),
    [
        ("2026-11-22T10:05:30+00:00", "2026-11-22 10:05 UTC"),
        ("2026-11-22T10:05:30-05:30", "2026-11-22 10:05 UTC-05:30"),
        ("2026-11-22T10:05:30", "2026-11-22 10:05"),
        ("2026-11-22", "2026-11-22"),
        ("yesterday", "yesterday"),
    ],
)
def test_times_are_written_as_people_do(iso, words):
    assert moment(iso) == words
